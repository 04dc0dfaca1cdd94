"""The steps of a run and their tool calls, as events change them. Pure; a part of the Assistants view.

Order and shapes: the hosted API's recorded streams. What identifies a call is sent once for each index, because clients
concatenate the deltas.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from msgspec import UNSET

from understudy.engine.run import events
from understudy.engine.views.difference import RenderedCall
from understudy.wire.items import CodeOutput, FileSearchResult
from understudy.wire.run_events import (
    CodeInterpreterDelta,
    FunctionDelta,
    RunStepDelta,
    RunStepDeltaEvent,
    RunStepEvent,
    StepDetailsDelta,
    ToolCallDelta,
    ToolCallsDelta,
)
from understudy.wire.run_outcome import LastError, RunCompletionUsage
from understudy.wire.runs import McpApprovalCall, RunObject, RunToolCallFunction, RunToolCallObject
from understudy.wire.steps import (
    CodeInterpreterCall,
    FileSearchCall,
    FunctionCall,
    RunStepDetailsToolCallsObject,
    RunStepObject,
    RunStepToolCall,
    StepStatus,
)

_replace: Final = msgspec.structs.replace
_TIME_OF_STATUS: Final = {
    "completed": "completed_at",
    "failed": "failed_at",
    "cancelled": "cancelled_at",
    "expired": "expired_at",
}


@dataclass(slots=True)
class _OpenCall:
    """A call as it was opened, and the parts of its arguments or its code."""

    call: RunStepToolCall
    parts: list[str] = field(default_factory=list)

    def render(self) -> RunStepToolCall:
        call, text = self.call, "".join(self.parts)
        if isinstance(call.function, FunctionCall):
            return _replace(call, function=_replace(call.function, arguments=text))
        if isinstance(call.code_interpreter, CodeInterpreterCall):
            return _replace(call, code_interpreter=_replace(call.code_interpreter, input=text))
        return _replace(call, arguments=text) if call.type == "mcp" else call


@dataclass(slots=True)
class _OpenStep:
    """A step as it was opened, and its calls in their order."""

    step: RunStepObject
    calls: list[_OpenCall] = field(default_factory=list)

    def render(self) -> RunStepObject:
        if self.step.type != "tool_calls":
            return self.step
        return _replace(self.step, step_details=RunStepDetailsToolCallsObject([call.render() for call in self.calls]))


class StepView:
    """The open steps. `closed` are those that have ended since they were last stored, as REST serves them.

    `detailed`: streams have the text of the passages of file search.
    """

    def __init__(self) -> None:
        self.closed: list[RunStepObject] = []
        self.ended: set[str] = set()
        """The ids of all steps that have ended."""
        self.detailed = False
        self.expires_at: int | None = None
        self._open: list[_OpenStep] = []

    @property
    def steps(self) -> list[RunStepObject]:
        """The open steps as REST serves them."""
        return [step.render() for step in self._open]

    def restore(self, steps: Sequence[RunStepObject], at: int) -> list[RunStepEvent]:
        """Replaces the open steps by those of the store; the others are cancelled, at the time `at`."""
        opened = {one.step.id for one in self._open}
        stream = self.abandon_all_but({step.id for step in steps}, at)
        self._open = []
        for step in steps:
            calls = [_OpenCall(call, [_call_input(call)]) for call in step_calls(step)]
            self._open.append(_OpenStep(step, calls))
            if step.id not in opened:
                stream += opening_events(step)
        return stream

    def abandon_all_but(self, continued: Collection[str], at: int) -> list[RunStepEvent]:
        """Cancels the other open steps, at the time `at`."""
        abandoned = [one.render() for one in self._open if one.step.id not in continued]
        self._open = [one for one in self._open if one.step.id in continued]
        return [self.ended_event(self._end(step, "cancelled", at, None, None)) for step in abandoned]

    def rendered_calls(self, step_id: str) -> dict[int, RenderedCall] | None:
        """How much of the calls of an open step is rendered; None of a step that is not open."""
        step = next((one for one in self._open if one.step.id == step_id), None)
        if step is None:
            return None
        return {index: _rendered_call(one) for index, one in enumerate(step.calls)}

    # -- opening and closing -----------------------------------------------------------------------------------

    def open(self, run: RunObject, step_id: str, kind: Any, details: Any, at: int) -> list[RunStepEvent]:
        return opening_events(self.add(run, step_id, kind, details, at))

    def add(self, run: RunObject, step_id: str, kind: Any, details: Any, at: int) -> RunStepObject:
        """Opens a step; returns it."""
        step = RunStepObject(
            id=step_id,
            created_at=at,
            run_id=run.id,
            assistant_id=run.assistant_id,
            thread_id=run.thread_id,
            type=kind,
            status="in_progress",
            expires_at=self.expires_at,
            step_details=details,
        )
        self._open.append(_OpenStep(step))
        return step

    def open_calls(self, run: RunObject, event: events.CallsStepOpened) -> list[RunStepEvent]:
        return self.open(run, event.step_id, "tool_calls", RunStepDetailsToolCallsObject([]), event.at)

    def close(
        self,
        status: StepStatus,
        at: int,
        usage: RunCompletionUsage | None,
        *,
        kind: str | None = None,
        error: LastError | None = None,
    ) -> list[RunStepEvent]:
        """Closes the open steps of a kind, or all."""
        return [self.ended_event(step) for step in self.end(status, at, usage, kind=kind, error=error)]

    def end(
        self,
        status: StepStatus,
        at: int,
        usage: RunCompletionUsage | None,
        *,
        kind: str | None = None,
        error: LastError | None = None,
    ) -> list[RunStepObject]:
        """Closes the open steps of a kind, or all; returns them as streams show them."""
        ended, still_open = [], []
        for one in self._open:
            if kind is None or one.step.type == kind:
                ended.append(self._end(one.render(), status, at, usage, error))
            else:
                still_open.append(one)
        self._open = still_open
        return ended

    def _end(
        self,
        step: RunStepObject,
        status: StepStatus,
        at: int,
        usage: RunCompletionUsage | None,
        error: LastError | None,
    ) -> RunStepObject:
        ended = _replace(step, status=status, usage=usage, last_error=error if status == "failed" else None)
        setattr(ended, _TIME_OF_STATUS[status], at)
        self.ended.add(step.id)
        # Streams still show when the step would have expired; the stored step does not.
        self.closed.append(_replace(ended, expires_at=None))
        return ended

    def ended_event(self, step: RunStepObject) -> RunStepEvent:
        data = step if self.detailed else omit_search_texts(step)
        return RunStepEvent(f"thread.run.step.{step.status}", data)  # type: ignore[arg-type]

    # -- function calls ----------------------------------------------------------------------------------------

    def open_call(self, event: events.CallOpened) -> RunStepDeltaEvent:
        call = RunStepToolCall(id=event.call_id, type="function", function=FunctionCall(event.name, "", None))
        opened = FunctionDelta(name=event.name, arguments="", output=None)
        return self._add_call(call, ToolCallDelta(index=event.index, id=call.id, type="function", function=opened))

    def add_arguments(self, event: events.ArgumentsDelta) -> RunStepDeltaEvent:
        step = self._calls_step()
        open_call = step.calls[event.index]
        open_call.parts.append(event.text)
        if open_call.call.type == "mcp":
            return _delta_event(step, ToolCallDelta(index=event.index, type="mcp", arguments=event.text))
        function = FunctionDelta(arguments=event.text)
        return _delta_event(step, ToolCallDelta(index=event.index, type="function", function=function))

    def set_outputs(self, outputs: dict[str, str]) -> None:
        for one in (one for step in self._open for one in step.calls):
            if isinstance(one.call.function, FunctionCall):
                one.call = _replace(one.call, function=_replace(one.call.function, output=outputs[one.call.id]))

    def required_calls(self) -> list[RunToolCallObject]:
        """The calls that need a client's outputs."""
        return [
            RunToolCallObject(id=call.id, function=RunToolCallFunction(call.function.name, call.function.arguments))
            for step in self.steps
            for call in step_calls(step)
            if isinstance(call.function, FunctionCall)
        ]

    # -- built-in tools ----------------------------------------------------------------------------------------

    def open_search(self, event: events.SearchOpened) -> RunStepDeltaEvent:
        search = FileSearchCall(ranking_options=event.ranking_options, results=[])
        call = RunStepToolCall(id=event.call_id, type="file_search", file_search=search)
        return self._add_call(
            call, ToolCallDelta(index=event.index, id=call.id, type="file_search", file_search=search)
        )

    def end_search(self, event: events.SearchDone) -> None:
        open_call = self._calls_step().calls[event.index]
        assert isinstance(open_call.call.file_search, FileSearchCall)
        results = [_render_result(result) for result in event.results]
        open_call.call = _replace(open_call.call, file_search=_replace(open_call.call.file_search, results=results))

    def open_code(self, event: events.CodeOpened) -> RunStepDeltaEvent:
        code = CodeInterpreterCall(input="", outputs=[])
        call = RunStepToolCall(id=event.call_id, type="code_interpreter", code_interpreter=code)
        opened = CodeInterpreterDelta(input="", outputs=[])
        return self._add_call(
            call, ToolCallDelta(index=event.index, id=call.id, type="code_interpreter", code_interpreter=opened)
        )

    def add_code(self, event: events.CodeDelta) -> RunStepDeltaEvent:
        step = self._calls_step()
        step.calls[event.index].parts.append(event.text)
        return _code_delta(step, event.index, CodeInterpreterDelta(input=event.text))

    def add_output(self, event: events.CodeOutputDelta) -> RunStepDeltaEvent:
        step = self._calls_step()
        open_call = step.calls[event.index]
        code = open_call.call.code_interpreter
        assert isinstance(code, CodeInterpreterCall)
        outputs, added = list(code.outputs), _render_output(event.output)
        if outputs and event.output.type == outputs[-1]["type"] == "logs":
            outputs[-1] = {**outputs[-1], "logs": outputs[-1]["logs"] + event.output.logs}
        else:
            outputs.append(added)
        open_call.call = _replace(open_call.call, code_interpreter=_replace(code, outputs=outputs))
        delta = CodeInterpreterDelta(outputs=[{"index": len(outputs) - 1, **added}])
        return _code_delta(step, event.index, delta)

    def open_hosted_call(
        self, event: events.WebCallOpened | events.ImageCallOpened | events.ToolSearchOpened
    ) -> RunStepDeltaEvent:
        """The place of a call that only responses show."""
        kind: Any = _HOSTED_KINDS[type(event)]
        call = RunStepToolCall(id=event.call_id, type=kind)
        return self._add_call(call, ToolCallDelta(index=event.index, id=call.id, type=kind))

    # -- tools of remote servers -------------------------------------------------------------------------------

    def open_remote(self, event: events.RemoteCallOpened) -> RunStepDeltaEvent:
        members: dict[str, Any] = {
            "id": event.call_id,
            "type": "mcp",
            "server_label": event.server_label,
            "name": event.name,
            "arguments": "",
            "output": None,
        }
        return self._add_call(RunStepToolCall(**members), ToolCallDelta(index=event.index, **members))

    def end_remote(self, event: events.RemoteCallDone) -> RunStepDeltaEvent:
        step = self._calls_step()
        open_call = step.calls[event.index]
        error = UNSET if event.error is None else event.error
        open_call.call = _replace(open_call.call, output=event.output, error=error)
        return _delta_event(step, ToolCallDelta(index=event.index, type="mcp", output=event.output, error=error))

    def approval_calls(self, call_ids: Collection[str]) -> list[McpApprovalCall]:
        """The calls of these ids as a client approves of them."""
        return [
            McpApprovalCall(
                id=call.id, server_label=call.server_label or "", name=call.name or "", arguments=call.arguments or ""
            )
            for step in self.steps
            for call in step_calls(step)
            if call.type == "mcp" and call.id in call_ids
        ]

    def _add_call(self, call: RunStepToolCall, delta: ToolCallDelta) -> RunStepDeltaEvent:
        step = self._open[-1]
        step.calls.append(_OpenCall(call))
        return _delta_event(step, delta)

    def _calls_step(self) -> _OpenStep:
        return next(one for one in self._open if one.step.type == "tool_calls")


_HOSTED_KINDS: Final[dict[type[events.Event], str]] = {
    events.WebCallOpened: "web_search",
    events.ImageCallOpened: "image_generation",
    events.ToolSearchOpened: "tool_search",
}


def omit_search_texts(step: RunStepObject) -> RunStepObject:
    """The step without the text of passages, which clients request with `include`."""
    calls = step_calls(step)
    if not any(isinstance(call.file_search, FileSearchCall) for call in calls):
        return step
    return _replace(step, step_details=RunStepDetailsToolCallsObject([_omit_texts(call) for call in calls]))


def step_calls(step: RunStepObject) -> list[RunStepToolCall]:
    details = step.step_details
    return details.tool_calls if isinstance(details, RunStepDetailsToolCallsObject) else []


def _omit_texts(call: RunStepToolCall) -> RunStepToolCall:
    if not isinstance(call.file_search, FileSearchCall):
        return call
    results = [
        {name: value for name, value in result.items() if name != "content"} for result in call.file_search.results
    ]
    return _replace(call, file_search=_replace(call.file_search, results=results))


def opening_events(step: RunStepObject) -> list[RunStepEvent]:
    return [RunStepEvent("thread.run.step.created", step), RunStepEvent("thread.run.step.in_progress", step)]


def _delta_event(step: _OpenStep, delta: ToolCallDelta) -> RunStepDeltaEvent:
    details = StepDetailsDelta(ToolCallsDelta(tool_calls=[delta]))
    return RunStepDeltaEvent(RunStepDelta(id=step.step.id, delta=details))


def _code_delta(step: _OpenStep, index: int, code: CodeInterpreterDelta) -> RunStepDeltaEvent:
    return _delta_event(step, ToolCallDelta(index=index, type="code_interpreter", code_interpreter=code))


def _rendered_call(one: _OpenCall) -> RenderedCall:
    code = one.call.code_interpreter
    has_outputs = isinstance(code, CodeInterpreterCall) and bool(code.outputs)
    has_result = has_outputs or bool(one.call.output or one.call.error)
    return RenderedCall(sum(map(len, one.parts)), has_result)


def _call_input(call: RunStepToolCall) -> str:
    if isinstance(call.code_interpreter, CodeInterpreterCall):
        return call.code_interpreter.input
    if call.type == "mcp":
        return call.arguments or ""
    return call.function.arguments if isinstance(call.function, FunctionCall) else ""


def _render_result(result: FileSearchResult) -> dict[str, Any]:
    return {
        "file_id": result.file_id,
        "file_name": result.filename,
        "score": result.score,
        "attributes": result.attributes,
        "content": [{"type": "text", "text": result.text}],
        **result.place,
    }


def _render_output(output: CodeOutput) -> dict[str, Any]:
    if output.type == "logs":
        return {"type": "logs", "logs": output.logs}
    return {"type": "image", "image": {"file_id": output.file_id}}
