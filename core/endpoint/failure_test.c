/* Why a connection failed: each way to fail is told once, by a code and a sentence that says what happened.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/endpoint/world_test.h"

static struct world world;
static char sdp[65536];

static bool drop_all(struct world *w, const struct flight *flight) {
  (void)w, (void)flight;
  return true;
}

static bool is_dtls(const struct flight *flight) {
  return flight->size > 0 && flight->bytes[0] >= 20 && flight->bytes[0] < 64;
}

static bool drop_dtls(struct world *w, const struct flight *flight) {
  (void)w;
  return is_dtls(flight);
}

static bool drop_replies_of_first(struct world *w, const struct flight *flight) {
  (void)w;
  return flight->from.ip[3] == 2;
}

static void open_two(void) {
  world_open(&world, NULL);
  world_peer(&world, 0);
  world_peer(&world, 1);
  world_channel(&world, 0, "chat");
}

/* Exactly one event, with this code and these words. */
static void check_told(int node, int code, const char *words) {
  const struct seen *told = world_find(&world, node, PRTC_EVENT_FAILED, -1);
  unsigned count = 0;
  for (size_t i = 0; i < world.nodes[node].event_count; i++) {
    count += world.nodes[node].events[i].event.type == PRTC_EVENT_FAILED;
  }
  PRTC_CHECK_INT(count, 1);
  if (told == NULL) return;
  PRTC_CHECK_INT(told->event.code, code);
  if (strstr(told->text, words) == NULL) {
    fprintf(stderr, "told: %s\n", told->text);
    PRTC_CHECK_TEXT(told->text, words);
  }
}

static void check_failed(int node, int code, const char *words) {
  PRTC_CHECK(world_find(&world, node, PRTC_EVENT_CONNECTION_STATE_CHANGE, PRTC_CONNECTION_FAILED) != NULL);
  check_told(node, code, words);
}

/* The description of `from` reaches the other side with `text` written over what stands at its first letters. */
static void describe_changed(int from, prtc_sdp_type type, const char *text, size_t letters) {
  prtc_peer *a = world.nodes[from].peer, *b = world.nodes[1 - from].peer;
  int size = type == PRTC_SDP_OFFER ? prtc_peer_create_offer(a, world.now, NULL, sdp, sizeof sdp)
                                    : prtc_peer_create_answer(a, world.now, sdp, sizeof sdp);
  PRTC_REQUIRE(size > 0);
  PRTC_REQUIRE(prtc_peer_set_local_description(a, world.now, type, sdp, (size_t)size) == 0);
  for (size_t i = 0; i + letters < (size_t)size; i++) {
    if (memcmp(sdp + i, text, letters) == 0) memcpy(sdp + i, text, strlen(text));
  }
  int code = prtc_peer_set_remote_description(b, world.now, type, sdp, (size_t)size);
  if (code < 0) fprintf(stderr, "%s\n", prtc_peer_error_message(b));
  PRTC_REQUIRE(code == 0);
}

static void connect_now(void) {
  world_signal(&world, 0, PRTC_SDP_OFFER);
  world_signal(&world, 1, PRTC_SDP_ANSWER);
}

static void no_candidates(void) {
  open_two();
  world.trickle = false;
  connect_now();
  world_run(&world, 120000000);
  for (int i = 0; i < 2; i++) {
    check_failed(i, PRTC_ERROR_ICE_FAILED, "the other side sent no candidates, and no check of it came");
  }
  world_close(&world);
}

static void nobody_answers(void) {
  open_two();
  world.drop = drop_all;
  connect_now();
  world_run(&world, 120000000);
  for (int i = 0; i < 2; i++) {
    check_failed(i, PRTC_ERROR_ICE_FAILED, "none answered: no answer to");
  }
  world_close(&world);
}

/* One way alone works: node 1 hears, and is not heard. */
static void answers_get_lost(void) {
  open_two();
  world.drop = drop_replies_of_first;
  connect_now();
  world_run(&world, 120000000);
  check_failed(0, PRTC_ERROR_ICE_FAILED, "none answered: no answer to");
  check_failed(1, PRTC_ERROR_ICE_FAILED, "checks of the other side arrived, but none of our");
  world_close(&world);
}

static void wrong_password(void) {
  open_two();
  describe_changed(0, PRTC_SDP_OFFER, "a=ice-pwd:AAAAAAAAAA", 10);
  describe_changed(1, PRTC_SDP_ANSWER, "a=ice-pwd:BBBBBBBBBB", 10);
  world_run(&world, 120000000);
  for (int i = 0; i < 2; i++) check_failed(i, PRTC_ERROR_ICE_FAILED, "had another user name or password");
  world_close(&world);
}

/* One of the two alone: the other side's checks come through, and call for ours for ever. */
static void wrong_password_of_one(void) {
  open_two();
  describe_changed(0, PRTC_SDP_OFFER, "a=ice-pwd:AAAAAAAAAA", 10);
  world_signal(&world, 1, PRTC_SDP_ANSWER);
  world_run(&world, 120000000);
  check_failed(0, PRTC_ERROR_TIMEOUT, "handshake");
  check_failed(1, PRTC_ERROR_ICE_FAILED, "checks of the other side arrived, but none of our");
  world_close(&world);
}

static void wrong_fingerprint(void) {
  open_two();
  describe_changed(0, PRTC_SDP_OFFER, "a=fingerprint:sha-256 00:00:00:00", 22);
  world_signal(&world, 1, PRTC_SDP_ANSWER);
  world_run(&world, 120000000);
  check_failed(1, PRTC_ERROR_FINGERPRINT_MISMATCH, "does not match its fingerprint");
  check_failed(0, PRTC_ERROR_DTLS_ALERT, "alert: bad certificate");
  world_close(&world);
}

/* ICE works, DTLS is lost on the way: ICE has nothing to complain of. */
static void dtls_gets_lost(void) {
  open_two();
  world.drop = drop_dtls;
  connect_now();
  world_run(&world, 120000000);
  for (int i = 0; i < 2; i++) check_failed(i, PRTC_ERROR_TIMEOUT, "handshake was not complete after 30 seconds");
  world_close(&world);
}

/* The path is lost in the midst of the handshake: ICE tells, DTLS does not, and goes on where ICE finds another. */
static void the_path_is_lost_in_the_handshake(void) {
  open_two();
  world.drop = drop_dtls;
  connect_now();
  world_run(&world, 2000000);
  world.drop = drop_all;
  world_run(&world, 120000000);
  for (int i = 0; i < 2; i++) {
    PRTC_CHECK(world_find(&world, i, PRTC_EVENT_DTLS_TRANSPORT_STATE_CHANGE, PRTC_DTLS_TRANSPORT_FAILED) == NULL);
    check_failed(i, PRTC_ERROR_CONSENT_EXPIRED, "has not answered on the selected pair for 30 s");
  }
  world.drop = NULL;
  PRTC_CHECK_INT(prtc_peer_restart_ice(world.nodes[0].peer, world.now), 0);
  connect_now();
  world_run(&world, 10000000);
  for (int i = 0; i < 2; i++) {
    PRTC_CHECK(world_find(&world, i, PRTC_EVENT_CONNECTION_STATE_CHANGE, PRTC_CONNECTION_CONNECTED) != NULL);
  }
  world_close(&world);
}

static void the_other_side_vanishes(void) {
  open_two();
  connect_now();
  world_run(&world, 2000000);
  PRTC_CHECK(world_find(&world, 0, PRTC_EVENT_CHANNEL_OPEN, -1) != NULL);
  world.drop = drop_all;
  world_run(&world, 300000000);
  for (int i = 0; i < 2; i++) check_failed(i, PRTC_ERROR_CONSENT_EXPIRED, "has not answered on the selected pair for 30 s");
  world_close(&world);
}

/* ICE can come back: a restart after a failure that fails again is told again. */
static void a_second_failure_is_told(void) {
  open_two();
  connect_now();
  world_run(&world, 2000000);
  world.drop = drop_all;
  world_run(&world, 120000000);
  check_told(0, PRTC_ERROR_CONSENT_EXPIRED, "");
  PRTC_CHECK_INT(prtc_peer_restart_ice(world.nodes[0].peer, world.now), 0);
  connect_now();
  world_run(&world, 200000000);
  unsigned count = 0;
  for (size_t i = 0; i < world.nodes[0].event_count; i++) count += world.nodes[0].events[i].event.type == PRTC_EVENT_FAILED;
  PRTC_CHECK_INT(count, 2);
  world_close(&world);
}

static void goodbyes_are_no_failures(void) {
  for (int who = 0; who < 2; who++) {
    open_two();
    connect_now();
    world_run(&world, 2000000);
    PRTC_CHECK_INT(prtc_peer_close(world.nodes[who].peer, world.now), 0);
    world_run(&world, 120000000);
    for (int i = 0; i < 2; i++) PRTC_CHECK(world_find(&world, i, PRTC_EVENT_FAILED, -1) == NULL || i != who);
    const struct seen *told = world_find(&world, 1 - who, PRTC_EVENT_FAILED, -1);
    /* It was not closed here, and is alone */
    if (told != NULL) PRTC_CHECK_INT(told->event.code, PRTC_ERROR_CONSENT_EXPIRED);
    world_close(&world);
  }
}

int main(void) {
  PRTC_RUN(no_candidates);
  PRTC_RUN(nobody_answers);
  PRTC_RUN(answers_get_lost);
  PRTC_RUN(wrong_password);
  PRTC_RUN(wrong_password_of_one);
  PRTC_RUN(wrong_fingerprint);
  PRTC_RUN(dtls_gets_lost);
  PRTC_RUN(the_path_is_lost_in_the_handshake);
  PRTC_RUN(the_other_side_vanishes);
  PRTC_RUN(a_second_failure_is_told);
  PRTC_RUN(goodbyes_are_no_failures);
  return PRTC_TEST_RESULT();
}
