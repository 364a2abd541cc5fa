/* Descriptions and candidates: jsep decides what they mean, the transport is told.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/peer/state.h"

/* --------------------------------------------------------------------------------------------------------------- create */

struct prtc_jsep_local prtc_peer_local_side(const prtc_peer *peer, prtc_ice_parameters *ice,
                                            prtc_sdp_fingerprint *fingerprint) {
  struct prtc_jsep_local local = {.ufrag = "", .password = "", .wants_data = peer->has_data};
  if (peer->transport == NULL || prtc_transport_get_ice_parameters(peer->transport, ice) < 0) return local;
  *fingerprint = (prtc_sdp_fingerprint){.algorithm = peer->fingerprint.algorithm, .value = peer->fingerprint.value};
  local.ufrag = ice->ufrag;
  local.password = ice->password;
  local.fingerprints = fingerprint;
  local.fingerprint_count = 1;
  local.sctp_port = 5000; /* RFC 8841 section 5.2: what is usual */
  local.max_message_size = peer->config.max_message_size;
  local.candidates = (const char *const *)peer->candidates.texts;
  local.candidate_count = peer->candidates.count;
  local.end_of_candidates = peer->candidates.complete;
  local.port = peer->candidates.port;
  local.connection = peer->candidates.connection;
  return local;
}

static int fail_jsep(prtc_peer *peer, int code) {
  const char *why = prtc_jsep_error(peer->jsep);
  PRTC_LOG(peer->context, PRTC_LOG_INFO, "jsep", "refused: %.200s (%s)", why, prtc_error_name(code));
  return prtc_peer_fail(peer, code, why[0] != '\0' ? why : prtc_strerror(code));
}

/* New credentials for the next description, once until they are negotiated (W3C [[LocalIceCredentialsToReplace]]). */
static int restart(prtc_peer *peer, prtc_time now) {
  if (peer->restarted || peer->transport == NULL) return PRTC_OK;
  int result = prtc_transport_restart(peer->transport, now);
  if (result < 0) return prtc_peer_fail(peer, result, "ICE could not be restarted");
  prtc_peer_forget_local_candidates(peer);
  peer->restarted = true;
  return PRTC_OK;
}

static int create_offer(prtc_peer *peer, prtc_time now, bool ice_restart, char *out, size_t capacity) {
  prtc_ice_parameters ice;
  prtc_sdp_fingerprint fingerprint;
  struct prtc_jsep_data data;
  prtc_jsep_get_data(peer->jsep, &data);
  prtc_signaling_state state = prtc_jsep_get_signaling_state(peer->jsep);
  bool possible = state == PRTC_SIGNALING_STABLE || state == PRTC_SIGNALING_HAVE_LOCAL_OFFER;
  if (possible && data.negotiated && (ice_restart || peer->wants_restart)) {
    int result = restart(peer, now);
    if (result < 0) return result;
  }
  struct prtc_jsep_local local = prtc_peer_local_side(peer, &ice, &fingerprint);
  int result = prtc_jsep_create_offer(peer->jsep, &local, out, capacity);
  return result < 0 ? fail_jsep(peer, result) : result;
}

static int create_answer(prtc_peer *peer, prtc_time now, char *out, size_t capacity) {
  prtc_ice_parameters ice;
  prtc_sdp_fingerprint fingerprint;
  struct prtc_jsep_data data;
  prtc_jsep_get_data(peer->jsep, &data);
  int result = data.asked != NULL ? prtc_peer_need_transport(peer, now) : PRTC_OK;
  if (result == PRTC_OK && prtc_jsep_remote_restarts(peer->jsep)) result = restart(peer, now);
  if (result < 0) return result;
  struct prtc_jsep_local local = prtc_peer_local_side(peer, &ice, &fingerprint);
  result = prtc_jsep_create_answer(peer->jsep, &local, out, capacity);
  return result < 0 ? fail_jsep(peer, result) : result;
}

/* The end of a command: whatever failed has a sentence. */
static int end(prtc_peer *peer, int result) {
  if (result < 0 && peer->error[0] == '\0') prtc_peer_fail(peer, result, prtc_strerror(result));
  prtc_peer_wake(peer);
  return result;
}

int prtc_peer_create_offer(prtc_peer *peer, prtc_time now, const prtc_offer_options *options, char *out, size_t capacity) {
  PRTC_RECORD(peer->context, peer_create_offer, now, PRTC_NUMBER(peer->id), PRTC_BYTES(options, sizeof *options),
              PRTC_NUMBER(capacity));
  int result = prtc_peer_begin(peer);
  if (result < 0) return result;
  bool ice_restart = options != NULL && options->ice_restart != 0;
  return end(peer, create_offer(peer, now, ice_restart, out, capacity));
}

int prtc_peer_create_answer(prtc_peer *peer, prtc_time now, char *out, size_t capacity) {
  PRTC_RECORD(peer->context, peer_create_answer, now, PRTC_NUMBER(peer->id), PRTC_NUMBER(capacity));
  int result = prtc_peer_begin(peer);
  if (result < 0) return result;
  return end(peer, create_answer(peer, now, out, capacity));
}

/* --------------------------------------------------------------------------------------------- what the other side says */

static const char new_association[] = "the other side's fingerprint changed: a new DTLS association is not supported";

/* Fingerprints that are handed to the transport: several of each algorithm (RFC 8122 section 5: one for each certificate that the
 * other side may use). */
enum { MAX_FINGERPRINTS = 32 };

struct remote_side {
  struct prtc_transport_remote transport;
  prtc_fingerprint fingerprints[MAX_FINGERPRINTS];
};

static bool is_known(const char *algorithm) {
  static const char *const known[] = {"sha-1", "sha-224", "sha-256", "sha-384", "sha-512"};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (strcmp(known[i], algorithm) == 0) return true;
  }
  return false;
}

/* Reads a section of the other side; all but the role. */
static int read_section(prtc_peer *peer, const prtc_sdp_media *media, struct remote_side *out) {
  size_t count = 0;
  *out = (struct remote_side){0};
  for (size_t i = 0; i < media->fingerprint_count && count < MAX_FINGERPRINTS; i++) {
    const prtc_sdp_fingerprint *fingerprint = &media->fingerprints[i];
    if (!is_known(fingerprint->algorithm)) continue; /* sdp has checked the length of those that are */
    memcpy(out->fingerprints[count].algorithm, fingerprint->algorithm, strlen(fingerprint->algorithm) + 1);
    memcpy(out->fingerprints[count].value, fingerprint->value, strlen(fingerprint->value) + 1);
    count++;
  }
  if (count == 0) return prtc_peer_fail(peer, PRTC_ERROR_INVALID_ACCESS, "no fingerprint is of an algorithm that is known");
  memcpy(out->transport.ice.ufrag, media->ice_ufrag, strlen(media->ice_ufrag) + 1); /* at most 256 characters: sdp */
  memcpy(out->transport.ice.password, media->ice_pwd, strlen(media->ice_pwd) + 1);
  out->transport.fingerprints = out->fingerprints;
  out->transport.fingerprint_count = count;
  return PRTC_OK;
}

static void add_candidate(prtc_peer *peer, prtc_time now, const char *text) {
  prtc_candidate candidate;
  int result = prtc_candidate_parse(&candidate, text, strlen(text));
  if (result == PRTC_OK) result = prtc_transport_add_remote_candidate(peer->transport, now, &candidate);
  if (result < 0) PRTC_LOG(peer->context, PRTC_LOG_INFO, "peer", "ignored %.150s: %s", text, prtc_strerror(result));
}

static void add_candidates(prtc_peer *peer, prtc_time now, const prtc_sdp_media *media) {
  for (size_t i = 0; i < media->candidate_count; i++) add_candidate(peer, now, media->candidates[i]);
  if (media->end_of_candidates) (void)prtc_transport_end_of_remote_candidates(peer->transport, now);
}

/* An offer has its answer (or a pranswer): what both say takes effect. Nothing has changed when it fails. */
static int apply(prtc_peer *peer, prtc_time now, const struct prtc_jsep_data *data) {
  struct remote_side remote;
  int result = read_section(peer, data->remote, &remote);
  if (result < 0) return result;
  remote.transport.ice.lite = data->remote_lite;
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
  peer->sctp_negotiated = true;
  return PRTC_OK;
}

/* ------------------------------------------------------------------------------------------------------------------ set */

/* W3C section 4.4.1.5, the end of it: events in the order of the text. */
static void commit(prtc_peer *peer, prtc_time now, bool local, bool answers) {
  struct prtc_jsep_data data;
  prtc_signaling_state before = prtc_jsep_get_signaling_state(peer->jsep);
  prtc_jsep_commit(peer->jsep);
  prtc_jsep_get_data(peer->jsep, &data);
  prtc_signaling_state after = prtc_jsep_get_signaling_state(peer->jsep);
  if (before == PRTC_SIGNALING_HAVE_LOCAL_OFFER && after == PRTC_SIGNALING_HAVE_REMOTE_OFFER) {
    prtc_peer_push(peer, PRTC_EVENT_SIGNALING_STATE_CHANGE, PRTC_SIGNALING_STABLE, 0); /* our offer was rolled back */
  }
  if (after != before) prtc_peer_push(peer, PRTC_EVENT_SIGNALING_STATE_CHANGE, after, 0);
  bool complete = after == PRTC_SIGNALING_STABLE && before != PRTC_SIGNALING_STABLE;
  if (complete && answers && data.negotiated) peer->restarted = peer->wants_restart = false;
  if (complete && peer->sctp_negotiated && !data.negotiated) { /* the section was rejected later on */
    peer->sctp_negotiated = false;
    (void)prtc_transport_close(peer->transport, now);
  }
  if (complete) {
    peer->negotiation_needed = false;
    prtc_peer_check_negotiation(peer);
  }
  if (local && data.offered && peer->transport != NULL) (void)prtc_transport_gather(peer->transport, now);
}

static int finish(prtc_peer *peer, prtc_time now, bool local, bool answers) {
  struct prtc_jsep_data data;
  prtc_jsep_get_data(peer->jsep, &data);
  if (answers && data.negotiated) {
    int result = apply(peer, now, &data);
    if (result < 0) {
      prtc_jsep_abandon(peer->jsep);
      return result;
    }
  }
  commit(peer, now, local, answers);
  prtc_jsep_get_data(peer->jsep, &data);
  if (answers && data.negotiated) add_candidates(peer, now, data.remote);
  return PRTC_OK;
}

static bool is_answer(prtc_sdp_type type) { return type == PRTC_SDP_ANSWER || type == PRTC_SDP_PRANSWER; }

/* W3C section 4.4.2: without a text, what createOffer or createAnswer would give now is taken. */
static int create_implicit(prtc_peer *peer, prtc_time now, prtc_sdp_type type) {
  int result = is_answer(type) ? create_answer(peer, now, NULL, 0) : create_offer(peer, now, false, NULL, 0);
  return result < 0 ? result : PRTC_OK;
}

int prtc_peer_set_local_description(prtc_peer *peer, prtc_time now, prtc_sdp_type type, const char *sdp, size_t size) {
  PRTC_RECORD(peer->context, peer_set_local_description, now, PRTC_NUMBER(peer->id), PRTC_NUMBER(type), PRTC_BYTES(sdp, size));
  int result = prtc_peer_begin(peer);
  if (result < 0) return result;
  if (type == 0) type = prtc_jsep_implicit_type(peer->jsep);
  if (size == 0) sdp = NULL;
  if (sdp == NULL && type != PRTC_SDP_ROLLBACK) result = create_implicit(peer, now, type);
  if (result < 0) return end(peer, result);
  result = prtc_jsep_prepare_local(peer->jsep, type, sdp, size);
  return result < 0 ? fail_jsep(peer, result) : end(peer, finish(peer, now, true, is_answer(type)));
}

static bool has_fingerprint_of(const prtc_sdp_media *media, const prtc_sdp_media *other) {
  for (size_t i = 0; i < media->fingerprint_count; i++) {
    for (size_t k = 0; k < other->fingerprint_count; k++) {
      if (strcmp(media->fingerprints[i].value, other->fingerprints[k].value) == 0) return true;
    }
  }
  return false;
}

/* An offer that could not be answered is refused now, rather than its answer later. */
static int check_offer(prtc_peer *peer) {
  struct prtc_jsep_data data;
  struct remote_side unused;
  prtc_jsep_get_data(peer->jsep, &data);
  if (data.asked == NULL) return PRTC_OK;
  if (data.negotiated && !has_fingerprint_of(data.asked, data.remote)) {
    return prtc_peer_fail(peer, PRTC_ERROR_NOT_SUPPORTED, new_association);
  }
  return read_section(peer, data.asked, &unused);
}

int prtc_peer_set_remote_description(prtc_peer *peer, prtc_time now, prtc_sdp_type type, const char *sdp, size_t size) {
  PRTC_RECORD(peer->context, peer_set_remote_description, now, PRTC_NUMBER(peer->id), PRTC_NUMBER(type), PRTC_BYTES(sdp, size));
  int result = prtc_peer_begin(peer);
  if (result < 0) return result;
  result = prtc_jsep_prepare_remote(peer->jsep, type, sdp, size);
  if (result < 0) return fail_jsep(peer, result);
  result = check_offer(peer);
  if (result < 0) {
    prtc_jsep_abandon(peer->jsep);
    return result;
  }
  return end(peer, finish(peer, now, false, is_answer(type)));
}

/* ----------------------------------------------------------------------------------------------------------- candidates */

int prtc_peer_add_ice_candidate(prtc_peer *peer, prtc_time now, const char *candidate, const char *mid, int index,
                                const char *ufrag) {
  PRTC_RECORD(peer->context, peer_add_ice_candidate, now, PRTC_NUMBER(peer->id), PRTC_STRING(candidate), PRTC_STRING(mid),
              PRTC_SIGNED(index), PRTC_STRING(ufrag));
  prtc_candidate parsed;
  int result = prtc_peer_begin(peer);
  if (result < 0) return result;
  if (candidate == NULL) candidate = "";
  result = prtc_jsep_add_candidate(peer->jsep, candidate, mid, index, ufrag);
  if (result < 0) return fail_jsep(peer, result);
  if (result > 0 && candidate[0] == '\0') {
    (void)prtc_transport_end_of_remote_candidates(peer->transport, now);
  } else if (result > 0 && prtc_candidate_parse(&parsed, candidate, strlen(candidate)) == PRTC_OK) {
    result = prtc_transport_add_remote_candidate(peer->transport, now, &parsed);
    if (result < 0) return prtc_peer_fail(peer, result, prtc_strerror(result));
  }
  prtc_peer_wake(peer);
  return PRTC_OK;
}

int prtc_peer_restart_ice(prtc_peer *peer, prtc_time now) {
  PRTC_RECORD(peer->context, peer_restart_ice, now, PRTC_NUMBER(peer->id));
  (void)now;
  int result = prtc_peer_begin(peer);
  if (result < 0) return result;
  struct prtc_jsep_data data;
  prtc_jsep_get_data(peer->jsep, &data);
  if (!data.negotiated) return PRTC_OK; /* there is nothing to restart */
  peer->wants_restart = true;
  prtc_peer_check_negotiation(peer);
  prtc_peer_wake(peer);
  return PRTC_OK;
}

int prtc_peer_get_description(const prtc_peer *peer, prtc_description which, prtc_sdp_type *type, char *out,
                              size_t capacity) {
  prtc_ice_parameters ice;
  prtc_sdp_fingerprint fingerprint;
  struct prtc_jsep_local local = prtc_peer_local_side(peer, &ice, &fingerprint);
  return prtc_jsep_get_description(peer->jsep, which, &local, type, out, capacity);
}
