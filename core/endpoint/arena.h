/* Memory that is handed out piece by piece and taken back all at once: what a batch of events points to.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_ENDPOINT_ARENA_H
#define PRTC_ENDPOINT_ARENA_H

#include <stddef.h>

struct prtc_context;
struct prtc_arena_block;

struct prtc_arena {
  struct prtc_context *context;
  struct prtc_arena_block *blocks; /* the newest first; pieces come from it alone */
  size_t used;                     /* bytes handed out since the last reset */
};

void prtc_arena_init(struct prtc_arena *arena, struct prtc_context *context);
/* Everything handed out becomes invalid. One block of the usual size is kept for the next round. */
void prtc_arena_reset(struct prtc_arena *arena);
void prtc_arena_clear(struct prtc_arena *arena);
/* A copy of `size` bytes and a NUL behind them, or NULL. */
void *prtc_arena_copy(struct prtc_arena *arena, const void *bytes, size_t size);

#endif
