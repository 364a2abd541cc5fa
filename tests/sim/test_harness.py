# SPDX-License-Identifier: BSD-3-Clause
"""The simulator itself: it finds nothing in an engine that keeps its promises, and says how to see a failure again."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.sim import InvariantError, Simulation, workload
from tests.sim.toy import ToyEndpoint

#: What the toy cannot do.
WITHOUT = ("nat", "streaming", "stream", "restart", "renegotiate", "glare", "roll_back", "change_path", "pause", "look", "attacker",
           "life times", "one port", "reconfigure", "reject", "certificates", "tcp", "names")


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_found_in_the_toy(seed: int) -> None:
    workload.run(seed, endpoint=ToyEndpoint, without=WITHOUT)


def test_a_seed_names_a_run() -> None:
    assert workload.run(5, endpoint=ToyEndpoint, without=WITHOUT).digest == workload.run(5, endpoint=ToyEndpoint, without=WITHOUT).digest
    assert workload.run(5, endpoint=ToyEndpoint, without=WITHOUT).digest != workload.run(6, endpoint=ToyEndpoint, without=WITHOUT).digest


class Forgetful(ToyEndpoint):
    """Never announces the channels of the other side."""

    def events(self) -> list[object]:  # type: ignore[override]
        return [event for event in super().events() if event.type != 14]


def test_a_failure_names_seed_time_and_host() -> None:
    with pytest.raises((InvariantError, TimeoutError), match=r"seed 1\b"):
        workload.run(1, endpoint=Forgetful, without=WITHOUT)


def test_time_is_virtual() -> None:
    sim = Simulation(endpoint=ToyEndpoint)
    a, b = sim.pair()
    sim.connect(a, b)
    before = sim.now
    sim.run(3_600)
    assert sim.now - before == 3_600_000_000


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tests.sim", *arguments], capture_output=True, text=True)


def test_the_command_line() -> None:
    shown = command("--seed", "3", "-v")
    assert shown.returncode == 0 and " transmit " in shown.stdout and "1 seeds" in shown.stdout
    digests = {command("--seed", "3", "--digest").stdout for _ in range(2)}
    assert len(digests) == 1 and len(digests.pop()) == 65


def test_the_command_line_names_a_failing_seed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.sim import __main__ as cli

    def run(seed: int, **options: object) -> workload.Report:
        raise InvariantError("planted")

    monkeypatch.setattr(workload, "run", run)
    monkeypatch.setattr(sys, "argv", ["tests.sim", "--seed", "17"])
    assert cli.main() == 1
    assert "again: python -m tests.sim --seed 17 -v" in capsys.readouterr().err
