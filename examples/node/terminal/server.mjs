#!/usr/bin/env node
// A terminal on this machine in a browser, over WebRTC: the page of examples/terminal, whose README has the protocols and says who
// may come in.
//
// SPDX-License-Identifier: BSD-3-Clause
import { randomBytes, timingSafeEqual } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import { isIP } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createPeerConnection } from 'polyrtc/nonstandard';
import { WebSocketServer } from 'ws';
import { serveFile } from './files.mjs';
import { Shell } from './shell.mjs';

const { values: options } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '8080' },
    'media-port': { type: 'string', default: '0' },
    shell: { type: 'string', default: process.env.SHELL || '/bin/sh' },
    files: { type: 'string', default: os.homedir() },
  },
});
const PAGE = fileURLToPath(new URL('../../terminal/', import.meta.url));
const MODULES = {
  'xterm.mjs': '@xterm/xterm/lib/xterm.mjs',
  'xterm.css': '@xterm/xterm/css/xterm.css',
  'addon-fit.mjs': '@xterm/addon-fit/lib/addon-fit.mjs',
  ...Object.fromEntries(['sha2.js', '_md.js', '_u64.js', 'utils.js'].map((name) => [name, `@noble/hashes/${name}`])),
};
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const HEADERS = {
  // 'unsafe-inline' for styles alone: xterm.js writes its colours into <style> elements
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Referrer-Policy': 'no-referrer', // the token is in the address
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
};
const MOST_PAGES = 16,
  MOST_TERMINALS = 32,
  MOST_FILES = 16; // at a time; the last two of a page
const WINDOW = 256 * 1024; // bytes that may be on their way in each direction, not yet acknowledged
const ACKNOWLEDGE = WINDOW / 4; // bytes after which the receiver says so
const BUFFERED_HIGH = WINDOW / 2; // bytes that may wait in the channel

const token = randomBytes(32);
const root = fs.realpathSync(options.files);

// ------------------------------------------------------------------------------------------------------------- terminals

/** One data channel and its shell, for as long as both live. */
function serveTerminal(channel) {
  let shell = null,
    shown = 0,
    typed = 0,
    done = 0;
  const send = (message) => channel.readyState === 'open' && channel.send(message);
  // What the page has drawn counts, so that Ctrl-C does not wait behind megabytes that it has not; and what waits here.
  const check = () => (shown < WINDOW && channel.bufferedAmount < BUFFERED_HIGH ? shell?.resume() : shell?.pause());
  const start = (columns, rows) =>
    new Shell(options.shell, columns, rows, {
      onshow(bytes) {
        for (let at = 0; at < bytes.length; at += 16384) send(bytes.subarray(at, at + 16384));
        shown += bytes.length;
        check();
      },
      onexit(status) {
        send(JSON.stringify({ type: 'exit', status }));
        channel.close(); // what was sent before still arrives
      },
    });
  function type(bytes) {
    typed += bytes.length;
    if (typed > WINDOW || shell === null) throw new Error('more bytes than the window allows');
    shell.type(bytes, () => {
      done += bytes.length;
      if (done < ACKNOWLEDGE) return;
      send(JSON.stringify({ type: 'ack', bytes: done }));
      typed -= done;
      done = 0;
    });
  }
  const integer = (value) => {
    if (!Number.isInteger(value)) throw new Error('not an integer');
    return value;
  };
  function obey(control) {
    if (control.type === 'ack') {
      shown = Math.max(0, shown - integer(control.bytes));
      check();
    } else if (control.type === 'resize') {
      const size = [control.columns, control.rows].map((value) => Math.min(Math.max(integer(value), 1), 4096));
      if (shell === null) shell = start(...size);
      else shell.resize(...size);
    } else {
      throw new Error('unknown type');
    }
  }
  channel.bufferedAmountLowThreshold = BUFFERED_HIGH / 2;
  channel.onbufferedamountlow = check;
  channel.onmessage = ({ data }) => {
    try {
      if (typeof data === 'string') obey(JSON.parse(data));
      else type(new Uint8Array(data));
    } catch (error) {
      console.error(`Closing a terminal: its page sent a bad message (${error.message}).`);
      channel.close();
    }
  };
  return () => shell?.close();
}

// ----------------------------------------------------------------------------------------------------------------- pages

/** A page is here as long as its WebSocket and its connection are: the first that ends takes the rest with it. */
function servePage(socket) {
  const connection = createPeerConnection({ udpPort: Number(options['media-port']) });
  const ends = new Set();
  let terminals = 0,
    files = 0;
  const found = []; // our candidates: they leave after the answer, because a browser refuses them before
  let answered = false;
  const say = (message) => socket.readyState === socket.OPEN && socket.send(JSON.stringify(message));

  connection.ondatachannel = ({ channel }) => {
    if (channel.label === 'ping') channel.onmessage = ({ data }) => channel.send(data);
    else if (channel.label === 'terminal' && terminals < MOST_TERMINALS) {
      terminals++;
      const end = serveTerminal(channel);
      ends.add(end);
      channel.addEventListener('close', () => {
        terminals--;
        ends.delete(end);
        end();
      });
    } else if (channel.label === 'file' && files < MOST_FILES) {
      files++;
      void serveFile(channel, root).finally(() => files--);
    } else channel.close();
  };
  connection.onicecandidate = ({ candidate }) => {
    const message = { type: 'candidate', candidate };
    if (answered) say(message);
    else found.push(message);
  };
  connection.onconnectionstatechange = () => connection.connectionState === 'failed' && socket.close();

  async function receive(message) {
    if (message.type === 'offer') {
      await connection.setRemoteDescription(message);
      await connection.setLocalDescription();
      say(connection.localDescription);
      answered = true;
      for (const one of found.splice(0)) say(one);
    } else if (message.type === 'candidate' && answered) {
      await connection.addIceCandidate(message.candidate);
    } else {
      throw new Error('unknown type, or a candidate before an offer');
    }
  }
  let last = Promise.resolve(); // one message after the other
  socket.on('message', (text) => {
    last = last
      .then(() => receive(JSON.parse(text)))
      .catch((error) => {
        console.error(`Closing a page: bad signalling message: ${error.message}`);
        socket.close(1002, 'bad signalling');
      });
  });
  socket.on('close', () => {
    connection.close();
    for (const end of ends) end();
  });
}

// ------------------------------------------------------------------------------------------------------ who may come in

const isLoopback = (host) => host === 'localhost' || host === '::1' || host.startsWith('127.');

/** Why a request is refused; null when it is not. Host: a foreign name that was made to resolve to us must not get in. */
function refusal(request, query, { needsToken, needsOrigin }) {
  const { host, origin } = request.headers;
  const name = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(host ?? '');
  const address = name?.[1] ?? name?.[2] ?? '';
  const known =
    [options.host, 'localhost'].includes(address.toLowerCase()) ||
    (isIP(address) && (isLoopback(address) || !isLoopback(options.host)));
  if (!known) return 'This server does not answer to that name.';
  if (origin === undefined ? needsOrigin : origin !== `http://${host}` && origin !== `https://${host}`)
    return 'Another site may not use this server.';
  const given = Buffer.from(query.get('token') ?? '', 'base64url');
  if (needsToken && !(given.length === token.length && timingSafeEqual(given, token))) {
    return 'The token is missing or wrong: open the address that the server printed.';
  }
  return null;
}

function fileOf(pathname) {
  if (pathname === '/') return path.join(PAGE, 'static/index.html');
  const [, folder, name] = /^\/(static|modules)\/([\w.-]+)$/.exec(pathname) ?? [];
  if (folder === 'modules') return Object.hasOwn(MODULES, name) ? path.join(PAGE, 'node_modules', MODULES[name]) : null;
  return folder === 'static' && fs.existsSync(path.join(PAGE, 'static', name)) ? path.join(PAGE, 'static', name) : null;
}

const server = http.createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const reason = refusal(request, searchParams, {
    needsToken: ['/', '/signalling'].includes(pathname),
    needsOrigin: false,
  });
  const file = reason === null ? fileOf(pathname) : null;
  if (reason !== null || file === null) {
    response
      .writeHead(reason === null ? 404 : 403, { ...HEADERS, 'Content-Type': 'text/plain' })
      .end(`${reason ?? 'There is no such page.'}\n`);
    return;
  }
  response.writeHead(200, { ...HEADERS, 'Content-Type': TYPES[path.extname(file)] });
  fs.createReadStream(file).pipe(response);
});
const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 });
server.on('upgrade', (request, socket, head) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const full = sockets.clients.size >= MOST_PAGES;
  if (
    pathname !== '/signalling' ||
    full ||
    refusal(request, searchParams, { needsToken: true, needsOrigin: true }) !== null
  ) {
    socket.end(`HTTP/1.1 ${full ? '503 Service Unavailable' : '403 Forbidden'}\r\nConnection: close\r\n\r\n`);
    return;
  }
  sockets.handleUpgrade(request, socket, head, servePage);
});
server.on('error', ({ message }) => {
  console.error(`Cannot listen: ${message}`);
  process.exitCode = 1;
});
server.listen(Number(options.port), options.host, () => {
  const { address, port } = server.address();
  if (!isLoopback(options.host)) {
    console.error(
      `WARNING: other machines can reach ${options.host}. Whoever sees the address below has a shell here,\n` +
        'and it travels unencrypted: use this only in a network that you trust.',
    );
  }
  console.log(
    `Terminal: http://${isIP(address) === 6 ? `[${address}]` : address}:${port}/?token=${token.toString('base64url')}\nCtrl-C ends it.`,
  );
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const socket of sockets.clients) socket.close(1001);
    server.close();
    server.closeAllConnections();
  });
}
