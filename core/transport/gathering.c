/* Sockets: which local addresses are used, and what is asked of the driver for it (RFC 8445 section 5.1.1.1).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * interfaces → one UDP socket for each address that counts → host candidates; names of STUN servers → addresses. When every
 * request is answered, ICE is told that there will be no more.
 */
#include <string.h>

#include "core/base/text.h"
#include "core/transport/internal.h"

void prtc_gathering_init(struct prtc_transport *transport) {
  prtc_queue_init(&transport->gathering.closes, transport->context, sizeof(prtc_socket_id), 0);
}

static void clear_servers(struct prtc_transport *transport) {
  struct gathering *gathering = &transport->gathering;
  for (uint32_t i = 0; i < gathering->server_count; i++) prtc_release(transport->context, gathering->servers[i].host);
  gathering->server_count = gathering->servers_asked = gathering->resolved_count = 0;
}

void prtc_gathering_clear(struct prtc_transport *transport) {
  clear_servers(transport);
  prtc_queue_clear(&transport->gathering.closes);
}

void prtc_transport_forget_servers(struct prtc_transport *transport) {
  clear_servers(transport);
  prtc_ice_forget_servers(transport->ice);
}

bool prtc_transport_has_gathered(const struct prtc_transport *transport) {
  return transport->gathering.state != PRTC_ICE_GATHERING_NEW;
}

int prtc_transport_add_server(struct prtc_transport *transport, prtc_time now, const char *host, uint16_t port) {
  struct gathering *gathering = &transport->gathering;
  prtc_address address;
  if (prtc_address_parse(&address, host, strlen(host)) == PRTC_OK) { /* a literal address needs no driver */
    address.port = port;
    return prtc_ice_add_server(transport->ice, now, &address);
  }
  if (gathering->server_count == MAX_SERVERS) return PRTC_ERROR_QUEUE_FULL;
  char *copy = prtc_copy_text(transport->context, host, strlen(host));
  if (copy == NULL) return PRTC_ERROR_NO_MEMORY;
  gathering->servers[gathering->server_count++] = (struct server){.host = copy, .port = port};
  return PRTC_OK;
}

static void set_state(struct prtc_transport *transport, prtc_ice_gathering_state state) {
  if (transport->gathering.state == state) return;
  transport->gathering.state = state;
  prtc_transport_push_state(transport, PRTC_TRANSPORT_EVENT_GATHERING_STATE, state);
}

static bool waits_for_driver(const struct prtc_transport *transport);

/* ICE speaks of the sockets that it has: there may be more to come. */
static void update(struct prtc_transport *transport) {
  const struct gathering *gathering = &transport->gathering;
  if (gathering->state != PRTC_ICE_GATHERING_GATHERING || !gathering->ice_is_complete || waits_for_driver(transport)) return;
  set_state(transport, PRTC_ICE_GATHERING_COMPLETE);
}

void prtc_gathering_complete(struct prtc_transport *transport) {
  transport->gathering.ice_is_complete = true;
  update(transport);
}

int prtc_transport_gather(struct prtc_transport *transport, prtc_time now) {
  (void)now;
  struct gathering *gathering = &transport->gathering;
  if (transport->closed || gathering->state != PRTC_ICE_GATHERING_NEW) return PRTC_OK;
  set_state(transport, PRTC_ICE_GATHERING_GATHERING);
  gathering->wants_interfaces = true;
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

static bool waits_for_driver(const struct prtc_transport *transport) {
  const struct gathering *gathering = &transport->gathering;
  return gathering->wants_interfaces || gathering->unanswered > 0 || find_socket(gathering, SOCKET_WANTED) != NULL ||
         gathering->servers_asked < gathering->server_count;
}

static void end_if_all_is_answered(struct prtc_transport *transport, prtc_time now) {
  if (transport->gathering.state != PRTC_ICE_GATHERING_GATHERING || waits_for_driver(transport)) return;
  (void)prtc_ice_end_of_sockets(transport->ice, now);
  prtc_transport_pump(transport, now);
  update(transport);
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
  if (gathering->state != PRTC_ICE_GATHERING_GATHERING) return 0;
  struct socket *wanted = find_socket(gathering, SOCKET_WANTED);
  if (gathering->wants_interfaces) {
    gathering->wants_interfaces = false;
    out->type = PRTC_REQUEST_INTERFACES;
  } else if (gathering->servers_asked < gathering->server_count) {
    out->type = PRTC_REQUEST_RESOLVE;
    out->name = gathering->servers[gathering->servers_asked++].host;
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
    if (transport->config.tcp_candidates == PRTC_TCP_CANDIDATES_ALL) want_socket(gathering, &interfaces[i], true);
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
  if (socket->listens || transport->config.tcp_candidates == PRTC_TCP_CANDIDATES_NONE) return;
  (void)prtc_ice_add_tcp_socket(transport->ice, now, PRTC_TCP_ACTIVE, active_id(&transport->gathering, socket), &socket->address,
                                socket->interface_index, socket->network_type);
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
  transport->gathering.ice_is_complete = false;
  PRTC_LOG(transport->context, PRTC_LOG_DEBUG, "transport", "socket %llu is open, port %u", (unsigned long long)socket->id,
           reply->address.port);
  if (socket->listens) {
    (void)prtc_ice_add_tcp_socket(transport->ice, now, PRTC_TCP_PASSIVE, socket->id, &reply->address, socket->interface_index,
                                  socket->network_type);
    return;
  }
  (void)prtc_ice_add_socket(transport->ice, now, socket->id, &reply->address, socket->interface_index,
                            socket->network_type);
  add_active(transport, now, socket);
}

/* `url` without "stun:" */
static void push_server_failed(struct prtc_transport *transport, const char *host, uint16_t port, int code, const char *why) {
  struct prtc_transport_event event = {.type = PRTC_TRANSPORT_EVENT_SERVER_FAILED, .code = code};
  struct prtc_text text = prtc_text_of(event.text, sizeof event.text);
  prtc_text_print(&text, "stun:%.150s", host);
  if (port != 0) prtc_text_print(&text, ":%u", (unsigned)port);
  prtc_text_print(&text, " %.80s", why);
  prtc_transport_push(transport, &event);
}

void prtc_gathering_server_failed(struct prtc_transport *transport, const prtc_address *server, int code) {
  const struct gathering *gathering = &transport->gathering;
  const char *why = code == 701 ? "the server could not be reached" : "the server answered with an error";
  char printed[PRTC_ADDRESS_TEXT_SIZE];
  for (uint32_t i = 0; i < gathering->resolved_count; i++) {
    if (!prtc_address_equal(&gathering->resolved[i].address, server)) continue;
    const struct server *named = &gathering->servers[gathering->resolved[i].server];
    push_server_failed(transport, named->host, named->port, code, why);
    return;
  }
  if (prtc_address_print(server, printed, sizeof printed) > 0) push_server_failed(transport, printed, 0, code, why);
}

static void name_not_resolved(struct prtc_transport *transport, const char *name) {
  const struct gathering *gathering = &transport->gathering;
  for (uint32_t i = 0; i < gathering->server_count; i++) {
    const struct server *server = &gathering->servers[i];
    if (strcmp(server->host, name) != 0) continue;
    push_server_failed(transport, server->host, server->port, 701, "the name of the server could not be resolved");
  }
}

static void name_resolved(struct prtc_transport *transport, prtc_time now, const prtc_request *request,
                          const prtc_reply *reply) {
  struct gathering *gathering = &transport->gathering;
  if (reply->code < 0 || reply->address_count == 0) name_not_resolved(transport, request->name);
  bool seen[2] = {false, false}; /* one address of each family: more would only be the same server again */
  for (size_t i = 0; i < reply->address_count && reply->code >= 0; i++) {
    prtc_address address = reply->addresses[i];
    bool *of_family = &seen[address.family == PRTC_FAMILY_IPV6];
    if (*of_family) continue;
    *of_family = true;
    for (uint32_t k = 0; k < gathering->server_count; k++) {
      if (strcmp(gathering->servers[k].host, request->name) != 0) continue;
      address.port = gathering->servers[k].port;
      if (gathering->resolved_count < 2 * MAX_SERVERS) {
        gathering->resolved[gathering->resolved_count].address = address;
        gathering->resolved[gathering->resolved_count++].server = k;
      }
      (void)prtc_ice_add_server(transport->ice, now, &address);
    }
  }
}

int prtc_transport_reply(struct prtc_transport *transport, prtc_time now, const prtc_request *request,
                         const prtc_reply *reply) {
  if (transport->closed) return PRTC_ERROR_NOT_FOUND;
  if (request->type == PRTC_REQUEST_CONNECT_TCP) return prtc_streams_reply(transport, now, request, reply);
  if (transport->gathering.unanswered > 0) transport->gathering.unanswered--;
  switch (request->type) {
    case PRTC_REQUEST_INTERFACES:
      if (reply->code >= 0) choose_addresses(transport, reply->interfaces, reply->interface_count);
      break;
    case PRTC_REQUEST_OPEN_UDP:
    case PRTC_REQUEST_LISTEN_TCP: socket_opened(transport, now, request, reply); break;
    case PRTC_REQUEST_RESOLVE: name_resolved(transport, now, request, reply); break;
    default: break;
  }
  end_if_all_is_answered(transport, now);
  prtc_transport_pump(transport, now);
  return PRTC_OK;
}

/* ------------------------------------------------------------------------------------------------------ changes and the end */

int prtc_transport_socket_closed(struct prtc_transport *transport, prtc_time now, prtc_socket_id id) {
  struct gathering *gathering = &transport->gathering;
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
