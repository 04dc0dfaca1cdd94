"""The calls of a response: of the client's tools, of file search and code, and of remote servers. Pure."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from understudy.engine.client_calls import render_call
from understudy.engine.run import events
from understudy.engine.run.client_tools import STREAMED
from understudy.engine.views.client_frames import UnrenderedCall, command_events, initial_item
from understudy.engine.views.items import code_outputs, search_results
from understudy.engine.views.response_stream import EventPosition, ResponseStream
from understudy.store.run_state import ClientTool
from understudy.tools.mcp import execution_error
from understudy.wire.client_items import ClientCall
from understudy.wire.response_items import (
    CodeInterpreterCall,
    CustomToolCallItem,
    FileSearchCall,
    FunctionCallItem,
    McpApprovalRequest,
    McpCall,
    McpListTools,
)

_encode_json = msgspec.json.encode
_Call = FunctionCallItem | CustomToolCallItem | FileSearchCall | CodeInterpreterCall | McpCall


class ResponseCalls:
    """The calls that are open, by their numbers in the turn. `included` are parts of them that the client requested."""

    def __init__(self, stream: ResponseStream, included: frozenset[str]) -> None:
        self._stream = stream
        self._included = included
        self._calls: dict[int, tuple[int, _Call]] = {}
        self._guarded: dict[int, McpApprovalRequest] = {}
        self._unrendered: dict[int, UnrenderedCall] = {}

    def close_all(self, *, whole: bool) -> bytes:
        """Ends the calls that are open; as cut off where they are not whole."""
        # A client's call that was cut off in its middle is no call.
        self._unrendered.clear()
        return b"".join(self._close_call(index, whole=whole) for index in sorted(self._calls))

    def reopen(self, call: events.OpenCall, container_id: str) -> bytes:
        if call.kind == "file_search":
            return self.search_opened(events.SearchOpened(call.index, call.call_id, {}, call.item_id))
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

    def call_opened(self, event: events.CallOpened) -> bytes:
        # Calls come one after the other; what a provider still says about an earlier one is in the whole item.
        frames = self._close_function_calls()
        tool = event.tool or ClientTool("function", event.name)
        if tool.kind not in STREAMED:
            self._unrendered[event.index] = UnrenderedCall(tool, event.item_id, event.call_id)
            return frames
        item = render_call(tool, event.item_id, event.call_id, "", "in_progress")
        return frames + self._open_call(event.index, item)  # type: ignore[arg-type]

    def arguments_delta(self, event: events.ArgumentsDelta) -> bytes:
        if event.index in self._guarded:
            self._guarded[event.index].arguments += event.text
        if event.index in self._unrendered:
            self._unrendered[event.index].arguments += event.text
        known = self._calls.get(event.index)
        if known is None:
            return b""
        number, item = known
        place = EventPosition.of(item.id, number)
        if isinstance(item, CustomToolCallItem):
            item.input += event.text
            return self._stream.delta_frame("custom_tool_call_input.delta", place, event.text)
        if isinstance(item, McpCall):
            item.arguments += event.text
            return self._stream.delta_frame("mcp_call_arguments.delta", place, event.text)
        assert isinstance(item, FunctionCallItem)
        item.arguments += event.text
        return self._stream.delta_frame("function_call_arguments.delta", place, event.text)

    def _close_function_calls(self) -> bytes:
        """Ends the calls of the client's tools that are open."""
        frames = b""
        for index in sorted({*self._calls, *self._unrendered}):
            if index in self._unrendered:
                frames += self._emit_call(self._unrendered.pop(index).render())
            elif self._is_function_call(index):
                frames += self._close_call(index)
        return frames

    def call_rendered(self, event: events.CallRendered) -> bytes:
        return self._emit_call(event.item)

    def _emit_call(self, item: ClientCall) -> bytes:
        """The events of an item that is rendered once its arguments are complete."""
        number = self._stream.add(item)
        self._stream.close(number)
        frames = self._stream.item_frame("added", number, initial_item(item))
        for name, members, delta in command_events(item, number):
            frames += self._stream.frame(name, members, self._stream.obfuscation(delta))
        return frames + self._stream.item_frame("done", number, item)

    def calls_received(self, _: events.CallsReceived) -> bytes:
        frames = self._close_function_calls()
        for number, item in self._calls.values():
            if isinstance(item, McpCall):
                written = b'"arguments":%b,' % _encode_json(item.arguments)
                frames += self._stream.frame(
                    "mcp_call_arguments.done", EventPosition.of(item.id, number).members(written)
                )
        return frames + self._request_approval()

    def _request_approval(self) -> bytes:
        """Approval requests are complete when they are emitted."""
        frames = b""
        for request in self._guarded.values():
            number = self._stream.add(request)
            self._stream.close(number)
            frames += self._stream.item_frame("added", number, request) + self._stream.item_frame(
                "done", number, request
            )
        self._guarded = {}
        return frames

    # -- tools of remote servers -------------------------------------------------------------------------------

    def tools_listed(self, event: events.ToolsListed) -> bytes:
        item = McpListTools(id=event.item_id, server_label=event.server_label, tools=[])
        number = self._stream.add(item)
        self._stream.close(number)
        place = EventPosition.of(item.id, number).members()
        frames = self._stream.item_frame("added", number, item)
        frames += self._stream.frame("mcp_list_tools.in_progress", place)
        item.tools = list(event.tools)
        item.error = msgspec.UNSET if event.error is None else event.error
        frames += self._stream.frame(f"mcp_list_tools.{'completed' if event.error is None else 'failed'}", place)
        return frames + self._stream.item_frame("done", number, item)

    def remote_opened(self, event: events.RemoteCallOpened) -> bytes:
        if event.guarded:
            self._guarded[event.index] = McpApprovalRequest(
                id=event.item_id, arguments="", name=event.name, server_label=event.server_label
            )
            return b""
        item = McpCall(
            id=event.item_id,
            status="in_progress",
            approval_request_id=event.approval_id,
            arguments="",
            name=event.name,
            server_label=event.server_label,
        )
        return self._open_call(event.index, item) + self._progress_frame("mcp_call.in_progress", event.index)

    def remote_done(self, event: events.RemoteCallDone) -> bytes:
        item = self._calls[event.index][1]
        assert isinstance(item, McpCall)
        item.output, item.error = event.output, event.fault or execution_error(event.error)
        item.status = "completed" if event.error is None else "failed"
        return self._progress_frame(f"mcp_call.{item.status}", event.index) + self._close_call(event.index)

    def _is_function_call(self, index: int) -> bool:
        return isinstance(self._calls[index][1], FunctionCallItem | CustomToolCallItem)

    def _close_call(self, index: int, *, whole: bool = True) -> bytes:
        number, item = self._calls.pop(index)
        if not isinstance(item, McpCall) or item.status == "in_progress":
            item.status = "completed" if whole else "incomplete"
        self._stream.close(number)
        place, frames = EventPosition.of(item.id, number), b""
        if isinstance(item, FunctionCallItem):
            arguments, name = b'"arguments":%b,' % _encode_json(item.arguments), b',"name":' + _encode_json(item.name)
            frames = self._stream.frame("function_call_arguments.done", place.members(arguments, name))
        elif isinstance(item, CustomToolCallItem):
            given = b'"input":%b,' % _encode_json(item.input)
            frames = self._stream.frame("custom_tool_call_input.done", place.members(given))
        return frames + self._stream.item_frame("done", number, item)

    def search_opened(self, event: events.SearchOpened) -> bytes:
        item = FileSearchCall(id=event.item_id, status="in_progress", queries=[])
        frames = self._open_call(event.index, item)
        return frames + self._progress_frame("file_search_call.in_progress", event.index)

    def search_done(self, event: events.SearchDone) -> bytes:
        _, item = self._calls[event.index]
        assert isinstance(item, FileSearchCall)
        frames = self._progress_frame("file_search_call.searching", event.index)
        item.queries = list(event.queries)
        if "file_search_call.results" in self._included:
            item.results = [one if isinstance(one, dict) else search_results([one])[0] for one in event.results]
        return frames + self._progress_frame("file_search_call.completed", event.index) + self._close_call(event.index)

    def code_opened(self, event: events.CodeOpened) -> bytes:
        item = CodeInterpreterCall(id=event.item_id, status="in_progress", code="", container_id=event.container_id)
        frames = self._open_call(event.index, item)
        return frames + self._progress_frame("code_interpreter_call.in_progress", event.index)

    def code_delta(self, event: events.CodeDelta) -> bytes:
        number, item = self._calls[event.index]
        assert isinstance(item, CodeInterpreterCall)
        item.code += event.text
        return self._stream.delta_frame(
            "code_interpreter_call_code.delta", EventPosition.of(item.id, number), event.text
        )

    def code_running(self, event: events.CodeRunning) -> bytes:
        number, item = self._calls[event.index]
        assert isinstance(item, CodeInterpreterCall)
        code = b'"code":%b,' % _encode_json(item.code)
        frames = self._stream.frame("code_interpreter_call_code.done", EventPosition.of(item.id, number).members(code))
        item.status = "interpreting"
        return frames + self._progress_frame("code_interpreter_call.interpreting", event.index)

    def code_output_delta(self, event: events.CodeOutputDelta) -> bytes:
        item = self._calls[event.index][1]
        assert isinstance(item, CodeInterpreterCall)
        if "code_interpreter_call.outputs" in self._included:
            item.outputs = code_outputs([event.output], item.outputs or [])
        return b""

    def code_done(self, event: events.CodeDone) -> bytes:
        item = self._calls[event.index][1]
        assert isinstance(item, CodeInterpreterCall)
        if "code_interpreter_call.outputs" in self._included:
            item.outputs = item.outputs or []
        return self._progress_frame("code_interpreter_call.completed", event.index) + self._close_call(event.index)

    def _open_call(self, index: int, item: _Call) -> bytes:
        number = self._stream.add(item)
        self._calls[index] = number, item
        return self._stream.item_frame("added", number, item)

    def _progress_frame(self, name: str, index: int) -> bytes:
        number, item = self._calls[index]
        return self._stream.frame(name, EventPosition.of(item.id, number).members())


HANDLERS: Final[dict[type[events.Event], Callable[[ResponseCalls, Any], bytes]]] = {
    events.CallOpened: ResponseCalls.call_opened,
    events.ArgumentsDelta: ResponseCalls.arguments_delta,
    events.CallRendered: ResponseCalls.call_rendered,
    events.CallsReceived: ResponseCalls.calls_received,
    events.SearchOpened: ResponseCalls.search_opened,
    events.SearchDone: ResponseCalls.search_done,
    events.CodeOpened: ResponseCalls.code_opened,
    events.CodeDelta: ResponseCalls.code_delta,
    events.CodeRunning: ResponseCalls.code_running,
    events.CodeOutputDelta: ResponseCalls.code_output_delta,
    events.CodeDone: ResponseCalls.code_done,
    events.ToolsListed: ResponseCalls.tools_listed,
    events.RemoteCallOpened: ResponseCalls.remote_opened,
    events.RemoteCallDone: ResponseCalls.remote_done,
}
