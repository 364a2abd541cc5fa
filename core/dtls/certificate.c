/* Self-signed certificates (RFC 8827 section 6.5): nobody checks anything of them but their fingerprint.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/dtls/certificate.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pool.h>
#include <openssl/x509.h>

#include "core/base/context.h"
#include "core/dtls/fingerprint.h"

static const int64_t day = 86400;
static const int64_t year_2020 = 1577836800, year_2050 = 2524608000; /* seconds since 1970 */

static EVP_PKEY *make_key(void) {
  EC_KEY *ec_key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
  EVP_PKEY *key = EVP_PKEY_new();
  if (ec_key == NULL || key == NULL || !EC_KEY_generate_key(ec_key) || !EVP_PKEY_set1_EC_KEY(key, ec_key)) {
    EVP_PKEY_free(key);
    key = NULL;
  }
  EC_KEY_free(ec_key);
  return key;
}

/* RFC 5280 section 4.1.2.2: a positive serial number; random, so that two certificates of one name differ. */
static bool set_serial_number(struct prtc_context *context, X509 *x509) {
  BIGNUM *number = BN_new();
  bool ok = number != NULL && BN_set_u64(number, prtc_random_u64(&context->random) >> 1 | 1) &&
            BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;
  BN_free(number);
  return ok;
}

static X509 *make_x509(struct prtc_context *context, EVP_PKEY *key, int64_t not_before, int64_t not_after) {
  X509 *x509 = X509_new();
  X509_NAME *name = x509 != NULL ? X509_get_subject_name(x509) : NULL; /* belongs to x509 */
  if (name == NULL || !X509_set_version(x509, X509_VERSION_3) || !set_serial_number(context, x509) ||
      /* not X509_gmtime_adj, which reads the clock */
      ASN1_TIME_set(X509_get_notBefore(x509), not_before) == NULL ||
      ASN1_TIME_set(X509_get_notAfter(x509), not_after) == NULL ||
      /* RFC 8827 section 6.5: nothing that names the user */
      !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"WebRTC", -1, -1, 0) ||
      !X509_set_issuer_name(x509, name) || !X509_set_pubkey(x509, key) || X509_sign(x509, key, EVP_sha256()) <= 0) {
    X509_free(x509);
    return NULL;
  }
  return x509;
}

static CRYPTO_BUFFER *encode(X509 *x509) {
  uint8_t *der = NULL;
  int size = i2d_X509(x509, &der);
  CRYPTO_BUFFER *buffer = size > 0 ? CRYPTO_BUFFER_new(der, (size_t)size, NULL) : NULL;
  OPENSSL_free(der);
  return buffer;
}

prtc_certificate *prtc_certificate_new(prtc_context *context, int64_t wall_clock) {
  bool known = wall_clock > day && wall_clock < year_2050;
  int64_t not_before = known ? wall_clock - day : year_2020;
  int64_t not_after = known ? wall_clock + 30 * day : year_2050 - 1; /* RFC 5280: from 2050 the encoding is another */
  prtc_certificate *certificate = prtc_allocate(context, sizeof *certificate);
  if (certificate == NULL) return NULL;
  certificate->context = context;
  certificate->references = 1;
  struct prtc_context *previous = prtc_enter(context);
  certificate->key = make_key();
  X509 *x509 = certificate->key != NULL ? make_x509(context, certificate->key, not_before, not_after) : NULL;
  certificate->der = x509 != NULL ? encode(x509) : NULL;
  X509_free(x509);
  ERR_clear_error();
  prtc_leave(previous);
  if (certificate->der == NULL) {
    prtc_certificate_release(certificate);
    return NULL;
  }
  return certificate;
}

prtc_certificate *prtc_certificate_retain(prtc_certificate *certificate) {
  certificate->references++;
  return certificate;
}

void prtc_certificate_release(prtc_certificate *certificate) {
  if (certificate == NULL || --certificate->references > 0) return;
  SSL_CTX_free(certificate->ssl_context);
  CRYPTO_BUFFER_free(certificate->der);
  EVP_PKEY_free(certificate->key);
  prtc_release(certificate->context, certificate);
}

int prtc_certificate_get_fingerprint(const prtc_certificate *certificate, const char *algorithm, prtc_fingerprint *out) {
  return prtc_fingerprint_of(algorithm, CRYPTO_BUFFER_data(certificate->der), CRYPTO_BUFFER_len(certificate->der), out);
}
