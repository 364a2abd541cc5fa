# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the packages share: where the artefacts are, and environments in which nothing of this checkout is."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
TOP = HERE.parents[1]
BIN = Path(os.environ.get("POLYRTC_BIN") or TOP / "bazel-bin")
PATIENCE = 900

VERSION = re.findall(r'^#define PRTC_VERSION "(.*)"$', (TOP / "core/include/polyrtc/types.h").read_text(), re.MULTILINE)[0]
MACHINE = platform.machine()

WHEELS = BIN / "python/wheels"
NPM = BIN / f"node/package/polyrtc-{VERSION}.tgz"
PROXY = BIN / "go/module"
MODULE = "polyrtc.dev/polyrtc"
PROGRAMS = BIN / "tests/packages/programs"

#: A Debian for arm64, unpacked (see tests/lib/systems.sh)
ARM64 = TOP / ".build/arm64"
#: Versions of Node (the same)
NODES = TOP / ".build/nodes"

#: What each language's hello prints: two connections in one process, and a message over a data channel.
GREETING = "bob received: hello\n"

#: What there are artefacts for, as the build calls them.
PLATFORMS = ["linux_aarch64", "linux_x86_64", "linux_x86_64_musl"]


def wheel(platform: str) -> Path:
    kind, cpu = ("musllinux", platform[6:-5]) if platform.endswith("_musl") else ("manylinux", platform[6:])
    (found,) = WHEELS.glob(f"polyrtc-{VERSION}-cp311-abi3-{kind}_*_{cpu}.whl")
    return found


def run(command: list[object], cwd: Path, environment: dict[str, str], patience: int = PATIENCE) -> str:
    """Runs it with that environment and no other; what it printed."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=patience
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def zig(platform: str) -> dict[str, str]:
    """The compiler with which that platform's binaries were made."""
    folder = Path(os.environ["POLYRTC_ZIG"]) / platform
    return {"CC": str(folder / "cc"), "AR": str(folder / "ar"), "PATH": f"{os.environ['PATH']}"}


def environment(home: Path, programs: list[str]) -> dict[str, str]:
    """A home and a PATH of its own, with those programs and no others (no compiler), and what tells of the network."""
    folder = home / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name in programs:
        found = shutil.which(name)
        assert found, f"there is no {name}"
        if not (folder / name).exists():
            (folder / name).symlink_to(os.path.realpath(found))
    network = re.compile(r"(?i)proxy|index_url|ca_?bundle|cert")
    kept = {name: value for name, value in os.environ.items() if network.search(name)}
    return kept | {"HOME": str(home), "PATH": str(folder), "LC_ALL": "C.UTF-8"}
