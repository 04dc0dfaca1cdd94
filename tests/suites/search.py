"""The search engine of the suites' server, in SearXNG's form: the pages of pages.json that a query matches.

An entry has a pattern of queries, and a page's URL, title and text. A query that matches none gets the last page.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

_PAGES: Final = Path(__file__).parent / "pages.json"


@dataclass(frozen=True)
class Page:
    """A page that is found by queries that match."""

    query: re.Pattern[str]
    url: str
    title: str
    text: str

    def render(self) -> dict[str, str]:
        return {"url": self.url, "title": self.title, "content": self.text, "engine": "suites"}


class SearchEngine:
    """Answers searches."""

    def __init__(self) -> None:
        self._pages = read_pages()

    async def search(self, request: web.Request) -> web.Response:
        """`GET /search`."""
        query = request.query.get("q", "")
        found = [page for page in self._pages if page.query.search(query)] or self._pages[-1:]
        return web.json_response({"query": query, "results": [page.render() for page in found]})


def read_pages(path: Path = _PAGES) -> list[Page]:
    """The entries of the file, in its order."""
    return [
        Page(re.compile(one["query"], re.IGNORECASE), one["url"], one["title"], one["text"])
        for one in json.loads(path.read_text("utf-8"))
    ]
