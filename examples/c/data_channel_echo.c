/* Two programs connected by a data channel: what one sends, the other sends back. They find each other by copy and paste.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Standard input and output carry lines of text. One loop for all: poll(2) waits for the user and for the driver.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <polyrtc/driver.h>
#include <polyrtc/polyrtc.h>

#include "description.h"

#define USAGE                                                                                                             \
  "usage: data_channel_echo offer | answer\n"                                                                             \
  "\n"                                                                                                                    \
  "Start one with `answer` and one with `offer`, in two terminals or on two machines. Copy the line that\n"               \
  "`offer` prints to the other one, and the line that this prints back. Then each line that you type at\n"                \
  "`offer` goes to the other side and comes back. The end of the input (Ctrl-D) ends both.\n"                             \
  "\n"                                                                                                                    \
  "The lines are the JSON of a browser's RTCSessionDescription: a page can be the other side.\n"

#define WATCHES 16

static prtc_driver *driver;
static prtc_peer *peer;
static prtc_channel_id channel; /* 0: not open */
static int offers;              /* this is the side that offers, and that asks for the echo */
static int described;           /* the other side's description is set */
static unsigned waiting;        /* echoes that have not come yet */
static int input_ended, closing, closed;

static void say(const char *text) { fprintf(stderr, "%s\n", text); }

/* -------------------------------------------------------------------------------------------------------- what happens */

static void send_line(const char *line, size_t size) {
  int code = prtc_peer_send(peer, prtc_driver_now(driver), channel, PRTC_MESSAGE_TEXT, (const uint8_t *)line, size);
  if (code < 0) {
    fprintf(stderr, "not sent: %s\n", prtc_strerror(code));
  } else {
    waiting++;
  }
}

static void close_peer(void) {
  if (!closing) prtc_peer_close(peer, prtc_driver_now(driver));
  closing = 1;
}

/* Without trickle: a description is complete, and printed, when all candidates are known. */
static void handle(const prtc_event *event) {
  prtc_message_kind kind = (prtc_message_kind)event->kind;
  switch (event->type) {
    case PRTC_EVENT_ICE_GATHERING_STATE_CHANGE:
      if (event->state != PRTC_ICE_GATHERING_COMPLETE) break;
      say(offers ? "copy this to the other side, and its answer here:" : "copy this to the other side:");
      description_print(peer);
      break;
    case PRTC_EVENT_CHANNEL_OPEN:
      channel = event->object;
      say("connected");
      break;
    case PRTC_EVENT_CHANNEL_MESSAGE:
      if (offers) {
        if (waiting > 0) waiting--;
        printf("%.*s\n", (int)event->size, (const char *)event->data);
        fflush(stdout);
      } else {
        prtc_peer_send(peer, prtc_driver_now(driver), event->object, kind, event->data, event->size);
      }
      break;
    case PRTC_EVENT_CHANNEL_CLOSED:
      if (event->object == channel) close_peer();
      break;
    case PRTC_EVENT_FAILED:
      fprintf(stderr, "failed: %s\n", event->text);
      close_peer();
      break;
    case PRTC_EVENT_CONNECTION_STATE_CHANGE:
      if (event->state == PRTC_CONNECTION_CLOSED) closed = 1;
      break;
    default:
      break;
  }
}

/* Commands queue, and are carried out here; events lead to the next commands. */
static int settle(void) {
  prtc_event events[16];
  for (int count = 1; count > 0;) {
    int code = prtc_driver_flush(driver);
    if (code < 0) return code;
    count = prtc_endpoint_event(prtc_driver_endpoint(driver), events, 16);
    for (int i = 0; i < count; i++) handle(&events[i]);
  }
  return 0;
}

/* Lines are used when they can be: a description at first, then, on the side that offers, what is to be sent. */
static int wants_lines(void) { return !described || (offers && channel != 0); }

static char input[DESCRIPTION_LINE]; /* the longest line, too */
static size_t input_size;

static void use_lines(void) {
  char *end;
  while (wants_lines() && (end = memchr(input, '\n', input_size)) != NULL) {
    size_t length = (size_t)(end - input);
    *end = '\0';
    if (described) {
      send_line(input, length);
    } else {
      described = description_take(peer, prtc_driver_now(driver), input, offers) >= 0;
    }
    input_size -= length + 1;
    memmove(input, end + 1, input_size);
  }
}

static void read_input(void) {
  if (input_size == sizeof input) input_size = 0; /* a line that is too long is left out */
  ssize_t got = read(STDIN_FILENO, input + input_size, sizeof input - input_size);
  if (got > 0) input_size += (size_t)got;
  if (got == 0 || (got < 0 && errno != EINTR)) input_ended = 1;
}

static int wait_and_process(void) {
  struct pollfd polled[WATCHES + 1] = {{.fd = wants_lines() && !input_ended ? STDIN_FILENO : -1, .events = POLLIN}};
  prtc_watch watches[WATCHES];
  int count = prtc_driver_watches(driver, watches, WATCHES);
  for (int i = 0; i < count && i < WATCHES; i++) {
    polled[i + 1].fd = watches[i].descriptor;
    polled[i + 1].events = (short)((watches[i].input ? POLLIN : 0) | (watches[i].output ? POLLOUT : 0));
  }
  prtc_time now = prtc_driver_now(driver), deadline = prtc_driver_deadline(driver);
  int timeout = deadline == PRTC_NEVER ? -1 : deadline <= now ? 0 : (int)((deadline - now) / 1000 + 1);
  poll(polled, (nfds_t)(count < WATCHES ? count : WATCHES) + 1, timeout);
  if (polled[0].revents != 0) read_input();
  return prtc_driver_process(driver);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--help") == 0) {
    fputs(USAGE, stdout);
    return 0;
  }
  offers = argc == 2 && strcmp(argv[1], "offer") == 0;
  if (argc != 2 || (!offers && strcmp(argv[1], "answer") != 0)) {
    fputs(USAGE, stderr);
    return 2;
  }
  prtc_peer_config config;
  prtc_channel_config echo;
  prtc_channel_id id;
  PRTC_INIT(&config);
  PRTC_INIT(&echo);
  config.use_loopback = 1; /* the other side may be on this machine */
  echo.label = "echo", echo.label_size = 4, echo.stream_id = PRTC_STREAM_NONE;
  driver = prtc_driver_new(NULL);
  if (driver == NULL) {
    perror("data_channel_echo");
    return 1;
  }
  prtc_time now = prtc_driver_now(driver);
  int code = prtc_peer_new(prtc_driver_endpoint(driver), now, &config, &peer);
  if (code == 0 && offers) code = prtc_peer_create_data_channel(peer, now, &echo, &id);
  if (code == 0 && offers) code = prtc_peer_set_local_description(peer, now, PRTC_SDP_OFFER, NULL, 0);
  if (!offers) say("paste the line of the other side:");
  while (code == 0 && !closed) {
    use_lines();
    if (input_ended && wants_lines() && waiting == 0) close_peer();
    code = settle();
    if (code == 0 && !closed) code = wait_and_process();
  }
  prtc_driver_free(driver);
  if (code < 0) fprintf(stderr, "data_channel_echo: %s\n", prtc_strerror(code));
  return code < 0;
}
