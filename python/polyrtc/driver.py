"""The driver: sockets, the clock and entropy around an endpoint, behind one file descriptor and one call.

SPDX-License-Identifier: BSD-3-Clause

    driver = Driver()
    loop.add_reader(driver.fileno(), on_readable)    # on_readable: driver.process(), then driver.endpoint.events()
    peer = driver.endpoint.create_peer(driver.now())
    ...                                              # after commands: driver.flush()

``process`` and ``flush`` send, receive, resolve names, carry out the core's requests and keep the timer: nothing but these two
calls (and the descriptor in an event loop) is needed. Do not call receive, transmit, timeout, requests or reply on a driver's
endpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from . import native
from .sansio import Endpoint, check, check_port


#: Gives rows: the members of an Event, or (peer, channel, first, end) of whole messages that came on one channel; or a negative code.
Turn = Callable[[], list[Any] | int]


class Watch(NamedTuple):
    """A descriptor, and what of it is of interest."""

    descriptor: int
    input: bool
    output: bool
    #: another when a descriptor was closed and its number given to the next
    id: int


class Driver:
    """One endpoint with real sockets. ``log_level`` and what follows it as in :class:`~polyrtc.sansio.Endpoint`.

    ``portable`` takes the driver of systems that have no descriptor for many, also where there is a better one: :meth:`fileno` is
    then -1, and an event loop asks :meth:`watches` and :meth:`wake_up` after each call of ``process`` and ``flush``."""

    endpoint: Endpoint

    def __init__(
        self,
        *,
        log_level: int = 0,
        portable: bool = False,
        key_log: bool = False,
        capture_size: int = 0,
        recording_size: int = 0,
        udp_port: int = 0,
    ) -> None:
        check_port(udp_port)
        make = native.new_portable_driver if portable else native.new_driver
        self._native = make(log_level, key_log, capture_size, recording_size, udp_port)
        self.endpoint = Endpoint._of(self._native)

    def fileno(self) -> int:
        """The descriptor to watch for readability. It never changes and is closed by :meth:`close`. -1: there is none."""
        descriptor = self._native.descriptor()
        return descriptor if descriptor == -1 else check(descriptor)

    def watches(self) -> list[Watch]:
        """The descriptors to watch: the one of :meth:`fileno`, or several that may change with each ``process`` and ``flush``."""
        count = check(self._native.watches())
        native = self._native
        found = ((native.watched(i), native.watched_for(i), native.watched_id(i)) for i in range(count))
        return [Watch(descriptor, bool(events & 1), bool(events & 2), id) for descriptor, events, id in found]

    def wake_up(self) -> int | None:
        """When ``process`` must be called at the latest although nothing that is watched fires; None: never."""
        deadline = self._native.wake_up()
        return None if deadline < 0 else deadline

    def now(self) -> int:
        """The time for commands to peers: microseconds of the monotonic clock."""
        return self._native.now()

    def process(self) -> None:
        """The descriptor is readable: reads, sends, keeps time. Bounded work: the descriptor stays readable when there is more.
        Afterwards ask ``endpoint.events()``. Other Python threads run meanwhile."""
        check(self._native.process())

    def flush(self) -> None:
        """After commands: sends what they queued. Cheap when there is nothing. Afterwards ask ``endpoint.events()``: requests
        that were carried out may have caused some."""
        check(self._native.flush())

    def turns(self) -> tuple[Turn, Turn, Turn, Callable[[int], str | bytes | None]]:
        """:meth:`process`, :meth:`flush` and neither, each with the next batch of events: functions that cost little. And what gives
        the messages of that batch, by their numbers: ``str`` for a text, ``None`` once the driver is closed."""
        return self._native.turns(self._native)

    def port(self, peer: int, channel: int) -> tuple[Callable[[object], int | None], Callable[[], int | None]]:
        """Of a channel, for each message: ``send(message)`` gives 0 or a negative code, ``None`` for what is neither text nor bytes;
        ``buffered_amount()`` gives ``None`` when the channel is gone."""
        return self._native.port(self._native, peer, channel)

    def close(self) -> None:
        """Frees the endpoint and closes all descriptors, silently (close the peers first to say goodbye). Twice is harmless."""
        self._native.close()
