/* The selected pair's life: consent, disconnection and recovery, restart, sockets that go. In virtual time.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/ice/world_test.h"

static bool lose_all(struct world *world, const struct packet *packet) {
  (void)world;
  (void)packet;
  return true;
}

static prtc_address dead_from, dead_to;
static bool lose_direction(struct world *world, const struct packet *packet) {
  (void)world;
  return prtc_address_equal(&packet->from, &dead_from) && prtc_address_equal(&packet->to, &dead_to);
}

static void forget_states(struct world *world) {
  for (size_t i = 0; i < 2; i++) {
    struct agent *agent = &world->agents[i];
    agent->state_count = agent->candidate_count = 0;
    agent->complete = agent->selected = agent->failed = 0;
    agent->sent = 0;
  }
}

/* ---------------------------------------------------------------------------------------------------------- consent */

static void consent_keeps_a_quiet_path(void) {
  struct world *world = connected_world(NULL);
  forget_states(world);
  run_for(world, 600 * SECOND);
  for (size_t i = 0; i < 2; i++) {
    PRTC_CHECK_INT(world->agents[i].state_count, 0);
    /* about 120 checks and 120 answers: one each 4 to 6 s */
    PRTC_CHECK(world->agents[i].sent >= 2 * 105 && world->agents[i].sent <= 2 * 140);
  }
  prtc_ice_pair pair;
  prtc_ice_get_selected_pair(world->agents[0].ice, &pair);
  PRTC_CHECK_INT(pair.round_trip_time, 2 * world->delay);
  world_free(world);
}

static prtc_time checks[64];
static size_t check_count;
static bool note_checks(struct world *world, const struct packet *packet) {
  struct prtc_stun_message message;
  if (prtc_address_equal(&packet->from, &world->agents[0].addresses[0]) &&
      prtc_stun_parse(&message, packet->data, packet->size) == 0 && message.message_class == PRTC_STUN_REQUEST) {
    if (check_count < 64) checks[check_count++] = world->now;
  }
  return false;
}

/* RFC 7675 section 5.1: 5 s times 0.8 to 1.2, and never less than 4 s. */
static void consent_intervals_are_randomised(void) {
  struct world *world = connected_world(NULL);
  prtc_time least = PRTC_NEVER, most = 0;
  check_count = 0;
  world->lose = note_checks;
  run_for(world, 200 * SECOND);
  PRTC_CHECK(check_count > 30);
  for (size_t i = 1; i < check_count; i++) {
    prtc_time interval = checks[i] - checks[i - 1];
    if (interval < least) least = interval;
    if (interval > most) most = interval;
  }
  PRTC_CHECK(least >= 4 * SECOND && most <= 6 * SECOND + 2 * world->delay + 2);
  PRTC_CHECK(most - least > 1 * SECOND);
  world_free(world);
}

static void an_outage_is_survived(void) {
  struct world *world = connected_world(NULL);
  forget_states(world);
  world->lose = lose_all;
  run_for(world, 20 * SECOND);
  for (size_t i = 0; i < 2; i++) check_states(&world->agents[i], 1, PRTC_ICE_TRANSPORT_DISCONNECTED);
  world->lose = NULL;
  run_for(world, 60 * SECOND);
  for (size_t i = 0; i < 2; i++) {
    check_states(&world->agents[i], 2, PRTC_ICE_TRANSPORT_DISCONNECTED, PRTC_ICE_TRANSPORT_COMPLETED);
    PRTC_CHECK_INT(world->agents[i].selected, 0);
  }
  world_free(world);
}

static void a_short_outage_is_not_noticed(void) {
  struct world *world = connected_world(NULL);
  forget_states(world);
  for (int i = 0; i < 20; i++) {
    world->lose = lose_all; /* it takes one check, never two: those are at least 4 s apart */
    run_for(world, 3900 * MS);
    world->lose = NULL;
    run_for(world, 7 * SECOND);
  }
  for (size_t i = 0; i < 2; i++) PRTC_CHECK_INT(world->agents[i].state_count, 0);
  world_free(world);
}

static unsigned loss_percent;
static bool lose_some(struct world *world, const struct packet *packet) {
  (void)packet;
  return next_random(world) % 100 < loss_percent;
}

/* How often, in 20 minutes each of 20 runs, a connection is said to be disconnected that only loses packets. */
static unsigned disconnections(unsigned percent) {
  unsigned count = 0;
  loss_percent = percent;
  for (unsigned seed = 1; seed <= 20; seed++) {
    struct world *world = connected_world(NULL);
    forget_states(world);
    world->rng = seed * UINT64_C(0x9E3779B97F4A7C15);
    world->lose = lose_some;
    for (int minute = 0; minute < 20; minute++) {
      run_for(world, 60 * SECOND);
      for (size_t i = 0; i < 2; i++) {
        struct agent *agent = &world->agents[i];
        for (size_t k = 0; k < agent->state_count; k++) count += agent->states[k] == PRTC_ICE_TRANSPORT_DISCONNECTED;
        PRTC_CHECK_INT(agent->failed, 0);
        agent->state_count = 0;
      }
    }
    world_free(world);
  }
  return count;
}

static void loss_is_no_disconnection(void) {
  PRTC_CHECK_INT(disconnections(10), 0);
  PRTC_CHECK(disconnections(30) <= 3); /* of some 9,600 checks half go unanswered */
}

static void consent_expires(void) {
  struct world *world = connected_world(NULL);
  forget_states(world);
  prtc_time start = world->now;
  world->lose = lose_all;
  run_for(world, 23 * SECOND); /* the last answer was up to 6 s before */
  for (size_t i = 0; i < 2; i++) PRTC_CHECK_INT(state_of(world, i), PRTC_ICE_TRANSPORT_DISCONNECTED);
  run_until(world, start + 31 * SECOND);
  prtc_ice_pair pair;
  for (size_t i = 0; i < 2; i++) {
    struct agent *agent = &world->agents[i];
    check_states(agent, 2, PRTC_ICE_TRANSPORT_DISCONNECTED, PRTC_ICE_TRANSPORT_FAILED);
    PRTC_CHECK_INT(agent->failed, 1);
    PRTC_CHECK_TEXT(agent->text, "the other side has not answered on the selected pair for 30 s (RFC 7675)");
    PRTC_CHECK_INT(prtc_ice_get_selected_pair(agent->ice, &pair), 0);
    PRTC_CHECK_INT(prtc_ice_knows_path(agent->ice, agent->sockets[0], &world->agents[1 - i].addresses[0]), 0);
    PRTC_CHECK(prtc_ice_deadline(agent->ice) == PRTC_NEVER);
  }
  /* what is lost stays lost, also when the network is back: RFC 7675 section 5.1 */
  world->lose = NULL;
  forget_states(world);
  run_for(world, 60 * SECOND);
  for (size_t i = 0; i < 2; i++) PRTC_CHECK_INT(world->agents[i].sent, 0);
  world_free(world);
}

/* Our checks arrive, and theirs do; but no answer to ours: connected while they are heard, and then without consent. */
static bool lose_answers_to_0(struct world *world, const struct packet *packet) {
  struct prtc_stun_message message;
  return prtc_address_equal(&packet->to, &world->agents[0].addresses[0]) &&
         prtc_stun_parse(&message, packet->data, packet->size) == 0 && message.message_class == PRTC_STUN_SUCCESS;
}

static void the_other_sides_checks_count(void) {
  struct world *world = connected_world(NULL);
  forget_states(world);
  world->lose = lose_answers_to_0;
  run_for(world, 22 * SECOND);
  PRTC_CHECK_INT(world->agents[0].state_count, 0);
  run_for(world, 10 * SECOND);
  check_states(&world->agents[0], 1, PRTC_ICE_TRANSPORT_FAILED);
  world_free(world);
}

/* Arranged otherwise than by signalling: both ends know both before. A restart draws others. */
static void own_credentials(void) {
  prtc_ice_parameters parameters;
  prtc_ice_config config;
  PRTC_INIT(&config);
  config.ufrag = "abcdefghijklmnopqrstuvwxyz+/0123";
  config.password = "0123456789abcdefghijkl";
  struct world *world = connected_world(&config);
  prtc_ice *ice = world->agents[0].ice;
  PRTC_CHECK_INT(prtc_ice_get_local_parameters(ice, &parameters), 0);
  PRTC_CHECK_TEXT(parameters.ufrag, config.ufrag);
  PRTC_CHECK_TEXT(parameters.password, config.password);
  PRTC_CHECK_INT(prtc_ice_restart(ice, world->now), 0);
  PRTC_CHECK_INT(prtc_ice_get_local_parameters(ice, &parameters), 0);
  PRTC_CHECK(strcmp(parameters.ufrag, config.ufrag) != 0 && strcmp(parameters.password, config.password) != 0);
  world_free(world);
}

static void credentials_that_are_refused(void) {
  static const char *const pairs[][2] = {
      {"abc", "0123456789abcdefghijkl"},     {"abcd", "0123456789abcdefghijk"}, {"ab-d", "0123456789abcdefghijkl"},
      {"abcd", "0123456789abcdefghijk l"},   {"abcd", NULL},                    {NULL, "0123456789abcdefghijkl"},
      {"0123456789012345678901234567890123", "0123456789abcdefghijkl"},         {"abcd", ""},
  };
  prtc_context_config context_config;
  PRTC_INIT(&context_config);
  prtc_context *context = prtc_context_new(&context_config);
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    prtc_ice_config config;
    PRTC_INIT(&config);
    config.ufrag = pairs[i][0];
    config.password = pairs[i][1];
    PRTC_CHECK(prtc_ice_new(context, &config) == NULL);
  }
  prtc_context_free(context);
}

/* The path is gone, a restart was offered, and nobody answers: that ends some time. A late answer is heeded all the same. */
static void restart_that_nobody_answers(void) {
  struct world *world = connected_world(NULL);
  prtc_ice *ice = world->agents[0].ice;
  forget_states(world);
  prtc_ice_remove_socket(ice, world->now, world->agents[0].sockets[0]);
  agent_socket(world, 0, "192.0.2.3:5001");
  PRTC_CHECK_INT(prtc_ice_restart(ice, world->now), 0);
  prtc_ice_end_of_sockets(ice, world->now);
  run_for(world, 70 * SECOND);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_CHECKING);
  run_for(world, 20 * SECOND);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_FAILED);
  PRTC_CHECK_INT(prtc_ice_restart(world->agents[1].ice, world->now), 0);
  exchange(world);
  run_for(world, 5 * SECOND);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_COMPLETED);
  world_free(world);
}

static void configured_times(void) {
  prtc_ice_config config;
  PRTC_INIT(&config);
  config.consent_interval = 500 * 1000;
  config.consent_timeout = 3000 * 1000;
  config.disconnect_timeout = 1000 * 1000;
  config.initial_rto = 100 * 1000;
  config.max_transmissions = 3;
  config.ta = 5 * 1000;
  struct world *world = connected_world(&config);
  forget_states(world);
  world->lose = lose_all;
  run_for(world, 2 * SECOND);
  check_states(&world->agents[0], 1, PRTC_ICE_TRANSPORT_DISCONNECTED);
  run_for(world, 1100 * MS);
  check_states(&world->agents[0], 2, PRTC_ICE_TRANSPORT_DISCONNECTED, PRTC_ICE_TRANSPORT_FAILED);
  world_free(world);

  world = world_new();
  agent_new(world, 0, true, &config);
  agent_new(world, 1, false, &config);
  agent_socket(world, 0, "192.0.2.1:5000");
  agent_socket(world, 1, "192.0.2.2:6000");
  world->lose = lose_all;
  exchange(world);
  end_of_sockets(world);
  run_for(world, 2000 * MS); /* 100 + 200 ms of transmissions and 1.6 s of waiting */
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_FAILED);
  PRTC_CHECK_INT(world->agents[0].sent, 3);
  world_free(world);
}

/* ---------------------------------------------------------------------------------------------------------- restart */

static void give_parameters(struct world *world, size_t from, size_t to) {
  prtc_ice_parameters parameters;
  prtc_ice_get_local_parameters(world->agents[from].ice, &parameters);
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(world->agents[to].ice, world->now, &parameters), 0);
}

/* The offerer restarts; the answerer learns of it, and answers with a restart of its own. */
static void restart_goes_on(void) {
  struct world *world = connected_world(NULL);
  prtc_ice_parameters before, after;
  for (int round = 0; round < 3; round++) {
    size_t first = (size_t)round % 2, second = 1 - first;
    prtc_ice_get_local_parameters(world->agents[first].ice, &before);
    forget_states(world);
    PRTC_CHECK_INT(prtc_ice_restart(world->agents[first].ice, world->now), 0);
    prtc_ice_get_local_parameters(world->agents[first].ice, &after);
    PRTC_CHECK(strcmp(before.ufrag, after.ufrag) != 0 && strcmp(before.password, after.password) != 0);
    world->agents[0].signal = world->agents[1].signal = false;
    run_for(world, 40 * SECOND); /* signalling is slow: the old path is kept by consent all the while */
    for (size_t i = 0; i < 2; i++) {
      prtc_ice_pair pair;
      PRTC_CHECK_INT(prtc_ice_get_selected_pair(world->agents[i].ice, &pair), 1);
      PRTC_CHECK(state_of(world, i) == PRTC_ICE_TRANSPORT_CONNECTED || state_of(world, i) == PRTC_ICE_TRANSPORT_COMPLETED);
    }
    check_states(&world->agents[first], 1, PRTC_ICE_TRANSPORT_CONNECTED);
    PRTC_CHECK_INT(world->agents[first].candidate_count, 1);
    PRTC_CHECK_TEXT(world->agents[first].candidates[0].ufrag, after.ufrag);
    PRTC_CHECK_INT(world->agents[first].complete, 1);
    world->agents[0].signal = world->agents[1].signal = true;
    give_parameters(world, first, second);
    prtc_ice_add_remote_candidate(world->agents[second].ice, world->now, &world->agents[first].candidates[0]);
    prtc_ice_end_of_remote_candidates(world->agents[second].ice, world->now);
    run_for(world, 500 * MS);
    PRTC_CHECK_INT(prtc_ice_restart(world->agents[second].ice, world->now), 0);
    give_parameters(world, second, first);
    run_for(world, 2 * SECOND);
    for (size_t i = 0; i < 2; i++) {
      struct agent *agent = &world->agents[i];
      PRTC_CHECK_INT(state_of(world, i), PRTC_ICE_TRANSPORT_COMPLETED);
      for (size_t k = 0; k < agent->state_count; k++) PRTC_CHECK(agent->states[k] != PRTC_ICE_TRANSPORT_DISCONNECTED);
      PRTC_CHECK(agent->selected >= 1);
      PRTC_CHECK_INT(agent->failed, 0);
      PRTC_CHECK(agent->ice->path.pair != NULL);
      PRTC_CHECK_TEXT(agent->ice->path.credentials.local_ufrag, agent->ice->credentials.local_ufrag);
    }
    run_for(world, 60 * SECOND);
    for (size_t i = 0; i < 2; i++) PRTC_CHECK_INT(state_of(world, i), PRTC_ICE_TRANSPORT_COMPLETED);
  }
  world_free(world);
}

static void candidates_of_the_old_generation_are_ignored(void) {
  struct world *world = connected_world(NULL);
  prtc_candidate old = world->agents[1].candidates[0];
  old.address.port++;
  struct prtc_ice *ice = world->agents[0].ice;
  PRTC_CHECK_INT(prtc_ice_restart(world->agents[1].ice, world->now), 0);
  world->agents[1].signal = false;
  run_for(world, 1);
  give_parameters(world, 1, 0);
  PRTC_CHECK_INT(ice->remotes.count, 0); /* forgotten */
  PRTC_CHECK_INT(prtc_ice_add_remote_candidate(ice, world->now, &old), 0);
  PRTC_CHECK_INT(ice->remotes.count, 0);
  prtc_candidate fresh = world->agents[1].candidates[1];
  PRTC_CHECK_INT(prtc_ice_add_remote_candidate(ice, world->now, &fresh), 0);
  PRTC_CHECK_INT(ice->remotes.count, 1);
  world_free(world);
}

static void restart_after_failure(void) {
  struct world *world = connected_world(NULL);
  world->lose = lose_all;
  run_for(world, 40 * SECOND);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_FAILED);
  world->lose = NULL;
  forget_states(world);
  for (size_t i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_ice_restart(world->agents[i].ice, world->now), 0);
  exchange(world);
  run_for(world, 1 * SECOND);
  for (size_t i = 0; i < 2; i++) {
    check_states(&world->agents[i], 3, PRTC_ICE_TRANSPORT_CHECKING, PRTC_ICE_TRANSPORT_CONNECTED,
                 PRTC_ICE_TRANSPORT_COMPLETED);
    PRTC_CHECK_INT(world->agents[i].selected, 1);
  }
  world_free(world);
}

/* ------------------------------------------------------------------------------------------------------- taking it back */

static void check_as_before(struct world *world, const prtc_ice_parameters *before) {
  prtc_ice_parameters after;
  prtc_ice_get_local_parameters(world->agents[0].ice, &after);
  PRTC_CHECK_TEXT(after.ufrag, before->ufrag);
  PRTC_CHECK_TEXT(after.password, before->password);
}

/* An offer that restarts, and is rolled back: nothing is found anew, and nothing is told again. */
static void restart_is_taken_back(void) {
  struct world *world = connected_world(NULL);
  prtc_ice_parameters before, fresh;
  struct agent *agent = &world->agents[0];
  prtc_ice_get_local_parameters(agent->ice, &before);
  PRTC_CHECK_INT(prtc_ice_take_back(agent->ice, world->now), PRTC_ERROR_INVALID_STATE);
  for (int restarts = 1; restarts <= 2; restarts++) {
    world->agents[0].signal = false;
    for (int i = 0; i < restarts; i++) {
      PRTC_CHECK_INT(prtc_ice_make_parameters(agent->ice, &fresh), 0);
      PRTC_CHECK(strcmp(fresh.ufrag, before.ufrag) != 0);
      PRTC_CHECK_INT(prtc_ice_restart_with(agent->ice, world->now, &fresh), 0);
      run_for(world, 10 * SECOND);
    }
    forget_states(world);
    PRTC_CHECK_INT(prtc_ice_take_back(agent->ice, world->now), 0);
    check_as_before(world, &before);
    PRTC_CHECK(agent->ice->path.pair != NULL);
    PRTC_CHECK_INT(prtc_ice_take_back(agent->ice, world->now), PRTC_ERROR_INVALID_STATE);
    run_for(world, 60 * SECOND);
    check_states(agent, 1, PRTC_ICE_TRANSPORT_COMPLETED);
    PRTC_CHECK_INT(world->agents[1].state_count, 0);
    PRTC_CHECK_INT(agent->candidate_count, 0);
    PRTC_CHECK_INT(agent->complete, 0);
    PRTC_CHECK_INT(agent->selected, 0);
  }
  world_free(world);
}

static void restart_is_taken_back_and_made_again(void) {
  struct world *world = connected_world(NULL);
  PRTC_CHECK_INT(prtc_ice_restart(world->agents[0].ice, world->now), 0);
  PRTC_CHECK_INT(prtc_ice_take_back(world->agents[0].ice, world->now), 0);
  for (size_t i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_ice_restart(world->agents[i].ice, world->now), 0);
  exchange(world);
  PRTC_CHECK_INT(prtc_ice_take_back(world->agents[0].ice, world->now), PRTC_ERROR_INVALID_STATE); /* it has its answer */
  run_for(world, 2 * SECOND);
  for (size_t i = 0; i < 2; i++) PRTC_CHECK_INT(state_of(world, i), PRTC_ICE_TRANSPORT_COMPLETED);
  world_free(world);
}

/* What failed before has failed again; and what became of a socket meanwhile counts. */
static void failure_comes_back(void) {
  struct world *world = connected_world(NULL);
  world->lose = lose_all;
  run_for(world, 40 * SECOND);
  PRTC_CHECK_INT(prtc_ice_restart(world->agents[0].ice, world->now), 0);
  run_for(world, 1);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_CHECKING);
  PRTC_CHECK_INT(prtc_ice_take_back(world->agents[0].ice, world->now), 0);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_FAILED);
  world_free(world);
  world = connected_world(NULL);
  struct prtc_ice *ice = world->agents[0].ice;
  const struct ice_socket *socket = ice->sockets.items[0];
  PRTC_CHECK_INT(prtc_ice_restart(ice, world->now), 0);
  PRTC_CHECK_INT(prtc_ice_remove_socket(ice, world->now, socket->id), 0);
  PRTC_CHECK_INT(prtc_ice_take_back(ice, world->now), 0);
  PRTC_CHECK_INT(ice->locals.count, 0);
  run_for(world, 1 * SECOND);
  world_free(world);
}

static void only_own_parameters_are_taken(void) {
  struct world *world = connected_world(NULL);
  prtc_ice_parameters parameters;
  PRTC_CHECK_INT(prtc_ice_make_parameters(world->agents[0].ice, &parameters), 0);
  parameters.password[3] = '\0';
  PRTC_CHECK_INT(prtc_ice_restart_with(world->agents[0].ice, world->now, &parameters), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_COMPLETED);
  world_free(world);
}

/* Both at once, as after glare; then the old pairs are all gone at once. */
static void restart_of_both_sides(void) {
  struct world *world = connected_world(NULL);
  forget_states(world);
  for (size_t i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_ice_restart(world->agents[i].ice, world->now), 0);
  exchange(world);
  run_for(world, 60 * SECOND);
  for (size_t i = 0; i < 2; i++) {
    check_states(&world->agents[i], 2, PRTC_ICE_TRANSPORT_CONNECTED, PRTC_ICE_TRANSPORT_COMPLETED);
  }
  world_free(world);
}

/* A restart whose new path cannot be found leaves the old one alone. */
static void restart_that_fails(void) {
  struct world *world = connected_world(NULL);
  PRTC_CHECK_INT(prtc_ice_restart(world->agents[0].ice, world->now), 0);
  run_for(world, 100 * SECOND);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_CONNECTED);
  PRTC_CHECK_INT(state_of(world, 1), PRTC_ICE_TRANSPORT_COMPLETED);
  PRTC_CHECK_INT(world->agents[0].failed, 0);
  world_free(world);
}

/* ---------------------------------------------------------------------------------------------------------- sockets */

static struct world *two_sockets_each(void) {
  struct world *world = world_new();
  agent_new(world, 0, true, NULL);
  agent_new(world, 1, false, NULL);
  agent_socket(world, 0, "192.0.2.1:5000");
  agent_socket(world, 0, "198.51.100.1:5000");
  agent_socket(world, 1, "192.0.2.2:6000");
  exchange(world);
  end_of_sockets(world);
  run_for(world, 2 * SECOND);
  check_pair(world, 0, "192.0.2.1:5000", "192.0.2.2:6000");
  forget_states(world);
  return world;
}

/* Row 7: the pair in use goes with its socket, and another takes over in a few round trips. */
static void a_socket_goes(void) {
  struct world *world = two_sockets_each();
  remove_socket(world, 0, 0);
  run_for(world, 500 * MS);
  check_pair(world, 0, "198.51.100.1:5000", "192.0.2.2:6000");
  check_pair(world, 1, "192.0.2.2:6000", "198.51.100.1:5000");
  PRTC_CHECK_INT(world->agents[0].withdrawn, 1);
  run_for(world, 60 * SECOND);
  for (size_t i = 0; i < 2; i++) PRTC_CHECK_INT(world->agents[i].state_count, 0); /* nothing flaps */
  agent_socket(world, 0, "192.0.2.1:5000"); /* and comes back: a spare one */
  run_for(world, 60 * SECOND);
  check_pair(world, 0, "198.51.100.1:5000", "192.0.2.2:6000");
  world_free(world);
}

static void the_last_socket_goes(void) {
  struct world *world = connected_world(NULL);
  forget_states(world);
  remove_socket(world, 0, 0);
  run_for(world, 6 * SECOND);
  PRTC_CHECK_INT(world->agents[0].state_count, 0); /* another may come */
  run_for(world, 33 * SECOND);
  check_states(&world->agents[0], 1, PRTC_ICE_TRANSPORT_DISCONNECTED);
  run_for(world, 2 * SECOND);
  check_states(&world->agents[0], 2, PRTC_ICE_TRANSPORT_DISCONNECTED, PRTC_ICE_TRANSPORT_FAILED);
  PRTC_CHECK_TEXT(world->agents[0].text, "there is no local address to connect from");
  world_free(world);
}

/* The pair in use falls silent: another is found before consent expires, and both sides end on it. */
static void a_silent_path_is_left(void) {
  struct world *world = two_sockets_each();
  dead_from = address_of("192.0.2.1:5000");
  dead_to = address_of("192.0.2.2:6000");
  world->lose = lose_direction;
  run_for(world, 29 * SECOND);
  check_pair(world, 0, "198.51.100.1:5000", "192.0.2.2:6000");
  check_pair(world, 1, "192.0.2.2:6000", "198.51.100.1:5000");
  run_for(world, 60 * SECOND);
  for (size_t i = 0; i < 2; i++) {
    PRTC_CHECK_INT(state_of(world, i), PRTC_ICE_TRANSPORT_COMPLETED);
    PRTC_CHECK_INT(world->agents[i].failed, 0);
    PRTC_CHECK(world->agents[i].state_count <= 4);
  }
  world_free(world);
}

/* A NAT forgets its mapping: the consent check of the controlling side inside comes from a new address, and the other side
 * follows, before either misses the other. */
static void a_new_mapping_is_followed(void) {
  struct world *world = connected_world(NULL);
  forget_states(world);
  world->nat_inside = dead_to = address_of("192.0.2.1:5000");
  world->nat_outside = address_of("203.0.113.7:40001");
  dead_from = address_of("192.0.2.2:6000");
  world->lose = lose_direction;
  run_for(world, 10 * SECOND);
  check_pair(world, 1, "192.0.2.2:6000", "203.0.113.7:40001");
  check_pair(world, 0, "192.0.2.1:5000", "192.0.2.2:6000");
  run_for(world, 60 * SECOND);
  for (size_t i = 0; i < 2; i++) check_states(&world->agents[i], 0);
  world_free(world);
}

/* It forgets again and again, for a day: there is always room for one more address. */
static void many_mappings_are_followed(void) {
  struct world *world = connected_world(NULL);
  forget_states(world);
  world->nat_inside = address_of("192.0.2.1:5000");
  world->nat_outside = address_of("203.0.113.7:40001");
  for (int i = 0; i < 600; i++) {
    world->nat_outside.port++;
    run_for(world, 20 * SECOND);
  }
  prtc_ice_pair pair;
  PRTC_CHECK_INT(prtc_ice_get_selected_pair(world->agents[1].ice, &pair), 1);
  PRTC_CHECK_INT(pair.remote.port, 40601);
  for (size_t i = 0; i < 2; i++) check_states(&world->agents[i], 0);
  PRTC_CHECK(world->agents[1].ice->pairs.count <= 100 && world->agents[1].ice->remotes.count <= 101);
  world_free(world);
}

/* Data that was on its way over the former pair is still known. */
static void the_former_path_is_known(void) {
  struct world *world = two_sockets_each();
  struct agent *agent = &world->agents[1];
  prtc_address old = address_of("192.0.2.1:5000"), stranger = address_of("192.0.2.99:5000");
  remove_socket(world, 0, 0);
  run_for(world, 500 * MS);
  PRTC_CHECK_INT(prtc_ice_restart(agent->ice, world->now), 0); /* its pairs are gone now */
  PRTC_CHECK_INT(prtc_ice_knows_path(agent->ice, agent->sockets[0], &old), 1);
  PRTC_CHECK_INT(prtc_ice_knows_path(agent->ice, agent->sockets[0], &world->agents[0].addresses[1]), 1);
  PRTC_CHECK_INT(prtc_ice_knows_path(agent->ice, agent->sockets[0], &stranger), 0);
  PRTC_CHECK_INT(prtc_ice_knows_path(agent->ice, 999, &old), 0);
  world_free(world);
}

static void time_may_go_backwards(void) {
  struct world *world = connected_world(NULL);
  prtc_time now = world->now;
  forget_states(world);
  world->now = 5; /* the clock jumps back to the beginning … */
  for (size_t i = 0; i < 2; i++) {
    PRTC_CHECK_INT(prtc_ice_timeout(world->agents[i].ice, world->now), 0);
    drain(world, i);
  }
  world->now = now; /* … and comes back */
  run_for(world, 60 * SECOND);
  for (size_t i = 0; i < 2; i++) PRTC_CHECK_INT(world->agents[i].state_count, 0);
  world_free(world);
}

/* The path dies, and the application restarts while it is dead: the old path's consent expires in the midst of it. */
static void restart_of_a_dead_path(prtc_time answer_after, prtc_time dead_for) {
  struct world *world = two_sockets_each();
  prtc_address dead = world->agents[0].addresses[0];
  dead_from = dead;
  dead_to = world->agents[1].addresses[0];
  world->lose = lose_all;
  run_for(world, 15 * SECOND);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_DISCONNECTED);
  world->agents[0].signal = world->agents[1].signal = false; /* signalling is down as well */
  PRTC_CHECK_INT(prtc_ice_restart(world->agents[0].ice, world->now), 0);
  run_for(world, 1);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_CHECKING); /* W3C: no longer disconnected */
  run_for(world, answer_after);
  world->agents[0].signal = world->agents[1].signal = true;
  PRTC_CHECK_INT(prtc_ice_restart(world->agents[1].ice, world->now), 0);
  exchange(world);
  for (size_t i = 0; i < world->agents[0].candidate_count; i++) {
    prtc_ice_add_remote_candidate(world->agents[1].ice, world->now, &world->agents[0].candidates[i]);
  }
  prtc_ice_end_of_remote_candidates(world->agents[1].ice, world->now);
  run_for(world, dead_for);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_CHECKING);
  world->lose = lose_direction;
  run_for(world, 60 * SECOND);
  for (size_t i = 0; i < 2; i++) PRTC_CHECK_INT(state_of(world, i), PRTC_ICE_TRANSPORT_COMPLETED);
  PRTC_CHECK_INT(world->agents[0].failed, answer_after > 15 * SECOND);
  check_pair(world, 0, "198.51.100.1:5000", "192.0.2.2:6000");
  world_free(world);
}

static void restart_before_consent_expires(void) { restart_of_a_dead_path(2 * SECOND, 30 * SECOND); }
static void restart_answered_after_consent_expired(void) { restart_of_a_dead_path(40 * SECOND, 1 * SECOND); }

int main(void) {
  PRTC_RUN(consent_keeps_a_quiet_path);
  PRTC_RUN(consent_intervals_are_randomised);
  PRTC_RUN(an_outage_is_survived);
  PRTC_RUN(a_short_outage_is_not_noticed);
  PRTC_RUN(loss_is_no_disconnection);
  PRTC_RUN(consent_expires);
  PRTC_RUN(the_other_sides_checks_count);
  PRTC_RUN(own_credentials);
  PRTC_RUN(credentials_that_are_refused);
  PRTC_RUN(restart_that_nobody_answers);
  PRTC_RUN(configured_times);
  PRTC_RUN(restart_goes_on);
  PRTC_RUN(candidates_of_the_old_generation_are_ignored);
  PRTC_RUN(restart_after_failure);
  PRTC_RUN(restart_is_taken_back);
  PRTC_RUN(restart_is_taken_back_and_made_again);
  PRTC_RUN(failure_comes_back);
  PRTC_RUN(only_own_parameters_are_taken);
  PRTC_RUN(restart_of_both_sides);
  PRTC_RUN(restart_that_fails);
  PRTC_RUN(a_socket_goes);
  PRTC_RUN(the_last_socket_goes);
  PRTC_RUN(a_silent_path_is_left);
  PRTC_RUN(a_new_mapping_is_followed);
  PRTC_RUN(many_mappings_are_followed);
  PRTC_RUN(the_former_path_is_known);
  PRTC_RUN(restart_before_consent_expires);
  PRTC_RUN(restart_answered_after_consent_expired);
  PRTC_RUN(time_may_go_backwards);
  return PRTC_TEST_RESULT();
}
