"""The span of a model call: one for all its attempts, ended with the reply or the end of its stream.

Names and attributes are those of the semantic conventions for generative AI. A stream is observed only if it is traced.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from understudy import tracing
from understudy.errors import UpstreamError
from understudy.llm.models import Target
from understudy.llm.payload import DECODE_ERRORS
from understudy.llm.usage import parse_usage

Operation = Literal["chat", "embeddings", "rerank", "count_tokens", "relay", "realtime"]

_VENDORS: Final = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "openai.azure.com": "azure.ai.openai",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "api.mistral.ai": "mistral_ai",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.x.ai": "x_ai",
    "api.cohere.com": "cohere",
    "api.perplexity.ai": "perplexity",
    "api.moonshot.ai": "moonshot_ai",
}
"""The names of the semantic conventions by host; other providers have their names of the settings."""
_PARAMETERS: Final = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
    "n": "gen_ai.request.choice.count",
    "reasoning_effort": "gen_ai.request.reasoning.level",
}

# Most chunks of some providers have both members with null; some write blanks behind colons.
_HAS_RESULT: Final = re.compile(rb'"usage":\s*\{|"(?:finish|stop)_reason":\s*"')


class _Text(msgspec.Struct, gc=False):
    content: Any = None


class _Choice(msgspec.Struct, gc=False):
    finish_reason: str | None = None
    message: _Text | None = None
    delta: _Text | None = None


class _Reply(msgspec.Struct, gc=False):
    """The members of a chat completion, of a chunk of one, and of a message."""

    id: str | None = None
    model: str | None = None
    choices: list[_Choice] = []
    stop_reason: str | None = None


_decode = msgspec.json.Decoder(_Reply).decode


class CallSpan:
    """The span of one call. `end` may be called twice."""

    def __init__(self, span: tracing.Span) -> None:
        self.span = span
        self._texts: list[str] | None = [] if tracing.captures_content() else None
        self._ended = False

    def record_attempts(self, count: int) -> None:
        if count > 1:
            self.span.set("understudy.attempts", count)

    def record_reply(self, reply: bytes) -> None:
        """Adds what a reply or a chunk of one has: usage, model, finish reasons, and its text if that is captured."""
        if (tokens := parse_usage(reply)) is not None:
            self.span.set("gen_ai.usage.input_tokens", tokens.input)
            self.span.set("gen_ai.usage.output_tokens", tokens.output)
            if tokens.cached:
                self.span.set("gen_ai.usage.cache_read.input_tokens", tokens.cached)
        try:
            parsed = _decode(reply)
        except DECODE_ERRORS:
            return
        if parsed.model:
            self.span.set("gen_ai.response.model", parsed.model)
        if parsed.id:
            self.span.set("gen_ai.response.id", parsed.id)
        reasons = [choice.finish_reason for choice in parsed.choices if choice.finish_reason]
        if reasons or parsed.stop_reason:
            self.span.set("gen_ai.response.finish_reasons", reasons or [str(parsed.stop_reason)])
        self._record_text(parsed.choices)

    def record_chunks(self, chunks: Sequence[bytes]) -> None:
        """As `record_reply`, for those of the chunks that have more than a delta."""
        for chunk in chunks:
            if self._texts is not None or _HAS_RESULT.search(chunk):
                self.record_reply(chunk)

    def _record_text(self, choices: Sequence[_Choice]) -> None:
        if self._texts is None:
            return
        for choice in choices:
            part = choice.message or choice.delta
            if part is not None and isinstance(part.content, str):
                self._texts.append(part.content)

    def fail(self, error: BaseException) -> None:
        self.span.fail(error.kind if isinstance(error, UpstreamError) else type(error).__name__)

    def end(self) -> None:
        if self._ended:
            return
        self._ended = True
        if self._texts:
            output = {"role": "assistant", "content": "".join(self._texts)}
            self.span.set("gen_ai.output.messages", _render_messages([output]))
        self.span.end()


class TracedStream:
    """The rest of a stream, whose end is that of the call's span. `opening` are the chunks before it."""

    def __init__(self, call: CallSpan, opening: Sequence[bytes], stream: AsyncIterator[Sequence[bytes]]) -> None:
        call.record_chunks(opening)
        self._call = call
        self._stream = stream

    def __aiter__(self) -> "TracedStream":
        return self

    async def __anext__(self) -> Sequence[bytes]:
        try:
            chunks = await self._stream.__anext__()
        except StopAsyncIteration:
            self._call.end()
            raise
        except BaseException as error:
            self._call.fail(error)
            self._call.end()
            raise
        self._call.record_chunks(chunks)
        return chunks

    async def aclose(self) -> None:
        self._call.end()
        if (close := getattr(self._stream, "aclose", None)) is not None:
            await close()


def start_call(operation: Operation, targets: Sequence[Target], body: Mapping[str, Any]) -> CallSpan | None:
    """The span of a call that begins now; None without a tracer."""
    if not tracing.is_enabled() or not targets:
        return None
    model, provider = str(body.get("model") or targets[0].model), targets[0].provider
    address = urlsplit(getattr(provider, "base_url", ""))
    host = address.hostname or ""
    attributes: dict[str, tracing.Value] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _find_vendor(host) or provider.name,
        "gen_ai.request.model": model,
    }
    if host:
        attributes["server.address"] = host
        attributes["server.port"] = address.port or (443 if address.scheme == "https" else 80)
    for name, attribute in _PARAMETERS.items():
        if isinstance(value := body.get(name), int | float | str):
            attributes[attribute] = value
    if body.get("stream"):
        attributes["gen_ai.request.stream"] = True
    if tracing.captures_content() and isinstance(messages := body.get("messages"), list):
        attributes["gen_ai.input.messages"] = _render_messages(messages)
    span = tracing.start(f"{operation} {model}", "client" if host else "internal", attributes)
    return None if span is None else CallSpan(span)


def _find_vendor(host: str) -> str:
    return next((name for suffix, name in _VENDORS.items() if f".{host}".endswith(f".{suffix}")), "")


def _render_messages(messages: Sequence[Any]) -> str:
    """Messages in the form of the semantic conventions, as JSON; parts other than text have only their type."""
    rendered = [
        {"role": str(message.get("role", "")), "parts": _render_parts(message.get("content"))}
        for message in messages
        if isinstance(message, Mapping)
    ]
    return msgspec.json.encode(rendered).decode()


def _render_parts(content: Any) -> list[dict[str, str]]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    return [_render_part(part) for part in parts]


def _render_part(part: Mapping[str, Any]) -> dict[str, str]:
    text = part.get("text")
    return {"type": "text", "content": text} if isinstance(text, str) else {"type": str(part.get("type"))}
