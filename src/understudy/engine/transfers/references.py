"""The ids in an object: its own, and those of the objects that it names."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from understudy.importing.objects import Kind

_MEMBERS: Final[Mapping[str, Kind]] = {
    "assistant_id": "assistant",
    "thread_id": "thread",
    "message_id": "message",
    "run_id": "run",
    "file_id": "file",
    "file_ids": "file",
    "vector_store_id": "vector_store",
    "vector_store_ids": "vector_store",
}
_OPAQUE: Final = frozenset({"metadata", "parameters", "attributes", "json_schema"})
"""Members with values of clients."""


def list_references(body: Any) -> Iterator[tuple[Kind, str]]:
    """The objects that a decoded object names, with their kinds."""
    if isinstance(body, list):
        for one in body:
            yield from list_references(one)
    elif isinstance(body, dict):
        for name, member in body.items():
            if (kind := _MEMBERS.get(name)) is not None:
                texts = member if isinstance(member, list) else [member]
                yield from ((kind, text) for text in texts if isinstance(text, str))
            elif name not in _OPAQUE and isinstance(member, dict | list):
                yield from list_references(member)


def replace_references(body: Any, stored: Mapping[tuple[Kind, str], str]) -> Any:
    """The decoded object with the stored ids of what it names."""
    if isinstance(body, list):
        return [replace_references(one, stored) if isinstance(one, dict | list) else one for one in body]
    if not isinstance(body, dict):
        return body
    changed = {}
    for name, member in body.items():
        if (kind := _MEMBERS.get(name)) is not None:
            changed[name] = _replace_texts(member, kind, stored)
        elif name not in _OPAQUE and isinstance(member, dict | list):
            changed[name] = replace_references(member, stored)
        else:
            changed[name] = member
    return changed


def _replace_texts(member: Any, kind: Kind, stored: Mapping[tuple[Kind, str], str]) -> Any:
    if isinstance(member, list):
        return [stored.get((kind, one), one) if isinstance(one, str) else one for one in member]
    return stored.get((kind, member), member) if isinstance(member, str) else member
