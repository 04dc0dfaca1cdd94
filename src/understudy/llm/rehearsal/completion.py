"""Writes an answer as a chat completion: as one object, or as the chunks of a stream. Knows no conversation.

An answer is cut into tokens first, so that limits, usage and both forms agree to the token.
Source of the shapes: `CreateChatCompletionResponse` and `CreateChatCompletionStreamResponse`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from understudy import ids
from understudy.llm import tokens
from understudy.llm.rehearsal.answer import Answer
from understudy.llm.rehearsal.conversation import Request

FinishReason = Literal["stop", "length", "tool_calls", "function_call"]
_FINGERPRINT = "fp_rehearsal"
_MAX_TOKENS: Final = 65_536
_TOTAL_LIMIT: Final = 131_072


class FunctionPart(Struct):
    arguments: str
    name: str | UnsetType = UNSET


class CallPart(Struct):
    index: int | UnsetType = UNSET
    id: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    function: FunctionPart | UnsetType = UNSET


class ReplyMessage(Struct):
    """A message, or a delta of one."""

    role: str | UnsetType = UNSET
    content: str | UnsetType | None = UNSET
    refusal: str | UnsetType | None = UNSET
    annotations: list[str] | UnsetType = UNSET
    tool_calls: list[CallPart] | UnsetType = UNSET
    function_call: FunctionPart | UnsetType = UNSET


class Token(Struct, kw_only=True):
    """A token that nothing else could have stood for: the model does not choose."""

    token: str
    logprob: float = 0.0
    bytes: list[int]
    top_logprobs: list["Token"] | UnsetType = UNSET


class Logprobs(Struct):
    content: list[Token]
    refusal: None = None


class Choice(Struct):
    index: int
    message: ReplyMessage | UnsetType = UNSET
    delta: ReplyMessage | UnsetType = UNSET
    logprobs: Logprobs | None = None
    finish_reason: FinishReason | None = None


class PromptDetails(Struct):
    cached_tokens: int = 0
    audio_tokens: int = 0


class CompletionDetails(Struct):
    reasoning_tokens: int = 0
    audio_tokens: int = 0
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0


class Usage(Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class Completion(Struct):
    """A `chat.completion`, or one `chat.completion.chunk` of it."""

    id: str
    object: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | UnsetType | None = UNSET
    service_tier: str = "default"
    system_fingerprint: str = _FINGERPRINT


@dataclass(frozen=True, slots=True)
class TokenizedCall:
    """A call's arguments in tokens. Its opening (the name) counts as one token more."""

    name: str
    arguments: list[str]


@dataclass(frozen=True, slots=True)
class TokenizedAnswer:
    """An answer cut into tokens, with the request's limits applied."""

    pieces: list[str]
    calls: list[TokenizedCall]
    finish_reason: FinishReason

    @property
    def size(self) -> int:
        return len(self.pieces) + sum(1 + len(call.arguments) for call in self.calls)


def tokenize_answer(answer: Answer, request: Request) -> TokenizedAnswer:
    """Ends the text before the first stop sequence, then everything at the token limit.

    Without a limit of the request, that of the model ends it, as a hosted model's does.
    """
    limits = [limit for limit in (request.max_completion_tokens, request.max_tokens) if limit is not None]
    limit = min(_MAX_TOKENS, _TOTAL_LIMIT // (request.n or 1), *limits)
    if answer.calls:
        return _limit_calls([TokenizedCall(c.name, tokens.split(c.arguments)) for c in answer.calls], limit)
    pieces = tokens.split(_cut_at_stop(_replace_surrogates(answer.text), request.stop))
    if len(pieces) > limit:
        return TokenizedAnswer(pieces[:limit], [], "length")
    return TokenizedAnswer(pieces, [], "stop")


def _replace_surrogates(text: str) -> str:
    """Half of a surrogate pair, which JSON can smuggle in, has no UTF-8 form."""
    return text.encode("utf-8", "replace").decode()


def _cut_at_stop(text: str, stop: str | list[str] | None) -> str:
    sequences = [stop] if isinstance(stop, str) else stop or []
    ends = [text.find(sequence) for sequence in sequences if sequence]
    return text[: min((end for end in ends if end >= 0), default=len(text))]


def _limit_calls(calls: list[TokenizedCall], limit: int) -> TokenizedAnswer:
    kept: list[TokenizedCall] = []
    left = limit
    for call in calls:
        if left <= 0:
            return TokenizedAnswer([], kept, "length")
        kept.append(TokenizedCall(call.name, call.arguments[: left - 1]))
        left -= 1 + len(call.arguments)
    return TokenizedAnswer([], kept, "length" if left < 0 else "tool_calls")


def usage(prompt_tokens: int, utterance: TokenizedAnswer, choices: int) -> Usage:
    said = utterance.size * choices
    return Usage(prompt_tokens, said, prompt_tokens + said, PromptDetails(), CompletionDetails())


class CompletionWriter:
    """Writes one answer, `n` times where so many choices are asked for; all of them say the same."""

    def __init__(self, request: Request, utterance: TokenizedAnswer, prompt_tokens: int, created: int) -> None:
        self._id = ids.chat_completion()
        self._created = created
        self._model = request.model
        self._choices = request.n or 1
        self._utterance = utterance
        self._usage = usage(prompt_tokens, utterance, self._choices)
        self._counted = bool(request.stream_options and request.stream_options.include_usage)
        self._legacy = request.is_legacy
        self._top = request.top_logprobs or 0
        self._rated = bool(request.logprobs)
        self._finish_reason: FinishReason = utterance.finish_reason
        if self._legacy and utterance.finish_reason == "tool_calls":
            self._finish_reason = "function_call"
        self._encode = msgspec.json.Encoder().encode

    def encode_completion(self) -> bytes:
        choices = [
            Choice(
                index,
                message=self._message(),
                logprobs=self._logprobs(self._utterance.pieces),
                finish_reason=self._finish_reason,
            )
            for index in range(self._choices)
        ]
        return self._encode(self._completion("chat.completion", choices, self._usage))

    def chunks(self) -> Iterator[tuple[bytes, int]]:
        """Every chunk, with how many tokens it says."""
        for index in range(self._choices):
            for delta, said in self._deltas():
                rated = self._logprobs([delta.content]) if isinstance(delta.content, str) and said else None
                yield self._chunk([Choice(index, delta=delta, logprobs=rated)]), said
            yield self._chunk([Choice(index, delta=ReplyMessage(), finish_reason=self._finish_reason)]), 0
        if self._counted:
            yield self._encode(self._completion("chat.completion.chunk", [], self._usage)), 0

    def _completion(self, kind: str, choices: list[Choice], counted: Usage | UnsetType | None) -> Completion:
        return Completion(self._id, kind, self._created, self._model, choices, counted)

    def _chunk(self, choices: list[Choice]) -> bytes:
        return self._encode(self._completion("chat.completion.chunk", choices, None if self._counted else UNSET))

    def _logprobs(self, pieces: list[str]) -> Logprobs | None:
        return Logprobs([_build_token(piece, self._top) for piece in pieces]) if self._rated else None

    def _message(self) -> ReplyMessage:
        if self._utterance.calls and self._legacy:
            call = self._utterance.calls[0]
            function = FunctionPart("".join(call.arguments), call.name)
            return ReplyMessage("assistant", None, None, [], function_call=function)
        if self._utterance.calls:
            calls = [_call_opening(call, "".join(call.arguments)) for call in self._utterance.calls]
            return ReplyMessage("assistant", None, None, [], calls)
        return ReplyMessage("assistant", "".join(self._utterance.pieces), None, [])

    def _deltas(self) -> Iterator[tuple[ReplyMessage, int]]:
        yield ReplyMessage("assistant", None if self._utterance.calls else "", None), 0
        for piece in self._utterance.pieces:
            yield ReplyMessage(content=piece), 1
        for call in self._utterance.calls[:1] if self._legacy else ():
            yield ReplyMessage(function_call=FunctionPart("", call.name)), 1
            for piece in call.arguments:
                yield ReplyMessage(function_call=FunctionPart(piece)), 1
        for index, call in enumerate(() if self._legacy else self._utterance.calls):
            yield ReplyMessage(tool_calls=[_call_opening(call, "", index)]), 1
            for piece in call.arguments:
                yield ReplyMessage(tool_calls=[CallPart(index, function=FunctionPart(piece))]), 1


def _build_token(piece: str, alternatives: int) -> Token:
    encoded = list(piece.encode())
    best = [Token(token=piece, bytes=encoded)] if alternatives else []
    return Token(token=piece, bytes=encoded, top_logprobs=best)


def _call_opening(call: TokenizedCall, arguments: str, index: int | UnsetType = UNSET) -> CallPart:
    return CallPart(index, ids.tool_call(), "function", FunctionPart(arguments, call.name))
