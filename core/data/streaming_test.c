/* Messages in parts over two associations.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/data/pair_test.h"

static uint8_t bytes[64000];
static size_t parts = 1000;

static int part(struct pair *pair, prtc_channel_id id, size_t size, uint32_t flags) {
  return prtc_data_send_part(pair->ends[0].data, pair->world->now, id, PRTC_MESSAGE_BINARY, bytes, size, flags);
}

static struct pair *connected(uint8_t seed, prtc_channel_id ids[2], int streaming) {
  struct pair *pair = pair_new(seed, NULL, NULL);
  ids[0] = pair_create(pair, 0, "stream", 0);
  pair_connect(pair);
  ids[1] = pair_find(pair, 1, PRTC_DATA_EVENT_CHANNEL, 0)->channel;
  PRTC_CHECK_INT(prtc_data_set_streaming(pair->ends[1].data, ids[1], streaming), 0);
  pair_forget(pair);
  return pair;
}

static void a_streamed_message_passes_in_bounded_queues(void) {
  prtc_channel_id ids[2];
  struct pair *pair = connected(1, ids, 1);
  size_t received = 0;
  pair->world->delay = MILLISECOND;
  for (size_t i = 0; i < parts; i++) {
    int code;
    while ((code = part(pair, ids[0], sizeof bytes, i == parts - 1 ? PRTC_MESSAGE_END : 0)) == PRTC_ERROR_AGAIN) {
      pair_run(pair, 5 * MILLISECOND);
      for (size_t k = 0; k < pair->ends[1].count; k++) received += pair->ends[1].happened[k].size;
      pair_forget(pair);
    }
    PRTC_REQUIRE(code == 0);
    PRTC_CHECK(pair_info(pair, 0, ids[0]).buffered_amount <= PRTC_STREAM_QUEUE + 1);
  }
  pair_run(pair, 20 * SECOND);
  for (size_t k = 0; k < pair->ends[1].count; k++) received += pair->ends[1].happened[k].size;
  PRTC_CHECK_INT(received, parts * sizeof bytes);
  PRTC_CHECK_INT(pair_info(pair, 1, ids[1]).messages_received, 1);
  pair_free(pair);
}

/* To a channel that takes whole messages: it is closed, and holds no more than its limit. */
static void an_endless_message_closes_a_whole_message_channel(void) {
  prtc_channel_id ids[2];
  struct pair *pair = connected(2, ids, 0);
  for (int i = 0; i < 400; i++) {
    (void)part(pair, ids[0], sizeof bytes, 0);
    pair_run(pair, 20 * MILLISECOND);
  }
  pair_run(pair, 20 * SECOND);
  PRTC_CHECK_INT(pair_count(pair, 1, PRTC_DATA_EVENT_ERROR), 1);
  PRTC_CHECK_INT(pair_count(pair, 1, PRTC_DATA_EVENT_MESSAGE), 0);
  PRTC_CHECK_INT(pair_count(pair, 0, PRTC_DATA_EVENT_CLOSED), 1);
  PRTC_CHECK_INT(pair_count(pair, 1, PRTC_DATA_EVENT_CLOSED), 1);
  pair_free(pair);
}

/* A writer stops amid a message. With interleaving nobody minds; without, its channel fails and the others go on. */
static void a_stalled_message_does_not_stop_others_for_ever(void) {
  prtc_channel_id ids[2];
  struct pair *pair = connected(3, ids, 1);
  PRTC_CHECK_INT(part(pair, ids[0], sizeof bytes, 0), 0);
  pair_run(pair, SECOND);
  prtc_channel_id other = pair_create(pair, 0, "other", 0);
  PRTC_CHECK_INT(pair_text(pair, 0, other, "passes"), 0);
  pair_run(pair, SECOND);
  PRTC_CHECK_INT(pair_count(pair, 1, PRTC_DATA_EVENT_CHANNEL), !without_interleaving);
  pair_run(pair, 20 * SECOND);
  PRTC_CHECK_INT(pair_count(pair, 1, PRTC_DATA_EVENT_CHANNEL), 1);
  PRTC_CHECK_INT(pair_count(pair, 0, PRTC_DATA_EVENT_ERROR), without_interleaving);
  if (without_interleaving) PRTC_CHECK_INT(pair_find(pair, 0, PRTC_DATA_EVENT_ERROR, 0)->code, PRTC_ERROR_TIMEOUT);
  pair_free(pair);
}

/* Closed amid a message: the reader is told that there will be no more of it. */
static void closing_amid_a_message_ends_it(void) {
  prtc_channel_id ids[2];
  struct pair *pair = connected(4, ids, 1);
  PRTC_CHECK_INT(part(pair, ids[0], sizeof bytes, 0), 0);
  PRTC_CHECK_INT(part(pair, ids[0], sizeof bytes, 0), 0);
  pair_run(pair, SECOND);
  PRTC_CHECK_INT(prtc_data_close_channel(pair->ends[0].data, ids[0]), 0);
  pair_run(pair, 5 * SECOND);
  size_t given = pair_count(pair, 1, PRTC_DATA_EVENT_MESSAGE);
  if (given > 0) PRTC_CHECK_INT(pair_find(pair, 1, PRTC_DATA_EVENT_MESSAGE, given - 1)->flags, PRTC_MESSAGE_ABANDONED);
  PRTC_CHECK(given > 1 || without_interleaving); /* then a message of this size would have come whole */
  for (int i = 0; i < 2; i++) PRTC_CHECK_INT(pair_count(pair, i, PRTC_DATA_EVENT_CLOSED), 1);
  pair_free(pair);
}

static void run_all(void) {
  PRTC_RUN(a_streamed_message_passes_in_bounded_queues);
  if (parts != 1000) return;
  PRTC_RUN(an_endless_message_closes_a_whole_message_channel);
  PRTC_RUN(a_stalled_message_does_not_stop_others_for_ever);
  PRTC_RUN(closing_amid_a_message_ends_it);
}

/* With an argument: one message of so many parts of 64,000 bytes. 16778 make a GiB; the process then needs 13 MiB, as with
 * less. */
int main(int count, char **arguments) {
  if (count > 1) parts = strtoul(arguments[1], NULL, 10);
  run_all();
  without_interleaving = 1;
  run_all();
  return PRTC_TEST_RESULT();
}
