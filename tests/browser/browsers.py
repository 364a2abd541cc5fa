# Drives Chromium over its DevTools protocol and Firefox over WebDriver BiDi, which both are built in: no driver program is
# needed. Every wait is bounded.
#
# SPDX-License-Identifier: BSD-3-Clause

import asyncio
import base64
import json
import os
import re
import shutil
import signal
import tempfile

import aiohttp

PATIENCE = 30  # seconds for any one answer


class BrowserError(Exception):
    """The browser refused a command, or a script threw; the message says why."""


class Browser:
    """`async with Chromium() as browser: page = await browser.open(url)`"""

    _process = None
    profile = ""

    async def __aenter__(self):
        self.profile = tempfile.mkdtemp(prefix=f"polyrtc-{type(self).__name__.lower()}-")
        self.downloads = os.path.join(self.profile, "downloads")  # where it saves without asking
        os.mkdir(self.downloads)
        self._prepare()
        self._process = await asyncio.create_subprocess_exec(
            *self._command(), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, start_new_session=True)
        async with asyncio.timeout(PATIENCE):
            address = await self._find_address()
        self._log = asyncio.create_task(self._drop_log())
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(address, max_msg_size=0)
        self._number = 0
        self._answers = {}  # futures, by the number of the question
        self._reader = asyncio.create_task(self._read())
        await self._greet()
        return self

    def kill(self):
        """For when there is no loop any more."""
        if self._process is not None and self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        shutil.rmtree(self.profile, ignore_errors=True)

    async def __aexit__(self, *_):
        os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        for task in (self._reader, self._log):
            task.cancel()
        await self._session.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    async def call(self, method, *, session=None, **params):
        self._number += 1
        number = self._number
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        await self._socket.send_json(message)
        async with asyncio.timeout(PATIENCE):
            message = await answer
        if "error" in message:
            raise BrowserError(f"{method}: {message['error']} {message.get('message', '')}")
        return message["result"]

    async def _read(self):
        async for frame in self._socket:
            message = frame.json()
            answer = self._answers.pop(message.get("id"), None)
            if answer and not answer.done():  # whoever asked may have been cancelled
                answer.set_result(message)

    async def _find_address(self):
        seen = b""
        while line := await self._process.stderr.readline():
            seen += line
            if match := re.search(rb"(?:DevTools|WebDriver BiDi) listening on (ws://\S+)", line):
                return match[1].decode() + self._path
        raise BrowserError(f"{self._command()[0]} did not start: {seen.decode(errors='replace')}")

    async def _drop_log(self):
        while await self._process.stderr.read(65536):
            pass

    async def _greet(self):
        pass

    def _prepare(self):
        pass


class Page:
    async def evaluate(self, function, *arguments):
        """Calls a JavaScript function in the page, with JSON arguments; returns the JSON that it returns or resolves to."""
        call = f"({function})({', '.join(map(json.dumps, arguments))})"
        result = await self._evaluate(f"(async () => JSON.stringify(await {call}))()")
        return None if result is None else json.loads(result)

    async def wait_for(self, function, *arguments):
        """Waits until the function returns something true, which it returns; looks at every frame that the page draws."""
        call = f"({function})({', '.join(map(json.dumps, arguments))})"
        return await self.evaluate(f"""async () => {{
            const end = performance.now() + {PATIENCE * 900};
            for (;;) {{
                const result = {call};
                if (result) return result;
                if (performance.now() > end) throw new Error('never true: ' + {json.dumps(call)});
                await new Promise((done) => setTimeout(done, 20));
            }}
        }}""")


# --- Chromium ---


class Chromium(Browser):
    _path = ""

    def __init__(self, *, host_addresses=False):
        self._host_addresses = host_addresses

    def _command(self):
        hidden = ["--disable-features=WebRtcHideLocalIpsWithMdns"] if self._host_addresses else []
        sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
        return ["chromium", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
                "--disable-background-networking", "--disable-sync", "--disable-dev-shm-usage", *sandbox, *hidden,
                "--remote-debugging-port=0", f"--user-data-dir={self.profile}", "about:blank"]

    async def _greet(self):
        await self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=self.downloads)

    async def open(self, url):
        target = (await self.call("Target.createTarget", url="about:blank"))["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = ChromiumPage(self, target, session)
        await self.call("Page.navigate", session=session, url=url)
        await page.wait_for("(url) => document.readyState === 'complete' && location.href !== 'about:blank'", url)
        return page


class ChromiumPage(Page):
    # what the protocol wants to know of a key: its code, the number that Windows gives it, and the text it makes
    _KEYS = {"Enter": ("Enter", 13, "\r"), "ArrowLeft": ("ArrowLeft", 37, ""), "ArrowRight": ("ArrowRight", 39, "")}
    _MODIFIERS = {"Alt": 1, "Control": 2, "Shift": 8}

    def __init__(self, browser, target, session):
        self._browser, self._target, self._session = browser, target, session

    async def call(self, method, **params):
        return await self._browser.call(method, session=self._session, **params)

    async def _evaluate(self, expression):
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True,
                                 userGesture=True)
        if "exceptionDetails" in answer:
            raise BrowserError(answer["exceptionDetails"].get("exception", {}).get("description", str(answer)))
        return answer["result"].get("value")

    async def choose(self, selector, *paths):
        """Chooses files in an <input type="file">."""
        element = await self.call("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        await self.call("DOM.setFileInputFiles", files=[*map(str, paths)], objectId=element["result"]["objectId"])

    async def type(self, text):
        for letter in text:
            await self.press(letter)

    async def press(self, key, *modifiers):
        code, number, text = self._KEYS.get(key) or (
            (f"Key{key.upper()}", ord(key.upper()), key) if key.isascii() and key.isalpha() else ("", 0, key))
        if "Control" in modifiers or "Alt" in modifiers:
            text = ""
        event = {"key": key, "code": code, "windowsVirtualKeyCode": number, "text": text,
                 "modifiers": sum(self._MODIFIERS[name] for name in modifiers)}
        await self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **event)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    async def resize(self, width, height, scale=1):
        await self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale,
                        mobile=False)

    async def screenshot(self):
        return base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"])

    async def close(self):
        await self._browser.call("Target.closeTarget", targetId=self._target)


# --- Firefox ---


class Firefox(Browser):
    _path = "/session"

    def __init__(self, *, host_addresses=False):
        self._host_addresses = host_addresses

    def _prepare(self):
        preferences = {"media.peerconnection.ice.obfuscate_host_addresses": not self._host_addresses,
                       "browser.shell.checkDefaultBrowser": False, "datareporting.policy.dataSubmissionEnabled": False,
                       "app.update.enabled": False, "network.captive-portal-service.enabled": False,
                       "network.connectivity-service.enabled": False, "browser.download.folderList": 2,
                       "browser.download.dir": self.downloads, "browser.download.alwaysOpenPanel": False}
        with open(os.path.join(self.profile, "user.js"), "w") as file:
            file.writelines(f'user_pref("{name}", {json.dumps(value)});\n' for name, value in preferences.items())

    def _command(self):
        return ["firefox-esr", "--headless", "--no-remote", "--profile", self.profile, "--remote-debugging-port", "0",
                "about:blank"]

    async def _greet(self):
        await self.call("session.new", capabilities={})

    async def open(self, url):
        context = (await self.call("browsingContext.create", type="tab"))["context"]
        await self.call("browsingContext.navigate", context=context, url=url, wait="complete")
        return FirefoxPage(self, context)


class FirefoxPage(Page):
    _KEYS = {"Enter": "\ue007", "Shift": "\ue008", "Control": "\ue009", "Alt": "\ue00a", "ArrowLeft": "\ue012",
             "ArrowRight": "\ue014"}

    def __init__(self, browser, context):
        self._browser, self._context = browser, context

    async def call(self, method, **params):
        return await self._browser.call(method, context=self._context, **params)

    async def _evaluate(self, expression):
        answer = await self._browser.call("script.evaluate", expression=expression, awaitPromise=True,
                                          target={"context": self._context}, userActivation=True)
        if answer["type"] == "exception":
            raise BrowserError(answer["exceptionDetails"]["text"])
        return answer["result"].get("value")

    async def choose(self, selector, *paths):
        answer = await self._browser.call("script.evaluate", expression=f"document.querySelector({json.dumps(selector)})",
                                          awaitPromise=False, target={"context": self._context})
        await self.call("input.setFiles", element={"sharedId": answer["result"]["sharedId"]}, files=[*map(str, paths)])

    async def type(self, text):
        await self._keys([(kind, letter) for letter in text for kind in ("keyDown", "keyUp")])

    async def press(self, key, *modifiers):
        names = (*modifiers, key)
        await self._keys([("keyDown", name) for name in names] + [("keyUp", name) for name in reversed(names)])

    async def _keys(self, events):
        await self.call("input.performActions", actions=[{"type": "key", "id": "keyboard", "actions": [
            {"type": kind, "value": self._KEYS.get(key, key)} for kind, key in events]}])

    async def resize(self, width, height):
        await self.call("browsingContext.setViewport", viewport={"width": width, "height": height})

    async def screenshot(self):
        return base64.b64decode((await self.call("browsingContext.captureScreenshot"))["data"])

    async def close(self):
        await self.call("browsingContext.close")


BROWSERS = {"chromium": Chromium, "firefox": Firefox}
