// polyrtc in Node, through its public API, as a peer of the benchmarks.
// SPDX-License-Identifier: BSD-3-Clause
import polyrtc from '../../../node/index.mjs';
import { main, w3c } from './workloads.mjs';

await main(w3c(polyrtc.RTCPeerConnection, { useLoopback: true }));
