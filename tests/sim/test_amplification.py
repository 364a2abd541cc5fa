# SPDX-License-Identifier: BSD-3-Clause
"""Nothing amplifies: what a datagram that is not authenticated makes an endpoint send is never more than that datagram, whatever it is,
whenever it comes, and in whose name; mDNS is told apart."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from random import Random

import pytest

from tests.sim import SECOND, Packet, Simulation, TurnNode
from tests.sim.attacks import ATTACKS, Attack, attribute, dtls, stun
from tests.sim.host import Host
from tests.sim.streams import WINDOW, Header
from tests.sim.stun import Attribute, encode_address, xor
from tests.sim.test_mdns import HIDDEN, OPEN, on_a_link, query
from tests.sim.test_turn import servers


def turn_answer(kind: int, *attributes: tuple[int, bytes]) -> Attack:
    return lambda random, packet: stun(random, kind, b"".join(attribute(*one) for one in attributes))


PEER = xor(encode_address(("203.0.113.200", 5000)), bytes(12))

#: Beside those of attacks.py: what only looks as if it came from a TURN server, and what claims to be the beginning of DTLS.
KINDS: dict[str, Attack] = ATTACKS | {
    "ChannelData": lambda random, packet: b"\x40\x00" + struct.pack(">H", len(packet.data)) + packet.data,
    "ChannelData of an unknown channel": lambda random, packet: b"\x4f\xff\x00\x40" + random.randbytes(64),
    "ChannelData that is cut off": lambda random, packet: b"\x40\x00\xff\xff" + random.randbytes(64),
    "Data indication": lambda random, packet: stun(
        random, 0x0017, attribute(Attribute.XOR_PEER_ADDRESS, PEER) + attribute(Attribute.DATA, packet.data)
    ),
    "Allocate success": turn_answer(0x0103, (Attribute.XOR_RELAYED_ADDRESS, PEER), (Attribute.LIFETIME, b"\0\0\2\x58")),
    "Allocate error 401": turn_answer(0x0113, (9, b"\0\0\4\1"), (Attribute.REALM, b"elsewhere"), (Attribute.NONCE, b"n" * 30)),
    "Allocate error 300": turn_answer(0x0113, (9, b"\0\0\3\0"), (Attribute.ALTERNATE_SERVER, encode_address(("203.0.113.200", 3478)))),
    "Refresh error 438": turn_answer(0x0114, (9, b"\0\0\4\x26"), (Attribute.REALM, b"example.org"), (Attribute.NONCE, b"n" * 30)),
    "CreatePermission success": turn_answer(0x0108),
    "ClientHello of today": lambda random, packet: dtls(
        random, 22, 0, b"\x01\x00\x00\x9c\x00\x00\x00\x00\x00\x00\x00\x9c" + b"\xfe\xfd" + random.randbytes(154)
    ),
    "HelloVerifyRequest": lambda random, packet: dtls(random, 22, 0, b"\x03\x00\x00\x17" + bytes(8) + b"\xfe\xff\x14" + bytes(20)),
    "question of multicast DNS": lambda random, packet: query(("0d4a9b2e-7b31-4c19-9f33-2b1f6f8e9d00.local", 255)),
}


class Strangers:
    """A tap: each datagram is followed by forged ones, each from an address of its own, and what is sent there is counted."""

    def __init__(self, random: Random, kinds: Iterable[str]) -> None:
        self.random, self.kinds = random, list(kinds)
        self.given: dict[tuple[str, int], int] = {}
        self.taken: Counter[tuple[str, int]] = Counter()
        self.what: dict[tuple[str, int], str] = {}
        self._addresses = ((f"203.0.113.{n % 200 + 1}", 1024 + n) for n in count())

    def __call__(self, now: int, packet: Packet) -> Iterable[Packet]:
        if packet.target in self.given:
            self.taken[packet.target] += len(packet.data)
            return ()
        if packet.target[0] not in ("198.51.100.1", "198.51.100.2"):  # to the TURN server
            return (packet,)
        copies = []
        for kind in self.kinds:
            source = next(self._addresses)
            data = KINDS[kind](self.random, packet)
            if kind != "replayed" and data == packet.data:
                continue
            self.given[source], self.what[source] = len(data), kind
            copies.append(replace(packet, data=data, source=source))
        return (packet, *copies)

    def check(self) -> Counter[str]:
        """No address got more than was sent in its name. How much the kinds got."""
        by_kind: Counter[str] = Counter()
        for address, size in self.taken.items():
            assert size <= self.given[address], self.what[address]
            by_kind[self.what[address]] += size
        return by_kind


@pytest.mark.parametrize("server", [False, True], ids=["", "TURN"])
@pytest.mark.parametrize("shared", [False, True], ids=["", "one port"])
def test_strangers(sim: Simulation, shared: bool, server: bool) -> None:
    """From before there is a connection until it has stood for minutes; all kinds, each datagram in another's name. None but copies of
    what was authentic gets anything at all."""
    turn = TurnNode(sim.internet)
    port = 7000 if shared else 0
    a, b = (sim.host(None, f"198.51.100.{n}", udp_port=port).peer(ice_servers=servers(turn) if server else []) for n in (1, 2))
    strangers = Strangers(Random(sim.seed), KINDS)
    sim.network.taps.append(strangers)
    sim.connect(a, b)
    ours, theirs = sim.open(a, b)
    for number in range(20):
        ours.send(f"{number}" * 20)
        theirs.send(f"{number}" * 20)
        sim.run(0.2)
    sim.run(120)
    assert ours.received == theirs.received == [f"{number}" * 20 for number in range(20)]
    got = strangers.check()
    assert got["replayed"] > 1_000 and set(got) <= {"replayed", "extended", "bits flipped"}
    assert len(strangers.given) > 3_000


@pytest.mark.parametrize("late", [0.0, 0.02, 0.3, 3.0, 600.0])
def test_copies_of_checks(sim: Simulation, late: float) -> None:
    """Each datagram of a connection comes again, once and ten times, `late` seconds after it, in the name of a third one."""
    a, b = sim.pair()
    strangers = Strangers(Random(sim.seed), ())
    addresses = count(2_000)

    def tap(now: int, packet: Packet) -> Iterable[Packet]:
        for times in (1, 10):
            source = ("203.0.113.9", next(addresses))
            strangers.given[source], strangers.what[source] = times * len(packet.data), f"{times} copies"
            receiver = sim.internet.interfaces[packet.target[0]]
            for copy in range(times):
                sim.network.inject(now + int(late * SECOND) + 10_001 + copy, receiver, replace(packet, source=source))
        return (packet,)

    sim.network.taps += [strangers, tap]
    sim.connect(a, b)
    sim.run(60)
    sim.network.taps.remove(tap)
    sim.run(late + 60)
    assert a.states.connection == b.states.connection == "connected"
    assert set(strangers.check()) == {"1 copies", "10 copies"}


def sent_for(sim: Simulation, host: Host, packet: Packet) -> int:
    """What the host sends in the instant in which the datagram comes, bytes."""
    sent = 0

    def tap(now: int, one: Packet) -> Iterable[Packet]:
        nonlocal sent
        sent += len(one.data)
        return (one,)

    sim.run(0)
    sim.network.taps.insert(0, tap)
    sim.network.inject(sim.now, sim.internet.interfaces[packet.target[0]], packet)
    sim.run(0)
    sim.network.taps.remove(tap)
    return sent


@pytest.mark.parametrize("server", [False, True], ids=["", "TURN"])
def test_in_the_name_of_those_who_are_known(sim: Simulation, server: bool) -> None:
    """From the address of the other side, and from that of the TURN server: to anybody, not more than came."""
    turn = TurnNode(sim.internet)
    a, b = (sim.host(None, f"198.51.100.{n}").peer(ice_servers=servers(turn) if server else []) for n in (1, 2))
    seen: list[Packet] = []

    def tap(now: int, packet: Packet) -> Iterable[Packet]:
        seen.append(packet)
        return (packet,)

    sim.network.taps.append(tap)
    sim.connect(a, b)
    sim.run(30)
    sim.network.taps.remove(tap)
    random = Random(sim.seed)
    assert not server or any(packet.source[1] == 3478 for packet in seen)
    for kind in KINDS:
        for packet in seen:
            host = next((host for host in (a.host, b.host) if host.interfaces[0].ip == packet.target[0]), None)
            if host is None:
                continue
            forged = replace(packet, data=KINDS[kind](random, packet))
            assert sent_for(sim, host, forged) <= len(forged.data), (kind, packet)
    sim.run(60)
    assert a.states.connection == b.states.connection == "connected"


def test_the_handshake_in_the_name_of_the_other_side(sim: Simulation) -> None:
    """The path is proven by ICE in both directions, and DTLS needs no cookie (RFC 8827 section 6.5). Who writes a first ClientHello in
    the name of the other side has the server's flight sent there; a hundred more have nothing sent."""
    a, b = sim.pair()
    hellos: list[Packet] = []

    def tap(now: int, packet: Packet) -> Iterable[Packet]:
        if packet.data[:1] != b"\x16":
            return (packet,)
        hellos.append(packet)  # none arrives: the handshake does not go on
        return ()

    sim.network.taps.append(tap)
    sim.negotiate(a, b)
    sim.until(lambda: len(hellos) > 1 and a.states.ice_connection == b.states.ice_connection == "completed")
    server = next(peer.host for peer in (a, b) if peer.host.interfaces[0].ip == hellos[0].target[0])
    first = sent_for(sim, server, hellos[0])
    more = [sent_for(sim, server, hellos[0]) for _ in range(100)]
    assert len(hellos[0].data) < first < 2_000
    assert more == [0] * 100


def test_connections_of_strangers(sim: Simulation) -> None:
    """TCP: nothing is said to who has not authenticated himself, whatever he says."""

    class Talker:
        name = "talker"

        def __init__(self) -> None:
            self.interface = sim.internet.attach(self, "198.51.100.77")
            self.says: dict[int, bytes] = {}
            self.accepted = self.heard = 0

        def deliver(self, now: int, interface: object, packet: Packet) -> None:
            assert packet.tcp is not None
            self.heard += len(packet.data)
            if packet.tcp.kind == "accept":
                self.accepted += 1
                said = Packet(packet.target, packet.source, self.says[packet.target[1]], tcp=Header("data", window=WINDOW))
                self.interface.send(now, said)

    config = {"tcp_candidates": "all"}
    a, b = (sim.host(None, f"198.51.100.{n}").peer(**config) for n in (1, 2))
    sim.negotiate(a, b)
    sim.until(lambda: bool(b.host.streams.listeners), 10)
    (address,) = b.host.streams.listeners
    talker, random = Talker(), Random(sim.seed)
    sample = Packet(("198.51.100.1", 9), address, random.randbytes(100))
    for port, kind in enumerate(KINDS, 1_000):
        data = KINDS[kind](random, sample)
        talker.says[port] = struct.pack(">H", len(data)) + data
        talker.interface.send(sim.now, Packet((talker.interface.ip, port), address, tcp=Header("connect")))
        sim.run(0.1)
    sim.run(20)
    assert talker.accepted == len(KINDS) and talker.heard == 0


@pytest.mark.parametrize("version", [4, 6])
def test_multicast_dns(sim: Simulation, version: int) -> None:
    """An answer is longer than its question, by 27 or 42 bytes. It goes to the group, not to who asked; for a name, once a second."""
    a, b, stranger = on_a_link(sim, HIDDEN, OPEN, version=version)
    a.command("create_data_channel", "first")
    a.command("set_local_description", "offer")
    sim.run(5)
    name = next(event.text.split()[4] for event in a.candidates if event.text)
    stranger.heard.clear()
    question = query((name, 28 if version == 6 else 1))
    stranger.multicast(question)
    sim.run(3)
    ((_, packet),) = stranger.heard
    assert packet.target == stranger.group and len(packet.data) - len(question) == {4: 27, 6: 42}[version]
    stranger.heard.clear()
    for number in range(1_000):
        sim.after(number * 10_000, lambda: stranger.multicast(question))
        sim.after(number * 10_000, lambda: stranger.multicast(question, port=40_000))
        sim.after(number * 10_000, lambda: stranger.multicast(query((name[:-7] + "0.local", 255))))
    sim.run(12)
    assert 9 <= len(stranger.heard) <= 11 and all(packet.target == stranger.group for _, packet in stranger.heard)
