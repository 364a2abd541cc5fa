/* SPDX-License-Identifier: BSD-3-Clause */
#include "tool.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WATCHES 64

prtc_driver *driver;
static int ending, status, input_ended;
static char input[TOOL_LINE];
static size_t input_size;

prtc_time now(void) { return prtc_driver_now(driver); }

/* ------------------------------------------------------------------------------------------------------------ arguments */

void tool_bad_usage(void) {
  fputs(tool.usage, stderr);
  exit(2);
}

void tool_arguments(int argc, char **argv, int (*option)(char **argument, int left)) {
  for (int i = 1; i < argc;) {
    if (strcmp(argv[i], "--help") == 0) {
      fputs(tool.usage, stdout);
      exit(0);
    }
    int taken = option == NULL ? 0 : option(argv + i, argc - i);
    if (taken == 0) tool_bad_usage();
    i += taken;
  }
}

int tool_number(const char *text, long least, long most, long *out) {
  char *end;
  errno = 0;
  long number = strtol(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || number < least || number > most) return 0;
  *out = number;
  return 1;
}

void tool_check(int code, const char *what) {
  if (code >= 0) return;
  fprintf(stderr, "%s: %s: %s\n", tool.name, what, prtc_strerror(code));
  exit(1);
}

/* ---------------------------------------------------------------------------------------------------------------- sides */

void tool_begin(int side_count, const prtc_peer_config *given, int portable) {
  prtc_driver_config config;
  prtc_peer_config peer;
  PRTC_INIT(&config);
  PRTC_INIT(&peer);
  if (given != NULL) peer = *given;
  config.portable = (uint32_t)portable;
  driver = prtc_driver_new(&config);
  if (driver == NULL) {
    perror(tool.name);
    exit(1);
  }
  tool.side_count = side_count;
  for (int i = 0; i < side_count; i++) {
    tool_check(prtc_peer_new(prtc_driver_endpoint(driver), now(), &peer, &tool.sides[i].peer), "a peer");
  }
}

static int role(char **argument, int left) {
  tool.sides[0].controlling = strcmp(argument[0], "offer") == 0;
  return left == 1 && (tool.sides[0].controlling || strcmp(argument[0], "answer") == 0);
}

void tool_begin_as(int argc, char **argv) {
  prtc_peer_config config;
  PRTC_INIT(&config);
  config.use_loopback = 1; /* the other side may be on this machine */
  if (argc < 2) tool_bad_usage();
  tool_arguments(argc, argv, role);
  tool_begin(1, &config, 0);
}

const char *tool_parameters(const struct side *side) {
  static char text[TOOL_LINE];
  tool_check(prtc_peer_get_parameters(side->peer, text, sizeof text), "parameters");
  return text;
}

int tool_start(struct side *side, const char *parameters, int stages) {
  size_t size = strlen(parameters);
  int code = prtc_peer_start_ice(side->peer, now(), parameters, size, side->controlling);
  if (code >= 0 && stages >= 2) code = prtc_peer_start_dtls(side->peer, now(), parameters, size);
  if (code >= 0 && stages >= 3) code = prtc_peer_start_sctp(side->peer, now(), parameters, size);
  if (code < 0) fprintf(stderr, "these are no parameters of the other side: %s\n", prtc_peer_error_message(side->peer));
  return code;
}

int tool_is_gathered(void) {
  return tool.sides[0].gathering == PRTC_ICE_GATHERING_COMPLETE && tool.sides[1].gathering == PRTC_ICE_GATHERING_COMPLETE;
}

int tool_start_both(int stages) {
  for (int i = 0; i < 2; i++) {
    if (tool_start(&tool.sides[i], tool_parameters(&tool.sides[1 - i]), stages) < 0) tool_end(1);
  }
  return 1;
}

void tool_channel(struct side *side, const char *label) {
  prtc_channel_config config;
  prtc_channel_id id;
  PRTC_INIT(&config);
  config.label = label, config.label_size = strlen(label), config.stream_id = PRTC_STREAM_NONE;
  tool_check(prtc_peer_create_data_channel(side->peer, now(), &config, &id), "a channel");
}

/* --------------------------------------------------------------------------------------------------------------- events */

static const char *const gathering[] = {"new", "gathering", "complete"};
static const char *const ice[] = {"new", "checking", "connected", "completed", "disconnected", "failed", "closed"};
static const char *const dtls[] = {"new", "connecting", "connected", "closed", "failed"};
static const char *const sctp[] = {"connecting", "connected", "closed"};

static void note(struct side *side, const char *what, uint32_t *state, uint32_t value, const char *const *names) {
  *state = value;
  if (!tool.quiet) fprintf(stderr, "%s%s%s: %s\n", side->name, side->name[0] == '\0' ? "" : " ", what, names[value]);
}

static void handle(const prtc_event *event) {
  struct side *side = tool.sides;
  if (event->type == PRTC_EVENT_ENDPOINT_FAILED) tool_check(event->code, "the endpoint");
  while (side < tool.sides + tool.side_count && prtc_peer_get_id(side->peer) != event->peer) side++;
  if (side == tool.sides + tool.side_count) return;
  switch (event->type) {
    case PRTC_EVENT_ICE_GATHERING_STATE_CHANGE: note(side, "gathering", &side->gathering, event->state, gathering); break;
    case PRTC_EVENT_ICE_TRANSPORT_STATE_CHANGE: note(side, "ICE", &side->ice, event->state, ice); break;
    case PRTC_EVENT_DTLS_TRANSPORT_STATE_CHANGE: note(side, "DTLS", &side->dtls, event->state, dtls); break;
    case PRTC_EVENT_SCTP_TRANSPORT_STATE_CHANGE: note(side, "SCTP", &side->sctp, event->state, sctp); break;
    case PRTC_EVENT_CHANNEL_OPEN: side->channel = event->object; break;
    case PRTC_EVENT_CHANNEL_CLOSED:
      if (side->channel == event->object) side->channel = 0;
      break;
    case PRTC_EVENT_CONNECTION_STATE_CHANGE: side->closed = event->state == PRTC_CONNECTION_CLOSED; break;
    case PRTC_EVENT_FAILED:
      fprintf(stderr, "%s: failed: %s\n", tool.name, event->text);
      tool_end(1);
      break;
    default: break;
  }
  if (tool.event != NULL) tool.event(side, event);
}

/* Commands queue, and are carried out here; events lead to the next commands. */
static void settle(void) {
  prtc_event events[16];
  for (int count = 1; count > 0;) {
    tool_check(prtc_driver_flush(driver), "the driver");
    count = prtc_endpoint_event(prtc_driver_endpoint(driver), events, 16);
    for (int i = 0; i < count; i++) handle(&events[i]);
  }
}

/* ---------------------------------------------------------------------------------------------------------------- lines */

static void use_lines(void) {
  char *end;
  while (tool.line != NULL && !ending && (end = memchr(input, '\n', input_size)) != NULL) {
    size_t size = (size_t)(end - input) + 1;
    *end = '\0';
    tool.line(input);
    input_size -= size;
    memmove(input, input + size, input_size);
  }
}

static void read_input(void) {
  if (input_size == sizeof input) input_size = 0; /* a line that is too long is left out */
  ssize_t got = read(STDIN_FILENO, input + input_size, sizeof input - input_size);
  if (got > 0) input_size += (size_t)got;
  if (got > 0 || (got < 0 && errno == EINTR)) return;
  input_ended = 1;
  use_lines();
  if (tool.line_end != NULL) tool.line_end();
}

/* ----------------------------------------------------------------------------------------------------------------- loop */

void tool_end(int code) {
  if (ending) return;
  ending = 1;
  status = code;
  for (int i = 0; i < tool.side_count; i++) prtc_peer_close(tool.sides[i].peer, now());
}

static void wait_and_process(void) {
  struct pollfd polled[WATCHES + 2] = {
      {.fd = tool.line != NULL && !input_ended && !ending ? STDIN_FILENO : -1, .events = POLLIN},
      {.fd = tool.readable != NULL && !ending ? tool.descriptor : -1, .events = POLLIN},
  };
  prtc_watch watches[WATCHES];
  int count = prtc_driver_watches(driver, watches, WATCHES);
  if (count > WATCHES) count = WATCHES;
  for (int i = 0; i < count; i++) {
    polled[i + 2].fd = watches[i].descriptor;
    polled[i + 2].events = (short)((watches[i].input ? POLLIN : 0) | (watches[i].output ? POLLOUT : 0));
  }
  prtc_time deadline = prtc_driver_deadline(driver), time = now();
  int timeout = deadline == PRTC_NEVER ? -1 : deadline <= time ? 0 : (int)((deadline - time) / 1000 + 1);
  poll(polled, (nfds_t)count + 2, timeout);
  tool_check(prtc_driver_process(driver), "the driver");
  if (polled[0].revents != 0) read_input();
  if (polled[1].revents != 0) tool.readable();
}

int tool_run(void) {
  for (;;) {
    use_lines();
    settle();
    int open = 0;
    for (int i = 0; i < tool.side_count; i++) open += !tool.sides[i].closed;
    if (ending && open == 0) break;
    wait_and_process();
  }
  prtc_driver_free(driver);
  return status;
}
