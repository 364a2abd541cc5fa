// The panel of files: a folder of the server, and what is on its way. README.md describes what goes over a channel.
//
// SPDX-License-Identifier: BSD-3-Clause

import { Link, download, openSink, upload } from "./transfer.js";
import { readable } from "./units.js";

const FOLDER = "M1.5 12.5v-9h4.2l1.6 2h7.2v7z";
const FILE = "M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3";

const element = (id) => document.getElementById(id);
const copy = (id) => element(id).content.firstElementChild.cloneNode(true);

// --- one line of the list of transfers ---

class Row {
  #item = copy("transfer-template");
  #begin = performance.now();
  #drawn = 0;
  oncancel = () => {};

  constructor(name, way) {
    const [arrow, label, button] = this.#item.children;
    arrow.textContent = way === "up" ? "↑" : "↓";
    label.textContent = label.title = name;
    this.#item.dataset.way = way;
    this.#state("running", "waiting", `Cancel ${name}`);
    button.onclick = () => {
      if (this.#item.dataset.state === "running") this.oncancel();
      else this.#item.remove();
    };
    element("transfers").prepend(this.#item);
  }

  begin() {
    this.#begin = performance.now();
  }

  progress(done, size) {
    const now = performance.now();
    if (now - this.#drawn < 100 || this.#item.dataset.state !== "running") return; // some is still read after the end
    this.#drawn = now;
    const speed = (1000 * done) / (now - this.#begin);
    const left = Math.ceil((size - done) / speed);
    this.#item.querySelector("progress").value = size > 0 ? Math.min(1, done / size) : 1;
    this.#how(`${readable(done)} of ${readable(size)} · ${readable(speed)}/s · ${left} s left`);
  }

  finish(name, { size, sha256 }) {
    const seconds = (performance.now() - this.#begin) / 1000;
    this.#item.querySelector("progress").value = 1;
    this.#item.querySelector(".name").textContent = name;
    this.#state("done", `${readable(size)} in ${seconds.toFixed(1)} s · same SHA-256 at both ends`, `Forget ${name}`);
    const hash = this.#item.querySelector("code");
    hash.textContent = sha256;
    hash.hidden = false;
  }

  fail(error) {
    this.#state("failed", error.message, "Forget it");
  }

  #state(state, text, action) {
    this.#item.dataset.state = state;
    this.#item.children[2].setAttribute("aria-label", action);
    this.#item.children[2].title = action;
    this.#how(text);
  }

  #how(text) {
    this.#item.querySelector(".how").textContent = text;
  }
}

// --- the panel ---

export class Files {
  #connection = null;
  #links = new Set();
  #path = []; // names of folders, from the root that the server shares
  #root = "";
  #asked = 0; // the listing that was asked for last
  #previous = Promise.resolve(); // uploads go one after the other

  constructor() {
    element("upload").onclick = () => element("chosen").click();
    element("chosen").onchange = () => {
      this.#uploadAll(element("chosen").files);
      element("chosen").value = "";
    };
    let depth = 0; // enter and leave come for each element that is passed
    const over = (by) => {
      depth = by === 0 ? 0 : depth + by;
      element("drop").hidden = depth === 0;
      element("drop").querySelector("b").textContent = this.#path.at(-1) ?? this.#root;
    };
    const handle = (type, act) => document.addEventListener(type, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      act(event);
    });
    handle("dragenter", () => over(1));
    handle("dragleave", () => over(-1));
    handle("dragover", () => {});
    handle("drop", ({ dataTransfer }) => {
      over(0);
      const folders = [...dataTransfer.items].map((item) => item.webkitGetAsEntry?.()?.isDirectory ?? false);
      this.show(true);
      this.#uploadAll([...dataTransfer.files].filter((_, index) => !folders[index]));
    });
  }

  connect(connection) {
    this.#connection = connection;
    if (!element("files").hidden) this.#list();
  }

  disconnect() {
    this.#connection = null;
    for (const link of this.#links) link.close("The connection was lost.");
  }

  show(open) {
    if (open && element("files").hidden) this.#list();
    element("files").hidden = !open;
    element("toggle").ariaExpanded = String(open);
  }

  // --- the folder ---

  async #list() {
    const asked = ++this.#asked;
    const entries = [];
    try {
      const end = await this.#link({ type: "list", path: this.#path.join("/") }, async (link) => {
        for (;;) {
          const message = await link.receive();
          if (message.type === "end") return message;
          entries.push(...message.entries);
        }
      });
      if (asked !== this.#asked) return;
      this.#root = end.root;
      this.#draw(entries, end.more > 0 ? `and ${end.more} more` : entries.length === 0 ? "Nothing is here." : "");
    } catch (error) {
      if (asked === this.#asked) this.#draw([], error.message);
    }
  }

  #draw(entries, note) {
    element("crumbs").replaceChildren(...[this.#root, ...this.#path].map((name, depth) => {
      const crumb = document.createElement("button");
      crumb.type = "button";
      crumb.textContent = name || "/";
      crumb.onclick = () => this.#go(this.#path.slice(0, depth));
      return crumb;
    }));
    const items = entries.map(({ name, folder, size }) => {
      const item = copy("entry-template");
      const button = item.firstElementChild;
      item.querySelector("path").setAttribute("d", folder ? FOLDER : FILE);
      item.querySelector(".name").textContent = name;
      item.querySelector(".size").textContent = folder ? "" : readable(size);
      button.className = folder ? "folder" : "file";
      button.title = folder ? `Open ${name}` : `Download ${name}`;
      button.onclick = () => (folder ? this.#go([...this.#path, name]) : this.#download(name));
      return item;
    });
    if (note) {
      const item = document.createElement("li");
      item.className = "note";
      item.textContent = note;
      items.push(item);
    }
    element("entries").replaceChildren(...items);
  }

  #go(path) {
    this.#path = path;
    this.#list();
  }

  // --- what is on its way ---

  async #download(name) {
    const path = [...this.#path, name].join("/");
    let row;
    let sink;
    try {
      sink = await openSink(name);
      if (!sink) return;
      row = new Row(name, "down");
      const end = await this.#link({ type: "download", path }, (link) => {
        row.oncancel = () => link.close();
        return download(link, sink, (done, size) => row.progress(done, size));
      });
      row.finish(name, end);
    } catch (error) {
      sink?.abort();
      (row ?? new Row(name, "down")).fail(error);
    }
  }

  #uploadAll(files) {
    for (const file of files) {
      const row = new Row(file.name, "up");
      const path = this.#path.join("/");
      let cancelled = false;
      row.oncancel = () => {
        cancelled = true;
        row.fail(new Error("Cancelled."));
      };
      this.#previous = this.#previous.then(() => cancelled || this.#upload(file, path, row));
    }
  }

  async #upload(file, path, row) {
    row.begin();
    try {
      const end = await this.#link({ type: "upload", path, name: file.name }, (link) => {
        row.oncancel = () => link.close();
        return upload(link, file, (done) => row.progress(done, file.size));
      });
      row.finish(end.name, end);
    } catch (error) {
      row.fail(error);
    }
    if (!element("files").hidden) this.#list();
  }

  // Works with a new channel, and closes it.
  async #link(request, work) {
    if (!this.#connection) throw new Error("Not connected.");
    const link = new Link(this.#connection, request);
    this.#links.add(link);
    try {
      return await work(link);
    } finally {
      this.#links.delete(link);
      link.close();
    }
  }
}
