// RTCSctpTransport, RTCDtlsTransport and RTCIceTransport (W3C WebRTC 1.0 sections 5.5, 5.6 and 6.1), to look at.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const { RTCErrorEvent } = require('./errors.js');
const { makeCandidate } = require('./description.js');
const { defineInterface, faceOf } = require('./webidl.js');

const ICE_STATES = ['new', 'checking', 'connected', 'completed', 'disconnected', 'failed', 'closed'];
const DTLS_STATES = ['new', 'connecting', 'connected', 'closed', 'failed'];
const SCTP_STATES = ['connecting', 'connected', 'closed'];
const ROLES = ['unknown', 'controlling', 'controlled'];

class Transport {
  constructor(connection, state) {
    this.connection = connection;
    this.state = state;
  }

  setState(state) {
    if (state === this.state || this.state === 'closed') return;
    this.state = state;
    this.face.dispatchEvent(new Event('statechange'));
  }

  /** With its connection: without an event. */
  close() {
    this.state = 'closed';
  }
}

// ------------------------------------------------------------------------------------------------------------------- ICE

class IceCandidatePair {
  constructor(local, remote) {
    Object.assign(this, { local, remote });
  }
}

const RTCIceCandidatePair = defineInterface('RTCIceCandidatePair', { readonly: ['local', 'remote'] });

/** Of the data section of a description */
function readSection(description) {
  const section = (description?.sdp ?? '').split('\r\nm=').find((one) => one.startsWith('application ')) ?? '';
  const lines = section.split('\r\n').slice(1);
  const valueOf = (name) => lines.find((line) => line.startsWith(`a=${name}:`))?.slice(name.length + 3);
  return {
    candidates: lines.filter((line) => line.startsWith('a=candidate:')).map((line) => line.slice(2)),
    mid: valueOf('mid') ?? null,
    usernameFragment: valueOf('ice-ufrag'),
    password: valueOf('ice-pwd'),
  };
}

class IceTransport extends Transport {
  #local = [];
  #remote = [];
  #pair = null;
  component = 'rtp';
  gatheringState = 'new';

  get role() {
    return ROLES[this.connection.states?.iceRole ?? 0];
  }

  addLocal(candidate) {
    this.#local.push(candidate);
  }

  addRemote(candidate) {
    this.#remote.push(candidate);
  }

  getLocalCandidates() {
    return [...this.#local];
  }

  getRemoteCandidates() {
    const signalled = readSection(this.connection.remoteDescription);
    const made = signalled.candidates
      .filter((candidate) => !this.#remote.some((known) => known.candidate === candidate))
      .map((candidate) =>
        makeCandidate({
          candidate,
          sdpMid: signalled.mid,
          sdpMLineIndex: 0,
          usernameFragment: signalled.usernameFragment ?? null,
        }),
      );
    this.#remote.push(...made);
    return [...this.#remote];
  }

  getLocalParameters() {
    return this.#parameters(this.connection.localDescription);
  }

  getRemoteParameters() {
    return this.#parameters(this.connection.remoteDescription);
  }

  /** Also one that is used before it is nominated, of which no event tells. */
  getSelectedCandidatePair() {
    return this.#pair ?? (this.state === 'connected' ? this.#findPair() : null);
  }

  /** By the statistics */
  #findPair() {
    const { engine, peer } = this.connection;
    const report = new Map(JSON.parse(engine.endpoint.peerStats(peer, engine.now())).map((object) => [object.id, object]));
    const [pair] = [...report.values()]
      .filter(({ type, state }) => type === 'candidate-pair' && state === 'succeeded')
      .sort((one, other) => other.bytesSent - one.bytesSent);
    if (pair === undefined) return null;
    const [local, remote] = [pair.localCandidateId, pair.remoteCandidateId].map((id) => report.get(id));
    return this.#pairOf(`${local.address}:${local.port}`, `${remote.address}:${remote.port}`);
  }

  #pairOf(local, remote) {
    const pair = new IceCandidatePair(find(this.getLocalCandidates(), local), find(this.getRemoteCandidates(), remote));
    return faceOf(RTCIceCandidatePair, pair);
  }

  #parameters(description) {
    const { usernameFragment, password } = readSection(description);
    return usernameFragment === undefined || password === undefined ? null : { usernameFragment, password };
  }

  /** As of the connection: "connected" comes before "completed". */
  setIceState(state) {
    if (state === 'connected' && this.state === 'completed') return;
    if (state === 'completed' && this.state !== 'connected') {
      this.setState('connected');
      this.connection.engine.task(() => this.setState(state));
    } else {
      this.setState(state);
    }
  }

  setGatheringState(state) {
    if (state === this.gatheringState) return;
    this.gatheringState = state;
    this.face.dispatchEvent(new Event('gatheringstatechange'));
  }

  /** "address:port address:port" */
  select(text) {
    this.#pair = this.#pairOf(...text.split(' '));
    this.face.dispatchEvent(new Event('selectedcandidatepairchange'));
  }

  close() {
    super.close();
    this.#pair = null;
  }
}

/** One that was not signalled is peer-reflexive. */
function find(candidates, text) {
  const at = text.lastIndexOf(':');
  const [address, port] = [text.slice(0, at).replace(/^\[(.*?)(%.*)?\]$/, '$1'), Number(text.slice(at + 1))];
  const known = candidates.find((candidate) => candidate.address === address && candidate.port === port);
  return known ?? makeCandidate({ candidate: `candidate:0 1 udp 0 ${address} ${port} typ prflx`, sdpMLineIndex: 0 });
}

const RTCIceTransport = defineInterface('RTCIceTransport', {
  parent: EventTarget,
  readonly: ['role', 'component', 'state', 'gatheringState'],
  methods: {
    getLocalCandidates: [],
    getRemoteCandidates: [],
    getSelectedCandidatePair: [],
    getLocalParameters: [],
    getRemoteParameters: [],
  },
  handlers: ['statechange', 'gatheringstatechange', 'selectedcandidatepairchange'],
});

// ------------------------------------------------------------------------------------------------------------------ DTLS

class DtlsTransport extends Transport {
  #certificates = [];

  constructor(connection) {
    super(connection, 'new');
    this.iceTransport = faceOf(RTCIceTransport, new IceTransport(connection, 'new'));
  }

  getRemoteCertificates() {
    return this.#certificates.map((certificate) => certificate.slice(0));
  }

  setState(state, certificate) {
    if (certificate) this.#certificates = [certificate];
    super.setState(state);
  }

  /** Before the state is set: why it has failed. */
  fail(error) {
    this.face.dispatchEvent(new RTCErrorEvent('error', { error }));
  }
}

const RTCDtlsTransport = defineInterface('RTCDtlsTransport', {
  parent: EventTarget,
  readonly: ['iceTransport', 'state'],
  methods: { getRemoteCertificates: [] },
  handlers: ['statechange', 'error'],
});

// ------------------------------------------------------------------------------------------------------------------ SCTP

class SctpTransport extends Transport {
  maxChannels = null;

  constructor(connection) {
    super(connection, 'connecting');
    this.transport = faceOf(RTCDtlsTransport, new DtlsTransport(connection));
  }

  get maxMessageSize() {
    return this.connection.maxMessageSize;
  }

  setState(state, maxChannels) {
    if (state === 'connected') this.maxChannels = maxChannels || null;
    super.setState(state);
  }
}

const RTCSctpTransport = defineInterface('RTCSctpTransport', {
  parent: EventTarget,
  readonly: ['transport', 'state', 'maxMessageSize', 'maxChannels'],
  handlers: ['statechange'],
});

const makeSctpTransport = (connection) => {
  const transport = new SctpTransport(connection);
  faceOf(RTCSctpTransport, transport);
  return transport;
};

module.exports = {
  DTLS_STATES,
  ICE_STATES,
  RTCDtlsTransport,
  RTCIceCandidatePair,
  RTCIceTransport,
  RTCSctpTransport,
  SCTP_STATES,
  makeSctpTransport,
};
