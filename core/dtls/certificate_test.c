/* Certificates: made, printed, read, refused, and used.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <polyrtc/dtls.h>

#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>

#include "core/dtls/certificate.h"
#include "core/dtls/pair_test.h"

static const int64_t today = 1700000000; /* seconds since 1970 */

static struct pair pair;

static prtc_certificate *generate(prtc_context *context, uint32_t key_type, int64_t wall_clock, int64_t expires) {
  const prtc_certificate_config config = {
      .size = sizeof config, .key_type = key_type, .wall_clock = wall_clock, .expires = expires};
  prtc_certificate *certificate = NULL;
  PRTC_CHECK_INT(prtc_certificate_generate(context, &config, &certificate), PRTC_OK);
  PRTC_REQUIRE(certificate != NULL);
  return certificate;
}

static int64_t expiry_of(prtc_context *context, int64_t wall_clock, int64_t expires) {
  prtc_certificate *certificate = generate(context, PRTC_KEY_ECDSA_P256, wall_clock, expires);
  int64_t result = prtc_certificate_get_expires(certificate);
  prtc_certificate_release(certificate);
  return result;
}

static void expire_when_asked(void) {
  prtc_context *context = test_context(1);
  PRTC_CHECK_INT(expiry_of(context, today, 0), (today + 30 * 86400) * 1000);
  PRTC_CHECK_INT(expiry_of(context, today, (today + 5) * 1000 + 999), (today + 5) * 1000);
  PRTC_CHECK_INT(expiry_of(context, today, 4102444800000), 4102444800000); /* 2100: another encoding of time */
  PRTC_CHECK_INT(expiry_of(context, 0, 0), 2524607999000);
  const struct {
    int64_t expires;
    uint32_t key_type;
  } bad[] = {{(today - 1) * 1000, 0}, {-1, 0}, {253402300800000, 0}, {INT64_MAX, 0}, {0, 2}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    const prtc_certificate_config config = {
        .size = sizeof config, .key_type = bad[i].key_type, .wall_clock = today, .expires = bad[i].expires};
    prtc_certificate *certificate;
    PRTC_CHECK_INT(prtc_certificate_generate(context, &config, &certificate), PRTC_ERROR_INVALID_ARGUMENT);
  }
  prtc_context_free(context);
}

/* What was printed and read is the same: fingerprint, expiry, text. It belongs to the context that read it. */
static void pem_there_and_back(void) {
  static char first[PRTC_CERTIFICATE_PEM_SIZE], second[PRTC_CERTIFICATE_PEM_SIZE];
  for (uint32_t type = PRTC_KEY_ECDSA_P256; type <= PRTC_KEY_RSA_2048; type++) {
    prtc_context *context = test_context(2), *other = test_context(3);
    prtc_certificate *made = generate(context, type, today, 0), *read = NULL;
    prtc_fingerprint a, b;
    int size = prtc_certificate_print(made, first, sizeof first);
    PRTC_REQUIRE(size > 0 && strlen(first) == (size_t)size);
    PRTC_CHECK_INT(prtc_certificate_print(made, second, (size_t)size), PRTC_ERROR_BUFFER_TOO_SMALL);
    PRTC_CHECK_INT(prtc_certificate_get_fingerprint(made, "sha-512", &a), 0);
    PRTC_CHECK_INT(prtc_certificate_parse(other, first, (size_t)size, &read), PRTC_OK);
    prtc_certificate_release(made);
    prtc_context_free(context);
    PRTC_CHECK_INT(prtc_certificate_get_fingerprint(read, "sha-512", &b), 0);
    PRTC_CHECK_TEXT(b.value, a.value);
    PRTC_CHECK_INT(prtc_certificate_get_expires(read), (today + 30 * 86400) * 1000);
    PRTC_CHECK_INT(prtc_certificate_print(read, second, sizeof second), size);
    PRTC_CHECK_TEXT(second, first);
    prtc_certificate_release(read);
    prtc_context_free(other);
  }
}

static void other_orders_and_other_forms_of_key(void) {
  static char text[PRTC_CERTIFICATE_PEM_SIZE], turned[2 * PRTC_CERTIFICATE_PEM_SIZE];
  prtc_context *context = test_context(4);
  prtc_certificate *made = generate(context, PRTC_KEY_ECDSA_P256, today, 0), *read = NULL;
  PRTC_REQUIRE(prtc_certificate_print(made, text, sizeof text) > 0);
  const char *key = strstr(text, "-----BEGIN PRIVATE KEY-----");
  PRTC_REQUIRE(key != NULL);
  snprintf(turned, sizeof turned, "a remark\n%s%.*s", key, (int)(key - text), text);
  PRTC_CHECK_INT(prtc_certificate_parse(context, turned, strlen(turned), &read), PRTC_OK);
  prtc_certificate_release(read);

  /* "EC PRIVATE KEY" (RFC 5915), as older tools write it */
  struct prtc_context *previous = prtc_enter(context);
  BIO *bio = BIO_new(BIO_s_mem());
  const uint8_t *sec1;
  size_t size;
  PRTC_REQUIRE(PEM_write_bio_ECPrivateKey(bio, EVP_PKEY_get0_EC_KEY(made->key), NULL, NULL, 0, NULL, NULL));
  PRTC_REQUIRE(BIO_mem_contents(bio, &sec1, &size));
  snprintf(turned, sizeof turned, "%.*s%.*s", (int)(key - text), text, (int)size, (const char *)sec1);
  BIO_free(bio);
  prtc_leave(previous);
  PRTC_CHECK(strstr(turned, "BEGIN EC PRIVATE KEY") != NULL);
  PRTC_CHECK_INT(prtc_certificate_parse(context, turned, strlen(turned), &read), PRTC_OK);
  prtc_certificate_release(read);
  prtc_certificate_release(made);
  prtc_context_free(context);
}

static void what_is_not_usable_is_refused(void) {
  static char one[PRTC_CERTIFICATE_PEM_SIZE], two[PRTC_CERTIFICATE_PEM_SIZE], mixed[2 * PRTC_CERTIFICATE_PEM_SIZE];
  prtc_context *context = test_context(5);
  prtc_certificate *a = generate(context, PRTC_KEY_ECDSA_P256, today, 0),
                   *b = generate(context, PRTC_KEY_RSA_2048, today, 0);
  prtc_certificate *read = NULL;
  PRTC_REQUIRE(prtc_certificate_print(a, one, sizeof one) > 0 && prtc_certificate_print(b, two, sizeof two) > 0);
  const char *key = strstr(one, "-----BEGIN PRIVATE KEY-----"), *other = strstr(two, "-----BEGIN PRIVATE KEY-----");
  PRTC_REQUIRE(key != NULL && other != NULL);
  PRTC_CHECK_INT(prtc_certificate_parse(context, "", 0, &read), PRTC_ERROR_SYNTAX);
  PRTC_CHECK_INT(prtc_certificate_parse(context, key, strlen(key), &read), PRTC_ERROR_SYNTAX);
  PRTC_CHECK_INT(prtc_certificate_parse(context, one, (size_t)(key - one), &read), PRTC_ERROR_SYNTAX);
  for (size_t size = 0; size + 30 < strlen(one); size += 7) {
    PRTC_CHECK_INT(prtc_certificate_parse(context, one, size, &read), PRTC_ERROR_SYNTAX);
  }
  snprintf(mixed, sizeof mixed, "%.*s%s", (int)(key - one), one, other);
  PRTC_CHECK_INT(prtc_certificate_parse(context, mixed, strlen(mixed), &read), PRTC_ERROR_INVALID_ARGUMENT);

  struct prtc_context *previous = prtc_enter(context);
  EC_KEY *p384 = EC_KEY_new_by_curve_name(NID_secp384r1);
  BIO *bio = BIO_new(BIO_s_mem());
  const uint8_t *sec1;
  size_t size;
  PRTC_REQUIRE(EC_KEY_generate_key(p384) && PEM_write_bio_ECPrivateKey(bio, p384, NULL, NULL, 0, NULL, NULL));
  PRTC_REQUIRE(BIO_mem_contents(bio, &sec1, &size));
  snprintf(mixed, sizeof mixed, "%.*s%.*s", (int)(key - one), one, (int)size, (const char *)sec1);
  BIO_free(bio);
  EC_KEY_free(p384);
  prtc_leave(previous);
  PRTC_CHECK_INT(prtc_certificate_parse(context, mixed, strlen(mixed), &read), PRTC_ERROR_NOT_SUPPORTED);
  prtc_certificate_release(a);
  prtc_certificate_release(b);
  prtc_context_free(context);
}

/* Side `i` has the certificate of this text. */
static void give(unsigned i, const char *pem) {
  struct side *side = &pair.sides[i];
  prtc_dtls_config config;
  prtc_dtls_free(side->dtls);
  prtc_certificate_release(side->certificate);
  PRTC_REQUIRE(prtc_certificate_parse(side->context, pem, strlen(pem), &side->certificate) == PRTC_OK);
  PRTC_INIT(&config);
  config.certificate = side->certificate;
  config.use_srtp = 1;
  side->dtls = prtc_dtls_new(side->context, &config);
  PRTC_REQUIRE(side->dtls != NULL);
}

/* RSA on either side and on both; the bytes depend on the seed alone, although RSA's blinding is kept in the key. */
static void rsa_works_and_repeats(void) {
  static char pem[PRTC_CERTIFICATE_PEM_SIZE];
  prtc_context *context = test_context(6);
  prtc_certificate *rsa = generate(context, PRTC_KEY_RSA_2048, today, 0);
  PRTC_REQUIRE(prtc_certificate_print(rsa, pem, sizeof pem) > 0);
  prtc_certificate_release(rsa);
  prtc_context_free(context);
  for (unsigned who = 1; who <= 3; who++) {
    uint8_t transcripts[2][SHA256_DIGEST_LENGTH];
    for (int round = 0; round < 2; round++) {
      pair_init(&pair, 7);
      if (who & 1) give(0, pem);
      if (who & 2) give(1, pem);
      pair_start(&pair);
      pair_run(&pair, 1000000);
      pair_check_works(&pair);
      SHA256_Final(transcripts[round], &pair.transcript);
      pair_clear(&pair);
    }
    PRTC_CHECK(memcmp(transcripts[0], transcripts[1], sizeof transcripts[0]) == 0);
  }
}

int main(void) {
  PRTC_RUN(expire_when_asked);
  PRTC_RUN(pem_there_and_back);
  PRTC_RUN(other_orders_and_other_forms_of_key);
  PRTC_RUN(what_is_not_usable_is_refused);
  PRTC_RUN(rsa_works_and_repeats);
  return PRTC_TEST_RESULT();
}
