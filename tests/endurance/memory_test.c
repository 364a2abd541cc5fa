/* A whole connection again and again, each time with another allocation that fails, alone or with all that follow.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>

#include "core/base/testing.h"
#include "tests/endurance/pair.h"

static bool has_messages(const struct pair *pair) { return pair->sides[0].received > 0 && pair->sides[1].received > 0; }

/* Whether an application that waits knows that it waits in vain. */
static void check_told(const struct pair *pair, const char *what) {
  const struct side *a = &pair->sides[0], *b = &pair->sides[1];
  if (a->failures + b->failures + a->channels_closed + b->channels_closed > 0) return;
  fprintf(stderr, "%s: nobody was told why not\n", what);
  PRTC_CHECK(false);
}

static bool waited(struct pair *pair, pair_condition done, const char *what) {
  bool came = pair_run(pair, 60 * PAIR_SECOND, done);
  if (!came) check_told(pair, what);
  return came;
}

/* What an application does, and gives up where a command is refused. True: all of it was possible. */
static bool use(struct pair *pair) {
  static const uint8_t message[20000];
  if (pair_negotiate(pair) < 0) return false;
  if (!waited(pair, pair_is_connected, "connected")) return false;
  struct side *a = &pair->sides[0], *b = &pair->sides[1];
  if (prtc_peer_send(a->peer, pair->now, a->opened, PRTC_MESSAGE_BINARY, message, sizeof message) < 0) return false;
  if (prtc_peer_send(b->peer, pair->now, b->taken, PRTC_MESSAGE_BINARY, message, 1) < 0) return false;
  if (!waited(pair, has_messages, "messages")) return false;
  if (pair_create_channel(pair, 1) < 0 || pair_restart(pair) < 0) return false;
  pair_run(pair, 2 * PAIR_SECOND, NULL);
  if (prtc_peer_close_channel(a->peer, pair->now, a->opened) < 0) return false;
  pair_run(pair, 2 * PAIR_SECOND, NULL);
  if (prtc_peer_close(a->peer, pair->now) < 0) return false;
  pair_run(pair, 2 * PAIR_SECOND, NULL);
  return a->state == PRTC_CONNECTION_CLOSED;
}

/* Returns how many allocations there were. */
static uint64_t live(uint64_t fail_at, bool and_after, bool *good) {
  struct meter meter = {.fail_at = fail_at, .and_after = and_after};
  prtc_allocator allocator = pair_metered(&meter);
  struct pair *pair = pair_open(&allocator, 1);
  *good = false;
  if (pair != NULL) {
    *good = use(pair);
    pair_close(pair);
  }
  if (meter.live != 0) fprintf(stderr, "without allocation %llu\n", (unsigned long long)fail_at);
  PRTC_CHECK_INT(meter.live, 0);
  return meter.requests;
}

static void try_each(bool and_after) {
  bool good;
  uint64_t count = live(0, false, &good), survived = 0;
  PRTC_CHECK(good);
  for (uint64_t fail_at = 1; fail_at <= count; fail_at++) {
    (void)live(fail_at, and_after, &good);
    survived += good;
  }
  printf("%llu allocations, ", (unsigned long long)count);
  printf("%llu of which the connection could do without\n", (unsigned long long)survived);
  PRTC_CHECK(survived < count);
}

static void every_allocation_may_fail(void) { try_each(false); }

static void memory_may_end_at_any_moment(void) { try_each(true); }

int main(void) {
  PRTC_RUN(every_allocation_may_fail);
  PRTC_RUN(memory_may_end_at_any_moment);
  return PRTC_TEST_RESULT();
}
