/* The frame of packets, and what is done to RE-CONFIG chunks.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/sctp/packet.h"

#include "core/base/bytes.h"
#include "core/base/testing.h"
#include "core/sctp/reconfig.h"

static void chunks_must_be_whole(void) {
  static const uint8_t good[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* header */
                                 4, 0, 0, 6, 1, 2, 0, 0,             /* a chunk and its padding */
                                 5, 0, 0, 4};
  uint8_t bad[sizeof good];
  PRTC_CHECK(prtc_packet_is_well_formed(good, sizeof good));
  PRTC_CHECK(prtc_packet_is_well_formed(good, 18)); /* the last padding may be missing */
  for (size_t size = 0; size < sizeof good; size++) {
    PRTC_CHECK(prtc_packet_is_well_formed(good, size) == (size >= 18 && size <= 20));
  }
  for (int length = 0; length < 4; length++) {
    memcpy(bad, good, sizeof good);
    bad[15] = (uint8_t)length;
    PRTC_CHECK(!prtc_packet_is_well_formed(bad, sizeof bad));
  }
}

static void parameters_of_an_init_must_be_whole(void) {
  uint8_t packet[12 + 20 + 8] = {0};
  for (uint8_t type = PRTC_SCTP_INIT; type <= PRTC_SCTP_INIT_ACK; type++) {
    packet[12] = type;
    packet[15] = 28;
    packet[12 + 20] = 0x80;
    packet[12 + 20 + 3] = 8;
    PRTC_CHECK(prtc_packet_is_well_formed(packet, sizeof packet));
    for (uint8_t length = 0; length < 20; length++) {
      packet[12 + 20 + 3] = length;
      bool whole = length >= 5 && length <= 8; /* 4 leaves a second one of length 0 */
      PRTC_CHECK(prtc_packet_is_well_formed(packet, sizeof packet) == whole);
    }
    packet[15] = 19; /* shorter than its fixed part */
    PRTC_CHECK(!prtc_packet_is_well_formed(packet, 12 + 19));
  }
}

/* A RE-CONFIG chunk with an outgoing reset request for one stream. */
static void write_request(struct prtc_writer *writer, uint32_t last_tsn) {
  prtc_write_u32(writer, (uint32_t)PRTC_SCTP_RECONFIG << 24 | 24);
  prtc_write_u32(writer, 13u << 16 | 18);
  prtc_write_u32(writer, 1);        /* request number */
  prtc_write_u32(writer, 0xabcdef); /* response number */
  prtc_write_u32(writer, last_tsn);
  prtc_write_u32(writer, 7u << 16); /* stream, padding */
}

static void requests_wait_for_their_tsn(void) {
  uint8_t packet[200] = {0};
  uint32_t tsn = 0;
  struct prtc_writer writer = prtc_writer_of(packet + 12, sizeof packet - 12);
  prtc_write_u32(&writer, 11u << 24 | 4); /* COOKIE ACK */
  PRTC_CHECK(!prtc_packet_has(packet, 12 + writer.size, PRTC_SCTP_RECONFIG));
  write_request(&writer, 100);
  write_request(&writer, 101);
  size_t size = 12 + writer.size;
  PRTC_CHECK(prtc_packet_is_well_formed(packet, size));
  PRTC_CHECK(prtc_packet_has(packet, size, PRTC_SCTP_RECONFIG));
  PRTC_CHECK_INT(prtc_reconfig_prepare(packet, size, 0x11223344, 101, &tsn), 0);
  PRTC_CHECK(memcmp(packet + 16 + 12, "\x11\x22\x33\x44", 4) == 0); /* the response number means nothing now */
  PRTC_CHECK_INT(prtc_reconfig_prepare(packet, size, 0, 100, &tsn), 16 + 24);
  PRTC_CHECK_INT(tsn, 101);
  PRTC_CHECK_INT(prtc_reconfig_prepare(packet, size, 0, 99, &tsn), 16);
  PRTC_CHECK_INT(tsn, 100);
  PRTC_CHECK_INT(prtc_reconfig_prepare(packet, size, 0, 0xfffffff0, &tsn), 16); /* serial numbers wrap */
  PRTC_CHECK_INT(prtc_reconfig_blank(packet, size, 16), 24);
  PRTC_CHECK_INT(packet[16], PRTC_SCTP_PAD);
  PRTC_CHECK(prtc_packet_is_well_formed(packet, size));
  PRTC_CHECK_INT(prtc_reconfig_prepare(packet, size, 0, 99, &tsn), 16 + 24);
}

int main(void) {
  PRTC_RUN(chunks_must_be_whole);
  PRTC_RUN(parameters_of_an_init_must_be_whole);
  PRTC_RUN(requests_wait_for_their_tsn);
  return PRTC_TEST_RESULT();
}
