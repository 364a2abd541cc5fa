// RTCConfiguration (W3C WebRTC 1.0 section 4.2), and what the engine has beyond it.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const { RTCCertificate, pemOf } = require('./certificate.js');
const { check } = require('./errors.js');
const native = require('./native.js');
const {
  DOMString,
  USVString,
  boolean,
  dictionary,
  enforced,
  enumeration,
  instance,
  nullable,
  oneOrMore,
  required,
  sequence,
  withDefault,
} = require('./webidl.js');

const listOf = (type) => (value, context) => [type(value, context)].flat();

const RTCIceServer = dictionary({
  urls: required(listOf(oneOrMore(USVString))),
  username: DOMString,
  credential: DOMString,
});

const RTCConfiguration = dictionary({
  iceServers: withDefault(sequence(RTCIceServer), () => []),
  iceTransportPolicy: withDefault(enumeration('relay', 'all'), 'all'),
  bundlePolicy: withDefault(enumeration('balanced', 'max-compat', 'max-bundle'), 'balanced'),
  rtcpMuxPolicy: withDefault(enumeration('require'), 'require'),
  certificates: withDefault(sequence(instance(() => RTCCertificate)), () => []),
  iceCandidatePoolSize: withDefault(enforced(0, 255), 0),
});

const number = enforced(0, 2 ** 32 - 1);

/** What polyrtc/nonstandard takes beyond it; see there. As names of the engine: portRange and iceCredentials are two each. */
const Beyond = dictionary({
  udpPort: enforced(0, 65536),
  useLoopback: boolean,
  hideAddresses: boolean,
  maxMessageSize: number,
  sendQueueSize: number,
  alwaysNegotiateDataChannels: boolean,
  tcpCandidates: enumeration('active', 'none', 'all'),
  interfaceFilter: DOMString,
  addressFilter: DOMString,
  addressMappings: DOMString,
  portRange: sequence(enforced(0, 65535)),
  iceCredentials: sequence(DOMString),
  iceLite: boolean,
  icePacing: number,
  renomination: boolean,
  iceDisconnectTimeout: number,
  iceConsentTimeout: number,
  trustAnchors: nullable(DOMString),
  insecureTls: boolean,
});

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function* optionsOf({ portRange, iceCredentials, renomination, alwaysNegotiateDataChannels, tcpCandidates, ...others }) {
  if (portRange !== undefined) {
    if (portRange.length !== 2) throw new TypeError('portRange: the lowest and the highest port are needed');
    yield ['port_minimum', portRange[0]];
    yield ['port_maximum', portRange[1]];
  }
  if (iceCredentials !== undefined) {
    if (iceCredentials.length !== 2) throw new TypeError('iceCredentials: user name fragment and password are needed');
    yield ['ice_ufrag', iceCredentials[0]];
    yield ['ice_password', iceCredentials[1]];
  }
  if (renomination !== undefined) yield ['no_renomination', renomination ? 0 : 1];
  if (alwaysNegotiateDataChannels !== undefined) yield ['always_negotiate_data', Number(alwaysNegotiateDataChannels)];
  if (tcpCandidates !== undefined) yield ['tcp_candidates', ['active', 'none', 'all'].indexOf(tcpCandidates)];
  for (const [name, value] of Object.entries(others)) {
    if (value !== null && name !== 'udpPort') yield [snake(name), typeof value === 'boolean' ? Number(value) : value];
  }
}

/** RFC 7064 and RFC 7065; the engine looks closer. */
const SERVER_URL = /^(stuns?:[^/?#@\s]+|turns?:[^/?#@\s]+(\?transport=\w+)?)$/i;
const MOST_SERVERS = 8; // that the engine asks
const MOST_USERNAME = 509; // bytes (RFC 8489 section 14.3 has it one less, and so has the engine)

/** The servers that can be of use: a TURN server cannot with an empty name or credential, which the W3C lets pass. */
function serversOf({ iceServers }) {
  const servers = [];
  for (const { urls, username, credential } of iceServers) {
    if (urls.length === 0) throw new DOMException('an ICE server has no urls', 'SyntaxError');
    const size = Buffer.byteLength(username ?? '');
    for (const url of urls) {
      if (!SERVER_URL.test(url)) throw new DOMException(`${url} is no URL of an ICE server`, 'SyntaxError');
      const isTurn = /^turn/i.test(url);
      if (isTurn && (username === undefined || credential === undefined || size > MOST_USERNAME)) {
        throw new DOMException(
          `${url} needs a username, of at most ${MOST_USERNAME} bytes, and a credential`,
          'InvalidAccessError',
        );
      }
      if (!isTurn || (username !== '' && credential !== '' && size < MOST_USERNAME)) {
        servers.push([url, username ?? '', credential ?? '']);
      }
    }
  }
  return servers.slice(0, MOST_SERVERS);
}

/** Adds to the endpoint's next createPeer or setConfiguration what has no argument there. Throws what is not acceptable. */
function addConfiguration(endpoint, configuration, beyond) {
  try {
    for (const [url, username, credential] of serversOf(configuration)) {
      check(endpoint.addIceServer(url, username, credential), `${url} is no URL of an ICE server`);
    }
    for (const certificate of configuration.certificates) {
      if (certificate.expires <= Date.now()) throw new DOMException('a certificate has expired', 'InvalidAccessError');
      check(endpoint.addCertificate(pemOf(certificate)));
    }
    if (configuration.iceCandidatePoolSize) {
      check(endpoint.addOption('ice_candidate_pool_size', String(configuration.iceCandidatePoolSize)));
    }
    for (const [name, value] of optionsOf(beyond))
      check(endpoint.addOption(name, String(value)), `${name} cannot be ${value}`);
  } catch (error) {
    endpoint.forgetArguments();
    throw error;
  }
}

const policyOf = ({ iceTransportPolicy }) =>
  iceTransportPolicy === 'relay' ? native.ICE_POLICY_RELAY : native.ICE_POLICY_ALL;

/** What getConfiguration gives: a copy that is the caller's. */
function copyOf({ iceServers, certificates, ...others }) {
  const servers = iceServers.map(({ urls, ...server }) => ({ ...server, urls: [...urls] }));
  return { ...others, certificates: [...certificates], iceServers: servers };
}

module.exports = { Beyond, RTCConfiguration, addConfiguration, copyOf, policyOf };
