/* Large blocks cannot be had for a while, at any moment of a connection's life: deadlines move all the same (world_step
 * sees to it), and nothing leaks.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/endpoint/world_test.h"

static struct world world;

static void live(size_t refused_from, prtc_time begin, prtc_time length) {
  struct prtc_meter meter = {.left = -1};
  const prtc_allocator allocator = prtc_metered(&meter);
  world_open(&world, &allocator);
  world_peer(&world, 0);
  world_peer(&world, 1);
  world_channel(&world, 0, "chat");
  world_signal(&world, 0, PRTC_SDP_OFFER);
  world_signal(&world, 1, PRTC_SDP_ANSWER);
  world_run(&world, begin);
  meter.refused_from = refused_from;
  meter.refused_to = SIZE_MAX;
  world_run(&world, length);
  meter.refused_from = meter.refused_to = 0;
  world_run(&world, 60000000);
  world_close(&world);
  PRTC_CHECK_INT(meter.blocks, 0);
}

static void large_blocks_are_refused(void) {
  static const size_t sizes[] = {300, 1000, 1200, 5000};
  static const prtc_time lengths[] = {20000, 300000, 40000000};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    for (prtc_time begin = 0; begin <= 80000; begin += 5000) {
      for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        live(sizes[i], begin, lengths[k]);
      }
    }
  }
}

int main(void) {
  PRTC_RUN(large_blocks_are_refused);
  return PRTC_TEST_RESULT();
}
