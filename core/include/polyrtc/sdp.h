/* polyrtc/sdp.h: session descriptions as a building block (RFC 8866, with the attributes of RFC 9429).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A description is a plain struct of texts and numbers. prtc_sdp_parse makes one from text; a program may as well fill one
 * from texts of its own, without any allocation. prtc_sdp_print writes either. What was parsed prints in an order of ours,
 * and text that was printed parses and prints as itself.
 *
 * All texts are NUL-terminated; NULL is "absent". Members that count as lists of tokens ("111 9 0") are read with
 * prtc_sdp_next_token and prtc_sdp_has_token.
 */
#ifndef POLYRTC_SDP_H
#define POLYRTC_SDP_H

#include <polyrtc/error.h>
#include <polyrtc/types.h>

PRTC_BEGIN_DECLS

/* What is parsed: larger texts, longer lines and more m= sections are refused. Our own descriptions keep to it as well. */
#define PRTC_SDP_SIZE (64u * 1024)
#define PRTC_SDP_LINE_SIZE 8192u
#define PRTC_SDP_SECTIONS 256u

/* a=setup, RFC 4145 section 4 and RFC 8842 */
typedef enum prtc_sdp_setup {
  PRTC_SDP_SETUP_NONE = 0,
  PRTC_SDP_SETUP_ACTPASS,
  PRTC_SDP_SETUP_ACTIVE,
  PRTC_SDP_SETUP_PASSIVE
} prtc_sdp_setup;

/* RFC 8866 section 6.7 */
typedef enum prtc_sdp_direction {
  PRTC_SDP_DIRECTION_NONE = 0, /* not given, which means sendrecv */
  PRTC_SDP_DIRECTION_SENDRECV,
  PRTC_SDP_DIRECTION_SENDONLY,
  PRTC_SDP_DIRECTION_RECVONLY,
  PRTC_SDP_DIRECTION_INACTIVE
} prtc_sdp_direction;

/* a=fingerprint, RFC 8122 section 5: parsed ones have the algorithm in lower and the value in upper case, and a value of
 * the right length where the algorithm is one of SHA-1 and SHA-2. */
typedef struct prtc_sdp_fingerprint {
  const char *algorithm; /* "sha-256" */
  const char *value;     /* "AB:CD:…" */
} prtc_sdp_fingerprint;

/* a=group, RFC 5888 section 5 */
typedef struct prtc_sdp_group {
  const char *semantics; /* "BUNDLE" */
  const char *mids;      /* tokens */
} prtc_sdp_group;

/* An attribute that has no member of its own: kept as it was. */
typedef struct prtc_sdp_attribute {
  const char *name;
  const char *value; /* NULL: "a=name" without a colon */
} prtc_sdp_attribute;

/* An m= line and what belongs to it. Attributes that a description may give for all sections at once (those marked *) are
 * here in each section to which they apply, and are printed there. */
typedef struct prtc_sdp_media {
  uint32_t line;         /* where the m= line was in the text; 0: not parsed */
  const char *kind;      /* "application", "audio", "video" */
  uint16_t port;         /* 0: rejected, or bundle_only */
  uint32_t port_count;   /* 0: not given */
  const char *protocol;  /* "UDP/DTLS/SCTP" */
  const char *formats;   /* tokens: "webrtc-datachannel", "111 9 0" */
  const char *connection; /* * c= "IN IP4 0.0.0.0" */
  const char *const *bandwidths; /* b= "AS:30" */
  size_t bandwidth_count;

  const char *mid;       /* RFC 5888 */
  uint32_t direction;    /* * prtc_sdp_direction */
  uint32_t bundle_only;  /* RFC 9143 section 6 */

  const char *ice_ufrag; /* * RFC 8839 section 5.4, ice-chars of the right length */
  const char *ice_pwd;   /* * */
  const char *ice_options; /* * tokens: "trickle" (RFC 8838) */
  const char *const *candidates; /* "candidate:1 1 udp …", RFC 8839 section 5.1 */
  size_t candidate_count;
  uint32_t end_of_candidates; /* * RFC 8838 section 8.2 */

  const prtc_sdp_fingerprint *fingerprints; /* * */
  size_t fingerprint_count;
  uint32_t setup;        /* * prtc_sdp_setup */
  const char *tls_id;    /* * RFC 8842 section 4 */

  uint32_t has_sctp_port; /* RFC 8841 section 5. The older form ("m=application 9 DTLS/SCTP 5000" with a=sctpmap) is read */
  uint16_t sctp_port;     /* and written where the protocol is "DTLS/SCTP" */
  uint32_t sctp_streams;  /* of a=sctpmap; 0 otherwise */
  uint32_t has_max_message_size; /* RFC 8841 section 6 */
  uint64_t max_message_size;     /* bytes; 0: no limit */

  const prtc_sdp_attribute *attributes; /* all others, in order */
  size_t attribute_count;
} prtc_sdp_media;

typedef struct prtc_sdp_session {
  const char *username;     /* o=: "-" */
  uint64_t session_id;
  uint64_t session_version;
  const char *address;      /* "IN IP4 127.0.0.1" */
  const char *name;         /* s=: "-" */
  const prtc_sdp_group *groups;
  size_t group_count;
  uint32_t ice_lite;        /* RFC 8839 section 5.3 */
  uint32_t ice_pacing;      /* RFC 8839 section 5.5, ms; 0: not given */
  const prtc_sdp_attribute *attributes;
  size_t attribute_count;
  const prtc_sdp_media *media;
  size_t media_count;
} prtc_sdp_session;

/* Why a text was refused. */
typedef struct prtc_sdp_problem {
  uint32_t line;  /* counted from 1; 0: the text as a whole */
  char text[192]; /* "line 12: a=setup: unknown role", NUL-terminated */
} prtc_sdp_problem;

/* Reads a description; lines end with CRLF or LF. On success *out is the caller's to free. On SYNTAX, `problem` (which may
 * be NULL) says where and why. Texts that RFC 8866 or RFC 9429 section 5.8 tell to ignore (i= u= e= p= t= r= z= k=) are
 * checked for their place alone and not kept. */
PRTC_API int prtc_sdp_parse(prtc_context *context, const char *text, size_t size, prtc_sdp_session **out,
                            prtc_sdp_problem *problem);

/* Frees what prtc_sdp_parse made, with every text in it. NULL is allowed. */
PRTC_API void prtc_sdp_free(prtc_sdp_session *session);

/* Writes the description with CRLF, NUL-terminated; returns its length, or BUFFER_TOO_SMALL. What the program filled in is
 * not checked. */
PRTC_API int prtc_sdp_print(const prtc_sdp_session *session, char *out, size_t capacity);

/* Walks over tokens that are separated by spaces: returns the next token and its size, or NULL at the end. *cursor starts
 * as the list (NULL is an empty one). */
PRTC_API const char *prtc_sdp_next_token(const char **cursor, size_t *size);

/* 1 when `list` has the token, else 0. Both may be NULL. */
PRTC_API int prtc_sdp_has_token(const char *list, const char *token);

/* The value of the first attribute of that name: "" when it has none, NULL when there is no such attribute. */
PRTC_API const char *prtc_sdp_find_attribute(const prtc_sdp_attribute *attributes, size_t count, const char *name);

/* 1 when the section is for data channels (RFC 8841 section 4.4, or the older form), else 0. */
PRTC_API int prtc_sdp_is_data(const prtc_sdp_media *media);

PRTC_END_DECLS

#endif
