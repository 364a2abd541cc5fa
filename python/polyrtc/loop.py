# SPDX-License-Identifier: BSD-3-Clause
"""What polyrtc needs of an event loop: asyncio's (uvloop's, too) is here, trio's in trioloop.py.

It is little: watch one descriptor, call something soon, wait for something with a limit.
"""

from __future__ import annotations

import asyncio
import sys
import weakref
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Flag(Protocol):
    """Something to wait for, once."""

    def set(self) -> None:
        """Wakes all who wait. Twice is harmless."""

    async def wait(self, seconds: float | None = None) -> bool:
        """True once it is set; False when `seconds` have passed without."""


class Loop(Protocol):
    """An event loop, used from its own thread except where noted."""

    @property
    def key(self) -> object:
        """What stands for the loop: the same object whenever :func:`running_loop` finds it. None: it is gone."""

    def watch(self, descriptor: int, callback: Callable[[], None], *, output: bool = False) -> None:
        """Calls back, level-triggered, while the descriptor is readable, or with `output` writable."""

    def unwatch(self, descriptor: int, *, output: bool = False) -> None:
        """Ends `watch`. Harmless when the loop is closed."""

    def later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls back once, when the time has passed. What it returns calls it off."""

    def soon(self, callback: Callable[[], None]) -> None:
        """Calls back once, after what runs now."""

    def soon_from_any_thread(self, callback: Callable[[], None]) -> None:
        """As `soon`, from any thread and at any moment, also from a finaliser. Nothing happens when the loop is closed."""

    def flag(self) -> Flag:
        """A new flag."""

    def report(self, message: str, error: BaseException) -> None:
        """An exception that nobody waits for."""

    def closed(self) -> bool:
        """Whether the loop can run no more."""

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Calls what takes long and needs no loop; this one goes on meanwhile."""


class _AsyncioFlag:
    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float | None = None) -> bool:
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except asyncio.TimeoutError:
            return False
        return True


class AsyncioLoop:
    """The running asyncio loop (uvloop's too). Held weakly: a loop that nobody wants goes, and its engine with it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)

    @property
    def key(self) -> object:
        return self._loop()

    def watch(self, descriptor: int, callback: Callable[[], None], *, output: bool = False) -> None:
        loop = self._loop()
        if loop is not None:
            (loop.add_writer if output else loop.add_reader)(descriptor, callback)

    def unwatch(self, descriptor: int, *, output: bool = False) -> None:
        loop = self._loop()
        if loop is not None and not loop.is_closed():
            (loop.remove_writer if output else loop.remove_reader)(descriptor)

    def later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        loop = self._loop()
        if loop is None or loop.is_closed():
            return lambda: None
        return loop.call_later(seconds, callback).cancel

    def soon(self, callback: Callable[[], None]) -> None:
        loop = self._loop()
        if loop is not None and not loop.is_closed():
            loop.call_soon(callback)

    def soon_from_any_thread(self, callback: Callable[[], None]) -> None:
        loop = self._loop()
        try:
            if loop is not None:
                loop.call_soon_threadsafe(callback)
        except RuntimeError:
            pass  # closed meanwhile

    def flag(self) -> Flag:
        return _AsyncioFlag()

    def report(self, message: str, error: BaseException) -> None:
        loop = self._loop()
        if loop is not None:
            loop.call_exception_handler({"message": message, "exception": error})

    def closed(self) -> bool:
        loop = self._loop()
        return loop is None or loop.is_closed()

    async def in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(None, function)


def running_loop() -> Loop:
    """The loop in which the caller runs. RuntimeError: there is none."""
    if "trio" in sys.modules:  # who runs in it has imported it
        from . import trioloop

        if trioloop.is_running():
            return trioloop.TrioLoop()
    return AsyncioLoop(asyncio.get_running_loop())


def is_loop_running() -> bool:
    """Whether the caller runs in an event loop."""
    try:
        running_loop()
    except RuntimeError:
        return False
    return True
