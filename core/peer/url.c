/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/peer/url.h"

#include <string.h>

#include <polyrtc/error.h>
#include <polyrtc/types.h>

#include "core/base/text.h"

static int refuse(const char **reason, const char *why) {
  *reason = why;
  return PRTC_ERROR_SYNTAX;
}

static const struct {
  const char *scheme;
  uint16_t port; /* RFC 7064 section 3.2, RFC 7065 section 3.2 */
  enum prtc_server_transport transport;
} schemes[] = {
    [PRTC_SERVER_STUN] = {"stun", 3478, PRTC_SERVER_UDP},
    [PRTC_SERVER_STUNS] = {"stuns", 5349, PRTC_SERVER_TCP},
    [PRTC_SERVER_TURN] = {"turn", 3478, PRTC_SERVER_UDP},
    [PRTC_SERVER_TURNS] = {"turns", 5349, PRTC_SERVER_TCP},
};

/* RFC 7065 section 3.1: "?transport=" is all that may follow, and only with turn and turns. */
static int parse_query(struct prtc_server_url *out, const char *query, const char **reason) {
  static const char name[] = "transport=";
  if (out->kind == PRTC_SERVER_STUN || out->kind == PRTC_SERVER_STUNS) return refuse(reason, "a stun URL has no query");
  if (strncmp(query, name, sizeof name - 1) != 0) return refuse(reason, "the query is not \"transport=…\"");
  const char *value = query + sizeof name - 1;
  if (prtc_text_equals(value, strlen(value), "udp")) {
    out->transport = PRTC_SERVER_UDP;
  } else if (prtc_text_equals(value, strlen(value), "tcp")) {
    out->transport = PRTC_SERVER_TCP;
  } else {
    return refuse(reason, "the transport is neither udp nor tcp");
  }
  return PRTC_OK;
}

static int parse_port(struct prtc_server_url *out, const char *text, size_t size, const char **reason) {
  uint64_t port;
  if (!prtc_parse_decimal(text, size, UINT16_MAX, &port) || port == 0) {
    return refuse(reason, "the port is not a number from 1 to 65535");
  }
  out->port = (uint16_t)port;
  return PRTC_OK;
}

static bool is_name(const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) {
    char c = text[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '-' && c != '.' && c != '_') return false;
  }
  return size > 0;
}

/* host [":" port]: `size` bytes */
static int parse_authority(struct prtc_server_url *out, const char *text, size_t size, const char **reason) {
  const char *host = text, *rest;
  size_t host_size;
  if (size > 0 && text[0] == '[') { /* RFC 3986 section 3.2.2: an IPv6 address */
    const char *end = memchr(text, ']', size);
    prtc_address address;
    if (end == NULL) return refuse(reason, "\"[\" without \"]\"");
    host = text + 1;
    host_size = (size_t)(end - host);
    if (prtc_address_parse(&address, host, host_size) != PRTC_OK || address.family != PRTC_FAMILY_IPV6) {
      return refuse(reason, "what is in brackets is not an IPv6 address");
    }
    rest = end + 1;
  } else {
    const char *colon = memchr(text, ':', size);
    host_size = colon == NULL ? size : (size_t)(colon - text);
    if (!is_name(host, host_size)) return refuse(reason, "the host is empty or has characters that no name has");
    rest = host + host_size;
  }
  if (host_size >= sizeof out->host) return refuse(reason, "the host is longer than 253 characters");
  memcpy(out->host, host, host_size);
  out->host[host_size] = '\0';
  size_t left = size - (size_t)(rest - text);
  if (left == 0) return PRTC_OK;
  if (rest[0] != ':') return refuse(reason, "something other than a port follows the host");
  return parse_port(out, rest + 1, left - 1, reason);
}

int prtc_server_url_parse(struct prtc_server_url *out, const char *url, const char **reason) {
  *out = (struct prtc_server_url){0};
  const char *colon = strchr(url, ':');
  if (colon == NULL) return refuse(reason, "the URL has no scheme");
  size_t kind = 0, kinds = sizeof schemes / sizeof schemes[0];
  while (kind < kinds && !prtc_text_equals(url, (size_t)(colon - url), schemes[kind].scheme)) kind++;
  if (kind == kinds) return refuse(reason, "the scheme is none of stun, stuns, turn and turns");
  out->kind = (enum prtc_server_kind)kind;
  out->transport = schemes[kind].transport;
  out->port = schemes[kind].port;
  const char *authority = colon + 1, *query = strchr(authority, '?');
  if (strncmp(authority, "//", 2) == 0) return refuse(reason, "there is no \"//\" in such a URL");
  size_t size = query == NULL ? strlen(authority) : (size_t)(query - authority);
  int result = parse_authority(out, authority, size, reason);
  if (result == PRTC_OK && query != NULL) result = parse_query(out, query + 1, reason);
  return result;
}
