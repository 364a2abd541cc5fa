# SPDX-License-Identifier: BSD-3-Clause
"""The portable driver under asyncio: all tests of connections, channels and TCP once more."""

from __future__ import annotations

from functools import partial

import pytest

from polyrtc import engine
from polyrtc.driver import Driver

from .test_channels import *  # noqa: F403
from .test_connection import *  # noqa: F403
from .test_tcp import *  # noqa: F403


@pytest.fixture(autouse=True)
def portable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "Driver", partial(Driver, portable=True))


async def test_it_has_no_descriptor_of_its_own() -> None:
    async with channels() as (a, _, ours, theirs):  # noqa: F405
        driver = a._engine.driver
        assert driver.fileno() == -1
        assert driver.wake_up() is not None
        assert all(watch.input for watch in driver.watches())
