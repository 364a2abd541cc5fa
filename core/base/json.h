/* JSON (RFC 8259) that comes from the other side: checked once as a whole, then looked into where it stands. Nothing is
 * allocated.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_JSON_H
#define PRTC_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/text.h"

/* A value within a text that prtc_json_open has accepted; size 0: there is none. */
struct prtc_json {
  const char *text;
  size_t size;
};

/* False unless the text is one JSON value, nested not deeper than 16, in UTF-8. */
bool prtc_json_open(struct prtc_json *out, const char *text, size_t size);

/* The member of an object (the first of that name), or none. Names are compared as they stand, without escapes. */
struct prtc_json prtc_json_member(struct prtc_json object, const char *name);

/* Walks over an array: *cursor starts at 0. False at its end, and at once for what is no array. */
bool prtc_json_next(struct prtc_json array, size_t *cursor, struct prtc_json *element);

bool prtc_json_is_object(struct prtc_json value);
/* False for another type, and what does not fit (then *out is untouched). A string is NUL-terminated, and has no NUL in
 * it. */
bool prtc_json_string(struct prtc_json value, char *out, size_t capacity);
bool prtc_json_number(struct prtc_json value, uint64_t maximum, uint64_t *out); /* a whole number, not negative */
bool prtc_json_boolean(struct prtc_json value, bool *out);

/* Writes a string with its quotes; `string` is UTF-8. */
void prtc_json_print(struct prtc_text *text, const char *string);

#endif
