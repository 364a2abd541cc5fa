/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <polyrtc/error.h>

struct prtc_text prtc_text_of(char *data, size_t capacity) {
  if (capacity > 0) data[0] = '\0';
  return (struct prtc_text){.data = data, .capacity = capacity};
}

void prtc_text_append(struct prtc_text *text, const char *piece, size_t size) {
  if (text->failed || text->capacity - text->size <= size) {
    text->failed = true;
    return;
  }
  if (size > 0) memcpy(text->data + text->size, piece, size);
  text->size += size;
  text->data[text->size] = '\0';
}

void prtc_text_print(struct prtc_text *text, const char *format, ...) {
  if (text->failed) return;
  size_t left = text->capacity - text->size;
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(text->data + text->size, left, format, arguments);
  va_end(arguments);
  if (size < 0 || (size_t)size >= left) {
    if (left > 0) text->data[text->size] = '\0';
    text->failed = true;
    return;
  }
  text->size += (size_t)size;
}

int prtc_text_result(const struct prtc_text *text) {
  return text->failed || text->size > INT32_MAX ? PRTC_ERROR_BUFFER_TOO_SMALL : (int)text->size;
}

bool prtc_parse_decimal(const char *text, size_t size, uint64_t maximum, uint64_t *out) {
  uint64_t value = 0;
  if (size == 0) return false;
  for (size_t i = 0; i < size; i++) {
    if (text[i] < '0' || text[i] > '9') return false;
    uint64_t digit = (uint64_t)(text[i] - '0');
    if (value > (UINT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
    if (value > maximum) return false;
  }
  *out = value;
  return true;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c; }

bool prtc_text_equals(const char *text, size_t size, const char *name) {
  if (strlen(name) != size) return false;
  for (size_t i = 0; i < size; i++) {
    if (lower(text[i]) != lower(name[i])) return false;
  }
  return true;
}

bool prtc_is_utf8(const uint8_t *text, size_t size) {
  size_t i = 0;
  while (i < size) {
    uint8_t first = text[i++];
    if (first < 0x80) continue;
    /* RFC 3629 section 4: the second byte's range excludes overlong forms, surrogates and what is beyond U+10FFFF. */
    size_t more = first >= 0xC2 && first <= 0xDF ? 1 : (first & 0xF0) == 0xE0 ? 2 : first >= 0xF0 && first <= 0xF4 ? 3 : 0;
    if (more == 0 || size - i < more) return false;
    uint8_t least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    uint8_t most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (text[i] < least || text[i] > most) return false;
    for (size_t k = 1; k < more; k++) {
      if ((text[i + k] & 0xC0) != 0x80) return false;
    }
    i += more;
  }
  return true;
}
