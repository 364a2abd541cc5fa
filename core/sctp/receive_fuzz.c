/* Fuzz target: packets into a live association. The input is a list of packets: two bytes of flags and length, then the
 * chunks; the header, with the right ports, tag and checksum, is made here.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <polyrtc/sctp.h>

#include "core/base/bytes.h"
#include "core/sctp/crc32c.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { PACKET_SIZE = 2048 };

struct side {
  prtc_context *context;
  prtc_sctp *sctp;
};

/* Everything that the first side has to send, to the second if there is one. The last packet stays in `packet`. */
static size_t pass(struct side *from, struct side *to, prtc_time now, uint8_t *packet) {
  size_t last = 0;
  int size;
  uint8_t buffer[PACKET_SIZE];
  while ((size = prtc_sctp_transmit(from->sctp, now, buffer, sizeof buffer)) > 0) {
    if (to != NULL) (void)prtc_sctp_receive(to->sctp, now, buffer, (size_t)size);
    memcpy(packet, buffer, (size_t)size);
    last = (size_t)size;
  }
  return last;
}

static void fetch(struct side *side) {
  prtc_sctp_event event;
  while (prtc_sctp_event_next(side->sctp, &event) > 0) {
    if (event.type == PRTC_SCTP_EVENT_MESSAGE) assert(event.message.size > 0 && event.message.data != NULL);
  }
}

static void step(struct side sides[2], prtc_time *now, const uint8_t header[12], struct prtc_reader *reader) {
  uint8_t flags = prtc_read_u8(reader), packet[PACKET_SIZE];
  size_t length = (size_t)prtc_read_u8(reader) * 4;
  if (length > prtc_reader_left(reader)) length = prtc_reader_left(reader);
  const uint8_t *chunks = prtc_read_bytes(reader, length);
  if (chunks == NULL || length < 4) return;
  memcpy(packet, header, 12);
  memcpy(packet + 12, chunks, length);
  if (packet[12] == 1) memset(packet + 4, 0, 4); /* an INIT has no tag */
  uint32_t crc = prtc_crc32c_packet(prtc_crc32c_portable, packet, 12 + length);
  for (int i = 0; i < 4; i++) packet[8 + i] = (uint8_t)(crc >> 8 * i);
  (void)prtc_sctp_receive(sides[1].sctp, *now, packet, 12 + length);
  if ((flags & 1) != 0) fetch(&sides[1]);
  if ((flags & 2) != 0) {
    prtc_sctp_message message = {
        .stream = flags >> 4, .ppid = 51, .begin = 1, .end = 1, .data = packet, .size = 12 + length};
    (void)prtc_sctp_send(sides[1].sctp, *now, &message);
  }
  if ((flags & 4) != 0) (void)prtc_sctp_reset_stream(sides[1].sctp, *now, flags >> 4);
  if ((flags & 8) != 0) {
    *now += 500000;
    (void)prtc_sctp_timeout(sides[1].sctp, *now);
    assert(prtc_sctp_deadline(sides[1].sctp) > *now);
  }
  pass(&sides[1], NULL, *now, packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  struct prtc_reader reader = prtc_reader_of(bytes, size);
  struct side sides[2];
  prtc_time now = 1000000;
  uint8_t packet[PACKET_SIZE];
  for (int i = 0; i < 2; i++) {
    prtc_context_config config;
    prtc_sctp_config sctp_config;
    PRTC_INIT(&config);
    PRTC_INIT(&sctp_config);
    config.seed[0] = (uint8_t)i;
    sctp_config.streams = 16;
    sctp_config.receive_window = 16384;
    sides[i].context = prtc_context_new(&config);
    sides[i].sctp = prtc_sctp_new(sides[i].context, now, &sctp_config);
    (void)prtc_sctp_connect(sides[i].sctp, now);
  }
  for (int i = 0; i < 4; i++) {
    pass(&sides[0], &sides[1], now, packet);
    pass(&sides[1], &sides[0], now, packet);
  }
  fetch(&sides[1]);
  /* A packet of the real sender, for its header. */
  prtc_sctp_message message = {.ppid = 51, .begin = 1, .end = 1, .data = (const uint8_t *)"x", .size = 1};
  int code = prtc_sctp_send(sides[0].sctp, now, &message);
  assert(code == 0);
  size_t got = pass(&sides[0], NULL, now, packet);
  assert(code == 0 && got > 12);
  (void)code, (void)got;
  while (prtc_reader_left(&reader) >= 2) step(sides, &now, packet, &reader);
  for (int i = 0; i < 2; i++) {
    prtc_sctp_free(sides[i].sctp);
    prtc_context_free(sides[i].context);
  }
  return 0;
}
