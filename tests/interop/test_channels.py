# SPDX-License-Identifier: BSD-3-Clause
"""Data channels with other implementations (RFC 8831, RFC 8832)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from .peer import Pair, Peer, hash_of

BULK = 16 << 20
BULK_MESSAGE = 32 << 10


def exchange(pair: Pair, sender: Peer, label: str, sizes: Iterable[int]) -> None:
    for number, (kind, size) in enumerate((kind, size) for size in sizes for kind in ("text", "binary")):
        sender.ask("send", label=label, kind=kind, first=number, count=1, size=size)
        message = pair.other(sender).event("message", label=label)
        assert (message["kind"], message["size"]) == (kind, size)
        assert message["sha256"] == hash_of(number, kind, size)


@pytest.mark.row("text and binary messages, from 1 byte to the largest, up to 256 KiB")
def test_messages(pair: Pair) -> None:
    pair.connect()
    for opener in pair.both:
        label = f"opened by {opener.name}"
        pair.open_channel(opener, label)
        pair.talk(label, "héllo 🙂")
        for sender in pair.both:
            exchange(pair, sender, label, (1, 1000, 20_000, pair.largest(pair.other(sender))))


@pytest.mark.row("empty messages, to it")
def test_empty_messages(pair: Pair) -> None:
    pair.connect()
    exchange(pair, pair.ours, "first", (0, 0))


@pytest.mark.needs("empty")
@pytest.mark.row("empty messages, from it")
def test_their_empty_messages(pair: Pair) -> None:
    pair.connect()
    exchange(pair, pair.theirs, "first", (0, 0))


@pytest.mark.row("labels and protocols beyond ASCII")
def test_names(pair: Pair) -> None:
    pair.connect()
    for opener in pair.both:
        open_in_mode(pair, opener, {"protocol": "prötocol"}, f"🙂 {opener.name}")


MODES: list[dict[str, Any]] = [
    {},
    {"ordered": False},
    {"maxRetransmits": 0},
    {"maxRetransmits": 9},
    {"maxPacketLifeTime": 5000},  # long enough for a busy machine: these messages are to arrive
    {"maxPacketLifeTime": 60_000},
    {"protocol": "protocol"},
]
UNORDERED_AND_LIMITED: list[dict[str, Any]] = [
    {"ordered": False, "maxRetransmits": 65534},
    {"ordered": False, "maxPacketLifeTime": 65534},
]


def open_in_mode(pair: Pair, opener: Peer, init: dict[str, Any], label: str) -> int:
    """Opens a channel, sees that both sides say the same of it, and that it carries messages. Its id."""
    pair.open_channel(opener, label, **init)
    wanted = {"ordered": True, "maxRetransmits": None, "maxPacketLifeTime": None, "protocol": "", **init}
    ids = set()
    for peer in pair.both:
        said = peer.ask("info", label=label)
        ids.add(said.pop("id"))
        for name, value in said.items():
            # None is also "the library does not tell": polyrtc, which tells all, is on one of the two sides
            assert value == wanted[name] or (value is None and peer is pair.theirs), (peer.name, name)
    assert len(ids) == 1
    pair.talk(label, "in this mode")
    return int(ids.pop())


@pytest.mark.row("ordered, unordered, maxRetransmits, maxPacketLifeTime, protocol, told by DCEP")
def test_modes(pair: Pair) -> None:
    pair.connect()
    cases = [(opener, init) for opener in pair.both for init in MODES]
    ids = {open_in_mode(pair, opener, init, f"{opener.name}: {init}") for opener, init in cases}
    assert len(ids) == len(cases)


@pytest.mark.row("unordered and limited at once, told to it")
def test_unordered_and_limited(pair: Pair) -> None:
    pair.connect()
    for init in UNORDERED_AND_LIMITED:
        open_in_mode(pair, pair.ours, init, f"{init}")


@pytest.mark.needs("unordered and limited")
@pytest.mark.row("unordered and limited at once, told by it")
def test_their_unordered_and_limited(pair: Pair) -> None:
    pair.connect()
    for init in UNORDERED_AND_LIMITED:
        open_in_mode(pair, pair.theirs, init, f"{init}")


@pytest.mark.row("negotiated ids, before and after the connection is there")
def test_negotiated(pair: Pair) -> None:
    pair.open()
    for peer in pair.both:
        peer.ask("channel", label="early", negotiated=True, id=7)
    pair.negotiate(pair.offerer)
    for label, id in (("early", 7), ("late", 300)):
        if label == "late":
            for peer in pair.both:
                peer.ask("channel", label=label, negotiated=True, id=id)
        for peer in pair.both:
            peer.event("open", label=label, announced=False)
            assert peer.ask("info", label=label)["id"] == id
        pair.talk(label, "by agreement")


@pytest.mark.row("a channel closed by either side, its id used again")
def test_close(pair: Pair) -> None:
    pair.connect()
    for opener in pair.both:
        ids = []
        for closer in pair.both:
            label = f"opened by {opener.name}, closed by {closer.name}"
            pair.open_channel(opener, label)
            pair.talk(label, "for now")
            ids.append(opener.ask("info", label=label)["id"])
            closer.ask("close_channel", label=label)
            for peer in pair.both:
                peer.event("closed", label=label)
        if opener is pair.ours:
            assert ids[0] == ids[1]
    pair.talk("first", "still here")


@pytest.mark.row("16 MiB each way at once, every message in its order")
def test_bulk(pair: Pair) -> None:
    pair.connect()
    count = BULK // BULK_MESSAGE
    for peer in pair.both:
        peer.post("send", label="first", kind="binary", first=0, count=count, size=BULK_MESSAGE)
    for number in range(count):
        for peer in pair.both:
            message = peer.event("message", label="first")
            assert (message["size"], message["sha256"]) == (BULK_MESSAGE, hash_of(number, "binary", BULK_MESSAGE))
