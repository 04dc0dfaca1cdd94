"""What programs were recorded doing with responses and conversations, done again: answers of the same shape."""

import pytest

from conformance import response_shapes as shapes
from conformance.conftest import asker
from conformance.response_shapes import (
    FUNCTION,
    answer,
    asked,
    begun,
    in_conversation,
    items,
    output_text,
    response,
    streamed,
)
from conformance.shapes import Id, assert_events, assert_shape
from e2e.uploads import upload
from sandbox.machine import interpreter, require_sandbox
from serving import Server, serve
from upstream import call, calls, deltas, fault, text
from waiting import eventually

PDF = "data:application/pdf;base64,JVBERi0xLjQKJSVFT0Y="


def create(ask, shape, *said, status=200, **members):
    given = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": one}]} for one in said]
    return ask("POST", "/responses", {"model": "gpt-4o", "input": given, **members}, shape, status)


@pytest.fixture(scope="module")
def tooled(session_upstream, tmp_path_factory):
    """A server that can run code."""
    require_sandbox()
    directory = tmp_path_factory.mktemp("tooled")
    yield from serve(Server(directory, session_upstream.url, sandbox__python=interpreter()))


@pytest.mark.proves("responses.shape")
def test_a_response_is_made_and_read(ask, upstream):
    upstream.answer(text("It is a test."))
    shape = response(answer(output_text("It is a test.")))
    made = create(ask, shape, "This is a test.")
    assert ask("GET", f"/responses/{made['id']}", None, shape) == made
    assert ask("GET", f"/responses/{made['id']}?include[]=message.input_image.image_url", None, shape) == made


@pytest.mark.parametrize("role", ["developer", "system"])
def test_instructions_may_come_as_items(ask, upstream, role):
    upstream.answer(text("Arr."))
    first = {"type": "message", "role": role, "content": [{"type": "input_text", "text": "Be a pirate."}]}
    second = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
    made = create(ask, response(answer(output_text("Arr."))), input=[first, second])
    page = items(asked("Hello"), asked("Be a pirate.", role=role))
    ask("GET", f"/responses/{made['id']}/input_items", None, page)


@pytest.mark.proves("responses.input_items")
def test_input_items_are_paged(ask, upstream):
    upstream.answer(text("Yes."))
    parts = [
        {"type": "input_text", "text": "What is that?"},
        {"type": "input_file", "filename": "food.pdf", "file_data": PDF},
        {"type": "input_image", "image_url": "https://images.example/cat.png"},
    ]
    given = [{"type": "message", "role": "user", "content": parts}]
    given += [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": f"Item {n}"}]} for n in (2, 3, 4)
    ]
    made = create(ask, None, input=given)
    path = f"/responses/{made['id']}/input_items"
    first = asked(
        "What is that?",
        {"type": "input_file", "file_id": None, "filename": "food.pdf"},
        {"type": "input_image", "detail": "auto", "file_id": None, "image_url": None},
    )
    page = ask("GET", f"{path}?limit=2&order=asc", None, items(first, asked("Item 2"), has_more=True))
    ask("GET", f"{path}?limit=2&order=asc&after={page['last_id']}", None, items(asked("Item 3"), asked("Item 4")))
    page = ask("GET", f"{path}?limit=2", None, items(asked("Item 4"), asked("Item 3"), has_more=True))
    ask("GET", f"{path}?limit=2&after={page['last_id']}", None, items(asked("Item 2"), first))


def test_a_function_is_called_and_its_output_sent(ask, upstream):
    arguments = '{"place":"San Francisco"}'
    upstream.answer(calls(call("get_weather", raw_arguments=arguments)), text("Mild."))
    made = create(ask, response(shapes.function_call(arguments), tools=[FUNCTION]), "What to wear?", tools=[FUNCTION])
    output = {"type": "function_call_output", "call_id": made["output"][0]["call_id"], "output": "22 degrees"}
    follows = {"previous_response_id": made["id"], "tools": [FUNCTION]}
    shape = response(answer(output_text("Mild.")), **follows)
    done = create(ask, shape, input=[output], **follows)
    page = items(shapes.function_call_output("22 degrees"), shapes.function_call(arguments), asked("What to wear?"))
    ask("GET", f"/responses/{done['id']}/input_items", None, page)


def test_a_truncated_response_has_its_reason(ask, upstream):
    upstream.answer(text("Mango", finish="length"))
    cut = answer(output_text("Mango"), status="incomplete")
    details = {"reason": "max_output_tokens"}
    shape = response(cut, status="incomplete", completed_at=None, incomplete_details=details, max_output_tokens=20)
    create(ask, shape, "Three haikus", max_output_tokens=20)


def test_a_schema_is_echoed_with_its_omitted_members(ask, upstream):
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    upstream.answer(text('{"a": "b"}'))
    shown = {"type": "json_schema", "description": None, "name": "list", "schema": schema, "strict": True}
    shape = response(answer(output_text('{"a": "b"}')), text={"format": shown, "verbosity": "medium"})
    create(ask, shape, "Write JSON", text={"format": {"type": "json_schema", "name": "list", "schema": schema}})


def test_reasoning_is_an_item_that_may_be_sealed(ask, upstream):
    thinks = deltas({"reasoning_content": "Hm."}, {"content": "Hello"})
    upstream.answer(thinks, thinks)
    said = answer(output_text("Hello"))
    effort = {"reasoning": {"effort": "medium"}}
    shown = {"reasoning": {"context": "current_turn", "effort": "medium", "mode": "standard", "summary": None}}
    create(ask, response(shapes.reasoning(), said, **shown), "Hello", **effort)
    sealed = response(shapes.reasoning(encrypted_content=str), said, store=False, **shown)
    create(ask, sealed, "Hello", include=["reasoning.encrypted_content"], store=False, **effort)


def test_members_for_the_provider_alone_are_echoed(ask, upstream):
    upstream.answer(text("Hello!"))
    given = {"prompt_cache_key": "key", "prompt_cache_retention": "24h", "metadata": {"a": "b"}, "user": "u"}
    given |= {"safety_identifier": "s", "temperature": 0.5, "top_p": 0.9, "truncation": "auto"}
    given |= {"max_tool_calls": 3, "parallel_tool_calls": False, "instructions": "Be brief.", "top_logprobs": 0}
    # Which tier was used is known at the end; this server has but one.
    create(
        ask,
        response(answer(output_text("Hello!")), **given, service_tier="default"),
        "Hello",
        **given,
        service_tier="flex",
    )


@pytest.mark.proves("conversations.shape")
def test_a_conversation_is_made_changed_and_deleted(ask):
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "tell me a joke"}]}

    def shape(**metadata):
        return {"id": Id("conv"), "object": "conversation", "created_at": int, "metadata": metadata}

    made = ask("POST", "/conversations", {"metadata": {"topic": "test"}, "items": [item]}, shape(topic="test"))
    path = f"/conversations/{made['id']}"
    ask("GET", path, None, shape(topic="test"))
    ask("POST", path, {"metadata": {"topic": "new", "purpose": "test"}}, shape(topic="new", purpose="test"))
    ask("DELETE", path, None, {"id": made["id"], "object": "conversation.deleted", "deleted": True})


def test_a_response_is_added_to_its_conversation(ask, upstream):
    upstream.answer(text("Why?"))
    first = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be helpful."}]}
    made = ask("POST", "/conversations", {"items": [first]})
    said = answer(output_text("Why?"))
    create(ask, in_conversation(response(said), made["id"]), "A joke.", conversation={"id": made["id"]})
    page = items(said, asked("A joke."), asked("Be helpful.", role="system"))
    ask("GET", f"/conversations/{made['id']}/items", None, page)


@pytest.mark.proves("responses.tokens")
def test_tokens_are_counted(ask):
    shape = {"object": "response.input_tokens", "input_tokens": int}
    ask("POST", "/responses/input_tokens", {"model": "gpt-4o", "input": "Tell me a joke."}, shape)


# -- streams -----------------------------------------------------------------------------------------------------


def streamed_events(server, *said, **members):
    return server.events("/v1/responses", {"model": "gpt-4o", "input": " ".join(said), "stream": True, **members})


@pytest.mark.proves("responses.stream")
def test_an_answer_is_streamed(server, upstream):
    upstream.answer(text("As ", "of now."))
    assert_events(
        streamed_events(server, "Weather?"),
        shapes.event("created", response=begun()),
        shapes.event("in_progress", response=begun()),
        *shapes.said("As ", "of now."),
        shapes.event("completed", response=streamed(answer(output_text("As of now.")))),
    )


def test_a_stream_in_the_background_begins_queued_and_hides_no_lengths(server, upstream):
    upstream.answer(text("Once."))
    background = {"background": True}
    assert_events(
        streamed_events(server, "A story.", background=True),
        shapes.event("created", response=begun("queued", **background)),
        shapes.event("queued", response=begun("queued", **background)),
        shapes.event("in_progress", response=begun(**background)),
        *shapes.said("Once.", obfuscated=False),
        shapes.event("completed", response=streamed(answer(output_text("Once.")), **background)),
    )


def test_calls_are_streamed(server, upstream):
    arguments = '{"place":"Rome"}'
    upstream.answer(calls(call("get_weather", raw_arguments=arguments, pieces=1)))
    assert_events(
        streamed_events(server, "Weather?", tools=[FUNCTION]),
        shapes.event("created", response=begun(tools=[FUNCTION])),
        shapes.event("in_progress", response=begun(tools=[FUNCTION])),
        *shapes.called(arguments),
        shapes.event("completed", response=streamed(shapes.function_call(arguments), tools=[FUNCTION])),
    )


def test_code_is_streamed_as_it_is_written_and_run(tooled, upstream):
    code = "import math\nmath.factorial(5)"
    upstream.answer(calls(call("code_interpreter", code=code, pieces=1)), text("It is 120."))
    tools = [{"type": "code_interpreter", "container": {"type": "auto"}}]
    place = {"item_id": shapes.long_id("ci"), "output_index": 0}
    ran = shapes.code_call(code=code)
    found = streamed_events(tooled, "Factorial?", tools=tools)
    assert_events(
        [one for one in found if one[0] != "response.code_interpreter_call_code.delta"],
        shapes.event("created", response=begun(tools=tools)),
        shapes.event("in_progress", response=begun(tools=tools)),
        shapes.item("added", 0, shapes.code_call(code="", status="in_progress")),
        shapes.event("code_interpreter_call.in_progress", **place),
        shapes.event("code_interpreter_call_code.done", code=code, **place),
        shapes.event("code_interpreter_call.interpreting", **place),
        shapes.event("code_interpreter_call.completed", **place),
        shapes.item("done", 0, ran),
        *shapes.said("It is 120.", index=1),
        shapes.event("completed", response=streamed(ran, answer(output_text("It is 120.")), tools=tools)),
    )
    written = [data for name, data in found if name == "response.code_interpreter_call_code.delta"]
    assert "".join(data["delta"] for data in written) == code
    for data in written:
        assert_shape(data, shapes.event("code_interpreter_call_code.delta", delta=str, obfuscation=str, **place)[1])


def test_code_runs_in_the_container_that_was_named(tooled, upstream):
    ask = asker(tooled)
    container = ask("POST", "/containers", {"name": "mine"})["id"]
    upstream.answer(calls(call("code_interpreter", code="120")), text("120"))
    tools = [{"type": "code_interpreter", "container": container}]
    ran = shapes.code_call(code="120", container_id=container)
    create(ask, response(ran, answer(output_text("120")), tools=tools), "Factorial?", tools=tools)


def test_files_are_searched_and_cited(tooled, upstream):
    ask = asker(tooled)
    file = upload(tooled, b"Travis's favorite food is pizza.", "user_data", "food.txt")["id"]
    store = ask("POST", "/vector_stores", {"file_ids": [file]})["id"]
    eventually(lambda: ask("GET", f"/vector_stores/{store}")["file_counts"]["completed"] == 1)
    tool = {"type": "file_search", "vector_store_ids": [store]}
    shown = {
        "type": "file_search",
        "filters": None,
        "max_num_results": 20,
        "ranking_options": {"ranker": "auto", "score_threshold": 0.0},
        "vector_store_ids": [store],
    }
    upstream.answer(calls(call("file_search", queries=["favorite food"])), text("Pizza【1:0†food.txt】."))
    citation = {"type": "file_citation", "file_id": file, "filename": "food.txt", "index": 5}
    said = answer(output_text("Pizza.", citation))
    search = shapes.search_call(queries=["favorite food"])
    made = create(ask, response(search, said, tools=[shown]), "What food?", tools=[tool])
    ask("GET", f"/responses/{made['id']}/input_items", None, items(asked("What food?")))
    upstream.answer(calls(call("file_search", queries=["favorite food"])), text("Pizza."))
    passage = {"vector_store_id": store, "chunk_index": 0}
    result = {"attributes": {}, "file_id": file, "filename": "food.txt", "score": float, "text": str, **passage}
    found = response(
        shapes.search_call(queries=["favorite food"], results=[result]), answer(output_text("Pizza.")), tools=[shown]
    )
    create(ask, found, "What food?", tools=[tool], include=["file_search_call.results"])


@pytest.mark.proves("responses.compact")
def test_a_conversation_is_made_short(ask, upstream):
    upstream.answer(text("A landing page."), text("They have a page."), text("Yes."))
    made = create(ask, None, "Create a page.")
    long = [{"role": "user", "content": "Create a page."}, *made["output"]]
    item = {"id": shapes.long_id("cmp"), "type": "compaction", "encrypted_content": str}
    shape = {
        "id": shapes.long_id("resp"),
        "object": "response.compaction",
        "created_at": int,
        "output": [asked("Create a page."), item],
        "usage": shapes.USAGE,
    }
    short = ask("POST", "/responses/compact", {"model": "gpt-4o", "input": long}, shape)
    assert [one["role"] for one in upstream.requests[-1].body["messages"]] == ["system", "user", "assistant", "user"]
    create(ask, None, input=[*short["output"], {"role": "user", "content": "And?"}])
    told = upstream.requests[-1].body["messages"]
    assert [one["role"] for one in told] == ["user", "system", "user"]
    assert "They have a page." in told[1]["content"]
    ask("GET", f"/responses/{short['id']}", status=404)


def test_a_previous_response_is_compacted_with_the_input(ask, upstream):
    upstream.always(text("Yes."))
    first = create(ask, None, "One")
    second = create(ask, None, "Two", previous_response_id=first["id"])
    short = ask("POST", "/responses/compact", {"model": "gpt-4o", "previous_response_id": second["id"]})
    assert [one.get("content", [{}])[0].get("text") for one in short["output"]] == ["One", "Two", None]
    assert [one["role"] for one in upstream.requests[-1].body["messages"]][1:] == ["user", "assistant"] * 2 + ["user"]
    upstream.always(fault(400, "No."))
    ask("POST", "/responses/compact", {"model": "gpt-4o", "input": "x"}, status=400)
    ask("POST", "/responses/compact", {"model": "gpt-4o"}, status=400)
