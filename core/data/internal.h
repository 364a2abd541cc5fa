/* What the files of core/data share: the object, its channels, and the steps of a channel's life.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_DATA_INTERNAL_H
#define PRTC_DATA_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <polyrtc/data.h>
#include <polyrtc/sctp.h>

#include "core/base/context.h"
#include "core/base/map.h"
#include "core/base/queue.h"

/* A message that waits to be sent, or a part of one that is streamed. */
struct prtc_data_message {
  struct prtc_data_message *next;
  uint32_t ppid;
  bool streamed;
  bool begin, end; /* of its message; a message that is not streamed is both */
  bool abandon;    /* no part, but word that the message which SCTP has in part is given up */
  prtc_time end_of_life; /* not sent any more after it; PRTC_NEVER. Of parts, that of the first counts */
  size_t payload; /* what it counts in bufferedAmount: 0 for an empty message, and for those of RFC 8832 */
  size_t size;    /* of bytes, at least 1 */
  uint8_t bytes[];
};

/* Bytes that are put together. */
struct prtc_data_buffer {
  uint8_t *bytes;
  size_t size, capacity;
};

/* A message of which SCTP has given parts. */
struct prtc_data_partial {
  uint32_t stream, ppid; /* as its first part said */
  bool streaming;  /* its parts are passed on */
  bool discarding; /* the rest of it is of no use */
  struct prtc_data_buffer buffer;
};

struct prtc_data_channel {
  prtc_channel_id id;
  uint32_t stream; /* PRTC_STREAM_NONE: not chosen yet */
  uint32_t state;  /* prtc_channel_state */
  char *label, *protocol;
  size_t label_size, protocol_size;
  bool unordered, has_max_retransmits, has_max_packet_life_time, negotiated;
  bool remote;           /* the other side opened it */
  bool may_be_unordered; /* RFC 8832 section 6: something has arrived on the channel since our OPEN */
  uint32_t reliability;  /* max_retransmits or max_packet_life_time */
  uint32_t priority;

  /* To be sent */
  struct prtc_data_message *first, *last;
  size_t offset;         /* of first: what SCTP has taken */
  bool first_unordered;  /* as its first part was sent */
  bool begun;            /* SCTP has a message of which it has not got the end */
  bool streaming;        /* what arrives is passed on in parts */
  bool part_open;        /* the application has begun a message in parts */
  uint32_t part_kind;
  uint64_t part_size;    /* … and has given so much of it */
  bool part_is_over;     /* … but its life time was over before SCTP had anything of it: what is given is thrown away */
  bool blocked;          /* a part was refused: the application waits for BUFFERED_AMOUNT_LOW */
  struct prtc_data_channel *next_waiting, *previous_waiting; /* in the ring of those that have something to send */
  bool waiting;
  int64_t credit;        /* bytes that it may send before it is another one's turn */
  uint64_t buffered_amount, low_threshold;
  bool low_is_told;      /* the event is in the queue */

  /* Closing: the stream is free again when both directions were reset (RFC 8831 section 6.7) */
  bool reset_asked, reset_done, remote_reset;
  bool closed_here; /* the application has closed it: it is not told of what came before and was not fetched */

  /* What came with the deprecated PPIDs for parts of a message (RFC 8831 section 8) */
  struct prtc_data_buffer partial;
  bool receiving; /* streaming: the application was given parts of a message and not its end */
  uint32_t receiving_kind;

  uint64_t messages_sent, bytes_sent, messages_received, bytes_received;
  struct prtc_data_channel *previous, *next; /* in the order in which they were made */
};

struct prtc_data {
  prtc_context *context;
  uint32_t max_message_size, send_queue_size, remote_max_message_size;
  bool has_role, is_client;
  bool connected, closed;
  bool interleaving; /* the association has RFC 8260 */
  bool streaming;    /* channels that the other side opens are streaming ones */
  bool failed; /* an event could not be queued for lack of memory */
  uint32_t streams;        /* usable in both directions; 65,535 until connected */
  uint32_t free_stream[2]; /* by parity: no lower one is free */
  uint32_t first_stream[2]; /* by parity: no lower one is chosen any more, for a reset has failed */
  const char *error_message;
  char closed_text[128];

  struct prtc_data_channel *first, *last;
  struct prtc_map channels, by_stream; /* by_stream: key stream + 1 */
  prtc_channel_id next_id;
  uint64_t opened_count, closed_count;

  struct prtc_data_channel *waiting; /* the last of the ring; its next is the next to send */
  struct prtc_data_channel *current; /* whose message SCTP has in part: see send.c for what waits until it is completed */
  struct prtc_data_channel *offered; /* whose first message was given by transmit */
  prtc_time now;                     /* of the last prtc_data_timeout or send */
  prtc_time stalled_since;           /* `current` has nothing to send and others wait; PRTC_NEVER: it is not so */
  uint64_t queued_bytes, queued_messages;
  bool some_blocked;                 /* perhaps a channel is `blocked` */
  struct prtc_queue resets; /* of uint32_t */

  struct prtc_queue events; /* of prtc_data_event */
  bool message_waits;       /* one of them is a message */
  struct prtc_data_channel *ended; /* its CLOSED was fetched */

  struct prtc_map partials; /* struct prtc_data_partial, key stream + 1 */
  size_t assembled_bytes;   /* in all of them */
  struct prtc_data_buffer assembly; /* the bytes of the last MESSAGE event that was put together */
  size_t remote_text;     /* bytes of labels and protocols that the other side chose */
  size_t partial_bytes;   /* in all channels' `partial` */
};

/* More labels than these from the other side, and its channels are refused. */
#define PRTC_DATA_REMOTE_TEXT_MAX (1024u * 1024)

/* Messages that are put together may take so many bytes in all, beside two of the largest. */
#define PRTC_DATA_ASSEMBLY_MAX (16u * 1024 * 1024)

/* More events than these unfetched, and prtc_data_receive asks to be called again. */
#define PRTC_DATA_EVENTS_MAX 1024

/* data.c */
void prtc_data_tell(prtc_data *data, const prtc_data_event *event);
void prtc_data_tell_state(prtc_data *data, const struct prtc_data_channel *channel, uint32_t type);
struct prtc_data_channel *prtc_data_channel_new(prtc_data *data, const prtc_channel_config *config);
void prtc_data_channel_free(prtc_data *data, struct prtc_data_channel *channel);
struct prtc_data_channel *prtc_data_on_stream(const prtc_data *data, uint32_t stream);
int prtc_data_take_stream(prtc_data *data, struct prtc_data_channel *channel, uint32_t stream);
void prtc_data_open(prtc_data *data, struct prtc_data_channel *channel);
/* Closes in order; `told` says that the application knows (it asked). */
void prtc_data_begin_close(prtc_data *data, struct prtc_data_channel *channel, bool told);
void prtc_data_finish_close(prtc_data *data, struct prtc_data_channel *channel); /* if both directions were reset */
void prtc_data_end(prtc_data *data, struct prtc_data_channel *channel);          /* closes at once */
void prtc_data_fail(prtc_data *data, struct prtc_data_channel *channel, int code, const char *text);

/* send.c */
int prtc_data_enqueue(prtc_data *data, struct prtc_data_channel *channel, uint32_t ppid, const uint8_t *bytes, size_t size);
void prtc_data_drop_queue(prtc_data *data, struct prtc_data_channel *channel); /* but for what SCTP has in part */
int prtc_data_enqueue_part(prtc_data *data, struct prtc_data_channel *channel, const uint8_t *bytes, size_t size, bool end);
void prtc_data_abandon_open(prtc_data *data, struct prtc_data_channel *channel); /* the message that was begun in parts */
void prtc_data_drop_all(prtc_data *data, struct prtc_data_channel *channel);
void prtc_data_ask_reset(prtc_data *data, uint32_t stream);

/* receive.c: what was given of a message in parts is all that there will be. */
void prtc_data_end_parts(prtc_data *data, struct prtc_data_channel *channel);
void prtc_data_drop_partials(prtc_data *data);
void prtc_data_drop_assembly(prtc_data *data);

#endif
