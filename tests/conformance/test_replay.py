"""What programs were recorded doing, done again: the same requests in the same order, and answers of the same shape."""

import pytest

from conformance import shapes
from conformance.shapes import INCLUDE, NO_FILES, Each, Id, assert_events, assert_shape
from upstream import call, calls, text
from waiting import eventually

FOOD = {
    "type": "function",
    "function": {
        "description": "the user's favorite food on a day",
        "name": "favorite_food",
        "parameters": {"type": "object", "properties": {"day": {"type": "string"}}},
    },
}
FOOD_SHOWN = {
    "type": "function",
    "function": {
        "name": "favorite_food",
        "description": "the user's favorite food on a day",
        "parameters": {"type": "object", "properties": {"day": {"type": "string"}}},
        "strict": False,
    },
}
BARE = {"type": "function", "function": {"description": "the weather where the user is", "name": "weather"}}
BARE_SHOWN = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "the weather where the user is",
        "parameters": {"type": "object", "properties": {}},
        "strict": False,
    },
}


def user(content, **members):
    return {"role": "user", "content": content, **members}


def ended(ask, path):
    """The run once it is over or waits."""

    def look():
        found = ask("GET", path)
        return found if found["status"] not in {"queued", "in_progress", "cancelling"} else None

    return eventually(look)


@pytest.mark.proves("assistants.defaults", "assistants.modify", "assistants.delete", "lists.envelope")
def test_an_assistant_is_made_changed_listed_and_deleted(ask):
    made = ask("POST", "/assistants", {"model": "gpt-4o"}, shapes.assistant())
    path = f"/assistants/{made['id']}"
    ask("POST", path, {"name": "test name"}, shapes.assistant(name="test name"))
    ask("DELETE", path, None, shapes.deleted("asst", "assistant"))
    tagged = shapes.assistant(metadata={"key": "hello!"})
    made = ask("POST", "/assistants", {"model": "gpt-4o", "metadata": {"key": "hello!"}}, tagged)
    path = f"/assistants/{made['id']}"
    ask("GET", path, None, tagged)
    ask("POST", path, {"metadata": {"key": "goodbye!"}}, shapes.assistant(metadata={"key": "goodbye!"}))
    page = ask("GET", "/assistants?limit=1")
    assert_shape({**page, "has_more": False}, shapes.listing(shapes.assistant(metadata={"key": "goodbye!"})))


@pytest.mark.proves("threads.without_a_body", "messages.shape", "messages.modify", "messages.delete")
def test_messages_are_added_read_changed_and_deleted(ask):
    thread = ask("POST", "/threads", None, shapes.thread())
    path = f"/threads/{thread['id']}/messages"
    first = ask("POST", path, user("Hello, world!"), shapes.message("Hello, world!"))
    ask("DELETE", f"{path}/{first['id']}", None, shapes.deleted("msg", "thread.message"))
    tagged = shapes.message("Goodbye!", metadata={"key": "value"})
    second = ask("POST", path, user("Goodbye!", metadata={"key": "value"}), tagged)
    ask("GET", f"{path}/{second['id']}", None, tagged)
    retagged = shapes.message("Goodbye!", metadata={"key": "other"})
    ask("POST", f"{path}/{second['id']}", {"metadata": {"key": "other"}}, retagged)
    ask("GET", path, None, shapes.listing(retagged))


@pytest.mark.proves("threads.resources", "threads.delete")
def test_a_thread_is_made_read_changed_and_deleted(ask):
    gone = ask("POST", "/threads", {}, shapes.thread())
    ask("DELETE", f"/threads/{gone['id']}", None, shapes.deleted("thread", "thread"))
    body = {"messages": [], "metadata": {"key": "value"}}
    made = ask("POST", "/threads", body, shapes.thread(metadata={"key": "value"}))
    read = shapes.thread(metadata={"key": "value"}, tool_resources=NO_FILES)
    ask("GET", f"/threads/{made['id']}", None, read)
    ask("POST", f"/threads/{made['id']}", {"metadata": {"key": "new"}}, shapes.thread(metadata={"key": "new"}))


@pytest.mark.proves("runs.shape", "runs.timestamps", "runs.usage", "requests.empty_lists")
def test_a_run_is_polled_to_its_answer(ask, upstream):
    assistant = ask("POST", "/assistants", {"model": "gpt-4o"})
    thread = ask("POST", "/threads")
    path = f"/threads/{thread['id']}"
    ask("GET", f"{path}/runs", None, shapes.listing())
    ask("POST", f"{path}/messages", user("Hello, assistant!"))
    upstream.answer(text("Hello! ", "How can I help?", usage=(32, 11)))
    body = {"assistant_id": assistant["id"], "additional_messages": []}
    run = ask("POST", f"{path}/runs?{INCLUDE}", body, shapes.run())
    assert run["expires_at"] == run["created_at"] + 600
    finished = ended(ask, f"{path}/runs/{run['id']}")
    assert_shape(finished, shapes.run(**shapes.ended("completed", completed_at=int)))
    assert [finished["usage"][name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")] == [32, 11, 43]
    ask("GET", f"{path}/runs", None, shapes.listing(shapes.run(**shapes.ended("completed", completed_at=int))))
    said = [shapes.answer("Hello! How can I help?"), shapes.message("Hello, assistant!")]
    ask("GET", f"{path}/messages", None, shapes.listing(*said))


@pytest.mark.proves("runs.requires_action", "runs.submit", "assistants.functions", "steps.shape", "steps.usage")
def test_a_function_is_called_and_answered_by_polling(ask, upstream):
    assistant = ask("POST", "/assistants", {"model": "gpt-4o", "tools": [FOOD]}, shapes.assistant(tools=[FOOD_SHOWN]))
    arguments = '{"day":"Thursday"}'
    upstream.answer(
        calls(call("favorite_food", raw_arguments=arguments), usage=(260, 12)), text("Tacos", ".", usage=(284, 42))
    )
    body = {"assistant_id": assistant["id"], "thread": {"messages": [user("What should I eat on Thursday?")]}}
    run = ask("POST", "/threads/runs", body, shapes.run(tools=[FOOD_SHOWN]))
    path = f"/threads/{run['thread_id']}/runs/{run['id']}"
    waiting = ended(ask, path)
    called = shapes.function_call("favorite_food", arguments)
    assert_shape(waiting, shapes.run(**shapes.waiting(called, tools=[FOOD_SHOWN])))
    (pending,) = waiting["required_action"]["submit_tool_outputs"]["tool_calls"]
    outputs = {"tool_outputs": [{"tool_call_id": pending["id"], "output": "tacos"}]}
    queued = shapes.run(started_at=waiting["started_at"], tools=[FOOD_SHOWN])
    ask("POST", f"{path}/submit_tool_outputs", outputs, queued)
    finished = ended(ask, path)
    assert_shape(finished, shapes.run(**shapes.ended("completed", completed_at=int, tools=[FOOD_SHOWN])))
    assert finished["usage"]["total_tokens"] == 260 + 12 + 284 + 42
    message_step = shapes.completed(shapes.step(expires_at=None))
    calls_step = shapes.completed(
        shapes.calls_step(shapes.finished_call("favorite_food", arguments, "tacos"), expires_at=None)
    )
    steps = ask("GET", f"{path}/steps?{INCLUDE}", None, shapes.listing(message_step, calls_step))
    assert [step["usage"]["total_tokens"] for step in steps["data"]] == [284 + 42, 260 + 12]
    ask("GET", f"{path}/steps/{steps['last_id']}?{INCLUDE}", None, calls_step)
    first = ask("GET", f"{path}/steps?limit=1&{INCLUDE}", None, shapes.listing(message_step, has_more=True))
    ask("GET", f"{path}/steps?limit=1&after={first['last_id']}&{INCLUDE}", None, shapes.listing(calls_step))
    said = [shapes.answer("Tacos."), shapes.message("What should I eat on Thursday?")]
    ask("GET", f"/threads/{run['thread_id']}/messages?order=desc", None, shapes.listing(*said))


@pytest.mark.proves("streams.answer", "streams.wire")
def test_an_answer_is_streamed(ask, server, upstream):
    assistant = ask("POST", "/assistants", {"model": "gpt-4o"})
    thread = ask("POST", "/threads", {"messages": [user("Hello there! How are you today?")]})
    upstream.answer(text("Hello", "!", " Fine."))
    body = {"assistant_id": assistant["id"], "additional_messages": []}
    assert_events(
        server.events(f"/v1/threads/{thread['id']}/runs?{INCLUDE}", body),
        *shapes.begun(),
        *shapes.said("Hello", "!", " Fine."),
        ("thread.run.completed", shapes.streamed_run(**shapes.ended("completed", completed_at=int))),
        shapes.DONE,
    )


@pytest.mark.proves("streams.calls", "streams.submit", "streams.thread_created")
def test_a_function_is_called_and_answered_in_streams(ask, server, upstream):
    assistant = ask("POST", "/assistants", {"model": "gpt-4o", "tools": [BARE]}, shapes.assistant(tools=[BARE_SHOWN]))
    upstream.answer(calls(call("weather", raw_arguments="{}", pieces=1)), text("Since", " it's warm, a shirt."))
    body = {"assistant_id": assistant["id"], "thread": {"messages": [user("What should I wear outside?")]}}
    events = server.events("/v1/threads/runs", body)
    tools = {"tools": [BARE_SHOWN]}
    assert_events(
        events,
        ("thread.created", shapes.thread(tool_resources=NO_FILES)),
        *shapes.begun(**tools),
        *shapes.opened_step(shapes.calls_step()),
        shapes.opening_call(0, "weather"),
        shapes.arguments_delta(0, "{}"),
        ("thread.run.requires_action", shapes.streamed_run(**shapes.waiting(shapes.function_call("weather", "{}"), **tools))),
        shapes.DONE,
    )  # fmt: skip
    waiting = events[-2][1]
    (pending,) = waiting["required_action"]["submit_tool_outputs"]["tool_calls"]
    step_id = next(data["id"] for name, data in events if name == "thread.run.step.created")
    outputs = {"tool_outputs": [{"tool_call_id": pending["id"], "output": "warm and sunny"}]}
    path = f"/v1/threads/{waiting['thread_id']}/runs/{waiting['id']}/submit_tool_outputs"
    answered = shapes.calls_step(shapes.finished_call("weather", "{}", "warm and sunny"), id=step_id)
    assert_events(
        server.events(path, outputs),
        ("thread.run.step.completed", shapes.completed(answered)),
        ("thread.run.queued", shapes.streamed_run(started_at=waiting["started_at"], **tools)),
        ("thread.run.in_progress", shapes.streamed_run(**shapes.started(**tools))),
        *shapes.said("Since", " it's warm, a shirt."),
        ("thread.run.completed", shapes.streamed_run(**shapes.ended("completed", completed_at=int, **tools))),
        shapes.DONE,
    )


@pytest.mark.proves("messages.roles")
def test_a_conversation_is_seeded_with_both_roles(ask):
    def both():
        return [user("Hello, assistant!"), {"role": "assistant", "content": "Hi there, user."}]

    shown = [shapes.message("Hi there, user.", role="assistant"), shapes.message("Hello, assistant!")]
    thread = ask("POST", "/threads", {"messages": both()}, shapes.thread())
    path = f"/threads/{thread['id']}/messages"
    ask("GET", path, None, shapes.listing(*shown))
    for body, shape in zip(both(), reversed(shown), strict=True):
        ask("POST", path, body, shape)
    ask("GET", path, None, shapes.listing(*shown, *shown))


@pytest.mark.proves("assistants.response_format", "runs.overrides")
def test_a_response_format_is_set_changed_and_overridden(ask, upstream):
    made = ask("POST", "/assistants", {"model": "gpt-4o", "response_format": "auto"}, shapes.assistant())
    as_text = shapes.assistant(response_format={"type": "text"})
    ask("POST", f"/assistants/{made['id']}", {"response_format": {"type": "text"}}, as_text)
    thread = ask("POST", "/threads")
    ask("POST", f"/threads/{thread['id']}/messages", user("Write some JSON for me!"))
    upstream.answer(text("{}"))
    as_json = {"type": "json_object"}
    body = {"assistant_id": made["id"], "additional_messages": [], "response_format": as_json}
    run = ask("POST", f"/threads/{thread['id']}/runs?{INCLUDE}", body, shapes.run(response_format=as_json))
    assert ended(ask, f"/threads/{thread['id']}/runs/{run['id']}")["status"] == "completed"


@pytest.mark.proves("messages.images", "messages.parts")
def test_a_message_of_text_and_an_image_keeps_its_parts(ask):
    url = "https://images.example/cat.png"
    parts = [{"type": "text", "text": "Describe this"}, {"type": "image_url", "image_url": {"url": url}}]
    detailed = {"type": "image_url", "image_url": {"url": url, "detail": "low"}}
    thread = ask("POST", "/threads", {"messages": [user(parts), user([detailed])]}, shapes.thread())
    shown = {"type": "image_url", "image_url": {"url": url, "detail": "auto"}}
    expected = [
        shapes.message(content=[shapes.text("Describe this"), shown]),
        shapes.message(content=[detailed]),
    ]
    ask("GET", f"/threads/{thread['id']}/messages?order=asc", None, shapes.listing(*expected))


@pytest.mark.proves("lists.paging")
def test_pages_are_turned_by_their_last_id(ask):
    names = [f"paged {number}" for number in range(5)]
    made = [ask("POST", "/assistants", {"model": "gpt-4o", "name": name})["id"] for name in names]
    page = ask("GET", "/assistants?order=desc&limit=2")
    assert_shape(page, shapes.listing(*(shapes.assistant(name=name) for name in names[4:2:-1]), has_more=True))
    assert (page["first_id"], page["last_id"]) == (made[4], made[3])
    following = ask("GET", f"/assistants?order=desc&limit=2&after={page['last_id']}")
    assert [item["id"] for item in following["data"]] == [made[2], made[1]]
    back = ask("GET", f"/assistants?order=desc&limit=1&before={following['first_id']}")
    assert [item["id"] for item in back["data"]] == [made[3]]


@pytest.mark.proves("assistants.tool_resources", "assistants.file_search")
def test_tools_are_echoed_in_full_with_their_resources(ask):
    code = {"tools": [{"type": "code_interpreter"}]}
    ask("POST", "/assistants", {"model": "gpt-4o", **code}, shapes.assistant(**code, tool_resources=NO_FILES))
    ranking = {"ranker": "default_2024_08_21", "score_threshold": 0.0, "hybrid_search": None}
    shown = {"type": "file_search", "file_search": {"ranking_options": ranking}}
    resources = {"file_search": {"vector_store_ids": []}}
    for given in ({"type": "file_search"}, {"type": "file_search", "file_search": {}}):
        expected = shapes.assistant(tools=[shown], tool_resources=resources)
        ask("POST", "/assistants", {"model": "gpt-4o", "tools": [given]}, expected)
    options = {"max_num_results": 2, "ranking_options": {"score_threshold": 0.5, "ranker": "default_2024_08_21"}}
    shown = {"max_num_results": 2, "ranking_options": ranking | {"score_threshold": 0.5}}
    expected = shapes.assistant(tools=[{"type": "file_search", "file_search": shown}], tool_resources=resources)
    ask(
        "POST", "/assistants", {"model": "gpt-4o", "tools": [{"type": "file_search", "file_search": options}]}, expected
    )


@pytest.mark.proves("models.shape", "models.unknown", "models.delete")
def test_models_are_listed_found_and_not_deleted(ask):
    model = {"id": str, "object": "model", "created": int, "owned_by": str}
    more = {"aliases": list, "type": str, "info": dict, "features": list, "endpoints": list, "tags": list}
    ask("GET", "/models", None, {"object": "list", "data": Each(model | more)})
    ask("GET", "/models/gpt-4o", None, model)
    unknown = shapes.error("The model 'no-such' does not exist", "model", "model_not_found")
    ask("GET", "/models/no-such", None, unknown, status=404)
    ask("DELETE", "/models/no-such", None, unknown, status=404)
    refusal = shapes.error("The model 'gpt-4o' belongs to scripted and cannot be deleted here.", "model")
    ask("DELETE", "/models/gpt-4o", None, refusal, status=403)


CHAT_USAGE = {"prompt_tokens": int, "completion_tokens": int, "total_tokens": int}


@pytest.mark.proves("chat.shape", "chat.stream")
def test_a_chat_completion_has_the_usual_members(ask, server):
    body = {"model": "rehearsal", "messages": [user("Hello, world!")]}
    answered = ask("POST", "/chat/completions", body)
    assert list(answered)[:5] == ["id", "object", "created", "model", "choices"]
    assert answered["object"] == "chat.completion"
    (choice,) = answered["choices"]
    assert list(choice) == ["index", "message", "logprobs", "finish_reason"]
    assert list(choice["message"])[:3] == ["role", "content", "refusal"]
    assert CHAT_USAGE.keys() <= answered["usage"].keys()
    with server.opened("POST", "/v1/chat/completions", {**body, "stream": True}) as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        blocks = response.read().decode().split("\n\n")
    assert all(block.startswith("data: {") for block in blocks[:-2])
    assert blocks[-2:] == ["data: [DONE]", ""]


@pytest.mark.proves("keys.wrong")
def test_a_wrong_key_is_named_by_its_ends(ask):
    message = f"Incorrect API key provided: not-a-re{'*' * 5}ized. You can list the keys with `understudy keys list`."
    expected = shapes.error(message, None, "invalid_api_key")
    ask("POST", "/chat/completions", {"model": "gpt-4o"}, expected, status=401, key="not-a-really-ized")


@pytest.mark.proves("ids.shape")
def test_identifiers_have_the_usual_prefixes_and_lengths(ask, upstream):
    upstream.answer(calls(call("weather", call_id="", city="Paris")))
    assistant = ask("POST", "/assistants", {"model": "gpt-4o", "tools": [BARE]})
    body = {"assistant_id": assistant["id"], "thread": {"messages": [user("Weather?")]}}
    run = ask("POST", "/threads/runs", body, shapes.run(tools=[BARE_SHOWN]))
    waiting = ended(ask, f"/threads/{run['thread_id']}/runs/{run['id']}")
    (pending,) = waiting["required_action"]["submit_tool_outputs"]["tool_calls"]
    assert_shape(pending["id"], Id("call"))
