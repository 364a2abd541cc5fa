/* Two associations, a bad network between them, and virtual time: what the tests of core/sctp and core/data run in.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_SCTP_WORLD_TEST_H
#define PRTC_SCTP_WORLD_TEST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <polyrtc/sctp.h>

#include "core/base/random.h"
#include "core/base/testing.h"

enum { PACKET_SIZE = 16384, EVENTS = 4096 };
/* 1: associations do not offer interleaving (RFC 8260). Tests run both ways. */
static uint32_t without_interleaving;

static const prtc_time MILLISECOND = 1000, SECOND = 1000000;

struct packet {
  struct packet *next;
  prtc_time arrival;
  int to; /* side */
  size_t size;
  uint8_t data[];
};

/* What a side was told. Messages are joined: one entry a message, its bytes copied. */
struct told {
  uint32_t type, stream, ppid, unordered;
  int32_t code;
  uint32_t outgoing_streams, incoming_streams, interleaving;
  uint8_t *data;
  size_t size;
  bool whole;
  bool over; /* the rest of it will not come */
  char text[128];
};

struct side {
  prtc_context *context;
  prtc_sctp *sctp;
  bool deaf; /* fetches no events */
  struct told told[EVENTS];
  size_t told_count;
  uint64_t sent, received, refused;
};

struct world {
  prtc_time now;
  struct side sides[2];
  struct packet *packets; /* in flight, by arrival */
  struct prtc_random random;
  uint64_t hash; /* of every packet sent, and when */
  int mtu;              /* what the associations may send at most */
  size_t link;          /* what the network takes at most; what is larger is lost. 0: anything */
  /* the network, in percent */
  uint32_t loss, duplication, corruption, reordering;
  prtc_time delay;
  uint32_t rate;          /* bytes a second, each way; 0: any */
  prtc_time queue;        /* with a rate: what would wait longer is lost */
  prtc_time free_at[2];   /* … when all is through that waits, by side that it goes to */
  /* Sees each packet before the network does, and may change it (at most PACKET_SIZE bytes): its size, 0: lost */
  size_t (*filter)(struct world *world, int to, uint8_t *packet, size_t size);
  void *filter_state;
};

static inline bool happens(struct world *world, uint32_t percent) {
  return percent > 0 && prtc_random_below(&world->random, 100) < percent;
}

static inline void world_hash(struct world *world, const void *data, size_t size) {
  const uint8_t *bytes = data;
  for (size_t i = 0; i < size; i++) world->hash = (world->hash ^ bytes[i]) * 1099511628211u;
}

static inline prtc_context *world_context(uint8_t seed, const prtc_allocator *allocator) {
  prtc_context_config config;
  PRTC_INIT(&config);
  memset(config.seed, seed, sizeof config.seed);
  config.allocator = allocator;
  prtc_context *context = prtc_context_new(&config);
  PRTC_REQUIRE(context != NULL);
  return context;
}

static inline struct world *world_new(uint8_t seed, const prtc_sctp_config *config) {
  prtc_sctp_config given = config != NULL ? *config : (prtc_sctp_config){.size = sizeof given};
  struct world *world = calloc(1, sizeof *world);
  given.no_interleaving |= without_interleaving;
  uint8_t network_seed[32] = {seed, 'n'};
  PRTC_REQUIRE(world != NULL);
  world->now = 5 * SECOND;
  world->mtu = config != NULL && config->mtu != 0 ? (int)config->mtu : 1136;
  if (config != NULL && (int)config->max_mtu > world->mtu) world->mtu = (int)config->max_mtu;
  world->delay = 10 * MILLISECOND;
  world->hash = 14695981039346656037u;
  prtc_random_init(&world->random, network_seed);
  for (int i = 0; i < 2; i++) {
    world->sides[i].context = world_context((uint8_t)(seed * 2 + i), NULL);
    world->sides[i].sctp = prtc_sctp_new(world->sides[i].context, world->now, &given);
    PRTC_REQUIRE(world->sides[i].sctp != NULL);
  }
  return world;
}

static inline void world_free(struct world *world) {
  for (int i = 0; i < 2; i++) {
    prtc_sctp_free(world->sides[i].sctp);
    prtc_context_free(world->sides[i].context);
    for (size_t k = 0; k < world->sides[i].told_count; k++) free(world->sides[i].told[k].data);
  }
  for (struct packet *packet = world->packets, *next; packet != NULL; packet = next) {
    next = packet->next;
    free(packet);
  }
  free(world);
}

/* How long a packet waits behind others at the bottleneck; false: there is no room. */
static inline bool world_wait(struct world *world, int to, size_t size, prtc_time *wait) {
  prtc_time *free_at = &world->free_at[to];
  *wait = 0;
  if (world->rate == 0) return true;
  if (*free_at < world->now) *free_at = world->now;
  if (*free_at - world->now > world->queue) return false;
  *free_at += size * SECOND / world->rate;
  *wait = *free_at - world->now;
  return true;
}

static inline void world_send(struct world *world, int to, const uint8_t *data, size_t size) {
  prtc_time wait;
  if ((world->link != 0 && size > world->link) || happens(world, world->loss) || !world_wait(world, to, size, &wait)) return;
  int copies = happens(world, world->duplication) ? 2 : 1;
  for (int i = 0; i < copies; i++) {
    struct packet *packet = calloc(1, sizeof *packet + size), **at = &world->packets;
    PRTC_REQUIRE(packet != NULL && size <= PACKET_SIZE);
    packet->to = to;
    packet->size = size;
    packet->arrival = world->now + wait + world->delay;
    if (happens(world, world->reordering)) packet->arrival += prtc_random_below(&world->random, 30000);
    memcpy(packet->data, data, size);
    if (happens(world, world->corruption)) packet->data[prtc_random_below(&world->random, (uint32_t)size)] ^= 0x10;
    while (*at != NULL && (*at)->arrival <= packet->arrival) at = &(*at)->next;
    packet->next = *at;
    *at = packet;
  }
}

/* Fetches all that a side has to send. */
static inline void world_transmit(struct world *world, int from) {
  struct side *side = &world->sides[from];
  uint8_t data[PACKET_SIZE];
  int size;
  if (side->sctp == NULL) return;
  while ((size = prtc_sctp_transmit(side->sctp, world->now, data, sizeof data)) > 0) {
    PRTC_CHECK(size <= world->mtu);
    side->sent++;
    world_hash(world, &world->now, sizeof world->now);
    world_hash(world, data, (size_t)size);
    if (world->filter != NULL) size = (int)world->filter(world, 1 - from, data, (size_t)size);
    if (size > 0) world_send(world, 1 - from, data, (size_t)size);
  }
  PRTC_CHECK_INT(size, 0);
}

/* The message of a stream of which parts were given, or NULL. */
static inline struct told *world_begun(struct side *side, uint32_t stream) {
  for (size_t i = side->told_count; i-- > 0;) {
    struct told *told = &side->told[i];
    if (told->type == PRTC_SCTP_EVENT_MESSAGE && told->stream == stream) return told->whole || told->over ? NULL : told;
  }
  return NULL;
}

static inline void world_tell(struct side *side, const prtc_sctp_event *event) {
  struct told *last = world_begun(side, event->message.stream);
  bool is_message = event->type == PRTC_SCTP_EVENT_MESSAGE;
  if (is_message) PRTC_REQUIRE((last == NULL) == (event->message.begin != 0));
  if (event->type == PRTC_SCTP_EVENT_ABANDONED) {
    PRTC_REQUIRE(last != NULL);
    last->over = true;
  }
  if (!is_message || last == NULL) {
    PRTC_REQUIRE(side->told_count < EVENTS);
    last = &side->told[side->told_count++];
    memset(last, 0, sizeof *last);
    last->type = event->type;
    last->code = event->code;
    memcpy(last->text, event->text, sizeof last->text);
    last->stream = event->message.stream;
    last->ppid = event->message.ppid;
    last->unordered = event->message.unordered;
    last->outgoing_streams = event->outgoing_streams;
    last->incoming_streams = event->incoming_streams;
    last->interleaving = event->interleaving;
  }
  if (event->type == PRTC_SCTP_EVENT_MESSAGE) {
    last->data = realloc(last->data, last->size + event->message.size);
    PRTC_REQUIRE(last->data != NULL && event->message.size > 0);
    memcpy(last->data + last->size, event->message.data, event->message.size);
    last->size += event->message.size;
    last->whole = event->message.end != 0;
  }
}

static inline void world_listen(struct world *world, int which) {
  struct side *side = &world->sides[which];
  prtc_sctp_event event;
  int code = 0;
  if (side->sctp == NULL || side->deaf) return;
  while ((code = prtc_sctp_event_next(side->sctp, &event)) > 0) world_tell(side, &event);
  PRTC_CHECK_INT(code, 0);
}

/* Goes on to the next thing that happens, at `until` at the latest; false when that time is reached. */
static inline bool world_step(struct world *world, prtc_time until) {
  prtc_time next = until;
  for (int i = 0; i < 2; i++) {
    world_listen(world, i);
    world_transmit(world, i);
  }
  if (world->packets != NULL && world->packets->arrival < next) next = world->packets->arrival;
  for (int i = 0; i < 2; i++) {
    if (world->sides[i].sctp == NULL) continue;
    prtc_time deadline = prtc_sctp_deadline(world->sides[i].sctp);
    if (deadline < next) next = deadline;
  }
  if (next > world->now) world->now = next;
  while (world->packets != NULL && world->packets->arrival <= world->now) {
    struct packet *packet = world->packets;
    struct side *side = &world->sides[packet->to];
    world->packets = packet->next;
    if (side->sctp != NULL) {
      side->received++;
      if (prtc_sctp_receive(side->sctp, world->now, packet->data, packet->size) < 0) side->refused++;
    }
    free(packet);
  }
  for (int i = 0; i < 2; i++) {
    if (world->sides[i].sctp == NULL) continue;
    PRTC_CHECK_INT(prtc_sctp_timeout(world->sides[i].sctp, world->now), 0);
    PRTC_REQUIRE(prtc_sctp_deadline(world->sides[i].sctp) > world->now);
  }
  return world->now < until;
}

static inline void world_run(struct world *world, prtc_time duration) {
  prtc_time until = world->now + duration;
  while (world_step(world, until)) {
  }
  for (int i = 0; i < 2; i++) world_listen(world, i);
}

/* The n-th event of a type that a side was told, or NULL. */
static inline const struct told *world_told(const struct world *world, int side, uint32_t type, size_t n) {
  for (size_t i = 0; i < world->sides[side].told_count; i++) {
    const struct told *told = &world->sides[side].told[i];
    if (told->type == type && n-- == 0) return told;
  }
  return NULL;
}

static inline size_t world_count(const struct world *world, int side, uint32_t type) {
  size_t count = 0;
  while (world_told(world, side, type, count) != NULL) count++;
  return count;
}

static inline struct world *world_connected(uint8_t seed, const prtc_sctp_config *config) {
  struct world *world = world_new(seed, config);
  for (int i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_sctp_connect(world->sides[i].sctp, world->now), 0);
  world_run(world, SECOND);
  for (int i = 0; i < 2; i++) PRTC_REQUIRE(world_count(world, i, PRTC_SCTP_EVENT_CONNECTED) == 1);
  return world;
}

static inline prtc_sctp_message world_message(uint32_t stream, const void *data, size_t size) {
  return (prtc_sctp_message){
      .stream = stream, .ppid = PRTC_PPID_BINARY, .begin = 1, .end = 1, .data = data, .size = size};
}

#endif
