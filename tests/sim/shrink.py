# SPDX-License-Identifier: BSD-3-Clause
"""Makes a failing case smaller: fewer actions, milder surroundings, as long as it fails in the same way.

Delta debugging (Zeller and Hildebrandt, 2002) over the actions, then each of the surroundings by itself.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from .runner import Case, Outcome, run_one
from .workload import MOST_ACTIONS, SURROUNDINGS

#: Bounds on how long shrinking takes: cases that are run, and seconds of real time.
MOST_RUNS = 400
MOST_SECONDS = 120.0


class Shrinker:
    def __init__(self, failed: Outcome, **options: Any) -> None:
        self.kind = failed.kind
        self.options = options
        # What comes after the failure has no part in it. Of a crash it is not known how far it came.
        actions = failed.begun or failed.case.actions or range(MOST_ACTIONS)
        self.best = replace(failed.case, actions=tuple(actions))
        self.runs = 0
        self.until = time.monotonic() + MOST_SECONDS

    def shrink(self) -> Case:
        """The smallest case that was found."""
        before = None
        while before != self.best:
            before = self.best
            self._fewer_actions()
            for name in SURROUNDINGS:
                if name not in self.best.without:
                    self._try(replace(self.best, without=(*self.best.without, name)))
        return self.best

    def _try(self, case: Case) -> bool:
        if self.runs >= MOST_RUNS or time.monotonic() > self.until:
            return False
        self.runs += 1
        if run_one(case, **self.options).kind != self.kind:
            return False
        self.best = case
        return True

    def _fewer_actions(self) -> None:
        if not self.best.actions or self._try(replace(self.best, actions=())):
            return
        parts = 2
        while (actions := self.best.actions) and parts <= len(actions):
            bounds = [len(actions) * number // parts for number in range(parts + 1)]
            for start, end in zip(bounds, bounds[1:]):
                if self._try(replace(self.best, actions=actions[:start] + actions[end:])):
                    parts = max(2, parts - 1)
                    break
            else:
                if parts == len(actions):
                    return
                parts = min(len(actions), parts * 2)


def shrink(failed: Outcome, **options: Any) -> Case:
    """`options` are those of the run that failed."""
    return Shrinker(failed, **options).shrink()
