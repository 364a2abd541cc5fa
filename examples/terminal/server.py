#!/usr/bin/env python3
# A terminal on this machine in a browser, over WebRTC data channels. README.md describes the protocols.
#
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import asyncio
import ipaddress
import json
import os
import pwd
import re
import secrets
import signal
import socket
import sys
from pathlib import Path

from aiohttp import WSCloseCode, web
from polyrtc import RTCConfiguration, RTCPeerConnection

import signalling
from files import Files
from shell import Shell

HERE = Path(__file__).resolve().parent
MODULES = {  # the terminal emulator and SHA-256, as npm installed them
    "xterm.mjs": HERE / "node_modules/@xterm/xterm/lib/xterm.mjs",
    "xterm.css": HERE / "node_modules/@xterm/xterm/css/xterm.css",
    "addon-fit.mjs": HERE / "node_modules/@xterm/addon-fit/lib/addon-fit.mjs",
    **{name: HERE / "node_modules/@noble/hashes" / name for name in ("sha2.js", "_md.js", "_u64.js", "utils.js")},
}
STATIC = {path.name: path for path in (HERE / "static").iterdir()}
HOST = re.compile(r"(?P<name>[\w.-]+|\[(?P<address>[0-9a-f:.]+)\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)  # RFC 9110 section 7.2
HEADERS = {
    # 'unsafe-inline' for styles alone: xterm.js writes its colours into <style> elements
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
                               "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
                               "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    # these two isolate the page, for which browsers give it a clock fine enough to measure a round trip on loopback
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Referrer-Policy": "no-referrer",  # the token is in the address
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
MAX_PAGES = 16  # connections at a time
MAX_TERMINALS = 32  # of a page
MAX_FILES = 16  # that a page lists, sends or takes at a time
WINDOW = 256 * 1024  # bytes that may be on their way in each direction, not yet acknowledged
ACKNOWLEDGE = WINDOW // 4  # bytes after which the receiver says so
BUFFERED_HIGH = WINDOW // 2  # bytes that may wait in the channel


class Terminal:
    """One data channel and its shell, for as long as both live."""

    def __init__(self, channel, command):
        self._channel = channel
        self._command = command
        self._shell = None  # while it runs
        self._size = asyncio.get_running_loop().create_future()  # the first resize starts the shell
        self._typed = asyncio.Queue()
        self._typed_bytes = 0  # received, not yet acknowledged
        self._shown_bytes = 0  # sent, not yet acknowledged
        self._may_show = asyncio.Event()
        channel.bufferedAmountLowThreshold = BUFFERED_HIGH // 2
        channel.on("bufferedamountlow", self._check_window)
        channel.on("message", self._receive)

    async def run(self):
        try:
            async with Shell(self._command, *await self._size) as shell:
                self._shell = shell
                typing = asyncio.create_task(self._type(shell))
                try:
                    await self._show(shell)
                    status = await shell.wait()
                finally:
                    self._shell = None
                    typing.cancel()
                    await asyncio.gather(typing, return_exceptions=True)
            self._send(json.dumps({"type": "exit", "status": status}))
        finally:
            self._channel.close()  # what was sent before still arrives

    async def _show(self, shell):
        while data := await shell.read():
            self._send(data)
            self._shown_bytes += len(data)
            self._check_window()
            await self._may_show.wait()

    async def _type(self, shell):
        done = 0
        while True:
            data = await self._typed.get()
            await shell.write(data)
            done += len(data)
            if done >= ACKNOWLEDGE:
                self._send(json.dumps({"type": "ack", "bytes": done}))
                self._typed_bytes -= done
                done = 0

    def _check_window(self):
        # The acknowledgements say what the page has drawn, so that Ctrl-C does not wait behind megabytes that it has not.
        # The channel's own count holds our memory also when a page acknowledges what it never got.
        if self._shown_bytes < WINDOW and self._channel.bufferedAmount < BUFFERED_HIGH:
            self._may_show.set()
        else:
            self._may_show.clear()

    def _receive(self, message):
        try:
            if isinstance(message, bytes):
                self._typed_bytes += len(message)
                if self._typed_bytes > WINDOW:
                    raise ValueError("more bytes than the window allows")
                self._typed.put_nowait(message)
            else:
                self._obey(json.loads(message))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            print(f"Closing a terminal: its page sent a bad message ({error!r}).", file=sys.stderr)
            self._channel.close()

    def _obey(self, control):
        if control["type"] == "ack":
            self._shown_bytes = max(0, self._shown_bytes - _integer(control["bytes"]))
            self._check_window()
        elif control["type"] == "resize":
            size = [min(max(_integer(control[name]), 1), 4096) for name in ("columns", "rows")]
            if self._shell:
                self._shell.resize(*size)
            elif not self._size.done():
                self._size.set_result(size)
        else:
            raise ValueError("unknown type")

    def _send(self, message):
        if self._channel.readyState == "open":
            self._channel.send(message)


def _integer(value):
    if type(value) is not int:
        raise TypeError(f"{value!r} is not an integer")
    return value


class Server:
    def __init__(self, host, command, names, files, media_port):
        self._token = secrets.token_urlsafe(32)
        self._command = command
        self._media_port = media_port
        self._files = Files(files)
        self._names = {name.lower() for name in (host, "localhost", *names)}
        self._any_address = not _is_loopback(host)
        self._pages = set()  # their WebSockets
        self.app = web.Application(middlewares=[self._guard])
        self.app.on_response_prepare.append(self._add_headers)
        self.app.on_shutdown.append(self._close)
        self.app.router.add_get("/", self._page)
        self.app.router.add_get("/signalling", self._signalling)
        self.app.router.add_get("/modules/{name}", lambda request: _file(MODULES, request))
        self.app.router.add_get("/static/{name}", lambda request: _file(STATIC, request))

    def address(self, host, port):
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{port}/?token={self._token}"

    # --- who may come in ---

    @web.middleware
    async def _guard(self, request, handler):
        """Host: a foreign name that was made to resolve to us (DNS rebinding) must not get in. Origin: nor another site."""
        if not self._is_our_name(request.host):
            raise web.HTTPForbidden(text="This server does not answer to that name (see --name).\n")
        origin = request.headers.get("Origin")
        if origin is not None and origin not in (f"http://{request.host}", f"https://{request.host}"):
            raise web.HTTPForbidden(text="Another site may not use this server.\n")
        return await handler(request)

    def _is_our_name(self, host):
        match = HOST.fullmatch(host)
        if match is None:
            return False
        if match["name"].lower() in self._names or match["address"] in self._names:
            return True
        try:
            address = ipaddress.ip_address(match["address"] or match["name"])
        except ValueError:
            return False
        return address.is_loopback or self._any_address  # an address, unlike a name, cannot be made to point elsewhere

    def _check_token(self, request):
        if not secrets.compare_digest(request.query.get("token", "").encode(), self._token.encode()):
            raise web.HTTPForbidden(text="The token is missing or wrong: open the address that the server printed.\n")

    async def _add_headers(self, _request, response):
        response.headers.update(HEADERS)

    # --- pages ---

    async def _page(self, request):
        self._check_token(request)
        return web.FileResponse(HERE / "static/index.html")

    async def _signalling(self, request):
        """A page is here as long as its WebSocket and its connection are: the first that ends takes the rest with it."""
        self._check_token(request)
        if "Origin" not in request.headers:  # every browser sends it with a WebSocket
            raise web.HTTPForbidden(text="Origin is missing.\n")
        if len(self._pages) >= MAX_PAGES:
            raise web.HTTPServiceUnavailable(text="Too many pages are open.\n")
        websocket = web.WebSocketResponse(heartbeat=20, timeout=2, max_msg_size=64 * 1024)
        self._pages.add(websocket)
        try:
            await websocket.prepare(request)
            await self._serve_page(websocket)
        finally:
            self._pages.discard(websocket)
        return websocket

    async def _serve_page(self, websocket):
        connection = RTCPeerConnection(RTCConfiguration(udpPort=self._media_port))
        terminals, files = set(), set()

        def serve(channel, tasks, work):
            task = asyncio.create_task(work)
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            channel.on("close", task.cancel)

        @connection.on("datachannel")
        def datachannel(channel):
            if channel.label == "ping":
                channel.on("message", channel.send)
            elif channel.label == "terminal" and len(terminals) < MAX_TERMINALS:
                serve(channel, terminals, Terminal(channel, self._command).run())
            elif channel.label == "file" and len(files) < MAX_FILES:
                serve(channel, files, self._files.serve(channel))
            else:
                channel.close()

        @connection.on("connectionstatechange")
        async def connectionstatechange():
            if connection.connectionState in ("failed", "closed"):
                await websocket.close()

        try:
            await signalling.answer(websocket, connection)
        except ValueError as error:
            print(f"Closing a page: {error}", file=sys.stderr)
            await websocket.close(code=WSCloseCode.PROTOCOL_ERROR, message=b"bad signalling")
        finally:
            for task in terminals | files:
                task.cancel()
            await asyncio.gather(*terminals, *files, return_exceptions=True)
            await connection.close()

    async def _close(self, _app):
        closing = (websocket.close(code=WSCloseCode.GOING_AWAY) for websocket in self._pages if websocket.prepared)
        await asyncio.gather(*closing)


async def _file(files, request):
    path = files.get(request.match_info["name"])
    if path is None:
        raise web.HTTPNotFound()
    return web.FileResponse(path)


def _is_loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _port(text):
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to 65535")
    return int(text)


def _arguments():
    parser = argparse.ArgumentParser(description="Serves a page that is a terminal on this machine, over WebRTC.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", default=8080, type=_port, help="port to listen on, 0 for a free one (default: %(default)s)")
    parser.add_argument("--media-port", default=0, type=_port, metavar="PORT",
                        help="the one UDP port of all connections, to be opened in a firewall (default: each has its own)")
    parser.add_argument("--name", action="append", default=[], metavar="NAME",
                        help="another host name under which pages may ask for this server; can be repeated")
    parser.add_argument("--shell", default=os.environ.get("SHELL") or pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh",
                        help="program to run in each terminal (default: yours, %(default)s)")
    parser.add_argument("--files", default=os.path.expanduser("~"), metavar="FOLDER",
                        help="folder whose files the page may use (default: where the shells start, %(default)s)")
    return parser.parse_args()


def _is_free(media_port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", media_port))
        except OSError:
            return False
    return True


async def _serve(arguments):
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    server = Server(arguments.host, [arguments.shell], arguments.name, arguments.files, arguments.media_port)
    runner = web.AppRunner(server.app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, arguments.host, arguments.port).start()
        if not _is_loopback(arguments.host):
            print(f"WARNING: other machines can reach {arguments.host}. Whoever sees the address below has a shell here,\n"
                  "and it travels unencrypted: use this only in a network that you trust.", file=sys.stderr)
        print(f"Terminal: {server.address(*runner.addresses[0][:2])}\nCtrl-C ends it.", flush=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main():
    arguments = _arguments()
    missing = [str(path) for path in MODULES.values() if not path.exists()]
    if missing:
        sys.exit(f"{missing[0]} is missing: run `npm ci` in {HERE}, or start with examples/run terminal.")
    if not os.path.isdir(arguments.files):
        sys.exit(f"{arguments.files} is not a folder: --files wants one.")
    if not _is_free(arguments.media_port):
        sys.exit(f"UDP port {arguments.media_port} is in use. Another one: --media-port {arguments.media_port + 1}")
    try:
        asyncio.run(_serve(arguments))
    except OSError as error:
        sys.exit(f"Cannot listen on {arguments.host} port {arguments.port}: {error.strerror}. Another port: --port 8081")
    except (KeyboardInterrupt, asyncio.CancelledError):  # Ctrl-C, SIGTERM
        pass


if __name__ == "__main__":
    main()
