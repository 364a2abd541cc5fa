/* An ICE-lite agent (RFC 8445 section 2.5) against full ones.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/ice/world_test.h"

static bool dead;
static uint64_t requests_of_lite;

static bool watch(struct world *world, const struct packet *packet) {
  (void)world;
  if (packet->from.port == 6000 && packet->data[0] == 0 && packet->data[1] == 1) requests_of_lite++;
  return dead;
}

/* Agent 1 is lite; the full one thinks that it controls, or not. Nobody is signalled the full one's candidates. */
static struct world *full_and_lite(bool controlling, bool both_controlling) {
  struct world *world = world_new();
  prtc_ice_config config;
  prtc_address server = address_of("198.51.100.1:3478");
  PRTC_INIT(&config);
  config.lite = 1;
  dead = false;
  requests_of_lite = 0;
  world->lose = watch;
  agent_new(world, 0, controlling, NULL)->signal = false;
  agent_new(world, 1, both_controlling, &config);
  PRTC_CHECK_INT(prtc_ice_add_server(world->agents[1].ice, world->now, &server), 0); /* which it does not ask */
  agent_socket(world, 0, "192.0.2.1:5000");
  agent_socket(world, 1, "192.0.2.2:6000");
  exchange(world);
  end_of_sockets(world);
  prtc_ice_end_of_remote_candidates(world->agents[1].ice, world->now);
  run_for(world, 1 * SECOND);
  return world;
}

static void connects(void) {
  for (int i = 0; i < 4; i++) {
    struct world *world = full_and_lite(i & 1, i & 2);
    for (size_t k = 0; k < 2; k++) {
      PRTC_CHECK_INT(state_of(world, k), PRTC_ICE_TRANSPORT_COMPLETED);
      PRTC_CHECK_INT(world->agents[k].selected, 1);
      PRTC_CHECK_INT(prtc_ice_is_controlling(world->agents[k].ice), k == 0);
    }
    check_pair(world, 0, "192.0.2.1:5000", "192.0.2.2:6000");
    check_pair(world, 1, "192.0.2.2:6000", "192.0.2.1:5000");
    PRTC_CHECK_INT(requests_of_lite, 0);
    PRTC_CHECK_INT(world->agents[1].candidate_count, 1);
    world_free(world);
  }
}

/* Row 13: not before its time, and it comes back. */
static void stays_and_comes_back(void) {
  struct world *world = full_and_lite(true, false);
  world->agents[0].state_count = world->agents[1].state_count = 0;
  run_for(world, 600 * SECOND);
  for (size_t k = 0; k < 2; k++) PRTC_CHECK_INT(world->agents[k].state_count, 0);
  PRTC_CHECK_INT(requests_of_lite, 0);
  dead = true;
  run_for(world, 7 * SECOND);
  PRTC_CHECK_INT(world->agents[1].state_count, 0); /* one check that is late is no reason */
  run_for(world, 13 * SECOND);
  for (size_t k = 0; k < 2; k++) PRTC_CHECK_INT(state_of(world, k), PRTC_ICE_TRANSPORT_DISCONNECTED);
  dead = false;
  run_for(world, 3 * SECOND);
  for (size_t k = 0; k < 2; k++) PRTC_CHECK_INT(state_of(world, k), PRTC_ICE_TRANSPORT_COMPLETED);
  dead = true;
  run_for(world, 40 * SECOND);
  for (size_t k = 0; k < 2; k++) PRTC_CHECK_INT(state_of(world, k), PRTC_ICE_TRANSPORT_FAILED);
  PRTC_CHECK_INT(requests_of_lite, 0);
  world_free(world);
}

/* The full side moves to another address: the lite one follows what is nominated. */
static void follows(void) {
  struct world *world = full_and_lite(true, false);
  world->agents[0].state_count = world->agents[1].state_count = 0;
  agent_socket(world, 0, "198.51.100.7:5001");
  remove_socket(world, 0, 0);
  run_for(world, 1 * SECOND);
  check_pair(world, 0, "198.51.100.7:5001", "192.0.2.2:6000");
  check_pair(world, 1, "192.0.2.2:6000", "198.51.100.7:5001");
  for (size_t k = 0; k < 2; k++) PRTC_CHECK_INT(world->agents[k].state_count, 0);
  world_free(world);
}

static void restarts(void) {
  struct world *world = full_and_lite(true, false);
  for (size_t i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_ice_restart(world->agents[i].ice, world->now), 0);
  exchange(world);
  run_for(world, 1 * SECOND);
  prtc_ice_end_of_remote_candidates(world->agents[1].ice, world->now);
  run_for(world, 1 * SECOND);
  for (size_t k = 0; k < 2; k++) {
    PRTC_CHECK_INT(state_of(world, k), PRTC_ICE_TRANSPORT_COMPLETED);
    PRTC_CHECK_INT(world->agents[k].selected, 2);
  }
  world_free(world);
}

/* Nobody checks: it fails when the time is over, and says why. Two lite ones are refused at once. */
static void without_a_full_side(void) {
  struct world *world = world_new();
  prtc_ice_config config;
  prtc_ice_parameters lite = {.ufrag = "abcd", .password = "0123456789012345678901", .lite = 1}, full = lite;
  PRTC_INIT(&config);
  config.lite = 1;
  full.lite = 0;
  prtc_ice *ice = agent_new(world, 1, false, &config)->ice;
  world->agents[1].signal = false;
  agent_socket(world, 1, "192.0.2.2:6000");
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(ice, world->now, &lite), PRTC_ERROR_NOT_SUPPORTED);
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(ice, world->now, &full), 0);
  prtc_ice_end_of_sockets(ice, world->now);
  prtc_ice_end_of_remote_candidates(ice, world->now);
  run_for(world, 41 * SECOND);
  PRTC_CHECK_INT(state_of(world, 1), PRTC_ICE_TRANSPORT_FAILED);
  PRTC_CHECK(strstr(world->agents[1].text, "no check of it came") != NULL);
  world_free(world);
}

int main(void) {
  PRTC_RUN(connects);
  PRTC_RUN(stays_and_comes_back);
  PRTC_RUN(follows);
  PRTC_RUN(restarts);
  PRTC_RUN(without_a_full_side);
  return PRTC_TEST_RESULT();
}
