"""Encodes the typed events of streams as server-sent events; the only encoder.

A text that grows is most of what streams are, so its deltas are encoded without building their events: what stands
around the text is the same in all deltas of one part.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Final, get_args

import msgspec

from understudy.engine.run.events import Event, TextDelta
from understudy.engine.views.assistants import RunView
from understudy.engine.views.response_stream import OBFUSCATION_MULTIPLE, obfuscation_of
from understudy.engine.views.responses import ResponseView
from understudy.wire.response_events import (
    STREAM_EVENTS,
    ItemEvent,
    OutputTextDelta,
    ResponseStreamEvent,
    WholeResponseEvent,
)
from understudy.wire.response_items import encode_items
from understudy.wire.responses import ResponseObject
from understudy.wire.run_events import MessageDelta, MessageDeltaEvent, RunStreamEvent

DONE_FRAME: Final = b"event: done\ndata: [DONE]\n\n"
_encode_json: Final = msgspec.json.encode
_encode_lines: Final = msgspec.json.Encoder().encode_lines
_TEXT_END: Final = b"}}]}}\n\n"
"""Behind the text of a delta of a message."""
Frames = tuple[bytes, ...]
# By the length of the text they hide, modulo what a text and its filler are a multiple of.
_FILLERS: Final = tuple(
    b'"obfuscation":"%b",' % obfuscation_of(length).encode() for length in range(OBFUSCATION_MULTIPLE)
)
_NO_FILLERS: Final = (b"",) * OBFUSCATION_MULTIPLE
# What stands before the data of an event of a response, and what encodes the data.
_RESPONSE_FRAMES: Final = {
    kind: (
        b"event: %b\ndata: " % str(kind.__struct_config__.tag).encode(),
        encode_items if kind in get_args(ItemEvent) else _encode_json,
    )
    for kind in STREAM_EVENTS
}
# What stands before the response in an event that has the whole one.
_WHOLE_RESPONSE_HEADS: Final = {
    kind: b'event: %b\ndata: {"type":"%b","response":' % (tag, tag)
    for kind in STREAM_EVENTS
    if issubclass(kind, WholeResponseEvent)
    for tag in (str(kind.__struct_config__.tag).encode(),)
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
    stream: Iterable[ResponseStreamEvent], encode_response: Callable[[ResponseObject], bytes] = encode_items
) -> list[bytes]:
    """The frames of the events."""
    frames = []
    for event in stream:
        if isinstance(event, WholeResponseEvent):
            head, response = _WHOLE_RESPONSE_HEADS[type(event)], encode_response(event.response)
            frames.append(b'%b%b,"sequence_number":%d}\n\n' % (head, response, event.sequence_number))
        else:
            head, encode = _RESPONSE_FRAMES[type(event)]
            frames.append(b"%b%b\n\n" % (head, encode(event)))
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

    __slots__ = ("_around", "_encoded", "view")

    def __init__(self, included: frozenset[str] = frozenset()) -> None:
        self.view = ResponseView(included)
        self._around: _TextSurroundings | None = None
        """Those of the open text."""
        self._encoded: tuple[ResponseObject | None, bytes] = None, b""
        """The response that was encoded last, and its JSON."""

    def encode(self, event: Event, merged: int = 0) -> Frames:
        if type(event) is TextDelta and self._around is not None:
            number = self.view.extend_text((event.text,), merged)
            if number is not None:
                return (_text_frames(self._around, (event.text,), number)[0],)
        stream = self.view.apply(event, merged)
        self._around = None
        if type(event) is TextDelta:
            self._around = _text_surroundings(stream[-1], is_obfuscated=self.view.is_obfuscated)
        return tuple(encode_response_events(stream, self.encode_response))

    def encode_texts(self, texts: Sequence[str]) -> bytes:
        """The joined frames of deltas that continue the open text; empty where there is more to them."""
        number = None if self._around is None else self.view.extend_text(texts)
        if number is None or self._around is None:
            return b""
        return b"".join(_text_frames(self._around, texts, number))

    def encode_response(self, response: ResponseObject) -> bytes:
        """The JSON of the response; several events in a row, and what is stored, have the same one."""
        if self._encoded[0] is not response:
            self._encoded = response, encode_items(response)
        return self._encoded[1]


def _run_text_head(event: RunStreamEvent) -> bytes:
    assert isinstance(event, MessageDeltaEvent)
    delta: MessageDelta = event.data
    return (
        b'event: thread.message.delta\ndata: {"id":%b,"object":"thread.message.delta","delta":'
        b'{"content":[{"index":%d,"type":"text","text":{"value":'
    ) % (_encode_json(delta.id), delta.delta.content[0].index)


# What stands in a delta before the text, and, by the length of the text, between it and the number.
_TextSurroundings = tuple[bytes, Sequence[bytes]]


def _text_frames(around: _TextSurroundings, texts: Sequence[str], first: int) -> list[bytes]:
    """The frame of each of these deltas of one text; `first` is the number of the first one."""
    head, tails = around
    return [
        b"%b%b%b%d}\n\n" % (head, encoded, tails[len(text) % OBFUSCATION_MULTIPLE], number)
        for number, (text, encoded) in enumerate(zip(texts, _encode_lines(texts).split(b"\n"), strict=False), first)
    ]


def _text_surroundings(event: ResponseStreamEvent, *, is_obfuscated: bool) -> _TextSurroundings:
    assert isinstance(event, OutputTextDelta)
    head = (
        b"event: response.output_text.delta\ndata: "
        b'{"type":"response.output_text.delta","content_index":%d,"delta":' % event.content_index
    )
    item = b',"item_id":%b,"logprobs":[],' % _encode_json(event.item_id)
    number = b'"output_index":%d,"sequence_number":' % event.output_index
    return head, [item + filler + number for filler in (_FILLERS if is_obfuscated else _NO_FILLERS)]
