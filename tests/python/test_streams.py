# SPDX-License-Identifier: BSD-3-Clause
"""Messages of any size, in parts."""

from __future__ import annotations

import asyncio
import gc
import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from polyrtc import NO_LIMIT, RTCDataChannel, RTCPeerConnection
from polyrtc.exceptions import ArgumentError, IncompleteMessageError, InvalidStateError, PrtcError

from .support import PATIENCE, Inbox, open_channel, pair, state


@asynccontextmanager
async def streams(**parameters: object) -> AsyncIterator[tuple[RTCPeerConnection, RTCPeerConnection, RTCDataChannel, RTCDataChannel]]:
    """A channel between two connections that announce no limit."""
    async with pair(maxMessageSize=NO_LIMIT) as (a, b), asyncio.timeout(PATIENCE * 10):
        ours, theirs = await open_channel(a, b, **parameters)
        yield a, b, ours, theirs


pytestmark = pytest.mark.asyncio


async def write(channel: RTCDataChannel, *parts: str | bytes, text: bool = False) -> None:
    async with channel.writer(text) as writer:
        for part in parts:
            await writer.write(part)


async def test_messages_and_their_ends() -> None:
    async with streams() as (_, _, ours, theirs):
        messages = theirs.messages()
        await write(ours, b"one", b"", b"two")
        ours.send(b"whole")
        await write(ours)
        await write(ours, "héllo ", "🙂" * 20_000, text=True)
        ours.send("")
        received: list[tuple[bool, str | bytes]] = []
        async for message in messages:
            received.append((message.text, await message.read()))
            assert message.complete
            if len(received) == 5:
                break
        assert received == [
            (False, b"onetwo"), (False, b"whole"), (False, b""), (True, "héllo " + "🙂" * 20_000), (True, ""),
        ]  # fmt: skip


async def test_a_stream_has_no_ends() -> None:
    async with streams() as (a, _, ours, theirs):
        stream = theirs.stream()
        await write(ours, b"one", b"two")
        ours.send(b"three")
        ours.close()
        assert b"".join([part async for part in stream if isinstance(part, bytes)]) == b"onetwothree"
        await state(ours, "readyState", "closed")


async def test_what_is_not_read_is_skipped() -> None:
    async with streams() as (_, _, ours, theirs):
        messages = theirs.messages()
        await write(ours, bytes(300_000))
        await write(ours, b"next")
        assert not (await messages.__anext__()).text
        assert await (await messages.__anext__()).read() == b"next"


async def test_a_message_is_given_up() -> None:
    async with streams() as (_, _, ours, theirs):
        messages = theirs.messages()
        with pytest.raises(ZeroDivisionError):
            async with ours.writer() as writer:
                await writer.write(bytes(200_000))
                message = await messages.__anext__()
                assert await message.__anext__()
                raise ZeroDivisionError
        await write(ours, b"next")
        with pytest.raises(IncompleteMessageError):
            await message.read()
        assert not message.complete
        assert await (await messages.__anext__()).read() == b"next"


async def test_a_channel_closes_amid_a_message() -> None:
    async with streams() as (_, _, ours, theirs):
        messages = theirs.messages()
        async with ours.writer() as writer:
            await writer.write(b"begun, ")
            message = await messages.__anext__()
            ours.close()
            with pytest.raises(IncompleteMessageError):
                await message.read()
            with pytest.raises(StopAsyncIteration):
                await messages.__anext__()
            with pytest.raises(InvalidStateError):
                await writer.write(b"more")
            writer.abort()
        await state(theirs, "readyState", "closed")
        await state(ours, "readyState", "closed")


async def test_wrong_use_is_refused() -> None:
    async with streams() as (a, _, ours, theirs):
        messages = theirs.messages()
        with pytest.raises(InvalidStateError):
            theirs.stream()
        with pytest.raises(InvalidStateError):
            await ours.writer().write(b"")
        with pytest.raises(InvalidStateError):
            await a.createDataChannel("new").writer().__aenter__()
        async with ours.writer(text=True) as writer:
            with pytest.raises(InvalidStateError):
                await ours.writer().__aenter__()
            with pytest.raises(ArgumentError):
                await writer.write(b"bytes")
            await writer.write("te")
            with pytest.raises(InvalidStateError):
                ours.send("between")
            await writer.write("xt")
        with pytest.raises(InvalidStateError):
            await writer.write("after")
        assert await (await messages.__anext__()).read() == "text"


async def test_a_limit_is_kept() -> None:
    async with pair() as (a, b):
        ours, theirs = await open_channel(a, b)
        messages = theirs.messages()
        with pytest.raises(PrtcError, match="MESSAGE_TOO_LARGE|larger"):
            await write(ours, bytes(256 * 1024 + 1))
        await write(ours, b"goes on")  # nothing of the other had left
        assert await (await messages.__anext__()).read() == b"goes on"


async def test_a_slow_reader_stops_the_writer() -> None:
    async with streams() as (_, _, ours, theirs):
        stream = theirs.stream()
        written = 0

        async def endless() -> None:
            nonlocal written
            async with ours.writer() as writer:
                while True:
                    await writer.write(bytes(65536))
                    written += 65536

        writing = asyncio.create_task(endless())
        before = -1
        while written != before:
            before = written
            await asyncio.sleep(0.5)
        # a reader's, the receive window, SCTP's buffer, the channel's queue, and what was under way
        assert 1_000_000 < written < 8_000_000
        read, enough = 0, written + 1_000_000
        while read < enough:
            read += len(await stream.__anext__())
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        with pytest.raises(IncompleteMessageError):
            async for _ in stream:
                pass


async def test_who_stops_reading_does_not_stop_others() -> None:
    async with streams() as (a, b, ours, theirs):
        inbox = asyncio.get_running_loop().create_future()
        b.on("datachannel", lambda channel: inbox.set_result(Inbox(channel)))
        stream = theirs.stream()
        writing = asyncio.create_task(write(ours, *[bytes(65536)] * 200))
        async with aclosing(stream):
            async for _ in stream:
                break
        await writing
        other = a.createDataChannel("other")
        await state(other, "readyState", "open")
        other.send("passes")
        assert await (await inbox).get() == "passes"
        del stream
        gc.collect()


async def test_both_ways_beside_small_messages() -> None:
    async with streams() as (a, b, ours, theirs):
        other_end = asyncio.get_running_loop().create_future()
        b.on("datachannel", other_end.set_result)
        small = a.createDataChannel("small")
        total, hashes = 20_000_000, [hashlib.sha256(), hashlib.sha256()]
        part = bytes(range(256)) * 250

        async def read(channel: RTCDataChannel, digest: hashlib._Hash) -> int:
            size = 0
            async for message in channel.messages():
                async for piece in message:
                    assert isinstance(piece, bytes)
                    digest.update(piece)
                    size += len(piece)
                return size
            raise AssertionError

        readers = [asyncio.create_task(read(c, h)) for c, h in zip((ours, theirs), hashes)]
        await asyncio.sleep(0)
        writers = [asyncio.create_task(write(c, *[part] * (total // len(part)))) for c in (ours, theirs)]
        echo = await other_end
        echo.on("message", echo.send)
        inbox = Inbox(small)
        await state(small, "readyState", "open")
        for number in range(50):
            small.send(str(number))
            assert await inbox.get() == str(number)
        await asyncio.gather(*writers)
        wanted = hashlib.sha256(part * (total // len(part))).digest()
        for reader, digest in zip(readers, hashes):
            assert await reader == total // len(part) * len(part)
            assert digest.digest() == wanted


def _resident() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


async def test_a_quarter_of_a_gigabyte_in_little_memory() -> None:
    total, part = 256_000_000, bytes(range(256)) * 1000
    async with streams() as (_, _, ours, theirs):
        messages = theirs.messages()
        gc.collect()
        before = peak = _resident()

        async def send() -> None:
            async with ours.writer() as writer:
                for _ in range(total // len(part)):
                    await writer.write(part)

        sending = asyncio.create_task(send())
        received, count, digest = 0, 0, hashlib.sha256()
        message = await messages.__anext__()
        async for piece in message:
            assert isinstance(piece, bytes)
            digest.update(piece)
            received += len(piece)
            count += 1
            if count % 200 == 0:
                peak = max(peak, _resident())
        await sending
        wanted = hashlib.sha256()
        for _ in range(total // len(part)):
            wanted.update(part)
        assert received == total and digest.digest() == wanted.digest()
        assert peak - before < 32_000_000
