"""Tool search of responses: deferred tools are hidden until the model or the client loads them."""

import json

from e2e.assistants_client import on_both
from e2e.test_response_tools import CALENDAR, EVENTS, function, offered, told
from e2e.test_responses import MODEL, ended, respond
from upstream import call, calls, text

SEARCH = {"type": "tool_search"}
LATER = function(defer_loading=True, description="The weather of a city")
EVENTS_LATER = {**EVENTS, "defer_loading": True}
GROUP = {**CALENDAR, "tools": [EVENTS_LATER, CALENDAR["tools"][1]]}
LOAD = calls(call("tool_search", call_id="call_s", paths=["weather", "calendar.list_events"]))
TOOLS = [SEARCH, LATER, GROUP]
LOADED = {"calendar__note", "tool_search", "calendar__list_events", "get_weather"}


@on_both
def test_the_model_loads_deferred_tools_and_calls_them(client, upstream):
    upstream.answer(LOAD, calls(call("calendar__list_events", call_id="call_a")))
    made = respond(client, "Events?", tools=TOOLS)
    first = {one["function"]["name"]: one["function"] for one in upstream.requests[0].body["tools"]}
    assert set(first) == {"calendar__note", "tool_search"}
    assert "- get_weather: The weather of a city" in first["tool_search"]["description"]
    assert "- calendar.list_events" in first["tool_search"]["description"]
    assert set(offered(upstream)) == LOADED
    (called, output) = told(upstream)[-2:]
    assert called["tool_calls"][0]["function"]["name"] == "tool_search"
    assert output["tool_call_id"] == called["tool_calls"][0]["id"]
    assert output["content"] == "Tools that can be called now: get_weather, calendar.list_events."
    searched, loaded, asked = (one.to_dict() for one in made.output)
    assert searched["id"].startswith("tsc_")
    assert {name: one for name, one in searched.items() if name != "id"} == {
        "type": "tool_search_call",
        "status": "completed",
        "arguments": {"paths": ["weather", "calendar.list_events"]},
        "call_id": None,
        "execution": "server",
    }
    assert loaded["id"].startswith("tso_")
    assert (loaded["type"], loaded["call_id"], loaded["execution"]) == ("tool_search_output", None, "server")
    assert [(one["type"], one["name"]) for one in loaded["tools"]] == [
        ("function", "get_weather"),
        ("namespace", "calendar"),
    ]
    assert [one["name"] for one in loaded["tools"][1]["tools"]] == ["list_events"]
    assert (asked["type"], asked["namespace"], asked["name"]) == ("function_call", "calendar", "list_events")
    assert client.responses.retrieve(made.id).to_dict()["output"] == made.to_dict()["output"]

    # What was loaded stays loaded, in the chain and for a client that sends its history itself.
    answer = {"type": "function_call_output", "call_id": "call_a", "output": "None"}
    upstream.answer(text("None."), text("None."))
    respond(client, [answer], previous_response_id=made.id, tools=TOOLS)
    assert set(offered(upstream)) == LOADED
    history = [{"role": "user", "content": "Events?"}, *(one.to_dict() for one in made.output), answer]
    respond(client, history, tools=TOOLS, store=False)
    assert set(offered(upstream)) == LOADED


def test_the_items_of_a_search_are_streamed_and_replayed(client, upstream):
    upstream.answer(LOAD, text("Done."))
    with client.responses.create(model=MODEL, input="Hi", tools=TOOLS, background=True, stream=True) as stream:
        live = [one.to_dict() for one in stream]
    items = [(one["type"], one["item"]["type"]) for one in live if "output_item" in one["type"]]
    assert items == [
        ("response.output_item.added", "tool_search_call"),
        ("response.output_item.done", "tool_search_call"),
        ("response.output_item.added", "tool_search_output"),
        ("response.output_item.done", "tool_search_output"),
        ("response.output_item.added", "message"),
        ("response.output_item.done", "message"),
    ]
    response_id = live[0]["response"]["id"]
    ended(client, response_id)
    with client.responses.retrieve(response_id, stream=True) as stream:
        again = [one.type for one in stream if not one.type.endswith("delta")]
    assert again == [one["type"] for one in live if not one["type"].endswith("delta")]


@on_both
def test_conversations_list_the_items_of_a_search(client, upstream):
    upstream.answer(LOAD, text("Done."))
    conversation = client.conversations.create()
    respond(client, tools=TOOLS, conversation=conversation.id)
    listed = client.conversations.items.list(conversation.id, order="asc").to_dict()["data"]
    assert [one["type"] for one in listed] == ["message", "tool_search_call", "tool_search_output", "message"]
    assert set(listed[1]) == {"id", "type", "status", "arguments", "call_id", "execution"}
    assert set(listed[2]) == {"id", "type", "status", "call_id", "execution", "tools"}


def test_a_search_without_matches_tells_the_model(client, upstream):
    upstream.answer(calls(call("tool_search", paths=["nothing like it"])), text("Sorry."))
    made = respond(client, tools=TOOLS)
    assert told(upstream)[-1]["content"] == "No tools were found."
    assert made.to_dict()["output"][1]["tools"] == []
    assert set(offered(upstream)) == {"calendar__note", "tool_search"}


def test_a_tool_that_the_choice_names_is_not_hidden(client, upstream):
    upstream.answer(calls(call("get_weather", call_id="call_a")))
    respond(client, tools=TOOLS, tool_choice={"type": "function", "name": "get_weather"})
    assert set(offered(upstream)) == {"get_weather", "calendar__note", "tool_search"}
    upstream.answer(text("Yes."))
    respond(client, tools=[function(defer_loading=True)])
    assert set(offered(upstream)) == {"get_weather"}


def test_a_search_of_the_client_hides_tools_until_the_client_returns_them(client, upstream):
    search = {**SEARCH, "execution": "client"}
    upstream.answer(calls(call("tool_search", call_id="call_s", query="weather")))
    made = respond(client, tools=[search, LATER])
    assert set(offered(upstream)) == {"tool_search"}
    (called,) = made.output
    assert (called.type, called.execution, called.call_id) == ("tool_search_call", "client", "call_s")
    found = {"type": "tool_search_output", "call_id": "call_s", "execution": "client", "tools": [LATER]}
    upstream.answer(text("Done."))
    respond(client, [found], previous_response_id=made.id, tools=[search, LATER])
    assert set(offered(upstream)) == {"tool_search", "get_weather"}


def test_tokens_of_hidden_tools_are_not_counted(server):
    large = {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(300)}}
    hidden = function(defer_loading=True, parameters=large)

    def count(*tools):
        body = {"model": MODEL, "input": "Hi", "tools": tools}
        return server.ask("POST", "/responses/input_tokens", body).json["input_tokens"]

    counted = [count(hidden), count(SEARCH, hidden)]
    assert counted[1] < counted[0] / 4, json.dumps(counted)
