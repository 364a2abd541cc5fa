/* What SCTP reports: messages, resets, the beginning and the end of the association.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/base/text.h"
#include "core/data/dcep.h"
#include "core/data/internal.h"

/* Deprecated, but read (RFC 8831 section 8): all but the last part of a message. */
enum { PPID_BINARY_PARTIAL = 52, PPID_STRING_PARTIAL = 54 };

static int append(prtc_data *data, struct prtc_data_buffer *buffer, const uint8_t *bytes, size_t size) {
  if (size > buffer->capacity - buffer->size) {
    size_t capacity = 1024; /* by its size alone, however it came */
    while (capacity < buffer->size + size) capacity *= 2;
    void *grown = prtc_reallocate(data->context, buffer->bytes, capacity);
    if (grown == NULL) return PRTC_ERROR_NO_MEMORY;
    buffer->bytes = grown;
    buffer->capacity = capacity;
  }
  memcpy(buffer->bytes + buffer->size, bytes, size);
  buffer->size += size;
  return 0;
}

static void clear(prtc_data *data, struct prtc_data_buffer *buffer) {
  prtc_release(data->context, buffer->bytes);
  memset(buffer, 0, sizeof *buffer);
}

static void clear_partial(prtc_data *data, struct prtc_data_channel *channel) {
  data->partial_bytes -= channel->partial.size;
  clear(data, &channel->partial);
}

/* ---------------------------------------------------------------------------------------------------- messages in parts */

static struct prtc_data_partial *partial_on(const prtc_data *data, uint32_t stream) {
  return prtc_map_get(&data->partials, (uint64_t)stream + 1);
}

static void drop_bytes(prtc_data *data, struct prtc_data_partial *partial) {
  data->assembled_bytes -= partial->buffer.size;
  clear(data, &partial->buffer);
}

static void drop_partial(prtc_data *data, struct prtc_data_partial *partial) {
  if (partial == NULL) return;
  drop_bytes(data, partial);
  prtc_map_remove(&data->partials, (uint64_t)partial->stream + 1);
  prtc_release(data->context, partial);
}

static struct prtc_data_partial *add_partial(prtc_data *data, uint32_t stream) {
  struct prtc_data_partial *partial = prtc_allocate(data->context, sizeof *partial);
  if (partial == NULL) return NULL;
  partial->stream = stream;
  if (prtc_map_set(&data->partials, (uint64_t)stream + 1, partial) == 0) return partial;
  prtc_release(data->context, partial);
  return NULL;
}

void prtc_data_drop_partials(prtc_data *data) {
  size_t i = 0;
  for (struct prtc_map_slot *slot; (slot = prtc_map_next(&data->partials, &i)) != NULL;) {
    struct prtc_data_partial *partial = slot->value;
    prtc_release(data->context, partial->buffer.bytes);
    prtc_release(data->context, partial);
  }
  prtc_map_clear(&data->partials);
}

void prtc_data_drop_assembly(prtc_data *data) { clear(data, &data->assembly); }

void prtc_data_end_parts(prtc_data *data, struct prtc_data_channel *channel) {
  static const uint8_t nothing = 0;
  if (!channel->receiving) return;
  channel->receiving = false;
  prtc_data_tell(data, &(prtc_data_event){.type = PRTC_DATA_EVENT_MESSAGE,
                                          .kind = channel->receiving_kind,
                                          .flags = PRTC_MESSAGE_ABANDONED,
                                          .channel = channel->id,
                                          .data = &nothing});
}

/* ------------------------------------------------------------------------------------------------------------- RFC 8832 */

/* Text that C code can take for UTF-8: what is none becomes question marks. */
static void make_utf8(char *text, size_t size) {
  if (prtc_is_utf8((const uint8_t *)text, size)) return;
  for (size_t i = 0; i < size; i++) {
    if ((uint8_t)text[i] >= 0x80) text[i] = '?';
  }
}

/* The other side is told that the channel it has opened is none here, rather than left to send into it. */
static int lack_memory(prtc_data *data, uint32_t stream) {
  prtc_data_ask_reset(data, stream);
  return PRTC_ERROR_NO_MEMORY;
}

/* RFC 8832 section 6: an OPEN that cannot be is answered by a reset of the stream, and no ACK. */
static int refuse(prtc_data *data, uint32_t stream) {
  struct prtc_data_channel *channel = prtc_data_on_stream(data, stream);
  if (channel != NULL) {
    prtc_data_fail(data, channel, PRTC_ERROR_PROTOCOL, "the other side opened a channel on a stream in use");
  } else if (stream < data->streams) {
    prtc_data_ask_reset(data, stream);
  }
  return PRTC_ERROR_UNEXPECTED;
}

static int receive_open(prtc_data *data, uint32_t stream, const uint8_t *bytes, size_t size) {
  static const uint8_t ack = PRTC_DCEP_ACK;
  struct prtc_dcep_open open;
  struct prtc_data_channel *channel = prtc_data_on_stream(data, stream);
  /* Who opens a stream again has seen both resets; our own confirmation is only late. */
  if (channel != NULL && channel->remote_reset && channel->reset_asked) prtc_data_end(data, channel);
  if (!prtc_dcep_read_open(&open, bytes, size)) {
    refuse(data, stream);
    return PRTC_ERROR_MALFORMED;
  }
  /* The other side's parity is the one that is not ours. */
  if (prtc_data_on_stream(data, stream) != NULL || (stream & 1) != (data->is_client ? 1u : 0u) || stream >= data->streams ||
      open.label_size + open.protocol_size > PRTC_DATA_REMOTE_TEXT_MAX - data->remote_text) {
    return refuse(data, stream);
  }
  prtc_channel_config config;
  prtc_channel_config_init(&config);
  config.label = (const char *)open.label;
  config.label_size = open.label_size;
  config.protocol = (const char *)open.protocol;
  config.protocol_size = open.protocol_size;
  config.unordered = open.unordered;
  config.has_max_retransmits = open.has_max_retransmits;
  config.has_max_packet_life_time = open.has_max_packet_life_time;
  config.max_retransmits = config.max_packet_life_time = open.reliability;
  config.priority = open.priority;
  config.streaming = data->streaming;
  channel = prtc_data_channel_new(data, &config);
  if (channel == NULL) return lack_memory(data, stream);
  make_utf8(channel->label, channel->label_size);
  make_utf8(channel->protocol, channel->protocol_size);
  channel->remote = true;
  channel->may_be_unordered = true;
  data->remote_text += channel->label_size + channel->protocol_size;
  if (prtc_data_take_stream(data, channel, stream) < 0 ||
      prtc_data_enqueue(data, channel, PRTC_PPID_DCEP, &ack, sizeof ack) < 0) {
    prtc_data_channel_free(data, channel);
    return lack_memory(data, stream);
  }
  prtc_data_tell_state(data, channel, PRTC_DATA_EVENT_CHANNEL);
  prtc_data_open(data, channel);
  return 0;
}

static int receive_dcep(prtc_data *data, uint32_t stream, const uint8_t *bytes, size_t size) {
  struct prtc_data_channel *channel = prtc_data_on_stream(data, stream);
  if (bytes[0] == PRTC_DCEP_OPEN) return receive_open(data, stream, bytes, size);
  if (bytes[0] != PRTC_DCEP_ACK || size != 1) return PRTC_ERROR_MALFORMED;
  if (channel == NULL || channel->remote || channel->negotiated) return PRTC_ERROR_UNEXPECTED;
  channel->may_be_unordered = true;
  return 0;
}

/* ------------------------------------------------------------------------------------------------------------- messages */

static int tell_message(prtc_data *data, struct prtc_data_channel *channel, uint32_t kind, const uint8_t *bytes,
                        size_t size) {
  channel->messages_received++;
  channel->bytes_received += size;
  data->message_waits = true;
  prtc_data_tell(data, &(prtc_data_event){.type = PRTC_DATA_EVENT_MESSAGE,
                                          .kind = kind,
                                          .flags = PRTC_MESSAGE_BEGIN | PRTC_MESSAGE_END,
                                          .channel = channel->id,
                                          .data = bytes,
                                          .size = size});
  return 0;
}

/* A part of a message, on a streaming channel. */
static int tell_part(prtc_data *data, struct prtc_data_channel *channel, uint32_t kind, bool end, const uint8_t *bytes,
                     size_t size) {
  uint32_t flags = (channel->receiving ? 0 : PRTC_MESSAGE_BEGIN) | (end ? PRTC_MESSAGE_END : 0);
  channel->receiving = !end;
  channel->receiving_kind = kind;
  channel->messages_received += end;
  channel->bytes_received += size;
  data->message_waits = true;
  prtc_data_tell(data, &(prtc_data_event){.type = PRTC_DATA_EVENT_MESSAGE,
                                          .kind = kind,
                                          .flags = flags,
                                          .channel = channel->id,
                                          .data = bytes,
                                          .size = size});
  return 0;
}

static int too_large(prtc_data *data, struct prtc_data_channel *channel) {
  clear_partial(data, channel);
  prtc_data_fail(data, channel, PRTC_ERROR_PROTOCOL, "the other side sent a message larger than max-message-size");
  return PRTC_ERROR_UNEXPECTED;
}

/* A part with a deprecated PPID, or the last part after such ones. */
static int receive_partial(prtc_data *data, struct prtc_data_channel *channel, uint32_t kind, bool is_last,
                           const uint8_t *bytes, size_t size) {
  size_t left = data->max_message_size - channel->partial.size;
  size_t left_of_all = 2 * (size_t)data->max_message_size - data->partial_bytes;
  if (size > left || size > left_of_all) {
    return too_large(data, channel);
  }
  if (append(data, &channel->partial, bytes, size) < 0) return PRTC_ERROR_NO_MEMORY;
  data->partial_bytes += size;
  if (!is_last) return 0;
  clear(data, &data->assembly);
  data->assembly = channel->partial;
  data->partial_bytes -= channel->partial.size;
  memset(&channel->partial, 0, sizeof channel->partial);
  return tell_message(data, channel, kind, data->assembly.bytes, data->assembly.size);
}

static bool is_text(uint32_t ppid) {
  return ppid == PRTC_PPID_STRING || ppid == PRTC_PPID_STRING_EMPTY || ppid == PPID_STRING_PARTIAL;
}

/* A whole SCTP message. */
static int receive_message(prtc_data *data, uint32_t stream, uint32_t ppid, const uint8_t *bytes, size_t size) {
  if (ppid == PRTC_PPID_DCEP) return receive_dcep(data, stream, bytes, size);
  struct prtc_data_channel *channel = prtc_data_on_stream(data, stream);
  if (channel == NULL) return PRTC_ERROR_UNEXPECTED;
  channel->may_be_unordered = true;
  if (channel->state != PRTC_CHANNEL_OPEN) return PRTC_ERROR_UNEXPECTED; /* W3C: what arrives after close is dropped */
  uint32_t kind = is_text(ppid) ? PRTC_MESSAGE_TEXT : PRTC_MESSAGE_BINARY;
  bool streaming = channel->receiving || (channel->streaming && channel->partial.size == 0);
  switch (ppid) {
  case PRTC_PPID_STRING:
  case PRTC_PPID_BINARY:
    if (streaming) return tell_part(data, channel, kind, true, bytes, size);
    if (channel->partial.size > 0) return receive_partial(data, channel, kind, true, bytes, size);
    if (size > data->max_message_size) return too_large(data, channel);
    return tell_message(data, channel, kind, bytes, size);
  case PRTC_PPID_STRING_EMPTY:
  case PRTC_PPID_BINARY_EMPTY:
    return tell_message(data, channel, kind, bytes, 0);
  case PPID_STRING_PARTIAL:
  case PPID_BINARY_PARTIAL:
    if (streaming) return tell_part(data, channel, kind, false, bytes, size);
    return receive_partial(data, channel, kind, false, bytes, size);
  default:
    return PRTC_ERROR_MALFORMED;
  }
}

static bool is_payload(uint32_t ppid) {
  return ppid == PRTC_PPID_STRING || ppid == PRTC_PPID_BINARY || ppid == PPID_STRING_PARTIAL || ppid == PPID_BINARY_PARTIAL;
}

static struct prtc_data_partial *begin_partial(prtc_data *data, const prtc_sctp_message *part) {
  struct prtc_data_channel *channel = prtc_data_on_stream(data, part->stream);
  drop_partial(data, partial_on(data, part->stream));
  struct prtc_data_partial *partial = add_partial(data, part->stream);
  if (partial != NULL) partial->ppid = part->ppid;
  if (partial == NULL || channel == NULL || !is_payload(part->ppid)) return partial;
  partial->streaming = channel->receiving || (channel->streaming && channel->partial.size == 0);
  partial->discarding = channel->state != PRTC_CHANNEL_OPEN;
  channel->may_be_unordered = true;
  return partial;
}

static int pass_on(prtc_data *data, uint32_t ppid, const prtc_sctp_message *part) {
  struct prtc_data_channel *channel = prtc_data_on_stream(data, part->stream);
  if (channel == NULL || channel->state != PRTC_CHANNEL_OPEN) return PRTC_ERROR_UNEXPECTED;
  bool end = part->end && (ppid == PRTC_PPID_STRING || ppid == PRTC_PPID_BINARY);
  uint32_t kind = is_text(ppid) ? PRTC_MESSAGE_TEXT : PRTC_MESSAGE_BINARY;
  return tell_part(data, channel, kind, end, part->data, part->size);
}

/* Puts a part behind those before it. Whole-message channels have a limit for each message, and all together have one. */
static int put_together(prtc_data *data, struct prtc_data_partial *partial, const prtc_sctp_message *part) {
  size_t limit = partial->ppid == PRTC_PPID_DCEP ? PRTC_DCEP_SIZE_MAX : data->max_message_size;
  size_t limit_of_all = PRTC_DATA_ASSEMBLY_MAX + 2 * (size_t)data->max_message_size;
  int code = 0;
  if (part->size > limit - partial->buffer.size || part->size > limit_of_all - data->assembled_bytes) {
    struct prtc_data_channel *channel = prtc_data_on_stream(data, part->stream);
    if (channel != NULL && channel->state == PRTC_CHANNEL_OPEN) too_large(data, channel);
    code = PRTC_ERROR_UNEXPECTED;
  } else {
    code = append(data, &partial->buffer, part->data, part->size);
  }
  if (code == 0) {
    data->assembled_bytes += part->size;
  } else {
    partial->discarding = true;
    drop_bytes(data, partial);
  }
  return code;
}

/* A message is lost for the lack of memory: its channel cannot keep its promise. */
static int no_memory(prtc_data *data, uint32_t stream) {
  struct prtc_data_channel *channel = prtc_data_on_stream(data, stream);
  if (channel != NULL) {
    prtc_data_fail(data, channel, PRTC_ERROR_NO_MEMORY, "no memory for a message");
  } else if (stream < data->streams) {
    prtc_data_ask_reset(data, stream); /* it would have been opened */
  }
  return PRTC_ERROR_NO_MEMORY;
}

/* A part of a message that SCTP could not give whole. Those of several streams may come side by side. */
static int receive_part(prtc_data *data, const prtc_sctp_message *part) {
  struct prtc_data_partial *partial = part->begin ? begin_partial(data, part) : partial_on(data, part->stream);
  if (partial == NULL) return part->begin ? no_memory(data, part->stream) : PRTC_ERROR_UNEXPECTED;
  int code = 0;
  if (partial->streaming) {
    code = pass_on(data, partial->ppid, part);
  } else if (!partial->discarding) {
    code = put_together(data, partial, part);
    if (code == PRTC_ERROR_NO_MEMORY) no_memory(data, part->stream);
  }
  if (!part->end) return code;
  bool whole = !partial->streaming && !partial->discarding;
  uint32_t ppid = partial->ppid;
  if (whole) {
    clear(data, &data->assembly);
    data->assembly = partial->buffer;
    data->assembled_bytes -= partial->buffer.size;
    memset(&partial->buffer, 0, sizeof partial->buffer);
  }
  drop_partial(data, partial);
  return whole ? receive_message(data, part->stream, ppid, data->assembly.bytes, data->assembly.size) : code;
}

static void abandoned(prtc_data *data, uint32_t stream) {
  struct prtc_data_partial *partial = partial_on(data, stream);
  struct prtc_data_channel *channel = prtc_data_on_stream(data, stream);
  if (partial != NULL && partial->streaming && channel != NULL) prtc_data_end_parts(data, channel);
  drop_partial(data, partial);
}

/* ----------------------------------------------------------------------------------------------- the association itself */

static void incoming_reset(prtc_data *data, uint32_t stream) {
  struct prtc_data_channel *channel = prtc_data_on_stream(data, stream);
  drop_partial(data, partial_on(data, stream));
  if (channel == NULL) return;
  channel->remote_reset = true;
  clear_partial(data, channel);
  /* Before this side knows that it is connected: the other one knew, and waits for ours. */
  if (channel->state == PRTC_CHANNEL_CONNECTING) prtc_data_ask_reset(data, stream);
  prtc_data_begin_close(data, channel, false);
  prtc_data_finish_close(data, channel);
}

/* Nobody can say any more when what was sent on the stream has passed: the channel ends, and no other is to follow it
 * there. */
void prtc_data_reset_failed(prtc_data *data, uint32_t stream, int code) {
  struct prtc_data_channel *channel = prtc_data_on_stream(data, stream);
  if (channel == NULL || !channel->reset_asked) return;
  PRTC_LOG(data->context, PRTC_LOG_WARNING, "data", "stream %u was not reset: %s", stream, prtc_strerror(code));
  uint32_t *first = &data->first_stream[stream & 1], *lowest = &data->free_stream[stream & 1];
  if (stream >= *first) *first = stream + 2;
  if (*lowest < *first) *lowest = *first;
  prtc_data_end(data, channel);
}

static void outgoing_reset(prtc_data *data, uint32_t stream, int code) {
  struct prtc_data_channel *channel = prtc_data_on_stream(data, stream);
  if (channel == NULL || !channel->reset_asked) return; /* of a channel that is gone */
  if (code < 0) {
    prtc_data_reset_failed(data, stream, code);
    return;
  }
  channel->reset_done = true;
  prtc_data_finish_close(data, channel);
}

static void set_streams(prtc_data *data, const prtc_sctp_event *event) {
  uint32_t both = event->outgoing_streams < event->incoming_streams ? event->outgoing_streams : event->incoming_streams;
  data->streams = both < 65535 ? both : 65535;
}

static void connected(prtc_data *data, const prtc_sctp_event *event) {
  if (data->connected) return;
  data->connected = true;
  data->interleaving = event->interleaving != 0;
  set_streams(data, event);
  for (struct prtc_data_channel *channel = data->first, *next; channel != NULL; channel = next) {
    next = channel->next;
    if (channel->state != PRTC_CHANNEL_CONNECTING || channel->stream == PRTC_STREAM_NONE) continue;
    if (channel->stream < data->streams) {
      prtc_data_open(data, channel);
    } else {
      prtc_data_fail(data, channel, PRTC_ERROR_OUT_OF_IDS, "the channel's id is beyond the streams that were agreed on");
    }
  }
}

void prtc_data_closed(prtc_data *data, int code, const char *text) {
  if (data->closed) return;
  data->closed = true;
  struct prtc_text out = prtc_text_of(data->closed_text, sizeof data->closed_text);
  prtc_text_print(&out, "%s", text != NULL ? text : "");
  for (struct prtc_data_channel *channel = data->first; channel != NULL; channel = channel->next) {
    if (channel->state == PRTC_CHANNEL_CLOSED) continue;
    if (code < 0) {
      prtc_data_tell(data, &(prtc_data_event){.type = PRTC_DATA_EVENT_ERROR,
                                              .channel = channel->id,
                                              .code = code,
                                              .text = data->closed_text});
    }
    prtc_data_end(data, channel);
  }
}

int prtc_data_receive(prtc_data *data, const prtc_sctp_event *event) {
  if (data->closed) return PRTC_ERROR_INVALID_STATE;
  if (data->message_waits || data->events.count >= PRTC_DATA_EVENTS_MAX) return PRTC_ERROR_AGAIN;
  int code = 0;
  switch (event->type) {
  case PRTC_SCTP_EVENT_CONNECTED:
    connected(data, event);
    break;
  case PRTC_SCTP_EVENT_CLOSED:
    prtc_data_closed(data, event->code, event->text);
    break;
  case PRTC_SCTP_EVENT_MESSAGE:
    if (event->message.size == 0) return PRTC_ERROR_MALFORMED;
    if (event->message.begin && event->message.end) {
      code = receive_message(data, event->message.stream, event->message.ppid, event->message.data, event->message.size);
    } else {
      code = receive_part(data, &event->message);
    }
    break;
  case PRTC_SCTP_EVENT_INCOMING_RESET:
    incoming_reset(data, event->message.stream);
    break;
  case PRTC_SCTP_EVENT_OUTGOING_RESET:
    outgoing_reset(data, event->message.stream, event->code);
    break;
  case PRTC_SCTP_EVENT_STREAMS:
    set_streams(data, event);
    break;
  case PRTC_SCTP_EVENT_ABANDONED:
    abandoned(data, event->message.stream);
    break;
  default:
    break;
  }
  return data->failed ? PRTC_ERROR_NO_MEMORY : code;
}
