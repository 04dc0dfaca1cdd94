"""The outline of a response's stream: the kind of each event, and the length of each delta. Stored with the response.

A replay of a stored response has whole texts. With the outline it has the numbers that the stream had, so a client that
has a part of a text is sent the rest of it.
"""

import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from understudy.wire.response_events import STREAM_EVENTS, OutputTextDelta, ResponseStreamEvent

# A hash of each kind of event; the same in all versions of this program.
_HASHES: Final = {kind: zlib.crc32(str(kind.__struct_config__.tag).encode()) & 0xFFFF for kind in STREAM_EVENTS}


def mark_delta(length: int) -> int:
    """The mark of a delta with that many code points: an odd number."""
    return length << 1 | 1


def mark_event(event: ResponseStreamEvent) -> int:
    text = getattr(event, "delta", None)
    if text is not None:
        return mark_delta(len(text))
    item = getattr(event, "output_index", -1) + 1
    return (_HASHES[type(event)] << 8 | item & 0xFF) << 1


def pack_outline(marks: "array[int]") -> bytes:
    return zlib.compress(marks.tobytes(), 1)


def unpack_outline(data: bytes) -> "array[int]":
    """Raises ValueError if the data is malformed."""
    marks = array("I")
    try:
        marks.frombytes(zlib.decompress(data))
    except zlib.error as error:
        raise ValueError(str(error)) from error
    return marks


def renumber(
    stream: Iterable[ResponseStreamEvent], outline: Sequence[int], after: int
) -> list[ResponseStreamEvent] | None:
    """The events after number `after` of a stream in which each text is one delta, with the numbers of the outline.

    A text that `after` divides begins after it. None if the stream has not the events of the outline in their order.
    """
    rest, number, marks = [], 0, iter(outline)
    for event in stream:
        ends = take_ends(event, marks)
        if ends is None:
            return None
        first, number = number, number + len(ends)
        if number > after + 1:
            missing = after + 1 - first
            whole = event if missing <= 0 else _cut(event, ends[missing - 1])
            rest.append(msgspec.structs.replace(whole, sequence_number=number - 1))
    return rest if next(marks, None) is None else None


def take_ends(event: ResponseStreamEvent, marks: Iterator[int]) -> list[int] | None:
    """Where in the text each delta of the event ends, and one number for another event; None if its marks differ."""
    text: str | None = getattr(event, "delta", None)
    if text is None:
        return [0] if next(marks, None) == mark_event(event) else None
    ends: list[int] = []
    end = 0
    while not ends or end < len(text):
        mark = next(marks, 0)
        if not mark & 1:
            return None
        end += mark >> 1
        ends.append(end)
    return ends if end == len(text) else None


def _cut(event: Any, start: int) -> Any:
    """The delta without its first characters."""
    changes: dict[str, Any] = {"delta": event.delta[start:]}
    if isinstance(event, OutputTextDelta) and event.logprobs:
        tokens, position = iter(event.logprobs), 0
        while position < start and (token := next(tokens, None)) is not None:
            position += len(token["token"])
        changes["logprobs"] = list(tokens)
    return msgspec.structs.replace(event, **changes)
