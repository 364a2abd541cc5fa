# SPDX-License-Identifier: BSD-3-Clause
"""Offers and answers between two peers at any moment from either side, by the W3C's pattern of perfect negotiation: when two offers
cross, the polite side takes its own back and the other one's is ignored."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from polyrtc.errors import PrtcError
from polyrtc.sansio import DescriptionKind, Event, EventType

from .invariants import InvariantError
from .peer import SimPeer

if TYPE_CHECKING:
    from .simulation import Simulation


class Side:
    """One application. It keeps its own account of the signalling state, against which the engine's is held."""

    def __init__(self, peer: SimPeer, polite: bool) -> None:
        self.peer = peer
        self.polite = polite
        self.state = "stable"
        self.serial = 0  # of the negotiation: what was planned for an earlier one is void
        self.wanted = False  # an offer is to follow once this negotiation is over
        self.ignoring = False  # the other side's offer, and so its candidates
        self.replaced: str | None = None  # by an ICE restart that was asked for: the ufrag that must be another in the end


class Signalling:
    """For two peers that are stable. Messages take `delay` microseconds and keep their order."""

    def __init__(self, simulation: Simulation, peers: list[SimPeer], random: Random, delay: int) -> None:
        self.simulation = simulation
        self.count = simulation.counters
        self.random = random
        self.delay = delay
        self.sides = [Side(peer, polite=number == 1) for number, peer in enumerate(peers)]
        self.under_way = 0
        for number, peer in enumerate(peers):
            simulation.stop_forwarding(peer)
            peer.listeners.append(lambda event, number=number: self._on_event(number, event))  # type: ignore[misc]

    # --------------------------------------------------------------------------------------------------------- commands

    def offer(self, number: int) -> None:
        """Offers now, or as soon as what is under way is over."""
        side = self.sides[number]
        if not side.peer.alive():
            return
        if side.state != "stable":
            side.wanted = True
            return
        self._local(side, "offer", "have-local-offer")
        self._give(number, "offer")

    def offer_both(self) -> None:
        """In the same moment."""
        for number in range(2):
            self.offer(number)

    def offer_and_take_back(self, number: int, after: int) -> None:
        """An offer that is never sent (as by an application that changed its mind), rolled back, and then one that is."""
        side = self.sides[number]
        if not side.peer.alive() or side.state != "stable":
            return
        self._local(side, "offer", "have-local-offer")
        serial = side.serial

        def take_back() -> None:
            if side.serial == serial and side.peer.alive():
                self._local(side, "rollback", "stable")
                if side.peer.raw.description(DescriptionKind.PENDING_LOCAL) is not None:
                    raise InvariantError(f"{side.peer!r}: the offer is still there after a rollback")
                self.count["rollbacks: of the local offer"] += 1
                self.offer(number)

        self._later(after, take_back)

    def restart(self, number: int) -> None:
        """An ICE restart (RFC 8445 section 9)."""
        side = self.sides[number]
        if side.peer.alive():
            if side.replaced is None and side.state == "stable":
                side.replaced = ufrag(side.peer)
            side.peer.command("restart_ice")
            self.offer(number)

    def reconfigure(self, number: int, **configuration: Any) -> None:
        """Other ICE servers (W3C section 4.4.1.6): the next offer restarts ICE for them."""
        side = self.sides[number]
        if side.peer.alive():
            if side.replaced is None and side.state == "stable":
                side.replaced = ufrag(side.peer)
            side.peer.command("set_configuration", **configuration)
            self.offer(number)

    def reject(self, number: int, over: Callable[[], None]) -> bool:
        """The data section is offered with port 0 (by an application that changes what it sends), so its answer has none. Only when
        nothing else is under way; `over` is called once both sides are stable again, or when something came in between."""
        side, other = self.sides[number], self.sides[1 - number]
        if self.under_way or any(each.state != "stable" or not each.peer.alive() for each in self.sides):
            return False
        self._local(side, "offer", "have-local-offer")
        serial, sdp = side.serial, re.sub(r"m=application \d+ ", "m=application 0 ", self._sdp(side))

        def offer_arrived() -> None:
            if side.serial != serial or other.state != "stable" or not other.peer.alive():
                over()
                return
            other.peer.states.rejected, other.replaced = True, None
            self._remote(other, "offer", sdp, "have-remote-offer")
            self._local(other, "answer", "stable")
            answer = self._sdp(other)
            self._later(self.delay, lambda: answer_arrived(answer))

        def answer_arrived(answer: str) -> None:
            if side.peer.alive():
                side.peer.states.rejected, side.replaced = True, None
                self._remote(side, "answer", answer, "stable")
                self.count["negotiations: the data section rejected"] += 1
            over()

        self._later(self.delay, offer_arrived)
        return True

    @staticmethod
    def _sdp(side: Side) -> str:
        description = side.peer.raw.description(DescriptionKind.LOCAL)
        assert description is not None
        return description.sdp

    def idle(self) -> bool:
        """Nothing is under way. Raises when the engine's account is another."""
        if self.under_way or not all(side.peer.alive() for side in self.sides):
            return not self.under_way
        if any(side.state != "stable" for side in self.sides):
            return False
        for side in self.sides:
            if side.replaced is not None and ufrag(side.peer) == side.replaced:
                raise InvariantError(f"{side.peer!r}: after an ICE restart the ufrag is still {side.replaced}")
            side.replaced = None
            for which in (DescriptionKind.PENDING_LOCAL, DescriptionKind.PENDING_REMOTE):
                if side.peer.raw.description(which) is not None:
                    raise InvariantError(f"{side.peer!r}: stable, but it has {which.name}")
        return True

    # --------------------------------------------------------------------------------------------------------- messages

    def _local(self, side: Side, type: str, state: str) -> None:
        self._command(side, state, "set_local_description", type)

    def _remote(self, side: Side, type: str, sdp: str, state: str) -> None:
        self._command(side, state, "set_remote_description", type, sdp)

    def _command(self, side: Side, state: str, name: str, *arguments: str) -> None:
        """Nothing is refused, also when the other side is gone, or has said so."""
        side.peer.command(name, *arguments)
        if not all(each.peer.alive() for each in self.sides):
            self.count["negotiations with somebody who is gone"] += 1
        side.state = state
        side.serial += 1

    def _later(self, delay: int, action: Callable[[], None]) -> None:
        self.under_way += 1

        def act() -> None:
            self.under_way -= 1
            action()

        self.simulation.after(delay, act)

    def _give(self, number: int, type: str) -> None:
        if not all(side.peer.alive() for side in self.sides):
            return
        description = self.sides[number].peer.raw.description(DescriptionKind.LOCAL)
        if description is None or description.type != type:
            raise InvariantError(f"{self.sides[number].peer!r}: the local description is {description}, not an {type}")
        self._later(self.delay, lambda: self._arrived(1 - number, type, description.sdp))

    def _arrived(self, number: int, type: str, sdp: str) -> None:
        side = self.sides[number]
        if not side.peer.alive():
            return
        if type == "offer":
            self._offer_arrived(number, sdp)
            return
        self._remote(side, type, sdp, "stable" if type == "answer" else "have-remote-pranswer")
        self.count[f"negotiations: {type}"] += 1
        self._stable(number)

    def _offer_arrived(self, number: int, sdp: str) -> None:
        side, random = self.sides[number], self.random
        collision = side.state != "stable"
        side.ignoring = collision and not side.polite
        if side.ignoring:
            self.count["glare: offers ignored"] += 1
            return
        if collision:
            self.count["glare: own offers taken back"] += 1
            side.wanted = True
        self._remote(side, "offer", sdp, "have-remote-offer")
        if random.random() < 0.1:
            self._remote(side, "rollback", "", "stable")
            self._remote(side, "offer", sdp, "have-remote-offer")
            self.count["rollbacks: of the remote offer"] += 1
        if random.random() < 0.5:
            self._answer(number)
        else:
            self._later(random.randrange(1, 500_000), lambda: self._answer(number))

    def _answer(self, number: int) -> None:
        side = self.sides[number]
        if not side.peer.alive():
            return
        if side.state == "have-remote-offer" and self.random.random() < 0.2:
            self._local(side, "pranswer", "have-local-pranswer")
            self._give(number, "pranswer")
            self._later(self.random.randrange(1, 500_000), lambda: self._answer(number))
            return
        self._local(side, "answer", "stable")
        self._give(number, "answer")
        self._stable(number)

    def _stable(self, number: int) -> None:
        side = self.sides[number]
        if side.state == "stable" and side.wanted:
            side.wanted = False
            self.offer(number)

    # ------------------------------------------------------------------------------------------------------- candidates

    def _on_event(self, number: int, event: Event) -> None:
        if event.type == EventType.ICE_CANDIDATE and event.text is not None:
            self._later(self.delay, lambda: self._candidate(1 - number, event))

    def _candidate(self, number: int, event: Event) -> None:
        side = self.sides[number]
        if not side.peer.alive():
            return
        description: Any = side.peer.raw.description(DescriptionKind.REMOTE)
        if description is None or (event.ufrag and event.ufrag not in description.sdp):
            self.count["candidates of another generation"] += 1
            return
        try:
            side.peer.command("add_ice_candidate", event.text, event.mid, event.index, event.ufrag)
        except PrtcError:
            if not side.ignoring:
                raise


def ufrag(peer: SimPeer) -> str:
    """Of the local description."""
    description = peer.raw.description(DescriptionKind.LOCAL)
    assert description is not None
    return next(line for line in description.sdp.splitlines() if line.startswith("a=ice-ufrag:"))
