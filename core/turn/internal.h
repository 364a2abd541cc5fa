/* The TURN client's parts, as its files see them.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * How a call runs: each function that may change something takes the time (prtc_turn_set_now), does its work on the structs
 * below, and ends with prtc_turn_step, which starts the requests that are due and sets the deadline anew. Nothing else
 * starts a request. What is `ready` waits for transmit and is no deadline any more; so a deadline is never left in the
 * past.
 */
#ifndef PRTC_TURN_INTERNAL_H
#define PRTC_TURN_INTERNAL_H

#include <stdbool.h>

#include <polyrtc/turn.h>

#include "core/base/context.h"
#include "core/base/queue.h"
#include "core/stun/message.h"

#define SECONDS(n) ((prtc_time)(n) * 1000000)

enum {
  MAX_REQUESTS = 17,      /* under way at once: one for the allocation, the others for permissions and channels */
  MAX_PERMISSIONS = 128,
  MAX_CHANNELS = 128,
  MAX_EVENTS = 32,        /* beyond, news of refused peers are lost */
  MAX_REFUSALS = 4,       /* of one request, for its nonce or realm: then it has failed */
  MAX_USERNAME = 508,     /* RFC 8489 section 14.3 */
  MAX_CREDENTIALS = 1500, /* bytes of user name, realm, nonce and algorithms together, so that a request fits a datagram */
  MAX_ALGORITHMS = 64,
  MAX_FRAME = 20 + 65536  /* bytes of one message of a stream */
};

/* ---------------------------------------------------------------------------------------------------------- credentials */

/* RFC 8489 section 18.5 */
enum turn_algorithm { ALGORITHM_MD5 = 1, ALGORITHM_SHA256 = 2 };

struct turn_credentials {
  char *username, *password;
  char *realm, *nonce;     /* NULL until the first challenge */
  size_t realm_size, nonce_size;
  uint32_t generation;     /* counts the challenges */
  bool listed;             /* the server has named algorithms: MESSAGE-INTEGRITY-SHA256 protects (RFC 8489 section 9.2.5) */
  bool hide_name;          /* USERHASH instead of USERNAME */
  enum turn_algorithm algorithm;
  uint8_t algorithms[MAX_ALGORITHMS]; /* PASSWORD-ALGORITHMS as it came */
  size_t algorithms_size;
  uint8_t key[32];
  size_t key_size;
  uint8_t userhash[32];
};

/* Takes realm and nonce of a 401 or 438: 1 when a request that was made `with` credentials (or without) should be made
 * again, 0 when that is of no use, for they are wrong. PROTOCOL: what the server says makes no sense; NO_MEMORY. In an
 * entered context. */
int prtc_turn_take_challenge(struct prtc_turn *turn, const struct prtc_stun_message *message, int code, bool with);
/* The attributes of an authenticated request; then finishes it. */
int prtc_turn_finish(struct prtc_turn *turn, struct prtc_stun_writer *writer);
bool prtc_turn_is_authentic(const struct prtc_turn *turn, const struct prtc_stun_message *message);
bool prtc_turn_has_integrity(const struct prtc_stun_message *message);
void prtc_turn_clear_credentials(struct prtc_turn *turn);

/* ------------------------------------------------------------------------------------------------------------- requests */

enum turn_kind {
  TURN_ALLOCATE,
  TURN_REFRESH,
  TURN_RELEASE, /* Refresh with LIFETIME 0 */
  TURN_PERMISSION,
  TURN_CHANNEL
};

struct turn_request {
  bool active;
  enum turn_kind kind;
  uint32_t index;          /* of a permission or channel */
  uint8_t id[PRTC_STUN_TRANSACTION_SIZE];
  uint32_t generation;     /* of the credentials that it was last sent with; 0: without */
  uint32_t refusals;
  uint32_t sent;           /* times, with this id */
  bool ready;              /* to be sent at the next transmit */
  prtc_time rto, due;      /* due: when it is sent again, or has failed; counts when not ready */
};

/* The slot of the allocation (ALLOCATE, REFRESH, RELEASE) is the first; for the others NULL when too many are under way. */
struct turn_request *prtc_turn_begin(struct prtc_turn *turn, enum turn_kind kind, uint32_t index);
bool prtc_turn_has_slot(const struct prtc_turn *turn);
int prtc_turn_write(struct prtc_turn *turn, struct turn_request *request, uint8_t *buffer, size_t capacity);
void prtc_turn_sent(struct prtc_turn *turn, struct turn_request *request);
int prtc_turn_take_response(struct prtc_turn *turn, const struct prtc_stun_message *message);
void prtc_turn_expire_requests(struct prtc_turn *turn);

/* ---------------------------------------------------------------------------------------------------------------- peers */

enum turn_wish {
  WISH_ASK,     /* as soon as a request may start */
  WISH_ASKED,   /* one is under way */
  WISH_GRANTED,
  WISH_REFUSED
};

/* RFC 8656 section 9: of an IP address, for five minutes. */
struct turn_permission {
  prtc_address address;    /* port 0 */
  enum turn_wish wish;
  bool renewing;           /* it was granted before */
  prtc_time again;         /* when it is asked for anew (granted), or may be (refused) */
  prtc_time used;
};

/* RFC 8656 section 12: of an address and port, for ten minutes. Its number is that of its place: it never stands for
 * another peer. */
struct turn_channel {
  prtc_address address;
  enum turn_wish wish;
  prtc_time again;
  prtc_time until;         /* it may be used before; 0: not bound */
};

void prtc_turn_peers_step(struct prtc_turn *turn);
prtc_time prtc_turn_peers_deadline(const struct prtc_turn *turn);
/* An answer to their requests: code 0: granted; a STUN error code; or TIMEOUT. */
void prtc_turn_permission_answered(struct prtc_turn *turn, uint32_t index, int code);
void prtc_turn_channel_answered(struct prtc_turn *turn, uint32_t index, int code);
bool prtc_turn_is_permitted(const struct prtc_turn *turn, const prtc_address *peer);
const struct turn_channel *prtc_turn_channel_of(const struct prtc_turn *turn, const prtc_address *peer);

/* -------------------------------------------------------------------------------------------------------------- framing */

/* Cuts one message off the bytes of a stream: 1 and *frame, which is valid until the next call; 0 when it is not complete;
 * PROTOCOL when the bytes are none of TURN; NO_MEMORY. */
int prtc_turn_cut(struct prtc_turn *turn, const uint8_t **data, size_t *size, const uint8_t **frame, size_t *frame_size);

/* --------------------------------------------------------------------------------------------------------------- object */

struct turn_event {
  uint32_t type;
  int32_t code;
  prtc_address address;    /* peer or alternate */
  const char *text;        /* static */
};

struct prtc_turn {
  struct prtc_context *context;
  uint32_t protocol, family, lifetime;
  prtc_time now, deadline;
  prtc_turn_state state;
  struct turn_credentials credentials;
  struct turn_request requests[MAX_REQUESTS];
  bool has_ready;          /* a request waits for transmit */
  bool keepalive;          /* the same of a Binding indication */
  bool verifying;          /* prtc_turn_verify waits for an answer */
  bool was_mismatched;     /* 437: the allocation of somebody before us on this 5-tuple was given back, once */
  prtc_address relayed[2], mapped;
  prtc_time give_up;       /* allocating, closing: when it has taken too long; allocated: when the allocation has expired */
  prtc_time refresh;       /* allocated: when a Refresh is due */
  prtc_time last_sent;
  struct turn_permission *permissions;
  struct turn_channel *channels;
  size_t permission_count, permission_capacity, channel_count, channel_capacity;
  struct prtc_queue events;
  char domain[256];        /* of the one REDIRECTED event */
  uint8_t *frame;          /* an incomplete message of a stream */
  size_t frame_size, frame_capacity;
};

bool prtc_turn_is_stream(const struct prtc_turn *turn);
void prtc_turn_set_now(struct prtc_turn *turn, prtc_time now);
void prtc_turn_step(struct prtc_turn *turn);
void prtc_turn_push(struct prtc_turn *turn, const struct turn_event *event);
/* The end: nothing more is sent. */
void prtc_turn_fail(struct prtc_turn *turn, int code, const char *text);
void prtc_turn_end(struct prtc_turn *turn, const struct turn_event *event);

#endif
