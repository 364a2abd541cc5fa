/* Consent to send, on the selected pair (RFC 7675), and with it what a keepalive would do (RFC 8445 section 11).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Two clocks run. Consent: without a response for 30 s, nothing may be sent any more, and the connection has failed.
 * Connectivity: when a check has not been answered for a while, the other pairs are tried again; when no request of the
 * other side has come either, the state is `disconnected` until one or the other does.
 * A lite agent sends no checks: there, both clocks go by the other side's, which come every 4 to 6 s.
 */
#include "core/ice/internal.h"

/* RFC 7675 section 5.1: the interval times 0.8 to 1.2, after an answer. At one of a hundred moments in it, which are the same for all
 * connections of an endpoint: where there are thousands, their checks leave together, and one wake-up serves many. */
static void schedule(struct prtc_ice *ice) {
  uint64_t interval = ice->config.consent_interval, step = interval / 100 + 1;
  uint64_t per_mille = 800 + prtc_random_below(&ice->context->random, 391);
  ice->path.consent_next = ((ice->now + interval * per_mille / 1000) / step + 1) * step;
}

/* While a check is not answered, the next follows after a fifth of that, 1 s (but leave an answer its time). RFC 7675 has
 * at least 4 s between all checks; so a live path that loses 30 % of its packets would lose consent every half hour or
 * so. */
static void schedule_again(struct prtc_ice *ice) {
  uint64_t wait = ice->config.consent_interval / (ice->path.suspected ? 25 : 5),
           round_trips = 2 * ice->path.round_trip_time;
  ice->path.consent_next = ice->now + (wait > round_trips ? wait : round_trips) + 1;
}

void prtc_ice_consent_start(struct prtc_ice *ice) {
  ice->path.answered_at = ice->path.heard_at = ice->now;
  ice->path.unanswered_since = PRTC_NEVER;
  ice->path.doubtful = ice->path.disconnected = false;
  ice->patience = PRTC_NEVER;
  schedule(ice);
  if (ice->config.lite != 0) ice->path.consent_next = PRTC_NEVER;
}

static prtc_time expiry(const struct prtc_ice *ice) {
  return (ice->config.lite != 0 ? ice->path.heard_at : ice->path.answered_at) + ice->config.consent_timeout;
}

static prtc_time doubt(const struct prtc_ice *ice) {
  const struct ice_path *path = &ice->path;
  if (path->doubtful || path->unanswered_since == PRTC_NEVER) return PRTC_NEVER;
  uint64_t patience = ice->config.consent_interval / 8 + 2 * path->round_trip_time; /* of three checks and their answers */
  if (path->suspected && patience < ice->config.disconnect_timeout) return path->suspected_at + patience;
  return path->unanswered_since + ice->config.disconnect_timeout;
}

static prtc_time disconnection(const struct prtc_ice *ice) {
  const struct ice_path *path = &ice->path;
  if (path->disconnected) return PRTC_NEVER;
  prtc_time interval = (prtc_time)ice->config.consent_interval * 6 / 5;
  if (ice->config.lite != 0) return path->heard_at + interval + ice->config.disconnect_timeout;
  if (path->unanswered_since == PRTC_NEVER) return PRTC_NEVER;
  prtc_time silent_since = path->heard_at > path->unanswered_since ? path->heard_at : path->unanswered_since;
  return silent_since + ice->config.disconnect_timeout;
}

static bool check_is_unsent(const struct prtc_ice *ice) {
  for (size_t i = 0; i < ice->transactions.count; i++) {
    const struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->kind == TRANSACTION_CONSENT && transaction->ready) return true;
  }
  return false;
}

static bool has_valid_pair(const struct prtc_ice *ice) {
  for (size_t i = 0; i < ice->pairs.count; i++) {
    const struct ice_pair *pair = ice->pairs.items[i];
    if (pair->valid) return true;
  }
  return false;
}

/* Controlled, without a selected pair: because its socket is gone, or because nothing is nominated although pairs work, as
 * when a NAT has given this side another address since. The other side is shown now and then what works, until it
 * nominates. */
static bool nudges(const struct prtc_ice *ice) {
  if (ice->path.valid || ice->controlling || ice->failure != 0) return false;
  return ice->lost_at != PRTC_NEVER || has_valid_pair(ice);
}

/* A nomination takes a round trip, and some waiting for better pairs. */
void prtc_ice_nudge_later(struct prtc_ice *ice, uint64_t round_trip) {
  if (round_trip > ice->nudge_round_trip) ice->nudge_round_trip = round_trip;
  ice->nudge_at = ice->now + ice->config.consent_interval / 5 + 2 * ice->nudge_round_trip + 1;
}

static void nudge(struct prtc_ice *ice) {
  if (!nudges(ice) || ice->nudge_at > ice->now) return;
  prtc_ice_nudge_later(ice, 0);
  for (size_t i = 0; i < ice->pairs.count; i++) {
    struct ice_pair *pair = ice->pairs.items[i];
    if (pair->state == PAIR_SUCCEEDED) pair->state = PAIR_WAITING;
  }
}

void prtc_ice_consent_step(struct prtc_ice *ice) {
  struct ice_path *path = &ice->path;
  if (path->valid && expiry(ice) <= ice->now) {
    bool restarted = path->pair == NULL && ice->remote_known; /* then it is for the new generation to find a path or fail */
    prtc_ice_lose_path(ice);
    if (!restarted) prtc_ice_fail(ice, PRTC_ERROR_CONSENT_EXPIRED);
  }
  nudge(ice);
  if (!path->valid) return;
  if (path->consent_next <= ice->now) {
    /* each check is a transaction of its own (RFC 7675 section 5.1) */
    if (!check_is_unsent(ice)) {
      struct ice_transaction *transaction = prtc_ice_add_transaction(ice, TRANSACTION_CONSENT, path->socket, &path->remote);
      if (transaction != NULL) transaction->started = transaction->ready = true;
    }
    schedule_again(ice);
  }
  if (doubt(ice) <= ice->now) {
    path->doubtful = true;
    prtc_ice_recheck_pairs(ice);
  }
  if (disconnection(ice) <= ice->now) path->disconnected = true;
}

prtc_time prtc_ice_consent_deadline(const struct prtc_ice *ice) {
  if (!ice->path.valid) return nudges(ice) ? ice->nudge_at : PRTC_NEVER;
  const prtc_time times[] = {ice->path.consent_next, doubt(ice), disconnection(ice)};
  prtc_time deadline = expiry(ice);
  for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
    if (times[i] < deadline) deadline = times[i];
  }
  return deadline;
}

void prtc_ice_consent_answered(struct prtc_ice *ice, const struct ice_transaction *transaction) {
  struct ice_path *path = &ice->path;
  path->answered_at = ice->now;
  path->unanswered_since = PRTC_NEVER;
  path->suspected = path->doubtful = path->disconnected = false;
  path->round_trip_time = ice->now - transaction->first_sent;
  schedule(ice);
  for (size_t i = ice->transactions.count; i-- > 0;) { /* the earlier ones have nothing more to tell */
    struct ice_transaction *other = ice->transactions.items[i];
    if (other->kind == TRANSACTION_CONSENT) prtc_ice_remove_transaction(ice, other);
  }
}

void prtc_ice_consent_heard(struct prtc_ice *ice) {
  ice->path.heard_at = ice->now;
  ice->path.disconnected = false;
}

/* The other side, which does not control, checks another pair than the selected one, as it does when that is gone for it:
 * is it? It is asked at once, and doubted sooner. Not more than once a second, for some check all pairs for ever. */
void prtc_ice_consent_suspect(struct prtc_ice *ice, const struct ice_pair *pair) {
  struct ice_path *path = &ice->path;
  /* Our own check has called for it. */
  if (pair->checked_at != 0 && ice->now - pair->checked_at < ice->config.consent_interval / 5) return;
  if (!prtc_ice_is_settled(ice) || path->suspected || path->suspect_next > ice->now) return;
  path->suspected = true;
  path->suspected_at = ice->now;
  path->suspect_next = ice->now + ice->config.consent_interval / 5;
  path->consent_next = ice->now;
}

/* The selected pair is of no more use. */
void prtc_ice_lose_path(struct prtc_ice *ice) {
  struct ice_pair *pair = ice->path.pair;
  for (size_t i = ice->transactions.count; i-- > 0;) {
    struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->kind == TRANSACTION_CONSENT) prtc_ice_remove_transaction(ice, transaction);
  }
  ice->path.valid = false;
  prtc_ice_recheck_pairs(ice);
  if (pair != NULL) {
    /* RFC 7675 section 5.1: with these credentials nothing is sent there again */
    pair->state = PAIR_FAILED;
    pair->valid = pair->heard = false;
  }
  ice->path.pair = NULL;
}
