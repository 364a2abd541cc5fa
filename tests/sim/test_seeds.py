# SPDX-License-Identifier: BSD-3-Clause
"""The mixed workload over many seeds, and that a seed names a run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.sim import fixture, workload

SEEDS = 300


@pytest.mark.parametrize("seed", range(SEEDS))
def test_mixed_workload(seed: int) -> None:
    try:
        fixture.reports.append(workload.run(seed))
    except Exception as error:
        error.add_note(f"again: python -m tests.sim --seed {seed} -v")
        raise


def digest(seeds: list[int], hash_seed: str) -> str:
    """The transcripts' SHA-256 from a process of its own, in the build that is installed."""
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    lines = []
    for seed in seeds:
        command = [sys.executable, "-m", "tests.sim", "--seed", str(seed), "--digest"]
        lines.append(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    return "".join(lines)


def test_the_same_seed_gives_the_same_bytes_in_two_processes() -> None:
    seeds = [0, 1, 2]
    first = digest(seeds, "0")
    assert first == digest(seeds, "0") == digest(seeds, "12345")
    assert len(set(first.split())) == len(seeds), "different seeds give different bytes"
    assert first.split()[0] == workload.combined_digest([workload.run(0)])
