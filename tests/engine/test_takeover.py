"""A run moves to another owner after a crash: no text is doubled, whatever a view has rendered of the dead owner."""

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine import answers, histories
from engine.histories import AT, USAGE
from serving import parse_events
from understudy.engine.run import events
from understudy.engine.run.state import RunState
from understudy.engine.run_specs import build_spec
from understudy.engine.views.assistants import RunView
from understudy.engine.views.ending import ending_events
from understudy.engine.views.frames import ResponseEncoder, RunEncoder
from understudy.engine.views.origins import Origin
from understudy.engine.views.replay import abandoned_objects, restored_event, stored_run_events, unsent_openings
from understudy.engine.views.response_replay import response_events
from understudy.engine.views.responses import ResponseView
from understudy.store.run_state import PendingCall, Plan, Progress, RunHistory, StoredRun

_DONE = (events.SearchDone, events.CodeDone)
_OPENED = (events.SearchOpened, events.CodeOpened)
_TURN_PARTS = (events.ReasoningOpened, events.MessageOpened, events.CallsStepOpened)
_TURN_ENDS = (events.ReasoningClosed, events.MessageClosed, events.CallsStepClosed)
_COMMITTED = (events.RunQueued, events.RunStarted, events.MessageOpened, events.MessageClosed, events.CallsStepOpened)


def checkpoints(history):
    """The lengths of the beginnings of a history that its owner stores."""
    lengths = []
    for length, event in enumerate(history, 1):
        following = history[length] if length < len(history) else None
        calls_are_stored = isinstance(event, events.CallsReceived) and not isinstance(following, events.RunEnded)
        is_result = isinstance(event, _DONE) and not isinstance(following, events.CallsStepClosed)
        ends_run = isinstance(event, events.MessageClosed) and isinstance(following, events.RunEnded)
        if calls_are_stored or is_result or (isinstance(event, (*_COMMITTED, events.CallsStepClosed)) and not ends_run):
            lengths.append(length)
    return lengths


def first_unsent(history, stored_length):
    """How much was streamed before the commit of this beginning, whose own events are streamed after it."""
    start = stored_length - 1
    if isinstance(history[start], events.CallsReceived):
        return stored_length
    if isinstance(history[start], events.CallsStepClosed):
        start -= 1
    if isinstance(history[start], _DONE):
        while isinstance(history[start - 1], events.CodeOutputDelta):
            start -= 1
    return start


@st.composite
def crashes(draw):
    """A history, the length of its beginning that is stored, and how much of it a view has rendered."""
    history = draw(answers.histories_of())
    stored = draw(st.sampled_from(checkpoints(history)))
    later = [length for length in checkpoints(history) if length > stored]
    ends_message = isinstance(history[-2], events.MessageClosed)
    last = first_unsent(history, later[0]) if later else len(history) - 1 - ends_message
    streamed = draw(st.integers(max(1, first_unsent(history, stored)), max(last, stored)))
    rendered = draw(st.integers(1, streamed))
    return history, stored, rendered


@st.composite
def missed_takeovers(draw):
    """A crash, and what a view has rendered of the turn of an earlier owner that a later one began again.

    The view has missed the later one: its objects have other ids than those of the history.
    """
    history, stored, rendered = draw(crashes())
    opened = [number for number in range(rendered) if isinstance(history[number], _TURN_PARTS)]
    closed = [number for number in range(rendered) if isinstance(history[number], _TURN_ENDS)]
    assume(opened)
    start = min([number for number in opened if not closed or number > closed[-1]], default=0)
    assume(start)
    length = draw(st.sampled_from([length for length in checkpoints(history) if length >= stored]))
    return history, length, [*history[:start], *map(rename, history[start:rendered])]


def rename(event):
    """The event with the ids of another owner."""
    names = {"step_id", "message_id", "call_id", "item_id"} & {*event.__struct_fields__}
    return msgspec.structs.replace(event, **{name: f"{getattr(event, name)}_earlier" for name in names})


def pending_calls(history):
    calls = {}
    for event in history:
        if isinstance(event, events.CallsStepOpened | events.CallsStepClosed):
            calls = {}
        elif isinstance(event, _OPENED):
            kind = "file_search" if isinstance(event, events.SearchOpened) else "code_interpreter"
            calls[event.index] = PendingCall(event.index, event.call_id, kind, "{}", kind, item_id=event.item_id)
        elif isinstance(event, _DONE):
            calls[event.index].done = True
    received = [length for length, event in enumerate(history, 1) if isinstance(event, events.CallsReceived)]
    opened = [length for length, event in enumerate(history, 1) if isinstance(event, events.CallsStepOpened)]
    return list(calls.values()) if received and received[-1] > opened[-1] else []


def stored_state(history, *, response):
    """What the store has after these events: the run as it is claimed, and its history."""
    seen = RunView.of(history)
    view = ResponseView(answers.EVERYTHING)
    for event in history:
        view.apply(event)
    plan = Plan(included=list(answers.EVERYTHING), sequence=view.sequence, container="cntr_1")
    progress = Progress(calls=pending_calls(history), plan=plan if response else None)
    shown = msgspec.json.decode(msgspec.json.encode(view.settled()), type=type(view.settled()))
    stored = StoredRun(
        "proj_a", "worker_a", 1, seen.run, progress, list(seen.steps), seen.message, shown if response else None, 2
    )
    messages = [*seen.closed_messages, *([seen.message] if seen.message is not None else [])]
    past = RunHistory(seen.run, [*seen.closed_steps, *seen.steps], {message.id: message for message in messages})
    return stored, past


def rest(stored):
    """How the next owner ends the run."""
    if stored.run.status == "queued":
        yield events.RunStarted(AT)
    calls = stored.progress.calls
    for call in calls:
        if not call.done:
            is_search = call.kind == "file_search"
            yield events.SearchDone(call.index, ()) if is_search else events.CodeDone(call.index)
    if calls:
        yield events.CallsStepClosed(AT, USAGE)
    yield events.MessageOpened("step_z", "msg_z", AT)
    yield from (events.TextDelta("Again"), events.TextDelta("."), events.MessageClosed(AT, USAGE))
    yield events.RunEnded("completed", AT, USAGE)


def stream_of(encoder, history):
    return list(parse_events(b"".join(frame for event in history for frame in encoder.encode(event))))


def stored_messages(restored, following, past):
    """The texts of the messages that the thread has in the end, by id."""
    after = RunView.of([restored, *following])
    ended = [one for one in past.messages.values() if one.status != "in_progress"]
    return {message.id: message for message in (*ended, *after.closed_messages)}


@settings(max_examples=60)
@given(crashes())
def test_each_message_of_a_run_is_streamed_as_it_is_stored_or_ends_as_incomplete(crash):
    history, length, rendered = crash
    stored, past = stored_state(history[:length], response=False)
    rebuilt = stored_run_events(stored, past)
    assert rebuilt
    for before in (history[:rendered], rebuilt):
        check_run_stream(before, stored, past)


@settings(max_examples=40)
@given(missed_takeovers())
def test_a_view_that_missed_an_owner_ends_the_messages_and_steps_which_that_one_abandoned(missed):
    history, length, before = missed
    check_run_stream(before, *stored_state(history[:length], response=False))


def check_run_stream(before, stored, past):
    """Asserts that a view with the events `before` streams the rest of the stored run, and of its end."""
    before = [*before, *unsent_openings(stored, before, past)]
    restored, following = restored_event(stored, past, AT), list(rest(stored))
    kept = stored_messages(restored, following, past)
    texts, ends, opened, closed = {}, {}, [], []
    for name, data in stream_of(RunEncoder(), [*before, restored, *following]):
        if name == "thread.message.delta":
            for part in data["delta"]["content"]:
                text = part.get("text", {}).get("value", "") + part.get("refusal", "")
                texts[data["id"]] = texts.get(data["id"], "") + text
        elif name.startswith("thread.message.") and name.rpartition(".")[2] in {"completed", "incomplete"}:
            assert data["id"] not in ends
            ends[data["id"]] = data
        elif name.endswith(".created") and name != "thread.created":
            opened.append(data["id"])
        elif name.startswith("thread.run.step.") and name.rpartition(".")[2] in {"completed", "cancelled"}:
            closed.append(data["id"])
    assert sorted(opened) == sorted({*opened})
    for message_id, data in ends.items():
        whole = "".join(p.get("text", {}).get("value", "") + p.get("refusal", "") for p in data["content"])
        assert "".join(sorted(texts.get(message_id, ""))) == "".join(sorted(whole))
        assert (data["status"] == "completed") is (message_id in kept)
    assert kept.keys() <= ends.keys()
    for message_id, message in kept.items():
        assert ends[message_id] == msgspec.to_builtins(message)
    assert len(closed) == len({*closed})
    assert {one for one in opened if one.startswith("step")} == {*closed}
    assert ends["msg_z"]["status"] == "completed"


@settings(max_examples=60)
@given(crashes())
def test_each_item_of_a_response_is_streamed_as_it_is_stored_or_ends_as_incomplete(crash):
    history, length, rendered = crash
    stored, _ = stored_state(history[:length], response=True)
    rebuilt = list(response_events(stored.response, started=stored.run.status != "queued"))
    first, second = (check_response_stream(before, stored) for before in (history[:rendered], rebuilt))
    assert first == second


@settings(max_examples=40)
@given(missed_takeovers())
def test_a_view_that_missed_an_owner_ends_the_items_which_that_one_abandoned(missed):
    history, length, before = missed
    check_response_stream(before, stored_state(history[:length], response=True)[0])


def check_response_stream(before, stored):
    """Asserts the same of a response; returns the numbers of the last events."""
    before = [*before, *unsent_openings(stored, before)]
    restored, following = restored_event(stored, None, AT), list(rest(stored))
    stream = stream_of(ResponseEncoder(answers.EVERYTHING), [*before, restored, *following])
    texts, done, places = {}, {}, {}
    for name, data in stream:
        if name in {"response.output_text.delta", "response.refusal.delta"}:
            texts[data["item_id"]] = texts.get(data["item_id"], "") + data["delta"]
        elif name == "response.output_item.added":
            assert data["item"]["id"] not in places
            assert data["output_index"] == len(places)
            places[data["item"]["id"]] = data["output_index"]
        elif name == "response.output_item.done":
            assert places[data["item"]["id"]] == data["output_index"]
            assert data["item"]["id"] not in done
            done[data["item"]["id"]] = data["item"]
    output = {item["id"]: item for item in stream[-1][1]["response"]["output"]}
    assert places.keys() == done.keys()
    assert {item.id for item in stored.response.output} <= output.keys()
    for item_id, item in done.items():
        if item["type"] == "message":
            whole = "".join(part.get("text", "") + part.get("refusal", "") for part in item["content"])
            assert "".join(sorted(texts.get(item_id, ""))) == "".join(sorted(whole))
            assert (item["status"] == "completed") is (item_id in output)
        if item_id in output:
            assert output[item_id] == item
    for item in stored.response.output:
        assert output[item.id] == msgspec.to_builtins(item)
    sequence = [data["sequence_number"] for _, data in stream]
    assert sequence == sorted({*sequence})
    return [number for number in sequence if number >= restored.origin.sequence][-3:]


def test_a_view_that_missed_the_end_of_a_message_continues_it():
    origin = Origin(histories.run()[0], None, False, answers.response(), False)
    begun = [events.RunQueued(build_spec(origin.run, None), origin), events.RunStarted(AT)]
    begun += [events.MessageOpened("step_a", "msg_a", AT), events.TextDelta("Hel"), events.TextDelta("lo")]
    stored = [*begun, events.MessageClosed(AT, USAGE), events.MessageOpened("step_b", "msg_b", AT)]
    check_run_stream(begun[:-1], *stored_state(stored, response=False))
    check_response_stream(begun[:-1], stored_state(stored, response=True)[0])


def test_a_view_that_missed_an_owner_ends_the_message_of_the_owner_before_and_that_of_the_missed_one():
    origin = Origin(histories.run()[0], None, False, answers.response(), False)
    begun = [events.RunQueued(build_spec(origin.run, None), origin), events.RunStarted(AT)]
    seen = [*begun, events.MessageOpened("step_a", "msg_a", AT), events.TextDelta("Hel")]
    missed = [*begun, events.MessageOpened("step_b", "msg_b", AT)]
    check_run_stream(seen, *stored_state(missed, response=False))
    check_response_stream(seen, stored_state(missed, response=True)[0])


@given(crashes())
def test_the_next_owner_has_no_open_message_and_deletes_that_of_the_last_one(crash):
    history, length, _ = crash
    stored, past = stored_state(history[:length], response=False)
    state = RunState.of([restored_event(stored, past, AT)])
    assert (state.message_id, state.message_step_id) == (None, None)
    abandoned = abandoned_objects(stored)
    assert list(abandoned.messages) == ([stored.message.id] if stored.message is not None else [])
    kept = [step.id for step in stored.steps if step.id not in abandoned.steps]
    assert kept == ([state.calls_step_id] if state.calls_step_id is not None else [])
    assert bool(kept) is bool(stored.progress.calls)


@given(crashes())
def test_a_log_that_lacks_an_open_message_or_step_gets_its_beginning_once(crash):
    history, length, _ = crash
    stored, _ = stored_state(history[:length], response=False)
    abandoned = abandoned_objects(stored).steps
    missing = unsent_openings(stored, history[:1])
    assert [event.step_id for event in missing] == [step.id for step in stored.steps if step.id in abandoned]
    assert not unsent_openings(stored, history[:length])
    view = RunView.of([*history[:1], *missing])
    assert ([view.message.id] if view.message else []) == list(abandoned_objects(stored).messages)


@settings(max_examples=20)
@given(answers.histories_of(), st.data())
def test_the_end_of_a_run_that_its_log_lacks_is_rendered_from_the_store(history, data):
    rendered = history[: data.draw(st.integers(1, len(history) - 1))]
    stored, past = stored_state(history, response=False)
    kept = {one.id: one for one in past.messages.values() if one.status == "completed"}
    texts, ends, opened = {}, {}, []
    stream = stream_of(RunEncoder(), [*rendered, *ending_events(stored, past, AT)])
    for name, event in stream:
        if name == "thread.message.delta":
            for part in event["delta"]["content"]:
                text = part.get("text", {}).get("value", "") + part.get("refusal", "")
                texts[event["id"]] = texts.get(event["id"], "") + text
        elif name.startswith("thread.message.") and name.rpartition(".")[2] in {"completed", "incomplete"}:
            assert event["id"] not in ends
            ends[event["id"]] = event
        elif name.endswith(".created") and name != "thread.created":
            opened.append(event["id"])
    assert len(opened) == len({*opened})
    assert {message_id for message_id, end in ends.items() if end["status"] == "completed"} == kept.keys()
    for message_id, message in kept.items():
        assert ends[message_id] == msgspec.to_builtins(message)
        whole = "".join(p.get("text", {}).get("value", "") + p.get("refusal", "") for p in ends[message_id]["content"])
        assert "".join(sorted(texts.get(message_id, ""))) == "".join(sorted(whole))
    assert stream[-1][0] == f"thread.run.{stored.run.status}"
    assert stream[-1][1] == stream_of(RunEncoder(), history)[-1][1]


@settings(max_examples=20)
@given(answers.histories_of(), st.data())
def test_the_end_of_a_response_that_its_log_lacks_is_rendered_from_the_store(history, data):
    rendered = history[: data.draw(st.integers(1, len(history) - 1))]
    # A call of a client's tool is stored once it is rendered, which these histories do not do.
    assume(not any(isinstance(event, events.CallOpened) and event.tool is not None for event in history))
    stored, _ = stored_state(history, response=True)
    stream = stream_of(ResponseEncoder(answers.EVERYTHING), [*rendered, *ending_events(stored, None, AT)])
    sequence = [event["sequence_number"] for _, event in stream]
    assert sequence == sorted({*sequence})
    done = {event["item"]["id"]: event["item"] for name, event in stream if name == "response.output_item.done"}
    whole = stream_of(ResponseEncoder(answers.EVERYTHING), history)[-1]
    assert stream[-1][0] == whole[0]
    rendered_end, end = stream[-1][1]["response"], whole[1]["response"]
    assert {**rendered_end, "output": []} == {**end, "output": []}
    assert [item["id"] for item in rendered_end["output"]] == [item["id"] for item in end["output"]]
    assert all(done[item["id"]] == item for item in rendered_end["output"])
    messages = [[item for item in one["output"] if item["type"] == "message"] for one in (rendered_end, end)]
    assert messages[0] == messages[1]
