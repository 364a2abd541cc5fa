// Signalling over a WebSocket, the side that offers. README.md describes the messages; signalling.py is the other side.
//
// SPDX-License-Identifier: BSD-3-Clause

// Negotiates `connection` over a new WebSocket to `url`, and goes on exchanging candidates for as long as that is open.
// Calls `failed` once when the WebSocket is closed or the negotiation fails. Returns a function that closes it silently.
export function offer(connection, url, failed) {
  const socket = new WebSocket(url);
  const end = (reason) => {
    if (!failed) return;
    failed(reason);
    close();
  };
  const close = () => {
    failed = null;
    socket.close();
  };
  const send = (message) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };

  socket.onopen = async () => {
    try {
      connection.onicecandidate = ({ candidate }) => send({ type: "candidate", candidate });
      await connection.setLocalDescription();
      send({ type: "offer", sdp: connection.localDescription.sdp });
    } catch (error) {
      end(error.message);
    }
  };

  let previous = Promise.resolve(); // one message after the other: candidates must not overtake the answer
  socket.onmessage = ({ data }) => {
    previous = previous.then(() => receive(connection, JSON.parse(data))).catch((error) => end(error.message));
  };
  socket.onclose = ({ reason }) => end(reason || "The server has closed the connection, or is not there.");
  return close;
}

async function receive(connection, message) {
  if (message.type === "answer") await connection.setRemoteDescription(message);
  else if (message.type === "candidate") await connection.addIceCandidate(message.candidate ?? undefined);
}
