"""Finds the objects of the API in JSON: in lists, pages, exports of threads, and nested in one another.

A collection is streamed, so a document of any size takes the memory of its largest object. What an object contains
under other names is a part of it.
"""

from collections.abc import Iterator
from typing import Any, Final

from understudy.importing import flat_messages
from understudy.importing.found import KIND_BY_OBJECT, OBJECT_BY_KIND, Found, Item, Parents, Path, Place, Refused
from understudy.importing.json_events import STARTS, Event, MalformedJson, ValueBuilder, value_events
from understudy.importing.limits import Limits
from understudy.importing.objects import Kind

COLLECTIONS: Final[dict[str, Kind | None]] = {
    "assistant": "assistant",
    "assistants": "assistant",
    "data": None,
    "file": "file",
    "files": "file",
    "items": None,
    "message": "message",
    "messages": "message",
    "objects": None,
    "records": None,
    "results": None,
    "rows": None,
    "run": "run",
    "run_steps": "step",
    "runs": "run",
    "steps": "step",
    "thread": "thread",
    "threads": "thread",
    "vector_store": "vector_store",
    "vector_store_files": "vector_store_file",
    "vector_stores": "vector_store",
}
"""Members whose lists and objects are objects of their own, with the kind of those that have no `object`."""

_PREFIXES: Final[dict[str, Kind]] = {
    "asst_": "assistant",
    "thread_": "thread",
    "msg_": "message",
    "run_": "run",
    "step_": "step",
    "vs_": "vector_store",
}
_CONTAINER_DEPTH: Final = 32
_MAX_LEVELS: Final = 4
_EXPORTS: Final = ("assistants-export-manifest/", "assistants-thread-export/", "understudy-export/")


class ObjectWalker:
    """One walk over `events`. `numbers` numbers the lists of the whole input; `level` counts walks within walks."""

    def __init__(
        self,
        events: Iterator[Event],
        place: Place,
        parents: Parents,
        limits: Limits,
        numbers: Iterator[int],
        level: int = 0,
    ) -> None:
        self._events = events
        self._place = place
        self._parents = parents
        self._limits = limits
        self._numbers = numbers
        self._level = level
        self._last: Path | None = None

    def walk(self, list_number: int | None = None, index: int = 0) -> Iterator[Item]:
        """The objects of all values; of a malformed document those before the fault, and the fault."""
        if list_number is None:
            list_number = next(self._numbers)
        try:
            for event in self._events:
                yield from self._walk_value(event, self._place.path, None, self._parents, list_number, index)
                index += 1
        except MalformedJson as error:
            yield Refused(self._place.at(self._last), str(error))

    def _walk_value(
        self, event: Event, path: Path | None, kind: Kind | None, parents: Parents, list_number: int, index: int
    ) -> Iterator[Item]:
        self._last = path
        if path is not None and path.depth > _CONTAINER_DEPTH:
            raise MalformedJson(f"Lists are nested deeper than {_CONTAINER_DEPTH} levels.")
        if event[0] == "start_map":
            yield from self._walk_map(path, kind, parents, list_number, index)
        elif event[0] == "start_array":
            yield from self._walk_array(path, kind, parents)
        elif event[1] is not None:
            yield Refused(self._place.at(path), f"It is a {_type_name(event[1])}, not an object.")

    def _walk_array(self, path: Path | None, kind: Kind | None, parents: Parents) -> Iterator[Item]:
        list_number = next(self._numbers)
        for index, event in enumerate(self._events):
            if event[0] == "end_array":
                return
            yield from self._walk_value(event, Path(path, index), kind, parents, list_number, index)

    def _walk_map(
        self, path: Path | None, kind: Kind | None, parents: Parents, list_number: int, index: int
    ) -> Iterator[Item]:
        builder = ValueBuilder(self._limits.object_bytes, self._limits.depth)
        members: dict[str, Any] = {}
        has_children = False
        for name, key in self._events:
            if name == "end_map":
                break
            event = next(self._events, None)
            if event is None:
                raise MalformedJson("The JSON is cut off.")
            if event[0] in STARTS and (key in COLLECTIONS or _is_keyed(key, event, members, kind)):
                has_children = True
                child_kind = COLLECTIONS.get(key) or kind
                inner = parents.within(members, kind)
                for item in self._walk_value(event, Path(path, key), child_kind, inner, next(self._numbers), 0):
                    if isinstance(item, Found) and key == "thread":
                        members.setdefault("thread_id", item.body.get("id"))
                    yield item
            else:
                members[key] = builder.build(event, self._events)
                if builder.refusal is not None:
                    members = {name: members[name] for name in ("id", "object") if name in members}
        place = self._place.at(path)
        if builder.refusal is not None:
            yield Refused(place, builder.refusal)
        elif (found := to_object(members, kind, place, parents, list_number, index)) is not None:
            yield found
        else:
            yield from self._walk_unknown(members, place, parents, has_children)

    def _walk_unknown(
        self, members: dict[str, Any], place: Place, parents: Parents, has_children: bool
    ) -> Iterator[Item]:
        """What a dict without an object of its own contributes: the failures of an export, objects deeper inside."""
        schema = str(members.get("export_schema") or members.get("format"))
        if schema.startswith(_EXPORTS):
            yield from _reported_failures(members, place)
        elif not has_children and members.get("object") != "list" and not _is_empty_collection(members, place):
            found = False
            # Each level walks what it holds once more.
            for item in self._walk_nested(members, place, parents) if self._level < _MAX_LEVELS else ():
                found = True
                yield item
            if not found:
                yield Refused(place, _describe_unknown(members))

    def _walk_nested(self, value: Any, place: Place, parents: Parents) -> Iterator[Item]:
        if isinstance(value, dict) and (
            str(value.get("object")) in KIND_BY_OBJECT or COLLECTIONS.keys() & value.keys()
        ):
            events = value_events(value)
            yield from ObjectWalker(events, place, parents, self._limits, self._numbers, self._level + 1).walk()
        elif isinstance(value, (dict, list)):
            children = value.items() if isinstance(value, dict) else enumerate(value)
            for key, child in children:
                yield from self._walk_nested(child, place.at(Path(place.path, key)), parents)


def to_object(
    members: dict[str, Any], kind: Kind | None, place: Place, parents: Parents, list_number: int, index: int
) -> Item | None:
    """The object with these members, or why it is refused; None if they are a page or another wrapper."""
    name = members.get("object")
    if isinstance(name, str) and name in KIND_BY_OBJECT:
        return Found(KIND_BY_OBJECT[name], members, parents, list_number, index, place)
    if name == "list" or members.get("format") or members.get("export_schema"):
        return None
    if isinstance(name, str):
        return Refused(place, f"Objects of the type {name!r} are not imported.")
    if flat_messages.is_flat_message(members):
        return flat_messages.to_message(members, place, parents, list_number, index)
    identifier = members.get("id")
    kind = kind or next((one for prefix, one in _PREFIXES.items() if str(identifier).startswith(prefix)), None)
    if kind is None or not isinstance(identifier, str):
        return None
    return Found(kind, {"object": OBJECT_BY_KIND[kind], **members}, parents, list_number, index, place)


def _is_empty_collection(members: dict[str, Any], place: Place) -> bool:
    """Whether there is nothing in a member of objects by their ids, as in `{"files": {}}`."""
    return not members and place.path is not None and place.path.segment in COLLECTIONS


def _is_keyed(key: str, event: Event, members: dict[str, Any], kind: Kind | None) -> bool:
    """Whether a member is an object under its id, as in `{"files": {"file-1": {…}}}`."""
    return kind is not None and event[0] == "start_map" and not members and ("-" in key or "_" in key)


def _reported_failures(members: dict[str, Any], place: Place) -> Iterator[Item]:
    """What the exporter itself could not read."""
    for name in ("errors", "threads_failed"):
        failures = members.get(name)
        for failure in failures if isinstance(failures, list) else ():
            if isinstance(failure, dict):
                identifier = failure.get("id") or failure.get("thread_id")
                yield Refused(place, f"The exporter could not read {identifier!s:.128}: {failure.get('error')!s:.200}.")


def _describe_unknown(members: dict[str, Any]) -> str:
    if not members:
        return "It is an empty object."
    names = ", ".join(sorted(members)[:6])
    return f"It is not an object of the API; its members are {names[:200]}."


def _type_name(value: Any) -> str:
    names = {str: "string", bool: "boolean"}
    return names.get(type(value), "number")
