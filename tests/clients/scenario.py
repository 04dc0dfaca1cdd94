"""A model for clients in other processes, which cannot script the upstream: what it says follows from what it is asked.

    weather: Paris, Rome; Oslo      calls get_weather for Paris and Rome at once, then for Oslo, then says the outputs
    weather of NAME: Paris          the same with the function NAME
    hang                            begins an answer and never ends it
    fail                            an HTTP error
    long                            stops at its length limit

With a JSON schema asked for it answers `{"city": "Paris", "degrees": 18}`, and to all else with an echo.
"""

import re

from upstream import HANG, call, calls, echo, fault, text


def scenario(request):
    said = request.said
    if (request.body.get("response_format") or {}).get("type") == "json_schema":
        return text('{"city": ', '"Paris", ', '"degrees": 18}')
    if match := re.fullmatch(r"weather(?: of (\S+))?: (.*)", said):
        return _forecast(match[2], _since_last_user(request.body["messages"]), match[1] or "get_weather")
    match said:
        case "hang":
            return text("One ", "moment", HANG)
        case "fail":
            return fault(500, "The model is out.")
        case "long":
            return text("And so ", "on", finish="length")
    return echo(request)


def _forecast(wanted, messages, function):
    rounds = [[city.strip() for city in cities.split(",")] for cities in wanted.split(";")]
    done = sum(1 for message in messages if message.get("tool_calls"))
    if done == len(rounds):
        outputs = [message["content"] for message in messages if message["role"] == "tool"]
        return text("Outputs: ", ", ".join(outputs))
    return calls(*(call(function, call_id=f"call_{done}_{city}", city=city) for city in rounds[done]))


def _since_last_user(messages):
    """From the last question on; one that a client repeats beside its outputs counts from its first time."""
    users = [index for index, message in enumerate(messages) if message["role"] == "user"]
    start = users.pop()
    while users and messages[users[-1]]["content"] == messages[start]["content"]:
        between = messages[users[-1] + 1 : start]
        if not between or any(one["role"] != "tool" and not one.get("tool_calls") for one in between):
            break
        start = users.pop()
    return messages[start:]
