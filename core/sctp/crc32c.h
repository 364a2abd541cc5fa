/* CRC32C, RFC 9260 appendix A.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_SCTP_CRC32C_H
#define PRTC_SCTP_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues a checksum: begins with UINT32_MAX, and the result of the last call is complemented. */
uint32_t prtc_crc32c_update(uint32_t crc, const uint8_t *data, size_t size);

/* The checksum of an SCTP packet (at least 12 bytes), whose own field counts as zero. It stands in the field with the least
 * significant byte first. */
uint32_t prtc_crc32c_packet(const uint8_t *packet, size_t size);

#endif
