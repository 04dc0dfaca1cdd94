"""What the readers of an import return, and what the importer consumes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal, Protocol

import msgspec

Kind = Literal[
    "assistant",
    "file",
    "vector_store",
    "vector_store_file",
    "file_batch",
    "prompt",
    "thread",
    "message",
    "run",
    "step",
    "response",
    "chat_completion",
    "batch",
    "video",
    "transcription",
    "upload",
    "container",
    "webhook_endpoint",
]

KINDS: Final[tuple[Kind, ...]] = (
    "file",
    "vector_store",
    "vector_store_file",
    "file_batch",
    "assistant",
    "prompt",
    "thread",
    "message",
    "run",
    "step",
    "response",
    "chat_completion",
    "batch",
    "video",
    "transcription",
    "upload",
    "container",
    "webhook_endpoint",
)
"""In the order in which they are inserted: each after what it names. Items of a thread are of the kind `message`."""

ROW_PREFIX: Final = "understudy."
"""Begins the `object` of what only our own export has: its `row` is for the store, with ids that need no prefix."""

ORDER_MEMBER: Final = "understudy_order"
"""In our own export: the time and the number that items of a thread are sorted by."""


class RawObject:
    """An object as it was read; its members are not checked, except `id` (a text), and `thread_id` and `run_id` of what
    has one, which a reader fills in from the place of the object.

    Objects of one kind are sorted by `created_at`, in Unix seconds or 0 where they have none, and then by their place
    in their list, from the end where it descends; `position` is the number in this order. `encoded` is the body as
    JSON. `has_inner_references` is False where only own members name other objects.
    """

    __slots__ = ("_body", "created_at", "encoded", "has_inner_references", "id", "kind", "position")

    def __init__(
        self, kind: Kind, identifier: str, created_at: int, position: int, encoded: bytes, *, has_inner_references: bool
    ) -> None:
        self.kind = kind
        self.id = identifier
        self.created_at = created_at
        self.position = position
        self.encoded = encoded
        self.has_inner_references = has_inner_references
        self._body: dict[str, Any] | None = None

    @property
    def body(self) -> dict[str, Any]:
        """Decoded when it is first read: most objects are decoded as what they are."""
        if self._body is None:
            decoded: dict[str, Any] = msgspec.json.decode(self.encoded)
            self._body = decoded
        return self._body


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not read. `place` is the entry and line, or the id, without paths of this machine."""

    place: str
    reason: str


class SpooledObjects(Protocol):
    """All objects of an import, sorted, on the local disk. The same input has the same order on every machine."""

    def count(self, kind: Kind) -> int:
        """The number of objects of a kind, without duplicates."""

    def read(self, kind: Kind, start: int = 0) -> Iterator[RawObject]:
        """The objects of a kind by `created_at` and position, from the one with the number `start`."""

    def problems(self) -> Iterator[Problem]:
        """What was not read, duplicates included, in the order of the input."""

    def open_content(self, file_id: str) -> BinaryIO | None:
        """The bytes of a file; None where the input has none."""

    def open_blob(self, name: str) -> BinaryIO | None:
        """The bytes of the entry with this name in any folder; None where the input has none."""

    def close(self) -> None:
        """Deletes what is on the disk."""
