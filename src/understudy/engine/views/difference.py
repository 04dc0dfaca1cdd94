"""What a view has yet to render of stored objects, where it has rendered a part of them already. Pure.

The events of an object are those of its replay. Its owner may have died after it had stored the object and before its
last events were sent, so what a view has rendered is always a prefix of the replay.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from understudy.engine.run import events


@dataclass(slots=True)
class RenderedMessage:
    """How much of a message is rendered: `text` and `refusal` in code points."""

    text: int
    refusal: int
    citations: int
    images: int = 0


@dataclass(slots=True)
class RenderedCall:
    """How much of a call is rendered: `length` of its arguments, its input or its code, in code points."""

    length: int
    has_result: bool = False
    is_running: bool = False


def remaining_message(replay: Iterable[events.Event], rendered: RenderedMessage) -> Iterator[events.Event]:
    for event in replay:
        match event:
            case events.MessageOpened():
                continue
            case events.ImageAdded() if rendered.images:
                rendered.images -= 1
            case events.LogprobsReceived() if rendered.text:
                continue
            case events.CitationAdded() | events.UrlCited() if rendered.citations:
                rendered.citations -= 1
                rendered.text -= len(event.text)
            case events.TextDelta():
                rest = _cut(event, rendered.text)
                rendered.text = max(0, rendered.text - len(event.text))
                yield from rest
            case events.RefusalDelta():
                rest = _cut(event, rendered.refusal)
                rendered.refusal = max(0, rendered.refusal - len(event.text))
                yield from rest
            case _:
                yield event


def remaining_calls(
    replay: Iterable[events.Event], rendered: Mapping[int, RenderedCall], *, is_step_open: bool = True
) -> Iterator[events.Event]:
    """The rest of a step with calls, by their numbers in their turn."""
    for event in replay:
        call = rendered.get(getattr(event, "index", -1))
        match event:
            case events.CallsStepOpened() if is_step_open:
                continue
            case _ if call is None:
                yield event
            case (
                events.CallOpened()
                | events.SearchOpened()
                | events.CodeOpened()
                | events.RemoteCallOpened()
                | events.WebCallOpened()
                | events.ImageCallOpened()
                | events.ToolSearchOpened()
            ):
                continue
            case events.ArgumentsDelta() | events.CodeDelta():
                rest = _cut(event, call.length)
                call.length = max(0, call.length - len(event.text))
                yield from rest
            case events.CodeRunning() | events.WebCallRunning() | events.ImageCallRunning() if call.is_running:
                continue
            case events.RemoteCallDone() | events.CodeOutputDelta() if call.has_result:
                continue
            case _:
                yield event


def remaining_reasoning(replay: Iterable[events.Event], length: int) -> Iterator[events.Event]:
    """`length` of its summary is rendered, in code points."""
    for event in replay:
        if isinstance(event, events.ReasoningDelta):
            rest = _cut(event, length)
            length = max(0, length - len(event.text))
            yield from rest
        elif not isinstance(event, events.ReasoningOpened):
            yield event


def _cut(event: Any, length: int) -> list[events.Event]:
    """The delta without its first `length` code points; none where nothing is left of it."""
    if not length:
        return [event]
    return [msgspec.structs.replace(event, text=event.text[length:])] if length < len(event.text) else []
