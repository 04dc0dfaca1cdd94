"""A search tool of an MCP server as a search engine: finds its parameters by their names, and results in its text."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from understudy.settings import WebSearchSettings
from understudy.tools.mcp import McpServer, McpServerError, McpTool, RemoteServers
from understudy.tools.web.types import SearchRequest, WebSearchError, build_result
from understudy.wire.items import WebResult

_QUERY_NAMES: Final = ("query", "q", "search_query", "searchQuery", "text", "input")
_COUNT_NAMES: Final = ("max_results", "num_results", "numResults", "maxResults", "count", "limit")
_URL_NAMES: Final = ("url", "link", "href")
_TEXT_NAMES: Final = ("content", "text", "description", "snippet", "body", "summary")
_URL: Final = re.compile(r"https?://[^\s<>\"'\])}]{1,2000}")
_TITLE: Final = re.compile(r"^(?:\s*(?:\d+[.)]|[-*#]+))?\s*(?:\**title\**:)?\s*(.*)$", re.IGNORECASE)
_MAX_DEPTH: Final = 6
_MAX_RESULTS: Final = 200
# The characters that are read of a text without JSON.
_MAX_CHARACTERS: Final = 1_000_000
_MAX_PARAGRAPHS: Final = 1000
# Parsed within a few milliseconds.
_INLINE_CHARACTERS: Final = 64 * 1024


class McpEngine:
    """The tool's schema is fetched with the first search."""

    def __init__(self, settings: WebSearchSettings, servers: RemoteServers) -> None:
        headers = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
        # The operator has chosen the server, which may be in a private network.
        self._server = McpServer(settings.url or "", headers, private=True)
        self._name = settings.tool
        self._servers = servers
        self._seconds = settings.timeout
        self._tool: McpTool | None = None

    async def search(self, request: SearchRequest) -> list[WebResult]:
        try:
            async with asyncio.timeout(self._seconds):
                tool = self._tool = self._tool or await self._find_tool()
                output = await self._servers.call_tool(self._server, tool.name, _build_arguments(tool.schema, request))
        except TimeoutError:
            raise WebSearchError(f"The search timed out after {self._seconds:g} s.") from None
        except McpServerError as failed:
            raise WebSearchError(f"The search could not be made. {failed}") from None
        if output.text is None:
            raise WebSearchError(f"The search failed: {output.error}")
        if len(output.text) <= _INLINE_CHARACTERS:
            return parse_results(output.text)
        return await asyncio.to_thread(parse_results, output.text)

    async def _find_tool(self) -> McpTool:
        tools = await self._servers.list_tools(self._server)
        for tool in tools:
            if tool.name == self._name or (self._name is None and "search" in tool.name.lower()):
                return tool
        wanted = f"named {self._name!r}" if self._name else "whose name contains 'search'"
        raise WebSearchError(f"The MCP server of `web_search.url` has no tool {wanted}.")


def _build_arguments(schema: Mapping[str, Any], request: SearchRequest) -> dict[str, Any]:
    """The arguments of a search. Raises WebSearchError for a tool without a parameter for the query."""
    properties = schema.get("properties")
    members = properties if isinstance(properties, dict) else {}
    required = schema.get("required") or []
    texts = [name for name in required if isinstance(members.get(name), dict) and members[name].get("type") == "string"]
    name = next((name for name in (*_QUERY_NAMES, *texts) if name in members), None)
    if name is None:
        raise WebSearchError("The search tool of the MCP server has no parameter for a query.")
    count = next((one for one in _COUNT_NAMES if one in members), None)
    return {name: request.filtered_query, **({} if count is None else {count: request.limit})}


def parse_results(text: str) -> list[WebResult]:
    """The results in the output of a tool: objects with a URL in JSON, or else paragraphs with a URL."""
    values = (one for value in _json_values(text) for one in _find_objects(value))
    objects = list(islice(values, _MAX_RESULTS))
    if objects:
        made = (
            build_result(_first(one, _URL_NAMES), one.get("title") or one.get("name"), _first(one, _TEXT_NAMES))
            for one in objects
        )
    else:
        paragraphs = re.split(r"\n\s*\n|\n-{3,}\n", text[:_MAX_CHARACTERS], maxsplit=_MAX_PARAGRAPHS)
        made = (_parse_paragraph(one) for one in paragraphs[:_MAX_PARAGRAPHS])
    unique = {one.url: one for one in made if one is not None}
    return list(unique.values())


def _json_values(text: str) -> Iterator[Any]:
    """The JSON values in a text that consists of them: servers send a list as one value, or its items in a row."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        if text[at].isspace() or text[at] == ",":
            at += 1
            continue
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield value


def _find_objects(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """The outermost objects with a URL."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, dict):
        if _first(value, _URL_NAMES):
            yield value
            return
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _find_objects(one, depth + 1)


def _first(value: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((one for name in names if isinstance(one := value.get(name), str) and one), "")


def _parse_paragraph(text: str) -> WebResult | None:
    url = _URL.search(text)
    if url is None:
        return None
    title = _TITLE.match(text.strip().partition("\n")[0])
    named = "" if title is None or _URL.search(title[1]) else title[1].strip("*[] ")
    return build_result(url[0].rstrip(".,;"), named, text)
