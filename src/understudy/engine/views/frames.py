"""Encodes the typed events of streams as server-sent events; the only encoder.

A text that grows is most of what streams are, so its deltas are encoded without building their events: what stands
around the text is the same in all deltas of one part.
"""

from collections.abc import Sequence
from typing import Final

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
from understudy.wire.run_events import MessageDelta, MessageDeltaEvent, RunStreamEvent

DONE_FRAME: Final = b"event: done\ndata: [DONE]\n\n"
_encode_json: Final = msgspec.json.encode
Frames = tuple[bytes, ...]
# By the length of the text they hide, modulo what a text and its filler are a multiple of.
_FILLERS: Final = tuple(
    b'"obfuscation":"%b",' % obfuscation_of(length).encode() for length in range(OBFUSCATION_MULTIPLE)
)
_EVENT_NAMES: Final = {kind: str(kind.__struct_config__.tag).encode() for kind in STREAM_EVENTS}


def encode_run_event(event: RunStreamEvent) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event.event.encode(), _encode_json(event.data))


def encode_response_event(event: ResponseStreamEvent) -> bytes:
    encode = encode_items if isinstance(event, WholeResponseEvent | ItemEvent) else _encode_json
    return b"event: %b\ndata: %b\n\n" % (_EVENT_NAMES[type(event)], encode(event))


class RunEncoder:
    """The frames of one run's events, in their order."""

    __slots__ = ("_head", "view")

    def __init__(self) -> None:
        self.view = RunView()
        self._head = b""
        """What stands before the text in a delta of the open text."""

    def encode(self, event: Event, merged: int = 0) -> Frames:  # noqa: ARG002 - these events have no numbers
        if type(event) is TextDelta and self._head and self.view.extend_text(event.text):
            return (self._head + _encode_json(event.text) + b"}}]}}\n\n",)
        return self._encode_other(event)

    def encode_texts(self, deltas: Sequence[TextDelta]) -> list[Frames]:
        """The frames of each of these deltas of one text."""
        first = [] if self._head else [self.encode(deltas[0])]
        following = [delta.text for delta in deltas[len(first) :]]
        if not self.view.extend_text(*following):
            return [*first, *map(self.encode, deltas[len(first) :])]
        head = self._head
        return [*first, *[(head + _encode_json(text) + b"}}]}}\n\n",) for text in following]]

    def _encode_other(self, event: Event) -> Frames:
        stream = self.view.apply(event)
        self._head = b""
        if type(event) is TextDelta:
            self._head = _run_text_head(stream[0])
        return tuple([encode_run_event(one) for one in stream])


class ResponseEncoder:
    """The frames of one response's events, in their order."""

    __slots__ = ("_around", "view")

    def __init__(self, included: frozenset[str] = frozenset()) -> None:
        self.view = ResponseView(included)
        self._around: tuple[bytes, tuple[bytes, ...]] | None = None
        """What stands before the text in a delta of the open text, and between it and the number, by its length."""

    def encode(self, event: Event, merged: int = 0) -> Frames:
        around = self._around
        if type(event) is TextDelta and around is not None:
            text = event.text
            number = self.view.extend_text(text, merged)
            if number is not None:
                middle = around[1][len(text) % OBFUSCATION_MULTIPLE]
                return (b"%b%b%b%d}\n\n" % (around[0], _encode_json(text), middle, number),)
        stream = self.view.apply(event, merged)
        self._around = None
        if type(event) is TextDelta:
            self._around = _text_surroundings(stream[-1], is_obfuscated=self.view.is_obfuscated)
        return tuple([encode_response_event(one) for one in stream])


def _run_text_head(event: RunStreamEvent) -> bytes:
    assert isinstance(event, MessageDeltaEvent)
    delta: MessageDelta = event.data
    return (
        b'event: thread.message.delta\ndata: {"id":%b,"object":"thread.message.delta","delta":'
        b'{"content":[{"index":%d,"type":"text","text":{"value":'
    ) % (_encode_json(delta.id), delta.delta.content[0].index)


def _text_surroundings(event: ResponseStreamEvent, *, is_obfuscated: bool) -> tuple[bytes, tuple[bytes, ...]]:
    assert isinstance(event, OutputTextDelta)
    head = (
        b"event: response.output_text.delta\ndata: "
        b'{"type":"response.output_text.delta","content_index":%d,"delta":' % event.content_index
    )
    item = b',"item_id":%b,"logprobs":[],' % _encode_json(event.item_id)
    number = b'"output_index":%d,"sequence_number":' % event.output_index
    if not is_obfuscated:
        return head, (item + number,) * OBFUSCATION_MULTIPLE
    return head, tuple([b"%b%b%b" % (item, filler, number) for filler in _FILLERS])
