# SPDX-License-Identifier: BSD-3-Clause
"""Signalling for examples and small programs, under aiortc's names and with its messages: one JSON object per line.

    {"sdp": "…", "type": "offer"}                                   or "answer"
    {"candidate": "candidate:…", "id": "0", "label": 0, "type": "candidate"}
    {"type": "bye"}

One side may be polyrtc and the other aiortc. The side that sends first over a socket listens, the other one connects.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import threading
from abc import ABC, abstractmethod
from typing import Any, Protocol

from ..candidate import RTCIceCandidate, candidate_from_sdp
from ..description import RTCSessionDescription

__all__ = [
    "BYE",
    "BaseSignaling",
    "CopyAndPasteSignaling",
    "SignalingBye",
    "TcpSocketSignaling",
    "UnixSocketSignaling",
    "add_signaling_arguments",
    "create_signaling",
    "object_from_string",
    "object_to_string",
]

LINE_LIMIT = 1 << 20
"""Bytes of the longest message that is taken."""


class SignalingBye:
    """The other side has left. There is one of it, :data:`BYE`."""

    def __repr__(self) -> str:
        return "BYE"


BYE = SignalingBye()

SignalingObject = RTCSessionDescription | RTCIceCandidate | SignalingBye


def object_from_string(message_str: str) -> SignalingObject:
    """Reads a message. ValueError when it is none."""
    try:
        message = json.loads(message_str)
        kind = message["type"]
        if kind in ("offer", "answer"):
            return RTCSessionDescription(sdp=_text(message["sdp"]), type=kind)
        if kind == "candidate":
            candidate = candidate_from_sdp(_text(message["candidate"]))
            candidate.sdpMid = message["id"]
            candidate.sdpMLineIndex = message["label"]
            return candidate
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not a signalling message: {_short(message_str)} ({error!r})") from error
    if kind != "bye":
        raise ValueError(f"not a signalling message: {_short(message_str)}")
    return BYE


def object_to_string(obj: SignalingObject) -> str:
    """Writes a message, without a line end."""
    message: dict[str, Any]
    if isinstance(obj, RTCSessionDescription):
        message = {"sdp": obj.sdp, "type": obj.type}
    elif isinstance(obj, RTCIceCandidate):
        message = {"candidate": obj.candidate, "id": obj.sdpMid, "label": obj.sdpMLineIndex, "type": "candidate"}
    elif obj is BYE:
        message = {"type": "bye"}
    else:
        raise ValueError(f"{obj!r} cannot be sent: a description, a candidate or BYE can")
    return json.dumps(message, sort_keys=True)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


class BaseSignaling(ABC):
    """A way to exchange descriptions and candidates with one other side."""

    @abstractmethod
    async def connect(self) -> None:
        """To be called first."""

    @abstractmethod
    async def close(self) -> None:
        """Says goodbye. Twice is harmless."""

    @abstractmethod
    async def send(self, descr: SignalingObject) -> None:
        """Sends an object."""

    @abstractmethod
    async def receive(self) -> SignalingObject | None:
        """The next object; ``None`` when the other side has gone without a goodbye. ValueError when it sent no message."""


class _LineReader(Protocol):
    async def readline(self) -> bytes: ...


class _Lines:
    """Lines of a terminal, a pipe or a file.

    A thread of its own reads them. asyncio's pipes refuse files, and make a terminal non-blocking also for those who share it.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._lines: asyncio.Queue[bytes] | None = None

    async def readline(self) -> bytes:
        """With its end; b"" when there are no more."""
        if self._lines is None:
            self._lines = asyncio.Queue()
            arguments = (self._file.fileno(), asyncio.get_running_loop(), self._lines)
            threading.Thread(target=self._read, args=arguments, daemon=True).start()
        return await self._lines.get()

    @staticmethod
    def _read(descriptor: int, loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[bytes]) -> None:
        rest = b""
        while True:
            try:
                data = os.read(descriptor, 65536)  # not the file object: its lock would be missed when the program ends
            except OSError:
                data = b""
            *whole, rest = (rest + data).split(b"\n")
            try:
                for line in whole:
                    loop.call_soon_threadsafe(lines.put_nowait, line + b"\n")
                if not data or len(rest) > LINE_LIMIT:
                    if rest:
                        loop.call_soon_threadsafe(lines.put_nowait, rest)
                    loop.call_soon_threadsafe(lines.put_nowait, b"")
                    return
            except RuntimeError:  # the loop is closed: nobody asks any more
                return


class CopyAndPasteSignaling(BaseSignaling):
    """The user carries the messages from one terminal to the other."""

    def __init__(self) -> None:
        self._read_pipe = sys.stdin
        self._write_pipe = sys.stdout
        self._reader: _LineReader | None = None

    async def connect(self) -> None:
        if self._reader is None:
            self._reader = _Lines(self._read_pipe)

    async def close(self) -> None:
        if self._reader is not None:
            self._reader = None
            await self.send(BYE)

    async def send(self, descr: SignalingObject) -> None:
        print("-- Please send this message to the remote party --")
        self._write_pipe.write(object_to_string(descr) + "\n")
        print()
        self._write_pipe.flush()

    async def receive(self) -> SignalingObject | None:
        if self._reader is None:
            raise ConnectionError("the signalling is not connected")
        print("-- Please enter a message from remote party --")
        sys.stdout.flush()
        line = b"\n"
        while line and not line.strip():  # pasting brings empty lines along
            line = await self._reader.readline()
        print()
        return object_from_string(line.decode(self._read_pipe.encoding or "utf-8")) if line else None


class _SocketSignaling(BaseSignaling):
    """A stream between the two: who sends first listens, who receives first connects."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @abstractmethod
    async def _listen(self, client_connected: Any) -> asyncio.Server: ...

    @abstractmethod
    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]: ...

    def _unlisten(self) -> None:
        """After the server was closed."""

    async def _connect(self, server: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None:
            if server:
                self._reader, self._writer = await self._accept()
            else:
                self._reader, self._writer = await self._dial()
        return self._reader, self._writer

    async def _accept(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The first who connects; who comes later is sent away."""
        first: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        first = asyncio.get_running_loop().create_future()

        def client_connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if first.done():
                writer.close()
            else:
                first.set_result((reader, writer))

        self._server = await self._listen(client_connected)
        return await first

    async def connect(self) -> None:
        pass  # it is not known yet who listens

    async def close(self) -> None:
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            if not writer.is_closing():
                writer.write(object_to_string(BYE).encode() + b"\n")
                writer.close()
            try:
                await writer.wait_closed()
            except OSError:  # the other side went first
                pass
        if self._server is not None:
            self._server.close()
            self._server = None
            self._unlisten()

    async def send(self, descr: SignalingObject) -> None:
        _, writer = await self._connect(server=True)
        writer.write(object_to_string(descr).encode() + b"\n")
        await writer.drain()

    async def receive(self) -> SignalingObject | None:
        reader, _ = await self._connect(server=False)
        try:
            line = await reader.readuntil()
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        except asyncio.LimitOverrunError as error:
            raise ValueError(f"a signalling message of more than {LINE_LIMIT} bytes") from error
        return object_from_string(line.decode())


class TcpSocketSignaling(_SocketSignaling):
    """Over a TCP connection to or at `host` and `port`."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._host = host
        self._port = port

    async def _listen(self, client_connected: Any) -> asyncio.Server:
        return await asyncio.start_server(client_connected, self._host, self._port, limit=LINE_LIMIT)

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._host, self._port, limit=LINE_LIMIT)


class UnixSocketSignaling(_SocketSignaling):
    """Over a Unix socket, whose file is there as long as the listening side has it open."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    async def _listen(self, client_connected: Any) -> asyncio.Server:
        return await asyncio.start_unix_server(client_connected, self._path, limit=LINE_LIMIT)

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self._path, limit=LINE_LIMIT)

    def _unlisten(self) -> None:
        try:
            os.unlink(self._path)
        except FileNotFoundError:  # Python 3.13 has done it
            pass


def _port(text: str) -> int:
    if not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text} is no port: 1 to 65535")
    return int(text)


def add_signaling_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options from which :func:`create_signaling` makes a signalling."""
    parser.add_argument(
        "--signaling",
        "-s",
        choices=["copy-and-paste", "tcp-socket", "unix-socket"],
        default="copy-and-paste",
        help="how descriptions reach the other side (default: %(default)s)",
    )
    parser.add_argument("--signaling-host", default="127.0.0.1", metavar="HOST", help="for tcp-socket (default: %(default)s)")
    parser.add_argument(
        "--signaling-port", default=1234, type=_port, metavar="PORT", help="for tcp-socket (default: %(default)s)"
    )
    parser.add_argument(
        "--signaling-path", default="polyrtc.socket", metavar="PATH", help="for unix-socket (default: %(default)s)"
    )


def create_signaling(args: argparse.Namespace) -> BaseSignaling:
    """The signalling that the options of :func:`add_signaling_arguments` ask for."""
    if args.signaling == "tcp-socket":
        return TcpSocketSignaling(args.signaling_host, args.signaling_port)
    if args.signaling == "unix-socket":
        return UnixSocketSignaling(args.signaling_path)
    return CopyAndPasteSignaling()
