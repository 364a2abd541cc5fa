/* Frames of a stream that is cut anywhere: they are the same as those of the stream in one piece.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The first byte seeds the cuts, the second the limit; the rest is the stream.
 */
#include <stdlib.h>

#include "core/base/context.h"
#include "core/base/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint8_t key[32] = {1};
  struct prtc_context context;
  struct prtc_framing whole, cut;
  const uint8_t *frame, *other;
  size_t length, other_length, at = 2;
  if (size < 2) return 0;
  uint32_t random = data[0];
  prtc_context_init(&context, key, NULL, 0);
  prtc_framing_init(&whole, &context, (size_t)data[1] * 4);
  prtc_framing_init(&cut, &context, (size_t)data[1] * 4);
  struct prtc_reader all = prtc_reader_of(data + 2, size - 2), chunk = prtc_reader_of(data + 2, 0);
  int code, other_code;
  do {
    code = prtc_framing_next(&whole, &all, &frame, &length);
    while ((other_code = prtc_framing_next(&cut, &chunk, &other, &other_length)) == 0 && at < size) {
      random = random * 1103515245 + 12345;
      size_t piece = 1 + (random >> 16) % 40;
      if (piece > size - at) piece = size - at;
      chunk = prtc_reader_of(data + at, piece);
      at += piece;
    }
    if (code != other_code) abort();
    if (code > 0 && (length != other_length || memcmp(frame, other, length) != 0)) abort();
  } while (code > 0);
  prtc_framing_clear(&whole);
  prtc_framing_clear(&cut);
  prtc_context_clear(&context);
  return 0;
}
