"""Responses under faults: crashes, races, deletion while in progress, and input over the context window."""

import asyncio
import contextlib
import json
import time

import openai
import pytest

from e2e.test_crashes import PIECES, slowly
from e2e.test_responses import MODEL, PARIS, WEATHER, ended, numbers, output, respond, types
from e2e.uploads import upload
from sandbox.machine import interpreter, require_sandbox
from upstream import HANG, Gate, call, calls, text
from waiting import WITHIN, eventually

ANSWER = "".join(PIECES)
SEARCH = call("file_search", queries=["food"])
CODE = call("code_interpreter", code="6 * 7")
SAID = {"role": "user", "content": "Hello"}


def stream_until(server, count, **body):
    """The first events of a response in the background, up to the moment at which the server is killed."""
    asked = {"model": MODEL, "input": "Hello", "background": True, "stream": True, **body}
    seen = []
    with server.opened("POST", "/v1/responses", asked) as response:
        while len(seen) < count and (line := response.readline().decode()):
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: ")))
        server.kill()
    return seen


def check_after_crash(server, seen, items):
    """It is over once, says what it should, and whoever comes back hears what is missing."""
    client, response_id, last = server.client, seen[0]["response"]["id"], seen[-1]["sequence_number"]
    rest = list(client.responses.retrieve(response_id, stream=True, starting_after=last))
    done = ended(client, response_id)
    assert done.status == "completed"
    assert [item.type for item in done.output] == items
    assert len({item.id for item in done.output}) == len(items)
    if rest:  # all of it was heard already, else
        assert numbers(rest) == sorted({*numbers(rest)})
        assert numbers(rest)[0] > last
        assert rest[-1].response.to_dict()["output"] == done.to_dict()["output"]
        stream = [*seen, *[event.to_dict() for event in rest]]
        added, ended_items = (
            [event["item"] for event in stream if event["type"] == f"response.output_item.{end}"]
            for end in ("added", "done")
        )
        # Of a call that was open, nothing is stored.
        begun, over = (
            sorted(item["id"] for item in some if item["type"] == "message") for some in (added, ended_items)
        )
        assert begun == over
    whole = list(client.responses.retrieve(response_id, stream=True))
    assert types(whole)[:3] == ["response.created", "response.queued", "response.in_progress"]
    ended_items = [event.item for event in whole if event.type == "response.output_item.done"]
    assert [item.type for item in ended_items if getattr(item, "status", "") != "incomplete"] == items
    follower = respond(client, "More", previous_response_id=response_id)
    told = client.responses.input_items.list(follower.id, order="asc").data
    assert [item.id for item in told][1:-1] == [item.id for item in done.output]
    return done


@pytest.mark.proves("responses.crash")
@pytest.mark.parametrize("count", [1, 3, 4, 6, 9])
def test_a_response_killed_while_it_streams_stores_its_reply_once(new_server, upstream, count):
    server = new_server().start()
    upstream.always(slowly(*PIECES))
    seen = stream_until(server, count)
    server.start()
    assert check_after_crash(server, seen, ["message"]).output_text == ANSWER


@pytest.mark.slow
@pytest.mark.parametrize("count", range(1, 15))
def test_a_response_killed_at_any_event_stores_its_reply_once(new_server, upstream, count):
    test_a_response_killed_while_it_streams_stores_its_reply_once(new_server, upstream, count)


@pytest.mark.parametrize("count", [2, 5])
def test_a_call_whose_server_was_killed_still_accepts_its_output(new_server, upstream, count):
    server = new_server().start()
    upstream.always(calls(PARIS))
    seen = stream_until(server, count, tools=[WEATHER])
    server.start()
    response_id = seen[0]["response"]["id"]
    asked = ended(server.client, response_id)
    assert [item.type for item in asked.output] == ["function_call"]
    upstream.always(text("Mild."))
    done = respond(server.client, [output("call_a")], previous_response_id=response_id, tools=[WEATHER])
    assert done.output_text == "Mild."


@pytest.fixture
def tooled(new_server):
    require_sandbox()
    return new_server(sandbox__python=interpreter()).start()


def using_tools(request):
    """Searches, then computes, then answers; whatever was done already is not done again."""
    done = sum(message["role"] == "tool" for message in request.body["messages"])
    return [calls(SEARCH), calls(CODE)][done] if done < 2 else slowly(*PIECES)


@pytest.mark.slow
@pytest.mark.parametrize("count", [*range(2, 22)])
def test_tools_that_were_used_before_a_kill_are_not_used_again(tooled, upstream, count):
    server = tooled
    file = upload(server, b"Pizza is food.", "assistants", "a.txt")["id"]
    store = server.client.vector_stores.create(file_ids=[file])
    eventually(lambda: server.client.vector_stores.retrieve(store.id).file_counts.completed == 1)
    tools = [
        {"type": "file_search", "vector_store_ids": [store.id]},
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ]
    upstream.always(using_tools)
    seen = stream_until(server, count, tools=tools)
    server.start()
    upstream.always(lambda asked: using_tools(asked) if "More" not in asked.said else text("Yes."))
    done = check_after_crash(server, seen, ["file_search_call", "code_interpreter_call", "message"])
    assert done.output_text == ANSWER
    assert [item.status for item in done.output] == ["completed"] * 3


@pytest.mark.proves("responses.unstored")
def test_a_response_with_store_false_is_not_found_after_its_reply(client, server, upstream):
    upstream.always(text("Hi."))
    made = respond(client, store=False)
    streamed = list(respond(client, store=False, stream=True))[-1].response
    for response_id in (made.id, streamed.id):
        for method, path in (("GET", ""), ("GET", "/input_items"), ("POST", "/cancel"), ("DELETE", "")):
            assert server.ask(method, f"/responses/{response_id}{path}").status == 404, path
        with pytest.raises(openai.BadRequestError, match="not found"):
            respond(client, previous_response_id=response_id)
        assert server.ask("POST", "/responses", {"model": MODEL, "input": [_reference(made)]}).status == 404


def _reference(response):
    return {"type": "item_reference", "id": response.output[0].id}


# -- races -------------------------------------------------------------------------------------------------------


@pytest.mark.proves("conversations.lock")
def test_a_second_response_on_a_locked_conversation_is_refused(client, upstream):
    gate = Gate()
    upstream.always(text("Hi ", gate, "there."))
    made = client.conversations.create()
    first = respond(client, conversation=made.id, background=True)
    for refused in (
        lambda: respond(client, conversation=made.id),
        lambda: client.conversations.items.create(made.id, items=[SAID]),
    ):
        with pytest.raises(openai.BadRequestError) as error:
            refused()
        assert error.value.code == "conversation_locked"
    gate.open()
    assert ended(client, first.id).status == "completed"
    assert respond(client, "Again", conversation=made.id).status == "completed"
    items = client.conversations.items.list(made.id, order="asc").data
    assert [item.content[0].text for item in items] == ["Hello", "Hi there.", "Again", "Hi there."]


async def test_of_many_responses_at_once_each_is_whole_in_the_conversation_or_refused(async_client, upstream):
    upstream.always(text("Yes."))
    made = await async_client.conversations.create()

    async def one(number):
        try:
            await async_client.responses.create(model=MODEL, input=f"{number}", conversation=made.id)
        except openai.BadRequestError as refused:
            return refused.code
        return "answered"

    outcomes = await asyncio.gather(*map(one, range(20)))
    answered = [one for one in outcomes if one == "answered"]
    assert set(outcomes) <= {"answered", "conversation_locked"}
    page = await async_client.conversations.items.list(made.id, order="asc", limit=100)
    said = [item.content[0].text for item in page.data]
    assert len(said) == 2 * len(answered)
    assert set(said[1::2]) <= {"Yes."}


def test_a_response_deleted_in_progress_is_not_found_and_its_stream_ends(client, server, upstream):
    upstream.answer(text("Hi ", HANG))
    stream = iter(respond(client, background=True, stream=True))
    response_id = next(stream).response.id
    while next(stream).type != "response.output_text.delta":
        pass
    client.responses.delete(response_id)
    with contextlib.suppress(openai.APIError):
        assert [event.type for event in stream if event.type.startswith("response.")] == []
    assert server.ask("GET", f"/responses/{response_id}").status == 404
    assert server.ask("GET", f"/responses/{response_id}?stream=true").status == 404
    assert upstream.requests[-1].gone.wait(WITHIN)


async def test_a_cancel_and_the_end_agree(async_client, upstream):
    upstream.always(text("One ", "two ", "three."))
    for _ in range(20):
        made = await async_client.responses.create(model=MODEL, input="Hello", background=True)
        cancelled, refusal = None, ""
        try:
            cancelled = await async_client.responses.cancel(made.id)
        except openai.BadRequestError as refused:
            refusal = refused.message
        found = await async_client.responses.retrieve(made.id)
        if cancelled is None:
            assert (found.status, "Cannot cancel a completed response" in refusal) == ("completed", True)
        else:
            assert (found.status, cancelled.to_dict()) == ("cancelled", found.to_dict())


# -- lengths -----------------------------------------------------------------------------------------------------


@pytest.mark.proves("responses.truncation")
def test_input_over_the_context_window_is_refused_or_truncated(client, upstream):
    upstream.always(text("Yes."))
    long = [{"role": "user", "content": f"{number} " + "word " * 14_000} for number in range(10)]
    small = {"model": MODEL, "input": long}
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(**small)
    assert (refused.value.code, refused.value.param) == ("context_length_exceeded", "input")
    assert "'gpt-4o'" in refused.value.message
    failed = ended(client, client.responses.create(**small, background=True).id)
    assert (failed.status, failed.error.code) == ("failed", "context_length_exceeded")
    asked = len(upstream.requests)
    cut = client.responses.create(**small, truncation="auto")
    assert cut.status == "completed"
    assert len(upstream.requests) == asked + 1
    told = upstream.requests[-1].body["messages"]
    assert 0 < len(told) < 10
    assert told[-1]["content"].startswith("9 ")


def test_the_bytes_of_an_image_are_no_part_of_the_length(client, upstream):
    upstream.always(text("Yes."))
    image = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo" + "A" * 900_001}
    question = {"role": "user", "content": [{"type": "input_text", "text": "What?"}, image]}
    previous = None
    for _ in range(3):
        previous = respond(client, [question], previous_response_id=previous).id
    for truncation in ("auto", "disabled"):
        respond(client, "And?", previous_response_id=previous, truncation=truncation)
        assert [one["role"] for one in upstream.requests[-1].body["messages"]] == ["user", "assistant"] * 3 + ["user"]


@pytest.mark.proves("responses.long")
def test_a_turn_costs_the_same_however_many_went_before(client, upstream):
    upstream.always(text("Yes."))
    previous, taken = None, []
    for number in range(100):
        begun = time.perf_counter()
        previous = respond(client, f"{number}", previous_response_id=previous, max_output_tokens=100).id
        taken.append(time.perf_counter() - begun)
    assert len(upstream.requests[-1].body["messages"]) == 199
    first, last = sorted(taken[:20])[5], sorted(taken[-20:])[5]
    assert last < first * 4 + 0.02


def test_a_conversation_of_many_short_items_is_not_refused_as_too_long(client, upstream):
    upstream.always(text("Yes."))
    made = client.conversations.create()
    for _ in range(60):
        client.conversations.items.create(made.id, items=[SAID] * 20)
    begun = time.perf_counter()
    assert respond(client, conversation=made.id).status == "completed"
    assert time.perf_counter() - begun < 2
    assert len(upstream.requests[-1].body["messages"]) == 1201


def test_tools_are_used_no_oftener_than_was_allowed(new_server, upstream):
    server = new_server().start()
    client = server.client
    store = client.vector_stores.create()
    upstream.answer(calls(SEARCH), calls(SEARCH, call("file_search", call_id="call_2", queries=["more"])), text("No."))
    tools = [{"type": "file_search", "vector_store_ids": [store.id]}]
    done = respond(client, tools=tools, max_tool_calls=2)
    assert done.output_text == "No."
    kinds = [(item.type, item.status) for item in done.output]
    assert kinds.count(("file_search_call", "completed")) >= 2
    assert upstream.requests[-1].body["tool_choice"] == "none"


@pytest.mark.proves("responses.include")
def test_tool_results_not_included_at_creation_can_be_retrieved_later(tooled, upstream):
    client = tooled.client
    file = upload(tooled, b"Pizza is food.", "assistants", "a.txt")["id"]
    store = client.vector_stores.create(file_ids=[file])
    eventually(lambda: client.vector_stores.retrieve(store.id).file_counts.completed == 1)
    tools = [
        {"type": "file_search", "vector_store_ids": [store.id]},
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ]
    upstream.answer(calls(SEARCH), calls(CODE), text("Yes."))
    made = respond(client, tools=tools)
    assert (made.output[0].results, made.output[1].outputs) == (None, None)
    assert client.responses.retrieve(made.id).to_dict() == made.to_dict()
    found = client.responses.retrieve(made.id, include=["file_search_call.results", "code_interpreter_call.outputs"])
    assert [one.text for one in found.output[0].results] == ["Pizza is food."]
    assert [one.logs for one in found.output[1].outputs] == ["42\n"]
    assert found.output[2].to_dict() == made.output[2].to_dict()
