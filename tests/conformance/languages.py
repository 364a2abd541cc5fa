# SPDX-License-Identifier: BSD-3-Clause
"""The agents of the languages: how each is built and run."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from .runner import Agent

TOP = Path(__file__).parents[2]
AGENTS = Path(__file__).parent / "agents"

#: Events that a language does not have.
LACKS = {"go": {"closing"}, "node": {"failed"}}  # pion and the W3C have none


def _c() -> list[str]:
    bazel = os.environ.get("BAZEL", "bazel").split()
    subprocess.run([*bazel, "build", "//tests/conformance/agents:agent"], cwd=TOP, check=True, capture_output=True)
    where = subprocess.run([*bazel, "info", "bazel-bin"], cwd=TOP, check=True, capture_output=True, text=True)
    return [f"{where.stdout.strip()}/tests/conformance/agents/agent"]


def _python() -> list[str]:
    return [sys.executable, "-W", "error", str(AGENTS / "agent.py")]


def _go() -> list[str]:
    program = str(TOP / ".build/conformance/agent-go")
    subprocess.run(["go", "build", "-o", program, "."], cwd=AGENTS / "go", check=True)
    return [program]


def _node() -> list[str]:
    return ["node", str(AGENTS / "agent.mjs")]


_COMMANDS = {"c": _c, "python": _python, "go": _go, "node": _node}
LANGUAGES = list(_COMMANDS)


@cache
def _command(language: str) -> list[str]:
    return _COMMANDS[language]()


def start(language: str) -> Agent:
    environment = os.environ | {"PYTHONPATH": str(TOP / "python"), "PYTHONUTF8": "1", "GOTOOLCHAIN": "local"}
    return Agent(language, _command(language), environment, LACKS.get(language, set()))
