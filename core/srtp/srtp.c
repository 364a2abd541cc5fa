/* SRTP and SRTCP over libsrtp2: keys from DTLS, explicit capacities, and a bound on the number of streams.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <polyrtc/srtp.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/mem.h>
#include <srtp.h>

#include "core/base/config.h"
#include "core/base/context.h"
#include "core/base/map.h"

/* libsrtp2 keeps state for each SSRC that it has authenticated, for good. No session has more than a few hundred. */
enum { STREAMS_MAX = 1024 };

enum { RTP_HEADER_SIZE = 12, RTCP_HEADER_SIZE = 8, SRTCP_INDEX_SIZE = 4, KEY_MAX = 32, SALT_MAX = 14 };

enum { WINDOW = 128 };

struct profile {
  uint32_t id;
  srtp_profile_t library_id;
  size_t key_size, salt_size, tag_size;
};

static const struct profile profiles[] = {
    {PRTC_SRTP_AES128_CM_SHA1_80, srtp_profile_aes128_cm_sha1_80, 16, 14, 10},
    {PRTC_SRTP_AEAD_AES_128_GCM, srtp_profile_aead_aes_128_gcm, 16, 12, 16},
    {PRTC_SRTP_AEAD_AES_256_GCM, srtp_profile_aead_aes_256_gcm, 32, 12, 16},
};

typedef srtp_err_status_t library_function(srtp_t session, void *packet, int *size);

struct prtc_srtp {
  prtc_context *context;
  const struct profile *profile;
  srtp_t outbound, inbound;
  struct prtc_map inbound_streams; /* by SSRC; the value only says that it is known */
};

/* libsrtp2 has one table of ciphers for the process, and refuses to fill it twice. So the first object does, and the others
 * wait the few microseconds; afterwards it is only read. */
static bool library_init(void) {
  enum { UNTOUCHED, BUSY, READY, FAILED };
  static atomic_int state = UNTOUCHED;
  int found = UNTOUCHED;
  if (atomic_compare_exchange_strong(&state, &found, BUSY)) {
    found = srtp_init() == srtp_err_status_ok ? READY : FAILED;
    atomic_store(&state, found);
  }
  while (found == BUSY) found = atomic_load(&state);
  return found == READY;
}

static const struct profile *find_profile(uint32_t id) {
  for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
    if (profiles[i].id == id) return &profiles[i];
  }
  return NULL;
}

/* `side` 0 is the client's key and salt, 1 the server's: RFC 5764 section 4.2. */
static bool make_session(const struct profile *profile, const uint8_t *keys, size_t side, srtp_ssrc_type_t direction,
                         srtp_t *out) {
  uint8_t key[KEY_MAX + SALT_MAX];
  memcpy(key, keys + side * profile->key_size, profile->key_size);
  memcpy(key + profile->key_size, keys + 2 * profile->key_size + side * profile->salt_size, profile->salt_size);
  srtp_policy_t policy;
  memset(&policy, 0, sizeof policy);
  bool ok = srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile->library_id) == srtp_err_status_ok &&
            srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile->library_id) == srtp_err_status_ok;
  policy.ssrc.type = direction;
  policy.key = key;
  policy.window_size = WINDOW;
  ok = ok && srtp_create(out, &policy) == srtp_err_status_ok;
  OPENSSL_cleanse(key, sizeof key);
  return ok;
}

prtc_srtp *prtc_srtp_new(prtc_context *context, const prtc_srtp_config *config) {
  prtc_srtp_config known;
  if (!prtc_config_copy(&known, sizeof known, config)) return NULL;
  const struct profile *profile = find_profile(known.profile);
  if (profile == NULL || known.keys == NULL || known.keys_size != 2 * (profile->key_size + profile->salt_size) ||
      (known.role != PRTC_DTLS_ROLE_CLIENT && known.role != PRTC_DTLS_ROLE_SERVER) || !library_init()) {
    return NULL;
  }
  prtc_srtp *srtp = prtc_allocate(context, sizeof *srtp);
  if (srtp == NULL) return NULL;
  srtp->context = context;
  srtp->profile = profile;
  prtc_map_init(&srtp->inbound_streams, context);
  size_t own = known.role == PRTC_DTLS_ROLE_SERVER ? 1 : 0;
  if (!make_session(profile, known.keys, own, ssrc_any_outbound, &srtp->outbound) ||
      !make_session(profile, known.keys, 1 - own, ssrc_any_inbound, &srtp->inbound)) {
    prtc_srtp_free(srtp);
    return NULL;
  }
  return srtp;
}

void prtc_srtp_free(prtc_srtp *srtp) {
  if (srtp == NULL) return;
  if (srtp->outbound != NULL) srtp_dealloc(srtp->outbound);
  if (srtp->inbound != NULL) srtp_dealloc(srtp->inbound);
  prtc_map_clear(&srtp->inbound_streams);
  prtc_release(srtp->context, srtp);
}

static int error_of(srtp_err_status_t status) {
  switch (status) {
    case srtp_err_status_ok:
      return 0;
    case srtp_err_status_auth_fail:
    case srtp_err_status_cipher_fail: /* with GCM also a packet too short for its tag */
      return PRTC_ERROR_UNAUTHENTICATED;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
    case srtp_err_status_pkt_idx_old:
      return PRTC_ERROR_UNEXPECTED;
    case srtp_err_status_key_expired:
      return PRTC_ERROR_CRYPTO;
    case srtp_err_status_alloc_fail:
      return PRTC_ERROR_NO_MEMORY;
    default:
      return PRTC_ERROR_MALFORMED;
  }
}

/* libsrtp2 works in place and asks for no capacity: all that it may write is checked before. */
static int run(library_function *function, srtp_t session, const uint8_t *packet, size_t size, uint8_t *out) {
  int length = (int)size;
  if (out != packet) memcpy(out, packet, size);
  int result = error_of(function(session, out, &length));
  return result < 0 ? result : length;
}

static int protect(prtc_srtp *srtp, library_function *function, size_t least, const uint8_t *packet, size_t size,
                   uint8_t *out, size_t capacity) {
  if (size < least || size > UINT16_MAX || packet[0] >> 6 != 2) return PRTC_ERROR_MALFORMED;
  if (capacity < size + PRTC_SRTP_OVERHEAD) return PRTC_ERROR_BUFFER_TOO_SMALL;
  return run(function, srtp->outbound, packet, size, out);
}

static int unprotect(prtc_srtp *srtp, library_function *function, size_t least, const uint8_t *packet, size_t size,
                     size_t ssrc_at, uint8_t *out, size_t capacity) {
  if (size < least || size > UINT16_MAX || packet[0] >> 6 != 2) return PRTC_ERROR_MALFORMED;
  if (capacity < size) return PRTC_ERROR_BUFFER_TOO_SMALL;
  uint64_t ssrc = 0;
  for (size_t i = 0; i < 4; i++) ssrc = ssrc << 8 | packet[ssrc_at + i];
  bool known = prtc_map_get(&srtp->inbound_streams, ssrc) != NULL;
  if (!known && srtp->inbound_streams.count == STREAMS_MAX) return PRTC_ERROR_UNEXPECTED;
  int result = run(function, srtp->inbound, packet, size, out);
  if (result >= 0 && !known && prtc_map_set(&srtp->inbound_streams, ssrc, srtp) < 0) return PRTC_ERROR_NO_MEMORY;
  return result;
}

int prtc_srtp_protect_rtp(prtc_srtp *srtp, const uint8_t *packet, size_t size, uint8_t *out, size_t capacity) {
  return protect(srtp, srtp_protect, RTP_HEADER_SIZE, packet, size, out, capacity);
}

int prtc_srtp_protect_rtcp(prtc_srtp *srtp, const uint8_t *packet, size_t size, uint8_t *out, size_t capacity) {
  return protect(srtp, srtp_protect_rtcp, RTCP_HEADER_SIZE, packet, size, out, capacity);
}

int prtc_srtp_unprotect_rtp(prtc_srtp *srtp, const uint8_t *packet, size_t size, uint8_t *out, size_t capacity) {
  size_t least = RTP_HEADER_SIZE + srtp->profile->tag_size;
  return unprotect(srtp, srtp_unprotect, least, packet, size, 8, out, capacity);
}

int prtc_srtp_unprotect_rtcp(prtc_srtp *srtp, const uint8_t *packet, size_t size, uint8_t *out, size_t capacity) {
  size_t least = RTCP_HEADER_SIZE + SRTCP_INDEX_SIZE + srtp->profile->tag_size;
  return unprotect(srtp, srtp_unprotect_rtcp, least, packet, size, 4, out, capacity);
}
