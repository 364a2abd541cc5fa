/* DATA_CHANNEL_OPEN, see dcep.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/data/dcep.h"

#include "core/base/bytes.h"

/* Channel types, RFC 8832 section 8.2.2 */
enum { RELIABLE = 0, PARTIAL_REXMIT = 1, PARTIAL_TIMED = 2, UNORDERED = 0x80 };

bool prtc_dcep_read_open(struct prtc_dcep_open *open, const uint8_t *data, size_t size) {
  struct prtc_reader reader = prtc_reader_of(data, size);
  prtc_read_u8(&reader);
  uint8_t type = prtc_read_u8(&reader);
  open->priority = prtc_read_u16(&reader);
  open->reliability = prtc_read_u32(&reader);
  open->label_size = prtc_read_u16(&reader);
  open->protocol_size = prtc_read_u16(&reader);
  open->label = prtc_read_bytes(&reader, open->label_size);
  open->protocol = prtc_read_bytes(&reader, open->protocol_size);
  open->unordered = (type & UNORDERED) != 0;
  open->has_max_retransmits = (type & ~UNORDERED) == PARTIAL_REXMIT;
  open->has_max_packet_life_time = (type & ~UNORDERED) == PARTIAL_TIMED;
  if ((type & ~UNORDERED) == RELIABLE) open->reliability = 0; /* "MUST be ignored" */
  return !reader.failed && prtc_reader_left(&reader) == 0 && (type & ~UNORDERED) <= PARTIAL_TIMED;
}

void prtc_dcep_write_open(const struct prtc_dcep_open *open, uint8_t *out) {
  struct prtc_writer writer = prtc_writer_of(out, PRTC_DCEP_OPEN_SIZE + open->label_size + open->protocol_size);
  unsigned type = open->has_max_retransmits ? PARTIAL_REXMIT : open->has_max_packet_life_time ? PARTIAL_TIMED : RELIABLE;
  prtc_write_u8(&writer, PRTC_DCEP_OPEN);
  prtc_write_u8(&writer, (uint8_t)(type | (open->unordered ? UNORDERED : 0)));
  prtc_write_u16(&writer, open->priority);
  prtc_write_u32(&writer, open->reliability);
  prtc_write_u16(&writer, (uint16_t)open->label_size);
  prtc_write_u16(&writer, (uint16_t)open->protocol_size);
  prtc_write_bytes(&writer, open->label, open->label_size);
  prtc_write_bytes(&writer, open->protocol, open->protocol_size);
}
