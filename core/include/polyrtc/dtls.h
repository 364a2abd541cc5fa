/* polyrtc/dtls.h: DTLS as a building block (RFC 6347, RFC 8827 section 6.5, RFC 8842), over BoringSSL.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The object sees only the datagrams that are DTLS by RFC 7983 (first byte 20 to 63). It believes nothing before the other
 * side's certificate matches a fingerprint that the caller gave.
 */
#ifndef POLYRTC_DTLS_H
#define POLYRTC_DTLS_H

#include <polyrtc/error.h>
#include <polyrtc/types.h>

PRTC_BEGIN_DECLS

/* --------------------------------------------------------------------------------------------------------- certificates */

/* A private key and a certificate. Reference-counted: every object that uses it holds it. Belongs to one context, and must
 * not outlive it. To carry one elsewhere (another endpoint, a file) print it as PEM and read it there. */
typedef struct prtc_certificate prtc_certificate;

typedef enum prtc_key_type {
  PRTC_KEY_ECDSA_P256 = 0, /* RFC 8827 section 6.5: what everybody has */
  PRTC_KEY_RSA_2048        /* takes a quarter of a second to make */
} prtc_key_type;

typedef struct prtc_certificate_config {
  size_t size;
  uint32_t key_type;  /* prtc_key_type */
  int64_t wall_clock; /* seconds since 1970; 0: unknown */
  int64_t expires;    /* milliseconds since 1970, after wall_clock and before the year 10000; 0: 30 days after wall_clock,
                         or the end of 2049 when that is unknown */
} prtc_certificate_config;

/* Makes a key and a self-signed certificate, valid from a day before wall_clock (or from 2020). *out is released with
 * prtc_certificate_release. Errors: INVALID_ARGUMENT, NO_MEMORY, CRYPTO. */
PRTC_API int prtc_certificate_generate(prtc_context *context, const prtc_certificate_config *config,
                                       prtc_certificate **out);

/* As above: ECDSA P-256 for 30 days. NULL when memory or cryptography fails. */
PRTC_API prtc_certificate *prtc_certificate_new(prtc_context *context, int64_t wall_clock);

/* Reads a certificate and its private key, both in one PEM text (RFC 7468) in any order; what else is in it is ignored. The
 * first certificate counts. Keys: ECDSA P-256, RSA of 2,048 to 4,096 bits; not encrypted. Errors: SYNTAX (no certificate,
 * no key, or not readable), INVALID_ARGUMENT (the key is another one's), NOT_SUPPORTED (another kind of key, a
 * certificate of more than 4 KiB), NO_MEMORY. */
PRTC_API int prtc_certificate_parse(prtc_context *context, const char *pem, size_t size, prtc_certificate **out);

/* Writes certificate and private key (PKCS #8) as PEM, NUL-terminated; returns the length, or BUFFER_TOO_SMALL. */
#define PRTC_CERTIFICATE_PEM_SIZE 16384 /* always enough */
PRTC_API int prtc_certificate_print(const prtc_certificate *certificate, char *out, size_t capacity);

/* W3C RTCCertificate.expires: milliseconds since 1970. */
PRTC_API int64_t prtc_certificate_get_expires(const prtc_certificate *certificate);

/* Writes it as X.509 in DER; returns its size or BUFFER_TOO_SMALL. */
PRTC_API int prtc_certificate_get_der(const prtc_certificate *certificate, uint8_t *out, size_t capacity);

PRTC_API prtc_certificate *prtc_certificate_retain(prtc_certificate *certificate);
PRTC_API void prtc_certificate_release(prtc_certificate *certificate); /* NULL is allowed */

/* Longest "AB:CD:…" (SHA-512) with NUL */
#define PRTC_FINGERPRINT_TEXT_SIZE 192

/* RFC 8122 section 5. */
typedef struct prtc_fingerprint {
  char algorithm[16];                      /* "sha-256", lower case, NUL-terminated */
  char value[PRTC_FINGERPRINT_TEXT_SIZE];  /* "AB:CD:…", upper case, NUL-terminated */
} prtc_fingerprint;

/* algorithm: "sha-1" (to check only), "sha-224", "sha-256", "sha-384", "sha-512". NOT_SUPPORTED for others. */
PRTC_API int prtc_certificate_get_fingerprint(const prtc_certificate *certificate, const char *algorithm,
                                              prtc_fingerprint *out);

/* --------------------------------------------------------------------------------------------------------------- object */

typedef struct prtc_dtls prtc_dtls;

typedef enum prtc_dtls_role {
  PRTC_DTLS_ROLE_AUTO = 0, /* not known yet (actpass): becomes the server when a ClientHello comes first */
  PRTC_DTLS_ROLE_CLIENT,   /* setup:active */
  PRTC_DTLS_ROLE_SERVER    /* setup:passive */
} prtc_dtls_role;

/* RTCDtlsTransportState */
typedef enum prtc_dtls_transport_state {
  PRTC_DTLS_TRANSPORT_NEW = 0,
  PRTC_DTLS_TRANSPORT_CONNECTING,
  PRTC_DTLS_TRANSPORT_CONNECTED,
  PRTC_DTLS_TRANSPORT_CLOSED,
  PRTC_DTLS_TRANSPORT_FAILED
} prtc_dtls_transport_state;

typedef struct prtc_dtls_config {
  size_t size;
  prtc_certificate *certificate; /* retained */
  uint32_t mtu;                  /* bytes of UDP payload; 0: 1,200 */
  uint32_t use_srtp;             /* 1: offer and accept the SRTP profiles of RFC 5764 and RFC 7714 */
} prtc_dtls_config;

typedef enum prtc_dtls_event_type {
  PRTC_DTLS_EVENT_NONE = 0,
  PRTC_DTLS_EVENT_STATE, /* state; with FAILED also code and text */
} prtc_dtls_event_type;

typedef struct prtc_dtls_event {
  uint32_t type;
  uint32_t state; /* prtc_dtls_transport_state */
  int32_t code;   /* prtc_error */
  char text[256];
} prtc_dtls_event;

PRTC_API prtc_dtls *prtc_dtls_new(prtc_context *context, const prtc_dtls_config *config);
PRTC_API void prtc_dtls_free(prtc_dtls *dtls);

/* As many fingerprints of one algorithm as anybody needs (one for each certificate of the other side). */
#define PRTC_FINGERPRINTS_MAX 8

/* The fingerprints of the other side (RFC 8122: one of the strongest known algorithm must match). The handshake may have
 * begun before: it waits at the other side's certificate until they are here. At least one must be of a known algorithm;
 * QUEUE_FULL for more than PRTC_FINGERPRINTS_MAX of the strongest. */
PRTC_API int prtc_dtls_set_remote_fingerprints(prtc_dtls *dtls, prtc_time now, const prtc_fingerprint *fingerprints,
                                               size_t count);

/* The path works: begin. A client sends its ClientHello at the next transmit. Role AUTO waits for one. May be called again
 * with CLIENT or SERVER while AUTO. */
PRTC_API int prtc_dtls_start(prtc_dtls *dtls, prtc_time now, prtc_dtls_role role);

/* The 30 s in which a handshake has to be complete begin anew: there was no path to the other side so far. */
PRTC_API void prtc_dtls_be_patient(prtc_dtls *dtls, prtc_time now);

/* The round trip of the path, as far as it is known (µs): a flight is repeated after twice that, or 250 ms when it is
 * less. */
PRTC_API void prtc_dtls_set_round_trip(prtc_dtls *dtls, prtc_time round_trip);

/* The five verbs. One datagram a call; it may hold several records.
 * `receive`: what it drops: MALFORMED, UNEXPECTED (not of this handshake or association, or a repeated one),
 * UNAUTHENTICATED, QUEUE_FULL (too much that came too early is held); NO_MEMORY; or
 * the code with which the association has failed, then and ever after. `transmit` returns the datagram's size, 0, or
 * BUFFER_TOO_SMALL (the datagram stays). `timeout`: 0, or the code with which it has failed. `event_next`: 1 or 0. */
PRTC_API int prtc_dtls_receive(prtc_dtls *dtls, prtc_time now, const uint8_t *data, size_t size);
PRTC_API int prtc_dtls_transmit(prtc_dtls *dtls, prtc_time now, uint8_t *out, size_t capacity);
PRTC_API prtc_time prtc_dtls_deadline(const prtc_dtls *dtls);
PRTC_API int prtc_dtls_timeout(prtc_dtls *dtls, prtc_time now);
PRTC_API int prtc_dtls_event_next(prtc_dtls *dtls, prtc_dtls_event *out);

/* Application data of the last datagram received: one record's worth a call; 0 when there is no more. Call until 0 after
 * each receive; what is not read is dropped by the next receive. BUFFER_TOO_SMALL: the record stays. */
PRTC_API int prtc_dtls_read(prtc_dtls *dtls, uint8_t *out, size_t capacity);

/* Encrypts `size` bytes of application data as one record into `out`, a datagram of its own or one segment of a train.
 * Returns its size: at most size + PRTC_DTLS_OVERHEAD. Errors: INVALID_STATE unless connected, or the code with which it
 * has failed; INVALID_ARGUMENT (no bytes, or more than 16,384), BUFFER_TOO_SMALL, CRYPTO (and it has failed). */
#define PRTC_DTLS_OVERHEAD 64
PRTC_API int prtc_dtls_seal(prtc_dtls *dtls, const uint8_t *data, size_t size, uint8_t *out, size_t capacity);

/* The exact overhead of a sealed record once connected (37 bytes with AES-GCM), else PRTC_DTLS_OVERHEAD. */
PRTC_API size_t prtc_dtls_overhead(const prtc_dtls *dtls);

/* Says goodbye: close_notify at the next transmit; the state becomes closed. */
PRTC_API int prtc_dtls_close(prtc_dtls *dtls, prtc_time now);

PRTC_API int prtc_dtls_get_state(const prtc_dtls *dtls); /* prtc_dtls_transport_state */
PRTC_API int prtc_dtls_get_role(const prtc_dtls *dtls);  /* prtc_dtls_role */

/* The negotiated cipher suite by its IANA name ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"); "" until connected. Static
 * storage. */
PRTC_API const char *prtc_dtls_get_cipher(const prtc_dtls *dtls);

/* Writes the other side's certificate, X.509 in DER, and its SHA-256 fingerprint; returns its size, 0 when there is none
 * yet, BUFFER_TOO_SMALL. */
PRTC_API int prtc_dtls_get_remote_certificate(const prtc_dtls *dtls, uint8_t *out, size_t capacity,
                                              prtc_fingerprint *fingerprint);

/* RFC 5764 section 4.2: the SRTP keying material. Returns the negotiated profile (SRTPProtectionProfile number) and writes
 * client key, server key, client salt, server salt into `out`; *size is set to the bytes written. 0 when none was
 * negotiated. */
PRTC_API int prtc_dtls_export_srtp_keys(prtc_dtls *dtls, uint8_t *out, size_t capacity, size_t *size);

PRTC_END_DECLS

#endif
