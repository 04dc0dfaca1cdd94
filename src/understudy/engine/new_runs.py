"""A new run: the object of a request, and the events that a run begins with. Stores nothing."""

from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from understudy import ids
from understudy.engine.queued_run import QUEUED_RUN
from understudy.engine.run import events
from understudy.engine.run.state import RunState
from understudy.engine.run_specs import build_spec
from understudy.engine.views.frames import Frames
from understudy.engine.views.origins import Origin
from understudy.engine.views.projections import RunProjection
from understudy.llm.sampling import resolve_sampling
from understudy.store.attachments import VectorStoreUpload
from understudy.wire.assistants import AssistantObject
from understudy.wire.messages import MessageObject
from understudy.wire.runs import CreateRunRequest, RunObject, RunParameters
from understudy.wire.threads import ThreadObject
from understudy.wire.tools import ToolResources

T = TypeVar("T")
_replace: Final = msgspec.structs.replace


class RequestedRun(Struct, frozen=True, kw_only=True):
    """A run to start on its thread, and the messages to add to that before.

    `thread` where it is to be made as well; `fillings` are the vector stores that it names and that are to be made or
    filled with it. `key_id` is the key that requests the run; `resources` are what its tools work with beside the
    thread's; `detailed`: its stream has what file search found.
    """

    run: RunObject
    messages: Sequence[MessageObject] = ()
    thread: ThreadObject | None = None
    fillings: Sequence[VectorStoreUpload] = ()
    key_id: str = ""
    resources: ToolResources | None = None
    detailed: bool = False


class InitialRun(Struct, frozen=True):
    """The first events of a run, with the frames of each; `queued` is the run while it is queued."""

    state: RunState
    projection: RunProjection
    history: list[tuple[events.Event, Frames]]
    queued: RunObject

    @classmethod
    def of(cls, run: RunObject, thread: ThreadObject | None, started_at: int | None, *, detailed: bool) -> "InitialRun":
        """`started_at` None where it has to wait for a place."""
        state, projection = RunState(), RunProjection()
        queued = events.RunQueued(build_spec(run, None), Origin(_replace(run), thread, detailed))
        history: list[tuple[events.Event, Frames]] = [(queued, projection.encode(queued))]
        initial = projection.run
        if started_at is not None:
            # Queued for no time at all: one transaction stores the run as it is once this worker has it.
            started = events.RunStarted(started_at)
            history.append((started, projection.encode(started)))
        for event, _ in history:
            state.apply(event)
        return cls(state, projection, history, initial)


def new_run(
    assistant: AssistantObject, parameters: RunParameters, thread_id: str, now: int, run_seconds: float
) -> RunObject:
    """The run that a request asks for: the assistant's values where the request gives none. Times in seconds."""
    model = _value_or_default(parameters.model, assistant.model)
    run = _replace(
        QUEUED_RUN,
        id=ids.run(),
        created_at=now,
        assistant_id=assistant.id,
        thread_id=thread_id,
        expires_at=now + int(run_seconds),
        model=model,
        instructions=_join_instructions(assistant, parameters),
        tools=_value_or_default(parameters.tools, assistant.tools),
        metadata=parameters.metadata or {},
        temperature=resolve_sampling(model, parameters.temperature, assistant.temperature),
        top_p=resolve_sampling(model, parameters.top_p, assistant.top_p),
    )
    return _replace(
        run,
        reasoning_effort=_value_or_default(parameters.reasoning_effort, assistant.reasoning_effort),
        max_completion_tokens=parameters.max_completion_tokens,
        max_prompt_tokens=parameters.max_prompt_tokens,
        truncation_strategy=parameters.truncation_strategy or QUEUED_RUN.truncation_strategy,
        response_format=_value_or_default(parameters.response_format, assistant.response_format),
        tool_choice=_value_or_default(parameters.tool_choice, "auto"),
        parallel_tool_calls=_value_or_default(parameters.parallel_tool_calls, True),
    )


def _value_or_default(value: T | None, default: T) -> T:
    return default if value is None else value


def _join_instructions(assistant: AssistantObject, parameters: RunParameters) -> str | None:
    """The request's or the assistant's, and on a new line what the request adds; the run shows the joined text."""
    base = assistant.instructions if parameters.instructions is None else parameters.instructions
    more = parameters.additional_instructions if isinstance(parameters, CreateRunRequest) else None
    return f"{base}\n{more}" if base and more else more or base
