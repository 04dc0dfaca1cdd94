"""The members of completions and chunks that the program uses, with their bounds. Others are ignored.

Whatever decodes here is valid; `llm/repair.py` repairs the rest.
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from understudy.errors import UpstreamError
from understudy.llm.payload import DECODE_ERRORS, MAX_TOKEN_COUNT

MAX_TOOL_CALLS: Final = 128
"""Tool calls of one completion; the limit of tools of the hosted API."""

MAX_CHOICES: Final = 128
MAX_TIMESTAMP: Final = 253_402_300_799
"""The end of the year 9999, in Unix seconds."""

Count = Annotated[int, Meta(ge=0, le=MAX_TOKEN_COUNT)]
ChoiceIndex = Annotated[int, Meta(ge=0, lt=MAX_CHOICES)]


class FunctionFragment(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class ToolCallFragment(msgspec.Struct, gc=False):
    index: Annotated[int, Meta(ge=0, lt=MAX_TOOL_CALLS)] | None = None
    id: str | None = None
    function: FunctionFragment | None = None


class Delta(msgspec.Struct, gc=False):
    content: str | None = None
    refusal: str | None = None
    tool_calls: Annotated[list[ToolCallFragment], Meta(max_length=MAX_TOOL_CALLS)] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    phase: Any = None


class TokenLogprob(msgspec.Struct, gc=False):
    token: str
    logprob: float
    bytes: list[Annotated[int, Meta(ge=0, le=255)]] | None = None
    top_logprobs: list["TokenLogprob"] | None = None


class Logprobs(msgspec.Struct, gc=False):
    content: list[TokenLogprob] | None = None
    refusal: list[TokenLogprob] | None = None


class Choice(msgspec.Struct, gc=False):
    delta: Delta | None = None
    finish_reason: str | None = None
    index: ChoiceIndex = 0
    logprobs: Logprobs | None = None


class InputDetails(msgspec.Struct, gc=False):
    cached_tokens: Count | None = None
    audio_tokens: Count | None = None


class OutputDetails(msgspec.Struct, gc=False):
    reasoning_tokens: Count | None = None
    audio_tokens: Count | None = None
    accepted_prediction_tokens: Count | None = None
    rejected_prediction_tokens: Count | None = None


class TokenCounts(msgspec.Struct, gc=False):
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None

    def __post_init__(self) -> None:
        """Cached tokens are part of the prompt: clients subtract them from it."""
        details = self.prompt_tokens_details
        if details is not None and details.cached_tokens and self.prompt_tokens is not None:
            details.cached_tokens = min(details.cached_tokens, self.prompt_tokens)


class Chunk(msgspec.Struct, gc=False):
    choices: Annotated[list[Choice], Meta(max_length=MAX_CHOICES)] | None = None
    usage: TokenCounts | None = None
    model: str | None = None
    id: str | None = None
    created: Annotated[int, Meta(ge=0, le=MAX_TIMESTAMP)] | None = None
    object: str | None = None
    error: Any = None


class WholeChoice(msgspec.Struct, gc=False):
    message: Delta
    finish_reason: str | None = None
    index: ChoiceIndex = 0
    logprobs: Logprobs | None = None


class Completion(msgspec.Struct, gc=False):
    choices: Annotated[list[WholeChoice], Meta(max_length=MAX_CHOICES)]
    usage: TokenCounts | None = None
    model: str | None = None
    id: str | None = None
    created: Annotated[int, Meta(ge=0, le=MAX_TIMESTAMP)] | None = None
    error: Any = None


_chunk_decoder = msgspec.json.Decoder(Chunk)
_completion_decoder = msgspec.json.Decoder(Completion)


def parse_valid_chunk(payload: bytes) -> Chunk | None:
    """None if a member has an invalid value, or the payload is not JSON."""
    try:
        return _chunk_decoder.decode(payload)
    except DECODE_ERRORS:
        return None


def parse_valid_completion(data: bytes) -> Completion | None:
    """None if a member has an invalid value, or the data is not JSON."""
    try:
        return _completion_decoder.decode(data)
    except DECODE_ERRORS:
        return None


def decode(payload: bytes) -> Chunk:
    """Raises UpstreamError(malformed) if the payload is not a chunk."""
    try:
        return _chunk_decoder.decode(payload)
    except DECODE_ERRORS as error:
        raise UpstreamError("malformed", f"The upstream sent a malformed chat completion chunk: {error}") from None
