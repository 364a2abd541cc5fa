/* A key, its self-signed certificate, and what BoringSSL needs of both.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_DTLS_CERTIFICATE_H
#define PRTC_DTLS_CERTIFICATE_H

#include <stdbool.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <polyrtc/dtls.h>

struct prtc_certificate {
  prtc_context *context;
  size_t references;
  EVP_PKEY *key;
  CRYPTO_BUFFER *der;
  int64_t not_after; /* seconds since 1970 */
  uint8_t text_hash[32]; /* SHA-256 of the PEM it was read from; zeros when it was made here */
  SSL_CTX *ssl_context; /* shared by all handshakes with this certificate; made by the first one (handshake.c) */
};

/* Of a key that belongs to the certificate; both are copied or retained. NULL when memory is lacking, or when the
 * certificate's end is not a time. The context is entered. */
prtc_certificate *prtc_certificate_of(prtc_context *context, EVP_PKEY *key, X509 *x509);

#endif
