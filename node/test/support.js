// What the tests share.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { RTCPeerConnection } = require('polyrtc');

/** Candidates go from each to the other. */
function trickle(one, other) {
  for (const [from, to] of [[one, other], [other, one]]) {
    from.addEventListener('icecandidate', ({ candidate }) => {
      if (to.signalingState !== 'closed') to.addIceCandidate(candidate);
    });
  }
}

async function negotiate(offerer, answerer) {
  await offerer.setLocalDescription();
  await answerer.setRemoteDescription(offerer.localDescription);
  await answerer.setLocalDescription();
  await offerer.setRemoteDescription(answerer.localDescription);
}

/** The next event of that type; a promise of it. */
const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

async function opened(channel) {
  if (channel.readyState === 'connecting') await next(channel, 'open');
  return channel;
}

/** Two connections with a channel that is open: { alice, bob, channel, other }. They are closed after the test. */
async function connect(t, { init, configurations = [{}, {}], label = 'chat' } = {}) {
  const [alice, bob] = configurations.map((configuration) => new RTCPeerConnection(configuration));
  t.after(() => {
    alice.close();
    bob.close();
  });
  trickle(alice, bob);
  const channel = alice.createDataChannel(label, init);
  const announced = init?.negotiated ? Promise.resolve({ channel: bob.createDataChannel(label, init) }) : next(bob, 'datachannel');
  await negotiate(alice, bob);
  const other = (await announced).channel;
  await Promise.all([opened(channel), opened(other)]);
  return { alice, bob, channel, other };
}

/** Runs a program in a Node of its own: its exit code or signal, and what it has written. */
async function run(source, { args = [], timeout = 30_000 } = {}) {
  const child = spawn(process.execPath, [...args, '-e', source], { cwd: path.join(__dirname, '..'), timeout, killSignal: 'SIGKILL' });
  let output = '', errors = '';
  child.stdout.on('data', (data) => { output += data; });
  child.stderr.on('data', (data) => { errors += data; });
  const [code, signal] = await once(child, 'close');
  return { code, signal, output, errors };
}

module.exports = { connect, negotiate, next, opened, run, trickle };
