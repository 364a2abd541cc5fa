/* What peers want of the driver (sockets, names, interfaces), and what the driver answers.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The endpoint gives the ids of requests and sockets and remembers whose they are. A peer that goes away takes its requests
 * with it: a late reply is answered NOT_FOUND, and the driver closes what it opened.
 */
#include <string.h>

#include "core/base/config.h"
#include "core/endpoint/endpoint.h"
#include "core/tls/tls.h"
#include "core/transport/transport.h"

static void record_reply(struct prtc_context *context, prtc_time now, const prtc_reply *reply) {
  for (size_t i = 0; i < reply->interface_count; i++) {
    const prtc_interface *interface = &reply->interfaces[i];
    PRTC_RECORD(context, reply_interface, now, PRTC_ADDRESS(&interface->address), PRTC_NUMBER(interface->index),
                PRTC_NUMBER(interface->network_type), PRTC_NUMBER(interface->temporary), PRTC_STRING(interface->name));
  }
  for (size_t i = 0; i < reply->address_count; i++) {
    PRTC_RECORD(context, reply_address, now, PRTC_ADDRESS(&reply->addresses[i]));
  }
  if (reply->data_size > 0) PRTC_RECORD(context, reply_data, now, PRTC_BYTES(reply->data, reply->data_size));
  PRTC_RECORD(context, endpoint_reply, now, PRTC_NUMBER(reply->id), PRTC_SIGNED(reply->code),
              PRTC_SIGNED(reply->system_error), PRTC_ADDRESS(&reply->address));
}

static bool opens_socket(uint32_t type) {
  return type == PRTC_REQUEST_OPEN_UDP || type == PRTC_REQUEST_CONNECT_TCP || type == PRTC_REQUEST_LISTEN_TCP ||
         type == PRTC_REQUEST_JOIN_MULTICAST;
}

void prtc_endpoint_own(struct prtc_peer_place *place, struct socket *socket) {
  socket->place = place;
  socket->next = place->sockets;
  place->sockets = socket;
}

/* `request`: what opens it, its id set; NULL: it is open, a connection. */
static int remember_socket(prtc_endpoint *endpoint, struct prtc_peer_place *place, prtc_socket_id id,
                           const prtc_request *request) {
  struct socket *socket = prtc_allocate(&endpoint->context, sizeof *socket);
  if (socket == NULL) return PRTC_ERROR_NO_MEMORY;
  *socket = (struct socket){.id = id,
                            .is_stream = request == NULL || request->type == PRTC_REQUEST_CONNECT_TCP,
                            .request = request != NULL ? request->id : 0};
  int code = prtc_map_set(&endpoint->sockets, id, socket);
  if (code < 0) {
    prtc_release(&endpoint->context, socket);
    return code;
  }
  prtc_endpoint_own(place, socket);
  return PRTC_OK;
}

bool prtc_endpoint_forget_socket(prtc_endpoint *endpoint, prtc_socket_id id) {
  struct socket *socket = prtc_map_remove(&endpoint->sockets, id);
  if (socket == NULL) return false;
  struct socket **place = &socket->place->sockets;
  while (*place != socket) place = &(*place)->next;
  *place = socket->next;
  prtc_release(&endpoint->context, socket);
  return true;
}

void prtc_endpoint_drop_requests(prtc_endpoint *endpoint, struct prtc_peer_place *place) {
  size_t i = 0;
  for (struct prtc_map_slot *slot; (slot = prtc_map_next(&endpoint->pendings, &i)) != NULL;) {
    struct pending *pending = slot->value;
    if (pending->place != place) continue;
    /* What is answered at once the driver closes when its answer is refused; a connection may take minutes. */
    if (pending->request.type == PRTC_REQUEST_CONNECT_TCP) {
      (void)prtc_queue_push(&endpoint->closes, &pending->request.socket);
    }
    if (opens_socket(pending->request.type)) prtc_endpoint_forget_socket(endpoint, pending->request.socket);
    if (endpoint->names.mdns != NULL) prtc_mdns_cancel(endpoint->names.mdns, pending->request.id);
    prtc_map_remove(&endpoint->pendings, slot->key);
    prtc_release(&endpoint->context, pending);
    i--; /* removal may have moved a later entry here */
  }
  prtc_shared_drop(endpoint, place, true);
}

void prtc_endpoint_drop_sockets(prtc_endpoint *endpoint, struct prtc_peer_place *place) {
  prtc_endpoint_drop_requests(endpoint, place); /* nothing is open yet of those that are being opened */
  while (place->sockets != NULL) {
    prtc_socket_id id = place->sockets->id;
    /* Without memory for the request the socket stays open until the driver ends: nothing worse. */
    (void)prtc_queue_push(&endpoint->closes, &id);
    prtc_endpoint_forget_socket(endpoint, id);
  }
  prtc_shared_drop(endpoint, place, false);
}

void prtc_endpoint_requests_clear(prtc_endpoint *endpoint) {
  size_t i = 0;
  for (struct prtc_map_slot *slot; (slot = prtc_map_next(&endpoint->pendings, &i)) != NULL;) {
    prtc_release(&endpoint->context, slot->value);
  }
  prtc_map_clear(&endpoint->pendings);
}

/* The socket may still be being opened: then no answer will come. */
static void issue_close(prtc_endpoint *endpoint, prtc_socket_id id) {
  const struct socket *socket = prtc_map_get(&endpoint->sockets, id);
  if (socket != NULL && socket->request != 0) {
    prtc_release(&endpoint->context, prtc_map_remove(&endpoint->pendings, socket->request));
  }
  prtc_endpoint_forget_socket(endpoint, id);
}

/* 1 when the driver is to be asked, 0 when it is settled without. Sets request->socket. */
static int issue_socket(prtc_endpoint *endpoint, struct prtc_peer_place *place, prtc_request *request) {
  if (request->shared != 0) return prtc_shared_ask(endpoint, place, request);
  if (!opens_socket(request->type)) return 1;
  request->socket = ++endpoint->next_socket;
  int code = remember_socket(endpoint, place, request->socket, request);
  return code < 0 ? code : 1;
}

static void keep_name(prtc_endpoint *endpoint, struct pending *pending, const char *name) {
  size_t size = strlen(name);
  if (size >= sizeof pending->name) size = sizeof pending->name - 1; /* names are at most 253 characters (RFC 1035) */
  memcpy(pending->name, name, size);
  memcpy(endpoint->request_name, pending->name, sizeof pending->name);
}

/* Gives the request of a peer its ids and remembers it. As issue_socket. */
static int issue(prtc_endpoint *endpoint, struct prtc_peer_place *place, prtc_request *request) {
  if (request->type == PRTC_REQUEST_CLOSE) {
    if (prtc_shared_leave(endpoint, place, request->socket)) return 0;
    request->id = ++endpoint->next_request;
    issue_close(endpoint, request->socket);
    return 1;
  }
  struct pending *pending = prtc_allocate(&endpoint->context, sizeof *pending);
  if (pending == NULL) return PRTC_ERROR_NO_MEMORY;
  request->id = ++endpoint->next_request;
  int code = issue_socket(endpoint, place, request);
  if (code <= 0) {
    prtc_release(&endpoint->context, pending);
    return code;
  }
  if (request->name != NULL) {
    keep_name(endpoint, pending, request->name);
    request->name = endpoint->request_name;
  }
  pending->request = *request;
  pending->request.name = request->name != NULL ? pending->name : NULL;
  pending->place = request->shared != 0 ? NULL : place;
  code = prtc_map_set(&endpoint->pendings, request->id, pending);
  if (code == PRTC_OK) return 1;
  if (request->shared != 0) prtc_shared_cancel(endpoint, place, request->socket);
  else prtc_endpoint_forget_socket(endpoint, request->socket);
  prtc_release(&endpoint->context, pending);
  return code;
}

static int hand_over(prtc_endpoint *endpoint, prtc_time now, struct prtc_peer_place *place, const prtc_request *request,
                     const prtc_reply *reply) {
  if (place == &endpoint->own) {
    prtc_naming_replied(endpoint, now, request, reply);
    return PRTC_OK;
  }
  endpoint->context.log.peer = place->id;
  int code = prtc_peer_reply(place->peer, now, request, reply);
  endpoint->context.log.peer = 0;
  prtc_endpoint_wake(endpoint, place);
  return code;
}

static int next_request(prtc_endpoint *endpoint, prtc_request *out) {
  *out = (prtc_request){0};
  prtc_socket_id closed;
  if (prtc_queue_pop(&endpoint->closes, &closed)) {
    out->type = PRTC_REQUEST_CLOSE;
    out->id = ++endpoint->next_request;
    out->socket = closed;
    return 1;
  }
  if (endpoint->fatal != 0) return 0;
  struct link *head = &endpoint->work[WORK_REQUEST];
  for (;;) {
    struct prtc_peer_place *place = &endpoint->own;
    if (!prtc_naming_want(endpoint, out)) {
      if (head->next == head) return 0;
      place = head->next->place;
      *out = (prtc_request){.socket = endpoint->next_socket + 1};
      if (prtc_peer_request(place->peer, out) <= 0) {
        prtc_link_remove(&place->work[WORK_REQUEST]);
        continue;
      }
    }
    if (out->type == PRTC_REQUEST_PUBLISH_NAME) {
      prtc_naming_publish(endpoint, place, out);
      continue;
    }
    bool gone = out->type == PRTC_REQUEST_CLOSE && prtc_map_get(&endpoint->sockets, out->socket) == NULL;
    if (gone) continue; /* the driver has said meanwhile that it is closed */
    if (out->type == PRTC_REQUEST_TRUST_ANCHORS && endpoint->trust != NULL) { /* once is enough */
      const prtc_reply known = {.size = sizeof known};
      (void)hand_over(endpoint, endpoint->now, place, out, &known);
      continue;
    }
    int code = issue(endpoint, place, out);
    if (code == 1 && out->type == PRTC_REQUEST_FIND_NAME) {
      prtc_naming_find(endpoint, out);
      continue;
    }
    if (code == 0) continue;
    if (code == 1) return 1;
    const prtc_reply refusal = {.size = sizeof refusal, .code = code}; /* who asked goes on without */
    (void)hand_over(endpoint, endpoint->now, place, out, &refusal);
  }
}

int prtc_endpoint_request(prtc_endpoint *endpoint, prtc_request *out) {
  PRTC_RECORD_BARE(&endpoint->context, endpoint_request, PRTC_NEVER);
  int result = next_request(endpoint, out);
  prtc_endpoint_record_request(endpoint, result, out);
  return result;
}

static int shared_opened(prtc_endpoint *endpoint, struct pending *pending, const prtc_reply *reply) {
  int code = prtc_shared_opened(endpoint, prtc_map_get(&endpoint->sockets, pending->request.socket), reply);
  prtc_release(&endpoint->context, pending);
  prtc_endpoint_refresh(endpoint);
  return code;
}

/* The first that can be read are those of all peers. What peers ask for: see peer/internal.h, trust. */
static void read_trust(prtc_endpoint *endpoint, const prtc_reply *reply) {
  if (endpoint->trust != NULL || reply->code < 0) return;
  int code = prtc_trust_parse(&endpoint->context, reply->data, reply->data_size, &endpoint->trust);
  if (code < 0) {
    PRTC_LOG(&endpoint->context, PRTC_LOG_ERROR, "endpoint", "the trust anchors could not be read: %s",
             prtc_strerror(code));
  } else {
    PRTC_LOG(&endpoint->context, PRTC_LOG_DEBUG, "endpoint", "%zu trust anchors", prtc_trust_count(endpoint->trust));
  }
}

int prtc_endpoint_answer(prtc_endpoint *endpoint, prtc_time now, const prtc_reply *reply) {
  struct pending *pending = prtc_map_remove(&endpoint->pendings, reply->id);
  if (pending == NULL) return PRTC_ERROR_NOT_FOUND;
  struct prtc_peer_place *place = pending->place;
  if (place == NULL) return shared_opened(endpoint, pending, reply);
  if (pending->request.type == PRTC_REQUEST_TRUST_ANCHORS) read_trust(endpoint, reply);
  if (reply->code < 0 && opens_socket(pending->request.type)) {
    prtc_endpoint_forget_socket(endpoint, pending->request.socket);
  }
  struct socket *socket = prtc_map_get(&endpoint->sockets, pending->request.socket);
  if (socket != NULL && opens_socket(pending->request.type)) {
    socket->address = reply->address;
    socket->request = 0;
  }
  int code = hand_over(endpoint, now, place, &pending->request, reply);
  if (code == PRTC_ERROR_NOT_FOUND) prtc_endpoint_forget_socket(endpoint, pending->request.socket);
  prtc_release(&endpoint->context, pending);
  prtc_endpoint_refresh(endpoint);
  return code;
}

int prtc_endpoint_reply(prtc_endpoint *endpoint, prtc_time now, const prtc_reply *given) {
  prtc_reply complete, *reply = &complete;
  if (!prtc_config_copy(reply, sizeof *reply, given)) return PRTC_ERROR_INVALID_ARGUMENT;
  if (endpoint->context.recording.on) record_reply(&endpoint->context, now, reply);
  if (endpoint->fatal != 0) return endpoint->fatal;
  return prtc_endpoint_answer(endpoint, prtc_endpoint_advance(endpoint, now), reply);
}

int prtc_endpoint_accepted(prtc_endpoint *endpoint, prtc_time now, prtc_socket_id listener, const prtc_address *local,
                           const prtc_address *remote, prtc_socket_id *connection) {
  PRTC_RECORD(&endpoint->context, endpoint_accepted, now, PRTC_NUMBER(listener), PRTC_ADDRESS(local), PRTC_ADDRESS(remote));
  if (endpoint->fatal != 0) return endpoint->fatal;
  now = prtc_endpoint_advance(endpoint, now);
  struct socket *socket = prtc_map_get(&endpoint->sockets, listener);
  if (socket == NULL || socket->is_stream || socket->place == &endpoint->own) return PRTC_ERROR_NOT_FOUND;
  struct prtc_peer_place *place = socket->place;
  if (place == NULL) return prtc_stranger_accepted(endpoint, socket, local, remote, connection);
  prtc_socket_id id = ++endpoint->next_socket;
  int code = remember_socket(endpoint, place, id, NULL);
  if (code < 0) return code;
  struct socket *accepted = prtc_map_get(&endpoint->sockets, id);
  accepted->address = *local;
  code = prtc_peer_accepted(place->peer, now, listener, id, local, remote);
  if (code < 0) {
    PRTC_LOG(&endpoint->context, PRTC_LOG_DEBUG, "endpoint", "a connection was refused: %s", prtc_strerror(code));
    prtc_endpoint_forget_socket(endpoint, id);
  } else {
    *connection = id;
  }
  prtc_endpoint_wake(endpoint, place);
  prtc_endpoint_refresh(endpoint);
  return code;
}

int prtc_endpoint_writable(prtc_endpoint *endpoint, prtc_time now, prtc_socket_id id, int writable) {
  PRTC_RECORD(&endpoint->context, endpoint_writable, now, PRTC_NUMBER(id), PRTC_NUMBER(writable != 0));
  if (endpoint->fatal != 0) return endpoint->fatal;
  now = prtc_endpoint_advance(endpoint, now);
  const struct socket *socket = prtc_map_get(&endpoint->sockets, id);
  if (socket == NULL || !socket->is_stream) return PRTC_ERROR_NOT_FOUND;
  if (socket->stranger != NULL) return PRTC_OK; /* nothing is said to it */
  struct prtc_peer_place *place = socket->place;
  int code = prtc_peer_writable(place->peer, now, id, writable != 0);
  prtc_endpoint_wake(endpoint, place);
  prtc_endpoint_refresh(endpoint);
  return code;
}

int prtc_endpoint_socket_closed(prtc_endpoint *endpoint, prtc_time now, prtc_socket_id id, int system_error) {
  PRTC_RECORD(&endpoint->context, endpoint_socket_closed, now, PRTC_NUMBER(id), PRTC_SIGNED(system_error));
  if (endpoint->fatal != 0) return endpoint->fatal;
  now = prtc_endpoint_advance(endpoint, now);
  struct socket *socket = prtc_map_get(&endpoint->sockets, id);
  if (socket == NULL) return PRTC_ERROR_NOT_FOUND;
  struct prtc_peer_place *place = socket->place;
  PRTC_LOG(&endpoint->context, PRTC_LOG_WARNING, "endpoint", "socket %llu was closed (error %d)", (unsigned long long)id,
           system_error);
  if (socket->stranger != NULL) {
    prtc_stranger_forget(endpoint, socket);
    return PRTC_OK;
  }
  if (place == NULL) {
    prtc_shared_closed(endpoint, socket);
    prtc_endpoint_refresh(endpoint);
    return PRTC_OK;
  }
  prtc_endpoint_forget_socket(endpoint, id);
  if (place == &endpoint->own) {
    prtc_naming_lost_socket(endpoint, id);
    return PRTC_OK;
  }
  int code = prtc_peer_socket_closed(place->peer, now, id);
  prtc_endpoint_wake(endpoint, place);
  prtc_endpoint_refresh(endpoint);
  return code;
}

int prtc_endpoint_unreachable(prtc_endpoint *endpoint, prtc_time now, prtc_socket_id id, const prtc_address *remote,
                              int system_error) {
  PRTC_RECORD(&endpoint->context, endpoint_unreachable, now, PRTC_NUMBER(id), PRTC_ADDRESS(remote),
              PRTC_SIGNED(system_error));
  if (endpoint->fatal != 0) return endpoint->fatal;
  now = prtc_endpoint_advance(endpoint, now);
  const struct socket *socket = prtc_map_get(&endpoint->sockets, id);
  if (socket == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_LOG(&endpoint->context, PRTC_LOG_DEBUG, "endpoint", "unreachable from socket %llu (error %d)",
           (unsigned long long)id, system_error);
  /* On a shared socket only the path's owner is known, not who else may have checks under way there: these end with
   * time. */
  struct prtc_peer_place *place = socket->place != NULL ? socket->place : prtc_mux_find_path(&endpoint->mux, id, remote);
  if (place == NULL || place == &endpoint->own) return PRTC_ERROR_NOT_FOUND;
  int code = prtc_peer_unreachable(place->peer, now, id, remote);
  prtc_endpoint_wake(endpoint, place);
  prtc_endpoint_refresh(endpoint);
  return code;
}

int prtc_endpoint_interfaces_changed(prtc_endpoint *endpoint, prtc_time now) {
  PRTC_RECORD_BARE(&endpoint->context, endpoint_interfaces_changed, now);
  if (endpoint->fatal != 0) return endpoint->fatal;
  now = prtc_endpoint_advance(endpoint, now);
  prtc_naming_interfaces_changed(endpoint);
  size_t i = 0;
  for (struct prtc_map_slot *slot; (slot = prtc_map_next(&endpoint->peers, &i)) != NULL;) {
    struct prtc_peer_place *place = slot->value;
    (void)prtc_peer_interfaces_changed(place->peer, now);
    prtc_endpoint_wake(endpoint, place);
  }
  prtc_endpoint_refresh(endpoint);
  return PRTC_OK;
}
