"""Token usage, decoded from the bytes of a response without the rest of it. Knows no price."""

import re
from typing import Any, Final

import msgspec

from understudy.llm.chunks import Count
from understudy.llm.payload import DECODE_ERRORS
from understudy.llm.prices import Tokens

# The end of a subtitle's time in SubRip and WebVTT.
_SUBTITLE_END: Final = re.compile(rb"-->[ \t]*(?:([0-9]{2,4}):)?([0-5][0-9]):([0-5][0-9])[.,]([0-9]{3})")
_LAST_SUBTITLES: Final = 16 * 1024
_DECIMAL: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,20})?")


class _AudioTokens(msgspec.Struct, gc=False):
    audio_tokens: Count | None = None


class _InputTokens(msgspec.Struct, gc=False):
    cached_tokens: Count | None = None
    audio_tokens: Count | None = None
    cached_tokens_details: _AudioTokens | None = None


class _UsageCounts(msgspec.Struct, gc=False):
    """The members of chat completions and embeddings, of responses, of Anthropic's messages, and, with the details of
    `token` in the singular, of transcriptions and of realtime responses."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    prompt_tokens_details: _InputTokens | None = None
    completion_tokens_details: _AudioTokens | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    input_tokens_details: _InputTokens | None = None
    input_token_details: _InputTokens | None = None
    output_token_details: _AudioTokens | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None


class _ResponseUsage(msgspec.Struct, gc=False):
    usage: _UsageCounts | None = None


class _RealtimeEvent(msgspec.Struct, gc=False):
    response: _ResponseUsage | None = None


_decode = msgspec.json.Decoder(_ResponseUsage).decode
_decode_event = msgspec.json.Decoder(_RealtimeEvent).decode


def parse_usage(response: bytes) -> Tokens | None:
    """The usage of a response, or of a chunk of one; None if it has none. Never raises."""
    try:
        usage = _decode(response).usage
    except DECODE_ERRORS:
        return None
    return None if usage is None else _read_counts(usage)


def parse_event_usage(event: str | bytes) -> Tokens | None:
    """The usage of the response in a realtime event; None if it has none. Never raises."""
    try:
        response = _decode_event(event).response
    except DECODE_ERRORS:
        return None
    return None if response is None or response.usage is None else _read_counts(response.usage)


def _read_counts(usage: _UsageCounts) -> Tokens | None:
    prompt = usage.input_tokens if usage.prompt_tokens is None else usage.prompt_tokens
    output = usage.output_tokens if usage.completion_tokens is None else usage.completion_tokens
    if prompt is None and output is None:
        return None
    return _count_tokens(usage, prompt or 0, output or 0)


def _count_tokens(usage: _UsageCounts, prompt: int, output: int) -> Tokens:
    read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    details = usage.prompt_tokens_details or usage.input_tokens_details or usage.input_token_details
    cached = read or ((details and details.cached_tokens) or 0)
    # Anthropic's `input_tokens` exclude the tokens of its cache.
    whole = prompt + read + written
    cached = min(cached, whole)
    spoken = usage.completion_tokens_details or usage.output_token_details
    audio_input = min((details and details.audio_tokens) or 0, whole)
    audio_output = min((spoken and spoken.audio_tokens) or 0, output)
    if not audio_input and not audio_output:
        return Tokens(whole, output, cached, written)
    parts = details and details.cached_tokens_details
    audio_cached = min((parts and parts.audio_tokens) or 0, cached, audio_input)
    return Tokens(whole, output, cached, written, audio_input, audio_output, audio_cached)


class _Countable(msgspec.Struct):
    type: str = ""
    data: list[msgspec.Raw] | None = None
    duration: float | str | None = None
    usage: dict[str, Any] | None = None


_decode_countable = msgspec.json.Decoder(_Countable).decode


def count_images(response: bytes) -> int:
    """The images of a whole response; one if it does not list them as the hosted API does."""
    try:
        listed = _decode_countable(response).data
    except DECODE_ERRORS:
        return 1
    return 1 if listed is None else len(listed)


def is_finished_image(event: bytes) -> bool:
    """Whether the data of an event in a stream has a whole image, and its usage."""
    try:
        return b".completed" in event and _decode_countable(event).type.endswith(".completed")
    except DECODE_ERRORS:
        return False


def count_seconds(response: bytes) -> int:
    """The seconds of a transcribed recording, rounded up; 0 if the response does not have them."""
    try:
        counted = _decode_countable(response)
    except DECODE_ERRORS:
        return 0
    seconds = (counted.usage or {}).get("seconds", counted.duration)
    if isinstance(seconds, str) and _DECIMAL.fullmatch(seconds):  # as earlier versions of the hosted API sent it
        seconds = float(seconds)
    return -int(-seconds // 1) if isinstance(seconds, int | float) and 0 <= seconds < 1e9 else 0


def estimate_seconds(transcript: bytes, recorded: int) -> int:
    """The seconds of a recording whose transcript does not have them: those of the last subtitle, else `recorded`."""
    times = _SUBTITLE_END.findall(transcript[-_LAST_SUBTITLES:])
    if not times:
        return recorded
    hours, minutes, seconds, fraction = times[-1]
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + (int(fraction) > 0)
