# SPDX-License-Identifier: BSD-3-Clause
"""polyrtc in Go beside others than polyrtc in Python, with which it is in the table: pion, whose program it runs, and polyrtc in Node."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import test_channels, test_connections
from .catalogue import PEERS
from .peer import Pair, Peer

OTHERS = [name for name in ("pion", "polyrtc-node") if name in PEERS]


@pytest.fixture(params=[(name, go_offers) for name in OTHERS for go_offers in (True, False)],
                ids=[f"{name}-{'answers' if go_offers else 'offers'}" for name in OTHERS for go_offers in (True, False)])
def go_pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    name, go_offers = request.param
    with Pair(Peer("polyrtc-go"), Peer(name), go_offers) as made:
        yield made


def test_connection(go_pair: Pair) -> None:
    test_connections.test_full(go_pair)


def test_trickle(go_pair: Pair) -> None:
    go_pair.connect(trickle=True)
    go_pair.talk("first", "hello")


@pytest.mark.parametrize("restarter", ["polyrtc", "the other"])
def test_restart(go_pair: Pair, restarter: str) -> None:
    test_connections.test_restart(go_pair, restarter)


def test_our_end(go_pair: Pair) -> None:
    test_connections.test_our_end(go_pair)


def test_their_end(go_pair: Pair) -> None:
    test_connections.test_their_end(go_pair)


def test_messages(go_pair: Pair) -> None:
    test_channels.test_messages(go_pair)


def test_bulk(go_pair: Pair) -> None:
    test_channels.test_bulk(go_pair)


def test_close(go_pair: Pair) -> None:
    test_channels.test_close(go_pair)
