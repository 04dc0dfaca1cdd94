"""`Toolkit` and `AsyncToolkit`: the tools, executed over HTTP. Whatever happens, a call comes to a result.

What is listed is the package's own table, so that listing asks nobody.
"""

import asyncio
import os
import threading
import weakref
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from understudy_toolkit import connection_failures, formats
from understudy_toolkit.address import address
from understudy_toolkit.catalog import (
    Call,
    InvalidArguments,
    Result,
    Tool,
    UnknownTool,
    build_call,
    failed_result,
    find,
    parse_result,
    select,
)

TIMEOUT: Final = 600.0
MAX_RESPONSE_BYTES: Final = 64 << 20
_Tools = list[Tool]
_Definitions = list[dict[str, Any]]


class _Catalogue:
    """What needs no server: the tools and their forms for models."""

    def list(
        self,
        search: str = "",
        *,
        slugs: Iterable[str] | None = None,
        tags: Iterable[str] = (),
        important: bool = False,
    ) -> _Tools:
        """The tools that match all filters; with `search`, ranked by relevance."""
        return select(slugs=slugs, tags=tags, important=important, query=search)

    def get(self, slug: str) -> Tool:
        """Raises LookupError."""
        return find(slug)

    def openai_tools(self, tools: Iterable[Tool] | None = None) -> _Definitions:
        """Function tools for chat completions and assistants; all tools by default."""
        return formats.chat(self.list() if tools is None else tools)

    def openai_response_tools(self, tools: Iterable[Tool] | None = None) -> _Definitions:
        """Function tools of the Responses API."""
        return formats.responses(self.list() if tools is None else tools)

    def anthropic_tools(self, tools: Iterable[Tool] | None = None) -> _Definitions:
        """Tools of Anthropic's Messages API."""
        return formats.anthropic(self.list() if tools is None else tools)


class AsyncToolkit(_Catalogue):
    """`async with AsyncToolkit(base_url, api_key) as toolkit: await toolkit.execute(slug, arguments)`.

    `list` and `get` send no request, so they are not awaited. The defaults are UNDERSTUDY_BASE_URL and
    UNDERSTUDY_API_KEY, then AIML_API_BASE and AIML_API_KEY. `timeout` is in seconds, for one call.
    """

    def __init__(self, base_url: str | None = None, api_key: str | None = None, *, timeout: float = TIMEOUT) -> None:
        """Raises ValueError for a malformed base URL or key."""
        self._address = address(base_url, api_key, os.environ)
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    @property
    def base_url(self) -> str:
        return f"{self._address.root}/v1"

    async def execute(self, slug: str, arguments: dict[str, Any] | None = None) -> Result:
        """The result of the call. Never raises."""
        try:
            call = build_call(find(slug), {} if arguments is None else arguments)
        except (UnknownTool, InvalidArguments) as refusal:
            return failed_result(str(refusal))
        try:
            return await self._send_request(call)
        except TimeoutError:
            return failed_result(f"The API at {self._address.root} timed out after {self._timeout:g} seconds.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return failed_result(connection_failures.describe_connection_failure(self._address.root, error))

    async def models(self) -> list[str]:
        """The names of the server's models; empty if the server is unavailable."""
        result = await self.execute("AI_ML_API_LIST_MODELS")
        listed = result["data"].get("data") if result["successful"] else None
        return [str(one["id"]) for one in listed if isinstance(one, dict) and "id" in one] if listed else []

    async def handle(self, answer: Any, *, skip_others: bool = False) -> _Definitions:
        """Executes the tool calls of a model's reply one after the other, and returns the messages to send next.

        `answer` is a chat completion or its message, a response of the Responses API, or a message of Anthropic's, as
        an object of the official packages or as a dict. Empty without calls. `skip_others` ignores calls of other
        functions; by default they get a failed result.
        """
        dialect, calls = formats.parse_calls(answer)
        outputs = []
        for call in calls:
            if not skip_others or formats.is_toolkit_call(call):
                result = (
                    await self.execute(call.name, call.arguments) if call.fault is None else failed_result(call.fault)
                )
                outputs.append((call, result))
        return formats.outputs(dialect, outputs)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _send_request(self, call: Call) -> Result:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout))
        headers = {"Accept": "application/json, text/event-stream"}
        if self._address.key is not None:
            headers["Authorization"] = f"Bearer {self._address.key}"
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        url = self._address.root + call.target
        # A redirect would take the key to another place.
        async with self._session.request(
            call.method, url, data=call.body, headers=headers, allow_redirects=False
        ) as response:
            body = await _read_body(response)
        if body is None:
            return failed_result(f"The response is larger than {MAX_RESPONSE_BYTES} bytes. Request less at a time.")
        return parse_result(response.status, response.headers.get("Content-Type", ""), body)


class Toolkit(_Catalogue):
    """`with Toolkit(base_url, api_key) as toolkit: toolkit.execute(slug, arguments)`; also without `with`.

    Takes what AsyncToolkit takes. May be used by many threads, and where an event loop runs, as in notebooks.
    """

    def __init__(self, base_url: str | None = None, api_key: str | None = None, *, timeout: float = TIMEOUT) -> None:
        """Raises ValueError for a malformed base URL or key."""
        self._inner = AsyncToolkit(base_url, api_key, timeout=timeout)
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: weakref.finalize[..., Toolkit] | None = None

    @property
    def base_url(self) -> str:
        return self._inner.base_url

    def execute(self, slug: str, arguments: dict[str, Any] | None = None) -> Result:
        """The result of the call. Never raises."""
        return asyncio.run_coroutine_threadsafe(self._inner.execute(slug, arguments), self._ensure_loop()).result()

    def models(self) -> list[str]:
        """The names of the server's models; empty if the server is unavailable."""
        return asyncio.run_coroutine_threadsafe(self._inner.models(), self._ensure_loop()).result()

    def handle(self, answer: Any, *, skip_others: bool = False) -> _Definitions:
        """Like AsyncToolkit.handle."""
        handling = self._inner.handle(answer, skip_others=skip_others)
        return asyncio.run_coroutine_threadsafe(handling, self._ensure_loop()).result()

    def close(self) -> None:
        """Also runs when the toolkit is garbage-collected; the toolkit can be used again afterwards."""
        with self._starting:
            if self._closing is not None:
                self._closing()
            self._loop = self._closing = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ensure_loop(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                thread = threading.Thread(target=self._loop.run_forever, name="understudy-toolkit", daemon=True)
                thread.start()
                self._closing = weakref.finalize(self, _close_client, self._inner, self._loop, thread)
            return self._loop


async def _read_body(response: aiohttp.ClientResponse) -> bytes | None:
    """The whole body, or None where there is too much of it."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            return None
    return bytes(body)


def _close_client(inner: AsyncToolkit, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    if threading.current_thread() is thread:  # the garbage collector works in whichever thread it is called
        loop.create_task(inner.close()).add_done_callback(lambda _: loop.stop())
        return
    asyncio.run_coroutine_threadsafe(inner.close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
