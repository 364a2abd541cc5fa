/* Unit tests of reading and writing SDP.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/base/testing.h"

#include <polyrtc/sdp.h>

#define FINGERPRINT \
  "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99"
#define HEAD "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define DATA "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"

static prtc_context *context;

static prtc_sdp_session *parse(const char *text) {
  prtc_sdp_session *session = NULL;
  prtc_sdp_problem problem;
  int result = prtc_sdp_parse(context, text, strlen(text), &session, &problem);
  if (result < 0) fprintf(stderr, "%s\n", problem.text);
  PRTC_REQUIRE(result == PRTC_OK);
  return session;
}

/* Checks that a text is refused, with this sentence. */
static void check_refused_bytes(const char *text, size_t size, const char *sentence) {
  prtc_sdp_session *session = NULL;
  prtc_sdp_problem problem;
  PRTC_CHECK_INT(prtc_sdp_parse(context, text, size, &session, &problem), PRTC_ERROR_SYNTAX);
  PRTC_CHECK(session == NULL);
  PRTC_CHECK_TEXT(problem.text, sentence);
  prtc_sdp_free(session);
}

static void check_refused(const char *text, const char *sentence) { check_refused_bytes(text, strlen(text), sentence); }

static void check_prints(const char *text, const char *expected) {
  char out[4096];
  prtc_sdp_session *session = parse(text);
  PRTC_CHECK_INT(prtc_sdp_print(session, out, sizeof out), (int)strlen(expected));
  PRTC_CHECK_TEXT(out, expected);
  prtc_sdp_free(session);
}

/* ------------------------------------------------------------------------------------------------------------ documents */

static void test_data_section(void) {
  prtc_sdp_session *session = parse("v=0\n"
                                    "o=alice 4611731400430051336 3 IN IP6 ::1\n"
                                    "s= \n"
                                    "t=0 0\n"
                                    "a=group:BUNDLE 0\n"
                                    "a=msid-semantic: WMS\n"
                                    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n"
                                    "c=IN IP4 0.0.0.0\n"
                                    "b=AS:30\n"
                                    "a=candidate:1 1 udp 2113937151 192.0.2.1 54400 typ host generation 0\n"
                                    "a=candidate:2 1 tcp 1 192.0.2.1 9 typ host tcptype active\n"
                                    "a=end-of-candidates\n"
                                    "a=ice-ufrag:abcd\n"
                                    "a=ice-pwd:0123456789abcdefghijkl\n"
                                    "a=ice-options:trickle renomination\n"
                                    "a=fingerprint:SHA-256 " FINGERPRINT "\n"
                                    "a=setup:actpass\n"
                                    "a=mid:0\n"
                                    "a=sctp-port:5000\n"
                                    "a=max-message-size:262144\n"
                                    "a=x-new:thing:2\n");
  PRTC_CHECK_TEXT(session->username, "alice");
  PRTC_CHECK(session->session_id == UINT64_C(4611731400430051336));
  PRTC_CHECK_INT(session->session_version, 3);
  PRTC_CHECK_TEXT(session->address, "IN IP6 ::1");
  PRTC_CHECK_TEXT(session->name, " ");
  PRTC_REQUIRE(session->group_count == 1 && session->attribute_count == 1 && session->media_count == 1);
  PRTC_CHECK_TEXT(session->groups[0].semantics, "BUNDLE");
  PRTC_CHECK_TEXT(session->groups[0].mids, "0");
  PRTC_CHECK_TEXT(session->attributes[0].value, " WMS");
  const prtc_sdp_media *media = &session->media[0];
  PRTC_CHECK_INT(media->line, 7);
  PRTC_CHECK_TEXT(media->kind, "application");
  PRTC_CHECK_INT(media->port, 9);
  PRTC_CHECK_TEXT(media->protocol, "UDP/DTLS/SCTP");
  PRTC_CHECK_TEXT(media->formats, "webrtc-datachannel");
  PRTC_CHECK_INT(prtc_sdp_is_data(media), 1);
  PRTC_CHECK_TEXT(media->connection, "IN IP4 0.0.0.0");
  PRTC_REQUIRE(media->bandwidth_count == 1 && media->candidate_count == 2 && media->fingerprint_count == 1);
  PRTC_CHECK_TEXT(media->bandwidths[0], "AS:30");
  PRTC_CHECK_TEXT(media->candidates[0], "candidate:1 1 udp 2113937151 192.0.2.1 54400 typ host generation 0");
  PRTC_CHECK_TEXT(media->candidates[1], "candidate:2 1 tcp 1 192.0.2.1 9 typ host tcptype active");
  PRTC_CHECK_INT(media->end_of_candidates, 1);
  PRTC_CHECK_TEXT(media->ice_ufrag, "abcd");
  PRTC_CHECK_TEXT(media->ice_pwd, "0123456789abcdefghijkl");
  PRTC_CHECK_INT(prtc_sdp_has_token(media->ice_options, "trickle"), 1);
  PRTC_CHECK_INT(prtc_sdp_has_token(media->ice_options, "renom"), 0);
  PRTC_CHECK_TEXT(media->fingerprints[0].algorithm, "sha-256");
  PRTC_CHECK_TEXT(media->fingerprints[0].value, FINGERPRINT);
  PRTC_CHECK_INT(media->setup, PRTC_SDP_SETUP_ACTPASS);
  PRTC_CHECK_TEXT(media->mid, "0");
  PRTC_CHECK_INT(media->has_sctp_port, 1);
  PRTC_CHECK_INT(media->sctp_port, 5000);
  PRTC_CHECK_INT(media->max_message_size, 262144);
  PRTC_CHECK_TEXT(prtc_sdp_find_attribute(media->attributes, media->attribute_count, "x-new"), "thing:2");
  PRTC_CHECK(prtc_sdp_find_attribute(media->attributes, media->attribute_count, "mid") == NULL);
  prtc_sdp_free(session);
}

static void test_session_level_is_inherited(void) {
  prtc_sdp_session *session = parse(HEAD "a=ice-ufrag:sess\r\n"
                                         "a=ice-pwd:0123456789abcdefghijkl\r\n"
                                         "a=ice-options:trickle\r\n"
                                         "a=fingerprint:sha-256 " FINGERPRINT "\r\n"
                                         "a=setup:active\r\n"
                                         "a=sendrecv\r\n" DATA "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\n"
                                         "a=ice-ufrag:mine\r\n"
                                         "a=ice-pwd:abcdefghijkl0123456789\r\n"
                                         "a=setup:passive\r\n"
                                         "a=inactive\r\n");
  PRTC_REQUIRE(session->media_count == 2);
  const prtc_sdp_media *data = &session->media[0], *audio = &session->media[1];
  PRTC_CHECK_TEXT(data->ice_ufrag, "sess");
  PRTC_CHECK_TEXT(data->ice_options, "trickle");
  PRTC_CHECK_INT(data->fingerprint_count, 1);
  PRTC_CHECK_INT(data->setup, PRTC_SDP_SETUP_ACTIVE);
  PRTC_CHECK_INT(data->direction, PRTC_SDP_DIRECTION_SENDRECV);
  PRTC_CHECK_TEXT(audio->ice_ufrag, "mine");
  PRTC_CHECK_TEXT(audio->ice_pwd, "abcdefghijkl0123456789");
  PRTC_CHECK_INT(audio->fingerprint_count, 1);
  PRTC_CHECK_INT(audio->setup, PRTC_SDP_SETUP_PASSIVE);
  PRTC_CHECK_INT(audio->direction, PRTC_SDP_DIRECTION_INACTIVE);
  PRTC_CHECK_TEXT(audio->formats, "111 0");
  prtc_sdp_free(session);
}

static void test_old_form_of_data(void) {
  const char *text = HEAD "m=application 9 DTLS/SCTP 5000\r\na=mid:data\r\na=sctpmap:5000 webrtc-datachannel 1024\r\n";
  prtc_sdp_session *session = parse(text);
  PRTC_CHECK_INT(prtc_sdp_is_data(&session->media[0]), 1);
  PRTC_CHECK_INT(session->media[0].sctp_port, 5000);
  PRTC_CHECK_INT(session->media[0].sctp_streams, 1024);
  prtc_sdp_free(session);
  check_prints(text, text);
}

static void test_printing_is_canonical(void) {
  /* The order, the line ends and the place of inherited attributes are ours. */
  const char *text = "v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\na=extmap-allow-mixed\na=setup:actpass\na=ice-lite\n"
                     "a=group:BUNDLE d\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\na=max-message-size:0\n"
                     "a=sctp-port:5000\n"
                     "a=bundle-only\na=x\na=mid:d\nm=video 1234/2 RTP/AVP 96\nb=AS:1\na=recvonly\n";
  check_prints(text, HEAD "a=group:BUNDLE d\r\na=ice-lite\r\na=extmap-allow-mixed\r\n"
                          "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=bundle-only\r\na=x\r\n"
                          "a=sctp-port:5000\r\na=max-message-size:0\r\na=setup:actpass\r\n"
                          "m=video 1234/2 RTP/AVP 96\r\nb=AS:1\r\na=recvonly\r\na=setup:actpass\r\n");
}

static void test_printing_needs_room(void) {
  char out[sizeof HEAD];
  prtc_sdp_session *session = parse(HEAD);
  PRTC_CHECK_INT(prtc_sdp_print(session, out, sizeof out - 1), PRTC_ERROR_BUFFER_TOO_SMALL);
  PRTC_CHECK_INT(prtc_sdp_print(session, out, sizeof out), (int)strlen(HEAD));
  PRTC_CHECK_TEXT(out, HEAD);
  prtc_sdp_free(session);
}

static void test_ignored_lines(void) {
  check_prints("v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\ni=info\nu=http://example\ne=a@b\np=1\nc=IN IP4 1.2.3.4\nb=CT:5\n"
               "t=1 2\nr=1 2 3\nt=3 4\nz=1 2\nk=prompt\na=x\nm=audio 9 RTP/AVP 0\ni=title\nk=clear:1\na=y\n\n\r\n",
               HEAD "a=x\r\nm=audio 9 RTP/AVP 0\r\nc=IN IP4 1.2.3.4\r\na=y\r\n");
}

/* ------------------------------------------------------------------------------------------------------------- refusals */

static void test_bad_lines(void) {
  check_refused("", "the description is empty");
  check_refused("\r\n\r\n", "the description is empty");
  check_refused("v=0\r\n\r\no=- 1 2 IN IP4 127.0.0.1\r\n", "line 2: not of the form <letter>=<value>");
  check_refused("v=0\nnonsense", "line 2: not of the form <letter>=<value>");
  check_refused("v=0\nV=1", "line 2: not of the form <letter>=<value>");
  check_refused("v=0\no=- 1 2\rIN IP4 127.0.0.1", "line 2: a carriage return within the line");
  check_refused_bytes("v=0\ns=\0\n", 8, "line 2: a NUL byte");
  check_refused("v=0\ns=\xff", "line 2: not UTF-8");
}

static void test_bad_order(void) {
  check_refused("o=- 1 2 IN IP4 1.2.3.4\n", "line 1: o=: a description begins with v=, o= and s=");
  check_refused("v=0\n", "a description begins with v=, o= and s=");
  check_refused("v=1\n", "line 1: v=: the version is not 0");
  check_refused("v=0\no=- 1 2 IN IP4 1.2.3.4\ns=-\n", "t= is missing");
  check_refused("v=0\no=- 1 2 IN IP4 1.2.3.4\ns=-\nm=audio 9 RTP/AVP 0", "line 4: t= is missing before the first m=");
  check_refused(HEAD "v=0\r\n", "line 5: v=: not allowed here");
  check_refused(HEAD "c=IN IP4 1.2.3.4\r\n", "line 5: c=: not allowed here");
  check_refused(HEAD "y=1\r\n", "line 5: y=: unknown letter");
  check_refused(HEAD DATA "a=x\r\nc=IN IP4 1.2.3.4\r\n", "line 7: c=: not allowed here");
  check_refused(HEAD DATA "t=0 0\r\n", "line 6: t=: not allowed here");
}

static void test_bad_fields(void) {
  check_refused("v=0\no=- 1 IN IP4 1.2.3.4",
                "line 2: o=: not of the form <username> <id> <version> <nettype> <addrtype> <address>");
  check_refused("v=0\no=- x 1 IN IP4 1.2.3.4", "line 2: o=: the session id is not a number");
  check_refused("v=0\no=- 1 -1 IN IP4 1.2.3.4", "line 2: o=: the session version is not a number");
  check_refused("v=0\no=- 1 1 IN IP4 1.2.3.4\ns=", "line 3: s=: the name is empty");
  check_refused(HEAD "m=audio 70000 RTP/AVP 0", "line 5: m=: the port is not a number up to 65535");
  check_refused(HEAD "m=audio 1/0 RTP/AVP 0", "line 5: m=: the number of ports is not a number from 1 to 65535");
  check_refused(HEAD "m=audio 9 RTP/AVP", "line 5: m=: not of the form <media> <port> <proto> <fmt> …");
  check_refused(HEAD "m=audio 9 RTP/AVP ", "line 5: m=: not of the form <media> <port> <proto> <fmt> …");
  check_refused(HEAD DATA "c=IN", "line 6: c=: not of the form <nettype> <addrtype> <address>");
  check_refused(HEAD DATA "b=AS", "line 6: b=: not of the form <type>:<number>");
}

static void test_bad_attributes(void) {
  static const struct {
    const char *line, *sentence;
  } cases[] = {
      {"a=:x", "line 6: a=: the name is not a token"},
      {"a=a b", "line 6: a=: the name is not a token"},
      {"a=setup:server", "line 6: a=setup: unknown role"},
      {"a=setup:holdconn", "line 6: a=setup: holdconn is not allowed with DTLS"},
      {"a=setup", "line 6: a=setup: it needs a value"},
      {"a=setup:active\na=setup:active", "line 7: a=setup: it is given twice"},
      {"a=inactive:1", "line 6: a=inactive: it takes no value"},
      {"a=inactive\na=sendrecv", "line 7: a=sendrecv: a second direction"},
      {"a=ice-ufrag:abc", "line 6: a=ice-ufrag: not 4 to 256 ice-chars"},
      {"a=ice-ufrag:ab cd", "line 6: a=ice-ufrag: not 4 to 256 ice-chars"},
      {"a=ice-pwd:short", "line 6: a=ice-pwd: not 22 to 256 ice-chars"},
      {"a=fingerprint:sha-256 AA:BB",
       "line 6: a=fingerprint: the value is not hexadecimal pairs, or not of the algorithm's length"},
      {"a=fingerprint:sha-256", "line 6: a=fingerprint: not of the form <algorithm> <value>"},
      {"a=fingerprint:other AA:B",
       "line 6: a=fingerprint: the value is not hexadecimal pairs, or not of the algorithm's length"},
      {"a=mid:", "line 6: a=mid: not a token of up to 256 characters"},
      {"a=sctp-port:70000", "line 6: a=sctp-port: not a number up to 65535"},
      {"a=sctp-port:+1", "line 6: a=sctp-port: not a number up to 65535"},
      {"a=max-message-size:x", "line 6: a=max-message-size: not a number"},
      {"a=sctpmap:5000", "line 6: a=sctpmap: not of the form <port> <application> [<streams>]"},
      {"a=tls-id:1", "line 6: a=tls-id: not 20 to 255 characters"},
      {"a=candidate:1 1 udp 1 1.2.3.4 5", "line 6: a=candidate: fewer than eight fields"},
      {"a=candidate:1 1 udp 1 1.2.3.4 5 is host", "line 6: a=candidate: the seventh field is not \"typ\""},
      {"a=candidate:1 1 udp x 1.2.3.4 5 typ host", "line 6: a=candidate: the priority is not a number below 2^32"},
      {"a=candidate:1 1 udp 1 1.2.3.4 5 typ host generation", "line 6: a=candidate: an extension without a value"},
      {"a=mid:1\nm=audio 0 RTP/AVP 0\na=mid:1", "line 7: a=mid: the same mid names two sections"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[1024];
    snprintf(text, sizeof text, "%s%s%s\r\n", HEAD, DATA, cases[i].line);
    check_refused(text, cases[i].sentence);
  }
}

static void test_unknown_is_kept(void) {
  /* Known names at the wrong level are unknown there (RFC 8866 section 5.13). */
  prtc_sdp_session *session = parse(HEAD "a=mid:1\r\na=mid:2\r\n" DATA "a=ice-lite\r\na=fingerprint:x-new AA\r\n");
  PRTC_CHECK_INT(session->attribute_count, 2);
  PRTC_CHECK_INT(session->ice_lite, 0);
  PRTC_CHECK_INT(session->media[0].attribute_count, 1);
  PRTC_CHECK_TEXT(session->media[0].fingerprints[0].algorithm, "x-new");
  prtc_sdp_free(session);
}

static void test_bounds(void) {
  size_t capacity = PRTC_SDP_SIZE + 2;
  char *text = malloc(capacity);
  PRTC_REQUIRE(text != NULL);
  memset(text, 'a', capacity);
  check_refused_bytes(text, PRTC_SDP_SIZE + 1, "the description is larger than 64 KiB");

  int size = snprintf(text, capacity, "%sa=x:", HEAD);
  memset(text + size, 'y', PRTC_SDP_LINE_SIZE - 4);
  prtc_sdp_session *session = NULL;
  PRTC_CHECK_INT(prtc_sdp_parse(context, text, (size_t)size + PRTC_SDP_LINE_SIZE - 4, &session, NULL), PRTC_OK);
  prtc_sdp_free(session);
  text[(size_t)size + PRTC_SDP_LINE_SIZE - 4] = 'y';
  check_refused_bytes(text, (size_t)size + PRTC_SDP_LINE_SIZE - 3, "line 5: the line is too long");

  size = snprintf(text, capacity, "%s", HEAD);
  for (unsigned i = 0; i < PRTC_SDP_SECTIONS; i++) {
    size += snprintf(text + size, capacity - (size_t)size, "m=audio 0 RTP/AVP 0\r\na=mid:%u\r\n", i);
  }
  session = parse(text);
  PRTC_CHECK_INT(session->media_count, PRTC_SDP_SECTIONS);
  prtc_sdp_free(session);
  snprintf(text + size, capacity - (size_t)size, "m=audio 0 RTP/AVP 0\r\n");
  check_refused(text, "line 517: m=: too many m= lines"); /* whatever follows: no room is made for it */
  free(text);
}

/* A description made by hand, without any parsing. */
static void test_filled_by_hand(void) {
  const char *const candidates[] = {"candidate:1 1 udp 1 192.0.2.1 9 typ host"};
  const prtc_sdp_fingerprint fingerprint = {"sha-256", FINGERPRINT};
  const prtc_sdp_media media = {.kind = "application", .port = 9, .protocol = "UDP/DTLS/SCTP",
                                .formats = "webrtc-datachannel", .connection = "IN IP4 0.0.0.0", .mid = "0",
                                .ice_ufrag = "abcd",
                                .ice_pwd = "0123456789abcdefghijkl", .ice_options = "trickle", .fingerprints = &fingerprint,
                                .fingerprint_count = 1, .setup = PRTC_SDP_SETUP_PASSIVE,
                                .has_sctp_port = 1, .sctp_port = 5000,
                                .candidates = candidates, .candidate_count = 1, .end_of_candidates = 1};
  const prtc_sdp_group group = {"BUNDLE", "0"};
  const prtc_sdp_session session = {.username = "-", .session_id = 1, .session_version = 2, .address = "IN IP4 127.0.0.1",
                                    .name = "-", .groups = &group, .group_count = 1, .media = &media, .media_count = 1};
  char out[2048];
  PRTC_CHECK(prtc_sdp_print(&session, out, sizeof out) > 0);
  PRTC_CHECK_TEXT(out, HEAD "a=group:BUNDLE 0\r\n" DATA "c=IN IP4 0.0.0.0\r\na=mid:0\r\na=sctp-port:5000\r\n"
                            "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n"
                            "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\na=ice-options:trickle\r\n"
                            "a=fingerprint:sha-256 " FINGERPRINT
                            "\r\na=setup:passive\r\n");
  check_prints(out, out);
}

static void test_tokens(void) {
  size_t size;
  const char *cursor = " ab  c";
  PRTC_CHECK(prtc_sdp_next_token(&cursor, &size) != NULL && size == 2);
  PRTC_CHECK(prtc_sdp_next_token(&cursor, &size) != NULL && size == 1);
  PRTC_CHECK(prtc_sdp_next_token(&cursor, &size) == NULL);
  cursor = NULL;
  PRTC_CHECK(prtc_sdp_next_token(&cursor, &size) == NULL);
  PRTC_CHECK_INT(prtc_sdp_has_token(NULL, "a"), 0);
  PRTC_CHECK_INT(prtc_sdp_has_token("aa a", "a"), 1);
}

static int parse_and_free(void *poor) {
  const char *text = HEAD DATA "a=mid:0\r\n";
  prtc_sdp_session *session = NULL;
  int result = prtc_sdp_parse(poor, text, strlen(text), &session, NULL);
  PRTC_CHECK((session != NULL) == (result == PRTC_OK));
  prtc_sdp_free(session);
  return result;
}

static void test_without_memory(void) {
  struct prtc_meter meter = {.left = -1};
  const prtc_allocator allocator = prtc_metered(&meter);
  prtc_context_config config;
  PRTC_INIT(&config);
  config.allocator = &allocator;
  prtc_context *poor = prtc_context_new(&config);
  PRTC_REQUIRE(poor != NULL);
  PRTC_CHECK(prtc_run_out_of_memory(&meter, parse_and_free, poor) > 0);
  prtc_context_free(poor);
}

int main(void) {
  prtc_context_config config;
  PRTC_INIT(&config);
  context = prtc_context_new(&config);
  PRTC_REQUIRE(context != NULL);
  PRTC_RUN(test_data_section);
  PRTC_RUN(test_session_level_is_inherited);
  PRTC_RUN(test_old_form_of_data);
  PRTC_RUN(test_printing_is_canonical);
  PRTC_RUN(test_printing_needs_room);
  PRTC_RUN(test_ignored_lines);
  PRTC_RUN(test_bad_lines);
  PRTC_RUN(test_bad_order);
  PRTC_RUN(test_bad_fields);
  PRTC_RUN(test_bad_attributes);
  PRTC_RUN(test_unknown_is_kept);
  PRTC_RUN(test_bounds);
  PRTC_RUN(test_filled_by_hand);
  PRTC_RUN(test_tokens);
  PRTC_RUN(test_without_memory);
  prtc_context_free(context);
  return PRTC_TEST_RESULT();
}
