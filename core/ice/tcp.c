/* TCP (RFC 6544): candidates, and the connections that checks and data go over.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A pair of an active candidate and a passive one of the other side is given a connection when its first check is due, and
 * keeps it until it fails. On the passive side a connection becomes a pair with its first authentic check. Whatever
 * connection no pair needs any more is closed by the next step.
 */
#include <string.h>

#include "core/ice/internal.h"

/* An accepted connection has so long to bring an authentic check; and so long to become a pair after that, which takes the
 * other side's parameters. */
#define CHECK_WITHIN MILLISECONDS(10000)
#define PAIR_WITHIN MILLISECONDS(60000)

const struct ice_socket *prtc_ice_base_of(const struct ice_socket *socket) {
  return socket->base != NULL ? socket->base : socket;
}

/* ---------------------------------------------------------------------------------------------------------- candidates */

int prtc_ice_add_tcp_socket(prtc_ice *ice, prtc_time now, uint32_t tcp_type, prtc_socket_id socket,
                            const prtc_address *address, uint32_t interface_index, uint32_t network_type) {
  prtc_address complete = *address;
  if (tcp_type != PRTC_TCP_ACTIVE && tcp_type != PRTC_TCP_PASSIVE) return PRTC_ERROR_INVALID_ARGUMENT;
  if (tcp_type == PRTC_TCP_ACTIVE) complete.port = 9; /* RFC 6544 section 4.5: there is no port to connect to */
  prtc_ice_set_now(ice, now);
  return prtc_ice_new_socket(ice, &(struct ice_socket){.id = socket,
                                                       .address = complete,
                                                       .interface_index = interface_index,
                                                       .network_type = network_type,
                                                       .tcp_type = (prtc_tcp_type)tcp_type});
}

/* --------------------------------------------------------------------------------------------------------- connections */

static struct ice_socket *add_connection(struct prtc_ice *ice, struct ice_socket *base, const prtc_address *remote) {
  struct ice_socket *connection = prtc_allocate(ice->context, sizeof *connection);
  if (connection == NULL) return NULL;
  *connection = *base;
  connection->id = 0;
  connection->base = base;
  connection->remote = *remote;
  if (prtc_ice_list_add(ice, &ice->connections, connection) < 0) {
    prtc_release(ice->context, connection);
    return NULL;
  }
  return connection;
}

bool prtc_ice_need_connection(struct prtc_ice *ice, struct ice_pair *pair) {
  if (pair->socket->tcp_type != PRTC_TCP_ACTIVE || pair->socket->base != NULL) return true;
  struct ice_socket *connection = add_connection(ice, pair->socket, &pair->remote->address);
  if (connection == NULL) return false;
  connection->state = CONNECTION_WANTED;
  connection->address.port = 0;
  pair->socket = connection;
  pair->connects++;
  return true;
}

static struct ice_pair *pair_of(const struct prtc_ice *ice, const struct ice_socket *connection) {
  for (size_t i = 0; i < ice->pairs.count; i++) {
    struct ice_pair *pair = ice->pairs.items[i];
    if (pair->socket == connection) return pair;
  }
  return NULL;
}

/* The pair goes on without its connection: for an active one another can be made, a passive one has lost what it was. */
static void detach(struct prtc_ice *ice, struct ice_pair *pair) {
  struct ice_socket *base = pair->socket->base;
  pair->socket = base;
  bool again = false; /* one that was learnt beside that of the candidates */
  for (size_t i = 0; i < ice->pairs.count; i++) {
    const struct ice_pair *other = ice->pairs.items[i];
    if (other != pair && other->remote == pair->remote && prtc_ice_base_of(other->socket) == base) again = true;
  }
  if (base->tcp_type != PRTC_TCP_ACTIVE || again) {
    prtc_ice_remove_pair(ice, pair);
    return;
  }
  if (pair->state != PAIR_FAILED) pair->state = PAIR_FROZEN;
  pair->valid = pair->heard = pair->heard_plain = pair->nominated = false;
  pair->trigger_order = 0;
}

/* `close`: by our doing, so the caller has to. */
static void drop(struct prtc_ice *ice, struct ice_socket *connection, bool close) {
  struct ice_pair *pair;
  if (ice->path.valid && ice->path.socket == connection) prtc_ice_lose_path(ice);
  for (size_t i = ice->transactions.count; i-- > 0;) {
    struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->socket == connection) prtc_ice_remove_transaction(ice, transaction);
  }
  while ((pair = pair_of(ice, connection)) != NULL) detach(ice, pair);
  prtc_ice_drop_responses(ice, connection);
  /* Without memory for it, it stays open until the caller ends: nothing worse. */
  if (close && connection->state != CONNECTION_WANTED) (void)prtc_queue_push(&ice->disconnects, &connection->id);
  prtc_ice_list_remove(&ice->connections, connection);
  prtc_release(ice->context, connection);
}

void prtc_ice_drop_connections_of(struct prtc_ice *ice, const struct ice_socket *base) {
  for (size_t i = ice->connections.count; i-- > 0;) {
    struct ice_socket *connection = ice->connections.items[i];
    if (connection->base == base) drop(ice, connection, true);
  }
}

/* RFC 6544 section 8: what was not selected is closed, by the side that selects; the other one sees that. Attempts end on
 * both. */
void prtc_ice_drop_other_connections(struct prtc_ice *ice) {
  for (size_t i = ice->connections.count; i-- > 0;) {
    struct ice_socket *connection = ice->connections.items[i];
    bool needless = ice->controlling || connection->state != CONNECTION_OPEN;
    if (connection != ice->path.socket && needless) drop(ice, connection, true);
  }
}

/* A pair that worked may do so again over another connection; one that keeps losing them has failed. */
int prtc_ice_connection_lost(struct prtc_ice *ice, prtc_socket_id id) {
  for (size_t i = 0; i < ice->connections.count; i++) {
    struct ice_socket *connection = ice->connections.items[i];
    if (connection->id != id || id == 0) continue;
    struct ice_pair *pair = pair_of(ice, connection);
    uint32_t pair_id = pair != NULL ? pair->stats.id : 0;
    bool again = pair != NULL && pair->valid && pair->connects < MAX_CONNECTS;
    if (pair != NULL) prtc_ice_log_pair(ice, pair, "has lost its connection");
    drop(ice, connection, false);
    for (size_t k = 0; k < ice->pairs.count; k++) {
      pair = ice->pairs.items[k];
      if (pair->stats.id == pair_id) pair->state = again ? PAIR_WAITING : PAIR_FAILED;
    }
    return 0;
  }
  return PRTC_ERROR_NOT_FOUND;
}

void prtc_ice_connection_heard(struct prtc_ice *ice, struct ice_socket *socket) {
  if (socket->base != NULL && socket->due != 0) socket->due = ice->now + PAIR_WITHIN;
}

/* ----------------------------------------------------------------------------------------------------------------- time */

static bool is_needed(const struct prtc_ice *ice, const struct ice_socket *connection, prtc_time *due) {
  *due = PRTC_NEVER;
  if (ice->path.valid && ice->path.socket == connection) return true;
  const struct ice_pair *pair = pair_of(ice, connection);
  if (pair != NULL) return pair->state != PAIR_FAILED;
  *due = connection->due;
  return connection->due > ice->now;
}

void prtc_ice_tcp_step(struct prtc_ice *ice) {
  prtc_time due;
  for (size_t i = ice->connections.count; i-- > 0;) {
    struct ice_socket *connection = ice->connections.items[i];
    if (!is_needed(ice, connection, &due)) drop(ice, connection, true);
  }
}

prtc_time prtc_ice_tcp_deadline(const struct prtc_ice *ice) {
  prtc_time deadline = PRTC_NEVER, due;
  for (size_t i = 0; i < ice->connections.count; i++) {
    if (is_needed(ice, ice->connections.items[i], &due) && due < deadline) deadline = due;
  }
  return deadline;
}

/* --------------------------------------------------------------------------------------------------------------- public */

int prtc_ice_connect(prtc_ice *ice, prtc_socket_id id, prtc_ice_connection *out) {
  for (size_t i = 0; i < ice->connections.count; i++) {
    struct ice_socket *connection = ice->connections.items[i];
    if (connection->state != CONNECTION_WANTED) continue;
    connection->id = id;
    connection->state = CONNECTION_MAKING;
    *out = (prtc_ice_connection){
        .local = connection->address, .remote = connection->remote, .interface_index = connection->interface_index};
    /* RFC 4007: a link-local address means nothing without its link */
    bool link_local =
        out->remote.family == PRTC_FAMILY_IPV6 && out->remote.ip[0] == 0xFE && (out->remote.ip[1] & 0xC0) == 0x80;
    if (link_local) out->remote.scope = out->local.scope != 0 ? out->local.scope : out->interface_index;
    return 1;
  }
  return 0;
}

int prtc_ice_connected(prtc_ice *ice, prtc_time now, prtc_socket_id id, int code, const prtc_address *local) {
  struct ice_socket *connection = NULL;
  prtc_ice_set_now(ice, now);
  for (size_t i = 0; i < ice->connections.count; i++) {
    struct ice_socket *other = ice->connections.items[i];
    if (other->id == id && other->state == CONNECTION_MAKING) connection = other;
  }
  if (connection == NULL) return PRTC_ERROR_NOT_FOUND;
  if (code < 0) {
    (void)prtc_ice_connection_lost(ice, id);
  } else {
    connection->state = CONNECTION_OPEN;
    connection->address = *local;
    for (size_t i = 0; i < ice->transactions.count; i++) {
      struct ice_transaction *transaction = ice->transactions.items[i];
      if (transaction->socket == connection) transaction->ready = true; /* it has waited for this */
    }
  }
  prtc_ice_step(ice);
  return 0;
}

int prtc_ice_accepted(prtc_ice *ice, prtc_time now, prtc_socket_id listener, prtc_socket_id id, const prtc_address *local,
                      const prtc_address *remote) {
  struct ice_socket *base = prtc_ice_find_socket(ice, listener);
  size_t unheard = 0;
  prtc_ice_set_now(ice, now);
  if (base == NULL || base->tcp_type != PRTC_TCP_PASSIVE || base->base != NULL) return PRTC_ERROR_NOT_FOUND;
  for (size_t i = 0; i < ice->connections.count; i++) {
    const struct ice_socket *connection = ice->connections.items[i];
    unheard += connection->due != 0 && pair_of(ice, connection) == NULL;
  }
  if (unheard >= MAX_ACCEPTED) return PRTC_ERROR_QUEUE_FULL;
  struct ice_socket *connection = add_connection(ice, base, remote);
  if (connection == NULL) return PRTC_ERROR_NO_MEMORY;
  connection->id = id;
  connection->state = CONNECTION_OPEN;
  connection->address = *local;
  connection->due = ice->now + CHECK_WITHIN;
  prtc_ice_step(ice);
  return 0;
}

int prtc_ice_disconnect(prtc_ice *ice, prtc_socket_id *socket) { return prtc_queue_pop(&ice->disconnects, socket) ? 1 : 0; }
