// One file of the web platform tests, in this process: `node one.mjs CHECKOUT webrtc/FILE`. Prints a line of JSON for each
// test: {"name", "status", "message"}, and in the end {"end": "OK" or what went wrong with the file as a whole}.
//
// The tests run as in a shell without a document (testharness.js knows such ones), with the package's interfaces as globals.
//
// SPDX-License-Identifier: BSD-3-Clause
import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';

const [, , checkout, file] = process.argv;
const { default: polyrtc } = await import(process.env.POLYRTC ?? '../../node/index.js');
const STATUS = ['PASS', 'FAIL', 'TIMEOUT', 'NOTRUN', 'PRECONDITION_FAILED'];
const say = (line) => fs.writeSync(1, `${JSON.stringify(line)}\n`);

const MOVED = { '/resources/WebIDLParser.js': '/resources/webidl2/lib/webidl2.js' };

const of = (name) =>
  path.join(checkout, (MOVED[name] ?? name.startsWith('/')) ? (MOVED[name] ?? name) : path.join(path.dirname(file), name));
const run = (source, filename) => vm.runInThisContext(source, { filename });

const target = new EventTarget();
const define = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
for (const name of ['addEventListener', 'removeEventListener', 'dispatchEvent']) define(name, target[name].bind(target));
for (const name of ['self', 'window']) define(name, globalThis);
define('location', new URL(`https://localhost/${file}`));
define('GLOBAL', { isWindow: () => true, isWorker: () => false, isShadowRealm: () => false });
define('Window', class Window {});
define('fetch', async (name) => ({ ok: true, text: () => fs.promises.readFile(of(String(name)), 'utf8') }));
for (const [name, value] of Object.entries(polyrtc)) define(name, value);

process.on('uncaughtException', (error) => {
  say({ end: `uncaught: ${error?.stack ?? error}` });
  process.exit(1);
});

run(fs.readFileSync(path.join(checkout, 'resources/testharness.js'), 'utf8'), 'testharness.js');
add_result_callback(({ name, status, message }) => say({ name, status: STATUS[status], message }));
add_completion_callback((tests, status) => {
  say({ end: status.status === 0 ? 'OK' : `harness: ${status.message}` });
  setTimeout(() => process.exit(0), 20);
});

function* scriptsOf(text) {
  if (file.endsWith('.js')) {
    for (const [, name] of text.matchAll(/^\/\/ META: script=(\S+)/gm)) yield { name };
    yield { source: text, name: file };
    return;
  }
  for (const [, attributes, source] of text.matchAll(/<script([^>]*)>(.*?)<\/script>/gs)) {
    const name = /src=["']?([^"'\s>]+)/.exec(attributes)?.[1];
    if (name === undefined) yield { source, name: file };
    else if (!name.includes('testharness')) yield { name };
  }
}

for (const { source, name } of scriptsOf(fs.readFileSync(path.join(checkout, file), 'utf8'))) {
  run(source ?? fs.readFileSync(of(name), 'utf8'), name);
}
dispatchEvent(new Event('load'));
