/* What the channels have to send, and whose turn it is.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Without interleaving (RFC 8260) SCTP sends one message after the other: a message that was begun has to be completed
 * before another channel has its turn. Turns are given by deficit round robin: a channel may send as many bytes as its
 * priority earns, and goes to the end of the ring when they are spent.
 */
#include <string.h>

#include "core/data/internal.h"

/* What is handed to SCTP at once: so bufferedAmount falls as SCTP takes the bytes of a large message. */
enum { PART_SIZE = 64 * 1024 };

/* Bytes a turn for each unit of priority: 16 KiB for a channel of low priority (256), 64 KiB for a high one. */
enum { TURN = 64 };

static void wait_turn(prtc_data *data, struct prtc_data_channel *channel) {
  if (channel->waiting) return;
  channel->waiting = true;
  channel->credit = 0;
  struct prtc_data_channel *last = data->waiting != NULL ? data->waiting : channel;
  channel->previous_waiting = last;
  channel->next_waiting = last == channel ? channel : last->next_waiting;
  last->next_waiting = channel;
  channel->next_waiting->previous_waiting = channel;
  data->waiting = channel;
}

static void leave_ring(prtc_data *data, struct prtc_data_channel *channel) {
  if (!channel->waiting) return;
  channel->waiting = false;
  channel->previous_waiting->next_waiting = channel->next_waiting;
  channel->next_waiting->previous_waiting = channel->previous_waiting;
  if (data->waiting == channel) data->waiting = channel->previous_waiting != channel ? channel->previous_waiting : NULL;
}

int prtc_data_enqueue(prtc_data *data, struct prtc_data_channel *channel, uint32_t ppid, const uint8_t *bytes,
                      size_t size) {
  struct prtc_data_message *message = prtc_allocate(data->context, sizeof *message + size);
  if (message == NULL) return PRTC_ERROR_NO_MEMORY;
  message->ppid = ppid;
  message->size = size;
  message->payload = ppid == PRTC_PPID_STRING || ppid == PRTC_PPID_BINARY ? size : 0;
  memcpy(message->bytes, bytes, size);
  *(channel->last != NULL ? &channel->last->next : &channel->first) = message;
  channel->last = message;
  channel->buffered_amount += message->payload;
  data->queued_bytes += message->payload;
  data->queued_messages++;
  wait_turn(data, channel);
  return 0;
}

/* W3C bufferedamountlow: it falls to the threshold or below from above it. */
static void lower_buffered_amount(prtc_data *data, struct prtc_data_channel *channel, size_t by) {
  uint64_t before = channel->buffered_amount;
  channel->buffered_amount -= by;
  data->queued_bytes -= by;
  if (before > channel->low_threshold && channel->buffered_amount <= channel->low_threshold && !channel->low_is_told &&
      channel->state <= PRTC_CHANNEL_OPEN) {
    channel->low_is_told = true;
    prtc_data_tell_state(data, channel, PRTC_DATA_EVENT_BUFFERED_AMOUNT_LOW);
  }
}

/* Forgets the first message; what SCTP has not taken of it still counts as buffered. */
static void forget_first(prtc_data *data, struct prtc_data_channel *channel) {
  struct prtc_data_message *message = channel->first;
  channel->first = message->next;
  if (channel->first == NULL) channel->last = NULL;
  size_t rest = message->payload > channel->offset ? message->payload - channel->offset : 0;
  channel->offset = 0;
  data->queued_messages--;
  if (data->current == channel) data->current = NULL;
  prtc_release(data->context, message);
  channel->buffered_amount -= rest;
  data->queued_bytes -= rest;
}

void prtc_data_drop_all(prtc_data *data, struct prtc_data_channel *channel) {
  if (channel->waiting && (data->current == channel || data->waiting->next_waiting == channel)) data->offered = false;
  while (channel->first != NULL) forget_first(data, channel);
  leave_ring(data, channel);
}

void prtc_data_drop_queue(prtc_data *data, struct prtc_data_channel *channel) {
  if (data->current != channel) {
    prtc_data_drop_all(data, channel);
    return;
  }
  struct prtc_data_message *begun = channel->first;
  size_t offset = channel->offset;
  for (struct prtc_data_message *message = begun->next, *next; message != NULL; message = next) {
    next = message->next;
    data->queued_messages--;
    data->queued_bytes -= message->payload;
    channel->buffered_amount -= message->payload;
    prtc_release(data->context, message);
  }
  begun->next = NULL;
  channel->last = begun;
  channel->offset = offset;
}

/* Whose message is next. When the ring's first has spent its bytes it goes to the end, with new ones for its next turn. */
static struct prtc_data_channel *next_sender(prtc_data *data) {
  if (data->current != NULL) return data->current;
  if (data->waiting == NULL) return NULL;
  for (;;) {
    struct prtc_data_channel *channel = data->waiting->next_waiting;
    if (channel->credit > 0 || data->offered) return channel;
    channel->credit += (int64_t)channel->priority * TURN;
    data->waiting = channel;
  }
}

int prtc_data_transmit(prtc_data *data, prtc_sctp_message *out) {
  memset(out, 0, sizeof *out);
  struct prtc_data_channel *channel = data->connected && !data->closed ? next_sender(data) : NULL;
  if (channel == NULL) return 0;
  const struct prtc_data_message *message = channel->first;
  bool is_control = message->ppid == PRTC_PPID_DCEP;
  size_t rest = message->size - channel->offset;
  if (channel->offset == 0) {
    /* RFC 8832 section 6: ordered, whatever the channel, until something has come back */
    channel->first_unordered = !is_control && channel->unordered && channel->may_be_unordered;
  }
  out->stream = channel->stream;
  out->ppid = message->ppid;
  out->unordered = channel->first_unordered;
  if (!is_control && channel->has_max_retransmits) out->reliability = PRTC_LIMITED_RETRANSMITS;
  if (!is_control && channel->has_max_packet_life_time) out->reliability = PRTC_LIMITED_LIFE_TIME;
  out->reliability_value = is_control ? 0 : channel->reliability;
  out->begin = channel->offset == 0;
  out->end = rest <= PART_SIZE;
  out->data = message->bytes + channel->offset;
  out->size = rest <= PART_SIZE ? rest : PART_SIZE;
  data->offered = true;
  return 1;
}

void prtc_data_transmitted(prtc_data *data, int code) {
  if (!data->offered || code == PRTC_ERROR_AGAIN) return;
  struct prtc_data_channel *channel = next_sender(data);
  data->offered = false;
  if (code < 0) {
    prtc_data_drop_all(data, channel);
    prtc_data_fail(data, channel, code, "SCTP does not take the channel's messages");
  } else {
    size_t rest = channel->first->size - channel->offset, part = rest <= PART_SIZE ? rest : PART_SIZE;
    size_t payload = channel->first->payload > 0 ? part : 0;
    channel->credit -= (int64_t)part;
    channel->offset += part;
    data->current = channel;
    if (part == rest) forget_first(data, channel);
    lower_buffered_amount(data, channel, payload);
  }
  if (channel->first != NULL) return;
  leave_ring(data, channel);
  if (channel->state == PRTC_CHANNEL_CLOSING) prtc_data_begin_close(data, channel, true);
}

/* -------------------------------------------------------------------------------------------------------- stream resets */

void prtc_data_ask_reset(prtc_data *data, uint32_t stream) {
  /* Full: nobody has asked for the resets, and an other side that makes many is not owed each. */
  if (prtc_queue_push(&data->resets, &stream) == PRTC_ERROR_NO_MEMORY) data->failed = true;
}

int prtc_data_reset(prtc_data *data, uint32_t *stream) { return prtc_queue_pop(&data->resets, stream) ? 1 : 0; }
