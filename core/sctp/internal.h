/* What the files of core/sctp share.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_SCTP_INTERNAL_H
#define PRTC_SCTP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <polyrtc/sctp.h>

#include "core/sctp/crc32c.h"
#include "core/sctp/engine.h"
#include "core/sctp/mtu.h"

/* A packet that usrsctp has sent and the caller has not fetched. The stack's memory. */
struct prtc_sctp_packet {
  struct prtc_sctp_packet *next;
  size_t size;
  bool is_probe; /* of the path's MTU: it may be larger */
  uint8_t data[];
};

/* Beyond these, packets are lost as a network loses them: usrsctp sends again. One flush makes fewer (see flush). */
#define PRTC_SCTP_OUTPUT_LIMIT 1024

/* usrsctp takes no smaller one (SCTP_SMALLEST_PMTU, which leaves out the header). */
#define PRTC_SCTP_MTU_MIN (512u + 12u)

/* The largest packet that is made or taken: what a DTLS record holds (RFC 6347 section 4.1). */
#define PRTC_SCTP_PACKET_MAX 16384u

/* Messages (or parts of a message) that may wait to be sent, and as many that may wait to be read: each takes some hundred
 * bytes more than it has. */
#define PRTC_SCTP_MESSAGES_MAX 8192
/* Chunks of data that may be under way, or wait for those before them: 16 MiB of those of small packets. */
#define PRTC_SCTP_CHUNKS_MAX 16384

/* Unless configured, so many bytes are taken beyond what may be in flight: enough to be sent while nobody asks for more.
 * What waits here is in the way of what is sent next, so it is not more; and not more than the buffer in all. */
#define PRTC_SCTP_AHEAD (64u * 1024)
#define PRTC_SCTP_SEND_BUFFER (16u * 1024 * 1024)

/* Unless configured, the receive window grows from the one to the other. */
#define PRTC_SCTP_WINDOW (1024u * 1024)
#define PRTC_SCTP_WINDOW_MAX (16u * 1024 * 1024)

/* What usrsctp may hold before it is given no more data: ten times what an honest sender can cause, who heeds the
 * window. */
#define PRTC_SCTP_MEMORY_MAX(window) (8u * 1024 * 1024 + 8 * (size_t)(window))

/* What may come into the socket above the receive window: notifications, which the window does not count. */
#define PRTC_SCTP_NOTIFICATION_ROOM (64u * 1024)

/* Packets in parts that are put together at a time. */
#define PRTC_PATH_WHOLES 4

/* What is known of the path: path.h */
struct prtc_path {
  struct prtc_mtu mtu;
  uint32_t used;         /* the size that usrsctp has been told; 0: none yet */
  uint32_t takes;        /* the largest packet that this side takes, as the other side is told */
  uint32_t remote_takes; /* what the other side has told; 0: nothing */
  uint32_t nonce;        /* of the probes of this path */
  uint32_t divided;      /* the number of the latest packet that was sent in parts */
  uint64_t sent;         /* bytes, since the path was taken into use */
  uint64_t ask_at;       /* when that many were sent, the other side is asked how much it takes */
  bool tell;             /* the other side has asked what this one takes */
  struct prtc_path_whole *wholes[PRTC_PATH_WHOLES]; /* by number */
};

struct prtc_sctp {
  prtc_context *context;
  struct prtc_engine *engine;
  struct socket *socket;
  prtc_crc32c *crc32c;
  uint16_t local_port, remote_port;
  uint32_t mtu, max_mtu, streams, receive_window, max_receive_window, send_buffer, max_retransmissions;
  prtc_time window_since; /* when what was read since was counted from */
  size_t window_read;
  bool started;    /* the association exists, or existed */
  bool no_interleaving;
  bool paused;     /* messages are not taken */
  bool unflushed;  /* usrsctp holds messages that it was not yet told to send */
  prtc_time expires; /* when the life time of a message is over next, or earlier; PRTC_NEVER: none has one */
  bool blocked;    /* send has answered AGAIN since the last WRITABLE */
  bool closed;     /* CLOSED was reported, or will be next */
  bool tell_closed;
  int closed_code;
  bool is_goodbye;
  char closed_text[128];

  struct prtc_sctp_packet *output, **output_end;
  size_t output_count;
  struct prtc_sctp_packet *current; /* the caller has it */
  uint32_t steady;      /* packets of data that have come since one was missing, or the first */
  uint32_t burst;       /* packets that may leave at once still, after those of the last flush */
  uint32_t last_flight; /* bytes, when the last flush had sent what it sends */
  uint32_t fragmentation; /* prtc_fragmentation, of the packet that was fetched last */

  struct prtc_path path;

  struct prtc_sctp_packet *held; /* a request for stream resets (reconfig.h). The stack's memory */
  uint32_t held_until;           /* … and the TSN that it waits for */

  uint8_t *resets; /* a bit for each stream whose reset usrsctp cannot take yet */
  uint32_t reset_count;

  uint8_t *read; /* the last message or notification */
  size_t read_capacity;
  uint32_t list_next, list_count; /* streams of a reset notification in `read` that are still to be told */
  bool list_is_all;               /* … which names none, and so means all */
};

/* association.c: each enters the stack. 0 or an error. */
int prtc_association_open(struct prtc_sctp *sctp);
int prtc_association_connect(struct prtc_sctp *sctp);
int prtc_association_input(struct prtc_sctp *sctp, const uint8_t *packet, size_t size);
int prtc_association_output(struct prtc_sctp *sctp, size_t capacity); /* `current` is the next packet; its size */
int prtc_association_send(struct prtc_sctp *sctp, const prtc_sctp_message *message);
int prtc_association_abandon(struct prtc_sctp *sctp, uint32_t stream);
int prtc_association_reset_stream(struct prtc_sctp *sctp, uint32_t stream);
int prtc_association_add_streams(struct prtc_sctp *sctp, uint32_t count);
int prtc_association_abort(struct prtc_sctp *sctp);
/* Packets have this size at most from now on, and chunks of data are made for it. */
int prtc_association_set_mtu(struct prtc_sctp *sctp, uint32_t mtu);
/* Behind those that wait to be fetched. The stack's memory, and within a run. */
void prtc_association_enqueue(struct prtc_sctp *sctp, struct prtc_sctp_packet *packet);
/* NULL before the connect, and once the association has ended. */
struct sctp_tcb;
struct sctp_tcb *prtc_association_of(const struct prtc_sctp *sctp);
/* shortcuts.c, within a run. Sends a message that is whole: false when it is not of the usual kind (see send_work). */
bool prtc_association_send_whole(struct prtc_sctp *sctp, struct sctp_tcb *tcb, const prtc_sctp_message *message);
/* Takes a message that is there as a whole out of the queue of what is to be read. `out` has room for it. */
struct sctp_queued_to_read;
bool prtc_association_can_read_whole(const struct sctp_queued_to_read *entry);
void prtc_association_read_whole(struct prtc_sctp *sctp, struct sctp_queued_to_read *entry, uint8_t *out);
/* abandon.c */
int prtc_association_abandon_begun(struct prtc_sctp *sctp, struct sctp_tcb *tcb, uint32_t stream);
void prtc_association_note_life_time(struct prtc_sctp *sctp, const prtc_sctp_message *message); /* that was taken */
int prtc_association_expire(struct prtc_sctp *sctp); /* gives up what is over; before anything that may send */
/* Hands on what waited for usrsctp to be ready for it. */
int prtc_association_continue(struct prtc_sctp *sctp);

/* path.c */
void prtc_path_init(struct prtc_sctp *sctp);
void prtc_path_begin(struct prtc_sctp *sctp, uint32_t overhead);
void prtc_path_release(struct prtc_sctp *sctp); /* memory that packets in parts have taken */

/* These only look. */
bool prtc_association_exists(const struct prtc_sctp *sctp);
uint32_t prtc_association_tag(const struct prtc_sctp *sctp);        /* what the other side's packets carry */
uint32_t prtc_association_remote_tag(const struct prtc_sctp *sctp); /* 0: not known */
uint32_t prtc_association_streams(const struct prtc_sctp *sctp, bool incoming);
bool prtc_association_interleaves(const struct prtc_sctp *sctp);
/* Messages of so many bytes were read: lets the receive window grow when that was fast. Within a run. */
void prtc_association_note_read(struct prtc_sctp *sctp, size_t size);
bool prtc_association_is_open(const struct prtc_sctp *sctp);
uint32_t prtc_association_losses(const struct prtc_sctp *sctp); /* how often the oldest chunk under way was sent */
prtc_time prtc_association_rto(const struct prtc_sctp *sctp);
bool prtc_association_has_room(const struct prtc_sctp *sctp); /* to send */
size_t prtc_association_buffered(const struct prtc_sctp *sctp);
size_t prtc_association_unread(const struct prtc_sctp *sctp);

/* events.c: the next event out of the socket: 1, 0, or an error. */
int prtc_association_event(struct prtc_sctp *sctp, prtc_sctp_event *out);

#endif
