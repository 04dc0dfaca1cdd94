"""The output items of one response and the numbers of its stream's events. Knows no event of the engine."""

from collections.abc import Collection
from operator import is_
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from understudy.wire.response_events import (
    OutputItemAdded,
    OutputItemDone,
    ResponseCompleted,
    ResponseCreated,
    ResponseFailed,
    ResponseIncomplete,
    ResponseInProgress,
    ResponseQueued,
    ResponseStreamEvent,
)
from understudy.wire.response_items import OutputItem
from understudy.wire.responses import ResponseObject

OBFUSCATION_MULTIPLE: Final = 16
"""The length of a delta and of what obfuscates it is a multiple of it."""
_OBFUSCATION_CHARACTERS: Final = "k3VtQz8JwYbR5nXe"
_RESPONSE_EVENTS: Final = {
    "created": ResponseCreated,
    "queued": ResponseQueued,
    "in_progress": ResponseInProgress,
    "completed": ResponseCompleted,
    "failed": ResponseFailed,
    "incomplete": ResponseIncomplete,
}
E = TypeVar("E", bound=ResponseStreamEvent)


class ResponseStream:
    """`sequence` is the number of the next event; `merged` counts the deltas that are merged into the next one.

    `obfuscated`: deltas hide their length.
    """

    def __init__(self) -> None:
        self.response: ResponseObject
        self.output: list[OutputItem] = []
        self.abandoned: set[int] = set()
        """The places of items that streams have and the response has not: their owner died before it stored them."""
        self.sequence = 0
        self.merged = 0
        self.obfuscated = False
        self._open: set[int] = set()

    def items(self) -> list[OutputItem]:
        """The items of the response, the open ones as they were opened."""
        if not self.abandoned:
            return list(self.output)
        return [item for index, item in enumerate(self.output) if index not in self.abandoned]

    def completed_items(self) -> list[OutputItem]:
        hidden = self._open | self.abandoned
        return [item for index, item in enumerate(self.output) if index not in hidden]

    def closed_ids(self) -> set[str | None]:
        return {item.id for index, item in enumerate(self.output) if index not in self._open}

    def abandon_all_but(self, item_ids: Collection[str | None]) -> None:
        self.abandoned = {index for index, item in enumerate(self.output) if item.id not in item_ids}

    def add(self, item: OutputItem) -> int:
        """Opens an item; returns its place in the output."""
        self.output.append(item)
        self._open.add(len(self.output) - 1)
        return len(self.output) - 1

    def response_event(self, name: str) -> ResponseStreamEvent:
        """The response as it is now, with all of its items."""
        return _RESPONSE_EVENTS[name](response=self.current(), sequence_number=self.take_number())

    def current(self) -> ResponseObject:
        """The response with all of its items, the open ones as they were opened.

        It is the same object until something changes, so that it is encoded once.
        """
        items, output = self.items() if self.abandoned else self.output, self.response.output
        if len(items) != len(output) or (items and not all(map(is_, items, output))):
            self.response = msgspec.structs.replace(self.response, output=list(items))
        return self.response

    def settled(self) -> ResponseObject:
        """The response with its complete items."""
        if not self._open:
            return self.current()
        return msgspec.structs.replace(self.response, output=self.completed_items())

    def item_added(self, index: int, item: OutputItem) -> ResponseStreamEvent:
        return OutputItemAdded(item=item, output_index=index, sequence_number=self.take_number())

    def item_done(self, index: int, item: OutputItem) -> ResponseStreamEvent:
        """Closes the item, in its final form."""
        self.output[index] = item
        self._open.discard(index)
        return OutputItemDone(item=item, output_index=index, sequence_number=self.take_number())

    def event(self, kind: type[E], **members: Any) -> E:
        return kind(sequence_number=self.take_number(), **members)

    def delta(self, kind: type[E], text: str, **members: Any) -> E:
        number = self.take_delta_numbers(1)
        return kind(delta=text, obfuscation=self.obfuscation(text), sequence_number=number, **members)

    def take_number(self) -> int:
        """The number of the next event, which it becomes."""
        number = self.sequence
        self.sequence = number + 1
        return number

    def take_delta_numbers(self, count: int) -> int:
        """The first number of so many deltas.

        Merged deltas count after what opens their part; the number of the last one is that of them all.
        """
        number = self.sequence + self.merged
        self.sequence = number + count
        self.merged = 0
        return number

    def obfuscation(self, text: str) -> str | UnsetType:
        """What hides the length of a delta; unset where the client wants none."""
        return obfuscation_of(len(text)) if self.obfuscated else UNSET


def obfuscation_of(length: int) -> str:
    """What hides the length of a text."""
    return _OBFUSCATION_CHARACTERS[: -length % OBFUSCATION_MULTIPLE]
