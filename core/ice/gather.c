/* Local candidates: sockets, and what STUN servers see of them (RFC 8445 section 5.1).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include <polyrtc/endpoint.h>

#include "core/base/config.h"
#include "core/ice/internal.h"

/* RFC 8445 section 5.1.1.4 asks for keepalives towards the server until ICE is done; section 11 has 15 s as the
 * interval. */
#define REFRESH MILLISECONDS(15000)

static bool is_loopback(const prtc_address *address) {
  static const uint8_t one[16] = {[15] = 1};
  if (address->family == PRTC_FAMILY_IPV4) return address->ip[0] == 127;
  return memcmp(address->ip, one, sizeof one) == 0;
}

/* ------------------------------------------------------------------------------------------------------- priorities */

/* RFC 8445 section 5.1.2.1 with its recommended preferences, component 1. Any way over TCP comes after all that UDP has but
 * relays (RFC 6544 section 4.2); there the upper three bits of the local preference say who connects. */
uint32_t prtc_ice_priority(prtc_candidate_type type, const struct ice_socket *socket) {
  static const uint32_t type_preferences[] = {126, 100, 110, 0}, tcp_type_preferences[] = {90, 70, 80, 0};
  /* Whatever is seen behind a relay is a way over it: its checks, too, say the priority of the relayed candidate, so that
   * the other side does not take the longest way for a peer-reflexive one, which would go before the direct ones. */
  if (socket->relay_protocol != PRTC_RELAY_NONE) type = PRTC_CANDIDATE_RELAYED;
  if (socket->tcp_type == PRTC_TCP_NONE) return type_preferences[type] << 24 | socket->local_preference << 8 | (256 - 1);
  uint32_t direction = socket->tcp_type == PRTC_TCP_ACTIVE ? 6 : 4;
  if (type != PRTC_CANDIDATE_HOST) direction -= 2;
  return tcp_type_preferences[type] << 24 | (direction << 13 | socket->local_preference) << 8 | (256 - 1);
}

/* Unique among the sockets of a kind: of relays first by the protocol to the server, then by how the interface is attached,
 * then the families in turn, IPv6 first (RFC 8421 section 4), then in the order in which the sockets came. */
static void set_local_preference(const struct prtc_ice *ice, struct ice_socket *socket) {
  static const uint32_t ranks[] = {
      [PRTC_NETWORK_UNKNOWN] = 0, [PRTC_NETWORK_LOOPBACK] = 4, [PRTC_NETWORK_ETHERNET] = 0,
      [PRTC_NETWORK_WIFI] = 1,    [PRTC_NETWORK_CELLULAR] = 3, [PRTC_NETWORK_VPN] = 2,
  };
  uint32_t rank = socket->network_type < sizeof ranks / sizeof ranks[0] ? ranks[socket->network_type] : 0;
  uint32_t most = socket->tcp_type == PRTC_TCP_NONE ? 65535 : 8191, step = most / 8 + 1;
  if (socket->relay_protocol != PRTC_RELAY_NONE) {
    most -= (socket->relay_protocol - PRTC_RELAY_UDP) * 16384;
    step = 2048;
  }
  bool taken = true;
  for (uint32_t index = 0; taken; index++) {
    taken = false;
    socket->local_preference = most - rank * step - 2 * index - (socket->address.family == PRTC_FAMILY_IPV4 ? 1 : 0);
    for (size_t i = 0; i < ice->sockets.count && !taken; i++) {
      const struct ice_socket *other = ice->sockets.items[i];
      taken = other != socket && other->tcp_type == socket->tcp_type && other->local_preference == socket->local_preference;
    }
  }
}

/* ------------------------------------------------------------------------------------------------------- candidates */

/* RFC 8445 section 5.1.1.3: equal for candidates of one type, base address, server and protocol, also that to the
 * server. */
static uint32_t foundation_of(const struct prtc_ice *ice, const struct ice_local *local) {
  uint32_t highest = 0;
  for (size_t i = 0; i < ice->locals.count; i++) {
    const struct ice_local *other = ice->locals.items[i];
    bool same_protocol = (other->socket->tcp_type != PRTC_TCP_NONE) == (local->socket->tcp_type != PRTC_TCP_NONE);
    if (same_protocol && other->type == local->type && prtc_ice_same_address(&other->server, &local->server) &&
        other->socket->address.family == local->socket->address.family &&
        other->socket->relay_protocol == local->socket->relay_protocol &&
        memcmp(other->socket->address.ip, local->socket->address.ip, sizeof local->socket->address.ip) == 0) {
      return other->foundation;
    }
    if (other->foundation > highest) highest = other->foundation;
  }
  return highest + 1;
}

static void push_candidate(struct prtc_ice *ice, prtc_ice_event_type type, const struct ice_local *local) {
  const struct ice_socket *socket = local->socket;
  struct ice_event event = {.type = (uint32_t)type,
                            .local = *local,
                            .relay_protocol = socket->relay_protocol,
                            .base = local->type == PRTC_CANDIDATE_RELAYED ? socket->mapped : socket->address,
                            .tcp_type = socket->tcp_type};
  memcpy(event.ufrag, ice->credentials.local_ufrag, sizeof event.ufrag);
  prtc_ice_push_event(ice, &event);
}

static int add_local(struct prtc_ice *ice, prtc_candidate_type type, struct ice_socket *socket, const prtc_address *address,
                     const prtc_address *server) {
  struct ice_local *local = prtc_allocate(ice->context, sizeof *local);
  if (local == NULL) return PRTC_ERROR_NO_MEMORY;
  local->type = type;
  local->socket = socket;
  local->address = *address;
  if (server != NULL) local->server = *server;
  local->refresh_at = PRTC_NEVER;
  local->priority = prtc_ice_priority(type, socket);
  local->foundation = foundation_of(ice, local);
  int code = prtc_ice_list_add(ice, &ice->locals, local);
  if (code < 0) {
    prtc_release(ice->context, local);
    return code;
  }
  ice->has_gathered = true;
  push_candidate(ice, PRTC_ICE_EVENT_CANDIDATE, local);
  return 0;
}

static struct ice_local *find_local(const struct prtc_ice *ice, const struct ice_socket *socket,
                                    const prtc_address *address) {
  for (size_t i = 0; i < ice->locals.count; i++) {
    struct ice_local *local = ice->locals.items[i];
    if (local->socket == socket && prtc_ice_same_address(&local->address, address)) return local;
  }
  return NULL;
}

/* RFC 8445 section 5.1.3: when there is no NAT, or with a second server. */
static bool is_redundant(const struct prtc_ice *ice, const struct ice_socket *socket, const prtc_address *mapped) {
  for (size_t i = 0; i < ice->locals.count; i++) {
    const struct ice_local *local = ice->locals.items[i];
    bool hidden = local->type == PRTC_CANDIDATE_HOST && ice->config.hidden_hosts != 0;
    if (local->socket == socket && !hidden && prtc_ice_same_address(&local->address, mapped)) return true;
  }
  return false;
}

prtc_candidate_type prtc_ice_reflexive_type(const struct prtc_ice *ice, const struct ice_socket *socket,
                                            const prtc_address *mapped) {
  if (socket->base != NULL) { /* the port of a connection is in no candidate */
    bool as_is = memcmp(socket->address.ip, mapped->ip, sizeof mapped->ip) == 0;
    return as_is ? PRTC_CANDIDATE_HOST : PRTC_CANDIDATE_PEER_REFLEXIVE;
  }
  const struct ice_local *local = find_local(ice, socket, mapped);
  return local != NULL ? local->type : PRTC_CANDIDATE_PEER_REFLEXIVE;
}

/* ---------------------------------------------------------------------------------------------------------- servers */

static int ask_server(struct prtc_ice *ice, struct ice_socket *socket, const prtc_address *server) {
  bool for_us = socket->tcp_type == PRTC_TCP_NONE && socket->relay_protocol == PRTC_RELAY_NONE && !socket->retired;
  if (socket->address.family != server->family || !for_us || ice->config.lite != 0) return 0;
  if (is_loopback(&socket->address) && !is_loopback(server)) return 0; /* it cannot be reached from there */
  /* A check that is possible in this instant goes first: it would have to wait for as long. */
  if (ice->gather_pace < ice->now + LEAST_TA) ice->gather_pace = ice->now + LEAST_TA;
  return prtc_ice_add_transaction(ice, TRANSACTION_GATHER, socket, server) != NULL ? 0 : PRTC_ERROR_NO_MEMORY;
}

/* What the TURN server sees of the socket is what a STUN server would (RFC 8445 section 5.1.1.2). */
static int gather_relay(struct prtc_ice *ice, struct ice_socket *relay) {
  int code = add_local(ice, PRTC_CANDIDATE_RELAYED, relay, &relay->address, &relay->server);
  struct ice_socket *base = relay->mapped_base != 0 ? prtc_ice_find_socket(ice, relay->mapped_base) : NULL;
  if (code < 0 || base == NULL || base->retired) return code;
  if (base->address.family != relay->mapped.family || relay->mapped.port == 0) return code;
  if (is_redundant(ice, base, &relay->mapped)) return 0;
  return add_local(ice, PRTC_CANDIDATE_SERVER_REFLEXIVE, base, &relay->mapped, &relay->server);
}

static const struct ice_mapping *mapping_of(const struct prtc_ice *ice, const prtc_address *address) {
  for (size_t i = 0; i < ice->mapping_count; i++) {
    const struct ice_mapping *mapping = &ice->mappings[i];
    if (mapping->mapped.family != address->family) continue;
    bool any = mapping->local.family == PRTC_FAMILY_NONE;
    if (any || memcmp(mapping->local.ip, address->ip, sizeof address->ip) == 0) return mapping;
  }
  return NULL;
}

int prtc_ice_add_mapping(prtc_ice *ice, const prtc_address *local, const prtc_address *mapped, prtc_candidate_type type) {
  bool known = type == PRTC_CANDIDATE_HOST || type == PRTC_CANDIDATE_SERVER_REFLEXIVE;
  bool families =
      mapped->family != PRTC_FAMILY_NONE && (local->family == PRTC_FAMILY_NONE || local->family == mapped->family);
  if (!known || !families) return PRTC_ERROR_INVALID_ARGUMENT;
  if (ice->mapping_count == PRTC_ICE_MAPPINGS_MAX) return PRTC_ERROR_QUEUE_FULL;
  void *more = prtc_reallocate(ice->context, ice->mappings, (ice->mapping_count + 1) * sizeof *ice->mappings);
  if (more == NULL) return PRTC_ERROR_NO_MEMORY;
  ice->mappings = more;
  ice->mappings[ice->mapping_count++] = (struct ice_mapping){*local, *mapped, type};
  return 0;
}

static int gather_socket(struct prtc_ice *ice, struct ice_socket *socket) {
  if (socket->retired) return 0;
  if (socket->relay_protocol != PRTC_RELAY_NONE) return gather_relay(ice, socket);
  const struct ice_mapping *mapping = is_loopback(&socket->address) ? NULL : mapping_of(ice, &socket->address);
  prtc_address mapped = mapping != NULL ? mapping->mapped : socket->address;
  mapped.port = socket->address.port;
  bool beside = mapping != NULL && mapping->type != PRTC_CANDIDATE_HOST;
  int code = add_local(ice, PRTC_CANDIDATE_HOST, socket, beside ? &socket->address : &mapped, NULL);
  if (code == 0 && beside) code = add_local(ice, PRTC_CANDIDATE_SERVER_REFLEXIVE, socket, &mapped, NULL);
  for (size_t i = 0; i < ice->server_count && code == 0; i++) code = ask_server(ice, socket, &ice->servers[i]);
  return code;
}

static void push_server_failed(struct prtc_ice *ice, const struct ice_socket *socket, const prtc_address *server,
                               int code) {
  PRTC_LOG(ice->context, PRTC_LOG_WARNING, "ice", "a STUN server failed: error %d", code);
  prtc_ice_push_event(ice, &(struct ice_event){.type = PRTC_ICE_EVENT_SERVER_FAILED,
                                               .code = code,
                                               .local.server = *server,
                                               .base = socket->address});
}

static bool *heard_of(struct prtc_ice *ice, const prtc_address *server) {
  for (size_t i = 0; i < ice->server_count; i++) {
    if (prtc_address_equal(&ice->servers[i], server)) return &ice->server_heard[i];
  }
  return NULL;
}

/* W3C section 4.8.3: 701 when no host candidate can reach the server, once. */
void prtc_ice_gather_failed(struct prtc_ice *ice, const struct ice_transaction *transaction) {
  bool *heard = heard_of(ice, &transaction->remote);
  if (heard == NULL || *heard || transaction->refresh) return;
  for (size_t i = 0; i < ice->transactions.count; i++) {
    const struct ice_transaction *other = ice->transactions.items[i];
    if (other->kind == TRANSACTION_GATHER && prtc_address_equal(&other->remote, &transaction->remote)) return;
  }
  *heard = true;
  push_server_failed(ice, transaction->socket, &transaction->remote, 701);
}

int prtc_ice_gather_response(struct prtc_ice *ice, struct ice_transaction *transaction,
                             const struct prtc_stun_message *message) {
  struct ice_socket *socket = transaction->socket;
  bool *heard = heard_of(ice, &transaction->remote);
  prtc_address server = transaction->remote, mapped;
  bool success = message->message_class == PRTC_STUN_SUCCESS, refresh = transaction->refresh;
  prtc_ice_remove_transaction(ice, transaction);
  if (heard != NULL) *heard = true;
  if (!success && !refresh) push_server_failed(ice, socket, &server, prtc_stun_find_error(message));
  if (!success) return 0;
  if (!prtc_stun_find_xor_address(message, PRTC_STUN_XOR_MAPPED_ADDRESS, &mapped)) return PRTC_ERROR_MALFORMED;
  if (mapped.family != socket->address.family || mapped.port == 0) return PRTC_ERROR_MALFORMED;
  if (refresh || is_redundant(ice, socket, &mapped)) return 0;
  int code = add_local(ice, PRTC_CANDIDATE_SERVER_REFLEXIVE, socket, &mapped, &server);
  if (code == 0) ((struct ice_local *)ice->locals.items[ice->locals.count - 1])->refresh_at = ice->now + REFRESH;
  return code;
}

static void stop_gathering(struct prtc_ice *ice) {
  for (size_t i = ice->transactions.count; i-- > 0;) {
    struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->kind == TRANSACTION_GATHER) prtc_ice_remove_transaction(ice, transaction);
  }
}

int prtc_ice_gather(struct prtc_ice *ice) {
  int code = 0;
  stop_gathering(ice);
  prtc_ice_list_free(ice, &ice->locals);
  memset(ice->server_heard, 0, sizeof ice->server_heard);
  ice->gathered = ice->was_gathered = ice->has_gathered = false;
  for (size_t i = 0; i < ice->sockets.count && code == 0; i++) code = gather_socket(ice, ice->sockets.items[i]);
  return code;
}

static bool has_candidate(const struct prtc_ice *ice, const struct ice_socket *socket) {
  for (size_t i = 0; i < ice->locals.count; i++) {
    if (((const struct ice_local *)ice->locals.items[i])->socket == socket) return true;
  }
  return false;
}

int prtc_ice_gather_on(struct prtc_ice *ice) {
  int code = 0;
  stop_gathering(ice);
  for (size_t i = 0; i < ice->sockets.count && code == 0; i++) {
    struct ice_socket *socket = ice->sockets.items[i];
    if (!has_candidate(ice, socket)) { /* it came meanwhile */
      code = gather_socket(ice, socket);
      continue;
    }
    for (size_t k = 0; k < ice->server_count && code == 0 && !ice->gathered; k++) {
      code = ask_server(ice, socket, &ice->servers[k]);
    }
  }
  return code;
}

/* Mappings matter until there is a path. */
static bool refreshes(const struct prtc_ice *ice) { return !ice->path.valid && ice->failure == 0; }

static void refresh_mappings(struct prtc_ice *ice) {
  for (size_t i = 0; i < ice->locals.count; i++) {
    struct ice_local *local = ice->locals.items[i];
    if (local->refresh_at > ice->now) continue;
    struct ice_transaction *transaction =
        prtc_ice_add_transaction(ice, TRANSACTION_GATHER, local->socket, &local->server);
    if (transaction != NULL) transaction->refresh = true;
    local->refresh_at = ice->now + REFRESH;
  }
}

prtc_time prtc_ice_gather_deadline(const struct prtc_ice *ice) {
  prtc_time deadline = PRTC_NEVER;
  if (!refreshes(ice)) return PRTC_NEVER;
  for (size_t i = 0; i < ice->locals.count; i++) {
    const struct ice_local *local = ice->locals.items[i];
    if (local->refresh_at < deadline) deadline = local->refresh_at;
  }
  return deadline;
}

void prtc_ice_gather_step(struct prtc_ice *ice) {
  if (refreshes(ice)) refresh_mappings(ice);
  if (!ice->sockets_ended || ice->gathered) return;
  for (size_t i = 0; i < ice->transactions.count; i++) {
    const struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->kind == TRANSACTION_GATHER && !transaction->refresh) return;
  }
  ice->gathered = ice->was_gathered = true;
  prtc_ice_push_event(ice, &(struct ice_event){.type = PRTC_ICE_EVENT_GATHERING_COMPLETE});
}

/* ----------------------------------------------------------------------------------------------------------- public */

struct ice_socket *prtc_ice_find_socket(const struct prtc_ice *ice, prtc_socket_id id) {
  for (size_t i = 0; i < ice->sockets.count; i++) {
    struct ice_socket *socket = ice->sockets.items[i];
    if (socket->id == id) return socket;
  }
  for (size_t i = 0; i < ice->connections.count; i++) {
    struct ice_socket *connection = ice->connections.items[i];
    if (connection->id == id && connection->state == CONNECTION_OPEN) return connection;
  }
  return NULL;
}

int prtc_ice_add_server(prtc_ice *ice, prtc_time now, const prtc_address *server) {
  int code = 0;
  prtc_ice_set_now(ice, now);
  if ((server->family != PRTC_FAMILY_IPV4 && server->family != PRTC_FAMILY_IPV6) || server->port == 0) {
    return PRTC_ERROR_INVALID_ARGUMENT;
  }
  for (size_t i = 0; i < ice->server_count; i++) {
    if (prtc_address_equal(&ice->servers[i], server)) return 0;
  }
  if (ice->server_count == MAX_SERVERS) return PRTC_ERROR_QUEUE_FULL;
  ice->servers[ice->server_count++] = *server;
  for (size_t i = 0; i < ice->sockets.count && code == 0; i++) code = ask_server(ice, ice->sockets.items[i], server);
  prtc_ice_step(ice);
  return code;
}

void prtc_ice_forget_servers(prtc_ice *ice) {
  memset(ice->server_heard, 0, sizeof ice->server_heard);
  ice->server_count = 0;
}

static size_t count_of_kind(const struct prtc_ice *ice, const struct ice_socket *socket) {
  size_t count = 0;
  for (size_t i = 0; i < ice->sockets.count; i++) {
    const struct ice_socket *other = ice->sockets.items[i];
    count += other->tcp_type == socket->tcp_type &&
             (other->relay_protocol != PRTC_RELAY_NONE) == (socket->relay_protocol != PRTC_RELAY_NONE);
  }
  return count;
}

static bool is_socket_address(const prtc_address *address) {
  static const uint8_t zeros[16];
  bool family_is_known = address->family == PRTC_FAMILY_IPV4 || address->family == PRTC_FAMILY_IPV6;
  return family_is_known && memcmp(address->ip, zeros, sizeof zeros) != 0 && address->port != 0;
}

int prtc_ice_new_socket(struct prtc_ice *ice, const struct ice_socket *given) {
  if (given->id == 0 || !is_socket_address(&given->address)) return PRTC_ERROR_INVALID_ARGUMENT;
  if (prtc_ice_find_socket(ice, given->id) != NULL) return PRTC_ERROR_INVALID_STATE;
  if (count_of_kind(ice, given) == MAX_SOCKETS) return PRTC_ERROR_QUEUE_FULL;
  struct ice_socket *socket = prtc_allocate(ice->context, sizeof *socket);
  if (socket == NULL) return PRTC_ERROR_NO_MEMORY;
  *socket = *given;
  set_local_preference(ice, socket);
  int code = prtc_ice_list_add(ice, &ice->sockets, socket);
  if (code < 0) {
    prtc_release(ice->context, socket);
    return code;
  }
  code = gather_socket(ice, socket);
  if (code == 0) code = prtc_ice_form_pairs(ice);
  if (code < 0) {
    prtc_ice_remove_socket(ice, ice->now, given->id);
    return code;
  }
  /* Those of before the failure are finished: one that is not is new. */
  if (prtc_ice_has_unfinished_pair(ice)) ice->failure = 0;
  ice->gathered = false; /* one that comes after the end has an end of its own */
  prtc_ice_step(ice);
  return 0;
}

int prtc_ice_add_socket(prtc_ice *ice, prtc_time now, prtc_socket_id id, const prtc_address *address,
                        uint32_t interface_index, uint32_t network_type) {
  prtc_ice_set_now(ice, now);
  return prtc_ice_new_socket(ice, &(struct ice_socket){.id = id,
                                                       .address = *address,
                                                       .interface_index = interface_index,
                                                       .network_type = network_type});
}

int prtc_ice_use_socket(prtc_ice *ice, prtc_socket_id id, int use) {
  struct ice_socket *socket = prtc_ice_find_socket(ice, id);
  if (socket == NULL) return PRTC_ERROR_NOT_FOUND;
  socket->retired = use == 0;
  return 0;
}

int prtc_ice_add_relay(prtc_ice *ice, prtc_time now, const prtc_ice_relay *given) {
  prtc_ice_relay relay;
  prtc_ice_set_now(ice, now);
  if (!prtc_config_copy(&relay, sizeof relay, given)) return PRTC_ERROR_INVALID_ARGUMENT;
  if (relay.protocol < PRTC_RELAY_UDP || relay.protocol > PRTC_RELAY_TLS) return PRTC_ERROR_INVALID_ARGUMENT;
  return prtc_ice_new_socket(ice, &(struct ice_socket){.id = relay.socket,
                                              .address = relay.relayed,
                                              .network_type = relay.network_type,
                                              .relay_protocol = relay.protocol,
                                              .mapped = relay.mapped,
                                              .server = relay.server,
                                              .mapped_base = relay.base});
}

void prtc_ice_drop_responses(struct prtc_ice *ice, const struct ice_socket *socket) {
  for (size_t i = ice->responses.count; i-- > 0;) {
    struct ice_response response;
    prtc_queue_pop(&ice->responses, &response);
    if (response.socket != socket) (void)prtc_queue_push(&ice->responses, &response); /* there is room: one was taken out */
  }
}

static void drop_locals(struct prtc_ice *ice, struct ice_list *locals, const struct ice_socket *socket) {
  for (size_t i = locals->count; i-- > 0;) {
    struct ice_local *local = locals->items[i];
    if (local->socket != socket) continue;
    if (locals == &ice->locals) push_candidate(ice, PRTC_ICE_EVENT_CANDIDATE_WITHDRAWN, local);
    prtc_ice_list_remove(locals, local);
    prtc_release(ice->context, local);
  }
}

int prtc_ice_remove_socket(prtc_ice *ice, prtc_time now, prtc_socket_id id) {
  prtc_ice_set_now(ice, now);
  if (prtc_ice_connection_lost(ice, id) == 0) {
    prtc_ice_step(ice);
    return 0;
  }
  struct ice_socket *socket = prtc_ice_find_socket(ice, id);
  if (socket == NULL) return PRTC_ERROR_NOT_FOUND;
  prtc_ice_drop_connections_of(ice, socket);
  if (ice->path.valid && ice->path.socket == socket) {
    prtc_ice_lose_path(ice);
    ice->lost_at = ice->now;
  }
  if (ice->former_socket == id) ice->former_socket = 0;
  for (size_t i = ice->pairs.count; i-- > 0;) {
    struct ice_pair *pair = ice->pairs.items[i];
    if (pair->socket == socket) prtc_ice_remove_pair(ice, pair);
  }
  for (size_t i = ice->transactions.count; i-- > 0;) {
    struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->socket == socket) prtc_ice_remove_transaction(ice, transaction);
  }
  drop_locals(ice, &ice->locals, socket);
  drop_locals(ice, &ice->former.locals, socket);
  prtc_ice_drop_responses(ice, socket);
  prtc_ice_list_remove(&ice->sockets, socket);
  prtc_release(ice->context, socket);
  prtc_ice_step(ice);
  return 0;
}

int prtc_ice_end_of_sockets(prtc_ice *ice, prtc_time now) {
  prtc_ice_set_now(ice, now);
  ice->sockets_ended = true;
  prtc_ice_step(ice);
  return 0;
}
