# SPDX-License-Identifier: BSD-3-Clause
"""Log lines, key logs, captures, recordings and replays, as a user of the package has them."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import polyrtc
from polyrtc import RTCPeerConnection, RTCSessionDescription
from polyrtc.errors import ErrorCode
from polyrtc.inside import LAYERS
from polyrtc.sansio import EventType, Output, Replay

from .support import PATIENCE, Inbox, channels, loopback, negotiate, state

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    polyrtc.see_inside()


async def talk() -> None:
    async with channels() as (_, _, ours, theirs):
        inbox = Inbox(theirs)
        for message in ("hello", b"x" * 5000, ""):
            ours.send(message)
            assert await inbox.get() == message


async def test_each_layer_has_its_logger() -> None:
    """A layer of the core that is not named has no lines in Python."""
    sources = (Path(__file__).parents[2] / "core").glob("*/*.c")
    texts = (path.read_text() for path in sources if not path.stem.endswith(("_test", "_fuzz")))
    found = {name for text in texts for name in re.findall(r'PRTC_LOG\([^,]+, \w+, "(\w+)"', text)}
    assert found == set(LAYERS)


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


def tshark(path: Path, *options: str) -> list[str]:
    command = ["tshark", "-r", str(path), *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


# ------------------------------------------------------------------------------------------------------------------ log lines


async def test_log_lines_go_to_logging(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="polyrtc"):
        await talk()
    layers = Counter(record.name for record in caplog.records)
    for layer in ("endpoint", "transport", "ice", "dtls", "sctp", "data", "jsep", "peer"):
        assert layers[f"polyrtc.{layer}"] > 0, layers
    text = {(record.name, record.getMessage()) for record in caplog.records}
    assert any(name == "polyrtc.ice" and re.fullmatch(r"peer \d+: 127\.0\.0\.1:\d+ to \S+ works.*", line) for name, line in text)
    assert any(name == "polyrtc.dtls" and line.endswith(": connected") for name, line in text)
    assert {record.levelno for record in caplog.records} >= {logging.DEBUG, logging.INFO}


async def test_levels_are_those_of_the_loggers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="polyrtc")
    caplog.set_level(logging.INFO, logger="polyrtc.dtls")
    await talk()
    assert {record.name for record in caplog.records} == {"polyrtc.dtls"}
    assert all(record.levelno >= logging.INFO for record in caplog.records)


# ---------------------------------------------------------------------------------------------------------------------- files


async def test_nothing_is_written_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    await talk()
    assert list(tmp_path.iterdir()) == []


async def test_key_log_and_capture(tmp_path: Path) -> None:
    """The capture has STUN, DTLS and the SCTP packets; and the datagrams alone can be decrypted with the key log."""
    keys, capture = tmp_path / "keys.txt", tmp_path / "talk.pcapng"
    polyrtc.see_inside(key_log=keys, capture=capture)
    await talk()
    assert keys.stat().st_mode & 0o077 == 0 and capture.stat().st_mode & 0o077 == 0
    lines = lines_of(keys)
    assert len(lines) == 2  # both sides are in this process: the same secret twice
    assert lines[0] == lines[1] and re.fullmatch(r"CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}", lines[0])

    assert shutil.which("tshark"), "tests/lib/debian-test.txt has it"
    options = ("-o", "sctp.checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE")
    rows = [
        row.split("\t")
        for row in tshark(
            capture, *options, "-T", "fields", "-e", "frame.interface_name", "-e", "frame.protocols", "-e", "sctp.chunk_type"
        )
    ]
    kinds = Counter((name, "stun" if "stun" in protocols else "dtls" if "dtls" in protocols else "sctp") for name, protocols, _ in rows)
    assert set(kinds) == {("network", "stun"), ("network", "dtls"), ("decrypted", "sctp")}
    assert kinds["network", "stun"] >= 8 and kinds["network", "dtls"] > 8
    assert kinds["decrypted", "sctp"] > 20
    chunks = Counter(chunk for _, _, types in rows for chunk in types.split(",") if chunk)
    assert chunks["1"] >= 2 and chunks["2"] >= 2, "INIT, INIT ACK"
    assert chunks["0"] + chunks["64"] >= 2 * (2 + 5), "DATA: DCEP's two, and five of messages"

    def count(wanted: str) -> int:
        return len(tshark(capture, *options, "-Y", wanted))

    # tshark takes a packet's second time, at the other side, for a repetition, and does not look into it again
    assert count("rtcdc.message_type == 3") == 1 and count("rtcdc.message_type == 2") == 1, "DATA_CHANNEL_OPEN and its ACK"
    assert count("stun.type == 0x0001") >= 2 and count("stun.type == 0x0101") >= 2
    assert count("dtls.handshake.type == 1") >= 2
    for wrong in ("sctp.checksum.status == 0", "ip.checksum.status == 0", "udp.checksum.status == 0", "_ws.malformed"):
        assert count(wrong) == 0, wrong
    leaving, arriving = count("frame.packet_flags_direction == 2"), count("frame.packet_flags_direction == 1")
    assert leaving >= arriving > leaving / 2, "each packet leaves and arrives, but for the goodbyes of the end"

    network = tmp_path / "network.pcapng"
    tshark(capture, "-Y", 'frame.interface_name == "network"', "-w", str(network))
    finished = ("-Y", "dtls.handshake.type == 20")  # the first message that is encrypted
    assert tshark(network, *finished) == []
    assert len(tshark(network, "-o", f"tls.keylog_file:{keys}", *finished)) == 4


async def test_recording_and_replay(tmp_path: Path) -> None:
    recording = tmp_path / "talk.rec"
    polyrtc.see_inside(recording=recording)
    await talk()
    data = recording.read_bytes()
    assert recording.stat().st_mode & 0o077 == 0

    steps = list(Replay(data))
    events = [event for step in steps for event in step.events]
    messages = [event.data for event in events if event.type == EventType.CHANNEL_MESSAGE]
    assert messages == [b"hello", b"x" * 5000, b""]

    def run(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "polyrtc", "replay", str(path), *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    result = run(recording)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"{len(steps)} steps, each as it was recorded"
    assert "peer 1  connection: connected" in result.stdout and "5000 bytes, binary" in result.stdout

    # later, with more to see than at the time
    capture, keys = tmp_path / "later.pcapng", tmp_path / "later.txt"
    result = run(recording, "--all", "--log", "4", "--capture", str(capture), "--key-log", str(keys))
    assert result.returncode == 0 and "peer_send 5000 bytes = 0" in result.stdout and " info dtls 1: connected" in result.stdout
    assert tshark(capture, "-Y", "rtcdc") and len(lines_of(keys)) == 2

    # a byte of the largest message
    at = data.index(b"x" * 5000)
    damaged = tmp_path / "damaged.rec"
    damaged.write_bytes(data[:at] + b"y" + data[at + 1 :])
    result = run(damaged)
    send = next(step.number for step in steps if step.call == "peer_send" and step.size == 5000)
    found = re.search(r"step (\d+), (\w+), comes out otherwise", result.stderr)
    assert result.returncode == 1 and found
    transmit = next(step.number for step in steps if step.number > send and step.call == "endpoint_transmit" and step.size > 1000)
    assert int(found[1]) == transmit, "the first that sends what the changed call gave"

    damaged.write_bytes(b"something else")
    assert run(damaged).returncode == 2
    damaged.write_bytes(data[: len(data) // 2])
    assert run(damaged).returncode == 0


async def test_each_engine_writes_its_own_file(tmp_path: Path) -> None:
    polyrtc.see_inside(recording=tmp_path / "a.rec")
    await talk()
    await talk()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-2.rec", "a.rec"]
    for path in tmp_path.iterdir():
        assert len(list(Replay(path.read_bytes()))) > 50


async def test_outputs_of_an_endpoint() -> None:
    endpoint = polyrtc.sansio.Endpoint(now=5, recording_size=1000)
    assert endpoint.output(Output.RECORDING).startswith(b"PRTCREC1")
    assert endpoint.output(Output.RECORDING) == b"" == endpoint.output(Output.CAPTURE) == endpoint.output(Output.KEY_LOG)
    with pytest.raises(polyrtc.errors.PrtcError):
        endpoint.output(3)
    endpoint.free()
    with pytest.raises(ValueError):
        Replay(b"nothing")


# ------------------------------------------------------------------------------------------------------------ why it failed


async def why(connection: RTCPeerConnection) -> polyrtc.exceptions.OperationError:
    if connection.failure is None:
        told: asyncio.Future[polyrtc.exceptions.OperationError] = asyncio.get_running_loop().create_future()
        connection.once("failed", told.set_result)
        async with asyncio.timeout(PATIENCE):
            assert await told is connection.failure
    await state(connection, "connectionState", "failed")
    assert connection.failure is not None
    return connection.failure


async def test_a_wrong_fingerprint_is_told() -> None:
    a, b = RTCPeerConnection(loopback()), RTCPeerConnection(loopback())
    told: list[object] = []
    a.on("failed", told.append)
    b.on("failed", told.append)
    a.createDataChannel("chat")

    def forge(given: RTCSessionDescription, for_whom: RTCPeerConnection) -> RTCSessionDescription:
        if for_whom is not b:
            return given
        sdp = re.sub(r"(a=fingerprint:sha-256 )..", r"\g<1>00", given.sdp)
        return RTCSessionDescription(sdp=re.sub(r"(a=fingerprint:sha-256 00:)..", r"\g<1>00", sdp), type=given.type)

    assert b.failure is None
    await negotiate(a, b, forge)
    assert (await why(b)).code == ErrorCode.FINGERPRINT_MISMATCH
    other = await why(a)
    assert other.name == "DTLS_ALERT" and "alert" in str(other)
    await a.close()
    await b.close()
    assert len(told) == 2
