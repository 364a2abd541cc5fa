# SPDX-License-Identifier: BSD-3-Clause
"""What several runs of the benchmarks say together."""

from __future__ import annotations

import statistics
from typing import Any

#: Beyond so many busy cores of others while it ran, a run says little.
MOST_OTHERS = 0.3

Numbers = dict[str, tuple[float, float, float]]


def medians(records: list[dict[str, Any]]) -> dict[tuple[str, str], Numbers]:
    """By peer and workload: of each number median, least and most. Runs that others disturbed count only where there are no others."""
    found: dict[tuple[str, str], Numbers] = {}
    for key in dict.fromkeys((record["peer"], record["workload"]) for record in records):
        good = [record for record in records if (record["peer"], record["workload"]) == key and "numbers" in record]
        calm = [record for record in good if record["others"] <= MOST_OTHERS]
        used = [record["numbers"] for record in (calm if len(calm) >= 2 else good)]
        found[key] = {
            name: (statistics.median(values), min(values), max(values))
            for name in (used[0] if used else {})
            for values in ([numbers[name] for numbers in used],)
        }
    return found
