"""Serves the console: one page for all its paths, and the files that the page loads. Knows nothing of the API.

The page is a client of the public API, so nothing here needs a key.
"""

from collections.abc import Awaitable
from typing import Final

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.console.assets import AssetTable, read_assets
from understudy.console.page import render_page

_MOUNT: Final = "/console"
_ASSETS: Final = f"{_MOUNT}/assets/"
_DIRECTIVES: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "font-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "require-trusted-types-for 'script'",
    "trusted-types dompurify",
)
SECURITY_HEADERS: Final = {
    "content-security-policy": "; ".join(_DIRECTIVES),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), clipboard-write=(self)",
}
# The policy of the page covers what it loads; short headers, since a first load has dozens of files.
_UNCHANGING: Final = {
    "cache-control": "public, max-age=31536000, immutable",
    "vary": "accept-encoding",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
_NO_CACHE: Final = {"cache-control": "no-cache"}


class Console:
    """ASGI middleware in front of the API: serves `/console/*`, and sends a browser from `/` there."""

    def __init__(self, api: ASGIApp, *, reloads: bool = False) -> None:
        """With `reloads`, each load of the page reads files again that have changed since."""
        self._api = api
        self._reloads = reloads
        self._table: AssetTable | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Returns the API's own coroutine: another one around it would be resumed for every part of a stream."""
        if scope["type"] == "http" and (scope["path"] == "/" or scope["path"].startswith(_MOUNT)):
            return self._serve_asset(scope, receive, send)
        return self._api(scope, receive, send)

    async def _serve_asset(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond(scope)
        await (response or self._api)(scope, receive, send)

    async def _respond(self, scope: Scope) -> Response | None:
        """None for a request that belongs to the API."""
        path: str = scope["path"]
        is_read = scope["method"] in {"GET", "HEAD"}
        if path == "/":
            return _redirect("console/") if is_read and _wants_html(scope) else None
        if path == _MOUNT:
            return _redirect("console/")
        if not path.startswith(f"{_MOUNT}/"):
            return None
        if not is_read:
            return _text("The console only serves GET requests.", 405, {"allow": "GET, HEAD"})
        if path.startswith(_ASSETS):
            return await self._asset(path.removeprefix(_ASSETS), Headers(scope=scope))
        table = await self._open_assets(is_page=True)
        # As the browser has it: a slash within an id is `%2F` there, and no segment of the path.
        sent = (scope.get("raw_path") or path.encode()).decode("ascii", "replace")
        page = render_page(table, sent.removeprefix(f"{_MOUNT}/"), joined=not self._reloads)
        return Response(page, headers=SECURITY_HEADERS | _NO_CACHE, media_type="text/html")

    async def _open_assets(self, *, is_page: bool = False) -> AssetTable:
        """The files, read by the first request: most servers are never asked for them."""
        if self._table is None or (is_page and self._reloads):
            self._table = await to_thread.run_sync(read_assets)
        return self._table

    async def _asset(self, name: str, fields: Headers) -> Response:
        """`name` begins with the hash of all files, so that a page never mixes files of two versions."""
        table = await self._open_assets()
        tree_hash, _, path = name.partition("/")
        accepts_gzip = "gzip" in fields.get("accept-encoding", "")
        response = None
        if tree_hash == table.hash:
            # The first request of a file joins and compresses it.
            response = await to_thread.run_sync(_asset_response, table, path, accepts_gzip)
        if response is None:
            return _text(f"The console has no file {name!r}. Reload the page: the server may be a newer version.", 404)
        return response


def _asset_response(table: AssetTable, path: str, accepts_gzip: bool) -> Response | None:
    asset = table.find(path)
    if asset is None:
        return None
    headers = _UNCHANGING | {"content-type": asset.media_type}
    if accepts_gzip and len(asset.compressed) < len(asset.content):
        return Response(asset.compressed, headers=headers | {"content-encoding": "gzip"})
    return Response(asset.content, headers=headers)


def _wants_html(scope: Scope) -> bool:
    """Browsers name the type; clients of the API send `*/*` or JSON."""
    return "text/html" in Headers(scope=scope).get("accept", "")


def _redirect(target: str) -> Response:
    """Relative, so that it also works behind a proxy that serves this server below a path."""
    return RedirectResponse(target, 302, headers=_NO_CACHE | {"vary": "accept"})


def _text(text: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(
        text,
        status,
        headers=SECURITY_HEADERS | {"cache-control": "no-store"} | (headers or {}),
        media_type="text/plain",
    )
