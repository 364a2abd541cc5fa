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

from . import native
from .sansio import Endpoint, check


class Driver:
    """One endpoint with real sockets. ``log_level`` as in :class:`~polyrtc.sansio.Endpoint`."""

    endpoint: Endpoint

    def __init__(self, *, log_level: int = 0) -> None:
        self._native = native.new_driver(log_level)
        self.endpoint = Endpoint._of(self._native)

    def fileno(self) -> int:
        """The descriptor to watch for readability. It never changes and is closed by :meth:`close`."""
        return check(self._native.descriptor())

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

    def close(self) -> None:
        """Frees the endpoint and closes all descriptors, silently (close the peers first to say goodbye). Twice is harmless."""
        self._native.close()
