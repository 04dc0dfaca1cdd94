"""Web search and the pages that it finds. Knows no run; everything that comes from the web is untrusted text."""

from understudy.tools.web.search import WebSearch
from understudy.tools.web.types import Location, Page, SearchRequest, WebSearchError

__all__ = ["Location", "Page", "SearchRequest", "WebSearch", "WebSearchError"]
