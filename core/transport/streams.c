/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/transport/streams.h"

#include <string.h>

#include "core/transport/internal.h"

/* Of a connection of which nothing authentic has been heard: a frame that is no longer than a check with the longest
 * ufrags, and so many of them. */
enum { STRANGERS_FRAME_SIZE = 1200, STRANGERS_FRAMES = 32 };

/* ----------------------------------------------------------------------------------------------------------------- life */

struct stream *prtc_streams_find(const struct prtc_transport *transport, prtc_socket_id id) {
  struct stream *stream = transport->streams;
  while (stream != NULL && stream->id != id) stream = stream->next;
  return stream;
}

static int add(struct prtc_transport *transport, const struct stream *given) {
  struct stream *stream = prtc_allocate(transport->context, sizeof *stream);
  if (stream == NULL) return PRTC_ERROR_NO_MEMORY;
  *stream = *given;
  stream->writable = true;
  prtc_framing_init(&stream->in, transport->context, STRANGERS_FRAME_SIZE);
  stream->next = transport->streams;
  transport->streams = stream;
  return PRTC_OK;
}

static void forget(struct prtc_transport *transport, struct stream *stream) {
  struct stream **link = &transport->streams;
  while (*link != stream) link = &(*link)->next;
  *link = stream->next;
  prtc_framing_clear(&stream->in);
  prtc_release(transport->context, stream->held);
  prtc_release(transport->context, stream);
}

void prtc_streams_clear(struct prtc_transport *transport) {
  while (transport->streams != NULL) forget(transport, transport->streams);
}

void prtc_streams_close(struct prtc_transport *transport) {
  prtc_socket_id id;
  while (prtc_ice_disconnect(transport->ice, &id)) (void)prtc_queue_push(&transport->gathering.closes, &id);
  while (transport->streams != NULL) {
    (void)prtc_queue_push(&transport->gathering.closes, &transport->streams->id);
    forget(transport, transport->streams);
  }
}

int prtc_streams_closed(struct prtc_transport *transport, prtc_time now, prtc_socket_id id) {
  struct stream *stream = prtc_streams_find(transport, id);
  if (stream == NULL) return PRTC_ERROR_NOT_FOUND;
  forget(transport, stream);
  (void)prtc_ice_remove_socket(transport->ice, now, id);
  prtc_transport_pump(transport, now);
  return PRTC_OK;
}

/* ------------------------------------------------------------------------------------------------- requests and replies */

int prtc_streams_request(struct prtc_transport *transport, prtc_socket_id fresh, prtc_request *out) {
  prtc_ice_connection connection;
  if (prtc_ice_disconnect(transport->ice, &out->socket)) {
    struct stream *stream = prtc_streams_find(transport, out->socket);
    if (stream != NULL) forget(transport, stream);
    out->type = PRTC_REQUEST_CLOSE;
    return 1;
  }
  if (!prtc_ice_connect(transport->ice, fresh, &connection)) return 0;
  const struct stream stream = {.id = fresh, .interface_index = connection.interface_index, .remote = connection.remote};
  int code = add(transport, &stream);
  if (code < 0) { /* its pair fails; time is of no matter for that */
    (void)prtc_ice_connected(transport->ice, 0, fresh, code, &connection.local);
    return 0;
  }
  out->type = PRTC_REQUEST_CONNECT_TCP;
  out->socket = fresh;
  out->address = connection.local;
  out->remote = connection.remote;
  out->interface_index = connection.interface_index;
  return 1;
}

int prtc_streams_reply(struct prtc_transport *transport, prtc_time now, const prtc_request *request,
                       const prtc_reply *reply) {
  struct stream *stream = prtc_streams_find(transport, request->socket);
  if (stream == NULL) return PRTC_ERROR_NOT_FOUND;
  stream->local = reply->address;
  if (reply->code < 0) {
    PRTC_LOG(transport->context, PRTC_LOG_DEBUG, "transport", "a connection could not be made (error %d)",
             reply->system_error);
    forget(transport, stream);
  }
  int code = prtc_ice_connected(transport->ice, now, request->socket, reply->code, &reply->address);
  if (code < 0 && reply->code >= 0) forget(transport, stream); /* it is not wanted any more */
  prtc_transport_pump(transport, now);
  return code;
}

int prtc_streams_accepted(struct prtc_transport *transport, prtc_time now, prtc_socket_id listener,
                          prtc_socket_id connection, const prtc_address *local, const prtc_address *remote) {
  const struct stream stream = {.id = connection, .local = *local, .remote = *remote};
  int code = add(transport, &stream);
  if (code < 0) return code;
  code = prtc_ice_accepted(transport->ice, now, listener, connection, local, remote);
  if (code < 0) forget(transport, transport->streams);
  return code;
}

/* -------------------------------------------------------------------------------------------------------------- receive */

static void capture(struct prtc_transport *transport, const struct stream *stream, bool outgoing, const uint8_t *data,
                    size_t size) {
  transport->context->capture.local = stream->local;
  transport->context->capture.remote = stream->remote;
  prtc_capture_datagram(transport->context, outgoing, data, size);
}

/* Whether it may go on: strangers have little to say. */
static bool judge(const struct prtc_transport *transport, struct stream *stream) {
  if (stream->trusted) return true;
  stream->trusted = prtc_ice_knows_path(transport->ice, stream->id, &stream->remote) != 0;
  if (stream->trusted) stream->in.limit = PRTC_FRAME_MOST;
  return stream->trusted || ++stream->frames < STRANGERS_FRAMES;
}

int prtc_streams_receive(struct prtc_transport *transport, prtc_time now, struct stream *stream,
                         const prtc_datagram *datagram) {
  struct prtc_reader chunk = prtc_reader_of(datagram->data, datagram->size);
  prtc_datagram one = *datagram;
  int result = PRTC_OK, code;
  one.protocol = PRTC_PROTOCOL_TCP;
  one.local = stream->local;
  one.remote = stream->remote;
  one.segment_size = 0;
  while ((code = prtc_framing_next(&stream->in, &chunk, &one.data, &one.size)) > 0) {
    if (prtc_capture_is_on(&transport->context->capture)) capture(transport, stream, false, one.data, one.size);
    int taken = prtc_transport_take(transport, now, &one);
    if (taken < 0) result = taken;
    if (!judge(transport, stream)) code = PRTC_ERROR_UNAUTHENTICATED;
    if (code < 0) break;
  }
  if (code < 0) {
    prtc_socket_id id = stream->id;
    PRTC_LOG(transport->context, PRTC_LOG_DEBUG, "transport", "connection %llu is given up: %s", (unsigned long long)id,
             prtc_strerror(code));
    (void)prtc_queue_push(&transport->gathering.closes, &id);
    (void)prtc_streams_closed(transport, now, id);
    return PRTC_ERROR_MALFORMED;
  }
  return result;
}

/* ------------------------------------------------------------------------------------------------------------- transmit */

static int give(const struct stream *stream, prtc_datagram *out, uint8_t *buffer, size_t size) {
  *out = (prtc_datagram){.socket = stream->id,
                         .protocol = PRTC_PROTOCOL_TCP,
                         .interface_index = stream->interface_index,
                         .local = stream->local,
                         .remote = stream->remote,
                         .data = buffer,
                         .size = size};
  return (int)size;
}

/* ICE says little and says it again: what finds no room is lost. */
static void hold(struct prtc_transport *transport, struct stream *stream, const uint8_t *frames, size_t size) {
  if (stream->held == NULL) stream->held = prtc_allocate(transport->context, STREAM_HELD_SIZE);
  if (stream->held == NULL || STREAM_HELD_SIZE - stream->held_size < size) return;
  memcpy(stream->held + stream->held_size, frames, size);
  stream->held_size += size;
}

int prtc_streams_wrap(struct prtc_transport *transport, struct stream *stream, prtc_datagram *out, uint8_t *buffer,
                      size_t capacity) {
  size_t segment = out->segment_size != 0 ? out->segment_size : out->size;
  (void)capacity; /* the frames' headers have had their room left: see prtc_routes_overhead */
  if (prtc_capture_is_on(&transport->context->capture)) {
    for (size_t at = 0; at < out->size; at += segment) {
      capture(transport, stream, true, buffer + at, out->size - at < segment ? out->size - at : segment);
    }
  }
  size_t size = prtc_frame_segments(buffer, out->size, segment);
  if (stream->writable && stream->held_size == 0) return give(stream, out, buffer, size);
  hold(transport, stream, buffer, size);
  return 0;
}

int prtc_streams_transmit(struct prtc_transport *transport, prtc_datagram *out, uint8_t *buffer, size_t capacity) {
  for (struct stream *stream = transport->streams; stream != NULL; stream = stream->next) {
    size_t size = stream->held_size;
    if (!stream->writable || size == 0 || size > capacity) continue;
    memcpy(buffer, stream->held, size);
    stream->held_size = 0;
    return give(stream, out, buffer, size);
  }
  return 0;
}
