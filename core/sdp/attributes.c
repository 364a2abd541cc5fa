/* Reading SDP attributes: those that have a member of their own, in a table. All others are kept as they are.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/base/text.h"
#include "core/sdp/parser.h"

/* -------------------------------------------------------------------------------------------------------------- readers */

/* Each gets the value: NUL-terminated, not NULL unless the table says FLAG. */

static bool all_ice_chars(const char *text, size_t size) { /* RFC 8839 section 5.1 */
  for (size_t i = 0; i < size; i++) {
    char c = text[i];
    bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!alphanumeric && c != '+' && c != '/') return false;
  }
  return true;
}

static const char *read_ice_ufrag(struct prtc_sdp_parser *parser, char *value) { /* RFC 8839 section 5.4 */
  size_t size = strlen(value);
  parser->media->ice_ufrag = value;
  return size >= 4 && size <= 256 && all_ice_chars(value, size) ? NULL : "not 4 to 256 ice-chars";
}

static const char *read_ice_pwd(struct prtc_sdp_parser *parser, char *value) {
  size_t size = strlen(value);
  parser->media->ice_pwd = value;
  return size >= 22 && size <= 256 && all_ice_chars(value, size) ? NULL : "not 22 to 256 ice-chars";
}

static const char *read_ice_options(struct prtc_sdp_parser *parser, char *value) {
  if (parser->media->ice_options == NULL) parser->media->ice_options = value;
  return NULL;
}

static const char *read_ice_lite(struct prtc_sdp_parser *parser, char *value) {
  (void)value;
  parser->document->session.ice_lite = 1;
  return NULL;
}

static const char *read_ice_pacing(struct prtc_sdp_parser *parser, char *value) {
  uint64_t pacing;
  if (!prtc_parse_decimal(value, strlen(value), UINT32_MAX, &pacing)) return "not a number below 2^32";
  parser->document->session.ice_pacing = (uint32_t)pacing;
  return NULL;
}

static const char *read_end_of_candidates(struct prtc_sdp_parser *parser, char *value) {
  (void)value;
  parser->media->end_of_candidates = 1;
  return NULL;
}

static const char *read_candidate(struct prtc_sdp_parser *parser, char *value) {
  const char *why = prtc_sdp_check_candidate(value);
  if (why != NULL) return why;
  static const char name[] = "candidate"; /* the text given out begins with it: put the colon back */
  value[-1] = ':';
  if (parser->media->candidate_count == 0) parser->media->candidates = parser->text_end;
  *parser->text_end++ = value - sizeof name;
  parser->media->candidate_count++;
  return NULL;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/* "ab:cd:…" of `bytes` bytes (0: any number), made upper case. */
static bool read_hex_pairs(char *text, size_t bytes) {
  size_t size = strlen(text);
  if (size < 2 || (size + 1) % 3 != 0 || (bytes != 0 && (size + 1) / 3 != bytes)) return false;
  for (size_t i = 0; i < size; i++) {
    if (i % 3 == 2 ? text[i] != ':' : hex_digit(text[i]) < 0) return false;
    if (text[i] >= 'a' && text[i] <= 'f') text[i] = (char)(text[i] - 'a' + 'A');
  }
  return true;
}

static const char *read_fingerprint(struct prtc_sdp_parser *parser, char *value) { /* RFC 8122 section 5 */
  static const struct {
    const char *name;
    size_t bytes;
  } algorithms[] = {{"sha-1", 20}, {"sha-224", 28}, {"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};
  char *algorithm = prtc_sdp_cut(&value);
  if (algorithm == NULL || value == NULL || !prtc_sdp_is_token(algorithm)) return "not of the form <algorithm> <value>";
  for (char *c = algorithm; *c != '\0'; c++) {
    if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
  }
  size_t bytes = 0;
  for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
    if (strcmp(algorithm, algorithms[i].name) == 0) bytes = algorithms[i].bytes;
  }
  if (!read_hex_pairs(value, bytes)) return "the value is not hexadecimal pairs, or not of the algorithm's length";
  if (parser->media->fingerprint_count == 0) parser->media->fingerprints = parser->fingerprint_end;
  *parser->fingerprint_end++ = (prtc_sdp_fingerprint){.algorithm = algorithm, .value = value};
  parser->media->fingerprint_count++;
  return NULL;
}

static const char *read_setup(struct prtc_sdp_parser *parser, char *value) {
  if (strcmp(value, "actpass") == 0) {
    parser->media->setup = PRTC_SDP_SETUP_ACTPASS;
  } else if (strcmp(value, "active") == 0) {
    parser->media->setup = PRTC_SDP_SETUP_ACTIVE;
  } else if (strcmp(value, "passive") == 0) {
    parser->media->setup = PRTC_SDP_SETUP_PASSIVE;
  } else if (strcmp(value, "holdconn") == 0) {
    return "holdconn is not allowed with DTLS"; /* RFC 8842 section 5.1 */
  } else {
    return "unknown role";
  }
  return NULL;
}

static const char *read_tls_id(struct prtc_sdp_parser *parser, char *value) { /* RFC 8842 section 4 */
  parser->media->tls_id = value;
  size_t size = strlen(value);
  for (size_t i = 0; i < size; i++) {
    if (!all_ice_chars(&value[i], 1) && value[i] != '-' && value[i] != '_') return "a character that is not allowed";
  }
  return size >= 20 && size <= 255 ? NULL : "not 20 to 255 characters";
}

static const char *set_direction(struct prtc_sdp_parser *parser, prtc_sdp_direction direction) {
  if (parser->media->direction != PRTC_SDP_DIRECTION_NONE) return "a second direction";
  parser->media->direction = direction;
  return NULL;
}

static const char *read_sendrecv(struct prtc_sdp_parser *parser, char *value) {
  (void)value;
  return set_direction(parser, PRTC_SDP_DIRECTION_SENDRECV);
}

static const char *read_sendonly(struct prtc_sdp_parser *parser, char *value) {
  (void)value;
  return set_direction(parser, PRTC_SDP_DIRECTION_SENDONLY);
}

static const char *read_recvonly(struct prtc_sdp_parser *parser, char *value) {
  (void)value;
  return set_direction(parser, PRTC_SDP_DIRECTION_RECVONLY);
}

static const char *read_inactive(struct prtc_sdp_parser *parser, char *value) {
  (void)value;
  return set_direction(parser, PRTC_SDP_DIRECTION_INACTIVE);
}

static const char *read_group(struct prtc_sdp_parser *parser, char *value) { /* RFC 5888 section 5; it may be empty */
  char *semantics = prtc_sdp_cut(&value);
  if (semantics == NULL || !prtc_sdp_is_token(semantics)) return "not of the form <semantics> <mid> …";
  *parser->group_end++ = (prtc_sdp_group){.semantics = semantics, .mids = value == NULL ? "" : value};
  parser->document->session.group_count++;
  return NULL;
}

static const char *read_mid(struct prtc_sdp_parser *parser, char *value) {
  parser->media->mid = value;
  return prtc_sdp_is_token(value) && strlen(value) <= 256 ? NULL : "not a token of up to 256 characters";
}

static const char *read_bundle_only(struct prtc_sdp_parser *parser, char *value) {
  (void)value;
  parser->media->bundle_only = 1;
  return NULL;
}

static const char *read_sctp_port(struct prtc_sdp_parser *parser, char *value) { /* RFC 8841 section 5 */
  uint64_t port;
  if (!prtc_parse_decimal(value, strlen(value), UINT16_MAX, &port)) return "not a number up to 65535";
  parser->media->has_sctp_port = 1;
  parser->media->sctp_port = (uint16_t)port;
  return NULL;
}

/* draft-ietf-mmusic-sctp-sdp-05: "5000 webrtc-datachannel 1024", as old browsers and some stacks still send. */
static const char *read_sctpmap(struct prtc_sdp_parser *parser, char *value) {
  char *port = prtc_sdp_cut(&value), *application = prtc_sdp_cut(&value);
  uint64_t number, streams = 0;
  if (application == NULL) return "not of the form <port> <application> [<streams>]";
  if (!prtc_parse_decimal(port, strlen(port), UINT16_MAX, &number)) return "the port is not a number up to 65535";
  if (value != NULL && !prtc_parse_decimal(value, strlen(value), UINT16_MAX, &streams)) {
    return "the number of streams is not a number up to 65535";
  }
  if (strcmp(application, "webrtc-datachannel") != 0 || parser->media->has_sctp_port) return NULL;
  parser->media->has_sctp_port = 1;
  parser->media->sctp_port = (uint16_t)number;
  parser->media->sctp_streams = (uint32_t)streams;
  return NULL;
}

static const char *read_max_message_size(struct prtc_sdp_parser *parser, char *value) { /* RFC 8841 section 6 */
  if (!prtc_parse_decimal(value, strlen(value), UINT64_MAX, &parser->media->max_message_size)) return "not a number";
  parser->media->has_max_message_size = 1;
  return NULL;
}

/* ---------------------------------------------------------------------------------------------------------------- table */

enum { SESSION = 1, MEDIA = 2, FLAG = 4, ONCE = 8 }; /* where it counts; that it has no value; that it comes once */

static const struct {
  const char *name;
  unsigned rules;
  const char *(*read)(struct prtc_sdp_parser *parser, char *value);
} table[] = {
    {"ice-ufrag", SESSION | MEDIA | ONCE, read_ice_ufrag},
    {"ice-pwd", SESSION | MEDIA | ONCE, read_ice_pwd},
    {"ice-options", SESSION | MEDIA, read_ice_options},
    {"ice-lite", SESSION | FLAG, read_ice_lite},
    {"ice-pacing", SESSION | ONCE, read_ice_pacing},
    {"candidate", MEDIA, read_candidate},
    {"end-of-candidates", SESSION | MEDIA | FLAG, read_end_of_candidates},
    {"fingerprint", SESSION | MEDIA, read_fingerprint},
    {"setup", SESSION | MEDIA | ONCE, read_setup},
    {"tls-id", SESSION | MEDIA | ONCE, read_tls_id},
    {"sendrecv", SESSION | MEDIA | FLAG, read_sendrecv},
    {"sendonly", SESSION | MEDIA | FLAG, read_sendonly},
    {"recvonly", SESSION | MEDIA | FLAG, read_recvonly},
    {"inactive", SESSION | MEDIA | FLAG, read_inactive},
    {"group", SESSION, read_group},
    {"mid", MEDIA | ONCE, read_mid},
    {"bundle-only", MEDIA | FLAG, read_bundle_only},
    {"sctp-port", MEDIA | ONCE, read_sctp_port},
    {"sctpmap", MEDIA, read_sctpmap},
    {"max-message-size", MEDIA | ONCE, read_max_message_size},
};

/* RFC 8866 section 5.13: what is not known is ignored. It is kept, so that whoever knows more can find it. */
static const char *keep(struct prtc_sdp_parser *parser, const char *name, const char *value) {
  if (parser->media->attribute_count == 0) parser->media->attributes = parser->attribute_end;
  *parser->attribute_end++ = (prtc_sdp_attribute){.name = name, .value = value};
  parser->media->attribute_count++;
  return NULL;
}

const char *prtc_sdp_read_attribute(struct prtc_sdp_parser *parser, char *name, char *value) {
  if (!prtc_sdp_is_token(name)) return "the name is not a token";
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    if (strcmp(name, table[i].name) != 0) continue;
    if (!(table[i].rules & (prtc_sdp_in_session(parser) ? SESSION : MEDIA))) break;
    if ((table[i].rules & FLAG) && value != NULL) return "it takes no value";
    if (!(table[i].rules & FLAG) && value == NULL) return "it needs a value";
    if ((table[i].rules & ONCE) && (parser->seen >> i & 1) != 0) return "it is given twice";
    parser->seen |= UINT64_C(1) << i;
    return table[i].read(parser, value);
  }
  return keep(parser, name, value);
}
