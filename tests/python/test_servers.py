# SPDX-License-Identifier: BSD-3-Clause
"""ICE servers of a configuration: which are taken, and why others are not. (What TURN does is tested in core, tests/sim and tests/nat.)"""

from __future__ import annotations

import pytest

from polyrtc import RTCConfiguration, RTCIceServer, RTCPeerConnection
from polyrtc.exceptions import InvalidAccessError, NotSupportedError

pytestmark = pytest.mark.asyncio

BAD = {
    "turn:example.org": (InvalidAccessError, "a TURN server needs a username and a credential"),
    "stun:": (ValueError, "the host is empty or has characters that no name has"),
    "stun:example.org:0": (ValueError, "the port is not a number from 1 to 65535"),
    "turn:example.org?transport=sctp": (ValueError, "the transport is neither udp nor tcp"),
    "http://example.org": (ValueError, "the scheme is none of stun, stuns, turn and turns"),
    "turns:example.org?transport=udp": (NotSupportedError, "turns: over UDP, which is DTLS, is not supported"),
}


def configuration(url: str, **more: str) -> RTCConfiguration:
    return RTCConfiguration(iceServers=[RTCIceServer(url, **more)])


@pytest.mark.parametrize("url", BAD)
async def test_refused(url: str) -> None:
    kind, reason = BAD[url]
    with pytest.raises(kind, match=reason):
        RTCPeerConnection(configuration(url))


@pytest.mark.parametrize("url", ["turn:example.org", "turn:192.0.2.1:3478?transport=tcp", "turns:[2001:db8::1]:443"])
async def test_taken(url: str) -> None:
    connection = RTCPeerConnection(configuration(url, username="user", credential="secret"))
    await connection.close()


async def test_trust_anchors() -> None:
    with pytest.raises(ValueError, match="trust_anchors has no PEM of a certificate"):
        RTCPeerConnection(RTCConfiguration(trustAnchors="nothing"))
