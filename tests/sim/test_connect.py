# SPDX-License-Identifier: BSD-3-Clause
"""Connections over networks of all kinds."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from polyrtc.errors import InvalidStateError, PrtcError
from polyrtc.sansio import EventType
from tests.sim import MILLISECOND, Habits, SimPeer, Simulation


def talk(sim: Simulation, a: SimPeer, b: SimPeer) -> None:
    """A message each way on a new channel."""
    ours, theirs = sim.open(a, b, "talk")
    ours.send("ping")
    theirs.send(b"pong")
    sim.until(lambda: theirs.received == ["ping"] and ours.received == [b"pong"])


def test_connect(sim: Simulation) -> None:
    a, b = sim.pair()
    sim.connect(a, b)
    talk(sim, a, b)
    assert a.states.ice_connection in ("connected", "completed")
    assert (a.states.dtls_transport, a.states.sctp_transport) == ("connected", "connected")
    assert a.states.signaling == b.states.signaling == "stable"


@pytest.mark.parametrize("trickle", [True, False], ids=["trickle", "gathered"])
@pytest.mark.parametrize(
    "ips",
    [
        (["198.51.100.1"], ["198.51.100.2"]),
        (["2001:db8::1"], ["2001:db8::2"]),
        (["198.51.100.1", "2001:db8::1"], ["2001:db8::2", "198.51.100.2"]),
        (["198.51.100.1", "203.0.113.1", "2001:db8::1"], ["198.51.100.2"]),
    ],
    ids=["IPv4", "IPv6", "both", "many"],
)
def test_addresses(sim: Simulation, ips: tuple[list[str], list[str]], trickle: bool) -> None:
    a, b = (sim.host(None, *own).peer() for own in ips)
    sim.connect(a, b, trickle=trickle)
    talk(sim, a, b)


@pytest.mark.parametrize("seed", range(20))
def test_connect_under_30_percent_loss(sim: Simulation) -> None:
    a, b = sim.pair(loss=0.3)
    sim.connect(a, b, seconds=120)
    talk(sim, a, b)
    assert sim.network.counters["lost"] > 0


@pytest.mark.parametrize("seed", range(5))
def test_a_megabyte_through_5_percent_loss(sim: Simulation) -> None:
    a, b = sim.pair(loss=0.05)
    sim.connect(a, b)
    channel, other = sim.open(a, b)
    data = Random(sim.seed).randbytes(1024 * 1024)
    for offset in range(0, len(data), 65_536):
        channel.send(data[offset : offset + 65_536])
    sim.until(lambda: len(other.received) == 16, 300)
    assert b"".join(part for part in other.received if isinstance(part, bytes)) == data


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("what", ["reorder", "duplicate", "corrupt"])
def test_bad_networks(sim: Simulation, what: str) -> None:
    conditions: dict[str, Any] = {what: 0.3}
    a, b = sim.pair(jitter=20 * MILLISECOND, **conditions)
    sim.connect(a, b, seconds=120)
    talk(sim, a, b)


@pytest.mark.parametrize("seed", range(10))
def test_all_habits_of_a_driver_are_legal(sim: Simulation) -> None:
    habits = Habits(train=1.0, undrained=0.5, backwards=0.3, early=0.5, slow_reply=0.5)
    a, b = sim.pair(habits=habits, loss=0.05)
    sim.connect(a, b)
    talk(sim, a, b)
    assert sim.counters["backwards"] > 0


def test_a_slow_thin_link(sim: Simulation) -> None:
    a, b = sim.pair(rate=256_000, queue=20_000, delay=150 * MILLISECOND)
    sim.connect(a, b)
    channel, other = sim.open(a, b)
    channel.send(bytes(200_000))
    sim.until(lambda: other.received == [bytes(200_000)], 120)


def test_one_host_serves_many(sim: Simulation) -> None:
    server = sim.host("server")
    clients = [sim.host().peer() for _ in range(10)]
    for client in clients:
        served = server.peer()
        sim.connect(client, served)
        talk(sim, client, served)
    assert server.endpoint.stats().peers == 10


def test_a_socket_that_cannot_be_opened(sim: Simulation) -> None:
    """The core goes on with what there is: the other address of each host."""
    a = sim.host("a", "198.51.100.1", "203.0.113.1")
    b = sim.host("b", "198.51.100.2", "203.0.113.2")
    opened = a._open

    def refuse_the_first(now: int, request: object) -> None:
        a.habits.refuse_socket = 0.0 if sim.counters["sockets refused"] else 1.0
        opened(now, request)  # type: ignore[arg-type]

    a._open = refuse_the_first  # type: ignore[method-assign]
    ours, theirs = a.peer(), b.peer()
    sim.connect(ours, theirs)
    assert sim.counters["sockets refused"] == 1


# ----------------------------------------------------------------------------------------------------------------- trickle


def gathered(sim: Simulation, peer: SimPeer) -> list[str]:
    """Waits until gathering is complete; the candidates."""
    sim.until(lambda: peer.states.ice_gathering == "complete")
    return [event.text for event in peer.candidates if event.text]


def without_candidates(peer: SimPeer) -> str:
    description = peer.raw.description()
    assert description is not None
    lines = description.sdp.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates")))


def exchange_descriptions(sim: Simulation, a: SimPeer, b: SimPeer) -> None:
    """Offer and answer without any candidate."""
    a.channel("first")
    a.command("set_local_description", "offer")
    gathered(sim, a)
    b.command("set_remote_description", "offer", without_candidates(a))
    b.command("set_local_description", "answer")
    gathered(sim, b)
    a.command("set_remote_description", "answer", without_candidates(b))


def give(sim: Simulation, source: SimPeer, target: SimPeer) -> None:
    for event in source.candidates:
        if event.text is not None:
            target.command("add_ice_candidate", event.text, event.mid, event.index, event.ufrag)


def both_connected(a: SimPeer, b: SimPeer) -> bool:
    return a.states.connection == b.states.connection == "connected"


@pytest.mark.parametrize("late", [0, 1, 10, 25])
def test_candidates_come_late(sim: Simulation, late: float) -> None:
    """Seconds after the descriptions. RFC 8838: without end-of-candidates checking does not fail meanwhile."""
    a, b = sim.pair()
    exchange_descriptions(sim, a, b)
    sim.run(late)
    give(sim, a, b)
    give(sim, b, a)
    sim.until(lambda: both_connected(a, b))


@pytest.mark.parametrize("giver", [0, 1])
def test_candidates_of_one_side_are_enough(sim: Simulation, giver: int) -> None:
    """The other side's are learned from its checks: peer-reflexive, RFC 8445 section 7.3.1.3."""
    a, b = sim.pair()
    exchange_descriptions(sim, a, b)
    source, target = (a, b) if giver == 0 else (b, a)
    give(sim, source, target)
    sim.until(lambda: both_connected(a, b))


def test_end_of_candidates_before_the_candidates(sim: Simulation) -> None:
    a, b = sim.pair()
    exchange_descriptions(sim, a, b)
    b.command("add_ice_candidate", "", "0", 0, None)
    give(sim, b, a)
    sim.until(lambda: both_connected(a, b))


def test_candidates_twice_and_useless_ones(sim: Simulation) -> None:
    a, b = sim.pair()
    exchange_descriptions(sim, a, b)
    for text in (
        "candidate:1 1 udp 2130706431 0d8e7ae1-0000-4000-8000-000000000000.local 5000 typ host",
        "candidate:2 1 tcp 1518280447 198.51.100.77 9 typ host tcptype active",
        "candidate:3 2 udp 2130706430 198.51.100.78 5001 typ host",
        "candidate:4 1 udp 2130706429 198.51.100.79 5001 typ host",  # nobody there
    ):
        a.command("add_ice_candidate", text, "0", 0, None)
    for _ in range(2):
        give(sim, a, b)
        give(sim, b, a)
    sim.until(lambda: both_connected(a, b))


def test_trickle_is_advertised(sim: Simulation) -> None:
    """RFC 8838 section 3: in the first descriptions, and in those of a renegotiation and of a restart; canTrickle follows the other's."""
    a, b = sim.pair()
    assert a.raw.states().can_trickle is None
    sim.connect(a, b)
    for restart in (False, True):
        if restart:
            a.command("restart_ice")
        sim.negotiate(a, b)
        sim.run(1)
        for peer in (a, b):
            description = peer.raw.description()
            assert description is not None and "a=ice-options:trickle" in description.sdp
            assert peer.raw.states().can_trickle is True


def test_a_candidate_before_the_description_is_refused(sim: Simulation) -> None:
    a, _ = sim.pair()
    with pytest.raises(InvalidStateError):
        a.command("add_ice_candidate", "candidate:4 1 udp 1 198.51.100.79 5001 typ host", "0", 0, None)


def test_a_candidate_that_is_none_is_refused(sim: Simulation) -> None:
    a, b = sim.pair()
    exchange_descriptions(sim, a, b)
    for text in ("candidate:", "nonsense", "candidate:4 1 udp x 198.51.100.79 5001 typ host"):
        with pytest.raises(PrtcError):
            a.command("add_ice_candidate", text, "0", 0, None)
    give(sim, a, b)
    sim.until(lambda: both_connected(a, b))


def test_nobody_answers(sim: Simulation) -> None:
    """All candidates are known and none works: failed, with a reason, and not before the checks were retransmitted."""
    a, b = sim.pair()
    sim.network.taps.append(lambda now, packet: [])
    sim.negotiate(a, b)
    sim.until(lambda: a.states.connection == b.states.connection == "failed", 120)
    assert a.failures and b.failures and a.failures[0][1]


# ------------------------------------------------------------------------------------------------------------- negotiation


def offer_of(sim: Simulation, peer: SimPeer) -> str:
    peer.channel("first")
    peer.command("set_local_description", "offer")
    gathered(sim, peer)
    description = peer.raw.description()
    assert description is not None
    return description.sdp


@pytest.mark.parametrize("explicit", [True, False], ids=["rolled back", "by itself"])
def test_glare(sim: Simulation, explicit: bool) -> None:
    """Both sides have made an offer. The side that takes the other's rolls its own back, by command or by itself (W3C
    section 4.4.1.5). The other side must not take it too: it ignores what it gets."""
    impolite, polite = sim.pair()
    offer = offer_of(sim, impolite)
    offer_of(sim, polite)
    seen: list[str] = []
    polite.listeners.append(
        lambda event: seen.append(event.state_name) if event.type == EventType.SIGNALING_STATE_CHANGE else None
    )
    if explicit:
        polite.command("set_local_description", "rollback")
    polite.command("set_remote_description", "offer", offer)
    polite.command("set_local_description", "answer")
    gathered(sim, polite)
    answer = polite.raw.description()
    assert answer is not None and answer.type == "answer"
    impolite.command("set_remote_description", "answer", answer.sdp)
    sim.until(lambda: both_connected(impolite, polite))
    assert seen[-2:] == ["have-remote-offer", "stable"]
    talk(sim, impolite, polite)


def test_both_take_the_others_offer(sim: Simulation) -> None:
    """Nobody has an offer that could be answered any more: the answers are refused, and nothing else breaks."""
    a, b = sim.pair()
    offers = offer_of(sim, a), offer_of(sim, b)
    a.command("set_remote_description", "offer", offers[1])
    b.command("set_remote_description", "offer", offers[0])
    for peer in (a, b):
        peer.command("set_local_description", "answer")
    sim.run(1)
    answer = a.raw.description()
    assert answer is not None
    with pytest.raises(InvalidStateError):
        b.command("set_remote_description", "answer", answer.sdp)


def test_a_description_in_the_wrong_state(sim: Simulation) -> None:
    a, b = sim.pair()
    a.channel("first")
    with pytest.raises(InvalidStateError):
        a.command("set_local_description", "answer")
    offer = a.command("create_offer")
    with pytest.raises(InvalidStateError):
        b.command("set_remote_description", "answer", offer)
    with pytest.raises(InvalidStateError):
        b.command("create_answer")
    sim.run(1)
    assert a.states.signaling == b.states.signaling == "stable"


# ------------------------------------------------------------------------------------------------------------------ the end


def test_close_is_told(sim: Simulation) -> None:
    a, b = sim.pair()
    sim.connect(a, b)
    ours, theirs = sim.open(a, b)
    a.close()
    sim.run(1)
    assert a.states.connection == "closed" and ours.state == "closed"
    assert b.states.dtls_transport == "closed" and theirs.state == "closed"


def test_who_is_gone_is_missed(sim: Simulation) -> None:
    """RFC 7675: no consent for 30 seconds."""
    a, b = sim.pair()
    sim.connect(a, b)
    a.host.free()
    sim.until(lambda: b.states.connection == "disconnected", 30)
    sim.until(lambda: b.states.connection == "failed", 60)
    assert b.failures


def test_a_short_blackout_is_survived(sim: Simulation) -> None:
    a, b = sim.pair()
    sim.connect(a, b)
    dark = True
    sim.network.taps.append(lambda now, packet: [] if dark else [packet])
    sim.run(15)
    dark = False
    sim.until(lambda: both_connected(a, b), 60)
    talk(sim, a, b)


@pytest.mark.parametrize("moment", [0.0, 0.01, 0.03, 0.05, 0.07, 0.09, 0.11, 0.15, 0.2, 0.5])
@pytest.mark.parametrize("how", ["close", "free"])
def test_the_end_at_any_moment(sim: Simulation, moment: float, how: str) -> None:
    a, b = sim.pair()
    sim.negotiate(a, b)
    sim.run(moment)
    (a.close if how == "close" else a.free)()
    sim.run(1)
    assert not a.host.sockets or how == "close"
    sim.run(120)
    assert b.states.connection != "connected" or b.states.dtls_transport == "closed"


def test_an_idle_connection_is_quiet(sim: Simulation) -> None:
    a, b = sim.pair()
    sim.connect(a, b)
    sim.run(10)
    steps, sent = sim.steps, sim.network.counters["sent"]
    sim.run(60)
    assert sim.network.counters["sent"] - sent < 100
    assert sim.steps - steps < 400


def test_nothing_to_do_is_no_deadline(sim: Simulation) -> None:
    a, _ = sim.pair()
    sim.run(1)
    assert a.host.endpoint.deadline() is None
    assert not [event for event in (EventType.CONNECTION_STATE_CHANGE,) if a.states.connection != "new"]
