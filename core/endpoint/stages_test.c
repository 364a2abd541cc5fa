/* The transports one by one, with names in place of addresses, while memory runs out at each moment once: whatever comes
 * of it, nothing leaks, no deadline stays, and what can be told is. How it works is in tests/sim.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/endpoint/world_test.h"

static struct world world;

static prtc_peer *make_peer(int i) {
  prtc_peer_config config;
  PRTC_INIT(&config);
  config.hide_addresses = 1;
  (void)prtc_peer_new(world.nodes[i].endpoint, world.now, &config, &world.nodes[i].peer);
  return world.nodes[i].peer;
}

static int open_channel(prtc_peer *peer) {
  prtc_channel_config config;
  prtc_channel_id channel;
  PRTC_INIT(&config);
  config.label = "chat", config.label_size = 4, config.stream_id = PRTC_STREAM_NONE;
  return prtc_peer_create_data_channel(peer, world.now, &config, &channel);
}

static void start(int from) {
  static char text[65536];
  prtc_peer *peer = world.nodes[from].peer;
  int size = prtc_peer_get_parameters(world.nodes[1 - from].peer, text, sizeof text);
  if (size < 0) return;
  (void)prtc_peer_start_ice(peer, world.now, text, (size_t)size, from == 0);
  (void)prtc_peer_start_dtls(peer, world.now, text, (size_t)size);
}

static void go_on(int from) {
  static char text[65536];
  prtc_peer *peer = world.nodes[from].peer;
  int size = prtc_peer_get_parameters(world.nodes[1 - from].peer, text, sizeof text);
  (void)prtc_peer_send_raw(peer, world.now, (const uint8_t *)"hello", 5);
  world_run(&world, 100000);
  if (size > 0) (void)prtc_peer_start_sctp(peer, world.now, text, (size_t)size);
}

/* The n-th allocation fails; false when there are not so many. *open: whether a channel came to be. */
static bool live(long n, bool *open) {
  struct prtc_meter meter = {.left = -1, .once = true};
  const prtc_allocator allocator = prtc_metered(&meter);
  world_open(&world, &allocator);
  world.may_end = true;
  meter.left = n;
  if (make_peer(0) != NULL && make_peer(1) != NULL) {
    for (int i = 0; i < 2; i++) (void)prtc_peer_gather(world.nodes[i].peer, world.now);
    world_run(&world, 200000);
    for (int i = 0; i < 2; i++) start(i);
    world_run(&world, 2000000);
    (void)open_channel(world.nodes[0].peer);
    for (int i = 0; i < 2; i++) go_on(i);
    world_run(&world, 10000000);
  }
  *open = world_find(&world, 0, PRTC_EVENT_CHANNEL_OPEN, -1) != NULL;
  world_close(&world);
  PRTC_CHECK_INT(meter.blocks, 0);
  return meter.ran_out;
}

static void memory_runs_out_once(void) {
  bool open = false;
  long n = 0, opened = 0;
  while (live(n, &open)) {
    n++;
    opened += open;
  }
  PRTC_CHECK(open); /* with memory for all of it */
  PRTC_CHECK(n > 100 && opened > 0);
  printf("     %ld allocations, a channel in spite of %ld of them\n", n, opened);
}

int main(void) {
  PRTC_RUN(memory_runs_out_once);
  return PRTC_TEST_RESULT();
}
