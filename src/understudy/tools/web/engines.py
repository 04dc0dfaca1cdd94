"""Search engines over HTTP: SearXNG, Brave and Tavily. Sources: the reference pages of their search APIs."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import msgspec

from understudy.net.outbound import Client, OutboundError, origin
from understudy.settings import VENDOR_SEARCH_URLS, WebSearchSettings
from understudy.tools.web.types import SearchRequest, WebSearchError, build_result
from understudy.wire.items import WebResult

_MAX_RESPONSE_BYTES: Final = 4 * 1024 * 1024
# Parsed within a few milliseconds.
_INLINE_BYTES: Final = 64 * 1024
# A request uses a few results, of its domains alone.
_MAX_RESULTS: Final = 200
# Characters and words of a query that Brave and Tavily accept.
_MAX_QUERY: Final = 400
_MAX_QUERY_WORDS: Final = 50
# Characters of a query in the URL of an instance, whose server refuses long ones.
_MAX_URL_QUERY: Final = 600
_HINTS: Final = {
    401: "it refused the API key in `web_search.api_key`",
    403: "it refused access; a SearXNG instance needs `json` in its `search.formats`, a service a valid API key",
    429: "its rate limit is exceeded",
}


class Engine(Protocol):
    async def search(self, request: SearchRequest) -> list[WebResult]:
        """The results, best first. Raises WebSearchError."""
        ...


@dataclass(frozen=True, slots=True)
class _HttpRequest:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


class HttpEngine:
    """`build` makes the request of a search, and `read` finds the results in the JSON of a response."""

    def __init__(
        self,
        client: Client,
        build: Callable[[SearchRequest], _HttpRequest],
        read: Callable[[Any], Iterable[WebResult | None]],
        seconds: float,
    ) -> None:
        self._client = client
        self._build = build
        self._read = read
        self._seconds = seconds

    async def search(self, request: SearchRequest) -> list[WebResult]:
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._fetch(self._build(request))
        except TimeoutError:
            raise WebSearchError(f"The search timed out after {self._seconds:g} s.") from None
        except OutboundError as error:
            raise WebSearchError(f"The search engine could not be used: {error}.") from None
        return self._parse(body) if len(body) <= _INLINE_BYTES else await asyncio.to_thread(self._parse, body)

    def _parse(self, body: bytes) -> list[WebResult]:
        try:
            return [one for one in self._read(_decode_body(body)) if one is not None]
        except (msgspec.DecodeError, RecursionError, TypeError, AttributeError, LookupError):
            raise WebSearchError("The search engine returned a malformed response.") from None

    async def _fetch(self, request: _HttpRequest) -> bytes:
        async with await self._client.request(
            request.method,
            request.url,
            headers={"Accept": "application/json", **request.headers},
            body=request.body,
            trusted=origin(request.url),
        ) as response:
            if response.status != 200:
                reason = _HINTS.get(response.status, f"it returned status {response.status}")
                raise WebSearchError(f"The search engine could not be used: {reason}.")
            return b"".join([chunk async for chunk in response.iter_bytes(_MAX_RESPONSE_BYTES)])


def open_engine(settings: WebSearchSettings, client: Client) -> Engine:
    """The engine of a provider that is reached over plain HTTP."""
    url = (settings.url or VENDOR_SEARCH_URLS.get(settings.provider or "", "")).rstrip("/")
    key = settings.api_key or ""
    match settings.provider:
        case "brave":
            return HttpEngine(client, lambda one: _brave_request(url, key, one), _read_brave, settings.timeout)
        case "tavily":
            return HttpEngine(client, lambda one: _tavily_request(url, key, one), _read_tavily, settings.timeout)
        case _:
            return HttpEngine(client, lambda one: _searxng_request(url, one), _read_searxng, settings.timeout)


# -- SearXNG -----------------------------------------------------------------------------------------------------


def _searxng_request(url: str, request: SearchRequest) -> _HttpRequest:
    base = url if url.endswith("/search") else f"{url}/search"
    return _HttpRequest(
        "GET", f"{base}?{urlencode({'q': request.filtered_query[:_MAX_URL_QUERY], 'format': 'json'})}", {}
    )


def _read_searxng(value: Any) -> Iterable[WebResult | None]:
    return [build_result(one.get("url"), one.get("title"), one.get("content")) for one in _items(value["results"])]


# -- Brave -------------------------------------------------------------------------------------------------------


def _brave_request(url: str, key: str, request: SearchRequest) -> _HttpRequest:
    place = request.location
    words = " ".join(request.filtered_query.split()[:_MAX_QUERY_WORDS])
    query = {"q": words[:_MAX_QUERY], "count": request.limit, "text_decorations": "false"}
    if place.country:
        query["country"] = place.country
    headers = {
        "X-Subscription-Token": key,
        "X-Loc-City": place.city,
        "X-Loc-State-Name": place.region,
        "X-Loc-Country": place.country,
        "X-Loc-Timezone": place.timezone,
    }
    ascii_headers = {
        name: value for name, value in headers.items() if value.isascii() and value.isprintable() and value
    }
    return _HttpRequest("GET", f"{url}?{urlencode(query)}", ascii_headers)


def _read_brave(value: Any) -> Iterable[WebResult | None]:
    """A query without a page has no member `web`."""
    return [
        build_result(one.get("url"), one.get("title"), one.get("description"), *(one.get("extra_snippets") or ()))
        for one in _items((value.get("web") or {}).get("results") or ())
    ]


# -- Tavily ------------------------------------------------------------------------------------------------------


def _tavily_request(url: str, key: str, request: SearchRequest) -> _HttpRequest:
    members: dict[str, Any] = {"query": request.query[:_MAX_QUERY], "max_results": request.limit}
    if request.domains:
        members["include_domains"] = list(request.domains)[:300]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    base = url if url.endswith("/search") else f"{url}/search"
    return _HttpRequest("POST", base, headers, msgspec.json.encode(members))


def _read_tavily(value: Any) -> Iterable[WebResult | None]:
    return [
        build_result(one.get("url"), one.get("title"), one.get("raw_content") or one.get("content"))
        for one in _items(value["results"])
    ]


def _items(value: Sequence[Any]) -> list[dict[str, Any]]:
    return [one for one in islice(value, _MAX_RESULTS) if isinstance(one, dict)]


def _decode_body(body: bytes) -> Any:
    """The JSON value; bytes of another encoding become replacement characters."""
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError:
        return msgspec.json.decode(body.decode("utf-8", "replace"))
