/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/map.h"

#include <polyrtc/error.h>

#include "core/base/context.h"

void prtc_map_init(struct prtc_map *map, struct prtc_context *context) { *map = (struct prtc_map){.context = context}; }

void prtc_map_clear(struct prtc_map *map) {
  prtc_release(map->context, map->slots);
  *map = (struct prtc_map){.context = map->context};
}

/* The finaliser of MurmurHash3: spreads counters over the table. */
static size_t home(const struct prtc_map *map, uint64_t key) {
  key ^= key >> 33;
  key *= UINT64_C(0xFF51AFD7ED558CCD);
  key ^= key >> 33;
  key *= UINT64_C(0xC4CEB9FE1A85EC53);
  key ^= key >> 33;
  return (size_t)key & (map->capacity - 1);
}

/* The slot of the key, or the free one where it belongs. There is always a free one: the table is at most 3/4 full. */
static struct prtc_map_slot *find(const struct prtc_map *map, uint64_t key) {
  size_t i = home(map, key);
  while (map->slots[i].value != NULL && map->slots[i].key != key) i = (i + 1) & (map->capacity - 1);
  return &map->slots[i];
}

static int grow(struct prtc_map *map) {
  struct prtc_map larger = {.context = map->context, .capacity = map->capacity == 0 ? 16 : map->capacity * 2};
  larger.slots = prtc_allocate(map->context, larger.capacity * sizeof *larger.slots);
  if (larger.slots == NULL) return PRTC_ERROR_NO_MEMORY;
  for (size_t i = 0; i < map->capacity; i++) {
    if (map->slots[i].value != NULL) *find(&larger, map->slots[i].key) = map->slots[i];
  }
  larger.count = map->count;
  prtc_release(map->context, map->slots);
  *map = larger;
  return PRTC_OK;
}

int prtc_map_set(struct prtc_map *map, uint64_t key, void *value) {
  if (map->count + 1 > map->capacity / 4 * 3) {
    int code = grow(map);
    if (code < 0) return code;
  }
  struct prtc_map_slot *slot = find(map, key);
  if (slot->value == NULL) map->count++;
  *slot = (struct prtc_map_slot){.key = key, .value = value};
  return PRTC_OK;
}

void *prtc_map_get(const struct prtc_map *map, uint64_t key) {
  return map->capacity == 0 ? NULL : find(map, key)->value;
}

void *prtc_map_remove(struct prtc_map *map, uint64_t key) {
  if (map->capacity == 0) return NULL;
  struct prtc_map_slot *slot = find(map, key);
  void *value = slot->value;
  if (value == NULL) return NULL;
  map->count--;
  /* Close the gap: move back each later entry of the run whose home is not between the gap and itself. */
  size_t gap = (size_t)(slot - map->slots), mask = map->capacity - 1;
  for (size_t i = (gap + 1) & mask; map->slots[i].value != NULL; i = (i + 1) & mask) {
    size_t distance = (i - home(map, map->slots[i].key)) & mask;
    if (distance >= ((i - gap) & mask)) {
      map->slots[gap] = map->slots[i];
      gap = i;
    }
  }
  map->slots[gap] = (struct prtc_map_slot){0};
  return value;
}

struct prtc_map_slot *prtc_map_next(const struct prtc_map *map, size_t *i) {
  while (*i < map->capacity) {
    struct prtc_map_slot *slot = &map->slots[(*i)++];
    if (slot->value != NULL) return slot;
  }
  return NULL;
}
