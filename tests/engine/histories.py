"""Runs as hypothesis invents them: every list of events that an execution could append to a log."""

import json
from typing import Any

from hypothesis import strategies as st

from serving import parse_events
from store import samples
from understudy.engine.run import events
from understudy.engine.run_specs import build_spec
from understudy.engine.views.origins import Origin, RestoredOrigin
from understudy.wire.items import CodeOutput, FileSearchResult
from understudy.wire.run_outcome import LastError, RunCompletionUsage, RunIncompleteDetails
from understudy.wire.runs import RunObject
from understudy.wire.steps import RunStepObject
from understudy.wire.threads import ThreadObject

AT = 1_700_000_000
USAGE = RunCompletionUsage(9, 3, 12)
TEXTS = st.text(min_size=1, max_size=8)

_ENDS: dict[str, dict[str, Any]] = {
    "failed": {"error": LastError("server_error", "Down."), "cut": "run_failed"},
    "cancelled": {"cut": "run_cancelled"},
    "expired": {"cut": "run_expired"},
    "incomplete": {"incomplete": RunIncompleteDetails("max_completion_tokens"), "cut": "max_tokens"},
}


def run() -> tuple[RunObject, ThreadObject]:
    """The run of every history: on a thread of its own, queued."""
    thread = samples.thread()
    return samples.run(thread.id), thread


def queued(made: RunObject, **members: Any) -> events.RunQueued:
    """The event that begins the run `made`; `members` are those of its origin."""
    return events.RunQueued(build_spec(made, None), Origin(made, **members))


def restored(made: RunObject, steps: tuple[RunStepObject, ...]) -> events.RunRestored:
    """The event that resumes the run `made` with this open step."""
    return events.RunRestored(
        build_spec(made, None), made.status, RestoredOrigin(made, steps), next((step.id for step in steps), None)
    )


@st.composite
def histories(draw: st.DrawFn, *, ended: bool | None = None, late: bool = True) -> list[events.Event]:
    """`ended` True are runs that are over, False those that wait for outputs; None is either.

    With `late` the model may speak after it has called, too.
    """
    made, thread = run()
    history: list[events.Event] = [queued(made, thread=thread if draw(st.booleans()) else None), events.RunStarted(AT)]
    rounds = draw(st.integers(min_value=0 if ended is not False else 1, max_value=3))
    for number in range(draw(st.integers(min_value=0, max_value=2))):
        history += draw(_using(number))
    for number in range(rounds):
        history += draw(_calling(number, late=late))
        if ended is not True and number == rounds - 1 and (ended is False or draw(st.booleans())):
            return history
        ids = [event.call_id for event in history if isinstance(event, events.CallOpened)]
        history += [events.OutputsSubmitted(dict.fromkeys(ids, "out"), AT + 1, USAGE), events.RunStarted(AT + 1)]
    return history + draw(_ending(rounds))


@st.composite
def _calling(draw: st.DrawFn, number: int, *, late: bool) -> list[events.Event]:
    """A turn that calls, perhaps after saying something, and perhaps saying something after it."""
    history: list[events.Event] = draw(st.just([]) | _said(f"before{number}"))
    history.append(events.CallsStepOpened(f"step_calls{number}", AT))
    for index in range(draw(st.integers(min_value=1, max_value=3))):
        history.append(events.CallOpened(index, f"call_{number}_{index}", draw(st.sampled_from(["f", "get_weather"]))))
        pieces = draw(st.lists(TEXTS, min_size=1, max_size=4))
        history += [events.ArgumentsDelta(index, piece) for piece in pieces]
    if late:
        history += draw(st.just([]) | _said(f"late{number}"))
    return [*history, events.ActionRequired()]


@st.composite
def _using(draw: st.DrawFn, number: int) -> list[events.Event]:
    """A turn whose calls are all answered by the server."""
    history: list[events.Event] = [events.CallsStepOpened(f"step_used{number}", AT)]
    for index, kind in enumerate(draw(st.lists(st.sampled_from([_search, _code]), min_size=1, max_size=3))):
        history += draw(kind(index, f"used_{number}_{index}"))
    return [*history, events.CallsStepClosed(AT + 1, USAGE)]


@st.composite
def _search(draw: st.DrawFn, index: int, call_id: str) -> list[events.Event]:
    results = st.builds(
        FileSearchResult,
        file_id=st.just("file-1"),
        filename=TEXTS,
        score=st.floats(min_value=0, max_value=1),
        attributes=st.just({}),
        text=TEXTS,
    )
    found = draw(st.lists(results, max_size=2))
    return [events.SearchOpened(index, call_id, {"ranker": "auto"}), events.SearchDone(index, tuple(found))]


@st.composite
def _code(draw: st.DrawFn, index: int, call_id: str) -> list[events.Event]:
    logs = st.builds(CodeOutput, type=st.just("logs"), logs=TEXTS)
    images = st.builds(CodeOutput, type=st.just("image"), file_id=st.just("file-2"))
    history: list[events.Event] = [events.CodeOpened(index, call_id)]
    history += [events.CodeDelta(index, piece) for piece in draw(st.lists(TEXTS, max_size=3))]
    return history + [events.CodeOutputDelta(index, output) for output in draw(st.lists(logs | images, max_size=4))]


@st.composite
def _said(draw: st.DrawFn, name: str) -> list[events.Event]:
    return [*draw(_saying(name)), events.MessageClosed(AT, RunCompletionUsage())]


def citations(text: str, start: int, name: str = "") -> st.SearchStrategy[events.CitationAdded]:
    """The path of a file, or a passage, of which the page and the headings may be known."""
    span = text, start, start + len(text), "file-4"
    paths = st.just(events.CitationAdded(*span, is_path=True, filename=name))
    places = st.tuples(st.none() | st.integers(1, 9), st.sampled_from([(), ("Handbook", "Crew")]))
    return paths | places.map(lambda place: events.CitationAdded(*span, False, name, *place))


@st.composite
def _saying(draw: st.DrawFn, name: str) -> list[events.Event]:
    """A message that is left open."""
    kinds: list[type[Any]] = draw(
        st.sampled_from([[events.TextDelta], [events.RefusalDelta], [events.TextDelta, events.RefusalDelta]])
    )
    pieces: list[tuple[type[Any], str]] = draw(
        st.lists(st.tuples(st.sampled_from([*kinds, events.CitationAdded]), TEXTS), min_size=1, max_size=8)
    )
    history: list[events.Event] = [events.MessageOpened(f"step_{name}", f"msg_{name}", AT)]
    history += [events.ImageAdded(file_id) for file_id in draw(st.lists(st.just("file-3"), max_size=2))]
    length = 0
    for kind, piece in pieces:
        cited = kind is events.CitationAdded
        history.append(draw(citations(piece, length)) if cited else kind(piece))
        length += len(piece) if kind is not events.RefusalDelta else 0
    return history


@st.composite
def _ending(draw: st.DrawFn, rounds: int) -> list[events.Event]:
    status: Any = draw(st.sampled_from(["completed", *_ENDS]))
    if status == "completed":
        answer = draw(_saying("answer"))
        return [*answer, events.MessageClosed(AT + 2, USAGE), events.RunEnded("completed", AT + 2, USAGE)]
    history: list[events.Event] = draw(st.just([]) | _saying("answer"))
    if status == "cancelled":
        history.append(events.CancelRequested(AT + 2))
    return [*history, events.RunEnded(status, AT + 2, USAGE, turn=USAGE, **_ENDS[status])]


def join_deltas(frames: bytes) -> list[tuple[str, Any]]:
    """The events of a stream, `(name, data)`, with neighbouring deltas of one part as one."""
    joined: list[tuple[str, Any]] = []
    for name, data in parse_events(frames) if frames else ():
        if joined and name == joined[-1][0] and name.endswith(".delta") and _extend(joined[-1][1], data):
            continue
        joined.append((name, json.loads(json.dumps(data))))
    return joined


def _extend(first: Any, more: Any) -> bool:
    """Adds the text of `more` to that of `first` where they are of one part; whether they are."""
    if first["id"] != more["id"]:
        return False
    if "content" in first["delta"]:
        (part,), (other,) = first["delta"]["content"], more["delta"]["content"]
        if part["index"] != other["index"] or "image_file" in part or other.get("text", {}).get("annotations"):
            return False
        if part["type"] == "text":
            part["text"]["value"] += other["text"]["value"]
        else:
            part["refusal"] += other["refusal"]
        return True
    (call,), (other,) = first["delta"]["step_details"]["tool_calls"], more["delta"]["step_details"]["tool_calls"]
    if call["index"] != other["index"] or "id" in other or "id" in call or call["type"] != "function":
        return False
    call["function"]["arguments"] += other["function"]["arguments"]
    return True
