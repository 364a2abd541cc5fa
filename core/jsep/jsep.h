/* Offer and answer (RFC 9429) for data sections: the state machine over descriptions. It knows no transport: what a
 * description says of this side comes in as parameters, what it says of the other side is read from it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A description is taken in two steps. `prepare` checks it and works out what would hold afterwards; the caller then
 * changes its transport, which may fail; `commit` makes it hold and cannot fail. So an error leaves everything as it was.
 */
#ifndef PRTC_JSEP_JSEP_H
#define PRTC_JSEP_JSEP_H

#include <stdbool.h>

#include <polyrtc/peer.h>
#include <polyrtc/sdp.h>

struct prtc_context;
struct prtc_jsep;

/* What this side brings into its descriptions. */
struct prtc_jsep_local {
  const char *ufrag, *password;
  bool lite, renomination; /* a=ice-lite, a=ice-options:renomination */
  uint32_t pacing;         /* a=ice-pacing; 0: not written */
  const prtc_sdp_fingerprint *fingerprints;
  size_t fingerprint_count;
  uint16_t sctp_port;
  uint32_t max_message_size;
  bool wants_data; /* a data channel has been made */
  /* What has been gathered under `ufrag` */
  const char *const *candidates; /* "candidate:…" */
  size_t candidate_count;
  bool end_of_candidates;
  uint16_t port;          /* of the default candidate; 0: none yet */
  const char *connection; /* "IN IP4 192.0.2.1", of the default candidate */
};

struct prtc_jsep *prtc_jsep_new(struct prtc_context *context); /* NULL when memory is lacking */
void prtc_jsep_free(struct prtc_jsep *jsep);

/* Why the last call that failed did so; "" when it has nothing to add. Valid until the next call. */
const char *prtc_jsep_error(const struct prtc_jsep *jsep);

/* --------------------------------------------------------------------------------------------------------- descriptions */

/* Write SDP; the length, or INVALID_STATE, BUFFER_TOO_SMALL, NO_MEMORY. */
int prtc_jsep_create_offer(struct prtc_jsep *jsep, const struct prtc_jsep_local *local, char *out, size_t capacity);
int prtc_jsep_create_answer(struct prtc_jsep *jsep, const struct prtc_jsep_local *local, char *out, size_t capacity);

/* The type of the implicit description of setLocalDescription() (W3C section 4.4.2). */
prtc_sdp_type prtc_jsep_implicit_type(const struct prtc_jsep *jsep);

/* A local description must be the last one created (W3C): INVALID_MODIFICATION otherwise. sdp NULL: that last one itself.
 * Errors as prtc_peer_set_local_description and prtc_peer_set_remote_description. A remote offer while there is a local one
 * rolls that back (W3C section 4.4.1.5). */
int prtc_jsep_prepare_local(struct prtc_jsep *jsep, prtc_sdp_type type, const char *sdp, size_t size);
int prtc_jsep_prepare_remote(struct prtc_jsep *jsep, prtc_sdp_type type, const char *sdp, size_t size);
void prtc_jsep_commit(struct prtc_jsep *jsep);
void prtc_jsep_abandon(struct prtc_jsep *jsep);

/* After this every call is INVALID_STATE, and the signalling state closed. The descriptions stay readable. */
void prtc_jsep_close(struct prtc_jsep *jsep);

prtc_signaling_state prtc_jsep_get_signaling_state(const struct prtc_jsep *jsep);

/* Writes a description; local ones with the candidates of `local` in the sections of its ufrag. As
 * prtc_peer_get_description. */
int prtc_jsep_get_description(const struct prtc_jsep *jsep, prtc_description which, const struct prtc_jsep_local *local,
                              prtc_sdp_type *type, char *out, size_t capacity);

/* -------------------------------------------------------------------------------------------------------- what they say */

/* The data section, as it holds once what is prepared is committed (or now, when nothing is prepared). */
struct prtc_jsep_data {
  const prtc_sdp_media *asked; /* the section of the other side's offer that waits for an answer; NULL when there is none */
  bool described;   /* an offer of either side that is not answered yet has one, or it is negotiated: W3C pc.sctp is not
                       null */
  bool offered;     /* our latest description has one that is not rejected */
  bool negotiated;  /* there is an answer (or pranswer), and neither side rejects it: all below is set */
  bool initial;     /* it was not negotiated before */
  bool local_offer; /* this side made the offer */
  bool ice_restart; /* the other side's credentials differ from those negotiated before */
  size_t index;     /* of the m= section (set when offered) */
  const char *mid;  /* "" when the section has none (set when offered) */
  size_t head_index;    /* of the section under which our candidates are told: the one at the head of its BUNDLE group,
                           or */
  const char *head_mid; /* itself (set when offered) */
  const char *ufrag; /* ours (set when offered) */
  const prtc_sdp_media *remote; /* the other side's section, valid until the next call that changes anything */
  const prtc_sdp_media *sections; /* all of the other side: those that are bundled with it bring candidates for it */
  size_t section_count;
  bool remote_lite, remote_renomination;
  uint32_t remote_pacing;    /* 0: not given */
  prtc_sdp_setup setup;      /* of this side: ACTIVE or PASSIVE */
  uint16_t sctp_port;        /* of the other side */
  uint32_t max_message_size; /* what the other side takes, bytes; 0: no limit */
};
void prtc_jsep_get_data(const struct prtc_jsep *jsep, struct prtc_jsep_data *out);

/* The other side's pending offer has other ICE credentials than before: the answer needs new ones too (RFC 9429 section
 * 5.3.1). */
bool prtc_jsep_remote_restarts(const struct prtc_jsep *jsep);

/* W3C canTrickleIceCandidates: 0 false, 1 true, 2 null. */
uint32_t prtc_jsep_can_trickle(const struct prtc_jsep *jsep);

/* The two sections are on one transport (of a description, or of two generations of it). */
bool prtc_jsep_same_credentials(const prtc_sdp_media *a, const prtc_sdp_media *b);

/* The ufrag of the data section of our current description, where it is negotiated, or of the pending one; NULL when there
 * is none. */
const char *prtc_jsep_local_ufrag(const struct prtc_jsep *jsep, bool pending);

/* W3C section 4.7.3, the check for data and ICE restarts. wants_data: a channel was made that has no section yet. */
bool prtc_jsep_needs_negotiation(const struct prtc_jsep *jsep, bool wants_data, bool wants_restart);

/* W3C addIceCandidate: finds the section and writes the candidate into the remote description. `candidate` as
 * prtc_peer_add_ice_ candidate. 1: it belongs to the negotiated data section and its generation, hand it on; 0: it does not
 * (yet), and is found in `remote` of prtc_jsep_get_data once that is negotiated. Errors: INVALID_ARGUMENT, INVALID_STATE,
 * NOT_FOUND (W3C: OperationError), SYNTAX. */
int prtc_jsep_add_candidate(struct prtc_jsep *jsep, const char *candidate, const char *mid, int index, const char *ufrag);

#endif
