"""Resumes the stream of a response after the last event that its reader has, and replays stored responses.

The log counts the engine's events, and a stream counts its own; here one is found from the other.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

import msgspec

from understudy.engine.run import events
from understudy.engine.run.log import RunLog
from understudy.engine.views.frames import ResponseEncoder, encode_response_events
from understudy.engine.views.item_replay import item_events
from understudy.engine.views.responses import ResponseView
from understudy.engine.views.stream_outline import renumber, unpack_outline
from understudy.store.run_state import Plan
from understudy.wire.response_events import OutputItemDone, ResponseStreamEvent
from understudy.wire.response_items import (
    CodeInterpreterCall,
    FileSearchCall,
    ReasoningItem,
    WebSearchCall,
)
from understudy.wire.responses import TERMINAL_STATUSES, ResponseObject


async def frames_after(log: RunLog, after: int) -> AsyncGenerator[bytes, None]:
    """The frames of a response's log after the event with the number `after`."""
    await _wait_until(log, after)
    position, skip = _locate(log, after)
    async with aclosing(log.follow(position, skip=skip)) as frames:
        async for joined in frames:
            yield joined


async def _wait_until(log: RunLog, after: int) -> None:
    """Waits until a log that grows has the event with that number: a copy of another node's may be behind clients."""
    changed = asyncio.Event()
    with log.reader() as reader:
        reader.notify = changed.set
        while not log.closed and next_sequence(log) <= after:
            changed.clear()
            await changed.wait()


def next_sequence(log: RunLog) -> int:
    """The number of the next event of a response's stream."""
    view = _new_view(log)
    for entry in log.entries():
        view.apply(entry.event, entry.number - entry.first)
    return view.sequence


def _new_view(log: RunLog) -> ResponseView:
    encoder = log.new_encoder()
    assert isinstance(encoder, ResponseEncoder)
    return encoder.view


def _locate(log: RunLog, after: int) -> tuple[int, int]:
    """The last event of the log whose stream events all have numbers up to `after`, and how many of the next have."""
    view = _new_view(log)
    for entry in log.entries():
        merged = entry.number - entry.first
        numbers = [one.number for one in view.apply(entry.event, merged)]
        if not numbers or numbers[-1] <= after:
            continue
        if merged and numbers[-1] - merged <= after:
            # Each delta has one number, and the part is open: nothing comes before the next delta.
            return entry.number - (numbers[-1] - after), 0
        return entry.first - 1, sum(number <= after for number in numbers)
    return log.length, 0


def is_behind(log: RunLog, after: int) -> bool:
    """Whether a log lacks events that its reader has, who is at the event `after`, and renders them at a takeover.

    Its owner died, or could not be reached, before the log had them.
    """
    view = _new_view(log)
    for entry in log.entries():
        known = view.sequence
        stream = view.apply(entry.event, entry.number - entry.first)
        if stream and isinstance(entry.event, events.RunRestored) and known <= after < stream[0].number - 1:
            return not all(_only_ends(one) for one in stream)
        if view.sequence > after:
            return False
    return False


def _only_ends(event: ResponseStreamEvent) -> bool:
    """Whether it ends an item that no reader has received whole."""
    if isinstance(event, OutputItemDone):
        return getattr(event.item, "status", None) == "incomplete"
    return str(event.__struct_config__.tag).endswith(".done")


class ResponseReplay:
    """The stream of a response that has no log here: each text is one delta. One that is in progress has no end here.

    `frames` are those after the event with the number `after`; `sequence` is the number of the next event. `plan` is
    that of the response, None if it was imported. `is_exact`: the numbers are those of the stream that clients had;
    without the outline of that stream, a text that they have in part cannot be divided.
    """

    def __init__(self, response: ResponseObject, after: int, plan: Plan | None = None) -> None:
        view = ResponseView(frozenset(_rendered_parts(response)))
        stream: list[ResponseStreamEvent] = []
        for event in response_events(response, started=response.status != "queued"):
            stream += view.apply(event)
        if response.status in TERMINAL_STATUSES:
            stream += view.end(response)
        # What comes before the first item is the same in each stream.
        first = next((one.number for one in stream if hasattr(one, "output_index")), view.sequence)
        self.sequence, self.is_exact = view.sequence, plan is None or after < first
        rest = [one for one in stream if one.number > after]
        if plan is not None and plan.outline:
            renumbered = renumber(stream, unpack_outline(plan.outline), after)
            if renumbered is not None:
                rest, self.sequence, self.is_exact = renumbered, plan.sequence, True
        self.frames = encode_response_events(rest)


def _rendered_parts(response: ResponseObject) -> Iterator[str]:
    for item in response.output:
        if isinstance(item, FileSearchCall) and item.results is not None:
            yield "file_search_call.results"
        if isinstance(item, CodeInterpreterCall) and item.outputs is not None:
            yield "code_interpreter_call.outputs"
        if isinstance(item, WebSearchCall) and "sources" in item.action:
            yield "web_search_call.action.sources"
        if isinstance(item, WebSearchCall) and isinstance(item.results, list):
            yield "web_search_call.results"
        if isinstance(item, ReasoningItem) and item.encrypted_content:
            yield "reasoning.encrypted_content"


def response_events(response: ResponseObject, *, started: bool = True) -> Iterator[events.Event]:
    """What has happened in a response so far, without its end; an item that is incomplete is left open."""
    status: Any = "queued" if response.background else "in_progress"
    begun = msgspec.structs.replace(
        response, status=status, output=[], billing=msgspec.UNSET, completed_at=None, error=None, usage=None
    )
    begun.incomplete_details = None
    if response.service_tier == "default":
        begun.service_tier = "auto"
    yield events.ResponseReplayed(begun)
    if started:
        yield events.RunStarted(response.created_at)
    for index, item in enumerate(response.output):
        yield from item_events(index, item)
