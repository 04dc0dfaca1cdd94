"""Values for JSON schemas: valid as an independent validator judges, or refused by the keyword, at a bounded cost."""

import json
import re

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from llm.rehearsing import answer, body, choice
from understudy.errors import UpstreamError
from understudy.llm.rehearsal.effort import start_request
from understudy.llm.rehearsal.patterns import matches_pattern, write_example

FORMATS = ["date", "date-time", "time", "email", "uri", "uuid", "ipv4", "ipv6", "hostname"]
PATTERNS = [
    r"^[A-Z]{3}$",
    r"^ORD-\d{4,6}$",
    r"^\+?[1-9]\d{1,14}$",
    r"[^\s@]+@[^\s@]+\.[a-z]{2,}",
    r"^[^a-z]*$",
    r"^\w+$",
]
NAMES = st.sampled_from(["city", "name", "age", "email", "limit", "tags", "when", "is_open", "note", "ключ"])
TEXTS = st.sampled_from(
    [
        "?",
        "What is the weather in Paris and in San Francisco, CA in celsius?",
        'Book 4 seats for Ada on 2026-05-01, subject: "Lunch", email ada@example.com, limit 5',
        "日本語 🙂 -12.5 1,200 ORD-1234 https://example.com/x #fff 2.10",
    ]
)


def bounds(low, high, most):
    pair = st.tuples(st.integers(0, most), st.integers(0, most)).map(sorted)
    return st.one_of(st.just({}), pair.map(lambda p: {low: p[0]}), pair.map(lambda p: {low: p[0], high: p[1]}))


NUMBERS = st.tuples(st.integers(-1000, 1000), st.integers(-1000, 1000)).map(sorted)
SCALARS = st.one_of(
    bounds("minLength", "maxLength", 60).map(lambda extra: {"type": "string", **extra}),
    st.sampled_from(FORMATS).map(lambda name: {"type": "string", "format": name}),
    st.sampled_from(PATTERNS).map(lambda pattern: {"type": "string", "pattern": pattern}),
    NUMBERS.map(lambda p: {"type": "integer", "minimum": p[0], "maximum": p[1]}),
    NUMBERS.map(lambda p: {"type": "number", "exclusiveMinimum": p[0] / 4, "exclusiveMaximum": p[1] / 4 + 1}),
    st.sampled_from([2, 5, 0.5, 0.25]).map(lambda step: {"type": "number", "minimum": 3, "multipleOf": step}),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {}, True, {"type": ["string", "null"]}]),
    st.lists(st.one_of(st.text(max_size=5), st.integers(), st.none()), min_size=1, max_size=4).map(
        lambda v: {"enum": v}
    ),
    st.one_of(st.text(max_size=5), st.integers(), st.lists(st.integers(), max_size=2)).map(lambda v: {"const": v}),
)


def composed(parts):
    arrays = st.tuples(parts, bounds("minItems", "maxItems", 4)).map(lambda p: {"type": "array", "items": p[0], **p[1]})
    objects = st.tuples(st.dictionaries(NAMES, parts, max_size=5), st.integers(0, 31)).map(build_object)
    either = st.lists(parts, min_size=1, max_size=3).map(lambda p: {"anyOf": p})
    merged = st.dictionaries(NAMES, parts, min_size=1, max_size=3).map(
        lambda p: {"allOf": [build_object((p, 0)), {"type": "object", "required": sorted(p)}]}
    )
    return st.one_of(arrays, objects, either, merged)


def build_object(parts):
    properties, chosen = parts
    required = [name for i, name in enumerate(properties) if chosen >> i & 1]
    return {"type": "object", "properties": properties, "required": required}


def value_for(schema, text="?"):
    """Inside of an object, since a reply's format is one."""
    definitions = {"$defs": schema["$defs"]} if isinstance(schema, dict) and "$defs" in schema else {}
    part = {k: v for k, v in schema.items() if k != "$defs"} if isinstance(schema, dict) else schema
    whole = {"type": "object", "properties": {"value": part}, "required": ["value"], **definitions}
    response_format = {"type": "json_schema", "json_schema": {"name": "x", "schema": whole}}
    value = json.loads(answer(text, response_format=response_format))
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(whole, format_checker=checker).validate(value)
    return value["value"]


@example(schema={"type": "array", "items": {"type": ["string", "null"]}}, text="?")
@given(schema=st.recursive(SCALARS, composed, max_leaves=12), text=TEXTS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_value_satisfies_its_schema(schema, text):
    value_for(schema, text)


NODE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
    "required": ["value", "children"],
    "additionalProperties": False,
}


def test_a_value_that_contains_itself_ends():
    tree = value_for({"$ref": "#/$defs/node", "$defs": {"node": NODE}})
    assert tree == {"value": 1, "children": [{"value": 1, "children": []}]}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"$ref": "#/$defs/x"}, "`$ref` '#/$defs/x' is not found"),
        ({"$ref": "https://example.com/schema"}, "`$ref` 'https://example.com/schema' is unsupported"),
        ({"type": "string", "minLength": 10**9}, "exceeds the limit of 20000 characters"),
        ({"type": "array", "minItems": 10**9}, "`minItems` 1000000000 exceeds the limit of 1000"),
        ({"type": "frob"}, "'frob' is not a `type`"),
        ({"type": "string", "minLength": "x"}, "`minLength` is malformed"),
        ({"properties": [1]}, "`properties` is malformed"),
        ({"enum": []}, "no value is found that satisfies `enum`"),
        ({"pattern": "^(a+)b\\1$"}, "the `pattern` '(a+)b\\\\1' is unsupported"),
        ({"patternProperties": {}}, "`patternProperties` is unsupported"),
        ({"unevaluatedProperties": False}, "`unevaluatedProperties` is unsupported"),
        ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "nothing satisfies the schema false"),
        ({"required": ["a"], "additionalProperties": False}, "satisfies `required`, `additionalProperties`"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "two values of `type`"),
        ({"type": "integer", "minimum": 2, "maximum": 1}, "satisfies `type`, `minimum`, `maximum`"),
        ({"type": "string", "not": {}}, "satisfies `type`, `not`"),
        ({"type": "string", "pattern": "[ab]{100000}"}, "a `pattern` asks for more than 20000 characters"),
        ({"type": "string", "pattern": "a" * 2001}, "a `pattern` has more than 2000 characters"),
    ],
)
def test_a_schema_without_a_value_is_refused_with_the_reason(schema, reason):
    with pytest.raises(UpstreamError, match=re.escape(reason)) as refusal:
        value_for(schema, "Ada lives in Paris")
    assert (refusal.value.kind, refusal.value.status, refusal.value.param) == (
        "invalid_request",
        400,
        "response_format",
    )


def tower(height, keyword):
    floors = {f"f{n}": {keyword: [{"$ref": f"#/$defs/f{n + 1}"}] * 2} for n in range(height)}
    return {"$ref": "#/$defs/f0", "$defs": {**floors, f"f{height}": {"type": "string", "maxLength": 0, "minLength": 1}}}


BOMBS = {
    "a tower of anyOf": tower(24, "anyOf"),
    "a tower of oneOf": tower(24, "oneOf"),
    "a large enumeration": {"enum": [f"e{n}" for n in range(400_000)]},
    "many long texts": {
        "type": "object",
        "properties": {f"m{n}": {"type": "string", "minLength": 20_000} for n in range(900)},
        "required": [f"m{n}" for n in range(900)],
    },
    "many members": {
        "type": "object",
        "properties": {f"m{n}": {"type": "string"} for n in range(50_000)},
        "required": [f"m{n}" for n in range(50_000)],
    },
    "a long constant again and again": {
        "$defs": {"long": {"const": "x" * 100_000}},
        "type": "array",
        "minItems": 1000,
        "items": {"$ref": "#/$defs/long"},
    },
    "items that differ": {"type": "array", "minItems": 1000, "uniqueItems": True, "items": {"type": "string", "minLength": 2000}},
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_schema_above_the_limit_of_work_is_refused(bomb):
    with pytest.raises(UpstreamError, match=r"it takes more than 300,000 steps to satisfy\.") as refusal:
        value_for(BOMBS[bomb])
    assert len(refusal.value.message) < 1000


def test_the_limit_of_work_names_the_function():
    function = {"name": "look_up", "parameters": BOMBS["many long texts"]}
    with pytest.raises(UpstreamError, match=r"function 'look_up': it takes more than 300,000 steps") as refusal:
        choice(body("hi", tools=[{"type": "function", "function": function}], tool_choice="required"))
    assert refusal.value.code == "invalid_function_parameters"


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("length", [0, 7, 300])
def test_the_example_of_a_pattern_matches_it(pattern, length):
    start_request()
    assert re.search(pattern, write_example(pattern, length))


@given(
    st.sampled_from([*PATTERNS, r"^a.c$", r"[\d_]{2}", r"a*a*a*b", r"^x?y+$", r"b{2,3}c$"]),
    st.text(alphabet="aAbcxyz019 _-+#.@", max_size=12),
)
def test_patterns_match_what_the_standard_library_matches(pattern, text):
    start_request()
    assert matches_pattern(pattern, text) == bool(re.search(pattern, text))
