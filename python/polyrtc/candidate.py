# SPDX-License-Identifier: BSD-3-Clause
"""RTCIceCandidate (W3C WebRTC 1.0 section 4.8.1; the text form is RFC 8839 section 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class RTCIceCandidate:
    """An address at which one side may be reached. The members are aiortc's; ``candidate`` is the W3C's text."""

    component: int
    foundation: str
    ip: str
    port: int
    priority: int
    protocol: str
    type: str
    relatedAddress: str | None = None
    relatedPort: int | None = None
    sdpMid: str | None = None
    sdpMLineIndex: int | None = None
    tcpType: str | None = None
    usernameFragment: str | None = None

    @property
    def candidate(self) -> str:
        """``candidate:…``, what browsers exchange as ``RTCIceCandidate.candidate``."""
        return "candidate:" + candidate_to_sdp(self)

    def toJSON(self) -> dict[str, Any]:
        """RTCIceCandidateInit: what a browser's ``addIceCandidate`` takes."""
        return {
            "candidate": self.candidate,
            "sdpMid": self.sdpMid,
            "sdpMLineIndex": self.sdpMLineIndex,
            "usernameFragment": self.usernameFragment,
        }

    @classmethod
    def fromJSON(cls, init: Mapping[str, Any] | None) -> RTCIceCandidate | None:
        """From a browser's ``event.candidate`` (its ``toJSON``). ``None`` stands for the end of candidates, which browsers
        write as ``null`` or as an empty ``candidate``. Raises ``ValueError``, for what is of another type as well: it came
        from the other side."""
        if not init:
            return None
        if not isinstance(init, Mapping):
            raise ValueError(f"not a candidate: {init!r}")
        for name in ("candidate", "sdpMid", "usernameFragment"):
            if not isinstance(init.get(name), str | None):
                raise ValueError(f"{name} is not a text: {init[name]!r}")
        index = init.get("sdpMLineIndex")
        if index is not None and (type(index) is not int or not 0 <= index <= 65535):
            raise ValueError(f"sdpMLineIndex is not a number from 0 to 65535: {index!r}")
        if not init.get("candidate"):
            return None
        candidate = candidate_from_sdp(init["candidate"])
        candidate.sdpMid = init.get("sdpMid")
        candidate.sdpMLineIndex = index
        candidate.usernameFragment = init.get("usernameFragment") or candidate.usernameFragment
        return candidate


@dataclass
class RTCPeerConnectionIceErrorEvent:
    """Why a server gave no candidate (W3C WebRTC 1.0 section 4.8.3)."""

    url: str
    """``stun:host:port``"""
    errorCode: int
    """Of STUN, as the server sent it; 701 when it could not be reached."""
    errorText: str


def candidate_from_sdp(sdp: str) -> RTCIceCandidate:
    """Reads a candidate with or without ``candidate:`` before it. Raises ``ValueError``."""
    bits = sdp.removeprefix("a=").removeprefix("candidate:").split()
    if len(bits) < 8 or bits[6] != "typ":
        raise ValueError(f"not a candidate: {sdp!r}")
    candidate = RTCIceCandidate(
        foundation=bits[0],
        component=int(bits[1]),
        protocol=bits[2],
        priority=int(bits[3]),
        ip=bits[4],
        port=int(bits[5]),
        type=bits[7],
    )
    for name, value in zip(bits[8::2], bits[9::2]):
        if name == "raddr":
            candidate.relatedAddress = value
        elif name == "rport":
            candidate.relatedPort = int(value)
        elif name == "tcptype":
            candidate.tcpType = value
        elif name == "ufrag":
            candidate.usernameFragment = value
    return candidate


def candidate_to_sdp(candidate: RTCIceCandidate) -> str:
    """Writes a candidate, without ``candidate:`` before it."""
    c = candidate
    sdp = f"{c.foundation} {c.component} {c.protocol} {c.priority} {c.ip} {c.port} typ {c.type}"
    if c.relatedAddress is not None:
        sdp += f" raddr {c.relatedAddress}"
    if c.relatedPort is not None:
        sdp += f" rport {c.relatedPort}"
    if c.tcpType is not None:
        sdp += f" tcptype {c.tcpType}"
    return sdp
