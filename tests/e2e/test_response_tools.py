"""Tools of responses that clients run: how models are offered them, how their calls come back, and what is refused."""

import json

import openai
import pytest

from e2e.test_responses import MODEL, respond
from upstream import call, calls, deltas, text
from waiting import eventually

OPEN_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string"}}}
CLOSED_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
NO_PARAMETERS = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
EVENTS = {"type": "function", "name": "list_events", "strict": False, "parameters": OPEN_SCHEMA}
CALENDAR = {
    "type": "namespace",
    "name": "calendar",
    "description": "The user's calendar.",
    "tools": [EVENTS, {"type": "custom", "name": "note"}],
}
PATCH = {"type": "apply_patch"}
SHELL = {"type": "shell", "environment": {"type": "local"}}


def function(**members):
    return {"type": "function", "name": "get_weather", **members}


def offered(upstream):
    """The functions of the last request that the model got, by their names."""
    return {one["function"]["name"]: one["function"] for one in upstream.requests[-1].body.get("tools", ())}


def told(upstream):
    return upstream.requests[-1].body["messages"]


def refused(server, **body):
    reply = server.ask("POST", "/responses", {"model": MODEL, "input": "Hello", **body})
    assert reply.status == 400, reply.body
    return reply.json["error"]


# -- strict ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/responses", "/responses/input_tokens", "/responses/compact"])
@pytest.mark.parametrize("strict", [{}, {"strict": None}])
def test_a_function_without_strict_is_accepted_with_any_schema(server, path, strict):
    tools = [function(parameters=OPEN_SCHEMA, **strict)]
    assert server.ask("POST", path, {"model": MODEL, "input": "Hello", "tools": tools}).status == 200


@pytest.mark.proves("responses.strict")
@pytest.mark.parametrize(
    ("members", "parameters", "strict"),
    [
        ({"parameters": OPEN_SCHEMA}, OPEN_SCHEMA, False),
        ({"parameters": OPEN_SCHEMA, "strict": None}, OPEN_SCHEMA, False),
        ({"parameters": CLOSED_SCHEMA}, CLOSED_SCHEMA, True),
        ({"parameters": CLOSED_SCHEMA, "strict": None}, CLOSED_SCHEMA, True),
        ({"parameters": CLOSED_SCHEMA, "strict": False}, CLOSED_SCHEMA, False),
        ({"parameters": CLOSED_SCHEMA, "strict": True}, CLOSED_SCHEMA, True),
        ({}, NO_PARAMETERS, True),
        ({"parameters": None, "strict": True}, NO_PARAMETERS, True),
        ({"parameters": {}}, NO_PARAMETERS, True),
        ({"strict": False}, {"type": "object", "properties": {}}, False),
        # Providers refuse these keywords of a schema that is to be strict.
        ({"parameters": {**CLOSED_SCHEMA, "oneOf": [{"type": "object"}]}}, ..., False),
        ({"parameters": {**CLOSED_SCHEMA, "properties": {"city": {"type": "string", "default": "x"}}}}, ..., False),
        ({"parameters": {**CLOSED_SCHEMA, "properties": {"city": {"type": "array"}}}}, ..., False),
        ({"parameters": {**CLOSED_SCHEMA, "properties": {"city": {}}}}, ..., False),
        ({"parameters": {"type": "string"}}, ..., False),
    ],
)
def test_strict_is_decided_by_the_schema_where_it_is_left_out(client, upstream, members, parameters, strict):
    upstream.always(text("Yes."))
    made = respond(client, tools=[function(**members)])
    (tool,) = made.to_dict()["tools"]
    wanted = members["parameters"] if parameters is ... else parameters
    assert (tool["strict"], tool["parameters"]) == (strict, wanted)
    (asked,) = offered(upstream).values()
    assert (asked.get("strict", False), asked["parameters"]) == (strict, wanted)


def test_an_explicit_strict_is_checked_wherever_the_function_stands(server):
    strict = function(parameters=OPEN_SCHEMA, strict=True)
    wrong = "In context=(), 'additionalProperties' is required to be supplied and to be false."
    group = {**CALENDAR, "tools": [EVENTS, strict]}
    found = [{"type": "additional_tools", "role": "developer", "tools": [strict]}, {"role": "user", "content": "Hi"}]
    for body, param in (
        ({"tools": [strict]}, "tools[0].parameters"),
        ({"tools": [EVENTS, group]}, "tools[1].tools[1].parameters"),
        ({"input": found}, "input[0].tools[0].parameters"),
    ):
        error = refused(server, **body)
        assert error["message"] == f"Invalid schema for function 'get_weather': {wrong}"
        assert (error["param"], error["code"]) == (param, "invalid_function_parameters")


@pytest.mark.parametrize(
    ("schema", "sent", "strict"),
    [
        (OPEN_SCHEMA, {}, False),
        (OPEN_SCHEMA, {"strict": None}, False),
        (CLOSED_SCHEMA, {}, True),
        (CLOSED_SCHEMA, {"strict": False}, False),
    ],
)
def test_strict_of_a_text_format_is_decided_by_its_schema(client, upstream, schema, sent, strict):
    upstream.answer(text("{}"))
    made = respond(client, text={"format": {"type": "json_schema", "name": "city", "schema": schema, **sent}})
    assert made.to_dict()["text"]["format"] == {
        "type": "json_schema",
        "description": None,
        "name": "city",
        "schema": schema,
        "strict": strict,
    }
    assert upstream.requests[-1].body["response_format"]["json_schema"]["strict"] is strict


def test_an_explicit_strict_of_a_text_format_is_checked(server):
    text_format = {"type": "json_schema", "name": "city", "schema": OPEN_SCHEMA, "strict": True}
    error = refused(server, text={"format": text_format})
    assert (error["param"], error["code"]) == ("text.format.schema", "invalid_json_schema")
    assert error["message"].startswith("Invalid schema for response_format 'city': In context=(), 'additional")


def test_a_line_of_a_batch_may_leave_out_strict_as_well(client, server, upstream):
    upstream.answer(text("Yes."))
    bodies = [{"tools": [function(parameters=OPEN_SCHEMA)]}, {"tools": [function(parameters=OPEN_SCHEMA, strict=True)]}]
    lines = [
        {
            "custom_id": str(number),
            "method": "POST",
            "url": "/v1/responses",
            "body": {"model": MODEL, "input": "Hi", **body},
        }
        for number, body in enumerate(bodies)
    ]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    file = client.files.create(file=("lines.jsonl", data), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/responses", completion_window="24h")
    eventually(lambda: client.batches.retrieve(batch.id).status == "completed")
    done = client.batches.retrieve(batch.id)
    (answered,) = [json.loads(line)["response"] for line in client.files.content(done.output_file_id).text.splitlines()]
    assert answered["body"]["tools"][0]["strict"] is False
    (failed,) = [json.loads(line)["response"] for line in client.files.content(done.error_file_id).text.splitlines()]
    assert failed["body"]["error"]["param"] == "tools[0].parameters"


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [function(description=None, parameters=None, output_schema=None, defer_loading=None)]},
        {"tools": [{"type": "tool_search", "execution": None, "description": None, "parameters": None}]},
        {"tools": [{"type": "shell", "environment": None, "allowed_callers": None}]},
        {"tools": [{"type": "custom", "name": "c", "format": None}], "tool_choice": None},
        {"text": {"format": None, "verbosity": None}, "reasoning": {"effort": None, "summary": None, "context": None}},
        {"stream_options": {"include_obfuscation": None}, "prompt_cache_options": {"mode": None, "ttl": None}},
        {"input": [{"role": "user", "content": "Hi", "id": None, "status": None, "phase": None}]},
    ],
)
def test_null_means_absent_however_deep_it_stands(client, upstream, body):
    upstream.answer(text("Yes."))
    made = client.post("/responses", body={"model": MODEL, "input": "Hello", **body}, cast_to=object)
    assert made["text"] == {"format": {"type": "text"}, "verbosity": "medium"}


# -- tools that the client runs ----------------------------------------------------------------------------------


def test_a_tool_of_a_namespace_is_called_by_its_own_name_and_that_of_its_group(client, upstream):
    upstream.answer(calls(call("calendar__list_events", call_id="call_a", city="Rome")), text("Nothing."))
    events = list(respond(client, tools=[CALENDAR], stream=True))
    names = offered(upstream)
    assert set(names) == {"calendar__list_events", "calendar__note"}
    assert names["calendar__list_events"]["description"] == "The user's calendar."
    (item,) = events[-1].response.to_dict()["output"]
    assert item == {
        "id": item["id"],
        "type": "function_call",
        "status": "completed",
        "arguments": '{"city": "Rome"}',
        "call_id": "call_a",
        "name": "list_events",
        "namespace": "calendar",
    }
    assert [one.item.to_dict()["namespace"] for one in events if one.type.startswith("response.output_item")] == [
        "calendar",
        "calendar",
    ]
    output = {"type": "function_call_output", "call_id": "call_a", "output": "none"}
    done = respond(client, [output], previous_response_id=events[-1].response.id, tools=[CALENDAR])
    assert told(upstream)[1]["tool_calls"][0]["function"]["name"] == "calendar__list_events"
    listed = client.responses.input_items.list(done.id, order="asc").data
    assert listed[1].to_dict()["namespace"] == "calendar"


def test_a_custom_tool_call_of_a_namespace_has_namespace_and_name(client, upstream):
    upstream.answer(calls(call("calendar__note", input="Buy milk")))
    (item,) = respond(client, tools=[CALENDAR]).output
    assert (item.type, item.namespace, item.name, item.input) == ("custom_tool_call", "calendar", "note", "Buy milk")


def test_long_and_equal_names_are_distinct_for_the_provider_and_unchanged_for_the_client(client, upstream):
    long_name = "n" * 100
    group = {
        "type": "namespace",
        "name": "a group",
        "description": "",
        "tools": [{"type": "function", "name": long_name}, {"type": "function", "name": "x"}],
    }
    plain = [{"type": "function", "name": "apply_patch"}, {"type": "function", "name": "calendar__list_events"}]
    tools = [CALENDAR, PATCH, group, *plain]
    upstream.answer(text("Yes."))
    respond(client, tools=tools)
    names = list(offered(upstream))
    assert len(set(names)) == len(names) == 7
    assert all(len(name) <= 64 and " " not in name for name in names)
    upstream.answer(calls(*(call(name, call_id=f"call_{number}") for number, name in enumerate(names))))
    made = [one.to_dict() for one in respond(client, tools=tools).output]
    assert {(one["type"], one.get("namespace"), one.get("name")) for one in made} == {
        ("function_call", None, "apply_patch"),
        ("function_call", None, "calendar__list_events"),
        ("function_call", "calendar", "list_events"),
        ("custom_tool_call", "calendar", "note"),
        ("function_call", "a group", long_name),
        ("function_call", "a group", "x"),
        ("apply_patch_call", None, None),
    }


DIFF = "@@\n-old\n+new"
TOOL_CALLS = [
    (
        PATCH,
        call("apply_patch", type="update_file", path="a.txt", diff=DIFF),
        {
            "type": "apply_patch_call",
            "status": "completed",
            "call_id": "call_1",
            "operation": {"type": "update_file", "path": "a.txt", "diff": DIFF},
        },
        {"type": "apply_patch_call_output", "call_id": "call_1", "status": "failed", "output": "no such file"},
        "failed: no such file",
    ),
    (
        PATCH,
        call("apply_patch", type="delete_file", path="a.txt"),
        {
            "type": "apply_patch_call",
            "status": "completed",
            "call_id": "call_1",
            "operation": {"type": "delete_file", "path": "a.txt"},
        },
        {"type": "apply_patch_call_output", "call_id": "call_1", "status": "completed"},
        "completed",
    ),
    (
        SHELL,
        call("shell", commands=["ls", "make"], timeout_ms=1000),
        {
            "type": "shell_call",
            "status": "completed",
            "action": {"commands": ["ls", "make"], "max_output_length": None, "timeout_ms": 1000},
            "call_id": "call_1",
            "environment": {"type": "local"},
        },
        {
            "type": "shell_call_output",
            "call_id": "call_1",
            "output": [
                {"stdout": "a.txt\n", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}},
                {"stdout": "", "stderr": "slow", "outcome": {"type": "timeout"}},
            ],
        },
        "a.txt\n[exit code 0]\n[stderr]\nslow\n[timed out]",
    ),
    (
        {"type": "local_shell"},
        call("local_shell", command=["ls", "-l"], working_directory="/tmp"),
        {
            "type": "local_shell_call",
            "status": "completed",
            "action": {
                "type": "exec",
                "command": ["ls", "-l"],
                "env": {},
                "timeout_ms": None,
                "user": None,
                "working_directory": "/tmp",
            },
            "call_id": "call_1",
        },
        {"type": "local_shell_call_output", "id": "call_1", "output": "a.txt"},
        "a.txt",
    ),
    (
        {"type": "computer_use_preview", "environment": "browser", "display_width": 800, "display_height": 600},
        call("computer_use_preview", type="click", x=3, y=4),
        {
            "type": "computer_call",
            "status": "completed",
            "action": {"type": "click", "button": "left", "x": 3, "y": 4},
            "call_id": "call_1",
            "pending_safety_checks": [],
        },
        {
            "type": "computer_call_output",
            "call_id": "call_1",
            "output": {"type": "computer_screenshot", "image_url": "https://example.com/a.png"},
        },
        "[input_image ]",
    ),
    (
        {"type": "tool_search", "execution": "client", "parameters": CLOSED_SCHEMA},
        call("tool_search", city="Rome"),
        {
            "type": "tool_search_call",
            "status": "completed",
            "arguments": {"city": "Rome"},
            "call_id": "call_1",
            "execution": "client",
        },
        {"type": "tool_search_output", "call_id": "call_1", "execution": "client", "tools": [EVENTS]},
        "Tools that can be called now: list_events.",
    ),
]


@pytest.mark.proves("responses.client_tools")
@pytest.mark.parametrize(("tool", "called", "item", "output", "heard"), TOOL_CALLS)
def test_a_call_of_a_client_tool_is_returned_as_the_item_type_of_that_tool(
    client, upstream, tool, called, item, output, heard
):
    upstream.answer(calls(called), text("Done."))
    events = list(respond(client, tools=[tool], stream=True))
    whole = events[-1].response
    (made,) = whole.to_dict()["output"]
    assert made == {"id": made["id"], **item}
    added, done = (
        event.item.to_dict()
        for event in events
        if event.type in {"response.output_item.added", "response.output_item.done"}
    )
    assert (added["status"], added["id"], done) == ("in_progress", made["id"], made)
    assert whole.to_dict()["tools"] == [tool]
    with pytest.raises(openai.BadRequestError, match="No tool output found for function call call_1"):
        respond(client, "Go on", previous_response_id=whole.id, tools=[tool])
    respond(client, [output], previous_response_id=whole.id, tools=[tool])
    spoken = told(upstream)
    assert [one["role"] for one in spoken][:3] == ["user", "assistant", "tool"]
    (again,) = spoken[1]["tool_calls"]
    assert (again["id"], again["function"]["name"]) == ("call_1", called.name)
    assert json.loads(again["function"]["arguments"]).items() >= json.loads("".join(called.pieces)).items()
    assert spoken[2]["content"] == heard


@pytest.mark.parametrize(("tool", "called", "item", "output", "heard"), TOOL_CALLS)
def test_tool_call_items_are_accepted_as_input_from_a_stateless_client(
    client, upstream, tool, called, item, output, heard
):
    upstream.answer(text("Done."))
    made = respond(client, [{"role": "user", "content": "Do it."}, item, output], tools=[tool], store=False)
    assert made.output_text == "Done."
    spoken = told(upstream)
    assert [one["role"] for one in spoken][:3] == ["user", "assistant", "tool"]
    assert spoken[1]["tool_calls"][0]["function"]["name"] == called.name
    assert spoken[2]["content"] == heard


def test_the_commands_of_a_shell_call_are_streamed_one_by_one(client, upstream):
    upstream.answer(calls(call("shell", commands=["ls", "make"])))
    events = [event.to_dict() for event in respond(client, tools=[SHELL], stream=True)]
    seen = [(one["type"].removeprefix("response."), one.get("command_index")) for one in events[2:-1]]
    assert seen == [
        ("output_item.added", None),
        ("shell_call_command.added", 0),
        ("shell_call_command.delta", 0),
        ("shell_call_command.done", 0),
        ("shell_call_command.added", 1),
        ("shell_call_command.delta", 1),
        ("shell_call_command.done", 1),
        ("output_item.done", None),
    ]
    assert [one["command"] for one in events if one["type"] == "response.shell_call_command.done"] == ["ls", "make"]
    assert [one["sequence_number"] for one in events] == list(range(len(events)))


def test_a_response_in_the_background_can_be_replayed_with_such_calls(client, upstream):
    upstream.answer(calls(call("shell", commands=["ls", "make"])))
    live = [one.to_dict() for one in respond(client, tools=[SHELL], stream=True, background=True)]
    again = [one.to_dict() for one in client.responses.retrieve(live[0]["response"]["id"], stream=True)]
    assert again == live


@pytest.mark.parametrize("arguments", ["", "{", '{"commands": "ls"}', "[]", '{"type": 3, "path": []}'])
@pytest.mark.parametrize("tool", [PATCH, SHELL, {"type": "local_shell"}, {"type": "computer"}])
def test_malformed_arguments_still_make_an_item_that_the_client_can_answer(client, upstream, tool, arguments):
    upstream.answer(calls(call(tool["type"], raw_arguments=arguments)))
    (item,) = respond(client, tools=[tool]).output
    assert item.type == f"{tool['type']}_call"
    assert item.call_id == "call_1"


def test_a_call_that_was_cut_off_in_its_middle_is_not_returned(client, upstream):
    upstream.answer(calls(call("shell", raw_arguments='{"commands": ["rm -r /tmp/a'), finish="length"))
    made = respond(client, tools=[SHELL])
    assert (made.status, made.output) == ("incomplete", [])
    upstream.answer(calls(call("get_weather", raw_arguments='{"ci'), finish="length"))
    (item,) = respond(client, tools=[function()]).output
    assert (item.status, item.arguments) == ("incomplete", '{"ci')


# -- tools that are found later ----------------------------------------------------------------------------------


def test_tools_that_the_conversation_brings_with_it_can_be_called_from_then_on(client, upstream):
    found = {"type": "additional_tools", "role": "developer", "tools": [CALENDAR]}
    upstream.answer(text("Yes."), calls(call("calendar__list_events", call_id="call_a")), text("None."))
    first = respond(client, [found, {"role": "user", "content": "Hi"}], tools=[function()])
    assert set(offered(upstream)) == {"get_weather", "calendar__list_events", "calendar__note"}
    second = respond(client, "Events?", previous_response_id=first.id)
    assert [(one.type, one.namespace) for one in second.output] == [("function_call", "calendar")]
    output = {"type": "function_call_output", "call_id": "call_a", "output": "none"}
    respond(client, [output], previous_response_id=second.id, tools=[CALENDAR])
    assert sorted(offered(upstream)) == ["calendar__list_events", "calendar__note"]


def test_a_search_that_a_server_has_made_needs_no_call_and_brings_its_tools(client, upstream):
    items = [
        {"type": "tool_search_call", "execution": "server", "call_id": None, "arguments": {"paths": ["x"]}},
        {"type": "tool_search_output", "execution": "server", "call_id": None, "tools": [EVENTS]},
        {"role": "user", "content": "Hi"},
    ]
    upstream.answer(text("Yes."))
    tools = [{"type": "tool_search"}, function(defer_loading=True, allowed_callers=["direct", "programmatic"])]
    made = respond(client, items, tools=tools)
    assert set(offered(upstream)) == {"tool_search", "list_events"}
    assert [one["role"] for one in told(upstream)] == ["user"]
    shown = made.to_dict()["tools"]
    assert shown[0] == {"type": "tool_search"}
    assert (shown[1]["defer_loading"], shown[1]["allowed_callers"]) == (True, ["direct", "programmatic"])


def test_the_output_schema_of_a_function_is_part_of_its_description(client, upstream):
    upstream.answer(text("Yes."))
    schema = {"type": "object", "properties": {"degrees": {"type": "number"}}}
    made = respond(client, tools=[function(description="Weather.", output_schema=schema)])
    assert offered(upstream)["get_weather"]["description"].startswith("Weather.\nReturns JSON of this schema: {")
    assert made.to_dict()["tools"][0]["output_schema"] == schema


def test_settings_that_change_in_a_conversation_hold_from_there_on(client, upstream):
    upstream.answer(text("Yes."), text("Yes."), text("Yes."))
    items = [{"type": "configuration_update", "reasoning": {"effort": "high"}}, {"role": "user", "content": "Hi"}]
    first = respond(client, items)
    assert upstream.requests[-1].body["reasoning_effort"] == "high"
    respond(client, "More", previous_response_id=first.id)
    assert upstream.requests[-1].body["reasoning_effort"] == "high"
    respond(client, "More", previous_response_id=first.id, reasoning={"effort": "low"})
    assert upstream.requests[-1].body["reasoning_effort"] == "low"


# -- items -------------------------------------------------------------------------------------------------------


def test_the_phase_of_messages_and_the_callers_of_calls_are_stored(client, upstream):
    caller = {"type": "program", "caller_id": "call_p"}
    items = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Looking.", "phase": "commentary"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "namespace": "n", "caller": caller},
        {"type": "function_call_output", "call_id": "c", "output": "1", "caller": caller},
        {"role": "user", "content": "Go on"},
    ]
    upstream.answer(text("Yes."))
    made = respond(client, items)
    listed = [one.to_dict() for one in client.responses.input_items.list(made.id, order="asc").data]
    assert listed[1]["phase"] == "commentary"
    assert listed[1]["content"][0]["text"] == "Looking."
    assert (listed[2]["namespace"], listed[2]["caller"], listed[3]["caller"]) == ("n", caller, caller)
    assert [one["role"] for one in told(upstream)] == ["user", "assistant", "tool", "user"]
    assert told(upstream)[1]["content"] == "Looking."


def test_images_and_files_of_outputs_reach_the_model_behind_all_outputs(client, upstream):
    image = {"type": "input_image", "image_url": "https://example.com/a.png"}
    items = [
        {"role": "user", "content": "Look"},
        {"type": "function_call", "call_id": "a", "name": "view", "arguments": "{}"},
        {"type": "function_call", "call_id": "b", "name": "view", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "One"}, image]},
        {"type": "function_call_output", "call_id": "b", "output": "Two"},
    ]
    upstream.answer(text("Yes."))
    respond(client, items)
    spoken = told(upstream)
    assert [one["role"] for one in spoken] == ["user", "assistant", "tool", "tool", "user"]
    assert spoken[-1]["content"] == [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "auto"}}
    ]


def test_an_output_may_name_its_function_in_the_place_of_its_call(client, server, upstream):
    call_item = {"type": "function_call", "call_id": "call_a", "name": "f", "arguments": "{}"}
    upstream.answer(text("Yes."))
    respond(client, [call_item, {"type": "function_call_output", "name": "f", "output": "1"}])
    assert told(upstream)[-1]["tool_call_id"] == "call_a"
    error = refused(server, input=[call_item, {"type": "function_call_output", "name": "g", "output": "1"}])
    assert (error["param"], error["code"]) == ("input[1].call_id", "missing_required_parameter")


FOREIGN = [
    {"type": "program", "call_id": "p", "code": "1", "fingerprint": "f"},
    {"type": "program_output", "call_id": "p", "result": "1", "status": "completed"},
    {"type": "mcp_list_tools", "server_label": "a", "tools": []},
]


def test_items_of_hosted_tools_are_stored_unchanged(client, upstream):
    upstream.answer(text("Yes."))
    made = respond(client, [*FOREIGN, {"role": "user", "content": "Hi"}])
    listed = [one.to_dict() for one in client.responses.input_items.list(made.id, order="asc").data]
    assert [{name: value for name, value in one.items() if name != "id"} for one in listed[:-1]] == FOREIGN
    assert [one["content"] for one in told(upstream)] == ["Hi"]


def test_messages_have_the_phase_that_the_provider_sends(client, upstream):
    first = {"role": "assistant", "phase": "commentary"}
    upstream.answer(
        deltas(first, {"content": "Look"}, {"content": "ing."}, {"content": "Done.", "phase": "final_answer"})
    )
    conversation = client.conversations.create()
    with client.responses.stream(model=MODEL, input="Hi", conversation=conversation.id) as stream:
        added = [one.item.to_dict() for one in stream if one.type == "response.output_item.added"]
        made = stream.get_final_response().to_dict()["output"]
    expected = [("Looking.", "commentary"), ("Done.", "final_answer")]
    assert [one["phase"] for one in added] == [phase for _, phase in expected]
    assert [(one["content"][0]["text"], one["phase"]) for one in made] == expected
    listed = client.conversations.items.list(conversation.id, order="asc").to_dict()["data"]
    assert [(one["content"][0]["text"], one["phase"]) for one in listed[1:]] == expected
    # It may also come before its text, as that of the first message does.
    upstream.answer(
        deltas(first, {"content": "Look"}, {"phase": "final_answer"}, {"content": "Do"}, {"content": "ne."})
    )
    said = respond(client).to_dict()["output"]
    assert [(one["content"][0]["text"], one["phase"]) for one in said] == [("Look", "commentary"), expected[1]]
    upstream.answer(deltas({"content": "Yes.", "phase": 5}))
    assert "phase" not in respond(client).to_dict()["output"][0]


def test_weights_of_a_hybrid_search_are_returned_and_checked(client, server, upstream):
    upstream.answer(text("Yes."))
    store = client.vector_stores.create()
    ranking = {"ranker": "auto", "score_threshold": 0.5, "hybrid_search": {"embedding_weight": 1.0, "text_weight": 3.0}}
    tool = {"type": "file_search", "vector_store_ids": [store.id], "ranking_options": ranking}
    assert respond(client, tools=[tool]).to_dict()["tools"][0]["ranking_options"] == ranking
    wrong = {**tool, "ranking_options": {"hybrid_search": {"text_weight": 1}}}
    assert refused(server, tools=[wrong])["param"] == "tools[0].ranking_options.hybrid_search.embedding_weight"


def test_the_skills_of_a_local_shell_are_sent_to_the_model(client, upstream):
    upstream.answer(text("Yes."))
    skill = {"name": "tidy", "description": "Tidies up.", "path": "/skills/tidy"}
    respond(client, tools=[{"type": "shell", "environment": {"type": "local", "skills": [skill]}}])
    assert "- tidy (/skills/tidy): Tidies up." in offered(upstream)["shell"]["description"]


def test_a_request_has_no_more_tools_than_a_bound_that_counts_those_of_namespaces(server):
    group = {"type": "namespace", "name": "n", "description": "d"}
    groups = [
        {**group, "name": f"n{number}", "tools": [{"type": "function", "name": f"f{one}"} for one in range(128)]}
        for number in range(5)
    ]
    assert refused(server, tools=groups)["code"] == "array_above_max_length"


# -- tool choice -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "asked"),
    [
        ({"type": "function", "name": "get_weather"}, "get_weather"),
        ({"type": "function", "name": "list_events"}, "calendar__list_events"),
        ({"type": "function", "name": "list_events", "namespace": "calendar"}, "calendar__list_events"),
        ({"type": "custom", "name": "note"}, "calendar__note"),
        ({"type": "apply_patch"}, "apply_patch"),
        ({"type": "shell"}, "shell"),
    ],
)
def test_tool_choice_forces_the_model_to_call_that_tool(client, upstream, choice, asked):
    upstream.answer(text("Yes."))
    tools = [function(parameters=CLOSED_SCHEMA), CALENDAR, PATCH, SHELL]
    made = respond(client, tools=tools, tool_choice=choice)
    assert upstream.requests[-1].body["tool_choice"] == {"type": "function", "function": {"name": asked}}
    assert made.to_dict()["tool_choice"] == choice


def test_allowed_tools_are_all_that_a_model_is_offered(client, upstream):
    upstream.answer(text("Yes."))
    allowed = [{"type": "namespace", "name": "calendar"}, {"type": "shell"}]
    choice = {"type": "allowed_tools", "mode": "required", "tools": allowed}
    respond(client, tools=[function(), CALENDAR, PATCH, SHELL], tool_choice=choice)
    assert set(offered(upstream)) == {"calendar__list_events", "calendar__note", "shell"}
    assert upstream.requests[-1].body["tool_choice"] == "required"


@pytest.mark.proves("responses.tool_choice")
@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ({"type": "function", "name": "nope"}, "nope"),
        ({"type": "custom", "name": "get_weather"}, "get_weather"),
        ({"type": "mcp", "server_label": "nope"}, "nope"),
        ({"type": "file_search"}, "file_search"),
        ({"type": "code_interpreter"}, "code_interpreter"),
        ({"type": "apply_patch"}, "apply_patch"),
        ({"type": "web_search_preview"}, "web_search_preview"),
        ({"type": "image_generation"}, "image_generation"),
        ({"type": "computer_use_preview"}, "computer_use_preview"),
        ({"type": "programmatic_tool_calling"}, "programmatic_tool_calling"),
    ],
)
@pytest.mark.parametrize("path", ["/responses", "/responses/input_tokens", "/responses/compact"])
def test_a_tool_choice_missing_from_the_tools_is_refused(server, path, choice, name):
    body = {"model": MODEL, "input": "Hello", "tools": [function()], "tool_choice": choice}
    reply = server.ask("POST", path, body)
    assert reply.status == 400
    assert reply.json["error"]["message"] == f"Tool choice '{name}' not found in 'tools' parameter."
    assert reply.json["error"]["param"] == "tool_choice"


def test_a_forced_call_needs_a_tool_to_call(server):
    assert refused(server, tool_choice="required")["param"] == "tool_choice"
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "nope"}]}
    assert refused(server, tools=[function()], tool_choice=choice)["param"] == "tool_choice.tools[0]"


# -- tools of the hosted service ---------------------------------------------------------------------------------

HOSTED = [
    {"type": "web_search"},
    {"type": "web_search_2025_08_26", "filters": {"allowed_domains": ["example.com"]}},
    {"type": "web_search_preview", "user_location": {"type": "approximate", "country": "FR"}},
    {"type": "web_search_preview_2025_03_11", "search_context_size": "low"},
    {"type": "web_search", "external_web_access": False, "index_gated_web_access": True},
    {"type": "image_generation", "output_format": "png"},
    {"type": "programmatic_tool_calling"},
]


@pytest.mark.proves("responses.hosted_tools")
@pytest.mark.parametrize("tool", HOSTED)
def test_a_hosted_tool_is_refused_by_its_name_unless_the_operator_drops_them(server, tool):
    error = refused(server, tools=[function(), tool])
    assert (error["param"], error["code"]) == ("tools[1].type", "unsupported_tool")
    assert repr(tool["type"]) in error["message"]
    assert "responses.hosted_tools" in error["message"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": [{"type": "image_generation", "partial_images": 9}]}, "tools[0].partial_images"),
        ({"tools": [{"type": "web_search", "search_context_size": "huge"}]}, "tools[0].search_context_size"),
        ({"tools": [{"type": "shell", "environment": {"type": "container_auto"}}]}, "tools[0].environment"),
        ({"tools": [{"type": "mcp", "server_label": "a"}]}, "tools[0].server_url"),
        ({"tools": [{"type": "mcp", "server_label": "a", "connector_id": "connector_gmail"}]}, "tools[0].connector_id"),
        ({"tools": [{"type": "mcp", "server_label": "a", "tunnel_id": "tunnel_a"}]}, "tools[0].tunnel_id"),
        ({"tools": [function(allowed_callers=["programmatic"])]}, "tools[0].allowed_callers"),
        ({"tools": [function(allowed_callers=[])]}, "tools[0].allowed_callers"),
        ({"tools": [{"type": "custom", "name": "a", "format": {"type": "zzz"}}]}, "tools[0].format.type"),
        ({"tools": [{"type": "custom", "name": "a", "format": {"type": "grammar"}}]}, "tools[0].format.syntax"),
        ({"tools": [{**CALENDAR, "tools": []}]}, "tools[0].tools"),
        ({"tools": [{**CALENDAR, "tools": [{"type": "function"}]}]}, "tools[0].tools[0].name"),
        ({"input": []}, "input"),
        ({"input": [{"role": "user", "content": "Hi"}, {"role": "user", "content": [{"type": "input_image"}]}]}, ...),
        ({"input": [{"type": "shell_call", "call_id": "a", "action": {}}]}, "input[0].action.commands"),
        ({"input": [{"type": "tool_search_output", "tools": [{"type": "nothing"}]}]}, "input[0].tools[0].type"),
        ({"service_tier": "fastest"}, "service_tier"),
        ({"moderation": {"model": "m", "policy": {"input": {"mode": "mute"}}}}, "moderation.policy.input.mode"),
        ({"moderation": {"policy": None}}, "moderation.model"),
        ({"prompt_cache_options": {"ttl": "1h"}}, "prompt_cache_options.ttl"),
        ({"context_management": [{"type": "nothing"}]}, "context_management[0].type"),
        ({"context_management": [{"type": "compaction", "compact_threshold": 1}]}, ...),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"background_options": {"completion_window": "8h"}}, "background_options.completion_window"),
        ({"image": {"context_compression": "enabled"}}, "image.context_compression"),
        ({"multi_agent": {"enabled": True}}, "multi_agent"),
        ({"access_programs": {"cyber": "standard"}}, "access_programs"),
        ({"tool_choice": {"type": "nothing"}}, "tool_choice.type"),
    ],
)
def test_an_unsupported_parameter_is_refused_with_its_path(server, body, param):
    error = refused(server, **body)
    assert param in {..., error["param"]}
    assert error["param"]


@pytest.mark.parametrize("chained", [True, False])
def test_outputs_follow_their_calls_directly_in_the_prompt(client, upstream, chained):
    """Semantic Kernel repeats the question before the outputs; providers of chat completions refuse that order."""
    upstream.answer(calls(call("get_weather", call_id="a", city="Oslo"), call("get_weather", call_id="b", city="Rome")))
    first = respond(client, "Oslo and Rome?", tools=[function(parameters=OPEN_SCHEMA)])
    question = {"role": "user", "content": "Oslo and Rome?"}
    outputs = [{"type": "function_call_output", "call_id": one, "output": f"mild {one}"} for one in "ab"]
    upstream.answer(text("Mild."))
    if chained:
        respond(client, [question, *outputs], previous_response_id=first.id)
    else:
        made = [one.model_dump() for one in first.output]
        respond(client, [question, *made, question, outputs[1], question, outputs[0]])
    roles = [message["role"] for message in told(upstream)]
    assert roles[:4] == ["user", "assistant", "tool", "tool"]
    assert roles.count("tool") == 2
    assert sorted(one["content"] for one in told(upstream) if one["role"] == "tool") == ["mild a", "mild b"]
