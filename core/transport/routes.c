/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/transport/routes.h"

#include "core/transport/internal.h"

/* Carriers come in here, each with a case in every function. */

size_t prtc_routes_overhead(const struct prtc_transport *transport, const prtc_datagram *out) {
  (void)transport;
  return out->protocol == PRTC_PROTOCOL_TCP ? PRTC_FRAME_HEADER : 0;
}

bool prtc_routes_is_ready(const struct prtc_transport *transport, prtc_socket_id socket) {
  const struct stream *stream = prtc_streams_find(transport, socket);
  return stream == NULL || (stream->writable && stream->held_size == 0);
}

int prtc_routes_wrap(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer, size_t capacity) {
  (void)now;
  if (out->protocol == PRTC_PROTOCOL_UDP) return (int)out->size;
  struct stream *stream = prtc_streams_find(transport, out->socket);
  return stream == NULL ? 0 : prtc_streams_wrap(transport, stream, out, buffer, capacity);
}

int prtc_routes_transmit(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer, size_t capacity) {
  (void)now;
  return prtc_streams_transmit(transport, out, buffer, capacity);
}

int prtc_routes_receive(struct prtc_transport *transport, prtc_time now, const prtc_datagram *datagram) {
  if (datagram->protocol == PRTC_PROTOCOL_UDP) return prtc_transport_take(transport, now, datagram);
  struct stream *stream = prtc_streams_find(transport, datagram->socket);
  return stream == NULL ? PRTC_ERROR_UNEXPECTED : prtc_streams_receive(transport, now, stream, datagram);
}

int prtc_routes_writable(struct prtc_transport *transport, prtc_time now, prtc_socket_id connection, bool writable) {
  (void)now;
  struct stream *stream = prtc_streams_find(transport, connection);
  if (stream == NULL) return PRTC_ERROR_NOT_FOUND;
  stream->writable = writable;
  return PRTC_OK;
}

prtc_time prtc_routes_deadline(const struct prtc_transport *transport) {
  (void)transport;
  return PRTC_NEVER;
}

void prtc_routes_timeout(struct prtc_transport *transport, prtc_time now) { (void)transport, (void)now; }
