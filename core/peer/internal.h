/* How an endpoint drives a peer: the five verbs again. The commands are in polyrtc/peer.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_PEER_INTERNAL_H
#define PRTC_PEER_INTERNAL_H

#include <stdbool.h>

#include <polyrtc/dtls.h>
#include <polyrtc/peer.h>

struct prtc_context;
struct prtc_trust;
struct prtc_mux;

/* What a peer asks of the endpoint that holds it. Commands reach a peer without passing through its endpoint, so the peer
 * has to say that its deadline may have moved or that it may have something to send, an event or a request. */
struct prtc_peer_host {
  prtc_endpoint *endpoint;
  struct prtc_context *context;
  /* Puts the peer on the endpoint's list of peers to look at. Cheap; may be called often. */
  void (*wake)(prtc_endpoint *endpoint, prtc_peer *peer);
  /* The endpoint's certificate, made when first asked for; NULL when that fails. Borrowed. */
  prtc_certificate *(*certificate)(prtc_endpoint *endpoint);
  /* One that the configuration brings, as PEM. *out is the caller's to release. Errors as prtc_certificate_parse, and
   * INVALID_ACCESS when it has expired. */
  int (*read_certificate)(prtc_endpoint *endpoint, const char *pem, prtc_certificate **out);
  /* The system's trust anchors, once a reply to PRTC_REQUEST_TRUST_ANCHORS has brought them; NULL when it has not.
   * Borrowed. */
  struct prtc_trust *(*trust)(prtc_endpoint *endpoint);
  /* The peer's unanswered requests are of no interest any more: late replies are refused. */
  void (*drop_requests)(prtc_endpoint *endpoint, prtc_peer *peer);
  /* Takes the peer out of the endpoint (prtc_peer_free calls it first). */
  void (*remove)(prtc_endpoint *endpoint, prtc_peer *peer);
  /* 0, or the code that has ended the endpoint: every command gives it. */
  int (*fatal)(const prtc_endpoint *endpoint);
  /* Time has passed, in a command: returns the latest time seen, for it never goes back. */
  prtc_time (*advance)(prtc_endpoint *endpoint, prtc_time now);
  /* Where ICE says what belongs to the peer's place, when sockets are shared; else NULL. */
  struct prtc_mux *mux;
};

/* What the endpoint keeps at each peer. The peer does not touch it. */
struct prtc_peer_place;

/* The endpoint implements prtc_peer_new: it makes the place, then calls this. `place` is the endpoint's, returned by
 * prtc_peer_get_place. Errors as prtc_peer_new; *reason says which URL was bad. */
int prtc_peer_create(const struct prtc_peer_host *host, prtc_time now, prtc_peer_id id, const prtc_peer_config *config,
                     struct prtc_peer_place *place, prtc_peer **out, const char **reason);
/* Records the servers and certificates of a configuration, which precede the call that has it. */
void prtc_peer_record_arguments(struct prtc_context *context, prtc_time now, const prtc_peer_config *config);
/* Frees the memory; does not call host.remove. */
void prtc_peer_destroy(prtc_peer *peer);
struct prtc_peer_place *prtc_peer_get_place(const prtc_peer *peer);

int prtc_peer_receive(prtc_peer *peer, prtc_time now, const prtc_datagram *datagram); /* one datagram, not a train */
int prtc_peer_transmit(prtc_peer *peer, prtc_time now, prtc_datagram *out, uint8_t *buffer, size_t capacity);
prtc_time prtc_peer_deadline(const prtc_peer *peer);
int prtc_peer_timeout(prtc_peer *peer, prtc_time now);
/* The next event, its `peer` set; 0 when there is none. What it points to is valid until the next call on this peer: the
 * endpoint copies it. */
int prtc_peer_event(prtc_peer *peer, prtc_event *out);
/* There was no memory to hand on a message that was fetched: its channel, which cannot keep its promise, is closed, and the
 * next event is FAILED with NO_MEMORY. */
void prtc_peer_lose_message(prtc_peer *peer, prtc_time now, prtc_channel_id channel);

/* Sockets: as in core/transport/transport.h. */
int prtc_peer_accepted(prtc_peer *peer, prtc_time now, prtc_socket_id listener, prtc_socket_id connection,
                       const prtc_address *local, const prtc_address *remote);
int prtc_peer_writable(prtc_peer *peer, prtc_time now, prtc_socket_id connection, bool writable);
int prtc_peer_request(prtc_peer *peer, prtc_request *out);
int prtc_peer_reply(prtc_peer *peer, prtc_time now, const prtc_request *request, const prtc_reply *reply);
int prtc_peer_socket_closed(prtc_peer *peer, prtc_time now, prtc_socket_id socket);
int prtc_peer_unreachable(prtc_peer *peer, prtc_time now, prtc_socket_id socket, const prtc_address *remote);
int prtc_peer_interfaces_changed(prtc_peer *peer, prtc_time now);

#endif
