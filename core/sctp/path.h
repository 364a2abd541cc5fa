/* The packets of path MTU discovery: probes and their answers, what both sides tell each other in them, and packets that
 * have become too large for the path.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A probe is a HEARTBEAT with a PAD chunk (RFC 8899 section 6.2.1, RFC 4820). What a HEARTBEAT carries is its sender's
 * affair (RFC 9260 section 3.3.5): here, that it is polyrtc, and how large a packet it takes. Others are not probed: some
 * have buffers for the datagrams of Ethernet and end the connection over a larger one, and one ends at the PAD chunk. A side
 * that has been told and has not told yet answers with a HEARTBEAT of its own.
 *
 * A chunk of data that was made for a large packet cannot be divided any more when the path turns out to take smaller ones
 * (RFC 9260 section 6.9: IP is to fragment it, which many paths do not bear). The packet then goes in parts: packets
 * with a chunk of type 190 (of those that are skipped where they are not known, section 3.2).
 *
 *   type 190 | flags 0 | length | number of the packet (4) | its size (2) | place of the part in it (2) | bytes …
 *
 * The packet is without its common header, which is that of each of its parts.
 */
#ifndef PRTC_SCTP_PATH_H
#define PRTC_SCTP_PATH_H

#include "core/sctp/internal.h"

/* Looks at what arrived. True: it is a part of a packet, for prtc_path_join. */
bool prtc_path_look(struct prtc_sctp *sctp, const uint8_t *packet, size_t size);

/* Before packets are fetched: looks whether large ones get lost, and has a probe made when it is time for one. */
int prtc_path_care(struct prtc_sctp *sctp);

/* A part that arrived (the packet has one): the size of the packet that is whole by it, in *out (valid until the next call);
 * 0: not yet. */
size_t prtc_path_join(struct prtc_sctp *sctp, const uint8_t *packet, size_t size, const uint8_t **out);

/* A packet with a chunk that was made for a path that took more. */
static inline bool prtc_path_is_too_large(const struct prtc_sctp *sctp, const struct prtc_sctp_packet *packet) {
  return packet->size > sctp->path.used && sctp->path.used != 0 && !packet->is_probe;
}

/* Puts the parts of the first packet that waits in its place. Within a run. */
void prtc_path_divide(struct prtc_sctp *sctp);

#endif
