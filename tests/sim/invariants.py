# SPDX-License-Identifier: BSD-3-Clause
"""What must hold whatever the network does, and the tables to see it by."""

from __future__ import annotations

from collections.abc import Mapping, Set

from polyrtc import sansio
from polyrtc.sansio import Event, EventType, MessageFlag


class InvariantError(AssertionError):
    """The engine broke one of its promises."""


#: At most this often may an endpoint ask for a time-out within one virtual second and one peer: far above what timers of
#: 5 ms need, far below what a deadline needs that only crawls.
TIMEOUTS_PER_SECOND = 2_000

#: At most so many datagrams from one drain: a bound on "transmit ends", not on speed.
DATAGRAMS_PER_DRAIN = 20_000

#: At most so many rounds of transmit, event and request until all three have nothing more.
ROUNDS_PER_DRAIN = 1_000

#: W3C WebRTC 1.0 section 4.3.1 and RFC 9429 section 3.2; from have-local-offer to have-remote-offer by the implicit
#: rollback of W3C section 4.4.1.5.
SIGNALING: Mapping[str | None, Set[str]] = {
    "stable": {"have-local-offer", "have-remote-offer", "closed"},
    "have-local-offer": {"stable", "have-remote-offer", "have-remote-pranswer", "closed"},
    "have-remote-offer": {"stable", "have-local-pranswer", "closed"},
    "have-local-pranswer": {"stable", "closed"},
    "have-remote-pranswer": {"stable", "closed"},
    "closed": set(),
}

#: W3C section 4.3.2; back to gathering by an ICE restart, back to new by a rollback.
ICE_GATHERING: Mapping[str | None, Set[str]] = {
    "new": {"gathering"},
    "gathering": {"complete", "new"},
    "complete": {"gathering", "new"},
}

#: W3C section 5.6.4: checking again after an ICE restart, new only at the beginning.
ICE: Mapping[str | None, Set[str]] = {
    "new": {"checking", "closed"},
    "checking": {"connected", "completed", "disconnected", "failed", "closed"},
    "connected": {"completed", "checking", "disconnected", "failed", "closed"},
    "completed": {"connected", "checking", "disconnected", "failed", "closed"},
    "disconnected": {"connected", "completed", "checking", "failed", "closed"},
    "failed": {"checking", "connected", "completed", "disconnected", "closed"},
    "closed": set(),
}

#: W3C section 4.3.3.
CONNECTION: Mapping[str | None, Set[str]] = {
    "new": {"connecting", "closed"},
    "connecting": {"connected", "disconnected", "failed", "closed"},
    "connected": {"connecting", "disconnected", "failed", "closed"},
    "disconnected": {"connecting", "connected", "failed", "closed"},
    "failed": {"connecting", "connected", "disconnected", "closed"},
    "closed": set(),
}

#: W3C section 5.5.
DTLS: Mapping[str | None, Set[str]] = {
    "new": {"connecting", "closed", "failed"},
    "connecting": {"connected", "closed", "failed"},
    "connected": {"closed", "failed"},
    "failed": {"closed"},
    "closed": set(),
}

#: W3C section 6.1.
SCTP: Mapping[str | None, Set[str]] = {
    None: {"connecting", "connected", "closed"},
    "connecting": {"connected", "closed"},
    "connected": {"closed"},
    "closed": set(),
}

STATES: dict[EventType, tuple[str, Mapping[str | None, Set[str]]]] = {
    EventType.SIGNALING_STATE_CHANGE: ("signaling", SIGNALING),
    EventType.ICE_GATHERING_STATE_CHANGE: ("ice_gathering", ICE_GATHERING),
    EventType.ICE_CONNECTION_STATE_CHANGE: ("ice_connection", ICE),
    EventType.CONNECTION_STATE_CHANGE: ("connection", CONNECTION),
    EventType.ICE_TRANSPORT_STATE_CHANGE: ("ice_transport", ICE),
    EventType.DTLS_TRANSPORT_STATE_CHANGE: ("dtls_transport", DTLS),
    EventType.SCTP_TRANSPORT_STATE_CHANGE: ("sctp_transport", SCTP),
}

#: W3C section 6.2: what may be told of a channel in which state, and the state that follows.
CHANNEL = {
    EventType.CHANNEL_OPEN: ({"connecting", "announced"}, "open"),
    EventType.CHANNEL_MESSAGE: ({"open"}, "open"),
    EventType.CHANNEL_BUFFERED_AMOUNT_LOW: ({"open", "closing"}, None),
    EventType.CHANNEL_CLOSING: ({"connecting", "announced", "open", "closing"}, "closing"),
    EventType.CHANNEL_ERROR: ({"connecting", "announced", "open", "closing"}, None),
    EventType.CHANNEL_CLOSED: ({"connecting", "announced", "open", "closing"}, "closed"),
}


class PeerStates:
    """Follows one peer through its events."""

    def __init__(self) -> None:
        self.signaling = "stable"
        self.ice_gathering = "new"
        self.ice_connection = "new"
        self.connection = "new"
        self.ice_transport = "new"
        self.dtls_transport = "new"
        self.sctp_transport: str | None = None
        self.channels: dict[int, str] = {}
        self.streaming: set[int] = set()  # channels whose messages come in parts
        self.partial: set[int] = set()  # those that are in the midst of one
        self.candidates_ended = False
        self.transport = 0  # the newest that was told of
        self.left: dict[tuple[str, int], str] = {}  # states of those before
        self.one_by_one = False  # its transports are started one by one: there are no descriptions
        self.rejected = False  # its data section has been: all is new again

    def follow(self, event: Event) -> None:
        """Raises when the event may not come here."""
        if event.type in STATES:
            self._follow_state(event)
        elif event.type == EventType.DATA_CHANNEL:
            if event.object in self.channels:
                raise InvariantError(f"channel {event.object} was announced twice")
            self.channels[event.object] = "announced"
        elif event.type in CHANNEL:
            self._follow_channel(event)
        elif event.type == EventType.ICE_CANDIDATE:
            self._follow_candidate(event)
        elif event.type not in (EventType.NEGOTIATION_NEEDED, EventType.FAILED, EventType.ICE_SELECTED_PAIR_CHANGE,
                                EventType.ICE_CANDIDATE_ERROR, EventType.TRANSPORT_DATA):
            raise InvariantError(f"event of unknown type {event.type}")

    def _follow_state(self, event: Event) -> None:
        name, table = STATES[EventType(event.type)]
        of_transport, new = name.endswith("transport"), event.state_name
        if of_transport and event.object > self.transport:
            for one in ("ice_transport", "dtls_transport", "sctp_transport"):
                self.left[one, self.transport] = getattr(self, one) or ""
                setattr(self, one, None if one == "sctp_transport" else "new")
            self.transport = event.object
        leaves = of_transport and event.object < self.transport
        old = (self.left[name, event.object] or None) if leaves else getattr(self, name)
        begins_anew = self.rejected and not of_transport and new == "new"
        if new not in table[old] and not begins_anew:
            raise InvariantError(f"{name}: {old} -> {new} is not a step of the W3C's table")
        if leaves:
            self.left[name, event.object] = new
        else:
            setattr(self, name, new)

    def _follow_channel(self, event: Event) -> None:
        kind = EventType(event.type)
        allowed, new = CHANNEL[kind]
        old = self.channels.get(event.object)
        if old is None:
            raise InvariantError(f"{kind.name} of a channel {event.object} that nobody knows")
        if old not in allowed:
            raise InvariantError(f"{kind.name} of channel {event.object}, which is {old}")
        if kind == EventType.CHANNEL_MESSAGE:
            self._follow_parts(event)
            try:
                if event.kind == sansio.MessageKind.TEXT:
                    (event.data or b"").decode()
            except UnicodeDecodeError as error:
                raise InvariantError(f"a text that is not UTF-8: {error}") from error
        if new is not None:
            self.channels[event.object] = new

    def _follow_parts(self, event: Event) -> None:
        """A whole message, or on a streaming channel parts in their order: BEGIN … END, or ABANDONED instead of the end."""
        begin, end, abandoned = (bool(event.flags & flag) for flag in MessageFlag)
        if event.data is None or event.flags & ~7 or (abandoned and (begin or end or event.data)):
            raise InvariantError(f"a message without data or with flags {event.flags}")
        if event.object not in self.streaming and not (begin and end):
            raise InvariantError(f"a part of a message (flags {event.flags}) on channel {event.object}, which takes whole ones")
        if begin == (event.object in self.partial):
            raise InvariantError(f"channel {event.object}: flags {event.flags}, in a message: {event.object in self.partial}")
        if end or abandoned:
            self.partial.discard(event.object)
        else:
            self.partial.add(event.object)

    def _follow_candidate(self, event: Event) -> None:
        if event.text is None:
            self.candidates_ended = True
        elif self.ice_gathering == "new":
            raise InvariantError("a candidate before gathering has begun")
        elif event.text and not event.text.startswith("candidate:"):
            raise InvariantError(f"not a candidate: {event.text!r}")
        elif event.mid is None and not self.one_by_one:
            raise InvariantError("a candidate without its mid")
