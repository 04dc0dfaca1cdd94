"""The web search that the operator has chosen, and the pages that the model may open."""

from collections.abc import Callable, Sequence

from understudy.net.outbound import Client
from understudy.settings import WebSearchSettings
from understudy.tools.mcp import RemoteServers
from understudy.tools.web.engines import Engine, open_engine
from understudy.tools.web.mcp_engine import McpEngine
from understudy.tools.web.pages import Pages, ReadText
from understudy.tools.web.types import Page, SearchRequest, WebSearchError
from understudy.wire.items import WebResult


class WebSearch:
    def __init__(self, settings: WebSearchSettings, servers: RemoteServers, read_text: ReadText) -> None:
        self.settings = settings
        # The operator's own instance may have a private address; a redirect of it is not followed.
        self._client = Client(allow_private=False, private_setting="web_search.url")
        self._engine: Engine = (
            McpEngine(settings, servers) if settings.provider == "mcp" else open_engine(settings, self._client)
        )
        self._pages = Pages(settings, read_text)

    @property
    def is_available(self) -> bool:
        """Whether the operator has set a provider."""
        return self.settings.provider is not None

    async def search(self, requests: Sequence[SearchRequest]) -> list[WebResult]:
        """The results of the queries in turn, each URL once. Raises WebSearchError if every query fails."""
        found: list[list[WebResult]] = []
        failures: list[WebSearchError] = []
        for request in requests:
            try:
                results = await self._engine.search(request)
            except WebSearchError as failure:
                failures.append(failure)
            else:
                found.append([one for one in results if request.allows(one.url)][: request.limit])
        if failures and not found:
            raise failures[0]
        unique: dict[str, WebResult] = {}
        for rank in range(max(map(len, found), default=0)):
            for results in found:
                if rank < len(results):
                    unique.setdefault(results[rank].url, results[rank])
        return list(unique.values())

    async def open(self, url: str, allows: Callable[[str], bool] = lambda _: True) -> Page:
        """The page of a URL that `normalize_url` has returned, through redirects that `allows` returns True for.

        Raises WebSearchError.
        """
        return await self._pages.open(url, allows)

    async def close(self) -> None:
        await self._client.close()
        await self._pages.close()
