/* What two sides that use the transports one by one tell each other, as JSON: the dictionaries of ORTC (RTCIceParameters,
 * RTCIceCandidate, RTCDtlsParameters, RTCSctpCapabilities with the port), under the names that RAWRTC's tools gave them.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_TRANSPORT_PARAMETERS_H
#define PRTC_TRANSPORT_PARAMETERS_H

#include <stdbool.h>

#include <polyrtc/dtls.h>
#include <polyrtc/ice.h>

#include "core/base/json.h"

/* Larger texts are refused. */
enum { PRTC_PARAMETERS_SIZE = 64 * 1024 };

struct prtc_sctp_parameters {
  uint16_t port;
  uint32_t max_message_size; /* 0: no limit */
};

/* "iceParameters", "dtlsParameters", "sctpParameters" of a text. *reason is set to a sentence (static storage) with
 * SYNTAX. */
int prtc_parameters_ice(const char *text, size_t size, prtc_ice_parameters *out, const char **reason);
/* *role: of the side that these belong to. QUEUE_FULL for too many fingerprints. */
int prtc_parameters_dtls(const char *text, size_t size, prtc_fingerprint out[PRTC_FINGERPRINTS_MAX], size_t *count,
                         prtc_dtls_role *role, const char **reason);
int prtc_parameters_sctp(const char *text, size_t size, struct prtc_sctp_parameters *out, const char **reason);

/* "iceCandidates": an array of RTCIceCandidate, or of texts "candidate:…". The next of it: 1, 0 at the end, or SYNTAX.
 * *cursor starts at 0. */
int prtc_parameters_candidate(const char *text, size_t size, size_t *cursor, prtc_candidate *out, const char **reason);
/* "iceCandidatesComplete" */
bool prtc_parameters_complete(const char *text, size_t size);

void prtc_parameters_print_ice(struct prtc_text *text, const prtc_ice_parameters *ice);
void prtc_parameters_print_candidate(struct prtc_text *text, const prtc_candidate *candidate);
void prtc_parameters_print_dtls(struct prtc_text *text, const prtc_fingerprint *fingerprints, size_t count,
                                prtc_dtls_role role);
void prtc_parameters_print_sctp(struct prtc_text *text, const struct prtc_sctp_parameters *sctp);

#endif
