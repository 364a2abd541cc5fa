// Two peers in memory: each in an endpoint of its own, driven by the five verbs in a time that is only a number.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const assert = require('node:assert');
const { randomBytes } = require('node:crypto');
const { test } = require('node:test');
const rtc = require('polyrtc/sansio');

class Host {
  constructor(ip) {
    this.ip = ip;
    this.endpoint = new rtc.Endpoint(randomBytes(32), 0, 0, 0, 0, 0, 0, 0);
    this.peer = this.endpoint.createPeer(0, rtc.ICE_POLICY_ALL, 0, 0, 0, 0);
    this.sockets = new Map(); // address → socket
    this.messages = [];
  }

  // One round of the run loop; true when there was anything to do.
  step(now, other) {
    let busy = false;
    for (let request; (request = this.endpoint.request()); busy = true) {
      const address = `${this.ip}:${5000 + request.socket}`;
      if (request.type === rtc.REQUEST_INTERFACES) this.endpoint.addInterface(`${this.ip}:0`, 1, rtc.NETWORK_ETHERNET, 0, 'eth0');
      if (request.type === rtc.REQUEST_OPEN_UDP) this.sockets.set(address, request.socket);
      if (request.type !== rtc.REQUEST_CLOSE) this.endpoint.reply(now, request.id, 0, 0, this.sockets.has(address) ? address : '');
    }
    for (let out; (out = this.endpoint.transmit(now)); busy = true) {
      const from = [...this.sockets].find(([, socket]) => socket === out.socket)[0];
      other.endpoint.receive(now, other.sockets.get(out.remote), '', from, out.data, out.segmentSize, out.ecn);
    }
    for (const event of rtc.events(this.endpoint)) {
      busy = true;
      this.handle(event, now, other);
    }
    return busy;
  }

  handle(event, now, other) {
    if (event.type === rtc.EVENT_ICE_CANDIDATE && event.text !== null) {
      rtc.check(other.endpoint.addIceCandidate(other.peer, now, event.text, event.mid, event.index, event.ufrag));
    } else if (event.type === rtc.EVENT_DATA_CHANNEL || event.type === rtc.EVENT_CHANNEL_OPEN) {
      this.channel = event.object;
    } else if (event.type === rtc.EVENT_CHANNEL_MESSAGE) {
      this.messages.push(event.kind === rtc.MESSAGE_TEXT ? event.data.toString() : event.data);
    }
  }
}

function describe(type, from, to) {
  rtc.check(from.endpoint.setLocalDescription(from.peer, 0, type, ''));
  rtc.check(to.endpoint.setRemoteDescription(to.peer, 0, type, from.endpoint.description(from.peer, rtc.DESCRIPTION_LOCAL)));
}

// Drives both until `done`, in virtual time.
function run(a, b, done) {
  for (let now = 0; !done(); ) {
    if ([a.step(now, b), b.step(now, a)].some(Boolean)) continue;
    const deadlines = [a, b].map((host) => host.endpoint.deadline()).filter((deadline) => deadline >= 0);
    now = Math.max(now, Math.min(...deadlines));
    assert.ok(now < 60e6, 'a minute of virtual time has passed');
    for (const host of [a, b]) rtc.check(host.endpoint.timeout(now));
  }
}

test('two peers in memory exchange messages', () => {
  const [a, b] = [new Host('192.0.2.1'), new Host('192.0.2.2')];
  assert.ok(a.endpoint.createDataChannel(a.peer, 0, 'chat', '', 1, -1, -1, 0, -1, 0));
  describe(rtc.SDP_OFFER, a, b);
  describe(rtc.SDP_ANSWER, b, a);
  run(a, b, () => a.channel && b.channel);
  assert.strictEqual(b.endpoint.channelInfo(b.peer, b.channel).label, 'chat');
  rtc.check(a.endpoint.sendText(a.peer, 0, a.channel, 'héllo'));
  rtc.check(b.endpoint.sendBytes(b.peer, 0, b.channel, Buffer.from([0, 1, 255])));
  run(a, b, () => a.messages.length && b.messages.length);
  assert.deepStrictEqual(b.messages, ['héllo']);
  assert.deepStrictEqual(a.messages, [Buffer.from([0, 1, 255])]);
  a.endpoint.close();
  assert.throws(() => rtc.check(a.endpoint.timeout(0)), { name: 'InvalidStateError', errorName: 'CLOSED' });
});

test('what is wrong is thrown, not crashed on', () => {
  assert.throws(() => new rtc.Endpoint(Buffer.alloc(31), 0, 0, 0, 0, 0, 0, 0));
  const endpoint = new rtc.Endpoint(randomBytes(32), 0, 0, 0, 0, 0, 0, 0);
  assert.throws(() => rtc.check(endpoint.restartIce(77, 0)), { errorName: 'NOT_FOUND' });
  assert.throws(() => endpoint.sendBytes(1, 0, 1, 'text'));
});

test('an endpoint that fails is closed with all its peers, and the error is thrown', () => {
  const endpoint = new rtc.Endpoint(randomBytes(32), 0, 0, 0, 0, 0, 0, 0);
  const peers = [0, 1].map(() => endpoint.createPeer(0, rtc.ICE_POLICY_ALL, 0, 0, 0, 0));
  const failed = { type: rtc.EVENT_ENDPOINT_FAILED, code: -200, text: 'memory could not be allocated' };
  const source = { fetch: () => 1, event: () => failed, close: () => endpoint.close() }; // as the engine tells it
  assert.throws(() => [...rtc.events(source)], { name: 'OperationError', errorName: 'NO_MEMORY', message: failed.text });
  for (const peer of peers) assert.strictEqual(rtc.errorName(endpoint.restartIce(peer, 0)), 'CLOSED');
});
