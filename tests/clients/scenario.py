"""A model for clients in other processes, which cannot script the upstream: its answer depends on the user message.

    weather: Paris, Rome; Oslo      calls get_weather for Paris and Rome at once, then for Oslo, then returns the outputs
    weather of NAME: Paris          the same with the function NAME
    hang                            starts an answer and never ends it
    fail                            an HTTP error
    long                            stops at its length limit

A request for a JSON schema gets `{"city": "Paris", "degrees": 18}`, and any other message an echo.
"""

import re
from typing import Any

from upstream import HANG, Answer, Request, call, calls, echo, fault, text


def scenario(request: Request) -> Answer:
    question = request.said
    if (request.body.get("response_format") or {}).get("type") == "json_schema":
        return text('{"city": ', '"Paris", ', '"degrees": 18}')
    if match := re.fullmatch(r"weather(?: of (\S+))?: (.*)", question):
        return _forecast(match[2], _since_last_user(request.body["messages"]), match[1] or "get_weather")
    match question:
        case "hang":
            return text("One ", "moment", HANG)
        case "fail":
            return fault(500, "The model is out.")
        case "long":
            return text("And so ", "on", finish="length")
    return echo(request)


def _forecast(cities_by_round: str, messages: list[Any], function: str) -> Answer:
    rounds = [[city.strip() for city in cities.split(",")] for cities in cities_by_round.split(";")]
    done = sum(1 for message in messages if message.get("tool_calls"))
    if done == len(rounds):
        outputs = [message["content"] for message in messages if message["role"] == "tool"]
        return text("Outputs: ", ", ".join(outputs))
    return calls(*(call(function, call_id=f"call_{done}_{city}", city=city) for city in rounds[done]))


def _since_last_user(messages: list[Any]) -> list[Any]:
    """From the last question on; a question that a client repeats beside its outputs counts from its first occurrence."""
    users = [index for index, message in enumerate(messages) if message["role"] == "user"]
    start = users.pop()
    while users and messages[users[-1]]["content"] == messages[start]["content"]:
        between = messages[users[-1] + 1 : start]
        if not between or any(one["role"] != "tool" and not one.get("tool_calls") for one in between):
            break
        start = users.pop()
    return messages[start:]
