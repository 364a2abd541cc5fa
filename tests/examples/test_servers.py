# SPDX-License-Identifier: BSD-3-Clause
"""server_aiohttp and server_fastapi: a page's offer is answered, its messages come back, bad offers are refused, Ctrl-C."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

from polyrtc import RTCPeerConnection, RTCSessionDescription

from .program import PATIENCE, PYTHON_EXAMPLES, Program

pytestmark = pytest.mark.asyncio


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def page(client: aiohttp.ClientSession, address: str, program: Program) -> str:
    """The page, as soon as the server is there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                async with client.get(address) as answer:
                    return await answer.text()
            except aiohttp.ClientConnectorError:
                assert program.process.returncode is None, program.err
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("name", ["server_aiohttp", "server_fastapi"])
async def test_server(name: str) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    async with Program(name, "--port", str(port)) as program, aiohttp.ClientSession() as client:
        assert await page(client, address, program) == (PYTHON_EXAMPLES / "echo.html").read_text()
        for bad in ({}, {"type": "offer"}, {"type": "offer", "sdp": 5}, {"type": "offer", "sdp": "nonsense"}, []):
            async with client.post(f"{address}/offer", json=bad) as answer:
                assert answer.status in (400, 422), bad

        connection = RTCPeerConnection()
        channel = connection.createDataChannel("echo")
        echo: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        closed = asyncio.Event()
        channel.on("open", lambda: channel.send("grüße"))
        channel.on("message", echo.set_result)
        channel.on("close", closed.set)
        await connection.setLocalDescription(await connection.createOffer())
        assert connection.localDescription is not None
        offer = {"type": "offer", "sdp": connection.localDescription.sdp}
        async with client.post(f"{address}/offer", json=offer) as answer:
            assert answer.status == 200
            await connection.setRemoteDescription(RTCSessionDescription(**await answer.json()))
        async with asyncio.timeout(PATIENCE):
            assert await echo == "grüße"
            program.interrupt()
            await closed.wait()  # the server says goodbye
        await connection.close()
        assert await program.end() in (0, -2)


@pytest.mark.parametrize("name", ["server_aiohttp", "server_fastapi"])
async def test_it_is_short(name: str) -> None:
    assert len((PYTHON_EXAMPLES / f"{name}.py").read_text().splitlines()) < 60
