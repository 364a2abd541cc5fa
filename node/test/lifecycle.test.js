// What must never happen: a process that stays, a crash at exit, memory that grows. Each in a process of its own.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { run } = require('./support.js');

const ROOT = JSON.stringify(path.join(__dirname, '..'));

/** At the beginning of each program: pair() makes two connections with an open channel. */
const BEGIN = `
const { RTCPeerConnection } = require(${ROOT});
function pair(Other = RTCPeerConnection, alice = new RTCPeerConnection()) {
  const bob = new Other();
  for (const [from, to] of [[alice, bob], [bob, alice]]) {
    from.onicecandidate = ({ candidate }) => to.signalingState !== 'closed' && to.addIceCandidate(candidate?.toJSON()).catch(() => {});
  }
  const channel = alice.createDataChannel('x');
  return new Promise((resolve, reject) => {
    bob.ondatachannel = ({ channel: other }) => { other.onopen = () => resolve({ alice, bob, channel, other }); };
    (async () => {
      await alice.setLocalDescription();
      await bob.setRemoteDescription(alice.localDescription.toJSON());
      await bob.setLocalDescription();
      await alice.setRemoteDescription(bob.localDescription.toJSON());
    })().catch(reject);
  });
}
`;

async function ends(source, wanted, options) {
  const { code, signal, output, errors } = await run(BEGIN + source, options);
  assert.deepStrictEqual({ code, signal, output: output.trim(), errors }, { code: 0, signal: null, output: wanted, errors: '' });
}

test('the process exits when all is closed', () => ends(`
pair().then(({ alice, bob }) => { alice.close(); bob.close(); console.log('closed'); });
`, 'closed'));

test('the process exits when the other side has closed', () => ends(`
pair().then(({ alice, bob, other }) => { other.onclose = () => console.log('gone'); alice.close(); });
`, 'gone'));

test('the process stays while a connection is open', () => ends(`
pair().then(() => setTimeout(() => { console.log('here'); process.exit(); }, 300).unref());
`, 'here'));

test('the process exits when nothing was begun', () => ends(`
const pc = new RTCPeerConnection();
pc.createDataChannel('x');
pc.createOffer().then(({ type }) => console.log(type));
`, 'offer'));

test('close in the handlers of a connection and its channels', () => ends(`
(async () => {
  for (const type of ['icecandidate', 'icegatheringstatechange', 'iceconnectionstatechange', 'connectionstatechange', 'signalingstatechange']) {
    const alice = new RTCPeerConnection();
    await new Promise((resolve) => pair(class extends RTCPeerConnection {
      constructor() {
        super();
        this.addEventListener(type, () => { this.close(); resolve(); });
      }
    }, alice).catch(() => {}));
    alice.close();
  }
  const one = await pair();
  one.other.onmessage = () => { one.bob.close(); one.alice.close(); };
  for (let i = 0; i < 100; i++) one.channel.send('x'.repeat(1000));
  const two = await pair();
  two.channel.onclose = () => { two.alice.close(); two.bob.close(); console.log('done'); };
  two.other.close();
})();
`, 'done'));

test('the goodbye is sent although the process exits at once', () => ends(`
const { Worker } = require('node:worker_threads');
const source = ${JSON.stringify('')} + \`
const { RTCPeerConnection } = require(${ROOT.replaceAll('\\', '\\\\')});
const { parentPort } = require('node:worker_threads');
const pc = new RTCPeerConnection();
pc.onicecandidate = ({ candidate }) => parentPort.postMessage({ candidate: candidate?.toJSON() });
pc.ondatachannel = ({ channel }) => { channel.onmessage = () => { pc.close(); process.exit(); } };
parentPort.on('message', async (m) => {
  if (!m.sdp) return pc.addIceCandidate(m.candidate);
  await pc.setRemoteDescription(m);
  await pc.setLocalDescription();
  parentPort.postMessage(pc.localDescription.toJSON());
});\`;
const worker = new Worker(source, { eval: true });
const pc = new RTCPeerConnection();
pc.onicecandidate = ({ candidate }) => worker.postMessage({ candidate: candidate?.toJSON() });
const channel = pc.createDataChannel('x');
channel.onopen = () => channel.send('exit');
channel.onclose = () => { console.log('closed'); pc.close(); };
worker.on('message', (m) => (m.sdp ? pc.setRemoteDescription(m) : pc.addIceCandidate(m.candidate)).catch(() => {}));
pc.setLocalDescription().then(() => worker.postMessage(pc.localDescription.toJSON()));
`, 'closed'));

test('connections that nobody holds are collected', () => ends(`
const fs = require('node:fs');
const descriptors = () => fs.readdirSync('/proc/self/fd').length;
(async () => {
  const before = descriptors();
  for (let i = 0; i < 200; i++) new RTCPeerConnection().createDataChannel('x');
  for (let i = 0; i < 100 && descriptors() > before; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  console.log(descriptors() <= before ? 'collected' : 'still here');
})();
`, 'collected', { args: ['--expose-gc'] }));

test('a connection that is open is not collected, nor are its channels', () => ends(`
let received = 0;
(async () => {
  await (async () => {
    const { channel, other } = await pair();
    other.onmessage = ({ data }) => { received++; if (received < 50) other.send(data); else console.log('all'), process.exit(); };
    channel.onmessage = ({ data }) => { gc(); channel.send(data); };
    channel.send('ping');
  })();
  gc();
})();
`, 'all', { args: ['--expose-gc'] }));

test('process.exit() with a thousand open connections', () => ends(`
(async () => {
  await Promise.all(Array.from({ length: 20 }, () => pair()));
  for (let i = 0; i < 1000; i++) {
    const pc = new RTCPeerConnection();
    pc.createDataChannel('x');
    pc.setLocalDescription();
  }
  setTimeout(() => { console.log('exit'); process.exit(0); }, 50);
})();
`, 'exit'));

test('workers: several at once, ended by themselves, by terminate, and amid messages', () => ends(`
const { Worker } = require('node:worker_threads');
const source = ${JSON.stringify(BEGIN)} + \`
const { parentPort, workerData } = require('node:worker_threads');
pair().then(({ alice, bob, channel, other }) => {
  parentPort.postMessage('open');
  if (workerData === 'end') { alice.close(); bob.close(); }
  if (workerData === 'busy') { other.onmessage = ({ data }) => other.send(data); channel.onmessage = ({ data }) => channel.send(data); for (let i = 0; i < 100; i++) channel.send('x'); }
});\`;
const start = (workerData) => new Promise((resolve) => {
  const worker = new Worker(source, { eval: true, workerData });
  worker.ended = new Promise((end) => worker.on('exit', end));
  worker.once('message', () => resolve(worker));
});
(async () => {
  for (let round = 0; round < 3; round++) {
    const workers = await Promise.all(['end', 'stay', 'busy', 'end', 'busy'].map(start));
    await Promise.all(workers.map((worker, i) => (i % 3 === 0 ? worker.ended : worker.terminate())));
  }
  console.log('done');
})();
`, 'done'));

test('process.exit() with workers that have open connections', () => ends(`
const { Worker } = require('node:worker_threads');
const source = ${JSON.stringify(BEGIN)} + "pair().then(() => require('node:worker_threads').parentPort.postMessage('open'));";
let open = 0;
for (let i = 0; i < 3; i++) new Worker(source, { eval: true }).on('message', () => { if (++open === 3) { console.log('exit'); process.exit(); } });
`, 'exit'));

test('two copies of the package talk to each other in one process', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'polyrtc-'));
  const copy = path.join(folder, 'polyrtc');
  fs.cpSync(path.join(__dirname, '..'), copy, { recursive: true, filter: (name) => !name.includes('node_modules') });
  try {
    await ends(`
const other = require(${JSON.stringify(copy)});
if (other.RTCPeerConnection === RTCPeerConnection) throw new Error('it is the same copy');
pair(other.RTCPeerConnection).then(({ alice, bob, channel, other }) => {
  other.onmessage = ({ data }) => { console.log(data); alice.close(); bob.close(); };
  channel.send('hello');
});
`, 'hello');
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

test('an exception in a handler is an uncaughtException, and the connection goes on', () => ends(`
process.on('uncaughtException', ({ message }) => console.log(message));
pair().then(({ alice, bob, channel, other }) => {
  let count = 0;
  other.onmessage = () => { if (++count === 1) throw new Error('mine'); console.log('next'); alice.close(); bob.close(); };
  channel.send('1');
  channel.send('2');
});
`, 'mine\nnext'));

test('memory stays flat', async () => {
  const count = Number(process.env.POLYRTC_CONNECTIONS ?? 1000);
  const { code, output, errors } = await run(`${BEGIN}
(async () => {
  const rss = [];
  for (let i = 0; i < ${count}; i++) {
    const { alice, bob, channel, other } = await pair();
    const message = new Promise((resolve) => { other.onmessage = resolve; });
    channel.send('x'.repeat(1000));
    await message;
    alice.close();
    bob.close();
    if (i % ${count / 10} === ${count / 10} - 1) { await new Promise((resolve) => setTimeout(resolve, 20)); gc(); gc(); rss.push(process.memoryUsage().rss); }
  }
  console.log(JSON.stringify(rss));
})();`, { args: ['--expose-gc'], timeout: 600_000 });
  assert.strictEqual(code, 0, errors);
  const rss = JSON.parse(output);
  const grown = rss.at(-1) - rss[5];
  assert.ok(grown < 8 << 20, `${grown} bytes more over the last four tenths: ${output}`);
});
