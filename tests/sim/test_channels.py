# SPDX-License-Identifier: BSD-3-Clause
"""Data channels over the simulated network, one behaviour each. The mixed workload mixes them."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from polyrtc.errors import ErrorCode, InvalidStateError, PrtcError
from polyrtc.sansio import EventType
from tests.sim import SimPeer, Simulation


def connected(sim: Simulation, **conditions: Any) -> tuple[SimPeer, SimPeer]:
    a, b = sim.pair(**conditions)
    sim.connect(a, b)
    return a, b


@pytest.mark.parametrize(
    "message",
    ["", b"", "a", "héllo wörld 🙂", "\0", b"\0", bytes(range(256)), bytes(262_144), "x" * 262_144],
    ids=lambda message: f"{type(message).__name__}{len(message)}",
)
def test_messages(sim: Simulation, message: str | bytes) -> None:
    a, b = connected(sim)
    ours, theirs = sim.open(a, b)
    ours.send(message)
    sim.until(lambda: len(theirs.received) == 1)
    assert theirs.received == [message]


@pytest.mark.parametrize(
    "config",
    [
        {"ordered": False},
        {"max_retransmits": 0},
        {"max_retransmits": 3, "ordered": False},
        {"max_packet_life_time": 100},
        {"max_packet_life_time": 100, "ordered": False},
        {"protocol": "chat"},
        {"priority": 1024},
        {"negotiated": True, "stream_id": 1000},
        {"negotiated": True, "stream_id": 7, "ordered": False},
    ],
    ids=str,
)
def test_configurations_arrive(sim: Simulation, config: dict[str, Any]) -> None:
    a, b = connected(sim)
    ours, theirs = sim.open(a, b, **config)
    for name in ("ordered", "max_retransmits", "max_packet_life_time", "protocol", "negotiated"):
        assert getattr(ours.info, name) == getattr(theirs.info, name)
    assert ours.refresh().stream_id == theirs.refresh().stream_id
    ours.send("there")
    theirs.send("back")
    sim.until(lambda: theirs.received == ["there"] and ours.received == ["back"])


def test_ids_have_the_parity_of_the_dtls_role(sim: Simulation) -> None:
    """RFC 8832 section 6: the DTLS client uses even streams, the server odd ones."""
    a, b = connected(sim)
    ids = {}
    for peer, other in ((a, b), (b, a)):
        made = [sim.open(peer, other, f"{peer.id}{peer.host.name}{number}")[0] for number in range(3)]
        ids[peer] = {channel.refresh().stream_id for channel in made}
    assert {id % 2 for id in ids[a] if id is not None} | {id % 2 for id in ids[b] if id is not None} == {0, 1}
    assert all(len({id % 2 for id in known if id is not None}) == 1 for known in ids.values())


def test_order(sim: Simulation) -> None:
    a, b = connected(sim, loss=0.1, reorder=0.2)
    ours, theirs = sim.open(a, b)
    sent = [f"{number}" for number in range(500)]
    for message in sent:
        ours.send(message)
    sim.until(lambda: len(theirs.received) == len(sent), 120)
    assert theirs.received == sent


def test_unordered_messages_overtake(sim: Simulation) -> None:
    a, b = connected(sim, loss=0.2)
    ours, theirs = sim.open(a, b, ordered=False)
    theirs.send("go")  # RFC 8832 section 6: ordered until something has come back
    sim.until(lambda: bool(ours.received))
    sent = [f"{number}" for number in range(500)]
    for message in sent:
        ours.send(message)
        sim.run(0.001)
    sim.until(lambda: len(theirs.received) == len(sent), 120)
    assert theirs.received != sent
    assert sorted(theirs.received, key=lambda m: int(m)) == sent


@pytest.mark.parametrize("config", [{"max_retransmits": 0}, {"max_packet_life_time": 10}], ids=str)
def test_unreliable_messages_are_given_up(sim: Simulation, config: dict[str, Any]) -> None:
    a, b = connected(sim, loss=0.2)
    ours, theirs = sim.open(a, b, **config)
    sent = [f"{number}" for number in range(500)]
    for message in sent:
        ours.send(message)
        sim.run(0.002)
    sim.run(30)
    assert 100 < len(theirs.received) < len(sent)
    assert [m for m in sent if m in set(theirs.received)] == theirs.received


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "unordered"])
@pytest.mark.parametrize("config", [{"max_retransmits": 0}, {"max_packet_life_time": 10}], ids=str)
def test_large_messages_that_are_given_up_in_the_midst(sim: Simulation, config: dict[str, Any], ordered: bool) -> None:
    """RFC 3758: what arrives is whole, the other channels go on, and the channel can be closed."""
    a, b = connected(sim, loss=0.1, reorder=0.1)
    lossy, lossy_end = sim.open(a, b, "lossy", ordered=ordered, **config)
    steady, steady_end = sim.open(a, b, "steady", ordered=ordered)
    random = Random(sim.seed)
    sent, expected = [], []
    for number in range(60):
        sent.append(b"%d " % number + random.randbytes(random.choice((1, 100, 3_000, 90_000, 250_000))))
        expected.append(b"%d" % number * random.choice((1, 500)))
        lossy.send(sent[-1])
        steady.send(expected[-1])
        sim.run(random.choice((0.0, 0.01, 0.2)))
    sim.until(lambda: len(steady_end.received) == len(expected), 300)
    assert sorted(map(bytes, expected)) == sorted(message for message in steady_end.received if isinstance(message, bytes))
    assert set(lossy_end.received) <= set(sent) and len(set(lossy_end.received)) == len(lossy_end.received)
    lossy.close()
    sim.until(lambda: lossy.state == lossy_end.state == "closed", 300)
    assert a.states.sctp_transport == b.states.sctp_transport == "connected"


@pytest.mark.parametrize("closer", [0, 1, 2], ids=["maker", "other", "both"])
def test_close(sim: Simulation, closer: int) -> None:
    a, b = connected(sim)
    ours, theirs = sim.open(a, b)
    for number, channel in enumerate((ours, theirs)):
        if closer in (number, 2):
            channel.close()
    sim.until(lambda: ours.state == theirs.state == "closed")
    with pytest.raises(PrtcError):
        ours.send("late")


def test_what_was_queued_is_sent_before_the_close(sim: Simulation) -> None:
    """RFC 8831 section 6.7."""
    a, b = connected(sim, rate=1_000_000, loss=0.02)
    ours, theirs = sim.open(a, b)
    for _ in range(10):
        ours.send(bytes(50_000))
    ours.close()
    sim.until(lambda: ours.state == theirs.state == "closed", 120)
    assert theirs.received == [bytes(50_000)] * 10


def test_an_id_is_used_again(sim: Simulation) -> None:
    a, b = connected(sim)
    streams = set()
    for number in range(50):
        ours, theirs = sim.open(a, b, f"again {number}")
        ours.send(f"{number}")
        sim.until(lambda: theirs.received == [f"{number}"])
        streams.add(ours.refresh().stream_id)
        ours.close()
        sim.until(lambda: ours.state == theirs.state == "closed")
    assert len(streams) < 50


def test_a_negotiated_id_is_used_again(sim: Simulation) -> None:
    a, b = connected(sim)
    for number in range(5):
        ours, theirs = sim.open(a, b, f"again {number}", negotiated=True, stream_id=1000)
        theirs.send("x")
        sim.until(lambda: ours.received == ["x"])
        theirs.close()
        sim.until(lambda: ours.state == theirs.state == "closed")


def test_buffered_amount_and_its_low_threshold(sim: Simulation) -> None:
    a, b = connected(sim, rate=1_000_000)
    ours, theirs = sim.open(a, b)
    assert ours.refresh().buffered_amount == 0
    a.raw.set_buffered_amount_low_threshold(ours.id, 100_000)
    for _ in range(4):
        ours.send(bytes(100_000))
    assert ours.refresh().buffered_amount > 100_000
    assert ours.lows == 0
    amounts = []
    a.listeners.append(
        lambda event: amounts.append(ours.refresh().buffered_amount)
        if event.type == EventType.CHANNEL_BUFFERED_AMOUNT_LOW
        else None
    )
    sim.until(lambda: len(theirs.received) == 4)
    sim.run(5)
    assert ours.lows == 1 and amounts[0] <= 100_000
    assert ours.refresh().buffered_amount == 0


def test_the_send_queue_has_a_bound(sim: Simulation) -> None:
    a, b = sim.pair(config={"send_queue_size": 200_000}, rate=1_000_000)
    sim.connect(a, b)
    ours, theirs = sim.open(a, b)
    taken = 0
    with pytest.raises(PrtcError) as raised:
        while taken < 1_000:
            ours.send(bytes(50_000))
            taken += 1
    assert raised.value.code == ErrorCode.QUEUE_FULL
    assert ours.state == "open"
    sim.until(lambda: len(theirs.received) == taken)
    ours.send("it lives")
    sim.until(lambda: theirs.received[-1] == "it lives")


def test_a_message_that_is_too_large(sim: Simulation) -> None:
    a, b = sim.host().peer(), sim.host().peer(max_message_size=10_000)
    sim.connect(a, b)
    ours, theirs = sim.open(a, b)
    assert a.raw.states().max_message_size == 10_000
    with pytest.raises(ValueError) as raised:
        ours.send(bytes(10_001))
    assert isinstance(raised.value, PrtcError) and raised.value.code == ErrorCode.MESSAGE_TOO_LARGE
    ours.send(bytes(10_000))
    theirs.send(bytes(262_144))
    sim.until(lambda: theirs.received == [bytes(10_000)] and ours.received == [bytes(262_144)])


def test_events_that_nobody_fetches_close_the_window(sim: Simulation) -> None:
    """The receiver's memory stays bounded, and the sender keeps what cannot be sent."""
    a, b = connected(sim)
    ours, theirs = sim.open(a, b)
    fetch = b.host.endpoint.events
    asleep = True
    endpoint = b.host.endpoint

    class Sleeper:
        def __getattr__(self, name: str) -> object:
            return getattr(endpoint, name)

        def events(self) -> list[object]:
            return [] if asleep else fetch()

    b.host.endpoint = Sleeper()
    b.check = lambda: None  # type: ignore[method-assign]
    for _ in range(80):
        ours.send(bytes(100_000))
    sim.run(60)
    assert ours.refresh().buffered_amount > 4_000_000
    asleep = False
    del b.check
    b.host.touch()
    sim.until(lambda: len(theirs.received) == 80, 300)


def test_many_channels(sim: Simulation) -> None:
    a, b = connected(sim)
    made = [a.channel(f"{number}") for number in range(300)]
    sim.until(lambda: all(channel.state == "open" for channel in made))
    for channel in made:
        channel.send(channel.label)
    sim.until(lambda: all((c := b.by_label(m.label)) is not None and c.received == [m.label] for m in made))
    assert len({channel.refresh().stream_id for channel in made}) == 300


def test_arguments(sim: Simulation) -> None:
    a, b = connected(sim)
    configs: list[dict[str, Any]] = [
        {"max_retransmits": 1, "max_packet_life_time": 1},
        {"negotiated": True},
        {"negotiated": True, "stream_id": 65_535},
        {"protocol": "x" * 65_536},
    ]
    for config in configs:
        with pytest.raises(ValueError):
            a.channel("bad", **config)
    ours, _ = sim.open(a, b, negotiated=True, stream_id=20)
    with pytest.raises(PrtcError):
        a.channel("taken", negotiated=True, stream_id=20)
    assert ours.state == "open"


def test_send_before_open_and_after_close(sim: Simulation) -> None:
    a, b = sim.pair()
    early = a.channel("early")
    with pytest.raises(InvalidStateError):
        early.send("x")
    sim.connect(a, b)
    sim.until(lambda: early.state == "open")
    early.close()
    with pytest.raises(InvalidStateError):
        early.send("x")


def test_random_bytes_are_kept(sim: Simulation) -> None:
    a, b = connected(sim, corrupt=0.1)
    ours, theirs = sim.open(a, b)
    sent = [Random(number).randbytes(number * 37) for number in range(200)]
    for message in sent:
        ours.send(message)
    sim.until(lambda: len(theirs.received) == len(sent), 120)
    assert theirs.received == sent
