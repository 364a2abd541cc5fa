/* Sockets: which local addresses are used, and what is asked of the driver for it (RFC 8445 section 5.1.1.1).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * interfaces → one UDP socket for each address that counts → host candidates, and allocations on TURN servers; names of
 * servers → addresses. When every request is answered, ICE is told that there will be no more.
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
  prtc_release(transport->context, transport->gathering.sockets);
}

bool prtc_transport_has_gathered(const struct prtc_transport *transport) {
  return transport->gathering.state != PRTC_ICE_GATHERING_NEW && !transport->gathering.fills_pool;
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

static void begin(struct prtc_transport *transport, prtc_time now) {
  transport->gathering.wants_interfaces = true;
  prtc_servers_new_gathering(transport);
  prtc_relays_begin(transport, now);
  prtc_transport_pump(transport, now);
}

void prtc_transport_fill_pool(struct prtc_transport *transport, prtc_time now) {
  transport->gathering.state = PRTC_ICE_GATHERING_GATHERING;
  transport->gathering.fills_pool = true;
  begin(transport, now);
}

int prtc_transport_gather(struct prtc_transport *transport, prtc_time now) {
  struct gathering *gathering = &transport->gathering;
  if (gathering->fills_pool && !transport->closed) { /* what there is already is told now */
    gathering->fills_pool = false;
    prtc_transport_push_state(transport, PRTC_TRANSPORT_EVENT_GATHERING_STATE, PRTC_ICE_GATHERING_GATHERING);
    prtc_transport_pump(transport, now);
  }
  if (transport->closed || gathering->state != PRTC_ICE_GATHERING_NEW) return PRTC_OK;
  set_state(transport, PRTC_ICE_GATHERING_GATHERING);
  begin(transport, now);
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

/* ------------------------------------------------------------------------------------------------------------- requests */

static struct socket *find_socket(const struct gathering *gathering, enum socket_state state) {
  for (uint32_t i = 0; i < gathering->socket_count; i++) {
    if (gathering->sockets[i].state == state) return (struct socket *)&gathering->sockets[i];
  }
  return NULL;
}

/* For answers of the driver or of TURN servers. */
static bool waits(const struct prtc_transport *transport) {
  const struct gathering *gathering = &transport->gathering;
  return prtc_relays_are_gathering(transport) || gathering->wants_interfaces || gathering->unanswered > 0 ||
         find_socket(gathering, SOCKET_WANTED) != NULL || prtc_servers_want_names(transport);
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
  if (gathering->state == PRTC_ICE_GATHERING_NEW) return 0;
  struct socket *wanted = find_socket(gathering, SOCKET_WANTED);
  if (gathering->wants_interfaces) {
    gathering->wants_interfaces = false;
    out->type = PRTC_REQUEST_INTERFACES;
  } else if (prtc_servers_want_names(transport) && gathering->state == PRTC_ICE_GATHERING_GATHERING) {
    out->type = PRTC_REQUEST_RESOLVE;
    out->name = prtc_servers_next_name(transport);
  } else if (wanted != NULL) {
    wanted->state = SOCKET_OPENING;
    out->type = wanted->listens ? PRTC_REQUEST_LISTEN_TCP : PRTC_REQUEST_OPEN_UDP;
    out->shared = transport->config.mux != NULL;
    out->address = wanted->address;
    out->address.port = prtc_addresses_port(transport, wanted);
    out->interface_index = wanted->interface_index;
  } else {
    return 0;
  }
  gathering->unanswered++;
  return 1;
}

/* -------------------------------------------------------------------------------------------------------------- replies */

/* For each address, whether UDP can be had there or not. */
static void add_active(struct prtc_transport *transport, prtc_time now, const struct socket *socket) {
  bool wanted = transport->config.tcp_candidates != PRTC_TCP_CANDIDATES_NONE && !transport->config.relay_only;
  if (socket->listens || !wanted || transport->config.ice.lite != 0) return; /* a lite agent does not begin anything */
  (void)prtc_ice_add_tcp_socket(transport->ice, now, PRTC_TCP_ACTIVE, prtc_addresses_active(&transport->gathering, socket),
                                &socket->address, socket->interface_index, socket->network_type);
}

/* ICE gets an open socket, unless it is there to reach the TURN servers, and nobody else. */
static void add_socket(struct prtc_transport *transport, prtc_time now, const struct socket *socket) {
  if (transport->config.relay_only) return;
  if (socket->listens) {
    (void)prtc_ice_add_tcp_socket(transport->ice, now, PRTC_TCP_PASSIVE, socket->id, &socket->bound,
                                  socket->interface_index, socket->network_type);
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
    (void)prtc_ice_use_socket(transport->ice, prtc_addresses_active(gathering, socket), !relay_only);
    if (prtc_ice_use_socket(transport->ice, socket->id, !relay_only) < 0) add_socket(transport, now, socket);
  }
}

static void socket_opened(struct prtc_transport *transport, prtc_time now, const prtc_request *request,
                          const prtc_reply *reply) {
  prtc_address address = request->address;
  address.port = 0;
  struct socket *socket = prtc_addresses_find(&transport->gathering, &address, request->type == PRTC_REQUEST_LISTEN_TCP);
  if (socket == NULL || socket->state != SOCKET_OPENING) { /* the address has gone meanwhile */
    if (reply->code >= 0) (void)prtc_queue_push(&transport->gathering.closes, &request->socket);
    return;
  }
  if (reply->code < 0 && prtc_addresses_next_port(transport, socket)) return;
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
      if (reply->code >= 0) prtc_addresses_choose(transport, now, reply->interfaces, reply->interface_count);
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

/* -------------------------------------------------------------------------------------------------- changes and the end */

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
    prtc_addresses_withdraw(transport, now, socket);
    prtc_transport_pump(transport, now);
    return PRTC_OK;
  }
  return PRTC_ERROR_NOT_FOUND;
}

int prtc_transport_accepted(struct prtc_transport *transport, prtc_time now, prtc_socket_id listener,
                            prtc_socket_id connection, const prtc_address *local, const prtc_address *remote) {
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

/* W3C section 5.6.2: once gathering is complete it stays so until ICE restarts. What comes later is told as a candidate
 * like others, and the state does not change. */
int prtc_transport_interfaces_changed(struct prtc_transport *transport, prtc_time now) {
  (void)now;
  if (transport->gathering.state != PRTC_ICE_GATHERING_NEW) transport->gathering.wants_interfaces = true;
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
