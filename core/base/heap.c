/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/heap.h"

#include <stdbool.h>

#include <polyrtc/error.h>

#include "core/base/context.h"

void prtc_heap_init(struct prtc_heap *heap, struct prtc_context *context) {
  *heap = (struct prtc_heap){.context = context};
}

void prtc_heap_clear(struct prtc_heap *heap) {
  prtc_release(heap->context, heap->nodes);
  *heap = (struct prtc_heap){.context = heap->context};
}

static bool before(const struct prtc_heap_node *a, const struct prtc_heap_node *b) {
  return a->deadline < b->deadline || (a->deadline == b->deadline && a->order < b->order);
}

static void place(struct prtc_heap *heap, struct prtc_heap_node *node, size_t index) {
  heap->nodes[index - 1] = node;
  node->index = index;
}

static void sift_up(struct prtc_heap *heap, struct prtc_heap_node *node) {
  size_t index = node->index;
  while (index > 1 && before(node, heap->nodes[index / 2 - 1])) {
    place(heap, heap->nodes[index / 2 - 1], index);
    index /= 2;
  }
  place(heap, node, index);
}

static void sift_down(struct prtc_heap *heap, struct prtc_heap_node *node) {
  size_t index = node->index;
  for (;;) {
    size_t child = index * 2;
    if (child > heap->count) break;
    if (child < heap->count && before(heap->nodes[child], heap->nodes[child - 1])) child++;
    if (!before(heap->nodes[child - 1], node)) break;
    place(heap, heap->nodes[child - 1], index);
    index = child;
  }
  place(heap, node, index);
}

static void remove_node(struct prtc_heap *heap, struct prtc_heap_node *node) {
  struct prtc_heap_node *last = heap->nodes[--heap->count];
  if (last != node) {
    place(heap, last, node->index);
    sift_up(heap, last);
    sift_down(heap, last);
  }
  node->index = 0;
}

int prtc_heap_reserve(struct prtc_heap *heap, size_t count) {
  if (count <= heap->capacity) return PRTC_OK;
  size_t capacity = heap->capacity == 0 ? 16 : heap->capacity;
  while (capacity < count) capacity *= 2;
  struct prtc_heap_node **nodes = prtc_reallocate(heap->context, heap->nodes, capacity * sizeof *nodes);
  if (nodes == NULL) return PRTC_ERROR_NO_MEMORY;
  heap->nodes = nodes;
  heap->capacity = capacity;
  return PRTC_OK;
}

int prtc_heap_set(struct prtc_heap *heap, struct prtc_heap_node *node, prtc_time deadline) {
  if (deadline == PRTC_NEVER) {
    if (node->index != 0) remove_node(heap, node);
    node->deadline = PRTC_NEVER;
    return PRTC_OK;
  }
  if (node->index == 0) {
    int code = prtc_heap_reserve(heap, heap->count + 1);
    if (code < 0) return code;
    node->deadline = deadline;
    node->order = heap->order++;
    place(heap, node, ++heap->count);
    sift_up(heap, node);
    return PRTC_OK;
  }
  if (node->deadline == deadline) return PRTC_OK;
  node->deadline = deadline;
  node->order = heap->order++;
  sift_up(heap, node);
  sift_down(heap, node);
  return PRTC_OK;
}

struct prtc_heap_node *prtc_heap_first(const struct prtc_heap *heap) { return heap->count > 0 ? heap->nodes[0] : NULL; }
