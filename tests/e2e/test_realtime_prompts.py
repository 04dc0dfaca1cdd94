"""Stored prompts in realtime sessions: resolved here, since the provider does not know them."""

import pytest

from e2e.assistants_client import on_both
from e2e.realtime_sockets import open_realtime

FUNCTION = {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}}


def new_prompt(server, **members):
    reply = server.ask("POST", "/v1/prompts", members)
    assert reply.status == 200, reply.json
    return reply.json["id"]


def refusal_of(client, kind, **members):
    client.send(kind, event_id="mine", **members)
    error = client.until("error")[-1]["error"]
    assert error["event_id"] == "mine"
    return error["code"], error["param"]


@on_both
def test_a_session_and_a_response_get_the_instructions_and_tools_of_their_prompt(server, upstream):
    prompt = new_prompt(
        server,
        instructions="Talk about {{topic}}.",
        messages=[{"role": "system", "content": "Be brief."}],
        tools=[FUNCTION],
        tool_choice="required",
    )
    reference = {"id": prompt, "variables": {"topic": "ducks"}}
    with open_realtime(server) as client:
        client.send("session.update", session={"type": "realtime", "instructions": "Hello.", "prompt": reference})
        client.until("session.updated")
        client.send("response.create", response={"prompt": reference, "tools": []})
        client.until("response.done")
    session = upstream.realtime.wait_for(1)
    assert session.wait_for("session.update")["session"] == {
        "type": "realtime",
        "instructions": "Hello.\n\nTalk about ducks.\n\nBe brief.",
        "tools": [FUNCTION],
        "tool_choice": "required",
    }
    assert session.wait_for("response.create")["response"] == {
        "instructions": "Talk about ducks.\n\nBe brief.",
        "tools": [],
        "tool_choice": "required",
    }


def test_a_prompt_of_the_provider_is_relayed(server, upstream):
    reference = {"id": "pmpt_of_the_provider", "version": "7", "other": 1}
    with open_realtime(server) as client:
        client.send("session.update", session={"type": "realtime", "prompt": reference})
        client.until("session.updated")
    assert upstream.realtime.wait_for(1).wait_for("session.update")["session"]["prompt"] == reference


@pytest.mark.parametrize(
    ("members", "reference", "code", "param"),
    [
        ({"instructions": "{{a}}"}, {}, "missing_variables", "prompt.variables"),
        ({"instructions": "Hi"}, {"variables": {"b": "c"}}, "unknown_variables", "prompt.variables"),
        ({"instructions": "Hi"}, {"version": "9"}, None, None),
        ({"instructions": "Hi"}, {"version": 1}, "invalid_value", "prompt"),
        (
            {"instructions": "{{a}}"},
            {"variables": {"a": {"type": "input_image", "image_url": "https://example.com/a.png"}}},
            "invalid_value",
            "prompt.variables",
        ),
        ({"messages": [{"role": "user", "content": "Hi"}]}, {}, "unsupported_prompt", "prompt"),
        ({"instructions": "Hi", "tools": [{"type": "web_search"}]}, {}, "unsupported_tool", "prompt"),
    ],
)
def test_a_prompt_that_cannot_be_used_is_refused(server, upstream, members, reference, code, param):
    reference = {"id": new_prompt(server, **members), **reference}
    with open_realtime(server) as client:
        client.receive()
        for kind, holder in (("session.update", "session"), ("response.create", "response")):
            place = None if param is None else f"{holder}.{param}"
            assert refusal_of(client, kind, **{holder: {"prompt": reference}}) == (code, place)
        client.say("Hello")
    assert all("prompt" not in str(one) for one in upstream.realtime.wait_for(1).received)
    for path, body, place in (
        ("client_secrets", {"session": {"type": "realtime", "prompt": reference}}, "session."),
        ("sessions", {"prompt": reference}, ""),
    ):
        reply = server.ask("POST", f"/v1/realtime/{path}", body)
        assert reply.status in {400, 404}
        error = reply.json["error"]
        assert (error["code"], error["param"]) == (code, None if param is None else place + param)


@on_both
def test_a_session_of_a_client_secret_has_its_prompt_as_it_is_when_it_opens(server, upstream):
    prompt = new_prompt(server, instructions="One.")
    config = {"type": "realtime", "prompt": {"id": prompt}}
    made = server.ask("POST", "/v1/realtime/client_secrets", {"session": config}).json
    assert made["session"]["prompt"] == {"id": prompt}
    assert server.ask("POST", f"/v1/prompts/{prompt}/versions", {"instructions": "Two."}).status == 200
    with open_realtime(server, key=made["value"]) as client:
        assert client.receive()["session"]["instructions"] == "Two."
    assert "prompt" not in upstream.realtime.wait_for(1).wait_for("session.update")["session"]
