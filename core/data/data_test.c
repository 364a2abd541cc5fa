/* Channels over real associations and a simulated network.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/data/pair_test.h"
#include "core/sctp/crc32c.h"

static struct pair *connected(uint8_t seed) {
  struct pair *pair = pair_new(seed, NULL, NULL);
  pair_connect(pair);
  return pair;
}

/* The id that the other end has for a channel. */
static prtc_channel_id partner(struct pair *pair, int which, prtc_channel_id id) {
  uint32_t stream = pair_info(pair, which, id).stream_id;
  for (size_t i = 0; i < pair->ends[1 - which].count; i++) {
    prtc_channel_id candidate = pair->ends[1 - which].happened[i].channel;
    prtc_channel_info info;
    PRTC_INIT(&info);
    if (prtc_data_channel_info(pair->ends[1 - which].data, candidate, &info) == 0 && info.stream_id == stream) {
      return candidate;
    }
  }
  PRTC_REQUIRE(false);
  return 0;
}

static bool got(const struct pair *pair, int which, size_t n, uint32_t kind, const void *bytes, size_t size) {
  const struct happening *message = pair_find(pair, which, PRTC_DATA_EVENT_MESSAGE, n);
  return message != NULL && message->kind == kind && message->size == size && memcmp(message->bytes, bytes, size) == 0;
}

static uint8_t *pattern(uint32_t number, size_t size) {
  uint8_t *bytes = malloc(size + 1);
  PRTC_REQUIRE(bytes != NULL);
  for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(i * 5 + (i >> 8) * 11 + number * 17);
  return bytes;
}

/* -------------------------------------------------------------------------------------------------------------- opening */

static void opens_by_dcep_and_talks(void) {
  struct pair *pair = pair_new(1, NULL, NULL);
  prtc_channel_id here = pair_create(pair, 0, "chat", 0);
  PRTC_CHECK_INT(pair_info(pair, 0, here).stream_id, PRTC_STREAM_NONE);
  PRTC_CHECK_INT(pair_text(pair, 0, here, "too early"), PRTC_ERROR_INVALID_STATE);
  pair_connect(pair);
  PRTC_CHECK_TEXT(pair_story(pair, 0), "O");
  PRTC_CHECK_TEXT(pair_story(pair, 1), "CO");
  prtc_channel_id there = partner(pair, 0, here);
  PRTC_CHECK_TEXT(pair_info(pair, 1, there).label, "chat");
  PRTC_CHECK_INT(pair_info(pair, 1, there).stream_id, 0);
  PRTC_CHECK_INT(pair_text(pair, 0, here, "hello"), 0);
  PRTC_CHECK_INT(pair_text(pair, 1, there, ""), 0);
  PRTC_CHECK_INT(pair_binary(pair, 1, there, NULL, 0), 0);
  PRTC_CHECK_INT(pair_binary(pair, 1, there, (const uint8_t *)"\0\1", 2), 0);
  pair_run(pair, SECOND);
  PRTC_CHECK_TEXT(pair_story(pair, 0), "OLMMM");
  PRTC_CHECK_TEXT(pair_story(pair, 1), "COLM");
  PRTC_CHECK(got(pair, 1, 0, PRTC_MESSAGE_TEXT, "hello", 5));
  PRTC_CHECK(got(pair, 0, 0, PRTC_MESSAGE_TEXT, "", 0));
  PRTC_CHECK(got(pair, 0, 1, PRTC_MESSAGE_BINARY, "", 0));
  PRTC_CHECK(got(pair, 0, 2, PRTC_MESSAGE_BINARY, "\0\1", 2));
  prtc_channel_info info = pair_info(pair, 1, there);
  PRTC_CHECK_INT(info.messages_sent, 3);
  PRTC_CHECK_INT(info.bytes_sent, 2);
  PRTC_CHECK_INT(info.messages_received, 1);
  PRTC_CHECK_INT(info.bytes_received, 5);
  pair_free(pair);
}

static void every_kind_of_channel_is_announced_as_it_is(void) {
  struct pair *pair = connected(2);
  for (uint32_t kind = 0; kind < 6; kind++) {
    prtc_channel_config config;
    prtc_channel_id here;
    prtc_channel_config_init(&config);
    config.label = "\xc3\xa4 label";
    config.label_size = 8;
    config.protocol = "proto";
    config.protocol_size = 5;
    config.unordered = kind & 1;
    config.has_max_retransmits = kind / 2 == 1;
    config.max_retransmits = 7;
    config.has_max_packet_life_time = kind / 2 == 2;
    config.max_packet_life_time = 1234;
    config.priority = PRTC_PRIORITY_HIGH;
    PRTC_CHECK_INT(prtc_data_create_channel(pair->ends[0].data, &config, &here), 0);
    pair_run(pair, SECOND);
    prtc_channel_info info = pair_info(pair, 1, partner(pair, 0, here));
    PRTC_CHECK_TEXT(info.label, "\xc3\xa4 label");
    PRTC_CHECK_TEXT(info.protocol, "proto");
    PRTC_CHECK_INT(info.unordered, config.unordered);
    PRTC_CHECK_INT(info.has_max_retransmits, config.has_max_retransmits);
    PRTC_CHECK_INT(info.max_retransmits, config.has_max_retransmits ? 7 : 0);
    PRTC_CHECK_INT(info.has_max_packet_life_time, config.has_max_packet_life_time);
    PRTC_CHECK_INT(info.max_packet_life_time, config.has_max_packet_life_time ? 1234 : 0);
    PRTC_CHECK_INT(info.priority, PRTC_PRIORITY_HIGH);
    PRTC_CHECK_INT(info.negotiated, 0);
    PRTC_CHECK_INT(info.state, PRTC_CHANNEL_OPEN);
  }
  pair_free(pair);
}

static void wrong_configurations_are_refused_with_a_sentence(void) {
  struct pair *pair = connected(3);
  prtc_data *data = pair->ends[0].data;
  prtc_channel_id id;
  static char longer[65536];
  memset(longer, 'a', sizeof longer);
  for (int wrong = 0; wrong < 9; wrong++) {
    prtc_channel_config config;
    prtc_channel_config_init(&config);
    config.label = longer;
    config.label_size = 65535;
    int expected = PRTC_ERROR_INVALID_ARGUMENT;
    if (wrong == 0) config.label_size = 65536;
    if (wrong == 1) config.has_max_retransmits = config.has_max_packet_life_time = 1;
    if (wrong == 2) config.negotiated = 1;
    if (wrong == 3) config.negotiated = 1, config.stream_id = 65535;
    if (wrong == 4) config.has_max_retransmits = 1, config.max_retransmits = 65536;
    if (wrong == 5) config.label = "\xff", config.label_size = 1;
    if (wrong == 6) config.protocol_size = 1;
    if (wrong == 7) config.negotiated = 1, config.stream_id = 1024, expected = PRTC_ERROR_OUT_OF_IDS;
    if (wrong == 8) expected = 0;
    PRTC_CHECK_INT(prtc_data_create_channel(data, &config, &id), expected);
    PRTC_CHECK((prtc_data_error_message(data)[0] != 0) == (expected != 0));
  }
  PRTC_CHECK_INT(pair_text(pair, 0, 12345, "x"), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(pair_text(pair, 0, id, "\xff"), PRTC_ERROR_SYNTAX);
  prtc_data_set_remote_max_message_size(data, 3);
  PRTC_CHECK_INT(pair_text(pair, 0, id, "four"), PRTC_ERROR_MESSAGE_TOO_LARGE);
  PRTC_CHECK_INT(pair_text(pair, 0, id, "ok!"), 0);
  pair_free(pair);
}

static void negotiated_channels_need_no_messages(void) {
  struct pair *pair = pair_new(4, NULL, NULL);
  prtc_channel_id early[2] = {pair_negotiate(pair, 0, 1000), pair_negotiate(pair, 1, 1000)};
  pair_connect(pair);
  prtc_channel_id late[2] = {pair_negotiate(pair, 0, 1), pair_negotiate(pair, 1, 1)};
  PRTC_CHECK_INT(pair_text(pair, 0, early[0], "on 1000"), 0);
  PRTC_CHECK_INT(pair_text(pair, 1, late[1], "on 1"), 0);
  pair_run(pair, SECOND);
  PRTC_CHECK(got(pair, 1, 0, PRTC_MESSAGE_TEXT, "on 1000", 7));
  PRTC_CHECK(got(pair, 0, 0, PRTC_MESSAGE_TEXT, "on 1", 4));
  PRTC_CHECK_INT(pair_count(pair, 0, PRTC_DATA_EVENT_CHANNEL), 0);
  /* The stream is taken on both sides: those chosen by parity pass over it. */
  prtc_channel_id next = pair_create(pair, 1, "", 0);
  PRTC_CHECK_INT(pair_info(pair, 1, next).stream_id, 3);
  pair_free(pair);
}

static void parity_follows_the_dtls_role(void) {
  struct pair *pair = pair_new(5, NULL, NULL);
  prtc_channel_id before[2] = {pair_create(pair, 0, "", 0), pair_create(pair, 1, "", 0)};
  pair_connect(pair);
  for (int i = 0; i < 2; i++) {
    PRTC_CHECK_INT(pair_info(pair, i, before[i]).stream_id, i);
    for (uint32_t k = 1; k < 5; k++) {
      PRTC_CHECK_INT(pair_info(pair, i, pair_create(pair, i, "", 0)).stream_id, (uint32_t)i + 2 * k);
    }
  }
  pair_run(pair, SECOND);
  for (int i = 0; i < 2; i++) {
    PRTC_CHECK_INT(pair_count(pair, i, PRTC_DATA_EVENT_CHANNEL), 5);
    PRTC_CHECK_INT(pair_count(pair, i, PRTC_DATA_EVENT_OPEN), 10);
  }
  pair_free(pair);
}

/* RFC 8832 section 6: nothing overtakes the OPEN, although the channel is unordered and messages follow at once. */
static void messages_may_follow_the_open_at_once(void) {
  for (uint8_t seed = 6; seed < 16; seed++) {
    struct pair *pair = connected(seed);
    pair->world->loss = 20;
    pair->world->reordering = 50;
    prtc_channel_id here = pair_create(pair, 0, "fast", 1);
    char text[2] = "a";
    for (; text[0] < 'k'; text[0]++) PRTC_CHECK_INT(pair_text(pair, 0, here, text), 0);
    pair_run(pair, 60 * SECOND);
    PRTC_CHECK_INT(pair_count(pair, 1, PRTC_DATA_EVENT_MESSAGE), 10);
    for (size_t i = 0; i < 10; i++) {
      text[0] = (char)('a' + i);
      PRTC_CHECK(got(pair, 1, i, PRTC_MESSAGE_TEXT, text, 1));
    }
    /* From now on it is unordered: with loss and reordering, some message overtakes another. */
    pair_forget(pair);
    for (int i = 0; i < 100; i++) {
      text[0] = (char)(' ' + i % 90);
      PRTC_CHECK_INT(pair_text(pair, 0, here, text), 0);
      pair_run(pair, 2 * MILLISECOND);
    }
    pair_run(pair, 60 * SECOND);
    PRTC_CHECK_INT(pair_count(pair, 1, PRTC_DATA_EVENT_MESSAGE), 100);
    bool overtaken = false;
    for (size_t i = 0; i < 90; i++) {
      text[0] = (char)(' ' + i);
      overtaken |= !got(pair, 1, i, PRTC_MESSAGE_TEXT, text, 1);
    }
    PRTC_CHECK(overtaken);
    pair_free(pair);
  }
}

/* -------------------------------------------------------------------------------------------------------------- sending */

static void large_messages_pass_and_buffered_amount_falls(void) {
  struct pair *pair = connected(20);
  prtc_channel_id here = pair_create(pair, 0, "", 0);
  size_t size = 256 * 1024;
  uint8_t *bytes = pattern(1, size);
  PRTC_CHECK_INT(prtc_data_set_buffered_amount_low_threshold(pair->ends[0].data, here, 100000), 0);
  for (int i = 0; i < 3; i++) PRTC_CHECK_INT(pair_binary(pair, 0, here, bytes, size), 0);
  PRTC_CHECK_INT(pair_info(pair, 0, here).buffered_amount, 3 * size);
  pair_run(pair, 10 * MILLISECOND);
  uint64_t amount = pair_info(pair, 0, here).buffered_amount;
  PRTC_CHECK(amount > 0 && amount < 3 * size);
  pair_run(pair, 60 * SECOND);
  PRTC_CHECK_INT(pair_info(pair, 0, here).buffered_amount, 0);
  PRTC_CHECK_INT(pair_count(pair, 0, PRTC_DATA_EVENT_BUFFERED_AMOUNT_LOW), 1);
  for (size_t i = 0; i < 3; i++) PRTC_CHECK(got(pair, 1, i, PRTC_MESSAGE_BINARY, bytes, size));
  free(bytes);
  pair_free(pair);
}

/* Parts may go beyond the bound by what was given at once; whole messages then find no room. */
static void parts_beyond_the_bound_leave_no_room(void) {
  prtc_data_config config;
  PRTC_INIT(&config);
  config.send_queue_size = 100000;
  struct pair *pair = pair_new(22, NULL, &config);
  pair_connect(pair);
  prtc_channel_id first = pair_create(pair, 0, "", 0), second = pair_create(pair, 0, "", 0);
  static const uint8_t bytes[150000];
  prtc_data *data = pair->ends[0].data;
  PRTC_CHECK_INT(prtc_data_send_part(data, 0, first, PRTC_MESSAGE_BINARY, bytes, sizeof bytes, PRTC_MESSAGE_END), 0);
  PRTC_CHECK_INT(prtc_data_send(data, 0, second, PRTC_MESSAGE_BINARY, bytes, 1), PRTC_ERROR_QUEUE_FULL);
  PRTC_CHECK_INT(prtc_data_send(data, 0, second, PRTC_MESSAGE_BINARY, bytes, 100000), PRTC_ERROR_QUEUE_FULL);
  pair_free(pair);
}

/* … nor do parts on another channel, until it is told that half of the queue is free: what was in the way has been sent, or
 * its channel is gone. */
static void a_full_queue_refuses_parts_of_any_channel(void) {
  for (int is_closed = 0; is_closed < 2; is_closed++) {
    prtc_data_config config;
    PRTC_INIT(&config);
    config.send_queue_size = 100000;
    struct pair *pair = pair_new(23, NULL, &config);
    pair_connect(pair);
    prtc_channel_id first = pair_create(pair, 0, "", 0), second = pair_create(pair, 0, "", 0);
    static const uint8_t bytes[150000];
    prtc_data *data = pair->ends[0].data;
    PRTC_CHECK_INT(prtc_data_send_part(data, 0, second, PRTC_MESSAGE_BINARY, bytes, 1, 0), 0);
    PRTC_CHECK_INT(prtc_data_send_part(data, 0, first, PRTC_MESSAGE_BINARY, bytes, sizeof bytes, 0), 0);
    PRTC_CHECK_INT(prtc_data_send_part(data, 0, second, PRTC_MESSAGE_BINARY, bytes, 1000, 0), PRTC_ERROR_AGAIN);
    if (is_closed) PRTC_CHECK_INT(prtc_data_close_channel(data, first), 0);
    pair_run(pair, is_closed ? MILLISECOND : 5 * SECOND);
    PRTC_CHECK(pair_count(pair, 0, PRTC_DATA_EVENT_BUFFERED_AMOUNT_LOW) > 0);
    size_t told = 0;
    for (size_t i = 0; i < pair->ends[0].count; i++) {
      const struct happening *happening = &pair->ends[0].happened[i];
      told += happening->type == PRTC_DATA_EVENT_BUFFERED_AMOUNT_LOW && happening->channel == second;
    }
    PRTC_CHECK_INT(told, 1);
    PRTC_CHECK_INT(prtc_data_send_part(data, 0, second, PRTC_MESSAGE_BINARY, bytes, 1000, PRTC_MESSAGE_END), 0);
    pair_free(pair);
  }
}

static void the_queue_has_a_bound_and_the_channel_lives(void) {
  prtc_data_config config;
  PRTC_INIT(&config);
  config.send_queue_size = 100000;
  struct pair *pair = pair_new(21, NULL, &config);
  pair_connect(pair);
  prtc_channel_id first = pair_create(pair, 0, "", 0), second = pair_create(pair, 0, "", 0);
  static const uint8_t bytes[60000];
  PRTC_CHECK_INT(pair_binary(pair, 0, first, bytes, 60000), 0);
  PRTC_CHECK_INT(pair_binary(pair, 0, second, bytes, 40001), PRTC_ERROR_QUEUE_FULL);
  PRTC_CHECK_INT(pair_binary(pair, 0, second, bytes, 40000), 0);
  PRTC_CHECK_INT(pair_binary(pair, 0, second, bytes, 1), PRTC_ERROR_QUEUE_FULL);
  pair_run(pair, 10 * SECOND);
  PRTC_CHECK_INT(pair_count(pair, 1, PRTC_DATA_EVENT_MESSAGE), 2);
  /* Empty messages have no bytes, but are not without number. */
  int taken = 0;
  while (pair_text(pair, 0, first, "") == 0) taken++;
  PRTC_CHECK_INT(taken, 100000 / 16);
  pair_run(pair, 60 * SECOND);
  PRTC_CHECK_INT(pair_text(pair, 0, first, "x"), 0);
  pair_free(pair);
}

static void channels_take_turns(void) {
  struct pair *pair = connected(22);
  prtc_channel_id greedy = pair_create(pair, 0, "greedy", 0), modest = pair_create(pair, 0, "modest", 0);
  pair_run(pair, SECOND);
  static const uint8_t bytes[10000];
  for (int i = 0; i < 300; i++) {
    PRTC_CHECK_INT(pair_binary(pair, 0, greedy, bytes, sizeof bytes), 0);
  }
  PRTC_CHECK_INT(pair_text(pair, 0, modest, "let me through"), 0);
  pair_run(pair, 60 * SECOND);
  size_t place = 0;
  while (place < 300 && !got(pair, 1, place, PRTC_MESSAGE_TEXT, "let me through", 14)) place++;
  PRTC_CHECK(place < 10);
  PRTC_CHECK_INT(pair_count(pair, 1, PRTC_DATA_EVENT_MESSAGE), 301);
  pair_free(pair);
}

static void priority_earns_longer_turns(void) {
  struct pair *pair = connected(23);
  prtc_channel_config config;
  prtc_channel_id ids[2];
  static const uint8_t bytes[4000];
  size_t high = 0;
  for (int i = 0; i < 2; i++) {
    prtc_channel_config_init(&config);
    config.priority = i == 0 ? PRTC_PRIORITY_LOW : PRTC_PRIORITY_HIGH;
    PRTC_CHECK_INT(prtc_data_create_channel(pair->ends[0].data, &config, &ids[i]), 0);
  }
  pair_run(pair, SECOND);
  for (int i = 0; i < 400; i++) {
    PRTC_CHECK_INT(pair_binary(pair, 0, ids[i % 2], bytes, sizeof bytes), 0);
  }
  prtc_channel_id there = partner(pair, 0, ids[1]);
  pair_run(pair, 60 * SECOND);
  for (size_t i = 0; i < 200; i++) high += pair_find(pair, 1, PRTC_DATA_EVENT_MESSAGE, i)->channel == there;
  PRTC_CHECK(high > 140 && high < 180); /* four parts of five */
  pair_free(pair);
}

static void unread_messages_stop_the_sender(void) {
  prtc_data_config config;
  PRTC_INIT(&config);
  config.send_queue_size = 3000000;
  struct pair *pair = pair_new(24, NULL, &config);
  pair_connect(pair);
  prtc_channel_id here = pair_create(pair, 0, "", 0);
  static const uint8_t bytes[10000];
  size_t sent = 0;
  pair_run(pair, SECOND);
  pair->ends[1].deaf = true;
  for (int i = 0; i < 100; i++) {
    while (pair_binary(pair, 0, here, bytes, sizeof bytes) == 0) sent++;
    pair_run(pair, SECOND);
  }
  PRTC_CHECK(sent >= 300 + 90 && sent < 300 + 160); /* what we queue, SCTP queues, and the window holds */
  PRTC_CHECK(pair_info(pair, 0, here).buffered_amount > 2900000);
  pair->ends[1].deaf = false;
  pair_run(pair, 60 * SECOND);
  PRTC_CHECK_INT(pair_count(pair, 1, PRTC_DATA_EVENT_MESSAGE), sent);
  pair_free(pair);
}

/* -------------------------------------------------------------------------------------------------------------- closing */

static void closing_sends_what_is_queued_first(void) {
  for (uint8_t seed = 30; seed < 36; seed++) {
    struct pair *pair = connected(seed);
    prtc_channel_id here = pair_create(pair, 0, "", 0);
    static const uint8_t bytes[50000];
    pair_run(pair, SECOND);
    pair_forget(pair);
    pair->world->loss = 5;
    pair->world->reordering = 20;
    for (int i = 0; i < 20; i++) {
      PRTC_CHECK_INT(pair_binary(pair, 0, here, bytes, sizeof bytes), 0);
    }
    PRTC_CHECK_INT(prtc_data_close_channel(pair->ends[0].data, here), 0);
    PRTC_CHECK_INT(pair_info(pair, 0, here).state, PRTC_CHANNEL_CLOSING);
    PRTC_CHECK_INT(pair_text(pair, 0, here, "x"), PRTC_ERROR_INVALID_STATE);
    PRTC_CHECK_INT(prtc_data_close_channel(pair->ends[0].data, here), 0); /* twice is harmless */
    pair_run(pair, 100 * SECOND);
    PRTC_CHECK_TEXT(pair_story(pair, 0), "X");
    PRTC_CHECK_TEXT(pair_story(pair, 1), "MMMMMMMMMMMMMMMMMMMMcX");
    pair_free(pair);
  }
}

static void both_may_close_at_once(void) {
  struct pair *pair = connected(37);
  prtc_channel_id here = pair_create(pair, 0, "", 0);
  pair_run(pair, SECOND);
  prtc_channel_id there = partner(pair, 0, here);
  pair_forget(pair);
  PRTC_CHECK_INT(prtc_data_close_channel(pair->ends[0].data, here), 0);
  PRTC_CHECK_INT(prtc_data_close_channel(pair->ends[1].data, there), 0);
  pair_run(pair, SECOND);
  PRTC_CHECK_TEXT(pair_story(pair, 0), "X");
  PRTC_CHECK_TEXT(pair_story(pair, 1), "X");
  PRTC_CHECK_INT(pair_text(pair, 0, here, "x"), PRTC_ERROR_NOT_FOUND);
  pair_free(pair);
}

static void a_channel_may_be_closed_before_it_opens(void) {
  struct pair *pair = pair_new(38, NULL, NULL);
  prtc_channel_id here = pair_create(pair, 0, "", 0);
  PRTC_CHECK_INT(prtc_data_close_channel(pair->ends[0].data, here), 0);
  pair_connect(pair);
  PRTC_CHECK_TEXT(pair_story(pair, 0), "X");
  PRTC_CHECK_TEXT(pair_story(pair, 1), "");
  /* … or right after it was made. */
  here = pair_create(pair, 0, "", 0);
  PRTC_CHECK_INT(prtc_data_close_channel(pair->ends[0].data, here), 0);
  pair_run(pair, SECOND);
  PRTC_CHECK_TEXT(pair_story(pair, 0), "XX"); /* no "open" any more */
  PRTC_CHECK_TEXT(pair_story(pair, 1), "COcX");
  pair_free(pair);
}

static void ids_are_used_again_a_thousand_times(void) {
  struct pair *pair = connected(39);
  pair->world->delay = MILLISECOND;
  for (int round = 0; round < 1000; round++) {
    int which = round % 3 == 0;
    prtc_channel_id here = pair_create(pair, which, "again", round & 1);
    PRTC_CHECK_INT(pair_info(pair, which, here).stream_id, which);
    PRTC_CHECK_INT(pair_text(pair, which, here, "hello"), 0);
    pair_run(pair, 50 * MILLISECOND);
    PRTC_CHECK(got(pair, 1 - which, 0, PRTC_MESSAGE_TEXT, "hello", 5));
    prtc_channel_id closing = round & 2 ? here : partner(pair, which, here);
    PRTC_CHECK_INT(prtc_data_close_channel(pair->ends[round & 2 ? which : 1 - which].data, closing), 0);
    pair_run(pair, 100 * MILLISECOND);
    for (int i = 0; i < 2; i++) PRTC_CHECK_INT(pair_count(pair, i, PRTC_DATA_EVENT_CLOSED), 1);
    pair_forget(pair);
  }
  pair_free(pair);
}

/* Many channels open and close over a bad network; nothing is lost, doubled or mixed up. */
static void a_crowd_over_a_bad_network(void) {
  for (uint8_t seed = 40; seed < 44; seed++) {
    struct pair *pair = connected(seed);
    pair->world->loss = 5;
    pair->world->reordering = 10;
    pair->world->duplication = 3;
    size_t opened = 0;
    prtc_channel_id ids[2][30] = {{0}};
    for (int round = 0; round < 300; round++) {
      int which = round & 1, slot = round / 2 % 30;
      if (ids[which][slot] != 0) PRTC_CHECK_INT(prtc_data_close_channel(pair->ends[which].data, ids[which][slot]), 0);
      ids[which][slot] = pair_create(pair, which, "crowd", round % 5 == 0);
      PRTC_CHECK_INT(pair_text(pair, which, ids[which][slot], "one"), 0);
      PRTC_CHECK_INT(pair_text(pair, which, ids[which][slot], "two"), 0);
      opened++;
      pair_run(pair, 30 * MILLISECOND);
    }
    pair_run(pair, 300 * SECOND);
    size_t messages = 0;
    for (int i = 0; i < 2; i++) {
      PRTC_CHECK_INT(pair_count(pair, i, PRTC_DATA_EVENT_CHANNEL), opened / 2);
      PRTC_CHECK_INT(pair_count(pair, i, PRTC_DATA_EVENT_OPEN), opened);
      PRTC_CHECK_INT(pair_count(pair, i, PRTC_DATA_EVENT_CLOSED), opened - 60);
      PRTC_CHECK_INT(pair_count(pair, i, PRTC_DATA_EVENT_ERROR), 0);
      messages += pair_count(pair, i, PRTC_DATA_EVENT_MESSAGE);
    }
    PRTC_CHECK_INT(messages, 2 * opened);
    pair_free(pair);
  }
}

static void all_ids_can_be_in_use(void) {
  prtc_sctp_config config;
  PRTC_INIT(&config);
  config.streams = 65535;
  struct pair *pair = pair_new(45, &config, NULL);
  pair_connect(pair);
  for (int i = 0; i < 2; i++) pair->ends[i].deaf = true;
  uint32_t count[2] = {0};
  for (int which = 0; which < 2; which++) {
    prtc_channel_config channel;
    prtc_channel_id id;
    prtc_channel_config_init(&channel);
    int code;
    while ((code = prtc_data_create_channel(pair->ends[which].data, &channel, &id)) == 0) count[which]++;
    PRTC_CHECK_INT(code, PRTC_ERROR_OUT_OF_IDS);
  }
  PRTC_CHECK_INT(count[0], 32768); /* 0, 2 … 65,534 */
  PRTC_CHECK_INT(count[1], 32767); /* 1, 3 … 65,533 */
  pair_free(pair);
}

static void losing_the_association_closes_every_channel(void) {
  struct pair *pair = connected(46);
  prtc_channel_id here = pair_create(pair, 0, "", 0);
  pair_create(pair, 1, "", 0);
  pair_run(pair, SECOND);
  pair_forget(pair);
  PRTC_CHECK_INT(pair_text(pair, 0, here, "lost"), 0);
  PRTC_CHECK_INT(prtc_sctp_abort(pair->world->sides[1].sctp, pair->world->now), 0);
  pair_run(pair, SECOND);
  PRTC_CHECK_TEXT(pair_story(pair, 0), "LEXEX");
  PRTC_CHECK_TEXT(pair_story(pair, 1), "XX");
  PRTC_CHECK_INT(pair->ends[0].happened[1].code, PRTC_ERROR_SCTP_ABORTED);
  prtc_channel_id id;
  PRTC_CHECK_INT(prtc_data_create_channel(pair->ends[0].data, NULL, &id), PRTC_ERROR_INVALID_STATE);
  pair_free(pair);
}

static void too_large_a_message_closes_the_channel(void) {
  prtc_data_config config;
  PRTC_INIT(&config);
  config.max_message_size = 1000;
  for (uint8_t seed = 47; seed < 49; seed++) {
    struct pair *pair = pair_new(seed, NULL, &config);
    pair_connect(pair);
    prtc_channel_id here = pair_create(pair, 0, "", 0), other = pair_create(pair, 0, "", 0);
    pair_run(pair, SECOND);
    pair_forget(pair);
    size_t size = seed == 47 ? 1001 : 800000; /* the second comes in parts */
    uint8_t *bytes = pattern(0, size);
    PRTC_CHECK_INT(pair_binary(pair, 0, here, bytes, size), 0);
    PRTC_CHECK_INT(pair_binary(pair, 0, other, bytes, 1000), 0);
    pair_run(pair, 100 * SECOND);
    PRTC_CHECK_INT(pair_count(pair, 1, PRTC_DATA_EVENT_ERROR), 1);
    PRTC_CHECK_INT(pair_count(pair, 1, PRTC_DATA_EVENT_CLOSED), 1);
    PRTC_CHECK_INT(pair_count(pair, 0, PRTC_DATA_EVENT_CLOSING), 1);
    PRTC_CHECK_INT(pair_count(pair, 0, PRTC_DATA_EVENT_CLOSED), 1);
    PRTC_CHECK(got(pair, 1, 0, PRTC_MESSAGE_BINARY, bytes, 1000));
    PRTC_CHECK_INT(pair_count(pair, 1, PRTC_DATA_EVENT_MESSAGE), 1);
    free(bytes);
    pair_free(pair);
  }
}

static void a_message_in_parts_is_put_together(void) {
  prtc_data_config config;
  PRTC_INIT(&config);
  config.max_message_size = 1000000;
  struct pair *pair = pair_new(49, NULL, &config);
  pair_connect(pair);
  prtc_channel_id here = pair_create(pair, 0, "", 0);
  uint8_t *bytes = pattern(3, 900000);
  PRTC_CHECK_INT(pair_binary(pair, 0, here, bytes, 900000), 0);
  PRTC_CHECK_INT(pair_text(pair, 0, here, "after"), 0);
  pair_run(pair, 100 * SECOND);
  PRTC_CHECK(got(pair, 1, 0, PRTC_MESSAGE_BINARY, bytes, 900000));
  PRTC_CHECK(got(pair, 1, 1, PRTC_MESSAGE_TEXT, "after", 5));
  free(bytes);
  pair_free(pair);
}

/* RFC 6525 is no more in the supported extensions (RFC 5061 section 4.2.7) of what is on its way. */
static void hide_reconfig(struct world *world) {
  static const uint8_t reconfig = 130, unknown = 0xbf;
  for (struct packet *packet = world->packets; packet != NULL; packet = packet->next) {
    if (packet->size < 32 || (packet->data[12] != 1 && packet->data[12] != 2)) continue; /* INIT, INIT ACK */
    for (size_t at = 32; at + 4 <= packet->size;) {
      size_t size = (size_t)packet->data[at + 2] << 8 | packet->data[at + 3];
      bool extensions = packet->data[at] == 0x80 && packet->data[at + 1] == 8;
      for (size_t i = 4; extensions && i < size; i++) {
        if (packet->data[at + i] == reconfig) packet->data[at + i] = unknown;
      }
      at += size < 4 ? packet->size : (size + 3) / 4 * 4;
    }
    uint32_t crc = prtc_crc32c_packet(prtc_crc32c_portable, packet->data, packet->size);
    for (int i = 0; i < 4; i++) packet->data[8 + i] = (uint8_t)(crc >> 8 * i);
  }
}

static void channels_close_without_resets(void) {
  struct pair *pair = pair_new(51, NULL, NULL);
  pair->without_resets = true;
  for (int i = 0; i < 2; i++) {
    PRTC_CHECK_INT(prtc_data_set_role(pair->ends[i].data, i == 0), 0);
    PRTC_CHECK_INT(prtc_sctp_connect(pair->world->sides[i].sctp, pair->world->now), 0);
  }
  prtc_time until = pair->world->now + SECOND;
  do {
    for (int i = 0; i < 2; i++) world_transmit(pair->world, i);
    hide_reconfig(pair->world);
  } while (pair_step(pair, until));
  prtc_channel_id here = pair_create(pair, 0, "", 0);
  PRTC_CHECK_INT(pair_text(pair, 0, here, "hello"), 0);
  PRTC_CHECK_INT(prtc_data_close_channel(pair->ends[0].data, here), 0);
  pair_run(pair, SECOND);
  PRTC_CHECK_INT(pair_count(pair, 1, PRTC_DATA_EVENT_MESSAGE), 1); /* what was queued is sent first */
  /* Of what it does not know yet, the application that has closed it is not told */
  PRTC_CHECK_TEXT(pair_story(pair, 0), "X");
  prtc_channel_id later = pair_create(pair, 0, "", 0);
  PRTC_CHECK_INT(pair_info(pair, 0, later).stream_id, 2);
  pair_free(pair);
}

static void a_refused_reset_closes_the_channel(void) {
  struct pair *pair = pair_new(53, NULL, NULL);
  pair_connect(pair);
  prtc_channel_id here = pair_create(pair, 0, "", 0);
  pair_run(pair, SECOND);
  uint32_t stream;
  PRTC_CHECK_INT(prtc_data_close_channel(pair->ends[0].data, here), 0);
  PRTC_CHECK_INT(prtc_data_reset(pair->ends[0].data, &stream), 1);
  const prtc_sctp_event refused = {
      .type = PRTC_SCTP_EVENT_OUTGOING_RESET, .code = PRTC_ERROR_PROTOCOL, .message = {.stream = stream}};
  PRTC_CHECK_INT(prtc_data_receive(pair->ends[0].data, &refused), 0);
  pair_listen(pair, 0);
  PRTC_CHECK_TEXT(pair_story(pair, 0), "OX");
  prtc_channel_id later = pair_create(pair, 0, "", 0);
  PRTC_CHECK_INT(pair_info(pair, 0, later).stream_id, 2);
  pair_free(pair);
}

int main(void) {
  PRTC_RUN(opens_by_dcep_and_talks);
  PRTC_RUN(every_kind_of_channel_is_announced_as_it_is);
  PRTC_RUN(wrong_configurations_are_refused_with_a_sentence);
  PRTC_RUN(negotiated_channels_need_no_messages);
  PRTC_RUN(parity_follows_the_dtls_role);
  PRTC_RUN(messages_may_follow_the_open_at_once);
  PRTC_RUN(large_messages_pass_and_buffered_amount_falls);
  PRTC_RUN(parts_beyond_the_bound_leave_no_room);
  PRTC_RUN(a_full_queue_refuses_parts_of_any_channel);
  PRTC_RUN(the_queue_has_a_bound_and_the_channel_lives);
  PRTC_RUN(channels_take_turns);
  PRTC_RUN(priority_earns_longer_turns);
  PRTC_RUN(unread_messages_stop_the_sender);
  PRTC_RUN(closing_sends_what_is_queued_first);
  PRTC_RUN(both_may_close_at_once);
  PRTC_RUN(a_channel_may_be_closed_before_it_opens);
  PRTC_RUN(ids_are_used_again_a_thousand_times);
  PRTC_RUN(a_crowd_over_a_bad_network);
  PRTC_RUN(all_ids_can_be_in_use);
  PRTC_RUN(losing_the_association_closes_every_channel);
  PRTC_RUN(too_large_a_message_closes_the_channel);
  PRTC_RUN(a_message_in_parts_is_put_together);
  PRTC_RUN(channels_close_without_resets);
  PRTC_RUN(a_refused_reset_closes_the_channel);
  return PRTC_TEST_RESULT();
}
