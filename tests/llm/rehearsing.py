"""Conversations with the rehearsal model, as tests hold them."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from understudy.clock import Clock, SystemClock
from understudy.llm.rehearsal import Rehearsal
from understudy.settings import RehearsalSettings

Json = dict[str, Any]
TEXT = {"type": "string"}


def rehearsal(tokens_per_second: float = 0, clock: Clock | None = None) -> Rehearsal:
    return Rehearsal(RehearsalSettings(tokens_per_second=tokens_per_second), clock or SystemClock())


def body(*texts: str, **parameters: Any) -> Json:
    """A body whose last user message is the last text; texts between stand for the two parties in turn."""
    messages = [{"role": "assistant" if i % 2 else "user", "content": text} for i, text in enumerate(texts)]
    return {"model": "rehearsal", "messages": messages, **parameters}


def choice(request: Json) -> Any:
    return json.loads(asyncio.run(rehearsal().complete(request)))["choices"][0]


def answer(*texts: str, **parameters: Any) -> Any:
    return choice(body(*texts, **parameters))["message"]["content"]


def calls(request: Json) -> list[tuple[str, Any]]:
    """The calls that are made, as (name, arguments)."""
    made = choice(request)["message"].get("tool_calls", [])
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in made]


def function(name: str, description: str = "", required: Sequence[str] | None = None, /, **properties: Json) -> Json:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def continued(request: Json, outputs: Mapping[str, str]) -> Json:
    """The body after the calls that `request` leads to were answered with `outputs`, by function name."""
    message = choice(request)["message"]
    answers = [
        {"role": "tool", "tool_call_id": call["id"], "content": outputs[call["function"]["name"]]}
        for call in message["tool_calls"]
    ]
    return {**request, "messages": [*request["messages"], message, *answers]}


WEATHER = function(
    "get_weather",
    "Get the current weather for a location",
    ["location"],
    location={"type": "string", "description": "City and state, e.g. San Francisco, CA"},
    unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
)
EMAIL = function(
    "send_email", "Send an email to a recipient", to={"type": "string", "format": "email"}, subject=TEXT, text=TEXT
)
SEARCH_FLIGHTS = function(
    "search_flights",
    "Search for flights between two cities",
    origin=TEXT,
    destination=TEXT,
    date={"type": "string", "format": "date"},
)
BOOK_FLIGHT = function(
    "book_flight", "Book a flight by its id", flight_id=TEXT, passengers={"type": "integer", "minimum": 1}
)
PYTHON = function("python", "Runs Python code in a sandbox and returns what it prints.", code=TEXT)
FILES = function("file_search", "Searches the user's files for passages.", queries={"type": "array", "items": TEXT})
