/* A growing ring of fixed-size elements with a bound: the queues of events and of small things to send.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_QUEUE_H
#define PRTC_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct prtc_context;

struct prtc_queue {
  struct prtc_context *context;
  unsigned char *elements;
  size_t element_size, capacity, first, count, bound;
};

/* bound 0: none but memory. Nothing is allocated until the first push, and what a rush has taken is given back when it is
 * over. */
void prtc_queue_init(struct prtc_queue *queue, struct prtc_context *context, size_t element_size, size_t bound);
void prtc_queue_clear(struct prtc_queue *queue); /* frees; the queue may be used again */

/* Copies *element in: 0, PRTC_ERROR_QUEUE_FULL or PRTC_ERROR_NO_MEMORY. */
int prtc_queue_push(struct prtc_queue *queue, const void *element);
/* Copies the oldest out and removes it; false when empty. `out` may be NULL. */
bool prtc_queue_pop(struct prtc_queue *queue, void *out);
/* The i-th oldest, valid until the next push; NULL beyond the end. */
void *prtc_queue_at(const struct prtc_queue *queue, size_t i);

#endif
