"""What the schemas of a client may cost the embedded model: a number of steps, whatever they ask for."""

import asyncio

import pytest

from llm.rehearsing import answer, body, choice, rehearsal
from understudy.errors import UpstreamError
from understudy.llm.rehearsal import effort, patterns, schema
from understudy.llm.rehearsal.arguments import MessageValues
from understudy.llm.rehearsal.validation import BadSchemaError


def with_member(**member):
    return {"type": "object", "properties": {"text": {"type": "string", **member}}, "required": ["text"]}


def tower(height, keyword):
    floors = {f"f{n}": {keyword: [{"$ref": f"#/$defs/f{n + 1}"}] * 2} for n in range(height)}
    return {"$ref": "#/$defs/f0", "$defs": {**floors, f"f{height}": {"type": "string", "maxLength": 0, "minLength": 1}}}


BOMBS = {
    "repeats in repeats": with_member(pattern="(a{1000}){1000}"),
    "repeats in repeats in repeats": with_member(pattern="(((a{99}){99}){99}){99}"),
    "a long pattern": with_member(pattern="(a|b)?" * 1000),
    "many patterns": {
        "type": "object",
        "properties": {f"m{n}": {"type": "string", "pattern": f"(x{{40}}y{{{n}}}){{40}}"} for n in range(400)},
        "required": [f"m{n}" for n in range(400)],
    },
    "patterns for names": {
        "type": "object",
        "patternProperties": {f"^(a|b)*{n}$": {"type": "string"} for n in range(2000)},
        "required": [f"{'ab' * 20}{n}" for n in range(300)],
    },
    "a tower of allOf": tower(24, "allOf"),
    "a tower of anyOf": tower(24, "anyOf"),
    "a tower of oneOf": tower(24, "oneOf"),
    "alternatives that multiply": {
        "allOf": [{"anyOf": [{"properties": {f"p{n}": {"const": m}}} for m in range(12)]} for n in range(12)],
        "not": {},
    },
    "enumerations that are compared": {"allOf": [{"enum": [*range(4000)]}, {"enum": [*range(3999, 9000)]}]},
    "items that are to differ": {
        "type": "array",
        "minItems": 1000,
        "uniqueItems": True,
        "items": {"type": "string", "minLength": 2000},
    },
    "long texts": {
        "type": "object",
        "properties": {f"m{n}": {"type": "string", "minLength": 20_000} for n in range(900)},
        "required": [f"m{n}" for n in range(900)],
    },
    "a long constant again and again": {
        "$defs": {"long": {"const": "x" * 100_000}},
        "type": "array",
        "minItems": 1000,
        "items": {"$ref": "#/$defs/long"},
    },
    "multiples of large numbers": {"type": "integer", "allOf": [{"multipleOf": 10**90 + n} for n in range(100)]},
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_schema_that_takes_too_much_work_is_refused_at_the_bound(bomb):
    with effort.limit_effort():
        with pytest.raises(BadSchemaError) as caught:
            schema.make(bomb, MessageValues("hi"))
        # So much is counted at once at the most.
        assert -50_000 < effort.remaining_steps() < effort.MAX_STEPS
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a{1000}){1000}", "a pattern asks for more than 20000 characters"),
        ("a" * 2001, "a pattern has more than 2000 characters"),
    ],
)
def test_a_refusal_names_the_limit_of_patterns(pattern, reason):
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": with_member(pattern=pattern)}}
    with pytest.raises(UpstreamError, match=f"Invalid schema for response_format: {reason}") as caught:
        choice(body("hi", response_format=wanted))
    assert (caught.value.kind, caught.value.status, caught.value.param) == ("invalid_request", 400, "response_format")


def test_the_steps_are_those_of_one_request_with_all_its_functions():
    function = {"name": "look_up", "parameters": BOMBS["long texts"]}
    tools = [{"type": "function", "function": {**function, "name": f"look_up_{n}"}} for n in range(3)]
    with pytest.raises(UpstreamError, match=r"it takes more than 300,000 steps to satisfy\.") as caught:
        choice(body("hi", tools=tools, tool_choice="required"))
    assert caught.value.code == "invalid_function_parameters"


def test_a_pattern_that_is_within_the_bounds_is_satisfied_as_before():
    for pattern in ("^[A-Z]{3}-[0-9]{4}$", "(ab{2}){3}", "^x{1000}$"):
        assert patterns.matches(pattern, patterns.example(pattern))


def test_a_text_that_is_to_be_repeated_ends_at_the_limit_of_the_model():
    told = choice(body("Repeat exactly: " + "word " * 80_000))
    assert told["finish_reason"] == "length"
    assert told["message"]["content"].startswith("word word")
    assert len(told["message"]["content"]) < 400_000


def test_choices_share_a_limit_so_that_they_do_not_multiply_an_answer():
    told = choice(body("Repeat exactly: " + "word " * 5_000, n=128))
    assert told["message"]["content"] == "word " * 1023 + "word"
    assert told["finish_reason"] == "length"


def test_a_long_answer_is_streamed_in_several_pieces():
    async def pieces():
        return [len(together) async for together in rehearsal().stream(body("Repeat exactly: " + "word " * 3_000))]

    counts = asyncio.run(pieces())
    assert max(counts) == 1000
    assert sum(counts) > 3_000


def test_a_conversation_of_thousands_is_read_from_both_its_ends():
    texts = ["My name is Ada.", "ok", *["filler", "ok"] * 2_000, "Repeat exactly: done"]
    assert answer(*texts) == "done"
