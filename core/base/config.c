/* See config.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/base/config.h"

#include <string.h>

bool prtc_config_copy(void *out, size_t known, const void *given) {
  const unsigned char *bytes = given;
  size_t size = 0;
  if (given != NULL) memcpy(&size, given, sizeof size);
  if (size < sizeof size) return false;
  for (size_t i = known; i < size; i++) {
    if (bytes[i] != 0) return false;
  }
  memset(out, 0, known);
  memcpy(out, given, size < known ? size : known);
  memcpy(out, &known, sizeof known);
  return true;
}
