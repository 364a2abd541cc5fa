/* Remote candidates and the check list: forming, pruning, ordering, and the states of RFC 8445 section 6.1.2.6.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/base/text.h"
#include "core/ice/internal.h"

bool prtc_ice_same_address(const prtc_address *a, const prtc_address *b) {
  prtc_address left = *a, right = *b;
  left.scope = right.scope = 0;
  return prtc_address_equal(&left, &right) != 0;
}

static bool is_link_local(const prtc_address *address) {
  return address->family == PRTC_FAMILY_IPV6 && address->ip[0] == 0xFE && (address->ip[1] & 0xC0) == 0x80;
}

/* Nothing can be sent to, or come from, the unspecified address, a group, or port 0. */
static bool is_usable(const prtc_address *address) {
  static const uint8_t zeros[16];
  if (address->port == 0) return false;
  if (address->family == PRTC_FAMILY_IPV4) return address->ip[0] != 0 && address->ip[0] < 224;
  if (address->family == PRTC_FAMILY_IPV6) return address->ip[0] != 0xFF && memcmp(address->ip, zeros, 16) != 0;
  return false;
}

struct ice_pair *prtc_ice_find_pair(const struct prtc_ice *ice, const struct ice_socket *socket,
                                    const prtc_address *remote) {
  for (size_t i = 0; i < ice->pairs.count; i++) {
    struct ice_pair *pair = ice->pairs.items[i];
    bool of_it = pair->socket == socket || pair->socket->base == socket;
    if (of_it && prtc_ice_same_address(&pair->remote->address, remote)) return pair;
  }
  return NULL;
}

/* RFC 8445 section 6.1.2.3 */
static void set_priority(const struct prtc_ice *ice, struct ice_pair *pair) {
  uint64_t local = prtc_ice_priority(PRTC_CANDIDATE_HOST, pair->socket), remote = pair->remote->priority;
  uint64_t controlling = ice->controlling ? local : remote, controlled = ice->controlling ? remote : local;
  uint64_t least = controlling < controlled ? controlling : controlled;
  uint64_t most = controlling < controlled ? controlled : controlling;
  pair->priority = (least << 32) + 2 * most + (controlling > controlled ? 1 : 0);
}

/* The foundation of a pair is that of both of its candidates (RFC 8445 section 6.1.2.6). The local one of hosts differs
 * by IP address. */
static bool same_foundation(const struct ice_pair *a, const struct ice_pair *b) {
  return a->socket->address.family == b->socket->address.family && a->socket->relay_protocol == b->socket->relay_protocol &&
         memcmp(a->socket->address.ip, b->socket->address.ip, sizeof a->socket->address.ip) == 0 &&
         strcmp(a->remote->foundation, b->remote->foundation) == 0;
}

static bool foundation_is_busy(const struct prtc_ice *ice, const struct ice_pair *pair) {
  for (size_t i = 0; i < ice->pairs.count; i++) {
    const struct ice_pair *other = ice->pairs.items[i];
    bool busy = other->state == PAIR_WAITING || other->state == PAIR_IN_PROGRESS;
    if (other != pair && busy && same_foundation(other, pair)) return true;
  }
  return false;
}

/* What goes first when the check list is full: what has failed; then what has not been tried, and is of a lesser priority
 * than the newcomer; then what nothing has come over for as long as consent lasts (an other side behind a NAT that forgets
 * has many former addresses). 0: it stays. */
static int expendable(const struct prtc_ice *ice, const struct ice_pair *pair, uint64_t priority) {
  if (pair == ice->path.pair || pair->state == PAIR_IN_PROGRESS) return 0;
  if (pair->state == PAIR_FAILED && !pair->heard) return 3;
  if (pair->state != PAIR_SUCCEEDED && !pair->heard) return pair->priority < priority ? 2 : 0;
  return ice->path.valid && ice->now - pair->used_at > ice->config.consent_timeout ? 1 : 0;
}

static void free_remote(struct prtc_ice *ice, struct ice_remote *remote);
static bool is_paired(const struct prtc_ice *ice, const struct ice_remote *remote);

static bool make_room(struct prtc_ice *ice, uint64_t priority) {
  struct ice_pair *worst = NULL;
  int least = 0;
  if (ice->pairs.count < MAX_PAIRS) return true;
  for (size_t i = 0; i < ice->pairs.count; i++) {
    struct ice_pair *pair = ice->pairs.items[i];
    int one = expendable(ice, pair, priority);
    bool sooner = one == least && worst != NULL &&
                  (one == 1 ? pair->used_at < worst->used_at : pair->priority < worst->priority);
    if (one > least || (one > 0 && sooner)) worst = pair, least = one;
  }
  if (worst == NULL) return false;
  struct ice_remote *remote = worst->remote;
  prtc_ice_remove_pair(ice, worst);
  /* Nobody told us of it */
  if (remote->type == PRTC_CANDIDATE_PEER_REFLEXIVE && !is_paired(ice, remote)) free_remote(ice, remote);
  return true;
}

/* *out is NULL when these two make no pair. */
static int form_pair(struct prtc_ice *ice, struct ice_socket *socket, struct ice_remote *remote, struct ice_pair **out) {
  *out = prtc_ice_find_pair(ice, socket, &remote->address);
  if (*out != NULL) return 0;
  if (socket->retired) return 0;
  if (socket->address.family != remote->address.family) return 0;
  struct ice_pair candidate = {.socket = socket, .remote = remote, .stats = {.id = ++ice->last_pair_id}};
  set_priority(ice, &candidate);
  if (!make_room(ice, candidate.priority)) return 0;
  struct ice_pair *pair = prtc_allocate(ice->context, sizeof *pair);
  if (pair == NULL) return PRTC_ERROR_NO_MEMORY;
  *pair = candidate;
  /* RFC 8445 section 6.1.2.6 as trickle asks (RFC 8838 section 12): one pair of a foundation at a time */
  pair->late = ice->path.valid && !socket->was_there;
  pair->state = foundation_is_busy(ice, pair) && !pair->late ? PAIR_FROZEN : PAIR_WAITING;
  int code = prtc_ice_list_add(ice, &ice->pairs, pair);
  if (code < 0) {
    prtc_release(ice->context, pair);
    return code;
  }
  *out = pair;
  return 0;
}

/* RFC 8445 section 6.1.2.2: link-local only with link-local. (What a check of the other side has come from is paired all the
 * same: it has found a way.) RFC 6544 section 6.2: of TCP, an active one of ours with a passive one of theirs; the other
 * way round it is they who connect. */
static bool may_pair(const struct ice_socket *socket, const struct ice_remote *remote) {
  if (is_link_local(&socket->address) != is_link_local(&remote->address)) return false;
  if (remote->tcp_type == PRTC_TCP_NONE) return socket->tcp_type == PRTC_TCP_NONE;
  return socket->tcp_type == PRTC_TCP_ACTIVE && remote->tcp_type == PRTC_TCP_PASSIVE;
}

/* All pairs that are possible now. Nothing is paired before the remote parameters are known: until then a candidate may
 * belong to any generation. */
int prtc_ice_form_pairs(struct prtc_ice *ice) {
  if (!ice->remote_known) return 0;
  for (size_t r = 0; r < ice->remotes.count; r++) {
    struct ice_remote *remote = ice->remotes.items[r];
    /* RFC 8445 section 7.3.1.3: a peer-reflexive one is paired with the base that it was seen from alone */
    size_t before = ice->remotes.count;
    if (remote->type == PRTC_CANDIDATE_PEER_REFLEXIVE) continue;
    for (size_t s = 0; s < ice->sockets.count; s++) {
      struct ice_pair *pair;
      if (!may_pair(ice->sockets.items[s], remote)) continue;
      int code = form_pair(ice, ice->sockets.items[s], remote, &pair);
      if (code < 0) return code;
    }
    if (ice->remotes.count < before) r = SIZE_MAX; /* room was made, and places have changed: from the beginning */
  }
  return 0;
}

void prtc_ice_remove_pair(struct prtc_ice *ice, struct ice_pair *pair) {
  for (size_t i = ice->transactions.count; i-- > 0;) {
    struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->pair == pair) prtc_ice_remove_transaction(ice, transaction);
  }
  if (ice->path.pair == pair) ice->path.pair = NULL;
  prtc_ice_unshare(ice, &pair->claim);
  prtc_ice_list_remove(&ice->pairs, pair);
  prtc_release(ice->context, pair);
}

/* ---------------------------------------------------------------------------------------------------------- remotes */

static struct ice_remote *find_remote(const struct prtc_ice *ice, const prtc_address *address, bool tcp) {
  for (size_t i = 0; i < ice->remotes.count; i++) {
    struct ice_remote *remote = ice->remotes.items[i];
    if ((remote->tcp_type != PRTC_TCP_NONE) == tcp && prtc_ice_same_address(&remote->address, address)) return remote;
  }
  return NULL;
}

static void free_remote(struct prtc_ice *ice, struct ice_remote *remote) {
  prtc_ice_list_remove(&ice->remotes, remote);
  prtc_release(ice->context, remote->ufrag);
  prtc_release(ice->context, remote);
}

static int add_remote(struct prtc_ice *ice, const prtc_address *address, struct ice_remote **out) {
  if (ice->remotes.count >= MAX_REMOTES) return PRTC_ERROR_QUEUE_FULL;
  struct ice_remote *remote = prtc_allocate(ice->context, sizeof *remote);
  if (remote == NULL) return PRTC_ERROR_NO_MEMORY;
  remote->address = *address;
  remote->address.scope = 0;
  int code = prtc_ice_list_add(ice, &ice->remotes, remote);
  if (code < 0) {
    prtc_release(ice->context, remote);
    return code;
  }
  *out = remote;
  return 0;
}

struct ice_pair *prtc_ice_learn_pair(struct prtc_ice *ice, struct ice_socket *socket, const prtc_address *address,
                                     uint32_t priority) {
  struct ice_remote *remote = find_remote(ice, address, socket->tcp_type != PRTC_TCP_NONE);
  struct ice_pair *pair = NULL;
  bool is_new = remote == NULL;
  if (is_new) {
    if (!is_usable(address) || add_remote(ice, address, &remote) < 0) return NULL;
    /* RFC 8445 section 7.3.1.3: the priority of the request, and a foundation that no other has */
    struct prtc_text foundation = prtc_text_of(remote->foundation, sizeof remote->foundation);
    prtc_text_print(&foundation, "reflexive%u", ++ice->reflexive_count);
    remote->type = PRTC_CANDIDATE_PEER_REFLEXIVE;
    if (socket->tcp_type != PRTC_TCP_NONE) {
      remote->tcp_type = socket->tcp_type == PRTC_TCP_PASSIVE ? PRTC_TCP_ACTIVE : PRTC_TCP_PASSIVE;
    }
    remote->priority = priority;
  }
  if (form_pair(ice, socket, remote, &pair) < 0 || pair == NULL) {
    if (is_new) free_remote(ice, remote);
    return NULL;
  }
  return pair;
}

/* A candidate that was known as peer-reflexive is now signalled: the pairs stay, and what is said of it counts. */
static int replace_reflexive(struct prtc_ice *ice, struct ice_remote *remote, const prtc_candidate *candidate) {
  remote->type = (prtc_candidate_type)candidate->type;
  remote->priority = candidate->priority;
  memcpy(remote->foundation, candidate->foundation, sizeof remote->foundation);
  for (size_t i = 0; i < ice->pairs.count; i++) {
    struct ice_pair *pair = ice->pairs.items[i];
    if (pair->remote == remote) set_priority(ice, pair);
  }
  if (ice->path.valid && ice->path.pair != NULL && ice->path.pair->remote == remote) ice->path.remote_type = remote->type;
  return prtc_ice_form_pairs(ice);
}

/* Ignored quietly: names (mDNS), other components, addresses that make no sense; of TCP what nobody can connect to. */
static bool is_of_use(const struct prtc_ice *ice, const prtc_candidate *candidate) {
  if (candidate->component != 1) return false;
  if (candidate->protocol != PRTC_PROTOCOL_UDP && candidate->tcp_type != PRTC_TCP_PASSIVE) return false;
  if (candidate->name[0] != '\0' || !is_usable(&candidate->address)) return false;
  /* RFC 8838 section 15 (ufrag): of an older generation */
  if (ice->remote_known && candidate->ufrag[0] != '\0') return strcmp(candidate->ufrag, ice->credentials.remote_ufrag) == 0;
  return true;
}

static bool is_paired(const struct prtc_ice *ice, const struct ice_remote *remote) {
  for (size_t i = 0; i < ice->pairs.count; i++) {
    const struct ice_pair *pair = ice->pairs.items[i];
    if (pair->remote == remote) return true;
  }
  return false;
}

int prtc_ice_add_remote_candidate(prtc_ice *ice, prtc_time now, const prtc_candidate *candidate) {
  prtc_ice_set_now(ice, now);
  if (candidate->type > PRTC_CANDIDATE_RELAYED || memchr(candidate->foundation, 0, sizeof candidate->foundation) == NULL ||
      memchr(candidate->ufrag, 0, sizeof candidate->ufrag) == NULL) {
    return PRTC_ERROR_INVALID_ARGUMENT;
  }
  if (!is_of_use(ice, candidate)) {
    ice->remote_named = ice->remote_named || candidate->name[0] != '\0';
    if (ice->remotes_ignored < UINT32_MAX) ice->remotes_ignored++;
    prtc_ice_step(ice);
    return 0;
  }
  PRTC_LOG(ice->context, PRTC_LOG_DEBUG, "ice", "a remote candidate of type %u", candidate->type);
  bool tcp = candidate->protocol == PRTC_PROTOCOL_TCP;
  struct ice_remote *remote = find_remote(ice, &candidate->address, tcp);
  if (remote != NULL) {
    int code = 0; /* redundant (RFC 8445 section 5.1.3) */
    if (remote->type == PRTC_CANDIDATE_PEER_REFLEXIVE) code = replace_reflexive(ice, remote, candidate);
    prtc_ice_step(ice);
    return code;
  }
  int code = add_remote(ice, &candidate->address, &remote);
  if (code < 0) return code;
  remote->type = (prtc_candidate_type)candidate->type;
  remote->tcp_type = tcp ? PRTC_TCP_PASSIVE : PRTC_TCP_NONE;
  remote->priority = candidate->priority;
  memcpy(remote->foundation, candidate->foundation, sizeof remote->foundation);
  if (!ice->remote_known && candidate->ufrag[0] != '\0') {
    remote->ufrag = prtc_copy_text(ice->context, candidate->ufrag, strlen(candidate->ufrag));
    if (remote->ufrag == NULL) code = PRTC_ERROR_NO_MEMORY;
  }
  if (code == 0) code = prtc_ice_form_pairs(ice);
  /* Not by how many pairs there are: in a full check list new ones take the place of others. */
  bool paired = is_paired(ice, remote);
  if (code < 0 && !paired) free_remote(ice, remote);
  if (paired) ice->failure = 0; /* something new to try */
  prtc_ice_step(ice);
  return code;
}

void prtc_ice_drop_other_remotes(struct prtc_ice *ice) {
  for (size_t i = ice->remotes.count; i-- > 0;) {
    struct ice_remote *remote = ice->remotes.items[i];
    if (remote->ufrag == NULL) continue;
    if (strcmp(remote->ufrag, ice->credentials.remote_ufrag) != 0) {
      free_remote(ice, remote);
    } else {
      prtc_release(ice->context, remote->ufrag);
      remote->ufrag = NULL;
    }
  }
}

/* ------------------------------------------------------------------------------------------------------- check list */

void prtc_ice_free_remotes(struct prtc_ice *ice, struct ice_list *remotes) {
  for (size_t i = 0; i < remotes->count; i++) {
    struct ice_remote *remote = remotes->items[i];
    prtc_release(ice->context, remote->ufrag);
  }
  prtc_ice_list_free(ice, remotes);
}

void prtc_ice_clear_generation(struct prtc_ice *ice, bool keep_remotes) {
  while (ice->pairs.count > 0) prtc_ice_remove_pair(ice, ice->pairs.items[ice->pairs.count - 1]);
  if (!keep_remotes) {
    while (ice->remotes.count > 0) free_remote(ice, ice->remotes.items[ice->remotes.count - 1]);
    ice->remote_ended = ice->remote_named = false;
    ice->remotes_ignored = 0;
  }
  ice->nomination = PRTC_NEVER;
  ice->failure = 0;
  ice->checks_sent = ice->answers = ice->requests = ice->refused = ice->taken = 0;
  ice->last_nomination = 0;
}

static void remove_nominations(struct prtc_ice *ice) {
  for (size_t i = ice->transactions.count; i-- > 0;) {
    struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->use_candidate) prtc_ice_remove_transaction(ice, transaction);
  }
}

void prtc_ice_set_role(struct prtc_ice *ice, bool controlling) {
  if (ice->controlling == controlling) return;
  ice->controlling = controlling;
  ice->nomination = PRTC_NEVER;
  ice->last_nomination = 0;
  remove_nominations(ice);
  for (size_t i = 0; i < ice->pairs.count; i++) set_priority(ice, ice->pairs.items[i]);
}

/* The selected path is gone or doubtful: all others are tried anew. */
void prtc_ice_recheck_pairs(struct prtc_ice *ice) {
  remove_nominations(ice); /* what they are for may be gone as well, and others would wait for it */
  for (size_t i = 0; i < ice->pairs.count; i++) {
    struct ice_pair *pair = ice->pairs.items[i];
    if (pair != ice->path.pair && pair->state != PAIR_IN_PROGRESS) pair->state = PAIR_WAITING;
    pair->tried_since = 0;
  }
}

/* RFC 8445 section 6.1.4.2: of those waiting, the one of the highest priority; when none is waiting, the best of the
 * frozen. With a selected pair the others are left alone (section 8.1.2), but for those of sockets that came since.
 * (The RFC keeps a frozen pair while another of its foundation is in progress. With one component there is nothing to be
 * learnt from that other one, and a wrong foundation would cost half a minute.) */
struct ice_pair *prtc_ice_next_pair(const struct prtc_ice *ice) {
  struct ice_pair *best = NULL;
  bool settled = prtc_ice_is_settled(ice);
  if (ice->config.lite != 0) return NULL;
  for (size_t i = 0; i < ice->pairs.count && ice->remote_known && ice->failure == 0; i++) {
    struct ice_pair *pair = ice->pairs.items[i];
    if (pair->state != PAIR_WAITING && pair->state != PAIR_FROZEN) continue;
    if (settled && (!pair->late || pair->state == PAIR_FROZEN)) continue;
    bool better_state = best != NULL && pair->state == PAIR_WAITING && best->state == PAIR_FROZEN;
    bool same_state = best != NULL && pair->state == best->state;
    if (best == NULL || better_state || (same_state && pair->priority > best->priority)) best = pair;
  }
  return best;
}

/* The other side's checks call for ours again and again (RFC 8445 section 7.3.1.4), also where it can never answer them,
 * because the password that we were given is wrong: a pair is given this time. */
static const prtc_time tries_last = 60000000;

bool prtc_ice_has_unfinished_pair(const struct prtc_ice *ice) {
  if (ice->config.lite != 0) return false; /* it waits for the other side's checks, whatever pairs there are */
  for (size_t i = 0; i < ice->pairs.count; i++) {
    const struct ice_pair *pair = ice->pairs.items[i];
    bool hopeless = pair->tried_since != 0 && ice->now - pair->tried_since >= tries_last;
    if (pair->state < PAIR_SUCCEEDED && !hopeless) return true;
  }
  return false;
}
