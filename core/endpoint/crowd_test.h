/* A crowd for tests and benchmarks: two endpoints with any number of peers each, pair by pair, on one wire with a delay, in
 * virtual time. The server (node 0) has one port for all its peers; those of the client (node 1) have ports of their own.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_ENDPOINT_CROWD_TEST_H
#define PRTC_ENDPOINT_CROWD_TEST_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <polyrtc/polyrtc.h>

#include "core/base/testing.h"

enum { CROWD_DELAY = 10000, CROWD_BUCKETS = 65536, SERVER = 0, CLIENT = 1 };

struct crowd_flight {
  prtc_time at;
  prtc_address from, to;
  size_t size;
  uint8_t bytes[1500];
};

struct crowd_socket {
  prtc_socket_id id;
  prtc_address address;
  int node;
  bool open;
  size_t next; /* in its bucket, 1-based */
};

struct crowd_peer {
  prtc_peer *peer;
  prtc_channel_id channel;
  uint32_t connection, ice; /* the latest states */
  unsigned opened, messages, failures;
  char failure[256];
};

struct crowd {
  prtc_time now;
  prtc_endpoint *endpoints[2];
  struct crowd_peer *peers[2]; /* [id - 1] */
  size_t peer_counts[2], peer_capacity;
  struct crowd_socket *sockets;
  size_t socket_count, socket_capacity;
  size_t buckets[CROWD_BUCKETS];
  struct crowd_flight *flights; /* a ring */
  size_t flight_capacity, first_flight, flight_count;
  uint16_t port;                          /* the next of the client's */
  uint16_t forced_port;                   /* not 0: the next sockets of the client get this one */
  const char *stun_server;                /* NULL, or what the server's peers ask for their addresses */
  bool all_hear;                          /* several of the client's sockets at one address hear what comes there */
  uint32_t tcp_candidates;                /* of the server's peers: prtc_tcp_candidates, but 0 for none */
  prtc_socket_id listener;                /* the server's, when it has one */
  bool bind_fails, replies_late;
  prtc_request late[16];
  size_t late_count;
  unsigned opens, closes;                 /* of the server's sockets */
  unsigned streamed;                      /* what it has sent over connections */
  bool (*drop)(struct crowd *crowd, const struct crowd_flight *flight); /* NULL: nothing is lost */
  struct crowd_flight last;               /* the last of the client's that was delivered, for those who replay */
  unsigned long transcript;
};

static inline prtc_address crowd_address(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port) {
  return (prtc_address){.family = PRTC_FAMILY_IPV4, .ip = {a, b, c, d}, .port = port};
}

static const prtc_allocator *crowd_allocator; /* of the next crowds' servers */

static inline void crowd_open(struct crowd *crowd, size_t most, uint32_t udp_port, size_t recording_size) {
  memset(crowd, 0, sizeof *crowd);
  crowd->now = 1000000;
  crowd->port = 10000;
  crowd->transcript = 5381;
  crowd->peer_capacity = most;
  crowd->flight_capacity = 64 * (most < 256 ? most : 256) + 4096;
  crowd->flights = malloc(crowd->flight_capacity * sizeof *crowd->flights);
  for (int i = 0; i < 2; i++) {
    prtc_endpoint_config config;
    PRTC_INIT(&config);
    config.seed[0] = (uint8_t)(i + 1);
    config.now = crowd->now;
    config.wall_clock = 1700000000;
    config.log_level = PRTC_LOG_WARNING;
    config.allocator = i == SERVER ? crowd_allocator : NULL;
    config.udp_port = i == SERVER ? udp_port : 0;
    config.recording_size = i == SERVER ? recording_size : 0;
    crowd->endpoints[i] = prtc_endpoint_new(&config);
    PRTC_REQUIRE(crowd->endpoints[i] != NULL);
    crowd->peers[i] = calloc(most, sizeof *crowd->peers[i]);
  }
}

static inline void crowd_close(struct crowd *crowd) {
  for (int i = 0; i < 2; i++) {
    prtc_endpoint_free(crowd->endpoints[i]);
    free(crowd->peers[i]);
  }
  free(crowd->sockets);
  free(crowd->flights);
}

/* -------------------------------------------------------------------------------------------------------------- sockets */

static inline size_t *crowd_bucket(struct crowd *crowd, const prtc_address *address) {
  unsigned hash = address->port;
  for (int i = 0; i < 16; i++) hash = hash * 31 + address->ip[i];
  return &crowd->buckets[hash % CROWD_BUCKETS];
}

/* The newest that is open at that address. */
static inline struct crowd_socket *crowd_socket_at(struct crowd *crowd, const prtc_address *address) {
  for (size_t i = *crowd_bucket(crowd, address); i != 0; i = crowd->sockets[i - 1].next) {
    struct crowd_socket *socket = &crowd->sockets[i - 1];
    if (socket->open && prtc_address_equal(&socket->address, address)) return socket;
  }
  return NULL;
}

/* The ids of one endpoint count up, and so do their places here, nearly. */
static inline struct crowd_socket *crowd_socket(struct crowd *crowd, int node, prtc_socket_id id) {
  static size_t guess[2];
  for (size_t k = 0; k < crowd->socket_count; k++) {
    struct crowd_socket *socket = &crowd->sockets[(guess[node] + k) % crowd->socket_count];
    if (socket->node != node || socket->id != id) continue;
    guess[node] = (size_t)(socket - crowd->sockets);
    return socket;
  }
  return NULL;
}

static inline void crowd_bind(struct crowd *crowd, int node, prtc_socket_id id, const prtc_address *address) {
  if (crowd->socket_count == crowd->socket_capacity) {
    crowd->socket_capacity = 2 * crowd->socket_capacity + 64;
    crowd->sockets = realloc(crowd->sockets, crowd->socket_capacity * sizeof *crowd->sockets);
  }
  size_t *bucket = crowd_bucket(crowd, address);
  crowd->sockets[crowd->socket_count++] = (struct crowd_socket){id, *address, node, true, *bucket};
  *bucket = crowd->socket_count;
}

static inline int crowd_reply(struct crowd *crowd, int node, const prtc_request *request) {
  prtc_reply reply = {.size = sizeof reply, .id = request->id};
  prtc_interface interface = {.index = 1, .network_type = PRTC_NETWORK_ETHERNET, .name = "eth0"};
  interface.address = node == SERVER ? crowd_address(192, 0, 2, 1, 0) : crowd_address(198, 51, 100, 1, 0);
  if (request->type == PRTC_REQUEST_INTERFACES) {
    reply.interfaces = &interface;
    reply.interface_count = 1;
  } else if (request->type == PRTC_REQUEST_OPEN_UDP && node == SERVER && crowd->bind_fails) {
    reply.code = PRTC_ERROR_INVALID_STATE;
  } else if (request->type == PRTC_REQUEST_LISTEN_TCP) {
    PRTC_CHECK(crowd->listener == 0 && request->shared == 1);
    crowd->listener = request->socket;
    reply.address = request->address;
    crowd_bind(crowd, node, request->socket, &(prtc_address){.port = request->address.port}); /* no datagrams come there */
  } else if (request->type == PRTC_REQUEST_OPEN_UDP) {
    reply.address = request->address;
    if (reply.address.port == 0) {
      reply.address.port = node == SERVER ? 40000 : crowd->forced_port != 0 ? crowd->forced_port : crowd->port++;
      if (node == CLIENT && crowd->port == 0) crowd->port = 10000;
    }
    if (node == CLIENT) reply.address.ip[3] = (uint8_t)(1 + crowd->socket_count / 50000);
    crowd_bind(crowd, node, request->socket, &reply.address);
  } else {
    reply.code = PRTC_ERROR_NOT_SUPPORTED;
  }
  return prtc_endpoint_reply(crowd->endpoints[node], crowd->now, &reply);
}

static inline void crowd_carry_out(struct crowd *crowd, int node, const prtc_request *request) {
  if (node == SERVER) crowd->opens += request->type == PRTC_REQUEST_OPEN_UDP;
  if (node == SERVER) crowd->closes += request->type == PRTC_REQUEST_CLOSE;
  if (request->type == PRTC_REQUEST_CLOSE) {
    struct crowd_socket *socket = crowd_socket(crowd, node, request->socket);
    PRTC_REQUIRE(socket != NULL && socket->open);
    socket->open = false;
    if (request->socket == crowd->listener) crowd->listener = 0;
  } else if (request->type == PRTC_REQUEST_OPEN_UDP && node == SERVER && crowd->replies_late) {
    PRTC_REQUIRE(crowd->late_count < 16);
    crowd->late[crowd->late_count++] = *request;
  } else {
    PRTC_CHECK_INT(crowd_reply(crowd, node, request), PRTC_OK);
  }
}

/* ------------------------------------------------------------------------------------------------------------- the wire */

/* What the STUN server at 203.0.113.5 answers to a request (RFC 8489 section 14.2): it sees any address as 203.0.113.77,
 * the port as it is. */
static inline void crowd_reflect(struct crowd_flight *flight) {
  prtc_address from = flight->from;
  const uint8_t mapped[12] = {0, 0x20, 0, 8, 0, 1, (uint8_t)(from.port >> 8 ^ 0x21), (uint8_t)(from.port ^ 0x12),
                              203 ^ 0x21, 0 ^ 0x12, 113 ^ 0xA4, 77 ^ 0x42};
  memcpy(flight->bytes, (const uint8_t[]){1, 1, 0, 12}, 4);
  memcpy(flight->bytes + 20, mapped, sizeof mapped);
  flight->from = flight->to;
  flight->to = from;
  flight->size = 32;
}

static inline void crowd_fly(struct crowd *crowd, const prtc_address *from, const prtc_address *to, const uint8_t *data,
                             size_t size) {
  PRTC_REQUIRE(size <= 1500 && crowd->flight_count < crowd->flight_capacity);
  struct crowd_flight *flight = &crowd->flights[(crowd->first_flight + crowd->flight_count) % crowd->flight_capacity];
  flight->at = crowd->now + CROWD_DELAY;
  flight->from = *from;
  flight->to = *to;
  flight->size = size;
  memcpy(flight->bytes, data, size);
  for (size_t k = 0; k < size; k++) crowd->transcript = crowd->transcript * 33 + data[k];
  if (to->ip[0] == 203) crowd_reflect(flight);
  if (crowd->drop == NULL || !crowd->drop(crowd, flight)) crowd->flight_count++;
}

static inline bool crowd_transmit(struct crowd *crowd, int node) {
  static uint8_t buffer[PRTC_TRAIN_SIZE];
  prtc_datagram datagram;
  bool any = false;
  while (prtc_endpoint_transmit(crowd->endpoints[node], crowd->now, &datagram, buffer, sizeof buffer) > 0) {
    const struct crowd_socket *from = crowd_socket(crowd, node, datagram.socket);
    PRTC_REQUIRE(from != NULL && from->open);
    any = true;
    crowd->streamed += datagram.protocol == PRTC_PROTOCOL_TCP;
    if (datagram.protocol == PRTC_PROTOCOL_TCP) continue; /* nobody reads it */
    size_t segment = datagram.segment_size != 0 ? datagram.segment_size : datagram.size;
    for (size_t at = 0; at < datagram.size; at += segment) {
      size_t size = datagram.size - at < segment ? datagram.size - at : segment;
      crowd_fly(crowd, &from->address, &datagram.remote, datagram.data + at, size);
    }
  }
  return any;
}

/* A datagram at the door of whoever is there (of several the newest, or all). Returns what the endpoint says of it. */
static inline int crowd_arrive(struct crowd *crowd, const prtc_address *from, const prtc_address *to, const uint8_t *data,
                               size_t size) {
  int code = PRTC_ERROR_NOT_FOUND;
  for (size_t i = *crowd_bucket(crowd, to); i != 0; i = crowd->sockets[i - 1].next) {
    const struct crowd_socket *socket = &crowd->sockets[i - 1];
    if (!socket->open || !prtc_address_equal(&socket->address, to)) continue;
    const prtc_datagram datagram = {.socket = socket->id, .local = *to, .remote = *from, .data = data, .size = size};
    code = prtc_endpoint_receive(crowd->endpoints[socket->node], crowd->now, &datagram, 1);
    PRTC_CHECK(code == PRTC_OK || PRTC_ERROR_IS_TRANSIENT(code));
    if (!crowd->all_hear) break;
  }
  return code;
}

static inline void crowd_deliver(struct crowd *crowd) {
  while (crowd->flight_count > 0 && crowd->flights[crowd->first_flight].at <= crowd->now) {
    const struct crowd_flight *flight = &crowd->flights[crowd->first_flight];
    const struct crowd_socket *to = crowd_socket_at(crowd, &flight->to);
    if (to != NULL && to->node == SERVER) crowd->last = *flight;
    (void)crowd_arrive(crowd, &flight->from, &flight->to, flight->bytes, flight->size);
    crowd->first_flight = (crowd->first_flight + 1) % crowd->flight_capacity;
    crowd->flight_count--;
  }
}

/* --------------------------------------------------------------------------------------------------------------- events */

static inline void crowd_see(struct crowd *crowd, int node, const prtc_event *event) {
  PRTC_REQUIRE(event->type != PRTC_EVENT_ENDPOINT_FAILED);
  struct crowd_peer *peer = &crowd->peers[node][event->peer - 1], *other = &crowd->peers[1 - node][event->peer - 1];
  switch (event->type) {
    case PRTC_EVENT_ICE_CANDIDATE:
      if (event->text != NULL && other->peer != NULL) {
        (void)prtc_peer_add_ice_candidate(other->peer, crowd->now, event->text, event->mid, (int)event->index,
                                          event->ufrag);
      }
      break;
    case PRTC_EVENT_CONNECTION_STATE_CHANGE: peer->connection = event->state; break;
    case PRTC_EVENT_ICE_CONNECTION_STATE_CHANGE: peer->ice = event->state; break;
    case PRTC_EVENT_FAILED:
      peer->failures++;
      strncpy(peer->failure, event->text, sizeof peer->failure - 1);
      break;
    case PRTC_EVENT_CHANNEL_OPEN:
    case PRTC_EVENT_DATA_CHANNEL:
      peer->opened++;
      peer->channel = event->object;
      break;
    case PRTC_EVENT_CHANNEL_MESSAGE: peer->messages++; break;
    default: break;
  }
}

/* Everything that can be done now is done. */
static inline void crowd_settle(struct crowd *crowd) {
  bool busy = true;
  for (int rounds = 0; busy; rounds++) {
    PRTC_REQUIRE(rounds < 10000);
    busy = false;
    for (int node = 0; node < 2; node++) {
      prtc_event events[32];
      prtc_request request;
      int count;
      if (crowd_transmit(crowd, node)) busy = true;
      while ((count = prtc_endpoint_event(crowd->endpoints[node], events, 32)) > 0) {
        for (int k = 0; k < count; k++) crowd_see(crowd, node, &events[k]);
        busy = true;
      }
      while (prtc_endpoint_request(crowd->endpoints[node], &request) > 0) {
        crowd_carry_out(crowd, node, &request);
        busy = true;
      }
    }
  }
}

static inline void crowd_run(struct crowd *crowd, prtc_time duration) {
  prtc_time until = crowd->now + duration;
  for (;;) {
    crowd_settle(crowd);
    prtc_time next = crowd->flight_count > 0 ? crowd->flights[crowd->first_flight].at : PRTC_NEVER;
    for (int i = 0; i < 2; i++) {
      prtc_time deadline = prtc_endpoint_deadline(crowd->endpoints[i]);
      PRTC_REQUIRE(deadline > crowd->now);
      if (deadline < next) next = deadline;
    }
    crowd->now = next > until ? until : next;
    if (next > until) return;
    crowd_deliver(crowd);
    for (int i = 0; i < 2; i++) {
      if (prtc_endpoint_deadline(crowd->endpoints[i]) > crowd->now) continue;
      PRTC_CHECK_INT(prtc_endpoint_timeout(crowd->endpoints[i], crowd->now), PRTC_OK);
    }
  }
}

/* ---------------------------------------------------------------------------------------------------------------- pairs */

static inline void crowd_signal(struct crowd *crowd, size_t pair, prtc_sdp_type type) {
  static char sdp[65536];
  prtc_peer *client = crowd->peers[CLIENT][pair].peer, *server = crowd->peers[SERVER][pair].peer;
  prtc_peer *from = type == PRTC_SDP_OFFER ? client : server, *to = type == PRTC_SDP_OFFER ? server : client;
  int size = type == PRTC_SDP_OFFER ? prtc_peer_create_offer(from, crowd->now, NULL, sdp, sizeof sdp)
                                    : prtc_peer_create_answer(from, crowd->now, sdp, sizeof sdp);
  PRTC_REQUIRE(size > 0);
  PRTC_CHECK_INT(prtc_peer_set_local_description(from, crowd->now, type, sdp, (size_t)size), PRTC_OK);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(to, crowd->now, type, sdp, (size_t)size), PRTC_OK);
}

/* A peer at each end, with a channel, negotiating. Returns their index. */
static inline size_t crowd_pair(struct crowd *crowd) {
  size_t pair = crowd->peer_counts[0];
  PRTC_REQUIRE(pair < crowd->peer_capacity);
  for (int i = 0; i < 2; i++) {
    prtc_peer_config config;
    const prtc_ice_server server = {.url = crowd->stun_server};
    PRTC_INIT(&config);
    config.ice_servers = &server;
    config.tcp_candidates = i == SERVER && crowd->tcp_candidates != 0 ? crowd->tcp_candidates : PRTC_TCP_CANDIDATES_NONE;
    config.ice_server_count = i == SERVER && crowd->stun_server != NULL ? 1 : 0;
    PRTC_REQUIRE(prtc_peer_new(crowd->endpoints[i], crowd->now, &config, &crowd->peers[i][pair].peer) == PRTC_OK);
    PRTC_REQUIRE(prtc_peer_get_id(crowd->peers[i][pair].peer) == pair + 1);
    crowd->peer_counts[i]++;
  }
  prtc_channel_config channel;
  PRTC_INIT(&channel);
  channel.label = "c", channel.label_size = 1, channel.stream_id = PRTC_STREAM_NONE;
  PRTC_REQUIRE(prtc_peer_create_data_channel(crowd->peers[CLIENT][pair].peer, crowd->now, &channel,
                                             &crowd->peers[CLIENT][pair].channel) == PRTC_OK);
  crowd_signal(crowd, pair, PRTC_SDP_OFFER);
  crowd_signal(crowd, pair, PRTC_SDP_ANSWER);
  return pair;
}

static inline bool crowd_is_open(const struct crowd *crowd, size_t pair) {
  return crowd->peers[SERVER][pair].opened > 0 && crowd->peers[CLIENT][pair].opened > 0;
}

static inline int crowd_send(struct crowd *crowd, int node, size_t pair, const void *data, size_t size) {
  const struct crowd_peer *peer = &crowd->peers[node][pair];
  return prtc_peer_send(peer->peer, crowd->now, peer->channel, PRTC_MESSAGE_BINARY, data, size);
}

/* A message each way arrives, and nowhere else. */
static inline void crowd_exchange(struct crowd *crowd, size_t pair) {
  unsigned before[2] = {crowd->peers[0][pair].messages, crowd->peers[1][pair].messages};
  for (int i = 0; i < 2; i++) PRTC_CHECK_INT(crowd_send(crowd, i, pair, "hello", 5), PRTC_OK);
  crowd_run(crowd, 1000000);
  for (int i = 0; i < 2; i++) PRTC_CHECK_INT(crowd->peers[i][pair].messages, before[i] + 1);
}

static inline void crowd_free_peer(struct crowd *crowd, int node, size_t pair) {
  prtc_peer_free(crowd->peers[node][pair].peer);
  crowd->peers[node][pair].peer = NULL;
}

static inline prtc_endpoint_stats crowd_stats(const struct crowd *crowd) {
  prtc_endpoint_stats stats = {.size = sizeof stats};
  PRTC_CHECK_INT(prtc_endpoint_get_stats(crowd->endpoints[SERVER], &stats), PRTC_OK);
  return stats;
}

#endif
