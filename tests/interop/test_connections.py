# SPDX-License-Identifier: BSD-3-Clause
"""Connections with other implementations: candidates, ICE restart, the end."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .peer import Pair, Peer


WITH_PION_S_API = ("pion", "polyrtc-go")


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


def connect_over_tcp(pair: Pair, ours: str, theirs: dict[str, Any]) -> None:
    pair.only_tcp = True
    pair.connect(trickle=True, configurations=({"useLoopback": True, "tcpCandidates": ours}, theirs))
    pair.ours.event("state", state="connected")
    for number in range(3):
        pair.talk("first", f"hello {number}")


@pytest.mark.needs("ICE over TCP")
@pytest.mark.row("ICE over TCP")
def test_tcp_to_us(pair: Pair) -> None:
    connect_over_tcp(pair, "all", {"TCP": "active"} if pair.theirs.name in WITH_PION_S_API else {})
    route = pair.ours.ask("route")
    assert [route[end]["protocol"] for end in ("local", "remote")] == ["tcp", "tcp"]
    assert {route[end]["tcpType"] for end in ("local", "remote")} == {"active", "passive"}  # some can do both


@pytest.mark.needs("ICE over TCP, passive")
@pytest.mark.row("ICE over TCP, we being able to connect alone")
def test_tcp_to_them(pair: Pair) -> None:
    connect_over_tcp(pair, "active", {"TCP": "passive"} if pair.theirs.name in WITH_PION_S_API else {})
    route = pair.ours.ask("route")
    assert [route[end]["tcpType"] for end in ("local", "remote")] == ["active", "passive"]


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
