/* Candidate lines: round trips, what is accepted, what is refused.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <polyrtc/ice.h>

#include "core/base/testing.h"

static int parse(prtc_candidate *out, const char *text) { return prtc_candidate_parse(out, text, strlen(text)); }

static void round_trips(void) {
  static const char *const lines[] = {
      "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
      "candidate:+/a0 1 udp 1694498815 203.0.113.141 8998 typ srflx raddr 10.0.1.1 rport 8998",
      "candidate:3 256 udp 0 2001:db8::1 0 typ prflx raddr fe80::1 rport 65535 ufrag abcd",
      "candidate:4 2 udp 4294967295 192.0.2.1 65535 typ relay raddr 0.0.0.0 rport 0 ufrag a+b/",
      "candidate:5 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
      "candidate:5 1 tcp 1518280447 192.0.2.1 5000 typ host tcptype passive",
      "candidate:5 1 tcp 1518280447 192.0.2.1 5000 typ host tcptype so ufrag abcd",
      "candidate:6 1 udp 2113937151 0cb6b1a8-3b0e-4d53-b0f5-5ab03ccbd0b5.local 49170 typ host",
      "candidate:12345678901234567890123456789012 1 udp 1 ::1 1 typ host",
  };
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    prtc_candidate candidate;
    char text[PRTC_CANDIDATE_TEXT_SIZE];
    PRTC_CHECK_INT(parse(&candidate, lines[i]), 0);
    PRTC_CHECK_INT(prtc_candidate_print(&candidate, text, sizeof text), strlen(lines[i]));
    PRTC_CHECK_TEXT(text, lines[i]);
    for (size_t capacity = 0; capacity <= strlen(lines[i]); capacity++) {
      PRTC_CHECK_INT(prtc_candidate_print(&candidate, text, capacity), PRTC_ERROR_BUFFER_TOO_SMALL);
    }
  }
}

static void members(void) {
  prtc_candidate c;
  char text[PRTC_ADDRESS_TEXT_SIZE];
  /* as Chromium writes it */
  PRTC_REQUIRE(parse(&c, "a=candidate:842163049 1 UDP 1677729535 198.51.100.9 46154 typ srflx raddr 10.0.0.4 rport 46154 "
                         "generation 0 ufrag Xk3p network-id 1 network-cost 10\r\n") == 0);
  PRTC_CHECK_TEXT(c.foundation, "842163049");
  PRTC_CHECK_INT(c.component, 1);
  PRTC_CHECK_INT(c.protocol, PRTC_PROTOCOL_UDP);
  PRTC_CHECK_INT(c.priority, 1677729535);
  PRTC_CHECK_INT(c.type, PRTC_CANDIDATE_SERVER_REFLEXIVE);
  prtc_address_print(&c.address, text, sizeof text);
  PRTC_CHECK_TEXT(text, "198.51.100.9:46154");
  prtc_address_print(&c.related, text, sizeof text);
  PRTC_CHECK_TEXT(text, "10.0.0.4:46154");
  PRTC_CHECK_TEXT(c.ufrag, "Xk3p");
  PRTC_CHECK_TEXT(c.name, "");

  PRTC_REQUIRE(parse(&c, "candidate:0 1 UDP 2122187007 Aa-1.local 5000 typ host") == 0);
  PRTC_CHECK_TEXT(c.name, "Aa-1.local");
  PRTC_CHECK_INT(c.address.family, PRTC_FAMILY_NONE);
  PRTC_CHECK_INT(c.address.port, 5000);

  /* a related address that makes no sense is left out: nothing depends on it */
  PRTC_REQUIRE(parse(&c, "candidate:0 1 udp 1 192.0.2.1 5000 typ srflx raddr evil.example rport 1") == 0);
  PRTC_CHECK_INT(c.related.family, PRTC_FAMILY_NONE);
}

static void refused(void) {
  static const char *const lines[] = {
      "",
      "candidate:",
      "candidate",
      "candidate:1 1 udp",
      "candidate:1 1 udp 1 192.0.2.1 5000",
      "candidate:1 1 udp 1 192.0.2.1 5000 typ",
      "candidate:1 1 udp 1 192.0.2.1 5000 type host",
      "candidate: 1 udp 1 192.0.2.1 5000 typ host",
      "candidate:1 0 udp 1 192.0.2.1 5000 typ host",
      "candidate:1 257 udp 1 192.0.2.1 5000 typ host",
      "candidate:1 -1 udp 1 192.0.2.1 5000 typ host",
      "candidate:1 1 udp 4294967296 192.0.2.1 5000 typ host",
      "candidate:1 1 udp x 192.0.2.1 5000 typ host",
      "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
      "candidate:1 1 udp 1 192.0.2.1 -1 typ host",
      "candidate:1 1 udp 1 192.0.2.256 5000 typ host",
      "candidate:1 1 udp 1 192.0.2 5000 typ host",
      "candidate:1 1 udp 1 192.0.2.1:80 5000 typ host",
      "candidate:1 1 udp 1 [::1] 5000 typ host",
      "candidate:1 1 udp 1 1::2::3 5000 typ host",
      "candidate:1 1 udp 1 bad_name.local 5000 typ host",
      "candidate:1 1 udp 1 .local 5000 typ host",
      "candidate:1 1 udp 1 a..local 5000 typ host",
      "candidate:1 1 udp 1 local. 5000 typ host",
      "candidate:1 1 udp 1 192.0.2.1 5000 typ host generation",
      "candidate:1 1 udp 1 192.0.2.1 5000 typ host rport x",
      "candidate:1 1 udp 1 192.0.2.1 5000 typ host ufrag ab:d",
      "candidate:1 1 tcp 1 192.0.2.1 5000 typ host tcptype other",
      "candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 5000 typ host",
      "candidate:a=b 1 udp 1 192.0.2.1 5000 typ host",
      "candidate:1 1 udp 1 192.0.2.1 5000 typ host\nm=evil",
      "candidate:1\t1 udp 1 192.0.2.1 5000 typ host",
  };
  prtc_candidate candidate;
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    if (parse(&candidate, lines[i]) != PRTC_ERROR_SYNTAX) fprintf(stderr, "accepted: %s\n", lines[i]);
    PRTC_CHECK_INT(parse(&candidate, lines[i]), PRTC_ERROR_SYNTAX);
  }
  PRTC_CHECK_INT(parse(&candidate, "candidate:1 1 sctp 1 192.0.2.1 5000 typ host"), PRTC_ERROR_NOT_SUPPORTED);
  PRTC_CHECK_INT(parse(&candidate, "candidate:1 1 udp 1 192.0.2.1 5000 typ other"), PRTC_ERROR_NOT_SUPPORTED);
  static const char with_nul[] = "candidate:1 1 udp 1 192.0.2.1 5000 typ host\0 x y";
  PRTC_CHECK_INT(prtc_candidate_parse(&candidate, with_nul, sizeof with_nul - 1), PRTC_ERROR_SYNTAX);
}

/* The longest names and extensions, and every cut of a line: no read beyond the end. */
static void lengths(void) {
  static const char line[] =
      "candidate:842163049 1 tcp 1677729535 2001:db8::99 46154 typ srflx raddr 10.0.0.4 rport 46154 tcptype so ufrag Xk3p";
  prtc_candidate candidate;
  char text[2048];
  for (size_t size = 0; size < sizeof line; size++) {
    char *copy = malloc(size > 0 ? size : 1);
    PRTC_REQUIRE(copy != NULL);
    memcpy(copy, line, size);
    int code = prtc_candidate_parse(&candidate, copy, size);
    if (size < 65) PRTC_CHECK_INT(code == 0, 0);
    free(copy);
  }
  for (size_t length = 250; length < 260; length++) {
    char name[300];
    memset(name, 'a', sizeof name);
    memcpy(name + length - 6, ".local", 7);
    snprintf(text, sizeof text, "candidate:1 1 udp 1 %s 5000 typ host", name);
    PRTC_CHECK_INT(parse(&candidate, text), length <= 253 ? 0 : PRTC_ERROR_SYNTAX);
    memset(name, 'u', sizeof name);
    name[length] = '\0';
    snprintf(text, sizeof text, "candidate:1 1 udp 1 ::1 5000 typ host ufrag %s", name);
    PRTC_CHECK_INT(parse(&candidate, text), length <= 256 ? 0 : PRTC_ERROR_SYNTAX);
  }
}

int main(void) {
  PRTC_RUN(round_trips);
  PRTC_RUN(members);
  PRTC_RUN(refused);
  PRTC_RUN(lengths);
  return PRTC_TEST_RESULT();
}
