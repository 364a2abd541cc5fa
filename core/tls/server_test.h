/* A TLS server in memory, and the certificates that it may have.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_TLS_SERVER_TEST_H
#define PRTC_TLS_SERVER_TEST_H

#include <string.h>

#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "core/base/context.h"
#include "core/base/testing.h"
#include "core/tls/tls.h"

enum { NOW = 1700000000, DAY = 86400 };

/* --------------------------------------------------------------------------------------------------------- certificates */

struct identity {
  EVP_PKEY *key;
  X509 *certificate;
};

struct identity_config {
  const char *common_name;
  const char *alternative_names; /* "DNS:…,IP:…", or NULL */
  const char *usage;             /* extendedKeyUsage, or NULL */
  int64_t from, until;
  const struct identity *issuer; /* NULL: itself */
  bool authority;
};

static inline void add_extension(X509 *certificate, int nid, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, &context, nid, value);
  PRTC_REQUIRE(extension != NULL && X509_add_ext(certificate, extension, -1));
  X509_EXTENSION_free(extension);
}

static inline struct identity identity_new(const struct identity_config *config) {
  static long serial;
  EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
  struct identity made = {EVP_PKEY_new(), X509_new()};
  PRTC_REQUIRE(ec != NULL && made.key != NULL && made.certificate != NULL && EC_KEY_generate_key(ec));
  PRTC_REQUIRE(EVP_PKEY_assign_EC_KEY(made.key, ec));
  X509 *x509 = made.certificate;
  PRTC_REQUIRE(X509_set_version(x509, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial));
  PRTC_REQUIRE(ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)config->from) != NULL);
  PRTC_REQUIRE(ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)config->until) != NULL);
  X509_NAME *name = X509_get_subject_name(x509);
  PRTC_REQUIRE(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)config->common_name, -1, -1, 0));
  const struct identity *issuer = config->issuer != NULL ? config->issuer : &made;
  PRTC_REQUIRE(X509_set_issuer_name(x509, X509_get_subject_name(issuer->certificate)) && X509_set_pubkey(x509, made.key));
  add_extension(x509, NID_basic_constraints, config->authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (config->alternative_names != NULL) add_extension(x509, NID_subject_alt_name, config->alternative_names);
  if (config->usage != NULL) add_extension(x509, NID_ext_key_usage, config->usage);
  PRTC_REQUIRE(X509_sign(x509, issuer->key, EVP_sha256()) > 0);
  return made;
}

static inline void identity_free(struct identity *identity) {
  EVP_PKEY_free(identity->key);
  X509_free(identity->certificate);
  *identity = (struct identity){0};
}

/* Appends PEM to a text; its new size. */
static inline size_t identity_print(const struct identity *identity, char *out, size_t size, size_t capacity) {
  BIO *bio = BIO_new(BIO_s_mem());
  const uint8_t *text;
  size_t length;
  PRTC_REQUIRE(bio != NULL && PEM_write_bio_X509(bio, identity->certificate) && BIO_mem_contents(bio, &text, &length));
  PRTC_REQUIRE(size + length < capacity);
  memcpy(out + size, text, length);
  out[size + length] = '\0';
  BIO_free(bio);
  return size + length;
}

/* --------------------------------------------------------------------------------------------------------------- server */

struct tls_server {
  SSL_CTX *ssl_context;
  SSL *ssl;
  BIO *in, *out; /* the SSL's */
};

static inline void tls_server_init(struct tls_server *server, const struct identity *own,
                                   const struct identity *intermediate, uint16_t version) {
  server->ssl_context = SSL_CTX_new(TLS_method());
  PRTC_REQUIRE(server->ssl_context != NULL && SSL_CTX_use_certificate(server->ssl_context, own->certificate) &&
               SSL_CTX_use_PrivateKey(server->ssl_context, own->key));
  if (intermediate != NULL) PRTC_REQUIRE(SSL_CTX_add1_chain_cert(server->ssl_context, intermediate->certificate));
  if (version != 0) {
    PRTC_REQUIRE(SSL_CTX_set_min_proto_version(server->ssl_context, version) &&
                 SSL_CTX_set_max_proto_version(server->ssl_context, version));
  }
  server->ssl = SSL_new(server->ssl_context);
  server->in = BIO_new(BIO_s_mem());
  server->out = BIO_new(BIO_s_mem());
  PRTC_REQUIRE(server->ssl != NULL && server->in != NULL && server->out != NULL);
  BIO_set_mem_eof_return(server->in, -1);
  SSL_set_bio(server->ssl, server->in, server->out);
  SSL_set_accept_state(server->ssl);
}

static inline void tls_server_clear(struct tls_server *server) {
  SSL_free(server->ssl);
  SSL_CTX_free(server->ssl_context);
  *server = (struct tls_server){0};
}

/* Takes bytes and gives plain text, at most capacity; its size. */
static inline size_t tls_server_take(struct tls_server *server, const uint8_t *data, size_t size, uint8_t *out,
                                     size_t capacity) {
  if (size > 0) PRTC_REQUIRE(BIO_write(server->in, data, (int)size) == (int)size);
  if (!SSL_is_init_finished(server->ssl)) (void)SSL_do_handshake(server->ssl);
  size_t total = 0;
  while (SSL_is_init_finished(server->ssl) && total < capacity) {
    int got = SSL_read(server->ssl, out + total, (int)(capacity - total));
    if (got <= 0) break;
    total += (size_t)got;
  }
  ERR_clear_error();
  return total;
}

/* What it has to send. */
static inline size_t tls_server_give(struct tls_server *server, uint8_t *out, size_t capacity) {
  int got = BIO_read(server->out, out, (int)capacity);
  return got > 0 ? (size_t)got : 0;
}

#endif
