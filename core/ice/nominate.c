/* Which pair is used: nomination (RFC 8445 section 8.1).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Controlling, this side nominates once ("regular"): the best pair, at once when none of a higher priority can still
 * succeed, otherwise after a short wait for those: until they have had the time in which this one has answered, and Ta; and
 * since the first success at most a round trip, or 100 to 250 ms. So what does not answer costs no more than the checks
 * that it takes. Like a triggered check, the nomination does not wait for the pace: it goes over a path that has just
 * answered.
 */
#include "core/ice/internal.h"

#define LEAST_WAIT MILLISECONDS(100)
#define MOST_WAIT MILLISECONDS(250)
#define LEAST_RTO MILLISECONDS(200)
#define MOST_RTO MILLISECONDS(1000)

/* An other side that nominates aggressively (RFC 5245) marks all of its checks; these have ended by then. */
#define AGGRESSIVE_PHASE MILLISECONDS(3000)

static bool is_nominating(const struct prtc_ice *ice) {
  for (size_t i = 0; i < ice->transactions.count; i++) {
    const struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->use_candidate) return true;
  }
  return false;
}

/* What a pair is made of, the better the larger: of the lesser candidate, then of the other one, the type and how the
 * interface is attached (the first three bits of the local preference); not which of several of a kind. */
static uint64_t kind_of(const struct ice_pair *pair) {
  uint32_t least = (uint32_t)(pair->priority >> 32), most = (uint32_t)pair->priority >> 1; /* RFC 8445 section 6.1.2.3 */
  return (uint64_t)(least >> 21) << 32 | most >> 21;
}

/* The best pair that has succeeded, and may be nominated: with a selected pair that works, where the other side can follow,
 * one of a better kind. The selected one itself is none. */
static struct ice_pair *best_pair(const struct prtc_ice *ice) {
  struct ice_pair *best = NULL;
  bool settled = prtc_ice_is_settled(ice);
  if (settled && !ice->remote_renominates) return NULL;
  for (size_t i = 0; i < ice->pairs.count; i++) {
    struct ice_pair *pair = ice->pairs.items[i];
    if (pair->state != PAIR_SUCCEEDED || pair == ice->path.pair) continue;
    if (settled && kind_of(pair) <= kind_of(ice->path.pair)) continue;
    if (best == NULL || pair->priority > best->priority) best = pair;
  }
  return best;
}

/* Until when a pair that has not succeeded yet is waited for. One that is still to be checked: without an end. */
static prtc_time awaited_until(const struct prtc_ice *ice, const struct ice_pair *pair, prtc_time round_trip) {
  if (pair->state != PAIR_IN_PROGRESS) return PRTC_NEVER;
  for (size_t i = 0; i < ice->transactions.count; i++) {
    const struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->pair != pair || transaction->cancelled) continue;
    return transaction->sent == 0 ? PRTC_NEVER : transaction->first_sent + round_trip + ice->ta;
  }
  return 0;
}

/* When none that is better than `best` is waited for any more. */
static prtc_time better_awaited_until(const struct prtc_ice *ice, const struct ice_pair *best) {
  prtc_time latest = 0;
  for (size_t i = 0; i < ice->pairs.count; i++) {
    const struct ice_pair *pair = ice->pairs.items[i];
    if (pair->state >= PAIR_SUCCEEDED || pair->priority <= best->priority) continue;
    prtc_time until = awaited_until(ice, pair, best->round_trip_time);
    if (until > latest) latest = until;
  }
  return latest;
}

void prtc_ice_nominate_step(struct prtc_ice *ice) {
  bool wanted = ice->controlling && ice->remote_known && ice->failure == 0 && !is_nominating(ice);
  struct ice_pair *best = wanted ? best_pair(ice) : NULL;
  ice->nomination_due = PRTC_NEVER;
  if (best == NULL) {
    ice->nomination = PRTC_NEVER;
    return;
  }
  if (ice->nomination == PRTC_NEVER) {
    prtc_time wait = best->round_trip_time;
    wait = wait < LEAST_WAIT ? LEAST_WAIT : wait > MOST_WAIT ? MOST_WAIT : wait;
    ice->nomination = ice->now + wait;
  }
  prtc_time until = better_awaited_until(ice, best);
  if (until > ice->nomination) until = ice->nomination;
  if (until > ice->now) {
    ice->nomination_due = until;
    return;
  }
  struct ice_transaction *transaction =
      prtc_ice_add_transaction(ice, TRANSACTION_CHECK, best->socket, &best->remote->address);
  ice->nomination = PRTC_NEVER;
  if (transaction == NULL) {
    ice->nomination = ice->nomination_due = ice->now + ice->ta; /* no memory: once more */
    return;
  }
  /* The path works and its round trip is known: RFC 8489 section 6.2.1 lets the RTO follow. */
  prtc_time rto = 2 * best->round_trip_time;
  transaction->rto = rto < LEAST_RTO ? LEAST_RTO : rto;
  transaction->most_rto = rto > MOST_RTO ? rto : MOST_RTO;
  transaction->pair = best;
  transaction->use_candidate = transaction->started = transaction->ready = true;
  if (ice->remote_renominates) transaction->nomination = ++ice->last_nomination;
}

void prtc_ice_consider(struct prtc_ice *ice, struct ice_pair *pair) {
  const struct ice_path *path = &ice->path;
  bool renominated = pair->nomination > ice->last_nomination, settled = prtc_ice_is_settled(ice);
  if (pair->nomination != 0 && pair->nomination < ice->last_nomination) return; /* it was overtaken */
  if (renominated) ice->last_nomination = pair->nomination;
  if (path->valid && path->pair == pair) return;
  /* RFC 8445 section 8.1.1 has just one nominated pair: a further one is the other side's decision to move, and is
   * followed. RFC 5245's aggressive nomination, known by its marking the very first check of a pair, means the best of
   * several. */
  bool lesser = settled && pair->priority < path->pair->priority;
  if (lesser && !renominated && !pair->heard_plain && ice->now - path->pair->nominated_at < AGGRESSIVE_PHASE) return;
  prtc_ice_select(ice, pair);
}

void prtc_ice_select(struct prtc_ice *ice, struct ice_pair *pair) {
  struct ice_path *path = &ice->path;
  if (!prtc_ice_prove_selected(ice, pair)) return;
  bool told = !path->valid && ice->told_pair == pair->stats.id;
  bool same = path->valid && path->socket == pair->socket && prtc_ice_same_address(&path->remote, &pair->remote->address);
  if (path->valid && !same) {
    ice->former_socket = path->socket->id;
    ice->former_remote = path->remote;
  }
  for (size_t i = ice->transactions.count; i-- > 0;) {
    struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->kind != TRANSACTION_GATHER) prtc_ice_remove_transaction(ice, transaction);
  }
  for (size_t i = 0; i < ice->pairs.count; i++) {
    struct ice_pair *other = ice->pairs.items[i];
    if (other->state < PAIR_SUCCEEDED) other->state = PAIR_FROZEN; /* kept for the day when this path is lost */
    other->trigger_order = 0;
  }
  for (size_t i = 0; i < ice->sockets.count; i++) ((struct ice_socket *)ice->sockets.items[i])->was_there = true;
  ice->lost_at = PRTC_NEVER;
  *path = (struct ice_path){
      .valid = true,
      .pair = pair,
      .socket = pair->socket,
      .remote = pair->remote->address,
      .local_type = pair->local_type,
      .remote_type = pair->remote->type,
      .round_trip_time = pair->round_trip_time,
      .credentials = ice->credentials,
  };
  PRTC_LOG(ice->context, PRTC_LOG_INFO, "ice", "selected a pair of local type %d and remote type %d, round trip %llu us",
           (int)path->local_type, (int)path->remote_type, (unsigned long long)path->round_trip_time);
  prtc_ice_drop_other_connections(ice);
  prtc_ice_consent_start(ice);
  if (!told) prtc_ice_push_event(ice, &(struct ice_event){.type = PRTC_ICE_EVENT_SELECTED_PAIR});
}
