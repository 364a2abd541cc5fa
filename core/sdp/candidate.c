/* The form of a candidate-attribute, RFC 8839 section 5.1. What it means is the business of ICE.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/base/text.h"
#include "core/sdp/parser.h"

static bool is_number(const char *text, size_t size, uint64_t maximum) {
  uint64_t number;
  return text != NULL && prtc_parse_decimal(text, size, maximum, &number);
}

/* foundation component transport priority address port "typ" type *(name value) */
const char *prtc_sdp_check_candidate(const char *value) {
  const char *cursor = value, *token[8];
  size_t size[8], rest = 0, ignored;
  for (int i = 0; i < 8; i++) {
    token[i] = prtc_sdp_next_token(&cursor, &size[i]);
    if (token[i] == NULL) return "fewer than eight fields";
  }
  if (size[0] > 32) return "the foundation is longer than 32 characters";
  if (!is_number(token[1], size[1], 999)) return "the component is not a number";
  if (!is_number(token[3], size[3], UINT32_MAX)) return "the priority is not a number below 2^32";
  if (!is_number(token[5], size[5], UINT16_MAX)) return "the port is not a number up to 65535";
  if (size[6] != 3 || memcmp(token[6], "typ", 3) != 0) return "the seventh field is not \"typ\"";
  while (prtc_sdp_next_token(&cursor, &ignored) != NULL) rest++;
  return rest % 2 == 0 ? NULL : "an extension without a value";
}
