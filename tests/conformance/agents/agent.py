# SPDX-License-Identifier: BSD-3-Clause
"""The agent of Python: the package polyrtc under asyncio, by the protocol of ../README.md."""

from __future__ import annotations

import asyncio
import json
import sys
import zlib
from typing import Any

from polyrtc import RTCConfiguration, RTCDataChannel, RTCIceCandidate, RTCPeerConnection, RTCSessionDescription
from polyrtc.errors import EXCEPTIONS, DescriptionSyntaxError, ErrorCode, PrtcError

#: Bytes of a message that are told; of a longer one its size and sum are.
SHORT = 1000

#: From the classes to the W3C's names.
ERRORS = {found: name for name, found in EXCEPTIONS.items()}

CHANNEL_OPTIONS = ("label", "protocol", "ordered", "negotiated", "maxRetransmits", "maxPacketLifeTime", "id")
CHANNEL_STATE = (*CHANNEL_OPTIONS, "readyState", "bufferedAmount", "bufferedAmountLowThreshold")
STATES = ("signalingState", "iceGatheringState", "iceConnectionState", "connectionState", "canTrickleIceCandidates")


def tell(**line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def pattern(kind: str, size: int) -> str | bytes:
    """What ``fill`` stands for; ../runner.py knows it as well."""
    if kind == "text":
        return ("abcdefghijklmnopqrstuvwxyz" * (size // 26 + 1))[:size]
    return (bytes(i * 7 % 256 for i in range(256)) * (size // 256 + 1))[:size]


class Agent:
    """One connection at a time, and its channels by number."""

    def __init__(self) -> None:
        self.connection: RTCPeerConnection
        self.channels: dict[int, RTCDataChannel] = {}

    # ------------------------------------------------------------------------------------------------------ requests

    async def create(self, **configuration: Any) -> None:
        self.channels = {}
        self.connection = connection = RTCPeerConnection(RTCConfiguration(useLoopback=True, **configuration))
        for name in ("signaling", "iceGathering", "iceConnection", "connection"):
            event = name.lower() + "statechange"
            connection.on(event, lambda event=event, name=name + "State": tell(event=event, state=getattr(connection, name)))
        connection.on("icecandidate", self.on_candidate)
        connection.on("negotiationneeded", lambda: tell(event="negotiationneeded"))
        connection.on("failed", lambda error: tell(event="failed", name=error.name))
        connection.on("datachannel", self.on_channel)

    async def createOffer(self) -> dict[str, str]:
        return vars(await self.connection.createOffer())

    async def createAnswer(self) -> dict[str, str]:
        return vars(await self.connection.createAnswer())

    async def setLocalDescription(self, type: str | None = None, sdp: str = "") -> None:
        await self.connection.setLocalDescription(RTCSessionDescription(sdp=sdp, type=type) if type else None)

    async def setRemoteDescription(self, type: str, sdp: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type=type))

    async def localDescription(self) -> dict[str, Any]:
        description = self.connection.localDescription
        return {"type": None} if description is None else vars(description)

    async def addIceCandidate(self, candidate: str | None = None, **more: Any) -> None:
        init = None
        if candidate is not None:
            try:
                init = RTCIceCandidate.fromJSON({"candidate": candidate, **more})
            except ValueError as error:  # as aiortc: there is no class of errors for it
                raise DescriptionSyntaxError(ErrorCode.SYNTAX, "SYNTAX", str(error)) from error
        await self.connection.addIceCandidate(init)

    async def restartIce(self) -> None:
        self.connection.restartIce()

    async def createDataChannel(self, label: str, **options: Any) -> dict[str, int]:
        return {"channel": self.add(self.connection.createDataChannel(label, **options))}

    async def send(self, channel: int, text: str | None = None, kind: str = "text", fill: int = 0) -> None:
        self.channels[channel].send(pattern(kind, fill) if text is None else text)

    async def closeChannel(self, channel: int) -> None:
        self.channels[channel].close()

    async def threshold(self, channel: int, value: int) -> None:
        self.channels[channel].bufferedAmountLowThreshold = value

    async def channel(self, channel: int) -> dict[str, Any]:
        return {name: getattr(self.channels[channel], name) for name in CHANNEL_STATE}

    async def states(self) -> dict[str, Any]:
        return {name: getattr(self.connection, name) for name in STATES}

    async def stats(self) -> dict[str, Any]:
        report = await self.connection.getStats()
        return {"stats": [vars(entry) | {"timestamp": entry.timestamp.timestamp() * 1000} for entry in report.values()]}

    async def close(self) -> None:
        await self.connection.close()

    end = close

    # -------------------------------------------------------------------------------------------------------- events

    def add(self, channel: RTCDataChannel) -> int:
        number = len(self.channels) + 1
        self.channels[number] = channel
        for event in ("open", "bufferedamountlow", "closing", "close"):
            channel.on(event, lambda event=event: tell(event=event, channel=number))
        channel.on("error", lambda error: tell(event="error", channel=number, name=error.name))
        channel.on("message", lambda data: self.on_message(number, data))
        return number

    def on_channel(self, channel: RTCDataChannel) -> None:
        number = self.add(channel)
        options = {name: getattr(channel, name) for name in CHANNEL_OPTIONS}
        tell(event="datachannel", channel=number, **options)

    def on_message(self, number: int, data: str | bytes) -> None:
        kind, whole = ("text", data.encode()) if isinstance(data, str) else ("binary", data)
        short = {"text": data} if kind == "text" and len(whole) <= SHORT else {}
        tell(event="message", channel=number, kind=kind, size=len(whole), sum=zlib.adler32(whole), **short)

    def on_candidate(self, candidate: RTCIceCandidate | None) -> None:
        tell(event="icecandidate", **({"candidate": None} if candidate is None else candidate.toJSON()))


async def answer(agent: Agent, n: int, do: str, **arguments: Any) -> None:
    try:
        tell(n=n, **(await getattr(agent, do)(**arguments) or {}))
    except PrtcError as error:
        tell(n=n, error=ERRORS[type(error)], message=str(error))


async def main() -> None:
    agent, loop = Agent(), asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        await answer(agent, **json.loads(line))


asyncio.run(main())
