/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/framing.h"

#include <polyrtc/error.h>

#include "core/base/context.h"

void prtc_framing_init(struct prtc_framing *framing, struct prtc_context *context, size_t limit) {
  *framing = (struct prtc_framing){.context = context, .limit = limit};
}

void prtc_framing_clear(struct prtc_framing *framing) {
  prtc_release(framing->context, framing->kept);
  *framing = (struct prtc_framing){.context = framing->context, .limit = framing->limit, .failed = framing->failed};
}

static int fail(struct prtc_framing *framing, int code) {
  prtc_framing_clear(framing);
  return framing->failed = code;
}

/* False while bytes of it are lacking. */
static bool read_header(struct prtc_framing *framing, struct prtc_reader *chunk) {
  while (framing->header_filled < PRTC_FRAME_HEADER && prtc_reader_left(chunk) > 0) {
    framing->header[framing->header_filled++] = prtc_read_u8(chunk);
  }
  framing->length = (size_t)framing->header[0] << 8 | framing->header[1];
  return framing->header_filled == PRTC_FRAME_HEADER;
}

/* The frame lies across chunks: what is here of it is kept. 1 when that completes it. */
static int keep(struct prtc_framing *framing, struct prtc_reader *chunk) {
  size_t left = prtc_reader_left(chunk), lacking = framing->length - framing->filled;
  size_t size = left < lacking ? left : lacking;
  if (size == 0) return 0;
  if (framing->capacity < framing->length) {
    uint8_t *kept = prtc_reallocate(framing->context, framing->kept, framing->length);
    if (kept == NULL) return PRTC_ERROR_NO_MEMORY;
    framing->kept = kept;
    framing->capacity = framing->length;
  }
  memcpy(framing->kept + framing->filled, prtc_read_bytes(chunk, size), size);
  framing->filled += size;
  return framing->filled == framing->length;
}

int prtc_framing_next(struct prtc_framing *framing, struct prtc_reader *chunk, const uint8_t **frame, size_t *size) {
  while (framing->failed == 0 && read_header(framing, chunk)) {
    if (framing->length > framing->limit) return fail(framing, PRTC_ERROR_MALFORMED);
    *size = framing->length;
    if (framing->filled == 0 && prtc_reader_left(chunk) >= framing->length) {
      *frame = prtc_read_bytes(chunk, framing->length);
    } else {
      int code = keep(framing, chunk);
      if (code < 0) return fail(framing, code);
      if (code == 0) return 0;
      *frame = framing->kept;
    }
    framing->filled = framing->header_filled = 0;
    if (*size > 0) return 1;
  }
  return framing->failed;
}

size_t prtc_frame_segments(uint8_t *buffer, size_t size, size_t segment) {
  if (size == 0) return 0;
  if (segment == 0 || segment > size) segment = size;
  size_t count = (size + segment - 1) / segment, end = size + count * PRTC_FRAME_HEADER;
  /* From the last one: each moves to where only later ones were. */
  for (size_t i = count; i-- > 0;) {
    size_t from = i * segment, length = i == count - 1 ? size - from : segment;
    uint8_t *to = buffer + from + i * PRTC_FRAME_HEADER;
    memmove(to + PRTC_FRAME_HEADER, buffer + from, length);
    prtc_frame_header(to, length);
  }
  return end;
}
