/* Relayed candidates: what they look like, what goes before them, and that they carry a connection.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/ice/world_test.h"

#define RELAYED "203.0.113.15:49152"
#define MAPPED "198.51.100.1:5000"
#define SERVER "203.0.113.15:3478"

static int relay(struct world *world, size_t index, uint32_t protocol, const char *relayed, const char *mapped,
                 prtc_socket_id base) {
  struct agent *agent = &world->agents[index];
  size_t i = agent->socket_count++;
  agent->addresses[i] = address_of(relayed); /* the network delivers to it as if it were the agent's own */
  agent->sockets[i] = (UINT64_C(1) << 63) | (index * 100 + i + 1);
  prtc_ice_relay given;
  PRTC_INIT(&given);
  given.socket = agent->sockets[i];
  given.relayed = agent->addresses[i];
  given.mapped = address_of(mapped);
  given.server = address_of(SERVER);
  given.protocol = protocol;
  given.base = base;
  return prtc_ice_add_relay(agent->ice, world->now, &given);
}

static const prtc_candidate *of_type(const struct agent *agent, prtc_candidate_type type) {
  for (size_t i = agent->candidate_count; i-- > 0;) {
    if (agent->candidates[i].type == type) return &agent->candidates[i];
  }
  return NULL;
}

static void candidates(void) {
  struct world *world = world_new();
  struct agent *agent = agent_new(world, 0, true, NULL);
  agent->signal = false;
  agent_socket(world, 0, "10.0.0.1:5000");
  PRTC_CHECK_INT(relay(world, 0, PRTC_RELAY_UDP, RELAYED, MAPPED, agent->sockets[0]), 0);
  run_for(world, SECOND);
  PRTC_CHECK_INT(agent->candidate_count, 3);
  const prtc_candidate *relayed = of_type(agent, PRTC_CANDIDATE_RELAYED), *host = of_type(agent, PRTC_CANDIDATE_HOST),
                       *reflexive = of_type(agent, PRTC_CANDIDATE_SERVER_REFLEXIVE);
  PRTC_REQUIRE(relayed != NULL && host != NULL && reflexive != NULL);
  prtc_address expected = address_of(RELAYED), mapped = address_of(MAPPED), base = address_of("10.0.0.1:5000"),
               server = address_of(SERVER);
  PRTC_CHECK(prtc_address_equal(&relayed->address, &expected) && prtc_address_equal(&relayed->related, &mapped));
  PRTC_CHECK(prtc_address_equal(&reflexive->address, &mapped) && prtc_address_equal(&reflexive->related, &base));
  PRTC_CHECK(host->priority > reflexive->priority && reflexive->priority > relayed->priority);
  PRTC_CHECK(strcmp(relayed->foundation, host->foundation) != 0 && strcmp(relayed->foundation, reflexive->foundation) != 0);
  prtc_candidate told;
  PRTC_REQUIRE(prtc_ice_get_local_candidate(agent->ice, 1, &told, NULL) == 1);
  PRTC_CHECK(told.type == PRTC_CANDIDATE_RELAYED && told.relay_protocol == PRTC_RELAY_UDP);
  PRTC_CHECK(prtc_address_equal(&told.server, &server) && prtc_address_equal(&told.related, &mapped));
  /* What is known already is not told again, and what is not of the socket's family not at all. */
  PRTC_CHECK_INT(relay(world, 0, PRTC_RELAY_UDP, "[2001:db8::15]:49153", MAPPED, agent->sockets[0]), 0);
  run_for(world, SECOND);
  PRTC_CHECK_INT(agent->candidate_count, 4);
  PRTC_CHECK_INT(prtc_ice_restart(agent->ice, world->now), 0);
  run_for(world, SECOND);
  PRTC_CHECK_INT(agent->candidate_count, 8);
  PRTC_CHECK_INT(prtc_ice_remove_socket(agent->ice, world->now, agent->sockets[1]), 0);
  PRTC_CHECK_INT(prtc_ice_restart(agent->ice, world->now), 0);
  run_for(world, SECOND);
  PRTC_CHECK_INT(agent->candidate_count, 11); /* the mapped address is the other relay's, too */
  world_free(world);
}

/* RFC 8445 section 5.1.2.1: by what is between us and the server */
static void priorities(void) {
  struct world *world = world_new();
  struct agent *agent = agent_new(world, 0, true, NULL);
  agent->signal = false;
  PRTC_CHECK_INT(relay(world, 0, PRTC_RELAY_TLS, "203.0.113.15:1", MAPPED, 0), 0);
  PRTC_CHECK_INT(relay(world, 0, PRTC_RELAY_UDP, "203.0.113.15:2", MAPPED, 0), 0);
  PRTC_CHECK_INT(relay(world, 0, PRTC_RELAY_TCP, "203.0.113.15:3", MAPPED, 0), 0);
  PRTC_CHECK_INT(relay(world, 0, PRTC_RELAY_UDP, "203.0.113.15:4", MAPPED, 0), 0);
  run_for(world, SECOND);
  PRTC_REQUIRE(agent->candidate_count == 4); /* without a base no server-reflexive one */
  uint32_t p[5];
  for (size_t i = 0; i < 4; i++) p[agent->candidates[i].address.port] = agent->candidates[i].priority;
  PRTC_CHECK(p[2] > p[4] && p[4] > p[3] && p[3] > p[1] && p[2] < 1 << 24);
  PRTC_CHECK_INT(relay(world, 0, 4, "203.0.113.15:5", MAPPED, 0), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(relay(world, 0, PRTC_RELAY_UDP, "203.0.113.15:0", MAPPED, 0), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(relay(world, 0, PRTC_RELAY_UDP, "0.0.0.0:5", MAPPED, 0), PRTC_ERROR_INVALID_ARGUMENT);
  world_free(world);
}

/* Relayed on one side, host on the other; and no way but this. */
static bool hosts_are_apart(struct world *world, const struct packet *packet) {
  (void)world;
  return packet->from.ip[0] == 10 || packet->to.ip[0] == 10;
}

static void connects(void) {
  struct world *world = world_new();
  agent_new(world, 0, true, NULL);
  agent_new(world, 1, false, NULL);
  world->lose = hosts_are_apart;
  agent_socket(world, 0, "10.0.0.1:5000");
  agent_socket(world, 1, "10.0.0.2:5000");
  PRTC_CHECK_INT(relay(world, 0, PRTC_RELAY_TCP, RELAYED, MAPPED, world->agents[0].sockets[0]), 0);
  PRTC_CHECK_INT(relay(world, 1, PRTC_RELAY_UDP, "203.0.113.16:49152", "198.51.100.2:5000", 0), 0);
  exchange(world);
  end_of_sockets(world);
  run_for(world, 5 * SECOND);
  PRTC_CHECK(state_of(world, 0) >= PRTC_ICE_TRANSPORT_CONNECTED && state_of(world, 0) <= PRTC_ICE_TRANSPORT_COMPLETED);
  check_pair(world, 0, RELAYED, "203.0.113.16:49152");
  check_pair(world, 1, "203.0.113.16:49152", RELAYED);
  prtc_ice_pair pair;
  PRTC_REQUIRE(prtc_ice_get_selected_pair(world->agents[0].ice, &pair) == 1);
  PRTC_CHECK(pair.local_type == PRTC_CANDIDATE_RELAYED && pair.remote_type == PRTC_CANDIDATE_RELAYED);
  PRTC_CHECK_INT(pair.socket, world->agents[0].sockets[1]);
  /* The relay is gone: the path with it. */
  PRTC_CHECK_INT(prtc_ice_remove_socket(world->agents[0].ice, world->now, world->agents[0].sockets[1]), 0);
  PRTC_CHECK_INT(prtc_ice_get_selected_pair(world->agents[0].ice, &pair), 0);
  world_free(world);
}

/* Whatever comes first, a direct way is taken where there is one. */
static void direct_goes_before(void) {
  struct world *world = world_new();
  agent_new(world, 0, true, NULL);
  agent_new(world, 1, false, NULL);
  world->agents[0].signal = false; /* so that the relay shows as a peer-reflexive one */
  PRTC_CHECK_INT(relay(world, 0, PRTC_RELAY_UDP, RELAYED, MAPPED, 0), 0);
  agent_socket(world, 0, "10.0.0.1:5000");
  agent_socket(world, 1, "10.0.0.2:5000");
  exchange(world);
  end_of_sockets(world);
  run_for(world, 5 * SECOND);
  check_pair(world, 0, "10.0.0.1:5000", "10.0.0.2:5000");
  check_pair(world, 1, "10.0.0.2:5000", "10.0.0.1:5000");
  world_free(world);
}

int main(void) {
  PRTC_RUN(candidates);
  PRTC_RUN(priorities);
  PRTC_RUN(connects);
  PRTC_RUN(direct_goes_before);
  return PRTC_TEST_RESULT();
}
