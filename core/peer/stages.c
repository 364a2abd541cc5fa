/* The transports one by one (polyrtc/transport.h): commands in place of descriptions.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include <polyrtc/transport.h>

#include "core/base/text.h"
#include "core/peer/state.h"
#include "core/transport/parameters.h"

/* Every function here begins with this. With the first of them the peer has no descriptions any more. */
static int begin(prtc_peer *peer, prtc_time *now) {
  struct prtc_jsep_data data;
  int result = prtc_peer_begin(peer, now);
  if (result < 0 || peer->one_by_one) return result;
  prtc_jsep_get_data(peer->jsep, &data);
  if (data.described || prtc_jsep_get_signaling_state(peer->jsep) != PRTC_SIGNALING_STABLE) {
    return prtc_peer_fail(peer, PRTC_ERROR_INVALID_STATE, "the peer has a description");
  }
  result = prtc_peer_need_transport(peer, *now);
  if (result < 0) return prtc_peer_fail(peer, result, prtc_strerror(result));
  prtc_transport_begin_stages(peer->transport);
  peer->one_by_one = true;
  return PRTC_OK;
}

static int end(prtc_peer *peer, int result, const char *reason) {
  if (result < 0) return prtc_peer_fail(peer, result, reason != NULL ? reason : prtc_strerror(result));
  prtc_peer_wake(peer);
  return PRTC_OK;
}

int prtc_peer_gather(prtc_peer *peer, prtc_time now) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_gather, now, PRTC_NUMBER(peer->id));
  int result = begin(peer, &now);
  if (result < 0) return result;
  prtc_peer_use_servers(peer, now);
  return end(peer, prtc_transport_gather(peer->transport, now), NULL);
}

static void print_candidates(struct prtc_text *text, const struct local_candidates *candidates) {
  prtc_candidate candidate;
  bool first = true;
  prtc_text_print(text, ",\"iceCandidates\":[");
  for (size_t i = 0; i < candidates->count; i++) {
    if (prtc_candidate_parse(&candidate, candidates->texts[i], strlen(candidates->texts[i])) < 0) continue;
    if (!first) prtc_text_print(text, ",");
    first = false;
    prtc_parameters_print_candidate(text, &candidate);
  }
  prtc_text_print(text, "],\"iceCandidatesComplete\":%s", candidates->complete ? "true" : "false");
}

int prtc_peer_get_parameters(const prtc_peer *peer, char *out, size_t capacity) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  prtc_ice_parameters ice;
  if (!peer->one_by_one || peer->transport == NULL) return PRTC_ERROR_INVALID_STATE;
  struct prtc_text text = prtc_text_of(out, capacity);
  int code = prtc_transport_get_ice_parameters(peer->transport, &ice);
  if (code < 0) return code;
  bool has_limit = peer->config.max_message_size != PRTC_MAX_MESSAGE_SIZE_NONE;
  const struct prtc_sctp_parameters sctp = {.port = 5000,
                                            .max_message_size = has_limit ? peer->config.max_message_size : 0};
  prtc_text_print(&text, "{\"iceParameters\":");
  prtc_parameters_print_ice(&text, &ice);
  print_candidates(&text, &peer->candidates);
  prtc_text_print(&text, ",\"dtlsParameters\":");
  prtc_parameters_print_dtls(&text, &peer->fingerprint, 1, PRTC_DTLS_ROLE_AUTO);
  prtc_text_print(&text, ",\"sctpParameters\":");
  prtc_parameters_print_sctp(&text, &sctp);
  prtc_text_print(&text, "}");
  return prtc_text_result(&text);
}

/* All of them are read before the first is used. */
static int add_candidates(prtc_peer *peer, prtc_time now, const char *json, size_t size, const char **reason) {
  prtc_candidate candidate;
  size_t cursor = 0;
  int code;
  while ((code = prtc_parameters_candidate(json, size, &cursor, &candidate, reason)) > 0) {
    if (prtc_transport_takes_name(&candidate)) continue;
    *reason = "a candidate's host name is not one label and \".local\"";
    return PRTC_ERROR_SYNTAX;
  }
  for (cursor = 0; code >= 0 && prtc_parameters_candidate(json, size, &cursor, &candidate, reason) > 0;) {
    code = prtc_transport_add_remote_candidate(peer->transport, now, &candidate);
  }
  if (code < 0 || !prtc_parameters_complete(json, size)) return code;
  code = prtc_transport_end_of_remote_candidates(peer->transport, now);
  return code;
}

int prtc_peer_start_ice(prtc_peer *peer, prtc_time now, const char *json, size_t size, int controlling) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_start_ice, now, PRTC_NUMBER(peer->id), PRTC_BYTES(json, size),
              PRTC_NUMBER(controlling != 0));
  prtc_ice_parameters ice;
  const char *reason = NULL;
  int result = begin(peer, &now);
  if (result < 0) return result;
  result = prtc_parameters_ice(json, size, &ice, &reason);
  if (result == PRTC_OK) result = prtc_transport_start_ice(peer->transport, now, &ice, controlling != 0);
  if (result == PRTC_OK) peer->ice_started = true;
  if (result == PRTC_OK) result = add_candidates(peer, now, json, size, &reason);
  return end(peer, result, reason);
}

int prtc_peer_add_candidates(prtc_peer *peer, prtc_time now, const char *json, size_t size) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_add_candidates, now, PRTC_NUMBER(peer->id), PRTC_BYTES(json, size));
  const char *reason = NULL;
  int result = begin(peer, &now);
  if (result < 0) return result;
  result = add_candidates(peer, now, json, size, &reason);
  return end(peer, result, reason);
}

int prtc_peer_set_certificate(prtc_peer *peer, prtc_time now, const char *pem) {
  PRTC_RECORD(peer->context, peer_set_certificate, now, PRTC_NUMBER(peer->id), PRTC_STRING(pem));
  prtc_certificate *certificate = NULL;
  prtc_fingerprint fingerprint;
  const char *reason = NULL;
  int result = begin(peer, &now);
  if (result < 0) return result;
  result = prtc_peer_read_certificate(peer, pem, &certificate, &reason);
  if (result == PRTC_OK) result = prtc_certificate_get_fingerprint(certificate, "sha-256", &fingerprint);
  if (result == PRTC_OK) result = prtc_transport_set_certificate(peer->transport, certificate);
  if (result < 0) {
    prtc_certificate_release(certificate);
    return end(peer, result, result == PRTC_ERROR_INVALID_STATE ? "DTLS is started" : reason);
  }
  prtc_certificate_release(peer->certificate);
  peer->certificate = certificate;
  peer->fingerprint = fingerprint;
  return end(peer, PRTC_OK, NULL);
}

int prtc_peer_start_dtls(prtc_peer *peer, prtc_time now, const char *json, size_t size) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_start_dtls, now, PRTC_NUMBER(peer->id), PRTC_BYTES(json, size));
  prtc_fingerprint fingerprints[PRTC_FINGERPRINTS_MAX];
  prtc_dtls_role role;
  size_t count;
  const char *reason = NULL;
  int result = begin(peer, &now);
  if (result < 0) return result;
  if (!peer->ice_started) return end(peer, PRTC_ERROR_INVALID_STATE, "ICE is not started");
  result = prtc_parameters_dtls(json, size, fingerprints, &count, &role, &reason);
  if (result == PRTC_OK) result = prtc_transport_start_dtls(peer->transport, now, fingerprints, count, role);
  return end(peer, result, reason);
}

int prtc_peer_start_sctp(prtc_peer *peer, prtc_time now, const char *json, size_t size) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_start_sctp, now, PRTC_NUMBER(peer->id), PRTC_BYTES(json, size));
  struct prtc_sctp_parameters sctp;
  const char *reason = NULL;
  int result = begin(peer, &now);
  if (result < 0) return result;
  result = prtc_parameters_sctp(json, size, &sctp, &reason);
  if (result == PRTC_OK) result = prtc_transport_start_sctp(peer->transport, now, sctp.port, sctp.max_message_size);
  if (result == PRTC_OK) peer->remote_max_message_size = sctp.max_message_size;
  return end(peer, result, reason);
}

int prtc_peer_send_raw(prtc_peer *peer, prtc_time now, const uint8_t *data, size_t size) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_send_raw, now, PRTC_NUMBER(peer->id), PRTC_BYTES(data, size));
  int result = begin(peer, &now);
  return result < 0 ? result : end(peer, prtc_transport_send_raw(peer->transport, data, size), NULL);
}
