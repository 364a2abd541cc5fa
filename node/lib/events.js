// The event interfaces of connections and channels (W3C WebRTC 1.0 sections 4.8.2, 4.8.3 and 6.3).
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const { RTCDataChannel } = require('./datachannel.js');
const { RTCIceCandidate } = require('./description.js');
const { DOMString, USVString, defineEvent, instance, integer, nullable, required, withDefault } = require('./webidl.js');

const RTCDataChannelEvent = defineEvent('RTCDataChannelEvent', { channel: required(instance(() => RTCDataChannel)) });

const RTCPeerConnectionIceEvent = defineEvent('RTCPeerConnectionIceEvent', {
  candidate: nullable(instance(() => RTCIceCandidate)),
  url: nullable(USVString),
});

const RTCPeerConnectionIceErrorEvent = defineEvent('RTCPeerConnectionIceErrorEvent', {
  address: nullable(DOMString),
  port: nullable(integer(16)),
  url: withDefault(USVString, ''),
  errorCode: required(integer(16)),
  errorText: withDefault(USVString, ''),
});

module.exports = { RTCDataChannelEvent, RTCPeerConnectionIceErrorEvent, RTCPeerConnectionIceEvent };
