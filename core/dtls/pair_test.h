/* For the tests: two DTLS objects, and between them a network of virtual time that loses, changes and repeats on demand.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_DTLS_PAIR_TEST_H
#define PRTC_DTLS_PAIR_TEST_H

#include <stdbool.h>
#include <string.h>

#include <openssl/sha.h>

#include <polyrtc/dtls.h>

#include "core/base/context.h"
#include "core/base/testing.h"

enum { PAIR_DELAY = 20000, PAIR_FLIGHTS_MAX = 256, PAIR_DATA_SIZE = 1400 };

struct side {
  prtc_context *context;
  prtc_certificate *certificate;
  prtc_dtls *dtls;
  uint32_t state; /* by its events */
  int32_t code;
  char text[256];
  unsigned sent; /* datagrams */
  uint8_t data[PAIR_DATA_SIZE]; /* of the last message read */
  size_t data_size;
  unsigned messages;
};

struct flight {
  prtc_time arrival;
  unsigned to;
  uint8_t data[2048];
  size_t size;
};

struct pair;

/* What the network does to datagram `number` (from 0) of side `from`; it may change it in place. Returns how many copies
 * arrive. */
typedef unsigned pair_rule(struct pair *pair, unsigned from, unsigned number, uint8_t *data, size_t *size);

struct pair {
  struct side sides[2];
  prtc_time now;
  pair_rule *rule;
  unsigned parameters[4]; /* the rule's */
  struct flight flights[PAIR_FLIGHTS_MAX];
  size_t flight_count;
  SHA256_CTX transcript;
};

static inline prtc_context *test_context(uint8_t seed) {
  prtc_context_config config;
  PRTC_INIT(&config);
  memset(config.seed, seed, sizeof config.seed);
  prtc_context *context = prtc_context_new(&config);
  PRTC_REQUIRE(context != NULL);
  return context;
}

static inline void side_init(struct side *side, uint8_t seed, uint32_t mtu) {
  memset(side, 0, sizeof *side);
  side->context = test_context(seed);
  side->certificate = prtc_certificate_new(side->context, 0);
  PRTC_REQUIRE(side->certificate != NULL);
  prtc_dtls_config config;
  PRTC_INIT(&config);
  config.certificate = side->certificate;
  config.mtu = mtu;
  config.use_srtp = 1;
  side->dtls = prtc_dtls_new(side->context, &config);
  PRTC_REQUIRE(side->dtls != NULL);
}

static inline void side_clear(struct side *side) {
  prtc_dtls_free(side->dtls);
  prtc_certificate_release(side->certificate);
  prtc_context_free(side->context);
}

static inline void pair_init(struct pair *pair, uint8_t seed) {
  memset(pair, 0, sizeof *pair);
  pair->now = 1000000;
  SHA256_Init(&pair->transcript);
  side_init(&pair->sides[0], seed, 0);
  side_init(&pair->sides[1], (uint8_t)(seed + 1), 0);
}

static inline void pair_clear(struct pair *pair) {
  side_clear(&pair->sides[0]);
  side_clear(&pair->sides[1]);
}

/* Tells side `to` the fingerprint of the other. */
static inline int pair_tell(struct pair *pair, unsigned to, const char *algorithm) {
  prtc_fingerprint fingerprint;
  PRTC_CHECK_INT(prtc_certificate_get_fingerprint(pair->sides[1 - to].certificate, algorithm, &fingerprint), 0);
  return prtc_dtls_set_remote_fingerprints(pair->sides[to].dtls, pair->now, &fingerprint, 1);
}

static inline void side_collect(struct side *side) {
  prtc_dtls_event event;
  uint8_t data[PAIR_DATA_SIZE];
  int size;
  while ((size = prtc_dtls_read(side->dtls, data, sizeof data)) > 0) {
    memcpy(side->data, data, (size_t)size);
    side->data_size = (size_t)size;
    side->messages++;
  }
  PRTC_CHECK_INT(size, 0);
  while (prtc_dtls_event_next(side->dtls, &event) == 1) {
    PRTC_CHECK_INT(event.type, PRTC_DTLS_EVENT_STATE);
    PRTC_CHECK(event.state > side->state);
    side->state = event.state;
    if (event.state == PRTC_DTLS_TRANSPORT_FAILED) {
      side->code = event.code;
      memcpy(side->text, event.text, sizeof event.text);
      PRTC_CHECK(event.code <= -100 && strlen(event.text) > 0);
    }
  }
  PRTC_CHECK_INT(side->state, prtc_dtls_get_state(side->dtls));
}

/* Puts a datagram on its way to the other side. */
static inline void pair_carry(struct pair *pair, unsigned from, const uint8_t *data, size_t size) {
  PRTC_REQUIRE(pair->flight_count < PAIR_FLIGHTS_MAX && size <= sizeof pair->flights[0].data);
  struct flight *flight = &pair->flights[pair->flight_count++];
  flight->arrival = pair->now + PAIR_DELAY;
  flight->to = 1 - from;
  memcpy(flight->data, data, size);
  flight->size = size;
}

static inline void pair_drain(struct pair *pair, unsigned from) {
  uint8_t data[2048];
  int got;
  while ((got = prtc_dtls_transmit(pair->sides[from].dtls, pair->now, data, sizeof data)) > 0) {
    size_t size = (size_t)got;
    PRTC_CHECK(size <= 1200);
    uint32_t mark[2] = {from, (uint32_t)got};
    SHA256_Update(&pair->transcript, mark, sizeof mark);
    SHA256_Update(&pair->transcript, data, size);
    unsigned number = pair->sides[from].sent++;
    unsigned copies = pair->rule != NULL ? pair->rule(pair, from, number, data, &size) : 1;
    for (; copies > 0; copies--) pair_carry(pair, from, data, size);
  }
  PRTC_CHECK_INT(got, 0);
}

/* The invariant of every deadline: after timeout(now) it is in the future. */
static inline void pair_timeout(struct pair *pair, unsigned i) {
  prtc_dtls *dtls = pair->sides[i].dtls;
  if (prtc_dtls_deadline(dtls) > pair->now) return;
  prtc_dtls_timeout(dtls, pair->now);
  PRTC_CHECK(prtc_dtls_deadline(dtls) > pair->now);
}

/* One step: all that is due now, then on to the next moment at which something is due. False when nothing ever is, or not
 * before `until`. */
static inline bool pair_step(struct pair *pair, prtc_time until) {
  prtc_time next = PRTC_NEVER;
  for (size_t i = 0; i < pair->flight_count;) {
    struct flight flight = pair->flights[i];
    if (flight.arrival > pair->now) {
      i++;
      continue;
    }
    memmove(&pair->flights[i], &pair->flights[i + 1], (--pair->flight_count - i) * sizeof flight);
    prtc_dtls_receive(pair->sides[flight.to].dtls, pair->now, flight.data, flight.size);
    side_collect(&pair->sides[flight.to]);
  }
  for (unsigned i = 0; i < 2; i++) {
    pair_timeout(pair, i);
    pair_drain(pair, i);
    side_collect(&pair->sides[i]);
    prtc_time deadline = prtc_dtls_deadline(pair->sides[i].dtls);
    if (deadline < next) next = deadline;
  }
  for (size_t i = 0; i < pair->flight_count; i++) {
    if (pair->flights[i].arrival < next) next = pair->flights[i].arrival;
  }
  if (next > until) return false;
  pair->now = next;
  return true;
}

static inline void pair_run(struct pair *pair, prtc_time duration) {
  prtc_time until = pair->now + duration;
  while (pair_step(pair, until)) continue;
  pair->now = until;
}

static inline bool pair_connected(const struct pair *pair) {
  return pair->sides[0].state == PRTC_DTLS_TRANSPORT_CONNECTED && pair->sides[1].state == PRTC_DTLS_TRANSPORT_CONNECTED;
}

/* Both know the fingerprints; side 0 is the client. */
static inline void pair_start(struct pair *pair) {
  PRTC_CHECK_INT(pair_tell(pair, 0, "sha-256"), 0);
  PRTC_CHECK_INT(pair_tell(pair, 1, "sha-256"), 0);
  PRTC_CHECK_INT(prtc_dtls_start(pair->sides[1].dtls, pair->now, PRTC_DTLS_ROLE_SERVER), 0);
  PRTC_CHECK_INT(prtc_dtls_start(pair->sides[0].dtls, pair->now, PRTC_DTLS_ROLE_CLIENT), 0);
}

/* A message from side `from` arrives whole. */
static inline void pair_check_data(struct pair *pair, unsigned from, size_t size) {
  uint8_t data[PAIR_DATA_SIZE], record[PAIR_DATA_SIZE + PRTC_DTLS_OVERHEAD];
  struct side *to = &pair->sides[1 - from];
  unsigned before = to->messages;
  for (size_t i = 0; i < size; i++) data[i] = (uint8_t)(i * 7 + from);
  int sealed = prtc_dtls_seal(pair->sides[from].dtls, data, size, record, sizeof record);
  PRTC_CHECK_INT(sealed, size + prtc_dtls_overhead(pair->sides[from].dtls));
  if (sealed <= 0) return;
  PRTC_CHECK_INT(prtc_dtls_receive(to->dtls, pair->now, record, (size_t)sealed), 0);
  side_collect(to);
  PRTC_CHECK_INT(to->messages, before + 1);
  PRTC_CHECK(to->data_size == size && memcmp(to->data, data, size) == 0);
}

static inline void pair_check_works(struct pair *pair) {
  PRTC_CHECK(pair_connected(pair));
  pair_check_data(pair, 0, 1);
  pair_check_data(pair, 1, 1163);
  pair_check_data(pair, 0, 1163);
}

#endif
