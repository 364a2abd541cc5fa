# SPDX-License-Identifier: BSD-3-Clause
"""Through coturn, over whatever reaches it; polyrtc on both sides, and with others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interop.peer import Pair

from .conftest import Meet
from .coturn import block, server
from .test_nat import connected
from .world import SERVER, SERVER6

#: Each way to the server, over IPv4 and IPv6.
URLS = {
    "UDP": f"turn:{SERVER}",
    "UDP over IPv6": f"turn:[{SERVER6}]",
    "TCP": f"turn:{SERVER}?transport=tcp",
    "TCP over IPv6": f"turn:[{SERVER6}]?transport=tcp",
}


def relay_only(*urls: str, **more: Any) -> dict[str, Any]:
    return {"iceServers": [server(*urls)], "iceTransportPolicy": "relay", **more}


def transfer(pair: Pair) -> None:
    """Both ways at once, through what there is now."""
    for peer in pair.both:
        peer.post("send", label="first", kind="binary", first=0, count=200, size=16_000)
    for peer in pair.both:
        for _ in range(200):
            peer.event("message", label="first")


@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
@pytest.mark.parametrize(("left", "right"), [("random", "random"), ("public", "masquerade")])
def test_relay_policy(meet: Meet, url: str, left: str, right: str) -> None:
    """Nothing but what coturn relays."""
    _, coturn, pair = meet(left, right)
    pair.connect(configurations=(relay_only(url), relay_only(url)))
    assert connected(pair) == ["relay", "relay"]
    transfer(pair)
    for peer in pair.both:
        peer.ask("close")
    for _ in pair.both:  # each allocation is given back
        coturn.says("closed (2nd stage)")


@pytest.mark.parametrize("we_offer", [True, False])
def test_where_nothing_else_helps(meet: Meet, we_offer: bool) -> None:
    """Two symmetric NATs: all candidates are tried, and a relay is found."""
    _, _, pair = meet("random", "random", six=False, we_offer=we_offer)
    servers = {"iceServers": [{"urls": [f"stun:{SERVER}"]}, server(f"turn:{SERVER}")]}
    pair.connect(configurations=(servers, servers))
    assert "relay" in connected(pair)
    transfer(pair)


def test_between_the_families(meet: Meet) -> None:
    """One side has IPv6 alone, and the other uses nothing but an IPv4 relay."""
    _, _, pair = meet("masquerade", "masquerade")
    pair.connect(configurations=(relay_only(URLS["UDP over IPv6"]), relay_only(URLS["UDP"])))
    assert connected(pair) == ["relay", "relay"]


def test_the_document_s_command(meet: Meet) -> None:
    world, _, _ = meet("masquerade", "public")
    (command,) = block("sh").splitlines()
    assert "Total lost packets 0" in world.run("left", *command.split())


def test_a_wrong_password(meet: Meet) -> None:
    _, _, pair = meet("masquerade", "public", six=False)
    wrong = {"iceServers": [{**server(URLS["UDP"]), "credential": "wrong"}]}
    pair.connect(configurations=(wrong, {"iceServers": []}))
    assert connected(pair)[0] == "host"  # what else there is is used
