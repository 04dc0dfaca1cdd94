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
        failure = _send(parser.send, chunk)
        if events:
            yield from events
            events.clear()
            pending = 0
        if failure is not None:
            raise MalformedJson(f"Invalid JSON near line {line}: {failure}.")
        if pending > limit:
            raise MalformedJson(f"A value is longer than {limit} bytes.")
        line += chunk.count(b"\n")
    failure = _send(lambda _: parser.close(), b"")
    yield from events
    if failure is not None:
        raise MalformedJson(f"The JSON is cut off at line {line}." if "EOF" in failure else f"Invalid JSON: {failure}.")


def _send(send: Any, chunk: bytes) -> str | None:
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
        if event[0] not in STARTS:
            return self._convert_scalar(event[1])
        root: Any = {} if event[0] == "start_map" else []
        stack: list[Any] = [root]
        keys: list[str] = [""]
        skipped = 0
        for kind, value in events:
            if kind in _ENDS:
                if skipped:
                    skipped -= 1
                    continue
                stack.pop()
                keys.pop()
                if not stack:
                    return root
            elif kind in STARTS:
                if skipped or len(stack) >= self.depth or self.refusal is not None:
                    self.refuse(f"It is nested deeper than {self.depth} levels.")
                    skipped += 1
                    continue
                child: Any = {} if kind == "start_map" else []
                self._attach(stack[-1], keys[-1], child)
                stack.append(child)
                keys.append("")
            elif kind == "map_key":
                keys[-1] = value
                self._spend(len(value))
            elif not skipped:
                self._attach(stack[-1], keys[-1], self._convert_scalar(value))
        raise MalformedJson("The JSON is cut off.")

    def refuse(self, reason: str) -> None:
        self.refusal = self.refusal or reason

    def _attach(self, container: Any, key: str, value: Any) -> None:
        self._spend(_SCALAR_BYTES)
        if self.refusal is not None:
            return
        if isinstance(container, dict):
            container[key] = value
        else:
            container.append(value)

    def _convert_scalar(self, value: Any) -> Any:
        if isinstance(value, str):
            self._spend(len(value))
        return value

    def _spend(self, count: int) -> None:
        self.bytes_left -= count
        if self.bytes_left < 0:
            self.refuse("It is larger than the limit of an object.")
