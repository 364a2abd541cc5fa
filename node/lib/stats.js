// RTCStatsReport (W3C WebRTC 1.0 section 8), a maplike of the objects of webrtc-stats.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const { DOMString, any, callback, defineInterface, faceOf, optional } = require('./webidl.js');

class StatsReport {
  #objects;

  constructor(objects) {
    this.#objects = new Map(objects.map((object) => [object.id, object]));
  }

  get size() {
    return this.#objects.size;
  }
  entries() {
    return this.#objects.entries();
  }
  keys() {
    return this.#objects.keys();
  }
  values() {
    return this.#objects.values();
  }
  get(id) {
    return this.#objects.get(id);
  }
  has(id) {
    return this.#objects.has(id);
  }

  forEach(call, receiver) {
    for (const [id, object] of this.#objects) Reflect.apply(call, receiver, [object, id, this.face]);
  }
}

const RTCStatsReport = defineInterface('RTCStatsReport', {
  readonly: ['size'],
  methods: {
    entries: [],
    keys: [],
    values: [],
    get: [DOMString],
    has: [DOMString],
    forEach: [callback, optional(any)],
  },
});
Object.defineProperty(RTCStatsReport.prototype, Symbol.iterator, {
  value: RTCStatsReport.prototype.entries,
  writable: true,
  configurable: true,
});

const makeStatsReport = (json) => faceOf(RTCStatsReport, new StatsReport(JSON.parse(json)));

module.exports = { RTCStatsReport, makeStatsReport };
