// The W3C's interfaces, as lib.dom has them; usable without lib.dom, and assignable to its types.
//
// SPDX-License-Identifier: BSD-3-Clause

export type RTCBundlePolicy = "balanced" | "max-bundle" | "max-compat";
export type RTCDataChannelState = "closed" | "closing" | "connecting" | "open";
export type RTCDtlsTransportState = "closed" | "connected" | "connecting" | "failed" | "new";
export type RTCErrorDetailType =
  | "data-channel-failure" | "dtls-failure" | "fingerprint-failure" | "hardware-encoder-error" | "hardware-encoder-not-available"
  | "sctp-failure" | "sdp-syntax-error";
export type RTCIceCandidateType = "host" | "prflx" | "relay" | "srflx";
export type RTCIceComponent = "rtcp" | "rtp";
export type RTCIceConnectionState = "checking" | "closed" | "completed" | "connected" | "disconnected" | "failed" | "new";
export type RTCIceGathererState = "complete" | "gathering" | "new";
export type RTCIceGatheringState = "complete" | "gathering" | "new";
export type RTCIceProtocol = "tcp" | "udp";
export type RTCIceRole = "controlled" | "controlling" | "unknown";
export type RTCIceServerTransportProtocol = "tcp" | "tls" | "udp";
export type RTCIceTcpCandidateType = "active" | "passive" | "so";
export type RTCIceTransportPolicy = "all" | "relay";
export type RTCIceTransportState = "checking" | "closed" | "completed" | "connected" | "disconnected" | "failed" | "new";
export type RTCPeerConnectionState = "closed" | "connected" | "connecting" | "disconnected" | "failed" | "new";
export type RTCRtcpMuxPolicy = "require";
export type RTCSctpTransportState = "closed" | "connected" | "connecting";
export type RTCSdpType = "answer" | "offer" | "pranswer" | "rollback";
export type RTCSignalingState = "closed" | "have-local-offer" | "have-local-pranswer" | "have-remote-offer" | "have-remote-pranswer" | "stable";
export type BinaryType = "arraybuffer" | "blob";

// --------------------------------------------------------------------------------------------------------- dictionaries

export interface RTCIceServer {
  credential?: string;
  urls: string | string[];
  username?: string;
}

export interface RTCConfiguration {
  bundlePolicy?: RTCBundlePolicy;
  certificates?: RTCCertificate[];
  iceCandidatePoolSize?: number;
  iceServers?: RTCIceServer[];
  iceTransportPolicy?: RTCIceTransportPolicy;
  rtcpMuxPolicy?: RTCRtcpMuxPolicy;
}

export interface RTCOfferAnswerOptions {}
export interface RTCAnswerOptions extends RTCOfferAnswerOptions {}
export interface RTCOfferOptions extends RTCOfferAnswerOptions {
  iceRestart?: boolean;
  offerToReceiveAudio?: boolean;
  offerToReceiveVideo?: boolean;
}

export interface RTCSessionDescriptionInit {
  sdp?: string;
  type: RTCSdpType;
}

export interface RTCLocalSessionDescriptionInit {
  sdp?: string;
  type?: RTCSdpType;
}

export interface RTCIceCandidateInit {
  candidate?: string;
  sdpMLineIndex?: number | null;
  sdpMid?: string | null;
  usernameFragment?: string | null;
}

export interface RTCLocalIceCandidateInit extends RTCIceCandidateInit {
  relayProtocol?: RTCIceServerTransportProtocol | null;
  url?: string | null;
}

export interface RTCDataChannelInit {
  id?: number;
  maxPacketLifeTime?: number;
  maxRetransmits?: number;
  negotiated?: boolean;
  ordered?: boolean;
  protocol?: string;
}

export interface RTCDtlsFingerprint {
  algorithm?: string;
  value?: string;
}

export interface RTCIceParameters {
  password?: string;
  usernameFragment?: string;
}

export interface RTCErrorInit {
  errorDetail: RTCErrorDetailType;
  receivedAlert?: number;
  sctpCauseCode?: number;
  sdpLineNumber?: number;
  sentAlert?: number;
}

interface EventInitLike {
  bubbles?: boolean;
  cancelable?: boolean;
  composed?: boolean;
}

export interface RTCDataChannelEventInit extends EventInitLike {
  channel: RTCDataChannel;
}

export interface RTCErrorEventInit extends EventInitLike {
  error: RTCError;
}

export interface RTCPeerConnectionIceEventInit extends EventInitLike {
  candidate?: RTCIceCandidate | null;
  url?: string | null;
}

export interface RTCPeerConnectionIceErrorEventInit extends EventInitLike {
  address?: string | null;
  errorCode: number;
  errorText?: string;
  port?: number | null;
  url?: string;
}

/** What generateCertificate takes: "ECDSA" on P-256, or RSASSA-PKCS1-v1_5 of 2,048 bits with SHA-256. */
export interface KeyAlgorithm {
  name: string;
  namedCurve?: string;
  modulusLength?: number;
  publicExponent?: Uint8Array;
  hash?: string | { name: string };
  /** Milliseconds from now. */
  expires?: number;
}

// --------------------------------------------------------------------------------------------------------------- events

/** Of an on… attribute: `this` is its object, which may be lib.dom's type of it. */
type Handler<E> = ((this: any, ev: E) => any) | null;

/** Of a target whose events are those of Map. */
export interface Listening<Target, EventMap> {
  addEventListener<K extends keyof EventMap>(
    type: K, listener: (this: Target, ev: EventMap[K]) => any, options?: boolean | { capture?: boolean; once?: boolean; passive?: boolean; signal?: AbortSignal },
  ): void;
  addEventListener(
    type: string, listener: ((event: Event) => any) | { handleEvent(event: Event): any } | null,
    options?: boolean | { capture?: boolean; once?: boolean; passive?: boolean; signal?: AbortSignal },
  ): void;
  removeEventListener<K extends keyof EventMap>(type: K, listener: (this: Target, ev: EventMap[K]) => any, options?: boolean | { capture?: boolean }): void;
  removeEventListener(
    type: string, listener: ((event: Event) => any) | { handleEvent(event: Event): any } | null, options?: boolean | { capture?: boolean },
  ): void;
  dispatchEvent(event: Event): boolean;
}

export interface RTCPeerConnectionEventMap {
  connectionstatechange: Event;
  datachannel: RTCDataChannelEvent;
  icecandidate: RTCPeerConnectionIceEvent;
  icecandidateerror: RTCPeerConnectionIceErrorEvent;
  iceconnectionstatechange: Event;
  icegatheringstatechange: Event;
  negotiationneeded: Event;
  signalingstatechange: Event;
}

export interface RTCDataChannelEventMap {
  bufferedamountlow: Event;
  close: Event;
  closing: Event;
  error: RTCErrorEvent;
  message: MessageEvent;
  open: Event;
}

export interface RTCDataChannelEvent extends Event {
  readonly channel: RTCDataChannel;
}
export declare const RTCDataChannelEvent: {
  prototype: RTCDataChannelEvent;
  new (type: string, eventInitDict: RTCDataChannelEventInit): RTCDataChannelEvent;
};

export interface RTCErrorEvent extends Event {
  readonly error: RTCError;
}
export declare const RTCErrorEvent: {
  prototype: RTCErrorEvent;
  new (type: string, eventInitDict: RTCErrorEventInit): RTCErrorEvent;
};

export interface RTCPeerConnectionIceEvent extends Event {
  readonly candidate: RTCIceCandidate | null;
  /** Always there; lib.dom does not know it. */
  readonly url?: string | null;
}
export declare const RTCPeerConnectionIceEvent: {
  prototype: RTCPeerConnectionIceEvent;
  new (type: string, eventInitDict?: RTCPeerConnectionIceEventInit): RTCPeerConnectionIceEvent;
};

export interface RTCPeerConnectionIceErrorEvent extends Event {
  readonly address: string | null;
  readonly errorCode: number;
  readonly errorText: string;
  readonly port: number | null;
  readonly url: string;
}
export declare const RTCPeerConnectionIceErrorEvent: {
  prototype: RTCPeerConnectionIceErrorEvent;
  new (type: string, eventInitDict: RTCPeerConnectionIceErrorEventInit): RTCPeerConnectionIceErrorEvent;
};

// ----------------------------------------------------------------------------------------------------------- interfaces

export interface RTCError extends DOMException {
  readonly errorDetail: RTCErrorDetailType;
  readonly receivedAlert: number | null;
  readonly sctpCauseCode: number | null;
  readonly sdpLineNumber: number | null;
  readonly sentAlert: number | null;
}
export declare const RTCError: {
  prototype: RTCError;
  new (init: RTCErrorInit, message?: string): RTCError;
};

export interface RTCCertificate {
  readonly expires: number;
  getFingerprints(): RTCDtlsFingerprint[];
}
export declare const RTCCertificate: { prototype: RTCCertificate; new (): RTCCertificate };

export interface RTCSessionDescription {
  readonly sdp: string;
  readonly type: RTCSdpType;
  toJSON(): any;
}
export declare const RTCSessionDescription: {
  prototype: RTCSessionDescription;
  new (descriptionInitDict: RTCSessionDescriptionInit): RTCSessionDescription;
};

export interface RTCIceCandidate {
  readonly address: string | null;
  readonly candidate: string;
  readonly component: RTCIceComponent | null;
  readonly foundation: string | null;
  readonly port: number | null;
  readonly priority: number | null;
  readonly protocol: RTCIceProtocol | null;
  readonly relatedAddress: string | null;
  readonly relatedPort: number | null;
  /** Always there, as is `url`; lib.dom does not know them everywhere. */
  readonly relayProtocol?: RTCIceServerTransportProtocol | null;
  readonly sdpMLineIndex: number | null;
  readonly sdpMid: string | null;
  readonly tcpType: RTCIceTcpCandidateType | null;
  readonly type: RTCIceCandidateType | null;
  readonly url?: string | null;
  readonly usernameFragment: string | null;
  toJSON(): RTCIceCandidateInit;
}
export declare const RTCIceCandidate: {
  prototype: RTCIceCandidate;
  new (candidateInitDict?: RTCLocalIceCandidateInit): RTCIceCandidate;
};

export interface RTCIceCandidatePair {
  readonly local: RTCIceCandidate;
  readonly remote: RTCIceCandidate;
}
export declare const RTCIceCandidatePair: { prototype: RTCIceCandidatePair; new (): RTCIceCandidatePair };

export interface RTCIceTransport extends Listening<RTCIceTransport, { gatheringstatechange: Event; selectedcandidatepairchange: Event; statechange: Event }> {
  readonly component: RTCIceComponent;
  readonly gatheringState: RTCIceGathererState;
  readonly role: RTCIceRole;
  readonly state: RTCIceTransportState;
  ongatheringstatechange: Handler<Event>;
  onselectedcandidatepairchange: Handler<Event>;
  onstatechange: Handler<Event>;
  getLocalCandidates(): RTCIceCandidate[];
  getLocalParameters(): RTCIceParameters | null;
  getRemoteCandidates(): RTCIceCandidate[];
  getRemoteParameters(): RTCIceParameters | null;
  getSelectedCandidatePair(): RTCIceCandidatePair | null;
}
export declare const RTCIceTransport: { prototype: RTCIceTransport; new (): RTCIceTransport };

export interface RTCDtlsTransport extends Listening<RTCDtlsTransport, { error: RTCErrorEvent; statechange: Event }> {
  readonly iceTransport: RTCIceTransport;
  readonly state: RTCDtlsTransportState;
  onerror: Handler<RTCErrorEvent>;
  onstatechange: Handler<Event>;
  getRemoteCertificates(): ArrayBuffer[];
}
export declare const RTCDtlsTransport: { prototype: RTCDtlsTransport; new (): RTCDtlsTransport };

export interface RTCSctpTransport extends Listening<RTCSctpTransport, { statechange: Event }> {
  readonly maxChannels: number | null;
  readonly maxMessageSize: number;
  readonly state: RTCSctpTransportState;
  readonly transport: RTCDtlsTransport;
  onstatechange: Handler<Event>;
}
export declare const RTCSctpTransport: { prototype: RTCSctpTransport; new (): RTCSctpTransport };

export interface RTCStatsReport {
  readonly size: number;
  entries(): MapIterator<[string, any]>;
  forEach(callbackfn: (value: any, key: string, parent: RTCStatsReport) => void, thisArg?: any): void;
  get(key: string): any;
  has(key: string): boolean;
  keys(): MapIterator<string>;
  values(): MapIterator<any>;
  [Symbol.iterator](): MapIterator<[string, any]>;
}
export declare const RTCStatsReport: { prototype: RTCStatsReport; new (): RTCStatsReport };

export interface RTCDataChannel extends Listening<RTCDataChannel, RTCDataChannelEventMap> {
  binaryType: BinaryType;
  readonly bufferedAmount: number;
  bufferedAmountLowThreshold: number;
  readonly id: number | null;
  readonly label: string;
  readonly maxPacketLifeTime: number | null;
  readonly maxRetransmits: number | null;
  readonly negotiated: boolean;
  onbufferedamountlow: Handler<Event>;
  onclose: Handler<Event>;
  onclosing: Handler<Event>;
  onerror: Handler<RTCErrorEvent>;
  onmessage: Handler<MessageEvent>;
  onopen: Handler<Event>;
  readonly ordered: boolean;
  readonly protocol: string;
  readonly readyState: RTCDataChannelState;
  close(): void;
  send(data: string): void;
  send(data: Blob): void;
  send(data: ArrayBuffer): void;
  send(data: ArrayBufferView): void;
}
export declare const RTCDataChannel: { prototype: RTCDataChannel; new (): RTCDataChannel };

export interface RTCPeerConnection extends Listening<RTCPeerConnection, RTCPeerConnectionEventMap> {
  readonly canTrickleIceCandidates: boolean | null;
  readonly connectionState: RTCPeerConnectionState;
  readonly currentLocalDescription: RTCSessionDescription | null;
  readonly currentRemoteDescription: RTCSessionDescription | null;
  readonly iceConnectionState: RTCIceConnectionState;
  readonly iceGatheringState: RTCIceGatheringState;
  readonly localDescription: RTCSessionDescription | null;
  onconnectionstatechange: Handler<Event>;
  ondatachannel: Handler<RTCDataChannelEvent>;
  onicecandidate: Handler<RTCPeerConnectionIceEvent>;
  onicecandidateerror: Handler<RTCPeerConnectionIceErrorEvent>;
  oniceconnectionstatechange: Handler<Event>;
  onicegatheringstatechange: Handler<Event>;
  onnegotiationneeded: Handler<Event>;
  onsignalingstatechange: Handler<Event>;
  /** There are no tracks yet: never called. */
  ontrack: ((this: any, ev: any) => any) | null;
  readonly pendingLocalDescription: RTCSessionDescription | null;
  readonly pendingRemoteDescription: RTCSessionDescription | null;
  readonly remoteDescription: RTCSessionDescription | null;
  readonly sctp: RTCSctpTransport | null;
  readonly signalingState: RTCSignalingState;
  addIceCandidate(candidate?: RTCIceCandidateInit | null): Promise<void>;
  /** @deprecated As the other forms with callbacks. */
  addIceCandidate(candidate: RTCIceCandidateInit, successCallback: () => void, failureCallback: (error: DOMException) => void): Promise<void>;
  close(): void;
  createAnswer(options?: RTCAnswerOptions): Promise<RTCSessionDescriptionInit>;
  /** @deprecated */
  createAnswer(successCallback: (description: RTCSessionDescriptionInit) => void, failureCallback: (error: DOMException) => void): Promise<void>;
  createDataChannel(label: string, dataChannelDict?: RTCDataChannelInit): RTCDataChannel;
  createOffer(options?: RTCOfferOptions): Promise<RTCSessionDescriptionInit>;
  /** @deprecated */
  createOffer(
    successCallback: (description: RTCSessionDescriptionInit) => void, failureCallback: (error: DOMException) => void, options?: RTCOfferOptions,
  ): Promise<void>;
  getConfiguration(): RTCConfiguration;
  getStats(selector?: null): Promise<RTCStatsReport>;
  restartIce(): void;
  setConfiguration(configuration?: RTCConfiguration): void;
  setLocalDescription(description?: RTCLocalSessionDescriptionInit): Promise<void>;
  /** @deprecated */
  setLocalDescription(description: RTCLocalSessionDescriptionInit, successCallback: () => void, failureCallback: (error: DOMException) => void): Promise<void>;
  setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void>;
  /** @deprecated */
  setRemoteDescription(description: RTCSessionDescriptionInit, successCallback: () => void, failureCallback: (error: DOMException) => void): Promise<void>;
  /** Empty: there is no media yet. */
  getReceivers(): never[];
  /** Empty: there is no media yet. */
  getSenders(): never[];
  /** Empty: there is no media yet. */
  getTransceivers(): never[];
  /** NotSupportedError: there is no media yet. */
  addTrack(track: any, ...streams: any[]): never;
  /** NotSupportedError: there is no media yet. */
  addTransceiver(trackOrKind: any, init?: any): never;
  /** NotSupportedError: there is no media yet. */
  removeTrack(sender: any): never;
}
export declare const RTCPeerConnection: {
  prototype: RTCPeerConnection;
  new (configuration?: RTCConfiguration): RTCPeerConnection;
  generateCertificate(keygenAlgorithm: string | KeyAlgorithm): Promise<RTCCertificate>;
};
