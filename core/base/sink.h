/* Bytes that wait to be polled and written to a file: the key log, the capture, the recording. With a bound; what does not
 * fit is lost whole.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_SINK_H
#define PRTC_BASE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prtc_context;

struct prtc_sink {
  uint8_t *data; /* a ring */
  size_t capacity, first, size;
  size_t bound; /* of size; 0: nothing is wanted */
};

/* Room for so many more bytes? False at the bound and without memory. Appending them cannot fail then. */
bool prtc_sink_reserve(struct prtc_context *context, struct prtc_sink *sink, size_t size);
void prtc_sink_append(struct prtc_sink *sink, const void *bytes, size_t size);

/* Takes the oldest bytes; returns how many. */
size_t prtc_sink_read(struct prtc_context *context, struct prtc_sink *sink, uint8_t *out, size_t capacity);
void prtc_sink_clear(struct prtc_context *context, struct prtc_sink *sink);

#endif
