// Tabs of terminals, each with a data channel of its own. README.md describes what goes over a channel.
//
// SPDX-License-Identifier: BSD-3-Clause

import { FitAddon } from "/modules/addon-fit.mjs";
import { Terminal } from "/modules/xterm.mjs";
import { Files } from "./files.js";
import { RoundTrip } from "./roundtrip.js";
import { offer } from "./signalling.js";
import { Throughput } from "./throughput.js";

const WINDOW = 256 * 1024; // bytes that may be on their way in each direction, not yet acknowledged
const ACKNOWLEDGE = WINDOW / 4; // bytes after which the receiver says so
const LOST = "The connection to the shell was lost.";
const PIECE = 16 * 1024; // a paste goes in pieces of this many bytes

const THEME = {
  background: "#0d1117", foreground: "#d7dde6", cursor: "#5ee0b0", cursorAccent: "#0d1117",
  selectionBackground: "#2f6f5d99",
  black: "#39424e", red: "#ff7b86", green: "#5ee0b0", yellow: "#f2cc6b",
  blue: "#79b8ff", magenta: "#d2a6ff", cyan: "#6fdbe8", white: "#d7dde6",
  brightBlack: "#768390", brightRed: "#ffa2a9", brightGreen: "#8cf0cb", brightYellow: "#ffe19c",
  brightBlue: "#a5d0ff", brightMagenta: "#e4c8ff", brightCyan: "#9deaf3", brightWhite: "#ffffff",
};

const element = (id) => document.getElementById(id);
const encoder = new TextEncoder();

// --- one terminal ---

class Tab {
  static #count = 0;
  #channel = null;
  #typed = []; // pieces that wait for the window
  #typedBytes = 0; // sent, not yet acknowledged
  #shownBytes = 0; // drawn, not yet acknowledged
  #fit = new FitAddon();

  constructor(app) {
    this.app = app;
    this.number = ++Tab.#count;
    this.running = false;
    this.exited = false; // the shell ended by itself: a new connection does not bring it back
    this.#build();
    this.terminal = new Terminal({
      allowProposedApi: false, cursorBlink: true, scrollback: 5000, theme: THEME,
      fontFamily: getComputedStyle(document.body).getPropertyValue("--mono"), fontSize: 14, lineHeight: 1.15,
    });
    this.terminal.loadAddon(this.#fit);
    this.terminal.open(this.panel);
    this.terminal.onData((text) => this.#type(encoder.encode(text)));
    this.terminal.onBinary((text) => this.#type(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
    this.terminal.onTitleChange((title) => this.#setTitle(title));
    this.terminal.onResize(() => this.#sendSize());
    this.terminal.attachCustomKeyEventHandler((event) => app.key(event));
  }

  // Asks for a shell over a new channel.
  start(connection) {
    if (this.running) this.#end(LOST);
    const channel = connection.createDataChannel("terminal");
    this.#channel = channel;
    this.#typed = [];
    this.#typedBytes = this.#shownBytes = 0;
    this.exited = false;
    this.#setRunning(true);
    channel.binaryType = "arraybuffer";
    channel.onopen = () => {
      this.#sendSize();
      this.#sendTyped();
    };
    channel.onmessage = ({ data }) => {
      if (typeof data === "string") this.#obey(JSON.parse(data));
      else this.#show(new Uint8Array(data));
    };
    channel.onclose = () => {
      if (this.#channel !== channel) return;
      this.#channel = null;
      if (this.running) this.#end(LOST);
    };
  }

  close() {
    this.#channel?.close();
    this.#channel = null;
    this.terminal.dispose();
    this.panel.remove();
    this.tab.parentElement.remove();
  }

  fit() {
    this.#fit.fit();
    element("size").textContent = `${this.terminal.cols} × ${this.terminal.rows}`;
  }

  #show(bytes) {
    const channel = this.#channel;
    this.terminal.write(bytes, () => {
      this.#shownBytes += bytes.length;
      if (this.#shownBytes < ACKNOWLEDGE || channel !== this.#channel) return;
      this.#send(JSON.stringify({ type: "ack", bytes: this.#shownBytes }));
      this.#shownBytes = 0;
    });
  }

  #type(bytes) {
    if (!this.running) {
      if (bytes.length === 1 && bytes[0] === 13 && this.app.connected) this.start(this.app.connection);
      return;
    }
    for (let at = 0; at < bytes.length; at += PIECE) this.#typed.push(bytes.subarray(at, at + PIECE));
    this.#sendTyped();
  }

  #sendTyped() {
    if (this.#channel?.readyState !== "open") return;
    while (this.#typed.length > 0 && this.#typedBytes + this.#typed[0].length <= WINDOW) {
      const bytes = this.#typed.shift();
      this.#typedBytes += bytes.length;
      this.#channel.send(bytes);
    }
  }

  #obey(control) {
    if (control.type === "ack") {
      this.#typedBytes -= control.bytes;
      this.#sendTyped();
    } else if (control.type === "exit") {
      this.exited = true;
      const { status } = control;
      this.#end(status < 0 ? `The shell was ended by signal ${-status}.` : `The shell has ended with status ${status}.`);
    }
  }

  #sendSize() {
    this.#send(JSON.stringify({ type: "resize", columns: this.terminal.cols, rows: this.terminal.rows }));
  }

  #send(data) {
    if (this.#channel?.readyState === "open") this.#channel.send(data);
  }

  #end(why) {
    this.#setRunning(false);
    // leave the alternate screen, show the cursor, reset colours: a program may have had no time to do it
    this.terminal.write(`\x1b[?1049l\x1b[?25h\x1b[0m\r\n\x1b[90m[${why} Enter starts another.]\x1b[0m\r\n`);
  }

  #setRunning(running) {
    this.running = running;
    this.tab.parentElement.classList.toggle("ended", !running);
  }

  #setTitle(title) {
    const text = title || `Terminal ${this.number}`;
    this.tab.textContent = text;
    this.tab.title = text;
    this.tab.nextElementSibling.setAttribute("aria-label", `Close ${text}`);
    this.panel.setAttribute("aria-label", text);
    if (this.app.active === this) document.title = `${text} · polyrtc`;
  }

  #build() {
    const item = element("tab-template").content.firstElementChild.cloneNode(true);
    const [tab, close] = item.children;
    tab.id = `tab-${this.number}`;
    tab.setAttribute("aria-controls", `panel-${this.number}`);
    tab.onclick = () => this.app.select(this);
    tab.onauxclick = (event) => event.button === 1 && this.app.close(this);
    close.onclick = () => this.app.close(this);
    element("tabs").append(item);
    this.tab = tab;
    this.panel = document.createElement("div");
    this.panel.id = `panel-${this.number}`;
    this.panel.className = "panel";
    this.panel.role = "tabpanel";
    element("panels").append(this.panel);
    this.#setTitle("");
  }
}

// --- the page ---

class App {
  tabs = [];
  active = null;
  connection = null;
  connected = false;
  #roundTrip = new RoundTrip(element("graph"), element("milliseconds"));
  #throughput = new Throughput(element("flow"), element("down"), element("up"));
  #files = new Files();
  #closeSignalling = null;

  constructor() {
    element("new").onclick = element("first").onclick = () => this.open();
    element("reconnect").onclick = () => this.connect();
    element("toggle").onclick = () => this.toggleFiles();
    element("tabs").onkeydown = (event) => this.#tabKey(event);
    document.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => requestAnimationFrame(() => this.active?.fit())).observe(element("panels"));
    addEventListener("pagehide", () => this.#disconnect()); // the shells end at once, not only when a timeout notices
    addEventListener("pageshow", ({ persisted }) => persisted && this.connect());
    this.connect();
    this.open();
  }

  connect() {
    this.#disconnect();
    element("lost").hidden = true;
    this.#setState("connecting", "Connecting");
    const connection = new RTCPeerConnection();
    this.connection = connection;
    this.#roundTrip.measure(connection);
    this.#throughput.measure(connection);
    this.#files.connect(connection);
    connection.onconnectionstatechange = () => {
      if (connection === this.connection) this.#connectionChanged(connection.connectionState);
    };
    const url = new URL("/signalling" + location.search, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    this.#closeSignalling = offer(connection, url, (reason) => this.#lose(reason));
    for (const tab of this.tabs) if (!tab.exited) tab.start(connection);
    this.active?.terminal.focus();
  }

  #connectionChanged(state) {
    if (state === "connected") {
      this.connected = true;
      this.#setState("connected", "Connected");
      this.#showPath();
    } else if (state === "disconnected") {
      this.#setState("interrupted", "Interrupted");
    } else if (state === "failed" || state === "closed") {
      this.#lose(this.connected ? "The other side no longer answers." : "The browser found no way to the other side.");
    }
  }

  #lose(reason) {
    this.#disconnect();
    this.#setState("lost", "Not connected");
    element("path").textContent = "";
    element("lost-why").textContent = reason;
    element("lost").hidden = false;
    element("reconnect").focus();
  }

  #disconnect() {
    this.connected = false;
    this.#closeSignalling?.();
    this.#closeSignalling = null;
    const connection = this.connection;
    this.connection = null;
    connection?.close();
    this.#files.disconnect();
  }

  #setState(state, text) {
    element("state").dataset.state = state;
    element("state").textContent = text;
  }

  async #showPath() {
    const connection = this.connection;
    const stats = await connection.getStats();
    const pair = [...stats.values()].find(({ type, nominated }) => type === "candidate-pair" && nominated);
    const remote = pair && stats.get(pair.remoteCandidateId);
    if (!remote || connection !== this.connection) return;
    element("path").textContent = `peer to peer, ${remote.protocol} ${remote.address}`;
  }

  open() {
    const tab = new Tab(this);
    this.tabs.push(tab);
    this.select(tab); // which fits it to the window: the shell starts with its true size
    if (this.connection) tab.start(this.connection);
  }

  close(tab) {
    const index = this.tabs.indexOf(tab);
    this.tabs.splice(index, 1);
    tab.close();
    if (tab === this.active) this.select(this.tabs[Math.min(index, this.tabs.length - 1)] ?? null);
  }

  select(tab) {
    this.active = tab;
    for (const other of this.tabs) {
      other.tab.ariaSelected = String(other === tab);
      other.tab.tabIndex = other === tab ? 0 : -1;
      other.panel.hidden = other !== tab;
    }
    element("empty").hidden = tab !== null;
    if (!tab) {
      element("size").textContent = "";
      document.title = "polyrtc";
      element("first").focus();
      return;
    }
    document.title = `${tab.tab.textContent} · polyrtc`;
    tab.tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    tab.fit();
    tab.terminal.focus();
  }

  toggleFiles() {
    this.#files.show(element("files").hidden);
    this.active?.terminal.focus();
  }

  step(by) {
    const { length } = this.tabs;
    if (length > 0) this.select(this.tabs[(this.tabs.indexOf(this.active) + by + length) % length]);
  }

  // Returns false when the terminal is not to see the key.
  key(event) {
    const action = shortcut(event);
    if (!action) return true;
    if (event.type === "keydown" && !event.defaultPrevented) {
      event.preventDefault();
      action(this);
    }
    return false;
  }

  #tabKey(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    if (event.key in steps) {
      this.step(steps[event.key]);
      this.active.tab.focus();
    } else if (event.key === "Delete" && this.active) {
      this.close(this.active);
    }
  }
}

// The keys are chosen so that neither a browser nor a shell wants them.
function shortcut({ altKey, ctrlKey, shiftKey, metaKey, code }) {
  if (metaKey || !shiftKey) return null;
  if (altKey && !ctrlKey) {
    return {
      KeyT: (app) => app.open(),
      KeyW: (app) => app.active && app.close(app.active),
      KeyF: (app) => app.toggleFiles(),
      ArrowLeft: (app) => app.step(-1),
      ArrowRight: (app) => app.step(1),
    }[code] ?? null;
  }
  if (ctrlKey && !altKey && code === "KeyC") {
    return (app) => app.active && navigator.clipboard?.writeText(app.active.terminal.getSelection());
  }
  return null;
}

new App();
