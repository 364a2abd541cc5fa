# SPDX-License-Identifier: BSD-3-Clause
"""A peer connection and its channels as a test sees them: commands without a clock, and what has happened so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from polyrtc.sansio import ChannelInfo, Event, EventType, MessageFlag, MessageKind, Peer

from .invariants import InvariantError, PeerStates

if TYPE_CHECKING:
    from .host import Host

Message = str | bytes


class SimChannel:
    """A data channel."""

    def __init__(self, peer: SimPeer, id: int) -> None:
        self.peer = peer
        self.id = id
        self.received: list[Message] = []  # whole ones, however they came
        self.abandoned = 0  # messages of which only a part came
        self.parts: list[bytes] = []
        self.errors: list[tuple[int, str | None]] = []
        self.lows = 0
        self.info: ChannelInfo = peer.raw.channel_info(id)
        self.label = self.info.label

    def __repr__(self) -> str:
        return f"<SimChannel {self.label!r} of {self.peer!r} {self.state}>"

    @property
    def state(self) -> str:
        """connecting, announced (by the other side, not open yet), open, closing, closed."""
        return self.peer.states.channels[self.id]

    def refresh(self) -> ChannelInfo:
        """What the engine says of it now; the last that it said, when closed."""
        if self.state != "closed" and self.peer.id in self.peer.host.peers:
            self.info = self.peer.raw.channel_info(self.id)
        return self.info

    def send(self, message: Message) -> None:
        self.peer.command("send", self.id, message)

    def on_part(self, event: Event) -> Message | None:
        """Takes a message, or a part of one; returns the message that is whole by it."""
        assert event.data is not None
        if event.flags & MessageFlag.ABANDONED:
            self.abandoned += 1
            self.parts.clear()
            return None
        self.parts.append(event.data)
        if not event.flags & MessageFlag.END:
            return None
        data = b"".join(self.parts)
        self.parts.clear()
        return data.decode() if event.kind == MessageKind.TEXT else data

    def close(self) -> None:
        self.peer.command("close_channel", self.id)
        # W3C section 6.2: closing at once, so from now on no message may come.
        if self.state in ("connecting", "announced", "open"):
            self.peer.states.channels[self.id] = "closing"


class SimPeer:
    """Made by :meth:`Host.peer`."""

    def __init__(self, host: Host, raw: Peer) -> None:
        self.host = host
        self.raw = raw
        self.id = raw.id
        self.states = PeerStates()
        self.channels: dict[int, SimChannel] = {}
        self.streaming = False  # the configuration's streaming_channels
        self.whole: Message | None = None  # the message that the event now told has made whole
        self.candidates: list[Event] = []
        self.failures: list[tuple[int, str | None]] = []
        self.negotiation_needed = 0
        self.closed = False
        #: Called with each event, after it was noted.
        self.listeners: list[Callable[[Event], None]] = []

    def __repr__(self) -> str:
        return f"<SimPeer {self.host.name}/{self.id} {self.states.connection}>"

    def command(self, name: str, *arguments: Any, **keywords: Any) -> Any:
        """Gives a command at the current time and has its consequences fetched."""
        simulation = self.host.simulation
        simulation.record(self.host, name, self.id, *arguments, *sorted(keywords.items()))
        try:
            return getattr(self.raw, name)(simulation.now, *arguments, **keywords)
        finally:
            if not self.host.freed:
                self.host.touch()

    def channel(self, label: str = "", **config: Any) -> SimChannel:
        """A new data channel; the configuration is :meth:`polyrtc.sansio.Peer.create_data_channel`'s."""
        id = self.command("create_data_channel", label, **config)
        if id in self.states.channels or id == 0:
            raise InvariantError(f"channel id {id} was used before")
        self.states.channels[id] = "connecting"
        if config.get("streaming"):
            self.states.streaming.add(id)
        channel = self.channels[id] = SimChannel(self, id)
        return channel

    def by_label(self, label: str) -> SimChannel | None:
        """The newest of this label."""
        return next((c for c in reversed(self.channels.values()) if c.label == label), None)

    def alive(self) -> bool:
        """Neither closed nor freed."""
        return self.id in self.host.peers and not self.host.freed and not self.closed

    def close(self) -> None:
        self.closed = True
        self.command("close")

    def free(self) -> None:
        self.host.simulation.record(self.host, "free", self.id)
        self.host.peers.pop(self.id, None)
        self.raw.free()
        self.host.touch()

    # ------------------------------------------------------------------------------------------------------ from the host

    def on_event(self, event: Event) -> None:
        self.states.follow(event)
        kind = event.type
        if kind == EventType.DATA_CHANNEL:
            self.channels[event.object] = SimChannel(self, event.object)
            if self.streaming:
                self.states.streaming.add(event.object)
        elif kind == EventType.CHANNEL_MESSAGE:
            self.whole = self.channels[event.object].on_part(event)
            if self.whole is not None:
                self.channels[event.object].received.append(self.whole)
        elif kind == EventType.CHANNEL_ERROR:
            self.channels[event.object].errors.append((event.code, event.text))
        elif kind == EventType.CHANNEL_BUFFERED_AMOUNT_LOW:
            self.channels[event.object].lows += 1
        elif kind == EventType.ICE_CANDIDATE:
            self.candidates.append(event)
        elif kind == EventType.FAILED:
            self.failures.append((event.code, event.text))
        elif kind == EventType.NEGOTIATION_NEEDED:
            self.negotiation_needed += 1
        for listener in list(self.listeners):
            listener(event)

    def check(self) -> None:
        """What the engine says of the states when asked is what its last events said."""
        now, seen = self.raw.states(), self.states
        told = (seen.signaling, seen.ice_gathering, seen.ice_connection, seen.connection)
        asked = (now.signaling, now.ice_gathering, now.ice_connection, now.connection)
        if told != asked:
            raise InvariantError(f"{self!r}: the events said {told}, asked it says {asked}")
        if seen.connection == "closed" and any(state != "closed" for state in seen.channels.values()):
            raise InvariantError(f"{self!r}: a channel of a closed connection is not closed: {seen.channels}")
