/* TLS client streams (RFC 8446, RFC 5246) over bytes: what comes from a connection goes in and plain text comes out, and
 * back. No socket, no time-outs: TCP repeats what is lost, and how long a handshake may take is for the caller to say.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The server is who its certificate says: a chain to a trust anchor, valid at the time that the caller names, with the name
 * or IP address that was asked for among its subjectAltNames (RFC 9525: the common name does not count).
 */
#ifndef PRTC_TLS_TLS_H
#define PRTC_TLS_TLS_H

#include <stdbool.h>

#include <polyrtc/error.h>
#include <polyrtc/types.h>

/* ------------------------------------------------------------------------------------------------------------- anchors */

/* Certificates of authorities that are believed. Counted: each retain has its release. */
struct prtc_trust;

/* Reads PEM of certificates; what is between and other blocks are skipped, and so is a certificate that cannot be read.
 * SYNTAX when there is none, NO_MEMORY. */
int prtc_trust_parse(prtc_context *context, const uint8_t *pem, size_t size, struct prtc_trust **out);
struct prtc_trust *prtc_trust_retain(struct prtc_trust *trust);
void prtc_trust_release(struct prtc_trust *trust); /* NULL is allowed */
size_t prtc_trust_count(const struct prtc_trust *trust);

/* --------------------------------------------------------------------------------------------------------------- stream */

struct prtc_tls;

struct prtc_tls_config {
  const char *host;         /* a name, or an IP address as text: whom the certificate has to name. Copied */
  struct prtc_trust *trust; /* retained; NULL with insecure alone */
  bool insecure;            /* any certificate will do: then nothing says who the server is */
  int64_t wall_clock;       /* seconds since 1970; 0: not known, and no certificate is valid then */
};

enum prtc_tls_state { PRTC_TLS_HANDSHAKING, PRTC_TLS_OPEN, PRTC_TLS_CLOSED, PRTC_TLS_FAILED };

/* NULL without memory. The handshake begins with the first transmit. */
struct prtc_tls *prtc_tls_new(prtc_context *context, const struct prtc_tls_config *config);
void prtc_tls_free(struct prtc_tls *tls); /* NULL is allowed */

enum prtc_tls_state prtc_tls_get_state(const struct prtc_tls *tls);

/* Takes bytes of the connection, *data and *size being moved beyond what was taken, and gives plain text: its size, or 0
 * when all bytes have been taken and there is none (now). Call again until 0. CLOSED: the other side has said goodbye.
 * PROTOCOL or NO_MEMORY: the stream has failed (prtc_tls_error says why); the alert that tells the other side is to be
 * transmitted. */
int prtc_tls_receive(struct prtc_tls *tls, const uint8_t **data, size_t *size, uint8_t *out, size_t capacity);

/* Encrypts all of it: OK; AGAIN (nothing was taken) before the handshake has ended or while more than prtc_tls_transmit
 * takes waits; CLOSED; NO_MEMORY, and the stream has failed. */
int prtc_tls_write(struct prtc_tls *tls, const uint8_t *data, size_t size);

/* The next bytes for the connection, or 0. */
size_t prtc_tls_transmit(struct prtc_tls *tls, uint8_t *out, size_t capacity);
bool prtc_tls_has_output(const struct prtc_tls *tls);

/* Says goodbye (close_notify), to be transmitted. */
void prtc_tls_close(struct prtc_tls *tls);

/* Why it has failed, in a sentence; "" when it has not. */
const char *prtc_tls_error(const struct prtc_tls *tls);

#endif
