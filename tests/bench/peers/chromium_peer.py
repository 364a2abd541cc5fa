# SPDX-License-Identifier: BSD-3-Clause
"""A page of Chromium as a peer of the benchmarks. What it takes is taken by all processes of the browser."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "browser"))
from browsers import Chromium  # noqa: E402

PAGE = """() => {
  const HIGH = 1 << 20, LOW = 512 << 10, WARM_UP = 200;
  const flag = () => { let set; const wait = new Promise((resolve) => { set = resolve; }); return { set, wait }; };
  const gathered = async (connection) => {
    while (connection.iceGatheringState !== 'complete') {
      await new Promise((resolve) => { connection.onicegatheringstatechange = resolve; });
    }
    const { type, sdp } = connection.localDescription;
    return { type, sdp };
  };
  const open = (channel) => channel.readyState === 'open' || new Promise((resolve) => { channel.onopen = resolve; });
  const kept = [];
  let connection, channel, arrived, began, ended, first, received, bytes;
  const add = (added) => { channel = added; channel.binaryType = 'arraybuffer'; kept.push(channel); };

  Object.assign(window, {
    async offer() {
      kept.push(connection = new RTCPeerConnection());
      add(connection.createDataChannel('bench'));
      await connection.setLocalDescription(await connection.createOffer());
      return gathered(connection);
    },
    async accept(answer) {
      await connection.setRemoteDescription(answer);
      await open(channel);
    },
    async answer(offer, echoes) {
      kept.push(connection = new RTCPeerConnection());
      [arrived, first, ended, received, bytes] = [flag(), flag(), flag(), 0, 0];
      connection.ondatachannel = (event) => {
        add(event.channel);
        const mine = event.channel;
        mine.onmessage = ({ data }) => {
          if (typeof data === 'string') {
            ended.set({ received, bytes, secs: (performance.now() - began) / 1e3 });
            return;
          }
          if (received++ === 0) { began = performance.now(); first.set(); }
          bytes += data.byteLength;
          if (echoes) mine.send(data);
        };
        arrived.set();
      };
      await connection.setRemoteDescription(offer);
      await connection.setLocalDescription(await connection.createAnswer());
      return gathered(connection);
    },
    async opened() { await arrived.wait; await open(channel); },
    first: () => first.wait,
    ended: () => ended.wait,
    say: (text) => channel.send(text),
    hear: () => new Promise((resolve) => { channel.onmessage = ({ data }) => typeof data === 'string' && resolve(data); }),
    async bulk(size, seconds) {
      const message = new Uint8Array(size), until = performance.now() + seconds * 1e3;
      channel.bufferedAmountLowThreshold = LOW;
      let sent = 0;
      while (performance.now() < until) {
        for (; channel.bufferedAmount <= HIGH; sent++) channel.send(message);
        await new Promise((resolve) => { channel.onbufferedamountlow = resolve; });
      }
      return sent;
    },
    async trips(size, count) {
      const message = new Uint8Array(size), times = [];
      for (let i = 0; i < count; i++) {
        const sent = performance.now();
        await new Promise((resolve) => { channel.onmessage = resolve; channel.send(message); });
        times.push((performance.now() - sent) * 1e3);
      }
      times.sort((left, right) => left - right);
      return { p50_us: times[count >> 1], p99_us: times[Math.floor(count * 0.99)] };
    },
    async pair() {
      const ours = new RTCPeerConnection(), theirs = new RTCPeerConnection(), here = ours.createDataChannel('bench');
      const there = new Promise((resolve) => { theirs.ondatachannel = (event) => resolve(event.channel); });
      kept.push(ours, theirs, here);
      await ours.setLocalDescription(await ours.createOffer());
      await theirs.setRemoteDescription(await gathered(ours));
      await theirs.setLocalDescription(await theirs.createAnswer());
      await ours.setRemoteDescription(await gathered(theirs));
      await open(here);
      const other = await there;
      await open(other);
      kept.push(other);
    },
    closeAll() { for (const one of kept.splice(0)) if (one.createOffer) one.close(); },
  });
}"""

WARM_UP = 200
MOST_CONNECTIONS = 400  # of a page


class LoopbackChromium(Chromium):
    """Also where there is nothing but loopback. Who may hear the microphone may know all addresses of the machine, that one too; so the
    page has an origin."""

    def _command(self) -> list[str]:
        return [*super()._command(), "--allow-loopback-in-peer-connection"]

    async def serve(self) -> None:
        async def give_page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<!doctype html>")
            await writer.drain()
            writer.close()

        self._server = await asyncio.start_server(give_page, "127.0.0.1")
        self._origin = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        await self.call("Browser.grantPermissions", origin=self._origin, permissions=["audioCapture", "videoCapture"])

    async def open_peer(self) -> Any:
        page = await self.open(f"{self._origin}/")
        await page.evaluate(PAGE)
        return page

    def _processes(self) -> list[int]:
        """All of the browser's: it has a process group of its own."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if os.getpgid(int(entry.name)) == self._process.pid:
                    found.append(int(entry.name))
            except ProcessLookupError:
                pass
        return found

    def cpu(self) -> float:
        """Seconds, in steps of 10 ms."""
        ticks = 0
        for process in self._processes():
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory_kib(self) -> int:
        """What they hold, with each page that several share counted once."""
        lines = (line for process in self._processes() for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines())
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


async def hear() -> Any:
    return json.loads(await asyncio.to_thread(sys.stdin.readline))["sdp"]


async def offer(browser: LoopbackChromium, page: Any, work: str, size: int, amount: float) -> None:
    say({"sdp": await page.evaluate("() => offer()")})
    await page.evaluate("(answer) => accept(answer)", await hear())
    result: dict[str, float] = {}
    if work == "rtt":
        await page.evaluate("(size, count) => trips(size, count)", size, WARM_UP)
        used = browser.cpu()
        result = {"n": amount, **await page.evaluate("(size, count) => trips(size, count)", size, int(amount))}
        result["cpu_s"] = browser.cpu() - used
        await page.evaluate("() => { const heard = hear(); say('END'); return heard; }")
    else:
        used = browser.cpu()
        result["sent"] = await page.evaluate("(size, seconds) => bulk(size, seconds)", size, amount)
        await page.evaluate("() => { const heard = hear(); say('END'); return heard; }")
        result["cpu_s"] = browser.cpu() - used
    say({"result": result})


async def answer(browser: LoopbackChromium, page: Any, work: str) -> None:
    say({"sdp": await page.evaluate("(offer, echoes) => answer(offer, echoes)", await hear(), work == "rtt")})
    await page.evaluate("() => first()")
    used = browser.cpu()
    result = await page.evaluate("() => ended()")
    say({"result": {**result, "cpu_s": browser.cpu() - used}})
    await page.evaluate("() => say('DONE')")
    await asyncio.sleep(0.5)


async def crowd(browser: LoopbackChromium, page: Any, offers: bool, count: int) -> None:
    before = 0
    for i in range(count + 1):
        if i % MOST_CONNECTIONS == MOST_CONNECTIONS - 1:
            page = await browser.open_peer()
        if offers:
            say({"sdp": await page.evaluate("() => offer()")})
            await page.evaluate("(answer) => accept(answer)", await hear())
        else:
            say({"sdp": await page.evaluate("(offer) => answer(offer, false)", await hear())})
            await page.evaluate("() => opened()")
        if i == 0:
            before = browser.memory_kib()
    if offers:
        await asyncio.sleep(1)
        await page.evaluate("() => { const heard = hear(); say('END'); return heard; }")
    else:
        await page.evaluate("() => ended()")
    say({"result": {"connections": count, "kib_per_pc": (browser.memory_kib() - before) / count}})
    if not offers:
        await page.evaluate("() => say('DONE')")
        await asyncio.sleep(0.5)


async def set_up(browser: LoopbackChromium, page: Any, count: int) -> None:
    await page.evaluate("() => pair()")
    times, used = [], browser.cpu()
    for _ in range(count):
        began = time.perf_counter()
        await page.evaluate("() => pair()")
        times.append((time.perf_counter() - began) * 1e3)
    say({"result": {"ms": times, "cpu_ms": [(browser.cpu() - used) * 1e3 / count]}})


async def idle(browser: LoopbackChromium, page: Any, count: int) -> None:
    await page.evaluate("() => pair()")
    before = browser.memory_kib()
    for _ in range(count):
        await page.evaluate("() => pair()")
    await asyncio.sleep(1)
    say({"result": {"pairs": count, "kib_per_pc": (browser.memory_kib() - before) / (2 * count)}})


async def main(role: str, work: str, *amounts: str) -> None:
    async with LoopbackChromium(host_addresses=True) as browser:
        await browser.serve()
        page = await browser.open_peer()
        if work == "crowd":
            await crowd(browser, page, role == "offer", int(amounts[0]))
        elif role == "local":
            await (set_up if work == "setup" else idle)(browser, page, int(amounts[0]))
        elif role == "offer":
            await offer(browser, page, work, int(amounts[0]), float(amounts[1]))
        else:
            await answer(browser, page, work)


asyncio.run(main(*sys.argv[1:]))
