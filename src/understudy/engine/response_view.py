"""The Responses view of a run: its events in, the response and its server-sent events out. Pure: no clock, no store.

Every event of the stream has the next number; a delta of the engine is one of them, which is what lets a reader come
back behind the number that it has seen last. Order and shapes, of members as well: the hosted API's recorded streams.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from understudy.engine import events
from understudy.engine.client_frames import UnrenderedCall, begun, command_events
from understudy.engine.client_tools import STREAMED, render_call
from understudy.engine.item_view import code_outputs, search_results
from understudy.store.run_state import ClientTool
from understudy.tools.mcp import execution_error
from understudy.wire.client_items import ClientCall
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
    Refusal,
    SummaryText,
    encoded_items,
)
from understudy.wire.responses import (
    Billing,
    InputTokensDetails,
    OutputTokensDetails,
    ResponseError,
    ResponseIncompleteDetails,
    ResponseObject,
    ResponseStatus,
    ResponseUsage,
)
from understudy.wire.runs import RunCompletionUsage, RunStatus

_encode = msgspec.json.encode
_STATUS: Final[dict[RunStatus, ResponseStatus]] = {
    "completed": "completed",
    "incomplete": "incomplete",
    "cancelled": "cancelled",
    "failed": "failed",
    "expired": "failed",
}
# Which event ends the stream of a response that ended so.
_LAST: Final = {"completed": "completed", "failed": "failed", "incomplete": "incomplete", "cancelled": "incomplete"}
_EXPIRED: Final = "The response took longer than this server allows."
# As many characters as a delta with its filler is long, or a multiple of it.
_GRID: Final = 16
_FILLER: Final = b"k3VtQz8JwYbR5nXe"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an event of the stream belongs, as members of its JSON: those come in the order of the alphabet."""

    item: bytes
    output: bytes
    content: bytes = b""
    summary: bytes = b""

    @classmethod
    def of(cls, item_id: str, index: int, *, content: int | None = None, summary: int | None = None) -> "_Place":
        return cls(
            b'"item_id":%b' % _encode(item_id),
            b',"output_index":%d' % index,
            b"" if content is None else b'"content_index":%d,' % content,
            b"" if summary is None else b',"summary_index":%d' % summary,
        )

    def members(self, first: bytes = b"", between: bytes = b"", last: bytes = b"") -> bytes:
        """All of them, with others before, in the middle of and behind them; each brings its comma."""
        return self.content + first + self.item + between + self.output + last


_Call = FunctionCallItem | CustomToolCallItem | FileSearchCall | CodeInterpreterCall | McpCall


class ResponseView:
    """The response as the events so far describe it. `sequence` is the number of the next event of the stream.

    `included` are the parts of items that the client asked for beside what is always shown.
    """

    def __init__(self, included: frozenset[str] = frozenset()) -> None:
        self.response: ResponseObject
        self.sequence = 0
        self.ended = False
        self._merged = 0
        self._included = included
        self._obfuscated = False
        self._calls: dict[int, tuple[int, _Call]] = {}
        self._guarded: dict[int, McpApprovalRequest] = {}
        self._unrendered: dict[int, UnrenderedCall] = {}
        self._open: set[int] = set()
        self._message: tuple[int, OutputMessage] | None = None
        self._text: list[str] = []
        self._part: _Place | None = None
        self._annotations: list[Any] = []
        self._ratings: list[dict[str, Any]] = []
        self._new_ratings: list[dict[str, Any]] = []
        self._shown = 0
        self._reasoning: tuple[int, ReasoningItem] | None = None
        self._thoughts: list[str] = []

    def apply(self, event: events.Event) -> bytes:
        """Takes the event in and returns what a stream shows of it, framed; empty where it shows nothing."""
        handler = _HANDLERS.get(type(event))
        frames = b"" if handler is None else handler(self, event)
        self._merged = 0
        return frames

    def skip(self, count: int) -> None:
        """Says how many deltas were merged into the event that is applied next."""
        self._merged = count

    def settled(self) -> ResponseObject:
        """The response with the items that are whole, as it is read while it is being made."""
        done = [item for index, item in enumerate(self.response.output) if not self._is_open(index)]
        return msgspec.structs.replace(self.response, output=done)

    def _is_open(self, index: int) -> bool:
        return index in self._open

    # -- the response ------------------------------------------------------------------------------------------

    def _queued(self, event: events.RunQueued) -> bytes:
        assert event.response is not None
        self.response = msgspec.structs.replace(event.response, output=[])
        self._obfuscated = event.obfuscated
        frames = self._response_frame("created")
        if self.response.background:
            frames += self._response_frame("queued")
        return frames

    def _restored(self, event: events.RunRestored) -> bytes:
        assert event.response is not None
        self.response = msgspec.structs.replace(event.response, output=deepcopy(event.response.output))
        self.sequence = event.sequence
        frames = b""
        if event.message is not None:
            frames += self._open_message(event.message.id)
        known = {item.id for item in self.response.output}
        # Without a step nothing was shown of the calls yet.
        for call in event.calls if event.steps else ():
            if call.item_id not in known:
                frames += self._reopen(call, event.container_id)
        return frames

    def _reopen(self, call: events.OpenCall, container_id: str) -> bytes:
        if call.kind == "file_search":
            return self._search_opened(events.SearchOpened(call.index, call.call_id, {}, call.item_id))
        if call.kind == "code_interpreter":
            return self._code_opened(events.CodeOpened(call.index, call.call_id, call.item_id, container_id))
        arguments = events.ArgumentsDelta(call.index, call.arguments)
        if call.kind == "mcp":
            remote = events.RemoteOpened(
                call.index, call.call_id, call.server_label, call.name, call.item_id, approval_id=call.approval_id
            )
            return self._remote_opened(remote) + self._arguments_delta(arguments)
        opened = events.CallOpened(call.index, call.call_id, call.name, call.item_id, call.tool)
        return self._call_opened(opened) + self._arguments_delta(arguments)

    def _started(self, _: events.RunStarted) -> bytes:
        self.response.status = "in_progress"
        return self._response_frame("in_progress")

    def _ended(self, event: events.RunEnded) -> bytes:
        response, status = self.response, _STATUS[event.status]
        frames = self.close_items(whole=status == "completed")
        response.status = status
        # What was cancelled before the model was asked used nothing.
        if status != "cancelled" or event.usage.total_tokens:
            response.service_tier = "default"
            response.usage = render_usage(event.usage)
        if status == "completed":
            response.completed_at = event.at
        if event.status == "expired":
            response.error = ResponseError("server_error", _EXPIRED)
        elif event.error is not None:
            response.error = ResponseError(event.code or event.error.code, event.error.message)
        if status == "incomplete":
            reason = "content_filter" if event.cut == "content_filter" else "max_output_tokens"
            response.incomplete_details = ResponseIncompleteDetails(reason)  # type: ignore[arg-type]
        self.ended = True
        frames += self._response_frame(_LAST[status])
        # Streams do not say who pays.
        response.billing = Billing()
        return frames

    def close_items(self, *, whole: bool) -> bytes:
        """Ends what is open; as cut off where it is not whole."""
        frames = self._close_reasoning("")
        if self._message is not None:
            frames += self._close_message("completed" if whole else "incomplete")
        # A client's call that was cut off in its middle is no call.
        self._unrendered.clear()
        for index in sorted(self._calls):
            frames += self._close_call(index, whole=whole)
        return frames

    def last_frame(self, name: str) -> bytes:
        """The end of a stream whose response was over before it began."""
        self.ended = True
        self.response = msgspec.structs.replace(self.response, billing=msgspec.UNSET)
        return self._response_frame(name)

    def _response_frame(self, name: str) -> bytes:
        return self._frame(name, b'"response":' + encoded_items(self.response))

    # -- messages ----------------------------------------------------------------------------------------------

    def _message_opened(self, event: events.MessageOpened) -> bytes:
        return self._open_message(event.message_id)

    def _open_message(self, message_id: str) -> bytes:
        message = OutputMessage(id=message_id, status="in_progress", content=[])
        index = self._add(message)
        self._message = index, message
        self._text, self._part, self._annotations, self._shown = [], None, [], 0
        self._ratings, self._new_ratings = [], []
        return self._item_frame("added", index, message)

    def _text_delta(self, event: events.TextDelta) -> bytes:
        frames, place = self._part_opened(OutputText(text=""))
        self._text.append(event.text)
        self._shown += len(event.text)
        logprobs = b',"logprobs":' + self._take_ratings() if self._new_ratings else b',"logprobs":[]'
        return frames + self._delta_frame("output_text.delta", place, event.text, logprobs)

    def _tokens_rated(self, event: events.TokensRated) -> bytes:
        """Shown with the text that they are of."""
        self._ratings += event.logprobs
        self._new_ratings += event.logprobs
        return b""

    def _take_ratings(self) -> bytes:
        ratings, self._new_ratings = self._new_ratings, []
        return _encode([_without_bytes(one) for one in ratings])

    def _cited(self, event: events.Cited) -> bytes:
        frames, place = self._part_opened(OutputText(text=""))
        annotation: FileCitation | ContainerFileCitation
        if event.is_path:
            annotation = ContainerFileCitation(
                container_id=self._container(),
                end_index=self._shown + len(event.text),
                file_id=event.file_id,
                filename=event.filename,
                start_index=self._shown,
            )
            if event.text:
                frames += self._text_delta(events.TextDelta(event.text))
        else:
            # The mark is the other dialect's: here the text has none, and the citation says where it belongs.
            annotation = FileCitation(file_id=event.file_id, filename=event.filename, index=self._shown)
        number = len(self._annotations)
        self._annotations.append(annotation)
        shown = b'"annotation":%b,"annotation_index":%d,' % (_encode(annotation), number)
        return frames + self._frame("output_text.annotation.added", shown + place.members())

    def _image_shown(self, event: events.ImageShown) -> bytes:
        """A figure is no part of the text; it is cited where the text stands."""
        name = f"{event.file_id}.png"
        return self._cited(events.Cited("", self._shown, self._shown, event.file_id, is_path=True, filename=name))

    def _refusal_delta(self, event: events.RefusalDelta) -> bytes:
        frames, place = self._part_opened(Refusal(refusal=""))
        self._text.append(event.text)
        return frames + self._delta_frame("refusal.delta", place, event.text)

    def _part_opened(self, part: OutputText | Refusal) -> tuple[bytes, _Place]:
        """Opens the content part that the delta belongs to; closes the one before it where it is of another kind."""
        index, message = self._current()
        if self._part is not None and type(message.content[-1]) is type(part):
            return b"", self._part
        frames = self._close_part()
        message.content.append(part)
        self._shown = 0
        self._part = place = _Place.of(message.id, index, content=len(message.content) - 1)
        return frames + self._frame("content_part.added", place.members(last=b',"part":' + _encode(part))), place

    def _message_closed(self, _: events.MessageClosed) -> bytes:
        return self._close_message("completed")

    def _close_message(self, status: Any) -> bytes:
        index, message = self._current()
        frames = self._close_part()
        message.status = status
        self._message = None
        self._open.discard(index)
        return frames + self._item_frame("done", index, message)

    def _close_part(self) -> bytes:
        _, message = self._current()
        place = self._part
        if place is None:
            return b""
        part, text = message.content[-1], "".join(self._text)
        if isinstance(part, OutputText):
            part.text = text
            part.annotations = self._annotations
            part.logprobs, self._ratings, self._new_ratings = self._ratings, [], []
            logprobs = _encode([_without_bytes(one) for one in part.logprobs])
            members = place.members(between=b',"logprobs":%b' % logprobs)
            frames = self._frame("output_text.done", members, b',"text":' + _encode(text))
        else:
            part.refusal = text
            frames = self._frame("refusal.done", place.members(last=b',"refusal":' + _encode(text)))
        self._text, self._part, self._annotations = [], None, []
        return frames + self._frame("content_part.done", place.members(last=b',"part":' + _encode(part)))

    def _current(self) -> tuple[int, OutputMessage]:
        assert self._message is not None
        return self._message

    def _container(self) -> str:
        calls = [item for item in self.response.output if isinstance(item, CodeInterpreterCall)]
        return calls[-1].container_id if calls else ""

    # -- reasoning ---------------------------------------------------------------------------------------------

    def _reasoning_opened(self, event: events.ReasoningOpened) -> bytes:
        item = ReasoningItem(id=event.item_id)
        index = self._add(item)
        self._reasoning = index, item
        self._thoughts = []
        return self._item_frame("added", index, item)

    def _reasoning_delta(self, event: events.ReasoningDelta) -> bytes:
        if self._reasoning is None or not self._summarised():
            return b""
        index, item = self._reasoning
        place, frames = _Place.of(item.id, index, summary=0), b""
        if not self._thoughts:
            part = b',"part":' + _encode(SummaryText(""))
            frames = self._frame("reasoning_summary_part.added", place.members(last=part), place.summary)
        self._thoughts.append(event.text)
        return frames + self._delta_frame("reasoning_summary_text.delta", place, event.text)

    def _reasoning_closed(self, event: events.ReasoningClosed) -> bytes:
        return self._close_reasoning(event.sealed)

    def _close_reasoning(self, sealed: str) -> bytes:
        if self._reasoning is None:
            return b""
        index, item = self._reasoning
        frames = b""
        if self._thoughts:
            text = "".join(self._thoughts)
            item.summary = [SummaryText(text)]
            place, part = _Place.of(item.id, index, summary=0), b',"part":' + _encode(item.summary[0])
            more = place.summary + b',"text":' + _encode(text)
            frames += self._frame("reasoning_summary_text.done", place.members(), more)
            frames += self._frame("reasoning_summary_part.done", place.members(last=part), place.summary)
        if "reasoning.encrypted_content" in self._included and sealed:
            item.encrypted_content = sealed
        self._reasoning = None
        self._open.discard(index)
        return frames + self._item_frame("done", index, item)

    def _context_compacted(self, event: events.ContextCompacted) -> bytes:
        item = CompactionItem(id=event.item_id, encrypted_content="")
        number = self._add(item)
        self._open.discard(number)
        frames = self._item_frame("added", number, item)
        frames += self._frame("compaction.compacting", _Place.of(item.id, number).members())
        item.encrypted_content = event.packed
        return frames + self._item_frame("done", number, item)

    def _summarised(self) -> bool:
        reasoning = self.response.reasoning
        return bool(reasoning.summary or reasoning.generate_summary)

    # -- calls -------------------------------------------------------------------------------------------------

    def _call_opened(self, event: events.CallOpened) -> bytes:
        # Calls come one after the other; what a provider still says about an earlier one is in the whole item.
        frames = self._close_written()
        tool = event.tool or ClientTool("function", event.name)
        if tool.kind not in STREAMED:
            self._unrendered[event.index] = UnrenderedCall(tool, event.item_id, event.call_id)
            return frames
        item = render_call(tool, event.item_id, event.call_id, "", "in_progress")
        return frames + self._open_call(event.index, item)  # type: ignore[arg-type]

    def _arguments_delta(self, event: events.ArgumentsDelta) -> bytes:
        if event.index in self._guarded:
            self._guarded[event.index].arguments += event.text
        if event.index in self._unrendered:
            self._unrendered[event.index].arguments += event.text
        known = self._calls.get(event.index)
        if known is None:
            return b""
        number, item = known
        place = _Place.of(item.id, number)
        if isinstance(item, CustomToolCallItem):
            item.input += event.text
            return self._delta_frame("custom_tool_call_input.delta", place, event.text)
        if isinstance(item, McpCall):
            item.arguments += event.text
            return self._delta_frame("mcp_call_arguments.delta", place, event.text)
        assert isinstance(item, FunctionCallItem)
        item.arguments += event.text
        return self._delta_frame("function_call_arguments.delta", place, event.text)

    def _close_written(self) -> bytes:
        """Ends the calls of the client's tools that are open."""
        frames = b""
        for index in sorted({*self._calls, *self._unrendered}):
            if index in self._unrendered:
                frames += self._show_call(self._unrendered.pop(index).render())
            elif self._is_written(index):
                frames += self._close_call(index)
        return frames

    def _call_rendered(self, event: events.CallRendered) -> bytes:
        return self._show_call(event.item)

    def _show_call(self, item: ClientCall) -> bytes:
        """An item that nothing can be shown of before it is whole."""
        number = self._add(item)
        self._open.discard(number)
        frames = self._item_frame("added", number, begun(item))
        for name, members, delta in command_events(item, number):
            frames += self._frame(name, members, self._obfuscation(delta))
        return frames + self._item_frame("done", number, item)

    def _calls_heard(self, _: events.CallsHeard) -> bytes:
        frames = self._close_written()
        for number, item in self._calls.values():
            if isinstance(item, McpCall):
                written = b'"arguments":%b,' % _encode(item.arguments)
                frames += self._frame("mcp_call_arguments.done", _Place.of(item.id, number).members(written))
        return frames + self._ask_for_approval()

    def _ask_for_approval(self) -> bytes:
        """Requests are whole when they are shown."""
        frames = b""
        for request in self._guarded.values():
            number = self._add(request)
            self._open.discard(number)
            frames += self._item_frame("added", number, request) + self._item_frame("done", number, request)
        self._guarded = {}
        return frames

    # -- tools of remote servers -------------------------------------------------------------------------------

    def _tools_listed(self, event: events.ToolsListed) -> bytes:
        item = McpListTools(id=event.item_id, server_label=event.server_label, tools=[])
        number = self._add(item)
        self._open.discard(number)
        place = _Place.of(item.id, number).members()
        frames = self._item_frame("added", number, item)
        frames += self._frame("mcp_list_tools.in_progress", place)
        item.tools = list(event.tools)
        item.error = msgspec.UNSET if event.error is None else event.error
        frames += self._frame(f"mcp_list_tools.{'completed' if event.error is None else 'failed'}", place)
        return frames + self._item_frame("done", number, item)

    def _remote_opened(self, event: events.RemoteOpened) -> bytes:
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
        return self._open_call(event.index, item) + self._progress("mcp_call.in_progress", event.index)

    def _remote_done(self, event: events.RemoteDone) -> bytes:
        item = self._calls[event.index][1]
        assert isinstance(item, McpCall)
        item.output, item.error = event.output, event.fault or execution_error(event.error)
        item.status = "completed" if event.error is None else "failed"
        return self._progress(f"mcp_call.{item.status}", event.index) + self._close_call(event.index)

    def _is_written(self, index: int) -> bool:
        return isinstance(self._calls[index][1], FunctionCallItem | CustomToolCallItem)

    def _close_call(self, index: int, *, whole: bool = True) -> bytes:
        number, item = self._calls.pop(index)
        if not isinstance(item, McpCall) or item.status == "in_progress":
            item.status = "completed" if whole else "incomplete"
        self._open.discard(number)
        place, frames = _Place.of(item.id, number), b""
        if isinstance(item, FunctionCallItem):
            arguments, name = b'"arguments":%b,' % _encode(item.arguments), b',"name":' + _encode(item.name)
            frames = self._frame("function_call_arguments.done", place.members(arguments, name))
        elif isinstance(item, CustomToolCallItem):
            given = b'"input":%b,' % _encode(item.input)
            frames = self._frame("custom_tool_call_input.done", place.members(given))
        return frames + self._item_frame("done", number, item)

    def _search_opened(self, event: events.SearchOpened) -> bytes:
        item = FileSearchCall(id=event.item_id, status="in_progress", queries=[])
        frames = self._open_call(event.index, item)
        return frames + self._progress("file_search_call.in_progress", event.index)

    def _search_done(self, event: events.SearchDone) -> bytes:
        _, item = self._calls[event.index]
        assert isinstance(item, FileSearchCall)
        frames = self._progress("file_search_call.searching", event.index)
        item.queries = list(event.queries)
        if "file_search_call.results" in self._included:
            item.results = [one if isinstance(one, dict) else search_results([one])[0] for one in event.results]
        return frames + self._progress("file_search_call.completed", event.index) + self._close_call(event.index)

    def _code_opened(self, event: events.CodeOpened) -> bytes:
        item = CodeInterpreterCall(id=event.item_id, status="in_progress", code="", container_id=event.container_id)
        frames = self._open_call(event.index, item)
        return frames + self._progress("code_interpreter_call.in_progress", event.index)

    def _code_delta(self, event: events.CodeDelta) -> bytes:
        number, item = self._calls[event.index]
        assert isinstance(item, CodeInterpreterCall)
        item.code += event.text
        return self._delta_frame("code_interpreter_call_code.delta", _Place.of(item.id, number), event.text)

    def _code_running(self, event: events.CodeRunning) -> bytes:
        number, item = self._calls[event.index]
        assert isinstance(item, CodeInterpreterCall)
        code = b'"code":%b,' % _encode(item.code)
        frames = self._frame("code_interpreter_call_code.done", _Place.of(item.id, number).members(code))
        item.status = "interpreting"
        return frames + self._progress("code_interpreter_call.interpreting", event.index)

    def _code_output_delta(self, event: events.CodeOutputDelta) -> bytes:
        item = self._calls[event.index][1]
        assert isinstance(item, CodeInterpreterCall)
        if "code_interpreter_call.outputs" in self._included:
            item.outputs = code_outputs([event.output], item.outputs or [])
        return b""

    def _code_done(self, event: events.CodeDone) -> bytes:
        item = self._calls[event.index][1]
        assert isinstance(item, CodeInterpreterCall)
        if "code_interpreter_call.outputs" in self._included:
            item.outputs = item.outputs or []
        return self._progress("code_interpreter_call.completed", event.index) + self._close_call(event.index)

    def _open_call(self, index: int, item: _Call) -> bytes:
        number = self._add(item)
        self._calls[index] = number, item
        return self._item_frame("added", number, item)

    def _progress(self, name: str, index: int) -> bytes:
        number, item = self._calls[index]
        return self._frame(name, _Place.of(item.id, number).members())

    # -- frames ------------------------------------------------------------------------------------------------

    def _add(self, item: OutputItem) -> int:
        output = self.response.output
        output.append(item)
        self._open.add(len(output) - 1)
        return len(output) - 1

    def _item_frame(self, name: str, index: int, item: OutputItem) -> bytes:
        return self._frame(f"output_item.{name}", b'"item":%b,"output_index":%d' % (encoded_items(item), index))

    def _delta_frame(self, kind: str, place: _Place, text: str, more: bytes = b"") -> bytes:
        delta = b'"delta":%b,' % _encode(text)
        if self._obfuscated:
            more += b',"obfuscation":"%b"' % _FILLER[: -len(text) % _GRID]
        # Merged deltas count behind what opens their part; the last one's number is that of them all.
        self.sequence += self._merged
        self._merged = 0
        return self._frame(kind, place.members(delta, more), place.summary)

    def _obfuscation(self, text: str | None) -> bytes:
        """What hides the length of a delta; nothing for events that are no deltas."""
        if text is None or not self._obfuscated:
            return b""
        return b',"obfuscation":"%b"' % _FILLER[: -len(text) % _GRID]

    def _frame(self, kind: str, members: bytes, more: bytes = b"") -> bytes:
        """`more` are the members whose names come behind that of the number."""
        number, name = self.sequence, kind.encode()
        self.sequence = number + 1
        return b'event: response.%b\ndata: {"type":"response.%b",%b,"sequence_number":%d%b}\n\n' % (
            name,
            name,
            members,
            number,
            more,
        )


def _without_bytes(rating: dict[str, Any]) -> dict[str, Any]:
    """A log probability as events show it, where items have the bytes of the token as well."""
    tops = [{"token": one["token"], "logprob": one["logprob"]} for one in rating["top_logprobs"]]
    return {"token": rating["token"], "logprob": rating["logprob"], "top_logprobs": tops}


def render_usage(usage: RunCompletionUsage) -> ResponseUsage:
    return ResponseUsage(
        usage.prompt_tokens,
        InputTokensDetails(cached_tokens=usage.prompt_token_details.cached_tokens),
        usage.completion_tokens,
        OutputTokensDetails(usage.completion_tokens_details.reasoning_tokens),
        usage.total_tokens,
    )


_HANDLERS: Final[dict[type[events.Event], Callable[[ResponseView, Any], bytes]]] = {
    events.RunQueued: ResponseView._queued,  # noqa: SLF001 - the table of this module's own class
    events.RunRestored: ResponseView._restored,  # noqa: SLF001
    events.RunStarted: ResponseView._started,  # noqa: SLF001
    events.MessageOpened: ResponseView._message_opened,  # noqa: SLF001
    events.TextDelta: ResponseView._text_delta,  # noqa: SLF001
    events.TokensRated: ResponseView._tokens_rated,  # noqa: SLF001
    events.Cited: ResponseView._cited,  # noqa: SLF001
    events.ImageShown: ResponseView._image_shown,  # noqa: SLF001
    events.RefusalDelta: ResponseView._refusal_delta,  # noqa: SLF001
    events.MessageClosed: ResponseView._message_closed,  # noqa: SLF001
    events.ReasoningOpened: ResponseView._reasoning_opened,  # noqa: SLF001
    events.ReasoningDelta: ResponseView._reasoning_delta,  # noqa: SLF001
    events.ReasoningClosed: ResponseView._reasoning_closed,  # noqa: SLF001
    events.ContextCompacted: ResponseView._context_compacted,  # noqa: SLF001
    events.CallOpened: ResponseView._call_opened,  # noqa: SLF001
    events.ArgumentsDelta: ResponseView._arguments_delta,  # noqa: SLF001
    events.CallRendered: ResponseView._call_rendered,  # noqa: SLF001
    events.CallsHeard: ResponseView._calls_heard,  # noqa: SLF001
    events.SearchOpened: ResponseView._search_opened,  # noqa: SLF001
    events.SearchDone: ResponseView._search_done,  # noqa: SLF001
    events.CodeOpened: ResponseView._code_opened,  # noqa: SLF001
    events.CodeDelta: ResponseView._code_delta,  # noqa: SLF001
    events.CodeRunning: ResponseView._code_running,  # noqa: SLF001
    events.CodeOutputDelta: ResponseView._code_output_delta,  # noqa: SLF001
    events.CodeDone: ResponseView._code_done,  # noqa: SLF001
    events.ToolsListed: ResponseView._tools_listed,  # noqa: SLF001
    events.RemoteOpened: ResponseView._remote_opened,  # noqa: SLF001
    events.RemoteDone: ResponseView._remote_done,  # noqa: SLF001
    events.RunEnded: ResponseView._ended,  # noqa: SLF001
}
