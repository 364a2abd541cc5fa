/* polyrtc/polyrtc.h: everything.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Start with endpoint.h (the run loop) and peer.h (the commands). The other headers are the building blocks, each usable
 * without a peer connection.
 */
#ifndef POLYRTC_POLYRTC_H
#define POLYRTC_POLYRTC_H

#include <polyrtc/data.h>
#include <polyrtc/dtls.h>
#include <polyrtc/endpoint.h>
#include <polyrtc/error.h>
#include <polyrtc/ice.h>
#include <polyrtc/peer.h>
#include <polyrtc/replay.h>
#include <polyrtc/sctp.h>
#include <polyrtc/sdp.h>
#include <polyrtc/srtp.h>
#include <polyrtc/transport.h>
#include <polyrtc/turn.h>
#include <polyrtc/types.h>

#endif
