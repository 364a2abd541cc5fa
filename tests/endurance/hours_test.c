/* An open connection over 24 hours of virtual time: its memory at the end is what it was after the first.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <malloc.h>

#include "core/base/testing.h"
#include "tests/endurance/pair.h"

enum { HOURS = 24, MESSAGES = 20 };
/* glibc counts what it keeps at hand as used, and that varies. A byte lost with each request for consent would be more. */
enum { TOLERANCE = 16 * 1024 };

/* Channels that come and go from both sides, an ICE restart, messages of several sizes both ways, and silence with nothing but
 * consent. */
static void an_hour(struct pair *pair, const prtc_channel_id *channel) {
  static uint8_t message[100000];
  prtc_time end = pair->now + 3600 * PAIR_SECOND;
  for (int i = 0; i < 2; i++) {
    uint64_t closed = pair->sides[i].channels_closed;
    PRTC_REQUIRE(pair_create_channel(pair, i) == 0);
    pair_run(pair, 10 * PAIR_SECOND, NULL);
    PRTC_REQUIRE(prtc_peer_close_channel(pair->sides[1 - i].peer, pair->now, pair->sides[1 - i].taken) == 0);
    pair_run(pair, 10 * PAIR_SECOND, NULL);
    PRTC_CHECK_INT(pair->sides[i].channels_closed, closed + 1);
  }
  PRTC_REQUIRE(pair_restart(pair) == 0);
  for (int i = 0; i < MESSAGES; i++) {
    size_t size = (size_t)(1 + i * 5000);
    for (int k = 0; k < 2; k++) {
      PRTC_REQUIRE(prtc_peer_send(pair->sides[k].peer, pair->now, channel[k], PRTC_MESSAGE_BINARY, message, size) == 0);
    }
    pair_run(pair, 30 * PAIR_SECOND, NULL);
  }
  pair_run(pair, end - pair->now, NULL);
}

/* What is live when nothing is under way: a request for consent may be at any one moment. */
static size_t live_at_rest(struct pair *pair, const struct meter *meter) {
  size_t least = meter->live;
  for (int i = 0; i < 10; i++) {
    pair_run(pair, PAIR_SECOND / 10, NULL);
    if (meter->live < least) least = meter->live;
  }
  return least;
}

static void memory_is_flat_over_a_day(void) {
  struct meter meter = {0};
  prtc_allocator allocator = pair_metered(&meter);
  struct pair *pair = pair_open(&allocator, 1);
  PRTC_REQUIRE(pair_negotiate(pair) == 0);
  PRTC_REQUIRE(pair_run(pair, 10 * PAIR_SECOND, pair_is_connected));
  const prtc_channel_id channel[2] = {pair->sides[0].opened, pair->sides[1].taken};
  for (int i = 0; i < 10; i++) { /* then the version of the SDP has two digits, from the first hour to the last */
    PRTC_REQUIRE(pair_restart(pair) == 0);
    pair_run(pair, 60 * PAIR_SECOND, NULL);
  }
  size_t live = 0, in_process = 0;
  for (int hour = 1; hour <= HOURS; hour++) {
    uint64_t steps = pair->steps;
    an_hour(pair, channel);
    size_t live_now = live_at_rest(pair, &meter);
    if (hour <= 2) { /* by then the blocks that core/sctp keeps for their next use are as many as they will be */
      live = live_now;
      in_process = mallinfo2().uordblks;
    }
    PRTC_CHECK_INT(live_now, live);
    /* BoringSSL's, too. (A sanitizer's malloc says 0 each time.) */
    PRTC_CHECK(mallinfo2().uordblks <= in_process + TOLERANCE);
    /* Consent is asked for about every 5 s by either side, and answered: not more often, and nothing runs in circles. */
    PRTC_CHECK(pair->steps - steps < 20000);
    for (int i = 0; i < 2; i++) {
      PRTC_CHECK_INT(pair->sides[i].state, PRTC_CONNECTION_CONNECTED);
      PRTC_CHECK_INT(pair->sides[i].received, (uint64_t)hour * MESSAGES);
    }
  }
  printf("%zu bytes live, %llu steps, %llu allocations\n", live, (unsigned long long)pair->steps,
         (unsigned long long)meter.requests);
  pair_close(pair);
  PRTC_CHECK_INT(meter.live, 0);
}

int main(void) {
  PRTC_RUN(memory_is_flat_over_a_day);
  return PRTC_TEST_RESULT();
}
