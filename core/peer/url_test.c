/* Unit tests of ICE server URLs.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/base/testing.h"

#include <polyrtc/error.h>

#include "core/peer/url.h"

static void check(const char *url, enum prtc_server_kind kind, const char *host, int port,
                  enum prtc_server_transport transport) {
  struct prtc_server_url out;
  const char *reason = "";
  PRTC_CHECK_INT(prtc_server_url_parse(&out, url, &reason), PRTC_OK);
  PRTC_CHECK_TEXT(reason, "");
  PRTC_CHECK_INT(out.kind, kind);
  PRTC_CHECK_TEXT(out.host, host);
  PRTC_CHECK_INT(out.port, port);
  PRTC_CHECK_INT(out.transport, transport);
}

static void check_refused(const char *url, const char *sentence) {
  struct prtc_server_url out;
  const char *reason = "";
  PRTC_CHECK_INT(prtc_server_url_parse(&out, url, &reason), PRTC_ERROR_SYNTAX);
  PRTC_CHECK_TEXT(reason, sentence);
}

static void test_good(void) {
  check("stun:example.org", PRTC_SERVER_STUN, "example.org", 3478, PRTC_SERVER_UDP);
  check("STUN:example.org:19302", PRTC_SERVER_STUN, "example.org", 19302, PRTC_SERVER_UDP);
  check("stun:192.0.2.1:1", PRTC_SERVER_STUN, "192.0.2.1", 1, PRTC_SERVER_UDP);
  check("stun:[2001:db8::1]", PRTC_SERVER_STUN, "2001:db8::1", 3478, PRTC_SERVER_UDP);
  check("stun:[2001:db8::1]:65535", PRTC_SERVER_STUN, "2001:db8::1", 65535, PRTC_SERVER_UDP);
  check("stuns:example.org", PRTC_SERVER_STUNS, "example.org", 5349, PRTC_SERVER_TCP);
  check("turn:example.org", PRTC_SERVER_TURN, "example.org", 3478, PRTC_SERVER_UDP);
  check("turn:example.org:80?transport=tcp", PRTC_SERVER_TURN, "example.org", 80, PRTC_SERVER_TCP);
  check("turns:[::1]:443?transport=udp", PRTC_SERVER_TURNS, "::1", 443, PRTC_SERVER_UDP);
  check("turns:example.org", PRTC_SERVER_TURNS, "example.org", 5349, PRTC_SERVER_TCP);
}

static void test_bad(void) {
  check_refused("", "the URL has no scheme");
  check_refused("example.org", "the URL has no scheme");
  check_refused("http:example.org", "the scheme is none of stun, stuns, turn and turns");
  check_refused("stun://example.org", "there is no \"//\" in such a URL");
  check_refused("stun:", "the host is empty or has characters that no name has");
  check_refused("stun::3478", "the host is empty or has characters that no name has");
  check_refused("stun:exa mple", "the host is empty or has characters that no name has");
  check_refused("stun:user@example.org", "the host is empty or has characters that no name has");
  check_refused("stun:example.org:", "the port is not a number from 1 to 65535");
  check_refused("stun:example.org:0", "the port is not a number from 1 to 65535");
  check_refused("stun:example.org:65536", "the port is not a number from 1 to 65535");
  check_refused("stun:example.org:12a", "the port is not a number from 1 to 65535");
  check_refused("stun:2001:db8::1", "the port is not a number from 1 to 65535");
  check_refused("stun:[2001:db8::1", "\"[\" without \"]\"");
  check_refused("stun:[192.0.2.1]", "what is in brackets is not an IPv6 address");
  check_refused("stun:[::1]3478", "something other than a port follows the host");
  check_refused("stun:example.org?transport=udp", "a stun URL has no query");
  check_refused("turn:example.org?transport=sctp", "the transport is neither udp nor tcp");
  check_refused("turn:example.org?x=y", "the query is not \"transport=…\"");
}

static void test_long_host(void) {
  char url[300] = "stun:";
  memset(url + 5, 'a', 254);
  check_refused(url, "the host is longer than 253 characters");
  url[5 + 253] = '\0';
  check(url, PRTC_SERVER_STUN, url + 5, 3478, PRTC_SERVER_UDP);
}

int main(void) {
  PRTC_RUN(test_good);
  PRTC_RUN(test_bad);
  PRTC_RUN(test_long_host);
  return PRTC_TEST_RESULT();
}
