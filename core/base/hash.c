/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/hash.h"

struct state {
  uint64_t a, b, c, d;
};

static uint64_t rotate(uint64_t value, unsigned bits) { return value << bits | value >> (64 - bits); }

static void mix(struct state *s, int rounds) {
  while (rounds-- > 0) {
    s->a += s->b, s->b = rotate(s->b, 13) ^ s->a, s->a = rotate(s->a, 32);
    s->c += s->d, s->d = rotate(s->d, 16) ^ s->c;
    s->a += s->d, s->d = rotate(s->d, 21) ^ s->a;
    s->c += s->b, s->b = rotate(s->b, 17) ^ s->c, s->c = rotate(s->c, 32);
  }
}

static void take(struct state *s, uint64_t word) {
  s->d ^= word;
  mix(s, 2);
  s->a ^= word;
}

/* Little endian; fewer than eight bytes are the lower ones. */
static uint64_t word_of(const uint8_t *bytes, size_t size) {
  uint64_t word = 0;
  for (size_t i = 0; i < size; i++) word |= (uint64_t)bytes[i] << (8 * i);
  return word;
}

uint64_t prtc_hash(const uint64_t key[2], const void *data, size_t size) {
  const uint8_t *bytes = data;
  struct state s = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                    key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
  size_t at = 0;
  for (; size - at >= 8; at += 8) take(&s, word_of(bytes + at, 8));
  take(&s, (uint64_t)size << 56 | word_of(bytes + at, size - at));
  s.c ^= 0xFF;
  mix(&s, 4);
  return s.a ^ s.b ^ s.c ^ s.d;
}
