"""Responses as hypothesis invents them: every list of events that an execution could append to a response's log."""

from typing import Any

from hypothesis import strategies as st

from engine import histories
from engine.histories import AT, TEXTS, USAGE, citations
from understudy import ids
from understudy.engine.run import events
from understudy.store.run_state import ClientTool
from understudy.wire.items import CodeOutput, FileSearchResult
from understudy.wire.responses import Reasoning, ResponseObject, ResponseText
from understudy.wire.run_outcome import LastError, RunCompletionUsage, RunIncompleteDetails

EVERYTHING = frozenset({"file_search_call.results", "code_interpreter_call.outputs", "reasoning.encrypted_content"})
_ENDS: dict[str, dict[str, Any]] = {
    "failed": {"error": LastError("server_error", "Down."), "cut": "run_failed"},
    "cancelled": {"cut": "run_cancelled"},
    "expired": {"cut": "run_expired"},
    "incomplete": {"incomplete": RunIncompleteDetails("max_completion_tokens"), "cut": "max_tokens"},
}


def response(**members: Any) -> ResponseObject:
    defaults: dict[str, Any] = {
        "id": ids.response(),
        "created_at": AT,
        "status": "in_progress",
        "background": False,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "model": "gpt-4o",
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "prompt_cache_retention": None,
        "reasoning": Reasoning(),
        "safety_identifier": None,
        "service_tier": "auto",
        "store": True,
        "temperature": 1.0,
        "text": ResponseText(),
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
        "metadata": {},
    }
    return ResponseObject(**(defaults | members))


@st.composite
def histories_of(draw: st.DrawFn, *, ended: bool = True) -> list[events.Event]:
    background = draw(st.booleans())
    summary: Any = draw(st.sampled_from([None, "auto"]))
    shown = response(
        background=background,
        status="queued" if background else "in_progress",
        reasoning=Reasoning(summary=summary),
        metadata={"sequence_number": "7"},
    )
    run, _ = histories.run()
    history: list[events.Event] = [
        histories.queued(run, response=shown, obfuscated=draw(st.booleans())),
        events.RunStarted(AT),
    ]
    for number in range(draw(st.integers(0, 2))):
        history += draw(_thinking(number))
        history += draw(_using(number))
    history += draw(_thinking(9))
    history += draw(_calling() | _ending())
    if not ended:
        history = history[: draw(st.integers(1, len(history) - 1))]
    return history


@st.composite
def _thinking(draw: st.DrawFn, number: int) -> list[events.Event]:
    if not draw(st.booleans()):
        return []
    pieces = draw(st.lists(TEXTS, min_size=1, max_size=3))
    thoughts = [events.ReasoningDelta(piece) for piece in pieces]
    return [events.ReasoningOpened(f"rs_{number}"), *thoughts, events.ReasoningClosed("sealed")]


@st.composite
def _using(draw: st.DrawFn, number: int) -> list[events.Event]:
    """A turn whose calls are all answered by the server: written one after the other, then done one after the other."""
    history: list[events.Event] = draw(st.just([]) | _saying(f"before{number}", closed=True))
    history.append(events.CallsStepOpened(f"step_{number}", AT))
    written: list[events.Event] = []
    done: list[events.Event] = []
    for index, kind in enumerate(draw(st.lists(st.sampled_from([_search, _code]), min_size=1, max_size=3))):
        opening, closing = draw(kind(index, f"{number}_{index}"))
        written += opening
        done += closing
    return [*history, *written, events.CallsReceived(), *done, events.CallsStepClosed(AT, USAGE)]


@st.composite
def _search(draw: st.DrawFn, index: int, name: str) -> tuple[list[events.Event], list[events.Event]]:
    result = st.builds(
        FileSearchResult,
        file_id=st.just("file-1"),
        filename=TEXTS,
        score=st.floats(0, 1),
        attributes=st.just({"sequence_number": 3}),
        text=TEXTS,
    )
    found = tuple(draw(st.lists(result, max_size=2)))
    opened = events.SearchOpened(index, f"call_{name}", {}, f"fs_{name}")
    return [opened], [events.SearchDone(index, found, tuple(draw(st.lists(TEXTS, max_size=2))))]


@st.composite
def _code(draw: st.DrawFn, index: int, name: str) -> tuple[list[events.Event], list[events.Event]]:
    logs = st.builds(CodeOutput, type=st.just("logs"), logs=TEXTS)
    images = st.builds(CodeOutput, type=st.just("image"), file_id=st.just("file-2"))
    opened: list[events.Event] = [events.CodeOpened(index, f"call_{name}", f"ci_{name}", "cntr_1")]
    opened += [events.CodeDelta(index, piece) for piece in draw(st.lists(TEXTS, max_size=3))]
    outputs = [events.CodeOutputDelta(index, one) for one in draw(st.lists(logs | images, max_size=3))]
    return opened, [events.CodeRunning(index), *outputs, events.CodeDone(index)]


@st.composite
def _saying(draw: st.DrawFn, name: str, *, closed: bool) -> list[events.Event]:
    kinds: list[type[Any]] = draw(
        st.sampled_from([[events.TextDelta], [events.RefusalDelta], [events.TextDelta, events.RefusalDelta]])
    )
    cites = events.TextDelta in kinds and draw(st.booleans())
    pieces: list[tuple[type[Any], str]] = draw(
        st.lists(
            st.tuples(st.sampled_from([*kinds, *([events.CitationAdded] if cites else [])]), TEXTS),
            min_size=1,
            max_size=9,
        )
    )
    history: list[events.Event] = [events.MessageOpened(f"step_{name}", f"msg_{name}", AT)]
    length = 0
    for kind, piece in pieces:
        if kind is events.CitationAdded:
            history.append(draw(citations(piece, length, "a.txt")))
        else:
            history.append(kind(piece))
        length += len(piece) if kind is not events.RefusalDelta else 0
    return [*history, *([events.MessageClosed(AT, RunCompletionUsage())] if closed else [])]


CLIENT_TOOLS = (
    None,
    ClientTool("custom", "f"),
    ClientTool("function", "f", "group"),
    ClientTool("shell", "shell"),
    ClientTool("apply_patch", "apply_patch"),
)


@st.composite
def _calling(draw: st.DrawFn) -> list[events.Event]:
    """A turn that calls what the client does; pieces of earlier calls' arguments may come late, and are in the item."""
    history: list[events.Event] = draw(st.just([]) | _saying("first", closed=True))
    history.append(events.CallsStepOpened("step_calls", AT))
    for index in range(draw(st.integers(1, 3))):
        tool = draw(st.sampled_from(CLIENT_TOOLS))
        history.append(events.CallOpened(index, f"call_{index}", "f", f"fc_{index}", tool))
        history += [events.ArgumentsDelta(index, piece) for piece in draw(st.lists(TEXTS, max_size=4))]
        if index and draw(st.booleans()):
            history += [events.ArgumentsDelta(0, piece) for piece in draw(st.lists(TEXTS, max_size=3))]
    return [*history, events.CallsReceived(), events.RunEnded("completed", AT + 2, USAGE)]


@st.composite
def _ending(draw: st.DrawFn) -> list[events.Event]:
    status: Any = draw(st.sampled_from(["completed", *_ENDS]))
    if status == "completed":
        said = draw(_saying("answer", closed=True))
        return [*said, events.RunEnded("completed", AT + 2, USAGE)]
    said = draw(st.just([]) | _saying("answer", closed=False))
    return [*said, events.RunEnded(status, AT + 2, USAGE, **_ENDS[status])]
