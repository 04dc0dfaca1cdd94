"""The HTTP client of commands that read and change objects of a server. Knows no object."""

import asyncio
import functools
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import aiohttp
import click

from understudy.net.sse import Reader
from understudy_toolkit.address import address
from understudy_toolkit.connection_failures import describe_connection_failure

# Between two parts of a response: a model may think for long.
_SILENCE_SECONDS: Final = 600.0
_CONNECT_SECONDS: Final = 10.0


class RequestFailed(click.ClickException):
    """The server refused a request."""


class ServerUnavailable(RequestFailed):
    """No server, or one without its database."""

    exit_code = 3


class ObjectNotFound(RequestFailed):
    exit_code = 4


class ApiClient:
    """`async with ApiClient(base_url, key) as api: await api.get("/assistants", limit=20)`; paths are below `/v1`."""

    def __init__(self, base_url: str | None, key: str | None) -> None:
        """Raises ValueError for a malformed base URL or key. The defaults are those of the environment."""
        self._address = address(base_url, key, os.environ)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS)
        headers = {"Authorization": f"Bearer {self._address.key}"} if self._address.key is not None else {}
        self._session = aiohttp.ClientSession(timeout=timeout, headers=headers, json_serialize=_encode_body)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, **query: Any) -> Any:
        return await self._request_object("GET", path, params=_encode_query(query))

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return await self._request_object("POST", path, json=body)

    async def delete(self, path: str) -> Any:
        return await self._request_object("DELETE", path)

    async def upload(self, path: Path, purpose: str) -> dict[str, Any]:
        """The file object. Raises OSError for a file that cannot be read."""
        with path.open("rb") as file:
            form = aiohttp.FormData()
            form.add_field("purpose", purpose)
            form.add_field("file", file, filename=path.name)
            created: dict[str, Any] = await self._request_object("POST", "/files", data=form)
            return created

    async def events(
        self, path: str, body: Mapping[str, Any] | None = None, *, reader: Reader | None = None, **query: Any
    ) -> AsyncIterator[tuple[str, Any]]:
        """The name and the decoded data of each event of a stream; a POST if there is a `body`.

        `reader` parses the stream, for a caller that needs the id of the last event.
        """
        options = {"params": _encode_query(query)} | ({} if body is None else {"json": body})
        reader = reader or Reader()
        async with self._open_response("GET" if body is None else "POST", path, options) as response:
            try:
                async for chunk in response.content.iter_any():
                    for event in reader.feed(chunk):
                        if event.data != b"[DONE]":
                            yield event.name.decode(), json.loads(event.data)
            except (aiohttp.ClientError, OSError) as error:
                raise self._unreachable(error) from None

    async def _request_object(self, method: str, path: str, **options: Any) -> Any:
        async with self._open_response(method, path, options) as response:
            return json.loads(await response.read())

    def _open_response(self, method: str, path: str, options: dict[str, Any]) -> "_Response":
        assert self._session is not None, "use the client with `async with`"
        # A redirect would take the key to another place.
        request = self._session.request(method, f"{self._address.root}/v1{path}", allow_redirects=False, **options)
        return _Response(request, self._unreachable)

    def _unreachable(self, error: Exception) -> RequestFailed:
        if isinstance(error, TimeoutError):
            return ServerUnavailable(f"The server at {self._address.root} timed out.")
        return ServerUnavailable(describe_connection_failure(self._address.root, error))


class _Response:
    """A response with a successful status; raises RequestFailed for others."""

    def __init__(self, request: Any, unreachable: Callable[[Exception], RequestFailed]) -> None:
        self._request_object = request
        self._unreachable = unreachable

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            response: aiohttp.ClientResponse = await self._request_object.__aenter__()
            if response.status < 300:
                return response
            body = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise self._unreachable(error) from None
        await self._request_object.__aexit__(None, None, None)
        raise to_failure(response.status, body)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._request_object.__aexit__(kind, error, trace)


def to_failure(status: int, body: bytes) -> RequestFailed:
    """The failure of a request whose response has this status and body."""
    failure = {404: ObjectNotFound, 503: ServerUnavailable}.get(status, RequestFailed)
    return failure(_error_message(status, body))


def segment(value: str) -> str:
    """A value as one segment of a path."""
    return quote(value, safe="")


def run_async(function: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The body of a command as a coroutine function; Ctrl-C cancels it."""

    @functools.wraps(function)
    def command(*arguments: Any, **parameters: Any) -> None:
        asyncio.run(function(*arguments, **parameters))

    return command


def _encode_body(body: Any) -> str:
    """JSON in which bytes of the terminal that are not UTF-8 are question marks; JSON has no way to write them."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace").decode()


def _encode_query(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = []
    for name, value in query.items():
        if isinstance(value, (list, tuple)):
            pairs += [(f"{name}[]", str(one)) for one in value]
        elif value is not None:
            pairs.append((name, str(value)))
    return pairs


def _error_message(status: int, body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, TypeError, KeyError):
        return f"The server returned the status {status}, and no error of this API. Check the base URL."
