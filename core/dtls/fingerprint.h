/* Certificate fingerprints, RFC 8122 section 5.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_DTLS_FINGERPRINT_H
#define PRTC_DTLS_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <polyrtc/dtls.h>

#define PRTC_FINGERPRINT_SIZE 64 /* SHA-512 */

/* Those of the strongest algorithm that was among what the other side named, as bytes. */
struct prtc_fingerprint_set {
  size_t algorithm; /* index in the table of algorithms, from the weakest */
  size_t value_size;
  size_t count;     /* 0: none are known yet */
  uint8_t values[PRTC_FINGERPRINTS_MAX][PRTC_FINGERPRINT_SIZE];
};

/* Fills *set. INVALID_ARGUMENT when a value is not of the form that its algorithm needs, NOT_SUPPORTED when no algorithm is
 * known, QUEUE_FULL for more than PRTC_FINGERPRINTS_MAX of the strongest; *set is then untouched. */
int prtc_fingerprint_set_fill(struct prtc_fingerprint_set *set, const prtc_fingerprint *fingerprints, size_t count);

/* Does one of them match this certificate (DER)? */
bool prtc_fingerprint_set_matches(const struct prtc_fingerprint_set *set, const uint8_t *der, size_t size);

/* The fingerprint of a certificate (DER): 0 or NOT_SUPPORTED. */
int prtc_fingerprint_of(const char *algorithm, const uint8_t *der, size_t size, prtc_fingerprint *out);

#endif
