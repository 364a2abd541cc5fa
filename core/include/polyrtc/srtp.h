/* polyrtc/srtp.h: SRTP and SRTCP as a building block (RFC 3711, RFC 7714, keyed by RFC 5764), over libsrtp2.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * One object protects what this side sends and unprotects what it receives, for any number of SSRCs under one DTLS
 * association. It has no network, no time and no events: packets in, packets out.
 */
#ifndef POLYRTC_SRTP_H
#define POLYRTC_SRTP_H

#include <polyrtc/dtls.h>
#include <polyrtc/error.h>
#include <polyrtc/types.h>

PRTC_BEGIN_DECLS

typedef struct prtc_srtp prtc_srtp;

/* The SRTPProtectionProfile numbers of RFC 5764 section 4.1.2 and RFC 7714 section 14.2 */
typedef enum prtc_srtp_profile {
  PRTC_SRTP_AES128_CM_SHA1_80 = 1, /* master key 16 bytes, salt 14 */
  PRTC_SRTP_AEAD_AES_128_GCM = 7,  /* master key 16 bytes, salt 12 */
  PRTC_SRTP_AEAD_AES_256_GCM = 8   /* master key 32 bytes, salt 12 */
} prtc_srtp_profile;

/* Keying material of any profile fits. */
#define PRTC_SRTP_KEYS_SIZE 88

/* The most that a protected packet is longer than the plain one: the tag (16), and SRTCP's index (4). */
#define PRTC_SRTP_OVERHEAD 20

typedef struct prtc_srtp_config {
  size_t size;
  uint32_t profile;    /* prtc_srtp_profile: what prtc_dtls_export_srtp_keys returned */
  uint32_t role;       /* the prtc_dtls_role of this side, CLIENT or SERVER: which of the keys it sends with */
  const uint8_t *keys; /* as prtc_dtls_export_srtp_keys writes them: client key, server key, client salt, server salt;
                          copied */
  size_t keys_size;    /* exactly what the profile needs */
} prtc_srtp_config;

/* NULL when an argument does not fit or memory is lacking. */
PRTC_API prtc_srtp *prtc_srtp_new(prtc_context *context, const prtc_srtp_config *config);
PRTC_API void prtc_srtp_free(prtc_srtp *srtp);

/* Protects one RTP packet, or one compound RTCP packet, of `size` bytes into `out` (which may be `packet` itself).
 * Returns the size of the result. BUFFER_TOO_SMALL when `capacity` is less than size + PRTC_SRTP_OVERHEAD; MALFORMED when
 * the header does not hold together; UNEXPECTED when the packet's index was used before (it would repeat a keystream). */
PRTC_API int prtc_srtp_protect_rtp(prtc_srtp *srtp, const uint8_t *packet, size_t size, uint8_t *out, size_t capacity);
PRTC_API int prtc_srtp_protect_rtcp(prtc_srtp *srtp, const uint8_t *packet, size_t size, uint8_t *out, size_t capacity);

/* The other way. BUFFER_TOO_SMALL when `capacity` is less than `size`; UNAUTHENTICATED when the tag is wrong; UNEXPECTED
 * for a replay or a packet older than the window of 128; MALFORMED. After an error `out` holds nothing of use. */
PRTC_API int prtc_srtp_unprotect_rtp(prtc_srtp *srtp, const uint8_t *packet, size_t size, uint8_t *out, size_t capacity);
PRTC_API int prtc_srtp_unprotect_rtcp(prtc_srtp *srtp, const uint8_t *packet, size_t size, uint8_t *out, size_t capacity);

PRTC_END_DECLS

#endif
