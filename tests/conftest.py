# SPDX-License-Identifier: BSD-3-Clause
"""What all Python tests share: the simulator's fixture, and the table of what its seeds covered."""

from tests.sim.fixture import pytest_terminal_summary, seed, sim

__all__ = ["pytest_terminal_summary", "seed", "sim"]
