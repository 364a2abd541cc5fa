# SPDX-License-Identifier: BSD-3-Clause
"""Run by test_addresses.py in a network namespace of its own: two connections, one of which moves from address to address while both
send. `python -m tests.python.moving offerer|answerer "new first"|"old first"`"""

from __future__ import annotations

import asyncio
import subprocess
import sys

from polyrtc import RTCConfiguration, RTCPeerConnection

from .support import PATIENCE, open_channel

MOVES = 8


def ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True)


async def local_address(pc: RTCPeerConnection) -> str:
    """Of the selected pair; "" when there is none."""
    report = await pc.getStats()
    for stats in report.values():
        if stats.type == "transport" and getattr(stats, "selectedCandidatePairId", None):
            chosen = report[stats.selectedCandidatePairId]
            return str(report[chosen.localCandidateId].address)
    return ""


async def main(mover_name: str, order: str) -> None:
    ip("link set lo up")
    ip("link add left type veth peer name right")
    for name in ("left", "right"):
        ip(f"link set {name} up")
    ip("addr add 10.77.0.1/32 dev right")
    ip("addr add 10.78.0.1/32 dev left")
    moves = RTCPeerConnection(RTCConfiguration(addressFilter="10.78.0.0/16"))
    stays = RTCPeerConnection(RTCConfiguration(addressFilter="10.77.0.0/16"))
    ends = (moves, stays) if mover_name == "offerer" else (stays, moves)
    channels = await open_channel(*ends)
    states = []
    for pc in ends:
        for name in ("connectionstatechange", "iceconnectionstatechange"):
            pc.on(name, lambda pc=pc: states.append((pc.connectionState, pc.iceConnectionState)))
    received: tuple[list[str], list[str]] = ([], [])
    for channel, messages in zip(channels, received):
        channel.on("message", messages.append)
    sent, done = 0, False

    async def talk() -> None:
        nonlocal sent
        while not done:
            for channel in channels:
                channel.send(str(sent))
            sent += 1
            await asyncio.sleep(0.005)

    talking = asyncio.ensure_future(talk())
    for number in range(1, MOVES + 1):
        new, old = f"10.78.0.{number + 1}", f"10.78.0.{number}"
        steps = [f"addr add {new}/32 dev left", f"addr del {old}/32 dev left"]
        for step in steps if order == "new first" else reversed(steps):
            ip(step)
            await asyncio.sleep(0.2)
        async with asyncio.timeout(PATIENCE):
            while await local_address(moves) != new:
                await asyncio.sleep(0.05)
    done = True
    await talking
    async with asyncio.timeout(PATIENCE):
        while any(len(messages) < sent for messages in received):
            await asyncio.sleep(0.05)
    assert list(received) == [[str(n) for n in range(sent)]] * 2
    assert [state for state in states if state[1] != "completed" or state[0] != "connected"] == [], states
    for pc in ends:
        await pc.close()
    print(f"moved {MOVES} times, nothing lost, no state changed")


asyncio.run(main(*sys.argv[1:]))
