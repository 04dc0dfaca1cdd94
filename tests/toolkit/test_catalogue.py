"""The table of tools against what was published, and the requests that its rows stand for."""

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.seed import DEFAULTS, OUTPUT, TABLE, TOOLKIT, VERSION
from understudy_toolkit import Toolkit
from understudy_toolkit.catalog import (
    AI_ML_API,
    InvalidArguments,
    UnknownTool,
    build_call,
    find,
    parse_result,
    search,
    select,
)

TOOLS = AI_ML_API.tools
NAN = float("nan")
MESSAGE = {"role": "user", "content": "Hi"}


def written(name, schema, required):
    """A parameter as the table of the tests writes it."""
    values = f"[{'|'.join(schema['enum'])}]" if "enum" in schema else ""
    return f"{name}:{schema['type']}{values}{'!' if name in required else ''}"


@pytest.mark.proves("toolkit.table")
def test_the_tools_are_those_of_the_published_table():
    assert (AI_ML_API.slug, AI_ML_API.name, AI_ML_API.version) == (*TOOLKIT, VERSION)
    assert [tool.slug for tool in TOOLS] == list(TABLE)


@pytest.mark.parametrize("slug", TABLE)
@pytest.mark.proves("toolkit.table")
def test_a_tool_has_the_cells_of_the_published_table(slug):
    tool, (name, parameters) = find(slug), TABLE[slug]
    schema = tool.input_schema
    assert tool.name == name
    assert [written(*pair, schema["required"]) for pair in schema["properties"].items()] == parameters
    assert schema["additionalProperties"] is False
    given_defaults = {(slug, n): p["default"] for n, p in schema["properties"].items() if "default" in p}
    assert given_defaults == {key: value for key, value in DEFAULTS.items() if key[0] == slug}
    output = tool.output_schema
    found = {n: (p.get("type"), n in output["required"]) for n, p in output["properties"].items()}
    assert found == OUTPUT


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.slug)
def test_a_tool_is_described_well(tool):
    for schema in (tool.input_schema, tool.output_schema):
        jsonschema.Draft202012Validator.check_schema(schema)
    assert tool.description.endswith(".")
    assert len(tool.description) > 30
    assert all(len(one.description) > 15 for one in tool.parameters)
    assert {one.name for one in tool.parameters if tool.place(one.name) == "path"} <= set(tool.input_schema["required"])


def test_the_tags_of_a_tool_name_its_effect_on_data():
    by_tag = {
        tag: {t.slug.removeprefix("AI_ML_API_") for t in select(tags=[tag])}
        for tag in ("readOnlyHint", "destructiveHint")
    }
    reads = {slug.removeprefix("AI_ML_API_") for slug in TABLE if "_GET_" in slug or "_LIST_" in slug}
    assert by_tag["readOnlyHint"] == reads
    assert by_tag["destructiveHint"] == {
        *("DELETE_ASSISTANT", "DELETE_THREAD", "DELETE_MESSAGE", "CANCEL_RUN"),
        *("UPDATE_ASSISTANT", "UPDATE_THREAD", "UPDATE_MESSAGE", "UPDATE_RUN"),
    }
    assert all("idempotentHint" in find(f"AI_ML_API_{name}").tags for name in reads)


@pytest.mark.parametrize(
    ("slug", "arguments", "request_line", "body"),
    [
        (
            "LIST_RUNS",
            {"thread_id": "t", "limit": 3, "after": "run&1"},
            "GET /threads/t/runs?limit=3&after=run%261",
            None,
        ),
        ("CANCEL_RUN", {"thread_id": "t", "run_id": "r"}, "POST /threads/t/runs/r/cancel", None),
        ("CREATE_THREAD", {}, "POST /threads", b"{}"),
        ("CREATE_THREAD", {"metadata": None}, "POST /threads", b"{}"),
        (
            "UPDATE_RUN",
            {"thread_id": "t", "run_id": "r", "metadata": {}},
            "POST /threads/t/runs/r",
            b'{"metadata": {}}',
        ),
        ("GET_LUMA_GENERATION", {"ids": "a,b"}, "GET /luma-ai/generation?ids=a%2Cb", None),
        (
            "GET_RESPONSE",
            {"response_id": "resp_1", "include": ["x", "y"], "include_obfuscation": False, "starting_after": 2},
            "GET /v1/responses/resp_1?include%5B%5D=x&include%5B%5D=y&include_obfuscation=false&starting_after=2",
            None,
        ),
        (
            "CREATE_RUN",
            {"thread_id": "t", "assistant_id": "a", "tool_choice": "look_up", "response_format": "json_object"},
            "POST /threads/t/runs",
            (
                b'{"assistant_id": "a", "tool_choice": {"type": "function", "function": {"name": "look_up"}},'
                b' "response_format": {"type": "json_object"}}'
            ),
        ),
        (
            "CREATE_RUN",
            {
                "thread_id": "t",
                "assistant_id": "a",
                "tool_choice": "file_search",
                "response_format": '{"type": "text"}',
            },
            "POST /threads/t/runs",
            b'{"assistant_id": "a", "tool_choice": {"type": "file_search"}, "response_format": {"type": "text"}}',
        ),
        (
            "UPDATE_ASSISTANT",
            {"assistant_id": "a", "response_format": "auto"},
            "POST /assistants/a",
            b'{"response_format": "auto"}',
        ),
        (
            "CREATE_MESSAGE",
            {"thread_id": "t", "role": "user", "content": [{"type": "text", "text": "é"}]},
            "POST /threads/t/messages",
            '{"role": "user", "content": [{"type": "text", "text": "é"}]}'.encode(),
        ),
        (
            "TEXT_CHAT_COMPLETION",
            {"model": "m", "messages": [MESSAGE], "stop": "END"},
            "POST /v1/chat/completions",
            b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stop": "END"}',
        ),
    ],
)
def test_arguments_go_where_the_operation_wants_them(slug, arguments, request_line, body):
    call = build_call(find(f"AI_ML_API_{slug}"), arguments)
    assert (f"{call.method} {call.target}", call.body) == (request_line, body)


@pytest.mark.parametrize(
    ("slug", "arguments", "sentence"),
    [
        ("GET_THREAD", {}, "Missing required parameter: 'thread_id' (string)."),
        ("GET_THREAD", {"thread_id": None}, "Missing required parameter: 'thread_id' (string)."),
        ("GET_THREAD", {"thread_id": ""}, "Invalid 'thread_id': it must not be empty."),
        ("GET_THREAD", {"thread_id": ".."}, "Invalid 'thread_id': '..' does not match"),
        ("GET_THREAD", {"thread_id": "t/messages"}, "Invalid 'thread_id': 't/messages' does not match"),
        ("GET_THREAD", {"thread_id": "t?x"}, "Invalid 'thread_id': 't?x' does not match"),
        ("GET_THREAD", {"thread_id": "t", "id": 1}, "Unknown parameter: 'id'. AI_ML_API_GET_THREAD takes 'thread_id'."),
        ("LIST_MODELS", {"limit": 1}, "Unknown parameter: 'limit'. AI_ML_API_LIST_MODELS takes none."),
        ("LIST_RUNS", {"thread_id": "t", "limit": 0}, "Invalid 'limit': 0 is not between 1 and 100."),
        ("LIST_RUNS", {"thread_id": "t", "limit": "5"}, "Invalid 'limit': expected an integer, but got '5'."),
        ("LIST_RUNS", {"thread_id": "t", "limit": True}, "Invalid 'limit': expected an integer, but got True."),
        ("LIST_RUNS", {"thread_id": "t", "order": "up"}, "Invalid 'order': 'up' is not one of 'asc', 'desc'."),
        ("LIST_BATCHES", {"batch_id": "batch_1"}, "Invalid 'batch_id': 'batch_1' does not match '^msgbatch_"),
        ("CREATE_ASSISTANT", {"model": 5}, "Invalid 'model': expected a string, but got 5."),
        ("CREATE_ASSISTANT", {"model": ""}, "Invalid 'model': '' is not one of 'openai/gpt-4o', "),
        (
            "CREATE_MESSAGE",
            {"thread_id": "t", "role": "user", "content": "x", "attachments": [{"file_id": 1}]},
            "Invalid 'attachments[0].file_id': expected a string, but got 1.",
        ),
        (
            "CREATE_THREAD",
            {"messages": [{"role": "user", "content": 5}]},
            "Invalid 'messages[0].content': expected a string or an array, but got 5.",
        ),
        (
            "CREATE_ASSISTANT",
            {"model": "o1", "name": "x" * 257},
            "Invalid 'name': it has 257 characters, and at most 256",
        ),
        ("CREATE_ASSISTANT", {"model": "o1", "temperature": 2.1}, "Invalid 'temperature': 2.1 is not between 0 and 2."),
        ("CREATE_ASSISTANT", {"model": "o1", "tools": [{"type": "x"}]}, "Invalid 'tools[0].type': 'x' is not one of"),
        (
            "CREATE_ASSISTANT",
            {"model": "o1", "response_format": 1},
            "Invalid 'response_format': expected a string, but",
        ),
        ("CREATE_THREAD", {"metadata": {"a": 1}}, "Invalid 'metadata.a': expected a string, but got 1."),
        (
            "CREATE_THREAD",
            {"metadata": {"k" * 65: ""}},
            "in 'metadata': it has 65 characters, and at most 64 are allowed.",
        ),
        ("CREATE_THREAD", {"metadata": dict.fromkeys("abcdefghijklmnopq", "")}, "it has 17 members, and at most 16"),
        (
            "CREATE_THREAD",
            {"messages": [{}]},
            "Invalid 'messages[0]': it has no 'role' and no 'content', which it needs.",
        ),
        (
            "SUBMIT_TOOL_OUTPUTS",
            {"run_id": "r", "thread_id": "t", "tool_outputs": []},
            "'tool_outputs': it must not be",
        ),
        ("TEXT_CHAT_COMPLETION", {"model": "m", "messages": [MESSAGE], "n": 0}, "Invalid 'n': 0 is not at least 1."),
        (
            "TEXT_CHAT_COMPLETION",
            {"model": "m", "messages": [MESSAGE], "stop": [*"abcde"]},
            "has 5 items, and at most 4",
        ),
        (
            "CREATE_MESSAGE",
            {"thread_id": "t", "role": "user", "content": [{"x": object()}]},
            "cannot be sent as JSON: ",
        ),
        ("CREATE_MESSAGE", {"thread_id": "t", "role": "user", "content": "\ud800"}, "cannot be sent as JSON: "),
        ("GET_LUMA_GENERATION", {"ids": "\ud800"}, "cannot be sent as JSON: "),
        (
            "TEXT_CHAT_COMPLETION",
            {"model": "m", "messages": [MESSAGE], "logit_bias": {"1": NAN}},
            "cannot be sent as JSON",
        ),
        ("CREATE_THREAD", ["x"], "Arguments must be an object of parameters, not ['x']."),
    ],
)
@pytest.mark.proves("toolkit.refusal")
def test_invalid_arguments_are_refused_with_a_sentence(slug, arguments, sentence):
    with pytest.raises(InvalidArguments) as refusal:
        build_call(find(f"AI_ML_API_{slug}"), arguments)
    assert sentence in str(refusal.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def test_arguments_that_nest_too_deep_are_refused_and_quoted():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for arguments in ({"metadata": deep}, {"messages": [{"role": "user", "content": deep}]}):
        with pytest.raises(InvalidArguments, match="cannot be sent as JSON: "):
            build_call(find("AI_ML_API_CREATE_THREAD"), arguments)
    body = b"[" * 100_000 + b"]" * 100_000
    for status, kind in ((200, "application/json"), (500, "application/json"), (200, "text/event-stream")):
        data = b"data: " + body if kind == "text/event-stream" else body
        assert parse_result(status, kind, data)["successful"] is (kind == "text/event-stream")


@given(
    st.sampled_from(TOOLS).flatmap(
        lambda tool: st.tuples(
            st.just(tool), st.dictionaries(st.sampled_from([*tool.by_name, "other"]), JSON, max_size=5)
        )
    )
)
def test_any_arguments_are_refused_or_stay_within_the_operation(drawn):
    tool, arguments = drawn
    try:
        call = build_call(tool, arguments)
    except InvalidArguments:
        return
    assert call.path.count("/") == tool.path.count("/")
    assert not {"", ".", ".."} & set(call.path.split("/")[1:])


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("create assistant", "AI_ML_API_CREATE_ASSISTANT"),
        ("balance", "AI_ML_API_GET_BILLING_BALANCE"),
        ("video", "AI_ML_API_GET_LUMA_GENERATION"),
        ("cancel", "AI_ML_API_CANCEL_RUN"),
    ],
)
def test_a_search_finds_the_likeliest_first(words, first):
    assert search(words)[0].slug == first


def test_tools_are_found_by_slug_in_any_case_and_a_slip_is_pointed_out():
    assert find("ai_ml_api_get_run") is find("AI_ML_API_GET_RUN")
    with pytest.raises(UnknownTool, match=r"'AI_ML_API_RUN_GET'\. Did you mean AI_ML_API_GET_RUN "):
        find("AI_ML_API_RUN_GET")
    assert search("zzzz") == []


def test_tools_are_selected_by_slug_tag_and_importance():
    assert len(select()) == 30
    assert [t.slug for t in select(slugs=["AI_ML_API_GET_RUN", "x", "ai_ml_api_get_thread"])] == [
        "AI_ML_API_GET_RUN",
        "AI_ML_API_GET_THREAD",
    ]
    assert select(toolkits=["github"]) == []
    assert len(select(toolkits=["ai_ml_api"])) == 30
    assert all(tool.important for tool in select(important=True))
    assert Toolkit().list(important=True, tags=["readOnlyHint"]) == select(important=True, tags=["readOnlyHint"])


@pytest.mark.parametrize(
    ("status", "kind", "body", "result"),
    [
        (200, "application/json", b'{"a": 1}', ({"a": 1}, None)),
        (201, "application/json", b"[1, 2]", ({"data": [1, 2]}, None)),
        (200, "application/x-jsonl", b'{"a": 1}\n{"a": 2}\n', ({"data": [{"a": 1}, {"a": 2}]}, None)),
        (200, "application/x-jsonl", b'{"a": 1}\n', ({"data": [{"a": 1}]}, None)),
        (200, "", b'{"a": 1}\n{"a": 2}', ({"data": [{"a": 1}, {"a": 2}]}, None)),
        (200, "text/html", b"<h1>Hi</h1>", ({}, "The API answered 200 with text/html that is not JSON: <h1>Hi</h1>")),
        (200, "", b"", ({}, "The API answered 200 with something that is not JSON: an empty answer")),
        (404, "application/json", b'{"error": {"message": "Gone."}}', ({"status": 404}, "The API answered 404: Gone.")),
        (400, "application/json", b'{"message": "No."}', ({"status": 400}, "The API answered 400: No.")),
        (400, "application/json", b'{"error": "No."}', ({"status": 400}, "The API answered 400: No.")),
        (502, "text/html", b"Bad\n gateway", ({"status": 502}, "The API answered 502: Bad gateway")),
        (302, "text/html", b"", ({"status": 302}, "The API answered 302: an empty answer")),
        (500, "application/json", b"[]", ({"status": 500}, "The API answered 500: []")),
        (
            200,
            "text/event-stream; charset=utf-8",
            b'event: a\ndata: {"x": 1}\n\n: quiet\n\ndata: {"y":\ndata: 2}\n\ndata: [DONE]\n\n',
            ({"events": [{"event": "a", "data": {"x": 1}}, {"event": "message", "data": {"y": 2}}]}, None),
        ),
        (
            200,
            "text/event-stream",
            b'data: {"error": {"message": "Broke."}}\n\n',
            (
                {"events": [{"event": "message", "data": {"error": {"message": "Broke."}}}]},
                "The stream ended with an error: Broke.",
            ),
        ),
    ],
)
@pytest.mark.proves("toolkit.result")
def test_every_response_becomes_a_result(status, kind, body, result):
    data, error = result
    assert parse_result(status, kind, body) == {"data": data, "error": error, "successful": error is None}
