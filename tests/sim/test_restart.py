# SPDX-License-Identifier: BSD-3-Clause
"""A connection that stands is negotiated anew: more channels, an ICE restart, other addresses."""

from __future__ import annotations

import pytest

from polyrtc.errors import PrtcError
from tests.sim import SimPeer, Simulation


def ufrag(peer: SimPeer) -> str:
    description = peer.raw.description()
    assert description is not None
    return next(line for line in description.sdp.splitlines() if line.startswith("a=ice-ufrag:"))


def connected(sim: Simulation) -> tuple[SimPeer, SimPeer]:
    a, b = sim.pair()
    sim.connect(a, b)
    return a, b


@pytest.mark.parametrize("side", [0, 1], ids=["first offerer", "first answerer"])
def test_a_second_offer_changes_nothing(sim: Simulation, side: int) -> None:
    a, b = connected(sim)
    ours, theirs = sim.open(a, b)
    before = ufrag(a), ufrag(b)
    sim.negotiate(*((a, b) if side == 0 else (b, a)))
    sim.run(5)
    assert (a.states.signaling, b.states.signaling) == ("stable", "stable")
    assert (ufrag(a), ufrag(b)) == before
    ours.send("still here")
    sim.until(lambda: theirs.received == ["still here"])


@pytest.mark.parametrize("side", [0, 1], ids=["first offerer", "first answerer"])
@pytest.mark.parametrize("trickle", [True, False], ids=["trickle", "gathered"])
def test_ice_restart(sim: Simulation, side: int, trickle: bool) -> None:
    """New credentials on both sides, and the channels live on (RFC 8445 section 9)."""
    a, b = connected(sim)
    ours, theirs = sim.open(a, b)
    before = ufrag(a), ufrag(b)
    offerer, answerer = (a, b) if side == 0 else (b, a)
    offerer.command("restart_ice")
    sim.run(0.1)
    assert offerer.negotiation_needed
    sim.negotiate(offerer, answerer, trickle=trickle)
    for number in range(100):
        ours.send(f"{number}")
        sim.run(0.05)
    sim.until(lambda: len(theirs.received) == 100)
    assert ufrag(a) != before[0] and ufrag(b) != before[1]
    sim.until(lambda: a.states.connection == b.states.connection == "connected")


def test_ice_restart_after_failure(sim: Simulation) -> None:
    a, b = connected(sim)
    ours, theirs = sim.open(a, b)
    dark = True
    sim.network.taps.append(lambda now, packet: [] if dark else [packet])
    sim.until(lambda: a.states.connection == b.states.connection == "failed", 120)
    dark = False
    a.command("restart_ice")
    sim.negotiate(a, b)
    sim.until(lambda: a.states.connection == b.states.connection == "connected", 60)
    ours.send("back again")
    sim.until(lambda: theirs.received == ["back again"], 60)


def test_another_certificate_is_refused(sim: Simulation) -> None:
    """A fingerprint must not change while the association stands (RFC 8842 section 4: a new association would be asked for)."""
    a, b = connected(sim)
    other = sim.host().peer()
    other.channel("first")
    a.command("set_local_description", "offer")
    sim.run(1)
    offer = a.raw.description()
    assert offer is not None
    other_fingerprint = other.raw.fingerprint().split()[1]
    with pytest.raises(PrtcError):
        b.command("set_remote_description", "offer", offer.sdp.replace(a.raw.fingerprint().split()[1], other_fingerprint))
    sim.run(1)
    assert b.states.connection == "connected"


def test_the_address_of_one_side_changes(sim: Simulation) -> None:
    """Its packets come from another port, as behind a NAT that has forgotten: the path follows the checks."""
    a, b = connected(sim)
    ours, theirs = sim.open(a, b)
    (bound,) = a.host.sockets.values()
    moved = (bound[0], bound[1] + 1000)

    def tap(now, packet):  # type: ignore[no-untyped-def]
        from dataclasses import replace

        if packet.source == bound:
            return [replace(packet, source=moved)]
        if packet.target == moved:
            return [replace(packet, target=bound)]
        return [] if packet.target == bound else [packet]

    sim.network.taps.append(tap)
    sim.run(40)
    if a.states.connection != "connected" or b.states.connection != "connected":
        a.command("restart_ice")
        sim.negotiate(a, b)
    sim.until(lambda: a.states.connection == b.states.connection == "connected", 60)
    ours.send("moved")
    sim.until(lambda: theirs.received == ["moved"], 60)
