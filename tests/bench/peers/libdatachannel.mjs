// libdatachannel, by the API of its own that npm's node-datachannel has, as a peer of the benchmarks.
// SPDX-License-Identifier: BSD-3-Clause
import { createRequire } from 'node:module';
import { main } from './workloads.mjs';

const { PeerConnection } = createRequire(new URL('../../interop/', import.meta.url))('node-datachannel');

const apply = (connection, type) => new Promise((resolve) => {
  connection.onGatheringStateChange((state) => {
    if (state === 'complete') resolve({ type, sdp: connection.localDescription().sdp });
  });
  connection.setLocalDescription(type);
});

await main({
  connection: () => new PeerConnection('bench', { iceServers: [], bindAddress: '127.0.0.1', disableAutoNegotiation: true }),
  channel: (connection) => connection.createDataChannel('bench'),
  onChannel: (connection, callback) => connection.onDataChannel(callback),
  onOpen: (channel, callback) => (channel.isOpen() ? callback() : channel.onOpen(callback)),
  onMessage: (channel, callback) => channel.onMessage(callback),
  onLow(channel, threshold, callback) {
    channel.setBufferedAmountLowThreshold(threshold);
    channel.onBufferedAmountLow(callback);
  },
  send: (channel, data) => (typeof data === 'string' ? channel.sendMessage(data) : channel.sendMessageBinary(data)),
  buffered: (channel) => channel.bufferedAmount(),
  offer: (connection) => apply(connection, 'offer'),
  answer(connection, { type, sdp }) {
    connection.setRemoteDescription(sdp, type);
    return apply(connection, 'answer');
  },
  accept: (connection, { type, sdp }) => connection.setRemoteDescription(sdp, type),
  close: (connection) => connection.close(),
});
