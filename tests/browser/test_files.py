# The files of examples/terminal: moved by a user of the page, and asked for by a page of evil intentions.
#
# SPDX-License-Identifier: BSD-3-Clause

import asyncio
import hashlib
import json
import os
import random
import sys

import aiohttp
import pytest
import pytest_asyncio

from test_terminal import EXAMPLE, dial, serve

sys.path.insert(0, str(EXAMPLE))
import files  # noqa: E402: of the example

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the event loop in which the browsers live

PATIENCE = 20
SIZE = 20_000_000
WINDOW = 4 * 1024 * 1024
STATE = "document.querySelector('#transfers li')?.dataset.state"
HOW = "document.querySelector('#transfers .how').textContent"
# A file that the user chose, where the browser streams into: a real one, in the storage that browsers give a page.
PICKER = """async () => {
    window.showSaveFilePicker = async ({ suggestedName }) =>
        (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
}"""
PICKED = """async (name) => {
    const file = await (await (await navigator.storage.getDirectory()).getFileHandle(name)).getFile();
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}"""


def make(path, size=SIZE):
    """A file of random bytes, and its hash."""
    data = random.Random(size).randbytes(size)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def hash_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


class Panel:
    def __init__(self, page, process):
        self.page, self._process = page, process

    async def click(self, title):
        await self.page.wait_for("(title) => document.querySelector(`#files [title='${title}']`)", title)
        await self.page.evaluate("(title) => document.querySelector(`#files [title='${title}']`).click()", title)

    async def state(self, state):
        """Waits for that of the newest transfer; gives what is said of it."""
        await self.page.wait_for(f"(state) => {STATE} === state || ({STATE} === 'failed' && state !== 'failed')", state)
        assert await self.page.evaluate(f"() => {STATE}") == state, await self.page.evaluate(f"() => {HOW}")
        return await self.page.evaluate(f"() => {HOW}")

    async def hash(self):
        return await self.page.evaluate("() => document.querySelector('#transfers code').textContent")

    async def server_says(self):
        async with asyncio.timeout(PATIENCE):
            return (await self._process.stdout.readline()).decode().strip()

    async def names(self, *names):
        """Waits until these are the names in the folder."""
        await self.page.wait_for("(names) => names === JSON.stringify(Array.from("
                                 "document.querySelectorAll('#entries .name'), (name) => name.textContent))",
                                 json.dumps(names, separators=(",", ":"), ensure_ascii=False))


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest_asyncio.fixture(loop_scope="session")
async def panel(browser, tmp_path, folder):
    async with serve(tmp_path, "--files", str(folder)) as (process, address):
        await process.stdout.readline()  # "Ctrl-C ends it."
        page = await browser.open(address)
        await page.wait_for("() => document.getElementById('state').dataset.state === 'connected'")
        yield Panel(page, process)
        await page.close()


async def show(panel):
    await panel.page.press("F", "Alt", "Shift")
    await panel.page.wait_for("() => !document.getElementById('files').hidden")


# --- what a user does ---


async def test_upload(panel, folder, tmp_path):
    digest = make(tmp_path / "größe 1.bin")
    await show(panel)
    await panel.page.choose("#chosen", tmp_path / "größe 1.bin")
    await panel.page.wait_for(f"() => /^[0-9.]+ MB of 20.0 MB · [0-9.]+ MB.s · [0-9]+ s left$/.test({HOW})")
    await panel.page.wait_for("() => document.querySelector('progress').value > 0")
    assert "same SHA-256 at both ends" in await panel.state("done")
    assert await panel.hash() == digest == hash_of(folder / "größe 1.bin")
    assert await panel.server_says() == f"Received {folder}/größe 1.bin, {SIZE} bytes, sha256 {digest}"
    await panel.names("größe 1.bin")


async def test_download_as_a_blob(panel, browser, folder):
    """The browser saves it, where it has no way to let the user choose a file."""
    name = f"blob {type(browser).__name__}.bin"
    digest = make(folder / name)
    await panel.page.evaluate("() => { delete Window.prototype.showSaveFilePicker; delete window.showSaveFilePicker; }")
    await show(panel)
    await panel.click(f"Download {name}")
    assert "same SHA-256 at both ends" in await panel.state("done")
    assert await panel.hash() == digest
    assert await panel.server_says() == f"Sent {folder}/{name}, {SIZE} bytes, sha256 {digest}"
    saved = os.path.join(browser.downloads, name)
    await until(lambda: os.path.exists(saved) and os.path.getsize(saved) == SIZE)
    with open(saved, "rb") as file:
        assert hashlib.sha256(file.read()).hexdigest() == digest


async def test_download_to_disk(panel, folder):
    digest = make(folder / "disk.bin")
    await panel.page.evaluate(PICKER)
    await show(panel)
    await panel.click("Download disk.bin")
    await panel.state("done")
    assert await panel.page.evaluate(PICKED, "disk.bin") == await panel.hash() == digest


@pytest.mark.parametrize("size", [0, 1, 65536, 65537])
async def test_small_files(panel, folder, tmp_path, size):
    digest = make(tmp_path / "small", size)
    await panel.page.evaluate(PICKER)
    await show(panel)
    await panel.page.choose("#chosen", tmp_path / "small")
    await panel.state("done")
    assert await panel.hash() == hash_of(folder / "small") == digest
    await panel.click("Download small")
    await panel.page.wait_for("() => document.querySelectorAll('#transfers [data-state=done]').length === 2")
    assert await panel.page.evaluate(PICKED, "small") == digest


async def test_drop(panel, folder):
    """Two files are dropped on the page, one of a name that is taken: nothing is overwritten."""
    (folder / "a.txt").write_text("old")
    await panel.page.evaluate("""() => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(['new'], 'a.txt'));
        dataTransfer.items.add(new File(['other'], 'b.txt'));
        const how = { dataTransfer, bubbles: true, cancelable: true };
        const event = (type) => document.body.dispatchEvent(new DragEvent(type, how));
        event('dragenter');
        if (document.getElementById('drop').hidden) throw new Error('nothing is shown');
        event('drop');
        if (!document.getElementById('drop').hidden) throw new Error('it is still shown');
    }""")
    await panel.names("a (2).txt", "a.txt", "b.txt")
    assert [(folder / name).read_text() for name in ("a (2).txt", "a.txt", "b.txt")] == ["new", "old", "other"]


async def test_folders(panel, folder):
    (folder / "B" / "C").mkdir(parents=True)
    (folder / "a").write_bytes(bytes(1500))
    (folder / ".hidden").write_text("")
    (folder / "nowhere").symlink_to("/none")
    await show(panel)
    await panel.names("B", "a")
    assert await panel.page.evaluate("() => document.querySelectorAll('.size')[1].textContent") == "1.5 kB"
    await panel.click("Open B")
    await panel.click("Open C")
    await panel.page.wait_for("() => document.querySelector('#entries').innerText.includes('Nothing is here.')")
    assert await panel.page.evaluate("() => document.getElementById('crumbs').innerText.replace(/\\s/g, '')") == "filesBC"
    await panel.page.evaluate("() => document.querySelector('#crumbs button').click()")
    await panel.names("B", "a")


@pytest.mark.parametrize("way", ["upload", "download"])
async def test_cancel(panel, folder, tmp_path, way):
    """Of a file of 10 GB, which is a hole, after a part of it. The terminal beside it goes on all the while."""
    with open(tmp_path / "large" if way == "upload" else folder / "large", "wb") as file:
        file.truncate(10_000_000_000)
    await panel.page.evaluate(PICKER)
    await show(panel)
    if way == "upload":
        await panel.page.choose("#chosen", tmp_path / "large")
    else:
        await panel.click("Download large")
    await panel.page.wait_for("() => document.querySelector('progress')?.value > 0.0005")
    await panel.page.wait_for("() => /^[0-9.]+ ms$/.test(document.getElementById('milliseconds').value)")
    meter = "up" if way == "upload" else "down"
    await panel.page.wait_for("(meter) => / MB.s$/.test(document.getElementById(meter).value)", meter)
    await panel.page.wait_for("() => Array.from(document.getElementById('flow').getContext('2d')"
                              ".getImageData(0, 0, 2000, 200).data).some((part) => part > 0)")
    await panel.click("Cancel large")
    assert await panel.state("failed") == "Cancelled."
    await until(lambda: os.listdir(folder) == ([] if way == "upload" else ["large"]))
    make(tmp_path / "next", 100_000)
    await panel.page.choose("#chosen", tmp_path / "next")
    await panel.state("done")
    await panel.click("Forget next")
    await panel.click("Forget it")
    await panel.page.wait_for("() => document.querySelector('#transfers').children.length === 0")


async def test_the_server_goes(panel, tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(10_000_000_000)
    await show(panel)
    await panel.page.choose("#chosen", tmp_path / "large")
    await panel.page.wait_for("() => document.querySelector('progress')?.value > 0.0005")
    panel._process.terminate()
    assert await panel.state("failed") == "The connection was lost."


async def test_what_cannot_be_read(panel, folder):
    (folder / "gone").write_text("x")
    await panel.page.evaluate(PICKER)
    await show(panel)
    await panel.names("gone")
    (folder / "gone").unlink()
    await panel.click("Download gone")
    assert await panel.state("failed") == "No such file or directory"


# --- what a page may not do; here the page is a peer of Python ---


@pytest_asyncio.fixture(loop_scope="session")
async def page(tmp_path, folder):
    (tmp_path / "secret").write_text("secret")
    async with aiohttp.ClientSession() as client:
        async with serve(tmp_path, "--files", str(folder)) as (process, address), dial(client, address) as connection:
            yield connection


class Asked:
    """A channel for files, with what came over it."""

    def __init__(self, connection, *messages):
        self.channel = connection.createDataChannel("file")
        self.events = asyncio.Queue()
        self.channel.on("message", self.events.put_nowait)
        self.channel.on("close", lambda: self.events.put_nowait("close"))
        self.channel.on("open", lambda: [self.send(message) for message in messages])

    def send(self, message):
        self.channel.send(message if isinstance(message, (bytes, str)) else json.dumps(message))

    async def event(self):
        async with asyncio.timeout(PATIENCE):
            event = await self.events.get()
        return json.loads(event) if event[:1] == "{" else event


def outside(path):
    return [{"type": "list", "path": path}, {"type": "download", "path": f"{path}/secret"},
            {"type": "upload", "path": path, "name": "x"}]


@pytest.mark.parametrize("kind", [0, 1, 2], ids=["list", "download", "upload"])
@pytest.mark.parametrize("path", ["..", "../", "sub/../..", "../files/..", "/", "/etc", "link", "sub/../link", "loop"])
async def test_traversal_is_refused(page, folder, tmp_path, path, kind):
    (folder / "sub").mkdir()
    (folder / "link").symlink_to(tmp_path)
    (folder / "loop").symlink_to("loop")
    asked = Asked(page, outside(path)[kind])
    answer = await asked.event()
    assert answer["type"] == "error" and ("outside" in answer["reason"] or path == "loop"), answer
    assert await asked.event() == "close"
    assert sorted(os.listdir(folder)) == ["link", "loop", "sub"] and not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", ["../x", "sub/x", "..", ".", "", "/x", "x\0y", 5, None], ids=repr)
async def test_names_are_refused(page, folder, tmp_path, name):
    asked = Asked(page, {"type": "upload", "path": "", "name": name})
    assert "is no name for a file" in (await asked.event())["reason"]
    assert await asked.event() == "close"
    assert os.listdir(folder) == [] and not (tmp_path / "x").exists()


async def test_what_is_no_file_is_refused(page, folder):
    os.mkfifo(folder / "pipe")
    (folder / "sub").mkdir()
    for path, reason in (("pipe", "this is not a file"), ("sub", "this is not a file"), ("", "this is not a file"),
                         ("none", "No such file or directory"), ("x" * 300, "File name too long"),
                         ("a\0b", "this is no path")):
        assert (await Asked(page, {"type": "download", "path": path}).event())["reason"] == reason
    assert (await Asked(page, {"type": "list", "path": "pipe"}).event())["reason"] == "Not a directory"


@pytest.mark.parametrize("messages", [
    ["{"], ["[]"], ["5"], [b"x"], [{}], [{"type": "other"}], [{"type": "list"}], [{"type": []}], ["[" * 100_000],
    [{"type": "upload", "path": "", "name": "x"}, {"type": "other"}],
    [{"type": "upload", "path": "", "name": "x"}, {"type": "end"}],
    [{"type": "upload", "path": "", "name": "x"}, b""],
    [{"type": "ack", "bytes": 1}], [{"type": "download", "path": "."}, {"type": "ack", "bytes": -1}],
    [{"type": "list", "path": ""}] * 3000,
], ids=lambda messages: f"{messages[0]!r:.40} {len(messages)}")
async def test_bad_messages_close_the_channel(page, folder, messages):
    asked = Asked(page, *messages)
    while await asked.event() != "close":
        pass
    await until(lambda: os.listdir(folder) == [])


class Channel:
    """As much of a channel as a server needs that is not fast enough: what comes is not dealt with."""

    closed = False

    def on(self, event, listener):
        if event == "message":
            self.receive = listener

    def close(self):
        self.closed = True


async def test_more_than_the_window_closes_the_channel():
    channel = Channel()
    link = files._Link(channel)
    for _ in range(WINDOW // 65536):
        channel.receive(bytes(65536))
    assert not channel.closed
    link.acknowledge(65536)
    channel.receive(bytes(65536))
    assert not channel.closed
    channel.receive(b"x")
    assert channel.closed


async def test_a_wrong_hash_is_refused(page, folder):
    asked = Asked(page, {"type": "upload", "path": "", "name": "x"}, b"abc", {"type": "end", "sha256": "0" * 64})
    assert "hashes differ" in (await asked.event())["reason"]
    assert os.listdir(folder) == []


async def test_the_window_holds(page, folder):
    """Who acknowledges nothing gets the window and no more; then it goes on."""
    make(folder / "large", 3 * WINDOW)
    asked = Asked(page, {"type": "download", "path": "large"})
    assert await asked.event() == {"type": "file", "size": 3 * WINDOW}
    received = 0
    while received < WINDOW:
        received += len(await asked.event())
    other = Asked(page, {"type": "list", "path": ""})
    assert (await other.event())["type"] == "entries"
    assert received == WINDOW and asked.events.empty()
    asked.send({"type": "ack", "bytes": WINDOW})
    while isinstance(message := await asked.event(), bytes):
        asked.send({"type": "ack", "bytes": len(message)})
    assert message == {"type": "end", "size": 3 * WINDOW, "sha256": hash_of(folder / "large")}


async def test_a_page_that_leaves_leaves_nothing(page, folder):
    asked = Asked(page, {"type": "upload", "path": "", "name": "x"}, bytes(200_000))
    await until(lambda: len(os.listdir(folder)) == 1)
    asked.channel.close()
    await until(lambda: os.listdir(folder) == [])


async def test_too_many_at_a_time(page):
    waiting = [Asked(page) for _ in range(16)]
    for asked in waiting:
        while asked.channel.readyState != "open":
            await asyncio.sleep(0)
    seventeenth = Asked(page, {"type": "list", "path": ""})
    assert await seventeenth.event() == "close"
    waiting[0].channel.close()
    assert await waiting[0].event() == "close"
    assert (await Asked(page, {"type": "list", "path": ""}).event())["type"] == "end"


async def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(AssertionError, match="/none is not a folder: --files wants one"):
        async with serve(tmp_path, "--files", "/none"):
            pass
