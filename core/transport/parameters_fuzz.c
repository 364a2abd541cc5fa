/* Any text as parameters; what was read is printed, and read again as the same.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdlib.h>
#include <string.h>

#include <polyrtc/error.h>

#include "core/transport/parameters.h"

static void read_candidates(const char *text, size_t size) {
  static char printed[8192];
  prtc_candidate candidate, again;
  size_t cursor = 0;
  const char *reason;
  while (prtc_parameters_candidate(text, size, &cursor, &candidate, &reason) > 0) {
    struct prtc_text out = prtc_text_of(printed, sizeof printed);
    size_t first = 0;
    prtc_text_print(&out, "{\"iceCandidates\":[");
    prtc_parameters_print_candidate(&out, &candidate);
    prtc_text_print(&out, "]}");
    int length = prtc_text_result(&out);
    if (length < 0 || prtc_parameters_candidate(printed, (size_t)length, &first, &again, &reason) != 1) abort();
    if (strcmp(candidate.name, again.name) != 0 || candidate.address.port != again.address.port ||
        candidate.priority != again.priority || candidate.type != again.type) {
      abort();
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data, *reason;
  prtc_ice_parameters ice;
  prtc_fingerprint fingerprints[PRTC_FINGERPRINTS_MAX];
  struct prtc_sctp_parameters sctp;
  prtc_dtls_role role;
  size_t count;
  if (prtc_parameters_ice(text, size, &ice, &reason) == PRTC_ERROR_SYNTAX && reason[0] == '\0') abort();
  if (prtc_parameters_dtls(text, size, fingerprints, &count, &role, &reason) == PRTC_OK && count == 0) abort();
  if (prtc_parameters_sctp(text, size, &sctp, &reason) == PRTC_OK && sctp.port == 0) abort();
  (void)prtc_parameters_complete(text, size);
  read_candidates(text, size);
  return 0;
}
