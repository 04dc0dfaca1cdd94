"""Encodes a reply as a chat completion: as one object, or as the chunks of a stream. Knows no conversation.

A reply is cut into tokens first, so that limits, usage and both forms agree to the token.
Source of the shapes: `CreateChatCompletionResponse` and `CreateChatCompletionStreamResponse`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from understudy import ids
from understudy.llm import tokens
from understudy.llm.rehearsal.conversation import Call
from understudy.llm.rehearsal.request import Request

_MAX_TOKENS: Final = 65_536
_MAX_TOTAL_TOKENS: Final = 131_072
_COMPLETION_DETAILS: Final = dict.fromkeys(
    ("reasoning_tokens", "audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"), 0
)

Json = dict[str, Any]


class TokenizedCall(NamedTuple):
    """A call whose arguments are tokens. Its name counts as one more."""

    name: str
    arguments: list[str]


class TokenizedReply(NamedTuple):
    """A text or calls in tokens, with the limits of the request applied."""

    pieces: list[str]
    calls: list[TokenizedCall]
    finish_reason: str

    @property
    def size(self) -> int:
        return len(self.pieces) + sum(1 + len(call.arguments) for call in self.calls)


def tokenize_reply(text: str, calls: Sequence[Call], request: Request) -> TokenizedReply:
    """Cuts the text before the first stop sequence, then everything at the token limit.

    Without a limit of the request the model's own applies, as with a hosted model.
    """
    limits = [limit for limit in (request.max_completion_tokens, request.max_tokens) if limit is not None]
    limit = min(_MAX_TOKENS, _MAX_TOTAL_TOKENS // (request.n or 1), *limits)
    if calls:
        return _limit_calls([TokenizedCall(call.name, tokens.split(call.arguments)) for call in calls], limit)
    # Half of a surrogate pair, which JSON can smuggle in, has no UTF-8 form.
    pieces = tokens.split(_cut_at_stop(text.encode("utf-8", "replace").decode(), request.stop))
    return TokenizedReply(pieces[:limit], [], "length" if len(pieces) > limit else "stop")


def _cut_at_stop(text: str, stop: str | list[str] | None) -> str:
    sequences = [stop] if isinstance(stop, str) else stop or []
    ends = [text.find(sequence) for sequence in sequences if sequence]
    return text[: min((end for end in ends if end >= 0), default=len(text))]


def _limit_calls(calls: list[TokenizedCall], limit: int) -> TokenizedReply:
    within: list[TokenizedCall] = []
    remaining = limit
    for call in calls:
        if remaining <= 0:
            return TokenizedReply([], within, "length")
        within.append(TokenizedCall(call.name, call.arguments[: remaining - 1]))
        remaining -= 1 + len(call.arguments)
    return TokenizedReply([], within, "length" if remaining < 0 else "tool_calls")


class CompletionWriter:
    """Encodes one reply, `n` times where the request sets `n`; all choices are equal."""

    def __init__(self, request: Request, reply: TokenizedReply, prompt_tokens: int, created: int) -> None:
        self._reply = reply
        self._choices = request.n or 1
        self._streams_usage = bool((request.stream_options or {}).get("include_usage"))
        self._is_legacy = bool(request.functions)
        self._alternatives = request.top_logprobs or 0
        self._has_logprobs = bool(request.logprobs)
        is_legacy_call = self._is_legacy and reply.finish_reason == "tool_calls"
        self._finish_reason = "function_call" if is_legacy_call else reply.finish_reason
        size = reply.size * self._choices
        self._usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": size,
            "total_tokens": prompt_tokens + size,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": _COMPLETION_DETAILS,
        }
        self._head = {"id": ids.chat_completion(), "object": "", "created": created, "model": request.model}
        self._tail = {"service_tier": "default", "system_fingerprint": "fp_rehearsal"}
        self._encode = msgspec.json.Encoder().encode

    def encode_completion(self) -> bytes:
        rest = {"logprobs": self._build_logprobs(self._reply.pieces), "finish_reason": self._finish_reason}
        choices = [{"index": index, "message": self._build_message(), **rest} for index in range(self._choices)]
        body = {**self._head, "object": "chat.completion", "choices": choices, "usage": self._usage}
        return self._encode(body | self._tail)

    def encode_chunks(self) -> Iterator[tuple[bytes, int]]:
        """Every chunk with its number of tokens."""
        usage = {"usage": None} if self._streams_usage else {}
        for index in range(self._choices):
            for delta, size in self._deltas():
                logprobs = self._build_logprobs([delta["content"]]) if size and "content" in delta else None
                choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None}
                yield self._encode_chunk([choice], usage), size
            choice = {"index": index, "delta": {}, "logprobs": None, "finish_reason": self._finish_reason}
            yield self._encode_chunk([choice], usage), 0
        if self._streams_usage:
            yield self._encode_chunk([], {"usage": self._usage}), 0

    def _encode_chunk(self, choices: list[Json], usage: Json) -> bytes:
        return self._encode(
            {**self._head, "object": "chat.completion.chunk", "choices": choices, **usage, **self._tail}
        )

    def _build_logprobs(self, pieces: list[str]) -> Json | None:
        """Log probabilities of 0: the model samples nothing."""
        if not self._has_logprobs:
            return None
        rated = [{"token": piece, "logprob": 0.0, "bytes": list(piece.encode())} for piece in pieces]
        content = [{**token, "top_logprobs": [token] if self._alternatives else []} for token in rated]
        return {"content": content, "refusal": None}

    def _build_message(self) -> Json:
        calls = self._reply.calls
        message: Json = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
        if not calls:
            return message | {"content": "".join(self._reply.pieces)}
        if self._is_legacy:
            return message | {"function_call": _build_call(calls[0], "".join(calls[0].arguments))["function"]}
        return message | {"tool_calls": [_build_call(call, "".join(call.arguments)) for call in calls]}

    def _deltas(self) -> Iterator[tuple[Json, int]]:
        calls = self._reply.calls
        yield {"role": "assistant", "content": None if calls else "", "refusal": None}, 0
        for piece in self._reply.pieces:
            yield {"content": piece}, 1
        for index, call in enumerate(calls[:1] if self._is_legacy else calls):
            opening = _build_call(call, "")
            for part in (opening, *({"function": {"arguments": piece}} for piece in call.arguments)):
                yield self._build_call_delta(index, part), 1

    def _build_call_delta(self, index: int, part: Json) -> Json:
        return {"function_call": part["function"]} if self._is_legacy else {"tool_calls": [{"index": index, **part}]}


def _build_call(call: TokenizedCall, arguments: str) -> Json:
    return {"id": ids.tool_call(), "type": "function", "function": {"arguments": arguments, "name": call.name}}
