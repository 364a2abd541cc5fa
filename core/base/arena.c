/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/arena.h"

#include <stdbool.h>
#include <string.h>

#include "core/base/context.h"

struct prtc_arena_block {
  struct prtc_arena_block *older;
  size_t size, used;
  unsigned char bytes[];
};

enum { USUAL_SIZE = 16 * 1024, MOST_SIZE = 256 * 1024 };

void prtc_arena_init(struct prtc_arena *arena, struct prtc_context *context) {
  *arena = (struct prtc_arena){.context = context};
}

/* The newest block is the largest of those that may be kept. It is when a good part of it was of use. */
static bool is_worth_keeping(const struct prtc_arena *arena, const struct prtc_arena_block *block) {
  return block->size == USUAL_SIZE || (block->size <= MOST_SIZE && arena->used >= block->size / 4);
}

void prtc_arena_reset(struct prtc_arena *arena) {
  struct prtc_arena_block *kept = NULL;
  while (arena->blocks != NULL) {
    struct prtc_arena_block *block = arena->blocks;
    arena->blocks = block->older;
    if (kept == NULL && is_worth_keeping(arena, block)) {
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

void *prtc_arena_allocate(struct prtc_arena *arena, size_t size) {
  struct prtc_arena_block *block = arena->blocks;
  if (block == NULL || block->size - block->used <= size) {
    size_t block_size = block == NULL ? USUAL_SIZE : block->size < MOST_SIZE / 2 ? 2 * block->size : MOST_SIZE;
    if (size >= block_size) block_size = size + 1;
    struct prtc_arena_block *fresh = prtc_reallocate(arena->context, NULL, sizeof *fresh + block_size);
    if (fresh == NULL) return NULL;
    *fresh = (struct prtc_arena_block){.older = block, .size = block_size};
    arena->blocks = block = fresh;
  }
  unsigned char *piece = block->bytes + block->used;
  piece[size] = 0;
  block->used += size + 1;
  arena->used += size + 1;
  return piece;
}

void *prtc_arena_copy(struct prtc_arena *arena, const void *bytes, size_t size) {
  void *copy = prtc_arena_allocate(arena, size);
  if (copy != NULL && size > 0) memcpy(copy, bytes, size);
  return copy;
}

bool prtc_arena_has_last(const struct prtc_arena *arena, const void *bytes) {
  const struct prtc_arena_block *block = arena->blocks;
  const unsigned char *at = bytes;
  return block != NULL && at >= block->bytes && at < block->bytes + block->used;
}
