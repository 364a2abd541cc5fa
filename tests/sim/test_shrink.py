# SPDX-License-Identifier: BSD-3-Clause
"""A failing case is made smaller, whatever the failure is, and the command that is printed fails in the same way."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from tests.sim import runner
from tests.sim.runner import Case, run_one
from tests.sim.shrink import shrink
from tests.sim.test_mutants import DropsMessage, Mutant


class Crashes(Mutant):
    """The process ends, as by a fault in C, at the first channel that is closed."""

    def create_peer(self, *arguments: Any, **keywords: Any) -> Any:
        peer = self.real.create_peer(*arguments, **keywords)

        class Bent:
            def __getattr__(self, name: str) -> Any:
                if name == "close_channel":
                    os.kill(os.getpid(), signal.SIGKILL)
                return getattr(peer, name)

        return Bent()


def test_a_lost_message() -> None:
    failed = next(o for o in (run_one(Case(seed), endpoint=DropsMessage) for seed in range(10)) if o.kind)
    smallest = shrink(failed, endpoint=DropsMessage)
    assert smallest.actions is not None and len(smallest.actions) <= 5 < len(failed.begun)
    assert len(smallest.without) >= 8
    assert run_one(smallest, endpoint=DropsMessage).kind == failed.kind
    assert run_one(smallest).kind == "", "without the bug it does not fail"


def test_a_crash() -> None:
    failed = next(o for o in (run_one(Case(seed), endpoint=Crashes) for seed in range(10)) if o.kind)
    assert failed.kind == "crash: SIGKILL"
    smallest = shrink(failed, endpoint=Crashes)
    assert smallest.actions is not None and len(smallest.actions) <= 2


@pytest.mark.parametrize("numbers, text", [((), "none"), ((3,), "3"), ((1, 2, 3, 7, 9, 10), "1-3,7,9-10")])
def test_ranges(numbers: tuple[int, ...], text: str) -> None:
    assert runner.ranges(numbers) == text and runner.from_ranges(text) == numbers


def test_the_command() -> None:
    case = Case(7, (1, 2, 5), ("loss", "more pairs"))
    assert case.command() == "python -m tests.sim --seed 7 --actions 1-2,5 --without loss,more-pairs -v"
