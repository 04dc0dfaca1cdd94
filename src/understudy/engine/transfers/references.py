"""The ids in an object: its own, and those of the objects that it names."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from understudy.importing.objects import Kind

ReferenceKind = Kind | Literal["response_thread"]
"""The items of responses without a conversation are in threads that have no row, and the id of the first response."""

_MEMBERS: Final[Mapping[str, Kind]] = {
    "assistant_id": "assistant",
    "thread_id": "thread",
    "message_id": "message",
    "copied_message_id": "message",
    "input_item": "message",
    "last_item": "message",
    "previous_id": "response",
    "run_id": "run",
    "file_id": "file",
    "file_ids": "file",
    "input_file_id": "file",
    "output_file_id": "file",
    "error_file_id": "file",
    "vector_store_id": "vector_store",
    "vector_store_ids": "vector_store",
}
_RESPONSE_PREFIX: Final = "resp_"
_OF_RESPONSES: Final[Mapping[Kind, ReferenceKind]] = {"thread": "response_thread", "run": "response"}
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


def read_place(place: Place) -> list[tuple[ReferenceKind, str]]:
    """The objects that are named at the place."""
    owner, name, kind = place
    member = owner[name]
    if type(member) is str:
        return [refer(kind, member)]
    return [refer(kind, one) for one in member if isinstance(one, str)] if isinstance(member, list) else []


def refer(kind: Kind, identifier: str) -> tuple[ReferenceKind, str]:
    if identifier.startswith(_RESPONSE_PREFIX):
        return _OF_RESPONSES.get(kind, kind), identifier
    return kind, identifier


def list_references(body: Any) -> Iterator[tuple[ReferenceKind, str]]:
    """The objects that a decoded object names, with their kinds."""
    for place in find_places(body):
        yield from read_place(place)


def replace_references(places: Sequence[Place], stored: Mapping[tuple[ReferenceKind, str], str]) -> None:
    """Changes the ids at the places to the stored ones."""
    for owner, name, kind in places:
        member = owner[name]
        if type(member) is str:
            owner[name] = stored.get(refer(kind, member), member)
        elif isinstance(member, list):
            owner[name] = [stored.get(refer(kind, one), one) if isinstance(one, str) else one for one in member]
