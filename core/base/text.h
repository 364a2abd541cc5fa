/* Text that is written piece by piece into a buffer of the caller's, and numbers that are read strictly.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_TEXT_H
#define PRTC_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends to a fixed buffer, always NUL-terminated when capacity is not 0; what does not fit sets `failed`. */
struct prtc_text {
  char *data;
  size_t capacity, size;
  bool failed;
};

struct prtc_text prtc_text_of(char *data, size_t capacity);
void prtc_text_append(struct prtc_text *text, const char *piece, size_t size);
void prtc_text_print(struct prtc_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The length, or PRTC_ERROR_BUFFER_TOO_SMALL. */
int prtc_text_result(const struct prtc_text *text);

/* Decimal digits only, no sign, at most `maximum`. */
bool prtc_parse_decimal(const char *text, size_t size, uint64_t maximum, uint64_t *out);

/* ASCII, without regard to case; `name` is NUL-terminated. */
bool prtc_text_equals(const char *text, size_t size, const char *name);

/* RFC 3629 */
bool prtc_is_utf8(const uint8_t *text, size_t size);

#endif
