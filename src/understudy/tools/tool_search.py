"""The search for deferred tools: its function for the model, and which tools a call finds. Pure.

A deferred tool is a declaration of a request as JSON: a function, a custom tool, a namespace of them, or a remote
server with its tools. The model knows names and descriptions; what it loads, it can call afterwards. Source: the
Responses API's tool `tool_search` and its items.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from understudy.tools.functions import decode_arguments, define_function

Declaration = Mapping[str, Any]

_MAX_PATHS: Final = 16
_MAX_PATH_LENGTH: Final = 500
_MAX_WORDS: Final = 32
"""Words of a path that are looked for."""
_MAX_SEARCHED: Final = 500
"""Characters of a description that are searched."""
_MAX_MATCHES: Final = 10
"""Tools that the words of one path find."""
_MAX_DESCRIPTION: Final = 200
_WORD: Final = re.compile(r"[^\W_]+")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS: Final = (".", "/", "__")
# Shorter words that end with an s are not taken as plurals.
_MIN_PLURAL: Final = 3


class _Entry(NamedTuple):
    """A tool: the names of its namespace and of itself, and their words."""

    key: tuple[str, str]
    names: frozenset[str]
    texts: frozenset[str]


def definition(name: str, deferred: Sequence[Declaration]) -> dict[str, Any]:
    listed = "\n".join(f"- {line}" for tool in deferred for line in _describe_tool(tool))
    paths = {
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "maxItems": _MAX_PATHS,
        "description": "Names from the list, or words for what a tool should do.",
    }
    description = (
        "Loads tools, which can be called after this call and not before. Load those that the task needs, all at once."
        f" These exist:\n{listed}"
    )
    return define_function(name, description, {"paths": paths})


def parse_paths(arguments: str) -> list[str]:
    """What to load. Arguments that violate the schema are accepted as far as they make sense."""
    members = decode_arguments(arguments)
    value = members.get("paths") or members.get("path") or members.get("query") or []
    listed = value if isinstance(value, list) else [value]
    texts = (one.strip()[:_MAX_PATH_LENGTH] for one in listed if isinstance(one, str))
    return list(dict.fromkeys(text for text in texts if text))[:_MAX_PATHS]


def find_tools(deferred: Sequence[Declaration], paths: Sequence[str]) -> list[dict[str, Any]]:
    """The declarations that the paths name, or else describe, in their order; a group has what was found of it."""
    chosen: set[tuple[str, str]] = set()
    described: list[str] = []
    for path in paths:
        named = _match_names(deferred, path)
        chosen |= named
        if not named:
            described.append(path)
    entries = _index(deferred) if described else []
    for path in described:
        chosen |= _match_words(entries, path)
    found: list[dict[str, Any]] = []
    for tool in deferred:
        if "tools" not in tool:
            if ("", tool["name"]) in chosen:
                found.append(dict(tool))
            continue
        members = [one for one in tool["tools"] if (tool["name"], one["name"]) in chosen]
        if members:
            found.append({**tool, "tools": members})
    return found


def render_found(tool: Declaration) -> dict[str, Any]:
    """What was found as a tool of an item: of a remote server, its tools are the allowed ones."""
    if tool["type"] != "mcp":
        return dict(tool)
    named = {"server_label": tool["name"], "allowed_tools": [one["name"] for one in tool["tools"]]}
    described = {"server_description": tool["description"]} if tool.get("description") else {}
    return {"type": "mcp", **named, **described, "defer_loading": True}


def _describe_tool(tool: Declaration) -> Iterator[str]:
    """A line for the tool; for a group one, and one for each of its tools."""
    yield _line(tool["name"], tool.get("description"))
    for one in tool.get("tools", ()):
        yield _line(f"{tool['name']}.{one['name']}", one.get("description"))


def _line(name: str, description: str | None) -> str:
    text = " ".join((description or "")[:_MAX_SEARCHED].split())
    return f"{name}: {text[:_MAX_DESCRIPTION]}" if text else name


def _members(deferred: Sequence[Declaration]) -> Iterator[tuple[str, Declaration, str]]:
    """Each tool with the name of its group, empty without one, and the group's description."""
    for tool in deferred:
        if "tools" in tool:
            for one in tool["tools"]:
                yield tool["name"], one, tool.get("description") or ""
        else:
            yield "", tool, ""


def _match_names(deferred: Sequence[Declaration], path: str) -> set[tuple[str, str]]:
    """The tools of this name or of the namespace of this name, also with the namespace before a separator."""
    wanted = path.casefold()
    return {
        (group, tool["name"])
        for group, tool, _ in _members(deferred)
        if wanted in {tool["name"].casefold(), group.casefold() or None}
        or any(wanted == f"{group}{sign}{tool['name']}".casefold() for sign in _SEPARATORS if group)
    }


def _index(deferred: Sequence[Declaration]) -> list[_Entry]:
    return [
        _Entry((group, tool["name"]), _words(f"{group} {tool['name']}"), _words(_join(tool.get("description"), about)))
        for group, tool, about in _members(deferred)
    ]


def _match_words(entries: Sequence[_Entry], path: str) -> set[tuple[str, str]]:
    words = frozenset(sorted(_words(path))[:_MAX_WORDS])
    scores = [2 * len(words & entry.names) + len(words & entry.texts) for entry in entries]
    best = sorted(range(len(entries)), key=lambda place: -scores[place])
    return {entries[place].key for place in best[:_MAX_MATCHES] if scores[place]}


def _join(*texts: str | None) -> str:
    return " ".join((text or "")[:_MAX_SEARCHED] for text in texts)


def _words(text: str) -> frozenset[str]:
    """The words in lower case and without a plural's ending."""
    found = (word.casefold() for word in _WORD.findall(_HUMP.sub(" ", text)))
    return frozenset(word[:-1] if len(word) > _MIN_PLURAL and word.endswith("s") else word for word in found)
