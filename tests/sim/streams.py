# SPDX-License-Identifier: BSD-3-Clause
"""TCP as a host of the simulation has it: listeners and connections over the same network as datagrams, through its NATs.

It is small but whole where it matters: bytes come in order and none is lost (segments are numbered, acknowledged and sent again), so
that loss is delay; the receiver's window and the sender's buffer have bounds, so that who is slow is felt; connections are refused,
time out, are reset, and are closed by either side. What is left out is congestion control: a fixed number of segments is under way.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polyrtc import sansio
from polyrtc.errors import ErrorCode, PrtcError
from polyrtc.sansio import Datagram, Protocol

from .invariants import InvariantError
from .network import MILLISECOND, SECOND, Address, Interface, Packet

if TYPE_CHECKING:
    from .host import Host

#: Bytes of one segment, that the smallest MTU takes.
LARGEST = 1_100
#: Bytes that a sender's system holds until they are acknowledged, and those that a receiver's holds until they are read.
SEND_BUFFER = 64 * 1024
WINDOW = 64 * 1024
#: Segments under way at most.
FLIGHT = 64

FIRST_TIMEOUT, LAST_TIMEOUT = 300 * MILLISECOND, 4 * SECOND
#: Time-outs in a row after which a connection has failed.
TIMEOUTS = 15

REFUSED, RESET, TIMED_OUT = 111, 104, 110


@dataclass(frozen=True, slots=True)
class Header:
    """Of a segment; its bytes are the packet's."""

    kind: str
    """"connect", "accept", "data" (with or without bytes) or "reset"."""
    position: int = 0
    """Of the first byte in the stream."""
    acknowledged: int = 0
    window: int = 0
    end: bool = False
    """There will be no more."""


class Stream:
    """One end of a connection."""

    def __init__(self, streams: Streams, local: Address, remote: Address, interface: Interface) -> None:
        self.streams = streams
        self.host = streams.host
        self.local = local
        self.remote = remote
        self.interface = interface
        self.socket = 0
        self.listener = 0  # what has accepted it
        self.request = 0  # to be answered when it is established
        self.established = False
        self.told_end = False  # the endpoint knows of no more (or never did)
        # Outgoing
        self.buffer = bytearray()  # from `acknowledged` on
        self.rest = bytearray()  # what the buffer has no room for: the driver's to keep
        self.acknowledged = 0
        self.sent = 0
        self.closed = False  # by this side: the end follows the last byte
        self.end_acknowledged = False
        self.window = WINDOW
        self.repeated = 0  # acknowledgements in a row that say nothing new
        self.timeouts = 0
        self._timer = 0
        # Incoming
        self.expected = 0
        self.early: dict[int, tuple[bytes, bool]] = {}
        self.ended = False
        self.unread = bytearray()

    # --------------------------------------------------------------------------------------------------------- sending

    def write(self, data: bytes) -> None:
        if self.rest:
            raise InvariantError(f"bytes for connection {self.socket}, which was said to take no more")
        room = SEND_BUFFER - len(self.buffer)
        self.buffer += data[:room]
        self.rest += data[room:]
        if self.rest:
            self.streams.count["streams: full"] += 1
            self.host.simulation.record(self.host, "writable", self.socket, False)
            self.host.endpoint.writable(self.host.simulation.now, self.socket, False)
        self.send()

    def _end(self) -> int:
        """The position after the last byte that is known."""
        return self.acknowledged + len(self.buffer)

    def send(self) -> None:
        """As much as the window allows."""
        if not self.established:
            return
        limit = self.acknowledged + min(self.window, FLIGHT * LARGEST)
        while self.sent < min(self._end(), limit):
            self._send_at(self.sent, limit)
        if self.closed and self.sent == self._end() and not self.end_acknowledged:
            self._put("data", b"", self.sent, end=True)
            self.sent += 1
        if self.sent > self.acknowledged or self.buffer:
            self._start_timer()

    def _send_at(self, position: int, limit: int) -> None:
        start = position - self.acknowledged
        data = bytes(self.buffer[start : start + min(LARGEST, limit - position)])
        self._put("data", data, position, end=self.closed and position + len(data) == self._end())
        self.sent = max(self.sent, position + len(data))

    def _put(self, kind: str, data: bytes = b"", position: int = 0, *, end: bool = False) -> None:
        header = Header(kind, position, self.expected, WINDOW - len(self.unread), end)
        self.interface.send(self.host.simulation.now, Packet(self.local, self.remote, data, tcp=header))

    def connect(self) -> None:
        self._put("connect")
        self._start_timer()

    def accept(self) -> None:
        self._put("accept")

    def reset(self) -> None:
        self._put("reset")

    def _start_timer(self) -> None:
        if not self._timer:
            self._timer = next(self.streams.serial)
            delay = min(FIRST_TIMEOUT << min(self.timeouts, 10), LAST_TIMEOUT)
            self.host.after(delay, lambda timer=self._timer: self._timeout(timer))  # type: ignore[misc]

    def _timeout(self, timer: int) -> None:
        if timer != self._timer or self.streams.find(self) is None:
            return
        self._timer = 0
        self.timeouts += 1
        self.streams.count["streams: sent again"] += 1
        if self.timeouts > TIMEOUTS:
            self.fail(TIMED_OUT)
        elif not self.established:
            self.connect()
        elif self.window == 0:
            self._put("data", b"", self.sent)  # asks for the window
            self._start_timer()
        else:
            self.sent = self.acknowledged
            self.send()

    # ------------------------------------------------------------------------------------------------------- receiving

    def receive(self, header: Header, data: bytes) -> None:
        if header.kind == "reset":
            self.fail(RESET if self.established else REFUSED)
        elif header.kind == "connect":
            self.accept()  # what we answered was lost
        elif header.kind == "accept":
            self._establish()
            self._put("data", b"", self.sent)
        else:
            self._establish()
            if self.streams.find(self) is None:
                return  # nobody wants it
            self._take_acknowledgement(header)
            if data or header.end or header.position != self.expected:
                self._take_data(header.position, data, header.end)

    def _establish(self) -> None:
        if self.established:
            return
        self.established = True
        self.timeouts = self._timer = 0
        self.streams.establish(self)

    def _take_acknowledgement(self, header: Header) -> None:
        new = header.acknowledged - self.acknowledged
        if new < 0:
            return
        if new == 0 and self.window == header.window and self.sent > self.acknowledged:
            self.repeated += 1
            if self.repeated == 3:
                self.streams.count["streams: sent again"] += 1
                self._send_at(self.acknowledged, self.acknowledged + LARGEST)
        self.window = header.window
        if new > 0:
            self.repeated = self.timeouts = self._timer = 0
            if new > len(self.buffer):
                self.end_acknowledged = self.closed
                new = len(self.buffer)
            del self.buffer[:new]
            self.acknowledged += new
            self.sent = max(self.sent, self.acknowledged)
        self._refill()
        self.send()
        if self.end_acknowledged and (self.ended or self.told_end):
            self.streams.drop(self)

    def _refill(self) -> None:
        if not self.rest or len(self.buffer) >= SEND_BUFFER:
            return
        room = SEND_BUFFER - len(self.buffer)
        self.buffer += self.rest[:room]
        del self.rest[:room]
        if not self.rest and not self.told_end:
            self.host.simulation.record(self.host, "writable", self.socket, True)
            self.host.endpoint.writable(self.host.simulation.now, self.socket, True)

    def _take_data(self, position: int, data: bytes, end: bool) -> None:
        if position > self.expected and len(self.early) < 2 * FLIGHT:
            self.early[position] = (data, end)
        elif position <= self.expected <= position + len(data) and not self.ended:
            self._append(data[self.expected - position :], end)
            while self.early and min(self.early) <= self.expected:
                at = min(self.early)
                later, last = self.early.pop(at)
                if at + len(later) >= self.expected and not self.ended:
                    self._append(later[self.expected - at :], last)
        self._put("data", b"", self.sent)
        self.read()

    def _append(self, data: bytes, end: bool) -> None:
        room = WINDOW - len(self.unread)
        taken = data[:room]
        self.unread += taken
        self.expected += len(taken)
        if end and len(taken) == len(data):
            self.ended = True
            self.expected += 1

    def read(self) -> None:
        """What has come goes to the endpoint, unless the host does not read."""
        if self.streams.reading and self.unread:
            data, self.unread = bytes(self.unread), bytearray()
            if len(data) > WINDOW - LARGEST:
                self._put("data", b"", self.sent)  # there is room again
            if not self.told_end:
                self.streams.give(self, data)
        if self.ended and not self.unread and not self.told_end:
            self.fail(0)

    # ------------------------------------------------------------------------------------------------------------- end

    def close(self) -> None:
        """By the endpoint."""
        self.told_end = True
        self.rest.clear()
        self.closed = True
        if not self.established:
            self.streams.drop(self)
        else:
            self.send()

    def fail(self, error: int) -> None:
        """It has ended, for the reason `error`; 0: the other side has closed it."""
        told, self.told_end = self.told_end, True
        if error:
            self.streams.drop(self)
        if not told:
            self.streams.tell_end(self, error)
        if not error:
            self.close()


class Streams:
    """The listeners and connections of one host."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.reading = True
        self.count = host.simulation.counters
        self.serial = itertools.count(1)
        self.wanted: set[int] = set()  # asked for, and not begun yet
        self.ended: set[int] = set()  # the endpoint was told that these have ended
        self.overtaken: set[int] = set()  # of them, those that it had closed itself, by a request not carried out yet
        self.listeners: dict[Address, int] = {}
        self.connections: dict[tuple[Address, Address], Stream] = {}

    def find(self, stream: Stream) -> Stream | None:
        found = self.connections.get((stream.local, stream.remote))
        return found if found is stream else None

    def drop(self, stream: Stream) -> None:
        if self.find(stream):
            del self.connections[stream.local, stream.remote]

    def by_socket(self, socket: int) -> Stream | None:
        return next((s for s in self.connections.values() if s.socket == socket and not s.told_end), None)

    # ------------------------------------------------------------------------------------------------------- for tests

    def kill(self) -> int:
        """Resets all connections, at this end and at the other; returns how many there were."""
        streams = [stream for stream in self.connections.values() if stream.established]
        for stream in streams:
            stream.reset()
            self.host.after(0, lambda stream=stream: stream.fail(RESET))  # type: ignore[misc]
        return len(streams)

    def pause(self, reading: bool) -> None:
        """Whether what arrives is read."""
        self.reading = reading
        for stream in list(self.connections.values()):
            self.host.after(0, stream.read)

    # ------------------------------------------------------------------------------------------------ from the network

    def deliver(self, packet: Packet, interface: Interface) -> None:
        """A segment has come; what follows is done in the host's step."""
        self.host.after(0, lambda: self._take(packet, interface))

    def _take(self, packet: Packet, interface: Interface) -> None:
        header = packet.tcp
        assert header is not None
        stream = self.connections.get((packet.target, packet.source))
        if stream is None and header.kind == "connect":
            listener = self.listeners.get(packet.target)
            if listener is not None:
                stream = self.connections[packet.target, packet.source] = Stream(self, packet.target, packet.source, interface)
                stream.listener = listener
        if stream is not None:
            stream.receive(header, packet.data)
        elif header.kind != "reset":
            interface.send(self.host.simulation.now, Packet(packet.target, packet.source, tcp=Header("reset")))

    # ------------------------------------------------------------------------------------------------ for the endpoint

    def _interface(self, ip: str) -> Interface | None:
        return next((interface for interface in self.host.interfaces if interface.ip == ip), None)

    def forgive_close(self, socket: int) -> bool:
        """Whether a socket that is not open may be asked to be closed: it was not begun, or has ended while the request was made."""
        forgiven = socket in self.wanted or socket in self.ended
        self.wanted.discard(socket)
        self.ended.discard(socket)
        self.overtaken.discard(socket)
        return forgiven

    def listen(self, now: int, request: sansio.Request) -> None:
        assert request.address is not None
        interface = self._interface(request.address[0])
        address = (request.address[0], request.address[1] or self.host.next_port())
        if interface is None or address in self.listeners:
            self.host.endpoint.reply(now, request.id, ErrorCode.INVALID_STATE, system_error=98)
            return
        self.listeners[address] = request.socket
        self.host.sockets[request.socket] = address
        if not self.host.endpoint.reply(now, request.id, address=address):
            self.close(request.socket)

    def connect(self, now: int, request: sansio.Request) -> None:
        assert request.remote is not None
        if request.socket not in self.wanted:
            return  # closed meanwhile: nothing is replied
        self.wanted.discard(request.socket)
        family = ":" in request.remote[0]
        own = next((i for i in self.host.interfaces if (":" in i.ip) == family), None)
        interface = self._interface(request.address[0]) if request.address else own
        if interface is None:
            self.host.endpoint.reply(now, request.id, ErrorCode.INVALID_STATE, system_error=99)
            return
        local = (interface.ip, self.host.next_port())
        stream = self.connections[local, request.remote] = Stream(self, local, request.remote, interface)
        stream.socket = request.socket
        stream.request = request.id
        self.host.sockets[request.socket] = local
        stream.connect()

    def establish(self, stream: Stream) -> None:
        now, endpoint = self.host.simulation.now, self.host.endpoint
        self.count["streams: established"] += 1
        if stream.listener:
            self.host.simulation.record(self.host, "accepted", stream.listener, stream.local, stream.remote)
            known = stream.listener in self.host.sockets
            stream.socket = endpoint.accepted(now, stream.listener, stream.local, stream.remote) or 0 if known else 0
            if not stream.socket:
                self.count["streams: not taken"] += 1
                stream.reset()
                self.drop(stream)
                return
            self.host.sockets[stream.socket] = stream.local
        elif not endpoint.reply(now, stream.request, address=stream.local):
            self.close(stream.socket)
        self.host.touch()

    def give(self, stream: Stream, data: bytes) -> None:
        self.host.simulation.record(self.host, "receive", stream.socket, stream.remote, 0, data)
        self.host.received += 1
        datagram = Datagram(stream.socket, Protocol.TCP, local=stream.local, remote=stream.remote, data=data,
                            time=self.host.simulation.now)
        code = self.host.endpoint.receive(self.host.simulation.now, datagram)
        if not -100 < code <= 0:
            raise InvariantError(f"receive returned {code}: bytes of a stream may lead to a transient code at most")
        self.host.touch()

    def tell_end(self, stream: Stream, error: int) -> None:
        now = self.host.simulation.now
        self.count["streams: ended"] += 1
        if not stream.socket:
            return
        self.host.sockets.pop(stream.socket, None)
        self.ended.add(stream.socket)
        if not stream.established:
            code = ErrorCode.TIMEOUT if error == TIMED_OUT else ErrorCode.INVALID_STATE
            self.host.endpoint.reply(now, stream.request, code, system_error=error)
        else:
            self.host.simulation.record(self.host, "socket_closed", stream.socket, error)
            try:
                self.host.endpoint.socket_closed(now, stream.socket, error)
            except PrtcError as failure:  # the endpoint has just closed it: the request must be waiting
                if failure.code != ErrorCode.NOT_FOUND:
                    raise
                self.overtaken.add(stream.socket)
        self.host.touch()

    def send(self, datagram: Datagram) -> None:
        stream = self.by_socket(datagram.socket)
        if stream is None or not stream.established:
            raise InvariantError(f"bytes for connection {datagram.socket}, which does not stand")
        if datagram.remote != stream.remote or datagram.segment_size:
            raise InvariantError(f"bytes of a stream to {datagram.remote} with segments of {datagram.segment_size}")
        stream.write(bytes(datagram.data))

    def close(self, socket: int) -> None:
        self.host.sockets.pop(socket, None)
        for address in [address for address, listener in self.listeners.items() if listener == socket]:
            del self.listeners[address]
        stream = self.by_socket(socket)
        if stream is not None:
            stream.close()

    def has(self, socket: int) -> bool:
        return socket in self.listeners.values() or self.by_socket(socket) is not None

    def forget(self) -> None:
        """The machine has lost its power."""
        for socket in [*self.listeners.values(), *(stream.socket for stream in self.connections.values())]:
            self.host.sockets.pop(socket, None)
        self.listeners.clear()
        self.connections.clear()


__all__ = ["Header", "Stream", "Streams"]
