/* One DTLS handshake: BoringSSL behind datagrams, without a clock.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * It is made when the role is known and freed when the handshake is over, and BoringSSL's SSL with it.
 */
#ifndef PRTC_DTLS_HANDSHAKE_H
#define PRTC_DTLS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include <polyrtc/dtls.h>

#include "core/base/queue.h"
#include "core/dtls/filter.h"
#include "core/dtls/fingerprint.h"

/* A datagram that waits: to be sent, or to be looked at later. */
struct prtc_dtls_datagram {
  uint8_t *data; /* allocated from the context */
  size_t size;
};

/* Copies the bytes in; QUEUE_FULL and NO_MEMORY as with any queue. */
int prtc_dtls_datagram_push(struct prtc_queue *queue, const uint8_t *data, size_t size);
/* Takes the oldest out; the caller releases its data. */
bool prtc_dtls_datagram_pop(struct prtc_queue *queue, struct prtc_dtls_datagram *out);
void prtc_dtls_datagrams_clear(struct prtc_queue *queue);

/* RFC 6347 section 4.2.4: what may have to be sent once more after the handshake, when the other side repeats its
 * Finished. */
struct prtc_last_flight {
  uint64_t plain_sequence; /* of the next record of epoch 0 */
  uint8_t finished[24];    /* header and verify_data; the header's first byte is 0 when there is none to repeat */
};

enum prtc_handshake_result {
  PRTC_HANDSHAKE_MORE,   /* more datagrams, or time */
  PRTC_HANDSHAKE_PAUSED, /* the other side's certificate is here, its fingerprints are not */
  PRTC_HANDSHAKE_DONE,
  PRTC_HANDSHAKE_FAILED, /* code and text say why */
  PRTC_HANDSHAKE_CLOSED  /* the other side said goodbye */
};

struct prtc_handshake {
  prtc_context *context;
  SSL *ssl;
  BIO_METHOD *bio_method;
  const struct prtc_fingerprint_set *fingerprints; /* the owner's */
  struct prtc_queue *out;                          /* the owner's: of prtc_dtls_datagram */
  struct prtc_filter filter;
  const uint8_t *input; /* the datagram that BoringSSL has not read yet, or NULL */
  size_t input_size;
  bool input_early;     /* it had application data */
  bool wrote;           /* something went to `out` in the last call: a new flight */
  bool mismatch;        /* the fingerprint was wrong */
  struct prtc_last_flight last_flight;
  int code;
  char text[128];
};

struct prtc_handshake *prtc_handshake_new(prtc_context *context, prtc_certificate *certificate, bool server, uint32_t mtu,
                                          bool use_srtp, const struct prtc_fingerprint_set *fingerprints,
                                          struct prtc_queue *out);
void prtc_handshake_free(struct prtc_handshake *handshake);

/* Goes on with a datagram, or (NULL, 0) without: at the beginning, and when fingerprints came. */
enum prtc_handshake_result prtc_handshake_advance(struct prtc_handshake *handshake, const uint8_t *data, size_t size);

/* Is a flight under way that has to be repeated when nothing comes? */
bool prtc_handshake_awaits_reply(const struct prtc_handshake *handshake);
enum prtc_handshake_result prtc_handshake_retransmit(struct prtc_handshake *handshake);

/* Tells the other side that there will be no association. */
void prtc_handshake_cancel(struct prtc_handshake *handshake);

#endif
