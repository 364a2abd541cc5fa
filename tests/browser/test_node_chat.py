# The chat of examples/node: the same code in the browser and in Node, each as its users start it.
#
# SPDX-License-Identifier: BSD-3-Clause

import asyncio
import re
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from browsers import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the event loop in which the browsers live

TOP = Path(__file__).resolve().parents[2]
EXAMPLE = TOP / "examples/node/chat"


@asynccontextmanager
async def program(*command):
    """A program of Node; gives its process and a function that waits until it says something."""
    package = TOP / "examples/node/node_modules/polyrtc"  # as `npm install` there makes it
    if not package.exists():
        package.parent.mkdir(exist_ok=True)
        package.symlink_to(TOP / "node")
    process = await asyncio.create_subprocess_exec(
        "node", *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    said = ""

    async def says(pattern):
        nonlocal said
        async with asyncio.timeout(PATIENCE):
            while not (found := re.search(pattern, said, re.MULTILINE)):
                line = (await process.stdout.readline()).decode()
                assert line, f"{command} has ended: {said}"
                said += line
        return found[0]

    try:
        yield process, says
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("first", ["browser", "node"])
async def test_chat(browser, first):
    async with program(EXAMPLE / "server.mjs", "--port", "0") as (_, server_says):
        address = await server_says(r"http://\S+")
        shows = "(line) => document.getElementById('log').textContent.split('\\n').includes(line)"
        page = await browser.open(f"{address}?name=page") if first == "browser" else None
        if page is not None:
            await page.wait_for("() => document.querySelector('form')?.onsubmit")
        async with program(EXAMPLE / "chat.mjs", "node", address) as (node, says):
            if page is None:
                page = await browser.open(f"{address}?name=page")
            try:
                await says("^page is here$")
                await page.wait_for(shows, "node is here")
                node.stdin.write("from node\n".encode())
                await page.wait_for(shows, "node: from node")
                await page.evaluate("""() => {
                    document.getElementById("text").value = "from the page ✓";
                    document.querySelector("button").click();
                }""")
                await says("^page: from the page ✓$")
                node.stdin.close()
                await page.wait_for(shows, "node has left")
                assert await asyncio.wait_for(node.wait(), PATIENCE) == 0
            finally:
                await page.close()
