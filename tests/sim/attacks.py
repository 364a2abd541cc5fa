# SPDX-License-Identifier: BSD-3-Clause
"""What an attacker on the path can do: it sees all datagrams, keeps some, and adds its own."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random

from .network import Packet, corrupt


def stun(random: Random, kind: int, attributes: bytes = b"") -> bytes:
    """A STUN message (RFC 8489 section 5) with a transaction that nobody knows."""
    head = kind.to_bytes(2, "big") + len(attributes).to_bytes(2, "big") + b"\x21\x12\xa4\x42"
    return head + random.randbytes(12) + attributes


def attribute(kind: int, value: bytes) -> bytes:
    return kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)


def dtls(random: Random, kind: int, epoch: int, body: bytes) -> bytes:
    """A DTLS 1.2 record (RFC 6347 section 4.1)."""
    return bytes((kind, 254, 253)) + epoch.to_bytes(2, "big") + random.randbytes(6) + len(body).to_bytes(2, "big") + body


#: Makes the attacker's datagram from one that it has seen.
Attack = Callable[[Random, Packet], bytes]

ATTACKS: dict[str, Attack] = {
    "replayed": lambda random, packet: packet.data,
    "bits flipped": lambda random, packet: corrupt(random, packet.data),
    "truncated": lambda random, packet: packet.data[: random.randrange(len(packet.data))],
    "extended": lambda random, packet: packet.data + random.randbytes(random.randrange(1, 200)),
    "empty": lambda random, packet: b"",
    "noise": lambda random, packet: random.randbytes(random.randrange(1, 1_200)),
    "noise like STUN": lambda random, packet: b"\x00\x01" + random.randbytes(random.randrange(1, 200)),
    "noise like DTLS": lambda random, packet: b"\x17\xfe\xfd" + random.randbytes(random.randrange(1, 1_200)),
    "noise like SRTP": lambda random, packet: b"\x80" + random.randbytes(random.randrange(1, 1_200)),
    "binding request without credentials": lambda random, packet: stun(random, 0x0001),
    "binding request for another": lambda random, packet: stun(random, 0x0001, attribute(0x0006, b"abcd:efgh")),
    "binding success": lambda random, packet: stun(random, 0x0101),
    "binding error 487": lambda random, packet: stun(random, 0x0111, attribute(0x0009, b"\x00\x00\x04\x57Role Conflict")),
    "binding indication": lambda random, packet: stun(random, 0x0011),
    "allocate": lambda random, packet: stun(random, 0x0003),
    "alert: close_notify in the clear": lambda random, packet: dtls(random, 21, 0, b"\x01\x00"),
    "alert: fatal in the clear": lambda random, packet: dtls(random, 21, 0, b"\x02\x28"),
    "alert: forged": lambda random, packet: dtls(random, 21, 1, random.randbytes(26)),
    "ClientHello": lambda random, packet: dtls(random, 22, 0, b"\x01\x00\x00\x2a" + random.randbytes(50)),
    "HelloRequest": lambda random, packet: dtls(random, 22, 0, bytes(12)),
    "ChangeCipherSpec": lambda random, packet: dtls(random, 20, 0, b"\x01"),
    "application data of epoch 2": lambda random, packet: dtls(random, 23, 2, random.randbytes(60)),
    "many records": lambda random, packet: dtls(random, 23, 1, b"") * 80,
}


class Attacker:
    """A tap for a network: now and then a datagram is followed by one of the attacker's, from the right address or its own."""

    STRANGER = ("198.51.100.66", 6666)

    def __init__(self, random: Random, probability: float, count: Counter[str]) -> None:
        self.random = random
        self.probability = probability
        self.count = count
        self.active = False
        self._kept: deque[Packet] = deque(maxlen=200)

    def __call__(self, now: int, packet: Packet) -> Iterable[Packet]:
        yield packet
        if not self.active or not packet.data or packet.tcp:
            return
        random = self.random
        self._kept.append(packet)
        if random.random() >= self.probability:
            return
        if random.random() < 0.3:  # one of some time ago
            self.count["attacks: replayed later"] += 1
            forged = random.choice(self._kept)
        else:
            name = random.choice(list(ATTACKS))
            self.count[f"attacks: {name}"] += 1
            forged = replace(packet, data=ATTACKS[name](random, packet))
        if random.random() < 0.3 and ":" not in packet.target[0]:
            self.count["attacks from another address"] += 1
            forged = replace(forged, source=self.STRANGER)
        self.count["attacks"] += 1
        yield forged
