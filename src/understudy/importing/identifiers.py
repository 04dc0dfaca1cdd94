"""Ids without the prefix of their kind, as other servers and databases have them. They get it, wherever they stand.

The API refuses an id of a thread that does not begin with `thread`, so `42` could never be requested.
"""

from collections.abc import Mapping
from typing import Any, Final

from understudy.importing.objects import Kind

_PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "assistant": ("asst_", "asst"),
    "file": ("file-", "file_", "assistant-"),
    "vector_store": ("vs_",),
    "vector_store_file": ("file-", "file_", "assistant-"),
    "thread": ("thread_", "thread"),
    "message": ("msg_", "msg"),
    "run": ("run_", "run", "resp_"),
    "step": ("step_", "step"),
}
"""The prefixes that the API accepts; the first one is added. The messages of a response name it as their run."""

_REFERENCES: Final[Mapping[str, Kind]] = {
    "assistant_id": "assistant",
    "file_id": "file",
    "file_ids": "file",
    "message_id": "message",
    "run_id": "run",
    "thread_id": "thread",
    "vector_store_id": "vector_store",
    "vector_store_ids": "vector_store",
}
_WITH_REFERENCES: Final = ("content", "attachments", "step_details", "tool_resources")
"""Members of objects that have ids in them. Metadata and schemas of functions belong to the client."""


def add_prefix(kind: Kind, identifier: str) -> str:
    prefixes = _PREFIXES[kind]
    return identifier if identifier.startswith(prefixes) else prefixes[0] + identifier


def has_inner_references(kind: Kind, encoded: bytes) -> bool:
    """Whether members of members may have ids of other objects. In a message, these are files."""
    return kind != "message" or b'"file_id' in encoded


def add_own_prefixes(body: dict[str, Any]) -> None:
    """To what the members of an object refer to, in place."""
    for name in _REFERENCES:
        if body.get(name) is not None:
            _complete(body, {name})


def add_inner_prefixes(body: dict[str, Any]) -> None:
    """To what the members of its members refer to, in place."""
    for name in _WITH_REFERENCES:
        _complete_all(body.get(name))


def _complete_all(value: Any) -> None:
    if isinstance(value, dict):
        _complete(value, value.keys() & _REFERENCES.keys())
        for member in value.values():
            _complete_all(member)
    elif isinstance(value, list):
        for member in value:
            _complete_all(member)


def _complete(members: dict[str, Any], names: set[str]) -> None:
    for name in names:
        kind, value = _REFERENCES[name], members[name]
        if isinstance(value, str) and value:
            members[name] = add_prefix(kind, value)
        elif isinstance(value, list):
            members[name] = [add_prefix(kind, one) if isinstance(one, str) else one for one in value]
