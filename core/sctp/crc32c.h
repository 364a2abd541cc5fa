/* CRC32C, RFC 9260 appendix A.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_SCTP_CRC32C_H
#define PRTC_SCTP_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues a checksum: begins with UINT32_MAX, and the result of the last call is complemented. */
typedef uint32_t prtc_crc32c(uint32_t crc, const uint8_t *data, size_t size);

prtc_crc32c prtc_crc32c_portable;

/* The fastest that this CPU has. Asking takes a while (microseconds in a virtual machine): once for each object. */
prtc_crc32c *prtc_crc32c_best(void);

/* The checksum of an SCTP packet (at least 12 bytes), whose own field counts as zero. It stands in the field with the least
 * significant byte first. */
uint32_t prtc_crc32c_packet(prtc_crc32c *update, const uint8_t *packet, size_t size);

#endif
