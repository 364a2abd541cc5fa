/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/sink.h"

#include <string.h>

#include "core/base/context.h"

/* A ring that was emptied keeps no more than this. */
enum { KEPT = 64 * 1024 };

/* The bytes from the oldest to the end of the ring, at most `size`. */
static size_t until_end(const struct prtc_sink *sink, size_t position, size_t size) {
  return sink->capacity - position < size ? sink->capacity - position : size;
}

static void copy_out(const struct prtc_sink *sink, uint8_t *out, size_t size) {
  size_t part = until_end(sink, sink->first, size);
  memcpy(out, sink->data + sink->first, part);
  memcpy(out + part, sink->data, size - part);
}

bool prtc_sink_reserve(struct prtc_context *context, struct prtc_sink *sink, size_t size) {
  if (size > sink->bound - sink->size) return false;
  if (size <= sink->capacity - sink->size) return true;
  size_t capacity = sink->capacity == 0 ? 4096 : sink->capacity;
  while (capacity < sink->size + size) capacity *= 2;
  if (capacity > sink->bound) capacity = sink->bound;
  uint8_t *data = prtc_allocate(context, capacity);
  if (data == NULL) return false;
  if (sink->size > 0) copy_out(sink, data, sink->size);
  prtc_release(context, sink->data);
  sink->data = data;
  sink->capacity = capacity;
  sink->first = 0;
  return true;
}

void prtc_sink_append(struct prtc_sink *sink, const void *bytes, size_t size) {
  if (size == 0) return;
  size_t end = (sink->first + sink->size) % sink->capacity;
  size_t part = until_end(sink, end, size);
  memcpy(sink->data + end, bytes, part);
  memcpy(sink->data, (const uint8_t *)bytes + part, size - part);
  sink->size += size;
}

size_t prtc_sink_read(struct prtc_context *context, struct prtc_sink *sink, uint8_t *out, size_t capacity) {
  size_t size = sink->size < capacity ? sink->size : capacity;
  if (size == 0) return 0;
  copy_out(sink, out, size);
  sink->first = (sink->first + size) % sink->capacity;
  sink->size -= size;
  if (sink->size == 0 && sink->capacity > KEPT) prtc_sink_clear(context, sink);
  return size;
}

void prtc_sink_clear(struct prtc_context *context, struct prtc_sink *sink) {
  prtc_release(context, sink->data);
  *sink = (struct prtc_sink){.bound = sink->bound};
}
