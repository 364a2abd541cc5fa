# SPDX-License-Identifier: BSD-3-Clause
"""The core of the asyncio tests again, under uvloop."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from . import test_channels, test_connection

# The tests of both modules become tests of this one, where the fixture below gives them another loop.
for _module in (test_channels, test_connection):
    for _name, _test in list(vars(_module).items()):
        if _name.startswith("test_") and asyncio.iscoroutinefunction(_test):
            globals()[f"{_module.__name__.rpartition('.')[2]}_{_name.removeprefix('test_')}"] = _test

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def event_loop_policy() -> asyncio.AbstractEventLoopPolicy:
    return uvloop.EventLoopPolicy()


async def test_this_is_uvloop() -> None:
    assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
