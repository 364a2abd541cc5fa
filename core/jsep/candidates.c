/* addIceCandidate: candidates are written into the remote description, where they are also found when it is applied.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>
#include <string.h>

#include "core/base/context.h"
#include "core/jsep/internal.h"

/* Where the section ends in the text: before the next m= line. */
static size_t end_of_section(const struct description *description, size_t index) {
  const char *line = description->text, *next;
  size_t seen = 0;
  for (; (next = strchr(line, '\n')) != NULL; line = next + 1) {
    if (next[1] == 'm' && seen++ == index + 1) return (size_t)(next + 1 - description->text);
  }
  return description->size;
}

static bool has_candidate(const prtc_sdp_media *media, const char *candidate) {
  for (size_t i = 0; i < media->candidate_count; i++) {
    if (strcmp(media->candidates[i], candidate) == 0) return true;
  }
  return false;
}

/* Puts "a=…" at the end of the section: the description is made anew, so that text and session stay the same thing. */
static int insert(struct prtc_jsep *jsep, struct description *description, size_t index, const char *attribute) {
  size_t place = end_of_section(description, index), line_size = strlen(attribute) + 6; /* CRLF "a=" CRLF */
  char *text = prtc_allocate(jsep->context, description->size + line_size + 1);
  struct description *longer;
  if (text == NULL) return PRTC_ERROR_NO_MEMORY;
  bool ended = place > 0 && description->text[place - 1] == '\n';
  int head = snprintf(text, description->size + line_size + 1, "%.*s%sa=%s\r\n", (int)place, description->text,
                      ended ? "" : "\r\n", attribute);
  memcpy(text + head, description->text + place, description->size - place + 1);
  size_t size = (size_t)head + description->size - place;
  int result = size > PRTC_SDP_SIZE ? PRTC_ERROR_QUEUE_FULL
                                    : prtc_jsep_new_description(jsep, description->type, text, size, &longer);
  prtc_release(jsep->context, text);
  if (result == PRTC_ERROR_QUEUE_FULL) return prtc_jsep_fail(jsep, result, "the remote description has no room for more");
  if (result < 0) return result;
  struct description old = *description;
  *description = *longer;
  *longer = old;
  prtc_jsep_free_description(jsep, longer);
  return PRTC_OK;
}

static int add_to(struct prtc_jsep *jsep, struct description *description, size_t index, const char *candidate) {
  const prtc_sdp_media *media = &description->session->media[index];
  if (candidate[0] == '\0') {
    return media->end_of_candidates ? PRTC_OK : insert(jsep, description, index, "end-of-candidates");
  }
  return has_candidate(media, candidate) ? PRTC_OK : insert(jsep, description, index, candidate);
}

/* The section that mid or index names in a description: its index, or -1. */
static int find_section(const struct description *description, const char *mid, int index) {
  if (description == NULL) return -1;
  size_t count = description->session->media_count;
  if (mid == NULL) return index >= 0 && (size_t)index < count ? index : -1;
  for (size_t i = 0; i < count; i++) {
    const char *other = description->session->media[i].mid;
    if (other != NULL && strcmp(other, mid) == 0) return (int)i;
  }
  return -1;
}

static bool is_of_generation(const struct description *description, int section, const char *ufrag) {
  if (section < 0) return false;
  const char *other = description->session->media[section].ice_ufrag;
  return ufrag == NULL || (other != NULL && strcmp(other, ufrag) == 0);
}

/* The candidates of this section are for the transport of the data section. */
static bool is_of_data(const struct description *description, int section, int data) {
  if (description == NULL || section < 0 || data < 0) return false;
  const prtc_sdp_media *media = description->session->media;
  return section == data || prtc_jsep_same_credentials(&media[section], &media[data]);
}

/* A section, named by mid or index, in all descriptions of the other side that are of the candidate's generation. */
static int add_to_section(struct prtc_jsep *jsep, const char *candidate, const char *mid, int index, const char *ufrag) {
  struct description *pending = jsep->now.at[PENDING_REMOTE], *current = jsep->now.at[CURRENT_REMOTE];
  int in_pending = find_section(pending, mid, index), in_current = find_section(current, mid, index);
  if (in_pending < 0 && in_current < 0) {
    return prtc_jsep_fail(jsep, PRTC_ERROR_NOT_FOUND, "the remote description has no such section");
  }
  if (ufrag == NULL) { /* the latest */
    ufrag = in_pending >= 0 ? pending->session->media[in_pending].ice_ufrag : current->session->media[in_current].ice_ufrag;
  }
  bool of_pending = is_of_generation(pending, in_pending, ufrag), of_current = is_of_generation(current, in_current, ufrag);
  if (!of_pending && !of_current) {
    return prtc_jsep_fail(jsep, PRTC_ERROR_NOT_FOUND, "the remote description has no section with this ufrag");
  }
  struct pair pair = prtc_jsep_get_pair(&jsep->now);
  int negotiated = prtc_jsep_find_negotiated(pair);
  bool hand_on = (of_current && pair.remote == current && is_of_data(current, in_current, negotiated)) ||
                 (of_pending && pair.remote == pending && is_of_data(pending, in_pending, negotiated));
  int result = of_pending ? add_to(jsep, pending, (size_t)in_pending, candidate) : PRTC_OK;
  if (result == PRTC_OK && of_current) result = add_to(jsep, current, (size_t)in_current, candidate);
  return result < 0 ? result : hand_on;
}

int prtc_jsep_add_candidate(struct prtc_jsep *jsep, const char *candidate, const char *mid, int index, const char *ufrag) {
  jsep->error[0] = '\0';
  if (jsep->now.state == PRTC_SIGNALING_CLOSED) return prtc_jsep_fail(jsep, PRTC_ERROR_INVALID_STATE, "the peer is closed");
  if (strncmp(candidate, "a=", 2) == 0) candidate += 2;
  bool ends = candidate[0] == '\0';
  if (!ends && mid == NULL && index < 0) {
    return prtc_jsep_fail(jsep, PRTC_ERROR_INVALID_ARGUMENT, "a candidate needs sdpMid or sdpMLineIndex");
  }
  const struct description *latest = prtc_jsep_latest(&jsep->now, CURRENT_REMOTE, PENDING_REMOTE);
  if (latest == NULL) return prtc_jsep_fail(jsep, PRTC_ERROR_INVALID_STATE, "there is no remote description yet");
  if (!ends && (strncmp(candidate, "candidate:", 10) != 0 || strpbrk(candidate, "\r\n") != NULL)) {
    return prtc_jsep_fail(jsep, PRTC_ERROR_SYNTAX, "a candidate begins with \"candidate:\" and is one line");
  }
  if (mid != NULL || index >= 0) return add_to_section(jsep, candidate, mid, index, ufrag);
  int handed_on = 0; /* the end of candidates of all sections */
  for (int i = 0; i < (int)latest->session->media_count; i++) {
    int result = add_to_section(jsep, candidate, NULL, i, ufrag);
    if (result < 0 && result != PRTC_ERROR_NOT_FOUND) return result;
    if (result > 0) handed_on = 1;
  }
  return handed_on;
}
