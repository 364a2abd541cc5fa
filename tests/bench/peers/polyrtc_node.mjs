// polyrtc in Node, through its public API, as a peer of the benchmarks.
// SPDX-License-Identifier: BSD-3-Clause
import { createPeerConnection } from '../../../node/nonstandard.mjs';
import { main, w3c } from './workloads.mjs';

await main(w3c(function RTCPeerConnection(configuration) { return createPeerConnection(configuration); }, { useLoopback: true }));
