/* The frame of an SCTP packet: chunks and the parameters in them.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_SCTP_PACKET_H
#define PRTC_SCTP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  PRTC_SCTP_HEADER_SIZE = 12,      /* RFC 9260 section 3.1 */
  PRTC_SCTP_CHUNK_HEADER_SIZE = 4, /* section 3.2 */
};

/* Chunk types, RFC 9260 section 3.2, RFC 6525 section 3.1, RFC 4820 section 3, RFC 3758 section 3.2, RFC 8260
 * sections 2.1 and 2.3.1; and PART, which is polyrtc's own: path.h */
enum {
  PRTC_SCTP_DATA = 0,
  PRTC_SCTP_INIT = 1,
  PRTC_SCTP_INIT_ACK = 2,
  PRTC_SCTP_HEARTBEAT = 4,
  PRTC_SCTP_HEARTBEAT_ACK = 5,
  PRTC_SCTP_ABORT = 6,
  PRTC_SCTP_SHUTDOWN_COMPLETE = 14,
  PRTC_SCTP_I_DATA = 64,
  PRTC_SCTP_RECONFIG = 130,
  PRTC_SCTP_PAD = 132,
  PRTC_SCTP_PART = 190,
  PRTC_SCTP_FORWARD_TSN = 192,
  PRTC_SCTP_I_FORWARD_TSN = 194,
};

/* The end, without padding, of the chunk or parameter at `at`; 0 when there is none, or its length is wrong. */
size_t prtc_packet_item_end(const uint8_t *packet, size_t at, size_t end);

/* Where the next one begins. */
static inline size_t prtc_packet_padded(size_t at) { return (at + 3) & ~(size_t)3; }

/* The first chunk of a type, from the chunk at `at` on; 0 when there is none. */
size_t prtc_packet_find(const uint8_t *packet, size_t size, size_t at, uint8_t type);

static inline bool prtc_packet_has(const uint8_t *packet, size_t size, uint8_t type) {
  return prtc_packet_find(packet, size, PRTC_SCTP_HEADER_SIZE, type) != 0;
}

/* Whether all chunks are whole, and the parameters of INIT and INIT ACK: usrsctp goes in circles at one of length 0. */
bool prtc_packet_is_well_formed(const uint8_t *packet, size_t size);

#endif
