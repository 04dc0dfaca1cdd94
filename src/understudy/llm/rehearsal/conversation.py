"""Reads the body of a chat completion: the request's parameters, and the conversation as turns.

Refuses what has the wrong shape. Knows nothing of answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from understudy.errors import UpstreamError
from understudy.llm import tokens
from understudy.llm.provider import ChatBody
from understudy.wire.parsing import InvalidInput
from understudy.wire.strict import check_strict
from understudy.wire.tools import AssistantToolsFunction, FunctionObject

_READ_CHARACTERS = (
    4_000  # characters of one message that are read for their meaning: half from its start, half from its end
)
_MAX_CHARACTERS = 400_000  # characters of one message that are read at all
_FIRST, _LAST = 100, 300  # messages of a long conversation that are read
_EARLIER_CHARACTERS = 16_000  # characters of what the user said before that are looked through for values
_TOKENS_PER_MESSAGE = 4
_TOKENS_PER_IMAGE = 85
_REPLY_PRIMING = 3

TokenLimit = Annotated[int, Meta(ge=1)]


class Part(Struct, gc=False):
    type: str
    text: str | None = None
    refusal: str | None = None


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


class Function(Struct, gc=False):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Struct):
    type: str = "function"
    function: Function | None = None


class FunctionName(Struct):
    name: str


class AllowedTool(Struct):
    function: FunctionName | None = None


class AllowedTools(Struct):
    mode: Literal["auto", "required"]
    tools: list[AllowedTool]


class ToolChoice(Struct):
    type: str
    function: FunctionName | None = None
    custom: FunctionName | None = None
    allowed_tools: AllowedTools | None = None


class JsonSchema(Struct):
    schema: dict[str, Any] | None = None


class ResponseFormat(Struct):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(Struct):
    include_usage: bool | None = None


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
    function_call: Literal["none", "auto"] | FunctionName | None = None
    stream_options: StreamOptions | None = None

    @property
    def is_legacy(self) -> bool:
        """Whether calls are answered with in the words of functions."""
        return bool(self.functions)


@dataclass(frozen=True, slots=True)
class Call:
    """A function call as the model makes it; `arguments` is JSON."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Output:
    """What came back of a call; `text` is what of `whole` is read for its meaning."""

    call: Call
    text: str
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one party said. `text` is what of `whole` is read for its meaning; `images` and `others` count parts."""

    role: str
    text: str
    whole: str = ""
    images: int = 0
    others: int = 0
    calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Conversation:
    turns: tuple[Turn, ...]

    @cached_property
    def instructions(self) -> str:
        return "\n".join(turn.text for turn in self.turns if turn.role in {"system", "developer"} and turn.text)[
            :_EARLIER_CHARACTERS
        ]

    @cached_property
    def user(self) -> tuple[Turn, ...]:
        return tuple(turn for turn in self.turns if turn.role == "user")

    @cached_property
    def latest(self) -> Turn:
        """The user's last message, an empty one where there is none."""
        return self.user[-1] if self.user else Turn("user", "")

    @cached_property
    def before(self) -> str:
        """What the user said before the last message."""
        return self.user[-2].text if len(self.user) > 1 else ""

    @cached_property
    def earlier(self) -> str:
        """The end of all that the user said before the last message."""
        return "\n".join(turn.text for turn in self.user[:-1])[-_EARLIER_CHARACTERS:]

    @cached_property
    def reply_count(self) -> int:
        """How many texts the model has said."""
        return sum(turn.role == "assistant" and bool(turn.text) for turn in self.turns)

    @cached_property
    def _turns_since_user(self) -> tuple[Turn, ...]:
        """The turns after the user's last message."""
        start = max((i for i, turn in enumerate(self.turns) if turn.role == "user"), default=-1)
        return self.turns[start + 1 :]

    @cached_property
    def calls_made(self) -> tuple[Call, ...]:
        """The calls made since the user's last message, in order."""
        return tuple(call for turn in self._turns_since_user for _, call in _calls_by_id(turn))

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        """What came back since the user's last message, in order."""
        calls = {call_id: call for turn in self._turns_since_user for call_id, call in _calls_by_id(turn)}
        return tuple(
            Output(calls.get(turn.call_id or "", Call(turn.name or "tool", "{}")), turn.text, turn.whole)
            for turn in self._turns_since_user
            if turn.role in {"tool", "function"}
        )

    @cached_property
    def last_called(self) -> str | None:
        """The function called most recently before the user's last message."""
        earlier = self.turns[: len(self.turns) - len(self._turns_since_user)]
        names = [call.name for turn in earlier for _, call in _calls_by_id(turn)]
        return names[-1] if names else None


def read(body: ChatBody) -> Request:
    """Raises UpstreamError(invalid_request) where a parameter has a wrong shape."""
    try:
        request = msgspec.convert(body, Request)
    except msgspec.ValidationError as error:
        raise _invalid_request(str(error)) from None
    for index, tool in enumerate(request.tools or ()):
        if tool.type == "function" and tool.function is None:
            raise _invalid_request(f"Object missing required field `function` - at `$.tools[{index}]`")
    if "audio" in (request.modalities or ()):
        raise UpstreamError(
            "invalid_request",
            f"The model {request.model!r} does not speak. Leave 'audio' out of 'modalities', or choose another model.",
            status=400,
            param="modalities",
            code="unsupported_value",
        )
    _check_strict(request)
    _convert_legacy_functions(request)
    return request


def _check_strict(request: Request) -> None:
    strict = [tool.function if tool.function and tool.function.strict else None for tool in request.tools or ()]
    try:
        check_strict([_original_function(function) for function in strict])
    except InvalidInput as refusal:
        problem = refusal.problem
        raise UpstreamError(
            "invalid_request", problem.message, status=400, param=problem.param, code=problem.code
        ) from None


def _original_function(function: Function | None) -> AssistantToolsFunction:
    if function is None:
        return AssistantToolsFunction(FunctionObject("any"))
    return AssistantToolsFunction(FunctionObject(function.name, parameters=function.parameters, strict=True))


def _convert_legacy_functions(request: Request) -> None:
    """Functions as they were asked for before there were tools: the same thing in other words."""
    for message in request.messages:
        if message.function_call is not None and not message.tool_calls:
            message.tool_calls = [ToolCall(function=message.function_call)]
    if isinstance(request.function_call, FunctionName) and not request.functions:
        raise UpstreamError(
            "invalid_request",
            "'function_call' is only allowed when 'functions' are specified.",
            status=400,
            param="function_call",
        )
    if request.functions and not request.tools:
        request.tools = [Tool(function=function) for function in request.functions]
        request.parallel_tool_calls = False
        choice = request.function_call
        request.tool_choice = ToolChoice("function", choice) if isinstance(choice, FunctionName) else choice


def _invalid_request(fault: str) -> UpstreamError:
    reason, _, place = fault.partition(" - at `$")
    param = place.rstrip("`").removeprefix(".")
    if reason.startswith("Object missing required field"):
        missing = reason.split("`")[1]
        param = f"{param}.{missing}" if param else missing
        return UpstreamError("invalid_request", f"Missing required parameter: {param!r}.", status=400, param=param)
    return UpstreamError(
        "invalid_request",
        f"Invalid value for {param or 'body'!r}: {reason}.",
        status=400,
        param=param or None,
    )


def turns(request: Request) -> Conversation:
    messages = request.messages
    if len(messages) > _FIRST + _LAST:
        messages = [*messages[:_FIRST], *messages[-_LAST:]]
    return Conversation(tuple(map(_read_turn, messages)))


def functions(request: Request) -> tuple[Function, ...]:
    return tuple(tool.function for tool in request.tools or () if tool.function is not None)


def prompt_tokens(request: Request) -> int:
    """Every text, call and function description of the request, with a few for each message's frame."""
    total = _REPLY_PRIMING + sum(map(_message_tokens, request.messages))
    described = functions(request)
    return total + (tokens.count(msgspec.json.encode(described).decode()) if described else 0)


def _message_tokens(message: Message) -> int:
    total = _TOKENS_PER_MESSAGE + tokens.count(message.name or "")
    if isinstance(message.content, str):
        total += tokens.count(message.content)
    for part in _content_parts(message):
        total += tokens.count(part.text or "") + _TOKENS_PER_IMAGE * ("image" in part.type)
    for call in message.tool_calls or ():
        if call.function:
            total += 1 + tokens.count(call.function.arguments)
    return total


def _read_turn(message: Message) -> Turn:
    parts = _content_parts(message)
    texts = [part.text for part in parts if part.text]
    whole = (message.content if isinstance(message.content, str) else "\n".join(texts))[:_MAX_CHARACTERS]
    images = sum("image" in part.type for part in parts)
    return Turn(
        role=message.role,
        text=_cut_middle(whole),
        whole=whole,
        images=images,
        others=sum(part.type not in {"text", "input_text", "refusal"} for part in parts) - images,
        calls=tuple(message.tool_calls or ()),
        call_id=message.tool_call_id,
        name=message.name,
    )


def _content_parts(message: Message) -> list[Part]:
    return message.content if isinstance(message.content, list) else []


def _cut_middle(text: str) -> str:
    if len(text) <= _READ_CHARACTERS:
        return text
    return f"{text[: _READ_CHARACTERS // 2]} \u2026 {text[-_READ_CHARACTERS // 2 :]}"


def _calls_by_id(turn: Turn) -> Iterator[tuple[str, Call]]:
    for call in turn.calls:
        if call.function:
            yield call.id, Call(call.function.name, call.function.arguments)
