"""Tools of responses that the vendor hosts: which of them this server runs itself, by its settings. Executes none."""

from collections.abc import Collection
from typing import Final

from understudy.tools.web import WebSearch
from understudy.wire.response_rules import hosted_kind

_SETTINGS: Final = {"web_search": "`web_search.provider`, a search engine for this tool"}


class HostedTools:
    def __init__(self, web: WebSearch) -> None:
        self.web = web

    @property
    def served(self) -> Collection[str]:
        """The kinds of tools that this server runs."""
        return frozenset({"web_search"} if self.web.is_available else ())

    def explain_missing(self, kind: str) -> str:
        """Why a tool of this type is refused, and what its operator can do."""
        setting = _SETTINGS.get(hosted_kind(kind) or "")
        reason = "it runs on the vendor's servers only" if setting is None else "it is not set up"
        change = "" if setting is None else f" set {setting}, or"
        return (
            f"The tool {kind!r} is not available on this server: {reason}. Leave it out, or have the operator{change}"
            ' set `responses.hosted_tools` to "drop", so that such tools are accepted and never called.'
        )
