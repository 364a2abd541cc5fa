// Messages of any size, in parts, as WHATWG streams. Beyond the W3C's API.
//
// A reader holds about a megabyte: while it is full no messages are taken from the connection, so that the other side has to
// stop. A writer waits while its channel has about as much to send.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const { invalidState } = require('./errors.js');
const native = require('./native.js');

// Bytes that a reader holds before the connection is paused, and when it goes on
const HIGH = 1024 * 1024,
  LOW = 256 * 1024;

// Bytes that are given to the engine at once; of a text so many characters
const PART = 65536,
  CHARACTERS = 16384;

const BEGIN = 1,
  END = 2,
  ABANDONED = 4; // PRTC_MESSAGE_… of polyrtc/data.h

const gone = () => new DOMException('the rest of the message will not come', 'OperationError');

/** What has arrived on a channel and was not read yet: a stream of messages, each a stream of parts. */
class PartReader {
  #channel;
  #messages;
  #outer = null; // the controller of messages
  #inner = null; // that of the message that is arriving, unless nobody wants the rest of it
  #size = 0;
  #paused = false;
  #ended = false;

  constructor(channel) {
    this.#channel = channel;
    this.#messages = new ReadableStream(
      {
        start: (controller) => {
          this.#outer = controller;
        },
        cancel: () => this.#discard(),
      },
      { highWaterMark: 0 },
    );
  }

  get messages() {
    return this.#messages;
  }

  /** From the channel. `data` is of a text, when it has come whole; else an ArrayBuffer. */
  feed(data, kind, flags) {
    if (this.#ended) return;
    if (flags & BEGIN) this.#begin(kind === native.MESSAGE_TEXT);
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : new Uint8Array(data ?? 0);
    if (flags & ABANDONED) {
      this.#finish((message) => message.fail(gone()));
      return;
    }
    this.#inner?.add(bytes, Boolean(flags & END));
    if (flags & END) this.#inner = null;
  }

  #begin(isText) {
    const message = new IncomingMessage(isText, (change) => this.#account(change));
    this.#inner = message;
    this.#outer.enqueue(message.face);
  }

  #finish(end) {
    if (this.#inner !== null) end(this.#inner);
    this.#inner = null;
  }

  /** Bytes more, or fewer, wait to be read. */
  #account(change) {
    this.#size += change;
    if (!this.#paused && this.#size > HIGH) this.#setPaused(true);
    else if (this.#paused && this.#size <= LOW) this.#setPaused(false);
  }

  #setPaused(paused) {
    this.#paused = paused;
    this.#channel.connection.pauseMessages(this.#channel, paused);
  }

  /** Nothing more will come. What has arrived can be read still. */
  end(error) {
    if (this.#ended) return;
    this.#ended = true;
    this.#finish((message) => message.fail(gone()));
    if (this.#paused) this.#setPaused(false);
    if (error) this.#outer.error(error);
    else this.#outer.close();
  }

  #discard() {
    this.#ended = true;
    this.#inner?.discard();
    this.#inner = null;
    if (this.#paused) this.#setPaused(false);
  }
}

/** One message: a ReadableStream of its parts, and whether it is a text. */
class IncomingMessage {
  #account;
  #parts = [];
  #decoder;
  #pulled = null;
  #end = null; // called once all parts are read
  #discarded = false;

  constructor(isText, account) {
    this.#account = account;
    this.#decoder = isText ? new TextDecoder() : null;
    this.face = new ReadableStream(
      {
        pull: (controller) => this.#pull(controller),
        cancel: () => this.discard(),
      },
      { highWaterMark: 0 },
    );
    Object.defineProperty(this.face, 'isText', { value: isText, enumerable: true });
  }

  add(bytes, isLast) {
    if (this.#discarded) return;
    // a character that is divided between two parts is given with the second
    const part = this.#decoder === null ? bytes : this.#decoder.decode(bytes, { stream: !isLast });
    if (part.length > 0) {
      this.#parts.push({ part, size: bytes.length });
      this.#account(bytes.length);
    }
    if (isLast) this.#end = (controller) => controller.close();
    this.#pulled?.();
  }

  fail(error) {
    this.#end = (controller) => controller.error(error);
    this.#pulled?.();
  }

  discard() {
    this.#discarded = true;
    for (const { size } of this.#parts.splice(0)) this.#account(-size);
  }

  async #pull(controller) {
    while (this.#parts.length === 0 && this.#end === null)
      await new Promise((resolve) => {
        this.#pulled = resolve;
      });
    if (this.#parts.length > 0) {
      const { part, size } = this.#parts.shift();
      controller.enqueue(part);
      this.#account(-size);
    }
    if (this.#parts.length === 0) this.#end?.(controller);
  }
}

function messagesOf(channel) {
  if (channel.reader !== null) throw invalidState('the channel is being read');
  channel.reader = new PartReader(channel);
  if (channel.readyState === 'closing' || channel.readyState === 'closed') channel.reader.end(channel.error);
  else channel.stream();
  return channel.reader.messages;
}

/** One message, written in parts: closed is sent, aborted is given up. */
function writableOf(channel, { text = false } = {}) {
  if (channel.readyState !== 'open') throw invalidState(`the channel is ${channel.readyState}`);
  if (channel.writing) throw invalidState('another message is being written');
  channel.writing = true;
  const empty = text ? '' : new Uint8Array(0);
  async function put(part, flags = 0) {
    while (!channel.sendPart(part, flags))
      await new Promise((resolve) => {
        channel.onWritable = resolve;
      });
  }
  return new WritableStream({
    async write(chunk) {
      if ((typeof chunk === 'string') !== text) throw new TypeError('a text is written in strings, anything else in bytes');
      if (text) {
        for (const part of partsOfText(chunk)) await put(part);
        return;
      }
      const bytes = ArrayBuffer.isView(chunk)
        ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
        : new Uint8Array(chunk);
      for (let at = 0; at < bytes.length; at += PART) await put(bytes.subarray(at, at + PART));
    },
    async close() {
      try {
        await put(empty, END);
      } finally {
        channel.writing = false;
      }
    },
    abort() {
      channel.writing = false;
      if (channel.readyState === 'open') channel.sendPart(empty, ABANDONED);
    },
  });
}

/** Without halves of a pair at their ends */
function* partsOfText(text) {
  for (let at = 0; at < text.length;) {
    let end = Math.min(at + CHARACTERS, text.length);
    if (end < text.length && /[\ud800-\udbff]/.test(text[end - 1])) end--;
    yield text.slice(at, end);
    at = end;
  }
}

module.exports = { messagesOf, writableOf };
