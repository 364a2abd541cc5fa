// polyrtc in Node.
// SPDX-License-Identifier: BSD-3-Clause
import { createPeerConnection } from '../../../node/nonstandard.mjs';
import { serve } from './serve.mjs';
import { w3c } from './w3c.mjs';

// Loopback too: one of the peers has no other address. TCP, to be connected to as well.
const connect = w3c(function RTCPeerConnection(configuration) {
  return createPeerConnection({ useLoopback: true, tcpCandidates: 'all', ...configuration });
});

await serve(connect);
