/* A client, a TURN server (server_test.h), and a network between them in virtual time. Each step of the client is held to
 * the promises of the header: a deadline that is not in the past after timeout.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_TURN_WORLD_TEST_H
#define PRTC_TURN_WORLD_TEST_H

#include "core/turn/internal.h"
#include "core/turn/server_test.h"

enum { PACKETS = 512, PACKET_SIZE = 4096 };

struct packet {
  prtc_time arrival;
  bool to_server;
  size_t size;
  uint8_t data[PACKET_SIZE];
};

struct world {
  prtc_time now, delay;
  prtc_context *context;
  prtc_turn *turn;
  bool stream;
  struct packet packets[PACKETS];
  size_t packet_count;
  struct turn_server server;
  prtc_turn_event events[32];    /* of each type the latest, by type */
  unsigned event_counts[8];
  prtc_turn_data data;           /* the latest */
  uint8_t data_bytes[2048];
  unsigned data_count;
  int drops;                     /* of client packets: so many are lost */
  uint8_t last_request[PACKET_SIZE];
  size_t last_request_size;
  unsigned sent;                 /* by the client */
};

static inline void post(struct world *world, bool to_server, const uint8_t *data, size_t size) {
  PRTC_REQUIRE(world->packet_count < PACKETS && size <= PACKET_SIZE);
  struct packet *packet = &world->packets[world->packet_count++];
  packet->arrival = world->now + world->delay;
  packet->to_server = to_server;
  packet->size = size;
  memcpy(packet->data, data, size);
}

static inline void server_sends(void *user, const uint8_t *data, size_t size) { post(user, false, data, size); }

/* `allocator`: of the client; NULL when its memory does not run out. world->turn may then be NULL. */
static inline struct world *world_with_memory(const prtc_turn_config *given, const prtc_allocator *allocator) {
  struct world *world = calloc(1, sizeof *world);
  prtc_context_config context;
  prtc_turn_config config;
  PRTC_REQUIRE(world != NULL);
  world->now = 1000 * SECOND;
  world->delay = 10 * MS;
  server_init(&world->server);
  world->server.user = world;
  world->server.send = server_sends;
  PRTC_INIT(&context);
  context.allocator = allocator;
  world->context = prtc_context_new(&context);
  if (world->context == NULL) return world;
  PRTC_INIT(&config);
  if (given != NULL) config = *given;
  if (config.protocol == 0) config.protocol = PRTC_RELAY_UDP;
  if (config.username == NULL) config.username = "alice";
  if (config.credential == NULL) config.credential = "secret";
  world->stream = world->server.stream = config.protocol != PRTC_RELAY_UDP;
  world->turn = prtc_turn_new(world->context, &config);
  return world;
}

static inline struct world *world_new(const prtc_turn_config *given) {
  struct world *world = world_with_memory(given, NULL);
  PRTC_REQUIRE(world->turn != NULL);
  return world;
}

static inline void world_free(struct world *world) {
  prtc_turn_free(world->turn);
  prtc_context_free(world->context);
  free(world);
}

/* -------------------------------------------------------------------------------------------------------------- client */

static inline void drain(struct world *world) {
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  int size;
  unsigned rounds = 0;
  while ((size = prtc_turn_transmit(world->turn, world->now, buffer, sizeof buffer)) > 0) {
    PRTC_REQUIRE(++rounds < 1000);
    world->sent++;
    memcpy(world->last_request, buffer, (size_t)size);
    world->last_request_size = (size_t)size;
    if (world->drops > 0) world->drops--;
    else post(world, true, buffer, (size_t)size);
  }
  PRTC_REQUIRE(size == 0);
  prtc_turn_event event;
  while (prtc_turn_event_next(world->turn, &event) > 0) {
    PRTC_REQUIRE(event.type < 8);
    world->events[event.type] = event;
    world->event_counts[event.type]++;
  }
}

/* Gives bytes to the client, on streams in pieces of `piece` bytes; each in memory of its exact size. The last code. */
static inline int client_take(struct world *world, const uint8_t *data, size_t size, size_t piece) {
  int code = 0;
  if (!world->stream) piece = size;
  for (size_t at = 0; at < size; at += piece) {
    size_t left = size - at < piece ? size - at : piece;
    uint8_t *copy = malloc(left);
    PRTC_REQUIRE(copy != NULL);
    memcpy(copy, data + at, left);
    const uint8_t *next = copy;
    while (left > 0) {
      prtc_turn_data out;
      size_t before = left;
      code = prtc_turn_receive(world->turn, world->now, &next, &left, &out);
      PRTC_REQUIRE(left < before);
      if (code != 1) continue;
      world->data_count++;
      world->data = out;
      PRTC_REQUIRE(out.size <= sizeof world->data_bytes);
      if (out.size > 0) memcpy(world->data_bytes, out.data, out.size);
    }
    free(copy);
  }
  return code;
}

/* Moves time to the next thing that happens, at the latest to `end`. */
static inline void world_step(struct world *world, prtc_time end) {
  drain(world);
  prtc_time next = prtc_turn_deadline(world->turn);
  for (size_t i = 0; i < world->packet_count; i++) {
    if (world->packets[i].arrival < next) next = world->packets[i].arrival;
  }
  if (next > end) next = end;
  if (next > world->now) world->now = next;
  world->server.now = world->now;
  for (size_t i = 0; i < world->packet_count;) {
    struct packet packet = world->packets[i];
    if (packet.arrival > world->now) {
      i++;
      continue;
    }
    memmove(&world->packets[i], &world->packets[i + 1], (--world->packet_count - i) * sizeof packet);
    if (!packet.to_server) {
      (void)client_take(world, packet.data, packet.size, 7);
    } else {
      struct prtc_context *previous = prtc_enter(world->context);
      for (size_t at = 0; at < packet.size;) at += server_take(&world->server, packet.data + at, packet.size - at);
      prtc_leave(previous);
    }
  }
  if (prtc_turn_deadline(world->turn) <= world->now) {
    PRTC_REQUIRE(prtc_turn_timeout(world->turn, world->now) == 0);
    PRTC_REQUIRE(prtc_turn_deadline(world->turn) > world->now);
  }
  drain(world);
}

static inline void run_for(struct world *world, prtc_time time) {
  prtc_time end = world->now + time;
  while (world->now < end) world_step(world, end);
}

static inline void allocate(struct world *world) {
  PRTC_REQUIRE(prtc_turn_start(world->turn, world->now) == 0);
  run_for(world, 100 * MS);
}

/* Sends to a peer through the client. Bytes that left. */
static inline int send_to(struct world *world, const prtc_address *peer, const void *data, size_t size) {
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  size_t segment = 0;
  memcpy(buffer, data, size);
  int wrapped = prtc_turn_wrap(world->turn, world->now, peer, buffer, size, &segment, sizeof buffer);
  drain(world); /* the permission goes before */
  if (wrapped > 0) post(world, true, buffer, (size_t)wrapped);
  return wrapped;
}

#endif
