/* Long-term credentials (RFC 8489 section 9.2), with MD5 as all servers have it, or SHA-256 and hidden names where a server
 * offers them.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * User name and password are taken as they are: to bring them into the form of RFC 8265 is the caller's.
 */
#include <string.h>

#include <openssl/digest.h>
#include <openssl/mem.h>

#include "core/base/bytes.h"
#include "core/turn/internal.h"

enum { COOKIE_SIZE = 9, FEATURES_SIZE = 4 };

/* RFC 8489 section 18.1: bits of the 24, the first being the highest */
enum { FEATURE_ALGORITHMS = 1 << 23, FEATURE_USERHASH = 1 << 22 };

static int base64_digit(char c) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *found = c != '\0' ? strchr(digits, c) : NULL;
  return found != NULL ? (int)(found - digits) : -1;
}

/* RFC 8489 section 9.2: a nonce that begins with the cookie says in the next four characters what the server can; 0 for
 * others. */
static uint32_t features_of(const uint8_t *nonce, size_t size) {
  uint32_t features = 0;
  if (size < COOKIE_SIZE + FEATURES_SIZE || memcmp(nonce, "obMatJos2", COOKIE_SIZE) != 0) return 0;
  for (size_t i = 0; i < FEATURES_SIZE; i++) {
    int digit = base64_digit((char)nonce[COOKIE_SIZE + i]);
    if (digit < 0) return 0;
    features = features << 6 | (uint32_t)digit;
  }
  return features;
}

/* The first of the list that is known here, or 0: RFC 8489 section 14.11 */
static int choose_algorithm(const uint8_t *list, size_t size) {
  struct prtc_reader reader = prtc_reader_of(list, size);
  while (prtc_reader_left(&reader) >= 4) {
    uint16_t algorithm = prtc_read_u16(&reader);
    size_t parameters = prtc_read_u16(&reader);
    prtc_read_bytes(&reader, (parameters + 3) & ~(size_t)3);
    if (reader.failed) return 0;
    if (parameters == 0 && (algorithm == ALGORITHM_MD5 || algorithm == ALGORITHM_SHA256)) return algorithm;
  }
  return 0;
}

/* Of texts joined by colons. False without memory. */
static bool digest(const EVP_MD *type, const char *const *texts, const size_t *sizes, size_t count, uint8_t *out) {
  EVP_MD_CTX hash;
  EVP_MD_CTX_init(&hash);
  bool good = EVP_DigestInit_ex(&hash, type, NULL);
  for (size_t i = 0; i < count && good; i++) {
    good = (i == 0 || EVP_DigestUpdate(&hash, ":", 1)) && EVP_DigestUpdate(&hash, texts[i], sizes[i]);
  }
  good = good && EVP_DigestFinal_ex(&hash, out, NULL);
  EVP_MD_CTX_cleanup(&hash);
  return good;
}

/* RFC 8489 sections 9.2.2 and 14.4 */
static bool derive(struct turn_credentials *credentials) {
  const char *const texts[] = {credentials->username, credentials->realm, credentials->password};
  const size_t sizes[] = {strlen(credentials->username), credentials->realm_size, strlen(credentials->password)};
  bool sha256 = credentials->algorithm == ALGORITHM_SHA256;
  credentials->key_size = sha256 ? 32 : 16;
  return digest(sha256 ? EVP_sha256() : EVP_md5(), texts, sizes, 3, credentials->key) &&
         digest(EVP_sha256(), texts, sizes, 2, credentials->userhash);
}

/* Replaces *text by a copy of what is given. */
static bool replace(struct prtc_context *context, char **text, size_t *size, const uint8_t *value, size_t value_size) {
  char *copy = prtc_copy_text(context, (const char *)value, value_size);
  if (copy == NULL) return false;
  prtc_release(context, *text);
  *text = copy;
  *size = value_size;
  return true;
}

int prtc_turn_take_challenge(struct prtc_turn *turn, const struct prtc_stun_message *message, int code, bool with) {
  struct turn_credentials *credentials = &turn->credentials;
  size_t realm_size, nonce_size, list_size;
  const uint8_t *realm = prtc_stun_find(message, PRTC_STUN_REALM, &realm_size);
  const uint8_t *nonce = prtc_stun_find(message, PRTC_STUN_NONCE, &nonce_size);
  const uint8_t *list = prtc_stun_find(message, PRTC_STUN_PASSWORD_ALGORITHMS, &list_size);
  if (nonce == NULL || (realm == NULL && credentials->realm == NULL)) return PRTC_ERROR_PROTOCOL;
  if (realm == NULL) {
    realm = (const uint8_t *)credentials->realm;
    realm_size = credentials->realm_size;
  }
  bool same_realm = credentials->realm != NULL && credentials->realm_size == realm_size &&
                    memcmp(credentials->realm, realm, realm_size) == 0;
  /* RFC 8489 section 9.2.5: with a credential that was refused there is nothing to be tried again, but in another realm */
  if (code == PRTC_STUN_ERROR_UNAUTHENTICATED && with && same_realm) return 0;
  if (list_size > MAX_ALGORITHMS || memchr(realm, 0, realm_size) != NULL || memchr(nonce, 0, nonce_size) != NULL ||
      strlen(credentials->username) + realm_size + nonce_size + list_size > MAX_CREDENTIALS) {
    return PRTC_ERROR_PROTOCOL;
  }
  uint32_t features = features_of(nonce, nonce_size);
  /* RFC 8489 section 9.2.5: somebody has taken the list away, to have the weaker algorithm used */
  if ((features & FEATURE_ALGORITHMS) != 0 && list == NULL) return PRTC_ERROR_PROTOCOL;
  int algorithm = list != NULL ? choose_algorithm(list, list_size) : ALGORITHM_MD5;
  if (algorithm == 0) return PRTC_ERROR_PROTOCOL;
  if (!replace(turn->context, &credentials->nonce, &credentials->nonce_size, nonce, nonce_size)) {
    return PRTC_ERROR_NO_MEMORY;
  }
  if (!same_realm && !replace(turn->context, &credentials->realm, &credentials->realm_size, realm, realm_size)) {
    return PRTC_ERROR_NO_MEMORY;
  }
  credentials->listed = list != NULL;
  credentials->hide_name = (features & FEATURE_USERHASH) != 0;
  credentials->algorithm = (enum turn_algorithm)algorithm;
  if (list != NULL) memcpy(credentials->algorithms, list, list_size);
  credentials->algorithms_size = list_size;
  if (!derive(credentials)) return PRTC_ERROR_NO_MEMORY;
  credentials->generation++;
  return 1;
}

int prtc_turn_finish(struct prtc_turn *turn, struct prtc_stun_writer *writer) {
  const struct turn_credentials *credentials = &turn->credentials;
  if (credentials->generation == 0) return prtc_stun_finish(writer, NULL, 0);
  if (credentials->hide_name) {
    prtc_stun_add(writer, PRTC_STUN_USERHASH, credentials->userhash, sizeof credentials->userhash);
  } else {
    prtc_stun_add(writer, PRTC_STUN_USERNAME, credentials->username, strlen(credentials->username));
  }
  prtc_stun_add(writer, PRTC_STUN_REALM, credentials->realm, credentials->realm_size);
  prtc_stun_add(writer, PRTC_STUN_NONCE, credentials->nonce, credentials->nonce_size);
  if (!credentials->listed) return prtc_stun_finish(writer, credentials->key, credentials->key_size);
  prtc_stun_add(writer, PRTC_STUN_PASSWORD_ALGORITHMS, credentials->algorithms, credentials->algorithms_size);
  prtc_stun_add_u32(writer, PRTC_STUN_PASSWORD_ALGORITHM, (uint32_t)credentials->algorithm << 16); /* no parameters */
  return prtc_stun_finish_sha256(writer, credentials->key, credentials->key_size);
}

bool prtc_turn_is_authentic(const struct prtc_turn *turn, const struct prtc_stun_message *message) {
  const struct turn_credentials *credentials = &turn->credentials;
  int code = credentials->listed ? prtc_stun_check_integrity_sha256(message, credentials->key, credentials->key_size)
                                 : prtc_stun_check_integrity(message, credentials->key, credentials->key_size);
  return code == 0;
}

bool prtc_turn_has_integrity(const struct prtc_stun_message *message) {
  size_t size;
  return prtc_stun_find(message, PRTC_STUN_MESSAGE_INTEGRITY, &size) != NULL ||
         prtc_stun_find(message, PRTC_STUN_MESSAGE_INTEGRITY_SHA256, &size) != NULL;
}

void prtc_turn_clear_credentials(struct prtc_turn *turn) {
  struct turn_credentials *credentials = &turn->credentials;
  if (credentials->password != NULL) OPENSSL_cleanse(credentials->password, strlen(credentials->password));
  OPENSSL_cleanse(credentials->key, sizeof credentials->key);
  prtc_release(turn->context, credentials->username);
  prtc_release(turn->context, credentials->password);
  prtc_release(turn->context, credentials->realm);
  prtc_release(turn->context, credentials->nonce);
  *credentials = (struct turn_credentials){0};
}
