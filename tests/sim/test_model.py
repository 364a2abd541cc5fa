# SPDX-License-Identifier: BSD-3-Clause
"""The model of what must arrive: it refuses what is wrong and takes what is right."""

from __future__ import annotations

import pytest

from tests.sim.invariants import InvariantError
from tests.sim.model import Flow

ORDER = {
    "kept": ["a", "b", "c"],
    "swapped": ["b", "a", "c"],
    "dropped": ["a", "c"],
    "twice": ["a", "a", "b", "c"],
    "other": ["x"],
}


def arrive(ordered: bool, reliable: bool, messages: list[str]) -> int:
    flow = Flow("flow", ordered, reliable)
    for message in ("a", "b", "c"):
        flow.on_sent(message)
    for message in messages:
        flow.on_arrived(message)
    return flow.missing()


@pytest.mark.parametrize(
    ("ordered", "reliable", "case", "missing"),
    [
        (True, True, "kept", 0),
        (False, True, "kept", 0),
        (False, True, "swapped", 0),
        (False, True, "dropped", 1),
        (True, False, "kept", 0),
        (True, False, "dropped", 0),
        (False, False, "swapped", 0),
        (False, False, "dropped", 0),
    ],
)
def test_takes(ordered: bool, reliable: bool, case: str, missing: int) -> None:
    assert arrive(ordered, reliable, ORDER[case]) == missing


@pytest.mark.parametrize(
    ("ordered", "reliable", "case"),
    [
        (True, True, "swapped"),
        (True, True, "dropped"),
        (True, True, "twice"),
        (True, True, "other"),
        (False, True, "twice"),
        (False, True, "other"),
        (True, False, "swapped"),
        (True, False, "twice"),
        (True, False, "other"),
        (False, False, "twice"),
    ],
)
def test_refuses(ordered: bool, reliable: bool, case: str) -> None:
    with pytest.raises(InvariantError):
        arrive(ordered, reliable, ORDER[case])


def test_text_is_not_binary() -> None:
    flow = Flow("flow", True, True)
    flow.on_sent("")
    with pytest.raises(InvariantError):
        flow.on_arrived(b"")
