# SPDX-License-Identifier: BSD-3-Clause
"""Whatever the workload does to an endpoint (loss, trains, times that go backwards, closing at any moment), its recording runs again
and gives the same bytes: in this process, and in another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from polyrtc.sansio import Replay
from tests.sim import recording, workload
from tests.sim.recording import Recorder


@pytest.mark.parametrize("seed", range(20))
def test_a_recording_of_the_workload_runs_again(seed: int) -> None:
    recorder = Recorder()
    workload.run(seed, endpoint=recorder)
    assert len(recorder.recordings) >= 2
    for data in recorder.recordings:
        replay = Replay(data)
        steps = sum(1 for _ in replay)  # raises where a step comes out otherwise
        assert steps > 100 and replay.message == ""


def test_in_another_process(tmp_path: Path) -> None:
    with recording.to(tmp_path, 3) as make:
        workload.run(3, endpoint=make)
    files = list(tmp_path.glob("seed-3-*.rec"))
    assert len(files) >= 2
    for file in files:
        command = [sys.executable, "-m", "polyrtc", "replay", str(file)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines()[-1].endswith("steps, each as it was recorded")


def test_of_a_run_that_fails(tmp_path: Path) -> None:
    """Until there."""
    with pytest.raises(ZeroDivisionError), recording.to(tmp_path, 5) as make:
        make(b"s" * 32, 7).timeout(1 // 0)
    (file,) = tmp_path.iterdir()
    assert list(Replay(file.read_bytes())) == []
