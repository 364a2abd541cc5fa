# SPDX-License-Identifier: BSD-3-Clause
"""The transports one by one, without descriptions (polyrtc/transport.h)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from polyrtc.errors import ErrorCode, PrtcError
from polyrtc.sansio import Event, EventType, Replay

from tests.sim import Packet, SimPeer, Simulation
from tests.sim.recording import Recorder

ICE, DTLS = 1, 2


class Side:
    """A peer, and what its last stage has received."""

    def __init__(self, sim: Simulation, **config: Any) -> None:
        self.peer = sim.host().peer(**config)
        self.peer.states.one_by_one = True
        self.received: list[tuple[int, bytes]] = []
        self.peer.listeners.append(self._listen)
        self.peer.command("gather")

    def _listen(self, event: Event) -> None:
        if event.type == EventType.TRANSPORT_DATA:
            assert event.data is not None
            self.received.append((event.kind, bytes(event.data)))

    @property
    def parameters(self) -> dict[str, Any]:
        return self.peer.raw.parameters()


def sides(sim: Simulation, **config: Any) -> tuple[Side, Side]:
    a, b = Side(sim, **config), Side(sim, **config)
    sim.until(lambda: a.peer.states.ice_gathering == b.peer.states.ice_gathering == "complete")
    return a, b


def start_ice(sim: Simulation, a: Side, b: Side) -> None:
    a.peer.command("start_ice", b.parameters, True)
    b.peer.command("start_ice", a.parameters, False)
    sim.until(lambda: a.peer.states.ice_connection == b.peer.states.ice_connection == "completed")


def start_dtls(sim: Simulation, a: Side, b: Side) -> None:
    a.peer.command("start_dtls", b.parameters)
    b.peer.command("start_dtls", a.parameters)
    sim.until(lambda: a.peer.states.dtls_transport == b.peer.states.dtls_transport == "connected")


def refused(code: int, peer: SimPeer, command: str, *arguments: Any) -> str:
    with pytest.raises(PrtcError) as error:
        peer.command(command, *arguments)
    assert error.value.code == code
    return str(error.value)


def test_one_after_the_other(sim: Simulation) -> None:
    a, b = sides(sim)
    refused(ErrorCode.INVALID_STATE, a.peer, "send_raw", b"too early")
    start_ice(sim, a, b)
    for data in (b"hello", b"\x16\xfe\xfd like DTLS", bytes((4,)), bytes(range(255, 0, -1))):
        a.peer.command("send_raw", data)
    sim.run(1)
    assert b.received == [(ICE, b"hello"), (ICE, b"\x16\xfe\xfd like DTLS"), (ICE, bytes((4,))), (ICE, bytes(range(255, 0, -1)))]
    start_dtls(sim, a, b)
    b.peer.command("send_raw", b"\x00 a record may begin as it likes")
    sim.run(1)
    assert a.received == [(DTLS, b"\x00 a record may begin as it likes")]
    channel = a.peer.channel("chat")
    a.peer.command("start_sctp", b.parameters)
    b.peer.command("start_sctp", a.parameters)
    sim.until(lambda: channel.state == "open")
    channel.send("over all of them")
    sim.until(lambda: (other := b.peer.by_label("chat")) is not None and other.received == ["over all of them"])
    refused(ErrorCode.INVALID_STATE, a.peer, "send_raw", b"SCTP has it now")
    a.peer.close()
    sim.until(lambda: b.peer.states.dtls_transport == "closed")


def test_all_at_once(sim: Simulation) -> None:
    """No stage has to wait for the one before, candidates may come later, and channels be there first."""
    a, b = Side(sim), Side(sim)
    channel = a.peer.channel("chat", negotiated=True, stream_id=4)
    other = b.peer.channel("chat", negotiated=True, stream_id=4)
    for ours, theirs, controlling in ((a, b, True), (b, a, False)):
        ours.peer.command("start_ice", theirs.parameters, controlling)
        ours.peer.command("start_dtls", theirs.parameters)
        ours.peer.command("start_sctp", theirs.parameters)
    sim.run(1)
    assert a.peer.states.connection != "connected"
    a.peer.command("add_candidates", {"iceCandidates": b.parameters["iceCandidates"], "iceCandidatesComplete": True})
    b.peer.command("add_candidates", {"iceCandidates": [event.text for event in a.peer.candidates if event.text]})
    sim.until(lambda: channel.state == other.state == "open")
    assert a.peer.negotiation_needed == 0


def test_packets_of_another_sctp(sim: Simulation) -> None:
    """What one side has as records of DTLS is SCTP for the other."""
    a, b = sides(sim)
    start_ice(sim, a, b)
    start_dtls(sim, a, b)
    b.peer.command("start_sctp", a.parameters)
    sim.until(lambda: bool(a.received))
    (stage, packet), *_ = a.received
    assert stage == DTLS
    assert packet[:4] == (5000).to_bytes(2, "big") * 2 and packet[4:8] == bytes(4) and packet[12] == 1  # ports, tag 0, INIT
    a.peer.command("send_raw", packet)  # both ask: RFC 9260 section 5.2.1
    sim.run(1)
    assert any(packet[12] == 2 for _, packet in a.received)  # INIT ACK


def test_a_recording_runs_again() -> None:
    recorder = Recorder()
    sim = Simulation(3, endpoint=recorder)
    a, b = sides(sim, hide_addresses=True)
    start_ice(sim, a, b)
    a.peer.command("send_raw", b"hello")
    sim.run(1)
    start_dtls(sim, a, b)
    b.peer.command("send_raw", b"hello")
    channel = a.peer.channel("chat")
    a.peer.command("start_sctp", b.parameters)
    b.peer.command("start_sctp", a.parameters)
    sim.until(lambda: channel.state == "open")
    sim.free()
    for data in recorder.recordings:
        replay = Replay(data)
        assert sum(1 for _ in replay) > 50 and replay.message == ""


def test_bounds(sim: Simulation) -> None:
    a, b = sides(sim)
    start_ice(sim, a, b)
    refused(ErrorCode.INVALID_ARGUMENT, a.peer, "send_raw", b"")
    refused(ErrorCode.INVALID_ARGUMENT, a.peer, "send_raw", b"\x03 would be taken for STUN")
    refused(ErrorCode.MESSAGE_TOO_LARGE, a.peer, "send_raw", bytes((64,)) * 1201)
    a.peer.raw.send_raw(sim.now, bytes((64,)) * 1200)
    for _ in range(255):
        a.peer.raw.send_raw(sim.now, b"more")
    refused(ErrorCode.QUEUE_FULL, a.peer, "send_raw", b"one too many")
    b.peer.host.hold_events(2_000_000)
    sim.run(1)
    for _ in range(10):
        a.peer.command("send_raw", b"dropped, for nobody fetches what came before")
    sim.run(3)
    assert len(b.received) == 256 and (ICE, b"dropped, for nobody fetches what came before") not in b.received


def test_nobody_else(sim: Simulation) -> None:
    """A datagram from where no check came is none of the application's."""
    a, b = sides(sim)
    start_ice(sim, a, b)
    stranger = Side(sim)
    sim.run(1)
    host = stranger.peer.host
    pair = b.peer.raw.selected_pair()
    assert pair is not None
    host.interfaces[0].send(sim.now, Packet((host.interfaces[0].ip, 5), pair[0], b"hello"))
    sim.run(1)
    assert not b.received


def test_wrong_order(sim: Simulation) -> None:
    a, b = sides(sim)
    refused(ErrorCode.INVALID_STATE, a.peer, "start_dtls", b.parameters)
    refused(ErrorCode.INVALID_STATE, a.peer, "start_sctp", b.parameters)
    start_ice(sim, a, b)
    start_dtls(sim, a, b)
    refused(ErrorCode.INVALID_STATE, a.peer, "start_dtls", b.parameters)
    a.peer.command("start_sctp", b.parameters)
    refused(ErrorCode.INVALID_STATE, a.peer, "start_sctp", b.parameters)


def test_no_descriptions(sim: Simulation) -> None:
    a, _ = sides(sim)
    assert "one by one" in refused(ErrorCode.INVALID_STATE, a.peer, "create_offer")
    refused(ErrorCode.INVALID_STATE, a.peer, "set_local_description", "offer")
    refused(ErrorCode.INVALID_STATE, a.peer, "add_ice_candidate", "", "0", 0, None)
    other = sim.host().peer()
    other.command("set_local_description", "offer")
    refused(ErrorCode.INVALID_STATE, other, "gather")


def test_wrong_fingerprint(sim: Simulation) -> None:
    a, b = sides(sim)
    start_ice(sim, a, b)
    parameters = copy.deepcopy(b.parameters)
    parameters["dtlsParameters"]["fingerprints"][0]["value"] = ":".join(["00"] * 32)
    a.peer.command("start_dtls", parameters)
    b.peer.command("start_dtls", a.parameters)
    sim.until(lambda: a.peer.states.dtls_transport == "failed")


@pytest.mark.parametrize("role", ["client", "server"])
def test_roles(sim: Simulation, role: str) -> None:
    a, b = sides(sim)
    start_ice(sim, a, b)
    parameters = b.parameters
    parameters["dtlsParameters"]["role"] = role
    a.peer.command("start_dtls", parameters)
    parameters = a.parameters
    parameters["dtlsParameters"]["role"] = "client" if role == "server" else "server"
    b.peer.command("start_dtls", parameters)
    sim.until(lambda: a.peer.states.dtls_transport == b.peer.states.dtls_transport == "connected")


@pytest.mark.parametrize(
    ("command", "parameters", "reason"),
    [
        ("start_ice", {}, "usernameFragment"),
        ("start_ice", {"iceParameters": {"usernameFragment": "abcd"}}, "password"),
        ("start_ice", {"iceParameters": {"usernameFragment": "abcd", "password": "too short"}}, ""),
        ("add_candidates", {"iceCandidates": [{}]}, "member"),
        ("add_candidates", {"iceCandidates": ["candidate:1"]}, "candidate-attribute"),
        ("add_candidates", {"iceCandidates": ["candidate:1 1 udp 1 a.b.local 9 typ host"]}, "host name"),
        ("start_dtls", {"dtlsParameters": {"fingerprints": []}}, "fingerprints"),
        ("start_dtls", {"dtlsParameters": {"role": "king", "fingerprints": []}}, "role"),
    ],
)
def test_bad_parameters(sim: Simulation, command: str, parameters: dict[str, Any], reason: str) -> None:
    a, b = sides(sim)
    if command == "start_dtls":
        start_ice(sim, a, b)
    arguments = (parameters, True) if command == "start_ice" else (parameters,)
    assert reason in refused(ErrorCode.SYNTAX, a.peer, command, *arguments)


def test_hidden_addresses(sim: Simulation) -> None:
    a, b = sides(sim, hide_addresses=True)
    assert all(candidate["ip"].endswith(".local") for candidate in a.parameters["iceCandidates"])
    start_ice(sim, a, b)
    assert a.peer.host.interfaces[0].ip not in str(a.parameters)
