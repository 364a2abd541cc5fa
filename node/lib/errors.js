// RTCError and RTCErrorEvent (W3C WebRTC 1.0 section 11), and the engine's errors as what JavaScript throws.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const native = require('./native.js');
const { DOMString, defineEvent, dictionary, enumeration, integer, required } = require('./webidl.js');

const RTCErrorInit = dictionary({
  errorDetail: required(
    enumeration(
      'data-channel-failure',
      'dtls-failure',
      'fingerprint-failure',
      'sctp-failure',
      'sdp-syntax-error',
      'hardware-encoder-not-available',
      'hardware-encoder-error',
    ),
  ),
  sdpLineNumber: integer(32, true),
  sctpCauseCode: integer(32, true),
  receivedAlert: integer(32),
  sentAlert: integer(32),
});

class RTCError extends DOMException {
  #init;

  constructor(init) {
    if (arguments.length < 1) throw new TypeError('RTCError: 1 argument needed, 0 given');
    const converted = RTCErrorInit(init, 'RTCError: argument 1');
    super(arguments[1] === undefined ? '' : DOMString(arguments[1], 'RTCError: argument 2'), 'OperationError');
    this.#init = converted;
  }

  get errorDetail() {
    return this.#init.errorDetail;
  }
  get sdpLineNumber() {
    return this.#init.sdpLineNumber ?? null;
  }
  get sctpCauseCode() {
    return this.#init.sctpCauseCode ?? null;
  }
  get receivedAlert() {
    return this.#init.receivedAlert ?? null;
  }
  get sentAlert() {
    return this.#init.sentAlert ?? null;
  }
}

for (const name of ['errorDetail', 'sdpLineNumber', 'sctpCauseCode', 'receivedAlert', 'sentAlert']) {
  Object.defineProperty(RTCError.prototype, name, { enumerable: true });
}
Object.defineProperty(RTCError.prototype, Symbol.toStringTag, { value: 'RTCError', configurable: true });

const RTCErrorEvent = defineEvent('RTCErrorEvent', {
  error: required((value, context) => {
    if (!(value instanceof RTCError)) throw new TypeError(`${context} is no RTCError`);
    return value;
  }),
});

/** What is thrown for a code of the engine, under the name that the one table of errors has for it. */
function exceptionOf(code, message) {
  const name = native.errorClass(code);
  const text = message || native.errorText(code);
  return name === 'TypeError' ? new TypeError(text) : new DOMException(text, name);
}

/** A code that is no error, or the exception of it. */
function check(code, message) {
  if (code < 0) throw exceptionOf(code, typeof message === 'function' ? message() : message);
  return code;
}

const invalidState = (text) => new DOMException(text, 'InvalidStateError');

module.exports = { RTCError, RTCErrorEvent, check, exceptionOf, invalidState };
