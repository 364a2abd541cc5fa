/* Addresses as text: RFC 4291 section 2.2, printed as RFC 5952 asks. Written here because inet_pton is not C11 and reads
 * zones through the system.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdbool.h>
#include <string.h>

#include <polyrtc/error.h>

#include "core/base/text.h"

int prtc_address_equal(const prtc_address *a, const prtc_address *b) {
  return a->family == b->family && a->port == b->port && a->scope == b->scope && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static bool parse_ipv4(const char *text, size_t size, uint8_t out[4]) {
  size_t start = 0;
  for (int part = 0; part < 4; part++) {
    size_t end = start;
    while (end < size && text[end] != '.') end++;
    uint64_t value;
    if (end - start > 3 || !prtc_parse_decimal(text + start, end - start, 255, &value)) return false;
    if (end - start > 1 && text[start] == '0') return false; /* "010" is octal to some and decimal to others */
    out[part] = (uint8_t)value;
    if (part < 3 && end == size) return false;
    start = end + 1;
  }
  return start == size + 1;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static bool parse_ipv6(const char *text, size_t size, uint8_t out[16]) {
  uint8_t bytes[16] = {0};
  size_t filled = 0, gap = SIZE_MAX, i = 0;
  if (size >= 2 && text[0] == ':' && text[1] == ':') {
    gap = 0;
    i = 2;
  }
  while (i < size) {
    size_t end = i;
    unsigned value = 0;
    while (end < size && end - i < 5 && hex_digit(text[end]) >= 0) value = value << 4 | (unsigned)hex_digit(text[end++]);
    if (end < size && text[end] == '.') { /* the last 32 bits in dotted form */
      if (filled > 12 || !parse_ipv4(text + i, size - i, bytes + filled)) return false;
      filled += 4;
      i = size;
      break;
    }
    if (end == i || end - i > 4 || filled > 14) return false;
    bytes[filled++] = (uint8_t)(value >> 8);
    bytes[filled++] = (uint8_t)value;
    if (end == size) {
      i = size;
      break;
    }
    if (text[end] != ':') return false;
    i = end + 1;
    if (i == size) return false; /* a single colon at the end */
    if (text[i] == ':') {
      if (gap != SIZE_MAX) return false;
      gap = filled;
      i++;
    }
  }
  if (gap == SIZE_MAX ? filled != 16 : filled > 14) return false;
  memset(out, 0, 16);
  if (gap == SIZE_MAX) gap = filled;
  memcpy(out, bytes, gap);
  memcpy(out + 16 - (filled - gap), bytes + gap, filled - gap);
  return true;
}

static bool parse_ipv6_with_scope(const char *text, size_t size, prtc_address *out) {
  const char *percent = memchr(text, '%', size);
  uint64_t scope = 0;
  if (percent != NULL) {
    size_t length = (size_t)(percent - text);
    if (!prtc_parse_decimal(percent + 1, size - length - 1, UINT32_MAX, &scope)) return false;
    size = length;
  }
  out->family = PRTC_FAMILY_IPV6;
  out->scope = (uint32_t)scope;
  return parse_ipv6(text, size, out->ip);
}

int prtc_address_parse(prtc_address *out, const char *text, size_t size) {
  prtc_address address = {0};
  const char *port = NULL;
  bool good;
  if (size > 0 && text[0] == '[') {
    const char *bracket = memchr(text, ']', size);
    if (bracket == NULL) return PRTC_ERROR_INVALID_ARGUMENT;
    good = parse_ipv6_with_scope(text + 1, (size_t)(bracket - text) - 1, &address);
    if (bracket + 1 < text + size) {
      good = good && bracket[1] == ':';
      port = bracket + 2;
    }
  } else {
    const char *colon = memchr(text, ':', size);
    if (colon != NULL && memchr(colon + 1, ':', size - (size_t)(colon - text) - 1) != NULL) {
      good = parse_ipv6_with_scope(text, size, &address);
    } else {
      address.family = PRTC_FAMILY_IPV4;
      good = parse_ipv4(text, colon == NULL ? size : (size_t)(colon - text), address.ip);
      if (colon != NULL) port = colon + 1;
    }
  }
  uint64_t number = 0;
  if (!good || (port != NULL && !prtc_parse_decimal(port, (size_t)(text + size - port), 65535, &number))) {
    return PRTC_ERROR_INVALID_ARGUMENT;
  }
  address.port = (uint16_t)number;
  *out = address;
  return PRTC_OK;
}

static void print_ipv6(struct prtc_text *text, const uint8_t ip[16]) {
  unsigned groups[8];
  for (int i = 0; i < 8; i++) groups[i] = (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
  int gap = -1, gap_size = 1; /* RFC 5952 section 4.2: "::" for the longest run of two zeros or more, the first of equals */
  for (int i = 0; i < 8; i++) {
    int run = 0;
    while (i + run < 8 && groups[i + run] == 0) run++;
    if (run > gap_size) {
      gap = i;
      gap_size = run;
    }
    if (run > 0) i += run - 1;
  }
  for (int i = 0; i < 8; i++) {
    if (i == gap) {
      prtc_text_print(text, "::");
      i += gap_size - 1;
    } else {
      prtc_text_print(text, "%s%x", i > 0 && i != gap + gap_size ? ":" : "", groups[i]);
    }
  }
}

int prtc_address_print(const prtc_address *address, char *out, size_t capacity) {
  struct prtc_text text = prtc_text_of(out, capacity);
  if (address->family == PRTC_FAMILY_IPV4) {
    const uint8_t *ip = address->ip;
    prtc_text_print(&text, "%u.%u.%u.%u:%u", ip[0], ip[1], ip[2], ip[3], address->port);
  } else if (address->family == PRTC_FAMILY_IPV6) {
    prtc_text_print(&text, "[");
    print_ipv6(&text, address->ip);
    if (address->scope != 0) prtc_text_print(&text, "%%%u", address->scope);
    prtc_text_print(&text, "]:%u", address->port);
  } else {
    prtc_text_print(&text, "none");
  }
  return prtc_text_result(&text);
}
