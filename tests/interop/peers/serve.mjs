// The protocol of the peers (../README.md) for Node: requests from stdin, answers and events to stdout.
//
// serve(connect): connect(trickle, tell, configuration) makes a connection with the methods
//   channel(init), offer(restart), answer(sdp), accept(sdp), candidate(init), info(label), closeChannel(label), close(),
//   send(label, data), buffered(label)
// and tells events: tell({event: …}). received(label, data) makes the event of a message.
//
// SPDX-License-Identifier: BSD-3-Clause
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import readline from 'node:readline';
import { setTimeout } from 'node:timers/promises';

const MOST_BUFFERED = 1 << 20; // bytes that a channel holds before the next message waits

export const tell = (line) => fs.writeSync(1, JSON.stringify(line) + '\n');

export function received(label, data) {
  const kind = typeof data === 'string' ? 'text' : 'binary';
  const bytes = typeof data === 'string' ? Buffer.from(data) : Buffer.from(data);
  return { event: 'message', label, kind, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

// The promise's value, or an error in words after some seconds: a request is answered in any case.
export function within(seconds, what, promise) {
  const late = async () => {
    await setTimeout(seconds * 1000, null, { ref: false });
    throw new Error(`${what}: not within ${seconds} s`);
  };
  return Promise.race([promise, late()]);
}

function message(number, kind, size) {
  const hash = createHash('sha256').update(String(number));
  if (kind === 'text') return hash.digest('hex').repeat(size / 64 + 1).slice(0, size);
  const digest = hash.digest(), whole = Buffer.alloc(size);
  for (let at = 0; at < size; at += digest.length) digest.copy(whole, at);
  return whole;
}

async function send(connection, { label, text, kind, first, count, size }) {
  if (text !== undefined) return connection.send(label, text);
  for (let number = first; number < first + count; number++) {
    // not every library tells when the buffer has room again: look
    while (connection.buffered(label) > MOST_BUFFERED) await setTimeout(1);
    connection.send(label, message(number, kind, size));
  }
}

export async function serve(connect) {
  let connection = null;
  const actions = {
    open: ({ trickle, configuration }) => { connection = connect(trickle === true, tell, configuration ?? {}); },
    channel: ({ n, do: _, ...init }) => connection.channel(init),
    offer: ({ restart }) => connection.offer(restart === true),
    answer: ({ sdp }) => connection.answer(sdp),
    accept: ({ sdp }) => connection.accept(sdp),
    candidate: ({ n, do: _, ...init }) => connection.candidate(init),
    send: (request) => send(connection, request),
    info: ({ label }) => connection.info(label),
    close_channel: ({ label }) => connection.closeChannel(label),
    close: () => connection.close(),
  };
  process.on('uncaughtException', (error) => { console.error(error); process.exit(1); });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    // not awaited: candidates come while an offer is made
    (async () => actions[request.do](request))().then(
      (result) => tell({ n: request.n, result: result ?? {} }),
      (error) => tell({ n: request.n, error: String(error?.message ?? error) }),
    );
  }
  process.exit(0);
}
