/* Path MTU discovery: the search alone, and two associations over a path whose MTU is what it is, and changes.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/sctp/crc32c.h"
#include "core/sctp/mtu.h"
#include "core/sctp/packet.h"
#include "core/sctp/world_test.h"

/* --------------------------------------------------------------------------------------------------------- the search alone */

enum { BASE = 1160, MOST = 16336, OVERHEAD = 65 };

static struct prtc_mtu search_of(uint32_t base, uint32_t most) {
  struct prtc_mtu mtu;
  prtc_mtu_init(&mtu, base);
  mtu.overhead = OVERHEAD;
  prtc_mtu_set_most(&mtu, most);
  return mtu;
}

/* Until it is over, on a path that takes `link`; how many probes it took. */
static unsigned search(struct prtc_mtu *mtu, uint32_t link, prtc_time *now) {
  unsigned probes = 0;
  for (uint32_t size; (size = prtc_mtu_wanted(mtu, *now)) != 0; probes++) {
    PRTC_REQUIRE(size > mtu->size && size <= mtu->most && size % 4 == 0 && probes < 100);
    prtc_mtu_sent(mtu, *now, size, SECOND);
    PRTC_CHECK_INT(prtc_mtu_wanted(mtu, *now), 0); /* one at a time */
    prtc_mtu_heard(mtu);
    *now += SECOND;
    if (size <= link) prtc_mtu_acknowledged(mtu, *now, size);
    prtc_mtu_timeout(mtu, *now);
    PRTC_CHECK(mtu->expires == PRTC_NEVER);
  }
  return probes;
}

static void what_the_path_takes_is_found(void) {
  unsigned most = 0;
  for (uint32_t link = BASE; link <= MOST; link += 4) {
    prtc_time now = 1000;
    struct prtc_mtu mtu = search_of(BASE, MOST);
    unsigned probes = search(&mtu, link, &now);
    uint32_t step = mtu.size / 32 < 16 ? 16 : mtu.size / 32;
    PRTC_CHECK(mtu.size <= link && mtu.size + step + 4 >= link);
    if (probes > most) most = probes;
  }
  PRTC_CHECK_INT(most, 31);
}

static void usual_links_take_few_probes(void) {
  static const struct {
    uint32_t link, found;
    unsigned probes;
  } cases[] = {{MOST, MOST, 2}, {9000 - OVERHEAD, 8932, 1 + 3 + 1 + 15}, {1500 - OVERHEAD, 1432, 1 + 3 + 3 + 24}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    prtc_time now = 1000;
    struct prtc_mtu mtu = search_of(BASE, MOST);
    unsigned probes = search(&mtu, cases[i].link, &now);
    PRTC_CHECK_INT(mtu.size, cases[i].found);
    PRTC_CHECK_INT(probes, cases[i].probes);
  }
}

static void nothing_is_probed_when_it_is_off(void) {
  struct prtc_mtu mtu = search_of(BASE, 0);
  PRTC_CHECK_INT(prtc_mtu_wanted(&mtu, 0), 0);
  PRTC_CHECK_INT(mtu.size, BASE);
}

static void silence_says_nothing_of_sizes(void) {
  struct prtc_mtu mtu = search_of(BASE, MOST);
  prtc_time now = 0;
  for (int i = 0; i < 20; i++) {
    uint32_t size = prtc_mtu_wanted(&mtu, now);
    PRTC_REQUIRE(size != 0);
    prtc_mtu_sent(&mtu, now, size, SECOND);
    now += SECOND;
    prtc_mtu_timeout(&mtu, now);
    PRTC_CHECK_INT(prtc_mtu_wanted(&mtu, now), 0); /* … and asks for no more probes */
    PRTC_CHECK_INT(mtu.too_large, 0);
    prtc_mtu_heard(&mtu);
  }
  (void)search(&mtu, MOST, &now);
  PRTC_CHECK_INT(mtu.size, MOST);
}

static void it_is_looked_again_after_ten_minutes(void) {
  struct prtc_mtu mtu = search_of(BASE, MOST);
  prtc_time now = 0;
  (void)search(&mtu, 1432, &now);
  PRTC_CHECK_INT(prtc_mtu_wanted(&mtu, now + 500 * SECOND), 0);
  now += 601 * SECOND;
  PRTC_CHECK(prtc_mtu_wanted(&mtu, now) != 0);
  (void)search(&mtu, MOST, &now);
  PRTC_CHECK_INT(mtu.size, MOST);
}

static void a_size_in_doubt_is_tried_first(void) {
  struct prtc_mtu mtu = search_of(BASE, MOST);
  prtc_time now = 0;
  (void)search(&mtu, 9000, &now);
  uint32_t found = mtu.size;
  prtc_mtu_doubt(&mtu);
  PRTC_CHECK_INT(mtu.size, BASE);
  PRTC_CHECK_INT(search(&mtu, 9000, &now), 1);
  PRTC_CHECK_INT(mtu.size, found);
  prtc_mtu_doubt(&mtu);
  (void)search(&mtu, 1432, &now);
  PRTC_CHECK_INT(mtu.size, 1432);
}

static void what_the_other_side_takes_may_be_known_later(void) {
  struct prtc_mtu mtu = search_of(BASE, 1432);
  prtc_time now = 0;
  (void)search(&mtu, MOST, &now);
  PRTC_CHECK_INT(mtu.size, 1432);
  prtc_mtu_set_most(&mtu, MOST);
  (void)search(&mtu, MOST, &now);
  PRTC_CHECK_INT(mtu.size, MOST);
  prtc_mtu_set_most(&mtu, 1200); /* … and be less than was believed */
  PRTC_CHECK_INT(mtu.size, BASE);
}

/* --------------------------------------------------------------------------------------------------- over a path, with data */

static const prtc_sctp_config searching = {.size = sizeof searching, .max_mtu = 16384};

static uint8_t bytes[1 << 20];

/* All of one message comes through, within `patience`. */
static prtc_time transfer(struct world *world, int from, size_t size, prtc_time patience) {
  static uint32_t number;
  struct side *to = &world->sides[1 - from];
  size_t before = world_count(world, 1 - from, PRTC_SCTP_EVENT_MESSAGE);
  prtc_time start = world->now;
  for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(i * 7 + number);
  number++;
  prtc_sctp_message message = world_message(1, bytes, size);
  int code;
  /* What has arrived may not be acknowledged yet. */
  while ((code = prtc_sctp_send(world->sides[from].sctp, world->now, &message)) == PRTC_ERROR_AGAIN) {
    PRTC_REQUIRE(world_step(world, start + patience));
  }
  PRTC_CHECK_INT(code, 0);
  const struct told *told;
  do {
    if (!world_step(world, start + patience)) break;
    told = world_told(world, 1 - from, PRTC_SCTP_EVENT_MESSAGE, before);
  } while (told == NULL || !told->whole);
  told = world_told(world, 1 - from, PRTC_SCTP_EVENT_MESSAGE, before);
  PRTC_REQUIRE(told != NULL && told->whole && told->size == size && memcmp(told->data, bytes, size) == 0);
  to->told_count--; /* it has been seen */
  free(to->told[to->told_count].data);
  return world->now - start;
}

/* So that the search goes on: a path that is silent is not judged. */
static void chat(struct world *world) {
  for (int k = 0; k < 100; k++) {
    transfer(world, 0, 100, 10 * SECOND);
    world_run(world, 200 * MILLISECOND);
  }
}

static void larger_packets_are_used(void) {
  static const size_t links[] = {1136, 1300, 1432, 3000, 8936, 16384};
  for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
    struct world *world = world_connected(1, &searching);
    world->link = links[i];
    PRTC_CHECK_INT(prtc_sctp_mtu(world->sides[0].sctp), 1136);
    for (int k = 0; k < 50; k++) transfer(world, 0, 100000, 10 * SECOND);
    chat(world);
    size_t mtu = prtc_sctp_mtu(world->sides[0].sctp);
    PRTC_CHECK(mtu <= links[i] && mtu + mtu / 32 + 20 >= links[i]);
    uint64_t before = world->sides[0].sent;
    for (int k = 0; k < 10; k++) transfer(world, 0, 100000, 10 * SECOND);
    PRTC_CHECK(world->sides[0].sent - before <= 10 * (100000 / (mtu - 40) + 10));
    world_free(world);
  }
}

static void an_idle_association_sends_no_probes(void) {
  struct world *world = world_connected(2, &searching);
  transfer(world, 0, 5000, SECOND);
  world_run(world, SECOND);
  uint64_t before = world->sides[0].sent;
  world_run(world, 600 * SECOND);
  PRTC_CHECK(world->sides[0].sent - before <= 50); /* heartbeats and their answers */
  PRTC_CHECK_INT(prtc_sctp_mtu(world->sides[0].sctp), 1136);
  world_free(world);
}

/* What comes in one packet with an answer is taken, too: a SACK, after which the reset goes out. */
static void answers_share_packets(void) {
  struct world *world = world_connected(4, &searching);
  world->delay = MILLISECOND;
  for (int k = 0; k < 1200; k++) {
    prtc_sctp_message message = world_message(9, bytes, 40);
    PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &message), 0);
    PRTC_CHECK_INT(prtc_sctp_reset_stream(world->sides[0].sctp, world->now, 9), 0);
    world_run(world, 50 * MILLISECOND);
  }
  PRTC_CHECK(prtc_sctp_mtu(world->sides[0].sctp) > 1136);
  world_free(world);
}

/* As of an implementation that does not know of this: it answers, and asks nothing. */
static size_t without_questions(struct world *world, int to, uint8_t *packet, size_t size) {
  (void)world;
  if (to == 1) PRTC_CHECK(prtc_packet_find(packet, size, 12, PRTC_SCTP_PAD) == 0);
  return to == 0 && packet[12] == 4 ? 0 : size;
}

static void others_are_not_probed(void) {
  struct world *world = world_connected(3, &searching);
  world->filter = without_questions;
  for (int k = 0; k < 50; k++) transfer(world, 0, 100000, 10 * SECOND);
  PRTC_CHECK_INT(prtc_sctp_mtu(world->sides[0].sctp), 1136);
  world_free(world);
}

/* The path takes less than before, and nobody says so: nothing is lost for good. */
static void black_holes_are_found(void) {
  static const size_t links[] = {1136, 1432, 2000, 8936};
  for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
    for (uint32_t loss = 0; loss <= 5; loss += 5) {
      struct world *world = world_connected((uint8_t)(4 + i), &searching);
      for (int k = 0; k < 50; k++) transfer(world, 0, 100000, 10 * SECOND);
      PRTC_CHECK_INT(prtc_sctp_mtu(world->sides[0].sctp), 16384);
      world->link = links[i];
      world->loss = loss;
      prtc_time taken = transfer(world, 0, 1000000, 60 * SECOND);
      if (loss == 0) PRTC_CHECK(taken < 10 * SECOND);
      for (int k = 0; k < 50; k++) transfer(world, 0, 100000, 20 * SECOND);
      world->loss = 0;
      chat(world);
      size_t mtu = prtc_sctp_mtu(world->sides[0].sctp);
      PRTC_CHECK(mtu <= links[i]);
      PRTC_CHECK(mtu + mtu / 32 + 20 >= links[i]);
      world_free(world);
    }
  }
}

/* A path on which all is lost for a while is no black hole for large packets: they are used again. */
static void an_outage_is_no_black_hole(void) {
  struct world *world = world_connected(5, &searching);
  for (int k = 0; k < 50; k++) transfer(world, 0, 100000, 10 * SECOND);
  PRTC_CHECK_INT(prtc_sctp_mtu(world->sides[0].sctp), 16384);
  world->loss = 100;
  prtc_sctp_message message = world_message(1, bytes, 300000);
  PRTC_REQUIRE(prtc_sctp_send(world->sides[0].sctp, world->now, &message) == 0);
  world_run(world, 20 * SECOND);
  PRTC_CHECK_INT(prtc_sctp_mtu(world->sides[0].sctp), 1136);
  world->loss = 0;
  world_run(world, 20 * SECOND);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), 1);
  for (int k = 0; k < 5; k++) transfer(world, 0, 100000, 10 * SECOND);
  PRTC_CHECK_INT(prtc_sctp_mtu(world->sides[0].sctp), 16384);
  world_free(world);
}

static void another_path_begins_with_the_base(void) {
  struct world *world = world_connected(6, &searching);
  for (int k = 0; k < 50; k++) transfer(world, 0, 100000, 10 * SECOND);
  prtc_sctp_message message = world_message(1, bytes, 500000);
  PRTC_REQUIRE(prtc_sctp_send(world->sides[0].sctp, world->now, &message) == 0);
  (void)world_step(world, world->now + MILLISECOND);
  world->link = 1300;
  prtc_sctp_new_path(world->sides[0].sctp, 100);
  PRTC_CHECK_INT(prtc_sctp_mtu(world->sides[0].sctp), 1136);
  world_run(world, 10 * SECOND);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), 1);
  for (int k = 0; k < 5; k++) transfer(world, 0, 100000, 10 * SECOND);
  chat(world);
  PRTC_CHECK(prtc_sctp_mtu(world->sides[0].sctp) > 1260);
  world_free(world);
}

/* Whatever the network does, and however often its MTU changes: all arrives. */
static void nothing_is_lost_over_changing_paths(void) {
  for (unsigned seed = without_interleaving; seed < 1000; seed += 2) {
    struct world *world = world_connected((uint8_t)seed, &searching);
    uint8_t network_seed[32] = {(uint8_t)seed, (uint8_t)(seed >> 8), 'm'};
    prtc_random_init(&world->random, network_seed);
    world->reordering = prtc_random_below(&world->random, 2) * 5;
    world->duplication = prtc_random_below(&world->random, 2) * 5;
    for (int round = 0; round < 6; round++) {
      world->link = 1136 + prtc_random_below(&world->random, 3) * prtc_random_below(&world->random, 7700);
      world->loss = prtc_random_below(&world->random, 3) * prtc_random_below(&world->random, 4);
      if (prtc_random_below(&world->random, 4) == 0) prtc_sctp_new_path(world->sides[0].sctp, 65);
      transfer(world, (int)prtc_random_below(&world->random, 2), 1 + prtc_random_below(&world->random, 400000), 200 * SECOND);
    }
    world_free(world);
  }
}

/* In the place of some packets, parts of packets that nobody has sent: of any number, size and place. What they have in them
 * is no chunk (of length 0): it could be an ABORT. */
static size_t forged_parts(struct world *world, int to, uint8_t *packet, size_t size) {
  if (to == 0 || size < 40 || prtc_random_below(&world->random, 4) != 0) return size;
  size = 12 + 12 + prtc_random_below(&world->random, 200) * 4;
  for (size_t i = 12; i < size; i++) packet[i] = i < 24 ? (uint8_t)prtc_random_u32(&world->random) : 0;
  packet[12] = 190;
  packet[14] = (uint8_t)((size - 12) >> 8), packet[15] = (uint8_t)(size - 12);
  packet[16] = packet[17] = packet[18] = 0, packet[19] &= 7;                    /* number */
  packet[20] &= 3, packet[22] &= 3;                                             /* size, place */
  if (prtc_random_below(&world->random, 2) == 0) { /* a whole one */
    packet[20] = (uint8_t)((size - 24) >> 8), packet[21] = (uint8_t)(size - 24);
    packet[22] = packet[23] = 0;
  }
  memset(packet + 8, 0, 4);
  uint32_t crc = prtc_crc32c_packet(prtc_crc32c_best(), packet, size);
  for (int i = 0; i < 4; i++) packet[8 + i] = (uint8_t)(crc >> 8 * i);
  return size;
}

static void forged_parts_do_no_harm(void) {
  for (uint8_t seed = 0; seed < 20; seed++) {
    struct world *world = world_connected(seed, &searching);
    world->filter = forged_parts;
    for (int k = 0; k < 5; k++) transfer(world, 0, 30000, 3000 * SECOND);
    world_free(world);
  }
}

int main(void) {
  PRTC_RUN(what_the_path_takes_is_found);
  PRTC_RUN(usual_links_take_few_probes);
  PRTC_RUN(nothing_is_probed_when_it_is_off);
  PRTC_RUN(silence_says_nothing_of_sizes);
  PRTC_RUN(it_is_looked_again_after_ten_minutes);
  PRTC_RUN(a_size_in_doubt_is_tried_first);
  PRTC_RUN(what_the_other_side_takes_may_be_known_later);
  for (without_interleaving = 0; without_interleaving < 2; without_interleaving++) {
    PRTC_RUN(larger_packets_are_used);
    PRTC_RUN(an_idle_association_sends_no_probes);
    PRTC_RUN(answers_share_packets);
    PRTC_RUN(others_are_not_probed);
    PRTC_RUN(black_holes_are_found);
    PRTC_RUN(an_outage_is_no_black_hole);
    PRTC_RUN(another_path_begins_with_the_base);
    PRTC_RUN(forged_parts_do_no_harm);
    PRTC_RUN(nothing_is_lost_over_changing_paths);
  }
  return PRTC_TEST_RESULT();
}
