/* Binding requests of the other side (RFC 8445 section 7.3).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What is not authenticated gets no answer at all. (RFC 8489 section 9.1.3 would send 400 or 401; but its section 9.1.4
 * has the client ignore a response without MESSAGE-INTEGRITY, so it would serve only those who use us to reflect.)
 *
 * Somebody on the way may send a copy of a check of the other side, in the name of a third one. So that nobody is sent more
 * than came in his name, a check whose transaction may have been there before is answered, or followed by a check of ours,
 * which is no longer than it; not both.
 */
#include <string.h>

#include "core/ice/internal.h"

#define MAX_UNKNOWN 8

/* What a request is answered with: success, or an error code. */
static int respond(struct prtc_ice *ice, struct ice_socket *socket, const struct prtc_stun_message *request,
                   const prtc_address *remote, const char *password, int error) {
  struct ice_response response = {.socket = socket, .remote = *remote};
  struct prtc_stun_writer writer;
  prtc_stun_begin(&writer, response.data, sizeof response.data, error != 0 ? PRTC_STUN_ERROR : PRTC_STUN_SUCCESS,
                  PRTC_STUN_METHOD_BINDING, request->transaction);
  if (error == 0) {
    prtc_stun_add_xor_address(&writer, PRTC_STUN_XOR_MAPPED_ADDRESS, remote);
  } else {
    prtc_stun_add_error(&writer, error);
  }
  if (error == PRTC_STUN_ERROR_UNKNOWN_ATTRIBUTE) {
    uint16_t unknown[MAX_UNKNOWN];
    size_t count = prtc_stun_unknown_attributes(request, unknown, MAX_UNKNOWN);
    prtc_stun_add_unknown_attributes(&writer, unknown, count);
  }
  int size = prtc_stun_finish(&writer, password, strlen(password));
  if (size < 0) return PRTC_ERROR_INTERNAL; /* RESPONSE_SIZE holds the largest */
  response.size = (uint16_t)size;
  return prtc_queue_push(&ice->responses, &response);
}

/* RFC 8445 section 7.3.1.1. True when the other side is to change its role. */
static bool other_side_must_switch(struct prtc_ice *ice, const struct prtc_stun_message *request) {
  uint64_t theirs;
  if (ice->controlling && prtc_stun_find_u64(request, PRTC_STUN_ICE_CONTROLLING, &theirs)) {
    if (ice->tie_breaker >= theirs) return true;
    prtc_ice_set_role(ice, false);
  } else if (!ice->controlling && prtc_stun_find_u64(request, PRTC_STUN_ICE_CONTROLLED, &theirs)) {
    if (ice->tie_breaker < theirs || ice->config.lite != 0) return true;
    prtc_ice_set_role(ice, true);
  }
  return false;
}

/* ------------------------------------------------------------------------------------------------------ new, or a copy? */

void prtc_ice_forget_transactions(struct prtc_ice *ice, bool all_were_seen) {
  memset(ice->seen, all_were_seen ? 0xFF : 0, sizeof ice->seen);
  ice->seen_count = all_were_seen ? SEEN_BITS : 0;
}

/* True: no check of this transaction has been taken before. Some that are new are not known to be, after hours a half of
 * them. (A lite agent, which cannot ask in return, forgets all then: it has to follow addresses that change.) */
static bool is_new(struct prtc_ice *ice, const struct prtc_stun_message *request) {
  const uint8_t *id = request->transaction; /* random, and authenticated */
  unsigned index = (id[0] | (unsigned)id[1] << 8) % SEEN_BITS;
  uint8_t *byte = &ice->seen[index / 8], bit = (uint8_t)(1u << index % 8);
  if ((*byte & bit) != 0) return false;
  if (ice->config.lite != 0 && ice->seen_count >= SEEN_BITS / 2) prtc_ice_forget_transactions(ice, false);
  *byte |= bit;
  ice->seen_count++;
  return true;
}

/* Of what may be a copy: true when it is to be answered, and nothing more. One of the other side's own, which has lost our
 * answer, comes from where a check of ours is under way to. */
static bool is_repetition(const struct prtc_ice *ice, const struct ice_pair *pair) {
  if (!ice->remote_known) return true; /* no check of ours is possible */
  if (pair == NULL) return false;
  if (pair->valid || ice->config.lite != 0 || pair->trigger_order != 0) return true;
  return pair->state == PAIR_IN_PROGRESS && ice->now - pair->checked_at < ice->config.initial_rto;
}

/* -------------------------------------------------------------------------------------------------------------- checks */

/* An authenticated check of the current generation has come. One that was answered although it may be a copy is not followed
 * by one of ours; what it says of the pair counts, for it may be a new one, and the nomination. */
static void take_check(struct prtc_ice *ice, struct ice_socket *socket, const struct ice_early *check, bool new,
                       bool repeated) {
  if (prtc_ice_is_taken(ice, socket, &check->remote)) return;
  bool first = prtc_ice_find_pair(ice, socket, &check->remote) == NULL;
  struct ice_pair *pair = prtc_ice_learn_pair(ice, socket, &check->remote, check->priority);
  if (pair == NULL) return;
  pair->doubted = !new && (first || pair->doubted);
  pair->heard = true;
  pair->used_at = ice->now;
  if (!check->use_candidate) pair->heard_plain = true;
  if (ice->path.valid && pair == ice->path.pair) prtc_ice_consent_heard(ice);
  else if (ice->controlling && new) prtc_ice_consent_suspect(ice, pair);
  if (check->use_candidate && !ice->controlling) {
    pair->nominated = true;
    if (check->nomination > pair->nomination) pair->nomination = check->nomination;
    pair->nominated_at = ice->now;
    if (ice->config.lite != 0) { /* RFC 8445 section 7.3.2: the check is enough */
      pair->state = PAIR_SUCCEEDED;
      pair->valid = true;
    }
    if (pair->state == PAIR_SUCCEEDED) prtc_ice_consider(ice, pair); /* RFC 8445 section 7.3.1.5 */
  }
  if (!repeated) prtc_ice_trigger(ice, pair);
}

/* The sender's parameters are not known, or are those of a generation to come: the check is kept until they are. When
 * there are too many, the oldest goes. */
static int remember(struct prtc_ice *ice, const struct ice_early *early) {
  for (size_t i = 0; i < ice->early.count; i++) {
    struct ice_early *known = prtc_queue_at(&ice->early, i);
    if (known->socket != early->socket || !prtc_address_equal(&known->remote, &early->remote)) continue;
    bool use_candidate = known->use_candidate || early->use_candidate;
    uint32_t nomination = known->nomination > early->nomination ? known->nomination : early->nomination;
    *known = *early;
    known->use_candidate = use_candidate;
    known->nomination = nomination;
    return 0;
  }
  if (ice->early.count == MAX_EARLY) prtc_queue_pop(&ice->early, NULL);
  return prtc_queue_push(&ice->early, early);
}

void prtc_ice_replay_early(struct prtc_ice *ice) {
  struct ice_early early;
  while (prtc_queue_pop(&ice->early, &early)) {
    struct ice_socket *socket = prtc_ice_find_socket(ice, early.socket);
    if (socket == NULL || strcmp(early.ufrag, ice->credentials.remote_ufrag) != 0) continue;
    take_check(ice, socket, &early, true, false);
  }
}

/* USERNAME is "ours:theirs" (RFC 8445 section 7.2.2). False when it is not of that form, or longer than ufrags can be. */
static bool split_username(const struct prtc_stun_message *request, char ours[257], char theirs[257]) {
  size_t size;
  const uint8_t *username = prtc_stun_find(request, PRTC_STUN_USERNAME, &size);
  const uint8_t *colon = username != NULL && size > 0 ? memchr(username, ':', size) : NULL;
  if (colon == NULL) return false;
  size_t first = (size_t)(colon - username), second = size - first - 1;
  if (first > 256 || second > 256) return false;
  memcpy(ours, username, first);
  memcpy(theirs, colon + 1, second);
  ours[first] = theirs[second] = '\0';
  return prtc_ice_is_chars(ours, first) && prtc_ice_is_chars(theirs, second);
}

/* Of the generation before, while a path of it is in use: has one of the two sides restarted since? */
static bool is_of_former(const struct prtc_ice *ice, const char *ours, const char *theirs) {
  const struct ice_credentials *former = &ice->path.credentials, *current = &ice->credentials;
  if (!ice->path.valid || strcmp(ours, former->local_ufrag) != 0 || strcmp(theirs, former->remote_ufrag) != 0) return false;
  return strcmp(ours, current->local_ufrag) != 0 || strcmp(theirs, current->remote_ufrag) != 0;
}

/* A check with the credentials of the generation before: the other side still uses that path, and may. */
static int take_former(struct prtc_ice *ice, struct ice_socket *socket, const struct prtc_stun_message *request,
                       const prtc_datagram *datagram) {
  const struct ice_path *path = &ice->path;
  const char *password = path->credentials.local_password;
  int code = prtc_stun_check_integrity(request, password, strlen(password));
  if (code == 0) code = respond(ice, socket, request, &datagram->remote, password, 0);
  if (code == 0 && path->socket == socket && prtc_ice_same_address(&path->remote, &datagram->remote)) {
    prtc_ice_consent_heard(ice);
  }
  return code;
}

int prtc_ice_take_request(struct prtc_ice *ice, const struct prtc_stun_message *message, const prtc_datagram *datagram) {
  struct ice_socket *socket = prtc_ice_find_socket(ice, datagram->socket);
  struct ice_early check = {.socket = datagram->socket, .remote = datagram->remote};
  char ours[257];
  uint16_t unknown;
  if (socket == NULL || (ice->failure != 0 && ice->remote_known)) return PRTC_ERROR_UNEXPECTED;
  if (datagram->remote.family != socket->address.family) return PRTC_ERROR_UNEXPECTED;
  if (!split_username(message, ours, check.ufrag)) return PRTC_ERROR_UNAUTHENTICATED;
  if (is_of_former(ice, ours, check.ufrag)) return take_former(ice, socket, message, datagram);
  bool current = strcmp(ours, ice->credentials.local_ufrag) == 0;
  const char *password = ice->credentials.local_password;
  int code = current ? prtc_stun_check_integrity(message, password, strlen(password)) : PRTC_ERROR_UNAUTHENTICATED;
  if (code < 0) {
    ice->refused++;
    return code;
  }
  ice->requests++;
  prtc_ice_connection_heard(ice, socket);
  if (prtc_ice_is_taken(ice, socket, &datagram->remote)) {
    ice->taken++;
    return PRTC_ERROR_UNEXPECTED;
  }
  int error = 0;
  if (prtc_stun_unknown_attributes(message, &unknown, 1) > 0) { /* RFC 8489 section 6.3.1 */
    error = PRTC_STUN_ERROR_UNKNOWN_ATTRIBUTE;
  } else if (!prtc_stun_find_u32(message, PRTC_STUN_PRIORITY, &check.priority)) {
    error = PRTC_STUN_ERROR_BAD_REQUEST; /* RFC 8445 section 7.1.1 */
  } else if (other_side_must_switch(ice, message)) {
    error = PRTC_STUN_ERROR_ROLE_CONFLICT;
  }
  bool new = error != 0 || is_new(ice, message);
  const struct ice_pair *pair = new ? NULL : prtc_ice_find_pair(ice, socket, &datagram->remote);
  if (!new && pair == NULL && ice->config.lite != 0) return PRTC_ERROR_UNEXPECTED; /* it cannot ask: it does not follow */
  bool repeated = !new && is_repetition(ice, pair), answered = new || repeated;
  if (answered) code = respond(ice, socket, message, &datagram->remote, password, error);
  if (code < 0 || error != 0) return code; /* not answered: as if it had been lost */
  prtc_ice_pair_stats *stats = prtc_ice_stats_of(ice, socket, &datagram->remote);
  if (stats != NULL) stats->requests_received++, stats->responses_sent += answered;
  if (repeated && pair == NULL) return 0;
  check.use_candidate = prtc_stun_find_flag(message, PRTC_STUN_USE_CANDIDATE);
  if (ice->config.renomination != 0 && prtc_stun_find_u32(message, PRTC_STUN_NOMINATION, &check.nomination)) {
    check.use_candidate = check.use_candidate || check.nomination != 0; /* libwebrtc sends it alone */
  }
  if (!ice->remote_known || strcmp(check.ufrag, ice->credentials.remote_ufrag) != 0) return remember(ice, &check);
  take_check(ice, socket, &check, new, repeated);
  return 0;
}
