"""Completions of texts, as they were before there was chat. Source: operation createCompletion."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from understudy.wire.tools import LARGEST_INTEGER

Token = Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]


class StreamOptions(Struct):
    include_usage: bool | None = None


class CreateCompletionRequest(Struct, kw_only=True):
    """Members beside these are for the provider."""

    model: str
    prompt: (
        str
        | Annotated[
            list[str | Token | Annotated[list[Token], Meta(max_length=300_000)]], Meta(min_length=1, max_length=20)
        ]
    )
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    best_of: Annotated[int, Meta(ge=1, le=20)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=LARGEST_INTEGER)] | None = None
    echo: bool | None = None
    suffix: str | None = None
    logprobs: Annotated[int, Meta(ge=0, le=5)] | None = None


class TextChoice(Struct, kw_only=True):
    text: str
    index: int
    logprobs: dict[str, Any] | None = None
    finish_reason: str | None = None


class TextCompletion(Struct, kw_only=True, omit_defaults=False):
    """A whole one, or one event of a stream; `usage` is None in all but the last of those."""

    id: str
    object: str = "text_completion"
    created: int
    model: str
    choices: list[TextChoice]
    usage: Any = None
