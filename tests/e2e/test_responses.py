"""Responses through the official client: whole, streamed, in the background, in chains, with tools, and refused."""

import base64
import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from e2e.assistants_client import on_both
from e2e.uploads import upload
from media.films import picture
from retrieval import documents
from serving import parse_events
from upstream import DROP, Gate, call, calls, deltas, fault, stalled, text
from waiting import eventually

MODEL = "gpt-4o"
PNG = picture((220, 30, 30))
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
PARIS = call("get_weather", call_id="call_a", city="Paris")
ROME = call("get_weather", call_id="call_b", city="Rome")
MEMBERS = [
    "id",
    "object",
    "created_at",
    "status",
    "background",
    "billing",
    "completed_at",
    "error",
    "frequency_penalty",
    "incomplete_details",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "model",
    "moderation",
    "output",
    "parallel_tool_calls",
    "presence_penalty",
    "previous_response_id",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tool_usage",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "usage",
    "user",
    "metadata",
]


def respond(client, asked="Hello", **parameters):
    return client.responses.create(model=MODEL, input=asked, **parameters)


def ended(client, response_id):
    response = None

    def is_over():
        nonlocal response
        response = client.responses.retrieve(response_id)
        return response.status not in {"queued", "in_progress"}

    eventually(is_over)
    return response


def asked_of(upstream):
    """The messages of the last request that the model got."""
    return [(one["role"], one["content"]) for one in upstream.requests[-1].body["messages"]]


def types(stream):
    return [event.type for event in stream]


def numbers(stream):
    return [event.sequence_number for event in stream]


@on_both
@pytest.mark.proves("responses.shape")
def test_a_response_is_created_stored_and_deleted(client, server, upstream):
    upstream.answer(text("Hi ", "there.", usage=(9, 3)))
    made = respond(client, instructions="Be brief.", metadata={"a": "b"}, max_output_tokens=100, user="u")
    assert (made.status, made.output_text, made.model) == ("completed", "Hi there.", MODEL)
    assert (made.usage.input_tokens, made.usage.output_tokens, made.usage.total_tokens) == (9, 3, 12)
    assert made.usage.input_tokens_details.to_dict() == {"cache_write_tokens": 0, "cached_tokens": 0}
    assert asked_of(upstream) == [("system", "Be brief."), ("user", "Hello")]
    reply = server.ask("GET", f"/responses/{made.id}")
    assert list(reply.json) == MEMBERS
    assert set(reply.json["output"][0]) == {"id", "type", "status", "content", "role"}
    assert client.responses.retrieve(made.id).to_dict() == made.to_dict()
    assert server.ask("DELETE", f"/responses/{made.id}").json == {
        "id": made.id,
        "object": "response.deleted",
        "deleted": True,
    }
    with pytest.raises(openai.NotFoundError, match=f"Response with id '{made.id}' not found"):
        client.responses.retrieve(made.id)


@pytest.mark.proves("responses.stream")
def test_a_stream_sends_each_part_in_order_and_numbers_every_event(client, upstream):
    upstream.answer(text("Hi ", "there."))
    events = list(respond(client, stream=True))
    assert types(events) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert numbers(events) == list(range(len(events)))
    assert events[0].response.output == []
    assert [one.delta for one in events[4:6]] == ["Hi ", "there."]
    assert events[-1].response.output_text == events[6].text == "Hi there."
    paid = {"billing": {"payer": "developer"}}
    assert client.responses.retrieve(events[0].response.id).to_dict() == events[-1].response.to_dict() | paid


def test_deltas_are_obfuscated_unless_disabled(client, upstream):
    upstream.always(text("Hi"))
    hidden = [event for event in respond(client, stream=True) if event.type == "response.output_text.delta"]
    assert all((len(event.delta) + len(event.obfuscation)) % 16 == 0 for event in hidden)
    plain = respond(client, stream=True, stream_options={"include_obfuscation": False})
    assert not any(hasattr(event, "obfuscation") for event in plain)


@on_both
@pytest.mark.proves("responses.chain")
def test_a_response_sends_the_history_of_its_previous_response(client, upstream):
    upstream.answer(text("One."), text("Two."), text("Three."))
    first = respond(client, "A", instructions="Only here.")
    second = respond(client, "B", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    assert asked_of(upstream) == [("user", "A"), ("assistant", "One."), ("user", "B")]
    # Another one that follows the first knows nothing of the second.
    respond(client, "C", previous_response_id=first.id)
    assert asked_of(upstream) == [("user", "A"), ("assistant", "One."), ("user", "C")]
    listed = client.responses.input_items.list(second.id, order="asc").data
    assert [(item.role, item.content[0].text) for item in listed] == [
        ("user", "A"),
        ("assistant", "One."),
        ("user", "B"),
    ]
    assert [item.type for item in listed] == ["message"] * 3


@on_both
def test_a_chain_continues_after_its_first_response_was_deleted(client, upstream):
    upstream.always(text("Yes."))
    first = respond(client, "A")
    second = respond(client, "B", previous_response_id=first.id)
    client.responses.delete(first.id)
    respond(client, "C", previous_response_id=second.id)
    assert [said for _, said in asked_of(upstream)] == ["A", "Yes.", "B", "Yes.", "C"]
    with pytest.raises(openai.BadRequestError) as refused:
        respond(client, "D", previous_response_id=first.id)
    assert refused.value.code == "previous_response_not_found"


def test_concurrent_responses_with_one_previous_response_do_not_share_items(client, upstream):
    upstream.always(text("Yes."))
    first = respond(client, "A")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: respond(client, f"B{n}", previous_response_id=first.id), range(16)))
    for number, response in enumerate(made):
        items = client.responses.input_items.list(response.id, order="asc").data
        assert [item.content[0].text for item in items] == ["A", "Yes.", f"B{number}"]


@on_both
@pytest.mark.proves("responses.functions")
def test_a_function_call_ends_the_response_and_its_output_begins_the_next(client, upstream):
    upstream.answer(calls(PARIS, ROME), text("Mild."))
    asking = respond(client, "Weather?", tools=[WEATHER])
    assert asking.status == "completed"
    assert [(one.type, one.call_id, one.name, json.loads(one.arguments)) for one in asking.output] == [
        ("function_call", "call_a", "get_weather", {"city": "Paris"}),
        ("function_call", "call_b", "get_weather", {"city": "Rome"}),
    ]
    with pytest.raises(openai.BadRequestError, match="No tool output found for function call call_b"):
        respond(client, [output("call_a")], previous_response_id=asking.id, tools=[WEATHER])
    done = respond(client, [output("call_a"), output("call_b")], previous_response_id=asking.id, tools=[WEATHER])
    assert done.output_text == "Mild."
    messages = upstream.requests[-1].body["messages"]
    assert [one["role"] for one in messages] == ["user", "assistant", "tool", "tool"]
    assert [one["id"] for one in messages[1]["tool_calls"]] == ["call_a", "call_b"]


def output(call_id, said="18"):
    return {"type": "function_call_output", "call_id": call_id, "output": said}


def test_function_calls_are_streamed_consecutively(client, upstream):
    upstream.answer(calls(PARIS, ROME))
    with client.responses.stream(model=MODEL, input="Weather?", tools=[WEATHER]) as stream:
        seen = [name for name, _ in itertools.groupby(event.type for event in stream)]
        final = stream.get_final_response()
    one = [
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
    ]
    assert seen == ["response.created", "response.in_progress", *one, *one, "response.completed"]
    assert [json.loads(call.arguments)["city"] for call in final.output] == ["Paris", "Rome"]


def test_the_whole_conversation_may_be_sent_by_the_client(client, upstream):
    upstream.answer(calls(PARIS), text("Mild."))
    asking = respond(client, "Weather?", tools=[WEATHER], store=False)
    items = [{"role": "user", "content": "Weather?"}, *[one.to_dict() for one in asking.output], output("call_a")]
    assert respond(client, items, tools=[WEATHER], store=False).output_text == "Mild."
    assert [one["role"] for one in upstream.requests[-1].body["messages"]] == ["user", "assistant", "tool"]
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(asking.id)
    with pytest.raises(openai.BadRequestError, match="No tool call found for function call output with call_id call_z"):
        respond(client, [output("call_z")])


def test_a_custom_tool_is_called_with_free_text(client, upstream):
    upstream.answer(calls(call("shell", call_id="call_a", input='ls "a b"\n')), text("Done."))
    tools = [{"type": "custom", "name": "shell", "description": "Runs a command."}]
    events = list(respond(client, "List.", tools=tools, stream=True))
    (asked,) = events[-1].response.output
    assert (asked.type, asked.name, asked.input) == ("custom_tool_call", "shell", 'ls "a b"\n')
    said = "".join(event.delta for event in events if event.type == "response.custom_tool_call_input.delta")
    assert said == asked.input
    result = {"type": "custom_tool_call_output", "call_id": "call_a", "output": [{"type": "input_text", "text": "x"}]}
    respond(client, [result], previous_response_id=events[-1].response.id, tools=tools)
    assert upstream.requests[-1].body["messages"][-1] == {"role": "tool", "tool_call_id": "call_a", "content": "x"}


def test_requested_reasoning_is_returned_and_sent_back_with_the_tool_calls(client, upstream):
    thought = ({"reasoning_content": "Let me "}, {"reasoning_content": "think."})
    asks = {"tool_calls": [{"index": 0, "id": "call_a", "function": {"name": "get_weather", "arguments": "{}"}}]}
    upstream.answer(deltas(*thought, asks, finish="tool_calls"), text("Mild."))
    asking = respond(
        client,
        "Weather?",
        tools=[WEATHER],
        reasoning={"effort": "low", "summary": "auto"},
        include=["reasoning.encrypted_content"],
    )
    reasoning, called = asking.output
    assert (reasoning.type, reasoning.summary[0].text, called.type) == ("reasoning", "Let me think.", "function_call")
    assert upstream.requests[-1].body["reasoning_effort"] == "low"
    history = [{"role": "user", "content": "Weather?"}, *[one.to_dict() for one in asking.output], output("call_a")]
    respond(client, history, tools=[WEATHER], store=False)
    assert upstream.requests[-1].body["messages"][1]["reasoning_content"] == "Let me think."


@pytest.mark.parametrize(("context", "given_back"), [(None, [False, True]), ("all_turns", [True, True])])
def test_reasoning_of_earlier_turns_is_replayed_with_the_context_all_turns(client, upstream, context, given_back):
    asks = {"tool_calls": [{"index": 0, "id": "call_a", "function": {"name": "get_weather", "arguments": "{}"}}]}
    upstream.always(deltas({"reasoning_content": "Hm."}, asks, finish="tool_calls"))
    made = respond(client, "Weather?", tools=[WEATHER])
    again = {"role": "user", "content": "And now?"}
    made = respond(client, [output("call_a"), again], tools=[WEATHER], previous_response_id=made.id)
    upstream.always(text("Mild."))
    reasoning = {} if context is None else {"context": context}
    made = respond(client, [output("call_a")], previous_response_id=made.id, reasoning={"effort": "low", **reasoning})
    calls = [one for one in upstream.requests[-1].body["messages"] if one.get("tool_calls")]
    assert ["reasoning_content" in one for one in calls] == given_back
    assert made.reasoning.context == (context or "current_turn")


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({}, {"context": None, "effort": None, "summary": None}),
        (
            {"effort": "low", "context": "auto", "mode": "pro", "generate_summary": "auto"},
            {"context": "current_turn", "effort": "low", "mode": "standard", "summary": "auto"},
        ),
    ],
)
def test_a_response_returns_the_effective_reasoning_settings(server, asked, shown):
    made = server.ask("POST", "/responses", {"model": MODEL, "input": "Hello", "reasoning": asked}).json
    assert list(made["reasoning"].items()) == list(shown.items())


def test_the_answer_may_be_bound_to_a_schema(client, upstream):
    upstream.answer(text('{"name": "Ada"}'))
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    made = respond(client, text={"format": {"type": "json_schema", "name": "person", "schema": schema}})
    assert upstream.requests[-1].body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "person", "schema": schema, "strict": True},
    }
    assert made.text.format.strict is True


# -- in the background -------------------------------------------------------------------------------------------


@on_both
@pytest.mark.proves("responses.background")
def test_a_response_in_the_background_is_answered_at_once_and_polled(client, upstream):
    gate = Gate()
    upstream.answer(text("Hi ", gate, "there."))
    queued = respond(client, background=True)
    assert (queued.status, queued.background, queued.output) == ("queued", True, [])
    gate.open()
    assert ended(client, queued.id).output_text == "Hi there."


@on_both
def test_cancelling_a_background_response_is_idempotent(client, upstream):
    upstream.always(stalled())
    made = respond(client, background=True)
    assert client.responses.cancel(made.id).status == "cancelled"
    assert client.responses.cancel(made.id).status == "cancelled"
    assert client.responses.retrieve(made.id).status == "cancelled"


@on_both
def test_a_response_cancelled_before_the_model_answers_costs_nothing(client, upstream):
    upstream.always(stalled())
    made = respond(client, background=True)
    client.responses.cancel(made.id)
    found = client.responses.retrieve(made.id)
    assert (found.status, found.usage, found.service_tier) == ("cancelled", None, "auto")


def test_a_synchronous_response_cannot_be_cancelled(client, upstream):
    upstream.answer(text("Hi."))
    made = respond(client)
    with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
        client.responses.cancel(made.id)


@pytest.mark.proves("responses.resumption")
def test_a_stream_resumes_after_any_of_its_events(client, upstream):
    upstream.answer(text(*[f"{number} " for number in range(100)]))
    events = list(respond(client, background=True, stream=True))
    assert types(events)[:3] == ["response.created", "response.queued", "response.in_progress"]
    response_id, last = events[0].response.id, events[-1].sequence_number
    whole = events[-1].response.output_text
    for after in (0, 2, 3, 4, 5, 40, 90, last - 1):
        rest = list(client.responses.retrieve(response_id, stream=True, starting_after=after))
        assert numbers(rest) == sorted(numbers(rest))
        assert numbers(rest)[0] > after
        assert rest[-1].sequence_number == last
        known = "".join(
            event.delta
            for event in (*[one for one in events if one.sequence_number <= after], *rest)
            if event.type == "response.output_text.delta"
        )
        assert known == whole
    assert list(client.responses.retrieve(response_id, stream=True, starting_after=last)) == []


def test_a_stream_is_replayed_from_the_database_after_a_restart(new_server, upstream):
    server = new_server().start()
    upstream.answer(text("Hi ", "there."))
    made = list(respond(server.client, background=True, stream=True))[-1].response
    server.stop()
    server.start()
    again = list(server.client.responses.retrieve(made.id, stream=True))
    assert again[-1].response.to_dict() == made.to_dict()
    assert [event.delta for event in again if event.type == "response.output_text.delta"] == ["Hi there."]


def test_a_stream_resumes_after_any_of_its_events_after_a_restart(new_server, upstream):
    server = new_server().start()
    upstream.answer(text("Hi ", "there, ", "all."), calls(PARIS, ROME))
    streams = [list(respond(server.client, background=True, stream=True, tools=[WEATHER])) for _ in range(2)]
    server.stop()
    server.start()
    for events in streams:
        whole = [event.to_dict() for event in events]
        for place, event in enumerate(events[:-1]):
            path = f"/v1/responses/{events[0].response.id}?stream=true&starting_after={event.sequence_number}"
            rest = [data for _, data in parse_events(server.ask("GET", path).body)]
            assert rest[-1] == whole[-1]
            assert [one["sequence_number"] for one in rest] == sorted({one["sequence_number"] for one in rest})
            assert join_deltas([*whole[: place + 1], *rest]) == join_deltas(whole)


def join_deltas(stream):
    """The stream without its numbers, with neighbouring deltas as one."""
    joined = []
    for event in stream:
        plain = {name: value for name, value in event.items() if name not in {"sequence_number", "obfuscation"}}
        if "delta" in event and joined and joined[-1]["type"] == event["type"]:
            joined[-1] = {**plain, "delta": joined[-1]["delta"] + event["delta"]}
        else:
            joined.append(plain)
    return joined


@pytest.mark.parametrize("count", [3, 6])
def test_a_response_is_completed_by_the_server_started_after_a_kill(new_server, upstream, count):
    server = new_server().start()
    gate = Gate()
    upstream.answer(text("One ", "two ", gate), text("One ", "two ", "three."))
    stream = respond(server.client, background=True, stream=True)
    seen = list(itertools.islice(stream, count))
    upstream.wait_for(1)
    server.kill()
    server.start()
    done = ended(server.client, seen[0].response.id)
    assert (done.status, done.output_text, len(done.output)) == ("completed", "One two three.", 1)


# -- what goes wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "raised"),
    [(429, openai.RateLimitError), (400, openai.BadRequestError), (500, openai.InternalServerError)],
)
def test_a_provider_error_is_raised_if_synchronous_and_stored_if_in_the_background(client, upstream, status, raised):
    upstream.always(fault(status, "Not today."))
    with pytest.raises(raised):
        client.with_options(max_retries=0).responses.create(model=MODEL, input="Hello")
    failed = ended(client, respond(client, background=True).id)
    assert failed.status == "failed"
    assert failed.error.message
    last = list(respond(client, stream=True))[-1]
    assert (last.type, last.response.status) == ("response.failed", "failed")


def test_an_answer_that_is_cut_is_incomplete(client, upstream):
    upstream.answer(text("Hi", finish="length"))
    made = respond(client, max_output_tokens=16)
    assert (made.status, made.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert made.output[0].status == "incomplete"


@pytest.mark.parametrize(
    ("body", "status", "param", "code"),
    [
        ({}, 400, None, "missing_required_parameter"),
        ({"input": "x", "foo": 1}, 400, "foo", "unknown_parameter"),
        ({"messages": []}, 400, "messages", "unsupported_parameter"),
        ({"input": "x", "previous_response_id": "resp_x", "conversation": "conv_x"}, 400, None, ...),
        ({"input": "x", "previous_response_id": "resp_x"}, 400, "previous_response_id", "previous_response_not_found"),
        ({"input": "x", "conversation": "conv_x"}, 404, None, None),
        ({"input": "x", "conversation": "thread_x"}, 400, "conversation", "invalid_value"),
        ({"input": "x", "max_output_tokens": 15}, 400, "max_output_tokens", "integer_below_min_value"),
        ({"input": "x", "max_tool_calls": 0}, 400, "max_tool_calls", "integer_below_min_value"),
        ({"input": "x", "background": True, "store": False}, 400, "background", ...),
        ({"input": [{"type": "nothing"}]}, 400, "input[0].type", "invalid_value"),
        ({"input": [{"role": "user", "content": [{"type": "text"}]}]}, 400, "input[0].content[0].type", ...),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, 400, "input[0].content[0]", ...),
        ({"input": [{"type": "item_reference", "id": "msg_x"}]}, 404, "input", None),
        ({"input": "x", "tools": [{"type": "web_search"}]}, 400, "tools[0].type", "unsupported_tool"),
        ({"input": "x", "tools": [{"type": "file_search", "vector_store_ids": ["vs_x"]}]}, 404, None, None),
        ({"input": "x", "tools": [{"type": "file_search", "vector_store_ids": []}]}, 400, ..., ...),
        ({"input": "x", "include": ["nothing"]}, 400, "include[0]", "invalid_value"),
        ({"input": "x", "model": "nobody/has-this"}, 400, "model", "model_not_found"),
        ({"input": "x", "prompt": {"id": "x"}}, 400, "prompt.id", "invalid_value"),
    ],
)
@pytest.mark.proves("responses.refusals")
def test_bad_requests_are_refused_with_the_place_of_the_fault(server, body, status, param, code):
    reply = server.ask("POST", "/responses", {"model": MODEL, **body})
    assert reply.status == status, reply.body
    error = reply.json["error"]
    assert param in {..., error["param"]}
    assert code in {..., error["code"]}
    assert error["message"]


def test_input_token_counts_include_history_and_tools(client, upstream):
    upstream.always(text("Yes."))
    alone = client.responses.input_tokens.count(model=MODEL, input="Hello there").input_tokens
    made = respond(client, "Some words that were said before.")
    more = client.responses.input_tokens.count(model=MODEL, input="Hello there", previous_response_id=made.id)
    tools = client.responses.input_tokens.count(model=MODEL, input="Hello there", tools=[WEATHER])
    assert 0 < alone < more.input_tokens
    assert alone < tools.input_tokens


# -- what models are shown ---------------------------------------------------------------------------------------


@pytest.mark.proves("responses.inputs")
def test_images_and_documents_reach_the_model(client, server, upstream):
    upstream.always(text("Yes."))
    image = upload(server, PNG, "vision", "a.png")["id"]
    page = upload(server, documents.pdf(["Pizza for Travis."]), "user_data", "food.pdf")["id"]
    inline = "data:application/pdf;base64," + base64.b64encode(documents.pdf(["Tacos for Ada."])).decode()
    content = [
        {"type": "input_text", "text": "Look:"},
        {"type": "input_image", "file_id": image, "detail": "low"},
        {"type": "input_image", "image_url": "https://images.example/cat.png"},
        {"type": "input_file", "file_id": page},
        {"type": "input_file", "filename": "more.pdf", "file_data": inline},
    ]
    made = respond(client, [{"role": "user", "content": content}])
    for response in (made, respond(client, "And?", previous_response_id=made.id)):
        assert response.status == "completed"
        (seen, *_) = upstream.requests[-1].body["messages"]
        words, own, foreign, first, second = seen["content"]
        assert words == {"type": "text", "text": "Look:"}
        encoded = "data:image/png;base64," + base64.b64encode(PNG).decode()
        assert own == {"type": "image_url", "image_url": {"url": encoded, "detail": "low"}}
        assert foreign["image_url"]["url"] == "https://images.example/cat.png"
        assert "food.pdf" in first["text"]
        assert "Pizza for Travis." in first["text"]
        assert "Tacos for Ada." in second["text"]


def test_an_unreadable_document_is_sent_as_a_note(client, upstream):
    upstream.answer(text("No."))
    broken = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}
    respond(client, [{"role": "user", "content": [{"type": "input_text", "text": "What?"}, broken]}])
    assert "'a.pdf' cannot be read" in upstream.requests[-1].body["messages"][0]["content"][1]["text"]


def test_a_dropped_upstream_fails_the_response_and_preserves_its_partial_text(client, upstream):
    upstream.answer(text("Hi ", DROP))
    events = list(respond(client, stream=True))
    assert (events[-1].type, events[-1].response.error.code) == ("response.failed", "server_error")
    (cut,) = events[-1].response.output
    assert (cut.status, cut.content[0].text) == ("incomplete", "Hi ")
    assert numbers(events) == list(range(len(events)))
    assert client.responses.retrieve(events[0].response.id).output[0].to_dict() == cut.to_dict()


@on_both
def test_thousands_of_parts_and_items_are_stored_and_sent_in_order(client, upstream):
    numbers = range(3000)
    parts = [{"type": "input_text", "text": f"{number} "} for number in numbers]
    items = [{"role": "user", "content": f"{number}"} for number in range(1200)]
    made = respond(client, [{"role": "user", "content": parts}])
    # Text parts are one text for the model.
    content = upstream.requests[-1].body["messages"][0]["content"]
    joined = content if isinstance(content, str) else "".join(part["text"] for part in content)
    assert joined == "".join(part["text"] for part in parts)
    (stored,) = client.responses.input_items.list(made.id).data
    assert [part.text for part in stored.content] == [part["text"] for part in parts]
    conversation = client.conversations.create()
    respond(client, items, conversation=conversation.id)
    assert [one["content"] for one in upstream.requests[-1].body["messages"]] == [one["content"] for one in items]
    newest = client.conversations.items.list(conversation.id, limit=2).data
    assert [one.role for one in newest] == ["assistant", "user"]
    assert newest[1].content[0].text == "1199"
