/* Messages in parts: side by side, waiting for their rest, given up; and what each kind of reliability promises, held
 * against a model.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>

#include "core/base/bytes.h"
#include "core/sctp/crc32c.h"
#include "core/sctp/packet.h"
#include "core/sctp/world_test.h"

static int send_part(struct world *world, uint32_t stream, const void *data, size_t size, bool begin, bool end) {
  prtc_sctp_message message = world_message(stream, data, size);
  message.begin = begin;
  message.end = end;
  return prtc_sctp_send(world->sides[0].sctp, world->now, &message);
}

static int abandon(struct world *world, uint32_t stream) {
  prtc_sctp_message message = {.stream = stream, .abandon = 1};
  return prtc_sctp_send(world->sides[0].sctp, world->now, &message);
}

static size_t messages(const struct world *world) { return world_count(world, 1, PRTC_SCTP_EVENT_MESSAGE); }

static void both_sides_know_whether_they_interleave(void) {
  for (uint32_t without = 0; without < 2; without++) {
    prtc_sctp_config config;
    PRTC_INIT(&config);
    config.no_interleaving = without;
    struct world *world = world_new(80, NULL);
    prtc_sctp_free(world->sides[1].sctp);
    world->sides[1].sctp = prtc_sctp_new(world->sides[1].context, world->now, &config);
    PRTC_CHECK_INT(prtc_sctp_connect(world->sides[0].sctp, world->now), 0);
    world_run(world, SECOND);
    prtc_sctp_message hello = world_message(1, "hello", 5);
    for (int i = 0; i < 2; i++) {
      PRTC_CHECK_INT(world_told(world, i, PRTC_SCTP_EVENT_CONNECTED, 0)->interleaving, !without && !without_interleaving);
      PRTC_CHECK_INT(prtc_sctp_send(world->sides[i].sctp, world->now, &hello), 0);
    }
    world_run(world, SECOND);
    for (int i = 0; i < 2; i++) PRTC_CHECK_INT(world_count(world, i, PRTC_SCTP_EVENT_MESSAGE), 1);
    world_free(world);
  }
}

/* Three messages wait for their rest; whole ones on other streams pass by, streams are reset, and then the three are
 * completed. */
static void a_message_that_waits_does_not_stop_others(void) {
  if (without_interleaving) return;
  struct world *world = world_connected(81, NULL);
  uint8_t bytes[20000] = {7};
  world->loss = 5;
  for (uint32_t i = 0; i < 3; i++) PRTC_CHECK_INT(send_part(world, i, bytes, sizeof bytes, true, false), 0);
  world_run(world, 20 * SECOND);
  PRTC_CHECK_INT(messages(world), 3);
  for (uint32_t i = 0; i < 300; i++) {
    PRTC_CHECK_INT(send_part(world, 10 + i % 5, bytes, 1 + i * 50, true, true), 0);
    world_run(world, 100 * MILLISECOND);
  }
  for (uint32_t i = 10; i < 15; i++) PRTC_CHECK_INT(prtc_sctp_reset_stream(world->sides[0].sctp, world->now, i), 0);
  world_run(world, 30 * SECOND);
  PRTC_CHECK_INT(messages(world), 303);
  PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_INCOMING_RESET), 5);
  for (size_t i = 0; i < 3; i++) PRTC_CHECK(!world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, i)->whole);
  for (uint32_t i = 0; i < 3; i++) PRTC_CHECK_INT(send_part(world, i, bytes, 100, false, true), 0);
  world_run(world, 20 * SECOND);
  for (size_t i = 0; i < 3; i++) {
    const struct told *told = world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, i);
    PRTC_CHECK(told->whole && told->size == sizeof bytes + 100);
  }
  world_free(world);
}

/* More unfinished messages than the window has room for, if it had to keep the beginning of each. */
static void unfinished_messages_do_not_fill_the_window(void) {
  if (without_interleaving) return;
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.receive_window = 100000;
  struct world *world = world_connected(82, &config);
  uint8_t bytes[4000] = {1};
  for (uint32_t i = 0; i < 200; i++) {
    while (send_part(world, i, bytes, sizeof bytes, true, false) == PRTC_ERROR_AGAIN) world_run(world, SECOND);
  }
  world_run(world, 20 * SECOND);
  PRTC_CHECK_INT(prtc_sctp_buffered(world->sides[0].sctp), 0);
  PRTC_CHECK_INT(messages(world), 200);
  world_free(world);
}

/* Each comes in two datagrams and may be read between them: many times the window. */
static void unordered_messages_do_not_close_the_window(void) {
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.receive_window = 100000;
  struct world *world = world_connected(83, &config);
  uint8_t bytes[1400] = {1};
  prtc_sctp_message whole = world_message(1, bytes, sizeof bytes);
  whole.unordered = 1;
  for (uint32_t i = 0; i < 500; i++) {
    PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &whole), 0);
    world_run(world, 200 * MILLISECOND);
  }
  PRTC_CHECK_INT(messages(world), 500);
  PRTC_CHECK_INT(prtc_sctp_buffered(world->sides[0].sctp), 0);
  world_free(world);
}

/* Nor do those that are given up when a part of them is there: more than there would be room for. */
static void unordered_messages_that_are_given_up_do_not_close_the_window(void) {
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.receive_window = 100000;
  struct world *world = world_connected(85, &config);
  uint8_t bytes[3000] = {1};
  prtc_sctp_message part = world_message(1, bytes, sizeof bytes);
  part.unordered = 1;
  for (uint32_t i = 0; i < 1000; i++) {
    part.end = 0;
    PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &part), 0);
    world_run(world, 300 * MILLISECOND);
    PRTC_CHECK_INT(abandon(world, 1), 0);
  }
  part.end = 1;
  PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &part), 0);
  world_run(world, 20 * SECOND);
  PRTC_CHECK(world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, messages(world) - 1)->whole);
  PRTC_CHECK_INT(prtc_sctp_buffered(world->sides[0].sctp), 0);
  world_free(world);
}

/* At whatever moment: before anything of it has left, on the way, after all was acknowledged. What follows arrives. */
static void what_was_begun_can_be_given_up(void) {
  static const size_t sizes[] = {1, 1000, 30000};
  for (uint32_t unordered = 0; unordered < 2; unordered++) {
    for (uint32_t wait = 0; wait < 1000; wait = wait * 3 + 5) {
      for (size_t s = 0; s < 3; s++) {
        struct world *world = world_connected((uint8_t)(wait + s), NULL);
        uint8_t bytes[30000] = {1};
        world->loss = wait % 2 * 10;
        prtc_sctp_message part = world_message(3, bytes, sizes[s]);
        part.unordered = unordered;
        part.end = 0;
        PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &part), 0);
        if (wait > 5) world_run(world, wait * MILLISECOND);
        PRTC_CHECK_INT(abandon(world, 3), 0);
        PRTC_CHECK_INT(abandon(world, 3), 0); /* there is none any more */
        part.end = 1;
        part.size = 50;
        PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &part), 0);
        PRTC_CHECK_INT(send_part(world, 4, bytes, 60, true, true), 0);
        PRTC_CHECK_INT(prtc_sctp_reset_stream(world->sides[0].sctp, world->now, 3), 0);
        world->loss = 0;
        world_run(world, 20 * SECOND);
        size_t whole = 0;
        for (size_t i = 0; i < messages(world); i++) {
          const struct told *told = world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, i);
          PRTC_CHECK(told->whole || told->over);
          if (told->whole) PRTC_CHECK_INT(told->size, told->stream == 3 ? 50 : 60);
          whole += told->whole;
        }
        PRTC_CHECK_INT(whole, 2);
        PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_INCOMING_RESET), 1);
        PRTC_CHECK_INT(prtc_sctp_buffered(world->sides[0].sctp), 0);
        world_free(world);
      }
    }
  }
}

static uint32_t load(const uint8_t *p, size_t bytes) {
  struct prtc_reader reader = prtc_reader_of(p, bytes);
  return (uint32_t)prtc_read_integer(&reader, bytes);
}

/* RFC 8260 section 2.3.1: of several messages of a stream that are skipped, the highest is named. Here the others are not:
 * what usrsctp names besides is taken out. */
static size_t name_the_highest(struct world *world, int to, uint8_t *packet, size_t size) {
  size_t chunk = prtc_packet_find(packet, size, PRTC_SCTP_HEADER_SIZE, PRTC_SCTP_I_FORWARD_TSN);
  size_t end = chunk != 0 ? prtc_packet_item_end(packet, chunk, size) : 0;
  (void)world, (void)to;
  if (end < chunk + 24) return size; /* it names one */
  memmove(packet + chunk + 8, packet + end - 8, 8);
  memmove(packet + chunk + 16, packet + end, size - end);
  size -= end - (chunk + 16);
  packet[chunk + 2] = 0, packet[chunk + 3] = 16;
  memset(packet + 8, 0, 4);
  uint32_t crc = prtc_crc32c_packet(prtc_crc32c_best(), packet, size);
  for (int i = 0; i < 4; i++) packet[8 + i] = (uint8_t)(crc >> 8 * i);
  ++*(int *)world->filter_state;
  return size;
}

static void a_message_that_is_read_ends_though_a_later_one_is_named(void) {
  if (without_interleaving) return;
  for (uint32_t unordered = 0; unordered < 2; unordered++) {
    struct world *world = world_connected(86, NULL);
    uint8_t bytes[3000] = {1};
    int changed = 0;
    world->filter = name_the_highest;
    world->filter_state = &changed;
    prtc_sctp_message part = world_message(1, bytes, sizeof bytes);
    part.unordered = unordered;
    /* The first is read in part, of the second nothing comes, nor that the first is given up */
    for (int i = 0; i < 2; i++) {
      part.end = 0;
      PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &part), 0);
      world_run(world, i == 0 ? SECOND : 50 * MILLISECOND);
      world->loss = 100;
      PRTC_CHECK_INT(abandon(world, 1), 0);
      world_run(world, 50 * MILLISECOND);
    }
    world->loss = 0;
    part.end = 1;
    PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &part), 0);
    world_run(world, 20 * SECOND);
    PRTC_CHECK(changed > 0);
    PRTC_CHECK_INT(messages(world), 2);
    PRTC_CHECK(world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, 0)->over);
    PRTC_CHECK(messages(world) == 2 && world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, 1)->whole);
    world_free(world);
  }
}

/* What the other side was told of the window, and which packets do not pass. */
struct window {
  uint32_t told;
  bool no_forward, no_first;
};

static size_t watch_window(struct world *world, int to, uint8_t *packet, size_t size) {
  struct window *window = world->filter_state;
  enum { SACK = 3 };
  size_t sack = prtc_packet_find(packet, size, PRTC_SCTP_HEADER_SIZE, SACK);
  size_t data = prtc_packet_find(packet, size, PRTC_SCTP_HEADER_SIZE, PRTC_SCTP_I_DATA);
  if (to == 0 && sack != 0) window->told = load(packet + sack + 8, 4);
  if (to == 1 && window->no_forward && prtc_packet_has(packet, size, PRTC_SCTP_I_FORWARD_TSN)) return 0;
  bool is_first = data != 0 && load(packet + data + 8, 2) == 2 && load(packet + data + 12, 4) == 0; /* MID 0 of stream 2 */
  return to == 1 && window->no_first && is_first ? 0 : size;
}

/* What is read in part is counted once, also when it is given up: here beside a message that waits for the one before
 * it. */
static void a_message_that_is_read_is_not_counted_twice(void) {
  if (without_interleaving) return;
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.receive_window = 100000;
  struct world *world = world_connected(87, &config);
  struct window window = {.no_forward = true, .no_first = true};
  static uint8_t bytes[30000];
  world->filter = watch_window;
  world->filter_state = &window;
  world->sides[1].deaf = true;
  PRTC_CHECK_INT(send_part(world, 1, bytes, sizeof bytes, true, false), 0);
  world_run(world, SECOND);
  PRTC_CHECK_INT(abandon(world, 1), 0);
  (void)world_step(world, world->now);
  PRTC_CHECK_INT(send_part(world, 2, bytes, 1000, true, true), 0);
  PRTC_CHECK_INT(send_part(world, 2, bytes, sizeof bytes, true, true), 0);
  world_run(world, 10 * SECOND);
  uint32_t before = window.told;
  PRTC_CHECK(before < 40000);
  window.no_forward = false;
  world_run(world, 10 * SECOND);
  PRTC_CHECK(window.told <= before + 256); /* usrsctp's allowance for one that waits */
  window.no_first = false;
  world->sides[1].deaf = false;
  world_run(world, 20 * SECOND);
  PRTC_CHECK_INT(messages(world), 2); /* of the one that is given up nobody has read anything */
  PRTC_CHECK(window.told > 87000); /* a change of less than an eighth is not told */
  world_free(world);
}

static size_t lose_the_end(struct world *world, int to, uint8_t *packet, size_t size) {
  size_t data = prtc_packet_find(packet, size, PRTC_SCTP_HEADER_SIZE, PRTC_SCTP_I_DATA);
  bool is_rest = data != 0 && (packet[data + 1] & 2) == 0 && load(packet + data + 12, 4) == 0; /* of MID 0 */
  (void)world;
  return to == 1 && is_rest && load(packet + data + 16, 4) >= 2 ? 0 : size;
}

/* The association ends when a part of a message is read and the next one is here: the next one is not given in its place. */
static void nothing_comes_after_what_the_end_has_cut_off(void) {
  if (without_interleaving) return;
  for (int is_read = 0; is_read < 2; is_read++) {
    struct world *world = world_connected(89, NULL);
    static const uint8_t bytes[5000] = {1};
    world->filter = lose_the_end;
    PRTC_CHECK_INT(send_part(world, 1, bytes, sizeof bytes, true, true), 0);
    world_run(world, 50 * MILLISECOND);
    PRTC_CHECK_INT(send_part(world, 1, bytes, 1, true, true), 0);
    PRTC_CHECK_INT(send_part(world, 2, bytes, 2, true, true), 0);
    world->sides[1].deaf = !is_read;
    world_run(world, 50 * MILLISECOND);
    world->sides[1].deaf = true;
    PRTC_CHECK_INT(prtc_sctp_abort(world->sides[0].sctp, world->now), 0);
    world_run(world, SECOND);
    world->sides[1].deaf = false;
    world_run(world, SECOND);
    PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_CLOSED), 1);
    PRTC_CHECK_INT(messages(world), 2);
    for (size_t i = 0; i < messages(world); i++) {
      const struct told *told = world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, i);
      PRTC_CHECK(told->stream == 2 ? told->whole : told->over);
    }
    world_free(world);
  }
}

/* Without interleaving one that is larger than half the window is given in parts. */
static void large_unordered_messages_that_are_given_up_do_not_close_the_window(void) {
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.receive_window = 100000;
  struct world *world = world_connected(88, &config);
  static uint8_t bytes[70000];
  for (uint32_t i = 0; i < 20; i++) {
    prtc_sctp_message part = world_message(1, bytes, sizeof bytes);
    part.unordered = 1;
    part.end = 0;
    world->loss = i % 3 * 5;
    PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &part), 0);
    world_run(world, (50 + i % 7 * 40) * MILLISECOND);
    PRTC_CHECK_INT(abandon(world, 1), 0);
    part.end = 1;
    part.size = 3000;
    PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &part), 0);
    world_run(world, 10 * SECOND);
    PRTC_CHECK_INT(prtc_sctp_buffered(world->sides[0].sctp), 0);
  }
  size_t whole = 0;
  for (size_t i = 0; i < messages(world); i++) {
    const struct told *told = world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, i);
    PRTC_CHECK(told->whole ? told->size == 3000 : told->over);
    whole += told->whole;
  }
  PRTC_CHECK_INT(whole, 20);
  world_free(world);
}

/* More at once than the way takes, from both sides, in several rounds. */
static void a_narrow_way_stops_nothing_for_good(void) {
  static uint8_t bytes[100000];
  for (uint32_t i = 0; i < 60; i++) {
    struct world *world = world_connected((uint8_t)i, NULL);
    world->rate = 100000 + i % 10 * 200000;
    world->delay = (1 + i % 3 * 20) * MILLISECOND;
    world->queue = (20 + i % 7 * 20) * MILLISECOND;
    world->loss = i % 4;
    for (uint32_t round = 0; round < 4; round++) {
      for (uint32_t k = 0; k < 6; k++) {
        prtc_sctp_message whole = world_message(k % 2, bytes, k % 3 == 0 ? 1000 : sizeof bytes);
        for (int side = 0; side < 2; side++) {
          int code = prtc_sctp_send(world->sides[side].sctp, world->now, &whole);
          PRTC_CHECK(code == 0 || code == PRTC_ERROR_AGAIN);
        }
      }
      world_run(world, (300 + round * 500) * MILLISECOND);
    }
    world_run(world, 60 * SECOND);
    for (int side = 0; side < 2; side++) PRTC_CHECK_INT(prtc_sctp_buffered(world->sides[side].sctp), 0);
    world_free(world);
  }
}

/* Messages of limited life time in every place: in flight, with a number but not sent, behind others, in part, unfinished.
 * Nothing passes until their time is over; then what is reliable arrives, and of the others none. */
static void what_is_over_is_not_sent(void) {
  static uint8_t bytes[20000];
  static const size_t sizes[] = {1, 1000, 20000};
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.send_buffer = 256 * 1024;
  for (uint32_t in_flight = 0; in_flight < 3; in_flight++) {
    for (uint32_t life_time = 0; life_time < 2000; life_time = life_time * 3 + 50) {
      for (uint32_t unordered = 0; unordered < 2; unordered++) {
        struct world *world = world_connected((uint8_t)(life_time + in_flight), &config);
        world->loss = 100;
        /* what fills the congestion window, or leaves room in it, or is not there */
        for (uint32_t i = 0; i < in_flight * 6; i++) PRTC_CHECK_INT(send_part(world, 9, bytes, 1000, true, true), 0);
        (void)world_step(world, world->now + 10 * MILLISECOND);
        for (uint32_t i = 0; i < 30; i++) {
          prtc_sctp_message mortal = world_message(without_interleaving ? 0 : i % 5, bytes, sizes[i % 3]);
          mortal.unordered = unordered;
          mortal.reliability = PRTC_LIMITED_LIFE_TIME;
          mortal.reliability_value = life_time;
          PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &mortal), 0);
          if (i == 25) PRTC_CHECK_INT(send_part(world, 9, bytes, 1000, true, true), 0);
          (void)world_step(world, world->now + MILLISECOND);
        }
        prtc_sctp_message unfinished = world_message(6, bytes, 5000);
        unfinished.end = 0;
        unfinished.reliability = PRTC_LIMITED_LIFE_TIME;
        unfinished.reliability_value = life_time;
        PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &unfinished), 0);
        world_run(world, (life_time + 100) * MILLISECOND);
        world->loss = 0;
        unfinished.begin = 0;
        unfinished.end = 1;
        PRTC_CHECK_INT(prtc_sctp_send(world->sides[0].sctp, world->now, &unfinished), 0);
        PRTC_CHECK_INT(send_part(world, 6, bytes, 77, true, true), 0);
        for (uint32_t i = 0; i < 7; i++) PRTC_CHECK_INT(prtc_sctp_reset_stream(world->sides[0].sctp, world->now, i), 0);
        world_run(world, 30 * SECOND);
        PRTC_CHECK_INT(messages(world), in_flight * 6 + 2);
        for (size_t i = 0; i < messages(world); i++) {
          size_t size = world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, i)->size;
          PRTC_CHECK(size == 77 || world_told(world, 1, PRTC_SCTP_EVENT_MESSAGE, i)->stream == 9);
        }
        PRTC_CHECK_INT(world_count(world, 1, PRTC_SCTP_EVENT_INCOMING_RESET), 7);
        PRTC_CHECK_INT(prtc_sctp_buffered(world->sides[0].sctp), 0);
        world_free(world);
      }
    }
  }
}

static void a_pause_closes_the_window(void) {
  struct world *world = world_connected(83, NULL);
  uint8_t bytes[1000] = {1};
  prtc_sctp_pause(world->sides[1].sctp, 1);
  size_t sent = 0;
  while (sent < 5000 && send_part(world, sent % 2, bytes, sizeof bytes, true, true) == 0) {
    sent++;
    world_run(world, 5 * MILLISECOND);
  }
  PRTC_CHECK(sent < 2500); /* the window and what waits to be sent */
  PRTC_CHECK_INT(messages(world), 0);
  prtc_sctp_pause(world->sides[1].sctp, 0);
  world_run(world, 10 * SECOND);
  PRTC_CHECK_INT(messages(world), sent);
  world_free(world);
}

/* As much as goes through a window thousands of times: whatever is counted wrongly shows. */
static void a_message_may_be_very_large(void) {
  static uint8_t bytes[64000];
  struct world *world = world_connected(84, NULL);
  const size_t parts = 3000;
  uint64_t received = 0;
  world->sides[1].deaf = true;
  world->delay = MILLISECOND;
  for (size_t i = 0, idle = 0; i < parts || prtc_sctp_buffered(world->sides[0].sctp) > 0;) {
    prtc_sctp_event event;
    bool taken = i < parts && send_part(world, 0, bytes, sizeof bytes, i == 0, i == parts - 1) == 0;
    i += taken;
    idle = taken ? 0 : idle + 1;
    PRTC_REQUIRE(idle < 1000);
    world_step(world, world->now + 10 * MILLISECOND);
    while (prtc_sctp_event_next(world->sides[1].sctp, &event) > 0) received += event.message.size;
  }
  PRTC_CHECK_INT(received, parts * sizeof bytes);
  world_free(world);
}

/* ------------------------------------------------------------------------------------------------------------ the model */

enum { STREAMS = 6, MESSAGES_A_STREAM = 200 };

/* How a stream's messages are sent, and what has become of each. */
struct flow {
  uint32_t reliability, value, unordered;
  uint32_t count;
  size_t sizes[MESSAGES_A_STREAM];
  bool given_up[MESSAGES_A_STREAM], arrived[MESSAGES_A_STREAM];
  bool begun; /* the last one has no end yet */
};

static void fill(uint8_t *bytes, uint32_t stream, uint32_t number, size_t from, size_t size) {
  for (size_t i = 0; i < size; i++) {
    size_t at = from + i;
    bytes[i] = at == 0 ? (uint8_t)number : (uint8_t)(at * 7 + (at >> 8) * 3 + stream * 31 + number * 11);
  }
}

static void act(struct world *world, struct flow *flow, uint32_t stream) {
  static uint8_t bytes[20000];
  uint32_t choice = prtc_random_below(&world->random, 100);
  if (flow->begun && choice < 15) {
    if (abandon(world, stream) == 0) {
      flow->given_up[flow->count - 1] = true;
      flow->begun = false;
    }
    return;
  }
  if (!flow->begun && flow->count == MESSAGES_A_STREAM) return;
  uint32_t number = flow->begun ? flow->count - 1 : flow->count;
  size_t done = flow->begun ? flow->sizes[number] : 0;
  size_t size = 1 + prtc_random_below(&world->random, choice < 50 ? 500 : sizeof bytes);
  fill(bytes, stream, number, done, size);
  prtc_sctp_message part = world_message(stream, bytes, size);
  part.begin = !flow->begun;
  part.end = choice % 2;
  part.unordered = flow->unordered;
  part.reliability = flow->reliability;
  part.reliability_value = flow->value;
  int code = prtc_sctp_send(world->sides[0].sctp, world->now, &part);
  if (code == PRTC_ERROR_AGAIN) return;
  if (code == PRTC_ERROR_INVALID_STATE && without_interleaving) return; /* another stream's message has to end */
  PRTC_REQUIRE(code == 0);
  if (!flow->begun) flow->count++;
  flow->sizes[number] = done + size;
  flow->begun = !part.end;
}

/* Nothing that was not sent, nothing twice, nothing in the wrong order, nothing that was given up, and nothing missing that
 * was promised. */
static void check(struct world *world, struct flow *flows, unsigned seed) {
  static uint8_t bytes[1 << 20];
  uint32_t next[STREAMS] = {0};
  for (size_t i = 0; i < world->sides[1].told_count; i++) {
    const struct told *told = &world->sides[1].told[i];
    if (told->type != PRTC_SCTP_EVENT_MESSAGE || !told->whole) continue;
    struct flow *flow = &flows[told->stream];
    uint32_t number = told->data[0];
    bool known = number < flow->count && told->size == flow->sizes[number] && told->size <= sizeof bytes;
    if (known) fill(bytes, told->stream, number, 0, told->size);
    known = known && memcmp(bytes, told->data, told->size) == 0;
    bool right = known && !flow->given_up[number] && !flow->arrived[number] && told->unordered == flow->unordered &&
                 (flow->unordered || number >= next[told->stream]);
    if (!right) {
      fprintf(stderr, "seed %u stream %u number %u: known %d given up %d arrived %d, next %u\n", seed, told->stream, number,
              known, known && flow->given_up[number], known && flow->arrived[number], next[told->stream]);
    }
    PRTC_REQUIRE(right);
    flow->arrived[number] = true;
    next[told->stream] = number + 1;
  }
  for (uint32_t stream = 0; stream < STREAMS; stream++) {
    for (uint32_t number = 0; number < flows[stream].count; number++) {
      bool due = flows[stream].reliability == PRTC_RELIABLE && !flows[stream].given_up[number];
      if (due && !flows[stream].arrived[number]) {
        fprintf(stderr, "seed %u stream %u (unordered %u) number %u of %u is missing\n", seed, stream,
                flows[stream].unordered, number, flows[stream].count);
      }
      PRTC_REQUIRE(!due || flows[stream].arrived[number]);
    }
  }
}

static void run_model(unsigned seed) {
  struct world *world = world_connected((uint8_t)seed, NULL);
  struct flow *flows = calloc(STREAMS, sizeof *flows);
  uint8_t random_seed[32] = {(uint8_t)seed, (uint8_t)(seed >> 8), 'm'};
  PRTC_REQUIRE(flows != NULL);
  prtc_random_init(&world->random, random_seed);
  world->loss = prtc_random_below(&world->random, 3) * 8;
  world->duplication = prtc_random_below(&world->random, 2) * 10;
  world->reordering = prtc_random_below(&world->random, 3) * 15;
  if (seed % 3 == 1) { /* a narrow way, in which what comes at once is lost */
    world->loss = 0;
    world->rate = 50000 + prtc_random_below(&world->random, 450000);
    world->queue = 30 * MILLISECOND;
  }
  for (uint32_t i = 0; i < STREAMS; i++) {
    flows[i].reliability = prtc_random_below(&world->random, 3);
    flows[i].value = prtc_random_below(&world->random, 3) * (flows[i].reliability == PRTC_LIMITED_LIFE_TIME ? 100 : 1);
    flows[i].unordered = prtc_random_below(&world->random, 2);
  }
  for (int steps = 0; steps < 150; steps++) {
    uint32_t acts = 1 + prtc_random_below(&world->random, 4);
    for (uint32_t i = 0; i < acts; i++) {
      uint32_t stream = prtc_random_below(&world->random, STREAMS);
      act(world, &flows[stream], stream);
    }
    world_run(world, prtc_random_below(&world->random, 80) * MILLISECOND);
  }
  for (uint32_t i = 0; i < STREAMS; i++) {
    if (!flows[i].begun) continue;
    PRTC_CHECK_INT(abandon(world, i), 0);
    flows[i].given_up[flows[i].count - 1] = true;
  }
  /* All arrives at last, and every stream can be reset: nothing is stuck. */
  world->loss = world->duplication = world->reordering = world->rate = 0;
  world_run(world, 60 * SECOND);
  for (uint32_t i = 0; i < STREAMS; i++) PRTC_CHECK_INT(prtc_sctp_reset_stream(world->sides[0].sctp, world->now, i), 0);
  world_run(world, 10 * SECOND);
  if (world_count(world, 1, PRTC_SCTP_EVENT_CLOSED) > 0) {
    fprintf(stderr, "seed %u: %s\n", seed, world_told(world, 1, PRTC_SCTP_EVENT_CLOSED, 0)->text);
  }
  PRTC_REQUIRE(world_count(world, 0, PRTC_SCTP_EVENT_CLOSED) + world_count(world, 1, PRTC_SCTP_EVENT_CLOSED) == 0);
  if (world_count(world, 1, PRTC_SCTP_EVENT_INCOMING_RESET) != STREAMS) {
    fprintf(stderr, "seed %u: a stream is stuck\n", seed);
  }
  PRTC_REQUIRE(world_count(world, 1, PRTC_SCTP_EVENT_INCOMING_RESET) == STREAMS);
  PRTC_CHECK_INT(prtc_sctp_buffered(world->sides[0].sctp), 0);
  check(world, flows, seed);
  free(flows);
  world_free(world);
}

static unsigned first_seed, last_seed = 40;

static void every_reliability_keeps_its_promise(void) {
  for (unsigned seed = first_seed; seed < last_seed; seed++) run_model(seed);
}

/* A seed that never came back from sending: all waited, the first that did was no longer among those that have a turn. */
static void sending_ends_when_every_stream_waits(void) { run_model(2759); }

/* A seed that lost an unordered message: it was complete and waited for another of its stream, which was given up. */
static void a_complete_message_outlives_one_that_is_given_up(void) { run_model(1932); }

static void run_all(void) {
  PRTC_RUN(both_sides_know_whether_they_interleave);
  PRTC_RUN(a_message_that_waits_does_not_stop_others);
  PRTC_RUN(unfinished_messages_do_not_fill_the_window);
  PRTC_RUN(unordered_messages_do_not_close_the_window);
  PRTC_RUN(unordered_messages_that_are_given_up_do_not_close_the_window);
  PRTC_RUN(what_was_begun_can_be_given_up);
  PRTC_RUN(a_message_that_is_read_ends_though_a_later_one_is_named);
  PRTC_RUN(a_message_that_is_read_is_not_counted_twice);
  PRTC_RUN(large_unordered_messages_that_are_given_up_do_not_close_the_window);
  PRTC_RUN(nothing_comes_after_what_the_end_has_cut_off);
  PRTC_RUN(a_narrow_way_stops_nothing_for_good);
  PRTC_RUN(what_is_over_is_not_sent);
  PRTC_RUN(a_pause_closes_the_window);
  PRTC_RUN(a_message_may_be_very_large);
  PRTC_RUN(every_reliability_keeps_its_promise);
  PRTC_RUN(a_complete_message_outlives_one_that_is_given_up);
  PRTC_RUN(sending_ends_when_every_stream_waits);
}

/* With two arguments: the model alone, on the seeds from the first to before the second; with a third, without
 * interleaving. */
int main(int count, char **arguments) {
  if (count > 2) {
    first_seed = (unsigned)atoi(arguments[1]);
    last_seed = (unsigned)atoi(arguments[2]);
    without_interleaving = count > 3;
    PRTC_RUN(every_reliability_keeps_its_promise);
    return PRTC_TEST_RESULT();
  }
  run_all();
  without_interleaving = 1;
  run_all();
  return PRTC_TEST_RESULT();
}
