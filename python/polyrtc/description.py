# SPDX-License-Identifier: BSD-3-Clause
"""RTCSessionDescription (W3C WebRTC 1.0 section 4.6)."""

from __future__ import annotations

from dataclasses import dataclass

_TYPES = ("offer", "pranswer", "answer", "rollback")


@dataclass
class RTCSessionDescription:
    """One end of a connection and how it is configured: SDP and its role in offer/answer."""

    sdp: str
    type: str

    def __post_init__(self) -> None:
        if self.type not in _TYPES:
            raise ValueError(f"'type' must be in {list(_TYPES)} (got '{self.type}')")
