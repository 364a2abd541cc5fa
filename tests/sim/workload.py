# SPDX-License-Identifier: BSD-3-Clause
"""A mixed workload: from one seed a bad network, some connections, and a while of everything that applications do to them.

Channels of all kinds are opened and closed at any moment from either side, ids are used again, messages of all kinds and sizes are
sent, whole or in parts, both sides negotiate anew, networks fail for a while, an attacker adds its datagrams, events are left unread,
peers are closed or freed without notice. A model knows what must arrive; the simulator checks the rest.

A run is a seed, and may be made smaller: `actions` says which of the seed's actions are done, `without` what of its surroundings or
which kinds of actions are left out. Each action draws from a generator of its own, so that leaving one out changes no other. That is
what shrink.py makes use of.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from random import Random
from typing import Any

from polyrtc import native
from polyrtc.errors import ErrorCode, PrtcError
from polyrtc.sansio import NO_LIMIT, Endpoint, Event, EventType, MessageFlag, check

from .attacks import Attacker
from .host import Habits, Host
from .invariants import InvariantError
from .model import Flow, Message
from .network import MILLISECOND, SECOND, Conditions, Packet
from .nodes import Dependence, Nat, StunServer
from .peer import SimChannel, SimPeer
from .signalling import Signalling
from .simulation import EndpointFactory, Simulation

#: Seconds of virtual time for a connection to come about, and for all that is under way to arrive, on the worst networks.
PATIENCE = 900

#: Seconds after which a peer must have noticed that the other one is gone (RFC 7675 section 5.1: consent lasts 30 s).
NOTICE = 90

#: Microseconds that the way takes at most on the worst of our networks, when nobody keeps the receiver from reading.
LONGEST_WAY = 1_500_000

#: What `without` may name besides ACTIONS: the surroundings of a run.
SURROUNDINGS = (
    "nat", "loss", "reorder", "duplicate", "corrupt", "rate", "jitter", "delay", "habits", "attacker", "limits", "more pairs",
    "early leaving", "streaming", "life times", "one port", "certificates", "names", "tcp",
)

_COUNTERS = ("bytes", "packets", "messages", "requests", "responses", "consentRequests", "dataChannels", "selectedCandidatePairChanges")

_LARGEST_PART = 100_000

_TEXTS = ("", "a", "héllo wörld", "🙂" * 7, "\u0000zero\u0000", "line\r\nline")


@dataclass
class Report:
    """What one seed did, to be summed up over all."""

    seed: int
    digest: str
    seconds: float
    steps: int
    counters: Counter[str] = field(default_factory=Counter)


@functools.cache
def certificate(number: int) -> str:
    """PEM of a certificate and its key, the same in every process."""
    made = native.Certificate(bytes([number + 1]) * 32)
    check(made.generate(native.KEY_ECDSA_P256, 0, 0))
    pem = made.pem()
    assert pem is not None
    return pem


@functools.cache
def fingerprint(pem: str) -> str:
    read = native.Certificate(bytes(32))
    check(read.parse(pem))
    return f"sha-256 {read.fingerprint('sha-256')}"


class Channel:
    """A channel of the workload: its two ends, where they exist, and the two flows."""

    def __init__(self, label: str, config: dict[str, Any]) -> None:
        self.label = label
        self.config = config
        self.ends: dict[int, SimChannel] = {}  # by side
        self.closed_by: set[int] = set()
        self.streams: dict[int, Streaming] = {}  # by side: the message that is being sent in parts
        self.streamed: set[int] = set()  # sides that ever sent one
        self.opened_by: int | None = None  # announced: until it has heard from there, what this side sends is ordered (RFC 8832 section 6)
        self.one_sided = False  # negotiated, and closed by one side before there was an association: the other cannot know
        ordered = config.get("ordered", True)
        reliable = not {"max_retransmits", "max_packet_life_time"} & config.keys()
        lasts = None
        if not ordered and "max_packet_life_time" in config:  # ordered ones may wait for others, there
            lasts = config["max_packet_life_time"] * MILLISECOND + LONGEST_WAY
        self.flows = [Flow(f"channel {label}, from side {side}", ordered, reliable, lasts) for side in range(2)]

    def over(self) -> bool:
        return bool(self.ends) and all(end.state == "closed" for end in self.ends.values())


class Streaming:
    """A message that one side sends in parts, as fast as they are taken."""

    def __init__(self, pair: Pair, channel: Channel, side: int, random: Random) -> None:
        self.pair = pair
        self.channel = channel
        self.side = side
        self.random = random
        self.text = random.random() < 0.2
        self.rest = random.choice((0, 1, 100, 5_000, 60_000, 300_000, 300_000, 1_500_000))
        self.gives_up = random.random() < 0.15
        self.given = bytearray()
        self.stalls = 0

    def pump(self) -> None:
        """Gives parts until no more is taken, or the message is whole."""
        end, limit = self.channel.ends[self.side], self.pair.limits[1 - self.side]
        while end.state == "open" and self.pair.peers[self.side].alive():
            if self.gives_up and (self.rest == 0 or self.random.random() < 0.1):
                self._over(self._give(end, b"", MessageFlag.ABANDONED))
                return
            size = min(self.rest, self.random.choice((1, 1_000, 1_000, 16_384, _LARGEST_PART)))
            part = self._part(size)
            try:
                taken = self._give(end, part, MessageFlag.END if size == self.rest else 0)
            except PrtcError as error:
                if error.code == ErrorCode.MESSAGE_TOO_LARGE and len(self.given) + size > limit:
                    self.pair.count["streams: too large for the other side"] += 1
                    self._over(self.given and self._give(end, b"", MessageFlag.ABANDONED))
                elif error.code != ErrorCode.INVALID_STATE or end.refresh().state == "open":
                    raise
                return
            if not taken:
                self.stalls += 1
                self.pair.count["streams: parts that had to wait"] += 1
                self.pair.workload.simulation.after(200_000, self.resume)
                return
            self.given += part
            self.rest -= size
            if len(self.given) > limit:
                raise InvariantError(f"a message of {len(self.given)} bytes was taken, the other side's limit is {limit}")
            if self.rest == 0 and not self.gives_up:
                message = self.given.decode() if self.text else bytes(self.given)
                self.channel.flows[self.side].on_sent(message)
                self.pair.count["streams: messages"] += 1
                del self.channel.streams[self.side]
                return
            if self.random.random() < 0.1:  # an application that has no more yet
                self.pair.workload.simulation.after(self.random.randrange(1, 300_000), self.resume)
                return

    def resume(self) -> None:
        if self.channel.streams.get(self.side) is self and not self.pair.gone:
            self.pump()

    def _part(self, size: int) -> bytes:
        head = b"" if self.given else f"{self.channel.label} in parts {self.channel.flows[self.side].sent} ".encode()[:size]
        return head + (b"x" * (size - len(head)) if self.text else self.random.randbytes(size - len(head)))

    def _give(self, end: SimChannel, part: bytes, flags: int) -> bool:
        if self.gives_up and flags == MessageFlag.END:
            flags = 0
        self.pair.count["streams: parts"] += 1
        taken: bool = end.peer.command("send_part", end.id, part.decode() if self.text else part, flags)
        return taken

    def _over(self, abandoned: object) -> None:
        self.channel.flows[self.side].given_up += bool(abandoned)
        self.pair.count["streams: given up"] += bool(abandoned)
        del self.channel.streams[self.side]


class Pair:
    """Two connected peers and their channels."""

    def __init__(self, workload: Workload, number: int, hosts: list[Host], config: list[dict[str, Any]]) -> None:
        self.workload = workload
        self.count = workload.count
        self.number = number
        self.peers = [host.peer(**c) for host, c in zip(hosts, config)]
        self.limits = [c["max_message_size"] or 256 * 1024 for c in config]
        self.whole_limits = [16 * 1024 * 1024 if limit == NO_LIMIT else limit for limit in self.limits]
        self.bounds = [c["send_queue_size"] or 16 * 1024 * 1024 for c in config]
        self.channels: list[Channel] = []
        self.gone: set[int] = set()
        self.serial = 0
        self.signalling: Signalling | None = None  # once the first negotiation is over
        self.paused: set[int] = set()
        # Something has happened by which datagrams are lost, or read late, though the network is good. By TCP they may always be late.
        self.disturbed = workload.only_tcp
        self.ever_connected = False
        self.counters: list[dict[tuple[str, str], float]] = [{}, {}]  # by side: what the statistics said last
        self.certificates = [c.get("certificates", ()) for c in config]
        self.servers = [c["ice_servers"] for c in config]
        self.hidden = any(c.get("hide_addresses") for c in config)  # they are told by names
        self.rejecting = False  # from when the data section is rejected until there is a channel again
        for side, peer in enumerate(self.peers):
            peer.listeners.append(lambda event, side=side: self.on_event(side, event))  # type: ignore[misc]

    def connected(self) -> bool:
        return not self.rejecting and all(peer.states.connection == "connected" for peer in self.peers)

    # ---------------------------------------------------------------------------------------------------------- events

    def on_event(self, side: int, event: Event) -> None:
        peer = self.peers[side]
        if event.type == EventType.DATA_CHANNEL:
            self._announced(side, peer.channels[event.object])
        elif event.type == EventType.CHANNEL_MESSAGE:
            self._on_message(side, event)
        elif event.type == EventType.CHANNEL_CLOSING:
            self.workload.count["channels closed by the other side"] += 1
        elif event.type == EventType.CHANNEL_BUFFERED_AMOUNT_LOW:
            self.workload.count["bufferedamountlow"] += 1
        elif event.type == EventType.CHANNEL_ERROR and not self.gone:
            raise InvariantError(f"pair {self.number}, side {side}: a channel failed: {event.code} {event.text}")
        elif event.type == EventType.FAILED:
            self.workload.count["failures reported"] += 1
        elif event.type == EventType.CONNECTION_STATE_CHANGE:
            self.count[f"connections: {event.state_name}"] += 1
            hopeful = peer.states.dtls_transport in ("new", "connecting", "connected")
            if event.state_name == "failed" and self.ever_connected and hopeful:
                self.count["ICE restarts after a failure"] += 1
                self.workload.simulation.after(SECOND, lambda: self._recover(side))

    def _recover(self, side: int) -> None:
        if not self.gone and self.peers[side].states.connection == "failed":
            self._signalling(Random(f"recovery {self.workload.seed} {self.number}")).restart(side)

    def _on_message(self, side: int, event: Event) -> None:
        if side in self.paused and not event.flags & MessageFlag.ABANDONED:  # that the rest will not come may be told
            raise InvariantError(f"pair {self.number}, side {side}: a message, though messages are paused")
        channel, peer, sim = self._channel_of(side, event.object), self.peers[side], self.workload.simulation
        flow = channel.flows[1 - side]
        if not event.flags & MessageFlag.BEGIN or not event.flags & MessageFlag.END:
            self.count["streams: parts received"] += 1
            flow.lasts = None  # of a channel one message at a time comes in parts: those that follow wait, until it is given up
        if event.flags & MessageFlag.ABANDONED:
            flow.on_abandoned()
            self.count["streams: told that the rest will not come"] += 1
        if peer.whole is not None:
            flow.on_arrived(peer.whole, sim.now if not self.disturbed else 0)
            self.count["messages received"] += 1

    def _channel_of(self, side: int, id: int) -> Channel:
        for channel in self.channels:
            if side in channel.ends and channel.ends[side].id == id:
                return channel
        raise InvariantError(f"a message on channel {id}, which the workload does not know")

    def _announced(self, side: int, end: SimChannel) -> None:
        """The other side's channel has come: it must be one that was made, as it was made, and only once."""
        channel = next((c for c in self.channels if c.label == end.label), None)
        if channel is None or channel.config.get("negotiated"):
            raise InvariantError(f"a channel {end.label!r} was announced that nobody made")
        if side in channel.ends:
            raise InvariantError(f"the channel {end.label!r} was announced twice")
        channel.ends[side] = end
        made = channel.ends[1 - side].info
        for name in ("protocol", "ordered", "max_retransmits", "max_packet_life_time", "negotiated"):
            if getattr(made, name) != getattr(end.info, name):
                raise InvariantError(f"{end.label}: {name} is {getattr(end.info, name)}, made as {getattr(made, name)}")
        ids = [c.ends[side].refresh().stream_id for c in self.channels if side in c.ends and c.ends[side].state != "closed"]
        known = [id for id in ids if id is not None]
        if len(known) != len(set(known)):
            raise InvariantError(f"two channels have one stream: {sorted(known)}")

    # --------------------------------------------------------------------------------------------------------- actions

    def open(self, random: Random) -> None:
        """A channel that is announced (RFC 8832), from a side that is there."""
        config = self._kind(random)
        if random.random() < 0.3:
            config["protocol"] = random.choice(("chat", "prötocol", "x" * 200))
        self._open(random.randrange(2), config)
        self.workload.count["channels announced"] += 1

    def open_negotiated(self, random: Random) -> None:
        """A channel that both sides make in the same moment, perhaps under an id that was used before."""
        busy = {end.refresh().stream_id for c in self.channels for end in c.ends.values() if end.state != "closed"}
        used = {c.config["stream_id"] for c in self.channels if c.config.get("negotiated")} - busy
        if None in busy:
            return  # an announced channel has no id yet, it might be given ours
        if used and random.random() < 0.7:
            id = random.choice(sorted(used))
            self.workload.count["ids used again"] += 1
        else:
            id = random.choice((1000, 1001, 900, 17, 600))
            if id in busy or id in used:
                return
        config = self._kind(random) | {"negotiated": True, "stream_id": id}
        channel = self._open(0, config)
        channel.ends[1] = self.peers[1].channel(channel.label, **config)
        self.workload.count["channels negotiated"] += 1

    def _open(self, side: int, config: dict[str, Any]) -> Channel:
        self.serial += 1
        channel = Channel(f"{self.number}.{self.serial}", config)
        channel.opened_by = None if "negotiated" in config else side
        self.channels.append(channel)
        channel.ends[side] = self.peers[side].channel(channel.label, **config)
        return channel

    def _kind(self, random: Random) -> dict[str, Any]:
        config: dict[str, Any] = {"ordered": random.random() < 0.6}
        reliability = random.random()
        if reliability < 0.15:
            config["max_retransmits"] = random.choice((0, 1, 3))
        elif reliability < 0.3 and "life times" not in self.workload.without:
            config["max_packet_life_time"] = random.choice((0, 20, 500))
        for name in ("max_retransmits", "max_packet_life_time"):
            if name in config:
                self.count[f"channels: {name}, {'ordered' if config['ordered'] else 'unordered'}"] += 1
        if random.random() < 0.3 and "streaming" not in self.workload.without:
            config["streaming"] = True
        return config

    def _open_ends(self) -> list[tuple[Channel, int]]:
        return [(c, s) for c in self.channels for s, end in sorted(c.ends.items()) if end.state == "open"]

    def _send_within_a_stream(self, channel: Channel, side: int) -> None:
        """Until a message in parts is whole, no other can be sent on its channel."""
        try:
            channel.ends[side].send("in between")
        except PrtcError as error:
            if error.code not in (ErrorCode.INVALID_STATE, ErrorCode.QUEUE_FULL):
                raise
            self.count["sends refused: in the midst of another message"] += 1
        else:
            if channel.streams[side].given:
                raise InvariantError("a message was taken in the midst of another one")
            channel.flows[side].on_sent("in between")

    def stream(self, random: Random) -> None:
        """Begins a message in parts; the parts follow by themselves."""
        ends = [(c, s) for c, s in self._open_ends() if s not in c.streams]
        if ends and "streaming" not in self.workload.without:
            channel, side = random.choice(ends)
            channel.streams[side] = Streaming(self, channel, side, random)
            channel.streamed.add(side)
            channel.streams[side].pump()

    def send(self, random: Random) -> None:
        """A few messages on a channel that is open."""
        open_ends = self._open_ends()
        if not open_ends:
            return
        channel, side = random.choice(open_ends)
        if side in channel.streams:
            self._send_within_a_stream(channel, side)
            return
        for _ in range(random.choice((1, 1, 2, 5, 20))):
            message = self._message(random, channel.label, channel.flows[side].sent)
            waits = channel.opened_by == side and not channel.flows[1 - side].arrived
            size = len(message.encode() if isinstance(message, str) else message)
            try:
                channel.ends[side].send(message)
            except PrtcError as error:
                if error.code == ErrorCode.QUEUE_FULL:
                    self.workload.count["sends refused: queue full"] += 1
                elif error.code == ErrorCode.MESSAGE_TOO_LARGE and size > self.whole_limits[1 - side]:
                    self.workload.count["sends refused: too large"] += 1
                elif error.code == ErrorCode.INVALID_STATE and channel.ends[side].refresh().state != "open":
                    self.workload.count["sends refused: closed, but not told yet"] += 1
                else:
                    raise
                return
            limit = self.limits[1 - side]
            if size > limit:
                raise InvariantError(f"a message of {size} bytes was taken, the other side's limit is {limit}")
            channel.flows[side].on_sent(message, self.workload.simulation.now, waits)
            kind = "empty" if not size else "text" if isinstance(message, str) else "binary"
            self.workload.count[f"messages sent: {kind}"] += 1
            self.workload.count["bytes sent"] += size

    @staticmethod
    def _message(random: Random, label: str, serial: int) -> Message:
        choice = random.random()
        if choice < 0.1:
            return random.choice(("", b""))
        if choice < 0.35:
            return f"{label} {serial} {random.choice(_TEXTS)}"
        size = random.choice((1, 10, 100, 1_000, 1_200, 5_000, 20_000) if choice < 0.97 else (65_536, 130_000, 262_144))
        head = f"{label} {serial} ".encode()
        return (head + random.randbytes(max(0, size - len(head))))[: max(size, len(head))]

    def close_channel(self, random: Random) -> None:
        """From one side, or from both in the same moment."""
        living = [c for c in self.channels for end in c.ends.values() if end.state in ("connecting", "announced", "open")]
        if not living:
            return
        channel = random.choice(living)
        sides = [random.randrange(2)] if random.random() < 0.8 else [0, 1]
        for side in sides:
            if side in channel.ends and channel.ends[side].state not in ("closing", "closed"):
                channel.closed_by.add(side)
                channel.flows[side].given_up += side in channel.streams  # what of it is missing will not come
                channel.flows[1 - side].excused = True  # who has closed listens no more (W3C section 6.2)
                if channel.ends[side].state != "open":
                    channel.flows[side].excused = True
                    channel.one_sided = "negotiated" in channel.config
                channel.ends[side].close()
                self.workload.count["channels closed"] += 1

    def set_threshold(self, random: Random) -> None:
        ends = [end for c in self.channels for end in c.ends.values() if end.state == "open"]
        if ends:
            end = random.choice(ends)
            end.peer.raw.set_buffered_amount_low_threshold(end.id, random.choice((0, 1_000, 50_000)))

    # -------------------------------------------------------------------------------------------------- negotiating anew

    def _signalling(self, random: Random) -> Signalling:
        if self.signalling is None:
            delay = random.choice((0, 1, 50, 400)) * MILLISECOND
            generator = Random(f"signalling {self.workload.seed} {self.number}")
            self.signalling = Signalling(self.workload.simulation, self.peers, generator, delay)
        return self.signalling

    def restart(self, random: Random) -> None:
        self.disturbed = True
        self._signalling(random).restart(random.randrange(2))
        self.count["ICE restarts"] += 1

    def renegotiate(self, random: Random) -> None:
        self._signalling(random).offer(random.randrange(2))
        self.count["offers"] += 1

    def glare(self, random: Random) -> None:
        self._signalling(random).offer_both()
        self.count["offers from both sides"] += 1

    def roll_back(self, random: Random) -> None:
        self._signalling(random).offer_and_take_back(random.randrange(2), random.choice((0, 1_000, 100_000)))

    def reconfigure(self, random: Random) -> None:
        """Other ICE servers, among them one that does not answer; or what may not be changed."""
        side = random.randrange(2)
        if random.random() < 0.2:
            forbidden = random.choice(({"max_message_size": 1_234}, {"mtu": 700}, {"certificates": [certificate(9)]}))
            try:
                self.peers[side].command("set_configuration", ice_servers=self.servers[side], **forbidden)
            except PrtcError as error:
                if error.code != ErrorCode.INVALID_MODIFICATION:
                    raise
                self.count["configurations refused"] += 1
                return
            raise InvariantError(f"{forbidden} was changed")
        silent = "stun:203.0.113.250:3478"
        choices = [[], [self.workload.stun.url], [silent], [self.workload.stun.url, silent]]
        if len(self.workload.nats) > 1 or self.hidden:  # without a server that answers, they would not find each other again
            choices = [[self.workload.stun.url], [self.workload.stun.url, silent], [silent, self.workload.stun.url]]
        self.servers[side] = random.choice([each for each in choices if each != self.servers[side]])
        certificates = random.choice(((), self.certificates[side]))
        self.disturbed = True
        self._signalling(random).reconfigure(side, ice_servers=self.servers[side], certificates=certificates)
        self.count["configurations changed"] += 1

    def reject(self, random: Random) -> None:
        """The data section is rejected, which ends all channels; then a channel is made, for which it is offered anew."""
        if not self._signalling(random).reject(random.randrange(2), lambda: self._revive(random)):
            return
        self.rejecting = True
        self.workload.attack()
        for channel in self.channels:
            channel.streams.clear()
            channel.closed_by |= {0, 1}
            for flow in channel.flows:
                flow.excused = True

    def _revive(self, random: Random) -> None:
        if self.gone or not all(peer.alive() for peer in self.peers):
            return
        side = random.randrange(2)
        channel = self._open(side, {})
        if self.signalling is not None:
            self.signalling.offer(side)

        def look() -> None:
            if self.gone or len(channel.ends) == 2 and all(end.state == "open" for end in channel.ends.values()):
                self.rejecting = False
                self.workload.attack()
                self.count["negotiations: the data section revived"] += not self.gone
            else:
                self.workload.simulation.after(100_000, look)

        look()

    # ------------------------------------------------------------------------------------------------------- disturbances

    def outage(self, random: Random) -> None:
        """Nothing passes for a while (consent lasts 30 s)."""
        self.workload.disturb()
        duration = random.choice((1, 3, 8, 20)) * SECOND
        self.workload.dark_until = max(self.workload.dark_until, self.workload.simulation.now + duration)
        self.count["outages"] += 1

    def change_path(self, random: Random) -> None:
        """A NAT forgets its mappings: the datagrams come from another port. Then an ICE restart, as applications do it."""
        if self.workload.nats:
            self.workload.disturb()
            random.choice(self.workload.nats).forget()
            self.count["NATs that forgot"] += 1
            for pair in self.workload.pairs:
                if not pair.gone and pair.connected():
                    pair._signalling(random).restart(random.randrange(2))

    def hold_events(self, random: Random) -> None:
        """An application that is busy fetches no events for a while."""
        self.workload.disturb()
        random.choice(self.workload.hosts).hold_events(random.choice((20, 300, 2_000)) * MILLISECOND)
        self.count["events left unread"] += 1

    def pause(self, random: Random) -> None:
        """No messages are taken for a while."""
        side = random.randrange(2)
        if side in self.paused:
            return
        self.disturbed = True
        self._set_paused(side, True)
        self.count["messages paused"] += 1
        self.workload.simulation.after(random.choice((100, 1_000, 3_000)) * MILLISECOND, lambda: self._set_paused(side, False))

    def _set_paused(self, side: int, paused: bool) -> None:
        peer = self.peers[side]
        (self.paused.add if paused else self.paused.discard)(side)
        if peer.alive():
            self.workload.simulation.record(peer.host, "pause_messages", peer.id, paused)
            peer.raw.pause_messages(paused)
            peer.host.touch()

    def look(self, random: Random) -> None:
        """Statistics: JSON, its ids unique, its references known, its counters never less than they were."""
        side = random.randrange(2)
        stats = self.peers[side].raw.stats(self.workload.simulation.now)
        ids = {each["id"] for each in stats}
        if len(ids) != len(stats) or not {"peer-connection", "transport"} <= {each["type"] for each in stats}:
            raise InvariantError(f"statistics of {sorted(each['id'] for each in stats)}")
        old, new = self.counters[side], {}
        for each in stats:
            for name, value in each.items():
                if name.endswith("Id") and value not in ids:
                    raise InvariantError(f"statistics: {each['id']} has {name} {value}, which is not there")
                if name.startswith(_COUNTERS):
                    new[each["id"], name] = value
                    if value < old.get((each["id"], name), 0):
                        raise InvariantError(f"statistics: {name} of {each['id']} was {old[each['id'], name]}, is {value}")
        self.counters[side] = new
        self.count["statistics read"] += 1
        self._look_at_certificates(side)

    def _look_at_certificates(self, side: int) -> None:
        """The first of the configuration is used, and the other side sees it."""
        peer, other = self.peers[side].raw, self.peers[1 - side].raw
        if self.certificates[side] and peer.fingerprint() != fingerprint(self.certificates[side][0]):
            raise InvariantError(f"side {side} has not the first of its {len(self.certificates[side])} certificates")
        der = peer.remote_certificate()
        if der is None or hashlib.sha256(der).hexdigest().upper() != other.fingerprint()[8:].replace(":", ""):
            raise InvariantError(f"side {side} has another certificate of the other side than that has")

    def waiting(self, side: int) -> int:
        """Bytes that wait to be sent."""
        ends = [channel.ends[side] for channel in self.channels if side in channel.ends]
        return sum(end.refresh().buffered_amount for end in ends if end.state != "closed")

    def check_bounds(self) -> None:
        """What waits to be sent is within what the configuration allows."""
        for side, bound in enumerate(self.bounds):
            waiting = self.waiting(side)
            streams = sum(side in channel.streamed for channel in self.channels)
            if waiting > bound + _LARGEST_PART + streams:  # parts are taken while there is any room; of each message one byte may wait
                raise InvariantError(f"{waiting} bytes wait to be sent, the bound is {bound}")

    def leave(self, random: Random) -> None:
        """One side closes, or is gone without a word; then the other side's network may be anything."""
        side = random.randrange(2)
        self.gone.add(side)
        if not self.ever_connected:
            self.count["peers that left before they were connected"] += 1
        for channel in self.channels:
            for flow in channel.flows:
                flow.excused = True
        if random.random() < 0.6:
            self.peers[side].close()
            self.workload.count["peers closed"] += 1
        else:
            self.peers[side].free()
            self.workload.count["peers freed"] += 1

    # ----------------------------------------------------------------------------------------------------------- the end

    def settled(self) -> bool:
        """Everything that must arrive has, and every close is through."""
        if self.signalling is not None and not self.signalling.idle():
            return False
        if self.rejecting and not self.gone:
            return False
        calm = self.workload.calm and not self.disturbed
        for channel in self.channels:
            if channel.streams and not self.gone and not channel.closed_by:
                return False
            for flow in channel.flows:
                if calm and "max_retransmits" in channel.config:
                    flow.reliable = True  # what nothing was lost of must arrive
                if flow.missing():
                    return False
            if self.gone or channel.one_sided:
                continue
            if channel.closed_by and not channel.over():
                return False
            if not channel.closed_by and (len(channel.ends) < 2 or any(e.state != "open" for e in channel.ends.values())):
                return False
        return True

    def noticed(self) -> bool:
        """Who is left has noticed that the other one is gone."""
        if not self.ever_connected:
            return True  # it may wait for the other one as long as it likes
        left = [peer for side, peer in enumerate(self.peers) if side not in self.gone and peer.id in peer.host.peers]
        return all(
            peer.states.connection in ("disconnected", "failed", "closed") or peer.states.dtls_transport == "closed"
            for peer in left
        )

    def unsettled(self) -> str:
        negotiating = [side.state for side in self.signalling.sides] if self.signalling is not None else []
        return f"{negotiating} " + "; ".join(
            f"{c.label} {c.config} closed by {sorted(c.closed_by)} "
            + ", ".join(f"{s}: {e.state} {e.refresh().buffered_amount} B" for s, e in sorted(c.ends.items()))
            + f" missing {[f.missing() for f in c.flows]} in parts {sorted(c.streams)}"
            for c in self.channels
            if any(f.missing() for f in c.flows) or not c.over()
        )


#: The methods of Pair that are actions, and how often they come.
ACTIONS = {
    "open": 10, "open_negotiated": 8, "close_channel": 10, "set_threshold": 3, "leave": 0.5, "send": 52, "stream": 6,
    "restart": 1, "reconfigure": 1, "reject": 0.7, "renegotiate": 2, "glare": 1.5, "roll_back": 1.5, "outage": 0.5, "change_path": 0.5, "hold_events": 1.5,
    "pause": 1, "look": 3,
}  # fmt: skip


MOST_ACTIONS = 120

#: Those by which datagrams are lost or read late.
DISTURBING = {"restart", "reconfigure", "outage", "change_path", "hold_events", "pause"}


class Workload:
    """One seed's run."""

    def __init__(self, seed: int, *, actions: Collection[int] | None = None, without: Collection[str] = (),
                 endpoint: EndpointFactory = Endpoint, verbose: bool = False, log_level: int = 0) -> None:
        unknown = set(without) - {*SURROUNDINGS, *ACTIONS}
        if unknown:
            raise ValueError(f"without: {sorted(unknown)} is none of {sorted({*SURROUNDINGS, *ACTIONS})}")
        self.seed = seed
        self.actions = actions
        self.without = without
        self.begun: list[int] = []  # the actions that this run has come to
        self.random = Random(f"workload {seed}")
        self.simulation = Simulation(seed, endpoint=endpoint, verbose=verbose, log_level=log_level)
        self.count = self.simulation.counters
        self.stun = StunServer(self.simulation.internet)
        self.hosts: list[Host] = []
        self.nats: list[Nat] = []
        self.pairs: list[Pair] = []
        self.calm = self.random.random() < 0.15  # the network loses nothing and keeps the order, and nothing disturbs
        self.dark_until = 0
        self.attacker = Attacker(Random(f"attacker {seed}"), self.random.choice((0.02, 0.2, 0.5)), self.count)
        self.attacked = self.random.random() < 0.3 and "attacker" not in without and not self.calm
        self.simulation.network.taps += [self._outage, self.attacker]
        tcp = "no" if "tcp" in without else Random(f"tcp {seed}").choice(("all", "only", *["no"] * 6))
        self.with_tcp = tcp != "no"  # connections are accepted
        self.only_tcp = tcp == "only"  # nothing else gets through
        if self.only_tcp:
            self.simulation.network.taps.append(lambda now, packet: (packet,) if packet.tcp else ())
            self.count["networks: TCP alone"] += 1

    def run(self) -> Report:
        """Raises InvariantError, TimeoutError or PrtcError when something is wrong."""
        sim, random = self.simulation, self.random
        began = sim.now
        self._make_hosts()
        pairs, actions = random.choice((1, 1, 1, 2, 3)), random.randrange(20, MOST_ACTIONS)
        for _ in range(1 if "more pairs" in self.without else pairs):
            self._connect()
        sim.until(lambda: all(pair.gone or pair.connected() for pair in self.pairs), PATIENCE, lambda: "connected")
        for pair in self.pairs:
            pair.ever_connected = not pair.gone
        self.attack()
        self.count["networks: with an attacker"] += self.attacked
        for number in range(actions):
            if self.actions is None or number in self.actions:
                self.begun.append(number)
                self._act(Random(f"workload {self.seed} action {number}"))
        for pair in self.pairs:
            sim.until(pair.settled, PATIENCE, pair.unsettled)
        self._idle()
        self._end()
        digest = sim.digest()
        sim.free()
        flows = [flow for pair in self.pairs for channel in pair.channels for flow in channel.flows]
        self.count["messages lost, as they may be"] += sum(flow.lost for flow in flows)
        self.count.update({f"datagrams {name}": n for name, n in sim.network.counters.items()})
        return Report(self.seed, digest, (sim.now - began) / SECOND, sim.steps, +self.count)

    def attack(self) -> None:
        """A handshake is in the clear, where anybody could end it: then the attacker waits."""
        self.attacker.active = self.attacked and not any(pair.rejecting for pair in self.pairs)

    def disturb(self) -> None:
        for pair in self.pairs:
            pair.disturbed = True

    def _outage(self, now: int, packet: Packet) -> tuple[Packet, ...]:
        return () if now < self.dark_until else (packet,)

    def _make_hosts(self) -> None:
        random = self.random
        bad = random.choice((0.0, 0.3, 1.0)) * (not self.calm)  # how bad the network is
        habits = Habits(
            train=random.choice((0.0, 0.5, 1.0)), undrained=random.choice((0.0, 0.2)), backwards=random.choice((0.0, 0.05)),
            early=random.choice((0.0, 0.1)), slow_reply=random.choice((0.0, 0.5)),
        )
        if "habits" in self.without:
            habits = Habits()
        for number in range(2):
            conditions = Conditions(  # of the way up to the internet
                delay=random.choice((0, 1, 5, 30, 100)) * MILLISECOND,
                jitter=random.choice((0, 1, 20)) * MILLISECOND,
                rate=random.choice((0, 0, 2_000_000, 20_000_000)),
                queue=random.choice((30_000, 100_000)),
                loss=bad * random.choice((0.0, 0.01, 0.1, 0.2)),
                reorder=bad * random.choice((0.0, 0.05, 0.3)),
                duplicate=bad * random.choice((0.0, 0.05, 0.2)),
                corrupt=bad * random.choice((0.0, 0.02, 0.1)),
                mtu=random.choice((1_280, 1_500)),
            )
            for name in set(SURROUNDINGS) & set(self.without):
                if hasattr(conditions, name):
                    setattr(conditions, name, 0)
            if self.calm:
                conditions.rate = 0
            self.hosts.append(self._make_host(number, conditions, habits))
            self.count[f"networks: {'calm' if self.calm else 'bad' if bad else 'good'}"] += 1

    def _make_host(self, number: int, conditions: Conditions, habits: Habits) -> Host:
        """On the internet by one or two addresses, or in a home behind a NAT."""
        random, sim = self.random, self.simulation
        config: dict[str, Any] = {}
        # One of the two at most: of two pairs between the same two addresses and ports the second could not be told apart.
        if Random(f"one port {self.seed}").choice((0, 1, None, None)) == number and "one port" not in self.without:
            config["udp_port"] = 7000 + number
            self.count["hosts with one port for all"] += 1
        reachable = not (self.only_tcp and self.nats)  # one of the two must be, for a connection to be made to it
        if random.random() < 0.3 and "nat" not in self.without and reachable:
            filtering = random.choice(list(Dependence))
            nat = Nat(f"nat{number}", sim.internet, f"203.0.113.{number + 100}", f"10.{number}.0.1", filtering=filtering)
            nat.outside.up.conditions = conditions
            self.nats.append(nat)
            self.count["hosts behind a NAT"] += 1
            return sim.host(f"side{number}", f"10.{number}.0.2", segment=nat.segment, habits=habits, **config)
        ips = random.choice((
            [f"198.51.100.{number + 1}"],
            [f"2001:db8::{number + 1}", f"198.51.100.{number + 1}"],
            [f"198.51.100.{number + 1}", f"203.0.113.{number + 1}"],
        ))
        return sim.host(f"side{number}", *ips, up=conditions, habits=habits, **config)

    def _connect(self) -> None:
        random = self.random
        configs: list[dict[str, Any]] = [
            {
                "max_message_size": random.choice((0, 0, 70_000, NO_LIMIT)),
                "send_queue_size": random.choice((0, 0, 300_000)),
                "ice_servers": [self.stun.url],
                "streaming_channels": random.random() < 0.4,
            }
            for _ in range(2)
        ]
        other = Random(f"certificates {self.seed} {len(self.pairs)}")
        # By draws of its own: the other choices of a seed stay as they were. One side at most: the network may lose every answer.
        names = Random(f"names {self.simulation.seed} {len(self.pairs)}")
        if names.random() < 0.3 and "names" not in self.without and not self.only_tcp:  # nobody would find them
            names.choice(configs)["hide_addresses"] = True
            self.count["connections: addresses hidden"] += 1
        for config in configs:
            if other.random() < 0.3 and "certificates" not in self.without:
                config["certificates"] = [certificate(number) for number in other.sample(range(8), other.randrange(1, 4))]
                self.count["peers with certificates of their own"] += 1
            if self.with_tcp:
                config["tcp_candidates"] = "all"
            if "limits" in self.without:
                config["max_message_size"] = config["send_queue_size"] = 0
            if "streaming" in self.without:
                del config["streaming_channels"]
        pair = Pair(self, len(self.pairs), self.hosts, configs)
        self.pairs.append(pair)
        for _ in range(random.randrange(1, 4)):
            pair.open(random)
        offerer = random.randrange(2)
        if not any(offerer in channel.ends for channel in pair.channels):
            pair._open(offerer, {})
        trickle = random.random() < 0.7
        self.count["connections: trickle" if trickle else "connections: gathered first"] += 1
        self.simulation.negotiate(
            pair.peers[offerer], pair.peers[1 - offerer], trickle=trickle,
            delay=random.choice((0, 1, 100, 500)) * MILLISECOND,
        )

        if random.random() < 0.05 and "early leaving" not in self.without:
            self.simulation.after(random.randrange(2 * SECOND), lambda: self._leave_early(pair))

    def _leave_early(self, pair: Pair) -> None:
        if not pair.connected():
            pair.leave(Random(f"early {self.seed} {pair.number}"))

    def _act(self, random: Random) -> None:
        pair, (action,) = random.choice(self.pairs), random.choices(list(ACTIONS), list(ACTIONS.values()))
        pause = random.choice((0.001, 0.01, 0.05, 0.3, 1.0)) if random.random() < 0.7 else 0
        allowed = action not in self.without and not (self.calm and action in DISTURBING)
        if allowed and not pair.gone and pair.connected():
            getattr(pair, action)(random)
            if not pair.gone:
                pair.check_bounds()
        self.simulation.run(pause)

    def _idle(self) -> None:
        """A minute of nothing: consent (RFC 7675) and heartbeats only."""
        before = sum(host.timeouts for host in self.hosts)
        self.simulation.run(60)
        spent = sum(host.timeouts for host in self.hosts) - before
        peers = sum(len(host.peers) for host in self.hosts)
        if spent > 200 * max(1, peers):
            raise InvariantError(f"{spent} time-outs in an idle minute of {peers} peers")

    def _end(self) -> None:
        sim, random = self.simulation, self.random
        for pair in self.pairs:
            if not pair.gone:
                pair.leave(random)
        for pair in self.pairs:
            sim.until(pair.noticed, NOTICE, lambda: "the other side noticed")
        for pair in self.pairs:
            for peer in pair.peers:
                if peer.id not in peer.host.peers:
                    continue
                peer.close()
                peer.close()  # twice is harmless
        sim.run(5)
        for pair in self.pairs:
            for peer in pair.peers:
                if peer.id in peer.host.peers:
                    if peer.states.connection != "closed":
                        raise InvariantError(f"{peer!r} was closed 5 s ago")
                    peer.free()
        sim.run(1)
        for host in self.hosts:
            if host.sockets:
                raise InvariantError(f"{host!r} has no peers any more, but the sockets {host.sockets}")
            if host.endpoint.deadline() is not None:
                raise InvariantError(f"{host!r} has no peers any more, but a deadline")


def run(seed: int, **options: Any) -> Report:
    return Workload(seed, **options).run()


def table(reports: list[Report]) -> str:
    """What the seeds covered."""
    total: Counter[str] = Counter()
    for report in reports:
        total.update(report.counters)
    seconds = sum(report.seconds for report in reports)
    lines = [f"{len(reports)} seeds, {sum(r.steps for r in reports):,} steps, {seconds / 3600:.1f} hours of network life"]
    lines += [f"{name:<44}{total[name]:>14,}" for name in sorted(total)]
    return "\n".join(lines)


def combined_digest(reports: list[Report]) -> str:
    return hashlib.sha256("".join(report.digest for report in reports).encode()).hexdigest()
