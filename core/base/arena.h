/* Memory that is handed out piece by piece and taken back all at once: what a batch of events points to.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_ARENA_H
#define PRTC_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct prtc_context;
struct prtc_arena_block;

struct prtc_arena {
  struct prtc_context *context;
  struct prtc_arena_block *blocks; /* the newest first; pieces come from it alone */
  size_t used;                     /* bytes handed out since the last reset */
};

void prtc_arena_init(struct prtc_arena *arena, struct prtc_context *context);
/* Everything handed out becomes invalid. One block is kept for the next round: of the usual size, or as large as was of
 * use. */
void prtc_arena_reset(struct prtc_arena *arena);
void prtc_arena_clear(struct prtc_arena *arena);
/* Space for `size` bytes and a NUL behind them, which is there; or NULL. Any alignment. */
void *prtc_arena_allocate(struct prtc_arena *arena, size_t size);
/* The same with a copy in it. */
void *prtc_arena_copy(struct prtc_arena *arena, const void *bytes, size_t size);
/* Was this the piece that was handed out last, or one that lies beside it? */
bool prtc_arena_has_last(const struct prtc_arena *arena, const void *bytes);

#endif
