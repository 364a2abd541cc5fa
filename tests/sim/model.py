# SPDX-License-Identifier: BSD-3-Clause
"""What must arrive: the model against which a workload is held.

One `Flow` is one direction of one data channel. It is told what was sent and checks each message as it arrives; `missing`
says at the end what should have come and has not.
"""

from __future__ import annotations

from collections import Counter, deque

from .invariants import InvariantError

Message = str | bytes

#: Characters or bytes from which on a message may take more than one packet.
LARGE = 500


class Flow:
    """One direction of a channel."""

    def __init__(self, name: str, ordered: bool, reliable: bool, lasts: int | None = None) -> None:
        self.name = name
        self.ordered = ordered
        self.reliable = reliable
        self.lasts = lasts
        """Microseconds after which a message may not arrive any more: its life time and what the way takes."""
        self.lost = 0
        """Unreliable: how many were passed over."""
        self.given_up = self.abandoned = 0
        """Messages in parts that the sender gave up, and those whose rest will not come, as the receiver was told."""
        self.sent = self.arrived = 0
        self.excused = False
        """Nothing more needs to arrive: the receiver has closed, or one of the peers is gone."""
        self._queue: deque[Message] = deque()  # ordered: what is under way
        self._bag: Counter[Message] = Counter()  # unordered: what is under way
        self._sent_at: dict[Message, int] = {}  # with `lasts`: the newest of this text
        self._large_at: int | None = None

    def on_sent(self, message: Message, now: int = 0, waits: bool = True) -> None:
        """`waits`: it may have arrived long before it is given, for it is not to overtake what comes late."""
        self.sent += 1
        if len(message) > LARGE:
            self._large_at = now
        if self.lasts is not None:
            self._sent_at.pop(message, None)  # an equal one of before is not told from this
            if not waits:
                self._sent_at[message] = now
        if self.ordered:
            self._queue.append(message)
        else:
            self._bag[message] += 1

    def on_arrived(self, message: Message, now: int = 0) -> None:
        """Raises unless this message may arrive now."""
        self.arrived += 1
        if self._is_late(message, now):
            self._refuse(message, f"comes {now - self._sent_at[message]} µs after it was sent, {self.lasts} are allowed")
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
                self.lost += 1
            self._refuse(message, "was not sent, has arrived before, or comes late")

    def _is_late(self, message: Message, now: int) -> bool:
        """A whole message may have to wait, there, for the rest of one that is being read in parts."""
        sent = self._sent_at.get(message, now)
        if self.lasts is None or now - sent <= self.lasts:
            return False
        return self._large_at is None or self._large_at < sent - self.lasts

    def on_abandoned(self) -> None:
        """The receiver was told that the rest of a message will not come."""
        self.abandoned += 1
        if self.reliable and not self.excused and self.abandoned > self.given_up:
            raise InvariantError(f"{self.name}: a message is said to be given up, the sender gave up {self.given_up}")

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
