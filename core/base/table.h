/* A hash table of entries that stand in their owners' structs: an entry costs no memory of its own, cannot fail to find
 * room, and goes with what it belongs to. Several entries may have one key. Keys are short, and hashed with a secret of the
 * table's own, so that a remote cannot choose them to collide.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_TABLE_H
#define PRTC_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prtc_context;

#define PRTC_TABLE_KEY_SIZE 28

struct prtc_table_key {
  uint8_t bytes[PRTC_TABLE_KEY_SIZE]; /* of which those that are not used are zero */
};

/* All zero: in no table. It must not move while it is in one. */
struct prtc_table_entry {
  struct prtc_table_entry *next, **place; /* what points to it; NULL: it is in no table */
  uint64_t hash;
  struct prtc_table_key key;
};

struct prtc_table {
  struct prtc_context *context;
  struct prtc_table_entry **buckets;
  size_t capacity, count; /* capacity is a power of two */
  uint64_t secret[2];
};

/* Draws on the context's randomness. 0 or PRTC_ERROR_NO_MEMORY; from then on nothing fails, for without memory it is only
 * slower. */
int prtc_table_init(struct prtc_table *table, struct prtc_context *context);
void prtc_table_clear(struct prtc_table *table); /* entries that are still in it are taken out */

/* `entry` is in no table. */
void prtc_table_add(struct prtc_table *table, struct prtc_table_entry *entry, const struct prtc_table_key *key);
void prtc_table_remove(struct prtc_table *table, struct prtc_table_entry *entry); /* nothing when it is in none */

/* An entry with that key, and another one, in no order; NULL when there is none. */
struct prtc_table_entry *prtc_table_find(const struct prtc_table *table, const struct prtc_table_key *key);
struct prtc_table_entry *prtc_table_next(const struct prtc_table_entry *entry);

#endif
