/* The peer's own state, shared by the files of this folder.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_PEER_STATE_H
#define PRTC_PEER_STATE_H

#include <stdbool.h>

#include <polyrtc/ice.h>
#include <polyrtc/peer.h>

#include "core/base/context.h"
#include "core/base/queue.h"
#include "core/jsep/jsep.h"
#include "core/peer/internal.h"
#include "core/peer/options.h"
#include "core/peer/url.h"
#include "core/transport/transport.h"

/* Local candidates that are kept for descriptions: more than sockets and servers can make. */
enum { MAX_LOCAL_CANDIDATES = 1024 };

/* Our own ufrags have 8 characters. */
enum { UFRAG_ROOM = 16 };

/* What the states are. What is told of them lags behind: an event for each change is in the queue. */
struct states {
  prtc_ice_transport_state ice;
  prtc_dtls_transport_state dtls;
  prtc_ice_gathering_state gathering;
  prtc_sctp_transport_state sctp;
  prtc_ice_connection_state ice_connection;
  prtc_connection_state connection;
};

/* What has been gathered in this generation, as descriptions need it. */
struct local_candidates {
  char **texts; /* "candidate:…" */
  size_t count, capacity;
  bool complete;
  int rank;              /* of the default candidate (RFC 8445 section 5.1.4): the larger the better; 0: there is none */
  uint16_t port;
  char connection[80];   /* "IN IP4 192.0.2.1" */
};

struct queued_event {
  prtc_event event;
  char *texts; /* one allocation that holds all that it points to; NULL when there is nothing */
};

/* RTCIceServer, with one URL. */
struct peer_server {
  struct prtc_server_url url;
  char *username, *credential; /* NULL but for TURN */
};

struct prtc_peer {
  struct prtc_peer_host host;
  struct prtc_context *context;
  struct prtc_peer_place *place;
  prtc_peer_id id;
  prtc_peer_config config; /* its servers are in `servers` */
  struct peer_server *servers;
  struct prtc_trust *trust; /* of the configuration's trust_anchors; NULL: the system's count */
  size_t server_count;
  bool servers_changed;          /* since the transport was told: it is when it gathers next */
  bool former_servers_changed;   /* the same before a restart that may be rolled back */
  uint64_t certificate_texts;    /* a hash of those of the configuration, in whatever order */
  char *texts[PRTC_PEER_TEXTS_MAX]; /* what the texts of the configuration point to */
  prtc_certificate *certificate; /* of the configuration, or the endpoint's; NULL before the latter is needed */

  struct prtc_jsep *jsep;
  struct prtc_transport *transport; /* made when first needed; NULL before, and after its section was rejected */
  uint32_t transport_id;            /* of the latest: they count from 1. It is also the upper half of its channels' ids,
                                       less 1 */
  struct prtc_transport *leaving;   /* the one before: it says goodbye, and what is still to be told of it */
  uint32_t leaving_id;
  bool leaving_is_told;
  struct local_candidates candidates;
  prtc_fingerprint fingerprint; /* of our certificate; known once there is a transport */

  prtc_ice_parameters next_ice; /* what the next description restarts ICE with, once it is applied */
  bool has_next_ice;
  bool ice_is_stale;            /* what ICE has now was in an offer that was rolled back, and will not be used */
  struct local_candidates former_candidates; /* from before a restart that may be rolled back, of former_ufrag */
  char former_ufrag[UFRAG_ROOM];             /* "" when there is no such restart */
  char to_replace[2][UFRAG_ROOM];            /* W3C [[LocalIceCredentialsToReplace]], by their ufrags; "" for none,
                                                  and then also in the second place */

  uint64_t former_opened, former_closed; /* channels of transports that have left, for the statistics */

  bool has_data;         /* a data channel has been made, and its section was not rejected since */
  bool negotiation_needed; /* W3C [[NegotiationNeeded]] */
  bool closed;           /* W3C [[IsClosed]] */
  bool closed_reported;
  bool messages_paused;
  bool one_by_one, ice_started; /* polyrtc/transport.h: there are no descriptions */
  uint32_t remote_max_message_size; /* 0: no limit */

  struct states now;
  prtc_peer_states reported;
  struct prtc_queue events; /* struct queued_event */
  char *event_texts;        /* what the event that was fetched last points to */
  bool event_lost;          /* for lack of memory; not told yet */
  char error[256];
};

/* A code with its sentence for prtc_peer_error_message; returns the code. */
int prtc_peer_fail(prtc_peer *peer, int code, const char *sentence);

/* Every command begins with this: INVALID_STATE when the peer is closed, the code of an endpoint that has failed.
 * *now becomes the latest time seen; NULL: the command has none. */
int prtc_peer_begin(prtc_peer *peer, prtc_time *now);

/* The same, of those that have to do with descriptions. */
int prtc_peer_begin_negotiation(prtc_peer *peer, prtc_time *now);

void prtc_peer_wake(prtc_peer *peer);

/* 0 and *out, which the caller releases; or an error, and why. */
int prtc_peer_read_certificate(prtc_peer *peer, const char *pem, prtc_certificate **out, const char **reason);
int prtc_peer_need_transport(prtc_peer *peer, prtc_time now);

/* The transport is about to gather: with the servers of the configuration as it is now. */
void prtc_peer_use_servers(prtc_peer *peer, prtc_time now);

/* The data section was rejected: its transport leaves with all its channels, the next one is made when it is needed. Who
 * has rejected it says no goodbye, which might overtake the answer. */
void prtc_peer_retire_transport(prtc_peer *peer, prtc_time now, bool goodbye);

/* The transport goes: what is counted of its channels stays. */
void prtc_peer_count_former(prtc_peer *peer);

/* The transport of a channel, NULL when there is none. */
struct prtc_transport *prtc_peer_transport_of(const prtc_peer *peer, prtc_channel_id channel);

/* prtc_ice_role */
uint32_t prtc_peer_ice_role(const prtc_peer *peer);

/* What goes into our descriptions now. `fingerprint` is where the result points to. */
struct prtc_jsep_local prtc_peer_local_side(const prtc_peer *peer, prtc_ice_parameters *ice,
                                            prtc_sdp_fingerprint *fingerprint);

/* Events. Texts are copied; any may be NULL. */
void prtc_peer_push(prtc_peer *peer, uint32_t type, uint32_t state, int code);
void prtc_peer_push_text(prtc_peer *peer, const prtc_event *event);
void prtc_peer_clear_events(prtc_peer *peer);

/* W3C section 4.7.3 "update the negotiation-needed flag" */
void prtc_peer_check_negotiation(prtc_peer *peer);

void prtc_peer_add_local_candidate(prtc_peer *peer, const prtc_candidate *candidate);
void prtc_peer_remove_local_candidate(prtc_peer *peer, const prtc_candidate *candidate);
void prtc_peer_forget_local_candidates(prtc_peer *peer, struct local_candidates *candidates);

/* The gathering state is set back, for there is no gathering any more. */
void prtc_peer_reset_gathering(prtc_peer *peer);
/* There is no transport: all states are new. */
void prtc_peer_reset_states(prtc_peer *peer);

#endif
