/* The application: it knows polyrtc, and no event loop.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "echo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <polyrtc/driver.h>
#include <polyrtc/polyrtc.h>

#include "examples/c/description.h"

static prtc_driver *driver;
static unsigned peers; /* that are there */
static char input[DESCRIPTION_LINE]; /* the longest line, too */
static size_t input_size;
static int input_ended;

static void take_offer(char *line) {
  prtc_time now = prtc_driver_now(driver);
  prtc_peer_config config;
  prtc_peer *peer = NULL;
  PRTC_INIT(&config);
  config.use_loopback = 1; /* the other side may be on this machine */
  int code = prtc_peer_new(prtc_driver_endpoint(driver), now, &config, &peer);
  if (code < 0) fprintf(stderr, "no peer: %s\n", prtc_strerror(code));
  if (code < 0 || description_take(peer, now, line, 0) < 0) {
    prtc_peer_free(peer);
  } else {
    peers++;
  }
}

/* -------------------------------------------------------------------------------------------------------- what happens */

static void handle(const prtc_event *event) {
  prtc_peer *peer = prtc_endpoint_peer(prtc_driver_endpoint(driver), event->peer);
  prtc_time now = prtc_driver_now(driver);
  int code = 0;
  if (peer == NULL && event->peer != 0) return; /* it was freed when an event before this one was handled */
  switch (event->type) {
    case PRTC_EVENT_ENDPOINT_FAILED:
      fprintf(stderr, "the endpoint failed: %s\n", prtc_strerror(event->code));
      peers = 0, input_ended = 1;
      break;
    case PRTC_EVENT_ICE_GATHERING_STATE_CHANGE: /* without trickle: the answer has all candidates in it */
      if (event->state == PRTC_ICE_GATHERING_COMPLETE) description_print(peer);
      break;
    case PRTC_EVENT_CHANNEL_MESSAGE:
      code = prtc_peer_send(peer, now, event->object, (prtc_message_kind)event->kind, event->data, event->size);
      if (code < 0) fprintf(stderr, "not sent back: %s\n", prtc_strerror(code));
      break;
    case PRTC_EVENT_SCTP_TRANSPORT_STATE_CHANGE: /* the other side has gone */
      if (event->state == PRTC_SCTP_TRANSPORT_CLOSED) prtc_peer_close(peer, now);
      break;
    case PRTC_EVENT_CONNECTION_STATE_CHANGE:
      if (event->state != PRTC_CONNECTION_CLOSED && event->state != PRTC_CONNECTION_FAILED) break;
      prtc_peer_free(peer); /* also while its events are handled: there is nothing that would notice */
      peers--;
      break;
    default:
      break;
  }
}

/* Commands queue, and are carried out by the flush; events lead to the next commands. */
static void settle(void) {
  prtc_event events[16];
  int count;
  do {
    prtc_driver_flush(driver);
    count = prtc_endpoint_event(prtc_driver_endpoint(driver), events, 16);
    for (int i = 0; i < count; i++) handle(&events[i]);
  } while (count > 0);
}

/* -------------------------------------------------------------------------------------------------- from the event loop */

int echo_open(void) {
  driver = prtc_driver_new(NULL);
  if (driver == NULL) perror("the driver");
  return driver == NULL ? -1 : prtc_driver_descriptor(driver);
}

void echo_process(void) {
  prtc_driver_process(driver);
  settle();
}

int echo_input(void) {
  if (input_size == sizeof input) input_size = 0; /* a line that is too long is left out */
  ssize_t got = read(STDIN_FILENO, input + input_size, sizeof input - input_size);
  if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) input_ended = 1;
  if (got > 0) input_size += (size_t)got;
  for (char *end; (end = memchr(input, '\n', input_size)) != NULL;) {
    *end = '\0';
    take_offer(input);
    input_size -= (size_t)(end + 1 - input);
    memmove(input, end + 1, input_size);
  }
  settle();
  return !input_ended;
}

int echo_over(void) { return input_ended && peers == 0; }

void echo_close(void) { prtc_driver_free(driver); }
