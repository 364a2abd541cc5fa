/* The two messages of RFC 8832, Data Channel Establishment Protocol.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_DATA_DCEP_H
#define PRTC_DATA_DCEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 8832 section 8.2.1 */
enum { PRTC_DCEP_ACK = 2, PRTC_DCEP_OPEN = 3 };

/* The header of an OPEN, and the longest that there is. */
#define PRTC_DCEP_OPEN_SIZE 12u
#define PRTC_DCEP_SIZE_MAX (PRTC_DCEP_OPEN_SIZE + 2u * 65535u)

/* RFC 8832 section 5.1 */
struct prtc_dcep_open {
  uint16_t priority;
  bool unordered;
  bool has_max_retransmits;      /* at most one of these two */
  bool has_max_packet_life_time;
  uint32_t reliability;          /* retransmissions or milliseconds, or 0 */
  const uint8_t *label, *protocol; /* borrowed */
  size_t label_size, protocol_size;
};

/* Reads an OPEN, whose type byte was seen. False when it is malformed. */
bool prtc_dcep_read_open(struct prtc_dcep_open *open, const uint8_t *data, size_t size);

/* Writes an OPEN into `out`, which has room for PRTC_DCEP_OPEN_SIZE + label_size + protocol_size. */
void prtc_dcep_write_open(const struct prtc_dcep_open *open, uint8_t *out);

#endif
