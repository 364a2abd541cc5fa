/* polyrtc/turn.h: a TURN client as a building block: one allocation on one server (RFC 8656), over datagrams or a stream.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Terms
 *   server      the TURN server, reached by the caller over UDP, TCP or TLS: this object sees the bytes alone
 *   relayed     the address that the server has opened for this client; a peer sends to it, and sees data come from it
 *   mapped      this client's address as the server sees it
 *   peer        whom data is exchanged with through the server, named by its address. The server passes on only what has
 *               come from, or goes to, an address with a permission, which this side asks for (prtc_turn_permit)
 *   channel     a number that stands for a peer's address: each datagram has 4 bytes of header instead of 36 or more
 *
 * The object asks for the allocation, keeps it and its permissions and channels alive, and wraps and unwraps datagrams.
 * Which data goes where, and when, is the caller's. What a server may do, lying, stalling or resetting at any step, is
 * bounded: each request ends by a deadline, each retry is counted, and whatever the end it comes once as an event.
 */
#ifndef POLYRTC_TURN_H
#define POLYRTC_TURN_H

#include <polyrtc/error.h>
#include <polyrtc/types.h>

PRTC_BEGIN_DECLS

typedef struct prtc_turn prtc_turn;

/* How a server is reached. */
typedef enum prtc_relay_protocol {
  PRTC_RELAY_NONE = 0,
  PRTC_RELAY_UDP,
  PRTC_RELAY_TCP,
  PRTC_RELAY_TLS
} prtc_relay_protocol;

typedef struct prtc_turn_config {
  size_t size;
  uint32_t protocol;      /* prtc_relay_protocol; TCP and TLS are streams: framed, and not repeated */
  uint32_t family;        /* prtc_family of the relayed address; NONE: IPv4, and IPv6 too when the server has both */
  const char *username;   /* NUL-terminated UTF-8, at most 508 bytes, as RFC 8265 (OpaqueString) has it; copied */
  const char *credential; /* the same: the password */
  uint32_t lifetime;      /* seconds that are asked for; 0: what the server chooses (commonly 600) */
} prtc_turn_config;

typedef enum prtc_turn_state {
  PRTC_TURN_NEW = 0,
  PRTC_TURN_ALLOCATING,
  PRTC_TURN_ALLOCATED,
  PRTC_TURN_CLOSING, /* the allocation is given back */
  PRTC_TURN_CLOSED   /* the end of all */
} prtc_turn_state;

typedef enum prtc_turn_event_type {
  PRTC_TURN_EVENT_NONE = 0,
  PRTC_TURN_EVENT_ALLOCATED,    /* relayed, mapped */
  PRTC_TURN_EVENT_PEER_REFUSED, /* peer; code: the server does not relay to it (commonly 403) */
  PRTC_TURN_EVENT_REDIRECTED,   /* alternate, domain: there is no allocation, another server is to be asked (300, RFC 8489
                                   section 10); how often, and that it is no circle, is the caller's to see. The state is
                                   CLOSED */
  PRTC_TURN_EVENT_FAILED,       /* code, text: there is no allocation, or no more. The state is CLOSED */
  PRTC_TURN_EVENT_CLOSED        /* after prtc_turn_close: it was given back, or there was no answer in time */
} prtc_turn_event_type;

typedef struct prtc_turn_event {
  uint32_t type;           /* prtc_turn_event_type */
  int32_t code;            /* a STUN error code as a positive number, or a prtc_error: TIMEOUT, PROTOCOL, NO_MEMORY */
  prtc_address relayed[2]; /* IPv4, IPv6; family none where there is none */
  prtc_address mapped;
  prtc_address peer;       /* port 0: all of this IP address */
  prtc_address alternate;
  char domain[256];        /* ALTERNATE-DOMAIN, NUL-terminated; "" when absent */
  char text[128];          /* one sentence */
} prtc_turn_event;

/* Data that has come from a peer. */
typedef struct prtc_turn_data {
  prtc_address peer;
  const uint8_t *data; /* valid until the next call on the object, as long as what was given to prtc_turn_receive is */
  size_t size;
} prtc_turn_data;

/* NULL when memory is lacking or the configuration is not acceptable. */
PRTC_API prtc_turn *prtc_turn_new(prtc_context *context, const prtc_turn_config *config);
PRTC_API void prtc_turn_free(prtc_turn *turn); /* NULL is allowed; the allocation ends by itself (see prtc_turn_close) */

/* Asks for the allocation: over a stream once it is connected. INVALID_STATE when it was done before. */
PRTC_API int prtc_turn_start(prtc_turn *turn, prtc_time now);

/* Takes what came from the server's address: one datagram, or bytes of the stream, in any pieces. Of a stream it takes one
 * message at the most: *data and *size are moved beyond what was taken; call again until *size is 0. 1: *out is what a peer
 * has sent. 0: taken. Errors are transient (UNEXPECTED also for a message of STUN that is none of TURN: on a socket that is
 * shared it may be for somebody else), but for PROTOCOL: the stream is out of step, the object has failed. */
PRTC_API int prtc_turn_receive(prtc_turn *turn, prtc_time now, const uint8_t **data, size_t *size, prtc_turn_data *out);

/* The next message for the server: its size, 0 when there is none, or BUFFER_TOO_SMALL (below PRTC_DATAGRAM_SIZE). */
PRTC_API int prtc_turn_transmit(prtc_turn *turn, prtc_time now, uint8_t *buffer, size_t capacity);

/* PRTC_NEVER when nothing waits for time; `timeout` returns 0: what has come of it is an event. */
PRTC_API prtc_time prtc_turn_deadline(const prtc_turn *turn);
PRTC_API int prtc_turn_timeout(prtc_turn *turn, prtc_time now);
/* 1 and fills *out, or 0. */
PRTC_API int prtc_turn_event_next(prtc_turn *turn, prtc_turn_event *out);

PRTC_API int prtc_turn_get_state(const prtc_turn *turn); /* prtc_turn_state */

/* Asks the server now whether the allocation is still there (a Refresh): data that it drops tells nothing. FAILED follows
 * when it is not, and over a stream, which is dead then, also without an answer. INVALID_STATE when there is none.
 * prtc_turn_is_verifying: 1 until the answer. */
PRTC_API int prtc_turn_verify(prtc_turn *turn, prtc_time now);
PRTC_API int prtc_turn_is_verifying(const prtc_turn *turn);

/* Asks for a permission for a peer's IP address (the port is of no matter), and keeps it alive. Before the allocation is
 * there it is remembered. Of more than 128 the least used gives way. QUEUE_FULL when none can; INVALID_ARGUMENT (no
 * address), INVALID_STATE (CLOSING or CLOSED), NO_MEMORY. */
PRTC_API int prtc_turn_permit(prtc_turn *turn, prtc_time now, const prtc_address *peer);

/* Bytes that prtc_turn_wrap adds to each datagram for this peer at the most. */
PRTC_API size_t prtc_turn_overhead(const prtc_turn *turn, const prtc_address *peer);
#define PRTC_TURN_MOST_OVERHEAD 51

/* Wraps data for a peer, in place: buffer[0 … size) is one datagram (segment 0) or a train of them, each `segment` bytes
 * but the last; capacity leaves room for prtc_turn_overhead with each. Returns the new size, *segment being set anew (0 on
 * streams, which have no datagrams). Asks for a permission when there is none; what it does not wait for may be lost, as on
 * a network. The first datagram that is not STUN asks for a channel, too. 0: there is no allocation of the peer's family.
 * BUFFER_TOO_SMALL. */
PRTC_API int prtc_turn_wrap(prtc_turn *turn, prtc_time now, const prtc_address *peer, uint8_t *buffer, size_t size,
                            size_t *segment, size_t capacity);

/* Gives the allocation back (a Refresh with LIFETIME 0), and waits for the answer, a second at the most; CLOSED is the last
 * event. */
PRTC_API int prtc_turn_close(prtc_turn *turn, prtc_time now);

PRTC_END_DECLS

#endif
