"""Which functions the rehearsal model calls, with what, and how it reports what came back."""

import json

import pytest
from rehearsing import (
    BOOK_FLIGHT,
    EMAIL,
    FILES,
    PYTHON,
    SEARCH_FLIGHTS,
    TEXT,
    WEATHER,
    body,
    calls,
    choice,
    continued,
    function,
)

SUNNY = '{"temperature": 22, "unit": "celsius", "sky": {"clouds": ["few", "high"]}}'
OUTPUTS = {
    "get_weather": SUNNY,
    "search_flights": '{"flights": [{"flight_id": "LH-204", "price": 120.5}, {"flight_id": "AZ-9"}]}',
    "book_flight": '{"status": "confirmed"}',
    "send_email": '{"error": "mailbox full"}',
    "python": "84\n",
}
NAMED = {"type": "function", "function": {"name": "get_weather"}}


def paris(**more):
    return ("get_weather", {"location": "Paris", **more})


class TestAFunction:
    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ("What's the weather in Paris?", [paris()]),
            ("weather in new york please", [("get_weather", {"location": "new york"})]),
            ("Do I need an umbrella in Paris?", [paris()]),
            (
                "How warm is it in San Francisco, CA in fahrenheit?",
                [("get_weather", {"location": "San Francisco, CA", "unit": "fahrenheit"})],
            ),
            ("call get_weather for Paris", [paris()]),
            (
                'Send an email to bob@example.com with subject "Lunch" saying see you at noon',
                [("send_email", {"to": "bob@example.com", "subject": "Lunch", "text": "see you at noon"})],
            ),
            ("Tell me a joke", []),
            ("What is 2 + 2?", []),
            ("Hello!", []),
            ("Don't use any tools: what is the weather in Paris?", []),
            ("Reply with exactly: weather in Paris", []),
        ],
    )
    def test_is_called_where_the_message_is_about_it(self, asked, expected):
        assert calls(body(asked, tools=[WEATHER, EMAIL])) == expected

    @pytest.mark.parametrize(
        ("asked", "places"),
        [
            ("What's the weather in Paris and Rome?", ["Paris", "Rome"]),
            (
                "What's the weather like in San Francisco, CA, Tokyo, and Paris?",
                ["San Francisco, CA", "Tokyo", "Paris"],
            ),
            ("weather in paris and in rome", ["paris", "rome"]),
        ],
    )
    def test_is_called_once_for_each_thing_that_is_asked(self, asked, places):
        made = calls(body(asked, tools=[WEATHER]))
        assert [arguments["location"] for _, arguments in made] == places

    def test_is_called_beside_another_for_another_clause(self):
        clock = function("get_time", "Get the current time in a city", city=TEXT)
        made = calls(body("What time is it in Tokyo and what's the weather in Paris?", tools=[WEATHER, clock]))
        assert made == [("get_time", {"city": "Tokyo"}), paris()]

    def test_is_called_again_for_a_follow_up(self):
        request = continued(body("What's the weather in Paris?", tools=[WEATHER]), OUTPUTS)
        request["messages"] += [{"role": "assistant", "content": "22"}, {"role": "user", "content": "And in Rome?"}]
        assert calls(request) == [("get_weather", {"location": "Rome"})]

    def test_gets_the_place_that_was_told_earlier(self):
        assert calls(body("I'm Bob and I live in Paris.", "Noted.", "What's the weather here?", tools=[WEATHER])) == [
            paris()
        ]

    def test_that_searches_documents_is_asked_what_nothing_else_answers(self):
        asked = "What is the refund policy?"
        queries = {"queries": [asked, "refund policy"]}
        assert calls(body(asked, tools=[FILES, WEATHER])) == [("file_search", queries)]
        assert calls(body("Hello!", tools=[FILES])) == []

    @pytest.mark.parametrize(
        ("asked", "code"),
        [
            ("Compute 12 * 7 with Python", "print(12 * 7)"),
            ("I need to solve the equation `3x + 11 = 14`.", "x = (14 - 11) / 3\nprint(x)"),
            ("Run this:\n```python\nprint('hi')\n```", "print('hi')"),
        ],
    )
    def test_that_runs_code_gets_code(self, asked, code):
        assert calls(body(asked, tools=[PYTHON, FILES])) == [("python", {"code": code})]

    def test_takes_what_is_written_as_json(self):
        asked = 'Use get_weather with {"location": "Nowhere", "unit": "fahrenheit"}'
        assert calls(body(asked, tools=[WEATHER])) == [("get_weather", {"location": "Nowhere", "unit": "fahrenheit"})]


class TestArguments:
    @pytest.mark.parametrize(
        ("asked", "properties", "required", "expected"),
        [
            ("Book it for 4 people at 7pm", {"people": {"type": "integer"}, "time": TEXT}, None, {"people": 4, "time": "7pm"}),
            ("book on May 1, 2026", {"date": {"type": "string", "format": "date"}}, None, {"date": "2026-05-01"}),
            ("book at 3:30 pm", {"at": {"type": "string", "format": "time"}}, None, {"at": "15:30:00Z"}),
            (
                "book 2026-03-04 15:30",
                {"when": {"type": "string", "format": "date-time"}},
                None,
                {"when": "2026-03-04T15:30:00Z"},
            ),
            ("book order #12345", {"order_id": TEXT}, None, {"order_id": "12345"}),
            ("book ORD-7781", {"ref": {"type": "string", "pattern": "^ORD-\\d{4}$"}}, None, {"ref": "ORD-7781"}),
            ("book with https://example.com/a?b=1.", {"url": TEXT}, None, {"url": "https://example.com/a?b=1"}),
            ("book title: Big Day, please", {"title": TEXT}, None, {"title": "Big Day"}),
            ("book a home goods slot", {"kind": {"enum": ["shoes", "home_goods"]}}, None, {"kind": "home_goods"}),
            ("book it, not outdoor", {"outdoor": {"type": "boolean"}}, None, {"outdoor": False}),
            ("book it outdoor", {"outdoor": {"type": "boolean"}}, [], {"outdoor": True}),
            ("book under 50 euros, limit 5", {"max_price": {"type": "number"}, "limit": {"type": "integer"}}, [], {"max_price": 50, "limit": 5}),
            ("book for Ann, Bob and Cy", {"guests": {"type": "array", "items": TEXT}}, None, {"guests": ["Ann", "Bob", "Cy"]}),
            ("book 3 and 4.5", {"sizes": {"type": "array", "items": {"type": "number"}}}, None, {"sizes": [3, 4.5]}),
            ("book USD to EUR", {"from_currency": {"type": "string", "pattern": "^[A-Z]{3}$"}, "to_currency": {"type": "string", "pattern": "^[A-Z]{3}$"}}, None, {"from_currency": "USD", "to_currency": "EUR"}),
            ("book from Paris to Rome", {"destination": TEXT, "origin": TEXT}, None, {"destination": "Rome", "origin": "Paris"}),
            ("book", {"unit": {"type": "string", "enum": ["c", "f"]}, "city": TEXT}, [], {}),
            ("book", {"city": {"type": ["string", "null"]}, "days": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}, None, {"city": None, "days": None}),
            ("book 5 days", {"days": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}, None, {"days": 5}),
            ("book", {"city": {"type": "string", "default": "Oslo"}}, None, {"city": "Oslo"}),
        ],
    )  # fmt: skip
    def test_come_from_the_message(self, asked, properties, required, expected):
        assert calls(body(asked, tools=[function("book", "", required, **properties)])) == [("book", expected)]

    def test_are_made_up_where_the_message_says_nothing(self):
        [(_, arguments)] = calls(body("Hi", tools=[EMAIL], tool_choice="required"))
        assert arguments == {"to": "someone@example.com", "subject": "example subject", "text": "example text"}

    def test_are_an_empty_object_where_there_are_no_parameters(self):
        tool = {"type": "function", "function": {"name": "ping"}}
        assert calls(body("ping", tools=[tool])) == [("ping", {})]


class TestToolChoice:
    def test_none_forbids_calls(self):
        assert calls(body("weather in Paris", tools=[WEATHER], tool_choice="none")) == []

    def test_required_forces_one(self):
        assert [name for name, _ in calls(body("Hi", tools=[WEATHER, EMAIL], tool_choice="required"))] == [
            "get_weather"
        ]

    def test_of_one_function_forces_that_one_once(self):
        request = body("Email Bob about the weather in Paris and Rome", tools=[EMAIL, WEATHER], tool_choice=NAMED)
        assert calls(request) == [paris()]

    @pytest.mark.parametrize("forced", ["required", NAMED])
    def test_does_not_force_a_second_call_after_the_output(self, forced):
        request = continued(body("Hi", tools=[WEATHER], tool_choice=forced), OUTPUTS)
        assert calls(request) == []

    def test_of_allowed_tools_leaves_the_others_out(self):
        allowed = {"mode": "auto", "tools": [{"type": "function", "function": {"name": "send_email"}}]}
        wish = {"type": "allowed_tools", "allowed_tools": allowed}
        assert calls(body("weather in Paris", tools=[WEATHER, EMAIL], tool_choice=wish)) == []

    def test_without_parallel_calls_makes_one_after_another(self):
        request = body("What's the weather in Paris and Rome?", tools=[WEATHER], parallel_tool_calls=False)
        assert calls(request) == [paris()]
        request = continued(request, OUTPUTS)
        assert calls(request) == [("get_weather", {"location": "Rome"})]
        assert calls(continued(request, OUTPUTS)) == []


class TestOutputs:
    def test_are_told_in_the_answer(self):
        said = choice(continued(body("What's the weather in Paris?", tools=[WEATHER]), OUTPUTS))["message"]["content"]
        assert said.startswith(
            "You asked “What's the weather in Paris?”, and `get_weather` returned temperature: 22, unit: celsius,"
            " sky: (clouds: (few, high))."
        )

    def test_of_several_calls_are_listed(self):
        request = continued(body("What's the weather in Paris and Rome?", tools=[WEATHER]), OUTPUTS)
        said = choice(request)["message"]["content"]
        assert "- `get_weather` (location: Paris): temperature: 22" in said
        assert "- `get_weather` (location: Rome): temperature: 22" in said

    def test_that_are_text_or_errors_or_nothing_are_told_as_such(self):
        request = body("Compute 12*7 with python", tools=[PYTHON])
        assert "`python` returned 84." in choice(continued(request, OUTPUTS))["message"]["content"]
        assert "`python` returned nothing." in choice(continued(request, {"python": ""}))["message"]["content"]
        failed = {"python": json.dumps({"error": "no sandbox"})}
        assert "`python` failed: no sandbox." in choice(continued(request, failed))["message"]["content"]

    def test_lead_to_the_next_step_of_the_request(self):
        asked = "First search flights from Paris to Rome on 2026-05-01, then book it for 2 passengers"
        request = body(asked, tools=[SEARCH_FLIGHTS, BOOK_FLIGHT])
        assert calls(request) == [("search_flights", {"origin": "Paris", "destination": "Rome", "date": "2026-05-01"})]
        request = continued(request, OUTPUTS)
        assert calls(request) == [("book_flight", {"flight_id": "LH-204", "passengers": 2})]
        assert "status: confirmed" in choice(continued(request, OUTPUTS))["message"]["content"]

    def test_never_lead_to_more_than_a_few_rounds(self):
        asked = " then ".join(f"get the weather in {city}" for city in ("Rome", "Paris", "Oslo", "Bonn") * 5)
        request, rounds = body(asked, tools=[WEATHER]), 0
        while calls(request):
            request, rounds = continued(request, OUTPUTS), rounds + 1
        assert rounds == 8


class TestJson:
    def schema(self, properties):
        wanted = function("x", **properties)["function"]["parameters"]
        return {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": wanted}}

    def test_is_filled_from_the_conversation(self):
        asked = "Extract: Alice is 30 years old and lives in Paris. Her email is alice@example.com"
        properties = {
            "name": TEXT,
            "age": {"type": "integer"},
            "city": TEXT,
            "email": TEXT,
            "phone": {"anyOf": [TEXT, {"type": "null"}]},
        }
        [content] = [choice(body(asked, response_format=self.schema(properties)))["message"]["content"]]
        assert json.loads(content) == {
            "name": "Alice", "age": 30, "city": "Paris", "email": "alice@example.com", "phone": None,
        }  # fmt: skip

    def test_holds_the_answer_where_a_sentence_is_wanted(self):
        content = choice(body("What is 6 * 7?", response_format=self.schema({"answer": TEXT})))["message"]["content"]
        assert json.loads(content) == {"answer": "6 \u00d7 7 = 42."}

    def test_of_any_shape_has_the_keys_that_were_named(self):
        asked = "Give me JSON with the keys name, age and city for Bob, 42, from Lima"
        content = choice(body(asked, response_format={"type": "json_object"}))["message"]["content"]
        assert json.loads(content) == {"name": "Bob", "age": 42, "city": "Lima"}

    def test_of_any_shape_is_an_object_in_any_case(self):
        content = choice(body("Hello", response_format={"type": "json_object"}))["message"]["content"]
        assert json.loads(content)["answer"].startswith("Hello!")
