// The web platform tests of WebRTC, in a checkout of https://github.com/web-platform-tests/wpt, against the package:
//
//   node run.mjs CHECKOUT                  all files of files.json; compares with expected.json
//   node run.mjs CHECKOUT webrtc/FILE…     these, and says each result
//   node run.mjs CHECKOUT --write          writes what failed into expected.json
//
// POLYRTC=/path/to/index.js: another copy than this checkout's. Nothing of the web platform tests is in here.
//
// SPDX-License-Identifier: BSD-3-Clause
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

const PATIENCE = 60_000;
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const read = (name) => JSON.parse(fs.readFileSync(here(name), 'utf8'));

const [checkout, ...given] = process.argv.slice(2);
const write = given[0] === '--write';
const chosen = write ? [] : given;
const files = chosen.length ? chosen : read('files.json').run;

async function runFile(file) {
  const child = spawn(process.execPath, ['--expose-gc', here('one.mjs'), checkout, file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const results = {};
  let end = 'it did not end',
    errors = '';
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  child.stderr.on('data', (data) => {
    errors += data;
  });
  for await (const line of readline.createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) continue;
    const said = JSON.parse(line);
    if (said.end) end = said.end;
    else results[said.name] = said.status === 'PASS' ? 'PASS' : `${said.status}: ${said.message ?? ''}`;
  }
  clearTimeout(timer);
  if (end !== 'OK') results[''] = `${end}${errors ? `\n${errors}` : ''}`;
  return results;
}

const all = {};
const queue = [...files];
await Promise.all(
  [0, 1].map(async () => {
    for (let file; (file = queue.shift());) all[file] = await runFile(file);
  }),
);

let passed = 0,
  failed = 0;
const failures = {};
for (const file of files) {
  if (chosen.length) console.log(`== ${file}`);
  for (const [name, result] of Object.entries(all[file])) {
    if (result === 'PASS') passed++;
    else {
      failed++;
      (failures[file] ??= {})[name] = result;
    }
    if (chosen.length)
      console.log(`${result === 'PASS' ? 'PASS' : 'FAIL'} ${name}${result === 'PASS' ? '' : `\n     ${result}`}`);
  }
}
console.log(`${files.length} files: ${passed} passed, ${failed} failed`);

if (write) {
  const known = Object.fromEntries(Object.entries(failures).map(([file, names]) => [file, Object.keys(names)]));
  fs.writeFileSync(here('expected.json'), `${JSON.stringify(known, null, 2)}\n`);
} else if (!chosen.length) {
  const expected = read('expected.json');
  const isExpected = (file, name) => expected[file]?.includes(name);
  const news = Object.entries(failures).flatMap(([file, names]) =>
    Object.entries(names)
      .filter(([name]) => !isExpected(file, name))
      .map((one) => [file, ...one]),
  );
  for (const [file, name, result] of news) console.log(`NEW FAILURE ${file}: ${name}\n  ${result}`);
  process.exitCode = news.length ? 1 : 0;
}
