/* See reconfig.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/sctp/reconfig.h"

#include "core/base/bytes.h"

enum { HEADER_SIZE = 12, CHUNK_RECONFIG = 130, CHUNK_PAD = 132 }; /* RFC 9260, RFC 6525 section 3.1, RFC 4820 section 3 */
enum { OUTGOING_RESET_REQUEST = 13 };                               /* RFC 6525 section 4.1 */

static uint32_t load(const uint8_t *p, size_t bytes) {
  struct prtc_reader reader = prtc_reader_of(p, bytes);
  return (uint32_t)prtc_read_integer(&reader, bytes);
}

/* The end of a chunk or parameter without its padding, or 0 when its length is none. */
static size_t end_of(const uint8_t *packet, size_t at, size_t end) {
  if (at + 4 > end) return 0;
  size_t length = load(packet + at + 2, 2);
  return length >= 4 && length <= end - at ? at + length : 0;
}

static size_t padded(size_t at) { return (at + 3) & ~(size_t)3; }

static size_t next_reconfig(const uint8_t *packet, size_t size, size_t at) {
  for (size_t end; (end = end_of(packet, at, size)) != 0; at = padded(end)) {
    if (packet[at] == CHUNK_RECONFIG) return at;
  }
  return 0;
}

bool prtc_reconfig_is_in(const uint8_t *packet, size_t size) { return next_reconfig(packet, size, HEADER_SIZE) != 0; }

/* RFC 1982 */
static bool is_after(uint32_t a, uint32_t b) { return (int32_t)(a - b) > 0; }

size_t prtc_reconfig_prepare(uint8_t *packet, size_t size, uint32_t response_number, uint32_t cumulative_tsn, uint32_t *tsn) {
  size_t waits = 0;
  for (size_t chunk = HEADER_SIZE; (chunk = next_reconfig(packet, size, chunk)) != 0;) {
    size_t chunk_end = end_of(packet, chunk, size), end;
    for (size_t at = chunk + 4; (end = end_of(packet, at, chunk_end)) != 0; at = padded(end)) {
      if (load(packet + at, 2) != OUTGOING_RESET_REQUEST || end - at < 16) continue;
      struct prtc_writer writer = prtc_writer_of(packet + at + 8, 4);
      prtc_write_u32(&writer, response_number);
      uint32_t last = load(packet + at + 12, 4);
      if (!is_after(last, cumulative_tsn)) continue;
      if (waits == 0 || (waits == chunk && is_after(last, *tsn))) *tsn = last;
      if (waits == 0) waits = chunk;
    }
    chunk = padded(chunk_end);
  }
  return waits;
}

size_t prtc_reconfig_blank(uint8_t *packet, size_t size, size_t offset) {
  packet[offset] = CHUNK_PAD;
  return end_of(packet, offset, size) - offset;
}
