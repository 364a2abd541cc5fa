# Names in place of addresses, both ways: the page has no permission for the camera, so its browser hides its addresses, and we hide ours.
#
# Each test runs this file as a program in a network namespace of its own: browsers use no multicast on the loopback interface.
#
# SPDX-License-Identifier: BSD-3-Clause

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web

from browsers import BROWSERS
from peers import Pair
from polyrtc import RTCConfiguration

CABLE = """
ip link set lo up
ip link add cable type veth peer name wall
ip link set wall up
ip address add 192.0.2.7/24 dev cable
ip link set cable up multicast on
ip route add default dev cable
exec "$0" "$@"
"""

NAME = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.local$")

# Whose candidates are told to the other side. When it is one side's alone, the other one has to find the address behind the name.
TOLD = ["both", "browser", "polyrtc"]


class HiddenPair(Pair):
    """Only names are told."""

    def __init__(self, page, offerer, told):
        super().__init__(page, offerer, ours=RTCConfiguration(hideAddresses=True))
        self.told = told
        self.names = {"browser": set(), "polyrtc": set()}

    def filter(self, side, description):
        """What the description tells of its side's candidates."""
        lines = []
        for line in description.splitlines(keepends=True):
            if line.startswith("a=candidate:"):
                self.see(side, line)
            if not line.startswith(("a=candidate:", "a=end-of-candidates")) or self.told in (side, "both"):
                lines.append(line)
        return "".join(lines)

    def see(self, side, candidate):
        words = candidate.split()
        assert words[7] == "host" and NAME.match(words[4]), candidate
        self.names[side].add(words[4])

    def pass_on(self, side, candidate):
        self.see(side, candidate)
        return self.told in (side, "both")


async def connect(page, offerer, told):
    async with HiddenPair(page, offerer, told) as pair:
        channel = await pair.open(offerer)
        channel.ours.send("found")
        assert await channel.browser_event() == "found"
        await channel.browser_send("and back")
        assert await channel.event() == "and back"
        assert pair.names[told if told != "both" else "browser"] and pair.names[told if told != "both" else "polyrtc"]


async def main(name):
    app = web.Application()
    app.router.add_static("/", Path(__file__).parent / "pages")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with BROWSERS[name]() as browser:
        page = await browser.open(f"http://127.0.0.1:{runner.addresses[0][1]}/peer.html")
        for told in TOLD:
            for offerer in ("browser", "polyrtc"):
                await connect(page, offerer, told)
                print(offerer, "offers,", told, "told")
    await runner.cleanup()


@pytest.mark.parametrize("name", BROWSERS)
def test_only_names_are_told(name):
    command = ["unshare", "--map-root-user", "--net", "sh", "-e", "-c", CABLE, sys.executable, __file__, name]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        f"{offerer} offers, {told} told" for told in TOLD for offerer in ("browser", "polyrtc")
    ]


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
