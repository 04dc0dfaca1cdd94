"""Requests as frameworks send them to `POST /responses`, recorded from their packages, and answers that these can use."""

import json

import pytest

from serving import Server, serve
from upstream import call, calls, text

WEATHER = call("get_weather", call_id="call_1", city="Paris")
ZOD = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
PYDANTIC = {
    "properties": {"city": {"type": "string"}, "unit": {"default": "c", "type": "string"}},
    "required": ["city"],
    "type": "object",
}


def weather(parameters, **members):
    tool = {"type": "function", "name": "get_weather", "description": "Weather of a city.", "parameters": parameters}
    return tool | members


def parts(said):
    return [{"role": "user", "content": [{"type": "input_text", "text": said}]}]


FRAMEWORKS = {
    # openai 1.109.1, 2.54.0 and 3.52.0, which send the same: `responses.parse` with a model of pydantic and `pydantic_function_tool`.
    "openai": {
        "input": "Weather in Paris?",
        "text": {
            "format": {
                "type": "json_schema",
                "strict": True,
                "name": "Answer",
                "schema": {
                    "properties": {"degrees": {"title": "Degrees", "type": "integer"}},
                    "required": ["degrees"],
                    "title": "Answer",
                    "type": "object",
                    "additionalProperties": False,
                },
            }
        },
        "tools": [
            weather(
                {
                    "description": "Weather of a city.",
                    "properties": {"city": {"title": "City", "type": "string"}},
                    "required": ["city"],
                    "title": "Weather",
                    "type": "object",
                    "additionalProperties": False,
                },
                strict=True,
            )
        ],
    },
    # openai-agents 0.24.0
    "agents": {
        "include": [],
        "input": [{"content": "Weather in Paris?", "role": "user"}],
        "instructions": "Be brief.",
        "tools": [
            weather(
                {**PYDANTIC, "required": ["city", "unit"], "additionalProperties": False, "title": "args"}, strict=True
            )
        ],
    },
    # langchain-openai 1.7.4: `bind_tools` of a Python function
    "langchain": {
        "stream": False,
        "input": [{"content": "Weather in Paris?", "role": "user", "type": "message"}],
        "tools": [weather(PYDANTIC)],
    },
    # @langchain/openai 1.5.8: `bindTools` of a zod schema
    "langchain-js": {
        "stream": False,
        "input": [{"type": "message", "role": "user", "content": "Weather in Paris?"}],
        "tools": [
            weather({"$schema": "https://json-schema.org/draft/2020-12/schema", **ZOD}, strict=None),
        ],
        "text": {},
    },
    # llama-index-llms-openai 0.8.3: `chat_with_tools` of `OpenAIResponses`
    "llama-index": {
        "include": None,
        "input": "Weather in Paris?",
        "instructions": None,
        "max_output_tokens": None,
        "metadata": None,
        "parallel_tool_calls": False,
        "previous_response_id": None,
        "store": False,
        "stream": False,
        "temperature": 0.1,
        "tool_choice": "auto",
        "tools": [weather(PYDANTIC)],
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
    },
    # semantic-kernel 1.45.0: `OpenAIResponsesAgent` with a plugin
    "semantic-kernel": {
        "stream": False,
        "input": parts("Weather in Paris?"),
        "instructions": "Be brief.",
        "metadata": {},
        "previous_response_id": None,
        "store": True,
        "text": {},
        "tools": [weather({name: value for name, value in ZOD.items() if name != "additionalProperties"})],
    },
    # ai 6.0.326 with @ai-sdk/openai 3.0.141: `tool` with a zod schema
    "vercel": {
        "input": parts("Weather in Paris?"),
        "tools": [weather({"$schema": "http://json-schema.org/draft-07/schema#", **ZOD})],
        "tool_choice": "auto",
    },
}


@pytest.mark.proves("responses.frameworks")
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_has_its_tool_called_and_continues_with_its_output(server, upstream, framework):
    body = {"model": "gpt-4o", **FRAMEWORKS[framework]}
    upstream.answer(calls(WEATHER), text("18 degrees"))
    first = server.ask("POST", "/responses", body)
    assert first.status == 200, first.body
    (asked,) = first.json["output"]
    assert (asked["type"], asked["name"], json.loads(asked["arguments"])) == (
        "function_call",
        "get_weather",
        {"city": "Paris"},
    )
    (tool,) = body["tools"]
    (shown,) = first.json["tools"]
    assert shown["strict"] is (tool.get("strict") or False)
    assert shown["parameters"] == tool["parameters"]
    said = [{"role": "user", "content": body["input"]}] if isinstance(body["input"], str) else body["input"]
    output = {"type": "function_call_output", "call_id": "call_1", "output": "18"}
    called = {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": asked["arguments"]}
    second = server.ask("POST", "/responses", {**body, "input": [*said, called, output]})
    assert second.status == 200, second.body
    assert [one["role"] for one in upstream.requests[-1].body["messages"]][-3:] == ["user", "assistant", "tool"]


def test_the_vercel_sdk_refers_to_items_that_it_had_in_an_earlier_answer(server, upstream):
    body = {"model": "gpt-4o", **FRAMEWORKS["vercel"]}
    upstream.answer(calls(WEATHER, say=("Looking.",)), text("18 degrees"))
    said, _ = server.ask("POST", "/responses", body).json["output"]
    items = [
        *body["input"],
        {"type": "item_reference", "id": said["id"]},
        {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Paris"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "18"},
    ]
    assert server.ask("POST", "/responses", {**body, "input": items}).status == 200
    spoken = upstream.requests[-1].body["messages"]
    assert [(one["role"], one["content"]) for one in spoken[1:]] == [("assistant", "Looking."), ("tool", "18")]
    assert spoken[1]["tool_calls"][0]["id"] == "call_1"


def test_the_tools_of_the_vercel_sdk_for_shells_and_patches_are_called(server, upstream):
    upstream.answer(calls(call("apply_patch", type="create_file", path="a.txt", diff="+a")))
    body = {
        "model": "gpt-4o",
        "input": parts("x"),
        "include": ["web_search_call.action.sources"],
        "tool_choice": "auto",
    }
    reply = server.ask("POST", "/responses", {**body, "tools": [{"type": "shell"}, {"type": "apply_patch"}]})
    (item,) = reply.json["output"]
    assert item["operation"] == {"type": "create_file", "path": "a.txt", "diff": "+a"}


# -- the Codex CLI, 0.171.0 --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dropping_server(session_upstream, tmp_path_factory):
    yield from serve(Server(tmp_path_factory.mktemp("server"), session_upstream.url, responses__hosted_tools="drop"))


def developer(said):
    content = [{"type": "input_text", "text": said}]
    return {
        "type": "message",
        "id": "msg_17d30dde-0ab9-5e9e-8a32-15955e934863",
        "role": "developer",
        "content": content,
    }


COMMAND = {
    "type": "function",
    "name": "exec_command",
    "description": "Runs a command in a PTY.",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {"cmd": {"type": "string"}, "prefix_rule": {"type": "array", "items": {"type": "string"}}},
        "required": ["cmd"],
        "additionalProperties": False,
    },
}
AGENTS = {
    "type": "namespace",
    "name": "multi_agent_v1",
    "description": "Tools for spawning and managing sub-agents.",
    "tools": [
        {
            "type": "function",
            "name": "close_agent",
            "description": "Close an agent.",
            "strict": False,
            "parameters": {
                "type": "object",
                "properties": {"target": {"type": "string"}},
                "required": ["target"],
                "additionalProperties": False,
            },
        }
    ],
}
LARK = {"type": "grammar", "syntax": "lark", "definition": 'start: "*** Begin Patch" LF'}
CODEX = {
    "model": "gpt-4o",
    "stream": True,
    "tools": [
        COMMAND,
        AGENTS,
        {"type": "custom", "name": "apply_patch", "description": "Edits files.", "format": LARK},
        {"type": "tool_search", "execution": "client", "description": "Finds tools.", "parameters": ZOD},
        {"type": "web_search", "external_web_access": False, "index_gated_web_access": True},
        {"type": "image_generation", "output_format": "png"},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"summary": "auto"},
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "01a224dd-94ec-7f30-abe4-9e9090ff6939",
    "client_metadata": {"x-codex-installation-id": "da56a8b7"},
}
HEADERS = {
    "originator": "codex_exec",
    "session-id": "01a224dd",
    "thread-id": "01a224dd",
    "x-codex-beta-features": "remote_compaction_v2",
    "x-codex-window-id": "01a224dd:0",
    "accept": "text/event-stream",
}


def codex_turn(server, items):
    """The items of a turn as the program takes them, from `output_item.done`; its stream has to end as completed."""
    with server.opened("POST", "/responses", {**CODEX, "input": items}, HEADERS) as response:
        assert response.status == 200, response.read()
        assert response.headers["x-understudy-dropped-tools"] == "web_search, image_generation"
        events = [json.loads(line[6:]) for line in response.read().decode().splitlines() if line.startswith("data: ")]
    assert events[0]["type"] == "response.created"
    assert events[-1]["type"] == "response.completed"
    assert {"input_tokens", "output_tokens", "total_tokens"} <= set(events[-1]["response"]["usage"])
    return [event["item"] for event in events if event["type"] == "response.output_item.done"]


def replayed(item):
    """An item as the program sends it back: without its id and status."""
    return {name: value for name, value in item.items() if name not in {"id", "status"}}


def test_codex_works_over_http_with_every_kind_of_its_tools(dropping_server, upstream):
    patch = "*** Begin Patch\n*** End Patch"
    upstream.answer(
        calls(call("exec_command", call_id="call_a", cmd="ls"), say=("I look.",)),
        calls(call("multi_agent_v1__close_agent", call_id="call_b", target="t")),
        calls(call("apply_patch", call_id="call_c", input=patch)),
        calls(call("tool_search", call_id="call_d", city="x")),
        calls(call("calendar__list_events", call_id="call_e")),
        text("Done."),
    )
    items = [developer("You are a coding agent."), *parts("Tidy up.")]
    seen = []
    found = {"type": "namespace", "name": "calendar", "description": "", "tools": [{**COMMAND, "name": "list_events"}]}
    outputs = {
        "call_a": {"type": "function_call_output", "output": "a.txt"},
        "call_b": {"type": "function_call_output", "output": [{"type": "input_text", "text": "closed"}]},
        "call_c": {"type": "custom_tool_call_output", "output": "ok"},
        "call_d": {"type": "tool_search_output", "execution": "client", "status": "completed", "tools": [found]},
        "call_e": {"type": "function_call_output", "output": "none"},
    }
    while True:
        made = codex_turn(dropping_server, items)
        seen += made
        items += [replayed(item) for item in made]
        called = [item["call_id"] for item in made if "call_id" in item]
        if not called:
            break
        items += [{**outputs[call_id], "call_id": call_id} for call_id in called]
    assert [(item["type"], item.get("namespace"), item.get("name")) for item in seen] == [
        ("message", None, None),
        ("function_call", None, "exec_command"),
        ("function_call", "multi_agent_v1", "close_agent"),
        ("custom_tool_call", None, "apply_patch"),
        ("tool_search_call", None, None),
        ("function_call", "calendar", "list_events"),
        ("message", None, None),
    ]
    assert seen[3]["input"] == patch
    assert seen[4]["arguments"] == {"city": "x"}
    spoken = upstream.requests[-1].body["messages"]
    assert [one["content"] for one in spoken if one["role"] == "tool"] == [
        "a.txt",
        "closed",
        "ok",
        "Tools that can be called now: calendar.list_events.",
        "none",
    ]


def test_codex_replays_items_of_hosted_tools_and_of_images(dropping_server, upstream):
    upstream.answer(text("Yes."))
    image = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==", "detail": "high"}
    items = [
        developer("You are a coding agent."),
        *parts("Look."),
        {"type": "reasoning", "summary": [], "encrypted_content": None},
        {"type": "web_search_call", "status": "completed", "action": {"type": "open_page", "url": None}},
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "aGk="},
        {
            "type": "local_shell_call",
            "call_id": "c",
            "status": "completed",
            "action": {"type": "exec", "command": ["ls"]},
        },
        {"type": "function_call_output", "call_id": "c", "output": "a.txt"},
        {"type": "function_call", "call_id": "d", "name": "view_image", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "d", "output": [image]},
        {
            "type": "message",
            "role": "assistant",
            "phase": "commentary",
            "content": [{"type": "output_text", "text": "A"}],
        },
        *parts("Go on."),
    ]
    (made,) = codex_turn(dropping_server, items)
    assert made["content"][0]["text"] == "Yes."
    spoken = upstream.requests[-1].body["messages"]
    assert [one["role"] for one in spoken] == [
        *("system", "user"),
        *("assistant", "tool") * 4,  # the search, the image, the command and the function
        *("user", "assistant", "user"),
    ]
    assert spoken[7]["content"] == "a.txt"
    assert spoken[10]["content"][0]["type"] == "image_url"


def test_a_server_that_refuses_hosted_tools_names_the_setting_to_codex(server):
    reply = server.ask("POST", "/responses", {**CODEX, "input": parts("Hi")}, HEADERS)
    assert reply.status == 400
    assert (reply.json["error"]["param"], reply.json["error"]["code"]) == ("tools[4].type", "unsupported_tool")
    assert "responses.hosted_tools" in reply.json["error"]["message"]


def test_a_forced_hosted_tool_is_refused_where_they_are_dropped(dropping_server):
    body = {"model": "gpt-4o", "input": "Hi", "tools": [COMMAND, {"type": "web_search"}]}
    for choice in (
        {"type": "web_search_preview"},
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]},
    ):
        reply = dropping_server.ask("POST", "/responses", {**body, "tool_choice": choice})
        assert reply.status == 400
        assert reply.json["error"]["param"] == "tool_choice"
    only = {**body, "tools": [{"type": "web_search"}], "tool_choice": "required"}
    assert dropping_server.ask("POST", "/responses", only).json["error"]["param"] == "tool_choice"
    allowed = {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "web_search"}, {"type": "function", "name": "exec_command"}],
    }
    assert dropping_server.ask("POST", "/responses", {**body, "tool_choice": allowed}).status == 200
    assert dropping_server.ask("POST", "/responses", {**body, "tool_choice": "auto"}).json["tools"][1] == {
        "type": "web_search"
    }
