/* See reconfig.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/sctp/reconfig.h"

#include "core/base/bytes.h"
#include "core/sctp/packet.h"

enum { OUTGOING_RESET_REQUEST = 13 }; /* RFC 6525 section 4.1 */

static uint32_t load(const uint8_t *p, size_t bytes) {
  struct prtc_reader reader = prtc_reader_of(p, bytes);
  return (uint32_t)prtc_read_integer(&reader, bytes);
}

/* RFC 1982 */
static bool is_after(uint32_t a, uint32_t b) { return (int32_t)(a - b) > 0; }

size_t prtc_reconfig_prepare(uint8_t *packet, size_t size, uint32_t response, uint32_t cumulative_tsn, uint32_t *tsn) {
  size_t waits = 0;
  for (size_t chunk = PRTC_SCTP_HEADER_SIZE; (chunk = prtc_packet_find(packet, size, chunk, PRTC_SCTP_RECONFIG)) != 0;) {
    size_t chunk_end = prtc_packet_item_end(packet, chunk, size), end;
    for (size_t at = chunk + 4; (end = prtc_packet_item_end(packet, at, chunk_end)) != 0; at = prtc_packet_padded(end)) {
      if (load(packet + at, 2) != OUTGOING_RESET_REQUEST || end - at < 16) continue;
      struct prtc_writer writer = prtc_writer_of(packet + at + 8, 4);
      prtc_write_u32(&writer, response);
      uint32_t last = load(packet + at + 12, 4);
      if (!is_after(last, cumulative_tsn)) continue;
      if (waits == 0 || (waits == chunk && is_after(last, *tsn))) *tsn = last;
      if (waits == 0) waits = chunk;
    }
    chunk = prtc_packet_padded(chunk_end);
  }
  return waits;
}

size_t prtc_reconfig_blank(uint8_t *packet, size_t size, size_t offset) {
  packet[offset] = PRTC_SCTP_PAD;
  return prtc_packet_item_end(packet, offset, size) - offset;
}
