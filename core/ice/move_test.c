/* The selected pair moves without a restart: addresses that come and go, renomination.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/ice/world_test.h"

static struct packet requests[256]; /* with USE-CANDIDATE or NOMINATION */
static size_t request_count;

static bool note_nominations(struct world *world, const struct packet *packet) {
  struct prtc_stun_message message;
  uint32_t nomination;
  (void)world;
  if (prtc_stun_parse(&message, packet->data, packet->size) != 0 || message.message_class != PRTC_STUN_REQUEST) {
    return false;
  }
  if (prtc_stun_find_flag(&message, PRTC_STUN_USE_CANDIDATE) ||
      prtc_stun_find_u32(&message, PRTC_STUN_NOMINATION, &nomination)) {
    PRTC_REQUIRE(request_count < 256);
    requests[request_count++] = *packet;
  }
  return false;
}

/* The value of the n-th; 0 when it has none. */
static uint32_t nomination_of(size_t n) {
  struct prtc_stun_message message;
  uint32_t nomination = 0;
  PRTC_REQUIRE(n < request_count && prtc_stun_parse(&message, requests[n].data, requests[n].size) == 0);
  (void)prtc_stun_find_u32(&message, PRTC_STUN_NOMINATION, &nomination);
  return nomination;
}

/* Connected, the controlling side by Wi-Fi; the two say whether they offer renomination. */
static struct world *connected(bool first, bool second) {
  struct world *world = world_new();
  prtc_ice_config config;
  request_count = 0;
  world->lose = note_nominations;
  for (size_t i = 0; i < 2; i++) {
    PRTC_INIT(&config);
    config.renomination = i == 0 ? first : second;
    agent_new(world, i, i == 0, &config)->network_type = PRTC_NETWORK_WIFI;
  }
  agent_socket(world, 0, "192.0.2.1:5000");
  agent_socket(world, 1, "192.0.2.2:6000");
  exchange(world);
  end_of_sockets(world);
  run_for(world, 1 * SECOND);
  for (size_t i = 0; i < 2; i++) {
    PRTC_REQUIRE(state_of(world, i) == PRTC_ICE_TRANSPORT_COMPLETED);
    world->agents[i].signal = false;
    world->agents[i].state_count = 0;
  }
  return world;
}

static void check_path(const struct world *world, const char *first, const char *second) {
  check_pair(world, 0, first, second);
  check_pair(world, 1, second, first);
  for (size_t i = 0; i < 2; i++) {
    PRTC_CHECK_INT(state_of(world, i), PRTC_ICE_TRANSPORT_COMPLETED);
    PRTC_CHECK_INT(world->agents[i].state_count, 0); /* nothing flaps */
  }
}

/* ------------------------------------------------------------------------------------------------ addresses come and go */

/* The address of either side changes: first the new one, or first the end of the old one, with a pause between. */
static void an_address_changes(void) {
  static const prtc_time pauses[] = {0, 10 * MS, 1 * SECOND, 5 * SECOND};
  for (size_t i = 0; i < 2 * 2 * sizeof pauses / sizeof pauses[0]; i++) {
    size_t who = i % 2;
    bool new_first = i / 2 % 2 == 0;
    struct world *world = connected(false, false);
    const char *address = who == 0 ? "198.51.100.1:5001" : "198.51.100.2:6001";
    if (new_first) agent_socket(world, who, address);
    else remove_socket(world, who, 0);
    run_for(world, pauses[i / 4]);
    if (new_first) remove_socket(world, who, 0);
    else agent_socket(world, who, address);
    run_for(world, who == 0 ? 100 * MS : 1500 * MS); /* the controlling side has to find out that the other one's is gone */
    check_path(world, who == 0 ? address : "192.0.2.1:5000", who == 0 ? "192.0.2.2:6000" : address);
    PRTC_CHECK_INT(world->agents[who].withdrawn, 1);
    run_for(world, 100 * SECOND);
    check_path(world, who == 0 ? address : "192.0.2.1:5000", who == 0 ? "192.0.2.2:6000" : address);
    PRTC_CHECK_INT(world->agents[0].failed + world->agents[1].failed, 0);
    world_free(world);
  }
}

/* Row 7: what was withdrawn gets no answer, and may come again. */
static void it_goes_and_comes_back(void) {
  struct world *world = connected(false, false);
  for (int i = 0; i < 10; i++) {
    agent_socket(world, 0, "198.51.100.1:5001");
    run_for(world, 1 * SECOND);
    remove_socket(world, 0, world->agents[0].socket_count - 2);
    run_for(world, 200 * MS);
    check_path(world, "198.51.100.1:5001", "192.0.2.2:6000");
    struct agent *agent = &world->agents[0];
    agent->sockets[0] = agent->sockets[1], agent->addresses[0] = agent->addresses[1], agent->socket_count = 1;
    agent_socket(world, 0, "192.0.2.1:5000");
    run_for(world, 1 * SECOND);
    remove_socket(world, 0, 0);
    run_for(world, 200 * MS);
    check_path(world, "192.0.2.1:5000", "192.0.2.2:6000");
    agent->sockets[0] = agent->sockets[1], agent->addresses[0] = agent->addresses[1], agent->socket_count = 1;
  }
  PRTC_CHECK(world->agents[0].ice->pairs.count <= 2 && world->agents[1].ice->pairs.count <= 3);
  world_free(world);
}

/* The other side checks another pair while the selected one works: it is asked, and nothing moves. */
static void a_path_that_works_is_kept(void) {
  struct world *world = connected(false, false);
  agent_socket(world, 1, "198.51.100.2:6001");
  run_for(world, 60 * SECOND);
  check_path(world, "192.0.2.1:5000", "192.0.2.2:6000");
  PRTC_CHECK(world->agents[0].sent < 40);
  world_free(world);
}

/* --------------------------------------------------------------------------------------------------------- renomination */

/* Row 8: a better one comes, and the selected pair moves where both sides have said that it may. */
static void a_better_address_comes(void) {
  for (int i = 0; i < 4; i++) {
    bool both = i == 3;
    struct world *world = connected(i & 1, i & 2);
    world->agents[0].network_type = PRTC_NETWORK_ETHERNET;
    agent_socket(world, 0, "198.51.100.1:5001");
    run_for(world, 1 * SECOND);
    check_path(world, both ? "198.51.100.1:5001" : "192.0.2.1:5000", "192.0.2.2:6000");
    PRTC_CHECK_INT(world->agents[0].selected, both ? 2 : 1);
    PRTC_CHECK_INT(world->agents[1].selected, both ? 2 : 1);
    PRTC_CHECK_INT(request_count, both ? 2 : 1);
    for (size_t k = 0; k < request_count; k++) PRTC_CHECK_INT(nomination_of(k), both ? (int)k + 1 : 0);
    world_free(world);
  }
}

/* Row 9: one of the same kind, or of a lesser one, displaces nothing. */
static void no_better_ones(void) {
  static const uint32_t types[] = {PRTC_NETWORK_WIFI, PRTC_NETWORK_CELLULAR, PRTC_NETWORK_VPN};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    struct world *world = connected(true, true);
    world->agents[0].network_type = types[i];
    agent_socket(world, 0, "198.51.100.1:5001");
    agent_socket(world, 0, "[2001:db8::1]:5001");
    run_for(world, 3 * SECOND);
    check_path(world, "192.0.2.1:5000", "192.0.2.2:6000");
    PRTC_CHECK_INT(request_count, 1);
    world_free(world);
  }
}

/* A nomination that was overtaken by a later one is not followed; what libwebrtc sends has no USE-CANDIDATE beside it. */
static void nominations_have_an_order(void) {
  struct world *world = connected(true, true);
  world->agents[0].network_type = PRTC_NETWORK_ETHERNET;
  agent_socket(world, 0, "198.51.100.1:5001");
  run_for(world, 1 * SECOND);
  check_path(world, "198.51.100.1:5001", "192.0.2.2:6000");
  const struct ice_credentials *credentials = &world->agents[1].ice->credentials;
  for (uint32_t nomination = 1; nomination < 5; nomination++) {
    struct prtc_stun_writer writer;
    uint8_t bytes[300];
    uint8_t id[PRTC_STUN_TRANSACTION_SIZE] = {(uint8_t)nomination};
    char username[600];
    snprintf(username, sizeof username, "%s:%s", credentials->local_ufrag, credentials->remote_ufrag);
    prtc_stun_begin(&writer, bytes, sizeof bytes, PRTC_STUN_REQUEST, 1, id);
    prtc_stun_add(&writer, PRTC_STUN_USERNAME, username, strlen(username));
    prtc_stun_add_u32(&writer, PRTC_STUN_PRIORITY, 1);
    prtc_stun_add_u32(&writer, PRTC_STUN_NOMINATION, nomination);
    struct prtc_context *previous = prtc_enter(world->agents[1].context);
    int size = prtc_stun_finish(&writer, credentials->local_password, strlen(credentials->local_password));
    prtc_leave(previous);
    PRTC_CHECK_INT(agent_receive(world, 1, 0, &world->agents[0].addresses[0], bytes, (size_t)size), 0);
    check_pair(world, 1, "192.0.2.2:6000", nomination < 2 ? "198.51.100.1:5001" : "192.0.2.1:5000");
  }
  world_free(world);
}

/* The roles are turned: now the other side nominates, and its order of nominations begins anew. */
static void roles_turn(void) {
  struct world *world = connected(true, true);
  world->agents[0].network_type = world->agents[1].network_type = PRTC_NETWORK_ETHERNET;
  agent_socket(world, 0, "198.51.100.1:5001");
  run_for(world, 1 * SECOND);
  check_path(world, "198.51.100.1:5001", "192.0.2.2:6000");
  size_t before = request_count;
  for (size_t i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_ice_set_controlling(world->agents[i].ice, world->now, i == 1), 0);
  agent_socket(world, 1, "198.51.100.2:6001");
  run_for(world, 1 * SECOND);
  check_path(world, "192.0.2.1:5000", "198.51.100.2:6001"); /* the only one of agent 0 that agent 1 was told of */
  PRTC_CHECK_INT(nomination_of(before), 1);
  world_free(world);
}

int main(void) {
  PRTC_RUN(an_address_changes);
  PRTC_RUN(it_goes_and_comes_back);
  PRTC_RUN(a_path_that_works_is_kept);
  PRTC_RUN(a_better_address_comes);
  PRTC_RUN(no_better_ones);
  PRTC_RUN(nominations_have_an_order);
  PRTC_RUN(roles_turn);
  return PRTC_TEST_RESULT();
}
