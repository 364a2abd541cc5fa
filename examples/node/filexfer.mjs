#!/usr/bin/env node
// A file of any size from one machine to another, with a progress bar, and a SHA-256 at both ends.
//
//   node filexfer.mjs send FILE [--host 127.0.0.1] [--port 0]     prints an address
//   node filexfer.mjs receive ADDRESS [FOLDER]
//
// The address serves the handshake alone, once, and only to who knows it: the file goes from peer to peer, encrypted.
//
// SPDX-License-Identifier: BSD-3-Clause
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { NO_LIMIT, createPeerConnection, failureOf, messageWriter, messages } from 'polyrtc/nonstandard';

const USAGE = 'usage: filexfer.mjs send FILE [--host HOST] [--port PORT], or: filexfer.mjs receive ADDRESS [FOLDER]';
const MOST = 64 * 1024; // bytes of a description

const connection = () => createPeerConnection({ maxMessageSize: NO_LIMIT });

/** The description that `set` makes, with all candidates: the handshake is one request and its answer. */
async function describe(pc) {
  const gathered = new Promise((resolve) => {
    pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && resolve();
  });
  await pc.setLocalDescription();
  await gathered;
  return pc.localDescription;
}

async function read(stream) {
  let text = '';
  for await (const chunk of stream) if ((text += chunk).length > MOST) throw new Error('this is no description');
  return text;
}

/** A bar on stderr, drawn anew at each per cent. */
function progress(size) {
  let last = -1;
  return (done) => {
    const percent = size > 0 ? Math.floor((done / size) * 100) : 100;
    if (percent === last) return;
    last = percent;
    const bar = '#'.repeat(percent / 4).padEnd(25, '.');
    process.stderr.write(
      `\r[${bar}] ${String(percent).padStart(3)}%  ${(done / 1e6).toFixed(1)} MB${percent === 100 ? '\n' : ''}`,
    );
  };
}

function failed(pc) {
  return new Promise((_, reject) => {
    pc.onconnectionstatechange = () => pc.connectionState === 'failed' && reject(failureOf(pc));
  });
}

async function send(file, host, port) {
  const { size } = fs.statSync(file);
  const token = randomBytes(16).toString('hex');
  const server = http.createServer().listen(port, host);
  await once(server, 'listening');
  console.log(`http://${host}:${server.address().port}/${token}`);
  for await (const [request, response] of requests(server)) {
    if (request.url !== `/${token}` || request.method !== 'POST') {
      response.writeHead(404).end();
      continue;
    }
    const pc = connection();
    const announced = once(pc, 'datachannel');
    await pc.setRemoteDescription({ type: 'offer', sdp: await read(request) });
    response.end((await describe(pc)).sdp);
    server.close();
    const [{ channel }] = await Promise.race([announced, failed(pc)]);
    await Promise.race([sendOver(channel, file, size), failed(pc)]);
    pc.close();
    return;
  }
}

async function* requests(server) {
  while (true) yield await once(server, 'request');
}

async function sendOver(channel, file, size) {
  const show = progress(size),
    hash = createHash('sha256');
  const end = once(channel, 'message'); // the other side's hash
  channel.send(JSON.stringify({ name: path.basename(file), size }));
  const writer = messageWriter(channel).getWriter();
  let done = 0;
  for await (const chunk of fs.createReadStream(file, { highWaterMark: 1 << 18 })) {
    hash.update(chunk);
    await writer.write(chunk);
    show((done += chunk.length));
  }
  await writer.close();
  show(size);
  const ours = hash.digest('hex');
  const [{ data: theirs }] = await end;
  if (ours !== theirs) throw new Error(`it did not arrive as it was sent: SHA-256 here ${ours}, there ${theirs}`);
  console.log(`sent ${path.basename(file)}, ${done} bytes, sha256 ${ours}`);
}

async function receive(address, folder) {
  const pc = connection();
  const channel = pc.createDataChannel('file');
  const stream = messages(channel);
  const response = await fetch(address, { method: 'POST', body: (await describe(pc)).sdp });
  if (!response.ok) throw new Error(`nobody sends at ${address}`);
  await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  await Promise.race([receiveOver(channel, stream, folder), failed(pc)]);
  channel.close(); // after the hash is sent
  await once(channel, 'close');
  pc.close();
}

async function receiveOver(channel, stream, folder) {
  const reader = stream.getReader();
  let head = '';
  for await (const part of (await reader.read()).value) head += part;
  const { name, size } = JSON.parse(head);
  const file = path.join(folder, path.basename(name));
  const sink = fs.createWriteStream(file, { flags: 'wx' }); // nothing is overwritten
  const show = progress(size),
    hash = createHash('sha256');
  let done = 0;
  for await (const part of (await reader.read()).value) {
    hash.update(part);
    if (!sink.write(part)) await once(sink, 'drain');
    show((done += part.length));
  }
  sink.end();
  await once(sink, 'finish');
  show(size);
  const sha256 = hash.digest('hex');
  channel.send(sha256);
  console.log(`received ${file}, ${done} bytes, sha256 ${sha256}`);
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { host: { type: 'string', default: '127.0.0.1' }, port: { type: 'string', default: '0' } },
});
const [what, first, second = '.'] = positionals;
if (what === 'send' && first) await send(first, values.host, Number(values.port));
else if (what === 'receive' && first) await receive(first, second);
else {
  console.error(USAGE);
  process.exitCode = 2;
}
