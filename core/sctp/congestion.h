/* Congestion control, in place of usrsctp's own (RFC 5681's additive increase takes minutes to fill a long fast path):
 * CUBIC (RFC 9438), and HyStart++ (RFC 9406) for the end of slow start.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Its growth also ends where the queue that it keeps is about as long as the path itself: a loss-based sender fills any
 * buffer, and everything else on the path waits behind it.
 */
#ifndef PRTC_SCTP_CONGESTION_H
#define PRTC_SCTP_CONGESTION_H

#include <stddef.h>

struct sctp_tcb;

/* The association is controlled by it from now on. */
void prtc_congestion_install(struct sctp_tcb *tcb);

/* Bytes that are worth while to be under way, or to wait, on a path of this length: what 2 Gbit/s have there. On a short one
 * more would but wait in buffers, out of the CPU's cache. */
size_t prtc_congestion_useful(struct sctp_tcb *tcb);

#endif
