/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/table.h"

#include <string.h>

#include <polyrtc/error.h>

#include "core/base/context.h"
#include "core/base/hash.h"

enum { LEAST_CAPACITY = 64 };

int prtc_table_init(struct prtc_table *table, struct prtc_context *context) {
  *table = (struct prtc_table){.context = context, .capacity = LEAST_CAPACITY};
  table->secret[0] = prtc_random_u64(&context->random);
  table->secret[1] = prtc_random_u64(&context->random);
  table->buckets = prtc_allocate(context, table->capacity * sizeof *table->buckets);
  return table->buckets != NULL ? PRTC_OK : PRTC_ERROR_NO_MEMORY;
}

static void unlink_entry(struct prtc_table_entry *entry) {
  *entry->place = entry->next;
  if (entry->next != NULL) entry->next->place = entry->place;
  entry->next = NULL;
  entry->place = NULL;
}

void prtc_table_clear(struct prtc_table *table) {
  for (size_t i = 0; table->buckets != NULL && i < table->capacity; i++) {
    while (table->buckets[i] != NULL) unlink_entry(table->buckets[i]);
  }
  prtc_release(table->context, table->buckets);
  *table = (struct prtc_table){.context = table->context};
}

static void link_entry(struct prtc_table_entry **buckets, size_t capacity, struct prtc_table_entry *entry) {
  struct prtc_table_entry **place = &buckets[entry->hash & (capacity - 1)];
  entry->next = *place;
  entry->place = place;
  if (entry->next != NULL) entry->next->place = &entry->next;
  *place = entry;
}

/* Without memory it stays as it is, and chains grow longer. */
static void resize(struct prtc_table *table, size_t capacity) {
  struct prtc_table_entry **buckets = prtc_allocate(table->context, capacity * sizeof *buckets);
  if (buckets == NULL) return;
  for (size_t i = 0; i < table->capacity; i++) {
    while (table->buckets[i] != NULL) {
      struct prtc_table_entry *entry = table->buckets[i];
      unlink_entry(entry);
      link_entry(buckets, capacity, entry);
    }
  }
  prtc_release(table->context, table->buckets);
  table->buckets = buckets;
  table->capacity = capacity;
}

void prtc_table_add(struct prtc_table *table, struct prtc_table_entry *entry, const struct prtc_table_key *key) {
  if (table->count >= table->capacity) resize(table, table->capacity * 2);
  entry->key = *key;
  entry->hash = prtc_hash(table->secret, key, sizeof *key);
  link_entry(table->buckets, table->capacity, entry);
  table->count++;
}

void prtc_table_remove(struct prtc_table *table, struct prtc_table_entry *entry) {
  if (entry->place == NULL) return;
  unlink_entry(entry);
  table->count--;
  if (table->count < table->capacity / 8 && table->capacity > LEAST_CAPACITY) resize(table, table->capacity / 2);
}

static struct prtc_table_entry *first_of(struct prtc_table_entry *entry, uint64_t hash, const struct prtc_table_key *key) {
  while (entry != NULL && (entry->hash != hash || memcmp(&entry->key, key, sizeof *key) != 0)) entry = entry->next;
  return entry;
}

struct prtc_table_entry *prtc_table_find(const struct prtc_table *table, const struct prtc_table_key *key) {
  uint64_t hash = prtc_hash(table->secret, key, sizeof *key);
  return first_of(table->buckets[hash & (table->capacity - 1)], hash, key);
}

struct prtc_table_entry *prtc_table_next(const struct prtc_table_entry *entry) {
  return first_of(entry->next, entry->hash, &entry->key);
}
