# SPDX-License-Identifier: BSD-3-Clause
"""polyrtc on both sides of the kernel's own NATs, with coturn as STUN server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interop.peer import Pair

from .conftest import Meet
from .world import SERVER

STUN = {"iceServers": [{"urls": [f"stun:{SERVER}"]}]}


def connected(pair: Pair) -> list[str]:
    """Waits until they are, has them talk, and says of what type the other one's candidate is for each."""
    for peer in pair.both:
        peer.event("state", state="connected")
    pair.talk("first", "hello")
    for peer in pair.both:
        peer.event("ice", state="completed")  # the best pair is nominated: data has gone over the first that worked
    return [peer.ask("route")["remote"]["candidateType"] for peer in pair.both]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("public", "public", ["host", "host"]),
        ("masquerade", "public", ["host", "srflx"]),
        ("random", "public", ["host", "prflx"]),
        ("masquerade", "masquerade", ["srflx", "srflx"]),
        ("public", "masquerade", ["srflx", "host"]),
        ("public", "random", ["prflx", "host"]),
    ],
)
def test_four(meet: Meet, left: str, right: str, expected: list[str]) -> None:
    _, _, pair = meet(left, right, six=False)
    pair.connect(configurations=(STUN, STUN))
    assert connected(pair) == expected


@pytest.mark.parametrize(("left", "right"), [("masquerade", "masquerade"), ("random", "public"), ("random", "random")])
@pytest.mark.parametrize("four", [True, False], ids=["dual stack", "IPv6 alone"])
def test_six(meet: Meet, left: str, right: str, four: bool) -> None:
    """There is no translation, but firewalls that let answers in: host to host, and no server is needed."""
    _, _, pair = meet(left, right, four=four)
    none: dict[str, Any] = {"iceServers": []}
    pair.connect(configurations=(none, none))
    assert connected(pair) == ["host", "host"]


def test_two_that_need_a_relay(meet: Meet) -> None:
    """The NATs show other ports to the peers than to the server: it fails, and says why."""
    _, _, pair = meet("random", "random", six=False)
    pair.open(configurations=(STUN, STUN))
    pair.offerer.ask("channel", label="first")
    pair.negotiate(pair.offerer)
    for peer in pair.both:
        peer.event("state", 60, state="failed")
