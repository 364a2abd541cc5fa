# SPDX-License-Identifier: BSD-3-Clause
"""polyrtc.contrib.signaling, with itself and with aiortc's on the other side."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiortc.contrib.signaling as theirs
import pytest

import polyrtc.contrib.signaling as ours
from polyrtc import RTCSessionDescription

from .support import PATIENCE

asyncio_ = pytest.mark.asyncio

OFFER = {"type": "offer", "sdp": "v=0\r\ns=größe 🙂\r\n"}
ANSWER = {"type": "answer", "sdp": "v=0\r\n"}
CANDIDATE = "1 1 udp 1694498815 192.0.2.1 5000 typ srflx raddr 10.0.0.1 rport 5001"

MODULES = {"polyrtc": ours, "aiortc": theirs}
pairs = pytest.mark.parametrize(("first", "second"), [("polyrtc", "polyrtc"), ("polyrtc", "aiortc"), ("aiortc", "polyrtc")])


def description(name: str, members: dict[str, str]) -> Any:
    return (RTCSessionDescription if name == "polyrtc" else theirs.RTCSessionDescription)(**members)


def candidate(name: str) -> Any:
    read = ours.candidate_from_sdp if name == "polyrtc" else theirs.candidate_from_sdp  # type: ignore[attr-defined]
    made = read(CANDIDATE)
    made.sdpMid, made.sdpMLineIndex = "0", 0
    return made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    ours.add_signaling_arguments(parser)
    return parser.parse_args(given)


async def once_listening(signaling: Any) -> Any:
    """Receives as soon as the other side listens: it is known from the refusal of connections alone that it does not yet."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await signaling.receive()
            except (ConnectionError, FileNotFoundError):
                await asyncio.sleep(0)


@pairs
@pytest.mark.parametrize("kind", ["tcp-socket", "unix-socket"])
@asyncio_
async def test_sockets(kind: str, first: str, second: str, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    given = arguments("-s", kind, "--signaling-port", str(free_port()), "--signaling-path", str(path))
    a, b = (MODULES[name].create_signaling(given) for name in (first, second))
    await a.connect()
    await b.connect()
    _, offer = await asyncio.gather(a.send(description(first, OFFER)), once_listening(b))
    assert offer == description(second, OFFER)
    await b.send(description(second, ANSWER))
    assert await a.receive() == description(first, ANSWER)
    await a.send(candidate(first))
    assert await b.receive() == candidate(second)
    await a.close()
    assert await b.receive() is MODULES[second].BYE
    assert await b.receive() is None
    await b.close()
    await b.close()
    assert not path.exists()


@asyncio_
async def test_the_other_side_dies(tmp_path: Path) -> None:
    given = arguments("-s", "unix-socket", "--signaling-path", str(tmp_path / "socket"))
    a, b = ours.create_signaling(given), ours.create_signaling(given)
    await asyncio.gather(a.send(ours.BYE), once_listening(b))
    a._writer.transport.abort()  # type: ignore[attr-defined]
    assert await b.receive() is None
    await b.close()
    await a.close()


@asyncio_
async def test_a_second_caller_is_sent_away(tmp_path: Path) -> None:
    given = arguments("-s", "unix-socket", "--signaling-path", str(tmp_path / "socket"))
    a, b, c = (ours.create_signaling(given) for _ in range(3))
    await asyncio.gather(a.send(ours.BYE), once_listening(b))
    assert await c.receive() is None
    await b.send(RTCSessionDescription(**ANSWER))
    assert await a.receive() == RTCSessionDescription(**ANSWER)
    for one in (a, b, c):
        await one.close()


@asyncio_
async def test_a_message_that_is_too_long_or_none(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    for sent in (b"x" * (ours.LINE_LIMIT + 2), b"hello\n", b"\xff\n"):
        given = arguments("-s", "unix-socket", "--signaling-path", path)

        def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes = sent) -> None:
            writer.write(sent)
            writer.close()

        async with await asyncio.start_unix_server(serve, path):
            signaling = ours.create_signaling(given)
            with pytest.raises(ValueError):
                await signaling.receive()
            await signaling.close()
        os.path.exists(path) and os.unlink(path)


COPY_AND_PASTE = """
import asyncio
from {module}.contrib.signaling import CopyAndPasteSignaling
from {module} import RTCSessionDescription
async def main():
    signaling = CopyAndPasteSignaling()
    await signaling.connect()
    while (received := await signaling.receive()) is not None and hasattr(received, "sdp"):
        await signaling.send(RTCSessionDescription(sdp=received.sdp, type="answer"))
    print("received", received)
    if {module!r} == "polyrtc":
        await signaling.close()
asyncio.run(main())
"""


@pytest.mark.parametrize("module", ["polyrtc", "aiortc"])
def test_copy_and_paste(module: str) -> None:
    """In a program with pipes; what it prints for the user to carry is what aiortc prints, and so is what it takes."""
    offer = MODULES[module].object_to_string(description(module, OFFER))
    run = subprocess.run(
        [sys.executable, "-c", COPY_AND_PASTE.format(module=module)],
        input=f'{offer}\n{offer}\n{{"type": "bye"}}\n', capture_output=True, text=True, timeout=PATIENCE,
    )
    assert run.returncode == 0, run.stderr
    lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
    answer = ours.object_to_string(RTCSessionDescription(sdp=OFFER["sdp"], type="answer"))
    assert lines[:2] == [answer, answer]
    assert lines[2:] == (['{"type": "bye"}'] if module == "polyrtc" else [])
    assert run.stdout.count("-- Please enter a message from remote party --") == 3


@pytest.mark.parametrize("text", ["", "\n\n"], ids=["nothing", "empty lines"])
def test_copy_and_paste_ends_with_its_input(text: str, tmp_path: Path) -> None:
    (tmp_path / "input").write_text(text)
    for given in (subprocess.DEVNULL, (tmp_path / "input").open()):
        run = subprocess.run(
            [sys.executable, "-c", COPY_AND_PASTE.format(module="polyrtc")],
            stdin=given, capture_output=True, text=True, timeout=PATIENCE,
        )
        assert run.returncode == 0 and "received None" in run.stdout, run.stderr


@pytest.mark.parametrize(
    "make",
    [lambda name: description(name, OFFER), lambda name: description(name, ANSWER), candidate, lambda name: MODULES[name].BYE],
    ids=["offer", "answer", "candidate", "bye"],
)
def test_texts_are_the_same(make: Callable[[str], Any]) -> None:
    text = ours.object_to_string(make("polyrtc"))
    assert text == theirs.object_to_string(make("aiortc"))
    assert ours.object_from_string(text) == make("polyrtc")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "1", "null", "{}", '{"type": "other"}', '{"type": "offer"}', '{"type": "offer", "sdp": 1}', "[" * 100_000,
     '{"type": []}', '{"type": "candidate"}', '{"type": "candidate", "candidate": "x", "id": "0", "label": 0}',
     '{"type": "candidate", "candidate": null, "id": "0", "label": 0}'],
    ids=lambda text: text[:60],
)
def test_what_is_no_message(text: str) -> None:
    with pytest.raises(ValueError, match="not a signalling message"):
        ours.object_from_string(text)


def test_what_cannot_be_sent() -> None:
    with pytest.raises(ValueError):
        ours.object_to_string(None)  # type: ignore[arg-type]


def test_options() -> None:
    assert isinstance(ours.create_signaling(arguments()), ours.CopyAndPasteSignaling)
    assert isinstance(ours.create_signaling(arguments("--signaling", "tcp-socket")), ours.TcpSocketSignaling)
    parser = argparse.ArgumentParser()
    theirs.add_signaling_arguments(parser)
    assert set(vars(arguments())) == set(vars(parser.parse_args([])))
    names = {name for name in dir(theirs) if name.endswith("Signaling")}
    assert len(names) >= 4 and names <= set(dir(ours))
