"""What requests may look like, what is said of those that may not, and what every answer carries."""

import re

import pytest

from conformance import shapes
from conformance.conftest import asker
from upstream import call, calls, text
from waiting import eventually


def user(content, **members):
    return {"role": "user", "content": content, **members}


@pytest.mark.parametrize("body", [None, b"", {}, {"messages": [], "metadata": None}])
@pytest.mark.proves("threads.without_a_body", "requests.empty_lists", "metadata.null")
def test_a_thread_is_made_of_next_to_nothing(ask, body):
    ask("POST", "/threads", body, shapes.thread())


@pytest.mark.proves("requests.no_body")
def test_a_delete_may_name_a_content_type_and_have_no_body(ask, assistant, thread):
    headers = {"Content-Type": "application/json"}
    ask("DELETE", f"/threads/{thread['id']}", None, shapes.deleted("thread", "thread"), headers=headers)
    ask("DELETE", f"/assistants/{assistant['id']}", None, shapes.deleted("asst", "assistant"), headers=headers)


@pytest.mark.parametrize(
    "query",
    [
        "include[]=step_details.tool_calls[*].file_search.results[*].content",
        "include%5B%5D=step_details.tool_calls%5B%2A%5D.file_search.results%5B%2A%5D.content",
        "include[]=step_details.tool_calls%5B%2A%5D.file_search.results%5B%2A%5D.content&unknown=1",
        "order=asc&limit=100&unknown[]=1",
    ],
)
@pytest.mark.proves("requests.queries")
def test_a_query_is_taken_in_every_spelling(ask, upstream, assistant, thread, query):
    run = ask("POST", f"/threads/{thread['id']}/runs", {"assistant_id": assistant["id"]})
    assert ask("GET", f"/threads/{thread['id']}/runs/{run['id']}/steps?{query}")["object"] == "list"


@pytest.mark.parametrize("beta", [None, "assistants=v2", "other=v1, assistants=v2", "assistants=v1"])
@pytest.mark.proves("requests.beta_header", "requests.unknown_headers")
def test_headers_that_are_not_needed_change_nothing(ask, beta):
    headers = {"X-Stainless-Retry-Count": "0", "X-Stainless-Anything": "x"} | ({"OpenAI-Beta": beta} if beta else {})
    ask("GET", "/models/gpt-4o", headers=headers)
    ask("POST", "/threads", {}, shapes.thread(), headers=headers)


@pytest.mark.proves("answers.headers")
def test_every_response_has_the_headers_of_the_server(server, ask):
    found = server.ask("GET", "/v1/models").headers
    assert re.fullmatch("req_[0-9a-f]{32}", found["x-request-id"])
    assert found["openai-version"] == "2020-10-01"
    assert found["openai-processing-ms"].isdecimal()
    assert found["openai-organization"] == "understudy"
    assert re.fullmatch("proj_[A-Za-z0-9]{24}", found["openai-project"])
    strange = server.ask("GET", "/v1/models", key="sk-wrong-0123456789").headers
    assert strange["x-request-id"]
    assert "openai-project" not in strange


@pytest.mark.proves("runs.poll_hint")
def test_polling_an_active_run_returns_a_poll_interval(server, ask, upstream, caller, thread):
    upstream.always(lambda _: calls(call("f")))  # the run may be cancelled before its model is called
    run = ask("POST", f"/threads/{thread['id']}/runs", {"assistant_id": caller["id"]})
    path = f"/v1/threads/{thread['id']}/runs/{run['id']}"
    assert int(server.ask("GET", path).headers["openai-poll-after-ms"]) >= 100
    server.ask("POST", f"{path}/cancel")
    eventually(lambda: server.ask("GET", path).json["status"] == "cancelled")
    assert "openai-poll-after-ms" not in server.ask("GET", path).headers


WRONG_IDS = [
    ("GET", "/assistants/{}", "assistant_id", "asst", None),
    ("DELETE", "/assistants/{}", "assistant_id", "asst", None),
    ("GET", "/threads/{}", "thread_id", "thread", None),
    ("POST", "/threads/{}/messages", "thread_id", "thread", user("x")),
    ("POST", "/threads/{}/runs", "thread_id", "thread", {}),
    ("GET", "/threads/thread_x/messages/{}", "message_id", "msg", None),
    ("GET", "/threads/thread_x/runs/{}", "run_id", "run", None),
    ("POST", "/threads/thread_x/runs/{}/cancel", "run_id", "run", None),
    ("GET", "/threads/thread_x/runs/run_x/steps/{}", "step_id", "step", None),
    ("POST", "/threads/runs", "assistant_id", "asst", {"assistant_id": "undefined"}),
    ("POST", "/threads/thread_x/runs", "assistant_id", "asst", {"assistant_id": "undefined"}),
]


@pytest.mark.parametrize(("method", "path", "param", "prefix", "body"), WRONG_IDS)
@pytest.mark.proves("ids.wrong_shape")
def test_a_malformed_id_is_refused(ask, method, path, param, prefix, body):
    refusal = f"Invalid '{param}': 'undefined'. Expected an ID that begins with '{prefix}'."
    ask(method, path.format("undefined"), body, shapes.error(refusal, param, "invalid_value"), status=400)


@pytest.mark.proves("ids.unknown")
def test_an_unknown_id_is_not_found(ask, upstream, assistant, thread):
    def missing(noun, identifier):
        return shapes.error(f"No {noun} found with id '{identifier}'.")

    ask("GET", "/assistants/asst_x", None, missing("assistant", "asst_x"), status=404)
    ask("POST", "/assistants/asst_x", {}, missing("assistant", "asst_x"), status=404)
    ask("DELETE", "/threads/thread_x", None, missing("thread", "thread_x"), status=404)
    path = f"/threads/{thread['id']}"
    ask("GET", f"{path}/messages/msg_x", None, missing("message", "msg_x"), status=404)
    ask("GET", f"{path}/runs/run_x", None, missing("run", "run_x"), status=404)
    ask("POST", f"{path}/runs/run_x/cancel", None, missing("run", "run_x"), status=404)
    ask("POST", f"{path}/runs", {"assistant_id": "asst_x"}, missing("assistant", "asst_x"), status=404)
    run = ask("POST", f"{path}/runs", {"assistant_id": assistant["id"]})
    ask("GET", f"{path}/runs/{run['id']}/steps/step_x", None, missing("run step", "step_x"), status=404)


@pytest.mark.proves("runs.nothing_to_answer")
def test_a_run_needs_a_question_or_instructions(ask, assistant):
    refusal = shapes.error(
        "Run creation requires a Thread with a user message or an assistant with instructions.", None, "invalid_thread"
    )
    thread = ask("POST", "/threads", {"messages": [{"role": "assistant", "content": "Hi."}]})
    ask("POST", f"/threads/{thread['id']}/runs", {"assistant_id": assistant["id"]}, refusal, status=400)
    ask("POST", "/threads/runs", {"assistant_id": assistant["id"]}, refusal, status=400)
    instructed = {"assistant_id": assistant["id"], "instructions": "Greet."}
    ask("POST", "/threads/runs", instructed, shapes.run(instructions="Greet."))


@pytest.mark.proves("runs.overrides", "runs.instructions", "runs.metadata")
def test_a_run_has_the_values_that_apply_to_it(ask, upstream, thread):
    made = ask("POST", "/assistants", {"model": "gpt-4o", "instructions": "Be kind.", "metadata": {"of": "assistant"}})
    body = {
        "assistant_id": made["id"],
        "additional_instructions": "Be brief.",
        "temperature": 0.5,
        "top_p": None,
        "max_prompt_tokens": 500,
        "truncation_strategy": {"type": "last_messages", "last_messages": 2},
        "tool_choice": "none",
        "parallel_tool_calls": False,
    }
    shown = {
        name: value for name, value in body.items() if name not in {"additional_instructions", "assistant_id", "top_p"}
    }
    shape = shapes.run(instructions="Be kind.\nBe brief.", **shown)
    run = ask("POST", f"/threads/{thread['id']}/runs", body, shape)
    assert run["metadata"] == {}


@pytest.mark.proves("runs.last_messages")
def test_a_strategy_of_last_messages_needs_their_number(ask, assistant, thread):
    body = {"assistant_id": assistant["id"], "truncation_strategy": {"type": "last_messages"}}
    refusal = "Invalid 'truncation_strategy': the type 'last_messages' needs a number of 'last_messages'."
    expected = shapes.error(refusal, "truncation_strategy", "invalid_value")
    ask("POST", f"/threads/{thread['id']}/runs", body, expected, status=400)


LOOSE = [
    ({}, "In context=(), 'additionalProperties' is required to be supplied and to be false."),
    (
        {"parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}},
        "In context=(), 'required' is required to be supplied and to be an array including every key in properties. Missing 'a'.",
    ),
    (
        {"parameters": {"type": "object", "properties": {"a": {"type": "object"}}, "required": ["a"], "additionalProperties": False}},
        "In context=('properties', 'a'), 'additionalProperties' is required to be supplied and to be false.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("members", "reason"), LOOSE)
@pytest.mark.proves("assistants.strict_functions")
def test_a_strict_function_with_a_loose_schema_is_refused(ask, assistant, thread, members, reason):
    tools = [{"type": "function", "function": {"name": "f", "strict": True, **members}}]
    param = "tools[0].function.parameters"
    refusal = shapes.error(f"Invalid schema for function 'f': {reason}", param, "invalid_function_parameters")
    ask("POST", "/assistants", {"model": "gpt-4o", "tools": tools}, refusal, status=400)
    ask("POST", f"/assistants/{assistant['id']}", {"tools": tools}, refusal, status=400)
    ask("POST", f"/threads/{thread['id']}/runs", {"assistant_id": assistant["id"], "tools": tools}, refusal, status=400)


@pytest.mark.proves("assistants.strict_functions")
def test_a_strict_function_with_a_strict_schema_is_taken(ask):
    kinds = {"type": ["object", "null"], "properties": {}, "required": [], "additionalProperties": False}
    inner = {"type": "array", "items": {"anyOf": [{"type": "string"}, kinds]}}
    schema = {"type": "object", "properties": {"a": inner}, "required": ["a"], "additionalProperties": False}
    function = {"name": "f", "description": None, "parameters": schema, "strict": True}
    tools = [{"type": "function", "function": function}]
    ask("POST", "/assistants", {"model": "gpt-4o", "tools": tools}, shapes.assistant(tools=tools))


@pytest.mark.proves("assistants.reasoning_models")
def test_reasoning_models_have_no_sampling_parameters_by_default(new_server, session_upstream, upstream):
    config = f'[providers.reasoning]\nbase_url = "{session_upstream.url}"\nmodels = ["o3-mini", "openai/o1"]\n'
    ask = asker(new_server(config).start())
    silent = {"temperature": None, "top_p": None}
    for model in ("o3-mini", "openai/o1"):
        ask("POST", "/assistants", {"model": model}, shapes.assistant(model=model, **silent))
    given = {"model": "o3-mini", "temperature": 0.5}
    made = ask("POST", "/assistants", given, shapes.assistant(**given, top_p=None))
    path = f"/assistants/{made['id']}"
    ask("POST", path, {"temperature": None}, shapes.assistant(model="o3-mini", **silent))
    ask("POST", path, {"model": "gpt-4o"}, shapes.assistant())
    ask("POST", path, {"model": "gpt-4o", "temperature": 0}, shapes.assistant(temperature=0.0))
    ask("POST", path, {"temperature": None}, shapes.assistant())
    body = {"assistant_id": made["id"], "thread": {"messages": [user("Hi")]}, "model": "o3-mini"}
    upstream.answer(text("Hello."))
    run = ask("POST", "/threads/runs", body, shapes.run(model="o3-mini", **silent))
    eventually(lambda: ask("GET", f"/threads/{run['thread_id']}/runs/{run['id']}")["status"] == "completed")
    assert upstream.requests[-1].body.keys().isdisjoint(silent)


@pytest.mark.proves("runs.budgets_below_256", "runs.many_tools", "requests.unknown_keys")
def test_limits_of_a_run_are_wider_than_documented(ask, upstream, assistant):
    tools = [{"type": "function", "function": {"name": f"f{number}"}} for number in range(128)]
    body = {"assistant_id": assistant["id"], "thread": {"messages": [user("Hi")]}, "max_completion_tokens": 16}
    assert ask("POST", "/threads/runs", {**body, "reasoning_effort": "low"})["reasoning_effort"] == "low"
    assert len(ask("POST", "/threads/runs", {**body, "tools": tools})["tools"]) == 128
    refusal = "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 129 instead."
    expected = shapes.error(refusal, "tools", "array_above_max_length")
    ask("POST", "/threads/runs", {**body, "tools": [*tools, tools[0]]}, expected, status=400)


@pytest.mark.proves("messages.attachments", "messages.empty")
def test_duplicate_attachments_are_echoed(ask, thread, client):
    file = client.files.create(file=("a.txt", b"text"), purpose="assistants")
    twice = [{"file_id": file.id, "tools": [{"type": kind}]} for kind in ("file_search", "code_interpreter")]
    path = f"/threads/{thread['id']}/messages"
    ask("POST", path, user("Look", attachments=twice), shapes.message("Look", attachments=twice))
    ask("POST", path, user("Look", attachments=None), shapes.message("Look"))
    for content, kind, article in (("", "string", "a"), ([], "array", "an")):
        refusal = (
            f"Invalid 'content': empty {kind}. Expected {article} {kind} with minimum length 1,"
            f" but got an empty {kind} instead."
        )
        ask("POST", path, user(content), shapes.error(refusal, "content", f"empty_{kind}"), status=400)


@pytest.mark.proves("errors.methods_and_paths")
def test_an_unknown_path_or_method_is_named(ask):
    ask("GET", "/nowhere", None, shapes.error("Invalid URL (GET /v1/nowhere)"), status=404)
    hint = "(HINT: Perhaps you meant to use a different HTTP method?)"
    ask("PUT", "/assistants", None, shapes.error(f"Not allowed to PUT on /v1/assistants {hint}"), status=405)


@pytest.mark.proves("lists.problems")
def test_a_bad_query_is_refused(ask):
    def refused(query, message, param, code):
        ask("GET", f"/assistants?{query}", None, shapes.error(message, param, code), status=400)

    limit = "Invalid 'limit': integer {} value. Expected a value {}, but got {} instead."
    refused("limit=0", limit.format("below minimum", ">= 1", 0), "limit", "integer_below_min_value")
    refused("limit=101", limit.format("above maximum", "<= 100", 101), "limit", "integer_above_max_value")
    refused(
        "limit=x", "Invalid type for 'limit': expected an integer, but got a string instead.", "limit", "invalid_type"
    )
    refused("order=up", "Invalid value: 'up'. Supported values are: 'asc' and 'desc'.", "order", "invalid_value")
    unknown = "Invalid 'after': no object with id 'asst_x' in this list. Use an id that the list has returned."
    refused("after=asst_x", unknown, "after", "invalid_value")
    twice = (
        "Duplicate parameter: 'order'. You provided multiple values for this parameter, whereas only one is allowed."
        " If you are trying to provide a list of values, use the array syntax instead e.g. 'order[]=<value>'."
    )
    refused("order=asc&order=asc", twice, "order", "duplicate_parameter")


@pytest.mark.proves("errors.no_vendor_pages", "errors.not_json")
def test_no_text_of_ours_sends_people_to_the_vendor(server):
    replies = [
        server.ask("POST", "/v1/threads", b"{", {"Content-Type": "application/json"}),
        server.ask("GET", "/v1/models", key=None),
        server.ask("GET", "/v1/models", key="sk-wrong-0123456789"),
    ]
    assert [reply.status for reply in replies] == [400, 401, 401]
    for reply in replies:
        assert "openai.com" not in reply.json["error"]["message"]
