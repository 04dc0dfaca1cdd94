"""Replays the events of stored output items of a response: each text is one delta. Pure."""

from collections.abc import Iterator
from typing import Any

import msgspec

from understudy.engine.run import events
from understudy.engine.views.items import parse_code_output
from understudy.store.run_state import ClientTool
from understudy.tools.mcp import execution_error
from understudy.wire.client_items import (
    ApplyPatchCall,
    ComputerCall,
    LocalShellCall,
    ShellCall,
    ToolSearchCall,
    ToolSearchOutput,
)
from understudy.wire.items import WebResult
from understudy.wire.response_items import (
    CodeInterpreterCall,
    CompactionItem,
    ContainerFileCitation,
    CustomToolCallItem,
    FileCitation,
    FileSearchCall,
    FunctionCallItem,
    ImageGenerationCall,
    McpApprovalRequest,
    McpCall,
    McpListTools,
    OutputItem,
    OutputMessage,
    OutputText,
    ReasoningItem,
    UrlCitation,
    WebSearchCall,
)
from understudy.wire.run_outcome import RunCompletionUsage


def item_events(index: int, item: OutputItem) -> Iterator[events.Event]:
    match item:
        case OutputMessage():
            yield from _message_events(item)
        case FunctionCallItem() | CustomToolCallItem():
            yield from _call_events(index, item)
        case ApplyPatchCall() | ShellCall() | LocalShellCall() | ToolSearchCall() | ToolSearchOutput() | ComputerCall():
            yield events.CallRendered(item)
        case FileSearchCall():
            yield events.SearchOpened(index, "", {}, item.id)
            if item.status == "completed":
                yield events.SearchDone(index, msgspec.convert(tuple(item.results or ()), Any), tuple(item.queries))
        case WebSearchCall() | ImageGenerationCall():
            yield from _hosted_events(index, item)
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
    if item.status != "incomplete":
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
    yield events.MessageOpened("", item.id, 0, item.phase or "")
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


def _hosted_events(index: int, item: WebSearchCall | ImageGenerationCall) -> Iterator[events.Event]:
    return _web_events(index, item) if isinstance(item, WebSearchCall) else _image_events(index, item)


def _image_events(index: int, item: ImageGenerationCall) -> Iterator[events.Event]:
    yield events.ImageCallOpened(index, "", item.id)
    if item.status not in {"completed", "failed"}:
        return
    yield events.ImageCallRunning(index)
    named = ("background", "output_format", "quality", "revised_prompt", "size")
    members = {name: one for name in named if isinstance(one := getattr(item, name), str)}
    yield events.ImageCallDone(index, item.result, members, error="" if item.status == "failed" else None)


def _web_events(index: int, item: WebSearchCall) -> Iterator[events.Event]:
    action = item.action
    yield events.WebCallOpened(index, "", item.id, {"type": action["type"]})
    if item.status not in {"completed", "failed"}:
        return
    yield events.WebCallRunning(index)
    listed = item.results if isinstance(item.results, list) else action.get("sources", ())
    results = tuple(WebResult(url=one["url"], title=one.get("title", ""), text=one.get("text", "")) for one in listed)
    action = {name: value for name, value in action.items() if name != "sources"}
    yield events.WebCallDone(index, action, results, "" if item.status == "failed" else None)


def _text_events(part: OutputText) -> Iterator[events.Event]:
    end = 0
    if part.logprobs:
        yield events.LogprobsReceived(tuple(part.logprobs))
    for one in part.annotations:
        if isinstance(one, UrlCitation):
            if one.start_index > end:
                yield events.TextDelta(part.text[end : one.start_index])
            end = one.end_index
            yield events.UrlCited(part.text[one.start_index : end], one.start_index, end, one.url, one.title)
            continue
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
            page, headings = one.page or None, tuple(one.heading_path or ())
            yield events.CitationAdded(
                "", start, start, one.file_id, filename=one.filename, page=page, heading_path=headings
            )
    if end < len(part.text) or not (part.text or part.annotations):
        yield events.TextDelta(part.text[end:])
