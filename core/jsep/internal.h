/* What the files of this folder share.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_JSEP_INTERNAL_H
#define PRTC_JSEP_INTERNAL_H

#include "core/jsep/jsep.h"

struct description {
  prtc_sdp_type type;
  prtc_sdp_session *session; /* parsed from `text` */
  char *text;                /* as it was given, NUL-terminated; remote ones grow by what addIceCandidate brings */
  size_t size;
};

/* The four descriptions of the W3C, section 4.4.1.1 */
enum slot { CURRENT_LOCAL, CURRENT_REMOTE, PENDING_LOCAL, PENDING_REMOTE, SLOTS };

struct slots {
  prtc_signaling_state state;
  struct description *at[SLOTS];
};

struct prtc_jsep {
  struct prtc_context *context;
  struct slots now, next; /* next: once what is prepared is committed */
  bool prepared;
  char *last_offer, *last_answer; /* W3C [[LastCreatedOffer]], [[LastCreatedAnswer]] */
  uint64_t session_id, session_version; /* of o=; the version is that of the last text made */
  char tls_id[25];        /* RFC 8842 section 4: of the DTLS association that is there, or of the next */
  prtc_sdp_setup setup;   /* our role in the association that is there; NONE: there is none */
  char error[256];
};

/* An offer with its answer */
struct pair {
  const struct description *local, *remote; /* both NULL: nothing is negotiated */
};

int prtc_jsep_fail(struct prtc_jsep *jsep, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The texts becomes a description, parsed. SYNTAX is explained in jsep->error. */
int prtc_jsep_new_description(struct prtc_jsep *jsep, prtc_sdp_type type, const char *sdp, size_t size,
                              struct description **out);
void prtc_jsep_free_description(struct prtc_jsep *jsep, struct description *description);

const struct description *prtc_jsep_latest(const struct slots *slots, enum slot current, enum slot pending);
struct pair prtc_jsep_get_pair(const struct slots *slots);

/* The section is in use: it has a port, or shares that of its BUNDLE group (RFC 9143 section 6). When the section at the
 * head of the group is rejected by the answer, the group lives on without it (section 7.3.2). */
bool prtc_jsep_is_live(const prtc_sdp_session *session, size_t index);

/* The section at the head of the BUNDLE group that has this mid (RFC 9143 section 7.2's tagged m= section): its index, or
 * -1. */
int prtc_jsep_find_tagged(const prtc_sdp_session *session, const char *mid);

/* The data section that is in use: its index, or -1. */
int prtc_jsep_find_data(const prtc_sdp_session *session);
/* The same in both of a pair */
int prtc_jsep_find_negotiated(struct pair pair);

/* Refuses a remote description that does not follow from what was said before, or lacks what a data section must have
 * (RFC 9429 sections 5.8 to 5.10). `next` is what would hold with it. */
int prtc_jsep_check_remote(struct prtc_jsep *jsep, const struct slots *next, const struct description *description);

#endif
