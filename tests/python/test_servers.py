# SPDX-License-Identifier: BSD-3-Clause
"""ICE servers of a configuration: which are taken, and why others are not. (What TURN does is tested in core, tests/sim and tests/nat.)"""

from __future__ import annotations

from typing import Any

import pytest

from polyrtc import RTCConfiguration, RTCIceGatherer, RTCIceServer, RTCPeerConnection
from polyrtc.exceptions import ArgumentError, InvalidAccessError, NotSupportedError

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


SERVER = "stun:127.0.0.1"

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"iceServers": RTCIceServer(SERVER)}, "iceServers is no list"),
    ({"iceServers": [{"urls": SERVER}]}, "no RTCIceServer"),
    ({"iceServers": [RTCIceServer([])]}, "an ICE server has no urls"),
    ({"iceServers": [RTCIceServer([5])]}, "the urls of an ICE server may not be"),  # type: ignore[list-item]
    ({"iceServers": [RTCIceServer(SERVER, credential=5)]}, "are texts"),  # type: ignore[arg-type]
    ({"iceTransportPolicy": "sometimes"}, "iceTransportPolicy may not be 'sometimes'"),
    ({"certificates": ["PEM"]}, "no RTCCertificate"),
    ({"portRange": (-1, 5)}, "portRange"),
    ({"portRange": (1, 2, 3)}, "portRange"),
    ({"iceCredentials": ("user", 1)}, "iceCredentials"),
    ({"iceCredentials": ("abc", "0123456789abcdefghijkl")}, "ICE credentials"),
    ({"iceConsentTimeout": 3_600_001}, "time limit"),
    ({"maxMessageSize": -1}, "maxMessageSize"),
    ({"sendQueueSize": 2**32}, "sendQueueSize"),
    ({"trustAnchors": b"PEM"}, "trustAnchors"),
    ({"tcpCandidates": 1}, "tcpCandidates"),
    ({"udpPort": "80"}, "udpPort"),
    ({"udpPort": 65537}, "65537 is no UDP port"),
    ({"iceLite": "no"}, "iceLite"),
]


@pytest.mark.parametrize("members, reason", WRONG, ids=lambda value: value if isinstance(value, str) else "")
async def test_wrong_types(members: dict[str, Any], reason: str) -> None:
    given = RTCConfiguration(**members)
    with pytest.raises(ArgumentError, match=reason):
        RTCPeerConnection(given)
    with pytest.raises(ArgumentError, match=reason):
        await RTCIceGatherer(configuration=given).gather()
    connection = RTCPeerConnection()
    with pytest.raises(ArgumentError, match=reason):
        connection.setConfiguration(given)
    await connection.close()


async def test_no_configuration() -> None:
    with pytest.raises(ArgumentError, match="no RTCConfiguration"):
        RTCPeerConnection({"iceServers": []})  # type: ignore[arg-type]
    with pytest.raises(NotSupportedError, match="oauth"):
        RTCPeerConnection(RTCConfiguration(iceServers=[RTCIceServer(SERVER, credentialType="oauth")]))


async def test_words() -> None:
    connection = RTCPeerConnection(RTCConfiguration(iceTransportPolicy="relay"))  # type: ignore[arg-type]
    connection.createDataChannel("chat")
    await connection.setLocalDescription()
    assert connection.localDescription is not None and "a=candidate:" not in connection.localDescription.sdp
    await connection.close()


async def test_own_credentials() -> None:
    """… are those of the first description; an ICE restart draws others."""
    mine = ("user+Name/4", "0123456789abcdefghijklmnopqrstuvwxyzABCDEF")
    connection = RTCPeerConnection(RTCConfiguration(iceCredentials=mine, iceDisconnectTimeout=2000, iceConsentTimeout=4000))
    connection.createDataChannel("data")
    offer = await connection.createOffer()
    assert f"a=ice-ufrag:{mine[0]}\r\na=ice-pwd:{mine[1]}\r\n" in offer.sdp
    await connection.setLocalDescription(offer)
    connection.restartIce()
    assert mine[0] not in (await connection.createOffer()).sdp
    await connection.close()
