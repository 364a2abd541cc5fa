/* What core/transport asks of SCTP beyond polyrtc/sctp.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_SCTP_BORROWING_H
#define PRTC_SCTP_BORROWING_H

#include <polyrtc/sctp.h>

/* As prtc_sctp_transmit, but the packet stays where it is: borrowed until the next call of this or of anything else. */
int prtc_sctp_next(prtc_sctp *sctp, prtc_time now, size_t capacity, const uint8_t **packet);

#endif
