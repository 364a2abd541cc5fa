# SPDX-License-Identifier: BSD-3-Clause
"""The workloads for a peer in Python; ../README.md has what is asked of it. What differs from library to library is an Adapter."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

HIGH, LOW = 1 << 20, 512 << 10
WARM_UP = 200


class Adapter(Protocol):
    """One library. Callbacks may come in any thread."""

    def connection(self) -> Any: ...
    def channel(self, connection: Any) -> Any: ...
    def on_channel(self, connection: Any, callback: Callable[[Any], object]) -> None: ...
    def on_open(self, channel: Any, callback: Callable[..., object]) -> None: ...
    def on_message(self, channel: Any, callback: Callable[[Any], object]) -> None: ...
    def on_low(self, channel: Any, threshold: int, callback: Callable[..., object]) -> None: ...
    def send(self, channel: Any, data: bytes | str) -> None: ...
    def buffered(self, channel: Any) -> int: ...
    async def offer(self, connection: Any) -> dict[str, str]: ...
    async def answer(self, connection: Any, offer: dict[str, str]) -> dict[str, str]: ...
    async def accept(self, connection: Any, answer: dict[str, str]) -> None: ...
    async def close(self, connection: Any) -> None: ...


class Flag:
    """An event that any thread may set; waiting for it takes it back."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def set(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> None:
        await self._event.wait()
        self._event.clear()


def say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


async def hear() -> dict[str, Any]:
    line = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    heard: dict[str, Any] = json.loads(line)
    return heard


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_kib() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024


async def offer(a: Adapter, work: str, size: int, amount: float) -> None:
    connection = a.connection()
    channel = a.channel(connection)
    opened, low, pong, done = Flag(), Flag(), Flag(), Flag()
    a.on_open(channel, opened.set)
    a.on_low(channel, LOW, low.set)
    a.on_message(channel, lambda data: done.set() if isinstance(data, str) else pong.set())
    say({"sdp": await a.offer(connection)})
    await a.accept(connection, (await hear())["sdp"])
    await opened.wait()
    message = bytes(size)
    if work == "rtt":
        count, times, used = int(amount), [], 0.0
        for i in range(-WARM_UP, count):
            if i == 0:
                used = cpu()
            began = time.perf_counter()
            a.send(channel, message)
            await pong.wait()
            if i >= 0:
                times.append((time.perf_counter() - began) * 1e6)
        result: dict[str, float] = {"cpu_s": cpu() - used, "n": count}
        times.sort()
        result |= {"p50_us": times[count // 2], "p99_us": times[count * 99 // 100]}
        a.send(channel, "END")
        await done.wait()
    else:
        used, began, sent = cpu(), time.perf_counter(), 0
        while time.perf_counter() - began < amount:
            if a.buffered(channel) > HIGH:
                await low.wait()
            a.send(channel, message)
            sent += 1
        a.send(channel, "END")
        await done.wait()
        result = {"sent": sent, "cpu_s": cpu() - used}
    say({"result": result})


async def answer(a: Adapter, work: str) -> None:
    connection, over = a.connection(), Flag()

    def on_channel(channel: Any) -> None:
        received = total = 0
        began = used = 0.0

        def on_message(data: bytes | str) -> None:
            nonlocal received, total, began, used
            if isinstance(data, str):
                say({"result": {"received": received, "bytes": total, "secs": time.perf_counter() - began, "cpu_s": cpu() - used}})
                a.send(channel, "DONE")
                over.set()
                return
            if received == 0:
                began, used = time.perf_counter(), cpu()
            received += 1
            total += len(data)
            if work == "rtt":
                a.send(channel, data)

        a.on_message(channel, on_message)

    a.on_channel(connection, on_channel)
    say({"sdp": await a.answer(connection, (await hear())["sdp"])})
    await over.wait()
    await asyncio.sleep(0.5)  # DONE is on its way


async def crowd(a: Adapter, offers: bool, count: int) -> None:
    """Many connections between two processes, one after the other."""
    kept: list[Any] = []
    opened, ended = Flag(), Flag()
    before = 0.0

    def take(channel: Any) -> None:
        kept.append(channel)
        a.on_message(channel, ended.set)
        a.on_open(channel, opened.set)

    for i in range(count + 1):
        connection = a.connection()
        kept.append(connection)
        if offers:
            take(a.channel(connection))
            say({"sdp": await a.offer(connection)})
            await a.accept(connection, (await hear())["sdp"])
        else:
            a.on_channel(connection, take)
            say({"sdp": await a.answer(connection, (await hear())["sdp"])})
        await opened.wait()
        if i == 0:
            before = resident_kib()
    channel = kept[-1]
    if offers:
        await asyncio.sleep(1)
        a.send(channel, "END")
    await ended.wait()
    say({"result": {"connections": count, "kib_per_pc": (resident_kib() - before) / count}})
    if not offers:
        a.send(channel, "DONE")
        await asyncio.sleep(0.5)


async def pair(a: Adapter) -> list[Any]:
    """Two connections in this process, until both ends of their channel are open."""
    ours, theirs = a.connection(), a.connection()
    channel = a.channel(ours)
    kept, here, there = [ours, theirs, channel], Flag(), Flag()

    def on_channel(other: Any) -> None:
        kept.append(other)
        a.on_open(other, there.set)

    a.on_open(channel, here.set)
    a.on_channel(theirs, on_channel)
    await a.accept(ours, await a.answer(theirs, await a.offer(ours)))
    await here.wait()
    await there.wait()
    return kept


async def set_up(a: Adapter, count: int) -> None:
    times, cpus = [], []
    for _ in range(count):
        used, began = cpu(), time.perf_counter()
        ours, theirs, *_rest = await pair(a)
        times.append((time.perf_counter() - began) * 1e3)
        cpus.append((cpu() - used) * 1e3)
        await a.close(ours)
        await a.close(theirs)
        await asyncio.sleep(0.02)
    say({"result": {"ms": times, "cpu_ms": cpus}})


async def idle(a: Adapter, count: int) -> None:
    first = await pair(a)
    gc.collect()
    before = resident_kib()
    kept = [await pair(a) for _ in range(count)]
    await asyncio.sleep(1)
    say({"result": {"pairs": count, "kib_per_pc": (resident_kib() - before) / (2 * count)}})
    del first, kept


async def _run(a: Adapter, arguments: list[str]) -> None:
    if arguments[1] == "crowd":
        await crowd(a, arguments[0] == "offer", int(arguments[2]))
    elif arguments[0] == "local":
        await (set_up if arguments[1] == "setup" else idle)(a, int(arguments[2]))
    elif arguments[0] == "offer":
        await offer(a, arguments[1], int(arguments[2]), float(arguments[3]))
    else:
        await answer(a, arguments[1])


def main(a: Adapter) -> None:
    asyncio.run(_run(a, sys.argv[1:]))
    sys.stdout.flush()
    os._exit(0)  # some libraries hang when they are cleaned up
