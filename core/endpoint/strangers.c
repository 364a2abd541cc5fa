/* Connections that the listener of all peers has accepted: each is asked, by its first frame, which peer it wants to talk
 * to.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * That frame (RFC 4571) is a STUN request with a ufrag of ours. Whoever sends anything else is closed; who sends nothing
 * is, when many have come after him. From then on the connection is the peer's, as if its own listener had accepted it.
 */
#include <string.h>

#include "core/base/framing.h"
#include "core/endpoint/endpoint.h"

struct stranger {
  struct link link; /* first */
  struct socket *socket;
  prtc_socket_id listener;
  prtc_address remote;
  size_t size; /* bytes of what it has said so far */
  uint8_t said[PRTC_FRAME_HEADER + STRANGERS_FRAME];
};

static void free_stranger(prtc_endpoint *endpoint, struct socket *socket) {
  prtc_link_remove(&socket->stranger->link);
  prtc_release(&endpoint->context, socket->stranger);
  socket->stranger = NULL;
  endpoint->stranger_count--;
}

void prtc_stranger_forget(prtc_endpoint *endpoint, struct socket *socket) {
  free_stranger(endpoint, socket);
  prtc_map_remove(&endpoint->sockets, socket->id);
  prtc_release(&endpoint->context, socket);
}

static void close_stranger(prtc_endpoint *endpoint, struct socket *socket) {
  (void)prtc_queue_push(&endpoint->closes, &socket->id); /* without memory it stays open until the other side ends it */
  prtc_stranger_forget(endpoint, socket);
}

void prtc_strangers_close(prtc_endpoint *endpoint, const struct socket *listener) {
  for (struct link *link = endpoint->strangers.next, *next; link != &endpoint->strangers; link = next) {
    struct stranger *stranger = (struct stranger *)(void *)link;
    next = link->next;
    if (stranger->listener == listener->id) close_stranger(endpoint, stranger->socket);
  }
}

int prtc_stranger_accepted(prtc_endpoint *endpoint, struct socket *listener, const prtc_address *local,
                           const prtc_address *remote, prtc_socket_id *connection) {
  if (listener->type != PRTC_REQUEST_LISTEN_TCP) return PRTC_ERROR_NOT_FOUND;
  struct socket *socket = prtc_allocate(&endpoint->context, sizeof *socket);
  struct stranger *stranger = prtc_allocate(&endpoint->context, sizeof *stranger);
  if (socket == NULL || stranger == NULL || prtc_map_set(&endpoint->sockets, endpoint->next_socket + 1, socket) < 0) {
    prtc_release(&endpoint->context, socket);
    prtc_release(&endpoint->context, stranger);
    return PRTC_ERROR_NO_MEMORY;
  }
  if (endpoint->stranger_count == STRANGERS_MOST) {
    close_stranger(endpoint, ((struct stranger *)(void *)endpoint->strangers.next)->socket);
  }
  *socket = (struct socket){.id = ++endpoint->next_socket, .address = *local, .is_stream = true, .stranger = stranger};
  stranger->socket = socket;
  stranger->listener = listener->id;
  stranger->remote = *remote;
  prtc_link_insert(&endpoint->strangers, &stranger->link);
  endpoint->stranger_count++;
  *connection = socket->id;
  return PRTC_OK;
}

/* Whom it wants to talk to. AGAIN: the first frame is not complete. */
static int ask(const prtc_endpoint *endpoint, const struct stranger *stranger, struct prtc_peer_place **out) {
  struct prtc_reader reader = prtc_reader_of(stranger->said, stranger->size);
  if (stranger->size < PRTC_FRAME_HEADER) return PRTC_ERROR_AGAIN;
  size_t size = prtc_read_u16(&reader);
  if (size > STRANGERS_FRAME) return PRTC_ERROR_UNEXPECTED;
  if (prtc_reader_left(&reader) < size) return PRTC_ERROR_AGAIN;
  const prtc_datagram frame = {
      .socket = stranger->socket->id, .remote = stranger->remote, .data = reader.data + reader.position, .size = size};
  *out = prtc_mux_find(&endpoint->mux, &frame);
  return *out != NULL ? PRTC_OK : PRTC_ERROR_UNEXPECTED;
}

/* The peer gets all that was said, and the rest of what has just come. */
static int introduce(prtc_endpoint *endpoint, prtc_time now, struct socket *socket, struct prtc_peer_place *place,
                     const prtc_datagram *rest) {
  uint8_t said[sizeof socket->stranger->said];
  prtc_datagram first = *rest;
  prtc_address remote = socket->stranger->remote;
  prtc_socket_id listener = socket->stranger->listener, id = socket->id;
  memcpy(said, socket->stranger->said, socket->stranger->size);
  first.data = said;
  first.size = socket->stranger->size;
  free_stranger(endpoint, socket);
  prtc_endpoint_own(place, socket);
  int code = prtc_peer_accepted(place->peer, now, listener, id, &socket->address, &remote);
  if (code < 0) {
    prtc_endpoint_forget_socket(endpoint, id);
    (void)prtc_queue_push(&endpoint->closes, &id);
    return code;
  }
  code = prtc_peer_receive(place->peer, now, &first);
  if (rest->size > 0) code = prtc_peer_receive(place->peer, now, rest);
  return code;
}

int prtc_stranger_receive(prtc_endpoint *endpoint, prtc_time now, struct socket *socket, const prtc_datagram *datagram) {
  struct stranger *stranger = socket->stranger;
  struct prtc_peer_place *place = NULL;
  prtc_datagram rest = *datagram;
  size_t room = sizeof stranger->said - stranger->size, size = rest.size < room ? rest.size : room;
  if (size > 0) memcpy(stranger->said + stranger->size, rest.data, size);
  stranger->size += size;
  rest.data += size;
  rest.size -= size;
  int code = ask(endpoint, stranger, &place);
  if (code == PRTC_ERROR_AGAIN) return PRTC_OK;
  if (code < 0) {
    endpoint->stats.datagrams_unknown++;
    close_stranger(endpoint, socket);
    return code;
  }
  endpoint->context.log.peer = place->id;
  code = introduce(endpoint, now, socket, place, &rest);
  endpoint->context.log.peer = 0;
  prtc_endpoint_wake(endpoint, place);
  return PRTC_ERROR_IS_TRANSIENT(code) ? code : PRTC_OK;
}
