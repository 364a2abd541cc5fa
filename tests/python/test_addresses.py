# SPDX-License-Identifier: BSD-3-Clause
"""Real addresses that come and go under a connection: in a network namespace of its own, by way of the kernel's route messages. And
the options that choose addresses, on the loopback interface. The namespace needs root, or sudo without a password."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from polyrtc import RTCConfiguration, RTCPeerConnection
from polyrtc.exceptions import PrtcError

from .support import Inbox, open_channel

ROOT = () if os.getuid() == 0 else ("sudo", "-n", "--preserve-env=PYTHONPATH,PYTHONUTF8")


@pytest.mark.parametrize("mover", ["offerer", "answerer"])
@pytest.mark.parametrize("order", ["new first", "old first"])
def test_a_connection_moves(mover: str, order: str) -> None:
    command = [*ROOT, "unshare", "--net", sys.executable, "-m", "tests.python.moving", mover, order]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "moved 8 times, nothing lost, no state changed"


async def candidates(**options: Any) -> list[str]:
    pc = RTCPeerConnection(RTCConfiguration(**{"useLoopback": True, **options}))
    pc.createDataChannel("first")
    await pc.setLocalDescription()
    found = [line.split() for line in pc.localDescription.sdp.splitlines() if line.startswith("a=candidate") and " udp " in line]
    await pc.close()
    return [f"{words[4]} {words[5]}" for words in found]


@pytest.mark.asyncio
async def test_options() -> None:
    everywhere = await candidates()
    assert any(one.startswith("127.0.0.1 ") for one in everywhere)
    assert {one.split()[0] for one in await candidates(interfaceFilter="lo", addressFilter="127.0.0.1")} == {"127.0.0.1"}
    assert await candidates(interfaceFilter="!*") == []
    (alone,) = await candidates(addressFilter="127.0.0.1", portRange=(40_000, 40_100))
    assert 40_000 <= int(alone.split()[1]) <= 40_100
    with pytest.raises(PrtcError):
        await candidates(portRange=(2, 1))


@pytest.mark.asyncio
async def test_lite_and_pool() -> None:
    a = RTCPeerConnection(RTCConfiguration(useLoopback=True, iceLite=True))
    b = RTCPeerConnection(RTCConfiguration(useLoopback=True, iceCandidatePoolSize=1, renomination=False, icePacing=20))
    ours, theirs = await open_channel(a, b)
    inbox = Inbox(theirs)
    ours.send("hello")
    assert await inbox.get() == "hello"
    assert "a=ice-lite" in a.localDescription.sdp and "renomination" in a.localDescription.sdp
    assert "renomination" not in b.localDescription.sdp and "a=ice-pacing:20" in b.localDescription.sdp
    await a.close()
    await b.close()
