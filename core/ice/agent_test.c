/* The ICE agent in virtual time.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/ice/world_test.h"

static void check_states(const struct agent *agent, size_t count, ...) {
  va_list expected;
  va_start(expected, count);
  PRTC_CHECK_INT(agent->state_count, count);
  for (size_t i = 0; i < count && i < agent->state_count; i++) PRTC_CHECK_INT(agent->states[i], va_arg(expected, int));
  va_end(expected);
}

static void check_pair(const struct world *world, size_t index, const char *local, const char *remote) {
  prtc_ice_pair pair;
  prtc_address l = address_of(local), r = address_of(remote);
  PRTC_REQUIRE(prtc_ice_get_selected_pair(world->agents[index].ice, &pair) == 1);
  PRTC_CHECK(prtc_address_equal(&pair.local, &l));
  PRTC_CHECK(prtc_address_equal(&pair.remote, &r));
}

/* ------------------------------------------------------------------------------------------------------------ connecting */

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
  for (size_t i = 0; i < 2; i++) {
    struct agent *agent = &world->agents[i];
    PRTC_CHECK_INT(agent->complete, 1);
    PRTC_CHECK_INT(agent->candidate_count, 1);
    PRTC_CHECK_INT(agent->selected, 1);
    PRTC_CHECK_INT(agent->failed, 0);
    PRTC_CHECK(agent->connected_at - start <= 4 * world->delay); /* two round trips */
    check_states(agent, 2, PRTC_ICE_TRANSPORT_CHECKING, PRTC_ICE_TRANSPORT_COMPLETED);
  }
  check_pair(world, 0, first, second);
  check_pair(world, 1, second, first);
  world_free(world);
}

static void connects_ipv4(void) { connects_over("192.0.2.1:5000", "192.0.2.2:6000"); }
static void connects_ipv6(void) { connects_over("[2001:db8::1]:5000", "[2001:db8::2]:6000"); }

int main(void) {
  PRTC_RUN(connects_ipv4);
  PRTC_RUN(connects_ipv6);
  return PRTC_TEST_RESULT();
}
