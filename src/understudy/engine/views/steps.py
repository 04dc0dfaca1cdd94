"""The steps of a run and the tool calls in them, as events change them. Pure; a part of the Assistants view.

Order and shapes: the hosted API's recorded streams. Whatever identifies a call is sent once for each index, because
clients add up what deltas say.
"""

from collections.abc import Collection, Iterable
from copy import deepcopy
from typing import Any, Final, assert_never

import msgspec

from understudy.engine.run import events
from understudy.wire.items import CodeOutput, FileSearchResult
from understudy.wire.runs import (
    LastError,
    McpApprovalCall,
    RunCompletionUsage,
    RunObject,
    RunToolCallFunction,
    RunToolCallObject,
)
from understudy.wire.steps import (
    CodeInterpreterCall,
    FileSearchCall,
    FunctionCall,
    RunStepDetailsToolCallsObject,
    RunStepObject,
    RunStepToolCall,
    StepStatus,
)

_encode_json: Final = msgspec.json.encode


class StepView:
    """`steps` are the open ones, as REST serves them. `detailed`: streams show the text of what file search found."""

    def __init__(self) -> None:
        self.steps: list[RunStepObject] = []
        self.detailed = False
        self.expires_at: int | None = None
        self._heads: dict[int, bytes] = {}
        self._written: dict[int, list[str]] = {}

    def restore(self, steps: Iterable[RunStepObject]) -> bytes:
        frames = []
        for step in steps:
            step = deepcopy(step)  # noqa: PLW2901 - the view changes what it holds
            self.steps.append(step)
            frames.append(frame_prefix(b"thread.run.step.", _encode_json(step)))
            for index, call in enumerate(step_calls(step)):
                self._written[index] = [_call_input(call)]
                self._heads[index] = _delta_prefix(step, index)
        return b"".join(frames)

    # -- opening and closing -----------------------------------------------------------------------------------

    def open(self, run: RunObject, step_id: str, kind: Any, details: Any, at: int) -> bytes:
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
        self.steps.append(step)
        return frame_prefix(b"thread.run.step.", _encode_json(step))

    def open_calls(self, run: RunObject, event: events.CallsStepOpened) -> bytes:
        self._written, self._heads = {}, {}
        return self.open(run, event.step_id, "tool_calls", RunStepDetailsToolCallsObject([]), event.at)

    def close(
        self,
        status: StepStatus,
        at: int,
        usage: RunCompletionUsage | None,
        *,
        kind: str | None = None,
        error: LastError | None = None,
    ) -> bytes:
        """Closes the open steps of a kind, or all."""
        self.settle()
        closing = [step for step in self.steps if kind in {None, step.type}]
        self.steps = [step for step in self.steps if kind not in {None, step.type}]
        return b"".join(self._close(step, status, at, usage, error) for step in closing)

    def _close(
        self,
        step: RunStepObject,
        status: StepStatus,
        at: int,
        usage: RunCompletionUsage | None,
        error: LastError | None,
    ) -> bytes:
        step.status = status
        step.usage = usage
        step.last_error = error if status == "failed" else None
        _set_completed(step, at)
        shown = step if self.detailed else omit_search_texts(step)
        frame = encode_frame(b"thread.run.step." + status.encode(), _encode_json(shown))
        # A stream still shows when the step would have expired; the stored step does not.
        step.expires_at = None
        return frame

    # -- function calls ----------------------------------------------------------------------------------------

    def open_call(self, event: events.CallOpened) -> bytes:
        function = FunctionCall(name=event.name, arguments="", output=None)
        return self._add_call(event.index, RunStepToolCall(id=event.call_id, type="function", function=function))

    def add_arguments(self, event: events.ArgumentsDelta) -> bytes:
        self._written[event.index].append(event.text)
        if self._find_call(event.index).type == "mcp":
            return self._heads[event.index] + b'"mcp","arguments":' + _encode_json(event.text) + b"}]}}}\n\n"
        return (
            self._heads[event.index] + b'"function","function":{"arguments":' + _encode_json(event.text) + b"}}]}}}\n\n"
        )

    def set_outputs(self, outputs: dict[str, str]) -> None:
        for call in self._function_calls():
            _function_call(call).output = outputs[call.id]

    def required_calls(self) -> list[RunToolCallObject]:
        """The calls that a client has to answer."""
        return [
            RunToolCallObject(
                id=call.id, function=RunToolCallFunction(_function_call(call).name, _function_call(call).arguments)
            )
            for call in self._function_calls()
        ]

    def _function_calls(self) -> list[RunStepToolCall]:
        return [call for step in self.steps for call in step_calls(step) if call.type == "function"]

    # -- built-in tools ----------------------------------------------------------------------------------------

    def open_search(self, event: events.SearchOpened) -> bytes:
        search = FileSearchCall(ranking_options=event.ranking_options, results=[])
        return self._add_call(event.index, RunStepToolCall(id=event.call_id, type="file_search", file_search=search))

    def end_search(self, event: events.SearchDone) -> bytes:
        search = self._find_call(event.index).file_search
        assert isinstance(search, FileSearchCall)
        search.results = [_without_text(result) for result in event.results]
        return b""

    def open_code(self, event: events.CodeOpened) -> bytes:
        code = CodeInterpreterCall(input="", outputs=[])
        return self._add_call(
            event.index, RunStepToolCall(id=event.call_id, type="code_interpreter", code_interpreter=code)
        )

    def add_code(self, event: events.CodeDelta) -> bytes:
        self._written[event.index].append(event.text)
        return self._code_delta(event.index, b'"input":' + _encode_json(event.text))

    def add_output(self, event: events.CodeOutputDelta) -> bytes:
        code = self._find_call(event.index).code_interpreter
        assert isinstance(code, CodeInterpreterCall)
        outputs, said = code.outputs, _render_output(event.output)
        if outputs and event.output.type == outputs[-1]["type"] == "logs":
            outputs[-1]["logs"] += event.output.logs
        else:
            outputs.append(dict(said))
        delta = _encode_json({"index": len(outputs) - 1, **said})
        return self._code_delta(event.index, b'"outputs":[' + delta + b"]")

    def _code_delta(self, index: int, members: bytes) -> bytes:
        return self._heads[index] + b'"code_interpreter","code_interpreter":{' + members + b"}}]}}}\n\n"

    # -- tools of remote servers -------------------------------------------------------------------------------

    def open_remote(self, event: events.RemoteCallOpened) -> bytes:
        call = RunStepToolCall(
            id=event.call_id,
            type="mcp",
            server_label=event.server_label,
            name=event.name,
            arguments="",
            output=None,
        )
        return self._add_call(event.index, call)

    def end_remote(self, event: events.RemoteCallDone) -> bytes:
        call = self._find_call(event.index)
        call.output = event.output
        said: dict[str, Any] = {"type": "mcp", "output": event.output}
        if event.error is not None:
            call.error = said["error"] = event.error
        step = next(step for step in self.steps if step.type == "tool_calls")
        return _step_delta_prefix(step, event.index) + _encode_json(said)[1:] + b"]}}}\n\n"

    def unapproved(self, call_ids: Collection[str]) -> list[McpApprovalCall]:
        return [
            McpApprovalCall(
                id=call.id, server_label=call.server_label or "", name=call.name or "", arguments=call.arguments or ""
            )
            for step in self.steps
            for call in step_calls(step)
            if call.type == "mcp" and call.id in call_ids
        ]

    # -- both --------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Writes what calls were given in pieces into the calls."""
        for step in self.steps:
            for index, call in enumerate(step_calls(step)):
                written = "".join(self._written.get(index, ()))
                if call.type == "function":
                    _function_call(call).arguments = written
                elif call.type == "mcp":
                    call.arguments = written
                elif isinstance(call.code_interpreter, CodeInterpreterCall):
                    call.code_interpreter.input = written

    def _add_call(self, index: int, call: RunStepToolCall) -> bytes:
        step = self.steps[-1]
        step_calls(step).append(call)
        self._written[index] = []
        self._heads[index] = _delta_prefix(step, index)
        opened = _encode_json(call)
        # The index stands first, and `type` after the id, as in the call itself.
        return _step_delta_prefix(step, index) + opened[1:] + b"]}}}\n\n"

    def _find_call(self, index: int) -> RunStepToolCall:
        step = next(step for step in self.steps if step.type == "tool_calls")
        return step_calls(step)[index]


def encode_frame(name: bytes, data: bytes) -> bytes:
    return b"event: " + name + b"\ndata: " + data + b"\n\n"


def frame_prefix(family: bytes, data: bytes) -> bytes:
    return encode_frame(family + b"created", data) + encode_frame(family + b"in_progress", data)


def omit_search_texts(step: RunStepObject) -> RunStepObject:
    """The step without the text of what file search found, which is shown only where it is asked for."""
    if not any(isinstance(call.file_search, FileSearchCall) for call in step_calls(step)):
        return step
    bare = deepcopy(step)
    for call in step_calls(bare):
        if isinstance(call.file_search, FileSearchCall):
            for result in call.file_search.results:
                result.pop("content", None)
    return bare


def _step_delta_prefix(step: RunStepObject, index: int) -> bytes:
    return (
        b'event: thread.run.step.delta\ndata: {"id":"%b","object":"thread.run.step.delta","delta":'
        b'{"step_details":{"type":"tool_calls","tool_calls":[{"index":%d,'
    ) % (step.id.encode(), index)


def _delta_prefix(step: RunStepObject, index: int) -> bytes:
    """The bytes that all further deltas of one call begin with."""
    return _step_delta_prefix(step, index) + b'"type":'


def step_calls(step: RunStepObject) -> list[RunStepToolCall]:
    details = step.step_details
    return details.tool_calls if isinstance(details, RunStepDetailsToolCallsObject) else []


def _call_input(call: RunStepToolCall) -> str:
    if isinstance(call.code_interpreter, CodeInterpreterCall):
        return call.code_interpreter.input
    if call.type == "mcp":
        return call.arguments or ""
    return call.function.arguments if isinstance(call.function, FunctionCall) else ""


def _function_call(call: RunStepToolCall) -> FunctionCall:
    assert isinstance(call.function, FunctionCall)
    return call.function


def _without_text(result: FileSearchResult) -> dict[str, Any]:
    return {
        "file_id": result.file_id,
        "file_name": result.filename,
        "score": result.score,
        "attributes": result.attributes,
        "content": [{"type": "text", "text": result.text}],
    }


def _render_output(output: CodeOutput) -> dict[str, Any]:
    if output.type == "logs":
        return {"type": "logs", "logs": output.logs}
    return {"type": "image", "image": {"file_id": output.file_id}}


def _set_completed(step: RunStepObject, at: int) -> None:
    match step.status:
        case "completed":
            step.completed_at = at
        case "failed":
            step.failed_at = at
        case "cancelled":
            step.cancelled_at = at
        case "expired":
            step.expired_at = at
        case "in_progress":
            pass
        case _:
            assert_never(step.status)
