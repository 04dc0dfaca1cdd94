"""The parser of server-sent events, from bytes in chunks of any size. Knows no HTTP and no JSON.

Source: the WHATWG HTML standard, "Server-sent events", with one leniency: the last event of a stream needs no blank
line after it, since several servers omit that line.
"""

from functools import partial
from typing import Final, NamedTuple

from understudy.errors import UpstreamError

MAX_EVENT_BYTES = 16 * 1024 * 1024

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """`name` is empty without an `event` field; the lines of `data` are joined with LF."""

    name: bytes
    data: bytes


# A named tuple's own constructor takes three times as long.
_new_event: Final = partial(tuple.__new__, Event)


class Reader:
    """Parses the bytes of one stream in order. Raises UpstreamError(malformed) for an event over `limit` bytes."""

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._after_carriage_return = False
        self.last_event_id = ""
        """The `id` of the last event that had one, to resume after it."""

    @property
    def is_empty(self) -> bool:
        """Whether the next byte begins a line that is the first of an event."""
        return not self._buffer and not self._after_carriage_return

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        if self._after_carriage_return or b"\r" in data:
            data = self._normalize_newlines(data)
        buffer = self._buffer
        if not buffer and data.startswith(b"data: ") and data.find(b"\n") == len(data) - 2 and data.endswith(b"\n\n"):
            # One whole event of one line: nearly every read.
            if len(data) - 2 > self._limit:
                raise self._oversized()
            return [_new_event((b"", data[6:-2]))]
        if not buffer and data.endswith(b"\n\n"):
            return self._parse(data[:-2].split(b"\n\n"))
        start = max(len(buffer) - 1, 0)
        buffer += data
        end = buffer.rfind(b"\n\n", start)
        if end < 0:
            if len(buffer) > self._limit:
                raise self._oversized()
            return []
        blocks = bytes(buffer[:end]).split(b"\n\n")
        del buffer[: end + 2]
        return self._parse(blocks)

    def close(self) -> list[Event]:
        """The event that the end of the stream truncates, if any."""
        block = bytes(self._buffer)
        self._buffer.clear()
        return self._parse([block])

    def _normalize_newlines(self, data: bytes) -> bytes:
        # A CR ends its line at once; the LF of a split CRLF is dropped on arrival.
        if not data:
            return data
        if self._after_carriage_return and data.startswith(b"\n"):
            data = data[1:]
        self._after_carriage_return = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _parse(self, blocks: list[bytes]) -> list[Event]:
        events = []
        limit = self._limit
        for block in blocks:
            if len(block) > limit:
                raise self._oversized()
            if block.startswith(b"data: ") and b"\n" not in block:
                events.append(_new_event((b"", block[6:])))
            elif (event := self._parse_block(block)) is not None:
                events.append(event)
        return events

    def _parse_block(self, block: bytes) -> Event | None:
        """None without data: comments, keep-alives, a lone `event`, `id` or `retry`."""
        name, data = b"", []
        for line in block.removeprefix(_BYTE_ORDER_MARK).split(b"\n"):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                data.append(value)
            elif field == b"event":
                name = value
            elif field == b"id" and b"\0" not in value:
                self.last_event_id = value.decode(errors="replace")
        return Event(name, b"\n".join(data)) if data else None

    def _oversized(self) -> UpstreamError:
        return UpstreamError("malformed", f"An event of the upstream exceeds the limit of {self._limit} bytes.")
