# SPDX-License-Identifier: BSD-3-Clause
"""pyee's asyncio emitter, made safe to call from the middle of the engine's events."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from pyee.asyncio import AsyncIOEventEmitter

logger = logging.getLogger("polyrtc")


class Emitter(AsyncIOEventEmitter):
    """A handler that raises ends neither the engine nor the other handlers of the event.

    Its exception goes to the listeners of "error" as pyee has it; without any, to the loop's exception handler (which logs
    it), as for a callback of the loop itself.
    """

    def emit(self, event: str, *args: Any, **kwargs: Any) -> bool:
        try:
            return bool(super().emit(event, *args, **kwargs))
        except Exception as error:
            context = {"message": f"unhandled error in a listener of {self!r}", "exception": error}
            try:
                asyncio.get_running_loop().call_exception_handler(context)
            except RuntimeError:  # no loop runs: the emitter is used outside of one
                logger.error(context["message"], exc_info=error)
            return False

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
