# SPDX-License-Identifier: BSD-3-Clause
"""datachannel_vpn in two network namespaces of its own: ping and TCP go through it. Needs root, or sudo without a password."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .program import PATIENCE, Program, listening, run

pytestmark = pytest.mark.asyncio
NAME = "datachannel_vpn"
ROOT = () if os.getuid() == 0 else ("sudo", "-n", "--preserve-env=PYTHONPATH,PYTHONUTF8")


def ip(*arguments: str) -> None:
    subprocess.run([*ROOT, "ip", *arguments], check=True)


@pytest.fixture
def namespaces() -> Iterator[tuple[str, str]]:
    """Two, joined by a cable; each has an address on it, and nothing else."""
    names = (f"polyrtc-{os.getpid()}-a", f"polyrtc-{os.getpid()}-b")
    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", "cable", "netns", names[0], "type", "veth", "peer", "name", "cable", "netns", names[1])
        for number, name in enumerate(names, 1):
            ip("-n", name, "addr", "add", f"192.0.2.{number}/24", "dev", "cable")
            ip("-n", name, "link", "set", "cable", "up")
        yield names
    finally:
        for name in names:
            subprocess.run([*ROOT, "ip", "netns", "delete", name])


def inside(namespace: str) -> tuple[str, ...]:
    return (*ROOT, "ip", "netns", "exec", namespace)


async def output(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    async with asyncio.timeout(PATIENCE):
        text = (await process.communicate())[0].decode()
    assert process.returncode == 0, text
    return text


SERVE = "import socket; s = socket.create_server(('10.45.0.2', 80)); print('ready', flush=True); c = s.accept()[0]; \
print(sum(len(d) for d in iter(lambda: c.recv(65536), b'')))"
SEND = "import socket; c = socket.create_connection(('10.45.0.2', 80)); c.sendall(bytes(3_000_000)); c.close()"


async def test_packets_go_through(namespaces: tuple[str, str], tmp_path: Path) -> None:
    here, there = namespaces
    path = tmp_path / "socket"
    wire = ("-s", "unix-socket", "--signaling-path", path)
    async with Program(NAME, "offer", *wire, before=inside(here)) as offer:
        await listening(path, offer, inside(here))
        async with Program(NAME, "answer", *wire, "--interface", "vpn0", before=inside(there)) as answer:
            await offer.says("^polyrtc0 is up: 10.45.0.1/24$")
            await answer.says("^vpn0 is up: 10.45.0.2/24$")
            assert " 0% packet loss" in await output(*inside(here), "ping", "-c", "5", "-i", "0.2", "-s", "1200", "10.45.0.2")
            assert " 0% packet loss" in await output(*inside(there), "ping", "-c", "2", "-i", "0.2", "10.45.0.1")
            async with asyncio.timeout(PATIENCE):
                serving = await asyncio.create_subprocess_exec(
                    *inside(there), "/usr/bin/env", "python3", "-c", SERVE, stdout=asyncio.subprocess.PIPE
                )
                assert serving.stdout is not None
                await serving.stdout.readline()
                await output(*inside(here), "/usr/bin/env", "python3", "-c", SEND)
                assert await serving.stdout.readline() == b"3000000\n"
                await serving.wait()
            offer.interrupt()
            assert await offer.end() == 0 and await answer.end() == 0
    for namespace in namespaces:
        assert "10.45." not in await output(*inside(namespace), "ip", "addr"), "the interfaces are gone"


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("offer", "--address", "1.2.3"), 2, "--address: '1.2.3' does not appear to be an IPv4 or IPv6 interface"),
        (("offer", "--mtu", "5"), 2, "--mtu must be 576 to 65535"),
        (("offer", "--interface", "a-name-much-too-long"), 2, "--interface must have 1 to 15 letters"),
        (("answer", "-s", "unix-socket", "--signaling-path", "/none"), 1, "There is no /none: start the side that offers first."),
    ],
    ids=str,
)
async def test_refusals(arguments: tuple[str, ...], status: int, sentence: str) -> None:
    program = await run(NAME, *arguments, before=ROOT)
    assert program.process.returncode == status
    assert sentence in program.err


async def test_without_the_right_to() -> None:
    program = await run(NAME, "offer", before=("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"))
    assert program.process.returncode == 1
    assert "Cannot make the interface polyrtc%d: Operation not permitted. This needs root" in program.err
