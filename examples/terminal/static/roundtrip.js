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
    const top = Math.max(2, ...this.#samples.filter((sample) => sample !== null)) * 1.1;
    const x = (index) => width - (this.#samples.length - 1 - index) * (width / (POINTS - 1)) - 1.5;
    const y = (sample) => height - 1.5 - (sample / top) * (height - 3);

    context.strokeStyle = getComputedStyle(this.#canvas).color;
    context.fillStyle = context.strokeStyle;
    context.lineWidth = 1.25;
    context.lineJoin = "round";
    context.beginPath();
    this.#samples.forEach((sample, index) => {
      if (sample === null) return;
      if (index > 0 && this.#samples[index - 1] !== null) context.lineTo(x(index), y(sample));
      else context.moveTo(x(index), y(sample));
    });
    context.stroke();
    const last = this.#samples.at(-1) ?? null;
    if (last === null) return;
    context.beginPath();
    context.arc(x(this.#samples.length - 1), y(last), 1.75, 0, 2 * Math.PI);
    context.fill();
  }
}
