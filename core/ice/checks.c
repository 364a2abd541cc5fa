/* Binding requests that this side sends, connectivity checks above all: when, how often, and what an answer means (RFC 8445
 * sections 6.1.4 and 7.2, RFC 8489 section 6.2.1).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/base/text.h"
#include "core/ice/internal.h"

/* RFC 8489 section 6.2.1 doubles the interval of retransmission Rc - 1 times and then waits Rm times the first RTO.
 * Here a request is tried for just as long, but the interval ends at four times the first: with the RFC's of up to 16 s
 * a path that loses a third of its packets is often found only after ten seconds and more. (18 datagrams of 110 bytes
 * in 40 s instead of 7.) A nomination goes over a path that works, so it may be quicker still. */
#define MOST_RTO 4
#define RM 16
/* A server that is away shall not hold up gathering for the 40 s of a connectivity check: five transmissions in 3.5 s, and 1 s
 * for the last answer. */
#define RM_GATHER 2
#define RC_GATHER 4
#define MOST_RTO_GATHER 2

/* ----------------------------------------------------------------------------------------------------- transactions */

/* RFC 8445 section 14.3: so that the retransmissions of all checks together keep to the pace. */
static prtc_time first_rto(const struct prtc_ice *ice) {
  prtc_time least = ice->config.initial_rto;
  size_t active = 0;
  for (size_t i = 0; i < ice->pairs.count; i++) {
    const struct ice_pair *pair = ice->pairs.items[i];
    bool repeated = pair->socket->tcp_type == PRTC_TCP_NONE;
    if (repeated && (pair->state == PAIR_WAITING || pair->state == PAIR_IN_PROGRESS)) active++;
  }
  prtc_time paced = ice->ta * active;
  return paced > least ? paced : least;
}

/* When the last of `count` doubling transmissions leaves. */
static prtc_time window_of(const struct prtc_ice *ice, uint32_t count) {
  return (prtc_time)ice->config.initial_rto * ((UINT64_C(1) << (count - 1)) - 1);
}

prtc_time prtc_ice_patience(const struct prtc_ice *ice) {
  return window_of(ice, ice->config.max_transmissions) + RM * (prtc_time)ice->config.initial_rto;
}

struct ice_transaction *prtc_ice_add_transaction(struct prtc_ice *ice, enum transaction_kind kind,
                                                 struct ice_socket *socket, const prtc_address *remote) {
  prtc_time least = ice->config.initial_rto;
  uint32_t rc = ice->config.max_transmissions;
  bool gathers = kind == TRANSACTION_GATHER;
  if (ice->transactions.count >= MAX_TRANSACTIONS) return NULL;
  struct ice_transaction *transaction = prtc_allocate(ice->context, sizeof *transaction);
  if (transaction == NULL) return NULL;
  if (prtc_ice_list_add(ice, &ice->transactions, transaction) < 0) {
    prtc_release(ice->context, transaction);
    return NULL;
  }
  prtc_random_bytes(&ice->context->random, transaction->id, sizeof transaction->id);
  transaction->kind = kind;
  transaction->socket = socket;
  transaction->remote = *remote;
  transaction->controlling = ice->controlling;
  transaction->tie_breaker = ice->tie_breaker;
  transaction->rto = first_rto(ice);
  prtc_time most = (gathers ? MOST_RTO_GATHER : MOST_RTO) * least;
  transaction->most_rto = transaction->rto > most ? transaction->rto : most;
  transaction->window = window_of(ice, gathers && rc > RC_GATHER ? RC_GATHER : rc);
  transaction->patience = transaction->window + (gathers ? RM_GATHER : RM) * least;
  transaction->due = PRTC_NEVER;
  prtc_ice_share_transaction(ice, transaction);
  return transaction;
}

void prtc_ice_remove_transaction(struct prtc_ice *ice, struct ice_transaction *transaction) {
  prtc_ice_unshare(ice, &transaction->entry);
  prtc_ice_list_remove(&ice->transactions, transaction);
  prtc_release(ice->context, transaction);
}

static void start(struct ice_transaction *transaction) { transaction->started = transaction->ready = true; }

/* Of a pair whose fate is known, nothing is waited for any more; a nomination is not about the pair's fate. */
static void remove_checks(struct prtc_ice *ice, const struct ice_pair *pair, bool nominations_too) {
  for (size_t i = ice->transactions.count; i-- > 0;) {
    struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->pair == pair && (nominations_too || !transaction->use_candidate)) {
      prtc_ice_remove_transaction(ice, transaction);
    }
  }
}

int prtc_ice_write_request(struct prtc_ice *ice, const struct ice_transaction *transaction, uint8_t *buffer,
                           size_t capacity) {
  struct prtc_stun_writer writer;
  prtc_stun_begin(&writer, buffer, capacity, PRTC_STUN_REQUEST, PRTC_STUN_METHOD_BINDING, transaction->id);
  if (transaction->kind == TRANSACTION_GATHER) return prtc_stun_finish(&writer, NULL, 0);
  const struct ice_credentials *credentials =
      transaction->kind == TRANSACTION_CONSENT ? &ice->path.credentials : &ice->credentials;
  char name[2 * 257];
  struct prtc_text username = prtc_text_of(name, sizeof name);
  prtc_text_print(&username, "%s:%s", credentials->remote_ufrag, credentials->local_ufrag);
  /* RFC 8445 section 7.1: the role, and the priority that a peer-reflexive candidate of this socket would have */
  prtc_stun_add(&writer, PRTC_STUN_USERNAME, name, username.size);
  prtc_stun_add_u64(&writer, transaction->controlling ? PRTC_STUN_ICE_CONTROLLING : PRTC_STUN_ICE_CONTROLLED,
                    transaction->tie_breaker);
  /* A consent check says again that its pair is the nominated one: when a NAT has forgotten its mapping, it comes from an
   * address that the other side does not know yet, and that side is to follow. */
  bool again = transaction->kind == TRANSACTION_CONSENT && transaction->controlling && ice->path.pair != NULL;
  for (size_t i = 0; again && i < ice->transactions.count; i++) { /* not when another is being nominated */
    again = !((const struct ice_transaction *)ice->transactions.items[i])->use_candidate;
  }
  uint32_t nomination = again ? ice->path.nomination : transaction->nomination;
  if (transaction->use_candidate || again) prtc_stun_add(&writer, PRTC_STUN_USE_CANDIDATE, NULL, 0);
  if (nomination != 0) prtc_stun_add_u32(&writer, PRTC_STUN_NOMINATION, nomination);
  prtc_stun_add_u32(&writer, PRTC_STUN_PRIORITY, prtc_ice_priority(PRTC_CANDIDATE_PEER_REFLEXIVE, transaction->socket));
  return prtc_stun_finish(&writer, credentials->remote_password, strlen(credentials->remote_password));
}

/* Somebody may have sent a check of the other side in the name of a third one: by a copy (server.c) that one gets one check
 * of ours, by an original that came in its stead, and with a selected pair that works, two. Each further check of the other
 * side is followed by one of ours. */
static bool is_enough(const struct prtc_ice *ice, const struct ice_transaction *transaction) {
  const struct ice_pair *pair = transaction->pair;
  if (pair == NULL || pair->valid) return false;
  bool unknown = pair->remote->type == PRTC_CANDIDATE_PEER_REFLEXIVE && prtc_ice_is_settled(ice);
  return pair->doubted || (unknown && transaction->sent >= 2);
}

/* It has left: when is it due again? */
void prtc_ice_sent(struct prtc_ice *ice, struct ice_transaction *transaction) {
  if (transaction->sent++ == 0) transaction->first_sent = ice->now;
  transaction->last_sent = ice->now;
  transaction->ready = false;
  prtc_ice_pair_stats *stats = prtc_ice_stats_of(ice, transaction->socket, &transaction->remote);
  if (transaction->kind == TRANSACTION_CHECK) {
    ice->checks_sent++;
    if (transaction->pair != NULL) transaction->pair->checked_at = ice->now;
    if (stats != NULL) stats->requests_sent++;
  } else if (transaction->kind == TRANSACTION_CONSENT && stats != NULL) {
    stats->consent_requests_sent++;
  }
  if (transaction->kind == TRANSACTION_CONSENT) {
    transaction->due = ice->now + ice->config.consent_timeout;
    if (ice->path.unanswered_since == PRTC_NEVER) ice->path.unanswered_since = ice->now;
    return;
  }
  if (transaction->socket->tcp_type != PRTC_TCP_NONE) { /* RFC 8489 section 6.2.2: it will arrive */
    transaction->due = ice->now + transaction->patience;
    return;
  }
  prtc_time next = ice->now + transaction->rto;
  bool again = next <= transaction->first_sent + transaction->window && !is_enough(ice, transaction);
  transaction->due = again ? next : transaction->first_sent + transaction->patience;
  if (transaction->due < next) transaction->due = next; /* it has been sent late: an answer needs its time */
  transaction->rto *= 2;
  if (transaction->rto > transaction->most_rto) transaction->rto = transaction->most_rto;
}

void prtc_ice_log_pair(struct prtc_ice *ice, const struct ice_pair *pair, const char *what) {
  char local[PRTC_ADDRESS_TEXT_SIZE], remote[PRTC_ADDRESS_TEXT_SIZE];
  if (ice->context->log.level < PRTC_LOG_DEBUG) return;
  if (prtc_address_print(&pair->socket->address, local, sizeof local) < 0) return;
  if (prtc_address_print(&pair->remote->address, remote, sizeof remote) < 0) return;
  PRTC_LOG(ice->context, PRTC_LOG_DEBUG, "ice", "%s to %s %s", local, remote, what);
}

void prtc_ice_fail_check(struct prtc_ice *ice, struct ice_transaction *transaction) {
  struct ice_pair *pair = transaction->pair;
  const struct ice_transaction ended = *transaction;
  bool cancelled = transaction->cancelled;
  prtc_ice_remove_transaction(ice, transaction);
  if (ended.kind == TRANSACTION_GATHER) prtc_ice_gather_failed(ice, &ended);
  if (cancelled || pair == NULL) return; /* another check of this pair decides */
  remove_checks(ice, pair, true);
  pair->state = PAIR_FAILED;
  prtc_ice_log_pair(ice, pair, "has failed");
}

/* The connection has failed: only what is new may be tried after this. */
void prtc_ice_stop_checks(struct prtc_ice *ice) {
  for (size_t i = 0; i < ice->pairs.count; i++) {
    struct ice_pair *pair = ice->pairs.items[i];
    remove_checks(ice, pair, true);
    pair->state = PAIR_FAILED;
    pair->trigger_order = 0;
  }
}

static void expire(struct prtc_ice *ice) {
  for (size_t i = ice->transactions.count; i-- > 0;) {
    if (i >= ice->transactions.count) continue; /* failing one may take others of its pair along */
    struct ice_transaction *transaction = ice->transactions.items[i];
    if (!transaction->started || transaction->ready || transaction->due > ice->now) continue;
    bool over = transaction->cancelled || transaction->kind == TRANSACTION_CONSENT;
    if (!over && transaction->due <= transaction->first_sent + transaction->window) {
      transaction->ready = true;
    } else {
      prtc_ice_fail_check(ice, transaction);
    }
  }
}

/* --------------------------------------------------------------------------------------------------------- starting */

static bool start_check(struct prtc_ice *ice, struct ice_pair *pair) {
  if (!prtc_ice_need_connection(ice, pair)) return false;
  struct ice_transaction *transaction =
      prtc_ice_add_transaction(ice, TRANSACTION_CHECK, pair->socket, &pair->remote->address);
  if (transaction == NULL) return false;
  transaction->pair = pair;
  transaction->after_heard = pair->heard;
  start(transaction);
  if (!prtc_ice_is_connected(pair->socket)) {
    transaction->ready = false;
    transaction->due = ice->now + transaction->patience;
  }
  pair->state = PAIR_IN_PROGRESS;
  if (pair->tried_since == 0) pair->tried_since = ice->now;
  pair->trigger_order = 0;
  prtc_ice_log_pair(ice, pair, "is checked");
  return true;
}

/* RFC 8445 section 7.3.1.4: an authenticated check has come over this pair. A check under way on it is not repeated any
 * more (its answer still counts), and one is queued before all ordinary ones: what was sent before the other side's NAT let
 * it in is lost. One that was sent since then is repeated instead, where it is time: else on a path of long round trips
 * each side's checks would put an end to the other's for ever. */
void prtc_ice_trigger(struct prtc_ice *ice, struct ice_pair *pair) {
  if (pair->state == PAIR_SUCCEEDED || pair->trigger_order != 0 || ice->config.lite != 0) return;
  for (size_t i = ice->transactions.count; pair->state == PAIR_IN_PROGRESS && i-- > 0;) {
    struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->pair != pair || transaction->cancelled) continue;
    if (transaction->sent == 0) return; /* it has not left yet: it is the triggered one */
    if (transaction->after_heard) {
      bool may_be_lost = pair->socket->tcp_type == PRTC_TCP_NONE;
      if (may_be_lost && ice->now - transaction->last_sent >= ice->config.initial_rto) transaction->ready = true;
      return;
    }
    transaction->cancelled = true;
    transaction->ready = false;
    transaction->due = transaction->first_sent + transaction->patience;
    if (transaction->due <= ice->now) transaction->due = ice->now + transaction->rto;
  }
  pair->state = PAIR_WAITING;
  pair->trigger_order = ++ice->trigger_order;
}

static struct ice_pair *next_triggered(const struct prtc_ice *ice) {
  struct ice_pair *first = NULL;
  for (size_t i = 0; i < ice->pairs.count; i++) {
    struct ice_pair *pair = ice->pairs.items[i];
    if (pair->trigger_order != 0 && (first == NULL || pair->trigger_order < first->trigger_order)) first = pair;
  }
  return first;
}

static struct ice_transaction *next_gathering(const struct prtc_ice *ice) {
  for (size_t i = 0; i < ice->transactions.count; i++) {
    struct ice_transaction *transaction = ice->transactions.items[i];
    if (!transaction->started) return transaction;
  }
  return NULL;
}

/* The last paced request still waits for transmit: until it has left, no other is started. */
static bool start_is_unsent(const struct prtc_ice *ice) {
  for (size_t i = 0; i < ice->transactions.count; i++) {
    const struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->ready && transaction->sent == 0 && transaction->kind != TRANSACTION_CONSENT) return true;
  }
  return false;
}

bool prtc_ice_is_settled(const struct prtc_ice *ice) {
  return ice->path.valid && ice->path.pair != NULL && !ice->path.doubtful;
}

/* RFC 8445 section 14.2: gathering and checks keep to Ta, each by itself, and together to the 5 ms that are the least for
 * all that a host does: so a server that does not answer holds no check up. */
static void start_paced(struct prtc_ice *ice) {
  if (ice->any_pace > ice->now || start_is_unsent(ice)) return;
  struct ice_transaction *gathering = ice->gather_pace <= ice->now ? next_gathering(ice) : NULL;
  struct ice_pair *pair = ice->pace <= ice->now ? prtc_ice_next_pair(ice) : NULL;
  if (pair != NULL) {
    ice->pace = ice->now + ice->ta;
    (void)start_check(ice, pair); /* without memory: after the next Ta */
  } else if (gathering != NULL) {
    ice->gather_pace = ice->now + (ice->ta > DEFAULT_TA ? ice->ta : DEFAULT_TA);
    start(gathering);
  } else {
    return;
  }
  ice->any_pace = ice->now + LEAST_TA;
}

void prtc_ice_checks_step(struct prtc_ice *ice) {
  struct ice_pair *pair;
  expire(ice);
  /* Triggered checks do not wait for the pace (RFC 8445 section 14 has them do so): each is paid for by an
   * authenticated check of the other side, which keeps to its pace. So two good paths connect in round trips, not in
   * multiples of Ta. */
  while (ice->remote_known && ice->failure == 0 && (pair = next_triggered(ice)) != NULL) {
    if (!start_check(ice, pair)) break;
    ice->pace = ice->now + ice->ta;
  }
  start_paced(ice);
}

prtc_time prtc_ice_checks_deadline(const struct prtc_ice *ice) {
  prtc_time deadline = PRTC_NEVER;
  for (size_t i = 0; i < ice->transactions.count; i++) {
    const struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->started && !transaction->ready && transaction->due < deadline) deadline = transaction->due;
  }
  if (start_is_unsent(ice)) return deadline;
  prtc_time start = next_gathering(ice) != NULL ? ice->gather_pace : PRTC_NEVER;
  if (ice->pace < start && prtc_ice_next_pair(ice) != NULL) start = ice->pace;
  if (start < ice->any_pace) start = ice->any_pace;
  return start < deadline ? start : deadline;
}

/* -------------------------------------------------------------------------------------------------------- responses */

static struct ice_transaction *find_transaction(const struct prtc_ice *ice, const uint8_t *id) {
  for (size_t i = 0; i < ice->transactions.count; i++) {
    struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->sent > 0 && memcmp(transaction->id, id, sizeof transaction->id) == 0) return transaction;
  }
  return NULL;
}

/* RFC 8445 section 7.2.5.1: roles clash, and the other side has the larger tie-breaker. */
static void take_role_conflict(struct prtc_ice *ice, struct ice_transaction *transaction) {
  struct ice_pair *pair = transaction->pair;
  bool controlling = transaction->controlling;
  prtc_ice_remove_transaction(ice, transaction);
  if (pair != NULL && pair->state != PAIR_SUCCEEDED) {
    remove_checks(ice, pair, true);
    pair->state = PAIR_WAITING;
    pair->trigger_order = ++ice->trigger_order;
  }
  /* A stale one, of a check that was sent before the role was changed already, changes nothing more. */
  if (controlling != ice->controlling) return;
  PRTC_LOG(ice->context, PRTC_LOG_INFO, "ice", "role conflict: now %s", controlling ? "controlled" : "controlling");
  ice->tie_breaker = prtc_random_u64(&ice->context->random);
  prtc_ice_set_role(ice, !controlling);
}

static void take_success(struct prtc_ice *ice, struct ice_transaction *transaction, const prtc_address *mapped) {
  struct ice_pair *pair = transaction->pair;
  bool nominates = transaction->use_candidate;
  uint32_t nomination = transaction->nomination;
  uint64_t round_trip = transaction->sent == 1 ? ice->now - transaction->first_sent : 0; /* else it is not known of which */
  pair->local_type = prtc_ice_reflexive_type(ice, pair->socket, mapped);
  pair->state = PAIR_SUCCEEDED;
  pair->tried_since = 0;
  if (!pair->valid) prtc_ice_nudge_later(ice, ice->now - transaction->first_sent);
  pair->valid = true;
  pair->used_at = ice->now;
  pair->trigger_order = 0;
  if (round_trip > 0 || pair->round_trip_time == 0) pair->round_trip_time = round_trip;
  prtc_ice_log_pair(ice, pair, nominates ? "works, and is nominated" : "works");
  remove_checks(ice, pair, nominates);
  if (!prtc_ice_prove(ice, pair)) return;
  /* RFC 8445 section 7.2.5.3.3: what shares its foundation is likely to work too */
  for (size_t i = 0; i < ice->pairs.count; i++) {
    struct ice_pair *other = ice->pairs.items[i];
    if (other->state == PAIR_FROZEN && strcmp(other->remote->foundation, pair->remote->foundation) == 0) {
      other->state = PAIR_WAITING;
    }
  }
  if (ice->controlling && nominates) {
    prtc_ice_select(ice, pair);
    ice->path.nomination = nomination;
  }
  if (!ice->controlling && pair->nominated) prtc_ice_consider(ice, pair);
}

int prtc_ice_take_response(struct prtc_ice *ice, const struct prtc_stun_message *message, const prtc_datagram *datagram) {
  struct ice_transaction *transaction = find_transaction(ice, message->transaction);
  if (transaction == NULL) return PRTC_ERROR_UNEXPECTED;
  bool symmetric =
      datagram->socket == transaction->socket->id && prtc_ice_same_address(&datagram->remote, &transaction->remote);
  if (transaction->kind == TRANSACTION_GATHER) {
    return symmetric ? prtc_ice_gather_response(ice, transaction, message) : PRTC_ERROR_UNEXPECTED;
  }
  const struct ice_credentials *credentials =
      transaction->kind == TRANSACTION_CONSENT ? &ice->path.credentials : &ice->credentials;
  int code = prtc_stun_check_integrity(message, credentials->remote_password, strlen(credentials->remote_password));
  if (code < 0) {
    ice->refused++;
    return code;
  }
  uint16_t unknown;
  prtc_address mapped;
  if (prtc_stun_unknown_attributes(message, &unknown, 1) > 0) return PRTC_ERROR_MALFORMED; /* RFC 8489 section 6.3.3 */
  ice->answers++;
  prtc_ice_pair_stats *stats = prtc_ice_stats_of(ice, transaction->socket, &transaction->remote);
  if (symmetric && stats != NULL && message->message_class == PRTC_STUN_SUCCESS) {
    stats->responses_received++;
    if (transaction->sent == 1) stats->total_round_trip_time += ice->now - transaction->first_sent;
  }
  if (!symmetric) { /* RFC 8445 section 7.2.5.2.1 */
    if (transaction->kind == TRANSACTION_CHECK) prtc_ice_fail_check(ice, transaction);
    return PRTC_ERROR_UNEXPECTED;
  }
  if (message->message_class == PRTC_STUN_ERROR) {
    if (prtc_stun_find_error(message) == PRTC_STUN_ERROR_ROLE_CONFLICT) {
      take_role_conflict(ice, transaction);
    } else if (transaction->kind == TRANSACTION_CHECK) {
      prtc_ice_fail_check(ice, transaction); /* RFC 8445 section 7.2.5.2.4 */
    }
    return 0;
  }
  if (!prtc_stun_find_xor_address(message, PRTC_STUN_XOR_MAPPED_ADDRESS, &mapped)) return PRTC_ERROR_MALFORMED;
  if (transaction->kind == TRANSACTION_CONSENT) {
    prtc_ice_consent_answered(ice, transaction);
  } else {
    take_success(ice, transaction, &mapped);
  }
  return 0;
}

int prtc_ice_unreachable(prtc_ice *ice, prtc_time now, prtc_socket_id socket, const prtc_address *remote) {
  int code = PRTC_ERROR_NOT_FOUND;
  prtc_ice_set_now(ice, now);
  for (size_t i = ice->transactions.count; i-- > 0;) {
    if (i >= ice->transactions.count) continue;
    struct ice_transaction *transaction = ice->transactions.items[i];
    if (transaction->kind == TRANSACTION_CONSENT || transaction->sent == 0 || transaction->socket->id != socket ||
        !prtc_ice_same_address(&transaction->remote, remote)) {
      continue;
    }
    if (transaction->pair == NULL || transaction->pair->state == PAIR_IN_PROGRESS) {
      prtc_ice_fail_check(ice, transaction);
      code = 0;
    }
  }
  prtc_ice_step(ice);
  return code;
}
