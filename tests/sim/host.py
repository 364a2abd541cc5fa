# SPDX-License-Identifier: BSD-3-Clause
"""A machine of the simulated network: it drives one endpoint as a driver would, and watches it on every step."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from polyrtc import sansio
from polyrtc.errors import ErrorCode
from polyrtc.sansio import Datagram, Event, EventType, Protocol, RequestType

from . import invariants
from .invariants import InvariantError
from .network import Address, Conditions, Interface, Packet, Segment
from .peer import SimPeer
from .streams import Streams

if TYPE_CHECKING:
    from .simulation import Simulation

#: Whatever has the methods of polyrtc.sansio.Endpoint.
AnyEndpoint = Any


class Habits:
    """How a host treats its endpoint, within what the contract allows. All are probabilities per occasion, 0 to 1."""

    def __init__(self, train: float = 0.0, undrained: float = 0.0, backwards: float = 0.0, early: float = 0.0,
                 slow_reply: float = 0.0, refuse_socket: float = 0.0) -> None:
        self.train = train  # equal datagrams of one path that arrive together are given as one train (UDP_GRO)
        self.undrained = undrained  # nothing is fetched after an input; it is fetched up to 5 ms later
        self.backwards = backwards  # a call is made with a time that has passed
        self.early = early  # timeout is called without need
        self.slow_reply = slow_reply  # a request is answered up to 100 ms later
        self.refuse_socket = refuse_socket  # a socket cannot be opened


class Host:
    """Made by :meth:`Simulation.host`."""

    def __init__(self, simulation: Simulation, name: str, endpoint: AnyEndpoint, habits: Habits) -> None:
        self.simulation = simulation
        self.name = name
        self.endpoint = endpoint
        self.habits = habits
        self.interfaces: list[Interface] = []
        self._former: set[str] = set()
        self.kinds: dict[str, sansio.NetworkType] = {}  # how an address is attached, when it is not Ethernet
        self.temporary: set[str] = set()  # addresses as of RFC 8981
        self.names: dict[str, str] = {}  # of the interface, by address
        self.peers: dict[int, SimPeer] = {}
        self.sockets: dict[int, Address] = {}
        self.mtu = 1200
        self.multicast = True  # False: its driver has no such thing
        self.timeouts = 0
        self.sent = self.received = 0
        self._ports = itertools.count(49_152)
        self._by_address: dict[Address, int] = {}
        self._groups: dict[tuple[int, Address], int] = {}  # sockets, by the index of their interface and their group
        self._inbox: list[Datagram] = []
        self._later: list[tuple[int, int, Callable[[], None]]] = []
        self._serial = itertools.count()
        self._requests: set[int] = set()
        self._drain_at: int | None = None
        self._timeout_window = (0, 0)
        self.deaf_until = 0
        self.freed = False
        self.streams = Streams(self)

    def __repr__(self) -> str:
        return f"<Host {self.name}>"

    # ------------------------------------------------------------------------------------------------------ for tests

    def peer(self, **config: Any) -> SimPeer:
        """A new peer connection; the configuration is :meth:`polyrtc.sansio.Endpoint.create_peer`'s."""
        raw = self.endpoint.create_peer(self.simulation.now, **config)
        if raw.id in self.peers or raw.id == 0:
            raise InvariantError(f"peer id {raw.id} was used before")
        self.mtu = max(self.mtu, config.get("mtu", 0), config.get("max_mtu", 0) or 16_376)
        peer = self.peers[raw.id] = SimPeer(self, raw)
        peer.streaming = bool(config.get("streaming_channels"))
        self.touch()
        return peer

    def free(self) -> None:
        """Frees the endpoint with all its peers, silently, as a machine that loses its power."""
        self.freed = True
        self.endpoint.free()
        self._inbox.clear()
        self._later.clear()
        self.streams.forget()
        for socket in list(self.sockets):
            self._close(socket)

    def add_address(self, ip: str, *, segment: Segment | None = None, up: Conditions | None = None, told: bool = True) -> Interface:
        """One more address, of an interface of its own; the endpoint is told that something has changed."""
        interface = (segment or self.simulation.internet).attach(self, ip, up)
        self.interfaces.append(interface)
        self._former.discard(interface.ip)
        if told:
            self.interfaces_changed()
        return interface

    def remove_address(self, ip: str, *, told: bool = True) -> None:
        """It is gone: what is sent from it or to it is lost."""
        interface = next(i for i in self.interfaces if i.ip == ip)
        self.interfaces.remove(interface)
        del interface.segment.interfaces[interface.ip]
        self._former.add(interface.ip)
        if told:
            self.interfaces_changed()

    def interfaces_changed(self) -> None:
        self.simulation.record(self, "interfaces changed")
        self.endpoint.interfaces_changed(self.simulation.now)
        self.touch()

    def touch(self) -> None:
        """A command was given: what it led to is fetched in this instant."""
        self._drain_at = self.simulation.now

    def hold_events(self, duration: int) -> None:
        """The application is busy: datagrams and time go on, but nobody fetches events for so many microseconds."""
        self.deaf_until = max(self.deaf_until, self.simulation.now + duration)
        self.after(duration, self.touch)

    # ------------------------------------------------------------------------------------------------- for the network

    def next_port(self) -> int:
        return next(self._ports)

    def deliver(self, now: int, interface: Interface, packet: Packet) -> None:
        if packet.tcp:
            if not self.freed:
                self.streams.deliver(packet, interface)
            return
        socket = self._groups.get((interface.index, packet.target)) or self._by_address.get(packet.target) or self._by_address.get(
            ("::" if ":" in packet.target[0] else "0.0.0.0", packet.target[1])
        )
        if socket is None or self.freed:
            self.simulation.network.counters["no socket"] += 1
            return
        self._inbox.append(
            Datagram(socket, interface_index=interface.index, local=packet.target, remote=packet.source, data=packet.data,
                     ecn=packet.ecn, time=now)
        )

    # ---------------------------------------------------------------------------------------------- for the simulation

    def deadline(self) -> int | None:
        """When this host next has something to do."""
        if self.freed:
            return None
        times = [self.endpoint.deadline(), self._later[0][0] if self._later else None, self._drain_at]
        known = [time for time in times if time is not None]
        return min(known) if known else None

    def step(self, now: int) -> bool:
        """Does all that is due; False when there was nothing."""
        if self.freed:
            return False
        deadline = self.endpoint.deadline()
        timer_due = deadline is not None and deadline <= now
        later_due = bool(self._later) and self._later[0][0] <= now
        drain_due = self._drain_at is not None and self._drain_at <= now
        if not (timer_due or later_due or drain_due or self._inbox):
            return False
        while self._later and self._later[0][0] <= now:
            heapq.heappop(self._later)[2]()
        if self._inbox:
            self._receive(now)
        if timer_due or self._chance(self.habits.early):
            self._timeout(now)
        if drain_due or not self._chance(self.habits.undrained):
            self._drain_at = None
            self.drain(now)
            self._check_deadline(now)
        elif self._drain_at is None:
            self._drain_at = now + self.simulation.random.randrange(1, 5_000)
        return True

    def _chance(self, probability: float) -> bool:
        return probability > 0 and self.simulation.random.random() < probability

    def _time(self, now: int) -> int:
        """`now`, or by the habit a time that has passed: the endpoint is to take it as the latest that it has seen."""
        if self._chance(self.habits.backwards):
            self.simulation.counters["backwards"] += 1
            return now - self.simulation.random.randrange(1, 10_000_000)
        return now

    # ---------------------------------------------------------------------------------------------------- the five verbs

    def _receive(self, now: int) -> None:
        datagrams, self._inbox = self._inbox, []
        if self.habits.train:
            datagrams = self._make_trains(datagrams)
        for datagram in datagrams:
            self.received += len(datagram.segments())
            self.simulation.record(self, "receive", datagram.socket, datagram.remote, datagram.segment_size, datagram.data)
        code = self.endpoint.receive(self._time(now), datagrams)
        if not -100 < code <= 0:
            raise InvariantError(f"receive returned {code}: a datagram may lead to a transient code at most")
        if code:
            self.simulation.counters["datagrams refused"] += 1

    def _make_trains(self, datagrams: list[Datagram]) -> list[Datagram]:
        made: list[Datagram] = []
        for datagram in datagrams:
            last = made[-1] if made else None
            size = len(datagram.data)
            if last is not None and size and (last.socket, last.remote, last.ecn) == (
                datagram.socket, datagram.remote, datagram.ecn
            ):
                segment = last.segment_size or len(last.data)
                full = segment and len(last.data) % segment == 0
                if full and size <= segment and len(last.data) + size <= 65_535 and self._chance(self.habits.train):
                    last.data, last.segment_size = bytes(last.data) + bytes(datagram.data), segment
                    self.simulation.counters["trains received"] += 1
                    continue
            made.append(datagram)
        return made

    def _timeout(self, now: int) -> None:
        second = now // 1_000_000
        start, count = self._timeout_window
        self._timeout_window = (second, count + 1 if start == second else 1)
        if self._timeout_window[1] > invariants.TIMEOUTS_PER_SECOND * max(1, len(self.peers)):
            raise InvariantError(f"{count} time-outs within a second: the deadline only crawls")
        self.timeouts += 1
        self.simulation.record(self, "timeout")
        called_with = self._time(now)
        self.endpoint.timeout(called_with)
        deadline = self.endpoint.deadline()
        if called_with == now and deadline is not None and deadline < now:
            raise InvariantError(f"the deadline is {now - deadline} µs in the past after timeout")

    def drain(self, now: int) -> None:
        """transmit, event and request until none has more."""
        datagrams = 0
        for _ in range(invariants.ROUNDS_PER_DRAIN):
            busy = False
            while (datagram := self.endpoint.transmit(now)) is not None:
                busy = True
                datagrams += 1
                if datagrams > invariants.DATAGRAMS_PER_DRAIN:
                    raise InvariantError("transmit does not come to an end")
                self._send(now, datagram)
            for event in self.endpoint.events() if now >= self.deaf_until else ():
                busy = True
                self._on_event(event)
            if self.freed:
                return
            for request in self.endpoint.requests():
                busy = True
                self._on_request(request)
            if not busy:
                if self.streams.overtaken:
                    raise InvariantError(f"{sorted(self.streams.overtaken)} are unknown, but were not asked to be closed")
                return
        raise InvariantError("transmit, event and request do not come to an end")

    def _check_deadline(self, now: int) -> None:
        """The deadline may be now after a command or a datagram; timeout must then move it."""
        if self.freed:
            return
        for _ in range(3):
            deadline = self.endpoint.deadline()
            if deadline is None or deadline > now:
                break
            self._timeout(now)
            self.drain(now)
            if self.freed:
                return
        else:
            raise InvariantError(f"the deadline does not move after timeout: it is {now - deadline} µs ago")
        stats = self.endpoint.stats()
        if stats.datagrams_sent != self.sent or stats.datagrams_received != self.received:
            raise InvariantError(f"{stats} does not agree with {self.sent} sent and {self.received} received")
        if stats.peers != len(self.peers):
            raise InvariantError(f"{stats.peers} peers, but {len(self.peers)} were made and not freed")
        for peer in self.peers.values():
            peer.check()

    def _send(self, now: int, datagram: Datagram) -> None:
        bound = self.sockets.get(datagram.socket)
        if bound is None:
            raise InvariantError(f"a datagram for socket {datagram.socket}, which is not open")
        if datagram.remote is None or datagram.remote[1] == 0:
            raise InvariantError(f"a datagram to nowhere: {datagram.remote}")
        if len(datagram.data) > 65_535:
            raise InvariantError(f"a train of {len(datagram.data)} bytes")
        self.simulation.record(self, "transmit", datagram.socket, datagram.remote, datagram.segment_size, datagram.data)
        if datagram.protocol == Protocol.TCP:
            self.sent += 1
            self.streams.send(datagram)
            return
        interface = self._outgoing(bound, datagram)
        segments = datagram.segments()
        if interface is None:
            self.simulation.counters["sent from an address that is gone"] += len(segments)
            self.sent += len(segments)
            return
        if len(segments) > 1:
            self.simulation.counters["trains sent"] += 1
        remote = (datagram.remote[0].partition("%")[0], datagram.remote[1])
        for segment in segments:
            if not 0 < len(segment) <= self.mtu:
                raise InvariantError(f"a datagram of {len(segment)} bytes (the limit is {self.mtu})")
            self.sent += 1
            interface.send(now, Packet((interface.ip, bound[1]), remote, bytes(segment), datagram.ecn))

    def _outgoing(self, bound: Address, datagram: Datagram) -> Interface | None:
        """None: the address has been taken away, and the endpoint may not know yet."""
        assert datagram.remote is not None
        for interface in self.interfaces:
            if self._groups.get((interface.index, bound)) == datagram.socket:
                return interface
        wanted = datagram.local[0] if datagram.local is not None else bound[0]
        for interface in self.interfaces:
            if interface.ip == wanted:
                return interface
        for interface in self.interfaces:
            if wanted in ("0.0.0.0", "::") and (":" in interface.ip) == (":" in datagram.remote[0]):
                return interface
        if wanted in self._former:
            return None
        raise InvariantError(f"a datagram from {wanted}, an address that this host does not have")

    def _on_event(self, event: Event) -> None:
        self.simulation.record(self, "event", event.type, event.peer, event.object, event.state, event.code, event.text,
                               event.data)
        if event.type == EventType.ENDPOINT_FAILED:
            raise InvariantError(f"the endpoint has failed: {event.code}")
        peer = self.peers.get(event.peer)
        if peer is None:
            raise InvariantError(f"event {event.type} of peer {event.peer}, which does not exist (any more)")
        peer.on_event(event)

    # ------------------------------------------------------------------------------------------------------- requests

    def _on_request(self, request: sansio.Request) -> None:
        self.simulation.record(self, "request", *request)
        if request.id in self._requests:
            raise InvariantError(f"request id {request.id} was used before")
        self._requests.add(request.id)
        if request.type == RequestType.CLOSE:
            if request.socket in self.sockets:
                self._close(request.socket)
            elif not self.streams.forgive_close(request.socket):
                raise InvariantError(f"socket {request.socket} is to be closed, but is not open")
            return
        if request.type == RequestType.CONNECT_TCP:
            self.streams.wanted.add(request.socket)
        if self._chance(self.habits.slow_reply):
            self.after(self.simulation.random.randrange(1, 100_000), lambda: self._carry_out(request))
        else:
            self._carry_out(request)

    def after(self, delay: int, action: Callable[[], None]) -> None:
        """Does something after `delay` microseconds, within this host's step."""
        heapq.heappush(self._later, (self.simulation.now + delay, next(self._serial), action))

    def _carry_out(self, request: sansio.Request) -> None:
        now = self.simulation.now
        if request.type == RequestType.INTERFACES:
            found = [
                sansio.Interface(i.ip, i.index, self.kinds.get(i.ip, sansio.NetworkType.ETHERNET), i.ip in self.temporary,
                                 self.names.get(i.ip, i.name))
                for i in self.interfaces
            ]
            self.endpoint.reply(now, request.id, interfaces=found)
        elif request.type == RequestType.OPEN_UDP:
            self._open(now, request)
        elif request.type == RequestType.JOIN_MULTICAST and self.multicast:
            self._join(now, request)
        elif request.type == RequestType.LISTEN_TCP:
            self.streams.listen(now, request)
        elif request.type == RequestType.CONNECT_TCP:
            self.streams.connect(now, request)
        elif request.type == RequestType.RESOLVE:
            addresses = self.simulation.names.get(request.name or "", [])
            code = 0 if addresses else ErrorCode.NOT_FOUND
            self.endpoint.reply(now, request.id, code, addresses=[(ip, 0) for ip in addresses])
        else:
            self.endpoint.reply(now, request.id, ErrorCode.NOT_SUPPORTED)
        self._drain_at = now

    def _open(self, now: int, request: sansio.Request) -> None:
        assert request.address is not None
        ip, port = request.address
        known = ip in ("0.0.0.0", "::") or any(i.ip == ip for i in self.interfaces)
        if request.socket in self.sockets:
            raise InvariantError(f"socket {request.socket} is open already")
        taken = (ip, port) in self._by_address
        if not known or taken or self._chance(self.habits.refuse_socket):
            self.simulation.counters["sockets refused"] += 1
            self.endpoint.reply(now, request.id, ErrorCode.NOT_SUPPORTED, system_error=99)
            return
        address = (ip, port or next(self._ports))
        self.sockets[request.socket] = address
        self._by_address[address] = request.socket
        if not self.endpoint.reply(now, request.id, address=address):
            self._close(request.socket)

    def _join(self, now: int, request: sansio.Request) -> None:
        assert request.address is not None
        group = (request.address[0].partition("%")[0], request.address[1])
        interface = next(i for i in self.interfaces if i.index == request.interface_index)
        if (":" in interface.ip) != (":" in group[0]) or (interface.index, group) in self._groups:
            raise InvariantError(f"{group} cannot be joined on {interface.ip}, or is already")
        self.sockets[request.socket] = group
        self._groups[interface.index, group] = request.socket
        interface.segment.join(interface, group)
        if not self.endpoint.reply(now, request.id, address=group):
            self._close(request.socket)

    def _close(self, socket: int) -> None:
        if self.streams.has(socket):
            self.streams.close(socket)
            return
        address = self.sockets.pop(socket)
        self._by_address.pop(address, None)
        for interface in self.interfaces:
            if self._groups.get((interface.index, address)) == socket:
                del self._groups[interface.index, address]
                interface.segment.leave(interface, address)
