"""Remote MCP servers as tools of responses: listed once, called, approved; their headers are never returned."""

import json

import openai
import pytest

from mcp_server import SECRET, McpProcess
from serving import Server, serve
from upstream import call, calls, text

MODEL = "gpt-4o"


@pytest.fixture(scope="module")
def dice(tmp_path_factory):
    with McpProcess(tmp_path_factory.mktemp("mcp"), guarded=True) as running:
        yield running


@pytest.fixture(scope="module")
def mcp_server(session_upstream, tmp_path_factory, dice):
    yield from serve(Server(tmp_path_factory.mktemp("server"), session_upstream.url, mcp__allowed=dice.url))


@pytest.fixture
def client(mcp_server):
    return mcp_server.client


def mcp(server, **members):
    return {
        "type": "mcp",
        "server_label": "dice",
        "server_url": server.url,
        "require_approval": "never",
        "headers": SECRET,
        **members,
    }


ROLL = call("roll", call_id="call_r", expression="2d4+1")


@pytest.mark.proves("responses.mcp")
def test_a_response_lists_the_mcp_tools_and_calls_one(client, upstream, dice):
    upstream.answer(calls(ROLL), text("You rolled 7."))
    events = list(client.responses.create(model=MODEL, input="Roll 2d4+1", tools=[mcp(dice)], stream=True))
    listed, called, message = events[-1].response.output
    assert (listed.type, listed.server_label) == ("mcp_list_tools", "dice")
    assert "roll" in [tool.name for tool in listed.tools]
    assert (called.type, called.name, json.loads(called.arguments)) == ("mcp_call", "roll", {"expression": "2d4+1"})
    assert (called.output, called.error, called.approval_request_id) == ("rolled 2d4+1: 7", None, None)
    opened = next(event.item for event in events if event.type.endswith("added") and event.item.type == "mcp_call")
    assert (opened.status, called.status) == ("in_progress", "completed")
    assert message.content[0].text == "You rolled 7."
    kinds = [event.type for event in events]
    assert kinds[2:6] == [
        "response.output_item.added",
        "response.mcp_list_tools.in_progress",
        "response.mcp_list_tools.completed",
        "response.output_item.done",
    ]
    assert kinds[6:8] == ["response.output_item.added", "response.mcp_call.in_progress"]
    assert [kind for kind in kinds if kind.startswith("response.mcp_call")][-2:] == [
        "response.mcp_call_arguments.done",
        "response.mcp_call.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    # In the same conversation they are not listed again.
    upstream.answer(text("Seven."))
    again = client.responses.create(
        model=MODEL, input="What was it?", tools=[mcp(dice)], previous_response_id=events[-1].response.id
    )
    assert [item.type for item in again.output] == ["message"]
    assert "rolled 2d4+1: 7" in [one["content"] for one in upstream.requests[-1].body["messages"]]


@pytest.mark.parametrize(("approve", "said"), [(True, "rolled 2d4+1: 7"), (False, None)])
def test_a_guarded_call_waits_for_the_next_response(client, upstream, dice, approve, said):
    upstream.answer(calls(ROLL), text("Done."))
    tools = [mcp(dice, require_approval="always")]
    asking = client.responses.create(model=MODEL, input="Roll", tools=tools)
    assert asking.status == "completed"
    request = asking.output[-1]
    assert (request.type, request.name, request.server_label) == ("mcp_approval_request", "roll", "dice")
    answer = {"type": "mcp_approval_response", "approval_request_id": request.id, "approve": approve}
    done = client.responses.create(model=MODEL, input=[answer], tools=tools, previous_response_id=asking.id)
    called, message = done.output
    assert (called.type, called.output, called.approval_request_id) == ("mcp_call", said, request.id)
    assert (called.error is None) is approve
    assert message.content[0].text == "Done."


def test_a_failed_call_has_the_kind_of_its_error(mcp_server, client, upstream, dice):
    upstream.answer(calls(call("fail", call_id="call_f", reason="no dice")), text("Sorry."))
    events = list(client.responses.create(model=MODEL, input="Fail", tools=[mcp(dice)], stream=True))
    made = events[-1].response
    called = made.output[1].to_dict()
    content = [{"type": "text", "text": "Error executing tool fail: no dice"}]
    assert (called["status"], called["error"]) == ("failed", {"type": "mcp_tool_execution_error", "content": content})
    assert "response.mcp_call.failed" in [event.type for event in events]
    assert "Error: Error executing tool fail: no dice" in [
        one["content"] for one in upstream.requests[-1].body["messages"]
    ]
    read = mcp_server.ask("GET", f"/responses/{made.id}").json["output"][1]
    assert list(read)[:4] == ["id", "type", "status", "approval_request_id"]
    # It may be sent back, as the item that it is.
    upstream.answer(text("Again?"))
    replayed = [{"role": "user", "content": "Fail"}, read, {"role": "user", "content": "And?"}]
    again = client.responses.create(model=MODEL, input=replayed, tools=[mcp(dice)])
    assert "Error: Error executing tool fail: no dice" in [
        one["content"] for one in upstream.requests[-1].body["messages"]
    ]
    items = client.responses.input_items.list(again.id, order="asc").data
    assert [one.to_dict() for one in items if one.type == "mcp_call"] == [read | {"id": items[1].id}]


def test_a_failed_mcp_tool_listing_fails_the_response_and_is_in_its_output(client, tmp_path, new_server, upstream):
    with McpProcess(tmp_path) as gone:
        served = new_server(mcp__allowed=gone.url).start()
    events = list(served.client.responses.create(model=MODEL, input="Hi", tools=[mcp(gone)], stream=True))
    assert [event.type for event in events][2:] == [
        "response.output_item.added",
        "response.mcp_list_tools.in_progress",
        "response.mcp_list_tools.failed",
        "response.output_item.done",
        "response.failed",
    ]
    (listed,) = events[-1].response.output
    assert (listed.type, listed.tools) == ("mcp_list_tools", [])
    assert "could not be used" in listed.error
    assert "could not be used" in events[-1].response.error.message


def test_an_approval_of_an_unknown_request_is_refused(client, dice):
    answer = {"type": "mcp_approval_response", "approval_request_id": "mcpr_x", "approve": True}
    with pytest.raises(openai.BadRequestError, match="No approval request found with id 'mcpr_x'"):
        client.responses.create(model=MODEL, input=[answer], tools=[mcp(dice)])


def test_mcp_headers_are_never_returned_or_logged(mcp_server, client, upstream, dice):
    upstream.answer(text("Hi."))
    made = client.responses.create(model=MODEL, input="Hi", tools=[mcp(dice)])
    shown = mcp_server.ask("GET", f"/responses/{made.id}").body.decode()
    assert SECRET["x-secret"] not in shown
    assert made.tools[0].headers is None
    assert SECRET["x-secret"] not in mcp_server.log.read_text()


def test_a_server_that_is_not_allowed_is_refused(client, dice):
    with pytest.raises(openai.BadRequestError, match="is not allowed"):
        client.responses.create(model=MODEL, input="Hi", tools=[mcp(dice, server_url="https://example.com/mcp")])


@pytest.mark.parametrize(
    ("choice", "asked"),
    [
        ({"type": "mcp", "server_label": "dice"}, "required"),
        ({"type": "mcp", "server_label": "dice", "name": "roll"}, "required"),
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp", "server_label": "dice"}]}, None),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "mcp", "server_label": "dice"}]}, "required"),
    ],
)
def test_a_choice_of_a_server_leaves_the_model_its_tools_only(client, upstream, dice, choice, asked):
    upstream.answer(calls(ROLL), text("You rolled 7."))
    own = {"type": "function", "name": "get_weather"}
    made = client.responses.create(model=MODEL, input="Roll 2d4+1", tools=[own, mcp(dice)], tool_choice=choice)
    assert made.to_dict()["tool_choice"] == choice
    first, second = (request.body for request in upstream.requests)
    names = {tool["function"]["name"] for tool in first["tools"]}
    assert "roll" in names
    assert "get_weather" not in names
    assert (len(names) == 1) is ("name" in choice)
    assert first.get("tool_choice") == asked
    # Only the first turn is bound, or the model could never answer.
    assert "tool_choice" not in second
    assert ("get_weather" in {tool["function"]["name"] for tool in second["tools"]}) is (choice["type"] == "mcp")


def test_a_choice_of_a_tool_that_the_server_does_not_offer_is_refused(client, dice):
    choice = {"type": "mcp", "server_label": "dice", "name": "nope"}
    with pytest.raises(openai.BadRequestError, match="Tool choice 'nope' not found in 'tools' parameter"):
        client.responses.create(model=MODEL, input="Roll", tools=[mcp(dice)], tool_choice=choice)


def test_deferred_tools_of_a_server_are_found_by_a_search(client, upstream, dice):
    tools = [{"type": "tool_search"}, mcp(dice, defer_loading=True, server_description="Rolls dice")]
    search = calls(call("tool_search", call_id="call_s", paths=["dice.roll"]))
    upstream.answer(search, calls(ROLL), text("4."))
    made = client.responses.create(model=MODEL, input="Roll", tools=tools)
    prompts = [one.body for one in upstream.requests]
    names = [[one["function"]["name"] for one in body["tools"]] for body in prompts]
    assert names == [["tool_search"], ["roll", "tool_search"], ["roll", "tool_search"]]
    description = prompts[0]["tools"][0]["function"]["description"]
    assert "- dice: Rolls dice\n" in description
    assert "- dice.roll" in description
    assert prompts[1]["messages"][-1]["content"] == "Tools that can be called now: dice.roll."
    assert [one.type for one in made.output] == [
        *("mcp_list_tools", "tool_search_call", "tool_search_output", "mcp_call", "message"),
    ]
    (loaded,) = made.output[2].to_dict()["tools"]
    assert {name: one for name, one in loaded.items() if one is not None} == {
        "type": "mcp",
        "server_label": "dice",
        "server_description": "Rolls dice",
        "allowed_tools": ["roll"],
        "defer_loading": True,
    }
    assert dice.url not in str(made.output[2].to_dict())
    assert client.responses.retrieve(made.id).to_dict()["output"] == made.to_dict()["output"]

    # What was loaded stays loaded, in the chain and for a client that sends its history itself.
    upstream.answer(text("Done."), text("Done."))
    client.responses.create(model=MODEL, input="Again", tools=tools, previous_response_id=made.id)
    history = [{"role": "user", "content": "Roll"}, *(one.to_dict() for one in made.output)]
    client.responses.create(model=MODEL, input=history, tools=tools, store=False)
    for request in upstream.requests[-2:]:
        assert [one["function"]["name"] for one in request.body["tools"]] == ["roll", "tool_search"]


def test_tools_of_a_server_that_the_choice_names_are_not_hidden(client, upstream, dice):
    tools = [{"type": "tool_search"}, mcp(dice, defer_loading=True)]
    upstream.answer(text("Hi."), text("Hi."))
    client.responses.create(
        model=MODEL, input="Roll", tools=tools, tool_choice={"type": "mcp", "server_label": "dice", "name": "roll"}
    )
    assert [one["function"]["name"] for one in upstream.requests[-1].body["tools"]] == ["roll"]
    # Without a search, nothing could load them.
    client.responses.create(model=MODEL, input="Roll", tools=tools[1:])
    assert "roll" in [one["function"]["name"] for one in upstream.requests[-1].body["tools"]]
