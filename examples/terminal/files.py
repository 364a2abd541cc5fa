# Files for the page: lists, sends and takes those of one folder. README.md describes what goes over a channel.
#
# SPDX-License-Identifier: BSD-3-Clause

import asyncio
import hashlib
import json
import os
import stat
import sys
import tempfile
from collections import deque
from pathlib import Path

WINDOW = 4 * 1024 * 1024  # bytes of a file that may be on their way, not yet acknowledged
ACKNOWLEDGE = WINDOW // 8  # bytes after which the receiver says so
PIECE = 64 * 1024  # bytes of a file in one message
BLOCK = 1024 * 1024  # bytes that are read, or written, at a time
BUFFERED_HIGH = WINDOW // 8  # bytes that may wait in the channel, so that the terminals beside it stay quick
MAX_WAITING = WINDOW // 4096  # messages that a page may be ahead
MAX_ENTRIES = 5000  # of a folder


class Refusal(Exception):
    """A sentence for the page."""


class Files:
    def __init__(self, root):
        self._root = Path(root).resolve(strict=True)

    def serve(self, channel):
        """To await: does what the first message asks for, and closes the channel. Cancelled, it leaves nothing behind."""
        return self._serve(channel, _Link(channel))  # which listens at once: the first message may follow on the heels

    async def _serve(self, channel, link):
        try:
            request = await link.receive()
            act = {"list": self._list, "download": self._download, "upload": self._upload}[request["type"]]
            await act(link, request)
        except (Refusal, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            link.send({"type": "error", "reason": reason})
        except (KeyError, TypeError, ValueError) as error:
            print(f"Closing a channel for files: its page sent a bad message ({error!r}).", file=sys.stderr)
        finally:
            channel.close()  # what was sent before still arrives

    # --- what may be asked for ---

    async def _list(self, link, request):
        folder = self._inside(request["path"])
        entries = await asyncio.to_thread(_entries, folder)
        for at in range(0, min(len(entries), MAX_ENTRIES), 200):
            link.send({"type": "entries", "entries": entries[at:at + 200]})
        link.send({"type": "end", "root": self._root.name or "/", "more": max(0, len(entries) - MAX_ENTRIES)})

    async def _download(self, link, request):
        path = self._inside(request["path"])
        with _open(path) as file:
            link.send({"type": "file", "size": os.fstat(file.fileno()).st_size})
            digest, sent = hashlib.sha256(), 0
            while block := await asyncio.to_thread(_read, file, digest):
                for at in range(0, len(block), PIECE):
                    await link.send_bytes(block[at:at + PIECE])
                sent += len(block)
        link.send({"type": "end", "size": sent, "sha256": digest.hexdigest()})
        print(f"Sent {_printable(path)}, {sent} bytes, sha256 {digest.hexdigest()}", flush=True)

    async def _upload(self, link, request):
        folder, name = self._inside(request["path"]), request["name"]
        if type(name) is not str or name in ("", ".", "..") or "/" in name or "\0" in name:
            raise Refusal(f"{name!r} is no name for a file")
        file = tempfile.NamedTemporaryFile(dir=folder, prefix=".upload-", delete=False)
        try:
            with file:
                digest, size = hashlib.sha256(), 0
                while type(message := await link.receive()) is bytes:
                    block = [message, *link.waiting_bytes(BLOCK)]
                    await asyncio.to_thread(_write, file, digest, block)
                    size += sum(map(len, block))
                    link.acknowledge(sum(map(len, block)))
                if message["type"] != "end":
                    raise ValueError("not the end")
                if message["sha256"] != digest.hexdigest():
                    raise Refusal("the file did not arrive as it was sent: the hashes differ")
                os.fchmod(file.fileno(), 0o666 & ~_umask())
            path = _take_name(file.name, folder, name)
        finally:
            os.unlink(file.name)
        link.send({"type": "end", "name": path.name, "size": size, "sha256": digest.hexdigest()})
        print(f"Received {_printable(path)}, {size} bytes, sha256 {digest.hexdigest()}", flush=True)

    def _inside(self, path):
        """Where a path of the page leads; a Refusal when that is outside, by "..", as an absolute path or over a link."""
        if type(path) is not str or "\0" in path:
            raise Refusal("this is no path")
        try:
            found = (self._root / path).resolve()
        except RuntimeError as error:  # links in a circle
            raise Refusal("there is no such file or folder") from error
        if not found.is_relative_to(self._root):
            raise Refusal("this is outside of the folder that is shared")
        return found


# --- the file system, in threads ---


def _entries(folder):
    """Folders first, by name. What begins with a dot is not shown, as `ls` does it."""
    entries = []
    with os.scandir(folder) as found:
        for entry in found:
            try:
                status = entry.stat()
            except OSError:  # a link to nowhere, or just deleted
                continue
            if not entry.name.startswith(".") and (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)):
                entries.append({"name": entry.name, "folder": stat.S_ISDIR(status.st_mode), "size": status.st_size})
    return sorted(entries, key=lambda entry: (not entry["folder"], entry["name"].lower()))


def _open(path):
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)  # a pipe must not hold us up
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refusal("this is not a file")
    return open(descriptor, "rb")


def _read(file, digest):
    block = file.read(BLOCK)
    digest.update(block)
    return block


def _write(file, digest, block):
    for piece in block:
        digest.update(piece)
        file.write(piece)


def _take_name(temporary, folder, name):
    """Gives the file its name, or one like it: nothing is ever overwritten."""
    stem, suffix = os.path.splitext(name)
    for number in range(1, 1000):
        path = folder / (name if number == 1 else f"{stem} ({number}){suffix}")
        try:
            os.link(temporary, path)
            return path
        except FileExistsError:
            pass
    raise Refusal("there are too many files of that name")


def _printable(path):
    """A name is the page's choice, and must not command the terminal that it is printed on."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(path))


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


# --- the channel ---


class _Link:
    """A channel for one file, with the window of each direction."""

    def __init__(self, channel):
        self._channel = channel
        self._received = deque()  # bytes, and messages as dictionaries
        self._came = asyncio.Event()
        self._to_acknowledge = 0  # bytes that were received
        self._acknowledged = 0  # bytes that were dealt with, and of which the page does not know yet
        self._on_their_way = 0  # bytes that were sent and not acknowledged
        self._room = asyncio.Event()
        channel.bufferedAmountLowThreshold = BUFFERED_HIGH // 2
        channel.on("bufferedamountlow", self._check_room)
        channel.on("message", self._on_message)

    async def receive(self):
        while not self._received:
            self._came.clear()
            await self._came.wait()
        return self._received.popleft()

    def waiting_bytes(self, most):
        """What has come beside that, up to the next message that is not bytes."""
        while self._received and type(self._received[0]) is bytes and most > 0:
            most -= len(self._received[0])
            yield self._received.popleft()

    def send(self, message):
        if self._channel.readyState == "open":
            self._channel.send(json.dumps(message))

    async def send_bytes(self, piece):
        if self._channel.readyState != "open":
            raise ConnectionError("the page has left")
        self._channel.send(piece)
        self._on_their_way += len(piece)
        self._check_room()
        await self._room.wait()

    def acknowledge(self, count):
        self._to_acknowledge -= count
        self._acknowledged += count
        if self._acknowledged >= ACKNOWLEDGE:
            self.send({"type": "ack", "bytes": self._acknowledged})
            self._acknowledged = 0

    def _check_room(self):
        if self._on_their_way <= WINDOW - PIECE and self._channel.bufferedAmount < BUFFERED_HIGH:
            self._room.set()
        else:
            self._room.clear()

    def _put(self, message):
        if len(self._received) >= MAX_WAITING:
            raise ValueError("too many messages")
        self._received.append(message)
        self._came.set()

    def _on_message(self, message):
        try:
            if type(message) is bytes:
                self._to_acknowledge += len(message)
                if not message or self._to_acknowledge > WINDOW:
                    raise ValueError("more bytes than the window allows, or none")
                self._put(message)
                return
            control = json.loads(message)
            if control["type"] == "ack":
                if type(control["bytes"]) is not int or not 0 < control["bytes"] <= self._on_their_way:
                    raise ValueError("an acknowledgement of what was not sent")
                self._on_their_way -= control["bytes"]
                self._check_room()
            else:
                self._put(control)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            print(f"Closing a channel for files: its page sent a bad message ({error!r}).", file=sys.stderr)
            self._channel.close()
