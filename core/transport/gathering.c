/* Sockets: which local addresses are used, and what is asked of the driver for it (RFC 8445 section 5.1.1.1).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * interfaces → one UDP socket for each address that counts → host candidates, and allocations on TURN servers; names of servers →
 * addresses. When every request is answered, ICE is told that there will be no more.
 */
#include <string.h>

#include "core/base/text.h"
#include "core/transport/internal.h"

void prtc_gathering_init(struct prtc_transport *transport) {
  prtc_queue_init(&transport->gathering.closes, transport->context, sizeof(prtc_socket_id), 0);
}

void prtc_gathering_clear(struct prtc_transport *transport) {
  prtc_servers_clear(transport);
  prtc_queue_clear(&transport->gathering.closes);
}

bool prtc_transport_has_gathered(const struct prtc_transport *transport) {
  return transport->gathering.state != PRTC_ICE_GATHERING_NEW;
}

static void set_state(struct prtc_transport *transport, prtc_ice_gathering_state state) {
  if (transport->gathering.state == state) return;
  transport->gathering.state = state;
  prtc_transport_push_state(transport, PRTC_TRANSPORT_EVENT_GATHERING_STATE, state);
}

static bool waits(const struct prtc_transport *transport);

/* ICE speaks of the sockets that it has: there may be more to come. */
static void update(struct prtc_transport *transport) {
  const struct gathering *gathering = &transport->gathering;
  if (gathering->state != PRTC_ICE_GATHERING_GATHERING || !gathering->ice_is_complete || waits(transport)) return;
  set_state(transport, PRTC_ICE_GATHERING_COMPLETE);
}

void prtc_gathering_complete(struct prtc_transport *transport) {
  transport->gathering.ice_is_complete = true;
  update(transport);
}

int prtc_transport_gather(struct prtc_transport *transport, prtc_time now) {
  struct gathering *gathering = &transport->gathering;
  if (transport->closed || gathering->state != PRTC_ICE_GATHERING_NEW) return PRTC_OK;
  set_state(transport, PRTC_ICE_GATHERING_GATHERING);
  gathering->wants_interfaces = true;
  prtc_servers_new_gathering(transport);
  prtc_relays_begin(transport, now);
  prtc_transport_pump(transport, now);
  return PRTC_OK;
}

int prtc_transport_make_ice_parameters(struct prtc_transport *transport, prtc_ice_parameters *out) {
  return prtc_ice_make_parameters(transport->ice, out);
}

int prtc_transport_restart(struct prtc_transport *transport, prtc_time now, const prtc_ice_parameters *parameters) {
  struct gathering *gathering = &transport->gathering;
  if (transport->closed) return PRTC_ERROR_CLOSED;
  prtc_transport_pump(transport, now); /* what was gathered before belongs to the generation before */
  gathering->ice_is_complete = false;
  int code = prtc_ice_restart_with(transport->ice, now, parameters);
  if (code < 0) return code;
  if (!gathering->has_former) gathering->former = gathering->state;
  gathering->has_former = true;
  /* The next prtc_transport_gather begins anew: interfaces may have changed. */
  gathering->state = PRTC_ICE_GATHERING_NEW;
  return PRTC_OK;
}

int prtc_transport_take_back(struct prtc_transport *transport, prtc_time now) {
  struct gathering *gathering = &transport->gathering;
  if (transport->closed) return PRTC_ERROR_CLOSED;
  prtc_transport_pump(transport, now);
  int code = prtc_ice_take_back(transport->ice, now);
  if (code == PRTC_ERROR_INVALID_STATE) return code;
  gathering->has_former = false;
  gathering->ice_is_complete = gathering->former == PRTC_ICE_GATHERING_COMPLETE;
  set_state(transport, gathering->former);
  prtc_transport_pump(transport, now);
  return code;
}

/* --------------------------------------------------------------------------------------------------------------- requests */

static struct socket *find_socket(const struct gathering *gathering, enum socket_state state) {
  for (uint32_t i = 0; i < gathering->socket_count; i++) {
    if (gathering->sockets[i].state == state) return (struct socket *)&gathering->sockets[i];
  }
  return NULL;
}

/* For answers of the driver or of TURN servers. */
static bool waits(const struct prtc_transport *transport) {
  const struct gathering *gathering = &transport->gathering;
  return prtc_relays_are_gathering(transport) || gathering->wants_interfaces || gathering->unanswered > 0 || find_socket(gathering, SOCKET_WANTED) != NULL ||
         prtc_servers_want_names(transport);
}

void prtc_gathering_check(struct prtc_transport *transport, prtc_time now) {
  bool gathering = transport->gathering.state == PRTC_ICE_GATHERING_GATHERING;
  if (gathering && !waits(transport)) (void)prtc_ice_end_of_sockets(transport->ice, now);
  update(transport); /* ICE may have been complete before, when nothing new has come of it */
}

int prtc_transport_request(struct prtc_transport *transport, prtc_request *out) {
  struct gathering *gathering = &transport->gathering;
  prtc_socket_id fresh = out->socket; /* of the sockets here it is of no matter: it comes with the reply */
  *out = (prtc_request){0};
  if (prtc_queue_pop(&gathering->closes, &out->socket)) {
    out->type = PRTC_REQUEST_CLOSE;
    return 1;
  }
  if (transport->closed) return 0;
  if (prtc_streams_request(transport, fresh, out)) return 1;
  if (prtc_relays_request(transport, fresh, out)) return 1;
  if (prtc_names_request(transport, out)) return 1;
  if (gathering->state != PRTC_ICE_GATHERING_GATHERING) return 0;
  struct socket *wanted = find_socket(gathering, SOCKET_WANTED);
  if (gathering->wants_interfaces) {
    gathering->wants_interfaces = false;
    out->type = PRTC_REQUEST_INTERFACES;
  } else if (prtc_servers_want_names(transport)) {
    out->type = PRTC_REQUEST_RESOLVE;
    out->name = prtc_servers_next_name(transport);
  } else if (wanted != NULL) {
    wanted->state = SOCKET_OPENING;
    out->type = wanted->listens ? PRTC_REQUEST_LISTEN_TCP : PRTC_REQUEST_OPEN_UDP;
    out->shared = transport->config.mux != NULL;
    out->address = wanted->address;
    out->interface_index = wanted->interface_index;
  } else {
    return 0;
  }
  gathering->unanswered++;
  return 1;
}

/* ------------------------------------------------------------------------------------------------------------- interfaces */

static bool is_link_local(const prtc_address *address) {
  if (address->family == PRTC_FAMILY_IPV4) return address->ip[0] == 169 && address->ip[1] == 254; /* RFC 3927 */
  return address->ip[0] == 0xFE && (address->ip[1] & 0xC0) == 0x80;                               /* RFC 4291 2.5.6 */
}

/* RFC 8445 section 5.1.1.1: never the deprecated site-local, IPv4-compatible and IPv4-mapped forms. */
static bool is_deprecated(const prtc_address *address) {
  static const uint8_t zeros[16];
  if (address->family == PRTC_FAMILY_IPV4) return memcmp(address->ip, zeros, 4) == 0;
  bool site_local = address->ip[0] == 0xFE && (address->ip[1] & 0xC0) == 0xC0;
  bool mapped = memcmp(address->ip, zeros, 10) == 0 && address->ip[10] == 0xFF && address->ip[11] == 0xFF;
  bool loopback = memcmp(address->ip, zeros, 15) == 0 && address->ip[15] == 1;
  bool compatible = memcmp(address->ip, zeros, 12) == 0 && !loopback;
  return site_local || mapped || compatible;
}

/* 2: a usual address; 1: link-local, for when there is no usual one (RFC 8445 section 5.1.1.1); 0: loopback, likewise unless
 * asked for. */
static int rank(const struct prtc_transport *transport, const prtc_interface *interface) {
  if (interface->network_type == PRTC_NETWORK_LOOPBACK) return transport->config.use_loopback ? 2 : 0;
  return is_link_local(&interface->address) ? 1 : 2;
}

/* The socket of that address and kind, or NULL. */
static struct socket *socket_at(struct gathering *gathering, const prtc_address *address, bool listens) {
  for (uint32_t i = 0; i < gathering->socket_count; i++) {
    struct socket *socket = &gathering->sockets[i];
    if (socket->listens == listens && prtc_address_equal(&socket->address, address)) return socket;
  }
  return NULL;
}

static void want_socket(struct gathering *gathering, const prtc_interface *interface, bool listens) {
  prtc_address address = interface->address;
  address.port = 0;
  struct socket *socket = socket_at(gathering, &address, listens);
  if (socket == NULL && gathering->socket_count < MAX_SOCKETS) {
    socket = &gathering->sockets[gathering->socket_count++];
    *socket = (struct socket){.address = address, .listens = listens};
  } else if (socket == NULL || socket->state != SOCKET_FAILED) {
    return;
  }
  socket->state = SOCKET_WANTED;
  socket->interface_index = interface->index;
  socket->network_type = interface->network_type;
}

static void choose_addresses(struct prtc_transport *transport, const prtc_interface *interfaces, size_t count) {
  struct gathering *gathering = &transport->gathering;
  size_t chosen = 0;
  int best = 0;
  for (size_t i = 0; i < count; i++) {
    if (!is_deprecated(&interfaces[i].address) && rank(transport, &interfaces[i]) > best) best = rank(transport, &interfaces[i]);
  }
  for (size_t i = 0; i < count && chosen < MAX_ADDRESSES; i++) {
    if (is_deprecated(&interfaces[i].address) || rank(transport, &interfaces[i]) < best) continue;
    want_socket(gathering, &interfaces[i], false);
    bool listens = transport->config.tcp_candidates == PRTC_TCP_CANDIDATES_ALL && !transport->config.relay_only;
    if (listens) want_socket(gathering, &interfaces[i], true);
    chosen++;
  }
}

/* ---------------------------------------------------------------------------------------------------------------- replies */

/* An active TCP candidate is no socket: it is named by the place of the address that it stands for. */
static prtc_socket_id active_id(const struct gathering *gathering, const struct socket *socket) {
  return PRTC_ACTIVE_SOCKET | (prtc_socket_id)(socket - gathering->sockets + 1);
}

/* For each address, whether UDP can be had there or not. */
static void add_active(struct prtc_transport *transport, prtc_time now, const struct socket *socket) {
  if (socket->listens || transport->config.tcp_candidates == PRTC_TCP_CANDIDATES_NONE || transport->config.relay_only) return;
  (void)prtc_ice_add_tcp_socket(transport->ice, now, PRTC_TCP_ACTIVE, active_id(&transport->gathering, socket), &socket->address,
                                socket->interface_index, socket->network_type);
}

/* ICE gets an open socket, unless it is there to reach the TURN servers, and nobody else. */
static void add_socket(struct prtc_transport *transport, prtc_time now, const struct socket *socket) {
  if (transport->config.relay_only) return;
  if (socket->listens) {
    (void)prtc_ice_add_tcp_socket(transport->ice, now, PRTC_TCP_PASSIVE, socket->id, &socket->bound, socket->interface_index,
                                  socket->network_type);
    return;
  }
  (void)prtc_ice_add_socket(transport->ice, now, socket->id, &socket->bound, socket->interface_index, socket->network_type);
  add_active(transport, now, socket);
}

void prtc_transport_set_relay_only(struct prtc_transport *transport, prtc_time now, bool relay_only) {
  const struct gathering *gathering = &transport->gathering;
  transport->config.relay_only = relay_only;
  prtc_relays_retire(transport);
  for (uint32_t i = 0; i < gathering->socket_count; i++) {
    const struct socket *socket = &gathering->sockets[i];
    if (socket->state != SOCKET_OPEN) continue;
    (void)prtc_ice_use_socket(transport->ice, active_id(gathering, socket), !relay_only);
    if (prtc_ice_use_socket(transport->ice, socket->id, !relay_only) < 0) add_socket(transport, now, socket);
  }
}

static void socket_opened(struct prtc_transport *transport, prtc_time now, const prtc_request *request,
                          const prtc_reply *reply) {
  struct socket *socket = socket_at(&transport->gathering, &request->address, request->type == PRTC_REQUEST_LISTEN_TCP);
  if (socket == NULL || socket->state != SOCKET_OPENING) return;
  if (reply->code < 0) {
    socket->state = SOCKET_FAILED;
    add_active(transport, now, socket);
    PRTC_LOG(transport->context, PRTC_LOG_WARNING, "transport", "a socket could not be opened (error %d)",
             reply->system_error);
    return;
  }
  socket->state = SOCKET_OPEN;
  socket->id = request->socket;
  socket->bound = reply->address;
  transport->gathering.ice_is_complete = false;
  PRTC_LOG(transport->context, PRTC_LOG_DEBUG, "transport", "socket %llu is open, port %u", (unsigned long long)socket->id,
           reply->address.port);
  add_socket(transport, now, socket);
}

int prtc_transport_reply(struct prtc_transport *transport, prtc_time now, const prtc_request *request,
                         const prtc_reply *reply) {
  if (transport->closed) return PRTC_ERROR_NOT_FOUND;
  if (prtc_relays_reply(transport, now, request, reply)) {
    prtc_transport_pump(transport, now);
    return PRTC_OK;
  }
  if (request->type == PRTC_REQUEST_CONNECT_TCP) return prtc_streams_reply(transport, now, request, reply);
  if (request->type == PRTC_REQUEST_FIND_NAME) {
    prtc_names_found(transport, now, request, reply);
    prtc_transport_pump(transport, now);
    return PRTC_OK;
  }
  if (transport->gathering.unanswered > 0) transport->gathering.unanswered--;
  switch (request->type) {
    case PRTC_REQUEST_INTERFACES:
      if (reply->code >= 0) choose_addresses(transport, reply->interfaces, reply->interface_count);
      break;
    case PRTC_REQUEST_OPEN_UDP:
    case PRTC_REQUEST_LISTEN_TCP: socket_opened(transport, now, request, reply); break;
    case PRTC_REQUEST_RESOLVE: prtc_servers_name_resolved(transport, now, request->name, reply); break;
    default: break;
  }
  prtc_relays_consider(transport, now);
  prtc_transport_pump(transport, now);
  return PRTC_OK;
}

/* ------------------------------------------------------------------------------------------------------ changes and the end */

int prtc_transport_socket_closed(struct prtc_transport *transport, prtc_time now, prtc_socket_id id) {
  struct gathering *gathering = &transport->gathering;
  if (prtc_relays_socket_closed(transport, now, id)) { /* a stream to a server */
    prtc_transport_pump(transport, now);
    return PRTC_OK;
  }
  if (prtc_streams_closed(transport, now, id) == PRTC_OK) return PRTC_OK;
  for (uint32_t i = 0; i < gathering->socket_count; i++) {
    struct socket *socket = &gathering->sockets[i];
    if (socket->state != SOCKET_OPEN || socket->id != id) continue;
    socket->state = SOCKET_FAILED;
    if (transport->fallback.socket == id) transport->fallback.socket = 0;
    (void)prtc_ice_remove_socket(transport->ice, now, id);
    (void)prtc_ice_remove_socket(transport->ice, now, active_id(gathering, socket));
    prtc_transport_pump(transport, now);
    return PRTC_OK;
  }
  return PRTC_ERROR_NOT_FOUND;
}

int prtc_transport_accepted(struct prtc_transport *transport, prtc_time now, prtc_socket_id listener, prtc_socket_id connection,
                            const prtc_address *local, const prtc_address *remote) {
  if (transport->closed) return PRTC_ERROR_NOT_FOUND;
  return prtc_streams_accepted(transport, now, listener, connection, local, remote);
}

int prtc_transport_writable(struct prtc_transport *transport, prtc_time now, prtc_socket_id connection, bool writable) {
  return prtc_routes_writable(transport, now, connection, writable);
}

int prtc_transport_unreachable(struct prtc_transport *transport, prtc_time now, prtc_socket_id socket,
                               const prtc_address *remote) {
  int code = prtc_ice_unreachable(transport->ice, now, socket, remote);
  if (prtc_relays_unreachable(transport, now, socket, remote)) code = PRTC_OK;
  prtc_transport_pump(transport, now);
  return code;
}

int prtc_transport_interfaces_changed(struct prtc_transport *transport, prtc_time now) {
  /* New interfaces are used from the next generation on; one that vanished shows as a socket that fails. */
  (void)transport, (void)now;
  return PRTC_OK;
}

void prtc_gathering_close(struct prtc_transport *transport) {
  struct gathering *gathering = &transport->gathering;
  for (uint32_t i = 0; i < gathering->socket_count; i++) {
    if (gathering->sockets[i].state == SOCKET_OPEN) (void)prtc_queue_push(&gathering->closes, &gathering->sockets[i].id);
  }
  gathering->socket_count = 0;
  prtc_streams_close(transport);
}
