/* 10,000 connections made and closed, one after another: the memory after the last is what it was half way.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <malloc.h>
#include <unistd.h>

#include "core/base/testing.h"
#include "tests/endurance/pair.h"

enum { CONNECTIONS = 10000 };
/* glibc counts what it keeps at hand as used, and that varies; and pages are used one by one. */
enum { TOLERANCE = 32 * 1024, RESIDENT_TOLERANCE = 512 * 1024 };

static bool has_message(const struct pair *pair) { return pair->sides[1].received > 0; }

/* One whole life: connected, used, and closed from either side. */
static void connect_and_close(struct pair *pair, int closer) {
  PRTC_REQUIRE(pair_negotiate(pair) == 0);
  PRTC_REQUIRE(pair_run(pair, 10 * PAIR_SECOND, pair_is_connected));
  const struct side *side = &pair->sides[0];
  PRTC_REQUIRE(prtc_peer_send(side->peer, pair->now, side->opened, PRTC_MESSAGE_TEXT, (const uint8_t *)"x", 1) == 0);
  PRTC_REQUIRE(pair_run(pair, 10 * PAIR_SECOND, has_message));
  PRTC_REQUIRE(prtc_peer_close(pair->sides[closer].peer, pair->now) == 0);
  pair_run(pair, PAIR_SECOND, NULL);
  PRTC_CHECK_INT(pair->sides[closer].state, PRTC_CONNECTION_CLOSED);
  PRTC_CHECK_INT(pair->sides[1 - closer].channels_closed, 1); /* it has heard of it */
  pair_forget(pair);
  pair_run(pair, PAIR_SECOND, NULL);
}

static size_t resident(void) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  PRTC_REQUIRE(file != NULL && fscanf(file, "%*u %lu", &pages) == 1);
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void memory_is_flat_over_ten_thousand_connections(void) {
  struct meter meter = {0};
  prtc_allocator allocator = pair_metered(&meter);
  struct pair *pair = pair_open(&allocator, 1);
  size_t live = 0, in_process = 0, in_memory = 0;
  for (int i = 1; i <= CONNECTIONS; i++) {
    connect_and_close(pair, i % 2);
    if (i == CONNECTIONS / 2) {
      live = meter.live;
      in_process = mallinfo2().uordblks;
      in_memory = resident();
    }
  }
  printf("half way: %zu bytes live, %zu of the process, %zu resident\n", live, in_process, in_memory);
  printf("at the end: %zu, %zu, %zu\n", meter.live, mallinfo2().uordblks, resident());
  PRTC_CHECK_INT(meter.live, live);
  PRTC_CHECK(mallinfo2().uordblks <= in_process + TOLERANCE); /* BoringSSL's, too */
  PRTC_CHECK(resident() <= in_memory + RESIDENT_TOLERANCE);
  pair_close(pair);
  PRTC_CHECK_INT(meter.live, 0);
}

int main(void) {
  PRTC_RUN(memory_is_flat_over_ten_thousand_connections);
  return PRTC_TEST_RESULT();
}
