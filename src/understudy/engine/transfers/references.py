"""The ids in an object: its own, and those of the objects that it names."""

from collections.abc import Iterator, Mapping, Sequence
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


Place = tuple[dict[str, Any], str, Kind]
"""An object, its member that names others, and their kind."""


def find_places(body: Any) -> list[Place]:
    """Where a decoded object names others, at any depth."""
    places: list[Place] = []
    pending = [body]
    while pending:
        one = pending.pop()
        if isinstance(one, list):
            pending += [member for member in one if isinstance(member, dict | list)]
            continue
        for name, member in one.items():
            if name in _MEMBERS:
                places.append((one, name, _MEMBERS[name]))
            elif member and (type(member) is dict or type(member) is list) and name not in _OPAQUE:
                pending.append(member)
    return places


def read_place(place: Place) -> list[str]:
    """The ids at the place."""
    owner, name, _ = place
    member = owner[name]
    if type(member) is str:
        return [member]
    return [one for one in member if isinstance(one, str)] if isinstance(member, list) else []


def list_references(body: Any) -> Iterator[tuple[Kind, str]]:
    """The objects that a decoded object names, with their kinds."""
    for place in find_places(body):
        for identifier in read_place(place):
            yield place[2], identifier


def replace_references(places: Sequence[Place], stored: Mapping[tuple[Kind, str], str]) -> None:
    """Changes the ids at the places to the stored ones."""
    for owner, name, kind in places:
        member = owner[name]
        if type(member) is str:
            owner[name] = stored.get((kind, member), member)
        elif isinstance(member, list):
            owner[name] = [stored.get((kind, one), one) if isinstance(one, str) else one for one in member]
