/* Packets of any content, to be protected and unprotected.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Byte 0: the profile (modulo 3). Then commands: which of the four functions, or (4, 5) a change to what was protected
 * last, which is then unprotected; size (2), bytes.
 */
#include <stdlib.h>
#include <string.h>

#include <polyrtc/srtp.h>

#include "core/base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static prtc_srtp *make(prtc_context *context, size_t choice, uint32_t role) {
  static const uint32_t profiles[] = {PRTC_SRTP_AES128_CM_SHA1_80, PRTC_SRTP_AEAD_AES_128_GCM, PRTC_SRTP_AEAD_AES_256_GCM};
  static const size_t sizes[] = {60, 56, 88};
  static const uint8_t keys[PRTC_SRTP_KEYS_SIZE] = {1, 2, 3};
  prtc_srtp_config config;
  PRTC_INIT(&config);
  config.profile = profiles[choice];
  config.role = role;
  config.keys = keys;
  config.keys_size = sizes[choice];
  prtc_srtp *srtp = prtc_srtp_new(context, &config);
  if (srtp == NULL) abort();
  return srtp;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct prtc_reader reader = prtc_reader_of(data, size);
  prtc_context_config config;
  PRTC_INIT(&config);
  prtc_context *context = prtc_context_new(&config);
  size_t choice = prtc_read_u8(&reader) % 3;
  prtc_srtp *from = make(context, choice, PRTC_DTLS_ROLE_CLIENT), *to = make(context, choice, PRTC_DTLS_ROLE_SERVER);
  uint8_t last[4096] = {0}, out[4096];
  int last_size = 0;
  while (prtc_reader_left(&reader) > 0) {
    uint8_t command = prtc_read_u8(&reader);
    size_t packet_size = prtc_read_u16(&reader) % 2048;
    if (packet_size > prtc_reader_left(&reader)) packet_size = prtc_reader_left(&reader);
    const uint8_t *packet = prtc_read_bytes(&reader, packet_size);
    if (packet == NULL) break;
    int result;
    switch (command % 6) {
      case 0:
        result = last_size = prtc_srtp_protect_rtp(from, packet, packet_size, last, packet_size + PRTC_SRTP_OVERHEAD);
        break;
      case 1:
        result = last_size = prtc_srtp_protect_rtcp(from, packet, packet_size, last, packet_size + PRTC_SRTP_OVERHEAD);
        break;
      case 2:
        result = prtc_srtp_unprotect_rtp(to, packet, packet_size, out, packet_size);
        break;
      case 3:
        result = prtc_srtp_unprotect_rtcp(to, packet, packet_size, out, packet_size);
        break;
      default:
        if (last_size <= 0) continue;
        for (size_t i = 0; i < packet_size && i < (size_t)last_size; i++) last[i] ^= packet[i];
        result = (command % 6 == 4 ? prtc_srtp_unprotect_rtp : prtc_srtp_unprotect_rtcp)(to, last, (size_t)last_size, out,
                                                                                       (size_t)last_size);
    }
    if (result > (int)packet_size + PRTC_SRTP_OVERHEAD && command % 6 < 4) abort();
  }
  prtc_srtp_free(from);
  prtc_srtp_free(to);
  prtc_context_free(context);
  return 0;
}
