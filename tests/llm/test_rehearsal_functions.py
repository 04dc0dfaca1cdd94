"""Which functions the rehearsal model calls, with which arguments, and how it renders their outputs."""

import json

import pytest

from llm.rehearsing import EMAIL, FILES, PYTHON, TEXT, WEATHER, answer, body, calls, choice, continued, function

OUTPUTS = {"get_weather": '{"temperature": 22}', "python": "84\n", "file_search": "sunny"}
NAMED = {"type": "function", "function": {"name": "get_weather"}}
CURRENCY = {"type": "string", "pattern": "^[A-Z]{3}$"}


def paris(**more):
    return ("get_weather", {"location": "Paris", **more})


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What's the weather in Paris?", [paris()]),
        ("What is the weather in Paris in celsius?", [paris(unit="celsius")]),
        ("call get_weather for Paris", [paris()]),
        (
            'Send an email to bob@example.com with subject "Lunch", text: see you at noon',
            [("send_email", {"to": "bob@example.com", "subject": "Lunch", "text": "see you at noon"})],
        ),
        ("Tell me a joke", []),
        ("What is 2 + 2?", []),
        ("Hello!", []),
        ("Reply with exactly: weather in Paris", []),
    ],
)
def test_a_function_is_called_where_the_message_shares_its_words(question, expected):
    assert calls(body(question, tools=[WEATHER, EMAIL])) == expected


@pytest.mark.parametrize(
    ("question", "places"),
    [
        ("What's the weather in Paris and Rome?", ["Paris", "Rome"]),
        ("What's the weather in Paris and in Rome?", ["Paris", "Rome"]),
        ("What's the weather like in San Francisco, CA, Tokyo, and Paris?", ["San Francisco, CA", "Tokyo", "Paris"]),
    ],
)
def test_a_function_is_called_once_for_each_listed_name(question, places):
    assert [arguments["location"] for _, arguments in calls(body(question, tools=[WEATHER]))] == places


def test_a_function_that_runs_code_gets_code():
    assert calls(body("Compute 12 * 7 with Python", tools=[PYTHON, FILES])) == [("python", {"code": "print(12 * 7)"})]


def test_arguments_written_as_json_are_used():
    question = 'Use get_weather with {"location": "Nowhere", "unit": "fahrenheit"}'
    assert calls(body(question, tools=[WEATHER])) == [("get_weather", {"location": "Nowhere", "unit": "fahrenheit"})]


@pytest.mark.parametrize(
    ("question", "properties", "required", "expected"),
    [
        ("book for 4 people", {"people": {"type": "integer"}}, [], {"people": 4}),
        ("book on 2026-05-01", {"date": {"type": "string", "format": "date"}}, None, {"date": "2026-05-01"}),
        ("book order #12345", {"order_id": TEXT}, None, {"order_id": "12345"}),
        ("book ORD-7781", {"ref": {"type": "string", "pattern": "^ORD-\\d{4}$"}}, None, {"ref": "ORD-7781"}),
        ("book with https://example.com/a?b=1.", {"url": TEXT}, None, {"url": "https://example.com/a?b=1"}),
        ("book title: Big Day, please", {"title": TEXT}, None, {"title": "Big Day"}),
        ("book a home goods slot", {"kind": {"enum": ["shoes", "home_goods"]}}, None, {"kind": "home_goods"}),
        ("book with limit 5", {"limit": {"type": "integer"}}, None, {"limit": 5}),
        ("book for Ann, Bob and Cy", {"guests": {"type": "array", "items": TEXT}}, None, {"guests": ["Ann", "Bob", "Cy"]}),
        ("book 3 and 4.5", {"sizes": {"type": "array", "items": {"type": "number"}}}, None, {"sizes": [3, 4.5]}),
        ("book from USD to EUR", {"from_currency": CURRENCY, "to_currency": CURRENCY}, None, {"to_currency": "EUR", "from_currency": "USD"}),
        ("book from Paris to Rome", {"origin": TEXT, "destination": TEXT}, None, {"destination": "Rome", "origin": "Paris"}),
        ("book", {"unit": {"type": "string", "enum": ["c", "f"]}, "city": TEXT}, [], {}),
        ("book", {"city": {"type": ["string", "null"]}, "days": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}, None, {"city": None, "days": None}),
        ("book 5 days", {"days": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}, None, {"days": 5}),
        ("book", {"city": {"type": "string", "default": "Oslo"}}, None, {"city": "Oslo"}),
    ],
)  # fmt: skip
def test_arguments_come_from_the_message(question, properties, required, expected):
    assert calls(body(question, tools=[function("book", "", required, **properties)])) == [("book", expected)]


def test_arguments_that_the_message_does_not_name_are_plain():
    [(_, arguments)] = calls(body("?", tools=[EMAIL], tool_choice="required"))
    assert arguments == {"to": "someone@example.com", "subject": "example subject", "text": "example text"}


def test_a_function_without_parameters_gets_an_empty_object():
    assert calls(body("ping", tools=[{"type": "function", "function": {"name": "ping"}}])) == [("ping", {})]


def test_the_choice_none_forbids_calls():
    assert calls(body("weather in Paris", tools=[WEATHER], tool_choice="none")) == []


def test_the_choice_required_forces_one_call():
    assert [name for name, _ in calls(body("Hi", tools=[WEATHER, EMAIL], tool_choice="required"))] == ["get_weather"]


def test_the_choice_of_one_function_forces_that_one():
    made = calls(body("Email Bob about the rain", tools=[EMAIL, WEATHER], tool_choice=NAMED))
    assert [name for name, _ in made] == ["get_weather"]


@pytest.mark.parametrize("forced", ["required", NAMED])
def test_a_forced_function_is_not_called_again_after_its_output(forced):
    assert calls(continued(body("Hi", tools=[WEATHER], tool_choice=forced), OUTPUTS)) == []


def test_the_choice_of_allowed_tools_leaves_the_others_out():
    allowed = {"mode": "auto", "tools": [{"type": "function", "function": {"name": "send_email"}}]}
    choice_of_tools = {"type": "allowed_tools", "allowed_tools": allowed}
    assert calls(body("weather in Paris", tools=[WEATHER, EMAIL], tool_choice=choice_of_tools)) == []


def test_without_parallel_calls_one_follows_the_other():
    request = body("What's the weather in Paris and Rome?", tools=[WEATHER], parallel_tool_calls=False)
    assert calls(request) == [paris()]
    request = continued(request, OUTPUTS)
    assert calls(request) == [("get_weather", {"location": "Rome"})]
    assert calls(continued(request, OUTPUTS)) == []


def test_outputs_are_in_the_reply():
    request = continued(body("What's the weather in Paris and Rome?", tools=[WEATHER]), OUTPUTS)
    reply = choice(request)["message"]["content"]
    assert reply.count('`get_weather` returned {"temperature": 22}') == 2
    request = body("Compute 12*7 with python", tools=[PYTHON])
    assert "`python` returned 84." in choice(continued(request, OUTPUTS))["message"]["content"]
    assert "`python` returned nothing." in choice(continued(request, {"python": ""}))["message"]["content"]


def test_a_json_reply_has_the_answer_where_a_sentence_fits():
    schema = function("x", answer=TEXT)["function"]["parameters"]
    response_format = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}
    assert json.loads(answer("What is 6 * 7?", response_format=response_format)) == {"answer": "6 \u00d7 7 = 42."}


def test_a_json_reply_of_any_shape_is_an_object():
    assert json.loads(answer("Hello", response_format={"type": "json_object"}))["answer"].startswith("Hello!")
    literal = answer('Reply with exactly: {"a": 1}', response_format={"type": "json_object"})
    assert json.loads(literal) == {"a": 1}
