/* What the peer's tests do again and again with their pair.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_PEER_STEPS_TEST_H
#define PRTC_PEER_STEPS_TEST_H

#include "core/peer/pair_test.h"

static struct pair pair;

static inline prtc_peer_states states_of(const struct side *side) {
  prtc_peer_states states;
  PRTC_INIT(&states);
  PRTC_CHECK_INT(prtc_peer_get_states(side->peer, &states), PRTC_OK);
  return states;
}

static inline const char *local_sdp(const struct side *side) {
  static char sdp[SDP_ROOM];
  prtc_sdp_type type;
  PRTC_CHECK(prtc_peer_get_description(side->peer, PRTC_DESCRIPTION_LOCAL, &type, sdp, sizeof sdp) > 0);
  return sdp;
}

/* Sets a local description of `from` and hands it to `to`, with the first `search` replaced (NULL: as it is). */
static inline void describe(struct side *from, struct side *to, prtc_sdp_type type, const char *search,
                            const char *replacement) {
  static char sdp[SDP_ROOM];
  PRTC_CHECK_INT(prtc_peer_set_local_description(from->peer, pair.now, type, NULL, 0), PRTC_OK);
  const char *text = local_sdp(from), *place = search == NULL ? NULL : strstr(text, search);
  PRTC_REQUIRE(search == NULL || place != NULL);
  if (place == NULL) {
    snprintf(sdp, sizeof sdp, "%s", text);
  } else {
    snprintf(sdp, sizeof sdp, "%.*s%s%s", (int)(place - text), text, replacement, place + strlen(search));
  }
  int result = prtc_peer_set_remote_description(to->peer, pair.now, type, sdp, strlen(sdp));
  if (result < 0) fprintf(stderr, "%s\n", prtc_peer_error_message(to->peer));
  PRTC_CHECK_INT(result, PRTC_OK);
}

static inline void check_connected(void) {
  PRTC_CHECK_INT(states_of(&pair.a).connection, PRTC_CONNECTION_CONNECTED);
  PRTC_CHECK_INT(states_of(&pair.b).connection, PRTC_CONNECTION_CONNECTED);
  PRTC_CHECK_INT(states_of(&pair.a).sctp_transport, PRTC_SCTP_TRANSPORT_CONNECTED);
  PRTC_CHECK_INT(states_of(&pair.b).sctp_transport, PRTC_SCTP_TRANSPORT_CONNECTED);
}

static inline void connect(void) {
  pair_open(&pair);
  add_channel(&pair, &pair.a);
  pair_fetch(&pair);
  pair_negotiate(&pair, &pair.a, &pair.b);
  pair_run(&pair, 5000000);
  PRTC_REQUIRE(states_of(&pair.a).connection == PRTC_CONNECTION_CONNECTED);
  PRTC_REQUIRE(states_of(&pair.b).connection == PRTC_CONNECTION_CONNECTED);
}

/* The states of a type of event, one after the other. */
static inline void check_sequence(const struct side *side, uint32_t type, const uint32_t *expected, size_t count) {
  PRTC_CHECK_INT(count_events(side, type), (int)count);
  for (size_t i = 0; i < count; i++) {
    int place = find_event(side, type, (int)i);
    if (place >= 0) PRTC_CHECK_INT(side->log[place].state, expected[i]);
  }
}

#define CHECK_SEQUENCE(side, type, ...)                                                          \
  check_sequence((side), (type), (const uint32_t[]){__VA_ARGS__},                                \
                 sizeof(const uint32_t[]){__VA_ARGS__} / sizeof(uint32_t))

#endif
