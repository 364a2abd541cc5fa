/* What the files that read SDP share: where the reading is, and the room that was measured for what comes out.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_SDP_PARSER_H
#define PRTC_SDP_PARSER_H

#include <stdbool.h>

#include <polyrtc/sdp.h>

/* The result and all that it points to, in one allocation; `session` is what the caller sees. */
struct prtc_sdp_document {
  prtc_sdp_session session;
  prtc_context *context;
};

struct prtc_sdp_parser {
  struct prtc_sdp_document *document;
  /* The next free element of each array in the document's room. The elements of one section are neighbours. */
  prtc_sdp_media *media_end;
  prtc_sdp_group *group_end;
  prtc_sdp_attribute *attribute_end;
  prtc_sdp_fingerprint *fingerprint_end;
  const char **text_end; /* the bandwidths of a section, then its candidates */
  prtc_sdp_media *media; /* the section that is being read; `defaults` before the first m= */
  prtc_sdp_media defaults; /* attributes of the session that its sections inherit */
  uint64_t seen;           /* the attributes that came once in this section, by their place in the table */
  uint32_t line;           /* counted from 1 */
  uint32_t rank;           /* of the last line, in the order that RFC 8866 section 9 gives */
};

static inline bool prtc_sdp_in_session(const struct prtc_sdp_parser *parser) {
  return parser->media == &parser->defaults;
}

/* Takes the text up to the next space (or the end) off *cursor, as a text of its own; NULL at the end or when it is empty.
 * */
char *prtc_sdp_cut(char **cursor);

bool prtc_sdp_is_token(const char *text); /* RFC 8866 section 9 */

/* Readers change the line that they are given, and keep pointers into it. They return NULL, or why it is refused. */
const char *prtc_sdp_read_attribute(struct prtc_sdp_parser *parser, char *name, char *value);
const char *prtc_sdp_check_candidate(const char *value);

#endif
