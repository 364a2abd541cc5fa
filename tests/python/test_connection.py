# SPDX-License-Identifier: BSD-3-Clause
"""RTCPeerConnection on real sockets of the loopback interface."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import os
import socket
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

import polyrtc
from polyrtc import (
    InvalidAccessError,
    InvalidStateError,
    RTCConfiguration,
    RTCIceCandidate,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
    engine,
    peerconnection,
)
from polyrtc.exceptions import NotSupportedError, PrtcError
from polyrtc.sansio import EventType

from .support import PATIENCE, Inbox, channels, loopback, negotiate, open_channel, pair, state

pytestmark = pytest.mark.asyncio

CANDIDATE = "candidate:1 1 udp 1 192.0.2.1 9 typ host"


async def test_connect() -> None:
    async with pair() as (a, b):
        seen: dict[str, list[str]] = {}
        for attribute in ("connectionState", "iceConnectionState", "iceGatheringState", "signalingState"):
            seen[attribute] = [getattr(a, attribute)]
            a.on(attribute.lower() + "change", lambda attribute=attribute: seen[attribute].append(getattr(a, attribute)))
        a.createDataChannel("chat")
        await negotiate(a, b)
        await state(a, "connectionState", "connected")
        await state(b, "connectionState", "connected")
        assert seen["signalingState"] == ["stable", "have-local-offer", "stable"]
        assert seen["iceGatheringState"] == ["new", "gathering", "complete"]
        assert seen["connectionState"] == ["new", "connecting", "connected"]
        assert seen["iceConnectionState"][:2] == ["new", "checking"]
        await a.close()
        assert seen["connectionState"][-1] == seen["iceConnectionState"][-1] == seen["signalingState"][-1] == "closed"


async def test_new() -> None:
    async with pair() as (a, _):
        assert (a.connectionState, a.iceConnectionState, a.iceGatheringState) == ("new", "new", "new")
        assert a.signalingState == "stable"
        assert a.localDescription is None and a.remoteDescription is None and a.sctp is None
        assert a.getSenders() == a.getReceivers() == a.getTransceivers() == []


async def test_the_sctp_transport() -> None:
    async with channels() as (a, b, ours, theirs):
        assert a.sctp is not None and ours.transport is a.sctp
        assert (a.sctp.state, a.sctp.transport.state) == ("connected", "connected")
        assert a.sctp.transport.transport.state in ("connected", "completed")
        assert a.sctp.maxMessageSize == 256 * 1024 == a.sctp.getCapabilities().maxMessageSize
        assert a.sctp.maxChannels is not None and a.sctp.maxChannels >= 1024
        assert a.sctp.port == 5000


# --------------------------------------------------------------------------------------------------------------- gathering


async def test_without_a_listener_the_description_has_the_candidates() -> None:
    async with pair() as (a, _):
        a.createDataChannel("chat")
        await a.setLocalDescription()
        assert a.iceGatheringState == "complete"
        assert a.localDescription is not None and a.localDescription.type == "offer"
        assert "a=candidate:" in a.localDescription.sdp


async def test_with_a_listener_it_returns_at_once_and_candidates_follow() -> None:
    async with pair() as (a, b):
        ended = {a: asyncio.Event(), b: asyncio.Event()}
        for source, target in ((a, b), (b, a)):

            async def on_candidate(
                candidate: RTCIceCandidate | None, source: RTCPeerConnection = source, target: RTCPeerConnection = target
            ) -> None:
                if candidate is None:
                    ended[source].set()
                text = json.dumps(candidate and candidate.toJSON())  # as over a signalling channel to a browser
                await answered.wait()
                await target.addIceCandidate(RTCIceCandidate.fromJSON(json.loads(text)))

            source.on("icecandidate", on_candidate)
        answered = asyncio.Event()
        a.createDataChannel("chat")
        await a.setLocalDescription()
        assert a.iceGatheringState == "gathering"
        assert a.localDescription is not None and "a=candidate:" not in a.localDescription.sdp
        await b.setRemoteDescription(a.localDescription)
        await b.setLocalDescription()
        assert b.localDescription is not None
        await a.setRemoteDescription(b.localDescription)
        answered.set()
        await state(a, "connectionState", "connected")
        await state(b, "connectionState", "connected")
        async with asyncio.timeout(PATIENCE):
            await ended[a].wait()
            await ended[b].wait()


async def test_waiting_for_gathering_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A STUN server that does not answer."""
    monkeypatch.setattr(peerconnection, "GATHERING_TIMEOUT", 0.2)
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    server = RTCIceServer(f"stun:127.0.0.1:{silent.getsockname()[1]}")
    with silent:
        async with pair(iceServers=[server]) as (a, _):
            a.createDataChannel("chat")
            await a.setLocalDescription()
            assert a.iceGatheringState == "gathering"
            assert a.localDescription is not None and "a=candidate:" in a.localDescription.sdp


async def test_an_offer_of_nothing_does_not_wait() -> None:
    async with pair() as (a, _):
        async with asyncio.timeout(peerconnection.GATHERING_TIMEOUT / 2):
            await a.setLocalDescription()
        assert a.iceGatheringState == "new"


# ------------------------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize("explicitly", [True, False])
async def test_glare(explicitly: bool) -> None:
    async with pair() as (a, b):
        for connection in (a, b):
            connection.createDataChannel("chat")
            await connection.setLocalDescription()
        assert a.localDescription is not None
        # as in aiortc
        with pytest.raises(InvalidStateError, match='^Cannot handle offer in signaling state "have-local-offer"$'):
            await b.setRemoteDescription(RTCSessionDescription("", "offer"))
        assert b.signalingState == "have-local-offer"
        if explicitly:
            await b.setLocalDescription(RTCSessionDescription("", "rollback"))
            assert b.signalingState == "stable"
        await b.setRemoteDescription(a.localDescription)
        assert b.signalingState == "have-remote-offer"
        await b.setLocalDescription()
        assert b.localDescription is not None
        await a.setRemoteDescription(b.localDescription)
        await state(a, "connectionState", "connected")
        await state(b, "connectionState", "connected")


async def test_wrong_states() -> None:
    async with pair() as (a, b):
        with pytest.raises(InvalidStateError):
            await a.createAnswer()
        a.createDataChannel("chat")
        offer = await a.createOffer()
        with pytest.raises(InvalidStateError):
            await b.setRemoteDescription(RTCSessionDescription(offer.sdp, "answer"))


async def test_candidates_before_the_description_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    """As in aiortc, with a warning; the W3C forbids it."""
    async with pair() as (a, b):
        a.createDataChannel("chat")
        await a.setLocalDescription()
        assert a.localDescription is not None
        lines = a.localDescription.sdp.splitlines(keepends=True)
        candidates = [line[2:].strip() for line in lines if line.startswith("a=candidate:")]
        for text in candidates:
            candidate = RTCIceCandidate.fromJSON({"candidate": text, "sdpMid": "0"})
            await b.addIceCandidate(candidate)
        await b.addIceCandidate(None)
        assert "without remote description" in caplog.text
        bare = "".join(line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates")))
        await b.setRemoteDescription(RTCSessionDescription(bare, "offer"))
        assert b.remoteDescription is not None and b.remoteDescription.sdp.count("a=candidate:") == len(candidates)
        assert b.sctp is not None and b.sctp.mid == "0"
        await b.setLocalDescription()
        assert b.localDescription is not None
        await a.setRemoteDescription(b.localDescription)
        await state(a, "connectionState", "connected")


async def test_a_bad_candidate_before_the_description_keeps_nothing_from_it(caplog: pytest.LogCaptureFixture) -> None:
    async with pair() as (a, b):
        a.createDataChannel("chat")
        await a.setLocalDescription()
        good = polyrtc_candidate()
        for member, value in (("sdpMid", "\0"), ("sdpMid", "\ud800"), ("ip", "nowhere near")):
            await b.addIceCandidate(dataclasses.replace(good, **{member: value}))
        await b.addIceCandidate(dataclasses.replace(good, ip="192.0.2.9"))
        assert a.localDescription is not None
        await b.setRemoteDescription(a.localDescription)
        assert b.signalingState == "have-remote-offer"
        assert b.remoteDescription is not None and "192.0.2.9" in b.remoteDescription.sdp
        assert "is not used" in caplog.text


@pytest.mark.parametrize(
    "init",
    (
        CANDIDATE,
        [1],
        {"candidate": 5},
        {"candidate": CANDIDATE, "sdpMid": 0},
        {"candidate": CANDIDATE, "sdpMid": "0", "usernameFragment": 5},
        {"candidate": CANDIDATE, "sdpMLineIndex": "0"},
        {"candidate": CANDIDATE, "sdpMLineIndex": 0.5},
        {"candidate": CANDIDATE, "sdpMLineIndex": True},
        {"candidate": CANDIDATE, "sdpMLineIndex": -1},
        {"candidate": CANDIDATE, "sdpMLineIndex": 10**30},
    ),
)
async def test_json_that_is_no_candidate_is_a_value_error(init: Any) -> None:
    """It came from the other side: who reads it has one exception to catch."""
    with pytest.raises(ValueError):
        RTCIceCandidate.fromJSON(init)


def polyrtc_candidate() -> RTCIceCandidate:
    candidate = RTCIceCandidate.fromJSON(
        {"candidate": "candidate:1 1 udp 2130706431 127.0.0.1 5000 typ host", "sdpMid": "0", "sdpMLineIndex": 0}
    )
    assert candidate is not None
    return candidate


async def test_bad_sdp_names_line_and_reason() -> None:
    async with pair() as (a, _):
        with pytest.raises(ValueError, match="line 2"):
            await a.setRemoteDescription(RTCSessionDescription("v=0\r\nnonsense\r\n", "offer"))
        assert a.signalingState == "stable"
    with pytest.raises(ValueError):
        RTCSessionDescription("", "bogus")


async def test_a_candidate_without_its_section() -> None:
    async with channels() as (a, b, _, _):
        candidate = polyrtc_candidate()
        candidate.sdpMid = candidate.sdpMLineIndex = None
        with pytest.raises(ValueError):
            await a.addIceCandidate(candidate)


@pytest.mark.parametrize("url", ["", "nonsense", "http://example.org", "stun:", "stun:host:99999"])
async def test_a_bad_server_is_refused_at_once(url: str) -> None:
    with pytest.raises((ValueError, PrtcError)):
        RTCPeerConnection(RTCConfiguration(iceServers=[RTCIceServer(url)]))


async def test_an_offer_of_data_without_a_channel() -> None:
    async with pair(alwaysNegotiateDataChannels=True) as (a, b):
        await negotiate(a, b)
        assert a.sctp is not None
        await state(a, "connectionState", "connected")
        needed: list[bool] = []
        b.on("negotiationneeded", lambda: needed.append(True))
        await state(b.createDataChannel("chat"), "readyState", "open")
        assert not needed


async def test_media_is_not_supported() -> None:
    async with pair() as (a, _):
        with pytest.raises(NotSupportedError, match="media"):
            a.addTrack(object())
        with pytest.raises(NotSupportedError, match="media"):
            a.addTransceiver("audio")


async def test_after_close_everything_is_refused() -> None:
    a = RTCPeerConnection(loopback())
    a.createDataChannel("chat")
    await a.setLocalDescription()
    local = a.localDescription
    await a.close()
    for call in (a.createOffer, a.createAnswer, a.setLocalDescription):
        with pytest.raises(InvalidStateError):
            await call()
    with pytest.raises(InvalidStateError):
        await a.addIceCandidate(None)
    with pytest.raises(InvalidStateError):
        a.createDataChannel("late")
    assert (a.connectionState, a.iceConnectionState, a.signalingState) == ("closed", "closed", "closed")
    assert a.localDescription == local


# ------------------------------------------------------------------------------------------------------------------- close


async def test_close_twice_and_together() -> None:
    async with channels() as (a, _, _, _):
        await asyncio.gather(a.close(), a.close())
        await a.close()
        assert a.connectionState == "closed"


async def test_close_is_noticed_by_the_other_side() -> None:
    async with channels() as (a, b, ours, theirs):
        await a.close()
        await state(theirs, "readyState", "closed")
        await state(b, "connectionState", "closed")  # as aiortc has it
        assert ours.readyState == "closed"


async def test_close_from_a_listener() -> None:
    async with channels() as (a, b, ours, theirs):
        done = asyncio.Event()

        async def on_message(message: str) -> None:
            await b.close()
            done.set()

        theirs.on("message", on_message)
        ours.send("close!")
        async with asyncio.timeout(PATIENCE):
            await done.wait()
        assert b.connectionState == "closed"


@pytest.mark.parametrize("moment", range(12))
async def test_close_at_any_moment(moment: int) -> None:
    a, b = RTCPeerConnection(loopback()), RTCPeerConnection(loopback())
    a.createDataChannel("chat")

    async def negotiation() -> None:
        try:
            await negotiate(a, b)
        except (InvalidStateError, AttributeError):
            pass  # closed meanwhile; a description that was never made

    task = asyncio.create_task(negotiation())
    for _ in range(moment):
        await asyncio.sleep(0)
    await a.close()
    assert a.connectionState == "closed"
    await b.close()
    await task


async def test_close_before_use() -> None:
    a = RTCPeerConnection()
    await a.close()
    assert a.connectionState == a.signalingState == "closed"


# ------------------------------------------------------------------------------------------------------ listeners that raise


async def test_a_listener_that_raises_breaks_nothing() -> None:
    errors: list[BaseException | None] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: errors.append(context.get("exception")))
    async with channels() as (a, b, ours, theirs):

        def bad(message: str) -> None:
            raise ZeroDivisionError(message)

        async def bad_too(message: str) -> None:
            raise KeyError(message)

        theirs.on("message", bad)
        theirs.on("message", bad_too)
        inbox = Inbox(theirs)
        ours.send("one")
        ours.send("two")
        assert [await inbox.get(), await inbox.get()] == ["one", "two"]
        await theirs.wait_for_complete()
        await asyncio.sleep(0)
        assert sum(isinstance(error, ZeroDivisionError) for error in errors) == 2
        assert sum(isinstance(error, KeyError) for error in errors) == 2


async def test_a_listener_that_raises_may_be_heard() -> None:
    async with channels() as (a, b, ours, theirs):
        heard: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        theirs.on("error", heard.set_result)
        theirs.on("message", lambda message: 1 / 0)
        ours.send("x")
        async with asyncio.timeout(PATIENCE):
            assert isinstance(await heard, ZeroDivisionError)


# ------------------------------------------------------------------------------------------------- engines, loops, garbage


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_a_thousand_connections_leak_nothing() -> None:
    await asyncio.sleep(0)
    before = descriptors()
    for round in range(500):
        a, b = RTCPeerConnection(loopback()), RTCPeerConnection(loopback())
        if round % 50 == 0:
            await open_channel(a, b)
        else:
            a.createDataChannel("chat")
            await a.setLocalDescription()
        await a.close()
        await b.close()
    gc.collect()
    assert descriptors() <= before


async def test_peers_that_nobody_closed_are_collected() -> None:
    async with channels():
        before = descriptors()
        for _ in range(50):
            RTCPeerConnection(loopback()).createDataChannel("chat")
        gc.collect()
        await asyncio.sleep(0)
        driver = engine.Engine.of_running_loop().driver
        assert driver.endpoint.stats().peers == 2
        assert descriptors() == before


async def test_a_connection_lives_without_being_held() -> None:
    """As in a browser: what is connected stays, whoever forgets it."""
    async with pair() as (a, _):
        answerer = RTCPeerConnection(loopback())
        weak = weakref.ref(answerer)
        answerer.on("datachannel", lambda channel: channel.on("message", lambda message: channel.send(message + "!")))
        ours, _ = await open_channel(a, answerer)
        del answerer, _
        gc.collect()
        inbox = Inbox(ours)
        ours.send("still there?")
        assert await inbox.get() == "still there?!"
        await a.close()
        living = weak()
        if living is not None:
            await state(living, "connectionState", "closed")


async def test_peers_of_one_loop_share_a_driver() -> None:
    async with channels() as (a, b, _, _):
        assert a._engine is b._engine
        assert a._engine.driver.endpoint.stats().peers == 2


async def test_connections_end_with_their_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    async with channels() as (a, b, ours, theirs):
        failed = a._engine
        seen: list[object] = []
        a.on("failed", lambda failure: seen.append(failure.name))
        a.on("connectionstatechange", lambda: seen.append(a.connectionState))
        again: list[RTCPeerConnection] = []  # in an engine of its own
        b.on("failed", lambda failure: again.append(RTCPeerConnection(loopback())))
        ours.on("close", lambda: seen.append("close"))
        batches = [[(EventType.ENDPOINT_FAILED, -200, 0, 0, 0, 0, 0, 0, None, None, None, None)]]
        for turn in ("_process", "_flush", "_take"):
            monkeypatch.setattr(failed, turn, lambda: batches.pop() if batches else [])
        failed.schedule()
        async with asyncio.timeout(PATIENCE):
            await state(b, "connectionState", "closed")
        assert seen == ["failed", "NO_MEMORY", "closed", "close"]
        assert ours.readyState == theirs.readyState == "closed"
        assert a.connectionState == a.iceConnectionState == a.signalingState == "closed"
        assert a.failure is not None and a.localDescription is not None
        assert failed.closed
        await a.close()
        await again[0].close()
    async with channels() as (c, _, _, _):
        assert c._engine is not failed


async def test_made_outside_of_a_loop() -> None:
    """As aiortc's examples have it: the connection before asyncio.run."""

    def thread() -> None:
        a, b = RTCPeerConnection(loopback()), RTCPeerConnection(loopback())

        async def main() -> None:
            ours, theirs = await open_channel(a, b)
            inbox = Inbox(theirs)
            ours.send("x")
            results.append(await inbox.get())
            await a.close()
            await b.close()

        asyncio.run(main())

    results: list[object] = []
    await asyncio.to_thread(thread)
    assert results == ["x"]


@pytest.mark.parametrize("closing", [True, False], ids=["closed", "left"])
async def test_successive_loops(closing: bool) -> None:
    async def main() -> None:
        a, b = RTCPeerConnection(loopback()), RTCPeerConnection(loopback())
        kept.append(a)
        ours, theirs = await open_channel(a, b)
        inbox = Inbox(theirs)
        ours.send("x")
        assert await inbox.get() == "x"
        if closing:
            await a.close()
            await b.close()

    def thread() -> None:
        before = descriptors()
        for _ in range(5):
            asyncio.run(main())
            gc.collect()
        if kept and not closing:
            asyncio.run(kept[0].close())  # in another loop than its own, which has gone
            assert kept[0].connectionState == "closed"
        kept.clear()
        gc.collect()
        left.append(descriptors() - before)

    kept: list[RTCPeerConnection] = []
    left: list[int] = []
    await asyncio.to_thread(thread)
    assert left == [0]


async def test_loops_in_threads() -> None:
    """A loop each, at the same time."""

    async def main() -> None:
        async with channels() as (_, _, ours, theirs):
            inbox = Inbox(theirs)
            for number in range(100):
                ours.send(f"{number}")
                assert await inbox.get() == f"{number}"
        finished.append(threading.get_ident())

    finished: list[int] = []
    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        await asyncio.to_thread(one.join)
    assert len(finished) == 4


async def test_forty_connections_at_a_time() -> None:
    async def one(number: int) -> None:
        async with channels() as (_, _, ours, theirs):
            inbox = Inbox(theirs)
            ours.send(f"{number}")
            assert await inbox.get() == f"{number}"

    await asyncio.gather(*(one(number) for number in range(20)))


async def test_public_names() -> None:
    header = (Path(__file__).parents[2] / "core/include/polyrtc/types.h").read_text()
    assert f'#define PRTC_VERSION "{polyrtc.__version__}"\n' in header
    assert issubclass(InvalidAccessError, PrtcError)
    for name in polyrtc.__all__:
        assert getattr(polyrtc, name).__doc__
