"""The check of `understudy doctor` for web search: one search with the operator's engine."""

from understudy.cli.node_checks import CheckResult
from understudy.settings import Settings
from understudy.tools.mcp import RemoteServers
from understudy.tools.web import SearchRequest, WebSearch, WebSearchError

_SUBJECT = "web search"
_QUERY = "OpenAI API"


async def check_web_search(settings: Settings) -> CheckResult:
    """`web_search.provider` must be set."""
    search = WebSearch(settings.web_search, RemoteServers(settings.mcp), _read_text)
    try:
        found = await search.search([SearchRequest(_QUERY, 3)])
    except WebSearchError as failed:
        return CheckResult(_SUBJECT, "broken", str(failed))
    finally:
        await search.close()
    provider = settings.web_search.provider
    if not found:
        return CheckResult(_SUBJECT, "warning", f"{provider} returned no results for {_QUERY!r}; check its engines")
    return CheckResult(_SUBJECT, "ok", f"{provider} returned results for {_QUERY!r}")


async def _read_text(data: bytes, _: str) -> str:
    return data.decode("utf-8", "replace")
