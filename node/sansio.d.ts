// The engine itself: the five verbs of polyrtc/endpoint.h, flat and polled. For simulators and transports of one's own.
//
// SPDX-License-Identifier: BSD-3-Clause

/** A negative code of the engine. */
export declare class PolyrtcError extends Error {
  constructor(code: number, message?: string);
  readonly code: number;
  /** "INVALID_STATE" */
  readonly errorName: string;
}

/** Returns what is not an error, throws what is. */
export declare function check(code: number): number;
export declare function errorName(code: number): string;
export declare function errorText(code: number): string;
export declare function errorClass(code: number): string;
export declare function version(): string;

export interface Datagram {
  socket: number;
  protocol: number;
  interfaceIndex: number;
  local: string;
  remote: string;
  data: Buffer;
  /** Of a train: bytes of each datagram; 0 when there is one. */
  segmentSize: number;
  ecn: number;
}

export interface EngineEvent {
  type: number;
  code: number;
  peer: number;
  object: number;
  state: number;
  kind: number;
  flags: number;
  index: number;
  data: Buffer | null;
  text: string | null;
  mid: string | null;
  ufrag: string | null;
}

export interface EngineRequest {
  type: number;
  id: number;
  socket: number;
  address: string;
  remote: string;
  interfaceIndex: number;
  name: string | null;
}

export interface ChannelInfo {
  label: string;
  protocol: string;
  ordered: boolean;
  maxRetransmits: number | null;
  maxPacketLifeTime: number | null;
  negotiated: boolean;
  streamId: number | null;
  priority: number;
  state: number;
  bufferedAmount: number;
  bufferedAmountLowThreshold: number;
  messagesSent: number;
  bytesSent: number;
  messagesReceived: number;
  bytesReceived: number;
}

/** Times are microseconds of the caller's clock, addresses text ("192.0.2.1:5000", "" for none). Numbers that are negative are errors. */
export declare class Endpoint {
  constructor(
    seed: Uint8Array, now: number, wallClock: number, logLevel: number, keyLog: number, captureSize: number, recordingSize: number, udpPort: number,
  );
  close(): void;
  code(): number;

  receive(now: number, socket: number, local: string, remote: string, data: Uint8Array, segmentSize: number, ecn: number): number;
  transmit(now: number): Datagram | null;
  /** -1: never */
  deadline(): number;
  timeout(now: number): number;
  fetch(): number;
  event(index: number): EngineEvent | null;

  request(): EngineRequest | null;
  addInterface(address: string, index: number, networkType: number, temporary: number, name: string): number;
  addAddress(address: string): number;
  addData(data: Uint8Array): number;
  reply(now: number, id: number, code: number, systemError: number, address: string): number;
  interfacesChanged(now: number): number;
  unreachable(now: number, socket: number, remote: string, systemError: number): number;
  socketClosed(now: number, socket: number, systemError: number): number;

  addIceServer(url: string, username: string, credential: string): number;
  addCertificate(pem: string): number;
  addOption(name: string, value: string): number;
  forgetArguments(): void;
  createPeer(now: number, iceTransportPolicy: number, useLoopback: number, maxMessageSize: number, sendQueueSize: number, mtu: number): number;
  freePeer(peer: number): number;
  closePeer(peer: number, now: number): number;
  peerMessage(peer: number): string;
  createOffer(peer: number, now: number, iceRestart: number): string | null;
  createAnswer(peer: number, now: number): string | null;
  setLocalDescription(peer: number, now: number, type: number, sdp: string): number;
  setRemoteDescription(peer: number, now: number, type: number, sdp: string): number;
  addIceCandidate(peer: number, now: number, candidate: string, mid: string, index: number, ufrag: string): number;
  restartIce(peer: number, now: number): number;
  description(peer: number, which: number): string | null;
  descriptionType(): number;
  peerStats(peer: number, now: number): string | null;

  createDataChannel(
    peer: number, now: number, label: string, protocol: string, ordered: number, maxRetransmits: number, maxPacketLifeTime: number,
    negotiated: number, streamId: number, priority: number,
  ): number;
  sendText(peer: number, now: number, channel: number, text: string): number;
  sendBytes(peer: number, now: number, channel: number, data: Uint8Array): number;
  closeChannel(peer: number, now: number, channel: number): number;
  channelInfo(peer: number, channel: number): ChannelInfo | null;
  setThreshold(peer: number, channel: number, threshold: number): number;

  log(): string | null;
  setLogLevel(layer: string, level: number): number;
  output(which: number): Buffer | null;
}

/** The next events, until there are none; throws when the endpoint has failed. */
export declare function events(endpoint: Endpoint): Generator<EngineEvent>;

export declare class Certificate {
  constructor(seed: Uint8Array);
  generate(keyType: number, wallClock: number, expires: number): number;
  parse(pem: string): number;
  pem(): string | null;
  expires(): number;
  fingerprint(algorithm: string): string | null;
}

/** With sockets and a clock: `now`, `process`, `flush` and `descriptor` are then there, too. */
export declare function newDriver(logLevel: number, keyLog: number, captureSize: number, recordingSize: number, udpPort: number): Endpoint;
export declare function newReplay(recording: Uint8Array, logLevel: number, keyLog: number, captureSize: number): Endpoint;
