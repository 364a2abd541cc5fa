# SPDX-License-Identifier: BSD-3-Clause
"""The network itself: what it promises to those who test with it."""

from __future__ import annotations

import pytest

from tests.sim.network import MILLISECOND, SECOND, Conditions, Interface, Network, Packet, corrupt, corruptible


class Recorder:
    """A node that notes what arrives."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.arrived: list[tuple[int, bytes]] = []

    def deliver(self, now: int, interface: Interface, packet: Packet) -> None:
        self.arrived.append((now, packet.data))


def transfer(
    conditions: Conditions, datagrams: list[bytes], seed: int = 1, gap: int = 0
) -> tuple[Network, list[tuple[int, bytes]]]:
    """Sends the datagrams, `gap` microseconds apart; what has arrived, with times from the first one sent."""
    network = Network(seed, now=0)
    segment = network.segment()
    source, target = Recorder("a"), Recorder("b")
    up = segment.attach(source, "192.0.2.1", conditions)
    segment.attach(target, "192.0.2.2")
    for number, data in enumerate(datagrams):
        up.send(number * gap, Packet(("192.0.2.1", 1), ("192.0.2.2", 2), data))
    while (due := network.deadline()) is not None:
        network.deliver(due)
    return network, target.arrived


NUMBERED = [number.to_bytes(4, "big") for number in range(2_000)]


def test_a_perfect_pipe_delays_and_keeps_order() -> None:
    _, arrived = transfer(Conditions(delay=5 * MILLISECOND), NUMBERED, gap=100)
    assert arrived == [(number * 100 + 5_000, data) for number, data in enumerate(NUMBERED)]


def test_jitter_keeps_order() -> None:
    _, arrived = transfer(Conditions(jitter=50 * MILLISECOND), NUMBERED, gap=100)
    assert [data for _, data in arrived] == NUMBERED
    assert len({time - number * 100 for number, (time, _) in enumerate(arrived)}) > 10


@pytest.mark.parametrize(
    ("name", "counter"),
    [("loss", "lost"), ("duplicate", "duplicated"), ("reorder", "reordered"), ("corrupt", "corrupted")],
)
def test_probabilities_are_met(name: str, counter: str) -> None:
    conditions = Conditions()
    setattr(conditions, name, 0.2)
    network, arrived = transfer(conditions, NUMBERED, gap=1_000)
    share = network.counters[counter] / len(NUMBERED)
    assert 0.17 < share < 0.23
    delivered = [data for _, data in arrived]
    assert len(delivered) == len(NUMBERED) + {"lost": -1, "duplicated": 1}.get(counter, 0) * network.counters[counter]
    if name == "reorder":
        assert delivered != NUMBERED and sorted(delivered) == NUMBERED
    if name == "corrupt":
        assert sum(data not in NUMBERED or len(data) < 4 for data in delivered) > 0


def test_rate_and_queue() -> None:
    # 1,000 bytes with headers at 8 Mbit/s: a millisecond each; the queue holds ten of them.
    network, arrived = transfer(Conditions(delay=0, rate=8_000_000, queue=10_000), [bytes(972)] * 30)
    assert [time for time, _ in arrived] == [MILLISECOND * (number + 1) for number in range(10)]
    assert network.counters["queue full"] == 20


def test_mtu() -> None:
    network, arrived = transfer(Conditions(mtu=1_280), [bytes(1_252), bytes(1_253)])
    assert [len(data) for _, data in arrived] == [1_252]
    assert network.counters["too large"] == 1


def test_unknown_address_swallows() -> None:
    network = Network(now=0)
    up = network.segment().attach(Recorder("a"), "192.0.2.1")
    up.send(0, Packet(("192.0.2.1", 1), ("192.0.2.9", 2), b"x"))
    assert network.deadline() is None and network.counters["unroutable"] == 1


def test_a_seed_names_a_run() -> None:
    bad = Conditions(loss=0.1, duplicate=0.1, reorder=0.2, corrupt=0.1, jitter=MILLISECOND)
    assert transfer(bad, NUMBERED, seed=5)[1] == transfer(bad, NUMBERED, seed=5)[1]
    assert transfer(bad, NUMBERED, seed=5)[1] != transfer(bad, NUMBERED, seed=6)[1]


def test_a_tap_may_add_and_take_away() -> None:
    network = Network(now=0)
    segment = network.segment()
    target = Recorder("b")
    up = segment.attach(Recorder("a"), "192.0.2.1")
    segment.attach(target, "192.0.2.2")
    network.taps.append(lambda now, packet: [] if packet.data == b"no" else [packet, packet])
    for data in (b"no", b"yes"):
        up.send(0, Packet(("192.0.2.1", 1), ("192.0.2.2", 2), data))
    network.deliver(SECOND)
    assert [data for _, data in target.arrived] == [b"yes", b"yes"]


def test_only_what_a_receiver_can_tell_is_corrupted() -> None:
    assert not corruptible(bytes((22, 254, 253, 0, 0)) + bytes(20))  # a DTLS handshake in the clear
    assert corruptible(bytes((22, 254, 253, 0, 1)) + bytes(20))
    assert corruptible(bytes((23, 254, 253, 0, 1)) + bytes(20))
    assert corruptible(b"\x00\x01" + bytes(18))  # STUN
    random = Network(3).random
    assert all(corrupt(random, NUMBERED[7]) != NUMBERED[7] for _ in range(200))
