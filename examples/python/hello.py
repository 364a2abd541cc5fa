"""Two connections in one process: one sends a greeting over a data channel, the other prints it.

SPDX-License-Identifier: BSD-3-Clause
"""

import asyncio

from polyrtc import RTCPeerConnection


async def main() -> None:
    alice, bob = RTCPeerConnection(), RTCPeerConnection()
    received = asyncio.get_running_loop().create_future()
    chat = alice.createDataChannel("chat")
    chat.on("open", lambda: chat.send("hello"))
    bob.on("datachannel", lambda channel: channel.on("message", received.set_result))
    await alice.setLocalDescription(await alice.createOffer())
    await bob.setRemoteDescription(alice.localDescription)  # in life, descriptions travel over a wire of yours: signalling
    await bob.setLocalDescription(await bob.createAnswer())
    await alice.setRemoteDescription(bob.localDescription)
    print("bob received:", await received)
    await asyncio.gather(alice.close(), bob.close())


asyncio.run(main())
