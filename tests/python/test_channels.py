# SPDX-License-Identifier: BSD-3-Clause
"""RTCDataChannel on real sockets of the loopback interface."""

from __future__ import annotations

import asyncio

import pytest

from polyrtc import InvalidStateError, RTCDataChannel, RTCPeerConnection
from polyrtc.exceptions import OperationError, PrtcError

from .support import PATIENCE, Inbox, channels, loopback, open_channel, pair, state

pytestmark = pytest.mark.asyncio

MESSAGES: list[str | bytes] = ["", b"", "a", "héllo wörld 🙂", "\0", b"\0", bytes(range(256)), "x" * 262_144, bytes(262_144)]


async def test_echo() -> None:
    async with channels() as (_, _, ours, theirs):
        theirs.on("message", theirs.send)
        inbox = Inbox(ours)
        for message in MESSAGES:
            ours.send(message)
            assert await inbox.get() == message


async def test_what_is_not_quite_text_or_bytes() -> None:
    """Lone surrogates are U+FFFD, as in Web IDL's USVString; a view is the bytes that it shows."""
    async with channels() as (a, _, ours, theirs):
        inbox = Inbox(theirs)
        for message, arrives in (
            ("a\ud800b\udfff", "a\ufffdb\ufffd"), ("\ud7ff\ue000", "\ud7ff\ue000"), (memoryview(b"abcdef")[::2], b"ace"),
            (memoryview(b"abcdef").cast("B", [2, 3]), b"abcdef"), (memoryview(b"abc")[::-1], b"cba"), (bytearray(b"x"), b"x"),
        ):
            ours.send(message)
            assert await inbox.get() == arrives
        channel = a.createDataChannel("l\udc00", protocol="p\udc00")
        assert (channel.label, channel.protocol) == ("l\ufffd", "p\ufffd")


async def test_many_at_once() -> None:
    async with channels() as (_, _, ours, theirs):
        inbox = Inbox(theirs)
        for number in range(2_000):
            ours.send(f"{number}")
        assert [await inbox.get() for _ in range(2_000)] == [f"{number}" for number in range(2_000)]


async def test_a_handler_comes_back_for_more() -> None:
    """Whoever lets the engine hand out events from within a handler gets those that are next, and the order stays."""
    async with channels() as (_, b, ours, theirs):
        seen: list[str] = []
        done = asyncio.get_running_loop().create_future()

        @theirs.on("message")
        def on_message(message: str) -> None:
            seen.append(message)
            if len(seen) in (2, 70, 200):
                b._engine.flush()  # asks for the next events
            if len(seen) in (1, 70, 150):
                b._engine.dispatch()
            elif len(seen) == 300:
                done.set_result(None)

        for number in range(300):
            ours.send(f"{number}")
        await asyncio.wait_for(done, PATIENCE)
        assert seen == [f"{number}" for number in range(300)]


async def test_listeners_of_many_at_once() -> None:
    """Each message finds the listeners as those before it have left them, whatever these are and whatever they raise."""
    async with channels() as (_, _, ours, theirs):
        seen: list[tuple[str, object]] = []
        inbox: asyncio.Queue[object] = asyncio.Queue()

        async def slowly(message: object) -> None:
            seen.append(("coroutine", message))
            raise KeyError(message)

        def first(message: object) -> None:
            seen.append(("first", message))
            if message == "0":
                theirs.once("message", lambda message: seen.append(("once", message)))
            elif message == "1":
                theirs.remove_listener("message", first)
                theirs.on("message", second)
                raise ValueError(message)

        def second(message: object) -> None:
            theirs.remove_all_listeners("message")
            theirs.on("message", lambda message: inbox.put_nowait(message) if message == "4" else slowly(message))

        theirs.on("message", first)
        theirs.on("error", lambda error: seen.append(("error", repr(error))))
        for number in range(5):
            ours.send(f"{number}")
        assert await asyncio.wait_for(inbox.get(), PATIENCE) == "4"
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert seen == [
            ("first", "0"),
            ("first", "1"),
            ("error", "ValueError('1')"),
            ("once", "1"),
            ("coroutine", "3"),
            ("error", "KeyError('3')"),
        ]


async def test_messages_in_parts_from_one_on() -> None:
    """Who asks for messages in parts in the handler of one gets all that come after it so."""
    async with channels() as (_, _, ours, theirs):
        reader = asyncio.get_running_loop().create_future()

        @theirs.on("message")
        def on_message(message: str) -> None:
            reader.set_result(theirs.messages())

        for message in ("first", "grüß", b"\xff", ""):
            ours.send(message)
        found = []
        async for incoming in await asyncio.wait_for(reader, PATIENCE):
            found.append(await incoming.read())
            if len(found) == 3:
                break
        assert found == ["grüß", b"\xff", ""]


async def test_closed_amid_messages() -> None:
    async with channels() as (_, b, ours, theirs):
        seen: list[str] = []

        @theirs.on("message")
        async def on_message(message: str) -> None:
            seen.append(message)
            await b.close()

        for number in range(10):
            ours.send(f"{number}")
        await state(theirs, "readyState", "closed")
        assert "0" in seen


async def test_what_waits_to_be_sent() -> None:
    async with channels() as (_, _, ours, _):
        ours.send(bytes(1000))
        ours.send("ä")
        assert ours.bufferedAmount == 1002
        low = asyncio.Event()
        ours.once("bufferedamountlow", low.set)
        await asyncio.wait_for(low.wait(), PATIENCE)
        assert ours.bufferedAmount == 0
        ours.close()
        await state(ours, "readyState", "closed")
        assert ours.bufferedAmount == 0


async def test_buffers() -> None:
    async with channels() as (_, _, ours, theirs):
        inbox = Inbox(theirs)
        data = bytearray(b"abc")
        ours.send(data)
        data[:] = b"xyz"  # the bytes were copied
        ours.send(memoryview(b"0def0")[1:4])
        assert [await inbox.get(), await inbox.get()] == [b"abc", b"def"]


@pytest.mark.parametrize("bad", [1, None, ["x"], 1.5])
async def test_what_is_no_message(bad: object) -> None:
    async with channels() as (_, _, ours, _):
        with pytest.raises(ValueError):
            ours.send(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"ordered": False},
        {"maxRetransmits": 0},
        {"maxPacketLifeTime": 500, "ordered": False},
        {"protocol": "chat.v1"},
        {"negotiated": True, "id": 1000},
    ],
    ids=str,
)
async def test_attributes(parameters: dict[str, object]) -> None:
    async with channels(**parameters) as (_, _, ours, theirs):
        for channel in (ours, theirs):
            assert channel.label == "chat"
            assert channel.ordered == parameters.get("ordered", True)
            assert channel.maxRetransmits == parameters.get("maxRetransmits")
            assert channel.maxPacketLifeTime == parameters.get("maxPacketLifeTime")
            assert channel.protocol == parameters.get("protocol", "")
            assert channel.negotiated == parameters.get("negotiated", False)
            assert channel.readyState == "open"
        assert ours.id == theirs.id is not None
        if "id" in parameters:
            assert ours.id == parameters["id"]


async def test_the_id_is_unknown_before_the_roles() -> None:
    async with pair() as (a, b):
        channel = a.createDataChannel("chat")
        assert channel.id is None and channel.readyState == "connecting"
        with pytest.raises(InvalidStateError):
            channel.send("early")


async def test_sending_from_within_datachannel() -> None:
    """W3C section 6.2: the channel may be used before its "open"."""
    async with pair() as (a, b):
        events: list[str] = []

        @b.on("datachannel")
        def on_datachannel(channel: RTCDataChannel) -> None:
            events.append(channel.readyState)
            channel.on("open", lambda: events.append("open"))
            channel.send("welcome")

        ours = a.createDataChannel("chat")
        inbox = Inbox(ours)
        await open_channel(a, b)
        assert await inbox.get() == "welcome"
        assert events[:2] == ["open", "open"]


async def test_channels_after_the_connection() -> None:
    async with channels() as (a, b, _, _):
        announced: asyncio.Queue[RTCDataChannel] = asyncio.Queue()
        a.on("datachannel", announced.put_nowait)
        made = [b.createDataChannel(f"{number}") for number in range(20)]
        async with asyncio.timeout(PATIENCE):
            assert [(await announced.get()).label for _ in made] == [channel.label for channel in made]
        assert len({channel.id for channel in made}) == 20


@pytest.mark.parametrize("closer", [0, 1], ids=["maker", "other"])
async def test_close(closer: int) -> None:
    async with channels() as (a, b, ours, theirs):
        events: list[str] = []
        first, second = (ours, theirs) if closer == 0 else (theirs, ours)
        second.on("closing", lambda: events.append("closing"))
        second.on("close", lambda: events.append("close"))
        first.close()
        first.close()
        assert first.readyState == "closing"
        await state(first, "readyState", "closed")
        await state(second, "readyState", "closed")
        assert events == ["closing", "close"]
        with pytest.raises(InvalidStateError):
            second.send("late")
        assert a.connectionState == b.connectionState == "connected"


async def test_close_from_a_listener() -> None:
    async with channels() as (_, _, ours, theirs):
        theirs.on("message", lambda message: theirs.close())
        ours.send("close!")
        await state(ours, "readyState", "closed")
        await state(theirs, "readyState", "closed")


async def test_close_before_open() -> None:
    async with pair() as (a, b):
        kept = a.createDataChannel("kept")
        dropped = a.createDataChannel("dropped")
        closed: list[str] = []
        dropped.on("close", lambda: closed.append("close"))
        dropped.close()
        assert dropped.readyState == "closed" and closed == ["close"]
        await open_channel(a, b)
        await state(kept, "readyState", "open")
        await state(dropped, "readyState", "closed")


async def test_the_connection_closes_its_channels() -> None:
    async with channels() as (a, _, ours, theirs):
        closed: list[str] = []
        ours.on("close", lambda: closed.append("ours"))
        await a.close()
        assert closed == ["ours"] and ours.readyState == "closed"
        ours.close()
        assert ours.bufferedAmount == 0
        await state(theirs, "readyState", "closed")


async def test_buffered_amount() -> None:
    async with channels() as (_, _, ours, theirs):
        inbox = Inbox(theirs)
        low = asyncio.Event()
        ours.on("bufferedamountlow", low.set)
        ours.bufferedAmountLowThreshold = 100_000
        assert ours.bufferedAmountLowThreshold == 100_000
        for _ in range(40):
            ours.send(bytes(200_000))
        assert ours.bufferedAmount > 1_000_000
        async with asyncio.timeout(PATIENCE):
            await low.wait()
        assert ours.bufferedAmount <= 100_000
        for _ in range(40):
            assert await inbox.get() == bytes(200_000)
        with pytest.raises(ValueError):
            ours.bufferedAmountLowThreshold = -1


async def test_a_full_queue_is_an_error_and_the_channel_lives() -> None:
    a, b = RTCPeerConnection(loopback(sendQueueSize=1_000_000)), RTCPeerConnection(loopback())
    ours, theirs = await open_channel(a, b)
    inbox = Inbox(theirs)
    taken = 0
    with pytest.raises(OperationError, match="bound"):
        for _ in range(100):
            ours.send(bytes(100_000))
            taken += 1
    assert 5 <= taken < 100
    for _ in range(taken):
        assert await inbox.get() == bytes(100_000)
    ours.send("it lives")
    assert await inbox.get() == "it lives"
    await a.close()
    await b.close()


async def test_a_message_that_is_too_large() -> None:
    a, b = RTCPeerConnection(loopback()), RTCPeerConnection(loopback(maxMessageSize=5_000))
    ours, theirs = await open_channel(a, b)
    assert ours.transport.maxMessageSize == 5_000
    with pytest.raises(ValueError):
        ours.send(bytes(5_001))
    inbox = Inbox(theirs)
    ours.send(bytes(5_000))
    assert await inbox.get() == bytes(5_000)
    await a.close()
    await b.close()


async def test_negotiated_ids() -> None:
    async with pair() as (a, b):
        for bad in (None, 65_535, -1):
            with pytest.raises(ValueError):
                a.createDataChannel("bad", negotiated=True, id=bad)
        made = {
            number: [peer.createDataChannel("x", negotiated=True, id=number) for peer in (a, b)] for number in (0, 1, 1000)
        }
        await open_channel(a, b)
        for number, (ours, theirs) in made.items():
            await state(ours, "readyState", "open")
            await state(theirs, "readyState", "open")
            assert ours.id == theirs.id == number
            inbox = Inbox(theirs)
            ours.send(f"{number}")
            assert await inbox.get() == f"{number}"
        with pytest.raises(PrtcError):
            a.createDataChannel("taken", negotiated=True, id=1000)


async def test_both_kinds_of_reliability_are_too_many() -> None:
    async with pair() as (a, _):
        with pytest.raises(ValueError):
            a.createDataChannel("x", maxRetransmits=1, maxPacketLifeTime=1)
        with pytest.raises(ValueError):
            a.createDataChannel("x", maxRetransmits=-1)
        with pytest.raises(ValueError):
            a.createDataChannel("x", maxPacketLifeTime=65_536)
