# SPDX-License-Identifier: BSD-3-Clause
"""Connections made and closed over real sockets, again and again: neither memory nor descriptors grow."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from polyrtc import RTCPeerConnection

from .support import Inbox, loopback, open_channel, state

pytestmark = pytest.mark.asyncio

CONNECTIONS = 100
#: Bytes that the process may grow by over the second half. (The C tests look at every byte; here objects are counted, too.)
TOLERANCE = 1024 * 1024


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def live(turn: int) -> None:
    """One connection: made, used, and closed from one side, then from the other."""
    a, b = RTCPeerConnection(loopback()), RTCPeerConnection(loopback())
    ours, theirs = await open_channel(a, b)
    inbox = Inbox(theirs)
    ours.send(f"{turn}")
    assert await inbox.get() == f"{turn}"
    first, second = (a, b) if turn % 2 else (b, a)
    await first.close()
    await state(theirs if turn % 2 else ours, "readyState", "closed")
    await second.close()


async def test_memory_and_descriptors_are_flat() -> None:
    before = descriptors()
    objects = memory = 0
    for turn in range(CONNECTIONS):
        await live(turn)
        assert descriptors() == before
        if turn == CONNECTIONS // 2 - 1:
            gc.collect()
            objects, memory = len(gc.get_objects()), resident()
    gc.collect()
    assert len(gc.get_objects()) < objects + CONNECTIONS // 2  # not one more for each connection
    assert resident() < memory + TOLERANCE
