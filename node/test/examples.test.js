// The programs of examples/node, as their users start them.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const assert = require('node:assert');
const { spawn, spawnSync } = require('node:child_process');
const { createHash, randomBytes } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const EXAMPLES = path.join(__dirname, '../../examples/node');
const POLYRTC = path.join(EXAMPLES, 'node_modules/polyrtc'); // as `npm install` there makes it

if (!fs.existsSync(POLYRTC)) {
  fs.mkdirSync(path.dirname(POLYRTC), { recursive: true });
  fs.symlinkSync(path.join(__dirname, '..'), POLYRTC);
}

/** A program, and what it says: `says(pattern)` waits for it. */
function start(t, file, ...args) {
  const child = spawn(process.execPath, [path.join(EXAMPLES, file), ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  let wake = () => {};
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      said += data;
      wake();
    });
  }
  const ended = once(child, 'close').then(([code]) => {
    wake();
    return code;
  });
  async function says(pattern) {
    for (let found; ; ) {
      if ((found = pattern.exec(said))) return found;
      if (child.exitCode !== null) assert.fail(`${file} has ended: ${said}`);
      await new Promise((resolve) => { wake = resolve; });
    }
  }
  return { child, ended, says, type: (line) => child.stdin.write(`${line}\n`) };
}

const blocks = (file) => [...fs.readFileSync(path.join(__dirname, '../..', file), 'utf8').matchAll(/^```js\n(.*?)^```$/gms)].map(([, text]) => text);

test('the program of the README', { timeout: 60_000 }, () => {
  const [program] = blocks('node/README.md');
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd: path.join(__dirname, '..'), encoding: 'utf8' });
  assert.deepStrictEqual({ status, stdout, stderr }, { status: 0, stdout: 'bob received: hello\n', stderr: '' });
});

test('the parts of programs in docs/node.md can be read, and import what there is', async () => {
  for (const text of blocks('docs/node.md')) {
    const checked = spawnSync(process.execPath, ['--check', '--input-type=module', '-'], { input: text, encoding: 'utf8' });
    assert.strictEqual(checked.status, 0, checked.stderr);
    for (const [, names, from] of text.matchAll(/^import \{ (.*?) \} from '(.*?)';/gm)) {
      const module = await import(from);
      for (const name of names.split(', ')) assert.ok(name in module, name);
    }
  }
});

test('chat: three members of a room hear each other', { timeout: 60_000 }, async (t) => {
  const server = start(t, 'chat/server.mjs', '--port', '0');
  const [address] = await server.says(/http:\S+/);
  const names = ['ann', 'bob', 'eve'];
  const members = {};
  for (const name of names) members[name] = start(t, 'chat/chat.mjs', name, address);
  for (const name of names) for (const other of names) if (other !== name) await members[name].says(new RegExp(`^${other} is here$`, 'm'));
  members.ann.type('hello, all');
  for (const name of ['bob', 'eve']) await members[name].says(/^ann: hello, all$/m);
  members.eve.child.stdin.end();
  assert.strictEqual(await members.eve.ended, 0);
  for (const name of ['ann', 'bob']) await members[name].says(/^eve has left$/m);
  for (const name of ['ann', 'bob']) members[name].child.stdin.end();
  assert.deepStrictEqual(await Promise.all(['ann', 'bob'].map((name) => members[name].ended)), [0, 0]);
  server.child.kill('SIGTERM');
  assert.strictEqual(await server.ended, 0);
});

test('filexfer: a file arrives as it was sent', { timeout: 60_000 }, async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'polyrtc-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'some file.bin'), into = path.join(folder, 'into');
  fs.mkdirSync(into);
  const bytes = Buffer.concat(Array(5).fill(randomBytes(1 << 20)));
  fs.writeFileSync(file, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const sender = start(t, 'filexfer.mjs', 'send', file, '--port', '0');
  const [address] = await sender.says(/http:\S+/);
  const receiver = start(t, 'filexfer.mjs', 'receive', address, into);
  for (const one of [receiver, sender]) {
    await one.says(new RegExp(sha256));
    await one.says(/100%/);
    assert.strictEqual(await one.ended, 0);
  }
  assert.ok(fs.readFileSync(path.join(into, 'some file.bin')).equals(bytes));
});
