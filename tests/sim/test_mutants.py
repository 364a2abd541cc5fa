# SPDX-License-Identifier: BSD-3-Clause
"""A test of the tests: engines with a planted bug. The workload must find each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from polyrtc.errors import PrtcError
from polyrtc.sansio import Datagram, Endpoint, Event, EventType
from tests.sim import InvariantError, workload


class Mutant:
    """The real endpoint, to be bent by a subclass. The bug strikes once, late enough for all to be connected."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        self.real = Endpoint(*arguments, **keywords)
        self.seen = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def strikes(self, after: int = 5) -> bool:
        self.seen += 1
        return self.seen == after


class ChangesMessages(Mutant):
    """Bends the list of events once, at the fifth message."""

    def bend(self, events: list[Event], at: int) -> None:
        raise NotImplementedError

    def events(self) -> list[Event]:
        events = list(self.real.events())
        for at, event in enumerate(events):
            if event.type == EventType.CHANNEL_MESSAGE and self.strikes():
                self.bend(events, at)
                break
        return events


class DropsMessage(ChangesMessages):
    def bend(self, events: list[Event], at: int) -> None:
        del events[at]


class RepeatsMessage(ChangesMessages):
    def bend(self, events: list[Event], at: int) -> None:
        events.insert(at, events[at])


class ChangesByte(ChangesMessages):
    def bend(self, events: list[Event], at: int) -> None:
        data = events[at].data or b""
        events[at].data = b"?" + data[1:]


class ChangesKind(ChangesMessages):
    def bend(self, events: list[Event], at: int) -> None:
        events[at].kind = 1 - events[at].kind


class SwapsMessages(Mutant):
    """Holds a message of an ordered channel back until the next one of it has passed."""

    held: Event | None = None
    done = False

    def events(self) -> list[Event]:
        events: list[Event] = []
        for event in self.real.events():
            if event.type != EventType.CHANNEL_MESSAGE:
                events.append(event)
            elif self.held is not None and (event.peer, event.object) == (self.held.peer, self.held.object):
                events += [event, self.held]
                self.done = event.data != self.held.data
                self.held = None
            elif self.held is None and not self.done and self.real.peer(event.peer).channel_info(event.object).ordered:
                self.held = event
            else:
                events.append(event)
        return events


class RepeatsEvent(Mutant):
    """A state change that is told twice."""

    def events(self) -> list[Event]:
        events = list(self.real.events())
        for event in list(events):
            if event.type == EventType.CONNECTION_STATE_CHANGE and event.state_name == "connected" and self.strikes(1):
                events.append(event)
        return events


class EventOfNobody(Mutant):
    def events(self) -> list[Event]:
        events = list(self.real.events())
        if events and self.strikes(20):
            events[0].peer = 77
        return events


class StuckDeadline(Mutant):
    """From some moment on the deadline does not move."""

    stuck: int | None = None

    def deadline(self) -> int | None:
        deadline: int | None = self.real.deadline()
        if self.stuck is None and deadline is not None and self.strikes(200):
            self.stuck = deadline
        return self.stuck if self.stuck is not None else deadline


class CrawlingDeadline(Mutant):
    """The deadline is always a microsecond away: what burns a core."""

    last = 0

    def timeout(self, now: int) -> None:
        self.last = max(self.last, now)
        self.real.timeout(now)

    def deadline(self) -> int | None:
        return self.last + 1


class EndlessTransmit(Mutant):
    again: Datagram | None = None

    def transmit(self, now: int) -> Datagram | None:
        self.again = self.real.transmit(now) or self.again
        return self.again


class LargeDatagram(Mutant):
    def transmit(self, now: int) -> Datagram | None:
        datagram: Datagram | None = self.real.transmit(now)
        if datagram is not None and self.strikes(30):
            datagram.segment_size, datagram.data = 0, bytes(datagram.data) + bytes(1_500)
        return datagram


class UnknownSocket(Mutant):
    def transmit(self, now: int) -> Datagram | None:
        datagram: Datagram | None = self.real.transmit(now)
        if datagram is not None and self.strikes(30):
            datagram.socket += 1_000
        return datagram


class FatalDatagram(Mutant):
    def receive(self, now: int, datagrams: Any) -> int:
        code: int = self.real.receive(now, datagrams)
        return -202 if self.strikes(30) else code


class KeepsSocket(Mutant):
    """A socket that is never closed again."""

    def requests(self) -> list[Any]:
        return [request for request in self.real.requests() if request.type != 5]


class StatesDisagree(Mutant):
    """An event that comes too late: with the next ones."""

    late: list[Event] = []

    def events(self) -> list[Event]:
        events = list(self.real.events())
        if events and self.late:
            events, self.late = self.late + events, []
        elif events and events[-1].type == EventType.CONNECTION_STATE_CHANGE and self.strikes(1):
            self.late = [events.pop()]
        return events


class BentPeer(Mutant):
    """Bends commands to peers: `bend` gives what is called in a command's stead, or None."""

    def bend(self, peer: Any, name: str) -> Callable[..., Any] | None:
        raise NotImplementedError

    def create_peer(self, *arguments: Any, **keywords: Any) -> Any:
        mutant, peer = self, self.real.create_peer(*arguments, **keywords)

        class Bent:
            def __getattr__(self, name: str) -> Any:
                return mutant.bend(peer, name) or getattr(peer, name)

        return Bent()


class IgnoresRestart(BentPeer):
    def bend(self, peer: Any, name: str) -> Callable[..., Any] | None:
        return (lambda now: None) if name == "restart_ice" else None


class IgnoresConfiguration(BentPeer):
    def bend(self, peer: Any, name: str) -> Callable[..., Any] | None:
        return (lambda now, **configuration: None) if name == "set_configuration" else None


class TakesLastCertificate(Mutant):
    def create_peer(self, *arguments: Any, certificates: Any = (), **keywords: Any) -> Any:
        return self.real.create_peer(*arguments, certificates=certificates[::-1], **keywords)


class KeepsTransport(BentPeer):
    """A rejected data section is taken as if it was not: nothing is closed."""

    def bend(self, peer: Any, name: str) -> Callable[..., Any] | None:
        def set_remote_description(now: int, type: str, sdp: str) -> None:
            peer.set_remote_description(now, type, sdp.replace("m=application 0 ", "m=application 9 "))

        return set_remote_description if name == "set_remote_description" else None


class IgnoresRollback(BentPeer):
    def bend(self, peer: Any, name: str) -> Callable[..., Any] | None:
        if name != "set_local_description":
            return None
        return lambda now, type, *rest: peer.set_local_description(now, type, *rest) if type != "rollback" else None


class IgnoresPause(BentPeer):
    def bend(self, peer: Any, name: str) -> Callable[..., Any] | None:
        return (lambda paused: None) if name == "pause_messages" else None


class CounterGoesBack(BentPeer):
    def bend(self, peer: Any, name: str) -> Callable[..., Any] | None:
        def stats(now: int) -> Any:
            found = peer.stats(now)
            if self.strikes(2):
                next(each for each in found if each["type"] == "transport")["bytesSent"] = 0
            return found

        return stats if name == "stats" else None


class ForgetsPart(BentPeer):
    """A part that is said to be taken, but is not."""

    def bend(self, peer: Any, name: str) -> Callable[..., Any] | None:
        def send_part(now: int, channel: int, data: Any, flags: int) -> bool:
            return True if flags == 0 and self.strikes(3) else peer.send_part(now, channel, data, flags)

        return send_part if name == "send_part" else None


class EndsPartTwice(Mutant):
    """The end of a message in parts is told as if there was more."""

    def events(self) -> list[Event]:
        events = list(self.real.events())
        for event in events:
            if event.type == EventType.CHANNEL_MESSAGE and event.flags == 2 and self.strikes(1):
                event.flags = 0
        return events


class ForgetsTheRest(Mutant):
    """That the rest of a message will not come is not told."""

    def events(self) -> list[Event]:
        return [event for event in self.real.events() if not event.flags & 4]


class LosesUnreadEvent(Mutant):
    """When there is much that was not fetched, the first message is lost."""

    def events(self) -> list[Event]:
        events = list(self.real.events())
        messages = [event for event in events if event.type == EventType.CHANNEL_MESSAGE]
        if len(messages) > 10 and self.strikes(1):
            events.remove(messages[0])
        return events


class LosesUnreliable(Mutant):
    """Gives up what it need not: with maxRetransmits, though the network has lost nothing."""

    def events(self) -> list[Event]:
        def spared(event: Event) -> bool:
            if event.type != EventType.CHANNEL_MESSAGE:
                return True
            info = self.real.peer(event.peer).channel_info(event.object)
            return info.max_retransmits is None

        return [event for event in self.real.events() if spared(event)]


class LateMessage(Mutant):
    """An unordered message with a life time comes four seconds too late."""

    now = 0
    held: list[tuple[int, Event]] = []

    def timeout(self, now: int) -> None:
        self.now = max(self.now, now)
        self.real.timeout(now)

    def events(self) -> list[Event]:
        events: list[Event] = []
        for event in self.real.events():
            if event.type == EventType.CHANNEL_MESSAGE:
                info = self.real.peer(event.peer).channel_info(event.object)
                if info.max_packet_life_time is not None and not info.ordered:
                    self.held = [*self.held, (self.now + 4_000_000, event)]
                    continue
            events.append(event)
        due = [event for at, event in self.held if at <= self.now]
        self.held = [(at, event) for at, event in self.held if at > self.now]
        return events + due


MUTANTS: list[Callable[..., Any]] = [
    DropsMessage, RepeatsMessage, ChangesByte, ChangesKind, SwapsMessages, RepeatsEvent, EventOfNobody, StuckDeadline,
    CrawlingDeadline, EndlessTransmit, LargeDatagram, UnknownSocket, FatalDatagram, KeepsSocket, StatesDisagree,
    IgnoresRestart, IgnoresConfiguration, TakesLastCertificate, KeepsTransport, IgnoresRollback, IgnoresPause, CounterGoesBack, ForgetsPart, EndsPartTwice, ForgetsTheRest, LosesUnreadEvent,
    LosesUnreliable, LateMessage,
]


#: So many find each of them.
SEEDS = 40


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_the_bug_is_found(mutant: Callable[..., Any]) -> None:
    """Within a few seeds: which one meets it depends on what it does."""
    for seed in range(SEEDS):
        try:
            workload.run(seed, endpoint=mutant)
        except (InvariantError, TimeoutError, PrtcError):
            return
    pytest.fail(f"{SEEDS} seeds did not find the bug")


def test_without_a_bug_nothing_is_found() -> None:
    for seed in range(3):
        workload.run(seed, endpoint=Mutant)
