# SPDX-License-Identifier: BSD-3-Clause
"""trio's event loop as polyrtc needs it (:mod:`polyrtc.loop`). Imported where trio is, and not before."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

T = TypeVar("T")
logger = logging.getLogger("polyrtc")


class _TrioFlag:
    def __init__(self) -> None:
        self._event = trio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float | None = None) -> bool:
        with trio.move_on_after(float("inf") if seconds is None else seconds) as scope:
            await self._event.wait()
        return not scope.cancelled_caught


class TrioLoop:
    """The running trio. What waits is a system task: it belongs to no nursery, and ends when ``trio.run`` does.

    trio has no place for an exception that nobody waits for, and in a system task it would end the program: it is logged.
    """

    def __init__(self) -> None:
        self.key = trio.lowlevel.current_trio_token()
        self._watching: dict[tuple[int, bool], trio.CancelScope] = {}
        self._closed = False

    def watch(self, descriptor: int, callback: Callable[[], None], *, output: bool = False) -> None:
        scope = self._watching[descriptor, output] = trio.CancelScope()
        wait = trio.lowlevel.wait_writable if output else trio.lowlevel.wait_readable
        trio.lowlevel.spawn_system_task(self._watch, descriptor, wait, callback, scope)

    async def _watch(
        self, descriptor: int, wait: Callable[[int], Awaitable[None]], callback: Callable[[], None], scope: trio.CancelScope
    ) -> None:
        try:
            with scope:
                while not scope.cancel_called:  # then the descriptor may be closed, and may not be waited for
                    await wait(descriptor)
                    self._call(callback)
        except trio.ClosedResourceError:
            pass  # unwatch says so
        except trio.Cancelled:
            self._closed = True  # trio.run ends
            raise

    def unwatch(self, descriptor: int, *, output: bool = False) -> None:
        scope = self._watching.pop((descriptor, output), None)
        if scope is not None and not self._closed:
            scope.cancel()
            trio.lowlevel.notify_closing(descriptor)

    def later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        scope = trio.CancelScope()
        trio.lowlevel.spawn_system_task(self._later, seconds, callback, scope)
        return scope.cancel

    async def _later(self, seconds: float, callback: Callable[[], None], scope: trio.CancelScope) -> None:
        with scope:
            await trio.sleep(seconds)
            self._call(callback)

    def soon(self, callback: Callable[[], None]) -> None:
        self.soon_from_any_thread(callback)

    def soon_from_any_thread(self, callback: Callable[[], None]) -> None:
        try:
            self.key.run_sync_soon(self._call, callback)
        except trio.RunFinishedError:
            self._closed = True

    def flag(self) -> _TrioFlag:
        return _TrioFlag()

    def report(self, message: str, error: BaseException) -> None:
        logger.error(message, exc_info=error)

    def closed(self) -> bool:
        return self._closed

    async def in_thread(self, function: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(function)

    def _call(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception as error:
            self.report("polyrtc: a callback raised", error)


def is_running() -> bool:
    """Whether the caller is one of trio's tasks or callbacks."""
    try:
        trio.lowlevel.current_trio_token()
    except RuntimeError:
        return False
    return True


def start(awaitable: Awaitable[object], failed: Callable[[Exception], object]) -> None:
    """Runs what an async listener gave as a task, and hands on its exception."""

    async def run() -> None:
        try:
            await awaitable
        except Exception as error:
            failed(error)

    trio.lowlevel.spawn_system_task(run)
