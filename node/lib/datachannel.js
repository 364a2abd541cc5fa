// RTCDataChannel (W3C WebRTC 1.0 section 6.2).
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const { isArrayBuffer } = require('node:util/types');
const { RTCError, RTCErrorEvent, check, exceptionOf, invalidState } = require('./errors.js');
const native = require('./native.js');
const { USVString, defineInterface, enforced, enumeration, faceOf } = require('./webidl.js');

/** (USVString or Blob or ArrayBuffer or ArrayBufferView). What is half a pair in a string, the engine makes whole. */
const sendable = (value, context) =>
  typeof value === 'string' || isArrayBuffer(value) || ArrayBuffer.isView(value) || value instanceof Blob
    ? value
    : USVString(value, context);

/** The engine's errors by their names */
const codeOf = {};
for (let code = -1; code > -100; code--) codeOf[native.errorName(code)] ??= code;

const room = () => new Promise((resolve) => setTimeout(resolve, 2));

const sizeOf = (data) =>
  typeof data === 'string' ? Buffer.byteLength(data) : data instanceof Blob ? data.size : data.byteLength;

class DataChannel {
  #connection;
  #engine;
  #peer;
  #id;
  #threshold = 0;
  #buffered = 0; // what it was at last, once the engine does not know the channel any more
  #behind = []; // what is sent after a Blob that is being read, and that
  #behindSize = 0;
  readyState = 'connecting';
  binaryType = 'arraybuffer';
  error = null;
  reader = null; // takes messages in parts in place of events: streams.js
  onWritable = null;
  writing = false;

  /** channel: the engine's number of it */
  constructor(connection, channel) {
    this.#connection = connection;
    this.#engine = connection.engine;
    this.#peer = connection.peer;
    this.channel = channel;
    const info = this.#engine.endpoint.channelInfo(this.#peer, channel);
    const { label, protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated, streamId } = info;
    Object.assign(this, { label, protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated });
    this.#id = streamId;
  }

  /** null until the DTLS roles are known (RFC 8832 section 6) */
  get id() {
    if (this.#id === null && this.readyState !== 'closed') {
      this.#id = this.#engine.endpoint.channelInfo(this.#peer, this.channel)?.streamId ?? null;
    }
    return this.#id;
  }

  get bufferedAmount() {
    const buffered = this.readyState === 'closed' ? -1 : this.#engine.buffered(this.#peer, this.channel);
    if (buffered >= 0) this.#buffered = buffered;
    return this.#buffered + this.#behindSize;
  }

  get bufferedAmountLowThreshold() {
    return this.#threshold;
  }

  set bufferedAmountLowThreshold(value) {
    this.#threshold = value;
    if (this.readyState !== 'closed') this.#engine.endpoint.setThreshold(this.#peer, this.channel, value);
  }

  get connection() {
    return this.#connection;
  }

  // ------------------------------------------------------------------------------------------------------------- sending

  send(data) {
    if (this.readyState !== 'open') throw invalidState(`the channel is ${this.readyState}`);
    if (this.#behind.length > 0 || data instanceof Blob) {
      this.#sendBehind(data);
      return;
    }
    const code = this.#engine.send(this.#peer, this.channel, data);
    if (code < 0) this.#refuse(code);
  }

  #refuse(code) {
    check(code, () => this.#engine.endpoint.peerMessage(this.#peer));
  }

  /** In order: after the Blobs before, which have to be read. */
  #sendBehind(data) {
    const size = sizeOf(data);
    this.#connection.checkSize(size);
    if (this.bufferedAmount + size > this.#connection.sendQueueSize) throw exceptionOf(codeOf.QUEUE_FULL);
    this.#behindSize += size;
    // bytes are the sender's to change
    const kept =
      typeof data === 'string' || data instanceof Blob
        ? data
        : ArrayBuffer.isView(data)
          ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)
          : data.slice(0);
    if (this.#behind.push({ data: kept, size }) === 1) void this.#sendWhatWaits();
  }

  async #sendWhatWaits() {
    while (this.#behind.length > 0) {
      const { data, size } = this.#behind[0];
      let code = 0;
      try {
        const bytes = data instanceof Blob ? await data.arrayBuffer() : data;
        while (
          (code = this.readyState === 'closed' ? 0 : this.#engine.send(this.#peer, this.channel, bytes)) ===
          codeOf.QUEUE_FULL
        ) {
          await room(); // other channels have taken it
        }
        if (code < 0) this.#refuse(code);
      } catch (error) {
        // a Blob that cannot be read, or no room: nobody is there any more to be told by an exception
        this.#fail(new RTCError({ errorDetail: 'data-channel-failure' }, error.message));
      }
      this.#behind.shift();
      this.#behindSize -= size;
    }
    if (this.readyState === 'closing') this.#closeNow();
  }

  #fail(error) {
    this.error = error;
    this.face.dispatchEvent(new RTCErrorEvent('error', { error }));
    this.close();
  }

  /** A part of a message: false when there is no room. */
  sendPart(data, flags) {
    if (this.readyState !== 'open') throw this.error ?? invalidState(`the channel is ${this.readyState}`);
    const code = this.#engine.sendPart(this.#peer, this.channel, data, flags);
    if (code === codeOf.AGAIN) return false;
    if (code < 0) this.#refuse(code);
    return true;
  }

  /** From now on messages are given in parts, to the reader. */
  stream() {
    this.#engine.endpoint.setStreaming(this.#peer, this.channel, 1);
  }

  // ------------------------------------------------------------------------------------------------------------- closing

  close() {
    if (this.readyState === 'closing' || this.readyState === 'closed') return;
    this.readyState = 'closing';
    if (this.#behind.length === 0) this.#closeNow();
  }

  #closeNow() {
    const { endpoint } = this.#engine;
    endpoint.closeChannel(this.#peer, this.#engine.now(), this.channel);
    const info = endpoint.channelInfo(this.#peer, this.channel);
    // nobody else knows of it: no event will tell that it is closed
    if (info === null || info.state === native.CHANNEL_CLOSED) this.#engine.task(() => this.end());
    this.#engine.schedule();
  }

  /** The connection is closed. Of that the page knows: there is no event. */
  closeSilently() {
    void this.bufferedAmount;
    this.readyState = 'closed';
    this.#endStreams();
  }

  #endStreams() {
    this.onWritable?.();
    this.reader?.end(this.error);
  }

  end() {
    if (this.readyState === 'closed') return;
    this.closeSilently();
    this.#connection.forget(this);
    this.face.dispatchEvent(new Event('close'));
  }

  // -------------------------------------------------------------------------------------------------- from the connection

  /** The other side opened it: it can be used from "datachannel" on, before its "open". */
  announce() {
    this.readyState = 'open';
  }

  onMessage(data, kind, flags) {
    if (this.reader !== null) {
      this.reader.feed(data, kind, flags);
    } else if (this.readyState === 'open') {
      const value = typeof data === 'string' || this.binaryType === 'arraybuffer' ? data : new Blob([data]);
      this.face.dispatchEvent(new MessageEvent('message', { data: value }));
    }
  }

  onEvent(event) {
    if (this.readyState === 'closed') return;
    switch (event.type) {
      case native.EVENT_CHANNEL_OPEN:
        if (this.readyState !== 'connecting' && this.readyState !== 'open') return;
        this.readyState = 'open';
        this.face.dispatchEvent(new Event('open'));
        return;
      case native.EVENT_CHANNEL_BUFFERED_AMOUNT_LOW:
        this.onWritable?.();
        this.face.dispatchEvent(new Event('bufferedamountlow'));
        return;
      case native.EVENT_CHANNEL_CLOSING:
        if (this.readyState === 'closing') return;
        this.readyState = 'closing';
        this.onWritable?.();
        this.face.dispatchEvent(new Event('closing'));
        return;
      case native.EVENT_CHANNEL_ERROR:
        this.error = errorOf(event);
        this.face.dispatchEvent(new RTCErrorEvent('error', { error: this.error }));
        return;
      case native.EVENT_CHANNEL_CLOSED:
        this.end();
    }
  }
}

function errorOf({ code, text }) {
  const errorDetail = native.errorName(code) === 'SCTP_ABORTED' ? 'sctp-failure' : 'data-channel-failure';
  return new RTCError({ errorDetail }, text || native.errorText(code));
}

const RTCDataChannel = defineInterface('RTCDataChannel', {
  parent: EventTarget,
  readonly: [
    'label',
    'ordered',
    'maxPacketLifeTime',
    'maxRetransmits',
    'protocol',
    'negotiated',
    'id',
    'readyState',
    'bufferedAmount',
  ],
  attributes: {
    bufferedAmountLowThreshold: enforced(0, 2 ** 32 - 1),
    binaryType: enumeration('blob', 'arraybuffer'),
  },
  methods: { close: [], send: [sendable] },
  handlers: ['open', 'bufferedamountlow', 'error', 'closing', 'close', 'message'],
});

function makeDataChannel(connection, channel) {
  const made = new DataChannel(connection, channel);
  faceOf(RTCDataChannel, made);
  return made;
}

module.exports = { RTCDataChannel, makeDataChannel };
