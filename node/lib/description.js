// RTCSessionDescription and RTCIceCandidate (W3C WebRTC 1.0 sections 4.7 and 4.8; RFC 8839 section 5.1).
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const {
  DOMString,
  USVString,
  defineInterface,
  dictionary,
  enumeration,
  faceOf,
  integer,
  nullable,
  optional,
  required,
  withDefault,
} = require('./webidl.js');

const RTCSdpType = enumeration('offer', 'pranswer', 'answer', 'rollback');
const RTCSessionDescriptionInit = dictionary({ type: required(RTCSdpType), sdp: withDefault(DOMString, '') });
const RTCLocalSessionDescriptionInit = dictionary({ type: RTCSdpType, sdp: withDefault(DOMString, '') });

class SessionDescription {
  constructor({ type, sdp }) {
    Object.assign(this, { type, sdp });
  }

  toJSON() {
    return { type: this.type, sdp: this.sdp };
  }
}

const RTCSessionDescription = defineInterface('RTCSessionDescription', {
  constructs: [RTCSessionDescriptionInit],
  make: (init) => new SessionDescription(init),
  readonly: ['type', 'sdp'],
  methods: { toJSON: [] },
});

const RTCIceServerTransportProtocol = enumeration('udp', 'tcp', 'tls');
const candidateMembers = {
  candidate: withDefault(DOMString, ''),
  sdpMid: withDefault(nullable(DOMString), null),
  sdpMLineIndex: withDefault(nullable(integer(16)), null),
  usernameFragment: withDefault(nullable(DOMString), null),
};
const RTCIceCandidateInit = dictionary(candidateMembers);
const RTCLocalIceCandidateInit = dictionary(
  {
    relayProtocol: withDefault(nullable(RTCIceServerTransportProtocol), null),
    url: withDefault(nullable(USVString), null),
  },
  RTCIceCandidateInit,
);

const PROTOCOLS = ['udp', 'tcp'];
const TYPES = ['host', 'srflx', 'prflx', 'relay'];
const TCP_TYPES = ['active', 'passive', 'so'];
const FIELDS = [
  'foundation',
  'component',
  'priority',
  'address',
  'protocol',
  'port',
  'type',
  'tcpType',
  'relatedAddress',
  'relatedPort',
];

const numberOf = (text, most) => (/^\d{1,10}$/.test(text) && Number(text) <= most ? Number(text) : NaN);

/** The fields of a candidate-attribute; null when it is none. */
function parse(text) {
  const words = text.replace(/^candidate:/, '').split(' ');
  const [foundation, component, transport, priority, address, port, typ, type, ...rest] = words;
  const fields = {
    foundation,
    component: { 1: 'rtp', 2: 'rtcp' }[component],
    priority: numberOf(priority, 2 ** 32 - 1),
    address,
    protocol: transport?.toLowerCase(),
    port: numberOf(port, 65535),
    type,
    tcpType: null,
    relatedAddress: null,
    relatedPort: null,
  };
  const valid =
    typ === 'typ' &&
    fields.component &&
    PROTOCOLS.includes(fields.protocol) &&
    TYPES.includes(type) &&
    !Number.isNaN(fields.priority) &&
    !Number.isNaN(fields.port) &&
    address !== '';
  if (!valid) return null;
  for (let at = 0; at + 1 < rest.length; at += 2) {
    const [name, value] = [rest[at], rest[at + 1]];
    if (name === 'raddr') fields.relatedAddress = value;
    else if (name === 'rport') fields.relatedPort = Number.isNaN(numberOf(value, 65535)) ? null : Number(value);
    else if (name === 'tcptype' && fields.protocol === 'tcp') fields.tcpType = TCP_TYPES.includes(value) ? value : null;
  }
  return fields;
}

class IceCandidate {
  constructor(init) {
    Object.assign(this, init);
    const fields = parse(init.candidate);
    for (const name of FIELDS) this[name] = fields?.[name] ?? null;
  }

  toJSON() {
    const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = this;
    return { candidate, sdpMid, sdpMLineIndex, usernameFragment };
  }
}

const RTCIceCandidate = defineInterface('RTCIceCandidate', {
  constructs: [optional(RTCLocalIceCandidateInit, () => ({}))],
  make(init) {
    if (init.sdpMid === null && init.sdpMLineIndex === null) {
      throw new TypeError('RTCIceCandidate: either sdpMid or sdpMLineIndex is needed');
    }
    return new IceCandidate(init);
  },
  readonly: ['candidate', 'sdpMid', 'sdpMLineIndex', ...FIELDS, 'usernameFragment', 'relayProtocol', 'url'],
  methods: { toJSON: [] },
});

/** From inside: the init is believed. */
const makeCandidate = (init) =>
  faceOf(
    RTCIceCandidate,
    new IceCandidate({
      sdpMid: null,
      sdpMLineIndex: null,
      usernameFragment: null,
      relayProtocol: null,
      url: null,
      ...init,
    }),
  );
const makeDescription = (init) => faceOf(RTCSessionDescription, new SessionDescription(init));

module.exports = {
  RTCIceCandidate,
  RTCIceCandidateInit,
  RTCLocalSessionDescriptionInit,
  RTCSessionDescription,
  RTCSessionDescriptionInit,
  makeCandidate,
  makeDescription,
};
