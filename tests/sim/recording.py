# SPDX-License-Identifier: BSD-3-Clause
"""Endpoints of a simulation that record their inputs, for ``python -m polyrtc replay``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from polyrtc.sansio import Endpoint, Output

SIZE = 256 * 1024 * 1024


class Recorded:
    """An endpoint that keeps its recording when it is freed."""

    def __init__(self, real: Endpoint) -> None:
        self.real = real
        self.recording = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def free(self) -> None:
        self.take()
        self.real.free()

    def take(self) -> None:
        self.recording += self.real.output(Output.RECORDING)


class Recorder:
    """Makes endpoints as polyrtc.sansio.Endpoint does."""

    def __init__(self) -> None:
        self.made: list[Recorded] = []

    def __call__(self, *arguments: Any, **keywords: Any) -> Recorded:
        self.made.append(Recorded(Endpoint(*arguments, **keywords, recording_size=SIZE)))
        return self.made[-1]

    @property
    def recordings(self) -> list[bytes]:
        return [endpoint.recording for endpoint in self.made]


@contextmanager
def to(folder: Path | None, seed: int) -> Iterator[Callable[..., Any]]:
    """What makes the endpoints of a run. At its end, also when it fails, each recording is in the folder; None: none is made."""
    if folder is None:
        yield Endpoint
        return
    recorder = Recorder()
    try:
        yield recorder
    finally:
        folder.mkdir(parents=True, exist_ok=True)
        for number, endpoint in enumerate(recorder.made):
            if not endpoint.recording:  # the run has failed before it was freed
                endpoint.take()
            (folder / f"seed-{seed}-{number}.rec").write_bytes(endpoint.recording)
