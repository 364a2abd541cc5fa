/* Fingerprints, and that nothing is believed without one: RFC 8122 section 5, RFC 8827 section 5.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/dtls/fingerprint.h"

#include "core/dtls/pair_test.h"

static struct pair pair;

static const char *const all[] = {"sha-1", "sha-224", "sha-256", "sha-384", "sha-512"};

/* "abc", FIPS 180-2 appendices A.1, B.1, C.1 and so on */
static void known_digests(void) {
  static const char *const expected[][2] = {
      {"sha-1", "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D"},
      {"SHA-224", "23:09:7D:22:34:05:D8:22:86:42:A4:77:BD:A2:55:B3:2A:AD:BC:E4:BD:A0:B3:F7:E3:6C:9D:A7"},
      {"sha-256",
       "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD"},
      {"sha-384",
       "CB:00:75:3F:45:A3:5E:8B:B5:A0:3D:69:9A:C6:50:07:27:2C:32:AB:0E:DE:D1:63:1A:8B:60:5A:43:FF:5B:ED:"
       "80:86:07:2B:A1:E7:CC:23:58:BA:EC:A1:34:C8:25:A7"},
      {"sha-512",
       "DD:AF:35:A1:93:61:7A:BA:CC:41:73:49:AE:20:41:31:12:E6:FA:4E:89:A9:7E:A2:0A:9E:EE:E6:4B:55:D3:9A:"
       "21:92:99:2A:27:4F:C1:A8:36:BA:3C:23:A3:FE:EB:BD:45:4D:44:23:64:3C:E8:0E:2A:9A:C9:4F:A5:4C:A4:9F"},
  };
  prtc_fingerprint fingerprint;
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    PRTC_CHECK_INT(prtc_fingerprint_of(expected[i][0], (const uint8_t *)"abc", 3, &fingerprint), 0);
    PRTC_CHECK_TEXT(fingerprint.value, expected[i][1]);
    PRTC_CHECK_TEXT(fingerprint.algorithm, all[i]);
  }
  PRTC_CHECK_INT(prtc_fingerprint_of("md5", (const uint8_t *)"abc", 3, &fingerprint), PRTC_ERROR_NOT_SUPPORTED);
  PRTC_CHECK_INT(prtc_fingerprint_of("", (const uint8_t *)"abc", 3, &fingerprint), PRTC_ERROR_NOT_SUPPORTED);
}

static void malformed_values_are_refused(void) {
  static const char good[] = "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D";
  struct prtc_fingerprint_set set;
  prtc_fingerprint fingerprint = {.algorithm = "sha-1"};
  for (size_t i = 0; i < sizeof good - 1; i++) { /* each character spoiled, and each cut */
    strcpy(fingerprint.value, good);
    fingerprint.value[i] = good[i] == ':' ? 'A' : ':';
    PRTC_CHECK_INT(prtc_fingerprint_set_fill(&set, &fingerprint, 1), PRTC_ERROR_INVALID_ARGUMENT);
    fingerprint.value[i] = '\0';
    PRTC_CHECK_INT(prtc_fingerprint_set_fill(&set, &fingerprint, 1), PRTC_ERROR_INVALID_ARGUMENT);
  }
  strcpy(fingerprint.value, good);
  strcat(fingerprint.value, ":00");
  PRTC_CHECK_INT(prtc_fingerprint_set_fill(&set, &fingerprint, 1), PRTC_ERROR_INVALID_ARGUMENT);
  memset(&fingerprint, 'A', sizeof fingerprint); /* no NUL anywhere */
  PRTC_CHECK_INT(prtc_fingerprint_set_fill(&set, &fingerprint, 1), PRTC_ERROR_NOT_SUPPORTED);
  PRTC_CHECK_INT(prtc_fingerprint_set_fill(&set, &fingerprint, 0), PRTC_ERROR_NOT_SUPPORTED);
}

static void each_algorithm_connects(void) {
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    pair_init(&pair, 41);
    PRTC_CHECK_INT(pair_tell(&pair, 0, all[i]), 0);
    PRTC_CHECK_INT(pair_tell(&pair, 1, all[i]), 0);
    prtc_dtls_start(pair.sides[0].dtls, pair.now, PRTC_DTLS_ROLE_CLIENT);
    prtc_dtls_start(pair.sides[1].dtls, pair.now, PRTC_DTLS_ROLE_AUTO);
    pair_run(&pair, 100000);
    pair_check_works(&pair);
    pair_clear(&pair);
  }
}

/* Side 0 hears these of side 1 (right, or wrong in the first byte). */
struct heard {
  const char *algorithm;
  int right;
};

static int hear(const struct heard *heard, size_t count) {
  prtc_fingerprint fingerprints[16];
  for (size_t i = 0; i < count; i++) {
    prtc_fingerprint *fingerprint = &fingerprints[i];
    const char *algorithm = strcmp(heard[i].algorithm, "sha3-256") == 0 ? "sha-256" : heard[i].algorithm;
    prtc_certificate_get_fingerprint(pair.sides[1].certificate, algorithm, fingerprint);
    strcpy(fingerprint->algorithm, heard[i].algorithm);
    if (!heard[i].right) fingerprint->value[0] = fingerprint->value[0] == 'A' ? 'B' : 'A';
    for (char *c = fingerprint->value; i % 2 == 1 && *c != '\0'; c++) { /* some in lower case */
      if (*c >= 'A' && *c <= 'F') *c = (char)(*c - 'A' + 'a');
    }
  }
  return prtc_dtls_set_remote_fingerprints(pair.sides[0].dtls, pair.now, fingerprints, count);
}

static uint32_t result_of(const struct heard *heard, size_t count) {
  pair_init(&pair, 43);
  PRTC_CHECK_INT(hear(heard, count), 0);
  PRTC_CHECK_INT(pair_tell(&pair, 1, "sha-256"), 0);
  prtc_dtls_start(pair.sides[0].dtls, pair.now, PRTC_DTLS_ROLE_CLIENT);
  prtc_dtls_start(pair.sides[1].dtls, pair.now, PRTC_DTLS_ROLE_SERVER);
  pair_run(&pair, 100000);
  uint32_t state = pair.sides[0].state;
  pair_clear(&pair);
  return state;
}

static void the_strongest_algorithm_counts(void) {
  static const struct heard weak_right[] = {{"sha-1", 1}, {"sha-256", 0}};
  static const struct heard weak_wrong[] = {{"sha-512", 1}, {"sha-1", 0}, {"sha-256", 0}};
  static const struct heard two[] = {{"sha-256", 0}, {"sha-256", 1}};
  static const struct heard unknown[] = {{"sha3-256", 0}, {"SHA-256", 1}};
  static const struct heard none_right[] = {{"sha-256", 0}, {"sha-256", 0}};
  PRTC_CHECK_INT(result_of(weak_right, 2), PRTC_DTLS_TRANSPORT_FAILED);
  PRTC_CHECK_INT(result_of(weak_wrong, 3), PRTC_DTLS_TRANSPORT_CONNECTED);
  PRTC_CHECK_INT(result_of(two, 2), PRTC_DTLS_TRANSPORT_CONNECTED);
  PRTC_CHECK_INT(result_of(unknown, 2), PRTC_DTLS_TRANSPORT_CONNECTED);
  PRTC_CHECK_INT(result_of(none_right, 2), PRTC_DTLS_TRANSPORT_FAILED);
  pair_init(&pair, 43);
  PRTC_CHECK_INT(hear(unknown, 1), PRTC_ERROR_NOT_SUPPORTED);
  struct heard many[PRTC_FINGERPRINTS_MAX + 1];
  for (size_t i = 0; i <= PRTC_FINGERPRINTS_MAX; i++) many[i] = (struct heard){"sha-256", 0};
  PRTC_CHECK_INT(hear(many, PRTC_FINGERPRINTS_MAX), 0);
  PRTC_CHECK_INT(hear(many, PRTC_FINGERPRINTS_MAX + 1), PRTC_ERROR_QUEUE_FULL);
  pair_clear(&pair);
}

/* The client or the server has a wrong one: it fails with the reason, and the other side hears of it at once. */
static void wrong_fingerprint_on_either_side(void) {
  for (unsigned deceived = 0; deceived < 2; deceived++) {
    pair_init(&pair, 45);
    prtc_fingerprint own;
    prtc_certificate_get_fingerprint(pair.sides[deceived].certificate, "sha-256", &own);
    PRTC_CHECK_INT(prtc_dtls_set_remote_fingerprints(pair.sides[deceived].dtls, pair.now, &own, 1), 0);
    PRTC_CHECK_INT(pair_tell(&pair, 1 - deceived, "sha-256"), 0);
    prtc_dtls_start(pair.sides[0].dtls, pair.now, PRTC_DTLS_ROLE_CLIENT);
    prtc_dtls_start(pair.sides[1].dtls, pair.now, PRTC_DTLS_ROLE_SERVER);
    pair_run(&pair, 100000);
    PRTC_CHECK_INT(pair.sides[deceived].state, PRTC_DTLS_TRANSPORT_FAILED);
    PRTC_CHECK_INT(pair.sides[deceived].code, PRTC_ERROR_FINGERPRINT_MISMATCH);
    PRTC_CHECK_INT(pair.sides[1 - deceived].state, PRTC_DTLS_TRANSPORT_FAILED);
    PRTC_CHECK_INT(pair.sides[1 - deceived].code, PRTC_ERROR_DTLS_ALERT);
    PRTC_CHECK_TEXT(pair.sides[1 - deceived].text, "the other side's alert: bad certificate");
    pair_clear(&pair);
  }
}

/* They come late, to one side or both: the handshake waits, and goes on at once when they are here. */
static void late_fingerprints(void) {
  for (unsigned late = 1; late <= 3; late++) {
    pair_init(&pair, 47);
    for (unsigned i = 0; i < 2; i++) {
      if ((late >> i & 1) == 0) PRTC_CHECK_INT(pair_tell(&pair, i, "sha-256"), 0);
    }
    prtc_dtls_start(pair.sides[0].dtls, pair.now, PRTC_DTLS_ROLE_CLIENT);
    prtc_dtls_start(pair.sides[1].dtls, pair.now, PRTC_DTLS_ROLE_SERVER);
    pair_run(&pair, 4000000);
    for (unsigned i = 0; i < 2; i++) {
      if ((late >> i & 1) == 0) continue;
      PRTC_CHECK_INT(pair.sides[i].state, PRTC_DTLS_TRANSPORT_CONNECTING);
      pair_run(&pair, 1000000);
      PRTC_CHECK_INT(pair_tell(&pair, i, "sha-256"), 0);
      pair_run(&pair, 50000); /* a round trip is 40 ms: no repetition is needed */
    }
    pair_run(&pair, 50000);
    pair_check_works(&pair);
    pair_clear(&pair);
  }
}

static void late_and_wrong(void) {
  for (unsigned deceived = 0; deceived < 2; deceived++) {
    pair_init(&pair, 49);
    prtc_fingerprint own;
    PRTC_CHECK_INT(pair_tell(&pair, 1 - deceived, "sha-256"), 0);
    prtc_dtls_start(pair.sides[0].dtls, pair.now, PRTC_DTLS_ROLE_CLIENT);
    prtc_dtls_start(pair.sides[1].dtls, pair.now, PRTC_DTLS_ROLE_SERVER);
    pair_run(&pair, 1000000);
    prtc_certificate_get_fingerprint(pair.sides[deceived].certificate, "sha-256", &own);
    PRTC_CHECK_INT(prtc_dtls_set_remote_fingerprints(pair.sides[deceived].dtls, pair.now, &own, 1),
                   PRTC_ERROR_FINGERPRINT_MISMATCH);
    pair_run(&pair, 100000);
    PRTC_CHECK_INT(pair.sides[deceived].code, PRTC_ERROR_FINGERPRINT_MISMATCH);
    PRTC_CHECK_INT(pair.sides[1 - deceived].code, PRTC_ERROR_DTLS_ALERT);
    pair_clear(&pair);
  }
}

/* They never come: bounded like every handshake. */
static void never_told(void) {
  pair_init(&pair, 51);
  PRTC_CHECK_INT(pair_tell(&pair, 1, "sha-256"), 0);
  prtc_dtls_start(pair.sides[0].dtls, pair.now, PRTC_DTLS_ROLE_CLIENT);
  prtc_dtls_start(pair.sides[1].dtls, pair.now, PRTC_DTLS_ROLE_SERVER);
  pair_run(&pair, 29000000);
  PRTC_CHECK_INT(pair.sides[0].state, PRTC_DTLS_TRANSPORT_CONNECTING);
  pair_run(&pair, 2000000);
  PRTC_CHECK_INT(pair.sides[0].code, PRTC_ERROR_TIMEOUT);
  PRTC_CHECK_INT(pair.sides[1].code, PRTC_ERROR_TIMEOUT);
  pair_clear(&pair);
}

/* A later description repeats the fingerprint, which is well; another one ends the association. */
static void told_again_when_connected(void) {
  pair_init(&pair, 53);
  pair_start(&pair);
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(pair_tell(&pair, 0, "sha-512"), 0);
  pair_check_works(&pair);
  prtc_fingerprint own;
  prtc_certificate_get_fingerprint(pair.sides[0].certificate, "sha-256", &own);
  PRTC_CHECK_INT(prtc_dtls_set_remote_fingerprints(pair.sides[0].dtls, pair.now, &own, 1), PRTC_ERROR_FINGERPRINT_MISMATCH);
  pair_run(&pair, 100000);
  PRTC_CHECK_INT(pair.sides[0].code, PRTC_ERROR_FINGERPRINT_MISMATCH);
  PRTC_CHECK_INT(pair.sides[1].code, PRTC_ERROR_DTLS_ALERT);
  PRTC_CHECK_INT(pair_tell(&pair, 0, "sha-256"), PRTC_ERROR_INVALID_STATE);
  pair_clear(&pair);
}

int main(void) {
  PRTC_RUN(known_digests);
  PRTC_RUN(malformed_values_are_refused);
  PRTC_RUN(each_algorithm_connects);
  PRTC_RUN(the_strongest_algorithm_counts);
  PRTC_RUN(wrong_fingerprint_on_either_side);
  PRTC_RUN(late_fingerprints);
  PRTC_RUN(late_and_wrong);
  PRTC_RUN(never_told);
  PRTC_RUN(told_again_when_connected);
  return PRTC_TEST_RESULT();
}
