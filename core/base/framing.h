/* Datagrams on a stream, RFC 4571: before each of them its length in two bytes, the higher first.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A stream arrives in chunks of any size. A frame that lies in one chunk is given as it lies there; of one that does not,
 * the part that has come is kept, in as many bytes as it needs.
 */
#ifndef PRTC_BASE_FRAMING_H
#define PRTC_BASE_FRAMING_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct prtc_context;

enum { PRTC_FRAME_HEADER = 2, PRTC_FRAME_MOST = 65535 };

struct prtc_framing {
  struct prtc_context *context;
  size_t limit;         /* a longer frame is MALFORMED; may be changed between frames */
  uint8_t *kept;        /* of the frame that is under way */
  size_t capacity, filled;
  size_t length;        /* of that frame, once its header is complete */
  uint8_t header[PRTC_FRAME_HEADER];
  size_t header_filled;
  int failed;           /* the code that ended it */
};

void prtc_framing_init(struct prtc_framing *framing, struct prtc_context *context, size_t limit);
void prtc_framing_clear(struct prtc_framing *framing);

/* The next frame of what the reader has left: 1, and *frame is valid until the next call; 0 when it is used up. Empty
 * frames are skipped. MALFORMED or NO_MEMORY: the stream is lost, for nobody knows where the next frame begins; every later
 * call says so again. */
int prtc_framing_next(struct prtc_framing *framing, struct prtc_reader *chunk, const uint8_t **frame, size_t *size);

static inline void prtc_frame_header(uint8_t out[PRTC_FRAME_HEADER], size_t size) {
  out[0] = (uint8_t)(size >> 8);
  out[1] = (uint8_t)size;
}

/* Puts a header before each of the segments (the last may be shorter) that fill buffer[0 … size), which has room for them.
 * Returns the bytes that it then has. */
size_t prtc_frame_segments(uint8_t *buffer, size_t size, size_t segment);

#endif
