/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/json.h"

#include <string.h>

enum { DEPTH = 16 };

struct cursor {
  const char *at, *end;
};

static void skip_space(struct cursor *cursor) {
  while (cursor->at < cursor->end && memchr(" \t\r\n", *cursor->at, 4) != NULL) cursor->at++;
}

static bool take(struct cursor *cursor, char wanted) {
  if (cursor->at == cursor->end || *cursor->at != wanted) return false;
  cursor->at++;
  return true;
}

static bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

static bool skip_string(struct cursor *cursor) {
  if (!take(cursor, '"')) return false;
  while (cursor->at < cursor->end) {
    char c = *cursor->at++;
    if (c == '"') return true;
    if ((unsigned char)c < ' ') return false;
    if (c != '\\') continue;
    if (cursor->at == cursor->end) return false;
    c = *cursor->at++;
    if (c != 'u') {
      if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL) return false;
      continue;
    }
    for (int i = 0; i < 4; i++) {
      if (cursor->at == cursor->end || !is_hex(*cursor->at++)) return false;
    }
  }
  return false;
}

static bool skip_digits(struct cursor *cursor) {
  const char *start = cursor->at;
  while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9') cursor->at++;
  return cursor->at > start;
}

static bool skip_number(struct cursor *cursor) {
  (void)take(cursor, '-');
  if (!take(cursor, '0') && !skip_digits(cursor)) return false;
  if (take(cursor, '.') && !skip_digits(cursor)) return false;
  if (!take(cursor, 'e') && !take(cursor, 'E')) return true;
  if (!take(cursor, '+')) (void)take(cursor, '-');
  return skip_digits(cursor);
}

static bool skip_word(struct cursor *cursor, const char *word) {
  size_t size = strlen(word);
  if ((size_t)(cursor->end - cursor->at) < size || memcmp(cursor->at, word, size) != 0) return false;
  cursor->at += size;
  return true;
}

static bool skip_value(struct cursor *cursor, int depth);

/* What is in brackets, separated by commas; of an object each with its name. */
static bool skip_list(struct cursor *cursor, char closing, int depth) {
  skip_space(cursor);
  if (take(cursor, closing)) return true;
  do {
    skip_space(cursor);
    if (closing == '}') {
      if (!skip_string(cursor)) return false;
      skip_space(cursor);
      if (!take(cursor, ':')) return false;
      skip_space(cursor);
    }
    if (!skip_value(cursor, depth)) return false;
    skip_space(cursor);
  } while (take(cursor, ','));
  return take(cursor, closing);
}

static bool skip_value(struct cursor *cursor, int depth) {
  if (cursor->at == cursor->end || depth == DEPTH) return false;
  switch (*cursor->at) {
    case '{': cursor->at++; return skip_list(cursor, '}', depth + 1);
    case '[': cursor->at++; return skip_list(cursor, ']', depth + 1);
    case '"': return skip_string(cursor);
    case 't': return skip_word(cursor, "true");
    case 'f': return skip_word(cursor, "false");
    case 'n': return skip_word(cursor, "null");
    default: return skip_number(cursor);
  }
}

bool prtc_json_open(struct prtc_json *out, const char *text, size_t size) {
  struct cursor cursor = {text, text + size};
  if (!prtc_is_utf8((const uint8_t *)text, size)) return false;
  skip_space(&cursor);
  const char *start = cursor.at;
  if (!skip_value(&cursor, 0)) return false;
  *out = (struct prtc_json){start, (size_t)(cursor.at - start)};
  skip_space(&cursor);
  return cursor.at == cursor.end;
}

/* ------------------------------------------------------------------------------------------------- in an accepted text */

static bool is_a(struct prtc_json value, char opening) { return value.size > 0 && value.text[0] == opening; }

bool prtc_json_is_object(struct prtc_json value) { return is_a(value, '{'); }

/* The value at the cursor, which moves to behind it and what separates it from the next. */
static struct prtc_json take_value(struct cursor *cursor) {
  skip_space(cursor);
  const char *start = cursor->at;
  (void)skip_value(cursor, 0);
  const struct prtc_json value = {start, (size_t)(cursor->at - start)};
  skip_space(cursor);
  if (!take(cursor, ',')) (void)take(cursor, ':');
  skip_space(cursor);
  return value;
}

struct prtc_json prtc_json_member(struct prtc_json object, const char *name) {
  size_t size = strlen(name);
  if (!is_a(object, '{')) return (struct prtc_json){NULL, 0};
  struct cursor cursor = {object.text + 1, object.text + object.size - 1};
  skip_space(&cursor);
  while (cursor.at < cursor.end) {
    struct prtc_json key = take_value(&cursor), value = take_value(&cursor);
    if (key.size == size + 2 && memcmp(key.text + 1, name, size) == 0) return value;
  }
  return (struct prtc_json){NULL, 0};
}

bool prtc_json_next(struct prtc_json array, size_t *position, struct prtc_json *element) {
  if (!is_a(array, '[')) return false;
  struct cursor cursor = {array.text + 1 + *position, array.text + array.size - 1};
  skip_space(&cursor);
  if (cursor.at >= cursor.end) return false;
  *element = take_value(&cursor);
  *position = (size_t)(cursor.at - array.text) - 1;
  return true;
}

static uint32_t hex(const char *text) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) {
    char c = text[i];
    value = value << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return value;
}

/* RFC 3629; returns how many bytes. */
static size_t encode(uint32_t code, char out[4]) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = size; i-- > 1; code >>= 6) out[i] = (char)(0x80 | (code & 0x3F));
  out[0] = (char)((0xF00u >> size & 0xFF) | code);
  return size;
}

/* What follows a backslash; 0 for what has no place in a text: a NUL, or half of a surrogate pair. */
static uint32_t unescape(const char **at, const char *end) {
  static const char names[] = "bfnrt", codes[] = "\b\f\n\r\t";
  char c = *(*at)++;
  if (c != 'u') {
    const char *place = strchr(names, c);
    return (uint32_t)(unsigned char)(place != NULL ? codes[place - names] : c);
  }
  uint32_t code = hex(*at);
  *at += 4;
  if (code < 0xD800 || code >= 0xE000) return code;
  if (code >= 0xDC00 || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u') return 0;
  uint32_t low = hex(*at + 2);
  *at += 6;
  return low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) : 0;
}

bool prtc_json_string(struct prtc_json value, char *out, size_t capacity) {
  if (!is_a(value, '"')) return false;
  const char *start = value.text + 1, *end = value.text + value.size - 1;
  for (int pass = 0; pass < 2; pass++) { /* first whether it fits */
    size_t size = 0;
    for (const char *at = start; at < end;) {
      char bytes[4] = {*at};
      size_t count = 1;
      if (*at++ == '\\') {
        uint32_t code = unescape(&at, end);
        if (code == 0) return false;
        count = encode(code, bytes);
      }
      if (size + count >= capacity) return false;
      if (pass == 1) memcpy(out + size, bytes, count);
      size += count;
    }
    if (size >= capacity) return false;
    if (pass == 1) out[size] = '\0';
  }
  return true;
}

bool prtc_json_number(struct prtc_json value, uint64_t maximum, uint64_t *out) {
  return value.size > 0 && prtc_parse_decimal(value.text, value.size, maximum, out);
}

bool prtc_json_boolean(struct prtc_json value, bool *out) {
  if (!is_a(value, 't') && !is_a(value, 'f')) return false;
  *out = is_a(value, 't');
  return true;
}

void prtc_json_print(struct prtc_text *text, const char *string) {
  prtc_text_append(text, "\"", 1);
  for (; *string != '\0'; string++) {
    if (*string == '"' || *string == '\\') prtc_text_append(text, "\\", 1);
    if ((unsigned char)*string < ' ') prtc_text_print(text, "\\u%04x", (unsigned)(unsigned char)*string);
    else prtc_text_append(text, string, 1);
  }
  prtc_text_append(text, "\"", 1);
}
