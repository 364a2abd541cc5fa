// One file on its way, over a channel of its own, with a hash at both ends. README.md describes what goes over the channel.
//
// SPDX-License-Identifier: BSD-3-Clause

import { sha256 } from "/modules/sha2.js";
import { bytesToHex } from "/modules/utils.js";

const WINDOW = 4 * 1024 * 1024; // bytes of a file that may be on their way, not yet acknowledged
const ACKNOWLEDGE = WINDOW / 8; // bytes after which the receiver says so
const PIECE = 64 * 1024; // bytes of a file in one message

// A channel to the server's files: asks, and hears answers, until either side closes it.
export class Link {
  #channel;
  #received = [];
  #onTheirWay = 0;
  #wake = () => {};
  #ended = null; // why
  onacknowledge = () => {};

  constructor(connection, request) {
    const channel = connection.createDataChannel("file");
    this.#channel = channel;
    channel.binaryType = "arraybuffer";
    channel.onopen = () => {
      this.send(request);
      this.#wake();
    };
    channel.onclose = () => this.close("The connection was lost.");
    channel.onmessage = ({ data }) => {
      if (typeof data !== "string") {
        this.#received.push(new Uint8Array(data));
      } else {
        const message = JSON.parse(data);
        if (message.type === "ack") {
          this.#onTheirWay -= message.bytes;
          this.onacknowledge(message.bytes);
        } else {
          this.#received.push(message);
        }
      }
      this.#wake();
    };
  }

  close(why = "Cancelled.") {
    this.#ended ??= why;
    this.#channel.close();
    this.#wake();
  }

  // Waits until the request is sent.
  async open() {
    await this.#until(() => this.#channel.readyState !== "connecting");
  }

  // Bytes, or a message. Throws what the server refuses.
  async receive() {
    await this.#until(() => this.#received.length > 0);
    const message = this.#received.shift();
    if (message.type === "error") throw new Error(message.reason);
    return message;
  }

  // What is said after the server has closed the channel is of no interest to it.
  send(message) {
    if (this.#channel.readyState === "open") this.#channel.send(JSON.stringify(message));
  }

  // Waits for room in the window before it sends.
  async sendBytes(bytes) {
    await this.#until(() => this.#onTheirWay + bytes.length <= WINDOW || this.#received.length > 0);
    if (this.#received.length > 0) await this.receive(); // an error: nothing else comes before the end
    this.#onTheirWay += bytes.length;
    this.#channel.send(bytes);
  }

  async #until(condition) {
    while (!condition()) {
      if (this.#ended) throw new Error(this.#ended);
      await new Promise((resolve) => (this.#wake = resolve));
    }
    if (this.#ended && this.#received.length === 0) throw new Error(this.#ended);
  }
}

// Sends `file` over the link; returns its name there and the hash. `progress` is called with the bytes that have arrived.
export async function upload(link, file, progress) {
  const hash = sha256.create();
  let arrived = 0;
  await link.open();
  link.onacknowledge = (bytes) => progress((arrived += bytes));
  for (const reader = file.stream().getReader(); ;) {
    const { value, done } = await reader.read();
    if (done) break;
    hash.update(value);
    for (let at = 0; at < value.length; at += PIECE) await link.sendBytes(value.subarray(at, at + PIECE));
  }
  const ours = bytesToHex(hash.digest());
  link.send({ type: "end", sha256: ours });
  return compare(ours, await link.receive());
}

// Takes what comes over the link into `sink`; returns size and hash. `progress` is called with the bytes written, of how many
// in all.
export async function download(link, sink, progress) {
  const hash = sha256.create();
  const { size } = await link.receive();
  let waiting = [];
  let waitingBytes = 0;
  let done = 0;
  const write = async () => {
    await sink.write(waiting);
    progress((done += waitingBytes), size);
    link.send({ type: "ack", bytes: waitingBytes });
    waiting = [];
    waitingBytes = 0;
  };
  for (;;) {
    const message = await link.receive();
    if (!(message instanceof Uint8Array)) {
      if (waitingBytes > 0) await sink.write(waiting);
      const result = compare(bytesToHex(hash.digest()), message);
      await sink.close();
      return result;
    }
    hash.update(message);
    waiting.push(message);
    waitingBytes += message.length;
    if (waitingBytes >= ACKNOWLEDGE) await write();
  }
}

function compare(ours, { sha256: theirs, ...end }) {
  if (ours !== theirs) throw new Error(`It did not arrive as it was sent. SHA-256 here ${ours}, there ${theirs}`);
  return { ...end, sha256: ours };
}

// --- where a download goes ---

// To disk as it comes, where the browser lets the user choose a file; else into a Blob that the browser saves at the end.
// Returns null when the user does not want to.
export async function openSink(name) {
  if (!window.showSaveFilePicker) return blobSink(name);
  let handle;
  try {
    handle = await window.showSaveFilePicker({ suggestedName: name });
  } catch (error) {
    if (error.name === "AbortError") return null;
    throw error;
  }
  const writer = await handle.createWritable(); // nothing is in the file's place before close()
  return {
    write: (parts) => writer.write(new Blob(parts)),
    close: () => writer.close(),
    abort: () => writer.abort(),
  };
}

function blobSink(name) {
  let blob = new Blob();
  return {
    write: (parts) => {
      blob = new Blob([blob, ...parts]); // browsers keep large ones on disk
    },
    close: () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    },
    abort: () => {
      blob = null;
    },
  };
}
