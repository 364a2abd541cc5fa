"""A web server with FastAPI whose page opens a data channel to it; what the page sends comes back. http://127.0.0.1:8080

SPDX-License-Identifier: BSD-3-Clause
"""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

import uvicorn
from fastapi import Body, FastAPI, HTTPException
from fastapi.responses import FileResponse
from polyrtc import RTCPeerConnection, RTCSessionDescription

connections: set[RTCPeerConnection] = set()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    for connection in list(connections):
        await connection.close()


app = FastAPI(lifespan=lifespan)
app.get("/")(lambda: FileResponse(Path(__file__).with_name("echo.html")))


@app.post("/offer")
async def offer(type: Annotated[Literal["offer"], Body()], sdp: Annotated[str, Body()]) -> dict[str, str]:
    connection = RTCPeerConnection()
    try:
        await connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type=type))
        await connection.setLocalDescription(await connection.createAnswer())  # with its candidates: this waits for them
    except ValueError as error:
        await connection.close()
        raise HTTPException(400, f"not an offer: {error}") from error
    connections.add(connection)
    connection.on("datachannel", lambda channel: channel.on("message", channel.send))

    @connection.on("connectionstatechange")
    async def changed() -> None:
        if connection.connectionState in ("failed", "closed"):
            connections.discard(connection)
            await connection.close()

    answer = connection.localDescription
    assert answer is not None
    return {"type": answer.type, "sdp": answer.sdp}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="on 127.0.0.1 (default: %(default)s)")
    uvicorn.run(app, host="127.0.0.1", port=parser.parse_args().port)
