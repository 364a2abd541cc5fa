/* Fuzzes the reading of STUN messages: every reader on whatever prtc_stun_parse accepts. The fingerprint is repaired
 * first, so that mutations come further than the checksum.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdlib.h>
#include <string.h>

#include <polyrtc/error.h>

#include "core/base/context.h"
#include "core/stun/message.h"
#include "stun/stun5389.h"

static void read_all(const uint8_t *data, size_t size) {
  struct prtc_stun_message message;
  if (prtc_stun_parse(&message, data, size) != 0) return;
  uint16_t unknown[8];
  unsigned sum = (unsigned)prtc_stun_unknown_attributes(&message, unknown, 8);
  for (uint32_t type = 0; type < 0x10000; type = type == 0x40 ? 0x8000 : type == 0x8040 ? 0x10000 : type + 1) {
    size_t length;
    uint32_t u32;
    uint64_t u64;
    prtc_address address;
    const uint8_t *value = prtc_stun_find(&message, (uint16_t)type, &length);
    for (size_t i = 0; value != NULL && i < length; i++) sum += value[i];
    sum += prtc_stun_find_u32(&message, (uint16_t)type, &u32);
    sum += prtc_stun_find_u64(&message, (uint16_t)type, &u64);
    sum += prtc_stun_find_flag(&message, (uint16_t)type);
    sum += prtc_stun_find_xor_address(&message, (uint16_t)type, &address);
  }
  sum += (unsigned)prtc_stun_find_error(&message);
  if (prtc_stun_check_integrity(&message, "a password that no input knows", 30) == 0) abort();
  volatile unsigned keep = sum;
  (void)keep;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static prtc_context *context;
  if (context == NULL) {
    prtc_context_config config;
    PRTC_INIT(&config);
    context = prtc_context_new(&config);
    if (context == NULL) abort();
  }
  struct prtc_context *previous = prtc_enter(context);
  read_all(data, size);
  if (size >= 28) {
    uint8_t *copy = malloc(size);
    if (copy == NULL) abort();
    memcpy(copy, data, size);
    uint32_t crc = stun_fingerprint(copy, size, false);
    memcpy(copy + size - 4, &crc, 4);
    read_all(copy, size);
    free(copy);
  }
  prtc_leave(previous);
  return 0;
}
