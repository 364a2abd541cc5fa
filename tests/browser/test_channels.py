# Data channels between polyrtc and real browsers, each as offerer and as answerer.
#
# SPDX-License-Identifier: BSD-3-Clause

import asyncio

import pytest
from browsers import BROWSERS, PATIENCE
from peers import Pair

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the event loop in which the browsers live

LARGE = bytes((7 * i + (i >> 8)) & 0xFF for i in range(256 * 1024))
SIDES = ["browser", "polyrtc"]


@pytest.mark.parametrize("opener", SIDES)
async def test_messages(pair, opener):
    """Text, binary and the empty ones of both kinds, in their order, both ways, whichever side opened the channel."""
    if opener != pair.offerer:
        await pair.open(pair.offerer, label="first")  # an offer has a data section only when its side has a channel
    channel = await pair.open(opener)
    messages = ["text", "grüße 🦆", b"binary\0\xff", "", b"", "after"]
    for message in messages:
        channel.ours.send(message)
        await channel.browser_send(message)
    assert [await channel.browser_event() for _ in messages] == messages
    assert [await channel.event() for _ in messages] == messages


@pytest.mark.parametrize("message", [LARGE, LARGE.hex()[:len(LARGE)]], ids=["binary", "text"])
async def test_large_message(pair, message):
    channel = await pair.open(pair.offerer)
    channel.ours.send(message)
    assert await channel.browser_event() == message
    await channel.browser_send(message)
    assert await channel.event() == message


async def test_id_1000(pair):
    channel = await pair.negotiated(1000)
    assert channel.ours.id == await channel.browser_id() == 1000
    channel.ours.send("there")
    assert await channel.browser_event() == "there"
    await channel.browser_send("and back")
    assert await channel.event() == "and back"


async def test_unordered_and_unreliable(pair):
    """The options of a channel are the same on both sides, and its messages arrive (nothing is lost on loopback)."""
    options = {"ordered": False, "maxRetransmits": 0, "protocol": "a-protocol"}
    if pair.offerer == "browser":
        channel = await pair.open("browser", **options)
    else:
        channel = await pair.open("polyrtc", **options)
    for name, value in options.items():
        assert getattr(channel.ours, name) == value
        assert await pair.page.evaluate("(label, name) => channels[label].channel[name]", "test", name) == value
    channel.ours.send("one")
    assert await channel.browser_event() == "one"


async def test_bulk(pair):
    """16 MiB each way at the same time, in messages of 64 KiB, each side as fast as its buffer empties."""
    channel = await pair.open(pair.offerer)
    pieces = [LARGE[start:start + 65536] for start in range(0, len(LARGE), 65536)] * 64
    await pair.page.evaluate("bulk", channel.ours.label, len(pieces))
    low = asyncio.Event()
    channel.ours.bufferedAmountLowThreshold = 256 * 1024
    channel.ours.on("bufferedamountlow", low.set)
    for piece in pieces:
        if channel.ours.bufferedAmount > 1024 * 1024:
            low.clear()
            await asyncio.wait_for(low.wait(), PATIENCE)
        channel.ours.send(piece)
    for piece in pieces:
        assert await channel.event() == piece
    assert await channel.browser_event() == "done"


@pytest.mark.parametrize("closer", SIDES)
async def test_close(pair, closer):
    """A closed channel takes what was sent before along, closes on both sides, and leaves the others alone."""
    other = await pair.open(pair.offerer, label="other")
    channel = await pair.open(pair.offerer)
    if closer == "browser":
        await channel.browser_send("last")
        await channel.browser_close()
        assert await channel.event() == "last"
    else:
        channel.ours.send("last")
        channel.ours.close()
        assert await channel.browser_event() == "last"
    assert await channel.event() == "close"
    assert await channel.browser_event() == "close"
    assert channel.ours.readyState == "closed"
    other.ours.send("alive")
    assert await other.browser_event() == "alive"


async def test_id_is_used_again(pair):
    """The id of a closed channel is free for the next one, after both sides have reset the stream."""
    first = await pair.open(pair.offerer, label="first")
    number = first.ours.id
    first.ours.close()
    assert await first.event() == "close"
    assert await first.browser_event() == "close"
    second = await pair.open(pair.offerer, label="second")
    assert second.ours.id == await second.browser_id() == number
    second.ours.send("fresh")
    assert await second.browser_event() == "fresh"


@pytest.mark.parametrize("closer", SIDES)
async def test_close_connection(pair, closer):
    """The end of the connection is the end of its channels on the other side."""
    channel = await pair.open(pair.offerer)
    if closer == "browser":
        await pair.page.evaluate("() => connection.close()")
        assert await channel.event() == "close"
    else:
        await pair.connection.close()
        assert await channel.browser_event() == "close"


@pytest.mark.parametrize("name", BROWSERS)
async def test_host_addresses(name, pages):
    """A browser that does not hide its addresses (a page with leave to use the camera has them) connects as well."""
    async with BROWSERS[name](host_addresses=True) as browser:
        page = await browser.open(f"{pages}/peer.html")
        async with Pair(page, offerer="browser") as pair:
            channel = await pair.open("browser")
            channel.ours.send("hello")
            assert await channel.browser_event() == "hello"
            sdp = await page.evaluate("() => connection.localDescription.sdp")
            assert "typ host" in sdp and ".local" not in sdp
        await page.close()


@pytest.mark.parametrize("side", SIDES)
async def test_without_trickle(page, side):
    """Without a listener for candidates our description has all of them, and nothing but descriptions is exchanged."""
    async with Pair(page, offerer=side, trickle=False) as pair:
        channel = await pair.open(side)
        assert "typ host" in pair.connection.localDescription.sdp
        channel.ours.send("hello")
        assert await channel.browser_event() == "hello"
