/* Self-signed certificates (RFC 8827 section 6.5), of which nobody checks anything but the fingerprint. How they are made;
 * what they are as text is in pem.c.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/dtls/certificate.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pool.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "core/base/config.h"
#include "core/base/context.h"
#include "core/dtls/fingerprint.h"

static const int64_t day = 86400;
/* seconds since 1970 */
static const int64_t year_2020 = 1577836800, year_2050 = 2524608000, year_10000 = 253402300800;

static bool make_ec_key(EVP_PKEY *key) {
  EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
  bool ok = ec != NULL && EC_KEY_generate_key(ec) && EVP_PKEY_set1_EC_KEY(key, ec);
  EC_KEY_free(ec);
  return ok;
}

static bool make_rsa_key(EVP_PKEY *key) {
  RSA *rsa = RSA_new();
  BIGNUM *exponent = BN_new();
  bool ok = rsa != NULL && exponent != NULL && BN_set_word(exponent, RSA_F4) &&
            RSA_generate_key_ex(rsa, 2048, exponent, NULL) && EVP_PKEY_set1_RSA(key, rsa);
  BN_free(exponent);
  RSA_free(rsa);
  return ok;
}

static EVP_PKEY *make_key(uint32_t type) {
  EVP_PKEY *key = EVP_PKEY_new();
  if (key == NULL || !(type == PRTC_KEY_RSA_2048 ? make_rsa_key(key) : make_ec_key(key))) {
    EVP_PKEY_free(key);
    key = NULL;
  }
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

/* Seconds since 1970. */
static bool read_time(const ASN1_TIME *time, int64_t *out) {
  int days, seconds;
  ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
  bool ok = epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, time);
  if (ok) *out = days * day + seconds;
  ASN1_TIME_free(epoch);
  return ok;
}

prtc_certificate *prtc_certificate_of(prtc_context *context, EVP_PKEY *key, X509 *x509) {
  uint8_t *der = NULL;
  int size = i2d_X509(x509, &der);
  prtc_certificate *certificate = size > 0 ? prtc_allocate(context, sizeof *certificate) : NULL;
  if (certificate != NULL) {
    certificate->context = context;
    certificate->references = 1;
    certificate->der = CRYPTO_BUFFER_new(der, (size_t)size, NULL);
    if (read_time(X509_get0_notAfter(x509), &certificate->not_after) && certificate->der != NULL) {
      EVP_PKEY_up_ref(key);
      certificate->key = key;
    } else {
      prtc_certificate_release(certificate);
      certificate = NULL;
    }
  }
  OPENSSL_free(der);
  return certificate;
}

int prtc_certificate_generate(prtc_context *context, const prtc_certificate_config *given, prtc_certificate **out) {
  prtc_certificate_config complete, *config = &complete;
  if (!prtc_config_copy(config, sizeof *config, given) || config->key_type > PRTC_KEY_RSA_2048) {
    return PRTC_ERROR_INVALID_ARGUMENT;
  }
  bool known = config->wall_clock > day && config->wall_clock < year_10000;
  int64_t not_before = known ? config->wall_clock - day : year_2020;
  int64_t not_after = known ? config->wall_clock + 30 * day : year_2050 - 1;
  if (config->expires != 0) {
    not_after = config->expires / 1000; /* a certificate knows whole seconds */
    if (not_after < (known ? config->wall_clock : not_before)) return PRTC_ERROR_INVALID_ARGUMENT;
  }
  if (not_after >= year_10000) return PRTC_ERROR_INVALID_ARGUMENT; /* RFC 5280 section 4.1.2.5: years of four digits */
  struct prtc_context *previous = prtc_enter(context);
  EVP_PKEY *key = make_key(config->key_type);
  X509 *x509 = key != NULL ? make_x509(context, key, not_before, not_after) : NULL;
  *out = x509 != NULL ? prtc_certificate_of(context, key, x509) : NULL;
  X509_free(x509);
  EVP_PKEY_free(key);
  ERR_clear_error();
  prtc_leave(previous);
  return *out != NULL ? PRTC_OK : PRTC_ERROR_CRYPTO;
}

prtc_certificate *prtc_certificate_new(prtc_context *context, int64_t wall_clock) {
  const prtc_certificate_config config = {.size = sizeof config, .wall_clock = wall_clock};
  prtc_certificate *certificate = NULL;
  return prtc_certificate_generate(context, &config, &certificate) < 0 ? NULL : certificate;
}

int64_t prtc_certificate_get_expires(const prtc_certificate *certificate) { return certificate->not_after * 1000; }

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

int prtc_certificate_get_der(const prtc_certificate *certificate, uint8_t *out, size_t capacity) {
  size_t size = CRYPTO_BUFFER_len(certificate->der);
  if (size > capacity) return PRTC_ERROR_BUFFER_TOO_SMALL;
  memcpy(out, CRYPTO_BUFFER_data(certificate->der), size);
  return (int)size;
}
