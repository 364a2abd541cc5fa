/* What carries a datagram. ICE and DTLS see sockets and remote addresses alone; between them and the driver stands the
 * route of the socket: for a UDP socket nothing is changed; for others the datagram is wrapped on its way out and unwrapped
 * on its way in.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 *   ice, dtls ──► prtc_routes_wrap ──────► driver        what is sent on a socket, as what really leaves
 *                 prtc_routes_transmit ──► driver        what a carrier has to send itself (a TURN client's Allocate)
 *   driver ─────► prtc_routes_receive ───► prtc_transport_take, once for each datagram that was inside
 *
 * A socket without a route of its own is a UDP socket: the common case costs one comparison. Ids of sockets that the
 * transport has made up (a TURN allocation) have PRTC_VIRTUAL_SOCKET set, so that they never meet a real one, and never
 * leave the transport.
 */
#ifndef PRTC_TRANSPORT_ROUTES_H
#define PRTC_TRANSPORT_ROUTES_H

#include <stdbool.h>

#include <polyrtc/types.h>

struct prtc_transport;

#define PRTC_VIRTUAL_SOCKET ((prtc_socket_id)1 << 63)

/* Of an active TCP candidate, which is no socket at all: it only names it towards ICE. */
#define PRTC_ACTIVE_SOCKET ((prtc_socket_id)1 << 62)

/* The most that prtc_routes_overhead gives. */
enum { PRTC_ROUTES_MOST_OVERHEAD = 64 };

/* Bytes that wrapping adds to each datagram for `remote` at the most. What is given to prtc_routes_wrap leaves as many free
 * in its buffer. */
size_t prtc_routes_overhead(const struct prtc_transport *transport, const prtc_datagram *out);

/* Whether the socket takes data now. One that does not (a stream that is full) is not asked to: what is to be sent stays in
 * SCTP. A single datagram that is wrapped all the same is lost, as on a network. */
bool prtc_routes_is_ready(const struct prtc_transport *transport, prtc_socket_id socket);

/* Makes of a datagram or train, in buffer[0 … out->size), what leaves: socket, addresses, data, size and segment size are
 * set anew. The bytes to send; 0 when there is nothing (now): it was lost, or is kept and comes from
 * prtc_routes_transmit. */
int prtc_routes_wrap(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer, size_t capacity);

/* The next thing that a carrier itself has to send: bytes, 0, or an error. */
int prtc_routes_transmit(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer,
                         size_t capacity);

/* Takes what arrived (one datagram, or bytes of a stream), and hands what was inside to prtc_transport_take. */
int prtc_routes_receive(struct prtc_transport *transport, prtc_time now, const prtc_datagram *datagram);

/* Whether a stream takes more. NOT_FOUND: it is none of ours. */
int prtc_routes_writable(struct prtc_transport *transport, prtc_time now, prtc_socket_id connection, bool writable);

prtc_time prtc_routes_deadline(const struct prtc_transport *transport);
void prtc_routes_timeout(struct prtc_transport *transport, prtc_time now);

#endif
