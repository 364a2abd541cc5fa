# SPDX-License-Identifier: BSD-3-Clause
"""Chromium or Firefox: a page of it, driven from here. For the tests in namespaces, where the whole of it runs in one.

    browser_peer.py chromium|firefox
"""

from __future__ import annotations

import asyncio
import base64
import sys
from pathlib import Path
from typing import Any

from serve import received, serve, tell

sys.path.insert(0, str(Path(__file__).parents[2] / "browser"))
from browsers import BROWSERS  # noqa: E402

PAGE = """(trickle, configuration) => {
  const lines = [];
  let wake = () => {};
  const tell = (line) => { lines.push(line); wake(); };
  window.told = async () => {
    while (lines.length === 0) await new Promise((resolve) => { wake = resolve; });
    return lines.splice(0);
  };
  const channels = window.channels = new Map();
  const connection = window.connection = new RTCPeerConnection(configuration);
  window.add = (channel, announced) => {
    const { label } = channel;
    channels.set(label, channel);
    channel.binaryType = 'arraybuffer';
    channel.onopen = () => tell({ event: 'open', label, announced });
    channel.onclose = () => tell({ event: 'closed', label });
    channel.onmessage = ({ data }) => tell(typeof data === 'string' ? { label, text: data }
      : { label, binary: btoa(String.fromCharCode(...new Uint8Array(data))) });
    if (channel.readyState === 'open') channel.onopen();
  };
  connection.ondatachannel = ({ channel }) => add(channel, true);
  connection.onconnectionstatechange = () => tell({ event: 'state', state: connection.connectionState });
  connection.onicecandidate = ({ candidate }) => trickle && tell({
    event: 'candidate', candidate: candidate?.candidate ?? '',
    sdpMid: candidate?.sdpMid ?? '0', sdpMLineIndex: candidate?.sdpMLineIndex ?? 0,
  });
  window.apply = async (description) => {
    await connection.setLocalDescription(description);
    while (!trickle && connection.iceGatheringState !== 'complete') {
      await new Promise((resolve) => { connection.onicegatheringstatechange = resolve; });
    }
    const { type, sdp } = connection.localDescription;
    return { type, sdp };
  };
}"""


class Connection:
    def __init__(self, trickle: bool, configuration: dict[str, Any]) -> None:
        self._page = asyncio.ensure_future(self._start(trickle, configuration))
        self._sending: asyncio.Future[Any] = self._page

    async def _start(self, trickle: bool, configuration: dict[str, Any]) -> Any:
        page = await (await browser.__aenter__()).open("about:blank#peer")
        await page.evaluate(PAGE, trickle, configuration)
        self._telling = asyncio.ensure_future(self._tell(page))
        return page

    async def _tell(self, page: Any) -> None:
        while True:
            for line in await page.evaluate("() => told()"):
                if "text" in line:
                    received(line["label"], line["text"])
                elif "binary" in line:
                    received(line["label"], base64.b64decode(line["binary"]))
                else:
                    tell(**line)

    async def _run(self, function: str, *arguments: Any) -> Any:
        return await (await self._page).evaluate(function, *arguments)

    async def channel(self, label: str, **init: Any) -> None:
        await self._run("(label, init) => { add(connection.createDataChannel(label, init), false); }", label, init)

    async def offer(self, restart: bool = False) -> Any:
        return await self._run("async (iceRestart) => apply(await connection.createOffer({ iceRestart }))", restart)

    async def answer(self, sdp: str) -> Any:
        return await self._run(
            "async (sdp) => { await connection.setRemoteDescription({ type: 'offer', sdp });"
            " return apply(await connection.createAnswer()); }", sdp)

    async def accept(self, sdp: str) -> None:
        await self._run("(sdp) => connection.setRemoteDescription({ type: 'answer', sdp })", sdp)

    async def candidate(self, **init: Any) -> None:
        await self._run("(init) => connection.addIceCandidate(init)", init)

    def send(self, label: str, data: str | bytes) -> None:
        self._sending = asyncio.ensure_future(self._send_after(self._sending, label, data))

    async def _send_after(self, former: asyncio.Future[Any], label: str, data: str | bytes) -> None:
        await former
        if isinstance(data, str):
            await self._run("(label, text) => channels.get(label).send(text)", label, data)
        else:
            await self._run("(label, text) => channels.get(label).send(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)))",
                            label, base64.b64encode(data).decode())

    def buffered(self, label: str) -> int:
        return 0  # each message waits for the one before

    async def close(self) -> None:
        await self._run("() => connection.close()")


browser = BROWSERS[sys.argv[1]]()
try:
    serve(Connection)
finally:
    browser.kill()
