# SPDX-License-Identifier: BSD-3-Clause
"""Paths that swallow everything for a while, in one direction or both: the exact states, the timings of RFC 7675, and nothing lost."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from polyrtc.sansio import EventType
from tests.sim import SECOND, Packet, SimPeer, Simulation
from tests.sim import stun as messages


class Hole:
    """Swallows what the hosts send, from now on until it is closed."""

    def __init__(self, sim: Simulation, *senders: SimPeer) -> None:
        self.open = True
        self.sources = {interface.ip for sender in senders for interface in sender.host.interfaces}
        sim.network.taps.append(self.tap)

    def tap(self, now: int, packet: Packet) -> Iterable[Packet]:
        return [] if self.open and packet.source[0] in self.sources else [packet]


class States:
    """Of the ICE connection, with the times since the beginning in seconds."""

    def __init__(self, sim: Simulation, peer: SimPeer) -> None:
        self.seen: list[tuple[str, float]] = []
        begin = sim.now
        peer.listeners.append(
            lambda event: self.seen.append((event.state_name, (sim.now - begin) / SECOND))
            if event.type == EventType.ICE_CONNECTION_STATE_CHANGE else None
        )

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.seen]


def transfer(sim: Simulation, seconds: float, **conditions: object) -> tuple[list[States], tuple[SimPeer, SimPeer]]:
    """Both send all the time; the hole opens after five seconds and lasts so long. All arrives, in order."""
    a, b = sim.pair()
    sim.connect(a, b)
    ours, theirs = sim.open(a, b)
    sim.run(5)
    states = [States(sim, peer) for peer in (a, b)]
    hole: Hole | None = None
    for number in range(200):
        if number == 50:
            hole = Hole(sim, *((a,) if conditions.get("one_way") else (a, b)))
            sim.after(int(seconds * SECOND), lambda: setattr(hole, "open", False))
        ours.send(f"{number}")
        theirs.send(f"{number}")
        sim.run(0.1)
    sim.until(lambda: ours.received == theirs.received == [f"{number}" for number in range(200)], 120)
    sim.run(2)  # the next check is answered
    return states, (a, b)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("seconds", [0.2, 1, 3, 5, 6])
def test_short(sim: Simulation, seconds: float, seed: int) -> None:
    """Nobody is told: the states are what they were."""
    states, _ = transfer(sim, seconds)
    assert [state.names for state in states] == [[], []]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("seconds", [14, 20, 23])
def test_long(sim: Simulation, seconds: float, seed: int) -> None:
    """Missed, and back: once. (From 24 s on consent may have expired, by when it was last given.)"""
    states, _ = transfer(sim, seconds)
    for state in states:
        assert state.names == ["disconnected", "completed"]
        # the first check that is not answered left within 6 s (or its answer was on the way), then 7 s
        assert 6.9 <= state.seen[0][1] - 5 <= 13.1
        assert state.seen[1][1] - 5 >= seconds


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("seconds", [1, 5, 20])
def test_one_way(sim: Simulation, seconds: float, seed: int) -> None:
    """The side whose packets are lost hears the other one all the time: it is not disconnected. The other one may miss it."""
    states, _ = transfer(sim, seconds, one_way=True)
    assert states[0].names == []
    assert states[1].names == ([] if seconds <= 6.5 else ["disconnected", "completed"])


@pytest.mark.parametrize("seed", range(5))
def test_for_ever(sim: Simulation, seed: int) -> None:
    """RFC 7675 section 5.1: 30 seconds after the last answer consent has expired, and nothing more is sent there."""
    a, b = sim.pair()
    sim.connect(a, b)
    sim.run(20)
    answered: dict[str, int] = {}

    def watch(now: int, packet: Packet) -> Iterable[Packet]:
        message = messages.decode(packet.data)
        if message is not None and message.kind == messages.Class.SUCCESS:
            answered[packet.target[0]] = now + 10_000  # the delay of the path
        return [packet]

    sim.network.taps.append(watch)
    sim.run(10)
    sim.network.taps.remove(watch)
    states = [States(sim, peer) for peer in (a, b)]
    begin = sim.now
    Hole(sim, a, b)
    sim.until(lambda: a.states.connection == b.states.connection == "failed", 60)
    for peer, state in zip((a, b), states, strict=True):
        assert state.names == ["disconnected", "failed"]
        failed = begin + state.seen[-1][1] * SECOND
        assert failed - answered[peer.host.interfaces[0].ip] == pytest.approx(30 * SECOND, abs=1000)
        assert peer.failures[0][1] == "the other side has not answered on the selected pair for 30 s (RFC 7675)"
    sent = sim.network.counters["sent"]
    sim.run(60)
    assert sim.network.counters["sent"] == sent


@pytest.mark.parametrize("seed", range(5))
def test_consent_intervals(sim: Simulation, seed: int) -> None:
    """RFC 7675 section 5.1: every 5 s, times 0.8 to 1.2, each with a transaction of its own, counted from the answer."""
    a, b = sim.pair()
    sim.connect(a, b)
    sim.run(5)
    asked: dict[str, list[tuple[int, bytes]]] = {}

    def watch(now: int, packet: Packet) -> Iterable[Packet]:
        message = messages.decode(packet.data)
        if message is not None and message.kind == messages.Class.REQUEST:
            asked.setdefault(packet.source[0], []).append((now, message.transaction))
        return [packet]

    sim.network.taps.append(watch)
    sim.run(300)
    for checks in asked.values():
        pauses = [later[0] - earlier[0] for earlier, later in zip(checks, checks[1:], strict=False)]
        assert len(set(transaction for _, transaction in checks)) == len(checks) >= 48
        assert all(4 * SECOND <= pause <= 6.1 * SECOND for pause in pauses)
        assert max(pauses) - min(pauses) > SECOND
    assert len(asked) == 2
