/* Allocations on TURN servers, each a carrier of datagrams: one from each UDP socket to each server of its family, or one
 * stream to a server that is reached by TCP or TLS.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 *   wanting → (connecting → securing →) allocating → allocated → closing → ended
 *
 * An allocation has up to two relayed addresses, IPv4 and IPv6. ICE sees each as a socket, with an id that has
 * PRTC_VIRTUAL_SOCKET set.
 */
#ifndef PRTC_TRANSPORT_RELAYS_H
#define PRTC_TRANSPORT_RELAYS_H

#include <stdbool.h>

#include <polyrtc/endpoint.h>
#include <polyrtc/types.h>

struct prtc_transport;
struct relay;
struct server;

enum { MAX_RELAYS = 12 };

struct relays {
  struct relay *items[MAX_RELAYS];
  uint32_t count;
  uint32_t last_id;   /* of the virtual sockets */
  enum { TRUST_UNASKED, TRUST_WANTED, TRUST_ASKED, TRUST_ANSWERED } trust; /* the system's anchors */
  prtc_time pace;     /* the next allocation is not asked for before (RFC 8445 section 14) */
  bool closing;
};

void prtc_relays_clear(struct prtc_transport *transport);

/* A gathering begins: allocations that are not there (any more) are asked for, those on servers that are no longer wanted
 * are given back. */
void prtc_relays_begin(struct prtc_transport *transport, prtc_time now);
/* The servers are others: candidates of allocations on those that are gone are not of the next generation. */
void prtc_relays_retire(struct prtc_transport *transport);
/* New sockets or addresses of servers may have come. */
void prtc_relays_consider(struct prtc_transport *transport, prtc_time now);
bool prtc_relays_exist(const struct prtc_transport *transport); /* is there an allocation? */
/* Asks the servers whether the allocations are still there, for they may have been started anew; those that are not are
 * made again. */
void prtc_relays_verify(struct prtc_transport *transport, prtc_time now);
bool prtc_relays_are_gathering(const struct prtc_transport *transport);
/* Takes what the TURN clients have to tell. */
void prtc_relays_pump(struct prtc_transport *transport, prtc_time now);

/* The other side has named a candidate: it gets permissions. */
void prtc_relays_permit(struct prtc_transport *transport, prtc_time now, const prtc_address *peer);

/* As in routes.h; `socket` is a virtual one. */
size_t prtc_relays_overhead(const struct prtc_transport *transport, const prtc_datagram *out);
bool prtc_relays_are_ready(const struct prtc_transport *transport, prtc_socket_id socket);
int prtc_relays_wrap(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer, size_t capacity);
int prtc_relays_transmit(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer,
                         size_t capacity);
/* False: it is not from a server. */
bool prtc_relays_receive(struct prtc_transport *transport, prtc_time now, const prtc_datagram *datagram, int *code);
prtc_time prtc_relays_deadline(const struct prtc_transport *transport);
void prtc_relays_timeout(struct prtc_transport *transport, prtc_time now);

/* Sockets. False: it has nothing to do with relays. */
bool prtc_relays_request(struct prtc_transport *transport, prtc_socket_id fresh, prtc_request *out);
bool prtc_relays_reply(struct prtc_transport *transport, prtc_time now, const prtc_request *request,
                       const prtc_reply *reply);
bool prtc_relays_socket_closed(struct prtc_transport *transport, prtc_time now, prtc_socket_id socket);
bool prtc_relays_writable(struct prtc_transport *transport, prtc_socket_id socket, bool writable);
bool prtc_relays_unreachable(struct prtc_transport *transport, prtc_time now, prtc_socket_id socket,
                             const prtc_address *remote);

/* Gives all allocations back. Until prtc_relays_are_closed the transport is driven on, which is a second at the most. */
void prtc_relays_close(struct prtc_transport *transport, prtc_time now);
bool prtc_relays_are_closed(const struct prtc_transport *transport);

/* The server of an allocation at this address, or NULL. */
const struct server *prtc_relays_server(const struct prtc_transport *transport, const prtc_address *address,
                                        uint32_t protocol);

#endif
