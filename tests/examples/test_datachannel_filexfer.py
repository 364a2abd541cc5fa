# SPDX-License-Identifier: BSD-3-Clause
"""datachannel_filexfer: files of many sizes, ends that leave, files that are refused, memory."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from polyrtc import RTCPeerConnection
from polyrtc.contrib.signaling import UnixSocketSignaling

from .program import PATIENCE, Program, listening, run

pytestmark = pytest.mark.asyncio
NAME = "datachannel_filexfer"


@asynccontextmanager
async def transfer(source: Path, target: Path, *more: str, **options: Any) -> AsyncIterator[tuple[Program, Program]]:
    path = target.parent / "socket"
    wire = ("-s", "unix-socket", "--signaling-path", path)
    async with Program(NAME, "send", source, *wire, **options) as sender:
        await listening(path, sender)
        async with Program(NAME, "receive", target, *wire, *more, **options) as receiver:
            yield sender, receiver


def make(path: Path, size: int) -> str:
    """A file of random bytes, and its hash."""
    data = random.Random(size).randbytes(size)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("size", [0, 1, 16_384, 16_385, 7_000_001])
@pytest.mark.parametrize("to", ["file", "folder"])
async def test_sizes(size: int, to: str, tmp_path: Path) -> None:
    digest = make(tmp_path / "größe.bin", size)
    (tmp_path / "folder").mkdir()
    target = tmp_path / ("other.bin" if to == "file" else "folder")
    async with transfer(tmp_path / "größe.bin", target) as (sender, receiver):
        assert await sender.end() == 0 and await receiver.end() == 0
    arrived = target if to == "file" else target / "größe.bin"
    assert hashlib.sha256(arrived.read_bytes()).hexdigest() == digest
    assert sender.out == f"sent größe.bin, {size} bytes\nsha256 {digest}, the same at the other side\n"
    assert receiver.out == f"received {arrived}, {size} bytes\nsha256 {digest}\n"
    if size > 1_000_000:
        for program in (sender, receiver):
            assert "█████████░" in program.err and " 40%  " in program.err and "100%  7.0 of 7.0 MB" in program.err
    assert not list(tmp_path.rglob("*.part"))


async def test_the_bar_on_a_terminal(tmp_path: Path) -> None:
    make(tmp_path / "source", 3_000_000)
    master, slave = os.openpty()  # of both: what each draws is drawn in one go
    async with transfer(tmp_path / "source", tmp_path / "target", stderr=slave) as (sender, receiver):
        assert await sender.end() == 0 and await receiver.end() == 0
    os.close(slave)
    drawn = os.read(master, 65536).decode()
    os.close(master)
    assert "\r" + "█" * 30 + " 100%  3.0 of 3.0 MB" in drawn
    assert drawn.endswith("MB/s\x1b[K\r\n")


async def test_memory_is_bounded(tmp_path: Path) -> None:
    """A file of 128 MB, which is a hole, goes through two programs that may not have more than 48 MB each."""
    size = 128_000_000
    with (tmp_path / "source").open("wb") as file:
        file.truncate(size)
    limit = ("prlimit", "--data=48000000")
    async with transfer(tmp_path / "source", tmp_path / "target", before=limit) as (sender, receiver):
        assert await sender.end() == 0 and await receiver.end() == 0
    assert (tmp_path / "target").stat().st_size == size


async def test_a_file_that_exists_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "source", 5_000_000)
    (tmp_path / "target").write_text("precious")
    async with transfer(tmp_path / "source", tmp_path / "target") as (sender, receiver):
        assert await sender.end() == 1 and await receiver.end() == 1
    assert "The other side refuses the file: " in sender.err and "exists already" in sender.err
    assert "The file is refused: " in receiver.err
    assert (tmp_path / "target").read_text() == "precious"


async def test_force(tmp_path: Path) -> None:
    digest = make(tmp_path / "source", 100_000)
    (tmp_path / "target").write_text("old")
    async with transfer(tmp_path / "source", tmp_path / "target", "--force") as (sender, receiver):
        assert await sender.end() == 0 and await receiver.end() == 0
    assert hashlib.sha256((tmp_path / "target").read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("who", ["sender", "receiver"])
async def test_interrupted(who: str, tmp_path: Path) -> None:
    """Ctrl-C on the way: both end, and nothing of the file is left at the receiver."""
    with (tmp_path / "source").open("wb") as file:
        file.truncate(10_000_000_000)
    async with transfer(tmp_path / "source", tmp_path / "target") as (sender, receiver):
        async with asyncio.timeout(PATIENCE):
            while not any(part.stat().st_size > 1_000_000 for part in tmp_path.glob("*.part")):
                await asyncio.sleep(0.01)
        leaving, left = (sender, receiver) if who == "sender" else (receiver, sender)
        leaving.interrupt()
        assert await leaving.end() == 130 and await left.end() == 1
    assert "has left before" in left.err
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["source"]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (['{"name": "../evil", "size": 3}'], "'../evil' is no name for a file"),
        (['{"name": "..", "size": 3}'], "'..' is no name for a file"),
        (['{"name": "", "size": 3}'], "'' is no name for a file"),
        (['{"name": "x", "size": 3}', b"abcd"], "this is not what a sender sends"),
        (['{"name": "x", "size": 3}', '{"name": "y", "size": 3}'], "this is not what a sender sends"),
        (['{"name": "x", "size": -1}'], "this is not what a sender sends"),
        (["[" * 100], "this is not what a sender sends"),
        ([b"abc"], "this is not what a sender sends"),
    ],
    ids=str,
)
async def test_what_a_receiver_refuses(messages: list[str | bytes], reason: str, tmp_path: Path) -> None:
    """From a sender of evil intentions."""
    path, folder = tmp_path / "socket", tmp_path / "folder"
    folder.mkdir()
    signaling, connection = UnixSocketSignaling(str(path)), RTCPeerConnection()
    channel = connection.createDataChannel("filexfer")
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    channel.on("open", lambda: [channel.send(message) for message in messages])
    channel.on("message", answer.set_result)
    await connection.setLocalDescription(await connection.createOffer())
    assert connection.localDescription is not None
    sending = asyncio.create_task(signaling.send(connection.localDescription))
    while not path.exists():
        await asyncio.sleep(0)
    async with Program(NAME, "receive", folder, "-s", "unix-socket", "--signaling-path", path) as receiver:
        async with asyncio.timeout(PATIENCE):
            await sending
            await connection.setRemoteDescription(await signaling.receive())  # type: ignore[arg-type]
            assert json.loads(await answer) == {"refused": reason}
            await signaling.close()
            await connection.close()
        assert await receiver.end() == 1
    assert f"The file is refused: {reason}." in receiver.err
    assert [*folder.iterdir()] == [] and not (tmp_path / "evil").exists()


@pytest.mark.parametrize("role", ["send", "receive"])
async def test_the_other_side_closes_the_channel_alone(role: str, tmp_path: Path) -> None:
    """… in the middle, while the connection lives on: the program ends, and says what is missing."""
    make(tmp_path / "source", 10_000_000)
    signaling, connection = UnixSocketSignaling(str(tmp_path / "socket")), RTCPeerConnection()
    wire = ("-s", "unix-socket", "--signaling-path", tmp_path / "socket")
    if role == "send":
        connection.on("datachannel", lambda channel: channel.on("message", lambda _: channel.close()))
        async with Program(NAME, "send", tmp_path / "source", *wire) as program, asyncio.timeout(PATIENCE):
            await listening(tmp_path / "socket", program)
            await signaling.connect()
            await connection.setRemoteDescription(await signaling.receive())  # type: ignore[arg-type]
            await connection.setLocalDescription(await connection.createAnswer())
            await signaling.send(connection.localDescription)  # type: ignore[arg-type]
            assert await program.end() == 1
    else:
        channel = connection.createDataChannel("filexfer")

        def begin() -> None:
            channel.send('{"name": "x", "size": 3}')
            channel.close()

        channel.on("open", begin)
        await connection.setLocalDescription(await connection.createOffer())
        sending = asyncio.create_task(signaling.send(connection.localDescription))  # type: ignore[arg-type]
        async with asyncio.timeout(PATIENCE):
            while not (tmp_path / "socket").exists():
                await asyncio.sleep(0)
            async with Program(NAME, "receive", tmp_path / "target", *wire) as program:
                await sending
                await connection.setRemoteDescription(await signaling.receive())  # type: ignore[arg-type]
                assert await program.end() == 1
    assert "has left before" in program.err
    await signaling.close()
    await connection.close()
    assert {entry.name for entry in tmp_path.iterdir()} <= {"source", "socket"}


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("send",), 2, "the following arguments are required: path"),
        (("send", "/none"), 1, "Cannot read /none: No such file or directory."),
        (("send", "/"), 1, "Cannot read /: Is a directory."),
        (("receive", "x", "-s", "unix-socket", "--signaling-path", "/none"), 1, "start the side that offers first"),
    ],
    ids=str,
)
async def test_refusals(arguments: tuple[str, ...], status: int, sentence: str) -> None:
    program = await run(NAME, *arguments)
    assert program.process.returncode == status
    assert sentence in program.err
