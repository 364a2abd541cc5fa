/* Messages of TURN on a stream: STUN by its length, ChannelData by its length and padding (RFC 8656 section 12.5).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/turn/internal.h"

enum { HEADER = 4 };

/* Bytes of the message with this header; 0: it is none. */
static size_t length_of(const uint8_t header[HEADER]) {
  size_t length = (size_t)header[2] << 8 | header[3];
  if (header[0] < 0x40) return length % 4 == 0 ? PRTC_STUN_HEADER_SIZE + length : 0;
  return header[0] < 0x50 ? HEADER + ((length + 3) & ~(size_t)3) : 0;
}

static bool reserve(struct prtc_turn *turn, size_t size) {
  if (size <= turn->frame_capacity) return true;
  uint8_t *larger = prtc_reallocate(turn->context, turn->frame, size);
  if (larger == NULL) return false;
  turn->frame = larger;
  turn->frame_capacity = size;
  return true;
}

/* Keeps bytes until there are `wanted`: 1 when there are, 0 or NO_MEMORY. */
static int keep(struct prtc_turn *turn, const uint8_t **data, size_t *size, size_t wanted) {
  size_t missing = wanted > turn->frame_size ? wanted - turn->frame_size : 0, taken = *size < missing ? *size : missing;
  if (!reserve(turn, wanted)) return PRTC_ERROR_NO_MEMORY;
  if (taken > 0) memcpy(turn->frame + turn->frame_size, *data, taken);
  turn->frame_size += taken;
  *data += taken;
  *size -= taken;
  return turn->frame_size == wanted;
}

int prtc_turn_cut(struct prtc_turn *turn, const uint8_t **data, size_t *size, const uint8_t **frame, size_t *frame_size) {
  if (turn->frame_size == 0 && *size >= HEADER) { /* as it mostly is: it stays where it is */
    size_t length = length_of(*data);
    if (length == 0) return PRTC_ERROR_PROTOCOL;
    if (length <= *size) {
      *frame = *data;
      *frame_size = length;
      *data += length;
      *size -= length;
      return 1;
    }
  }
  int code = turn->frame_size < HEADER ? keep(turn, data, size, HEADER) : 1;
  if (code <= 0) return code;
  size_t length = length_of(turn->frame);
  if (length == 0) return PRTC_ERROR_PROTOCOL;
  code = keep(turn, data, size, length);
  if (code <= 0) return code;
  *frame = turn->frame;
  *frame_size = length;
  turn->frame_size = 0; /* the bytes stay until the next call */
  return 1;
}
