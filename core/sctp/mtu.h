/* How large a packet the path takes: the search of RFC 8899 (datagram packetization layer path MTU discovery), as a state
 * machine that sees no packet. Sizes are bytes of SCTP packets, multiples of four.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * It takes `base` for granted, and asks for probes of other sizes (prtc_mtu_wanted, prtc_mtu_sent) until it knows, more or
 * less, what the largest is that comes through: at first the sizes that links usually have, then by halves. What the
 * packets of data do meanwhile is the caller's to watch: when they seem to be lost for their size, prtc_mtu_doubt.
 */
#ifndef PRTC_SCTP_MTU_H
#define PRTC_SCTP_MTU_H

#include <stdbool.h>
#include <stdint.h>

#include <polyrtc/types.h>

struct prtc_mtu {
  uint32_t base;      /* BASE_PLPMTU */
  uint32_t most;      /* MAX_PLPMTU; not above base: nothing is probed */
  uint32_t overhead;  /* what the path adds to a packet, with IP's header */
  uint32_t size;      /* PLPMTU: what packets may have now */
  uint32_t too_large; /* the least size of which probes were lost; 0: of none */
  uint32_t probe;     /* under way; 0: none */
  uint32_t doubted;   /* a size that came through before, and is tried first; 0: none */
  uint32_t tries;     /* of that size that were lost, or are under way */
  bool heard;         /* something has come from the other side since the last probe was sent */
  prtc_time expires;  /* when the probe is taken for lost; PRTC_NEVER: none is under way */
  prtc_time again;    /* when the search may begin anew; PRTC_NEVER: it is not over */
};

void prtc_mtu_init(struct prtc_mtu *mtu, uint32_t base);

/* Another path: begins with the base again. */
void prtc_mtu_restart(struct prtc_mtu *mtu);

/* Packets of the present size seem to be lost for it: back to the base. Where the fault was another one, the size is back
 * after a round trip. */
void prtc_mtu_doubt(struct prtc_mtu *mtu);

/* What both sides take: goes on from what is known already. */
void prtc_mtu_set_most(struct prtc_mtu *mtu, uint32_t most);

/* The size that is to be probed next; 0: none now. */
uint32_t prtc_mtu_wanted(struct prtc_mtu *mtu, prtc_time now);
/* A probe of the size that was wanted has been sent. `patience`: microseconds until its answer is overdue. */
void prtc_mtu_sent(struct prtc_mtu *mtu, prtc_time now, uint32_t size, prtc_time patience);
void prtc_mtu_acknowledged(struct prtc_mtu *mtu, prtc_time now, uint32_t size);
/* Something has come from the other side. */
static inline void prtc_mtu_heard(struct prtc_mtu *mtu) { mtu->heard = true; }
void prtc_mtu_timeout(struct prtc_mtu *mtu, prtc_time now);

#endif
