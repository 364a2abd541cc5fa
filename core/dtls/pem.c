/* Certificates as text: PEM (RFC 7468) of a certificate and its private key.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/pool.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "core/base/context.h"
#include "core/dtls/certificate.h"
#include "core/dtls/reading.h"

/* A certificate has to fit a flight of datagrams. */
enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 4096, DER_SIZE_MAX = 4096 };

/* Nobody is asked for a password: an encrypted key is not readable. */
static int no_password(char *out, int capacity, int writing, void *unused) {
  (void)out, (void)capacity, (void)writing, (void)unused;
  return -1;
}

static bool is_supported(const EVP_PKEY *key) {
  const EC_KEY *ec = EVP_PKEY_get0_EC_KEY(key);
  if (ec != NULL) return EC_GROUP_get_curve_name(EC_KEY_get0_group(ec)) == NID_X9_62_prime256v1;
  return EVP_PKEY_id(key) == EVP_PKEY_RSA && EVP_PKEY_bits(key) >= RSA_BITS_MIN && EVP_PKEY_bits(key) <= RSA_BITS_MAX;
}

static int make(prtc_context *context, EVP_PKEY *key, X509 *x509, prtc_certificate **out) {
  if (key == NULL || x509 == NULL) return PRTC_ERROR_SYNTAX;
  if (!is_supported(key)) return PRTC_ERROR_NOT_SUPPORTED;
  if (!X509_check_private_key(x509, key)) return PRTC_ERROR_INVALID_ARGUMENT;
  *out = prtc_certificate_of(context, key, x509);
  if (*out == NULL) return PRTC_ERROR_NO_MEMORY;
  if (CRYPTO_BUFFER_len((*out)->der) <= DER_SIZE_MAX) return PRTC_OK;
  prtc_certificate_release(*out);
  return PRTC_ERROR_NOT_SUPPORTED;
}

int prtc_certificate_parse(prtc_context *context, const char *pem, size_t size, prtc_certificate **out) {
  if (size > INT_MAX) return PRTC_ERROR_SYNTAX;
  struct prtc_context *previous = prtc_enter(context);
  /* Each skips what is not its own kind of block, so the order of the two is of no matter. */
  BIO *first = BIO_new_mem_buf(pem, (int)size), *second = BIO_new_mem_buf(pem, (int)size);
  X509 *x509 = first != NULL ? PEM_read_bio_X509(first, NULL, no_password, NULL) : NULL;
  EVP_PKEY *key = second != NULL ? PEM_read_bio_PrivateKey(second, NULL, no_password, NULL) : NULL;
  int result = first != NULL && second != NULL ? make(context, key, x509, out) : PRTC_ERROR_NO_MEMORY;
  if (result == PRTC_OK) SHA256((const uint8_t *)pem, size, (*out)->text_hash);
  EVP_PKEY_free(key);
  X509_free(x509);
  BIO_free(first);
  BIO_free(second);
  ERR_clear_error();
  prtc_leave(previous);
  return result;
}

bool prtc_certificate_was_read_from(const prtc_certificate *certificate, const char *pem, size_t size) {
  uint8_t hash[SHA256_DIGEST_LENGTH];
  SHA256((const uint8_t *)pem, size, hash);
  return memcmp(hash, certificate->text_hash, sizeof hash) == 0;
}

static bool write(BIO *bio, const prtc_certificate *certificate) {
  return PEM_write_bio(bio, PEM_STRING_X509, "", CRYPTO_BUFFER_data(certificate->der),
                       (long)CRYPTO_BUFFER_len(certificate->der)) > 0 &&
         PEM_write_bio_PKCS8PrivateKey(bio, certificate->key, NULL, NULL, 0, NULL, NULL);
}

int prtc_certificate_print(const prtc_certificate *certificate, char *out, size_t capacity) {
  int result = PRTC_ERROR_NO_MEMORY;
  const uint8_t *text;
  size_t size;
  struct prtc_context *previous = prtc_enter(certificate->context);
  BIO *bio = BIO_new(BIO_s_mem());
  if (bio != NULL && write(bio, certificate) && BIO_mem_contents(bio, &text, &size)) {
    result = size < capacity ? (int)size : PRTC_ERROR_BUFFER_TOO_SMALL;
    if (result >= 0) {
      memcpy(out, text, size);
      out[size] = '\0';
    }
  }
  BIO_free(bio);
  ERR_clear_error();
  prtc_leave(previous);
  return result;
}
