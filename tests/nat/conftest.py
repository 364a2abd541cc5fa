# SPDX-License-Identifier: BSD-3-Clause
"""Two peers in a world of namespaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.interop.peer import Pair, Peer

from .coturn import Coturn
from .world import World

Meet = Callable[..., tuple[World, Coturn, Pair]]


@pytest.fixture
def meet(tmp_path: Path) -> Iterator[Meet]:
    """Makes a world of two sites with coturn in it, and a peer at each."""
    with ExitStack() as stack:

        def make(left: str, right: str, other: str = "polyrtc", *, we_offer: bool = True, options: tuple[str, ...] = (),
                 **world: Any) -> tuple[World, Coturn, Pair]:
            made = stack.enter_context(World(left, right, **world))
            coturn = stack.enter_context(Coturn(made, tmp_path, *options))
            pair = Pair(Peer("polyrtc", made.inside("left")), Peer(other, made.inside("right")), we_offer)
            stack.callback(show, pair, coturn)
            stack.callback(pair.stop)
            return made, coturn, pair

        yield make


def show(pair: Pair, coturn: Coturn) -> None:
    """For when the test fails."""
    for peer in pair.both:
        print(peer.said())
    print(coturn.log())
