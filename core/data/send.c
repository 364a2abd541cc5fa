/* What the channels have to send, and whose turn it is.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Turns are given by deficit round robin: a channel may send as many bytes as its priority earns, and goes to the end of
 * the ring when they are spent. In the ring is who has something to send.
 *
 * Without interleaving (RFC 8260) SCTP sends one message after the other: a message that was begun has to be completed
 * before another channel has its turn. One that is streamed may have nothing to go on with: then nobody has a turn (see
 * prtc_data_timeout).
 *
 * With interleaving, small messages and those that are streamed go side by side. Large whole ones are still sent one after
 * the other, for the other side has to put them together, and would have to keep a part of each.
 *
 * A message in SCTP ends with a byte, not behind it. So the last byte of a streamed message waits for the next part or the
 * end.
 */
#include <string.h>

#include "core/data/internal.h"

/* What is handed to SCTP at once: so bufferedAmount falls as SCTP takes the bytes of a large message. */
enum { PART_SIZE = 16 * 1024 };

/* Whole messages that are larger go one after the other. */
enum { LARGE_SIZE = 64 * 1024 };

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

/* Whether SCTP can be given something of a channel's first message. */
static bool is_ready(const struct prtc_data_channel *channel) {
  const struct prtc_data_message *first = channel->first;
  return first != NULL && (first->end || first->abandon || first->next != NULL || first->size - channel->offset > 1);
}

static void leave_ring(prtc_data *data, struct prtc_data_channel *channel) {
  if (!channel->waiting) return;
  channel->waiting = false;
  channel->previous_waiting->next_waiting = channel->next_waiting;
  channel->next_waiting->previous_waiting = channel->previous_waiting;
  if (data->waiting == channel) data->waiting = channel->previous_waiting != channel ? channel->previous_waiting : NULL;
}

static struct prtc_data_message *add_message(prtc_data *data, struct prtc_data_channel *channel, uint32_t ppid,
                                             const uint8_t *bytes, size_t size) {
  /* No zeros are needed */
  struct prtc_data_message *message = prtc_reallocate(data->context, NULL, sizeof *message + size);
  if (message == NULL) return NULL;
  *message = (struct prtc_data_message){0};
  message->ppid = ppid;
  message->size = size;
  message->payload = ppid == PRTC_PPID_STRING || ppid == PRTC_PPID_BINARY ? size : 0;
  message->begin = message->end = true;
  message->end_of_life = PRTC_NEVER;
  if (channel->has_max_packet_life_time && ppid != PRTC_PPID_DCEP) {
    message->end_of_life = data->now + (prtc_time)channel->reliability * 1000;
  }
  memcpy(message->bytes, bytes, size);
  *(channel->last != NULL ? &channel->last->next : &channel->first) = message;
  channel->last = message;
  channel->buffered_amount += message->payload;
  data->queued_bytes += message->payload;
  data->queued_messages++;
  return message;
}

int prtc_data_enqueue(prtc_data *data, struct prtc_data_channel *channel, uint32_t ppid, const uint8_t *bytes,
                      size_t size) {
  if (add_message(data, channel, ppid, bytes, size) == NULL) return PRTC_ERROR_NO_MEMORY;
  wait_turn(data, channel);
  return 0;
}

int prtc_data_enqueue_part(prtc_data *data, struct prtc_data_channel *channel, const uint8_t *bytes, size_t size,
                           bool end) {
  if (channel->part_size == 0) channel->part_is_over = false;
  if (channel->part_is_over) return 0;
  if (size > 0) {
    uint32_t ppid = channel->part_kind == PRTC_MESSAGE_TEXT ? PRTC_PPID_STRING : PRTC_PPID_BINARY;
    struct prtc_data_message *part = add_message(data, channel, ppid, bytes, size);
    if (part == NULL) return PRTC_ERROR_NO_MEMORY;
    part->streamed = true;
    part->begin = channel->part_size == 0;
    part->end = end;
  } else {
    channel->last->end = end; /* it is here still, with its last byte at least */
  }
  if (is_ready(channel)) wait_turn(data, channel);
  return 0;
}

static void tell_low(prtc_data *data, struct prtc_data_channel *channel) {
  channel->blocked = false;
  if (channel->low_is_told || channel->state > PRTC_CHANNEL_OPEN) return;
  channel->low_is_told = true;
  prtc_data_tell_state(data, channel, PRTC_DATA_EVENT_BUFFERED_AMOUNT_LOW);
}

/* There is room again for who was refused a part: half of what may wait is free, on the channel and over all. */
static bool has_room_again(const prtc_data *data, const struct prtc_data_channel *channel) {
  return channel->blocked && channel->buffered_amount <= PRTC_STREAM_QUEUE / 2 &&
         data->queued_bytes <= data->send_queue_size / 2;
}

/* So many bytes of a channel wait no more. */
static void lower_queue(prtc_data *data, struct prtc_data_channel *channel, size_t by) {
  bool was_full = data->queued_bytes > data->send_queue_size / 2;
  channel->buffered_amount -= by;
  data->queued_bytes -= by;
  if (!data->some_blocked || !was_full || data->queued_bytes > data->send_queue_size / 2) return;
  data->some_blocked = false;
  for (struct prtc_data_channel *each = data->first; each != NULL; each = each->next) {
    if (has_room_again(data, each)) tell_low(data, each);
    data->some_blocked |= each->blocked;
  }
}

/* W3C bufferedamountlow: it falls to the threshold or below from above it. */
static void lower_buffered_amount(prtc_data *data, struct prtc_data_channel *channel, size_t by) {
  uint64_t before = channel->buffered_amount, threshold = channel->low_threshold;
  lower_queue(data, channel, by);
  bool is_low = before > threshold && channel->buffered_amount <= threshold;
  if (is_low || has_room_again(data, channel)) tell_low(data, channel);
}

/* Forgets the first message; what SCTP has not taken of it does not count as buffered any more. */
static void forget_first(prtc_data *data, struct prtc_data_channel *channel) {
  struct prtc_data_message *message = channel->first;
  channel->first = message->next;
  if (channel->first == NULL) channel->last = NULL;
  size_t rest = message->payload > channel->offset ? message->payload - channel->offset : 0;
  channel->offset = 0;
  data->queued_messages--;
  prtc_release(data->context, message);
  lower_queue(data, channel, rest);
}

void prtc_data_drop_all(prtc_data *data, struct prtc_data_channel *channel) {
  if (data->offered == channel) data->offered = NULL;
  if (data->current == channel) data->current = NULL;
  channel->begun = channel->part_open = false;
  while (channel->first != NULL) forget_first(data, channel);
  leave_ring(data, channel);
}

/* Forgets what is queued from behind `kept` on; all of it when that is NULL. */
static void drop_behind(prtc_data *data, struct prtc_data_channel *channel, struct prtc_data_message *kept) {
  if (kept == NULL) {
    if (data->offered == channel) data->offered = NULL;
    while (channel->first != NULL) forget_first(data, channel);
    return;
  }
  for (struct prtc_data_message *message = kept->next, *next; message != NULL; message = next) {
    next = message->next;
    data->queued_messages--;
    lower_queue(data, channel, message->payload);
    prtc_release(data->context, message);
  }
  kept->next = NULL;
  channel->last = kept;
}

/* SCTP is told that the message which it has in part is given up. */
static void add_abandon(prtc_data *data, struct prtc_data_channel *channel) {
  static const uint8_t zero = 0;
  struct prtc_data_message *word = add_message(data, channel, PRTC_PPID_BINARY_EMPTY, &zero, 1);
  if (word == NULL) {
    data->failed = true;
    return;
  }
  word->streamed = word->abandon = true;
  word->begin = false;
}

void prtc_data_drop_queue(prtc_data *data, struct prtc_data_channel *channel) {
  struct prtc_data_message *first = channel->first;
  channel->part_open = false;
  if (!channel->begun) {
    prtc_data_drop_all(data, channel);
  } else if (first != NULL && (!first->streamed || first->abandon)) {
    drop_behind(data, channel, first);
  } else {
    drop_behind(data, channel, NULL);
    add_abandon(data, channel);
    wait_turn(data, channel);
  }
}

void prtc_data_abandon_open(prtc_data *data, struct prtc_data_channel *channel) {
  struct prtc_data_message *kept = NULL;
  if (!channel->part_open) return;
  channel->part_open = false;
  for (struct prtc_data_message *message = channel->first; message != NULL; message = message->next) {
    if (message->end) kept = message; /* of an earlier message */
  }
  bool has_begun = channel->begun && kept == NULL; /* what SCTP has in part is of this message */
  drop_behind(data, channel, kept);
  if (has_begun) add_abandon(data, channel);
  if (is_ready(channel)) {
    wait_turn(data, channel);
  } else {
    leave_ring(data, channel);
  }
}

/* ----------------------------------------------------------------------------------------------------------- whose turn */

static bool is_large(const struct prtc_data_message *message) { return !message->streamed && message->size > LARGE_SIZE; }

/* Whose message is next. When the ring's first has spent its bytes it goes to the end, with new ones for its next turn. */
static struct prtc_data_channel *next_sender(prtc_data *data) {
  struct prtc_data_channel *current = data->current;
  if (data->offered != NULL) return data->offered;
  if (current != NULL && !data->interleaving) return is_ready(current) ? current : NULL;
  if (data->waiting == NULL) return NULL;
  for (;;) { /* `current` itself is in the ring: this ends */
    struct prtc_data_channel *channel = data->waiting->next_waiting;
    bool has_to_wait = current != NULL && channel != current && is_large(channel->first);
    if (!has_to_wait && channel->credit > 0) return channel;
    if (!has_to_wait) channel->credit += (int64_t)channel->priority * TURN;
    data->waiting = channel;
  }
}

/* Nothing more waits on a channel. */
static void find_empty(prtc_data *data, struct prtc_data_channel *channel) {
  if (!is_ready(channel)) leave_ring(data, channel);
  if (channel->first == NULL && !channel->begun && channel->state == PRTC_CHANNEL_CLOSING) {
    prtc_data_begin_close(data, channel, true);
  }
}

/* Drops a channel's first message when its life time is over. SCTP looks after those of which it has something. */
static bool drop_when_over(prtc_data *data, struct prtc_data_channel *channel) {
  if (channel->begun || data->now <= channel->first->end_of_life) return false;
  if (data->offered == channel) data->offered = NULL;
  bool end;
  do {
    end = channel->first->end;
    lower_buffered_amount(data, channel, channel->first->payload);
    channel->first->payload = 0;
    forget_first(data, channel);
  } while (!end && channel->first != NULL);
  channel->part_is_over = !end;
  find_empty(data, channel);
  return true;
}

/* How much of a channel's first message SCTP is given at once. */
static size_t piece_size(const struct prtc_data_channel *channel) {
  const struct prtc_data_message *first = channel->first;
  size_t rest = first->size - channel->offset;
  if (!first->end && first->next == NULL) rest--;
  return rest <= PART_SIZE ? rest : PART_SIZE;
}

static bool piece_is_end(const struct prtc_data_channel *channel) {
  return channel->first->end && channel->offset + piece_size(channel) == channel->first->size;
}

int prtc_data_transmit(prtc_data *data, prtc_sctp_message *out) {
  memset(out, 0, sizeof *out);
  struct prtc_data_channel *channel;
  do {
    channel = data->connected && !data->closed ? next_sender(data) : NULL;
    if (channel == NULL) return 0;
  } while (drop_when_over(data, channel));
  const struct prtc_data_message *message = channel->first;
  bool is_control = message->ppid == PRTC_PPID_DCEP;
  data->offered = channel;
  out->stream = channel->stream;
  if (message->abandon) {
    out->abandon = 1;
    return 1;
  }
  if (!channel->begun) {
    /* RFC 8832 section 6: ordered, whatever the channel, until something has come back */
    channel->first_unordered = !is_control && channel->unordered && channel->may_be_unordered;
  }
  out->ppid = message->ppid;
  out->unordered = channel->first_unordered;
  if (!is_control && channel->has_max_retransmits) out->reliability = PRTC_LIMITED_RETRANSMITS;
  if (!is_control && channel->has_max_packet_life_time) out->reliability = PRTC_LIMITED_LIFE_TIME;
  out->reliability_value = is_control ? 0 : channel->reliability;
  if (out->reliability == PRTC_LIMITED_LIFE_TIME) {
    prtc_time left = message->end_of_life > data->now ? message->end_of_life - data->now : 0;
    out->reliability_value = (uint32_t)(left / 1000);
  }
  out->begin = !channel->begun;
  out->end = piece_is_end(channel);
  out->data = message->bytes + channel->offset;
  out->size = piece_size(channel);
  return 1;
}

static void taken(prtc_data *data, struct prtc_data_channel *channel) {
  struct prtc_data_message *message = channel->first;
  size_t size = piece_size(channel), payload = message->payload > 0 ? size : 0;
  bool end = message->abandon || piece_is_end(channel), holds_others = !data->interleaving || is_large(message);
  channel->begun = !end;
  channel->credit -= (int64_t)size;
  channel->offset += size;
  if (channel->offset == message->size || message->abandon) forget_first(data, channel);
  if (!end && holds_others) data->current = channel;
  if (end && data->current == channel) data->current = NULL;
  lower_buffered_amount(data, channel, payload);
}

void prtc_data_transmitted(prtc_data *data, int code) {
  struct prtc_data_channel *channel = data->offered;
  if (channel == NULL || code == PRTC_ERROR_AGAIN) return;
  data->offered = NULL;
  if (code == PRTC_ERROR_NOT_SUPPORTED && channel->first->abandon) {
    /* Without RFC 3758 the message has to have an end, or the stream would never be free. RFC 8831 section 6.1 asks for
     * it. */
    channel->first->abandon = false;
    return;
  }
  if (code < 0) {
    prtc_data_drop_all(data, channel);
    prtc_data_fail(data, channel, code, "SCTP does not take the channel's messages");
  } else {
    taken(data, channel);
  }
  find_empty(data, channel);
}

/* -------------------------------------------------------------------------------------- a message that is not continued */

static bool is_stalled(const prtc_data *data) {
  return data->connected && !data->closed && !data->interleaving && data->current != NULL && data->waiting != NULL &&
         !is_ready(data->current);
}

prtc_time prtc_data_deadline(const prtc_data *data) {
  return data->closed || data->stalled_since == PRTC_NEVER ? PRTC_NEVER : data->stalled_since + PRTC_STALL_LIMIT;
}

void prtc_data_timeout(prtc_data *data, prtc_time now) {
  if (now > data->now) data->now = now;
  if (!is_stalled(data)) {
    data->stalled_since = PRTC_NEVER;
  } else if (data->stalled_since == PRTC_NEVER) {
    data->stalled_since = now;
  } else if (now >= prtc_data_deadline(data)) {
    data->stalled_since = PRTC_NEVER;
    prtc_data_fail(data, data->current, PRTC_ERROR_TIMEOUT,
                   "a message was not continued while other channels had to wait, for the other side has no interleaving");
  }
}

/* -------------------------------------------------------------------------------------------------------- stream resets */

void prtc_data_ask_reset(prtc_data *data, uint32_t stream) {
  /* Full: nobody has asked for the resets, and an other side that makes many is not owed each. */
  if (prtc_queue_push(&data->resets, &stream) == PRTC_ERROR_NO_MEMORY) data->failed = true;
}

int prtc_data_reset(prtc_data *data, uint32_t *stream) { return prtc_queue_pop(&data->resets, stream) ? 1 : 0; }
