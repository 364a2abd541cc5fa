/* The context's cryptographic generator: ChaCha20 with fast key erasure, from a seed of 32 bytes. The only random source of
 * everything in a polyrtc library, BoringSSL's RAND_bytes included.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_RANDOM_H
#define PRTC_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct prtc_random {
  uint8_t key[32];
  uint8_t pool[256];
  uint32_t used; /* bytes of pool that are spent */
};

void prtc_random_init(struct prtc_random *random, const uint8_t seed[32]);
void prtc_random_clear(struct prtc_random *random);
void prtc_random_bytes(struct prtc_random *random, void *out, size_t size);
uint32_t prtc_random_u32(struct prtc_random *random);
uint64_t prtc_random_u64(struct prtc_random *random);

/* Uniform in [0, bound); bound is not 0. */
uint32_t prtc_random_below(struct prtc_random *random, uint32_t bound);

/* `size` characters of RFC 8839 ice-char (A-Z a-z 0-9 + /), and a NUL: 6 bits each. */
void prtc_random_ice_chars(struct prtc_random *random, char *out, size_t size);

#endif
