// Measures the round trip over a data channel of its own, and draws it as it goes.
//
// SPDX-License-Identifier: BSD-3-Clause

const INTERVAL = 500; // milliseconds between two pings
const POINTS = 60;

export class RoundTrip {
  #samples = []; // milliseconds; null where an answer did not come in time
  #canvas;
  #output;

  constructor(canvas, output) {
    this.#canvas = canvas;
    this.#output = output;
  }

  // Pings until the channel closes. Neither ordered nor repeated: a lost ping is a gap, and delays nothing.
  measure(connection) {
    const channel = connection.createDataChannel("ping", { ordered: false, maxRetransmits: 0 });
    let sent = null;
    let timer;
    const ping = () => {
      if (sent !== null) this.#add(null);
      sent = performance.now();
      channel.send(String(sent));
    };
    channel.onopen = () => {
      ping();
      timer = setInterval(ping, INTERVAL);
    };
    channel.onmessage = ({ data }) => {
      if (Number(data) !== sent) return;
      this.#add(performance.now() - sent);
      sent = null;
    };
    channel.onclose = () => {
      clearInterval(timer);
      this.#output.value = "–";
    };
  }

  #add(sample) {
    this.#samples.push(sample);
    if (this.#samples.length > POINTS) this.#samples.shift();
    const text = sample === null ? "–" : `${sample < 10 ? sample.toFixed(1) : Math.round(sample)} ms`;
    this.#output.value = text;
    this.#canvas.setAttribute("aria-label", `Round trip time: ${text}`);
    this.draw();
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const scale = window.devicePixelRatio;
    this.#canvas.width = width * scale;
    this.#canvas.height = height * scale;
    const context = this.#canvas.getContext("2d");
    context.scale(scale, scale);
    const sorted = this.#samples.filter((sample) => sample !== null).sort((a, b) => a - b);
    const top = 3 * (sorted[sorted.length >> 1] ?? 1); // one high spike must not make the rest a flat line
    const step = width / POINTS;
    context.fillStyle = getComputedStyle(this.#canvas).color;
    this.#samples.forEach((sample, index) => {
      if (sample === null) return;
      const bar = Math.max(1.5, Math.min(1, sample / top) * height);
      context.globalAlpha = index === this.#samples.length - 1 ? 1 : 0.55;
      context.fillRect(width - (this.#samples.length - index) * step, height - bar, step - 1, bar);
    });
  }
}
