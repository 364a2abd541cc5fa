# SPDX-License-Identifier: BSD-3-Clause
"""What stands in a network beside the hosts: network address translators and STUN servers."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from ipaddress import ip_address

from .network import SECOND, Address, Interface, Packet, Segment


class Dependence(enum.Enum):
    """What a mapping, or the filter of a mapping, depends on (RFC 4787 sections 4.1 and 5)."""

    ENDPOINT_INDEPENDENT = 1
    ADDRESS = 2
    ADDRESS_AND_PORT = 3

    def of(self, remote: Address) -> tuple[object, ...]:
        return ((), (remote[0],), remote)[self.value - 1]


@dataclass(slots=True)
class _Mapping:
    inside: Address
    port: int
    used: int
    contacted: set[tuple[object, ...]] = field(default_factory=set)


class Nat:
    """Translates between an inside segment, whose gateway it is, and an outside one. No hairpinning.

    What games call a full cone is mapping and filter independent; a port-restricted cone filters by address and port; a
    symmetric NAT maps by address and port too.
    """

    def __init__(self, name: str, outside: Segment, public: str, gateway: str = "192.168.0.1", *,
                 mapping: Dependence = Dependence.ENDPOINT_INDEPENDENT,
                 filtering: Dependence = Dependence.ADDRESS_AND_PORT, lifetime: int = 120 * SECOND) -> None:
        self.name = name
        self.mapping = mapping
        self.filtering = filtering
        self.lifetime = lifetime  # microseconds; only packets from inside keep a mapping (RFC 4787 section 4.3)
        self.segment = outside.network.segment(name)
        self.inside = self.segment.attach(self, gateway)
        self.outside = outside.attach(self, public)
        self.segment.gateway = self.inside
        self._next_port = 20_000
        self._mappings: dict[tuple[object, ...], _Mapping] = {}
        self._by_port: dict[int, _Mapping] = {}

    def forget(self) -> None:
        """As when it restarts: all mappings are gone, new ones have other ports."""
        self._mappings.clear()
        self._by_port.clear()

    def deliver(self, now: int, interface: Interface, packet: Packet) -> None:
        if interface is self.inside:
            self._outbound(now, packet)
        else:
            self._inbound(now, packet)

    def _outbound(self, now: int, packet: Packet) -> None:
        key = (packet.source, *self.mapping.of(packet.target))
        mapping = self._mappings.get(key)
        if mapping is None or now - mapping.used > self.lifetime:
            self._next_port += 1
            mapping = self._mappings[key] = self._by_port[self._next_port] = _Mapping(packet.source, self._next_port, now)
        mapping.used = now
        mapping.contacted.add(self.filtering.of(packet.target))
        self.outside.send(now, Packet((self.outside.ip, mapping.port), packet.target, packet.data, packet.ecn))

    def _inbound(self, now: int, packet: Packet) -> None:
        mapping = self._by_port.get(packet.target[1])
        if mapping is None or now - mapping.used > self.lifetime or self.filtering.of(packet.source) not in mapping.contacted:
            self.segment.network.counters["filtered by NAT"] += 1
            return
        self.inside.send(now, Packet(packet.source, mapping.inside, packet.data, packet.ecn))


class StunServer:
    """Answers binding requests (RFC 8489 section 6.3.1) with the address that they came from."""

    def __init__(self, segment: Segment, ip: str = "198.51.100.250", port: int = 3478) -> None:
        self.name = f"stun {ip}"
        self.interface = segment.attach(self, ip)
        self.port = port
        self.requests = 0

    @property
    def url(self) -> str:
        ip = self.interface.ip
        return f"stun:[{ip}]:{self.port}" if ":" in ip else f"stun:{ip}:{self.port}"

    def deliver(self, now: int, interface: Interface, packet: Packet) -> None:
        data = packet.data
        if packet.target[1] != self.port or len(data) < 20 or data[:2] != b"\x00\x01" or data[4:8] != b"\x21\x12\xa4\x42":
            return
        self.requests += 1
        ip, port = ip_address(packet.source[0]).packed, packet.source[1].to_bytes(2, "big")
        mask = data[4:20]  # XOR-MAPPED-ADDRESS: the magic cookie and the transaction id
        value = bytes((0, 1 if len(ip) == 4 else 2)) + bytes(a ^ b for a, b in zip(port, mask)) + bytes(
            a ^ b for a, b in zip(ip, mask)
        )
        attribute = b"\x00\x20" + len(value).to_bytes(2, "big") + value
        answer = b"\x01\x01" + len(attribute).to_bytes(2, "big") + mask + attribute
        interface.send(now, Packet(packet.target, packet.source, answer))
