# SPDX-License-Identifier: BSD-3-Clause
"""libwebrtc, as PyPI's wrtc has it."""

from __future__ import annotations

import asyncio
from typing import Any

import webrtc
from serve import received, serve, tell


class Connection:
    def __init__(self, trickle: bool, configuration: dict[str, Any]) -> None:
        self.trickle = trickle
        self.pc = webrtc.RTCPeerConnection()
        self.channels: dict[str, Any] = {}
        self.gathered = asyncio.Event()
        self.pc.on("datachannel", lambda event: self._add(event.channel, True))
        self.pc.on("connectionstatechange", lambda _: tell(event="state", state=self.pc.connection_state.value))
        self.pc.on("icecandidate", self._on_candidate)
        self.pc.on("icegatheringstatechange", self._on_gathering)

    def _on_candidate(self, event: Any) -> None:
        if not self.trickle:
            return
        if event.candidate is None:
            tell(event="candidate", candidate="", sdpMid="0", sdpMLineIndex=0)
        else:
            c = event.candidate
            tell(event="candidate", candidate=c.candidate, sdpMid=c.sdp_mid, sdpMLineIndex=c.sdp_m_line_index)

    def _on_gathering(self, _: Any) -> None:
        if self.pc.ice_gathering_state == webrtc.RTCIceGatheringState.complete:
            self.gathered.set()
        else:
            self.gathered.clear()

    def _add(self, channel: Any, announced: bool) -> None:
        self.channels[channel.label] = channel
        told: list[None] = []

        def opened(_: Any = None) -> None:
            if not told:
                told.append(None)
                tell(event="open", label=channel.label, announced=announced)

        channel.on("open", opened)
        channel.on("message", lambda event: received(channel.label, event.data))
        channel.on("close", lambda _: tell(event="closed", label=channel.label))

    async def channel(self, label: str, **init: Any) -> None:
        names = {"maxRetransmits": "max_retransmits", "maxPacketLifeTime": "max_packet_life_time"}
        init = {names.get(name, name): value for name, value in init.items()}
        self._add(self.pc.create_data_channel(label, webrtc.RTCDataChannelInit(**init)), False)

    async def offer(self, restart: bool = False) -> dict[str, str]:
        return await self._apply(await self.pc.create_offer(webrtc.RTCOfferOptions(ice_restart=restart)))

    async def answer(self, sdp: str) -> dict[str, str]:
        await self.pc.set_remote_description(webrtc.RTCSessionDescriptionInit("offer", sdp))
        return await self._apply(await self.pc.create_answer())

    async def _apply(self, description: Any) -> dict[str, str]:
        self.gathered.clear()
        await self.pc.set_local_description(description)
        if not self.trickle and self.pc.ice_gathering_state != webrtc.RTCIceGatheringState.complete:
            await asyncio.wait_for(self.gathered.wait(), 10)
        local = self.pc.local_description
        assert local is not None
        return {"type": local.type.value, "sdp": local.sdp}

    async def accept(self, sdp: str) -> None:
        await self.pc.set_remote_description(webrtc.RTCSessionDescriptionInit("answer", sdp))

    async def candidate(self, candidate: str, sdpMid: str, sdpMLineIndex: int) -> None:
        init = webrtc.RTCIceCandidateInit(candidate=candidate, sdp_mid=sdpMid, sdp_m_line_index=sdpMLineIndex)
        await self.pc.add_ice_candidate(init)

    def send(self, label: str, data: str | bytes) -> None:
        self.channels[label].send(data)

    def buffered(self, label: str) -> int:
        return int(self.channels[label].buffered_amount)

    async def info(self, label: str) -> dict[str, Any]:
        c = self.channels[label]
        return {
            "id": c.id,
            "ordered": c.ordered,
            "maxRetransmits": c.max_retransmits,
            "maxPacketLifeTime": c.max_packet_life_time,
            "protocol": c.protocol,
        }

    async def close_channel(self, label: str) -> None:
        self.channels[label].close()

    async def close(self) -> None:
        self.pc.close()


serve(Connection)
