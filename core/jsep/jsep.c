/* The state machine of RFC 9429 section 3.2, and what its descriptions say.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/context.h"
#include "core/jsep/internal.h"

static const char *const state_names[] = {
    "stable", "have-local-offer", "have-remote-offer", "have-local-pranswer", "have-remote-pranswer", "closed",
};
static const char *const type_names[] = {"", "an offer", "a pranswer", "an answer", "a rollback"};

/* ----------------------------------------------------------------------------------------------------------- the object */

static void make_tls_id(struct prtc_jsep *jsep) {
  prtc_random_ice_chars(&jsep->context->random, jsep->tls_id, sizeof jsep->tls_id - 1);
}

struct prtc_jsep *prtc_jsep_new(struct prtc_context *context) {
  struct prtc_jsep *jsep = prtc_allocate(context, sizeof *jsep);
  if (jsep == NULL) return NULL;
  jsep->context = context;
  jsep->session_id = prtc_random_u64(&context->random) >> 1; /* RFC 9429 section 5.2.1: 63 bits */
  make_tls_id(jsep);
  return jsep;
}

void prtc_jsep_free(struct prtc_jsep *jsep) {
  if (jsep == NULL) return;
  prtc_jsep_abandon(jsep);
  for (int i = 0; i < SLOTS; i++) prtc_jsep_free_description(jsep, jsep->now.at[i]);
  prtc_release(jsep->context, jsep->last_offer);
  prtc_release(jsep->context, jsep->last_answer);
  prtc_release(jsep->context, jsep);
}

const char *prtc_jsep_error(const struct prtc_jsep *jsep) { return jsep->error; }

int prtc_jsep_fail(struct prtc_jsep *jsep, int code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(jsep->error, sizeof jsep->error, format, arguments);
  va_end(arguments);
  return code;
}

prtc_signaling_state prtc_jsep_get_signaling_state(const struct prtc_jsep *jsep) { return jsep->now.state; }

void prtc_jsep_close(struct prtc_jsep *jsep) {
  prtc_jsep_abandon(jsep);
  jsep->now.state = PRTC_SIGNALING_CLOSED;
}

/* --------------------------------------------------------------------------------------------------------- descriptions */

static void inherit_transport(prtc_sdp_session *session);

int prtc_jsep_new_description(struct prtc_jsep *jsep, prtc_sdp_type type, const char *sdp, size_t size,
                              struct description **out) {
  prtc_sdp_problem problem;
  struct description *description = prtc_allocate(jsep->context, sizeof *description);
  if (description == NULL) return PRTC_ERROR_NO_MEMORY;
  description->type = type;
  description->size = size;
  int result = prtc_sdp_parse(jsep->context, sdp, size, &description->session, &problem);
  if (result == PRTC_ERROR_SYNTAX) prtc_jsep_fail(jsep, result, "%s", problem.text);
  if (result == PRTC_OK) {
    inherit_transport(description->session);
    description->text = prtc_copy_text(jsep->context, sdp, size);
    if (description->text == NULL) result = PRTC_ERROR_NO_MEMORY;
  }
  if (result == PRTC_OK) {
    *out = description;
  } else {
    prtc_jsep_free_description(jsep, description);
  }
  return result;
}

void prtc_jsep_free_description(struct prtc_jsep *jsep, struct description *description) {
  if (description == NULL) return;
  prtc_sdp_free(description->session);
  prtc_release(jsep->context, description->text);
  prtc_release(jsep->context, description);
}

/* ---------------------------------------------------------------------------------------------------------- transitions */

static bool is_one_of(prtc_signaling_state state, prtc_signaling_state a, prtc_signaling_state b) {
  return state == a || state == b;
}

/* RFC 9429 section 3.2 and W3C section 4.4.1.5. A remote offer that meets a local one rolls that back. */
static bool is_allowed(prtc_signaling_state state, bool local, prtc_sdp_type type) {
  switch (type) {
    case PRTC_SDP_OFFER:
      return local ? is_one_of(state, PRTC_SIGNALING_STABLE, PRTC_SIGNALING_HAVE_LOCAL_OFFER)
                   : state == PRTC_SIGNALING_HAVE_LOCAL_OFFER ||
                         is_one_of(state, PRTC_SIGNALING_STABLE, PRTC_SIGNALING_HAVE_REMOTE_OFFER);
    case PRTC_SDP_PRANSWER:
    case PRTC_SDP_ANSWER:
      return local ? is_one_of(state, PRTC_SIGNALING_HAVE_REMOTE_OFFER, PRTC_SIGNALING_HAVE_LOCAL_PRANSWER)
                   : is_one_of(state, PRTC_SIGNALING_HAVE_LOCAL_OFFER, PRTC_SIGNALING_HAVE_REMOTE_PRANSWER);
    case PRTC_SDP_ROLLBACK: return is_one_of(state, PRTC_SIGNALING_HAVE_LOCAL_OFFER, PRTC_SIGNALING_HAVE_REMOTE_OFFER);
  }
  return false;
}

static int check_allowed(struct prtc_jsep *jsep, bool local, prtc_sdp_type type) {
  jsep->error[0] = '\0';
  if (type < PRTC_SDP_OFFER || type > PRTC_SDP_ROLLBACK) {
    return prtc_jsep_fail(jsep, PRTC_ERROR_INVALID_ARGUMENT, "unknown type of description");
  }
  if (is_allowed(jsep->now.state, local, type)) return PRTC_OK;
  return prtc_jsep_fail(jsep, PRTC_ERROR_INVALID_STATE, "%s cannot be set as the %s description in the signaling state %s",
                        type_names[type], local ? "local" : "remote", state_names[jsep->now.state]);
}

static struct slots after(const struct slots *now, bool local, struct description *description) {
  struct slots next = *now;
  enum slot pending = local ? PENDING_LOCAL : PENDING_REMOTE, other = local ? PENDING_REMOTE : PENDING_LOCAL;
  switch (description->type) {
    case PRTC_SDP_OFFER:
      next.at[pending] = description;
      next.at[other] = NULL;
      next.state = local ? PRTC_SIGNALING_HAVE_LOCAL_OFFER : PRTC_SIGNALING_HAVE_REMOTE_OFFER;
      break;
    case PRTC_SDP_PRANSWER:
      next.at[pending] = description;
      next.state = local ? PRTC_SIGNALING_HAVE_LOCAL_PRANSWER : PRTC_SIGNALING_HAVE_REMOTE_PRANSWER;
      break;
    case PRTC_SDP_ANSWER:
      next.at[local ? CURRENT_LOCAL : CURRENT_REMOTE] = description;
      next.at[local ? CURRENT_REMOTE : CURRENT_LOCAL] = now->at[other];
      next.at[PENDING_LOCAL] = next.at[PENDING_REMOTE] = NULL;
      next.state = PRTC_SIGNALING_STABLE;
      break;
    case PRTC_SDP_ROLLBACK: break;
  }
  return next;
}

static bool has(const struct slots *slots, const struct description *description) {
  for (int i = 0; i < SLOTS; i++) {
    if (slots->at[i] == description) return true;
  }
  return false;
}

/* Frees the descriptions of `from` that are not among those that are kept. */
static void free_others(struct prtc_jsep *jsep, const struct slots *from, const struct slots *kept) {
  for (int i = 0; i < SLOTS; i++) {
    if (from->at[i] != NULL && !has(kept, from->at[i])) prtc_jsep_free_description(jsep, from->at[i]);
  }
}

static int prepare_rollback(struct prtc_jsep *jsep) {
  jsep->next = jsep->now;
  jsep->next.at[PENDING_LOCAL] = jsep->next.at[PENDING_REMOTE] = NULL;
  jsep->next.state = PRTC_SIGNALING_STABLE;
  jsep->prepared = true;
  return PRTC_OK;
}

int prtc_jsep_prepare_local(struct prtc_jsep *jsep, prtc_sdp_type type, const char *sdp, size_t size) {
  prtc_jsep_abandon(jsep);
  int result = check_allowed(jsep, true, type);
  if (result < 0) return result;
  if (type == PRTC_SDP_ROLLBACK) return prepare_rollback(jsep);
  const char *last = type == PRTC_SDP_OFFER ? jsep->last_offer : jsep->last_answer;
  if (last == NULL || (sdp != NULL && (size != strlen(last) || memcmp(sdp, last, size) != 0))) {
    return prtc_jsep_fail(jsep, PRTC_ERROR_INVALID_MODIFICATION, "the description is not the last one that was created");
  }
  struct description *description;
  result = prtc_jsep_new_description(jsep, type, last, strlen(last), &description);
  if (result < 0) return result == PRTC_ERROR_SYNTAX ? PRTC_ERROR_INTERNAL : result;
  jsep->next = after(&jsep->now, true, description);
  jsep->prepared = true;
  return PRTC_OK;
}

int prtc_jsep_prepare_remote(struct prtc_jsep *jsep, prtc_sdp_type type, const char *sdp, size_t size) {
  prtc_jsep_abandon(jsep);
  int result = check_allowed(jsep, false, type);
  if (result < 0) return result;
  if (type == PRTC_SDP_ROLLBACK) return prepare_rollback(jsep);
  struct description *description;
  result = prtc_jsep_new_description(jsep, type, sdp, size, &description);
  if (result < 0) return result;
  struct slots next = after(&jsep->now, false, description);
  result = prtc_jsep_check_remote(jsep, &next, description);
  if (result < 0) {
    prtc_jsep_free_description(jsep, description);
    return result;
  }
  jsep->next = next;
  jsep->prepared = true;
  return PRTC_OK;
}

static void forget(struct prtc_jsep *jsep, char **text) {
  prtc_release(jsep->context, *text);
  *text = NULL;
}

void prtc_jsep_commit(struct prtc_jsep *jsep) {
  if (!jsep->prepared) return;
  bool ends = jsep->next.state == PRTC_SIGNALING_STABLE && prtc_jsep_find_negotiated(prtc_jsep_get_pair(&jsep->now)) >= 0 &&
              prtc_jsep_find_negotiated(prtc_jsep_get_pair(&jsep->next)) < 0;
  struct prtc_jsep_data data;
  prtc_jsep_get_data(jsep, &data);
  jsep->setup = data.negotiated ? data.setup : PRTC_SDP_SETUP_NONE;
  if (ends) make_tls_id(jsep); /* RFC 8842 section 4: the next association is another */
  free_others(jsep, &jsep->now, &jsep->next);
  /* What was created before the other side's offer, or before a negotiation ended, does not fit any more. */
  if (jsep->next.state == PRTC_SIGNALING_STABLE || jsep->next.state == PRTC_SIGNALING_HAVE_REMOTE_OFFER) {
    forget(jsep, &jsep->last_offer);
    forget(jsep, &jsep->last_answer);
  }
  PRTC_LOG(jsep->context, PRTC_LOG_INFO, "jsep", "%s", state_names[jsep->next.state]);
  jsep->now = jsep->next;
  jsep->prepared = false;
}

void prtc_jsep_abandon(struct prtc_jsep *jsep) {
  if (!jsep->prepared) return;
  free_others(jsep, &jsep->next, &jsep->now);
  jsep->prepared = false;
}

prtc_sdp_type prtc_jsep_implicit_type(const struct prtc_jsep *jsep) {
  return is_one_of(jsep->now.state, PRTC_SIGNALING_HAVE_REMOTE_OFFER, PRTC_SIGNALING_HAVE_LOCAL_PRANSWER) ? PRTC_SDP_ANSWER
                                                                                                           : PRTC_SDP_OFFER;
}

/* -------------------------------------------------------------------------------------------------------- what they say */

const struct description *prtc_jsep_latest(const struct slots *slots, enum slot current, enum slot pending) {
  return slots->at[pending] != NULL ? slots->at[pending] : slots->at[current];
}

/* With a pranswer the pending ones are a pair, otherwise the current ones. */
struct pair prtc_jsep_get_pair(const struct slots *slots) {
  if (slots->at[PENDING_LOCAL] != NULL && slots->at[PENDING_REMOTE] != NULL) {
    return (struct pair){slots->at[PENDING_LOCAL], slots->at[PENDING_REMOTE]};
  }
  return (struct pair){slots->at[CURRENT_LOCAL], slots->at[CURRENT_REMOTE]};
}

/* The place of `mid` in a BUNDLE group: the group's tokens, or NULL. */
static const char *find_bundle(const prtc_sdp_session *session, const char *mid) {
  for (size_t i = 0; mid != NULL && i < session->group_count; i++) {
    if (strcmp(session->groups[i].semantics, "BUNDLE") == 0 && prtc_sdp_has_token(session->groups[i].mids, mid)) {
      return session->groups[i].mids;
    }
  }
  return NULL;
}

bool prtc_jsep_is_live(const prtc_sdp_session *session, size_t index) {
  const prtc_sdp_media *media = &session->media[index];
  return media->port != 0 || (media->bundle_only && find_bundle(session, media->mid) != NULL);
}

int prtc_jsep_find_tagged(const prtc_sdp_session *session, const char *mid) {
  size_t size;
  const char *mids = find_bundle(session, mid), *head = mids == NULL ? NULL : prtc_sdp_next_token(&mids, &size);
  for (size_t i = 0; head != NULL && i < session->media_count; i++) {
    const char *other = session->media[i].mid;
    if (other != NULL && strlen(other) == size && memcmp(other, head, size) == 0) return (int)i;
  }
  return -1;
}

/* RFC 9143 section 7.1.3: of the attributes that belong to the transport, a bundled section may leave the statement to the
 * one that heads its group. */
static void inherit_transport(prtc_sdp_session *session) {
  int index = prtc_jsep_find_data(session);
  if (index < 0) return;
  prtc_sdp_media *media = (prtc_sdp_media *)&session->media[index]; /* the session is ours: parsed a moment ago */
  int head = prtc_jsep_find_tagged(session, media->mid);
  if (head < 0 || head == index) return;
  const prtc_sdp_media *tagged = &session->media[head];
  if (media->ice_ufrag == NULL && media->ice_pwd == NULL) {
    media->ice_ufrag = tagged->ice_ufrag;
    media->ice_pwd = tagged->ice_pwd;
    if (media->ice_options == NULL) media->ice_options = tagged->ice_options;
  }
  if (media->fingerprint_count == 0) {
    media->fingerprints = tagged->fingerprints;
    media->fingerprint_count = tagged->fingerprint_count;
  }
  if (media->setup == PRTC_SDP_SETUP_NONE) media->setup = tagged->setup;
  if (media->tls_id == NULL) media->tls_id = tagged->tls_id;
}

int prtc_jsep_find_data(const prtc_sdp_session *session) {
  for (size_t i = 0; i < session->media_count; i++) {
    if (prtc_sdp_is_data(&session->media[i]) && prtc_jsep_is_live(session, i)) return (int)i;
  }
  return -1;
}

int prtc_jsep_find_negotiated(struct pair pair) {
  if (pair.local == NULL || pair.remote == NULL) return -1;
  int index = prtc_jsep_find_data(pair.local->session);
  return index == prtc_jsep_find_data(pair.remote->session) ? index : -1;
}

static bool same_text(const char *a, const char *b) { return a != NULL && b != NULL && strcmp(a, b) == 0; }

bool prtc_jsep_same_credentials(const prtc_sdp_media *a, const prtc_sdp_media *b) {
  return same_text(a->ice_ufrag, b->ice_ufrag) && same_text(a->ice_pwd, b->ice_pwd);
}

/* The role that is left for this side: RFC 8842 section 5.3. An answer without a=setup means passive (RFC 4145 section
 * 4). */
static prtc_sdp_setup get_setup(struct pair pair, const prtc_sdp_media *local, const prtc_sdp_media *remote) {
  if (pair.local->type != PRTC_SDP_OFFER) return (prtc_sdp_setup)local->setup;
  return remote->setup == PRTC_SDP_SETUP_ACTIVE ? PRTC_SDP_SETUP_PASSIVE : PRTC_SDP_SETUP_ACTIVE;
}

/* A list that some stacks separate by commas. */
static bool has_option(const char *options, const char *option) {
  size_t size;
  for (; options != NULL && *options != '\0'; options += size + strspn(options + size, " ,")) {
    size = strcspn(options, " ,");
    if (size == strlen(option) && memcmp(options, option, size) == 0) return true;
  }
  return false;
}

void prtc_jsep_get_data(const struct prtc_jsep *jsep, struct prtc_jsep_data *out) {
  const struct slots *slots = jsep->prepared ? &jsep->next : &jsep->now;
  const struct description *latest = prtc_jsep_latest(slots, CURRENT_LOCAL, PENDING_LOCAL);
  *out = (struct prtc_jsep_data){.mid = "", .head_mid = ""};
  int index = latest == NULL ? -1 : prtc_jsep_find_data(latest->session);
  if (index >= 0) {
    const prtc_sdp_media *media = &latest->session->media[index];
    out->offered = true;
    out->ufrag = media->ice_ufrag;
    out->index = (size_t)index;
    if (media->mid != NULL) out->mid = media->mid;
    int head = prtc_jsep_find_tagged(latest->session, media->mid);
    out->head_index = head >= 0 ? (size_t)head : out->index;
    out->head_mid = head >= 0 ? latest->session->media[head].mid : out->mid;
  }
  const struct description *offer = slots->at[PENDING_REMOTE];
  int asked = offer == NULL ? -1 : prtc_jsep_find_data(offer->session);
  if (asked >= 0) out->asked = &offer->session->media[asked];
  out->described = asked >= 0 || (slots->state == PRTC_SIGNALING_HAVE_LOCAL_OFFER && out->offered);
  struct pair pair = prtc_jsep_get_pair(slots), before = prtc_jsep_get_pair(&jsep->now);
  int negotiated = prtc_jsep_find_negotiated(pair), earlier = prtc_jsep_find_negotiated(before);
  if (negotiated < 0) return;
  const prtc_sdp_media *local = &pair.local->session->media[negotiated], *remote = &pair.remote->session->media[negotiated];
  out->negotiated = out->described = true;
  out->initial = earlier < 0;
  out->local_offer = pair.local->type == PRTC_SDP_OFFER;
  out->ice_restart = earlier >= 0 && !prtc_jsep_same_credentials(remote, &before.remote->session->media[earlier]);
  out->remote = remote;
  out->sections = pair.remote->session->media;
  out->section_count = pair.remote->session->media_count;
  out->remote_lite = pair.remote->session->ice_lite != 0;
  out->remote_renomination = has_option(out->remote->ice_options, "renomination");
  out->remote_pacing = pair.remote->session->ice_pacing;
  /* Firefox answers a restart of ICE as if there were no association yet: the role that is there stays. */
  out->setup = jsep->setup != PRTC_SDP_SETUP_NONE ? jsep->setup : get_setup(pair, local, remote);
  out->sctp_port = remote->has_sctp_port ? remote->sctp_port : 5000;
  /* RFC 8841 section 6.1: 64K when absent. No limit and more than we can count are the same to us. */
  out->max_message_size = !remote->has_max_message_size              ? 65536
                          : remote->max_message_size > UINT32_MAX - 1 ? 0
                                                                      : (uint32_t)remote->max_message_size;
}

bool prtc_jsep_remote_restarts(const struct prtc_jsep *jsep) {
  const struct description *offer = jsep->now.at[PENDING_REMOTE];
  struct pair before = prtc_jsep_get_pair(&jsep->now);
  int earlier = prtc_jsep_find_negotiated(before);
  if (offer == NULL || offer->type != PRTC_SDP_OFFER || earlier < 0) return false;
  int index = prtc_jsep_find_data(offer->session);
  return index >= 0 && !prtc_jsep_same_credentials(&offer->session->media[index], &before.remote->session->media[earlier]);
}

uint32_t prtc_jsep_can_trickle(const struct prtc_jsep *jsep) {
  const struct description *remote = prtc_jsep_latest(&jsep->now, CURRENT_REMOTE, PENDING_REMOTE);
  if (remote == NULL) return 2;
  for (size_t i = 0; i < remote->session->media_count; i++) {
    if (has_option(remote->session->media[i].ice_options, "trickle")) return 1;
  }
  return 0;
}

bool prtc_jsep_needs_negotiation(const struct prtc_jsep *jsep, bool wants_data, bool wants_restart) {
  struct pair current = {jsep->now.at[CURRENT_LOCAL], jsep->now.at[CURRENT_REMOTE]};
  return wants_restart || (wants_data && prtc_jsep_find_negotiated(current) < 0);
}

const char *prtc_jsep_local_ufrag(const struct prtc_jsep *jsep, bool pending) {
  struct pair current = {jsep->now.at[CURRENT_LOCAL], jsep->now.at[CURRENT_REMOTE]};
  const struct description *local = pending ? jsep->now.at[PENDING_LOCAL] : current.local;
  int index = !pending ? prtc_jsep_find_negotiated(current) : local != NULL ? prtc_jsep_find_data(local->session) : -1;
  return index < 0 ? NULL : local->session->media[index].ice_ufrag;
}
