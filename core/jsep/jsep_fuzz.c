/* Any sequence of descriptions and candidates: whatever is accepted is answered with a description that we can read
 * ourselves.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The input is commands: a letter, then a text up to a byte 0xFF (which no SDP has).
 */
#include <stdlib.h>
#include <string.h>

#include "core/jsep/jsep.h"

enum { ROOM = 128 * 1024 };

static char out[ROOM];

static void require(int condition) {
  if (!condition) abort();
}

static const prtc_sdp_fingerprint fingerprint = {
    "sha-256", "7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08"};

static const struct prtc_jsep_local local = {.ufrag = "locl",
                                             .password = "localpasswordlocalpass",
                                             .fingerprints = &fingerprint,
                                             .fingerprint_count = 1,
                                             .sctp_port = 5000,
                                             .max_message_size = 262144,
                                             .wants_data = true};

static void set_remote(struct prtc_jsep *jsep, prtc_sdp_type type, const char *text, size_t size) {
  if (prtc_jsep_prepare_remote(jsep, type, text, size) == PRTC_OK) {
    prtc_jsep_commit(jsep);
  } else {
    require(prtc_jsep_error(jsep)[0] != '\0');
  }
}

static void set_local(struct prtc_jsep *jsep, prtc_sdp_type type) {
  bool offers = type == PRTC_SDP_OFFER;
  int size = offers ? prtc_jsep_create_offer(jsep, &local, out, ROOM) : prtc_jsep_create_answer(jsep, &local, out, ROOM);
  if (size < 0) {
    require(size == PRTC_ERROR_INVALID_STATE || size == PRTC_ERROR_INVALID_ACCESS);
    return;
  }
  require(prtc_jsep_prepare_local(jsep, type, out, (size_t)size) == PRTC_OK);
  prtc_jsep_commit(jsep);
}

static void look(struct prtc_jsep *jsep) {
  struct prtc_jsep_data data;
  prtc_sdp_type type;
  prtc_jsep_get_data(jsep, &data);
  if (data.negotiated) {
    require(data.remote->ice_ufrag != NULL && data.remote->ice_pwd != NULL && data.remote->fingerprint_count > 0);
    require(data.setup == PRTC_SDP_SETUP_ACTIVE || data.setup == PRTC_SDP_SETUP_PASSIVE);
  }
  for (int which = PRTC_DESCRIPTION_LOCAL; which <= PRTC_DESCRIPTION_PENDING_REMOTE; which++) {
    (void)prtc_jsep_get_description(jsep, (prtc_description)which, &local, &type, out, ROOM);
  }
  (void)prtc_jsep_needs_negotiation(jsep, true, false);
  (void)prtc_jsep_can_trickle(jsep);
  (void)prtc_jsep_remote_restarts(jsep);
}

static void command(struct prtc_jsep *jsep, char letter, char *text, size_t size) {
  switch (letter) {
    case 'o': set_remote(jsep, PRTC_SDP_OFFER, text, size); break;
    case 'a': set_remote(jsep, PRTC_SDP_ANSWER, text, size); break;
    case 'p': set_remote(jsep, PRTC_SDP_PRANSWER, text, size); break;
    case 'r': set_remote(jsep, PRTC_SDP_ROLLBACK, NULL, 0); break;
    case 'O': set_local(jsep, PRTC_SDP_OFFER); break;
    case 'A': set_local(jsep, PRTC_SDP_ANSWER); break;
    case 'P': set_local(jsep, PRTC_SDP_PRANSWER); break;
    case 'R':
      if (prtc_jsep_prepare_local(jsep, PRTC_SDP_ROLLBACK, NULL, 0) == PRTC_OK) prtc_jsep_commit(jsep);
      break;
    case 'c': (void)prtc_jsep_add_candidate(jsep, text, NULL, 0, NULL); break;
    case 'm': (void)prtc_jsep_add_candidate(jsep, "", text, -1, NULL); break;
    case 'e': (void)prtc_jsep_add_candidate(jsep, "", NULL, -1, NULL); break;
    default: break;
  }
  look(jsep);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t input_size) {
  prtc_context_config config;
  PRTC_INIT(&config);
  prtc_context *context = prtc_context_new(&config);
  require(context != NULL);
  struct prtc_jsep *jsep = prtc_jsep_new(context);
  char *copy = malloc(input_size + 1);
  require(jsep != NULL && copy != NULL);
  if (input_size > 0) memcpy(copy, input, input_size);
  copy[input_size] = '\0';
  for (size_t at = 0; at < input_size;) {
    char *text = copy + at + 1, *end = memchr(text, 0xFF, input_size - at - 1);
    size_t size = end == NULL ? input_size - at - 1 : (size_t)(end - text);
    text[size] = '\0';
    command(jsep, copy[at], text, size);
    at += 1 + size + 1;
  }
  free(copy);
  prtc_jsep_free(jsep);
  prtc_context_free(context);
  return 0;
}
