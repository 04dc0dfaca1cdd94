"""Compaction of contexts: above a threshold and on request, and what is sent to the model afterwards."""

import json

import openai
import pytest

from e2e.assistants_client import on_both
from upstream import Gate, call, calls, fault, text

MODEL = "gpt-4o"
LONG = "The boat of Ines is red. " * 300
COMPACTS = [{"type": "compaction", "compact_threshold": 1000}]


def respond(client, asked, **parameters):
    return client.responses.create(**{"model": MODEL, "input": asked, "context_management": COMPACTS, **parameters})


def user(said):
    return {"role": "user", "content": said}


def told(upstream, number=-1):
    return [(one["role"], one["content"]) for one in upstream.requests[number].body["messages"]]


@on_both
@pytest.mark.proves("responses.context")
def test_a_context_above_the_threshold_is_compacted_before_the_model_is_called(client, upstream):
    upstream.answer(text("Ines has a ", "red boat.", usage=(2000, 7)), text("Red.", usage=(50, 2)))
    history = [user(LONG), {"role": "assistant", "content": "I see."}, user("Which colour?")]
    events = list(respond(client, history, stream=True, instructions="Be brief."))
    assert [event.type for event in events][:6] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.compaction.compacting",
        "response.output_item.done",
        "response.output_item.added",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    made = events[-1].response
    assert [item.type for item in made.output] == ["compaction", "message"]
    assert made.output_text == "Red."
    assert (made.usage.input_tokens, made.usage.output_tokens) == (2050, 9)
    summarised = told(upstream, 0)
    assert ("user", LONG) in summarised
    assert summarised[-1][0] == "user"
    assert told(upstream) == [
        ("system", "Be brief."),
        ("system", "Summary of the conversation so far:\nInes has a red boat."),
        ("user", "Which colour?"),
    ]
    # What follows is told no more of what came before, and a client may leave it out just as well.
    expected = [*told(upstream)[1:], ("assistant", "Red."), ("user", "Sure?")]
    upstream.always(text("Yes."))
    respond(client, "Sure?", previous_response_id=made.id)
    assert told(upstream) == expected
    respond(client, [*(item.to_dict() for item in made.output), user("Sure?")], store=False)
    assert told(upstream) == expected
    items = client.responses.input_items.list(respond(client, "Sure?", previous_response_id=made.id).id).data
    assert "compaction" in [item.type for item in items]


def test_a_context_below_the_threshold_stays_as_it_is(client, upstream):
    upstream.answer(text("Hi."))
    made = respond(client, "Hello")
    assert [item.type for item in made.output] == ["message"]
    assert len(upstream.requests) == 1


def test_tool_calls_continue_after_a_compaction(client, upstream):
    tool = {"type": "function", "name": "paint", "parameters": {"type": "object", "properties": {}}, "strict": False}
    upstream.answer(text("Ines has a red boat."), calls(call("paint", call_id="call_a")), text("Done."))
    made = respond(client, [user(LONG), user("Paint it.")], tools=[tool])
    assert [item.type for item in made.output] == ["compaction", "function_call"]
    # Calls in a history need their tools; no other is to be made for the summary.
    assert upstream.requests[0].body["tool_choice"] == "none"
    output = {"type": "function_call_output", "call_id": "call_a", "output": "painted"}
    done = respond(client, [output], tools=[tool], previous_response_id=made.id)
    assert done.output_text == "Done."
    assert [role for role, _ in told(upstream)] == ["system", "user", "assistant", "tool"]


def test_input_over_the_context_window_is_compacted_without_a_threshold(client, upstream):
    upstream.answer(text("Many words."), text("Ten."))
    long = [user(f"{number} " + "word " * 14_000) for number in range(10)]
    made = respond(client, [*long, user("How many?")], context_management=[{"type": "compaction"}])
    assert [item.type for item in made.output] == ["compaction", "message"]
    assert told(upstream) == [("system", "Summary of the conversation so far:\nMany words."), ("user", "How many?")]


def test_a_summary_that_fails_fails_the_response(client, upstream):
    upstream.answer(fault(400, "No."))
    with pytest.raises(openai.BadRequestError, match="No"):
        respond(client, [user(LONG), user("Which colour?")])
    upstream.answer(text(""))
    with pytest.raises(openai.APIError, match="no summary"):
        respond(client, [user(LONG), user("Which colour?")])


def test_a_background_response_can_be_cancelled_during_compaction(client, upstream):
    upstream.answer(text(Gate(), "never"))
    made = respond(client, [user(LONG), user("Which colour?")], background=True)
    upstream.wait_for(1)
    assert client.responses.cancel(made.id).status == "cancelled"


@pytest.mark.proves("responses.context")
def test_a_trigger_makes_the_context_shorter_and_nothing_else(client, upstream):
    upstream.answer(text("Hi, Ines."), text("They greeted each other."))
    first = respond(client, "I am Ines.", context_management=None)
    events = list(respond(client, [{"type": "compaction_trigger"}], previous_response_id=first.id, stream=True))
    made = events[-1].response
    assert (events[-1].type, [item.type for item in made.output]) == ("response.completed", ["compaction"])
    assert made.usage.output_tokens == 3
    upstream.answer(text("Ines."))
    respond(client, [made.output[0].to_dict(), user("Who am I?")], store=False)
    assert told(upstream) == [
        ("system", "Summary of the conversation so far:\nThey greeted each other."),
        ("user", "I am Ines."),
        ("user", "Who am I?"),
    ]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/responses", {"model": MODEL, "input": [{"type": "compaction_trigger"}, user("x")]}, "input[0]"),
        ("/conversations", {"items": [{"type": "compaction_trigger"}]}, "items[0]"),
    ],
)
def test_a_trigger_anywhere_else_is_refused(server, path, body, param):
    reply = server.ask("POST", path, body)
    assert (reply.status, reply.json["error"]["param"]) == (400, param)


@pytest.mark.parametrize("content", ["gAAAAABoxyz", "us1.????", "ctx.us1.AAAA", None])
def test_a_compaction_of_another_server_is_refused(server, upstream, content):
    item = {"type": "compaction", "encrypted_content": content}
    reply = server.ask("POST", "/responses", {"model": MODEL, "input": [item, user("Hello")]})
    error = reply.json["error"]
    assert (reply.status, error["code"]) == (400, "invalid_encrypted_content")
    assert error["param"] == "input[0].encrypted_content"
    assert upstream.requests == []


def test_reasoning_of_another_server_is_left_out(client, upstream):
    upstream.answer(text("Hi."))
    reasoning = {"type": "reasoning", "summary": [], "encrypted_content": "gAAAAABoxyz"}
    respond(client, [reasoning, {"role": "assistant", "content": "Yes?"}, user("Hello")])
    assert "gAAAA" not in json.dumps(upstream.requests[-1].body)
