// werift as a peer of the benchmarks.
// SPDX-License-Identifier: BSD-3-Clause
import { createRequire } from 'node:module';
import { main, w3c } from './workloads.mjs';

const { RTCPeerConnection } = createRequire(new URL('../../interop/', import.meta.url))('werift');

await main({
  ...w3c(RTCPeerConnection, { iceServers: [], iceAdditionalHostAddresses: ['127.0.0.1'], iceUseIpv6: false }),
  onMessage: (channel, callback) => channel.onMessage.subscribe(callback),
  onLow(channel, threshold, callback) {
    channel.bufferedAmountLowThreshold = threshold;
    channel.bufferedAmountLow.subscribe(callback);
  },
});
