/* Two stacks, TURN servers, and a network between them in virtual time: the world of relay_test.c.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_TRANSPORT_RELAY_WORLD_TEST_H
#define PRTC_TRANSPORT_RELAY_WORLD_TEST_H

#include "core/transport/internal.h"

#include <stdlib.h>

#include "core/tls/server_test.h"
#include "core/turn/server_test.h"

enum { FLIGHTS = 2048, DELAY = 5000, MOST_ALLOCATIONS = 16, MOST_STREAMS = 8 };

/* What a TURN server has for one client. */
struct allocation {
  struct turn_server server;
  prtc_address at;       /* of the server */
  prtc_address client;   /* UDP; else family none */
  prtc_socket_id stream; /* TCP */
  int side;
  struct tls_server tls; /* before it, when there is one */
  bool said_goodbye;     /* TLS did */
};

struct side {
  struct prtc_context context;
  prtc_certificate *certificate;
  struct prtc_transport *transport;
  prtc_address address; /* of its only UDP socket; port 0: closed */
  prtc_socket_id socket;
  struct {
    prtc_socket_id id;  /* 0: none */
    prtc_address remote;
  } streams[MOST_STREAMS];
  uint32_t ice_state, dtls_state, sctp_state, gathering_state;
  unsigned opened, messages, errors, requests;
  char failure[256];
  int error;            /* the latest of a server */
  char text[256];
  size_t bytes, longest_train;
  prtc_candidate candidates[32];
  size_t candidate_count;
};

struct flight {
  prtc_time at;
  prtc_address from, to;
  prtc_socket_id stream; /* of `side`: bytes of it; else a datagram */
  int side;
  bool inwards;          /* of a stream: to the side */
  size_t size;
  uint8_t bytes[2048];
};

static struct side sides[2];
static struct flight flights[FLIGHTS];
static size_t first, count;
static prtc_time now;
static struct allocation allocations[MOST_ALLOCATIONS];
static size_t allocation_count;
static bool direct;          /* hosts reach each other */
static bool only_to_servers; /* whatever else leaves is a failure */
static bool refuses_streams, silent_streams, may_lack_memory;
static const struct identity *identity; /* of servers over TLS; NULL: they have none */
static struct prtc_trust *anchors;      /* what the driver has; NULL: none */
static unsigned trust_requests;
static struct prtc_meter meter = {.left = -1}; /* of side 0's memory */
static void (*set_up)(struct turn_server *server, const prtc_address *at); /* a new allocation's server */

static inline prtc_address host(int i) { return address_of(i == 0 ? "10.0.0.1:7000" : "10.0.0.2:7000"); }

static inline bool is_server(const prtc_address *address) { return address->port == 3478; }

/* -------------------------------------------------------------------------------------------------------------- network */

static inline void fly(const struct flight *flight, const uint8_t *data, size_t size) {
  PRTC_REQUIRE(count < FLIGHTS && size <= sizeof flights[0].bytes);
  struct flight *place = &flights[(first + count++) % FLIGHTS];
  *place = *flight;
  place->at = now + DELAY;
  place->size = size;
  memcpy(place->bytes, data, size);
}

static inline void to_client(void *user, const uint8_t *data, size_t size) {
  const struct allocation *allocation = user;
  const struct flight flight = {.from = allocation->at,
                                .to = allocation->client,
                                .stream = allocation->stream,
                                .side = allocation->side,
                                .inwards = true};
  if (allocation->tls.ssl == NULL) {
    fly(&flight, data, size);
    return;
  }
  uint8_t sealed[2048];
  if (size > 0) PRTC_REQUIRE(SSL_write(allocation->tls.ssl, data, (int)size) == (int)size);
  while ((size = tls_server_give((struct tls_server *)&allocation->tls, sealed, sizeof sealed)) > 0) {
    fly(&flight, sealed, size);
  }
}

static inline void to_peer(void *user, const prtc_address *peer, const uint8_t *data, size_t size) {
  const struct allocation *allocation = user;
  const struct flight flight = {.from = allocation->server.relayed[peer->family == PRTC_FAMILY_IPV6], .to = *peer};
  fly(&flight, data, size);
}

static inline struct allocation *allocation_of(const prtc_address *at, const prtc_address *client, prtc_socket_id stream,
                                               int side) {
  for (size_t i = 0; i < allocation_count; i++) {
    struct allocation *allocation = &allocations[i];
    if (allocation->side == side && allocation->stream == stream && prtc_address_equal(&allocation->at, at) &&
        prtc_address_equal(&allocation->client, client)) {
      return allocation;
    }
  }
  PRTC_REQUIRE(allocation_count < MOST_ALLOCATIONS);
  struct allocation *allocation = &allocations[allocation_count++];
  *allocation = (struct allocation){.at = *at, .client = *client, .stream = stream, .side = side};
  server_init(&allocation->server);
  allocation->server.user = allocation;
  allocation->server.send = to_client;
  allocation->server.relay = to_peer;
  allocation->server.stream = stream != 0;
  allocation->server.ignores_families = true;
  allocation->server.relayed[0] = (prtc_address){
      .family = PRTC_FAMILY_IPV4, .ip = {203, 0, 113, (uint8_t)(100 + allocation_count)}, .port = 49152};
  allocation->server.mapped = *client;
  if (stream != 0) allocation->server.mapped = address_of("198.51.100.1:40000");
  if (client->family == PRTC_FAMILY_IPV4) allocation->server.mapped.ip[0] = 198; /* a NAT is on the way */
  if (set_up != NULL) set_up(&allocation->server, at);
  if (stream != 0 && identity != NULL) {
    struct prtc_context *previous = prtc_enter(&sides[0].context);
    tls_server_init(&allocation->tls, identity, NULL, 0);
    prtc_leave(previous);
  }
  return allocation;
}

static inline void to_server(struct allocation *allocation, const uint8_t *data, size_t size) {
  static uint8_t plain[PRTC_TRAIN_SIZE];
  struct prtc_context *previous = prtc_enter(&sides[0].context);
  allocation->server.now = now;
  if (allocation->tls.ssl != NULL) {
    size = tls_server_take(&allocation->tls, data, size, plain, sizeof plain);
    allocation->said_goodbye = (SSL_get_shutdown(allocation->tls.ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
    data = plain;
    to_client(allocation, NULL, 0); /* the handshake's */
  }
  for (size_t at = 0; at < size;) at += server_take(&allocation->server, data + at, size - at);
  prtc_leave(previous);
}

static inline bool has_stream(const struct side *side, prtc_socket_id id) {
  for (size_t i = 0; i < MOST_STREAMS; i++) {
    if (id != 0 && side->streams[i].id == id) return true;
  }
  return false;
}

static inline void arrive(const struct flight *flight) {
  struct side *side = &sides[flight->side];
  prtc_datagram datagram = {.remote = flight->from, .data = flight->bytes, .size = flight->size};
  if (flight->stream != 0 && flight->inwards) { /* in pieces, as streams have it */
    size_t half = flight->size / 2;
    datagram.socket = flight->stream;
    datagram.protocol = PRTC_PROTOCOL_TCP;
    datagram.size = half;
    if (half > 0 && has_stream(side, flight->stream)) (void)prtc_transport_receive(side->transport, now, &datagram);
    datagram.data += half;
    datagram.size = flight->size - half;
    if (has_stream(side, flight->stream)) (void)prtc_transport_receive(side->transport, now, &datagram);
    return;
  }
  if (is_server(&flight->to)) {
    to_server(allocation_of(&flight->to, &flight->from, flight->stream, flight->side), flight->bytes, flight->size);
    return;
  }
  for (size_t i = 0; i < allocation_count; i++) {
    if (!prtc_address_equal(&allocations[i].server.relayed[0], &flight->to)) continue;
    allocations[i].server.now = now;
    peer_sends(&allocations[i].server, &flight->from, flight->bytes, flight->size, false);
  }
  for (int i = 0; i < 2; i++) {
    if (!prtc_address_equal(&sides[i].address, &flight->to)) continue;
    datagram.socket = sides[i].socket;
    datagram.local = sides[i].address;
    (void)prtc_transport_receive(sides[i].transport, now, &datagram);
  }
}

static inline void depart(int i, const prtc_datagram *datagram) {
  struct side *side = &sides[i];
  size_t segment = datagram->segment_size != 0 ? datagram->segment_size : datagram->size;
  struct flight flight = {.from = side->address, .to = datagram->remote, .side = i};
  PRTC_REQUIRE((datagram->socket & PRTC_VIRTUAL_SOCKET) == 0);
  if (only_to_servers) PRTC_CHECK(is_server(&datagram->remote));
  if (datagram->protocol == PRTC_PROTOCOL_TCP) {
    PRTC_REQUIRE(has_stream(side, datagram->socket) && datagram->segment_size == 0);
    if (silent_streams) return;
    flight.from = (prtc_address){0};
    flight.stream = datagram->socket;
    struct allocation *allocation = allocation_of(&flight.to, &flight.from, flight.stream, i);
    to_server(allocation, datagram->data, datagram->size); /* whole, so that the server need not collect */
    return;
  }
  PRTC_REQUIRE(datagram->socket == side->socket && side->address.port != 0);
  if (datagram->size / segment > side->longest_train) side->longest_train = datagram->size / segment;
  bool between_hosts = datagram->remote.ip[0] == 10 || datagram->remote.ip[0] == 198;
  if (between_hosts && !direct) return;
  if (datagram->remote.ip[0] == 198) flight.to.ip[0] = 10; /* the NATs let all through */
  for (size_t at = 0; at < datagram->size; at += segment) {
    fly(&flight, datagram->data + at, datagram->size - at < segment ? datagram->size - at : segment);
  }
}

/* ---------------------------------------------------------------------------------------------------------------- sides */

static inline void open_sides(bool relay_only) {
  memset(sides, 0, sizeof sides);
  first = count = allocation_count = 0;
  now = 1000000;
  direct = true;
  only_to_servers = relay_only;
  refuses_streams = silent_streams = false;
  trust_requests = 0;
  set_up = NULL;
  for (int i = 0; i < 2; i++) {
    struct side *side = &sides[i];
    const uint8_t seed[32] = {(uint8_t)(i + 1)};
    prtc_allocator allocator = prtc_metered(&meter);
    prtc_context_init(&side->context, seed, i == 0 ? &allocator : NULL, PRTC_LOG_NONE);
    side->context.capture.epoch = (uint64_t)NOW * 1000000;
    side->certificate = prtc_certificate_new(&side->context, 1700000000);
    const struct prtc_transport_config config = {.certificate = side->certificate,
                                                 .controlling = i == 0,
                                                 .relay_only = relay_only,
                                                 .max_message_size = PRTC_MAX_MESSAGE_SIZE_DEFAULT,
                                                 .send_queue_size = PRTC_SEND_QUEUE_DEFAULT,
                                                 .mtu = 1200};
    side->transport = prtc_transport_new(&side->context, now, &config);
    PRTC_REQUIRE(side->transport != NULL);
  }
}

static inline void close_sides(void) {
  for (size_t i = 0; i < allocation_count; i++) {
    struct prtc_context *previous = prtc_enter(&sides[0].context);
    if (allocations[i].tls.ssl != NULL) tls_server_clear(&allocations[i].tls);
    prtc_leave(previous);
  }
  for (int i = 0; i < 2; i++) {
    prtc_transport_free(sides[i].transport);
    prtc_certificate_release(sides[i].certificate);
    prtc_context_clear(&sides[i].context);
  }
}

static inline void use_server(int i, uint32_t protocol, const char *address) {
  const struct prtc_transport_server server = {
      .protocol = protocol, .host = address, .port = 3478, .username = "alice", .credential = "secret"};
  PRTC_CHECK_INT(prtc_transport_add_server(sides[i].transport, now, &server), PRTC_OK);
}

static inline void close_socket(struct side *side, prtc_socket_id id) {
  if (id == side->socket) {
    side->address.port = 0;
    return;
  }
  PRTC_CHECK(has_stream(side, id));
  for (size_t k = 0; k < MOST_STREAMS; k++) {
    if (side->streams[k].id == id) side->streams[k].id = 0;
  }
}

static inline void connect_stream(struct side *side, const prtc_request *request) {
  size_t k = 0;
  while (k < MOST_STREAMS && side->streams[k].id != 0) k++;
  PRTC_REQUIRE(k < MOST_STREAMS && is_server(&request->remote));
  side->streams[k].id = request->socket;
  side->streams[k].remote = request->remote;
}

static inline void answer(int i, const prtc_request *asked) {
  struct side *side = &sides[i];
  prtc_request request = *asked;
  prtc_reply reply = {.size = sizeof reply};
  prtc_interface interface = {.index = 2, .network_type = PRTC_NETWORK_ETHERNET, .address = host(i)};
  interface.address.port = 0;
  side->requests++;
  if (request.type == PRTC_REQUEST_CLOSE) {
    close_socket(side, request.socket);
    return;
  }
  if (request.type == PRTC_REQUEST_INTERFACES) {
    reply.interfaces = &interface;
    reply.interface_count = 1;
  } else if (request.type == PRTC_REQUEST_OPEN_UDP) {
    side->socket = request.socket;
    side->address = reply.address = host(i);
  } else if (request.type == PRTC_REQUEST_TRUST_ANCHORS) {
    trust_requests++;
    prtc_transport_set_trust(side->transport, now, anchors);
    return;
  } else if (request.type == PRTC_REQUEST_CONNECT_TCP && !refuses_streams) {
    connect_stream(side, &request);
  } else {
    reply.code = PRTC_ERROR_NOT_SUPPORTED;
  }
  if (prtc_transport_reply(side->transport, now, &request, &reply) < 0) PRTC_CHECK(may_lack_memory);
}

static inline void take_event(int i, const struct prtc_transport_event *event) {
  struct side *side = &sides[i], *other = &sides[1 - i];
  switch (event->type) {
    case PRTC_TRANSPORT_EVENT_CANDIDATE:
      PRTC_REQUIRE(side->candidate_count < 32);
      side->candidates[side->candidate_count++] = event->candidate;
      if (prtc_transport_add_remote_candidate(other->transport, now, &event->candidate) < 0) PRTC_CHECK(may_lack_memory);
      break;
    case PRTC_TRANSPORT_EVENT_GATHERING_STATE: side->gathering_state = event->state; break;
    case PRTC_TRANSPORT_EVENT_ICE_STATE: side->ice_state = event->state; break;
    case PRTC_TRANSPORT_EVENT_DTLS_STATE: side->dtls_state = event->state; break;
    case PRTC_TRANSPORT_EVENT_SCTP_STATE: side->sctp_state = event->state; break;
    case PRTC_TRANSPORT_EVENT_FAILED: memcpy(side->failure, event->text, sizeof side->failure); break;
    case PRTC_TRANSPORT_EVENT_SERVER_FAILED:
      side->errors++;
      side->error = event->code;
      memcpy(side->text, event->text, sizeof side->text);
      break;
    case PRTC_TRANSPORT_EVENT_CHANNEL:
      if (event->channel.type == PRTC_EVENT_CHANNEL_OPEN) side->opened++;
      if (event->channel.type == PRTC_EVENT_CHANNEL_MESSAGE) side->messages++, side->bytes += event->channel.size;
      break;
    default: break;
  }
}

static inline void settle(int i) {
  static uint8_t buffer[PRTC_TRAIN_SIZE];
  static prtc_socket_id next_socket;
  struct side *side = &sides[i];
  struct prtc_transport_event event;
  for (bool busy = true; busy;) {
    busy = false;
    prtc_request request = {.socket = next_socket + 1};
    while (prtc_transport_request(side->transport, &request) > 0) {
      if (request.type == PRTC_REQUEST_OPEN_UDP || request.type == PRTC_REQUEST_CONNECT_TCP) request.socket = ++next_socket;
      answer(i, &request);
      request = (prtc_request){.socket = next_socket + 1};
      busy = true;
    }
    prtc_datagram datagram = {0};
    while (prtc_transport_transmit(side->transport, now, &datagram, buffer, sizeof buffer) > 0) {
      depart(i, &datagram);
      datagram = (prtc_datagram){0};
      busy = true;
    }
    while (prtc_transport_event(side->transport, &event) > 0) take_event(i, &event), busy = true;
  }
}

static inline void run(prtc_time duration) {
  prtc_time until = now + duration;
  for (;;) {
    for (int i = 0; i < 4; i++) settle(i % 2); /* events of one are commands to the other */
    prtc_time next = until;
    if (count > 0 && flights[first].at < next) next = flights[first].at;
    for (int i = 0; i < 2; i++) {
      prtc_time deadline = prtc_transport_deadline(sides[i].transport);
      PRTC_REQUIRE(deadline > now);
      if (deadline < next) next = deadline;
    }
    bool over = next >= until;
    now = next;
    while (count > 0 && flights[first].at <= now) {
      struct flight flight = flights[first];
      first = (first + 1) % FLIGHTS;
      count--;
      arrive(&flight);
    }
    for (int i = 0; i < 2; i++) {
      if (prtc_transport_deadline(sides[i].transport) <= now) (void)prtc_transport_timeout(sides[i].transport, now);
    }
    if (over) return;
  }
}

static inline void join(void) {
  for (int i = 0; i < 2; i++) {
    struct side *side = &sides[i], *other = &sides[1 - i];
    prtc_fingerprint fingerprint;
    struct prtc_transport_remote remote = {.dtls_role = i == 0 ? PRTC_DTLS_ROLE_SERVER : PRTC_DTLS_ROLE_CLIENT,
                                           .fingerprints = &fingerprint,
                                           .fingerprint_count = 1,
                                           .sctp_port = 5000,
                                           .max_message_size = 65536};
    PRTC_REQUIRE(prtc_certificate_get_fingerprint(other->certificate, "sha-256", &fingerprint) == PRTC_OK);
    PRTC_REQUIRE(prtc_transport_get_ice_parameters(other->transport, &remote.ice) == PRTC_OK);
    PRTC_REQUIRE(prtc_transport_gather(side->transport, now) == PRTC_OK);
    if (prtc_transport_set_remote(side->transport, now, &remote) < 0) PRTC_CHECK(may_lack_memory);
  }
}

static inline prtc_channel_id make_channel(int i) {
  prtc_channel_config config;
  prtc_channel_id channel = 0;
  const char *reason = NULL;
  prtc_channel_config_init(&config);
  PRTC_REQUIRE(prtc_transport_create_channel(sides[i].transport, now, &config, &channel, &reason) == PRTC_OK);
  return channel;
}

static inline void check_connected(void) {
  for (int i = 0; i < 2; i++) {
    PRTC_CHECK_INT(sides[i].gathering_state, PRTC_ICE_GATHERING_COMPLETE);
    PRTC_CHECK(sides[i].ice_state == PRTC_ICE_TRANSPORT_CONNECTED || sides[i].ice_state == PRTC_ICE_TRANSPORT_COMPLETED);
    PRTC_CHECK_INT(sides[i].sctp_state, PRTC_SCTP_TRANSPORT_CONNECTED);
    PRTC_CHECK_INT(sides[i].opened, 1);
  }
}

static inline void check_pair(int i, prtc_candidate_type local, prtc_candidate_type remote) {
  prtc_ice_pair pair;
  PRTC_REQUIRE(prtc_transport_get_selected_pair(sides[i].transport, &pair) == 1);
  PRTC_CHECK_INT(pair.local_type, local);
  PRTC_CHECK_INT(pair.remote_type, remote);
}

static inline size_t count_candidates(int i, prtc_candidate_type type) {
  size_t found = 0;
  for (size_t k = 0; k < sides[i].candidate_count; k++) {
    found += sides[i].candidates[k].type == (uint32_t)type && sides[i].candidates[k].protocol == PRTC_PROTOCOL_UDP;
  }
  return found;
}

/* Allocations that are there now. */
static inline size_t live_allocations(void) {
  size_t found = 0;
  for (size_t i = 0; i < allocation_count; i++) found += allocations[i].server.expires > now;
  return found;
}

static inline void close_both(void) {
  for (int i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_transport_close(sides[i].transport, now), PRTC_OK);
}

static inline void check_gone(void) {
  for (int i = 0; i < 2; i++) {
    PRTC_CHECK(prtc_transport_is_drained(sides[i].transport));
    PRTC_CHECK(prtc_transport_deadline(sides[i].transport) == PRTC_NEVER);
    if (may_lack_memory) continue; /* a socket for whose request to close there is none goes with its peer */
    PRTC_CHECK_INT(sides[i].address.port, 0);
    for (size_t k = 0; k < MOST_STREAMS; k++) PRTC_CHECK_INT(sides[i].streams[k].id, 0);
  }
}

/* ---------------------------------------------------------------------------------------------------------------- tests */

static inline void carry(prtc_channel_id channel) {
  static uint8_t message[60000];
  for (int i = 0; i < 20; i++) {
    PRTC_CHECK_INT(prtc_transport_send(sides[0].transport, now, channel, PRTC_MESSAGE_BINARY, message, sizeof message),
                   PRTC_OK);
  }
  run(5000000);
  PRTC_CHECK_INT(sides[1].messages, 20);
  PRTC_CHECK_INT(sides[1].bytes, 20 * sizeof message);
}

#endif
