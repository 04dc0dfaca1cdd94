"""Search of the tools: by slug, by tag, by words."""

import re
from collections.abc import Iterable, Sequence

from understudy_toolkit.catalog.table import AI_ML_API
from understudy_toolkit.catalog.tool import Tool

_WORD = re.compile(r"\w+")


class UnknownTool(LookupError):
    """The text suggests the closest tools."""


def find(slug: str) -> Tool:
    """The tool of a slug, in any case. Raises UnknownTool."""
    tool = AI_ML_API.by_slug.get(slug.upper())
    if tool is not None:
        return tool
    matches = search(slug.replace("_", " "))[:3]
    hint = (
        f"Did you mean {' or '.join(one.slug for one in matches)}?" if matches else "List the tools to see their slugs."
    )
    raise UnknownTool(f"No tool found with slug {slug!r}. {hint}")


def subset(names: Sequence[str]) -> list[Tool]:
    """The tools that any of the names stands for, all without names. Raises UnknownTool.

    A name is a slug, a slug without the toolkit's prefix, or a tag such as `readOnlyHint` and `important`; in any case.
    """
    if not names:
        return list(AI_ML_API.tools)
    chosen = {tool.slug for name in names for tool in _named(name)}
    return [tool for tool in AI_ML_API.tools if tool.slug in chosen]


def _named(name: str) -> list[Tool]:
    tagged = [tool for tool in AI_ML_API.tools if name.lower() in {tag.lower() for tag in tool.tags}]
    slug = f"{AI_ML_API.slug}_{name.upper()}"
    return tagged or [find(slug if slug in AI_ML_API.by_slug else name)]


def select(
    *,
    slugs: Iterable[str] | None = None,
    toolkits: Iterable[str] | None = None,
    tags: Iterable[str] = (),
    important: bool = False,
    query: str = "",
) -> list[Tool]:
    """The matching tools, ordered by slug, or by relevance for a query.

    `slugs` overrides the other filters; unknown slugs are ignored.
    """
    if slugs is not None:
        requested = [slug.strip().upper() for slug in slugs]
        return [AI_ML_API.by_slug[slug] for slug in dict.fromkeys(requested) if slug in AI_ML_API.by_slug]
    if toolkits is not None and AI_ML_API.slug not in {slug.strip().upper() for slug in toolkits}:
        return []
    required_tags = set(tags)
    matches = search(query) if query.strip() else AI_ML_API.tools
    return [tool for tool in matches if required_tags <= set(tool.tags) and (tool.important or not important)]


def search(query: str) -> list[Tool]:
    """Tools with any of the words, ranked by the number of words, then by matches in names over descriptions."""
    words = _words(query)
    ranked = [(_rank(tool, words), tool) for tool in AI_ML_API.tools]
    return [tool for rank, tool in sorted(ranked, key=lambda pair: pair[0], reverse=True) if rank > (0, 0)]


def _rank(tool: Tool, words: Sequence[str]) -> tuple[int, int]:
    name, description = _words(f"{tool.name} {tool.slug.removeprefix('AI_ML_API_')}"), _words(tool.description)
    weights = [
        3 if word in name else 2 if _has_prefix_match(word, name) else 1 if _has_prefix_match(word, description) else 0
        for word in words
    ]
    return sum(weight > 0 for weight in weights), sum(weights)


def _has_prefix_match(word: str, words: Sequence[str]) -> bool:
    """Whether one is a prefix of the other: `run` matches `runs`, `creating` does not match `create`."""
    return any(one.startswith(word) or (len(one) > 2 and word.startswith(one)) for one in words)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("_", " "))
