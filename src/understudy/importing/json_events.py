"""The events of JSON as it is parsed, and values of them within limits. Knows no object of the API."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import ijson

Event = tuple[str, Any]
STARTS: Final = frozenset({"start_map", "start_array"})
_ENDS: Final = frozenset({"end_map", "end_array"})
_SCALAR_BYTES: Final = 8


class MalformedJson(Exception):
    """The rest of the document cannot be parsed; the text is a sentence."""


def parse_events(chunks: Iterable[bytes], limit: int) -> Iterator[Event]:
    """The events of all values in `chunks`, one after another. Raises MalformedJson.

    A string or number longer than `limit` bytes is malformed, since the parser has to hold it in memory.
    """
    # `use_float`: without it the C parser crashes on an integer of more than 4,300 digits.
    events = ijson.sendable_list()
    parser = ijson.basic_parse_coro(events, multiple_values=True, use_float=True)
    pending = 0
    line = 1
    for chunk in chunks:
        pending += len(chunk)
        failure = _parse_chunk(parser.send, chunk)
        if events:
            yield from events
            events.clear()
            pending = 0
        if failure is not None:
            raise MalformedJson(f"Invalid JSON near line {line}: {failure}.")
        if pending > limit:
            raise MalformedJson(f"A value is longer than {limit} bytes.")
        line += chunk.count(b"\n")
    failure = _parse_chunk(lambda _: parser.close(), b"")
    yield from events
    if failure is not None:
        raise MalformedJson(f"The JSON is cut off at line {line}." if "EOF" in failure else f"Invalid JSON: {failure}.")


def _parse_chunk(send: Any, chunk: bytes) -> str | None:
    """Why the parser refuses the chunk, or None."""
    try:
        send(chunk)
    except (ijson.JSONError, ValueError) as error:
        if isinstance(error, UnicodeError):
            return "the text is not valid UTF-8"
        text = error.args[0] if error.args else ""
        first = (text.decode(errors="replace") if isinstance(text, bytes) else str(text)).split("\n")[0].rstrip(". ")
        return "a number is out of range" if "overflow" in first else first
    except StopIteration:
        return None
    return None


def read_chunks(stream: io.BufferedIOBase, size: int = 64 * 1024) -> Iterator[bytes]:
    while chunk := stream.read1(size):
        yield chunk


def value_events(value: Any) -> Iterator[Event]:
    """The events of a value that is in memory."""
    if isinstance(value, dict):
        yield "start_map", None
        for key, member in value.items():
            yield "map_key", key
            yield from value_events(member)
        yield "end_map", None
    elif isinstance(value, list):
        yield "start_array", None
        for member in value:
            yield from value_events(member)
        yield "end_array", None
    else:
        yield "scalar", value


@dataclass(slots=True)
class ValueBuilder:
    """Builds the values of one object. Beyond a limit `refusal` says why, and the rest is skipped."""

    bytes_left: int
    depth: int
    refusal: str | None = field(default=None, init=False)

    def build(self, event: Event, events: Iterator[Event]) -> Any:
        """The value that begins with `event`; its other events are consumed in any case."""
        name, value = event
        if name in STARTS:
            return self._build_container(name, events)
        self._spend(len(value) if isinstance(value, str) else _SCALAR_BYTES)
        return value

    def _build_container(self, start: str, events: Iterator[Event]) -> Any:
        # One loop without calls: it runs for each token of a document.
        is_map = start == "start_map"
        root: Any = {} if is_map else []
        current = root
        key = ""
        above: list[tuple[Any, bool]] = []
        left = self.bytes_left
        for name, value in events:
            if name == "map_key":
                key = value
                left -= len(value)
                continue
            if name in _ENDS:
                if not above:
                    self.bytes_left = left
                    return root
                current, is_map = above.pop()
                continue
            left -= len(value) if name == "string" else _SCALAR_BYTES
            if left < 0 or (name in STARTS and len(above) + 1 >= self.depth):
                self._spend(self.bytes_left - left)
                self._refuse(f"It is nested deeper than {self.depth} levels.")
                return _skip(events, len(above) + 1 + (name in STARTS))
            if name in STARTS:
                above.append((current, is_map))
                value = {} if name == "start_map" else []  # noqa: PLW2901 - attached like every other value
            if is_map:
                current[key] = value
            else:
                current.append(value)
            if name in STARTS:
                current, is_map = value, name == "start_map"
        raise MalformedJson("The JSON is cut off.")

    def _spend(self, count: int) -> None:
        self.bytes_left -= count
        if self.bytes_left < 0:
            self._refuse("It is larger than the limit of an object.")

    def _refuse(self, reason: str) -> None:
        self.refusal = self.refusal or reason


def _skip(events: Iterator[Event], depth: int) -> None:
    """Consumes the events up to the end of `depth` containers."""
    for name, _ in events:
        if name in STARTS:
            depth += 1
        elif name in _ENDS:
            depth -= 1
            if not depth:
                return
    raise MalformedJson("The JSON is cut off.")
