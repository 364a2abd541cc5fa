# SPDX-License-Identifier: BSD-3-Clause
"""What must arrive: the model against which a workload is held.

One `Flow` is one direction of one data channel. It is told what was sent and checks each message as it arrives; `missing`
says at the end what should have come and has not.
"""

from __future__ import annotations

from collections import Counter, deque

from .invariants import InvariantError

Message = str | bytes


class Flow:
    """One direction of a channel."""

    def __init__(self, name: str, ordered: bool, reliable: bool) -> None:
        self.name = name
        self.ordered = ordered
        self.reliable = reliable
        self.sent = self.arrived = 0
        self.excused = False
        """Nothing more needs to arrive: the receiver has closed, or one of the peers is gone."""
        self._queue: deque[Message] = deque()  # ordered: what is under way
        self._bag: Counter[Message] = Counter()  # unordered: what is under way

    def on_sent(self, message: Message) -> None:
        self.sent += 1
        if self.ordered:
            self._queue.append(message)
        else:
            self._bag[message] += 1

    def on_arrived(self, message: Message) -> None:
        """Raises unless this message may arrive now."""
        self.arrived += 1
        if not self.ordered:
            if not self._bag[message]:
                self._refuse(message, "was not sent, or has arrived before")
            self._bag[message] -= 1
            if not self._bag[message]:
                del self._bag[message]
        elif self.reliable:
            if not self._queue:
                self._refuse(message, "was not sent, or has arrived before")
            if self._queue[0] != message:
                self._refuse(message, f"came where {describe(self._queue[0])} was due")
            self._queue.popleft()
        else:
            while self._queue:  # what is passed over was given up by the sender, as it may
                if self._queue.popleft() == message:
                    return
            self._refuse(message, "was not sent, has arrived before, or comes late")

    def _refuse(self, message: Message, why: str) -> None:
        raise InvariantError(f"{self.name}: {describe(message)} {why}")

    def missing(self) -> int:
        """How many messages should have arrived and have not."""
        if self.excused or not self.reliable:
            return 0
        return len(self._queue) + self._bag.total()


def describe(message: Message) -> str:
    kind = "text" if isinstance(message, str) else "bytes"
    return f"{kind} of {len(message)} ({message[:24]!r}…)"
