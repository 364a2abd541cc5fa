# SPDX-License-Identifier: BSD-3-Clause
"""A program of the examples, run and looked at as a user would."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[2]
PYTHON_EXAMPLES = TOP / "examples/python"
PATIENCE = 60
ENVIRONMENT = os.environ | {"PYTHONPATH": str(TOP / "python"), "PYTHONUTF8": "1"}


class Program:
    """`async with Program("datachannel_cli", "offer", …) as program`: runs it, and kills what is left of it at the end."""

    def __init__(self, name: str, *arguments: str | Path, before: tuple[str, ...] = (), stderr: int = asyncio.subprocess.PIPE):
        script = PYTHON_EXAMPLES / f"{name}.py"
        self._command = [*before, sys.executable, "-W", "error::ResourceWarning", str(script), *map(str, arguments)]
        self._stderr = stderr

    async def __aenter__(self) -> Program:
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(
            *self._command, stdin=pipe, stdout=pipe, stderr=self._stderr, env=ENVIRONMENT, start_new_session=True
        )
        self.out = ""
        self.err = ""
        self._errors = asyncio.create_task(self._read_errors())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            await self.process.wait()
        self._errors.cancel()

    async def _read_errors(self) -> None:
        if self.process.stderr is not None:
            while data := await self.process.stderr.read(4096):
                self.err += data.decode(errors="replace")

    async def says(self, pattern: str) -> re.Match[str]:
        """Waits for a line on standard output that has the pattern in it."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self.process.stdout.readline()).decode():
                self.out += line
                if match := re.search(pattern, line):
                    return match
        raise AssertionError(f"{pattern!r} was not said:\n{self.out}\n{self.err}")

    async def enter(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        await self.process.stdin.drain()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    async def end(self) -> int:
        """Waits for its end. Whatever the reason is, the user sees no traceback. Its output is then in `out` and `err`."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            self.out += (await self.process.stdout.read()).decode()
            await self._errors
            status = await self.process.wait()
        assert "Traceback" not in self.err and "Warning" not in self.err, self.err
        return status


async def run(name: str, *arguments: str | Path, **more: Any) -> Program:
    """A program that ends by itself."""
    async with Program(name, *arguments, **more) as program:
        await program.end()
        return program


async def listening(path: Path, program: Program, before: tuple[str, ...] = ()) -> None:
    """Waits until somebody listens at the Unix socket; `before` leads into the network namespace where that is."""
    async with asyncio.timeout(PATIENCE):
        while True:
            table = await asyncio.create_subprocess_exec(*before, "cat", "/proc/net/unix", stdout=asyncio.subprocess.PIPE)
            lines = (await table.communicate())[0].decode().splitlines()
            if any(line.split()[3] == "00010000" and line.endswith(f" {path}") for line in lines):  # flags: it takes calls
                return
            assert program.process.returncode is None, program.err
