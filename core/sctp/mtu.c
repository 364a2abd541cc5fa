/* See mtu.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/sctp/mtu.h"

enum { TRIES = 3 }; /* RFC 8899 section 5.1.2: MAX_PROBES */

/* RFC 8899 section 5.1.1: PMTU_RAISE_TIMER, after which a larger size may have become possible */
static const prtc_time RAISE = UINT64_C(600) * 1000000;

/* MTUs that links often have, in the order in which they are tried: Ethernet, whatever both sides take, jumbo frames. */
enum { ETHERNET = 1500, JUMBO = 9000 };

static uint32_t multiple(uint32_t size) { return size & ~3u; }

void prtc_mtu_init(struct prtc_mtu *mtu, uint32_t base) {
  *mtu = (struct prtc_mtu){.base = base, .most = base};
  prtc_mtu_restart(mtu);
}

void prtc_mtu_restart(struct prtc_mtu *mtu) {
  mtu->size = mtu->base;
  mtu->too_large = mtu->probe = mtu->tries = mtu->doubted = 0;
  mtu->heard = true;
  mtu->expires = mtu->again = PRTC_NEVER;
}

void prtc_mtu_doubt(struct prtc_mtu *mtu) {
  uint32_t too_large = mtu->too_large, size = mtu->size;
  prtc_mtu_restart(mtu);
  mtu->too_large = too_large;
  mtu->doubted = size;
}

void prtc_mtu_set_most(struct prtc_mtu *mtu, uint32_t most) {
  most = multiple(most);
  if (most == mtu->most) return;
  mtu->most = most;
  if (most < mtu->size) {
    prtc_mtu_restart(mtu);
  } else {
    mtu->again = PRTC_NEVER; /* the search goes on */
  }
}

/* The next size to look at; 0 when what is left between what comes through and what does not is of little use. */
static uint32_t candidate(const struct prtc_mtu *mtu) {
  uint32_t size = mtu->size, end = mtu->too_large != 0 ? mtu->too_large : mtu->most + 4;
  uint32_t step = size / 32 < 16 ? 16 : size / 32;
  const uint32_t usual[] = {mtu->doubted, ETHERNET - mtu->overhead, mtu->most, JUMBO - mtu->overhead};
  for (unsigned i = 0; i < sizeof usual / sizeof usual[0]; i++) {
    uint32_t one = multiple(usual[i]);
    if (one > size && one < end && one <= mtu->most) return one;
  }
  return end > size + step ? multiple(size + (end - size) / 2) : 0;
}

static void end_search(struct prtc_mtu *mtu, prtc_time now) { mtu->again = now + RAISE; }

uint32_t prtc_mtu_wanted(struct prtc_mtu *mtu, prtc_time now) {
  if (mtu->probe != 0 || !mtu->heard || mtu->most <= mtu->base) return 0;
  if (mtu->again != PRTC_NEVER) {
    if (now < mtu->again) return 0;
    mtu->too_large = mtu->tries = 0;
    mtu->again = PRTC_NEVER;
  }
  uint32_t size = candidate(mtu);
  if (size == 0) end_search(mtu, now);
  return size;
}

void prtc_mtu_sent(struct prtc_mtu *mtu, prtc_time now, uint32_t size, prtc_time patience) {
  mtu->probe = size;
  mtu->tries++;
  mtu->heard = false;
  mtu->expires = now + patience;
}

static void end_probe(struct prtc_mtu *mtu) {
  mtu->probe = 0;
  mtu->expires = PRTC_NEVER;
}

void prtc_mtu_acknowledged(struct prtc_mtu *mtu, prtc_time now, uint32_t size) {
  /* Also of a probe that was taken for lost */
  if (size <= mtu->size || size > mtu->most) return;
  mtu->size = size;
  mtu->tries = 0;
  if (mtu->too_large != 0 && mtu->too_large <= size) mtu->too_large = 0;
  if (mtu->probe != 0 && mtu->probe <= size) end_probe(mtu);
  if (candidate(mtu) == 0) end_search(mtu, now);
}

static void fails(struct prtc_mtu *mtu, prtc_time now) {
  mtu->too_large = mtu->probe;
  mtu->tries = 0;
  end_probe(mtu);
  if (candidate(mtu) == 0) end_search(mtu, now);
}

void prtc_mtu_timeout(struct prtc_mtu *mtu, prtc_time now) {
  if (now < mtu->expires) return;
  if (!mtu->heard) mtu->tries--; /* nothing comes through: that says nothing of sizes */
  if (mtu->tries >= TRIES) {
    fails(mtu, now);
  } else {
    end_probe(mtu);
  }
}
