"""The engine without I/O: bytes and time in; bytes, deadlines and events out.

SPDX-License-Identifier: BSD-3-Clause

An :class:`Endpoint` holds any number of peers and has no socket, clock or thread. Whoever drives it (a driver, a simulator, a
test) tells it what arrived and what time it is, and asks what to do::

    endpoint = Endpoint(now=0)
    peer = endpoint.create_peer(now, use_loopback=True)
    while True:
        while (datagram := endpoint.transmit(now)) is not None: send(datagram)
        while events := endpoint.events(): handle(events)       # may command peers
        for request in endpoint.requests(): carry_out(request)  # then: endpoint.reply(now, request.id, ...)
        # wait for a datagram, a reply, or until endpoint.deadline()
        endpoint.receive(now, datagrams)
        endpoint.timeout(now)

Time is an ``int`` in microseconds of any monotonic clock. An address is ``(host, port)``, the host as text (IPv6 with
``%scope`` where it is link-local). Peers are named by ids, never by pointers, so objects may be collected in any order: what is
used after its peer or endpoint was freed raises :class:`~polyrtc.errors.PrtcError`. An endpoint is used by one thread at a
time; a second thread that enters it gets a ``RuntimeError``. Two endpoints in two threads share nothing.
"""

from __future__ import annotations

import enum
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from . import native
from .errors import EXCEPTIONS, ErrorCode, PrtcError

__all__ = [
    "Address", "ChannelInfo", "ChannelState", "Datagram", "Description", "DescriptionKind", "Endpoint", "ErrorCode",
    "Event", "EventType", "IceServer", "Interface", "MessageFlag", "MessageKind", "NetworkType", "NO_LIMIT", "Output",
    "Peer", "Protocol", "PrtcError", "Replay", "Request", "RequestType", "States", "Stats", "Step",
]

Address = tuple[str, int]
Buffer = bytes | bytearray | memoryview
_T = TypeVar("_T")


class EventType(enum.IntEnum):
    """``prtc_event_type``: what an :class:`Event` tells, and which members it sets."""

    ENDPOINT_FAILED = 1
    NEGOTIATION_NEEDED = 2
    SIGNALING_STATE_CHANGE = 3
    ICE_GATHERING_STATE_CHANGE = 4
    ICE_CONNECTION_STATE_CHANGE = 5
    CONNECTION_STATE_CHANGE = 6
    ICE_CANDIDATE = 7  #: text, mid, index, ufrag; text "" ends a generation, None ends gathering
    ICE_CANDIDATE_ERROR = 8  #: text (the server's URL and why), code (a STUN error code, or 701)
    FAILED = 9  #: code, text
    ICE_TRANSPORT_STATE_CHANGE = 10
    ICE_SELECTED_PAIR_CHANGE = 11  #: text "local remote"
    DTLS_TRANSPORT_STATE_CHANGE = 12
    SCTP_TRANSPORT_STATE_CHANGE = 13
    DATA_CHANNEL = 14  #: object: the id of a channel that the other side opened
    CHANNEL_OPEN = 15
    CHANNEL_MESSAGE = 16  #: data, kind, flags: a MessageFlag; on a streaming channel it is a part of a message
    CHANNEL_BUFFERED_AMOUNT_LOW = 17
    CHANNEL_CLOSING = 18
    CHANNEL_ERROR = 19  #: code, text
    CHANNEL_CLOSED = 20
    TRANSPORT_DATA = 21


class RequestType(enum.IntEnum):
    """``prtc_request_type``: what the core asks of its driver."""

    INTERFACES = 1  #: reply: interfaces
    OPEN_UDP = 2  #: socket, address to bind, interface_index. Reply: address, as bound
    CONNECT_TCP = 3  #: socket, address to bind (or ``None``), remote, interface_index. Reply: address, once connected
    LISTEN_TCP = 4  #: socket, address, interface_index. Reply: address; then :meth:`Endpoint.accepted` for each connection
    CLOSE = 5  #: socket. No reply
    JOIN_MULTICAST = 6
    RESOLVE = 7  #: name. Reply: addresses
    TRUST_ANCHORS = 8  #: those of the system, for ``turns:`` servers. Reply: data, PEM of certificates


class Output(enum.IntEnum):
    """``prtc_output``: files that an endpoint can make, see :meth:`Endpoint.output`."""

    KEY_LOG = 0
    CAPTURE = 1
    RECORDING = 2


class Protocol(enum.IntEnum):
    UDP = 0
    TCP = 1


class NetworkType(enum.IntEnum):
    UNKNOWN = 0
    LOOPBACK = 1
    ETHERNET = 2
    WIFI = 3
    CELLULAR = 4
    VPN = 5


class MessageKind(enum.IntEnum):
    TEXT = 0
    BINARY = 1


class MessageFlag(enum.IntFlag):
    """``PRTC_MESSAGE_…``: whether the bytes of a CHANNEL_MESSAGE are the first of a message, the last, or both."""

    BEGIN = 1
    END = 2
    ABANDONED = 4  #: alone, and without bytes: the rest of the message will not come


class ChannelState(enum.IntEnum):
    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class DescriptionKind(enum.IntEnum):
    """Which description of a peer: the first two are pending where there is one, else current."""

    LOCAL = 0
    REMOTE = 1
    CURRENT_LOCAL = 2
    CURRENT_REMOTE = 3
    PENDING_LOCAL = 4
    PENDING_REMOTE = 5


#: The W3C texts of the numbers in ``Event.state``.
SIGNALING_STATES = ("stable", "have-local-offer", "have-remote-offer", "have-local-pranswer", "have-remote-pranswer", "closed")
ICE_GATHERING_STATES = ("new", "gathering", "complete")
ICE_CONNECTION_STATES = ("new", "checking", "connected", "completed", "disconnected", "failed", "closed")
CONNECTION_STATES = ("new", "connecting", "connected", "disconnected", "failed", "closed")
ICE_TRANSPORT_STATES = ("new", "checking", "connected", "completed", "disconnected", "failed", "closed")
DTLS_TRANSPORT_STATES = ("new", "connecting", "connected", "closed", "failed")
SCTP_TRANSPORT_STATES = ("connecting", "connected", "closed")
CHANNEL_STATES = ("connecting", "open", "closing", "closed")
ICE_ROLES = ("unknown", "controlling", "controlled")
ICE_TRANSPORT_POLICIES = ("all", "relay")
TCP_CANDIDATES = ("active", "none", "all")
SDP_TYPES = ("", "offer", "pranswer", "answer", "rollback")

#: For a max_message_size: none is announced, for messages that are streamed.
NO_LIMIT = 2**32 - 1
_NO_LIMIT = NO_LIMIT

_STATES_OF_EVENT = {
    EventType.SIGNALING_STATE_CHANGE: SIGNALING_STATES,
    EventType.ICE_GATHERING_STATE_CHANGE: ICE_GATHERING_STATES,
    EventType.ICE_CONNECTION_STATE_CHANGE: ICE_CONNECTION_STATES,
    EventType.CONNECTION_STATE_CHANGE: CONNECTION_STATES,
    EventType.ICE_TRANSPORT_STATE_CHANGE: ICE_TRANSPORT_STATES,
    EventType.DTLS_TRANSPORT_STATE_CHANGE: DTLS_TRANSPORT_STATES,
    EventType.SCTP_TRANSPORT_STATE_CHANGE: SCTP_TRANSPORT_STATES,
}


class Datagram:
    """One datagram, or with ``segment_size`` a train of them in one buffer (all of that size but the last)."""

    __slots__ = ("socket", "protocol", "interface_index", "local", "remote", "data", "segment_size", "ecn", "time", "fragmentation")

    def __init__(
        self,
        socket: int,
        protocol: int = Protocol.UDP,
        interface_index: int = 0,
        local: Address | None = None,
        remote: Address | None = None,
        data: Buffer = b"",
        segment_size: int = 0,
        ecn: int = 0,
        time: int = 0,
        fragmentation: int = 0,
    ) -> None:
        self.socket = socket
        self.protocol = protocol
        self.interface_index = interface_index
        self.local = local
        self.remote = remote
        self.data = data
        self.segment_size = segment_size
        self.ecn = ecn
        self.time = time
        self.fragmentation = fragmentation  #: of what is sent: 0 as the system has it, 1 never

    def segments(self) -> list[Buffer]:
        """The datagrams of a train, one by one; of a single one, itself."""
        if not self.segment_size:
            return [self.data]
        return [self.data[i : i + self.segment_size] for i in range(0, len(self.data), self.segment_size)]


class Event:
    """What the application should know. Members that the type does not name are 0, or ``None`` for text, mid, ufrag, data."""

    __slots__ = ("type", "code", "peer", "object", "state", "kind", "flags", "index", "data", "text", "mid", "ufrag")

    def __init__(
        self,
        type: int,
        code: int,
        peer: int,
        object: int,
        state: int,
        kind: int,
        flags: int,
        index: int,
        data: bytes | None,
        text: str | None,
        mid: str | None,
        ufrag: str | None,
    ) -> None:
        self.type = type  #: an EventType
        self.code = code
        self.peer = peer  #: Peer.id; 0 for the endpoint
        self.object = object  #: channel or transport
        self.state = state  #: the new state; state_name is its W3C text
        self.kind = kind  #: a MessageKind
        self.flags = flags
        self.index = index  #: sdpMLineIndex
        self.data = data
        self.text = text
        self.mid = mid
        self.ufrag = ufrag

    @property
    def state_name(self) -> str:
        """W3C text of ``state``; "" where the type has no state."""
        names = _STATES_OF_EVENT.get(self.type)  # type: ignore[call-overload]
        return names[self.state] if names else ""


class Request(NamedTuple):
    """What the core asks of the driver; answered with :meth:`Endpoint.reply`."""

    type: int  #: a RequestType
    id: int
    socket: int
    address: Address | None
    remote: Address | None
    interface_index: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Interface:
    """One address of one local interface, for the reply to ``RequestType.INTERFACES``."""

    host: str
    index: int = 0
    network_type: int = NetworkType.UNKNOWN
    temporary: bool = False
    name: str = ""


class IceServer(NamedTuple):
    url: str
    username: str | None = None
    credential: str | None = None


class Description(NamedTuple):
    type: str  #: "offer", "answer", ...
    sdp: str


class States(NamedTuple):
    """The W3C states as last reported by an event."""

    signaling: str
    ice_gathering: str
    ice_connection: str
    connection: str
    sctp_transport: str | None  #: None: there is no SCTP transport
    can_trickle: bool | None
    max_message_size: int | None  #: what the other side accepts; None: no limit
    max_channels: int | None  #: None: not known yet
    ice_role: str  #: as it is now: no event tells of it


class ChannelInfo(NamedTuple):
    label: str
    protocol: str
    ordered: bool
    max_retransmits: int | None
    max_packet_life_time: int | None
    negotiated: bool
    stream_id: int | None  #: None: not known yet
    priority: int
    state: str
    buffered_amount: int
    buffered_amount_low_threshold: int
    messages_sent: int
    bytes_sent: int
    messages_received: int
    bytes_received: int


class Stats(NamedTuple):
    datagrams_received: int
    datagrams_sent: int
    bytes_received: int
    bytes_sent: int
    datagrams_dropped: int
    peers: int
    datagrams_unknown: int  #: of those dropped: no peer was found for them


_FATAL = -200


def error(code: int, message: str = "") -> PrtcError:
    """The exception that belongs to a negative code."""
    return EXCEPTIONS[native.error_class(code)](code, native.error_name(code), message or native.error_text(code))


def check(code: int) -> int:
    """Returns what is not an error, raises what is."""
    if code < 0:
        raise error(code)
    return code


def _index(names: tuple[str, ...], name: str) -> int:
    """The number of a W3C text; raises ValueError for another."""
    if name not in names or not name:
        raise error(ErrorCode.INVALID_ARGUMENT, f"{name!r} is none of {', '.join(filter(None, names))}")
    return names.index(name)


#: One UDP port for all peers of an endpoint, whatever its number
ANY_PORT = 65536


def check_port(udp_port: int) -> None:
    """Raises ValueError for what is no choice of ``udp_port``."""
    if not 0 <= udp_port <= ANY_PORT:
        raise error(ErrorCode.INVALID_ARGUMENT, f"{udp_port} is no UDP port")


class Endpoint:
    """Many peers that share a clock, sockets and randomness.

    ``seed``: 32 bytes; ``None`` takes them from the system. A fixed seed is for tests and replays alone: it repeats keys.
    ``wall_clock``: seconds since 1970 at ``now``; 0 when unknown. ``log_level``: 0 none to 5 everything, see :meth:`log`.
    ``key_log``, ``capture_size`` and ``recording_size`` (bytes that may wait): see :meth:`output`.
    ``udp_port``: the port of all peers, which then share one socket for each local address; :data:`ANY_PORT`: the system chooses it;
    0: each peer has its own. (Two peers of one such endpoint do not connect with each other.)
    """

    __slots__ = ("_native", "__weakref__")

    def __init__(
        self,
        seed: bytes | None = None,
        now: int = 0,
        wall_clock: int = 0,
        log_level: int = 0,
        *,
        key_log: bool = False,
        capture_size: int = 0,
        recording_size: int = 0,
        udp_port: int = 0,
    ) -> None:
        check_port(udp_port)
        seed = os.urandom(32) if seed is None else seed
        self._native = native.Endpoint(
            seed, now, wall_clock, log_level, key_log, capture_size, recording_size, udp_port
        )

    @classmethod
    def _of(cls, handle: native.Endpoint) -> Endpoint:
        """Around a handle of the native module, for the driver."""
        endpoint = cls.__new__(cls)
        endpoint._native = handle
        return endpoint

    def free(self) -> None:
        """Frees it with all its peers, at once and silently. Later calls raise. Twice is harmless."""
        self._native.close()

    # ---------------------------------------------------------------------------------------------------- the five verbs

    def receive(self, now: int, datagrams: Datagram | Iterable[Datagram]) -> int:
        """Takes what arrived. Returns 0, or the (negative, transient) code of the last datagram that was dropped."""
        if isinstance(datagrams, Datagram):
            datagrams = (datagrams,)
        rows = [
            (d.socket, d.protocol, d.interface_index, d.local, d.remote, d.data, d.segment_size, d.ecn, d.time) for d in datagrams
        ]
        code = self._native.receive_many(now, rows)
        if code < 0 and (code <= _FATAL or code == ErrorCode.INVALID_ARGUMENT):
            raise error(code)
        return code

    def transmit(self, now: int) -> Datagram | None:
        """The next datagram or train to send, ``None`` when there is none."""
        row = self._native.transmit(now)
        if row is None:
            self._check_code()
            return None
        return Datagram(*row)

    def transmit_all(self, now: int) -> list[Datagram]:
        """All that there is to send now: the same as :meth:`transmit` until ``None``."""
        transmit = self._native.transmit
        datagrams = []
        while (row := transmit(now)) is not None:
            datagrams.append(Datagram(*row))
        self._check_code()
        return datagrams

    def deadline(self) -> int | None:
        """When :meth:`timeout` must be called at the latest; ``None``: nothing waits for time."""
        deadline = self._native.deadline()
        return None if deadline < 0 else deadline

    def timeout(self, now: int) -> None:
        """Time has passed. Legal at any time, useful from the deadline on."""
        check(self._native.timeout(now))

    def events(self) -> list[Event]:
        """What happened, in order; call again until it is empty. A closed channel can be asked about until the next call."""
        event = self._native.event
        return [Event(*event(index)) for index in range(check(self._native.fetch()))]

    # ----------------------------------------------------------------------------------------------- requests, for a driver

    def requests(self) -> list[Request]:
        """What the core asks of its driver, in order; each is answered once with :meth:`reply` (CLOSE is not)."""
        requests = []
        while (row := self._native.request()) is not None:
            requests.append(Request(*row))
        self._check_code()
        return requests

    def reply(
        self,
        now: int,
        request_id: int,
        code: int = 0,
        *,
        address: Address | None = None,
        interfaces: Sequence[Interface] = (),
        addresses: Sequence[Address] = (),
        data: bytes = b"",
        system_error: int = 0,
    ) -> bool:
        """Answers a request. ``False``: it is no longer of interest; close what was opened for it."""
        try:
            for interface in interfaces:
                check(
                    self._native.add_interface(
                        (interface.host, 0), interface.index, interface.network_type, interface.temporary, interface.name
                    )
                )
            for resolved in addresses:
                check(self._native.add_address(resolved))
            if data:
                check(self._native.add_data(data))
            result = self._native.reply(now, request_id, code, system_error, address)
        except BaseException:
            self._native.forget_arguments()
            raise
        return result != ErrorCode.NOT_FOUND and check(result) >= 0

    def accepted(self, now: int, listener: int, local: Address, remote: Address) -> int | None:
        """A listening socket has a new connection. The id under which its bytes are to be received, in chunks of any size;
        ``None``: close it."""
        connection = self._native.accepted(now, listener, local, remote)
        if connection == 0 and (code := self._native.code()) <= _FATAL:
            raise error(code)
        return connection or None

    def writable(self, now: int, connection: int, writable: bool) -> None:
        """Whether a connection takes more. ``False`` is said when what :meth:`transmit` gave could not be passed on at once (it is to be
        kept); nothing is given for that connection then until ``True``."""
        check(self._native.writable(now, connection, int(writable)))

    def socket_closed(self, now: int, socket: int, system_error: int = 0) -> None:
        """A socket has failed, or a TCP connection was closed by the other side."""
        check(self._native.socket_closed(now, socket, system_error))

    def unreachable(self, now: int, socket: int, remote: Address, system_error: int = 0) -> None:
        """A hint: sending to ``remote`` failed with an error that ICMP brought."""
        check(self._native.unreachable(now, socket, remote, system_error))

    def interfaces_changed(self, now: int) -> None:
        """Interfaces came or went: the core asks for them again where that matters."""
        check(self._native.interfaces_changed(now))

    # ------------------------------------------------------------------------------------------------------- peers, insight

    def create_peer(
        self,
        now: int,
        *,
        ice_servers: Sequence[IceServer | str] = (),
        ice_transport_policy: str = "all",
        use_loopback: bool = False,
        max_message_size: int = 0,
        send_queue_size: int = 0,
        mtu: int = 0,
        certificates: Sequence[str] = (),
        streaming_channels: bool = False,
        ice_candidate_pool_size: int = 0,
        ice_lite: bool = False,
        ice_pacing: int = 0,
        renomination: bool = True,
        port_range: tuple[int, int] | None = None,
        interface_filter: str = "",
        address_filter: str = "",
        address_mappings: str = "",
        hide_addresses: bool = False,
        always_negotiate_data: bool = False,
        tcp_candidates: str = "active",
        **others: int | str,
    ) -> Peer:
        """A new peer connection. 0 means the core's default for max_message_size, send_queue_size and mtu. max_message_size may be
        NO_LIMIT. certificates: PEM of a certificate and its key; none: the endpoint's own. streaming_channels: see
        :meth:`Peer.set_channel_streaming`, for all channels that the other side opens. The others are members of ``prtc_peer_config``
        (polyrtc/peer.h), with its texts: ``ice_pacing`` in milliseconds, ``port_range`` with both ends, ``interface_filter`` like
        ``"eth0 wlan*"`` or ``"!docker*"``, ``address_filter`` like ``"10.0.0.0/8"``, ``address_mappings`` like
        ``"10.0.0.2=203.0.113.2"``, ``tcp_candidates`` ``"active"`` (connections are made), ``"none"``, or ``"all"`` (and accepted). ``others``:
        members by the names that they have there, such as ``trust_anchors``."""
        policy = _index(ICE_TRANSPORT_POLICIES, ice_transport_policy)
        try:
            lowest, highest = port_range or (0, 0)
            self._add_arguments(
                ice_servers,
                certificates,
                {
                    "streaming_channels": streaming_channels,
                    "ice_candidate_pool_size": ice_candidate_pool_size,
                    "ice_lite": ice_lite,
                    "ice_pacing": ice_pacing,
                    "no_renomination": not renomination,
                    "port_minimum": lowest,
                    "port_maximum": highest,
                    "interface_filter": interface_filter,
                    "address_filter": address_filter,
                    "address_mappings": address_mappings,
                    "hide_addresses": hide_addresses,
                    "always_negotiate_data": always_negotiate_data,
                    "tcp_candidates": tcp_candidates,
                    **others,
                },
            )
            peer = self._native.create_peer(now, policy, use_loopback, max_message_size, send_queue_size, mtu)
        except BaseException:
            self._native.forget_arguments()  # the next peer is not to have them
            raise
        if not peer:
            raise error(self._native.code(), self._native.peer_message(0))
        return Peer(self, peer)

    def _add_arguments(
        self, servers: Sequence[IceServer | str], certificates: Sequence[str], options: Mapping[str, int | str]
    ) -> None:
        """For the configuration that is given next."""
        for server in servers:
            if isinstance(server, str):
                server = IceServer(server)
            check(self._native.add_ice_server(server.url, server.username or "", server.credential or ""))
        for certificate in certificates:
            check(self._native.add_certificate(certificate))
        for name, value in options.items():
            if name == "tcp_candidates" and isinstance(value, str):
                value = _index(TCP_CANDIDATES, value)
            if value:
                check(self._native.add_option(name, value if isinstance(value, str) else str(int(value))))

    def peer(self, peer_id: int) -> Peer:
        """A handle for the id in ``Event.peer`` (no check that it still lives)."""
        return Peer(self, peer_id)

    def log(self) -> list[str]:
        """The log lines since the last call, oldest first (the core keeps the newest 256)."""
        lines = []
        while (line := self._native.log()) is not None:
            lines.append(line)
        return lines

    def set_log_level(self, level: int, layer: str = "") -> None:
        """Which lines are kept from now on: of one layer ("ice", "dtls"...), or of all of them."""
        check(self._native.set_log_level(layer, level))

    def output(self, which: int) -> bytes:
        """What there is more of a file (an :class:`Output`) that is written since the endpoint was made: TLS keys, a pcapng of the
        decrypted traffic, a recording for :class:`Replay`. Empty when there is no more, or it was not asked for."""
        parts = []
        while (part := self._native.output(which)) is not None:
            parts.append(part)
        self._check_code()
        return b"".join(parts)

    def stats(self) -> Stats:
        row = self._native.stats()
        if row is None:
            raise error(self._native.code())
        return Stats(*row)

    def _check_code(self) -> None:
        """After ``None`` from the native module: was it an error?"""
        code = self._native.code()
        if code < 0:
            raise error(code)


class Peer:
    """A handle on one peer connection of an endpoint: its commands under the W3C's names.

    None of them sends by itself: call ``transmit`` (or a driver's ``flush``) afterwards. After the peer was freed, or its
    endpoint, each raises with code ``NOT_FOUND`` or ``CLOSED``.
    """

    __slots__ = ("endpoint", "id")

    def __init__(self, endpoint: Endpoint, id: int) -> None:
        self.endpoint = endpoint
        self.id = id

    def set_configuration(
        self,
        now: int,
        *,
        ice_servers: Sequence[IceServer | str] = (),
        ice_transport_policy: str = "all",
        certificates: Sequence[str] = (),
        **others: int | str,
    ) -> None:
        """Other servers, another policy: those of the next gathering, for which the next offer restarts ICE. certificates: none, or the
        same as before. Others are members of ``prtc_peer_config``; those that are not given or 0 stay, and once there is a transport
        none may change: INVALID_MODIFICATION."""
        native, policy = self.endpoint._native, _index(ICE_TRANSPORT_POLICIES, ice_transport_policy)
        try:
            self.endpoint._add_arguments(ice_servers, certificates, others)
            code = native.set_configuration(self.id, now, policy)
        except BaseException:
            native.forget_arguments()
            raise
        self._check(code)

    def create_offer(self, now: int, *, ice_restart: bool = False) -> str:
        return self._value(self.endpoint._native.create_offer(self.id, now, ice_restart))

    def create_answer(self, now: int) -> str:
        return self._value(self.endpoint._native.create_answer(self.id, now))

    def set_local_description(self, now: int, type: str, sdp: str | None = None) -> None:
        """type: "offer", "answer", "pranswer" or "rollback"; sdp ``None``: the implicit description of the W3C."""
        self._check(self.endpoint._native.set_local_description(self.id, now, _index(SDP_TYPES, type), sdp or ""))

    def set_remote_description(self, now: int, type: str, sdp: str) -> None:
        self._check(self.endpoint._native.set_remote_description(self.id, now, _index(SDP_TYPES, type), sdp))

    def add_ice_candidate(
        self, now: int, candidate: str, mid: str | None = None, index: int | None = None, ufrag: str | None = None
    ) -> None:
        """candidate: "candidate:…", or "" for the end of candidates."""
        line = -1 if index is None else index
        self._check(self.endpoint._native.add_ice_candidate(self.id, now, candidate, mid or "", line, ufrag or ""))

    def restart_ice(self, now: int) -> None:
        self._check(self.endpoint._native.restart_ice(self.id, now))

    # The transports one by one, without descriptions (polyrtc/transport.h). Parameters are dicts as JSON has them.

    def gather(self, now: int) -> None:
        self._check(self.endpoint._native.gather(self.id, now))

    def parameters(self) -> dict[str, Any]:
        """This side's: iceParameters, iceCandidates and iceCandidatesComplete, dtlsParameters, sctpParameters."""
        parameters: dict[str, Any] = json.loads(self._value(self.endpoint._native.parameters(self.id)))
        return parameters

    def start_ice(self, now: int, parameters: Mapping[str, Any], controlling: bool) -> None:
        """With the other side's iceParameters, and its iceCandidates where there are any."""
        self._check(self.endpoint._native.start_ice(self.id, now, json.dumps(parameters), int(controlling)))

    def add_candidates(self, now: int, parameters: Mapping[str, Any]) -> None:
        """iceCandidates and iceCandidatesComplete."""
        self._check(self.endpoint._native.add_candidates(self.id, now, json.dumps(parameters)))

    def set_certificate(self, now: int, pem: str) -> None:
        """Another certificate than that of the configuration, with its private key; before :meth:`start_dtls`."""
        self._check(self.endpoint._native.set_certificate(self.id, now, pem))

    def start_dtls(self, now: int, parameters: Mapping[str, Any]) -> None:
        """With the other side's dtlsParameters."""
        self._check(self.endpoint._native.start_dtls(self.id, now, json.dumps(parameters)))

    def start_sctp(self, now: int, parameters: Mapping[str, Any]) -> None:
        """With the other side's sctpParameters."""
        self._check(self.endpoint._native.start_sctp(self.id, now, json.dumps(parameters)))

    def send_raw(self, now: int, data: Buffer) -> None:
        """A datagram over ICE, or a record over DTLS: the stage that was started last. Those of the other side come as TRANSPORT_DATA."""
        self._check(self.endpoint._native.send_raw(self.id, now, data))

    def description(self, which: int = DescriptionKind.LOCAL) -> Description | None:
        sdp = self.endpoint._native.description(self.id, which)
        if sdp is None:
            self._check(self.endpoint._native.code())
            return None
        return Description(SDP_TYPES[self.endpoint._native.description_type()], sdp)

    def states(self) -> States:
        row = self._value(self.endpoint._native.states(self.id))
        signaling, ice_gathering, ice_connection, connection, sctp, has_sctp, can_trickle, max_message_size, *rest = row
        max_channels, ice_role = rest
        return States(
            SIGNALING_STATES[signaling],
            ICE_GATHERING_STATES[ice_gathering],
            ICE_CONNECTION_STATES[ice_connection],
            CONNECTION_STATES[connection],
            SCTP_TRANSPORT_STATES[sctp] if has_sctp else None,
            (False, True, None)[can_trickle],
            None if max_message_size == _NO_LIMIT else max_message_size,
            max_channels or None,
            ICE_ROLES[ice_role],
        )

    def close(self, now: int) -> None:
        """Says goodbye with the next ``transmit``; ends in CONNECTION_STATE_CHANGE "closed"."""
        self._check(self.endpoint._native.close_peer(self.id, now))

    def free(self) -> None:
        """Frees the peer at once and silently; its pending events are dropped. Twice is harmless."""
        self.endpoint._native.free_peer(self.id)

    # ----------------------------------------------------------------------------------------------------- data channels

    def create_data_channel(
        self,
        now: int,
        label: str = "",
        *,
        protocol: str = "",
        ordered: bool = True,
        max_retransmits: int | None = None,
        max_packet_life_time: int | None = None,
        negotiated: bool = False,
        stream_id: int | None = None,
        priority: int = 0,
        streaming: bool = False,
    ) -> int:
        """Returns the channel's id, under which events and the methods below name it (not its SCTP stream)."""
        for name, value in (
            ("max_retransmits", max_retransmits),
            ("max_packet_life_time", max_packet_life_time),
            ("stream_id", stream_id),
        ):
            if value is not None and value < 0:
                raise error(ErrorCode.INVALID_ARGUMENT, f"{name} is negative")
        channel = self.endpoint._native.create_data_channel(
            self.id,
            now,
            label,
            protocol,
            ordered,
            -1 if max_retransmits is None else max_retransmits,
            -1 if max_packet_life_time is None else max_packet_life_time,
            negotiated,
            -1 if stream_id is None else stream_id,
            priority,
        )
        if not channel:
            self._check(self.endpoint._native.code())
        elif streaming:
            self.set_channel_streaming(channel)
        return channel

    def send(self, now: int, channel: int, data: str | Buffer) -> None:
        """Queues a whole message: text for ``str``, binary for bytes. Raises QUEUE_FULL at the bound; nothing is queued then."""
        if isinstance(data, str):
            self._check(self.endpoint._native.send_text(self.id, now, channel, data))
        else:
            self._check(self.endpoint._native.send_bytes(self.id, now, channel, data))

    def send_part(self, now: int, channel: int, data: str | Buffer, flags: int = 0) -> bool:
        """Queues a part of a message, at most 1 MiB. It begins a message where none is begun; with MessageFlag.END it ends it;
        MessageFlag.ABANDONED, without bytes, gives it up. ``False``: the channel has enough to send, nothing was queued; wait for
        CHANNEL_BUFFERED_AMOUNT_LOW."""
        if isinstance(data, str):
            code = self.endpoint._native.send_text_part(self.id, now, channel, data, flags)
        else:
            code = self.endpoint._native.send_bytes_part(self.id, now, channel, data, flags)
        if code != ErrorCode.AGAIN:
            self._check(code)
        return code != ErrorCode.AGAIN

    def set_channel_streaming(self, channel: int, streaming: bool = True) -> None:
        """Messages that begin to arrive from now on are given in parts, as large as they may be."""
        self._check(self.endpoint._native.set_streaming(self.id, channel, streaming))

    def pause_messages(self, paused: bool) -> None:
        """``True``: no messages are taken, so that the other side has to stop; until ``False``."""
        self._check(self.endpoint._native.pause_messages(self.id, paused))

    def close_channel(self, now: int, channel: int) -> None:
        self._check(self.endpoint._native.close_channel(self.id, now, channel))

    def set_buffered_amount_low_threshold(self, channel: int, threshold: int) -> None:
        self._check(self.endpoint._native.set_threshold(self.id, channel, threshold))

    def channel_info(self, channel: int) -> ChannelInfo:
        row = self._value(self.endpoint._native.channel_info(self.id, channel))
        label, protocol, unordered, has_retransmits, retransmits, has_life_time, life_time, negotiated, stream_id, *rest = row
        priority, state, *counters = rest
        return ChannelInfo(
            label,
            protocol,
            not unordered,
            retransmits if has_retransmits else None,
            life_time if has_life_time else None,
            bool(negotiated),
            None if stream_id == _NO_LIMIT else stream_id,
            priority,
            CHANNEL_STATES[state],
            *counters,
        )

    # --------------------------------------------------------------------------------------------------------- transports

    def stats(self, now: int) -> list[dict[str, Any]]:
        """W3C webrtc-stats: the objects that there are, each with type, id, timestamp (milliseconds) and the standard's members."""
        stats: list[dict[str, Any]] = json.loads(self._value(self.endpoint._native.peer_stats(self.id, now)))
        return stats

    def fingerprint(self) -> str:
        """ "sha-256 AB:CD:…" of this peer's certificate."""
        return self._value(self.endpoint._native.fingerprint(self.id))

    def remote_certificate(self) -> bytes | None:
        """The other side's certificate, X.509 in DER; ``None`` before the DTLS transport was connected."""
        der = self.endpoint._native.remote_certificate(self.id)
        if der is None:
            self._check(self.endpoint._native.code())
        return der

    def selected_pair(self) -> tuple[Address, Address] | None:
        """(local, remote) of the selected pair, ``None`` before there is one."""
        local = self.endpoint._native.selected_local(self.id)
        if local is None:
            self._check(self.endpoint._native.code())
            return None
        return local, self.endpoint._native.selected_remote()

    # -------------------------------------------------------------------------------------------------------------- errors

    def _check(self, code: int) -> None:
        if code < 0:
            raise error(code, self.endpoint._native.peer_message(self.id))

    def _value(self, value: _T | None) -> _T:
        """What the native module returned; ``None`` was an error."""
        if value is None:
            raise error(self.endpoint._native.code(), self.endpoint._native.peer_message(self.id))
        return value


class Step(NamedTuple):
    """One call of a recording, made again by :class:`Replay`."""

    number: int  #: from 1
    time: int  #: microseconds, of the endpoint's clock
    call: str  #: the function of the C API without "prtc_", for instance "peer_send"
    code: int  #: what it returned
    size: int  #: bytes that were received, sent or transmitted
    events: list[Event]


class Replay:
    """Runs a recording again, call by call: an iterator of :class:`Step`.

    ValueError when it is no recording. When a step comes out otherwise than it was recorded, the iteration ends with a PrtcError
    of code UNEXPECTED, and when the file is damaged of code MALFORMED. ``message`` says after the end when the recording was not
    whole. ``endpoint`` is the one that lives again, for its log and its outputs.
    """

    def __init__(self, recording: Buffer, log_level: int = 0, *, key_log: bool = False, capture_size: int = 0) -> None:
        self._native = native.new_replay(recording, log_level, key_log, capture_size)
        self.endpoint = Endpoint._of(self._native)

    def __iter__(self) -> Replay:
        return self

    def __next__(self) -> Step:
        code = self._native.replay_next()
        if code < 0:
            raise error(code, self._native.replay_message())
        if code == 0:
            raise StopIteration
        native = self._native
        events = [Event(*native.event(index)) for index in range(native.replay_events())]
        return Step(
            native.replay_number(),
            native.replay_time(),
            native.replay_call(),
            native.replay_code(),
            native.replay_size(),
            events,
        )

    @property
    def message(self) -> str:
        return self._native.replay_message()
