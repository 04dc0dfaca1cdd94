"""The baseline over HTTP: a bare FastAPI application that hands a chat call on to the upstream, and constants.

`python -m benchmarks.passthrough --port N --upstream URL [--files N]`. Keeps nothing, checks nothing, decodes no chunk.
"""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from benchmarks import files

_OBJECT = b'{"id":"asst_0123456789abcdefghijklmn","object":"assistant","created_at":1750000000,"name":"Constant"}'


def create_app(upstream: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            app.state.session = session
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        body = await request.json()
        response = await app.state.session.post(f"{upstream}/v1/chat/completions", json=body)
        if body.get("stream"):
            return StreamingResponse(_relay(response), media_type="text/event-stream")
        return Response(await response.read(), media_type="application/json")

    @app.post("/constant")
    async def create(request: Request) -> Response:
        await request.json()
        return Response(_OBJECT, media_type="application/json")

    @app.get("/constant/{name}")
    async def read(name: str) -> Response:  # noqa: ARG001 - a path with a parameter, as the real one has
        return Response(_OBJECT, media_type="application/json")

    return app


async def _relay(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async with response:
        async for data in response.content.iter_any():
            yield data


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--files", type=int, default=256, help="sockets that must be possible at once")
    options = parser.parse_args()
    files.allow(options.files)
    uvicorn.run(
        create_app(options.upstream),
        host="127.0.0.1",
        port=options.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        backlog=2048,
    )


if __name__ == "__main__":
    main()
