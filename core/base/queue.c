/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/queue.h"

#include <string.h>

#include <polyrtc/error.h>

#include "core/base/context.h"

void prtc_queue_init(struct prtc_queue *queue, struct prtc_context *context, size_t element_size, size_t bound) {
  *queue = (struct prtc_queue){.context = context, .element_size = element_size, .bound = bound};
}

void prtc_queue_clear(struct prtc_queue *queue) {
  prtc_release(queue->context, queue->elements);
  queue->elements = NULL;
  queue->capacity = queue->first = queue->count = 0;
}

/* An empty queue keeps so many elements, if they are not large: what comes and goes one by one takes no memory each
 * time. */
enum { SMALL = 8, SMALL_BYTES = 512 };

static int grow(struct prtc_queue *queue) {
  size_t few = SMALL * queue->element_size > SMALL_BYTES ? 1 : SMALL;
  size_t capacity = queue->capacity == 0 ? few : queue->capacity * 2;
  unsigned char *elements = prtc_allocate(queue->context, capacity * queue->element_size);
  if (elements == NULL) return PRTC_ERROR_NO_MEMORY;
  size_t until_end = queue->capacity - queue->first;
  size_t head = until_end < queue->count ? until_end : queue->count;
  if (head > 0) memcpy(elements, queue->elements + queue->first * queue->element_size, head * queue->element_size);
  if (queue->count > head) {
    memcpy(elements + head * queue->element_size, queue->elements, (queue->count - head) * queue->element_size);
  }
  prtc_release(queue->context, queue->elements);
  queue->elements = elements;
  queue->capacity = capacity;
  queue->first = 0;
  return PRTC_OK;
}

int prtc_queue_push(struct prtc_queue *queue, const void *element) {
  if (queue->bound != 0 && queue->count >= queue->bound) return PRTC_ERROR_QUEUE_FULL;
  if (queue->count == queue->capacity) {
    int code = grow(queue);
    if (code < 0) return code;
  }
  size_t place = (queue->first + queue->count) % queue->capacity;
  memcpy(queue->elements + place * queue->element_size, element, queue->element_size);
  queue->count++;
  return PRTC_OK;
}

bool prtc_queue_pop(struct prtc_queue *queue, void *out) {
  if (queue->count == 0) return false;
  if (out != NULL) memcpy(out, queue->elements + queue->first * queue->element_size, queue->element_size);
  queue->first = (queue->first + 1) % queue->capacity;
  queue->count--;
  if (queue->count == 0 && (queue->capacity > SMALL || SMALL * queue->element_size > SMALL_BYTES)) prtc_queue_clear(queue);
  return true;
}

void *prtc_queue_at(const struct prtc_queue *queue, size_t i) {
  if (i >= queue->count) return NULL;
  return queue->elements + (queue->first + i) % queue->capacity * queue->element_size;
}
