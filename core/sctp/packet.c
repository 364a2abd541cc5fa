/* See packet.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/sctp/packet.h"

enum { INIT_SIZE = 20 }; /* of INIT and INIT ACK before their parameters: RFC 9260 sections 3.3.2 and 3.3.3 */

size_t prtc_packet_item_end(const uint8_t *packet, size_t at, size_t end) {
  if (at > end || end - at < 4) return 0;
  size_t length = (size_t)packet[at + 2] << 8 | packet[at + 3];
  return length >= 4 && length <= end - at ? at + length : 0;
}

size_t prtc_packet_find(const uint8_t *packet, size_t size, size_t at, uint8_t type) {
  for (size_t end; (end = prtc_packet_item_end(packet, at, size)) != 0; at = prtc_packet_padded(end)) {
    if (packet[at] == type) return at;
  }
  return 0;
}

/* From `at` to `end` there is nothing but items (and the padding of the last may be missing). */
static bool is_items(const uint8_t *packet, size_t at, size_t end) {
  while (at < end) {
    size_t item_end = prtc_packet_item_end(packet, at, end);
    if (item_end == 0) return false;
    at = prtc_packet_padded(item_end);
  }
  return true;
}

bool prtc_packet_is_well_formed(const uint8_t *packet, size_t size) {
  if (size < PRTC_SCTP_HEADER_SIZE + PRTC_SCTP_CHUNK_HEADER_SIZE || !is_items(packet, PRTC_SCTP_HEADER_SIZE, size)) {
    return false;
  }
  for (size_t at = PRTC_SCTP_HEADER_SIZE; at < size;) {
    size_t end = prtc_packet_item_end(packet, at, size);
    if ((packet[at] == PRTC_SCTP_INIT || packet[at] == PRTC_SCTP_INIT_ACK) &&
        (end - at < INIT_SIZE || !is_items(packet, at + INIT_SIZE, end))) {
      return false;
    }
    at = prtc_packet_padded(end);
  }
  return true;
}
