/* A small world for the endpoint's tests: a few endpoints on one wire with a delay, virtual time, and signalling by hand.
 * Every step asserts what the contract promises.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_ENDPOINT_WORLD_TEST_H
#define PRTC_ENDPOINT_WORLD_TEST_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <polyrtc/polyrtc.h>

#include "core/base/testing.h"

enum { WORLD_NODES = 2, WORLD_FLIGHT = 4096, WORLD_EVENTS = 4096, WORLD_DELAY = 10000, WORLD_MTU = 1200 };

struct flight {
  prtc_time at;
  prtc_address from, to;
  size_t size;
  uint8_t bytes[1500];
};

/* What was seen of an event: pointers do not outlive the batch. */
struct seen {
  prtc_event event;
  char text[512], mid[64];
  uint8_t *data;
};

struct socket_at {
  prtc_socket_id id;
  prtc_address address;
};

struct node {
  prtc_endpoint *endpoint;
  prtc_peer *peer;
  struct socket_at sockets[16];
  size_t socket_count;
  uint16_t next_port;
  uint8_t last_ip;
  struct seen events[WORLD_EVENTS];
  size_t event_count;
};

struct world {
  prtc_time now;
  struct node nodes[WORLD_NODES];
  struct flight *flights;
  size_t first_flight, flight_count;
  bool (*drop)(struct world *world, const struct flight *flight); /* NULL: nothing is lost */
  bool trickle;
  bool may_end; /* an endpoint, for lack of memory */
  /* TCP, where a test has it (stream_test.c): a request of it, and what is given for a connection */
  void (*tcp_request)(struct world *world, int node, const prtc_request *request);
  void (*tcp_send)(struct world *world, int node, const prtc_datagram *datagram);
  unsigned long transcript; /* a hash over all datagrams */
  unsigned counter;
};

/* What the next worlds' endpoints are to write */
static size_t world_recording_size, world_capture_size;
static uint32_t world_key_log;

/* The port of all peers of the next worlds' second endpoints; 0: each has its own */
static uint32_t world_udp_port;

static inline void world_open(struct world *world, const prtc_allocator *allocator) {
  memset(world, 0, sizeof *world);
  world->now = 1000000;
  world->trickle = true;
  world->transcript = 5381;
  world->flights = calloc(WORLD_FLIGHT, sizeof *world->flights);
  for (int i = 0; i < WORLD_NODES; i++) {
    prtc_endpoint_config config;
    PRTC_INIT(&config);
    config.seed[0] = (uint8_t)(i + 1);
    config.now = world->now;
    config.wall_clock = 1700000000;
    config.allocator = allocator;
    config.log_level = PRTC_LOG_DEBUG;
    config.recording_size = world_recording_size;
    config.capture_size = world_capture_size;
    config.key_log = world_key_log;
    if (i == 1) config.udp_port = world_udp_port;
    world->nodes[i].endpoint = prtc_endpoint_new(&config);
    PRTC_REQUIRE(world->nodes[i].endpoint != NULL);
    world->nodes[i].next_port = 5000;
    world->nodes[i].last_ip = (uint8_t)(i + 1);
  }
}

static inline void world_close(struct world *world) {
  for (int i = 0; i < WORLD_NODES; i++) {
    prtc_endpoint_free(world->nodes[i].endpoint);
    for (size_t k = 0; k < world->nodes[i].event_count; k++) free(world->nodes[i].events[k].data);
  }
  free(world->flights);
}

static inline prtc_peer *world_peer(struct world *world, int i) {
  prtc_peer_config config;
  PRTC_INIT(&config);
  PRTC_REQUIRE(prtc_peer_new(world->nodes[i].endpoint, world->now, &config, &world->nodes[i].peer) == PRTC_OK);
  return world->nodes[i].peer;
}

static inline void world_launch(struct world *world, const prtc_datagram *datagram, const prtc_address *from) {
  size_t segment = datagram->segment_size != 0 ? datagram->segment_size : datagram->size;
  for (size_t at = 0; at < datagram->size; at += segment) {
    size_t size = datagram->size - at < segment ? datagram->size - at : segment;
    if (size > WORLD_MTU || world->flight_count == WORLD_FLIGHT) continue; /* lost, as a probe of path MTU discovery is */
    struct flight *flight = &world->flights[(world->first_flight + world->flight_count) % WORLD_FLIGHT];
    *flight = (struct flight){.at = world->now + WORLD_DELAY, .from = *from, .to = datagram->remote, .size = size};
    memcpy(flight->bytes, datagram->data + at, size);
    for (size_t k = 0; k < size; k++) world->transcript = world->transcript * 33 + flight->bytes[k];
    world->counter++;
    if (world->drop == NULL || !world->drop(world, flight)) world->flight_count++;
  }
}

static inline void world_answer(struct world *world, struct node *node, const prtc_request *request) {
  prtc_reply reply = {.size = sizeof reply, .id = request->id};
  prtc_interface interface = {.index = 1, .network_type = PRTC_NETWORK_ETHERNET, .name = "eth0"};
  interface.address.family = PRTC_FAMILY_IPV4;
  memcpy(interface.address.ip, (uint8_t[]){192, 0, 2, node->last_ip}, 4);
  if (request->type == PRTC_REQUEST_INTERFACES) {
    reply.interfaces = &interface;
    reply.interface_count = 1;
  } else if (request->type == PRTC_REQUEST_OPEN_UDP) {
    PRTC_REQUIRE(node->socket_count < 16);
    reply.address = request->address;
    if (reply.address.port == 0) reply.address.port = node->next_port++;
    node->sockets[node->socket_count++] = (struct socket_at){request->socket, reply.address};
  } else if (request->type == PRTC_REQUEST_JOIN_MULTICAST) { /* the flights to the group come to both nodes */
    PRTC_REQUIRE(node->socket_count < 16);
    reply.address = request->address;
    node->sockets[node->socket_count++] = (struct socket_at){request->socket, reply.address};
  } else if (request->type == PRTC_REQUEST_CLOSE) {
    for (size_t i = 0; i < node->socket_count; i++) {
      if (node->sockets[i].id == request->socket) node->sockets[i] = node->sockets[--node->socket_count];
    }
    return;
  } else {
    reply.code = PRTC_ERROR_NOT_SUPPORTED;
  }
  PRTC_CHECK_INT(prtc_endpoint_reply(node->endpoint, world->now, &reply), PRTC_OK);
}

static inline void world_see(struct world *world, int i, const prtc_event *event) {
  struct node *node = &world->nodes[i], *other = &world->nodes[1 - i];
  PRTC_REQUIRE(node->event_count < WORLD_EVENTS);
  struct seen *seen = &node->events[node->event_count++];
  memset(seen, 0, sizeof *seen);
  seen->event = *event;
  if (event->text != NULL) strncpy(seen->text, event->text, sizeof seen->text - 1);
  if (event->mid != NULL) strncpy(seen->mid, event->mid, sizeof seen->mid - 1);
  if (event->data != NULL) {
    seen->data = malloc(event->size + 1);
    memcpy(seen->data, event->data, event->size);
    seen->data[event->size] = 0;
  }
  if (event->type == PRTC_EVENT_ICE_CANDIDATE && event->text != NULL && world->trickle && other->peer != NULL) {
    (void)prtc_peer_add_ice_candidate(other->peer, world->now, event->text, event->mid, (int)event->index, event->ufrag);
  }
}

/* Everything that can be done now is done. */
static inline void world_settle(struct world *world) {
  static uint8_t buffer[PRTC_TRAIN_SIZE];
  bool busy = true;
  for (int rounds = 0; busy; rounds++) {
    PRTC_REQUIRE(rounds < 10000);
    busy = false;
    for (int i = 0; i < WORLD_NODES; i++) {
      struct node *node = &world->nodes[i];
      prtc_datagram datagram;
      prtc_event events[8];
      prtc_request request;
      int count;
      while ((count = prtc_endpoint_transmit(node->endpoint, world->now, &datagram, buffer, sizeof buffer)) > 0) {
        const prtc_address *from = NULL;
        busy = true;
        if (datagram.protocol == PRTC_PROTOCOL_TCP) {
          PRTC_REQUIRE(world->tcp_send != NULL);
          world->tcp_send(world, i, &datagram);
          continue;
        }
        for (size_t k = 0; k < node->socket_count; k++) {
          if (node->sockets[k].id == datagram.socket) from = &node->sockets[k].address;
        }
        PRTC_REQUIRE(from != NULL);
        world_launch(world, &datagram, from);
      }
      while ((count = prtc_endpoint_event(node->endpoint, events, 8)) > 0) {
        for (int k = 0; k < count; k++) world_see(world, i, &events[k]);
        busy = true;
      }
      while (prtc_endpoint_request(node->endpoint, &request) > 0) {
        bool tcp = request.type == PRTC_REQUEST_CONNECT_TCP || request.type == PRTC_REQUEST_LISTEN_TCP;
        if (world->tcp_request != NULL && (tcp || request.type == PRTC_REQUEST_CLOSE)) {
          world->tcp_request(world, i, &request);
        }
        if (world->tcp_request == NULL || !tcp) world_answer(world, node, &request);
        busy = true;
      }
    }
  }
}

static inline void world_deliver(struct world *world) {
  while (world->flight_count > 0 && world->flights[world->first_flight].at <= world->now) {
    struct flight *flight = &world->flights[world->first_flight];
    for (int i = 0; i < WORLD_NODES; i++) {
      struct node *node = &world->nodes[i];
      for (size_t k = 0; k < node->socket_count; k++) {
        if (!prtc_address_equal(&node->sockets[k].address, &flight->to)) continue;
        const prtc_datagram datagram = {
            .socket = node->sockets[k].id, .local = flight->to, .remote = flight->from, .data = flight->bytes, .size = flight->size};
        int code = prtc_endpoint_receive(node->endpoint, world->now, &datagram, 1);
        PRTC_CHECK(code == PRTC_OK || PRTC_ERROR_IS_TRANSIENT(code) || (world->may_end && code == PRTC_ERROR_NO_MEMORY));
      }
    }
    world->first_flight = (world->first_flight + 1) % WORLD_FLIGHT;
    world->flight_count--;
  }
}

/* One step: to the next datagram or deadline, but not beyond `until`. False when `until` is reached. */
static inline bool world_step(struct world *world, prtc_time until) {
  world_settle(world);
  prtc_time next = PRTC_NEVER;
  if (world->flight_count > 0 && world->flights[world->first_flight].at < next) {
    next = world->flights[world->first_flight].at;
  }
  for (int i = 0; i < WORLD_NODES; i++) {
    prtc_time deadline = prtc_endpoint_deadline(world->nodes[i].endpoint);
    PRTC_REQUIRE(deadline > world->now || deadline == PRTC_NEVER);
    if (deadline < next) next = deadline;
  }
  if (next > until) {
    world->now = until;
    return false;
  }
  world->now = next;
  world_deliver(world);
  for (int i = 0; i < WORLD_NODES; i++) {
    if (prtc_endpoint_deadline(world->nodes[i].endpoint) > world->now) continue;
    PRTC_CHECK_INT(prtc_endpoint_timeout(world->nodes[i].endpoint, world->now), PRTC_OK);
    PRTC_REQUIRE(prtc_endpoint_deadline(world->nodes[i].endpoint) > world->now);
  }
  return true;
}

static inline void world_run(struct world *world, prtc_time duration) {
  prtc_time until = world->now + duration;
  while (world_step(world, until)) {}
}

/* The first event of that type (and, unless it is -1, that state) at a node, or NULL. */
static inline const struct seen *world_find(const struct world *world, int i, uint32_t type, int state) {
  for (size_t k = 0; k < world->nodes[i].event_count; k++) {
    const struct seen *seen = &world->nodes[i].events[k];
    if (seen->event.type == type && (state < 0 || seen->event.state == (uint32_t)state)) return seen;
  }
  return NULL;
}

static inline void world_signal(struct world *world, int from, prtc_sdp_type type) {
  static char sdp[65536];
  prtc_peer *a = world->nodes[from].peer, *b = world->nodes[1 - from].peer;
  int size = type == PRTC_SDP_OFFER ? prtc_peer_create_offer(a, world->now, NULL, sdp, sizeof sdp)
                                    : prtc_peer_create_answer(a, world->now, sdp, sizeof sdp);
  if (size < 0) fprintf(stderr, "%s\n", prtc_peer_error_message(a));
  PRTC_REQUIRE(size > 0);
  int code = prtc_peer_set_local_description(a, world->now, type, sdp, (size_t)size);
  if (code < 0) fprintf(stderr, "%s\n", prtc_peer_error_message(a));
  PRTC_REQUIRE(code == PRTC_OK);
  code = prtc_peer_set_remote_description(b, world->now, type, sdp, (size_t)size);
  if (code < 0) fprintf(stderr, "%s\n", prtc_peer_error_message(b));
  PRTC_REQUIRE(code == PRTC_OK);
}

static inline prtc_channel_id world_channel(struct world *world, int i, const char *label) {
  prtc_channel_config config;
  prtc_channel_id channel = 0;
  PRTC_INIT(&config);
  prtc_channel_config_init(&config);
  config.label = label;
  config.label_size = strlen(label);
  PRTC_REQUIRE(prtc_peer_create_data_channel(world->nodes[i].peer, world->now, &config, &channel) == PRTC_OK);
  return channel;
}

/* A peer at each side, which negotiate a channel, "chat", of the first one's; then so many µs go by. */
static inline prtc_channel_id world_connect_two(struct world *world, uint64_t microseconds) {
  world_peer(world, 0);
  world_peer(world, 1);
  prtc_channel_id channel = world_channel(world, 0, "chat");
  world_signal(world, 0, PRTC_SDP_OFFER);
  world_signal(world, 1, PRTC_SDP_ANSWER);
  world_run(world, microseconds);
  return channel;
}

static inline void world_print_log(struct world *world) {
  char line[512];
  for (int i = 0; i < WORLD_NODES; i++) {
    while (prtc_endpoint_log(world->nodes[i].endpoint, line, sizeof line) > 0) fprintf(stderr, "%d: %s\n", i, line);
  }
}

#endif
