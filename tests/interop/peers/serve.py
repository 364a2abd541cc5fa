# SPDX-License-Identifier: BSD-3-Clause
"""The protocol of the peers (../README.md) for Python: requests from stdin, answers and events to stdout.

``serve(connect)``: ``connect(trickle, configuration)`` makes a connection with the methods that are called below.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import Callable
from typing import Any

#: Bytes that a channel holds before the next message waits.
MOST_BUFFERED = 1 << 20


def tell(**line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def configuration_of(package: Any, given: dict[str, Any]) -> Any:
    """A dictionary of the W3C as an RTCConfiguration of aiortc or polyrtc; what the W3C has not goes by the package's names."""
    given = dict(given)
    servers = [package.RTCIceServer(**server) for server in given.pop("iceServers", [])]
    made = package.RTCConfiguration(iceServers=servers)
    made.iceTransportPolicy = type(made.iceTransportPolicy)(given.pop("iceTransportPolicy", "all"))
    for name, value in given.items():
        setattr(made, name, value)
    return made


def received(label: str, data: str | bytes) -> None:
    kind, whole = ("text", data.encode()) if isinstance(data, str) else ("binary", bytes(data))
    tell(event="message", label=label, kind=kind, size=len(whole), sha256=hashlib.sha256(whole).hexdigest())


def message(number: int, kind: str, size: int) -> str | bytes:
    digest = hashlib.sha256(str(number).encode())
    if kind == "text":
        return (digest.hexdigest() * (size // 64 + 1))[:size]
    return (digest.digest() * (size // 32 + 1))[:size]


async def _send(connection: Any, request: dict[str, Any]) -> None:
    label = request["label"]
    if "text" in request:
        connection.send(label, request["text"])
        return
    for number in range(request["first"], request["first"] + request["count"]):
        while connection.buffered(label) > MOST_BUFFERED:
            await asyncio.sleep(0.001)
        connection.send(label, message(number, request["kind"], request["size"]))
        await asyncio.sleep(0)


async def _do(connections: list[Any], connect: Callable[[bool, dict[str, Any]], Any], request: dict[str, Any]) -> Any:
    action = request.pop("do")
    if action == "open":
        connections.append(connect(request.get("trickle", False), request.get("configuration", {})))
        return None
    connection = connections[-1]
    if action == "send":
        return await _send(connection, request)
    return await getattr(connection, action)(**request)


async def _answer(connections: list[Any], connect: Callable[[bool, dict[str, Any]], Any], request: dict[str, Any]) -> None:
    n = request.pop("n")
    try:
        tell(n=n, result=await _do(connections, connect, request) or {})
    except Exception as error:
        tell(n=n, error=f"{type(error).__name__}: {error}")


async def _serve(connect: Callable[[bool, dict[str, Any]], Any]) -> None:
    loop = asyncio.get_running_loop()
    connections: list[Any] = []
    tasks = set()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        # not awaited: candidates come while an offer is made
        task = asyncio.ensure_future(_answer(connections, connect, json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


def serve(connect: Callable[[bool, dict[str, Any]], Any]) -> None:
    asyncio.run(_serve(connect))
