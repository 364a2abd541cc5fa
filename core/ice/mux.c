/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/ice/mux.h"

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/context.h"
#include "core/stun/message.h"

/* The first byte of a key. */
enum kind { KEY_UFRAG = 1, KEY_TRANSACTION, KEY_PATH };

int prtc_mux_init(struct prtc_mux *mux, struct prtc_context *context) { return prtc_table_init(&mux->table, context); }

void prtc_mux_clear(struct prtc_mux *mux) { prtc_table_clear(&mux->table); }

/* ----------------------------------------------------------------------------------------------------------------- keys */

static struct prtc_table_key key_of(enum kind kind, const void *bytes, size_t size) {
  struct prtc_table_key key = {{(uint8_t)kind}};
  memcpy(key.bytes + 1, bytes, size);
  return key;
}

/* Ufrags of our own are shorter. */
static bool is_ufrag_size(size_t size) { return size > 0 && size < PRTC_TABLE_KEY_SIZE; }

/* Without the scope, which only the local side knows. */
static struct prtc_table_key path_key(prtc_socket_id socket, const prtc_address *remote) {
  struct prtc_table_key key = {{KEY_PATH}};
  struct prtc_writer writer = prtc_writer_of(key.bytes + 1, sizeof key.bytes - 1);
  prtc_write_integer(&writer, socket, 8);
  prtc_write_u8(&writer, remote->family);
  prtc_write_u16(&writer, remote->port);
  prtc_write_bytes(&writer, remote->ip, sizeof remote->ip);
  return key;
}

/* -------------------------------------------------------------------------------------------------------------- finding */

static struct prtc_mux_entry *find(const struct prtc_mux *mux, const struct prtc_table_key *key) {
  return (struct prtc_mux_entry *)(void *)prtc_table_find(&mux->table, key);
}

static void *owner_of(const struct prtc_mux *mux, const struct prtc_table_key *key) {
  const struct prtc_mux_entry *entry = find(mux, key);
  return entry != NULL ? entry->owner : NULL;
}

void *prtc_mux_find_path(const struct prtc_mux *mux, prtc_socket_id socket, const prtc_address *remote) {
  struct prtc_table_key key = path_key(socket, remote);
  return owner_of(mux, &key);
}

/* What comes before the colon of USERNAME. The message is read no further, and is not checked: its owner does so. */
static void *find_by_username(const struct prtc_mux *mux, struct prtc_reader *message) {
  while (prtc_reader_left(message) >= 4) {
    uint16_t type = prtc_read_u16(message), size = prtc_read_u16(message);
    const uint8_t *value = prtc_read_bytes(message, size);
    if (value == NULL) return NULL;
    if (type == PRTC_STUN_USERNAME) {
      const uint8_t *colon = size > 0 ? memchr(value, ':', size) : NULL;
      if (colon == NULL || !is_ufrag_size((size_t)(colon - value))) return NULL;
      struct prtc_table_key key = key_of(KEY_UFRAG, value, (size_t)(colon - value));
      return owner_of(mux, &key);
    }
    (void)prtc_read_bytes(message, -(size_t)size & 3);
  }
  return NULL;
}

/* The class, RFC 8489 section 5: bits 4 and 8 of the type */
static unsigned class_of(uint16_t type) { return (type >> 4 & 1) | (type >> 7 & 2); }

void *prtc_mux_find(const struct prtc_mux *mux, const prtc_datagram *datagram) {
  struct prtc_reader message = prtc_reader_of(datagram->data, datagram->size);
  if (datagram->size > 0 && datagram->data[0] <= 3) { /* RFC 7983 section 7 */
    uint16_t type = prtc_read_u16(&message);
    (void)prtc_read_u16(&message);
    uint32_t cookie = prtc_read_u32(&message);
    const uint8_t *transaction = prtc_read_bytes(&message, PRTC_STUN_TRANSACTION_SIZE);
    if (transaction == NULL || cookie != PRTC_STUN_COOKIE) return NULL;
    if (class_of(type) == PRTC_STUN_REQUEST) return find_by_username(mux, &message);
    if (class_of(type) != PRTC_STUN_INDICATION) {
      struct prtc_table_key key = key_of(KEY_TRANSACTION, transaction, PRTC_STUN_TRANSACTION_SIZE);
      return owner_of(mux, &key);
    }
  }
  return prtc_mux_find_path(mux, datagram->socket, &datagram->remote);
}

/* -------------------------------------------------------------------------------------------------------------- entries */

static void add(struct prtc_mux *mux, struct prtc_mux_entry *entry, void *owner, const struct prtc_table_key *key) {
  entry->owner = owner;
  prtc_table_add(&mux->table, &entry->entry, key);
}

bool prtc_mux_has_ufrag(const struct prtc_mux *mux, const char *ufrag) {
  if (!is_ufrag_size(strlen(ufrag))) return false;
  struct prtc_table_key key = key_of(KEY_UFRAG, ufrag, strlen(ufrag));
  return find(mux, &key) != NULL;
}

void prtc_mux_add_ufrag(struct prtc_mux *mux, struct prtc_mux_entry *entry, void *owner, const char *ufrag) {
  if (!is_ufrag_size(strlen(ufrag))) return;
  struct prtc_table_key key = key_of(KEY_UFRAG, ufrag, strlen(ufrag));
  add(mux, entry, owner, &key);
}

void prtc_mux_add_transaction(struct prtc_mux *mux, struct prtc_mux_entry *entry, void *owner, const uint8_t id[12]) {
  struct prtc_table_key key = key_of(KEY_TRANSACTION, id, PRTC_STUN_TRANSACTION_SIZE);
  add(mux, entry, owner, &key);
}

void prtc_mux_remove(struct prtc_mux *mux, struct prtc_mux_entry *entry) {
  prtc_table_remove(&mux->table, &entry->entry);
  entry->claim = PRTC_MUX_NONE;
}

/* The best claim of others. */
static enum prtc_mux_claim claim_of_others(const struct prtc_mux *mux, const void *owner,
                                           const struct prtc_table_key *key) {
  enum prtc_mux_claim best = PRTC_MUX_NONE;
  for (const struct prtc_table_entry *at = prtc_table_find(&mux->table, key); at != NULL; at = prtc_table_next(at)) {
    const struct prtc_mux_entry *other = (const struct prtc_mux_entry *)(const void *)at;
    if (other->owner != owner && other->claim > best) best = other->claim;
  }
  return best;
}

bool prtc_mux_claim(struct prtc_mux *mux, struct prtc_mux_entry *entry, void *owner, prtc_socket_id socket,
                    const prtc_address *remote, enum prtc_mux_claim claim, bool now) {
  if (entry->claim == claim && !now) return true; /* who takes it away takes it out */
  struct prtc_table_key key = path_key(socket, remote);
  enum prtc_mux_claim theirs = claim_of_others(mux, owner, &key);
  bool lesser = theirs > claim || (theirs == claim && (!now || claim == PRTC_MUX_SELECTED));
  prtc_mux_remove(mux, entry);
  if (lesser) return false;
  while (theirs != PRTC_MUX_NONE) {
    struct prtc_mux_entry *other = find(mux, &key);
    while (other->owner == owner) other = (struct prtc_mux_entry *)(void *)prtc_table_next(&other->entry);
    prtc_mux_remove(mux, other);
    theirs = claim_of_others(mux, owner, &key);
  }
  entry->claim = claim;
  add(mux, entry, owner, &key);
  return true;
}

bool prtc_mux_is_taken(const struct prtc_mux *mux, const void *owner, prtc_socket_id socket, const prtc_address *remote) {
  struct prtc_table_key key = path_key(socket, remote);
  return claim_of_others(mux, owner, &key) == PRTC_MUX_SELECTED;
}
