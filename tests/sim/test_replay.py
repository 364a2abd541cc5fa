# SPDX-License-Identifier: BSD-3-Clause
"""Whatever the workload does to an endpoint (loss, trains, times that go backwards, closing at any moment), its recording runs again
and gives the same bytes: in this process, and in another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from polyrtc.sansio import Endpoint, Output, Replay
from tests.sim import workload

RECORDING_SIZE = 256 * 1024 * 1024


class Recorder:
    """Makes endpoints that record, and keeps what they recorded when they are freed."""

    def __init__(self) -> None:
        self.recordings: list[bytes] = []

    def __call__(self, *arguments: Any, **keywords: Any) -> Recorded:
        return Recorded(self, Endpoint(*arguments, **keywords, recording_size=RECORDING_SIZE))


class Recorded:
    def __init__(self, recorder: Recorder, real: Endpoint) -> None:
        self.recorder = recorder
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def free(self) -> None:
        self.recorder.recordings.append(self.real.output(Output.RECORDING))
        self.real.free()


@pytest.mark.parametrize("seed", range(20))
def test_a_recording_of_the_workload_runs_again(seed: int) -> None:
    recorder = Recorder()
    workload.run(seed, endpoint=recorder)
    assert len(recorder.recordings) >= 2
    for recording in recorder.recordings:
        replay = Replay(recording)
        steps = sum(1 for _ in replay)  # raises where a step comes out otherwise
        assert steps > 100 and replay.message == ""


def test_in_another_process(tmp_path: Path) -> None:
    recorder = Recorder()
    workload.run(3, endpoint=recorder)
    file = tmp_path / "seed-3.rec"
    for recording in recorder.recordings:
        file.write_bytes(recording)
        command = [sys.executable, "-m", "polyrtc", "replay", str(file)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines()[-1].endswith("steps, each as it was recorded")
