// A chat between all who are in one room, each connected with each other. The same file runs in a browser and in Node: it uses
// fetch, and the RTCPeerConnection that is there.
//
// SPDX-License-Identifier: BSD-3-Clause

/** The server's side of the room: calls `take` with each message, sends by POST. One line of JSON is one message. */
async function* linesOf(response) {
  let rest = "";
  const decoder = new TextDecoder();
  for (const reader = response.body.getReader(); ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop();
    yield* lines.filter(Boolean).map((line) => JSON.parse(line));
  }
}

/** One other member: perfect negotiation (W3C WebRTC 1.0 section 10.7). Who was there first is polite. */
class Peer {
  #making = false;
  #ignoring = false;
  #last = Promise.resolve(); // one message after the other

  constructor(name, polite, send, { onjoin, onmessage, onleave }) {
    this.name = name;
    const pc = (this.connection = new RTCPeerConnection());
    this.polite = polite;
    this.send = send;
    pc.onnegotiationneeded = async () => {
      this.#making = true;
      try {
        await pc.setLocalDescription();
        send({ description: pc.localDescription });
      } finally {
        this.#making = false;
      }
    };
    pc.onicecandidate = ({ candidate }) => send({ candidate });
    pc.onconnectionstatechange = () => pc.connectionState === "failed" && pc.restartIce();
    // both make the same channel, so nobody has to wait for the other's
    this.channel = pc.createDataChannel("chat", { negotiated: true, id: 0 });
    this.channel.onopen = () => onjoin(name);
    this.channel.onmessage = ({ data }) => onmessage(name, data);
    this.channel.onclose = () => onleave(name);
  }

  receive(message) {
    this.#last = this.#last.then(() => this.#receive(message));
    return this.#last;
  }

  async #receive({ description, candidate }) {
    const pc = this.connection;
    if (description) {
      const collision = description.type === "offer" && (this.#making || pc.signalingState !== "stable");
      this.#ignoring = !this.polite && collision;
      if (this.#ignoring) return;
      await pc.setRemoteDescription(description);
      if (description.type === "offer") {
        await pc.setLocalDescription();
        this.send({ description: pc.localDescription });
      }
    } else {
      await pc.addIceCandidate(candidate).catch((error) => {
        if (!this.#ignoring) throw error;
      });
    }
  }
}

/**
 * Enters the room at `address` under `name`. `on` has onjoin(name), onmessage(name, text) and onleave(name). Returns
 * say(text) and leave().
 */
export async function join(address, name, on) {
  const peers = new Map();
  const abort = new AbortController();
  const url = (path, query) => `${new URL(path, address)}?${new URLSearchParams(query)}`;
  const response = await fetch(url("room", { name }), { signal: abort.signal });
  if (!response.ok) throw new Error(await response.text());

  function add(other, polite) {
    // One after the other: of two requests at a time the second may arrive first, and a candidate is of no use without its offer.
    let sent = Promise.resolve();
    const send = (message) => {
      const body = JSON.stringify(message);
      sent = sent.then(() => fetch(url("send", { from: name, to: other }), { method: "POST", body })).catch(() => {});
    };
    const peer = new Peer(other, polite, send, { ...on, onleave: remove });
    peers.set(other, peer);
    return peer;
  }

  // By a word of the server, or because the channel has closed: whichever comes first.
  function remove(other) {
    const peer = peers.get(other);
    if (!peers.delete(other)) return;
    peer.connection.close();
    on.onleave(other);
  }

  (async () => {
    for await (const { from, joined, left, message } of linesOf(response)) {
      if (joined) add(joined, true);
      else if (left) remove(left);
      else await (peers.get(from) ?? add(from, false)).receive(message);
    }
  })().catch((error) => error.name !== "AbortError" && console.error(error));

  return {
    say: (text) => {
      for (const { channel } of peers.values()) if (channel.readyState === "open") channel.send(text);
    },
    leave: () => {
      abort.abort();
      for (const { connection } of peers.values()) connection.close();
    },
  };
}
