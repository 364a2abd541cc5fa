# SPDX-License-Identifier: BSD-3-Clause
"""With libnice's own agent, which is ICE and no more: both roles, both ways to nominate, through NATs and relays."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interop.peer import Pair

from .conftest import Meet
from .coturn import server
from .world import SERVER

STUN: dict[str, Any] = {"urls": [f"stun:{SERVER}"]}
CLIENT_HELLO = 22  # RFC 8446 section 5.1: handshake


def negotiate(pair: Pair) -> None:
    """libnice's candidates are asked for when it has them; ours are in our description."""
    if pair.offerer is pair.ours:
        pair.ours.ask("channel", label="first")
        offer = pair.ours.ask("offer")
        answer = pair.theirs.ask("answer", sdp=offer["sdp"])
        pair.ours.ask("accept", sdp=answer["sdp"])
    else:
        offer = pair.theirs.ask("offer")
        answer = pair.ours.ask("answer", sdp=offer["sdp"])
        pair.theirs.ask("accept", sdp=answer["sdp"])
    pair.theirs.event("gathered")
    for candidate in (*pair.theirs.ask("candidates")["value"], ""):
        pair.ours.ask("candidate", candidate=candidate, sdpMid="0", sdpMLineIndex=0)
    pair.theirs.ask("candidate", candidate="")


@pytest.mark.parametrize("we_offer", [True, False], ids=["we offer", "it offers"])
@pytest.mark.parametrize("nomination", ["regular", "aggressive"])
@pytest.mark.parametrize(("left", "right", "relays"), [
    ("public", "public", False), ("masquerade", "masquerade", False), ("random", "public", False), ("random", "random", True),
], ids=str)
def test_agent(meet: Meet, left: str, right: str, relays: bool, nomination: str, we_offer: bool) -> None:
    _, _, pair = meet(left, right, "libnice", six=False, we_offer=we_offer)
    servers = [STUN, server(f"turn:{SERVER}")] if relays else [STUN]
    pair.open(configurations=({"iceServers": servers}, {"iceServers": servers, "nomination": nomination}))
    negotiate(pair)
    pair.theirs.event("state", state="ready")
    route = pair.ours.ask("route")
    assert ("relay" in (route["local"]["candidateType"], route["remote"]["candidateType"])) == relays
    assert pair.theirs.event("data")["first"] == CLIENT_HELLO  # we are the client of DTLS: data has gone over the path
    pair.theirs.event("data")  # and is sent again: nobody answers it
