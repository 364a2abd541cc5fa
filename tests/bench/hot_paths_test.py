#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""hot_paths_test PROGRAM NUMBERS: counts the instructions of the hot paths by callgrind, and compares with what was written down.

    bazel test //tests/bench:hot_paths_test
    bazel build //tests/bench:hot_paths && tests/bench/hot_paths_test.py --write bazel-bin/tests/bench/hot_paths tests/bench/hot_paths.txt

The same program gives the same numbers on every machine and in every run, however busy it is: valgrind's own processor is what
runs it, so BoringSSL and the C library choose the same code (AES-NI and AVX2; the kinds of AES-GCM for newer processors are not
counted here). Where a large copy is one instruction that repeats, each byte counts as one.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

#: By how much a number may grow: compilers and C libraries differ a little. One that has fallen by more is to be written down, or
#: what was won could be lost again unseen.
MORE, LESS = 0.03, 0.10

NAMES = {
    "bulk": "message of 16 KiB in datagrams of 1,200 bytes",
    "large": "message of 16 KiB in datagrams as large as they may be",
    "small": "message of 64 bytes, among many",
    "rtt": "round trip of 64 bytes, with the acknowledgement that comes later",
    "setup": "connection, from nothing to an open channel",
}


def count(program: str, workload: str) -> tuple[float, float]:
    """Instructions and datagrams, both ends, for each message."""
    with tempfile.TemporaryDirectory() as directory:
        command = ["valgrind", "--tool=callgrind", "--toggle-collect=measure", f"--callgrind-out-file={directory}/out", program, workload]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        except FileNotFoundError:
            sys.exit("valgrind is not installed (Debian: valgrind)")
        except subprocess.CalledProcessError as error:
            sys.exit(f"{workload}: {error.stderr}")
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if collected is None:
        sys.exit(f"callgrind has said no number: {done.stderr}")
    messages, datagrams = (int(word) for word in done.stdout.split())
    return int(collected[1]) / messages, datagrams / messages


def table(found: dict[str, tuple[float, float]]) -> str:
    rows = [f"{name:<8} {instructions:>12.0f} {datagrams:>10.2f}  # {NAMES[name]}" for name, (instructions, datagrams) in found.items()]
    return "\n".join(["# What hot_paths_test.py has counted: instructions and datagrams, of both ends", *rows]) + "\n"


def read(path: Path) -> dict[str, tuple[float, float]]:
    lines = [line.split("#")[0].split() for line in path.read_text().splitlines()]
    return {words[0]: (float(words[1]), float(words[2])) for words in lines if words}


def main() -> None:
    writes = sys.argv[1:2] == ["--write"]
    program, numbers = sys.argv[-2:]
    found = {name: count(program, name) for name in NAMES}
    print(table(found))
    if writes:
        Path(numbers).write_text(table(found))
        return
    failed = False
    known = read(Path(numbers))
    for name, values in found.items():
        for what, value, before in zip(("instructions", "datagrams"), values, known.get(name, (0.0, 0.0)), strict=True):
            change = value / before - 1 if before else float("inf")
            if not -LESS <= change <= MORE:
                failed = True
                print(f"{name}: {value:,.2f} {what}, where it were {before:,.2f}: {change:+.1%}")
    if failed:
        sys.exit(f"If there is a reason for it, write them down: {Path(__file__).name} --write")


if __name__ == "__main__":
    main()
