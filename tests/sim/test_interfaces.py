# SPDX-License-Identifier: BSD-3-Clause
"""Addresses that come and go: the connection moves, and nothing is lost. And which addresses are used at all."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from polyrtc.sansio import Event, EventType, NetworkType
from tests.sim import MILLISECOND, Conditions, Habits, Host, Nat, Packet, SimPeer, Simulation, StunServer
from tests.sim.network import Interface


def selected(peer: SimPeer) -> tuple[str, str]:
    pair = peer.raw.selected_pair()
    return ("", "") if pair is None else (pair[0][0], pair[1][0])


def states(peer: SimPeer) -> list[str]:
    """The states of the connection, of ICE and of gathering that are told from now on."""
    seen: list[str] = []
    kinds = (EventType.ICE_CONNECTION_STATE_CHANGE, EventType.CONNECTION_STATE_CHANGE, EventType.ICE_GATHERING_STATE_CHANGE)
    peer.listeners.append(lambda event: seen.append(event.state_name or "") if event.type in kinds else None)
    return seen


def candidates(peer: SimPeer) -> list[str]:
    """Those of UDP."""
    return [event.text for event in peer.candidates if event.text and event.text.split()[2] == "udp"]


def addresses(peer: SimPeer) -> list[str]:
    return [candidate.split()[4] for candidate in candidates(peer)]


def described(peer: SimPeer) -> str:
    description = peer.raw.description()
    assert description is not None
    return description.sdp


def connected(sim: Simulation, *, trickle: bool = True, **conditions: Any) -> tuple[SimPeer, SimPeer]:
    a, b = sim.pair(**conditions)
    sim.connect(a, b, trickle=trickle)
    sim.run(1)
    return a, b


# ----------------------------------------------------------------------------------------------------------------- moving


@pytest.mark.parametrize("pause", [-2.0, -0.01, 0.0, 0.01, 1.0, 5.0])
@pytest.mark.parametrize("who", [0, 1], ids=["controlling", "controlled"])
@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_an_address_changes_in_mid_transfer(sim: Simulation, who: int, pause: float, loss: float) -> None:
    """`pause`: seconds without any address; negative: both are there for as long. Nothing is lost, no state changes, nobody restarts ICE.
    The new candidate goes nowhere: signalling is not needed."""
    peers = connected(sim, loss=loss, rate=1_000_000)
    mover, other = peers[who], peers[1 - who]
    sim.stop_forwarding(mover)
    ours, theirs = sim.open(mover, other)
    data = Random(1).randbytes(600_000)
    for channel in (ours, theirs):
        for offset in range(0, len(data), 50_000):
            channel.send(data[offset : offset + 50_000])
    sim.run(1)
    seen, needed = (states(mover), states(other)), mover.negotiation_needed
    host, old, new = mover.host, mover.host.interfaces[0].ip, "203.0.113.77"
    conditions = Conditions(rate=1_000_000, loss=loss)
    if pause < 0:
        host.add_address(new, up=conditions)
        sim.run(-pause)
        host.remove_address(old)
    else:
        host.remove_address(old)
        sim.run(pause)
        host.add_address(new, up=conditions)
    sim.until(lambda: selected(mover)[0] == new and selected(other)[1] == new, 5)
    sim.until(lambda: len(ours.received) == len(theirs.received) == 12, 120)
    for channel in (ours, theirs):
        assert b"".join(part for part in channel.received if isinstance(part, bytes)) == data
    assert seen == ([], [])
    assert not mover.failures and not other.failures
    assert mover.negotiation_needed == needed and len(host.sockets) == 1


@pytest.mark.parametrize("who", [0, 1], ids=["controlling", "controlled"])
def test_how_long_it_takes(sim: Simulation, who: int) -> None:
    """The controlling side moves in two round trips; the other one's address has to be missed first."""
    peers = connected(sim)
    mover = peers[who]
    mover.host.add_address("203.0.113.77")
    sim.run(1)
    mover.host.remove_address(mover.host.interfaces[0].ip)
    start = sim.now
    sim.until(lambda: selected(peers[1 - who])[1] == "203.0.113.77")
    assert sim.now - start <= (50 if who == 0 else 1000) * MILLISECOND


def test_both_at_once(sim: Simulation) -> None:
    """Neither can tell the other but by signalling: the new candidates are trickled."""
    a, b = connected(sim)
    for peer, ip in ((a, "203.0.113.77"), (b, "203.0.113.78")):
        peer.host.add_address(ip)
        peer.host.remove_address(peer.host.interfaces[0].ip)
    sim.until(lambda: selected(a) == ("203.0.113.77", "203.0.113.78"), 10)
    ours, theirs = sim.open(a, b)
    ours.send("there")
    sim.until(lambda: theirs.received == ["there"])


def test_candidates_are_given_and_withdrawn(sim: Simulation) -> None:
    """Gathering stays complete (W3C section 5.6.2), the candidate is told like others, and descriptions have what there is."""
    a, b = connected(sim)
    seen = states(a)
    old = a.host.interfaces[0].ip
    before = len(candidates(a))
    a.host.add_address("203.0.113.77")
    sim.run(1)
    assert addresses(a)[before:] == ["203.0.113.77"]
    assert "203.0.113.77" in described(a) and old in described(a)
    a.host.remove_address(old)
    sim.run(1)
    assert old not in described(a) and "c=IN IP4 203.0.113.77" in described(a)
    assert seen == [] and selected(b)[1] == "203.0.113.77"


def test_no_answer_on_what_is_gone(sim: Simulation) -> None:
    """Row 7: what arrives at the address that was withdrawn is for nobody, also when it is back."""
    a, b = connected(sim)
    old = a.host.interfaces[0].ip
    target = (old, next(iter(a.host.sockets.values()))[1])
    a.host.add_address("203.0.113.77")
    sim.run(1)
    a.host.remove_address(old)
    sim.run(2)
    assert target not in a.host.sockets.values()
    a.host.add_address(old, told=False)
    answers: list[Packet] = []

    def tap(now: int, packet: Packet) -> list[Packet]:
        if packet.source == target:
            answers.append(packet)
        return [packet]

    sim.network.taps.append(tap)
    sim.run(30)
    assert not answers and selected(b)[1] == "203.0.113.77"


def test_the_same_address_again(sim: Simulation) -> None:
    """A cable that is drawn and put in again: a new socket, the same connection."""
    a, b = connected(sim)
    seen = states(a), states(b)
    for _ in range(5):
        a.host.remove_address("198.51.100.1")
        sim.run(2)
        a.host.add_address("198.51.100.1")
        sim.run(3)
        assert selected(a)[0] == "198.51.100.1" == selected(b)[1]
    assert seen == ([], []) and len(a.host.sockets) == 1


def test_nothing_comes_back(sim: Simulation) -> None:
    """Disconnected after 7 s, failed after the time that a check takes; ICE restarts when there is an address again."""
    a, b = connected(sim)
    seen = states(a)
    a.host.remove_address("198.51.100.1")
    sim.run(6)
    assert seen == []
    sim.run(60)
    assert seen == ["disconnected", "disconnected", "failed", "failed"]
    assert a.failures == [(a.failures[0][0], "there is no local address to connect from")]
    a.host.add_address("203.0.113.77")
    a.command("restart_ice")
    sim.connect(a, b)


def test_a_change_that_is_none(sim: Simulation) -> None:
    a, b = connected(sim)
    sockets, sent = dict(a.host.sockets), len(a.candidates)
    for _ in range(100):
        a.host.interfaces_changed()
        sim.run(0.01)
    assert a.host.sockets == sockets and len(a.candidates) == sent


def test_behind_a_nat(sim: Simulation) -> None:
    """From one home to another: the STUN server is asked from the new address too, and the new candidate is trickled."""
    server = StunServer(sim.internet)
    homes = [Nat(f"home{n}", sim.internet, f"203.0.113.{n}", f"10.{n}.0.1") for n in (1, 2, 3)]
    a, b = (sim.host(None, f"10.{n}.0.2", segment=homes[n - 1].segment).peer(ice_servers=[server.url]) for n in (1, 2))
    sim.connect(a, b)
    a.host.add_address("10.3.0.2", segment=homes[2].segment)
    a.host.remove_address("10.1.0.2")
    sim.until(lambda: selected(b)[1] == "203.0.113.3" and selected(a)[0] == "10.3.0.2", 20)
    assert any("203.0.113.3" in candidate and "srflx" in candidate for candidate in candidates(a))


@pytest.mark.parametrize("both", [True, False], ids=["offered", "not offered"])
def test_a_better_network_comes(sim: Simulation, both: bool) -> None:
    """From Wi-Fi to the cable, where both sides take renomination (it is in their descriptions); the Wi-Fi is still there."""
    a, b = sim.host("a", "203.0.113.1"), sim.host("b", "203.0.113.2")
    a.kinds["203.0.113.1"] = NetworkType.WIFI
    ours, theirs = a.peer(), b.peer(renomination=both)
    sim.connect(ours, theirs)
    assert "renomination" in described(ours) and ("renomination" in described(theirs)) == both
    seen: list[Event] = []
    theirs.listeners.append(lambda event: seen.append(event) if event.type == EventType.ICE_SELECTED_PAIR_CHANGE else None)
    a.add_address("203.0.113.3")
    sim.run(2)
    assert selected(theirs)[1] == ("203.0.113.3" if both else "203.0.113.1")
    assert len(seen) == both


@pytest.mark.parametrize("new_first", [True, False])
def test_one_port_for_all_moves(sim: Simulation, new_first: bool) -> None:
    """All peers of the endpoint share a socket for each address: they move together, and who comes later finds the new one."""
    server = sim.host("server", "198.51.100.9", udp_port=3478)
    clients = [sim.host().peer() for _ in range(3)]
    served = [server.peer() for _ in clients]
    for client, serving in zip(clients, served):
        sim.connect(client, serving)
    channels = [sim.open(client, serving) for client, serving in zip(clients, served)]
    seen = [states(peer) for peer in clients + served]
    sim.run(1)
    if new_first:
        server.add_address("203.0.113.9")
        sim.run(0.5)
        server.remove_address("198.51.100.9")
    else:
        server.remove_address("198.51.100.9")
        sim.run(0.5)
        server.add_address("203.0.113.9")
    sim.until(lambda: all(selected(client)[1] == "203.0.113.9" for client in clients), 10)
    for number, ends in enumerate(channels):
        for channel in ends:
            channel.send(str(number))
    sim.run(3)
    assert [[channel.received for channel in ends] for ends in channels] == [[[str(n)], [str(n)]] for n in range(3)]
    assert seen == [[]] * 6 and len(server.sockets) == 1
    sim.connect(sim.host().peer(), server.peer())


# -------------------------------------------------------------------------------------------------------- which are used


def gathered(sim: Simulation, host: Host, **config: Any) -> SimPeer:
    peer = host.peer(**config)
    peer.channel("first")
    peer.command("set_local_description", "offer")
    sim.until(lambda: peer.states.ice_gathering == "complete")
    return peer


@pytest.mark.parametrize(
    ("config", "used"),
    [
        ({}, ["10.0.0.5", "192.0.2.5", "2001:db8::5"]),
        ({"interface_filter": "eth*"}, ["192.0.2.5", "2001:db8::5"]),
        ({"interface_filter": "!docker*"}, ["192.0.2.5", "2001:db8::5"]),
        ({"address_filter": "::/0"}, ["2001:db8::5"]),
        ({"address_filter": "!::/0"}, ["10.0.0.5", "192.0.2.5"]),
        ({"address_filter": "0.0.0.0/0 !10.0.0.0/8"}, ["192.0.2.5"]),
        ({"interface_filter": "docker0", "address_filter": "192.0.2.0/24"}, []),
    ],
)
def test_filters(sim: Simulation, config: dict[str, Any], used: list[str]) -> None:
    host = sim.host("a", "192.0.2.5", "2001:db8::5", "10.0.0.5")
    host.names = {"192.0.2.5": "eth0", "2001:db8::5": "eth0", "10.0.0.5": "docker0"}
    assert sorted(addresses(gathered(sim, host, **config))) == used


def test_what_comes_later_is_filtered_too(sim: Simulation) -> None:
    host = sim.host("a", "192.0.2.5")
    peer = gathered(sim, host, address_filter="192.0.2.0/24")
    host.add_address("10.0.0.5")
    host.add_address("192.0.2.6")
    sim.run(1)
    assert addresses(peer) == ["192.0.2.5", "192.0.2.6"]


def test_families_take_turns(sim: Simulation) -> None:
    """RFC 8421 section 4: IPv6 first, then one of each."""
    host = sim.host("a", "192.0.2.5", "192.0.2.6", "2001:db8::5", "2001:db8::6")
    by_priority = sorted(candidates(gathered(sim, host)), key=lambda candidate: -int(candidate.split()[3]))
    assert [":" in candidate.split()[4] for candidate in by_priority] == [True, False, True, False]


def test_temporary_addresses(sim: Simulation) -> None:
    """RFC 8445 section 5.1.1.1: the one that tells the hardware's address is not used beside a temporary one; others come after it."""
    hardware, stable, temporary = "2001:db8::211:22ff:fe33:4455", "2001:db8::5", "2001:db8::abcd"
    host = sim.host("a", hardware, stable, temporary)
    assert len(candidates(gathered(sim, host))) == 3
    host.temporary = {temporary}
    for interface in host.interfaces:
        interface.index = 1
    found = gathered(sim, host)
    assert sorted(addresses(found)) == [stable, temporary]
    assert max(candidates(found), key=lambda candidate: int(candidate.split()[3])).split()[4] == temporary


@pytest.mark.parametrize("seed", range(5))
def test_port_range(sim: Simulation) -> None:
    """Tried from a random start; those that others have are passed over, and when all are taken there is no candidate."""
    host = sim.host("a", "192.0.2.5")
    ports = []
    for _ in range(8):
        found = candidates(gathered(sim, host, port_range=(5000, 5007)))
        assert len(found) == 1
        ports.append(int(found[0].split()[5]))
    assert sorted(ports) == list(range(5000, 5008))
    assert candidates(gathered(sim, host, port_range=(5000, 5007))) == []


def test_address_mappings(sim: Simulation) -> None:
    """A server behind a 1:1 NAT that knows its public addresses: it needs no STUN server."""
    host = sim.host("a", "10.0.0.2", "10.0.0.3", "10.0.0.4")
    found = candidates(gathered(sim, host, address_mappings="10.0.0.2=203.0.113.2 10.0.0.3+203.0.113.3"))
    assert sorted((c.split()[4], c.split()[7]) for c in found) == [
        ("10.0.0.3", "host"), ("10.0.0.4", "host"), ("203.0.113.2", "host"), ("203.0.113.3", "srflx")
    ]


class OneToOne:
    """A NAT that gives one host inside an address outside, with all of its ports."""

    def __init__(self, sim: Simulation, public: str, private: str) -> None:
        self.name = "1:1"
        self.private = private
        self.segment = sim.network.segment(self.name)
        self.segment.gateway = self.inside = self.segment.attach(self, "10.1.0.1")
        self.outside = sim.internet.attach(self, public)

    def deliver(self, now: int, interface: Interface, packet: Packet) -> None:
        if interface is self.inside:
            self.outside.send(now, replace(packet, source=(self.outside.ip, packet.source[1])))
        else:
            self.inside.send(now, replace(packet, target=(self.private, packet.target[1])))


@pytest.mark.parametrize("mapping", ["10.1.0.2=203.0.113.1", "*+203.0.113.1"])
@pytest.mark.parametrize("inside_offers", [True, False])
def test_through_a_mapped_address(sim: Simulation, mapping: str, inside_offers: bool) -> None:
    """The NAT keeps ports and lets everything in; only the inside knows that it is there."""
    cloud = OneToOne(sim, "203.0.113.1", "10.1.0.2")
    inside = sim.host(None, "10.1.0.2", segment=cloud.segment).peer(address_mappings=mapping)
    outside = sim.host().peer()
    sim.connect(*((inside, outside) if inside_offers else (outside, inside)))
    assert selected(outside)[1] == "203.0.113.1"


# ------------------------------------------------------------------------------------------------------- lite, pool, refusals


@pytest.mark.parametrize("lite_offers", [True, False])
def test_lite(sim: Simulation, lite_offers: bool) -> None:
    server = StunServer(sim.internet)
    lite, full = sim.host().peer(ice_lite=True, ice_servers=[server.url]), sim.host().peer()
    sim.connect(*((lite, full) if lite_offers else (full, lite)))
    assert "a=ice-lite\r\n" in described(lite) and "ice-lite" not in described(full)
    channel, other = sim.open(full, lite)
    channel.send("hello")
    sim.until(lambda: other.received == ["hello"])
    sim.run(120)
    assert full.states.connection == lite.states.connection == "connected" and server.requests == 0
    full.command("restart_ice")
    sim.connect(full, lite)


def test_two_lite_sides_are_refused(sim: Simulation) -> None:
    a, b = (sim.host().peer(ice_lite=True) for _ in range(2))
    with pytest.raises(Exception, match="both sides are ICE-lite"):
        sim.connect(a, b)


def test_pool(sim: Simulation) -> None:
    """iceCandidatePoolSize: gathered before there is a description, told after it, and nothing before."""
    server = StunServer(sim.internet)
    nat = Nat("home", sim.internet, "203.0.113.1", "10.1.0.1")
    host = sim.host(None, "10.1.0.2", segment=nat.segment)
    a, b = host.peer(ice_servers=[server.url], ice_candidate_pool_size=1), sim.host().peer()
    sim.run(2)
    assert host.sockets and server.requests > 0
    assert a.candidates == [] and a.states.ice_gathering == "new"
    asked = server.requests
    a.channel("first")
    seen = states(a)
    a.command("set_local_description", "offer")
    sim.run(0)
    assert [c.split()[7] for c in candidates(a)] == ["host", "srflx"] and seen == ["gathering", "complete"]
    assert server.requests == asked
    sim.connect(a, b)


@pytest.mark.parametrize(
    "config",
    [
        {"address_filter": "10.0.0.0/33"}, {"address_mappings": "10.0.0.1"}, {"port_range": (5, 4)}, {"port_range": (1, 65536)},
        {"ice_pacing": 4}, {"ice_pacing": 10_001}, {"ice_candidate_pool_size": 256},
        {"address_mappings": " ".join(f"10.0.0.{n}=203.0.113.{n}" for n in range(17))},
    ],
    ids=str,
)
def test_refused(sim: Simulation, config: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        sim.host().peer(**config)


@pytest.mark.parametrize("seed", range(25))
def test_a_life_on_the_move(sim: Simulation) -> None:
    """Addresses of both sides come and go at random, in any order, with losses and slow replies of the driver: never a wrong step, and
    when both stay where they are the connection is there (or says why not), with everything that was sent."""
    random = Random(f"moves {sim.seed}")
    habits = Habits(slow_reply=0.3, undrained=0.2)
    a, b = sim.pair(habits=habits, loss=random.choice([0.0, 0.1]))
    sim.connect(a, b)
    ours, theirs = sim.open(a, b)
    sent = 0
    for number in range(40):
        peer = random.choice([a, b])
        host = peer.host
        ips = [interface.ip for interface in host.interfaces]
        if ips and random.random() < (0.7 if len(ips) > 1 else 0.3):
            host.remove_address(random.choice(ips), told=random.random() < 0.9)
        elif len(ips) < 4:
            ip = f"203.0.113.{number}" if random.random() < 0.7 else f"2001:db8::{number + 1:x}"
            if not ips and ":" in ip:
                continue  # no family in common: that would be for another test
            host.add_address(ip)
            host.kinds[ip] = random.choice([kind for kind in NetworkType if kind != NetworkType.LOOPBACK])
        for channel in (ours, theirs):
            if channel.state == "open":
                channel.send(str(sent))
        sent += 1
        sim.run(random.choice([0.0, 0.01, 0.2, 2.0]))
    for peer in (a, b):
        if not any(":" not in interface.ip for interface in peer.host.interfaces):
            peer.host.add_address(f"203.0.113.{200 + peer.host.simulation.hosts.index(peer.host)}")
        peer.host.interfaces_changed()
    sim.run(90)
    if a.states.connection != "connected" or b.states.connection != "connected":
        assert a.failures or b.failures
        a.command("restart_ice")
        sim.connect(a, b)
    for channel in (ours, theirs):
        assert channel.state != "open" or channel.received == [str(n) for n in range(len(channel.received))]
    sim.until(lambda: len(ours.received) == len(theirs.received) == sent or "open" not in (ours.state, theirs.state), 60)


@pytest.mark.parametrize("why", ["relay policy", "address filter", "interface filter", "no addresses"])
@pytest.mark.parametrize("offers", [True, False])
def test_no_local_candidate(sim: Simulation, why: str, offers: bool) -> None:
    """Gathering has ended without any: W3C section 5.6.4 does not wait for checks that nobody could receive. One event says why."""
    config: dict[str, Any] = {
        "relay policy": {"ice_transport_policy": "relay"}, "address filter": {"address_filter": "10.0.0.0/8"},
        "interface filter": {"interface_filter": "wlan*"}, "no addresses": {},
    }[why]
    ours, theirs = sim.host("ours"), sim.host("theirs").peer()
    if why == "no addresses":
        ours.remove_address(ours.interfaces[0].ip)
    peer = ours.peer(**config)
    seen, began = states(peer), sim.now
    sim.negotiate(*((peer, theirs) if offers else (theirs, peer)))
    sim.until(lambda: peer.states.connection == "failed", 60)
    assert sim.now - began < 200 * MILLISECOND
    assert seen[-2:] == ["failed", "failed"] and peer.states.ice_gathering == "complete"
    ((_, text),) = peer.failures
    assert text == {
        "relay policy": "there is no TURN server, and the policy allows no addresses but those of one",
        "address filter": "there is no local address to connect from: the filters leave out all 1",
        "interface filter": "there is no local address to connect from: the filters leave out all 1",
        "no addresses": "there is no local address to connect from",
    }[why]
    sim.run(120)
    assert len(peer.failures) == 1


def test_an_address_comes_after_that(sim: Simulation) -> None:
    """It is no end: the candidate of an address that comes later is tried."""
    ours, theirs = sim.host("ours"), sim.host("theirs").peer()
    ours.remove_address(ours.interfaces[0].ip)
    peer = ours.peer()
    sim.negotiate(peer, theirs)
    sim.until(lambda: peer.states.connection == "failed", 60)
    ours.add_address("198.51.100.200")
    sim.until(lambda: peer.states.connection == theirs.states.connection == "connected", 5)
