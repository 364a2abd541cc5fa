# A polyrtc peer here and a browser's peer in a page, joined by a test that carries their descriptions and candidates.
#
# SPDX-License-Identifier: BSD-3-Clause

import asyncio
import base64

from polyrtc import RTCIceCandidate, RTCPeerConnection, RTCSessionDescription

from browsers import PATIENCE


class Channel:
    """One channel seen from both sides, with what happened on each in its order."""

    def __init__(self, pair, channel):
        self.ours = channel
        self._pair = pair
        self._events = asyncio.Queue()
        channel.on("open", lambda: self._events.put_nowait("open"))
        channel.on("message", self._events.put_nowait)
        channel.on("close", lambda: self._events.put_nowait("close"))

    async def event(self):
        """What happens next on our side: "open", "close" or a message. (No test sends these two words.)"""
        async with asyncio.timeout(PATIENCE):
            return await self._events.get()

    def waiting(self):
        """How many events nobody has asked for yet."""
        return self._events.qsize()

    async def browser_event(self):
        event = await self._pair.page.evaluate("(label) => channels[label].events.next()", self.ours.label)
        if isinstance(event, str):
            return event
        return event["text"] if "text" in event else base64.b64decode(event["binary"])

    async def browser_send(self, message):
        init = {"text": message} if isinstance(message, str) else {"binary": base64.b64encode(message).decode()}
        await self._pair.page.evaluate("send", self.ours.label, init)

    async def browser_close(self):
        await self._pair.page.evaluate("(label) => channels[label].channel.close()", self.ours.label)

    async def browser_id(self):
        return await self._pair.page.evaluate("(label) => channels[label].channel.id", self.ours.label)


class Pair:
    def __init__(self, page, offerer, *, trickle=True, configuration=None, ours=None):
        self._configuration = configuration or {}  # the browser's
        self.page = page
        self.offerer = offerer
        self.connection = RTCPeerConnection(ours)
        self._incoming = asyncio.Queue()
        self._candidates = asyncio.Queue()
        self.connection.on("datachannel", lambda channel: self._incoming.put_nowait(Channel(self, channel)))
        if trickle:  # otherwise our description has them all
            self.connection.on("icecandidate", self._candidates.put_nowait)
        self._carriers = []

    async def __aenter__(self):
        await self.page.evaluate("start", self._configuration)
        return self

    async def __aexit__(self, *_):
        for task in self._carriers:
            task.cancel()
        await asyncio.gather(*self._carriers, return_exceptions=True)
        await self.connection.close()
        await self.page.evaluate("() => connection.close()")

    async def open(self, opener, label="test", **options):
        """A channel that one side opens, in-band; connects the two first when they are not yet."""
        if opener == "browser":
            await self.page.evaluate("open", label, options)
            await self.connect()
            channel = await self.next_incoming()
        else:
            channel = Channel(self, self.connection.createDataChannel(label, **options))
            await self.connect()
            await self.page.evaluate("() => incoming.next()")
        assert await channel.event() == "open"
        assert await channel.browser_event() == "open"
        return channel

    async def next_incoming(self):
        """The next channel that the browser opens."""
        async with asyncio.timeout(PATIENCE):
            return await self._incoming.get()

    async def negotiated(self, number, label="test"):
        """A channel that both sides make with the same id."""
        channel = Channel(self, self.connection.createDataChannel(label, negotiated=True, id=number))
        await self.page.evaluate("open", label, {"negotiated": True, "id": number})
        await self.connect()
        assert await channel.event() == "open"
        assert await channel.browser_event() == "open"
        return channel

    async def negotiate(self, offerer):
        if offerer == "browser":
            await self._take_description()
            await self.connection.setLocalDescription(await self.connection.createAnswer())
            await self._give_description()
        else:
            await self.connection.setLocalDescription(await self.connection.createOffer())
            await self._give_description()
            await self._take_description()

    async def connect(self):
        if self._carriers:
            return
        await self.negotiate(self.offerer)
        self._carriers = [asyncio.create_task(self._carry_to_browser()), asyncio.create_task(self._carry_from_browser())]

    def filter(self, side, description):
        """What the other side gets of a description."""
        return description

    def pass_on(self, side, candidate):
        """Whether the other side is told of a candidate."""
        return True

    async def _take_description(self):
        init = await self.page.evaluate("describe")
        init["sdp"] = self.filter("browser", init["sdp"])
        await self.connection.setRemoteDescription(RTCSessionDescription(**init))

    async def _give_description(self):
        description = self.connection.localDescription
        await self.page.evaluate("(init) => connection.setRemoteDescription(init)",
                                 {"type": description.type, "sdp": self.filter("polyrtc", description.sdp)})

    async def _carry_to_browser(self):
        while candidate := await self._candidates.get():
            if self.pass_on("polyrtc", candidate.candidate):
                await self.page.evaluate("(init) => connection.addIceCandidate(init)", candidate.toJSON())

    async def _carry_from_browser(self):
        while candidate := await self.page.evaluate("() => candidates.next()"):
            if self.pass_on("browser", candidate["candidate"]):
                await self.connection.addIceCandidate(RTCIceCandidate.fromJSON(candidate))
        await self.connection.addIceCandidate(None)
