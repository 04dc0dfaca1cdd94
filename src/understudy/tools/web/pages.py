"""Opens pages of the web: public addresses only, bounded in time and size, as text."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from understudy.net.outbound import Client, OutboundError, Response
from understudy.settings import WebSearchSettings
from understudy.tools.web.types import Page, WebSearchError, decode_entities, host_of, strip_markup

ReadText = Callable[[bytes, str], Awaitable[str]]
"""From the bytes of a document and its media type to its text; raises ValueError with a sentence."""

_MAX_REDIRECTS: Final = 5
_MAX_CHARACTERS: Final = 400_000
# A page that is searched was mostly opened just before.
_MAX_CACHED: Final = 16
_CACHE_SECONDS: Final = 300.0
_TITLE_START: Final = re.compile(rb"<title(?:\s[^<>]{0,1000})?>", re.IGNORECASE)
_TITLE_END: Final = re.compile(rb"</title", re.IGNORECASE)
_MAX_TITLE_BYTES: Final = 2000
_TITLE_WITHIN: Final = 64 * 1024
_READABLE: Final = ("text/", "application/json", "application/xhtml", "application/xml", "application/pdf")
_ACCEPT: Final = "text/html,application/xhtml+xml,text/plain,application/pdf;q=0.8,*/*;q=0.1"


class Pages:
    def __init__(self, settings: WebSearchSettings, read_text: ReadText) -> None:
        self._client = Client(allow_private=settings.allow_private, private_setting="web_search.allow_private")
        self._seconds = settings.timeout
        self._most = settings.page_bytes
        self._read_text = read_text
        self._cache: OrderedDict[str, tuple[float, Page]] = OrderedDict()

    async def open(self, url: str, allows: Callable[[str], bool]) -> Page:
        """The page, if `allows` returns True for the URL of each redirect. Raises WebSearchError."""
        now = asyncio.get_running_loop().time()
        cached = self._cache.get(url)
        # A request with fewer domains may not have a page that another one was redirected to.
        if cached is not None and cached[0] > now and all(map(allows, cached[1].urls[1:])):
            return cached[1]
        page = await self._fetch(url, allows)
        self._cache[url] = (now + _CACHE_SECONDS, page)
        if len(self._cache) > _MAX_CACHED:
            self._cache.popitem(last=False)
        return page

    async def close(self) -> None:
        await self._client.close()

    async def _fetch(self, url: str, allows: Callable[[str], bool]) -> Page:
        try:
            async with (
                asyncio.timeout(self._seconds),
                await self._client.request(
                    "GET", url, headers={"Accept": _ACCEPT}, redirects=_MAX_REDIRECTS, allows=allows
                ) as response,
            ):
                kind = _check_type(response)
                data = b"".join([chunk async for chunk in response.iter_bytes(self._most)])
        except TimeoutError:
            raise WebSearchError(f"The page could not be opened within {self._seconds:g} s.") from None
        except OutboundError as error:
            raise WebSearchError(f"The page could not be opened: {error}.") from None
        try:
            text = await self._read_text(data, kind)
        except ValueError as error:
            raise WebSearchError(f"The page could not be read: {error}") from None
        return Page(url, _find_title(data) or host_of(url), text[:_MAX_CHARACTERS], tuple(response.urls))


def _check_type(response: Response) -> str:
    """The media type of a response that can be read. Raises WebSearchError."""
    if response.status != 200:
        raise WebSearchError(f"The page could not be opened: status {response.status}.")
    headers = {name.lower(): value for name, value in response.headers}
    kind = headers.get("content-type", "text/html").partition(";")[0].strip().lower()
    if not kind.startswith(_READABLE):
        raise WebSearchError(f"The page could not be read: {kind[:100]!r} is unsupported.")
    return kind


def _find_title(data: bytes) -> str:
    start = _TITLE_START.search(data, 0, _TITLE_WITHIN)
    if start is None or (end := _TITLE_END.search(data, start.end(), start.end() + _MAX_TITLE_BYTES)) is None:
        return ""
    return strip_markup(decode_entities(data[start.end() : end.start()].decode("utf-8", "replace")))[:300]
