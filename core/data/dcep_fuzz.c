/* Fuzz target: the OPEN message. What is read is within the input; written, it reads as the same again.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/data/dcep.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_within(const uint8_t *part, size_t part_size, const uint8_t *whole, size_t size) {
  assert(part >= whole && part_size <= size && (size_t)(part - whole) <= size - part_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  struct prtc_dcep_open open, again;
  memset(&open, 0, sizeof open);
  if (size == 0 || !prtc_dcep_read_open(&open, bytes, size)) return 0;
  check_within(open.label, open.label_size, bytes, size);
  check_within(open.protocol, open.protocol_size, bytes, size);
  assert(!open.has_max_retransmits || !open.has_max_packet_life_time);
  if (open.label_size > 65535 || open.protocol_size > 65535) return 0; /* characters that were counted, not bytes */
  size_t written = PRTC_DCEP_OPEN_SIZE + open.label_size + open.protocol_size;
  uint8_t *out = malloc(written);
  assert(out != NULL && written <= PRTC_DCEP_SIZE_MAX);
  prtc_dcep_write_open(&open, out);
  assert(out[0] == PRTC_DCEP_OPEN && prtc_dcep_read_open(&again, out, written));
  assert(again.priority == open.priority && again.unordered == open.unordered && again.reliability == open.reliability);
  assert(again.has_max_retransmits == open.has_max_retransmits);
  assert(again.has_max_packet_life_time == open.has_max_packet_life_time);
  assert(again.label_size == open.label_size && again.protocol_size == open.protocol_size);
  assert(memcmp(again.label, open.label, open.label_size) == 0);
  assert(memcmp(again.protocol, open.protocol, open.protocol_size) == 0);
  free(out);
  return 0;
}
