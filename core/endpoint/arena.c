/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/endpoint/arena.h"

#include <string.h>

#include "core/base/context.h"

struct prtc_arena_block {
  struct prtc_arena_block *older;
  size_t size, used;
  unsigned char bytes[];
};

enum { USUAL_SIZE = 16 * 1024 };

void prtc_arena_init(struct prtc_arena *arena, struct prtc_context *context) {
  *arena = (struct prtc_arena){.context = context};
}

void prtc_arena_reset(struct prtc_arena *arena) {
  struct prtc_arena_block *kept = NULL;
  while (arena->blocks != NULL) {
    struct prtc_arena_block *block = arena->blocks;
    arena->blocks = block->older;
    if (kept == NULL && block->size == USUAL_SIZE) {
      kept = block;
    } else {
      prtc_release(arena->context, block);
    }
  }
  if (kept != NULL) {
    kept->older = NULL;
    kept->used = 0;
  }
  arena->blocks = kept;
  arena->used = 0;
}

void prtc_arena_clear(struct prtc_arena *arena) {
  prtc_arena_reset(arena);
  prtc_release(arena->context, arena->blocks);
  arena->blocks = NULL;
}

void *prtc_arena_copy(struct prtc_arena *arena, const void *bytes, size_t size) {
  struct prtc_arena_block *block = arena->blocks;
  if (block == NULL || block->size - block->used <= size) {
    size_t block_size = size < USUAL_SIZE ? USUAL_SIZE : size + 1;
    struct prtc_arena_block *fresh = prtc_reallocate(arena->context, NULL, sizeof *fresh + block_size);
    if (fresh == NULL) return NULL;
    *fresh = (struct prtc_arena_block){.older = block, .size = block_size};
    arena->blocks = block = fresh;
  }
  unsigned char *copy = block->bytes + block->used;
  if (size > 0) memcpy(copy, bytes, size);
  copy[size] = 0;
  block->used += size + 1;
  arena->used += size + 1;
  return copy;
}
