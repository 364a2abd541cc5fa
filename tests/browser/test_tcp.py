# ICE over TCP with real browsers: they connect to us, and with no other candidate than that.
#
# SPDX-License-Identifier: BSD-3-Clause

import re

import pytest
from peers import Pair

from polyrtc import RTCConfiguration

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the event loop in which the browsers live


class OverTcp(Pair):
    """No other candidate reaches the other side."""

    def filter(self, side, description):
        return re.sub(r"a=candidate:\S+ \d+ udp .*\r\n", "", description, flags=re.IGNORECASE)

    def pass_on(self, side, candidate):
        return " udp " not in candidate.lower()


@pytest.mark.parametrize("side", ["browser", "polyrtc"])
async def test_browser_connects(page, side):
    async with OverTcp(page, side, ours=RTCConfiguration(tcpCandidates="all")) as pair:
        channel = await pair.open(side)
        large = bytes(range(256)) * 1024
        channel.ours.send(large)
        assert await channel.browser_event() == large
        await channel.browser_send(large)
        assert await channel.event() == large
        stats = await pair.connection.getStats()
        (transport,) = (each for each in stats.values() if each.type == "transport")
        selected = stats[transport.selectedCandidatePairId]
        ends = [stats[selected.localCandidateId], stats[selected.remoteCandidateId]]
        assert [end.protocol for end in ends] == ["tcp", "tcp"]
        assert {end.tcpType for end in ends} == {"active", "passive"}
