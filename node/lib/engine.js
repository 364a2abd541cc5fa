// One driver in the event loop of this thread, shared by its peer connections.
//
// The first connection makes the engine, the last one to close takes it away with all its descriptors. Who holds whom: the
// event loop holds the engine, the engine holds the connections that have begun to negotiate (as a browser keeps what is
// alive, also when the page holds it no more), and only weakly those that have not. The process stays while one of them is
// open.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const { Inside } = require('./inside.js');
const native = require('./native.js');
const { exceptionOf } = require('./errors.js');

/** Milliseconds for which a goodbye may take. */
const GOODBYE = 1000;

const engines = new Map(); // UDP port, 0: one for each connection → engine

class Engine {
  static of(udpPort) {
    let engine = engines.get(udpPort);
    if (engine === undefined) engines.set(udpPort, (engine = new Engine(udpPort)));
    return engine;
  }

  #udpPort;
  #loop;
  #tasks = [];
  #connections = new Map(); // peer → WeakRef of its connection
  #held = new Map(); // peer → connection
  #recent = new Set(); // connections to which something may have to be told yet
  #before = new Set();
  #leaving = new Map(); // peer → the timer that ends its goodbye
  #collected = new FinalizationRegistry((peer) => this.task(() => this.#free(peer)));
  #inside;
  closed = false;

  constructor(udpPort) {
    this.#udpPort = udpPort;
    this.#inside = new Inside();
    const { keyLog, captureSize, recordingSize } = this.#inside;
    this.endpoint = native.newDriver(0, keyLog, captureSize, recordingSize, udpPort);
    this.#inside.attach(this.endpoint);
    this.#loop = native.attach(this.endpoint, (...event) => this.#turn(...event));
    this.send = this.#loop.send;
    this.sendPart = this.#loop.sendPart;
    this.buffered = this.#loop.buffered;
    this.schedule = this.#loop.schedule;
  }

  now() {
    return this.endpoint.now();
  }

  /** Calls back in a task of its own, before anything else happens to the endpoint. */
  task(run) {
    if (this.closed) return;
    this.#tasks.push(run);
    this.#loop.schedule();
  }

  // -------------------------------------------------------------------------------------------------------- connections

  add(connection, peer) {
    this.#connections.set(peer, new WeakRef(connection));
    this.#collected.register(connection, peer, connection);
    this.keep(connection);
  }

  /** For who made the engine and could not add a connection. */
  closeIfUnused() {
    if (this.#connections.size === 0) this.#close();
  }

  /** Until what it has caused is told. */
  keep(connection) {
    this.#recent.add(connection);
    this.#loop.schedule();
  }

  /** The connection lives by itself from now on. */
  hold(connection) {
    this.#held.set(connection.peer, connection);
    this.#loop.hold(true);
  }

  /** It has ended: the process need not stay for it. */
  letGo(connection) {
    if (this.#leaving.has(connection.peer)) return;
    this.#held.delete(connection.peer);
    this.#loop.hold(this.#held.size > 0);
  }

  /** The connection was closed: its peer says goodbye, and is freed. */
  leave(connection) {
    const { peer } = connection;
    if (this.closed || !this.#connections.has(peer)) return;
    this.#collected.unregister(connection);
    this.hold(connection);
    this.#leaving.set(
      peer,
      setTimeout(() => this.#free(peer), GOODBYE),
    );
    this.#loop.flush(); // now, if it can be: the program may exit at once
  }

  #free(peer) {
    if (!this.#connections.delete(peer)) return;
    clearTimeout(this.#leaving.get(peer));
    this.#leaving.delete(peer);
    this.#held.delete(peer);
    this.endpoint.freePeer(peer);
    this.#loop.hold(this.#held.size > 0);
    this.#loop.schedule();
    if (this.#connections.size === 0) this.#close();
  }

  #close() {
    if (this.closed) return;
    this.closed = true;
    if (engines.get(this.#udpPort) === this) engines.delete(this.#udpPort);
    for (const timer of this.#leaving.values()) clearTimeout(timer);
    this.#inside.poll();
    this.#inside.close();
    this.#loop.close();
    this.endpoint.close();
    this.#connections.clear();
    this.#held.clear();
    this.#tasks.length = 0;
  }

  // --------------------------------------------------------------------------------------------------------------- turns

  /** A task, or an event; see bindings/node_loop.h. */
  #turn(type, peer, object, data, kind, flags, state, code, text, mid, ufrag, index) {
    if (type === native.EVENT_NONE) return this.#nextTask();
    if (type === native.EVENT_ENDPOINT_FAILED) return this.#fail(exceptionOf(code, text));
    const connection = this.#held.get(peer) ?? this.#connections.get(peer)?.deref();
    if (connection === undefined) return false;
    try {
      if (type === native.EVENT_CHANNEL_MESSAGE) connection.onMessage(object, data, kind, flags);
      else connection.onEvent({ type, object, data, kind, flags, state, code, text, mid, ufrag, index });
    } catch (error) {
      report(error);
    }
    if (type === native.EVENT_CONNECTION_STATE_CHANGE && state === native.CONNECTION_CLOSED && this.#leaving.has(peer)) {
      this.task(() => this.#free(peer)); // not in here: events of this batch may be its own
    }
    return false;
  }

  #nextTask() {
    this.#inside.poll();
    const run = this.#tasks.shift();
    if (run === undefined) {
      [this.#before, this.#recent] = [this.#recent, this.#before];
      this.#recent.clear();
      return false;
    }
    try {
      run();
    } catch (error) {
      report(error);
    }
    return !this.closed;
  }

  /** All connections end with their endpoint. The next one gets an engine of its own. */
  #fail(error) {
    const connections = [...this.#connections.values()].map((weak) => weak.deref());
    this.#close();
    for (const connection of connections) connection?.onEngineFailed(error);
    return false;
  }
}

/** An exception that nobody waits for. */
function report(error) {
  setImmediate(() => {
    throw error;
  });
}

module.exports = { Engine, report };
