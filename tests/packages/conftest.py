# SPDX-License-Identifier: BSD-3-Clause
"""Another processor: programs for arm64 run under qemu, in what a Debian for arm64 has."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .clean import ARM64, run


@pytest.fixture(scope="session")
def arm64() -> Callable[..., str]:
    """Runs a command for arm64; what it printed."""

    def program(command: list[object], cwd: Path, **more: str) -> str:
        variables = [word for name, value in more.items() for word in ("-E", f"{name}={value}")]
        kept = {"PATH": os.environ["PATH"], "HOME": str(cwd), "LC_ALL": "C.UTF-8"}
        return run(["qemu-aarch64-static", "-L", ARM64, *variables, *command], cwd, kept)

    return program
