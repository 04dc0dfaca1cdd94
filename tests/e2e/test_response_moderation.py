"""The member `moderation` of responses: input and output moderated by a provider's model, scored or blocked."""

import json

import pytest

from e2e.assistants_client import on_both
from e2e.test_relayed import PNG, usage_of
from e2e.test_responses import WEATHER, ended, respond
from serving import Server, parse_events, serve
from upstream import HANG, Answer, call, calls, deltas, fault, reply, text
from waiting import eventually

# The scripted provider has every operation for this model.
MODERATOR = "gpt-4o"
SCORED = {"model": MODERATOR}
BLOCKED_INPUT = {"model": MODERATOR, "policy": {"input": {"mode": "block"}, "output": {"mode": "score"}}}
BLOCKED_OUTPUT = {"model": MODERATOR, "policy": {"input": None, "output": {"mode": "block"}}}


def moderated(*, violence=0.01, flagged=False, model="omni-moderation-2024-09-26", **more):
    result = {
        "flagged": flagged,
        "categories": {"violence": flagged, "illicit": None},
        "category_scores": {"violence": violence, "illicit": None},
        "category_applied_input_types": {"violence": ["text"], "illicit": []},
    }
    return reply({"id": "modr-1", "model": model, "results": [result | more]})


def moderation_inputs(upstream):
    return [one.body["input"] for one in upstream.requests if one.path.endswith("/moderations")]


def chats(upstream):
    return [one for one in upstream.requests if one.path.endswith("/chat/completions")]


@on_both
def test_input_and_output_are_scored(client, upstream):
    upstream.answer(text("Good", " day"), moderated(violence=0.25), moderated(violence=0.5))
    made = respond(client, "Hello there", instructions="Be brief.", moderation=SCORED)
    assert (made.status, made.output_text) == ("completed", "Good day")
    moderation = made.to_dict()["moderation"]
    assert moderation["input"] == {
        "type": "moderation_result",
        "model": "omni-moderation-2024-09-26",
        "flagged": False,
        "categories": {"violence": False, "illicit": False},
        "category_scores": {"violence": 0.25, "illicit": 0.0},
        "category_applied_input_types": {"violence": ["text"], "illicit": []},
    }
    assert moderation["output"]["category_scores"]["violence"] == 0.5
    assert moderation_inputs(upstream) == ["Hello there", "Good day"]
    assert client.responses.retrieve(made.id).to_dict()["moderation"] == moderation


def test_what_is_flagged_and_only_scored_is_answered(client, upstream):
    upstream.answer(text("Yes"), moderated(flagged=True), moderated(flagged=True))
    made = respond(client, "Fight!", moderation=SCORED)
    assert (made.status, made.output_text) == ("completed", "Yes")
    assert made.to_dict()["moderation"]["input"]["flagged"] is True


@on_both
def test_a_flagged_input_is_blocked_before_the_model_is_called(client, upstream):
    upstream.answer(moderated(flagged=True, violence=0.9))
    made = respond(client, "Fight!", moderation=BLOCKED_INPUT)
    assert (made.status, made.incomplete_details.reason, made.output) == ("incomplete", "content_filter", [])
    moderation = made.to_dict()["moderation"]
    assert moderation["input"]["flagged"] is True
    assert (moderation["output"]["type"], moderation["output"]["code"]) == ("error", "no_output")
    assert not chats(upstream)


@on_both
def test_a_flagged_output_is_blocked_before_a_stream_shows_it(server, upstream):
    upstream.answer(text("Some", " violent", " words"), moderated(flagged=True), moderated())
    body = {"model": MODERATOR, "input": "Hi", "stream": True, "moderation": BLOCKED_OUTPUT}
    events = list(parse_events(server.ask("POST", "/responses", body).body))
    assert [name for name, _ in events] == ["response.created", "response.in_progress", "response.incomplete"]
    last = events[-1][1]["response"]
    assert last["incomplete_details"] == {"reason": "content_filter"}
    assert last["output"] == []
    assert (last["moderation"]["input"]["flagged"], last["moderation"]["output"]["flagged"]) == (False, True)
    assert last["usage"]["output_tokens"] > 0
    stored = server.ask("GET", f"/responses/{last['id']}")
    assert b"violent words" not in stored.body
    assert stored.json["moderation"] == last["moderation"]


def test_an_output_that_may_pass_is_streamed_once_it_is_moderated(client, upstream):
    upstream.answer(text("Hel", "lo"), moderated(), moderated())
    with client.responses.stream(model=MODERATOR, input="Hi", moderation=BLOCKED_OUTPUT) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert deltas == ["Hel", "lo"]
    assert final.to_dict()["moderation"]["output"]["flagged"] is False
    # The result of the check is that of the response.
    assert sorted(moderation_inputs(upstream)) == ["Hello", "Hi"]


def test_images_and_outputs_of_the_client_are_moderated_as_well(client, upstream):
    upstream.answer(calls(call("get_weather", call_id="a", city="Oslo")), moderated(), moderated())
    first = respond(client, "Weather?", tools=[WEATHER], moderation=SCORED)
    assert first.to_dict()["moderation"]["output"]["type"] == "moderation_result"
    assert moderation_inputs(upstream) == ["Weather?", '{"city": "Oslo"}']
    image = client.files.create(file=("a.png", PNG, "image/png"), purpose="vision")
    parts = [
        {"type": "input_text", "text": "And these?"},
        {"type": "input_image", "file_id": image.id},
        {"type": "input_image", "image_url": "https://example.com/b.png"},
    ]
    outputs = [{"type": "function_call_output", "call_id": "a", "output": "Storm"}]
    upstream.requests.clear()
    flagged = moderated(flagged=True, violence=0.75, category_applied_input_types={"violence": ["image"]})
    upstream.answer(text("Bad"), moderated(violence=0.5), flagged, moderated())
    made = respond(
        client, [*outputs, {"role": "user", "content": parts}], previous_response_id=first.id, moderation=SCORED
    )
    one, two, output = moderation_inputs(upstream)
    assert [part["type"] for part in one] == ["text", "image_url"]
    assert one[0]["text"] == "Storm\n\nAnd these?"
    assert one[1]["image_url"]["url"].startswith("data:image/png;base64,")
    assert two == [{"type": "image_url", "image_url": {"url": "https://example.com/b.png"}}]
    assert output == "Bad"
    merged = made.to_dict()["moderation"]["input"]
    assert merged["flagged"] is True
    assert (merged["category_scores"]["violence"], merged["category_applied_input_types"]["violence"]) == (
        0.75,
        ["text", "image"],
    )


def test_only_what_is_added_to_a_conversation_is_its_input(client, upstream):
    conversation = client.conversations.create()
    upstream.answer(text("One"), moderated(), moderated(), text("Two"), moderated(), moderated())
    for asked in ("First", "Second"):
        respond(client, asked, conversation=conversation.id, moderation=SCORED)
    assert moderation_inputs(upstream) == ["First", "One", "Second", "Two"]


def test_a_failed_moderation_is_in_the_response_and_blocks_where_it_has_to(client, server, upstream):
    upstream.answer(text("Hello"), fault(400, "Too long."), reply({"results": []}))
    moderation = respond(client, moderation=SCORED).to_dict()["moderation"]
    assert moderation["input"]["type"] == moderation["output"]["type"] == "error"
    assert "Too long." in moderation["input"]["message"]
    upstream.requests.clear()
    upstream.answer(fault(400, "Too long."))
    body = {"model": MODERATOR, "input": "Hi", "moderation": BLOCKED_INPUT}
    assert server.ask("POST", "/responses", body).status == 400
    assert not chats(upstream)
    upstream.answer(text("Hidden"), fault(400, "Too long."))
    failed = server.ask("POST", "/responses", body | {"moderation": BLOCKED_OUTPUT})
    assert (failed.status, b"Hidden" in failed.body) == (400, False)


def test_a_response_in_the_background_is_moderated_and_counted(client, server, upstream):
    def requests():
        return sum(one["num_model_requests"] for one in usage_of(server, "moderations"))

    before = requests()
    upstream.answer(text("Hello"), moderated(), moderated())
    made = respond(client, background=True, moderation=SCORED)
    assert made.to_dict()["moderation"] is None
    assert ended(client, made.id).to_dict()["moderation"]["output"]["flagged"] is False
    assert eventually(lambda: requests() == before + 2)


def test_a_response_without_a_text_has_nothing_to_moderate(client, upstream):
    upstream.answer(text(), moderated())
    output = respond(client, moderation=SCORED).to_dict()["moderation"]["output"]
    assert (output["type"], output["code"]) == ("error", "no_output")


def test_a_text_before_calls_is_moderated_once(client, upstream):
    paris = call("get_weather", call_id="a", city="Paris")
    upstream.answer(calls(paris, say=("Let me ", "look.")), moderated(), moderated())
    respond(client, "Weather?", tools=[WEATHER], moderation=SCORED)
    assert moderation_inputs(upstream) == ["Weather?", 'Let me look.\n\n{"city": "Paris"}']


def test_the_summary_of_the_reasoning_is_part_of_the_output(server, upstream):
    thought = deltas({"reasoning_content": "Some violent"}, {"reasoning_content": " thought"}).items
    upstream.answer(Answer((*thought, "Fine")), moderated(flagged=True), moderated())
    body = {"model": MODERATOR, "input": "Hi", "stream": True, "moderation": BLOCKED_OUTPUT}
    blocked = server.ask("POST", "/responses", body | {"reasoning": {"summary": "auto"}})
    assert b"thought" not in blocked.body
    assert moderation_inputs(upstream) == ["Some violent thought\n\nFine", "Hi"]
    upstream.requests.clear()
    upstream.answer(Answer((*thought, "Fine")), moderated(), moderated())
    server.ask("POST", "/responses", body | {"reasoning": {"summary": "auto"}, "moderation": SCORED})
    assert moderation_inputs(upstream) == ["Hi", "Some violent thought\n\nFine"]


def test_without_a_summary_the_reasoning_is_not_moderated(client, upstream):
    thought = deltas({"reasoning_content": "Hidden"}).items
    upstream.answer(Answer((*thought, "Fine")), moderated(), moderated())
    respond(client, "Hi", moderation=BLOCKED_OUTPUT)
    assert moderation_inputs(upstream) == ["Fine", "Hi"]


def test_an_answer_that_is_not_passed_on_is_charged(client, upstream):
    upstream.answer(text("Hidden"), fault(400, "Too long."))
    failed = ended(client, respond(client, background=True, moderation=BLOCKED_OUTPUT).id)
    assert (failed.status, failed.usage.output_tokens) == ("failed", 3)
    upstream.requests.clear()
    upstream.answer(text("Hidden"), Answer(stall=HANG))
    made = respond(client, background=True, moderation=BLOCKED_OUTPUT)
    upstream.wait_for(2)
    cancelled = client.responses.cancel(made.id)
    assert (cancelled.status, cancelled.usage.output_tokens, cancelled.output) == ("cancelled", 3, [])


ON_BOTH_DATABASES = pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)


def kill_in_stream(server, body, ending, count):
    """Kills the server after so many such events of a response in the background; returns the response's id."""
    response_id = None
    with server.opened("POST", "/v1/responses", body | {"background": True, "stream": True}) as response:
        while count and (line := response.readline()):
            if line.startswith(b"data: ") and response_id is None:
                response_id = json.loads(line.removeprefix(b"data: "))["response"]["id"]
            count -= line.startswith(b"event: ") and line.rstrip().endswith(ending)
        server.kill()
    assert not count
    return response_id


@ON_BOTH_DATABASES
@pytest.mark.parametrize("turns", [1, 2])
def test_a_moderation_that_the_next_owner_repeats_is_charged_once(new_server, upstream, database, turns):
    server = new_server(**database).start()
    store = server.client.vector_stores.create()
    search = calls(call("file_search", queries=["engines"]))
    upstream.answer(moderated(), *[search] * (turns - 1), text("Hel", "lo", HANG))
    upstream.always(lambda request: moderated() if request.path.endswith("/moderations") else text("Hello", " again"))
    body = {"model": MODERATOR, "input": "Hi", "moderation": BLOCKED_INPUT}
    body["tools"] = [{"type": "file_search", "vector_store_ids": [store.id]}]
    response_id = kill_in_stream(server, body, b"output_text.delta", 2)
    server.start()
    done = ended(server.client, response_id)
    assert (done.status, done.output_text) == ("completed", "Hello again")
    assert done.to_dict()["moderation"]["input"]["flagged"] is False
    # What a checkpoint has is not moderated again.
    assert len(moderation_inputs(upstream)) == (3 if turns == 1 else 2)
    assert eventually(lambda: sum(one["num_model_requests"] for one in usage_of(server, "moderations")) == 2)


@ON_BOTH_DATABASES
def test_nothing_of_an_answer_whose_server_dies_while_it_is_moderated_is_published(new_server, upstream, database):
    server = new_server(**database).start()
    paris = call("web_search", queries=["engines"])
    upstream.answer(calls(paris, say=("Violent", " words")), Answer(stall=HANG))
    body = {"model": MODERATOR, "input": "Hi", "moderation": BLOCKED_OUTPUT, "background": True}
    response_id = server.ask("POST", "/responses", body).json["id"]
    upstream.wait_for(2)
    server.kill()
    upstream.answer(text("More", " violence"), moderated(flagged=True), moderated())
    server.start()
    assert ended(server.client, response_id).status == "incomplete"
    events = server.ask("GET", f"/responses/{response_id}?stream=true&starting_after=1").body
    assert b"iolen" not in events.replace(b'"violence":', b"")
    assert server.client.responses.retrieve(response_id).output == []


@pytest.fixture(scope="module")
def offline_server(tmp_path_factory):
    yield from serve(Server(tmp_path_factory.mktemp("offline"), None))


def test_without_a_provider_that_moderates_the_member_is_refused(offline_server):
    body = {"model": "rehearsal", "input": "Hi", "moderation": {"model": "omni-moderation-latest"}}
    refused = offline_server.ask("POST", "/responses", body)
    assert refused.status == 400
    error = refused.json["error"]
    assert (error["param"], error["code"]) == ("moderation.model", "unsupported_model")
    assert "[providers.NAME]" in error["message"]
