# SPDX-License-Identifier: BSD-3-Clause
"""The API of aiortc, which is polyrtc's, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class AiortcLike:
    """`package` is aiortc or polyrtc; `configuration` what its connections are made with."""

    def __init__(self, package: Any, configuration: Any) -> None:
        self._package = package
        self._configuration = configuration

    def connection(self) -> Any:
        return self._package.RTCPeerConnection(self._configuration)

    def channel(self, connection: Any) -> Any:
        return connection.createDataChannel("bench")

    def on_channel(self, connection: Any, callback: Callable[[Any], object]) -> None:
        connection.on("datachannel", callback)

    def on_open(self, channel: Any, callback: Callable[..., object]) -> None:
        if channel.readyState == "open":
            callback()
        else:
            channel.on("open", callback)

    def on_message(self, channel: Any, callback: Callable[[Any], object]) -> None:
        channel.on("message", callback)

    def on_low(self, channel: Any, threshold: int, callback: Callable[..., object]) -> None:
        channel.bufferedAmountLowThreshold = threshold
        channel.on("bufferedamountlow", callback)

    def send(self, channel: Any, data: bytes | str) -> None:
        channel.send(data)

    def buffered(self, channel: Any) -> int:
        return int(channel.bufferedAmount)

    async def _apply(self, connection: Any, description: Any) -> dict[str, str]:
        await connection.setLocalDescription(description)
        return {"type": connection.localDescription.type, "sdp": connection.localDescription.sdp}

    async def offer(self, connection: Any) -> dict[str, str]:
        return await self._apply(connection, await connection.createOffer())

    async def answer(self, connection: Any, offer: dict[str, str]) -> dict[str, str]:
        await self.accept(connection, offer)
        return await self._apply(connection, await connection.createAnswer())

    async def accept(self, connection: Any, answer: dict[str, str]) -> None:
        await connection.setRemoteDescription(self._package.RTCSessionDescription(sdp=answer["sdp"], type=answer["type"]))

    async def close(self, connection: Any) -> None:
        await connection.close()
