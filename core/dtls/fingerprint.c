/* Certificate fingerprints, RFC 8122 section 5: text to bytes, bytes to text, and which of several counts.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/dtls/fingerprint.h"

#include <string.h>

#include <openssl/digest.h>

#include "core/base/text.h"

/* From the weakest: a later one is preferred. SHA-1 is here because old peers still send it alone. */
static const struct {
  const char *name;
  const EVP_MD *(*digest)(void);
} algorithms[] = {
    {"sha-1", EVP_sha1}, {"sha-224", EVP_sha224}, {"sha-256", EVP_sha256}, {"sha-384", EVP_sha384}, {"sha-512", EVP_sha512},
};
enum { ALGORITHMS = sizeof algorithms / sizeof algorithms[0] };

/* The length of a text in an array that the caller should have terminated, or `capacity`. */
static size_t text_size(const char *text, size_t capacity) {
  const char *end = memchr(text, '\0', capacity);
  return end != NULL ? (size_t)(end - text) : capacity;
}

/* ALGORITHMS when unknown. RFC 8122: hash names are compared without regard to case. */
static size_t find_algorithm(const char *name, size_t size) {
  size_t i = 0;
  while (i < ALGORITHMS && !prtc_text_equals(name, size, algorithms[i].name)) i++;
  return i;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10; /* RFC 8122 asks for upper case; some peers send lower */
  return -1;
}

/* "AB:CD:…", exactly `size` bytes of it. */
static bool parse_value(const char *text, size_t text_length, uint8_t *out, size_t size) {
  if (text_length != size * 3 - 1) return false;
  for (size_t i = 0; i < size; i++) {
    int high = hex_digit(text[i * 3]), low = hex_digit(text[i * 3 + 1]);
    if (high < 0 || low < 0 || (i + 1 < size && text[i * 3 + 2] != ':')) return false;
    out[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}

int prtc_fingerprint_set_fill(struct prtc_fingerprint_set *set, const prtc_fingerprint *fingerprints, size_t count) {
  struct prtc_fingerprint_set found = {.count = 0};
  for (size_t i = 0; i < count; i++) {
    const char *name = fingerprints[i].algorithm, *text = fingerprints[i].value;
    uint8_t value[PRTC_FINGERPRINT_SIZE];
    size_t algorithm = find_algorithm(name, text_size(name, sizeof fingerprints[i].algorithm));
    if (algorithm == ALGORITHMS) continue;
    size_t size = EVP_MD_size(algorithms[algorithm].digest());
    if (!parse_value(text, text_size(text, sizeof fingerprints[i].value), value, size)) return PRTC_ERROR_INVALID_ARGUMENT;
    if (found.count > 0 && algorithm < found.algorithm) continue;
    if (algorithm > found.algorithm) found.count = 0;
    if (found.count == PRTC_FINGERPRINTS_MAX) return PRTC_ERROR_QUEUE_FULL;
    found.algorithm = algorithm;
    found.value_size = size;
    memcpy(found.values[found.count++], value, size);
  }
  if (found.count == 0) return PRTC_ERROR_NOT_SUPPORTED;
  *set = found;
  return 0;
}

bool prtc_fingerprint_set_matches(const struct prtc_fingerprint_set *set, const uint8_t *der, size_t size) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned digest_size;
  const EVP_MD *algorithm = algorithms[set->algorithm].digest();
  if (set->count == 0 || !EVP_Digest(der, size, digest, &digest_size, algorithm, NULL)) return false;
  for (size_t i = 0; i < set->count; i++) {
    if (memcmp(set->values[i], digest, set->value_size) == 0) return true;
  }
  return false;
}

int prtc_fingerprint_of(const char *algorithm, const uint8_t *der, size_t size, prtc_fingerprint *out) {
  static const char hex[] = "0123456789ABCDEF";
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned digest_size;
  size_t i = find_algorithm(algorithm, strlen(algorithm));
  if (i == ALGORITHMS) return PRTC_ERROR_NOT_SUPPORTED;
  if (!EVP_Digest(der, size, digest, &digest_size, algorithms[i].digest(), NULL)) return PRTC_ERROR_CRYPTO;
  memset(out, 0, sizeof *out);
  memcpy(out->algorithm, algorithms[i].name, strlen(algorithms[i].name));
  for (size_t j = 0; j < digest_size; j++) {
    out->value[j * 3] = hex[digest[j] >> 4];
    out->value[j * 3 + 1] = hex[digest[j] & 15];
    if (j + 1 < digest_size) out->value[j * 3 + 2] = ':';
  }
  return 0;
}
