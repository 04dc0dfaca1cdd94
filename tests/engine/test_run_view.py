"""The Assistants view: every history of a run produces a stream that clients can follow."""

import json

import msgspec
import pytest
from hypothesis import given
from openai._models import construct_type
from openai.lib.streaming._assistants import accumulate_event, accumulate_run_step
from openai.types.beta import AssistantStreamEvent

from engine import histories
from engine.histories import AT, USAGE, queued, restored
from serving import parse_events
from understudy.engine.run import events
from understudy.engine.run.state import RunState
from understudy.engine.views.assistants import RunView
from understudy.engine.views.frames import DONE_FRAME, RunEncoder
from understudy.wire.run_outcome import LastError

ENDS = ("completed", "incomplete", "failed", "cancelled", "expired")


def shown(history):
    """The stream of a history, as `(name, data)`."""
    encoder = RunEncoder()
    frames = [frame for event in history for frame in encoder.encode(event)]
    return list(parse_events(b"".join(frames) + DONE_FRAME))[:-1]


def said(*pieces, ended=True):
    """The events of a run that says these pieces."""
    run, _ = histories.run()
    told = [queued(run), events.RunStarted(AT), events.MessageOpened("step_1", "msg_1", AT)]
    told += [events.TextDelta(piece) for piece in pieces]
    closing = [events.MessageClosed(AT, USAGE), events.RunEnded("completed", AT, USAGE)]
    return told + (closing if ended else [])


@given(histories.histories())
def test_every_object_begins_before_it_grows_and_ends_once(history):
    is_open, was, over = set(), set(), False
    for name, data in shown(history):
        assert not over, f"{name} after the end"
        family, _, event = name.rpartition(".")
        if family in {"thread.message", "thread.run.step"}:
            if event == "created":
                assert data["id"] not in was
                is_open.add(data["id"])
                was.add(data["id"])
            assert data["id"] in is_open, name
            if event in {*ENDS, "completed", "incomplete"}:
                is_open.remove(data["id"])
        if family == "thread.run":
            assert data["status"] == ("queued" if event == "created" else event)
            over = event in ENDS
            assert not (over and is_open)


@given(histories.histories())
def test_only_one_message_is_open_at_a_time(history):
    is_open = None
    for name, data in shown(history):
        if name == "thread.message.created":
            assert is_open is None
            is_open = data["id"]
        elif name.startswith("thread.message."):
            assert data["id"] == is_open
            if name in {"thread.message.completed", "thread.message.incomplete"}:
                is_open = None


@given(histories.histories())
def test_the_official_package_accumulates_deltas_to_the_final_objects(history):
    """The package adds numbers and joins strings, so nothing but an index may ever come twice."""
    message, steps, together = None, {}, {}
    for name, data in shown(history):
        event = construct_type(type_=AssistantStreamEvent, value={"event": name, "data": data})
        if name in {"thread.message.completed", "thread.message.incomplete"}:
            assert [part.to_dict() for part in message.content] == [
                _with_index(p, i) for i, p in enumerate(data["content"])
            ]
        if name.startswith("thread.message."):
            message, _ = accumulate_event(event=event, current_message_snapshot=message)
        if name in {"thread.run.step.created", "thread.run.step.delta"}:
            accumulate_run_step(event=event, run_step_snapshots=steps)
        if name == "thread.run.requires_action":
            together = {
                call.id: call.function.arguments
                for step in steps.values()
                if step.type == "tool_calls"
                for call in step.step_details.tool_calls
                if call.type == "function"
            }
            asked = data["required_action"]["submit_tool_outputs"]["tool_calls"]
            assert {call["id"]: call["function"]["arguments"] for call in asked}.items() <= together.items()


def _with_index(part, index):
    """A content part as it looks when it was put together from deltas."""
    if part["type"] == "text":
        annotations = [_with_quote(one, i) for i, one in enumerate(part["text"]["annotations"])]
        part = {**part, "text": {**part["text"], "annotations": annotations}}
    return {"index": index, **part}


def _with_quote(annotation, index):
    """Only streams still have the quote, always empty."""
    if annotation["type"] == "file_citation":
        annotation = {**annotation, "file_citation": {**annotation["file_citation"], "quote": ""}}
    return {"index": index, **annotation}


@given(histories.histories())
def test_list_entries_of_deltas_are_numbered_from_zero_without_gaps(history):
    known = {}
    for name, data in shown(history):
        if name == "thread.message.delta":
            entries = data["delta"]["content"]
        elif name == "thread.run.step.delta":
            entries = data["delta"]["step_details"]["tool_calls"]
        else:
            continue
        seen = known.setdefault(data["id"], set())
        for entry in entries:
            assert entry["index"] in seen or entry["index"] == len(seen)
            assert ("id" in entry) is (name == "thread.run.step.delta" and entry["index"] not in seen)
            seen.add(entry["index"])


@given(histories.histories(ended=True))
def test_the_view_has_the_objects_that_were_streamed_last(history):
    view = RunView.of(history)
    name, data = shown(history)[-1]
    assert name == f"thread.run.{view.run.status}"
    assert data | {"tool_resources": {}} == json.loads(msgspec.json.encode(view.run))
    assert (view.steps, view.message, view.ended) == ([], None, True)
    assert view.run.expires_at is None


@given(histories.histories(ended=False))
def test_a_run_that_requires_action_lists_its_pending_tool_calls(history):
    view = RunView.of(history)
    assert (view.run.status, view.ended) == ("requires_action", False)
    (step,) = view.steps
    asked = [
        (call.id, call.function.name, call.function.arguments)
        for call in view.run.required_action.submit_tool_outputs.tool_calls
    ]
    assert asked == [(call.id, call.function.name, call.function.arguments) for call in step.step_details.tool_calls]


@given(histories.histories())
def test_the_events_of_a_history_are_left_as_they_were(history):
    before = [msgspec.json.encode(event) for event in history]
    first = shown(history)
    assert [msgspec.json.encode(event) for event in history] == before
    assert shown(history) == first


def test_only_the_first_delta_of_a_text_has_annotations():
    parts = [data["delta"]["content"][0]["text"] for name, data in shown(said("a", "b", "c")) if name.endswith("delta")]
    assert parts == [{"value": "a", "annotations": []}, {"value": "b"}, {"value": "c"}]


@pytest.mark.parametrize("text", ["", "\n\n", '"quoted" \\back', "\u2028\u0000\x1f", "🚀 é 漢"])
def test_any_text_is_framed_on_one_line(text):
    deltas = [data for name, data in shown(said(text)) if name == "thread.message.delta"]
    assert deltas[0]["delta"]["content"][0]["text"]["value"] == text


def test_non_ascii_text_is_not_escaped_in_frames():
    encoder = RunEncoder()
    for event in said(ended=False):
        encoder.encode(event)
    for _ in range(2):
        (frame,) = encoder.encode(events.TextDelta("é🚀"))
        assert "é🚀".encode() in frame


def test_a_silent_message_is_known_as_such():
    state = RunState.of(said(ended=False))
    assert state.is_message_empty
    state.apply(events.TextDelta(""))
    assert not state.is_message_empty
    state.apply(events.MessageClosed(AT, USAGE))
    assert not state.is_message_empty


@pytest.mark.parametrize(
    ("status", "cut", "step_status", "stamp"),
    [
        ("failed", "run_failed", "failed", "failed_at"),
        ("cancelled", "run_cancelled", "cancelled", "cancelled_at"),
        ("expired", "run_expired", "expired", "expired_at"),
        ("incomplete", "max_tokens", "completed", "completed_at"),
    ],
)
def test_a_run_that_ends_early_closes_its_open_message_and_step(status, cut, step_status, stamp):
    error = LastError("server_error", "Down.") if status == "failed" else None
    end = events.RunEnded(status, AT + 5, USAGE, turn=USAGE, error=error, cut=cut)
    (message_name, message), (step_name, step), (run_name, run) = shown([*said("Hel", ended=False), end])[-3:]
    assert (message_name, step_name, run_name) == (
        "thread.message.incomplete",
        f"thread.run.step.{step_status}",
        f"thread.run.{status}",
    )
    assert (message["incomplete_details"], message["incomplete_at"]) == ({"reason": cut}, AT + 5)
    assert message["content"][0]["text"]["value"] == "Hel"
    assert (step[stamp], step["usage"]["total_tokens"]) == (AT + 5, 12)
    assert (step["last_error"] is not None) is (status == "failed")
    assert (run["expires_at"], run["usage"]["total_tokens"]) == (None, 12)
    times = {name: run[name] for name in ("completed_at", "failed_at", "cancelled_at")}
    assert times == dict.fromkeys(times) | ({stamp: AT + 5} if stamp in times and status != "incomplete" else {})


def test_a_restored_run_reopens_its_open_step():
    run, _ = histories.run()
    called = [queued(run), events.RunStarted(AT), events.CallsStepOpened("step_1", AT)]
    called += [events.SearchOpened(0, "call_a", {})]
    view = RunView.of(called)
    closing = [events.SearchDone(0, ()), events.CallsStepClosed(AT, USAGE), events.RunEnded("completed", AT, USAGE)]
    told = [restored(view.run, tuple(view.steps)), *closing]
    assert [name for name, _ in shown(told)] == [
        "thread.run.in_progress",
        "thread.run.step.created",
        "thread.run.step.in_progress",
        "thread.run.step.completed",
        "thread.run.completed",
    ]
    assert RunView.of(told).run.status == "completed"


def test_outputs_reach_the_call_they_are_for():
    run, _ = histories.run()
    told = [queued(run), events.RunStarted(AT), events.CallsStepOpened("step_1", AT)]
    for index, call_id in enumerate(("call_a", "call_b")):
        told += [events.CallOpened(index, call_id, "f"), events.ArgumentsDelta(index, "{}")]
    told += [events.ActionRequired(), events.OutputsSubmitted({"call_b": "B", "call_a": "A"}, AT, USAGE)]
    closed = next(data for name, data in shown(told) if name == "thread.run.step.completed")
    calls = closed["step_details"]["tool_calls"]
    assert [(call["id"], call["function"]["output"]) for call in calls] == [("call_a", "A"), ("call_b", "B")]
