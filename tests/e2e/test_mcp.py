"""Remote MCP servers as tools of runs, against a real one: offered, called, approved of, and never beyond what is allowed."""

import json
import sqlite3

import openai
import pytest

from e2e.assistants_client import ENDED, new_thread, reached, run_of, texts
from envelope import assert_error
from mcp_server import SECRET, McpProcess
from serving import Server, serve
from upstream import call, calls, text
from waiting import eventually


@pytest.fixture(scope="module")
def dice(tmp_path_factory):
    with McpProcess(tmp_path_factory.mktemp("mcp")) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with McpProcess(tmp_path_factory.mktemp("mcp"), guarded=True) as running:
        yield running


@pytest.fixture(scope="module")
def mcp_server(session_upstream, tmp_path_factory, dice, guarded):
    allowed = f"{dice.url},{guarded.url},http://127.0.0.1:9/mcp"
    yield from serve(Server(tmp_path_factory.mktemp("server"), session_upstream.url, mcp__allowed=allowed))


@pytest.fixture
def client(mcp_server):
    return mcp_server.client


def mcp(server, **members):
    return {"type": "mcp", "server_label": "dice", "server_url": server.url, "require_approval": "never", **members}


def roller(client, server, *more, **members):
    return client.beta.assistants.create(model="gpt-4o", tools=[mcp(server, **members), *more])


def roll(expression="2d4+1", **members):
    return call("roll", expression=expression, **members)


def made_by(mcp_server, run):
    """The calls of the run's first step that called something, as they are sent."""
    steps = mcp_server.ask("GET", f"/v1/threads/{run.thread_id}/runs/{run.id}/steps?order=asc").json["data"]
    return next(step["step_details"]["tool_calls"] for step in steps if step["type"] == "tool_calls")


def approval(mcp_server, run, approve=True, **members):
    asked = run.required_action.to_dict()["submit_tool_approval"]["tool_calls"]
    approvals = [{"tool_call_id": one["id"], "approve": approve, **members} for one in asked]
    path = f"/v1/threads/{run.thread_id}/runs/{run.id}/submit_tool_outputs"
    return asked, mcp_server.ask("POST", path, {"tool_approvals": approvals})


@pytest.mark.proves("mcp.calls", "mcp.shape")
def test_a_listed_server_receives_the_trace_of_the_request_that_created_the_run(client, upstream, dice):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    upstream.answer(calls(roll()), text("You rolled 7."))
    run = client.beta.threads.runs.create_and_poll(
        thread_id=new_thread(client, "Roll 2d4+1").id,
        assistant_id=roller(client, dice).id,
        extra_headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"},
    )
    assert run.status == "completed"
    assert dice.calls()[-1]["traceparent"] == f"00-{trace}-00f067aa0ba902b7-01"


def test_a_run_calls_a_remote_tool_and_sends_its_output_to_the_model(mcp_server, client, upstream, dice):
    upstream.answer(calls(roll(call_id="call_r")), text("You rolled 7."))
    assistant = roller(client, dice)
    thread = new_thread(client, "Roll 2d4+1")
    run = run_of(client, thread, assistant)
    assert (run.status, texts(client, thread)[-1]) == ("completed", "You rolled 7.")
    (offered,) = [one["function"] for one in upstream.requests[0].body["tools"] if one["function"]["name"] == "roll"]
    assert offered["description"] == "Rolls dice, like 2d4+1."
    assert offered["parameters"]["properties"]["expression"]["type"] == "string"
    said = upstream.requests[1].body["messages"][-1]
    assert said == {"role": "tool", "tool_call_id": "call_r", "content": "rolled 2d4+1: 7"}
    assert made_by(mcp_server, run) == [
        {
            "id": "call_r",
            "type": "mcp",
            "server_label": "dice",
            "name": "roll",
            "arguments": '{"expression": "2d4+1"}',
            "output": "rolled 2d4+1: 7",
        }
    ]


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.proves("mcp.calls")
def test_structured_content_without_content_reaches_the_model_as_json(mcp_server, client, upstream, dice, bare):
    upstream.answer(calls(call("tally", bare=bare)), text("36."))
    run = run_of(client, new_thread(client, "Count"), roller(client, dice))
    assert run.status == "completed"
    told = upstream.requests[1].body["messages"][-1]["content"]
    assert json.loads(told) == {"total": 36, "bare": bare}
    (made,) = made_by(mcp_server, run)
    assert made["output"] == told


@pytest.mark.proves("mcp.calls")
def test_the_output_of_a_remote_tool_is_sent_in_later_runs(client, upstream, dice):
    upstream.answer(calls(roll()), text("Seven."), text("Seven, as I said."))
    assistant, thread = roller(client, dice), new_thread(client, "Roll")
    run_of(client, thread, assistant)
    client.beta.threads.messages.create(thread.id, role="user", content="What was it?")
    run_of(client, thread, assistant)
    told = upstream.requests[-1].body["messages"]
    assert [one["content"] for one in told if one["role"] == "tool"] == ["rolled 2d4+1: 7"]


@pytest.mark.proves("mcp.streams")
def test_a_stream_contains_the_mcp_call_and_can_be_replayed(mcp_server, client, upstream, dice):
    upstream.answer(calls(roll(call_id="call_r", pieces=2)), text("Seven."))
    assistant, thread = roller(client, dice), new_thread(client, "Roll")
    events = mcp_server.events(f"/v1/threads/{thread.id}/runs", {"assistant_id": assistant.id})
    deltas = [
        data["delta"]["step_details"]["tool_calls"][0] for name, data in events if name == "thread.run.step.delta"
    ]
    assert deltas[0] == {
        "index": 0,
        "id": "call_r",
        "type": "mcp",
        "server_label": "dice",
        "name": "roll",
        "arguments": "",
        "output": None,
    }
    assert "".join(one.get("arguments", "") for one in deltas) == '{"expression": "2d4+1"}'
    assert deltas[-1] == {"index": 0, "type": "mcp", "output": "rolled 2d4+1: 7"}
    upstream.answer(calls(roll()), text("Seven."))
    with client.beta.threads.runs.stream(thread_id=new_thread(client, "Roll").id, assistant_id=assistant.id) as stream:
        stream.until_done()
        assert stream.get_final_run_steps()[0].step_details.tool_calls[0].output == "rolled 2d4+1: 7"


@pytest.mark.proves("mcp.allowed_tools")
@pytest.mark.parametrize(
    ("allowed", "offered"),
    [
        (["fail"], ["fail"]),
        ({"tool_names": ["roll", "fail"]}, ["fail", "roll"]),
        ({"read_only": True}, ["roll"]),
        ({"read_only": False, "tool_names": ["roll"]}, []),
        (None, ["fail", "roll", "search_web", "shout", "sleep", "tally"]),
    ],
)
def test_only_allowed_tools_are_offered(client, upstream, dice, allowed, offered):
    upstream.answer(text("Hello"))
    run_of(client, new_thread(client, "Hi"), roller(client, dice, allowed_tools=allowed))
    assert sorted(one["function"]["name"] for one in upstream.requests[0].body.get("tools", ())) == offered


def test_a_function_of_the_client_has_priority_over_a_remote_tool_of_that_name(client, upstream, dice):
    own = {"type": "function", "function": {"name": "roll"}}
    upstream.answer(calls(call("dice_roll", expression="1d6")), text("Seven."))
    run = run_of(client, new_thread(client, "Roll"), roller(client, dice, own))
    assert run.status == "completed"
    names = [one["function"]["name"] for one in upstream.requests[0].body["tools"]]
    assert {"roll", "dice_roll"} <= set(names)
    assert dice.calls()[-1] == {"name": "roll", "expression": "1d6"}


@pytest.mark.proves("mcp.failures")
def test_the_error_of_a_remote_tool_is_sent_to_the_model(mcp_server, client, upstream, dice):
    upstream.answer(calls(call("fail", call_id="call_f", reason="no dice")), text("It failed."))
    run = run_of(client, new_thread(client, "Fail"), roller(client, dice))
    assert run.status == "completed"
    assert "no dice" in upstream.requests[1].body["messages"][-1]["content"]
    (made,) = made_by(mcp_server, run)
    assert made["output"] is None
    assert "no dice" in made["error"]


@pytest.mark.proves("mcp.failures")
def test_an_unavailable_mcp_server_fails_the_run(client):
    tool = {"type": "mcp", "server_label": "gone", "server_url": "http://127.0.0.1:9/mcp"}
    assistant = client.beta.assistants.create(model="gpt-4o", tools=[tool])
    run = run_of(client, new_thread(client, "Roll"), assistant)
    assert (run.status, run.last_error.code) == ("failed", "server_error")
    assert run.last_error.message == (
        "Error retrieving tool list from MCP server: 'gone'. The MCP server could not be used: it could not be connected to."
    )


@pytest.mark.proves("mcp.approval")
def test_a_call_that_needs_approval_waits_for_it(mcp_server, client, upstream, dice):
    upstream.answer(calls(roll("3d6", call_id="call_r")), text("Seven."))
    assistant = roller(client, dice, require_approval="always")
    thread = new_thread(client, "Roll")
    before = len(dice.calls())
    run = run_of(client, thread, assistant)
    assert run.status == "requires_action"
    assert run.required_action.to_dict() == {
        "type": "submit_tool_approval",
        "submit_tool_approval": {
            "tool_calls": [
                {
                    "id": "call_r",
                    "type": "mcp",
                    "server_label": "dice",
                    "name": "roll",
                    "arguments": '{"expression": "3d6"}',
                }
            ]
        },
    }
    assert len(dice.calls()) == before
    path = f"/v1/threads/{thread.id}/runs/{run.id}/submit_tool_outputs"
    reply = mcp_server.ask("POST", path, {"tool_outputs": [{"tool_call_id": "call_r", "output": "9"}]})
    assert_error(reply, 400, "The run waits for approvals. Send them as 'tool_approvals'.", "tool_outputs")
    reply = mcp_server.ask("POST", path, {"tool_approvals": [{"tool_call_id": "call_x", "approve": True}]})
    assert_error(reply, 400, "Expected tool approvals for call_ids ['call_r'], got ['call_x']")
    _, reply = approval(mcp_server, run)
    assert (reply.status, reply.json["status"], reply.json["required_action"]) == (200, "queued", None)
    assert reached(client, run).status == "completed"
    assert dice.calls()[before:] == [{"name": "roll", "expression": "3d6"}]
    assert texts(client, thread)[-1] == "Seven."


@pytest.mark.proves("mcp.approval")
def test_a_call_that_is_denied_is_never_made(mcp_server, client, upstream, dice):
    upstream.answer(calls(roll("9d9")), text("Then not."))
    run = run_of(client, new_thread(client, "Roll"), roller(client, dice, require_approval="always"))
    _, reply = approval(mcp_server, run, approve=False)
    assert reply.status == 200
    assert reached(client, run).status == "completed"
    assert {"name": "roll", "expression": "9d9"} not in dice.calls()
    assert upstream.requests[1].body["messages"][-1]["content"] == "Error: The user did not approve of this call."


@pytest.mark.proves("mcp.approval")
def test_of_several_calls_only_those_under_the_rule_wait(mcp_server, client, upstream, dice):
    """One is made at once, one waits for approval, and after that the client's own function waits for its output."""
    own = {"type": "function", "function": {"name": "own"}}
    rule = {"always": {"tool_names": ["fail"]}, "never": {"tool_names": ["roll"]}}
    several = roll("1d4", call_id="a"), call("fail", call_id="b", reason="x"), call("own", call_id="c")
    upstream.answer(calls(*several), text("Done."))
    run = run_of(client, new_thread(client, "Go"), roller(client, dice, own, require_approval=rule))
    asked, _ = approval(mcp_server, run)
    assert [one["id"] for one in asked] == ["b"]
    assert dice.calls()[-1] == {"name": "roll", "expression": "1d4"}
    run = reached(client, run, "requires_action")
    eventually(
        lambda: (
            client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id).required_action.type
            == "submit_tool_outputs"
        )
    )
    outputs = [{"tool_call_id": "c", "output": "mine"}]
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs, poll_interval_ms=10
    )
    assert run.status == "completed"
    told = [
        (one["tool_call_id"], one["content"]) for one in upstream.requests[-1].body["messages"] if one["role"] == "tool"
    ]
    assert dict(told)["a"] == "rolled 1d4: 7"
    assert dict(told)["b"].startswith("Error: ")
    assert dict(told)["c"] == "mine"


@pytest.mark.slow
@pytest.mark.proves("mcp.approval")
def test_a_pending_approval_survives_a_crash(new_server, upstream, dice):
    server = new_server(mcp__allowed=dice.url).start()
    upstream.answer(calls(roll("5d5")))
    run = run_of(
        server.client, new_thread(server.client, "Roll"), roller(server.client, dice, require_approval="always")
    )
    server.kill()
    server.start()
    run = server.client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
    assert run.status == "requires_action"
    upstream.answer(text("Seven."))
    _, reply = approval(server, run)
    assert reply.status == 200
    assert reached(server.client, run).status == "completed"
    assert dice.calls().count({"name": "roll", "expression": "5d5"}) == 1


@pytest.mark.proves("mcp.headers")
def test_mcp_headers_are_sent_to_the_mcp_server_only(mcp_server, client, upstream, guarded):
    upstream.answer(calls(roll()), text("Seven."))
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(client, "Roll")
    events = mcp_server.events(
        f"/v1/threads/{thread.id}/runs", {"assistant_id": assistant.id, "tools": [mcp(guarded, headers=SECRET)]}
    )
    assert events[-2][1]["status"] == "completed"
    run_id = events[0][1]["id"]
    for path in (f"/v1/threads/{thread.id}/runs/{run_id}", f"/v1/threads/{thread.id}/runs/{run_id}/steps"):
        assert "sesame" not in mcp_server.ask("GET", path).body.decode()
    assert "sesame" not in json.dumps(events)
    assert "sesame" not in json.dumps([request.body for request in upstream.requests])
    assert "sesame" not in mcp_server.log.read_text()
    with sqlite3.connect(mcp_server.data / "understudy.sqlite3") as database:
        kept = database.execute("SELECT progress, body FROM runs WHERE id = ?", (run_id,)).fetchone()
    database.close()
    assert "sesame" not in "".join(kept)


@pytest.mark.proves("mcp.headers")
def test_headers_may_come_with_the_approval(mcp_server, client, upstream, guarded):
    without = run_of(client, new_thread(client, "Roll"), roller(client, guarded))
    assert without.status == "failed"
    assert without.last_error.message.endswith("it answered with the status 401.")


REFUSED = [
    (
        {"server_url": "https://elsewhere.example/mcp"},
        "The MCP server 'https://elsewhere.example/mcp' is not allowed on this server. Its operator allows servers with `mcp.allowed`.",
        "tools[0].server_url",
        "unsupported_value",
    ),
    (
        {"headers": {"authorization": "Bearer x"}},
        "Headers are not stored with an assistant. Leave them out here, and send them with each run.",
        "tools[0].headers",
        "unsupported_parameter",
    ),
]


@pytest.mark.proves("mcp.operator")
@pytest.mark.parametrize(("change", "message", "param", "code"), REFUSED)
def test_an_invalid_mcp_tool_of_an_assistant_is_refused(mcp_server, dice, change, message, param, code):
    body = {"model": "gpt-4o", "tools": [{**mcp(dice), **change}]}
    assert_error(mcp_server.ask("POST", "/v1/assistants", body), 400, message, param, code)


@pytest.mark.parametrize("headers", [{"host": "evil"}, {"a b": "c"}, {"x": "line\r\nbreak"}])
def test_headers_that_cannot_be_sent_are_refused(mcp_server, client, dice, headers):
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(client, "Roll")
    body = {"assistant_id": assistant.id, "tools": [mcp(dice, headers=headers)]}
    reply = mcp_server.ask("POST", f"/v1/threads/{thread.id}/runs", body)
    assert (reply.status, reply.json["error"]["param"]) == (400, "tools[0].headers")
    assert "break" not in reply.json["error"]["message"]


def test_two_mcp_servers_with_one_label_are_refused(mcp_server, dice):
    body = {"model": "gpt-4o", "tools": [mcp(dice), mcp(dice)]}
    said = "Invalid 'tools[1].server_label': 'dice' is already the label of another server."
    assert_error(mcp_server.ask("POST", "/v1/assistants", body), 400, said, "tools[1].server_label", "invalid_value")


@pytest.mark.proves("mcp.operator")
def test_without_a_setting_no_server_is_allowed(server, dice):
    reply = server.ask("POST", "/v1/assistants", {"model": "gpt-4o", "tools": [mcp(dice)]})
    assert (reply.status, reply.json["error"]["code"]) == (400, "unsupported_value")


def test_a_run_can_be_cancelled_while_a_remote_tool_hangs(client, upstream, dice):
    upstream.answer(calls(call("sleep")))
    thread = new_thread(client, "Sleep")
    before = len(dice.calls())
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=roller(client, dice).id)
    eventually(lambda: len(dice.calls()) > before)
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    assert reached(client, run).status == "cancelled"
    assert reached(client, run).status in ENDED
    with pytest.raises(openai.BadRequestError):
        client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
