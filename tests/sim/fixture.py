# SPDX-License-Identifier: BSD-3-Clause
"""The pytest fixture.

    def test_something(sim):
        a, b = sim.pair(loss=0.1)
        sim.connect(a, b)

The seed is 0, or the test's parameter `seed`: `@pytest.mark.parametrize("seed", range(20))`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from . import workload
from .simulation import Simulation

#: What the seeds of the mixed workload have done, in this session.
reports: list[workload.Report] = []


@pytest.fixture
def seed() -> int:
    """The seed of a test that is not given one."""
    return 0


@pytest.fixture
def sim(seed: int) -> Iterator[Simulation]:
    """A simulation, freed at the end."""
    simulation = Simulation(seed)
    yield simulation
    simulation.free()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if reports:
        terminalreporter.section("what the simulated seeds covered")
        terminalreporter.write_line(workload.table(reports))
