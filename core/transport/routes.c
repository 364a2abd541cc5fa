/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/transport/routes.h"

#include "core/transport/internal.h"

static bool is_relayed(prtc_socket_id socket) { return (socket & PRTC_VIRTUAL_SOCKET) != 0; }

size_t prtc_routes_overhead(const struct prtc_transport *transport, const prtc_datagram *out) {
  if (is_relayed(out->socket)) return prtc_relays_overhead(transport, out);
  return out->protocol == PRTC_PROTOCOL_TCP ? PRTC_FRAME_HEADER : 0;
}

bool prtc_routes_is_ready(const struct prtc_transport *transport, prtc_socket_id socket) {
  if (is_relayed(socket)) return prtc_relays_are_ready(transport, socket);
  const struct stream *stream = prtc_streams_find(transport, socket);
  return stream == NULL || (stream->writable && stream->held_size == 0);
}

int prtc_routes_wrap(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer,
                     size_t capacity) {
  if (is_relayed(out->socket)) return prtc_relays_wrap(transport, now, out, buffer, capacity);
  if (out->protocol == PRTC_PROTOCOL_UDP) return (int)out->size;
  struct stream *stream = prtc_streams_find(transport, out->socket);
  return stream == NULL ? 0 : prtc_streams_wrap(transport, stream, out, buffer, capacity);
}

int prtc_routes_transmit(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer,
                         size_t capacity) {
  int size = prtc_relays_transmit(transport, now, out, buffer, capacity);
  return size != 0 ? size : prtc_streams_transmit(transport, out, buffer, capacity);
}

int prtc_routes_receive(struct prtc_transport *transport, prtc_time now, const prtc_datagram *datagram) {
  int code;
  if (prtc_relays_receive(transport, now, datagram, &code)) return code;
  if (datagram->protocol == PRTC_PROTOCOL_UDP) return prtc_transport_take(transport, now, datagram);
  struct stream *stream = prtc_streams_find(transport, datagram->socket);
  return stream == NULL ? PRTC_ERROR_UNEXPECTED : prtc_streams_receive(transport, now, stream, datagram);
}

int prtc_routes_writable(struct prtc_transport *transport, prtc_time now, prtc_socket_id connection, bool writable) {
  (void)now;
  if (prtc_relays_writable(transport, connection, writable)) return PRTC_OK;
  struct stream *stream = prtc_streams_find(transport, connection);
  if (stream == NULL) return PRTC_ERROR_NOT_FOUND;
  stream->writable = writable;
  return PRTC_OK;
}

prtc_time prtc_routes_deadline(const struct prtc_transport *transport) { return prtc_relays_deadline(transport); }

void prtc_routes_timeout(struct prtc_transport *transport, prtc_time now) { prtc_relays_timeout(transport, now); }
