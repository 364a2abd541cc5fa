/* Sockets that all peers of an endpoint share: one for each local address, at the endpoint's one port.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A peer asks for a socket at an address as ever. The first that does so has the driver open it; those that come meanwhile
 * wait with it; those that come later are answered at once. When the last has gone it is closed.
 */
#include "core/endpoint/endpoint.h"

static struct socket *find(const prtc_endpoint *endpoint, const prtc_request *request) {
  struct socket *socket = endpoint->shared;
  while (socket != NULL && (socket->type != request->type || !prtc_address_equal(&socket->wanted, &request->address))) {
    socket = socket->next;
  }
  return socket;
}

static void forget(prtc_endpoint *endpoint, struct socket *socket) {
  prtc_strangers_close(endpoint, socket);
  struct socket **place = &endpoint->shared;
  while (*place != socket) place = &(*place)->next;
  *place = socket->next;
  prtc_map_remove(&endpoint->sockets, socket->id);
  prtc_release(&endpoint->context, socket);
}

static struct socket *make(prtc_endpoint *endpoint, const prtc_request *request) {
  struct socket *socket = prtc_allocate(&endpoint->context, sizeof *socket);
  if (socket == NULL) return NULL;
  *socket = (struct socket){
      .id = ++endpoint->next_socket, .type = request->type, .wanted = request->address, .next = endpoint->shared};
  if (prtc_map_set(&endpoint->sockets, socket->id, socket) < 0) {
    prtc_release(&endpoint->context, socket);
    return NULL;
  }
  endpoint->shared = socket;
  return socket;
}

/* ---------------------------------------------------------------------------------------------------------------- users */

static struct user *join(prtc_endpoint *endpoint, struct socket *socket, struct prtc_peer_place *place) {
  struct user *user = prtc_allocate(&endpoint->context, sizeof *user);
  if (user == NULL) return NULL;
  *user = (struct user){.socket = socket, .place = place, .next = socket->users, .link = &socket->users,
                        .next_of_place = place->users, .waits = true};
  if (user->next != NULL) user->next->link = &user->next;
  socket->users = place->users = user;
  return user;
}

/* Without users an open socket is closed; one that is being opened is kept, for it can't be asked for twice. */
static void leave(prtc_endpoint *endpoint, struct user *user) {
  struct socket *socket = user->socket;
  *user->link = user->next;
  if (user->next != NULL) user->next->link = user->link;
  struct user **place = &user->place->users;
  while (*place != user) place = &(*place)->next_of_place;
  *place = user->next_of_place;
  prtc_release(&endpoint->context, user);
  if (socket->users != NULL || !socket->open) return;
  (void)prtc_queue_push(&endpoint->closes, &socket->id); /* without memory it stays open until the driver ends */
  forget(endpoint, socket);
}

bool prtc_shared_leave(prtc_endpoint *endpoint, struct prtc_peer_place *place, prtc_socket_id id) {
  struct user *user = place->users;
  while (user != NULL && user->socket->id != id) user = user->next_of_place;
  if (user != NULL) leave(endpoint, user);
  return user != NULL;
}

void prtc_shared_drop(prtc_endpoint *endpoint, struct prtc_peer_place *place, bool waiting_only) {
  for (struct user *user = place->users, *next; user != NULL; user = next) {
    next = user->next_of_place;
    if (user->waits || !waiting_only) leave(endpoint, user);
  }
}

/* -------------------------------------------------------------------------------------------------------------- opening */

/* Tells the peer, as if the driver had opened the socket for it. */
static void tell(prtc_endpoint *endpoint, struct user *user, const prtc_reply *reply) {
  struct prtc_peer_place *place = user->place;
  const prtc_request request = {
      .type = user->socket->type, .socket = user->socket->id, .address = user->socket->wanted, .shared = 1};
  user->waits = false;
  endpoint->context.log.peer = place->id;
  int code = prtc_peer_reply(place->peer, endpoint->now, &request, reply);
  endpoint->context.log.peer = 0;
  if (code == PRTC_ERROR_NOT_FOUND || reply->code < 0) leave(endpoint, user);
  prtc_endpoint_wake(endpoint, place);
}

int prtc_shared_ask(prtc_endpoint *endpoint, struct prtc_peer_place *place, prtc_request *request) {
  struct socket *socket = find(endpoint, request);
  bool is_new = socket == NULL;
  if (is_new) socket = make(endpoint, request);
  struct user *user = socket != NULL ? join(endpoint, socket, place) : NULL;
  if (user == NULL) {
    if (is_new && socket != NULL) forget(endpoint, socket);
    return PRTC_ERROR_NO_MEMORY;
  }
  if (socket->open) { /* the socket may be gone afterwards */
    const prtc_reply reply = {.size = sizeof reply, .address = socket->address};
    tell(endpoint, user, &reply);
    return 0;
  }
  request->socket = socket->id;
  request->address.port = endpoint->udp_port == PRTC_PORT_ANY ? 0 : (uint16_t)endpoint->udp_port;
  return is_new;
}

void prtc_shared_cancel(prtc_endpoint *endpoint, struct prtc_peer_place *place, prtc_socket_id id) {
  (void)prtc_shared_leave(endpoint, place, id);
  forget(endpoint, prtc_map_get(&endpoint->sockets, id));
}

int prtc_shared_opened(prtc_endpoint *endpoint, struct socket *socket, const prtc_reply *reply) {
  struct user *next;
  socket->address = reply->address;
  for (struct user *user = socket->users; user != NULL; user = next) {
    next = user->next;
    tell(endpoint, user, reply);
  }
  socket->open = reply->code >= 0;
  if (socket->users != NULL) return PRTC_OK;
  forget(endpoint, socket);
  return reply->code < 0 ? PRTC_OK : PRTC_ERROR_NOT_FOUND;
}

void prtc_shared_closed(prtc_endpoint *endpoint, struct socket *socket) {
  socket->open = false; /* it is not to be closed again */
  while (socket->users != NULL) {
    struct user *user = socket->users;
    struct prtc_peer_place *place = user->place;
    if (!user->waits) (void)prtc_peer_socket_closed(place->peer, endpoint->now, socket->id);
    leave(endpoint, user);
    prtc_endpoint_wake(endpoint, place);
  }
  forget(endpoint, socket);
}

void prtc_shared_clear(prtc_endpoint *endpoint) {
  while (endpoint->shared != NULL) forget(endpoint, endpoint->shared);
}
