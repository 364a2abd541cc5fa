/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/transport/relays.h"

#include <string.h>

#include <polyrtc/turn.h>

#include "core/stun/message.h"
#include "core/tls/tls.h"
#include "core/transport/internal.h"

/* RFC 8445 section 14.2: Ta, between the beginnings of two allocations. ICE paces its own. */
static const prtc_time pace = 50000;

/* What TLS has to say at the end: a stream that takes nothing is not waited for. */
static const prtc_time parting_patience = 1000000;

/* A connection to a server, and the TLS handshake on it, each. */
static const prtc_time connect_patience = 5000000;

enum { MOST_REDIRECTIONS = 3 };

enum relay_state {
  RELAY_WAITING,    /* for its turn */
  RELAY_WANTED,     /* the driver is to be asked for a connection, or a socket */
  RELAY_CONNECTING,
  RELAY_SECURING,   /* TLS: the trust anchors are waited for, then the handshake */
  RELAY_ALLOCATING,
  RELAY_ALLOCATED,
  RELAY_CLOSING,
  RELAY_PARTING,    /* TLS has something to say yet: an alert, its goodbye above all */
  RELAY_ENDED
};

struct relay {
  enum relay_state state;
  struct server *server;
  prtc_address address;        /* of the server: of the one that we were sent to */
  prtc_address former[MOST_REDIRECTIONS]; /* by these */
  uint32_t redirections;
  prtc_socket_id socket;       /* UDP or the stream; 0: not there yet */
  bool owns_socket;            /* a stream; or a UDP socket of its own, where the others are shared among peers: a server
                                  has one allocation for a socket (RFC 8656 section 3.1) */
  prtc_address local;          /* of a UDP socket; port 0: of the one that it is to have */
  uint32_t interface_index, network_type;
  bool blocked;                /* the stream takes nothing now */
  bool verifying;              /* in this gathering, whether the allocation of the one before is still there */
  prtc_time give_up;           /* connecting */
  prtc_socket_id sockets[2];   /* what ICE knows it by: IPv4, IPv6; 0: none */
  char *domain;                /* whom the server's certificate has to name, when a redirection has said so; else NULL */
  struct prtc_tls *tls;        /* when it is secured */
  prtc_turn *turn;             /* from allocating on */
};

static bool is_stream(const struct relay *relay) { return relay->server->protocol != PRTC_RELAY_UDP; }

/* ----------------------------------------------------------------------------------------------------------------- life */

static void close_socket(struct prtc_transport *transport, struct relay *relay) {
  if (!relay->owns_socket) return;
  if (relay->socket != 0) (void)prtc_queue_push(&transport->gathering.closes, &relay->socket);
  relay->socket = 0;
}

/* What was made on the socket ends with it. */
static void disconnect(struct prtc_transport *transport, struct relay *relay) {
  close_socket(transport, relay);
  prtc_turn_free(relay->turn);
  prtc_tls_free(relay->tls);
  relay->turn = NULL;
  relay->tls = NULL;
}

static void remove_sockets(struct prtc_transport *transport, prtc_time now, struct relay *relay) {
  for (int i = 0; i < 2; i++) {
    if (relay->sockets[i] != 0) (void)prtc_ice_remove_socket(transport->ice, now, relay->sockets[i]);
    relay->sockets[i] = 0;
  }
}

static void disappear(struct prtc_transport *transport, struct relay *relay) {
  relay->state = RELAY_ENDED;
  disconnect(transport, relay);
}

static void end(struct prtc_transport *transport, prtc_time now, struct relay *relay) {
  remove_sockets(transport, now, relay);
  if (relay->tls != NULL) prtc_tls_close(relay->tls);
  if (relay->tls == NULL || relay->socket == 0 || relay->blocked || !prtc_tls_has_output(relay->tls)) {
    disappear(transport, relay);
    return;
  }
  prtc_turn_free(relay->turn);
  relay->turn = NULL;
  relay->state = RELAY_PARTING;
  relay->give_up = now + parting_patience;
}

static void forget(struct prtc_transport *transport, uint32_t i) {
  struct relays *relays = &transport->relays;
  struct relay *relay = relays->items[i];
  prtc_turn_free(relay->turn);
  prtc_tls_free(relay->tls);
  prtc_server_release(transport, relay->server);
  prtc_release(transport->context, relay->domain);
  prtc_release(transport->context, relay);
  relays->items[i] = relays->items[--relays->count];
}

void prtc_relays_clear(struct prtc_transport *transport) {
  while (transport->relays.count > 0) forget(transport, transport->relays.count - 1);
  prtc_trust_release(transport->trust);
}

static bool is_gathering(const struct relay *relay) {
  return relay->state < RELAY_ALLOCATED || relay->verifying;
}

bool prtc_relays_exist(const struct prtc_transport *transport) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    if (transport->relays.items[i]->state == RELAY_ALLOCATED) return true;
  }
  return false;
}

bool prtc_relays_are_gathering(const struct prtc_transport *transport) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    if (is_gathering(transport->relays.items[i])) return true;
  }
  return false;
}

/* W3C section 4.8.3: an error of a server is told at once; that it cannot be reached when no other allocation on it may
 * still come. */
static void failed(struct prtc_transport *transport, prtc_time now, struct relay *relay, int code, const char *why) {
  struct server *server = relay->server;
  bool hopes = false, was_there = relay->state == RELAY_ALLOCATED;
  /* The server has been started anew, or the stream to it is dead or out of step: a new one may help. */
  bool is_forgotten = was_there && relay->verifying && (code == PRTC_STUN_ERROR_ALLOCATION_MISMATCH || is_stream(relay));
  end(transport, now, relay);
  relay->verifying = false;
  if (is_forgotten) {
    disconnect(transport, relay);
    if (relay->owns_socket) relay->local.port = 0;
    relay->state = RELAY_WAITING;
    return;
  }
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    const struct relay *other = transport->relays.items[i];
    hopes = hopes || (other->server == server && other->state <= RELAY_ALLOCATED);
  }
  if (was_there || (code < 0 && hopes)) return;
  prtc_server_failed(transport, server, code > 0 ? code : 701, why);
}

/* ------------------------------------------------------------------------------------------------------------ beginning */

static bool same_ip(const prtc_address *a, const prtc_address *b) {
  return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0 && a->scope == b->scope;
}

/* The allocation on a server from a local address. */
static struct relay *find(const struct prtc_transport *transport, const struct server *server, const prtc_address *address,
                          const struct socket *socket) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    struct relay *relay = transport->relays.items[i];
    const prtc_address *first = relay->redirections > 0 ? &relay->former[0] : &relay->address;
    if (relay->server->protocol != server->protocol || !prtc_address_equal(first, address)) continue;
    if (socket == NULL || same_ip(&relay->local, &socket->address)) return relay;
  }
  return NULL;
}

static void want(struct prtc_transport *transport, struct server *server, const prtc_address *address,
                 const struct socket *socket) {
  struct relays *relays = &transport->relays;
  if (find(transport, server, address, socket) != NULL || relays->count == MAX_RELAYS) return;
  struct relay *relay = prtc_allocate(transport->context, sizeof *relay);
  if (relay == NULL) {
    prtc_server_failed(transport, server, 701, "memory could not be allocated");
    return;
  }
  *relay = (struct relay){.server = server, .address = *address, .give_up = PRTC_NEVER};
  server->users++;
  relay->owns_socket = socket == NULL || transport->config.mux != NULL;
  if (socket != NULL) {
    relay->socket = relay->owns_socket ? 0 : socket->id;
    relay->local = relay->owns_socket ? socket->address : socket->bound;
    relay->interface_index = socket->interface_index;
    relay->network_type = socket->network_type;
  }
  relays->items[relays->count++] = relay;
}

static bool is_loopback(const prtc_address *address) {
  static const uint8_t one[16] = {[15] = 1};
  return address->family == PRTC_FAMILY_IPV4 ? address->ip[0] == 127 : memcmp(address->ip, one, sizeof one) == 0;
}

static void consider(struct prtc_transport *transport, struct server *server, const prtc_address *address) {
  const struct gathering *gathering = &transport->gathering;
  if (server->protocol != PRTC_RELAY_UDP) {
    want(transport, server, address, NULL);
    return;
  }
  for (uint32_t i = 0; i < gathering->socket_count; i++) {
    const struct socket *socket = &gathering->sockets[i];
    bool reaches = is_loopback(address) || !is_loopback(&socket->address);
    if (socket->state == SOCKET_OPEN && !socket->listens && socket->address.family == address->family && reaches) {
      want(transport, server, address, socket);
    }
  }
}

static void start_next(struct prtc_transport *transport, prtc_time now);

void prtc_relays_consider(struct prtc_transport *transport, prtc_time now) {
  struct gathering *gathering = &transport->gathering;
  if (gathering->state == PRTC_ICE_GATHERING_NEW || transport->closed) return; /* sockets come later, too */
  if (transport->config.ice.lite != 0) return; /* RFC 8445 section 2.5: host candidates alone */
  for (uint32_t i = 0; i < gathering->server_count; i++) {
    struct server *server = gathering->servers[i];
    if (server->protocol == PRTC_RELAY_NONE) continue;
    for (uint32_t k = 0; k < server->address_count; k++) consider(transport, server, &server->addresses[k]);
  }
  start_next(transport, now);
}

static bool same_text(const char *a, const char *b) { return a != NULL && b != NULL && strcmp(a, b) == 0; }

/* The server of the present configuration that an allocation was made on, or NULL. */
static struct server *still_wanted(const struct prtc_transport *transport, const struct server *server) {
  for (uint32_t i = 0; i < transport->gathering.server_count; i++) {
    struct server *other = transport->gathering.servers[i];
    if (other == server) return other;
    if (other->protocol == server->protocol && other->port == server->port && strcmp(other->host, server->host) == 0 &&
        same_text(other->username, server->username) && same_text(other->credential, server->credential)) {
      return other;
    }
  }
  return NULL;
}

static bool is_in_use(const struct prtc_transport *transport, const struct relay *relay) {
  prtc_ice_pair pair;
  if (prtc_ice_get_selected_pair(transport->ice, &pair) != 1) return false;
  return pair.socket == relay->sockets[0] || pair.socket == relay->sockets[1];
}

static void begin_close(struct prtc_transport *transport, prtc_time now, struct relay *relay) {
  if (relay->state != RELAY_ALLOCATING && relay->state != RELAY_ALLOCATED) {
    end(transport, now, relay);
    return;
  }
  remove_sockets(transport, now, relay);
  relay->state = RELAY_CLOSING;
  (void)prtc_turn_close(relay->turn, now);
}

void prtc_relays_retire(struct prtc_transport *transport) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    const struct relay *relay = transport->relays.items[i];
    int use = still_wanted(transport, relay->server) != NULL;
    for (int k = 0; k < 2; k++) (void)prtc_ice_use_socket(transport->ice, relay->sockets[k], use);
  }
}

void prtc_relays_verify(struct prtc_transport *transport, prtc_time now) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    struct relay *relay = transport->relays.items[i];
    relay->verifying = relay->state == RELAY_ALLOCATED && prtc_turn_verify(relay->turn, now) == PRTC_OK;
  }
}

void prtc_relays_begin(struct prtc_transport *transport, prtc_time now) {
  struct relays *relays = &transport->relays;
  for (uint32_t i = relays->count; i-- > 0;) {
    struct relay *relay = relays->items[i];
    struct server *server = still_wanted(transport, relay->server);
    if (relay->state == RELAY_ENDED) {
      forget(transport, i); /* it is tried anew */
    } else if (server == NULL && relay->state != RELAY_CLOSING && !is_in_use(transport, relay)) {
      begin_close(transport, now, relay); /* that in use was retired, and goes with the next gathering */
    } else if (server != NULL && server != relay->server) {
      server->users++;
      prtc_server_release(transport, relay->server);
      relay->server = server;
    }
  }
  prtc_relays_verify(transport, now);
  prtc_relays_consider(transport, now);
}

/* ------------------------------------------------------------------------------------------------------------- starting */

static void allocate(struct prtc_transport *transport, prtc_time now, struct relay *relay) {
  const struct server *server = relay->server;
  const prtc_turn_config config = {
      .size = sizeof config, .protocol = server->protocol, .username = server->username, .credential = server->credential};
  relay->turn = prtc_turn_new(transport->context, &config);
  if (relay->turn == NULL) {
    failed(transport, now, relay, PRTC_ERROR_NO_MEMORY, "memory could not be allocated");
    return;
  }
  relay->state = RELAY_ALLOCATING;
  relay->give_up = PRTC_NEVER;
  (void)prtc_turn_start(relay->turn, now);
}

/* RFC 8489 section 10: the name that a redirection brings counts, and without one that of the first server. */
static void secure(struct prtc_transport *transport, prtc_time now, struct relay *relay) {
  uint64_t epoch = transport->context->capture.epoch; /* 0: not known */
  const struct prtc_tls_config config = {.host = relay->domain != NULL ? relay->domain : relay->server->host,
                                         .trust = transport->trust,
                                         .insecure = transport->config.insecure_tls,
                                         .wall_clock = epoch != 0 ? (int64_t)((epoch + now) / 1000000) : 0};
  relay->state = RELAY_SECURING;
  relay->give_up = now + connect_patience;
  if (transport->trust == NULL && !transport->config.insecure_tls) { /* it waits for them */
    if (transport->relays.trust == TRUST_UNASKED) transport->relays.trust = TRUST_WANTED;
    if (transport->relays.trust == TRUST_ANSWERED) {
      failed(transport, now, relay, PRTC_ERROR_NOT_FOUND, "the system has no trust anchors");
    }
    return;
  }
  relay->tls = prtc_tls_new(transport->context, &config);
  if (relay->tls == NULL) failed(transport, now, relay, PRTC_ERROR_NO_MEMORY, "memory could not be allocated");
}

void prtc_transport_set_trust(struct prtc_transport *transport, prtc_time now, struct prtc_trust *trust) {
  if (transport->closed || transport->relays.trust == TRUST_ANSWERED) return;
  transport->relays.trust = TRUST_ANSWERED;
  if (trust != NULL && transport->trust == NULL) transport->trust = prtc_trust_retain(trust);
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    struct relay *relay = transport->relays.items[i];
    if (relay->state == RELAY_SECURING && relay->tls == NULL) secure(transport, now, relay);
  }
  prtc_transport_pump(transport, now);
}

static struct relay *first_waiting(const struct prtc_transport *transport) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    if (transport->relays.items[i]->state == RELAY_WAITING) return transport->relays.items[i];
  }
  return NULL;
}

static void start_next(struct prtc_transport *transport, prtc_time now) {
  struct relays *relays = &transport->relays;
  struct relay *relay;
  while (relays->pace <= now && (relay = first_waiting(transport)) != NULL) {
    relays->pace = now + pace;
    if (relay->socket == 0) {
      relay->state = RELAY_WANTED;
      relay->give_up = now + connect_patience;
    } else {
      allocate(transport, now, relay);
    }
  }
}

/* --------------------------------------------------------------------------------------------------------------- events */

static void allocated(struct prtc_transport *transport, prtc_time now, struct relay *relay, const prtc_turn_event *event) {
  relay->state = RELAY_ALLOCATED;
  for (int i = 0; i < 2; i++) {
    if (event->relayed[i].family == PRTC_FAMILY_NONE) continue;
    prtc_ice_relay ice = {.size = sizeof ice,
                          .socket = PRTC_VIRTUAL_SOCKET | ++transport->relays.last_id,
                          .relayed = event->relayed[i],
                          .mapped = event->mapped,
                          .server = relay->address,
                          .protocol = relay->server->protocol,
                          .network_type = relay->network_type,
                          .base = relay->owns_socket ? 0 : relay->socket};
    if (ice.mapped.family == PRTC_FAMILY_NONE) ice.mapped = (prtc_address){.family = ice.relayed.family, .port = 9};
    transport->gathering.ice_is_complete = false;
    if (prtc_ice_add_relay(transport->ice, now, &ice) == PRTC_OK) relay->sockets[i] = ice.socket;
  }
  prtc_candidate candidate;
  for (size_t i = 0; prtc_ice_get_remote_candidate(transport->ice, i, &candidate) > 0; i++) {
    if (candidate.protocol == PRTC_PROTOCOL_UDP) (void)prtc_turn_permit(relay->turn, now, &candidate.address);
  }
}

/* RFC 8489 section 10: never to one where we have been, and not without end. */
static void redirected(struct prtc_transport *transport, prtc_time now, struct relay *relay, const prtc_turn_event *event) {
  const prtc_address *alternate = &event->alternate;
  bool circle = prtc_address_equal(alternate, &relay->address);
  for (uint32_t i = 0; i < relay->redirections; i++) circle = circle || prtc_address_equal(alternate, &relay->former[i]);
  bool other_family = alternate->family != relay->address.family; /* which RFC 8489 section 14.15 does not allow */
  if (circle || other_family || relay->redirections == MOST_REDIRECTIONS) {
    failed(transport, now, relay, event->code,
           other_family ? "the server sends us to an address of another family"
                        : "the server sends us to others without end");
    return;
  }
  relay->former[relay->redirections++] = relay->address;
  relay->address = *alternate;
  if (event->domain[0] != '\0') {
    char *domain = prtc_copy_text(transport->context, event->domain, strlen(event->domain));
    if (domain == NULL) {
      failed(transport, now, relay, PRTC_ERROR_NO_MEMORY, "memory could not be allocated");
      return;
    }
    prtc_release(transport->context, relay->domain);
    relay->domain = domain;
  }
  disconnect(transport, relay);
  if (relay->owns_socket) relay->local.port = 0;
  relay->state = RELAY_WAITING;
}

/* Checks to what the server does not relay to need not be repeated. */
static void peer_refused(struct prtc_transport *transport, prtc_time now, const struct relay *relay,
                         const prtc_address *peer) {
  prtc_socket_id socket = relay->sockets[peer->family == PRTC_FAMILY_IPV6];
  prtc_candidate candidate;
  for (size_t i = 0; socket != 0 && prtc_ice_get_remote_candidate(transport->ice, i, &candidate) > 0; i++) {
    prtc_address address = candidate.address;
    address.port = 0;
    if (prtc_address_equal(&address, peer)) (void)prtc_ice_unreachable(transport->ice, now, socket, &candidate.address);
  }
}

static void take_events(struct prtc_transport *transport, prtc_time now, struct relay *relay) {
  prtc_turn_event event;
  while (relay->turn != NULL && prtc_turn_event_next(relay->turn, &event) > 0) {
    switch (event.type) {
      case PRTC_TURN_EVENT_ALLOCATED: allocated(transport, now, relay, &event); break;
      case PRTC_TURN_EVENT_PEER_REFUSED: peer_refused(transport, now, relay, &event.peer); break;
      case PRTC_TURN_EVENT_REDIRECTED: redirected(transport, now, relay, &event); break;
      case PRTC_TURN_EVENT_FAILED: failed(transport, now, relay, event.code, event.text); break;
      default: end(transport, now, relay);
    }
  }
}

void prtc_relays_pump(struct prtc_transport *transport, prtc_time now) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    struct relay *relay = transport->relays.items[i];
    take_events(transport, now, relay);
    relay->verifying = relay->verifying && relay->turn != NULL && prtc_turn_is_verifying(relay->turn);
  }
  if (!transport->closed) start_next(transport, now);
}

void prtc_relays_permit(struct prtc_transport *transport, prtc_time now, const prtc_address *peer) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    if (transport->relays.items[i]->turn != NULL) (void)prtc_turn_permit(transport->relays.items[i]->turn, now, peer);
  }
}

/* -------------------------------------------------------------------------------------------------------------- sending */

static struct relay *find_virtual(const struct prtc_transport *transport, prtc_socket_id socket) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    struct relay *relay = transport->relays.items[i];
    if (relay->sockets[0] == socket || relay->sockets[1] == socket) return relay;
  }
  return NULL;
}

size_t prtc_relays_overhead(const struct prtc_transport *transport, const prtc_datagram *out) {
  const struct relay *relay = find_virtual(transport, out->socket);
  return relay != NULL ? prtc_turn_overhead(relay->turn, &out->remote) : 0;
}

bool prtc_relays_are_ready(const struct prtc_transport *transport, prtc_socket_id socket) {
  const struct relay *relay = find_virtual(transport, socket);
  return relay != NULL && !relay->blocked && (relay->tls == NULL || !prtc_tls_has_output(relay->tls));
}

/* What leaves by the socket or stream of the relay. */
static int give(const struct relay *relay, prtc_datagram *out, uint8_t *data, int size, size_t segment) {
  *out = (prtc_datagram){.socket = relay->socket,
                         .protocol = is_stream(relay) ? PRTC_PROTOCOL_TCP : PRTC_PROTOCOL_UDP,
                         .interface_index = relay->interface_index,
                         .local = relay->local,
                         .remote = relay->address,
                         .data = data,
                         .size = (size_t)size,
                         .segment_size = segment};
  return size;
}

/* buffer[0 … size) as it leaves: encrypted, where there is TLS. What does not fit comes with the next transmit. */
static int give_secured(struct prtc_transport *transport, prtc_time now, struct relay *relay, prtc_datagram *out,
                        uint8_t *buffer, int size, size_t segment, size_t capacity) {
  if (relay->tls == NULL) return give(relay, out, buffer, size, segment);
  if (prtc_tls_write(relay->tls, buffer, (size_t)size) < 0) {
    failed(transport, now, relay, PRTC_ERROR_PROTOCOL, prtc_tls_error(relay->tls));
    return 0;
  }
  return give(relay, out, buffer, (int)prtc_tls_transmit(relay->tls, buffer, capacity), 0);
}

int prtc_relays_wrap(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer,
                     size_t capacity) {
  struct relay *relay = find_virtual(transport, out->socket);
  if (relay == NULL || !prtc_relays_are_ready(transport, out->socket)) return 0;
  size_t segment = out->segment_size;
  int size = prtc_turn_wrap(relay->turn, now, &out->remote, buffer, out->size, &segment, capacity);
  return size > 0 ? give_secured(transport, now, relay, out, buffer, size, segment, capacity) : 0;
}

int prtc_relays_transmit(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer,
                         size_t capacity) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    struct relay *relay = transport->relays.items[i];
    if (relay->blocked) continue;
    int size = relay->tls != NULL ? (int)prtc_tls_transmit(relay->tls, buffer, capacity) : 0;
    if (size > 0) return give(relay, out, buffer, size, 0);
    if (relay->state == RELAY_PARTING) disappear(transport, relay);
    if (relay->turn != NULL) size = prtc_turn_transmit(relay->turn, now, buffer, capacity);
    if (size > 0) return give_secured(transport, now, relay, out, buffer, size, 0, capacity);
  }
  return 0;
}

/* ------------------------------------------------------------------------------------------------------------ receiving */

/* What a peer has sent, as if it had come to the socket that ICE knows. */
static int take_data(struct prtc_transport *transport, prtc_time now, const struct relay *relay, const prtc_datagram *outer,
                     const prtc_turn_data *data) {
  prtc_datagram inner = {.socket = relay->sockets[data->peer.family == PRTC_FAMILY_IPV6],
                         .remote = data->peer,
                         .data = data->data,
                         .size = data->size,
                         .ecn = outer->ecn,
                         .time = outer->time};
  return inner.socket != 0 ? prtc_transport_take(transport, now, &inner) : PRTC_ERROR_UNEXPECTED;
}

/* Bytes of TURN. */
static int feed(struct prtc_transport *transport, prtc_time now, struct relay *relay, const prtc_datagram *datagram,
                const uint8_t *data, size_t size) {
  int code = PRTC_OK;
  while (size > 0 && relay->turn != NULL) { /* what it says may end it */
    prtc_turn_data inner;
    code = prtc_turn_receive(relay->turn, now, &data, &size, &inner);
    if (code == 1) code = take_data(transport, now, relay, datagram, &inner);
  }
  return code;
}

static int feed_secured(struct prtc_transport *transport, prtc_time now, struct relay *relay,
                        const prtc_datagram *datagram) {
  uint8_t plain[4096];
  const uint8_t *data = datagram->data;
  size_t size = datagram->size;
  int code = PRTC_OK;
  while (relay->tls != NULL) { /* what is said may end it */
    int got = prtc_tls_receive(relay->tls, &data, &size, plain, sizeof plain);
    if (relay->state == RELAY_SECURING && prtc_tls_get_state(relay->tls) == PRTC_TLS_OPEN) allocate(transport, now, relay);
    if (got == 0) break;
    if (got < 0) {
      const char *why = prtc_tls_error(relay->tls);
      failed(transport, now, relay, got, why[0] != '\0' ? why : "the server has closed the connection");
      return PRTC_ERROR_MALFORMED;
    }
    code = feed(transport, now, relay, datagram, plain, (size_t)got);
  }
  return code;
}

static int receive(struct prtc_transport *transport, prtc_time now, struct relay *relay, const prtc_datagram *datagram) {
  int code = relay->tls != NULL ? feed_secured(transport, now, relay, datagram)
                                : feed(transport, now, relay, datagram, datagram->data, datagram->size);
  prtc_transport_pump(transport, now);
  return code;
}

bool prtc_relays_receive(struct prtc_transport *transport, prtc_time now, const prtc_datagram *datagram, int *code) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    struct relay *relay = transport->relays.items[i];
    if (relay->socket != datagram->socket) continue;
    if (is_stream(relay)) {
      *code = relay->state == RELAY_PARTING ? PRTC_ERROR_UNEXPECTED : receive(transport, now, relay, datagram);
      return true;
    }
    if (relay->turn == NULL || !prtc_address_equal(&relay->address, &datagram->remote)) continue;
    *code = receive(transport, now, relay, datagram);
    return *code != PRTC_ERROR_UNEXPECTED; /* the server may serve STUN as well: that is ICE's */
  }
  return false;
}

/* ----------------------------------------------------------------------------------------------------------------- time */

prtc_time prtc_relays_deadline(const struct prtc_transport *transport) {
  const struct relays *relays = &transport->relays;
  prtc_time deadline = PRTC_NEVER;
  for (uint32_t i = 0; i < relays->count; i++) {
    const struct relay *relay = relays->items[i];
    prtc_time own = relay->turn != NULL                ? prtc_turn_deadline(relay->turn)
                    : relay->state == RELAY_WAITING    ? relays->pace
                                                       : relay->give_up;
    if (relay->state != RELAY_ENDED && own < deadline) deadline = own;
  }
  return deadline;
}

void prtc_relays_timeout(struct prtc_transport *transport, prtc_time now) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    struct relay *relay = transport->relays.items[i];
    if (relay->turn != NULL && prtc_turn_deadline(relay->turn) <= now) (void)prtc_turn_timeout(relay->turn, now);
    if (relay->state == RELAY_ENDED || relay->give_up > now) continue;
    if (relay->state == RELAY_PARTING) {
      disappear(transport, relay);
      continue;
    }
    failed(transport, now, relay, PRTC_ERROR_TIMEOUT, "no connection to the server was made in time");
  }
}

/* -------------------------------------------------------------------------------------------------------------- sockets */

bool prtc_relays_request(struct prtc_transport *transport, prtc_socket_id fresh, prtc_request *out) {
  if (transport->relays.trust == TRUST_WANTED) {
    transport->relays.trust = TRUST_ASKED;
    out->type = PRTC_REQUEST_TRUST_ANCHORS;
    return true;
  }
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    struct relay *relay = transport->relays.items[i];
    if (relay->state != RELAY_WANTED) continue;
    relay->state = RELAY_CONNECTING;
    relay->socket = out->socket = fresh;
    out->type = is_stream(relay) ? PRTC_REQUEST_CONNECT_TCP : PRTC_REQUEST_OPEN_UDP;
    if (is_stream(relay)) out->remote = relay->address;
    else out->address = relay->local;
    out->interface_index = relay->interface_index;
    return true;
  }
  return false;
}

static struct relay *find_owner(const struct prtc_transport *transport, prtc_socket_id socket) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    struct relay *relay = transport->relays.items[i];
    if (relay->owns_socket && relay->socket == socket && socket != 0) return relay;
  }
  return NULL;
}

bool prtc_relays_reply(struct prtc_transport *transport, prtc_time now, const prtc_request *request,
                       const prtc_reply *reply) {
  struct relay *relay = find_owner(transport, request->socket);
  if (relay == NULL || relay->state != RELAY_CONNECTING) return false;
  if (reply->code < 0) {
    relay->socket = 0;
    failed(transport, now, relay, PRTC_ERROR_TIMEOUT, "no connection to the server could be made");
  } else {
    if (!is_stream(relay)) relay->local = reply->address;
    if (relay->server->protocol == PRTC_RELAY_TLS) secure(transport, now, relay);
    else allocate(transport, now, relay);
  }
  return true;
}

bool prtc_relays_socket_closed(struct prtc_transport *transport, prtc_time now, prtc_socket_id socket) {
  bool found = false;
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    struct relay *relay = transport->relays.items[i];
    if (relay->socket != socket || relay->state == RELAY_ENDED) continue;
    relay->socket = 0;
    if (relay->state == RELAY_PARTING) disappear(transport, relay);
    else failed(transport, now, relay, PRTC_ERROR_TIMEOUT, "the connection to the server was closed");
    found = found || relay->owns_socket;
  }
  return found;
}

bool prtc_relays_writable(struct prtc_transport *transport, prtc_socket_id socket, bool writable) {
  struct relay *relay = find_owner(transport, socket);
  if (relay == NULL) return false;
  relay->blocked = !writable;
  return true;
}

/* Believed only while there is no allocation: ICMP is easily forged. */
bool prtc_relays_unreachable(struct prtc_transport *transport, prtc_time now, prtc_socket_id socket,
                             const prtc_address *remote) {
  bool found = false;
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    struct relay *relay = transport->relays.items[i];
    if (relay->state != RELAY_ALLOCATING || relay->socket != socket) continue;
    if (!prtc_address_equal(&relay->address, remote)) continue;
    failed(transport, now, relay, PRTC_ERROR_TIMEOUT, "the server could not be reached");
    found = true;
  }
  return found;
}

/* -------------------------------------------------------------------------------------------------------------- the end */

void prtc_relays_close(struct prtc_transport *transport, prtc_time now) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    struct relay *relay = transport->relays.items[i];
    if (relay->state < RELAY_CLOSING) begin_close(transport, now, relay);
  }
}

bool prtc_relays_are_closed(const struct prtc_transport *transport) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    if (transport->relays.items[i]->state != RELAY_ENDED) return false;
  }
  return true;
}

const struct server *prtc_relays_server(const struct prtc_transport *transport, const prtc_address *address,
                                        uint32_t protocol) {
  for (uint32_t i = 0; i < transport->relays.count; i++) {
    const struct relay *relay = transport->relays.items[i];
    if (relay->server->protocol == protocol && prtc_address_equal(&relay->address, address)) return relay->server;
  }
  return NULL;
}
