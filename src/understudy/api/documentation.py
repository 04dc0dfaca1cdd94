"""`/openapi.json`, and its page `/docs/reference/api` where no site is built: each rendered at its first request."""

from collections.abc import Sequence
from functools import cached_property

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from understudy import __version__
from understudy.api.openapi import build_document, encode_document
from understudy.api.openapi_page import HEADERS, render_page
from understudy.api.operations import Operation
from understudy.api.requests import json_response


class Documentation:
    def __init__(self, operations: Sequence[Operation]) -> None:
        self._operations = operations

    async def serve_document(self, _: Request) -> Response:
        return json_response(self._document)

    async def serve_page(self, _: Request) -> Response:
        return HTMLResponse(self._page, headers=HEADERS)

    @cached_property
    def _document(self) -> bytes:
        return encode_document(self._operations)

    @cached_property
    def _page(self) -> str:
        return render_page(build_document(self._operations, __version__))
