/* CRC32C by table, eight bytes a step (the "slicing by eight" of Kounavis and Berry). See crc32c.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The tables are in crc32c_table.h, which crc32c_test.c makes again from the polynomial and compares.
 */
#include "core/sctp/crc32c.h"

#include "core/sctp/crc32c_table.h"

static uint32_t load(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t prtc_crc32c_update(uint32_t crc, const uint8_t *data, size_t size) {
  for (; size >= 8; data += 8, size -= 8) {
    uint32_t low = load(data) ^ crc, high = load(data + 4);
    crc = crc32c_table[7][low & 255] ^ crc32c_table[6][low >> 8 & 255] ^ crc32c_table[5][low >> 16 & 255] ^
          crc32c_table[4][low >> 24] ^ crc32c_table[3][high & 255] ^ crc32c_table[2][high >> 8 & 255] ^
          crc32c_table[1][high >> 16 & 255] ^ crc32c_table[0][high >> 24];
  }
  for (; size > 0; data++, size--) crc = crc >> 8 ^ crc32c_table[0][(crc ^ *data) & 255];
  return crc;
}

uint32_t prtc_crc32c_packet(const uint8_t *packet, size_t size) {
  static const uint8_t zero[4];
  uint32_t crc = prtc_crc32c_update(UINT32_MAX, packet, 8);
  crc = prtc_crc32c_update(crc, zero, 4);
  return ~prtc_crc32c_update(crc, packet + 12, size - 12);
}
