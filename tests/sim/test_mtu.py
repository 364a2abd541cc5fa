# SPDX-License-Identifier: BSD-3-Clause
"""Paths of all sizes, and paths whose size changes without a word: what is found, and nothing lost (RFC 8899)."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import pytest

from tests.sim import MILLISECOND, Conditions, Packet, SimPeer, Simulation

#: Bytes of an IPv4 or IPv6 header with UDP's, and of the largest datagram that is made.
HEADERS, MOST = {4: 28, 6: 48}, 16_376

#: Sizes are looked for to this part of themselves.
GRAIN = 32


def pair(sim: Simulation, link: int, family: int = 4, **config: object) -> tuple[SimPeer, SimPeer]:
    ips = ("198.51.100.1", "198.51.100.2") if family == 4 else ("2001:db8::1", "2001:db8::2")
    a, b = (sim.host(None, ip, up=Conditions(delay=5 * MILLISECOND, mtu=link),
                     down=Conditions(delay=0, mtu=link)).peer(**config) for ip in ips)
    return a, b


def set_mtu(peers: Iterable[SimPeer], mtu: int) -> None:
    for peer in peers:
        for interface in peer.host.interfaces:
            interface.up.conditions.mtu = interface.down.conditions.mtu = mtu


def path_mtu(peer: SimPeer) -> int:
    return int(next(entry for entry in peer.raw.stats(peer.host.simulation.now) if entry["type"] == "transport")["pathMtu"])


def transfer(sim: Simulation, a: SimPeer, b: SimPeer, count: int = 40, size: int = 60_000, label: str = "bulk") -> None:
    """All of it comes through, in order."""
    ours, theirs = sim.open(a, b, label)
    messages = [number.to_bytes(4, "big") * (size // 4) for number in range(count)]
    for message in messages:
        ours.send(message)
        sim.run(0.05)
    sim.until(lambda: len(theirs.received) == count, 120)
    assert theirs.received == messages
    for number in range(80):  # of a path that is silent nothing is learned
        ours.send(f"{number}")
        sim.run(0.2)
    ours.close()
    sim.run(1)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("mtu", [1_280, 1_400, 1_500, 4_470, 9_000, 16_000, 65_535])
def test_what_the_path_takes_is_found(sim: Simulation, mtu: int, family: int) -> None:
    a, b = pair(sim, mtu, family)
    sim.connect(a, b)
    transfer(sim, a, b)
    most = min(mtu - HEADERS[family], MOST)
    assert most - most // GRAIN - 20 <= path_mtu(a) <= most


def test_a_fixed_size(sim: Simulation) -> None:
    a, b = pair(sim, 9_000, mtu=1_300, max_mtu=1_300)
    sim.connect(a, b)
    transfer(sim, a, b)
    assert path_mtu(a) == 1_300
    assert not sim.network.counters["too large"]


def test_nothing_is_looked_for_when_there_is_little_to_send(sim: Simulation) -> None:
    a, b = pair(sim, 1_500)
    sim.connect(a, b)
    transfer(sim, a, b, count=5, size=1000)
    sim.run(600)
    assert not sim.network.counters["too large"] and path_mtu(a) == path_mtu(b) == 1_200


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("before", "after"), [(65_535, 1_500), (9_000, 1_280), (9_000, 1_500), (1_500, 1_300), (1_280, 9_000)])
def test_a_path_that_changes(sim: Simulation, before: int, after: int, seed: int) -> None:
    """In the midst of a transfer, and nobody says so."""
    a, b = pair(sim, before)
    sim.connect(a, b)
    transfer(sim, a, b)
    ours, theirs = sim.open(a, b)
    messages = [number.to_bytes(4, "big") * 15_000 for number in range(60)]
    sim.after(Random(seed).randrange(1, 1_000) * MILLISECOND, lambda: set_mtu((a, b), after))
    for message in messages:
        ours.send(message)
        sim.run(0.03)
    sim.until(lambda: len(theirs.received) == len(messages), 60)
    assert theirs.received == messages
    transfer(sim, a, b, label="later")
    assert path_mtu(a) <= after - 28
    assert a.failures == b.failures == []


def test_a_stream_has_no_size(sim: Simulation) -> None:
    """Over TCP the largest datagrams pass, whatever the path takes."""
    a, b = pair(sim, 1_500, tcp_candidates="all")
    sim.network.taps.append(lambda now, packet: [packet] if packet.tcp else [])
    sim.connect(a, b)
    transfer(sim, a, b)
    assert path_mtu(a) >= MOST - 3  # SCTP packets are multiples of four


@pytest.mark.parametrize("seed", range(5))
def test_another_path_begins_anew(sim: Simulation, seed: int) -> None:
    """ICE moves to a network that takes less."""
    a, b = pair(sim, 9_000)
    a.host.add_address("203.0.113.7", up=Conditions(mtu=1_300))
    sim.connect(a, b)
    transfer(sim, a, b)
    ours, theirs = sim.open(a, b)
    messages = [number.to_bytes(4, "big") * 15_000 for number in range(40)]
    for number, message in enumerate(messages):
        ours.send(message)
        if number == 10 + seed:
            a.host.remove_address("198.51.100.1")
        sim.run(0.03)
    sim.until(lambda: len(theirs.received) == len(messages), 60)
    assert theirs.received == messages
    transfer(sim, a, b, label="later")
    assert path_mtu(a) <= 1_300 - 28


def test_a_lost_probe_is_no_congestion(sim: Simulation) -> None:
    """On a path without loss nothing but probes is lost, and nothing is sent twice."""
    a, b = pair(sim, 1_500)
    sim.connect(a, b)
    sizes: list[int] = []

    def tap(now: int, packet: Packet) -> Iterable[Packet]:
        if packet.source[0] == "198.51.100.1":
            sizes.append(len(packet.data))
        return [packet]

    sim.network.taps.append(tap)
    transfer(sim, a, b)
    lost = [size for size in sizes if size > 1_472]
    assert 3 <= len(lost) <= 40 and len(lost) == sim.network.counters["too large"]
    assert sum(size for size in sizes if size <= 1_472) < 1.1 * 40 * 60_000
