// Compiled, not run: without lib.dom, as programs for Node are.
//
// SPDX-License-Identifier: BSD-3-Clause
import { RTCPeerConnection, type RTCDataChannel } from "polyrtc";

export function open(pc: RTCPeerConnection): RTCDataChannel {
  const channel = pc.createDataChannel("chat");
  channel.onmessage = ({ data }) => console.log(data);
  channel.onerror = ({ error }) => console.log(error.errorDetail);
  return channel;
}
void open(new RTCPeerConnection());
