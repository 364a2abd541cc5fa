#!/usr/bin/env node
// The chat in a terminal: `node chat.mjs NAME [ADDRESS]`. What the page runs, static/chat.js, is all there is.
//
// SPDX-License-Identifier: BSD-3-Clause
import readline from 'node:readline';
import polyrtc from 'polyrtc';

Object.assign(globalThis, polyrtc); // RTCPeerConnection, as a browser has it
const { join } = await import('./static/chat.js');

const [, , name, address = 'http://127.0.0.1:8080/'] = process.argv;
if (!name) {
  console.error('usage: chat.mjs NAME [ADDRESS]');
  process.exit(2);
}
const room = await join(address, name, {
  onjoin: (other) => console.log(`${other} is here`),
  onmessage: (other, text) => console.log(`${other}: ${text}`),
  onleave: (other) => console.log(`${other} has left`),
});
const lines = readline.createInterface({ input: process.stdin });
lines.on('line', room.say);
lines.on('close', room.leave);
