"""The table `[web_search]`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from understudy.settings.text import Text

VENDOR_SEARCH_URLS = {"brave": "https://api.search.brave.com/res/v1/web/search", "tavily": "https://api.tavily.com"}
"""Where the searches of each hosted provider go, unless `url` is set."""


class WebSearchSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tool `web_search` of responses; off as long as no provider is set."""

    provider: Annotated[
        Literal["searxng", "brave", "tavily", "mcp"] | None,
        Meta(
            description="What searches: `searxng` is an instance of your own, with `json` among its `search.formats`;"
            " `brave` and `tavily` are services with an API key; `mcp` is a tool of an MCP server. When unset, the tool"
            " is refused."
        ),
    ] = None
    url: Annotated[
        Text | None,
        Meta(
            description="URL of the SearXNG instance or of the MCP server, like `http://127.0.0.1:8888`; for Brave and"
            " Tavily, another address of their API."
        ),
    ] = None
    api_key: Annotated[
        Text | None,
        Meta(
            description="API key of the provider, sent as a bearer token to an MCP server; set"
            " `UNDERSTUDY_WEB_SEARCH__API_KEY` to keep it out of the file."
        ),
    ] = None
    tool: Annotated[
        Text | None,
        Meta(description="Tool of the MCP server; when unset, its first one whose name contains `search`."),
    ] = None
    results: Annotated[
        int,
        Meta(ge=1, le=20, description="Maximum number of results of one query."),
    ] = 8
    timeout: Annotated[
        float,
        Meta(gt=0, description="Timeout of one search, and of opening one page, in seconds."),
    ] = 15.0
    open_pages: Annotated[
        bool,
        Meta(
            description="Whether the model may open pages: those that a search returned, and those whose URL is in the"
            " conversation's own messages."
        ),
    ] = True
    page_bytes: Annotated[
        int,
        Meta(ge=1024, description="Maximum size of a page in bytes."),
    ] = 4 * 1024 * 1024
    allow_private: Annotated[
        bool,
        Meta(description="Whether pages may have addresses of this machine and private networks."),
    ] = False
    price: Annotated[
        float,
        Meta(ge=0, description="Price of one search in US dollars."),
    ] = 0.0
