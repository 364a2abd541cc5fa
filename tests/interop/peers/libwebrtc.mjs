// libwebrtc, as npm's @roamhq/wrtc has it.
// SPDX-License-Identifier: BSD-3-Clause
import wrtc from '@roamhq/wrtc';
import { serve } from './serve.mjs';
import { w3c } from './w3c.mjs';

const connect = w3c(wrtc.RTCPeerConnection);

// It says 65535 where the W3C has null.
const orNull = (limit) => (limit === 65535 ? null : limit);

await serve((trickle, tell, configuration) => {
  const connection = connect(trickle, tell, configuration);
  const info = (label) => {
    const { maxRetransmits, maxPacketLifeTime, ...rest } = connection.info(label);
    return { ...rest, maxRetransmits: orNull(maxRetransmits), maxPacketLifeTime: orNull(maxPacketLifeTime) };
  };
  return { ...connection, info };
});
