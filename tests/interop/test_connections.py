# SPDX-License-Identifier: BSD-3-Clause
"""Connections with other implementations: candidates, ICE restart, the end."""

from __future__ import annotations

import re

import pytest

from .peer import Pair, Peer


def credentials(peer: Peer) -> list[str]:
    return re.findall(r"^a=ice-ufrag:(\S+)", peer.description["sdp"], re.MULTILINE)


@pytest.mark.needs("candidates in the descriptions")
@pytest.mark.row("candidates in the descriptions")
def test_full(pair: Pair) -> None:
    pair.connect()
    for peer in pair.both:
        assert "a=candidate:" in peer.description["sdp"]
        peer.event("state", state="connected")
    pair.talk("first", "hello")


@pytest.mark.row("candidates that trickle, from each side that can")
def test_trickle(pair: Pair) -> None:
    pair.connect(trickle=True)
    assert "a=candidate:" not in pair.ours.description["sdp"]
    for peer in pair.both:
        peer.event("state", state="connected")
    pair.talk("first", "hello")


@pytest.mark.needs("restart")
@pytest.mark.row("ICE restart, by either side")
@pytest.mark.parametrize("restarter", ["polyrtc", "the other"])
def test_restart(pair: Pair, restarter: str) -> None:
    pair.connect()
    before = [credentials(peer) for peer in pair.both]
    pair.talk("first", "before")
    pair.negotiate(pair.ours if restarter == "polyrtc" else pair.theirs, restart=True)
    assert all(new != old for new, old in zip([credentials(peer) for peer in pair.both], before, strict=True))
    for number in range(5):
        pair.talk("first", f"after it, {number}")
    pair.open_channel(pair.theirs, "new")
    pair.talk("new", "after it")


@pytest.mark.row("it learns of our end")
def test_our_end(pair: Pair) -> None:
    pair.connect()
    pair.talk("first", "hello")
    pair.ours.ask("close")
    pair.theirs.event("closed", label="first")


@pytest.mark.needs("end")
@pytest.mark.row("our channels close when it ends")
def test_their_end(pair: Pair) -> None:
    pair.connect()
    pair.talk("first", "hello")
    pair.theirs.ask("close")
    pair.ours.event("closed", label="first")


@pytest.mark.needs("goodbye")
@pytest.mark.row("our connection closes when it ends")
def test_their_goodbye(pair: Pair) -> None:
    pair.connect()
    pair.theirs.ask("close")
    pair.ours.event("state", state="closed")
