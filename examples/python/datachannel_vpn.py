"""A network between two machines: the packets of a tun device go over a data channel. Linux, as root. README.md says more.

SPDX-License-Identifier: BSD-3-Clause
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import ipaddress
import os
import struct
import subprocess
from typing import Any

from polyrtc import RTCDataChannel
from polyrtc.contrib.signaling import add_signaling_arguments
from polyrtc.exceptions import PrtcError

from session import Failure, Session, start

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h
WAITING = 256 * 1024  # bytes that may wait in the channel; packets beyond are dropped, as a router does
ADDRESSES = {"offer": "10.45.0.1/24", "answer": "10.45.0.2/24"}


class Tun:
    """A network interface whose packets this program reads and writes, until it ends."""

    def __init__(self, name: str) -> None:
        try:
            self._descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        except OSError as error:
            raise Failure(f"Cannot open /dev/net/tun: {error.strerror}.") from error
        try:
            answer = fcntl.ioctl(self._descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
        except OSError as error:
            os.close(self._descriptor)
            raise Failure(f"Cannot make the interface {name}: {error.strerror}. This needs root (CAP_NET_ADMIN).") from error
        self.name = answer[:16].rstrip(b"\0").decode()

    def __enter__(self) -> Tun:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def up(self, address: str, mtu: int) -> None:
        for command in (["addr", "add", address, "dev", self.name], ["link", "set", self.name, "mtu", str(mtu), "up"]):
            try:
                subprocess.run(["ip", *command], check=True, capture_output=True, text=True)
            except FileNotFoundError as error:
                raise Failure("There is no `ip` command here: install iproute2.") from error
            except subprocess.CalledProcessError as error:
                raise Failure(f"ip {' '.join(command)}: {error.stderr.strip()}.") from error

    def carry(self, channel: RTCDataChannel) -> None:
        """From now on what comes out of the interface goes into the channel, and the other way round."""
        loop = asyncio.get_running_loop()

        def on_packet() -> None:
            for _ in range(64):  # then others may run
                try:
                    packet = os.read(self._descriptor, 65536)
                except BlockingIOError:
                    return
                try:
                    if channel.bufferedAmount < WAITING:
                        channel.send(packet)
                except PrtcError:  # the channel closes
                    return

        def on_message(message: Any) -> None:
            try:
                os.write(self._descriptor, message)
            except (OSError, TypeError):  # not an IP packet: the other side's mistake, and no reason to end
                pass

        loop.add_reader(self._descriptor, on_packet)
        channel.on("message", on_message)
        channel.on("close", lambda: loop.remove_reader(self._descriptor))


async def run(args: argparse.Namespace) -> None:
    channels: asyncio.Queue[RTCDataChannel] = asyncio.Queue()
    with Tun(args.interface) as tun:

        async def carry() -> None:
            channel = await channels.get()
            # Only now, or ICE would offer an address of the tunnel for the tunnel.
            tun.carry(channel)
            tun.up(args.address, args.mtu)
            print(f"{tun.name} is up: {args.address}", flush=True)
            await asyncio.Event().wait()

        async with Session(args) as session:
            if args.role == "offer":
                # Packets may be lost and overtake each other in any network; what they carry sees to that itself.
                channel = session.connection.createDataChannel("vpn", ordered=False, maxRetransmits=0)
                channel.on("open", lambda: channels.put_nowait(channel))
            else:
                session.connection.on("datachannel", channels.put_nowait)
            await session.run(carry(), offer=args.role == "offer")
    print("the other side has left")


def main() -> None:
    parser = argparse.ArgumentParser(description="A network between two machines over a data channel. Needs root.")
    parser.add_argument("role", choices=["offer", "answer"], help="start the side that offers first")
    parser.add_argument("--interface", default="polyrtc%d", help="name of the tun interface (default: %(default)s)")
    parser.add_argument("--address", help="of this side, with its prefix (default: 10.45.0.1/24 offers, 10.45.0.2/24 answers)")
    parser.add_argument("--mtu", type=int, default=1280, help="bytes of a packet (default: %(default)s)")
    add_signaling_arguments(parser)
    args = parser.parse_args()
    args.address = args.address or ADDRESSES[args.role]
    try:
        ipaddress.ip_interface(args.address)
    except ValueError as error:
        parser.error(f"--address: {error}")
    if not 576 <= args.mtu <= 65535:
        parser.error("--mtu must be 576 to 65535")
    if not 0 < len(args.interface) < 16:
        parser.error("--interface must have 1 to 15 letters")
    start(run(args))


if __name__ == "__main__":
    main()
