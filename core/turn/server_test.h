/* A TURN server for one client that keeps to RFC 8656 as far as tests need it, and can be told not to. It owns no socket
 * and no clock.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_TURN_SERVER_TEST_H
#define PRTC_TURN_SERVER_TEST_H

#include <string.h>

#include <openssl/md5.h>
#include <openssl/sha.h>

#include "core/base/context.h"
#include "core/base/testing.h"
#include "core/stun/message.h"

#define MS UINT64_C(1000)
#define SECOND UINT64_C(1000000)

enum { MOST_PEERS = 300 };

struct turn_server {
  prtc_time now;                 /* the caller keeps it */
  bool stream;
  void *user;                    /* of these two */
  void (*send)(void *user, const uint8_t *data, size_t size); /* to the client */
  void (*relay)(void *user, const prtc_address *peer, const uint8_t *data, size_t size); /* to a peer; may be NULL */
  /* What a test does to an answer: false to lose it */
  bool (*tamper)(struct turn_server *server, uint8_t *data, size_t *size);
  const char *realm, *username, *password;
  char nonce[64];
  unsigned nonces;               /* made so far */
  bool open;                     /* wants no credentials */
  bool sha256, userhash;         /* RFC 8489: offers SHA-256 and hidden names */
  bool no_integrity;             /* in its answers */
  bool ignores_families;
  uint32_t lifetime;             /* that it grants */
  prtc_time expires;             /* 0: no allocation */
  uint8_t allocated_by[PRTC_STUN_TRANSACTION_SIZE]; /* a repeated request is answered as the first */
  prtc_address relayed[2], mapped;
  prtc_address permitted[MOST_PEERS];
  prtc_time permitted_until[MOST_PEERS];
  size_t permissions;
  prtc_address bound[MOST_PEERS]; /* by number - 0x4000 */
  prtc_time bound_until[MOST_PEERS];
  /* Faults: this error, or silence (-1), to the next `times` requests of a method that have come through authentication. */
  struct {
    uint16_t method;
    int code, times;
  } fault;
  int stall_after;               /* -1: never; else so many answers are given */
  unsigned counts[16];           /* requests by method, authentic ones */
  unsigned requests;             /* all that came */
  uint32_t last_lifetime_asked;
  prtc_address alternate;
  const char *domain;
  prtc_time last_heard;
  unsigned indications;
  /* What it relayed to peers. */
  struct {
    prtc_address peer;
    size_t size;
    uint8_t data[2048];
    bool by_channel;
  } last;
  unsigned relayed_count;
};

static inline prtc_address address_of(const char *text) {
  prtc_address address;
  PRTC_REQUIRE(prtc_address_parse(&address, text, strlen(text)) == 0);
  return address;
}

static inline void new_nonce(struct turn_server *server) {
  static const char *const kinds[2][2] = {{"", "QAAA"}, {"gAAA", "wAAA"}}; /* by SHA-256, hidden names */
  const char *features = kinds[server->sha256][server->userhash];
  (void)snprintf(server->nonce, sizeof server->nonce, "%s%snonce%u", features[0] != '\0' ? "obMatJos2" : "", features,
                 server->nonces++);
}

static inline void server_init(struct turn_server *server) {
  *server = (struct turn_server){.realm = "example.org", .username = "alice", .password = "secret", .lifetime = 600,
                                 .stall_after = -1};
  server->relayed[0] = address_of("192.0.2.15:49152");
  server->relayed[1] = address_of("[2001:db8::15]:49153");
  server->mapped = address_of("198.51.100.1:5000");
  new_nonce(server);
}

static inline void server_key(const struct turn_server *server, uint8_t key[32], size_t *size) {
  char text[256];
  int length = snprintf(text, sizeof text, "%s:%s:%s", server->username, server->realm, server->password);
  *size = server->sha256 ? 32 : 16;
  if (server->sha256) SHA256((const uint8_t *)text, (size_t)length, key);
  else MD5((const uint8_t *)text, (size_t)length, key);
}

static inline int server_finish(const struct turn_server *server, struct prtc_stun_writer *writer, bool with) {
  uint8_t key[32];
  size_t size;
  server_key(server, key, &size);
  if (!with || server->no_integrity) return prtc_stun_finish(writer, NULL, 0);
  return server->sha256 ? prtc_stun_finish_sha256(writer, key, size) : prtc_stun_finish(writer, key, size);
}

static inline void server_send(struct turn_server *server, struct prtc_stun_writer *writer, bool with) {
  int size = server_finish(server, writer, with);
  size_t length = (size_t)size;
  PRTC_REQUIRE(size > 0);
  if (server->stall_after == 0) return;
  if (server->stall_after > 0) server->stall_after--;
  if (server->tamper != NULL && !server->tamper(server, writer->data, &length)) return;
  server->send(server->user, writer->data, length);
}

static inline void server_error(struct turn_server *server, const struct prtc_stun_message *request, int code, bool with) {
  uint8_t bytes[512];
  struct prtc_stun_writer writer;
  prtc_stun_begin(&writer, bytes, sizeof bytes, PRTC_STUN_ERROR, request->method, request->transaction);
  prtc_stun_add_error(&writer, code);
  if (code == 401 || code == 438) {
    prtc_stun_add(&writer, PRTC_STUN_REALM, server->realm, strlen(server->realm));
    prtc_stun_add(&writer, PRTC_STUN_NONCE, server->nonce, strlen(server->nonce));
    static const uint8_t both[] = {0, 2, 0, 0, 0, 1, 0, 0};
    if (server->sha256) prtc_stun_add(&writer, PRTC_STUN_PASSWORD_ALGORITHMS, both, sizeof both);
  }
  if (code == 300) {
  uint8_t address[8] = {0, 1, (uint8_t)(server->alternate.port >> 8), (uint8_t)server->alternate.port};
    memcpy(address + 4, server->alternate.ip, 4);
    prtc_stun_add(&writer, PRTC_STUN_ALTERNATE_SERVER, address, sizeof address);
    if (server->domain != NULL) prtc_stun_add(&writer, PRTC_STUN_ALTERNATE_DOMAIN, server->domain, strlen(server->domain));
  }
  server_send(server, &writer, with);
}

static inline bool has_text(const struct prtc_stun_message *message, uint16_t type, const char *text) {
  size_t size;
  const uint8_t *value = prtc_stun_find(message, type, &size);
  return value != NULL && size == strlen(text) && memcmp(value, text, size) == 0;
}

/* 0, or the error to be given. */
static inline int server_authenticate(const struct turn_server *server, const struct prtc_stun_message *message) {
  uint8_t key[32], hash[32];
  char text[256];
  size_t key_size, size;
  if (server->open) return 0;
  server_key(server, key, &key_size);
  const uint8_t *hidden = prtc_stun_find(message, PRTC_STUN_USERHASH, &size);
  int length = snprintf(text, sizeof text, "%s:%s", server->username, server->realm);
  SHA256((const uint8_t *)text, (size_t)length, hash);
  bool named = server->userhash ? hidden != NULL && size == 32 && memcmp(hidden, hash, 32) == 0
                                : has_text(message, PRTC_STUN_USERNAME, server->username);
  if (!named) return 401;
  if (!has_text(message, PRTC_STUN_REALM, server->realm)) return 401;
  int code = server->sha256 ? prtc_stun_check_integrity_sha256(message, key, key_size)
                            : prtc_stun_check_integrity(message, key, key_size);
  if (code < 0) return 401;
  if (server->sha256) {
    const uint8_t *list = prtc_stun_find(message, PRTC_STUN_PASSWORD_ALGORITHMS, &size);
    if (list == NULL || size != 8) return 400;
    const uint8_t *chosen = prtc_stun_find(message, PRTC_STUN_PASSWORD_ALGORITHM, &size);
    if (chosen == NULL || size != 4 || chosen[1] != 2) return 400;
  }
  return has_text(message, PRTC_STUN_NONCE, server->nonce) ? 0 : 438;
}

static inline bool server_permits(const struct turn_server *server, const prtc_address *peer) {
  for (size_t i = 0; i < server->permissions; i++) {
    if (memcmp(server->permitted[i].ip, peer->ip, 16) == 0 && server->permitted_until[i] > server->now) return true;
  }
  return false;
}

static inline void server_permit(struct turn_server *server, const prtc_address *peer) {
  size_t i = 0;
  while (i < server->permissions && memcmp(server->permitted[i].ip, peer->ip, 16) != 0) i++;
  PRTC_REQUIRE(i < MOST_PEERS);
  if (i == server->permissions) server->permissions++;
  server->permitted[i] = *peer;
  server->permitted_until[i] = server->now + 300 * SECOND;
}

static inline void server_allocate(struct turn_server *server, const struct prtc_stun_message *request,
                                   struct prtc_stun_writer *writer) {
  size_t size;
  bool v6_alone = prtc_stun_find(request, PRTC_STUN_REQUESTED_ADDRESS_FAMILY, &size) != NULL;
  bool both = prtc_stun_find(request, PRTC_STUN_ADDITIONAL_ADDRESS_FAMILY, &size) != NULL && !server->ignores_families;
  if (!v6_alone) prtc_stun_add_xor_address(writer, PRTC_STUN_XOR_RELAYED_ADDRESS, &server->relayed[0]);
  if (v6_alone || both) prtc_stun_add_xor_address(writer, PRTC_STUN_XOR_RELAYED_ADDRESS, &server->relayed[1]);
  prtc_stun_add_xor_address(writer, PRTC_STUN_XOR_MAPPED_ADDRESS, &server->mapped);
  prtc_stun_add_u32(writer, PRTC_STUN_LIFETIME, server->lifetime);
  server->expires = server->now + server->lifetime * SECOND;
}

static inline int server_carry_out(struct turn_server *server, const struct prtc_stun_message *request,
                                   struct prtc_stun_writer *writer) {
  prtc_address peer;
  uint32_t number, lifetime;
  if (request->method == PRTC_STUN_METHOD_ALLOCATE) {
    bool again = memcmp(server->allocated_by, request->transaction, sizeof server->allocated_by) == 0;
    if (server->expires > server->now && !again) return 437;
    memcpy(server->allocated_by, request->transaction, sizeof server->allocated_by);
    server_allocate(server, request, writer);
    return 0;
  }
  if (server->expires <= server->now) return 437;
  if (request->method == PRTC_STUN_METHOD_REFRESH) {
    if (!prtc_stun_find_u32(request, PRTC_STUN_LIFETIME, &lifetime)) lifetime = server->lifetime;
    server->last_lifetime_asked = lifetime;
    server->expires = lifetime == 0 ? 0 : server->now + lifetime * SECOND;
    prtc_stun_add_u32(writer, PRTC_STUN_LIFETIME, lifetime);
    return 0;
  }
  if (!prtc_stun_find_xor_address(request, PRTC_STUN_XOR_PEER_ADDRESS, &peer)) return 400;
  if (request->method == PRTC_STUN_METHOD_CHANNEL_BIND) {
    if (!prtc_stun_find_u32(request, PRTC_STUN_CHANNEL_NUMBER, &number)) return 400;
    number = (number >> 16) - 0x4000;
    if (number >= MOST_PEERS) return 400;
    if (server->bound_until[number] > server->now && !prtc_address_equal(&server->bound[number], &peer)) return 400;
    server->bound[number] = peer;
    server->bound_until[number] = server->now + 600 * SECOND;
  }
  server_permit(server, &peer);
  return 0;
}

static inline void server_relay(struct turn_server *server, const prtc_address *peer, const uint8_t *data, size_t size,
                                bool by_channel) {
  if (!server_permits(server, peer) || size > sizeof server->last.data) return;
  server->relayed_count++;
  server->last.peer = *peer;
  server->last.size = size;
  server->last.by_channel = by_channel;
  if (size > 0) memcpy(server->last.data, data, size);
  if (server->relay != NULL) server->relay(server->user, peer, data, size);
}

/* Takes one message; its length with padding, on a stream. */
static inline size_t server_take(struct turn_server *server, const uint8_t *data, size_t size) {
  struct prtc_stun_message message;
  size_t length = (size_t)data[2] << 8 | data[3];
  server->last_heard = server->now;
  if (data[0] >= 0x40) {
    size_t number = ((size_t)data[0] << 8 | data[1]) - 0x4000, whole = 4 + length;
    PRTC_REQUIRE(whole <= size && number < MOST_PEERS);
    if (server->bound_until[number] > server->now) server_relay(server, &server->bound[number], data + 4, length, true);
    return server->stream ? (whole + 3) & ~(size_t)3 : size;
  }
  length += PRTC_STUN_HEADER_SIZE;
  PRTC_REQUIRE(length <= size && prtc_stun_parse(&message, data, length) == 0);
  if (message.message_class == PRTC_STUN_INDICATION) {
    prtc_address peer;
    size_t payload_size;
    const uint8_t *payload = prtc_stun_find(&message, PRTC_STUN_DATA, &payload_size);
    server->indications++;
    if (message.method != PRTC_STUN_METHOD_SEND) return length;
    PRTC_REQUIRE(payload != NULL && prtc_stun_find_xor_address(&message, PRTC_STUN_XOR_PEER_ADDRESS, &peer));
    server_relay(server, &peer, payload, payload_size, false);
    return length;
  }
  server->requests++;
  uint8_t bytes[512];
  struct prtc_stun_writer writer;
  int code = server_authenticate(server, &message);
  bool authentic = code == 0;
  if (authentic) server->counts[message.method & 15]++;
  if (authentic && server->fault.times > 0 && server->fault.method == message.method) {
    server->fault.times--;
    code = server->fault.code;
    if (code == 438) new_nonce(server);
  }
  if (code < 0) return length; /* silence */
  prtc_stun_begin(&writer, bytes, sizeof bytes, PRTC_STUN_SUCCESS, message.method, message.transaction);
  if (code == 0) code = server_carry_out(server, &message, &writer);
  if (code == 0) server_send(server, &writer, !server->open);
  else server_error(server, &message, code, authentic && !server->open && code != 438 && code != 401);
  return length;
}

/* A peer sends to the relayed address. `force`: the server passes it on whatever its rules are. */
static inline void peer_sends(struct turn_server *server, const prtc_address *peer, const void *data, size_t size,
                              bool force) {
  uint8_t bytes[2100];
  struct prtc_stun_writer writer;
  static const uint8_t id[PRTC_STUN_TRANSACTION_SIZE] = {7};
  if (!force && !server_permits(server, peer)) return;
  for (size_t i = 0; i < MOST_PEERS; i++) {
    if (server->bound_until[i] <= server->now || !prtc_address_equal(&server->bound[i], peer)) continue;
    const uint8_t head[4] = {(uint8_t)((0x4000 + i) >> 8), (uint8_t)i, (uint8_t)(size >> 8), (uint8_t)size};
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, head, 4);
    memcpy(bytes + 4, data, size);
    server->send(server->user, bytes, server->stream ? 4 + ((size + 3) & ~(size_t)3) : 4 + size);
    return;
  }
  prtc_stun_begin(&writer, bytes, sizeof bytes, PRTC_STUN_INDICATION, PRTC_STUN_METHOD_DATA, id);
  prtc_stun_add_xor_address(&writer, PRTC_STUN_XOR_PEER_ADDRESS, peer);
  prtc_stun_add(&writer, PRTC_STUN_DATA, data, size);
  int length = prtc_stun_finish(&writer, NULL, 0);
  PRTC_REQUIRE(length > 0);
  server->send(server->user, bytes, (size_t)length);
}

#endif
