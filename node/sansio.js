// polyrtc/sansio: the class Endpoint and the constants of the native module, and how its errors are thrown.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const native = require('./lib/native.js');

/** A negative code of the engine: `code`, `errorName` ("INVALID_STATE"), and as `name` what the W3C calls it. */
class PolyrtcError extends Error {
  constructor(code, message) {
    super(message || native.errorText(code));
    this.code = code;
    this.errorName = native.errorName(code);
    this.name = native.errorClass(code);
  }
}

/** Returns what is not an error, throws what is. */
function check(code) {
  if (code < 0) throw new PolyrtcError(code);
  return code;
}

/**
 * The next events of an endpoint, until there are none. One that has failed says so once: it is closed with all its peers, which can do
 * nothing any more, and the error is thrown.
 */
function* events(endpoint) {
  for (let count; (count = check(endpoint.fetch())) > 0;) {
    for (let i = 0; i < count; i++) {
      const event = endpoint.event(i);
      if (event.type === native.EVENT_ENDPOINT_FAILED) {
        endpoint.close();
        throw new PolyrtcError(event.code, event.text);
      }
      yield event;
    }
  }
}

module.exports = Object.assign(native, { PolyrtcError, check, events });
