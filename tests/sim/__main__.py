# SPDX-License-Identifier: BSD-3-Clause
"""Runs the mixed workload by hand.

    python -m tests.sim --seed 17 -v                       one seed, with all that goes in and out
    python -m tests.sim --seeds 5000 --from 0 --jobs 2     many, with progress, and what they covered
    python -m tests.sim --seed 17 --digest                 the SHA-256 of the transcript alone
    python -m tests.sim --seed 17 --record /tmp/17         recordings, for python -m polyrtc replay

A seed that fails is made smaller (not with --no-shrink), and the command is printed that runs what is left of it:

    python -m tests.sim --seed 17 --actions 3,8-10 --without loss,nat -v
"""

from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path

from . import recording, runner, workload
from .runner import Case, Outcome
from .shrink import shrink


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description="Seeded simulations of polyrtc.")
    parser.add_argument("--seed", type=int, help="run this seed alone")
    parser.add_argument("--actions", type=runner.from_ranges, help="of this seed only these actions, as 3,8-10 or none")
    parser.add_argument("--without", default="", help="leave out: " + ", ".join(workload.SURROUNDINGS).replace(" ", "-")
                        + ", or kinds of actions: " + ", ".join(workload.ACTIONS))
    parser.add_argument("--seeds", type=int, default=1000, help="run so many seeds (default: 1000)")
    parser.add_argument("--from", dest="first", type=int, default=0, help="begin at this seed instead of 0")
    parser.add_argument("--jobs", type=int, default=0, help="processes at once (default: one for each core)")
    parser.add_argument("--no-shrink", action="store_true", help="leave failing seeds as they are")
    parser.add_argument("--digest", action="store_true", help="print the SHA-256 of the transcript and nothing else")
    parser.add_argument("--record", type=Path, metavar="FOLDER", help="write a seed's recordings there, for python -m polyrtc replay")
    parser.add_argument("-v", "--verbose", action="store_true", help="print all that goes into the endpoints and comes out")
    options = parser.parse_args()
    names = {name.replace(" ", "-"): name for name in (*workload.SURROUNDINGS, *workload.ACTIONS)}
    without = tuple(names.get(name, name) for name in options.without.split(",") if name)
    if options.seed is not None:
        return run_one(Case(options.seed, options.actions, without), options)
    return run_many([Case(options.first + number, None, without) for number in range(options.seeds)], options)


def run_one(case: Case, options: argparse.Namespace) -> int:
    """In this process, so that a debugger can be used."""
    try:
        with recording.to(options.record, case.seed) as make:
            report = workload.run(case.seed, actions=case.actions, without=case.without, verbose=options.verbose, endpoint=make)
    except Exception:
        traceback.print_exc()
        print(f"seed {case.seed} failed; again: {case.command()}", file=sys.stderr)
        if case.actions is None and not (options.no_shrink or options.verbose or options.digest):
            print(f"the same by less: {shrink(runner.run_one(case)).command()}", file=sys.stderr)
        return 1
    print(workload.combined_digest([report]) if options.digest else workload.table([report]))
    return 0


def run_many(cases: list[Case], options: argparse.Namespace) -> int:
    reports: list[workload.Report] = []
    failed: list[Outcome] = []
    for number, outcome in enumerate(runner.run_all(cases, options.jobs), 1):
        if outcome.report is not None:
            reports.append(outcome.report)
        else:
            failed.append(outcome)
            clear_line()
            print(f"seed {outcome.case.seed} failed: {outcome.kind}", file=sys.stderr)
        if sys.stderr.isatty() or number % 100 == 0:
            clear_line()
            print(f"{number} of {len(cases)} seeds, {len(failed)} failed", end=line_end(), file=sys.stderr, flush=True)
    clear_line()
    reports.sort(key=lambda report: report.seed)
    print(workload.combined_digest(reports) if options.digest else workload.table(reports))
    for outcome in failed:
        if not options.no_shrink:
            outcome.smallest = shrink(outcome)
        print(f"\n{outcome}", file=sys.stderr)
    if failed:
        print(f"{len(failed)} seeds failed: {sorted(outcome.case.seed for outcome in failed)}", file=sys.stderr)
    return 1 if failed else 0


def clear_line() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)


def line_end() -> str:
    return "" if sys.stderr.isatty() else "\n"


if __name__ == "__main__":
    sys.exit(main())
