/* STUN messages, RFC 8489: read what arrived, write what is to be sent. No state, no memory, no transactions: those
 * belong to the layers above (ICE, TURN).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_STUN_MESSAGE_H
#define PRTC_STUN_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <polyrtc/types.h>

#define PRTC_STUN_HEADER_SIZE 20
#define PRTC_STUN_TRANSACTION_SIZE 12
#define PRTC_STUN_COOKIE 0x2112A442u

/* RFC 8489 section 5 */
enum prtc_stun_class {
  PRTC_STUN_REQUEST = 0,
  PRTC_STUN_INDICATION = 1,
  PRTC_STUN_SUCCESS = 2,
  PRTC_STUN_ERROR = 3
};

/* RFC 8489 section 18.2, RFC 8656 section 17 */
enum {
  PRTC_STUN_METHOD_BINDING = 0x001,
  PRTC_STUN_METHOD_ALLOCATE = 0x003,
  PRTC_STUN_METHOD_REFRESH = 0x004,
  PRTC_STUN_METHOD_SEND = 0x006,
  PRTC_STUN_METHOD_DATA = 0x007,
  PRTC_STUN_METHOD_CREATE_PERMISSION = 0x008,
  PRTC_STUN_METHOD_CHANNEL_BIND = 0x009
};

/* RFC 8489 section 18.3, RFC 8445 section 16.1, RFC 8656 section 18. Below 0x8000 the receiver must understand an
 * attribute. */
enum prtc_stun_attribute {
  PRTC_STUN_MAPPED_ADDRESS = 0x0001,
  PRTC_STUN_USERNAME = 0x0006,
  PRTC_STUN_MESSAGE_INTEGRITY = 0x0008,
  PRTC_STUN_ERROR_CODE = 0x0009,
  PRTC_STUN_UNKNOWN_ATTRIBUTES = 0x000A,
  PRTC_STUN_CHANNEL_NUMBER = 0x000C,
  PRTC_STUN_LIFETIME = 0x000D,
  PRTC_STUN_XOR_PEER_ADDRESS = 0x0012,
  PRTC_STUN_DATA = 0x0013,
  PRTC_STUN_REALM = 0x0014,
  PRTC_STUN_NONCE = 0x0015,
  PRTC_STUN_XOR_RELAYED_ADDRESS = 0x0016,
  PRTC_STUN_REQUESTED_ADDRESS_FAMILY = 0x0017,
  PRTC_STUN_REQUESTED_TRANSPORT = 0x0019,
  PRTC_STUN_MESSAGE_INTEGRITY_SHA256 = 0x001C,
  PRTC_STUN_PASSWORD_ALGORITHM = 0x001D,
  PRTC_STUN_USERHASH = 0x001E,
  PRTC_STUN_XOR_MAPPED_ADDRESS = 0x0020,
  PRTC_STUN_PRIORITY = 0x0024,
  PRTC_STUN_USE_CANDIDATE = 0x0025,
  PRTC_STUN_ADDITIONAL_ADDRESS_FAMILY = 0x8000,
  PRTC_STUN_PASSWORD_ALGORITHMS = 0x8002,
  PRTC_STUN_ALTERNATE_DOMAIN = 0x8003,
  PRTC_STUN_SOFTWARE = 0x8022,
  PRTC_STUN_ALTERNATE_SERVER = 0x8023,
  PRTC_STUN_FINGERPRINT = 0x8028,
  PRTC_STUN_ICE_CONTROLLED = 0x8029,
  PRTC_STUN_ICE_CONTROLLING = 0x802A,
  PRTC_STUN_DRAFT_ADDRESS_FAMILY = 0x8032, /* ADDITIONAL-ADDRESS-FAMILY in coturn: the number of a draft of RFC 8656 */
  PRTC_STUN_NOMINATION = 0xC001 /* draft-thatcher-ice-renomination, as libwebrtc has it */
};

enum prtc_stun_error_code {
  PRTC_STUN_ERROR_TRY_ALTERNATE = 300,
  PRTC_STUN_ERROR_BAD_REQUEST = 400,
  PRTC_STUN_ERROR_UNAUTHENTICATED = 401,
  PRTC_STUN_ERROR_FORBIDDEN = 403,
  PRTC_STUN_ERROR_UNKNOWN_ATTRIBUTE = 420,
  PRTC_STUN_ERROR_ALLOCATION_MISMATCH = 437,
  PRTC_STUN_ERROR_STALE_NONCE = 438,
  PRTC_STUN_ERROR_ROLE_CONFLICT = 487
};

/* ---------------------------------------------------------------------------------------------------------- reading */

/* A received message. Borrows the datagram. */
struct prtc_stun_message {
  const uint8_t *data;
  size_t size;
  uint16_t method;
  uint8_t message_class; /* prtc_stun_class */
  const uint8_t *transaction; /* PRTC_STUN_TRANSACTION_SIZE bytes */
};

/* 0, or PRTC_ERROR_MALFORMED unless the datagram is exactly one well-formed message with the magic cookie, and the
 * fingerprint, where there is one, is right and last. All other functions take only what this one accepted. */
int prtc_stun_parse(struct prtc_stun_message *out, const uint8_t *data, size_t size);

/* The value of the first attribute of a type, borrowed, or NULL. Attributes after MESSAGE-INTEGRITY are not found, because
 * nothing protects them (RFC 8489 section 14.5), FINGERPRINT excepted. */
const uint8_t *prtc_stun_find(const struct prtc_stun_message *message, uint16_t type, size_t *size);

/* False when the attribute is absent or has not the size of its type. */
bool prtc_stun_find_u32(const struct prtc_stun_message *message, uint16_t type, uint32_t *out);
bool prtc_stun_find_u64(const struct prtc_stun_message *message, uint16_t type, uint64_t *out);
bool prtc_stun_find_flag(const struct prtc_stun_message *message, uint16_t type);
bool prtc_stun_find_xor_address(const struct prtc_stun_message *message, uint16_t type, prtc_address *out);
/* The same of the n-th (from 0) attribute of the type. */
bool prtc_stun_find_nth_xor_address(const struct prtc_stun_message *message, uint16_t type, size_t n, prtc_address *out);
bool prtc_stun_find_address(const struct prtc_stun_message *message, uint16_t type, prtc_address *out); /* not xored */
int prtc_stun_find_error(const struct prtc_stun_message *message); /* 300 to 699; 0 when absent or malformed */

/* 0; PRTC_ERROR_UNAUTHENTICATED when MESSAGE-INTEGRITY is absent or not made with `key`. In an entered context. */
int prtc_stun_check_integrity(const struct prtc_stun_message *message, const void *key, size_t key_size);

/* The same of MESSAGE-INTEGRITY-SHA256, untruncated, which nothing but FINGERPRINT may follow. */
int prtc_stun_check_integrity_sha256(const struct prtc_stun_message *message, const void *key, size_t key_size);

/* The protected attributes of types below 0x8000 that are not among those above: writes up to `capacity` types, returns how
 * many were written. */
size_t prtc_stun_unknown_attributes(const struct prtc_stun_message *message, uint16_t *out, size_t capacity);

/* ---------------------------------------------------------------------------------------------------------- writing */

/* A message under construction, in a buffer of the caller's. What does not fit sets `failed`: check the result of
 * finish. */
struct prtc_stun_writer {
  uint8_t *data;
  size_t capacity;
  bool failed;
};

void prtc_stun_begin(struct prtc_stun_writer *writer, void *buffer, size_t capacity, enum prtc_stun_class message_class,
                     uint16_t method, const uint8_t transaction[PRTC_STUN_TRANSACTION_SIZE]);
void prtc_stun_add(struct prtc_stun_writer *writer, uint16_t type, const void *value, size_t size);
void prtc_stun_add_u32(struct prtc_stun_writer *writer, uint16_t type, uint32_t value);
void prtc_stun_add_u64(struct prtc_stun_writer *writer, uint16_t type, uint64_t value);
void prtc_stun_add_xor_address(struct prtc_stun_writer *writer, uint16_t type, const prtc_address *address);
/* ERROR-CODE with an empty reason: it is for people, and there are none here to read it. */
void prtc_stun_add_error(struct prtc_stun_writer *writer, int code);
void prtc_stun_add_unknown_attributes(struct prtc_stun_writer *writer, const uint16_t *types, size_t count);

/* Adds MESSAGE-INTEGRITY (unless key is NULL) and FINGERPRINT. The size of the message, or PRTC_ERROR_BUFFER_TOO_SMALL.
 * In an entered context. */
int prtc_stun_finish(struct prtc_stun_writer *writer, const void *key, size_t key_size);

/* The same with MESSAGE-INTEGRITY-SHA256. */
int prtc_stun_finish_sha256(struct prtc_stun_writer *writer, const void *key, size_t key_size);

#endif
