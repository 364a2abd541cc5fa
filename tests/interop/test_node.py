# SPDX-License-Identifier: BSD-3-Clause
"""polyrtc in Node beside others than polyrtc in Python, with which it is in the table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import test_channels, test_connections
from .peer import Pair, Peer

OTHERS = ("chromium", "libwebrtc-node", "werift", "polyrtc-node")


@pytest.fixture(params=[(name, node_offers) for name in OTHERS for node_offers in (True, False)],
                ids=[f"{name}-{'answers' if node_offers else 'offers'}" for name in OTHERS for node_offers in (True, False)])
def node_pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    name, node_offers = request.param
    made = Pair(Peer("polyrtc-node"), Peer(name), node_offers)
    try:
        yield made
    finally:
        made.stop()
        for peer in made.both:
            if said := peer.said():
                print(said)



def test_connection(node_pair: Pair) -> None:
    test_connections.test_full(node_pair)


def test_trickle(node_pair: Pair) -> None:
    node_pair.connect(trickle=True)
    node_pair.talk("first", "hello")


@pytest.mark.parametrize("restarter", ["polyrtc", "the other"])
def test_restart(node_pair: Pair, restarter: str) -> None:
    test_connections.test_restart(node_pair, restarter)


def test_messages(node_pair: Pair) -> None:
    test_channels.test_messages(node_pair)


def test_bulk(node_pair: Pair) -> None:
    test_channels.test_bulk(node_pair)


def test_close(node_pair: Pair) -> None:
    test_channels.test_close(node_pair)
