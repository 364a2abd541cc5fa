# SPDX-License-Identifier: BSD-3-Clause
"""How soon a connection is there, in round trips from when both sides hold both descriptions. In virtual time, so exact."""

from __future__ import annotations

import pytest

from polyrtc.sansio import Event, EventType, IceServer
from tests.sim import MILLISECOND, Conditions, Packet, SimPeer, Simulation

#: What has just been made waits for the host's next step; timers are rounded up. Microseconds.
ROUNDING = 1_000

ROUND_TRIPS = [5, 20, 50, 100, 200, 300, 450, 600]

ADDRESSES = {
    "IPv4": (["198.51.100.1"], ["198.51.100.2"]),
    "IPv6": (["2001:db8::1"], ["2001:db8::2"]),
    "both": (["198.51.100.1", "2001:db8::1"], ["2001:db8::2", "198.51.100.2"]),
}


class Timer:
    """When the states of a peer became connected."""

    def __init__(self, sim: Simulation, peer: SimPeer) -> None:
        self.ice = self.connection = 0
        self.sim = sim
        peer.listeners.append(self.look)

    def look(self, event: Event) -> None:
        if event.type == EventType.ICE_CONNECTION_STATE_CHANGE and event.state_name in ("connected", "completed"):
            self.ice = self.ice or self.sim.now
        if event.type == EventType.CONNECTION_STATE_CHANGE and event.state_name == "connected":
            self.connection = self.connection or self.sim.now


def pair(sim: Simulation, addresses: tuple[list[str], list[str]], round_trip: int, **config: object) -> tuple[SimPeer, SimPeer]:
    delay = Conditions(delay=round_trip * MILLISECOND // 2)
    a, b = (sim.host(None, *ips, up=delay).peer(**config) for ips in addresses)
    return a, b


def local_sdp(peer: SimPeer) -> str:
    description = peer.raw.description()
    assert description is not None
    return description.sdp


DEAD_RELAY = IceServer("turn:192.0.2.98", "user", "password")


def unreachable(count: int, priority: int = 2_130_706_431) -> list[str]:
    """Candidates of nobody, by default of a higher priority than any real one."""
    return [f"candidate:bad{i} 1 udp {max(1, priority - i)} 203.0.113.{100 + i} {9000 + i} typ host" for i in range(count)]


def give(peer: SimPeer, candidates: list[str]) -> None:
    for candidate in candidates:
        peer.command("add_ice_candidate", candidate, None, 0, None)


def connect(sim: Simulation, a: SimPeer, b: SimPeer, *, trickle: bool, passive: bool, bad: tuple[list[str], list[str]]) -> int:
    """Offer and answer without any delay of the signalling; the time when both sides have all. `passive`: the answerer is no DTLS client."""
    a.channel("first")
    a.command("set_local_description", "offer")
    sim.until(lambda: any(c.text for c in a.candidates) if bad[0] or bad[1] else a.states.ice_gathering == "complete", 60)
    offer = local_sdp(a).replace("a=setup:actpass", "a=setup:active" if passive else "a=setup:actpass")
    if trickle:
        candidates = [line[2:] for line in offer.splitlines() if line.startswith("a=candidate")]
        offer = "".join(line for line in offer.splitlines(True) if not line.startswith(("a=candidate", "a=end-of")))
    b.command("set_remote_description", "offer", offer)
    b.command("set_local_description", "answer")
    sim.until(lambda: any(c.text for c in b.candidates), 0)
    answer = local_sdp(b)
    if trickle:
        theirs = [line[2:] for line in answer.splitlines() if line.startswith("a=candidate")]
        answer = "".join(line for line in answer.splitlines(True) if not line.startswith(("a=candidate", "a=end-of")))
    a.command("set_remote_description", "answer", answer)
    give(a, bad[0])
    give(b, bad[1])
    if trickle:
        give(a, theirs)
        give(b, candidates)
    return sim.now


def measure(sim: Simulation, a: SimPeer, b: SimPeer, *, trickle: bool = False, passive: bool = False,
            bad: tuple[list[str], list[str]] = ([], [])) -> tuple[int, int]:
    """Microseconds until ICE is connected, and until all is, on both sides."""
    timers = Timer(sim, a), Timer(sim, b)
    start = connect(sim, a, b, trickle=trickle, passive=passive, bad=bad)
    sim.until(lambda: all(t.connection for t in timers), 60)
    return max(t.ice for t in timers) - start, max(t.connection for t in timers) - start


@pytest.mark.parametrize("trickle", [False, True], ids=["complete", "trickled"])
@pytest.mark.parametrize("passive", [False, True], ids=["active", "passive"])
@pytest.mark.parametrize("round_trip", ROUND_TRIPS)
@pytest.mark.parametrize("addresses", ADDRESSES.values(), ids=ADDRESSES)
def test_good_paths(sim: Simulation, addresses: tuple[list[str], list[str]], round_trip: int, passive: bool, trickle: bool) -> None:
    a, b = pair(sim, addresses, round_trip)
    ice, connection = measure(sim, a, b, passive=passive, trickle=trickle)
    print(f"ice {ice / round_trip / 1000:.2f} r, connection {connection / round_trip / 1000:.2f} r")
    assert ice <= 2 * round_trip * MILLISECOND + ROUNDING
    assert connection <= 4 * round_trip * MILLISECOND + ROUNDING


@pytest.mark.parametrize("trickle", [False, True], ids=["complete", "trickled"])
@pytest.mark.parametrize("who", ["offerer", "answerer", "both"])
@pytest.mark.parametrize("passive", [False, True], ids=["active", "passive"])
@pytest.mark.parametrize("server", [(), ("stun:192.0.2.99",), (DEAD_RELAY,)], ids=["", "dead STUN server", "dead TURN server"])
@pytest.mark.parametrize("priority", [2_130_706_431, 1], ids=["better", "worse"])
@pytest.mark.parametrize("round_trip", ROUND_TRIPS)
def test_beside_what_does_not_work(sim: Simulation, round_trip: int, priority: int, server: tuple[str | IceServer, ...], passive: bool,
                                   who: str, trickle: bool) -> None:
    """A dead server and ten unreachable candidates cost at most one more round trip, or ten times Ta. Trickled, they come before
    the good one."""
    a, b = pair(sim, ADDRESSES["IPv4"], round_trip, ice_servers=list(server))
    bad = unreachable(10, priority)
    ice, connection = measure(sim, a, b, passive=passive, trickle=trickle, bad=(bad if who != "answerer" else [], bad if who != "offerer" else []))
    more = max(round_trip, 10 * 50) * MILLISECOND
    print(f"ice {ice / 1000:.1f} ms, connection {connection / 1000:.1f} ms, r {round_trip}, allowed {(2 * round_trip * 1000 + more) / 1000}")
    assert ice <= 2 * round_trip * MILLISECOND + more + ROUNDING
    assert connection <= 4 * round_trip * MILLISECOND + more + ROUNDING


def checks_of(sim: Simulation, source: str) -> list[int]:
    """When each connectivity check (a STUN request with a user name) of an address was first sent."""
    first: dict[bytes, int] = {}

    def tap(now: int, packet: Packet) -> list[Packet]:
        if packet.source[0] == source and packet.data[:2] == b"\x00\x01" and b"\x00\x06" in packet.data[20:24]:
            first.setdefault(packet.data[8:20], now)
        return [packet]

    sim.network.taps.append(tap)
    sim.run(3)
    return list(first.values())


@pytest.mark.parametrize(("ours", "theirs", "agreed"), [(0, 0, 50), (20, 30, 30), (100, 0, 100), (20, None, 50)])
def test_pacing(sim: Simulation, ours: int, theirs: int | None, agreed: int) -> None:
    """RFC 8445 section 14.2: the larger of both sides' a=ice-pacing (RFC 8839 section 5.5) counts, and 50 ms for a side without."""
    a, b = (sim.host(None, f"198.51.100.{n}").peer(ice_pacing=pace or 0) for n, pace in ((1, ours), (2, theirs)))
    a.channel("first")
    a.command("set_local_description", "offer")
    sim.until(lambda: a.states.ice_gathering == "complete")
    assert f"a=ice-pacing:{ours or 50}\r\n" in local_sdp(a)
    b.command("set_remote_description", "offer", local_sdp(a))
    b.command("set_local_description", "answer")
    answer = "".join(line for line in local_sdp(b).splitlines(True) if not line.startswith("a=candidate"))
    assert f"a=ice-pacing:{theirs or 50}\r\n" in answer
    if theirs is None:
        answer = answer.replace("a=ice-pacing:50\r\n", "")
    sim.network.taps.append(lambda now, packet: [packet] if packet.source[0] == "198.51.100.1" else [])
    a.command("set_remote_description", "answer", answer)
    give(a, unreachable(10))
    times = checks_of(sim, "198.51.100.1")
    assert len(times) == 10
    assert {later - earlier for earlier, later in zip(times, times[1:])} == {agreed * MILLISECOND}
