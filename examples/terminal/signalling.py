# Signalling over a WebSocket, the side that answers. README.md has the messages; static/signalling.js is the other side.
#
# SPDX-License-Identifier: BSD-3-Clause

import asyncio

from polyrtc import RTCIceCandidate, RTCSessionDescription
from polyrtc.exceptions import PrtcError


async def answer(websocket, connection):
    """Answers every offer that comes over `websocket` (of aiohttp), and exchanges candidates with it as they become known.
    Returns when the WebSocket is closed. Raises ValueError when the other side does not keep to the protocol."""
    found = asyncio.Queue()  # our candidates: they leave after the answer, because a browser refuses them before
    connection.on("icecandidate", found.put_nowait)
    sender = None
    try:
        async for frame in websocket:
            try:
                message = frame.json()
                kind = message["type"]
                if kind == "offer":
                    await connection.setRemoteDescription(RTCSessionDescription(sdp=message["sdp"], type="offer"))
                    await connection.setLocalDescription(await connection.createAnswer())
                    await websocket.send_json({"type": "answer", "sdp": connection.localDescription.sdp})
                    sender = sender or asyncio.create_task(_send_candidates(websocket, found))
                elif kind == "candidate" and sender:
                    await connection.addIceCandidate(RTCIceCandidate.fromJSON(message["candidate"]))
                else:
                    raise ValueError(f"unknown message type {kind!r}, or a candidate before an offer")
            except (KeyError, TypeError, AttributeError, RecursionError, PrtcError) as error:
                raise ValueError(f"bad signalling message: {error!r}") from error
    finally:
        if sender:
            sender.cancel()


async def _send_candidates(websocket, found):
    while True:
        candidate = await found.get()  # None: these were all
        await websocket.send_json({"type": "candidate", "candidate": candidate and candidate.toJSON()})
