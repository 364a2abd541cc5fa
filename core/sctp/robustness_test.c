/* What must hold whatever comes: repeatable runs, hostile packets, no memory, an end at any moment, two threads.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <pthread.h>

#include "core/base/bytes.h"
#include "core/sctp/crc32c.h"
#include "core/sctp/world_test.h"

/* A bit of everything over a bad network; stops after `steps`. */
static void scenario(struct world *world, unsigned steps) {
  static const uint8_t bytes[30000] = {1, 2, 3};
  unsigned step = 0;
  world->loss = 5;
  world->reordering = 10;
  world->duplication = 5;
  world->corruption = 2;
  for (int i = 0; i < 2; i++) (void)prtc_sctp_connect(world->sides[i].sctp, world->now);
  while (step < steps) {
    for (int i = 0; i < 2; i++) {
      prtc_sctp *sctp = world->sides[i].sctp;
      prtc_sctp_message message = world_message(step % 20, bytes, 1 + step * 997 % sizeof bytes);
      message.reliability = step % 3;
      message.unordered = step & 1;
      if (step % 10 < 5) (void)prtc_sctp_send(sctp, world->now, &message);
      if (step % 17 == 3) (void)prtc_sctp_reset_stream(sctp, world->now, step % 20);
      if (step % 50 == 49) (void)prtc_sctp_add_streams(sctp, world->now, 1);
    }
    world_step(world, world->now + 100 * MILLISECOND);
    step++;
  }
}

static uint64_t trace_of(uint8_t seed) {
  struct world *world = world_new(seed, NULL);
  scenario(world, 400);
  uint64_t hash = world->hash;
  for (int i = 0; i < 2; i++) PRTC_CHECK(world_count(world, i, PRTC_SCTP_EVENT_MESSAGE) > 10);
  world_free(world);
  return hash;
}

static void the_same_seed_gives_the_same_packets(void) {
  uint64_t first = trace_of(1), again = trace_of(1), other = trace_of(2);
  PRTC_CHECK(first == again);
  PRTC_CHECK(first != other);
}

static void *trace_in_thread(void *argument) {
  uint64_t *hash = argument;
  *hash = trace_of((uint8_t)*hash);
  return NULL;
}

static void two_threads_share_nothing(void) {
  uint64_t hashes[2] = {3, 4};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) PRTC_REQUIRE(pthread_create(&threads[i], NULL, trace_in_thread, &hashes[i]) == 0);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  PRTC_CHECK(hashes[0] == trace_of(3));
  PRTC_CHECK(hashes[1] == trace_of(4));
}

static void it_may_be_freed_at_any_step(void) {
  for (unsigned steps = 0; steps < 120; steps++) {
    struct world *world = world_new((uint8_t)steps, NULL);
    scenario(world, steps);
    world_free(world);
  }
  for (unsigned steps = 0; steps < 60; steps += 3) {
    struct world *world = world_new((uint8_t)steps, NULL);
    scenario(world, steps);
    (void)prtc_sctp_abort(world->sides[steps & 1].sctp, world->now);
    world_step(world, world->now + MILLISECOND);
    world_free(world);
  }
}

/* --------------------------------------------------------------------------------------------------------------- memory */

/* One of the sides runs out of memory at its n-th allocation: it says so, and gives everything back. */
static void lack_of_memory_ends_it_cleanly(void) {
  unsigned noticed = 0;
  for (long n = 0; n < 1500; n += n < 200 ? 1 : 23) {
    struct prtc_meter poor = {.left = n, .once = n % 2 != 0};
    prtc_allocator allocator = prtc_metered(&poor);
    prtc_context_config config;
    PRTC_INIT(&config);
    config.allocator = &allocator;
    prtc_context *context = prtc_context_new(&config);
    if (context == NULL) {
      PRTC_CHECK_INT(poor.blocks, 0);
      continue;
    }
    prtc_context *other = world_context(1, NULL);
    prtc_sctp *sctp[2] = {prtc_sctp_new(context, 0, NULL), prtc_sctp_new(other, 0, NULL)};
    bool failed = sctp[0] == NULL;
    static const uint8_t bytes[5000];
    (void)prtc_sctp_connect(sctp[1], 0);
    for (prtc_time now = 0; now < 3 * SECOND && !failed; now += 10 * MILLISECOND) {
      prtc_sctp_message message = world_message(1, bytes, sizeof bytes);
      for (int i = 0; i < 2; i++) {
        uint8_t packet[PACKET_SIZE];
        prtc_sctp_event event;
        int size;
        failed |= prtc_sctp_send(sctp[i], now, &message) == PRTC_ERROR_NO_MEMORY && i == 0;
        failed |= prtc_sctp_timeout(sctp[i], now) == PRTC_ERROR_NO_MEMORY && i == 0;
        while ((size = prtc_sctp_transmit(sctp[i], now, packet, sizeof packet)) > 0) {
          failed |= prtc_sctp_receive(sctp[1 - i], now, packet, (size_t)size) == PRTC_ERROR_NO_MEMORY && i == 1;
        }
        failed |= size == PRTC_ERROR_NO_MEMORY && i == 0;
        while ((size = prtc_sctp_event_next(sctp[i], &event)) > 0) {
        }
        failed |= size == PRTC_ERROR_NO_MEMORY && i == 0;
      }
    }
    PRTC_CHECK(failed == poor.ran_out);
    noticed += failed;
    if (sctp[0] != NULL && failed) {
      uint8_t packet[PACKET_SIZE];
      int code = prtc_sctp_transmit(sctp[0], 9 * SECOND, packet, sizeof packet);
      PRTC_CHECK(code == 0 || code == PRTC_ERROR_NO_MEMORY || code > 0);
    }
    for (int i = 0; i < 2; i++) prtc_sctp_free(sctp[i]);
    prtc_context_free(context);
    prtc_context_free(other);
    PRTC_CHECK_INT(poor.blocks, 0);
  }
  PRTC_CHECK(noticed > 100);
}

/* ------------------------------------------------------------------------------------------------------------ hostility */

static void seal(uint8_t *packet, size_t size) {
  uint32_t crc = prtc_crc32c_packet(prtc_crc32c_portable, packet, size);
  for (int i = 0; i < 4; i++) packet[8 + i] = (uint8_t)(crc >> 8 * i);
}

/* The next packet of side 0, which it is made to send. */
static size_t catch_packet(struct world *world, uint8_t *packet) {
  prtc_sctp_message message = world_message(0, "caught", 6);
  PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &message), 0);
  int size = prtc_sctp_transmit(world->sides[0].sctp, world->now, packet, PACKET_SIZE);
  PRTC_REQUIRE(size > 0);
  return (size_t)size;
}

static void packets_that_are_not_the_associations_are_dropped(void) {
  struct world *world = world_connected(5, NULL);
  prtc_sctp *sctp = world->sides[1].sctp;
  uint8_t good[PACKET_SIZE], bad[PACKET_SIZE];
  size_t size = catch_packet(world, good);
  for (size_t short_size = 0; short_size < 16; short_size++) {
    PRTC_CHECK_INT(prtc_sctp_receive(sctp, world->now, good, short_size), PRTC_ERROR_MALFORMED);
  }
  for (size_t i = 0; i < size; i++) {
    memcpy(bad, good, size);
    bad[i] ^= 1;
    PRTC_CHECK_INT(prtc_sctp_receive(sctp, world->now, bad, size), PRTC_ERROR_UNAUTHENTICATED);
    if (i >= 8) continue;
    seal(bad, size); /* a wrong port or tag */
    PRTC_CHECK_INT(prtc_sctp_receive(sctp, world->now, bad, size), PRTC_ERROR_UNEXPECTED);
  }
  PRTC_CHECK_INT(prtc_sctp_receive(sctp, world->now, good, size), 0);
  world_run(world, SECOND);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), 1);
  world_free(world);
}

/* Chunks with the right tag and checksum but any content. The association may be aborted for it, and nothing else. */
static void any_chunk_may_come(void) {
  struct prtc_random random;
  uint8_t seed[32] = {7};
  unsigned survived = 0;
  prtc_random_init(&random, seed);
  for (unsigned round = 0; round < 1500; round++) {
    struct world *world = world_connected((uint8_t)round, NULL);
    uint8_t packet[PACKET_SIZE];
    size_t size = catch_packet(world, packet);
    if (round % 3 == 0) { /* a known chunk type with random content, and a length that fits */
      size = 12 + 4 + 4 * prtc_random_below(&random, 20);
      prtc_random_bytes(&random, packet + 12, size - 12);
      static const uint8_t types[] = {0,  1,  2,  3,  4,  5,   6,   7,   8,   9,   10,  11,
                                      12, 13, 14, 64, 128, 129, 130, 132, 192, 193, 194};
      packet[12] = types[prtc_random_below(&random, sizeof types)];
      packet[14] = 0;
      packet[15] = (uint8_t)(size - 12);
    } else {
      for (unsigned i = 0; i < 1 + round % 4; i++) {
        packet[12 + prtc_random_below(&random, (uint32_t)size - 12)] = (uint8_t)prtc_random_u32(&random);
      }
    }
    seal(packet, size);
    (void)prtc_sctp_receive(world->sides[1].sctp, world->now, packet, size);
    world_run(world, 200 * MILLISECOND);
    survived += world_count(world, 1, PRTC_SCTP_EVENT_CLOSED) == 0;
    world_free(world);
  }
  PRTC_CHECK(survived > 500);
}

/* RFC 9260 section 3.3.7: why the other side ended it, and whether that is more than a goodbye. */
static void aborts_have_their_cause(void) {
  static const struct {
    uint32_t chunk[4];
    size_t size;
    uint32_t is_goodbye;
    const char *text;
  } cases[] = {
      {{6u << 24 | 4}, 4, 1, "the other side aborted the association"},
      {{6u << 24 | 12, 12u << 16 | 8, 0x62796521}, 12, 1, "the other side aborted the association, cause 12: bye!"},
      {{6u << 24 | 12, 13u << 16 | 8, 0x6f6f7073}, 12, 0, "the other side aborted the association, cause 13: oops"},
      {{6u << 24 | 8, 4u << 16 | 4}, 8, 0, "the other side aborted the association, cause 4"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct world *world = world_connected((uint8_t)(60 + i), NULL);
    uint8_t packet[PACKET_SIZE];
    prtc_sctp_event event;
    catch_packet(world, packet);
    struct prtc_writer writer = prtc_writer_of(packet + 12, sizeof packet - 12);
    for (size_t k = 0; k < cases[i].size / 4; k++) prtc_write_u32(&writer, cases[i].chunk[k]);
    seal(packet, 12 + writer.size);
    PRTC_CHECK_INT(prtc_sctp_receive(world->sides[1].sctp, world->now, packet, 12 + writer.size), 0);
    PRTC_CHECK_INT(prtc_sctp_event_next(world->sides[1].sctp, &event), 1);
    PRTC_CHECK_INT(event.type, PRTC_SCTP_EVENT_CLOSED);
    PRTC_CHECK_INT(event.code, PRTC_ERROR_SCTP_ABORTED);
    PRTC_CHECK_INT(event.is_goodbye, cases[i].is_goodbye);
    PRTC_CHECK_TEXT(event.text, cases[i].text);
    world_free(world);
  }
}

/* A world whose side 1 counts its memory and fetches no events. */
static struct world *counted_world(uint8_t seed, struct prtc_meter *rich) {
  prtc_allocator allocator = prtc_metered(rich);
  struct world *world = world_new(seed, NULL);
  prtc_sctp_free(world->sides[1].sctp);
  prtc_context_free(world->sides[1].context);
  world->sides[1].context = world_context((uint8_t)(seed + 1), &allocator);
  world->sides[1].sctp = prtc_sctp_new(world->sides[1].context, world->now, NULL);
  for (int i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_sctp_connect(world->sides[i].sctp, world->now), 0);
  world_run(world, SECOND);
  world->sides[1].deaf = true;
  return world;
}

static uint32_t first_tsn(const uint8_t *packet) {
  return (uint32_t)packet[16] << 24 | (uint32_t)packet[17] << 16 | (uint32_t)packet[18] << 8 | packet[19];
}

/* The other side sends tiny messages without regard for the window: whole ones, ones that never end, ones with gaps. */
static void a_flood_is_bounded(void) {
  for (int kind = 0; kind < 4; kind++) {
    struct prtc_meter rich = {.left = -1};
    struct world *world = counted_world(20, &rich);
    uint8_t packet[PACKET_SIZE], out[PACKET_SIZE];
    catch_packet(world, packet);
    uint32_t tsn = first_tsn(packet), number = 0;
    for (int i = 0; i < 4000; i++) {
      struct prtc_writer writer = prtc_writer_of(packet + 12, sizeof packet - 12);
      for (int k = 0; k < 50; k++, number++) {
        uint32_t flags = kind == 0 ? 3 : kind == 1 ? number == 0 ? 2 : 0 : kind == 2 ? 7 : 2;
        prtc_write_u32(&writer, flags << 16 | 17);
        prtc_write_u32(&writer, tsn + (kind == 3 ? 2 * number : number));
        prtc_write_u16(&writer, (uint16_t)(kind == 3 ? number % 1000 : 0));
        prtc_write_u16(&writer, (uint16_t)(kind == 0 ? number : 0));
        prtc_write_u32(&writer, 53);
        prtc_write_u32(&writer, 0x41000000);
      }
      seal(packet, 12 + writer.size);
      (void)prtc_sctp_receive(world->sides[1].sctp, world->now, packet, 12 + writer.size);
      while (prtc_sctp_transmit(world->sides[1].sctp, world->now, out, sizeof out) > 0) {
      }
    }
    PRTC_CHECK(rich.bytes < 24 * 1024 * 1024);
    world_free(world);
    PRTC_CHECK_INT(rich.blocks, 0);
  }
}

/* The other side repeats resets which wait for data that never comes, while the application fetches nothing. */
static void waiting_resets_take_no_memory(void) {
  struct prtc_meter rich = {.left = -1};
  struct world *world = counted_world(8, &rich);
  uint8_t packet[PACKET_SIZE];
  size_t size = catch_packet(world, packet);
  size_t before = rich.blocks;
  uint32_t tsn = first_tsn(packet);
  for (uint32_t i = 0; i < 20000; i++) {
    bool later = i % 2 == 0; /* every other one can be carried out at once */
    uint8_t out[PACKET_SIZE];
    struct prtc_writer writer = prtc_writer_of(packet + 12, sizeof packet - 12);
    prtc_write_u8(&writer, 130);
    prtc_write_u8(&writer, 0);
    prtc_write_u16(&writer, 4 + 16 + 4);
    prtc_write_u16(&writer, 13); /* outgoing SSN reset request */
    prtc_write_u16(&writer, 20);
    prtc_write_u32(&writer, tsn + i); /* request number: the first is the initial TSN */
    prtc_write_u32(&writer, 0);
    prtc_write_u32(&writer, later ? tsn + 1000 : tsn - 1);
    prtc_write_u16(&writer, 5);
    prtc_write_u16(&writer, 6);
    size = 12 + writer.size;
    seal(packet, size);
    (void)prtc_sctp_receive(world->sides[1].sctp, world->now, packet, size);
    while (prtc_sctp_transmit(world->sides[1].sctp, world->now, out, sizeof out) > 0) {
    }
  }
  PRTC_CHECK(rich.blocks < before + 4000);
  world_free(world);
  PRTC_CHECK_INT(rich.blocks, 0);
}

int main(void) {
  PRTC_RUN(the_same_seed_gives_the_same_packets);
  PRTC_RUN(two_threads_share_nothing);
  PRTC_RUN(it_may_be_freed_at_any_step);
  PRTC_RUN(lack_of_memory_ends_it_cleanly);
  PRTC_RUN(packets_that_are_not_the_associations_are_dropped);
  PRTC_RUN(any_chunk_may_come);
  PRTC_RUN(aborts_have_their_cause);
  PRTC_RUN(a_flood_is_bounded);
  PRTC_RUN(waiting_resets_take_no_memory);
  return PRTC_TEST_RESULT();
}
