/* The TCP connections of ICE (RFC 6544): frames of RFC 4571 around its messages and DTLS's, and what a connection that is
 * slow must not take along.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_TRANSPORT_STREAMS_H
#define PRTC_TRANSPORT_STREAMS_H

#include <stdbool.h>

#include <polyrtc/endpoint.h>
#include <polyrtc/types.h>

#include "core/base/framing.h"

struct prtc_transport;

/* What ICE has to say on a connection that takes nothing now waits in so many bytes; more is lost. */
enum { STREAM_HELD_SIZE = PRTC_DATAGRAM_SIZE };

struct stream {
  struct stream *next;
  prtc_socket_id id;
  uint32_t interface_index;
  prtc_address local, remote;
  bool writable;
  bool trusted;    /* an authentic check of either side has passed over it */
  unsigned frames; /* before that */
  struct prtc_framing in;
  uint8_t *held;   /* NULL until needed */
  size_t held_size;
};

/* NULL: it is none of these */
struct stream *prtc_streams_find(const struct prtc_transport *transport, prtc_socket_id id);
void prtc_streams_clear(struct prtc_transport *transport);

/* As the functions of routes.h and transport.h of these names. */
int prtc_streams_receive(struct prtc_transport *transport, prtc_time now, struct stream *stream,
                         const prtc_datagram *datagram);
int prtc_streams_wrap(struct prtc_transport *transport, struct stream *stream, prtc_datagram *out, uint8_t *buffer,
                      size_t capacity);
int prtc_streams_transmit(struct prtc_transport *transport, prtc_datagram *out, uint8_t *buffer, size_t capacity);
int prtc_streams_request(struct prtc_transport *transport, prtc_socket_id fresh, prtc_request *out);
int prtc_streams_reply(struct prtc_transport *transport, prtc_time now, const prtc_request *request,
                       const prtc_reply *reply);
int prtc_streams_accepted(struct prtc_transport *transport, prtc_time now, prtc_socket_id listener,
                          prtc_socket_id connection, const prtc_address *local, const prtc_address *remote);
/* It has ended. NOT_FOUND: it is none of these. */
int prtc_streams_closed(struct prtc_transport *transport, prtc_time now, prtc_socket_id id);
/* The transport ends: all are to be closed. */
void prtc_streams_close(struct prtc_transport *transport);

#endif
