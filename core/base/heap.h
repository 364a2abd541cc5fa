/* A binary heap of deadlines, intrusive: each owner embeds a node. The earliest is found in O(1), changed in O(log n);
 * equal deadlines come in the order in which they were set, so that a run repeats.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_HEAP_H
#define PRTC_BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include <polyrtc/types.h>

struct prtc_context;

struct prtc_heap_node {
  prtc_time deadline; /* PRTC_NEVER: not in the heap */
  size_t index;       /* 1-based place in the heap; 0: not in it */
  void *owner;
};

/* With what is compared, so that finding a place touches no node that does not move. */
struct prtc_heap_entry {
  prtc_time deadline;
  uint64_t order;
  struct prtc_heap_node *node;
};

struct prtc_heap {
  struct prtc_context *context;
  struct prtc_heap_entry *entries;
  size_t count, capacity;
  uint64_t order;
};

void prtc_heap_init(struct prtc_heap *heap, struct prtc_context *context);
void prtc_heap_clear(struct prtc_heap *heap);
/* Makes room, so that prtc_heap_set cannot fail while no more than `count` nodes are in it. 0 or PRTC_ERROR_NO_MEMORY. */
int prtc_heap_reserve(struct prtc_heap *heap, size_t count);
/* Inserts, moves or (with PRTC_NEVER) removes the node. 0 or PRTC_ERROR_NO_MEMORY (an insert; nothing has changed). */
int prtc_heap_set(struct prtc_heap *heap, struct prtc_heap_node *node, prtc_time deadline);
struct prtc_heap_node *prtc_heap_first(const struct prtc_heap *heap); /* NULL when empty */

#endif
