/* Unit tests of the peer: states and events in the order of the W3C's text, and the errors of its commands.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/base/text.h"
#include "core/peer/steps_test.h"

/* ----------------------------------------------------------------------------------------------------------- connecting */

static void test_nothing_happens_alone(void) {
  pair_open(&pair);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(pair.a.count, 0);
  prtc_peer_states states = states_of(&pair.a);
  PRTC_CHECK_INT(states.signaling, PRTC_SIGNALING_STABLE);
  PRTC_CHECK_INT(states.connection, PRTC_CONNECTION_NEW);
  PRTC_CHECK_INT(states.has_sctp, 0);
  PRTC_CHECK_INT(states.can_trickle, 2);
  PRTC_CHECK(prtc_peer_deadline(pair.a.peer) == PRTC_NEVER);
  pair_close(&pair);
}

static void test_connects(void) {
  connect();
  for (int i = 0; i < 2; i++) {
    const struct side *side = i == 0 ? &pair.a : &pair.b;
    prtc_peer_states states = states_of(side);
    PRTC_CHECK_INT(states.signaling, PRTC_SIGNALING_STABLE);
    PRTC_CHECK_INT(states.ice_gathering, PRTC_ICE_GATHERING_COMPLETE);
    PRTC_CHECK(states.ice_connection == PRTC_ICE_CONNECTION_CONNECTED ||
               states.ice_connection == PRTC_ICE_CONNECTION_COMPLETED);
    PRTC_CHECK_INT(states.has_sctp, 1);
    PRTC_CHECK_INT(states.sctp_transport, PRTC_SCTP_TRANSPORT_CONNECTED);
    PRTC_CHECK_INT(states.can_trickle, 1);
    PRTC_CHECK_INT(states.max_message_size, PRTC_MAX_MESSAGE_SIZE_DEFAULT);
    PRTC_CHECK(states.max_channels >= 1024);
    prtc_address local, remote;
    PRTC_CHECK_INT(prtc_peer_get_selected_pair(side->peer, &local, &remote), 1);
    PRTC_CHECK_INT(local.ip[3], side->ip);
  }
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_CHANNEL_OPEN), 1);
  PRTC_CHECK_INT(count_events(&pair.b, PRTC_EVENT_DATA_CHANNEL), 1);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_FAILED), 0);
  pair_close(&pair);
}

/* RFC 8445 section 6.1.1: the offerer controls, from the first check on. */
static void test_ice_roles(void) {
  connect();
  PRTC_CHECK_INT(pair.a.ice_role, 0x802A);
  PRTC_CHECK_INT(pair.b.ice_role, 0x8029);
  pair_close(&pair);
}

/* Each side takes the other one's offer for an answer: both control, until a check tells them (RFC 8445 section
 * 7.3.1.1). */
static void test_role_conflict(void) {
  static char offers[2][SDP_ROOM];
  struct side *sides[] = {&pair.a, &pair.b};
  static const char *const setups[] = {"a=setup:passive", "a=setup:active "}, actpass[] = "a=setup:actpass";
  pair_open(&pair);
  for (int i = 0; i < 2; i++) {
    add_channel(&pair, sides[i]);
    PRTC_CHECK_INT(states_of(sides[i]).ice_role, PRTC_ICE_ROLE_UNKNOWN);
    PRTC_CHECK_INT(prtc_peer_set_local_description(sides[i]->peer, pair.now, PRTC_SDP_OFFER, NULL, 0), PRTC_OK);
    snprintf(offers[i], sizeof offers[i], "%s", local_sdp(sides[i]));
    size_t size = i == 0 ? 15 : 14;
    char *setup = strstr(offers[i], actpass);
    memmove(setup + size, setup + 15, strlen(setup + 15) + 1);
    memcpy(setup, setups[i], size);
  }
  for (int i = 0; i < 2; i++) {
    const char *answer = offers[1 - i];
    PRTC_CHECK_INT(prtc_peer_set_remote_description(sides[i]->peer, pair.now, PRTC_SDP_ANSWER, answer, strlen(answer)),
                   PRTC_OK);
    PRTC_CHECK_INT(states_of(sides[i]).ice_role, PRTC_ICE_ROLE_CONTROLLING);
  }
  pair_run(&pair, 5000000);
  check_connected();
  PRTC_CHECK_INT(states_of(&pair.a).ice_role + states_of(&pair.b).ice_role,
                 PRTC_ICE_ROLE_CONTROLLING + PRTC_ICE_ROLE_CONTROLLED);
  pair_close(&pair);
}

static void test_remote_certificate(void) {
  uint8_t theirs[PRTC_CERTIFICATE_PEM_SIZE], mine[PRTC_CERTIFICATE_PEM_SIZE];
  pair_open(&pair);
  PRTC_CHECK_INT(prtc_peer_get_remote_certificate(pair.a.peer, theirs, sizeof theirs), 0);
  pair_close(&pair);
  connect();
  int size = prtc_peer_get_remote_certificate(pair.a.peer, theirs, sizeof theirs);
  PRTC_REQUIRE(size > 0 && size == prtc_certificate_get_der(pair.b.certificate, mine, sizeof mine));
  PRTC_CHECK(memcmp(theirs, mine, (size_t)size) == 0);
  PRTC_CHECK_INT(prtc_peer_get_remote_certificate(pair.a.peer, theirs, 10), PRTC_ERROR_BUFFER_TOO_SMALL);
  pair_close(&pair);
}

static void test_order_of_events(void) {
  connect();
  CHECK_SEQUENCE(&pair.a, PRTC_EVENT_SIGNALING_STATE_CHANGE, PRTC_SIGNALING_HAVE_LOCAL_OFFER, PRTC_SIGNALING_STABLE);
  CHECK_SEQUENCE(&pair.b, PRTC_EVENT_SIGNALING_STATE_CHANGE, PRTC_SIGNALING_HAVE_REMOTE_OFFER, PRTC_SIGNALING_STABLE);
  CHECK_SEQUENCE(&pair.a, PRTC_EVENT_ICE_GATHERING_STATE_CHANGE, PRTC_ICE_GATHERING_GATHERING, PRTC_ICE_GATHERING_COMPLETE);
  CHECK_SEQUENCE(&pair.a, PRTC_EVENT_CONNECTION_STATE_CHANGE, PRTC_CONNECTION_CONNECTING, PRTC_CONNECTION_CONNECTED);
  CHECK_SEQUENCE(&pair.b, PRTC_EVENT_CONNECTION_STATE_CHANGE, PRTC_CONNECTION_CONNECTING, PRTC_CONNECTION_CONNECTED);
  CHECK_SEQUENCE(&pair.a, PRTC_EVENT_DTLS_TRANSPORT_STATE_CHANGE, PRTC_DTLS_TRANSPORT_CONNECTING,
                 PRTC_DTLS_TRANSPORT_CONNECTED);
  CHECK_SEQUENCE(&pair.a, PRTC_EVENT_SCTP_TRANSPORT_STATE_CHANGE, PRTC_SCTP_TRANSPORT_CONNECTED);
  /* W3C section 5.6: the transport's event, then that of the ICE connection, then that of the connection, in one go */
  for (int i = 0; i < 2; i++) {
    const struct side *side = i == 0 ? &pair.a : &pair.b;
    int ice = find_event(side, PRTC_EVENT_ICE_TRANSPORT_STATE_CHANGE, 0);
    PRTC_REQUIRE(ice >= 0 && (size_t)ice + 2 < side->count);
    PRTC_CHECK_INT(side->log[ice].state, PRTC_ICE_TRANSPORT_CHECKING);
    PRTC_CHECK_INT(side->log[ice].object, 1);
    PRTC_CHECK_INT(side->log[ice + 1].type, PRTC_EVENT_ICE_CONNECTION_STATE_CHANGE);
    PRTC_CHECK_INT(side->log[ice + 1].state, PRTC_ICE_CONNECTION_CHECKING);
    PRTC_CHECK_INT(side->log[ice + 2].type, PRTC_EVENT_CONNECTION_STATE_CHANGE);
    int dtls = find_event(side, PRTC_EVENT_DTLS_TRANSPORT_STATE_CHANGE, 1);
    PRTC_REQUIRE(dtls >= 0 && (size_t)dtls + 1 < side->count);
    PRTC_CHECK_INT(side->log[dtls + 1].type, PRTC_EVENT_CONNECTION_STATE_CHANGE);
    PRTC_CHECK(find_event(side, PRTC_EVENT_SCTP_TRANSPORT_STATE_CHANGE, 0) > dtls);
  }
  int sctp = find_event(&pair.a, PRTC_EVENT_SCTP_TRANSPORT_STATE_CHANGE, 0);
  PRTC_CHECK(find_event(&pair.a, PRTC_EVENT_CHANNEL_OPEN, 0) > sctp);
  pair_close(&pair);
}

/* What get_states says is what was fetched, at each event. */
static void test_states_follow_events(void) {
  connect();
  prtc_peer_states expected = {0};
  for (size_t i = 0; i < pair.a.count; i++) {
    const struct fetched *event = &pair.a.log[i];
    if (event->type == PRTC_EVENT_SIGNALING_STATE_CHANGE) expected.signaling = event->state;
    if (event->type == PRTC_EVENT_ICE_GATHERING_STATE_CHANGE) expected.ice_gathering = event->state;
    if (event->type == PRTC_EVENT_ICE_CONNECTION_STATE_CHANGE) expected.ice_connection = event->state;
    if (event->type == PRTC_EVENT_CONNECTION_STATE_CHANGE) expected.connection = event->state;
    PRTC_CHECK_INT(event->states.signaling, expected.signaling);
    PRTC_CHECK_INT(event->states.ice_gathering, expected.ice_gathering);
    PRTC_CHECK_INT(event->states.ice_connection, expected.ice_connection);
    PRTC_CHECK_INT(event->states.connection, expected.connection);
  }
  pair_close(&pair);
}

/* W3C section 4.4.1.4: gathering, candidates, "" at the end of the generation, complete, null. */
static void test_candidate_events(void) {
  connect();
  const struct side *side = &pair.a;
  int gathering = find_event(side, PRTC_EVENT_ICE_GATHERING_STATE_CHANGE, 0);
  PRTC_CHECK_INT(count_events(side, PRTC_EVENT_ICE_CANDIDATE), 4); /* one interface: UDP and TCP */
  int first = find_event(side, PRTC_EVENT_ICE_CANDIDATE, 0), end = find_event(side, PRTC_EVENT_ICE_CANDIDATE, 2);
  int last = find_event(side, PRTC_EVENT_ICE_CANDIDATE, 3);
  PRTC_REQUIRE(gathering >= 0 && last > end && end > first && first > gathering);
  PRTC_CHECK(find_event(side, PRTC_EVENT_SIGNALING_STATE_CHANGE, 0) < gathering);
  PRTC_CHECK(strncmp(side->log[first].text, "candidate:", 10) == 0);
  PRTC_CHECK(strstr(side->log[first].text, "192.0.2.1 5000 typ host") != NULL);
  PRTC_CHECK(strstr(side->log[first + 1].text, "192.0.2.1 9 typ host tcptype active") != NULL);
  PRTC_CHECK_TEXT(side->log[first].mid, "0");
  PRTC_CHECK_INT(side->log[first].index, 0);
  char line[64];
  snprintf(line, sizeof line, "a=ice-ufrag:%s\r\n", side->log[first].ufrag);
  PRTC_CHECK(strstr(local_sdp(side), line) != NULL);
  PRTC_CHECK(side->log[end].has_text);
  PRTC_CHECK_TEXT(side->log[end].text, "");
  PRTC_CHECK_TEXT(side->log[end].mid, "0");
  PRTC_CHECK_INT(side->log[end + 1].type, PRTC_EVENT_ICE_GATHERING_STATE_CHANGE);
  PRTC_CHECK_INT(last, end + 2);
  PRTC_CHECK(!side->log[last].has_text && !side->log[last].has_mid);
  pair_close(&pair);
}

static void test_description_with_candidates(void) {
  pair_open(&pair);
  pair.trickle = false;
  add_channel(&pair, &pair.a);
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_OFFER, NULL, 0), PRTC_OK);
  PRTC_CHECK(strstr(local_sdp(&pair.a), "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                                        "c=IN IP4 0.0.0.0\r\n") != NULL);
  PRTC_CHECK(strstr(local_sdp(&pair.a), "a=candidate") == NULL);
  pair_run(&pair, 100000);
  PRTC_CHECK(strstr(local_sdp(&pair.a), "m=application 5000 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                                        "c=IN IP4 192.0.2.1\r\n") != NULL);
  const char *candidate = strstr(local_sdp(&pair.a), "a=candidate:");
  PRTC_CHECK(candidate != NULL && strstr(candidate, "a=end-of-candidates\r\n") != NULL);
  PRTC_CHECK(strstr(local_sdp(&pair.a), " ufrag ") == NULL);
  pair_close(&pair);
}

/* Without trickle: everything is in the descriptions. */
static void test_connects_without_trickle(void) {
  pair_open(&pair);
  pair.trickle = false;
  add_channel(&pair, &pair.b);
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.b.peer, pair.now, PRTC_SDP_OFFER, NULL, 0), PRTC_OK);
  pair_run(&pair, 100000);
  describe(&pair.b, &pair.a, PRTC_SDP_OFFER, NULL, NULL);
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_PRANSWER, NULL, 0), PRTC_OK);
  pair_run(&pair, 100000);
  describe(&pair.a, &pair.b, PRTC_SDP_ANSWER, NULL, NULL);
  pair_run(&pair, 5000000);
  check_connected();
  pair_close(&pair);
}

/* RFC 8842: each way in which the DTLS roles may be shared out. */
static void test_each_pairing_of_roles(void) {
  static const char *const offered[] = {"a=setup:actpass", "a=setup:active", "a=setup:passive"};
  static const char *const answered[] = {"a=setup:active", "a=setup:passive", "a=setup:active"};
  for (int i = 0; i < 3; i++) {
    pair_open(&pair);
    add_channel(&pair, &pair.a);
    describe(&pair.a, &pair.b, PRTC_SDP_OFFER, "a=setup:actpass", offered[i]);
    describe(&pair.b, &pair.a, PRTC_SDP_ANSWER, NULL, NULL);
    PRTC_CHECK(strstr(local_sdp(&pair.b), answered[i]) != NULL);
    pair_run(&pair, 5000000);
    check_connected();
    pair_close(&pair);
  }
}

static void test_bundle_only_with_port_zero(void) {
  pair_open(&pair);
  add_channel(&pair, &pair.a);
  describe(&pair.a, &pair.b, PRTC_SDP_OFFER, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n",
           "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=bundle-only\r\n");
  describe(&pair.b, &pair.a, PRTC_SDP_ANSWER, NULL, NULL);
  pair_run(&pair, 5000000);
  check_connected();
  pair_close(&pair);
}

/* All candidates of the offerer arrive before there is an answer. */
static void test_candidates_before_the_answer(void) {
  pair_open(&pair);
  add_channel(&pair, &pair.a);
  describe(&pair.a, &pair.b, PRTC_SDP_OFFER, NULL, NULL);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(states_of(&pair.a).ice_gathering, PRTC_ICE_GATHERING_COMPLETE);
  PRTC_CHECK_INT(states_of(&pair.b).ice_connection, PRTC_ICE_CONNECTION_NEW);
  pair.trickle = false; /* the answerer's come as a surprise */
  describe(&pair.b, &pair.a, PRTC_SDP_ANSWER, NULL, NULL);
  pair_run(&pair, 5000000);
  check_connected();
  pair_close(&pair);
}

static void test_channels_at_every_stage(void) {
  pair_open(&pair);
  add_channel(&pair, &pair.a);
  describe(&pair.a, &pair.b, PRTC_SDP_OFFER, NULL, NULL);
  add_channel(&pair, &pair.a);
  add_channel(&pair, &pair.b); /* with a remote offer */
  describe(&pair.b, &pair.a, PRTC_SDP_ANSWER, NULL, NULL);
  add_channel(&pair, &pair.a);
  pair_run(&pair, 5000000);
  describe(&pair.b, &pair.a, PRTC_SDP_OFFER, NULL, NULL);
  add_channel(&pair, &pair.a); /* in the midst of a renegotiation */
  describe(&pair.a, &pair.b, PRTC_SDP_ANSWER, NULL, NULL);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_CHANNEL_OPEN), 5);
  PRTC_CHECK_INT(count_events(&pair.b, PRTC_EVENT_CHANNEL_OPEN), 5);
  PRTC_CHECK_INT(count_events(&pair.b, PRTC_EVENT_DATA_CHANNEL), 4);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 0);
  PRTC_CHECK_INT(count_events(&pair.b, PRTC_EVENT_NEGOTIATION_NEEDED), 0);
  pair_close(&pair);
}

/* The other side accepts no data, and there is nothing to complain of. */
static void test_data_is_always_negotiated(void) {
  prtc_peer_config config;
  const char *reason;
  pair_open(&pair);
  PRTC_INIT(&config);
  config.always_negotiate_data = 1;
  prtc_peer_destroy(pair.a.peer);
  PRTC_REQUIRE(side_create(&pair.a, &config, &reason) == PRTC_OK);
  pair_fetch(&pair);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 0);
  pair_negotiate(&pair, &pair.a, &pair.b);
  pair_run(&pair, 5000000);
  check_connected();
  add_channel(&pair, &pair.b);
  pair_run(&pair, 100000);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_DATA_CHANNEL), 1);
  PRTC_CHECK_INT(count_events(&pair.b, PRTC_EVENT_NEGOTIATION_NEEDED), 0);
  pair_close(&pair);
}

static void test_data_is_rejected(void) {
  pair_open(&pair);
  add_channel(&pair, &pair.a);
  describe(&pair.a, &pair.b, PRTC_SDP_OFFER, "m=application 9", "m=application 0");
  describe(&pair.b, &pair.a, PRTC_SDP_ANSWER, NULL, NULL);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(states_of(&pair.a).signaling, PRTC_SIGNALING_STABLE);
  PRTC_CHECK_INT(states_of(&pair.a).has_sctp, 0);
  PRTC_CHECK_INT(states_of(&pair.a).connection, PRTC_CONNECTION_NEW);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 0);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_CHANNEL_CLOSED), 1); /* nothing will ever carry it */
  add_channel(&pair, &pair.a); /* a second try */
  pair_fetch(&pair);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 1);
  pair_negotiate(&pair, &pair.a, &pair.b);
  pair_run(&pair, 5000000);
  check_connected();
  pair_close(&pair);
}

static void test_data_is_rejected_later(void) {
  connect();
  describe(&pair.a, &pair.b, PRTC_SDP_OFFER, "m=application 5000", "m=application 0");
  describe(&pair.b, &pair.a, PRTC_SDP_ANSWER, NULL, NULL);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_CHANNEL_CLOSED), 1);
  PRTC_CHECK_INT(count_events(&pair.b, PRTC_EVENT_CHANNEL_CLOSED), 1);
  PRTC_CHECK_INT(states_of(&pair.a).has_sctp, 0);
  PRTC_CHECK_INT(states_of(&pair.b).signaling, PRTC_SIGNALING_STABLE);
  pair_close(&pair);
}

/* Who rejects the section says so by its answer alone: a goodbye would come before it. */
static void test_rejection_is_told_by_the_answer(void) {
  connect();
  describe(&pair.a, &pair.b, PRTC_SDP_OFFER, "m=application 5000", "m=application 0");
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.b.peer, pair.now, PRTC_SDP_ANSWER, NULL, 0), PRTC_OK);
  pair_run(&pair, 100000);
  PRTC_CHECK_INT(count_events(&pair.b, PRTC_EVENT_CHANNEL_CLOSED), 1);
  PRTC_CHECK_INT(states_of(&pair.b).connection, PRTC_CONNECTION_NEW);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_CHANNEL_CLOSED), 0);
  PRTC_CHECK_INT(states_of(&pair.a).connection, PRTC_CONNECTION_CONNECTED);
  const char *answer = local_sdp(&pair.b);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(pair.a.peer, pair.now, PRTC_SDP_ANSWER, answer, strlen(answer)), PRTC_OK);
  pair_run(&pair, 100000);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_CHANNEL_CLOSED), 1);
  pair_close(&pair);
}

/* W3C: only close() ends a peer. That the other side has said goodbye closes the transport and its channels at once, also
 * while an offer waits for its answer; descriptions are taken as before. */
static void check_goodbye_while_offering(struct side *offerer, struct side *answerer) {
  connect();
  const char *offer;
  PRTC_CHECK_INT(prtc_peer_set_local_description(offerer->peer, pair.now, PRTC_SDP_OFFER, NULL, 0), PRTC_OK);
  offer = local_sdp(offerer);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(answerer->peer, pair.now, PRTC_SDP_OFFER, offer, strlen(offer)), PRTC_OK);
  PRTC_CHECK_INT(prtc_peer_close(pair.b.peer, pair.now), PRTC_OK);
  pair_run(&pair, 100000);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_CHANNEL_CLOSED), 1);
  int last = find_event(&pair.a, PRTC_EVENT_DTLS_TRANSPORT_STATE_CHANGE,
                        count_events(&pair.a, PRTC_EVENT_DTLS_TRANSPORT_STATE_CHANGE) - 1);
  PRTC_CHECK_INT(pair.a.log[last].state, PRTC_DTLS_TRANSPORT_CLOSED);
  if (offerer == &pair.b) {
    PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_ANSWER, NULL, 0), PRTC_OK);
  } else {
    PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_ROLLBACK, NULL, 0), PRTC_OK);
  }
  pair_run(&pair, 100000);
  PRTC_CHECK_INT(states_of(&pair.a).signaling, PRTC_SIGNALING_STABLE);
  pair_close(&pair);
}

static void test_goodbye_while_offering(void) {
  check_goodbye_while_offering(&pair.a, &pair.b);
  check_goodbye_while_offering(&pair.b, &pair.a);
}

/* A rejected section that is offered anew, by either side: another transport, other channels, the same endpoint. */
static void test_data_is_revived(void) {
  connect();
  for (int round = 1; round <= 3; round++) {
    struct side *offerer = round % 2 ? &pair.a : &pair.b, *answerer = round % 2 ? &pair.b : &pair.a;
    describe(offerer, answerer, PRTC_SDP_OFFER, "m=application 5000", "m=application 0");
    describe(answerer, offerer, PRTC_SDP_ANSWER, NULL, NULL);
    pair_run(&pair, 1000000);
    pair.a.count = pair.b.count = 0;
    prtc_channel_id channel = add_channel(&pair, answerer);
    PRTC_CHECK_INT((long long)(channel >> 32), round);
    pair_fetch(&pair);
    PRTC_CHECK_INT(count_events(answerer, PRTC_EVENT_NEGOTIATION_NEEDED), 1);
    PRTC_CHECK_INT(states_of(answerer).has_sctp, 0);
    pair_negotiate(&pair, answerer, offerer);
    PRTC_CHECK_INT(states_of(answerer).has_sctp, 1);
    PRTC_CHECK(strstr(strstr(local_sdp(answerer), "m=application") + 1, "m=application") == NULL); /* its place is reused */
    pair_run(&pair, 5000000);
    check_connected();
    PRTC_CHECK_INT(count_events(offerer, PRTC_EVENT_CHANNEL_OPEN), 1);
    PRTC_CHECK_INT(count_events(answerer, PRTC_EVENT_CHANNEL_OPEN), 1);
    PRTC_CHECK_INT(pair.a.log[find_event(&pair.a, PRTC_EVENT_DTLS_TRANSPORT_STATE_CHANGE, 0)].object, (unsigned)round + 1);
    PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_FAILED), 0);
    PRTC_CHECK_INT(prtc_peer_send(answerer->peer, pair.now, channel, PRTC_MESSAGE_TEXT, (const uint8_t *)"again", 5),
                   PRTC_OK);
    pair_run(&pair, 100000);
    PRTC_CHECK_INT(count_events(offerer, PRTC_EVENT_CHANNEL_MESSAGE), 1);
    PRTC_CHECK_INT(prtc_peer_send(answerer->peer, pair.now, 1, PRTC_MESSAGE_TEXT, (const uint8_t *)"", 0),
                   PRTC_ERROR_NOT_FOUND); /* of the first transport */
  }
  pair_close(&pair);
}

/* ---------------------------------------------------------------------------------------------------- negotiationneeded */

static void test_negotiation_needed_once(void) {
  pair_open(&pair);
  add_channel(&pair, &pair.a);
  add_channel(&pair, &pair.a);
  pair_fetch(&pair);
  add_channel(&pair, &pair.a);
  pair_run(&pair, 100000);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 1);
  pair_negotiate(&pair, &pair.a, &pair.b);
  pair_run(&pair, 3000000);
  add_channel(&pair, &pair.a); /* there is a data section now */
  add_channel(&pair, &pair.b);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 1);
  PRTC_CHECK_INT(count_events(&pair.b, PRTC_EVENT_NEGOTIATION_NEEDED), 0);
  pair_close(&pair);
}

/* The W3C's check is a task: an offer that is made at once spares the event. */
static void test_negotiation_needed_is_spared(void) {
  pair_open(&pair);
  add_channel(&pair, &pair.a);
  pair_negotiate(&pair, &pair.a, &pair.b);
  pair_run(&pair, 100000);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 0);
  pair_close(&pair);
}

/* A channel made while an offer without data is under way: the event waits for stable. */
static void test_negotiation_needed_waits_for_stable(void) {
  pair_open(&pair);
  describe(&pair.a, &pair.b, PRTC_SDP_OFFER, NULL, NULL);
  add_channel(&pair, &pair.a);
  pair_fetch(&pair);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 0);
  describe(&pair.b, &pair.a, PRTC_SDP_ANSWER, NULL, NULL);
  pair_fetch(&pair);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 1);
  int stable = find_event(&pair.a, PRTC_EVENT_SIGNALING_STATE_CHANGE, 1);
  PRTC_CHECK(find_event(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED, 0) > stable);
  pair_negotiate(&pair, &pair.a, &pair.b);
  pair_run(&pair, 5000000);
  PRTC_CHECK_INT(states_of(&pair.a).connection, PRTC_CONNECTION_CONNECTED);
  pair_close(&pair);
}

/* --------------------------------------------------------------------------------------------------------------- errors */

static void test_errors_have_sentences(void) {
  pair_open(&pair);
  char out[SDP_ROOM];
  PRTC_CHECK_INT(prtc_peer_set_remote_description(pair.a.peer, 0, PRTC_SDP_OFFER, "v=0\r\nx", 6), PRTC_ERROR_SYNTAX);
  PRTC_CHECK_TEXT(prtc_peer_error_message(pair.a.peer), "line 2: not of the form <letter>=<value>");
  PRTC_CHECK_INT(prtc_peer_create_answer(pair.a.peer, 0, out, sizeof out), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_TEXT(prtc_peer_error_message(pair.a.peer), "an answer can be created only when there is a remote offer");
  PRTC_CHECK(prtc_peer_create_offer(pair.a.peer, 0, NULL, out, sizeof out) > 0);
  PRTC_CHECK_TEXT(prtc_peer_error_message(pair.a.peer), "");
  PRTC_CHECK_INT(prtc_peer_add_ice_candidate(pair.a.peer, 0, "candidate:1 1 udp 1 192.0.2.9 9 typ host", "0", -1, NULL),
                 PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_TEXT(prtc_peer_error_message(pair.a.peer), "there is no remote description yet");
  out[0] = 'w';
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, 0, PRTC_SDP_OFFER, out, strlen(out)),
                 PRTC_ERROR_INVALID_MODIFICATION);
  prtc_channel_config config;
  prtc_channel_id channel;
  PRTC_INIT(&config);
  prtc_channel_config_init(&config);
  config.has_max_retransmits = config.has_max_packet_life_time = 1;
  PRTC_CHECK_INT(prtc_peer_create_data_channel(pair.a.peer, 0, &config, &channel), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK(prtc_peer_error_message(pair.a.peer)[0] != '\0');
  PRTC_CHECK_INT(prtc_peer_send(pair.a.peer, 0, 99, PRTC_MESSAGE_TEXT, (const uint8_t *)"x", 1), PRTC_ERROR_NOT_FOUND);
  pair_close(&pair);
}

static void test_unusable_candidates_are_ignored(void) {
  connect();
  static const char *const candidates[] = {
      "candidate:1 1 udp 1 8a3f1b2c-0000-4000-8000-123456789abc.local 9 typ host",
      "candidate:1 1 tcp 1 192.0.2.9 9 typ host tcptype active",
      "candidate:1 2 udp 1 192.0.2.9 9 typ host",
      "candidate:1 1 ssltcp 1 192.0.2.9 443 typ host",
  };
  for (size_t i = 0; i < 4; i++) {
    PRTC_CHECK_INT(prtc_peer_add_ice_candidate(pair.a.peer, pair.now, candidates[i], "0", -1, NULL), PRTC_OK);
  }
  PRTC_CHECK_INT(prtc_peer_add_ice_candidate(pair.a.peer, pair.now, "candidate:1 1 udp 1 192.0.2.9", "0", -1, NULL),
                 PRTC_ERROR_SYNTAX);
  PRTC_CHECK_INT(prtc_peer_add_ice_candidate(pair.a.peer, pair.now, candidates[0], "7", -1, NULL), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_peer_add_ice_candidate(pair.a.peer, pair.now, candidates[0], "0", -1, "othr"), PRTC_ERROR_NOT_FOUND);
  pair_close(&pair);
}

static void test_unknown_fingerprints(void) {
  static const char offer[] =
      "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n"
      "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=fingerprint:sha-9 AB\r\na=setup:actpass\r\n";
  pair_open(&pair);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(pair.a.peer, 0, PRTC_SDP_OFFER, offer, sizeof offer - 1),
                 PRTC_ERROR_INVALID_ACCESS);
  PRTC_CHECK_TEXT(prtc_peer_error_message(pair.a.peer), "no fingerprint is of an algorithm that is known");
  pair_fetch(&pair);
  PRTC_CHECK_INT(pair.a.count, 0);
  pair_close(&pair);
}

/* Another certificate would be another DTLS association: refused, and the connection goes on. */
/* Of many lines those of the strongest algorithm count, each once; too many are refused with the description that has
 * them. */
static void test_many_fingerprints(void) {
  static char answer[SDP_ROOM], value[32 * 3];
  for (int different = 7; different <= 8; different++) {
    pair_open(&pair);
    add_channel(&pair, &pair.a);
    describe(&pair.a, &pair.b, PRTC_SDP_OFFER, NULL, NULL);
    PRTC_CHECK_INT(prtc_peer_set_local_description(pair.b.peer, pair.now, PRTC_SDP_ANSWER, NULL, 0), PRTC_OK);
    const char *sdp = local_sdp(&pair.b), *line = strstr(sdp, "a=fingerprint:");
    struct prtc_text text = prtc_text_of(answer, sizeof answer);
    prtc_text_append(&text, sdp, (size_t)(line - sdp));
    for (int i = 0; i < 500; i++) {
      for (int k = 0; k < 32; k++) snprintf(value + 3 * k, sizeof value - (size_t)(3 * k), "%02X:", i % different);
      value[sizeof value - 1] = '\0';
      prtc_text_print(&text, "a=fingerprint:sha-%s %.95s\r\n", i % 10 == 9 ? "9" : "256", value);
    }
    prtc_text_print(&text, "%s", line);
    PRTC_REQUIRE(prtc_text_result(&text) > 0);
    int result = prtc_peer_set_remote_description(pair.a.peer, pair.now, PRTC_SDP_ANSWER, answer, text.size);
    PRTC_CHECK_INT(result, different == 7 ? PRTC_OK : PRTC_ERROR_INVALID_ACCESS);
    PRTC_CHECK_TEXT(prtc_peer_error_message(pair.a.peer),
                    different == 7 ? "" : "the section has more than 8 different fingerprints of one algorithm");
    if (different == 7) {
      pair_run(&pair, 5000000);
      check_connected();
    }
    pair_close(&pair);
  }
}

static void test_changed_fingerprint(void) {
  connect();
  static char offer[SDP_ROOM];
  snprintf(offer, sizeof offer, "%s", local_sdp(&pair.b));
  char *value = strstr(offer, "a=fingerprint:sha-256 ") + strlen("a=fingerprint:sha-256 ");
  *value = *value == 'A' ? 'B' : 'A';
  PRTC_CHECK_INT(prtc_peer_set_remote_description(pair.a.peer, pair.now, PRTC_SDP_OFFER, offer, strlen(offer)),
                 PRTC_ERROR_NOT_SUPPORTED);
  PRTC_CHECK_TEXT(prtc_peer_error_message(pair.a.peer),
                  "line 7: the other side's fingerprint changed: a new DTLS association within a section is not supported");
  pair_negotiate(&pair, &pair.b, &pair.a);
  pair_run(&pair, 1000000);
  check_connected();
  pair_close(&pair);
}

static void check_config(prtc_peer_config *config, int code, const char *sentence) {
  struct side side = {.ip = 9};
  prtc_context_config context;
  const char *reason = "";
  PRTC_INIT(&context);
  side.context = prtc_context_new(&context);
  PRTC_CHECK_INT(side_create(&side, config, &reason), code);
  PRTC_CHECK_TEXT(reason, sentence);
  side_close(&side);
}

static void test_configuration(void) {
  prtc_peer_config config;
  prtc_ice_server servers[40] = {{.url = "stun:example.org"}};
  PRTC_INIT(&config);
  config.ice_servers = servers;
  config.ice_server_count = 1;
  check_config(&config, PRTC_OK, "");
  servers[0].url = "stun:a b";
  check_config(&config, PRTC_ERROR_SYNTAX, "the host is empty or has characters that no name has");
  servers[0].url = "turn:example.org";
  check_config(&config, PRTC_ERROR_INVALID_ACCESS, "a TURN server needs a username and a credential");
  servers[0].username = "user";
  check_config(&config, PRTC_ERROR_INVALID_ACCESS, "a TURN server needs a username and a credential");
  servers[0].credential = "";
  check_config(&config, PRTC_OK, "");
  char longest[510] = "";
  memset(longest, 'a', 509);
  servers[0].username = longest;
  check_config(&config, PRTC_ERROR_INVALID_ACCESS, "the username of a TURN server is longer than 508 bytes");
  servers[0].url = NULL;
  check_config(&config, PRTC_ERROR_SYNTAX, "an ICE server has no URL");
  config.ice_server_count = 40;
  check_config(&config, PRTC_ERROR_INVALID_ARGUMENT, "more than 8 ICE servers");
  config.ice_server_count = 0;
  config.mtu = 100;
  check_config(&config, PRTC_ERROR_INVALID_ARGUMENT, "the MTU is not from 576 to 16,376 bytes");
  config.mtu = 1400;
  config.max_message_size = PRTC_MAX_MESSAGE_SIZE_MOST + 1;
  check_config(&config, PRTC_ERROR_INVALID_ARGUMENT, "max_message_size is more than 256 MiB");
  config.max_message_size = PRTC_MAX_MESSAGE_SIZE_MOST;
  check_config(&config, PRTC_OK, "");
  config.ice_transport_policy = PRTC_ICE_POLICY_RELAY;
  check_config(&config, PRTC_OK, "");
  config.ice_transport_policy = 7;
  check_config(&config, PRTC_ERROR_INVALID_ARGUMENT, "unknown ICE transport policy");
}

static void test_fingerprint_of_peer(void) {
  pair_open(&pair);
  char text[256], line[300];
  PRTC_CHECK_INT(prtc_peer_get_fingerprint(pair.a.peer, text, sizeof text), (int)strlen("sha-256 ") + 32 * 3 - 1);
  PRTC_CHECK_INT(prtc_peer_get_fingerprint(pair.a.peer, text, 10), PRTC_ERROR_BUFFER_TOO_SMALL);
  PRTC_CHECK(prtc_peer_get_fingerprint(pair.a.peer, text, sizeof text) > 0);
  add_channel(&pair, &pair.a);
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, 0, PRTC_SDP_OFFER, NULL, 0), PRTC_OK);
  snprintf(line, sizeof line, "a=fingerprint:%s\r\n", text);
  PRTC_CHECK(strstr(local_sdp(&pair.a), line) != NULL);
  pair_close(&pair);
}

/* ---------------------------------------------------------------------------------------------------------------- close */

static void check_is_closed(struct side *side) {
  char out[SDP_ROOM];
  prtc_channel_config config;
  prtc_channel_id channel;
  PRTC_INIT(&config);
  prtc_channel_config_init(&config);
  PRTC_CHECK_INT(prtc_peer_create_offer(side->peer, pair.now, NULL, out, sizeof out), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_TEXT(prtc_peer_error_message(side->peer), "the peer is closed");
  PRTC_CHECK_INT(prtc_peer_create_answer(side->peer, pair.now, out, sizeof out), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(prtc_peer_set_local_description(side->peer, pair.now, (prtc_sdp_type)0, NULL, 0),
                 PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(side->peer, pair.now, PRTC_SDP_OFFER, "", 0), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(prtc_peer_add_ice_candidate(side->peer, pair.now, "", NULL, -1, NULL), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(prtc_peer_restart_ice(side->peer, pair.now), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(prtc_peer_create_data_channel(side->peer, pair.now, &config, &channel), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(prtc_peer_send(side->peer, pair.now, 1, PRTC_MESSAGE_TEXT, NULL, 0), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(prtc_peer_close(side->peer, pair.now), PRTC_OK); /* twice */
  pair_run(&pair, 1000000);
  prtc_peer_states states = states_of(side);
  PRTC_CHECK_INT(states.signaling, PRTC_SIGNALING_CLOSED);
  PRTC_CHECK_INT(states.ice_connection, PRTC_ICE_CONNECTION_CLOSED);
  PRTC_CHECK_INT(states.connection, PRTC_CONNECTION_CLOSED);
  PRTC_REQUIRE(side->count > 0);
  PRTC_CHECK_INT(side->log[side->count - 1].type, PRTC_EVENT_CONNECTION_STATE_CHANGE); /* the last one, once */
  PRTC_CHECK_INT(side->log[side->count - 1].state, PRTC_CONNECTION_CLOSED);
  PRTC_CHECK(prtc_peer_deadline(side->peer) == PRTC_NEVER);
}

static void test_close_when_connected(void) {
  connect();
  PRTC_CHECK_INT(prtc_peer_close(pair.a.peer, pair.now), PRTC_OK);
  check_is_closed(&pair.a);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_CHANNEL_CLOSED), 1);
  PRTC_CHECK_INT(count_events(&pair.b, PRTC_EVENT_CHANNEL_CLOSED), 1); /* the goodbye has arrived */
  PRTC_CHECK_INT(states_of(&pair.b).sctp_transport, PRTC_SCTP_TRANSPORT_CLOSED);
  pair_close(&pair);
}

static void test_close_at_once(void) {
  pair_open(&pair);
  add_channel(&pair, &pair.a);
  PRTC_CHECK_INT(prtc_peer_close(pair.a.peer, pair.now), PRTC_OK);
  check_is_closed(&pair.a);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), 0);
  PRTC_CHECK_INT(prtc_peer_close(pair.b.peer, pair.now), PRTC_OK); /* it never had anything */
  check_is_closed(&pair.b);
  pair_close(&pair);
}

/* Close after each number of steps of a connection in the making, and free after it: nothing hangs, leaks or speaks
 * afterwards. */
static void test_close_at_any_moment(void) {
  for (prtc_time moment = 0; moment < 400000; moment += 20000) {
    pair_open(&pair);
    add_channel(&pair, &pair.a);
    pair_negotiate(&pair, &pair.a, &pair.b);
    pair_run(&pair, moment);
    PRTC_CHECK_INT(prtc_peer_close(pair.b.peer, pair.now), PRTC_OK);
    check_is_closed(&pair.b);
    pair_close(&pair);
    PRTC_CHECK(pair.a.removed && pair.b.removed);
  }
}

/* Commands of a peer whose memory ends at some point: all end with a code, and nothing is left behind. */
static int command_without_memory(void *argument) {
  struct side *side = argument;
  prtc_peer_config peer_config;
  prtc_channel_config channel_config;
  prtc_channel_id channel;
  const char *reason;
  static char out[SDP_ROOM];
  PRTC_INIT(&peer_config);
  PRTC_INIT(&channel_config);
  prtc_channel_config_init(&channel_config);
  side->peer = NULL;
  int result = side_create(side, &peer_config, &reason);
  if (result < 0) return result;
  result = prtc_peer_create_data_channel(side->peer, 0, &channel_config, &channel);
  if (result >= 0) result = prtc_peer_create_offer(side->peer, 0, NULL, out, sizeof out);
  if (result >= 0) result = prtc_peer_set_local_description(side->peer, 0, PRTC_SDP_OFFER, out, strlen(out));
  if (result >= 0) result = prtc_peer_set_remote_description(side->peer, 0, PRTC_SDP_ROLLBACK, NULL, 0);
  if (result < 0) PRTC_CHECK(prtc_peer_error_message(side->peer)[0] != '\0');
  prtc_peer_free(side->peer);
  return result;
}

static void test_without_memory(void) {
  struct prtc_meter meter = {.left = -1};
  const prtc_allocator allocator = prtc_metered(&meter);
  struct side side = {.ip = 9};
  prtc_context_config config;
  PRTC_INIT(&config);
  config.allocator = &allocator;
  side.context = prtc_context_new(&config);
  PRTC_REQUIRE(side.context != NULL && host_certificate((prtc_endpoint *)(void *)&side) != NULL);
  int refused = prtc_run_out_of_memory(&meter, command_without_memory, &side);
  PRTC_CHECK(refused > 10 && refused < 999);
  prtc_certificate_release(side.certificate);
  prtc_context_free(side.context);
}

int main(void) {
  PRTC_RUN(test_nothing_happens_alone);
  PRTC_RUN(test_connects);
  PRTC_RUN(test_ice_roles);
  PRTC_RUN(test_role_conflict);
  PRTC_RUN(test_remote_certificate);
  PRTC_RUN(test_order_of_events);
  PRTC_RUN(test_states_follow_events);
  PRTC_RUN(test_candidate_events);
  PRTC_RUN(test_description_with_candidates);
  PRTC_RUN(test_connects_without_trickle);
  PRTC_RUN(test_each_pairing_of_roles);
  PRTC_RUN(test_bundle_only_with_port_zero);
  PRTC_RUN(test_candidates_before_the_answer);
  PRTC_RUN(test_channels_at_every_stage);
  PRTC_RUN(test_data_is_always_negotiated);
  PRTC_RUN(test_data_is_rejected);
  PRTC_RUN(test_data_is_rejected_later);
  PRTC_RUN(test_rejection_is_told_by_the_answer);
  PRTC_RUN(test_goodbye_while_offering);
  PRTC_RUN(test_data_is_revived);
  PRTC_RUN(test_negotiation_needed_once);
  PRTC_RUN(test_negotiation_needed_is_spared);
  PRTC_RUN(test_negotiation_needed_waits_for_stable);
  PRTC_RUN(test_errors_have_sentences);
  PRTC_RUN(test_unusable_candidates_are_ignored);
  PRTC_RUN(test_unknown_fingerprints);
  PRTC_RUN(test_many_fingerprints);
  PRTC_RUN(test_changed_fingerprint);
  PRTC_RUN(test_configuration);
  PRTC_RUN(test_fingerprint_of_peer);
  PRTC_RUN(test_close_when_connected);
  PRTC_RUN(test_close_at_once);
  PRTC_RUN(test_close_at_any_moment);
  PRTC_RUN(test_without_memory);
  return PRTC_TEST_RESULT();
}
