# SPDX-License-Identifier: BSD-3-Clause
"""Runs cases of the workload, each in a process of its own: a case that crashes or hangs is a failure like others."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from . import workload

#: Seconds of real time, far more than the longest case needs: then it is thought to hang.
HANGS = 300


@dataclass(frozen=True)
class Case:
    """A seed's run, or what shrinking has left of it."""

    seed: int
    actions: tuple[int, ...] | None = None  # None: all
    without: tuple[str, ...] = ()

    def command(self) -> str:
        parts = [f"python -m tests.sim --seed {self.seed}"]
        if self.actions is not None:
            parts.append(f"--actions {ranges(self.actions)}")
        if self.without:
            parts.append(f"--without {','.join(name.replace(' ', '-') for name in self.without)}")
        return " ".join([*parts, "-v"])


@dataclass
class Outcome:
    """How a case came out. `kind` is equal for failures that are probably of one cause; "" when it did not fail."""

    case: Case
    kind: str = ""
    text: str = ""
    begun: tuple[int, ...] = ()
    """The actions that it came to."""
    report: workload.Report | None = None
    smallest: Case | None = field(default=None)
    """What shrinking has found."""

    def __str__(self) -> str:
        lines = [self.text.rstrip(), f"seed {self.case.seed} failed; again: {self.case.command()}"]
        if self.smallest is not None and self.smallest != self.case:
            lines.append(f"the same by less: {self.smallest.command()}")
        return "\n".join(lines)


def ranges(numbers: Iterable[int]) -> str:
    """1,2,3,7 as 1-3,7; none as "none"."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{a}-{b}" if a != b else f"{a}" for a, b in runs) or "none"


def from_ranges(text: str) -> tuple[int, ...]:
    numbers: list[int] = []
    for part in text.split(",") if text != "none" else ():
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return tuple(numbers)


def kind_of(error: BaseException) -> str:
    """Of an error: its type and what it says, without the numbers and names that differ from run to run."""
    text = re.sub(r"^seed \d+, \d+ µs, <[^>]*>: ", "", str(error))
    text = re.sub(r"b?'[^']*'|\b[\d.]+\b", "…", text)
    return f"{type(error).__name__}: {text[:40]}"


def _child(case: Case, options: dict[str, Any], to: Connection) -> None:
    run = workload.Workload(case.seed, actions=case.actions, without=case.without, **options)
    try:
        outcome = Outcome(case, report=run.run())
    except Exception as error:
        outcome = Outcome(case, kind_of(error), traceback.format_exc())
    outcome.begun = tuple(run.begun)
    to.send(outcome)


class _Running:
    def __init__(self, case: Case, options: dict[str, Any]) -> None:
        context = multiprocessing.get_context("fork")
        self.case = case
        self.began = time.monotonic()
        self.connection, to = context.Pipe(duplex=False)
        self.process = context.Process(target=_child, args=(case, options, to), daemon=True)
        self.process.start()
        to.close()

    def outcome(self) -> Outcome:
        try:
            outcome: Outcome = self.connection.recv()
            self.process.join()
        except EOFError:
            self.process.join()
            code = self.process.exitcode or 0
            name = signal.Signals(-code).name if code < 0 else str(code)
            outcome = Outcome(self.case, f"crash: {name}", f"the process ended with {name}")
        self.connection.close()
        return outcome

    def hangs(self) -> Outcome | None:
        if time.monotonic() - self.began < HANGS:
            return None
        self.process.kill()
        self.process.join()
        self.connection.close()
        return Outcome(self.case, "hang", f"it has not ended within {HANGS} s")


def run_all(cases: Iterable[Case], jobs: int = 0, **options: Any) -> Iterator[Outcome]:
    """The outcomes as they come; `options` are those of Workload, jobs 0 means one for each core."""
    jobs = jobs or len(os.sched_getaffinity(0))
    rest, running = iter(cases), list[_Running]()
    while True:
        while len(running) < jobs and (case := next(rest, None)) is not None:
            running.append(_Running(case, options))
        if not running:
            return
        ready = wait([one.connection for one in running], timeout=1)
        for one in list(running):
            outcome = one.outcome() if one.connection in ready else one.hangs()
            if outcome is not None:
                running.remove(one)
                yield outcome


def run_one(case: Case, **options: Any) -> Outcome:
    return next(run_all([case], 1, **options))


