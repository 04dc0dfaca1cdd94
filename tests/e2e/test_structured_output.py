"""What the embedded model makes for a JSON schema, at every edge that takes one.

The rule has two halves. A value that is returned satisfies its schema, as `jsonschema` judges, with the formats that it
knows and those of `FORMATS`. Where no value is made, the request is refused with a 400 that names the keyword: a run has
been created by then, so it fails with the same sentence and the code `invalid_prompt`.

Which of the two it is stands in the tables: `MADE` has to be a value, `REFUSED` has to be refused, and `EITHER` may
become the one or the other when the model changes.
"""

import datetime as dt
import json
import re
import urllib.parse

import jsonschema
import openai
import pytest

from e2e.assistants_client import new_thread, run_of, texts

TEXT = 'Fill it for Ada Lovelace, 36, ada@example.com, on 2031-05-01: "Lunch", limit 5, colour red.'
STRING = {"type": "string"}
NODE = {
    "type": "object",
    "properties": {"name": STRING, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
    "required": ["name", "children"],
    "additionalProperties": False,
}
ADDRESS = {
    "type": "object",
    "properties": {"street": {"type": "string", "minLength": 3}, "zip": {"type": "string", "pattern": "^[0-9]{5}$"}},
    "required": ["street", "zip"],
    "additionalProperties": False,
}
ORDER = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": "^ORD-[0-9]{4}$"},
        "status": {"enum": ["open", "paid"]},
        "address": {"$ref": "#/$defs/address"},
        "lines": {
            "type": "array",
            "minItems": 1,
            "maxItems": 3,
            "items": {
                "type": "object",
                "properties": {"sku": STRING, "count": {"type": "integer", "minimum": 1, "maximum": 9}},
                "required": ["sku", "count"],
                "additionalProperties": False,
            },
        },
        "note": {"anyOf": [{"type": "string", "maxLength": 20}, {"type": "null"}]},
    },
    "required": ["id", "status", "address", "lines", "note"],
    "additionalProperties": False,
    "$defs": {"address": ADDRESS},
}
MADE = {
    "enum of texts": {"type": "string", "enum": ["red", "green"]},
    "enum of several types": {"enum": [3, None, "x", [1], {"a": 1}]},
    "const": {"const": "fixed"},
    "const object": {"const": {"a": [1, None]}},
    "boolean": {"type": "boolean"},
    "null": {"type": "null"},
    "several types": {"type": ["integer", "null"]},
    "anyOf": {"anyOf": [{"type": "integer", "minimum": 100}, {"type": "null"}]},
    "anyOf of objects": {"anyOf": [ADDRESS, {"type": "object", "properties": {"po": STRING}, "required": ["po"]}]},
    "minimum": {"type": "integer", "minimum": 1000},
    "maximum": {"type": "number", "maximum": -2.5},
    "minimum and maximum": {"type": "integer", "minimum": 7, "maximum": 7},
    "exclusive bounds": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "minLength": {"type": "string", "minLength": 200},
    "maxLength": {"type": "string", "maxLength": 2},
    "empty text": {"type": "string", "maxLength": 0},
    "minItems": {"type": "array", "items": {"type": "integer"}, "minItems": 4},
    "maxItems": {"type": "array", "items": STRING, "maxItems": 1},
    "no items": {"type": "array", "items": STRING, "maxItems": 0},
    "closed object": {"type": "object", "properties": {"a": STRING}, "required": ["a"], "additionalProperties": False},
    "map": {"type": "object", "additionalProperties": {"type": "integer"}},
    "$ref": {"$ref": "#/$defs/address", "$defs": {"address": ADDRESS}},
    "$ref to itself": {"$ref": "#/$defs/node", "$defs": {"node": NODE}},
    "nested": ORDER,
    "list of objects": {"type": "array", "items": ADDRESS, "minItems": 2},
    "pattern": {"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"},
    "pattern without anchors": {"type": "string", "pattern": "[0-9]{2}"},
    **{
        f"format {name}": {"type": "string", "format": name}
        for name in ("date", "time", "date-time", "email", "uri", "uuid", "hostname", "ipv4", "ipv6")
    },
}
EITHER = {
    "pattern of alternatives": ("pattern", {"type": "string", "pattern": "^(mon|tue|wed)(day)?$"}),
    "pattern that looks ahead": ("pattern", {"type": "string", "pattern": "^(?=.*[a-z])(?=.*\\d).{8,}$"}),
    "pattern with a length": ("pattern", {"type": "string", "pattern": "^\\w+$", "minLength": 30}),
    "pattern with a reference": ("pattern", {"type": "string", "pattern": "^(a+)b\\1$"}),
    "pattern of letters by property": ("pattern", {"type": "string", "pattern": "^\\p{Lu}+$"}),
    "format duration": ("format", {"type": "string", "format": "duration"}),
    "format with a pattern": ("pattern", {"type": "string", "format": "date", "pattern": "^2031-"}),
    "multipleOf": ("multipleOf", {"type": "number", "multipleOf": 0.25, "minimum": 0.3}),
    "oneOf": ("oneOf", {"oneOf": [{"type": "integer", "multipleOf": 5}, {"type": "integer", "multipleOf": 3}]}),
    "allOf": ("allOf", {"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 4}]}),
    "not": ("not", {"type": "string", "not": {"enum": ["example", "Ada"]}}),
    "if": ("if", {"type": "integer", "if": {"minimum": 10}, "then": {"multipleOf": 10}, "else": {"maximum": 5}}),
    "uniqueItems": ("uniqueItems", {"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 3, "uniqueItems": True}),
    "contains": ("contains", {"type": "array", "items": {"type": "integer"}, "contains": {"const": 7}}),
    "prefixItems": ("prefixItems", {"type": "array", "prefixItems": [STRING, {"type": "integer"}], "minItems": 2}),
    "patternProperties": (
        "patternProperties",
        {"type": "object", "patternProperties": {"^x_": {"type": "integer"}}, "required": ["x_1"]},
    ),
    "propertyNames": (
        "propertyNames",
        {"type": "object", "propertyNames": {"pattern": "^[a-z]\\d$"}, "minProperties": 2},
    ),
    "dependentRequired": (
        "dependentRequired",
        {"type": "object", "required": ["a"], "dependentRequired": {"a": ["b"]}},
    ),
    "dependentSchemas": (
        "dependentSchemas",
        {"type": "object", "required": ["a"], "dependentSchemas": {"a": {"required": ["b"]}}},
    ),
    "unevaluatedProperties": (
        "unevaluatedProperties",
        {"allOf": [{"properties": {"a": STRING}}], "type": "object", "required": ["a"], "unevaluatedProperties": False},
    ),
    "$dynamicRef": (
        "$dynamicRef",
        {"$dynamicRef": "#address", "$defs": {"address": {"$dynamicAnchor": "address", **ADDRESS}}},
    ),
}
REFUSED = {
    "enum without a value": ("enum", {"enum": []}),
    "const outside of the enum": ("enum", {"const": 1, "enum": [2]}),
    "minimum above the maximum": ("minimum", {"type": "integer", "minimum": 2, "maximum": 1}),
    "minLength above the maxLength": ("maxLength", {"type": "string", "minLength": 5, "maxLength": 2}),
    "minLength above every limit": ("minLength", {"type": "string", "minLength": 10**9}),
    "minItems above the maxItems": ("minItems", {"type": "array", "minItems": 3, "maxItems": 2}),
    "minItems above every limit": ("minItems", {"type": "array", "items": STRING, "minItems": 10**9}),
    "pattern longer than maxLength": ("pattern", {"type": "string", "pattern": "^a{5}$", "maxLength": 2}),
    "pattern that is malformed": ("pattern", {"type": "string", "pattern": "("}),
    "format longer than maxLength": ("format", {"type": "string", "format": "uuid", "maxLength": 4}),
    "$ref to nothing": ("$ref", {"$ref": "#/$defs/none"}),
    "$ref to another document": ("$ref", {"$ref": "https://example.com/schema.json"}),
    "$ref that never ends": ("$ref", {"$ref": "#/$defs/loop", "$defs": {"loop": {"$ref": "#/$defs/loop"}}}),
    "required and closed": ("required", {"type": "object", "required": ["a"], "additionalProperties": False}),
    "type that is unknown": ("type", {"type": "frob"}),
    "minLength that is no number": ("minLength", {"type": "string", "minLength": "x"}),
    "items of a wrong type": ("items", {"type": "array", "items": [STRING], "minItems": 1}),
}
HOST = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.IGNORECASE
)
FORMATS = {
    "date-time": lambda value: "T" in value and dt.datetime.fromisoformat(value).tzinfo is not None,
    "time": lambda value: dt.time.fromisoformat(value).tzinfo is not None,
    "uri": lambda value: all(urllib.parse.urlsplit(value)[:2]),
    "hostname": lambda value: bool(HOST.fullmatch(value)),
    "duration": lambda value: bool(re.fullmatch(r"P(?=.)(\d+[YMWD])*(T(\d+[HMS])+)?", value)),
}


def whole(schema):
    """As the schema of an object with the part as its member, which all edges take; definitions are at the root."""
    part = {key: value for key, value in schema.items() if key != "$defs"}
    closed = {"type": "object", "properties": {"value": part}, "required": ["value"], "additionalProperties": False}
    return {**closed, **({"$defs": schema["$defs"]} if "$defs" in schema else {})}


def is_valid(value, schema):
    checker = jsonschema.FormatChecker()
    for name, check in FORMATS.items():
        checker.checks(name, raises=ValueError)(check)
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(value)
    return True


class Refused(Exception):
    """With the message of the 400, or of the run that failed."""


def asked(schema):
    return {"type": "json_schema", "json_schema": {"name": "wanted", "schema": schema, "strict": False}}


def function(schema):
    return {"type": "function", "function": {"name": "fill", "parameters": schema, "strict": False}}


def chat_format(client, schema):
    answer = client.chat.completions.create(
        model="rehearsal", messages=[{"role": "user", "content": TEXT}], response_format=asked(schema)
    )
    return answer.choices[0].message.content


def chat_function(client, schema):
    answer = client.chat.completions.create(
        model="rehearsal",
        messages=[{"role": "user", "content": TEXT}],
        tools=[function(schema)],
        tool_choice="required",
    )
    return answer.choices[0].message.tool_calls[0].function.arguments


def run_format(client, schema):
    run, thread = made_run(client, response_format=asked(schema))
    assert run.status == "completed"
    return texts(client, thread)[-1]


def run_function(client, schema):
    run, _ = made_run(client, tools=[function(schema)], tool_choice="required")
    return run.required_action.submit_tool_outputs.tool_calls[0].function.arguments


def made_run(client, **members):
    thread = new_thread(client, TEXT)
    run = run_of(client, thread, client.beta.assistants.create(model="rehearsal"), **members)
    if run.status == "failed":
        assert run.last_error.code == "invalid_prompt"
        raise Refused(run.last_error.message)
    return run, thread


def response_format(client, schema):
    wanted = {"type": "json_schema", "name": "wanted", "schema": schema, "strict": False}
    return client.responses.create(model="rehearsal", input=TEXT, text={"format": wanted}).output_text


def response_function(client, schema):
    tool = {"type": "function", "name": "fill", "parameters": schema, "strict": False}
    answer = client.responses.create(model="rehearsal", input=TEXT, tools=[tool], tool_choice="required")
    return answer.output[-1].arguments


EDGES = [chat_format, chat_function, run_format, run_function, response_format, response_function]
at_each_edge = pytest.mark.parametrize("edge", EDGES, ids=lambda edge: edge.__name__)


def made(edge, client, part):
    """The value, which is valid; raises Refused with the message of a 400."""
    schema = whole(part)
    try:
        value = json.loads(edge(client, schema))
    except openai.BadRequestError as error:
        raise Refused(error.body["message"]) from None
    assert is_valid(value, schema)
    return value


@at_each_edge
@pytest.mark.parametrize("name", MADE)
def test_a_value_is_made_that_satisfies_its_schema(offline_server, edge, name):
    assert "value" in made(edge, offline_server.client, MADE[name])


@at_each_edge
@pytest.mark.parametrize("name", EITHER)
def test_a_rarer_keyword_is_satisfied_or_named_by_the_refusal(offline_server, edge, name):
    keyword, part = EITHER[name]
    try:
        assert "value" in made(edge, offline_server.client, part)
    except Refused as refusal:
        assert f"`{keyword}`" in str(refusal)  # noqa: PT017 - either end is right


@at_each_edge
@pytest.mark.parametrize("name", REFUSED)
def test_a_schema_without_a_value_is_refused_by_the_keyword(offline_server, edge, name):
    keyword, part = REFUSED[name]
    with pytest.raises(Refused, match=re.escape(f"`{keyword}`")):
        made(edge, offline_server.client, part)


@pytest.mark.parametrize("name", MADE)
def test_the_input_of_a_tool_in_messages_satisfies_its_schema(offline_server, name):
    schema = whole(MADE[name])
    body = {"model": "rehearsal", "max_tokens": 4000, "messages": [{"role": "user", "content": TEXT}]}
    tools = {"tools": [{"name": "fill", "input_schema": schema}], "tool_choice": {"type": "tool", "name": "fill"}}
    reply = offline_server.ask("POST", "/v1/messages", {**body, **tools})
    assert reply.status == 200, reply.body
    assert is_valid(reply.json["content"][-1]["input"], schema)
