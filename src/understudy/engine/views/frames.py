"""Encodes the typed events of streams as server-sent events; the only encoder.

A text that grows is most of what streams are, so its deltas are encoded without building their events: what stands
around the text is the same in all deltas of one part.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from understudy.engine.run.events import Event, TextDelta
from understudy.engine.views.assistants import RunView
from understudy.engine.views.response_stream import OBFUSCATION_MULTIPLE, obfuscation_of
from understudy.engine.views.responses import ResponseView
from understudy.wire.response_events import (
    STREAM_EVENTS,
    OutputTextDelta,
    ResponseStreamEvent,
    WholeItemEvent,
    WholeResponseEvent,
)
from understudy.wire.response_items import OutputItem, encode_item, encode_items
from understudy.wire.responses import ResponseObject
from understudy.wire.run_events import MessageDelta, MessageDeltaEvent, RunStreamEvent

DONE_FRAME: Final = b"event: done\ndata: [DONE]\n\n"
_encode_json: Final = msgspec.json.encode
_encode_lines: Final = msgspec.json.Encoder().encode_lines
_TEXT_END: Final = b"}}]}}\n\n"
"""Behind the text of a delta of a message."""
# By the number of the delta of a response: as many as most streams have.
_NUMBER_ENDS: Final = [b"%d}\n\n" % number for number in range(1000)]
_ITEM: Final = b"item"
Frames = tuple[bytes, ...]
# By the length of the text they hide, modulo what a text and its filler are a multiple of.
_FILLERS: Final = tuple(
    b'"obfuscation":"%b",' % obfuscation_of(length).encode() for length in range(OBFUSCATION_MULTIPLE)
)
_NO_FILLERS: Final = (b"",) * OBFUSCATION_MULTIPLE


def _subject_of(kind: type[ResponseStreamEvent]) -> bytes:
    """The member of an event that is encoded by itself, which comes first; empty where none is."""
    return b"response" if issubclass(kind, WholeResponseEvent) else _ITEM if issubclass(kind, WholeItemEvent) else b""


# What stands in the frame of an event of a response before its first member, or before the object that it carries, and
# the name of that object.
_FRAME_HEADS: Final = {
    kind: (b"event: %b\ndata: " % tag + (b'{"type":"%b","%b":' % (tag, subject) if subject else b""), subject)
    for kind in STREAM_EVENTS
    for tag, subject in ((str(kind.__struct_config__.tag).encode(), _subject_of(kind)),)
}


def _encode_run_events(stream: Sequence[RunStreamEvent]) -> Frames:
    frames: list[bytes] = []
    subject, body = None, b""
    for event in stream:
        # An object that begins has two or three events.
        if event.data is not subject:
            subject, body = event.data, _encode_json(event.data)
        frames.append(_event_head(event.event) + body + b"\n\n")
    return tuple(frames)


@cache
def _event_head(name: str) -> bytes:
    """What stands before the data of an event of a run; there are few names."""
    return b"event: %b\ndata: " % name.encode()


def encode_response_events(
    stream: Iterable[ResponseStreamEvent],
    encode_response: Callable[[ResponseObject], bytes] = encode_items,
    encode_one: Callable[[OutputItem], bytes] = encode_item,
) -> list[bytes]:
    """The frames of the events."""
    frames = []
    one: Any
    for one in stream:
        head, subject = _FRAME_HEADS[type(one)]
        if not subject:
            frames.append(b"".join((head, _encode_json(one), b"\n\n")))
        elif subject is _ITEM:
            place = b',"output_index":%d,"sequence_number":' % one.output_index
            frames.append(b"".join((head, encode_one(one.item), place, _number_end(one.sequence_number))))
        else:
            end = _number_end(one.sequence_number)
            frames.append(b"".join((head, encode_response(one.response), b',"sequence_number":', end)))
    return frames


class RunEncoder:
    """The frames of one run's events, in their order."""

    __slots__ = ("_head", "view")

    def __init__(self) -> None:
        self.view = RunView()
        self._head = b""
        """What stands before the text in a delta of the open text."""

    def encode(self, event: Event, merged: int = 0) -> Frames:  # noqa: ARG002 - these events have no numbers
        if type(event) is TextDelta and self._head and self.view.extend_text(event.text):
            return (self._head + _encode_json(event.text) + _TEXT_END,)
        return self._encode_other(event)

    def encode_texts(self, texts: Sequence[str]) -> bytes:
        """The joined frames of deltas that continue the open text; empty where none is open."""
        head = self._head
        if not head or not self.view.extend_text(*texts):
            return b""
        # A line for each text, as JSON has no line ends in texts.
        return head + _encode_lines(texts)[:-1].replace(b"\n", _TEXT_END + head) + _TEXT_END

    def _encode_other(self, event: Event) -> Frames:
        stream = self.view.apply(event)
        self._head = b""
        if type(event) is TextDelta:
            self._head = _run_text_head(stream[0])
        return _encode_run_events(stream)


class ResponseEncoder:
    """The frames of one response's events, in their order."""

    __slots__ = ("_around", "_encoded", "_encoded_item", "view")

    def __init__(self, included: frozenset[str] = frozenset()) -> None:
        self.view = ResponseView(included)
        self._around: _TextSurroundings | None = None
        """Those of the open text."""
        self._encoded: tuple[ResponseObject | None, bytes] = None, b""
        """The response that was encoded last, and its JSON."""
        self._encoded_item: tuple[OutputItem | None, bytes] = None, b""
        """The same of the items."""

    def encode(self, event: Event, merged: int = 0) -> Frames:
        if type(event) is TextDelta and self._around is not None:
            number = self.view.extend_text((event.text,), merged)
            if number is not None:
                return (_text_frame(self._around, event.text, number),)
        stream = self.view.apply(event, merged)
        self._around = None
        last: Frames = ()
        if type(event) is TextDelta:
            *stream, delta = stream
            self._around, last = self._open_text(delta)
        return (*encode_response_events(stream, self.encode_response, self._encode_item), *last)

    def _open_text(self, delta: ResponseStreamEvent) -> tuple["_TextSurroundings", Frames]:
        """What stands around the deltas of a text, and the frame of this one, the first since another event."""
        assert isinstance(delta, OutputTextDelta)
        around = _text_surroundings(delta, is_obfuscated=self.view.is_obfuscated)
        if delta.logprobs:
            return around, tuple(encode_response_events((delta,)))
        return around, (_text_frame(around, delta.delta, delta.sequence_number),)

    def encode_texts(self, texts: Sequence[str]) -> bytes:
        """The joined frames of deltas that continue the open text; empty where there is more to them."""
        number = None if self._around is None else self.view.extend_text(texts)
        if number is None or self._around is None:
            return b""
        return _text_frames(self._around, texts, number)

    def encode_response(self, response: ResponseObject) -> bytes:
        """The JSON of the response; several events in a row, and what is stored, have the same one."""
        if self._encoded[0] is not response:
            items = [msgspec.Raw(self._encode_item(item)) for item in response.output]
            whole = msgspec.structs.replace(response, output=items) if items else response
            self._encoded = response, encode_items(whole)
        return self._encoded[1]

    def _encode_item(self, item: OutputItem) -> bytes:
        """The JSON of the item; the event of its end, and what it ends, have the same one."""
        if self._encoded_item[0] is not item:
            self._encoded_item = item, encode_item(item)
        return self._encoded_item[1]


def _run_text_head(event: RunStreamEvent) -> bytes:
    assert isinstance(event, MessageDeltaEvent)
    delta: MessageDelta = event.data
    return (
        b'event: thread.message.delta\ndata: {"id":%b,"object":"thread.message.delta","delta":'
        b'{"content":[{"index":%d,"type":"text","text":{"value":'
    ) % (_encode_json(delta.id), delta.delta.content[0].index)


class _TextSurroundings(NamedTuple):
    """What stands in a delta before its text, after that, and before its number, by the length of the text."""

    head: bytes
    item: bytes
    tails: Sequence[bytes]


def _text_frame(around: _TextSurroundings, text: str, number: int) -> bytes:
    """The frame of one delta."""
    head, item, tails = around
    end = tails[len(text) % OBFUSCATION_MULTIPLE], _number_end(number)
    return b"".join((head, _encode_json(text), item, *end))


def _text_frames(around: _TextSurroundings, texts: Sequence[str], first: int) -> bytes:
    """The joined frames of consecutive deltas of one text; `first` is the number of the first delta."""
    head, item, tails = around
    parts = [head, b"", item, b"", b""] * len(texts)
    # A line for each text, as JSON has no line ends in texts.
    parts[1::5] = _encode_lines(texts).splitlines()
    parts[3::5] = [tails[len(text) % OBFUSCATION_MULTIPLE] for text in texts]
    parts[4::5] = _number_ends(first, len(texts))
    return b"".join(parts)


def _number_end(number: int) -> bytes:
    """What ends the frame of the event with this number."""
    return _NUMBER_ENDS[number] if number < len(_NUMBER_ENDS) else b"%d}\n\n" % number


def _number_ends(first: int, count: int) -> Sequence[bytes]:
    """What ends the frames of deltas with these numbers."""
    end = first + count
    if end <= len(_NUMBER_ENDS):
        return _NUMBER_ENDS[first:end]
    return [b"%d}\n\n" % number for number in range(first, end)]


def _text_surroundings(event: OutputTextDelta, *, is_obfuscated: bool) -> _TextSurroundings:
    item = b"".join((b',"item_id":', _encode_json(event.item_id), b',"logprobs":[],'))
    tails = _text_tails(event.output_index, is_obfuscated=is_obfuscated)
    return _TextSurroundings(_text_head(event.content_index), item, tails)


@lru_cache(maxsize=64)
def _text_head(content_index: int) -> bytes:
    return (
        b"event: response.output_text.delta\ndata: "
        b'{"type":"response.output_text.delta","content_index":%d,"delta":' % content_index
    )


@lru_cache(maxsize=64)
def _text_tails(output_index: int, *, is_obfuscated: bool) -> Sequence[bytes]:
    number = b'"output_index":%d,"sequence_number":' % output_index
    return [filler + number for filler in (_FILLERS if is_obfuscated else _NO_FILLERS)]
