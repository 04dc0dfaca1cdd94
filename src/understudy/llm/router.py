"""Models by id: what is known of each, and each kind of call, as one of `calls`. Knows no HTTP and no dialect."""

import asyncio
import copy
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from understudy.clock import Clock
from understudy.errors import UpstreamError
from understudy.llm import messages_request, messages_response, messages_stream, relay, remote_urls, sampling
from understudy.llm.anthropic import AnthropicProvider
from understudy.llm.calls import Calls, StartStream
from understudy.llm.circuits import Circuits
from understudy.llm.deadlines import DeadlineScope
from understudy.llm.messages_request import MessageBody
from understudy.llm.models import Catalog, Route, Target
from understudy.llm.openai import AzureProvider, OpenAIProvider
from understudy.llm.provider import ChatBody, MessagesProvider, ModelCard, Provider, RerankingProvider
from understudy.llm.provider_models import ProviderModels
from understudy.llm.realtime import RealtimeCall, RealtimeConnection, RealtimeProvider
from understudy.llm.relay import RelayBody, Relayed, RelayingProvider
from understudy.llm.reranking import Reranking
from understudy.llm.stream import Opening, Stream, has_content
from understudy.settings import ProviderSettings

_MAX_ALTERNATIVES = 5
"""Models that the error for an unknown model names."""

PROVIDER_TYPES: dict[str, Callable[[str, ProviderSettings, Clock], Provider]] = {
    "openai": OpenAIProvider,
    "azure": AzureProvider,
    "anthropic": AnthropicProvider,
}
"""The provider class of each `kind` in the settings."""


class Models:
    """All models of the settings, and the embedded model unless `rehearsal` is None.

    `context_windows` are tokens by the ids that clients use. `chat_seconds` limits one call with all its attempts,
    unless the caller has a deadline of its own. `private_urls` allows requests with URLs that are not public. `chance`
    and `sleep` serve the backoff between attempts, and `monotonic` the time for which a failing model is tried last.
    """

    def __init__(
        self,
        providers: Mapping[str, ProviderSettings],
        rehearsal: Provider | None,
        clock: Clock,
        *,
        context_windows: Mapping[str, int] | None = None,
        chat_seconds: float = math.inf,
        private_urls: bool = False,
        chance: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        built = {
            name: (PROVIDER_TYPES[settings.kind](name, settings, clock), settings)
            for name, settings in providers.items()
        }
        self._relays = any(isinstance(provider, RelayingProvider) for provider, _ in built.values())
        self._catalog = Catalog(built, rehearsal, clock, context_windows)
        self._replaced: dict[Catalog, asyncio.Task[None]] = {}
        self._chat_seconds = chat_seconds
        self._private_urls = private_urls
        random_ = chance or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._calls = Calls(Circuits(monotonic), random_, sleep)
        self._pinned: Models | None = None

    def adopt(self, other: "Models", seconds: float) -> None:
        """Takes over the models of `other`. The replaced providers are closed after `seconds`, or with these models."""
        before = self._catalog
        self._catalog = other.release()
        self._pinned = None
        self._relays = other._relays  # noqa: SLF001 - of this class
        self._calls.circuits = other._calls.circuits  # noqa: SLF001 - of this class
        self._replaced[before] = asyncio.create_task(self._close_later(before, seconds))

    def release(self) -> Catalog:
        """The routes to the providers, which their next owner closes."""
        return self._catalog

    def pin(self) -> "Models":
        """The models as they are now, for a run that uses them until its end, whatever is adopted meanwhile."""
        if self._pinned is None:
            self._pinned = copy.copy(self)
        return self._pinned

    def limit_calls(self, chat_seconds: float, *, private_urls: bool) -> None:
        """Replaces the limits of later calls."""
        self._chat_seconds = chat_seconds
        self._private_urls = private_urls
        self._pinned = None

    def has_provider(self, name: str) -> bool:
        """Whether the settings have a provider of the name."""
        return self._catalog.has_provider(name)

    def list_providers(self) -> list[ProviderModels]:
        """In the order of the settings, without the embedded model."""
        return self._catalog.list_providers()

    def list_skipped(self) -> dict[str, list[str]]:
        """The providers' own ids of the models that calls with fallbacks try last now, by provider."""
        return self._calls.circuits.list_open()

    async def find(self, model: str) -> Route | None:
        """The model's route; None if no provider can have it. Waits at most 2 s for lists."""
        return await self._catalog.find(model)

    async def check_realtime(self, model: str) -> None:
        """Raises UpstreamError for a model that no provider with a realtime endpoint has."""
        if not self._relays:
            raise relay.no_provider("realtime")
        targets = await self._targets({"model": model})
        if not any(isinstance(target.provider, RealtimeProvider) for target in targets):
            raise relay.unsupported(model, targets[0].provider.name, "realtime")

    def check_event_urls(self, event: Mapping[str, Any]) -> None:
        """Raises UpstreamError for an event of a realtime session with a URL that the provider must not fetch."""
        if not self._private_urls:
            remote_urls.check_event(event)

    async def find_at(self, model: str, provider: str) -> str | None:
        """The provider's own id of a model; None if the model is not, or not there."""
        route = await self.find(model)
        targets = () if route is None else route.targets
        return next((target.model for target in targets if target.provider.name == provider), None)

    async def supports_logprobs(self, model: str) -> bool:
        """Whether a provider of the model supports log probabilities, which the Messages API does not."""
        route = await self.find(model)
        return route is None or any(not isinstance(target.provider, MessagesProvider) for target in route.targets)

    async def can_relay(self, model: str) -> bool:
        """Whether a provider of the model has endpoints beside chat."""
        route = await self.find(model) if self._relays else None
        return route is not None and any(isinstance(target.provider, RelayingProvider) for target in route.targets)

    def suggest_models(self, model: str) -> str:
        """A sentence with a few existing models, for error messages; empty without any."""
        nearest, count = self._catalog.nearest(model, _MAX_ALTERNATIVES)
        if not nearest:
            return ""
        more = f" and {count - len(nearest)} more, see GET /v1/models" if count > len(nearest) else ""
        return f" Models of this server: {', '.join(map(repr, nearest))}{more}."

    def window(self, model: str) -> int:
        """The model's context window in tokens, or a default."""
        return self._catalog.window(model)

    @property
    def has_stand_ins(self) -> bool:
        """Whether the embedded model replaces hosted models."""
        return self._catalog.has_stand_ins

    def is_stand_in(self, model: str) -> bool:
        """Whether the embedded model replaces the hosted model of this id."""
        return self._catalog.is_stand_in(model)

    def names_and_url(self, model: str) -> tuple[tuple[str, ...], str | None]:
        """The ids to look up a price by, and the base URL of the first provider."""
        return self._catalog.names_and_url(model)

    def is_embedded(self, model: str) -> bool:
        """Whether the embedded model serves this id, its own or one of a hosted model."""
        return self._catalog.is_embedded(model)

    def has_vision(self, model: str) -> bool:
        """Whether it accepts images, judged by its ids."""
        return any(sampling.has_vision(name) for name in self._catalog.names_and_url(model)[0])

    def aliases(self, model: str) -> Sequence[str]:
        """Other ids of the same model."""
        return self._catalog.aliases(model)

    async def complete(self, body: ChatBody) -> bytes:
        """The encoded `chat.completion`. Raises UpstreamError: that of the first attempt, after the last one."""
        with self._deadline_scope():
            targets = await self._targets(body)
            return await self._calls.call(
                targets, lambda target: target.provider.complete({**body, "model": target.model}), body
            )

    async def embed(self, body: ChatBody, *, fallbacks: bool = True) -> bytes:
        """The encoded list of embeddings; without `fallbacks` from no other model, whose vectors would be incomparable.

        Raises UpstreamError as `complete` does.
        """
        with self._deadline_scope():
            targets = await self._targets(body)
            allowed = targets if fallbacks else targets[:1]
            return await self._calls.call(
                allowed, lambda target: target.provider.embed({**body, "model": target.model}), body, "embeddings"
            )

    async def rerank(self, body: dict[str, Any]) -> Reranking:
        """The scores of `documents` in order, from 0 to 1, for `query` and `model`.

        Raises UpstreamError as `complete` does, with the code `unsupported_model` if the provider has no such endpoint.
        """

        async def rerank(target: Target) -> Reranking:
            if isinstance(target.provider, RerankingProvider):
                return await target.provider.rerank({**body, "model": target.model})
            raise UpstreamError(
                "invalid_request",
                f"The model {body['model']!r} does not rerank: provider {target.provider.name!r} has no /rerank.",
                code="unsupported_model",
            )

        with self._deadline_scope():
            return await self._calls.call(await self._targets(body), rerank, body, "rerank")

    async def relay(self, operation: str, body: RelayBody) -> Relayed:
        """The response of the first provider that gives one to `body`, sent to the path `operation`.

        Raises UpstreamError as `complete` does, with the code `unsupported_model` if the provider has no such endpoint.
        """
        deadline = self._deadline()

        async def send(target: Target) -> Relayed:
            if isinstance(target.provider, RelayingProvider):
                return await target.provider.relay(operation, target.model, body, deadline)
            raise relay.unsupported(body.model, target.provider.name, operation)

        if not self._relays:
            raise relay.no_provider(operation)
        if not self._private_urls:
            await remote_urls.check_relayed(body.prompt)
        with self._calls.deadlines.scope(deadline):
            named = {"model": body.model}
            return await self._calls.call(await self._targets(named), send, named, "relay")

    async def open_realtime(self, call: RealtimeCall) -> RealtimeConnection:
        """A session at the first provider that opens one.

        Raises UpstreamError as `complete` does, with the code `unsupported_model` if the provider has no such endpoint.
        """

        async def open_session(target: Target) -> RealtimeConnection:
            if isinstance(target.provider, RealtimeProvider):
                return await target.provider.open_realtime(target.model, call)
            raise relay.unsupported(call.model, target.provider.name, "realtime")

        if not self._relays:
            raise relay.no_provider("realtime")
        with self._deadline_scope():
            named = {"model": call.model}
            return await self._calls.call(await self._targets(named), open_session, named, "realtime")

    async def message(self, body: MessageBody, betas: str = "") -> bytes:
        """The encoded message for the body of `POST /messages`, from a provider of either dialect.

        `betas` is the value of the `anthropic-beta` header, for providers of the Messages API.
        """

        async def create(target: Target) -> bytes:
            request = {**body, "model": target.model}
            if isinstance(target.provider, MessagesProvider):
                return await target.provider.message(request, betas)
            completion = await target.provider.complete(messages_request.to_chat(request))
            return msgspec.json.encode(messages_response.from_chat(completion, request))

        with self._deadline_scope():
            return await self._calls.call(await self._targets(body), create, body)

    async def count_tokens(self, body: MessageBody, betas: str = "") -> int:
        """The input tokens of the body of `POST /messages`; an estimate if the provider has no token count."""

        async def count(target: Target) -> int:
            request = {**body, "model": target.model}
            if isinstance(target.provider, MessagesProvider):
                return await target.provider.count_tokens(request, betas)
            return await asyncio.to_thread(messages_request.estimate_input_tokens, request)

        with self._deadline_scope():
            return await self._calls.call(await self._targets(body), count, body, "count_tokens")

    def message_stream(self, body: MessageBody, betas: str = "") -> Stream:
        """The framed events of a message. As in `stream`, an error after the first content is raised."""

        deadline = self._deadline()

        def start(target: Target) -> AsyncIterator[Sequence[bytes]]:
            request = {**body, "model": target.model}
            if isinstance(target.provider, MessagesProvider):
                return target.provider.message_stream(request, betas, deadline)
            chunks = target.provider.stream(messages_request.to_chat(request), deadline)
            return messages_stream.stream_events(chunks, request)

        return Stream(self._open_stream(body, start, lambda event: not messages_response.is_preamble(event), deadline))

    def stream(self, body: ChatBody, *, bounded: bool = True) -> Stream:
        """The encoded chunks. An error after the first content is raised, and never retried.

        `bounded` is false for a caller with a deadline of its own.
        """
        deadline = self._deadline() if bounded else math.inf

        def start(target: Target) -> AsyncIterator[Sequence[bytes]]:
            return target.provider.stream({**body, "model": target.model}, deadline)

        return Stream(self._open_stream(body, start, has_content, deadline))

    async def list(self) -> list[ModelCard]:
        """Sorted by id."""
        return await self._catalog.list()

    async def get(self, model: str) -> ModelCard | None:
        return await self._catalog.get(model)

    async def close(self) -> None:
        self._calls.deadlines.close()
        replaced = list(self._replaced)
        for task in self._replaced.values():
            task.cancel()
        await asyncio.gather(*self._replaced.values(), return_exceptions=True)
        await asyncio.gather(*(catalog.close() for catalog in (self._catalog, *replaced)))

    async def _close_later(self, catalog: Catalog, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await catalog.close()
        del self._replaced[catalog]

    async def _open_stream(
        self, body: ChatBody, start: StartStream, is_content: Callable[[bytes], bool], deadline: float
    ) -> Opening:
        with self._calls.deadlines.scope(deadline):
            return await self._calls.open_stream(await self._targets(body), start, is_content, body)

    def _deadline(self) -> float:
        """The end of a call that begins now, as a time of the event loop."""
        return asyncio.get_running_loop().time() + self._chat_seconds

    def _deadline_scope(self) -> DeadlineScope:
        return self._calls.deadlines.scope(self._deadline())

    async def _targets(self, body: ChatBody) -> tuple[Target, ...]:
        if not self._private_urls:
            await remote_urls.check_urls(body)
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
