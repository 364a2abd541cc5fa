# SPDX-License-Identifier: BSD-3-Clause
"""Through network address translators: server-reflexive and peer-reflexive candidates (RFC 8445 sections 5.1.1 and 7.3.1)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from tests.sim import SECOND, Dependence, Nat, SimPeer, Simulation, StunServer

INDEPENDENT, ADDRESS, PORT = Dependence

#: Names of old (RFC 3489 section 5), as mapping and filter.
KINDS = {
    "full cone": (INDEPENDENT, INDEPENDENT),
    "restricted cone": (INDEPENDENT, ADDRESS),
    "port-restricted cone": (INDEPENDENT, PORT),
    "symmetric": (PORT, PORT),
}

#: Without a relay a pair needs one side whose port the other one can know, or whose filter lets any port in.
HOPELESS = {("symmetric", "symmetric"), ("symmetric", "port-restricted cone"), ("port-restricted cone", "symmetric")}


def behind(sim: Simulation, kind: str, number: int, servers: Sequence[str]) -> SimPeer:
    """A peer behind a NAT of its own."""
    mapping, filtering = KINDS[kind]
    nat = Nat(f"nat{number}", sim.internet, f"203.0.113.{number}", f"10.{number}.0.1", mapping=mapping, filtering=filtering)
    return sim.host(f"host{number}", f"10.{number}.0.2", segment=nat.segment).peer(ice_servers=servers)


def types(peer: SimPeer) -> set[str]:
    return {event.text.split(" typ ")[1].split()[0] for event in peer.candidates if event.text}


@pytest.mark.parametrize(("ours", "theirs"), list(itertools.product(KINDS, KINDS)), ids=str)
def test_kinds_of_nat(sim: Simulation, ours: str, theirs: str) -> None:
    server = StunServer(sim.internet)
    a, b = behind(sim, ours, 1, [server.url]), behind(sim, theirs, 2, [server.url])
    sim.negotiate(a, b)
    if (ours, theirs) in HOPELESS:
        sim.until(lambda: a.states.connection == b.states.connection == "failed", 120)
        return
    sim.until(lambda: a.states.connection == b.states.connection == "connected", 60)
    assert types(a) == types(b) == {"host", "srflx"}
    channel, other = sim.open(a, b)
    channel.send("through")
    sim.until(lambda: other.received == ["through"])


@pytest.mark.parametrize("kind", KINDS)
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


def test_a_nat_that_restarts(sim: Simulation) -> None:
    """All mappings are gone: the side outside sees another port, and follows it by the checks or after an ICE restart."""
    nat = Nat("home", sim.internet, "203.0.113.1")
    inside, server = sim.host(None, "192.168.0.2", segment=nat.segment).peer(), sim.host("server").peer()
    sim.connect(inside, server)
    ours, theirs = sim.open(inside, server)
    nat.forget()
    sim.run(60)
    if server.states.connection != "connected" or inside.states.connection != "connected":
        inside.command("restart_ice")
        sim.negotiate(inside, server)
    sim.until(lambda: inside.states.connection == server.states.connection == "connected", 60)
    ours.send("still there")
    sim.until(lambda: theirs.received == ["still there"], 60)
