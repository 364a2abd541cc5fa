/* What a remote description must have: RFC 9429 sections 5.8 to 5.10, for data.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/jsep/internal.h"

static int refuse(struct prtc_jsep *jsep, const prtc_sdp_media *media, const char *why) {
  return prtc_jsep_fail(jsep, PRTC_ERROR_INVALID_ACCESS, "line %u: %s", (unsigned)media->line, why);
}

static bool has_mid(const prtc_sdp_session *session, const char *mid, size_t size) {
  for (size_t i = 0; i < session->media_count; i++) {
    const char *other = session->media[i].mid;
    if (other != NULL && strlen(other) == size && memcmp(other, mid, size) == 0) return true;
  }
  return false;
}

/* RFC 9143 section 7: a group is of sections that exist. */
static int check_groups(struct prtc_jsep *jsep, const prtc_sdp_session *session) {
  for (size_t i = 0; i < session->group_count; i++) {
    size_t size;
    const char *cursor = session->groups[i].mids, *mid;
    if (strcmp(session->groups[i].semantics, "BUNDLE") != 0) continue;
    while ((mid = prtc_sdp_next_token(&cursor, &size)) != NULL) {
      if (has_mid(session, mid, size)) continue;
      return prtc_jsep_fail(jsep, PRTC_ERROR_INVALID_ACCESS, "a=group:BUNDLE names the mid \"%.*s\", which no section has",
                            size > 64 ? 64 : (int)size, mid);
    }
  }
  return PRTC_OK;
}

/* The data section that would be used: what RFC 8841 and RFC 8827 require of it. */
static int check_data(struct prtc_jsep *jsep, const struct description *description) {
  int index = prtc_jsep_find_data(description->session);
  if (index < 0) return PRTC_OK;
  const prtc_sdp_media *media = &description->session->media[index];
  if (media->ice_ufrag == NULL || media->ice_pwd == NULL) return refuse(jsep, media, "the section has no ICE credentials");
  if (media->fingerprint_count == 0) return refuse(jsep, media, "the section has no fingerprint");
  if (media->has_sctp_port && media->sctp_port == 0) return refuse(jsep, media, "the SCTP port is 0");
  if (description->type != PRTC_SDP_OFFER && media->setup == PRTC_SDP_SETUP_ACTPASS) {
    return refuse(jsep, media, "an answer must choose a=setup: active or passive"); /* RFC 8842 section 5.3 */
  }
  return PRTC_OK;
}

static bool has_fingerprint_of(const prtc_sdp_media *media, const prtc_sdp_media *other) {
  for (size_t i = 0; i < media->fingerprint_count; i++) {
    for (size_t k = 0; k < other->fingerprint_count; k++) {
      if (strcmp(media->fingerprints[i].value, other->fingerprints[k].value) == 0) return true;
    }
  }
  return false;
}

/* RFC 8842 section 5.1: other fingerprints, another tls-id or (in an offer) the other role ask for a new DTLS association.
 * Within one section there is none to be had here; a section that was rejected in between gets one. */
static int check_association(struct prtc_jsep *jsep, const struct slots *next, const struct description *description) {
  struct pair before = {next->at[CURRENT_LOCAL], next->at[CURRENT_REMOTE]};
  if (description->type != PRTC_SDP_OFFER) before = prtc_jsep_get_pair(&jsep->now); /* of a pranswer too */
  int was = prtc_jsep_find_negotiated(before), is = prtc_jsep_find_data(description->session);
  if (was < 0 || is < 0) return PRTC_OK;
  const prtc_sdp_media *old = &before.remote->session->media[was], *media = &description->session->media[is];
  const char *changed = NULL;
  if (!has_fingerprint_of(media, old)) changed = "fingerprint";
  if (media->tls_id != NULL && old->tls_id != NULL && strcmp(media->tls_id, old->tls_id) != 0) changed = "tls-id";
  if (description->type == PRTC_SDP_OFFER && media->setup == (uint32_t)jsep->setup) changed = "DTLS role";
  if (changed == NULL) return PRTC_OK;
  return prtc_jsep_fail(jsep, PRTC_ERROR_NOT_SUPPORTED,
                        "line %u: the other side's %s changed: a new DTLS association within a section is not supported",
                        (unsigned)media->line, changed);
}

/* RFC 9429 section 5.10: an answer has the sections of its offer, in order. */
static int check_answer(struct prtc_jsep *jsep, const prtc_sdp_session *offer, const prtc_sdp_session *answer) {
  if (answer->media_count != offer->media_count) {
    return prtc_jsep_fail(jsep, PRTC_ERROR_INVALID_ACCESS, "the answer has %zu m= lines, the offer %zu",
                          answer->media_count, offer->media_count);
  }
  for (size_t i = 0; i < offer->media_count; i++) {
    const prtc_sdp_media *asked = &offer->media[i], *answered = &answer->media[i];
    if (strcmp(asked->kind, answered->kind) != 0) return refuse(jsep, answered, "the offer has another kind here");
    if (asked->mid != NULL && answered->mid != NULL && strcmp(asked->mid, answered->mid) != 0) {
      return refuse(jsep, answered, "the offer has another mid here");
    }
    if (asked->port == 0 && answered->port != 0) return refuse(jsep, answered, "the offer has rejected this section");
  }
  return PRTC_OK;
}

/* RFC 9429 section 5.2.2, seen from the other side: sections stay in their places, and keep their mids while they are in
 * use. */
static int check_reoffer(struct prtc_jsep *jsep, struct pair before, const prtc_sdp_session *offer) {
  if (before.local == NULL) return PRTC_OK;
  const prtc_sdp_session *local = before.local->session, *remote = before.remote->session;
  if (offer->media_count < local->media_count) {
    return prtc_jsep_fail(jsep, PRTC_ERROR_INVALID_ACCESS, "the offer has %zu m= lines, fewer than the %zu of before",
                          offer->media_count, local->media_count);
  }
  for (size_t i = 0; i < local->media_count; i++) {
    const prtc_sdp_media *media = &offer->media[i], *was = &local->media[i];
    if (!prtc_jsep_is_live(local, i) || !prtc_jsep_is_live(remote, i)) continue; /* rejected: it may be used anew */
    if (strcmp(media->kind, was->kind) != 0) return refuse(jsep, media, "another kind was negotiated here before");
    if (was->mid != NULL && (media->mid == NULL || strcmp(media->mid, was->mid) != 0)) {
      return refuse(jsep, media, "another mid was negotiated here before");
    }
  }
  return PRTC_OK;
}

int prtc_jsep_check_remote(struct prtc_jsep *jsep, const struct slots *next, const struct description *description) {
  const prtc_sdp_session *session = description->session;
  int result = check_groups(jsep, session);
  if (result == PRTC_OK) result = check_data(jsep, description);
  if (result == PRTC_OK) result = check_association(jsep, next, description);
  if (result < 0) return result;
  if (description->type == PRTC_SDP_OFFER) {
    struct pair before = {next->at[CURRENT_LOCAL], next->at[CURRENT_REMOTE]};
    return check_reoffer(jsep, before, session);
  }
  return check_answer(jsep, jsep->now.at[PENDING_LOCAL]->session, session);
}
