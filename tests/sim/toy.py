# SPDX-License-Identifier: BSD-3-Clause
"""A toy engine with the interface of polyrtc.sansio.Endpoint, to test the simulator itself.

It is WebRTC in nothing but the shape: a description is a key and some candidates, a datagram is a keyed hash and numbered
pieces of one byte stream, sent again until acknowledged. But it meets the same promises, so the simulator must find nothing
in it, and must find every bug that is planted in it.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from typing import Any

from polyrtc.errors import ErrorCode, InvalidStateError, PrtcError
from polyrtc.sansio import (
    CONNECTION_STATES,
    DTLS_TRANSPORT_STATES,
    ICE_CONNECTION_STATES,
    ICE_GATHERING_STATES,
    SCTP_TRANSPORT_STATES,
    SIGNALING_STATES,
    Address,
    ChannelInfo,
    Datagram,
    Description,
    Event,
    EventType,
    Request,
    RequestType,
    States,
    Stats,
)

_PIECE = 1_000
_WINDOW = 32
_RETRY = 100_000
_ALIVE = 5_000_000
_LOST = 30_000_000


def _error(code: ErrorCode) -> PrtcError:
    kind = InvalidStateError if code == ErrorCode.INVALID_STATE else PrtcError
    return kind(code, code.name, code.name)


class ToyEndpoint:
    """See polyrtc.sansio.Endpoint."""

    def __init__(self, seed: bytes | None = None, now: int = 0, wall_clock: int = 0, log_level: int = 0) -> None:
        self.seed = seed or bytes(32)
        self.now = now
        self.peers: dict[int, ToyPeer] = {}
        self.sockets: dict[int, ToyPeer] = {}
        self.queue: list[Event] = []
        self.wanted: list[Request] = []
        self.pending: dict[int, tuple[Request, ToyPeer]] = {}
        self.ids = 0
        self.counts = [0] * 5

    def id(self) -> int:
        self.ids += 1
        return self.ids

    def advance(self, now: int) -> int:
        self.now = max(self.now, now)
        return self.now

    def free(self) -> None:
        self.peers.clear()

    def receive(self, now: int, datagrams: list[Datagram]) -> int:
        now, result = self.advance(now), 0
        for datagram in datagrams:
            for segment in datagram.segments():
                self.counts[0] += 1
                peer = self.sockets.get(datagram.socket)
                if peer is None or not peer.receive(now, datagram, bytes(segment)):
                    self.counts[4] += 1
                    result = ErrorCode.MALFORMED
        return result

    def transmit(self, now: int) -> Datagram | None:
        now = self.advance(now)
        for peer in self.peers.values():
            datagram = peer.transmit(now)
            if datagram is not None:
                self.counts[1] += 1
                return datagram
        return None

    def deadline(self) -> int | None:
        times = [time for peer in self.peers.values() if (time := peer.deadline()) is not None]
        return min(times, default=None)

    def timeout(self, now: int) -> None:
        now = self.advance(now)
        for peer in self.peers.values():
            peer.timeout(now)

    def events(self) -> list[Event]:
        queue, self.queue = self.queue, []
        events = [event for event in queue if not self.peers[event.peer].is_deaf_to(event)]
        for event in events:
            self.peers[event.peer].told(event)
        return events

    def requests(self) -> list[Request]:
        wanted, self.wanted = self.wanted, []
        return wanted

    def request(self, peer: ToyPeer | None, kind: RequestType, socket: int = 0, address: Address | None = None) -> None:
        request = Request(kind, self.id(), socket, address, None, 0, None)
        self.wanted.append(request)
        if peer is not None:
            self.pending[request.id] = request, peer

    def reply(self, now: int, request_id: int, code: int = 0, **answer: Any) -> bool:
        now = self.advance(now)
        request, peer = self.pending.pop(request_id, (None, None))
        if request is None or peer is None or peer.id not in self.peers:
            return False
        peer.reply(now, request, code, answer)
        return True

    def create_peer(self, now: int, **config: Any) -> ToyPeer:
        peer = ToyPeer(self, self.id(), config)
        self.peers[peer.id] = peer
        return peer

    def peer(self, id: int) -> ToyPeer:
        return self.peers[id]

    def stats(self) -> Stats:
        return Stats(self.counts[0], self.counts[1], 0, 0, self.counts[4], len(self.peers), 0)


class _Channel:
    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.state = "connecting"
        self.stream: int | None = config.get("stream_id")
        self.closing_sent = self.closed_here = False


class ToyPeer:
    """See polyrtc.sansio.Peer."""

    def __init__(self, endpoint: ToyEndpoint, id: int, config: dict[str, Any]) -> None:
        self.endpoint, self.id = endpoint, id
        self.limit = config.get("max_message_size") or 262_144
        self.queue_limit = config.get("send_queue_size") or 16 * 1024 * 1024
        self.key = hashlib.sha256(endpoint.seed + b"%d" % id).hexdigest()[:16]
        self.states_ = {
            "signaling": "stable", "gathering": "new", "ice": "new", "connection": "new", "dtls": "new", "sctp": "",
        }
        self.told_ = dict(self.states_)
        self.channels: dict[int, _Channel] = {}
        self.local: tuple[str, bool] | None = None
        self.remote: dict[str, Any] | None = None
        self.remote_type = ""
        self.sockets: dict[int, Address] = {}
        self.candidates: list[list[Any]] = []
        self.opening = 0
        self.offerer = False
        self.probe_at: int | None = None
        self.heard_at = 0
        self.path: tuple[int, Address] | None = None
        self.out: deque[bytes] = deque()  # pieces not acknowledged, the first has the number self.acked
        self.acked = self.next = self.expected = 0
        self.retry_at: int | None = None
        self.patience = _RETRY
        self.ack_due = False
        self.stream = b""  # what has come, up to a whole record
        self.datagrams: deque[tuple[int, Address, bytes]] = deque()
        self.connected = False

    # ----------------------------------------------------------------------------------------------------------- driven

    def receive(self, now: int, datagram: Datagram, data: bytes) -> bool:
        if self.remote is None or len(data) < 20 or hashlib.sha256(self.secret() + data[8:]).digest()[:8] != data[:8]:
            return False
        assert datagram.remote is not None
        sender, number, acked, kind = int.from_bytes(data[8:12], "big"), data[12:16], data[16:20], data[20:21]
        if sender != self.role(1):
            return False
        self.heard_at = now
        if self.states_["connection"] == "closed":
            return True
        if self.path is None or kind == b"p":
            self.path = self.path or (datagram.socket, datagram.remote)
        if not self.connected:
            self.connect(now)
        if kind == b"b":
            self.goodbye()
            return True
        if self.states_["connection"] == "disconnected":
            self.change("connection", "connected")
        self.acknowledge(now, int.from_bytes(acked, "big"))
        if kind == b"d":
            self.ack_due = True
            if int.from_bytes(number, "big") == self.expected:
                self.expected += 1
                self.stream += data[21:]
                self.records()
        return True

    def transmit(self, now: int) -> Datagram | None:
        if not self.datagrams and self.path is not None and self.connected and self.states_["connection"] != "closed":
            if self.next < min(len(self.out), _WINDOW):
                self.say(self.path, b"d" + self.out[self.next], self.acked + self.next)
                self.next += 1
                self.ack_due = False
                self.retry_at = self.retry_at or now + _RETRY
            elif self.ack_due:
                self.say(self.path, b"a")
                self.ack_due = False
        if not self.datagrams:
            return None
        socket, remote, data = self.datagrams.popleft()
        if socket not in self.sockets:
            return self.transmit(now)
        return Datagram(socket, remote=remote, data=data)

    def deadline(self) -> int | None:
        if self.states_["connection"] == "closed":
            return None
        times = [time for time in (self.probe_at, self.retry_at) if time is not None]
        return min(times, default=None)

    def timeout(self, now: int) -> None:
        if self.states_["connection"] == "closed":
            return
        if self.retry_at is not None and self.retry_at <= now:
            self.next, self.patience = 0, min(2 * self.patience, _ALIVE)
            self.retry_at = now + self.patience if self.out else None
        if self.probe_at is not None and self.probe_at <= now and self.remote is not None:
            silent = now - self.heard_at
            if self.connected and silent > _LOST:
                self.change("connection", "failed")
                self.probe_at = self.retry_at = None
                self.out.clear()
                return
            if self.connected and silent > 2 * _ALIVE + 1 and self.states_["connection"] == "connected":
                self.change("connection", "disconnected")
            paths = [self.path] if self.path else [
                (socket, (ip, port)) for socket, own in self.sockets.items() for ip, port in self.remote["candidates"]
                if (":" in ip) == (":" in own[0])
            ]
            for path in paths:
                if path is not None:
                    self.say(path, b"p")
            self.probe_at = now + (_ALIVE if self.connected else _RETRY)

    def reply(self, now: int, request: Request, code: int, answer: dict[str, Any]) -> None:
        if request.type == RequestType.INTERFACES:
            for interface in answer["interfaces"]:
                self.opening += 1
                self.endpoint.request(self, RequestType.OPEN_UDP, self.endpoint.id(), (interface.host, 0))
        elif request.type == RequestType.OPEN_UDP:
            self.opening -= 1
            if not code:
                self.sockets[request.socket] = answer["address"]
                self.endpoint.sockets[request.socket] = self
                self.candidates.append(list(answer["address"]))
                text = f"candidate:1 1 udp 1 {answer['address'][0]} {answer['address'][1]} typ host"
                self.event(EventType.ICE_CANDIDATE, text=text, mid="0")
            if not self.opening:
                self.change("gathering", "complete")
                self.event(EventType.ICE_CANDIDATE, text=None)
            if self.states_["connection"] == "closed":
                self.close_sockets()

    # ---------------------------------------------------------------------------------------------------------- commands

    def create_offer(self, now: int) -> str:
        return "m="

    def set_local_description(self, now: int, type: str, sdp: str | None = None) -> None:
        wanted = {"offer": ("stable", "have-local-offer"), "answer": ("have-remote-offer", "stable")}[type]
        self.step(*wanted)
        if self.local is None:
            self.offerer = type == "offer"
            self.change("gathering", "gathering")
            self.endpoint.request(self, RequestType.INTERFACES)
        self.local = (type, True)
        self.begin(now)

    def set_remote_description(self, now: int, type: str, sdp: str) -> None:
        wanted = {"offer": ("stable", "have-remote-offer"), "answer": ("have-local-offer", "stable")}[type]
        self.step(*wanted)
        self.remote, self.remote_type = self.remote or json.loads(sdp), type
        self.begin(now)

    def restart_ice(self, now: int) -> None:
        """There is nothing to restart: a new offer and answer change nothing."""

    def add_ice_candidate(self, now: int, candidate: str, mid: Any = None, index: Any = None, ufrag: Any = None) -> None:
        if self.remote is None:
            raise _error(ErrorCode.INVALID_STATE)
        if candidate:
            words = candidate.split()
            self.remote["candidates"].append([words[4], int(words[5])])

    def description(self, which: int = 0) -> Description | None:
        if which:
            return Description(self.remote_type, json.dumps(self.remote)) if self.remote is not None else None
        if self.local is None:
            return None
        sdp = json.dumps({"key": self.key, "limit": self.limit, "candidates": self.candidates, "m=": 1})
        return Description(self.local[0], sdp)

    def states(self) -> States:
        s = self.told_
        return States(s["signaling"], s["gathering"], s["ice"], s["connection"], s["sctp"] or None, None, None, None, "unknown")

    def close(self, now: int) -> None:
        if self.path is not None and self.connected and self.states_["connection"] != "closed":
            self.datagrams.clear()
            self.say(self.path, b"b")
        self.end()

    def free(self) -> None:
        self.endpoint.peers.pop(self.id)
        self.endpoint.queue = [event for event in self.endpoint.queue if event.peer != self.id]
        self.close_sockets()

    def create_data_channel(self, now: int, label: str = "", **config: Any) -> int:
        if self.states_["connection"] == "closed":
            raise _error(ErrorCode.INVALID_STATE)
        if config.get("negotiated") and config["stream_id"] in [
            c.stream for c in self.channels.values() if c.state != "closed"
        ]:
            raise _error(ErrorCode.INVALID_ARGUMENT)
        channel = self.endpoint.id()
        self.channels[channel] = _Channel({"label": label} | config)
        if self.connected:
            self.announce(channel)
        return channel

    def send(self, now: int, channel: int, data: str | bytes) -> None:
        found = self.channels[channel]
        payload = data.encode() if isinstance(data, str) else bytes(data)
        if found.state != "open" or self.remote is None:
            raise _error(ErrorCode.INVALID_STATE)
        if len(payload) > self.remote["limit"]:
            raise _error(ErrorCode.MESSAGE_TOO_LARGE)
        if sum(map(len, self.out)) + len(payload) > self.queue_limit:
            raise _error(ErrorCode.QUEUE_FULL)
        self.record(b"t" if isinstance(data, str) else b"m", found.stream or 0, payload)

    def close_channel(self, now: int, channel: int) -> None:
        found = self.channels[channel]
        if found.state == "closing" or found.closing_sent:
            return
        found.closed_here = True
        if found.stream is None or not self.connected:
            found.state = "closed"
            self.event(EventType.CHANNEL_CLOSED, object=channel)
            return
        found.state, found.closing_sent = "closing", True
        self.record(b"c", found.stream, b"")

    def set_buffered_amount_low_threshold(self, channel: int, threshold: int) -> None:
        pass

    def channel_info(self, channel: int) -> ChannelInfo:
        c = self.channels[channel]
        get = c.config.get
        return ChannelInfo(
            get("label", ""), get("protocol", ""), get("ordered", True), get("max_retransmits"), get("max_packet_life_time"),
            get("negotiated", False), c.stream, 256, c.state, 0, 0, 0, 0, 0, 0,
        )

    # ------------------------------------------------------------------------------------------------------------ inside

    def role(self, other: int) -> int:
        return int(self.offerer) ^ other

    def secret(self) -> bytes:
        assert self.remote is not None
        return "".join(sorted((self.key, self.remote["key"]))).encode()

    def say(self, path: tuple[int, Address], what: bytes, number: int = 0) -> None:
        body = self.role(0).to_bytes(4, "big") + number.to_bytes(4, "big") + self.expected.to_bytes(4, "big") + what
        tag = hashlib.sha256(self.secret() + body).digest()[:8]
        self.datagrams.append((path[0], (path[1][0], path[1][1]), tag + body))

    def event(self, type: EventType, object: int = 0, state: int = 0, kind: int = 0, data: bytes | None = None,
              text: str | None = None, mid: str | None = None) -> None:
        flags = 3 if data is not None else 0
        self.endpoint.queue.append(Event(type, 0, self.id, object, state, kind, flags, 0, data, text, mid, None))

    def is_deaf_to(self, event: Event) -> bool:
        """What was here before the channel was closed, and was not fetched."""
        deaf = event.type in (EventType.CHANNEL_MESSAGE, EventType.CHANNEL_OPEN)
        return deaf and self.channels[event.object].closed_here

    def told(self, event: Event) -> None:
        for name, (type, names) in _EVENTS.items():
            if event.type == type:
                self.told_[name] = names[event.state]

    def change(self, name: str, state: str) -> None:
        if self.states_[name] != state:
            self.states_[name] = state
            type, names = _EVENTS[name]
            self.event(type, state=names.index(state))

    def step(self, old: str, new: str) -> None:
        if self.states_["signaling"] != old:
            raise _error(ErrorCode.INVALID_STATE)
        self.change("signaling", new)

    def begin(self, now: int) -> None:
        if self.local is not None and self.remote is not None and self.probe_at is None:
            self.change("ice", "checking")
            self.change("connection", "connecting")
            self.probe_at = now

    def connect(self, now: int) -> None:
        self.connected = True
        for name, state in (("ice", "checking"), ("ice", "connected"), ("dtls", "connecting"), ("dtls", "connected"),
                            ("connection", "connecting"), ("connection", "connected"), ("sctp", "connected")):
            self.change(name, state)
        for channel in list(self.channels):
            if self.channels[channel].state == "connecting":
                self.announce(channel)

    def announce(self, id: int) -> None:
        channel = self.channels[id]
        if channel.stream is None:
            busy = {c.stream for c in self.channels.values() if c.state != "closed"}
            channel.stream = next(n for n in range(self.role(0), 65_535, 2) if n not in busy)
        if not channel.config.get("negotiated"):
            self.record(b"o", channel.stream, json.dumps(channel.config).encode())
        channel.state = "open"
        self.event(EventType.CHANNEL_OPEN, object=id)

    def record(self, kind: bytes, stream: int, payload: bytes) -> None:
        data = kind + stream.to_bytes(2, "big") + len(payload).to_bytes(4, "big") + payload
        self.out += [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]

    def acknowledge(self, now: int, acked: int) -> None:
        while self.acked < acked and self.out:
            self.out.popleft()
            self.acked += 1
            self.next = max(0, self.next - 1)
            self.patience = _RETRY
            self.retry_at = now + _RETRY if self.out else None

    def records(self) -> None:
        while len(self.stream) >= 7 and len(self.stream) >= 7 + int.from_bytes(self.stream[3:7], "big"):
            size = int.from_bytes(self.stream[3:7], "big")
            kind, stream, payload = self.stream[:1], int.from_bytes(self.stream[1:3], "big"), self.stream[7 : 7 + size]
            self.stream = self.stream[7 + size :]
            if kind == b"o":
                id = self.endpoint.id()
                channel = self.channels[id] = _Channel(json.loads(payload))
                channel.stream, channel.state = stream, "open"
                self.event(EventType.DATA_CHANNEL, object=id)
                self.event(EventType.CHANNEL_OPEN, object=id)
                continue
            for id, channel in self.channels.items():
                if channel.stream == stream and channel.state != "closed":
                    self.on_record(id, channel, kind, payload)
                    break

    def on_record(self, id: int, channel: _Channel, kind: bytes, payload: bytes) -> None:
        if kind in b"tm" and channel.state == "open":
            self.event(EventType.CHANNEL_MESSAGE, object=id, kind=int(kind == b"m"), data=payload)
        elif kind == b"c":
            if not channel.closing_sent:
                channel.state, channel.closing_sent = "closing", True
                self.event(EventType.CHANNEL_CLOSING, object=id)
                self.record(b"c", channel.stream or 0, b"")
            channel.state = "closed"
            self.event(EventType.CHANNEL_CLOSED, object=id)

    def goodbye(self) -> None:
        self.change("dtls", "closed")
        self.change("sctp", "closed")
        self.close_channels()
        self.probe_at = self.retry_at = None
        self.out.clear()

    def end(self) -> None:
        if self.states_["connection"] != "closed":
            self.close_channels()
            for name in ("sctp", "dtls", "signaling", "ice", "connection"):
                if name != "sctp" or self.states_["sctp"]:
                    self.change(name, "closed")

    def close_channels(self) -> None:
        for id, channel in self.channels.items():
            if channel.state != "closed":
                channel.state = "closed"
                self.event(EventType.CHANNEL_CLOSED, object=id)

    def close_sockets(self) -> None:
        for socket in self.sockets:
            self.endpoint.sockets.pop(socket, None)
            self.endpoint.request(None, RequestType.CLOSE, socket)
        self.sockets.clear()


_EVENTS = {
    "signaling": (EventType.SIGNALING_STATE_CHANGE, SIGNALING_STATES),
    "gathering": (EventType.ICE_GATHERING_STATE_CHANGE, ICE_GATHERING_STATES),
    "ice": (EventType.ICE_CONNECTION_STATE_CHANGE, ICE_CONNECTION_STATES),
    "connection": (EventType.CONNECTION_STATE_CHANGE, CONNECTION_STATES),
    "dtls": (EventType.DTLS_TRANSPORT_STATE_CHANGE, DTLS_TRANSPORT_STATES),
    "sctp": (EventType.SCTP_TRANSPORT_STATE_CHANGE, SCTP_TRANSPORT_STATES),
}
