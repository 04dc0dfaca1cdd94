"""Resumes the stream of a response behind the last event that its reader has, and replays stored responses.

The log counts the engine's events, and a stream counts its own; here one is found from the other.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

import msgspec

from understudy.engine.run import events
from understudy.engine.run.log import RunLog
from understudy.engine.views.frames import ResponseEncoder, encode_response_event
from understudy.engine.views.items import parse_code_output
from understudy.engine.views.responses import ResponseView
from understudy.store.run_state import ClientTool
from understudy.tools.mcp import execution_error
from understudy.wire.client_items import ApplyPatchCall, ComputerCall, LocalShellCall, ShellCall, ToolSearchCall
from understudy.wire.response_events import ResponseStreamEvent
from understudy.wire.response_items import (
    CodeInterpreterCall,
    CompactionItem,
    ContainerFileCitation,
    CustomToolCallItem,
    FileCitation,
    FileSearchCall,
    FunctionCallItem,
    McpApprovalRequest,
    McpCall,
    McpListTools,
    OutputItem,
    OutputMessage,
    OutputText,
    ReasoningItem,
)
from understudy.wire.responses import TERMINAL_STATUSES, ResponseObject
from understudy.wire.run_outcome import RunCompletionUsage


async def frames_after(log: RunLog, after: int) -> AsyncGenerator[bytes, None]:
    """The frames of a response's log behind the event with the number `after`."""
    position, skip = _locate(log, after)
    async with aclosing(log.follow(position, skip=skip)) as frames:
        async for joined in frames:
            yield joined


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


class ResponseReplay:
    """The stream of a response that has no log here: each text is one delta. One that is in progress has no end here.

    `frames` are those behind the event with the number `after`; `sequence` is the number of the next event.
    """

    def __init__(self, response: ResponseObject, after: int) -> None:
        view = ResponseView(frozenset(_rendered_parts(response)))
        stream: list[ResponseStreamEvent] = []
        for event in response_events(response, started=response.status != "queued"):
            stream += view.apply(event)
        if response.status in TERMINAL_STATUSES:
            stream += view.end(response)
        self.frames = [encode_response_event(one) for one in stream if one.number > after]
        self.sequence = view.sequence


def _rendered_parts(response: ResponseObject) -> Iterator[str]:
    for item in response.output:
        if isinstance(item, FileSearchCall) and item.results is not None:
            yield "file_search_call.results"
        if isinstance(item, CodeInterpreterCall) and item.outputs is not None:
            yield "code_interpreter_call.outputs"
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
        yield from _item_events(index, item)


def _item_events(index: int, item: OutputItem) -> Iterator[events.Event]:
    match item:
        case OutputMessage():
            yield from _message_events(item)
        case FunctionCallItem() | CustomToolCallItem():
            yield from _call_events(index, item)
        case ApplyPatchCall() | ShellCall() | LocalShellCall() | ToolSearchCall() | ComputerCall():
            yield events.CallRendered(item)
        case FileSearchCall():
            yield events.SearchOpened(index, "", {}, item.id)
            if item.status == "completed":
                yield events.SearchDone(index, msgspec.convert(tuple(item.results or ()), Any), tuple(item.queries))
        case CodeInterpreterCall():
            yield from _code_events(index, item)
        case McpListTools() | McpCall() | McpApprovalRequest():
            yield from _remote_events(index, item)
        case CompactionItem() | ReasoningItem():
            yield from _compaction_events(item)


def _compaction_events(item: CompactionItem | ReasoningItem) -> Iterator[events.Event]:
    if isinstance(item, CompactionItem):
        yield events.ContextCompacted(item.id, item.encrypted_content)
        return
    yield events.ReasoningOpened(item.id)
    for summary in item.summary:
        yield events.ReasoningDelta(summary.text)
    yield events.ReasoningClosed(item.encrypted_content or "")


def _remote_events(index: int, item: McpListTools | McpCall | McpApprovalRequest) -> Iterator[events.Event]:
    match item:
        case McpListTools():
            yield events.ToolsListed(item.id, item.server_label, tuple(item.tools), item.error or None)
        case McpCall():
            approved = item.approval_request_id
            yield events.RemoteCallOpened(index, "", item.server_label, item.name, item.id, approval_id=approved)
            yield events.ArgumentsDelta(index, item.arguments)
            yield events.CallsReceived()
            if item.output is not None or item.error is not None:
                fault = item.error if isinstance(item.error, dict) else execution_error(item.error)
                yield events.RemoteCallDone(index, item.output, None if fault is None else str(item.error), fault)
        case McpApprovalRequest():
            yield events.RemoteCallOpened(index, "", item.server_label, item.name, item.id, guarded=True)
            yield events.ArgumentsDelta(index, item.arguments)
            yield events.CallsReceived()


def _message_events(item: OutputMessage) -> Iterator[events.Event]:
    yield events.MessageOpened("", item.id, 0)
    for part in item.content:
        yield from _text_events(part) if isinstance(part, OutputText) else [events.RefusalDelta(part.refusal)]
    if item.status == "completed":
        yield events.MessageClosed(0, RunCompletionUsage())


def _call_events(index: int, item: FunctionCallItem | CustomToolCallItem) -> Iterator[events.Event]:
    kind = "custom" if isinstance(item, CustomToolCallItem) else "function"
    tool = ClientTool(kind, item.name, item.namespace or "")
    yield events.CallOpened(index, item.call_id, item.name, item.id, tool)
    if text := item.input if isinstance(item, CustomToolCallItem) else item.arguments:
        yield events.ArgumentsDelta(index, text)
    if item.status == "completed":
        yield events.CallsReceived()


def _code_events(index: int, item: CodeInterpreterCall) -> Iterator[events.Event]:
    yield events.CodeOpened(index, "", item.id, item.container_id)
    if item.code:
        yield events.CodeDelta(index, item.code)
    if item.status == "completed":
        yield events.CodeRunning(index)
        for output in item.outputs or ():
            yield events.CodeOutputDelta(index, parse_code_output(output))
        yield events.CodeDone(index)


def _text_events(part: OutputText) -> Iterator[events.Event]:
    end = 0
    if part.logprobs:
        yield events.LogprobsReceived(tuple(part.logprobs))
    for one in part.annotations:
        start = one.index if isinstance(one, FileCitation) else one.start_index
        if start > end:
            yield events.TextDelta(part.text[end:start])
            end = start
        if isinstance(one, ContainerFileCitation):
            end = one.end_index
            yield events.CitationAdded(
                part.text[start:end], start, end, one.file_id, is_path=True, filename=one.filename
            )
        else:
            yield events.CitationAdded("", start, start, one.file_id, filename=one.filename)
    if end < len(part.text) or not (part.text or part.annotations):
        yield events.TextDelta(part.text[end:])
