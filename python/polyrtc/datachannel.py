# SPDX-License-Identifier: BSD-3-Clause
"""RTCDataChannel (W3C WebRTC 1.0 section 6.2), under aiortc's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .emitter import Emitter
from .errors import PrtcError
from .exceptions import argument_error, invalid_state
from .sansio import ChannelInfo, Event, EventType
from .streams import IncomingMessages, IncomingParts, MessageWriter, PartReader

if TYPE_CHECKING:
    from .loop import Flag
    from .transports import RTCSctpTransport


@dataclass
class RTCDataChannelParameters:
    """How a channel is configured (W3C RTCDataChannelInit, and the label)."""

    label: str = ""
    maxPacketLifeTime: int | None = None
    """Milliseconds during which a message is sent and sent again."""
    maxRetransmits: int | None = None
    """How often a message is sent again."""
    ordered: bool = True
    protocol: str = ""
    negotiated: bool = False
    """Both sides make the channel with the same id, and no message of RFC 8832 is exchanged."""
    id: int | None = None
    """The SCTP stream, 0 to 65,534. Must be given with `negotiated`; else the engine chooses."""


class RTCDataChannel(Emitter):
    """A channel for messages: text (``str``) or binary (``bytes``).

    Made by :meth:`RTCPeerConnection.createDataChannel`, given to the listeners of "datachannel", or over an RTCSctpTransport that was
    made without a connection.

    Events: "open"; "message" with a ``str`` or ``bytes``; "bufferedamountlow"; "closing" when the other side began to
    close; "error" with a :class:`~polyrtc.exceptions.PrtcError`; "close", the last one.
    """

    def __init__(
        self, transport: RTCSctpTransport, parameters: RTCDataChannelParameters | int, send_open: bool = True
    ) -> None:
        """ORTC's constructor, over a transport that was made by itself. Not ``send_open``: the other side makes the channel with the
        same id, as with ``negotiated``. (A number is the engine's channel: for this package alone.)"""
        super().__init__()
        self.__connection = connection = transport._owner
        self.__transport = transport
        channel = parameters if isinstance(parameters, int) else transport._create_channel(parameters, send_open)
        self.__channel = channel
        self.__engine = connection._engine
        self.__send, self.__buffered_amount = self.__engine.driver.port(connection._peer.id, channel)
        self.__threshold = 0
        self.__ready_state = "connecting"
        self.__reader: PartReader | None = None
        self.__writer: MessageWriter | None = None
        self.__writable: Flag | None = None
        self.__error: Exception | None = None
        self.__info = connection._peer.channel_info(channel)
        self.__parameters = RTCDataChannelParameters(
            label=self.__info.label,
            maxPacketLifeTime=self.__info.max_packet_life_time,
            maxRetransmits=self.__info.max_retransmits,
            ordered=self.__info.ordered,
            protocol=self.__info.protocol,
            negotiated=self.__info.negotiated,
            id=self.__info.stream_id,
        )
        if not isinstance(parameters, int):
            transport._gatherer._add_channel(self, channel)

    def __repr__(self) -> str:
        return f"<RTCDataChannel {self.label!r} id={self.id} {self.readyState}>"

    @property
    def label(self) -> str:
        return self.__parameters.label

    @property
    def protocol(self) -> str:
        return self.__parameters.protocol

    @property
    def ordered(self) -> bool:
        return self.__parameters.ordered

    @property
    def maxPacketLifeTime(self) -> int | None:
        """Milliseconds, or ``None``."""
        return self.__parameters.maxPacketLifeTime

    @property
    def maxRetransmits(self) -> int | None:
        return self.__parameters.maxRetransmits

    @property
    def negotiated(self) -> bool:
        return self.__parameters.negotiated

    @property
    def id(self) -> int | None:
        """The SCTP stream; ``None`` until the DTLS roles are known (RFC 8832 section 6)."""
        if self.__parameters.id is None:
            self.__parameters.id = self.__read().stream_id
        return self.__parameters.id

    @property
    def readyState(self) -> str:
        """``"connecting"``, ``"open"``, ``"closing"`` or ``"closed"``."""
        return self.__ready_state

    @property
    def transport(self) -> RTCSctpTransport:
        return self.__transport

    @property
    def bufferedAmount(self) -> int:
        """Bytes given to :meth:`send` that SCTP has not taken yet."""
        amount = self.__buffered_amount() if self.__ready_state != "closed" else None
        return self.__read().buffered_amount if amount is None else amount

    @property
    def bufferedAmountLowThreshold(self) -> int:
        """Bytes: when bufferedAmount falls to it from above, "bufferedamountlow" is fired."""
        return self.__threshold

    @bufferedAmountLowThreshold.setter
    def bufferedAmountLowThreshold(self, value: int) -> None:
        if not 0 <= value <= 0xFFFFFFFF:
            raise argument_error("bufferedAmountLowThreshold must be in range 0 - 4294967295")
        self.__threshold = value
        if self.__ready_state != "closed":
            self.__connection._peer.set_buffered_amount_low_threshold(self.__channel, value)

    def send(self, data: str | bytes | bytearray | memoryview) -> None:
        """Queues a message. It is sent soon, together with what else is queued until then.

        Raises InvalidStateError unless open, ValueError when the message is larger than the other side accepts
        (``transport.maxMessageSize``) or neither text nor bytes, OperationError when the send queue is full (nothing was
        queued then; wait for "bufferedamountlow").
        """
        if self.__ready_state != "open":
            raise invalid_state(f"the data channel is {self.__ready_state}")
        code = self.__send(data)
        if code:
            self.__connection._peer._check(code)
        elif code is None:
            raise argument_error(f"Cannot send unsupported data type: {type(data)}")
        self.__engine.schedule()

    def messages(self) -> IncomingMessages:
        """The messages that arrive, of any size, each in parts, instead of "message" events::

            async for message in channel.messages():
                async for part in message:  # str of a text, bytes of anything else
                    ...

        From this call on; so call it at once, for instance when "datachannel" tells of a channel. It ends when the channel closes;
        when it failed, with the error. While more than about a megabyte waits to be read, nothing is taken from the connection
        and the other side has to stop: with all channels of the connection, for there is one receive window for all.
        """
        if self.__reader is not None:
            raise invalid_state("the channel is being read")
        self.__reader = PartReader(
            lambda paused: self.__connection._pause_messages(self, paused), self.__engine.loop.flag
        )
        if self.__ready_state in ("closing", "closed"):
            self.__reader.end(self.__error)
        else:
            self.__connection._peer.set_channel_streaming(self.__channel)
        return IncomingMessages(self.__reader)

    def stream(self) -> IncomingParts:
        """As :meth:`messages`, without their ends: the parts of one message after the other."""
        return IncomingParts(self.messages())

    def writer(self, text: bool = False) -> MessageWriter:
        """For one message of any size, written in parts; see :class:`~polyrtc.streams.MessageWriter`."""
        return MessageWriter(self, text)

    def close(self) -> None:
        """Closes the channel, after what was queued. "close" follows when both directions are closed. Twice is harmless."""
        if self.__ready_state in ("closing", "closed"):
            return
        self.__connection._peer.close_channel(self.__connection._now(), self.__channel)
        if self.__ready_state == "connecting" and self.__read().state == "closed":
            self._close()  # nobody else knows of it yet: as in aiortc it closes at once
        else:
            self.__ready_state = "closing"
        self.__engine.schedule()

    # ------------------------------------------------------------------------------------------------ from the connection

    def _begin_writing(self, writer: MessageWriter) -> None:
        if self.__ready_state != "open":
            raise invalid_state(f"the data channel is {self.__ready_state}")
        if self.__writer is not None:
            raise invalid_state("another message is being written")
        self.__writer = writer

    def _end_writing(self, writer: MessageWriter) -> None:
        if self.__writer is writer:
            self.__writer = None

    def _send_part(self, part: str | bytes | memoryview, flags: int) -> bool:
        if self.__ready_state != "open":
            raise self.__error or invalid_state(f"the data channel is {self.__ready_state}")
        taken = self.__connection._peer.send_part(self.__connection._now(), self.__channel, part, flags)
        self.__engine.schedule()
        return taken

    async def _wait_writable(self) -> None:
        self.__writable = self.__engine.loop.flag()
        await self.__writable.wait()

    def __wake_writer(self) -> None:
        if self.__writable is not None:
            self.__writable.set()
            self.__writable = None

    def __end_streams(self) -> None:
        self.__wake_writer()
        if self.__reader is not None:
            self.__reader.end(self.__error)

    def __read(self) -> ChannelInfo:
        """What the engine knows of the channel; what it last knew when that is over."""
        if self.__ready_state != "closed":
            try:
                self.__info = self.__connection._peer.channel_info(self.__channel)
            except PrtcError:  # the engine has let it go, and the event that says so is on its way
                pass
        return self.__info

    def _announce(self) -> None:
        """The other side opened it: it may be used from within "datachannel", before its "open" (W3C section 6.2)."""
        self.__ready_state = "open"

    def _on_message(self, data: str | bytes) -> None:
        """A whole message."""
        if self.__reader is not None:
            self.__reader.feed_message(data)
        elif self.__ready_state == "open":
            self.emit_often("message", data)

    def _on_event(self, event: Event) -> None:
        if self.__ready_state == "closed":
            return
        if event.type == EventType.CHANNEL_MESSAGE:
            if self.__reader is not None:
                self.__reader.feed(event)
        elif event.type == EventType.CHANNEL_OPEN:
            if self.__ready_state in ("connecting", "open"):
                self.__ready_state = "open"
                self.emit("open")
        elif event.type == EventType.CHANNEL_BUFFERED_AMOUNT_LOW:
            self.__wake_writer()
            self.emit("bufferedamountlow")
        elif event.type == EventType.CHANNEL_CLOSING:
            if self.__ready_state != "closing":
                self.__ready_state = "closing"
                self.__wake_writer()
                self.emit("closing")
        elif event.type == EventType.CHANNEL_ERROR:
            self.__error = self.__connection._error_of(event)
            if self.listeners("error"):
                self.emit("error", self.__connection._error_of(event))
        elif event.type == EventType.CHANNEL_CLOSED:
            self._close()

    def _close(self) -> None:
        if self.__ready_state != "closed":
            self.__read()
            self.__ready_state = "closed"
            self.__end_streams()
            self.emit("close")
            # Nothing more will come: let go of what the listeners hold.
            self.remove_all_listeners()
