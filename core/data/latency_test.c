/* How long a small message waits on one channel while another has much to send, or has stopped in the midst.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/data/pair_test.h"

enum { SMALL = 100, ROUNDS = 100, WHOLE = 256 * 1024 };

static uint8_t bytes[WHOLE];

enum load { NOTHING, STREAMED, WHOLE_MESSAGES, STALLED };

/* Gives the large channel as much as it takes. */
static void fill(struct pair *pair, prtc_channel_id large, enum load load, size_t *given) {
  prtc_data *data = pair->ends[0].data;
  if (load == WHOLE_MESSAGES && pair_info(pair, 0, large).buffered_amount < 4 * WHOLE) {
    PRTC_CHECK_INT(pair_binary(pair, 0, large, bytes, WHOLE), 0);
  }
  while (load == STREAMED &&
         prtc_data_send_part(data, pair->world->now, large, PRTC_MESSAGE_BINARY, bytes, 60000, 0) == 0) {
  }
  if (load == STALLED && *given == 0) {
    PRTC_CHECK_INT(prtc_data_send_part(data, pair->world->now, large, PRTC_MESSAGE_BINARY, bytes, 60000, 0), 0);
  }
  ++*given;
}

static bool has_arrived(const struct pair *pair) {
  for (size_t i = 0; i < pair->ends[1].count; i++) {
    const struct happening *happening = &pair->ends[1].happened[i];
    if (happening->type == PRTC_DATA_EVENT_MESSAGE && happening->size == SMALL) return true;
  }
  return false;
}

/* The longest time that a small message took, in milliseconds, on a way of 1 MB/s and 20 ms that keeps up to 50 ms of
 * it. */
static unsigned longest(enum load load) {
  struct pair *pair = pair_new((uint8_t)(load + 1), NULL, NULL);
  prtc_channel_id large = pair_create(pair, 0, "large", 0), small = pair_create(pair, 0, "small", 0);
  pair_connect(pair);
  PRTC_CHECK_INT(prtc_data_set_streaming(pair->ends[1].data, pair_find(pair, 1, PRTC_DATA_EVENT_CHANNEL, 0)->channel, 1),
                 0);
  pair->world->rate = 1000000;
  pair->world->delay = 20 * MILLISECOND;
  pair->world->queue = 50 * MILLISECOND;
  prtc_time most = 0;
  size_t given = 0;
  for (int i = 0; i < ROUNDS; i++) {
    fill(pair, large, load, &given);
    pair_run(pair, (50 + (prtc_time)i % 7 * 10) * MILLISECOND);
    pair_forget(pair);
    fill(pair, large, load, &given);
    prtc_time sent = pair->world->now;
    PRTC_CHECK_INT(pair_binary(pair, 0, small, bytes, SMALL), 0);
    while (!has_arrived(pair)) {
      PRTC_REQUIRE(pair->world->now < sent + 60 * SECOND);
      pair_run(pair, MILLISECOND);
      fill(pair, large, load, &given);
    }
    if (pair->world->now - sent > most) most = pair->world->now - sent;
  }
  PRTC_CHECK(load == NOTHING || given > ROUNDS);
  pair_free(pair);
  return (unsigned)(most / MILLISECOND);
}

/* With interleaving: a few round trips, for what is lost at the bottleneck. */
static void what_is_large_does_not_delay_what_is_small(void) {
  PRTC_CHECK(longest(NOTHING) < 25);
  PRTC_CHECK(longest(STREAMED) < 300);
  PRTC_CHECK(longest(WHOLE_MESSAGES) < 300);
  PRTC_CHECK(longest(STALLED) < 100);
}

/* Without, what was begun has to end first: a whole message (here 262 ms), or one that has stopped, after
 * PRTC_STALL_LIMIT. */
static void without_interleaving_the_delay_has_a_bound(void) {
  without_interleaving = 1;
  PRTC_CHECK(longest(NOTHING) < 25);
  PRTC_CHECK(longest(WHOLE_MESSAGES) < 600);
  PRTC_CHECK(longest(STALLED) < PRTC_STALL_LIMIT / MILLISECOND + 100);
}

int main(void) {
  PRTC_RUN(what_is_large_does_not_delay_what_is_small);
  PRTC_RUN(without_interleaving_the_delay_has_a_bound);
  return PRTC_TEST_RESULT();
}
