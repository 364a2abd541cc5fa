/* How two ICE agents find a pair: gathering, trickle, roles, nomination, loss, failure. In virtual time.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/ice/world_test.h"

/* Two agents with one socket each; nothing is signalled yet. */
static struct world *two_agents(bool controlling0, bool controlling1) {
  struct world *world = world_new();
  agent_new(world, 0, controlling0, NULL);
  agent_new(world, 1, controlling1, NULL);
  agent_socket(world, 0, "192.0.2.1:5000");
  agent_socket(world, 1, "192.0.2.2:6000");
  end_of_sockets(world);
  return world;
}

/* `most`: how often the pair in use may have changed, a better one having been found before any was nominated */
static void check_completed_after(const struct world *world, int most) {
  for (size_t i = 0; i < 2; i++) {
    PRTC_CHECK_INT(state_of(world, i), PRTC_ICE_TRANSPORT_COMPLETED);
    PRTC_CHECK(world->agents[i].selected >= 1 && world->agents[i].selected <= most);
    PRTC_CHECK_INT(world->agents[i].failed, 0);
  }
}

static void check_completed(const struct world *world) { check_completed_after(world, 1); }

static void give_parameters(struct world *world, size_t from, size_t to) {
  prtc_ice_parameters parameters;
  prtc_ice_get_local_parameters(world->agents[from].ice, &parameters);
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(world->agents[to].ice, world->now, &parameters), 0);
}

static prtc_candidate candidate_of(const char *line) {
  prtc_candidate candidate;
  PRTC_REQUIRE(prtc_candidate_parse(&candidate, line, strlen(line)) == 0);
  return candidate;
}

/* ------------------------------------------------------------------------------------------------------- connecting */

static void connects_over(const char *first, const char *second) {
  struct world *world = world_new();
  agent_new(world, 0, true, NULL);
  agent_new(world, 1, false, NULL);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_NEW);
  agent_socket(world, 0, first);
  agent_socket(world, 1, second);
  exchange(world);
  end_of_sockets(world);
  prtc_time start = world->now;
  run_for(world, 1 * SECOND);
  check_completed(world);
  for (size_t i = 0; i < 2; i++) {
    struct agent *agent = &world->agents[i];
    PRTC_CHECK_INT(agent->complete, 1);
    PRTC_CHECK_INT(agent->candidate_count, 1);
    PRTC_CHECK(agent->connected_at - start <= 4 * world->delay); /* two round trips */
    PRTC_CHECK(agent->sent <= 5); /* checks, answers, a nomination: nothing twice */
    check_states(agent, 3, PRTC_ICE_TRANSPORT_CHECKING, PRTC_ICE_TRANSPORT_CONNECTED, PRTC_ICE_TRANSPORT_COMPLETED);
  }
  check_pair(world, 0, first, second);
  check_pair(world, 1, second, first);
  world_free(world);
}

static void connects_ipv4(void) { connects_over("192.0.2.1:5000", "192.0.2.2:6000"); }
static void connects_ipv6(void) { connects_over("[2001:db8::1]:5000", "[2001:db8::2]:6000"); }

static void link_local_has_a_zone(void) {
  struct world *world = world_new();
  agent_new(world, 0, true, NULL);
  agent_new(world, 1, false, NULL);
  agent_socket(world, 0, "[fe80::1%1]:5000"); /* agent_socket gives the interface index 1 */
  agent_socket(world, 1, "[fe80::2%1]:6000");
  exchange(world);
  end_of_sockets(world);
  run_for(world, 1 * SECOND);
  check_completed(world);
  check_pair(world, 0, "[fe80::1%1]:5000", "[fe80::2%1]:6000"); /* though the candidate line had no zone */
  prtc_candidate global = candidate_of("candidate:9 1 udp 1 2001:db8::1 5000 typ host");
  prtc_ice_add_remote_candidate(world->agents[0].ice, world->now, &global);
  PRTC_CHECK_INT(world->agents[0].ice->pairs.count, 1); /* RFC 8445 section 6.1.2.2: only with link-local ones */
  world_free(world);
}

static void first_check_leaves_at_once(void) {
  struct world *world = two_agents(true, false);
  exchange(world);
  drain(world, 1); /* its candidate goes to the other one */
  drain(world, 0);
  PRTC_CHECK_INT(world->agents[0].sent, 1);
  world_free(world);
}

static void several_addresses_use_the_best_pair(void) {
  struct world *world = world_new();
  agent_new(world, 0, true, NULL);
  agent_new(world, 1, false, NULL);
  for (size_t i = 0; i < 2; i++) {
    char text[64];
    snprintf(text, sizeof text, "192.0.2.%zu:5000", i + 1);
    agent_socket(world, i, text);
    snprintf(text, sizeof text, "[2001:db8::%zu]:5000", i + 1);
    agent_socket(world, i, text);
    snprintf(text, sizeof text, "198.51.100.%zu:5000", i + 1);
    agent_socket(world, i, text);
  }
  exchange(world);
  end_of_sockets(world);
  run_for(world, 2 * SECOND);
  check_completed_after(world, 2);
  PRTC_CHECK_INT(world->agents[0].ice->pairs.count, 5); /* 4 + 1: no mixed families */
  check_pair(world, 0, "[2001:db8::1]:5000", "[2001:db8::2]:5000");
  check_pair(world, 1, "[2001:db8::2]:5000", "[2001:db8::1]:5000");
  /* RFC 8421: the families take turns; of one network type the order is that of coming */
  const prtc_candidate *c = world->agents[0].candidates;
  PRTC_CHECK(c[1].priority > c[0].priority && c[0].priority > c[2].priority);
  PRTC_CHECK_INT(c[0].priority >> 24, 126);
  PRTC_CHECK(strcmp(c[0].foundation, c[2].foundation) != 0);
  world_free(world);
}

/* The world gives no packets to or from this address. */
static prtc_address dead;
static bool lose_dead(struct world *world, const struct packet *packet) {
  (void)world;
  return prtc_address_equal(&packet->from, &dead) || prtc_address_equal(&packet->to, &dead);
}

static void a_dead_better_pair_is_waited_for_briefly(void) {
  struct world *world = world_new();
  agent_new(world, 0, true, NULL);
  agent_new(world, 1, false, NULL);
  dead = address_of("[2001:db8::1]:5000");
  world->lose = lose_dead;
  agent_socket(world, 0, "[2001:db8::1]:5000");
  agent_socket(world, 0, "192.0.2.1:5000");
  agent_socket(world, 1, "[2001:db8::2]:5000");
  agent_socket(world, 1, "192.0.2.2:5000");
  exchange(world);
  end_of_sockets(world);
  prtc_time start = world->now;
  run_for(world, 2 * SECOND);
  check_completed(world);
  check_pair(world, 0, "192.0.2.1:5000", "192.0.2.2:5000");
  PRTC_CHECK(world->agents[0].connected_at - start < 300 * MS);
  world_free(world);
}

/* ---------------------------------------------------------------------------------------------------------- trickle */

/* Candidates and parameters in every order, with time between them. */
static void trickle_orders(void) {
  for (unsigned order = 0; order < 16; order++) {
    struct world *world = two_agents(true, false);
    world->agents[0].signal = world->agents[1].signal = false;
    run_for(world, 100 * MS); /* the candidates are known to the test now */
    for (unsigned step = 0; step < 4; step++) {
      unsigned what = (step + order) % 4;
      size_t to = what % 2, from = 1 - to;
      if (order >= 8 && step == 2) run_for(world, 3 * SECOND);
      if ((what < 2) != ((order / 4) % 2 == 0)) {
        give_parameters(world, from, to);
      } else {
        prtc_ice_add_remote_candidate(world->agents[to].ice, world->now, &world->agents[from].candidates[0]);
        prtc_ice_end_of_remote_candidates(world->agents[to].ice, world->now);
      }
      run_for(world, 200 * MS);
    }
    run_for(world, 2 * SECOND);
    check_completed(world);
    for (size_t i = 0; i < 2; i++) {
      struct agent *agent = &world->agents[i];
      PRTC_CHECK_INT(agent->states[0], PRTC_ICE_TRANSPORT_CHECKING);
      PRTC_CHECK(agent->state_count <= 3); /* checking, connected perhaps, completed */
    }
    world_free(world);
  }
}

/* An answerer that has no parameters yet answers checks and remembers them: it needs no retransmission to connect. */
static void early_checks_are_remembered(void) {
  struct world *world = two_agents(true, false);
  world->agents[0].signal = false;
  give_parameters(world, 1, 0);
  run_for(world, 450 * MS); /* before the first retransmission */
  PRTC_CHECK_INT(state_of(world, 1), PRTC_ICE_TRANSPORT_NEW);
  PRTC_CHECK_INT(world->agents[1].ice->pairs.count, 0);
  PRTC_CHECK_INT(prtc_ice_knows_path(world->agents[1].ice, world->agents[1].sockets[0], &world->agents[0].addresses[0]), 1);
  prtc_time start = world->now;
  give_parameters(world, 0, 1);
  run_for(world, 3 * world->delay);
  PRTC_CHECK_INT(state_of(world, 1), PRTC_ICE_TRANSPORT_CONNECTED); /* not completed: no end-of-candidates */
  PRTC_CHECK(world->agents[1].connected_at - start <= 2 * world->delay);
  world_free(world);
}

static void reflexive_becomes_the_signalled_one(void) {
  struct world *world = two_agents(true, false);
  prtc_ice_pair pair;
  world->agents[0].signal = false; /* agent 1 hears of no candidate */
  exchange(world);
  run_for(world, 1 * SECOND);
  PRTC_CHECK_INT(state_of(world, 1), PRTC_ICE_TRANSPORT_CONNECTED);
  prtc_ice_get_selected_pair(world->agents[1].ice, &pair);
  PRTC_CHECK_INT(pair.remote_type, PRTC_CANDIDATE_PEER_REFLEXIVE);
  PRTC_CHECK_INT(prtc_ice_add_remote_candidate(world->agents[1].ice, world->now, &world->agents[0].candidates[0]), 0);
  prtc_ice_end_of_remote_candidates(world->agents[1].ice, world->now);
  run_for(world, 60 * SECOND);
  prtc_ice_get_selected_pair(world->agents[1].ice, &pair);
  PRTC_CHECK_INT(pair.remote_type, PRTC_CANDIDATE_HOST);
  PRTC_CHECK_INT(world->agents[1].ice->pairs.count, 1);
  check_completed(world);
  check_states(&world->agents[1], 3, PRTC_ICE_TRANSPORT_CHECKING, PRTC_ICE_TRANSPORT_CONNECTED,
               PRTC_ICE_TRANSPORT_COMPLETED);
  world_free(world);
}

/* RFC 8445 section 7.3.1.3: it is paired with the socket that it was seen on, and no other. */
static void reflexive_is_paired_once(void) {
  struct world *world = two_agents(true, false);
  world->agents[0].signal = false;
  agent_socket(world, 1, "192.0.2.3:6000");
  exchange(world);
  run_for(world, 1 * SECOND);
  size_t reflexive = 0;
  const struct prtc_ice *ice = world->agents[1].ice;
  for (size_t i = 0; i < ice->pairs.count; i++) reflexive += ((struct ice_pair *)ice->pairs.items[i])->heard;
  PRTC_CHECK_INT(ice->pairs.count, reflexive);
  agent_socket(world, 1, "192.0.2.4:6000");
  PRTC_CHECK_INT(ice->pairs.count, reflexive);
  prtc_ice_add_remote_candidate(world->agents[1].ice, world->now, &world->agents[0].candidates[0]);
  PRTC_CHECK_INT(ice->pairs.count, 3); /* now that it is signalled, with all */
  world_free(world);
}

/* RFC 8445 section 6.1.2.3: min and max, and one more when the controlling side's is the larger. */
static void priorities_of_pairs(void) {
  struct world *world = two_agents(true, false);
  prtc_candidate candidate = candidate_of("candidate:1 1 udp 77 198.51.100.1 5000 typ host");
  world->agents[1].signal = false;
  give_parameters(world, 1, 0);
  prtc_ice_add_remote_candidate(world->agents[0].ice, world->now, &candidate);
  const struct ice_pair *pair = world->agents[0].ice->pairs.items[0];
  uint64_t ours = prtc_ice_priority(PRTC_CANDIDATE_HOST, pair->socket);
  PRTC_CHECK_INT(ours, 126u << 24 | 65534u << 8 | 255);
  PRTC_CHECK(pair->priority == (UINT64_C(77) << 32) + 2 * ours + 1);
  prtc_ice_set_controlling(world->agents[0].ice, world->now, 0);
  PRTC_CHECK(pair->priority == (UINT64_C(77) << 32) + 2 * ours);
  world_free(world);
}

static void what_cannot_be_used_is_ignored(void) {
  static const char *const lines[] = {
      "candidate:1 1 tcp 2130706431 192.0.2.9 9 typ host tcptype active",
      "candidate:1 2 udp 2130706431 192.0.2.9 5001 typ host",
      "candidate:1 1 udp 2130706431 192.0.2.9 0 typ host",
      "candidate:1 1 udp 2130706431 0.0.0.0 5000 typ host",
      "candidate:1 1 udp 2130706431 224.0.0.1 5000 typ host",
      "candidate:1 1 udp 2130706431 255.255.255.255 5000 typ host",
      "candidate:1 1 udp 2130706431 ff02::1 5000 typ host",
      "candidate:1 1 udp 2130706431 :: 5000 typ host",
      "candidate:1 1 udp 2130706431 192.0.2.9 5000 typ host ufrag ofAnotherOne",
  };
  struct world *world = two_agents(true, false);
  give_parameters(world, 1, 0);
  world->agents[1].signal = false;
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    prtc_candidate candidate = candidate_of(lines[i]);
    PRTC_CHECK_INT(prtc_ice_add_remote_candidate(world->agents[0].ice, world->now, &candidate), 0);
  }
  PRTC_CHECK_INT(world->agents[0].ice->remotes.count, 0);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_NEW);
  /* Its address may still be found: there is a candidate, as the W3C counts them. */
  prtc_candidate named =
      candidate_of("candidate:1 1 udp 2130706431 0cb6b1a8-3b0e-4d53-b0f5-5ab03ccbd0b5.local 5000 typ host");
  PRTC_CHECK_INT(prtc_ice_add_remote_candidate(world->agents[0].ice, world->now, &named), 0);
  PRTC_CHECK_INT(world->agents[0].ice->remotes.count, 0);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_CHECKING);
  world_free(world);
}

/* Held candidates whose ufrag turns out to be another's are dropped; those of the right ufrag, or of none, stay. */
static void candidates_before_the_parameters(void) {
  struct world *world = two_agents(true, false);
  world->agents[0].signal = world->agents[1].signal = false;
  prtc_candidate wrong = candidate_of("candidate:1 1 udp 1 192.0.2.8 5000 typ host ufrag someOther");
  prtc_candidate none = candidate_of("candidate:1 1 udp 1 192.0.2.9 5000 typ host");
  run_for(world, 1);
  prtc_candidate right = world->agents[1].candidates[0];
  PRTC_CHECK(right.ufrag[0] != '\0');
  prtc_ice_add_remote_candidate(world->agents[0].ice, world->now, &wrong);
  prtc_ice_add_remote_candidate(world->agents[0].ice, world->now, &none);
  prtc_ice_add_remote_candidate(world->agents[0].ice, world->now, &right);
  PRTC_CHECK_INT(world->agents[0].ice->pairs.count, 0);
  give_parameters(world, 1, 0);
  PRTC_CHECK_INT(world->agents[0].ice->pairs.count, 2);
  world_free(world);
}

static void bounds(void) {
  struct world *world = world_new();
  struct prtc_ice *ice = agent_new(world, 0, true, NULL)->ice;
  agent_socket(world, 0, "192.0.2.1:5000");
  agent_socket(world, 0, "192.0.2.2:5000");
  prtc_ice_parameters parameters = {.ufrag = "abcd", .password = "0123456789012345678901"};
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(ice, world->now, &parameters), 0);
  for (unsigned i = 0; i < 300; i++) {
    prtc_candidate candidate = candidate_of("candidate:1 1 udp 1 198.51.100.1 5000 typ host");
    candidate.priority = i + 1;
    candidate.address.port = (uint16_t)(5000 + i);
    int code = prtc_ice_add_remote_candidate(ice, world->now, &candidate);
    PRTC_CHECK_INT(code, i < 256 ? 0 : PRTC_ERROR_QUEUE_FULL);
    PRTC_CHECK(ice->pairs.count <= 100);
    if (i >= 256) continue;
    PRTC_CHECK_INT(prtc_ice_add_remote_candidate(ice, world->now, &candidate), 0); /* the same again: no more */
    PRTC_CHECK_INT(ice->remotes.count, i + 1);
  }
  PRTC_CHECK_INT(ice->pairs.count, 100);
  for (size_t i = 0; i < ice->pairs.count; i++) { /* the best 100 of 512, but for one that is in progress */
    const struct ice_pair *pair = ice->pairs.items[i];
    PRTC_CHECK(pair->remote->priority > 256 - 51 || pair->state == PAIR_IN_PROGRESS);
  }
  for (size_t i = 0; i < 100; i++) { /* sockets and servers have theirs */
    prtc_address address = address_of("203.0.113.1:1000");
    address.port = (uint16_t)(1000 + i);
    PRTC_CHECK_INT(prtc_ice_add_socket(ice, world->now, 100 + i, &address, 1, 0), i < 30 ? 0 : PRTC_ERROR_QUEUE_FULL);
    PRTC_CHECK_INT(prtc_ice_add_server(ice, world->now, &address), i < PRTC_ICE_SERVERS_MAX ? 0 : PRTC_ERROR_QUEUE_FULL);
  }
  world_free(world);
}

static void bad_arguments(void) {
  struct world *world = two_agents(true, false);
  struct prtc_ice *ice = world->agents[0].ice;
  prtc_ice_parameters good = {.ufrag = "abcd", .password = "0123456789012345678901"}, bad = good;
  prtc_ice_config config;
  strcpy(bad.ufrag, "abc");
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(ice, world->now, &bad), PRTC_ERROR_SYNTAX);
  strcpy(bad.ufrag, "abc:");
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(ice, world->now, &bad), PRTC_ERROR_SYNTAX);
  memset(bad.ufrag, 'a', sizeof bad.ufrag); /* no end */
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(ice, world->now, &bad), PRTC_ERROR_SYNTAX);
  bad = good;
  bad.password[21] = '\0';
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(ice, world->now, &bad), PRTC_ERROR_SYNTAX);
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(ice, world->now, &good), 0);
  prtc_address any = address_of("0.0.0.0:5000"), ok = address_of("192.0.2.7:1");
  PRTC_CHECK_INT(prtc_ice_add_socket(ice, world->now, 50, &any, 0, 0), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_ice_add_socket(ice, world->now, 1, &ok, 0, 0), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(prtc_ice_remove_socket(ice, world->now, 51), PRTC_ERROR_NOT_FOUND);
  PRTC_INIT(&config);
  struct {
    prtc_ice_config config;
    uint64_t later; /* a member of a later version */
  } larger = {.config = {.size = sizeof larger}, .later = 1};
  PRTC_CHECK(prtc_ice_new(world->agents[0].context, &larger.config) == NULL);
  world_free(world);
}

/* -------------------------------------------------------------------------------------------------------- reflexive */

static void behind_a_nat(void) {
  struct world *world = world_new();
  agent_new(world, 0, true, NULL);
  agent_new(world, 1, false, NULL);
  world->nat_inside = address_of("10.0.0.1:5000");
  world->nat_outside = address_of("203.0.113.7:40000");
  world->server = address_of("198.51.100.1:3478");
  for (size_t i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_ice_add_server(world->agents[i].ice, world->now, &world->server), 0);
  agent_socket(world, 0, "10.0.0.1:5000");
  agent_socket(world, 1, "192.0.2.2:6000");
  exchange(world);
  end_of_sockets(world);
  run_for(world, 3 * SECOND);
  check_completed(world);
  struct agent *inside = &world->agents[0];
  PRTC_REQUIRE(inside->candidate_count == 2);
  PRTC_CHECK_INT(inside->candidates[1].type, PRTC_CANDIDATE_SERVER_REFLEXIVE);
  PRTC_CHECK(prtc_address_equal(&inside->candidates[1].address, &world->nat_outside));
  PRTC_CHECK(prtc_address_equal(&inside->candidates[1].related, &world->nat_inside));
  PRTC_CHECK(inside->candidates[1].priority < inside->candidates[0].priority);
  PRTC_CHECK(strcmp(inside->candidates[1].foundation, inside->candidates[0].foundation) != 0);
  PRTC_CHECK_INT(world->agents[1].candidate_count, 1); /* without a NAT the server shows nothing new */
  PRTC_CHECK_INT(inside->complete, 1);
  PRTC_CHECK_INT(world->agents[1].complete, 1);
  check_pair(world, 0, "10.0.0.1:5000", "192.0.2.2:6000");
  check_pair(world, 1, "192.0.2.2:6000", "203.0.113.7:40000");
  prtc_ice_pair pair;
  prtc_ice_get_selected_pair(inside->ice, &pair);
  PRTC_CHECK(pair.local_type != PRTC_CANDIDATE_HOST);
  PRTC_CHECK_INT(inside->ice->pairs.count, 1); /* the reflexive one is paired as its base (RFC 8445 section 6.1.2.4) */
  world_free(world);
}

static bool lose_all(struct world *world, const struct packet *packet) {
  (void)world;
  (void)packet;
  return true;
}

static void a_dead_server_ends_gathering_in_time(void) {
  struct world *world = world_new();
  prtc_address server = address_of("198.51.100.1:3478");
  struct agent *agent = agent_new(world, 0, true, NULL);
  agent->signal = false;
  world->lose = lose_all;
  prtc_ice_add_server(agent->ice, world->now, &server);
  agent_socket(world, 0, "192.0.2.1:5000");
  agent_socket(world, 0, "127.0.0.1:5000");   /* these two cannot reach it, and do not try */
  agent_socket(world, 0, "[2001:db8::1]:5000");
  prtc_ice_end_of_sockets(agent->ice, world->now);
  run_for(world, 4 * SECOND);
  PRTC_CHECK_INT(agent->complete, 0);
  PRTC_CHECK_INT(agent->server_failures, 0);
  run_for(world, 1 * SECOND);
  PRTC_CHECK_INT(agent->complete, 1);
  PRTC_CHECK_INT(agent->server_failures, 1); /* W3C section 4.8.3 */
  PRTC_CHECK_INT(agent->server_code, 701);
  PRTC_CHECK(prtc_address_equal(&agent->server, &server));
  PRTC_CHECK_INT(agent->sent, 5);
  PRTC_CHECK_INT(agent->state_count, 0);
  PRTC_CHECK_INT(prtc_ice_deadline(agent->ice) == PRTC_NEVER, 1);
  world_free(world);
}

/* ------------------------------------------------------------------------------------------------------------ roles */

static void role_conflict(bool controlling) {
  unsigned won[2] = {0, 0};
  for (unsigned seed = 0; seed < 40; seed++) {
    struct world *world = two_agents(controlling, controlling);
    world->agents[seed % 2].ice->tie_breaker = seed * 77;
    world->delay = (1 + seed) * MS;
    if (seed % 4 < 2) {
      exchange(world); /* both begin at once: their checks cross, so that a 487 comes when the role has changed already */
    } else {
      give_parameters(world, 0, 1);
      run_for(world, 30 * MS);
      give_parameters(world, 1, 0);
    }
    run_for(world, 5 * SECOND);
    check_completed(world);
    PRTC_CHECK(world->agents[0].ice->controlling != world->agents[1].ice->controlling);
    won[world->agents[0].ice->controlling ? 0 : 1]++;
    world_free(world);
  }
  PRTC_CHECK(won[0] > 0 && won[1] > 0);
}

static void both_controlling(void) { role_conflict(true); }
static void both_controlled(void) { role_conflict(false); }

static void against_a_lite_agent(void) {
  struct world *world = two_agents(false, false);
  prtc_ice_parameters parameters;
  prtc_ice_get_local_parameters(world->agents[1].ice, &parameters);
  parameters.lite = 1;
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(world->agents[0].ice, world->now, &parameters), 0);
  PRTC_CHECK(world->agents[0].ice->controlling); /* RFC 8445 section 6.1.1 */
  prtc_ice_set_controlling(world->agents[0].ice, world->now, 0);
  PRTC_CHECK(world->agents[0].ice->controlling);
  run_for(world, 1 * SECOND); /* agent 1 has no parameters: it answers and sends nothing of its own, as a lite one does */
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_COMPLETED);
  world_free(world);
}

/* ------------------------------------------------------------------------------------------------------------- loss */

static unsigned loss_percent;
static bool lose_some(struct world *world, const struct packet *packet) {
  (void)packet;
  return next_random(world) % 100 < loss_percent;
}

static void connects_in_spite_of_loss(void) {
  unsigned lost = 0;
  loss_percent = 30;
  for (unsigned seed = 1; seed <= 200; seed++) {
    struct world *world = two_agents(true, false);
    world->rng = seed * UINT64_C(0x9E3779B97F4A7C15);
    world->lose = lose_some;
    exchange(world);
    run_for(world, 20 * SECOND);
    for (size_t i = 0; i < 2; i++) {
      if (world->agents[i].connected_at == 0) fprintf(stderr, "seed %u: agent %zu is not connected\n", seed, i);
      PRTC_CHECK(world->agents[i].connected_at != 0);
      PRTC_CHECK_INT(world->agents[i].failed, 0);
      if (world->agents[i].connected_at > 1000 * SECOND + 100 * MS) lost++;
    }
    world_free(world);
  }
  PRTC_CHECK(lost > 50); /* the loss did bite */
}

static unsigned lose_index, lose_count;
static bool lose_one(struct world *world, const struct packet *packet) {
  (void)world;
  (void)packet;
  return lose_count++ == lose_index;
}

/* Whichever datagram is lost, the retransmission makes good for it. */
static void any_one_datagram_may_be_lost(void) {
  for (lose_index = 0; lose_index < 12; lose_index++) {
    struct world *world = two_agents(true, false);
    lose_count = 0;
    world->lose = lose_one;
    exchange(world);
    run_for(world, 1500 * MS);
    check_completed(world);
    world_free(world);
  }
}

/* Row 10: host > prflx > srflx > relay, whatever the socket; of sockets of one type the network counts, then the families
 * in turn. */
static void priorities_of_candidates(void) {
  static const prtc_candidate_type order[] = {PRTC_CANDIDATE_HOST, PRTC_CANDIDATE_PEER_REFLEXIVE,
                                              PRTC_CANDIDATE_SERVER_REFLEXIVE, PRTC_CANDIDATE_RELAYED};
  static const char *const addresses[] = {"192.0.2.1:1", "192.0.2.2:2", "[2001:db8::1]:3", "[2001:db8::2]:4",
                                          "192.0.2.3:5"};
  struct world *world = world_new();
  struct prtc_ice *ice = agent_new(world, 0, true, NULL)->ice;
  world->agents[0].signal = false;
  for (size_t i = 0; i < 5; i++) {
    if (i == 4) world->agents[0].network_type = PRTC_NETWORK_CELLULAR;
    agent_socket(world, 0, addresses[i]);
  }
  for (size_t a = 0; a < 5; a++) {
    for (size_t b = 0; b < 5; b++) {
      for (size_t t = 0; t + 1 < 4; t++) {
        PRTC_CHECK(prtc_ice_priority(order[t], ice->sockets.items[a]) >
                   prtc_ice_priority(order[t + 1], ice->sockets.items[b]));
      }
    }
  }
  static const size_t best_first[] = {2, 0, 3, 1, 4};
  for (size_t i = 0; i + 1 < 5; i++) {
    PRTC_CHECK(prtc_ice_priority(PRTC_CANDIDATE_HOST, ice->sockets.items[best_first[i]]) >
               prtc_ice_priority(PRTC_CANDIDATE_HOST, ice->sockets.items[best_first[i + 1]]));
  }
  world_free(world);
}

/* ---------------------------------------------------------------------------------------------------------- failure */

static void fails_with_a_reason(void) {
  struct world *world = two_agents(true, false);
  world->lose = lose_all;
  exchange(world);
  run_for(world, 39 * SECOND);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_CHECKING);
  run_for(world, 2 * SECOND);
  for (size_t i = 0; i < 2; i++) {
    PRTC_CHECK_INT(world->agents[i].failed, 1);
    check_states(&world->agents[i], 2, PRTC_ICE_TRANSPORT_CHECKING, PRTC_ICE_TRANSPORT_FAILED);
    PRTC_CHECK_INT(world->agents[i].sent, 18); /* 0, 0.5, 1.5, 3.5 and each 2 s until 31.5 */
    PRTC_CHECK_TEXT(world->agents[i].text,
                    "1 pair tried, none answered: no answer to 18 checks, and no check of the other side"
                    "; no relayed candidate on either side: a TURN server would help");
    PRTC_CHECK(prtc_ice_deadline(world->agents[i].ice) == PRTC_NEVER);
  }
  /* row 14: something new to try */
  world->lose = NULL;
  agent_socket(world, 0, "198.51.100.1:5000");
  run_for(world, 2 * SECOND);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_COMPLETED);
  PRTC_CHECK_INT(state_of(world, 1), PRTC_ICE_TRANSPORT_COMPLETED);
  world_free(world);
}

/* RFC 8863: without a single pair it is not given up at once, because a check may still come (a browser hides its
 * addresses as .local names, which make no pairs here). */
static void patience_without_pairs(void) {
  struct world *world = two_agents(true, false);
  world->agents[0].signal = world->agents[1].signal = false;
  exchange(world);
  for (size_t i = 0; i < 2; i++) prtc_ice_end_of_remote_candidates(world->agents[i].ice, world->now);
  run_for(world, 38 * SECOND);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_NEW);
  prtc_ice_add_remote_candidate(world->agents[1].ice, world->now, &world->agents[0].candidates[0]);
  run_for(world, 1 * SECOND);
  check_completed(world);
  world_free(world);

  world = two_agents(true, false);
  world->agents[0].signal = world->agents[1].signal = false;
  exchange(world);
  prtc_ice_end_of_remote_candidates(world->agents[0].ice, world->now);
  run_for(world, 40 * SECOND);
  check_states(&world->agents[0], 2, PRTC_ICE_TRANSPORT_CHECKING, PRTC_ICE_TRANSPORT_FAILED);
  PRTC_CHECK_TEXT(world->agents[0].text, "the other side sent no candidates, and no check of it came");
  PRTC_CHECK_INT(world->agents[1].state_count, 0); /* it may still be told of one */
  run_for(world, 40 * SECOND);
  check_states(&world->agents[1], 2, PRTC_ICE_TRANSPORT_CHECKING, PRTC_ICE_TRANSPORT_FAILED);
  world_free(world);

  world = two_agents(true, false); /* W3C section 5.6.4: checking, as soon as there is a candidate of the other side */
  world->agents[0].signal = world->agents[1].signal = false;
  exchange(world);
  prtc_candidate other_family = candidate_of("candidate:1 1 udp 100 2001:db8::77 9000 typ host");
  prtc_ice_add_remote_candidate(world->agents[0].ice, world->now, &other_family);
  prtc_ice_end_of_remote_candidates(world->agents[0].ice, world->now);
  run_for(world, 40 * SECOND);
  check_states(&world->agents[0], 2, PRTC_ICE_TRANSPORT_CHECKING, PRTC_ICE_TRANSPORT_FAILED);
  world_free(world);
}

/* W3C: all pairs have failed, but more candidates may come: disconnected, and back when one does. */
static void dry_but_not_ended(void) {
  struct world *world = two_agents(true, false);
  struct agent *agent = &world->agents[0];
  world->agents[0].signal = world->agents[1].signal = false;
  exchange(world);
  prtc_candidate nobody = candidate_of("candidate:1 1 udp 100 198.51.100.77 9000 typ host");
  prtc_ice_add_remote_candidate(agent->ice, world->now, &nobody);
  run_for(world, 41 * SECOND);
  check_states(agent, 2, PRTC_ICE_TRANSPORT_CHECKING, PRTC_ICE_TRANSPORT_DISCONNECTED);
  prtc_ice_add_remote_candidate(agent->ice, world->now, &world->agents[1].candidates[0]);
  run_for(world, 1 * SECOND);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_CONNECTED);
  world_free(world);
}

static void a_controlling_side_that_never_nominates(void) {
  struct world *world = two_agents(false, false);
  exchange(world);
  world->agents[1].ice->tie_breaker = world->agents[0].ice->tie_breaker = 5; /* agent 1 becomes controlling … */
  run_for(world, 30 * MS);
  struct prtc_ice *ice = world->agents[world->agents[0].ice->controlling ? 1 : 0].ice;
  struct prtc_ice *other = world->agents[world->agents[0].ice->controlling ? 0 : 1].ice;
  other->credentials.remote_password[0] ^= 1; /* … and its nomination is not believed */
  run_for(world, 5 * SECOND);
  PRTC_CHECK_INT(prtc_ice_get_state(ice), PRTC_ICE_TRANSPORT_CONNECTED); /* data may flow */
  run_for(world, 40 * SECOND);
  PRTC_CHECK_INT(prtc_ice_get_state(ice), PRTC_ICE_TRANSPORT_FAILED);
  world_free(world);
}

static void unreachable_fails_at_once(void) {
  struct world *world = two_agents(true, false);
  struct agent *agent = &world->agents[0];
  world->lose = lose_all;
  exchange(world);
  run_for(world, 100 * MS);
  PRTC_CHECK_INT(agent->ice->transactions.count, 1);
  PRTC_CHECK_INT(prtc_ice_unreachable(agent->ice, world->now, agent->sockets[0], &world->agents[1].addresses[0]), 0);
  PRTC_CHECK_INT(agent->ice->transactions.count, 0);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_CHECKING); /* RFC 8863: the other side's check may still come … */
  world->lose = NULL;
  run_for(world, 3 * SECOND);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_COMPLETED); /* … and does */
  world_free(world);
}

/* An answer that takes a minute: the NAT's mapping is kept, without anything new to report. */
static void mappings_are_kept(void) {
  struct world *world = world_new();
  struct agent *agent = agent_new(world, 0, true, NULL);
  agent->signal = false;
  world->nat_inside = address_of("10.0.0.1:5000");
  world->nat_outside = address_of("203.0.113.7:40000");
  world->server = address_of("198.51.100.1:3478");
  prtc_ice_add_server(agent->ice, world->now, &world->server);
  agent_socket(world, 0, "10.0.0.1:5000");
  prtc_ice_end_of_sockets(agent->ice, world->now);
  run_for(world, 65 * SECOND);
  PRTC_CHECK_INT(world->server_requests, 5); /* at 0, 15, 30, 45, 60 s */
  PRTC_CHECK_INT(agent->candidate_count, 2);
  PRTC_CHECK_INT(agent->complete, 1);
  world_free(world);
}

int main(void) {
  PRTC_RUN(connects_ipv4);
  PRTC_RUN(connects_ipv6);
  PRTC_RUN(link_local_has_a_zone);
  PRTC_RUN(first_check_leaves_at_once);
  PRTC_RUN(several_addresses_use_the_best_pair);
  PRTC_RUN(a_dead_better_pair_is_waited_for_briefly);
  PRTC_RUN(trickle_orders);
  PRTC_RUN(early_checks_are_remembered);
  PRTC_RUN(reflexive_becomes_the_signalled_one);
  PRTC_RUN(reflexive_is_paired_once);
  PRTC_RUN(priorities_of_pairs);
  PRTC_RUN(priorities_of_candidates);
  PRTC_RUN(what_cannot_be_used_is_ignored);
  PRTC_RUN(candidates_before_the_parameters);
  PRTC_RUN(bounds);
  PRTC_RUN(bad_arguments);
  PRTC_RUN(behind_a_nat);
  PRTC_RUN(a_dead_server_ends_gathering_in_time);
  PRTC_RUN(mappings_are_kept);
  PRTC_RUN(both_controlling);
  PRTC_RUN(both_controlled);
  PRTC_RUN(against_a_lite_agent);
  PRTC_RUN(connects_in_spite_of_loss);
  PRTC_RUN(any_one_datagram_may_be_lost);
  PRTC_RUN(fails_with_a_reason);
  PRTC_RUN(patience_without_pairs);
  PRTC_RUN(dry_but_not_ended);
  PRTC_RUN(a_controlling_side_that_never_nominates);
  PRTC_RUN(unreachable_fails_at_once);
  return PRTC_TEST_RESULT();
}
