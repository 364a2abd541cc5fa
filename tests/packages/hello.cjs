// Two connections in one process: one sends a greeting over a data channel, the other prints it.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const { RTCPeerConnection } = require('polyrtc');

async function main() {
  const [alice, bob] = [new RTCPeerConnection(), new RTCPeerConnection()];
  alice.onicecandidate = ({ candidate }) => bob.addIceCandidate(candidate);
  bob.onicecandidate = ({ candidate }) => alice.addIceCandidate(candidate);
  const received = new Promise((resolve) => {
    bob.ondatachannel = ({ channel }) => (channel.onmessage = ({ data }) => resolve(data));
  });
  const chat = alice.createDataChannel('chat');
  chat.onopen = () => chat.send('hello');
  await alice.setLocalDescription();
  await bob.setRemoteDescription(alice.localDescription);
  await bob.setLocalDescription();
  await alice.setRemoteDescription(bob.localDescription);
  console.log('bob received:', await received);
  alice.close();
  bob.close();
}

main();
