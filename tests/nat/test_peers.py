# SPDX-License-Identifier: BSD-3-Clause
"""With others through coturn and the kernel's NATs."""

from __future__ import annotations

import pytest

from .conftest import Meet
from .coturn import server
from .test_coturn import relay_only, transfer
from .world import SERVER

PEERS = ["aiortc", "pion", "libwebrtc-node", "chromium", "firefox"]
URL = f"turn:{SERVER}"


#: libwebrtc, by itself, is gathering for minutes where an address cannot reach the server: with it, candidates trickle.
GATHERED = [name for name in PEERS if name != "libwebrtc-node"]


@pytest.mark.parametrize(
    ("other", "trickle"), [*((name, True) for name in PEERS), *((name, False) for name in GATHERED)],
    ids=lambda value: {True: "trickle", False: "gathered"}.get(value, value),
)
@pytest.mark.parametrize("we_offer", [True, False], ids=["we offer", "it offers"])
def test_relay_policy(meet: Meet, other: str, we_offer: bool, trickle: bool) -> None:
    """Both sides have nothing but what coturn relays."""
    _, _, pair = meet("masquerade", "random", other, six=False, we_offer=we_offer)
    pair.connect(configurations=(relay_only(URL), relay_only(URL)), trickle=trickle)
    for peer in pair.both:
        peer.event("state", state="connected")
    pair.talk("first", "hello")
    route = pair.ours.ask("route")
    assert (route["local"]["candidateType"], route["remote"]["candidateType"]) == ("relay", "relay")
    transfer(pair)


@pytest.mark.parametrize("other", PEERS)
@pytest.mark.parametrize("we_offer", [True, False], ids=["we offer", "it offers"])
@pytest.mark.parametrize(("left", "right"), [("masquerade", "masquerade"), ("random", "random"), ("random", "public")])
def test_whatever_works(meet: Meet, other: str, we_offer: bool, left: str, right: str) -> None:
    _, _, pair = meet(left, right, other, six=False, we_offer=we_offer)
    all_of_it = {"iceServers": [{"urls": [f"stun:{SERVER}"]}, server(URL)]}
    pair.connect(configurations=(all_of_it, all_of_it), trickle=True)
    for peer in pair.both:
        peer.event("state", state="connected")
    pair.talk("first", "hello")
    transfer(pair)
