"""The calls of one model turn, answered: the built-in tools' here, what is left by the client.

Each answer is stored when it is there, so that a run that is taken up again does not do a finished call twice.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from understudy import ids, telemetry
from understudy.engine.client_calls import new_item_id, render_call
from understudy.engine.run import events
from understudy.engine.run.cancellation import Interruption
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.turn import ToolCall
from understudy.engine.tools.code_interpreter import CodeInterpreterTool
from understudy.engine.tools.file_search import FileSearchTool, VectorStores
from understudy.engine.tools.interpreter import Interpreter
from understudy.engine.tools.mcp import McpTools, RemoteFunction
from understudy.llm.messages import Part
from understudy.store.files import StoredFile
from understudy.store.run_state import ClientTool, NewItem, PendingCall
from understudy.tools.mcp import RemoteServers
from understudy.wire.response_items import encode_items
from understudy.wire.response_tools import type_of
from understudy.wire.runs import RunCompletionUsage

# How long a run waits for the files of its vector stores, in seconds.
_INDEXING_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Tools:
    """What runs can use beside their client's functions."""

    vector_stores: VectorStores
    interpreter: Interpreter
    remote_servers: RemoteServers
    load_image: Callable[[str, str], Awaitable[str | None]]
    """From a project's id and a File's to a `data:` URL."""
    load_document: Callable[..., Awaitable[list[Part]]]
    """From a project's id and an `input_file` part to the document's text and images."""


class ToolUse:
    def __init__(self, stage: RunWriter, interruption: Interruption, tools: Tools) -> None:
        self._stage = stage
        self._interruption = interruption
        self._searching = FileSearchTool(stage, interruption, tools.vector_stores)
        self._computing = CodeInterpreterTool(stage, interruption, tools.interpreter)
        self._remote = McpTools(stage, interruption, tools.remote_servers)
        self._reasoned: Sequence[NewItem] = ()
        self.files: Sequence[StoredFile] = ()
        """What the run's code can read."""

    async def prepare(self) -> None:
        """Gathers, and waits for, what the run's tools need before the model is asked."""
        self.files = await self._computing.files()
        await self._computing.find_container()
        await self._searching.await_indexing(_INDEXING_TIMEOUT_SECONDS)
        await self._remote.load_tools()

    @property
    def remote(self) -> Sequence[RemoteFunction]:
        """The tools of remote servers that the run may call."""
        return self._remote.functions

    async def store_calls(
        self,
        calls: Sequence[ToolCall],
        built_in: Mapping[str, str],
        usage: RunCompletionUsage,
        reasoned: Sequence[NewItem] = (),
    ) -> None:
        """Stores what the model wants to have called, and why, before anything is done."""
        progress = self._stage.progress
        progress.pending = usage
        progress.calls = [_to_pending_call(call, built_in) for call in calls]
        self._reasoned = reasoned
        if any(call.kind != "function" for call in progress.calls):
            self._stage.settle()
            await self._stage.commit(calls=reasoned, checkpoint=True)
            self._reasoned = ()

    async def execute_calls(self) -> bool:
        """Answers every call of a built-in tool; False where the client has to answer others now.

        Raises Interrupted, LostRun, and ApiError where a tool cannot be used at all.
        """
        calls = self._stage.progress.calls
        waiting = self._remote.unapproved(calls)
        for call in [call for call in calls if call.kind != "function" and not call.done and call not in waiting]:
            self._interruption.check()
            await self._execute(call)
        if waiting and not self._stage.state.is_turn_based:
            asked = events.ApprovalRequired(tuple(call.id for call in waiting))
            await self._stage.commit(asked, release=True)
            return False
        if waiting or any(call.kind == "function" for call in calls):
            await self._require_action()
            return False
        return True

    async def show_approved_calls(self) -> None:
        """Shows the calls that a client has approved of, which begin a response."""
        stage, progress = self._stage, self._stage.progress
        if stage.state.has_open_step or not progress.calls:
            return
        await stage.commit(events.CallsStepOpened(ids.step(), stage.now()))
        for call in progress.calls:
            name = self._remote.name_of(call)
            stage.publish(
                events.RemoteCallOpened(
                    call.index, call.id, call.server_label, name, call.item_id, approval_id=call.approval_id
                )
            )
            stage.publish(events.ArgumentsDelta(call.index, call.arguments))
        stage.publish(events.CallsReceived())

    async def _execute(self, call: PendingCall) -> None:
        happened: list[events.Event]
        started, refused = time.perf_counter(), self._exceeds_call_limit()
        if refused:
            happened, item = self._refuse(call)
        elif call.kind == "file_search":
            happened, item = await self._searching.execute(call)
        elif call.kind == "mcp":
            happened, item = await self._remote.execute(call)
        else:
            happened, item = await self._computing.execute(call, self.files)
        telemetry.emit(
            telemetry.ToolExecuted,
            run_id=self._stage.state.spec.id,
            tool=call.kind,
            refused=refused,
            duration=telemetry.elapsed(started),
        )
        call.done = True
        await self._stage.commit(*happened, *self._closing_events(), calls=[item], checkpoint=True)

    def _closing_events(self) -> list[events.Event]:
        """The end of the step, where nothing is left to answer."""
        progress = self._stage.progress
        if not all(call.done for call in progress.calls):
            return []
        cost = progress.pending or RunCompletionUsage()
        progress.used += cost
        progress.pending = None
        progress.calls = []
        return [events.CallsStepClosed(self._stage.now(), cost)]

    async def _require_action(self) -> None:
        stage, progress = self._stage, self._stage.progress
        calls = [_to_client_call(call) for call in progress.calls if call.kind == "function"]
        asked = [self._remote.approval_request(call) for call in self._remote.unapproved(progress.calls)]
        calls = [*self._reasoned, *calls, *asked]
        progress.calls = []
        if not stage.state.is_turn_based:
            await stage.commit(events.ActionRequired(), calls=calls, release=True)
            return
        # A response is over when its client has to act; what the client answers goes into the next one.
        cost = progress.pending or RunCompletionUsage()
        progress.used += cost
        progress.pending = None
        await stage.commit(events.RunEnded("completed", stage.now(), progress.used, cost), calls=calls)

    def _exceeds_call_limit(self) -> bool:
        plan = self._stage.progress.plan
        if plan is None:
            return False
        plan.tool_calls += 1
        return plan.max_tool_calls is not None and plan.tool_calls > plan.max_tool_calls

    def _refuse(self, call: PendingCall) -> tuple[list[events.Event], NewItem]:
        """Nothing is done; the model has to do with what it knows."""
        if call.kind == "file_search":
            return self._searching.refuse(call)
        if call.kind == "mcp":
            return self._remote.refuse(call)
        return self._computing.refuse(call)


def _to_pending_call(call: ToolCall, built_in: Mapping[str, str]) -> PendingCall:
    kind = built_in.get(call.name, "function")
    arguments = "".join(call.arguments)
    return PendingCall(call.index, call.id, call.name, arguments, kind, item_id=call.item_id, client=call.client)


def _to_client_call(call: PendingCall) -> NewItem:
    tool = call.client or ClientTool("function", call.name)
    item = render_call(tool, call.item_id or new_item_id(tool), call.id, call.arguments)
    return NewItem(item.id or "", type_of(item), encode_items(item).decode())
