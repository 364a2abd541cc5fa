# The terminal of examples/terminal, driven as a user would, and what it refuses.
#
# SPDX-License-Identifier: BSD-3-Clause

import asyncio
import os
import re
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

from browsers import PATIENCE, BrowserError
from peers import Channel
from polyrtc import RTCIceCandidate, RTCPeerConnection, RTCSessionDescription

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the event loop in which the browsers live

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/terminal"
PROMPT = "ready> "
SCREEN = "(document.querySelector('.panel:not([hidden]) .xterm-rows')?.innerText ?? '').replaceAll('\\u00a0', ' ')"


@asynccontextmanager
async def serve(home, *options, profile=f"PS1='{PROMPT}'\n", program=(sys.executable, EXAMPLE / "server.py")):
    """The server as its users start it; gives the process and the address that it prints."""
    (home / ".bashrc").write_text(profile)
    environment = dict(os.environ, HOME=str(home), LC_ALL="C.UTF-8")
    process = await asyncio.create_subprocess_exec(
        *program, "--port", "0", "--shell", "/bin/bash", *options, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(PATIENCE):
            line = (await process.stdout.readline()).decode()
        address = re.search(r"http://\S+", line)
        assert address, f"{line!r} {await process.stderr.read()}"
        yield process, address[0]
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        async with asyncio.timeout(PATIENCE):
            await process.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(tmp_path_factory):
    async with serve(tmp_path_factory.mktemp("home")) as (_, address):
        yield address


class Screen:
    """The terminal's page, by what a user sees and does."""

    def __init__(self, page):
        self.page = page
        self._asked = 0

    async def sees(self, pattern):
        """Waits until the selected terminal shows what the regular expression says; returns its groups."""
        try:
            return await self.page.wait_for(f"(pattern) => {SCREEN}.match(new RegExp(pattern, 'm'))?.slice(1)", pattern)
        except BrowserError as error:
            raise AssertionError(f"{pattern!r} is not in\n{await self.page.evaluate(f'() => {SCREEN}')}") from error

    async def enter(self, line):
        await self.page.type(line)
        await self.page.press("Enter")

    async def run(self, line, pattern):
        await self.enter(line)
        return await self.sees(pattern)

    async def shell(self):
        """The process id of the shell in the selected terminal."""
        self._asked += 1
        return int((await self.run(f"echo {self._asked}=$$", rf"^{self._asked}=(\d+)"))[0])

    async def tabs(self):
        return await self.page.evaluate("() => document.querySelectorAll('[role=tab]').length")

    async def state(self, state):
        await self.page.wait_for("(state) => document.getElementById('state').dataset.state === state", state)


@pytest_asyncio.fixture(loop_scope="session")
async def screen(browser, server):
    page = await browser.open(server)
    screen = Screen(page)
    await screen.sees(PROMPT)
    yield screen
    await page.close()


async def gone(process):
    """Waits for the end of a process that is not our child."""
    async with asyncio.timeout(PATIENCE):
        while os.path.exists(f"/proc/{process}"):
            await asyncio.sleep(0.02)


@asynccontextmanager
async def cut_wire(target):
    """A port that leads to the server's, and a function that cuts the connections through it."""
    writers = []

    async def pump(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def connect(reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        writers.extend((writer, far_writer))
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)

    def cut():
        for writer in writers:
            writer.transport.abort()
        writers.clear()

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as proxy:
        yield proxy.sockets[0].getsockname()[1], cut
        cut()


# --- what works ---


async def test_echo(screen):
    await screen.run("echo $((6 * 7)) grüße", "^42 grüße$")
    await screen.state("connected")


async def test_round_trip_is_shown(screen):
    await screen.page.wait_for("() => /^[0-9.]+ ms$/.test(document.getElementById('milliseconds').value)")


async def test_resize(screen):
    """The shell learns the size that the status line says, each time the window changes."""
    await screen.enter("while stty size; do sleep 0.1; done")
    for width, height in ((900, 500), (640, 400), (1000, 700)):
        before = await screen.page.evaluate("() => document.getElementById('size').textContent")
        await screen.page.resize(width, height)
        await screen.page.wait_for(f"""(before) => {{
            const now = document.getElementById('size').textContent;
            const [columns, rows] = now.split(' × ');
            return now !== before && new RegExp(`^${{rows}} ${{columns}}$`, 'm').test({SCREEN});
        }}""", before)


async def test_second_tab(screen):
    first = await screen.shell()
    await screen.page.press("T", "Alt", "Shift")
    await screen.sees(PROMPT)
    assert await screen.tabs() == 2
    second = await screen.shell()
    assert second != first
    await screen.page.press("ArrowLeft", "Alt", "Shift")
    assert await screen.shell() == first
    await screen.page.press("W", "Alt", "Shift")
    await gone(first)
    assert await screen.tabs() == 1
    assert await screen.shell() == second


async def test_exit(screen):
    first = await screen.shell()
    await screen.run("(sleep 1000 &) ; exit 3", "The shell has ended with status 3")
    await gone(first)
    await screen.page.press("Enter")
    await screen.sees(f"another[^$]*{PROMPT}")
    assert await screen.shell() != first


async def test_shell_that_is_killed(screen):
    await screen.run("kill -9 $$", "The shell was ended by signal 9")


async def test_page_that_goes(browser, server):
    page = await browser.open(server)
    screen = Screen(page)
    await screen.sees(PROMPT)
    shell = await screen.shell()
    await page.close()
    await gone(shell)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_server_that_goes(browser, tmp_path, how):
    async with serve(tmp_path) as (process, address):
        page = await browser.open(address)
        screen = Screen(page)
        await screen.sees(PROMPT)
        shell = await screen.shell()
        process.send_signal(how)
        await gone(shell)
        await screen.state("lost")
        await page.wait_for("() => document.activeElement.id === 'reconnect'")
        await page.close()


async def test_flood(screen):
    """The page keeps up with a shell that never stops, and Ctrl-C still gets through."""
    await screen.run("seq 1000000000", "^\\d{6}$")  # more than half a megabyte, which is twice the window
    await screen.page.press("c", "Control")
    await screen.sees(f"{PROMPT}\\s*$")
    await screen.run("clear; echo still here", "^still here$")


async def test_long_paste(screen, tmp_path):
    """A megabyte of text arrives whole, though a terminal takes a few kilobytes at a time."""
    lines = "".join(f"{number:06} grüße 🦆 {'x' * 80}\n" for number in range(10_000))
    await screen.enter(f"stty -echo; cat > {tmp_path}/pasted; stty echo; echo $((6 * 7))")
    async with asyncio.timeout(PATIENCE):
        while not (tmp_path / "pasted").exists():
            await asyncio.sleep(0.02)
    await screen.page.evaluate("""(text) => {
        const event = Object.assign(new Event('paste', { bubbles: true }), { clipboardData: { getData: () => text } });
        document.querySelector('.panel:not([hidden]) textarea').dispatchEvent(event);
    }""", lines)
    await screen.page.press("d", "Control")
    await screen.sees("^42$")
    assert (tmp_path / "pasted").read_text() == lines


async def test_reconnect(browser, server):
    """When the connection is lost the page says so, and its button brings every terminal a new shell."""
    async with cut_wire(urlsplit(server).port) as (port, cut):
        page = await browser.open(server.replace(str(urlsplit(server).port), str(port)))
        screen = Screen(page)
        await screen.sees(PROMPT)
        first = await screen.shell()
        cut()
        await screen.state("lost")
        await gone(first)
        await page.wait_for("() => document.activeElement.id === 'reconnect'")
        await page.press("Enter")
        await screen.state("connected")
        assert await screen.shell() != first
        await page.close()


# --- what is refused ---


@pytest_asyncio.fixture(loop_scope="session")
async def client():
    async with aiohttp.ClientSession() as session:
        yield session


def _without_token(address):
    return address.partition("?")[0]


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "?token=%C3%A9", "?other=1"])
@pytest.mark.parametrize("path", ["", "signalling"])
async def test_token_is_needed(client, server, path, query):
    origin = _without_token(server).rstrip("/")
    async with client.get(_without_token(server) + path + query, headers={"Origin": origin}) as answer:
        assert answer.status == 403
        assert "token" in await answer.text()


async def test_token_is_new_every_time(server, tmp_path):
    async with serve(tmp_path) as (_, other):
        assert urlsplit(other).query != urlsplit(server).query
        assert len(urlsplit(other).query) > 40


@pytest.mark.parametrize("path", ["", "signalling", "static/terminal.js"])
async def test_foreign_host_is_refused(client, server, path):
    parts = urlsplit(server)
    for host in (f"example.com:{parts.port}", "example.com", "127.0.0.1.example.com", "192.0.2.1", "[", "",
                 "user@localhost", "localhost:port", "localhost:", "localhost/", "::1", "[localhost]"):
        async with client.get(f"{_without_token(server)}{path}?{parts.query}", headers={"Host": host}) as answer:
            assert answer.status in (400, 403), host


@pytest.mark.parametrize("path", ["static/" + "a" * 5000, "static/..%2Fserver.py", "static/", "modules/none.js", "none"])
async def test_what_is_not_there(client, server, path):
    async with client.get(_without_token(server) + path) as answer:
        assert answer.status == 404


async def test_own_hosts_are_served(client, server):
    port = urlsplit(server).port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"):
        async with client.get(server, headers={"Host": host}) as answer:
            assert answer.status == 200


@pytest.mark.parametrize("origin", ["http://example.com", "null", "https://127.0.0.1", "http://127.0.0.1:1", None])
async def test_foreign_origin_is_refused(client, server, origin):
    address = server.replace("/?", "/signalling?")
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        await client.ws_connect(address, headers={"Origin": origin} if origin else {})
    assert error.value.status == 403


async def test_own_origin_is_served(client, server):
    address = server.replace("/?", "/signalling?")
    async with client.ws_connect(address, origin=_without_token(server).rstrip("/")) as websocket:
        await websocket.send_json({"type": "nonsense"})
        async with asyncio.timeout(PATIENCE):
            message = await websocket.receive()
        assert message.type == aiohttp.WSMsgType.CLOSE
        assert message.data == aiohttp.WSCloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("text", ["{", "[]", "1", "{}", '{"type": "offer"}', '{"type": "offer", "sdp": 5}',
                                  '{"type": "offer", "sdp": "nonsense"}', '{"type": "candidate", "candidate": null}',
                                  '{"type": "candidate", "candidate": {"candidate": "x"}}',
                                  "[" * 60000])
async def test_bad_signalling_is_refused(client, server, text):
    address = server.replace("/?", "/signalling?")
    async with client.ws_connect(address, origin=_without_token(server).rstrip("/")) as websocket:
        await websocket.send_str(text)
        async with asyncio.timeout(PATIENCE):
            message = await websocket.receive()
        assert message.type == aiohttp.WSMsgType.CLOSE
        assert message.data == aiohttp.WSCloseCode.PROTOCOL_ERROR


@asynccontextmanager
async def dial(client, server):
    """A peer of Python that speaks the page's signalling."""
    connection = RTCPeerConnection()
    connection.createDataChannel("first")  # so that the offer has a data section; the server closes it
    address, origin = server.replace("/?", "/signalling?"), _without_token(server).rstrip("/")
    async with client.ws_connect(address, origin=origin) as websocket:
        await connection.setLocalDescription(await connection.createOffer())
        await websocket.send_json({"type": "offer", "sdp": connection.localDescription.sdp})
        async with asyncio.timeout(PATIENCE):
            answer = await websocket.receive_json()
            await connection.setRemoteDescription(RTCSessionDescription(**answer))
            while candidate := (await websocket.receive_json())["candidate"]:
                await connection.addIceCandidate(RTCIceCandidate.fromJSON(candidate))
        yield connection
        await connection.close()


async def _open(connection, label):
    channel = Channel(None, connection.createDataChannel(label))
    assert await channel.event() == "open"
    return channel


WINDOW = 256 * 1024
BAD_MESSAGES = [["{"], ["[]"], ["[" * 200_000], ['{"type": "other"}'], ['{"type": "resize"}'],
                ['{"type": "ack", "bytes": 1e999}'], ['{"type": "resize", "columns": "1", "rows": 1}'],
                [b"x" * 65536] * 4 + [b"x"]]


@pytest.mark.parametrize("messages", BAD_MESSAGES, ids=lambda messages: repr(messages[0][:20]))
async def test_bad_message_closes_the_channel(client, server, messages):
    """Also more bytes than the window allows. The other channels are not touched."""
    async with dial(client, server) as connection:
        ping = await _open(connection, "ping")
        channel = await _open(connection, "terminal")
        for message in messages:
            channel.ours.send(message)
        assert await channel.event() == "close"
        ping.ours.send("alive")
        assert await ping.event() == "alive"


async def test_unknown_channel_is_closed(client, server):
    async with dial(client, server) as connection:
        channel = await _open(connection, "something else")
        assert await channel.event() == "close"


async def test_window(client, server):
    """A shell that floods stands still when the page acknowledges nothing, and goes on when it does."""
    async with dial(client, server) as connection:
        ping = await _open(connection, "ping")
        channel = await _open(connection, "terminal")
        channel.ours.send('{"type": "resize", "columns": 80, "rows": 24}')
        channel.ours.send(b"yes\n")
        received = 0
        while received < WINDOW:
            received += len(await channel.event())
        for _ in range(20):
            ping.ours.send("")
            assert await ping.event() == ""
        assert channel.waiting() == 0 and received < WINDOW + 16384
        channel.ours.send(f'{{"type": "ack", "bytes": {WINDOW // 2}}}')
        while received < WINDOW + WINDOW // 2:
            received += len(await channel.event())


async def test_headers(client, server):
    for path in ("", "static/terminal.js", "signalling"):
        async with client.get(_without_token(server) + path) as answer:
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"


async def test_media_port(tmp_path, client):
    """All pages of a server that has one UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    async with serve(tmp_path, "--media-port", str(port)) as (_, address):
        async with dial(client, address) as first, dial(client, address) as second:
            for connection in (first, second):
                channel = await _open(connection, "ping")
                channel.ours.send("here")
                assert await channel.event() == "here"
                candidates = re.findall(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+) ", connection.remoteDescription.sdp)
                assert set(candidates) == {str(port)}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("", 0))
            process = await asyncio.create_subprocess_exec(
                sys.executable, EXAMPLE / "server.py", "--port", "0", "--media-port", str(taken.getsockname()[1]),
                stderr=asyncio.subprocess.PIPE)
            async with asyncio.timeout(PATIENCE):
                assert b"is in use" in (await process.communicate())[1] and process.returncode == 1


async def test_warning_beyond_loopback(tmp_path):
    async with serve(tmp_path, "--host", "0.0.0.0") as (process, _):
        async with asyncio.timeout(PATIENCE):
            assert b"WARNING" in await process.stderr.readline()
