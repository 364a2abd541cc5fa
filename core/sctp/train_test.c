/* How many packets there are: filled ones, and one SACK for what came at once.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/sctp/packet.h"
#include "core/sctp/world_test.h"

enum { MTU = 1136, SIZE = 16384 };

static uint8_t bytes[SIZE];

/* Packets that pass, by what is in them. */
struct traffic {
  unsigned data, full, sacks, lost;
  unsigned lose; /* the number of a packet of data */
};

static size_t watch(struct world *world, int to, uint8_t *packet, size_t size) {
  enum { SACK = 3 };
  struct traffic *traffic = world->filter_state;
  uint8_t data = without_interleaving ? PRTC_SCTP_DATA : PRTC_SCTP_I_DATA;
  if (to == 0) traffic->sacks += prtc_packet_has(packet, size, SACK);
  if (to == 0 || !prtc_packet_has(packet, size, data)) return size;
  traffic->data++;
  traffic->full += size > MTU - 16;
  return traffic->data == traffic->lose ? 0 : size;
}

static struct world *world_watched(struct traffic *traffic) {
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.mtu = config.max_mtu = MTU;
  struct world *world = world_connected(90, &config);
  *traffic = (struct traffic){0};
  world->filter = watch;
  world->filter_state = traffic;
  return world;
}

/* So many messages, as fast as they are taken. */
static void send_all(struct world *world, size_t count, size_t size) {
  prtc_sctp_message message = world_message(1, bytes, size);
  size_t before = world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE);
  for (size_t sent = 0; sent < count;) {
    if (prtc_sctp_send(world->sides[0].sctp, world->now, &message) == 0) sent++;
    else (void)world_step(world, world->now + SECOND);
  }
  world_run(world, 10 * SECOND);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), before + count);
  PRTC_CHECK_INT(prtc_sctp_buffered(world->sides[0].sctp), 0);
}

/* A message that takes several packets begins in the last one of the message before it. */
static void packets_are_filled_across_messages(void) {
  struct traffic traffic;
  struct world *world = world_watched(&traffic);
  send_all(world, 300, SIZE);
  unsigned least = (unsigned)(300 * SIZE / (MTU - 12 - 16));
  PRTC_CHECK(traffic.data < least + least / 100);
  PRTC_CHECK(traffic.full > traffic.data * 98 / 100);
  world_free(world);
}

/* Those that are not divided share packets: as many in each as there is room for. */
static void packets_of_small_messages_are_filled(void) {
  struct traffic traffic;
  struct world *world = world_watched(&traffic);
  unsigned each = (MTU - 12) / (64 + (without_interleaving ? 16u : 20u));
  send_all(world, 3000, 64);
  PRTC_CHECK(traffic.data < 3000 / each + 3000 / each / 10);
  world_free(world);
}

/* At first a sender may be in slow start and count SACKs (RFC 9260 section 7.2.1); then what comes at once is acknowledged
 * at once. */
static void what_comes_at_once_has_one_sack(void) {
  struct traffic traffic;
  struct world *world = world_watched(&traffic);
  send_all(world, 25, SIZE);
  PRTC_CHECK(traffic.data < 512);
  PRTC_CHECK(traffic.sacks >= traffic.data / 2);
  send_all(world, 30, SIZE);
  unsigned sacks = traffic.sacks, data = traffic.data;
  send_all(world, 1000, SIZE);
  PRTC_CHECK(traffic.data - data > 14000);
  PRTC_CHECK(traffic.sacks - sacks < (traffic.data - data) / 8);
  world_free(world);
}

/* While one is missing, each has its SACK: the sender counts those that tell of the gap (section 7.2.4). */
static void a_loss_is_told_by_each_packet(void) {
  struct traffic traffic;
  struct world *world = world_watched(&traffic);
  send_all(world, 100, SIZE);
  unsigned sacks = traffic.sacks;
  prtc_sctp_message message = world_message(1, bytes, SIZE);
  traffic.lose = traffic.data + 3;
  for (int i = 0; i < 3; i++) PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &message), 0);
  world_run(world, 200 * MILLISECOND); /* less than a retransmission timer */
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), 103);
  PRTC_CHECK(traffic.sacks - sacks > 20);
  world_free(world);
}

static void run_all(void) {
  PRTC_RUN(packets_are_filled_across_messages);
  PRTC_RUN(packets_of_small_messages_are_filled);
  PRTC_RUN(what_comes_at_once_has_one_sack);
  PRTC_RUN(a_loss_is_told_by_each_packet);
}

int main(void) {
  run_all();
  without_interleaving = 1;
  run_all();
  return PRTC_TEST_RESULT();
}
