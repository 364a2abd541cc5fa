# SPDX-License-Identifier: BSD-3-Clause
"""What connects through what: two peers, each at a site of some kind, and the route that they find.

A site is what stands between a peer and the internet. A route is written as the two addresses that data goes to, "how the
answerer reaches the offerer - how the offerer reaches the answerer": "prflx-srflx" says that the offerer has sent checks to
what a STUN server had told the answerer, and that the answerer learned from these where the offerer is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polyrtc.sansio import IceServer

from .network import Segment
from .nodes import Dependence, Nat
from .peer import SimPeer
from .simulation import Simulation
from .turn_server import TurnNode

INDEPENDENT, ADDRESS, PORT = Dependence

#: `python -m tests.sim.routes` writes the table in it, and prints the routes.
DOCUMENT = Path(__file__).parents[2] / "docs/connectivity.md"


@dataclass
class Site:
    """Where one peer's host stands: its segment, its addresses, and the NATs on the way, the outermost last."""

    segment: Segment
    ips: list[str]
    nats: list[Nat] = field(default_factory=list)


def _home(mapping: Dependence, filtering: Dependence, **options: Any) -> Callable[[Simulation, int], Site]:
    def make(sim: Simulation, number: int) -> Site:
        nat = Nat(f"home {number}", sim.internet, f"203.0.113.{number}", f"10.{number}.0.1", mapping=mapping,
                  filtering=filtering, **options)
        return Site(nat.segment, [f"10.{number}.0.2"], [nat])

    return make


def _carrier(mapping: Dependence) -> Callable[[Simulation, int], Site]:
    """A home behind the NAT of its provider (RFC 6888)."""

    def make(sim: Simulation, number: int) -> Site:
        carrier = Nat(f"carrier {number}", sim.internet, f"203.0.113.{number}", f"100.64.{number}.1", mapping=mapping)
        home = Nat(f"home {number}", carrier.segment, f"100.64.{number}.2", f"10.{number}.0.1")
        return Site(home.segment, [f"10.{number}.0.2"], [home, carrier])

    return make


def _public(sim: Simulation, number: int) -> Site:
    return Site(sim.internet, [f"192.0.2.{number}"])


def _dual(sim: Simulation, number: int) -> Site:
    """IPv4 behind a NAT; IPv6 behind a firewall that lets answers in (RFC 6092)."""
    six = f"2001:db8:{number}::2"
    nat = Nat(f"home {number}", sim.internet, f"203.0.113.{number}", f"10.{number}.0.1", routes=[six])
    return Site(nat.segment, [f"10.{number}.0.2", six], [nat])


def _six(sim: Simulation, number: int) -> Site:
    six = f"2001:db8:{number}::2"
    firewall = Nat(f"home {number}", sim.internet, f"2001:db8:{number}::ffff", f"2001:db8:{number}::1", routes=[six])
    return Site(firewall.segment, [six], [firewall])


def _no_udp(sim: Simulation, number: int) -> Site:
    """A company: TCP leads out, UDP does not."""
    site = SITES["port-restricted"](sim, number)
    (inside,) = site.ips
    sim.network.taps.append(lambda now, packet: [packet] if packet.tcp or packet.source[0] != inside else [])
    return site


#: Names of old (RFC 3489 section 5) where there are some.
SITES: dict[str, Callable[[Simulation, int], Site]] = {
    "public": _public,
    "full cone": _home(INDEPENDENT, INDEPENDENT),
    "restricted": _home(INDEPENDENT, ADDRESS),
    "port-restricted": _home(INDEPENDENT, PORT),
    "symmetric": _home(PORT, PORT),
    "carrier": _carrier(INDEPENDENT),
    "carrier, symmetric": _carrier(PORT),
    "dual stack": _dual,
    "IPv6 only": _six,
    "UDP blocked": _no_udp,
}


def peer_at(sim: Simulation, site: Site, number: int, **config: Any) -> SimPeer:
    return sim.host(f"host{number}", *site.ips, segment=site.segment).peer(**config)


@dataclass(frozen=True)
class Servers:
    """What both peers are told of, and what they may use."""

    stun: bool = False
    turn: bool = False
    policy: str = "all"

    def config(self, turn: TurnNode, site: Site) -> dict[str, Any]:
        """Of a peer at a site: the server's address is one that it can reach."""
        version = 4 if any(":" not in ip for ip in site.ips) else 6
        servers = []
        if self.stun:
            servers.append(IceServer(turn.url(version, "stun")))
        if self.turn:
            servers.append(IceServer(turn.url(version), "user", "secret"))
            servers.append(IceServer(turn.url(version, transport="tcp"), "user", "secret"))
        return {"ice_servers": servers, "ice_transport_policy": self.policy}


SERVERS = {
    "no server": Servers(),
    "STUN": Servers(stun=True),
    "STUN and TURN": Servers(stun=True, turn=True),
    "TURN, relay policy": Servers(turn=True, policy="relay"),
}


def meet(sim: Simulation, offerer: str, answerer: str, servers: Servers) -> tuple[SimPeer, SimPeer]:
    """Two peers at such sites, negotiating."""
    turn = TurnNode(sim.internet, "198.51.100.240", "2001:db8::240")
    turn.listen(sim)
    sites = SITES[offerer](sim, 1), SITES[answerer](sim, 2)
    a, b = (peer_at(sim, site, number, **servers.config(turn, site)) for number, site in enumerate(sites, 1))
    sim.negotiate(a, b)
    return a, b


def ended(a: SimPeer, b: SimPeer) -> bool:
    return all(peer.states.connection in ("connected", "failed") for peer in (a, b))


def route(a: SimPeer, b: SimPeer) -> str:
    """Of two that are connected; "none" when both have failed."""
    if a.states.connection == b.states.connection == "failed":
        return "none"
    assert a.states.connection == b.states.connection == "connected"
    return f"{remote_type(b)}-{remote_type(a)}"


def remote_type(peer: SimPeer) -> str:
    """Of the selected pair, as the statistics say it."""
    stats = {entry["id"]: entry for entry in peer.raw.stats(peer.host.simulation.now)}
    (transport,) = (entry for entry in stats.values() if entry["type"] == "transport")
    kind: str = stats[stats[transport["selectedCandidatePairId"]]["remoteCandidateId"]]["candidateType"]
    return kind


# ------------------------------------------------------------------------------------------------ docs/connectivity.md

#: The least that two sites need, from the least of all.
NEEDS = {"no server": "nothing", "STUN": "STUN", "STUN and TURN": "TURN"}

#: Servers, offerer's site, answerer's site; the route.
Results = dict[tuple[str, str, str], str]


def results() -> Results:
    """What the simulator finds, for all of it."""
    found = {}
    for servers, offerer, answerer in itertools.product(SERVERS, SITES, SITES):
        sim = Simulation()
        a, b = meet(sim, offerer, answerer, SERVERS[servers])
        sim.until(lambda a=a, b=b: ended(a, b), 120)  # type: ignore[misc]
        found[servers, offerer, answerer] = route(a, b)
        sim.free()
    return found


def table(found: Results) -> str:
    """In Markdown: what each two sites need at least."""

    def need(one: str, other: str) -> str:
        for servers, name in NEEDS.items():
            ways = {found[servers, one, other], found[servers, other, one]}
            if "none" not in ways:
                return f"**{name}**" if any("relay" in way for way in ways) else name
        return "no way"

    lines = ["| | " + " | ".join(SITES) + " |", "|---" * (len(SITES) + 1) + "|"]
    for number, one in enumerate(SITES):
        cells = [need(one, other) if place <= number else "" for place, other in enumerate(SITES)]
        lines.append(f"| {one} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def replaced(document: str, found: Results) -> str:
    """The document with the table between its marks."""
    begin, end = "<!-- table: begin -->\n", "<!-- table: end -->"
    head, _, rest = document.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}{table(found)}{end}{tail}"


if __name__ == "__main__":
    everything = results()
    DOCUMENT.write_text(replaced(DOCUMENT.read_text(), everything))
    for servers in SERVERS:  # as test_routes.py has it
        print(servers)
        for offerer in SITES:
            routes = " ".join(f"{everything[servers, offerer, answerer]:11}" for answerer in SITES)
            print(f"{offerer:18} | {routes}".rstrip())
