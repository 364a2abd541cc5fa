# SPDX-License-Identifier: BSD-3-Clause
"""pyee's asyncio emitter, made safe to call from the middle of the engine's events, and for trio."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable
from typing import Any

from pyee.asyncio import AsyncIOEventEmitter

from .loop import running_loop

logger = logging.getLogger("polyrtc")
logger.addHandler(logging.NullHandler())


class Emitter(AsyncIOEventEmitter):
    """A handler that raises ends neither the engine nor the other handlers of the event.

    Its exception goes to the listeners of "error" as pyee has it; without any, to the loop's exception handler (which logs
    it), as for a callback of the loop itself. A listener may be a coroutine function: a task is made of it.
    """

    def emit(self, event: str, *args: Any, **kwargs: Any) -> bool:
        try:
            return bool(super().emit(event, *args, **kwargs))
        except Exception as error:
            message = f"unhandled error in a listener of {self!r}"
            try:
                running_loop().report(message, error)
            except RuntimeError:  # no loop runs: the emitter is used outside of one
                logger.error(message, exc_info=error)
            return False

    def _emit_run(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if "trio" not in sys.modules:
            super()._emit_run(f, args, kwargs)
            return
        from . import trioloop

        try:
            made = f(*args, **kwargs)
        except Exception as error:
            self.emit("error", error)
            return
        if inspect.iscoroutine(made) and trioloop.is_running():
            trioloop.start(made, lambda error: self.emit("error", error))
        elif made is not None:
            super()._emit_run(lambda: made, (), {})

    def emit_often(self, event: str, value: Any) -> None:
        """As ``emit(event, value)``, for what happens hundreds of thousands of times a second: quick where one function listens."""
        listeners = self._events.get(event)
        if listeners is None or len(listeners) != 1:
            self.emit(event, value)
            return
        try:
            result = next(iter(listeners.values()))(value)
        except Exception as error:
            self.emit("error", error)
        else:
            if result is not None:  # a coroutine, or a future: pyee sees to it
                self._emit_run(lambda: result, (), {})
