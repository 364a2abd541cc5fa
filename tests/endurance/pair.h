/* Two endpoints with a peer each, and a wire between them with a delay and no loss, in virtual time. Keeps nothing of what
 * happens but counts, so that what grows is polyrtc's; and takes every error, as it is also used where memory runs out.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_TESTS_ENDURANCE_PAIR_H
#define PRTC_TESTS_ENDURANCE_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include <polyrtc/polyrtc.h>

enum { PAIR_WIRE = 1024, PAIR_DELAY = 10000, PAIR_DATAGRAM = 1500 };

#define PAIR_SECOND ((prtc_time)1000000)

struct wired {
  prtc_time at;
  int to; /* side */
  prtc_socket_id socket;
  prtc_address from;
  size_t size;
  uint8_t bytes[PAIR_DATAGRAM];
};

struct side {
  prtc_endpoint *endpoint;
  prtc_peer *peer;        /* NULL: none */
  prtc_channel_id opened; /* the channel that this side has opened, 0: not open */
  prtc_channel_id taken;  /* the channel that the other side has opened */
  uint32_t state;         /* prtc_connection_state */
  uint64_t received, channels_closed, failures; /* received: messages, or parts of them */
};

struct pair {
  prtc_time now;
  struct side sides[2];
  struct wired wire[PAIR_WIRE];
  size_t first, count;
  uint8_t train[PRTC_TRAIN_SIZE];
  uint64_t transcript; /* a hash over all datagrams */
  uint64_t steps;
  uint32_t max_message_size; /* of the peers that are made: see prtc_peer_config */
  void (*on_message)(struct pair *pair, int side, const prtc_event *event); /* NULL: nobody looks at them */
};

/* Endpoints on a fresh wire, or NULL when memory is lacking. The allocator is theirs; the seed says who they are. */
struct pair *pair_open(const prtc_allocator *allocator, uint8_t seed);
void pair_close(struct pair *pair);

/* Makes the peers, a channel of side 0, and has them exchange offer and answer. 0 or the first error. */
int pair_negotiate(struct pair *pair);
/* Offer and answer once more, with new ICE credentials. 0 or the first error. */
int pair_restart(struct pair *pair);
/* Frees the peers: their counts start again. */
void pair_forget(struct pair *pair);
/* 0 or an error. */
int pair_create_channel(struct pair *pair, int side);

typedef bool (*pair_condition)(const struct pair *pair);
/* Until the condition holds (true), or the time has come (false). Ends the program when time does not pass. */
bool pair_run(struct pair *pair, prtc_time duration, pair_condition done);
bool pair_is_connected(const struct pair *pair);
bool pair_is_closed(const struct pair *pair);

/* An allocator that counts, and fails when it is told to. */
struct meter {
  size_t live, most; /* bytes: now, and at any time */
  uint64_t requests; /* allocations asked for */
  uint64_t fail_at;  /* this one fails; 0: none */
  bool and_after;    /* and so do all that follow */
};
prtc_allocator pair_metered(struct meter *meter);

#endif
