# SPDX-License-Identifier: BSD-3-Clause
"""Statistics, W3C webrtc-stats."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any


class RTCStats:
    """One object of the statistics: `type`, `id`, `timestamp` (with its time zone, UTC) and the members of its dictionary in W3C
    webrtc-stats, under the names and in the units there: ``RTCTransportStats`` for type "transport", and so on. What does not apply
    is absent: AttributeError, and not a key of `vars`."""

    type: str
    id: str
    timestamp: datetime

    def __init__(self, members: dict[str, Any]) -> None:
        vars(self).update(members)
        self.timestamp = datetime.fromtimestamp(members["timestamp"] / 1000, timezone.utc)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{vars(self).get('type', 'these')} statistics have no {name}")

    def __repr__(self) -> str:
        return f"RTCStats({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class RTCStatsReport(dict[str, RTCStats]):
    """The objects by their ids (W3C RTCStatsReport)."""

    @classmethod
    def _of(cls, objects: list[dict[str, Any]]) -> RTCStatsReport:
        return cls({members["id"]: RTCStats(members) for members in objects})
