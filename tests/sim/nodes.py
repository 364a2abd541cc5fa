# SPDX-License-Identifier: BSD-3-Clause
"""What stands in a network beside the hosts: network address translators and STUN servers."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from . import stun
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
    outside: Address
    used: int
    contacted: set[tuple[object, ...]] = field(default_factory=set)


class Nat:
    """Translates between an inside segment, whose gateway it is, and an outside one.

    What games call a full cone is mapping and filter independent; a port-restricted cone filters by address and port; a
    symmetric NAT maps by address and port too. One whose outside is the inside of another makes a carrier-grade NAT of that.
    """

    def __init__(self, name: str, outside: Segment, public: str, gateway: str = "192.168.0.1", *,
                 mapping: Dependence = Dependence.ENDPOINT_INDEPENDENT,
                 filtering: Dependence = Dependence.ADDRESS_AND_PORT, lifetime: int = 120 * SECOND,
                 hairpin: bool = False, routes: Sequence[str] = ()) -> None:
        self.name = name
        self.mapping = mapping
        self.filtering = filtering
        self.lifetime = lifetime  # microseconds; only packets from inside keep a mapping (RFC 4787 section 4.3)
        self.hairpin = hairpin  # who is inside reaches others inside by their outside addresses (RFC 4787 section 6)
        self.segment = outside.network.segment(name)
        self.inside = self.segment.attach(self, gateway)
        self.outside = outside.attach(self, public)
        self.segment.gateway = self.inside
        self.routes = {str(ip_address(ip)) for ip in routes}  # addresses inside that are filtered, but not translated: IPv6
        for ip in self.routes:
            outside.interfaces[ip] = self.outside
        self._next_port = 20_000
        self._mappings: dict[tuple[object, ...], _Mapping] = {}
        self._by_outside: dict[Address, _Mapping] = {}

    def forget(self) -> None:
        """As when it restarts: all mappings are gone, new ones have other ports."""
        self._mappings.clear()
        self._by_outside.clear()

    def move(self, public: str) -> None:
        """It is given another outside address, as homes are at night."""
        self.forget()
        segment = self.outside.segment
        del segment.interfaces[self.outside.ip]
        self.outside.ip = public
        segment.interfaces[public] = self.outside

    def deliver(self, now: int, interface: Interface, packet: Packet) -> None:
        if interface is self.inside:
            self._outbound(now, packet)
        else:
            self._inbound(now, packet)

    def _outbound(self, now: int, packet: Packet) -> None:
        routed = packet.source[0] in self.routes
        if not routed and (":" in packet.source[0]) != (":" in self.outside.ip):
            self.segment.network.counters["unroutable"] += 1
            return
        key = (packet.source, *(() if routed else self.mapping.of(packet.target)))
        mapping = self._mappings.get(key)
        if mapping is None or now - mapping.used > self.lifetime:
            mapping = self._mappings[key] = _Mapping(packet.source, packet.source if routed else self._new_outside(), now)
            self._by_outside[mapping.outside] = mapping
        mapping.used = now
        mapping.contacted.add(self.filtering.of(packet.target))
        sent = replace(packet, source=mapping.outside)
        if packet.target[0] == self.outside.ip and self.hairpin:
            self._inbound(now, sent)
        else:
            self.outside.send(now, sent)

    def _new_outside(self) -> Address:
        self._next_port += 1
        return self.outside.ip, self._next_port

    def _inbound(self, now: int, packet: Packet) -> None:
        mapping = self._by_outside.get(packet.target)
        if mapping is None or now - mapping.used > self.lifetime or self.filtering.of(packet.source) not in mapping.contacted:
            self.segment.network.counters["filtered by NAT"] += 1
            return
        self.inside.send(now, replace(packet, target=mapping.inside))


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
        message = stun.decode(packet.data)
        if packet.target[1] != self.port or message is None:
            return
        if (message.method, message.kind) != (stun.Method.BINDING, stun.Class.REQUEST):
            return
        self.requests += 1
        answer = stun.Message(message.method, stun.Class.SUCCESS, message.transaction, fingerprint=False)
        answer.add_address(stun.Attribute.XOR_MAPPED_ADDRESS, packet.source)
        interface.send(now, Packet(packet.target, packet.source, answer.encode()))
