# SPDX-License-Identifier: BSD-3-Clause
"""A seeded network in virtual time, itself sans-IO: datagrams in, datagrams and deadlines out.

    node ── up ──▶ segment ── down ──▶ node

A *segment* is a network (the internet, a home's LAN) to which *nodes* attach by interfaces, each with an address. A
datagram passes two *pipes*: the one up from the sender's interface and the one down to the receiver's. A pipe has a delay,
a rate, a queue, a size limit and the ways in which it misbehaves. Nothing here knows what the bytes mean; a node is
whatever has a `deliver`: a host with an endpoint, or one of nodes.py.

Time is an integer of microseconds. Every choice is drawn from one `random.Random`, so a seed names a run.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from random import Random
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .streams import Header

SECOND = 1_000_000
MILLISECOND = 1_000

#: An IP address in its canonical text form and a port.
Address = tuple[str, int]

#: Bytes of the IP and UDP headers that a link carries besides the payload.
HEADERS = {4: 28, 6: 48}


@dataclass(frozen=True, slots=True)
class Packet:
    """One UDP datagram, or TCP segment, on its way."""

    source: Address
    target: Address
    data: bytes = b""
    ecn: int = 0
    tcp: Header | None = None


@dataclass(slots=True)
class Conditions:
    """How one pipe behaves. The probabilities are per datagram, 0 to 1."""

    delay: int = 10 * MILLISECOND
    """Microseconds from end to end."""
    jitter: int = 0
    """Microseconds: up to this much is added to the delay. Order is kept, unless `reorder` breaks it."""
    rate: int = 0
    """Bits a second; 0: no limit."""
    queue: int = 64 * 1024
    """Bytes that wait for the rate; what does not fit is dropped."""
    loss: float = 0.0
    reorder: float = 0.0
    """A datagram is held back for up to `reorder_delay`, so that later ones overtake it."""
    reorder_delay: int = 20 * MILLISECOND
    duplicate: float = 0.0
    corrupt: float = 0.0
    """A datagram has one to eight of its bits flipped (or its end cut off) and is delivered all the same, as if the flips
    had passed UDP's checksum. See `corruptible`."""
    mtu: int = 1500
    """Bytes of an IP packet; larger ones are dropped."""


def corruptible(data: bytes) -> bool:
    """Whether a corrupted copy of the datagram can be told from the real one by its receiver.

    DTLS before its keys (epoch 0: handshake, alert, change cipher spec) is not authenticated: one flipped bit in a
    handshake message ends the handshake for good by the standard's own rules. So such datagrams are spared: with them a run
    would show nothing but that.
    """
    return not (len(data) >= 13 and 20 <= data[0] <= 22 and data[3:5] == b"\x00\x00")


class Node(Protocol):
    """What attaches to a segment."""

    name: str

    def deliver(self, now: int, interface: Interface, packet: Packet) -> None:
        """A datagram has arrived at one of the node's interfaces."""


@dataclass(slots=True, eq=False)
class Pipe:
    """One direction of one interface's link."""

    network: Network
    conditions: Conditions
    free_at: int = 0
    """When the last bit of what is queued will have left."""
    last_arrival: int = 0

    def pass_through(self, now: int, packet: Packet) -> list[tuple[int, Packet]]:
        """The arrivals that sending `packet` at `now` leads to: none, one, or two when it is duplicated."""
        c, random, count = self.conditions, self.network.random, self.network.counters
        size = len(packet.data) + HEADERS[6 if ":" in packet.target[0] else 4]
        if size > c.mtu:
            count["too large"] += 1
            return []
        if c.rate:
            waiting = max(0, self.free_at - now) * c.rate // (8 * SECOND)
            if waiting + size > c.queue:
                count["queue full"] += 1
                return []
            self.free_at = max(self.free_at, now) + size * 8 * SECOND // c.rate
            now = self.free_at
        if c.loss and random.random() < c.loss:
            count["lost"] += 1
            return []
        copies = [packet]
        if c.duplicate and random.random() < c.duplicate:
            count["duplicated"] += 1
            copies.append(packet)
        arrivals = []
        for copy in copies:
            arrival = now + c.delay + (random.randrange(c.jitter + 1) if c.jitter else 0)
            if c.reorder and random.random() < c.reorder:
                count["reordered"] += 1
                arrival += random.randrange(1, c.reorder_delay + 1)
            else:
                arrival = self.last_arrival = max(arrival, self.last_arrival)
            if c.corrupt and corruptible(copy.data) and random.random() < c.corrupt:
                count["corrupted"] += 1
                if copy.tcp:
                    continue  # its checksum says so
                copy = replace(copy, data=corrupt(random, copy.data))
            arrivals.append((arrival, copy))
        return arrivals


def corrupt(random: Random, data: bytes) -> bytes:
    """Flips one to eight bits, or cuts the end off."""
    if not data:
        return data
    if random.random() < 0.2:
        return data[: random.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(random.randint(1, 8)):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


@dataclass(slots=True, eq=False)
class Interface:
    """A node's attachment to a segment."""

    node: Node
    segment: Segment
    ip: str
    index: int
    name: str
    up: Pipe
    down: Pipe

    def send(self, now: int, packet: Packet) -> None:
        """Puts a datagram on the way."""
        self.segment.network.send(now, self, packet)


@dataclass(slots=True, eq=False)
class Segment:
    """A network on which every address reaches every other. What is for an address elsewhere goes to the gateway, if any."""

    network: Network
    name: str
    interfaces: dict[str, Interface] = field(default_factory=dict)
    gateway: Interface | None = None
    members: dict[Address, list[Interface]] = field(default_factory=dict)
    """Who gets what is sent to a group and port."""

    def attach(self, node: Node, ip: str, up: Conditions | None = None, down: Conditions | None = None) -> Interface:
        """Gives `node` an interface with the address `ip`; both directions are perfect but for 10 ms unless told."""
        ip = str(ip_address(ip))
        if ip in self.interfaces:
            raise ValueError(f"{ip} is taken")
        index = next(self.network.indices)
        interface = Interface(
            node, self, ip, index, f"eth{index}",
            Pipe(self.network, up or Conditions()), Pipe(self.network, down or Conditions(delay=0)),
        )
        self.interfaces[ip] = interface
        return interface


    def join(self, interface: Interface, group: Address) -> None:
        """What is sent to the group comes to the interface, what it sends itself included."""
        self.members.setdefault(group, []).append(interface)

    def leave(self, interface: Interface, group: Address) -> None:
        self.members[group].remove(interface)


#: Sees each datagram as it is sent, and says what goes on in its stead: the datagram, or with others, or nothing.
Tap = Callable[[int, Packet], Iterable[Packet]]


class Network:
    """Segments, the datagrams under way and the clock."""

    def __init__(self, seed: int = 0, now: int = 1_000 * SECOND):
        self.seed = seed
        self.now = now
        self.random = Random(f"network {seed}")
        self.counters: Counter[str] = Counter()
        self.indices = itertools.count(1)
        self.taps: list[Tap] = []
        self._serial = itertools.count()
        self._flying: list[tuple[int, int, Interface, Packet, bool]] = []

    def segment(self, name: str = "internet") -> Segment:
        return Segment(self, name)

    def send(self, now: int, sender: Interface, packet: Packet) -> None:
        """Sends from an interface. An address that nobody has swallows the datagram, as on the internet."""
        packets: Iterable[Packet] = (packet,)
        for tap in self.taps:
            packets = [passed for given in packets for passed in tap(now, given)]
        for one in packets:
            self.counters["sent"] += 1
            if ip_address(one.target[0]).is_multicast:
                self._multicast(now, sender, one)
                continue
            for arrival, copy in sender.up.pass_through(now, one):
                receiver = sender.segment.interfaces.get(copy.target[0], sender.segment.gateway)
                if receiver is None or receiver is sender:
                    self.counters["unroutable"] += 1
                else:
                    self._fly(arrival, receiver, copy, False)

    def _multicast(self, now: int, sender: Interface, packet: Packet) -> None:
        """To all members on the segment; no gateway passes it on."""
        members = sender.segment.members.get(packet.target, [])
        if sender in members:
            self.inject(now, sender, packet)
        for arrival, copy in sender.up.pass_through(now, packet):
            for member in members:
                if member is not sender:
                    self._fly(arrival, member, copy, False)

    def inject(self, at: int, receiver: Interface, packet: Packet) -> None:
        """Has a datagram arrive at `at`, whoever it comes from."""
        self._fly(at, receiver, packet, True)

    def _fly(self, at: int, receiver: Interface, packet: Packet, arrives: bool) -> None:
        """`arrives`: it has passed the receiver's pipe too."""
        heapq.heappush(self._flying, (at, next(self._serial), receiver, packet, arrives))

    def deadline(self) -> int | None:
        """When the next datagram arrives; None when none is under way."""
        return self._flying[0][0] if self._flying else None

    def deliver(self, now: int) -> None:
        """Hands over everything that has arrived by `now`."""
        while self._flying and self._flying[0][0] <= now:
            at, _, receiver, packet, arrives = heapq.heappop(self._flying)
            if arrives:
                self.counters["delivered"] += 1
                receiver.node.deliver(now, receiver, packet)
            else:
                for arrival, copy in receiver.down.pass_through(at, packet):
                    self._fly(arrival, receiver, copy, True)
