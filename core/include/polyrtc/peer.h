/* polyrtc/peer.h: one RTCPeerConnection (W3C WebRTC 1.0 section 4, RFC 9429).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A peer lives in an endpoint, which drives it. The functions here are the commands of the W3C object, under its names;
 * what the W3C reports by promise or event comes out of prtc_endpoint_event. Commands take effect at once: there is no
 * operations chain in C (the bindings that need one keep it), so a command in the wrong state is refused with
 * INVALID_STATE.
 *
 * The commands that start or stop a timer take the time. None sends by itself: call prtc_endpoint_transmit afterwards.
 *
 * All of them may be called at any moment outside of a call on the same endpoint, and so while events are being handled:
 * from the event of a peer it may be commanded, closed or freed, as may any other. A peer that is NULL is one that is no
 * more (prtc_endpoint_peer gives NULL for it): NOT_FOUND. One that is closed answers commands with INVALID_STATE, and
 * questions as before. A pointer to what is to be filled or read may not be NULL, unless the function says so or its size
 * is 0.
 */
#ifndef POLYRTC_PEER_H
#define POLYRTC_PEER_H

#include <polyrtc/data.h>
#include <polyrtc/endpoint.h>
#include <polyrtc/error.h>
#include <polyrtc/types.h>

PRTC_BEGIN_DECLS

typedef struct prtc_peer prtc_peer;

/* --------------------------------------------------------------------------------------------------------------- states */

/* RTCSignalingState */
typedef enum prtc_signaling_state {
  PRTC_SIGNALING_STABLE = 0,
  PRTC_SIGNALING_HAVE_LOCAL_OFFER,
  PRTC_SIGNALING_HAVE_REMOTE_OFFER,
  PRTC_SIGNALING_HAVE_LOCAL_PRANSWER,
  PRTC_SIGNALING_HAVE_REMOTE_PRANSWER,
  PRTC_SIGNALING_CLOSED
} prtc_signaling_state;

/* RTCIceGatheringState */
typedef enum prtc_ice_gathering_state {
  PRTC_ICE_GATHERING_NEW = 0,
  PRTC_ICE_GATHERING_GATHERING,
  PRTC_ICE_GATHERING_COMPLETE
} prtc_ice_gathering_state;

/* RTCIceConnectionState */
typedef enum prtc_ice_connection_state {
  PRTC_ICE_CONNECTION_NEW = 0,
  PRTC_ICE_CONNECTION_CHECKING,
  PRTC_ICE_CONNECTION_CONNECTED,
  PRTC_ICE_CONNECTION_COMPLETED,
  PRTC_ICE_CONNECTION_DISCONNECTED,
  PRTC_ICE_CONNECTION_FAILED,
  PRTC_ICE_CONNECTION_CLOSED
} prtc_ice_connection_state;

/* RTCPeerConnectionState */
typedef enum prtc_connection_state {
  PRTC_CONNECTION_NEW = 0,
  PRTC_CONNECTION_CONNECTING,
  PRTC_CONNECTION_CONNECTED,
  PRTC_CONNECTION_DISCONNECTED,
  PRTC_CONNECTION_FAILED,
  PRTC_CONNECTION_CLOSED
} prtc_connection_state;

/* RTCSctpTransportState */
typedef enum prtc_sctp_transport_state {
  PRTC_SCTP_TRANSPORT_CONNECTING = 0,
  PRTC_SCTP_TRANSPORT_CONNECTED,
  PRTC_SCTP_TRANSPORT_CLOSED
} prtc_sctp_transport_state;

/* RTCIceRole */
typedef enum prtc_ice_role { PRTC_ICE_ROLE_UNKNOWN = 0, PRTC_ICE_ROLE_CONTROLLING, PRTC_ICE_ROLE_CONTROLLED } prtc_ice_role;

/* RTCSdpType */
typedef enum prtc_sdp_type {
  PRTC_SDP_OFFER = 1,
  PRTC_SDP_PRANSWER,
  PRTC_SDP_ANSWER,
  PRTC_SDP_ROLLBACK
} prtc_sdp_type;

/* -------------------------------------------------------------------------------------------------------- configuration */

/* RTCIceServer. url: "stun:host[:port]", "turn:host[:port][?transport=udp|tcp]" or, over TLS, "turns:host[:port]"; TURN
 * needs username and credential. */
typedef struct prtc_ice_server {
  const char *url;        /* NUL-terminated */
  const char *username;   /* NUL-terminated, or NULL */
  const char *credential; /* NUL-terminated, or NULL */
} prtc_ice_server;

/* Which candidates for ICE over TCP there are (RFC 6544). Active ones cost nothing until the other side has passive ones,
 * as servers often have; those come with a listening socket for each address. */
typedef enum prtc_tcp_candidates {
  PRTC_TCP_CANDIDATES_ACTIVE = 0,
  PRTC_TCP_CANDIDATES_NONE,
  PRTC_TCP_CANDIDATES_ALL /* active and passive */
} prtc_tcp_candidates;

typedef enum prtc_ice_transport_policy { PRTC_ICE_POLICY_ALL = 0, PRTC_ICE_POLICY_RELAY } prtc_ice_transport_policy;

/* RTCConfiguration, and what the W3C has not. Everything is copied. */
typedef struct prtc_peer_config {
  size_t size;
  const prtc_ice_server *ice_servers; /* at most PRTC_ICE_SERVERS_MAX (ice.h) */
  size_t ice_server_count;
  uint32_t ice_transport_policy;  /* prtc_ice_transport_policy */
  /* beyond the W3C */
  uint32_t use_loopback;          /* 1: gather loopback addresses too. 0: only when there is no other address */
  uint32_t max_message_size;      /* bytes, at most PRTC_MAX_MESSAGE_SIZE_MOST; 0: PRTC_MAX_MESSAGE_SIZE_DEFAULT;
                                     PRTC_MAX_MESSAGE_SIZE_NONE: no limit */
  uint32_t send_queue_size;       /* bytes that may wait to be sent over all channels; 0: PRTC_SEND_QUEUE_DEFAULT */
  uint32_t mtu;                   /* bytes of UDP payload that the path surely takes, 576 to 16,376; 0: 1,200 */
  /* W3C certificates, each NUL-terminated PEM of a certificate and its private key (see prtc_certificate_parse and _print
   * in dtls.h). All are checked, the first is used, as in browsers. None: the endpoint's own, which its peers share. */
  const char *const *certificates;
  size_t certificate_count;
  uint32_t streaming_channels;    /* 1: channels that the other side opens are streaming ones (prtc_channel_config) */
  uint32_t ice_candidate_pool_size; /* W3C iceCandidatePoolSize, at most 255. There is one transport: 1 or more has its
                                       candidates
                                     gathered from the start, and told once there is a local description */
  uint32_t ice_lite;              /* 1: an ICE-lite agent (RFC 8445 section 2.5), for hosts with public addresses: host
                                     candidates alone, no checks of its own. Against another lite one a connection fails */
  uint32_t ice_pacing;            /* ms between new checks that are offered as a=ice-pacing (RFC 8839 section 5.5), at least
                                     5; the larger of both sides' counts, 50 for a side that says nothing; 0: 50 */
  uint32_t no_renomination;       /* 1: a=ice-options:renomination (draft-thatcher-ice-renomination) is not offered */
  uint32_t port_minimum, port_maximum; /* UDP ports to be used; both 0: the system's choice */
  const char *interface_filter;   /* which interfaces are used, by names with spaces between them: "eth0 wlan*" those alone,
                                     "!docker* !veth*" all others; NUL-terminated, or NULL */
  const char *address_filter;     /* which local addresses, likewise: "10.0.0.0/8 !10.1.0.0/16", "::/0" for IPv6 alone */
  const char *address_mappings;   /* 1:1 NAT, "10.0.0.2=203.0.113.2 10.0.0.3+203.0.113.3 *=203.0.113.4": the public address
                                     in place of the local one in host candidates (=), or beside it as a server-reflexive
                                     one (+); the first that fits counts, and * is any address of that family */
  uint32_t tcp_candidates;        /* prtc_tcp_candidates */
  uint32_t hide_addresses;        /* 1: the other side is told random ".local" names in place of the local addresses, as
                                     browsers do without permission for the camera (draft-ietf-mmusic-mdns-ice-candidates);
                                     they are answered for by multicast DNS on the links of this host. What STUN and TURN
                                     servers give is told as it is, without what is behind it. Statistics and events of this
                                     side show all */
  uint32_t always_negotiate_data; /* 1: every offer has a data section, whether a channel has been made or not */
  const char *trust_anchors;      /* PEM of the certificates that those of turns: servers must lead to; NULL: the system's,
                                     which the driver is asked for. NUL-terminated. SYNTAX when there is none in it */
  uint32_t insecure_tls;          /* 1: turns: servers may have any certificate. Whoever is on the way can then play the
                                     server */
  const char *ice_ufrag, *ice_password; /* of the first generation, in place of random ones: see prtc_ice_config; NULL, both */
  uint32_t ice_disconnect_timeout; /* ms without anything from the other side until `disconnected`; 0: 7,000 */
  uint32_t ice_consent_timeout;    /* ms without an answer until consent has expired (RFC 7675): `failed`; 0: 30,000 */
  uint32_t max_mtu;                /* bytes of UDP payload up to which larger datagrams than `mtu` are looked for, once there
                                      is much to send (path MTU discovery, RFC 8899), 576 to 16,376; 0: 16,376. Not above
                                      `mtu`: nothing is looked for, `mtu` is fixed */
} prtc_peer_config;

/* Sets a member by its name ("mtu", "interface_filter"), as bindings and command lines do: numbers as decimal text; texts
 * are borrowed as if they had been assigned. Servers and certificates have no such name. Errors: NOT_FOUND,
 * INVALID_ARGUMENT (no number). */
PRTC_API int prtc_peer_config_set(prtc_peer_config *config, const char *name, const char *value);

/* Makes a peer in `endpoint`. *out is set on success. Errors: INVALID_ARGUMENT, SYNTAX (a bad URL or
 * certificate), INVALID_ACCESS (a certificate that has expired, by the endpoint's wall clock; a TURN server without
 * credentials), NOT_SUPPORTED, NO_MEMORY. The peer belongs to the endpoint: it is freed with it, or before by
 * prtc_peer_free. */
PRTC_API int prtc_peer_new(prtc_endpoint *endpoint, prtc_time now, const prtc_peer_config *config, prtc_peer **out);

/* Why the last prtc_peer_new was refused, in a sentence; "" when it was not, or the code says all. Static storage. */
PRTC_API const char *prtc_endpoint_refusal(const prtc_endpoint *endpoint);

/* W3C setConfiguration (section 4.4.1.6). The ICE servers and the policy are those of the next gathering; where there has
 * been one, the next offer restarts ICE (RFC 9429 section 5.2.3.1). Nothing follows by itself: negotiate when it is to take
 * effect. Certificates: none, or the same texts as the peer was made with. Of the members beyond the W3C those that are 0
 * stay as they are; others may change before the first data channel or answer alone, ice_candidate_pool_size before
 * setLocalDescription. Errors: INVALID_MODIFICATION (what may not change), and those of prtc_peer_new. After an error
 * nothing has changed. */
PRTC_API int prtc_peer_set_configuration(prtc_peer *peer, prtc_time now, const prtc_peer_config *config);

/* Frees the peer at once and silently (see prtc_peer_close to say goodbye); its sockets are closed by requests. Those of
 * its events that were not fetched are dropped; those that were, in the array at hand, stay readable. NULL is allowed. */
PRTC_API void prtc_peer_free(prtc_peer *peer);

/* The id under which events name the peer. */
PRTC_API prtc_peer_id prtc_peer_get_id(const prtc_peer *peer);

/* The peer of an id, or NULL when it was freed. A binding keeps ids, not pointers. */
PRTC_API prtc_peer *prtc_endpoint_peer(prtc_endpoint *endpoint, prtc_peer_id id);

/* What the last command complained about, in a sentence ("line 12: a=setup: unknown role"); "" when it succeeded. Commands
 * are the functions that take a peer that is not const; those that only look say nothing, and leave it. Valid until the
 * next command. */
PRTC_API const char *prtc_peer_error_message(const prtc_peer *peer);

/* ---------------------------------------------------------------------------------------------------------- negotiation */

typedef struct prtc_offer_options {
  size_t size;
  uint32_t ice_restart; /* W3C iceRestart */
} prtc_offer_options;

/* Write SDP (RFC 9429 sections 5.2 and 5.3), NUL-terminated; return its length without the NUL. BUFFER_TOO_SMALL loses
 * nothing; 64 KiB are always enough. `options` may be NULL. */
PRTC_API int prtc_peer_create_offer(prtc_peer *peer, prtc_time now, const prtc_offer_options *options, char *out,
                                    size_t capacity);
PRTC_API int prtc_peer_create_answer(prtc_peer *peer, prtc_time now, char *out, size_t capacity);

/* Apply a description (RFC 9429 sections 5.5 to 5.11). For the local one, sdp may be NULL with size 0: the implicit offer
 * or answer of the W3C; the type may then be 0 as well, and follows from the signaling state. Errors: SYNTAX
 * (prtc_peer_error_message names line and reason), INVALID_STATE, INVALID_ACCESS, INVALID_MODIFICATION (a local description
 * that was changed), NOT_SUPPORTED. After an error nothing has changed. */
PRTC_API int prtc_peer_set_local_description(prtc_peer *peer, prtc_time now, prtc_sdp_type type, const char *sdp,
                                             size_t size);
PRTC_API int prtc_peer_set_remote_description(prtc_peer *peer, prtc_time now, prtc_sdp_type type, const char *sdp,
                                              size_t size);

/* W3C addIceCandidate. `candidate` is the candidate-attribute of RFC 8839 without "a=", "" or NULL for the end of
 * candidates. mid may be NULL when index is given and index -1 when mid is given; ufrag may be NULL. All texts
 * NUL-terminated. One with a `.local` name is looked for by multicast DNS and used when its address is found; with
 * another name it is refused. Candidates that polyrtc cannot use (of other components) are accepted and ignored. Errors:
 * INVALID_STATE (there is no remote description), INVALID_ARGUMENT (neither mid nor index), SYNTAX (a bad host name,
 * too), NOT_FOUND (the remote description has no such section, or none with this ufrag), QUEUE_FULL (more than 256
 * remote candidates, 64 of them with names that are still looked for, or more text than a description may have),
 * NO_MEMORY. */
PRTC_API int prtc_peer_add_ice_candidate(prtc_peer *peer, prtc_time now, const char *candidate, const char *mid, int index,
                                         const char *ufrag);

/* W3C restartIce: the next offer has new credentials; NEGOTIATION_NEEDED follows. */
PRTC_API int prtc_peer_restart_ice(prtc_peer *peer, prtc_time now);

/* Which description of a peer */
typedef enum prtc_description {
  PRTC_DESCRIPTION_LOCAL = 0, /* pending where there is one, else current */
  PRTC_DESCRIPTION_REMOTE,
  PRTC_DESCRIPTION_CURRENT_LOCAL,
  PRTC_DESCRIPTION_CURRENT_REMOTE,
  PRTC_DESCRIPTION_PENDING_LOCAL,
  PRTC_DESCRIPTION_PENDING_REMOTE
} prtc_description;

/* Writes the description, with the candidates known so far (W3C localDescription), and its type. Returns its length, 0 when
 * there is none (then *type is 0), BUFFER_TOO_SMALL. */
PRTC_API int prtc_peer_get_description(const prtc_peer *peer, prtc_description which, prtc_sdp_type *type, char *out,
                                       size_t capacity);

/* The states as last reported by an event. (The W3C state changes and fires its event in one task; so here the value read
 * is that of the last event fetched, and the two never disagree.) */
typedef struct prtc_peer_states {
  size_t size;
  uint32_t signaling;        /* prtc_signaling_state */
  uint32_t ice_gathering;    /* prtc_ice_gathering_state */
  uint32_t ice_connection;   /* prtc_ice_connection_state */
  uint32_t connection;       /* prtc_connection_state */
  uint32_t sctp_transport;   /* prtc_sctp_transport_state */
  uint32_t has_sctp;         /* 0: sctp_transport is of no meaning (W3C: pc.sctp is null) */
  uint32_t can_trickle;      /* canTrickleIceCandidates: 0 false, 1 true, 2 null */
  uint32_t max_message_size; /* what the other side accepts, bytes; UINT32_MAX: no limit */
  uint32_t max_channels;     /* 0: not known yet */
  uint32_t ice_role;         /* prtc_ice_role: unknown before the first answer. As it is now: no event tells of it */
} prtc_peer_states;

PRTC_API int prtc_peer_get_states(const prtc_peer *peer, prtc_peer_states *out);

/* W3C close: says goodbye (SCTP ABORT, DTLS close_notify) with the next `transmit`s, closes every channel, and ends in
 * CONNECTION_STATE_CHANGE closed. What was queued but not yet sent is dropped. Twice is harmless. */
PRTC_API int prtc_peer_close(prtc_peer *peer, prtc_time now);

/* -------------------------------------------------------------------------------------------------------- data channels */

/* W3C createDataChannel. *out is the channel's id, also before anything is connected: its upper 32 bits are the id of its
 * transport (`object` of that one's events), less 1. Errors: INVALID_ARGUMENT (with a
 * sentence in prtc_peer_error_message), OUT_OF_IDS, INVALID_STATE (closed). */
PRTC_API int prtc_peer_create_data_channel(prtc_peer *peer, prtc_time now, const prtc_channel_config *config,
                                           prtc_channel_id *out);

/* Queues a whole message; the bytes are copied. Errors: INVALID_STATE (not open), MESSAGE_TOO_LARGE (for the other side),
 * QUEUE_FULL (nothing was queued, the channel lives; the queue is that of all channels, so wait for BUFFERED_AMOUNT_LOW of
 * any that has something in it; a message of more than send_queue_size never fits), SYNTAX (text that is not UTF-8),
 * INVALID_ARGUMENT (another kind, or no bytes where there is a size), NOT_FOUND. */
PRTC_API int prtc_peer_send(prtc_peer *peer, prtc_time now, prtc_channel_id channel, prtc_message_kind kind,
                            const uint8_t *data, size_t size);

/* Messages of any size: queues a part of one, at most PRTC_STREAM_QUEUE bytes, which are copied. The first part begins a
 * message, and one with flags PRTC_MESSAGE_END (it may be empty) ends it; all are of one kind, and parts of a text are
 * UTF-8 each by itself. PRTC_MESSAGE_ABANDONED, without bytes, gives the message up: the other side gets no more of it (a
 * streaming reader is told, another never sees it); so does closing the channel. Until then no other message can be sent on
 * the channel. The last byte of what was given waits for the next part or the end.
 * Errors: AGAIN (the channel has PRTC_STREAM_QUEUE bytes to send, or the peer its send_queue_size, which the last part may
 * reach over; nothing was queued; BUFFERED_AMOUNT_LOW comes on the channel when half of that is free, whatever the
 * threshold), and those of prtc_peer_send. */
PRTC_API int prtc_peer_send_part(prtc_peer *peer, prtc_time now, prtc_channel_id channel, prtc_message_kind kind,
                                 const uint8_t *data, size_t size, uint32_t flags);

/* 1: messages that begin to arrive from now on are given in parts (CHANNEL_MESSAGE with PRTC_MESSAGE_… flags), as large as
 * they may be. A channel that the other side opened can be made a streaming one before its first message: no event follows
 * PRTC_EVENT_DATA_CHANNEL in one batch. */
PRTC_API int prtc_peer_set_channel_streaming(prtc_peer *peer, prtc_channel_id channel, int streaming);

/* 1: no messages of this peer are taken, nor what came after them on the association, until 0 is given again: so the other
 * side has to stop. Events of other kinds flow. For who reads parts more slowly than they come. */
PRTC_API int prtc_peer_pause_messages(prtc_peer *peer, int paused);

/* W3C close of a channel: what was queued is sent first (RFC 8831 section 6.7), then the stream is reset both ways. */
PRTC_API int prtc_peer_close_channel(prtc_peer *peer, prtc_time now, prtc_channel_id channel);

/* W3C bufferedAmountLowThreshold, bytes. */
PRTC_API int prtc_peer_set_buffered_amount_low_threshold(prtc_peer *peer, prtc_channel_id channel, uint64_t threshold);

/* Fills *out (as far as out->size goes). NOT_FOUND once CHANNEL_CLOSED was fetched and the next event call was made. */
PRTC_API int prtc_peer_channel_info(const prtc_peer *peer, prtc_channel_id channel, prtc_channel_info *out);

/* ------------------------------------------------------------------------------------------------- transports, security */

/* Writes "sha-256 AB:CD:…" of this peer's certificate; returns the length. */
PRTC_API int prtc_peer_get_fingerprint(prtc_peer *peer, char *out, size_t capacity);

/* W3C getRemoteCertificates: writes the other side's certificate, X.509 in DER; returns its size, 0 before the DTLS
 * transport was connected, BUFFER_TOO_SMALL. */
PRTC_API int prtc_peer_get_remote_certificate(const prtc_peer *peer, uint8_t *out, size_t capacity);

/* The selected pair of the first transport. Returns 1, or 0 when none is selected yet. */
PRTC_API int prtc_peer_get_selected_pair(const prtc_peer *peer, prtc_address *local, prtc_address *remote);

/* W3C getStats: writes a JSON array (RFC 8259), NUL-terminated, of the objects of W3C webrtc-stats that there are:
 * peer-connection, transport, candidate-pair, local-candidate, remote-candidate, certificate, data-channel; each with type,
 * id, timestamp and the standard's members under the standard's names and in its units. Timestamps are milliseconds since
 * 1970 (of the caller's clock when the endpoint has no wall clock). Ids stay the same from call to call. Counters only
 * grow, while their object is there. bytesSent and packetsSent of transports and pairs are those of DTLS datagrams; STUN is
 * counted apart. Returns its length or BUFFER_TOO_SMALL; 64 KiB hold some 100 channels and 100 candidate pairs. */
PRTC_API int prtc_peer_get_stats(const prtc_peer *peer, prtc_time now, char *out, size_t capacity);

PRTC_END_DECLS

#endif
