"""Files from addresses that others name, onto the disk: bounded, and never from this machine's own networks.

What a name resolves to is looked at for each connection at the moment it is made, also after a redirect, so that no
name can change its mind in between.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import aiohttp

from understudy.media.provider import MediaError
from understudy.settings import is_public

_MAX_REDIRECTS: Final = 3
_REDIRECT_STATUSES: Final = {301, 302, 303, 307, 308}
_CHUNK_BYTES: Final = 256 * 1024


class PrivateAddressError(OSError):
    pass


class Downloader:
    def __init__(self, *, allow_private: bool, seconds: float) -> None:
        """`seconds` for a whole file."""
        self._allow_private = allow_private
        self._seconds = seconds
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def fetch(
        self, url: str, write: Callable[[bytes], Awaitable[object]], limit: int, *, trusted: str = ""
    ) -> None:
        """Hands on up to `limit` bytes. What has the origin `trusted` may be anywhere. Raises MediaError."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._fetch(url, write, limit, trusted)
        except TimeoutError:
            raise MediaError(
                f"{_url_without_query(url)} took longer than {self._seconds:g} seconds.", passing=True
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            passing = not isinstance(_root_cause(error), PrivateAddressError | ValueError)
            raise MediaError(
                f"{_url_without_query(url)} could not be fetched: {_describe_error(error)}.", passing=passing
            ) from None

    async def to_file(self, url: str, path: Path, limit: int, *, trusted: str = "") -> None:
        with await asyncio.to_thread(path.open, "wb") as file:

            async def write(piece: bytes) -> None:
                await asyncio.to_thread(file.write, piece)

            await self.fetch(url, write, limit, trusted=trusted)

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def _fetch(self, url: str, write: Callable[[bytes], Awaitable[object]], limit: int, trusted: str) -> None:
        for _ in range(_MAX_REDIRECTS + 1):
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise MediaError(
                    f"{_url_without_query(url)} cannot be fetched: it has to begin with http:// or https:// and a host."
                )
            anywhere = self._allow_private or origin(url) == trusted
            async with self._session(anywhere).get(url, allow_redirects=False) as answer:
                if answer.status in _REDIRECT_STATUSES and "location" in answer.headers:
                    url = urljoin(url, answer.headers["location"])
                    continue
                await _copy_body(answer, url, write, limit)
                return
        raise MediaError(
            f"{_url_without_query(url)} could not be fetched: it was moved more than {_MAX_REDIRECTS} times."
        )

    def _session(self, anywhere: bool) -> aiohttp.ClientSession:
        # Lazily, since a session belongs to the loop that runs when it is made.
        if anywhere not in self._sessions:
            self._sessions[anywhere] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(socket_factory=None if anywhere else _public_socket),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "understudy", "Accept-Encoding": "identity"},
            )
        return self._sessions[anywhere]


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _copy_body(
    answer: aiohttp.ClientResponse, url: str, write: Callable[[bytes], Awaitable[object]], limit: int
) -> None:
    if answer.status != 200:
        passing = answer.status >= 500 or answer.status == 429
        raise MediaError(f"{_url_without_query(url)} was answered with status {answer.status}.", passing=passing)
    size = 0
    async for piece in answer.content.iter_chunked(_CHUNK_BYTES):
        size += len(piece)
        if size > limit:
            raise MediaError(f"{_url_without_query(url)} has more than {limit} bytes, which is the limit.")
        await write(piece)


def _public_socket(info: Any) -> socket.socket:
    """Called with every address just before it is connected to."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise PrivateAddressError("its address is private, which `video.allow_private` does not allow")
    return socket.socket(family, kind, protocol)


def _url_without_query(url: str) -> str:
    """The address without its query, which may be a secret."""
    return f"The file {url.partition('?')[0][:256]!r}"


def _root_cause(error: Exception) -> Exception:
    return getattr(error, "os_error", error)


def _describe_error(error: Exception) -> str:
    cause = _root_cause(error)
    if isinstance(cause, PrivateAddressError):
        return str(cause)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its host name was not found"
    return "it could not be connected to" if isinstance(error, aiohttp.ClientConnectorError) else "the connection broke"
