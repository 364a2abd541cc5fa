# SPDX-License-Identifier: BSD-3-Clause
"""ICE over TCP between two connections of one loop."""

from __future__ import annotations

import asyncio

import pytest

from polyrtc import RTCConfiguration, RTCDataChannel, RTCIceCandidate, RTCPeerConnection

from .support import PATIENCE

pytestmark = pytest.mark.asyncio


def carry_tcp(source: RTCPeerConnection, target: RTCPeerConnection) -> None:
    """Tells the other side of TCP candidates alone."""
    tasks = set()

    async def add(candidate: RTCIceCandidate) -> None:
        while target.remoteDescription is None:
            await asyncio.sleep(0)
        await target.addIceCandidate(candidate)

    def on_candidate(candidate: RTCIceCandidate | None) -> None:
        if candidate is not None and candidate.protocol == "tcp":
            task = asyncio.ensure_future(add(candidate))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    source.on("icecandidate", on_candidate)


@pytest.mark.parametrize("kinds", [("all", "all"), (None, "all"), ("all", "active")])
async def test_where_udp_is_blocked(kinds: tuple[str | None, str]) -> None:
    a, b = (RTCPeerConnection(RTCConfiguration(useLoopback=True, tcpCandidates=kind)) for kind in kinds)
    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    carry_tcp(a, b)
    carry_tcp(b, a)
    channel = a.createDataChannel("chat")
    message = bytes(range(256)) * 1000
    channel.on("open", lambda: channel.send(message))

    def on_channel(made: RTCDataChannel) -> None:
        made.on("message", received.set_result)

    b.on("datachannel", on_channel)
    offer = await a.createOffer()
    await a.setLocalDescription(offer)
    await b.setRemoteDescription(offer)  # without candidates, which the local description may have by now
    answer = await b.createAnswer()
    await b.setLocalDescription(answer)
    await a.setRemoteDescription(answer)
    assert await asyncio.wait_for(received, PATIENCE) == message
    stats = await a.getStats()
    local = [each for each in stats.values() if each.type == "local-candidate"]
    assert {each.tcpType for each in local if each.protocol == "tcp"} == ({"active", "passive"} if kinds[0] == "all" else {"active"})
    assert {each.port for each in local if each.protocol == "tcp" and each.tcpType == "active"} == {9}
    await asyncio.gather(a.close(), b.close())


async def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match="active, none, all"):
        RTCPeerConnection(RTCConfiguration(tcpCandidates="some"))
