"""What a format's reader yields: an object with its place, or a place that holds none. Checks no member."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from msgspec import Struct

from understudy.importing.objects import Kind

KIND_BY_OBJECT: Final[dict[str, Kind]] = {
    "assistant": "assistant",
    "file": "file",
    "vector_store": "vector_store",
    "vector_store.file": "vector_store_file",
    "thread": "thread",
    "thread.message": "message",
    "thread.run": "run",
    "thread.run.step": "step",
    "understudy.item": "message",
    "understudy.prompt": "prompt",
    "understudy.response": "response",
    "understudy.chat_completion": "chat_completion",
    "understudy.batch": "batch",
    "understudy.video": "video",
    "understudy.file_batch": "file_batch",
    "understudy.transcription": "transcription",
    "understudy.upload": "upload",
    "understudy.container": "container",
    "understudy.webhook_endpoint": "webhook_endpoint",
}
OBJECT_BY_KIND: Final[dict[Kind, str]] = {
    kind: name for name, kind in KIND_BY_OBJECT.items() if name != "understudy.item"
}


@dataclass(frozen=True, slots=True)
class Path:
    """A place in a JSON document, such as `threads[3].messages[0]`."""

    above: "Path | None"
    segment: str | int

    @property
    def depth(self) -> int:
        return 1 + sum(1 for _ in self._ancestors())

    def __str__(self) -> str:
        text = ""
        for path in (*reversed([*self._ancestors()]), self):
            segment = path.segment
            text += f"[{segment}]" if isinstance(segment, int) else f".{segment}" if text else segment
        return text

    def _ancestors(self) -> Iterator["Path"]:
        path = self.above
        while path is not None:
            yield path
            path = path.above


class Place(Struct, frozen=True):
    """`entry` is a name within the input, empty where the input is one file; its text is for people."""

    entry: str = ""
    line: int | None = None
    path: Path | None = None

    def at(self, path: Path | None) -> "Place":
        return Place(self.entry, self.line, path)

    def __str__(self) -> str:
        parts = [self.entry, f"line {self.line}" if self.line else "", str(self.path) if self.path else ""]
        return ": ".join(part for part in parts if part) or "the input"


@dataclass(frozen=True, slots=True)
class Parents:
    """The objects around an object, by their ids."""

    thread_id: str | None = None
    run_id: str | None = None
    vector_store_id: str | None = None

    def within(self, members: dict[str, Any], kind: Kind | None) -> Self:
        """The parents of what is nested in an object with these members."""
        kind = KIND_BY_OBJECT.get(str(members.get("object")), kind)
        own = {"thread": "thread_id", "run": "run_id", "vector_store": "vector_store_id"}.get(kind or "")
        names = {name: members.get(name) for name in ("thread_id", "run_id", "vector_store_id")}
        if own is not None:
            names[own] = members.get("id")
        return replace(self, **{name: value for name, value in names.items() if isinstance(value, str)})


class Found(Struct, frozen=True):
    """An object as it stands in the input. `index` is its place in the list with the number `list_number`."""

    kind: Kind
    body: dict[str, Any]
    parents: Parents
    list_number: int
    index: int
    place: Place


@dataclass(frozen=True, slots=True)
class Refused:
    """No object; `reason` is a sentence."""

    place: Place
    reason: str


Item = Found | Refused
