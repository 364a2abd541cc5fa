// Compiled, not run: the declarations with `tsc --strict`, with lib.dom.
//
// SPDX-License-Identifier: BSD-3-Clause
import * as polyrtc from "polyrtc";
import { createPeerConnection, messages, messageWriter, seeInside, ANY_PORT } from "polyrtc/nonstandard";
import { Endpoint, events } from "polyrtc/sansio";

// What is written for a browser takes these.
const connection: RTCPeerConnection = new polyrtc.RTCPeerConnection({ iceServers: [{ urls: "stun:stun.example.org" }] });
const Connection: { new (configuration?: RTCConfiguration): RTCPeerConnection } = polyrtc.RTCPeerConnection;
const channel: RTCDataChannel = new polyrtc.RTCPeerConnection().createDataChannel("chat", { ordered: false });
const candidate: RTCIceCandidate = new polyrtc.RTCIceCandidate({ candidate: "", sdpMid: "0" });
const description: RTCSessionDescription = new polyrtc.RTCSessionDescription({ type: "offer", sdp: "" });
const error: RTCError = new polyrtc.RTCError({ errorDetail: "sctp-failure" });

export async function browser(pc: RTCPeerConnection): Promise<RTCStatsReport> {
  pc.ondatachannel = ({ channel }) => { channel.onmessage = ({ data }) => void data; };
  await pc.setLocalDescription(await pc.createOffer());
  return pc.getStats();
}

export async function ours(): Promise<void> {
  const pc = new polyrtc.RTCPeerConnection();
  await browser(pc);
  const made = pc.createDataChannel("x");
  made.addEventListener("message", (event) => { const data: unknown = event.data; void data; });
  made.addEventListener("error", ({ error }) => { const detail: polyrtc.RTCErrorDetailType = error.errorDetail; void detail; });
  pc.onicecandidate = ({ candidate }) => { const init: polyrtc.RTCIceCandidateInit | undefined = candidate?.toJSON(); void init; };
  made.send("text");
  made.send(new Uint8Array(1));
  for (const [id, stats] of await pc.getStats()) void [id, stats];
  const certificate = await polyrtc.RTCPeerConnection.generateCertificate({ name: "ECDSA", namedCurve: "P-256" });
  new polyrtc.RTCPeerConnection({ certificates: [certificate] }).close();
  // @ts-expect-error: a wrong type
  pc.createDataChannel("x", { ordered: "yes" });
}

export async function beyond(): Promise<void> {
  const pc = createPeerConnection({ udpPort: ANY_PORT, interfaceFilter: "eth*", portRange: [1, 2] });
  const stream = pc.createDataChannel("x");
  for await (const message of messages(stream)) for await (const part of message) void part;
  await messageWriter(stream, { text: true }).getWriter().write("text");
  seeInside({ keyLog: "keys", log: ({ layer, text }) => void [layer, text], layers: { ice: "trace" } });
  const endpoint = new Endpoint(new Uint8Array(32), 0, 0, 0, 0, 0, 0, 0);
  for (const event of events(endpoint)) void event.type;
}
void [connection, Connection, channel, candidate, description, error];
