"""A web server with aiohttp whose page opens a data channel to it; what the page sends comes back. http://127.0.0.1:8080

SPDX-License-Identifier: BSD-3-Clause
"""

import argparse
from pathlib import Path

from aiohttp import web
from polyrtc import RTCPeerConnection, RTCSessionDescription

connections: set[RTCPeerConnection] = set()


async def page(request: web.Request) -> web.FileResponse:
    return web.FileResponse(Path(__file__).with_name("echo.html"))


async def offer(request: web.Request) -> web.Response:
    connection = RTCPeerConnection()
    try:
        body = await request.json()
        await connection.setRemoteDescription(RTCSessionDescription(sdp=body["sdp"], type="offer"))
        await connection.setLocalDescription(await connection.createAnswer())  # with its candidates: this waits for them
    except (ValueError, KeyError, TypeError) as error:
        await connection.close()
        raise web.HTTPBadRequest(text=f"not an offer: {error}") from error
    connections.add(connection)
    connection.on("datachannel", lambda channel: channel.on("message", channel.send))

    @connection.on("connectionstatechange")
    async def changed() -> None:
        if connection.connectionState in ("failed", "closed"):
            connections.discard(connection)
            await connection.close()

    answer = connection.localDescription
    assert answer is not None
    return web.json_response({"type": answer.type, "sdp": answer.sdp})


async def close(app: web.Application) -> None:
    for connection in list(connections):
        await connection.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="on 127.0.0.1 (default: %(default)s)")
    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_post("/offer", offer)
    app.on_shutdown.append(close)
    web.run_app(app, host="127.0.0.1", port=parser.parse_args().port)
