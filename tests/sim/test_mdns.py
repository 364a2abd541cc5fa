# SPDX-License-Identifier: BSD-3-Clause
"""Names in place of addresses, by multicast DNS (RFC 6762, draft-ietf-mmusic-mdns-ice-candidates)."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from ipaddress import ip_address

import pytest

from polyrtc.errors import ErrorCode, PrtcError

from tests.sim import SECOND, Conditions, Dependence, Nat, Packet, Segment, SimPeer, Simulation, StunServer
from tests.sim.network import Interface

GROUPS = {4: ("224.0.0.251", 5353), 6: ("ff02::fb", 5353)}
NAME = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.local")


def names(peer: SimPeer) -> list[str]:
    return NAME.findall("\n".join(event.text for event in peer.candidates if event.text))


def types(peer: SimPeer) -> set[str]:
    return {event.text.split(" typ ")[1].split()[0] for event in peer.candidates if event.text}


def told(peer: SimPeer) -> str:
    """All that the other side learns."""
    description = peer.raw.description()
    return (description.sdp if description else "") + "".join(event.text or "" for event in peer.candidates)


def remote_type(peer: SimPeer) -> str:
    """The type of the other side's candidate in the selected pair."""
    stats = {item["id"]: item for item in peer.raw.stats(peer.host.simulation.now)}
    transport = next(item for item in stats.values() if item["type"] == "transport")
    return str(stats[stats[transport["selectedCandidatePairId"]]["remoteCandidateId"]]["candidateType"])


def encode(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0"


def query(*questions: tuple[str, int], id: int = 0) -> bytes:
    return struct.pack(">6H", id, 0, len(questions), 0, 0, 0) + b"".join(encode(n) + struct.pack(">HH", t, 1) for n, t in questions)


def answer(name: str, ip: str, ttl: int = 120) -> bytes:
    address = ip_address(ip)
    record = struct.pack(">HHIH", 1 if address.version == 4 else 28, 0x8001, ttl, len(address.packed)) + address.packed
    return struct.pack(">6H", 0, 0x8400, 0, 1, 0, 0) + encode(name) + record


def question_of(data: bytes) -> tuple[str, int] | None:
    """Name and type of what a query of ours asks."""
    if data[2] & 0x80:
        return None
    label = data[13 : 13 + data[12]].decode()
    return label + ".local", struct.unpack(">H", data[20 + data[12] : 22 + data[12]])[0]


class Stranger:
    """A machine on a link that hears all multicast and may send what it likes."""

    def __init__(self, segment: Segment, ip: str) -> None:
        self.name = f"stranger {ip}"
        self.network = segment.network
        self.interface = segment.attach(self, ip, Conditions(delay=1000))
        self.group = GROUPS[ip_address(ip).version]
        segment.join(self.interface, self.group)
        self.heard: list[tuple[int, Packet]] = []
        self.replies: Callable[[Packet], Iterable[Packet]] = lambda _: ()

    def deliver(self, now: int, interface: Interface, packet: Packet) -> None:
        if packet.source[0] == self.interface.ip:
            return
        self.heard.append((now, packet))
        for reply in self.replies(packet):
            interface.send(now, reply)

    def multicast(self, data: bytes, port: int = 5353) -> None:
        self.interface.send(self.network.now, Packet((self.interface.ip, port), self.group, data))

    def heard_from(self, ip: str, *, responses: bool) -> list[tuple[int, Packet]]:
        return [(at, p) for at, p in self.heard if p.source[0] == ip and bool(p.data[2] & 0x80) == responses]


def on_a_link(sim: Simulation, *configs: dict[str, bool], version: int = 4) -> tuple[SimPeer, SimPeer, Stranger]:
    link = sim.network.segment("link")
    prefix = "192.168.7." if version == 4 else "fd00::"
    a, b = (sim.host(f"host{i}", f"{prefix}{i}", segment=link).peer(**config) for i, config in enumerate(configs, 1))
    return a, b, Stranger(link, f"{prefix}66")


HIDDEN = {"hide_addresses": True}
OPEN: dict[str, bool] = {}


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("ours", "theirs"), [(HIDDEN, HIDDEN), (HIDDEN, OPEN), (OPEN, HIDDEN)], ids=["both", "offerer", "answerer"])
@pytest.mark.parametrize("trickle", [True, False])
def test_on_one_link(sim: Simulation, version: int, ours: dict[str, bool], theirs: dict[str, bool], trickle: bool) -> None:
    a, b, _ = on_a_link(sim, ours, theirs, version=version)
    sim.connect(a, b, trickle=trickle)
    for peer, config in ((a, ours), (b, theirs)):
        ip = peer.host.interfaces[0].ip
        assert len(set(names(peer))) == bool(config)
        assert (ip in told(peer)) == (not config)
    sim.run(5)
    assert remote_type(a) == remote_type(b) == "host"
    assert a.states.ice_connection == "completed"


def test_it_takes_no_longer(sim: Simulation) -> None:
    """One round trip more, for the name; no second is lost by the rules of mDNS about how often something is sent."""
    a, b, _ = on_a_link(sim, HIDDEN, HIDDEN)
    sim.connect(a, b)
    hidden = sim.now
    other = Simulation(sim.seed)
    a, b, _ = on_a_link(other, OPEN, OPEN)
    other.connect(a, b)
    assert hidden - other.now <= 100_000


def behind(sim: Simulation, number: int, servers: list[str], **config: bool) -> SimPeer:
    nat = Nat(f"nat{number}", sim.internet, f"203.0.113.{number}", f"10.{number}.0.1", filtering=Dependence.ADDRESS_AND_PORT)
    return sim.host(f"host{number}", f"10.{number}.0.2", segment=nat.segment).peer(ice_servers=servers, **config)


def test_on_two_links_nothing_is_found(sim: Simulation) -> None:
    a, b = behind(sim, 1, [], **HIDDEN), behind(sim, 2, [], **HIDDEN)
    sim.negotiate(a, b)
    sim.until(lambda: a.states.connection == b.states.connection == "failed", 120)


def test_on_two_links_it_is_by_what_a_server_saw(sim: Simulation) -> None:
    server = StunServer(sim.internet)
    a, b = behind(sim, 1, [server.url], **HIDDEN), behind(sim, 2, [server.url], **HIDDEN)
    sim.connect(a, b)
    assert types(a) == types(b) == {"host", "srflx"}
    reflexive = [event.text for event in a.candidates if event.text and "srflx" in event.text]
    assert reflexive and all(" raddr 0.0.0.0 rport 9" in text for text in reflexive)  # RFC 8839 section 5.1
    assert "10.1.0.2" not in told(a) and "10.2.0.2" not in told(b)


@pytest.mark.parametrize("inside_offers", [True, False])
def test_to_a_server_on_the_internet(sim: Simulation, inside_offers: bool) -> None:
    """It asks in vain for the name, and learns the address from the checks."""
    inside, server = behind(sim, 1, [], **HIDDEN), sim.host("server").peer()
    sim.connect(*((inside, server) if inside_offers else (server, inside)))
    assert remote_type(server) == "prflx"
    sim.run(10)  # until nobody has answered
    assert inside.states.ice_connection == server.states.ice_connection == "completed"


def test_a_public_address(sim: Simulation) -> None:
    """What a server saw of it is told although it is the host's own: there is no other way in through the other side's NAT."""
    server = StunServer(sim.internet)
    inside, outside = behind(sim, 1, [server.url]), sim.host("public", "198.51.100.9").peer(ice_servers=[server.url], **HIDDEN)
    sim.connect(inside, outside)
    assert types(outside) == {"host", "srflx"} and remote_type(inside) == "srflx"


def test_a_check_before_the_answer(sim: Simulation) -> None:
    """What was learned from a check is then known as what was signalled."""
    a, b, _ = on_a_link(sim, HIDDEN, OPEN)
    late: list[bool] = []
    sim.network.taps.append(lambda now, p: () if p.target == GROUPS[4] and p.data[2] & 0x80 and not late else (p,))
    sim.connect(a, b)
    assert remote_type(b) == "prflx"
    late.append(True)
    sim.run(4)
    assert remote_type(b) == "host"
    assert b.states.ice_connection == "completed"


def test_lost_queries_are_repeated(sim: Simulation) -> None:
    """Now, after one second and after three; both types, each in a datagram of its own."""
    a, b, stranger = on_a_link(sim, OPEN, OPEN)
    a.channel("first")
    a.command("set_local_description", "offer")
    description = a.raw.description()
    assert description is not None
    b.command("set_remote_description", "offer", description.sdp)
    b.command("set_local_description", "answer")
    start = sim.now
    name = "0b5f1b9c-0d1a-4b5e-8c3d-1e2f3a4b5c6d.local"
    b.command("add_ice_candidate", f"candidate:1 1 udp 2130706431 {name.upper()} 9 typ host", "0", 0, None)
    sim.run(20)
    asked = [(at - start, question_of(p.data)) for at, p in stranger.heard_from("192.168.7.2", responses=False)]
    assert [q for _, q in asked] == [(name, 1), (name, 28)] * 3
    assert [round(at / SECOND) for at, _ in asked] == [0, 0, 1, 1, 3, 3]


@pytest.mark.parametrize(
    "name",
    ["printer.example", "a.b.local", "local", f"{'a' * 64}.local", "localhost", "x.local.example.org", f"{'a.' * 100}local"],
)
def test_bad_names_are_refused(sim: Simulation, name: str) -> None:
    a, b, stranger = on_a_link(sim, OPEN, OPEN)
    sim.connect(a, b)
    with pytest.raises(PrtcError) as error:
        a.command("add_ice_candidate", f"candidate:1 1 udp 2130706431 {name} 9 typ host", "0", 0, None)
    assert error.value.code == ErrorCode.SYNTAX
    assert "host name" in str(error.value)
    sim.run(10)
    assert not stranger.heard


def test_many_names_are_looked_for_a_few_at_a_time(sim: Simulation) -> None:
    a, b, stranger = on_a_link(sim, OPEN, OPEN)
    sim.connect(a, b)
    refused = 0
    for i in range(100):
        try:
            a.command("add_ice_candidate", f"candidate:1 1 udp 2130706431 name-{i}.local 9 typ host", "0", 0, None)
        except PrtcError as error:
            assert error.code == ErrorCode.QUEUE_FULL
            refused += 1
    assert refused == 36
    sim.run(6)
    assert len({question_of(p.data) for _, p in stranger.heard}) == 2 * 8
    sim.run(60)
    assert len({question_of(p.data) for _, p in stranger.heard}) == 2 * 64


def test_forged_answers(sim: Simulation) -> None:
    """Whoever answers first is believed, for that is all that mDNS has; but ICE goes to nobody without the password, and the check
    of the other side shows where it really is."""
    a, b, stranger = on_a_link(sim, HIDDEN, HIDDEN)

    def lie(packet: Packet) -> Iterable[Packet]:
        asked = question_of(packet.data) if packet.target == stranger.group else None
        if asked is not None and packet.source[0] == "192.168.7.1":
            yield Packet((stranger.interface.ip, 5353), stranger.group, answer(asked[0], stranger.interface.ip))

    stranger.replies = lie
    sim.connect(a, b)
    assert remote_type(b) == "host" and remote_type(a) == "prflx"
    pair = a.raw.selected_pair()
    assert pair is not None and pair[1][0] == "192.168.7.2"


def test_answers_from_another_port_are_ignored(sim: Simulation) -> None:
    """RFC 6762 section 6."""
    a, b, stranger = on_a_link(sim, HIDDEN, HIDDEN)

    def lie(packet: Packet) -> Iterable[Packet]:
        if (asked := question_of(packet.data)) is not None:
            yield Packet((stranger.interface.ip, 5354), stranger.group, answer(asked[0], stranger.interface.ip))

    stranger.replies = lie
    sim.connect(a, b)
    assert remote_type(a) == remote_type(b) == "host"


def gathered(sim: Simulation) -> tuple[SimPeer, Stranger, str]:
    """A peer with a name, and long after its announcements."""
    a, _, stranger = on_a_link(sim, HIDDEN, OPEN)
    a.channel("first")
    a.command("set_local_description", "offer")
    sim.run(10)
    (name,) = set(names(a))
    return a, stranger, name


def test_announcements(sim: Simulation) -> None:
    """Two, a second apart (RFC 6762 section 8.3), and nothing before them: the draft has no probing."""
    _, stranger, name = gathered(sim)
    assert all(p.data[2] & 0x80 and encode(name) in p.data for _, p in stranger.heard)
    times = [at for at, _ in stranger.heard]
    assert len(times) == 2 and times[1] - times[0] == SECOND


def test_a_flood_of_questions(sim: Simulation) -> None:
    """One answer a second, however many ask, and none for a name that is not ours."""
    _, stranger, name = gathered(sim)
    stranger.heard.clear()
    for i in range(2500):
        sim.after(i * 1000, lambda: stranger.multicast(query((name, 1), (name, 28), (name, 255))))
        sim.after(i * 1000, lambda: stranger.multicast(query((name.replace("-4", "-5"), 1), ("printer.local", 255))))
    sim.run(4)
    heard = stranger.heard_from("192.168.7.1", responses=True)
    assert len(heard) == 3 == len(stranger.heard)
    assert all(later - earlier >= SECOND for (earlier, _), (later, _) in zip(heard, heard[1:]))


def test_who_asks_from_another_port(sim: Simulation) -> None:
    """It would be sent more than it sent, at an address that it only claims to have (RFC 6762 section 6.7): it gets nothing."""
    _, stranger, name = gathered(sim)
    stranger.heard.clear()
    for kind in (1, 28, 255):
        stranger.multicast(query((name, kind), id=7), port=40_000)
    sim.run(3)
    assert not stranger.heard


def test_what_is_known_is_not_repeated(sim: Simulation) -> None:
    """RFC 6762 section 7.1"""
    _, stranger, name = gathered(sim)
    stranger.heard.clear()
    known = answer(name, "192.168.7.1", 100)[12:]
    stranger.multicast(struct.pack(">6H", 0, 0, 1, 1, 0, 0) + query((name, 1))[12:] + known)
    sim.run(3)
    assert not stranger.heard
    stale = answer(name, "192.168.7.1", 59)[12:]
    stranger.multicast(struct.pack(">6H", 0, 0, 1, 1, 0, 0) + query((name, 1))[12:] + stale)
    sim.run(3)
    assert len(stranger.heard) == 1


def test_somebody_else_has_the_name(sim: Simulation) -> None:
    """It cannot be by chance: we go on, and send nothing because of it."""
    _, stranger, name = gathered(sim)
    stranger.heard.clear()
    for i in range(100):
        sim.after(i * 10_000, lambda: stranger.multicast(answer(name, "192.168.7.66")))
    sim.run(3)
    assert not stranger.heard
    stranger.multicast(query((name, 1)))
    sim.run(1)
    ((_, packet),) = stranger.heard
    assert bytes((192, 168, 7, 1)) in packet.data


def test_rubbish(sim: Simulation) -> None:
    a, stranger, name = gathered(sim)
    stranger.heard.clear()
    good = query((name, 1))
    for size in range(len(good)):
        stranger.multicast(good[:size])
    for i in range(500):
        data = bytearray(good if i % 2 else answer(name, "192.168.7.1"))
        data[sim.random.randrange(2, len(data))] = sim.random.randrange(256)
        stranger.multicast(bytes(data))
    sim.run(3)
    assert len(stranger.heard) <= 3
    assert a.states.signaling == "have-local-offer"


@pytest.mark.parametrize("hidden_offers", [True, False])
def test_a_driver_without_multicast(sim: Simulation, hidden_offers: bool) -> None:
    """The core goes on without: the names cannot be found, the checks still come."""
    a, b, _ = on_a_link(sim, HIDDEN if hidden_offers else OPEN, OPEN if hidden_offers else HIDDEN)
    a.host.multicast = b.host.multicast = False
    sim.connect(a, b)
    sim.run(10)
    assert a.states.ice_connection == b.states.ice_connection == "completed"


def test_two_peers_of_one_endpoint(sim: Simulation) -> None:
    """They need no multicast to find each other."""
    host = sim.host("both", "192.168.7.1", "192.168.7.2", segment=sim.network.segment("link"))
    host.multicast = False
    a, b = host.peer(**HIDDEN), host.peer(**HIDDEN)
    sim.connect(a, b)
    assert names(a) != names(b)
    a.free()
    sim.run(1)


def test_the_name_stays_with_the_address(sim: Simulation) -> None:
    """Also across an ICE restart; another peer has another."""
    a, b, _ = on_a_link(sim, HIDDEN, HIDDEN)
    sim.connect(a, b)
    before = set(names(a))
    a.command("restart_ice")
    sim.negotiate(a, b)
    sim.run(5)
    assert len(a.candidates) > 3 and set(names(a)) == before
    assert a.states.connection == b.states.connection == "connected"


def test_names_of_a_peer_that_is_gone_are_not_answered(sim: Simulation) -> None:
    a, stranger, name = gathered(sim)
    a.free()
    stranger.heard.clear()
    stranger.multicast(query((name, 1)))
    sim.run(2)
    assert not stranger.heard
    assert not a.host.sockets  # it was the last one


def test_the_same_bytes(sim: Simulation) -> None:
    def digest() -> str:
        run = Simulation(7)
        a, b, _ = on_a_link(run, HIDDEN, HIDDEN)
        run.connect(a, b)
        return run.digest()

    assert digest() == digest()
