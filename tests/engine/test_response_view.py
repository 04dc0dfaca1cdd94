"""The Responses view: every history produces a stream that clients can follow, leave and resume."""

import asyncio
import json
from array import array

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import omit
from openai._models import construct_type
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent

from engine import answers, histories
from engine.histories import AT, USAGE
from serving import parse_events
from understudy.engine.run import events, log
from understudy.engine.run.log import RunLog
from understudy.engine.views.assistants import RunView
from understudy.engine.views.frames import ResponseEncoder
from understudy.engine.views.replay import restored_event
from understudy.engine.views.response_replay import ResponseReplay, frames_after, next_sequence, response_events
from understudy.engine.views.stream_outline import pack_outline
from understudy.store.run_state import PendingCall, Plan, Progress, StoredRun

WITHIN = 5.0


def played(history):
    """The view behind a history, and the frames of each event."""
    encoder = ResponseEncoder(answers.EVERYTHING)
    return encoder.view, [b"".join(encoder.encode(event)) for event in history]


def new_encoder():
    return ResponseEncoder(answers.EVERYTHING)


def read(frames):
    return [data for _, data in parse_events(frames)] if frames else []


def filled(history):
    filling, encoder = RunLog(new_encoder), new_encoder()
    for event in history:
        filling.append(event, encoder.encode(event))
    filling.close()
    return filling


async def rest_of(filling, after):
    async with asyncio.timeout(WITHIN):
        return read(b"".join([frames async for frames in frames_after(filling, after)]))


def joined(stream):
    """What a stream says, however its texts were cut into deltas, and whatever its numbers are."""
    said = []
    for data in stream:
        one = {key: value for key, value in data.items() if key not in {"sequence_number", "obfuscation"}}
        place = {key: value for key, value in one.items() if key != "delta"}
        if said and "delta" in one and {key: value for key, value in said[-1].items() if key != "delta"} == place:
            said[-1]["delta"] += one["delta"]
        else:
            said.append(one)
    return said


def by_item(stream):
    """What a stream says of each of its items, and of the whole."""
    said = {}
    for data in joined(stream):
        said.setdefault(data.get("output_index"), []).append(data)
    return said


def followed(stream):
    """What the official client makes of the stream; it refuses one that does not fit together."""
    state, last = ResponseStreamState(input_tools=omit, text_format=omit), None
    for data in stream:
        last = construct_type(type_=ResponseStreamEvent, value=data)
        state.handle_event(last)
    return last


@given(answers.histories_of())
def test_every_event_has_the_next_number_and_items_open_and_close_once(history):
    view, frames = played(history)
    stream = read(b"".join(frames))
    assert [data["sequence_number"] for data in stream] == list(range(len(stream)))
    open_items, closed = set(), []
    for data in stream:
        first, *members = data
        assert (first, members) == ("type", sorted(members))
        if data["type"] == "response.output_item.added":
            assert data["output_index"] == len(open_items) + len(closed)
            open_items.add(data["item"]["id"])
        elif data["type"] == "response.output_item.done":
            open_items.remove(data["item"]["id"])
            closed.append((data["output_index"], data["item"]))
        elif "item_id" in data:
            assert data["item_id"] in open_items
    assert not open_items
    assert [item for _, item in sorted(closed, key=lambda one: one[0])] == stream[-1]["response"]["output"]
    assert json.loads(msgspec.json.encode(view.response))["output"] == stream[-1]["response"]["output"]


@given(answers.histories_of())
def test_the_official_client_can_follow_it(history):
    view, frames = played(history)
    last = followed(read(b"".join(frames)))
    assert last.response.status == view.response.status


@given(answers.histories_of())
def test_deltas_add_up_to_the_text_of_the_done_event(history):
    texts = {}
    for data in read(b"".join(played(history)[1])):
        place = (data.get("item_id"), data.get("content_index"), data.get("summary_index"))
        if data["type"].endswith(".delta"):
            texts[place] = texts.get(place, "") + data["delta"]
        for name in ("text", "arguments", "input", "code", "refusal"):
            if data["type"].endswith(".done") and name in data:
                assert data[name] == texts.pop(place, "")
    assert not texts


TEXT_DELTAS = ("text", "refusal", "arguments", "input", "code")


@given(answers.histories_of(ended=False))
def test_the_texts_of_the_output_are_those_of_its_deltas(history):
    view, frames = played(history)
    texts = {}
    for data in read(b"".join(frames)):
        if data["type"].endswith(tuple(f"{name}.delta" for name in TEXT_DELTAS)):
            place = (data["item_id"], data.get("content_index"), data.get("summary_index"))
            texts[place] = texts.get(place, "") + data["delta"]
    assert {text for text in texts.values() if text} <= set(view.output_texts())


@given(answers.histories_of(), st.integers(1, 6), st.integers(1, 6), st.booleans())
async def test_a_client_that_resumes_after_any_event_receives_the_rest(history, recent, merge, compact):
    whole = read(b"".join(played(history)[1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "_MAX_RECENT_EVENTS", recent)
        patch.setattr(log, "_MERGE_CHUNK", merge)
        filling = filled(history)
        if compact:
            filling.compact()
        for after in range(-1, len(whole)):
            rest = await rest_of(filling, after)
            assert all(data["sequence_number"] > after for data in rest)
            assert joined(whole[: after + 1] + rest) == joined(whole), after
            if rest:
                assert rest[-1]["sequence_number"] == len(whole) - 1
        assert next_sequence(filling) == len(whole)


@given(answers.histories_of())
async def test_a_stream_replayed_from_a_stored_response_has_the_same_events(history):
    view, frames = played(history)
    again = read(b"".join(ResponseReplay(view.response, -1).frames))
    assert by_item(again) == by_item(read(b"".join(frames)))
    assert [data["sequence_number"] for data in again] == list(range(len(again)))
    half = len(again) // 2
    assert read(b"".join(ResponseReplay(view.response, half).frames)) == again[half + 1 :]


@given(answers.histories_of(), st.booleans())
def test_a_stored_response_is_resumed_after_any_event_or_refuses(history, has_outline):
    encoder = ResponseEncoder(answers.EVERYTHING)
    encoder.view.outline = array("I")
    response = msgspec.structs.replace(history[0].origin.response, background=True, status="queued")
    origin = msgspec.structs.replace(history[0].origin, response=response)
    history = [msgspec.structs.replace(history[0], origin=origin), *history[1:]]
    whole = read(b"".join([frame for event in history for frame in encoder.encode(event)]))
    plan = Plan(sequence=encoder.view.sequence, outline=pack_outline(encoder.view.outline) if has_outline else b"")
    assert ResponseReplay(encoder.view.response, -1, plan).is_exact
    for after in range(-1, len(whole)):
        replay = ResponseReplay(encoder.view.response, after, plan)
        if replay.is_exact:
            rest = read(b"".join(replay.frames))
            assert by_item(whole[: after + 1] + rest) == by_item(whole)
        if replay.is_exact and after >= 3:
            assert joined(whole[: after + 1] + rest) == joined(whole)
            assert [data["sequence_number"] for data in rest][-1:] == [len(whole) - 1][: len(rest)]


@settings(max_examples=60)
@given(answers.histories_of(ended=False), st.integers(0, 3))
async def test_a_response_resumes_after_a_crash_at_any_event_and_replays_from_the_start(history, lost):
    """The last `lost` events were streamed but not stored when the process died."""
    kept = history[: max(1, len(history) - lost)]
    view, _ = played(kept)
    before, _ = played(history)
    stored = stored_run(kept, view)
    restored = [restored_event(stored)]
    after, filling = new_encoder(), RunLog(new_encoder)
    for event in (*response_events(stored.response, started=stored.run.status != "queued"), *restored, *rest(stored)):
        filling.append(event, after.encode(event))
    filling.close()
    stream = await rest_of(filling, -1)
    assert followed(stream).response.status == "completed"
    numbers = [data["sequence_number"] for data in stream]
    assert numbers == sorted(set(numbers))
    assert stream[0]["type"] == "response.created"
    # One who had heard everything hears all that follows, and no number twice.
    resumed_stream = await rest_of(filling, before.sequence - 1)
    first = restored[0].origin.sequence - (10_000 if stored.run.status != "queued" else 0)
    assert resumed_stream == [data for data in stream if data["sequence_number"] >= max(first, before.sequence)]
    assert stream[-1] == resumed_stream[-1]


def stored_run(history, view):
    """What the store has of a response whose last boundary lies behind these events."""
    seen = RunView.of(history)
    open_calls = [
        PendingCall(event.index, event.call_id, "f", "{}", "function", item_id=event.item_id, client=event.tool)
        for event in history
        if isinstance(event, events.CallOpened)
    ]
    plan = Plan(included=list(answers.EVERYTHING), sequence=view.sequence)
    response = view.settled()
    known = {item.id for item in response.output}
    calls = [call for call in open_calls if call.item_id not in known]
    response = msgspec.json.decode(msgspec.json.encode(response), type=type(response))
    progress = Progress(plan=plan, calls=calls)
    return StoredRun("proj_a", None, 1, seen.run, progress, list(seen.steps), seen.message, response)


def rest(stored):
    """How a run that was taken up again ends."""
    if stored.run.status == "queued":
        yield events.RunStarted(AT)
    if not stored.progress.calls:
        yield events.MessageOpened("step_z", "msg_z", AT)
        yield from (events.TextDelta("Again"), events.TextDelta("."), events.MessageClosed(AT, USAGE))
    yield events.RunEnded("completed", AT, USAGE)


def test_an_assistants_event_produces_no_response_events():
    view, _ = played([histories.queued(histories.run()[0], response=answers.response())])
    assert view.apply(events.OutputsSubmitted({}, AT, USAGE)) == ()
    assert view.sequence == 1
