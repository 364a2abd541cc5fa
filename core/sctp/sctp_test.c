/* Associations in virtual time, over good and bad networks.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/sctp/world_test.h"

static int send_bytes(struct world *world, int side, uint32_t stream, const void *data, size_t size) {
  prtc_sctp_message message = world_message(stream, data, size);
  return prtc_sctp_send(world->sides[side].sctp, world->now, &message);
}

static int send_text(struct world *world, int side, uint32_t stream, const char *text) {
  return send_bytes(world, side, stream, text, strlen(text));
}

/* Bytes that tell one message from another and one place in it from the next. */
static uint8_t *pattern(uint32_t number, size_t size) {
  uint8_t *bytes = malloc(size);
  PRTC_REQUIRE(bytes != NULL);
  for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(i * 7 + (i >> 8) * 3 + number * 31);
  return bytes;
}

static bool is_pattern(const struct told *told, uint32_t number, size_t size) {
  uint8_t *bytes = pattern(number, size);
  bool same = told != NULL && told->whole && told->size == size && memcmp(told->data, bytes, size) == 0;
  free(bytes);
  return same;
}

/* Sends a pattern as soon as it is taken. */
static void push(struct world *world, int side, uint32_t stream, uint32_t number, size_t size) {
  uint8_t *bytes = pattern(number, size);
  int code;
  while ((code = send_bytes(world, side, stream, bytes, size)) == PRTC_ERROR_AGAIN) {
    PRTC_REQUIRE(world->now < 100000 * SECOND);
    world_step(world, world->now + 100 * MILLISECOND);
  }
  PRTC_CHECK_INT(code, 0);
  free(bytes);
}

/* ---------------------------------------------------------------------------------------------------- connect, messages */

static void connects_and_exchanges_messages(void) {
  struct world *world = world_connected(1, NULL);
  const struct told *connected = world_told(world, 0, PRTC_SCTP_EVENT_CONNECTED, 0);
  PRTC_CHECK_INT(connected->outgoing_streams, 1024);
  PRTC_CHECK_INT(connected->incoming_streams, 1024);
  PRTC_CHECK_INT(send_text(world, 0, 0, "hello"), 0);
  PRTC_CHECK_INT(send_text(world, 1, 1000, "good day"), 0);
  world_run(world, SECOND);
  for (int i = 0; i < 2; i++) {
    const struct told *message = world_told(world, i, PRTC_SCTP_EVENT_MESSAGE, 0);
    PRTC_REQUIRE(message != NULL);
    PRTC_CHECK_INT(message->size, i == 0 ? 8 : 5);
    PRTC_CHECK(memcmp(message->data, i == 0 ? "good day" : "hello", message->size) == 0);
    PRTC_CHECK_INT(message->stream, i == 0 ? 1000 : 0);
    PRTC_CHECK_INT(message->ppid, PRTC_PPID_BINARY);
    PRTC_CHECK(message->whole);
    PRTC_CHECK_INT(world_count(world, i, PRTC_SCTP_EVENT_MESSAGE), 1);
    PRTC_CHECK_INT(world->sides[i].refused, 0);
    PRTC_CHECK_INT(prtc_sctp_buffered(world->sides[i].sctp), 0);
  }
  world_free(world);
}

static void one_side_alone_may_connect(void) {
  struct world *world = world_new(2, NULL);
  PRTC_CHECK_INT(prtc_sctp_connect(world->sides[1].sctp, world->now), 0);
  world_run(world, SECOND);
  for (int i = 0; i < 2; i++) PRTC_CHECK_INT(world_count(world, i, PRTC_SCTP_EVENT_CONNECTED), 1);
  world_free(world);
}

static void connects_through_heavy_loss(void) {
  for (uint8_t seed = 0; seed < 20; seed++) {
    struct world *world = world_new(seed, NULL);
    world->loss = 30;
    world->reordering = 30;
    world->duplication = 10;
    for (int i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_sctp_connect(world->sides[i].sctp, world->now), 0);
    PRTC_CHECK_INT(send_text(world, 0, 7, "early"), 0);
    world_run(world, 120 * SECOND);
    for (int i = 0; i < 2; i++) PRTC_CHECK_INT(world_count(world, i, PRTC_SCTP_EVENT_CONNECTED), 1);
    PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), 1);
    world_free(world);
  }
}

static void wrong_arguments_are_refused(void) {
  struct world *world = world_connected(3, NULL);
  prtc_sctp *sctp = world->sides[0].sctp;
  prtc_sctp_message message = world_message(1024, "x", 1);
  PRTC_CHECK_INT(prtc_sctp_send(sctp, world->now, &message), PRTC_ERROR_NOT_FOUND);
  message = world_message(0, "x", 0);
  PRTC_CHECK_INT(prtc_sctp_send(sctp, world->now, &message), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_sctp_reset_stream(sctp, world->now, 1024), PRTC_ERROR_NOT_FOUND);
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.streams = 65536;
  PRTC_CHECK(prtc_sctp_new(world->sides[0].context, world->now, &config) == NULL);
  uint8_t small[8];
  PRTC_CHECK_INT(send_text(world, 0, 0, "does not get lost"), 0);
  PRTC_CHECK_INT(prtc_sctp_transmit(sctp, world->now, small, sizeof small), PRTC_ERROR_BUFFER_TOO_SMALL);
  world_run(world, SECOND);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), 1);
  world_free(world);
}

static void messages_sent_together_share_packets(void) {
  struct world *world = world_connected(4, NULL);
  uint8_t bytes[40] = {0}, packet[PACKET_SIZE];
  prtc_sctp *sctp = world->sides[0].sctp;
  int chunk = (without_interleaving ? 16 : 20) + 40, count = (1136 - 12) / chunk;
  for (int i = 0; i <= count; i++) PRTC_CHECK_INT(send_bytes(world, 0, (uint32_t)i, bytes, sizeof bytes), 0);
  PRTC_CHECK_INT(prtc_sctp_transmit(sctp, world->now, packet, sizeof packet), 12 + count * chunk);
  /* One more is not held back although the first packet is not acknowledged. */
  PRTC_CHECK_INT(prtc_sctp_transmit(sctp, world->now, packet, sizeof packet), 12 + chunk);
  PRTC_CHECK_INT(prtc_sctp_transmit(sctp, world->now, packet, sizeof packet), 0);
  PRTC_CHECK_INT(send_bytes(world, 0, 0, bytes, sizeof bytes), 0);
  PRTC_CHECK_INT(prtc_sctp_transmit(sctp, world->now, packet, sizeof packet), 12 + chunk);
  world_run(world, 5 * SECOND); /* the packets taken here are lost: they come again */
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), count + 2);
  world_free(world);
}

static void a_large_message_arrives_whole(void) {
  struct world *world = world_connected(5, NULL);
  push(world, 0, 3, 1, 256 * 1024);
  push(world, 0, 4, 2, 1);
  world_run(world, 20 * SECOND);
  PRTC_CHECK(is_pattern(world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, 0), 1, 256 * 1024));
  PRTC_CHECK(is_pattern(world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, 1), 2, 1));
  world_free(world);
}

static void a_message_of_almost_the_window_comes_in_parts(void) {
  struct world *world = world_connected(6, NULL);
  push(world, 0, 3, 1, 900 * 1000);
  push(world, 0, 4, 2, 1000);
  world_run(world, 60 * SECOND);
  PRTC_CHECK(is_pattern(world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, 0), 1, 900 * 1000));
  PRTC_CHECK(is_pattern(world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, 1), 2, 1000));
  world_free(world);
}

static void a_message_may_be_sent_in_parts(void) {
  struct world *world = world_connected(7, NULL);
  prtc_sctp *sctp = world->sides[0].sctp;
  uint8_t *bytes = pattern(9, 5000);
  for (size_t at = 0; at < 5000; at += 1000) {
    prtc_sctp_message part = world_message(2, bytes + at, 1000);
    part.begin = at == 0;
    part.end = at == 4000;
    PRTC_CHECK_INT(prtc_sctp_send(sctp, world->now, &part), 0);
    /* Without interleaving no other stream can have a turn before the end. */
    if (at == 1000) PRTC_CHECK_INT(send_text(world, 0, 5, "no"), without_interleaving ? PRTC_ERROR_INVALID_STATE : 0);
    world_run(world, 50 * MILLISECOND);
  }
  PRTC_CHECK_INT(send_text(world, 0, 5, "yes"), 0);
  world_run(world, SECOND);
  PRTC_CHECK(is_pattern(world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, 0), 9, 5000));
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), without_interleaving ? 2 : 3);
  free(bytes);
  world_free(world);
}

/* Both ways, many streams, sizes from 1 to 20,000, and everything that a network does. */
static void a_megabyte_through_a_bad_network(void) {
  for (uint8_t seed = 10; seed < 14; seed++) {
    struct world *world = world_connected(seed, NULL);
    uint32_t next[2][8] = {{0}};
    world->loss = 5;
    world->reordering = 10;
    world->duplication = 3;
    world->corruption = 2;
    for (uint32_t i = 0; i < 110; i++) {
      for (int side = 0; side < 2; side++) push(world, side, i % 8, i, 1 + i * 7919 % 20000);
    }
    world_run(world, 300 * SECOND);
    for (int side = 0; side < 2; side++) {
      size_t count = world_count(world, side, PRTC_SCTP_EVENT_MESSAGE);
      PRTC_CHECK_INT(count, 110);
      PRTC_CHECK(world->sides[side].refused > 0); /* the corrupted ones */
      for (size_t k = 0; k < count; k++) {
        const struct told *told = world_told(world, side, PRTC_SCTP_EVENT_MESSAGE, k);
        uint32_t number = next[side][told->stream]++ * 8 + told->stream; /* in order on its stream */
        PRTC_CHECK(is_pattern(told, number, 1 + number * 7919 % 20000));
      }
    }
    world_free(world);
  }
}

/* --------------------------------------------------------------------------------------------------------- flow control */

static void unfetched_events_close_the_window(void) {
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.receive_window = 128 * 1024;
  config.send_buffer = 64 * 1024;
  struct world *world = world_connected(20, &config);
  size_t sent = 0;
  prtc_time until = world->now + 120 * SECOND;
  world->sides[1].deaf = true;
  while (world_step(world, until)) {
    uint8_t *bytes = pattern((uint32_t)sent, 10000);
    while (send_bytes(world, 0, 0, bytes, 10000) == 0) {
      sent++;
      free(bytes);
      bytes = pattern((uint32_t)sent, 10000);
    }
    free(bytes);
    PRTC_REQUIRE(sent < 40);
  }
  PRTC_CHECK(sent >= 15);
  PRTC_CHECK_INT(send_text(world, 0, 0, "no room"), PRTC_ERROR_AGAIN);
  size_t writable = world_count(world, 0, PRTC_SCTP_EVENT_WRITABLE);
  world->sides[1].deaf = false;
  world_run(world, 30 * SECOND);
  PRTC_CHECK_INT(world_count(world, 0, PRTC_SCTP_EVENT_WRITABLE), writable + 1);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), sent);
  for (size_t i = 0; i < sent; i++) {
    PRTC_CHECK(is_pattern(world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, i), (uint32_t)i, 10000));
  }
  world_free(world);
}

static void a_reset_gets_through_a_closed_window(void) {
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.receive_window = 32 * 1024;
  struct world *world = world_connected(21, &config);
  world->sides[1].deaf = true;
  PRTC_CHECK_INT(send_text(world, 0, 5, "last words"), 0);
  for (uint32_t i = 0; i < 40; i++) push(world, 0, 0, i, 1000);
  PRTC_CHECK_INT(prtc_sctp_reset_stream(world->sides[0].sctp, world->now, 5), 0);
  world_run(world, 60 * SECOND);
  world->sides[1].deaf = false;
  world_run(world, 60 * SECOND);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), 41);
  const struct told *reset = world_told(world, 1, PRTC_SCTP_EVENT_INCOMING_RESET, 0);
  PRTC_REQUIRE(reset != NULL);
  PRTC_CHECK_INT(reset->stream, 5);
  PRTC_CHECK_INT(world_count(world, 0, PRTC_SCTP_EVENT_OUTGOING_RESET), 1);
  world_free(world);
}

/* -------------------------------------------------------------------------------------------------- partial reliability */

static void unreliable_messages_are_given_up(void) {
  for (uint32_t reliability = PRTC_LIMITED_RETRANSMITS; reliability <= PRTC_LIMITED_LIFE_TIME; reliability++) {
    prtc_sctp_config config;
    PRTC_INIT(&config);
    config.send_buffer = 256 * 1024;
    struct world *world = world_connected(30, &config);
    world->loss = 30;
    for (uint32_t i = 0; i < 200; i++) {
      uint8_t *bytes = pattern(i, 500);
      prtc_sctp_message message = world_message(0, bytes, 500);
      message.reliability = reliability;
      message.reliability_value = reliability == PRTC_LIMITED_LIFE_TIME ? 50 : 0;
      message.unordered = i & 1;
      message.ppid = i;
      PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &message), 0);
      free(bytes);
      world_run(world, 20 * MILLISECOND);
    }
    world->loss = 0;
    world_run(world, 60 * SECOND);
    size_t count = world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE);
    PRTC_CHECK(count > 60 && count < 190);
    for (size_t k = 0; k < count; k++) {
      const struct told *told = world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, k);
      PRTC_CHECK(is_pattern(told, told->ppid, 500));
    }
    PRTC_CHECK_INT(prtc_sctp_buffered(world->sides[0].sctp), 0);
    PRTC_CHECK_INT(send_text(world, 0, 0, "still alive"), 0);
    world_run(world, SECOND);
    PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), count + 1);
    world_free(world);
  }
}

/* A message of which some parts were lost for good: what was given of it is taken back, and nothing is mixed up. */
static void large_unreliable_messages_are_whole_or_nothing(void) {
  for (uint8_t seed = 31; seed < 36; seed++) {
    struct world *world = world_connected(seed, NULL);
    world->loss = 3;
    for (uint32_t i = 0; i < 30; i++) {
      uint8_t *bytes = pattern(i, 30000);
      prtc_sctp_message message = world_message(i % 3, bytes, 30000);
      message.reliability = PRTC_LIMITED_RETRANSMITS;
      message.unordered = i & 1;
      message.ppid = i;
      PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &message), 0);
      free(bytes);
      world_run(world, 500 * MILLISECOND);
    }
    world_run(world, 60 * SECOND);
    size_t whole = 0;
    for (size_t k = 0; k < world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE); k++) {
      const struct told *told = world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, k);
      if (!told->whole) continue;
      PRTC_CHECK(is_pattern(told, told->ppid, 30000));
      whole++;
    }
    PRTC_CHECK(whole > 0 && whole < 30);
    world_free(world);
  }
}

/* With a window so small that they are given in parts, some are abandoned after their first part was given. Ordered ones:
 * with unordered ones usrsctp loses count of its window here (see README.md). */
static void abandoned_messages_are_taken_back(void) {
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.receive_window = 40000;
  size_t abandoned = 0;
  for (uint8_t seed = 60; seed < 70; seed++) {
    struct world *world = world_connected(seed, &config);
    world->loss = 6;
    for (uint32_t i = 0; i < 40; i++) {
      uint8_t *bytes = pattern(i, 35000);
      prtc_sctp_message message = world_message(i % 2, bytes, 35000);
      message.reliability = PRTC_LIMITED_RETRANSMITS;
      message.ppid = i;
      PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &message), 0);
      free(bytes);
      world_run(world, SECOND);
    }
    world_run(world, 60 * SECOND);
    size_t parts = world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE);
    size_t given_up = world_count(world, 1, PRTC_SCTP_EVENT_ABANDONED);
    for (size_t k = 0; k < parts; k++) {
      const struct told *told = world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, k);
      if (told->whole) PRTC_CHECK(is_pattern(told, told->ppid, 35000));
      given_up -= !told->whole; /* each part without an end is taken back, and nothing else */
    }
    PRTC_CHECK_INT(given_up, 0);
    abandoned += world_count(world, 1, PRTC_SCTP_EVENT_ABANDONED);
    PRTC_CHECK_INT(world_count(world, 0, PRTC_SCTP_EVENT_CLOSED), 0);
    PRTC_CHECK_INT(send_text(world, 0, 0, "still alive"), 0);
    world_run(world, 20 * SECOND);
    PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), parts + 1);
    world_free(world);
  }
  PRTC_CHECK(abandoned > 0);
}

static void the_smallest_packets(void) {
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.mtu = 524;
  struct world *world = world_connected(70, &config);
  push(world, 0, 0, 1, 20000);
  world_run(world, 10 * SECOND);
  PRTC_CHECK(is_pattern(world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, 0), 1, 20000));
  world_free(world);
}

/* -------------------------------------------------------------------------------------------------------------- streams */

static void streams_are_reset_and_used_again(void) {
  struct world *world = world_connected(40, NULL);
  world->delay = MILLISECOND;
  for (uint32_t round = 0; round < 1000; round++) {
    PRTC_CHECK_INT(send_text(world, 0, 9, "once more"), 0);
    PRTC_CHECK_INT(prtc_sctp_reset_stream(world->sides[0].sctp, world->now, 9), 0);
    PRTC_CHECK_INT(send_text(world, 0, 9, "not yet"), PRTC_ERROR_AGAIN);
    world_run(world, 50 * MILLISECOND);
  }
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), 1000);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_INCOMING_RESET), 1000);
  PRTC_CHECK_INT(world_count(world, 0, PRTC_SCTP_EVENT_OUTGOING_RESET), 1000);
  world_free(world);
}

static void any_number_of_resets_may_wait(void) {
  for (uint8_t seed = 41; seed < 45; seed++) {
    struct world *world = world_connected(seed, NULL);
    bool told[2][1024] = {{false}};
    world->loss = seed == 41 ? 0 : 10;
    world->reordering = seed == 41 ? 0 : 20;
    for (int side = 0; side < 2; side++) {
      for (uint32_t stream = 0; stream < 1000; stream++) {
        PRTC_CHECK_INT(send_text(world, side, stream, "x"), 0);
        PRTC_CHECK_INT(prtc_sctp_reset_stream(world->sides[side].sctp, world->now, stream), 0);
      }
    }
    world_run(world, 200 * SECOND);
    for (int side = 0; side < 2; side++) {
      PRTC_CHECK_INT(world_count(world, side, PRTC_SCTP_EVENT_MESSAGE), 1000);
      PRTC_CHECK_INT(world_count(world, side, PRTC_SCTP_EVENT_OUTGOING_RESET), 1000);
      PRTC_CHECK_INT(world_count(world, side, PRTC_SCTP_EVENT_INCOMING_RESET), 1000);
      for (size_t i = 0; i < 1000; i++) {
        const struct told *reset = world_told(world, side, PRTC_SCTP_EVENT_INCOMING_RESET, i);
        if (reset == NULL) break;
        PRTC_CHECK(!told[side][reset->stream]);
        told[side][reset->stream] = true;
        PRTC_CHECK_INT(reset->code, 0);
      }
    }
    world_free(world);
  }
}

static void resetting_all_streams_names_each(void) {
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.streams = 3;
  struct world *world = world_connected(46, &config);
  for (uint32_t stream = 0; stream < 3; stream++) {
    PRTC_CHECK_INT(prtc_sctp_reset_stream(world->sides[0].sctp, world->now, stream), 0);
  }
  world_run(world, 10 * SECOND);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_INCOMING_RESET), 3);
  PRTC_CHECK_INT(world_count(world, 0, PRTC_SCTP_EVENT_OUTGOING_RESET), 3);
  world_free(world);
}

static void streams_can_be_added(void) {
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.streams = 16;
  struct world *world = world_new(47, &config);
  prtc_sctp_free(world->sides[1].sctp); /* the other side allows more */
  world->sides[1].sctp = prtc_sctp_new(world->sides[1].context, world->now, NULL);
  PRTC_CHECK_INT(prtc_sctp_connect(world->sides[0].sctp, world->now), 0);
  world_run(world, SECOND);
  PRTC_CHECK_INT(send_text(world, 0, 20, "x"), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_sctp_add_streams(world->sides[0].sctp, world->now, 100), 0);
  PRTC_CHECK_INT(prtc_sctp_add_streams(world->sides[0].sctp, world->now, 100), PRTC_ERROR_AGAIN);
  world_run(world, SECOND);
  const struct told *more = world_told(world, 0, PRTC_SCTP_EVENT_STREAMS, 0);
  PRTC_REQUIRE(more != NULL);
  PRTC_CHECK_INT(more->outgoing_streams, 116);
  PRTC_CHECK_INT(world_told(world, 1, PRTC_SCTP_EVENT_STREAMS, 0)->incoming_streams, 116);
  PRTC_CHECK_INT(send_text(world, 0, 115, "x"), 0);
  world_run(world, SECOND);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), 1);
  world_free(world);
}

static void all_streams_can_be_asked_for(void) {
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.streams = 65535;
  struct world *world = world_connected(48, &config);
  PRTC_CHECK_INT(world_told(world, 0, PRTC_SCTP_EVENT_CONNECTED, 0)->outgoing_streams, 65535);
  PRTC_CHECK_INT(send_text(world, 0, 65534, "far away"), 0);
  PRTC_CHECK_INT(prtc_sctp_reset_stream(world->sides[0].sctp, world->now, 65534), 0);
  world_run(world, SECOND);
  PRTC_CHECK_INT(world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, 0)->stream, 65534);
  PRTC_CHECK_INT(world_told(world, 1, PRTC_SCTP_EVENT_INCOMING_RESET, 0)->stream, 65534);
  world_free(world);
}

/* -------------------------------------------------------------------------------------------------------------- endings */

static void an_abort_is_told_to_both(void) {
  struct world *world = world_connected(50, NULL);
  PRTC_CHECK_INT(prtc_sctp_abort(world->sides[0].sctp, world->now), 0);
  PRTC_CHECK_INT(send_text(world, 0, 0, "x"), PRTC_ERROR_CLOSED);
  world_run(world, SECOND);
  PRTC_CHECK_INT(world_told(world, 0, PRTC_SCTP_EVENT_CLOSED, 0)->code, 0);
  PRTC_CHECK_INT(world_told(world, 1, PRTC_SCTP_EVENT_CLOSED, 0)->code, PRTC_ERROR_SCTP_ABORTED);
  for (int i = 0; i < 2; i++) {
    PRTC_CHECK_INT(world_count(world, i, PRTC_SCTP_EVENT_CLOSED), 1);
    PRTC_CHECK(prtc_sctp_deadline(world->sides[i].sctp) == PRTC_NEVER);
    PRTC_CHECK_INT(prtc_sctp_connect(world->sides[i].sctp, world->now), PRTC_ERROR_CLOSED);
    PRTC_CHECK_INT(prtc_sctp_abort(world->sides[i].sctp, world->now), 0);
  }
  world_free(world);
}

static void messages_before_an_abort_are_delivered(void) {
  struct world *world = world_connected(51, NULL);
  world->sides[1].deaf = true;
  PRTC_CHECK_INT(send_text(world, 0, 0, "last words"), 0);
  world_run(world, SECOND);
  PRTC_CHECK_INT(prtc_sctp_abort(world->sides[0].sctp, world->now), 0);
  world_run(world, SECOND);
  PRTC_CHECK_INT(send_text(world, 1, 0, "x"), PRTC_ERROR_INVALID_STATE);
  world->sides[1].deaf = false;
  world_run(world, SECOND);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), 1);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_CLOSED), 1);
  world_free(world);
}

static void a_bound_on_retransmissions_ends_it(void) {
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.max_retransmissions = 5;
  struct world *world = world_connected(52, &config);
  world->loss = 100;
  PRTC_CHECK_INT(send_text(world, 0, 0, "into the void"), 0);
  world_run(world, 120 * SECOND);
  PRTC_REQUIRE(world_count(world, 0, PRTC_SCTP_EVENT_CLOSED) == 1);
  PRTC_CHECK_INT(world_told(world, 0, PRTC_SCTP_EVENT_CLOSED, 0)->code, PRTC_ERROR_TIMEOUT);
  world_free(world);
}

static void without_a_bound_it_outlives_the_network(void) {
  struct world *world = world_connected(53, NULL);
  world->loss = 100;
  PRTC_CHECK_INT(send_text(world, 0, 0, "when you are back"), 0);
  world_run(world, 3600 * SECOND);
  PRTC_CHECK_INT(world_count(world, 0, PRTC_SCTP_EVENT_CLOSED), 0);
  world->loss = 0;
  world_run(world, 15 * SECOND);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), 1);
  world_free(world);
}

static void idle_associations_live_and_rest(void) {
  struct world *world = world_connected(54, NULL);
  world_run(world, 10 * SECOND);
  uint64_t sent = world->sides[0].sent;
  world_run(world, 3600 * SECOND);
  PRTC_CHECK(world->sides[0].sent - sent < 3600 / 10); /* heartbeats and their answers */
  PRTC_CHECK_INT(send_text(world, 0, 0, "still there?"), 0);
  world_run(world, SECOND);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), 1);
  world_free(world);
}

static void time_that_goes_backwards_is_harmless(void) {
  struct world *world = world_connected(55, NULL);
  prtc_sctp *sctp = world->sides[0].sctp;
  PRTC_CHECK_INT(send_text(world, 0, 0, "x"), 0);
  prtc_time deadline = prtc_sctp_deadline(sctp);
  PRTC_CHECK_INT(prtc_sctp_timeout(sctp, 0), 0);
  PRTC_CHECK_INT(prtc_sctp_timeout(sctp, 1), 0);
  PRTC_CHECK(prtc_sctp_deadline(sctp) == deadline);
  world_run(world, SECOND);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE), 1);
  world_free(world);
}

static void run_all(void) {
  PRTC_RUN(connects_and_exchanges_messages);
  PRTC_RUN(one_side_alone_may_connect);
  PRTC_RUN(connects_through_heavy_loss);
  PRTC_RUN(wrong_arguments_are_refused);
  PRTC_RUN(messages_sent_together_share_packets);
  PRTC_RUN(a_large_message_arrives_whole);
  PRTC_RUN(a_message_of_almost_the_window_comes_in_parts);
  PRTC_RUN(a_message_may_be_sent_in_parts);
  PRTC_RUN(a_megabyte_through_a_bad_network);
  PRTC_RUN(unfetched_events_close_the_window);
  PRTC_RUN(a_reset_gets_through_a_closed_window);
  PRTC_RUN(unreliable_messages_are_given_up);
  PRTC_RUN(large_unreliable_messages_are_whole_or_nothing);
  PRTC_RUN(abandoned_messages_are_taken_back);
  PRTC_RUN(the_smallest_packets);
  PRTC_RUN(streams_are_reset_and_used_again);
  PRTC_RUN(any_number_of_resets_may_wait);
  PRTC_RUN(resetting_all_streams_names_each);
  PRTC_RUN(streams_can_be_added);
  PRTC_RUN(all_streams_can_be_asked_for);
  PRTC_RUN(an_abort_is_told_to_both);
  PRTC_RUN(messages_before_an_abort_are_delivered);
  PRTC_RUN(a_bound_on_retransmissions_ends_it);
  PRTC_RUN(without_a_bound_it_outlives_the_network);
  PRTC_RUN(idle_associations_live_and_rest);
  PRTC_RUN(time_that_goes_backwards_is_harmless);
}

int main(void) {
  run_all();
  without_interleaving = 1;
  run_all();
  return PRTC_TEST_RESULT();
}
