"""Calls of this server's tools in the input of responses: what they returned reaches the model."""

import json

import pytest

from e2e.assistants_client import on_both
from e2e.test_file_search import FOODS, store_of
from e2e.test_responses import MODEL, respond
from upstream import call, calls, deltas, text

OMITTED = "What this call returned is not part of the conversation"
QUESTION = {"role": "user", "content": "So?"}
SEARCH_ACTION = {"type": "search", "queries": ["engines"], "query": "engines"}
PAGE_ACTION = {"type": "find_in_page", "url": "https://a.example/x", "pattern": "six"}


def told(upstream):
    """What the model got as calls and their results: `(name, arguments, result)`."""
    messages = upstream.requests[-1].body["messages"]
    results = {one["tool_call_id"]: one["content"] for one in messages if one["role"] == "tool"}
    return [
        (one["function"]["name"], json.loads(one["function"]["arguments"]), results[one["id"]])
        for message in messages
        for one in message.get("tool_calls", ())
    ]


@pytest.mark.parametrize(
    ("item", "name", "arguments", "result"),
    [
        (
            {
                "type": "web_search_call",
                "action": SEARCH_ACTION,
                "results": [{"url": "https://a.example/x", "title": "Engines", "text": "Six cylinders."}],
            },
            *("web_search", {"queries": ["engines"]}),
            "\u30109000:0\u2020a.example\u3011 Engines\nhttps://a.example/x\nSix cylinders.",
        ),
        (
            {
                "type": "web_search_call",
                "action": {**SEARCH_ACTION, "sources": [{"type": "url", "url": "https://a.example/x"}]},
            },
            *("web_search", {"queries": ["engines"]}, "https://a.example/x"),
        ),
        (
            {"type": "web_search_call", "action": {"type": "search", "query": "engines"}},
            *("web_search", {"queries": ["engines"]}, OMITTED),
        ),
        (
            {"type": "web_search_call", "action": PAGE_ACTION, "status": "failed"},
            *("find_in_page", {"url": PAGE_ACTION["url"], "pattern": "six"}, "Error: The call failed."),
        ),
        (
            {"type": "web_search_call", "action": {"type": "open_page", "url": "https://a.example/x"}, "results": []},
            *("open_page", {"url": "https://a.example/x"}, "no results"),
        ),
        ({"type": "web_search_call"}, *("web_search", {"queries": []}, OMITTED)),
        (
            {
                "type": "file_search_call",
                "queries": ["cake"],
                "results": [{"file_id": "file-1", "filename": "a.txt", "text": "Cake.", "page": 3, "score": None}],
            },
            *("file_search", {"queries": ["cake"]}, "\u30109000:0\u2020a.txt\u3011 page 3\nCake."),
        ),
        ({"type": "file_search_call", "queries": ["cake"]}, *("file_search", {"queries": ["cake"]}, OMITTED)),
        (
            {
                "type": "code_interpreter_call",
                "code": "1+1",
                "outputs": [{"type": "logs", "logs": "2"}, {"type": "image", "url": "data:image/png;base64,AAAA"}],
            },
            *("code_interpreter", {"code": "1+1"}, "2\n[1 figure shown to the user]"),
        ),
        ({"type": "code_interpreter_call", "code": "1+1"}, *("code_interpreter", {"code": "1+1"}, OMITTED)),
        (
            {"type": "mcp_call", "server_label": "a", "name": "roll", "arguments": '{"n":2}', "output": "7"},
            *("roll", {"n": 2}, "7"),
        ),
        (
            {
                "type": "mcp_call",
                "server_label": "a",
                "name": "roll",
                "arguments": "{}",
                "error": {"type": "http_error", "code": 424, "message": "Broken"},
            },
            *("roll", {}, "Error: Broken"),
        ),
        (
            {"type": "image_generation_call", "result": "AAAA", "revised_prompt": "A cat"},
            *("image_generation", {"prompt": "A cat"}, "It was made of this prompt: A cat"),
        ),
        ({"type": "image_generation_call", "result": "AAAA"}, *("image_generation", {}, "The image is made")),
        (
            {"type": "image_generation_call", "status": "failed", "result": None},
            *("image_generation", {}, "Error: The call failed."),
        ),
    ],
)
def test_what_a_call_returned_reaches_the_model(client, upstream, item, name, arguments, result):
    upstream.answer(text("Yes."))
    respond(client, [{"id": "x_1", "status": "completed", **item}, QUESTION])
    ((called, sent, returned),) = told(upstream)
    assert (called, sent) == (name, arguments)
    assert result in returned


@on_both
def test_a_stored_call_without_its_results_is_completed_from_the_store(client, upstream):
    foods = store_of(client, ("foods.txt", FOODS))
    tools = [{"type": "file_search", "vector_store_ids": [foods.id]}]
    upstream.answer(calls(call("file_search", queries=["Filip cake"])), text("Cake."))
    first = respond(client, "What does Filip like?", tools=tools)
    search = first.output[0].to_dict()
    assert search["results"] is None
    upstream.answer(text("Yes."))
    respond(client, [search, QUESTION])
    ((_, _, result),) = told(upstream)
    assert "Filip Carola: cake" in result
    # One of an unknown id, and one of another type, stay as they came.
    for item in ({**search, "id": "fs_unknown"}, {"type": "web_search_call", "id": search["id"]}):
        upstream.answer(text("Yes."))
        respond(client, [item, QUESTION])
        assert OMITTED in told(upstream)[0][2]


@on_both
def test_reasoning_returns_to_the_model_however_it_is_sent(client, upstream):
    asks = {"tool_calls": [{"index": 0, "id": "call_a", "function": {"name": "get_weather", "arguments": "{}"}}]}
    upstream.answer(deltas({"reasoning_content": "Think hard."}, asks, finish="tool_calls"))
    tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
    made = respond(client, "Weather?", tools=[tool], include=["reasoning.encrypted_content"])
    reasoning, called = (one.to_dict() for one in made.output)
    output = {"type": "function_call_output", "call_id": "call_a", "output": "Sunny"}
    content = [{"type": "reasoning_text", "text": "Think hard."}]
    for sent in (
        reasoning,
        {**reasoning, "encrypted_content": None},
        {"type": "reasoning", "summary": [], "content": content},
        {"type": "reasoning", "summary": [], "content": content, "encrypted_content": "foreign"},
    ):
        upstream.answer(text("Sunny."))
        respond(client, [{"role": "user", "content": "Weather?"}, sent, called, output], tools=[tool])
        (message,) = [one for one in upstream.requests[-1].body["messages"] if one["role"] == "assistant"]
        assert message["reasoning_content"] == "Think hard."


def test_the_calls_of_a_conversation_reach_the_model_as_well(client, upstream):
    item = {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": SEARCH_ACTION,
        "results": [{"url": "https://a.example/x", "title": "Engines", "text": "Six cylinders."}],
    }
    conversation = client.conversations.create(items=[item])
    upstream.answer(text("Six\u30101001:0\u2020a.example\u3011."))
    made = client.responses.create(model=MODEL, input="So?", conversation=conversation.id)
    ((_, _, result),) = told(upstream)
    assert "Six cylinders." in result
    assert made.output_text == "Six ([a.example](https://a.example/x))."
    listed = client.conversations.items.list(conversation.id, order="asc").data[0].to_dict()
    assert (listed["type"], listed["action"]) == ("web_search_call", SEARCH_ACTION)


def test_more_results_than_any_search_returns_are_refused(server):
    item = {"type": "web_search_call", "action": SEARCH_ACTION, "results": [{}] * 1001}
    reply = server.ask("POST", "/responses", {"model": MODEL, "input": [item]})
    error = reply.json["error"]
    assert (reply.status, error["param"], error["code"]) == (400, "input[0].results", "array_above_max_length")
