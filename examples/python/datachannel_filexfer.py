"""Sends a file of any size over a data channel; both ends show its progress and its SHA-256. README.md has the protocol.

SPDX-License-Identifier: BSD-3-Clause
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from polyrtc import InvalidStateError, RTCDataChannel
from polyrtc.contrib.signaling import add_signaling_arguments

from session import Failure, Session, start

PIECE = 16 * 1024  # bytes in a message: every WebRTC implementation takes these
HIGH = 1024 * 1024  # bytes that may wait in the channel; the file is read no further then
LOW = HIGH // 4
LEFT = "The other side has left before it had the whole file."


class Progress:
    """A bar on a terminal; elsewhere a line for each tenth."""

    def __init__(self, size: int) -> None:
        self._size, self._done = size, 0
        self._begin = self._drawn = time.monotonic()
        self._tenths = 0

    def add(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if sys.stderr.isatty():
            if now - self._drawn >= 0.1 or self._done == self._size:
                self._drawn = now
                print(f"\r{self}\x1b[K", end="\n" if self._done == self._size else "", file=sys.stderr, flush=True)
        elif self._done * 10 // self._size > self._tenths:
            self._tenths = self._done * 10 // self._size
            print(self, file=sys.stderr, flush=True)

    def __str__(self) -> str:
        part = self._done / self._size
        speed = self._done / max(time.monotonic() - self._begin, 1e-6)
        bar = ("█" * int(part * 30)).ljust(30, "░")
        return f"{bar} {part:4.0%}  {self._done / 1e6:.1f} of {self._size / 1e6:.1f} MB  {speed / 1e6:.1f} MB/s"


# ---------------------------------------------------------------------------------------------------------------------- send


async def send(args: argparse.Namespace) -> None:
    try:
        file = open(args.path, "rb")
    except OSError as error:
        raise Failure(f"Cannot read {args.path}: {error.strerror}.") from error
    with file:
        async with Session(args) as session:
            channel = session.connection.createDataChannel("filexfer")
            if not await session.run(_send(channel, file, Path(args.path).name), offer=True):
                raise Failure(LEFT)


async def _send(channel: RTCDataChannel, file: BinaryIO, name: str) -> None:
    opened, room = asyncio.Event(), asyncio.Event()
    answers: asyncio.Queue[str | bytes | None] = asyncio.Queue()  # one, and before the end when the file is refused
    channel.on("open", opened.set)
    channel.on("bufferedamountlow", room.set)

    @channel.on("message")
    def on_message(message: str | bytes) -> None:
        answers.put_nowait(message)
        room.set()

    @channel.on("close")
    def on_close() -> None:
        answers.put_nowait(None)
        opened.set()
        room.set()

    channel.bufferedAmountLowThreshold = LOW
    await opened.wait()
    if channel.readyState != "open":
        raise Failure(LEFT)

    size = os.fstat(file.fileno()).st_size
    channel.send(json.dumps({"name": name, "size": size}))
    digest, progress, rest = hashlib.sha256(), Progress(size), size
    while rest and answers.empty():
        piece = file.read(min(PIECE, rest))
        if not piece:
            raise Failure("The file has become shorter while it was sent.")
        digest.update(piece)
        try:
            channel.send(piece)
        except InvalidStateError:
            break  # it is closing: maybe with an answer before
        rest -= len(piece)
        progress.add(len(piece))
        if channel.bufferedAmount > HIGH:
            room.clear()
            await room.wait()

    answer = await answers.get()
    if answer is None:
        raise Failure(LEFT)
    theirs = json.loads(answer)
    if "refused" in theirs:
        raise Failure(f"The other side refuses the file: {theirs['refused']}.")
    if theirs["sha256"] != digest.hexdigest():
        raise Failure("The file did not arrive as it was sent: the hashes differ.")
    print(f"sent {name}, {size} bytes\nsha256 {digest.hexdigest()}, the same at the other side")


# ------------------------------------------------------------------------------------------------------------------- receive


class Incoming:
    """A file that arrives: it has its name once it is whole."""

    def __init__(self, wanted: Path, force: bool) -> None:
        self._wanted, self._force = wanted, force
        self._part: Path | None = None
        self._file: BinaryIO | None = None

    def begin(self, name: Any, size: Any) -> None:
        if self._file is not None or type(name) is not str or type(size) is not int or size < 0:
            raise ValueError
        self._size = self._rest = size
        self._digest, self._progress = hashlib.sha256(), Progress(size)
        target = self._wanted
        if target.is_dir():
            if name in ("", ".", "..") or "/" in name or "\0" in name:
                raise Failure(f"{name!r} is no name for a file")
            target = target / name
        if target.exists() and not self._force:
            raise Failure(f"{target} exists already (--force replaces it)")
        self._target = target
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            self._file = part.open("xb")
        except OSError as error:
            raise Failure(f"cannot write {target}: {error.strerror}") from error
        self._part = part

    def add(self, piece: bytes) -> None:
        # Written before the next message is taken: a disk that is slow makes the sender wait, not the memory grow.
        if self._file is None or len(piece) > self._rest:
            raise ValueError
        self._rest -= len(piece)
        self._file.write(piece)
        self._digest.update(piece)
        self._progress.add(len(piece))

    def is_whole(self) -> bool:
        return self._file is not None and self._rest == 0

    def finish(self) -> str:
        assert self._file is not None and self._part is not None
        self._file.close()
        self._part.replace(self._target)
        self._part = None
        print(f"received {self._target}, {self._size} bytes\nsha256 {self._digest.hexdigest()}", flush=True)
        return self._digest.hexdigest()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        if self._part is not None:
            self._part.unlink()


async def receive(args: argparse.Namespace) -> None:
    incoming = Incoming(Path(args.path), args.force)
    ended, left, refused = asyncio.Event(), asyncio.Event(), ""

    def on_datachannel(channel: RTCDataChannel) -> None:
        channel.on("close", left.set)  # the sender closes it once it has our answer

        @channel.on("message")
        def on_message(message: str | bytes) -> None:
            nonlocal refused
            if ended.is_set():
                return
            try:
                if isinstance(message, str):
                    announced: Any = json.loads(message)
                    incoming.begin(announced["name"], announced["size"])
                else:
                    incoming.add(message)
                if incoming.is_whole():
                    channel.send(json.dumps({"sha256": incoming.finish()}))
                    ended.set()
            except (Failure, OSError, ValueError, KeyError, TypeError) as error:
                refused = str(error) if isinstance(error, (Failure, OSError)) else "this is not what a sender sends"
                channel.send(json.dumps({"refused": refused}))
                ended.set()

    try:
        async with Session(args) as session:
            session.connection.on("datachannel", on_datachannel)
            await session.run(left.wait(), offer=False)
    finally:
        incoming.close()
    if refused:
        raise Failure(f"The file is refused: {refused}.")
    if not ended.is_set():
        raise Failure("The sender has left before the file was whole; what had come was removed.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Sends a file of any size over a data channel.")
    parser.add_argument("role", choices=["send", "receive"], help="start the side that sends first")
    parser.add_argument("path", help="the file to send; the file or the folder to receive it in")
    parser.add_argument("--force", action="store_true", help="receive: replace a file that exists")
    add_signaling_arguments(parser)
    args = parser.parse_args()
    start(send(args) if args.role == "send" else receive(args), interrupted=130)


if __name__ == "__main__":
    main()
