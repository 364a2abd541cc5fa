/* When checks are sent: the pace that both sides agree on (RFC 8445 section 14), and long round trips.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/ice/world_test.h"

/* ------------------------------------------------------------------------------------------------------------- the pace */

static prtc_time starts[64];
static size_t start_count;

/* Notes the first transmission of each check; nothing arrives. */
static bool note_checks(struct world *world, const struct packet *packet) {
  static uint8_t ids[64][PRTC_STUN_TRANSACTION_SIZE];
  struct prtc_stun_message message;
  PRTC_REQUIRE(prtc_stun_parse(&message, packet->data, packet->size) == 0 && start_count < 64);
  for (size_t i = 0; i < start_count; i++) {
    if (memcmp(ids[i], message.transaction, sizeof ids[i]) == 0) return true;
  }
  memcpy(ids[start_count], message.transaction, sizeof ids[0]);
  starts[start_count++] = world->now;
  return true;
}

/* An agent that offers `ours` ms against a side that offers `theirs` (0: nothing), with 20 candidates that lead nowhere. */
static void paces(uint32_t ours, uint32_t theirs, uint32_t expected, bool server) {
  struct world *world = world_new();
  prtc_ice_config config;
  prtc_ice_parameters remote = {.ufrag = "abcd", .password = "0123456789012345678901", .pacing = theirs}, local;
  prtc_candidate candidate = {.component = 1, .priority = 1000, .foundation = "1"};
  prtc_address away = address_of("198.51.100.1:3478");
  PRTC_INIT(&config);
  config.ta = ours * 1000;
  prtc_ice *ice = agent_new(world, 0, true, &config)->ice;
  world->agents[0].signal = false;
  PRTC_CHECK_INT(prtc_ice_get_local_parameters(ice, &local), 0);
  PRTC_CHECK_INT(local.pacing, ours == 0 ? 50 : ours);
  start_count = 0;
  world->lose = note_checks;
  if (server) PRTC_CHECK_INT(prtc_ice_add_server(ice, world->now, &away), 0);
  agent_socket(world, 0, "192.0.2.1:5000");
  prtc_ice_end_of_sockets(ice, world->now);
  run_for(world, 20 * MS);
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(ice, world->now, &remote), 0);
  for (int i = 0; i < 20; i++) {
    candidate.address = address_of("203.0.113.1:1");
    candidate.address.port = (uint16_t)(1000 + i);
    PRTC_CHECK_INT(prtc_ice_add_remote_candidate(ice, world->now, &candidate), 0);
  }
  prtc_time begin = world->now;
  run_for(world, 19 * expected * MS + 1);
  PRTC_CHECK_INT(start_count, 20 + server);
  for (size_t i = server; i < start_count; i++) PRTC_CHECK_INT(starts[i], begin + (i - server) * expected * MS);
  world_free(world);
}

static void the_larger_pace_counts(void) {
  paces(0, 0, 50, false);
  paces(20, 0, 50, false); /* a side that says nothing means 50 */
  paces(20, 30, 30, false);
  paces(20, 5, 20, false);
  paces(100, 20, 100, false);
  paces(0, 200, 200, false);
  paces(5, 5, 5, false);
}

/* What was sent to a server before costs the first check nothing. */
static void a_server_holds_no_check_up(void) { paces(0, 0, 50, true); }

static void bad_paces(void) {
  struct world *world = world_new();
  prtc_ice_config config;
  prtc_ice_parameters remote = {.ufrag = "abcd", .password = "0123456789012345678901", .pacing = PRTC_ICE_PACING_MOST + 1};
  PRTC_INIT(&config);
  prtc_ice *ice = agent_new(world, 0, true, NULL)->ice;
  config.ta = 4999;
  PRTC_CHECK(prtc_ice_new(world->agents[0].context, &config) == NULL);
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(ice, world->now, &remote), PRTC_ERROR_SYNTAX);
  world_free(world);
}

/* ---------------------------------------------------------------------------------------------------------- round trips */

/* Each side's check makes the other send one (RFC 8445 section 7.3.1.4): on a long path these do not put an end to each
 * other. */
static void long_round_trips(void) {
  static const prtc_time delays[] = {1 * MS, 100 * MS, 250 * MS, 300 * MS, 500 * MS, 1000 * MS, 1500 * MS, 2500 * MS};
  for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
    struct world *world = world_new();
    world->delay = delays[i];
    agent_new(world, 0, true, NULL);
    agent_new(world, 1, false, NULL);
    agent_socket(world, 0, "192.0.2.1:5000");
    agent_socket(world, 1, "192.0.2.2:6000");
    exchange(world);
    end_of_sockets(world);
    prtc_time begin = world->now;
    run_for(world, 20 * SECOND);
    for (size_t k = 0; k < 2; k++) {
      PRTC_CHECK_INT(state_of(world, k), PRTC_ICE_TRANSPORT_COMPLETED);
      PRTC_CHECK(world->agents[k].connected_at - begin <= 4 * delays[i]);
      PRTC_CHECK(world->agents[k].sent < 40);
    }
    world_free(world);
  }
}

/* Ten better ones that do not answer, on both sides: the tenth Ta is the last that is waited for. */
static void ten_that_do_not_answer(void) {
  static const prtc_time delays[] = {1 * MS, 10 * MS, 50 * MS, 120 * MS, 250 * MS, 300 * MS};
  for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
    struct world *world = world_new();
    prtc_time delay = delays[i], most = 2 * delay > 500 * MS ? 2 * delay : 500 * MS;
    prtc_candidate candidate = {.component = 1, .priority = 2130706431, .foundation = "1"};
    world->delay = delay;
    agent_new(world, 0, true, NULL);
    agent_new(world, 1, false, NULL);
    exchange(world);
    for (size_t k = 0; k < 20; k++) {
      candidate.address = address_of("203.0.113.1:1");
      candidate.address.port = (uint16_t)(1000 + k);
      PRTC_CHECK_INT(prtc_ice_add_remote_candidate(world->agents[k % 2].ice, world->now, &candidate), 0);
    }
    agent_socket(world, 0, "192.0.2.1:5000");
    agent_socket(world, 1, "192.0.2.2:6000");
    end_of_sockets(world);
    prtc_time begin = world->now;
    run_for(world, 5 * SECOND);
    for (size_t k = 0; k < 2; k++) PRTC_CHECK(world->agents[k].connected_at - begin <= 4 * delay + most);
    check_pair(world, 0, "192.0.2.1:5000", "192.0.2.2:6000");
    world_free(world);
  }
}

int main(void) {
  PRTC_RUN(the_larger_pace_counts);
  PRTC_RUN(a_server_holds_no_check_up);
  PRTC_RUN(bad_paces);
  PRTC_RUN(long_round_trips);
  PRTC_RUN(ten_that_do_not_answer);
  return PRTC_TEST_RESULT();
}
