# SPDX-License-Identifier: BSD-3-Clause
"""A server with one UDP port for all its peers: whose is a datagram, whatever networks and NATs do?"""

from __future__ import annotations

import pytest

from polyrtc.sansio import IceServer

from tests.sim import SECOND, Conditions, Host, Nat, SimPeer, Simulation, TurnNode

PORT = 7000


def served(sim: Simulation, server: Host, client: SimPeer) -> SimPeer:
    peer = server.peer()
    sim.connect(client, peer)
    return peer


def exchange(sim: Simulation, pairs: list[tuple[SimPeer, SimPeer]]) -> None:
    """Each pair opens a channel; what is sent comes to its own other end, and nowhere else."""
    label = f"at {sim.now}"
    ends = [sim.open(client, peer, label) for client, peer in pairs]
    for i, (ours, theirs) in enumerate(ends):
        ours.send(f"up {i}")
        theirs.send(f"down {i}")
    sim.until(lambda: all(ours.received and theirs.received for ours, theirs in ends), 60)
    for i, (ours, theirs) in enumerate(ends):
        assert (ours.received, theirs.received) == ([f"down {i}"], [f"up {i}"])


@pytest.mark.parametrize("seed", range(4))
def test_many_clients(sim: Simulation) -> None:
    """Alone, and behind one NAT, at both addresses of the server, over bad networks."""
    server = sim.host("server", "198.51.100.200", "2001:db8::200", udp_port=PORT)
    nat = Nat("nat", sim.internet, "203.0.113.1", "10.0.0.1")
    bad = Conditions(loss=0.05, reorder=0.1, duplicate=0.1, jitter=20_000)
    clients = [sim.host(None, f"10.0.0.{i + 2}", segment=nat.segment).peer() for i in range(6)]
    clients += [sim.host(None, f"2001:db8::{i + 1}", up=bad).peer() for i in range(3)]
    clients += [sim.host(None, f"198.51.100.{i + 101}", up=bad).peer() for i in range(3)]
    pairs = [(client, served(sim, server, client)) for client in clients]
    assert len(server.sockets) == 2 and {port for _, port in server.sockets.values()} == {PORT}
    exchange(sim, pairs)
    for client, peer in pairs[::2]:
        client.close()
        sim.run(1)
        peer.free()
    exchange(sim, pairs[1::2])
    for _, peer in pairs[1::2]:
        peer.free()
    sim.run(1)
    assert server.sockets == {}


def test_a_nat_that_gives_one_client_the_port_of_another(sim: Simulation) -> None:
    """It restarts, and counts its ports from the beginning again, as simple ones do: so the mappings of before are those of others."""
    server = sim.host("server", udp_port=PORT)
    nat = Nat("nat", sim.internet, "203.0.113.1", "10.0.0.1")
    clients = [sim.host(None, f"10.0.0.{i + 2}", segment=nat.segment).peer() for i in range(2)]
    pairs = [(client, served(sim, server, client)) for client in clients]
    exchange(sim, pairs)
    before = [peer.raw.selected_pair() for _, peer in pairs]
    nat.forget()
    nat._next_port = 20_000
    sim.run(70)
    for client, peer in pairs:
        if "failed" in (client.states.connection, peer.states.connection):
            client.command("restart_ice")
            sim.negotiate(client, peer)
    sim.until(lambda: all(p.states.connection == "connected" for pair in pairs for p in pair), 120)
    exchange(sim, pairs)
    assert [peer.raw.selected_pair() for _, peer in pairs] != before


def test_a_client_that_comes_again_from_the_same_address(sim: Simulation) -> None:
    """A phone without power, and on again: the same address and port, another connection. It has to wait until the former has lost consent."""
    server = sim.host("server", udp_port=PORT)
    first = sim.host("phone", "203.0.113.5")
    lost = served(sim, server, first.peer())
    interface = first.interfaces[0]
    del interface.segment.interfaces[interface.ip]
    first.free()
    second = sim.host("phone again", "203.0.113.5")
    client, peer = second.peer(), server.peer()
    began = sim.now
    sim.negotiate(client, peer)
    sim.until(lambda: client.states.connection == peer.states.connection == "connected", 60)
    assert lost.states.connection == "failed" and sim.now - began > 15 * SECOND
    exchange(sim, [(client, peer)])


def test_restarts_of_many(sim: Simulation) -> None:
    """Each has two ufrags for a while; one is offered and never answered."""
    server = sim.host("server", udp_port=PORT)
    pairs = [(client, served(sim, server, client)) for client in (sim.host().peer() for _ in range(4))]
    for i, (client, peer) in enumerate(pairs):
        client.command("restart_ice")
        if i == 0:
            client.command("set_local_description", "offer")
        else:
            sim.negotiate(client, peer)
    sim.run(40)
    for client, peer in pairs:
        assert client.states.connection == peer.states.connection == "connected"
    exchange(sim, pairs[1:])


def remote_protocol_and_type(peer: SimPeer) -> tuple[str, str]:
    """How this side reaches the other one, and by what kind of candidate of its own."""
    stats = {each["id"]: each for each in peer.raw.stats(peer.host.simulation.now)}
    transport = next(each for each in stats.values() if each["type"] == "transport")
    local = stats[stats[transport["selectedCandidatePairId"]]["localCandidateId"]]
    return local["protocol"], local["candidateType"]


def test_relayed_direct_and_tcp_side_by_side(sim: Simulation) -> None:
    """Three peers have allocations on the same TURN server, which would know them by one address if they shared a socket for it."""
    turn = TurnNode(sim.internet)
    servers = [IceServer(turn.url(), "user", "secret")]
    server = sim.host("server", udp_port=PORT)
    behind_a_firewall = {"203.0.113.10", "203.0.113.11"}
    sim.network.taps.append(
        lambda now, packet: [] if not packet.tcp and {packet.source[0], packet.target[0]} & behind_a_firewall else [packet]
    )
    relayed, direct, tcp = [], [], []
    for _ in range(3):
        pair = sim.host().peer(), server.peer(ice_servers=servers, ice_transport_policy="relay")
        sim.connect(*pair)
        relayed.append(pair)
        pair = sim.host().peer(), server.peer(ice_servers=servers)
        sim.connect(*pair)
        direct.append(pair)
    for ip in sorted(behind_a_firewall):
        pair = sim.host(None, ip).peer(), server.peer(tcp_candidates="all")
        sim.connect(*pair)
        tcp.append(pair)
    exchange(sim, relayed + direct + tcp)
    assert {remote_protocol_and_type(peer) for _, peer in relayed} == {("udp", "relay")}
    assert {remote_protocol_and_type(peer) for _, peer in direct} == {("udp", "host")}
    assert {remote_protocol_and_type(peer)[0] for _, peer in tcp} == {"tcp"}
    sim.run(60)  # consent, permissions
    for client, peer in relayed + direct + tcp:
        assert client.states.connection == peer.states.connection == "connected"
        peer.free()
    sim.run(3)
    assert server.sockets == {}
