/* Tests of ICE over TCP: candidates, connections, and what becomes of them.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/ice/world_test.h"

/* Agent 0 has an active candidate, agent 1 a passive one; no UDP unless a test adds it. */
static struct world *tcp_world(bool first_controls) {
  struct world *world = world_new();
  agent_new(world, 0, first_controls, NULL);
  agent_new(world, 1, !first_controls, NULL);
  agent_active(world, 0, "192.0.2.1:0");
  agent_listen(world, 1, "192.0.2.2:7000");
  return world;
}

static void check_connected(const struct world *world) {
  for (size_t i = 0; i < 2; i++) {
    prtc_ice_pair pair;
    PRTC_CHECK_INT(state_of(world, i), PRTC_ICE_TRANSPORT_COMPLETED);
    PRTC_REQUIRE(prtc_ice_get_selected_pair(world->agents[i].ice, &pair) == 1);
    PRTC_CHECK_INT(pair.protocol, PRTC_PROTOCOL_TCP);
  }
}

static size_t open_links(const struct world *world) {
  size_t count = 0;
  for (size_t i = 0; i < world->link_count; i++) count += world->links[i].ids[0] != 0 && world->links[i].ids[1] != 0;
  return count;
}

static void candidates(void) {
  struct world *world = tcp_world(true);
  agent_listen(world, 0, "192.0.2.1:7001");
  agent_socket(world, 0, "192.0.2.1:5000");
  run_for(world, 1 * MS);
  const struct agent *agent = &world->agents[0];
  PRTC_REQUIRE(agent->candidate_count == 3);
  const prtc_candidate *active = &agent->candidates[0], *passive = &agent->candidates[1], *udp = &agent->candidates[2];
  PRTC_CHECK_INT(active->protocol, PRTC_PROTOCOL_TCP);
  PRTC_CHECK_INT(active->tcp_type, PRTC_TCP_ACTIVE);
  PRTC_CHECK_INT(active->address.port, 9);
  PRTC_CHECK_INT(active->type, PRTC_CANDIDATE_HOST);
  PRTC_CHECK_INT(passive->tcp_type, PRTC_TCP_PASSIVE);
  PRTC_CHECK_INT(passive->address.port, 7001);
  PRTC_CHECK_INT(udp->protocol, PRTC_PROTOCOL_UDP);
  /* RFC 6544 section 4.2: UDP, also server-reflexive, before TCP; active before passive */
  PRTC_CHECK((100u << 24) > active->priority && active->priority > passive->priority && udp->priority > active->priority);
  PRTC_CHECK_INT(active->priority >> 24, 90);
  PRTC_CHECK_INT(active->priority >> 21 & 7, 6);
  PRTC_CHECK_INT(passive->priority >> 21 & 7, 4);
  PRTC_CHECK_TEXT(active->foundation, passive->foundation);
  PRTC_CHECK(strcmp(active->foundation, udp->foundation) != 0);
  prtc_address address = address_of("192.0.2.9:1");
  PRTC_CHECK_INT(prtc_ice_add_tcp_socket(agent->ice, world->now, PRTC_TCP_SIMULTANEOUS_OPEN, 77, &address, 1, 0),
                 PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_ice_add_tcp_socket(agent->ice, world->now, PRTC_TCP_NONE, 77, &address, 1, 0),
                 PRTC_ERROR_INVALID_ARGUMENT);
  world_free(world);
}

static void connects(void) {
  for (int first_controls = 0; first_controls < 2; first_controls++) {
    struct world *world = tcp_world(first_controls != 0);
    exchange(world);
    end_of_sockets(world);
    run_for(world, 1 * SECOND);
    check_connected(world);
    PRTC_CHECK_INT(world->link_count, 1);
    /* 10 ms each way: a round trip for the connection, one for the check, one for the nomination */
    PRTC_CHECK(world->agents[0].connected_at <= 1000 * SECOND + 70 * MS);
    prtc_ice_pair pair;
    PRTC_REQUIRE(prtc_ice_get_selected_pair(world->agents[0].ice, &pair) == 1);
    PRTC_CHECK_INT(pair.local_type, PRTC_CANDIDATE_HOST);
    PRTC_CHECK_INT(pair.remote_type, PRTC_CANDIDATE_HOST);
    PRTC_CHECK_INT(pair.remote.port, 7000);
    PRTC_REQUIRE(prtc_ice_get_selected_pair(world->agents[1].ice, &pair) == 1);
    PRTC_CHECK_INT(pair.local_type, PRTC_CANDIDATE_HOST);
    PRTC_CHECK_INT(pair.remote_type, PRTC_CANDIDATE_PEER_REFLEXIVE);
    PRTC_CHECK_INT(pair.local.port, 7000);
    prtc_ice_pair_stats stats = {.size = sizeof stats};
    PRTC_REQUIRE(prtc_ice_get_pair_stats(world->agents[0].ice, 0, &stats) == 1);
    PRTC_CHECK_INT(stats.tcp_type, PRTC_TCP_ACTIVE);
    PRTC_CHECK_INT(stats.local.port, 9); /* as its candidate */
    PRTC_CHECK(stats.selected && stats.requests_sent >= 1);
    /* Consent, for a minute: no more is sent than that, and the connection stays */
    uint64_t sent = world->agents[0].sent;
    run_for(world, 60 * SECOND);
    check_connected(world);
    PRTC_CHECK(world->agents[0].sent - sent >= 2 * 10 && world->agents[0].sent - sent <= 2 * 15);
    PRTC_CHECK_INT(open_links(world), 1);
    world_free(world);
  }
}

/* Checks that come before the other side's parameters are remembered with their connection. */
static void early_checks(void) {
  struct world *world = tcp_world(true);
  prtc_ice_parameters parameters;
  prtc_ice_get_local_parameters(world->agents[1].ice, &parameters);
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(world->agents[0].ice, world->now, &parameters), 0);
  end_of_sockets(world);
  run_for(world, 20 * SECOND); /* longer than a stranger may be silent */
  PRTC_CHECK_INT(open_links(world), 1);
  prtc_ice_get_local_parameters(world->agents[0].ice, &parameters);
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(world->agents[1].ice, world->now, &parameters), 0);
  run_for(world, 1 * SECOND);
  check_connected(world);
  world_free(world);
}

static void udp_comes_first(void) {
  struct world *world = tcp_world(true);
  agent_socket(world, 0, "192.0.2.1:5000");
  agent_socket(world, 1, "192.0.2.2:6000");
  exchange(world);
  end_of_sockets(world);
  run_for(world, 5 * SECOND);
  check_pair(world, 0, "192.0.2.1:5000", "192.0.2.2:6000");
  PRTC_CHECK_INT(open_links(world), 0); /* one that was made meanwhile is closed */
  PRTC_CHECK_INT(world->agents[0].ice->connections.count, 0);
  PRTC_CHECK_INT(world->agents[1].ice->connections.count, 0);
  world_free(world);
}

static bool lose_all(struct world *world, const struct packet *packet) {
  (void)world, (void)packet;
  return true;
}

/* UDP works, then no more: TCP takes over without a restart, for its pairs are kept for that day. */
static void takes_over_from_udp(void) {
  struct world *world = tcp_world(true);
  agent_socket(world, 0, "192.0.2.1:5000");
  agent_socket(world, 1, "192.0.2.2:6000");
  exchange(world);
  end_of_sockets(world);
  run_for(world, 5 * SECOND);
  check_pair(world, 0, "192.0.2.1:5000", "192.0.2.2:6000");
  world->lose = lose_all;
  run_for(world, 25 * SECOND);
  check_connected(world);
  PRTC_CHECK_INT(open_links(world), 1);
  PRTC_CHECK_INT(world->agents[0].failed + world->agents[1].failed, 0);
  world_free(world);
}

/* On a connection what is sent arrives: a check that is not answered is not repeated. */
static void checks_are_not_repeated(void) {
  struct world *world = tcp_world(true);
  prtc_ice_parameters wrong;
  exchange(world);
  prtc_ice_get_local_parameters(world->agents[1].ice, &wrong);
  wrong.password[0] = wrong.password[0] == 'a' ? 'b' : 'a';
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(world->agents[0].ice, world->now, &wrong), 0);
  for (size_t i = 0; i < world->agents[1].candidate_count; i++) { /* they were of the generation before */
    PRTC_CHECK_INT(prtc_ice_add_remote_candidate(world->agents[0].ice, world->now, &world->agents[1].candidates[i]), 0);
  }
  end_of_sockets(world);
  run_for(world, 39 * SECOND);
  PRTC_CHECK_INT(world->agents[0].sent, 1);
  PRTC_CHECK_INT(open_links(world), 0); /* the other side has not waited for so long */
  world_free(world);
}

/* An answer that has not left yet goes with its connection. */
static void answers_go_with_the_connection(void) {
  struct world *world = tcp_world(true);
  exchange(world);
  end_of_sockets(world);
  run_for(world, 1 * SECOND);
  check_connected(world);
  prtc_ice *ice = world->agents[1].ice;
  for (prtc_time end = world->now + 20 * SECOND; ice->responses.count == 0 && world->now < end;) {
    size_t first = next_packet(world);
    if (first != SIZE_MAX && world->packets[first].link == 0 && world->packets[first].end == 1) {
      struct packet packet = world->packets[first];
      world->packets[first] = world->packets[--world->packet_count];
      (void)deliver(world, &packet); /* and nothing is fetched */
    } else {
      world->now += 10 * MS;
      if (first != SIZE_MAX) world->packet_count = 0;
      (void)prtc_ice_timeout(world->agents[0].ice, world->now);
      (void)drain(world, 0);
    }
  }
  PRTC_CHECK(ice->responses.count > 0);
  PRTC_CHECK_INT(prtc_ice_remove_socket(ice, world->now, world->links[0].ids[1]), 0);
  PRTC_CHECK_INT(ice->responses.count, 0);
  world_free(world);
}

static void refused(void) {
  struct world *world = tcp_world(true);
  world->agents[1].listening.port = 7999; /* it listens elsewhere than it says */
  exchange(world);
  end_of_sockets(world);
  run_for(world, 1 * SECOND);
  const struct ice_pair *pair = world->agents[0].ice->pairs.items[0];
  PRTC_CHECK_INT(pair->state, PAIR_FAILED);
  PRTC_CHECK_INT(world->agents[0].ice->connections.count, 0);
  run_for(world, 60 * SECOND);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_FAILED);
  PRTC_CHECK_INT(world->link_count, 1); /* once is enough */
  world_free(world);
}

static void black_hole(void) {
  struct world *world = tcp_world(true);
  world->black_hole = true;
  exchange(world);
  end_of_sockets(world);
  run_for(world, 39 * SECOND);
  PRTC_CHECK_INT(world->agents[0].ice->connections.count, 1);
  PRTC_CHECK(world->links[0].ids[0] != 0);
  run_for(world, 2 * SECOND);
  PRTC_CHECK_INT(world->agents[0].ice->connections.count, 0);
  PRTC_CHECK(world->links[0].ids[0] == 0); /* the attempt was given up */
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_FAILED);
  world_free(world);
}

/* A connection that is cut is made again, a few times. */
static void cut_and_made_again(void) {
  struct world *world = tcp_world(true);
  exchange(world);
  end_of_sockets(world);
  run_for(world, 1 * SECOND);
  for (size_t i = 0; i < MAX_CONNECTS; i++) {
    check_connected(world);
    PRTC_CHECK_INT(world->link_count, i + 1);
    cut(world, i);
    prtc_ice_pair pair;
    PRTC_CHECK_INT(prtc_ice_get_selected_pair(world->agents[0].ice, &pair), 0);
    run_for(world, 1 * SECOND);
  }
  PRTC_CHECK_INT(world->link_count, MAX_CONNECTS);
  run_for(world, 60 * SECOND);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_FAILED);
  PRTC_CHECK_INT(state_of(world, 1), PRTC_ICE_TRANSPORT_FAILED);
  world_free(world);
}

static void restart(void) {
  struct world *world = tcp_world(true);
  exchange(world);
  end_of_sockets(world);
  run_for(world, 1 * SECOND);
  check_connected(world);
  for (size_t i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_ice_restart(world->agents[i].ice, world->now), 0);
  run_for(world, 100 * MS);
  PRTC_CHECK_INT(open_links(world), 1); /* the path stays in use meanwhile */
  prtc_ice_pair pair;
  PRTC_CHECK_INT(prtc_ice_get_selected_pair(world->agents[0].ice, &pair), 1);
  exchange(world);
  run_for(world, 1 * SECOND);
  check_connected(world);
  PRTC_CHECK_INT(world->link_count, 2);
  PRTC_CHECK_INT(open_links(world), 1);
  world_free(world);
}

/* Both can connect to both: two connections come about, one is kept. */
static void both_ways(void) {
  struct world *world = tcp_world(true);
  agent_active(world, 1, "192.0.2.2:0");
  agent_listen(world, 0, "192.0.2.1:7001");
  exchange(world);
  end_of_sockets(world);
  run_for(world, 2 * SECOND);
  check_connected(world);
  PRTC_CHECK_INT(open_links(world), 1);
  world_free(world);
}

static void nothing_active(void) { /* active with active, and what is simultaneous-open, make no pairs */
  struct world *world = world_new();
  struct agent *agent = agent_new(world, 0, true, NULL);
  agent->signal = false;
  agent_active(world, 0, "192.0.2.1:0");
  prtc_ice_parameters parameters = {.ufrag = "abcd", .password = "0123456789012345678901"};
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(agent->ice, world->now, &parameters), 0);
  static const char *const lines[] = {"candidate:1 1 tcp 1 192.0.2.2 9 typ host tcptype active",
                                      "candidate:2 1 tcp 1 192.0.2.2 7000 typ host tcptype so",
                                      "candidate:3 1 tcp 1 192.0.2.2 7000 typ host",
                                      "candidate:4 1 tcp 1 192.0.2.2 0 typ host tcptype passive",
                                      "candidate:5 1 udp 1 192.0.2.2 7000 typ host"};
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    prtc_candidate candidate;
    PRTC_REQUIRE(prtc_candidate_parse(&candidate, lines[i], strlen(lines[i])) == 0);
    PRTC_CHECK_INT(prtc_ice_add_remote_candidate(agent->ice, world->now, &candidate), 0);
  }
  PRTC_CHECK_INT(agent->ice->pairs.count, 0);
  run_for(world, 1 * SECOND);
  PRTC_CHECK_INT(world->link_count, 0);
  world_free(world);
}

/* Strangers connect and say nothing, or what is not authentic: they have a place for ten seconds. */
static void strangers(void) {
  struct world *world = tcp_world(true);
  prtc_ice *ice = world->agents[1].ice;
  prtc_address local = address_of("192.0.2.2:7000"), remote = address_of("198.51.100.7:1000");
  size_t closed = 0;
  prtc_socket_id id;
  for (size_t i = 0; i < 20; i++) {
    remote.port = (uint16_t)(1000 + i);
    int code = prtc_ice_accepted(ice, world->now, world->agents[1].listener, 500 + i, &local, &remote);
    PRTC_CHECK_INT(code, i < MAX_ACCEPTED ? 0 : PRTC_ERROR_QUEUE_FULL);
  }
  PRTC_CHECK_INT(prtc_ice_accepted(ice, world->now, 4242, 600, &local, &remote), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_ice_deadline(ice), world->now + 10 * SECOND);
  PRTC_CHECK_INT(prtc_ice_timeout(ice, world->now + 10 * SECOND - 1), 0);
  PRTC_CHECK_INT(prtc_ice_disconnect(ice, &id), 0);
  PRTC_CHECK_INT(prtc_ice_timeout(ice, world->now + 10 * SECOND), 0);
  while (prtc_ice_disconnect(ice, &id) > 0) closed++;
  PRTC_CHECK_INT(closed, MAX_ACCEPTED);
  PRTC_CHECK_INT(ice->connections.count, 0);
  world->now += 10 * SECOND;
  exchange(world);
  end_of_sockets(world);
  run_for(world, 1 * SECOND); /* and then there is room again */
  check_connected(world);
  world_free(world);
}

/* The interface goes: its listener, its active candidate, and the connections of either. */
static void removed(void) {
  for (size_t gone = 0; gone < 2; gone++) {
    struct world *world = tcp_world(true);
    exchange(world);
    end_of_sockets(world);
    run_for(world, 1 * SECOND);
    check_connected(world);
    prtc_ice *ice = world->agents[gone].ice;
    const struct ice_socket *base = ice->sockets.items[0];
    PRTC_CHECK_INT(prtc_ice_remove_socket(ice, world->now, base->id), 0);
    PRTC_CHECK_INT(ice->connections.count, 0);
    PRTC_CHECK_INT(ice->pairs.count, 0);
    run_for(world, 1 * SECOND);
    PRTC_CHECK_INT(open_links(world), 0);
    prtc_ice_pair pair;
    PRTC_CHECK_INT(prtc_ice_get_selected_pair(world->agents[1 - gone].ice, &pair), 0);
    world_free(world);
  }
}

/* Connections that are asked for and not made yet are closed with what wanted them. */
static void attempts_end(void) {
  struct world *world = tcp_world(true);
  prtc_ice *ice = world->agents[0].ice;
  world->black_hole = true;
  exchange(world);
  run_for(world, 1 * SECOND);
  PRTC_CHECK_INT(ice->connections.count, 1);
  prtc_socket_id id = world->links[0].ids[0];
  PRTC_CHECK_INT(prtc_ice_restart(ice, world->now), 0);
  PRTC_CHECK_INT(ice->connections.count, 0);
  prtc_address local = address_of("192.0.2.1:40001");
  PRTC_CHECK_INT(prtc_ice_connected(ice, world->now, id, 0, &local), PRTC_ERROR_NOT_FOUND); /* too late */
  run_for(world, 1 * SECOND);
  PRTC_CHECK(world->links[0].ids[0] == 0);
  world_free(world);
}

int main(void) {
  PRTC_RUN(candidates);
  PRTC_RUN(connects);
  PRTC_RUN(early_checks);
  PRTC_RUN(udp_comes_first);
  PRTC_RUN(takes_over_from_udp);
  PRTC_RUN(checks_are_not_repeated);
  PRTC_RUN(answers_go_with_the_connection);
  PRTC_RUN(refused);
  PRTC_RUN(black_hole);
  PRTC_RUN(cut_and_made_again);
  PRTC_RUN(restart);
  PRTC_RUN(both_ways);
  PRTC_RUN(nothing_active);
  PRTC_RUN(strangers);
  PRTC_RUN(removed);
  PRTC_RUN(attempts_end);
  return PRTC_TEST_RESULT();
}
