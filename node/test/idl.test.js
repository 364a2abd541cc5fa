// What the interfaces look like: Web IDL.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const assert = require('node:assert');
const { test } = require('node:test');
const polyrtc = require('polyrtc');

const EXPECTED = {
  RTCPeerConnection: { length: 0, parent: EventTarget },
  RTCDataChannel: { illegal: true, length: 0, parent: EventTarget },
  RTCSctpTransport: { illegal: true, length: 0, parent: EventTarget },
  RTCDtlsTransport: { illegal: true, length: 0, parent: EventTarget },
  RTCIceTransport: { illegal: true, length: 0, parent: EventTarget },
  RTCIceCandidatePair: { illegal: true, length: 0 },
  RTCCertificate: { illegal: true, length: 0 },
  RTCStatsReport: { illegal: true, length: 0 },
  RTCSessionDescription: { length: 1 },
  RTCIceCandidate: { length: 0 },
  RTCError: { length: 1, parent: DOMException },
  RTCErrorEvent: { length: 2, parent: Event },
  RTCDataChannelEvent: { length: 2, parent: Event },
  RTCPeerConnectionIceEvent: { length: 1, parent: Event },
  RTCPeerConnectionIceErrorEvent: { length: 2, parent: Event },
};

test('interface objects and their prototypes', () => {
  assert.deepStrictEqual(Object.keys(polyrtc).sort(), Object.keys(EXPECTED).sort());
  for (const [name, { illegal, length, parent = Object }] of Object.entries(EXPECTED)) {
    const Interface = polyrtc[name];
    assert.deepStrictEqual([Interface.name, Interface.length], [name, length]);
    assert.strictEqual(Object.getPrototypeOf(Interface.prototype), parent.prototype, name);
    assert.strictEqual(Interface.prototype[Symbol.toStringTag], name);
    assert.throws(() => Interface(), TypeError);
    if (illegal) assert.throws(() => new Interface(), TypeError, name);
    const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(Interface, 'prototype');
    assert.deepStrictEqual([writable, enumerable, configurable], [false, false, false]);
    for (const [key, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(Interface.prototype))) {
      if (key === 'constructor') continue;
      assert.deepStrictEqual([descriptor.enumerable, descriptor.configurable], [true, true], `${name}.${key}`);
      if (descriptor.get) {
        assert.strictEqual(descriptor.get.name, `get ${key}`);
        assert.throws(() => descriptor.get.call({}), TypeError, `${name}.${key}`);
        assert.throws(() => Interface.prototype[key], TypeError, `${name}.${key}`);
      } else {
        assert.deepStrictEqual([descriptor.value.name, descriptor.writable], [key, true]);
      }
    }
  }
});

test('lengths of operations', () => {
  const lengths = { createOffer: 0, createAnswer: 0, setLocalDescription: 0, setRemoteDescription: 1, addIceCandidate: 0, createDataChannel: 1, getStats: 0, close: 0 };
  for (const [name, length] of Object.entries(lengths)) assert.strictEqual(polyrtc.RTCPeerConnection.prototype[name].length, length, name);
  assert.strictEqual(polyrtc.RTCPeerConnection.generateCertificate.length, 1);
  assert.strictEqual(polyrtc.RTCDataChannel.prototype.send.length, 1);
  assert.strictEqual(polyrtc.RTCStatsReport.prototype[Symbol.iterator], polyrtc.RTCStatsReport.prototype.entries);
});

test('dictionaries are read in the order of the IDL', (t) => {
  const read = [];
  const spy = (values) => new Proxy(values, { get: (target, key) => (read.push(key), target[key]) });
  new polyrtc.RTCPeerConnection(spy({})).close();
  assert.deepStrictEqual(read, ['bundlePolicy', 'certificates', 'iceCandidatePoolSize', 'iceServers', 'iceTransportPolicy', 'rtcpMuxPolicy']);
  read.length = 0;
  new polyrtc.RTCIceCandidate(spy({ sdpMid: '0' }));
  assert.deepStrictEqual(read, ['candidate', 'sdpMLineIndex', 'sdpMid', 'usernameFragment', 'relayProtocol', 'url']); // its parent's first
  void t;
});

test('event handler attributes', () => {
  const pc = new polyrtc.RTCPeerConnection();
  const order = [];
  assert.strictEqual(pc.ondatachannel, null);
  pc.ondatachannel = () => order.push('first');
  pc.addEventListener('datachannel', () => order.push('listener'));
  pc.ondatachannel = () => order.push('handler'); // in the place of the first
  pc.dispatchEvent(new Event('datachannel'));
  assert.deepStrictEqual(order, ['handler', 'listener']);
  pc.ondatachannel = 'no function';
  assert.strictEqual(pc.ondatachannel, null);
  const object = {};
  pc.ondatachannel = object;
  assert.strictEqual(pc.ondatachannel, object);
  pc.ondatachannel = () => false;
  const event = new Event('datachannel', { cancelable: true });
  pc.dispatchEvent(event);
  assert.ok(event.defaultPrevented);
  pc.close();
});

test('candidates and descriptions', () => {
  const text = 'candidate:1 1 TCP 1518280447 192.0.2.1 9 typ srflx raddr 10.0.0.1 rport 5000 tcptype active';
  const candidate = new polyrtc.RTCIceCandidate({ candidate: text, sdpMid: '0', usernameFragment: 'abcd' });
  const { foundation, component, priority, address, protocol, port, type, tcpType, relatedAddress, relatedPort } = candidate;
  assert.deepStrictEqual(
    [foundation, component, priority, address, protocol, port, type, tcpType, relatedAddress, relatedPort],
    ['1', 'rtp', 1518280447, '192.0.2.1', 'tcp', 9, 'srflx', 'active', '10.0.0.1', 5000],
  );
  assert.deepStrictEqual(JSON.parse(JSON.stringify(candidate)), { candidate: text, sdpMid: '0', sdpMLineIndex: null, usernameFragment: 'abcd' });
  assert.strictEqual(new polyrtc.RTCIceCandidate({ candidate: 'nonsense', sdpMLineIndex: 65536 }).sdpMLineIndex, 0);
  assert.strictEqual(new polyrtc.RTCIceCandidate({ candidate: 'nonsense', sdpMid: '' }).type, null);
  assert.throws(() => new polyrtc.RTCIceCandidate({ candidate: text }), TypeError);
  assert.deepStrictEqual(JSON.parse(JSON.stringify(new polyrtc.RTCSessionDescription({ type: 'offer' }))), { type: 'offer', sdp: '' });
  assert.throws(() => new polyrtc.RTCSessionDescription({ type: 'bid' }), TypeError);
});

test('events and errors', () => {
  const { RTCError, RTCErrorEvent, RTCPeerConnectionIceEvent, RTCPeerConnectionIceErrorEvent } = polyrtc;
  const error = new RTCError({ errorDetail: 'dtls-failure', sentAlert: 40 }, 'text');
  assert.deepStrictEqual([error.name, error.message, error.code, error.sentAlert, error.sctpCauseCode], ['OperationError', 'text', 0, 40, null]);
  assert.throws(() => new RTCError({ errorDetail: 'x' }), TypeError);
  assert.strictEqual(new RTCErrorEvent('error', { error, cancelable: true }).error, error);
  assert.throws(() => new RTCErrorEvent('error', { error: new Error('x') }), TypeError);
  const event = new RTCPeerConnectionIceEvent('icecandidate');
  assert.deepStrictEqual([event.type, event.candidate, event.url, event.bubbles], ['icecandidate', null, null, false]);
  const failed = new RTCPeerConnectionIceErrorEvent('x', { errorCode: 701 });
  assert.deepStrictEqual([failed.errorCode, failed.errorText, failed.url, failed.address], [701, '', '', null]);
  assert.throws(() => new RTCPeerConnectionIceErrorEvent('x', {}), TypeError);
});
