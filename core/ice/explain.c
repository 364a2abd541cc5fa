/* Why a connection has failed, in one sentence: what was tried, what answered, what was missing.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdarg.h>
#include <stdio.h>

#include "core/base/text.h"
#include "core/ice/internal.h"

struct counts {
  size_t pairs, valid, locals, remotes, relayed;
  bool families_differ; /* no local address is of a family that the other side has */
};

static struct counts count(const struct prtc_ice *ice) {
  struct counts counts = {.pairs = ice->pairs.count, .locals = ice->sockets.count, .remotes = ice->remotes.count};
  bool local[2] = {false, false}, remote[2] = {false, false}; /* IPv4, IPv6 */
  for (size_t i = 0; i < ice->pairs.count; i++) counts.valid += ((const struct ice_pair *)ice->pairs.items[i])->valid;
  for (size_t i = 0; i < ice->sockets.count; i++) {
    local[((const struct ice_socket *)ice->sockets.items[i])->address.family == PRTC_FAMILY_IPV6] = true;
  }
  for (size_t i = 0; i < ice->locals.count; i++) {
    counts.relayed += ((const struct ice_local *)ice->locals.items[i])->type == PRTC_CANDIDATE_RELAYED;
  }
  for (size_t i = 0; i < ice->remotes.count; i++) {
    const struct ice_remote *one = ice->remotes.items[i];
    remote[one->address.family == PRTC_FAMILY_IPV6] = true;
    counts.relayed += one->type == PRTC_CANDIDATE_RELAYED;
  }
  counts.families_differ = !(local[0] && remote[0]) && !(local[1] && remote[1]);
  return counts;
}

/* "1 pair", "2 pairs" */
static const char *s(uint64_t number) { return number == 1 ? "" : "s"; }

/* A part that does not fit any more is left out as a whole. */
__attribute__((format(printf, 2, 3))) static void add(struct prtc_text *text, const char *format, ...) {
  char part[200];
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(part, sizeof part, format, arguments);
  va_end(arguments);
  bool fits = size > 0 && (size_t)size < sizeof part && text->size + (size_t)size < text->capacity;
  if (fits) prtc_text_append(text, part, (size_t)size);
}

static void explain_no_pair(const struct prtc_ice *ice, const struct counts *counts, struct prtc_text *text) {
  if (counts->remotes == 0 && ice->remotes_ignored > 0) {
    add(text, "the other side's %u candidate%s cannot be used from here", (unsigned)ice->remotes_ignored,
        s(ice->remotes_ignored));
  } else if (counts->remotes == 0) {
    add(text, "the other side sent no candidates");
  } else {
    add(text, "%zu local address%s and %zu candidate%s of the other side made no pair", counts->locals,
        counts->locals == 1 ? "" : "es", counts->remotes, s(counts->remotes));
    if (counts->families_differ) add(text, ": they are of different families, IPv4 and IPv6");
  }
  add(text, ", and no check of it came");
}

static void explain_checks(const struct prtc_ice *ice, const struct counts *counts, struct prtc_text *text) {
  unsigned long long checks = (unsigned long long)ice->checks_sent, answers = (unsigned long long)ice->answers;
  if (counts->valid > 0) {
    add(text, "%zu of %zu pair%s work%s, but the other side, which controls, has nominated none", counts->valid,
        counts->pairs, s(counts->pairs), counts->valid == 1 ? "s" : "");
    return;
  }
  if (ice->config.lite != 0) {
    add(text, "the other side, which has to look for a path because this one is ICE-lite, has nominated none of %zu pair%s",
        counts->pairs, s(counts->pairs));
    return;
  }
  add(text, "%zu pair%s tried", counts->pairs, s(counts->pairs));
  if (answers > 0) {
    add(text, ", none works: of %llu checks %llu got an answer, which was an error or came from elsewhere", checks,
        answers);
  } else if (ice->requests > 0) {
    add(text, ": checks of the other side arrived, but none of our %llu was answered", checks);
  } else {
    add(text, ", none answered: no answer to %llu checks, and no check of the other side", checks);
  }
  if (counts->relayed == 0) add(text, "; no relayed candidate on either side: a TURN server would help");
}

void prtc_ice_explain(struct prtc_ice *ice, int code) {
  struct prtc_text text = prtc_text_of(ice->failure_text, sizeof ice->failure_text);
  const struct counts counts = count(ice);
  if (code == PRTC_ERROR_CONSENT_EXPIRED) {
    add(&text, ice->config.lite != 0 ? "no check of the other side has come over the selected pair for %u s"
                                     : "the other side has not answered on the selected pair for %u s (RFC 7675)",
        (unsigned)(ice->config.consent_timeout / 1000000));
    return;
  }
  if (counts.locals == 0) {
    add(&text, "there is no local address to connect from");
  } else if (counts.pairs == 0) {
    explain_no_pair(ice, &counts, &text);
  } else {
    explain_checks(ice, &counts, &text);
  }
  if (ice->refused > 0 && ice->requests == 0) {
    add(&text, "; %llu STUN message%s had another user name or password (is the description the one that was given here?)",
        (unsigned long long)ice->refused, s(ice->refused));
  }
  if (ice->taken > 0) {
    add(&text, "; %llu checks came over a path that another connection of the same port uses",
        (unsigned long long)ice->taken);
  }
  if (!ice->remote_ended && counts.locals > 0) add(&text, "; the other side has not said that its candidates are complete");
}
