"""Translates a Messages body into a chat completions body. Knows no HTTP and no response.

The reverse of anthropic_request.py. Parameters without a counterpart in chat completions are omitted if the meaning
stays (top_k, cache control, earlier thinking), and refused otherwise (server tools, files of the vendor).
Source: the parameter types of the official `anthropic` package.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from understudy.errors import UpstreamError
from understudy.llm import tokens
from understudy.llm.messages import (
    AssistantMessage,
    FileData,
    FilePart,
    FunctionCall,
    ImagePart,
    ImageUrl,
    Message,
    Part,
    SystemMessage,
    TextPart,
    ToolCall,
    ToolMessage,
    UserMessage,
    calls_of,
    to_wire,
)
from understudy.llm.provider import ChatBody

MessageBody = dict[str, Any]
"""The body of `POST /messages` with all its parameters, unknown ones included."""

DEFAULT_MAX_TOKENS: Final = 1024
"""The default of the AI/ML API."""

_SHARED_PARAMETERS = ("model", "temperature", "top_p", "stream")
_TOOL_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_DROPPED_BLOCK_TYPES = {"thinking", "redacted_thinking"}
# The estimate for an image of unknown size.
_IMAGE_TOKENS: Final = 1000
_MESSAGE_TOKENS: Final = 4

_Block = dict[str, Any]


def to_chat(body: MessageBody) -> ChatBody:
    """The chat completions body. Raises UpstreamError(invalid_request) if the request has no equivalent."""
    chat: ChatBody = {name: body[name] for name in _SHARED_PARAMETERS if body.get(name) is not None}
    chat["max_completion_tokens"] = body.get("max_tokens") or DEFAULT_MAX_TOKENS
    chat["messages"] = to_wire(_convert_messages(body))
    if stops := body.get("stop_sequences"):
        chat["stop"] = stops
    if user := (body.get("metadata") or {}).get("user_id"):
        chat["user"] = user
    return chat | _tool_parameters(body) | _response_format(body)


def wants_thinking(body: MessageBody) -> bool:
    return (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")


def estimate_input_tokens(body: MessageBody) -> int:
    """Estimates the input tokens of the body, for providers without a token count."""
    chat = to_chat(body)
    total = sum(_MESSAGE_TOKENS + _estimate_tokens(message) for message in _convert_messages(body))
    if tools := chat.get("tools"):
        total += tokens.count(msgspec.json.encode(tools).decode())
    return total


def _estimate_tokens(message: Message) -> int:
    content = message.content
    if isinstance(content, str):
        total = tokens.count(content)
    else:
        total = sum(tokens.count(part.text) if isinstance(part, TextPart) else _IMAGE_TOKENS for part in content or ())
    calls = calls_of(message)
    return total + (tokens.count(msgspec.json.encode(calls).decode()) if calls else 0)


def _convert_messages(body: MessageBody) -> list[Message]:
    return [*_system_message(body.get("system")), *_convert_turns(body.get("messages") or ())]


def _system_message(system: Any) -> list[Message]:
    text = system if isinstance(system, str) else "\n\n".join(_text_blocks(system or (), "system"))
    return [SystemMessage(text)] if text else []


def _convert_turns(messages: Iterable[dict[str, Any]]) -> Iterator[Message]:
    for index, message in enumerate(messages):
        path = f"messages[{index}]"
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())
        match message.get("role"):
            case "assistant":
                yield _assistant_message(blocks, path)
            case "system":
                yield from _system_message(blocks)
            case _:
                yield from _user_messages(blocks, path)


def _assistant_message(blocks: list[_Block], path: str) -> Message:
    texts: list[str] = []
    calls: list[ToolCall] = []
    for index, block in enumerate(blocks):
        match block.get("type"):
            case "text":
                texts.append(str(block.get("text") or ""))
            case "tool_use":
                calls.append(_convert_tool_use(block))
            case kind if kind not in _DROPPED_BLOCK_TYPES:
                raise _unsupported_error(kind, f"{path}.content[{index}]")
    return AssistantMessage("".join(texts) or (None if calls else ""), calls)


def _convert_tool_use(block: _Block) -> ToolCall:
    arguments = msgspec.json.encode(block.get("input") or {}).decode()
    return ToolCall(id=block.get("id"), function=FunctionCall(block.get("name"), arguments))


def _user_messages(blocks: list[_Block], path: str) -> Iterator[Message]:
    """Yields a message for each tool result, then the user's message, which also carries the images of the results."""
    parts: list[Part] = []
    for index, block in enumerate(blocks):
        place = f"{path}.content[{index}]"
        if block.get("type") == "tool_result":
            result = list(_tool_result_parts(block, place))
            yield ToolMessage(block.get("tool_use_id"), "\n\n".join(_texts(result)))
            parts += [part for part in result if not isinstance(part, TextPart)]
        else:
            parts += _convert_block(block, place)
    texts = _texts(parts)
    if len(texts) < len(parts):
        yield UserMessage(parts)
    elif text := "\n\n".join(texts):
        # Every server accepts a plain string.
        yield UserMessage(text)


def _texts(parts: Iterable[Part]) -> list[str]:
    return [part.text for part in parts if isinstance(part, TextPart)]


def _tool_result_parts(block: _Block, path: str) -> Iterator[Part]:
    content = block.get("content")
    if isinstance(content, str):
        yield TextPart(content)
        return
    yield from _convert_content(content, path)


def _convert_content(content: Any, path: str) -> Iterator[Part]:
    for index, inner in enumerate(content if isinstance(content, list) else ()):
        yield from _convert_block(inner, f"{path}.content[{index}]")


def _convert_block(block: _Block, path: str) -> Iterator[Part]:
    source = block.get("source")
    match block.get("type"), source:
        case "text", _:
            yield _text_part(block.get("text"))
        case "image", {"type": "base64" | "url"}:
            yield ImagePart(ImageUrl(_source_url(source)))
        case "document", {"type": _}:
            yield from _convert_document(block, source or {}, path)
        case "search_result", _:
            yield from _convert_content(block.get("content"), path)
        case kind, dict():
            raise _unsupported_error(f"{kind} of a {source.get('type')}", path)
        case kind, _:
            raise _unsupported_error(kind, path)


def _convert_document(block: _Block, source: dict[str, Any], path: str) -> Iterator[Part]:
    match source:
        case {"type": "base64"}:
            name = block.get("title") or "document.pdf"
            yield FilePart(FileData(name, _source_url(source)))
        case {"type": "text", "data": str(text)} | {"type": "content", "content": str(text)}:
            yield _text_part(text)
        case {"type": "content", "content": list(inner)}:
            yield from _convert_content(inner, f"{path}.source")
        case _:
            raise _unsupported_error(f"document of a {source.get('type')}", path)


def _text_part(text: Any) -> Part:
    return TextPart(str(text or ""))


def _source_url(source: dict[str, Any] | None) -> str:
    source = source or {}
    if source.get("type") == "url":
        return str(source.get("url"))
    return f"data:{source.get('media_type')};base64,{source.get('data')}"


def _text_blocks(blocks: Iterable[_Block], path: str) -> Iterator[str]:
    for index, block in enumerate(blocks):
        if block.get("type") != "text":
            raise _unsupported_error(block.get("type"), f"{path}[{index}]")
        yield str(block.get("text") or "")


def _tool_parameters(body: MessageBody) -> dict[str, Any]:
    tools = [_convert_tool(tool, index) for index, tool in enumerate(body.get("tools") or ())]
    choice = body.get("tool_choice") or {}
    if not tools:
        if choice.get("type") in {"any", "tool"}:
            raise UpstreamError(
                "invalid_request", "'tool_choice' is only allowed when 'tools' are specified.", param="tool_choice"
            )
        return {}
    chat: dict[str, Any] = {"tools": tools}
    if choice.get("type") == "tool":
        chat["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
    elif choice.get("type") in _TOOL_CHOICES:
        chat["tool_choice"] = _TOOL_CHOICES[choice["type"]]
    if choice.get("disable_parallel_tool_use"):
        chat["parallel_tool_calls"] = False
    return chat


def _convert_tool(tool: dict[str, Any], index: int) -> dict[str, Any]:
    if tool.get("type") not in (None, "custom"):
        raise UpstreamError(
            "invalid_request",
            f"Invalid 'tools[{index}].type': the model's provider does not support the tool {tool['type']!r}."
            " Send tools with a name and an input_schema.",
            param=f"tools[{index}].type",
        )
    function: dict[str, Any] = {"name": tool.get("name"), "parameters": tool.get("input_schema") or {}}
    if description := tool.get("description"):
        function["description"] = description
    if tool.get("strict"):
        function["strict"] = True
    return {"type": "function", "function": function}


def _response_format(body: MessageBody) -> dict[str, Any]:
    chat: dict[str, Any] = {}
    config = body.get("output_config") or {}
    if effort := config.get("effort"):
        chat["reasoning_effort"] = effort
    match config.get("format") or body.get("output_format"):
        case {"type": "json_schema", "schema": dict(schema)}:
            json_schema = {"name": "answer", "schema": schema, "strict": True}
            chat["response_format"] = {"type": "json_schema", "json_schema": json_schema}
    return chat


def _unsupported_error(kind: Any, path: str) -> UpstreamError:
    return UpstreamError(
        "invalid_request",
        f"Invalid '{path}': the model's provider does not support content of type {kind!r}.",
        param=path,
        code="unsupported_value",
    )
