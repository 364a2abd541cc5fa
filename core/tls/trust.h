/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PRTC_TLS_TRUST_H
#define PRTC_TLS_TRUST_H

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "core/tls/tls.h"

struct prtc_trust {
  prtc_context *context;
  uint32_t users;
  size_t count;
  X509_STORE *store;
};

/* Whether a chain, the server's own certificate first, leads to an anchor, and is for this host at this time. Else *reason
 * is set to a sentence (static storage) and *alert to what the other side is told. In an entered context. */
bool prtc_trust_verify(const struct prtc_trust *trust, const STACK_OF(CRYPTO_BUFFER) *chain, const char *host,
                       int64_t wall_clock, const char **reason, uint8_t *alert);

#endif
