/* CRC32C against the vectors of RFC 3720 appendix B.4, and its tables against the polynomial.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/sctp/crc32c.h"

#include "core/base/testing.h"
#include "core/sctp/crc32c_table.h"

static uint32_t whole(const uint8_t *data, size_t size) {
  uint32_t crc = ~prtc_crc32c_portable(UINT32_MAX, data, size);
  PRTC_CHECK_INT(~prtc_crc32c_best()(UINT32_MAX, data, size), crc);
  return crc;
}

static void known_vectors(void) {
  uint8_t data[32];
  memset(data, 0, sizeof data);
  PRTC_CHECK_INT(whole(data, 32), 0x8a9136aa);
  memset(data, 0xff, sizeof data);
  PRTC_CHECK_INT(whole(data, 32), 0x62a8ab43);
  for (int i = 0; i < 32; i++) data[i] = (uint8_t)i;
  PRTC_CHECK_INT(whole(data, 32), 0x46dd794e);
  for (int i = 0; i < 32; i++) data[i] = (uint8_t)(31 - i);
  PRTC_CHECK_INT(whole(data, 32), 0x113fdb5c);
}

static uint32_t bit_by_bit(uint32_t crc, const uint8_t *data, size_t size) {
  for (; size > 0; data++, size--) {
    crc ^= *data;
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
  }
  return crc;
}

static void tables_follow_from_the_polynomial(void) {
  for (size_t after = 0; after < 8; after++) {
    for (int byte = 0; byte < 256; byte++) {
      uint8_t data[8] = {(uint8_t)byte};
      PRTC_CHECK_INT(crc32c_table[after][byte], bit_by_bit(0, data, after + 1));
    }
  }
}

static void any_length_and_alignment(void) {
  uint8_t data[4200];
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * i >> 3);
  for (size_t start = 0; start < 9; start++) {
    for (size_t size = 0; size + start <= sizeof data; size += size < 420 ? 1 : 97) {
      uint32_t expected = bit_by_bit(UINT32_MAX, data + start, size);
      PRTC_CHECK_INT(prtc_crc32c_portable(UINT32_MAX, data + start, size), expected);
      PRTC_CHECK_INT(prtc_crc32c_best()(UINT32_MAX, data + start, size), expected);
    }
  }
}

static void a_packet_leaves_out_its_own_field(void) {
  uint8_t packet[40], zeroed[40];
  for (size_t i = 0; i < sizeof packet; i++) packet[i] = (uint8_t)(i * 7);
  memcpy(zeroed, packet, sizeof packet);
  memset(zeroed + 8, 0, 4);
  PRTC_CHECK_INT(prtc_crc32c_packet(prtc_crc32c_best(), packet, sizeof packet), whole(zeroed, sizeof zeroed));
  PRTC_CHECK_INT(prtc_crc32c_packet(prtc_crc32c_best(), packet, 12), whole(zeroed, 12));
}

int main(void) {
  PRTC_RUN(known_vectors);
  PRTC_RUN(tables_follow_from_the_polynomial);
  PRTC_RUN(any_length_and_alignment);
  PRTC_RUN(a_packet_leaves_out_its_own_field);
  return PRTC_TEST_RESULT();
}
