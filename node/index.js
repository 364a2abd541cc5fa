// polyrtc: WebRTC as a browser has it. The W3C's interfaces, by their names.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const { RTCCertificate } = require('./lib/certificate.js');
const { RTCDataChannel } = require('./lib/datachannel.js');
const { RTCIceCandidate, RTCSessionDescription } = require('./lib/description.js');
const { RTCError, RTCErrorEvent } = require('./lib/errors.js');
const { RTCDataChannelEvent, RTCPeerConnectionIceErrorEvent, RTCPeerConnectionIceEvent } = require('./lib/events.js');
const { RTCPeerConnection } = require('./lib/peerconnection.js');
const { RTCStatsReport } = require('./lib/stats.js');
const { RTCDtlsTransport, RTCIceCandidatePair, RTCIceTransport, RTCSctpTransport } = require('./lib/transports.js');

module.exports = {
  RTCCertificate,
  RTCDataChannel,
  RTCDataChannelEvent,
  RTCDtlsTransport,
  RTCError,
  RTCErrorEvent,
  RTCIceCandidate,
  RTCIceCandidatePair,
  RTCIceTransport,
  RTCPeerConnection,
  RTCPeerConnectionIceErrorEvent,
  RTCPeerConnectionIceEvent,
  RTCSctpTransport,
  RTCSessionDescription,
  RTCStatsReport,
};
