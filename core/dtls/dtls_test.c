/* The DTLS object with a friendly other side: roles, certificates, data, closing, time.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <polyrtc/dtls.h>

#include <openssl/evp.h>
#include <openssl/pool.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "core/dtls/certificate.h"
#include "core/dtls/pair_test.h"

static struct pair pair;

static void connects_and_carries_data(void) {
  pair_init(&pair, 1);
  pair_start(&pair);
  pair_run(&pair, 1000000);
  pair_check_works(&pair);
  PRTC_CHECK_INT(prtc_dtls_get_role(pair.sides[0].dtls), PRTC_DTLS_ROLE_CLIENT);
  PRTC_CHECK_INT(prtc_dtls_get_role(pair.sides[1].dtls), PRTC_DTLS_ROLE_SERVER);
  PRTC_CHECK_INT(prtc_dtls_overhead(pair.sides[0].dtls), 37);
  PRTC_CHECK(prtc_dtls_deadline(pair.sides[0].dtls) == PRTC_NEVER);
  PRTC_CHECK(prtc_dtls_deadline(pair.sides[1].dtls) == PRTC_NEVER);
  PRTC_CHECK_INT(pair.sides[0].sent, 2); /* ClientHello; Certificate to Finished */
  PRTC_CHECK_INT(pair.sides[1].sent, 2);
  pair_clear(&pair);
}

/* Every pairing of roles, also AUTO that is told later what it is, and in both orders of starting. */
static void every_pairing_of_roles(void) {
  for (unsigned client_is = 0; client_is < 2; client_is++) {
    for (unsigned server_role = 0; server_role < 3; server_role += 2) {
      for (unsigned client_first = 0; client_first < 2; client_first++) {
        pair_init(&pair, 3);
        struct side *client = &pair.sides[client_is], *server = &pair.sides[1 - client_is];
        PRTC_CHECK_INT(pair_tell(&pair, 0, "sha-256"), 0);
        PRTC_CHECK_INT(pair_tell(&pair, 1, "sha-256"), 0);
        if (client_first) PRTC_CHECK_INT(prtc_dtls_start(client->dtls, pair.now, PRTC_DTLS_ROLE_CLIENT), 0);
        if (client_first) pair_run(&pair, 100000);
        PRTC_CHECK_INT(prtc_dtls_start(server->dtls, pair.now, (prtc_dtls_role)server_role), 0);
        if (!client_first) PRTC_CHECK_INT(prtc_dtls_start(client->dtls, pair.now, PRTC_DTLS_ROLE_CLIENT), 0);
        pair_run(&pair, 100000); /* less than the first repetition: what came before the start was kept */
        pair_check_works(&pair);
        PRTC_CHECK_INT(prtc_dtls_get_role(server->dtls), PRTC_DTLS_ROLE_SERVER);
        pair_clear(&pair);
      }
    }
  }
}

static void role_auto_can_become_the_client(void) {
  pair_init(&pair, 5);
  PRTC_CHECK_INT(pair_tell(&pair, 0, "sha-256"), 0);
  PRTC_CHECK_INT(pair_tell(&pair, 1, "sha-256"), 0);
  PRTC_CHECK_INT(prtc_dtls_start(pair.sides[0].dtls, pair.now, PRTC_DTLS_ROLE_AUTO), 0);
  PRTC_CHECK_INT(prtc_dtls_start(pair.sides[1].dtls, pair.now, PRTC_DTLS_ROLE_AUTO), 0);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(pair.sides[0].state, PRTC_DTLS_TRANSPORT_CONNECTING);
  PRTC_CHECK_INT(pair.sides[0].sent + pair.sides[1].sent, 0);
  PRTC_CHECK_INT(prtc_dtls_start(pair.sides[0].dtls, pair.now, PRTC_DTLS_ROLE_CLIENT), 0);
  pair_run(&pair, 1000000);
  pair_check_works(&pair);
  PRTC_CHECK_INT(prtc_dtls_start(pair.sides[1].dtls, pair.now, PRTC_DTLS_ROLE_AUTO), 0);
  PRTC_CHECK_INT(prtc_dtls_start(pair.sides[1].dtls, pair.now, PRTC_DTLS_ROLE_SERVER), 0);
  PRTC_CHECK_INT(prtc_dtls_start(pair.sides[1].dtls, pair.now, PRTC_DTLS_ROLE_CLIENT), PRTC_ERROR_INVALID_STATE);
  pair_clear(&pair);
}

/* Two clients never agree, and end with an event, not before and not long after 30 seconds. */
static void two_clients_fail_by_time(void) {
  pair_init(&pair, 7);
  PRTC_CHECK_INT(pair_tell(&pair, 0, "sha-256"), 0);
  PRTC_CHECK_INT(pair_tell(&pair, 1, "sha-256"), 0);
  PRTC_CHECK_INT(prtc_dtls_start(pair.sides[0].dtls, pair.now, PRTC_DTLS_ROLE_CLIENT), 0);
  PRTC_CHECK_INT(prtc_dtls_start(pair.sides[1].dtls, pair.now, PRTC_DTLS_ROLE_CLIENT), 0);
  pair_run(&pair, 29900000);
  for (unsigned i = 0; i < 2; i++) {
    PRTC_CHECK_INT(pair.sides[i].state, PRTC_DTLS_TRANSPORT_CONNECTING);
    PRTC_CHECK(pair.sides[i].sent >= 10 && pair.sides[i].sent <= 14);
  }
  pair_run(&pair, 200000);
  for (unsigned i = 0; i < 2; i++) {
    PRTC_CHECK_INT(pair.sides[i].state, PRTC_DTLS_TRANSPORT_FAILED);
    PRTC_CHECK_INT(pair.sides[i].code, PRTC_ERROR_TIMEOUT);
    PRTC_CHECK(prtc_dtls_deadline(pair.sides[i].dtls) == PRTC_NEVER);
  }
  pair_clear(&pair);
}

/* The times at which a ClientHello is repeated: 250 ms, doubling to 3 s. */
static void repeats_by_the_deadline(void) {
  static const prtc_time expected[] = {0, 250000, 750000, 1750000, 3750000, 6750000, 9750000};
  uint8_t data[2048];
  pair_init(&pair, 9);
  prtc_dtls *dtls = pair.sides[0].dtls;
  prtc_time start = 5;
  PRTC_CHECK_INT(prtc_dtls_start(dtls, start, PRTC_DTLS_ROLE_CLIENT), 0);
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    prtc_time now = start + expected[i];
    if (i > 0) {
      PRTC_CHECK_INT(prtc_dtls_deadline(dtls), now);
      PRTC_CHECK_INT(prtc_dtls_timeout(dtls, now - 1), 0); /* early: nothing happens */
      PRTC_CHECK_INT(prtc_dtls_transmit(dtls, now - 1, data, sizeof data), 0);
      PRTC_CHECK_INT(prtc_dtls_timeout(dtls, now), 0);
    }
    PRTC_CHECK(prtc_dtls_transmit(dtls, now, data, sizeof data) > 0);
    PRTC_CHECK_INT(prtc_dtls_transmit(dtls, now, data, sizeof data), 0);
    PRTC_CHECK_INT(prtc_dtls_timeout(dtls, 0), 0); /* backwards: harmless */
    PRTC_CHECK(prtc_dtls_deadline(dtls) > now);
  }
  pair_clear(&pair);
}

/* Nobody takes what is to be sent: it does not pile up, and the last repetition is what comes out. */
static void repetitions_do_not_pile_up(void) {
  uint8_t data[2048];
  pair_init(&pair, 9);
  prtc_dtls *dtls = pair.sides[0].dtls;
  PRTC_CHECK_INT(prtc_dtls_start(dtls, 5, PRTC_DTLS_ROLE_CLIENT), 0);
  for (int i = 0; i < 9; i++) prtc_dtls_timeout(dtls, prtc_dtls_deadline(dtls));
  PRTC_CHECK_INT(prtc_dtls_transmit(dtls, 0, data, 100), PRTC_ERROR_BUFFER_TOO_SMALL);
  PRTC_CHECK(prtc_dtls_transmit(dtls, 0, data, sizeof data) > 0);
  PRTC_CHECK_INT(prtc_dtls_transmit(dtls, 0, data, sizeof data), 0);
  pair_clear(&pair);
}

/* ------------------------------------------------------------------------------------------------------ certificates */

/* As older programs have them. */
static void use_rsa_certificate(struct side *side) {
  struct prtc_context *previous = prtc_enter(side->context);
  BIGNUM *exponent = BN_new();
  RSA *rsa = RSA_new();
  EVP_PKEY *key = EVP_PKEY_new();
  X509 *x509 = X509_new();
  uint8_t *der = NULL;
  PRTC_REQUIRE(BN_set_word(exponent, RSA_F4) && RSA_generate_key_ex(rsa, 2048, exponent, NULL));
  PRTC_REQUIRE(EVP_PKEY_assign_RSA(key, rsa) && ASN1_INTEGER_set(X509_get_serialNumber(x509), 1));
  PRTC_REQUIRE(ASN1_TIME_set(X509_get_notBefore(x509), 0) && ASN1_TIME_set(X509_get_notAfter(x509), 1000));
  PRTC_REQUIRE(X509_set_pubkey(x509, key) && X509_sign(x509, key, EVP_sha256()) > 0);
  int size = i2d_X509(x509, &der);
  PRTC_REQUIRE(size > 0);
  prtc_certificate *certificate = prtc_allocate(side->context, sizeof *certificate);
  PRTC_REQUIRE(certificate != NULL);
  certificate->context = side->context;
  certificate->references = 1;
  certificate->key = key;
  certificate->der = CRYPTO_BUFFER_new(der, (size_t)size, NULL);
  OPENSSL_free(der);
  X509_free(x509);
  BN_free(exponent);
  prtc_leave(previous);

  prtc_dtls_config config;
  PRTC_INIT(&config);
  config.certificate = certificate;
  prtc_dtls_free(side->dtls);
  prtc_certificate_release(side->certificate);
  side->certificate = certificate;
  side->dtls = prtc_dtls_new(side->context, &config);
}

static void rsa_certificates_of_others(void) {
  for (unsigned who = 1; who <= 3; who++) { /* the client, the server, both */
    pair_init(&pair, 11);
    if (who & 1) use_rsa_certificate(&pair.sides[0]);
    if (who & 2) use_rsa_certificate(&pair.sides[1]);
    pair_start(&pair);
    pair_run(&pair, 1000000);
    pair_check_works(&pair);
    pair_clear(&pair);
  }
}

/* What RFC 8827 asks of ours, read by another parser; and the validity that was asked for. */
static void certificate_is_as_the_text_says(void) {
  prtc_context *context = test_context(13);
  prtc_certificate *known = prtc_certificate_new(context, 1800000000), *unknown = prtc_certificate_new(context, 0);
  const uint8_t *der = CRYPTO_BUFFER_data(known->der);
  X509 *x509 = d2i_X509(NULL, &der, (long)CRYPTO_BUFFER_len(known->der));
  PRTC_REQUIRE(x509 != NULL);
  EVP_PKEY *key = X509_get_pubkey(x509);
  PRTC_CHECK_INT(EVP_PKEY_id(key), EVP_PKEY_EC);
  PRTC_CHECK_INT(EVP_PKEY_bits(key), 256);
  PRTC_CHECK_INT(X509_verify(x509, key), 1);
  ASN1_TIME *time = ASN1_TIME_set(NULL, 1800000000 - 86400);
  PRTC_CHECK_INT(ASN1_STRING_cmp(time, X509_get0_notBefore(x509)), 0);
  ASN1_TIME_free(time);
  time = ASN1_TIME_set(NULL, 1800000000 + 30 * 86400);
  PRTC_CHECK_INT(ASN1_STRING_cmp(time, X509_get0_notAfter(x509)), 0);
  ASN1_TIME_free(time);
  EVP_PKEY_free(key);
  X509_free(x509);
  prtc_fingerprint a, b;
  PRTC_CHECK_INT(prtc_certificate_get_fingerprint(known, "sha-256", &a), 0);
  PRTC_CHECK_INT(prtc_certificate_get_fingerprint(unknown, "sha-256", &b), 0);
  PRTC_CHECK(strcmp(a.value, b.value) != 0);
  PRTC_CHECK(prtc_certificate_retain(known) == known);
  prtc_certificate_release(known);
  PRTC_CHECK_INT(prtc_certificate_get_fingerprint(known, "SHA-256", &b), 0);
  PRTC_CHECK_TEXT(b.value, a.value);
  PRTC_CHECK_TEXT(b.algorithm, "sha-256");
  prtc_certificate_release(known);
  prtc_certificate_release(unknown);
  prtc_certificate_release(NULL);
  prtc_context_free(context);
}

/* The object holds its certificate; several objects share one. */
static void certificate_outlives_its_owner(void) {
  pair_init(&pair, 15);
  pair_start(&pair);
  prtc_certificate_release(pair.sides[0].certificate);
  pair.sides[0].certificate = NULL;
  pair_run(&pair, 1000000);
  pair_check_works(&pair);
  pair_clear(&pair);
}

/* -------------------------------------------------------------------------------------------------------------- data */

static void chacha20_works_too(void) {
  pair_init(&pair, 17);
  pair_start(&pair); /* makes the SSL_CTX of side 1 */
  prtc_dtls_config config;
  PRTC_INIT(&config);
  config.certificate = pair.sides[1].certificate;
  PRTC_REQUIRE(SSL_CTX_set_strict_cipher_list(config.certificate->ssl_context, "ECDHE-ECDSA-CHACHA20-POLY1305"));
  prtc_dtls_free(pair.sides[1].dtls);
  memset(&pair.sides[1].state, 0, sizeof pair.sides[1].state);
  pair.sides[1].dtls = prtc_dtls_new(pair.sides[1].context, &config);
  PRTC_CHECK_INT(pair_tell(&pair, 1, "sha-256"), 0);
  PRTC_CHECK_INT(prtc_dtls_start(pair.sides[1].dtls, pair.now, PRTC_DTLS_ROLE_SERVER), 0);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(prtc_dtls_overhead(pair.sides[0].dtls), 29);
  pair_check_works(&pair);
  pair_clear(&pair);
}

static void several_records_in_a_datagram(void) {
  uint8_t datagram[400], out[100];
  size_t size = 0;
  pair_init(&pair, 19);
  pair_start(&pair);
  pair_run(&pair, 1000000);
  for (uint8_t i = 1; i <= 3; i++) {
    uint8_t data[40];
    memset(data, i, sizeof data);
    int sealed = prtc_dtls_seal(pair.sides[0].dtls, data, 10u * i, datagram + size, sizeof datagram - size);
    PRTC_REQUIRE(sealed > 0);
    size += (size_t)sealed;
  }
  prtc_dtls *to = pair.sides[1].dtls;
  PRTC_CHECK_INT(prtc_dtls_receive(to, pair.now, datagram, size), 0);
  PRTC_CHECK_INT(prtc_dtls_read(to, out, 9), PRTC_ERROR_BUFFER_TOO_SMALL);
  for (int i = 1; i <= 3; i++) {
    PRTC_CHECK_INT(prtc_dtls_read(to, out, sizeof out), 10 * i);
    PRTC_CHECK(out[0] == i && out[10 * i - 1] == i);
  }
  PRTC_CHECK_INT(prtc_dtls_read(to, out, sizeof out), 0);
  PRTC_CHECK_INT(prtc_dtls_receive(to, pair.now, datagram, size), PRTC_ERROR_UNEXPECTED); /* a replay */
  PRTC_CHECK_INT(prtc_dtls_read(to, out, sizeof out), 0);
  pair_clear(&pair);
}

static void what_is_not_read_is_dropped(void) {
  uint8_t first[64], second[64], out[64];
  pair_init(&pair, 19);
  pair_start(&pair);
  pair_run(&pair, 1000000);
  int a = prtc_dtls_seal(pair.sides[0].dtls, (const uint8_t *)"first", 5, first, sizeof first);
  int b = prtc_dtls_seal(pair.sides[0].dtls, (const uint8_t *)"second", 6, second, sizeof second);
  PRTC_REQUIRE(a > 0 && b > 0);
  prtc_dtls *to = pair.sides[1].dtls;
  PRTC_CHECK_INT(prtc_dtls_receive(to, pair.now, second, (size_t)b), 0); /* out of order */
  PRTC_CHECK_INT(prtc_dtls_receive(to, pair.now, first, (size_t)a), 0);
  PRTC_CHECK_INT(prtc_dtls_read(to, out, sizeof out), 5);
  PRTC_CHECK(memcmp(out, "first", 5) == 0);
  PRTC_CHECK_INT(prtc_dtls_read(to, out, sizeof out), 0);
  pair_clear(&pair);
}

static void seal_knows_its_bounds(void) {
  static uint8_t data[16385], out[16385 + PRTC_DTLS_OVERHEAD];
  pair_init(&pair, 21);
  prtc_dtls *dtls = pair.sides[0].dtls;
  PRTC_CHECK_INT(prtc_dtls_seal(dtls, data, 1, out, sizeof out), PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_INT(prtc_dtls_overhead(dtls), PRTC_DTLS_OVERHEAD);
  pair_start(&pair);
  PRTC_CHECK_INT(prtc_dtls_seal(dtls, data, 1, out, sizeof out), PRTC_ERROR_INVALID_STATE);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(prtc_dtls_seal(dtls, data, 0, out, sizeof out), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_dtls_seal(dtls, data, 16385, out, sizeof out), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_dtls_seal(dtls, data, 100, out, 136), PRTC_ERROR_BUFFER_TOO_SMALL);
  PRTC_CHECK_INT(prtc_dtls_seal(dtls, data, 100, out, 137), 137);
  PRTC_CHECK_INT(prtc_dtls_seal(dtls, data, 16384, out, sizeof out), 16384 + 37);
  PRTC_CHECK_INT(prtc_dtls_receive(pair.sides[1].dtls, pair.now, out, 16384 + 37), 0);
  static uint8_t back[16384];
  PRTC_CHECK_INT(prtc_dtls_read(pair.sides[1].dtls, back, sizeof back), 16384);
  pair_clear(&pair);
}

/* Both sides have the same SRTP keys, in the one order, and other associations have others. */
static void exports_srtp_keys(void) {
  uint8_t keys[3][96];
  size_t sizes[3];
  pair_init(&pair, 23);
  PRTC_CHECK_INT(prtc_dtls_export_srtp_keys(pair.sides[0].dtls, keys[0], sizeof keys[0], &sizes[0]),
                 PRTC_ERROR_INVALID_STATE);
  pair_start(&pair);
  pair_run(&pair, 1000000);
  for (unsigned i = 0; i < 2; i++) {
    PRTC_CHECK_INT(prtc_dtls_export_srtp_keys(pair.sides[i].dtls, keys[i], sizeof keys[i], &sizes[i]), 7);
    PRTC_CHECK_INT(sizes[i], 2 * (16 + 12));
  }
  PRTC_CHECK(memcmp(keys[0], keys[1], sizes[0]) == 0);
  PRTC_CHECK_INT(prtc_dtls_export_srtp_keys(pair.sides[0].dtls, keys[2], 55, &sizes[2]), PRTC_ERROR_BUFFER_TOO_SMALL);
  pair_clear(&pair);
  pair_init(&pair, 25);
  pair_start(&pair);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(prtc_dtls_export_srtp_keys(pair.sides[0].dtls, keys[2], sizeof keys[2], &sizes[2]), 7);
  PRTC_CHECK(memcmp(keys[0], keys[2], sizes[0]) != 0);
  pair_clear(&pair);
}

/* ----------------------------------------------------------------------------------------------------------- closing */

static void close_from_either_side(void) {
  for (unsigned closer = 0; closer < 2; closer++) {
    pair_init(&pair, 27);
    pair_start(&pair);
    pair_run(&pair, 1000000);
    pair_check_works(&pair);
    unsigned sent = pair.sides[1 - closer].sent;
    PRTC_CHECK_INT(prtc_dtls_close(pair.sides[closer].dtls, pair.now), 0);
    PRTC_CHECK_INT(prtc_dtls_close(pair.sides[closer].dtls, pair.now), 0); /* again: nothing */
    pair_run(&pair, 1000000);
    for (unsigned i = 0; i < 2; i++) {
      PRTC_CHECK_INT(pair.sides[i].state, PRTC_DTLS_TRANSPORT_CLOSED);
      PRTC_CHECK(prtc_dtls_deadline(pair.sides[i].dtls) == PRTC_NEVER);
      uint8_t out[100];
      PRTC_CHECK_INT(prtc_dtls_seal(pair.sides[i].dtls, out, 1, out + 1, 99), PRTC_ERROR_INVALID_STATE);
      PRTC_CHECK_INT(prtc_dtls_start(pair.sides[i].dtls, pair.now, PRTC_DTLS_ROLE_CLIENT), PRTC_ERROR_INVALID_STATE);
    }
    PRTC_CHECK_INT(pair.sides[1 - closer].sent, sent + 1); /* close_notify is answered once */
    pair_clear(&pair);
  }
}

/* What came in one datagram before the goodbye can still be read. */
static void data_before_close_notify_is_delivered(void) {
  uint8_t datagram[200];
  pair_init(&pair, 27);
  pair_start(&pair);
  pair_run(&pair, 1000000);
  int data = prtc_dtls_seal(pair.sides[0].dtls, (const uint8_t *)"last", 4, datagram, sizeof datagram);
  prtc_dtls_close(pair.sides[0].dtls, pair.now);
  int alert = prtc_dtls_transmit(pair.sides[0].dtls, pair.now, datagram + data, sizeof datagram - (size_t)data);
  PRTC_CHECK_INT(prtc_dtls_receive(pair.sides[1].dtls, pair.now, datagram, (size_t)(data + alert)), 0);
  side_collect(&pair.sides[1]);
  PRTC_CHECK_INT(pair.sides[1].messages, 1);
  PRTC_CHECK_INT(pair.sides[1].state, PRTC_DTLS_TRANSPORT_CLOSED);
  pair_clear(&pair);
}

/* Closing while the handshake goes on ends it on the other side at once. */
static void close_during_the_handshake(void) {
  for (unsigned closer = 0; closer < 2; closer++) {
    pair_init(&pair, 29);
    pair_start(&pair);
    pair_run(&pair, 30000); /* the ClientHello has arrived, the answer is on its way */
    prtc_dtls_close(pair.sides[closer].dtls, pair.now);
    pair_run(&pair, 100000);
    PRTC_CHECK_INT(pair.sides[closer].state, PRTC_DTLS_TRANSPORT_CLOSED);
    PRTC_CHECK_INT(pair.sides[1 - closer].state, PRTC_DTLS_TRANSPORT_FAILED);
    PRTC_CHECK_INT(pair.sides[1 - closer].code, PRTC_ERROR_DTLS_ALERT);
    PRTC_CHECK_TEXT(pair.sides[1 - closer].text, "the other side's alert: user canceled");
    pair_clear(&pair);
  }
  pair_init(&pair, 29); /* and before it */
  prtc_dtls_close(pair.sides[0].dtls, pair.now);
  pair_run(&pair, 100000);
  PRTC_CHECK_INT(pair.sides[0].state, PRTC_DTLS_TRANSPORT_CLOSED);
  PRTC_CHECK_INT(pair.sides[0].sent, 0);
  pair_clear(&pair);
}

/* ------------------------------------------------------------------------------------------------------- determinism */

static void transcript(uint8_t seed, uint8_t out[32]) {
  pair_init(&pair, seed);
  pair_start(&pair);
  pair_run(&pair, 1000000);
  PRTC_CHECK(pair_connected(&pair));
  prtc_dtls_close(pair.sides[0].dtls, pair.now);
  pair_run(&pair, 1000000);
  SHA256_Final(out, &pair.transcript);
  pair_clear(&pair);
}

static void same_seed_same_bytes(void) {
  uint8_t first[32], again[32], other[32];
  transcript(31, first);
  transcript(33, other);
  transcript(31, again);
  PRTC_CHECK(memcmp(first, again, sizeof first) == 0);
  PRTC_CHECK(memcmp(first, other, sizeof first) != 0);
}

static void bad_configurations(void) {
  prtc_context *context = test_context(35);
  prtc_dtls_config config;
  PRTC_INIT(&config);
  PRTC_CHECK(prtc_dtls_new(context, &config) == NULL); /* no certificate */
  config.certificate = prtc_certificate_new(context, 0);
  config.mtu = 100;
  PRTC_CHECK(prtc_dtls_new(context, &config) == NULL);
  prtc_dtls_free(NULL);
  prtc_certificate_release(config.certificate);
  prtc_context_free(context);
}

int main(void) {
  PRTC_RUN(connects_and_carries_data);
  PRTC_RUN(every_pairing_of_roles);
  PRTC_RUN(role_auto_can_become_the_client);
  PRTC_RUN(two_clients_fail_by_time);
  PRTC_RUN(repeats_by_the_deadline);
  PRTC_RUN(repetitions_do_not_pile_up);
  PRTC_RUN(rsa_certificates_of_others);
  PRTC_RUN(certificate_is_as_the_text_says);
  PRTC_RUN(certificate_outlives_its_owner);
  PRTC_RUN(chacha20_works_too);
  PRTC_RUN(several_records_in_a_datagram);
  PRTC_RUN(what_is_not_read_is_dropped);
  PRTC_RUN(seal_knows_its_bounds);
  PRTC_RUN(exports_srtp_keys);
  PRTC_RUN(close_from_either_side);
  PRTC_RUN(data_before_close_notify_is_delivered);
  PRTC_RUN(close_during_the_handshake);
  PRTC_RUN(same_seed_same_bytes);
  PRTC_RUN(bad_configurations);
  return PRTC_TEST_RESULT();
}
