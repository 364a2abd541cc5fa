# SPDX-License-Identifier: BSD-3-Clause
"""Hosts, a network and a clock that jumps from one thing that is due to the next."""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from polyrtc import sansio
from polyrtc.errors import PrtcError
from polyrtc.sansio import Event, EventType

from .host import AnyEndpoint, Habits, Host
from .invariants import InvariantError
from .network import SECOND, Conditions, Network, Segment
from .peer import SimChannel, SimPeer

#: Makes an endpoint as polyrtc.sansio.Endpoint does.
EndpointFactory = Callable[..., AnyEndpoint]

#: Steps without time moving on, after which something is thought to go in circles.
STEPS_PER_INSTANT = 10_000


class Simulation:
    """A run of everything from one seed: the same seed gives the same bytes.

        sim = Simulation(seed=1)
        a, b = sim.pair(loss=0.3)
        sim.connect(a, b)

    ``pair`` makes two hosts with a peer each. ``connect`` carries offer, answer and candidates between them and runs until
    both are connected. ``run`` and ``until`` let virtual time pass; each step checks the invariants.
    """

    def __init__(self, seed: int = 0, *, endpoint: EndpointFactory = sansio.Endpoint, verbose: bool = False,
                 log_level: int = 0) -> None:
        self.seed = seed
        self.network = Network(seed)
        self.random = Random(f"simulation {seed}")
        self.internet = self.network.segment()
        self.hosts: list[Host] = []
        self.names: dict[str, list[str]] = {}
        self.counters: Counter[str] = Counter()
        self.steps = 0
        self.verbose = verbose
        self._log_level = log_level
        self._endpoint = endpoint
        self._transcript = hashlib.sha256()
        self._later: list[tuple[int, int, Callable[[], None]]] = []
        self._serial = itertools.count()
        self._forwarding: dict[SimPeer, Callable[[Event], None]] = {}

    @property
    def now(self) -> int:
        """Microseconds."""
        return self.network.now

    # ---------------------------------------------------------------------------------------------------------- making

    def host(self, name: str | None = None, *ips: str, segment: Segment | None = None, habits: Habits | None = None,
             up: Conditions | None = None, down: Conditions | None = None, **config: Any) -> Host:
        """A machine with the given addresses (one of its own choice when none is given) on the internet or a segment. What else is given
        is the endpoint's (:class:`polyrtc.sansio.Endpoint`)."""
        number = len(self.hosts) + 1
        name = name or f"host{number}"
        seed = hashlib.sha256(f"endpoint {self.seed} {name}".encode()).digest()
        endpoint = self._endpoint(seed, self.now, log_level=self._log_level, **config)
        host = Host(self, name, endpoint, habits or Habits())
        for ip in ips or (f"198.51.100.{number}",):
            host.interfaces.append((segment or self.internet).attach(host, ip, up, down))
        self.hosts.append(host)
        return host

    def pair(self, *, habits: Habits | None = None, config: dict[str, Any] | None = None,
             **conditions: Any) -> tuple[SimPeer, SimPeer]:
        """Two peers, each on a host of its own; the conditions are those of each host's way up to the internet."""
        hosts = [self.host(habits=habits, up=Conditions(**conditions)) for _ in range(2)]
        return hosts[0].peer(**(config or {})), hosts[1].peer(**(config or {}))

    # ------------------------------------------------------------------------------------------------------ signalling

    def connect(self, offerer: SimPeer, answerer: SimPeer, *, trickle: bool = True, signalling_delay: int = 20_000,
                seconds: float = 60.0) -> None:
        """Offer and answer, then runs until both are connected."""
        self.negotiate(offerer, answerer, trickle=trickle, delay=signalling_delay)
        self.until(lambda: offerer.states.connection == answerer.states.connection == "connected", seconds)

    def negotiate(self, offerer: SimPeer, answerer: SimPeer, *, trickle: bool = True, delay: int = 20_000) -> None:
        """Begins offer and answer. Messages take `delay` microseconds each way and keep their order. With `trickle`,
        candidates follow one by one; without, each side waits until it has gathered."""
        if not offerer.channels and "m=" not in (self._local_sdp(offerer) or ""):
            offerer.channel("first")
        self._forward_candidates(offerer, answerer if trickle else None, delay)
        self._forward_candidates(answerer, offerer if trickle else None, delay)

        def answer_arrived(sdp: str) -> None:
            if offerer.alive():
                offerer.command("set_remote_description", "answer", sdp)

        def offer_arrived(sdp: str) -> None:
            if answerer.alive():
                answerer.command("set_remote_description", "offer", sdp)
                answerer.command("set_local_description", "answer")
                self._when_ready(answerer, trickle, lambda sdp: self.after(delay, lambda: answer_arrived(sdp)))

        offerer.command("set_local_description", "offer")
        self._when_ready(offerer, trickle, lambda sdp: self.after(delay, lambda: offer_arrived(sdp)))

    @staticmethod
    def _local_sdp(peer: SimPeer) -> str:
        description = peer.raw.description()
        return description.sdp if description is not None else ""

    def _when_ready(self, peer: SimPeer, trickle: bool, action: Callable[[str], None]) -> None:
        """Gives the description away: now with trickle, else once gathering is complete."""
        if trickle:
            action(self._local_sdp(peer))
            return

        def listener(event: Event) -> None:
            if event.type == EventType.ICE_GATHERING_STATE_CHANGE and event.state_name == "complete":
                peer.listeners.remove(listener)
                action(self._local_sdp(peer))

        peer.listeners.append(listener)

    def _forward_candidates(self, source: SimPeer, target: SimPeer | None, delay: int) -> None:
        """As a signalling server does: in order. A candidate overtakes no description because both take `delay`."""

        def forward(event: Event) -> None:
            if event.type == EventType.ICE_CANDIDATE and event.text is not None and target is not None:
                self.after(delay, lambda: self._add_candidate(target, event))

        if source in self._forwarding:
            source.listeners.remove(self._forwarding[source])
        self._forwarding[source] = forward
        source.listeners.append(forward)

    def stop_forwarding(self, source: SimPeer) -> None:
        """The candidates of this peer are somebody else's business from now on."""
        if source in self._forwarding:
            source.listeners.remove(self._forwarding.pop(source))

    def _add_candidate(self, target: SimPeer, event: Event) -> None:
        if not target.alive():
            return
        description = target.raw.description(1)
        if description is None:  # the answer is still on its way: applications keep the candidate
            self.after(10_000, lambda: self._add_candidate(target, event))
            return
        if event.ufrag and event.ufrag not in description.sdp:
            return  # of a generation that is over: addIceCandidate would refuse it
        target.command("add_ice_candidate", event.text, event.mid, event.index, event.ufrag)

    def open(self, a: SimPeer, b: SimPeer, label: str = "chat", **config: Any) -> tuple[SimChannel, SimChannel]:
        """A new channel from `a` (from both when it is negotiated), once both of its ends are open."""
        ours = a.channel(label, **config)
        if config.get("negotiated"):
            b.channel(label, **config)
        self.until(lambda: ours.state == "open" and (end := b.by_label(label)) is not None and end.state == "open")
        theirs = b.by_label(label)
        assert theirs is not None
        return ours, theirs

    # --------------------------------------------------------------------------------------------------------- running

    def after(self, delay: int, action: Callable[[], None]) -> None:
        """Does something after `delay` microseconds. It may command peers."""
        heapq.heappush(self._later, (self.now + delay, next(self._serial), action))

    def run(self, seconds: float) -> None:
        """Lets so much virtual time pass."""
        end = self.now + int(seconds * SECOND)
        while self._step(end):
            pass

    def until(self, condition: Callable[[], bool], seconds: float = 60.0, what: Callable[[], str] = str) -> None:
        """Runs until the condition holds, for `seconds` of virtual time at most: then TimeoutError, and how things are."""
        end = self.now + int(seconds * SECOND)
        self._settle()
        while not condition():
            if not self._step(end):
                peers = [peer for host in self.hosts for peer in host.peers.values()]
                raise TimeoutError(f"seed {self.seed}: not within {seconds} s of virtual time: {what()} {peers}")

    def _step(self, end: int) -> bool:
        """Goes to the next time at which something is due, and does it; False when that is after `end`."""
        times = [host.deadline() for host in self.hosts]
        times += [self.network.deadline(), self._later[0][0] if self._later else None]
        due = min((time for time in times if time is not None), default=end + 1)
        if due > end:
            self.network.now = max(self.now, end)
            return False
        self.network.now = max(self.now, due)
        self._settle()
        return True

    def _settle(self) -> None:
        """Does everything that is due now."""
        for _ in range(STEPS_PER_INSTANT):
            busy = False
            while self._later and self._later[0][0] <= self.now:
                busy = True
                heapq.heappop(self._later)[2]()
            self.network.deliver(self.now)
            for host in self.hosts:
                try:
                    if host.step(self.now):
                        busy = True
                        self.steps += 1
                except InvariantError as error:
                    raise InvariantError(f"seed {self.seed}, {self.now} µs, {host!r}: {error}") from error
            if not busy:
                return
        raise InvariantError(f"seed {self.seed}, {self.now} µs: time does not move on")

    # ------------------------------------------------------------------------------------------------------- transcript

    def record(self, host: Host, verb: str, *what: object) -> None:
        """Adds to the transcript: everything that goes into an endpoint or comes out of it."""
        line = f"{self.now} {host.name} {verb} "
        self._transcript.update(line.encode())
        for item in what:
            data = bytes(item) if isinstance(item, (bytes, bytearray, memoryview)) else repr(item).encode()
            self._transcript.update(b"%d:" % len(data))
            self._transcript.update(data)
        if self.verbose:
            shown = (f"<{len(i)} bytes>" if isinstance(i, (bytes, bytearray, memoryview)) else str(i)[:120] for i in what)
            print(f"{self.now / SECOND:.6f} {host.name} {verb} " + " ".join(shown))

    def digest(self) -> str:
        """SHA-256 of the transcript so far: equal for equal runs."""
        return self._transcript.hexdigest()

    def free(self) -> None:
        """Frees every endpoint."""
        for host in self.hosts:
            if not host.freed:
                host.free()


__all__ = ["Conditions", "Habits", "Host", "InvariantError", "PrtcError", "SimPeer", "Simulation"]
