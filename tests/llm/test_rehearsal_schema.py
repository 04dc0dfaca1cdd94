"""The values that the rehearsal model makes for JSON schemas are valid, as an independent validator judges."""

from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy.llm.rehearsal import patterns, schema
from understudy.llm.rehearsal.arguments import MessageValues
from understudy.llm.rehearsal.validation import BadSchemaError, SchemaValidator

FORMATS = ["date", "date-time", "time", "email", "uri", "uuid", "ipv4", "ipv6", "hostname"]
PATTERNS = [
    r"^[A-Z]{3}$",
    r"^ORD-\d{4,6}$",
    r"^\+?[1-9]\d{1,14}$",
    r"^#(?:[0-9a-fA-F]{3}){1,2}$",
    r"^(?P<major>\d+)\.\d+(-(alpha|beta))?$",
    r"[^\s@]+@[^\s@]+\.[a-z]{2,}",
    r"^\w+(\s\w+)*$",
    r"^(mon|tue|wed)$",
    r"^[^a-z]*$",
]
NAMES = st.sampled_from(
    ["city", "name", "age", "email", "limit", "unit", "tags", "when", "query", "is_open", "note", "ключ"]
)
TEXTS = st.sampled_from(
    [
        "",
        "What is the weather in Paris and in San Francisco, CA in celsius?",
        'Book 4 seats for Ada on 2026-05-01 at 3:30 pm, subject: "Lunch", email ada@example.com, limit 5',
        "日本語 🙂 -12.5 1,200 ORD-1234 https://example.com/x #fff 2.10",
    ]
)


def bounds(low: str, high: str, most: int) -> st.SearchStrategy[dict[str, Any]]:
    pair = st.tuples(st.integers(0, most), st.integers(0, most)).map(sorted)
    both = pair.map(lambda p: {low: p[0], high: p[1]})
    return st.one_of(st.just({}), pair.map(lambda p: {low: p[0]}), pair.map(lambda p: {high: p[1]}), both)


def number_bounds(kind: type) -> st.SearchStrategy[dict[str, Any]]:
    value = st.integers(-1000, 1000) if kind is int else st.integers(-4000, 4000).map(lambda n: n / 4)
    pair = st.tuples(value, value).map(sorted)
    inclusive = pair.map(lambda p: {"minimum": p[0], "maximum": p[1]})
    exclusive = pair.map(lambda p: {"exclusiveMinimum": p[0], "exclusiveMaximum": p[1] + 2})
    stepped = st.tuples(value, st.sampled_from([2, 5, 7] if kind is int else [0.5, 0.25, 3])).map(
        lambda p: {"minimum": p[0], "multipleOf": p[1]}
    )
    return st.one_of(st.just({}), inclusive, exclusive, stepped, value.map(lambda n: {"maximum": n}))


STRINGS = st.one_of(
    bounds("minLength", "maxLength", 60),
    st.sampled_from(FORMATS).map(lambda f: {"format": f}),
    st.sampled_from(PATTERNS).map(lambda p: {"pattern": p}),
).map(lambda extra: {"type": "string", **extra})
SCALARS = st.one_of(
    STRINGS,
    number_bounds(int).map(lambda extra: {"type": "integer", **extra}),
    number_bounds(float).map(lambda extra: {"type": "number", **extra}),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.lists(st.one_of(st.text(max_size=5), st.integers(), st.none(), st.booleans()), min_size=1, max_size=4).map(
        lambda values: {"enum": values}
    ),
    st.one_of(st.text(max_size=5), st.integers(), st.lists(st.integers(), max_size=2)).map(lambda v: {"const": v}),
    st.just({}),
    st.just(True),
    st.sampled_from([["string", "null"], ["integer", "string"], ["null", "boolean"]]).map(lambda t: {"type": t}),
)


def composed(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arrays = st.tuples(parts, bounds("minItems", "maxItems", 4)).map(lambda p: {"type": "array", "items": p[0], **p[1]})
    tuples = st.lists(parts, max_size=3).map(lambda p: {"type": "array", "prefixItems": p, "items": False})
    unique = st.tuples(
        st.sampled_from(
            [{"type": "string"}, {"type": "integer", "minimum": -3}, {"type": "string", "format": "email"}, {}]
        ),
        st.integers(0, 2),
    ).map(lambda p: {"type": "array", "items": p[0], "minItems": p[1], "uniqueItems": True})
    objects = st.tuples(st.dictionaries(NAMES, parts, max_size=5), st.integers(0, 31), st.booleans()).map(_object)
    maps = parts.map(lambda p: {"type": "object", "additionalProperties": p, "minProperties": 1})
    either = st.lists(parts, min_size=1, max_size=3).map(lambda p: {"anyOf": p})
    merged = st.tuples(
        st.dictionaries(NAMES, parts, min_size=1, max_size=3), st.dictionaries(NAMES, parts, max_size=2)
    ).map(lambda p: {"allOf": [_object((p[0], 31, False)), {"type": "object", "required": sorted({*p[0]})}]})
    return st.one_of(arrays, tuples, unique, objects, maps, either, merged)


def _object(parts: tuple[dict[str, Any], int, bool]) -> dict[str, Any]:
    properties, chosen, closed = parts
    required = [name for i, name in enumerate(properties) if chosen >> i & 1]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        **({"additionalProperties": False} if closed else {}),
    }


SCHEMAS = st.recursive(SCALARS, composed, max_leaves=12)


def made(wanted: Any, text: str = "") -> Any:
    return schema.make(wanted, MessageValues(text))


def assert_valid(value: Any, wanted: Any) -> None:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(wanted, format_checker=checker).validate(value)


@given(wanted=SCHEMAS, text=TEXTS)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_made_for_a_schema_satisfies_it(wanted, text):
    assert_valid(made(wanted, text), wanted)


@given(
    # Formats are left out: the other validator knows fewer of them, and looser.
    wanted=SCHEMAS.filter(lambda wanted: "'format'" not in repr(wanted)),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda v: st.lists(v, max_size=3) | st.dictionaries(NAMES, v, max_size=3),
    ),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_rules_agree_with_an_independent_validator(wanted, value):
    assert SchemaValidator(wanted).is_valid(value, wanted) == jsonschema.Draft202012Validator(wanted).is_valid(value)


NODE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
    "required": ["value", "children"],
    "additionalProperties": False,
}
SHAPES = [
    {"type": "object", "properties": {"t": {"const": name}, name: {"type": "number"}}, "required": ["t", name]}
    for name in ("radius", "side")
]


@pytest.mark.parametrize(
    "wanted",
    [
        {"$ref": "#/$defs/node", "$defs": {"node": NODE}},
        {
            "type": "object",
            "properties": {"value": {"type": "string"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
            "required": ["value", "next"],
        },
        {"oneOf": [{"type": "integer", "multipleOf": 5}, {"type": "integer", "multipleOf": 3}]},
        {"type": "object", "properties": {"shape": {"oneOf": SHAPES}}, "required": ["shape"]},
        {"type": "string", "not": {"enum": ["example"]}},
        {"properties": {"a": {"enum": [1, 2]}}, "required": ["a"], "if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]}},
        {"type": "object", "required": ["a"], "dependentRequired": {"a": ["b"]}},
        {"type": "object", "patternProperties": {"^x_": {"type": "integer"}}, "required": ["x_1"]},
        {"type": "object", "propertyNames": {"pattern": "^[a-z]+\\d$"}, "minProperties": 3},
        {"type": "array", "items": {"type": ["integer", "string"]}, "contains": {"const": 7}, "minItems": 3},
        {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}, "minItems": 4, "uniqueItems": True},
        {"type": "string", "pattern": "^(?=.*[a-z])(?=.*[A-Z])(?=.*\\d).{8,}$"},
        {"type": "string", "pattern": "^\\w+$", "minLength": 30},
        {"type": "number", "multipleOf": 0.1, "minimum": 0.25},
    ],
)  # fmt: skip
@pytest.mark.parametrize("text", ["", "name: Bob, aged 7"])
def test_the_less_common_keywords_are_satisfied_too(wanted, text):
    assert_valid(made(wanted, text), wanted)


def test_a_value_that_contains_itself_comes_to_an_end():
    tree = made({"$ref": "#/$defs/node", "$defs": {"node": NODE}})
    assert tree == {"value": 1, "children": [{"value": 1, "children": []}]}


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"$ref": "#/$defs/x"}, "leads nowhere"),
        ({"$ref": "#"}, "never ends"),
        ({"properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "never ends"),
        ({"type": "string", "minLength": 10**9}, "too long"),
        ({"type": "array", "minItems": 10**9}, "too many items"),
        ({"minProperties": 10**9}, "too many properties"),
        ({"type": "frob"}, "'frob' is not a `type`"),
        ({"type": "string", "minLength": "x"}, "`minLength` is malformed"),
        ({"properties": [1]}, "`properties` is malformed"),
        ({"enum": []}, "no value is found that satisfies `enum`"),
        ({"pattern": "^(a+)b\\1$"}, "the `pattern` .* is unsupported"),
        ({"dependentSchemas": {}}, "`dependentSchemas` is unsupported"),
        ({"unevaluatedProperties": False, "allOf": []}, "beside `allOf` is unsupported"),
        ({"properties": {"a": False}, "required": ["a"]}, "nothing satisfies"),
        ({"required": ["a"], "additionalProperties": False}, "that satisfies `required`, `additionalProperties`"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "no value has the `type`"),
        ({"type": "integer", "minimum": 2, "maximum": 1}, "that satisfies `type`, `minimum`, `maximum`"),
    ],
)
def test_a_schema_that_cannot_be_satisfied_is_refused_with_its_reason(wanted, reason):
    with pytest.raises(BadSchemaError, match=reason):
        made(wanted, "Ada lives in Paris")


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "(x+x+)+y", "(a{1000}){1000}", "a*a*a*a*a*a*b"])
def test_no_pattern_takes_for_ever(pattern):
    try:
        patterns.matches(pattern, "a" * 300 + "!")
    except patterns.UnsupportedPatternError as error:
        assert "work" in str(error)  # noqa: PT017 - either end is fine, as long as there is one


@given(st.sampled_from(PATTERNS), st.integers(0, 200), st.integers(0, 20))
def test_the_example_of_a_pattern_matches_it(pattern, salt, extra):
    import re

    assert re.search(pattern, patterns.example(pattern, salt, extra))


@given(
    st.sampled_from([*PATTERNS, r"\bcat\b", r"^a.c$", r"[\d_]{2}", r"x|^y$"]),
    st.text(alphabet="aAbcxyz019 _-+#.@", max_size=12),
)
def test_patterns_match_what_the_standard_library_matches(pattern, text):
    import re

    assert patterns.matches(pattern, text) == bool(re.search(pattern, text))
