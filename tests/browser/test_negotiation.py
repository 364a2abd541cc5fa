# What browsers offer beside data, and what changes once they are connected.
#
# SPDX-License-Identifier: BSD-3-Clause

import pytest
from peers import Pair

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the event loop in which the browsers live

ADD_MEDIA = "() => { connection.addTransceiver('audio'); connection.addTransceiver('video'); }"


async def check(channel):
    channel.ours.send("there")
    assert await channel.browser_event() == "there"
    await channel.browser_send("and back")
    assert await channel.event() == "and back"


@pytest.mark.parametrize("trickle", [True, False], ids=["trickle", "whole"])
@pytest.mark.parametrize("policy", ["balanced", "max-compat", "max-bundle"])
async def test_bundle_policies(page, policy, trickle):
    """Audio and video are refused; data lives, also where it was to be carried by the transport of the audio."""
    async with Pair(page, "browser", trickle=trickle, configuration={"bundlePolicy": policy}) as pair:
        await page.evaluate(ADD_MEDIA)
        channel = await pair.open("browser")
        kinds = [line.split()[0] for line in pair.connection.remoteDescription.sdp.splitlines() if line.startswith("m=")]
        assert kinds == ["m=audio", "m=video", "m=application"]
        await check(channel)
        for offerer in ("browser", "polyrtc", "browser"):
            await pair.negotiate(offerer)
            await check(channel)
        assert pair.connection.connectionState == "connected"


async def test_data_added_to_media(page):
    """There is nothing to connect at first; then a re-offer brings data."""
    async with Pair(page, "browser", configuration={"bundlePolicy": "max-bundle"}) as pair:
        await page.evaluate(ADD_MEDIA)
        await pair.connect()
        assert pair.connection.sctp is None or pair.connection.sctp.state == "new"
        await page.evaluate("open", "test", {})
        await pair.negotiate("browser")
        channel = await pair.next_incoming()
        assert await channel.event() == "open"
        assert await channel.browser_event() == "open"
        await check(channel)


@pytest.mark.parametrize("offerer", ["browser", "polyrtc"])
async def test_ice_restart(pair, offerer):
    """New credentials on both sides, and the channel does not notice."""
    channel = await pair.open(pair.offerer)

    def ufrags(description):
        return [line for line in description.sdp.splitlines() if line.startswith("a=ice-ufrag:")]

    before = ufrags(pair.connection.localDescription), ufrags(pair.connection.remoteDescription)
    if offerer == "browser":
        await pair.page.evaluate("() => connection.restartIce()")
    else:
        pair.connection.restartIce()
    await pair.negotiate(offerer)
    after = ufrags(pair.connection.localDescription), ufrags(pair.connection.remoteDescription)
    assert before[0] != after[0] and before[1] != after[1]
    await check(channel)
    await pair.page.wait_for("() => ['connected', 'completed'].includes(connection.iceConnectionState)")
    assert pair.connection.connectionState == "connected"
    await check(channel)
