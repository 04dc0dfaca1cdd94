"""What one tool for agents is: its words, its parameters, and the operation of the HTTP API that it stands for.

Where an argument goes follows from the operation: into the path that names it, else into the query of a GET or DELETE,
else into the body. Knows no tool, and nothing of how requests are sent.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

MAX_MODELS = 200
"""How many models of a server an enum lists beside the published ones; any other name is checked by the server."""

Schema = dict[str, Any]
Kind = Literal["string", "integer", "number", "boolean", "array", "object"]
Place = Literal["path", "query", "body"]
Effect = Literal["reads", "adds", "changes", "removes"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """`limits` are further keywords of its JSON schema: bounds, an enum, the items.

    `also` is a schema of values that are taken though they are not of the published type. `sent` makes of an argument
    what the API wants in its place. `names_a_model`: the models of the server that is called are values as well.
    """

    name: str
    kind: Kind
    description: str
    required: bool = False
    limits: Schema = field(default_factory=dict)
    also: Schema | None = None
    sent: Callable[[Any], Any] | None = None
    names_a_model: bool = False

    @property
    def schema(self) -> Schema:
        title = self.name.replace("_", " ").capitalize()
        return {"type": self.kind, "title": title, "description": self.description, **self.limits}


@dataclass(frozen=True)
class Tool:
    """`effect` is the effect of a call on stored data, `calls_model` whether the outcome depends on a model."""

    slug: str
    name: str
    description: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    parameters: tuple[Parameter, ...] = ()
    effect: Effect = "reads"
    calls_model: bool = False
    important: bool = False

    def place(self, name: str) -> Place:
        if name in self._in_path:
            return "path"
        return "body" if self.method == "POST" else "query"

    @cached_property
    def by_name(self) -> dict[str, Parameter]:
        return {parameter.name: parameter for parameter in self.parameters}

    @cached_property
    def input_schema(self) -> Schema:
        return {
            "type": "object",
            "title": f"{self._title}Request",
            "properties": {parameter.name: parameter.schema for parameter in self.parameters},
            "required": [parameter.name for parameter in self.parameters if parameter.required],
            "additionalProperties": False,
        }

    def input_schema_with(self, models: Sequence[str]) -> Schema:
        """The input schema for a server with these models, of which enums list at most `MOST_MODELS`."""
        named = [parameter for parameter in self.parameters if parameter.names_a_model and "enum" in parameter.limits]
        if not named or not models:
            return self.input_schema
        properties = dict(self.input_schema["properties"])
        for parameter in named:
            names = dict.fromkeys([*parameter.limits["enum"], *models[:MAX_MODELS]])
            properties[parameter.name] = {**parameter.schema, "enum": list(names)}
        return {**self.input_schema, "properties": properties}

    @cached_property
    def output_schema(self) -> Schema:
        error = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
        return {
            "type": "object",
            "title": f"{self._title}ResponseWrapper",
            "properties": {
                "data": {"type": "object", "title": "Data", "description": "What the operation answered."},
                "error": {
                    **error,
                    "title": "Error",
                    "description": "Why it failed, in a sentence; null if it did not.",
                },
                "successful": {"type": "boolean", "title": "Successful", "description": "Whether it was done."},
            },
            "required": ["data", "successful"],
        }

    @property
    def read_only(self) -> bool:
        return self.effect == "reads"

    @property
    def destructive(self) -> bool:
        return self.effect in {"changes", "removes"}

    @property
    def idempotent(self) -> bool:
        """Whether a second call with the same arguments does nothing more."""
        return self.effect != "adds"

    @cached_property
    def tags(self) -> list[str]:
        """The true MCP annotations, and `important` for a tool to start with."""
        hints = {
            "readOnlyHint": self.read_only,
            "destructiveHint": self.destructive,
            "idempotentHint": self.idempotent,
            "openWorldHint": self.calls_model,
            "important": self.important,
        }
        return [tag for tag, holds in hints.items() if holds]

    @cached_property
    def _in_path(self) -> frozenset[str]:
        return frozenset(re.findall(r"{(\w+)}", self.path))

    @property
    def _title(self) -> str:
        return "".join(word.capitalize() for word in re.findall(r"\w+", self.name))


@dataclass(frozen=True)
class ToolSet:
    """What the tools are a part of."""

    slug: str
    name: str
    version: str
    description: str
    categories: tuple[str, ...]
    tools: tuple[Tool, ...]

    @cached_property
    def by_slug(self) -> dict[str, Tool]:
        return {tool.slug: tool for tool in self.tools}
