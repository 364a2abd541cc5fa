# SPDX-License-Identifier: BSD-3-Clause
"""Both sides negotiate when they please: the W3C's "perfect negotiation" (section 10.7) over a slow signalling server."""

from __future__ import annotations

from collections import deque
from random import Random

import pytest

from polyrtc.errors import InvalidStateError, OperationError
from polyrtc.sansio import Event, EventType
from tests.sim import MILLISECOND, SimPeer, Simulation

#: A description's type and text, or a candidate's text, mid, index and ufrag.
Signal = tuple[str, str] | tuple[str, str | None, int, str | None]


class Side:
    """One side of the example. `polite`: it yields when the offers of both meet."""

    def __init__(self, sim: Simulation, peer: SimPeer, polite: bool, random: Random) -> None:
        self.sim, self.peer, self.polite, self.random = sim, peer, polite, random
        self.other: Side
        self.making_offer = self.ignore_offer = False
        self.has_offer = False  # made, and not answered yet
        self.line: deque[Signal] = deque()  # on its way to the other side, in order
        self.offers = self.collisions = 0
        self.connection_states: list[str] = []
        peer.listeners.append(self.on_event)

    def on_event(self, event: Event) -> None:
        if event.type == EventType.NEGOTIATION_NEEDED:
            self.making_offer = True
            self.sim.after(self.random.randrange(100 * MILLISECOND), self.offer)
        elif event.type == EventType.ICE_CANDIDATE and event.text is not None:
            self.send((event.text, event.mid, event.index, event.ufrag))
        elif event.type == EventType.CONNECTION_STATE_CHANGE:
            self.connection_states.append(event.state_name)

    def offer(self) -> None:
        self.making_offer = False
        self.offers += 1
        self.describe("offer")

    def describe(self, type: str) -> None:
        self.peer.command("set_local_description", type)
        self.has_offer = type == "offer"
        description = self.peer.raw.description()
        assert description is not None and description.type == type
        self.send((description.type, description.sdp))

    def send(self, signal: Signal) -> None:
        self.line.append(signal)
        self.sim.after(self.random.randrange(200 * MILLISECOND), self.deliver)

    def deliver(self) -> None:
        """The oldest arrives: what is sent later does not overtake it."""
        self.other.receive(self.line.popleft())

    def receive(self, signal: Signal) -> None:
        if len(signal) == 4:
            try:
                self.peer.command("add_ice_candidate", *signal)
            except (InvalidStateError, OperationError):
                if not self.ignore_offer:
                    raise
            return
        type, sdp = signal
        collides = type == "offer" and (self.making_offer or self.has_offer)
        self.ignore_offer = collides and not self.polite
        self.collisions += collides
        if self.ignore_offer:
            return
        self.peer.command("set_remote_description", type, sdp)
        self.has_offer = False
        if type == "offer":
            self.describe("answer")


@pytest.mark.parametrize("seed", range(100))
def test_perfect_negotiation(sim: Simulation, seed: int) -> None:
    """Channels and restarts from both sides at random moments, over a network that loses: all ends well, and no message is lost."""
    random = Random(seed)
    a, b = sim.pair(loss=random.choice([0, 0.05]), delay=random.randrange(1, 80) * MILLISECOND)
    sides = Side(sim, a, True, random), Side(sim, b, False, random)
    sides[0].other, sides[1].other = sides[1], sides[0]
    ours = [peer.channel("first") for peer in (a, b)]
    sim.until(lambda: a.states.connection == b.states.connection == "connected" and all(c.state == "open" for c in ours))
    sent = 0
    for _ in range(random.randrange(3, 8)):
        for peer in (a, b):
            if random.random() < 0.5:
                peer.command("restart_ice")
        for _ in range(5):
            for channel in ours:
                channel.send(str(sent))
            sent += 1
            sim.run(random.random() / 2)

    def is_quiet() -> bool:
        stable = all(side.peer.states.signaling == "stable" for side in sides)
        return stable and not any(side.line or side.making_offer for side in sides)

    received = [next(c for c in peer.channels.values() if c not in ours).received for peer in (b, a)]
    sim.until(is_quiet)
    sim.until(lambda: all(len(messages) == sent for messages in received))
    for messages in received:
        assert messages == [str(number) for number in range(sent)]
    offers = sum(side.offers for side in sides)
    sim.run(60)  # nothing is left to negotiate, and what there is holds
    assert is_quiet() and offers == sum(side.offers for side in sides)
    for side in sides:
        assert side.connection_states == ["connecting", "connected"]
        assert not side.peer.failures


def test_collisions_happen() -> None:
    """What the test above is for: it meets offers that collide, on both sides."""
    collisions = [0, 0]
    for seed in range(10):
        sim = Simulation(seed)
        random = Random(seed)
        sides = [Side(sim, peer, polite, random) for peer, polite in zip(sim.pair(), (True, False))]
        sides[0].other, sides[1].other = sides[1], sides[0]
        for side in sides:
            side.peer.channel("first")
        sim.until(lambda: all(side.peer.states.connection == "connected" for side in sides))
        collisions = [count + side.collisions for count, side in zip(collisions, sides)]
        sim.free()
    assert all(collisions)
