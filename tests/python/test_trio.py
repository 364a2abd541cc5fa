# SPDX-License-Identifier: BSD-3-Clause
"""The package under trio: the same objects, detected without a word."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio

from polyrtc import (
    NO_LIMIT,
    InvalidStateError,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceGatherer,
    RTCPeerConnection,
    engine,
)
from polyrtc.driver import Driver

from .support import PATIENCE, loopback


def in_trio(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Runs a test in trio. Nothing is left open."""

    async def within_patience() -> None:
        with trio.fail_after(PATIENCE):
            await test()

    def run() -> None:
        before = set(os.listdir("/proc/self/fd"))
        trio.run(within_patience)
        gc.collect()
        assert set(os.listdir("/proc/self/fd")) <= before

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def negotiate(offerer: RTCPeerConnection, answerer: RTCPeerConnection) -> None:
    await offerer.setLocalDescription(await offerer.createOffer())
    await answerer.setRemoteDescription(offerer.localDescription)
    await answerer.setLocalDescription(await answerer.createAnswer())
    await offerer.setRemoteDescription(answerer.localDescription)


async def event(emitter: Any, name: str) -> Any:
    """Waits for the next one."""
    happened, told = trio.Event(), []
    emitter.once(name, lambda *args: (told.extend(args), happened.set()))
    await happened.wait()
    return told[0] if told else None


@asynccontextmanager
async def channels(
    configuration: RTCConfiguration | None = None,
) -> AsyncIterator[tuple[RTCPeerConnection, RTCPeerConnection, RTCDataChannel, RTCDataChannel]]:
    """Two connections and a channel between them, with both of its ends open."""
    a, b = RTCPeerConnection(configuration or loopback()), RTCPeerConnection(configuration or loopback())
    ours = a.createDataChannel("chat")
    theirs: list[RTCDataChannel] = []
    b.on("datachannel", theirs.append)
    try:
        await negotiate(a, b)
        if ours.readyState != "open":
            await event(ours, "open")
        while not theirs:
            await event(b, "datachannel")
        for connection in (a, b):  # data may go over the first pair that works, before ICE has chosen one
            while connection.connectionState != "connected":
                await event(connection, "connectionstatechange")
        yield a, b, ours, theirs[0]
    finally:
        with trio.CancelScope(shield=True):
            await a.close()
            await b.close()


@in_trio
async def test_messages_both_ways() -> None:
    async with channels() as (a, b, ours, theirs):
        send, receive = trio.open_memory_channel[Any](10)
        theirs.on("message", send.send_nowait)
        ours.on("message", send.send_nowait)
        ours.send("hello")
        assert await receive.receive() == "hello"
        theirs.send(b"bytes")
        assert await receive.receive() == b"bytes"
        assert a.connectionState == b.connectionState == "connected"
        assert (await a.getStats()) and a.sctp is not None


@in_trio
async def test_trickle() -> None:
    a, b = RTCPeerConnection(loopback()), RTCPeerConnection(loopback())

    @a.on("icecandidate")
    async def on_found(candidate: Any) -> None:
        await b.addIceCandidate(candidate)

    @b.on("icecandidate")
    async def on_found_there(candidate: Any) -> None:
        await a.addIceCandidate(candidate)

    channel = a.createDataChannel("chat")
    await negotiate(a, b)
    assert a.iceGatheringState != "complete" or channel.readyState == "connecting"
    await event(channel, "open")
    await a.close()
    await b.close()


@in_trio
async def test_streams() -> None:
    """Parts of messages, while the one waits for the other."""
    async with channels(loopback(maxMessageSize=NO_LIMIT)) as (_, _, ours, theirs):
        size = 3_000_000
        messages = theirs.messages()

        async def write() -> None:
            async with ours.writer() as writer:
                await writer.write(bytes(size))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            message = await messages.__anext__()
            assert len(await message.read()) == size


@in_trio
async def test_close_tells_the_other_side() -> None:
    async with channels() as (a, b, ours, theirs):
        closed = trio.Event()
        theirs.on("close", closed.set)
        await a.close()
        await a.close()
        await closed.wait()
        assert ours.readyState == theirs.readyState == "closed"
        assert a.connectionState == "closed"
        with pytest.raises(InvalidStateError):
            await a.createOffer()


@in_trio
async def test_close_from_a_listener() -> None:
    async with channels() as (a, b, ours, theirs):
        closed = trio.Event()

        async def close(_: str) -> None:
            await b.close()
            closed.set()

        theirs.on("message", close)
        ours.send("close")
        await closed.wait()


@in_trio
async def test_cancelled_waits() -> None:
    """Who is cancelled while it waits for gathering or for a message leaves the connection as it is."""
    async with channels() as (_, _, ours, theirs):
        with trio.move_on_after(0.01) as scope:
            async for _ in theirs.messages():
                raise AssertionError("nothing was sent")
        assert scope.cancelled_caught
    a = RTCPeerConnection(loopback())
    a.createDataChannel("chat")
    with trio.CancelScope() as scope:
        scope.cancel()
        await a.setLocalDescription()
    assert a.signalingState == "have-local-offer"
    with trio.CancelScope() as scope:
        scope.cancel()
        await a.close()
    await a.close()
    assert a.connectionState == "closed"


def test_an_error_in_a_listener_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """It ends neither the engine nor trio."""

    async def fail_later() -> None:
        await trio.lowlevel.checkpoint()
        raise ValueError("later")

    def fail() -> None:
        raise ValueError("at once")

    async def main() -> None:
        a = RTCPeerConnection(loopback())
        a.on("negotiationneeded", fail)
        a.on("negotiationneeded", fail_later)
        with trio.fail_after(PATIENCE):
            a.createDataChannel("chat")
            while len(caplog.records) < 2:
                await trio.lowlevel.checkpoint()
        await a.close()

    with caplog.at_level(logging.ERROR, logger="polyrtc"):
        trio.run(main)
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["at once", "later"]


def test_errors_go_to_the_listeners_of_error() -> None:
    told: list[str] = []

    async def main() -> None:
        a = RTCPeerConnection(loopback())

        async def fail() -> None:
            await trio.lowlevel.checkpoint()
            raise ValueError("later")

        a.on("negotiationneeded", fail)
        happened = trio.Event()
        a.on("error", lambda error: (told.append(str(error)), happened.set()))
        a.createDataChannel("chat")
        with trio.fail_after(PATIENCE):
            await happened.wait()
        await a.close()

    trio.run(main)
    assert told == ["later"]


def test_a_loop_that_ends_over_living_connections() -> None:
    """Their descriptors are closed when they are collected, and the next loop has an engine of its own."""

    async def leave() -> list[RTCPeerConnection]:
        a = RTCPeerConnection(loopback())
        a.createDataChannel("chat")
        await a.setLocalDescription()
        return [a]

    before = set(os.listdir("/proc/self/fd"))
    left = trio.run(leave)
    test_messages_both_ways()
    assert left[0].connectionState == "new"
    left.clear()
    gc.collect()
    assert set(os.listdir("/proc/self/fd")) <= before


def test_beside_asyncio() -> None:
    """A program may have both, in two threads and one after the other."""

    async def with_asyncio() -> None:
        a, b = RTCPeerConnection(loopback()), RTCPeerConnection(loopback())
        channel, opened = a.createDataChannel("chat"), asyncio.Event()
        channel.on("open", opened.set)
        await negotiate(a, b)
        await asyncio.wait_for(opened.wait(), PATIENCE)
        await a.close()
        await b.close()

    asyncio.run(with_asyncio())
    thread = threading.Thread(target=asyncio.run, args=(with_asyncio(),))
    thread.start()
    test_messages_both_ways()
    thread.join()
    asyncio.run(with_asyncio())


@in_trio
async def test_transports_one_by_one() -> None:
    """ORTC's objects: a gatherer waits, too."""
    gatherer = RTCIceGatherer(configuration=loopback())
    await gatherer.gather()
    assert gatherer.state == "completed" and gatherer.getLocalCandidates()
    await gatherer._close()


@in_trio
async def test_certificates_are_made_in_a_thread() -> None:
    certificate = await RTCPeerConnection.generateCertificate()
    async with channels(loopback(certificates=[certificate])) as (a, _, _, _):
        assert a.getConfiguration().certificates == [certificate]


def test_the_portable_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has many descriptors that come and go, and a time to wake up."""
    monkeypatch.setattr(engine, "Driver", partial(Driver, portable=True))
    test_messages_both_ways()
    test_close_tells_the_other_side()


def test_no_loop() -> None:
    """Outside of both: a connection may be made, and used later."""
    a = RTCPeerConnection(loopback())
    with pytest.raises(RuntimeError):
        a.createDataChannel("chat")

    async def main() -> None:
        a.createDataChannel("chat")
        await a.close()

    trio.run(main)
