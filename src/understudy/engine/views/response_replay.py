"""A response's stream, taken up again behind the event that its reader has seen last, or told again when it is over.

The log counts what happened, the stream counts what it shows of it; here one is found from the other.
"""

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any, Final

import msgspec

from understudy.engine.run import events
from understudy.engine.run.log import RunLog
from understudy.engine.views.items import parse_code_output
from understudy.engine.views.responses import ResponseView
from understudy.store.run_state import ClientTool
from understudy.tools.mcp import execution_error
from understudy.wire.client_items import ApplyPatchCall, ComputerCall, LocalShellCall, ShellCall, ToolSearchCall
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
from understudy.wire.runs import RunCompletionUsage, RunObject
from understudy.wire.tools import ToolResources, TruncationObject

_SEQUENCE_NUMBER: Final = re.compile(rb'"sequence_number":(\d+)')
_PLACEHOLDER_RUN: Final = RunObject(
    id="",
    created_at=0,
    assistant_id="",
    thread_id="",
    status="queued",
    expires_at=None,
    model="",
    instructions=None,
    tools=[],
    tool_resources=ToolResources(),
    metadata={},
    temperature=None,
    top_p=None,
    reasoning_effort=None,
    max_completion_tokens=None,
    max_prompt_tokens=None,
    truncation_strategy=TruncationObject("auto"),
    response_format="auto",
    tool_choice="auto",
    parallel_tool_calls=True,
)


async def frames_after(log: RunLog, after: int) -> AsyncGenerator[bytes, None]:
    """What follows the event with the number `after`."""
    async with aclosing(log.follow(_position_of(log, after))) as frames:
        passed = False
        async for together in frames:
            shown = together
            if not passed:
                shown = b"".join(_frames_after(together, after))
                passed = bool(shown)
            if shown:
                yield shown


def _position_of(log: RunLog, after: int) -> int:
    """The number in the log of the last event whose frames all have numbers up to `after`."""
    view = log.new_encoder()
    assert isinstance(view, ResponseView)
    for entry in log.entries():
        before = view.sequence
        merged = entry.number - entry.first
        view.encode(entry.event, merged)
        if view.sequence <= after + 1:
            continue
        if merged == 0:
            return entry.number - 1
        # Each delta has one number; what opens its part comes before the first.
        opening = view.sequence - before - merged - 1
        return max(entry.first - 1, entry.first + after - before - opening)
    return log.length


async def replay_frames(response: ResponseObject, after: int) -> AsyncGenerator[bytes, None]:
    """The stream of a response that has no log here: each text is one delta. One that is not over has no end here."""
    view = ResponseView(frozenset(_rendered_parts(response)))
    for event in response_events(response, started=response.status != "queued"):
        if shown := b"".join(_frames_after(view.apply(event), after)):
            yield shown
    if response.status not in TERMINAL_STATUSES:
        return
    frames = view.close_items(whole=False)
    # What the end is, the response says itself.
    view.response = msgspec.structs.replace(response)
    name = {"completed": "completed", "failed": "failed"}.get(response.status, "incomplete")
    frames += view.last_frame(name)
    if shown := b"".join(_frames_after(frames, after)):
        yield shown


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
    yield events.RunQueued(_PLACEHOLDER_RUN, response=begun)
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


def last_sequence_number(frames: bytes) -> int:
    """The number of the last event of a stream's bytes; -1 where there is none."""
    found = _SEQUENCE_NUMBER.findall(frames, frames.rfind(b"\n\n", 0, -2) + 1)
    return int(found[-1]) if found else -1


def _frames_after(frames: bytes, after: int) -> list[bytes]:
    blocks = [block + b"\n\n" for block in frames.split(b"\n\n") if block]
    return [block for block in blocks if _frame_number(block) > after]


def _frame_number(block: bytes) -> int:
    # What stands before it may hold a member of that name too; behind it there are but strings and numbers.
    found = _SEQUENCE_NUMBER.findall(block)
    return int(found[-1]) if found else 1 << 62
