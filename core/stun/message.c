/* STUN messages over libnice's codec.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What libnice's functions leave to their caller, and where it is done here:
 *   - stun_message_find trusts all lengths in the message, and stun_message_length wraps beyond 65,535 bytes:
 *     prtc_stun_parse is the only way to a prtc_stun_message, and refuses what is not exactly one message.
 *   - stun_message_append checks its buffer without the padding, up to three bytes too few: append() below pads first.
 *   - stun_message_get_class and _method read one message type (0x0115) as another: the type is decoded here.
 *   - stun_message_find_error and the like are fine, but those for addresses speak struct sockaddr: 15 lines here are
 *     less.
 *   - MESSAGE-INTEGRITY is compared with memcmp in its agent, which is not used; here in constant time.
 */
#include "core/stun/message.h"

#include <string.h>

#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/sha.h>
#include <polyrtc/error.h>

#include "core/base/bytes.h"
#include "stun/stun5389.h"
#include "stun/stunhmac.h"
#include "stun/stunmessage.h"

#define ATTRIBUTE_HEADER_SIZE 4
#define INTEGRITY_SIZE 20
#define FINGERPRINT_SIZE 4

/* libnice's view of a received message. It takes no const, but the functions used here do not write. */
static StunMessage view(const struct prtc_stun_message *message) {
  return (StunMessage){.buffer = (uint8_t *)message->data, .buffer_len = message->size};
}

/* ---------------------------------------------------------------------------------------------------------- reading */

static bool fingerprint_is_right(const struct prtc_stun_message *message) {
  size_t size;
  const uint8_t *value = prtc_stun_find(message, PRTC_STUN_FINGERPRINT, &size);
  if (value == NULL) return true;
  /* RFC 8489 section 14.7: it is the last attribute */
  if (size != FINGERPRINT_SIZE || value + size != message->data + message->size) return false;
  uint32_t expected = stun_fingerprint(message->data, message->size, false); /* in network order */
  return memcmp(value, &expected, sizeof expected) == 0;
}

int prtc_stun_parse(struct prtc_stun_message *out, const uint8_t *data, size_t size) {
  if (size < PRTC_STUN_HEADER_SIZE || size > UINT16_MAX) return PRTC_ERROR_MALFORMED;
  if (stun_message_validate_buffer_length(data, size, true) != (int)size) return PRTC_ERROR_MALFORMED;
  struct prtc_reader reader = prtc_reader_of(data, size);
  uint32_t type = prtc_read_u16(&reader);
  prtc_read_u16(&reader); /* length: validated above */
  if (prtc_read_u32(&reader) != PRTC_STUN_COOKIE) return PRTC_ERROR_MALFORMED;
  /* RFC 8489 section 5: the class is in the bits 8 and 4, the method in the others */
  struct prtc_stun_message message = {
      .data = data,
      .size = size,
      .method = (uint16_t)((type & 0x3E00) >> 2 | (type & 0x00E0) >> 1 | (type & 0x000F)),
      .message_class = (uint8_t)((type & 0x0100) >> 7 | (type & 0x0010) >> 4),
      .transaction = data + 8,
  };
  if (!fingerprint_is_right(&message)) return PRTC_ERROR_MALFORMED;
  *out = message;
  return 0;
}

const uint8_t *prtc_stun_find(const struct prtc_stun_message *message, uint16_t type, size_t *size) {
  StunMessage stun = view(message);
  uint16_t length = 0;
  const uint8_t *value = stun_message_find(&stun, (StunAttribute)type, &length);
  *size = length;
  return value;
}

bool prtc_stun_find_u32(const struct prtc_stun_message *message, uint16_t type, uint32_t *out) {
  StunMessage stun = view(message);
  return stun_message_find32(&stun, (StunAttribute)type, out) == STUN_MESSAGE_RETURN_SUCCESS;
}

bool prtc_stun_find_u64(const struct prtc_stun_message *message, uint16_t type, uint64_t *out) {
  StunMessage stun = view(message);
  return stun_message_find64(&stun, (StunAttribute)type, out) == STUN_MESSAGE_RETURN_SUCCESS;
}

bool prtc_stun_find_flag(const struct prtc_stun_message *message, uint16_t type) {
  StunMessage stun = view(message);
  return stun_message_find_flag(&stun, (StunAttribute)type) == STUN_MESSAGE_RETURN_SUCCESS;
}

int prtc_stun_find_error(const struct prtc_stun_message *message) {
  StunMessage stun = view(message);
  int code;
  return stun_message_find_error(&stun, &code) == STUN_MESSAGE_RETURN_SUCCESS ? code : 0;
}

/* RFC 8489 section 14.2: port and address are xored with the cookie and, beyond its four bytes, the transaction id, which
 * follow each other in the header. */
static void xor_address(uint8_t *port, uint8_t *ip, size_t ip_size, const uint8_t *header) {
  for (size_t i = 0; i < 2; i++) port[i] ^= header[4 + i];
  for (size_t i = 0; i < ip_size; i++) ip[i] ^= header[4 + i];
}

/* RFC 8489 section 14.1; `header` NULL: not xored. */
static bool read_address(const uint8_t *value, size_t size, const uint8_t *header, prtc_address *out) {
  if (value == NULL || size < 4) return false;
  prtc_address address = {0};
  size_t ip_size = size - 4;
  if (value[1] == 1 && ip_size == 4) {
    address.family = PRTC_FAMILY_IPV4;
  } else if (value[1] == 2 && ip_size == 16) {
    address.family = PRTC_FAMILY_IPV6;
  } else {
    return false;
  }
  uint8_t port[2] = {value[2], value[3]};
  memcpy(address.ip, value + 4, ip_size);
  if (header != NULL) xor_address(port, address.ip, ip_size, header);
  address.port = (uint16_t)(port[0] << 8 | port[1]);
  *out = address;
  return true;
}

bool prtc_stun_find_xor_address(const struct prtc_stun_message *message, uint16_t type, prtc_address *out) {
  size_t size;
  const uint8_t *value = prtc_stun_find(message, type, &size);
  return read_address(value, size, message->data, out);
}

bool prtc_stun_find_address(const struct prtc_stun_message *message, uint16_t type, prtc_address *out) {
  size_t size;
  const uint8_t *value = prtc_stun_find(message, type, &size);
  return read_address(value, size, NULL, out);
}

bool prtc_stun_find_nth_xor_address(const struct prtc_stun_message *message, uint16_t type, size_t n, prtc_address *out) {
  struct prtc_reader reader = prtc_reader_of(message->data, message->size);
  prtc_read_bytes(&reader, PRTC_STUN_HEADER_SIZE);
  while (prtc_reader_left(&reader) > 0) {
    uint16_t found = prtc_read_u16(&reader);
    size_t size = prtc_read_u16(&reader);
    const uint8_t *value = prtc_read_bytes(&reader, (size + 3) & ~(size_t)3);
    if (found == PRTC_STUN_MESSAGE_INTEGRITY || found == PRTC_STUN_MESSAGE_INTEGRITY_SHA256) return false;
    if (found == type && n-- == 0) return read_address(value, size, message->data, out);
  }
  return false;
}

int prtc_stun_check_integrity(const struct prtc_stun_message *message, const void *key, size_t key_size) {
  size_t size;
  const uint8_t *value = prtc_stun_find(message, PRTC_STUN_MESSAGE_INTEGRITY, &size);
  if (value == NULL || size != INTEGRITY_SIZE) return PRTC_ERROR_UNAUTHENTICATED;
  size_t covered = (size_t)(value - message->data) + INTEGRITY_SIZE;
  uint8_t expected[INTEGRITY_SIZE];
  stun_sha1(message->data, covered, covered - PRTC_STUN_HEADER_SIZE, expected, key, key_size, 0);
  return CRYPTO_memcmp(value, expected, sizeof expected) == 0 ? 0 : PRTC_ERROR_UNAUTHENTICATED;
}

/* RFC 8489 section 14.6: over what is before the attribute, with a length in the header that ends with it. */
static bool hmac_sha256(const uint8_t *data, size_t before, const void *key, size_t key_size,
                        uint8_t out[SHA256_DIGEST_LENGTH]) {
  size_t length = before + ATTRIBUTE_HEADER_SIZE + SHA256_DIGEST_LENGTH - PRTC_STUN_HEADER_SIZE;
  uint8_t start[4] = {data[0], data[1], (uint8_t)(length >> 8), (uint8_t)length};
  HMAC_CTX hmac;
  HMAC_CTX_init(&hmac);
  bool good = HMAC_Init_ex(&hmac, key, key_size, EVP_sha256(), NULL) && HMAC_Update(&hmac, start, sizeof start) &&
              HMAC_Update(&hmac, data + sizeof start, before - sizeof start) && HMAC_Final(&hmac, out, NULL);
  HMAC_CTX_cleanup(&hmac);
  return good;
}

int prtc_stun_check_integrity_sha256(const struct prtc_stun_message *message, const void *key, size_t key_size) {
  size_t size;
  const uint8_t *value = prtc_stun_find(message, PRTC_STUN_MESSAGE_INTEGRITY_SHA256, &size);
  if (value == NULL || size != SHA256_DIGEST_LENGTH) return PRTC_ERROR_UNAUTHENTICATED;
  size_t after = (size_t)(message->data + message->size - value) - size, fingerprint_size;
  bool ends = after == 0 || (after == ATTRIBUTE_HEADER_SIZE + FINGERPRINT_SIZE &&
                             prtc_stun_find(message, PRTC_STUN_FINGERPRINT, &fingerprint_size) != NULL);
  uint8_t expected[SHA256_DIGEST_LENGTH];
  size_t before = (size_t)(value - message->data) - ATTRIBUTE_HEADER_SIZE;
  if (!ends || !hmac_sha256(message->data, before, key, key_size, expected)) {
    return PRTC_ERROR_UNAUTHENTICATED;
  }
  return CRYPTO_memcmp(value, expected, sizeof expected) == 0 ? 0 : PRTC_ERROR_UNAUTHENTICATED;
}

static bool is_known(uint16_t type) {
  switch (type) {
    case PRTC_STUN_MAPPED_ADDRESS:
    case PRTC_STUN_USERNAME:
    case PRTC_STUN_MESSAGE_INTEGRITY:
    case PRTC_STUN_ERROR_CODE:
    case PRTC_STUN_UNKNOWN_ATTRIBUTES:
    case PRTC_STUN_CHANNEL_NUMBER:
    case PRTC_STUN_LIFETIME:
    case PRTC_STUN_XOR_PEER_ADDRESS:
    case PRTC_STUN_DATA:
    case PRTC_STUN_REALM:
    case PRTC_STUN_NONCE:
    case PRTC_STUN_XOR_RELAYED_ADDRESS:
    case PRTC_STUN_REQUESTED_ADDRESS_FAMILY:
    case PRTC_STUN_REQUESTED_TRANSPORT:
    case PRTC_STUN_MESSAGE_INTEGRITY_SHA256:
    case PRTC_STUN_PASSWORD_ALGORITHM:
    case PRTC_STUN_USERHASH:
    case PRTC_STUN_XOR_MAPPED_ADDRESS:
    case PRTC_STUN_PRIORITY:
    case PRTC_STUN_USE_CANDIDATE:
      return true;
    default:
      return type >= 0x8000;
  }
}

size_t prtc_stun_unknown_attributes(const struct prtc_stun_message *message, uint16_t *out, size_t capacity) {
  struct prtc_reader reader = prtc_reader_of(message->data, message->size);
  size_t count = 0;
  prtc_read_bytes(&reader, PRTC_STUN_HEADER_SIZE);
  while (prtc_reader_left(&reader) > 0 && count < capacity) {
    uint16_t type = prtc_read_u16(&reader);
    size_t size = prtc_read_u16(&reader);
    prtc_read_bytes(&reader, (size + 3) & ~(size_t)3);
    if (type == PRTC_STUN_MESSAGE_INTEGRITY) break;
    if (!is_known(type)) out[count++] = type;
  }
  return count;
}

/* ---------------------------------------------------------------------------------------------------------- writing */

void prtc_stun_begin(struct prtc_stun_writer *writer, void *buffer, size_t capacity, enum prtc_stun_class message_class,
                     uint16_t method, const uint8_t transaction[PRTC_STUN_TRANSACTION_SIZE]) {
  *writer = (struct prtc_stun_writer){.data = buffer, .capacity = capacity < UINT16_MAX ? capacity : UINT16_MAX};
  StunTransactionId id; /* libnice counts the cookie as part of it */
  struct prtc_writer id_writer = prtc_writer_of(id, sizeof id);
  prtc_write_u32(&id_writer, PRTC_STUN_COOKIE);
  prtc_write_bytes(&id_writer, transaction, PRTC_STUN_TRANSACTION_SIZE);
  StunMessage stun = {.buffer = writer->data, .buffer_len = writer->capacity};
  writer->failed = !stun_message_init(&stun, (StunClass)message_class, (StunMethod)method, id);
}

/* Room for a value of `size` bytes, padded with zeros, or NULL. */
static uint8_t *append(struct prtc_stun_writer *writer, uint16_t type, size_t size) {
  if (writer->failed) return NULL;
  StunMessage stun = {.buffer = writer->data, .buffer_len = writer->capacity};
  size_t padded = (size + 3) & ~(size_t)3;
  size_t used = stun_message_length(&stun);
  if (padded > writer->capacity || used + ATTRIBUTE_HEADER_SIZE + padded > writer->capacity) {
    writer->failed = true;
    return NULL;
  }
  uint8_t *value = stun_message_append(&stun, (StunAttribute)type, size);
  memset(value + size, 0, padded - size);
  return value;
}

void prtc_stun_add(struct prtc_stun_writer *writer, uint16_t type, const void *value, size_t size) {
  uint8_t *out = append(writer, type, size);
  if (out != NULL && size > 0) memcpy(out, value, size);
}

void prtc_stun_add_u32(struct prtc_stun_writer *writer, uint16_t type, uint32_t value) {
  uint8_t bytes[4];
  struct prtc_writer out = prtc_writer_of(bytes, sizeof bytes);
  prtc_write_u32(&out, value);
  prtc_stun_add(writer, type, bytes, sizeof bytes);
}

void prtc_stun_add_u64(struct prtc_stun_writer *writer, uint16_t type, uint64_t value) {
  uint8_t bytes[8];
  struct prtc_writer out = prtc_writer_of(bytes, sizeof bytes);
  prtc_write_integer(&out, value, sizeof bytes);
  prtc_stun_add(writer, type, bytes, sizeof bytes);
}

void prtc_stun_add_xor_address(struct prtc_stun_writer *writer, uint16_t type, const prtc_address *address) {
  bool v6 = address->family == PRTC_FAMILY_IPV6;
  uint8_t bytes[20] = {0, v6 ? 2 : 1, (uint8_t)(address->port >> 8), (uint8_t)address->port};
  size_t ip_size = v6 ? 16 : 4;
  memcpy(bytes + 4, address->ip, ip_size);
  if (!writer->failed) xor_address(bytes + 2, bytes + 4, ip_size, writer->data);
  prtc_stun_add(writer, type, bytes, 4 + ip_size);
}

void prtc_stun_add_error(struct prtc_stun_writer *writer, int code) {
  uint8_t bytes[4] = {0, 0, (uint8_t)(code / 100), (uint8_t)(code % 100)};
  prtc_stun_add(writer, PRTC_STUN_ERROR_CODE, bytes, sizeof bytes);
}

void prtc_stun_add_unknown_attributes(struct prtc_stun_writer *writer, const uint16_t *types, size_t count) {
  uint8_t *out = append(writer, PRTC_STUN_UNKNOWN_ATTRIBUTES, 2 * count);
  if (out == NULL) return;
  struct prtc_writer list = prtc_writer_of(out, 2 * count);
  for (size_t i = 0; i < count; i++) prtc_write_u16(&list, types[i]);
}

static int finish(struct prtc_stun_writer *writer) {
  StunMessage stun = {.buffer = writer->data, .buffer_len = writer->capacity};
  uint8_t *fingerprint = append(writer, PRTC_STUN_FINGERPRINT, FINGERPRINT_SIZE);
  if (fingerprint == NULL) return PRTC_ERROR_BUFFER_TOO_SMALL;
  uint32_t crc = stun_fingerprint(writer->data, stun_message_length(&stun), false); /* in network order */
  memcpy(fingerprint, &crc, sizeof crc);
  return stun_message_length(&stun);
}

int prtc_stun_finish(struct prtc_stun_writer *writer, const void *key, size_t key_size) {
  StunMessage stun = {.buffer = writer->data, .buffer_len = writer->capacity};
  if (key != NULL) {
    uint8_t *integrity = append(writer, PRTC_STUN_MESSAGE_INTEGRITY, INTEGRITY_SIZE);
    if (integrity == NULL) return PRTC_ERROR_BUFFER_TOO_SMALL;
    size_t size = stun_message_length(&stun);
    stun_sha1(writer->data, size, size - PRTC_STUN_HEADER_SIZE, integrity, key, key_size, 0);
  }
  return finish(writer);
}

int prtc_stun_finish_sha256(struct prtc_stun_writer *writer, const void *key, size_t key_size) {
  uint8_t *integrity = append(writer, PRTC_STUN_MESSAGE_INTEGRITY_SHA256, SHA256_DIGEST_LENGTH);
  if (integrity == NULL) return PRTC_ERROR_BUFFER_TOO_SMALL;
  size_t before = (size_t)(integrity - writer->data) - ATTRIBUTE_HEADER_SIZE;
  if (!hmac_sha256(writer->data, before, key, key_size, integrity)) return PRTC_ERROR_NO_MEMORY;
  return finish(writer);
}
