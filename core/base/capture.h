/* Traffic as a pcapng file: what is on the wire, and the SCTP packets that are inside of it, decrypted.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * One section with two interfaces of raw IP: "network" has the datagrams as they are, "decrypted" each SCTP packet as if IP
 * had carried it (protocol 132) between the addresses of its datagram. Times are of the wall clock where the endpoint knows
 * it.
 */
#ifndef PRTC_BASE_CAPTURE_H
#define PRTC_BASE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include <polyrtc/types.h>

#include "core/base/sink.h"

struct prtc_context;

struct prtc_capture {
  struct prtc_sink sink;
  uint64_t epoch;              /* microseconds since 1970 at prtc_time 0, modulo 2^64 */
  prtc_address local, remote;  /* of the datagram at hand, for what is inside */
  uint64_t lost;               /* packets that found no room since the last that did */
  bool begun;
};

static inline bool prtc_capture_is_on(const struct prtc_capture *capture) { return capture->sink.bound != 0; }

/* A datagram between capture->local and capture->remote. */
void prtc_capture_datagram(struct prtc_context *context, bool outgoing, const uint8_t *data, size_t size);
void prtc_capture_sctp(struct prtc_context *context, bool outgoing, const uint8_t *packet, size_t size);

#endif
