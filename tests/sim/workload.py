# SPDX-License-Identifier: BSD-3-Clause
"""A mixed workload: from one seed a bad network, some connections, and a while of everything that applications do to them.

Channels of all kinds are opened and closed at any moment from either side, ids are used again, messages of all kinds and
sizes are sent, peers are closed or freed without notice. A model knows what must arrive; the simulator checks the rest.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from polyrtc.errors import ErrorCode, PrtcError
from polyrtc.sansio import Endpoint, Event, EventType, MessageKind

from .host import Habits, Host
from .invariants import InvariantError
from .model import Flow, Message
from .network import MILLISECOND, SECOND, Conditions
from .nodes import Dependence, Nat, StunServer
from .peer import SimChannel, SimPeer
from .simulation import EndpointFactory, Simulation

#: Seconds of virtual time for a connection to come about, and for all that is under way to arrive, on the worst networks.
PATIENCE = 900

#: Seconds after which a peer must have noticed that the other one is gone (RFC 7675 section 5.1: consent lasts 30 s).
NOTICE = 90

_TEXTS = ("", "a", "héllo wörld", "🙂" * 7, "\u0000zero\u0000", "line\r\nline")


@dataclass
class Report:
    """What one seed did, to be summed up over all."""

    seed: int
    digest: str
    seconds: float
    steps: int
    counters: Counter[str] = field(default_factory=Counter)


class Channel:
    """A channel of the workload: its two ends, where they exist, and the two flows."""

    def __init__(self, label: str, config: dict[str, Any]) -> None:
        self.label = label
        self.config = config
        self.ends: dict[int, SimChannel] = {}  # by side
        self.closed_by: set[int] = set()
        self.one_sided = False  # negotiated, and closed by one side before there was an association: the other cannot know
        ordered = config.get("ordered", True)
        reliable = not {"max_retransmits", "max_packet_life_time"} & config.keys()
        self.flows = [Flow(f"channel {label}, from side {side}", ordered, reliable) for side in range(2)]

    def over(self) -> bool:
        return bool(self.ends) and all(end.state == "closed" for end in self.ends.values())


class Pair:
    """Two connected peers and their channels."""

    def __init__(self, workload: Workload, number: int, hosts: list[Host], config: list[dict[str, Any]]) -> None:
        self.workload = workload
        self.number = number
        self.peers = [host.peer(**c) for host, c in zip(hosts, config)]
        self.limits = [c["max_message_size"] or 256 * 1024 for c in config]
        self.bounds = [c["send_queue_size"] or 16 * 1024 * 1024 for c in config]
        self.channels: list[Channel] = []
        self.gone: set[int] = set()
        self.serial = 0
        self.negotiating_until = 0
        for side, peer in enumerate(self.peers):
            peer.listeners.append(lambda event, side=side: self.on_event(side, event))  # type: ignore[misc]

    def connected(self) -> bool:
        return all(peer.states.connection == "connected" for peer in self.peers)

    # ---------------------------------------------------------------------------------------------------------- events

    def on_event(self, side: int, event: Event) -> None:
        peer = self.peers[side]
        if event.type == EventType.DATA_CHANNEL:
            self._announced(side, peer.channels[event.object])
        elif event.type == EventType.CHANNEL_MESSAGE:
            assert event.data is not None
            channel = self._channel_of(side, event.object)
            text = event.kind == MessageKind.TEXT
            channel.flows[1 - side].on_arrived(event.data.decode() if text else event.data)
            self.workload.count["messages received"] += 1
        elif event.type == EventType.CHANNEL_CLOSING:
            self.workload.count["channels closed by the other side"] += 1
        elif event.type == EventType.CHANNEL_BUFFERED_AMOUNT_LOW:
            self.workload.count["bufferedamountlow"] += 1
        elif event.type == EventType.CHANNEL_ERROR and not self.gone:
            raise InvariantError(f"pair {self.number}, side {side}: a channel failed: {event.code} {event.text}")
        elif event.type == EventType.FAILED:
            self.workload.count["failures reported"] += 1

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
        self.channels.append(channel)
        channel.ends[side] = self.peers[side].channel(channel.label, **config)
        return channel

    @staticmethod
    def _kind(random: Random) -> dict[str, Any]:
        config: dict[str, Any] = {"ordered": random.random() < 0.6}
        reliability = random.random()
        if reliability < 0.15:
            config["max_retransmits"] = random.choice((0, 1, 3))
        elif reliability < 0.3:
            config["max_packet_life_time"] = random.choice((0, 20, 500))
        return config

    def send(self, random: Random) -> None:
        """A few messages on a channel that is open."""
        open_ends = [(c, s) for c in self.channels for s, end in sorted(c.ends.items()) if end.state == "open"]
        if not open_ends:
            return
        channel, side = random.choice(open_ends)
        for _ in range(random.choice((1, 1, 2, 5, 20))):
            message = self._message(random, channel.label, channel.flows[side].sent)
            size = len(message.encode() if isinstance(message, str) else message)
            try:
                channel.ends[side].send(message)
            except PrtcError as error:
                if error.code == ErrorCode.QUEUE_FULL:
                    self.workload.count["sends refused: queue full"] += 1
                elif error.code == ErrorCode.MESSAGE_TOO_LARGE and size > self.limits[1 - side]:
                    self.workload.count["sends refused: too large"] += 1
                elif error.code == ErrorCode.INVALID_STATE and channel.ends[side].refresh().state != "open":
                    self.workload.count["sends refused: closed, but not told yet"] += 1
                else:
                    raise
                return
            limit = self.limits[1 - side]
            if size > limit:
                raise InvariantError(f"a message of {size} bytes was taken, the other side's limit is {limit}")
            channel.flows[side].on_sent(message)
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

    def restart(self, random: Random) -> None:
        """An ICE restart by either side, while the channels go on (RFC 8445 section 9)."""
        now = self.workload.simulation.now
        if now < self.negotiating_until:
            return
        self.negotiating_until = now + 2 * SECOND  # trickle: two messages of 50 ms each at most
        side = random.randrange(2)
        self.peers[side].command("restart_ice")
        self.workload.simulation.negotiate(self.peers[side], self.peers[1 - side], delay=random.choice((0, 50_000)))
        self.workload.count["ICE restarts"] += 1

    def check_bounds(self) -> None:
        """What waits to be sent is within what the configuration allows."""
        for side, bound in enumerate(self.bounds):
            ends = [channel.ends[side] for channel in self.channels if side in channel.ends]
            waiting = sum(end.refresh().buffered_amount for end in ends if end.state != "closed")
            if waiting > bound:
                raise InvariantError(f"{waiting} bytes wait to be sent, the bound is {bound}")

    def leave(self, random: Random) -> None:
        """One side closes, or is gone without a word; then the other side's network may be anything."""
        side = random.randrange(2)
        self.gone.add(side)
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
        for channel in self.channels:
            if any(flow.missing() for flow in channel.flows):
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
        left = [peer for side, peer in enumerate(self.peers) if side not in self.gone and peer.id in peer.host.peers]
        return all(
            peer.states.connection in ("disconnected", "failed", "closed") or peer.states.dtls_transport == "closed"
            for peer in left
        )

    def unsettled(self) -> str:
        return "; ".join(
            f"{c.label} {c.config} closed by {sorted(c.closed_by)} "
            + ", ".join(f"{s}: {e.state} {e.refresh().buffered_amount} B" for s, e in sorted(c.ends.items()))
            + f" missing {[f.missing() for f in c.flows]}"
            for c in self.channels
            if any(f.missing() for f in c.flows) or not c.over()
        )


class Workload:
    """One seed's run."""

    def __init__(
        self, seed: int, *, endpoint: EndpointFactory = Endpoint, verbose: bool = False, log_level: int = 0, nat: bool = True
    ) -> None:
        self.seed = seed
        self.nat = nat
        self.random = Random(f"workload {seed}")
        self.simulation = Simulation(seed, endpoint=endpoint, verbose=verbose, log_level=log_level)
        self.count = self.simulation.counters
        self.stun = StunServer(self.simulation.internet)
        self.hosts: list[Host] = []
        self.pairs: list[Pair] = []

    def run(self) -> Report:
        """Raises InvariantError, TimeoutError or PrtcError when something is wrong."""
        sim, random = self.simulation, self.random
        began = sim.now
        self._make_hosts()
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            self._connect()
        sim.until(lambda: all(pair.connected() for pair in self.pairs), PATIENCE, lambda: "connected")
        for _ in range(random.randrange(20, 120)):
            self._act()
            if random.random() < 0.7:
                sim.run(random.choice((0.001, 0.01, 0.05, 0.3, 1.0)))
        for pair in self.pairs:
            sim.until(pair.settled, PATIENCE, pair.unsettled)
        self._idle()
        self._end()
        digest = sim.digest()
        sim.free()
        self.count.update({f"datagrams {name}": n for name, n in sim.network.counters.items()})
        return Report(self.seed, digest, (sim.now - began) / SECOND, sim.steps, self.count)

    def _make_hosts(self) -> None:
        random = self.random
        bad = random.choice((0.0, 0.3, 1.0))  # how bad the network is
        habits = Habits(
            train=random.choice((0.0, 0.5, 1.0)), undrained=random.choice((0.0, 0.2)), backwards=random.choice((0.0, 0.05)),
            early=random.choice((0.0, 0.1)), slow_reply=random.choice((0.0, 0.5)),
        )
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
            self.hosts.append(self._make_host(number, conditions, habits))
            self.count[f"networks: {'good' if not bad else 'bad'}"] += 1

    def _make_host(self, number: int, conditions: Conditions, habits: Habits) -> Host:
        """On the internet by one or two addresses, or in a home behind a NAT."""
        random, sim = self.random, self.simulation
        if random.random() < 0.3 and self.nat:
            filtering = random.choice(list(Dependence))
            nat = Nat(f"nat{number}", sim.internet, f"203.0.113.{number + 100}", f"10.{number}.0.1", filtering=filtering)
            nat.outside.up.conditions = conditions
            self.count["hosts behind a NAT"] += 1
            return sim.host(f"side{number}", f"10.{number}.0.2", segment=nat.segment, habits=habits)
        ips = random.choice((
            [f"198.51.100.{number + 1}"],
            [f"2001:db8::{number + 1}", f"198.51.100.{number + 1}"],
            [f"198.51.100.{number + 1}", f"203.0.113.{number + 1}"],
        ))
        return sim.host(f"side{number}", *ips, up=conditions, habits=habits)

    def _connect(self) -> None:
        random = self.random
        configs = [
            {
                "max_message_size": random.choice((0, 0, 70_000)),
                "send_queue_size": random.choice((0, 0, 300_000)),
                "ice_servers": [self.stun.url],
            }
            for _ in range(2)
        ]
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

    def _act(self) -> None:
        random = self.random
        pair = random.choice(self.pairs)
        if pair.gone or not pair.connected():
            return
        choice = random.random()
        if choice < 0.12:
            pair.open(random)
        elif choice < 0.2:
            pair.open_negotiated(random)
        elif choice < 0.3:
            pair.close_channel(random)
        elif choice < 0.33:
            pair.set_threshold(random)
        elif choice < 0.335:
            pair.leave(random)
            return
        elif choice < 0.345:
            pair.restart(random)
        else:
            pair.send(random)
        pair.check_bounds()

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
