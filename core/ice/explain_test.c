/* The sentences that say why a connection has failed.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/ice/world_test.h"

static bool lose_all(struct world *world, const struct packet *packet) {
  (void)world, (void)packet;
  return true;
}

static bool lose_answers(struct world *world, const struct packet *packet) {
  (void)world;
  return packet->data[0] == 1;
}

/* Agent 0 against a side of which it has these candidates; the sentence of its failure. */
static const char *fail_with(struct world *world, loss lose, const char *const *lines, size_t count, bool ended) {
  agent_new(world, 0, true, NULL)->signal = false;
  agent_new(world, 1, false, NULL);
  agent_socket(world, 0, "192.0.2.1:5000");
  agent_socket(world, 1, "192.0.2.2:6000");
  world->lose = lose;
  exchange(world);
  end_of_sockets(world);
  world->agents[1].signal = false;
  for (size_t i = 0; i < count; i++) {
    prtc_candidate candidate;
    PRTC_REQUIRE(prtc_candidate_parse(&candidate, lines[i], strlen(lines[i])) == 0);
    PRTC_CHECK_INT(prtc_ice_add_remote_candidate(world->agents[0].ice, world->now, &candidate), 0);
  }
  if (ended) prtc_ice_end_of_remote_candidates(world->agents[0].ice, world->now);
  if (lose == lose_answers) {
    PRTC_CHECK_INT(prtc_ice_add_remote_candidate(world->agents[1].ice, world->now, &world->agents[0].candidates[0]), 0);
  }
  run_for(world, 200 * SECOND);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_FAILED);
  PRTC_CHECK_INT(world->agents[0].failed, 1);
  return world->agents[0].text;
}

#define RELAY_HINT "; no relayed candidate on either side: a TURN server would help"

static void sentences(void) {
  static const char *const host = "candidate:1 1 udp 2130706431 192.0.2.9 9 typ host";
  static const char *const six = "candidate:1 1 udp 2130706431 2001:db8::1 9 typ host";
  static const char *const relayed = "candidate:2 1 udp 1000 198.51.100.7 9 typ relay raddr 0.0.0.0 rport 9";
  static const char *const other = "candidate:1 2 udp 2130706431 192.0.2.9 9 typ host";
  static const char *const real = "candidate:1 1 udp 2130706431 192.0.2.2 6000 typ host";
  const struct {
    const char *candidates[2];
    size_t count;
    bool ended;
    loss lose;
    const char *text;
  } cases[] = {
      {{NULL}, 0, true, lose_all, "the other side sent no candidates, and no check of it came"},
      {{NULL}, 0, false, lose_all, "the other side sent no candidates, and no check of it came; the other side has not said that its "
                                   "candidates are complete"},
      {{other}, 1, true, lose_all, "the other side's 1 candidate cannot be used from here, and no check of it came"},
      {{six}, 1, true, lose_all, "1 local address and 1 candidate of the other side made no pair: they are of different families, IPv4 "
                                 "and IPv6, and no check of it came"},
      {{host}, 1, true, lose_all, "1 pair tried, none answered: no answer to 18 checks, and no check of the other side" RELAY_HINT},
      {{host, relayed}, 2, true, lose_all, "2 pairs tried, none answered: no answer to 36 checks, and no check of the other side"},
      {{real}, 1, true, lose_answers, "1 pair tried: checks of the other side arrived, but none of our 19 was answered" RELAY_HINT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct world *world = world_new();
    PRTC_CHECK_TEXT(fail_with(world, cases[i].lose, cases[i].candidates, cases[i].count, cases[i].ended), cases[i].text);
    world_free(world);
  }
}

int main(void) {
  PRTC_RUN(sentences);
  return PRTC_TEST_RESULT();
}
