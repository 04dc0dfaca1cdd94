"""The calls of one model turn: those of built-in tools are executed here, the others wait for the client.

Each result is stored before the next call, so that a run that is claimed again repeats no finished call.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from understudy import ids, telemetry, tracing
from understudy.engine.accounting import Accounting
from understudy.engine.item_data import ItemData
from understudy.engine.item_images import ItemImages
from understudy.engine.run import events
from understudy.engine.run.cancellation import Interruption
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.prompt import Prompt
from understudy.engine.run.spans import open_span
from understudy.engine.run.turn import ToolCall
from understudy.engine.tools import functions
from understudy.engine.tools.base import BuiltIn, BuiltInTool, CallResult, OfferedFunction
from understudy.engine.tools.code_interpreter import CodeInterpreterTool
from understudy.engine.tools.file_search import FileSearchTool, VectorStores
from understudy.engine.tools.image_generation import ImageGenerationTool
from understudy.engine.tools.interpreter import Interpreter
from understudy.engine.tools.mcp import McpTools
from understudy.engine.tools.tool_search import ToolSearch
from understudy.engine.tools.web_search import WebSearchTool
from understudy.llm.messages import Part
from understudy.llm.router import Models
from understudy.store.run_state import NewItem, PendingCall, Span
from understudy.tools.mcp import RemoteServers
from understudy.tools.web import WebSearch
from understudy.wire.moderations import ResponseModeration
from understudy.wire.run_outcome import RunCompletionUsage

_TOOL_TYPES: Final = {
    "file_search": "datastore",
    "code_interpreter": "extension",
    "mcp": "extension",
    "web_search": "extension",
    "image_generation": "extension",
    "tool_search": "extension",
}
"""The names of the semantic conventions."""
NextStep = Literal["continue", "wait"]
"""After the calls of a turn: the model is called again, or the client has to act."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the built-in tools of runs work with."""

    vector_stores: VectorStores
    interpreter: Interpreter
    remote_servers: RemoteServers
    web: WebSearch
    load_image: Callable[[str, str], Awaitable[str | None]]
    """From a project's id and a File's to a `data:` URL."""
    load_document: Callable[..., Awaitable[list[Part]]]
    """From a project's id and an `input_file` part to the document's text and images."""
    images: ItemImages
    data: ItemData


class ToolUse:
    def __init__(
        self, writer: RunWriter, interruption: Interruption, tools: Tools, models: Models, accounting: Accounting
    ) -> None:
        self._writer = writer
        self._interruption = interruption
        self._tools = tools
        self._models = models
        self._accounting = accounting
        self._is_used = writer.spec.has_built_in_tools
        self.moderate: Callable[[], Awaitable[ResponseModeration]] | None = None
        """What moderates a response that ends with calls for the client; None where nothing is moderated."""
        self._reasoning: Sequence[NewItem] = ()

    # The tools are made for the runs that use any, which most do not.

    @cached_property
    def _built_in(self) -> dict[str, BuiltInTool]:
        """In the order in which they are prepared and offered."""
        writer, interruption, tools = self._writer, self._interruption, self._tools
        return {
            "code_interpreter": CodeInterpreterTool(writer, interruption, tools.interpreter),
            "file_search": FileSearchTool(writer, interruption, tools.vector_stores),
            "mcp": self._mcp,
            "web_search": self._web,
            "image_generation": self._image,
            "tool_search": ToolSearch(writer, self._mcp.list_deferred),
        }

    @cached_property
    def _mcp(self) -> McpTools:
        return McpTools(self._writer, self._interruption, self._tools.remote_servers)

    @cached_property
    def _web(self) -> WebSearchTool:
        return WebSearchTool(self._writer, self._interruption, self._tools.web)

    @cached_property
    def _image(self) -> ImageGenerationTool:
        tools = self._tools
        return ImageGenerationTool(
            self._writer, self._interruption, self._models, self._accounting, tools.load_image, tools.images
        )

    def observe(self, prompt: Prompt) -> None:
        """Notes what a prompt names, before its model calls tools."""
        if not self._is_used:
            return
        self._web.observe(prompt.messages, prompt.sources.passages.values())
        self._image.observe(prompt.messages, prompt.images)

    async def prepare(self) -> None:
        """Loads, and waits for, what the tools need before the model is called."""
        if self._is_used:
            for tool in self._built_in.values():
                await tool.prepare()

    def offer(self) -> list[OfferedFunction]:
        """The functions that the model is offered for built-in tools."""
        return [function for tool in self._built_in.values() for function in tool.offer()] if self._is_used else []

    def open_call(self, call: ToolCall, kind: BuiltIn | None) -> events.Event:
        """The event of a call whose name is complete; `kind` None where the client runs the tool."""
        if kind is None:
            return functions.open_call(call)
        call.kind = kind
        return self._built_in[kind].open(call)

    async def store_calls(
        self, calls: Sequence[ToolCall], usage: RunCompletionUsage, reasoning: Sequence[NewItem] = ()
    ) -> None:
        """Stores the calls of a turn, and the reasoning before them, before any is executed."""
        progress = self._writer.progress
        progress.pending = usage
        progress.calls = [_to_pending_call(call) for call in calls]
        self._reasoning = reasoning
        if any(call.kind in self._built_in for call in progress.calls):
            await self._writer.commit(calls=reasoning, checkpoint=True)
            self._reasoning = ()

    async def execute_calls(self) -> NextStep:
        """Executes every call of a built-in tool; `wait` where the client has to act before the next turn.

        Raises Interrupted, RunLost, and ApiError where a tool cannot be used at all.
        """
        calls = self._writer.progress.calls
        approvals = {call.index: item for call in calls if (item := self._request_approval(call)) is not None}
        for call in calls:
            if call.kind in self._built_in and not call.done and call.index not in approvals:
                self._interruption.check()
                await self._execute_call(call)
        if approvals and self._writer.spec.on_client_action == "pause":
            self._open_wait(call.name for call in calls if call.index in approvals)
            required = events.ApprovalRequired(tuple(call.id for call in calls if call.index in approvals))
            await self._writer.commit(required, release=True)
            return "wait"
        if approvals or any(call.kind not in self._built_in for call in calls):
            await self._require_action(approvals.values())
            return "wait"
        return "continue"

    async def open_approved_calls(self) -> None:
        """Opens the calls that a client has approved of, which begin a response."""
        writer, progress = self._writer, self._writer.progress
        if writer.state.has_open_step or not progress.calls:
            return
        await writer.open(
            events.CallsStepOpened(ids.step(), writer.now()),
            *(self._mcp.open_approved(call) for call in progress.calls),
        )
        for call in progress.calls:
            writer.publish(events.ArgumentsDelta(call.index, call.arguments))
        writer.publish_end(events.CallsReceived())

    async def _execute_call(self, call: PendingCall) -> None:
        tool = self._built_in[call.kind]
        started, refused = time.perf_counter(), self._exceeds_call_limit()
        span = Span("tool", self._writer.time(), name=call.kind, call_id=call.id)
        open_span(self._writer.progress, span)
        if refused:
            result = tool.refuse(call)
        elif tracing.is_enabled():
            result = await _execute_traced(tool, call)
        else:
            result = await tool.execute(call)
        span.ended_at = self._writer.time()
        telemetry.emit(
            telemetry.ToolExecuted,
            run_id=self._writer.spec.id,
            tool=call.kind,
            refused=refused,
            duration=telemetry.elapsed(started),
        )
        call.done = True
        await self._writer.commit(
            *result.events, *self._closing_events(), calls=[result.item, *result.more_items], checkpoint=True
        )

    def _request_approval(self, call: PendingCall) -> NewItem | None:
        tool = self._built_in.get(call.kind)
        return tool.request_approval(call) if tool is not None else None

    def _closing_events(self) -> list[events.Event]:
        """The end of the step, once every call has a result."""
        progress = self._writer.progress
        if not all(call.done for call in progress.calls):
            return []
        progress.calls = []
        return [events.CallsStepClosed(self._writer.now(), progress.use_pending())]

    async def _require_action(self, approvals: Iterable[NewItem]) -> None:
        writer, progress = self._writer, self._writer.progress
        moderation = None if self.moderate is None else await self.moderate()
        requests = [functions.render_request(call) for call in progress.calls if call.kind not in self._built_in]
        items = [*self._reasoning, *requests, *approvals]
        names = [call.name for call in progress.calls if call.kind not in self._built_in]
        progress.calls = []
        if writer.spec.on_client_action == "pause":
            self._open_wait(names)
            await writer.commit(events.ActionRequired(), calls=items, release=True)
            return
        # The client's outputs are input of its next request.
        cost = progress.use_pending()
        ended = events.RunEnded("completed", writer.now(), progress.used, cost, moderation=moderation)
        await writer.commit(ended, calls=items)

    def _open_wait(self, names: Iterable[str]) -> None:
        open_span(self._writer.progress, Span("wait", self._writer.time(), name=", ".join(names)))

    def _exceeds_call_limit(self) -> bool:
        limit, counters = self._writer.spec.max_tool_calls, self._writer.counters
        counters.tool_calls += 1
        return limit is not None and counters.tool_calls > limit


async def _execute_traced(tool: BuiltInTool, call: PendingCall) -> CallResult:
    attributes: dict[str, tracing.Value] = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": call.name,
        "gen_ai.tool.type": _TOOL_TYPES[call.kind],
        "gen_ai.tool.call.id": call.id,
    }
    if tracing.captures_content():
        attributes["gen_ai.tool.call.arguments"] = call.arguments
    with tracing.span(f"execute_tool {call.name}", attributes=attributes):
        return await tool.execute(call)


def _to_pending_call(call: ToolCall) -> PendingCall:
    arguments = "".join(call.arguments)
    return PendingCall(call.index, call.id, call.name, arguments, call.kind, item_id=call.item_id, client=call.client)
