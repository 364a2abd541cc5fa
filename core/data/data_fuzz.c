/* Fuzz target: channels that are told anything by SCTP, between commands of the application. The input is a list of steps;
 * each begins with an opcode and an argument.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <polyrtc/data.h>
#include <polyrtc/sctp.h>

#include "core/base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void tell(prtc_data *data, uint32_t type, uint8_t stream, struct prtc_reader *reader) {
  prtc_sctp_event event = {.type = type, .outgoing_streams = 64, .incoming_streams = 64};
  event.message.stream = stream % 72;
  if (type == PRTC_SCTP_EVENT_MESSAGE) {
    uint8_t flags = prtc_read_u8(reader);
    size_t length = prtc_read_u8(reader);
    event.message.ppid = 50 + (flags & 7);
    event.message.begin = (flags & 8) == 0;
    event.message.end = (flags & 16) == 0;
    event.message.data = prtc_read_bytes(reader, length);
    event.message.size = length;
    if (event.message.data == NULL) return;
  }
  (void)prtc_data_receive(data, &event);
}

static void command(prtc_data *data, prtc_time *now, uint8_t opcode, uint8_t argument) {
  prtc_channel_config config;
  prtc_channel_id id = 1 + argument % 64;
  static const uint8_t text[200] = "text";
  switch (opcode % 4) {
  case 0:
    prtc_channel_config_init(&config);
    config.unordered = argument & 1;
    config.negotiated = argument >> 1 & 1;
    if (config.negotiated) config.stream_id = argument >> 2;
    config.has_max_packet_life_time = argument >> 3 & 1;
    (void)prtc_data_create_channel(data, &config, &id);
    break;
  case 1:
    *now += argument;
    (void)prtc_data_send(data, *now, id, PRTC_MESSAGE_TEXT, text, argument % 3 == 0 ? 0 : 4);
    break;
  case 2:
    (void)prtc_data_close_channel(data, id);
    break;
  default:
    (void)prtc_data_set_buffered_amount_low_threshold(data, id, argument);
    break;
  }
}

static void fetch(prtc_data *data, unsigned count) {
  prtc_data_event event;
  while (count-- > 0 && prtc_data_event_next(data, &event) > 0) {
    prtc_channel_info info;
    PRTC_INIT(&info);
    assert(prtc_data_channel_info(data, event.channel, &info) == 0); /* an event's channel can always be asked for */
    if (event.type == PRTC_DATA_EVENT_MESSAGE) {
      assert(event.data != NULL);
      if (event.size > 0) assert(event.data[event.size - 1] + event.data[0] >= 0); /* the bytes are there */
    }
  }
}

static void transmit(prtc_data *data, int code) {
  prtc_sctp_message message;
  uint32_t stream;
  if (prtc_data_transmit(data, &message) > 0) {
    assert(message.size > 0 && message.stream < 65535);
    prtc_data_transmitted(data, code);
  }
  (void)prtc_data_reset(data, &stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  struct prtc_reader reader = prtc_reader_of(bytes, size);
  prtc_context_config context_config;
  prtc_data_config config;
  PRTC_INIT(&context_config);
  PRTC_INIT(&config);
  config.max_message_size = 400;
  config.send_queue_size = 2000;
  prtc_time now = 0;
  prtc_context *context = prtc_context_new(&context_config);
  prtc_data *data = prtc_data_new(context, &config);
  (void)prtc_data_set_role(data, size > 0 && (bytes[0] & 1) != 0);
  while (prtc_reader_left(&reader) >= 2) {
    uint8_t opcode = prtc_read_u8(&reader), argument = prtc_read_u8(&reader);
    switch (opcode % 16) {
    case 0:
      tell(data, PRTC_SCTP_EVENT_CONNECTED, argument, &reader);
      break;
    case 1:
      tell(data, PRTC_SCTP_EVENT_INCOMING_RESET, argument, &reader);
      break;
    case 2:
      tell(data, PRTC_SCTP_EVENT_OUTGOING_RESET, argument, &reader);
      break;
    case 3:
      tell(data, PRTC_SCTP_EVENT_ABANDONED, argument, &reader);
      break;
    case 4:
      if (argument == 255) prtc_data_closed(data, PRTC_ERROR_TIMEOUT, "fuzzed");
      break;
    case 5:
      fetch(data, argument);
      break;
    case 6:
      transmit(data, argument % 8 == 7 ? PRTC_ERROR_AGAIN : argument % 16 == 6 ? PRTC_ERROR_NOT_FOUND : 0);
      break;
    case 7:
    case 8:
    case 9:
    case 10:
      command(data, &now, opcode, argument);
      break;
    default:
      tell(data, PRTC_SCTP_EVENT_MESSAGE, argument, &reader);
      break;
    }
  }
  prtc_data_free(data);
  prtc_context_free(context);
  return 0;
}
