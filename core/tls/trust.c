/* Trust anchors, and what of a server's certificate they are worth (RFC 5280, RFC 9525).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/tls/trust.h"

#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pool.h>
#include <openssl/x509v3.h>

#include "core/base/context.h"

/* A chain may have so many certificates; more are not looked at. */
enum { CHAIN_MOST = 10 };

/* -------------------------------------------------------------------------------------------------------------- anchors */

static int no_password(char *out, int capacity, int writing, void *unused) {
  (void)out, (void)capacity, (void)writing, (void)unused;
  return -1;
}

static bool is_at_end(void) {
  uint32_t error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static bool read(struct prtc_trust *trust, BIO *bio) {
  for (;;) {
    ERR_clear_error();
    X509 *certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
    if (certificate == NULL && is_at_end()) return true;
    if (certificate == NULL && ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE) return false;
    if (certificate == NULL) { /* one that cannot be read; does it get on? */
      if (BIO_eof(bio)) return true;
      continue;
    }
    bool added = X509_STORE_add_cert(trust->store, certificate);
    X509_free(certificate);
    if (!added) return false;
    trust->count++;
  }
}

int prtc_trust_parse(prtc_context *context, const uint8_t *pem, size_t size, struct prtc_trust **out) {
  if (size > INT_MAX) return PRTC_ERROR_SYNTAX;
  struct prtc_trust *trust = prtc_allocate(context, sizeof *trust);
  if (trust == NULL) return PRTC_ERROR_NO_MEMORY;
  *trust = (struct prtc_trust){.context = context, .users = 1};
  struct prtc_context *previous = prtc_enter(context);
  trust->store = X509_STORE_new();
  BIO *bio = BIO_new_mem_buf(pem, (int)size);
  int code = trust->store != NULL && bio != NULL && read(trust, bio) ? PRTC_OK : PRTC_ERROR_NO_MEMORY;
  if (code == PRTC_OK && trust->count == 0) code = PRTC_ERROR_SYNTAX;
  BIO_free(bio);
  ERR_clear_error();
  prtc_leave(previous);
  if (code < 0) prtc_trust_release(trust);
  else *out = trust;
  return code;
}

struct prtc_trust *prtc_trust_retain(struct prtc_trust *trust) {
  trust->users++;
  return trust;
}

void prtc_trust_release(struct prtc_trust *trust) {
  if (trust == NULL || --trust->users > 0) return;
  struct prtc_context *previous = prtc_enter(trust->context);
  X509_STORE_free(trust->store);
  prtc_leave(previous);
  prtc_release(trust->context, trust);
}

size_t prtc_trust_count(const struct prtc_trust *trust) { return trust->count; }

/* --------------------------------------------------------------------------------------------------------- verification */

static const char *sentence_of(int error) {
  switch (error) {
    case X509_V_ERR_CERT_NOT_YET_VALID: return "the server's certificate is not valid yet";
    case X509_V_ERR_CERT_HAS_EXPIRED: return "the server's certificate has expired";
    case X509_V_ERR_HOSTNAME_MISMATCH: case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the server's certificate is for another host";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT: case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "the server's certificate is from nobody who is trusted";
    case X509_V_ERR_INVALID_PURPOSE: return "the server's certificate is not for servers";
    case X509_V_ERR_OUT_OF_MEM: return "memory could not be allocated";
    default: return "the server's certificate is not valid";
  }
}

static uint8_t alert_of(int error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED: case X509_V_ERR_CERT_NOT_YET_VALID: return SSL_AD_CERTIFICATE_EXPIRED;
    case X509_V_ERR_HOSTNAME_MISMATCH: case X509_V_ERR_IP_ADDRESS_MISMATCH: return SSL_AD_BAD_CERTIFICATE;
    default: return SSL_AD_UNKNOWN_CA;
  }
}

static STACK_OF(X509) *read_chain(const STACK_OF(CRYPTO_BUFFER) *chain) {
  STACK_OF(X509) *certificates = sk_X509_new_null();
  for (size_t i = 0; certificates != NULL && i < sk_CRYPTO_BUFFER_num(chain) && i < CHAIN_MOST; i++) {
    X509 *certificate = X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(chain, i));
    if (certificate != NULL && sk_X509_push(certificates, certificate) > 0) continue;
    X509_free(certificate);
    if (i == 0) break; /* the others may be of no matter */
  }
  return certificates;
}

/* Whom the certificate has to name, and when it has to be valid. */
static bool expect(X509_STORE_CTX *verification, const char *host, int64_t wall_clock) {
  X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(verification);
  prtc_address address;
  X509_VERIFY_PARAM_set_time(parameters, wall_clock);
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (prtc_address_parse(&address, host, strlen(host)) == PRTC_OK) {
    return X509_VERIFY_PARAM_set1_ip(parameters, address.ip, address.family == PRTC_FAMILY_IPV4 ? 4 : 16);
  }
  return X509_VERIFY_PARAM_set1_host(parameters, host, strlen(host));
}

bool prtc_trust_verify(const struct prtc_trust *trust, const STACK_OF(CRYPTO_BUFFER) *chain, const char *host,
                       int64_t wall_clock, const char **reason, uint8_t *alert) {
  STACK_OF(X509) *certificates = read_chain(chain);
  X509_STORE_CTX *verification = X509_STORE_CTX_new();
  X509 *own = certificates != NULL && sk_X509_num(certificates) > 0 ? sk_X509_value(certificates, 0) : NULL;
  bool good = false;
  *reason = wall_clock == 0 ? "without the time of day no certificate is valid" : "the server's certificate cannot be read";
  *alert = SSL_AD_BAD_CERTIFICATE;
  if (own != NULL && verification != NULL && wall_clock != 0 &&
      X509_STORE_CTX_init(verification, trust->store, own, certificates) &&
      X509_STORE_CTX_set_default(verification, "ssl_server") && expect(verification, host, wall_clock)) {
    good = X509_verify_cert(verification) == 1;
    *reason = "";
    if (!good) {
      *reason = sentence_of(X509_STORE_CTX_get_error(verification));
      *alert = alert_of(X509_STORE_CTX_get_error(verification));
    }
  }
  X509_STORE_CTX_free(verification);
  sk_X509_pop_free(certificates, X509_free);
  ERR_clear_error();
  return good;
}
