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
  uint32_t max_packet_life_time; /* milliseconds for which a message is (re)sent */
  uint32_t negotiated;    /* 1: both sides make the channel with the same stream_id, without RFC 8832 messages */
  uint32_t stream_id;     /* SCTP stream, 0 to 65,534; must be given when negotiated; PRTC_STREAM_NONE otherwise: chosen by the
                             parity of the DTLS role once that is known */
  uint32_t priority;      /* prtc_priority; 0 is LOW */
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

PRTC_END_DECLS

#endif
