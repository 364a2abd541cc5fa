# The browsers, started once, and the pages that the tests share.
#
# SPDX-License-Identifier: BSD-3-Clause

from pathlib import Path

import pytest_asyncio
from aiohttp import web

from browsers import BROWSERS
from peers import Pair

@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pages():
    """The address of the folder pages/."""
    app = web.Application()
    app.router.add_static("/", Path(__file__).parent / "pages")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=BROWSERS)
async def browser(request):
    """As a user has it: the page's host addresses are hidden behind `.local` names."""
    async with BROWSERS[request.param]() as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def page(browser, pages):
    return await browser.open(f"{pages}/peer.html")


@pytest_asyncio.fixture(loop_scope="session", params=["browser", "polyrtc"], ids=lambda side: f"{side}-offers")
async def pair(request, page):
    async with Pair(page, offerer=request.param) as pair:
        yield pair
