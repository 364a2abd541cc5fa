// polyrtc/nonstandard: what the W3C's API has not.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const { RTCDataChannel } = require('./lib/datachannel.js');
const { seeInside } = require('./lib/inside.js');
const { RTCPeerConnection, makePeerConnection } = require('./lib/peerconnection.js');
const { messagesOf, writableOf } = require('./lib/streams.js');
const { implementationOf, instance } = require('./lib/webidl.js');

const channelOf = (face) => implementationOf(instance(() => RTCDataChannel)(face, 'argument 1'));
const connectionOf = (face) => implementationOf(instance(() => RTCPeerConnection)(face, 'argument 1'));

module.exports = {
  /** An RTCPeerConnection of a configuration with members beyond RTCConfiguration. */
  createPeerConnection: (configuration = {}) => makePeerConnection(configuration),

  /** The messages that arrive, each a ReadableStream of its parts, in place of "message" events. */
  messages: (channel) => messagesOf(channelOf(channel)),

  /** A WritableStream for one message of any size. */
  messageWriter: (channel, options) => writableOf(channelOf(channel), options),

  /** Why the connection failed last: an error with a sentence, and the engine's name of it as `reason`; null when it has not. */
  failureOf: (connection) => connectionOf(connection).failure,

  seeInside,
  ANY_PORT: 65536,
  NO_LIMIT: 0xffffffff,
};
