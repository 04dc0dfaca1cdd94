"""Health, the OpenAPI document and its page: what is answered without a key."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from understudy.api.openapi import encode_document
from understudy.api.openapi_page import HEADERS, render_page
from understudy.api.parts import parts_of
from understudy.api.requests import json_response


async def live(_: Request) -> Response:
    return json_response(b'{"status":"ok"}')


async def ready(request: Request) -> Response:
    """Raises StoreError where the database does not answer."""
    await parts_of(request).store.database.ready()
    return json_response(b'{"status":"ok"}')


async def document(_: Request) -> Response:
    return json_response(encode_document())


async def docs(_: Request) -> Response:
    return HTMLResponse(render_page(), headers=HEADERS)
