/* STUN messages: the vectors of RFC 5769, round trips, hostile bytes.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/stun/message.h"

#include <string.h>

#include <openssl/md5.h>
#include <openssl/sha.h>
#include <polyrtc/error.h>

#include "core/base/context.h"
#include "core/base/testing.h"

/* RFC 5769 section 2 */
#define PASSWORD "VOkJxbRl1RmTxUk/WvJxBt"

static const char request_hex[] = /* 2.1 */
    "000100582112a442b7e7a701bc34d686fa87dfae" "802200105354554e207465737420636c69656e74" "002400046e0001ff"
    "80290008932ff9b151263b36" "000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2" "80280004e57a3bcf";
static const char response_ipv4_hex[] = /* 2.2 */
    "0101003c2112a442b7e7a701bc34d686fa87dfae" "8022000b7465737420766563746f7220" "002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7" "80280004c07d4c96";
static const char response_ipv6_hex[] = /* 2.3 */
    "010100482112a442b7e7a701bc34d686fa87dfae" "8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed41" "80280004c8fb0b4c";
static const char long_term_hex[] = /* 2.4 */
    "000100602112a44278ad3433c6ad72c029da412e" "00060012e3839ee38388e383aae38383e382afe382b90000"
    "0015001c662f2f3439396b39353464364f4c33346f4c394653547679" "36347341" "0014000b6578616d706c652e6f726700"
    "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666";

static size_t from_hex(uint8_t *out, const char *hex) {
  size_t size = strlen(hex) / 2;
  for (size_t i = 0; i < size; i++) {
    char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
    out[i] = (uint8_t)strtoul(digits, NULL, 16);
  }
  return size;
}

static void vector_request(void) {
  uint8_t bytes[256];
  size_t size = from_hex(bytes, request_hex), length;
  struct prtc_stun_message message;
  PRTC_REQUIRE(prtc_stun_parse(&message, bytes, size) == 0);
  PRTC_CHECK_INT(message.message_class, PRTC_STUN_REQUEST);
  PRTC_CHECK_INT(message.method, PRTC_STUN_METHOD_BINDING);
  const uint8_t *username = prtc_stun_find(&message, PRTC_STUN_USERNAME, &length);
  PRTC_CHECK(username != NULL && length == 9 && memcmp(username, "evtj:h6vY", 9) == 0);
  uint32_t priority;
  PRTC_CHECK(prtc_stun_find_u32(&message, PRTC_STUN_PRIORITY, &priority) && priority == 0x6e0001ff);
  uint64_t tie_breaker;
  PRTC_CHECK(prtc_stun_find_u64(&message, PRTC_STUN_ICE_CONTROLLED, &tie_breaker) && tie_breaker == 0x932ff9b151263b36);
  PRTC_CHECK(!prtc_stun_find_u64(&message, PRTC_STUN_ICE_CONTROLLING, &tie_breaker));
  PRTC_CHECK(!prtc_stun_find_flag(&message, PRTC_STUN_USE_CANDIDATE));
  PRTC_CHECK_INT(prtc_stun_check_integrity(&message, PASSWORD, strlen(PASSWORD)), 0);
  PRTC_CHECK_INT(prtc_stun_check_integrity(&message, "wrong", 5), PRTC_ERROR_UNAUTHENTICATED);
  uint16_t unknown[4];
  PRTC_CHECK_INT(prtc_stun_unknown_attributes(&message, unknown, 4), 0);
}

static void check_response(const char *hex, const char *expected) {
  uint8_t bytes[256];
  size_t size = from_hex(bytes, hex);
  struct prtc_stun_message message;
  PRTC_REQUIRE(prtc_stun_parse(&message, bytes, size) == 0);
  PRTC_CHECK_INT(message.message_class, PRTC_STUN_SUCCESS);
  PRTC_CHECK_INT(prtc_stun_check_integrity(&message, PASSWORD, strlen(PASSWORD)), 0);
  prtc_address address;
  char text[PRTC_ADDRESS_TEXT_SIZE];
  PRTC_REQUIRE(prtc_stun_find_xor_address(&message, PRTC_STUN_XOR_MAPPED_ADDRESS, &address));
  prtc_address_print(&address, text, sizeof text);
  PRTC_CHECK_TEXT(text, expected);
}

static void vector_responses(void) {
  check_response(response_ipv4_hex, "192.0.2.1:32853");
  check_response(response_ipv6_hex, "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
}

static void vector_long_term(void) {
  static const char key_text[] = "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9"
                                 ":example.org:TheMatrIX";
  uint8_t bytes[256], key[16];
  size_t size = from_hex(bytes, long_term_hex);
  struct prtc_stun_message message;
  PRTC_REQUIRE(prtc_stun_parse(&message, bytes, size) == 0); /* it has no fingerprint */
  MD5((const uint8_t *)key_text, sizeof key_text - 1, key);
  PRTC_CHECK_INT(prtc_stun_check_integrity(&message, key, sizeof key), 0);
}

/* RFC 8489 appendix B.1, with the length in its header set right (it says 156 where there are 136 bytes) and the digest
 * computed anew for that, with another implementation of HMAC. */
static const char sha256_hex[] =
    "000100882112a44278ad3433c6ad72c029da412e" "001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704"
    "001500296f624d61744a6f73324141414366" "2f2f3439396b39353464364f4c33346f4c39465354767936347341000000"
    "0014000b6578616d706c652e6f726700" "001c0020234112fbd4e27f983eb4032836f998216f5b23f8d927753fbc4f882bfbdf0dec";

static void vector_sha256(void) {
  static const char key_text[] = "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9"
                                 ":example.org:TheMatrIX";
  uint8_t bytes[256], key[SHA256_DIGEST_LENGTH];
  size_t size = from_hex(bytes, sha256_hex), length;
  struct prtc_stun_message message;
  SHA256((const uint8_t *)key_text, sizeof key_text - 1, key);
  PRTC_REQUIRE(prtc_stun_parse(&message, bytes, size) == 0);
  PRTC_CHECK_INT(prtc_stun_check_integrity_sha256(&message, key, sizeof key), 0);
  PRTC_CHECK_INT(prtc_stun_check_integrity_sha256(&message, key, sizeof key - 1), PRTC_ERROR_UNAUTHENTICATED);
  PRTC_CHECK_INT(prtc_stun_check_integrity(&message, key, sizeof key), PRTC_ERROR_UNAUTHENTICATED);
  SHA256((const uint8_t *)key_text, 18 + 1 + 11, key); /* RFC 8489 section 14.4: USERHASH is of the name and the realm */
  const uint8_t *hash = prtc_stun_find(&message, PRTC_STUN_USERHASH, &length);
  PRTC_CHECK(hash != NULL && length == sizeof key && memcmp(hash, key, sizeof key) == 0);
}

/* Nothing that was added behind it is believed: it is not covered. */
static void sha256_ends_the_message(void) {
  static const uint8_t id[PRTC_STUN_TRANSACTION_SIZE] = {1, 2, 3};
  uint8_t bytes[256];
  struct prtc_stun_message message;
  struct prtc_stun_writer writer;
  prtc_stun_begin(&writer, bytes, sizeof bytes, PRTC_STUN_SUCCESS, PRTC_STUN_METHOD_ALLOCATE, id);
  prtc_stun_add_u32(&writer, PRTC_STUN_LIFETIME, 600);
  int size = prtc_stun_finish_sha256(&writer, "key", 3);
  PRTC_REQUIRE(size == 20 + 8 + 36 + 8 && prtc_stun_parse(&message, bytes, (size_t)size) == 0);
  PRTC_CHECK_INT(prtc_stun_check_integrity_sha256(&message, "key", 3), 0);
  PRTC_CHECK_INT(prtc_stun_check_integrity_sha256(&message, "kex", 3), PRTC_ERROR_UNAUTHENTICATED);
  bytes[25] ^= 1; /* the lifetime; the fingerprint is made anew */
  struct prtc_stun_writer again = {.data = bytes, .capacity = sizeof bytes};
  bytes[3] = (uint8_t)(bytes[3] - 8);
  PRTC_REQUIRE(prtc_stun_finish(&again, NULL, 0) == size && prtc_stun_parse(&message, bytes, (size_t)size) == 0);
  PRTC_CHECK_INT(prtc_stun_check_integrity_sha256(&message, "key", 3), PRTC_ERROR_UNAUTHENTICATED);
  prtc_stun_begin(&writer, bytes, sizeof bytes, PRTC_STUN_SUCCESS, PRTC_STUN_METHOD_ALLOCATE, id);
  size = prtc_stun_finish_sha256(&writer, "key", 3);
  bytes[3] = (uint8_t)(bytes[3] - 8);
  again = (struct prtc_stun_writer){.data = bytes, .capacity = sizeof bytes};
  prtc_stun_add_u32(&again, PRTC_STUN_LIFETIME, 600);
  size = prtc_stun_finish(&again, NULL, 0);
  PRTC_REQUIRE(size > 0 && prtc_stun_parse(&message, bytes, (size_t)size) == 0);
  PRTC_CHECK_INT(prtc_stun_check_integrity_sha256(&message, "key", 3), PRTC_ERROR_UNAUTHENTICATED);
}

static void several_addresses(void) {
  static const char *const texts[] = {"192.0.2.1:5000", "[2001:db8::1]:5001"};
  static const uint8_t id[PRTC_STUN_TRANSACTION_SIZE] = {1, 2, 3};
  uint8_t bytes[256];
  prtc_address in[2], out;
  struct prtc_stun_writer writer;
  struct prtc_stun_message message;
  prtc_stun_begin(&writer, bytes, sizeof bytes, PRTC_STUN_SUCCESS, PRTC_STUN_METHOD_ALLOCATE, id);
  for (size_t i = 0; i < 2; i++) {
    PRTC_REQUIRE(prtc_address_parse(&in[i], texts[i], strlen(texts[i])) == 0);
    prtc_stun_add_u32(&writer, PRTC_STUN_LIFETIME, 1);
    prtc_stun_add_xor_address(&writer, PRTC_STUN_XOR_RELAYED_ADDRESS, &in[i]);
  }
  prtc_stun_add(&writer, PRTC_STUN_MESSAGE_INTEGRITY, bytes, 20);
  prtc_stun_add_xor_address(&writer, PRTC_STUN_XOR_RELAYED_ADDRESS, &in[0]); /* not covered */
  int size = prtc_stun_finish(&writer, NULL, 0);
  PRTC_REQUIRE(size > 0 && prtc_stun_parse(&message, bytes, (size_t)size) == 0);
  for (size_t i = 0; i < 2; i++) {
    PRTC_CHECK(prtc_stun_find_nth_xor_address(&message, PRTC_STUN_XOR_RELAYED_ADDRESS, i, &out));
    PRTC_CHECK(prtc_address_equal(&in[i], &out));
  }
  PRTC_CHECK(!prtc_stun_find_nth_xor_address(&message, PRTC_STUN_XOR_RELAYED_ADDRESS, 2, &out));
}

/* Written by us, the IPv4 response of the vectors comes out the same but for the padding, which is ours to choose. */
static void write_is_the_vector(void) {
  uint8_t expected[256], bytes[256];
  size_t size = from_hex(expected, request_hex);
  struct prtc_stun_writer writer;
  prtc_stun_begin(&writer, bytes, sizeof bytes, PRTC_STUN_REQUEST, PRTC_STUN_METHOD_BINDING, expected + 8);
  prtc_stun_add(&writer, PRTC_STUN_SOFTWARE, "STUN test client", 16);
  prtc_stun_add_u32(&writer, PRTC_STUN_PRIORITY, 0x6e0001ff);
  prtc_stun_add_u64(&writer, PRTC_STUN_ICE_CONTROLLED, 0x932ff9b151263b36);
  prtc_stun_add(&writer, PRTC_STUN_USERNAME, "evtj:h6vY", 9);
  PRTC_CHECK_INT(prtc_stun_finish(&writer, PASSWORD, strlen(PASSWORD)), (long long)size);
  PRTC_CHECK(memcmp(bytes, expected, 73) == 0);
  struct prtc_stun_message message;
  PRTC_CHECK_INT(prtc_stun_parse(&message, bytes, size), 0);
  PRTC_CHECK_INT(prtc_stun_check_integrity(&message, PASSWORD, strlen(PASSWORD)), 0);
}

static void write_error(void) {
  static const uint8_t id[PRTC_STUN_TRANSACTION_SIZE] = {1, 2, 3};
  static const uint16_t types[] = {0x0077, 0x0078, 0x0079};
  uint8_t bytes[128];
  struct prtc_stun_writer writer;
  prtc_stun_begin(&writer, bytes, sizeof bytes, PRTC_STUN_ERROR, PRTC_STUN_METHOD_BINDING, id);
  prtc_stun_add_error(&writer, PRTC_STUN_ERROR_UNKNOWN_ATTRIBUTE);
  prtc_stun_add_unknown_attributes(&writer, types, 3);
  int size = prtc_stun_finish(&writer, "k", 1);
  struct prtc_stun_message message;
  PRTC_REQUIRE(size > 0 && prtc_stun_parse(&message, bytes, (size_t)size) == 0);
  PRTC_CHECK_INT(message.message_class, PRTC_STUN_ERROR);
  PRTC_CHECK_INT(prtc_stun_find_error(&message), 420);
  size_t length;
  const uint8_t *list = prtc_stun_find(&message, PRTC_STUN_UNKNOWN_ATTRIBUTES, &length);
  PRTC_CHECK(list != NULL && length == 6 && list[1] == 0x77 && list[3] == 0x78 && list[5] == 0x79);
  PRTC_CHECK(memcmp(message.transaction, id, sizeof id) == 0);
}

static void addresses_round_trip(void) {
  static const char *const texts[] = {"192.0.2.1:5000", "0.0.0.0:0", "255.255.255.255:65535", "[2001:db8::1]:1", "[::]:0"};
  static const uint8_t id[PRTC_STUN_TRANSACTION_SIZE] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 255, 254};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    prtc_address in, out;
    uint8_t bytes[64];
    PRTC_REQUIRE(prtc_address_parse(&in, texts[i], strlen(texts[i])) == 0);
    struct prtc_stun_writer writer;
    prtc_stun_begin(&writer, bytes, sizeof bytes, PRTC_STUN_SUCCESS, PRTC_STUN_METHOD_BINDING, id);
    prtc_stun_add_xor_address(&writer, PRTC_STUN_XOR_MAPPED_ADDRESS, &in);
    int size = prtc_stun_finish(&writer, NULL, 0);
    struct prtc_stun_message message;
    PRTC_REQUIRE(size > 0 && prtc_stun_parse(&message, bytes, (size_t)size) == 0);
    PRTC_CHECK(prtc_stun_find_xor_address(&message, PRTC_STUN_XOR_MAPPED_ADDRESS, &out));
    PRTC_CHECK(prtc_address_equal(&in, &out));
  }
}

/* In every capacity: either the whole message or an error, and never a byte beyond the buffer. */
static void capacities(void) {
  static const uint8_t id[PRTC_STUN_TRANSACTION_SIZE] = {1};
  for (size_t capacity = 0; capacity <= 80; capacity++) {
    uint8_t *bytes = malloc(capacity + 8);
    PRTC_REQUIRE(bytes != NULL);
    memset(bytes, 0xA5, capacity + 8);
    struct prtc_stun_writer writer;
    prtc_stun_begin(&writer, bytes, capacity, PRTC_STUN_REQUEST, PRTC_STUN_METHOD_BINDING, id);
    prtc_stun_add(&writer, PRTC_STUN_USERNAME, "a:bcd", 5);
    int size = prtc_stun_finish(&writer, "key", 3);
    PRTC_CHECK_INT(size, capacity < 64 ? PRTC_ERROR_BUFFER_TOO_SMALL : 64);
    for (size_t i = 0; i < 8; i++) PRTC_CHECK_INT(bytes[capacity + i], 0xA5);
    free(bytes);
  }
}

static void malformed_is_refused(void) {
  uint8_t bytes[256];
  struct prtc_stun_message message;
  size_t size = from_hex(bytes, request_hex);
  /* every truncation, in a buffer of just that size so that a sanitizer sees a read beyond */
  for (size_t cut = 0; cut < size; cut++) {
    uint8_t *copy = malloc(cut > 0 ? cut : 1);
    PRTC_REQUIRE(copy != NULL);
    memcpy(copy, bytes, cut);
    PRTC_CHECK_INT(prtc_stun_parse(&message, copy, cut), PRTC_ERROR_MALFORMED);
    free(copy);
  }
  bytes[size] = 0; /* a byte too many */
  PRTC_CHECK_INT(prtc_stun_parse(&message, bytes, size + 1), PRTC_ERROR_MALFORMED);
  /* every flipped bit breaks the frame, the fingerprint, or (when it hides the fingerprint) the integrity */
  int accepted = 0;
  for (size_t bit = 0; bit < size * 8; bit++) {
    bool of_fingerprint_type = bit / 8 == size - 8 || bit / 8 == size - 7; /* outside of what the integrity covers */
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    if (!of_fingerprint_type && prtc_stun_parse(&message, bytes, size) == 0) {
      accepted++;
      PRTC_CHECK_INT(prtc_stun_check_integrity(&message, PASSWORD, strlen(PASSWORD)), PRTC_ERROR_UNAUTHENTICATED);
    }
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
  PRTC_CHECK(accepted <= 4);
}

/* Attributes of wrong sizes and places, with the frame intact. */
static void odd_attributes(void) {
  static const uint8_t id[PRTC_STUN_TRANSACTION_SIZE] = {1};
  uint8_t bytes[256];
  struct prtc_stun_message message;
  struct prtc_stun_writer writer;
  prtc_address address;
  uint32_t u32;
  uint64_t u64;
  for (size_t length = 0; length <= 24; length++) {
    for (uint8_t family = 0; family < 4; family++) {
      uint8_t value[24] = {0, family};
      prtc_stun_begin(&writer, bytes, sizeof bytes, PRTC_STUN_SUCCESS, PRTC_STUN_METHOD_BINDING, id);
      prtc_stun_add(&writer, PRTC_STUN_XOR_MAPPED_ADDRESS, value, length);
      prtc_stun_add(&writer, PRTC_STUN_PRIORITY, value, length);
      prtc_stun_add(&writer, PRTC_STUN_ICE_CONTROLLING, value, length);
      prtc_stun_add(&writer, PRTC_STUN_ERROR_CODE, value, length);
      int size = prtc_stun_finish(&writer, NULL, 0);
      PRTC_REQUIRE(size > 0 && prtc_stun_parse(&message, bytes, (size_t)size) == 0);
      bool right = (family == 1 && length == 8) || (family == 2 && length == 20);
      PRTC_CHECK_INT(prtc_stun_find_xor_address(&message, PRTC_STUN_XOR_MAPPED_ADDRESS, &address), right);
      PRTC_CHECK_INT(prtc_stun_find_u32(&message, PRTC_STUN_PRIORITY, &u32), length == 4);
      PRTC_CHECK_INT(prtc_stun_find_u64(&message, PRTC_STUN_ICE_CONTROLLING, &u64), length == 8);
      PRTC_CHECK_INT(prtc_stun_find_error(&message), 0);
      PRTC_CHECK_INT(prtc_stun_check_integrity(&message, "k", 1), PRTC_ERROR_UNAUTHENTICATED);
    }
  }
}

/* RFC 8489 section 14.5: what follows MESSAGE-INTEGRITY is ignored, and FINGERPRINT must be last. */
static void nothing_after_integrity(void) {
  static const uint8_t id[PRTC_STUN_TRANSACTION_SIZE] = {1};
  uint8_t bytes[256], integrity[20] = {0};
  struct prtc_stun_message message;
  struct prtc_stun_writer writer;
  uint16_t unknown[4];
  prtc_stun_begin(&writer, bytes, sizeof bytes, PRTC_STUN_REQUEST, PRTC_STUN_METHOD_BINDING, id);
  prtc_stun_add(&writer, 0x0777, "x", 1);
  prtc_stun_add(&writer, PRTC_STUN_MESSAGE_INTEGRITY, integrity, sizeof integrity);
  prtc_stun_add(&writer, PRTC_STUN_USE_CANDIDATE, NULL, 0);
  prtc_stun_add(&writer, 0x0778, "x", 1);
  int size = prtc_stun_finish(&writer, NULL, 0);
  PRTC_REQUIRE(size > 0 && prtc_stun_parse(&message, bytes, (size_t)size) == 0);
  PRTC_CHECK(!prtc_stun_find_flag(&message, PRTC_STUN_USE_CANDIDATE));
  PRTC_CHECK_INT(prtc_stun_unknown_attributes(&message, unknown, 4), 1);
  PRTC_CHECK_INT(unknown[0], 0x0777);
  prtc_stun_add(&writer, PRTC_STUN_SOFTWARE, "after", 5); /* after FINGERPRINT */
  PRTC_CHECK_INT(prtc_stun_parse(&message, bytes, (size_t)size + 12), PRTC_ERROR_MALFORMED);
}

int main(void) {
  prtc_context_config config;
  PRTC_INIT(&config);
  prtc_context *context = prtc_context_new(&config);
  PRTC_REQUIRE(context != NULL);
  struct prtc_context *previous = prtc_enter(context);
  PRTC_RUN(vector_request);
  PRTC_RUN(vector_responses);
  PRTC_RUN(vector_long_term);
  PRTC_RUN(vector_sha256);
  PRTC_RUN(sha256_ends_the_message);
  PRTC_RUN(several_addresses);
  PRTC_RUN(write_is_the_vector);
  PRTC_RUN(write_error);
  PRTC_RUN(addresses_round_trip);
  PRTC_RUN(capacities);
  PRTC_RUN(malformed_is_refused);
  PRTC_RUN(odd_attributes);
  PRTC_RUN(nothing_after_integrity);
  prtc_leave(previous);
  prtc_context_free(context);
  return PRTC_TEST_RESULT();
}
