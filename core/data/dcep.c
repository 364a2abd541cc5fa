/* DATA_CHANNEL_OPEN, see dcep.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/data/dcep.h"

#include "core/base/bytes.h"
#include "core/base/text.h"

/* Channel types, RFC 8832 section 8.2.2 */
enum { RELIABLE = 0, PARTIAL_REXMIT = 1, PARTIAL_TIMED = 2, UNORDERED = 0x80 };

/* The bytes that `count` characters of valid UTF-8 take, where one beyond the BMP counts as `astral`. More than size when
 * there are fewer. */
static size_t bytes_of_characters(const uint8_t *text, size_t size, size_t count, size_t astral) {
  size_t at = 0;
  while (count > 0 && at < size) {
    size_t length = text[at] < 0x80 ? 1 : text[at] < 0xe0 ? 2 : text[at] < 0xf0 ? 3 : 4;
    size_t units = length == 4 ? astral : 1;
    if (units > count) break;
    count -= units;
    at += length;
  }
  return count == 0 ? at : size + 1;
}

/* RFC 8832 section 5.1 wants the lengths "in bytes". aiortc counts code points and werift UTF-16 units; what they mean is
 * plain when that many characters are exactly what there is. */
static bool read_characters(struct prtc_dcep_open *open, const uint8_t *text, size_t size) {
  if (!prtc_is_utf8(text, size)) return false;
  for (size_t astral = 1; astral <= 2; astral++) {
    size_t label = bytes_of_characters(text, size, open->label_size, astral);
    if (label > size) continue;
    if (bytes_of_characters(text + label, size - label, open->protocol_size, astral) != size - label) continue;
    open->label = text;
    open->label_size = label;
    open->protocol = text + label;
    open->protocol_size = size - label;
    return true;
  }
  return false;
}

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
  if (reader.failed || (type & ~UNORDERED) > PARTIAL_TIMED) return false;
  return prtc_reader_left(&reader) == 0 || read_characters(open, data + PRTC_DCEP_OPEN_SIZE, size - PRTC_DCEP_OPEN_SIZE);
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
