"""HTTP connections to one provider: keep-alive, three timeouts, errors as UpstreamError. Knows no dialect.

It uses no proxy variables and no cookies, and follows no redirects, which could send the key to another host.
"""

import asyncio
import io
import math
from collections.abc import AsyncIterable, Mapping
from functools import lru_cache
from typing import Any

import aiohttp
import msgspec
import yarl

from understudy import correlation
from understudy.clock import Clock
from understudy.errors import UpstreamError
from understudy.llm import faults
from understudy.llm.encoded_body import EncodedBody
from understudy.llm.upstream_response import UpstreamResponse, describe_error
from understudy.settings import ProviderSettings

_MAX_ERROR_BODY_BYTES = 256 * 1024
_GET_TIMEOUT = 60.0
# A larger body is written in chunks, so that other tasks run in between.
_STREAMED_BODY_BYTES = 1 << 20
_Content = bytes | AsyncIterable[bytes] | None


class Connection:
    """Every request carries `headers`; no error message contains `settings.api_key`."""

    def __init__(self, name: str, settings: ProviderSettings, headers: Mapping[str, str], clock: Clock) -> None:
        self._name = name
        self._settings = settings
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "understudy", **headers}
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str) -> bytes:
        """The body of a 2xx response, which must arrive within a minute."""
        response = await self._request("GET", url, None, total=asyncio.get_running_loop().time() + _GET_TIMEOUT)
        try:
            return await response.read()
        finally:
            response.close()

    async def post(
        self,
        url: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        deadline: float = math.inf,
    ) -> UpstreamResponse:
        """The response after its 2xx status. The caller closes it. Raises UpstreamError for another status.

        The whole response must arrive by `deadline`, a time of the event loop.
        """
        data = msgspec.json.encode(body)
        return await self.send(url, EncodedBody("application/json", len(data), data), headers, deadline)

    async def send(
        self, url: str, body: EncodedBody, headers: Mapping[str, str] | None = None, deadline: float = math.inf
    ) -> UpstreamResponse:
        """`post` with an encoded body."""
        return await self._request("POST", url, body, headers, deadline)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _request(
        self,
        method: str,
        url: str,
        body: EncodedBody | None,
        headers: Mapping[str, str] | None = None,
        total: float = math.inf,
    ) -> UpstreamResponse:
        deadline = asyncio.get_running_loop().time() + self._settings.first_byte_timeout
        content: _Content = None
        if body is not None:
            content = body.content
            headers = {"Content-Type": body.content_type, **(headers or {})}
            if not isinstance(content, bytes):
                # Many servers refuse a body in chunks.
                headers["Content-Length"] = str(body.size)
        if self._settings.send_traceparent:
            headers = {**(headers or {}), **correlation.trace_headers()}
        head = await self._send(method, url, content, headers, deadline)
        response = UpstreamResponse(self._name, head, deadline, self._settings.idle_timeout, total)
        if 200 <= head.status < 300:
            return response
        try:
            refusal = await response.read_head(_MAX_ERROR_BODY_BYTES)
        finally:
            response.close()
        raise faults.from_response(
            head.status, head.headers, refusal, secret=faults.secrets_of(self._settings), clock=self._clock
        )

    async def _send(
        self, method: str, url: str, content: _Content, headers: Mapping[str, str] | None, deadline: float
    ) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._get_session().request(
                    method,
                    _parse_url(url),
                    data=_chunk_body(content),
                    headers=headers,
                    allow_redirects=False,
                )
        except aiohttp.ConnectionTimeoutError:
            seconds = self._settings.connect_timeout
            raise UpstreamError(
                "timeout", f"Connection to provider {self._name!r} timed out after {seconds:g} s."
            ) from None
        except TimeoutError:
            seconds = self._settings.first_byte_timeout
            raise UpstreamError(
                "timeout", f"Request to provider {self._name!r} timed out after {seconds:g} s without a response."
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._connection_error(error) from None

    def _connection_error(self, error: Exception) -> UpstreamError:
        if isinstance(error, aiohttp.ClientResponseError | ValueError):
            return UpstreamError(
                "malformed", f"The response of provider {self._name!r} is not HTTP. Check its base URL."
            )
        return UpstreamError("unreachable", f"Provider {self._name!r} is unreachable: {describe_error(error)}.")

    def _get_session(self) -> aiohttp.ClientSession:
        # Lazily, since a session belongs to the loop that runs when it is made.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, keepalive_timeout=30),
                timeout=aiohttp.ClientTimeout(total=None, connect=self._settings.connect_timeout),
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


@lru_cache(maxsize=256)
def _parse_url(url: str) -> yarl.URL:
    return yarl.URL(url, encoded=True)


def _chunk_body(content: _Content) -> _Content | io.BytesIO:
    return io.BytesIO(content) if isinstance(content, bytes) and len(content) > _STREAMED_BODY_BYTES else content
