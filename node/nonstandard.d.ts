// What the W3C's API has not.
//
// SPDX-License-Identifier: BSD-3-Clause
import type { RTCConfiguration, RTCDataChannel, RTCPeerConnection } from "./index.js";

/** An RTCConfiguration, and what it has not. */
export interface Configuration extends RTCConfiguration {
  /** One UDP port for all connections of this thread that name it (1 to 65535), or ANY_PORT: one that the system chooses. 0: each
   * connection has ports of its own. Two connections that share a port do not connect with each other. */
  udpPort?: number;
  /** The lowest and the highest UDP port to be used. */
  portRange?: [number, number];
  /** Which network interfaces are used: "eth0 wlan*" those alone, "!docker* !veth*" all others. */
  interfaceFilter?: string;
  /** Which local addresses, likewise: "10.0.0.0/8 !10.1.0.0/16", "::/0" for IPv6 alone. */
  addressFilter?: string;
  /** 1:1 NAT: "10.0.0.2=203.0.113.2" the public address in place of the local one, "10.0.0.3+203.0.113.3" beside it; "*=…" any. */
  addressMappings?: string;
  /** Gather loopback addresses too. Without it they serve only when there is no other address. */
  useLoopback?: boolean;
  /** Tell the other side random ".local" names in place of local addresses, as browsers do. */
  hideAddresses?: boolean;
  /** The largest message taken from the other side, in bytes; 0: 256 KiB. NO_LIMIT: none is announced, for messages that are read in
   * parts. */
  maxMessageSize?: number;
  /** Bytes that may wait to be sent over all channels; 0: 16 MiB. Beyond it `send` throws an OperationError. */
  sendQueueSize?: number;
  /** An offer has a section for data channels, whether one has been created or not. */
  alwaysNegotiateDataChannels?: boolean;
  /** ICE over TCP (RFC 6544): "active" by default; "all": the other side may connect to this one, too. */
  tcpCandidates?: "active" | "all" | "none";
  /** User name fragment and password of the first generation, in place of random ones. */
  iceCredentials?: [string, string];
  /** An ICE-lite agent, for hosts with public addresses. */
  iceLite?: boolean;
  /** Milliseconds between new checks, at least 5; 0: 50. */
  icePacing?: number;
  /** Whether pairs may be nominated anew. */
  renomination?: boolean;
  /** Milliseconds without anything from the other side until "disconnected"; 0: 7,000. */
  iceDisconnectTimeout?: number;
  /** Milliseconds without an answer until consent has expired, and the connection failed; 0: 30,000. */
  iceConsentTimeout?: number;
  /** PEM of the certificates that those of turns: servers must lead to; null: the system's. */
  trustAnchors?: string | null;
  /** turns: servers may have any certificate. */
  insecureTls?: boolean;
}

export declare const ANY_PORT: number;
export declare const NO_LIMIT: number;

/** A connection with such a configuration. Its setConfiguration takes the W3C's members; the others stay. */
export declare function createPeerConnection(configuration?: Configuration): RTCPeerConnection;

/** Why the connection failed last: a sentence, and the engine's name of the reason ("ICE_FAILED", "CONSENT_EXPIRED" …). */
export declare function failureOf(connection: RTCPeerConnection): (Error & { reason?: string }) | null;

/** One message that arrives: its parts, strings of a text and Uint8Arrays of anything else. */
export interface IncomingMessage extends ReadableStream<string | Uint8Array> {
  readonly isText: boolean;
}

/**
 * The messages that arrive, of any size, each in parts, in place of "message" events. From this call on: call it at once when
 * "datachannel" tells of a channel. While about a megabyte waits to be read, nothing is taken from the connection.
 */
export declare function messages(channel: RTCDataChannel): ReadableStream<IncomingMessage>;

/** For one message of any size: closing it completes the message, aborting it gives it up. */
export declare function messageWriter(channel: RTCDataChannel, options: { text: true }): WritableStream<string>;
export declare function messageWriter(channel: RTCDataChannel, options?: { text?: false }): WritableStream<ArrayBuffer | ArrayBufferView>;

export type LogLevel = "none" | "error" | "warning" | "info" | "debug" | "trace";

export interface LogLine {
  time: number;
  level: string;
  layer: string;
  peer: number;
  text: string;
}

/**
 * What is seen of the connections whose engine is made from now on: the first connection of a thread makes one. Without
 * arguments: nothing. Each of the files gives away what was sent; they are for the user's eyes alone.
 */
export declare function seeInside(what?: {
  /** TLS secrets in the NSS key log format are added to this file. */
  keyLog?: string | null;
  /** A pcapng file for Wireshark, in which SCTP is decrypted. */
  capture?: string | null;
  /** For `python -m polyrtc replay`. */
  recording?: string | null;
  log?: ((line: LogLine) => void) | null;
  /** Of all layers. */
  level?: LogLevel;
  /** Of some: { ice: "trace" }. */
  layers?: Record<string, LogLevel>;
}): void;
