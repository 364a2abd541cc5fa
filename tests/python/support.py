# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the asyncio package share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from polyrtc import RTCConfiguration, RTCDataChannel, RTCPeerConnection

#: Seconds after which something is not coming any more. Nothing is asserted about time.
PATIENCE = 20


def loopback(**more: Any) -> RTCConfiguration:
    return RTCConfiguration(useLoopback=True, **more)


async def negotiate(offerer: Any, answerer: Any, description: Callable[..., Any] | None = None) -> None:
    """Offer and answer without trickle. `description` turns one side's description into the other's class."""
    convert = description or (lambda given, for_whom: given)
    await offerer.setLocalDescription(await offerer.createOffer())
    await answerer.setRemoteDescription(convert(offerer.localDescription, answerer))
    await answerer.setLocalDescription(await answerer.createAnswer())
    await offerer.setRemoteDescription(convert(answerer.localDescription, offerer))


async def state(emitter: Any, name: str, wanted: str) -> None:
    """Waits until the attribute has the value."""
    event = {"readyState": ("open", "closing", "close")}.get(name, (name.replace("State", "state").lower() + "change",))
    async with asyncio.timeout(PATIENCE):
        while getattr(emitter, name) != wanted:
            changed = asyncio.Event()
            for one in event:
                emitter.once(one, lambda *_, changed=changed: changed.set())
            await changed.wait()


class Inbox:
    """What a channel has received, to be waited for."""

    def __init__(self, channel: Any) -> None:
        self.queue: asyncio.Queue[str | bytes] = asyncio.Queue()
        channel.on("message", self.queue.put_nowait)

    async def get(self) -> str | bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.queue.get()


@asynccontextmanager
async def pair(**config: Any) -> AsyncIterator[tuple[RTCPeerConnection, RTCPeerConnection]]:
    """Two connections that are closed at the end."""
    a, b = RTCPeerConnection(loopback(**config)), RTCPeerConnection(loopback(**config))
    try:
        yield a, b
    finally:
        await a.close()
        await b.close()


@asynccontextmanager
async def channels(
    **parameters: Any,
) -> AsyncIterator[tuple[RTCPeerConnection, RTCPeerConnection, RTCDataChannel, RTCDataChannel]]:
    """Two connections and a channel between them, with both of its ends open."""
    async with pair() as (a, b):
        ours, theirs = await open_channel(a, b, **parameters)
        yield a, b, ours, theirs


async def open_channel(a: Any, b: Any, description: Callable[..., Any] | None = None, **parameters: Any) -> tuple[Any, Any]:
    """Makes a channel in `a`, connects, and gives both ends."""
    ours = a.createDataChannel("chat", **parameters)
    if parameters.get("negotiated"):
        theirs = b.createDataChannel("chat", **parameters)
        await negotiate(a, b, description)
    else:
        announced: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        b.once("datachannel", announced.set_result)
        await negotiate(a, b, description)
        async with asyncio.timeout(PATIENCE):
            theirs = await announced
    await state(ours, "readyState", "open")
    await state(theirs, "readyState", "open")
    for connection in (a, b):  # data may go over the first pair that works, before ICE has chosen one
        await state(connection, "connectionState", "connected")
    return ours, theirs
