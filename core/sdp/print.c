/* Writing SDP, in the order of the examples in RFC 9429 section 7; and the helpers that read a description's members.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/base/text.h"
#include <polyrtc/sdp.h>

static const char old_protocol[] = "DTLS/SCTP"; /* of draft-ietf-mmusic-sctp-sdp-05, with a=sctpmap */

static void print_value(struct prtc_text *text, const char *name, const char *value) {
  if (value != NULL) prtc_text_print(text, "a=%s:%s\r\n", name, value);
}

static void print_flag(struct prtc_text *text, const char *name, bool given) {
  if (given) prtc_text_print(text, "a=%s\r\n", name);
}

static void print_others(struct prtc_text *text, const prtc_sdp_attribute *attributes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    print_flag(text, attributes[i].name, attributes[i].value == NULL);
    print_value(text, attributes[i].name, attributes[i].value);
  }
}

static void print_sctp(struct prtc_text *text, const prtc_sdp_media *media) {
  if (media->has_sctp_port && strcmp(media->protocol, old_protocol) == 0) {
    prtc_text_print(text, "a=sctpmap:%u webrtc-datachannel %u\r\n", (unsigned)media->sctp_port,
                    media->sctp_streams != 0 ? (unsigned)media->sctp_streams : UINT16_MAX);
  } else if (media->has_sctp_port) {
    prtc_text_print(text, "a=sctp-port:%u\r\n", (unsigned)media->sctp_port);
  }
  if (media->has_max_message_size) {
    prtc_text_print(text, "a=max-message-size:%llu\r\n", (unsigned long long)media->max_message_size);
  }
}

static void print_transport(struct prtc_text *text, const prtc_sdp_media *media) {
  static const char *const setups[] = {NULL, "actpass", "active", "passive"};
  for (size_t i = 0; i < media->candidate_count; i++) prtc_text_print(text, "a=%s\r\n", media->candidates[i]);
  print_flag(text, "end-of-candidates", media->end_of_candidates);
  print_value(text, "ice-ufrag", media->ice_ufrag);
  print_value(text, "ice-pwd", media->ice_pwd);
  print_value(text, "ice-options", media->ice_options);
  for (size_t i = 0; i < media->fingerprint_count; i++) {
    prtc_text_print(text, "a=fingerprint:%s %s\r\n", media->fingerprints[i].algorithm, media->fingerprints[i].value);
  }
  print_value(text, "tls-id", media->tls_id);
  print_value(text, "setup", setups[media->setup]);
}

static void print_media(struct prtc_text *text, const prtc_sdp_media *media) {
  static const char *const directions[] = {"", "sendrecv", "sendonly", "recvonly", "inactive"};
  prtc_text_print(text, "m=%s %u", media->kind, (unsigned)media->port);
  if (media->port_count > 0) prtc_text_print(text, "/%u", (unsigned)media->port_count);
  prtc_text_print(text, " %s %s\r\n", media->protocol, media->formats);
  if (media->connection != NULL) prtc_text_print(text, "c=%s\r\n", media->connection);
  for (size_t i = 0; i < media->bandwidth_count; i++) prtc_text_print(text, "b=%s\r\n", media->bandwidths[i]);
  print_value(text, "mid", media->mid);
  print_flag(text, directions[media->direction], media->direction != PRTC_SDP_DIRECTION_NONE);
  print_flag(text, "bundle-only", media->bundle_only);
  print_others(text, media->attributes, media->attribute_count);
  print_sctp(text, media);
  print_transport(text, media);
}

int prtc_sdp_print(const prtc_sdp_session *session, char *out, size_t capacity) {
  struct prtc_text text = prtc_text_of(out, capacity);
  prtc_text_print(&text, "v=0\r\no=%s %llu %llu %s\r\ns=%s\r\nt=0 0\r\n", session->username,
                  (unsigned long long)session->session_id, (unsigned long long)session->session_version, session->address,
                  session->name);
  for (size_t i = 0; i < session->group_count; i++) {
    const prtc_sdp_group *group = &session->groups[i];
    prtc_text_print(&text, "a=group:%s%s%s\r\n", group->semantics, group->mids[0] == '\0' ? "" : " ", group->mids);
  }
  print_flag(&text, "ice-lite", session->ice_lite);
  if (session->ice_pacing != 0) prtc_text_print(&text, "a=ice-pacing:%u\r\n", (unsigned)session->ice_pacing);
  print_others(&text, session->attributes, session->attribute_count);
  for (size_t i = 0; i < session->media_count; i++) print_media(&text, &session->media[i]);
  return prtc_text_result(&text);
}

/* -------------------------------------------------------------------------------------------------------------- helpers */

const char *prtc_sdp_next_token(const char **cursor, size_t *size) {
  if (*cursor == NULL) return NULL;
  const char *start = *cursor + strspn(*cursor, " ");
  *size = strcspn(start, " ");
  *cursor = start + *size;
  return *size == 0 ? NULL : start;
}

int prtc_sdp_has_token(const char *list, const char *token) {
  const char *found;
  size_t size;
  while (token != NULL && (found = prtc_sdp_next_token(&list, &size)) != NULL) {
    if (size == strlen(token) && memcmp(found, token, size) == 0) return 1;
  }
  return 0;
}

const char *prtc_sdp_find_attribute(const prtc_sdp_attribute *attributes, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(attributes[i].name, name) == 0) return attributes[i].value == NULL ? "" : attributes[i].value;
  }
  return NULL;
}

int prtc_sdp_is_data(const prtc_sdp_media *media) {
  if (strcmp(media->kind, "application") != 0) return 0;
  if (strcmp(media->protocol, old_protocol) == 0) return media->has_sctp_port != 0;
  return (strcmp(media->protocol, "UDP/DTLS/SCTP") == 0 || strcmp(media->protocol, "TCP/DTLS/SCTP") == 0) &&
         prtc_sdp_has_token(media->formats, "webrtc-datachannel");
}
