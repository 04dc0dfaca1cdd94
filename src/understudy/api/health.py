"""Health, the OpenAPI document and its page: what is answered without a key."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from understudy.api.docs import HEADERS, page
from understudy.api.document import encoded_document
from understudy.api.exchange import encoded
from understudy.api.parts import parts_of


async def live(_: Request) -> Response:
    return encoded(b'{"status":"ok"}')


async def ready(request: Request) -> Response:
    """Raises StoreError where the database does not answer."""
    await parts_of(request).store.database.ready()
    return encoded(b'{"status":"ok"}')


async def document(_: Request) -> Response:
    return encoded(encoded_document())


async def docs(_: Request) -> Response:
    return HTMLResponse(page(), headers=HEADERS)
