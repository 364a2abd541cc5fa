# SPDX-License-Identifier: BSD-3-Clause
"""Runs the mixed workload by hand.

    python -m tests.sim --seed 17 -v        one seed, with all that goes in and out
    python -m tests.sim --seeds 300         seeds 0 to 299, and what they covered
    python -m tests.sim --seed 17 --digest  the SHA-256 of the transcript alone
    python -m tests.sim --seed 17 --record /tmp/17  recordings, for python -m polyrtc replay
"""

from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path

from . import recording, workload


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description="Seeded simulations of polyrtc.")
    parser.add_argument("--seed", type=int, help="run this seed alone")
    parser.add_argument("--seeds", type=int, default=300, help="run the seeds from 0 on (default: 300)")
    parser.add_argument("--first", type=int, default=0, help="begin at this seed instead of 0")
    parser.add_argument("--digest", action="store_true", help="print the SHA-256 of the transcript and nothing else")
    parser.add_argument("--record", type=Path, metavar="FOLDER", help="write recordings there, for python -m polyrtc replay")
    parser.add_argument("-v", "--verbose", action="store_true", help="print all that goes into the endpoints and comes out")
    options = parser.parse_args()
    seeds = [options.seed] if options.seed is not None else range(options.first, options.first + options.seeds)
    reports, failed = [], []
    for seed in seeds:
        try:
            with recording.to(options.record, seed) as make:
                reports.append(workload.run(seed, verbose=options.verbose, endpoint=make))
        except Exception:
            traceback.print_exc()
            print(f"seed {seed} failed; again: python -m tests.sim --seed {seed} -v", file=sys.stderr)
            failed.append(seed)
    if options.digest:
        print(workload.combined_digest(reports))
    else:
        print(workload.table(reports))
    if failed:
        print(f"{len(failed)} seeds failed: {failed}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
