# SPDX-License-Identifier: BSD-3-Clause
"""The driver where the network takes less than is given to it.

Each test runs this file as a program in a network namespace of its own, whose loopback interface has a rate and a queue.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys

import pytest

from polyrtc.driver import Driver
from polyrtc.sansio import EventType, Peer

MESSAGE = bytes(range(256)) * 256  # 64 KiB
MESSAGES = 48


@pytest.mark.parametrize(
    "queue",
    [
        "3000kb",  # more than the sockets may have under way: they wait for EPOLLOUT
        "30kb",  # less than one train: ENOBUFS
        "6kb",
    ],
)
def test_a_slow_interface(queue: str) -> None:
    assert shutil.which("tc"), "the package iproute2 is needed"
    script = f'ip link set lo up && tc qdisc add dev lo root tbf rate 100mbit burst 70kb limit {queue} && exec "$0" "$@"'
    # a user namespace, too: then it needs no root
    command = ["unshare", "--map-root-user", "--net", "sh", "-c", script, sys.executable, "-m", __spec__.name]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{MESSAGES} messages intact\n"


def main() -> None:
    """One driver sends to another; prints what arrived."""
    drivers = [Driver(), Driver()]
    peers = [driver.endpoint.create_peer(driver.now(), use_loopback=True) for driver in drivers]
    channel = peers[0].create_data_channel(drivers[0].now(), "data")
    for here, there, kind in ((0, 1, "offer"), (1, 0, "answer")):
        peers[here].set_local_description(drivers[here].now(), kind)
        description = peers[here].description()
        assert description is not None
        peers[there].set_remote_description(drivers[there].now(), kind, description.sdp)
    received: list[bytes | None] = []
    while len(received) < MESSAGES:
        for driver, peer, other in zip(drivers, peers, reversed(peers)):
            driver.flush()
            while events := driver.endpoint.events():
                for event in events:
                    if event.type == EventType.ICE_CANDIDATE and event.text is not None:
                        other.add_ice_candidate(driver.now(), event.text, event.mid, event.index, event.ufrag)
                    elif event.type == EventType.CHANNEL_MESSAGE:
                        received.append(event.data)
                    elif event.type == EventType.CHANNEL_OPEN and peer is peers[0]:
                        send_all(driver, peer, channel)
                driver.flush()
        readable, _, _ = select.select(drivers, [], [])
        for driver in readable:
            driver.process()
    assert all(data == MESSAGE for data in received)
    print(f"{len(received)} messages intact")


def send_all(driver: Driver, peer: Peer, channel: int) -> None:
    for _ in range(MESSAGES):
        peer.send(driver.now(), channel, MESSAGE)


if __name__ == "__main__":
    main()
