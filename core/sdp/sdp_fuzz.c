/* Any bytes: parsing never harms, and what prints parses again and prints the same.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdlib.h>
#include <string.h>

#include <polyrtc/sdp.h>

enum { ROOM = 1024 * 1024 }; /* attributes of the session are repeated in each section */

static char first[ROOM], second[ROOM];

static void require(int condition) {
  if (!condition) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  prtc_context_config config;
  PRTC_INIT(&config);
  prtc_context *context = prtc_context_new(&config);
  prtc_sdp_session *session = NULL;
  prtc_sdp_problem problem;
  require(context != NULL);
  if (prtc_sdp_parse(context, (const char *)data, size, &session, &problem) == PRTC_OK) {
    int printed = prtc_sdp_print(session, first, ROOM);
    prtc_sdp_free(session);
    session = NULL;
    /* What is inherited by many sections can make the text larger than what is parsed. */
    if (printed > 0 && printed <= (int)PRTC_SDP_SIZE) {
      require(prtc_sdp_parse(context, first, (size_t)printed, &session, &problem) == PRTC_OK);
      require(prtc_sdp_print(session, second, ROOM) == printed);
      require(memcmp(first, second, (size_t)printed) == 0);
      prtc_sdp_free(session);
    }
  } else {
    require(problem.text[0] != '\0' && session == NULL);
  }
  prtc_context_free(context);
  return 0;
}
