/* Two stacks, TURN servers, and a network between them in virtual time.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
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

static prtc_address host(int i) { return address_of(i == 0 ? "10.0.0.1:7000" : "10.0.0.2:7000"); }

static bool is_server(const prtc_address *address) { return address->port == 3478; }

/* -------------------------------------------------------------------------------------------------------------- network */

static void fly(const struct flight *flight, const uint8_t *data, size_t size) {
  PRTC_REQUIRE(count < FLIGHTS && size <= sizeof flights[0].bytes);
  struct flight *place = &flights[(first + count++) % FLIGHTS];
  *place = *flight;
  place->at = now + DELAY;
  place->size = size;
  memcpy(place->bytes, data, size);
}

static void to_client(void *user, const uint8_t *data, size_t size) {
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

static void to_peer(void *user, const prtc_address *peer, const uint8_t *data, size_t size) {
  const struct allocation *allocation = user;
  const struct flight flight = {.from = allocation->server.relayed[peer->family == PRTC_FAMILY_IPV6], .to = *peer};
  fly(&flight, data, size);
}

static struct allocation *allocation_of(const prtc_address *at, const prtc_address *client, prtc_socket_id stream,
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

static void to_server(struct allocation *allocation, const uint8_t *data, size_t size) {
  static uint8_t plain[PRTC_TRAIN_SIZE];
  struct prtc_context *previous = prtc_enter(&sides[0].context);
  allocation->server.now = now;
  if (allocation->tls.ssl != NULL) {
    size = tls_server_take(&allocation->tls, data, size, plain, sizeof plain);
    data = plain;
    to_client(allocation, NULL, 0); /* the handshake's */
  }
  for (size_t at = 0; at < size;) at += server_take(&allocation->server, data + at, size - at);
  prtc_leave(previous);
}

static bool has_stream(const struct side *side, prtc_socket_id id) {
  for (size_t i = 0; i < MOST_STREAMS; i++) {
    if (id != 0 && side->streams[i].id == id) return true;
  }
  return false;
}

static void arrive(const struct flight *flight) {
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

static void depart(int i, const prtc_datagram *datagram) {
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

static void open_sides(bool relay_only) {
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

static void close_sides(void) {
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

static void use_server(int i, uint32_t protocol, const char *address) {
  const struct prtc_transport_server server = {
      .protocol = protocol, .host = address, .port = 3478, .username = "alice", .credential = "secret"};
  PRTC_CHECK_INT(prtc_transport_add_server(sides[i].transport, now, &server), PRTC_OK);
}

static void close_socket(struct side *side, prtc_socket_id id) {
  if (id == side->socket) {
    side->address.port = 0;
    return;
  }
  PRTC_CHECK(has_stream(side, id));
  for (size_t k = 0; k < MOST_STREAMS; k++) {
    if (side->streams[k].id == id) side->streams[k].id = 0;
  }
}

static void connect_stream(struct side *side, const prtc_request *request) {
  size_t k = 0;
  while (k < MOST_STREAMS && side->streams[k].id != 0) k++;
  PRTC_REQUIRE(k < MOST_STREAMS && is_server(&request->remote));
  side->streams[k].id = request->socket;
  side->streams[k].remote = request->remote;
}

static void answer(int i, const prtc_request *asked) {
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

static void take_event(int i, const struct prtc_transport_event *event) {
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

static void settle(int i) {
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

static void run(prtc_time duration) {
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

static void join(void) {
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

static prtc_channel_id make_channel(int i) {
  prtc_channel_config config;
  prtc_channel_id channel = 0;
  const char *reason = NULL;
  prtc_channel_config_init(&config);
  PRTC_REQUIRE(prtc_transport_create_channel(sides[i].transport, now, &config, &channel, &reason) == PRTC_OK);
  return channel;
}

static void check_connected(void) {
  for (int i = 0; i < 2; i++) {
    PRTC_CHECK_INT(sides[i].gathering_state, PRTC_ICE_GATHERING_COMPLETE);
    PRTC_CHECK(sides[i].ice_state == PRTC_ICE_TRANSPORT_CONNECTED || sides[i].ice_state == PRTC_ICE_TRANSPORT_COMPLETED);
    PRTC_CHECK_INT(sides[i].sctp_state, PRTC_SCTP_TRANSPORT_CONNECTED);
    PRTC_CHECK_INT(sides[i].opened, 1);
  }
}

static void check_pair(int i, prtc_candidate_type local, prtc_candidate_type remote) {
  prtc_ice_pair pair;
  PRTC_REQUIRE(prtc_transport_get_selected_pair(sides[i].transport, &pair) == 1);
  PRTC_CHECK_INT(pair.local_type, local);
  PRTC_CHECK_INT(pair.remote_type, remote);
}

static size_t count_candidates(int i, prtc_candidate_type type) {
  size_t found = 0;
  for (size_t k = 0; k < sides[i].candidate_count; k++) {
    found += sides[i].candidates[k].type == (uint32_t)type && sides[i].candidates[k].protocol == PRTC_PROTOCOL_UDP;
  }
  return found;
}

/* Allocations that are there now. */
static size_t live_allocations(void) {
  size_t found = 0;
  for (size_t i = 0; i < allocation_count; i++) found += allocations[i].server.expires > now;
  return found;
}

static void close_both(void) {
  for (int i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_transport_close(sides[i].transport, now), PRTC_OK);
}

static void check_gone(void) {
  for (int i = 0; i < 2; i++) {
    PRTC_CHECK(prtc_transport_is_drained(sides[i].transport));
    PRTC_CHECK(prtc_transport_deadline(sides[i].transport) == PRTC_NEVER);
    if (may_lack_memory) continue; /* a socket for whose request to close there is none goes with its peer */
    PRTC_CHECK_INT(sides[i].address.port, 0);
    for (size_t k = 0; k < MOST_STREAMS; k++) PRTC_CHECK_INT(sides[i].streams[k].id, 0);
  }
}

/* ---------------------------------------------------------------------------------------------------------------- tests */

static void carry(prtc_channel_id channel) {
  static uint8_t message[60000];
  for (int i = 0; i < 20; i++) {
    PRTC_CHECK_INT(prtc_transport_send(sides[0].transport, now, channel, PRTC_MESSAGE_BINARY, message, sizeof message),
                   PRTC_OK);
  }
  run(5000000);
  PRTC_CHECK_INT(sides[1].messages, 20);
  PRTC_CHECK_INT(sides[1].bytes, 20 * sizeof message);
}

/* Relayed on both sides, and nothing leaves but to the servers. */
static void relays_alone(uint32_t protocol) {
  open_sides(true);
  for (int i = 0; i < 2; i++) use_server(i, protocol, i == 0 ? "192.0.2.10" : "192.0.2.20");
  prtc_channel_id channel = make_channel(0);
  join();
  run(2000000);
  check_connected();
  for (int i = 0; i < 2; i++) {
    check_pair(i, PRTC_CANDIDATE_RELAYED, PRTC_CANDIDATE_RELAYED);
    PRTC_CHECK_INT(sides[i].candidate_count, 1);
    prtc_address hidden = address_of("0.0.0.0:9");
    PRTC_CHECK(prtc_address_equal(&sides[i].candidates[0].related, &hidden));
    char url[64];
    PRTC_CHECK(prtc_transport_server_url(sides[i].transport, &sides[i].candidates[0], url, sizeof url));
    const char *const urls[3][2] = {{"turn:192.0.2.10:3478?transport=udp", "turn:192.0.2.20:3478?transport=udp"},
                                    {"turn:192.0.2.10:3478?transport=tcp", "turn:192.0.2.20:3478?transport=tcp"},
                                    {"turns:192.0.2.10:3478?transport=tcp", "turns:192.0.2.20:3478?transport=tcp"}};
    PRTC_CHECK_TEXT(url, urls[protocol - PRTC_RELAY_UDP][i]);
  }
  carry(channel);
  PRTC_CHECK_INT(allocation_count, 2);
  for (size_t i = 0; i < 2; i++) PRTC_CHECK(allocations[i].server.last.by_channel);
  if (protocol == PRTC_RELAY_UDP) PRTC_CHECK(sides[0].longest_train > 1); /* trains stay trains */
  close_both();
  run(100000);
  PRTC_CHECK_INT(live_allocations(), 0);
  check_gone();
  close_sides();
}

static void relays_alone_over_udp(void) { relays_alone(PRTC_RELAY_UDP); }
static void relays_alone_over_tcp(void) { relays_alone(PRTC_RELAY_TCP); }

static void with_identity(const char *alternative_names, void (*test)(void)) {
  static char text[4096];
  prtc_context_config config;
  PRTC_INIT(&config);
  prtc_context *context = prtc_context_new(&config);
  struct prtc_context *previous = prtc_enter(context);
  struct identity own = identity_new(&(struct identity_config){
      .common_name = "x", .alternative_names = alternative_names, .from = NOW - DAY, .until = NOW + DAY,
      .authority = true});
  size_t size = identity_print(&own, text, 0, sizeof text);
  PRTC_REQUIRE(prtc_trust_parse(context, (const uint8_t *)text, size, &anchors) == PRTC_OK);
  prtc_leave(previous);
  identity = &own;
  test();
  identity = NULL;
  prtc_trust_release(anchors);
  anchors = NULL;
  previous = prtc_enter(context);
  identity_free(&own);
  prtc_leave(previous);
  prtc_context_free(context);
}

static void over_tls(void) {
  relays_alone(PRTC_RELAY_TLS);
  PRTC_CHECK_INT(trust_requests, 2); /* once a transport: the endpoint keeps them */
}

static void relays_alone_over_tls(void) { with_identity("IP:192.0.2.10,IP:192.0.2.20", over_tls); }

/* Whoever has the wrong certificate, or none, gets no user name. */
static void gather_from(const char *why) {
  open_sides(true);
  use_server(0, PRTC_RELAY_TLS, "192.0.2.10");
  join();
  run(1000000);
  PRTC_CHECK_INT(sides[0].errors, 1);
  PRTC_CHECK_INT(sides[0].error, 701);
  char expected[256];
  (void)snprintf(expected, sizeof expected, "turns:192.0.2.10:3478?transport=tcp %s", why);
  PRTC_CHECK_TEXT(sides[0].text, expected);
  PRTC_CHECK_INT(sides[0].gathering_state, PRTC_ICE_GATHERING_COMPLETE);
  for (size_t i = 0; i < allocation_count; i++) PRTC_CHECK_INT(allocations[i].server.requests, 0);
  close_both();
  run(100000);
  check_gone();
  close_sides();
}

static void another(void) { gather_from("the server's certificate is for another host"); }

static void nobody(void) {
  struct prtc_trust *former = anchors;
  anchors = NULL;
  gather_from("the system has no trust anchors");
  anchors = former;
}

static void tls_that_is_refused(void) {
  with_identity("IP:192.0.2.11,DNS:192.0.2.10", another);
  with_identity("IP:192.0.2.10", nobody);
}

/* A server that says nothing, where TLS was to be. */
static void tls_that_stalls(void) {
  open_sides(true);
  use_server(0, PRTC_RELAY_TLS, "192.0.2.10");
  sides[0].transport->config.insecure_tls = true;
  silent_streams = true;
  join();
  run(1000000);
  PRTC_CHECK(sides[0].streams[0].id != 0);
  run(11000000);
  PRTC_CHECK_INT(sides[0].error, 701);
  PRTC_CHECK_TEXT(sides[0].text, "turns:192.0.2.10:3478?transport=tcp no connection to the server was made in time");
  PRTC_CHECK_INT(sides[0].streams[0].id, 0);
  close_sides();
}

/* One side has a relay, hosts do not reach each other. */
static void a_relay_on_one_side(void) {
  open_sides(false);
  direct = false;
  use_server(0, PRTC_RELAY_UDP, "192.0.2.10");
  prtc_channel_id channel = make_channel(0);
  join();
  run(5000000);
  check_connected();
  check_pair(0, PRTC_CANDIDATE_RELAYED, PRTC_CANDIDATE_HOST);
  carry(channel);
  close_both();
  run(100000);
  PRTC_CHECK_INT(live_allocations(), 0);
  check_gone();
  close_sides();
}

/* Each has its allocation, a while after the one before; and each remote candidate its permission, before anything is sent
 * to it. */
static void several_servers(void) {
  static const char *const servers[] = {"192.0.2.10", "192.0.2.11", "192.0.2.12"};
  prtc_candidate candidate = {.component = 1, .priority = 1, .foundation = "1"};
  open_sides(true);
  for (size_t i = 0; i < 3; i++) use_server(0, i == 1 ? PRTC_RELAY_TCP : PRTC_RELAY_UDP, servers[i]);
  PRTC_REQUIRE(prtc_transport_gather(sides[0].transport, now) == PRTC_OK);
  for (size_t i = 1; i <= 3; i++) {
    run(i == 1 ? 6000 : 50000); /* Ta, RFC 8445 section 14.2 */
    PRTC_CHECK_INT(allocation_count, i);
  }
  run(100000);
  PRTC_CHECK_INT(count_candidates(0, PRTC_CANDIDATE_RELAYED), 3);
  for (size_t i = 0; i < 3; i++) {
    for (size_t k = 0; k < i; k++) PRTC_CHECK(sides[0].candidates[i].priority != sides[0].candidates[k].priority);
  }
  candidate.address = address_of("203.0.113.7:6000");
  for (int i = 0; i < 2; i++, candidate.address.port++) { /* of one address */
    PRTC_CHECK_INT(prtc_transport_add_remote_candidate(sides[0].transport, now, &candidate), PRTC_OK);
  }
  run(100000);
  for (size_t i = 0; i < 3; i++) {
    PRTC_CHECK(server_permits(&allocations[i].server, &candidate.address));
    PRTC_CHECK_INT(allocations[i].server.counts[PRTC_STUN_METHOD_CREATE_PERMISSION], 1);
    PRTC_CHECK_INT(allocations[i].server.indications, 0);
  }
  close_sides();
}

/* Where there is a direct way it is taken; and the allocation has shown the mapped address, with no Binding request. */
static void direct_where_possible(void) {
  open_sides(false);
  for (int i = 0; i < 2; i++) use_server(i, PRTC_RELAY_UDP, "192.0.2.10");
  make_channel(0);
  join();
  run(2000000);
  check_connected();
  for (int i = 0; i < 2; i++) {
    check_pair(i, PRTC_CANDIDATE_HOST, PRTC_CANDIDATE_HOST);
    PRTC_CHECK_INT(count_candidates(i, PRTC_CANDIDATE_HOST), 1);
    PRTC_CHECK_INT(count_candidates(i, PRTC_CANDIDATE_SERVER_REFLEXIVE), 1);
    PRTC_CHECK_INT(count_candidates(i, PRTC_CANDIDATE_RELAYED), 1);
    PRTC_CHECK_INT(allocations[i].server.counts[PRTC_STUN_METHOD_BINDING], 0);
  }
  close_sides();
}

static void dead(struct turn_server *server, const prtc_address *at) {
  (void)at;
  server->stall_after = 0;
}

/* Nobody waits for them but gathering. */
static void dead_servers(void) {
  open_sides(false);
  set_up = dead;
  refuses_streams = true;
  use_server(0, PRTC_RELAY_UDP, "192.0.2.10");
  use_server(0, PRTC_RELAY_TCP, "192.0.2.11");
  use_server(1, PRTC_RELAY_UDP, "192.0.2.10");
  make_channel(0);
  join();
  run(500000);
  check_pair(0, PRTC_CANDIDATE_HOST, PRTC_CANDIDATE_HOST);
  PRTC_CHECK_INT(sides[0].opened, 1);
  PRTC_CHECK_INT(sides[0].errors, 1);
  PRTC_CHECK_TEXT(sides[0].text, "turn:192.0.2.11:3478?transport=tcp no connection to the server could be made");
  PRTC_CHECK_INT(sides[0].gathering_state, PRTC_ICE_GATHERING_GATHERING);
  run(11000000);
  check_connected();
  PRTC_CHECK_INT(sides[0].errors, 2);
  PRTC_CHECK_INT(sides[0].error, 701);
  PRTC_CHECK_TEXT(sides[0].text, "turn:192.0.2.10:3478?transport=udp the server has not answered");
  PRTC_CHECK_INT(sides[1].errors, 1);
  close_sides();
}

static void full(struct turn_server *server, const prtc_address *at) {
  (void)at;
  server->fault.method = PRTC_STUN_METHOD_ALLOCATE;
  server->fault.code = 486;
  server->fault.times = 1;
}

static void an_error_is_told(void) {
  open_sides(true);
  set_up = full;
  use_server(0, PRTC_RELAY_UDP, "192.0.2.10");
  join();
  run(1000000);
  PRTC_CHECK_INT(sides[0].errors, 1);
  PRTC_CHECK_INT(sides[0].error, 486);
  PRTC_CHECK_TEXT(sides[0].text, "turn:192.0.2.10:3478?transport=udp the user's quota of allocations is reached");
  PRTC_CHECK_INT(sides[0].gathering_state, PRTC_ICE_GATHERING_COMPLETE);
  PRTC_CHECK_INT(sides[0].candidate_count, 0);
  for (int i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_transport_end_of_remote_candidates(sides[i].transport, now), PRTC_OK);
  run(100000000);
  PRTC_CHECK_TEXT(sides[0].failure, "no TURN server has given an address, and the policy allows no other");
  close_sides();
}

/* 192.0.2.x sends us to 192.0.2.(x + 1), but for the last. */
static int last;

static void sends_on(struct turn_server *server, const prtc_address *at) {
  if (at->ip[3] == last) return;
  server->fault.method = PRTC_STUN_METHOD_ALLOCATE;
  server->fault.code = 300;
  server->fault.times = 1000;
  server->alternate = *at;
  server->alternate.ip[3] = (uint8_t)(at->ip[3] == 14 ? 10 : at->ip[3] + 1);
}

static void redirected(uint32_t protocol) {
  for (last = 11; last < 15; last++) {
    open_sides(true);
    set_up = sends_on;
    use_server(0, protocol, "192.0.2.10");
    join();
    run(1000000);
    bool reached = last <= 13; /* three times */
    PRTC_CHECK_INT(sides[0].candidate_count, reached);
    PRTC_CHECK_INT(sides[0].errors, !reached);
    PRTC_CHECK_INT(live_allocations(), reached);
    if (!reached) PRTC_CHECK_INT(sides[0].error, 300);
    PRTC_CHECK_INT(sides[0].gathering_state, PRTC_ICE_GATHERING_COMPLETE);
    close_both();
    run(100000);
    check_gone();
    close_sides();
  }
}

static void redirected_over_udp(void) { redirected(PRTC_RELAY_UDP); }
static void redirected_over_tcp(void) { redirected(PRTC_RELAY_TCP); }

static void to_itself(struct turn_server *server, const prtc_address *at) {
  last = 0;
  sends_on(server, at);
  server->alternate = *at;
}

/* RFC 8489 section 10: another name, which the certificate has and which the address alone is not. */
static void to_a_domain(struct turn_server *server, const prtc_address *at) {
  last = 11;
  sends_on(server, at);
  server->domain = "turn2.example.org";
}

static void gather_redirected(void) {
  open_sides(true);
  set_up = to_a_domain;
  use_server(0, PRTC_RELAY_TLS, "192.0.2.10");
  join();
  run(1000000);
  PRTC_CHECK_INT(sides[0].candidate_count, 1);
  PRTC_CHECK_INT(sides[0].errors, 0);
  PRTC_CHECK_INT(live_allocations(), 1);
  close_sides();
}

static void redirected_over_tls(void) { with_identity("IP:192.0.2.10,DNS:turn2.example.org", gather_redirected); }

static void an_ice_lite_agent_has_none(void) {
  open_sides(false);
  sides[0].transport->config.ice.lite = 1;
  use_server(0, PRTC_RELAY_UDP, "192.0.2.10");
  join();
  run(1000000);
  PRTC_CHECK_INT(allocation_count, 0);
  close_sides();
}

static void redirected_in_a_circle(void) {
  open_sides(true);
  set_up = to_itself;
  use_server(0, PRTC_RELAY_UDP, "192.0.2.10");
  join();
  run(1000000);
  PRTC_CHECK_INT(sides[0].error, 300);
  PRTC_CHECK_INT(allocations[0].server.requests, 2);
  close_sides();
}

static void restart(int i) {
  prtc_ice_parameters parameters;
  PRTC_REQUIRE(prtc_transport_make_ice_parameters(sides[i].transport, &parameters) == PRTC_OK);
  PRTC_REQUIRE(prtc_transport_restart(sides[i].transport, now, &parameters) == PRTC_OK);
}

/* An ICE restart keeps the allocations; other servers take their place, at first beside what is in use. */
static void restarts(void) {
  open_sides(true);
  for (int i = 0; i < 2; i++) use_server(i, PRTC_RELAY_UDP, "192.0.2.10");
  prtc_channel_id channel = make_channel(0);
  join();
  run(2000000);
  check_connected();
  for (int i = 0; i < 2; i++) restart(i);
  join();
  run(2000000);
  check_connected();
  PRTC_CHECK_INT(allocation_count, 2);
  PRTC_CHECK_INT(sides[0].candidate_count, 2);
  for (int i = 0; i < 2; i++) {
    prtc_transport_forget_servers(sides[i].transport);
    use_server(i, PRTC_RELAY_UDP, "192.0.2.20");
    prtc_transport_set_relay_only(sides[i].transport, now, true);
    restart(i);
  }
  join();
  run(2000000);
  check_connected();
  PRTC_CHECK_INT(sides[0].candidate_count, 3);
  prtc_ice_pair pair;
  PRTC_REQUIRE(prtc_transport_get_selected_pair(sides[0].transport, &pair) == 1);
  PRTC_CHECK(prtc_address_equal(&pair.local, &sides[0].candidates[2].address));
  carry(channel);
  for (int i = 0; i < 2; i++) restart(i); /* what is left of before goes with the next gathering */
  join();
  run(2000000);
  check_connected();
  PRTC_CHECK_INT(live_allocations(), 2);
  close_both();
  run(100000);
  PRTC_CHECK_INT(live_allocations(), 0);
  check_gone();
  close_sides();
}

/* The policy changes while a direct pair is in use. */
static void hides_hosts_from_now_on(void) {
  open_sides(false);
  for (int i = 0; i < 2; i++) use_server(i, PRTC_RELAY_UDP, "192.0.2.10");
  prtc_channel_id channel = make_channel(0);
  join();
  run(2000000);
  check_pair(0, PRTC_CANDIDATE_HOST, PRTC_CANDIDATE_HOST);
  size_t before = sides[0].candidate_count;
  for (int i = 0; i < 2; i++) {
    prtc_transport_set_relay_only(sides[i].transport, now, true);
    restart(i);
  }
  join();
  run(3000000);
  check_connected();
  check_pair(0, PRTC_CANDIDATE_RELAYED, PRTC_CANDIDATE_RELAYED);
  PRTC_CHECK_INT(sides[0].candidate_count, before + 1);
  PRTC_CHECK_INT(sides[0].candidates[before].type, PRTC_CANDIDATE_RELAYED);
  only_to_servers = true;
  carry(channel);
  for (int i = 0; i < 2; i++) { /* and back */
    prtc_transport_set_relay_only(sides[i].transport, now, false);
    restart(i);
  }
  only_to_servers = false;
  join();
  run(3000000);
  check_pair(0, PRTC_CANDIDATE_HOST, PRTC_CANDIDATE_HOST);
  close_sides();
}

static void a_stream_that_breaks(void) {
  open_sides(true);
  for (int i = 0; i < 2; i++) use_server(i, PRTC_RELAY_TCP, "192.0.2.10");
  make_channel(0);
  join();
  run(2000000);
  check_connected();
  prtc_socket_id id = sides[0].streams[0].id;
  sides[0].streams[0].id = 0;
  PRTC_CHECK_INT(prtc_transport_socket_closed(sides[0].transport, now, id), PRTC_OK);
  run(1000000);
  prtc_ice_pair pair;
  PRTC_CHECK_INT(prtc_transport_get_selected_pair(sides[0].transport, &pair), 0);
  restart(0), restart(1); /* the next gathering makes another */
  join();
  run(3000000);
  check_connected();
  close_both();
  run(100000);
  check_gone();
  close_sides();
}

static void a_stream_that_is_full(void) {
  open_sides(true);
  for (int i = 0; i < 2; i++) use_server(i, PRTC_RELAY_TCP, "192.0.2.10");
  prtc_channel_id channel = make_channel(0);
  join();
  run(2000000);
  check_connected();
  static uint8_t message[60000];
  prtc_socket_id id = sides[0].streams[0].id;
  PRTC_CHECK_INT(prtc_transport_writable(sides[0].transport, now, id, false), PRTC_OK);
  PRTC_CHECK_INT(prtc_transport_send(sides[0].transport, now, channel, PRTC_MESSAGE_BINARY, message, sizeof message),
                 PRTC_OK);
  unsigned before = allocations[0].server.relayed_count;
  run(100000);
  PRTC_CHECK_INT(allocations[0].server.relayed_count, before);
  PRTC_CHECK_INT(prtc_transport_writable(sides[0].transport, now, id, true), PRTC_OK);
  run(1000000);
  PRTC_CHECK_INT(sides[1].messages, 1);
  PRTC_CHECK_INT(prtc_transport_writable(sides[0].transport, now, 12345, true), PRTC_ERROR_NOT_FOUND);
  close_sides();
}

/* A server that does not answer at the end is not waited for long; one that does not connect is given up. */
static void ends_in_time(void) {
  open_sides(true);
  for (int i = 0; i < 2; i++) use_server(i, PRTC_RELAY_UDP, "192.0.2.10");
  use_server(0, PRTC_RELAY_TCP, "192.0.2.11");
  make_channel(0);
  join();
  run(2000000);
  for (size_t i = 0; i < allocation_count; i++) allocations[i].server.stall_after = 0;
  close_both();
  run(900000);
  PRTC_CHECK(!prtc_transport_is_drained(sides[0].transport));
  PRTC_CHECK(sides[0].address.port != 0);
  run(200000);
  check_gone();
  close_sides();
}

static void a_forged_unreachable_ends_nothing(void) {
  open_sides(true);
  for (int i = 0; i < 2; i++) use_server(i, PRTC_RELAY_UDP, "192.0.2.10");
  make_channel(0);
  join();
  run(2000000);
  prtc_address server = address_of("192.0.2.10:3478");
  (void)prtc_transport_unreachable(sides[0].transport, now, sides[0].socket, &server);
  run(1000000);
  check_connected();
  check_pair(0, PRTC_CANDIDATE_RELAYED, PRTC_CANDIDATE_RELAYED);
  close_sides();
  open_sides(true); /* before there is an allocation it saves time */
  use_server(0, PRTC_RELAY_UDP, "192.0.2.10");
  join();
  settle(0);
  count = 0;
  PRTC_CHECK_INT(prtc_transport_unreachable(sides[0].transport, now, sides[0].socket, &server), PRTC_OK);
  run(1000);
  PRTC_CHECK_INT(sides[0].error, 701);
  PRTC_CHECK_INT(sides[0].gathering_state, PRTC_ICE_GATHERING_COMPLETE);
  close_sides();
}

/* One allocation fails, whichever: what comes of it is bounded, and nothing is left behind. */
static void lack_memory(uint32_t protocol) {
  bool ran_out = true;
  unsigned connected = 0, rounds = 0;
  for (long left = 0; ran_out; left += 3, rounds++) {
    meter = (struct prtc_meter){.left = -1};
    open_sides(true);
    for (int i = 0; i < 2; i++) use_server(i, protocol, "192.0.2.10");
    meter.left = left;
    meter.once = true;
    may_lack_memory = true;
    join();
    run(5000000);
    connected += sides[0].dtls_state == PRTC_DTLS_TRANSPORT_CONNECTED;
    close_both();
    run(2000000);
    ran_out = meter.ran_out;
    check_gone();
    may_lack_memory = false;
    close_sides();
    PRTC_REQUIRE(meter.blocks == 0 && left < 3000);
  }
  PRTC_CHECK(rounds > 20 && connected > 3);
}

static void lack_memory_over_tls(void) { lack_memory(PRTC_RELAY_TLS); }

static void without_memory(void) {
  lack_memory(PRTC_RELAY_UDP);
  with_identity("IP:192.0.2.10", lack_memory_over_tls);
}

int main(void) {
  PRTC_RUN(relays_alone_over_udp);
  PRTC_RUN(relays_alone_over_tcp);
  PRTC_RUN(relays_alone_over_tls);
  PRTC_RUN(tls_that_is_refused);
  PRTC_RUN(tls_that_stalls);
  PRTC_RUN(a_relay_on_one_side);
  PRTC_RUN(several_servers);
  PRTC_RUN(direct_where_possible);
  PRTC_RUN(dead_servers);
  PRTC_RUN(an_error_is_told);
  PRTC_RUN(redirected_over_udp);
  PRTC_RUN(redirected_over_tcp);
  PRTC_RUN(redirected_over_tls);
  PRTC_RUN(redirected_in_a_circle);
  PRTC_RUN(an_ice_lite_agent_has_none);
  PRTC_RUN(restarts);
  PRTC_RUN(hides_hosts_from_now_on);
  PRTC_RUN(a_stream_that_breaks);
  PRTC_RUN(a_stream_that_is_full);
  PRTC_RUN(ends_in_time);
  PRTC_RUN(a_forged_unreachable_ends_nothing);
  PRTC_RUN(without_memory);
  return PRTC_TEST_RESULT();
}
