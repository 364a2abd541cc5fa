/* Descriptions and candidates: jsep decides what they mean, the transport is told.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/base/config.h"
#include "core/base/text.h"
#include "core/peer/state.h"

/* ------------------------------------------------------------------------------------------------------------ this side */

static void set_candidates(struct prtc_jsep_local *local, const struct local_candidates *candidates) {
  local->candidates = (const char *const *)candidates->texts;
  local->candidate_count = candidates->count;
  local->end_of_candidates = candidates->complete;
  local->port = candidates->port;
  local->connection = candidates->connection;
}

struct prtc_jsep_local prtc_peer_local_side(const prtc_peer *peer, prtc_ice_parameters *ice,
                                            prtc_sdp_fingerprint *fingerprint) {
  struct prtc_jsep_local local = {.ufrag = "", .password = "", .wants_data = peer->has_data};
  if (peer->transport == NULL || prtc_transport_get_ice_parameters(peer->transport, ice) < 0) return local;
  *fingerprint = (prtc_sdp_fingerprint){.algorithm = peer->fingerprint.algorithm, .value = peer->fingerprint.value};
  local.ufrag = ice->ufrag;
  local.password = ice->password;
  local.lite = ice->lite != 0;
  local.pacing = ice->pacing;
  local.renomination = ice->renomination != 0;
  local.fingerprints = fingerprint;
  local.fingerprint_count = 1;
  local.sctp_port = 5000; /* RFC 8841 section 5.2: what is usual */
  bool has_limit = peer->config.max_message_size != PRTC_MAX_MESSAGE_SIZE_NONE;
  local.max_message_size = has_limit ? peer->config.max_message_size : 0; /* RFC 8841 section 6.1: 0 is no limit */
  set_candidates(&local, &peer->candidates);
  return local;
}

static int fail_jsep(prtc_peer *peer, int code) {
  const char *why = prtc_jsep_error(peer->jsep);
  PRTC_LOG(peer->context, PRTC_LOG_INFO, "jsep", "refused: %.200s (%s)", why, prtc_error_name(code));
  return prtc_peer_fail(peer, code, why[0] != '\0' ? why : prtc_strerror(code));
}

/* ---------------------------------------------------------------------------------------------------------- ICE restart */

static void keep_ufrag(char out[UFRAG_ROOM], const char *ufrag) {
  struct prtc_text text = prtc_text_of(out, UFRAG_ROOM);
  out[0] = '\0';
  if (ufrag != NULL) prtc_text_print(&text, "%s", ufrag);
}

static bool is_ufrag(const char *a, const char *b) { return a != NULL && b != NULL && strcmp(a, b) == 0; }

/* W3C [[LocalIceCredentialsToReplace]] has those of this ufrag. */
static bool is_to_be_replaced(const prtc_peer *peer, const char *ufrag) {
  return ufrag != NULL && ufrag[0] != '\0' &&
         (is_ufrag(peer->to_replace[0], ufrag) || is_ufrag(peer->to_replace[1], ufrag));
}

/* What the next description says of this side: with other credentials when ICE is to be restarted. They are made here and
 * take effect when that description is applied (RFC 9429 section 5.2.3.1: an offer that is never applied changes
 * nothing). */
static struct prtc_jsep_local next_side(prtc_peer *peer, bool restarts, prtc_ice_parameters *ice,
                                        prtc_sdp_fingerprint *fingerprint) {
  struct prtc_jsep_local local = prtc_peer_local_side(peer, ice, fingerprint);
  restarts = peer->transport != NULL && (restarts || peer->ice_is_stale);
  if (restarts && !peer->has_next_ice) (void)prtc_transport_make_ice_parameters(peer->transport, &peer->next_ice);
  peer->has_next_ice = restarts;
  if (!restarts) return local;
  local.ufrag = peer->next_ice.ufrag;
  local.password = peer->next_ice.password;
  local.candidate_count = 0;
  local.end_of_candidates = false;
  local.port = 0;
  return local;
}

/* Our description is being applied: it may restart ICE. *restarted says so, for take_back when something fails. */
static int restart(prtc_peer *peer, prtc_time now, const struct prtc_jsep_data *data, bool *restarted) {
  prtc_ice_parameters former;
  *restarted = false;
  if (!peer->has_next_ice || !is_ufrag(data->ufrag, peer->next_ice.ufrag)) return PRTC_OK;
  bool servers_changed = peer->servers_changed;
  int result = prtc_transport_get_ice_parameters(peer->transport, &former);
  if (result == PRTC_OK) {
    prtc_peer_use_servers(peer, now);
    result = prtc_transport_restart(peer->transport, now, &peer->next_ice);
  }
  if (result < 0) return prtc_peer_fail(peer, result, "ICE could not be restarted");
  if (peer->former_ufrag[0] == '\0') {
    keep_ufrag(peer->former_ufrag, former.ufrag);
    peer->former_candidates = peer->candidates;
    peer->candidates = (struct local_candidates){0};
    peer->former_servers_changed = false;
  }
  peer->former_servers_changed |= servers_changed;
  prtc_peer_forget_local_candidates(peer, &peer->candidates);
  peer->ice_is_stale = peer->has_next_ice = false;
  (void)prtc_transport_gather(peer->transport, now); /* begins before the first candidate is told */
  *restarted = true;
  return PRTC_OK;
}

static void forget_former(prtc_peer *peer) {
  peer->former_ufrag[0] = '\0';
  prtc_peer_forget_local_candidates(peer, &peer->former_candidates);
}

/* ICE is as it was before the restart. */
static void take_back(prtc_peer *peer, prtc_time now) {
  if (prtc_transport_take_back(peer->transport, now) == PRTC_ERROR_INVALID_STATE) return;
  prtc_peer_forget_local_candidates(peer, &peer->candidates);
  peer->candidates = peer->former_candidates;
  peer->former_candidates = (struct local_candidates){0};
  peer->former_ufrag[0] = '\0';
  peer->servers_changed |= peer->former_servers_changed; /* what is gathered is again of those before */
}

/* --------------------------------------------------------------------------------------------------------------- create */

static int create_offer(prtc_peer *peer, prtc_time now, bool ice_restart, char *out, size_t capacity) {
  prtc_ice_parameters ice = {.ufrag = ""};
  prtc_sdp_fingerprint fingerprint;
  if (peer->config.always_negotiate_data) {
    int code = prtc_peer_need_transport(peer, now);
    if (code < 0) return code;
    peer->has_data = true;
  }
  (void)prtc_peer_local_side(peer, &ice, &fingerprint);
  bool in_use = is_ufrag(ice.ufrag, prtc_jsep_local_ufrag(peer->jsep, false)) ||
                is_ufrag(ice.ufrag, prtc_jsep_local_ufrag(peer->jsep, true));
  /* RFC 9429 section 5.2.3.1: a configuration that has changed asks for new credentials as well. */
  bool restarts = ((ice_restart || peer->servers_changed) && in_use) || is_to_be_replaced(peer, ice.ufrag);
  struct prtc_jsep_local local = next_side(peer, restarts, &ice, &fingerprint);
  int result = prtc_jsep_create_offer(peer->jsep, &local, out, capacity);
  return result < 0 ? fail_jsep(peer, result) : result;
}

static int create_answer(prtc_peer *peer, prtc_time now, char *out, size_t capacity) {
  prtc_ice_parameters ice;
  prtc_sdp_fingerprint fingerprint;
  struct prtc_jsep_data data;
  prtc_jsep_get_data(peer->jsep, &data);
  int result = data.asked != NULL ? prtc_peer_need_transport(peer, now) : PRTC_OK;
  if (result < 0) return result;
  struct prtc_jsep_local local = next_side(peer, prtc_jsep_remote_restarts(peer->jsep), &ice, &fingerprint);
  result = prtc_jsep_create_answer(peer->jsep, &local, out, capacity);
  return result < 0 ? fail_jsep(peer, result) : result;
}

/* Without a buffer nothing is: the implicit descriptions alone need none. */
static int written(int result, const char *out) {
  return result > 0 && out == NULL ? PRTC_ERROR_BUFFER_TOO_SMALL : result;
}

/* The end of a command: whatever failed has a sentence. */
static int end(prtc_peer *peer, int result) {
  if (result < 0 && peer->error[0] == '\0') prtc_peer_fail(peer, result, prtc_strerror(result));
  prtc_peer_wake(peer);
  return result;
}

int prtc_peer_create_offer(prtc_peer *peer, prtc_time now, const prtc_offer_options *options, char *out, size_t capacity) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  prtc_offer_options given = {.size = sizeof given};
  bool known = options == NULL || prtc_config_copy(&given, sizeof given, options);
  PRTC_RECORD(peer->context, peer_create_offer, now, PRTC_NUMBER(peer->id), PRTC_BYTES(known ? &given : NULL, sizeof given),
              PRTC_NUMBER(capacity));
  int result = prtc_peer_begin_negotiation(peer, &now);
  if (result < 0) return result;
  if (!known) {
    return prtc_peer_fail(peer, PRTC_ERROR_INVALID_ARGUMENT,
                          "the options' size is wrong, or they have members that are not known");
  }
  return end(peer, written(create_offer(peer, now, given.ice_restart != 0, out, capacity), out));
}

int prtc_peer_create_answer(prtc_peer *peer, prtc_time now, char *out, size_t capacity) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_create_answer, now, PRTC_NUMBER(peer->id), PRTC_NUMBER(capacity));
  int result = prtc_peer_begin_negotiation(peer, &now);
  if (result < 0) return result;
  return end(peer, written(create_answer(peer, now, out, capacity), out));
}

/* --------------------------------------------------------------------------------------------- what the other side says */

static const char new_association[] = "the other side's certificate changed after it was verified";

/* What the other side's section says, for the transport: of its fingerprints those of the strongest algorithm, for they
 * alone count (RFC 8122 section 5). */
struct remote_side {
  struct prtc_transport_remote transport;
  prtc_fingerprint fingerprints[PRTC_FINGERPRINTS_MAX];
};

/* From 1, the weakest, on; 0: not known. */
static int strength_of(const char *algorithm) {
  static const char *const known[] = {"sha-1", "sha-224", "sha-256", "sha-384", "sha-512"};
  for (int i = 0; i < (int)(sizeof known / sizeof known[0]); i++) {
    if (strcmp(known[i], algorithm) == 0) return i + 1;
  }
  return 0;
}

static bool has_fingerprint(const struct remote_side *side, const char *value) {
  for (size_t i = 0; i < side->transport.fingerprint_count; i++) {
    if (strcmp(side->fingerprints[i].value, value) == 0) return true;
  }
  return false;
}

static int read_fingerprints(prtc_peer *peer, const prtc_sdp_media *media, struct remote_side *out) {
  int strongest = 0;
  size_t *count = &out->transport.fingerprint_count;
  out->transport.fingerprints = out->fingerprints;
  for (size_t i = 0; i < media->fingerprint_count; i++) {
    const prtc_sdp_fingerprint *fingerprint = &media->fingerprints[i];
    int strength = strength_of(fingerprint->algorithm);
    if (strength > strongest) *count = 0;
    if (strength == 0 || strength < strongest || has_fingerprint(out, fingerprint->value)) continue;
    if (*count == PRTC_FINGERPRINTS_MAX) {
      return prtc_peer_fail(peer, PRTC_ERROR_INVALID_ACCESS,
                            "the section has more than 8 different fingerprints of one algorithm");
    }
    strongest = strength;
    prtc_fingerprint *next = &out->fingerprints[(*count)++]; /* sdp has checked the length of those that are known */
    memcpy(next->algorithm, fingerprint->algorithm, strlen(fingerprint->algorithm) + 1);
    memcpy(next->value, fingerprint->value, strlen(fingerprint->value) + 1);
  }
  if (*count > 0) return PRTC_OK;
  return prtc_peer_fail(peer, PRTC_ERROR_INVALID_ACCESS, "no fingerprint is of an algorithm that is known");
}

/* Reads a section of the other side; all but the role. */
static int read_section(prtc_peer *peer, const prtc_sdp_media *media, struct remote_side *out) {
  *out = (struct remote_side){0};
  int result = read_fingerprints(peer, media, out);
  if (result < 0) return result;
  memcpy(out->transport.ice.ufrag, media->ice_ufrag, strlen(media->ice_ufrag) + 1); /* at most 256 characters: sdp */
  memcpy(out->transport.ice.password, media->ice_pwd, strlen(media->ice_pwd) + 1);
  return PRTC_OK;
}

/* Candidates name their generation, for ICE may be ahead of it (a restart that is not answered yet). */
static int add_candidate(prtc_peer *peer, prtc_time now, const char *text, const char *ufrag) {
  prtc_candidate candidate;
  size_t size = strlen(ufrag);
  int result = prtc_candidate_parse(&candidate, text, strlen(text));
  if (result < 0) return PRTC_OK; /* of no use, and no fault: polyrtc/peer.h */
  if (candidate.ufrag[0] == '\0' && size < sizeof candidate.ufrag) memcpy(candidate.ufrag, ufrag, size + 1);
  return prtc_transport_add_remote_candidate(peer->transport, now, &candidate);
}

/* Those of the data section, and of all that are bundled with it. */
static void add_candidates(prtc_peer *peer, prtc_time now, const struct prtc_jsep_data *data) {
  bool ended = false;
  for (size_t i = 0; i < data->section_count; i++) {
    const prtc_sdp_media *media = &data->sections[i];
    if (!prtc_jsep_same_credentials(media, data->remote)) continue;
    for (size_t k = 0; k < media->candidate_count; k++) {
      const char *text = media->candidates[k];
      int result = add_candidate(peer, now, text, media->ice_ufrag);
      if (result < 0) PRTC_LOG(peer->context, PRTC_LOG_INFO, "peer", "ignored %.150s: %s", text, prtc_strerror(result));
    }
    ended |= media->end_of_candidates != 0;
  }
  if (ended) (void)prtc_transport_end_of_remote_candidates(peer->transport, now);
}

/* An offer has its answer (or a pranswer): what both say takes effect. Nothing has changed when it fails. */
static int apply(prtc_peer *peer, prtc_time now, const struct prtc_jsep_data *data) {
  struct remote_side remote;
  int result = read_section(peer, data->remote, &remote);
  if (result < 0) return result;
  remote.transport.ice.lite = data->remote_lite;
  if (data->remote_lite && peer->config.ice_lite) { /* RFC 7675 wants checks, and nobody would send any */
    return prtc_peer_fail(peer, PRTC_ERROR_NOT_SUPPORTED, "both sides are ICE-lite: neither would look for a path");
  }
  remote.transport.ice.renomination = data->remote_renomination;
  remote.transport.ice.pacing = data->remote_pacing < PRTC_ICE_PACING_MOST ? data->remote_pacing : PRTC_ICE_PACING_MOST;
  remote.transport.dtls_role = data->setup == PRTC_SDP_SETUP_ACTIVE ? PRTC_DTLS_ROLE_CLIENT : PRTC_DTLS_ROLE_SERVER;
  remote.transport.sctp_port = data->sctp_port;
  remote.transport.max_message_size = data->max_message_size;
  /* RFC 8445 section 6.1.1: the offerer controls, or whoever faces a lite agent. The role then stays (RFC 8839 section
   * 4.4.1). */
  if (data->initial) {
    (void)prtc_transport_set_controlling(peer->transport, now, data->local_offer || data->remote_lite);
  }
  result = prtc_transport_set_remote(peer->transport, now, &remote.transport);
  if (result == PRTC_ERROR_NOT_SUPPORTED) return prtc_peer_fail(peer, result, new_association);
  if (result < 0) return prtc_peer_fail(peer, result, prtc_strerror(result));
  peer->remote_max_message_size = data->max_message_size;
  forget_former(peer);
  return PRTC_OK;
}

/* ------------------------------------------------------------------------------------------------------------------ set */

static bool is_answer(prtc_sdp_type type) { return type == PRTC_SDP_ANSWER || type == PRTC_SDP_PRANSWER; }

/* What a description changes */
struct change {
  bool local;
  prtc_sdp_type type;
  bool had_data;             /* a data section was offered or negotiated */
  prtc_signaling_state from;
};

/* RFC 9429 section 4.1.10.2: our offer is taken back; what was gathered for it is of no use. */
static void roll_back_offer(prtc_peer *peer, prtc_time now) {
  prtc_ice_parameters ice;
  struct prtc_jsep_data data;
  const char *current = prtc_jsep_local_ufrag(peer->jsep, false);
  peer->has_next_ice = false;
  if (peer->transport == NULL || prtc_transport_get_ice_parameters(peer->transport, &ice) < 0) return;
  if (current == NULL) { /* it was the first offer: there is no transport, as far as anybody can see */
    peer->ice_is_stale = true;
    forget_former(peer);
    prtc_peer_forget_local_candidates(peer, &peer->candidates);
    prtc_peer_reset_gathering(peer);
    return;
  }
  if (is_ufrag(current, ice.ufrag)) return;
  take_back(peer, now);
  prtc_jsep_get_data(peer->jsep, &data);
  if (data.negotiated) add_candidates(peer, now, &data);
}

/* Offer and answer are complete. */
static void complete(prtc_peer *peer, prtc_time now, const struct change *change) {
  struct prtc_jsep_data data;
  prtc_jsep_get_data(peer->jsep, &data);
  if (is_answer(change->type) && !is_to_be_replaced(peer, prtc_jsep_local_ufrag(peer->jsep, false))) {
    peer->to_replace[0][0] = peer->to_replace[1][0] = '\0';
  }
  if (is_answer(change->type) && change->had_data && !data.negotiated) {
    prtc_peer_retire_transport(peer, now, !change->local);
  }
  peer->negotiation_needed = false;
  prtc_peer_check_negotiation(peer);
}

/* W3C section 4.4.1.5, the end of it: events in the order of the text. */
static void commit(prtc_peer *peer, prtc_time now, const struct change *change) {
  struct prtc_jsep_data data;
  prtc_jsep_commit(peer->jsep);
  prtc_signaling_state from = change->from, to = prtc_jsep_get_signaling_state(peer->jsep);
  bool rolls_back = change->type == PRTC_SDP_ROLLBACK || to == PRTC_SIGNALING_HAVE_REMOTE_OFFER;
  if (rolls_back && from == PRTC_SIGNALING_HAVE_LOCAL_OFFER) {
    /* glare: W3C section 4.4.2 sets a rollback first, then the offer */
    prtc_peer_push(peer, PRTC_EVENT_SIGNALING_STATE_CHANGE, PRTC_SIGNALING_STABLE, 0);
    from = PRTC_SIGNALING_STABLE;
    roll_back_offer(peer, now);
  }
  if (to != from) prtc_peer_push(peer, PRTC_EVENT_SIGNALING_STATE_CHANGE, to, 0);
  if (to == PRTC_SIGNALING_STABLE) complete(peer, now, change);
  prtc_jsep_get_data(peer->jsep, &data);
  if (change->local && data.offered && peer->transport != NULL && !peer->ice_is_stale) {
    if (!prtc_transport_has_gathered(peer->transport)) prtc_peer_use_servers(peer, now);
    (void)prtc_transport_gather(peer->transport, now);
  }
}

static int finish(prtc_peer *peer, prtc_time now, const struct change *change) {
  struct prtc_jsep_data data;
  bool restarted = false;
  prtc_jsep_get_data(peer->jsep, &data);
  int result = change->local ? restart(peer, now, &data, &restarted) : PRTC_OK;
  bool answers = is_answer(change->type) && data.negotiated;
  if (result == PRTC_OK && answers) result = apply(peer, now, &data);
  if (result < 0) {
    if (restarted) take_back(peer, now);
    prtc_jsep_abandon(peer->jsep);
    return result;
  }
  commit(peer, now, change);
  prtc_jsep_get_data(peer->jsep, &data);
  if (answers) add_candidates(peer, now, &data);
  return PRTC_OK;
}

static struct change begin_change(const prtc_peer *peer, bool local, prtc_sdp_type type) {
  struct prtc_jsep_data data;
  prtc_jsep_get_data(peer->jsep, &data);
  return (struct change){local, type, data.described, prtc_jsep_get_signaling_state(peer->jsep)};
}

/* W3C section 4.4.2: without a text, what createOffer or createAnswer would give now is taken. */
static int create_implicit(prtc_peer *peer, prtc_time now, prtc_sdp_type type) {
  int result = is_answer(type) ? create_answer(peer, now, NULL, 0) : create_offer(peer, now, false, NULL, 0);
  return result < 0 ? result : PRTC_OK;
}

int prtc_peer_set_local_description(prtc_peer *peer, prtc_time now, prtc_sdp_type type, const char *sdp, size_t size) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_set_local_description, now, PRTC_NUMBER(peer->id), PRTC_NUMBER(type),
              PRTC_BYTES(sdp, size));
  int result = prtc_peer_begin_negotiation(peer, &now);
  if (result < 0) return result;
  if (type == 0) type = prtc_jsep_implicit_type(peer->jsep);
  if (size == 0) sdp = NULL;
  if (sdp == NULL && type != PRTC_SDP_ROLLBACK) result = create_implicit(peer, now, type);
  if (result < 0) return end(peer, result);
  struct change change = begin_change(peer, true, type);
  result = prtc_jsep_prepare_local(peer->jsep, type, sdp, size);
  return result < 0 ? fail_jsep(peer, result) : end(peer, finish(peer, now, &change));
}

/* An offer that could not be answered is refused now, rather than its answer later. */
static int check_offer(prtc_peer *peer) {
  struct prtc_jsep_data data;
  struct remote_side unused;
  prtc_jsep_get_data(peer->jsep, &data);
  if (data.asked == NULL) return PRTC_OK;
  return read_section(peer, data.asked, &unused);
}

int prtc_peer_set_remote_description(prtc_peer *peer, prtc_time now, prtc_sdp_type type, const char *sdp, size_t size) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_set_remote_description, now, PRTC_NUMBER(peer->id), PRTC_NUMBER(type),
              PRTC_BYTES(sdp, size));
  int result = prtc_peer_begin_negotiation(peer, &now);
  if (result < 0) return result;
  struct change change = begin_change(peer, false, type);
  result = prtc_jsep_prepare_remote(peer->jsep, type, sdp, size);
  if (result < 0) return fail_jsep(peer, result);
  result = check_offer(peer);
  if (result < 0) {
    prtc_jsep_abandon(peer->jsep);
    return result;
  }
  return end(peer, finish(peer, now, &change));
}

/* ----------------------------------------------------------------------------------------------------------- candidates */

/* A name that is none of multicast DNS is refused: nobody is asked for it, whoever named it. */
static bool has_bad_name(const char *text) {
  prtc_candidate candidate;
  return prtc_candidate_parse(&candidate, text, strlen(text)) >= 0 && !prtc_transport_takes_name(&candidate);
}

int prtc_peer_add_ice_candidate(prtc_peer *peer, prtc_time now, const char *candidate, const char *mid, int index,
                                const char *ufrag) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_add_ice_candidate, now, PRTC_NUMBER(peer->id), PRTC_STRING(candidate), PRTC_STRING(mid),
              PRTC_SIGNED(index), PRTC_STRING(ufrag));
  struct prtc_jsep_data data;
  int result = prtc_peer_begin_negotiation(peer, &now);
  if (result < 0) return result;
  if (candidate == NULL) candidate = "";
  if (has_bad_name(candidate)) {
    return prtc_peer_fail(peer, PRTC_ERROR_SYNTAX, "the candidate's host name is not one label and \".local\"");
  }
  result = prtc_jsep_add_candidate(peer->jsep, candidate, mid, index, ufrag);
  if (result < 0) return fail_jsep(peer, result);
  if (result > 0 && candidate[0] == '\0') {
    (void)prtc_transport_end_of_remote_candidates(peer->transport, now);
  } else if (result > 0) {
    prtc_jsep_get_data(peer->jsep, &data);
    result = add_candidate(peer, now, candidate, data.remote->ice_ufrag);
    if (result < 0) return prtc_peer_fail(peer, result, prtc_strerror(result));
  }
  prtc_peer_wake(peer);
  return PRTC_OK;
}

/* W3C section 4.4.2 */
int prtc_peer_restart_ice(prtc_peer *peer, prtc_time now) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_restart_ice, now, PRTC_NUMBER(peer->id));
  int result = prtc_peer_begin_negotiation(peer, &now);
  if (result < 0) return result;
  const char *current = prtc_jsep_local_ufrag(peer->jsep, false), *pending = prtc_jsep_local_ufrag(peer->jsep, true);
  keep_ufrag(peer->to_replace[0], current != NULL ? current : pending);
  keep_ufrag(peer->to_replace[1], current != NULL ? pending : NULL);
  prtc_peer_check_negotiation(peer);
  prtc_peer_wake(peer);
  return PRTC_OK;
}

int prtc_peer_get_description(const prtc_peer *peer, prtc_description which, prtc_sdp_type *type, char *out,
                              size_t capacity) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  prtc_ice_parameters ice;
  prtc_sdp_fingerprint fingerprint;
  struct prtc_jsep_local local = prtc_peer_local_side(peer, &ice, &fingerprint);
  bool former = peer->former_ufrag[0] != '\0' && is_ufrag(peer->former_ufrag, prtc_jsep_local_ufrag(peer->jsep, false));
  if (which == PRTC_DESCRIPTION_CURRENT_LOCAL && former) {
    local.ufrag = peer->former_ufrag;
    set_candidates(&local, &peer->former_candidates);
  }
  return prtc_jsep_get_description(peer->jsep, which, &local, type, out, capacity);
}
