/* A hash map from 64-bit keys to pointers, open addressing. Keys are ids that polyrtc itself gives out, or keyed hashes: a
 * remote cannot choose them to collide.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_MAP_H
#define PRTC_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct prtc_context;

struct prtc_map_slot {
  uint64_t key;
  void *value; /* NULL: free */
};

struct prtc_map {
  struct prtc_context *context;
  struct prtc_map_slot *slots;
  size_t capacity, count; /* capacity is a power of two, or 0 */
};

void prtc_map_init(struct prtc_map *map, struct prtc_context *context);
void prtc_map_clear(struct prtc_map *map);
/* value is not NULL. 0 or PRTC_ERROR_NO_MEMORY. Replaces what the key had. */
int prtc_map_set(struct prtc_map *map, uint64_t key, void *value);
void *prtc_map_get(const struct prtc_map *map, uint64_t key); /* NULL when absent */
void *prtc_map_remove(struct prtc_map *map, uint64_t key);    /* what was there, or NULL */
/* Iterates in slot order: start with *i = 0; NULL at the end. Who removes what was given last takes 1 off *i, for another
 * entry may have moved to its slot; nothing else may be removed meanwhile. */
struct prtc_map_slot *prtc_map_next(const struct prtc_map *map, size_t *i);

#endif
