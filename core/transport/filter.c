/* See filter.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/transport/filter.h"

#include <string.h>

#include <polyrtc/error.h>

#include "core/base/text.h"

struct word {
  const char *text;
  size_t size;
};

/* The next word; size 0 at the end. */
static struct word next_word(const char **text) {
  struct word word = {.text = ""};
  if (*text == NULL) return word;
  word.text = *text + strspn(*text, " ");
  word.size = strcspn(word.text, " ");
  *text = word.text + word.size;
  return word;
}

static bool take_exclamation(struct word *word) {
  bool denies = word->text[0] == '!';
  if (denies) word->text++, word->size--;
  return denies;
}

/* What one pattern after the other says. */
struct verdict {
  bool allowed, denied, names_some;
};

static void judge(struct verdict *verdict, bool denies, bool fits) {
  if (denies) verdict->denied |= fits;
  else verdict->allowed |= fits, verdict->names_some = true;
}

static bool allows(const struct verdict *verdict) { return !verdict->denied && (verdict->allowed || !verdict->names_some); }

/* --------------------------------------------------------------------------------------------------------------- names */

static bool name_fits(struct word pattern, const char *name) {
  bool prefix = pattern.size > 0 && pattern.text[pattern.size - 1] == '*';
  if (prefix) pattern.size--;
  return strncmp(pattern.text, name, pattern.size) == 0 && (prefix || name[pattern.size] == '\0');
}

bool prtc_filter_allows_name(const char *filter, const char *name) {
  struct verdict verdict = {0};
  for (struct word word; (word = next_word(&filter)).size > 0;) {
    bool denies = take_exclamation(&word);
    judge(&verdict, denies, name_fits(word, name));
  }
  return allows(&verdict);
}

/* ----------------------------------------------------------------------------------------------------------- addresses */

/* An address without a port. */
static bool parse_ip(const char *text, size_t size, prtc_address *out) {
  return size > 0 && text[0] != '[' && prtc_address_parse(out, text, size) == PRTC_OK && out->port == 0 &&
         (out->family == PRTC_FAMILY_IPV6 || memchr(text, ':', size) == NULL);
}

static bool parse_prefix(struct word word, prtc_address *out, uint32_t *bits) {
  const char *slash = memchr(word.text, '/', word.size);
  size_t size = slash != NULL ? (size_t)(slash - word.text) : word.size;
  uint64_t number;
  if (!parse_ip(word.text, size, out)) return false;
  uint32_t most = out->family == PRTC_FAMILY_IPV4 ? 32 : 128;
  *bits = most;
  if (slash == NULL) return true;
  if (!prtc_parse_decimal(slash + 1, word.size - size - 1, most, &number)) return false;
  *bits = (uint32_t)number;
  return true;
}

static bool has_prefix(const prtc_address *address, const prtc_address *prefix, uint32_t bits) {
  if (address->family != prefix->family || memcmp(address->ip, prefix->ip, bits / 8) != 0) return false;
  uint8_t mask = (uint8_t)(0xFF00u >> bits % 8);
  return bits % 8 == 0 || (address->ip[bits / 8] & mask) == (prefix->ip[bits / 8] & mask);
}

bool prtc_filter_allows_address(const char *filter, const prtc_address *address) {
  struct verdict verdict = {0};
  for (struct word word; (word = next_word(&filter)).size > 0;) {
    prtc_address prefix;
    uint32_t bits;
    bool denies = take_exclamation(&word);
    judge(&verdict, denies, parse_prefix(word, &prefix, &bits) && has_prefix(address, &prefix, bits));
  }
  return allows(&verdict);
}

bool prtc_filter_is_of_addresses(const char *filter) {
  for (struct word word; (word = next_word(&filter)).size > 0;) {
    prtc_address prefix;
    uint32_t bits;
    (void)take_exclamation(&word);
    if (!parse_prefix(word, &prefix, &bits)) return false;
  }
  return true;
}

/* ------------------------------------------------------------------------------------------------------------ mappings */

int prtc_mapping_next(const char **text, struct prtc_mapping *out) {
  struct word word = next_word(text);
  if (word.size == 0) return 0;
  *out = (struct prtc_mapping){0};
  size_t size = 0;
  while (size < word.size && word.text[size] != '=' && word.text[size] != '+') size++;
  if (size == word.size || !parse_ip(word.text + size + 1, word.size - size - 1, &out->mapped)) return PRTC_ERROR_SYNTAX;
  out->beside = word.text[size] == '+';
  if (size == 1 && word.text[0] == '*') return 1;
  if (!parse_ip(word.text, size, &out->local) || out->local.family != out->mapped.family) return PRTC_ERROR_SYNTAX;
  return 1;
}
