# SPDX-License-Identifier: BSD-3-Clause
"""aiortc. It gathers within setLocalDescription and has no ICE restart."""

from __future__ import annotations

from typing import Any

import aiortc
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp
from serve import configuration_of, received, serve, tell


class Connection:
    def __init__(self, trickle: bool, configuration: dict[str, Any]) -> None:
        self.pc = RTCPeerConnection(configuration_of(aiortc, configuration))
        self.channels: dict[str, Any] = {}
        self.pc.on("datachannel", lambda channel: self._add(channel, True))
        self.pc.on("connectionstatechange", lambda: tell(event="state", state=self.pc.connectionState))

    def _add(self, channel: Any, announced: bool) -> None:
        self.channels[channel.label] = channel
        channel.on("open", lambda: tell(event="open", label=channel.label, announced=announced))
        channel.on("message", lambda data: received(channel.label, data))
        channel.on("close", lambda: tell(event="closed", label=channel.label))
        if channel.readyState == "open":
            tell(event="open", label=channel.label, announced=announced)

    async def channel(self, **init: Any) -> None:
        self._add(self.pc.createDataChannel(**init), False)

    async def offer(self, restart: bool = False) -> dict[str, str]:
        return await self._apply(await self.pc.createOffer())

    async def answer(self, sdp: str) -> dict[str, str]:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        return await self._apply(await self.pc.createAnswer())

    async def _apply(self, description: Any) -> dict[str, str]:
        await self.pc.setLocalDescription(description)
        return {"type": self.pc.localDescription.type, "sdp": self.pc.localDescription.sdp}

    async def accept(self, sdp: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))

    async def candidate(self, candidate: str, sdpMid: str, sdpMLineIndex: int) -> None:
        parsed = candidate_from_sdp(candidate.partition(":")[2]) if candidate else None
        if parsed is not None:
            parsed.sdpMid, parsed.sdpMLineIndex = sdpMid, sdpMLineIndex
        await self.pc.addIceCandidate(parsed)

    def send(self, label: str, data: str | bytes) -> None:
        self.channels[label].send(data)

    def buffered(self, label: str) -> int:
        return int(self.channels[label].bufferedAmount)

    async def info(self, label: str) -> dict[str, Any]:
        return {
            name: getattr(self.channels[label], name)
            for name in ("id", "ordered", "maxRetransmits", "maxPacketLifeTime", "protocol")
        }

    async def close_channel(self, label: str) -> None:
        self.channels[label].close()

    async def close(self) -> None:
        await self.pc.close()


serve(Connection)
