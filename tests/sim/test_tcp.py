# SPDX-License-Identifier: BSD-3-Clause
"""ICE over TCP (RFC 6544), where nothing else gets through."""

from __future__ import annotations

from typing import Any

import pytest

from . import MILLISECOND, Conditions, Simulation, streams
from .host import Habits
from .network import Interface, Packet
from .nodes import Dependence, Nat
from .peer import SimPeer
from .streams import Header


def only_tcp(sim: Simulation) -> None:
    """UDP is blocked, as behind many a firewall."""
    sim.network.taps.append(lambda now, packet: [packet] if packet.tcp else [])


def protocol(peer: SimPeer) -> str:
    """Of the selected pair, by the statistics."""
    stats = {each["id"]: each for each in peer.raw.stats(peer.host.simulation.now)}
    transport = next(each for each in stats.values() if each["type"] == "transport")
    pair = stats[transport["selectedCandidatePairId"]]
    local, remote = stats[pair["localCandidateId"]], stats[pair["remoteCandidateId"]]
    assert local["protocol"] == remote["protocol"]
    if local["protocol"] == "tcp":
        assert {local["tcpType"], remote["tcpType"]} == {"active", "passive"}
    return str(local["protocol"])


def tcp_pair(sim: Simulation, config: tuple[str, str] = ("all", "all"), **conditions: Any) -> tuple[SimPeer, SimPeer]:
    hosts = [sim.host(up=Conditions(**conditions)) for _ in range(2)]
    a, b = (host.peer(tcp_candidates=which) for host, which in zip(hosts, config))
    return a, b


def exchange(sim: Simulation, a: SimPeer, b: SimPeer, count: int = 100) -> None:
    ours, theirs = sim.open(a, b, f"exchange {len(a.channels)}")
    for number in range(count):
        ours.send(f"{number}" * 50)
        theirs.send(f"{number}" * 50)
    sim.until(lambda: len(ours.received) == len(theirs.received) == count)
    assert ours.received == theirs.received == [f"{number}" * 50 for number in range(count)]


@pytest.mark.parametrize("config", [("all", "all"), ("active", "all"), ("all", "active")])
@pytest.mark.parametrize("trickle", [True, False])
def test_connects_where_udp_is_blocked(sim: Simulation, config: tuple[str, str], trickle: bool) -> None:
    only_tcp(sim)
    a, b = tcp_pair(sim, config)
    sim.connect(a, b, trickle=trickle)
    assert protocol(a) == protocol(b) == "tcp"
    exchange(sim, a, b)
    sim.run(60)  # consent
    assert a.states.connection == b.states.connection == "connected"
    assert sum(stream.established for stream in a.host.streams.connections.values()) == 1


@pytest.mark.parametrize("config", [("active", "active"), ("none", "all"), ("all", "none")])
def test_nobody_to_connect_to(sim: Simulation, config: tuple[str, str]) -> None:
    only_tcp(sim)
    a, b = tcp_pair(sim, config)
    sim.negotiate(a, b)
    sim.until(lambda: a.states.connection == b.states.connection == "failed", 120)
    assert sim.counters["streams: established"] == 0


def test_udp_is_preferred(sim: Simulation) -> None:
    a, b = tcp_pair(sim)
    sim.connect(a, b)
    assert protocol(a) == protocol(b) == "udp"
    sim.run(5)
    assert not any(stream.established for stream in a.host.streams.connections.values())


def test_takes_over_when_udp_is_blocked_later(sim: Simulation) -> None:
    a, b = tcp_pair(sim)
    sim.connect(a, b)
    only_tcp(sim)
    exchange(sim, a, b)
    assert protocol(a) == protocol(b) == "tcp"
    assert a.states.connection == b.states.connection == "connected"


@pytest.mark.parametrize("filtering", list(Dependence))
def test_from_behind_a_nat(sim: Simulation, filtering: Dependence) -> None:
    only_tcp(sim)
    home = Nat("home", sim.internet, "203.0.113.1", filtering=filtering, mapping=Dependence.ADDRESS_AND_PORT)
    a = sim.host("phone", "192.168.0.2", segment=home.segment).peer()
    b = sim.host("server", "198.51.100.9").peer(tcp_candidates="all")
    sim.connect(a, b)
    exchange(sim, a, b)
    ours, theirs = a.raw.selected_pair(), b.raw.selected_pair()
    assert ours is not None and theirs is not None
    assert (ours[1][0], theirs[1][0]) == ("198.51.100.9", "203.0.113.1")


@pytest.mark.parametrize("seed", range(20))
def test_bad_networks(sim: Simulation, seed: int) -> None:
    only_tcp(sim)
    habits = Habits(undrained=0.2, backwards=0.05, early=0.1, slow_reply=0.5)
    a, b = (
        sim.host(habits=habits, up=Conditions(loss=0.1, reorder=0.1, duplicate=0.1, corrupt=0.05, jitter=20 * MILLISECOND,
                                              rate=2_000_000)).peer(tcp_candidates="all")
        for _ in range(2)
    )
    sim.connect(a, b, seconds=120)
    exchange(sim, a, b)
    assert sim.counters["streams: sent again"] > 0


def test_a_connection_that_is_reset_is_made_again(sim: Simulation) -> None:
    only_tcp(sim)
    a, b = tcp_pair(sim)
    sim.connect(a, b)
    for _ in range(3):
        exchange(sim, a, b, 10)
        assert b.host.streams.kill() >= 1
        sim.run(2)
        assert a.states.connection == b.states.connection == "connected"
    exchange(sim, a, b)


def test_one_that_is_reset_again_and_again_fails(sim: Simulation) -> None:
    only_tcp(sim)
    a, b = tcp_pair(sim, ("active", "all"))
    sim.connect(a, b)
    for _ in range(200):
        b.host.streams.kill()
        sim.run(0.5)
    sim.until(lambda: a.states.connection == b.states.connection == "failed", 120)
    assert sim.counters["streams: established"] < 20


def test_a_restart_goes_over_tcp(sim: Simulation) -> None:
    only_tcp(sim)
    a, b = tcp_pair(sim)
    sim.connect(a, b)
    a.command("restart_ice")
    sim.negotiate(a, b)
    sim.run(5)
    exchange(sim, a, b)
    assert protocol(a) == protocol(b) == "tcp"
    assert sum(stream.established for stream in b.host.streams.connections.values()) == 1


def test_the_end_is_told(sim: Simulation) -> None:
    only_tcp(sim)
    a, b = tcp_pair(sim)
    sim.connect(a, b)
    a.close()
    sim.until(lambda: b.states.dtls_transport == "closed", 1)
    sim.run(5)
    assert not a.host.sockets and not a.host.streams.connections
    b.close()
    sim.run(5)
    assert not b.host.sockets and not b.host.streams.listeners


def test_the_other_one_is_gone(sim: Simulation) -> None:
    only_tcp(sim)
    a, b = tcp_pair(sim)
    sim.connect(a, b)
    a.host.free()  # its machine has lost its power
    sim.until(lambda: b.states.connection == "failed", 90)
    b.free()
    sim.run(1)
    assert not b.host.sockets


def test_a_slow_connection_holds_nobody_up(sim: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """One host has a peer over TCP, whose other side does not read for a while, and one over UDP."""
    monkeypatch.setattr(streams, "SEND_BUFFER", 8_192)
    monkeypatch.setattr(streams, "WINDOW", 8_192)
    sim.network.taps.append(
        lambda now, packet: [packet] if packet.tcp or "198.51.100.2" not in (packet.source[0], packet.target[0]) else []
    )
    hosts = [sim.host(f"host{i}", f"198.51.100.{i}") for i in (1, 2, 3)]
    to_slow, to_other = (hosts[0].peer(tcp_candidates="all") for _ in range(2))
    slow, other = hosts[1].peer(tcp_candidates="all"), hosts[2].peer(tcp_candidates="all")
    sim.connect(to_slow, slow)
    sim.connect(to_other, other)
    assert (protocol(to_slow), protocol(to_other)) == ("tcp", "udp")
    ours, theirs = sim.open(to_slow, slow)
    for _ in range(40):
        ours.send(bytes(100_000))
    sim.until(lambda: len(theirs.received) == 40)
    hosts[1].streams.pause(False)
    for _ in range(20):
        ours.send(bytes(100_000))
    sim.run(3)
    assert sim.counters["streams: full"] > 0
    stream = next(stream for stream in hosts[0].streams.connections.values() if stream.established)
    assert len(stream.rest) <= 65_535 and len(stream.buffer) <= streams.SEND_BUFFER
    exchange(sim, to_other, other)
    hosts[1].streams.pause(True)
    sim.until(lambda: len(theirs.received) == 60)
    assert to_slow.states.connection == slow.states.connection == "connected"


def test_frames_are_whole(sim: Simulation) -> None:
    """What is written to a stream are frames of RFC 4571, none of them cut by another; each holds STUN or DTLS."""
    written: dict[int, bytearray] = {}
    only_tcp(sim)
    a, b = tcp_pair(sim)
    send = a.host.streams.send

    def watch(datagram: Any) -> None:
        written.setdefault(datagram.socket, bytearray()).extend(datagram.data)
        send(datagram)

    a.host.streams.send = watch  # type: ignore[method-assign]
    sim.connect(a, b)
    exchange(sim, a, b)
    assert written
    for stream in written.values():
        position, kinds = 0, set()
        while position < len(stream):
            size = int.from_bytes(stream[position : position + 2], "big")
            assert 0 < size <= 1_200
            kinds.add("stun" if stream[position + 2] < 4 else "dtls" if 20 <= stream[position + 2] < 64 else "?")
            position += 2 + size
        assert position == len(stream)
        assert "?" not in kinds


class Stranger:
    """Connects as often as it likes, and may have something to say."""

    name = "stranger"

    def __init__(self, sim: Simulation, says: bytes) -> None:
        self.interface = sim.internet.attach(self, "198.51.100.77")
        self.says = says
        self.accepted = 0
        self.ended: set[int] = set()  # the ports of those that were

    def connect(self, now: int, port: int, target: tuple[str, int]) -> None:
        self.interface.send(now, Packet((self.interface.ip, port), target, tcp=Header("connect")))

    def deliver(self, now: int, interface: Interface, packet: Packet) -> None:
        assert packet.tcp is not None
        if packet.tcp.kind == "accept":
            self.accepted += 1
            answer = Header("data", window=streams.WINDOW)
            interface.send(now, Packet(packet.target, packet.source, self.says, tcp=answer))
        if packet.tcp.kind == "reset" or packet.tcp.end:
            self.ended.add(packet.target[1])


@pytest.mark.parametrize("says, seconds", [(b"", 11), (b"GET / HTTP/1.1\r\n\r\n", 1), (b"\x00\x01x" * 300, 1), (b"\x00\x14", 11)])
def test_strangers(sim: Simulation, says: bytes, seconds: int) -> None:
    """Who connects and sends something else is not listened to for long, and who says nothing neither."""
    only_tcp(sim)
    a, b = tcp_pair(sim)
    sim.negotiate(a, b)
    sim.run(0.1)
    (address,) = b.host.streams.listeners
    stranger = Stranger(sim, says)
    for port in range(30):
        stranger.connect(sim.now, 1_000 + port, address)
    sim.run(seconds)
    assert stranger.accepted == len(stranger.ended) == 30
    assert all(stream.remote[0] != "198.51.100.77" or stream.told_end for stream in b.host.streams.connections.values())
    sim.until(lambda: a.states.connection == b.states.connection == "connected")
