#!/usr/bin/env node
// A signalling server with one room, and the page of the chat: `node server.mjs [--port 8080] [--host 127.0.0.1]`.
//
//   GET  /room?name=N          enters: lines of JSON, for as long as the member stays. {"joined": name} a new one, which will make
//                              an offer; {"from": name, "message": …} something for this one; {"left": name}
//   POST /send?from=N&to=M     a message for one of them, at most 64 KiB
//
// SPDX-License-Identifier: BSD-3-Clause
import fs from 'node:fs';
import http from 'node:http';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: { port: { type: 'string', default: '8080' }, host: { type: 'string', default: '127.0.0.1' } },
});
const MOST_MEMBERS = 50,
  MOST_BYTES = 64 * 1024,
  MOST_NAME = 100;
const FILES = { '/': ['index.html', 'text/html'], '/chat.js': ['chat.js', 'text/javascript'] };

const members = new Map(); // name → response
const tell = (member, line) => member.write(`${JSON.stringify(line)}\n`);

function enter(name, response) {
  if (!name || name.length > MOST_NAME || members.has(name) || members.size >= MOST_MEMBERS)
    return refuse(response, 409, 'that name is taken, or the room is full');
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  response.write('\n'); // Firefox tells of an answer when its first byte has come
  for (const member of members.values()) tell(member, { joined: name });
  members.set(name, response);
  response.on('close', () => {
    members.delete(name);
    for (const member of members.values()) tell(member, { left: name });
  });
}

async function carry(from, to, request, response) {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > MOST_BYTES) return refuse(response, 413, 'too much');
  }
  const member = members.get(to);
  if (!member || !members.has(from)) return refuse(response, 404, 'nobody of that name is here');
  try {
    tell(member, { from, message: JSON.parse(body) });
  } catch {
    return refuse(response, 400, 'this is no JSON');
  }
  response.writeHead(204).end();
}

const refuse = (response, status, reason) =>
  response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(reason);

const server = http.createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const origin = request.headers.origin; // of another site: not here
  if (origin !== undefined && new URL(origin).host !== request.headers.host)
    return refuse(response, 403, 'another site may not use this');
  if (pathname === '/room') return enter(searchParams.get('name'), response);
  if (pathname === '/send' && request.method === 'POST')
    return void carry(searchParams.get('from'), searchParams.get('to'), request, response).catch(() => response.destroy());
  const [name, type] = FILES[pathname] ?? [];
  if (name === undefined) return refuse(response, 404, 'there is no such page');
  response.writeHead(200, { 'content-type': type });
  fs.createReadStream(new URL(`static/${name}`, import.meta.url)).pipe(response);
});

server.listen(Number(options.port), options.host, () =>
  console.log(`Chat: http://${options.host}:${server.address().port}/`),
);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}
