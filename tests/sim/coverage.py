# SPDX-License-Identifier: BSD-3-Clause
"""What the seeds must have done at least, so that it cannot silently vanish from the workload."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .attacks import ATTACKS
from .workload import Report

#: Per 1,000 seeds, far below what there is now.
LEAST = {
    "ICE restarts": 200, "ICE restarts after a failure": 3, "NATs that forgot": 20, "attacks": 10_000,
    "attacks from another address": 3_000, "attacks: replayed later": 3_000, "bufferedamountlow": 5_000, "channels announced": 4_000,
    "channels closed": 3_000, "channels closed by the other side": 2_000, "channels negotiated": 1_500,
    "connections: addresses hidden": 150, "channels: max_packet_life_time, ordered": 300, "channels: max_packet_life_time, unordered": 200,
    "channels: max_retransmits, ordered": 300, "channels: max_retransmits, unordered": 200, "connections: disconnected": 100,
    "connections: failed": 20, "configurations changed": 100, "configurations refused": 20,
    "datagrams corrupted": 5_000, "datagrams duplicated": 10_000, "datagrams lost": 10_000,
    "datagrams queue full": 2_000, "datagrams reordered": 20_000, "events left unread": 300, "glare: offers ignored": 200,
    "glare: own offers taken back": 200, "hosts behind a NAT": 200, "hosts with one port for all": 300, "ids used again": 100, "messages lost, as they may be": 500,
    "messages paused": 200, "messages received": 50_000, "messages sent: binary": 30_000, "messages sent: empty": 5_000,
    "messages sent: text": 10_000, "negotiations: answer": 1_000, "negotiations: pranswer": 200,
    "negotiations: the data section rejected": 100, "negotiations: the data section revived": 100, "networks: good": 300, "networks: calm": 150,
    "networks: TCP alone": 60, "networks: with an attacker": 150, "offers": 300, "offers from both sides": 200, "outages": 80, "peers closed": 500,
    "peers freed": 300, "peers with certificates of their own": 200, "peers that left before they were connected": 10, "rollbacks: of the local offer": 150,
    "rollbacks: of the remote offer": 50, "sends refused: in the midst of another message": 50, "sends refused: queue full": 50,
    "sends refused: too large": 100, "statistics read": 700, "streams: given up": 200, "streams: messages": 800,
    "streams: parts received": 5_000, "streams: parts that had to wait": 50, "streams: told that the rest will not come": 50,
    "streams: ended": 100, "streams: established": 200, "streams: sent again": 500, "trains received": 1_000, "trains sent": 5_000, "backwards": 5_000,
}  # fmt: skip


def missing(reports: Iterable[Report]) -> list[str]:
    """What has not happened often enough."""
    reports = list(reports)
    total: Counter[str] = Counter()
    for report in reports:
        total.update(report.counters)
    least = LEAST | {f"attacks: {name}": 200 for name in ATTACKS}
    wanted = {name: max(1, number * len(reports) // 1_000) for name, number in least.items()}
    return [f"{name}: {total[name]}, at least {number}" for name, number in wanted.items() if total[name] < number]
