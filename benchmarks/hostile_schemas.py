"""Schemas, patterns and expressions that are small and ask for much."""

from collections.abc import Iterator
from typing import Any

from benchmarks.hostile_inputs import Input, chat, closed_object, encoded


def _schemas() -> dict[str, dict[str, Any]]:
    return {
        "nested repeats": _text({"pattern": "(a{1000}){1000}"}),
        "nested repeats, deeper": _text({"pattern": "(((a{100}){100}){100}){100}"}),
        "nested stars": _text({"pattern": "^(((a*)*)*)*b$", "minLength": 2000}),
        "alternatives": _text({"pattern": "^(a|aa|aaa|a?b?)*c{500}$", "minLength": 5000}),
        "long pattern": _text({"pattern": "(a|b)?" * 100_000}),
        "long class": _text({"pattern": "[" + "".join(map(chr, range(0x4E00, 0x9E00, 2))) + "]{2000}"}),
        "many patterns": closed_object(
            {f"m{n}": {"type": "string", "pattern": f"(x{{40}}y{{{n % 40}}}){{40}}"} for n in range(900)}
        ),
        "pattern properties": {
            "type": "object",
            "patternProperties": {f"^(a|b)*{n}$": {"type": "string"} for n in range(3000)},
            "required": [f"{'ab' * 20}{n}" for n in range(500)],
        },
        "tower of references": _tower(26),
        "tower of alternatives": _tower(26, "anyOf"),
        "cycle of references": {
            "$ref": "#/$defs/a",
            "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}] * 50}, "b": {"allOf": [{"$ref": "#/$defs/a"}] * 50}},
        },
        "long reference": closed_object({f"m{n}": {"$ref": "#" + "/$defs" * 50_000} for n in range(40)}),
        "product of alternatives": {
            "type": "object",
            "allOf": [{"anyOf": [closed_object({f"p{n}": {"const": m}}) for m in range(12)]} for n in range(12)],
            "not": {},
        },
        "large enumeration": closed_object({"m": {"enum": [f"e{n}" for n in range(200_000)], "not": {"const": "e0"}}}),
        "two enumerations": {"allOf": [{"enum": list(range(40_000))}, {"enum": list(range(39_999, 80_000))}]},
        "unique items": {
            "type": "array",
            "minItems": 1000,
            "uniqueItems": True,
            "items": {"type": "string", "minLength": 2000},
        },
        "many long texts": closed_object({f"m{n}": {"type": "string", "minLength": 20_000} for n in range(900)}),
        "multiples": {"type": "integer", "allOf": [{"multipleOf": 10**300 + n} for n in range(1000)]},
        "deep": _nested(90),
        "wide": closed_object({f"m{n}": {"type": "string"} for n in range(50_000)}),
    }


def every() -> Iterator[Input]:
    schemas = _schemas()
    for name, schema in schemas.items():
        yield Input(f"chat format: {name}", "/v1/chat/completions", encoded(_formatted(schema)))
    bomb = schemas["nested repeats"]
    yield Input("chat tool: nested repeats", "/v1/chat/completions", encoded(_tooled(bomb)))
    yield Input("chat tool: tower", "/v1/chat/completions", encoded(_tooled(schemas["tower of references"])))
    yield Input(
        "chat, strict tools: wide and deep",
        "/v1/chat/completions",
        encoded(_tooled(closed_object({f"m{n}": _nested(60) for n in range(300)}), strict=True)),
    )
    yield Input(
        "responses format: nested repeats",
        "/v1/responses",
        encoded(
            {
                "model": "rehearsal",
                "input": "hi",
                "text": {"format": {"type": "json_schema", "name": "x", "schema": bomb, "strict": False}},
            }
        ),
    )
    yield Input(
        "messages tool: nested repeats",
        "/v1/messages",
        encoded(
            {
                "model": "rehearsal",
                "max_tokens": 500,
                "messages": [{"role": "user", "content": "hi"}],
                "tools": [{"name": "look_up", "input_schema": bomb}],
                "tool_choice": {"type": "any"},
            }
        ),
        headers="anthropic-version: 2023-06-01\r\n",
    )
    yield Input("chat: formula", "/v1/chat/completions", encoded(chat("What is " + "9**" * 900 + "9?")))
    yield Input(
        "chat: brackets", "/v1/chat/completions", encoded(chat("What is " + "(" * 1900 + "1" + ")" * 1900 + "?"))
    )
    yield Input("chat: program", "/v1/chat/completions", encoded(chat("Solve x" + "+x" * 1900 + " = 1")))


def _tower(height: int, keyword: str = "allOf") -> dict[str, Any]:
    floors = {f"f{n}": {keyword: [{"$ref": f"#/$defs/f{n + 1}"}] * 2} for n in range(height)}
    return {"$ref": "#/$defs/f0", "$defs": {**floors, f"f{height}": {"type": "string"}}}


def _nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth // 2):
        schema = closed_object({"m": schema})
    return schema


def _text(schema: dict[str, Any]) -> dict[str, Any]:
    return closed_object({"text": {"type": "string", **schema}})


def _formatted(schema: dict[str, Any]) -> dict[str, Any]:
    return chat("hi") | {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}


def _tooled(schema: dict[str, Any], *, strict: bool = False) -> dict[str, Any]:
    function = {"name": "look_up", "parameters": schema, "strict": strict}
    return chat("hi") | {"tools": [{"type": "function", "function": function}], "tool_choice": "required"}
