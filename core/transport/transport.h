/* One stack of ICE, DTLS and SCTP with its data channels: the ORTC objects composed. It knows no SDP and no signalling:
 * what the other side said comes in as parameters.
 *
 *   datagram → RFC 7983: STUN → ice
 *                        DTLS → dtls → SCTP packet → sctp → message → data → event
 *
 * and back: data → sctp → dtls → datagram (on the pair that ice selected).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_TRANSPORT_TRANSPORT_H
#define PRTC_TRANSPORT_TRANSPORT_H

#include <stdbool.h>

#include <polyrtc/data.h>
#include <polyrtc/dtls.h>
#include <polyrtc/endpoint.h>
#include <polyrtc/ice.h>
#include <polyrtc/peer.h>
#include <polyrtc/types.h>

struct prtc_context;
struct prtc_trust;
struct prtc_mux;
struct prtc_transport;

struct prtc_transport_config {
  prtc_certificate *certificate; /* retained */
  bool controlling;
  bool use_loopback;
  uint32_t tcp_candidates;   /* prtc_tcp_candidates */
  bool relay_only;           /* iceTransportPolicy "relay": nothing leaves but to TURN servers, and ICE has relayed
                                candidates alone */
  bool hide_addresses;       /* local candidates have names in place of addresses */
  uint32_t max_message_size; /* what this side accepts, bytes */
  uint32_t send_queue_size;  /* bytes */
  bool streaming;            /* the other side's channels are streaming ones */
  uint32_t mtu, max_mtu;     /* bytes of UDP payload: to begin with, and that are looked for (RFC 8899) */
  prtc_channel_id first_channel; /* ids of channels count from here */
  prtc_ice_config ice;           /* but for its size and controlling, which is above */
  struct prtc_mux *mux; /* not NULL: host candidates are those of sockets that are shared with others (core/ice/mux.h) */
  void *owner;          /* whom the mux finds */
  /* Of TURN servers over TLS; retained. NULL: asked for by PRTC_REQUEST_TRUST_ANCHORS when needed */
  struct prtc_trust *trust;
  bool insecure_tls;        /* any certificate will do */
  uint16_t port_minimum, port_maximum;
  /* As in prtc_peer_config, and checked. They outlive the transport. */
  const char *interface_filter, *address_filter, *address_mappings;
};

/* NULL when memory is lacking. Nothing is sent or asked for before prtc_transport_gather. */
struct prtc_transport *prtc_transport_new(struct prtc_context *context, prtc_time now,
                                          const struct prtc_transport_config *config);
void prtc_transport_free(struct prtc_transport *transport);

/* ------------------------------------------------------------------------------------------------------ the five verbs */

/* One datagram, not a train. */
int prtc_transport_receive(struct prtc_transport *transport, prtc_time now, const prtc_datagram *datagram);
int prtc_transport_transmit(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer,
                            size_t capacity);
prtc_time prtc_transport_deadline(const struct prtc_transport *transport);
int prtc_transport_timeout(struct prtc_transport *transport, prtc_time now);

enum prtc_transport_event_type {
  PRTC_TRANSPORT_EVENT_NONE = 0,
  PRTC_TRANSPORT_EVENT_CANDIDATE,        /* candidate: a local one */
  PRTC_TRANSPORT_EVENT_CANDIDATE_WITHDRAWN, /* candidate: a local one that is no more */
  PRTC_TRANSPORT_EVENT_GATHERING_STATE,  /* state: prtc_ice_gathering_state */
  PRTC_TRANSPORT_EVENT_ICE_STATE,        /* state: prtc_ice_transport_state */
  PRTC_TRANSPORT_EVENT_SELECTED_PAIR,    /* text: "local remote" */
  PRTC_TRANSPORT_EVENT_DTLS_STATE,       /* state: prtc_dtls_transport_state */
  PRTC_TRANSPORT_EVENT_SCTP_STATE,       /* state: prtc_sctp_transport_state */
  PRTC_TRANSPORT_EVENT_SERVER_FAILED,    /* code, text: as PRTC_EVENT_ICE_CANDIDATE_ERROR */
  PRTC_TRANSPORT_EVENT_FAILED,           /* code, text */
  PRTC_TRANSPORT_EVENT_CHANNEL           /* channel, and nothing else, is set: a complete prtc_event
                                            (PRTC_EVENT_DATA_CHANNEL, PRTC_EVENT_CHANNEL_…) but for its peer; its pointers
                                            are valid until the next event, receive, timeout or free */
};

struct prtc_transport_event {
  uint32_t type;
  uint32_t state;
  int32_t code;
  prtc_candidate candidate;
  prtc_event channel;
  char text[256];
};

/* 1, 0 when there is none, or once NO_MEMORY when one was lost for the lack of it. */
int prtc_transport_event(struct prtc_transport *transport, struct prtc_transport_event *out);

/* ---------------------------------------------------------------------------------- sockets: requests and their replies */

/* Beside prtc_request_type: what the endpoint itself does, by multicast DNS. */
enum {
  PRTC_REQUEST_PUBLISH_NAME = 1000, /* name: is answered for with `address` from now on. No reply */
  PRTC_REQUEST_FIND_NAME            /* name; reply: as of RESOLVE, one address */
};
/* What it wants of the driver: 1 and fills *out, or 0. The endpoint gives the ids: out->socket is given as the id that a
 * socket will have which this request opens, for those who need to know it before the reply; it is given again with the
 * reply. */
int prtc_transport_request(struct prtc_transport *transport, prtc_request *out);
/* The answer to a request that prtc_transport_request gave: the same request (its socket now set) and the reply. */
int prtc_transport_reply(struct prtc_transport *transport, prtc_time now, const prtc_request *request,
                         const prtc_reply *reply);
/* A listening socket has accepted a connection. An error: it is to be closed. */
int prtc_transport_accepted(struct prtc_transport *transport, prtc_time now, prtc_socket_id listener,
                            prtc_socket_id connection, const prtc_address *local, const prtc_address *remote);
/* Whether a stream takes more, see polyrtc/endpoint.h. NOT_FOUND: it is none of ours. */
int prtc_transport_writable(struct prtc_transport *transport, prtc_time now, prtc_socket_id connection, bool writable);
/* The answer to PRTC_REQUEST_TRUST_ANCHORS: they are retained; NULL: there are none. */
void prtc_transport_set_trust(struct prtc_transport *transport, prtc_time now, struct prtc_trust *trust);
int prtc_transport_socket_closed(struct prtc_transport *transport, prtc_time now, prtc_socket_id socket);
int prtc_transport_unreachable(struct prtc_transport *transport, prtc_time now, prtc_socket_id socket,
                               const prtc_address *remote);
int prtc_transport_interfaces_changed(struct prtc_transport *transport, prtc_time now);

/* ---------------------------------------------------------------------------------------------------------- negotiation */

/* A STUN or TURN server. Copied. */
struct prtc_transport_server {
  uint32_t protocol; /* prtc_relay_protocol, for TURN; NONE: a STUN server, over UDP */
  const char *host;  /* an address, or a name to be resolved */
  uint16_t port;
  const char *username, *credential; /* of TURN */
};

/* Before prtc_transport_gather. */
int prtc_transport_add_server(struct prtc_transport *transport, prtc_time now, const struct prtc_transport_server *server);

/* "turn:host:port?transport=udp" of the server that a local candidate was gathered from, NUL-terminated; false when there
 * is none. */
bool prtc_transport_server_url(const struct prtc_transport *transport, const prtc_candidate *candidate, char *out,
                               size_t capacity);

/* Other servers for the next gathering: forgets those there are, so that they are added anew. Before prtc_transport_gather,
 * or right before prtc_transport_restart. */
void prtc_transport_forget_servers(struct prtc_transport *transport);

/* After the servers, and when they are forgotten: iceTransportPolicy from the next generation on, see relay_only above. */
void prtc_transport_set_relay_only(struct prtc_transport *transport, prtc_time now, bool relay_only);

/* A generation has begun to gather: other servers have to wait for the next. */
bool prtc_transport_has_gathered(const struct prtc_transport *transport);

/* Begins to gather, but tells nothing of it before prtc_transport_gather. */
void prtc_transport_fill_pool(struct prtc_transport *transport, prtc_time now);

/* Begins to gather (once a generation; again after prtc_transport_restart). Harmless when already gathering or complete. */
int prtc_transport_gather(struct prtc_transport *transport, prtc_time now);

int prtc_transport_get_ice_parameters(const struct prtc_transport *transport, prtc_ice_parameters *out);
int prtc_transport_set_controlling(struct prtc_transport *transport, prtc_time now, bool controlling);

/* The layers one by one, in place of prtc_transport_set_remote: polyrtc/transport.h. */
void prtc_transport_begin_stages(struct prtc_transport *transport);
int prtc_transport_start_ice(struct prtc_transport *transport, prtc_time now, const prtc_ice_parameters *ice,
                             bool controlling);
/* Another certificate (retained by DTLS), before that. INVALID_STATE, NO_MEMORY. */
int prtc_transport_set_certificate(struct prtc_transport *transport, prtc_certificate *certificate);
int prtc_transport_start_dtls(struct prtc_transport *transport, prtc_time now, const prtc_fingerprint *fingerprints,
                              size_t count, prtc_dtls_role remote_role);
int prtc_transport_start_sctp(struct prtc_transport *transport, prtc_time now, uint16_t port, uint32_t max_message_size);
/* A datagram over ICE, or a record over DTLS, whichever was started last. INVALID_STATE (neither is connected, or SCTP was
 * started), INVALID_ARGUMENT (it would be taken for STUN), MESSAGE_TOO_LARGE, QUEUE_FULL, NO_MEMORY. */
int prtc_transport_send_raw(struct prtc_transport *transport, const uint8_t *data, size_t size);

/* What the other side's description says. May be called again (a re-offer, an ICE restart); fingerprints other than before,
 * once DTLS has begun, are refused with NOT_SUPPORTED. dtls_role is the role of THIS side, AUTO while not known (an offer
 * was sent with actpass). */
struct prtc_transport_remote {
  prtc_ice_parameters ice;
  prtc_dtls_role dtls_role;
  const prtc_fingerprint *fingerprints;
  size_t fingerprint_count;
  uint16_t sctp_port;        /* of the other side */
  uint32_t max_message_size; /* what the other side accepts; 0: no limit */
};
int prtc_transport_set_remote(struct prtc_transport *transport, prtc_time now, const struct prtc_transport_remote *remote);

int prtc_transport_add_remote_candidate(struct prtc_transport *transport, prtc_time now, const prtc_candidate *candidate);
/* Whether it has an address, or a name that can be looked for: others are refused with SYNTAX. */
bool prtc_transport_takes_name(const prtc_candidate *candidate);
int prtc_transport_end_of_remote_candidates(struct prtc_transport *transport, prtc_time now);
/* ICE restart, in two steps: credentials for an offer that is not applied yet; then a new generation with them, whose
 * gathering prtc_transport_gather begins. While the other side has not answered it can be taken back: all is as it was
 * before. */
int prtc_transport_make_ice_parameters(struct prtc_transport *transport, prtc_ice_parameters *out);
int prtc_transport_restart(struct prtc_transport *transport, prtc_time now, const prtc_ice_parameters *parameters);
int prtc_transport_take_back(struct prtc_transport *transport, prtc_time now);

int prtc_transport_get_selected_pair(const struct prtc_transport *transport, prtc_ice_pair *out);
prtc_dtls_role prtc_transport_get_dtls_role(const struct prtc_transport *transport);
uint32_t prtc_transport_get_max_channels(const struct prtc_transport *transport); /* 0: not known yet */

/* The layers, to be asked for their statistics, and what the transport has counted itself. */
struct prtc_transport_view {
  const prtc_ice *ice;
  const prtc_dtls *dtls;
  const prtc_data *data;
  const prtc_certificate *certificate;
  uint64_t packets_sent, packets_received, bytes_sent, bytes_received; /* DTLS datagrams on the path */
  uint64_t pair_changes;
  uint32_t path_mtu; /* bytes of UDP payload that datagrams have at most; 0: there is no association */
};
void prtc_transport_look(const struct prtc_transport *transport, struct prtc_transport_view *out);

/* Begins the goodbye: SCTP ABORT and DTLS close_notify go out with the next transmits (where there is a path); channels are
 * closed at once. */
int prtc_transport_close(struct prtc_transport *transport, prtc_time now);

/* Closes without a goodbye, for when the other side learns of it from a description: a goodbye that overtakes that would
 * look like the end of everything. */
void prtc_transport_leave(struct prtc_transport *transport, prtc_time now);

/* Sockets are no longer needed: everything that is to be sent has been given by transmit, and allocations on TURN servers
 * were given back (or a second has passed). */
bool prtc_transport_is_drained(const struct prtc_transport *transport);

/* ------------------------------------------------------------------------------------------------------- data channels */

/* As the prtc_peer_… functions of the same names (polyrtc/peer.h). *reason is set to a sentence (static storage) when an
 * error is returned. */
int prtc_transport_create_channel(struct prtc_transport *transport, prtc_time now, const prtc_channel_config *config,
                                  prtc_channel_id *out, const char **reason);
int prtc_transport_send(struct prtc_transport *transport, prtc_time now, prtc_channel_id channel, prtc_message_kind kind,
                        const uint8_t *data, size_t size);
int prtc_transport_send_part(struct prtc_transport *transport, prtc_time now, prtc_channel_id channel,
                             prtc_message_kind kind, const uint8_t *data, size_t size, uint32_t flags);
int prtc_transport_set_streaming(struct prtc_transport *transport, prtc_channel_id channel, int streaming);
void prtc_transport_pause_messages(struct prtc_transport *transport, bool paused);
int prtc_transport_close_channel(struct prtc_transport *transport, prtc_time now, prtc_channel_id channel);
int prtc_transport_set_buffered_amount_low_threshold(struct prtc_transport *transport, prtc_channel_id channel,
                                                     uint64_t threshold);
int prtc_transport_channel_info(const struct prtc_transport *transport, prtc_channel_id channel, prtc_channel_info *out);

#endif
