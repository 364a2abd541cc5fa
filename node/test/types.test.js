// The declarations: tsc --strict takes programs that are written for browsers and for Node.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const polyrtc = require('polyrtc');
const nonstandard = require('polyrtc/nonstandard');

const TSC = require.resolve('typescript/bin/tsc');
const OPTIONS = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2022', '--types', 'node'];

function compile(file, libraries) {
  const { status, stdout } = spawnSync(process.execPath, [TSC, ...OPTIONS, '--lib', libraries, path.join(__dirname, 'types', file)], { cwd: __dirname, encoding: 'utf8' });
  assert.strictEqual(status, 0, stdout);
}

test('beside lib.dom, and as its types', () => compile('use.ts', 'es2022,dom,dom.iterable,dom.asynciterable'));
test('without lib.dom', () => compile('plain.mts', 'es2022'));

test('import and require give the same, and what is declared', async () => {
  for (const [name, module] of [['polyrtc', polyrtc], ['polyrtc/nonstandard', nonstandard], ['polyrtc/sansio', require('polyrtc/sansio')]]) {
    const { default: whole, ...named } = await import(name);
    assert.strictEqual(whole, module);
    for (const key of Object.keys(named)) assert.strictEqual(named[key], module[key], key);
    const declared = fs.readFileSync(path.join(__dirname, '..', `${name === 'polyrtc' ? 'index' : name.slice(8)}.d.ts`), 'utf8');
    const names = [...declared.matchAll(/^export declare (?:const|function|class) (\w+)/gm)].map(([, one]) => one);
    for (const one of names) assert.ok(one in module, `${name}: ${one}`);
    if (name !== 'polyrtc/sansio') assert.deepStrictEqual([...new Set(names)].sort(), Object.keys(named).filter((one) => one !== 'module.exports').sort());
  }
});
