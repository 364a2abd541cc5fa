// What connections do, for who wants to see: log lines, TLS keys, captures, recordings. See docs/see-inside.md of the sources.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const native = require('./native.js');

// Bytes that may wait. They are written after each turn of the loop, so this is what one turn may bring.
const CAPTURE_SIZE = 16 * 1024 * 1024;
const RECORDING_SIZE = 64 * 1024 * 1024;

const LEVELS = ['none', 'error', 'warning', 'info', 'debug', 'trace'];

const wanted = { keyLog: null, capture: null, recording: null, log: null, level: 'info', layers: {} };
const taken = new Set();

/** See nonstandard.d.ts. */
function seeInside({ keyLog = null, capture = null, recording = null, log = null, level = 'info', layers = {} } = {}) {
  for (const one of [level, ...Object.values(layers)]) {
    if (!LEVELS.includes(one)) throw new TypeError(`"${one}" is no log level; there are ${LEVELS.join(', ')}`);
  }
  Object.assign(wanted, { keyLog, capture, recording, log, level, layers });
  taken.clear();
}

/** For the user's eyes alone. A key log is added to; of the others there is one for each engine, with a number in its name. */
function open(file, add) {
  if (add) return fs.openSync(file, 'a', 0o600);
  const { dir, name, ext } = path.parse(file);
  let candidate = file;
  for (let number = 2; taken.has(candidate); number++) candidate = path.join(dir, `${name}-${number}${ext}`);
  taken.add(candidate);
  return fs.openSync(candidate, 'w', 0o600);
}

/** What one endpoint writes. Made before it, attached to it, polled in each turn. */
class Inside {
  #files = new Map(); // which output → descriptor
  #endpoint = null;
  #log = wanted.log;

  constructor() {
    const { keyLog, capture, recording } = wanted;
    if (keyLog) this.#files.set(native.OUTPUT_KEY_LOG, open(keyLog, true));
    if (capture) this.#files.set(native.OUTPUT_CAPTURE, open(capture));
    if (recording) this.#files.set(native.OUTPUT_RECORDING, open(recording));
    this.keyLog = keyLog ? 1 : 0;
    this.captureSize = capture ? CAPTURE_SIZE : 0;
    this.recordingSize = recording ? RECORDING_SIZE : 0;
  }

  attach(endpoint) {
    this.#endpoint = endpoint;
    if (!this.#log) return;
    endpoint.setLogLevel('', LEVELS.indexOf(wanted.level));
    for (const [layer, level] of Object.entries(wanted.layers)) endpoint.setLogLevel(layer, LEVELS.indexOf(level));
  }

  poll() {
    if (this.#log) {
      for (let line; (line = this.#endpoint.log()) !== null;) this.#tell(line);
    }
    for (const [which, descriptor] of this.#files) {
      for (let bytes; (bytes = this.#endpoint.output(which)) !== null;) fs.writeSync(descriptor, bytes);
    }
  }

  /** "<time> <level> <layer> <peer>: <text>" */
  #tell(line) {
    const [, time, level, layer, peer, text] = /^(\S+) (\S+) (\S+) (\S+): (.*)$/s.exec(line);
    try {
      this.#log({ time: Number(time), level, layer, peer: Number(peer), text });
    } catch (error) {
      setImmediate(() => {
        throw error;
      });
    }
  }

  close() {
    for (const descriptor of this.#files.values()) fs.closeSync(descriptor);
    this.#files.clear();
  }
}

module.exports = { Inside, seeInside };
