# SPDX-License-Identifier: BSD-3-Clause
"""polyrtc in Node beside others than polyrtc in Python, with which it is in the table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import test_channels, test_connections
from .peer import Pair, Peer

OTHERS = ("chromium", "libwebrtc-node", "werift", "polyrtc-node")
IN_FULL = OTHERS[1:]  # whose peers can do all that is asked; of browsers there is more in tests/browser


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    names = IN_FULL if metafunc.definition.get_closest_marker("in_full") else OTHERS
    cases = [(name, node_offers) for name in names for node_offers in (True, False)]
    ids = [f"{name}-{'answers' if node_offers else 'offers'}" for name, node_offers in cases]
    metafunc.parametrize("node_pair", cases, ids=ids, indirect=True)


@pytest.fixture
def node_pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    name, node_offers = request.param
    with Pair(Peer("polyrtc-node"), Peer(name), node_offers) as made:
        yield made


def test_connection(node_pair: Pair) -> None:
    test_connections.test_full(node_pair)


def test_trickle(node_pair: Pair) -> None:
    node_pair.connect(trickle=True)
    node_pair.talk("first", "hello")


@pytest.mark.parametrize("restarter", ["polyrtc", "the other"])
def test_restart(node_pair: Pair, restarter: str) -> None:
    test_connections.test_restart(node_pair, restarter)


@pytest.mark.in_full
def test_messages(node_pair: Pair) -> None:
    test_channels.test_messages(node_pair)


def test_bulk(node_pair: Pair) -> None:
    test_channels.test_bulk(node_pair)


@pytest.mark.in_full
def test_close(node_pair: Pair) -> None:
    test_channels.test_close(node_pair)
