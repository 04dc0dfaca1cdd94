"""Translates a chat completions body into a Messages body. Knows no HTTP and no response.

Source: the parameter types of the official `anthropic` package. Parameters without a counterpart in the Messages API
(logprobs, penalties, seed) are omitted, as in its own compatibility layer. A request that would change its meaning
is refused.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any, Literal

import msgspec

from understudy.errors import UpstreamError
from understudy.llm import payload
from understudy.llm.provider import ChatBody

DEFAULT_MAX_TOKENS = 8192

OptionalParameter = Literal["temperature", "top_p", "effort", "thinking", "format", "strict"]
"""Parameters that some models or versions refuse, and that a request may omit."""

_EFFORTS = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
_PLACEHOLDER_USER_TURN = {"role": "user", "content": [{"type": "text", "text": "(The conversation begins.)"}]}

_Block = dict[str, Any]


def translate(body: ChatBody, without: Collection[OptionalParameter] = ()) -> dict[str, Any]:
    """The Messages body, without the parameters `without`.

    Raises UpstreamError(invalid_request) if the request has no equivalent.
    """
    if (body.get("n") or 1) != 1:
        raise _unsupported_error("this provider supports one choice per request; omit 'n'", "n")
    if body.get("moderation") is not None:
        raise _unsupported_error("this provider has no moderation; omit it, or send it with a response", "moderation")
    messages = [message for message in body.get("messages") or () if isinstance(message, dict)]
    request = {"model": body["model"], "max_tokens": _max_tokens(body), "messages": _convert_turns(messages)}
    system = [*_system_texts(messages), *_format_instruction(body, without)]
    if system:
        request["system"] = "\n\n".join(system)
    request |= _sampling_parameters(body, without) | _tool_parameters(body, without) | _output_config(body, without)
    if stops := _stop_sequences(body.get("stop")):
        request["stop_sequences"] = stops
    if user := body.get("user") or body.get("safety_identifier"):
        request["metadata"] = {"user_id": user}
    return request


def _max_tokens(body: ChatBody) -> Any:
    return body.get("max_completion_tokens") or body.get("max_tokens") or DEFAULT_MAX_TOKENS


def optional_parameters(request: dict[str, Any]) -> set[OptionalParameter]:
    """The optional parameters of a translated request."""
    output = request.get("output_config", {})
    present: dict[OptionalParameter, bool] = {
        "temperature": "temperature" in request,
        "top_p": "top_p" in request,
        "effort": "effort" in output,
        "format": "format" in output,
        "thinking": "thinking" in request,
        "strict": any(tool.get("strict") for tool in request.get("tools", ())),
    }
    return {name for name, is_present in present.items() if is_present}


def _system_texts(messages: list[dict[str, Any]]) -> list[str]:
    return [
        text
        for message in messages
        if message.get("role") in ("system", "developer")
        and (text := "".join(part.get("text") or "" for part in _content_parts(message.get("content"))))
    ]


def _convert_turns(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turns of alternating roles, the user's first."""
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        role, blocks = _convert_message(message, f"messages[{index}]")
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns if turns and turns[0]["role"] == "user" else [_PLACEHOLDER_USER_TURN, *turns]


def _convert_message(message: dict[str, Any], path: str) -> tuple[str, list[_Block]]:
    match message.get("role"):
        case "system" | "developer":
            return "user", []
        case "user":
            return "user", list(_convert_parts(message.get("content"), path))
        case "assistant":
            return "assistant", [*_convert_parts(message.get("content"), path), *_tool_use_blocks(message)]
        case "tool":
            return "user", [_tool_result_block(message, path)]
        case role:
            raise _unsupported_error(f"this provider does not support messages with the role {role!r}", f"{path}.role")


def _content_parts(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [part for part in content or () if isinstance(part, dict)]


def _convert_parts(content: Any, path: str) -> Iterator[_Block]:
    for index, part in enumerate(_content_parts(content)):
        match part.get("type"):
            case "text" | "refusal" as kind:
                text = part.get(kind) or ""
                if text.strip():  # the Messages API refuses blank text
                    yield {"type": "text", "text": text}
            case "image_url":
                yield {"type": "image", "source": _image_source(_image_url(part))}
            case "file" if (part.get("file") or {}).get("file_data"):
                yield {"type": "document", "source": _image_source(part["file"]["file_data"])}
            case kind:
                raise _unsupported_error(
                    f"this provider does not support content of type {kind!r}", f"{path}.content[{index}]"
                )


def _image_url(part: dict[str, Any]) -> str:
    image = part.get("image_url")
    return str(image.get("url") if isinstance(image, dict) else image)


def _image_source(url: str) -> dict[str, str]:
    if match := re.match(r"data:([^;,]+)(?:;[^;,]+)*;base64,", url):
        return {"type": "base64", "media_type": match[1], "data": url[match.end() :]}
    return {"type": "url", "url": url}


def _tool_use_blocks(message: dict[str, Any]) -> Iterator[_Block]:
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        yield {
            "type": "tool_use",
            "id": _sanitize_call_id(call.get("id")),
            "name": function.get("name"),
            "input": payload.parse_arguments(function.get("arguments") or ""),
        }


def _tool_result_block(message: dict[str, Any], path: str) -> _Block:
    result: _Block = {"type": "tool_result", "tool_use_id": _sanitize_call_id(message.get("tool_call_id"))}
    if blocks := list(_convert_parts(message.get("content"), path)):
        result["content"] = blocks
    return result


def _sanitize_call_id(value: Any) -> str:
    # Ids of other providers may contain characters that the Messages API refuses.
    return re.sub(r"[^a-zA-Z0-9_-]", "_", str(value))


def _sampling_parameters(body: ChatBody, without: Collection[OptionalParameter]) -> dict[str, Any]:
    """At most one parameter, and no default value: models from 4.1 on refuse the two together."""
    temperature, top_p = body.get("temperature"), body.get("top_p")
    if temperature is not None and temperature != 1 and "temperature" not in without:
        return {"temperature": min(max(temperature, 0), 1)}
    if top_p is not None and top_p != 1 and "top_p" not in without:
        return {"top_p": top_p}
    return {}


def _tool_parameters(body: ChatBody, without: Collection[OptionalParameter]) -> dict[str, Any]:
    tools = [_convert_tool(tool, index, without) for index, tool in enumerate(body.get("tools") or ())]
    if not tools:
        return {}
    choice = _convert_tool_choice(body.get("tool_choice"))
    if body.get("parallel_tool_calls") is False and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = True
    return {"tools": tools} if choice == {"type": "auto"} else {"tools": tools, "tool_choice": choice}


def _convert_tool(tool: dict[str, Any], index: int, without: Collection[OptionalParameter]) -> dict[str, Any]:
    function = tool.get("function")
    if tool.get("type") != "function" or not isinstance(function, dict):
        raise _unsupported_error(
            f"this provider does not support tools of type {tool.get('type')!r}", f"tools[{index}].type"
        )
    schema = {"type": "object", "properties": {}, **(function.get("parameters") or {})}
    translated = {"name": function.get("name"), "input_schema": schema}
    if description := function.get("description"):
        translated["description"] = description
    if function.get("strict") and "strict" not in without:
        translated["strict"] = True
    return translated


def _convert_tool_choice(choice: Any) -> dict[str, Any]:
    match choice:
        case "none":
            return {"type": "none"}
        case "required" | {"type": "allowed_tools", "allowed_tools": {"mode": "required"}}:
            return {"type": "any"}
        case {"type": "function", "function": {"name": name}}:
            return {"type": "tool", "name": name}
        case _:
            return {"type": "auto"}


def _output_config(body: ChatBody, without: Collection[OptionalParameter]) -> dict[str, Any]:
    request: dict[str, Any] = {}
    config: dict[str, Any] = {}
    effort = body.get("reasoning_effort")
    if effort == "none" and "thinking" not in without:
        request["thinking"] = {"type": "disabled"}
    elif effort in _EFFORTS and "effort" not in without:
        config["effort"] = _EFFORTS[effort]
    schema = _response_schema(body)
    if schema is not None and "format" not in without:
        config["format"] = {"type": "json_schema", "schema": schema}
    return request | ({"output_config": config} if config else {})


def _format_instruction(body: ChatBody, without: Collection[OptionalParameter]) -> list[str]:
    """Replaces `output_config.format` for any JSON object, and on models without that parameter."""
    if (body.get("response_format") or {}).get("type") not in ("json_object", "json_schema"):
        return []
    instruction = "Answer with one JSON object and nothing else: no words around it, no code fence."
    schema = _response_schema(body)
    if schema is None:
        return [instruction]
    if "format" not in without:
        return []
    return [f"{instruction} It must be valid against this JSON schema: {msgspec.json.encode(schema).decode()}"]


def _response_schema(body: ChatBody) -> dict[str, Any] | None:
    match body.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return schema
        case _:
            return None


def _stop_sequences(stop: Any) -> list[str]:
    stops = [stop] if isinstance(stop, str) else stop or []
    return [text for text in stops if text.strip()]  # the Messages API refuses blank sequences


def _unsupported_error(reason: str, param: str) -> UpstreamError:
    return UpstreamError("invalid_request", f"Invalid '{param}': {reason}.", param=param, code="unsupported_value")
