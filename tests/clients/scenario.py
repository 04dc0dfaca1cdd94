"""A model for clients in other processes, which cannot script the upstream: what it says follows from what it is asked.

    weather: Paris, Rome; Oslo      calls get_weather for Paris and Rome at once, then for Oslo, then says the outputs
    hang                            begins an answer and never ends it
    fail                            an HTTP error
    long                            stops at its length limit

With a JSON schema asked for it answers `{"city": "Paris", "degrees": 18}`, and to all else with an echo.
"""

from upstream import HANG, call, calls, echo, fault, text


def scenario(request):
    said = request.said
    if (request.body.get("response_format") or {}).get("type") == "json_schema":
        return text('{"city": ', '"Paris", ', '"degrees": 18}')
    if said.startswith("weather: "):
        return _forecast(said.removeprefix("weather: "), _since_last_user(request.body["messages"]))
    match said:
        case "hang":
            return text("One ", "moment", HANG)
        case "fail":
            return fault(500, "The model is out.")
        case "long":
            return text("And so ", "on", finish="length")
    return echo(request)


def _forecast(wanted, messages):
    rounds = [[city.strip() for city in cities.split(",")] for cities in wanted.split(";")]
    done = sum(1 for message in messages if message.get("tool_calls"))
    if done == len(rounds):
        outputs = [message["content"] for message in messages if message["role"] == "tool"]
        return text("Outputs: ", ", ".join(outputs))
    return calls(*(call("get_weather", call_id=f"call_{done}_{city}", city=city) for city in rounds[done]))


def _since_last_user(messages):
    last = max(index for index, message in enumerate(messages) if message["role"] == "user")
    return messages[last:]
