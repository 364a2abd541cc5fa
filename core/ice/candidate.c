/* Candidates as text: candidate-attribute of RFC 8839 section 5.1, with tcptype (RFC 6544 section 4.5) and the ufrag
 * extension of RFC 8838's users.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdbool.h>
#include <string.h>

#include <polyrtc/ice.h>

#include "core/base/text.h"
#include "core/ice/internal.h"

static const char *const type_names[] = {"host", "srflx", "prflx", "relay"};
static const char *const tcp_type_names[] = {"", "active", "passive", "so"};

/* ---------------------------------------------------------------------------------------------------------- reading */

struct token {
  const char *text;
  size_t size;
};

/* The next word between spaces; size 0 at the end. */
static struct token next_token(struct token *rest) {
  while (rest->size > 0 && rest->text[0] == ' ') rest->text++, rest->size--;
  struct token token = {rest->text, 0};
  while (token.size < rest->size && rest->text[token.size] != ' ') token.size++;
  rest->text += token.size;
  rest->size -= token.size;
  return token;
}

static bool skip_prefix(struct token *rest, const char *prefix) {
  size_t size = strlen(prefix);
  if (rest->size < size || !prtc_text_equals(rest->text, size, prefix)) return false;
  rest->text += size;
  rest->size -= size;
  return true;
}

bool prtc_ice_is_chars(const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) {
    char c = text[i];
    bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    if (!good) return false;
  }
  return true;
}

static bool copy_chars(char *out, size_t capacity, struct token token, size_t least) {
  if (token.size < least || token.size >= capacity || !prtc_ice_is_chars(token.text, token.size)) return false;
  memcpy(out, token.text, token.size);
  out[token.size] = '\0';
  return true;
}

static bool parse_number(struct token token, uint64_t maximum, uint32_t *out) {
  uint64_t value;
  if (!prtc_parse_decimal(token.text, token.size, maximum, &value)) return false;
  *out = (uint32_t)value;
  return true;
}

/* A host name: letters, digits, hyphens and dots, no empty label, and a last label that is no number (or it is a bad
 * address). */
static bool is_host_name(struct token token) {
  bool last_is_number = true, label_is_empty = true;
  if (token.size > 253) return false;
  for (size_t i = 0; i < token.size; i++) {
    char c = token.text[i];
    if (c == '.') {
      if (label_is_empty) return false;
      label_is_empty = last_is_number = true;
      continue;
    }
    bool digit = c >= '0' && c <= '9';
    if (!digit && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '-') return false;
    label_is_empty = false;
    last_is_number = last_is_number && digit;
  }
  return !label_is_empty && !last_is_number;
}

/* An address without a port: "192.0.2.1:5" and "[::1]" are none. */
static bool parse_ip(struct token token, uint32_t port, prtc_address *out) {
  prtc_address address;
  if (token.size == 0 || token.text[0] == '[') return false;
  if (prtc_address_parse(&address, token.text, token.size) != 0) return false;
  if (address.family == PRTC_FAMILY_IPV4 && memchr(token.text, ':', token.size) != NULL) return false;
  address.port = (uint16_t)port;
  *out = address;
  return true;
}

static bool find_name(const char *const *names, size_t count, struct token token, uint32_t *out) {
  for (size_t i = 0; i < count; i++) {
    if (!prtc_text_equals(token.text, token.size, names[i])) continue;
    *out = (uint32_t)i;
    return true;
  }
  return false;
}

/* The pairs of name and value after the type. */
static bool parse_extensions(prtc_candidate *candidate, struct token rest) {
  struct token related = {NULL, 0};
  uint32_t related_port = 0;
  for (;;) {
    struct token name = next_token(&rest), value = next_token(&rest);
    if (name.size == 0) break;
    if (value.size == 0) return false;
    if (prtc_text_equals(name.text, name.size, "raddr")) {
      related = value;
    } else if (prtc_text_equals(name.text, name.size, "rport")) {
      if (!parse_number(value, 65535, &related_port)) return false;
    } else if (prtc_text_equals(name.text, name.size, "tcptype")) {
      if (!find_name(tcp_type_names, 4, value, &candidate->tcp_type)) return false;
    } else if (prtc_text_equals(name.text, name.size, "ufrag")) {
      if (!copy_chars(candidate->ufrag, sizeof candidate->ufrag, value, 4)) return false;
    }
  }
  /* Only for people's information: one that is a name or is hidden does no harm. */
  if (!parse_ip(related, related_port, &candidate->related)) candidate->related = (prtc_address){0};
  return true;
}

int prtc_candidate_parse(prtc_candidate *out, const char *text, size_t size) {
  prtc_candidate candidate = {0};
  struct token rest = {text, size};
  uint32_t port;
  while (rest.size > 0 && memchr(" \r\n", rest.text[rest.size - 1], 3) != NULL) rest.size--;
  for (size_t i = 0; i < rest.size; i++) {
    if ((unsigned char)rest.text[i] < ' ') return PRTC_ERROR_SYNTAX;
  }
  skip_prefix(&rest, "a=");
  if (!skip_prefix(&rest, "candidate:")) return PRTC_ERROR_SYNTAX;
  if (!copy_chars(candidate.foundation, sizeof candidate.foundation, next_token(&rest), 1)) return PRTC_ERROR_SYNTAX;
  if (!parse_number(next_token(&rest), 256, &candidate.component) || candidate.component == 0) return PRTC_ERROR_SYNTAX;
  struct token transport = next_token(&rest);
  if (!parse_number(next_token(&rest), UINT32_MAX, &candidate.priority)) return PRTC_ERROR_SYNTAX;
  struct token address = next_token(&rest);
  if (!parse_number(next_token(&rest), 65535, &port)) return PRTC_ERROR_SYNTAX;
  if (!parse_ip(address, port, &candidate.address)) {
    if (!is_host_name(address)) return PRTC_ERROR_SYNTAX;
    memcpy(candidate.name, address.text, address.size);
    candidate.address.port = (uint16_t)port;
  }
  struct token typ = next_token(&rest), type = next_token(&rest);
  if (!prtc_text_equals(typ.text, typ.size, "typ") || type.size == 0) return PRTC_ERROR_SYNTAX;
  if (!parse_extensions(&candidate, rest)) return PRTC_ERROR_SYNTAX;
  if (prtc_text_equals(transport.text, transport.size, "udp")) {
    candidate.protocol = PRTC_PROTOCOL_UDP;
  } else if (prtc_text_equals(transport.text, transport.size, "tcp")) {
    candidate.protocol = PRTC_PROTOCOL_TCP;
  } else {
    return PRTC_ERROR_NOT_SUPPORTED;
  }
  if (!find_name(type_names, 4, type, &candidate.type)) return PRTC_ERROR_NOT_SUPPORTED;
  *out = candidate;
  return 0;
}

/* --------------------------------------------------------------------------------------------------------- printing */

static void print_ip(struct prtc_text *text, const prtc_address *address) {
  prtc_address bare = *address;
  char buffer[PRTC_ADDRESS_TEXT_SIZE];
  bare.scope = 0; /* a zone means nothing to others */
  if (prtc_address_print(&bare, buffer, sizeof buffer) < 0) return;
  char *colon = strrchr(buffer, ':');
  const char *start = buffer;
  if (colon != NULL) *colon = '\0';
  if (buffer[0] == '[') {
    buffer[strlen(buffer) - 1] = '\0';
    start++;
  }
  prtc_text_print(text, "%s", start);
}

int prtc_candidate_print(const prtc_candidate *candidate, char *out, size_t capacity) {
  struct prtc_text text = prtc_text_of(out, capacity);
  bool tcp = candidate->protocol == PRTC_PROTOCOL_TCP;
  if (candidate->type > PRTC_CANDIDATE_RELAYED || candidate->tcp_type > PRTC_TCP_SIMULTANEOUS_OPEN) {
    return PRTC_ERROR_INVALID_ARGUMENT;
  }
  prtc_text_print(&text, "candidate:%s %u %s %u ", candidate->foundation, candidate->component, tcp ? "tcp" : "udp",
                  candidate->priority);
  if (candidate->name[0] != '\0') {
    prtc_text_print(&text, "%s", candidate->name);
  } else {
    print_ip(&text, &candidate->address);
  }
  prtc_text_print(&text, " %u typ %s", candidate->address.port, type_names[candidate->type]);
  if (candidate->related.family != PRTC_FAMILY_NONE) {
    prtc_text_print(&text, " raddr ");
    print_ip(&text, &candidate->related);
    prtc_text_print(&text, " rport %u", candidate->related.port);
  }
  if (tcp && candidate->tcp_type != PRTC_TCP_NONE) {
    prtc_text_print(&text, " tcptype %s", tcp_type_names[candidate->tcp_type]);
  }
  if (candidate->ufrag[0] != '\0') prtc_text_print(&text, " ufrag %s", candidate->ufrag);
  return prtc_text_result(&text);
}
