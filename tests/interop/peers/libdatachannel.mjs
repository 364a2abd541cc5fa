// libdatachannel, by the API of its own that npm's node-datachannel has.
// SPDX-License-Identifier: BSD-3-Clause
import { initLogger, PeerConnection } from 'node-datachannel';
import { received, serve, within } from './serve.mjs';

function connect(trickle, tell) {
  const connection = new PeerConnection('peer', { iceServers: [], disableAutoNegotiation: true, enableIceTcp: true });
  const channels = new Map();
  let gathered, described;
  const gathering = new Promise((resolve) => { gathered = resolve; });

  function add(channel, announced) {
    const label = channel.getLabel();
    channels.set(label, channel);
    let told = false;
    const opened = () => {
      if (told) return;
      told = true;
      tell({ event: 'open', label, announced });
    };
    channel.onOpen(opened);
    channel.onMessage((data) => tell(received(label, data)));
    channel.onClosed(() => tell({ event: 'closed', label }));
    if (channel.isOpen()) opened();
  }

  connection.onDataChannel((channel) => add(channel, true));
  connection.onStateChange((state) => tell({ event: 'state', state }));
  connection.onLocalDescription((sdp, type) => described?.({ type, sdp }));
  connection.onLocalCandidate((candidate, sdpMid) => {
    if (trickle) tell({ event: 'candidate', candidate, sdpMid, sdpMLineIndex: 0 });
  });
  connection.onGatheringStateChange((state) => {
    if (state !== 'complete') return;
    gathered();
    if (trickle) tell({ event: 'candidate', candidate: '', sdpMid: '0', sdpMLineIndex: 0 });
  });

  async function apply(type) {
    const early = new Promise((resolve) => { described = resolve; });
    connection.setLocalDescription(type);
    const description = await within(10, 'the description', early);
    if (trickle) return description;
    await within(10, 'gathering', gathering);
    const { sdp } = connection.localDescription();
    return { type, sdp };
  }

  return {
    channel({ label, ordered, ...init }) {
      add(connection.createDataChannel(label, { ...init, unordered: ordered === false }), false);
    },
    offer: () => apply('offer'),
    answer(sdp) {
      connection.setRemoteDescription(sdp, 'offer');
      return apply('answer');
    },
    accept(sdp) { connection.setRemoteDescription(sdp, 'answer'); },
    candidate({ candidate, sdpMid }) { if (candidate) connection.addRemoteCandidate(candidate, sdpMid); },
    send(label, data) {
      const channel = channels.get(label);
      if (typeof data === 'string') channel.sendMessage(data); else channel.sendMessageBinary(data);
    },
    buffered: (label) => channels.get(label).bufferedAmount(),
    info(label) {
      const channel = channels.get(label);
      const untold = { ordered: null, maxRetransmits: null, maxPacketLifeTime: null };
      return { id: channel.getId(), protocol: channel.getProtocol(), ...untold };
    },
    closeChannel: (label) => channels.get(label).close(),
    close: () => connection.close(),
  };
}

initLogger('Warning', (level, text) => console.error(`${level}: ${text}`));
await serve(connect);
