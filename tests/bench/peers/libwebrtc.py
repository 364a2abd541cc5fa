# SPDX-License-Identifier: BSD-3-Clause
"""Google's libwebrtc, as PyPI's wrtc has it, as a peer of the benchmarks."""

import os
from collections.abc import Callable
from typing import Any

os.environ["WRTC_ALLOW_LOOPBACK"] = "1"

import webrtc
import workloads


class Libwebrtc:
    def connection(self) -> Any:
        return webrtc.RTCPeerConnection()

    def channel(self, connection: Any) -> Any:
        return connection.create_data_channel("bench")

    def on_channel(self, connection: Any, callback: Callable[[Any], object]) -> None:
        connection.on("datachannel", lambda event: callback(event.channel))

    def on_open(self, channel: Any, callback: Callable[..., object]) -> None:
        if channel.ready_state == "open":
            callback()
        else:
            channel.on("open", callback)

    def on_message(self, channel: Any, callback: Callable[[Any], object]) -> None:
        channel.on("message", lambda event: callback(event.data))

    def on_low(self, channel: Any, threshold: int, callback: Callable[..., object]) -> None:
        channel.buffered_amount_low_threshold = threshold
        channel.on("bufferedamountlow", callback)

    def send(self, channel: Any, data: bytes | str) -> None:
        channel.send(data)

    def buffered(self, channel: Any) -> int:
        return int(channel.buffered_amount)

    async def _apply(self, connection: Any, description: Any) -> dict[str, str]:
        gathered = workloads.Flag()
        connection.on(
            "icegatheringstatechange", lambda *_: gathered.set() if connection.ice_gathering_state == "complete" else None
        )
        await connection.set_local_description(description)
        if connection.ice_gathering_state != "complete":
            await gathered.wait()
        return {"type": str(connection.local_description.type), "sdp": connection.local_description.sdp}

    async def offer(self, connection: Any) -> dict[str, str]:
        return await self._apply(connection, await connection.create_offer())

    async def answer(self, connection: Any, offer: dict[str, str]) -> dict[str, str]:
        await self.accept(connection, offer)
        return await self._apply(connection, await connection.create_answer())

    async def accept(self, connection: Any, answer: dict[str, str]) -> None:
        await connection.set_remote_description(webrtc.RTCSessionDescription(answer["type"], answer["sdp"]))

    async def close(self, connection: Any) -> None:
        result = connection.close()
        if hasattr(result, "__await__"):
            await result


workloads.main(Libwebrtc())
