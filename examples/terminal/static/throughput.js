// Measures what the connection carries, all channels and overhead included, and draws it as it goes.
//
// SPDX-License-Identifier: BSD-3-Clause

import { readable } from "./units.js";

const INTERVAL = 250; // milliseconds between two looks
const POINTS = 120;
const LEAST = 64 * 1024; // bytes per second that fill the picture when there is less

export class Throughput {
  #samples = []; // [down, up], bytes per second
  #canvas;
  #down;
  #up;
  #timer;

  constructor(canvas, down, up) {
    this.#canvas = canvas;
    this.#down = down;
    this.#up = up;
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  // Looks at the connection's own counts until it is closed, or another one is given.
  measure(connection) {
    clearInterval(this.#timer);
    let before = null;
    this.#timer = setInterval(async () => {
      if (connection.connectionState === "closed") return clearInterval(this.#timer);
      const now = { time: performance.now(), down: 0, up: 0 };
      for (const { type, bytesReceived, bytesSent } of (await connection.getStats()).values()) {
        if (type !== "candidate-pair") continue;
        now.down += bytesReceived ?? 0;
        now.up += bytesSent ?? 0;
      }
      if (before && now.time > before.time) {
        const seconds = (now.time - before.time) / 1000;
        // a pair that the browser forgets takes its count along
        this.#add([now.down - before.down, now.up - before.up].map((bytes) => Math.max(0, bytes) / seconds));
      }
      before = now;
    }, INTERVAL);
  }

  #add(sample) {
    this.#samples.push(sample);
    if (this.#samples.length > POINTS) this.#samples.shift();
    const [down, up] = sample.map((rate) => `${readable(rate)}/s`);
    this.#down.value = down;
    this.#up.value = up;
    this.#canvas.setAttribute("aria-label", `Throughput: ${down} down, ${up} up`);
    this.draw();
  }

  // What has come in green, what has gone in blue; the highest value there is fills the height.
  draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (width === 0) return; // the panel is closed
    const scale = window.devicePixelRatio;
    this.#canvas.width = width * scale;
    this.#canvas.height = height * scale;
    const context = this.#canvas.getContext("2d");
    context.scale(scale, scale);
    const top = Math.max(LEAST, ...this.#samples.flat()) * 1.1;
    const style = getComputedStyle(this.#canvas);
    const step = width / (POINTS - 1);
    ["--accent", "--up"].forEach((name, index) => {
      const colour = style.getPropertyValue(name);
      const points = this.#samples.map((sample, number) => [
        width - (this.#samples.length - 1 - number) * step, height - 1 - (sample[index] / top) * (height - 2)]);
      if (points.length < 2) return;
      const line = new Path2D(`M${points.join("L")}`);
      const area = new Path2D(line);
      area.lineTo(width, height);
      area.lineTo(points[0][0], height);
      const fill = context.createLinearGradient(0, 0, 0, height);
      fill.addColorStop(0, `${colour}70`);
      fill.addColorStop(1, `${colour}08`);
      context.fillStyle = fill;
      context.fill(area);
      context.strokeStyle = colour;
      context.lineWidth = 1.5;
      context.stroke(line);
    });
  }
}
