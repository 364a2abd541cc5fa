# SPDX-License-Identifier: BSD-3-Clause
"""A test of the tests: engines with a planted bug. The workload must find each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

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


MUTANTS: list[Callable[..., Any]] = [
    DropsMessage, RepeatsMessage, ChangesByte, ChangesKind, SwapsMessages, RepeatsEvent, EventOfNobody, StuckDeadline,
    CrawlingDeadline, EndlessTransmit, LargeDatagram, UnknownSocket, FatalDatagram, KeepsSocket, StatesDisagree,
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_the_bug_is_found(mutant: Callable[..., Any]) -> None:
    """Within ten seeds: which one meets it depends on what it does."""
    for seed in range(10):
        try:
            workload.run(seed, endpoint=mutant)
        except (InvariantError, TimeoutError):
            return
    pytest.fail("ten seeds did not find the bug")


def test_without_a_bug_nothing_is_found() -> None:
    for seed in range(3):
        workload.run(seed, endpoint=Mutant)
