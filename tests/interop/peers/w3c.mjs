// A peer (serve.mjs) over anything that has the W3C's RTCPeerConnection.
//
// SPDX-License-Identifier: BSD-3-Clause
import { received, within } from './serve.mjs';

export const w3c = (RTCPeerConnection) => (trickle, tell, configuration) => {
  const connection = new RTCPeerConnection({ iceServers: [], ...configuration });
  const channels = new Map();

  function add(channel, announced) {
    const { label } = channel;
    channels.set(label, channel);
    channel.binaryType = 'arraybuffer';
    let told = false;
    const opened = () => {
      if (told) return;
      told = true;
      tell({ event: 'open', label, announced });
    };
    channel.onopen = opened;
    channel.onmessage = ({ data }) => tell(received(label, data));
    channel.onclose = () => tell({ event: 'closed', label });
    if (channel.readyState === 'open') opened();
  }

  connection.ondatachannel = ({ channel }) => add(channel, true);
  connection.onconnectionstatechange = () => tell({ event: 'state', state: connection.connectionState });
  connection.onicecandidate = ({ candidate }) => {
    if (!trickle) return;
    tell({
      event: 'candidate', candidate: candidate?.candidate ?? '',
      sdpMid: candidate?.sdpMid ?? '0', sdpMLineIndex: candidate?.sdpMLineIndex ?? 0,
    });
  };

  async function apply(description) {
    const gathered = new Promise((resolve) => {
      const look = () => connection.iceGatheringState === 'complete' && resolve();
      if (connection.addEventListener) connection.addEventListener('icegatheringstatechange', look);
      connection.onicegatheringstatechange = look;
      if (connection.iceGatheringStateChange) connection.iceGatheringStateChange.subscribe(look);
    });
    await connection.setLocalDescription(description);
    if (!trickle && connection.iceGatheringState !== 'complete') await within(10, 'gathering', gathered);
    const { type, sdp } = connection.localDescription;
    return { type, sdp };
  }

  return {
    channel({ label, ...init }) { add(connection.createDataChannel(label, init), false); },
    async offer(restart) { return apply(await connection.createOffer({ iceRestart: restart })); },
    async answer(sdp) {
      await connection.setRemoteDescription({ type: 'offer', sdp });
      return apply(await connection.createAnswer());
    },
    accept: (sdp) => connection.setRemoteDescription({ type: 'answer', sdp }),
    candidate: (init) => connection.addIceCandidate(init),
    send: (label, data) => channels.get(label).send(data),
    buffered: (label) => channels.get(label).bufferedAmount,
    info(label) {
      const { id, ordered, maxRetransmits, maxPacketLifeTime, protocol } = channels.get(label);
      return { id, ordered, maxRetransmits, maxPacketLifeTime, protocol };
    },
    closeChannel: (label) => channels.get(label).close(),
    close: () => connection.close(),
  };
};
