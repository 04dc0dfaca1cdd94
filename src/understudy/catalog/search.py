"""Choosing among the tools: by slug, by tag, by words."""

import re
from collections.abc import Iterable, Sequence

from understudy.catalog.table import AI_ML_API
from understudy.catalog.tool import Tool

_WORD = re.compile(r"\w+")


class UnknownTool(LookupError):
    """The text says which tools there are, or the one that was probably meant."""


def find(slug: str) -> Tool:
    """The tool of a slug, in capitals or not. Raises UnknownTool."""
    tool = AI_ML_API.by_slug.get(slug.upper())
    if tool is not None:
        return tool
    meant = search(slug.replace("_", " "))[:3]
    hint = f"Did you mean {' or '.join(one.slug for one in meant)}?" if meant else "List the tools to see their slugs."
    raise UnknownTool(f"No tool found with slug {slug!r}. {hint}")


def select(
    *,
    slugs: Iterable[str] | None = None,
    toolkits: Iterable[str] | None = None,
    tags: Iterable[str] = (),
    important: bool = False,
    query: str = "",
) -> list[Tool]:
    """The tools that fit, in the order of their slugs, or with a query the likeliest first.

    `slugs` overrides the rest, and slugs of no tool are left out.
    """
    if slugs is not None:
        wanted = [slug.strip().upper() for slug in slugs]
        return [AI_ML_API.by_slug[slug] for slug in dict.fromkeys(wanted) if slug in AI_ML_API.by_slug]
    if toolkits is not None and AI_ML_API.slug not in {slug.strip().upper() for slug in toolkits}:
        return []
    asked = set(tags)
    found = search(query) if query.strip() else AI_ML_API.tools
    return [tool for tool in found if asked <= set(tool.tags) and (tool.important or not important)]


def search(query: str) -> list[Tool]:
    """Those with any of the words; first those with all of them, in their names rather than in what is said of them."""
    words = _words(query)
    ranked = [(_rank(tool, words), tool) for tool in AI_ML_API.tools]
    return [tool for rank, tool in sorted(ranked, key=lambda pair: pair[0], reverse=True) if rank > (0, 0)]


def _rank(tool: Tool, words: Sequence[str]) -> tuple[int, int]:
    named, told = _words(f"{tool.name} {tool.slug.removeprefix('AI_ML_API_')}"), _words(tool.description)
    weights = [
        3 if word in named else 2 if _has_prefix_match(word, named) else 1 if _has_prefix_match(word, told) else 0
        for word in words
    ]
    return sum(weight > 0 for weight in weights), sum(weights)


def _has_prefix_match(word: str, words: Sequence[str]) -> bool:
    """Whether one begins like the word: `run` finds `runs`, `creating` finds nothing."""
    return any(one.startswith(word) or (len(one) > 2 and word.startswith(one)) for one in words)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("_", " "))
