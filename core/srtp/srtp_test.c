/* SRTP against the vectors of RFC 3711 and RFC 7714, and against those who tamper and replay.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <polyrtc/srtp.h>

#include <stdbool.h>

#include <openssl/aead.h>
#include <openssl/aes.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "core/base/context.h"
#include "core/base/testing.h"

static size_t from_hex(const char *text, uint8_t *out) {
  size_t size = 0;
  unsigned value;
  for (; *text != '\0'; text++) {
    if (*text == ' ') continue;
    PRTC_REQUIRE(sscanf(text, "%2x", &value) == 1);
    out[size++] = (uint8_t)value;
    text++;
  }
  return size;
}

static bool is_hex(const uint8_t *bytes, size_t size, const char *text) {
  uint8_t expected[256];
  size_t expected_size = from_hex(text, expected);
  return size == expected_size && memcmp(bytes, expected, size) == 0;
}

/* -------------------------------------------------------------------------------------- the transforms, written anew */

enum label { RTP_KEY = 0, RTP_AUTHENTICATION = 1, RTP_SALT = 2, RTCP_KEY = 3, RTCP_AUTHENTICATION = 4, RTCP_SALT = 5 };

/* RFC 3711 section 4.3.3 (RFC 6188 with a key of 32 bytes; RFC 7714 section 11 with a salt of 12): AES in counter mode over
 * zeros, from the master salt with the label in it. */
static void derive(const uint8_t *key, size_t key_size, const uint8_t *salt, size_t salt_size, enum label label,
                   uint8_t *out, size_t size) {
  AES_KEY aes;
  uint8_t counter[16] = {0}, keystream[16];
  unsigned used = 0;
  memcpy(counter, salt, salt_size);
  counter[7] ^= (uint8_t)label;
  PRTC_REQUIRE(AES_set_encrypt_key(key, (unsigned)key_size * 8, &aes) == 0);
  memset(out, 0, size);
  AES_ctr128_encrypt(out, out, size, &aes, counter, keystream, &used);
}

/* RFC 3711 section 4.1.1 */
static void aes_cm(const uint8_t key[16], const uint8_t salt[14], uint32_t ssrc, uint64_t index, uint8_t *data,
                   size_t size) {
  AES_KEY aes;
  uint8_t counter[16] = {0}, keystream[16];
  unsigned used = 0;
  memcpy(counter, salt, 14);
  for (int i = 0; i < 4; i++) counter[4 + i] ^= (uint8_t)(ssrc >> (24 - 8 * i));
  for (int i = 0; i < 6; i++) counter[8 + i] ^= (uint8_t)(index >> (40 - 8 * i));
  PRTC_REQUIRE(AES_set_encrypt_key(key, 128, &aes) == 0);
  AES_ctr128_encrypt(data, data, size, &aes, counter, keystream, &used);
}

/* RFC 7714 sections 8.1 and 9.1: the IV is the salt xored with SSRC and index. */
static size_t aes_gcm(const uint8_t *key, size_t key_size, const uint8_t salt[12], uint32_t ssrc, uint64_t index,
                      const uint8_t *additional, size_t additional_size, uint8_t *data, size_t size) {
  EVP_AEAD_CTX aead;
  uint8_t iv[12];
  size_t sealed;
  memcpy(iv, salt, 12);
  for (int i = 0; i < 4; i++) iv[2 + i] ^= (uint8_t)(ssrc >> (24 - 8 * i));
  for (int i = 0; i < 6; i++) iv[6 + i] ^= (uint8_t)(index >> (40 - 8 * i)); /* 48 bits; 31 with RTCP */
  const EVP_AEAD *algorithm = key_size == 32 ? EVP_aead_aes_256_gcm() : EVP_aead_aes_128_gcm();
  PRTC_REQUIRE(EVP_AEAD_CTX_init(&aead, algorithm, key, key_size, 16, NULL));
  PRTC_REQUIRE(EVP_AEAD_CTX_seal(&aead, data, &sealed, size + 16, iv, 12, data, size, additional, additional_size));
  EVP_AEAD_CTX_cleanup(&aead);
  return sealed;
}

static const char rtp_packet[] = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070"
                                 "61727465 73207472 6573";
static const char rtcp_packet[] = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef"
                                  "deadbeef deadbeef deadbeef deadbeef";
enum { RTP_SSRC = 0x5501a0b2, RTP_SEQUENCE = 0xf17b, RTCP_SSRC = 0x4d617273, RTCP_INDEX = 0x5d4 };

/* RFC 3711 appendix B.3 */
static void derivation_is_that_of_rfc_3711(void) {
  uint8_t key[16], salt[14], out[94];
  from_hex("E1F97A0D3E018BE0D64FA32C06DE4139", key);
  from_hex("0EC675AD498AFEEBB6960B3AABE6", salt);
  derive(key, 16, salt, 14, RTP_KEY, out, 16);
  PRTC_CHECK(is_hex(out, 16, "C61E7A93744F39EE10734AFE3FF7A087"));
  derive(key, 16, salt, 14, RTP_SALT, out, 14);
  PRTC_CHECK(is_hex(out, 14, "30CBBC08863D8C85D49DB34A9AE1"));
  derive(key, 16, salt, 14, RTP_AUTHENTICATION, out, 94);
  PRTC_CHECK(is_hex(out, 32, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE"));
}

/* RFC 7714 sections 16.1.1, 16.2.1, 17.1, 17.2 */
static void gcm_is_that_of_rfc_7714(void) {
  static const char *const rtp[] = {
      "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d"
      "7f27beb1 6a9152cf 765ee439 0cce",
      "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3"
      "db36dfff d6b0f9bb 7878d7a7 6c13"};
  static const char *const rtcp[] = {
      "63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f"
      "c5abf872 45d9eade",
      "d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f"
      "57ff6f6c b26ac3be"};
  uint8_t key[32], salt[12], packet[128], additional[12];
  from_hex("517569642070726f2071756f", salt);
  for (int i = 0; i < 32; i++) key[i] = (uint8_t)i;
  for (size_t i = 0; i < 2; i++) {
    size_t size = from_hex(rtp_packet, packet);
    size = aes_gcm(key, 16 + 16 * i, salt, RTP_SSRC, RTP_SEQUENCE, packet, 12, packet + 12, size - 12);
    PRTC_CHECK(is_hex(packet + 12, size, rtp[i]));
    size = from_hex(rtcp_packet, packet);
    memcpy(additional, packet, 8);
    from_hex("800005d4", additional + 8);
    size = aes_gcm(key, 16 + 16 * i, salt, RTCP_SSRC, RTCP_INDEX, additional, 12, packet + 8, size - 8);
    PRTC_CHECK(is_hex(packet + 8, size, rtcp[i]));
  }
}

/* ----------------------------------------------------------------------------------------------------------- objects */

static const uint32_t profiles[] = {PRTC_SRTP_AES128_CM_SHA1_80, PRTC_SRTP_AEAD_AES_128_GCM, PRTC_SRTP_AEAD_AES_256_GCM};

static prtc_context *context;
static prtc_srtp *client, *server;
static uint8_t keys[PRTC_SRTP_KEYS_SIZE];
static size_t key_size, salt_size;

static prtc_srtp *make(uint32_t profile, uint32_t role) {
  prtc_srtp_config config;
  PRTC_INIT(&config);
  config.profile = profile;
  config.role = role;
  config.keys = keys;
  config.keys_size = 2 * (key_size + salt_size);
  return prtc_srtp_new(context, &config);
}

static void setup(uint32_t profile) {
  prtc_context_config config;
  PRTC_INIT(&config);
  context = prtc_context_new(&config);
  key_size = profile == PRTC_SRTP_AEAD_AES_256_GCM ? 32 : 16;
  salt_size = profile == PRTC_SRTP_AES128_CM_SHA1_80 ? 14 : 12;
  for (size_t i = 0; i < sizeof keys; i++) keys[i] = (uint8_t)(i * 5 + 1);
  client = make(profile, PRTC_DTLS_ROLE_CLIENT);
  server = make(profile, PRTC_DTLS_ROLE_SERVER);
  PRTC_REQUIRE(client != NULL && server != NULL);
}

static void teardown(void) {
  prtc_srtp_free(client);
  prtc_srtp_free(server);
  prtc_srtp_free(NULL);
  prtc_context_free(context);
}

/* What the client's object makes is what the transforms above make of the client's keys. */
static void objects_do_the_same(void) {
  for (size_t p = 0; p < 3; p++) {
    setup(profiles[p]);
    const uint8_t *key = keys, *salt = keys + 2 * key_size;
    bool gcm = profiles[p] != PRTC_SRTP_AES128_CM_SHA1_80;
    uint8_t session_key[32], session_salt[14], authentication[20], expected[160], additional[12], out[160];

    size_t plain = from_hex(rtp_packet, expected), size;
    int got = prtc_srtp_protect_rtp(client, expected, plain, out, sizeof out);
    derive(key, key_size, salt, salt_size, RTP_KEY, session_key, key_size);
    derive(key, key_size, salt, salt_size, RTP_SALT, session_salt, salt_size);
    derive(key, key_size, salt, salt_size, RTP_AUTHENTICATION, authentication, sizeof authentication);
    if (gcm) {
      size = 12 + aes_gcm(session_key, key_size, session_salt, RTP_SSRC, RTP_SEQUENCE, expected, 12, expected + 12,
                          plain - 12);
    } else {
      unsigned tag_size;
      uint8_t tag[20];
      aes_cm(session_key, session_salt, RTP_SSRC, RTP_SEQUENCE, expected + 12, plain - 12);
      memset(expected + plain, 0, 4); /* the roll-over counter */
      HMAC(EVP_sha1(), authentication, sizeof authentication, expected, plain + 4, tag, &tag_size);
      memcpy(expected + plain, tag, 10);
      size = plain + 10;
    }
    PRTC_CHECK_INT(got, size);
    PRTC_CHECK(memcmp(out, expected, size) == 0);

    /* libsrtp2's first SRTCP index is 1 */
    plain = from_hex(rtcp_packet, expected);
    got = prtc_srtp_protect_rtcp(client, expected, plain, out, sizeof out);
    derive(key, key_size, salt, salt_size, RTCP_KEY, session_key, key_size);
    derive(key, key_size, salt, salt_size, RTCP_SALT, session_salt, salt_size);
    derive(key, key_size, salt, salt_size, RTCP_AUTHENTICATION, authentication, sizeof authentication);
    if (gcm) {
      memcpy(additional, expected, 8);
      from_hex("80000001", additional + 8);
      size = 8 + aes_gcm(session_key, key_size, session_salt, RTCP_SSRC, 1, additional, 12, expected + 8, plain - 8);
      memcpy(expected + size, additional + 8, 4);
      size += 4;
    } else {
      unsigned tag_size;
      uint8_t tag[20];
      aes_cm(session_key, session_salt, RTCP_SSRC, 1, expected + 8, plain - 8);
      from_hex("80000001", expected + plain);
      HMAC(EVP_sha1(), authentication, sizeof authentication, expected, plain + 4, tag, &tag_size);
      memcpy(expected + plain + 4, tag, 10);
      size = plain + 14;
    }
    PRTC_CHECK_INT(got, size);
    PRTC_CHECK(memcmp(out, expected, size) == 0);
    teardown();
  }
}

static size_t make_rtp(uint32_t ssrc, uint16_t sequence, uint8_t *out) {
  size_t size = from_hex(rtp_packet, out);
  out[2] = (uint8_t)(sequence >> 8);
  out[3] = (uint8_t)sequence;
  for (int i = 0; i < 4; i++) out[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
  return size;
}

typedef int transform(prtc_srtp *srtp, const uint8_t *packet, size_t size, uint8_t *out, size_t capacity);

/* There and back, both ways, in place and not; replays, changes and cuts are refused, and do not spoil what comes after. */
static void check_transform(transform *protect, transform *unprotect, const char *text, prtc_srtp *from, prtc_srtp *to) {
  uint8_t plain[128], secret[160], changed[160], out[160];
  size_t size = from_hex(text, plain);
  PRTC_CHECK_INT(protect(from, plain, size, secret, size + PRTC_SRTP_OVERHEAD - 1), PRTC_ERROR_BUFFER_TOO_SMALL);
  int secret_size = protect(from, plain, size, secret, size + PRTC_SRTP_OVERHEAD);
  PRTC_REQUIRE(secret_size > (int)size && secret_size <= (int)size + PRTC_SRTP_OVERHEAD);
  PRTC_CHECK(memcmp(secret + 12, plain + 12, size - 12) != 0);
  for (int bit = 0; bit < secret_size * 8; bit++) {
    memcpy(changed, secret, sizeof changed);
    changed[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    PRTC_CHECK(unprotect(to, changed, (size_t)secret_size, out, sizeof out) < 0);
  }
  for (int cut = 0; cut < secret_size; cut++) PRTC_CHECK(unprotect(to, secret, (size_t)cut, out, sizeof out) < 0);
  PRTC_CHECK(unprotect(from, secret, (size_t)secret_size, out, sizeof out) < 0); /* sent back */
  PRTC_CHECK_INT(unprotect(to, secret, (size_t)secret_size, out, (size_t)secret_size - 1), PRTC_ERROR_BUFFER_TOO_SMALL);
  memcpy(changed, secret, sizeof changed);
  PRTC_CHECK_INT(unprotect(to, changed, (size_t)secret_size, changed, sizeof changed), size);
  PRTC_CHECK(memcmp(changed, plain, size) == 0);
  PRTC_CHECK_INT(unprotect(to, secret, (size_t)secret_size, out, sizeof out), PRTC_ERROR_UNEXPECTED);
  for (size_t cut = 0; cut < 8; cut++) PRTC_CHECK_INT(protect(from, plain, cut, out, sizeof out), PRTC_ERROR_MALFORMED);
  plain[0] = 0x41; /* version 1 */
  PRTC_CHECK_INT(protect(from, plain, size, out, sizeof out), PRTC_ERROR_MALFORMED);
}

static void there_and_back(void) {
  for (size_t p = 0; p < 3; p++) {
    setup(profiles[p]);
    check_transform(prtc_srtp_protect_rtp, prtc_srtp_unprotect_rtp, rtp_packet, client, server);
    check_transform(prtc_srtp_protect_rtp, prtc_srtp_unprotect_rtp, rtp_packet, server, client);
    check_transform(prtc_srtp_protect_rtcp, prtc_srtp_unprotect_rtcp, rtcp_packet, client, server);
    check_transform(prtc_srtp_protect_rtcp, prtc_srtp_unprotect_rtcp, rtcp_packet, server, client);
    teardown();
  }
}

/* RFC 3711 section 3.3.1: sequence numbers wrap and packets come out of order; what is older than the window is refused. */
static void sequence_numbers_wrap(void) {
  enum { COUNT = 400 };
  static uint8_t secret[COUNT][96];
  int size = 0;
  uint8_t plain[96], out[96];
  setup(PRTC_SRTP_AEAD_AES_128_GCM);
  for (unsigned i = 0; i < COUNT; i++) {
    size_t plain_size = make_rtp(7, (uint16_t)(65400 + i), plain);
    size = prtc_srtp_protect_rtp(client, plain, plain_size, secret[i], sizeof secret[i]);
    PRTC_REQUIRE(size > 0);
  }
  PRTC_CHECK_INT(prtc_srtp_protect_rtp(client, plain, make_rtp(7, 65500, plain), out, sizeof out), PRTC_ERROR_UNEXPECTED);
  for (unsigned i = 0; i < COUNT; i += 2) { /* each second before its elder */
    PRTC_CHECK(prtc_srtp_unprotect_rtp(server, secret[i + 1], (size_t)size, out, sizeof out) > 0);
    PRTC_CHECK(prtc_srtp_unprotect_rtp(server, secret[i], (size_t)size, out, sizeof out) > 0);
  }
  for (unsigned i = 0; i < COUNT; i++) {
    PRTC_CHECK(prtc_srtp_unprotect_rtp(server, secret[i], (size_t)size, out, sizeof out) < 0);
  }
  teardown();
}

/* State is kept for each stream that was authenticated, but not for any number, and for none that was not. */
static void streams_are_bounded(void) {
  uint8_t plain[96], secret[96], out[96];
  setup(PRTC_SRTP_AES128_CM_SHA1_80);
  for (uint32_t ssrc = 1; ssrc <= 1100; ssrc++) {
    size_t size = make_rtp(ssrc, 1, plain);
    int secret_size = prtc_srtp_protect_rtp(client, plain, size, secret, sizeof secret);
    PRTC_REQUIRE(secret_size > 0);
    secret[20] ^= 1;
    int result = prtc_srtp_unprotect_rtp(server, secret, (size_t)secret_size, out, sizeof out);
    PRTC_CHECK_INT(result, ssrc <= 1024 ? PRTC_ERROR_UNAUTHENTICATED : PRTC_ERROR_UNEXPECTED);
    secret[20] ^= 1;
    result = prtc_srtp_unprotect_rtp(server, secret, (size_t)secret_size, out, sizeof out);
    PRTC_CHECK_INT(result, ssrc <= 1024 ? (int)size : PRTC_ERROR_UNEXPECTED);
  }
  size_t size = make_rtp(1, 2, plain); /* the known ones live */
  int secret_size = prtc_srtp_protect_rtp(client, plain, size, secret, sizeof secret);
  PRTC_CHECK_INT(prtc_srtp_unprotect_rtp(server, secret, (size_t)secret_size, out, sizeof out), size);
  teardown();
}

static void header_that_lies(void) {
  uint8_t plain[96], out[160];
  setup(PRTC_SRTP_AEAD_AES_128_GCM);
  size_t size = make_rtp(1, 1, plain);
  plain[0] = 0x8f; /* 15 CSRCs: more than there is */
  PRTC_CHECK_INT(prtc_srtp_protect_rtp(client, plain, size, out, sizeof out), PRTC_ERROR_MALFORMED);
  plain[0] = 0x90; /* an extension of 0x6961 words */
  PRTC_CHECK_INT(prtc_srtp_protect_rtp(client, plain, size, out, sizeof out), PRTC_ERROR_MALFORMED);
  PRTC_CHECK_INT(prtc_srtp_unprotect_rtp(server, plain, size, out, sizeof out), PRTC_ERROR_MALFORMED);
  teardown();
}

static void bad_configurations(void) {
  setup(PRTC_SRTP_AEAD_AES_128_GCM);
  PRTC_CHECK(make(2, PRTC_DTLS_ROLE_CLIENT) == NULL);
  PRTC_CHECK(make(PRTC_SRTP_AEAD_AES_256_GCM, PRTC_DTLS_ROLE_CLIENT) == NULL); /* too few bytes */
  PRTC_CHECK(make(PRTC_SRTP_AES128_CM_SHA1_80, PRTC_DTLS_ROLE_CLIENT) == NULL);
  PRTC_CHECK(make(PRTC_SRTP_AEAD_AES_128_GCM, PRTC_DTLS_ROLE_AUTO) == NULL);
  teardown();
}

int main(void) {
  PRTC_RUN(derivation_is_that_of_rfc_3711);
  PRTC_RUN(gcm_is_that_of_rfc_7714);
  PRTC_RUN(objects_do_the_same);
  PRTC_RUN(there_and_back);
  PRTC_RUN(sequence_numbers_wrap);
  PRTC_RUN(streams_are_bounded);
  PRTC_RUN(header_that_lies);
  PRTC_RUN(bad_configurations);
  return PRTC_TEST_RESULT();
}
