# SPDX-License-Identifier: BSD-3-Clause
"""Against aiortc itself: each offers to the other. And that its API is ours."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiortc
import pytest

import polyrtc
import polyrtc.sdp

from .support import PATIENCE, Inbox, open_channel, state

pytestmark = pytest.mark.asyncio


def convert(description: Any, for_whom: Any) -> Any:
    module = aiortc if isinstance(for_whom, aiortc.RTCPeerConnection) else polyrtc
    return module.RTCSessionDescription(sdp=description.sdp, type=description.type)


@asynccontextmanager
async def both(offerer: str) -> AsyncIterator[tuple[Any, Any]]:
    """Offerer and answerer."""
    ours = polyrtc.RTCPeerConnection()
    theirs = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
    try:
        yield (ours, theirs) if offerer == "polyrtc" else (theirs, ours)
    finally:
        await ours.close()
        await theirs.close()


offerers = pytest.mark.parametrize("offerer", ["polyrtc", "aiortc"])


@offerers
async def test_messages(offerer: str) -> None:
    async with both(offerer) as (a, b):
        here, there = await open_channel(a, b, convert)
        for source, target in ((here, there), (there, here)):
            inbox = Inbox(target)
            for message in ("", b"", "a", "héllo 🙂", bytes(range(256)), bytes(60_000), "x" * 60_000):
                source.send(message)
                assert await inbox.get() == message


@offerers
@pytest.mark.parametrize(
    "parameters",
    [
        {"ordered": False},
        {"maxRetransmits": 2},
        {"maxPacketLifeTime": 300},
        {"protocol": "p"},
        {"negotiated": True, "id": 100},
    ],
    ids=str,
)
async def test_channel_kinds(offerer: str, parameters: dict[str, Any]) -> None:
    async with both(offerer) as (a, b):
        here, there = await open_channel(a, b, convert, **parameters)
        for name in ("label", "ordered", "maxRetransmits", "maxPacketLifeTime", "protocol", "negotiated", "id"):
            assert getattr(here, name) == getattr(there, name)
        inbox = Inbox(there)
        here.send("there")
        assert await inbox.get() == "there"


@offerers
@pytest.mark.parametrize("closer", [0, 1], ids=["offerer-closes", "answerer-closes"])
async def test_channel_close(offerer: str, closer: int) -> None:
    async with both(offerer) as (a, b):
        ends = await open_channel(a, b, convert)
        ends[closer].close()
        for end in ends:
            await state(end, "readyState", "closed")
        assert a.connectionState == b.connectionState == "connected"


@offerers
async def test_more_channels_from_both_sides(offerer: str) -> None:
    async with both(offerer) as (a, b):
        await open_channel(a, b, convert)
        for source, target in ((a, b), (b, a)):
            announced: asyncio.Queue[Any] = asyncio.Queue()
            target.on("datachannel", announced.put_nowait)
            made = [source.createDataChannel(f"{number}") for number in range(5)]
            async with asyncio.timeout(PATIENCE):
                assert {(await announced.get()).label for _ in made} == {"0", "1", "2", "3", "4"}


@offerers
@pytest.mark.parametrize("closer", ["polyrtc", "aiortc"])
async def test_the_end_is_told(offerer: str, closer: str) -> None:
    async with both(offerer) as (a, b):
        here, there = await open_channel(a, b, convert)
        leaving, left, channel = (a, b, there) if closer == offerer else (b, a, here)
        await leaving.close()
        await state(left, "connectionState", "closed")
        assert channel.readyState == "closed"


# ----------------------------------------------------------------------------------------------------------------- the API


@pytest.mark.parametrize("name", ["RTCPeerConnection", "RTCDataChannel", "RTCSctpTransport"])
async def test_our_classes_have_its_members(name: str) -> None:
    theirs, ours = getattr(aiortc, name), getattr(polyrtc, name)
    missing = {m for m in vars(theirs) if not m.startswith("_")} - {m for m in dir(ours)}
    # what is internal to aiortc, although its names do not say so
    assert missing <= {"State", "is_server", "setTransport", "start", "stop"}


@pytest.mark.parametrize("name", ["createDataChannel", "createOffer", "setLocalDescription", "addIceCandidate", "close"])
async def test_our_methods_take_its_arguments(name: str) -> None:
    theirs = inspect.signature(getattr(aiortc.RTCPeerConnection, name)).parameters
    ours = inspect.signature(getattr(polyrtc.RTCPeerConnection, name)).parameters
    assert list(ours) == list(theirs)
    assert [p.default for p in ours.values()] == [p.default for p in theirs.values()]


@pytest.mark.parametrize(
    "name", ["RTCSessionDescription", "RTCIceCandidate", "RTCIceServer", "RTCConfiguration", "RTCDataChannelParameters"]
)
async def test_our_dictionaries_begin_with_its_members(name: str) -> None:
    theirs = [field.name for field in dataclasses.fields(getattr(aiortc, name))]
    ours = [field.name for field in dataclasses.fields(getattr(polyrtc, name))]
    assert ours[: len(theirs)] == theirs


async def test_candidates_are_written_alike() -> None:
    import aiortc.sdp

    text = "1 1 udp 1694498815 192.0.2.1 5000 typ srflx raddr 10.0.0.1 rport 5001"
    assert polyrtc.sdp.candidate_to_sdp(polyrtc.sdp.candidate_from_sdp(text)) == text
    theirs, ours = aiortc.sdp.candidate_from_sdp(text), polyrtc.sdp.candidate_from_sdp("candidate:" + text)
    assert dataclasses.asdict(theirs).items() <= dataclasses.asdict(ours).items()
    for bad in ("", "candidate:1 1 udp", "1 1 udp x 192.0.2.1 5000 typ host"):
        with pytest.raises(ValueError):
            polyrtc.sdp.candidate_from_sdp(bad)
