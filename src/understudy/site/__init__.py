"""Serves the documentation at `/docs/`: the site that scripts/docs builds, part of the wheel. Needs no key.

Where the site is not built, in a checkout, a page says how, and the API's own page stands in for its reference.
"""

from collections.abc import Awaitable
from pathlib import Path
from typing import Final

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.site.files import FOLDER, SiteFile, read_file
from understudy.site.notices import NOT_BUILT, NOT_FOUND, NOTICE_HEADERS, render_notice

_MOUNT: Final = "/docs"
_API_PAGE: Final = f"{_MOUNT}/reference/api"
_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Site:
    """ASGI middleware in front of the API: serves `/docs/*`."""

    def __init__(self, api: ASGIApp, folder: Path = FOLDER) -> None:
        self._api = api
        self._folder = folder

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Returns the API's own coroutine: another one around it would be resumed for every part of a stream."""
        if scope["type"] == "http" and _is_below(scope["path"], _MOUNT):
            return self._serve_page(scope, receive, send)
        return self._api(scope, receive, send)

    async def _serve_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await _respond(scope, self._folder)
        await (response or self._api)(scope, receive, send)


def _is_below(path: str, mount: str) -> bool:
    return path.startswith(mount) and (len(path) == len(mount) or path[len(mount)] == "/")


async def _respond(scope: Scope, folder: Path) -> Response | None:
    """None for the API's own page, which is served where no site is built."""
    path: str = scope["path"]
    if scope["method"] not in {"GET", "HEAD"}:
        return Response("The documentation only serves GET requests.", 405, headers=_HEADERS | {"allow": "GET, HEAD"})
    if path == _MOUNT:
        return _redirect("docs/")
    name = path.removeprefix(f"{_MOUNT}/")
    file = await to_thread.run_sync(read_file, folder, name)
    if isinstance(file, SiteFile):
        return _render_file(file, Headers(scope=scope))
    if file == "folder":
        return _redirect(f"{name.rpartition('/')[2]}/")
    if file == "not built":
        return None if path.rstrip("/") == _API_PAGE else _render_notice(path, NOT_BUILT, 404 if name else 200)
    return _render_notice(path, NOT_FOUND, 404)


def _render_file(file: SiteFile, fields: Headers) -> Response:
    headers = _HEADERS | {
        "content-type": file.media_type,
        "etag": file.etag,
        "vary": "accept-encoding",
        "cache-control": "public, max-age=31536000, immutable" if file.is_unchanging else "no-cache",
    }
    if file.policy:
        headers["content-security-policy"] = file.policy
    if fields.get("if-none-match") == file.etag:
        return Response(None, 304, headers=headers)
    if file.compressed is not None and "gzip" in fields.get("accept-encoding", ""):
        return Response(file.compressed, headers=headers | {"content-encoding": "gzip"})
    return Response(file.content, headers=headers)


def _render_notice(path: str, notice: str, status: int) -> Response:
    page = render_notice(notice, home="../" * (path.count("/") - 2) or "./")
    return Response(page, status, headers=_HEADERS | NOTICE_HEADERS, media_type="text/html")


def _redirect(target: str) -> Response:
    """Relative, so that it also works behind a proxy that serves this server below a path."""
    return RedirectResponse(target, 302, headers={"cache-control": "no-cache"})
