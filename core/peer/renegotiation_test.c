/* Negotiation after the first: what stays, ICE restarts, rollback, glare.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/peer/steps_test.h"

static void test_renegotiation_changes_nothing(void) {
  connect();
  size_t before = pair.a.count;
  pair_negotiate(&pair, &pair.b, &pair.a); /* the other way round: the roles stay */
  pair_negotiate(&pair, &pair.a, &pair.b);
  pair_run(&pair, 2000000);
  PRTC_CHECK_INT(states_of(&pair.a).connection, PRTC_CONNECTION_CONNECTED);
  for (size_t i = before; i < pair.a.count; i++) PRTC_CHECK_INT(pair.a.log[i].type, PRTC_EVENT_SIGNALING_STATE_CHANGE);
  pair_close(&pair);
}

static void test_ice_restart(void) {
  connect();
  char before[SDP_ROOM];
  snprintf(before, sizeof before, "%s", strstr(local_sdp(&pair.a), "a=ice-ufrag:"));
  *strchr(before, '\r') = '\0';
  PRTC_CHECK_INT(prtc_peer_restart_ice(pair.a.peer, pair.now), PRTC_OK);
  pair_fetch(&pair);
  PRTC_CHECK_INT(prtc_peer_restart_ice(pair.a.peer, pair.now), PRTC_OK); /* asked for already */
  pair_fetch(&pair);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 2);
  pair_negotiate(&pair, &pair.a, &pair.b);
  PRTC_CHECK(strstr(local_sdp(&pair.a), before) == NULL);
  pair_run(&pair, 5000000);
  const char *candidate = strstr(local_sdp(&pair.a), "a=candidate:"); /* those of the new generation alone */
  PRTC_REQUIRE(candidate != NULL && strstr(candidate + 1, "a=candidate:") != NULL); /* UDP and TCP */
  PRTC_CHECK(strstr(strstr(candidate + 1, "a=candidate:") + 1, "a=candidate:") == NULL);
  PRTC_CHECK_INT(states_of(&pair.a).connection, PRTC_CONNECTION_CONNECTED);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 2);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_CHANNEL_CLOSED), 0);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_FAILED), 0);
  pair_close(&pair);
}

/* The side that answered before asks for the restart, and the one that offered answers it with new credentials too. */
static void test_ice_restart_of_the_answerer(void) {
  connect();
  const prtc_offer_options options = {.size = sizeof options, .ice_restart = 1};
  static char offer[SDP_ROOM], ufrag[300];
  snprintf(ufrag, sizeof ufrag, "%.40s", strstr(local_sdp(&pair.a), "a=ice-ufrag:"));
  *strchr(ufrag, '\r') = '\0';
  PRTC_CHECK(prtc_peer_create_offer(pair.b.peer, pair.now, &options, offer, sizeof offer) > 0);
  PRTC_CHECK(prtc_peer_create_offer(pair.b.peer, pair.now, &options, offer, sizeof offer) > 0); /* restarts once */
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.b.peer, pair.now, PRTC_SDP_OFFER, offer, strlen(offer)), PRTC_OK);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(pair.a.peer, pair.now, PRTC_SDP_OFFER, offer, strlen(offer)), PRTC_OK);
  describe(&pair.a, &pair.b, PRTC_SDP_ANSWER, NULL, NULL);
  PRTC_CHECK(strstr(local_sdp(&pair.a), ufrag) == NULL);
  pair_run(&pair, 5000000);
  check_connected();
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_CHANNEL_CLOSED), 0);
  pair_close(&pair);
}

/* The line of our ufrag, in one of eight buffers. */
static const char *ufrag_of(const struct side *side, prtc_description which) {
  static char lines[8][64], sdp[SDP_ROOM];
  static int at;
  prtc_sdp_type type;
  char *line = lines[at++ % 8];
  line[0] = '\0';
  if (prtc_peer_get_description(side->peer, which, &type, sdp, sizeof sdp) <= 0) return line;
  snprintf(line, sizeof lines[0], "%.40s", strstr(sdp, "a=ice-ufrag:"));
  *strchr(line, '\r') = '\0';
  return line;
}

static void offer_with_restart(struct side *side) {
  const prtc_offer_options options = {.size = sizeof options, .ice_restart = 1};
  static char offer[SDP_ROOM];
  const char *before = ufrag_of(side, PRTC_DESCRIPTION_LOCAL);
  PRTC_CHECK(prtc_peer_create_offer(side->peer, pair.now, &options, offer, sizeof offer) > 0);
  PRTC_CHECK(strstr(offer, before) == NULL);
  PRTC_CHECK_TEXT(ufrag_of(side, PRTC_DESCRIPTION_LOCAL), before); /* made, not in use */
  PRTC_CHECK_INT(prtc_peer_set_local_description(side->peer, pair.now, PRTC_SDP_OFFER, offer, strlen(offer)), PRTC_OK);
}

/* RFC 9429 section 4.1.10.2: an offer that restarts ICE is rolled back, by us or by glare. What was, goes on. */
static void check_restart_is_rolled_back(bool glare) {
  connect();
  const char *before = ufrag_of(&pair.a, PRTC_DESCRIPTION_LOCAL);
  offer_with_restart(&pair.a);
  pair_run(&pair, 20000000); /* candidates are gathered, signalled, and refused by b, who has not heard of it */
  PRTC_CHECK(strcmp(ufrag_of(&pair.a, PRTC_DESCRIPTION_LOCAL), before) != 0);
  PRTC_CHECK_TEXT(ufrag_of(&pair.a, PRTC_DESCRIPTION_CURRENT_LOCAL), before);
  static char sdp[SDP_ROOM];
  prtc_sdp_type type;
  PRTC_CHECK(prtc_peer_get_description(pair.a.peer, PRTC_DESCRIPTION_CURRENT_LOCAL, &type, sdp, sizeof sdp) > 0);
  PRTC_CHECK(strstr(sdp, "a=candidate:") != NULL);
  pair.a.count = pair.b.count = 0;
  if (glare) {
    describe(&pair.b, &pair.a, PRTC_SDP_OFFER, NULL, NULL);
    describe(&pair.a, &pair.b, PRTC_SDP_ANSWER, NULL, NULL);
  } else {
    PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_ROLLBACK, NULL, 0), PRTC_OK);
  }
  PRTC_CHECK_TEXT(ufrag_of(&pair.a, PRTC_DESCRIPTION_LOCAL), before);
  PRTC_CHECK(strstr(local_sdp(&pair.a), "a=candidate:") != NULL);
  PRTC_CHECK(strstr(local_sdp(&pair.a), "a=end-of-candidates") != NULL);
  pair_run(&pair, 60000000);
  check_connected();
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_ICE_CANDIDATE), 0);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_CONNECTION_STATE_CHANGE), 0);
  PRTC_CHECK_INT(states_of(&pair.a).ice_gathering, PRTC_ICE_GATHERING_COMPLETE);
  PRTC_CHECK_INT(states_of(&pair.a).ice_connection, PRTC_ICE_CONNECTION_COMPLETED);
  pair_negotiate(&pair, &pair.a, &pair.b); /* without a restart */
  PRTC_CHECK_TEXT(ufrag_of(&pair.a, PRTC_DESCRIPTION_LOCAL), before);
  offer_with_restart(&pair.a);
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_ROLLBACK, NULL, 0), PRTC_OK);
  pair_run(&pair, 1000000);
  pair_close(&pair);
}

static void test_restart_is_rolled_back(void) { check_restart_is_rolled_back(false); }
static void test_restart_is_rolled_back_by_glare(void) { check_restart_is_rolled_back(true); }

/* restartIce outlives the rollback of the offer that it led to; W3C [[LocalIceCredentialsToReplace]]. */
static void test_restart_is_wanted_until_it_is_done(void) {
  connect();
  const char *before = ufrag_of(&pair.a, PRTC_DESCRIPTION_LOCAL);
  PRTC_CHECK_INT(prtc_peer_restart_ice(pair.a.peer, pair.now), PRTC_OK);
  pair_fetch(&pair);
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_OFFER, NULL, 0), PRTC_OK);
  describe(&pair.b, &pair.a, PRTC_SDP_OFFER, NULL, NULL); /* glare: b has not restarted */
  describe(&pair.a, &pair.b, PRTC_SDP_ANSWER, NULL, NULL);
  PRTC_CHECK_TEXT(ufrag_of(&pair.a, PRTC_DESCRIPTION_LOCAL), before);
  pair.a.count = 0;
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 1);
  pair_negotiate(&pair, &pair.a, &pair.b);
  PRTC_CHECK(strcmp(ufrag_of(&pair.a, PRTC_DESCRIPTION_LOCAL), before) != 0);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 1);
  /* a restart that the other side made counts as well */
  PRTC_CHECK_INT(prtc_peer_restart_ice(pair.a.peer, pair.now), PRTC_OK);
  offer_with_restart(&pair.b);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(pair.a.peer, pair.now, PRTC_SDP_OFFER, local_sdp(&pair.b),
                                                  strlen(local_sdp(&pair.b))), PRTC_OK);
  describe(&pair.a, &pair.b, PRTC_SDP_ANSWER, NULL, NULL);
  pair.a.count = 0;
  pair_run(&pair, 5000000);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 0);
  check_connected();
  /* asked for while an offer without it is under way: it follows */
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_OFFER, NULL, 0), PRTC_OK);
  PRTC_CHECK_INT(prtc_peer_restart_ice(pair.a.peer, pair.now), PRTC_OK);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(pair.b.peer, pair.now, PRTC_SDP_OFFER, local_sdp(&pair.a),
                                                  strlen(local_sdp(&pair.a))), PRTC_OK);
  describe(&pair.b, &pair.a, PRTC_SDP_ANSWER, NULL, NULL);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 1);
  pair_close(&pair);
}

/* The first offer is rolled back: nothing of it is used again, and its gathering never was. */
static void test_first_offer_is_rolled_back(void) {
  pair_open(&pair);
  add_channel(&pair, &pair.a);
  for (int round = 0; round < 2; round++) {
    pair.a.count = 0;
    PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_OFFER, NULL, 0), PRTC_OK);
    PRTC_CHECK_INT(states_of(&pair.a).has_sctp, 1);
    const char *before = ufrag_of(&pair.a, PRTC_DESCRIPTION_LOCAL);
    if (round == 0) pair_run(&pair, 1000000); /* or in the midst of its gathering */
    PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_ROLLBACK, NULL, 0), PRTC_OK);
    size_t candidates = (size_t)count_events(&pair.a, PRTC_EVENT_ICE_CANDIDATE);
    pair_run(&pair, 1000000);
    PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_ICE_CANDIDATE), candidates);
    PRTC_CHECK_INT(states_of(&pair.a).ice_gathering, PRTC_ICE_GATHERING_NEW);
    PRTC_CHECK_INT(states_of(&pair.a).has_sctp, 0);
    PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 1);
    PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_OFFER, NULL, 0), PRTC_OK);
    PRTC_CHECK(strcmp(ufrag_of(&pair.a, PRTC_DESCRIPTION_LOCAL), before) != 0);
    PRTC_CHECK(strstr(local_sdp(&pair.a), "a=candidate:") == NULL);
    PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_ROLLBACK, NULL, 0), PRTC_OK);
  }
  pair_negotiate(&pair, &pair.a, &pair.b);
  pair_run(&pair, 5000000);
  check_connected();
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_CHANNEL_OPEN), 1);
  pair_close(&pair);
}

static void test_remote_offer_is_rolled_back(void) {
  pair_open(&pair);
  add_channel(&pair, &pair.a);
  describe(&pair.a, &pair.b, PRTC_SDP_OFFER, NULL, NULL);
  PRTC_CHECK_INT(states_of(&pair.b).has_sctp, 1);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(pair.b.peer, pair.now, PRTC_SDP_ROLLBACK, NULL, 0), PRTC_OK);
  PRTC_CHECK_INT(states_of(&pair.b).has_sctp, 0);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(states_of(&pair.b).signaling, PRTC_SIGNALING_STABLE);
  PRTC_CHECK_INT(count_events(&pair.b, PRTC_EVENT_NEGOTIATION_NEEDED), 0);
  pair_negotiate(&pair, &pair.a, &pair.b);
  pair_run(&pair, 5000000);
  check_connected();
  pair_close(&pair);
}

static void test_glare(void) {
  pair_open(&pair);
  add_channel(&pair, &pair.a);
  add_channel(&pair, &pair.b);
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.b.peer, pair.now, PRTC_SDP_OFFER, NULL, 0), PRTC_OK);
  describe(&pair.a, &pair.b, PRTC_SDP_OFFER, NULL, NULL); /* b is polite */
  describe(&pair.b, &pair.a, PRTC_SDP_ANSWER, NULL, NULL);
  pair_run(&pair, 5000000);
  CHECK_SEQUENCE(&pair.b, PRTC_EVENT_SIGNALING_STATE_CHANGE, PRTC_SIGNALING_HAVE_LOCAL_OFFER, PRTC_SIGNALING_STABLE,
                 PRTC_SIGNALING_HAVE_REMOTE_OFFER, PRTC_SIGNALING_STABLE);
  PRTC_CHECK_INT(states_of(&pair.a).connection, PRTC_CONNECTION_CONNECTED);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_CHANNEL_OPEN), 2); /* its own and the other side's */
  PRTC_CHECK_INT(count_events(&pair.b, PRTC_EVENT_CHANNEL_OPEN), 2); /* its own and the other side's */
  pair_close(&pair);
}

int main(void) {
  PRTC_RUN(test_renegotiation_changes_nothing);
  PRTC_RUN(test_ice_restart);
  PRTC_RUN(test_ice_restart_of_the_answerer);
  PRTC_RUN(test_restart_is_rolled_back);
  PRTC_RUN(test_restart_is_rolled_back_by_glare);
  PRTC_RUN(test_restart_is_wanted_until_it_is_done);
  PRTC_RUN(test_first_offer_is_rolled_back);
  PRTC_RUN(test_remote_offer_is_rolled_back);
  PRTC_RUN(test_glare);
  return PRTC_TEST_RESULT();
}
