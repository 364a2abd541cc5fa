// Seeing inside: log lines and files. The files are those of engines that are made afterwards, so this has a process of its own.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { seeInside } = require('polyrtc/nonstandard');
const { connect, next } = require('./support.js');

test('log lines, keys, captures and recordings', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'polyrtc-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const file = (name) => path.join(folder, name);
  const lines = [];
  seeInside({ keyLog: file('keys'), capture: file('capture.pcapng'), recording: file('recording'), log: (line) => lines.push(line), level: 'debug' });
  t.after(() => seeInside());
  const { alice, bob, channel } = await connect(t);
  const closed = next(channel, 'close');
  channel.close();
  await closed;
  alice.close();
  bob.close();
  assert.match(fs.readFileSync(file('keys'), 'utf8'), /^CLIENT_RANDOM /m);
  assert.ok(fs.statSync(file('keys')).mode & 0o600 && !(fs.statSync(file('keys')).mode & 0o077));
  assert.strictEqual(fs.readFileSync(file('capture.pcapng')).readUInt32LE(0), 0x0a0d0d0a);
  assert.ok(fs.statSync(file('recording')).size > 0);
  assert.ok(lines.some(({ layer, level }) => layer === 'ice' && level === 'debug'));
  assert.throws(() => seeInside({ level: 'loud' }), TypeError);
});
