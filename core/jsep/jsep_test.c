/* Unit tests of offer and answer.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/base/testing.h"

#include "core/jsep/jsep.h"
#include "core/jsep/offers_test.h"

#define ROOM 65536

static prtc_context *context;

static const prtc_sdp_fingerprint fingerprint = {"sha-256", OFFER_FINGERPRINT};

static struct prtc_jsep_local local_side(void) {
  return (struct prtc_jsep_local){.ufrag = "locl",
                                  .password = "localpasswordlocalpass",
                                  .fingerprints = &fingerprint,
                                  .fingerprint_count = 1,
                                  .sctp_port = 5000,
                                  .max_message_size = 262144,
                                  .wants_data = true};
}

static struct prtc_jsep *make(void) {
  struct prtc_jsep *jsep = prtc_jsep_new(context);
  PRTC_REQUIRE(jsep != NULL);
  return jsep;
}

static int set_local(struct prtc_jsep *jsep, prtc_sdp_type type, const char *sdp) {
  int result = prtc_jsep_prepare_local(jsep, type, sdp, sdp == NULL ? 0 : strlen(sdp));
  if (result == PRTC_OK) prtc_jsep_commit(jsep);
  return result;
}

static int set_remote(struct prtc_jsep *jsep, prtc_sdp_type type, const char *sdp) {
  int result = prtc_jsep_prepare_remote(jsep, type, sdp, sdp == NULL ? 0 : strlen(sdp));
  if (result == PRTC_OK) prtc_jsep_commit(jsep);
  return result;
}

static char *offer_of(struct prtc_jsep *jsep, const struct prtc_jsep_local *local) {
  static char text[ROOM];
  PRTC_REQUIRE(prtc_jsep_create_offer(jsep, local, text, ROOM) > 0);
  return text;
}

static char *answer_of(struct prtc_jsep *jsep, const struct prtc_jsep_local *local) {
  static char text[ROOM];
  PRTC_REQUIRE(prtc_jsep_create_answer(jsep, local, text, ROOM) > 0);
  return text;
}

static struct prtc_jsep_data data_of(const struct prtc_jsep *jsep) {
  struct prtc_jsep_data data;
  prtc_jsep_get_data(jsep, &data);
  return data;
}

/* A copy of `text` in which the first `from` is `to`. */
static const char *with(const char *text, const char *from, const char *to) {
  static char changed[2][ROOM];
  static int which;
  char *out = changed[which ^= 1];
  const char *place = strstr(text, from);
  PRTC_REQUIRE(place != NULL);
  snprintf(out, ROOM, "%.*s%s%s", (int)(place - text), text, to, place + strlen(from));
  return out;
}

#define CANDIDATE "candidate:1 1 udp 2113937151 192.0.2.1 54400 typ host"

#define CHECK_HAS(text, piece) PRTC_CHECK(strstr((text), (piece)) != NULL)
#define CHECK_LACKS(text, piece) PRTC_CHECK(strstr((text), (piece)) == NULL)

/* Offerer and answerer of ours, connected. */
static void negotiate(struct prtc_jsep *offerer, struct prtc_jsep *answerer, const struct prtc_jsep_local *a,
                      const struct prtc_jsep_local *b) {
  char *offer = offer_of(offerer, a);
  PRTC_CHECK_INT(set_local(offerer, PRTC_SDP_OFFER, offer), PRTC_OK);
  PRTC_CHECK_INT(set_remote(answerer, PRTC_SDP_OFFER, offer), PRTC_OK);
  char *answer = answer_of(answerer, b);
  PRTC_CHECK_INT(set_local(answerer, PRTC_SDP_ANSWER, answer), PRTC_OK);
  PRTC_CHECK_INT(set_remote(offerer, PRTC_SDP_ANSWER, answer), PRTC_OK);
}

/* ------------------------------------------------------------------------------------------------------ both directions */

static void test_offer_text(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  char *offer = offer_of(jsep, &local);
  PRTC_CHECK(strncmp(offer, "v=0\r\no=- ", 9) == 0);
  CHECK_HAS(offer, " 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
                   "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sctp-port:5000\r\n"
                   "a=max-message-size:262144\r\na=ice-ufrag:locl\r\na=ice-pwd:localpasswordlocalpass\r\n"
                   "a=ice-options:trickle ice2\r\na=fingerprint:sha-256 " OFFER_FINGERPRINT
                   "\r\na=tls-id:");
  prtc_jsep_free(jsep);
}

static void test_offer_without_data(void) {
  struct prtc_jsep *a = make(), *b = make();
  struct prtc_jsep_local local = local_side();
  local.wants_data = false;
  CHECK_LACKS(offer_of(a, &local), "m=");
  negotiate(a, b, &local, &local);
  PRTC_CHECK_INT(data_of(a).negotiated, 0);
  PRTC_CHECK_INT(data_of(b).offered, 0);
  prtc_jsep_free(a);
  prtc_jsep_free(b);
}

static void test_both_sides_ours(void) {
  struct prtc_jsep *a = make(), *b = make();
  struct prtc_jsep_local local_a = local_side(), local_b = local_side();
  local_b.ufrag = "bbbb";
  local_b.max_message_size = 1000;
  negotiate(a, b, &local_a, &local_b);
  PRTC_CHECK_INT(prtc_jsep_get_signaling_state(a), PRTC_SIGNALING_STABLE);
  PRTC_CHECK_INT(prtc_jsep_get_signaling_state(b), PRTC_SIGNALING_STABLE);
  struct prtc_jsep_data at_a = data_of(a), at_b = data_of(b);
  PRTC_CHECK(at_a.offered && at_a.negotiated && at_a.local_offer && !at_a.ice_restart && !at_a.remote_lite);
  PRTC_CHECK(at_b.offered && at_b.negotiated && !at_b.local_offer);
  PRTC_CHECK_TEXT(at_a.remote->ice_ufrag, "bbbb");
  PRTC_CHECK_TEXT(at_b.remote->ice_ufrag, "locl");
  PRTC_CHECK_INT(at_a.setup, PRTC_SDP_SETUP_PASSIVE); /* the answerer is active */
  PRTC_CHECK_INT(at_b.setup, PRTC_SDP_SETUP_ACTIVE);
  PRTC_CHECK_INT(at_a.max_message_size, 1000);
  PRTC_CHECK_INT(at_b.max_message_size, 262144);
  PRTC_CHECK_INT(prtc_jsep_can_trickle(a), 1);
  prtc_jsep_free(a);
  prtc_jsep_free(b);
}

static void test_offers_of_others(void) {
  static const struct {
    const char *name, *offer, *ufrag, *mid;
    uint32_t max_message_size, can_trickle;
    size_t index, candidates;
  } cases[] = {
      {"Chromium", OFFER_CHROMIUM, "4ZcD", "0", 262144, 1, 0, 0},
      {"Chromium with media", OFFER_CHROMIUM_MEDIA, "8hhY", "2", 262144, 1, 2, 0},
      {"Firefox", OFFER_FIREFOX, "ad1a5ee0", "0", 1073741823, 1, 0, 0},
      {"Firefox with candidates", OFFER_FIREFOX_CANDIDATES, "ad1a5ee0", "0", 1073741823, 1, 0, 3},
      {"aiortc", OFFER_AIORTC, "sXa2", "0", 65536, 0, 0, 2},
      {"pion", OFFER_PION, "EsAwBZCtByFrMfPp", "0", 1073741823, 0, 0, 2},
      {"libdatachannel", OFFER_LIBDATACHANNEL, "gKyy", "0", 262144, 1, 0, 0},
      {"str0m", OFFER_STR0M, "vFGs", "xfD", 262144, 1, 0, 1},
      {"webrtcbin", OFFER_WEBRTCBIN, "Y2Vb3x3nE2qW7w8zYgKPbDg9uK2qS6aT", "application0", 65536, 1, 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct prtc_jsep *jsep = make();
    struct prtc_jsep_local local = local_side();
    local.wants_data = false; /* no channel of ours is needed to accept theirs */
    int result = set_remote(jsep, PRTC_SDP_OFFER, cases[i].offer);
    if (result < 0) fprintf(stderr, "%s: %s\n", cases[i].name, prtc_jsep_error(jsep));
    PRTC_REQUIRE(result == PRTC_OK);
    PRTC_CHECK_INT(prtc_jsep_get_signaling_state(jsep), PRTC_SIGNALING_HAVE_REMOTE_OFFER);
    PRTC_CHECK_INT(prtc_jsep_can_trickle(jsep), cases[i].can_trickle);
    PRTC_CHECK(!data_of(jsep).offered && !data_of(jsep).negotiated);
    char *answer = answer_of(jsep, &local);
    PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer), PRTC_OK);
    struct prtc_jsep_data data = data_of(jsep);
    PRTC_REQUIRE(data.negotiated);
    PRTC_CHECK_TEXT(data.mid, cases[i].mid);
    PRTC_CHECK_INT(data.index, cases[i].index);
    PRTC_CHECK_TEXT(data.remote->ice_ufrag, cases[i].ufrag);
    PRTC_CHECK_TEXT(data.remote->fingerprints[0].value, OFFER_FINGERPRINT);
    PRTC_CHECK_INT(data.remote->candidate_count, cases[i].candidates);
    PRTC_CHECK_INT(data.max_message_size, cases[i].max_message_size);
    PRTC_CHECK_INT(data.sctp_port, 5000);
    PRTC_CHECK_INT(data.setup, PRTC_SDP_SETUP_ACTIVE);
    char group[64];
    /* With its carrier */
    snprintf(group, sizeof group, "a=group:BUNDLE %s%s\r\n", cases[i].index > 0 ? "0 " : "", cases[i].mid);
    CHECK_HAS(answer, group);
    prtc_jsep_free(jsep);
  }
}

static void test_old_form_is_echoed(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_AIORTC), PRTC_OK);
  char *answer = answer_of(jsep, &local);
  CHECK_HAS(answer, "m=application 9 DTLS/SCTP 5000\r\n");
  CHECK_HAS(answer, "a=sctpmap:5000 webrtc-datachannel 65535\r\n");
  prtc_jsep_free(jsep);
}

/* RFC 9429 section 5.3.1: in order, port 0, kind, protocol, formats and mid kept, out of the group. */
static void test_media_is_rejected(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  /* with a transport of its own: see test_bundle_only_behind_rejected */
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, with(OFFER_CHROMIUM_MEDIA, "ufrag:8hhY", "ufrag:8hhZ")), PRTC_OK);
  char *answer = answer_of(jsep, &local);
  CHECK_HAS(answer, "t=0 0\r\na=group:BUNDLE 2\r\n"
                    "m=audio 0 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=inactive\r\n"
                    "m=video 0 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=inactive\r\n"
                    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\n");
  prtc_jsep_free(jsep);
}

/* The section at the head of the group carries the data section: it is accepted, with nothing to send or to receive. */
static void check_max_bundle(const char *offer) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, offer), PRTC_OK);
  char *answer = answer_of(jsep, &local);
  CHECK_HAS(answer, "a=group:BUNDLE 0 2\r\n");
  CHECK_HAS(answer, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=inactive\r\n");
  CHECK_HAS(answer, "a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n");
  CHECK_HAS(answer, "m=video 0 ");
  CHECK_HAS(answer, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\n");
  CHECK_LACKS(answer, "a=bundle-only");
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer), PRTC_OK);
  struct prtc_jsep_data data = data_of(jsep);
  PRTC_CHECK(data.negotiated);
  PRTC_CHECK_TEXT(data.mid, "2");
  PRTC_CHECK_TEXT(data.head_mid, "0"); /* our candidates are told under this mid */
  PRTC_CHECK_TEXT(data.remote->ice_ufrag, "8hhY");
  PRTC_CHECK_TEXT(data.remote->ice_pwd, "asd88fgpdd777uzjYhagZgBv");
  PRTC_CHECK_INT(data.remote->fingerprint_count, 1);
  PRTC_CHECK_INT(data.setup, PRTC_SDP_SETUP_ACTIVE);
  /* The candidates of the transport come under the mid of the section that headed the group. */
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE, "0", 0, "8hhY"), 1);
  /* It stays so: in offers of ours, and in those that say it all again. */
  static char again[ROOM];
  snprintf(again, sizeof again, "%s", offer_of(jsep, &local));
  CHECK_HAS(again, "a=group:BUNDLE 0 2\r\n");
  CHECK_HAS(again, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
  CHECK_HAS(again, "a=rtpmap:111 opus/48000/2\r\n");
  const char *reoffer = with(offer, "BUNDLE 0 1 2", "BUNDLE 0 2");
  if (strstr(offer, "m=application 0") != NULL) reoffer = with(reoffer, "m=application 0", "m=application 9");
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, reoffer), PRTC_OK);
  CHECK_HAS(answer_of(jsep, &local), "a=group:BUNDLE 0 2\r\n");
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer_of(jsep, &local)), PRTC_OK);
  PRTC_CHECK(data_of(jsep).negotiated && !data_of(jsep).initial);
  /* and ends with what it carried */
  const char *without = with(reoffer, "m=application 9", "m=application 0");
  if (strstr(offer, "m=application 0") != NULL) without = with(without, "a=bundle-only\r\na=mid:2", "a=mid:2");
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, without), PRTC_OK);
  CHECK_HAS(answer_of(jsep, &local), "m=audio 0 ");
  CHECK_HAS(answer_of(jsep, &local), "a=group:BUNDLE\r\n");
  prtc_jsep_free(jsep);
}

static void test_bundle_only_behind_rejected(void) {
  check_max_bundle(OFFER_CHROMIUM_MAX_BUNDLE);
  /* as RFC 9143 section 7.1.3 has it: what is of the transport stands in the section at the head alone */
  static char bare[ROOM];
  snprintf(bare, sizeof bare, "%s", OFFER_CHROMIUM_MAX_BUNDLE);
  char *data = strstr(bare, "m=application"), *from = strstr(data, "a=ice-ufrag"), *to = strstr(data, "a=bundle-only");
  memmove(from, to, strlen(to) + 1);
  check_max_bundle(bare);
  check_max_bundle(OFFER_CHROMIUM_MEDIA); /* as Chromium writes it */
}

/* What is no payload type cannot be answered: the section is rejected, and the answer can be applied. */
static void test_bundle_head_with_a_bad_format(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  const char *offer =
      with(OFFER_CHROMIUM_MAX_BUNDLE, "m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 9 UDP/TLS/RTP/SAVPF 1111111111111111");
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, offer), PRTC_OK);
  char *answer = answer_of(jsep, &local);
  CHECK_HAS(answer, "m=audio 0 ");
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer), PRTC_OK);
  prtc_jsep_free(jsep);
}

/* Without a group, or without what its head would say, a section with port 0 is nothing. */
static void test_bundle_only_without_bundle(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, with(OFFER_CHROMIUM_MAX_BUNDLE, "BUNDLE 0 1 2", "BUNDLE 0 1")), PRTC_OK);
  CHECK_HAS(answer_of(jsep, &local), "m=application 0 ");
  prtc_jsep_free(jsep);
}

static void test_unbundled_and_without_mid(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  const char *offer = with(with(OFFER_CHROMIUM, "a=group:BUNDLE 0\r\n", ""), "a=mid:0\r\n", "");
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, offer), PRTC_OK);
  char *answer = answer_of(jsep, &local);
  CHECK_LACKS(answer, "a=group");
  CHECK_LACKS(answer, "a=mid");
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer), PRTC_OK);
  PRTC_CHECK(data_of(jsep).negotiated);
  PRTC_CHECK_TEXT(data_of(jsep).mid, "");
  prtc_jsep_free(jsep);
}

static void test_second_data_section_is_rejected(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  char offer[ROOM];
  snprintf(offer, sizeof offer, "%sm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:x\r\n", OFFER_CHROMIUM);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, offer), PRTC_OK);
  char *answer = answer_of(jsep, &local);
  CHECK_HAS(answer, "m=application 9 ");
  CHECK_HAS(answer, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:x\r\na=inactive\r\n");
  prtc_jsep_free(jsep);
}

/* ----------------------------------------------------------------------------------------------------------- DTLS roles */

static void check_role(const char *offered, const char *answered, prtc_sdp_setup role) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, with(OFFER_CHROMIUM, "a=setup:actpass\r\n", offered)), PRTC_OK);
  char *answer = answer_of(jsep, &local);
  CHECK_HAS(answer, answered);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer), PRTC_OK);
  PRTC_CHECK_INT(data_of(jsep).setup, role);
  prtc_jsep_free(jsep);
}

static void test_role_of_answerer(void) {
  check_role("a=setup:actpass\r\n", "a=setup:active\r\n", PRTC_SDP_SETUP_ACTIVE);
  check_role("a=setup:active\r\n", "a=setup:passive\r\n", PRTC_SDP_SETUP_PASSIVE);
  check_role("a=setup:passive\r\n", "a=setup:active\r\n", PRTC_SDP_SETUP_ACTIVE);
  check_role("", "a=setup:passive\r\n", PRTC_SDP_SETUP_PASSIVE); /* RFC 4145: an offer means active when it says nothing */
}

static void test_role_of_offerer(void) {
  static const struct {
    const char *answered;
    prtc_sdp_setup role;
  } cases[] = {{"a=setup:active\r\n", PRTC_SDP_SETUP_PASSIVE},
               {"a=setup:passive\r\n", PRTC_SDP_SETUP_ACTIVE},
               {"", PRTC_SDP_SETUP_ACTIVE}};
  for (size_t i = 0; i < 3; i++) {
    struct prtc_jsep *jsep = make();
    struct prtc_jsep_local local = local_side();
    PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, offer_of(jsep, &local)), PRTC_OK);
    PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_ANSWER, OFFER_CHROMIUM), PRTC_ERROR_INVALID_ACCESS); /* still actpass */
    CHECK_HAS(prtc_jsep_error(jsep), "line 8: an answer must choose");
    const char *answer = with(OFFER_CHROMIUM, "a=setup:actpass\r\n", cases[i].answered);
    PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_ANSWER, answer), PRTC_OK);
    PRTC_CHECK_INT(data_of(jsep).setup, cases[i].role);
    prtc_jsep_free(jsep);
  }
}

/* RFC 8842 section 5.5: offers are actpass again, and answers keep the role. */
static void test_role_is_kept(void) {
  struct prtc_jsep *a = make(), *b = make();
  struct prtc_jsep_local local_a = local_side(), local_b = local_side();
  local_b.ufrag = "bbbb";
  negotiate(a, b, &local_a, &local_b);
  negotiate(b, a, &local_b, &local_a); /* now a answers, and is still passive */
  PRTC_CHECK_INT(data_of(a).setup, PRTC_SDP_SETUP_PASSIVE);
  PRTC_CHECK_INT(data_of(b).setup, PRTC_SDP_SETUP_ACTIVE);
  PRTC_CHECK(!data_of(a).local_offer);
  prtc_jsep_free(a);
  prtc_jsep_free(b);
}

/* RFC 8842 section 5.1 */
static void test_new_association_is_refused(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  static char offer[ROOM];
  snprintf(offer, sizeof offer, "%s",
           with(OFFER_CHROMIUM, "a=setup:actpass\r\n", "a=setup:actpass\r\na=tls-id:oneoneoneoneoneoneoneone\r\n"));
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, offer), PRTC_OK);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer_of(jsep, &local)), PRTC_OK);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, with(offer, "7B:8B:F0", "7B:8B:F1")), PRTC_ERROR_NOT_SUPPORTED);
  CHECK_HAS(prtc_jsep_error(jsep), "fingerprint changed");
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, with(offer, "tls-id:one", "tls-id:two")), PRTC_ERROR_NOT_SUPPORTED);
  CHECK_HAS(prtc_jsep_error(jsep), "tls-id changed");
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, with(offer, "setup:actpass", "setup:active")), PRTC_ERROR_NOT_SUPPORTED);
  CHECK_HAS(prtc_jsep_error(jsep), "DTLS role changed");
  PRTC_CHECK_INT(prtc_jsep_get_signaling_state(jsep), PRTC_SIGNALING_STABLE);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, with(offer, "setup:actpass", "setup:passive")), PRTC_OK); /* the same */
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer_of(jsep, &local)), PRTC_OK);
  /* the same for an answer to our own offer */
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, offer_of(jsep, &local)), PRTC_OK);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_ANSWER,
                            with(with(offer, "setup:actpass", "setup:active"), "7B:8B:F0", "7B:8B:F1")),
                 PRTC_ERROR_NOT_SUPPORTED);
  /* but a role that makes no sense is no news: Firefox */
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_ANSWER, with(offer, "setup:actpass", "setup:active")), PRTC_OK);
  PRTC_CHECK_INT(data_of(jsep).setup, PRTC_SDP_SETUP_ACTIVE);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, offer), PRTC_OK);
  CHECK_HAS(answer_of(jsep, &local), "a=setup:active");
  prtc_jsep_free(jsep);
}

/* A section that was rejected and is offered anew: its place, another mid, another association with roles of its own. */
static void test_revived(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  static char first[ROOM], second[ROOM];
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_OK);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer_of(jsep, &local)), PRTC_OK);
  snprintf(first, sizeof first, "%s", offer_of(jsep, &local));
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, with(OFFER_CHROMIUM, "m=application 9", "m=application 0")), PRTC_OK);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer_of(jsep, &local)), PRTC_OK);
  PRTC_CHECK(!data_of(jsep).negotiated);
  PRTC_CHECK(!data_of(jsep).described);
  snprintf(second, sizeof second, "%s", offer_of(jsep, &local));
  CHECK_HAS(second, "m=application 9 ");
  PRTC_CHECK(strstr(strstr(second, "m=application") + 1, "m=application") == NULL);
  PRTC_CHECK(strncmp(strstr(first, "a=tls-id:"), strstr(second, "a=tls-id:"), 33) != 0);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, second), PRTC_OK);
  PRTC_CHECK(data_of(jsep).described);
  const char *answer = with(with(with(OFFER_CHROMIUM, "actpass", "active"), "mid:0", "mid:1"), "BUNDLE 0", "BUNDLE 1");
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_ANSWER, with(answer, "7B:8B:F0", "7B:8B:F1")), PRTC_OK);
  PRTC_CHECK_INT(data_of(jsep).setup, PRTC_SDP_SETUP_PASSIVE);
  prtc_jsep_free(jsep);
}

/* -------------------------------------------------------------------------------------------------------- renegotiation */

static void test_reoffer_keeps_places(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM_MEDIA), PRTC_OK);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer_of(jsep, &local)), PRTC_OK);
  char *offer = offer_of(jsep, &local);
  const char *audio = strstr(offer, "m=audio 9 "), *video = strstr(offer, "m=video 0 ");
  const char *data = strstr(offer, "m=application 9 ");
  PRTC_CHECK(audio != NULL && video > audio && data > video);
  CHECK_HAS(offer, "a=mid:2\r\n");
  CHECK_HAS(offer, "a=group:BUNDLE 0 2\r\n");
  CHECK_HAS(offer, "a=setup:actpass\r\n");
  prtc_jsep_free(jsep);
}

static void test_session_id_and_version(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  unsigned long long id, version, first_id;
  char first[ROOM];
  PRTC_CHECK_INT(sscanf(offer_of(jsep, &local), "v=0\r\no=- %llu %llu IN", &first_id, &version), 2);
  PRTC_CHECK_INT(version, 1);
  snprintf(first, sizeof first, "%s", offer_of(jsep, &local));
  PRTC_CHECK_TEXT(offer_of(jsep, &local), first); /* nothing has changed */
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, first), PRTC_OK);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_ANSWER, with(OFFER_CHROMIUM, "actpass", "active")), PRTC_OK);
  local.ufrag = "newu";
  PRTC_CHECK_INT(sscanf(offer_of(jsep, &local), "v=0\r\no=- %llu %llu IN", &id, &version), 2);
  PRTC_CHECK(id == first_id && id <= INT64_MAX);
  PRTC_CHECK_INT(version, 2);
  prtc_jsep_free(jsep);
}

static void test_data_added_later(void) {
  struct prtc_jsep *a = make(), *b = make();
  struct prtc_jsep_local without = local_side(), local = local_side();
  without.wants_data = false;
  negotiate(a, b, &without, &without);
  PRTC_CHECK(!prtc_jsep_needs_negotiation(a, false, false));
  PRTC_CHECK(prtc_jsep_needs_negotiation(a, true, false));
  negotiate(b, a, &local, &without);
  PRTC_CHECK(data_of(a).negotiated && data_of(b).negotiated);
  PRTC_CHECK(!prtc_jsep_needs_negotiation(a, true, false));
  prtc_jsep_free(a);
  prtc_jsep_free(b);
}

static void test_rejected_data_is_offered_again(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, offer_of(jsep, &local)), PRTC_OK);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_ANSWER,
                            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
                            "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n"),
                 PRTC_OK);
  PRTC_CHECK(!data_of(jsep).negotiated);
  PRTC_CHECK(!prtc_jsep_needs_negotiation(jsep, false, false)); /* nothing wants it: or it would never end */
  PRTC_CHECK(prtc_jsep_needs_negotiation(jsep, true, false));
  char *offer = offer_of(jsep, &local);
  CHECK_HAS(offer, "a=group:BUNDLE 1\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
                   "a=mid:1\r\n");
  CHECK_LACKS(offer, "a=mid:0");
  local.wants_data = false;
  CHECK_HAS(offer_of(jsep, &local), "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n");
  prtc_jsep_free(jsep);
}

static void test_reoffer_that_moves_is_refused(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM_MEDIA), PRTC_OK);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer_of(jsep, &local)), PRTC_OK);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_ERROR_INVALID_ACCESS);
  PRTC_CHECK_TEXT(prtc_jsep_error(jsep), "the offer has 1 m= lines, fewer than the 3 of before");
  const char *renamed = with(with(OFFER_CHROMIUM_MEDIA, "a=mid:2\r\n", "a=mid:3\r\n"), "BUNDLE 0 1 2", "BUNDLE 0 1 3");
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, renamed), PRTC_ERROR_INVALID_ACCESS);
  CHECK_HAS(prtc_jsep_error(jsep), "another mid was negotiated here before");
  PRTC_CHECK_INT(prtc_jsep_get_signaling_state(jsep), PRTC_SIGNALING_STABLE);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM_MEDIA), PRTC_OK);
  prtc_jsep_free(jsep);
}

static void test_ice_restart(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_OK);
  PRTC_CHECK(!prtc_jsep_remote_restarts(jsep));
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer_of(jsep, &local)), PRTC_OK);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_OK);
  PRTC_CHECK(!prtc_jsep_remote_restarts(jsep));
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, with(OFFER_CHROMIUM, "ufrag:4ZcD", "ufrag:next")), PRTC_OK);
  PRTC_CHECK(prtc_jsep_remote_restarts(jsep));
  char *answer = answer_of(jsep, &local);
  PRTC_CHECK_INT(prtc_jsep_prepare_local(jsep, PRTC_SDP_ANSWER, answer, strlen(answer)), PRTC_OK);
  PRTC_CHECK(data_of(jsep).ice_restart);
  prtc_jsep_commit(jsep);
  PRTC_CHECK_TEXT(data_of(jsep).remote->ice_ufrag, "next");
  PRTC_CHECK(prtc_jsep_needs_negotiation(jsep, true, true));
  prtc_jsep_free(jsep);
}

/* ---------------------------------------------------------------------------------------------------- the state machine */

static void test_wrong_state(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  char text[ROOM];
  const char *answer = with(OFFER_CHROMIUM, "actpass", "active");
  PRTC_CHECK_INT(prtc_jsep_create_answer(jsep, &local, text, ROOM), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_ANSWER, answer), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_TEXT(prtc_jsep_error(jsep), "an answer cannot be set as the remote description in the signaling state stable");
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ROLLBACK, NULL), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(set_remote(jsep, (prtc_sdp_type)9, answer), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_OK);
  PRTC_CHECK_INT(prtc_jsep_create_offer(jsep, &local, text, ROOM), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_ANSWER, answer), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_FIREFOX), PRTC_OK); /* offers may follow each other */
  prtc_jsep_close(jsep);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(prtc_jsep_create_answer(jsep, &local, text, ROOM), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(prtc_jsep_get_signaling_state(jsep), PRTC_SIGNALING_CLOSED);
  prtc_jsep_free(jsep);
}

static void test_munged_is_refused(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_ERROR_INVALID_MODIFICATION); /* none was created */
  char *offer = offer_of(jsep, &local);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, with(offer, "5000", "5001")), PRTC_ERROR_INVALID_MODIFICATION);
  PRTC_CHECK_INT(prtc_jsep_get_signaling_state(jsep), PRTC_SIGNALING_STABLE);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, offer), PRTC_OK);
  prtc_jsep_free(jsep);
}

static void test_implicit_types(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  PRTC_CHECK_INT(prtc_jsep_implicit_type(jsep), PRTC_SDP_OFFER);
  offer_of(jsep, &local);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, NULL), PRTC_OK);
  PRTC_CHECK_INT(prtc_jsep_implicit_type(jsep), PRTC_SDP_OFFER);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_OK);
  PRTC_CHECK_INT(prtc_jsep_implicit_type(jsep), PRTC_SDP_ANSWER);
  prtc_jsep_free(jsep);
}

static prtc_sdp_type type_at(const struct prtc_jsep *jsep, prtc_description which) {
  static char text[ROOM];
  struct prtc_jsep_local local = local_side();
  prtc_sdp_type type;
  PRTC_CHECK(prtc_jsep_get_description(jsep, which, &local, &type, text, ROOM) >= 0);
  PRTC_CHECK((type == 0) == (text[0] == '\0'));
  return type;
}

static void test_current_and_pending(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  PRTC_CHECK_INT(type_at(jsep, PRTC_DESCRIPTION_LOCAL), 0);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, offer_of(jsep, &local)), PRTC_OK);
  PRTC_CHECK_INT(type_at(jsep, PRTC_DESCRIPTION_LOCAL), PRTC_SDP_OFFER);
  PRTC_CHECK_INT(type_at(jsep, PRTC_DESCRIPTION_PENDING_LOCAL), PRTC_SDP_OFFER);
  PRTC_CHECK_INT(type_at(jsep, PRTC_DESCRIPTION_CURRENT_LOCAL), 0);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_PRANSWER, with(OFFER_CHROMIUM, "actpass", "active")), PRTC_OK);
  PRTC_CHECK_INT(prtc_jsep_get_signaling_state(jsep), PRTC_SIGNALING_HAVE_REMOTE_PRANSWER);
  PRTC_CHECK_INT(type_at(jsep, PRTC_DESCRIPTION_PENDING_REMOTE), PRTC_SDP_PRANSWER);
  PRTC_CHECK_INT(type_at(jsep, PRTC_DESCRIPTION_CURRENT_REMOTE), 0);
  PRTC_CHECK(data_of(jsep).negotiated);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ROLLBACK, NULL), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_ANSWER, with(OFFER_CHROMIUM, "actpass", "active")), PRTC_OK);
  PRTC_CHECK_INT(type_at(jsep, PRTC_DESCRIPTION_CURRENT_LOCAL), PRTC_SDP_OFFER);
  PRTC_CHECK_INT(type_at(jsep, PRTC_DESCRIPTION_CURRENT_REMOTE), PRTC_SDP_ANSWER);
  PRTC_CHECK_INT(type_at(jsep, PRTC_DESCRIPTION_PENDING_LOCAL), 0);
  PRTC_CHECK_INT(type_at(jsep, PRTC_DESCRIPTION_PENDING_REMOTE), 0);
  prtc_jsep_free(jsep);
}

static void test_local_pranswer(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_OK);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_PRANSWER, answer_of(jsep, &local)), PRTC_OK);
  PRTC_CHECK_INT(prtc_jsep_get_signaling_state(jsep), PRTC_SIGNALING_HAVE_LOCAL_PRANSWER);
  PRTC_CHECK_INT(data_of(jsep).setup, PRTC_SDP_SETUP_ACTIVE);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer_of(jsep, &local)), PRTC_OK);
  PRTC_CHECK_INT(prtc_jsep_get_signaling_state(jsep), PRTC_SIGNALING_STABLE);
  prtc_jsep_free(jsep);
}

static void test_rollback(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  char *offer = offer_of(jsep, &local);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, offer), PRTC_OK);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_ROLLBACK, NULL), PRTC_OK);
  PRTC_CHECK_INT(prtc_jsep_get_signaling_state(jsep), PRTC_SIGNALING_STABLE);
  PRTC_CHECK(!data_of(jsep).offered);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, offer), PRTC_ERROR_INVALID_MODIFICATION); /* it is not the last any more */
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_OK);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ROLLBACK, NULL), PRTC_OK);
  PRTC_CHECK_INT(type_at(jsep, PRTC_DESCRIPTION_REMOTE), 0);
  prtc_jsep_free(jsep);
}

/* W3C section 4.4.1.5: the offer that arrives wins, ours is rolled back. */
static void test_glare(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, offer_of(jsep, &local)), PRTC_OK);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, "v=0"), PRTC_ERROR_SYNTAX);
  PRTC_CHECK_INT(prtc_jsep_get_signaling_state(jsep), PRTC_SIGNALING_HAVE_LOCAL_OFFER); /* an error changes nothing */
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_OK);
  PRTC_CHECK_INT(prtc_jsep_get_signaling_state(jsep), PRTC_SIGNALING_HAVE_REMOTE_OFFER);
  PRTC_CHECK_INT(type_at(jsep, PRTC_DESCRIPTION_LOCAL), 0);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer_of(jsep, &local)), PRTC_OK);
  PRTC_CHECK(data_of(jsep).negotiated && !data_of(jsep).local_offer);
  prtc_jsep_free(jsep);
}

static void test_abandon_changes_nothing(void) {
  struct prtc_jsep *jsep = make();
  PRTC_CHECK_INT(prtc_jsep_prepare_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM, strlen(OFFER_CHROMIUM)), PRTC_OK);
  prtc_jsep_abandon(jsep);
  prtc_jsep_commit(jsep); /* nothing is prepared */
  PRTC_CHECK_INT(prtc_jsep_get_signaling_state(jsep), PRTC_SIGNALING_STABLE);
  PRTC_CHECK_INT(type_at(jsep, PRTC_DESCRIPTION_REMOTE), 0);
  PRTC_CHECK_INT(prtc_jsep_prepare_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM, strlen(OFFER_CHROMIUM)), PRTC_OK);
  prtc_jsep_free(jsep); /* and nothing leaks */
}

/* ------------------------------------------------------------------------------------------------------------- refusals */

static void test_bad_offers(void) {
  static const struct {
    const char *from, *to, *sentence;
    int code;
  } cases[] = {
      {"a=setup:actpass", "a=setup:both", "line 14: a=setup: unknown role", PRTC_ERROR_SYNTAX},
      {"a=ice-ufrag:4ZcD\r\n", "", "line 8: the section has no ICE credentials", PRTC_ERROR_INVALID_ACCESS},
      {"a=ice-pwd:2/1muCWoOi3uLifh0NuRHlzO\r\n", "", "line 8: the section has no ICE credentials",
       PRTC_ERROR_INVALID_ACCESS},
      {"a=fingerprint:sha-256 " OFFER_FINGERPRINT "\r\n", "", "line 8: the section has no fingerprint",
       PRTC_ERROR_INVALID_ACCESS},
      {"a=sctp-port:5000", "a=sctp-port:0", "line 8: the SCTP port is 0", PRTC_ERROR_INVALID_ACCESS},
      {"BUNDLE 0", "BUNDLE 0 9", "a=group:BUNDLE names the mid \"9\", which no section has", PRTC_ERROR_INVALID_ACCESS},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct prtc_jsep *jsep = make();
    PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, with(OFFER_CHROMIUM, cases[i].from, cases[i].to)), cases[i].code);
    PRTC_CHECK_TEXT(prtc_jsep_error(jsep), cases[i].sentence);
    PRTC_CHECK_INT(prtc_jsep_get_signaling_state(jsep), PRTC_SIGNALING_STABLE);
    prtc_jsep_free(jsep);
  }
}

static void test_bad_answers(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  char text[ROOM], answer[ROOM];
  snprintf(answer, sizeof answer, "%s", with(OFFER_CHROMIUM, "actpass", "active"));
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, offer_of(jsep, &local)), PRTC_OK);
  PRTC_CHECK(snprintf(text, sizeof text, "%.60000sm=audio 0 RTP/AVP 0\r\n", answer) > 0);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_ANSWER, text), PRTC_ERROR_INVALID_ACCESS);
  PRTC_CHECK_TEXT(prtc_jsep_error(jsep), "the answer has 2 m= lines, the offer 1");
  snprintf(text, sizeof text, "%s", with(with(answer, "a=mid:0", "a=mid:1"), "BUNDLE 0", "BUNDLE 1"));
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_ANSWER, text), PRTC_ERROR_INVALID_ACCESS);
  PRTC_CHECK_TEXT(prtc_jsep_error(jsep), "line 8: the offer has another mid here");
  snprintf(text, sizeof text, "%s",
           with(answer, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m=audio 9 RTP/AVP 0"));
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_ANSWER, text), PRTC_ERROR_INVALID_ACCESS);
  PRTC_CHECK_TEXT(prtc_jsep_error(jsep), "line 8: the offer has another kind here");
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_ANSWER, answer), PRTC_OK);
  prtc_jsep_free(jsep);
}

/* ----------------------------------------------------------------------------------------------------------- candidates */


static void test_candidate_errors(void) {
  struct prtc_jsep *jsep = make();
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE, NULL, -1, NULL), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE, "0", -1, NULL), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_OK);
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE, "9", 0, NULL), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE, NULL, 1, NULL), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE, "0", -1, "othr"), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, "nonsense", "0", -1, NULL), PRTC_ERROR_SYNTAX);
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, "candidate:1 1 udp", "0", -1, NULL), PRTC_ERROR_SYNTAX);
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE "\r\na=setup:active", "0", -1, NULL), PRTC_ERROR_SYNTAX);
  prtc_jsep_close(jsep);
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE, "0", -1, NULL), PRTC_ERROR_INVALID_STATE);
  prtc_jsep_free(jsep);
}

static void test_candidates_wait_for_the_answer(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  char text[ROOM];
  prtc_sdp_type type;
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_OK);
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE, "0", -1, NULL), 0);
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, "a=" CANDIDATE, NULL, 0, "4ZcD"), 0); /* the same again */
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, "", NULL, -1, NULL), 0);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer_of(jsep, &local)), PRTC_OK);
  struct prtc_jsep_data data = data_of(jsep);
  PRTC_REQUIRE(data.negotiated);
  PRTC_CHECK_INT(data.remote->candidate_count, 1);
  PRTC_CHECK_TEXT(data.remote->candidates[0], CANDIDATE);
  PRTC_CHECK_INT(data.remote->end_of_candidates, 1);
  PRTC_CHECK(prtc_jsep_get_description(jsep, PRTC_DESCRIPTION_REMOTE, NULL, &type, text, ROOM) > 0);
  PRTC_CHECK_TEXT(text, OFFER_CHROMIUM "a=" CANDIDATE "\r\na=end-of-candidates\r\n");
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE " generation 0", "0", -1, NULL), 1); /* hand it on */
  prtc_jsep_free(jsep);
}

static void test_candidates_go_to_their_section(void) {
  struct prtc_jsep *jsep = make();
  char text[ROOM];
  prtc_sdp_type type;
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM_MEDIA), PRTC_OK);
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE, "0", -1, NULL), 0);
  PRTC_CHECK(prtc_jsep_get_description(jsep, PRTC_DESCRIPTION_REMOTE, NULL, &type, text, ROOM) > 0);
  CHECK_HAS(text, "a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6\r\na=" CANDIDATE "\r\nm=video ");
  prtc_jsep_free(jsep);
}

static void test_candidates_of_generations(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_OK);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer_of(jsep, &local)), PRTC_OK);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, with(OFFER_CHROMIUM, "ufrag:4ZcD", "ufrag:next")), PRTC_OK);
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE, "0", -1, NULL), 0);   /* the latest: it waits */
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE, "0", -1, "next"), 0);
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE, "0", -1, "4ZcD"), 1); /* of the one in use */
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE, "0", -1, "none"), PRTC_ERROR_NOT_FOUND);
  prtc_jsep_free(jsep);
}

/* A re-offer without a restart: the candidate belongs to both of the other side's descriptions, and is handed on. */
static void test_candidates_in_a_reoffer(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  char text[ROOM];
  prtc_sdp_type type;
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_OK);
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer_of(jsep, &local)), PRTC_OK);
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_OK);
  PRTC_CHECK_INT(prtc_jsep_add_candidate(jsep, CANDIDATE, "0", -1, NULL), 1);
  PRTC_CHECK(prtc_jsep_get_description(jsep, PRTC_DESCRIPTION_CURRENT_REMOTE, NULL, &type, text, ROOM) > 0);
  CHECK_HAS(text, "a=" CANDIDATE "\r\n");
  PRTC_CHECK(prtc_jsep_get_description(jsep, PRTC_DESCRIPTION_PENDING_REMOTE, NULL, &type, text, ROOM) > 0);
  CHECK_HAS(text, "a=" CANDIDATE "\r\n");
  prtc_jsep_free(jsep);
}

static void test_candidates_are_bounded(void) {
  struct prtc_jsep *jsep = make();
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM), PRTC_OK);
  int result = 0, count = 0;
  for (; result == 0 && count < 5000; count++) {
    char candidate[128];
    snprintf(candidate, sizeof candidate, "candidate:%d 1 udp 1 192.0.2.1 5000 typ host", count);
    result = prtc_jsep_add_candidate(jsep, candidate, "0", -1, NULL);
  }
  PRTC_CHECK_INT(result, PRTC_ERROR_QUEUE_FULL);
  PRTC_CHECK(count > 256);
  prtc_jsep_free(jsep);
}

static void test_local_description_has_candidates(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  static const char *const candidates[] = {CANDIDATE};
  char text[ROOM];
  prtc_sdp_type type;
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_OFFER, offer_of(jsep, &local)), PRTC_OK);
  local.candidates = candidates;
  local.candidate_count = 1;
  local.port = 54400;
  local.connection = "IN IP4 192.0.2.1";
  local.end_of_candidates = true;
  PRTC_CHECK(prtc_jsep_get_description(jsep, PRTC_DESCRIPTION_LOCAL, &local, &type, text, ROOM) > 0);
  CHECK_HAS(text, "m=application 54400 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.1\r\n");
  CHECK_HAS(text, "a=" CANDIDATE "\r\na=end-of-candidates\r\n");
  PRTC_CHECK_INT(prtc_jsep_get_description(jsep, PRTC_DESCRIPTION_LOCAL, &local, &type, text, 100),
                 PRTC_ERROR_BUFFER_TOO_SMALL);
  local.ufrag = "next"; /* another generation's */
  PRTC_CHECK(prtc_jsep_get_description(jsep, PRTC_DESCRIPTION_LOCAL, &local, &type, text, ROOM) > 0);
  CHECK_LACKS(text, "a=candidate");
  prtc_jsep_free(jsep);
}

/* The longest lines and mids that are read make answers that can be read. */
static void test_answers_to_long_lines(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  static char mid[300], formats[9000];
  memset(mid, 'm', 256);
  memset(formats, 'x', PRTC_SDP_LINE_SIZE - strlen("m=application 9 UDP/DTLS/SCTP webrtc-datachannel "));
  char offer[ROOM], line[ROOM];
  snprintf(line, sizeof line, "a=mid:%s\r\n", mid);
  snprintf(offer, sizeof offer, "%s", with(OFFER_CHROMIUM, "a=mid:0\r\n", line));
  snprintf(line, sizeof line, "BUNDLE %s", mid);
  snprintf(offer, sizeof offer, "%s", with(offer, "BUNDLE 0", line));
  snprintf(line, sizeof line, "webrtc-datachannel %s", formats);
  snprintf(offer, sizeof offer, "%s", with(offer, "webrtc-datachannel", line));
  PRTC_CHECK_INT(set_remote(jsep, PRTC_SDP_OFFER, offer), PRTC_OK);
  local.port = 65535;
  local.connection = "IN IP4 192.0.2.1";
  char *answer = answer_of(jsep, &local);
  CHECK_HAS(answer, "m=application 65535 UDP/DTLS/SCTP webrtc-datachannel\r\n");
  PRTC_CHECK_INT(set_local(jsep, PRTC_SDP_ANSWER, answer), PRTC_OK);
  prtc_jsep_free(jsep);
}

static void test_buffer_too_small_loses_nothing(void) {
  struct prtc_jsep *jsep = make();
  struct prtc_jsep_local local = local_side();
  char text[100];
  PRTC_CHECK_INT(prtc_jsep_create_offer(jsep, &local, text, sizeof text), PRTC_ERROR_BUFFER_TOO_SMALL);
  CHECK_HAS(offer_of(jsep, &local), " 1 IN IP4 127.0.0.1");
  prtc_jsep_free(jsep);
}

/* --------------------------------------------------------------------------------------------------------------- memory */

/* The first code that is not success in a whole negotiation */
static int negotiate_with(struct prtc_jsep *jsep) {
  struct prtc_jsep_local local = local_side();
  static char text[ROOM];
  int result = set_remote(jsep, PRTC_SDP_OFFER, OFFER_CHROMIUM);
  if (result >= 0) result = prtc_jsep_add_candidate(jsep, CANDIDATE, "0", -1, NULL);
  if (result >= 0) result = prtc_jsep_create_answer(jsep, &local, text, ROOM);
  if (result >= 0) result = set_local(jsep, PRTC_SDP_ANSWER, text);
  if (result >= 0) result = prtc_jsep_create_offer(jsep, &local, text, ROOM);
  if (result >= 0) result = set_local(jsep, PRTC_SDP_OFFER, text);
  if (result >= 0) result = set_remote(jsep, PRTC_SDP_ANSWER, with(OFFER_CHROMIUM, "actpass", "passive"));
  return result;
}

static int negotiate_once(void *unused) {
  struct prtc_jsep *jsep = prtc_jsep_new(context);
  int result = jsep == NULL ? PRTC_ERROR_NO_MEMORY : negotiate_with(jsep);
  (void)unused;
  prtc_jsep_free(jsep);
  return result;
}

static void test_without_memory(void) {
  struct prtc_meter meter = {.left = -1};
  const prtc_allocator allocator = prtc_metered(&meter);
  prtc_context_config config;
  PRTC_INIT(&config);
  config.allocator = &allocator;
  prtc_context *rich = context, *poor = prtc_context_new(&config);
  PRTC_REQUIRE(poor != NULL);
  context = poor;
  int refused = prtc_run_out_of_memory(&meter, negotiate_once, NULL);
  PRTC_CHECK(refused > 20 && refused < 999);
  context = rich;
  prtc_context_free(poor);
}

int main(void) {
  prtc_context_config config;
  PRTC_INIT(&config);
  context = prtc_context_new(&config);
  PRTC_REQUIRE(context != NULL);
  PRTC_RUN(test_offer_text);
  PRTC_RUN(test_offer_without_data);
  PRTC_RUN(test_both_sides_ours);
  PRTC_RUN(test_offers_of_others);
  PRTC_RUN(test_old_form_is_echoed);
  PRTC_RUN(test_media_is_rejected);
  PRTC_RUN(test_bundle_only_behind_rejected);
  PRTC_RUN(test_bundle_only_without_bundle);
  PRTC_RUN(test_new_association_is_refused);
  PRTC_RUN(test_revived);
  PRTC_RUN(test_unbundled_and_without_mid);
  PRTC_RUN(test_bundle_head_with_a_bad_format);
  PRTC_RUN(test_second_data_section_is_rejected);
  PRTC_RUN(test_role_of_answerer);
  PRTC_RUN(test_role_of_offerer);
  PRTC_RUN(test_role_is_kept);
  PRTC_RUN(test_reoffer_keeps_places);
  PRTC_RUN(test_session_id_and_version);
  PRTC_RUN(test_data_added_later);
  PRTC_RUN(test_rejected_data_is_offered_again);
  PRTC_RUN(test_reoffer_that_moves_is_refused);
  PRTC_RUN(test_ice_restart);
  PRTC_RUN(test_wrong_state);
  PRTC_RUN(test_munged_is_refused);
  PRTC_RUN(test_implicit_types);
  PRTC_RUN(test_current_and_pending);
  PRTC_RUN(test_local_pranswer);
  PRTC_RUN(test_rollback);
  PRTC_RUN(test_glare);
  PRTC_RUN(test_abandon_changes_nothing);
  PRTC_RUN(test_bad_offers);
  PRTC_RUN(test_bad_answers);
  PRTC_RUN(test_candidate_errors);
  PRTC_RUN(test_candidates_wait_for_the_answer);
  PRTC_RUN(test_candidates_go_to_their_section);
  PRTC_RUN(test_candidates_of_generations);
  PRTC_RUN(test_candidates_in_a_reoffer);
  PRTC_RUN(test_candidates_are_bounded);
  PRTC_RUN(test_local_description_has_candidates);
  PRTC_RUN(test_answers_to_long_lines);
  PRTC_RUN(test_buffer_too_small_loses_nothing);
  PRTC_RUN(test_without_memory);
  prtc_context_free(context);
  return PRTC_TEST_RESULT();
}
