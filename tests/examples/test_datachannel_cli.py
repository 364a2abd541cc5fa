# SPDX-License-Identifier: BSD-3-Clause
"""datachannel_cli: with itself, with aiortc, by copy and paste; its end and its refusals."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import aiortc
import aiortc.contrib.signaling
import pytest

from .program import PATIENCE, Program, listening, run

pytestmark = pytest.mark.asyncio
NAME = "datachannel_cli"


async def test_round_trips(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    wire = ("-s", "unix-socket", "--signaling-path", path)
    async with Program(NAME, "offer", *wire, "-c", "20", "-i", "0") as offer:
        await listening(path, offer)
        async with Program(NAME, "answer", *wire) as answer:
            await offer.says(r"^round trip 20: \d+\.\d\d ms$")
            assert await offer.end() == 0 and await answer.end() == 0
    assert offer.out.splitlines()[-1].startswith("20 round trips: ")
    assert answer.out == "channel 'chat' is open\nthe other side has left\n"


@pytest.mark.parametrize("who", ["offer", "answer"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_interrupted(who: str, how: signal.Signals, tmp_path: Path) -> None:
    """Who is interrupted ends with what it knows; the other side is told, and ends too."""
    path = tmp_path / "socket"
    wire = ("-s", "unix-socket", "--signaling-path", path)
    async with Program(NAME, "offer", *wire, "-i", "0.01") as offer:
        await listening(path, offer)
        async with Program(NAME, "answer", *wire) as answer:
            await offer.says("round trip 3")
            (offer if who == "offer" else answer).process.send_signal(how)
            assert await offer.end() == 0 and await answer.end() == 0
    assert "round trips: " in offer.out
    assert not path.exists()


async def test_interrupted_while_it_waits(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    async with Program(NAME, "offer", "-s", "unix-socket", "--signaling-path", path) as offer:
        await listening(path, offer)
        offer.interrupt()
        assert await offer.end() == 0
    assert not path.exists()


async def test_copy_and_paste() -> None:
    async with Program(NAME, "offer", "-c", "1") as offer, Program(NAME, "answer") as answer:
        await answer.enter((await offer.says(r'^\{.*"type": "offer"}$'))[0])
        await offer.enter((await answer.says(r'^\{.*"type": "answer"}$'))[0])
        await offer.says("round trip 1")
        assert await offer.end() == 0
        assert await answer.end() == 0


async def test_what_was_pasted_is_no_message() -> None:
    async with Program(NAME, "answer") as answer:
        await answer.enter("hello")
        assert await answer.end() == 1
    assert "not a signalling message: 'hello" in answer.err


async def test_aiortc_pings(tmp_path: Path) -> None:
    """As the example of aiortc does, with its signalling."""
    path = tmp_path / "socket"
    signaling = aiortc.contrib.signaling.UnixSocketSignaling(str(path))
    connection = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
    channel = connection.createDataChannel("chat")
    pong: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    channel.on("open", lambda: channel.send("ping 12345"))
    channel.on("message", pong.set_result)
    await connection.setLocalDescription(await connection.createOffer())
    sending = asyncio.create_task(signaling.send(connection.localDescription))
    while not path.exists():
        await asyncio.sleep(0)
    async with Program(NAME, "answer", "-s", "unix-socket", "--signaling-path", path) as answer:
        async with asyncio.timeout(PATIENCE):
            await sending
            await connection.setRemoteDescription(await signaling.receive())
            assert await pong == "pong 12345"
            await connection.close()
            await signaling.close()
        assert await answer.end() == 0


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        ((), 2, "the following arguments are required: role"),
        (("watch",), 2, "invalid choice"),
        (("offer", "-c", "0"), 2, "--count must be 1 or more"),
        (("offer", "-i", "nan"), 2, "--interval must be 0 or more"),
        (("offer", "-s", "tcp-socket", "--signaling-port", "70000"), 2, "70000 is no port"),
        (("answer", "-s", "tcp-socket", "--signaling-port", "1"), 1, "Nobody listens at 127.0.0.1 port 1: start the side that"),
        (("answer", "-s", "unix-socket", "--signaling-path", "/none"), 1, "There is no /none: start the side that offers first."),
        (("offer", "-s", "unix-socket", "--signaling-path", "/none/x"), 1, "/none/x"),
    ],
    ids=str,
)
async def test_refusals(arguments: tuple[str, ...], status: int, sentence: str) -> None:
    program = await run(NAME, *arguments)
    assert program.process.returncode == status
    assert sentence in program.err


@pytest.mark.parametrize("name", ["datachannel_cli", "datachannel_filexfer", "datachannel_vpn"])
async def test_help(name: str) -> None:
    program = await run(name, "--help")
    assert program.process.returncode == 0
    assert "--signaling" in program.out and "start the side that" in program.out
