"""HTTP connections to one provider: keep-alive, three timeouts, errors as UpstreamError. Knows no dialect.

It uses no proxy variables and no cookies, and follows no redirects, which could send the key to another host.
"""

import asyncio
import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from understudy import correlation
from understudy.clock import Clock
from understudy.errors import UpstreamError
from understudy.llm import faults
from understudy.llm.deadlines import deadline_exceeded
from understudy.llm.encoded_body import EncodedBody
from understudy.llm.upstream_response import UpstreamResponse
from understudy.net.http.errors import HttpError, MalformedResponse, TimedOut
from understudy.net.http.pool import Pool
from understudy.net.http.response import Response
from understudy.settings import ProviderSettings

_MAX_ERROR_BODY_BYTES: Final = 256 * 1024
_GET_TIMEOUT: Final = 60.0
_NO_BODY: Final = EncodedBody("", 0, b"")


class Connection:
    """Every request carries `headers`; no error message contains `settings.api_key`."""

    def __init__(self, name: str, settings: ProviderSettings, headers: Mapping[str, str], clock: Clock) -> None:
        self._name = name
        self._settings = settings
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "understudy", **headers}
        self._clock = clock
        self._pool: Pool | None = None

    async def get(self, url: str) -> bytes:
        """The body of a 2xx response, which must arrive within a minute."""
        total = asyncio.get_running_loop().time() + _GET_TIMEOUT
        try:
            response = await self._request("GET", url, _NO_BODY, total=total)
            try:
                return await response.read()
            finally:
                response.close()
        except UpstreamError as error:
            if error.kind == "timeout" and error.status is None and asyncio.get_running_loop().time() >= total:
                # The limit is this one, and not that of calls of models.
                text = f"Request to provider {self._name!r} timed out after {_GET_TIMEOUT:g} s."
                raise UpstreamError("timeout", text) from None
            raise

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
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _request(
        self,
        method: str,
        url: str,
        body: EncodedBody,
        headers: Mapping[str, str] | None = None,
        total: float = math.inf,
    ) -> UpstreamResponse:
        pool = self._get_pool()
        deadline = pool.time() + self._settings.first_byte_timeout
        fields = {"content-type": body.content_type} if body.content_type else {}
        if headers is not None:
            fields.update(headers)
        if self._settings.send_traceparent:
            fields.update(correlation.trace_headers())
        try:
            head = await pool.request(
                method, url, headers=fields, size=body.size, body=body.content, deadline=deadline, total=total
            )
        except (HttpError, ValueError) as error:
            raise self._request_error(error) from None
        response = UpstreamResponse(self._name, head, pool.time, deadline, self._settings.idle_timeout)
        if 200 <= head.status < 300:
            return response
        raise await self._read_refusal(head, response)

    async def _read_refusal(self, head: Response, response: UpstreamResponse) -> UpstreamError:
        """The error of a response with another status than 2xx."""
        try:
            refusal = await response.read_head(_MAX_ERROR_BODY_BYTES)
        finally:
            response.close()
        return faults.from_response(
            head.status, head.headers(), refusal, secret=faults.secrets_of(self._settings), clock=self._clock
        )

    def _request_error(self, error: HttpError | ValueError) -> UpstreamError:
        name = self._name
        match error:
            case TimedOut(wait="total"):
                return deadline_exceeded()
            case TimedOut(wait="connect"):
                seconds = self._settings.connect_timeout
                return UpstreamError("timeout", f"Connection to provider {name!r} timed out after {seconds:g} s.")
            case TimedOut():
                seconds = self._settings.first_byte_timeout
                return UpstreamError(
                    "timeout", f"Request to provider {name!r} timed out after {seconds:g} s without a response."
                )
            case MalformedResponse() | ValueError():
                return UpstreamError("malformed", f"The response of provider {name!r} is not HTTP. Check its base URL.")
        return UpstreamError("unreachable", f"Provider {name!r} is unreachable: {error}.")

    def _get_pool(self) -> Pool:
        # Lazily, since a pool belongs to the loop that runs when it is made.
        if self._pool is None:
            self._pool = Pool(self._headers, self._settings.connect_timeout)
        return self._pool
