/* Making offers and answers: RFC 9429 sections 5.2 and 5.3, for data. Sections of other kinds are rejected.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>
#include <string.h>

#include "core/base/context.h"
#include "core/base/text.h"
#include "core/jsep/internal.h"

static const char no_address[] = "IN IP4 0.0.0.0"; /* RFC 9429 section 5.2.1: with port 9 while nothing is gathered */

/* Mids have 256 characters at most. */
enum { MID_ROOM = 257 };

/* A description in the making */
struct draft {
  prtc_sdp_session session;
  prtc_sdp_media *media; /* session.media */
  prtc_sdp_group bundle;
  char mids[2 * MID_ROOM]; /* of the group */
  prtc_sdp_attribute carried[3]; /* attributes of the section that carries ours */
  char format[4]; /* of that section */
  char mid[12];  /* of a new section */
  char port[8];  /* our SCTP port, as the older form of the m= line wants it */
};

static int start(struct prtc_jsep *jsep, struct draft *draft, const struct prtc_jsep_local *local, size_t sections) {
  *draft = (struct draft){0};
  draft->media = prtc_allocate(jsep->context, (sections + 1) * sizeof *draft->media);
  if (draft->media == NULL) return PRTC_ERROR_NO_MEMORY;
  draft->session = (prtc_sdp_session){.username = "-",
                                      .session_id = jsep->session_id,
                                      .session_version = jsep->session_version,
                                      .address = "IN IP4 127.0.0.1",
                                      .name = "-",
                                      .ice_lite = local->lite,
                                      .ice_pacing = local->pacing,
                                      .media = draft->media,
                                      .media_count = sections};
  return PRTC_OK;
}

/* RFC 9429 section 5.3.1: port 0, the place, kind, protocol, formats and mid as offered. */
static prtc_sdp_media rejected(const prtc_sdp_media *media) {
  return (prtc_sdp_media){.kind = media->kind,
                          .port = 0,
                          .protocol = media->protocol,
                          .formats = media->formats,
                          .connection = no_address,
                          .mid = media->mid,
                          .direction = PRTC_SDP_DIRECTION_INACTIVE};
}

/* Where the default candidate is, and what else there is; sections of other credentials are of another generation. */
static void add_candidates(prtc_sdp_media *media, const struct prtc_jsep_local *local) {
  media->port = local->port != 0 ? local->port : 9;
  media->connection = local->port != 0 ? local->connection : no_address;
  media->candidates = local->candidates;
  media->candidate_count = local->candidate_count;
  media->end_of_candidates = local->end_of_candidates;
}

/* What this side says of its data section, beside protocol, formats, mid and setup. */
static prtc_sdp_media accepted(const struct prtc_jsep_local *local) {
  prtc_sdp_media media = {.kind = "application",
                          .protocol = "UDP/DTLS/SCTP",
                          .formats = "webrtc-datachannel",
                          .ice_ufrag = local->ufrag,
                          .ice_pwd = local->password,
                          /* RFC 8838 section 3, RFC 8445 section 10, draft-thatcher-ice-renomination */
                          .ice_options = local->renomination ? "trickle ice2 renomination" : "trickle ice2",
                          .fingerprints = local->fingerprints,
                          .fingerprint_count = local->fingerprint_count,
                          .has_sctp_port = 1,
                          .sctp_port = local->sctp_port,
                          .has_max_message_size = 1,
                          .max_message_size = local->max_message_size};
  add_candidates(&media, local);
  return media;
}

/* In the form in which the other side (or we, before) wrote it. In the older form the format is the sender's SCTP port. */
static void write_as(struct draft *draft, prtc_sdp_media *media, const prtc_sdp_media *model) {
  media->protocol = model->protocol;
  media->mid = model->mid;
  if (strcmp(model->protocol, "DTLS/SCTP") != 0) return;
  snprintf(draft->port, sizeof draft->port, "%u", (unsigned)media->sctp_port);
  media->formats = draft->port;
}

/* `carrier` is the mid of the section that heads the group; NULL when that is ours, or nobody's. */
static void bundle(struct draft *draft, const char *carrier, const char *mid) {
  bool both = carrier != NULL && mid != NULL;
  struct prtc_text mids = prtc_text_of(draft->mids, sizeof draft->mids);
  prtc_text_print(&mids, "%s%s%s", both ? carrier : "", both ? " " : "", mid == NULL ? "" : mid);
  draft->bundle = (prtc_sdp_group){.semantics = "BUNDLE", .mids = draft->mids};
  draft->session.groups = &draft->bundle;
  draft->session.group_count = 1;
}

/* ---------------------------------------------------------------------------------------------------------- the carrier */

/* Browsers whose policy is max-bundle have all on the transport of the first section, audio or video as a rule, and lose it
 * when that section is rejected; Chromium then refuses the answer as a whole, and its offer is the same under every policy.
 * So where the two have the same ICE credentials that section is accepted, without anything to send or to receive: it
 * carries the data section. */

/* Its first format is a payload type, of three digits at most. */
static bool is_media(const prtc_sdp_media *media) {
  bool is_of_rtp = strcmp(media->protocol, "UDP/TLS/RTP/SAVPF") == 0 || strcmp(media->protocol, "UDP/TLS/RTP/SAVP") == 0;
  if (!is_of_rtp || media->mid == NULL || media->formats == NULL) return false;
  size_t size = strcspn(media->formats, " ");
  return size >= 1 && size <= 3;
}

/* The section that carries the data section of an offer, or -1. It stays the one that it was. */
static int find_carrier(const struct prtc_jsep *jsep, const prtc_sdp_session *offer, int data) {
  const struct description *before = jsep->now.at[CURRENT_LOCAL];
  for (size_t i = 0; before != NULL && i < before->session->media_count && i < offer->media_count; i++) {
    if (prtc_sdp_is_data(&before->session->media[i]) || !prtc_jsep_is_live(before->session, i)) continue;
    if (prtc_jsep_is_live(offer, i) && is_media(&offer->media[i])) return (int)i;
  }
  int tagged = prtc_jsep_find_tagged(offer, offer->media[data].mid);
  if (tagged < 0 || tagged == data || offer->media[tagged].port == 0 || !is_media(&offer->media[tagged])) return -1;
  return prtc_jsep_same_credentials(&offer->media[tagged], &offer->media[data]) ? tagged : -1;
}

/* "rtpmap" or "fmtp" of a format */
static const prtc_sdp_attribute *find_format(const prtc_sdp_media *media, const char *name, size_t size) {
  for (size_t i = 0; i < media->attribute_count; i++) {
    const prtc_sdp_attribute *attribute = &media->attributes[i];
    bool matches = strcmp(attribute->name, name) == 0 && attribute->value != NULL;
    if (matches && strncmp(attribute->value, media->formats, size) == 0 && attribute->value[size] == ' ') return attribute;
  }
  return NULL;
}

/* Like `ours`, the data section, in what is of the transport; with the first format of `model`. */
static prtc_sdp_media carrier(struct draft *draft, const prtc_sdp_media *ours, const prtc_sdp_media *model) {
  prtc_sdp_media media = *ours;
  size_t size, count = 0;
  const char *cursor = model->formats;
  (void)prtc_sdp_next_token(&cursor, &size);
  draft->carried[count++] = (prtc_sdp_attribute){.name = "rtcp-mux"};
  const prtc_sdp_attribute *map = find_format(model, "rtpmap", size), *parameters = find_format(model, "fmtp", size);
  if (map != NULL) draft->carried[count++] = *map;
  if (parameters != NULL) draft->carried[count++] = *parameters;
  struct prtc_text format = prtc_text_of(draft->format, sizeof draft->format);
  prtc_text_print(&format, "%.*s", (int)size, model->formats);
  media.kind = model->kind;
  media.protocol = model->protocol;
  media.formats = draft->format;
  media.mid = model->mid;
  media.direction = PRTC_SDP_DIRECTION_INACTIVE;
  media.has_sctp_port = media.has_max_message_size = 0;
  media.attributes = draft->carried;
  media.attribute_count = count;
  return media;
}

/* Prints; the version of o= is one more than the last one's when the text differs from it (RFC 9429 section 5.2.2). *last
 * is replaced by the text. */
static int finish(struct prtc_jsep *jsep, struct draft *draft, char **last, char *out, size_t capacity) {
  char *text = prtc_allocate(jsep->context, PRTC_SDP_SIZE + 1), *copy = NULL;
  int result = PRTC_ERROR_NO_MEMORY;
  if (text != NULL) result = prtc_sdp_print(&draft->session, text, PRTC_SDP_SIZE + 1);
  if (result > 0 && (*last == NULL || strcmp(text, *last) != 0)) {
    draft->session.session_version = jsep->session_version + 1;
    result = prtc_sdp_print(&draft->session, text, PRTC_SDP_SIZE + 1);
    if (result > 0) copy = prtc_copy_text(jsep->context, text, (size_t)result);
    if (result > 0 && copy == NULL) result = PRTC_ERROR_NO_MEMORY;
    if (copy != NULL) {
      jsep->session_version++;
      prtc_release(jsep->context, *last);
      *last = copy;
    }
  } else if (result == PRTC_ERROR_BUFFER_TOO_SMALL) {
    result = prtc_jsep_fail(jsep, PRTC_ERROR_INVALID_ACCESS, "the description would be larger than 64 KiB");
  }
  if (result > 0 && out != NULL) {
    if ((size_t)result < capacity) {
      memcpy(out, text, (size_t)result + 1);
    } else {
      result = PRTC_ERROR_BUFFER_TOO_SMALL;
    }
  }
  prtc_release(jsep->context, text);
  prtc_release(jsep->context, draft->media);
  return result;
}

/* ---------------------------------------------------------------------------------------------------------------- offer */

/* A mid that no section has. */
static void choose_mid(struct draft *draft, const prtc_sdp_session *base) {
  bool taken = true;
  for (unsigned number = base == NULL ? 0 : (unsigned)base->media_count; taken; number++) {
    snprintf(draft->mid, sizeof draft->mid, "%u", number);
    taken = false;
    for (size_t i = 0; base != NULL && i < base->media_count; i++) {
      if (base->media[i].mid != NULL && strcmp(base->media[i].mid, draft->mid) == 0) taken = true;
    }
  }
}

/* RFC 9429 section 5.2.2: every section stays in its place. One for data comes at the end, or where a rejected one was. */
int prtc_jsep_create_offer(struct prtc_jsep *jsep, const struct prtc_jsep_local *local, char *out, size_t capacity) {
  struct draft draft;
  jsep->error[0] = '\0';
  if (jsep->now.state != PRTC_SIGNALING_STABLE && jsep->now.state != PRTC_SIGNALING_HAVE_LOCAL_OFFER) {
    return prtc_jsep_fail(jsep, PRTC_ERROR_INVALID_STATE, "an offer cannot be created in this signaling state");
  }
  const struct description *latest = prtc_jsep_latest(&jsep->now, CURRENT_LOCAL, PENDING_LOCAL);
  const prtc_sdp_session *base = latest == NULL ? NULL : latest->session;
  size_t count = base == NULL ? 0 : base->media_count;
  struct pair pair = prtc_jsep_get_pair(&jsep->now);
  int negotiated = prtc_jsep_find_negotiated(pair), data = -1, reusable = -1, carries = -1;
  int result = start(jsep, &draft, local, count);
  if (result < 0) return result;
  for (size_t i = 0; i < count; i++) {
    draft.media[i] = rejected(&base->media[i]);
    if (!prtc_sdp_is_data(&base->media[i])) {
      if (prtc_jsep_is_live(base, i) && pair.remote != NULL && prtc_jsep_is_live(pair.remote->session, i)) carries = (int)i;
      continue;
    }
    bool live = latest == jsep->now.at[PENDING_LOCAL] ? prtc_jsep_is_live(base, i) : (int)i == negotiated;
    if (live && data < 0) {
      data = (int)i;
    } else if (reusable < 0) {
      reusable = (int)i;
    }
  }
  if (data >= 0) {
    draft.media[data] = accepted(local);
    write_as(&draft, &draft.media[data], &base->media[data]);
  } else if (local->wants_data && (reusable >= 0 || count < PRTC_SDP_SECTIONS)) {
    data = reusable >= 0 ? reusable : (int)count;
    if (reusable < 0) draft.session.media_count++;
    choose_mid(&draft, base);
    draft.media[data] = accepted(local);
    draft.media[data].mid = draft.mid;
  }
  if (data >= 0) {
    draft.media[data].setup = PRTC_SDP_SETUP_ACTPASS; /* RFC 8842 section 5.2; also when the role is long known */
    draft.media[data].tls_id = jsep->tls_id;
    if (data < (int)count && carries >= 0) {
      draft.media[carries] = carrier(&draft, &draft.media[data], &base->media[carries]);
    }
    bundle(&draft, carries >= 0 ? draft.media[carries].mid : NULL, draft.media[data].mid);
  }
  return finish(jsep, &draft, &jsep->last_offer, out, capacity);
}

/* --------------------------------------------------------------------------------------------------------------- answer */

/* RFC 8842 section 5.3: actpass is answered with active, but with the role that this side has already where it has one (an
 * offer that wants another was refused). RFC 4145 section 4: an offer without a=setup means active. */
static prtc_sdp_setup answer_setup(const struct prtc_jsep *jsep, const prtc_sdp_media *offer) {
  struct prtc_jsep_data data;
  prtc_jsep_get_data(jsep, &data);
  if (data.negotiated) return data.setup;
  return offer->setup == PRTC_SDP_SETUP_PASSIVE || offer->setup == PRTC_SDP_SETUP_ACTPASS ? PRTC_SDP_SETUP_ACTIVE
                                                                                          : PRTC_SDP_SETUP_PASSIVE;
}

/* RFC 9143 section 7.3: of the sections of the offered group, those that are accepted stay in it. Without any it is empty:
 * browsers whose policy is max-bundle want to see one. */
static bool has_bundle(const prtc_sdp_session *offer, const char *mid) {
  for (size_t i = 0; i < offer->group_count; i++) {
    if (strcmp(offer->groups[i].semantics, "BUNDLE") != 0) continue;
    if (mid == NULL || prtc_sdp_has_token(offer->groups[i].mids, mid)) return true;
  }
  return false;
}

int prtc_jsep_create_answer(struct prtc_jsep *jsep, const struct prtc_jsep_local *local, char *out, size_t capacity) {
  struct draft draft;
  jsep->error[0] = '\0';
  if (jsep->now.state != PRTC_SIGNALING_HAVE_REMOTE_OFFER && jsep->now.state != PRTC_SIGNALING_HAVE_LOCAL_PRANSWER) {
    return prtc_jsep_fail(jsep, PRTC_ERROR_INVALID_STATE, "an answer can be created only when there is a remote offer");
  }
  const prtc_sdp_session *offer = jsep->now.at[PENDING_REMOTE]->session;
  int result = start(jsep, &draft, local, offer->media_count);
  if (result < 0) return result;
  for (size_t i = 0; i < offer->media_count; i++) draft.media[i] = rejected(&offer->media[i]);
  int data = prtc_jsep_find_data(offer);
  if (data < 0 && has_bundle(offer, NULL)) bundle(&draft, NULL, NULL);
  if (data >= 0) {
    const prtc_sdp_media *asked = &offer->media[data];
    draft.media[data] = accepted(local);
    write_as(&draft, &draft.media[data], asked);
    draft.media[data].setup = answer_setup(jsep, asked);
    if (asked->tls_id != NULL) draft.media[data].tls_id = jsep->tls_id;
    int carries = find_carrier(jsep, offer, data);
    const char *head = carries >= 0 ? offer->media[carries].mid : NULL;
    if (carries >= 0) draft.media[carries] = carrier(&draft, &draft.media[data], &offer->media[carries]);
    if (asked->mid != NULL && has_bundle(offer, asked->mid)) bundle(&draft, head, asked->mid);
  }
  return finish(jsep, &draft, &jsep->last_answer, out, capacity);
}

/* -------------------------------------------------------------------------------------------------------------- reading */

static enum slot find_slot(const struct slots *slots, prtc_description which) {
  switch (which) {
    case PRTC_DESCRIPTION_LOCAL: return slots->at[PENDING_LOCAL] != NULL ? PENDING_LOCAL : CURRENT_LOCAL;
    case PRTC_DESCRIPTION_REMOTE: return slots->at[PENDING_REMOTE] != NULL ? PENDING_REMOTE : CURRENT_REMOTE;
    case PRTC_DESCRIPTION_CURRENT_LOCAL: return CURRENT_LOCAL;
    case PRTC_DESCRIPTION_CURRENT_REMOTE: return CURRENT_REMOTE;
    case PRTC_DESCRIPTION_PENDING_LOCAL: return PENDING_LOCAL;
    case PRTC_DESCRIPTION_PENDING_REMOTE: return PENDING_REMOTE;
  }
  return SLOTS;
}

static int print_local(const struct prtc_jsep *jsep, const struct description *description,
                       const struct prtc_jsep_local *local, char *out, size_t capacity) {
  prtc_sdp_session session = *description->session;
  size_t size = (session.media_count + 1) * sizeof(prtc_sdp_media);
  prtc_sdp_media *media = prtc_allocate(jsep->context, size);
  if (media == NULL) return PRTC_ERROR_NO_MEMORY;
  for (size_t i = 0; i < session.media_count; i++) {
    media[i] = session.media[i];
    if (media[i].ice_ufrag != NULL && strcmp(media[i].ice_ufrag, local->ufrag) == 0) add_candidates(&media[i], local);
  }
  session.media = media;
  int result = prtc_sdp_print(&session, out, capacity);
  prtc_release(jsep->context, media);
  return result;
}

int prtc_jsep_get_description(const struct prtc_jsep *jsep, prtc_description which, const struct prtc_jsep_local *local,
                              prtc_sdp_type *type, char *out, size_t capacity) {
  enum slot slot = find_slot(&jsep->now, which);
  *type = (prtc_sdp_type)0;
  if (slot == SLOTS) return PRTC_ERROR_INVALID_ARGUMENT;
  const struct description *description = jsep->now.at[slot];
  if (capacity == 0) return PRTC_ERROR_BUFFER_TOO_SMALL;
  out[0] = '\0';
  if (description == NULL) return 0;
  *type = description->type;
  if (local != NULL && (slot == CURRENT_LOCAL || slot == PENDING_LOCAL)) {
    return print_local(jsep, description, local, out, capacity);
  }
  if (description->size >= capacity) return PRTC_ERROR_BUFFER_TOO_SMALL;
  memcpy(out, description->text, description->size + 1);
  return (int)description->size;
}
