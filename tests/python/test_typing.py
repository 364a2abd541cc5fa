# SPDX-License-Identifier: BSD-3-Clause
"""The package is typed: mypy finds nothing in it, in the simulator, in the examples, in a program that uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polyrtc

TOP = Path(__file__).parents[2]

PROGRAM = '''
import asyncio
from typing import assert_type
from polyrtc import RTCDataChannel, RTCPeerConnection, RTCSessionDescription
async def main() -> None:
    pc = RTCPeerConnection()
    channel = pc.createDataChannel("chat", ordered=False)
    assert_type(channel, RTCDataChannel)
    assert_type(await pc.createOffer(), RTCSessionDescription)
    assert_type(channel.id, int | None)
    channel.send(b"x")
asyncio.run(main())
'''


def mypy(*arguments: str) -> str:
    environment = os.environ | {"MYPYPATH": str(TOP / "python")}
    command = [sys.executable, "-m", "mypy", "--strict", *arguments]
    return subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True).stdout


def test_marker() -> None:
    assert (Path(polyrtc.__file__).parent / "py.typed").exists()


def test_the_package() -> None:
    output = mypy("-p", "polyrtc", "-p", "tests.sim")
    assert output.startswith("Success"), output


def test_the_examples() -> None:
    """But hello.py, which is as short as a README wants it."""
    output = mypy(*sorted(str(path) for path in (TOP / "examples/python").glob("*.py") if path.name != "hello.py"))
    assert output.startswith("Success"), output


def test_a_program(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    output = mypy(str(program))
    assert output.startswith("Success"), output
    program.write_text(PROGRAM.replace('b"x"', "1"))
    assert "incompatible type" in mypy(str(program)), "a wrong program is found"
