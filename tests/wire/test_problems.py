"""What a refused body is answered with. The sentences are the hosted API's, written out here once more."""

import contextlib
import copy
import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.wire.anthropic_messages import CountMessageTokensParams
from understudy.wire.assistants import CreateAssistantRequest, ModifyAssistantRequest
from understudy.wire.messages import CreateMessageRequest
from understudy.wire.parsing import InvalidBody, InvalidId, Problem, check_id, explain, parse, parse_object
from understudy.wire.runs import (
    CreateRunRequest,
    CreateThreadAndRunRequest,
    ModifyRunRequest,
    SubmitToolOutputsRunRequest,
)
from understudy.wire.threads import CreateThreadRequest, ModifyThreadRequest

NOT_JSON = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The API expects a JSON payload, but what was sent was not valid JSON.)"
)
TOO_DEEP = "Invalid request body: nested too deeply. Expected JSON with at most 100 levels of objects and arrays."


def refusal(body, kind=CreateAssistantRequest, **options) -> Problem:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(InvalidBody) as caught:
        parse(data, kind, **options)
    assert str(caught.value) == caught.value.problem.message
    return caught.value.problem


def assistant(**members):
    return {"model": "gpt-4o", **members}


def function(**members):
    return {"type": "function", "function": {"name": "f", **members}}


def message(**members):
    return {"role": "user", "content": "hi", **members}


def run(**members):
    return {"assistant_id": "asst_1", **members}


A, M, R = CreateAssistantRequest, CreateMessageRequest, CreateRunRequest

# kind, body, message, param, code
PROBLEMS = [
    # missing
    (A, {}, "Missing required parameter: 'model'.", "model", "missing_required_parameter"),
    (M, {}, "Missing required parameter: 'role'.", "role", "missing_required_parameter"),
    (A, assistant(tools=[{"type": "function"}]), "Missing required parameter: 'tools[0].function'.", "tools[0].function", "missing_required_parameter"),
    (A, assistant(tools=[{"type": "code_interpreter"}, {"type": "function", "function": {}}]), "Missing required parameter: 'tools[1].function.name'.", "tools[1].function.name", "missing_required_parameter"),
    (A, assistant(tools=[{}]), "Missing required parameter: 'tools[0].type'.", "tools[0].type", "missing_required_parameter"),
    (A, assistant(response_format={}), "Missing required parameter: 'response_format.type'.", "response_format.type", "missing_required_parameter"),
    (SubmitToolOutputsRunRequest, {"tool_outputs": [{"output": "x"}]}, "Missing required parameter: 'tool_outputs[0].tool_call_id'.", "tool_outputs[0].tool_call_id", "missing_required_parameter"),
    (SubmitToolOutputsRunRequest, {"tool_outputs": [{"tool_call_id": "call_1"}]}, "Missing required parameter: 'tool_outputs[0].output'.", "tool_outputs[0].output", "missing_required_parameter"),
    # unknown
    (A, assistant(zzz=1), "Unknown parameter: 'zzz'.", "zzz", "unknown_parameter"),
    (A, assistant(nme="x"), "Unknown parameter: 'nme'. Did you mean 'name'?", "nme", "unknown_parameter"),
    (A, assistant(modell="x"), "Unknown parameter: 'modell'.", "modell", "unknown_parameter"),
    (A, assistant(tools=[function(descripton="x")]), "Unknown parameter: 'tools[0].function.descripton'. Did you mean 'tools[0].function.description'?", "tools[0].function.descripton", "unknown_parameter"),
    (M, message(file_ids=[]), "Unknown parameter: 'file_ids'.", "file_ids", "unknown_parameter"),
    (ModifyRunRequest, {"stream": True}, "Unknown parameter: 'stream'.", "stream", "unknown_parameter"),
    # type
    (A, assistant(name=5), "Invalid type for 'name': expected a string, but got an integer instead.", "name", "invalid_type"),
    (A, assistant(temperature="hot"), "Invalid type for 'temperature': expected a decimal, but got a string instead.", "temperature", "invalid_type"),
    (A, assistant(tools="x"), "Invalid type for 'tools': expected an array of objects, but got a string instead.", "tools", "invalid_type"),
    (A, assistant(tools=["x"]), "Invalid type for 'tools[0]': expected an object, but got a string instead.", "tools[0]", "invalid_type"),
    (A, assistant(tools=[{"type": 1}]), "Invalid type for 'tools[0].type': expected one of 'code_interpreter', 'function', 'file_search', or 'mcp', but got an integer instead.", "tools[0].type", "invalid_type"),
    (A, assistant(tools=[function(strict="yes")]), "Invalid type for 'tools[0].function.strict': expected a boolean, but got a string instead.", "tools[0].function.strict", "invalid_type"),
    (A, assistant(tools=[function(parameters=[])]), "Invalid type for 'tools[0].function.parameters': expected an object, but got an array instead.", "tools[0].function.parameters", "invalid_type"),
    (A, {"model": None}, "Invalid type for 'model': expected a string, but got null instead.", "model", "invalid_type"),
    (A, assistant(metadata="x"), "Invalid type for 'metadata': expected an object, but got a string instead.", "metadata", "invalid_type"),
    (A, assistant(metadata={"modified": True}), "Invalid type for 'metadata.modified': expected a string, but got a boolean instead.", "metadata.modified", "invalid_type"),
    (A, assistant(response_format=5), "Invalid type for 'response_format': expected one of 'auto' or object, but got an integer instead.", "response_format", "invalid_type"),
    (A, assistant(tool_resources={"file_search": {"vector_store_ids": "vs_1"}}), "Invalid type for 'tool_resources.file_search.vector_store_ids': expected an array of strings, but got a string instead.", "tool_resources.file_search.vector_store_ids", "invalid_type"),
    (M, message(role=1), "Invalid type for 'role': expected one of 'user' or 'assistant', but got an integer instead.", "role", "invalid_type"),
    (M, message(content=7), "Invalid type for 'content': expected one of a string or array of objects, but got an integer instead.", "content", "invalid_type"),
    (M, message(content=None), "Invalid type for 'content': expected one of a string or array of objects, but got null instead.", "content", "invalid_type"),
    (R, run(max_prompt_tokens=300.5), "Invalid type for 'max_prompt_tokens': expected an integer, but got a decimal number instead.", "max_prompt_tokens", "invalid_type"),
    (R, run(max_prompt_tokens=True), "Invalid type for 'max_prompt_tokens': expected an integer, but got a boolean instead.", "max_prompt_tokens", "invalid_type"),
    (R, run(temperature=False), "Invalid type for 'temperature': expected a decimal, but got a boolean instead.", "temperature", "invalid_type"),
    (R, run(tool_choice=7), "Invalid type for 'tool_choice': expected one of 'none', 'auto', 'required', or object, but got an integer instead.", "tool_choice", "invalid_type"),
    (A, [], "Invalid type for the request body: expected an object, but got an array instead.", None, "invalid_type"),
    (A, None, "Invalid type for the request body: expected an object, but got null instead.", None, "invalid_type"),
    # enum
    (M, message(role="system"), "Invalid value: 'system'. Supported values are: 'user' and 'assistant'.", "role", "invalid_value"),
    (A, assistant(tools=[{"type": "retrieval"}]), "Invalid value: 'retrieval'. Supported values are: 'code_interpreter', 'function', 'file_search', and 'mcp'.", "tools[0].type", "invalid_value"),
    (A, assistant(reasoning_effort="huge"), "Invalid value: 'huge'. Supported values are: 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', and 'max'.", "reasoning_effort", "invalid_value"),
    (A, assistant(response_format="json"), "Invalid value: 'json'. Supported values are: 'auto'.", "response_format", "invalid_value"),
    (A, assistant(response_format={"type": "xml"}), "Invalid value: 'xml'. Supported values are: 'json_object', 'json_schema', and 'text'.", "response_format.type", "invalid_value"),
    (R, run(tool_choice="any"), "Invalid value: 'any'. Supported values are: 'none', 'auto', and 'required'.", "tool_choice", "invalid_value"),
    (M, message(attachments=[{"file_id": "file-1", "tools": [{"type": "function"}]}]), "Invalid value: 'function'. Supported values are: 'code_interpreter' and 'file_search'.", "attachments[0].tools[0].type", "invalid_value"),
    (A, assistant(reasoning_effort="x" * 999), "Invalid value: 'xxx...xxx'. Supported values are: 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', and 'max'.", "reasoning_effort", "invalid_value"),
    # ranges
    (A, assistant(temperature=3), "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.", "temperature", "decimal_above_max_value"),
    (A, assistant(top_p=-0.5), "Invalid 'top_p': decimal below minimum value. Expected a value >= 0, but got -0.5 instead.", "top_p", "decimal_below_min_value"),
    (R, run(max_completion_tokens=0), "Invalid 'max_completion_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead.", "max_completion_tokens", "integer_below_min_value"),
    (R, run(max_completion_tokens=2**63), "Invalid 'max_completion_tokens': integer above maximum value. Expected a value <= 9223372036854775807, but got 9223372036854775808 instead.", "max_completion_tokens", "integer_above_max_value"),
    (A, assistant(tools=[{"type": "file_search", "file_search": {"max_num_results": 51}}]), "Invalid 'tools[0].file_search.max_num_results': integer above maximum value. Expected a value <= 50, but got 51 instead.", "tools[0].file_search.max_num_results", "integer_above_max_value"),
    # lengths
    (A, assistant(name="é" * 257), "Invalid 'name': string too long. Expected a string with maximum length 256, but got a string with length 257 instead.", "name", "string_above_max_length"),
    (M, message(content="x" * 256001), "Invalid 'content': string too long. Expected a string with maximum length 256000, but got a string with length 256001 instead.", "content", "string_above_max_length"),
    (A, assistant(tools=[{"type": "code_interpreter"}] * 129), "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 129 instead.", "tools", "array_above_max_length"),
    (M, message(content=[]), "Invalid 'content': empty array. Expected an array with minimum length 1, but got an empty array instead.", "content", "empty_array"),
    (M, message(content=""), "Invalid 'content': empty string. Expected a string with minimum length 1, but got an empty string instead.", "content", "empty_string"),
    # pattern
    (A, assistant(tools=[function(name="a b")]), "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.", "tools[0].function.name", "invalid_value"),
    (A, assistant(tools=[function(name="f\n")]), "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.", "tools[0].function.name", "invalid_value"),
    # metadata
    (A, assistant(metadata={f"k{i}": "v" for i in range(17)}), "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead.", "metadata", "object_above_max_properties"),
    (A, assistant(metadata={"k" * 70: "v"}), "Invalid property name in 'metadata': 'kkk...kkk' is too long. Expected a string with maximum length 64, but got a string with length 70 instead.", f"metadata.{'k' * 70}", "property_name_above_max_length"),
    (A, assistant(metadata={"k": "x" * 513}), "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, but got a string with length 513 instead.", "metadata.k", "string_above_max_length"),
    # what only msgspec sees
    (A, assistant(tool_resources={"file_search": {"vector_store_ids": ["vs_1"], "vector_stores": [{}]}}), "Invalid 'tool_resources.file_search': expected either 'vector_store_ids' or 'vector_stores', but got both.", "tool_resources.file_search", "invalid_value"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "body", "text", "param", "code"), PROBLEMS)
@pytest.mark.proves("errors.validation", "metadata.limits", "requests.unknown_keys")
def test_a_refused_body_is_explained_in_the_hosted_apis_words(kind, body, text, param, code):
    assert refusal(body, kind) == Problem(text, param, code)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"zzz": 1, "name": 5}, "model"),
        (assistant(tools=[{}], zzz=1), "tools[0].type"),
        (assistant(zzz=1, name=5, temperature=3), "zzz"),
        (assistant(temperature=3, name=5), "name"),
        (assistant(temperature=3, name="x" * 257), "name"),
        (assistant(b=1, a=1), "b"),
        (assistant(tools=[{"type": "x"}], top_p="x"), "top_p"),
        (assistant(tools=[function(zzz=1)], yyy=1), "yyy"),
    ],
)
@pytest.mark.proves("requests.one_problem")
def test_of_several_problems_missing_comes_before_unknown_before_type_before_value(body, param):
    assert refusal(body).param == param


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  ",
        b"{",
        b"{'model': 1}",
        b'{"model":"m",}',
        b'{"model":"m"} x',
        b'{"model":NaN}',
        b'{"temperature":Infinity,"model":"m"}',
        b'{"model":"\xff"}',
        b'{"model":"\\ud800"}',
        b'{"model":"\xed\xa0\x80"}',
        b'\xef\xbb\xbf{"model":"m"}',
        b'{"zzz":1,"model":nope}',
        b"model=m",
    ],
)
@pytest.mark.proves("errors.not_json")
def test_invalid_json_is_reported_before_any_other_problem(data):
    assert refusal(data) == Problem(NOT_JSON, None, None)


@pytest.mark.parametrize("number", [b"1e400", b"9" * 5_000])
def test_a_number_outside_the_range_of_floats_is_refused(number):
    problem = refusal(b'{"model":"m","temperature":' + number + b"}")
    assert "out of range" in problem.message


@pytest.mark.parametrize(
    "data",
    [
        b'{"model":"m","zzz":' + b"[" * 200_000,
        b'{"model":"m","metadata":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}",
        json.dumps(assistant(tools=[function(parameters=json.loads('{"a":' * 97 + "1" + "}" * 97))])).encode(),
    ],
)
def test_json_nested_too_deeply_is_refused_wherever_it_is(data):
    assert refusal(data) == Problem(TOO_DEEP, None, None)


def test_json_nested_just_within_the_limit_is_accepted():
    parameters = json.loads('{"a":' * 96 + "1" + "}" * 96)
    data = json.dumps(assistant(tools=[function(parameters=parameters)])).encode()
    assert parse(data, A).tools[0].function.parameters == parameters
    assert refusal(data, depth=99).message.startswith("Invalid request body: nested too deeply.")


def test_brackets_in_a_text_are_no_nesting():
    assert parse(json.dumps(message(content="[{" * 1000)).encode(), M).content == "[{" * 1000


def test_a_whole_decimal_is_an_integer():
    body = run(max_prompt_tokens=300.0, truncation_strategy={"type": "last_messages", "last_messages": 4e0})
    request = parse(json.dumps(body).encode(), R)
    assert (request.max_prompt_tokens, request.truncation_strategy.last_messages) == (300, 4)
    assert isinstance(request.max_prompt_tokens, int)


def test_of_a_repeated_key_the_last_value_counts():
    assert parse(b'{"model":1,"model":"m"}', A).model == "m"
    assert refusal(b'{"model":"m","model":1}').code == "invalid_type"


@pytest.mark.parametrize("data", [b"", b" \n", b"{}"])
def test_an_absent_body_stands_for_an_empty_object_where_it_may(data):
    assert parse(data, CreateThreadRequest, empty=True) == CreateThreadRequest()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (A, assistant(metadata=None, tools=[], tool_resources=None, temperature=None)),
        (A, assistant(tools=[{"type": "file_search", "file_search": {}}])),
        (CreateThreadRequest, {"messages": []}),
        (R, run(additional_messages=[])),
        (ModifyThreadRequest, {"metadata": None}),
    ],
)
@pytest.mark.proves("requests.empty_lists", "metadata.null")
def test_bodies_of_existing_clients_are_accepted(kind, body):
    assert isinstance(parse(json.dumps(body).encode(), kind), kind)


class Open(msgspec.Struct):
    model: str
    seed: int | None = None


def test_an_open_object_preserves_unknown_members():
    data = b'{"model":"m","seed":7.0,"extra":[1.5,{"a":null}]}'
    assert parse_object(data, Open) == {"model": "m", "seed": 7, "extra": [1.5, {"a": None}]}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'{"extra":1}', "Missing required parameter: 'model'."),
        (b'{"model":1}', "Invalid type for 'model': expected a string, but got an integer instead."),
        (b"[1]", "Invalid type for the request body: expected an object, but got an array instead."),
        (b"", NOT_JSON),
        (b'{"model":"m","extra":' + b"[" * 100 + b"]" * 100 + b"}", TOO_DEEP),
    ],
)
def test_an_open_object_is_refused_for_the_members_that_are_known(data, text):
    with pytest.raises(InvalidBody) as caught:
        parse_object(data, Open)
    assert caught.value.problem.message == text


def test_a_body_of_countless_faults_is_refused_for_the_first():
    problem = refusal({"tool_outputs": [1] * 200_000}, SubmitToolOutputsRunRequest)
    assert problem.param == "tool_outputs[0]"


def test_an_error_beyond_the_checked_elements_has_a_general_message():
    messages = [message()] * 30_000 + [message(role=1)]
    problem = refusal({"model": "m", "messages": messages}, CountMessageTokensParams)
    assert problem.param == "messages[30000].role"
    assert problem.message.startswith("Invalid 'messages[30000].role': expected ")


@pytest.mark.parametrize(("value", "prefix"), [("asst_1", "asst"), ("thread_1", "thread"), ("step_1", "step")])
def test_an_id_with_its_prefix_passes(value, prefix):
    check_id("id", value, prefix)


def test_an_id_without_its_prefix_is_refused_by_name():
    with pytest.raises(InvalidId) as caught:
        check_id("thread_id", "undefined", "thread")
    assert caught.value.problem == Problem(
        "Invalid 'thread_id': 'undefined'. Expected an ID that begins with 'thread'.", "thread_id", "invalid_value"
    )


# -- the explanation and msgspec never disagree --

FULL_TOOLS = [
    {"type": "code_interpreter"},
    {"type": "file_search", "file_search": {"max_num_results": 3, "ranking_options": {"score_threshold": 0.5}}},
    function(description="d", parameters={"type": "object"}, strict=True),
]
VALID = [
    (A, assistant(name="n", tools=FULL_TOOLS, metadata={"a": "b"}, temperature=0.5, top_p=0.5, response_format="auto")),
    (A, assistant(tool_resources={"file_search": {"vector_stores": [{"file_ids": ["file-1"], "metadata": {}}]}})),
    (A, assistant(response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": {}, "strict": None}})),
    (ModifyAssistantRequest, {"tool_resources": {"code_interpreter": {"file_ids": ["file-1"]}}, "name": None}),
    (M, message(attachments=[{"file_id": "file-1", "tools": [{"type": "file_search"}]}], metadata={"a": "b"})),
    (M, message(content=[{"type": "text", "text": "t"}, {"type": "image_url", "image_url": {"url": "u"}}])),
    (R, run(tools=FULL_TOOLS, additional_messages=[message()], truncation_strategy={"type": "auto"}, stream=True)),
    (R, run(tool_choice={"type": "function", "function": {"name": "f"}}, max_prompt_tokens=300, reasoning_effort="low")),
    (CreateThreadAndRunRequest, run(thread={"messages": [message()]}, tool_choice="auto")),
    (SubmitToolOutputsRunRequest, {"tool_outputs": [{"tool_call_id": "call_1", "output": ""}], "stream": None}),
]  # fmt: skip

NAMES = st.sampled_from(["type", "name", "function", "file_search", "zzz", "modl", "k" * 70]) | st.text(
    "abc_", max_size=4
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([-0.5, 0.25, 1.5, 9.5, 1e-9])
    | st.sampled_from(["", "auto", "user", "function", "text", "x" * 600, "a b"])
    | st.text(max_size=5)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=18),
    max_leaves=20,
)


def containers(value):
    """Every object and array in a body, itself first."""
    if isinstance(value, (dict, list)):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


@st.composite
def mutated(draw):
    kind, body = copy.deepcopy(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 3))):
        container = draw(st.sampled_from(list(containers(body))))
        keys = list(container) if isinstance(container, dict) else list(range(len(container)))
        action = draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "add" and isinstance(container, dict):
            container[draw(NAMES)] = draw(VALUES)
        elif action == "add":
            container.append(draw(VALUES))
        elif keys and action == "replace":
            container[draw(st.sampled_from(keys))] = draw(VALUES)
        elif keys:
            del container[draw(st.sampled_from(keys))]
    return kind, body


def holds(body, path):
    """Whether the path is one of the body, or names a member that one of its objects lacks."""
    *parents, last = re.findall(r"[^.\[\]]+|(?<=\.)(?=$|\.)", path) or [""]
    for part in parents:
        body = body[int(part)] if isinstance(body, list) else body[part]
    return int(last) < len(body) if isinstance(body, list) else isinstance(body, dict)


@given(mutated())
def test_a_problem_is_found_exactly_where_msgspec_refuses(case):
    kind, body = case
    data = json.dumps(body).encode()
    try:
        accepted = msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError:
        plain = json.loads(data)
        problem = explain(plain, kind)
        if problem is None:  # null in the place of an absent member, which msgspec knows only as absent
            assert msgspec.json.decode(json.dumps(plain), type=kind) == parse(data, kind)
            assert plain != json.loads(data)
            return
        assert problem.message.startswith(("Invalid ", "Missing ", "Unknown "))
        assert problem.message.endswith((".", "?"))
        assert problem.param is None or holds(body, problem.param)
        assert refusal(data, kind) == problem
    else:
        assert explain(json.loads(data), kind) is None
        assert parse(data, kind) == accepted


@given(mutated())
def test_whole_decimals_in_the_place_of_integers_change_nothing(case):
    kind, body = case
    data = json.dumps(body)
    decimal = re.sub(r"(?<=: )(-?\d{1,6})(?=[,}\]])", r"\1.0", data)

    def outcome(text):
        problem = explain(json.loads(text), kind)
        return problem and (problem.param, problem.code)

    first, second = outcome(data), outcome(decimal)
    assert first == second


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode) | VALUES.map(lambda v: json.dumps(v).encode()))
def test_every_body_is_parsed_or_refused_with_a_problem(data):
    with contextlib.suppress(InvalidBody):
        assert isinstance(parse(data, A), A)
