/* prtc_peer_set_configuration (W3C section 4.4.1.6): other servers, and what may not change.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/peer/pair_test.h"

static struct pair pair;

/* Sets a STUN server at 198.51.100.`server` (0: none), and `mtu`. */
static int set_server(struct side *side, unsigned server, uint32_t mtu) {
  char url[64];
  const prtc_ice_server servers[] = {{.url = url}};
  prtc_peer_config config;
  PRTC_INIT(&config);
  snprintf(url, sizeof url, "stun:198.51.100.%u", server);
  config.ice_servers = servers;
  config.ice_server_count = server != 0;
  config.mtu = mtu;
  return prtc_peer_set_configuration(side->peer, pair.now, &config);
}

static bool asks(struct side *side, unsigned server) {
  bool asked = side->asked[server] > 0;
  memset(side->asked, 0, sizeof side->asked);
  return asked;
}

static void read_ufrag(struct side *side, char out[32]) {
  static char sdp[SDP_ROOM];
  prtc_sdp_type type;
  PRTC_REQUIRE(prtc_peer_get_description(side->peer, PRTC_DESCRIPTION_LOCAL, &type, sdp, sizeof sdp) > 0);
  const char *line = strstr(sdp, "a=ice-ufrag:");
  PRTC_REQUIRE(line != NULL);
  snprintf(out, 32, "%.20s", line);
}

static char before[32]; /* a's ufrag, as it was */

/* Is it another since the last time? */
static bool has_restarted(void) {
  char now[32];
  read_ufrag(&pair.a, now);
  bool is_other = strcmp(now, before) != 0;
  memcpy(before, now, sizeof before);
  return is_other;
}

static void connect(void) {
  pair_open(&pair);
  PRTC_CHECK_INT(set_server(&pair.a, 1, 0), PRTC_OK);
  add_channel(&pair, &pair.a);
  pair_negotiate(&pair, &pair.a, &pair.b);
  pair_run(&pair, 1000000);
  PRTC_CHECK(asks(&pair.a, 1));
  (void)has_restarted();
}

static void renegotiate(void) {
  (void)asks(&pair.a, 0); /* a server that does not answer has been asked until now */
  pair_negotiate(&pair, &pair.a, &pair.b);
  pair_run(&pair, 3000000);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_FAILED) + count_events(&pair.b, PRTC_EVENT_FAILED), 0);
  PRTC_CHECK_INT(pair.a.log[pair.a.count - 1].states.connection, PRTC_CONNECTION_CONNECTED);
}

static void test_nothing_follows_by_itself(void) {
  connect();
  int needed = count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED);
  PRTC_CHECK_INT(set_server(&pair.a, 2, 0), PRTC_OK);
  pair_run(&pair, 20000000);
  PRTC_CHECK(!asks(&pair.a, 2));
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_NEGOTIATION_NEEDED), needed);
  pair_close(&pair);
}

static void test_next_offer_restarts(void) {
  connect();
  PRTC_CHECK_INT(set_server(&pair.a, 1, 0), PRTC_OK); /* the same is no change */
  renegotiate();
  PRTC_CHECK(!has_restarted());
  PRTC_CHECK_INT(set_server(&pair.a, 2, 0), PRTC_OK);
  renegotiate();
  PRTC_CHECK(has_restarted());
  PRTC_CHECK(pair.a.asked[1] == 0 && asks(&pair.a, 2));
  renegotiate();
  PRTC_CHECK(!has_restarted());
  PRTC_CHECK_INT(set_server(&pair.a, 0, 0), PRTC_OK);
  renegotiate();
  PRTC_CHECK(has_restarted());
  PRTC_CHECK(!asks(&pair.a, 2));
  pair_close(&pair);
}

/* An offer that is taken back has changed nothing: the next one restarts again. */
static void test_restart_that_is_rolled_back(void) {
  connect();
  PRTC_CHECK_INT(set_server(&pair.a, 2, 0), PRTC_OK);
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_OFFER, NULL, 0), PRTC_OK);
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_ROLLBACK, NULL, 0), PRTC_OK);
  PRTC_CHECK(!has_restarted());
  renegotiate();
  PRTC_CHECK(has_restarted());
  PRTC_CHECK(asks(&pair.a, 2));
  pair_close(&pair);
}

/* Who answers a restart gathers anew as well. */
static void test_answer_to_a_restart(void) {
  connect();
  PRTC_CHECK_INT(set_server(&pair.b, 3, 0), PRTC_OK);
  renegotiate();
  PRTC_CHECK(!asks(&pair.b, 3));
  PRTC_CHECK_INT(prtc_peer_restart_ice(pair.a.peer, pair.now), PRTC_OK);
  renegotiate();
  PRTC_CHECK(asks(&pair.b, 3));
  pair_close(&pair);
}

/* A name is resolved again: it may have moved. */
static void test_names(void) {
  const prtc_ice_server servers[] = {{.url = "stun:example.org"}, {.url = "stun:example.net"}};
  prtc_peer_config config;
  connect();
  PRTC_INIT(&config);
  config.ice_servers = servers;
  for (config.ice_server_count = 1; config.ice_server_count <= 2; config.ice_server_count++) {
    PRTC_CHECK_INT(prtc_peer_set_configuration(pair.a.peer, pair.now, &config), PRTC_OK);
    renegotiate();
  }
  PRTC_CHECK_INT(pair.a.resolved, 3);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_ICE_CANDIDATE_ERROR), 3);
  pair_close(&pair);
}

static void check_refused(const prtc_peer_config *config, int code, const char *sentence) {
  PRTC_CHECK_INT(prtc_peer_set_configuration(pair.a.peer, pair.now, config), code);
  PRTC_CHECK_TEXT(prtc_peer_error_message(pair.a.peer), sentence);
}

/* Whatever is refused, nothing has changed: the next offer is no restart. */
static void test_what_may_not_change(void) {
  const prtc_ice_server servers[] = {{.url = "stun:198.51.100.9"}, {.url = "stun:a b"}};
  prtc_peer_config config, plain;
  connect();
  PRTC_INIT(&plain);
  plain.ice_servers = servers;
  plain.ice_server_count = 1;
  config = plain, config.mtu = 1300;
  check_refused(&config, PRTC_ERROR_INVALID_MODIFICATION, "mtu may not be changed any more");
  config = plain, config.max_message_size = 1000;
  check_refused(&config, PRTC_ERROR_INVALID_MODIFICATION, "max_message_size may not be changed any more");
  config = plain, config.send_queue_size = 1000;
  check_refused(&config, PRTC_ERROR_INVALID_MODIFICATION, "send_queue_size may not be changed any more");
  config = plain, config.use_loopback = 1;
  check_refused(&config, PRTC_ERROR_INVALID_MODIFICATION, "use_loopback may not be changed any more");
  config = plain, config.streaming_channels = 1;
  check_refused(&config, PRTC_ERROR_INVALID_MODIFICATION, "streaming_channels may not be changed any more");
  const char *pem = "-----BEGIN CERTIFICATE-----";
  config = plain, config.certificates = &pem, config.certificate_count = 1;
  check_refused(&config, PRTC_ERROR_INVALID_MODIFICATION, "the certificates may not be changed");
  config = plain, config.ice_server_count = 2;
  check_refused(&config, PRTC_ERROR_SYNTAX, "the host is empty or has characters that no name has");
  config = plain, config.ice_transport_policy = 7;
  check_refused(&config, PRTC_ERROR_INVALID_ARGUMENT, "unknown ICE transport policy");
  config = plain, config.size = 1;
  PRTC_CHECK_INT(prtc_peer_set_configuration(pair.a.peer, pair.now, &config), PRTC_ERROR_INVALID_ARGUMENT);
  renegotiate();
  PRTC_CHECK(!has_restarted());
  PRTC_CHECK(!asks(&pair.a, 9));
  PRTC_CHECK_INT(prtc_peer_close(pair.a.peer, pair.now), PRTC_OK);
  PRTC_CHECK_INT(set_server(&pair.a, 2, 0), PRTC_ERROR_INVALID_STATE);
  pair_close(&pair);
}

/* Before there is a transport all but the certificates may. */
static void test_what_may_change_at_first(void) {
  char pem[PRTC_CERTIFICATE_PEM_SIZE], other[PRTC_CERTIFICATE_PEM_SIZE];
  const char *given[] = {pem, other}, *turned[] = {other, pem}, *twice[] = {pem, pem}, *reason;
  pair_open(&pair);
  prtc_certificate *certificates[] = {prtc_certificate_new(pair.a.context, 0), prtc_certificate_new(pair.a.context, 0)};
  PRTC_REQUIRE(prtc_certificate_print(certificates[0], pem, sizeof pem) > 0);
  PRTC_REQUIRE(prtc_certificate_print(certificates[1], other, sizeof other) > 0);
  prtc_peer_config config;
  PRTC_INIT(&config);
  config.certificates = given;
  config.certificate_count = 2;
  prtc_peer_destroy(pair.a.peer);
  PRTC_REQUIRE(side_create(&pair.a, &config, &reason) == PRTC_OK);
  config.mtu = 1300;
  config.max_message_size = 1000;
  PRTC_CHECK_INT(prtc_peer_set_configuration(pair.a.peer, pair.now, &config), PRTC_OK);
  config.certificates = turned;
  PRTC_CHECK_INT(prtc_peer_set_configuration(pair.a.peer, pair.now, &config), PRTC_OK);
  config.certificates = twice;
  PRTC_CHECK_INT(prtc_peer_set_configuration(pair.a.peer, pair.now, &config), PRTC_ERROR_INVALID_MODIFICATION);
  config.certificate_count = config.mtu = config.max_message_size = 0; /* as they were */
  PRTC_CHECK_INT(prtc_peer_set_configuration(pair.a.peer, pair.now, &config), PRTC_OK);
  config.certificates = given;
  config.certificate_count = 1;
  PRTC_CHECK_INT(prtc_peer_set_configuration(pair.a.peer, pair.now, &config), PRTC_ERROR_INVALID_MODIFICATION);
  add_channel(&pair, &pair.a);
  pair_negotiate(&pair, &pair.a, &pair.b);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(pair.b.log[pair.b.count - 1].states.max_message_size, 1000);
  prtc_certificate_release(certificates[0]);
  prtc_certificate_release(certificates[1]);
  pair_close(&pair);
}

/* The pool may change until setLocalDescription, and is filled at once. */
static void test_pool(void) {
  prtc_peer_config config;
  prtc_sdp_type type;
  char sdp[SDP_ROOM];
  pair_open(&pair);
  PRTC_INIT(&config);
  config.ice_candidate_pool_size = 1;
  PRTC_CHECK_INT(prtc_peer_set_configuration(pair.a.peer, pair.now, &config), PRTC_OK);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(count_events(&pair.a, PRTC_EVENT_ICE_CANDIDATE), 0);
  config.ice_candidate_pool_size = 2;
  PRTC_CHECK_INT(prtc_peer_set_configuration(pair.a.peer, pair.now, &config), PRTC_OK);
  add_channel(&pair, &pair.a);
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_OFFER, NULL, 0), PRTC_OK);
  pair_fetch(&pair); /* without any time */
  PRTC_CHECK(prtc_peer_get_description(pair.a.peer, PRTC_DESCRIPTION_LOCAL, &type, sdp, sizeof sdp) > 0);
  PRTC_CHECK(strstr(sdp, "a=candidate:") != NULL);
  PRTC_CHECK_INT(prtc_peer_set_configuration(pair.a.peer, pair.now, &config), PRTC_OK);
  config.ice_candidate_pool_size = 3;
  PRTC_CHECK_INT(prtc_peer_set_configuration(pair.a.peer, pair.now, &config), PRTC_ERROR_INVALID_MODIFICATION);
  pair_close(&pair);
}

int main(void) {
  PRTC_RUN(test_pool);
  PRTC_RUN(test_nothing_follows_by_itself);
  PRTC_RUN(test_next_offer_restarts);
  PRTC_RUN(test_restart_that_is_rolled_back);
  PRTC_RUN(test_answer_to_a_restart);
  PRTC_RUN(test_names);
  PRTC_RUN(test_what_may_not_change);
  PRTC_RUN(test_what_may_change_at_first);
  return PRTC_TEST_RESULT();
}
