# SPDX-License-Identifier: BSD-3-Clause
"""polyrtc itself: one side of every test."""

from __future__ import annotations

from typing import Any

from serve import configuration_of, received, serve, tell

import polyrtc
from polyrtc import RTCConfiguration, RTCIceCandidate, RTCPeerConnection, RTCSessionDescription


class Connection:
    def __init__(self, trickle: bool, configuration: dict[str, Any]) -> None:
        # Loopback too: one of the peers has no other address.
        made = configuration_of(polyrtc, configuration) if configuration else RTCConfiguration(useLoopback=True)
        self.pc = RTCPeerConnection(made)
        self.channels: dict[str, Any] = {}
        self.pc.on("datachannel", lambda channel: self._add(channel, True))
        self.pc.on("icecandidateerror", self._on_candidate_error)
        self.pc.on("connectionstatechange", lambda: tell(event="state", state=self.pc.connectionState))
        self.pc.on("iceconnectionstatechange", lambda: tell(event="ice", state=self.pc.iceConnectionState))
        if trickle:
            self.pc.on("icecandidate", self._on_candidate)

    def _on_candidate(self, candidate: RTCIceCandidate | None) -> None:
        if candidate is None:
            tell(event="candidate", candidate="", sdpMid="0", sdpMLineIndex=0)
        else:
            init = candidate.toJSON()
            tell(event="candidate", **{name: init[name] for name in ("candidate", "sdpMid", "sdpMLineIndex")})

    def _on_candidate_error(self, error: Any) -> None:
        tell(event="candidate error", url=error.url, code=error.errorCode, text=error.errorText)

    def _add(self, channel: Any, announced: bool) -> None:
        self.channels[channel.label] = channel
        channel.on("open", lambda: tell(event="open", label=channel.label, announced=announced))
        channel.on("message", lambda data: received(channel.label, data))
        channel.on("close", lambda: tell(event="closed", label=channel.label))

    async def channel(self, **init: Any) -> None:
        self._add(self.pc.createDataChannel(**init), False)

    async def offer(self, restart: bool = False) -> dict[str, str]:
        if restart:
            self.pc.restartIce()
        return await self._apply(await self.pc.createOffer())

    async def answer(self, sdp: str) -> dict[str, str]:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        return await self._apply(await self.pc.createAnswer())

    async def _apply(self, description: RTCSessionDescription) -> dict[str, str]:
        await self.pc.setLocalDescription(description)
        local = self.pc.localDescription
        assert local is not None
        # with trickle, what was known when the description was made: the rest comes by itself
        return {"type": local.type, "sdp": description.sdp if self.pc.listeners("icecandidate") else local.sdp}

    async def accept(self, sdp: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))

    async def candidate(self, candidate: str, sdpMid: str, sdpMLineIndex: int) -> None:
        init = {"candidate": candidate, "sdpMid": sdpMid, "sdpMLineIndex": sdpMLineIndex}
        await self.pc.addIceCandidate(RTCIceCandidate.fromJSON(init))

    def send(self, label: str, data: str | bytes) -> None:
        self.channels[label].send(data)

    def buffered(self, label: str) -> int:
        return int(self.channels[label].bufferedAmount)

    async def info(self, label: str) -> dict[str, Any]:
        return {
            name: getattr(self.channels[label], name)
            for name in ("id", "ordered", "maxRetransmits", "maxPacketLifeTime", "protocol")
        }

    async def route(self) -> dict[str, Any]:
        """The candidates of the selected pair, as the statistics have them."""
        stats = await self.pc.getStats()
        (transport,) = (entry for entry in stats.values() if entry.type == "transport")
        pair = stats[transport.selectedCandidatePairId]
        ends = {"local": pair.localCandidateId, "remote": pair.remoteCandidateId}
        return {end: {**vars(stats[id]), "timestamp": None} for end, id in ends.items()}

    async def close_channel(self, label: str) -> None:
        self.channels[label].close()

    async def close(self) -> None:
        await self.pc.close()


serve(Connection)
