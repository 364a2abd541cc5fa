/* The answerer may act on its answer before that has reached the offerer: what comes over the network overtakes the
 * signalling.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/peer/pair_test.h"

static struct pair pair;

/* The ClientHello comes after a check of the same side, which knows our password: the handshake begins and waits for the
 * answer, instead of for a repetition of the ClientHello. */
static void test_client_hello_before_the_answer(void) {
  static char sdp[SDP_ROOM];
  prtc_sdp_type type;
  pair_open(&pair);
  add_channel(&pair, &pair.a);
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.a.peer, pair.now, PRTC_SDP_OFFER, NULL, 0), PRTC_OK);
  pair_run(&pair, 1000);
  int size = prtc_peer_get_description(pair.a.peer, PRTC_DESCRIPTION_LOCAL, &type, sdp, sizeof sdp);
  PRTC_REQUIRE(size > 0);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(pair.b.peer, pair.now, PRTC_SDP_OFFER, sdp, (size_t)size), PRTC_OK);
  PRTC_CHECK_INT(prtc_peer_set_local_description(pair.b.peer, pair.now, PRTC_SDP_ANSWER, NULL, 0), PRTC_OK);
  pair_run(&pair, 100000);
  size = prtc_peer_get_description(pair.b.peer, PRTC_DESCRIPTION_LOCAL, &type, sdp, sizeof sdp);
  PRTC_REQUIRE(size > 0);
  PRTC_CHECK(pair.a.log[pair.a.count - 1].states.connection != PRTC_CONNECTION_CONNECTED);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(pair.a.peer, pair.now, PRTC_SDP_ANSWER, sdp, (size_t)size), PRTC_OK);
  pair_run(&pair, 1000);
  PRTC_CHECK_INT(pair.a.log[pair.a.count - 1].states.connection, PRTC_CONNECTION_CONNECTED);
  PRTC_CHECK_INT(pair.b.log[pair.b.count - 1].states.connection, PRTC_CONNECTION_CONNECTED);
  pair_close(&pair);
}

int main(void) {
  PRTC_RUN(test_client_hello_before_the_answer);
  return PRTC_TEST_RESULT();
}
