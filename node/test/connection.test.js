// Connections and their channels, over the loopback interface.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const assert = require('node:assert');
const { test } = require('node:test');
const { RTCCertificate, RTCDataChannelEvent, RTCError, RTCErrorEvent, RTCIceCandidate, RTCPeerConnection, RTCStatsReport } = require('polyrtc');
const { connect, negotiate, next, opened, trickle } = require('./support.js');

test('messages of all kinds go both ways, in their order', async (t) => {
  const { channel, other } = await connect(t);
  const sent = ['', 'héllo', 'a\0b', new Uint8Array([0, 1, 255]), new Uint8Array(0), new Uint8Array(65536).fill(7), 'ß'.repeat(1000)];
  for (const [from, to] of [[channel, other], [other, channel]]) {
    const received = [];
    const all = new Promise((resolve) => {
      to.onmessage = ({ data }) => received.push(data) === sent.length && resolve();
    });
    for (const message of sent) from.send(message);
    await all;
    assert.deepStrictEqual(received.map((data) => (typeof data === 'string' ? data : new Uint8Array(data))), sent);
  }
});

test('views, buffers and numbers are sent as the W3C converts them', async (t) => {
  const { channel, other } = await connect(t);
  const received = [];
  const all = new Promise((resolve) => {
    other.onmessage = ({ data }) => received.push(typeof data === 'string' ? data : Buffer.from(data).toString('hex')) === 6 && resolve();
  });
  const bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer;
  channel.send(bytes);
  channel.send(new DataView(bytes, 1, 2));
  channel.send(new Uint16Array(bytes, 2, 2));
  channel.send(Buffer.from('hi'));
  channel.send(42);
  channel.send('\ud800!');
  await all;
  assert.deepStrictEqual(received, ['0102030405060708', '0203', '03040506', '6869', '42', '\ufffd!']);
});

test('blobs keep their place among other messages, and arrive as such', async (t) => {
  const { channel, other } = await connect(t);
  other.binaryType = 'blob';
  assert.strictEqual(other.binaryType, 'blob');
  other.binaryType = 'buffer';
  assert.strictEqual(other.binaryType, 'blob');
  const received = [];
  const all = new Promise((resolve) => {
    other.onmessage = ({ data }) => received.push(data) === 3 && resolve();
  });
  channel.send(new Blob(['one']));
  channel.send('two');
  channel.send(new Uint8Array([51]));
  assert.strictEqual(channel.bufferedAmount, 7);
  channel.close(); // after what was queued
  await all;
  assert.ok(received[0] instanceof Blob && received[2] instanceof Blob);
  assert.deepStrictEqual([await received[0].text(), received[1], await received[2].text()], ['one', 'two', '3']);
});

test('a new handler in a microtask sees the next message', async (t) => {
  const { channel, other } = await connect(t);
  for (let i = 0; i < 100; i++) channel.send(String(i));
  for (let i = 0; i < 100; i++) {
    const { data } = await new Promise((resolve) => { other.onmessage = resolve; });
    assert.strictEqual(data, String(i));
  }
});

test('what a channel is made with, the other side sees', async (t) => {
  const { alice, bob, channel } = await connect(t);
  const inits = [
    { ordered: false, maxRetransmits: 0, protocol: 'p' }, { maxPacketLifeTime: 500 }, { ordered: false },
  ];
  for (const init of inits) {
    const announced = next(bob, 'datachannel');
    const made = alice.createDataChannel('x', init);
    const event = await announced;
    assert.ok(event instanceof RTCDataChannelEvent);
    for (const name of ['label', 'protocol', 'ordered', 'maxRetransmits', 'maxPacketLifeTime', 'negotiated', 'id']) {
      assert.strictEqual(event.channel[name], made[name], name);
    }
  }
  assert.strictEqual(typeof channel.id, 'number');
});

test('a negotiated channel has its id at once', async (t) => {
  const { channel, other } = await connect(t, { init: { negotiated: true, id: 7 } });
  assert.deepStrictEqual([channel.id, other.id, channel.negotiated], [7, 7, true]);
  const message = next(other, 'message');
  channel.send('there');
  assert.strictEqual((await message).data, 'there');
});

test('closing a channel closes it there, too', async (t) => {
  const { channel, other } = await connect(t);
  const seen = [];
  for (const [name, one] of [['here', channel], ['there', other]]) {
    for (const type of ['closing', 'close', 'error']) one.addEventListener(type, () => seen.push(`${name} ${type} ${one.readyState}`));
  }
  channel.close();
  assert.strictEqual(channel.readyState, 'closing');
  assert.throws(() => channel.send('x'), { name: 'InvalidStateError' });
  await Promise.all([next(channel, 'close'), next(other, 'close')]);
  assert.deepStrictEqual(seen.filter((one) => one.startsWith('here')), ['here close closed']);
  assert.deepStrictEqual(seen.filter((one) => one.startsWith('there')), ['there closing closing', 'there close closed']);
});

test('closing a connection is an error to the channels of the other side', async (t) => {
  const { alice, bob, channel, other } = await connect(t);
  channel.onclose = () => assert.fail('here is no event');
  const errors = next(other, 'error');
  alice.close();
  assert.deepStrictEqual([alice.connectionState, alice.signalingState, alice.iceConnectionState, channel.readyState], Array(4).fill('closed'));
  const event = await errors;
  assert.ok(event instanceof RTCErrorEvent && event.error instanceof RTCError && event.error instanceof DOMException);
  assert.deepStrictEqual([event.error.name, event.error.errorDetail], ['OperationError', 'sctp-failure']);
  assert.ok([null, 12].includes(event.error.sctpCauseCode)); // RFC 9260 section 3.3.10.12: user-initiated abort
  await next(other, 'close');
  for (const transport of [bob.sctp, bob.sctp.transport]) {
    while (transport.state !== 'closed') await next(transport, 'statechange');
  }
  alice.close(); // twice
  assert.throws(() => alice.createDataChannel('x'), { name: 'InvalidStateError' });
  await assert.rejects(alice.createOffer(), { name: 'InvalidStateError' });
});

test('bufferedAmount and its low threshold', async (t) => {
  const { channel, other } = await connect(t);
  const size = 100_000;
  channel.bufferedAmountLowThreshold = size;
  for (let i = 0; i < 5; i++) channel.send(new Uint8Array(size));
  assert.strictEqual(channel.bufferedAmount, 5 * size);
  await next(channel, 'bufferedamountlow');
  assert.ok(channel.bufferedAmount <= size);
  assert.throws(() => { channel.bufferedAmountLowThreshold = -1; }, TypeError);
  assert.strictEqual(channel.bufferedAmountLowThreshold, size);
  assert.throws(() => channel.send(new Uint8Array(300_000)), TypeError); // more than the other side takes
  void other;
});

test('a full queue is an OperationError, and nothing of the message is queued', async (t) => {
  const { channel } = await connect(t);
  const chunk = new Uint8Array(256 * 1024);
  let count = 0;
  assert.throws(() => { for (; count < 1000; count++) channel.send(chunk); }, { name: 'OperationError' });
  assert.strictEqual(channel.bufferedAmount, count * chunk.length);
});

test('states are told in the order that browsers have', async (t) => {
  const alice = new RTCPeerConnection(), bob = new RTCPeerConnection();
  t.after(() => [alice, bob].forEach((one) => one.close()));
  trickle(alice, bob);
  const told = { signalingstatechange: [], iceconnectionstatechange: [], connectionstatechange: [], icegatheringstatechange: [] };
  const attribute = { signalingstatechange: 'signalingState', iceconnectionstatechange: 'iceConnectionState', connectionstatechange: 'connectionState', icegatheringstatechange: 'iceGatheringState' };
  for (const type of Object.keys(told)) alice.addEventListener(type, () => told[type].push(alice[attribute[type]]));
  const candidates = [];
  alice.addEventListener('icecandidate', ({ candidate }) => candidates.push(candidate));
  const channel = alice.createDataChannel('chat');
  assert.strictEqual(alice.sctp, null);
  await negotiate(alice, bob);
  assert.strictEqual(alice.sctp.state, 'connecting');
  await opened(channel);
  assert.deepStrictEqual(told.signalingstatechange, ['have-local-offer', 'stable']);
  assert.deepStrictEqual(told.iceconnectionstatechange.slice(0, 2), ['checking', 'connected']);
  assert.deepStrictEqual(told.connectionstatechange, ['connecting', 'connected']);
  assert.deepStrictEqual(told.icegatheringstatechange, ['gathering', 'complete']);
  assert.strictEqual(candidates.at(-1), null);
  assert.ok(candidates[0] instanceof RTCIceCandidate && candidates[0].type === 'host' && candidates[0].component === 'rtp');
  const { sctp } = alice;
  assert.deepStrictEqual([sctp.state, sctp.transport.state, sctp.maxChannels > 0], ['connected', 'connected', true]);
  const ice = sctp.transport.iceTransport;
  assert.strictEqual(ice.role, 'controlling');
  assert.strictEqual(ice.getSelectedCandidatePair()?.local.type ?? 'host', 'host');
  assert.ok(ice.getLocalCandidates().length > 0 && ice.getRemoteCandidates().length > 0);
  assert.ok(sctp.transport.getRemoteCertificates()[0] instanceof ArrayBuffer);
  assert.strictEqual(alice.canTrickleIceCandidates, true);
});

test('negotiationneeded comes once, when the chain of operations is empty', async (t) => {
  const pc = new RTCPeerConnection();
  t.after(() => pc.close());
  let count = 0;
  pc.onnegotiationneeded = () => count++;
  pc.createDataChannel('a');
  pc.createDataChannel('b');
  assert.strictEqual(count, 0);
  await next(pc, 'negotiationneeded');
  await pc.createOffer();
  assert.strictEqual(count, 1);
});

test('perfect negotiation with glare', async (t) => {
  const alice = new RTCPeerConnection(), bob = new RTCPeerConnection();
  t.after(() => [alice, bob].forEach((one) => one.close()));
  function side(pc, polite, send) {
    let making = false, ignoring = false;
    pc.onnegotiationneeded = async () => {
      making = true;
      await pc.setLocalDescription();
      send({ description: pc.localDescription });
      making = false;
    };
    pc.onicecandidate = ({ candidate }) => send({ candidate });
    return async ({ description, candidate }) => {
      if (description) {
        const collision = description.type === 'offer' && (making || pc.signalingState !== 'stable');
        ignoring = !polite && collision;
        if (ignoring) return;
        await pc.setRemoteDescription(description);
        if (description.type === 'offer') {
          await pc.setLocalDescription();
          send({ description: pc.localDescription });
        }
      } else {
        await pc.addIceCandidate(candidate).catch((error) => { if (!ignoring) throw error; });
      }
    };
  }
  const wire = (get) => (message) => setImmediate(() => get()(JSON.parse(JSON.stringify(message))));
  const toAlice = side(alice, true, wire(() => toBob));
  const toBob = side(bob, false, wire(() => toAlice));
  const channels = [alice.createDataChannel('from alice'), bob.createDataChannel('from bob')];
  await Promise.all(channels.map(opened));
});

test('operations wait for each other; none is seen before its task', async (t) => {
  const pc = new RTCPeerConnection();
  t.after(() => pc.close());
  pc.createDataChannel('x');
  const order = [];
  const offer = pc.createOffer().then(() => order.push('offer'));
  const set = pc.setLocalDescription().then(() => order.push('set'));
  await assert.rejects(pc.addIceCandidate({ candidate: 'candidate:x' }), TypeError); // before its place in the chain
  assert.strictEqual(pc.localDescription, null);
  assert.strictEqual(pc.signalingState, 'stable');
  await Promise.all([offer, set]);
  assert.deepStrictEqual(order, ['offer', 'set']);
  assert.strictEqual(pc.signalingState, 'have-local-offer');
  assert.strictEqual(pc.localDescription, pc.localDescription);
  assert.strictEqual(pc.pendingLocalDescription.type, 'offer');
  await pc.setLocalDescription({ type: 'rollback' });
  assert.strictEqual(pc.localDescription, null);
});

test('an offer that meets ours rolls it back, with an event for each step', async (t) => {
  const alice = new RTCPeerConnection(), bob = new RTCPeerConnection();
  t.after(() => [alice, bob].forEach((one) => one.close()));
  alice.createDataChannel('x');
  bob.createDataChannel('x');
  await alice.setLocalDescription();
  await bob.setLocalDescription();
  const states = [];
  alice.onsignalingstatechange = () => states.push(alice.signalingState);
  await alice.setRemoteDescription(bob.localDescription);
  assert.deepStrictEqual(states, ['stable', 'have-remote-offer']);
  await assert.rejects(alice.setRemoteDescription({ type: 'answer', sdp: '' }), { name: 'InvalidStateError' });
});

test('what is wrong has the names of the W3C', async (t) => {
  const pc = new RTCPeerConnection();
  t.after(() => pc.close());
  await assert.rejects(pc.createAnswer(), { name: 'InvalidStateError' });
  await assert.rejects(pc.setRemoteDescription({ type: 'offer', sdp: 'x' }), (error) => {
    assert.ok(error instanceof RTCError);
    assert.deepStrictEqual([error.errorDetail, error.sdpLineNumber], ['sdp-syntax-error', 1]);
    return true;
  });
  await assert.rejects(pc.setRemoteDescription({ type: 'proposal' }), TypeError);
  await assert.rejects(pc.setRemoteDescription(), TypeError);
  await assert.rejects(pc.addIceCandidate({ candidate: 'candidate:1', sdpMid: '0' }), { name: 'InvalidStateError' });
  await assert.rejects(RTCPeerConnection.prototype.createOffer.call({}), TypeError);
  await assert.rejects(pc.getStats({}), TypeError);
  for (const [label, init] of [
    ['x', { maxRetransmits: 1, maxPacketLifeTime: 1 }], ['x', { negotiated: true }], ['x', { negotiated: true, id: 65535 }],
    ['x', { id: -1 }], ['x', { maxRetransmits: 65536 }], ['x'.repeat(65536), {}],
  ]) {
    assert.throws(() => pc.createDataChannel(label, init), TypeError);
  }
  pc.createDataChannel('x', { negotiated: true, id: 3 });
  assert.throws(() => pc.createDataChannel('x', { negotiated: true, id: 3 }), { name: 'OperationError' });
  assert.throws(() => pc.createDataChannel(), TypeError);
  for (const [iceServers, name] of [
    [[{ urls: 'http://x' }], 'SyntaxError'], [[{ urls: [] }], 'SyntaxError'], [[{ urls: 'turn:x' }], 'InvalidAccessError'], [[{}], 'TypeError'],
    ['x', 'TypeError'],
  ]) {
    assert.throws(() => new RTCPeerConnection({ iceServers }), { name });
    assert.throws(() => pc.setConfiguration({ iceServers }), { name });
  }
});

test('callbacks in place of promises', async (t) => {
  const pc = new RTCPeerConnection();
  t.after(() => pc.close());
  pc.createDataChannel('x');
  const offer = await new Promise((resolve, reject) => pc.createOffer(resolve, reject, { iceRestart: true }));
  assert.strictEqual(offer.type, 'offer');
  await new Promise((resolve, reject) => pc.setLocalDescription(offer, resolve, reject));
  const error = await new Promise((resolve, reject) => pc.setRemoteDescription({ type: 'answer', sdp: 'x' }, reject, resolve));
  assert.ok(error instanceof RTCError);
  await assert.rejects(pc.createOffer(() => {}), TypeError);
});

test('configurations are read and changed as the W3C allows', async (t) => {
  const [certificate, another] = await Promise.all([1, 2].map(() => RTCPeerConnection.generateCertificate({ name: 'ECDSA', namedCurve: 'P-256' })));
  assert.ok(certificate instanceof RTCCertificate && certificate.expires > Date.now());
  const [{ algorithm, value }] = certificate.getFingerprints();
  assert.strictEqual(algorithm, 'sha-256');
  const pc = new RTCPeerConnection({ certificates: [certificate], iceServers: [{ urls: 'stun:192.0.2.1' }] });
  t.after(() => pc.close());
  assert.deepStrictEqual(pc.getConfiguration(), {
    bundlePolicy: 'balanced', certificates: [certificate], iceCandidatePoolSize: 0, iceServers: [{ urls: ['stun:192.0.2.1'] }],
    iceTransportPolicy: 'all', rtcpMuxPolicy: 'require',
  });
  pc.createDataChannel('x');
  const { sdp } = await pc.createOffer();
  assert.ok(sdp.includes(`a=fingerprint:sha-256 ${value.toUpperCase()}\r\n`));
  pc.setConfiguration({ certificates: [certificate], iceTransportPolicy: 'relay' });
  assert.strictEqual(pc.getConfiguration().iceTransportPolicy, 'relay');
  assert.throws(() => pc.setConfiguration({ certificates: [another] }), { name: 'InvalidModificationError' });
  assert.throws(() => pc.setConfiguration({ certificates: [certificate], bundlePolicy: 'max-compat' }), { name: 'InvalidModificationError' });
  const expired = await RTCPeerConnection.generateCertificate({ name: 'ECDSA', namedCurve: 'P-256', expires: 0 });
  assert.throws(() => new RTCPeerConnection({ certificates: [expired] }), { name: 'InvalidAccessError' });
  await assert.rejects(RTCPeerConnection.generateCertificate('RSA'), { name: 'NotSupportedError' });
  await assert.rejects(RTCPeerConnection.generateCertificate({ name: 'ECDSA' }), TypeError);
  await assert.rejects(RTCPeerConnection.generateCertificate(), TypeError);
});

test('statistics', async (t) => {
  const { alice, channel, other } = await connect(t);
  const message = next(other, 'message');
  channel.send('x');
  await message;
  const report = await alice.getStats();
  assert.ok(report instanceof RTCStatsReport);
  const types = new Set([...report.values()].map(({ type }) => type));
  for (const type of ['peer-connection', 'transport', 'candidate-pair', 'local-candidate', 'remote-candidate', 'certificate', 'data-channel']) {
    assert.ok(types.has(type), type);
  }
  const [[id, stats]] = [...report].filter(([, one]) => one.type === 'data-channel');
  assert.strictEqual(report.get(id), stats);
  assert.deepStrictEqual([stats.label, stats.messagesSent, stats.bytesSent], ['chat', 1, 1]);
  assert.ok(Math.abs(stats.timestamp - Date.now()) < 60_000);
  alice.close();
  assert.ok((await alice.getStats()).size > 0);
});

test('a restart of ICE goes on without an interruption', async (t) => {
  const { alice, bob, channel, other } = await connect(t);
  const before = /a=ice-ufrag:(\S+)/.exec(alice.localDescription.sdp)[1];
  const needed = next(alice, 'negotiationneeded');
  alice.restartIce();
  await needed;
  await negotiate(alice, bob);
  assert.notStrictEqual(/a=ice-ufrag:(\S+)/.exec(alice.localDescription.sdp)[1], before);
  const message = next(other, 'message');
  channel.send('still here');
  assert.strictEqual((await message).data, 'still here');
});
