# SPDX-License-Identifier: BSD-3-Clause
"""The mixed workload over many seeds, what they covered, and that a seed names a run."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from tests.sim import coverage, fixture, runner, workload
from tests.sim.runner import Case, Outcome
from tests.sim.shrink import shrink

SEEDS = 1000

#: So many failures are made smaller; more would only take time.
SHRUNK = 3


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> dict[int, Outcome]:
    """Of the seeds that this session has selected, or all when their coverage is asked for; a process for each core."""
    items: list[Any] = request.session.items
    seeds = {item.callspec.params["seed"] for item in items if getattr(item, "originalname", "") == "test_mixed_workload"}
    if any(item.name == "test_coverage" for item in items):
        seeds = set(range(SEEDS))
    found = {outcome.case.seed: outcome for outcome in runner.run_all(Case(seed) for seed in sorted(seeds))}
    failed = [outcome for _, outcome in sorted(found.items()) if outcome.report is None]
    for outcome in failed[:SHRUNK]:
        outcome.smallest = shrink(outcome)
    fixture.reports.extend(outcome.report for outcome in found.values() if outcome.report is not None)
    return found


@pytest.mark.parametrize("seed", range(SEEDS))
def test_mixed_workload(seed: int, outcomes: dict[int, Outcome]) -> None:
    assert outcomes[seed].report is not None, str(outcomes[seed])


def test_coverage(outcomes: dict[int, Outcome]) -> None:
    """Each kind of thing has happened often enough."""
    assert coverage.missing(outcome.report for outcome in outcomes.values() if outcome.report is not None) == []


@pytest.mark.parametrize("seed", [1501, 2259, 3222, 12027, 12051, 12275, 13064, 14095, 14165])
def test_seeds_that_found_something(seed: int) -> None:
    """Life times that began late; a first transmission after the life time; a chunk that was never sent again. A restart
    that nobody answers; a NAT that gives another address before the nomination; a path that is lost in the handshake."""
    workload.run(seed)


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
