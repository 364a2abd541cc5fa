# The terminal's page with the server of examples/node/terminal: what the tests of the other server do, they do here.
#
# SPDX-License-Identifier: BSD-3-Clause

from pathlib import Path

import pytest
import pytest_asyncio

from test_terminal import (  # noqa: F401
    Screen,
    client,
    screen,
    serve,
    test_bad_message_closes_the_channel,
    test_bad_signalling_is_refused,
    test_echo,
    test_exit,
    test_flood,
    test_foreign_host_is_refused,
    test_foreign_origin_is_refused,
    test_headers,
    test_long_paste,
    test_page_that_goes,
    test_resize,
    test_round_trip_is_shown,
    test_second_tab,
    test_token_is_needed,
    test_unknown_channel_is_closed,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the event loop in which the browsers live

TOP = Path(__file__).resolve().parents[2]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(home):
    async with serve(home, program=("node", TOP / "examples/node/terminal/server.mjs")) as (_, address):
        yield address


async def test_files(screen, home):  # noqa: F811
    """The panel lists what is in the folder."""
    (home / "down.bin").write_bytes(b"x" * 5000)
    await screen.page.press("F", "Alt", "Shift")
    await screen.page.wait_for("() => document.body.innerText.includes('down.bin')")
