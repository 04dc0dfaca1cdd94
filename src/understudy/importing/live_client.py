"""A client of servers with the Assistants API: pages, retries, downloads. Never prints the key."""

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec

from understudy import errors
from understudy.importing.objects import Problem
from understudy.net.outbound import Client, OutboundError, Response

_PAGE: Final = 100
_ATTEMPTS: Final = 8
_LONGEST_WAIT: Final = 60.0
_LONGEST_RETRY_AFTER: Final = 300.0
_FAILED_IN_A_ROW: Final = 3
_MAX_JSON_BYTES: Final = 256 << 20
_ERROR_CHARACTERS: Final = 300
_PASSING: Final = {408, 409, 425, 429}
_AZURE_VERSIONS: Final = {".services.ai.azure.com": "v1", ".openai.azure.com": "2024-05-01-preview"}


class FetchError(errors.UnderstudyError):
    """Nothing more can be read from the server; what was read is kept and a repeated fetch resumes there."""


class InvalidUrl(FetchError):
    """The URL cannot be that of an API."""


class ServerUnreachable(FetchError):
    """The server has no connection, or failed too often; a repeated fetch resumes."""


class MissingObject(Exception):
    """One object cannot be read; the text is a sentence, `status` is 0 without a response."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


class LiveClient:
    """Closed by its owner. `sleep` waits between attempts."""

    def __init__(
        self,
        url: str,
        key: str,
        api_version: str | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Raises InvalidUrl for a malformed one."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise InvalidUrl(f"Invalid URL {url!r}: expected http:// or https://, a host and a path.")
        self.base = url.rstrip("/")
        self._key = key
        self._sleep = sleep
        self._version = api_version or next(
            (version for suffix, version in _AZURE_VERSIONS.items() if parts.hostname.endswith(suffix)), None
        )
        self._headers = _build_headers(parts.hostname, key)
        self._client = Client(allow_private=True, private_setting="")
        self._failed = 0
        self._has_responded = False

    async def close(self) -> None:
        await self._client.close()

    async def find_base(self) -> None:
        """Corrects a base URL without its last part, such as `/v1`. Raises FetchError if the key is refused."""
        given = self.base
        for suffix in ("", "/v1", "/openai", "/api/v1"):
            self.base = given + suffix
            try:
                page = await self.get("/assistants", limit=1)
            except MissingObject:
                continue
            if isinstance(page.get("data"), list):
                return
        self.base = given

    async def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """An object. Raises MissingObject and FetchError."""
        return await self._read_object("GET", path, await self._request_retrying(path, query))

    async def send(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        """The object that a request with a JSON body returns. Raises MissingObject and FetchError."""
        return await self._read_object(method, path, await self._request_retrying(path, {}, method, body))

    async def _read_object(self, method: str, path: str, opened: Response) -> dict[str, Any]:
        async with opened as response:
            try:
                chunks = [chunk async for chunk in response.iter_bytes(_MAX_JSON_BYTES)]
                found = msgspec.json.decode(b"".join(chunks))
            except (OutboundError, ValueError, RecursionError) as error:
                raise MissingObject(f"{method} {path} returned no JSON: {self._redact(str(error))}.") from None
        if not isinstance(found, dict):
            raise MissingObject(f"{method} {path} returned no object.")
        return found

    async def list(self, path: str, report: Callable[[Problem], None]) -> AsyncGenerator[dict[str, Any], None]:
        """The objects of all pages, ascending where the server can. Raises MissingObject and FetchError."""
        query: dict[str, str | int] = {"limit": _PAGE, "order": "asc"}
        seen: set[str] = set()
        while True:
            page = await self._get_page(path, query)
            data = page.get("data")
            if not isinstance(data, list):
                raise MissingObject(f"GET {path} returned no list.")
            for one in data:
                if isinstance(one, dict):
                    yield one
            if not page.get("has_more") or not data:
                return
            after = page.get("last_id") or (data[-1].get("id") if isinstance(data[-1], dict) else None)
            if not isinstance(after, str) or after in seen:
                report(Problem(path, "The server repeats a page of this list; its other pages are not read."))
                return
            seen.add(after)
            query["after"] = after

    async def download(self, path: str, target: Path, size: int) -> None:
        """Writes a content of at most `size` bytes. Raises MissingObject and FetchError."""
        for attempt in range(_ATTEMPTS):
            async with await self._request_retrying(path, {}) as response:
                if await _write_body(response, target, size):
                    return
            await self._sleep(_backoff(attempt, None))
        raise ServerUnreachable(
            f"GET {path}: the connection was closed {_ATTEMPTS} times. Repeat the command to resume."
        )

    async def _get_page(self, path: str, query: dict[str, str | int]) -> dict[str, Any]:
        """Without the parameters that the server refuses, which `query` then lacks."""
        for name in ("order", "limit"):
            try:
                return await self.get(path, **query)
            except MissingObject as error:
                if error.status not in {400, 422} or "after" in query:
                    raise
                query.pop(name, None)
        return await self.get(path, **query)

    async def _request_retrying(
        self, path: str, query: dict[str, str | int], method: str = "GET", body: bytes | None = None
    ) -> Response:
        """A response with the status 200, after retries."""
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        if self._version is not None:
            query = {**query, "api-version": self._version}
        url = f"{self.base}{path}?{urlencode(query)}" if query else self.base + path
        reason = ""
        for attempt in range(_ATTEMPTS):
            wait: float | None = None
            try:
                response = await self._client.request(method, url, headers=headers, body=body)
            except OutboundError as error:
                reason, status = str(error), 0
                if not self._has_responded:  # a wrong URL, more likely than an outage
                    raise ServerUnreachable(f"{self.base} is unreachable: {reason}.") from None
            else:
                self._has_responded = True
                if response.status == 200:
                    self._failed = 0
                    return response
                async with response:
                    status = response.status
                    wait = _parse_retry_after(dict(response.headers))
                    reason = await self._read_error(response)
                self._raise_for(f"{method} {path}", status, reason)
            if attempt + 1 < _ATTEMPTS:
                await self._sleep(_backoff(attempt, wait))
        return self._give_up(f"{method} {path}", status, reason)

    def _raise_for(self, request: str, status: int, reason: str) -> None:
        """For a status that no other attempt changes."""
        if status == 401:
            raise FetchError(f"The server refused the key: {reason}.")
        if 300 <= status < 400:
            raise FetchError(f"{self.base} redirects (HTTP {status}). Use the URL that it redirects to.")
        if status < 500 and status not in _PASSING:
            raise MissingObject(f"{request}: HTTP {status}, {reason}.", status)

    def _give_up(self, request: str, status: int, reason: str) -> Response:
        text = f"{request} failed {_ATTEMPTS} times: {f'HTTP {status}, ' if status else ''}{reason}."
        self._failed += 1
        if status < 500 or self._failed >= _FAILED_IN_A_ROW:
            raise ServerUnreachable(f"{text} Repeat the command to resume.")
        raise MissingObject(text, status)

    async def _read_error(self, response: Response) -> str:
        """The message of an error body, or a part of the body."""
        data = b""
        try:
            async for chunk in response.iter_bytes(1 << 20):
                data += chunk
        except OutboundError:
            pass
        text = data.decode(errors="replace")
        try:
            body = json.loads(text)
            error = body.get("error", body)
            text = str(error.get("message") or error) if isinstance(error, dict) else str(error)
        except (ValueError, AttributeError, RecursionError):
            pass
        return self._redact(" ".join(text.split())[:_ERROR_CHARACTERS].rstrip(". ")) or "without a message"

    def _redact(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text


async def _write_body(response: Response, target: Path, size: int) -> bool:
    """False if the connection was closed before the end. Raises MissingObject beyond `size` bytes."""
    try:
        with target.open("wb") as file:
            async for chunk in response.iter_bytes(size):
                file.write(chunk)
    except OutboundError as error:
        if error.kind == "too_large":
            raise MissingObject(f"The content has more than {size} bytes.") from None
        return False
    return True


def _build_headers(host: str, key: str) -> dict[str, str]:
    headers = {"Accept": "*/*", "OpenAI-Beta": "assistants=v2"}
    # Azure's services take a token of its directory, which is a JSON Web Token, or a key of the resource.
    if any(host.endswith(suffix) for suffix in _AZURE_VERSIONS) and not key.startswith("eyJ"):
        return headers | {"api-key": key}
    return headers | {"Authorization": f"Bearer {key}"}


def _backoff(attempt: int, retry_after: float | None) -> float:
    if retry_after is not None:
        return min(retry_after, _LONGEST_RETRY_AFTER)
    return float(min(2**attempt, _LONGEST_WAIT) * random.uniform(0.5, 1))  # noqa: S311 - spreads retries


def _parse_retry_after(headers: dict[str, str]) -> float | None:
    """Seconds, from a number or a date."""
    value = next((text for name, text in headers.items() if name.lower() == "retry-after"), "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
