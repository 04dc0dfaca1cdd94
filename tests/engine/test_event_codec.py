"""Events for other processes: whatever a log has, both views render the same of it there."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import answers, histories
from understudy.engine.run import events
from understudy.engine.run.event_codec import EventCodec
from understudy.engine.run.log import RunLog
from understudy.engine.views.frames import ResponseEncoder, RunEncoder
from understudy.engine.views.origins import decode_origin
from understudy.engine.views.response_replay import response_events
from understudy.engine.views.responses import ResponseView
from understudy.wire.client_items import LocalShellCall

CODEC = EventCodec(decode_origin)


def frames_of(encoder, history):
    return [encoder.encode(event) for event in history]


def new_response_encoder():
    return ResponseEncoder(answers.EVERYTHING)


@given(histories.histories())
def test_a_run_renders_the_same_after_encoding_and_decoding(history):
    decoded = CODEC.decode(CODEC.encode(history))
    assert frames_of(RunEncoder(), decoded) == frames_of(RunEncoder(), history)


@given(answers.histories_of())
def test_a_response_renders_the_same_after_encoding_and_decoding(history):
    decoded = CODEC.decode(CODEC.encode(history))
    assert frames_of(new_response_encoder(), decoded) == frames_of(new_response_encoder(), history)


@given(answers.histories_of())
def test_a_replayed_response_renders_the_same_after_encoding_and_decoding(history):
    view = ResponseView(answers.EVERYTHING)
    for event in history:
        view.apply(event)
    replayed = list(response_events(view.response))
    decoded = CODEC.decode(CODEC.encode(replayed))
    assert frames_of(new_response_encoder(), decoded) == frames_of(new_response_encoder(), replayed)


@given(histories.histories(), st.booleans())
def test_a_log_keeps_its_numbers_and_divides_merged_texts_as_before(history, compact):
    encoder, filling = RunEncoder(), RunLog(RunEncoder)
    for event in history:
        filling.append(event, encoder.encode(event))
    if compact:
        filling.compact()
    entries = list(filling.entries())
    decoded = CODEC.decode_entries(CODEC.encode_entries(entries))
    assert [(entry.number, entry.first, entry.ends) for entry in decoded] == [
        (entry.number, entry.first, entry.ends) for entry in entries
    ]
    for after in range(len(history)):
        parts = [list(entry.parts(after, after)) for entry in decoded if entry.number > after]
        assert [[(number, msgspec.json.encode(event)) for number, event in part] for part in parts] == [
            [(number, msgspec.json.encode(event)) for number, event in entry.parts(after, after)]
            for entry in entries
            if entry.number > after
        ]


def test_the_item_of_a_client_call_is_decoded():
    item = msgspec.convert(
        {
            "id": "lsh_1",
            "type": "local_shell_call",
            "call_id": "call_1",
            "status": "completed",
            "action": {"type": "exec", "command": ["ls"], "env": {}},
        },
        LocalShellCall,
    )
    (decoded,) = CODEC.decode(CODEC.encode([events.CallRendered(item)]))
    assert decoded == events.CallRendered(item)


def test_an_event_of_a_newer_version_is_passed_on_unchanged():
    newer = msgspec.msgpack.encode({"event": "thought_of_later", "depth": 3})
    body = msgspec.msgpack.encode([{"event": "text_delta", "text": "Hi"}, msgspec.Raw(newer)])
    decoded = CODEC.decode(body)
    assert decoded == [events.TextDelta("Hi"), events.UnknownEvent(newer)]
    assert msgspec.msgpack.decode(CODEC.encode(decoded)) == msgspec.msgpack.decode(body)
    assert RunEncoder().encode(decoded[1]) == ()
    assert ResponseEncoder().encode(decoded[1]) == ()


@pytest.mark.parametrize("body", [b"\xff", msgspec.msgpack.encode({"a": 1}), msgspec.msgpack.encode([{"text": "x"}])])
def test_other_data_is_refused(body):
    with pytest.raises(msgspec.MsgspecError):
        CODEC.decode(body)
