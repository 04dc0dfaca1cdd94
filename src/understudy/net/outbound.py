"""The HTTP client for URLs that others choose: clients, files, models and remote services. Knows no dialect.

It uses no proxy and no cookie, follows a redirect only on request, and connects to public addresses alone. Each
address is checked as its socket opens: a name checked earlier could resolve to another address by then.
"""

import asyncio
import importlib
import ipaddress
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from urllib.parse import urljoin, urlsplit

from understudy.settings import is_public

if TYPE_CHECKING:
    import aiohttp

FailureKind = Literal[
    "invalid_url",
    "private_address",
    "timeout",
    "host_not_found",
    "tls",
    "connect",
    "disconnect",
    "too_large",
    "too_many_redirects",
    "redirect_refused",
]

_LOCAL_SUFFIXES: Final = (".localhost", ".local", ".internal")
_REDIRECT_STATUSES: Final = {301, 302, 303, 307, 308}
_CHUNK_BYTES: Final = 256 * 1024
# Imported at the first request, in a thread: aiohttp takes a tenth of a second and 9 MB.
_SESSIONS: Final = "understudy.net.outbound_sessions"
_REASONS: Final[dict[FailureKind, str]] = {
    "invalid_url": "its URL is not a valid http or https URL",
    "timeout": "the connection timed out",
    "host_not_found": "its host name was not found",
    "tls": "its TLS certificate or handshake was rejected",
    "connect": "the connection failed",
    "disconnect": "the connection was closed",
    "too_large": "its response exceeds the size limit",
    "too_many_redirects": "it redirects too often",
    "redirect_refused": "it redirects to a page outside of the allowed domains",
}


class OutboundError(Exception):
    """A request without a complete response; its text is a clause without addresses, secrets and a full stop."""

    def __init__(self, kind: FailureKind, reason: str | None = None) -> None:
        super().__init__(reason or _REASONS[kind])
        self.kind = kind


@dataclass(frozen=True, slots=True)
class PostResult:
    """`status` of the response, or in `error` a sentence that says why none arrived."""

    status: int | None = None
    error: str | None = None


class Response:
    """The head of a response, and its body on request. The caller closes it, as a context manager or by `close`."""

    def __init__(self, library: Any, response: "aiohttp.ClientResponse", urls: Sequence[str] = ()) -> None:
        """`library` is `net.outbound_sessions`; `urls` are the requested one and those of its redirects."""
        self._library = library
        self._response = response
        self.urls = urls
        self.status = response.status

    @property
    def headers(self) -> list[tuple[str, str]]:
        return list(self._response.headers.items())

    async def iter_bytes(self, limit: int) -> AsyncIterator[bytes]:
        """The decoded body as it arrives. Raises OutboundError, also beyond `limit` bytes."""
        size = 0
        try:
            async for chunk in self._response.content.iter_chunked(_CHUNK_BYTES):
                size += len(chunk)
                if size > limit:
                    raise OutboundError("too_large")
                yield chunk
        except self._library.FAILURES as error:
            raise OutboundError(self._library.classify(error)) from None

    def close(self) -> None:
        self._response.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class Client:
    """`allow_private` lifts the check of addresses; `private_setting` names the setting that lifts it."""

    def __init__(self, *, allow_private: bool, private_setting: str) -> None:
        self._allow_private = allow_private
        self._private_setting = private_setting
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._library: Any = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        redirects: int = 0,
        trusted: str = "",
        allows: Callable[[str], bool] = lambda _: True,
    ) -> Response:
        """The response after at most `redirects` redirects, each checked like the first URL. Raises OutboundError.

        URLs of the origin `trusted` may have private addresses. Without `redirects`, a redirect is the response;
        others are followed only to what `allows` returns True for.
        """
        urls: list[str] = []
        library = self._library = self._library or await asyncio.to_thread(importlib.import_module, _SESSIONS)
        for _ in range(redirects + 1):
            if urls and not allows(url):
                raise OutboundError("redirect_refused")
            urls.append(url)
            if not is_http_url(url):
                raise OutboundError("invalid_url")
            session = self._session(library, allow_private=self._allow_private or origin(url) == trusted)
            try:
                response = await session.request(method, url, data=body, headers=headers, allow_redirects=False)
            except library.FAILURES as error:
                raise self._to_outbound_error(library.classify(error)) from None
            if not redirects or response.status not in _REDIRECT_STATUSES or "location" not in response.headers:
                return Response(library, response, urls)
            response.close()
            try:
                url = urljoin(url, response.headers["location"])
            except ValueError:
                raise OutboundError("invalid_url") from None
        raise OutboundError("too_many_redirects")

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> PostResult:
        """Sends `body` within `seconds` and ignores the body of the response."""
        if problem := url_problem(url, allow_private=self._allow_private):
            return PostResult(error=problem)
        try:
            async with (
                asyncio.timeout(seconds),
                await self.request("POST", url, headers=headers, body=body) as response,
            ):
                return PostResult(status=response.status)
        except TimeoutError:
            return PostResult(error=f"The request timed out after {seconds:g} s.")
        except OutboundError as error:
            return PostResult(error=f"The request failed: {error}.")

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def _session(self, library: Any, *, allow_private: bool) -> "aiohttp.ClientSession":
        # Lazily, since a session belongs to the loop that runs when it is made.
        if allow_private not in self._sessions:
            self._sessions[allow_private] = library.open_session(allow_private=allow_private)
        return self._sessions[allow_private]

    def _to_outbound_error(self, kind: FailureKind) -> OutboundError:
        if kind == "private_address":
            return OutboundError(kind, f"its address is private, which `{self._private_setting}` does not allow")
        return OutboundError(kind)


def origin(url: str) -> str:
    """The scheme and the authority of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def is_http_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def url_problem(url: str, *, allow_private: bool) -> str | None:
    """Why nothing is ever posted to a URL: a sentence for the client, or None. Resolves no name."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a malformed port
    except ValueError:
        return "It is not a URL."
    if not is_http_url(url) or (parts.scheme != "https" and not allow_private):
        return f"It has to begin with {'http:// or ' if allow_private else ''}https:// and a host."
    if not _is_plain(url):
        return "It must not have a user, a fragment or blanks."
    if not allow_private and _is_private(parts.hostname or ""):
        return "Its host is on a private network, which `webhooks.allow_private` does not allow."
    return None


def _is_plain(url: str) -> bool:
    parts = urlsplit(url)
    return parts.username is None and not parts.fragment and url.isprintable() and " " not in url


def _is_private(host: str) -> bool:
    """Whether a host is private by its form alone: a private address, or a name under a local suffix."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not host.strip("0123456789."):  # shortened and decimal addresses, which resolvers read differently
            return True
        return f".{host.rstrip('.')}".endswith(_LOCAL_SUFFIXES)
    return not is_public(host)
