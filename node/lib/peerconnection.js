// RTCPeerConnection (W3C WebRTC 1.0 section 4.4).
//
// The engine's commands take effect at once. The W3C has them in an operations chain, and lets their effects be seen in tasks:
// so a command waits for its place in the chain, and is carried out in a task of its own, in which what follows from it is
// seen and its promise is resolved.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const { generateCertificate } = require('./certificate.js');
const { Beyond, RTCConfiguration, addConfiguration, copyOf, policyOf } = require('./configuration.js');
const { makeDataChannel } = require('./datachannel.js');
const {
  RTCIceCandidateInit,
  RTCLocalSessionDescriptionInit,
  RTCSessionDescriptionInit,
  makeCandidate,
  makeDescription,
} = require('./description.js');
const { Engine } = require('./engine.js');
const { RTCError, check, exceptionOf, invalidState } = require('./errors.js');
const { RTCDataChannelEvent, RTCPeerConnectionIceErrorEvent, RTCPeerConnectionIceEvent } = require('./events.js');
const native = require('./native.js');
const { makeStatsReport } = require('./stats.js');
const { DTLS_STATES, ICE_STATES, SCTP_STATES, makeSctpTransport } = require('./transports.js');
const {
  DOMString,
  USVString,
  any,
  boolean,
  defineInterface,
  dictionary,
  enforced,
  faceOf,
  implementationOf,
  isObject,
  nullable,
  optional,
  withDefault,
} = require('./webidl.js');

const SEND_QUEUE = 16 * 1024 * 1024; // PRTC_SEND_QUEUE_DEFAULT

const GATHERING_STATES = ['new', 'gathering', 'complete'];
const CONNECTION_STATES = ['new', 'connecting', 'connected', 'disconnected', 'failed', 'closed'];
const SDP_TYPES = {
  offer: native.SDP_OFFER,
  pranswer: native.SDP_PRANSWER,
  answer: native.SDP_ANSWER,
  rollback: native.SDP_ROLLBACK,
};
const TYPE_NAMES = Object.fromEntries(Object.entries(SDP_TYPES).map(([name, number]) => [number, name]));

/** The signaling state after a description of that type has been set. */
const STATE_AFTER = {
  local: { offer: 'have-local-offer', pranswer: 'have-local-pranswer', answer: 'stable', rollback: 'stable' },
  remote: { offer: 'have-remote-offer', pranswer: 'have-remote-pranswer', answer: 'stable', rollback: 'stable' },
};

/** In which one of a type may be set. */
const STATES_BEFORE = {
  local: {
    offer: ['stable', 'have-local-offer'],
    answer: ['have-remote-offer', 'have-local-pranswer'],
    pranswer: ['have-remote-offer', 'have-local-pranswer'],
    rollback: ['have-local-offer', 'have-local-pranswer'],
  },
  remote: {
    offer: ['stable', 'have-remote-offer', 'have-local-offer'], // of the last it is rolled back
    answer: ['have-local-offer', 'have-remote-pranswer'],
    pranswer: ['have-local-offer', 'have-remote-pranswer'],
    rollback: ['have-remote-offer', 'have-remote-pranswer'],
  },
};

const DESCRIPTIONS = {
  currentLocalDescription: native.DESCRIPTION_CURRENT_LOCAL,
  pendingLocalDescription: native.DESCRIPTION_PENDING_LOCAL,
  currentRemoteDescription: native.DESCRIPTION_CURRENT_REMOTE,
  pendingRemoteDescription: native.DESCRIPTION_PENDING_REMOTE,
};

const RTCDataChannelInit = dictionary({
  ordered: withDefault(boolean, true),
  maxPacketLifeTime: enforced(0, 65535),
  maxRetransmits: enforced(0, 65535),
  protocol: withDefault(USVString, ''),
  negotiated: withDefault(boolean, false),
  id: enforced(0, 65535),
});

const RTCOfferOptions = dictionary({
  iceRestart: withDefault(boolean, false),
  offerToReceiveAudio: boolean,
  offerToReceiveVideo: boolean,
});
const RTCAnswerOptions = dictionary({});

const ufragOf = (description) => /\r\na=ice-ufrag:(\S+)/.exec(description?.sdp ?? '')?.[1];

class PeerConnection {
  #configuration;
  #beyond;
  #operations = [];
  #descriptions = {
    currentLocalDescription: null,
    pendingLocalDescription: null,
    currentRemoteDescription: null,
    pendingRemoteDescription: null,
  };
  #stale = new Set(); // local descriptions to which candidates were added
  #states = null;
  #channels = new Map(); // the engine's number → channel
  #sctp = null;
  #transport = 1; // the engine's number, of #sctp
  #left = new Map(); // those whose sections were rejected, until they are closed
  #needsNegotiation = false;
  #full = new Set(); // channels whose readers have enough
  #lastStats = null;
  closed = false;

  failure = null;
  signalingState = 'stable';
  iceGatheringState = 'new';
  iceConnectionState = 'new';
  connectionState = 'new';
  canTrickleIceCandidates = null;

  constructor(configuration, beyond = {}) {
    this.#configuration = configuration;
    this.#beyond = beyond;
    this.engine = Engine.of(beyond.udpPort ?? 0);
    const { endpoint } = this.engine;
    try {
      addConfiguration(endpoint, configuration, beyond);
      this.peer = endpoint.createPeer(this.engine.now(), policyOf(configuration), 0, 0, 0, 0);
      if (this.peer === 0) throw exceptionOf(endpoint.code(), endpoint.peerMessage(0));
    } catch (error) {
      this.engine.closeIfUnused();
      throw error;
    }
    this.engine.add(this, this.peer);
  }

  // -------------------------------------------------------------------------------------------------------- descriptions

  get currentLocalDescription() {
    return this.#description('currentLocalDescription');
  }
  get pendingLocalDescription() {
    return this.#description('pendingLocalDescription');
  }
  get currentRemoteDescription() {
    return this.#description('currentRemoteDescription');
  }
  get pendingRemoteDescription() {
    return this.#description('pendingRemoteDescription');
  }
  get localDescription() {
    return this.pendingLocalDescription ?? this.currentLocalDescription;
  }
  get remoteDescription() {
    return this.pendingRemoteDescription ?? this.currentRemoteDescription;
  }

  /** The same object until it changes. */
  #description(name) {
    if (this.#stale.delete(name)) this.#readDescription(name);
    return this.#descriptions[name];
  }

  #readDescription(name) {
    const { endpoint } = this.engine;
    const sdp = endpoint.description(this.peer, DESCRIPTIONS[name]);
    if (sdp === null) {
      this.#descriptions[name] = null;
      return;
    }
    const type = TYPE_NAMES[endpoint.descriptionType()];
    const before = this.#descriptions[name];
    if (before?.type !== type || before.sdp !== sdp) this.#descriptions[name] = makeDescription({ type, sdp });
  }

  #readDescriptions() {
    this.#stale.clear();
    for (const name of Object.keys(DESCRIPTIONS)) this.#readDescription(name);
  }

  // -------------------------------------------------------------------------------------------------- the operations chain

  /** W3C section 4.4.1.2 */
  #chain(operation) {
    if (this.closed) return Promise.reject(invalidState('the connection is closed'));
    return new Promise((resolve, reject) => {
      const run = () => {
        const next = () => {
          if (this.closed) return;
          this.#operations.shift();
          if (this.#operations.length > 0) this.#operations[0]();
          else if (this.#needsNegotiation) this.#announceNegotiation();
        };
        const result = operation();
        result.then(resolve, reject);
        result.then(next, next);
      };
      if (this.#operations.push(run) === 1) run();
    });
  }

  /** In a task. Once the connection is closed, it never settles. */
  #inTask(run) {
    return new Promise((resolve, reject) => {
      this.engine.task(() => {
        if (this.closed) return;
        try {
          resolve(run());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #check(code) {
    return check(code, () => this.engine.endpoint.peerMessage(this.peer));
  }

  #announceNegotiation() {
    this.engine.task(() => {
      if (this.closed || !this.#needsNegotiation || this.#operations.length > 0) return; // when the chain is empty, again
      this.#needsNegotiation = false;
      if (this.signalingState === 'stable') this.#fire('negotiationneeded');
    });
  }

  // ---------------------------------------------------------------------------------------------------------- negotiation

  createOffer(options) {
    return this.#chain(async () => {
      if (this.signalingState !== 'stable' && this.signalingState !== 'have-local-offer') {
        throw invalidState(`no offer can be made in the state ${this.signalingState}`);
      }
      return this.#inTask(() => {
        const sdp = this.engine.endpoint.createOffer(this.peer, this.engine.now(), Number(options.iceRestart));
        if (sdp === null) this.#check(this.engine.endpoint.code());
        return { type: 'offer', sdp };
      });
    });
  }

  createAnswer() {
    return this.#chain(async () => {
      if (this.signalingState !== 'have-remote-offer' && this.signalingState !== 'have-local-pranswer') {
        throw invalidState(`no answer can be made in the state ${this.signalingState}`);
      }
      return this.#inTask(() => {
        const sdp = this.engine.endpoint.createAnswer(this.peer, this.engine.now());
        if (sdp === null) this.#check(this.engine.endpoint.code());
        return { type: 'answer', sdp };
      });
    });
  }

  setLocalDescription({ type, sdp }) {
    return this.#chain(async () => {
      const implied = ['stable', 'have-local-offer', 'have-remote-pranswer'].includes(this.signalingState)
        ? 'offer'
        : 'answer';
      this.#assertState('local', type ?? implied);
      return this.#inTask(() => this.#apply('local', type ?? implied, sdp));
    });
  }

  setRemoteDescription({ type, sdp }) {
    return this.#chain(async () => {
      this.#assertState('remote', type);
      if (type === 'offer' && this.signalingState === 'have-local-offer')
        await this.#inTask(() => this.#apply('local', 'rollback', ''));
      return this.#inTask(() => this.#apply('remote', type, sdp));
    });
  }

  #assertState(side, type) {
    if (!STATES_BEFORE[side][type].includes(this.signalingState)) {
      throw invalidState(`a ${side} ${type} cannot be set in the state ${this.signalingState}`);
    }
  }

  #apply(side, type, sdp) {
    const { endpoint } = this.engine;
    const set = side === 'local' ? 'setLocalDescription' : 'setRemoteDescription';
    const before = ufragOf(this.localDescription);
    const code = endpoint[set](this.peer, this.engine.now(), SDP_TYPES[type], sdp);
    if (code < 0) throw this.#refusal(code);
    this.#needsNegotiation = false;
    this.#readDescriptions();
    this.#states = endpoint.states(this.peer);
    this.canTrickleIceCandidates = this.#states.canTrickle;
    if (type === 'rollback' && this.remoteDescription === null) this.canTrickleIceCandidates = null;
    if (this.#states.hasSctp) this.#needSctp();
    else if (this.#channels.size === 0 || type === 'rollback') this.#sctp = null; // the offer was rolled back
    if (type !== 'rollback') this.engine.hold(this);
    this.engine.schedule();
    this.#setSignalingState(STATE_AFTER[side][type]);
    // A restart: who waits for "complete" when the description has been set is not to find that of the generation before.
    if (
      this.iceGatheringState === 'complete' &&
      side === 'local' &&
      type !== 'rollback' &&
      ufragOf(this.localDescription) !== before
    ) {
      this.#onGatheringState('gathering');
    }
  }

  #refusal(code) {
    const message = this.engine.endpoint.peerMessage(this.peer);
    if (native.errorName(code) !== 'SYNTAX') return exceptionOf(code, message);
    if (/a=ice-(ufrag|pwd):/.test(message)) return new DOMException(message, 'InvalidAccessError');
    const line = /^line (\d+)/.exec(message);
    return new RTCError({ errorDetail: 'sdp-syntax-error', ...(line ? { sdpLineNumber: Number(line[1]) } : {}) }, message);
  }

  #setSignalingState(state) {
    if (state === this.signalingState) return;
    this.signalingState = state;
    this.#fire('signalingstatechange');
  }

  addIceCandidate(init) {
    const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = init;
    if (candidate !== '' && sdpMid === null && sdpMLineIndex === null) {
      return Promise.reject(new TypeError('addIceCandidate: either sdpMid or sdpMLineIndex is needed'));
    }
    return this.#chain(async () => {
      if (this.remoteDescription === null) throw invalidState('there is no remote description');
      return this.#inTask(() => {
        const { endpoint } = this.engine;
        if (sdpMid === null && sdpMLineIndex === null && usernameFragment !== null && !this.#isKnown(usernameFragment)) {
          throw new DOMException(`the remote description has no ufrag ${usernameFragment}`, 'OperationError');
        }
        const code = endpoint.addIceCandidate(
          this.peer,
          this.engine.now(),
          candidate,
          sdpMid ?? '',
          sdpMid === null ? (sdpMLineIndex ?? -1) : -1,
          usernameFragment ?? '',
        );
        if (code < 0) throw new DOMException(endpoint.peerMessage(this.peer) || native.errorText(code), 'OperationError');
        this.#readDescriptions();
        this.engine.schedule();
      });
    });
  }

  #isKnown(ufrag) {
    const known = [this.pendingRemoteDescription, this.currentRemoteDescription];
    return known.some((description) => description?.sdp.includes(`\r\na=ice-ufrag:${ufrag}\r\n`));
  }

  restartIce() {
    if (this.closed) return;
    this.#check(this.engine.endpoint.restartIce(this.peer, this.engine.now()));
    this.engine.keep(this);
  }

  // -------------------------------------------------------------------------------------------------------- configuration

  getConfiguration() {
    return copyOf(this.#configuration);
  }

  setConfiguration(configuration) {
    if (this.closed) throw invalidState('the connection is closed');
    const old = this.#configuration;
    const same =
      configuration.certificates.length === old.certificates.length &&
      configuration.certificates.every((certificate, index) => certificate === old.certificates[index]);
    if (!same || configuration.bundlePolicy !== old.bundlePolicy || configuration.rtcpMuxPolicy !== old.rtcpMuxPolicy) {
      throw new DOMException('certificates, bundlePolicy and rtcpMuxPolicy cannot be changed', 'InvalidModificationError');
    }
    if (this.localDescription !== null && configuration.iceCandidatePoolSize !== old.iceCandidatePoolSize) {
      throw new DOMException('iceCandidatePoolSize cannot be changed any more', 'InvalidModificationError');
    }
    const { endpoint } = this.engine;
    addConfiguration(endpoint, { ...configuration, certificates: [] }, {});
    this.#check(endpoint.setConfiguration(this.peer, this.engine.now(), policyOf(configuration)));
    this.#configuration = configuration;
    this.engine.keep(this);
  }

  // --------------------------------------------------------------------------------------------------------------- closing

  close() {
    if (this.closed) return;
    const { engine } = this;
    if (!engine.closed) {
      this.#readDescriptions();
      this.#states = engine.endpoint.states(this.peer);
      this.#lastStats = engine.endpoint.peerStats(this.peer, engine.now());
    }
    this.closed = true;
    this.signalingState = 'closed';
    for (const channel of this.#channels.values()) channel.closeSilently();
    this.#channels.clear();
    for (const sctp of [this.#sctp, ...this.#left.values()]) {
      if (sctp === null) continue;
      if (sctp.state !== 'closed') engine.task(() => sctp.face.dispatchEvent(new Event('statechange')));
      sctp.close();
      implementationOf(sctp.transport).close();
      implementationOf(sctp.transport.iceTransport).close();
    }
    this.iceConnectionState = 'closed';
    this.connectionState = 'closed';
    if (!engine.closed) {
      engine.endpoint.closePeer(this.peer, engine.now());
      engine.leave(this);
    }
  }

  // ------------------------------------------------------------------------------------------------------------------ data

  get sctp() {
    return this.#sctp?.face ?? null;
  }

  /** Of the engine; as they were, once the connection is closed. */
  get states() {
    if (!this.closed) this.#states = this.engine.endpoint.states(this.peer);
    return this.#states;
  }

  /** What both sides can: what waits to be sent has a bound here. */
  get maxMessageSize() {
    return Math.min(this.states?.maxMessageSize ?? 65536, this.sendQueueSize);
  }

  get sendQueueSize() {
    return this.#beyond.sendQueueSize || SEND_QUEUE;
  }

  checkSize(size) {
    if (size > this.maxMessageSize)
      throw new TypeError(`${size} bytes are more than a message may have: ${this.maxMessageSize}`);
  }

  createDataChannel(label, init) {
    if (this.closed) throw invalidState('the connection is closed');
    const { protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated, id } = init;
    if (Buffer.byteLength(label) > 65535) throw new TypeError('createDataChannel: the label is longer than 65535 bytes');
    if (Buffer.byteLength(protocol) > 65535)
      throw new TypeError('createDataChannel: the protocol is longer than 65535 bytes');
    if (negotiated && id === undefined) throw new TypeError('createDataChannel: a channel that is negotiated needs an id');
    if (maxRetransmits !== undefined && maxPacketLifeTime !== undefined) {
      throw new TypeError('createDataChannel: either maxRetransmits or maxPacketLifeTime can be given');
    }
    if (negotiated && id === 65535) throw new TypeError('createDataChannel: the id is at most 65534');
    const { endpoint } = this.engine;
    const channel = endpoint.createDataChannel(
      this.peer,
      this.engine.now(),
      label,
      protocol,
      Number(ordered),
      maxRetransmits ?? -1,
      maxPacketLifeTime ?? -1,
      Number(negotiated),
      negotiated ? id : -1,
      0,
    );
    if (channel === 0) {
      const code = endpoint.code();
      // what is left to complain about is an id that is in use, or more than the association has
      throw new DOMException(endpoint.peerMessage(this.peer) || native.errorText(code), 'OperationError');
    }
    this.engine.keep(this);
    return this.#addChannel(channel).face;
  }

  #addChannel(channel) {
    const added = makeDataChannel(this, channel);
    this.#channels.set(channel, added);
    return added;
  }

  forget(channel) {
    this.#channels.delete(channel.channel);
  }

  /** A reader has enough, or wants more: messages are taken while none has enough. */
  pauseMessages(channel, paused) {
    const before = this.#full.size > 0;
    if (paused) this.#full.add(channel);
    else this.#full.delete(channel);
    if (before === this.#full.size > 0 || this.closed) return;
    this.engine.endpoint.pauseMessages(this.peer, Number(paused));
    this.engine.schedule();
  }

  #needSctp() {
    this.#sctp ??= makeSctpTransport(this);
    return this.#sctp;
  }

  #leave() {
    if (this.#sctp !== null) this.#left.set(this.#transport, this.#sctp);
    this.#sctp = null;
    this.#transport++;
  }

  /** Of the engine's number: they count from 1. */
  #transportOf(number) {
    const left = this.#left.get(number);
    if (left !== undefined) return left;
    while (this.#transport < number) this.#leave();
    return this.#needSctp();
  }

  // ----------------------------------------------------------------------------------------------------------------- stats

  async getStats(selector) {
    if (selector !== null) throw new TypeError('getStats: argument 1 is no MediaStreamTrack');
    if (this.closed) {
      await null;
      return makeStatsReport(this.#lastStats ?? '[]');
    }
    return new Promise((resolve) => {
      this.engine.task(() => {
        if (!this.closed) this.#lastStats = this.engine.endpoint.peerStats(this.peer, this.engine.now());
        resolve(makeStatsReport(this.#lastStats ?? '[]'));
      });
    });
  }

  // ---------------------------------------------------------------------------------------------------------------- events

  #fire(type) {
    this.face.dispatchEvent(new Event(type));
  }

  onMessage(channel, data, kind, flags) {
    this.#channels.get(channel)?.onMessage(data, kind, flags);
  }

  onEvent(event) {
    if (this.closed) return;
    const { type, object, state } = event;
    switch (type) {
      case native.EVENT_NEGOTIATION_NEEDED:
        this.#needsNegotiation = true;
        if (this.#operations.length === 0) this.#announceNegotiation();
        return;
      case native.EVENT_SIGNALING_STATE_CHANGE:
        return; // seen when the description was set
      case native.EVENT_ICE_CANDIDATE:
        this.#onCandidate(event);
        return;
      case native.EVENT_ICE_GATHERING_STATE_CHANGE:
        this.#onGatheringState(GATHERING_STATES[state]);
        return;
      case native.EVENT_ICE_CONNECTION_STATE_CHANGE:
        this.#onIceState(ICE_STATES[state]);
        return;
      case native.EVENT_CONNECTION_STATE_CHANGE:
        this.#onConnectionState(CONNECTION_STATES[state]);
        return;
      case native.EVENT_ICE_CANDIDATE_ERROR: {
        const [url, ...words] = event.text.split(' ');
        const init = { url, errorCode: event.code, errorText: words.join(' '), address: null, port: null };
        this.face.dispatchEvent(new RTCPeerConnectionIceErrorEvent('icecandidateerror', init));
        return;
      }
      case native.EVENT_FAILED:
        this.failure = exceptionOf(event.code, event.text);
        this.failure.reason = native.errorName(event.code);
        return;
      case native.EVENT_DATA_CHANNEL:
        this.#onDataChannel(object);
        return;
      default:
        if (this.#channels.has(object) && type >= native.EVENT_CHANNEL_OPEN && type <= native.EVENT_CHANNEL_CLOSED) {
          this.#channels.get(object).onEvent(event);
        } else if (type >= native.EVENT_ICE_TRANSPORT_STATE_CHANGE && type <= native.EVENT_SCTP_TRANSPORT_STATE_CHANGE) {
          this.#onTransport(event);
        }
    }
  }

  #onDataChannel(number) {
    const channel = this.#addChannel(number);
    channel.announce();
    this.face.dispatchEvent(new RTCDataChannelEvent('datachannel', { channel: channel.face }));
  }

  #onCandidate({ text, mid, index, ufrag }) {
    let candidate = null;
    if (text !== null) {
      for (const name of ['currentLocalDescription', 'pendingLocalDescription']) this.#stale.add(name);
      candidate = makeCandidate({ candidate: text, sdpMid: mid, sdpMLineIndex: index, usernameFragment: ufrag });
      if (text !== '' && this.#sctp !== null) implementationOf(this.#sctp.transport.iceTransport).addLocal(candidate);
    }
    this.face.dispatchEvent(new RTCPeerConnectionIceEvent('icecandidate', { candidate }));
  }

  #onGatheringState(state) {
    if (state === this.iceGatheringState || this.closed) return;
    this.iceGatheringState = state;
    if (this.#sctp !== null) implementationOf(this.#sctp.transport.iceTransport).setGatheringState(state);
    if (!this.closed) this.#fire('icegatheringstatechange');
  }

  /** The engine may find "completed" at once. Programs wait for "connected", which in browsers it always comes after. */
  #onIceState(state) {
    if (state === this.iceConnectionState || this.closed) return;
    if (state === 'connected' && this.iceConnectionState === 'completed') return;
    if (state === 'completed' && this.iceConnectionState !== 'connected') {
      this.#onIceState('connected');
      this.engine.task(() => this.#onIceState(state));
      return;
    }
    this.iceConnectionState = state;
    this.#fire('iceconnectionstatechange');
  }

  #onConnectionState(state) {
    if (state === this.connectionState) return;
    this.connectionState = state;
    if (state === 'failed' || state === 'closed') this.engine.letGo(this);
    else this.engine.hold(this);
    this.#fire('connectionstatechange');
  }

  #onTransport({ type, object, state, text }) {
    const sctp = this.#transportOf(object);
    const dtls = implementationOf(sctp.transport);
    const ice = implementationOf(dtls.iceTransport);
    switch (type) {
      case native.EVENT_ICE_TRANSPORT_STATE_CHANGE:
        ice.setIceState(ICE_STATES[state]);
        if (ICE_STATES[state] === 'closed' && object === this.#transport && !this.closed) this.#leave(); // its section was rejected
        return;
      case native.EVENT_ICE_SELECTED_PAIR_CHANGE:
        ice.select(text);
        return;
      case native.EVENT_DTLS_TRANSPORT_STATE_CHANGE: {
        const name = DTLS_STATES[state];
        if (name === 'connected') this.#onUsable(ice);
        const certificate = name === 'connected' ? this.engine.endpoint.remoteCertificate(this.peer) : null;
        if (name === 'failed') dtls.fail(new RTCError({ errorDetail: 'dtls-failure' }, this.failure?.message ?? ''));
        if (name === 'closed') this.#onGoodbye();
        dtls.setState(name, certificate && new Uint8Array(certificate).buffer);
        if (name === 'connected') this.#onConnectionState('connected');
        return;
      }
      case native.EVENT_SCTP_TRANSPORT_STATE_CHANGE: {
        sctp.setState(SCTP_STATES[state], this.states.maxChannels);
      }
    }
  }

  /** DTLS goes over a pair that works before one is nominated: ICE is connected, as the W3C has it. */
  #onUsable(ice) {
    if (ice.state === 'new' || ice.state === 'checking') ice.setState('connected');
    if (this.iceConnectionState === 'new' || this.iceConnectionState === 'checking') this.#onIceState('connected');
  }

  /** Nothing more comes from the other side: the process need not stay for this. */
  #onGoodbye() {
    this.engine.letGo(this);
  }

  onEngineFailed(error) {
    this.failure = error;
    if (this.closed) return;
    const channels = [...this.#channels.values()];
    this.close();
    for (const channel of channels) channel.face.dispatchEvent(new Event('close'));
  }
}

// --------------------------------------------------------------------------------------------------------------- interface

const mediaIsMissing = () => {
  throw new DOMException('polyrtc has no media yet', 'NotSupportedError');
};

Object.assign(PeerConnection.prototype, {
  getSenders: () => [],
  getReceivers: () => [],
  getTransceivers: () => [],
  addTrack: mediaIsMissing,
  removeTrack: mediaIsMissing,
  addTransceiver: mediaIsMissing,
});

const RTCPeerConnection = defineInterface('RTCPeerConnection', {
  parent: EventTarget,
  constructs: [optional(RTCConfiguration, () => ({}))],
  make: (configuration) => new PeerConnection(configuration),
  readonly: [
    'localDescription',
    'currentLocalDescription',
    'pendingLocalDescription',
    'remoteDescription',
    'currentRemoteDescription',
    'pendingRemoteDescription',
    'signalingState',
    'iceGatheringState',
    'iceConnectionState',
    'connectionState',
    'canTrickleIceCandidates',
    'sctp',
  ],
  methods: {
    restartIce: [],
    getConfiguration: [],
    setConfiguration: [optional(RTCConfiguration, () => ({}))],
    close: [],
    getSenders: [],
    getReceivers: [],
    getTransceivers: [],
    addTrack: [any],
    removeTrack: [any],
    addTransceiver: [any],
    createDataChannel: [USVString, optional(RTCDataChannelInit, () => ({}))],
  },
  promises: {
    createOffer: [optional(RTCOfferOptions, () => ({}))],
    createAnswer: [optional(RTCAnswerOptions, () => ({}))],
    setLocalDescription: [optional(RTCLocalSessionDescriptionInit, () => ({}))],
    setRemoteDescription: [RTCSessionDescriptionInit],
    addIceCandidate: [optional(RTCIceCandidateInit, () => ({}))],
    getStats: [optional(nullable(any), () => null)],
  },
  withCallbacks: { createOffer: 0, createAnswer: 0, setLocalDescription: 1, setRemoteDescription: 1, addIceCandidate: 1 },
  statics: {
    generateCertificate: {
      types: [(value, context) => (isObject(value) ? value : DOMString(value, context))],
      call: generateCertificate,
    },
  },
  handlers: [
    'negotiationneeded',
    'icecandidate',
    'icecandidateerror',
    'signalingstatechange',
    'iceconnectionstatechange',
    'icegatheringstatechange',
    'connectionstatechange',
    'track',
    'datachannel',
  ],
});

/** With members beyond the W3C's: polyrtc/nonstandard. */
const makePeerConnection = (configuration) => {
  const context = 'createPeerConnection: argument 1';
  return faceOf(
    RTCPeerConnection,
    new PeerConnection(RTCConfiguration(configuration, context), Beyond(configuration, context)),
  );
};

module.exports = { RTCPeerConnection, makePeerConnection };
