/* A growing array of pointers.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/ice/internal.h"

int prtc_ice_list_add(struct prtc_ice *ice, struct ice_list *list, void *item) {
  if (list->count == list->capacity) {
    size_t capacity = list->capacity == 0 ? 4 : list->capacity * 2;
    void **items = prtc_reallocate(ice->context, list->items, capacity * sizeof *items);
    if (items == NULL) return PRTC_ERROR_NO_MEMORY;
    list->items = items;
    list->capacity = capacity;
  }
  list->items[list->count++] = item;
  return 0;
}

void prtc_ice_list_remove(struct ice_list *list, const void *item) {
  for (size_t i = 0; i < list->count; i++) {
    if (list->items[i] != item) continue;
    memmove(&list->items[i], &list->items[i + 1], (list->count - i - 1) * sizeof list->items[0]);
    list->count--;
    return;
  }
}

void prtc_ice_list_free(struct prtc_ice *ice, struct ice_list *list) {
  for (size_t i = 0; i < list->count; i++) prtc_release(ice->context, list->items[i]);
  prtc_release(ice->context, list->items);
  *list = (struct ice_list){0};
}
