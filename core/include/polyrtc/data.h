/* polyrtc/data.h: data channels, W3C WebRTC 1.0 section 6, RFC 8831, RFC 8832.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef POLYRTC_DATA_H
#define POLYRTC_DATA_H

#include <polyrtc/error.h>
#include <polyrtc/types.h>

PRTC_BEGIN_DECLS

/* W3C RTCDataChannelState */
typedef enum prtc_channel_state {
  PRTC_CHANNEL_CONNECTING = 0,
  PRTC_CHANNEL_OPEN,
  PRTC_CHANNEL_CLOSING,
  PRTC_CHANNEL_CLOSED
} prtc_channel_state;

/* RFC 8831 section 8: the payload protocol identifiers tell text from binary and mark empty messages. */
typedef enum prtc_message_kind { PRTC_MESSAGE_TEXT = 0, PRTC_MESSAGE_BINARY = 1 } prtc_message_kind;

/* W3C priorities as RFC 8831 section 6.4 and RFC 8832 section 5.1 give them numbers. */
typedef enum prtc_priority {
  PRTC_PRIORITY_VERY_LOW = 128,
  PRTC_PRIORITY_LOW = 256,
  PRTC_PRIORITY_MEDIUM = 512,
  PRTC_PRIORITY_HIGH = 1024
} prtc_priority;

/* Stream id of a channel whose id is not known yet. */
#define PRTC_STREAM_NONE UINT32_MAX

/* The most bytes that may wait to be sent, over all channels of a peer, unless the configuration says otherwise. */
#define PRTC_SEND_QUEUE_DEFAULT (16u * 1024 * 1024)

/* The largest message that is taken from the other side, and announced in a=max-message-size, unless configured. */
#define PRTC_MAX_MESSAGE_SIZE_DEFAULT (256u * 1024)

/* The most that may be configured: SCTP's receive window is twice as large. */
#define PRTC_MAX_MESSAGE_SIZE_MOST (256u * 1024 * 1024)
/* For a max_message_size: none is announced (a=max-message-size:0), for messages that are streamed. Channels that take
 * whole messages then take up to PRTC_WHOLE_MESSAGE_LIMIT bytes. */
#define PRTC_MAX_MESSAGE_SIZE_NONE UINT32_MAX
#define PRTC_WHOLE_MESSAGE_LIMIT (16u * 1024 * 1024)

/* Bytes of a streamed message that may wait to be sent on a channel, and so the largest part. */
#define PRTC_STREAM_QUEUE (1024u * 1024)

/* Towards a peer without interleaving (RFC 8260) other channels wait while a message is sent. One that is streamed and has
 * stopped for so long (microseconds), while others wait, is given up, and its channel fails with TIMEOUT. */
#define PRTC_STALL_LIMIT 5000000u

/* Flags of a message that arrives. A whole message has BEGIN and END. On a streaming channel a message comes in parts: the
 * first has BEGIN, the last has END. Instead of the last there may be one with ABANDONED alone, without bytes: the rest of
 * the message will not come. */
#define PRTC_MESSAGE_BEGIN 1u
#define PRTC_MESSAGE_END 2u
#define PRTC_MESSAGE_ABANDONED 4u

/* W3C RTCDataChannelInit. PRTC_INIT it, then call prtc_channel_config_init for the standard's defaults. */
typedef struct prtc_channel_config {
  size_t size;
  const char *label;      /* UTF-8, at most 65,535 bytes */
  size_t label_size;
  const char *protocol;   /* UTF-8, at most 65,535 bytes */
  size_t protocol_size;
  uint32_t unordered;           /* 1: messages may overtake each other. 0, the default: ordered */
  uint32_t has_max_retransmits; /* 1: max_retransmits counts. At most one of the two may be set */
  uint32_t max_retransmits;     /* times that a message is sent again */
  uint32_t has_max_packet_life_time;
  uint32_t max_packet_life_time; /* milliseconds from its send for which a message is sent and sent again */
  uint32_t negotiated;    /* 1: both sides make the channel with the same stream_id, without RFC 8832 messages */
  uint32_t stream_id;     /* SCTP stream, 0 to 65,534; must be given when negotiated; PRTC_STREAM_NONE otherwise: chosen by
                             the parity of the DTLS role once that is known */
  uint32_t priority;      /* prtc_priority; 0 is LOW */
  uint32_t streaming;     /* 1: messages that arrive are given in parts, as large as they may be. Beyond the W3C, and of no
                             concern to the other side */
} prtc_channel_config;

/* What is known of a channel. label and protocol are NUL-terminated and stay valid as long as the channel. */
typedef struct prtc_channel_info {
  size_t size;
  const char *label;
  size_t label_size;
  const char *protocol;
  size_t protocol_size;
  uint32_t unordered;
  uint32_t has_max_retransmits;
  uint32_t max_retransmits;
  uint32_t has_max_packet_life_time;
  uint32_t max_packet_life_time;
  uint32_t negotiated;
  uint32_t stream_id;             /* PRTC_STREAM_NONE when not known yet */
  uint32_t priority;
  uint32_t state;                 /* prtc_channel_state */
  uint64_t buffered_amount;       /* W3C bufferedAmount: bytes handed to send that SCTP has not taken yet */
  uint64_t buffered_amount_low_threshold;
  uint64_t messages_sent, bytes_sent, messages_received, bytes_received;
} prtc_channel_info;

/* --------------------------------------------------------------------------------------- channels as a building block */

/* The channels of one SCTP association. The object neither sends nor receives: it turns what the application wants into
 * SCTP messages and stream resets, and what SCTP reports into events. Its caller stands between the two:
 *
 *     to SCTP     while (prtc_data_transmit(data, &message) > 0 && (code = prtc_sctp_send(sctp, now, &message)) != AGAIN)
 *                   prtc_data_transmitted(data, code);
 *                 while (prtc_data_reset(data, &stream) > 0)
 *                   if ((code = prtc_sctp_reset_stream(sctp, now, stream)) < 0) prtc_data_reset_failed(data, stream, code);
 *     from SCTP   while there is no event: prtc_sctp_event_next(sctp, &e) > 0, then prtc_data_receive(data, &e)
 *     events      while (prtc_data_event_next(data, &event) > 0) …
 *
 * Messages that arrive are not kept here: they are passed on within SCTP's own buffer. So SCTP is asked for its next event
 * only when the application asks for one, and what nobody fetches closes the other side's window. */
typedef struct prtc_data prtc_data;

typedef struct prtc_data_config {
  size_t size;
  uint32_t max_message_size; /* bytes, what is taken from the other side on channels that do not stream; 0:
                                PRTC_MAX_MESSAGE_SIZE_DEFAULT; PRTC_MAX_MESSAGE_SIZE_NONE */
  uint32_t send_queue_size;  /* bytes that may wait over all channels; 0: PRTC_SEND_QUEUE_DEFAULT. Also bounds the number of
                                messages that wait: one for each 16 bytes */
  prtc_channel_id first_channel; /* ids count from here; 0: from 1 */
  uint32_t streaming;        /* 1: channels that the other side opens are streaming ones */
} prtc_data_config;

/* Which events a channel has, in their order: CHANNEL (if the other side opened it), OPEN, any MESSAGE and
 * BUFFERED_AMOUNT_LOW, ERROR (if it failed), CLOSING (unless prtc_data_close_channel began it), CLOSED. */
typedef enum prtc_data_event_type {
  PRTC_DATA_EVENT_NONE = 0,
  PRTC_DATA_EVENT_CHANNEL, /* the other side opened it: see prtc_data_channel_info */
  PRTC_DATA_EVENT_OPEN,
  PRTC_DATA_EVENT_MESSAGE, /* kind, flags, data, size: valid until the next prtc_data_event_next or prtc_data_receive, and
                              as long as SCTP's event */
  PRTC_DATA_EVENT_BUFFERED_AMOUNT_LOW,
  PRTC_DATA_EVENT_CLOSING,
  PRTC_DATA_EVENT_ERROR,   /* code, text */
  PRTC_DATA_EVENT_CLOSED   /* the id ends with the next call of prtc_data_event_next */
} prtc_data_event_type;

typedef struct prtc_data_event {
  uint32_t type;
  uint32_t kind;       /* prtc_message_kind. Text is passed on as it came: it may be no UTF-8 */
  prtc_channel_id channel;
  int32_t code;
  const uint8_t *data; /* not NULL in a message, also when size is 0 */
  size_t size;
  const char *text;    /* NUL-terminated, or NULL; valid until prtc_data_free */
  uint32_t flags;      /* PRTC_MESSAGE_… */
} prtc_data_event;

struct prtc_sctp_message;
struct prtc_sctp_event;

/* NULL when memory is lacking. config may be NULL. */
PRTC_API prtc_data *prtc_data_new(prtc_context *context, const prtc_data_config *config);
PRTC_API void prtc_data_free(prtc_data *data);

/* The DTLS role is known: channels without a stream get one (RFC 8832 section 6: the client has the even ones). */
PRTC_API int prtc_data_set_role(prtc_data *data, int is_dtls_client);

/* a=max-message-size of the other side, bytes; UINT32_MAX: no limit, which is also so until this is called. */
PRTC_API void prtc_data_set_remote_max_message_size(prtc_data *data, uint32_t size);

/* Commands: as the prtc_peer_ functions of the same names say (peer.h). `create_channel` may be called before anything is
 * connected. */
PRTC_API int prtc_data_create_channel(prtc_data *data, const prtc_channel_config *config, prtc_channel_id *out);
PRTC_API int prtc_data_send(prtc_data *data, prtc_time now, prtc_channel_id channel, prtc_message_kind kind,
                            const uint8_t *bytes, size_t size);
PRTC_API int prtc_data_send_part(prtc_data *data, prtc_time now, prtc_channel_id channel, prtc_message_kind kind,
                                 const uint8_t *bytes, size_t size, uint32_t flags);
PRTC_API int prtc_data_set_streaming(prtc_data *data, prtc_channel_id channel, int streaming);
PRTC_API int prtc_data_close_channel(prtc_data *data, prtc_channel_id channel);
PRTC_API int prtc_data_set_buffered_amount_low_threshold(prtc_data *data, prtc_channel_id channel, uint64_t threshold);
PRTC_API int prtc_data_channel_info(const prtc_data *data, prtc_channel_id channel, prtc_channel_info *out);

/* Why the last command failed, in a sentence; "" when it did not. Static storage. */
PRTC_API const char *prtc_data_error_message(const prtc_data *data);

/* The channel made next after that of `id` (0: the first); 0 when there is no later one. */
PRTC_API prtc_channel_id prtc_data_next_channel(const prtc_data *data, prtc_channel_id id);

/* W3C RTCPeerConnectionStats: channels that have been open, and those of them that are so no more. */
PRTC_API void prtc_data_get_counts(const prtc_data *data, uint64_t *opened, uint64_t *closed);

/* The W3C's defaults: *config is set to them. */
PRTC_API void prtc_channel_config_init(prtc_channel_config *config);

/* What SCTP reported. CONNECTED opens the channels; CLOSED closes all of them, as does prtc_data_closed with a cause that
 * SCTP does not know of. AGAIN: the last message, or too many other events, were not fetched yet (nothing was taken: come
 * again after prtc_data_event_next). What was received was dropped: MALFORMED, UNEXPECTED (there is no such channel, or it
 * is not open; larger than max_message_size), INVALID_STATE (all is closed). NO_MEMORY: so it was, and its channel has
 * failed, or an event is lost. */
PRTC_API int prtc_data_receive(prtc_data *data, const struct prtc_sctp_event *event);
PRTC_API void prtc_data_closed(prtc_data *data, int code, const char *text);

/* The next message (or part of one) for SCTP: 1, or 0 when nothing waits. It stays the next, and its bytes stay, until
 * prtc_data_transmitted says what SCTP made of it; AGAIN is not to be reported. (One whose life time is over at the next
 * call is passed over then.) */
PRTC_API int prtc_data_transmit(prtc_data *data, struct prtc_sctp_message *out);
PRTC_API void prtc_data_transmitted(prtc_data *data, int code);

/* Time has passed: to be called before each round of prtc_data_transmit, and at the deadline (PRTC_NEVER: there is
 * none). */
PRTC_API void prtc_data_timeout(prtc_data *data, prtc_time now);
PRTC_API prtc_time prtc_data_deadline(const prtc_data *data);

/* Takes the next stream that is to be reset: 1, or 0. */
PRTC_API int prtc_data_reset(prtc_data *data, uint32_t *stream);
/* It could not be: the channel is closed all the same, and its stream is not given to another one. So it is when SCTP
 * reports that the other side has refused. */
PRTC_API void prtc_data_reset_failed(prtc_data *data, uint32_t stream, int code);

/* The next event: 1, 0, or NO_MEMORY when there is none and one was lost for the lack of it (sticky). */
PRTC_API int prtc_data_event_next(prtc_data *data, prtc_data_event *out);

PRTC_END_DECLS

#endif
