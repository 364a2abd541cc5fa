/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/heap.h"

#include <stdbool.h>

#include <polyrtc/error.h>

#include "core/base/context.h"

void prtc_heap_init(struct prtc_heap *heap, struct prtc_context *context) {
  *heap = (struct prtc_heap){.context = context};
}

void prtc_heap_clear(struct prtc_heap *heap) {
  prtc_release(heap->context, heap->entries);
  *heap = (struct prtc_heap){.context = heap->context};
}

static bool before(const struct prtc_heap_entry *a, const struct prtc_heap_entry *b) {
  return a->deadline < b->deadline || (a->deadline == b->deadline && a->order < b->order);
}

static void place(struct prtc_heap *heap, struct prtc_heap_entry entry, size_t index) {
  heap->entries[index - 1] = entry;
  entry.node->index = index;
}

/* From a place that is free, or whose entry is to move. */
static void sift_up(struct prtc_heap *heap, struct prtc_heap_entry entry, size_t index) {
  while (index > 1 && before(&entry, &heap->entries[index / 2 - 1])) {
    place(heap, heap->entries[index / 2 - 1], index);
    index /= 2;
  }
  place(heap, entry, index);
}

static void sift_down(struct prtc_heap *heap, struct prtc_heap_entry entry, size_t index) {
  for (;;) {
    size_t child = index * 2;
    if (child > heap->count) break;
    if (child < heap->count && before(&heap->entries[child], &heap->entries[child - 1])) child++;
    if (!before(&heap->entries[child - 1], &entry)) break;
    place(heap, heap->entries[child - 1], index);
    index = child;
  }
  place(heap, entry, index);
}

static void sift(struct prtc_heap *heap, struct prtc_heap_entry entry, size_t index) {
  sift_up(heap, entry, index);
  if (entry.node->index == index) sift_down(heap, entry, index);
}

static void remove_node(struct prtc_heap *heap, struct prtc_heap_node *node) {
  struct prtc_heap_entry last = heap->entries[--heap->count];
  if (last.node != node) sift(heap, last, node->index);
  node->index = 0;
}

int prtc_heap_reserve(struct prtc_heap *heap, size_t count) {
  if (count <= heap->capacity) return PRTC_OK;
  size_t capacity = heap->capacity == 0 ? 16 : heap->capacity;
  while (capacity < count) capacity *= 2;
  struct prtc_heap_entry *entries = prtc_reallocate(heap->context, heap->entries, capacity * sizeof *entries);
  if (entries == NULL) return PRTC_ERROR_NO_MEMORY;
  heap->entries = entries;
  heap->capacity = capacity;
  return PRTC_OK;
}

int prtc_heap_set(struct prtc_heap *heap, struct prtc_heap_node *node, prtc_time deadline) {
  if (deadline == PRTC_NEVER) {
    if (node->index != 0) remove_node(heap, node);
    node->deadline = PRTC_NEVER;
    return PRTC_OK;
  }
  if (node->index != 0 && node->deadline == deadline) return PRTC_OK;
  if (node->index == 0) {
    int code = prtc_heap_reserve(heap, heap->count + 1);
    if (code < 0) return code;
    node->index = ++heap->count;
  }
  node->deadline = deadline;
  sift(heap, (struct prtc_heap_entry){deadline, heap->order++, node}, node->index);
  return PRTC_OK;
}

struct prtc_heap_node *prtc_heap_first(const struct prtc_heap *heap) { return heap->count > 0 ? heap->entries[0].node : NULL; }
