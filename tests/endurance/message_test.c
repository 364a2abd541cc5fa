/* One message of a gibibyte, written and read in parts: all of it comes, in its order, and little memory is taken meanwhile.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>
#include <string.h>

#include "core/base/testing.h"
#include "tests/endurance/pair.h"

enum { PART = 64 * 1024, PERIOD = 251 };

/* Both sides together: 1 MiB that waits on the channel, what is under way and not read yet (the window grows to as much as a
 * path like this one has room for, up to 16 MiB), a batch of events, and what SCTP keeps for its next use (2 MiB each) */
enum { MEMORY = 20 * 1024 * 1024 };

static const uint64_t GIBIBYTE = 1024 * 1024 * 1024;

static uint8_t pattern[PART + PERIOD]; /* the byte at an offset depends on it, with a period that no power of two has */
static uint64_t read_bytes, wrong;
static uint32_t flags;

static void on_message(struct pair *pair, int side, const prtc_event *event) {
  (void)pair;
  wrong += side != 1 || (event->flags & PRTC_MESSAGE_BEGIN) != (read_bytes == 0 ? PRTC_MESSAGE_BEGIN : 0);
  for (size_t at = 0; at < event->size; at += PART) { /* a part may have grown on the way */
    size_t size = event->size - at < PART ? event->size - at : PART;
    wrong += memcmp(event->data + at, pattern + (read_bytes + at) % PERIOD, size) != 0;
  }
  read_bytes += event->size;
  flags = event->flags;
}

static bool is_read(const struct pair *pair) {
  (void)pair;
  return (flags & PRTC_MESSAGE_END) != 0;
}

static void a_gibibyte_passes_in_little_memory(void) {
  struct meter meter = {0};
  prtc_allocator allocator = pair_metered(&meter);
  struct pair *pair = pair_open(&allocator, 3);
  PRTC_REQUIRE(pair != NULL);
  pair->max_message_size = PRTC_MAX_MESSAGE_SIZE_NONE;
  PRTC_REQUIRE(pair_negotiate(pair) == 0 && pair_run(pair, 60 * PAIR_SECOND, pair_is_connected));
  struct side *a = &pair->sides[0], *b = &pair->sides[1];
  PRTC_CHECK_INT(prtc_peer_set_channel_streaming(b->peer, b->taken, 1), 0);
  for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = (uint8_t)(i % PERIOD);
  pair->on_message = on_message;
  size_t before = meter.live;
  meter.most = 0;
  for (uint64_t written = 0; written < GIBIBYTE;) {
    uint32_t end = written + PART == GIBIBYTE ? PRTC_MESSAGE_END : 0;
    int code = prtc_peer_send_part(a->peer, pair->now, a->opened, PRTC_MESSAGE_BINARY, pattern + written % PERIOD, PART, end);
    PRTC_REQUIRE(code == 0 || code == PRTC_ERROR_AGAIN);
    if (code == 0) written += PART;
    if (code == PRTC_ERROR_AGAIN) pair_run(pair, 10000, NULL);
  }
  PRTC_CHECK(pair_run(pair, 60 * PAIR_SECOND, is_read));
  PRTC_CHECK(read_bytes == GIBIBYTE);
  PRTC_CHECK_INT(wrong, 0);
  printf("at most %zu bytes beside the %zu of the connections\n", meter.most - before, before);
  PRTC_CHECK(meter.most < before + MEMORY);
  pair_close(pair);
  PRTC_CHECK_INT(meter.live, 0);
}

int main(void) {
  PRTC_RUN(a_gibibyte_passes_in_little_memory);
  return PRTC_TEST_RESULT();
}
