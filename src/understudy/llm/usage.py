"""What an answer says that it used, read from its bytes without looking at the rest of it. Knows no price."""

import msgspec

from understudy.llm.chunks import Count
from understudy.llm.payload import DECODE_ERRORS
from understudy.llm.prices import Tokens


class _CachedTokens(msgspec.Struct, gc=False):
    cached_tokens: Count | None = None


class _UsageCounts(msgspec.Struct, gc=False):
    """In the words of chat completions and embeddings, of responses, and of Anthropic's messages."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    prompt_tokens_details: _CachedTokens | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    input_tokens_details: _CachedTokens | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None


class _ResponseUsage(msgspec.Struct, gc=False):
    usage: _UsageCounts | None = None


_decode = msgspec.json.Decoder(_ResponseUsage).decode


def parse_usage(answer: bytes) -> Tokens | None:
    """None where the answer, or the chunk of one, does not say. Never raises."""
    try:
        counts = _decode(answer).usage
    except DECODE_ERRORS:
        return None
    if counts is None:
        return None
    details = counts.prompt_tokens_details or counts.input_tokens_details
    read, written = counts.cache_read_input_tokens or 0, counts.cache_creation_input_tokens or 0
    prompt = counts.prompt_tokens if counts.prompt_tokens is not None else counts.input_tokens
    said = counts.completion_tokens if counts.completion_tokens is not None else counts.output_tokens
    if prompt is None and said is None:
        return None
    # Anthropic counts what it reads from its cache, and writes there, beside the rest of the prompt.
    whole = (prompt or 0) + read + written
    cached = read or ((details and details.cached_tokens) or 0)
    return Tokens(whole, said or 0, min(cached, whole), written)
