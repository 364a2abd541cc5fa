/* polyrtc/sctp.h: SCTP as a building block (the subset of RFC 9260 that RFC 8831 needs), over usrsctp.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * One object is one association of two ports over one path; what carries the packets (DTLS in WebRTC) is the caller's.
 */
#ifndef POLYRTC_SCTP_H
#define POLYRTC_SCTP_H

#include <polyrtc/error.h>
#include <polyrtc/types.h>

PRTC_BEGIN_DECLS

typedef struct prtc_sctp prtc_sctp;

/* Payload protocol identifiers, RFC 8831 section 8 */
#define PRTC_PPID_DCEP 50u
#define PRTC_PPID_STRING 51u
#define PRTC_PPID_BINARY 53u
#define PRTC_PPID_STRING_EMPTY 56u
#define PRTC_PPID_BINARY_EMPTY 57u

typedef struct prtc_sctp_config {
  size_t size;
  uint16_t local_port;        /* 0: 5000 */
  uint16_t remote_port;       /* 0: 5000 */
  uint32_t mtu;               /* bytes of one SCTP packet, at least 524; 0: 1,136 (what DTLS leaves of 1,200) */
  uint32_t streams;           /* outgoing streams to ask for, and incoming ones to allow; 0: 1,024 */
  uint32_t receive_window;    /* bytes, at first; 0: 1 MiB. With interleaving a message comes in parts as its fragments arrive;
                                 without, messages of up to half the window come whole, larger ones in parts */
  uint32_t send_buffer;       /* bytes taken before send answers AGAIN (the last message may reach over it); 0: the
                                 congestion window and 64 KiB, at most what 2 Gbit/s have within a round trip, and
                                 16 MiB, so that what is sent later waits for little */
  uint32_t max_retransmissions; /* of one chunk in a row until the association is given up; 0: the caller decides by other
                                   means
                                 (ICE consent), so practically never */
  uint32_t no_interleaving;   /* 1: do not offer interleaving (RFC 8260) */
  uint32_t max_mtu;           /* bytes of a packet, at most 16,384, up to which the path is searched for larger ones than
                                 `mtu` (RFC 8899) once there is much to send. They go to another polyrtc, which tells that
                                 it takes them. Not above `mtu`: nothing is searched for */
  uint32_t max_receive_window; /* bytes up to which the window grows when the other side makes use of it. Not above
                                 `receive_window`: it stays; 0: 16 MiB, or where `receive_window` is given, that */
} prtc_sctp_config;

/* How hard a message is tried, RFC 3758 and RFC 7496 */
typedef enum prtc_reliability {
  PRTC_RELIABLE = 0,
  PRTC_LIMITED_RETRANSMITS, /* value: retransmissions */
  PRTC_LIMITED_LIFE_TIME    /* value: milliseconds */
} prtc_reliability;

/* A message on a stream, or a part of one. A message that was begun on a stream has to be ended before another one on it.
 * With interleaving (see PRTC_SCTP_EVENT_CONNECTED) messages of different streams may be under way side by side; without,
 * what is sent on other streams waits for the end of the message that was begun. */
typedef struct prtc_sctp_message {
  uint32_t stream;
  uint32_t ppid;
  uint32_t unordered;
  uint32_t reliability;       /* prtc_reliability; of no meaning on receipt */
  uint32_t reliability_value;
  uint32_t begin, end;        /* parts of one message: only the first has begin, only the last has end */
  uint32_t abandon;           /* 1, going out: the message that was begun will not be completed. No data */
  const uint8_t *data;
  size_t size;                /* at least 1: SCTP has no empty messages (RFC 8831 section 6.6) */
} prtc_sctp_message;

typedef enum prtc_sctp_event_type {
  PRTC_SCTP_EVENT_NONE = 0,
  PRTC_SCTP_EVENT_CONNECTED,      /* outgoing_streams, incoming_streams, interleaving */
  PRTC_SCTP_EVENT_CLOSED,         /* code: 0 after a shutdown, SCTP_ABORTED, TIMEOUT; text */
  PRTC_SCTP_EVENT_MESSAGE,        /* message; its data stays valid until the next event_next, receive, timeout or free */
  PRTC_SCTP_EVENT_INCOMING_RESET, /* message.stream: the other side has reset its outgoing stream (RFC 6525) */
  PRTC_SCTP_EVENT_OUTGOING_RESET, /* message.stream: the other side has confirmed our reset; code: 0, or refused */
  PRTC_SCTP_EVENT_STREAMS,        /* outgoing_streams, incoming_streams have grown */
  PRTC_SCTP_EVENT_WRITABLE,       /* after send answered AGAIN: there is room now */
  PRTC_SCTP_EVENT_ABANDONED       /* message.stream: the message of which parts were given will not be completed */
} prtc_sctp_event_type;

typedef struct prtc_sctp_event {
  uint32_t type;
  int32_t code;
  uint32_t outgoing_streams, incoming_streams;
  uint32_t interleaving;          /* 1: both sides have RFC 8260 */
  prtc_sctp_message message;
  char text[128];
  uint32_t is_goodbye; /* CLOSED with SCTP_ABORTED: 1 when the other side gave no cause, or that its user wanted it */
} prtc_sctp_event;

/* NULL when memory is lacking or a member of the configuration is out of its range. config may be NULL. */
PRTC_API prtc_sctp *prtc_sctp_new(prtc_context *context, prtc_time now, const prtc_sctp_config *config);
PRTC_API void prtc_sctp_free(prtc_sctp *sctp);

/* Begins (INIT at the next transmit). Both sides may call it; simultaneous INITs meet in one association. Without it an
 * arriving INIT is answered. */
PRTC_API int prtc_sctp_connect(prtc_sctp *sctp, prtc_time now);

/* The five verbs. `receive` takes one SCTP packet; `transmit` gives one. What `receive` drops: MALFORMED, UNAUTHENTICATED
 * (the checksum is wrong), UNEXPECTED (other ports, another association's tag), QUEUE_FULL (too many events wait), CLOSED
 * (it has ended). `transmit` returns the packet's size, 0, or BUFFER_TOO_SMALL (the packet stays). All of them: NO_MEMORY,
 * from then on at each call. */
PRTC_API int prtc_sctp_receive(prtc_sctp *sctp, prtc_time now, const uint8_t *data, size_t size);
PRTC_API int prtc_sctp_transmit(prtc_sctp *sctp, prtc_time now, uint8_t *out, size_t capacity);
/* Whether the packet that `transmit` gave last may be fragmented on its way (prtc_fragmentation). Those that are to find out
 * what the path takes may not. */
PRTC_API uint32_t prtc_sctp_fragmentation(const prtc_sctp *sctp);
PRTC_API prtc_time prtc_sctp_deadline(const prtc_sctp *sctp);
PRTC_API int prtc_sctp_timeout(prtc_sctp *sctp, prtc_time now);

/* Packets take another path from now on, which adds `overhead` bytes to each (DTLS, UDP and IP, or what else there is): the
 * search for its MTU begins anew, and until then packets have `mtu` bytes at most. */
PRTC_API void prtc_sctp_new_path(prtc_sctp *sctp, uint32_t overhead);

/* Bytes that packets have now at most. */
PRTC_API uint32_t prtc_sctp_mtu(const prtc_sctp *sctp);

/* Events: 1, 0, or NO_MEMORY: sticky when usrsctp had none, or for a message alone, which stays the next. Messages are
 * taken out of the receive window only here: not calling it closes the window. */
PRTC_API int prtc_sctp_event_next(prtc_sctp *sctp, prtc_sctp_event *out);

/* 1: no messages are taken (nor what came after them) until 0 is given again, so that the window closes; other events
 * flow. */
PRTC_API void prtc_sctp_pause(prtc_sctp *sctp, int paused);

/* Queues one message, or part of one, or gives up the one that was begun on the stream (RFC 3758: the other side is told to
 * forget it; NOT_SUPPORTED when it cannot be told). AGAIN when the send buffer is full (WRITABLE follows); nothing was
 * taken then. NOT_FOUND for a stream that was not negotiated. The bytes are copied. */
PRTC_API int prtc_sctp_send(prtc_sctp *sctp, prtc_time now, const prtc_sctp_message *message);

/* RFC 6525: resets outgoing streams, once all that was queued on them is acknowledged. Any number may wait. Errors:
 * INVALID_STATE (there is no association), CLOSED, NOT_FOUND (no such stream), NOT_SUPPORTED (the other side has no RFC
 * 6525), NO_MEMORY. */
PRTC_API int prtc_sctp_reset_stream(prtc_sctp *sctp, prtc_time now, uint32_t stream);

/* Ask for more outgoing streams (RFC 6525 section 4.5); STREAMS follows where the other side agrees. */
PRTC_API int prtc_sctp_add_streams(prtc_sctp *sctp, prtc_time now, uint32_t count);

/* ABORT at the next transmit; CLOSED follows at once. */
PRTC_API int prtc_sctp_abort(prtc_sctp *sctp, prtc_time now);

/* Bytes taken by send and not yet acknowledged. */
PRTC_API size_t prtc_sctp_buffered(const prtc_sctp *sctp);

PRTC_END_DECLS

#endif
