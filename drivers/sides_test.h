/* Two drivers with a peer each, and the loop of an application that has both: for the drivers' tests.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_DRIVERS_SIDES_TEST_H
#define PRTC_DRIVERS_SIDES_TEST_H

#include <poll.h>
#include <stdbool.h>

#include <polyrtc/driver.h>
#include <polyrtc/polyrtc.h>

#include "core/base/testing.h"

#define MESSAGES 10000
#define PATIENCE_MS 20000 /* a hang ends in a failure; no check depends on how long anything takes */

static uint32_t portable; /* of prtc_driver_config, and for what peers are made with: */
static uint32_t tcp_candidates;
static bool udp_is_blocked; /* no UDP candidate reaches the other side */

struct side {
  prtc_driver *driver;
  prtc_endpoint *endpoint;
  prtc_peer *peer;
  prtc_channel_id channel; /* open, else 0 */
  bool channel_closed;
  uint32_t state;          /* prtc_connection_state */
  uint32_t gathering;      /* prtc_ice_gathering_state */
  uint16_t port;           /* of its first candidate */
  size_t sent, received;
  bool in_order;
  char failure[256];
};

static inline void open_side(struct side *side, const prtc_driver_config *driver_config, const char *stun_server) {
  prtc_peer_config config;
  const prtc_ice_server server = {.url = stun_server};
  prtc_driver_config complete;
  memset(side, 0, sizeof *side);
  side->in_order = true;
  PRTC_INIT(&complete);
  if (driver_config != NULL) complete = *driver_config;
  complete.portable = portable;
  side->driver = prtc_driver_new(&complete);
  PRTC_REQUIRE(side->driver != NULL);
  side->endpoint = prtc_driver_endpoint(side->driver);
  PRTC_INIT(&config);
  config.use_loopback = 1;
  config.tcp_candidates = tcp_candidates;
  config.ice_servers = &server;
  config.ice_server_count = stun_server == NULL ? 0 : 1;
  PRTC_REQUIRE(prtc_peer_new(side->endpoint, prtc_driver_now(side->driver), &config, &side->peer) == 0);
}

/* One event of `side`; candidates go straight to the other one. */
static inline void handle(struct side *side, struct side *other, const prtc_event *event) {
  uint32_t number;
  switch (event->type) {
    case PRTC_EVENT_ICE_CANDIDATE:
      if (event->text == NULL || other->driver == NULL) break;
      if (udp_is_blocked && strstr(event->text, " udp ") != NULL) break;
      if (side->port == 0) sscanf(event->text, "candidate:%*s 1 %*s %*u 127.0.0.1 %hu", &side->port);
      PRTC_CHECK_INT(prtc_peer_add_ice_candidate(other->peer, prtc_driver_now(other->driver), event->text, event->mid,
                                                 (int)event->index, event->ufrag),
                     0);
      break;
    case PRTC_EVENT_CONNECTION_STATE_CHANGE:
      side->state = event->state;
      break;
    case PRTC_EVENT_ICE_GATHERING_STATE_CHANGE:
      side->gathering = event->state;
      break;
    case PRTC_EVENT_FAILED:
      snprintf(side->failure, sizeof side->failure, "%s", event->text);
      break;
    case PRTC_EVENT_DATA_CHANNEL:
    case PRTC_EVENT_CHANNEL_OPEN:
      side->channel = event->object;
      break;
    case PRTC_EVENT_CHANNEL_CLOSED:
      side->channel_closed = true;
      break;
    case PRTC_EVENT_CHANNEL_MESSAGE:
      if (event->size < sizeof number) break;
      memcpy(&number, event->data, sizeof number);
      if (number != side->received++) side->in_order = false;
      break;
    default:
      break;
  }
}

/* Commands queue, events come, until both sides have nothing to do at the moment. */
static inline void settle(struct side *a, struct side *b) {
  struct side *sides[2] = {a, b};
  prtc_event events[32];
  for (bool active = true; active;) {
    active = false;
    for (int i = 0; i < 2; i++) {
      if (sides[i]->driver == NULL) continue;
      PRTC_CHECK_INT(prtc_driver_flush(sides[i]->driver), 0);
      int count = prtc_endpoint_event(sides[i]->endpoint, events, 32);
      for (int k = 0; k < count; k++) handle(sides[i], sides[1 - i], &events[k]);
      if (count > 0) active = true;
    }
  }
}

#define WATCHES 64

/* Adds the watches of the driver; returns how many there are now. */
static inline size_t watch(const struct side *side, struct pollfd *watched, size_t count) {
  prtc_watch watches[WATCHES];
  if (side->driver == NULL) return count;
  int more = prtc_driver_watches(side->driver, watches, WATCHES);
  PRTC_REQUIRE(more >= 0 && count + (size_t)more <= WATCHES);
  for (int i = 0; i < more; i++) {
    short events = (short)((watches[i].input != 0 ? POLLIN : 0) | (watches[i].output != 0 ? POLLOUT : 0));
    watched[count++] = (struct pollfd){.fd = watches[i].descriptor, .events = events};
  }
  return count;
}

/* Milliseconds until the first deadline of the two, at most 1,000 */
static inline int patience(const struct side *a, const struct side *b) {
  prtc_time now = prtc_driver_now(NULL), end = now + 1000000;
  if (a->driver != NULL && prtc_driver_deadline(a->driver) < end) end = prtc_driver_deadline(a->driver);
  if (b->driver != NULL && prtc_driver_deadline(b->driver) < end) end = prtc_driver_deadline(b->driver);
  return end <= now ? 0 : (int)((end - now + 999) / 1000);
}

static inline bool is_due(const struct side *side, const struct pollfd *watched, size_t count) {
  if (side->driver == NULL) return false;
  for (size_t i = 0; i < count; i++) {
    if (watched[i].revents != 0) return true;
  }
  return prtc_driver_now(NULL) >= prtc_driver_deadline(side->driver);
}

/* The loop of an application with two drivers, until `done` or the patience ends. */
static inline bool run(struct side *a, struct side *b, bool (*done)(const struct side *a, const struct side *b)) {
  prtc_time end = prtc_driver_now(NULL) + PATIENCE_MS * 1000u;
  for (;;) {
    settle(a, b);
    if (done(a, b)) return true;
    if (prtc_driver_now(NULL) > end) return false;
    struct pollfd watched[WATCHES];
    size_t of_a = watch(a, watched, 0), of_both = watch(b, watched, of_a);
    poll(watched, of_both, patience(a, b));
    if (is_due(a, watched, of_a)) PRTC_CHECK_INT(prtc_driver_process(a->driver), 0);
    if (is_due(b, watched + of_a, of_both - of_a)) PRTC_CHECK_INT(prtc_driver_process(b->driver), 0);
  }
}

static inline void describe(struct side *from, struct side *to, prtc_sdp_type type) {
  char sdp[16384];
  prtc_sdp_type written;
  PRTC_REQUIRE(prtc_peer_set_local_description(from->peer, prtc_driver_now(from->driver), type, NULL, 0) == 0);
  int size = prtc_peer_get_description(from->peer, PRTC_DESCRIPTION_LOCAL, &written, sdp, sizeof sdp);
  PRTC_REQUIRE(size > 0 && written == type);
  PRTC_REQUIRE(prtc_peer_set_remote_description(to->peer, prtc_driver_now(to->driver), type, sdp, (size_t)size) == 0);
}

/* With a channel on each side (which may be there before a pair is nominated). */
static inline bool is_open(const struct side *a, const struct side *b) {
  return a->channel != 0 && b->channel != 0 && a->state == PRTC_CONNECTION_CONNECTED &&
         b->state == PRTC_CONNECTION_CONNECTED;
}

static inline void create_channel(struct side *side) {
  prtc_channel_config config;
  prtc_channel_id channel;
  PRTC_INIT(&config);
  config.label = "numbers";
  config.label_size = 7;
  config.stream_id = PRTC_STREAM_NONE;
  PRTC_REQUIRE(prtc_peer_create_data_channel(side->peer, prtc_driver_now(side->driver), &config, &channel) == 0);
}

/* Two drivers, connected, with an open channel on each side. */
static inline void connect_with(struct side *a, struct side *b, const prtc_driver_config *driver_config) {
  open_side(a, driver_config, NULL);
  open_side(b, driver_config, NULL);
  create_channel(a);
  describe(a, b, PRTC_SDP_OFFER);
  describe(b, a, PRTC_SDP_ANSWER);
  PRTC_REQUIRE(run(a, b, is_open));
}

static inline void connect_sides(struct side *a, struct side *b) { connect_with(a, b, NULL); }

static inline void free_sides(struct side *a, struct side *b) {
  prtc_driver_free(a->driver);
  prtc_driver_free(b->driver);
}

static inline bool has_all(const struct side *a, const struct side *b) { return a->received + b->received >= 2 * MESSAGES; }

static inline void send_numbers(struct side *side) {
  for (uint32_t i = 0; i < MESSAGES; i++) {
    PRTC_CHECK_INT(prtc_peer_send(side->peer, prtc_driver_now(side->driver), side->channel, PRTC_MESSAGE_BINARY,
                                  (const uint8_t *)&i, sizeof i),
                   0);
  }
}

#endif
