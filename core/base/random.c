/* The generator, and what BoringSSL draws from it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The BoringSSL that is built here has no random source of its own (third_party/boringssl-rand.patch): its RAND functions
 * are defined below and draw from the context that is entered on this thread. A repeated seed therefore repeats keys and
 * nonces: seeds are fresh for each endpoint, and fixed in tests and replays alone.
 */
#include "core/base/random.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/chacha.h>
#include <openssl/mem.h>
#include <openssl/rand.h>

#include "core/base/context.h"

static const uint8_t zero_nonce[12];

void prtc_random_init(struct prtc_random *random, const uint8_t seed[32]) {
  memset(random, 0, sizeof *random);
  memcpy(random->key, seed, sizeof random->key);
  random->used = sizeof random->pool;
}

void prtc_random_clear(struct prtc_random *random) { OPENSSL_cleanse(random, sizeof *random); }

/* Fast key erasure: each block of output begins with the next key, so that what was drawn cannot be computed from what is
 * left in memory. */
static void refill(struct prtc_random *random) {
  memset(random->pool, 0, sizeof random->pool);
  CRYPTO_chacha_20(random->pool, random->pool, sizeof random->pool, random->key, zero_nonce, 0);
  memcpy(random->key, random->pool, sizeof random->key);
  OPENSSL_cleanse(random->pool, sizeof random->key);
  random->used = sizeof random->key;
}

void prtc_random_bytes(struct prtc_random *random, void *out, size_t size) {
  uint8_t *next = out;
  while (size > 0) {
    if (random->used == sizeof random->pool) refill(random);
    size_t part = sizeof random->pool - random->used;
    if (part > size) part = size;
    memcpy(next, random->pool + random->used, part);
    OPENSSL_cleanse(random->pool + random->used, part);
    random->used += (uint32_t)part;
    next += part;
    size -= part;
  }
}

uint32_t prtc_random_u32(struct prtc_random *random) {
  uint32_t value;
  prtc_random_bytes(random, &value, sizeof value);
  return value;
}

uint64_t prtc_random_u64(struct prtc_random *random) {
  uint64_t value;
  prtc_random_bytes(random, &value, sizeof value);
  return value;
}

uint32_t prtc_random_below(struct prtc_random *random, uint32_t bound) {
  uint32_t remainder = (uint32_t)((UINT64_C(1) << 32) % bound);
  uint32_t value;
  do value = prtc_random_u32(random);
  while (remainder != 0 && value >= UINT32_MAX - remainder + 1); /* the last, incomplete run of `bound` would be uneven */
  return value % bound;
}

void prtc_random_ice_chars(struct prtc_random *random, char *out, size_t size) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < size; i++) {
    uint8_t byte;
    prtc_random_bytes(random, &byte, 1);
    out[i] = alphabet[byte & 63];
  }
  out[size] = '\0';
}

/* --------------------------------------------------------------------------------------------------- BoringSSL's random */

static struct prtc_random *entered_random(void) {
  /* Without randomness every key would be predictable: there is nothing that could be returned instead. The invariant: each
   * call into BoringSSL is made between prtc_enter and prtc_leave. */
  if (prtc_entered == NULL) abort();
  return &prtc_entered->random;
}

int RAND_bytes(uint8_t *out, size_t size) {
  prtc_random_bytes(entered_random(), out, size);
  return 1;
}

int RAND_pseudo_bytes(uint8_t *out, size_t size) { return RAND_bytes(out, size); }
