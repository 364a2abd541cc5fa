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
#include <wmmintrin.h>

__attribute__((target("sse4.2,crc32"))) static uint64_t step(uint64_t crc, const uint8_t *data) {
  unsigned long long eight;
  memcpy(&eight, data, 8);
  return _mm_crc32_u64(crc, eight);
}

/* The checksum as it is after so many more zero bytes that `power` is x to their bits less 33, modulo the polynomial (as in
 * Gopal and others, "Fast CRC Computation for iSCSI Polynomial Using CRC32 Instruction", Intel 2011). */
__attribute__((target("sse4.2,pclmul,crc32"))) static uint64_t shift(uint64_t crc, uint32_t power) {
  __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)crc), _mm_cvtsi64_si128((long long)power), 0);
  return _mm_crc32_u64(0, (unsigned long long)_mm_cvtsi128_si64(product));
}

/* Three lanes side by side, since the instruction has a result only after three cycles, but begins another one in each. */
__attribute__((target("sse4.2,pclmul,crc32"))) static uint64_t three_lanes(uint64_t crc, const uint8_t *data, size_t lane,
                                                                     uint32_t one, uint32_t two) {
  uint64_t second = 0, third = 0;
  for (size_t i = 0; i < lane; i += 8) {
    crc = step(crc, data + i);
    second = step(second, data + lane + i);
    third = step(third, data + 2 * lane + i);
  }
  return shift(crc, two) ^ shift(second, one) ^ third;
}

/* Most of a usual packet in the first loop, most of a small one in the second. */
__attribute__((target("sse4.2,pclmul,crc32"))) static uint32_t by_three(uint32_t crc, const uint8_t *data, size_t size) {
  enum { LARGE = 336, SMALL = 64 }; /* bytes of a lane */
  uint64_t wide = crc;
  for (; size >= 3 * LARGE; data += 3 * LARGE, size -= 3 * LARGE) {
    wide = three_lanes(wide, data, LARGE, 0xA60CE07B, 0xCEC3662E);
  }
  for (; size >= 3 * SMALL; data += 3 * SMALL, size -= 3 * SMALL) {
    wide = three_lanes(wide, data, SMALL, 0x9E4ADDF8, 0x0D3B6092);
  }
  for (; size >= 8; data += 8, size -= 8) wide = step(wide, data);
  crc = (uint32_t)wide;
  for (; size > 0; data++, size--) crc = _mm_crc32_u8(crc, *data);
  return crc;
}

__attribute__((target("sse4.2,crc32"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *data, size_t size) {
  uint64_t wide = crc;
  for (; size >= 8; data += 8, size -= 8) wide = step(wide, data);
  crc = (uint32_t)wide;
  for (; size > 0; data++, size--) crc = _mm_crc32_u8(crc, *data);
  return crc;
}

prtc_crc32c *prtc_crc32c_best(void) {
  unsigned eax, ebx, ecx, edx;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & bit_SSE4_2) == 0) return prtc_crc32c_portable;
  return (ecx & bit_PCLMUL) != 0 ? by_three : by_instruction;
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
