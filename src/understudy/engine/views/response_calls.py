"""The calls of a response: of the client's tools, of file search and code, and of remote servers. Pure."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, TypeVar

import msgspec

from understudy.engine.client_calls import render_call
from understudy.engine.client_tools import STREAMED
from understudy.engine.run import events
from understudy.engine.views.client_items import UnrenderedCall, command_events, initial_item
from understudy.engine.views.difference import RenderedCall
from understudy.engine.views.items import code_outputs, search_results, web_members
from understudy.engine.views.origins import OpenCall
from understudy.engine.views.response_stream import ResponseStream
from understudy.engine.views.tool_usage import add_image_usage
from understudy.store.run_state import ClientTool
from understudy.tools.mcp import execution_error
from understudy.wire.client_items import ClientCall, ToolSearchOutput
from understudy.wire.response_events import (
    CodeInterpreterCodeDelta,
    CodeInterpreterCodeDone,
    CodeInterpreterCompleted,
    CodeInterpreterInProgress,
    CodeInterpreterInterpreting,
    CustomToolCallInputDelta,
    CustomToolCallInputDone,
    FileSearchCompleted,
    FileSearchInProgress,
    FileSearchSearching,
    FunctionCallArgumentsDelta,
    FunctionCallArgumentsDone,
    ImageGenerationCompleted,
    ImageGenerationGenerating,
    ImageGenerationInProgress,
    ImageGenerationPartial,
    McpCallArgumentsDelta,
    McpCallArgumentsDone,
    McpCallCompleted,
    McpCallFailed,
    McpCallInProgress,
    McpListToolsCompleted,
    McpListToolsFailed,
    McpListToolsInProgress,
    ResponseStreamEvent,
    WebSearchCompleted,
    WebSearchInProgress,
    WebSearchSearching,
)
from understudy.wire.response_items import (
    CodeInterpreterCall,
    CustomToolCallItem,
    FileSearchCall,
    FunctionCallItem,
    ImageGenerationCall,
    McpApprovalRequest,
    McpCall,
    McpListTools,
    WebSearchCall,
)

_replace: Final = msgspec.structs.replace
_HostedCall = WebSearchCall | ImageGenerationCall
_Call = FunctionCallItem | CustomToolCallItem | FileSearchCall | CodeInterpreterCall | McpCall | _HostedCall
_Stream = list[ResponseStreamEvent]
C = TypeVar("C", FileSearchCall, CodeInterpreterCall, McpCall, WebSearchCall, ImageGenerationCall)


class _OpenCall:
    """A call as it was opened; `parts` are those of its arguments, its input or its code."""

    __slots__ = ("item", "output_index", "parts")

    def __init__(self, output_index: int, item: _Call) -> None:
        self.output_index = output_index
        self.item = item
        self.parts: list[str] = []

    def place(self) -> dict[str, Any]:
        return {"item_id": self.item.id, "output_index": self.output_index}

    def render(self, **changes: Any) -> _Call:
        """The item with the parts that were received so far."""
        text = "".join(self.parts)
        match self.item:
            case CustomToolCallItem():
                return _replace(self.item, input=text, **changes)
            case CodeInterpreterCall():
                return _replace(self.item, code=text, **changes)
            case FileSearchCall() | WebSearchCall() | ImageGenerationCall():
                return _replace(self.item, **changes)
            case _:
                return _replace(self.item, arguments=text, **changes)


class ResponseCalls:
    """The open calls, by their numbers in the turn. `included` are parts of them that the client requested."""

    def __init__(self, stream: ResponseStream, included: frozenset[str]) -> None:
        self._stream = stream
        self._included = included
        self._calls: dict[int, _OpenCall] = {}
        self._guarded: dict[int, McpApprovalRequest] = {}
        self._unrendered: dict[int, UnrenderedCall] = {}

    def close_all(self, *, whole: bool) -> _Stream:
        """Closes the open calls; as incomplete where they are not `whole`."""
        # A truncated client call is omitted.
        self._unrendered.clear()
        if not self._calls:
            return []
        return [event for index in sorted(self._calls) for event in self._close_call(index, whole=whole)]

    def close_all_but(self, item_ids: Collection[str | None]) -> _Stream:
        """Closes open calls as incomplete, without those of these items."""
        self._unrendered.clear()
        self._guarded.clear()
        closing = [index for index in sorted(self._calls) if self._calls[index].item.id not in item_ids]
        return [event for index in closing for event in self._close_call(index, whole=False)]

    def index_of(self, item_id: str | None) -> int | None:
        """The number of the open call of an item."""
        return next((index for index, call in self._calls.items() if call.item.id == item_id), None)

    def rendered(self, index: int) -> dict[int, RenderedCall]:
        """How much of an open call is rendered. Its outputs are not, before its end: they are dropped."""
        call, is_running = self._calls[index], False
        if isinstance(call.item, CodeInterpreterCall):
            is_running = call.item.status == "interpreting"
            call.item = _replace(call.item, outputs=None)
        elif isinstance(call.item, _HostedCall):
            is_running = call.item.status in {"searching", "generating"}
        return {index: RenderedCall(sum(map(len, call.parts)), is_running=is_running)}

    def open_texts(self) -> list[str]:
        """The arguments of the open calls, as far as they were received."""
        return [
            *("".join(call.parts) for call in self._calls.values()),
            *(call.arguments for call in self._unrendered.values()),
            *(request.arguments for request in self._guarded.values()),
        ]

    def reopen(self, call: OpenCall, container_id: str) -> _Stream:
        if call.kind == "file_search":
            return self.search_opened(events.SearchOpened(call.index, call.call_id, {}, call.item_id))
        if call.kind == "web_search":
            return self.web_opened(events.WebCallOpened(call.index, call.call_id, call.item_id, {"type": "search"}))
        if call.kind in {"image_generation", "tool_search"}:
            image = events.ImageCallOpened(call.index, call.call_id, call.item_id)
            # The items of a search for tools are rendered once it is complete.
            return self.image_opened(image) if call.kind == "image_generation" else []
        if call.kind == "code_interpreter":
            return self.code_opened(events.CodeOpened(call.index, call.call_id, call.item_id, container_id))
        arguments = events.ArgumentsDelta(call.index, call.arguments)
        if call.kind == "mcp":
            remote = events.RemoteCallOpened(
                call.index, call.call_id, call.server_label, call.name, call.item_id, approval_id=call.approval_id
            )
            return self.remote_opened(remote) + self.arguments_delta(arguments)
        opened = events.CallOpened(call.index, call.call_id, call.name, call.item_id, call.tool)
        return self.call_opened(opened) + self.arguments_delta(arguments)

    # -- tools of the client -----------------------------------------------------------------------------------

    def call_opened(self, event: events.CallOpened) -> _Stream:
        # Calls come one after the other; what a provider adds to an earlier one later is in the complete item.
        stream = self._close_function_calls()
        tool = event.tool or ClientTool("function", event.name)
        if tool.kind not in STREAMED:
            self._unrendered[event.index] = UnrenderedCall(tool, event.item_id, event.call_id)
            return stream
        item: Any = render_call(tool, event.item_id, event.call_id, "", "in_progress")
        return [*stream, self._open_call(event.index, item)]

    def arguments_delta(self, event: events.ArgumentsDelta) -> _Stream:
        if event.index in self._guarded:
            request = self._guarded[event.index]
            self._guarded[event.index] = _replace(request, arguments=request.arguments + event.text)
        if event.index in self._unrendered:
            self._unrendered[event.index].arguments += event.text
        call = self._calls.get(event.index)
        if call is None:
            return []
        call.parts.append(event.text)
        match call.item:
            case CustomToolCallItem():
                return [self._stream.delta(CustomToolCallInputDelta, event.text, **call.place())]
            case McpCall():
                return [self._stream.delta(McpCallArgumentsDelta, event.text, **call.place())]
            case _:
                return [self._stream.delta(FunctionCallArgumentsDelta, event.text, **call.place())]

    def call_rendered(self, event: events.CallRendered) -> _Stream:
        return self._emit_call(event.item)

    def calls_received(self, _: events.CallsReceived) -> _Stream:
        stream = self._close_function_calls()
        for call in self._calls.values():
            if isinstance(call.item, McpCall):
                arguments = "".join(call.parts)
                stream.append(self._stream.event(McpCallArgumentsDone, arguments=arguments, **call.place()))
        return stream + self._request_approval()

    def _close_function_calls(self) -> _Stream:
        """Closes the open calls of the client's tools."""
        stream: _Stream = []
        for index in sorted({*self._calls, *self._unrendered}):
            if index in self._unrendered:
                stream += self._emit_call(self._unrendered.pop(index).render())
            elif isinstance(self._calls[index].item, FunctionCallItem | CustomToolCallItem):
                stream += self._close_call(index)
        return stream

    def _emit_call(self, item: ClientCall | ToolSearchOutput) -> _Stream:
        """The events of an item that is rendered once its arguments are complete."""
        number = self._stream.add(item)
        stream = [self._stream.item_added(number, initial_item(item))]
        stream += command_events(self._stream, item, number)
        return [*stream, self._stream.item_done(number, item)]

    def _request_approval(self) -> _Stream:
        """Approval requests are complete when they are emitted."""
        stream: _Stream = []
        for request in self._guarded.values():
            number = self._stream.add(request)
            stream += [self._stream.item_added(number, request), self._stream.item_done(number, request)]
        self._guarded = {}
        return stream

    # -- tools of remote servers -------------------------------------------------------------------------------

    def tools_listed(self, event: events.ToolsListed) -> _Stream:
        item = McpListTools(id=event.item_id, server_label=event.server_label, tools=[])
        number = self._stream.add(item)
        place = {"item_id": item.id, "output_index": number}
        ended = McpListToolsCompleted if event.error is None else McpListToolsFailed
        error = msgspec.UNSET if event.error is None else event.error
        return [
            self._stream.item_added(number, item),
            self._stream.event(McpListToolsInProgress, **place),
            self._stream.event(ended, **place),
            self._stream.item_done(number, _replace(item, tools=list(event.tools), error=error)),
        ]

    def remote_opened(self, event: events.RemoteCallOpened) -> _Stream:
        if event.guarded:
            self._guarded[event.index] = McpApprovalRequest(
                id=event.item_id, arguments="", name=event.name, server_label=event.server_label
            )
            return []
        item = McpCall(
            id=event.item_id,
            status="in_progress",
            approval_request_id=event.approval_id,
            arguments="",
            name=event.name,
            server_label=event.server_label,
        )
        return [self._open_call(event.index, item), self._progress(McpCallInProgress, event.index)]

    def remote_done(self, event: events.RemoteCallDone) -> _Stream:
        call, item = self._require_call(event.index, McpCall)
        error = event.fault or execution_error(event.error)
        status: Any = "completed" if event.error is None else "failed"
        call.item = _replace(item, output=event.output, error=error, status=status)
        ended = McpCallCompleted if event.error is None else McpCallFailed
        return [self._progress(ended, event.index), *self._close_call(event.index)]

    # -- built-in tools ----------------------------------------------------------------------------------------

    def search_opened(self, event: events.SearchOpened) -> _Stream:
        item = FileSearchCall(id=event.item_id, status="in_progress", queries=[])
        return [self._open_call(event.index, item), self._progress(FileSearchInProgress, event.index)]

    def search_done(self, event: events.SearchDone) -> _Stream:
        call, item = self._require_call(event.index, FileSearchCall)
        results = item.results
        if "file_search_call.results" in self._included:
            results = [one if isinstance(one, dict) else search_results([one])[0] for one in event.results]
        call.item = _replace(item, queries=list(event.queries), results=results)
        return [
            self._progress(FileSearchSearching, event.index),
            self._progress(FileSearchCompleted, event.index),
            *self._close_call(event.index),
        ]

    def web_opened(self, event: events.WebCallOpened) -> _Stream:
        item = WebSearchCall(id=event.item_id, status="in_progress", action=event.action)
        return [self._open_call(event.index, item), self._progress(WebSearchInProgress, event.index)]

    def web_running(self, event: events.WebCallRunning) -> _Stream:
        call, item = self._require_call(event.index, WebSearchCall)
        call.item = _replace(item, status="searching")
        return [self._progress(WebSearchSearching, event.index)]

    def web_done(self, event: events.WebCallDone) -> _Stream:
        call, item = self._require_call(event.index, WebSearchCall)
        failed = event.error is not None
        members = web_members(event.action, event.results, self._included)
        call.item = _replace(item, status="failed" if failed else "completed", **members)
        completed = [] if failed else [self._progress(WebSearchCompleted, event.index)]
        return [*completed, *self._close_call(event.index)]

    def image_opened(self, event: events.ImageCallOpened) -> _Stream:
        item = ImageGenerationCall(id=event.item_id, status="in_progress")
        return [self._open_call(event.index, item), self._progress(ImageGenerationInProgress, event.index)]

    def image_running(self, event: events.ImageCallRunning) -> _Stream:
        call, item = self._require_call(event.index, ImageGenerationCall)
        call.item = _replace(item, status="generating")
        return [self._progress(ImageGenerationGenerating, event.index)]

    def image_part_received(self, event: events.ImagePartReceived) -> _Stream:
        call, _ = self._require_call(event.index, ImageGenerationCall)
        members: dict[str, Any] = {name: one for name, one in event.members.items() if name != "revised_prompt"}
        part = {"partial_image_b64": event.image, "partial_image_index": event.number}
        return [self._stream.event(ImageGenerationPartial, **members, **part, **call.place())]

    def image_done(self, event: events.ImageCallDone) -> _Stream:
        call, item = self._require_call(event.index, ImageGenerationCall)
        failed = event.error is not None
        members: dict[str, Any] = dict(event.members)
        call.item = _replace(item, status="failed" if failed else "completed", result=event.result, **members)
        self._stream.response = add_image_usage(self._stream.response, event.usage)
        completed = [] if failed else [self._progress(ImageGenerationCompleted, event.index)]
        return [*completed, *self._close_call(event.index)]

    def code_opened(self, event: events.CodeOpened) -> _Stream:
        item = CodeInterpreterCall(id=event.item_id, status="in_progress", code="", container_id=event.container_id)
        return [self._open_call(event.index, item), self._progress(CodeInterpreterInProgress, event.index)]

    def code_delta(self, event: events.CodeDelta) -> _Stream:
        call = self._calls[event.index]
        call.parts.append(event.text)
        return [self._stream.delta(CodeInterpreterCodeDelta, event.text, **call.place())]

    def code_running(self, event: events.CodeRunning) -> _Stream:
        call, item = self._require_call(event.index, CodeInterpreterCall)
        call.item = _replace(item, status="interpreting")
        done = self._stream.event(CodeInterpreterCodeDone, code="".join(call.parts), **call.place())
        return [done, self._progress(CodeInterpreterInterpreting, event.index)]

    def code_output_delta(self, event: events.CodeOutputDelta) -> _Stream:
        call, item = self._require_call(event.index, CodeInterpreterCall)
        if "code_interpreter_call.outputs" in self._included:
            call.item = _replace(item, outputs=code_outputs([event.output], item.outputs or []))
        return []

    def code_done(self, event: events.CodeDone) -> _Stream:
        call, item = self._require_call(event.index, CodeInterpreterCall)
        if "code_interpreter_call.outputs" in self._included:
            call.item = _replace(item, outputs=item.outputs or [])
        return [self._progress(CodeInterpreterCompleted, event.index), *self._close_call(event.index)]

    # -- all ---------------------------------------------------------------------------------------------------

    def _open_call(self, index: int, item: _Call) -> ResponseStreamEvent:
        number = self._stream.add(item)
        self._calls[index] = _OpenCall(number, item)
        return self._stream.item_added(number, item)

    def _close_call(self, index: int, *, whole: bool = True) -> _Stream:
        call = self._calls.pop(index)
        status: Any = call.item.status
        if isinstance(call.item, _HostedCall):
            # The item has no status for a call that was cut off.
            status = status if status == "completed" else "failed"
        elif not isinstance(call.item, McpCall) or status == "in_progress":
            status = "completed" if whole else "incomplete"
        item = call.render(status=status)
        stream: _Stream = []
        if isinstance(item, FunctionCallItem):
            stream.append(
                self._stream.event(FunctionCallArgumentsDone, arguments=item.arguments, name=item.name, **call.place())
            )
        elif isinstance(item, CustomToolCallItem):
            stream.append(self._stream.event(CustomToolCallInputDone, input=item.input, **call.place()))
        return [*stream, self._stream.item_done(call.output_index, item)]

    def _require_call(self, index: int, kind: type[C]) -> tuple[_OpenCall, C]:
        call = self._calls[index]
        assert isinstance(call.item, kind)
        return call, call.item

    def _progress(self, kind: type[ResponseStreamEvent], index: int) -> ResponseStreamEvent:
        return self._stream.event(kind, **self._calls[index].place())


HANDLERS: Final[dict[type[events.Event], Callable[[ResponseCalls, Any], Sequence[ResponseStreamEvent]]]] = {
    events.CallOpened: ResponseCalls.call_opened,
    events.ArgumentsDelta: ResponseCalls.arguments_delta,
    events.CallRendered: ResponseCalls.call_rendered,
    events.CallsReceived: ResponseCalls.calls_received,
    events.SearchOpened: ResponseCalls.search_opened,
    events.SearchDone: ResponseCalls.search_done,
    events.WebCallOpened: ResponseCalls.web_opened,
    events.WebCallRunning: ResponseCalls.web_running,
    events.WebCallDone: ResponseCalls.web_done,
    events.ImageCallOpened: ResponseCalls.image_opened,
    events.ImageCallRunning: ResponseCalls.image_running,
    events.ImagePartReceived: ResponseCalls.image_part_received,
    events.ImageCallDone: ResponseCalls.image_done,
    events.CodeOpened: ResponseCalls.code_opened,
    events.CodeDelta: ResponseCalls.code_delta,
    events.CodeRunning: ResponseCalls.code_running,
    events.CodeOutputDelta: ResponseCalls.code_output_delta,
    events.CodeDone: ResponseCalls.code_done,
    events.ToolsListed: ResponseCalls.tools_listed,
    events.RemoteCallOpened: ResponseCalls.remote_opened,
    events.RemoteCallDone: ResponseCalls.remote_done,
}
