# SPDX-License-Identifier: BSD-3-Clause
"""icecandidateerror (W3C WebRTC 1.0 section 4.8.3)."""

from __future__ import annotations

import asyncio
import socket

import pytest

from polyrtc import RTCIceServer, RTCPeerConnection, RTCPeerConnectionIceErrorEvent

from .support import PATIENCE, loopback

pytestmark = pytest.mark.asyncio


class RefusingServer(asyncio.DatagramProtocol):
    """Answers each STUN request with error 420, authenticated by nothing, as a server may (RFC 8489 section 6.3.4)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, source: object) -> None:
        error = b"\x00\x09\x00\x04\x00\x00\x04\x14"
        answer = b"\x01\x11" + len(error).to_bytes(2, "big") + data[4:20] + error
        self.transport.sendto(answer, source)  # type: ignore[attr-defined]


async def errors_of(url: str) -> list[RTCPeerConnectionIceErrorEvent]:
    connection = RTCPeerConnection(loopback(iceServers=[RTCIceServer(url)]))
    try:
        found: asyncio.Queue[RTCPeerConnectionIceErrorEvent] = asyncio.Queue()
        connection.on("icecandidateerror", found.put_nowait)
        connection.on("icecandidate", lambda _: None)
        connection.createDataChannel("chat")
        await connection.setLocalDescription()
        async with asyncio.timeout(PATIENCE):
            return [await found.get()]
    finally:
        await connection.close()


async def test_a_name_that_does_not_exist() -> None:
    (error,) = await errors_of("stun:does-not-exist.invalid:3478")
    assert (error.url, error.errorCode) == ("stun:does-not-exist.invalid:3478", 701)
    assert "could not be resolved" in error.errorText


async def test_a_server_that_refuses() -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(RefusingServer, ("127.0.0.1", 0), family=socket.AF_INET)
    host, port = transport.get_extra_info("sockname")
    (error,) = await errors_of(f"stun:{host}:{port}")
    assert (error.url, error.errorCode) == (f"stun:127.0.0.1:{port}", 420)
    transport.close()
