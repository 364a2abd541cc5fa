/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/transport/routes.h"

#include "core/transport/internal.h"

/* Every socket is a UDP one today: carriers come in here, each with a case in every function. */

size_t prtc_routes_overhead(const struct prtc_transport *transport, const prtc_datagram *out) {
  (void)transport, (void)out;
  return 0;
}

bool prtc_routes_is_ready(const struct prtc_transport *transport, prtc_socket_id socket) {
  (void)transport, (void)socket;
  return true;
}

int prtc_routes_wrap(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer, size_t capacity) {
  (void)transport, (void)now, (void)buffer, (void)capacity;
  return (int)out->size;
}

int prtc_routes_transmit(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer, size_t capacity) {
  (void)transport, (void)now, (void)out, (void)buffer, (void)capacity;
  return 0;
}

int prtc_routes_receive(struct prtc_transport *transport, prtc_time now, const prtc_datagram *datagram) {
  return prtc_transport_take(transport, now, datagram);
}

prtc_time prtc_routes_deadline(const struct prtc_transport *transport) {
  (void)transport;
  return PRTC_NEVER;
}

void prtc_routes_timeout(struct prtc_transport *transport, prtc_time now) { (void)transport, (void)now; }
