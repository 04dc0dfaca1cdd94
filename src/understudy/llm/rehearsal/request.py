"""The body of a chat completion as types. Refuses parameters of a wrong shape; ignores those it does not know.

Source of the shapes: `CreateChatCompletionRequest`.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from understudy.errors import UpstreamError
from understudy.llm import tokens
from understudy.llm.provider import ChatBody
from understudy.wire.parsing import InvalidInput
from understudy.wire.strict import check_strict
from understudy.wire.tools import AssistantToolsFunction, FunctionObject

_MAX_CHARACTERS = 400_000  # of one message that are read
_TOKENS_PER_MESSAGE, _TOKENS_PER_IMAGE, _REPLY_PRIMING = 4, 85, 3

TokenLimit = Annotated[int, Meta(ge=1)]


class Part(Struct, gc=False):
    type: str
    text: str | None = None


class FunctionCall(Struct, gc=False):
    name: str
    arguments: str = "{}"


class ToolCall(Struct):
    id: str = ""
    function: FunctionCall | None = None


class Message(Struct):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    function_call: FunctionCall | None = None

    @property
    def parts(self) -> list[Part]:
        return [Part("text", self.content)] if isinstance(self.content, str) else self.content or []

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.parts if part.text)[:_MAX_CHARACTERS]


class Function(Struct, gc=False):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Struct):
    type: str = "function"
    function: Function | None = None


class AllowedTools(Struct):
    mode: Literal["auto", "required"]
    tools: list[Tool]


class ToolChoice(Struct):
    type: str
    function: Function | None = None
    custom: Function | None = None
    allowed_tools: AllowedTools | None = None


class JsonSchema(Struct):
    schema: dict[str, Any] | None = None


class ResponseFormat(Struct):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class Request(Struct):
    messages: Annotated[list[Message], Meta(min_length=1)]
    model: str = "rehearsal"
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    max_tokens: TokenLimit | None = None
    max_completion_tokens: TokenLimit | None = None
    stop: str | list[str] | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    modalities: list[str] | None = None
    functions: list[Function] | None = None
    function_call: Literal["none", "auto"] | Function | None = None
    stream_options: dict[str, Any] | None = None
    moderation: Any = None

    @property
    def offered(self) -> tuple[Function, ...]:
        return tuple(tool.function for tool in self.tools or () if tool.function is not None)


def invalid_request(message: str, param: str | None, code: str | None = None) -> UpstreamError:
    return UpstreamError("invalid_request", message, status=400, param=param, code=code)


def parse_request(body: ChatBody) -> Request:
    """Raises UpstreamError(invalid_request) where a parameter has a wrong shape."""
    try:
        request = msgspec.convert(body, Request)
    except msgspec.ValidationError as error:
        raise _shape_error(str(error)) from None
    for index, tool in enumerate(request.tools or ()):
        if tool.type == "function" and tool.function is None:
            raise _shape_error(f"Object missing required field `function` - at `$.tools[{index}]`")
    if "audio" in (request.modalities or ()):
        message = f"The model {request.model!r} generates no audio. Leave 'audio' out of 'modalities'."
        raise invalid_request(message, "modalities", "unsupported_value")
    if request.moderation is not None:
        message = f"The model {request.model!r} is not moderated. Leave out 'moderation', or send it with a response."
        raise invalid_request(message, "moderation", "unsupported_parameter")
    _check_strict_functions(request)
    _convert_legacy_functions(request)
    return request


def count_prompt_tokens(request: Request) -> int:
    """Every text, call and function description of the request, with a few for each message's frame."""
    total = _REPLY_PRIMING
    for message in request.messages:
        total += _TOKENS_PER_MESSAGE + tokens.count(message.name or "")
        total += sum(tokens.count(p.text or "") + _TOKENS_PER_IMAGE * ("image" in p.type) for p in message.parts)
        total += sum(1 + tokens.count(call.function.arguments) for call in message.tool_calls or () if call.function)
    return total + (tokens.count(msgspec.json.encode(request.offered).decode()) if request.offered else 0)


def _shape_error(fault: str) -> UpstreamError:
    reason, _, place = fault.partition(" - at `$")
    param = place.rstrip("`").removeprefix(".")
    if reason.startswith("Object missing required field"):
        missing = reason.split("`")[1]
        param = f"{param}.{missing}" if param else missing
        return invalid_request(f"Missing required parameter: {param!r}.", param)
    return invalid_request(f"Invalid value for {param or 'body'!r}: {reason}.", param or None)


def _check_strict_functions(request: Request) -> None:
    functions = [tool.function or Function("") for tool in request.tools or ()]
    objects = [FunctionObject(f.name, parameters=f.parameters, strict=f.strict) for f in functions]
    try:
        check_strict(list(map(AssistantToolsFunction, objects)))
    except InvalidInput as refusal:
        problem = refusal.problem
        raise invalid_request(problem.message, problem.param, problem.code) from None


def _convert_legacy_functions(request: Request) -> None:
    """Turns `functions` and `function_call`, the parameters that `tools` replaced, into tools."""
    for message in request.messages:
        if message.function_call is not None and not message.tool_calls:
            message.tool_calls = [ToolCall(function=message.function_call)]
    choice = request.function_call
    if isinstance(choice, Function) and not request.functions:
        raise invalid_request("'function_call' is only allowed when 'functions' are specified.", "function_call")
    if request.functions and not request.tools:
        request.tools = [Tool(function=function) for function in request.functions]
        request.parallel_tool_calls = False
        request.tool_choice = ToolChoice("function", choice) if isinstance(choice, Function) else choice
