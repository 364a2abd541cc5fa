/* CRC32C by table, eight bytes a step (the "slicing by eight" of Kounavis and Berry), and by the instructions of x86-64 and
 * AArch64. See crc32c.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The tables are in crc32c_table.h, which crc32c_test.c makes again from the polynomial and compares.
 */
#include "core/sctp/crc32c.h"

#include <stdbool.h>
#include <string.h>

#include "core/sctp/crc32c_table.h"

static uint32_t load(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t prtc_crc32c_portable(uint32_t crc, const uint8_t *data, size_t size) {
  for (; size >= 8; data += 8, size -= 8) {
    uint32_t low = load(data) ^ crc, high = load(data + 4);
    crc = crc32c_table[7][low & 255] ^ crc32c_table[6][low >> 8 & 255] ^ crc32c_table[5][low >> 16 & 255] ^
          crc32c_table[4][low >> 24] ^ crc32c_table[3][high & 255] ^ crc32c_table[2][high >> 8 & 255] ^
          crc32c_table[1][high >> 16 & 255] ^ crc32c_table[0][high >> 24];
  }
  for (; size > 0; data++, size--) crc = crc >> 8 ^ crc32c_table[0][(crc ^ *data) & 255];
  return crc;
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <cpuid.h>
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *data, size_t size) {
  uint64_t wide = crc;
  for (; size >= 8; data += 8, size -= 8) {
    unsigned long long eight;
    memcpy(&eight, data, 8);
    wide = _mm_crc32_u64(wide, eight);
  }
  crc = (uint32_t)wide;
  for (; size > 0; data++, size--) crc = _mm_crc32_u8(crc, *data);
  return crc;
}

prtc_crc32c *prtc_crc32c_best(void) {
  unsigned eax, ebx, ecx, edx;
  bool has = __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_SSE4_2) != 0;
  return has ? by_instruction : prtc_crc32c_portable;
}

#elif defined(__ARM_FEATURE_CRC32) && defined(__AARCH64EL__)

#include <arm_acle.h>

static uint32_t by_instruction(uint32_t crc, const uint8_t *data, size_t size) {
  for (; size >= 8; data += 8, size -= 8) {
    uint64_t eight;
    memcpy(&eight, data, 8);
    crc = __crc32cd(crc, eight);
  }
  for (; size > 0; data++, size--) crc = __crc32cb(crc, *data);
  return crc;
}

prtc_crc32c *prtc_crc32c_best(void) { return by_instruction; }

#else

prtc_crc32c *prtc_crc32c_best(void) { return prtc_crc32c_portable; }

#endif

uint32_t prtc_crc32c_packet(prtc_crc32c *update, const uint8_t *packet, size_t size) {
  static const uint8_t zero[4] = {0};
  uint32_t crc = update(UINT32_MAX, packet, 8);
  crc = update(crc, zero, 4);
  return ~update(crc, packet + 12, size - 12);
}
