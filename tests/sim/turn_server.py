# SPDX-License-Identifier: BSD-3-Clause
"""A STUN and TURN server (RFC 8489, 8656) that serves the simulator: bytes and time in, bytes out.

`TurnServer` is the protocol and knows no network; `TurnNode` puts one on a segment. What it answers can be spoilt at each step:

    turn.server.faults["allocate"] = lambda message: []                      # stalls
    turn.server.faults["refresh"] = error(437)                               # says that there is no such allocation
    turn.server.faults["channel"] = lambda message: [b"\\x00" * 20]           # nonsense

The steps are those of `STEPS`: an answer by the method asked for, and what is carried to the client.
"""

from __future__ import annotations

import hashlib
import itertools
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from polyrtc.sansio import Datagram, Event, Protocol, Request

from . import stun
from .host import Habits, Host
from .network import SECOND, Address, Interface, Packet, Segment
from .stun import Attribute, Class, Message, Method

if TYPE_CHECKING:
    from .simulation import Simulation

UDP = 17  # REQUESTED-TRANSPORT
FAMILIES = {4: b"\x01\0\0\0", 6: b"\x02\0\0\0"}  # REQUESTED-ADDRESS-FAMILY

PERMISSION = 300 * SECOND  # RFC 8656 section 9
BINDING = 600 * SECOND  # section 12
REASONS = {
    300: "Try Alternate", 400: "Bad Request", 401: "Unauthenticated", 403: "Forbidden", 420: "Unknown Attribute",
    437: "Allocation Mismatch", 438: "Stale Nonce", 440: "Address Family not Supported", 441: "Wrong Credentials",
    442: "Unsupported Transport Protocol", 443: "Peer Address Family Mismatch", 486: "Allocation Quota Reached",
    500: "Server Error", 508: "Insufficient Capacity",
}

#: Where a fault may be put. "challenge" is the 401 or 438 with which the server tells its realm and nonce.
STEPS = ("binding", "challenge", "allocate", "refresh", "permission", "channel", "data", "channel data")

_STEP = {
    Method.BINDING: "binding", Method.ALLOCATE: "allocate", Method.REFRESH: "refresh",
    Method.CREATE_PERMISSION: "permission", Method.CHANNEL_BIND: "channel",
}

#: RESERVATION-TOKEN, EVEN-PORT and DONT-FRAGMENT are for others than ICE agents.
KNOWN = set(Attribute) - {Attribute.RESERVATION_TOKEN, Attribute.EVEN_PORT, Attribute.DONT_FRAGMENT}

#: Says what goes out instead of a message (for "channel data": of its bytes). One that is given back is encoded as it is then.
Fault = Callable[[Message | bytes], Iterable[Message | bytes]]


class Client(NamedTuple):
    """The 5-tuple by which an allocation is known (section 3)."""

    protocol: str  # "udp", "tcp", "tls"
    address: Address
    server: Address


class ToClient(NamedTuple):
    client: Client
    data: bytes


class ToPeer(NamedTuple):
    relay: Address
    peer: Address
    data: bytes


Output = ToClient | ToPeer


@dataclass(slots=True, eq=False)
class Allocation:
    client: Client
    username: str
    transaction: bytes
    relays: list[Address]
    expires: int
    permissions: dict[str, int] = field(default_factory=dict)  # an IP address of a peer; until when
    channels: dict[int, Address] = field(default_factory=dict)
    channel_ends: dict[int, int] = field(default_factory=dict)

    def relay_to(self, peer: Address) -> Address | None:
        return next((relay for relay in self.relays if family(relay) == family(peer)), None)

    def channel_of(self, now: int, peer: Address) -> int | None:
        return next((n for n, bound in self.channels.items() if bound == peer and self.channel_ends[n] > now), None)


def family(address: Address) -> int:
    return 6 if ":" in address[0] else 4


def error(code: int, *attributes: tuple[int, bytes]) -> Fault:
    """A fault: the answer is this error instead."""

    def fault(message: Message | bytes) -> list[Message | bytes]:
        assert isinstance(message, Message)
        told = [(Attribute.ERROR_CODE.value, _code(code)), *attributes]
        return [Message(message.method, Class.ERROR, message.transaction, told, message.key)]

    return fault


def _code(code: int) -> bytes:
    return bytes((0, 0, code // 100, code % 100)) + REASONS.get(code, "").encode()


class TurnServer:
    """Allocations are known by the client's 5-tuple. Expiry is looked at when something arrives: it needs no timer."""

    def __init__(self, relays: Sequence[str], users: dict[str, str] | None = None, *, realm: str = "example.org",
                 lifetime: int = 600 * SECOND, nonce_lifetime: int = 3600 * SECOND, quota: int = 1_000,
                 forbidden: Sequence[str] = (), alternate: Address | None = None) -> None:
        self.relays = {family((ip, 0)): ip for ip in relays}  # at most one address of each family
        self.users = users if users is not None else {"user": "secret"}  # none at all: a STUN server
        self.realm = realm
        self.lifetime = lifetime  # at least, and at most, of an allocation
        self.nonce_lifetime = nonce_lifetime
        self.quota = quota  # allocations of one user
        self.forbidden = forbidden  # peers that nobody may reach: 403
        self.alternate = alternate  # clients are sent there: 300
        self.faults: dict[str, Fault] = {}
        self.counters: Counter[str] = Counter()
        self.allocations: dict[Client, Allocation] = {}
        self._by_relay: dict[Address, Allocation] = {}
        self._ports = itertools.count(50_000)
        self._nonces: dict[str, int] = {}  # until when it is good
        self._serial = itertools.count()

    def reset(self) -> None:
        """As when it is started again: allocations and nonces are gone."""
        self.allocations.clear()
        self._by_relay.clear()
        self._nonces.clear()

    def disconnected(self, client: Client) -> None:
        """The connection of a client has ended."""
        if client in self.allocations:
            self._remove(self.allocations[client])

    # ------------------------------------------------------------------------------------------------------- what arrives

    def from_client(self, now: int, client: Client, data: bytes) -> list[Output]:
        """A datagram, or a frame of a stream."""
        self._expire(now)
        if (channel := stun.decode_channel_data(data)) is not None:
            self.counters["channel data"] += 1
            return self._from_channel(now, client, *channel)
        message = stun.decode(data)
        if message is None:
            self.counters["nonsense"] += 1
            return []
        if message.kind == Class.INDICATION and message.method == Method.SEND:
            self.counters["send"] += 1
            return self._send(now, client, message)
        if message.kind != Class.REQUEST or message.method not in _STEP:
            self.counters["ignored"] += 1
            return []
        self.counters[_STEP[Method(message.method)]] += 1
        if message.method == Method.BINDING:
            answer = Message(message.method, Class.SUCCESS, message.transaction)
            return self._say(client, "binding", answer.add_address(Attribute.XOR_MAPPED_ADDRESS, client.address))
        return self._authenticate(now, client, message, data)

    def from_peer(self, now: int, relay: Address, peer: Address, data: bytes) -> list[Output]:
        """What arrives at a relayed address goes to the client, when it has permitted the peer's IP address."""
        self._expire(now)
        allocation = self._by_relay.get(relay)
        if allocation is None or allocation.permissions.get(peer[0], 0) <= now:
            self.counters["not permitted"] += 1
            return []
        number = allocation.channel_of(now, peer)
        if number is not None:
            framed = stun.channel_data(number, data, stream=allocation.client.protocol != "udp")
            return self._say(allocation.client, "channel data", framed)
        serial = next(self._serial).to_bytes(12, "big")
        message = Message(Method.DATA, Class.INDICATION, serial, fingerprint=False)
        message.add_address(Attribute.XOR_PEER_ADDRESS, peer).add(Attribute.DATA, data)
        return self._say(allocation.client, "data", message)

    # ------------------------------------------------------------------------------------------------------------ answers

    def _say(self, client: Client, step: str, message: Message | bytes) -> list[Output]:
        said: Iterable[Message | bytes] = (message,)
        if step in self.faults:
            said = self.faults[step](message)
        return [ToClient(client, one.encode() if isinstance(one, Message) else one) for one in said]

    def _refuse(self, client: Client, request: Message, code: int, *, step: str | None = None,
                attributes: Iterable[tuple[int, bytes | str]] = (), key: bytes | None = None) -> list[Output]:
        self.counters[f"error {code}"] += 1
        answer = Message(request.method, Class.ERROR, request.transaction, key=key).add(Attribute.ERROR_CODE, _code(code))
        for attribute in attributes:
            answer.add(*attribute)
        return self._say(client, step or _STEP[Method(request.method)], answer)

    # --------------------------------------------------------------------------------------- long-term credentials, 9.2.4

    def _authenticate(self, now: int, client: Client, request: Message, data: bytes) -> list[Output]:
        username, realm, nonce = (
            (request.get(a) or b"").decode(errors="replace") for a in (Attribute.USERNAME, Attribute.REALM, Attribute.NONCE)
        )
        if request.get(Attribute.MESSAGE_INTEGRITY) is None:
            return self._challenge(now, client, request, 401)
        if not (username and realm and nonce):
            return self._refuse(client, request, 400)
        if self._nonces.get(nonce, 0) <= now:
            return self._challenge(now, client, request, 438)
        key = stun.long_term_key(username, self.realm, self.users.get(username, ""))
        if username not in self.users or not stun.authentic(data, key):
            return self._challenge(now, client, request, 401)
        request.key = key
        unknown = [type for type, _ in request.attributes if type < 0x8000 and type not in KNOWN]
        if unknown:
            told = ((Attribute.UNKNOWN_ATTRIBUTES, b"".join(type.to_bytes(2, "big") for type in unknown)),)
            return self._refuse(client, request, 420, attributes=told, key=key)
        perform = {
            Method.ALLOCATE: self._allocate, Method.REFRESH: self._refresh,
            Method.CREATE_PERMISSION: self._create_permission, Method.CHANNEL_BIND: self._channel_bind,
        }[Method(request.method)]
        return perform(now, client, request, username)

    def _challenge(self, now: int, client: Client, request: Message, code: int) -> list[Output]:
        nonce = hashlib.sha256(f"{now} {next(self._serial)}".encode()).hexdigest()[:24]
        self._nonces[nonce] = now + self.nonce_lifetime
        told = ((Attribute.REALM, self.realm), (Attribute.NONCE, nonce))
        return self._refuse(client, request, code, step="challenge", attributes=told)

    # ------------------------------------------------------------------------------------------------------- the requests

    def _allocate(self, now: int, client: Client, request: Message, username: str) -> list[Output]:
        """Section 7.2."""
        allocation = self.allocations.get(client)
        if allocation is not None:
            if allocation.transaction != request.transaction:
                return self._refuse(client, request, 437, key=request.key)
            return self._allocated(now, request, allocation)  # the request came again: so does the answer
        transport, wanted = request.get(Attribute.REQUESTED_TRANSPORT), request.get(Attribute.REQUESTED_ADDRESS_FAMILY)
        if transport is None or len(transport) != 4 or (wanted is not None and wanted not in FAMILIES.values()):
            return self._refuse(client, request, 400, key=request.key)
        if transport[0] != UDP:
            return self._refuse(client, request, 442, key=request.key)
        additional = request.get(Attribute.ADDITIONAL_ADDRESS_FAMILY)
        if additional is not None and (wanted is not None or additional != FAMILIES[6]):
            return self._refuse(client, request, 400, key=request.key)
        families = [v for v, value in FAMILIES.items() if value in (wanted or FAMILIES[4], additional)]
        available = [self.relays[version] for version in families if version in self.relays]
        if not available:
            return self._refuse(client, request, 440, key=request.key)
        if self.alternate is not None:
            told = ((Attribute.ALTERNATE_SERVER, stun.encode_address(self.alternate)),)
            return self._refuse(client, request, 300, attributes=told, key=request.key)
        if sum(other.username == username for other in self.allocations.values()) >= self.quota:
            return self._refuse(client, request, 486, key=request.key)
        port = next(self._ports)
        allocation = Allocation(client, username, request.transaction, [(ip, port) for ip in available],
                                now + self._lifetime(request))
        self.allocations[client] = allocation
        self._by_relay.update((relay, allocation) for relay in allocation.relays)
        return self._allocated(now, request, allocation)

    def _allocated(self, now: int, request: Message, allocation: Allocation) -> list[Output]:
        answer = self._success(request)
        for relay in allocation.relays:
            answer.add_address(Attribute.XOR_RELAYED_ADDRESS, relay)
        answer.add_address(Attribute.XOR_MAPPED_ADDRESS, allocation.client.address)
        if request.get(Attribute.ADDITIONAL_ADDRESS_FAMILY) is not None:
            for version in {4, 6} - {family(relay) for relay in allocation.relays}:
                answer.add(Attribute.ADDRESS_ERROR_CODE, FAMILIES[version][:1] + _code(440)[1:])
        answer.add(Attribute.LIFETIME, (allocation.expires - now) // SECOND)
        return self._say(allocation.client, "allocate", answer)

    def _refresh(self, now: int, client: Client, request: Message, username: str) -> list[Output]:
        """Section 8.2: a lifetime of 0 gives the allocation back."""
        allocation = self.allocations.get(client)
        if allocation is None or allocation.username != username:
            return self._refuse(client, request, 437, key=request.key)
        lifetime = self._lifetime(request)
        allocation.expires = now + lifetime
        if lifetime == 0:
            self.counters["given back"] += 1
            self._remove(allocation)
        return self._say(client, "refresh", self._success(request).add(Attribute.LIFETIME, lifetime // SECOND))

    def _create_permission(self, now: int, client: Client, request: Message, username: str) -> list[Output]:
        """Section 10.2: all of the addresses, or none."""
        peers = self._peers(request)
        if not peers:
            return self._refuse(client, request, 400, key=request.key)
        code = self._may_reach(client, username, peers)
        if code:
            return self._refuse(client, request, code, key=request.key)
        for peer in peers:
            self.allocations[client].permissions[peer[0]] = now + PERMISSION
        return self._say(client, "permission", self._success(request))

    def _channel_bind(self, now: int, client: Client, request: Message, username: str) -> list[Output]:
        """Section 12.2."""
        peers, channel = self._peers(request), request.get(Attribute.CHANNEL_NUMBER)
        if len(peers) != 1 or channel is None or len(channel) != 4:
            return self._refuse(client, request, 400, key=request.key)
        code = self._may_reach(client, username, peers)
        if code:
            return self._refuse(client, request, code, key=request.key)
        allocation, number, peer = self.allocations[client], int.from_bytes(channel[:2], "big"), peers[0]
        taken = allocation.channels.get(number) if allocation.channel_ends.get(number, 0) > now else None
        if not 0x4000 <= number <= 0x4FFF or taken not in (None, peer) or allocation.channel_of(now, peer) not in (None, number):
            return self._refuse(client, request, 400, key=request.key)
        allocation.channels[number] = peer
        allocation.channel_ends[number] = now + BINDING
        allocation.permissions[peer[0]] = now + PERMISSION
        return self._say(client, "channel", self._success(request))

    def _send(self, now: int, client: Client, message: Message) -> list[Output]:
        """Section 11.2: what is not right is dropped, nobody is told."""
        allocation, data, peers = self.allocations.get(client), message.get(Attribute.DATA), self._peers(message)
        if allocation is None or data is None or len(peers) != 1:
            return []
        return self._to_peer(now, allocation, peers[0], data)

    def _from_channel(self, now: int, client: Client, number: int, data: bytes) -> list[Output]:
        allocation = self.allocations.get(client)
        if allocation is None or allocation.channel_ends.get(number, 0) <= now:
            self.counters["not permitted"] += 1
            return []
        return self._to_peer(now, allocation, allocation.channels[number], data)

    def _to_peer(self, now: int, allocation: Allocation, peer: Address, data: bytes) -> list[Output]:
        relay = allocation.relay_to(peer)
        if relay is None or allocation.permissions.get(peer[0], 0) <= now:
            self.counters["not permitted"] += 1
            return []
        return [ToPeer(relay, peer, data)]

    # ------------------------------------------------------------------------------------------------------------ helpers

    def _success(self, request: Message) -> Message:
        return Message(request.method, Class.SUCCESS, request.transaction, key=request.key)

    def _lifetime(self, request: Message) -> int:
        """What is asked for, but no longer than the server gives; 0 stays 0."""
        asked = request.get(Attribute.LIFETIME)
        return min(int.from_bytes(asked, "big") * SECOND, self.lifetime) if asked is not None else self.lifetime

    def _peers(self, message: Message) -> list[Address]:
        """None when one is malformed."""
        try:
            return [message.address(value) for value in message.all(Attribute.XOR_PEER_ADDRESS)]
        except ValueError:
            return []

    def _may_reach(self, client: Client, username: str, peers: list[Address]) -> int:
        """The error code, or 0."""
        allocation = self.allocations.get(client)
        if allocation is None:
            return 437
        if allocation.username != username:
            return 441
        if any(allocation.relay_to(peer) is None for peer in peers):
            return 443
        return 403 if any(peer[0] in self.forbidden for peer in peers) else 0

    def _expire(self, now: int) -> None:
        for allocation in [a for a in self.allocations.values() if a.expires <= now]:
            self.counters["expired"] += 1
            self._remove(allocation)

    def _remove(self, allocation: Allocation) -> None:
        self.allocations.pop(allocation.client, None)
        for relay in allocation.relays:
            self._by_relay.pop(relay, None)


class Door:
    """Its connections: what stands in the place of an endpoint in a host of the simulation, whose TCP it uses. With a context, TLS is
    spoken on them (whose random numbers are Python's: such a run is not the same each time)."""

    def __init__(self, sim: Simulation, node: TurnNode, context: ssl.SSLContext | None = None) -> None:
        self.node = node
        self._context = context
        self._tls: dict[int, tuple[ssl.MemoryBIO, ssl.MemoryBIO, ssl.SSLObject]] = {}  # by the socket: in, out
        self.goodbyes = 0  # of TLS
        self.host = Host(sim, node.name, self, Habits())
        self.host.interfaces = list(node.interfaces.values())
        for number, ip in enumerate(node.interfaces, 1):
            self.host.sockets[number] = (ip, node.port)
            self.host.streams.listeners[ip, node.port] = number
        sim.hosts.append(self.host)
        self._ids = itertools.count(len(node.interfaces) + 1)
        self._clients: dict[int, Client] = {}
        self._arrived: dict[int, bytearray] = {}
        self._waiting: dict[int, bytearray] = {}
        self._blocked: set[int] = set()

    def say(self, client: Client, data: bytes) -> None:
        for socket, known in self._clients.items():
            if known == client:
                self._say(socket, data)
        self.host.touch()

    def _say(self, socket: int, data: bytes) -> None:
        if socket not in self._tls:
            self._waiting[socket] += data
            return
        _, out, tls = self._tls[socket]
        tls.write(data)
        self._waiting[socket] += out.read()

    def _hear(self, socket: int, data: bytes) -> bytes:
        """The plain text of what has come."""
        if socket not in self._tls:
            return data
        into, out, tls = self._tls[socket]
        into.write(data)
        plain = b""
        try:
            tls.do_handshake()
            while part := tls.read(65_536):
                plain += part
            self.goodbyes += 1
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.goodbyes += 1
        except ssl.SSLError:
            pass  # the client does not like the certificate
        self._waiting[socket] += out.read()
        self.host.touch()
        return plain

    def kill(self) -> int:
        """Resets all connections; returns how many there were."""
        return self.host.streams.kill()

    # ------------------------------------------------------------------------------------- what a host asks of an endpoint

    def accepted(self, now: int, listener: int, local: Address, remote: Address) -> int:
        socket = next(self._ids)
        self._clients[socket] = Client("tcp", remote, local)
        self._arrived[socket], self._waiting[socket] = bytearray(), bytearray()
        if self._context is not None:
            into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
            self._tls[socket] = into, out, self._context.wrap_bio(into, out, server_side=True)
        return socket

    def receive(self, now: int, datagram: Datagram) -> int:
        arrived = self._arrived[datagram.socket]
        arrived += self._hear(datagram.socket, bytes(datagram.data))
        for frame in stun.frames(arrived):
            interface = self.node.interfaces[self._clients[datagram.socket].server[0]]
            self.node.carry(now, interface, self.node.server.from_client(now, self._clients[datagram.socket], frame))
        return 0

    def transmit(self, now: int) -> Datagram | None:
        for socket, waiting in self._waiting.items():
            if waiting and socket not in self._blocked:
                data, self._waiting[socket] = bytes(waiting[:60_000]), waiting[60_000:]
                client = self._clients[socket]
                return Datagram(socket, Protocol.TCP, local=client.server, remote=client.address, data=data)
        return None

    def writable(self, now: int, socket: int, writable: bool) -> None:
        (self._blocked.discard if writable else self._blocked.add)(socket)

    def socket_closed(self, now: int, socket: int, error: int = 0) -> None:
        """Section 5: its allocation goes with it."""
        client = self._clients.pop(socket)
        del self._arrived[socket], self._waiting[socket]
        self._tls.pop(socket, None)
        self._blocked.discard(socket)
        self.node.server.disconnected(client)

    def deadline(self) -> None:
        return None

    def events(self) -> list[Event]:
        return []

    def requests(self) -> list[Request]:
        return []

    def stats(self) -> Any:
        return SimpleNamespace(datagrams_sent=self.host.sent, datagrams_received=self.host.received, peers=0)

    def free(self) -> None:
        pass


class TurnNode:
    """The server on a segment: it listens on one port of each of its addresses, and relays by others of them."""

    def __init__(self, segment: Segment, *ips: str, port: int = 3478, **options: object) -> None:
        ips = ips or ("198.51.100.240",)
        self.name = f"turn {ips[0]}"
        self.port = port
        self.dead = False
        self.server = TurnServer(ips, **options)  # type: ignore[arg-type]
        self.door: Door | None = None
        self.interfaces: dict[str, Interface] = {}
        for ip in ips:
            interface = segment.attach(self, ip)
            self.interfaces[interface.ip] = interface

    def url(self, version: int = 4, scheme: str = "turn", transport: str = "") -> str:
        ip = next(ip for ip in self.interfaces if family((ip, 0)) == version)
        return f"{scheme}:{f'[{ip}]' if version == 6 else ip}:{self.port}" + (f"?transport={transport}" if transport else "")

    def deliver(self, now: int, interface: Interface, packet: Packet) -> None:
        if self.dead:
            return
        if packet.tcp:
            if self.door is not None:
                self.door.host.streams.deliver(packet, interface)
            return
        if packet.target[1] == self.port:
            outputs = self.server.from_client(now, Client("udp", packet.source, packet.target), packet.data)
        else:
            outputs = self.server.from_peer(now, packet.target, packet.source, packet.data)
        self.carry(now, interface, outputs)

    def listen(self, sim: Simulation, context: ssl.SSLContext | None = None) -> None:
        """TCP, too, or TLS: on the same port."""
        self.door = Door(sim, self, context)

    def carry(self, now: int, interface: Interface, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if isinstance(output, ToClient) and output.client.protocol == "tcp":
                if self.door is not None:
                    self.door.say(output.client, output.data)
                continue
            if isinstance(output, ToClient):
                sent = Packet(output.client.server, output.client.address, output.data)
            else:
                sent = Packet(output.relay, output.peer, output.data)
            if sent.target[0] in self.interfaces:  # from one relayed address to another: it does not leave the machine
                interface.segment.network.inject(now, self.interfaces[sent.target[0]], sent)
            else:
                self.interfaces[sent.source[0]].send(now, sent)
