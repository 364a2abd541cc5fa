# SPDX-License-Identifier: BSD-3-Clause
"""One driver on one event loop, shared by the peer connections of that loop.

The first connection of a loop makes its engine, the last one to close takes it away with all its descriptors. Nothing is
made at import, and loops in different threads share nothing.

Who holds whom: the loop holds the engine (by watching its descriptor), the engine holds the connections that have begun to
negotiate (as a browser keeps a connection that is alive, also when the page holds it no more), and only weakly those that
have not. When a loop was closed over living connections, its engine and they are garbage together.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from .driver import Driver, Turn, Watch
from .inside import Inside
from .loop import Loop, running_loop
from .sansio import Event, EventType, Peer, error


class Subscriber(Protocol):
    """Who takes the events of a peer."""

    def _on_event(self, event: Event) -> None: ...

    def _messages_to(self, channel: int) -> Callable[[str | bytes], None] | None: ...

    def _on_engine_failed(self, event: Event) -> None: ...


class Engine:
    """Use :meth:`of_running_loop`."""

    def __init__(self, loop: Loop, udp_port: int = 0) -> None:
        self.loop = loop
        self._inside = Inside()
        self.driver = Driver(
            key_log=self._inside.key_log,
            capture_size=self._inside.capture_size,
            recording_size=self._inside.recording_size,
            udp_port=udp_port,
        )
        self._inside.set_levels(self.driver.endpoint)
        self._peers: dict[int, weakref.finalize[[weakref.ref[Engine], int], Subscriber]] = {}
        self._weak: weakref.WeakValueDictionary[int, Subscriber] = weakref.WeakValueDictionary()
        self._held: dict[int, Subscriber] = {}
        self._process, self._flush, self._take, self._message = self.driver.turns()
        self._rows: deque[Any] = deque()  #: events that were taken, and messages of a channel in one
        self._messages: Iterator[str | bytes | None] | None = None  #: those of a channel that are being handed out
        self._take_message: Callable[[str | bytes], None] = _drop
        self._abandoned: deque[int] = deque()
        self._flush_is_due = False
        self.closed = False
        self.failed = False  #: its endpoint has said so: it takes no more commands
        weakref.finalize(self, self.driver.close).atexit = False
        self._has_descriptor = self.driver.fileno() >= 0
        self._watched: set[Watch] = set()
        self._cancel_wake_up: Callable[[], None] = _nothing
        self._watch()

    @staticmethod
    def of_running_loop(udp_port: int = 0) -> Engine:
        """The engine of the running loop with this port, made when there is none. RuntimeError when no loop runs."""
        loop = running_loop()
        engines = _engines_of_thread()
        for other in list(engines.values()):
            if other.loop.closed():  # its connections were left: their sockets need not wait for the garbage collector
                other.close()
        key = (id(loop.key), udp_port)
        engine = engines.get(key)
        if engine is None or engine.closed or engine.failed:
            engine = engines[key] = Engine(loop, udp_port)
        return engine

    # ------------------------------------------------------------------------------------------------------------- peers

    def add(self, subscriber: Subscriber, peer: Peer) -> None:
        """The peer's events go to the subscriber, which is held weakly. When it is collected the peer is freed."""
        self._inside.set_levels(self.driver.endpoint)  # they may have changed since the one before
        self._weak[peer.id] = subscriber
        self._peers[peer.id] = finalizer = weakref.finalize(subscriber, _abandon, weakref.ref(self), peer.id)
        finalizer.atexit = False

    def close_if_unused(self) -> None:
        """For who made the engine and could not add a peer."""
        if not self._peers:
            self.close()

    def hold(self, subscriber: Subscriber, peer: Peer) -> None:
        """Keeps the subscriber until :meth:`remove`."""
        self._held[peer.id] = subscriber

    def remove(self, peer: Peer) -> None:
        """Frees the peer, after what it still has to say was sent. The last one takes the engine with it."""
        if not self.closed and peer.id in self._peers:
            self._peers[peer.id].detach()
            self.flush()
            self._free(peer)

    def _free(self, peer: Peer) -> None:
        del self._peers[peer.id]
        self._weak.pop(peer.id, None)
        self._held.pop(peer.id, None)
        peer.free()
        if self._peers:
            self.schedule()
        else:
            self.close()

    def _free_abandoned(self) -> None:
        while self._abandoned and not self.closed:
            self._free(self.driver.endpoint.peer(self._abandoned.popleft()))

    def close(self) -> None:
        """Closes the driver and all its descriptors, silently. Twice is harmless."""
        if not self.closed:
            self.closed = True
            self._cancel_wake_up()
            for watch in self._watched:
                self._unwatch(watch)
            self._watched.clear()
            self._inside.poll(self.driver.endpoint)
            self._inside.close()
            self.driver.close()
            self._rows.clear()
            self._messages, self._take_message = None, _drop
            self._weak.clear()
            self._held.clear()
            for finalizer in self._peers.values():
                finalizer.detach()
            self._peers.clear()

    # ------------------------------------------------------------------------------------------------------ run loop

    def schedule(self) -> None:
        """After commands: sends soon, once for all the commands given meanwhile."""
        if not self._flush_is_due and not self.closed:
            self._flush_is_due = True
            self.loop.soon(self._on_flush)

    def flush(self) -> None:
        """Sends at once what commands have queued."""
        self._drive(self._flush)

    def _fetch(self, turn: Turn) -> None:
        if self._rows or self._messages is not None:  # amid what is handed out: the batch goes, its messages are to stay
            self._keep_messages()
        rows = turn()
        if isinstance(rows, int):
            raise error(rows)
        self._rows.extend(rows)

    def _keep_messages(self) -> None:
        if self._messages is not None:
            self._messages = iter(list(self._messages))
        for number, row in enumerate(self._rows):
            if len(row) == 4:
                peer, channel, first, end = row
                self._rows[number] = (peer, channel, [self._message(index) for index in range(first, end)])

    def _drive(self, turn: Turn) -> None:
        self._fetch(turn)
        if self._inside.active:
            self._inside.poll(self.driver.endpoint)
        if not self._has_descriptor:
            self._watch()

    def _on_flush(self) -> None:
        self._flush_is_due = False
        if not self.closed:
            self._drive(self._flush)
            if self._rows:
                self.dispatch()

    def _on_ready(self) -> None:
        """What handlers queue is sent at once, at the end, without another turn of the loop."""
        if self.closed:
            return
        self._drive(self._process)
        if not self._rows:
            return
        if self._flush_is_due:
            self.dispatch()
            return
        self._flush_is_due = True
        try:
            self._hand_out()
        finally:
            self._flush_is_due = False
        self._on_flush()

    def _watch(self) -> None:
        """Has the loop watch what the driver wants watched from now on. The best drivers have one descriptor, for ever."""
        wanted = set(self.driver.watches())
        for watch in self._watched - wanted:
            self._unwatch(watch)
        for watch in wanted - self._watched:
            if watch.input:
                self.loop.watch(watch.descriptor, self._on_ready)
            if watch.output:
                self.loop.watch(watch.descriptor, self._on_ready, output=True)
        self._watched = wanted
        self._cancel_wake_up()
        time = self.driver.wake_up()
        if time is not None:
            self._cancel_wake_up = self.loop.later(max(0, time - self.driver.now()) / 1e6, self._on_ready)

    def _unwatch(self, watch: Watch) -> None:
        if watch.input:
            self.loop.unwatch(watch.descriptor)
        if watch.output:
            self.loop.unwatch(watch.descriptor, output=True)

    def dispatch(self) -> None:
        """Hands out all events. May be entered again from a handler: the order of events stays."""
        while not self.closed:
            if not self._rows and self._messages is None:
                self._fetch(self._take)
                if not self._rows:
                    return
            # Reading messages opens the receive window, and handlers command: both have something to send.
            self.schedule()
            self._hand_out()

    def _hand_out(self) -> None:
        """The events that were taken."""
        while not self.closed:
            while self._messages is not None:
                self._hand_out_messages(self._messages, self._take_message)
            if not self._rows:
                return
            row = self._rows.popleft()
            if len(row) == 4:
                peer, channel, first, end = row
                self._begin_messages(peer, channel, map(self._message, range(first, end)))
                continue
            if len(row) == 3:
                self._begin_messages(*row)
                continue
            event = Event(*row)
            subscriber = self._weak.get(event.peer)
            if event.type == EventType.ENDPOINT_FAILED:
                self._fail(event)
            elif subscriber is not None:
                self._tell(subscriber._on_event, event)

    def _begin_messages(self, peer: int, channel: int, messages: Iterable[str | bytes | None]) -> None:
        subscriber = self._weak.get(peer)
        take = None if subscriber is None else subscriber._messages_to(channel)
        if take is not None:
            self._messages, self._take_message = iter(messages), take

    def _hand_out_messages(self, messages: Iterator[str | bytes | None], take: Callable[[str | bytes], None]) -> None:
        """There is one iterator for all who come here: who comes from a handler goes on with the next message."""
        for message in messages:
            if message is None:
                break
            try:
                take(message)
            except Exception as problem:
                self.loop.report("polyrtc: a message was not handled", problem)
        if self._messages is messages:  # else they were kept meanwhile, for whoever comes next
            self._messages, self._take_message = None, _drop

    def _tell(self, take: Callable[[Event], None], event: Event) -> None:
        try:
            take(event)
        except Exception as problem:
            self.loop.report(f"polyrtc: event {event.type} was not handled", problem)

    def _fail(self, event: Event) -> None:
        """All connections end with their endpoint. The next one gets an engine of its own."""
        self.failed = True
        for subscriber in list(self._weak.values()):
            self._tell(subscriber._on_engine_failed, event)
        self.close()


def _nothing() -> None:
    pass


def _drop(message: str | bytes) -> None:
    pass


def _abandon(engine: weakref.ref[Engine], peer_id: int) -> None:
    """A subscriber was collected, perhaps in another thread: its peer is freed later, in the loop's own thread."""
    owner = engine()
    if owner is not None and not owner.closed:
        owner._abandoned.append(peer_id)
        owner.loop.soon_from_any_thread(owner._free_abandoned)


_threads = threading.local()


def _engines_of_thread() -> weakref.WeakValueDictionary[tuple[int, int], Engine]:
    """By the id of the loop and the port. (Not by the loop, weakly: an engine's connections know their loop, and would keep it.)"""
    try:
        return _threads.engines  # type: ignore[no-any-return]
    except AttributeError:
        _threads.engines = weakref.WeakValueDictionary()
        return _threads.engines  # type: ignore[no-any-return]
