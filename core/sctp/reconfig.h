/* RE-CONFIG chunks (RFC 6525) are looked at before usrsctp sees them, because it takes two cases wrongly.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * - A request to reset outgoing streams names the last TSN that was sent before it, and has to wait for that TSN. usrsctp
 *   keeps such requests without bound, carries out one at most with each DATA chunk, none with a FORWARD-TSN, and can abort
 *   when data for the reset stream comes meanwhile. So a request that would have to wait is held here, as if the network
 *   had delayed it.
 * - A request has a response number, which RFC 6525 section 4.1 gives a meaning only where the request answers an "incoming
 *   reset request". polyrtc sends none; but usrsctp takes the number for an answer, and uses the stream before it is reset.
 *   So the number is replaced by one that answers nothing.
 */
#ifndef PRTC_SCTP_RECONFIG_H
#define PRTC_SCTP_RECONFIG_H

#include <stddef.h>
#include <stdint.h>

/* Writes `response` into each request. Returns the offset of the first RE-CONFIG chunk that has to wait for a TSN beyond
 * `cumulative_tsn`, which *tsn is set to; 0 when none has. */
size_t prtc_reconfig_prepare(uint8_t *packet, size_t size, uint32_t response, uint32_t cumulative_tsn, uint32_t *tsn);

/* Turns the chunk at `offset` into padding. Returns its size, within the packet. */
size_t prtc_reconfig_blank(uint8_t *packet, size_t size, size_t offset);

#endif
