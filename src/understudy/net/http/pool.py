"""The connections to the servers of one client: opened on demand, reused, closed after some time without a request."""

import asyncio
import itertools
import math
from collections.abc import Mapping
from typing import Final

from aiohappyeyeballs import AddrInfoType

from understudy.net.http import origin as origins
from understudy.net.http.connection import Connection, RequestBody
from understudy.net.http.errors import ConnectionFailed, ConnectionLost, TimedOut, Wait, connection_failed
from understudy.net.http.origin import Location, Origin
from understudy.net.http.response import Response

_ADDRESS_SECONDS: Final = 300.0
"""How long addresses of a host are reused."""
_IDEMPOTENT: Final = frozenset({"GET", "HEAD"})
_MAX_HEADS: Final = 256


class Pool:
    """Belongs to the event loop that runs when it is made. `headers` are those of every request.

    It uses no proxy and no cookies, and follows no redirect.
    """

    def __init__(self, headers: Mapping[str, str], connect_timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self.time: Final = self._loop.time
        self._connect_timeout = connect_timeout
        self._headers = headers
        self._heads: dict[tuple[str, str], bytes] = {}
        self._idle: dict[Origin, list[Connection]] = {}
        self._origins: dict[Connection, Origin] = {}
        self._addresses: dict[Origin, tuple[float, list[AddrInfoType]]] = {}
        self._turns = itertools.count()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        size: int = 0,
        body: RequestBody = b"",
        deadline: float = math.inf,
        total: float = math.inf,
    ) -> Response:
        """The response with its head, which arrives by `deadline`, and its end by `total`: times of the event loop.

        `size` is that of the body, in bytes. Raises HttpError, and ValueError for an invalid URL or header.
        """
        location = origins.parse_url(url)
        head = self._render_head(method, url, location, headers, size)
        while True:
            connection = self._take(location.origin)
            is_new = connection is None
            if connection is None:
                connection = await self._connect_within(location.origin, deadline, total)
            response = connection.send(head, body, total)
            try:
                await response.wait_for_head(deadline)
            except ConnectionLost:
                # The server may have closed the connection as the request was sent, which it has not read then.
                if is_new or method not in _IDEMPOTENT:
                    raise
            except BaseException:
                response.close()
                raise
            else:
                return response

    async def close(self) -> None:
        """Closes all connections, also those of responses that are not read yet."""
        for connection in list(self._origins):
            connection.abort()
        # The transports close in the next turn of the loop.
        await asyncio.sleep(0)

    @property
    def size(self) -> int:
        """The open connections."""
        return len(self._origins)

    # -- connections -------------------------------------------------------------------------------------------

    def _take(self, origin: Origin) -> Connection | None:
        """A connection without a request, the one that was used last."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.is_usable:
                if not connection.has_unread:
                    return connection
                connection.abort()
        return None

    async def _connect_within(self, origin: Origin, deadline: float, total: float) -> Connection:
        waits: list[tuple[float, Wait]] = [
            (self._loop.time() + self._connect_timeout, "connect"),
            (deadline, "response"),
            (total, "total"),
        ]
        first, wait = min(waits)
        try:
            async with asyncio.timeout_at(first):
                return await self._open_connection(origin)
        except TimeoutError:
            self._addresses.pop(origin, None)
            raise TimedOut(wait) from None
        except (OSError, ValueError, RuntimeError) as error:
            self._addresses.pop(origin, None)
            raise connection_failed(error) from None

    async def _open_connection(self, origin: Origin) -> Connection:
        addresses = await self._resolve(origin)
        # A host with several addresses has several servers: each takes its turn, after a failure as well.
        first = next(self._turns) % len(addresses)
        opened = await origins.open_socket([*addresses[first:], *addresses[:first]])
        try:
            context = await asyncio.to_thread(origins.tls_context) if origin.is_secure else None
            _, connection = await self._loop.create_connection(
                lambda: Connection(self._loop, self._release, self._forget),
                sock=opened,
                ssl=context,
                server_hostname=origin.host.rstrip(".") if origin.is_secure else None,
            )
        except BaseException:
            opened.close()
            raise
        self._origins[connection] = origin
        return connection

    async def _resolve(self, origin: Origin) -> list[AddrInfoType]:
        expires_at, addresses = self._addresses.get(origin, (0.0, []))
        if self._loop.time() < expires_at:
            return addresses
        try:
            addresses = await origins.resolve(origin)
        except (OSError, UnicodeError):
            raise ConnectionFailed("host name not found") from None
        self._addresses[origin] = (self._loop.time() + _ADDRESS_SECONDS, addresses)
        return addresses

    def _release(self, connection: Connection) -> None:
        origin = self._origins.get(connection)
        if origin is None:
            connection.abort()
        else:
            self._idle.setdefault(origin, []).append(connection)

    def _forget(self, connection: Connection) -> None:
        origin = self._origins.pop(connection, None)
        if origin is not None and connection in (idle := self._idle.get(origin, [])):
            idle.remove(connection)

    # -- heads of requests -------------------------------------------------------------------------------------

    def _render_head(self, method: str, url: str, location: Location, headers: Mapping[str, str], size: int) -> bytes:
        head = self._heads.get((method, url))
        if head is None:
            if len(self._heads) >= _MAX_HEADS:
                self._heads.clear()
            head = self._heads[method, url] = self._render_common(method, location)
        length = b"" if not size and method in _IDEMPOTENT else b"content-length: %d\r\n" % size
        return b"%b%b%b\r\n" % (head, _render_headers(headers), length)

    def _render_common(self, method: str, location: Location) -> bytes:
        """The request line and the headers of every request. Raises ValueError."""
        headers = dict(self._headers)
        if location.credentials:
            if any(name.lower() == "authorization" for name in headers):
                raise ValueError("credentials in the URL beside a key")
            headers["authorization"] = location.credentials.decode()
        line = b"%b %b HTTP/1.1\r\nhost: %b\r\n" % (method.encode(), location.target, location.authority)
        return line + _render_headers({"accept": "*/*", **headers})


def _render_headers(headers: Mapping[str, str]) -> bytes:
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    # Nothing in a header may begin another one.
    if lines.count("\r") + lines.count("\n") != 2 * len(headers) or "\x00" in lines:
        raise ValueError("a header with a line end")
    return lines.encode("utf-8", "surrogateescape")
