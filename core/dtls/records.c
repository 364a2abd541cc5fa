/* The encrypted records of an established association: see records.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/dtls/records.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/mem.h>

#include <polyrtc/error.h>

#include "core/base/bytes.h"

enum { TAG_SIZE = 16, NONCE_SIZE = 12, ADDITIONAL_DATA_SIZE = 13, VERSION_1_2 = 0xfefd };

static const uint64_t sequence_mask = UINT64_C(0xffffffffffff); /* 48 bits, below the epoch */

struct cipher {
  uint16_t id; /* RFC 5289 section 3.2, RFC 7905 section 2 */
  const EVP_AEAD *(*aead)(void);
  size_t key_size, iv_size;
};

static const struct cipher ciphers[] = {
    {0xc02b, EVP_aead_aes_128_gcm, 16, 4},        /* ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 */
    {0xc02f, EVP_aead_aes_128_gcm, 16, 4},        /* ECDHE_RSA_WITH_AES_128_GCM_SHA256 */
    {0xcca9, EVP_aead_chacha20_poly1305, 32, 12}, /* ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 */
    {0xcca8, EVP_aead_chacha20_poly1305, 32, 12}, /* ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 */
};

static const struct cipher *find_cipher(const SSL *ssl) {
  const SSL_CIPHER *current = SSL_get_current_cipher(ssl);
  for (size_t i = 0; current != NULL && i < sizeof ciphers / sizeof ciphers[0]; i++) {
    if (SSL_CIPHER_get_protocol_id(current) == ciphers[i].id) return &ciphers[i];
  }
  return NULL;
}

/* RFC 5246 section 6.3: the key block of an AEAD cipher is client key, server key, client IV, server IV. */
static bool half_init(struct prtc_records_half *half, const struct cipher *cipher, const uint8_t *block, size_t side) {
  memcpy(half->iv, block + 2 * cipher->key_size + side * cipher->iv_size, cipher->iv_size);
  return EVP_AEAD_CTX_init(&half->aead, cipher->aead(), block + side * cipher->key_size, cipher->key_size, TAG_SIZE, NULL);
}

bool prtc_records_init(struct prtc_records *records, const SSL *ssl) {
  uint8_t block[2 * (32 + 12)];
  const struct cipher *cipher = find_cipher(ssl);
  size_t own = SSL_is_server(ssl) ? 1 : 0;
  memset(records, 0, sizeof *records);
  EVP_AEAD_CTX_zero(&records->write.aead);
  EVP_AEAD_CTX_zero(&records->read.aead);
  if (cipher == NULL) return false;
  size_t size = 2 * (cipher->key_size + cipher->iv_size);
  bool ok = SSL_get_key_block_len(ssl) == size && SSL_generate_key_block(ssl, block, size) &&
            half_init(&records->write, cipher, block, own) && half_init(&records->read, cipher, block, 1 - own);
  OPENSSL_cleanse(block, sizeof block);
  records->explicit_nonce = cipher->iv_size == 4 ? 8 : 0;
  records->write_sequence = SSL_get_write_sequence(ssl); /* after the Finished, which SSL has sealed */
  /* The window begins empty: SSL was given no application data of this epoch, so none can be delivered twice. */
  records->read_sequence = UINT64_C(1) << 48;
  return ok;
}

void prtc_records_clear(struct prtc_records *records) {
  EVP_AEAD_CTX_cleanup(&records->write.aead);
  EVP_AEAD_CTX_cleanup(&records->read.aead);
  OPENSSL_cleanse(records, sizeof *records);
}

size_t prtc_records_overhead(const struct prtc_records *records) {
  return PRTC_RECORD_HEADER_SIZE + records->explicit_nonce + TAG_SIZE;
}

static void store_sequence(uint8_t out[8], uint64_t sequence) {
  for (size_t i = 0; i < 8; i++) out[i] = (uint8_t)(sequence >> (56 - 8 * i));
}

/* RFC 5288 section 3: four bytes of IV, then the explicit part. RFC 7905 section 2: the IV, its last eight bytes xored with
 * the sequence number. `explicit_part` is what the record carries, or the sequence number. */
static void make_nonce(const struct prtc_records_half *half, const uint8_t explicit_part[8], uint8_t nonce[NONCE_SIZE]) {
  memcpy(nonce, half->iv, NONCE_SIZE); /* with GCM the last eight bytes of iv are zero */
  for (size_t i = 0; i < 8; i++) nonce[4 + i] ^= explicit_part[i];
}

/* RFC 5246 section 6.2.3.3: sequence number, type, version, length of the plaintext. */
static void make_additional_data(uint64_t sequence, uint8_t type, size_t size, uint8_t out[ADDITIONAL_DATA_SIZE]) {
  struct prtc_writer writer = prtc_writer_of(out, ADDITIONAL_DATA_SIZE);
  prtc_write_integer(&writer, sequence, 8);
  prtc_write_u8(&writer, type);
  prtc_write_u16(&writer, VERSION_1_2);
  prtc_write_u16(&writer, (uint16_t)size);
}

int prtc_records_seal(struct prtc_records *records, uint8_t type, const uint8_t *data, size_t size, uint8_t *out,
                      size_t capacity) {
  size_t total = size + prtc_records_overhead(records), sealed;
  uint8_t nonce[NONCE_SIZE], additional_data[ADDITIONAL_DATA_SIZE], sequence[8];
  if (capacity < total) return PRTC_ERROR_BUFFER_TOO_SMALL;
  /* It never wraps: nonces would repeat. */
  if ((records->write_sequence & sequence_mask) == sequence_mask) return PRTC_ERROR_CRYPTO;
  store_sequence(sequence, records->write_sequence);
  make_nonce(&records->write, sequence, nonce);
  make_additional_data(records->write_sequence, type, size, additional_data);
  struct prtc_writer writer = prtc_writer_of(out, capacity);
  prtc_write_u8(&writer, type);
  prtc_write_u16(&writer, VERSION_1_2);
  prtc_write_bytes(&writer, sequence, 8);
  prtc_write_u16(&writer, (uint16_t)(total - PRTC_RECORD_HEADER_SIZE));
  prtc_write_bytes(&writer, sequence, records->explicit_nonce);
  records->write_sequence++;
  if (!EVP_AEAD_CTX_seal(&records->write.aead, out + writer.size, &sealed, size + TAG_SIZE, nonce, sizeof nonce, data, size,
                         additional_data, sizeof additional_data)) {
    ERR_clear_error();
    return PRTC_ERROR_CRYPTO;
  }
  return (int)total;
}

/* RFC 6347 section 4.1.2.6 */
static bool was_seen(const struct prtc_records *records, uint64_t sequence) {
  if (sequence > records->read_sequence) return false;
  uint64_t age = records->read_sequence - sequence;
  return age >= PRTC_RECORDS_WINDOW || (records->window[age / 64] >> (age % 64) & 1) != 0;
}

static void mark_seen(struct prtc_records *records, uint64_t sequence) {
  if (sequence > records->read_sequence) {
    uint64_t shift = sequence - records->read_sequence;
    uint64_t *window = records->window;
    if (shift >= 128) {
      window[0] = window[1] = 0;
    } else if (shift >= 64) {
      window[1] = window[0] << (shift - 64);
      window[0] = 0;
    } else {
      window[1] = window[1] << shift | window[0] >> (64 - shift);
      window[0] <<= shift;
    }
    records->read_sequence = sequence;
  }
  uint64_t age = records->read_sequence - sequence;
  records->window[age / 64] |= UINT64_C(1) << (age % 64);
}

int prtc_records_open(struct prtc_records *records, const struct prtc_record *record, uint8_t *out, size_t capacity) {
  uint8_t nonce[NONCE_SIZE], additional_data[ADDITIONAL_DATA_SIZE], sequence[8];
  size_t hidden = records->explicit_nonce + TAG_SIZE, opened;
  if (record->epoch != 1 || record->version != VERSION_1_2) return PRTC_ERROR_UNEXPECTED;
  if (was_seen(records, record->sequence)) return PRTC_ERROR_UNEXPECTED;
  if (record->size < hidden || record->size - hidden > PRTC_RECORD_PLAINTEXT_MAX) return PRTC_ERROR_UNAUTHENTICATED;
  size_t size = record->size - hidden;
  if (capacity < size) return PRTC_ERROR_BUFFER_TOO_SMALL;
  store_sequence(sequence, record->sequence);
  make_nonce(&records->read, records->explicit_nonce > 0 ? record->body : sequence, nonce);
  make_additional_data(record->sequence, record->type, size, additional_data);
  if (!EVP_AEAD_CTX_open(&records->read.aead, out, &opened, size, nonce, sizeof nonce,
                         record->body + records->explicit_nonce, record->size - records->explicit_nonce, additional_data,
                         sizeof additional_data)) {
    ERR_clear_error();
    return PRTC_ERROR_UNAUTHENTICATED;
  }
  mark_seen(records, record->sequence);
  return (int)opened;
}
