/* Local candidates as descriptions need them: their lines, and the default one for m= and c=.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/base/text.h"
#include "core/peer/state.h"

/* RFC 8445 section 5.1.4: relayed before server-reflexive before host; IPv4 because the most can use it. */
static int rank(const prtc_candidate *candidate) {
  static const int of_type[] = {[PRTC_CANDIDATE_HOST] = 1, [PRTC_CANDIDATE_SERVER_REFLEXIVE] = 2,
                                [PRTC_CANDIDATE_PEER_REFLEXIVE] = 0, [PRTC_CANDIDATE_RELAYED] = 3};
  if (candidate->protocol != PRTC_PROTOCOL_UDP || candidate->address.family == PRTC_FAMILY_NONE) return 0;
  return of_type[candidate->type] * 2 + (candidate->address.family == PRTC_FAMILY_IPV4);
}

static void choose_default(struct local_candidates *candidates, const prtc_candidate *candidate) {
  if (rank(candidate) <= candidates->rank) return;
  prtc_address address = candidate->address;
  char printed[PRTC_ADDRESS_TEXT_SIZE];
  address.scope = 0;
  if (prtc_address_print(&address, printed, sizeof printed) < 0) return;
  *strrchr(printed, ':') = '\0'; /* the port */
  size_t brackets = printed[0] == '[', size = strlen(printed) - 2 * brackets;
  struct prtc_text text = prtc_text_of(candidates->connection, sizeof candidates->connection);
  prtc_text_print(&text, "IN IP%d %.*s", (int)address.family, (int)size, printed + brackets);
  candidates->rank = rank(candidate);
  candidates->port = candidate->address.port;
}

static bool reserve(prtc_peer *peer) {
  struct local_candidates *candidates = &peer->candidates;
  if (candidates->count < candidates->capacity) return true;
  if (candidates->count == MAX_LOCAL_CANDIDATES) return false;
  size_t capacity = candidates->capacity == 0 ? 8 : candidates->capacity * 2;
  char **texts = prtc_reallocate(peer->context, candidates->texts, capacity * sizeof *texts);
  if (texts == NULL) return false;
  candidates->texts = texts;
  candidates->capacity = capacity;
  return true;
}

void prtc_peer_add_local_candidate(prtc_peer *peer, const prtc_candidate *candidate) {
  struct local_candidates *candidates = &peer->candidates;
  prtc_candidate plain = *candidate;
  char text[PRTC_CANDIDATE_TEXT_SIZE];
  plain.ufrag[0] = '\0'; /* the section says it */
  int size = prtc_candidate_print(&plain, text, sizeof text);
  if (size < 0 || !reserve(peer)) return;
  char *copy = prtc_copy_text(peer->context, text, (size_t)size);
  if (copy == NULL) return;
  candidates->texts[candidates->count++] = copy;
  choose_default(candidates, candidate);
}

/* The default one is chosen anew of those that are left. */
void prtc_peer_remove_local_candidate(prtc_peer *peer, const prtc_candidate *candidate) {
  struct local_candidates *candidates = &peer->candidates;
  prtc_candidate plain = *candidate;
  char text[PRTC_CANDIDATE_TEXT_SIZE];
  plain.ufrag[0] = '\0';
  if (prtc_candidate_print(&plain, text, sizeof text) < 0) return;
  for (size_t i = candidates->count; i-- > 0;) {
    if (strcmp(candidates->texts[i], text) != 0) continue;
    prtc_release(peer->context, candidates->texts[i]);
    memmove(&candidates->texts[i], &candidates->texts[i + 1], (candidates->count - i - 1) * sizeof *candidates->texts);
    candidates->count--;
  }
  candidates->rank = 0;
  candidates->port = 0;
  for (size_t i = 0; i < candidates->count; i++) {
    prtc_candidate left;
    if (prtc_candidate_parse(&left, candidates->texts[i], strlen(candidates->texts[i])) == PRTC_OK) {
      choose_default(candidates, &left);
    }
  }
}

void prtc_peer_forget_local_candidates(prtc_peer *peer, struct local_candidates *candidates) {
  for (size_t i = 0; i < candidates->count; i++) prtc_release(peer->context, candidates->texts[i]);
  prtc_release(peer->context, candidates->texts);
  *candidates = (struct local_candidates){0};
}
