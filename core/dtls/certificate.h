/* A key, its self-signed certificate, and what BoringSSL needs of both.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_DTLS_CERTIFICATE_H
#define PRTC_DTLS_CERTIFICATE_H

#include <openssl/ssl.h>

#include <polyrtc/dtls.h>

struct prtc_certificate {
  prtc_context *context;
  size_t references;
  EVP_PKEY *key;
  CRYPTO_BUFFER *der;
  SSL_CTX *ssl_context; /* shared by all handshakes with this certificate; made by the first one (handshake.c) */
};

#endif
