// Files for the page: lists, sends and takes those of one folder; the README of examples/terminal has what goes over a channel.
//
// SPDX-License-Identifier: BSD-3-Clause
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';

const WINDOW = 4 * 1024 * 1024; // bytes of a file that may be on their way, not yet acknowledged
const ACKNOWLEDGE = WINDOW / 8; // bytes after which the receiver says so
const PIECE = 64 * 1024; // bytes of a file in one message
const BUFFERED_HIGH = WINDOW / 8; // bytes that may wait in the channel, so that the terminals beside it stay quick
const MOST_WAITING = WINDOW / 4096; // messages that a page may be ahead
const MOST_ENTRIES = 5000; // of a folder

class Refusal extends Error {} // a sentence for the page
class BadMessage extends Error {}

/** A channel for one file, with the window of each direction. */
class Link {
  #channel;
  #received = [];
  #toAcknowledge = 0; // bytes that were received
  #acknowledged = 0; // bytes that were dealt with, and of which the page does not know yet
  #onTheirWay = 0; // bytes that were sent and not acknowledged
  #wake = () => {};

  constructor(channel) {
    this.#channel = channel;
    channel.bufferedAmountLowThreshold = BUFFERED_HIGH / 2;
    channel.onbufferedamountlow = channel.onclose = () => this.#wake();
    channel.onmessage = ({ data }) => {
      try {
        this.#take(data);
      } catch (error) {
        console.error(`Closing a channel for files: its page sent a bad message (${error.message}).`);
        channel.close();
      }
      this.#wake();
    };
  }

  #take(data) {
    if (typeof data !== 'string') {
      this.#toAcknowledge += data.byteLength;
      if (data.byteLength === 0 || this.#toAcknowledge > WINDOW)
        throw new BadMessage('more bytes than the window allows, or none');
      this.#received.push(Buffer.from(data));
    } else {
      const message = JSON.parse(data);
      if (message?.type !== 'ack') this.#received.push(message);
      else if (!(message.bytes > 0 && message.bytes <= this.#onTheirWay))
        throw new BadMessage('an acknowledgement of what was not sent');
      else this.#onTheirWay -= message.bytes;
    }
    if (this.#received.length > MOST_WAITING) throw new BadMessage('too many messages');
  }

  async #until(condition) {
    while (!condition()) {
      if (this.#channel.readyState !== 'open') throw new Refusal('the page has left');
      await new Promise((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async receive() {
    await this.#until(() => this.#received.length > 0);
    return this.#received.shift();
  }

  send(message) {
    if (this.#channel.readyState === 'open') this.#channel.send(JSON.stringify(message));
  }

  async sendBytes(piece) {
    await this.#until(() => this.#onTheirWay <= WINDOW - PIECE && this.#channel.bufferedAmount < BUFFERED_HIGH);
    this.#onTheirWay += piece.length;
    this.#channel.send(piece);
  }

  acknowledge(count) {
    this.#toAcknowledge -= count;
    this.#acknowledged += count;
    if (this.#acknowledged < ACKNOWLEDGE) return;
    this.send({ type: 'ack', bytes: this.#acknowledged });
    this.#acknowledged = 0;
  }
}

/** Where a path of the page leads; a Refusal when that is outside, by "..", as an absolute path or over a link. */
async function inside(root, given) {
  if (typeof given !== 'string' || given.includes('\0')) throw new Refusal('this is no path');
  const found = await fs.realpath(path.resolve(root, given));
  if (found !== root && !found.startsWith(path.join(root, '/')))
    throw new Refusal('this is outside of the folder that is shared');
  return found;
}

async function list(root, link, request) {
  const folder = await inside(root, request.path);
  const entries = [];
  for (const { name } of await fs.readdir(folder, { withFileTypes: true })) {
    const status = name.startsWith('.') ? null : await fs.stat(path.join(folder, name)).catch(() => null);
    if (status?.isDirectory() || status?.isFile()) entries.push({ name, folder: status.isDirectory(), size: status.size });
  }
  entries.sort((a, b) => b.folder - a.folder || (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
  for (let at = 0; at < Math.min(entries.length, MOST_ENTRIES); at += 200)
    link.send({ type: 'entries', entries: entries.slice(at, at + 200) });
  link.send({ type: 'end', root: path.basename(root) || '/', more: Math.max(0, entries.length - MOST_ENTRIES) });
}

async function download(root, link, request) {
  const name = await inside(root, request.path);
  const file = await fs.open(name, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW); // a pipe must not hold us up
  try {
    const status = await file.stat();
    if (!status.isFile()) throw new Refusal('this is not a file');
    link.send({ type: 'file', size: status.size });
    const hash = createHash('sha256');
    let size = 0;
    for await (const piece of file.createReadStream({ highWaterMark: PIECE, autoClose: false })) {
      hash.update(piece);
      size += piece.length;
      await link.sendBytes(piece);
    }
    link.send({ type: 'end', size, sha256: hash.digest('hex') });
  } finally {
    await file.close();
  }
}

async function upload(root, link, request) {
  const folder = await inside(root, request.path);
  const { name } = request;
  if (typeof name !== 'string' || ['', '.', '..'].includes(name) || /[/\0]/.test(name))
    throw new Refusal('this is no name for a file');
  const temporary = path.join(folder, `.upload-${randomUUID()}`);
  const file = await fs.open(temporary, 'wx');
  try {
    const hash = createHash('sha256');
    let size = 0,
      message;
    while (Buffer.isBuffer((message = await link.receive()))) {
      hash.update(message);
      await file.write(message);
      size += message.length;
      link.acknowledge(message.length);
    }
    const sha256 = hash.digest('hex');
    if (message.type !== 'end') throw new BadMessage('not the end');
    if (message.sha256 !== sha256) throw new Refusal('the file did not arrive as it was sent: the hashes differ');
    link.send({ type: 'end', name: await takeName(temporary, folder, name), size, sha256 });
  } finally {
    await file.close();
    await fs.unlink(temporary);
  }
}

/** Gives the file its name, or one like it: nothing is ever overwritten. */
async function takeName(temporary, folder, name) {
  const { name: stem, ext } = path.parse(name);
  for (let number = 1; number < 1000; number++) {
    const taken = number === 1 ? name : `${stem} (${number})${ext}`;
    const done = await fs.link(temporary, path.join(folder, taken)).then(
      () => true,
      (error) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
    if (done) return taken;
  }
  throw new Refusal('there are too many files of that name');
}

/** Does what the first message asks for, and closes the channel. */
export async function serveFile(channel, root) {
  const link = new Link(channel);
  try {
    const request = await link.receive();
    const act = { list, download, upload }[request?.type];
    if (!act) throw new BadMessage('unknown type');
    await act(root, link, request);
  } catch (error) {
    if (error instanceof BadMessage)
      console.error(`Closing a channel for files: its page sent a bad message (${error.message}).`);
    else
      link.send({
        type: 'error',
        reason: error.code ? error.message.replace(/^\w+: /, '').replace(/, \w+ '.*$/, '') : error.message,
      });
  } finally {
    channel.close(); // what was sent before still arrives
  }
}
