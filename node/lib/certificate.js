// RTCCertificate and generateCertificate (W3C WebRTC 1.0 section 4.9).
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const { randomBytes } = require('node:crypto');
const { check } = require('./errors.js');
const native = require('./native.js');
const {
  DOMString,
  defineInterface,
  dictionary,
  enforced,
  faceOf,
  implementationOf,
  isObject,
  required,
} = require('./webidl.js');

const DEFAULT_LIFE = 30 * 24 * 3600 * 1000; // what the engine takes, in ms

const notSupported = (text) => new DOMException(text, 'NotSupportedError');

class Certificate {
  #fingerprint;

  constructor(handle) {
    this.pem = handle.pem();
    this.expires = handle.expires();
    this.#fingerprint = handle.fingerprint('sha-256').toLowerCase();
  }

  /** By the digest of the certificate's signature, which is what stands in descriptions. */
  getFingerprints() {
    return [{ algorithm: 'sha-256', value: this.#fingerprint }];
  }
}

const RTCCertificate = defineInterface('RTCCertificate', { readonly: ['expires'], methods: { getFingerprints: [] } });

// ------------------------------------------------------------------------------------------------------------ algorithms

const hashIdentifier = (value, context) => (isObject(value) ? required_(value, context) : DOMString(value, context));
const required_ = (value, context) => dictionary({ name: required(DOMString) })(value, context).name;

const bigInteger = (value, context) => {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${context} is no Uint8Array`);
  return value;
};

// Web Cryptography's RsaHashedKeyGenParams and EcKeyGenParams
const RsaHashedKeyGenParams = dictionary({
  hash: required(hashIdentifier),
  modulusLength: required(enforced(0, 2 ** 32 - 1)),
  publicExponent: required(bigInteger),
});
const EcKeyGenParams = dictionary({ namedCurve: required(DOMString) });
const RTCCertificateExpiration = dictionary({ expires: enforced(0, Number.MAX_SAFE_INTEGER) });

/** The kind of key, of what the W3C asks implementations for. */
function keyTypeOf(algorithm, context) {
  const given = isObject(algorithm) ? algorithm : { name: DOMString(algorithm, context) };
  const name = required_(given, context).toLowerCase();
  if (name === 'ecdsa') {
    const { namedCurve } = EcKeyGenParams(given, context);
    if (namedCurve === 'P-256') return native.KEY_ECDSA_P256;
    throw notSupported(`the curve ${namedCurve} is not supported: P-256 is`);
  }
  if (name === 'rsassa-pkcs1-v1_5') {
    const { hash, modulusLength, publicExponent } = RsaHashedKeyGenParams(given, context);
    const isF4 =
      Buffer.from(publicExponent)
        .toString('hex')
        .replace(/^(00)+/, '') === '010001';
    if (hash.toUpperCase() === 'SHA-256' && modulusLength === 2048 && isF4) return native.KEY_RSA_2048;
    throw notSupported('of RSA, 2,048 bits with the exponent 65537 and SHA-256 are supported');
  }
  throw notSupported(`${name} is not supported: ECDSA and RSASSA-PKCS1-v1_5 are`);
}

async function generateCertificate(algorithm) {
  const context = 'RTCPeerConnection.generateCertificate';
  const keyType = keyTypeOf(algorithm, context);
  const { expires = DEFAULT_LIFE } = RTCCertificateExpiration(isObject(algorithm) ? algorithm : undefined, context);
  const handle = new native.Certificate(randomBytes(32));
  const now = Date.now();
  const until = Math.min(now + expires, 253402300799000); // the end of the year 9999 is the end of X.509's time
  await new Promise((resolve, reject) =>
    native.generateCertificate(handle, keyType, Math.floor(now / 1000), until, (code) => {
      try {
        resolve(check(code));
      } catch (error) {
        reject(error);
      }
    }),
  );
  return faceOf(RTCCertificate, new Certificate(handle));
}

const pemOf = (certificate) => implementationOf(certificate).pem;

module.exports = { RTCCertificate, generateCertificate, pemOf };
