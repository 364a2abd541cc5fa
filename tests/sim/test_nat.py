# SPDX-License-Identifier: BSD-3-Clause
"""Through network address translators: server-reflexive and peer-reflexive candidates (RFC 8445 sections 5.1.1 and 7.3.1)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from polyrtc.sansio import EventType

from tests.sim import SECOND, Dependence, Nat, SimPeer, Simulation, StunServer
from tests.sim.routes import SITES, ended, peer_at, remote_type

def behind(sim: Simulation, site: str, number: int, servers: Sequence[str]) -> SimPeer:
    """A peer behind a NAT of its own."""
    return peer_at(sim, SITES[site](sim, number), number, ice_servers=servers)


def types(peer: SimPeer) -> set[str]:
    return {event.text.split(" typ ")[1].split()[0] for event in peer.candidates if event.text}


@pytest.mark.parametrize("kind", ["full cone", "restricted", "port-restricted", "symmetric"])
@pytest.mark.parametrize("inside_offers", [True, False])
def test_a_server_on_the_internet_needs_no_stun(sim: Simulation, kind: str, inside_offers: bool) -> None:
    """The other side's address is learned from its checks."""
    inside, server = behind(sim, kind, 1, []), sim.host("server").peer()
    sim.connect(*((inside, server) if inside_offers else (server, inside)))
    assert types(inside) == {"host"}
    pair = server.raw.selected_pair()
    assert pair is not None and pair[1][0] == "203.0.113.1"


def test_the_server_is_named(sim: Simulation) -> None:
    server = StunServer(sim.internet)
    sim.names["stun.example.org"] = [server.interface.ip]
    a = behind(sim, "full cone", 1, ["stun:stun.example.org"])
    a.channel("first")
    a.command("set_local_description", "offer")
    sim.until(lambda: a.states.ice_gathering == "complete")
    assert types(a) == {"host", "srflx"}


@pytest.mark.parametrize("url", ["stun:nowhere.example.org", "stun:192.0.2.99"], ids=["no such name", "no answer"])
def test_gathering_ends_without_the_server(sim: Simulation, url: str) -> None:
    a = sim.host().peer(ice_servers=[url])
    a.channel("first")
    a.command("set_local_description", "offer")
    sim.until(lambda: a.states.ice_gathering == "complete", 60)
    assert types(a) == {"host"}


def test_loss_on_the_way_to_the_server(sim: Simulation) -> None:
    """RFC 8489 section 6.2.1: requests are sent again."""
    server = StunServer(sim.internet)
    a = behind(sim, "full cone", 1, [server.url])
    dropped = 0

    def drop_the_first_two(now, packet):  # type: ignore[no-untyped-def]
        nonlocal dropped
        if packet.target[0] == server.interface.ip and dropped < 2:
            dropped += 1
            return []
        return [packet]

    sim.network.taps.append(drop_the_first_two)
    a.channel("first")
    a.command("set_local_description", "offer")
    sim.until(lambda: a.states.ice_gathering == "complete", 60)
    assert dropped == 2 and types(a) == {"host", "srflx"}


def test_no_nat_no_reflexive_candidate(sim: Simulation) -> None:
    """RFC 8445 section 5.1.3: one that equals its base is redundant."""
    server = StunServer(sim.internet)
    a = sim.host().peer(ice_servers=[server.url])
    a.channel("first")
    a.command("set_local_description", "offer")
    sim.until(lambda: a.states.ice_gathering == "complete", 60)
    assert server.requests and types(a) == {"host"}


def test_mappings_are_kept_alive(sim: Simulation) -> None:
    """A NAT that forgets after 30 seconds: consent checks (RFC 7675) are more frequent than that."""
    server = StunServer(sim.internet)
    peers = []
    for number in (1, 2):
        nat = Nat(f"nat{number}", sim.internet, f"203.0.113.{number}", f"10.{number}.0.1", lifetime=30 * SECOND)
        peers.append(sim.host(None, f"10.{number}.0.2", segment=nat.segment).peer(ice_servers=[server.url]))
    sim.connect(*peers)
    sim.run(600)
    assert [peer.states.connection for peer in peers] == ["connected", "connected"]


def test_both_in_one_home(sim: Simulation) -> None:
    """They find each other inside; their NAT knows no hairpinning."""
    server = StunServer(sim.internet)
    nat = Nat("home", sim.internet, "203.0.113.1")
    a, b = (sim.host(None, f"192.168.0.{n}", segment=nat.segment).peer(ice_servers=[server.url]) for n in (2, 3))
    sim.connect(a, b)
    pair = a.raw.selected_pair()
    assert pair is not None and pair[1][0] == "192.168.0.3"


@pytest.mark.parametrize("mapping", Dependence, ids=str)
@pytest.mark.parametrize("hairpin", [True, False])
def test_guests_of_one_network(sim: Simulation, hairpin: bool, mapping: Dependence) -> None:
    """Its access point keeps them apart, so that they have to go by their outside addresses."""
    server = StunServer(sim.internet)
    nat = Nat("hotel", sim.internet, "203.0.113.1", mapping=mapping, hairpin=hairpin)
    a, b = (sim.host(None, f"192.168.0.{n}", segment=nat.segment).peer(ice_servers=[server.url]) for n in (2, 3))
    guests = {"192.168.0.2", "192.168.0.3"}
    sim.network.taps.append(lambda now, packet: [] if {packet.source[0], packet.target[0]} == guests else [packet])
    sim.negotiate(a, b)
    sim.until(lambda: ended(a, b), 120)
    if not hairpin or mapping != Dependence.ENDPOINT_INDEPENDENT:
        assert a.states.connection == b.states.connection == "failed"
        return
    assert remote_type(a) == remote_type(b) == "srflx"


@pytest.mark.parametrize("hairpin", [True, False])
def test_neighbours_behind_one_carrier(sim: Simulation, hairpin: bool) -> None:
    """Two homes whose provider has put them behind one more NAT: RFC 6888 section 3 asks that one for hairpinning."""
    server = StunServer(sim.internet)
    carrier = Nat("carrier", sim.internet, "203.0.113.1", "100.64.0.1", hairpin=hairpin)
    homes = [Nat(f"home {n}", carrier.segment, f"100.64.0.{n}", f"10.{n}.0.1") for n in (2, 3)]
    a, b = (sim.host(None, f"10.{n}.0.2", segment=home.segment).peer(ice_servers=[server.url])
            for n, home in enumerate(homes, 2))
    sim.negotiate(a, b)
    sim.until(lambda: ended(a, b), 120)
    assert (a.states.connection == b.states.connection == "connected") == hairpin


# ------------------------------------------------------------------------------------------------- mappings that go away


def follow(peer: SimPeer) -> list[str]:
    """The states of ICE from now on."""
    seen: list[str] = []
    peer.listeners.append(
        lambda event: seen.append(event.state_name) if event.type == EventType.ICE_CONNECTION_STATE_CHANGE else None
    )
    return seen


@pytest.mark.parametrize("kind", ["full cone", "port-restricted", "symmetric"])
@pytest.mark.parametrize("lifetime", [0.5, 3, 4.5])
@pytest.mark.parametrize("inside_offers", [True, False])
def test_mappings_shorter_than_consent_intervals(sim: Simulation, kind: str, lifetime: float, inside_offers: bool) -> None:
    """Nearly each consent check leaves by another port. The side outside follows, without either missing the other."""
    site = SITES[kind](sim, 1)
    site.nats[0].lifetime = int(lifetime * SECOND)
    inside, outside = peer_at(sim, site, 1), sim.host("outside").peer()
    sim.connect(*((inside, outside) if inside_offers else (outside, inside)))
    ours, theirs = sim.open(inside, outside)
    sim.run(1)
    states, ports = [follow(peer) for peer in (inside, outside)], set()
    for number in range(20):
        sim.run(15)
        ours.send(f"{number}")
        theirs.send(f"{number}")
        pair = outside.raw.selected_pair()
        assert pair is not None
        ports.add(pair[1][1])
    sim.until(lambda: ours.received == theirs.received == [f"{number}" for number in range(20)], 120)
    assert len(ports) > 1 and remote_type(outside) == "prflx"
    if lifetime > 1 or inside_offers:
        assert states == [[], []]
    else:  # what the outside side, which has to choose, learns of a new address is hardly ever still true when it does
        assert states[0] == [] and set(states[1]) <= {"disconnected", "completed"}


def test_mappings_of_both_sides_shorter_than_consent_intervals(sim: Simulation) -> None:
    """When both ports are gone nobody can know the other's: it ends, as the standard says, and with the reason."""
    server = StunServer(sim.internet)
    sites = [SITES["port-restricted"](sim, number) for number in (1, 2)]
    for site in sites:
        site.nats[0].lifetime = 3 * SECOND
    a, b = (peer_at(sim, site, number, ice_servers=[server.url]) for number, site in enumerate(sites, 1))
    sim.connect(a, b)
    sim.run(1)
    states = [follow(peer) for peer in (a, b)]
    sim.until(lambda: a.states.connection == b.states.connection == "failed", 60)
    assert states == [["disconnected", "failed"]] * 2
    for peer in (a, b):
        ((_, text),) = peer.failures
        assert text is not None and text.startswith("the other side has not answered on the selected pair for 30 s")


@pytest.mark.parametrize("kind", ["full cone", "port-restricted", "symmetric"])
@pytest.mark.parametrize("how", ["restarts", "moves"])
@pytest.mark.parametrize("inside_offers", [True, False])
def test_a_nat_that_changes_in_mid_transfer(sim: Simulation, kind: str, how: str, inside_offers: bool) -> None:
    """All mappings are gone, or the outside address is another: the side outside follows the checks; nothing is lost."""
    site = SITES[kind](sim, 1)
    inside, outside = peer_at(sim, site, 1), sim.host("outside").peer()
    sim.connect(*((inside, outside) if inside_offers else (outside, inside)))
    ours, theirs = sim.open(inside, outside)
    sim.run(1)
    states = [follow(peer) for peer in (inside, outside)]
    for number in range(400):
        sim.run(0.05)
        ours.send(f"up {number}")
        theirs.send(f"down {number}")
        if number == 100:
            (nat,) = site.nats
            nat.forget() if how == "restarts" else nat.move("203.0.113.99")
    sent = [[f"{way} {number}" for number in range(400)] for way in ("up", "down")]
    sim.until(lambda: [theirs.received, ours.received] == sent, 60)
    pair = outside.raw.selected_pair()
    assert pair is not None and pair[1][0] == ("203.0.113.1" if how == "restarts" else "203.0.113.99")
    assert states == [[], []]
