/* Reading SDP: lines, their order (RFC 8866 section 9), and what is not an attribute.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Two passes over a copy of the text: the first splits lines and counts, so that one allocation holds everything; the
 * second reads.
 */
#include <string.h>

#include "core/base/context.h"
#include "core/base/text.h"
#include "core/sdp/parser.h"

/* ------------------------------------------------------------------------------------------------------------- problems */

static int refuse(const struct prtc_sdp_parser *parser, prtc_sdp_problem *problem, const char *what, const char *why) {
  if (problem != NULL) {
    struct prtc_text text = prtc_text_of(problem->text, sizeof problem->text);
    problem->line = parser->line;
    if (parser->line > 0) prtc_text_print(&text, "line %u: ", (unsigned)parser->line);
    if (what[0] != '\0') prtc_text_print(&text, "%s: ", what);
    prtc_text_print(&text, "%s", why);
  }
  return PRTC_ERROR_SYNTAX;
}

/* ---------------------------------------------------------------------------------------------------------------- lines */

struct counts {
  size_t media, groups, attributes, fingerprints, texts;
};

static bool begins(const char *line, const char *prefix) { return strncmp(line, prefix, strlen(prefix)) == 0; }

static void count_line(struct counts *counts, const char *line) {
  if (line[0] == 'm') counts->media++;
  if (line[0] == 'b' || begins(line, "a=candidate:")) counts->texts++;
  if (begins(line, "a=group:")) counts->groups++;
  if (begins(line, "a=fingerprint:")) counts->fingerprints++;
  if (line[0] == 'a') counts->attributes++;
}

/* RFC 8866 section 9: any byte but NUL, CR and LF; and it is UTF-8 unless a=charset says otherwise, which nobody does. */
static const char *check_line(const char *line, size_t size) {
  if (size > PRTC_SDP_LINE_SIZE) return "the line is too long";
  if (size < 2 || line[0] < 'a' || line[0] > 'z' || line[1] != '=') return "not of the form <letter>=<value>";
  if (memchr(line, '\0', size) != NULL) return "a NUL byte";
  if (memchr(line, '\r', size) != NULL) return "a carriage return within the line";
  if (!prtc_is_utf8((const uint8_t *)line, size)) return "not UTF-8";
  return NULL;
}

/* Ends each line with NUL in place of LF (or CR LF), so that the second pass walks over NUL-terminated lines. */
static int split_lines(struct prtc_sdp_parser *parser, char *text, size_t size, struct counts *counts,
                       prtc_sdp_problem *problem) {
  for (size_t start = 0; start < size;) {
    const char *feed = memchr(text + start, '\n', size - start);
    size_t next = feed == NULL ? size : (size_t)(feed - text), end = next;
    if (end > start && text[end - 1] == '\r') end--;
    parser->line++;
    const char *why = check_line(text + start, end - start);
    if (why != NULL) return refuse(parser, problem, "", why);
    text[end] = text[next] = '\0'; /* the copy has room for one more byte than the text */
    count_line(counts, text + start);
    if (counts->media > PRTC_SDP_SECTIONS) return refuse(parser, problem, "m=", "too many m= lines");
    start = next + 1;
  }
  parser->line = 0;
  return PRTC_OK;
}

/* A split line ends with NUL, and with a second one where CR LF was. */
static char *next_line(char *line, const char *end) {
  line += strlen(line);
  while (line < end && *line == '\0') line++;
  return line;
}

/* --------------------------------------------------------------------------------------------------------------- fields */

char *prtc_sdp_cut(char **cursor) {
  char *start = *cursor;
  if (start == NULL || *start == '\0' || *start == ' ') return NULL;
  char *space = strchr(start, ' ');
  if (space != NULL) *space = '\0';
  *cursor = space == NULL ? NULL : space + 1;
  return start;
}

bool prtc_sdp_is_token(const char *text) {
  if (*text == '\0') return false;
  for (; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]", c) != NULL) return false;
  }
  return true;
}

/* "IN IP4 192.0.2.1" (nettype addrtype address); the text stays whole. */
static bool is_connection(const char *text) {
  size_t size, tokens = 0;
  while (prtc_sdp_next_token(&text, &size) != NULL) tokens++;
  return tokens == 3;
}

static const char *read_version(struct prtc_sdp_parser *parser, char *value) {
  (void)parser;
  return strcmp(value, "0") == 0 ? NULL : "the version is not 0";
}

static const char *read_origin(struct prtc_sdp_parser *parser, char *value) {
  prtc_sdp_session *session = &parser->document->session;
  char *username = prtc_sdp_cut(&value), *id = prtc_sdp_cut(&value), *version = prtc_sdp_cut(&value);
  if (version == NULL || value == NULL || !is_connection(value)) {
    return "not of the form <username> <id> <version> <nettype> <addrtype> <address>";
  }
  if (!prtc_parse_decimal(id, strlen(id), UINT64_MAX, &session->session_id)) return "the session id is not a number";
  if (!prtc_parse_decimal(version, strlen(version), UINT64_MAX, &session->session_version)) {
    return "the session version is not a number";
  }
  session->username = username;
  session->address = value;
  return NULL;
}

static const char *read_name(struct prtc_sdp_parser *parser, char *value) {
  parser->document->session.name = value;
  return value[0] == '\0' ? "the name is empty" : NULL;
}

static const char *read_connection(struct prtc_sdp_parser *parser, char *value) {
  if (!is_connection(value)) return "not of the form <nettype> <addrtype> <address>";
  if (parser->media->connection == NULL) parser->media->connection = value; /* more are for multicast */
  return NULL;
}

static const char *read_bandwidth(struct prtc_sdp_parser *parser, char *value) {
  char *colon = strchr(value, ':');
  uint64_t bandwidth;
  if (colon == NULL || !prtc_parse_decimal(colon + 1, strlen(colon + 1), UINT64_MAX, &bandwidth)) {
    return "not of the form <type>:<number>";
  }
  if (prtc_sdp_in_session(parser)) return NULL; /* RFC 9429 section 5.8.1 has no use for it */
  if (parser->media->bandwidth_count == 0) parser->media->bandwidths = parser->text_end;
  *parser->text_end++ = value;
  parser->media->bandwidth_count++;
  return NULL;
}

static void end_section(struct prtc_sdp_parser *parser);

/* m=<media> <port>[/<count>] <proto> <fmt> … */
static const char *read_media(struct prtc_sdp_parser *parser, char *value) {
  char *kind = prtc_sdp_cut(&value), *port = prtc_sdp_cut(&value), *protocol = prtc_sdp_cut(&value);
  uint64_t number, count = 0;
  size_t size;
  const char *formats = value;
  if (protocol == NULL || prtc_sdp_next_token(&formats, &size) == NULL) {
    return "not of the form <media> <port> <proto> <fmt> …";
  }
  char *slash = strchr(port, '/');
  if (slash != NULL) {
    *slash = '\0';
    if (!prtc_parse_decimal(slash + 1, strlen(slash + 1), UINT16_MAX, &count) || count == 0) {
      return "the number of ports is not a number from 1 to 65535";
    }
  }
  if (!prtc_parse_decimal(port, strlen(port), UINT16_MAX, &number)) return "the port is not a number up to 65535";
  if (!prtc_sdp_is_token(kind)) return "the media type is not a token";
  end_section(parser);
  prtc_sdp_media *media = parser->media_end++;
  media->line = parser->line;
  media->kind = kind;
  media->port = (uint16_t)number;
  media->port_count = (uint32_t)count;
  media->protocol = protocol;
  media->formats = value;
  parser->media = media;
  parser->document->session.media_count++;
  return NULL;
}

static const char *read_attribute_line(struct prtc_sdp_parser *parser, char *value) {
  char *colon = strchr(value, ':');
  if (colon != NULL) *colon = '\0';
  return prtc_sdp_read_attribute(parser, value, colon == NULL ? NULL : colon + 1);
}

/* ------------------------------------------------------------------------------------------------------------- sections */

/* What a section does not say holds as the session says it (RFC 8866 section 5.13, RFC 8839 section 5.4, RFC 8122 section
 * 5, RFC 8842 section 4). The password belongs to the ufrag. */
static void inherit(prtc_sdp_media *media, const prtc_sdp_media *defaults) {
  if (media->connection == NULL) media->connection = defaults->connection;
  if (media->direction == PRTC_SDP_DIRECTION_NONE) media->direction = defaults->direction;
  if (media->ice_ufrag == NULL && media->ice_pwd == NULL) {
    media->ice_ufrag = defaults->ice_ufrag;
    media->ice_pwd = defaults->ice_pwd;
  }
  if (media->ice_options == NULL) media->ice_options = defaults->ice_options;
  if (media->fingerprint_count == 0) {
    media->fingerprints = defaults->fingerprints;
    media->fingerprint_count = defaults->fingerprint_count;
  }
  if (media->setup == PRTC_SDP_SETUP_NONE) media->setup = defaults->setup;
  if (media->tls_id == NULL) media->tls_id = defaults->tls_id;
  if (defaults->end_of_candidates) media->end_of_candidates = 1;
}

static void end_section(struct prtc_sdp_parser *parser) {
  if (prtc_sdp_in_session(parser)) {
    parser->document->session.attributes = parser->defaults.attributes;
    parser->document->session.attribute_count = parser->defaults.attribute_count;
  } else {
    inherit(parser->media, &parser->defaults);
  }
  parser->seen = 0;
}

/* ---------------------------------------------------------------------------------------------------------------- order */

/* RFC 8866 section 9: letters in the order in which they come; those of equal rank may be mixed and repeated. */
struct field {
  char letter;
  uint32_t session_rank, media_rank; /* 0: not allowed there */
  bool once;
  const char *(*read)(struct prtc_sdp_parser *parser, char *value); /* NULL: of no use to us */
};

static const struct field fields[] = {
    {'v', 1, 0, true, read_version},     {'o', 2, 0, true, read_origin}, {'s', 3, 0, true, read_name},
    {'i', 4, 11, true, NULL},            {'u', 5, 0, true, NULL},        {'e', 6, 0, false, NULL},
    {'p', 6, 0, false, NULL},            {'c', 7, 12, false, read_connection},
    {'b', 8, 13, false, read_bandwidth}, {'t', 9, 0, false, NULL},       {'r', 9, 0, false, NULL},
    {'z', 9, 0, false, NULL},            {'k', 9, 14, false, NULL},      {'a', 9, 15, false, read_attribute_line},
    {'m', 10, 10, false, read_media},
};

static const struct field *find_field(char letter) {
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    if (fields[i].letter == letter) return &fields[i];
  }
  return NULL;
}

static bool is_ascii(const char *text, size_t size) {
  while (size > 0 && text[size - 1] > ' ' && text[size - 1] <= '~') size--;
  return size == 0;
}

static int read_line(struct prtc_sdp_parser *parser, char *line, prtc_sdp_problem *problem) {
  char what[64] = {line[0], '=', '\0'};
  const struct field *field = find_field(line[0]);
  if (field == NULL) return refuse(parser, problem, what, "unknown letter");
  if (parser->rank < 3 && field->session_rank != parser->rank + 1) {
    return refuse(parser, problem, what, "a description begins with v=, o= and s=");
  }
  uint32_t rank = prtc_sdp_in_session(parser) ? field->session_rank : field->media_rank;
  if (rank == 0 || (rank < parser->rank && field->letter != 'm') || (rank == parser->rank && field->once)) {
    return refuse(parser, problem, what, "not allowed here");
  }
  parser->rank = rank;
  if (field->read == NULL) return PRTC_OK;
  size_t name_size = strcspn(line + 2, ":");
  if (field->letter == 'a' && name_size < 48 && is_ascii(line + 2, name_size)) memcpy(what + 2, line + 2, name_size);
  const char *why = field->read(parser, line + 2);
  return why == NULL ? PRTC_OK : refuse(parser, problem, what, why);
}

/* -------------------------------------------------------------------------------------------------------------- results */

static struct prtc_sdp_document *make_document(struct prtc_sdp_parser *parser, prtc_context *context,
                                               const struct counts *counts, size_t text_size, char **text) {
  size_t size = sizeof(struct prtc_sdp_document) + counts->media * sizeof(prtc_sdp_media) +
                counts->groups * sizeof(prtc_sdp_group) + counts->attributes * sizeof(prtc_sdp_attribute) +
                counts->fingerprints * sizeof(prtc_sdp_fingerprint) + counts->texts * sizeof(char *) + text_size;
  struct prtc_sdp_document *document = prtc_allocate(context, size);
  if (document == NULL) return NULL;
  document->context = context;
  /* Every array holds pointers and 8-byte numbers, so each ends where the next may begin. */
  parser->media_end = (prtc_sdp_media *)(document + 1);
  parser->group_end = (prtc_sdp_group *)(parser->media_end + counts->media);
  parser->attribute_end = (prtc_sdp_attribute *)(parser->group_end + counts->groups);
  parser->fingerprint_end = (prtc_sdp_fingerprint *)(parser->attribute_end + counts->attributes);
  parser->text_end = (const char **)(parser->fingerprint_end + counts->fingerprints);
  *text = (char *)(parser->text_end + counts->texts);
  document->session.media = parser->media_end;
  document->session.groups = parser->group_end;
  parser->document = document;
  parser->media = &parser->defaults;
  return document;
}

/* RFC 5888 section 4: a mid names one section. */
static int check_mids(struct prtc_sdp_parser *parser, prtc_sdp_problem *problem) {
  const prtc_sdp_session *session = &parser->document->session;
  for (size_t i = 0; i < session->media_count; i++) {
    for (size_t k = 0; session->media[i].mid != NULL && k < i; k++) {
      if (session->media[k].mid == NULL || strcmp(session->media[i].mid, session->media[k].mid) != 0) continue;
      parser->line = session->media[i].line;
      return refuse(parser, problem, "a=mid", "the same mid names two sections");
    }
  }
  return PRTC_OK;
}

static int read_document(struct prtc_sdp_parser *parser, char *text, const char *end, prtc_sdp_problem *problem) {
  bool timed = false;
  char *next;
  for (char *line = text; line < end; line = next) {
    next = next_line(line, end); /* before a reader cuts the line */
    parser->line++;
    if (line[0] == 't') timed = true;
    if (!timed && line[0] == 'm') return refuse(parser, problem, "", "t= is missing before the first m=");
    int result = read_line(parser, line, problem);
    if (result < 0) return result;
  }
  if (!timed) {
    parser->line = 0;
    return refuse(parser, problem, "", parser->rank < 3 ? "a description begins with v=, o= and s=" : "t= is missing");
  }
  end_section(parser);
  return check_mids(parser, problem);
}

int prtc_sdp_parse(prtc_context *context, const char *text, size_t size, prtc_sdp_session **out,
                   prtc_sdp_problem *problem) {
  struct prtc_sdp_parser parser = {0};
  struct counts counts = {0};
  if (problem != NULL) memset(problem, 0, sizeof *problem);
  while (text != NULL && size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) size--; /* also empty lines */
  if (text == NULL || size == 0) return refuse(&parser, problem, "", "the description is empty");
  if (size > PRTC_SDP_SIZE) return refuse(&parser, problem, "", "the description is larger than 64 KiB");
  char *lines = prtc_allocate(context, size + 1);
  if (lines == NULL) return PRTC_ERROR_NO_MEMORY;
  memcpy(lines, text, size);
  int result = split_lines(&parser, lines, size, &counts, problem);
  char *copy;
  struct prtc_sdp_document *document = NULL;
  if (result == PRTC_OK) {
    document = make_document(&parser, context, &counts, size + 1, &copy);
    result = document == NULL ? PRTC_ERROR_NO_MEMORY : PRTC_OK;
  }
  if (result == PRTC_OK) {
    memcpy(copy, lines, size + 1);
    result = read_document(&parser, copy, copy + size, problem);
  }
  prtc_release(context, lines);
  if (result == PRTC_OK) {
    *out = &document->session;
  } else if (document != NULL) {
    prtc_release(context, document);
  }
  return result;
}

void prtc_sdp_free(prtc_sdp_session *session) {
  if (session == NULL) return;
  struct prtc_sdp_document *document = (struct prtc_sdp_document *)(void *)session;
  prtc_release(document->context, document);
}
