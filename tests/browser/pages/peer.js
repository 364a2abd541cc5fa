// A browser's side of the tests in test_channels.py, which call these from Python.
//
// SPDX-License-Identifier: BSD-3-Clause

class Queue {
  #items = [];
  #waiting = [];

  push(item) {
    const next = this.#waiting.shift();
    if (next) next(item);
    else this.#items.push(item);
  }

  async next() {
    return this.#items.length > 0 ? this.#items.shift() : new Promise((resolve) => this.#waiting.push(resolve));
  }
}

let connection;
let candidates;
let incoming; // names of channels that the other side opened
let channels; // by name: the channel and what happened to it

function start(configuration) {
  connection?.close();
  connection = new RTCPeerConnection(configuration);
  candidates = new Queue();
  incoming = new Queue();
  channels = {};
  connection.onicecandidate = ({ candidate }) => candidates.push(candidate);
  connection.ondatachannel = ({ channel }) => incoming.push(watch(channel));
}

function watch(channel) {
  const events = new Queue();
  channels[channel.label] = { channel, events };
  channel.binaryType = "arraybuffer";
  channel.onopen = () => events.push("open");
  channel.onclose = () => events.push("close");
  channel.onmessage = ({ data }) => events.push(typeof data === "string" ? { text: data } : { binary: toBase64(data) });
  return channel.label;
}

function open(label, options) {
  watch(connection.createDataChannel(label, options));
}

async function describe() { // an offer or an answer, whichever it is time for
  await connection.setLocalDescription();
  return connection.localDescription;
}

function send(label, { text, binary }) {
  channels[label].channel.send(text ?? fromBase64(binary));
}

// Sends `count` pieces of 64 KiB of the pattern in test_channels.py, and pushes "done" when as many came in and are right.
function bulk(label, count) {
  const { channel, events } = channels[label];
  const pattern = Uint8Array.from({ length: 4 * 65536 }, (_, index) => 7 * index + (index >> 8));
  const piece = (number) => pattern.subarray((number % 4) * 65536, (number % 4 + 1) * 65536);
  let sent = 0;
  let received = 0;
  channel.onmessage = ({ data }) => {
    const expected = piece(received++);
    if (!new Uint8Array(data).every((byte, index) => byte === expected[index])) events.push(`message ${received} is wrong`);
    if (received === count) events.push("done");
  };
  channel.bufferedAmountLowThreshold = 256 * 1024;
  channel.onbufferedamountlow = () => {
    while (sent < count && channel.bufferedAmount < 1024 * 1024) channel.send(piece(sent++));
  };
  channel.onbufferedamountlow();
}

function toBase64(buffer) {
  return btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""));
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
