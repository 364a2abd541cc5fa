/* The encrypted records of an established association, RFC 6347 section 4.1 with the AEAD ciphers of RFC 5288 and RFC 7905.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * BoringSSL makes the handshake and is then freed: from there on this is the only place that seals, so that no nonce can be
 * used twice.
 */
#ifndef PRTC_DTLS_RECORDS_H
#define PRTC_DTLS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/aead.h>
#include <openssl/ssl.h>

#include "core/dtls/filter.h"

/* RFC 6347 section 4.1.2.6: at least 32 records, 64 where possible. A train on its way is often longer. */
#define PRTC_RECORDS_WINDOW 128

struct prtc_records_half {
  EVP_AEAD_CTX aead;
  uint8_t iv[12];
};

struct prtc_records {
  struct prtc_records_half write, read;
  size_t explicit_nonce;   /* bytes of the nonce that travel in the record: 8 with AES-GCM, else 0 */
  uint64_t write_sequence; /* of the next record, with the epoch in its upper 16 bits */
  uint64_t read_sequence;  /* the highest that was accepted */
  uint64_t window[PRTC_RECORDS_WINDOW / 64]; /* bit i: read_sequence - i was accepted */
};

/* Takes the keys out of an SSL whose handshake is complete, and which writes no more after this. */
bool prtc_records_init(struct prtc_records *records, const SSL *ssl);
void prtc_records_clear(struct prtc_records *records);

size_t prtc_records_overhead(const struct prtc_records *records);

/* Makes one record of at most PRTC_RECORD_PLAINTEXT_MAX bytes: its size, BUFFER_TOO_SMALL or CRYPTO. */
int prtc_records_seal(struct prtc_records *records, uint8_t type, const uint8_t *data, size_t size, uint8_t *out,
                      size_t capacity);

/* Opens one record into `out` (which does not overlap it): the size of its plaintext, UNEXPECTED (another epoch, a replay),
 * UNAUTHENTICATED or BUFFER_TOO_SMALL. */
int prtc_records_open(struct prtc_records *records, const struct prtc_record *record, uint8_t *out, size_t capacity);

#endif
