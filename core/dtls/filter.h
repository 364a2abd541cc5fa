/* What of a datagram is worth showing to BoringSSL during the handshake.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Until its end a handshake is neither encrypted nor authenticated, and BoringSSL gives up at the first record that it does
 * not understand: one stray datagram would end it. RFC 6347 section 4.1.2.7 wants invalid records dropped silently. So the
 * records are looked at here first, and only those that can belong to this handshake go on.
 */
#ifndef PRTC_DTLS_FILTER_H
#define PRTC_DTLS_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 6347 section 4.1 */
#define PRTC_RECORD_HEADER_SIZE 13
#define PRTC_RECORD_PLAINTEXT_MAX 16384

enum prtc_content_type {
  PRTC_CONTENT_CHANGE_CIPHER_SPEC = 20,
  PRTC_CONTENT_ALERT = 21,
  PRTC_CONTENT_HANDSHAKE = 22,
  PRTC_CONTENT_APPLICATION_DATA = 23
};

/* The message numbers of a handshake without tickets: the other side sends fewer than this. */
#define PRTC_FILTER_MESSAGES 7

/* Filled with zeros and `server` (the role of this side) at the start of a handshake. */
struct prtc_filter {
  bool server;
  uint64_t sequence; /* of the epoch-0 records that were let through */
  struct {
    uint8_t type;    /* 0: no part of it has come yet */
    uint32_t size;
  } messages[PRTC_FILTER_MESSAGES];
};

struct prtc_record {
  uint8_t type;
  uint16_t version;
  uint16_t epoch;
  uint64_t sequence; /* with the epoch in its upper 16 bits, as in the nonce */
  const uint8_t *body;
  size_t size;       /* of the body */
};

/* Takes the next record off *data, *size. False when there is none, or what is there is no whole DTLS 1.x record (the
 * rest of a datagram is then of no use, since its records have no other boundaries). */
bool prtc_record_next(const uint8_t **data, size_t *size, struct prtc_record *out);

/* Copies what may pass to `out`; returns its size. *early is set when the datagram has encrypted application data, which
 * is not copied: it has to wait for the end of the handshake. */
size_t prtc_filter_datagram(struct prtc_filter *filter, const uint8_t *data, size_t size, uint8_t *out, size_t capacity,
                            bool *early);

/* Does the datagram begin with (part of) a ClientHello? */
bool prtc_is_client_hello(const uint8_t *data, size_t size);

#endif
