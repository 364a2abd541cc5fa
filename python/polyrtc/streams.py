# SPDX-License-Identifier: BSD-3-Clause
"""Messages of any size, in parts: what :meth:`RTCDataChannel.messages`, ``stream`` and ``writer`` give.

Beyond the W3C's API. A reader holds about a megabyte: while it is full no messages are taken from the connection, so that the
other side has to stop. A writer waits while its channel has about as much to send.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from .errors import ErrorCode, PrtcError
from .exceptions import IncompleteMessageError, argument_error, invalid_state
from .sansio import Event, EventType, MessageFlag, MessageKind

if TYPE_CHECKING:
    from .datachannel import RTCDataChannel
    from .loop import Flag

#: Bytes that a reader holds before the connection is paused, and when it goes on.
_HIGH, _LOW = 1024 * 1024, 256 * 1024

#: Bytes that are given to the engine at once; of a text so many characters, each of up to four bytes.
_PART, _CHARACTERS = 65536, 16384


class PartReader:
    """What has arrived on a channel and was not read yet. One at a time reads."""

    def __init__(self, pause: Callable[[bool], None], flag: Callable[[], Flag]) -> None:
        self._pause = pause
        self._flag = flag
        self._parts: deque[Event] = deque()
        self._size = 0
        self._paused = False
        self._arrived: Flag | None = None
        self._ended = False
        self._error: Exception | None = None

    # ------------------------------------------------------------------------------------------------ from the channel

    def feed(self, event: Event) -> None:
        if self._ended:
            return
        self._parts.append(event)
        self._size += len(event.data or b"")
        if self._size > _HIGH:
            self._set_paused(True)
        self._wake()

    def feed_message(self, message: str | bytes) -> None:
        """A message in one part."""
        kind, data = (MessageKind.TEXT, message.encode()) if isinstance(message, str) else (MessageKind.BINARY, message)
        flags = MessageFlag.BEGIN | MessageFlag.END
        self.feed(Event(EventType.CHANNEL_MESSAGE, 0, 0, 0, 0, kind, flags, 0, data, None, None, None))

    def end(self, error: Exception | None = None) -> None:
        """Nothing more will come. What has arrived can be read still; then the error is raised, where there is one."""
        if not self._ended:
            self._ended = True
            self._error = error
            self._set_paused(False)
            self._wake()

    def discard(self) -> None:
        """The reader is not wanted any more: what has arrived and what comes is dropped."""
        self._parts.clear()
        self._size = 0
        self.end()

    # ------------------------------------------------------------------------------------------------------ for a reader

    async def next(self) -> Event | None:
        """The next part; ``None`` at the end."""
        while not self._parts:
            if self._ended:
                if self._error is not None:
                    raise self._error
                return None
            self._arrived = self._flag()
            await self._arrived.wait()
        event = self._parts.popleft()
        self._size -= len(event.data or b"")
        if self._size <= _LOW:
            self._set_paused(False)
        return event

    def _wake(self) -> None:
        if self._arrived is not None:
            self._arrived.set()
            self._arrived = None

    def _set_paused(self, paused: bool) -> None:
        if paused != self._paused:
            self._paused = paused
            self._pause(paused)


class _Hold:
    """What a reader's messages share: with the last of them goes the wish to read, also when a loop was left by `break`."""

    def __init__(self, reader: PartReader) -> None:
        self.reader = reader

    def __del__(self) -> None:
        self.reader.discard()


class IncomingMessage:
    """A message that arrives: iterate over it for its parts, ``str`` of a text and ``bytes`` of anything else.

    Raises :class:`~polyrtc.exceptions.IncompleteMessageError` when the other side gave it up, or the channel closed amid it.
    """

    def __init__(self, hold: _Hold, first: Event) -> None:
        self._hold = hold
        self._pending: Event | None = first
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace") if first.kind == MessageKind.TEXT else None
        self.complete = False
        """Whether all of it was read."""
        self._over = False

    @property
    def text(self) -> bool:
        return self._decoder is not None

    def __aiter__(self) -> IncomingMessage:
        return self

    async def __anext__(self) -> str | bytes:
        while not self._over:
            part = self._take(await self._event())
            if part:
                return part
        raise StopAsyncIteration

    async def read(self) -> str | bytes:
        """All that is left of it."""
        if self.text:
            return "".join([part async for part in self if isinstance(part, str)])
        return b"".join([part async for part in self if isinstance(part, bytes)])

    async def _event(self) -> Event:
        event, self._pending = self._pending, None
        if event is None:
            event = await self._hold.reader.next()
        if event is None or event.flags & MessageFlag.ABANDONED:
            self._over = True
            raise IncompleteMessageError(ErrorCode.CLOSED, "CLOSED", "the rest of the message will not come")
        return event

    def _take(self, event: Event) -> str | bytes:
        """A character that is divided between two parts is given with the second."""
        data = event.data or b""
        self._over = self.complete = bool(event.flags & MessageFlag.END)
        return data if self._decoder is None else self._decoder.decode(data, self._over)

    async def _skip(self) -> None:
        try:
            async for _ in self:
                pass
        except IncompleteMessageError:
            pass


class IncomingMessages:
    """Iterate over it for the messages that arrive, until the channel closes. What is not read of one is skipped."""

    def __init__(self, reader: PartReader) -> None:
        self._hold = _Hold(reader)
        self._current: IncomingMessage | None = None

    def __aiter__(self) -> IncomingMessages:
        return self

    async def __anext__(self) -> IncomingMessage:
        if self._current is not None:
            await self._current._skip()
        event = await self._hold.reader.next()
        while event is not None and not event.flags & MessageFlag.BEGIN:
            event = await self._hold.reader.next()
        if event is None:
            raise StopAsyncIteration
        self._current = IncomingMessage(self._hold, event)
        return self._current

    async def aclose(self) -> None:
        """Reads no more: what comes on the channel from now on is dropped."""
        self._hold.reader.discard()


class IncomingParts:
    """Iterate over it for the parts of all messages, one after the other, until the channel closes."""

    def __init__(self, messages: IncomingMessages) -> None:
        self._messages = messages
        self._message: IncomingMessage | None = None

    def __aiter__(self) -> IncomingParts:
        return self

    async def __anext__(self) -> str | bytes:
        while True:
            if self._message is None:
                self._message = await self._messages.__anext__()
            try:
                return await self._message.__anext__()
            except StopAsyncIteration:
                self._message = None

    async def aclose(self) -> None:
        """Reads no more: what comes on the channel from now on is dropped."""
        await self._messages.aclose()


class MessageWriter:
    """Writes one message in parts::

        async with channel.writer() as writer:
            await writer.write(part)

    At the end of the block the message is complete. When the block is left by an exception the message is given up, as it is
    when the channel is closed: the other side gets no more of it, and whoever reads it in parts is told. The last byte of what
    was written waits for the next part or the end.
    """

    def __init__(self, channel: RTCDataChannel, text: bool) -> None:
        self._channel = channel
        self._text = text
        self._entered = self._over = False

    async def __aenter__(self) -> MessageWriter:
        if self._entered:
            raise invalid_state("a writer writes one message")
        self._channel._begin_writing(self)
        self._entered = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._over:
            return
        if kind is not None:
            self.abort()
            return
        try:
            await self._send("" if self._text else b"", MessageFlag.END)
        finally:
            self._finish()

    async def write(self, part: str | bytes | bytearray | memoryview) -> None:
        """Queues a part, of any size; waits while the channel has enough to send.

        Raises InvalidStateError once the channel is not open, ValueError when the message is larger than the other side accepts.
        """
        if not self._entered or self._over:
            raise invalid_state("the writer is not open")
        if isinstance(part, str) != self._text:
            raise argument_error("a text is written in str, anything else in bytes")
        if isinstance(part, str):
            for at in range(0, len(part), _CHARACTERS):
                await self._send(part[at : at + _CHARACTERS])
        else:
            view = memoryview(part).cast("B")
            for at in range(0, len(view), _PART):
                await self._send(view[at : at + _PART])

    def abort(self) -> None:
        """Gives the message up. Twice is harmless."""
        if self._entered and not self._over:
            try:
                self._channel._send_part("" if self._text else b"", MessageFlag.ABANDONED)
            except PrtcError:  # the channel is closed, and the message given up with it
                pass
            self._finish()

    async def _send(self, part: str | bytes | memoryview, flags: int = 0) -> None:
        while not self._channel._send_part(part, flags):
            await self._channel._wait_writable()

    def _finish(self) -> None:
        self._over = True
        self._channel._end_writing(self)
