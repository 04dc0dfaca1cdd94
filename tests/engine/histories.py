"""Runs as hypothesis invents them: every list of events that an execution could append to a log."""

from hypothesis import strategies as st

from store import samples
from understudy.engine.run import events
from understudy.engine.run_specs import build_spec
from understudy.engine.views.origins import Origin, RestoredOrigin
from understudy.wire.items import CodeOutput, FileSearchResult
from understudy.wire.run_outcome import LastError, RunCompletionUsage, RunIncompleteDetails

AT = 1_700_000_000
USAGE = RunCompletionUsage(9, 3, 12)
TEXTS = st.text(min_size=1, max_size=8)

_ENDS = {
    "failed": {"error": LastError("server_error", "Down."), "cut": "run_failed"},
    "cancelled": {"cut": "run_cancelled"},
    "expired": {"cut": "run_expired"},
    "incomplete": {"incomplete": RunIncompleteDetails("max_completion_tokens"), "cut": "max_tokens"},
}


def run():
    """The run of every history: on a thread of its own, queued."""
    thread = samples.thread()
    return samples.run(thread.id), thread


def queued(made, **members):
    """The event that begins the run `made`; `members` are those of its origin."""
    return events.RunQueued(build_spec(made, None), Origin(made, **members))


def restored(made, steps, message):
    """The event that resumes the run `made` with these open steps and this open message."""
    open_steps = {step.type: step.id for step in steps}
    return events.RunRestored(
        build_spec(made, None),
        made.status,
        RestoredOrigin(made, steps, message),
        None if message is None else message.id,
        open_steps.get("message_creation"),
        open_steps.get("tool_calls"),
    )


@st.composite
def histories(draw, *, ended=None, late=True):
    """`ended` True are runs that are over, False those that wait for outputs; None is either.

    With `late` the model may speak after it has called, too.
    """
    made, thread = run()
    told = [queued(made, thread=thread if draw(st.booleans()) else None), events.RunStarted(AT)]
    rounds = draw(st.integers(min_value=0 if ended is not False else 1, max_value=3))
    for number in range(draw(st.integers(min_value=0, max_value=2))):
        told += draw(_using(number))
    for number in range(rounds):
        told += draw(_calling(number, late=late))
        if ended is not True and number == rounds - 1 and (ended is False or draw(st.booleans())):
            return told
        ids = [event.call_id for event in told if isinstance(event, events.CallOpened)]
        told += [events.OutputsSubmitted(dict.fromkeys(ids, "out"), AT + 1, USAGE), events.RunStarted(AT + 1)]
    return told + draw(_ending(rounds))


@st.composite
def _calling(draw, number, *, late):
    """A turn that calls, perhaps after saying something, and perhaps saying something after it."""
    told = draw(st.just([]) | _said(f"before{number}"))
    told.append(events.CallsStepOpened(f"step_calls{number}", AT))
    for index in range(draw(st.integers(min_value=1, max_value=3))):
        told.append(events.CallOpened(index, f"call_{number}_{index}", draw(st.sampled_from(["f", "get_weather"]))))
        pieces = draw(st.lists(TEXTS, min_size=1, max_size=4))
        told += [events.ArgumentsDelta(index, piece) for piece in pieces]
    if late:
        told += draw(st.just([]) | _said(f"late{number}"))
    return [*told, events.ActionRequired()]


@st.composite
def _using(draw, number):
    """A turn whose calls are all answered by the server."""
    told = [events.CallsStepOpened(f"step_used{number}", AT)]
    for index, kind in enumerate(draw(st.lists(st.sampled_from([_search, _code]), min_size=1, max_size=3))):
        told += draw(kind(index, f"used_{number}_{index}"))
    return [*told, events.CallsStepClosed(AT + 1, USAGE)]


@st.composite
def _search(draw, index, call_id):
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
def _code(draw, index, call_id):
    logs = st.builds(CodeOutput, type=st.just("logs"), logs=TEXTS)
    images = st.builds(CodeOutput, type=st.just("image"), file_id=st.just("file-2"))
    told = [events.CodeOpened(index, call_id)]
    told += [events.CodeDelta(index, piece) for piece in draw(st.lists(TEXTS, max_size=3))]
    return told + [events.CodeOutputDelta(index, output) for output in draw(st.lists(logs | images, max_size=4))]


@st.composite
def _said(draw, name):
    return [*draw(_saying(name)), events.MessageClosed(AT, RunCompletionUsage())]


@st.composite
def _saying(draw, name):
    """A message that is left open."""
    kinds = draw(st.sampled_from([[events.TextDelta], [events.RefusalDelta], [events.TextDelta, events.RefusalDelta]]))
    pieces = draw(st.lists(st.tuples(st.sampled_from([*kinds, events.CitationAdded]), TEXTS), min_size=1, max_size=8))
    told = [events.MessageOpened(f"step_{name}", f"msg_{name}", AT)]
    told += [events.ImageAdded(file_id) for file_id in draw(st.lists(st.just("file-3"), max_size=2))]
    length = 0
    for kind, piece in pieces:
        cited = kind is events.CitationAdded
        told.append(kind(piece, length, length + len(piece), "file-4", draw(st.booleans())) if cited else kind(piece))
        length += len(piece) if kind is not events.RefusalDelta else 0
    return told


@st.composite
def _ending(draw, rounds):
    status = draw(st.sampled_from(["completed", *_ENDS]))
    if status == "completed":
        answer = draw(_saying("answer"))
        return [*answer, events.MessageClosed(AT + 2, USAGE), events.RunEnded("completed", AT + 2, USAGE)]
    told = draw(st.just([]) | _saying("answer"))
    if status == "cancelled":
        told.append(events.CancelRequested(AT + 2))
    return [*told, events.RunEnded(status, AT + 2, USAGE, turn=USAGE, **_ENDS[status])]
