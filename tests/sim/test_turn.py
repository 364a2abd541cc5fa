# SPDX-License-Identifier: BSD-3-Clause
"""Through TURN servers: those that do as the standard says, and those that lie, stall or reset at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import pytest

from polyrtc.sansio import Event, EventType, IceServer
from tests.sim import MILLISECOND, SECOND, Conditions, SimPeer, Simulation, TurnNode
from tests.sim.routes import SITES, Site, ended, peer_at, remote_type, route
from tests.sim.stun import Attribute, Class, Message, encode_address, xor
from tests.sim.turn_server import STEPS, Fault, error


def servers(*nodes: TurnNode) -> list[IceServer]:
    return [IceServer(node.url(), "user", "secret") for node in nodes]


def pair_of(sim: Simulation, *nodes: TurnNode, sites: tuple[str, str] = ("symmetric", "symmetric"), **config: Any) -> list[SimPeer]:
    """Two peers that need a relay, unless the sites are others."""
    made: list[Site] = [SITES[site](sim, number) for number, site in enumerate(sites, 1)]
    return [peer_at(sim, site, number, ice_servers=servers(*nodes), **config) for number, site in enumerate(made, 1)]


def errors_of(peer: SimPeer) -> list[Event]:
    """The candidate errors of this peer, from now on."""
    seen: list[Event] = []
    peer.listeners.append(lambda event: seen.append(event) if event.type == EventType.ICE_CANDIDATE_ERROR else None)
    return seen


def states_of(peer: SimPeer) -> list[str]:
    seen: list[str] = []
    peer.listeners.append(
        lambda event: seen.append(event.state_name) if event.type == EventType.ICE_CONNECTION_STATE_CHANGE else None
    )
    return seen


def exchange(sim: Simulation, a: SimPeer, b: SimPeer) -> None:
    ours, theirs = sim.open(a, b, f"channel {sim.now}")
    ours.send("there")
    theirs.send("and back")
    sim.until(lambda: (ours.received, theirs.received) == (["and back"], ["there"]))


# ----------------------------------------------------------------------------------------------------- as the standard says


def test_an_hour(sim: Simulation) -> None:
    """Allocations, permissions, channels and nonces end and are renewed; nothing is lost, and no state changes."""
    turn = TurnNode(sim.internet, nonce_lifetime=200 * SECOND)
    a, b = pair_of(sim, turn)
    sim.connect(a, b)
    ours, theirs = sim.open(a, b)
    states = [states_of(peer) for peer in (a, b)]
    sim.run(10)
    turn.server.counters.clear()
    for number in range(120):
        ours.send(f"{number}")
        theirs.send(f"{number}")
        sim.run(30)
    assert ours.received == theirs.received == [f"{number}" for number in range(120)]
    count = turn.server.counters
    assert states == [[], []] and not count["not permitted"] and not count["nonsense"] and not count["expired"]
    assert count["refresh"] >= 12 and count["error 438"] >= 30 and count["channel"] >= 6 and len(turn.server.allocations) == 2
    assert not [code for code in count if code.startswith("error") and code != "error 438"]


def test_an_idle_hour_is_cheap(sim: Simulation) -> None:
    turn = TurnNode(sim.internet)
    a, b = pair_of(sim, turn)
    sim.connect(a, b)
    sim.run(10)
    sent, asked = sim.network.counters["sent"], sum(turn.server.counters.values())
    sim.run(3600)
    assert sum(turn.server.counters.values()) - asked < 3600  # consent of both sides, both ways, is most of it
    assert sim.network.counters["sent"] - sent < 20_000
    assert a.states.connection == b.states.connection == "connected"


@pytest.mark.parametrize("closer", [0, 1])
def test_allocations_are_given_back(sim: Simulation, closer: int) -> None:
    turn = TurnNode(sim.internet)
    peers = pair_of(sim, turn)
    sim.connect(*peers)
    assert len(turn.server.allocations) == 2
    peers[closer].close()
    sim.run(2)
    assert turn.server.counters["given back"] == 1
    peers[1 - closer].close()
    sim.run(2)
    assert turn.server.counters["given back"] == 2 and not turn.server.allocations


@pytest.mark.parametrize("knows", [True, False], ids=["STUN", "no server"])
def test_only_the_other_side_has_a_relay(sim: Simulation, knows: bool) -> None:
    """A relay lets in who has a permission: our outside address must be known to the other side, by a STUN server."""
    turn = TurnNode(sim.internet)
    config = [[turn.url(scheme="stun")] if knows else [], servers(turn)]
    a, b = (peer_at(sim, SITES["symmetric"](sim, number), number, ice_servers=config[number - 1]) for number in (1, 2))
    sim.negotiate(a, b)
    sim.until(lambda: ended(a, b), 120)
    assert route(a, b) == ("prflx-relay" if knows else "none")


def test_each_side_has_its_own_server(sim: Simulation) -> None:
    """The relay of one speaks to the relay of the other, over the internet."""
    nodes = [TurnNode(sim.internet, f"198.51.100.24{number}") for number in (1, 2)]
    a, b = (
        peer_at(sim, SITES["symmetric"](sim, number), number, ice_servers=servers(node), ice_transport_policy="relay")
        for number, node in enumerate(nodes, 1)
    )
    sim.connect(a, b)
    assert route(a, b) == "relay-relay"
    exchange(sim, a, b)


def test_the_relay_policy_shows_no_other_address(sim: Simulation) -> None:
    """W3C section 4.2.4: nothing but relayed candidates; and no check leaves by another way."""
    turn = TurnNode(sim.internet)
    a, b = pair_of(sim, turn, sites=("public", "public"), ice_transport_policy="relay")
    own = {interface.ip for host in sim.hosts for interface in host.interfaces}
    seen: set[str] = set()

    def tap(now: int, packet: Any) -> Iterable[Any]:
        if packet.source[0] in own:
            seen.add(packet.target[0])
        return [packet]

    sim.network.taps.append(tap)
    sim.connect(a, b)
    exchange(sim, a, b)
    assert seen == {"198.51.100.240"}
    for peer in (a, b):
        texts = [event.text for event in peer.candidates if event.text]
        assert texts and all(" typ relay " in text for text in texts)
        assert not [text for text in texts if any(ip in text for ip in own)]


def test_another_server_is_named(sim: Simulation) -> None:
    """300 with ALTERNATE-SERVER (RFC 8489 section 10)."""
    first, second = (TurnNode(sim.internet, f"198.51.100.24{number}") for number in (1, 2))
    first.server.alternate = ("198.51.100.242", 3478)
    a, b = pair_of(sim, first)
    sim.connect(a, b)
    assert not first.server.allocations and len(second.server.allocations) == 2
    exchange(sim, a, b)


def test_servers_that_name_each_other(sim: Simulation) -> None:
    first, second = (TurnNode(sim.internet, f"198.51.100.24{number}") for number in (1, 2))
    first.server.alternate, second.server.alternate = ("198.51.100.242", 3478), ("198.51.100.241", 3478)
    a, b = pair_of(sim, first)
    seen = errors_of(a)
    sim.negotiate(a, b)
    sim.until(lambda: ended(a, b), 120)
    assert a.states.connection == "failed" and seen
    assert first.server.counters["allocate"] + second.server.counters["allocate"] < 40


@pytest.mark.parametrize(("code", "spoil"), [
    (401, lambda server: server.users.update(user="another password")),
    (486, lambda server: setattr(server, "quota", 0)),
    (440, lambda server: server.relays.clear()),
    (508, lambda server: server.faults.update(allocate=error(508))),
], ids=str)
def test_why_there_is_no_relay(sim: Simulation, code: int, spoil: Callable[[Any], None]) -> None:
    """W3C icecandidateerror: the server's own code."""
    turn = TurnNode(sim.internet)
    spoil(turn.server)
    a, b = pair_of(sim, turn, sites=("port-restricted", "public"))
    seen = errors_of(a)
    sim.connect(a, b)
    sim.until(lambda: a.states.ice_gathering == "complete")
    assert [event.code for event in seen] == [code]


@pytest.mark.parametrize("seed", range(10))
def test_loss_on_the_way_to_the_server(sim: Simulation, seed: int) -> None:
    turn = TurnNode(sim.internet)
    a, b = pair_of(sim, turn)
    for host in sim.hosts:
        for interface in host.interfaces:
            interface.up.conditions = Conditions(loss=0.2, jitter=20 * MILLISECOND)
    sim.connect(a, b)
    exchange(sim, a, b)


# --------------------------------------------------------------------------------------------------- at the wrong moment


@pytest.mark.parametrize("policy", ["all", "relay"])
def test_a_server_that_restarts(sim: Simulation, policy: str) -> None:
    """In mid-connection: all of its allocations are gone, and nothing says so. When the other side is missed the server is asked, and
    there are new allocations, whose candidates go to the other side: the connection is back before it has failed."""
    turn = TurnNode(sim.internet)
    a, b = pair_of(sim, turn, ice_transport_policy=policy)
    sim.connect(a, b)
    ours, theirs = sim.open(a, b)
    sim.run(10)
    states = [states_of(peer) for peer in (a, b)]
    turn.server.reset()
    for number in range(60):
        ours.send(f"{number}")
        theirs.send(f"{number}")
        sim.run(1)
    sim.until(lambda: ours.received == theirs.received == [f"{number}" for number in range(60)], 60)
    assert states == [["disconnected", "completed"]] * 2 and not a.failures and not b.failures


def test_a_server_that_restarts_and_is_back_late(sim: Simulation) -> None:
    """The connection has failed; an ICE restart finds the server."""
    turn = TurnNode(sim.internet)
    a, b = pair_of(sim, turn)
    sim.connect(a, b)
    ours, theirs = sim.open(a, b)
    turn.dead = True
    turn.server.reset()
    ours.send("lost for now")
    sim.until(lambda: a.states.connection == b.states.connection == "failed", 120)
    turn.dead = False
    a.command("restart_ice")
    sim.negotiate(a, b)
    sim.until(lambda: a.states.connection == b.states.connection == "connected", 60)
    sim.until(lambda: theirs.received == ["lost for now"], 60)


def test_a_server_that_dies_where_another_is(sim: Simulation) -> None:
    """Both have allocations on two servers: the pair moves to the second, without a restart and without a loss."""
    nodes = [TurnNode(sim.internet, f"198.51.100.24{number}") for number in (1, 2)]
    a, b = pair_of(sim, *nodes)
    sim.connect(a, b)
    ours, theirs = sim.open(a, b)
    sim.run(5)
    used = a.raw.selected_pair()
    assert used is not None
    dead = next(node for node in nodes if used[1][0] in node.interfaces or used[0][0] in node.interfaces)
    dead.dead = True
    for number in range(100):
        sim.run(0.5)
        ours.send(f"{number}")
        theirs.send(f"{number}")
    sim.until(lambda: ours.received == theirs.received == [f"{number}" for number in range(100)], 120)
    assert a.states.connection == b.states.connection == "connected" and not a.failures and not b.failures
    used = a.raw.selected_pair()
    assert used is not None and not {used[0][0], used[1][0]} & set(dead.interfaces)


def test_a_server_that_dies_where_a_direct_path_is(sim: Simulation) -> None:
    turn = TurnNode(sim.internet)
    a, b = pair_of(sim, turn, sites=("public", "public"))
    sim.connect(a, b)
    states = [states_of(peer) for peer in (a, b)]
    turn.dead = True
    sim.run(1200)
    exchange(sim, a, b)
    assert states == [[], []]


# ------------------------------------------------------------------------------------------------------------- over TCP


def over_tcp(sim: Simulation, *, blocked: bool = True) -> tuple[TurnNode, list[SimPeer]]:
    """Two that need a relay and reach it by TCP alone."""
    turn = TurnNode(sim.internet)
    turn.listen(sim)
    server = IceServer(turn.url(transport="tcp"), "user", "secret")
    sites = [SITES["symmetric"](sim, number) for number in (1, 2)]
    peers = [peer_at(sim, site, number, ice_servers=[server]) for number, site in enumerate(sites, 1)]
    inside = {ip for site in sites for ip in site.ips}
    if blocked:
        sim.network.taps.append(lambda now, packet: [] if packet.source[0] in inside and not packet.tcp else [packet])
    return turn, peers


def test_over_tcp(sim: Simulation) -> None:
    """No UDP leaves the sites. An hour: what is renewed over UDP is renewed here."""
    turn, (a, b) = over_tcp(sim)
    sim.connect(a, b)
    assert route(a, b) == "relay-relay" and {client.protocol for client in turn.server.allocations} == {"tcp"}
    ours, theirs = sim.open(a, b)
    states = [states_of(peer) for peer in (a, b)]
    for number in range(60):
        ours.send(f"{number}" * 100)
        theirs.send(f"{number}" * 100)
        sim.run(60)
    assert ours.received == theirs.received == [f"{number}" * 100 for number in range(60)]
    assert states == [[], []] and not turn.server.counters["expired"]
    a.close()
    b.close()
    sim.run(5)
    assert not turn.server.allocations


@pytest.mark.parametrize("seed", range(10))
def test_much_over_tcp(sim: Simulation, seed: int) -> None:
    """More than the connections take at once, over links that lose."""
    turn, (a, b) = over_tcp(sim)
    for host in sim.hosts:
        for interface in host.interfaces:
            interface.up.conditions = Conditions(loss=0.02, jitter=5 * MILLISECOND, rate=20_000_000)
    sim.connect(a, b)
    ours, theirs = sim.open(a, b)
    for number in range(100):
        ours.send(f"{number}" * 2000)
        theirs.send(f"{number}" * 2000)
    sim.until(lambda: ours.received == theirs.received == [f"{number}" * 2000 for number in range(100)], 200)


@pytest.mark.parametrize("moment", [0.01, 0.03, 0.05, 0.08, 0.1, 0.2, 0.4, 1, 5, 30])
def test_connections_to_the_server_are_reset(sim: Simulation, moment: float) -> None:
    """At any moment; it ends or goes on, and after an ICE restart it is there."""
    turn, (a, b) = over_tcp(sim)
    sim.negotiate(a, b)
    sim.run(moment)
    assert turn.door is not None
    turn.door.kill()
    sim.run(60)
    if "failed" in (a.states.dtls_transport, b.states.dtls_transport):
        return  # for good: it had begun
    a.command("restart_ice")
    sim.negotiate(a, b)
    sim.until(lambda: a.states.connection == b.states.connection == "connected", 60)
    exchange(sim, a, b)


# ------------------------------------------------------------------------------------------------- lies, stalls and resets


def spoiled(change: Callable[[Message], Message]) -> Fault:
    def fault(message: Message | bytes) -> list[Message | bytes]:
        return [change(message)] if isinstance(message, Message) else [message]

    return fault


def replaced(attribute: int, value: Callable[[Message], bytes]) -> Fault:
    """The attribute with another value, where the message has it."""

    def change(message: Message) -> Message:
        message.attributes = [(t, value(message) if t == attribute else v) for t, v in message.attributes]
        return message

    return spoiled(change)


def _bytes(message: Message | bytes) -> bytes:
    return message.encode() if isinstance(message, Message) else message


def _another_key(message: Message) -> Message:
    message.key = b"another key     "
    return message


def _no_key(message: Message) -> Message:
    message.key = None
    return message


def _another_transaction(message: Message) -> Message:
    message.transaction = b"another one!"
    return message


def address(ip: str, port: int) -> Callable[[Message], bytes]:
    return lambda message: xor(encode_address((ip, port)), message.transaction)


FAULTS: dict[str, Fault] = {
    "stalls": lambda message: [],
    "nonsense": lambda message: [b"\x80nonsense" * 5],
    "a letter": lambda message: [b"\x01"],
    "nothing in it": lambda message: [b""],
    "half": lambda message: [_bytes(message)[: len(_bytes(message)) // 2]],
    "flipped": lambda message: [_bytes(message)[:-9] + bytes([_bytes(message)[-9] ^ 1]) + _bytes(message)[-8:]],
    "ten times": lambda message: [message] * 10,
    "another key": spoiled(_another_key),
    "no key": spoiled(_no_key),
    "another transaction": spoiled(_another_transaction),
    "no attributes": spoiled(lambda message: message.without(*{type for type, _ in message.attributes})),
    "unknown attribute": spoiled(lambda message: message.add(0x7FFF, b"what is this")),
    "much": spoiled(lambda message: message.add(0x8FFF, bytes(60_000))),
    "relayed nowhere": replaced(Attribute.XOR_RELAYED_ADDRESS, address("0.0.0.0", 0)),
    "relayed at a stranger's": replaced(Attribute.XOR_RELAYED_ADDRESS, address("192.0.2.99", 9)),
    "relayed with port 0": replaced(Attribute.XOR_RELAYED_ADDRESS, address("198.51.100.240", 0)),
    "relayed at the group": replaced(Attribute.XOR_RELAYED_ADDRESS, address("224.0.0.1", 5000)),
    "relayed over IPv6": replaced(Attribute.XOR_RELAYED_ADDRESS, address("2001:db8::240", 5000)),
    "relayed malformed": replaced(Attribute.XOR_RELAYED_ADDRESS, lambda message: b"\0\3\0\0"),
    "mapped elsewhere": replaced(Attribute.XOR_MAPPED_ADDRESS, address("192.0.2.99", 9)),
    "mapped malformed": replaced(Attribute.XOR_MAPPED_ADDRESS, lambda message: b""),
    "lifetime 0": replaced(Attribute.LIFETIME, lambda message: bytes(4)),
    "lifetime 1": replaced(Attribute.LIFETIME, lambda message: b"\0\0\0\1"),
    "lifetime of ages": replaced(Attribute.LIFETIME, lambda message: b"\xff\xff\xff\xff"),
    "lifetime malformed": replaced(Attribute.LIFETIME, lambda message: b"\0"),
    "another realm": replaced(Attribute.REALM, lambda message: b"example.com"),
    "empty realm": replaced(Attribute.REALM, lambda message: b""),
    "empty nonce": replaced(Attribute.NONCE, lambda message: b""),
    "long nonce": replaced(Attribute.NONCE, lambda message: b"n" * 2000),
    "another peer": replaced(Attribute.XOR_PEER_ADDRESS, address("192.0.2.99", 9)),
    "no peer": spoiled(lambda message: message.without(Attribute.XOR_PEER_ADDRESS)),
    "no data": spoiled(lambda message: message.without(Attribute.DATA)),
    "sent to itself": error(300, (Attribute.ALTERNATE_SERVER, encode_address(("198.51.100.240", 3478)))),
    "sent nowhere": error(300, (Attribute.ALTERNATE_SERVER, encode_address(("192.0.2.99", 3478)))),
    "sent to port 0": error(300, (Attribute.ALTERNATE_SERVER, encode_address(("192.0.2.99", 0)))),
    **{f"error {code}": error(code) for code in (0, 300, 400, 401, 403, 420, 437, 438, 440, 441, 442, 443, 486, 500, 508, 699)},
}


def fits(step: str, fault: str) -> bool:
    """Of data in a channel there is less to spoil. (Nothing can tell a flipped bit of DTLS before it has keys.)"""
    return step != "channel data" or fault in ("stalls", "nonsense", "a letter", "nothing in it", "half", "ten times")


CASES = [(step, fault) for step in STEPS for fault in FAULTS if fits(step, fault)]


def test_gathering_ends(sim: Simulation) -> None:
    """However the server answers: there is a bound on it."""
    for number, (step, fault) in enumerate(CASES):
        turn = TurnNode(sim.internet, f"198.18.{number // 100}.{number % 100}")
        turn.server.faults[step] = FAULTS[fault]
        peer = sim.host(f"alone {number}", f"198.19.{number // 100}.{number % 100}").peer(ice_servers=servers(turn))
        peer.channel("first")
        peer.command("set_local_description", "offer")
        sim.until(lambda: peer.states.ice_gathering == "complete", 45, lambda: f"{step}: {fault}")
        peer.close()
        sim.run(2)
        assert sum(turn.server.counters.values()) < 60, f"{step}: {fault}: {turn.server.counters}"
        peer.free()


@pytest.mark.parametrize("step", STEPS)
def test_what_else_there_is_is_used(step: str) -> None:
    """One has a public address: they connect directly, and stay so, whatever becomes of the allocations."""
    for fault in (fault for other, fault in CASES if other == step):
        sim = Simulation(1)
        turn = TurnNode(sim.internet, lifetime=100 * SECOND)
        turn.server.faults[step] = FAULTS[fault]
        a, b = pair_of(sim, turn, sites=("port-restricted", "public"))
        sim.connect(a, b, seconds=10)
        sim.run(45)
        states = [states_of(peer) for peer in (a, b)]
        sim.run(100)
        exchange(sim, a, b)
        assert states == [[], []] and remote_type(a) == "host", fault
        sim.free()


@pytest.mark.parametrize("step", STEPS[:-1])
def test_the_other_server_is_used(step: str) -> None:
    """Both need a relay. One of the two servers is a liar. (But not one that carries all checks and loses all data: that cannot be
    told from two peers who have nothing to say.)"""
    for fault in (fault for other, fault in CASES if other == step):
        sim = Simulation(1)
        bad, good = TurnNode(sim.internet), TurnNode(sim.internet, "198.51.100.241")
        bad.server.faults[step] = FAULTS[fault]
        a, b = pair_of(sim, bad, good)
        sim.negotiate(a, b)
        sim.until(lambda: a.states.connection == b.states.connection == "connected", 60, lambda: f"{step}: {fault}")
        exchange(sim, a, b)
        sim.free()


@pytest.mark.parametrize("step", STEPS)
def test_it_ends_either_way(step: str) -> None:
    """Both need a relay, and the only server is a liar: they connect, or fail and say why."""
    for fault in (fault for other, fault in CASES if other == step):
        sim = Simulation(1)
        turn = TurnNode(sim.internet)
        turn.server.faults[step] = FAULTS[fault]
        a, b = pair_of(sim, turn)
        sim.negotiate(a, b)
        sim.until(lambda: ended(a, b), 200, lambda: f"{step}: {fault}")
        for peer in (a, b):
            assert (peer.states.connection == "failed") == bool(peer.failures), fault
            assert all(text for _, text in peer.failures)
        for peer in (a, b):
            peer.close()
        sim.run(5)
        sim.free()


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize("seed", range(100))
def test_faults_at_random(sim: Simulation, seed: int, transport: str) -> None:
    """Each answer may be spoilt, in any way; the server may forget everything. Later it does as it should."""
    random = Random(f"faults {seed}")
    share = random.choice([0.05, 0.2, 0.5])
    if transport == "UDP":
        turn = TurnNode(sim.internet)
        a, b = pair_of(sim, turn)
    else:
        turn, (a, b) = over_tcp(sim)

    def fault(step: str) -> Fault:
        def spoil(message: Message | bytes) -> Iterable[Message | bytes]:
            if random.random() > share:
                return [message]
            if random.random() < 0.05:
                turn.server.reset()
            return FAULTS[random.choice([name for name in FAULTS if fits(step, name)])](message)

        return spoil

    turn.server.faults.update((step, fault(step)) for step in STEPS)
    sim.negotiate(a, b)
    sim.run(random.choice([1, 30, 400]))
    turn.server.faults.clear()
    sim.run(45)
    if "failed" in (a.states.dtls_transport, b.states.dtls_transport):  # that is for good: no datagram of it came through for long
        assert a.failures or b.failures
        return
    a.command("restart_ice")
    sim.negotiate(a, b)
    sim.until(lambda: a.states.connection == b.states.connection == "connected", 120)
    exchange(sim, a, b)
