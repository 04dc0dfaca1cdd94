"""The stream of one response as bytes: its items in their places, and events with their numbers. Knows no event.

Members of an event come in the order of the alphabet, as in the hosted API's recorded streams.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from understudy.wire.response_items import OutputItem, encode_items
from understudy.wire.responses import ResponseObject

_encode_json = msgspec.json.encode
# As many characters as a delta with its filler is long, or a multiple of it.
_OBFUSCATION_MULTIPLE: Final = 16
_OBFUSCATION_CHARACTERS: Final = b"k3VtQz8JwYbR5nXe"


@dataclass(frozen=True, slots=True)
class EventPosition:
    """Where an event of the stream belongs, as members of its JSON: those come in the order of the alphabet."""

    item: bytes
    output: bytes
    content: bytes = b""
    summary: bytes = b""

    @classmethod
    def of(cls, item_id: str, index: int, *, content: int | None = None, summary: int | None = None) -> "EventPosition":
        return cls(
            b'"item_id":%b' % _encode_json(item_id),
            b',"output_index":%d' % index,
            b"" if content is None else b'"content_index":%d,' % content,
            b"" if summary is None else b',"summary_index":%d' % summary,
        )

    def members(self, first: bytes = b"", between: bytes = b"", last: bytes = b"") -> bytes:
        """All of them, with others before, in the middle of and behind them; each brings its comma."""
        return self.content + first + self.item + between + self.output + last


class ResponseStream:
    """`sequence` is the number of the next event; `merged` counts the deltas that are merged into the next one.

    `obfuscated`: deltas hide their length.
    """

    def __init__(self) -> None:
        self.response: ResponseObject
        self.sequence = 0
        self.merged = 0
        self.obfuscated = False
        self._open: set[int] = set()

    def completed_items(self) -> list[OutputItem]:
        return [item for index, item in enumerate(self.response.output) if index not in self._open]

    def close(self, index: int) -> None:
        """The item at this place is complete."""
        self._open.discard(index)

    def response_frame(self, name: str) -> bytes:
        return self.frame(name, b'"response":' + encode_items(self.response))

    def add(self, item: OutputItem) -> int:
        output = self.response.output
        output.append(item)
        self._open.add(len(output) - 1)
        return len(output) - 1

    def item_frame(self, name: str, index: int, item: OutputItem) -> bytes:
        return self.frame(f"output_item.{name}", b'"item":%b,"output_index":%d' % (encode_items(item), index))

    def delta_frame(self, kind: str, place: EventPosition, text: str, more: bytes = b"") -> bytes:
        delta = b'"delta":%b,' % _encode_json(text)
        if self.obfuscated:
            more += b',"obfuscation":"%b"' % _OBFUSCATION_CHARACTERS[: -len(text) % _OBFUSCATION_MULTIPLE]
        # Merged deltas count behind what opens their part; the last one's number is that of them all.
        self.sequence += self.merged
        self.merged = 0
        return self.frame(kind, place.members(delta, more), place.summary)

    def obfuscation(self, text: str | None) -> bytes:
        """What hides the length of a delta; nothing for events that are no deltas."""
        if text is None or not self.obfuscated:
            return b""
        return b',"obfuscation":"%b"' % _OBFUSCATION_CHARACTERS[: -len(text) % _OBFUSCATION_MULTIPLE]

    def frame(self, kind: str, members: bytes, more: bytes = b"") -> bytes:
        """`more` are the members whose names come behind that of the number."""
        number, name = self.sequence, kind.encode()
        self.sequence = number + 1
        return b'event: response.%b\ndata: {"type":"response.%b",%b,"sequence_number":%d%b}\n\n' % (
            name,
            name,
            members,
            number,
            more,
        )
