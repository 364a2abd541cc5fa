/* The messages of RFC 8832 and whatever else SCTP may bring, without SCTP: the right ones and the wrong ones.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/data/dcep.h"

#include <polyrtc/data.h>
#include <polyrtc/sctp.h>

#include "core/base/testing.h"

static prtc_context *context;

static prtc_context *new_context(const prtc_allocator *allocator) {
  prtc_context_config config;
  PRTC_INIT(&config);
  config.allocator = allocator;
  prtc_context *made = prtc_context_new(&config);
  PRTC_REQUIRE(made != NULL);
  return made;
}

/* The DTLS client, connected: its own streams are even, the other side's odd. */
static prtc_data *connected(void) {
  prtc_data *data = prtc_data_new(context, NULL);
  prtc_sctp_event event = {.type = PRTC_SCTP_EVENT_CONNECTED, .outgoing_streams = 100, .incoming_streams = 200};
  PRTC_REQUIRE(data != NULL);
  PRTC_CHECK_INT(prtc_data_set_role(data, 1), 0);
  PRTC_CHECK_INT(prtc_data_receive(data, &event), 0);
  return data;
}

static int receive_part(prtc_data *data, uint32_t stream, uint32_t ppid, const void *bytes, size_t size, int begin,
                        int end) {
  prtc_sctp_event event = {.type = PRTC_SCTP_EVENT_MESSAGE};
  event.message = (prtc_sctp_message){.stream = stream,
                                      .ppid = ppid,
                                      .begin = begin != 0,
                                      .end = end != 0,
                                      .data = bytes,
                                      .size = size};
  return prtc_data_receive(data, &event);
}

static int receive(prtc_data *data, uint32_t stream, uint32_t ppid, const void *bytes, size_t size) {
  return receive_part(data, stream, ppid, bytes, size, 1, 1);
}

static int receive_reset(prtc_data *data, uint32_t type, uint32_t stream) {
  prtc_sctp_event event = {.type = type};
  event.message.stream = stream;
  return prtc_data_receive(data, &event);
}

static int receive_open(prtc_data *data, uint32_t stream) {
  static const uint8_t open[] = {3, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 'x'};
  return receive(data, stream, PRTC_PPID_DCEP, open, sizeof open);
}

/* The next event's type; *id is set to its channel. */
static uint32_t next(prtc_data *data, prtc_channel_id *id) {
  prtc_data_event event;
  PRTC_CHECK(prtc_data_event_next(data, &event) >= 0);
  if (id != NULL) *id = event.channel;
  return event.type;
}

/* Takes what is to be sent, and returns the number of messages. */
static int drain(prtc_data *data) {
  prtc_sctp_message message;
  int count = 0;
  while (prtc_data_transmit(data, &message) > 0) {
    prtc_data_transmitted(data, 0);
    count++;
  }
  return count;
}

/* ---------------------------------------------------------------------------------------------------------------- codec */

static void reads_what_it_writes(void) {
  uint8_t bytes[PRTC_DCEP_OPEN_SIZE + 5];
  struct prtc_dcep_open out = {.priority = 512,
                               .unordered = true,
                               .has_max_packet_life_time = true,
                               .reliability = 300,
                               .label = (const uint8_t *)"ab",
                               .label_size = 2,
                               .protocol = (const uint8_t *)"cde",
                               .protocol_size = 3},
                        in;
  static const uint8_t expected[] = {3, 0x82, 2, 0, 0, 0, 1, 0x2c, 0, 2, 0, 3, 'a', 'b', 'c', 'd', 'e'};
  prtc_dcep_write_open(&out, bytes);
  PRTC_CHECK(memcmp(bytes, expected, sizeof expected) == 0);
  PRTC_REQUIRE(prtc_dcep_read_open(&in, bytes, sizeof bytes));
  PRTC_CHECK(in.unordered && in.has_max_packet_life_time && !in.has_max_retransmits);
  PRTC_CHECK_INT(in.priority, 512);
  PRTC_CHECK_INT(in.reliability, 300);
  PRTC_CHECK(in.label_size == 2 && memcmp(in.label, "ab", 2) == 0);
  PRTC_CHECK(in.protocol_size == 3 && memcmp(in.protocol, "cde", 3) == 0);
  for (size_t cut = 0; cut < sizeof bytes; cut++) PRTC_CHECK(!prtc_dcep_read_open(&in, bytes, cut));
}

/* Lengths in characters, as aiortc (code points) and werift (UTF-16) write them: "a\u00e9" and U+1F642, "\u00fc". */
static void lengths_in_characters_are_understood(void) {
  static const struct {
    uint8_t label, protocol; /* the lengths that are told */
    bool good;
    size_t label_size;
  } cases[] = {
      {7, 2, true, 7},  /* bytes */
      {3, 1, true, 7},  /* code points */
      {4, 1, true, 7},  /* UTF-16 */
      {2, 2, true, 3},  /* code points, split elsewhere */
      {1, 3, true, 1},  /* and there */
      {3, 2, false, 0}, /* too many; in UTF-16 the label would end within a character */
      {3, 0, false, 0}, /* too few */
      {0, 0, false, 0},
      {7, 1, false, 0}, /* bytes, but for the last one */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint8_t bytes[] = {3, 0, 1, 0, 0, 0, 0, 0, 0, cases[i].label, 0, cases[i].protocol,
                       'a', 0xc3, 0xa9, 0xf0, 0x9f, 0x99, 0x82, 0xc3, 0xbc};
    struct prtc_dcep_open open;
    PRTC_CHECK_INT(prtc_dcep_read_open(&open, bytes, sizeof bytes), cases[i].good);
    if (!cases[i].good) continue;
    PRTC_CHECK_INT(open.label_size, cases[i].label_size);
    PRTC_CHECK_INT(open.protocol_size, 9 - cases[i].label_size);
    PRTC_CHECK(open.label == bytes + 12 && open.protocol == open.label + open.label_size);
    bytes[sizeof bytes - 1] = 'x'; /* no UTF-8 any more: bytes are bytes, anything else is not understood */
    PRTC_CHECK_INT(prtc_dcep_read_open(&open, bytes, sizeof bytes), i == 0);
  }
}

static void malformed_opens_are_refused_by_a_reset(void) {
  static const uint8_t good[] = {3, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 'x'};
  uint8_t bad[sizeof good + 1];
  for (int wrong = 0; wrong < 4; wrong++) {
    prtc_data *data = connected();
    uint32_t stream;
    size_t size = sizeof good;
    memset(bad, 0, sizeof bad);
    memcpy(bad, good, sizeof good);
    if (wrong == 0) bad[1] = 3;    /* no such channel type */
    if (wrong == 1) bad[9] = 2;    /* a label beyond the end */
    if (wrong == 2) bad[11] = 200; /* a protocol beyond the end */
    if (wrong == 3) size++;        /* a byte too many */
    PRTC_CHECK_INT(receive(data, 1, PRTC_PPID_DCEP, bad, size), PRTC_ERROR_MALFORMED);
    PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_NONE);
    PRTC_CHECK_INT(prtc_data_reset(data, &stream), 1);
    PRTC_CHECK_INT(stream, 1);
    PRTC_CHECK_INT(drain(data), 0); /* no ACK */
    PRTC_CHECK_INT(receive_open(data, 1), 0);
    PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_CHANNEL);
    prtc_data_free(data);
  }
}

static void opens_where_none_may_be_are_refused(void) {
  prtc_data *data = connected();
  uint32_t stream;
  PRTC_CHECK_INT(receive_open(data, 2), PRTC_ERROR_UNEXPECTED); /* our parity */
  PRTC_CHECK_INT(prtc_data_reset(data, &stream), 1);
  PRTC_CHECK_INT(stream, 2);
  PRTC_CHECK_INT(receive_open(data, 101), PRTC_ERROR_UNEXPECTED); /* we could not answer */
  PRTC_CHECK_INT(prtc_data_reset(data, &stream), 0);
  PRTC_CHECK_INT(receive_open(data, 1), 0);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_CHANNEL);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_OPEN);
  PRTC_CHECK_INT(drain(data), 1); /* the ACK */
  PRTC_CHECK_INT(receive_open(data, 1), PRTC_ERROR_UNEXPECTED); /* in use */
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_ERROR);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_CLOSING);
  PRTC_CHECK_INT(prtc_data_reset(data, &stream), 1);
  PRTC_CHECK_INT(stream, 1);
  PRTC_CHECK_INT(receive_reset(data, PRTC_SCTP_EVENT_OUTGOING_RESET, 1), 0);
  PRTC_CHECK_INT(receive_reset(data, PRTC_SCTP_EVENT_INCOMING_RESET, 1), 0);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_CLOSED);
  prtc_data_free(data);
}

static void what_belongs_to_no_channel_is_dropped(void) {
  prtc_data *data = connected();
  static const uint8_t ack[] = {2}, nonsense[] = {99, 1, 2}, long_ack[] = {2, 2};
  PRTC_CHECK_INT(receive(data, 5, PRTC_PPID_STRING, "early", 5), PRTC_ERROR_UNEXPECTED);
  PRTC_CHECK_INT(receive(data, 5, PRTC_PPID_DCEP, ack, 1), PRTC_ERROR_UNEXPECTED);
  PRTC_CHECK_INT(receive(data, 5, PRTC_PPID_DCEP, nonsense, 3), PRTC_ERROR_MALFORMED);
  PRTC_CHECK_INT(receive(data, 5, PRTC_PPID_DCEP, long_ack, 2), PRTC_ERROR_MALFORMED);
  PRTC_CHECK_INT(receive(data, 5, PRTC_PPID_DCEP, ack, 0), PRTC_ERROR_MALFORMED);
  PRTC_CHECK_INT(receive_open(data, 5), 0);
  PRTC_CHECK_INT(receive(data, 5, PRTC_PPID_DCEP, ack, 1), PRTC_ERROR_UNEXPECTED); /* it is theirs to be acknowledged */
  PRTC_CHECK_INT(receive(data, 5, 12345, "?", 1), PRTC_ERROR_MALFORMED);
  PRTC_CHECK_INT(receive_reset(data, PRTC_SCTP_EVENT_INCOMING_RESET, 77), 0);
  PRTC_CHECK_INT(receive_reset(data, PRTC_SCTP_EVENT_OUTGOING_RESET, 5), 0);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_CHANNEL);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_OPEN);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_NONE);
  prtc_data_free(data);
}

static void labels_that_are_no_utf8_are_made_so(void) {
  prtc_data *data = connected();
  static const uint8_t open[] = {3, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 'a', 0xff, 0xc3, 0, 0x80};
  prtc_channel_id id;
  prtc_channel_info info;
  PRTC_INIT(&info);
  PRTC_CHECK_INT(receive(data, 1, PRTC_PPID_DCEP, open, sizeof open), 0);
  PRTC_CHECK_INT(next(data, &id), PRTC_DATA_EVENT_CHANNEL);
  PRTC_CHECK_INT(prtc_data_channel_info(data, id, &info), 0);
  PRTC_CHECK_INT(info.label_size, 4);
  PRTC_CHECK(memcmp(info.label, "a??\0", 5) == 0);
  PRTC_CHECK_TEXT(info.protocol, "?");
  prtc_data_free(data);
}

static void the_labels_of_the_other_side_are_bounded(void) {
  prtc_data *data = connected();
  static uint8_t open[PRTC_DCEP_SIZE_MAX] = {3, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
  uint32_t opened = 0, refused = 0;
  for (uint32_t stream = 1; stream < 100; stream += 2) {
    /* in parts, as SCTP gives what it cannot give whole */
    PRTC_CHECK_INT(receive_part(data, stream, PRTC_PPID_DCEP, open, 70000, 1, 0), 0);
    int code = receive_part(data, stream, PRTC_PPID_DCEP, open + 70000, sizeof open - 70000, 0, 1);
    opened += code == 0;
    refused += code == PRTC_ERROR_UNEXPECTED;
    while (next(data, NULL) != PRTC_DATA_EVENT_NONE) {
    }
  }
  PRTC_CHECK_INT(opened, 1024 * 1024 / 131070);
  PRTC_CHECK_INT(opened + refused, 50);
  prtc_data_free(data);
}

/* ------------------------------------------------------------------------------------------------------------- messages */

static void messages_of_deprecated_kinds_are_put_together(void) {
  prtc_data *data = connected();
  prtc_data_event event;
  for (uint32_t stream = 1; stream <= 3; stream += 2) {
    PRTC_CHECK_INT(receive_open(data, stream), 0);
    next(data, NULL), next(data, NULL);
  }
  /* RFC 8831 section 8: 54 and 52 are parts of text and binary; streams may alternate. */
  PRTC_CHECK_INT(receive(data, 1, 54, "he", 2), 0);
  PRTC_CHECK_INT(receive(data, 3, 52, "\0", 1), 0);
  PRTC_CHECK_INT(receive(data, 1, 54, "ll", 2), 0);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_NONE);
  PRTC_CHECK_INT(receive(data, 1, PRTC_PPID_STRING, "o", 1), 0);
  PRTC_CHECK_INT(receive(data, 3, PRTC_PPID_BINARY, "\1", 1), PRTC_ERROR_AGAIN); /* one message at a time */
  PRTC_CHECK_INT(prtc_data_event_next(data, &event), 1);
  PRTC_CHECK(event.size == 5 && memcmp(event.data, "hello", 5) == 0 && event.kind == PRTC_MESSAGE_TEXT);
  PRTC_CHECK_INT(receive(data, 3, PRTC_PPID_BINARY, "\1", 1), 0);
  PRTC_CHECK_INT(prtc_data_event_next(data, &event), 1);
  PRTC_CHECK(event.size == 2 && memcmp(event.data, "\0\1", 2) == 0 && event.kind == PRTC_MESSAGE_BINARY);
  /* Without an end they are bounded like any message. */
  static const uint8_t bytes[100000];
  PRTC_CHECK_INT(receive(data, 1, 52, bytes, sizeof bytes), 0);
  PRTC_CHECK_INT(receive(data, 1, 52, bytes, sizeof bytes), 0);
  PRTC_CHECK_INT(receive(data, 1, 52, bytes, sizeof bytes), PRTC_ERROR_UNEXPECTED);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_ERROR);
  prtc_data_free(data);
}

static void an_abandoned_message_leaves_nothing(void) {
  prtc_data *data = connected();
  prtc_data_event event;
  PRTC_CHECK_INT(receive_open(data, 1), 0);
  next(data, NULL), next(data, NULL);
  PRTC_CHECK_INT(receive_part(data, 1, PRTC_PPID_STRING, "begun", 5, 1, 0), 0);
  PRTC_CHECK_INT(receive_reset(data, PRTC_SCTP_EVENT_ABANDONED, 1), 0);
  PRTC_CHECK_INT(receive_part(data, 1, PRTC_PPID_STRING, "new", 3, 1, 0), 0);
  PRTC_CHECK_INT(receive_part(data, 1, PRTC_PPID_STRING, "er", 2, 0, 1), 0);
  PRTC_CHECK_INT(prtc_data_event_next(data, &event), 1);
  PRTC_CHECK(event.size == 5 && memcmp(event.data, "newer", 5) == 0);
  prtc_data_free(data);
}

/* The association is up for the other side, which has closed a channel, and not yet for this one: its reset is answered. */
static void a_reset_before_the_connection_is_answered(void) {
  prtc_data *data = prtc_data_new(context, NULL);
  prtc_channel_config config;
  prtc_channel_id id;
  uint32_t stream = 0;
  PRTC_REQUIRE(data != NULL);
  prtc_channel_config_init(&config);
  config.negotiated = 1;
  config.stream_id = 7;
  PRTC_CHECK_INT(prtc_data_set_role(data, 1), 0);
  PRTC_CHECK_INT(prtc_data_create_channel(data, &config, &id), 0);
  PRTC_CHECK_INT(receive_reset(data, PRTC_SCTP_EVENT_INCOMING_RESET, 7), 0);
  PRTC_CHECK(prtc_data_reset(data, &stream) == 1 && stream == 7);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_CLOSING);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_CLOSED);
  prtc_data_free(data);
}

/* The limit for a message is that of its kind, which its first part tells: that for an OPEN is lower than what is here of a
 * text. */
static void later_parts_do_not_change_the_kind(void) {
  static const uint8_t bytes[200000] = {0};
  prtc_data *data = connected();
  PRTC_CHECK_INT(receive_open(data, 1), 0);
  PRTC_CHECK_INT(receive_part(data, 1, PRTC_PPID_BINARY, bytes, 200000, 1, 0), 0);
  PRTC_CHECK_INT(receive_part(data, 1, PRTC_PPID_DCEP, bytes, 100000, 0, 1), PRTC_ERROR_UNEXPECTED);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_CHANNEL);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_OPEN);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_ERROR);
  prtc_data_free(data);
}

/* W3C maxPacketLifeTime: what waits for its turn grows old, too. Of what is over SCTP is given nothing, of what is not the
 * rest of its time. */
static void a_life_time_begins_with_send(void) {
  static const uint8_t bytes[1000] = {0};
  prtc_data *data = connected();
  prtc_channel_config config;
  prtc_channel_id id;
  prtc_sctp_message message;
  prtc_channel_config_init(&config);
  config.negotiated = config.has_max_packet_life_time = 1;
  config.stream_id = 5;
  config.max_packet_life_time = 100;
  PRTC_CHECK_INT(prtc_data_create_channel(data, &config, &id), 0);
  PRTC_CHECK_INT(prtc_data_send(data, 1000000, id, PRTC_MESSAGE_TEXT, (const uint8_t *)"one", 3), 0);
  PRTC_CHECK_INT(prtc_data_send_part(data, 1000000, id, PRTC_MESSAGE_BINARY, bytes, sizeof bytes, 0), 0);
  PRTC_CHECK_INT(prtc_data_send_part(data, 1060000, id, PRTC_MESSAGE_BINARY, bytes, sizeof bytes, 0), 0);
  PRTC_CHECK_INT(prtc_data_transmit(data, &message), 1);
  PRTC_CHECK(message.size == 3 && message.reliability_value == 40);
  prtc_data_transmitted(data, PRTC_ERROR_AGAIN);
  prtc_data_timeout(data, 1100001);
  PRTC_CHECK_INT(prtc_data_transmit(data, &message), 0);
  PRTC_CHECK_INT(prtc_data_send_part(data, 1110000, id, PRTC_MESSAGE_BINARY, bytes, 10, PRTC_MESSAGE_END), 0);
  PRTC_CHECK_INT(prtc_data_send(data, 1110000, id, PRTC_MESSAGE_TEXT, (const uint8_t *)"four", 4), 0);
  prtc_data_timeout(data, 1210000);
  PRTC_CHECK_INT(prtc_data_transmit(data, &message), 1);
  PRTC_CHECK(message.size == 4 && message.begin && message.end && message.reliability_value == 0);
  prtc_channel_info info;
  PRTC_INIT(&info);
  PRTC_CHECK_INT(prtc_data_channel_info(data, id, &info), 0);
  PRTC_CHECK_INT(info.buffered_amount, 4);
  PRTC_CHECK_INT(prtc_data_close_channel(data, id), 0);
  prtc_data_timeout(data, 1300000);
  uint32_t stream;
  PRTC_CHECK_INT(prtc_data_transmit(data, &message), 0);
  PRTC_CHECK(prtc_data_reset(data, &stream) == 1 && stream == 5); /* nothing is left to wait for */
  prtc_data_free(data);
}

static void again_keeps_the_message(void) {
  prtc_data *data = connected();
  prtc_channel_config config;
  prtc_channel_id id;
  prtc_sctp_message message, same;
  prtc_channel_config_init(&config);
  PRTC_CHECK_INT(prtc_data_create_channel(data, &config, &id), 0);
  PRTC_CHECK_INT(drain(data), 1);
  PRTC_CHECK_INT(prtc_data_send(data, 0, id, PRTC_MESSAGE_TEXT, (const uint8_t *)"one", 3), 0);
  PRTC_CHECK_INT(prtc_data_transmit(data, &message), 1);
  prtc_data_transmitted(data, PRTC_ERROR_AGAIN);
  PRTC_CHECK_INT(prtc_data_send(data, 0, id, PRTC_MESSAGE_TEXT, (const uint8_t *)"two", 3), 0);
  PRTC_CHECK_INT(prtc_data_transmit(data, &same), 1);
  PRTC_CHECK(same.data == message.data && memcmp(same.data, "one", 3) == 0);
  PRTC_CHECK(!same.unordered && same.reliability == PRTC_RELIABLE && same.begin && same.end);
  prtc_data_transmitted(data, 0);
  PRTC_CHECK_INT(prtc_data_transmit(data, &same), 1);
  PRTC_CHECK(memcmp(same.data, "two", 3) == 0);
  /* What SCTP refuses for good ends the channel. */
  prtc_data_transmitted(data, PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_OPEN);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_ERROR);
  prtc_data_free(data);
}

static void a_stream_reopened_before_our_reset_is_confirmed(void) {
  prtc_data *data = connected();
  prtc_channel_id first, second;
  uint32_t stream;
  prtc_channel_info info;
  PRTC_INIT(&info);
  PRTC_CHECK_INT(receive_open(data, 1), 0);
  PRTC_CHECK_INT(next(data, &first), PRTC_DATA_EVENT_CHANNEL);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_OPEN);
  PRTC_CHECK_INT(drain(data), 1);
  PRTC_CHECK_INT(receive_reset(data, PRTC_SCTP_EVENT_INCOMING_RESET, 1), 0);
  PRTC_CHECK_INT(prtc_data_reset(data, &stream), 1);
  PRTC_CHECK_INT(receive_open(data, 1), 0); /* its side has seen both */
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_CLOSING);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_CLOSED);
  PRTC_CHECK_INT(prtc_data_channel_info(data, first, &info), 0); /* until the next event call */
  PRTC_CHECK_INT(next(data, &second), PRTC_DATA_EVENT_CHANNEL);
  PRTC_CHECK_INT(prtc_data_channel_info(data, first, &info), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(next(data, NULL), PRTC_DATA_EVENT_OPEN);
  PRTC_CHECK_INT(receive_reset(data, PRTC_SCTP_EVENT_OUTGOING_RESET, 1), 0); /* the late one */
  PRTC_CHECK_INT(prtc_data_channel_info(data, second, &info), 0);
  PRTC_CHECK_INT(info.state, PRTC_CHANNEL_OPEN);
  prtc_data_free(data);
}

static void events_that_nobody_fetches_are_bounded(void) {
  prtc_data *data = connected();
  int code = 0;
  unsigned rounds = 0;
  for (; rounds < 5000 && code == 0; rounds++) {
    code = receive_open(data, 1);
    uint32_t stream;
    drain(data);
    if (code == 0) code = receive_reset(data, PRTC_SCTP_EVENT_INCOMING_RESET, 1);
    while (prtc_data_reset(data, &stream) > 0) {
    }
  }
  PRTC_CHECK_INT(code, PRTC_ERROR_AGAIN);
  PRTC_CHECK(rounds < 1000);
  while (next(data, NULL) != PRTC_DATA_EVENT_NONE) {
  }
  PRTC_CHECK(receive_open(data, 3) == 0);
  prtc_data_free(data);
}

/* --------------------------------------------------------------------------------------------------------------- memory */

static void lack_of_memory_is_said_and_nothing_leaks(void) {
  for (long n = 0; n < 60; n++) {
    struct prtc_meter poor = {.left = -1};
    prtc_allocator allocator = prtc_metered(&poor);
    prtc_context *poor_context = new_context(&allocator);
    poor.left = n;
    prtc_data *data = prtc_data_new(poor_context, NULL);
    if (data != NULL) {
      prtc_sctp_event event = {.type = PRTC_SCTP_EVENT_CONNECTED, .outgoing_streams = 10, .incoming_streams = 10};
      prtc_channel_config config;
      prtc_channel_id id;
      prtc_channel_config_init(&config);
      int code = prtc_data_create_channel(data, &config, &id);
      (void)prtc_data_set_role(data, 1);
      (void)prtc_data_receive(data, &event);
      if (code == 0) (void)prtc_data_send(data, 0, id, PRTC_MESSAGE_TEXT, (const uint8_t *)"x", 1);
      (void)receive_open(data, 1);
      (void)receive(data, 1, 54, "part", 4);
      (void)receive_part(data, 1, PRTC_PPID_STRING, "begun", 5, 1, 0);
      (void)receive_part(data, 1, PRTC_PPID_STRING, "ended", 5, 0, 1);
      (void)receive_reset(data, PRTC_SCTP_EVENT_INCOMING_RESET, 1);
      drain(data);
      prtc_data_event out;
      while (prtc_data_event_next(data, &out) > 0) {
      }
      prtc_data_closed(data, PRTC_ERROR_TIMEOUT, "gone");
      prtc_data_free(data);
    }
    prtc_context_free(poor_context);
    PRTC_CHECK_INT(poor.blocks, 0);
  }
}

int main(void) {
  context = new_context(NULL);
  PRTC_RUN(reads_what_it_writes);
  PRTC_RUN(lengths_in_characters_are_understood);
  PRTC_RUN(malformed_opens_are_refused_by_a_reset);
  PRTC_RUN(opens_where_none_may_be_are_refused);
  PRTC_RUN(what_belongs_to_no_channel_is_dropped);
  PRTC_RUN(labels_that_are_no_utf8_are_made_so);
  PRTC_RUN(the_labels_of_the_other_side_are_bounded);
  PRTC_RUN(messages_of_deprecated_kinds_are_put_together);
  PRTC_RUN(an_abandoned_message_leaves_nothing);
  PRTC_RUN(a_reset_before_the_connection_is_answered);
  PRTC_RUN(later_parts_do_not_change_the_kind);
  PRTC_RUN(a_life_time_begins_with_send);
  PRTC_RUN(again_keeps_the_message);
  PRTC_RUN(a_stream_reopened_before_our_reset_is_confirmed);
  PRTC_RUN(events_that_nobody_fetches_are_bounded);
  PRTC_RUN(lack_of_memory_is_said_and_nothing_leaks);
  prtc_context_free(context);
  return PRTC_TEST_RESULT();
}
