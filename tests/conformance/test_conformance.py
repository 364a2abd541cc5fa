# SPDX-License-Identifier: BSD-3-Clause
"""Every scenario, across every pair of languages: who offers, who answers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from .languages import LANGUAGES, start
from .runner import Agent, Run
from .scenario import Scenario, scenarios


class Agents:
    """Those that run: two of each language, which go from scenario to scenario."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, str], Agent] = {}

    def of(self, side: str, language: str) -> Agent:
        if (side, language) not in self._running:
            self._running[side, language] = start(language)
        return self._running[side, language]

    def kill(self, *agents: Agent) -> str:
        """After a failure: the next scenario gets others. What they have said on standard error."""
        for key, agent in list(self._running.items()):
            if agent in agents:
                agent.kill()
                del self._running[key]
        return "".join(f"{agent.language}: {error}\n" for agent in agents if (error := agent.errors()))

    def end(self) -> dict[str, tuple[int, str]]:
        """How each has ended, and what it has said on standard error."""
        return {f"{side} {language}": (agent.end(), agent.errors()) for (side, language), agent in self._running.items()}


@pytest.fixture(scope="module")
def agents() -> Iterator[Agents]:
    """The agents of all tests; in the end each ends well, and has nothing to complain of."""
    running = Agents()
    yield running
    ends = running.end()
    assert set(ends.values()) <= {(0, "")}, ends


@pytest.mark.parametrize("languages", list(product(LANGUAGES, LANGUAGES)), ids="-".join)
@pytest.mark.parametrize("scenario", scenarios(), ids=lambda one: f"{one.file.removesuffix('.txt')}: {one.title}")
def test_scenario(scenario: Scenario, languages: tuple[str, str], agents: Agents) -> None:
    both = [agents.of(side, language) for side, language in zip("ab", languages, strict=True)]
    try:
        Run(*both).run(scenario)
    except BaseException:
        print(agents.kill(*both))
        raise
