"""Models as the rest of the program asks them: by id, with retries and fallbacks. Knows no HTTP and no dialect."""

import asyncio
import math
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

import msgspec

from understudy.clock import Clock
from understudy.errors import UpstreamError, UpstreamFault
from understudy.llm import messages_request, messages_response, remote_urls, sampling
from understudy.llm.anthropic import AnthropicProvider
from understudy.llm.connection import deadline_exceeded
from understudy.llm.messages_request import MessageBody
from understudy.llm.models import Catalog, Route, Target
from understudy.llm.openai import AzureProvider, OpenAIProvider
from understudy.llm.payload import DECODE_ERRORS
from understudy.llm.provider import ChatBody, MessagesProvider, ModelCard, Provider
from understudy.settings import ProviderSettings

T = TypeVar("T")

RETRYABLE: frozenset[UpstreamFault] = frozenset({"rate_limited", "timeout", "unreachable", "server_error"})

_FIRST_DELAY = 0.5
_MAX_DELAY = 8.0
_MAX_RETRY_AFTER = 30.0
"""Seconds; a provider that wants to be left alone for longer is not waited for."""

_MAX_ALTERNATIVES = 5
"""Models that the refusal of an unknown one names."""

_MAX_BUFFERED_CHUNKS = 16
"""Chunks without content that are held back while another attempt is still possible."""

PROVIDER_TYPES: dict[str, Callable[[str, ProviderSettings, Clock], Provider]] = {
    "openai": OpenAIProvider,
    "azure": AzureProvider,
    "anthropic": AnthropicProvider,
}
"""What makes a provider of each kind that the settings know."""


class Models:
    """Every model that the settings give access to, and the embedded one where `rehearsal` is not None.

    `known_windows` are context windows by the ids that clients use. `chat_seconds` is the time that one answer may take
    with all its attempts, unless its asker has a deadline of its own. `private_urls`: providers may be sent
    URLs that are not public. `chance` and `sleep` serve the waits between
    attempts.
    """

    def __init__(
        self,
        providers: Mapping[str, ProviderSettings],
        rehearsal: Provider | None,
        clock: Clock,
        *,
        known_windows: Mapping[str, int] | None = None,
        chat_seconds: float = math.inf,
        private_urls: bool = False,
        chance: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        built = {
            name: (PROVIDER_TYPES[settings.kind](name, settings, clock), settings)
            for name, settings in providers.items()
        }
        self._catalog = Catalog(built, rehearsal, clock, known_windows)
        self._chat_seconds = chat_seconds
        self._private_urls = private_urls
        self._chance = chance or random.Random()  # noqa: S311 - it spreads retries and guards nothing
        self._sleep = sleep

    async def find(self, model: str) -> Route | None:
        """None where the model is certainly unknown, so that its use can be refused early. Takes at most 2 seconds."""
        return await self._catalog.find(model)

    async def supports_logprobs(self, model: str) -> bool:
        """Whether a provider of the model has a word for log probabilities; the Messages API has none."""
        route = await self.find(model)
        return route is None or any(not isinstance(target.provider, MessagesProvider) for target in route.targets)

    def suggest_models(self, model: str) -> str:
        """A sentence that names a few models that exist, for refusals; empty where none is known."""
        found, count = self._catalog.nearest(model, _MAX_ALTERNATIVES)
        if not found:
            return ""
        more = f" and {count - len(found)} more, see GET /v1/models" if count > len(found) else ""
        return f" Models of this server: {', '.join(map(repr, found))}{more}."

    def window(self, model: str) -> int:
        """The model's context window in tokens, as far as it is known."""
        return self._catalog.window(model)

    @property
    def has_stand_ins(self) -> bool:
        """Whether the embedded model answers for ids of hosted models."""
        return self._catalog.has_stand_ins

    def is_stand_in(self, model: str) -> bool:
        """Whether the embedded model answers for this id of a hosted model."""
        return self._catalog.is_stand_in(model)

    def names_and_url(self, model: str) -> tuple[tuple[str, ...], str | None]:
        """The names that a price may be found under, and the base URL of the provider that answers first."""
        return self._catalog.names_and_url(model)

    def is_embedded(self, model: str) -> bool:
        """Whether the embedded model answers for this id, its own or one of a hosted model."""
        return self._catalog.is_embedded(model)

    def has_vision(self, model: str) -> bool:
        """Whether it takes images, as far as any of its names tells."""
        return any(sampling.has_vision(name) for name in self._catalog.names_and_url(model)[0])

    def aliases(self, model: str) -> Sequence[str]:
        """Other ids that lead to the same model."""
        return self._catalog.aliases(model)

    async def complete(self, body: ChatBody) -> bytes:
        """The encoded `chat.completion`. Raises UpstreamError: the first provider's, once nothing is left to try."""
        async with self._deadline_scope():
            targets = await self._targets(body)
            return await self._with_retries(
                targets, lambda target: target.provider.complete({**body, "model": target.model})
            )

    async def embed(self, body: ChatBody, *, fallbacks: bool = True) -> bytes:
        """The encoded list of embeddings. Without `fallbacks` from no other model: its vectors would not compare.

        Raises UpstreamError as `complete` does.
        """
        async with self._deadline_scope():
            targets = await self._targets(body)
            allowed = targets if fallbacks else targets[:1]
            return await self._with_retries(
                allowed, lambda target: target.provider.embed({**body, "model": target.model})
            )

    async def message(self, body: MessageBody, betas: str = "") -> bytes:
        """The encoded message that answers the body of `POST /messages`, whatever its provider speaks.

        `betas` is what an `anthropic-beta` header asked for, of providers that know it.
        """

        async def ask(target: Target) -> bytes:
            asked = {**body, "model": target.model}
            if isinstance(target.provider, MessagesProvider):
                return await target.provider.message(asked, betas)
            return msgspec.json.encode(
                messages_response.from_chat(await target.provider.complete(messages_request.to_chat(asked)), asked)
            )

        async with self._deadline_scope():
            return await self._with_retries(await self._targets(body), ask)

    async def count_tokens(self, body: MessageBody, betas: str = "") -> int:
        """The input tokens of the body of `POST /messages`; about, where the provider cannot be asked."""

        async def ask(target: Target) -> int:
            asked = {**body, "model": target.model}
            if isinstance(target.provider, MessagesProvider):
                return await target.provider.count_tokens(asked, betas)
            return await asyncio.to_thread(messages_request.count, asked)

        async with self._deadline_scope():
            return await self._with_retries(await self._targets(body), ask)

    def message_stream(self, body: MessageBody, betas: str = "") -> "Stream":
        """The events of a message, framed. As in `stream`, a fault after the first content is raised."""

        deadline = self._deadline()

        def ask(target: Target) -> AsyncIterator[Sequence[bytes]]:
            asked = {**body, "model": target.model}
            if isinstance(target.provider, MessagesProvider):
                return target.provider.message_stream(asked, betas, deadline)
            return messages_response.stream_events(
                target.provider.stream(messages_request.to_chat(asked), deadline), asked
            )

        return Stream(self._open_stream(body, ask, lambda event: not messages_response.is_preamble(event), deadline))

    def stream(self, body: ChatBody, *, bounded: bool = True) -> "Stream":
        """The encoded chunks. After one with content was handed out, a fault is raised and never retried.

        `bounded` false is for an asker that has a deadline of its own.
        """
        deadline = self._deadline() if bounded else math.inf

        def ask(target: Target) -> AsyncIterator[Sequence[bytes]]:
            return target.provider.stream({**body, "model": target.model}, deadline)

        return Stream(self._open_stream(body, ask, _has_content, deadline))

    async def list(self) -> list[ModelCard]:
        """Sorted by id."""
        return await self._catalog.list()

    async def get(self, model: str) -> ModelCard | None:
        return await self._catalog.get(model)

    async def close(self) -> None:
        await self._catalog.close()

    async def _with_retries(self, targets: tuple[Target, ...], ask: Callable[[Target], Awaitable[T]]) -> T:
        attempts = _Attempts(targets, self._chance)
        for target in attempts:
            try:
                return await ask(target)
            except UpstreamError as error:
                delay = attempts.record_failure(error)
            await self._sleep(delay)
        raise attempts.error

    async def _open_stream(
        self,
        body: ChatBody,
        ask: Callable[[Target], AsyncIterator[Sequence[bytes]]],
        has_content: Callable[[bytes], bool],
        deadline: float,
    ) -> tuple[Sequence[bytes], AsyncIterator[Sequence[bytes]]]:
        """A stream that has come to its first content: the chunks so far, and the rest."""

        async def begin(target: Target) -> tuple[Sequence[bytes], AsyncIterator[Sequence[bytes]]]:
            stream = ask(target)
            return await _read_until_content(stream, has_content), stream

        async with _Until(deadline):
            return await self._with_retries(await self._targets(body), begin)

    def _deadline(self) -> float:
        """The time of the event loop at which what begins now must be over."""
        return asyncio.get_running_loop().time() + self._chat_seconds

    def _deadline_scope(self) -> "_Until":
        return _Until(self._deadline())

    async def _targets(self, body: ChatBody) -> tuple[Target, ...]:
        if not self._private_urls:
            remote_urls.check_urls(body)
        model = str(body.get("model") or "")
        route = await self._catalog.find(model)
        if route is None:
            raise UpstreamError(
                "model_not_found",
                f"The model {model!r} does not exist or you do not have access to it.{self.suggest_models(model)}",
                status=404,
                code="model_not_found",
                param="model",
            )
        return route.targets


class _Until:
    """Raises UpstreamError(timeout) once it is later than the deadline.

    A class: a generator of `asynccontextmanager` would cost each request twice as much.
    """

    __slots__ = ("_timeout",)

    def __init__(self, deadline: float) -> None:
        self._timeout = None if deadline == math.inf else asyncio.timeout_at(deadline)

    async def __aenter__(self) -> None:
        if self._timeout is not None:
            await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timeout is None:
            return
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise deadline_exceeded() from None
        if isinstance(error, TimeoutError) and self._timeout.expired():
            raise deadline_exceeded() from None


class Stream:
    """Encoded chunks, those that came together in one sequence. Closing it closes the provider's connection.

    A generator around the provider's own would stand on the way of every delta.
    """

    def __init__(self, begun: Coroutine[Any, Any, tuple[Sequence[bytes], AsyncIterator[Sequence[bytes]]]]) -> None:
        self._open_stream = begun
        self._remaining: AsyncIterator[Sequence[bytes]] | None = None

    def __aiter__(self) -> "Stream":
        return self

    def __anext__(self) -> Awaitable[Sequence[bytes]]:
        return self._read_opening() if self._remaining is None else self._remaining.__anext__()

    async def aclose(self) -> None:
        self._open_stream.close()
        if self._remaining is not None:
            await _close_stream(self._remaining)

    async def _read_opening(self) -> Sequence[bytes]:
        opening, self._remaining = await self._open_stream
        return opening


class _Attempts:
    """Iterates over the target of each next attempt, as the outcome of the last one leaves it open."""

    def __init__(self, targets: tuple[Target, ...], chance: random.Random) -> None:
        self._targets = targets
        self._chance = chance
        self._position = 0
        self._attempts_made = 0
        self._first_error: UpstreamError | None = None

    def __iter__(self) -> Iterator[Target]:
        while self._position < len(self._targets):
            yield self._targets[self._position]

    @property
    def error(self) -> UpstreamError:
        assert self._first_error is not None
        return self._first_error

    def record_failure(self, error: UpstreamError) -> float:
        """Seconds to wait before the next attempt. Raises the error where it is the request's own fault."""
        if error.kind == "invalid_request":
            raise error
        self._first_error = self._first_error or error
        delay = self._delay(error.retry_after)
        if (
            error.kind in RETRYABLE
            and self._attempts_made < self._targets[self._position].retries
            and delay is not None
        ):
            self._attempts_made += 1
            return delay
        self._position += 1
        self._attempts_made = 0
        return 0.0

    def _delay(self, retry_after: float | None) -> float | None:
        """None where the provider asks for more time than is worth waiting."""
        if retry_after is not None and retry_after > _MAX_RETRY_AFTER:
            return None
        backoff: float = min(_FIRST_DELAY * 2**self._attempts_made, _MAX_DELAY) * self._chance.uniform(0.5, 1.0)
        return max(backoff, retry_after or 0.0)


class _Choice(msgspec.Struct, gc=False):
    delta: dict[str, Any] | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: Any = None


_decoder = msgspec.json.Decoder(_Chunk)


async def _read_until_content(
    stream: AsyncIterator[Sequence[bytes]], has_content: Callable[[bytes], bool]
) -> list[bytes]:
    """The chunks up to the first with content. Closes the stream where it fails before."""
    held: list[bytes] = []
    try:
        async for together in stream:
            held += together
            if len(held) > _MAX_BUFFERED_CHUNKS or any(has_content(chunk) for chunk in together):
                break
    except BaseException:
        await _close_stream(stream)
        raise
    return held


def _has_content(chunk: bytes) -> bool:
    """Whether a chunk says more than who speaks, so that an attempt after it would say it again."""
    try:
        parsed = _decoder.decode(chunk)
    except DECODE_ERRORS:
        raise UpstreamError("malformed", "The upstream sent a chunk that is not one of a chat completion.") from None
    return bool(parsed.usage) or any(
        choice.finish_reason or any(value for key, value in (choice.delta or {}).items() if key != "role")
        for choice in parsed.choices or ()
    )


async def _close_stream(stream: AsyncIterator[Sequence[bytes]]) -> None:
    if isinstance(stream, AsyncGenerator):
        await stream.aclose()
