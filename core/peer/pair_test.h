/* Two peers, driven as an endpoint would, over a wire without delay or loss, for the peer's tests.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_PEER_PAIR_TEST_H
#define PRTC_PEER_PAIR_TEST_H

#include <stdbool.h>

#include <polyrtc/polyrtc.h>

#include "core/base/testing.h"

#include "core/base/context.h"
#include "core/peer/internal.h"

enum { LOG_SIZE = 256, SDP_ROOM = 65536 };

/* An event as it was fetched, with copies of its texts. */
struct fetched {
  uint32_t type, state, index;
  int32_t code;
  uint64_t object;
  bool has_text, has_mid;
  char text[512], mid[32], ufrag[32];
  prtc_peer_states states; /* as prtc_peer_get_states answered right after */
};

struct side {
  prtc_context *context;
  prtc_certificate *certificate;
  prtc_peer *peer;
  uint8_t ip;
  bool removed;
  int fatal; /* what has ended its endpoint */
  uint16_t ice_role; /* the attribute of its first check: 0x802A controlling, 0x8029 controlled (RFC 8445 section 16.1) */
  unsigned asked[256]; /* datagrams to 198.51.100.x, where STUN servers would be */
  int resolved;        /* names that were to be */
  struct fetched log[LOG_SIZE];
  size_t count;
};

struct pair {
  prtc_time now;
  struct side a, b;
  bool trickle; /* hand candidates over as they come */
};

static inline void host_wake(prtc_endpoint *endpoint, prtc_peer *peer) { (void)endpoint, (void)peer; }
static inline prtc_certificate *host_certificate(prtc_endpoint *endpoint) {
  struct side *side = (struct side *)(void *)endpoint;
  if (side->certificate == NULL) side->certificate = prtc_certificate_new(side->context, 0);
  return side->certificate;
}
static inline int host_read_certificate(prtc_endpoint *endpoint, const char *pem, prtc_certificate **out) {
  return prtc_certificate_parse(((struct side *)(void *)endpoint)->context, pem, strlen(pem), out);
}
static inline struct prtc_trust *host_trust(prtc_endpoint *endpoint) {
  (void)endpoint;
  return NULL;
}
static inline void host_remove(prtc_endpoint *endpoint, prtc_peer *peer) {
  (void)peer;
  ((struct side *)(void *)endpoint)->removed = true;
}

static inline void host_drop_requests(prtc_endpoint *endpoint, prtc_peer *peer) { (void)endpoint, (void)peer; }
static inline int host_fatal(const prtc_endpoint *endpoint) { return ((const struct side *)(const void *)endpoint)->fatal; }

static inline prtc_time host_advance(prtc_endpoint *endpoint, prtc_time now) {
  (void)endpoint;
  return now;
}

static inline int side_create(struct side *side, const prtc_peer_config *config, const char **reason) {
  const struct prtc_peer_host host = {(prtc_endpoint *)(void *)side, side->context, host_wake, host_certificate,
                                      host_read_certificate, host_trust, host_drop_requests, host_remove, host_fatal,
                                      host_advance, NULL};
  return prtc_peer_create(&host, 1000000, side->ip, config, NULL, &side->peer, reason);
}

static inline void side_open(struct side *side, uint8_t ip) {
  prtc_context_config context;
  prtc_peer_config config;
  const char *reason;
  memset(side, 0, sizeof *side);
  PRTC_INIT(&context);
  context.seed[0] = ip;
  side->ip = ip;
  side->context = prtc_context_new(&context);
  PRTC_INIT(&config);
  PRTC_REQUIRE(side->context != NULL && side_create(side, &config, &reason) == PRTC_OK);
}

static inline void side_close(struct side *side) {
  prtc_peer_free(side->peer);
  prtc_certificate_release(side->certificate);
  prtc_context_free(side->context);
}

static inline void pair_open(struct pair *pair) {
  memset(pair, 0, sizeof *pair);
  pair->now = 1000000;
  pair->trickle = true;
  side_open(&pair->a, 1);
  side_open(&pair->b, 2);
}

static inline void pair_close(struct pair *pair) {
  side_close(&pair->a);
  side_close(&pair->b);
}

/* Answers the requests of a peer: one interface, and every socket is bound to the port that is its id. */
static inline bool answer_requests(struct pair *pair, struct side *side) {
  prtc_request request;
  bool any = false;
  while (prtc_peer_request(side->peer, &request) > 0) {
    prtc_interface interface = {.address = {.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, side->ip}}, .index = 1};
    prtc_reply reply = {.size = sizeof reply, .interfaces = &interface, .interface_count = 1, .address = request.address};
    any = true;
    if (request.type == PRTC_REQUEST_CLOSE) continue;
    side->resolved += request.type == PRTC_REQUEST_RESOLVE;
    if (request.type == PRTC_REQUEST_OPEN_UDP) {
      request.socket = 5000;
      reply.address.port = 5000;
    }
    PRTC_CHECK_INT(prtc_peer_reply(side->peer, pair->now, &request, &reply), PRTC_OK);
  }
  return any;
}

/* RFC 8489 section 5: a Binding request, whose attributes are type, length, value padded to four bytes. */
static inline void note_ice_role(struct side *side, const uint8_t *data, size_t size) {
  if (side->ice_role != 0 || size < 20 || data[0] != 0 || data[1] != 1) return;
  for (size_t at = 20; at + 4 <= size; at += 4 + (((size_t)data[at + 2] << 8 | data[at + 3]) + 3) / 4 * 4) {
    uint16_t type = (uint16_t)(data[at] << 8 | data[at + 1]);
    if (type == 0x8029 || type == 0x802A) side->ice_role = type;
  }
}

static inline bool move_datagrams(struct pair *pair, struct side *from, struct side *to) {
  static uint8_t buffer[PRTC_TRAIN_SIZE];
  prtc_datagram out;
  bool any = false;
  for (;;) {
    memset(&out, 0, sizeof out);
    int size = prtc_peer_transmit(from->peer, pair->now, &out, buffer, sizeof buffer);
    if (size <= 0) return any;
    any = true;
    note_ice_role(from, out.data, out.size);
    if (out.remote.ip[0] == 198) from->asked[out.remote.ip[3]]++;
    if (out.remote.ip[0] != 192 || out.remote.ip[3] != to->ip || out.remote.port != 5000) continue;
    size_t segment = out.segment_size != 0 ? out.segment_size : out.size;
    for (size_t at = 0; at < out.size; at += segment) {
      prtc_datagram in = {.socket = 5000,
                          .local = out.remote,
                          .remote = {.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, from->ip}, .port = 5000},
                          .data = out.data + at,
                          .size = out.size - at < segment ? out.size - at : segment,
                          .time = pair->now};
      (void)prtc_peer_receive(to->peer, pair->now, &in);
    }
  }
}

static inline void copy_text(char *out, size_t capacity, const char *text) {
  snprintf(out, capacity, "%s", text == NULL ? "" : text);
}

static inline bool fetch_events(struct pair *pair, struct side *side, struct side *other) {
  prtc_event event;
  bool any = false;
  for (; prtc_peer_event(side->peer, &event) > 0; any = true) {
    PRTC_REQUIRE(side->count < LOG_SIZE);
    PRTC_CHECK_INT(event.peer, side->ip);
    struct fetched *fetched = &side->log[side->count++];
    *fetched = (struct fetched){.type = event.type, .state = event.state, .index = event.index, .code = event.code,
                                .object = event.object, .has_text = event.text != NULL, .has_mid = event.mid != NULL};
    copy_text(fetched->text, sizeof fetched->text, event.text);
    copy_text(fetched->mid, sizeof fetched->mid, event.mid);
    copy_text(fetched->ufrag, sizeof fetched->ufrag, event.ufrag);
    fetched->states.size = sizeof fetched->states;
    PRTC_CHECK_INT(prtc_peer_get_states(side->peer, &fetched->states), PRTC_OK);
    if (event.type == PRTC_EVENT_ICE_CANDIDATE && fetched->has_text && pair->trickle) {
      int result = prtc_peer_add_ice_candidate(other->peer, pair->now, fetched->text, fetched->mid, -1, fetched->ufrag);
      bool refused = result == PRTC_ERROR_INVALID_STATE || result == PRTC_ERROR_NOT_FOUND; /* no description yet, or closed;
                                                                                              or
                                                                             one of a generation that it has not heard of */
      PRTC_CHECK(result == PRTC_OK || refused);
    }
  }
  return any;
}

static inline void expire(struct pair *pair, struct side *side) {
  if (prtc_peer_deadline(side->peer) <= pair->now) {
    PRTC_CHECK_INT(prtc_peer_timeout(side->peer, pair->now), PRTC_OK);
    PRTC_CHECK(prtc_peer_deadline(side->peer) > pair->now);
  }
}

/* Lets `duration` microseconds pass. */
static inline void pair_run(struct pair *pair, prtc_time duration) {
  prtc_time end = pair->now + duration;
  for (;;) {
    for (bool busy = true; busy;) {
      busy = answer_requests(pair, &pair->a);
      busy |= answer_requests(pair, &pair->b);
      busy |= move_datagrams(pair, &pair->a, &pair->b);
      busy |= move_datagrams(pair, &pair->b, &pair->a);
      busy |= fetch_events(pair, &pair->a, &pair->b);
      busy |= fetch_events(pair, &pair->b, &pair->a);
    }
    prtc_time a = prtc_peer_deadline(pair->a.peer), b = prtc_peer_deadline(pair->b.peer), next = a < b ? a : b;
    if (next > end) break;
    if (next > pair->now) pair->now = next;
    expire(pair, &pair->a);
    expire(pair, &pair->b);
  }
  pair->now = end;
}

/* Only what is there, without any time or datagrams. */
static inline void pair_fetch(struct pair *pair) {
  fetch_events(pair, &pair->a, &pair->b);
  fetch_events(pair, &pair->b, &pair->a);
}

/* Offer and answer, both implicit. */
static inline void pair_negotiate(struct pair *pair, struct side *offerer, struct side *answerer) {
  static char sdp[SDP_ROOM];
  prtc_sdp_type type;
  PRTC_CHECK_INT(prtc_peer_set_local_description(offerer->peer, pair->now, PRTC_SDP_OFFER, NULL, 0), PRTC_OK);
  int size = prtc_peer_get_description(offerer->peer, PRTC_DESCRIPTION_LOCAL, &type, sdp, sizeof sdp);
  PRTC_REQUIRE(size > 0 && type == PRTC_SDP_OFFER);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(answerer->peer, pair->now, PRTC_SDP_OFFER, sdp, (size_t)size), PRTC_OK);
  PRTC_CHECK_INT(prtc_peer_set_local_description(answerer->peer, pair->now, (prtc_sdp_type)0, NULL, 0), PRTC_OK);
  size = prtc_peer_get_description(answerer->peer, PRTC_DESCRIPTION_LOCAL, &type, sdp, sizeof sdp);
  PRTC_REQUIRE(size > 0 && type == PRTC_SDP_ANSWER);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(offerer->peer, pair->now, PRTC_SDP_ANSWER, sdp, (size_t)size), PRTC_OK);
}

static inline prtc_channel_id add_channel(struct pair *pair, struct side *side) {
  prtc_channel_config config;
  prtc_channel_id channel = 0;
  PRTC_INIT(&config);
  prtc_channel_config_init(&config);
  config.label = "test";
  config.label_size = 4;
  PRTC_CHECK_INT(prtc_peer_create_data_channel(side->peer, pair->now, &config, &channel), PRTC_OK);
  return channel;
}

/* How many events of a type came, and the place of the n-th (from 0) or -1. */
static inline int find_event(const struct side *side, uint32_t type, int n) {
  for (size_t i = 0; i < side->count; i++) {
    if (side->log[i].type == type && n-- == 0) return (int)i;
  }
  return -1;
}

static inline int count_events(const struct side *side, uint32_t type) {
  int count = 0;
  while (find_event(side, type, count) >= 0) count++;
  return count;
}

#endif
