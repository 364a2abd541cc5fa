// The random source of BoringSSL's inner functions, in place of its own (see boringssl-rand.patch): RAND_bytes, which //core/base defines.
//
// SPDX-License-Identifier: BSD-3-Clause

#include <string.h>

#include <openssl/chacha.h>
#include <openssl/mem.h>
#include <openssl/rand.h>

#include "crypto/fipsmodule/bcm_interface.h"

BSSL_NAMESPACE_BEGIN

bcm_infallible BCM_rand_bytes(uint8_t *out, size_t size) {
  RAND_bytes(out, size);
  return bcm_infallible::approved;
}

bcm_status BCM_rand_bytes_hwrng(uint8_t *, size_t) { return bcm_status::failure; }

// ECDSA passes a hash of its private key and the digest: kept in, because it is what saves the key if a seed should ever be used twice.
bcm_infallible BCM_rand_bytes_with_additional_data(uint8_t *out, size_t size, const uint8_t additional[32]) {
  static const uint8_t nonce[12] = {0};
  uint8_t key[32];
  RAND_bytes(key, sizeof key);
  for (size_t i = 0; i < sizeof key; i++) key[i] ^= additional[i];
  memset(out, 0, size);
  CRYPTO_chacha_20(out, out, size, key, nonce, 0);
  OPENSSL_cleanse(key, sizeof key);
  return bcm_infallible::approved;
}

// Drivers refuse to work in a forked child; and no device is opened.
uint64_t CRYPTO_get_fork_generation() { return 0; }
void CRYPTO_init_sysrand() {}

BSSL_NAMESPACE_END
