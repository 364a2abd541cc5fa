# SPDX-License-Identifier: BSD-3-Clause
"""One UDP port for all connections of a server."""

from __future__ import annotations

import asyncio
import os
import re
import select
import socket

import pytest

import polyrtc
from polyrtc import RTCDataChannel, RTCPeerConnection
from polyrtc.driver import Driver
from polyrtc.exceptions import InvalidModificationError

from .support import PATIENCE, Inbox, loopback, negotiate, state


pytestmark = pytest.mark.asyncio


def ports(connection: RTCPeerConnection) -> set[str]:
    assert connection.localDescription is not None
    return set(re.findall(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+) typ host", connection.localDescription.sdp))


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def sockets() -> int:
    """How many of this process are open."""
    links = []
    for name in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:  # that of this listing
            pass
    return sum(link.startswith("socket:") for link in links)


async def connect(client: RTCPeerConnection, server: RTCPeerConnection) -> tuple[RTCDataChannel, RTCDataChannel]:
    arrived: asyncio.Future[RTCDataChannel] = asyncio.get_running_loop().create_future()
    server.once("datachannel", arrived.set_result)
    channel = client.createDataChannel("c")
    await negotiate(client, server)
    await state(channel, "readyState", "open")
    async with asyncio.timeout(PATIENCE):
        return channel, await arrived


async def test_many_clients_of_one_port() -> None:
    port = free_port()
    servers = [RTCPeerConnection(loopback(udpPort=port)) for _ in range(8)]
    clients = [RTCPeerConnection(loopback()) for _ in servers]
    opened = []
    before = 0
    for i, (client, server) in enumerate(zip(clients, servers)):
        opened.append(await connect(client, server))
        assert ports(server) == {str(port)}
        assert str(port) not in ports(client)
        if i == 0:
            before = sockets()
    assert sockets() == before + 7 * len(ports(clients[0])), "the server has no more sockets than it had for one"
    for i, (here, there) in enumerate(opened):
        boxes = Inbox(here), Inbox(there)
        here.send(f"up {i}")
        there.send(f"down {i}")
        assert await boxes[1].get() == f"up {i}" and await boxes[0].get() == f"down {i}"
    await servers[0].close()
    await state(opened[0][0], "readyState", "closed")
    again = RTCPeerConnection(loopback(udpPort=port))  # beside those that go on
    client = RTCPeerConnection(loopback())
    await connect(client, again)
    box = Inbox(opened[1][1])
    opened[1][0].send("still")
    assert await box.get() == "still"
    await asyncio.gather(*(each.close() for each in [*servers, *clients, again, client]))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:  # it was given back
        probe.bind(("127.0.0.1", port))


async def test_any_port() -> None:
    servers = [RTCPeerConnection(loopback(udpPort=polyrtc.ANY_PORT)) for _ in range(3)]
    clients = [RTCPeerConnection(loopback()) for _ in servers]
    for client, server in zip(clients, servers):
        await connect(client, server)
    assert ports(servers[0]) == ports(servers[1]) == ports(servers[2])
    await asyncio.gather(*(each.close() for each in [*servers, *clients]))


async def test_what_is_no_port() -> None:
    for port in (-1, 65537):
        with pytest.raises(ValueError):
            RTCPeerConnection(loopback(udpPort=port))
        with pytest.raises(ValueError):
            Driver(udp_port=port)
    connection = RTCPeerConnection(loopback(udpPort=polyrtc.ANY_PORT))
    with pytest.raises(InvalidModificationError):
        connection.setConfiguration(loopback(udpPort=7))
    connection.setConfiguration(loopback())  # what is not given stays
    await connection.close()


async def test_unknown_datagrams_are_counted() -> None:
    driver = Driver(udp_port=polyrtc.ANY_PORT)
    peer = driver.endpoint.create_peer(driver.now(), use_loopback=True)
    peer.create_data_channel(driver.now(), "c")
    peer.set_local_description(driver.now(), "offer")
    driver.flush()
    while driver.endpoint.events():
        driver.flush()
    description = peer.description()
    assert description is not None
    number = re.search(r"udp \d+ 127\.0\.0\.1 (\d+) typ host", description.sdp)
    assert number is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for payload in (b"", b"\x16hello", b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12), bytes(1200)):
            stranger.sendto(payload, ("127.0.0.1", int(number[1])))
    while select.select([driver], [], [], 0)[0]:  # a call takes as many as are expected
        driver.process()
    assert driver.endpoint.stats().datagrams_unknown == 3  # the empty one is not even handed on
    driver.close()
