/* The object, the application's commands, and a channel's states. What is sent is in send.c, what arrives in receive.c.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <polyrtc/data.h>

#include <string.h>

#include "core/base/config.h"
#include "core/base/text.h"
#include "core/data/dcep.h"
#include "core/data/internal.h"

enum { STREAMS_MAX = 65535 }; /* RFC 8831 section 6.2: 65,535 is not used */

static int reject(prtc_data *data, int code, const char *why) {
  data->error_message = why;
  return code;
}

/* --------------------------------------------------------------------------------------------------------------- object */

prtc_data *prtc_data_new(prtc_context *context, const prtc_data_config *config) {
  prtc_data_config given = {.size = sizeof given};
  if (config != NULL && !prtc_config_copy(&given, sizeof given, config)) return NULL;
  prtc_data *data = prtc_allocate(context, sizeof *data);
  if (data == NULL) return NULL;
  data->context = context;
  data->max_message_size = given.max_message_size != 0 ? given.max_message_size : PRTC_MAX_MESSAGE_SIZE_DEFAULT;
  data->send_queue_size = given.send_queue_size != 0 ? given.send_queue_size : PRTC_SEND_QUEUE_DEFAULT;
  if (given.max_message_size == UINT32_MAX) data->max_message_size = PRTC_WHOLE_MESSAGE_LIMIT;
  data->streaming = given.streaming != 0;
  data->stalled_since = PRTC_NEVER;
  data->remote_max_message_size = UINT32_MAX;
  data->streams = STREAMS_MAX;
  data->free_stream[1] = data->first_stream[1] = 1;
  data->error_message = "";
  data->next_id = given.first_channel != 0 ? given.first_channel : 1;
  prtc_map_init(&data->channels, context);
  prtc_map_init(&data->by_stream, context);
  prtc_map_init(&data->partials, context);
  prtc_queue_init(&data->events, context, sizeof(prtc_data_event), 0);
  prtc_queue_init(&data->resets, context, sizeof(uint32_t), STREAMS_MAX + 1);
  return data;
}

void prtc_data_free(prtc_data *data) {
  if (data == NULL) return;
  while (data->first != NULL) prtc_data_channel_free(data, data->first);
  prtc_data_drop_partials(data);
  prtc_map_clear(&data->channels);
  prtc_map_clear(&data->by_stream);
  prtc_queue_clear(&data->events);
  prtc_queue_clear(&data->resets);
  prtc_data_drop_assembly(data);
  prtc_release(data->context, data);
}

const char *prtc_data_error_message(const prtc_data *data) { return data->error_message; }

void prtc_data_set_remote_max_message_size(prtc_data *data, uint32_t size) { data->remote_max_message_size = size; }

/* --------------------------------------------------------------------------------------------------------------- events */

void prtc_data_tell(prtc_data *data, const prtc_data_event *event) {
  if (prtc_queue_push(&data->events, event) < 0) data->failed = true;
}

void prtc_data_tell_state(prtc_data *data, const struct prtc_data_channel *channel, uint32_t type) {
  prtc_data_tell(data, &(prtc_data_event){.type = type, .channel = channel->id});
}

int prtc_data_event_next(prtc_data *data, prtc_data_event *out) {
  if (data->ended != NULL) {
    prtc_data_channel_free(data, data->ended);
    data->ended = NULL;
  }
  struct prtc_data_channel *channel;
  bool dropped;
  if (!data->message_waits) prtc_data_drop_assembly(data); /* it was the last one's */
  do {
    if (!prtc_queue_pop(&data->events, out)) {
      memset(out, 0, sizeof *out);
      return data->failed ? PRTC_ERROR_NO_MEMORY : 0;
    }
    channel = prtc_map_get(&data->channels, out->channel);
    if (out->type == PRTC_DATA_EVENT_MESSAGE && out->flags != PRTC_MESSAGE_ABANDONED) data->message_waits = false;
    /* W3C section 6.2: no "open" and no message once the application has called close. */
    dropped = channel != NULL && channel->closed_here &&
              (out->type == PRTC_DATA_EVENT_OPEN || out->type == PRTC_DATA_EVENT_MESSAGE);
  } while (dropped);
  if (out->type == PRTC_DATA_EVENT_CLOSED) data->ended = channel;
  if (out->type == PRTC_DATA_EVENT_BUFFERED_AMOUNT_LOW && channel != NULL) channel->low_is_told = false;
  return 1;
}

/* ------------------------------------------------------------------------------------------------------------- channels */

struct prtc_data_channel *prtc_data_channel_new(prtc_data *data, const prtc_channel_config *config) {
  struct prtc_data_channel *channel = prtc_allocate(data->context, sizeof *channel);
  if (channel == NULL) return NULL;
  channel->id = data->next_id;
  channel->stream = PRTC_STREAM_NONE;
  channel->label = prtc_copy_text(data->context, config->label != NULL ? config->label : "", config->label_size);
  const char *protocol = config->protocol != NULL ? config->protocol : "";
  channel->protocol = prtc_copy_text(data->context, protocol, config->protocol_size);
  channel->label_size = config->label_size;
  channel->protocol_size = config->protocol_size;
  channel->unordered = config->unordered != 0;
  channel->has_max_retransmits = config->has_max_retransmits != 0;
  channel->has_max_packet_life_time = config->has_max_packet_life_time != 0;
  channel->reliability = config->has_max_retransmits ? config->max_retransmits
                         : config->has_max_packet_life_time ? config->max_packet_life_time : 0;
  channel->streaming = config->streaming != 0;
  channel->negotiated = channel->may_be_unordered = config->negotiated != 0;
  channel->priority = config->priority != 0 ? config->priority : PRTC_PRIORITY_LOW;
  if (channel->label == NULL || channel->protocol == NULL || prtc_map_set(&data->channels, channel->id, channel) < 0) {
    prtc_release(data->context, channel->label);
    prtc_release(data->context, channel->protocol);
    prtc_release(data->context, channel);
    return NULL;
  }
  data->next_id++;
  channel->previous = data->last;
  *(data->last != NULL ? &data->last->next : &data->first) = channel;
  data->last = channel;
  return channel;
}

static void release_stream(prtc_data *data, struct prtc_data_channel *channel) {
  if (prtc_data_on_stream(data, channel->stream) != channel) return;
  prtc_map_remove(&data->by_stream, (uint64_t)channel->stream + 1);
  uint32_t *lowest = &data->free_stream[channel->stream & 1], first = data->first_stream[channel->stream & 1];
  if (channel->stream < *lowest) *lowest = channel->stream < first ? first : channel->stream;
}

void prtc_data_channel_free(prtc_data *data, struct prtc_data_channel *channel) {
  prtc_data_drop_all(data, channel);
  release_stream(data, channel);
  prtc_map_remove(&data->channels, channel->id);
  *(channel->previous != NULL ? &channel->previous->next : &data->first) = channel->next;
  *(channel->next != NULL ? &channel->next->previous : &data->last) = channel->previous;
  if (channel->remote) data->remote_text -= channel->label_size + channel->protocol_size;
  data->partial_bytes -= channel->partial.size;
  prtc_release(data->context, channel->partial.bytes);
  prtc_release(data->context, channel->label);
  prtc_release(data->context, channel->protocol);
  prtc_release(data->context, channel);
}

struct prtc_data_channel *prtc_data_on_stream(const prtc_data *data, uint32_t stream) {
  return prtc_map_get(&data->by_stream, (uint64_t)stream + 1);
}

int prtc_data_take_stream(prtc_data *data, struct prtc_data_channel *channel, uint32_t stream) {
  int code = prtc_map_set(&data->by_stream, (uint64_t)stream + 1, channel);
  if (code == 0) channel->stream = stream;
  return code;
}

/* RFC 8832 section 6: the DTLS client takes even streams, the server odd ones. */
static int choose_stream(prtc_data *data, struct prtc_data_channel *channel) {
  uint32_t *lowest = &data->free_stream[data->is_client ? 0 : 1];
  while (*lowest < data->streams && prtc_data_on_stream(data, *lowest) != NULL) *lowest += 2;
  return *lowest < data->streams ? prtc_data_take_stream(data, channel, *lowest) : PRTC_ERROR_OUT_OF_IDS;
}

/* W3C "announce the data channel as open". */
void prtc_data_open(prtc_data *data, struct prtc_data_channel *channel) {
  channel->state = PRTC_CHANNEL_OPEN;
  data->opened_count++;
  if (!channel->negotiated && !channel->remote) {
    struct prtc_dcep_open open = {
        .priority = (uint16_t)channel->priority,
        .unordered = channel->unordered,
        .has_max_retransmits = channel->has_max_retransmits,
        .has_max_packet_life_time = channel->has_max_packet_life_time,
        .reliability = channel->reliability,
        .label = (const uint8_t *)channel->label,
        .label_size = channel->label_size,
        .protocol = (const uint8_t *)channel->protocol,
        .protocol_size = channel->protocol_size,
    };
    size_t size = PRTC_DCEP_OPEN_SIZE + channel->label_size + channel->protocol_size;
    uint8_t *bytes = prtc_allocate(data->context, size);
    if (bytes != NULL) prtc_dcep_write_open(&open, bytes);
    int code = bytes != NULL ? prtc_data_enqueue(data, channel, PRTC_PPID_DCEP, bytes, size) : PRTC_ERROR_NO_MEMORY;
    prtc_release(data->context, bytes);
    if (code < 0) {
      prtc_data_fail(data, channel, code, "no memory");
      return;
    }
  }
  PRTC_LOG(data->context, PRTC_LOG_INFO, "data", "channel %llu is open on stream %u", (unsigned long long)channel->id,
           channel->stream);
  prtc_data_tell_state(data, channel, PRTC_DATA_EVENT_OPEN);
}

/* W3C "closing procedure", RFC 8831 section 6.7: what is queued is sent, then the outgoing stream is reset. */
void prtc_data_begin_close(prtc_data *data, struct prtc_data_channel *channel, bool told) {
  if (channel->state == PRTC_CHANNEL_CLOSED) return;
  prtc_data_end_parts(data, channel);
  prtc_data_abandon_open(data, channel);
  if (channel->state != PRTC_CHANNEL_CLOSING && !told) prtc_data_tell_state(data, channel, PRTC_DATA_EVENT_CLOSING);
  if (channel->state == PRTC_CHANNEL_CONNECTING) { /* nothing was sent on it */
    prtc_data_end(data, channel);
    return;
  }
  channel->state = PRTC_CHANNEL_CLOSING;
  if (channel->first == NULL && !channel->begun && !channel->reset_asked) {
    channel->reset_asked = true;
    prtc_data_ask_reset(data, channel->stream);
  }
}

void prtc_data_end(prtc_data *data, struct prtc_data_channel *channel) {
  if (channel->state == PRTC_CHANNEL_CLOSED) return;
  PRTC_LOG(data->context, PRTC_LOG_INFO, "data", "channel %llu is closed", (unsigned long long)channel->id);
  if (channel->state != PRTC_CHANNEL_CONNECTING) data->closed_count++;
  prtc_data_end_parts(data, channel);
  channel->state = PRTC_CHANNEL_CLOSED;
  prtc_data_drop_all(data, channel);
  release_stream(data, channel);
  prtc_data_tell_state(data, channel, PRTC_DATA_EVENT_CLOSED);
}

void prtc_data_finish_close(prtc_data *data, struct prtc_data_channel *channel) {
  if (channel->reset_done && channel->remote_reset) prtc_data_end(data, channel);
}

void prtc_data_fail(prtc_data *data, struct prtc_data_channel *channel, int code, const char *text) {
  if (channel->state >= PRTC_CHANNEL_CLOSING) return;
  prtc_data_end_parts(data, channel);
  prtc_data_tell(data, &(prtc_data_event){
                           .type = PRTC_DATA_EVENT_ERROR, .channel = channel->id, .code = code, .text = text});
  prtc_data_drop_queue(data, channel);
  prtc_data_begin_close(data, channel, false);
}

/* ------------------------------------------------------------------------------------------------------------- commands */

void prtc_channel_config_init(prtc_channel_config *config) {
  *config = (prtc_channel_config){.size = sizeof *config, .stream_id = PRTC_STREAM_NONE, .priority = PRTC_PRIORITY_LOW};
}

int prtc_data_set_role(prtc_data *data, int is_dtls_client) {
  data->has_role = true;
  data->is_client = is_dtls_client != 0;
  for (struct prtc_data_channel *channel = data->first; channel != NULL; channel = channel->next) {
    if (channel->stream != PRTC_STREAM_NONE || channel->state != PRTC_CHANNEL_CONNECTING) continue;
    int code = choose_stream(data, channel);
    if (code < 0) {
      prtc_data_fail(data, channel, code, "no stream is left for the channel");
    } else if (data->connected) {
      prtc_data_open(data, channel);
    }
  }
  return data->failed ? PRTC_ERROR_NO_MEMORY : 0;
}

static int check_config(prtc_data *data, const prtc_channel_config *config) {
  if (config->label_size > 65535) return reject(data, PRTC_ERROR_INVALID_ARGUMENT, "label is longer than 65,535 bytes");
  if (config->protocol_size > 65535) {
    return reject(data, PRTC_ERROR_INVALID_ARGUMENT, "protocol is longer than 65,535 bytes");
  }
  if ((config->label_size > 0 && config->label == NULL) || (config->protocol_size > 0 && config->protocol == NULL)) {
    return reject(data, PRTC_ERROR_INVALID_ARGUMENT, "label or protocol has a size but no bytes");
  }
  if (!prtc_is_utf8((const uint8_t *)config->label, config->label_size) ||
      !prtc_is_utf8((const uint8_t *)config->protocol, config->protocol_size)) {
    return reject(data, PRTC_ERROR_INVALID_ARGUMENT, "label and protocol must be UTF-8");
  }
  if (config->has_max_retransmits && config->has_max_packet_life_time) {
    return reject(data, PRTC_ERROR_INVALID_ARGUMENT, "max_retransmits and max_packet_life_time exclude each other");
  }
  if (config->max_retransmits > 65535 || config->max_packet_life_time > 65535 || config->priority > 65535) {
    return reject(data, PRTC_ERROR_INVALID_ARGUMENT,
                  "max_retransmits, max_packet_life_time and priority are at most 65,535");
  }
  if (config->negotiated && config->stream_id == PRTC_STREAM_NONE) {
    return reject(data, PRTC_ERROR_INVALID_ARGUMENT, "a negotiated channel needs a stream_id");
  }
  if (config->negotiated && config->stream_id >= STREAMS_MAX) {
    return reject(data, PRTC_ERROR_INVALID_ARGUMENT, "stream_id is at most 65,534");
  }
  return 0;
}

int prtc_data_create_channel(prtc_data *data, const prtc_channel_config *config, prtc_channel_id *out) {
  prtc_channel_config given;
  data->error_message = "";
  prtc_channel_config_init(&given);
  if (config != NULL && !prtc_config_copy(&given, sizeof given, config)) {
    return reject(data, PRTC_ERROR_INVALID_ARGUMENT,
                  "the configuration's size is wrong, or it has members that are not known");
  }
  if (data->closed) return reject(data, PRTC_ERROR_INVALID_STATE, "the connection is closed");
  int code = check_config(data, &given);
  if (code < 0) return code;
  /* W3C createDataChannel: the id counts only when negotiated. */
  uint32_t stream = given.negotiated ? given.stream_id : PRTC_STREAM_NONE;
  if (stream != PRTC_STREAM_NONE && (stream >= data->streams || prtc_data_on_stream(data, stream) != NULL)) {
    return reject(data, PRTC_ERROR_OUT_OF_IDS, "stream_id is in use, or beyond the streams that were agreed on");
  }
  struct prtc_data_channel *channel = prtc_data_channel_new(data, &given);
  if (channel == NULL) return reject(data, PRTC_ERROR_NO_MEMORY, "no memory");
  if (stream != PRTC_STREAM_NONE) {
    code = prtc_data_take_stream(data, channel, stream);
  } else if (data->has_role) {
    code = choose_stream(data, channel);
  }
  if (code < 0) {
    prtc_data_channel_free(data, channel);
    return reject(data, code, code == PRTC_ERROR_OUT_OF_IDS ? "no stream is left for the channel" : "no memory");
  }
  *out = channel->id;
  if (data->connected && channel->stream != PRTC_STREAM_NONE) prtc_data_open(data, channel);
  return data->failed ? PRTC_ERROR_NO_MEMORY : 0;
}

static void set_time(prtc_data *data, prtc_time now) {
  if (now > data->now) data->now = now;
}

static bool is_message(prtc_message_kind kind, const uint8_t *bytes, size_t size) {
  return (kind == PRTC_MESSAGE_TEXT || kind == PRTC_MESSAGE_BINARY) && (bytes != NULL || size == 0);
}

int prtc_data_send(prtc_data *data, prtc_time now, prtc_channel_id id, prtc_message_kind kind, const uint8_t *bytes,
                   size_t size) {
  static const uint8_t zero = 0;
  struct prtc_data_channel *channel = prtc_map_get(&data->channels, id);
  data->error_message = "";
  set_time(data, now);
  if (channel == NULL) return reject(data, PRTC_ERROR_NOT_FOUND, "there is no such channel");
  if (channel->state != PRTC_CHANNEL_OPEN) return reject(data, PRTC_ERROR_INVALID_STATE, "the channel is not open");
  if (channel->part_open) return reject(data, PRTC_ERROR_INVALID_STATE, "a message in parts is not ended yet");
  if (!is_message(kind, bytes, size)) {
    return reject(data, PRTC_ERROR_INVALID_ARGUMENT, "the message is of no known kind, or has a size but no bytes");
  }
  if (size > data->remote_max_message_size) {
    return reject(data, PRTC_ERROR_MESSAGE_TOO_LARGE, "the message is larger than the other side accepts");
  }
  if (kind == PRTC_MESSAGE_TEXT && !prtc_is_utf8(bytes, size)) {
    return reject(data, PRTC_ERROR_SYNTAX, "the text is not UTF-8");
  }
  /* Parts are taken as long as there is room for anything: more than the bound may wait. */
  size_t room = data->queued_bytes < data->send_queue_size ? data->send_queue_size - data->queued_bytes : 0;
  if (size > room || data->queued_messages >= data->send_queue_size / 16) {
    return reject(data, PRTC_ERROR_QUEUE_FULL, "too much waits to be sent");
  }
  /* RFC 8831 section 6.6: SCTP has no empty messages; one byte is sent under a PPID that says so. */
  uint32_t ppid = kind == PRTC_MESSAGE_TEXT ? (size > 0 ? PRTC_PPID_STRING : PRTC_PPID_STRING_EMPTY)
                                            : (size > 0 ? PRTC_PPID_BINARY : PRTC_PPID_BINARY_EMPTY);
  int code = prtc_data_enqueue(data, channel, ppid, size > 0 ? bytes : &zero, size > 0 ? size : 1);
  if (code < 0) return reject(data, code, "no memory");
  channel->messages_sent++;
  channel->bytes_sent += size;
  return 0;
}

int prtc_data_send_part(prtc_data *data, prtc_time now, prtc_channel_id id, prtc_message_kind kind, const uint8_t *bytes,
                        size_t size, uint32_t flags) {
  struct prtc_data_channel *channel = prtc_map_get(&data->channels, id);
  data->error_message = "";
  set_time(data, now);
  if (channel == NULL) return reject(data, PRTC_ERROR_NOT_FOUND, "there is no such channel");
  if (channel->state != PRTC_CHANNEL_OPEN) return reject(data, PRTC_ERROR_INVALID_STATE, "the channel is not open");
  if (flags == PRTC_MESSAGE_ABANDONED) {
    prtc_data_abandon_open(data, channel);
    return data->failed ? PRTC_ERROR_NO_MEMORY : 0;
  }
  if ((flags & ~PRTC_MESSAGE_END) != 0 || size > PRTC_STREAM_QUEUE || (channel->part_open && channel->part_kind != kind) ||
      !is_message(kind, bytes, size)) {
    return reject(data, PRTC_ERROR_INVALID_ARGUMENT, "flags, or the kind of the part, or its size are wrong");
  }
  bool end = flags == PRTC_MESSAGE_END;
  uint64_t total = (channel->part_open ? channel->part_size : 0) + size;
  if (total == 0 && end) {
    channel->part_open = false;
    return prtc_data_send(data, now, id, kind, bytes, 0);
  }
  if (total > data->remote_max_message_size && data->remote_max_message_size != UINT32_MAX) {
    return reject(data, PRTC_ERROR_MESSAGE_TOO_LARGE, "the message is larger than the other side accepts");
  }
  if (kind == PRTC_MESSAGE_TEXT && !prtc_is_utf8(bytes, size)) {
    return reject(data, PRTC_ERROR_SYNTAX, "the part of a text is not UTF-8 by itself");
  }
  /* One byte of what was given may wait for the end (see send.c): it is not to keep its own message from going on. */
  bool has_none = channel->buffered_amount <= 1;
  bool is_full = (!has_none && channel->buffered_amount + size > PRTC_STREAM_QUEUE) ||
                 data->queued_bytes - (has_none ? channel->buffered_amount : 0) >= data->send_queue_size ||
                 (!has_none && data->queued_messages >= data->send_queue_size / 16);
  if (size > 0 && is_full) {
    channel->blocked = data->some_blocked = true;
    return reject(data, PRTC_ERROR_AGAIN, "enough waits to be sent");
  }
  if (!channel->part_open) channel->part_size = 0;
  channel->part_kind = kind;
  int code = size > 0 || end ? prtc_data_enqueue_part(data, channel, bytes, size, end) : 0;
  if (code < 0) return reject(data, code, "no memory");
  channel->part_open = !end;
  channel->part_size = total;
  channel->messages_sent += end;
  channel->bytes_sent += size;
  return 0;
}

int prtc_data_set_streaming(prtc_data *data, prtc_channel_id id, int streaming) {
  struct prtc_data_channel *channel = prtc_map_get(&data->channels, id);
  data->error_message = "";
  if (channel == NULL) return reject(data, PRTC_ERROR_NOT_FOUND, "there is no such channel");
  channel->streaming = streaming != 0;
  return 0;
}

int prtc_data_close_channel(prtc_data *data, prtc_channel_id id) {
  struct prtc_data_channel *channel = prtc_map_get(&data->channels, id);
  data->error_message = "";
  if (channel == NULL) return reject(data, PRTC_ERROR_NOT_FOUND, "there is no such channel");
  channel->closed_here = true;
  prtc_data_begin_close(data, channel, true);
  return data->failed ? PRTC_ERROR_NO_MEMORY : 0;
}

int prtc_data_set_buffered_amount_low_threshold(prtc_data *data, prtc_channel_id id, uint64_t threshold) {
  struct prtc_data_channel *channel = prtc_map_get(&data->channels, id);
  data->error_message = "";
  if (channel == NULL) return reject(data, PRTC_ERROR_NOT_FOUND, "there is no such channel");
  channel->low_threshold = threshold;
  return 0;
}

int prtc_data_channel_info(const prtc_data *data, prtc_channel_id id, prtc_channel_info *out) {
  const struct prtc_data_channel *channel = prtc_map_get(&data->channels, id);
  if (channel == NULL) return PRTC_ERROR_NOT_FOUND;
  if (out == NULL || out->size < sizeof out->size) return PRTC_ERROR_INVALID_ARGUMENT;
  prtc_channel_info info = {
      .size = out->size,
      .label = channel->label,
      .label_size = channel->label_size,
      .protocol = channel->protocol,
      .protocol_size = channel->protocol_size,
      .unordered = channel->unordered,
      .has_max_retransmits = channel->has_max_retransmits,
      .max_retransmits = channel->has_max_retransmits ? channel->reliability : 0,
      .has_max_packet_life_time = channel->has_max_packet_life_time,
      .max_packet_life_time = channel->has_max_packet_life_time ? channel->reliability : 0,
      .negotiated = channel->negotiated,
      .stream_id = channel->stream,
      .priority = channel->priority,
      .state = channel->state,
      .buffered_amount = channel->buffered_amount,
      .buffered_amount_low_threshold = channel->low_threshold,
      .messages_sent = channel->messages_sent,
      .bytes_sent = channel->bytes_sent,
      .messages_received = channel->messages_received,
      .bytes_received = channel->bytes_received,
  };
  memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
  return 0;
}

prtc_channel_id prtc_data_next_channel(const prtc_data *data, prtc_channel_id id) {
  const struct prtc_data_channel *channel = data->first;
  if (id != 0) {
    channel = prtc_map_get(&data->channels, id);
    if (channel != NULL) channel = channel->next;
  }
  return channel != NULL ? channel->id : 0;
}

void prtc_data_get_counts(const prtc_data *data, uint64_t *opened, uint64_t *closed) {
  *opened = data->opened_count;
  *closed = data->closed_count;
}
