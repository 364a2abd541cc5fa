// polyrtc/nonstandard: streams, ports, filters, files.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const assert = require('node:assert');
const { createHash } = require('node:crypto');
const { test } = require('node:test');
const { ANY_PORT, NO_LIMIT, createPeerConnection, messageWriter, messages } = require('polyrtc/nonstandard');
const { RTCPeerConnection } = require('polyrtc');
const { negotiate, next, opened, trickle } = require('./support.js');

async function connectWith(t, configurations) {
  const [alice, bob] = configurations.map((configuration) => createPeerConnection(configuration));
  t.after(() => [alice, bob].forEach((one) => one.close()));
  trickle(alice, bob);
  const channel = alice.createDataChannel('stream');
  const announced = next(bob, 'datachannel');
  await negotiate(alice, bob);
  const other = (await announced).channel;
  const stream = messages(other); // at once: before its first message
  await opened(channel);
  return { alice, bob, channel, other, stream };
}

test('a message of any size goes through in parts, with little memory', async (t) => {
  const { channel, stream } = await connectWith(t, [{}, { maxMessageSize: NO_LIMIT }]);
  const part = Buffer.alloc(1 << 20, 'x'), count = 40;
  const writer = messageWriter(channel).getWriter();
  const writing = (async () => {
    for (let i = 0; i < count; i++) await writer.write(part);
    await writer.close();
  })();
  const hash = createHash('sha256'), expected = createHash('sha256');
  for (let i = 0; i < count; i++) expected.update(part);
  let size = 0;
  for await (const message of stream) {
    assert.strictEqual(message.isText, false);
    for await (const bytes of message) {
      size += bytes.length;
      hash.update(bytes);
    }
    break;
  }
  await writing;
  assert.strictEqual(size, count * part.length);
  assert.strictEqual(hash.digest('hex'), expected.digest('hex'));
});

test('texts are divided between characters; whole messages come as one part', async (t) => {
  const { channel, stream } = await connectWith(t, [{}, {}]);
  const text = '😀é'.repeat(20_000);
  const writer = messageWriter(channel, { text: true }).getWriter();
  await writer.write(text);
  await writer.close();
  channel.send('short');
  const read = [];
  for await (const message of stream) {
    let all = '';
    for await (const part of message) all += part;
    if (read.push([message.isText, all]) === 2) break;
  }
  assert.deepStrictEqual(read, [[true, text], [true, 'short']]);
});

test('a message that is given up is an error to its reader, and the channel goes on', async (t) => {
  const { channel, stream } = await connectWith(t, [{}, {}]);
  const writer = messageWriter(channel).getWriter();
  await writer.write(new Uint8Array(100_000));
  assert.throws(() => messageWriter(channel), { name: 'InvalidStateError' });
  const reader = stream.getReader();
  const { value: message } = await reader.read();
  await writer.abort();
  await assert.rejects(async () => { for await (const part of message) void part; }, { name: 'OperationError' });
  channel.send('next');
  const { value: following } = await reader.read();
  assert.strictEqual((await following.getReader().read()).value, 'next');
  channel.close();
  assert.strictEqual((await reader.read()).done, true);
});

test('one port for many connections', async (t) => {
  const server = { udpPort: ANY_PORT, useLoopback: true };
  const ports = new Set();
  for (let i = 0; i < 3; i++) {
    const client = new RTCPeerConnection();
    const one = createPeerConnection(server);
    t.after(() => [client, one].forEach((pc) => pc.close()));
    one.addEventListener('icecandidate', ({ candidate }) => candidate?.protocol === 'udp' && ports.add(`${candidate.address} ${candidate.port}`));
    trickle(client, one);
    const channel = client.createDataChannel('x');
    await negotiate(client, one);
    await opened(channel);
  }
  const addresses = new Set([...ports].map((text) => text.split(' ')[0]));
  assert.strictEqual(ports.size, addresses.size);
});

test('which interfaces and ports are used', async (t) => {
  const pc = createPeerConnection({ interfaceFilter: 'lo', useLoopback: true, portRange: [40000, 40100], tcpCandidates: 'none' });
  t.after(() => pc.close());
  pc.createDataChannel('x');
  const found = [];
  const all = new Promise((resolve) => {
    pc.onicecandidate = ({ candidate }) => (candidate === null ? resolve() : candidate.candidate && found.push(candidate));
  });
  await pc.setLocalDescription();
  await all;
  assert.ok(found.length > 0);
  for (const { address, port } of found) {
    assert.ok(address.startsWith('127.') || address === '::1', address);
    assert.ok(port >= 40000 && port <= 40100, String(port));
  }
  assert.throws(() => createPeerConnection({ portRange: [1] }), TypeError);
  assert.throws(() => createPeerConnection({ maxMessageSize: -1 }), TypeError);
});
