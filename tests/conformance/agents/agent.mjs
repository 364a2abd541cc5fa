// The agent of Node: the package polyrtc, the W3C's API, by the protocol of ../README.md.
//
// SPDX-License-Identifier: BSD-3-Clause
import fs from 'node:fs';
import readline from 'node:readline';

import { createPeerConnection, failureOf } from '../../../node/nonstandard.mjs';

const SHORT = 1000; // bytes of a message that are told; of a longer one its size and sum are

const CHANNEL_OPTIONS = ['label', 'protocol', 'ordered', 'negotiated', 'maxRetransmits', 'maxPacketLifeTime', 'id'];
const CHANNEL_STATE = [...CHANNEL_OPTIONS, 'readyState', 'bufferedAmount', 'bufferedAmountLowThreshold'];
const STATES = ['signalingState', 'iceGatheringState', 'iceConnectionState', 'connectionState', 'canTrickleIceCandidates'];

const pick = (object, names) => Object.fromEntries(names.map((name) => [name, object[name]]));
const tell = (line) => fs.writeSync(1, `${JSON.stringify(line)}\n`);

function adler32(bytes) {
  let a = 1, b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}

/** What `fill` stands for; ../runner.py knows it as well. */
function pattern(kind, size) {
  if (kind === 'text') return 'abcdefghijklmnopqrstuvwxyz'.repeat(size / 26 + 1).slice(0, size);
  return Uint8Array.from({ length: size }, (_, i) => i * 7);
}

/** One connection, and its channels by number. */
class Agent {
  constructor(configuration) {
    const connection = this.connection = createPeerConnection({ useLoopback: true, ...configuration });
    this.channels = [];
    for (const name of ['signaling', 'iceGathering', 'iceConnection', 'connection']) {
      const event = `${name.toLowerCase()}statechange`;
      connection.addEventListener(event, () => this.tell({ event, state: connection[`${name}State`] }));
    }
    connection.addEventListener('negotiationneeded', () => this.tell({ event: 'negotiationneeded' }));
    connection.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate?.candidate === '') return; // the end of a generation: the descriptions say it
      this.tell({ event: 'icecandidate', ...(candidate?.toJSON() ?? { candidate: null }) });
    });
    connection.addEventListener('datachannel', ({ channel }) => {
      const number = this.add(channel);
      this.tell({ event: 'datachannel', channel: number, ...pick(channel, CHANNEL_OPTIONS) });
    });
  }

  tell(line) {
    if (!this.ended) tell(line);
  }

  add(channel) {
    const number = this.channels.push(channel);
    channel.binaryType = 'arraybuffer';
    for (const event of ['open', 'bufferedamountlow', 'closing', 'close']) {
      channel.addEventListener(event, () => this.tell({ event, channel: number }));
    }
    channel.addEventListener('error', ({ error }) => {
      const name = error.errorDetail === 'sctp-failure' ? 'SCTP_ABORTED' : failureOf(this.connection)?.reason;
      this.tell({ event: 'error', channel: number, name });
    });
    channel.addEventListener('message', ({ data }) => {
      const isText = typeof data === 'string', bytes = isText ? Buffer.from(data) : new Uint8Array(data);
      const kind = isText ? 'text' : 'binary';
      const line = { event: 'message', channel: number, kind, size: bytes.length, sum: adler32(bytes) };
      this.tell(isText && bytes.length <= SHORT ? { ...line, text: data } : line);
    });
    return number;
  }

  channelOf({ channel }) {
    return this.channels[channel - 1];
  }

  async createOffer() {
    return pick(await this.connection.createOffer(), ['type', 'sdp']);
  }

  async createAnswer() {
    return pick(await this.connection.createAnswer(), ['type', 'sdp']);
  }

  async setLocalDescription({ type, sdp }) {
    await this.connection.setLocalDescription(type === undefined ? undefined : { type, sdp });
  }

  async setRemoteDescription({ type, sdp }) {
    await this.connection.setRemoteDescription({ type, sdp });
  }

  async localDescription() {
    const description = this.connection.localDescription;
    return description === null ? { type: null } : pick(description, ['type', 'sdp']);
  }

  async addIceCandidate(init) {
    await this.connection.addIceCandidate(init.candidate === undefined ? null : init);
  }

  async restartIce() {
    this.connection.restartIce();
  }

  async createDataChannel({ label, ...options }) {
    return { channel: this.add(this.connection.createDataChannel(label, options)) };
  }

  async send({ channel, text, kind = 'text', fill = 0 }) {
    this.channelOf({ channel }).send(text ?? pattern(kind, fill));
  }

  async closeChannel(given) {
    this.channelOf(given).close();
  }

  async threshold({ channel, value }) {
    this.channelOf({ channel }).bufferedAmountLowThreshold = value;
  }

  async channel(given) {
    return pick(this.channelOf(given), CHANNEL_STATE);
  }

  async states() {
    return pick(this.connection, STATES);
  }

  async stats() {
    return { stats: [...(await this.connection.getStats()).values()] };
  }

  async close() {
    this.connection.close();
  }

  async end() {
    this.connection.close();
    this.ended = true;
  }
}

async function carryOut(action, options) {
  if (action !== 'create') return agent[action](options);
  agent = new Agent(options);
}

let agent = null;
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { n, do: action, ...options } = JSON.parse(line);
  try {
    tell({ n, ...(await carryOut(action, options)) });
  } catch (error) {
    tell({ n, error: error.name, message: error.message });
  }
}
