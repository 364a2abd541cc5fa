"""What the examples of this folder share: one connection, found through a signalling, and an end with a clear sentence.

SPDX-License-Identifier: BSD-3-Clause
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from polyrtc import InvalidStateError, RTCIceCandidate, RTCPeerConnection, RTCSessionDescription
from polyrtc.contrib.signaling import BYE, create_signaling


class Failure(Exception):
    """A sentence for the user, with which the program ends."""


class Session:
    """`async with Session(args) as session:` make channels in `session.connection`, then `await session.run(…)`."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._signaling = create_signaling(args)

    async def __aenter__(self) -> Session:
        self.connection = RTCPeerConnection()
        self.connection.on("connectionstatechange", self._on_state)
        self._connected = False
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._signaling.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._signaling.close()
        await self.connection.close()
        if not self._over.cancel():
            self._over.exception()  # whoever ends for another reason need not know

    async def run(self, work: Coroutine[Any, Any, object], *, offer: bool) -> bool:
        """Connects the two while `work` runs. True: the work is done. False: the other side has left before."""
        working = asyncio.create_task(work)
        negotiating = asyncio.create_task(self._negotiate(offer))
        try:
            await asyncio.wait((working, self._over), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                try:
                    working.result()
                    return True
                except InvalidStateError:  # it wanted to send: the channel has closed, and then the connection will
                    await asyncio.wait((self._over,))
            self._over.result()
            return False
        finally:
            for task in (working, negotiating):
                task.cancel()
            await asyncio.gather(working, negotiating, return_exceptions=True)

    # --- inside ---

    async def _negotiate(self, offer: bool) -> None:
        """Ours, then whatever the other side sends, until it says goodbye."""
        try:
            if offer:
                await self.connection.setLocalDescription(await self.connection.createOffer())
                self._tell("waiting for the other side")
                await self._send_description()
            while (received := await self._signaling.receive()) is not BYE:
                if isinstance(received, RTCSessionDescription):
                    await self.connection.setRemoteDescription(received)
                    if received.type == "offer":
                        await self.connection.setLocalDescription(await self.connection.createAnswer())
                        await self._send_description()
                elif isinstance(received, RTCIceCandidate):
                    await self.connection.addIceCandidate(received)
                elif self.connection.remoteDescription is None:
                    raise Failure("The signalling has ended before the other side was known.")
                else:
                    return  # nobody speaks there any more; the connection itself may live on
            self._end(None)
        except ConnectionRefusedError:
            self._end(Failure(f"Nobody listens at {self._place()}: start the side that offers first."))
        except FileNotFoundError:
            self._end(Failure(f"There is no {self._place()}: start the side that offers first."))
        except OSError as error:
            self._end(Failure(f"Cannot reach or open {self._place()}: {error.strerror or error}."))
        except Exception as error:
            self._end(error)

    async def _send_description(self) -> None:
        description = self.connection.localDescription
        assert description is not None
        await self._signaling.send(description)

    def _on_state(self) -> None:
        state = self.connection.connectionState
        if state == "connected":
            self._tell("connected" if not self._connected else "connected again")
            self._connected = True
        elif state == "failed":
            self._end(Failure("The connection is lost." if self._connected else "No way to the other side was found."))
        elif state == "closed":
            self._end(None)

    def _end(self, error: Exception | None) -> None:
        if not self._over.done():
            if error is None:
                self._over.set_result(None)
            else:
                self._over.set_exception(error)

    def _place(self) -> str:
        if self._args.signaling == "tcp-socket":
            return f"{self._args.signaling_host} port {self._args.signaling_port}"
        return str(self._args.signaling_path)

    @staticmethod
    def _tell(what: str) -> None:
        print(f"({what})", file=sys.stderr, flush=True)


def start(main: Coroutine[Any, Any, None], *, interrupted: int = 0) -> None:
    """Runs `main`. Ctrl-C and SIGTERM end it in order, with the status `interrupted`; a failure ends it with a sentence."""

    async def until_signal() -> None:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await main

    try:
        asyncio.run(until_signal())
    except asyncio.CancelledError:
        print("(interrupted)", file=sys.stderr)
        sys.exit(interrupted)
    except (Failure, OSError, ValueError) as error:
        sys.exit(str(error))
