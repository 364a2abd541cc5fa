# SPDX-License-Identifier: BSD-3-Clause
"""An attacker on the path: it sees all datagrams and adds its own. Nothing of it may break a connection that stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest

from tests.sim import Packet, SimPeer, Simulation, StunServer
from tests.sim.attacks import ATTACKS
from tests.sim.network import corrupt


#: What RFC 8445 and RFC 8489 have a peer ignore or answer: nothing is wrong with it.
HARMLESS = {"binding indication"}


def chat(sim: Simulation, a: SimPeer, b: SimPeer, count: int = 100) -> None:
    """Messages both ways, which all arrive."""
    ours, theirs = sim.open(a, b)
    expected = [f"{number}" * 30 for number in range(count)]
    for message in expected:
        ours.send(message)
        theirs.send(message)
        sim.run(0.01)
    sim.until(lambda: ours.received == theirs.received == expected, 120)
    assert a.states.connection == b.states.connection == "connected"


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_connection_stands(sim: Simulation, attack: str) -> None:
    """Each datagram is followed by the attacker's, from the right address."""
    a, b = sim.pair()
    sim.connect(a, b)
    sim.run(2)
    random = Random(attack)

    def tap(now: int, packet: Packet) -> Iterable[Packet]:
        return packet, replace(packet, data=ATTACKS[attack](random, packet))

    sim.network.taps.append(tap)
    chat(sim, a, b)
    dropped = a.host.endpoint.stats().datagrams_dropped + b.host.endpoint.stats().datagrams_dropped
    assert dropped > 0 or attack in HARMLESS


@pytest.mark.parametrize("attack", ATTACKS)
def test_another_address(sim: Simulation, attack: str) -> None:
    """The same from a machine that is no part of it: the path must not move there, nor answers swell."""
    a, b = sim.pair()
    sim.connect(a, b)
    stranger = ("198.51.100.66", 6666)
    to_stranger = 0
    random = Random(attack)

    def tap(now: int, packet: Packet) -> Iterable[Packet]:
        nonlocal to_stranger
        if packet.target == stranger:
            to_stranger += 1
            return ()
        return packet, replace(packet, data=ATTACKS[attack](random, packet), source=stranger)

    sim.network.taps.append(tap)
    sent = sim.network.counters["sent"]
    chat(sim, a, b)
    if attack != "replayed":  # a replayed check is answered, as RFC 8445 has it: its credentials are right
        assert to_stranger <= (sim.network.counters["sent"] - sent) / 2


def test_flood_before_anything_is_known(sim: Simulation) -> None:
    """Memory stays: what cannot be believed is dropped, not kept."""
    a, b = sim.pair()
    a.channel("first")
    a.command("set_local_description", "offer")
    sim.until(lambda: a.states.ice_gathering == "complete")
    (address,) = a.host.sockets.values()
    random = Random(1)
    sample = Packet(("198.51.100.66", 6666), address, random.randbytes(300))
    for number in range(5_000):
        attack = ATTACKS[random.choice(sorted(ATTACKS))]
        source = (f"198.51.{random.randrange(256)}.{random.randrange(256)}", random.randrange(1, 65_536))
        packet = replace(sample, source=source, data=attack(random, sample))
        sim.network.inject(sim.now + number * 10, a.host.interfaces[0], packet)
    sim.run(1)
    assert a.host.endpoint.stats().datagrams_dropped > 4_000
    offer = a.raw.description()
    assert offer is not None
    b.command("set_remote_description", "offer", offer.sdp)
    b.command("set_local_description", "answer")
    sim.until(lambda: b.states.ice_gathering == "complete")
    answer = b.raw.description()
    assert answer is not None
    a.command("set_remote_description", "answer", answer.sdp)
    sim.until(lambda: a.states.connection == b.states.connection == "connected")


@pytest.mark.parametrize("seed", range(20))
def test_mutated_handshakes_do_not_break_the_engine(sim: Simulation) -> None:
    """Everything is corrupted now and then, DTLS in the clear too: the connection may fail, with a reason, but no more."""
    random = Random(f"mutations {sim.seed}")
    a, b = sim.pair()

    def tap(now: int, packet: Packet) -> Iterable[Packet]:
        return (packet, replace(packet, data=corrupt(random, packet.data))) if random.random() < 0.5 else (packet,)

    sim.network.taps.append(tap)
    sim.negotiate(a, b)
    sim.run(120)
    for peer in (a, b):
        assert peer.states.connection in ("connected", "connecting", "failed", "disconnected")
        assert peer.failures or peer.states.connection != "failed"


def test_wrong_fingerprint(sim: Simulation) -> None:
    """The other side's certificate is not the one that was announced: an event says so, and no byte is believed."""
    a, b = sim.pair()
    a.channel("first")
    a.command("set_local_description", "offer")
    sim.until(lambda: a.states.ice_gathering == "complete")
    offer = a.raw.description()
    assert offer is not None
    fingerprint = a.raw.fingerprint().split()[1]
    other = ("00" if fingerprint[:2] != "00" else "11") + fingerprint[2:]
    b.command("set_remote_description", "offer", offer.sdp.replace(fingerprint, other))
    b.command("set_local_description", "answer")
    sim.until(lambda: b.states.ice_gathering == "complete")
    answer = b.raw.description()
    assert answer is not None
    a.command("set_remote_description", "answer", answer.sdp)
    sim.until(lambda: b.states.connection == "failed", 60)
    assert any(code == -101 for code, _ in b.failures), b.failures
    assert b.states.dtls_transport == "failed"
    assert not b.channels and a.by_label("first").state != "open"  # type: ignore[union-attr]


@pytest.mark.parametrize("servers", [False, True], ids=["", "STUN"])
def test_nothing_amplifies(sim: Simulation, servers: bool) -> None:
    """Whatever strangers send, changed or made up, comes back as less than they sent, in the whole and at each moment."""
    server = StunServer(sim.internet)
    a, b = sim.pair(config={"ice_servers": [server.url] if servers else []})
    random = Random(f"strangers {sim.seed}")
    given: dict[tuple[str, int], int] = {}
    taken: dict[tuple[str, int], int] = {}
    names = sorted(set(ATTACKS) - {"replayed"})

    def tap(now: int, packet: Packet) -> Iterable[Packet]:
        if packet.target[0].startswith("203.0.113."):
            taken[packet.target] = taken.get(packet.target, 0) + len(packet.data)
            assert taken[packet.target] <= given[packet.target]
            return ()
        copies = []
        for _ in range(3):
            data = ATTACKS[random.choice(names)](random, packet) if random.random() < 0.8 else random.randbytes(random.randrange(1200))
            stranger = ("203.0.113.1", random.randrange(1024, 1074))
            if data != packet.data:
                given[stranger] = given.get(stranger, 0) + len(data)
                copies.append(replace(packet, data=data, source=stranger))
        return (packet, *copies)

    sim.network.taps.append(tap)
    sim.connect(a, b)
    chat(sim, a, b)
    sim.run(60)
    assert sum(given.values()) > 20_000
    assert sum(taken.values()) * 20 < sum(given.values())
