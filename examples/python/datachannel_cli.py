"""Two ends play ping and pong over a data channel, and the one that offers prints each round trip. README.md says more.

SPDX-License-Identifier: BSD-3-Clause
"""

from __future__ import annotations

import argparse
import asyncio
import time

from polyrtc import RTCDataChannel
from polyrtc.contrib.signaling import add_signaling_arguments

from session import Session, start


async def offer(args: argparse.Namespace) -> None:
    times: list[float] = []
    try:
        async with Session(args) as session:
            channel = session.connection.createDataChannel("chat")
            pongs: asyncio.Queue[str] = asyncio.Queue()
            opened = asyncio.Event()
            channel.on("message", pongs.put_nowait)
            channel.on("open", opened.set)

            async def play() -> None:
                await opened.wait()
                while args.count is None or len(times) < args.count:
                    if times:
                        await asyncio.sleep(args.interval)
                    begin = time.perf_counter()
                    ping = f"ping {len(times)}"
                    channel.send(ping)
                    while await pongs.get() != ping.replace("ping", "pong", 1):
                        pass
                    times.append((time.perf_counter() - begin) * 1000)
                    print(f"round trip {len(times)}: {times[-1]:.2f} ms", flush=True)

            await session.run(play(), offer=True)
    finally:
        if times:
            average = sum(times) / len(times)
            print(f"{len(times)} round trips: {min(times):.2f} / {average:.2f} / {max(times):.2f} ms (min / average / max)")


async def answer(args: argparse.Namespace) -> None:
    async with Session(args) as session:

        @session.connection.on("datachannel")
        def on_datachannel(channel: RTCDataChannel) -> None:
            print(f"channel {channel.label!r} is open", flush=True)

            @channel.on("message")
            def on_message(message: str | bytes) -> None:
                if isinstance(message, str) and message.startswith("ping"):
                    channel.send("pong" + message[4:])

        await session.run(asyncio.Event().wait(), offer=False)
    print("the other side has left")


def main() -> None:
    parser = argparse.ArgumentParser(description="Plays ping and pong over a data channel, and prints the round trips.")
    parser.add_argument("role", choices=["offer", "answer"], help="start the side that offers first; it pings, the other answers")
    parser.add_argument("--count", "-c", type=int, help="end after so many round trips (default: go on until Ctrl-C)")
    parser.add_argument("--interval", "-i", type=float, default=1.0, help="seconds between two (default: %(default)s)")
    add_signaling_arguments(parser)
    args = parser.parse_args()
    if args.count is not None and args.count < 1:
        parser.error("--count must be 1 or more")
    if not 0 <= args.interval < float("inf"):
        parser.error("--interval must be 0 or more")
    start(offer(args) if args.role == "offer" else answer(args))


if __name__ == "__main__":
    main()
