"""Providers of chat completions: OpenAI, Azure OpenAI and compatible servers.

Their valid responses are relayed byte for byte. Knows no retry and no other dialect.
"""

import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from understudy.clock import Clock
from understudy.errors import SettingsError, UpstreamError
from understudy.llm import completion, embeddings, faults, model_list, payload, relay, repair, reranking, streaming
from understudy.llm.chunk_template import ChunkTemplate
from understudy.llm.chunks import Chunk, decode, parse_valid_chunk
from understudy.llm.connection import Connection
from understudy.llm.provider import ChatBody, ModelCard
from understudy.llm.realtime import RealtimeCall, RealtimeConnection, open_connection, with_query
from understudy.llm.relay import RelayBody, Relayed
from understudy.llm.reranking import Reranking
from understudy.llm.tool_call_indexes import ToolCallIndexer
from understudy.llm.upstream_response import UpstreamResponse
from understudy.net import sse
from understudy.pacing import call_in_thread_if_large
from understudy.settings import ProviderSettings

DEFAULT_BASE_URL = "https://api.openai.com/v1"
DEFAULT_AZURE_VERSION = "2024-10-21"


class OpenAIProvider:
    """`POST {base_url}/chat/completions` and `GET {base_url}/models`."""

    def __init__(self, name: str, settings: ProviderSettings, clock: Clock) -> None:
        self.name = name
        self._secret = faults.secrets_of(settings)
        self._base = (settings.base_url or DEFAULT_BASE_URL).rstrip("/")
        self.base_url = self._base
        self._settings = settings
        self._clock = clock
        self._connection = Connection(name, settings, self._headers(settings.api_key), clock)
        self._stream_options_refused = False

    async def complete(self, body: ChatBody) -> bytes:
        request = {key: value for key, value in body.items() if key not in ("stream", "stream_options")}
        with closing(await self._connection.post(self._url(request), request)) as response:
            data = await response.read()
        return completion.validate_completion(data, secret=self._secret)

    async def embed(self, body: ChatBody) -> bytes:
        with closing(await self._connection.post(self._url(body, "embeddings"), body)) as response:
            data = await response.read()
        return await embeddings.check_embeddings(data, body, secret=self._secret)

    async def rerank(self, body: dict[str, Any]) -> Reranking:
        with closing(await self._connection.post(self._url(body, "rerank"), body)) as response:
            data = await response.read()
        return reranking.parse_reranking(data, len(body["documents"]), secret=self._secret)

    async def relay(self, operation: str, model: str, body: RelayBody, deadline: float) -> Relayed:
        url = self._url({"model": model}, operation)
        encoded = await call_in_thread_if_large(body.prompt, body.encode, model)
        response = await self._connection.send(url, encoded, deadline=deadline)
        return await relay.read_response(operation, response, self._secret)

    async def open_realtime(self, model: str, call: RealtimeCall) -> RealtimeConnection:
        url, headers = self._realtime_url(model, call), self._headers(self._settings.api_key)
        return await open_connection(self.name, self._settings, self._clock, url, model, call, headers)

    def stream(self, body: ChatBody, deadline: float = math.inf) -> AsyncGenerator[Sequence[bytes], None]:
        return streaming.chunks(partial(self._post_stream, body, deadline), _ChunkValidator(self._secret))

    async def models(self) -> Sequence[ModelCard]:
        data = await self._connection.get(f"{self._base}/models")
        return _parse_cards(data, self.name)

    async def close(self) -> None:
        await self._connection.close()

    def _headers(self, key: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _url(self, body: ChatBody, operation: str = "chat/completions") -> str:  # noqa: ARG002 - Azure's URL has the model
        return f"{self._base}/{operation}"

    def _realtime_url(self, model: str, call: RealtimeCall) -> str:
        return with_query(self._url({"model": model}, "realtime"), call.query(model))

    async def _post_stream(self, body: ChatBody, deadline: float) -> UpstreamResponse:
        request = {**body, "stream": True}
        if "stream_options" in body or self._stream_options_refused:
            return await self._connection.post(self._url(body), request, deadline=deadline)
        with_usage = {**request, "stream_options": {"include_usage": True}}
        try:
            return await self._connection.post(self._url(body), with_usage, deadline=deadline)
        except UpstreamError as error:
            if error.kind != "invalid_request" or "stream_options" not in f"{error.param} {error.message}":
                raise
        self._stream_options_refused = True
        return await self._connection.post(self._url(body), request, deadline=deadline)


class AzureProvider(OpenAIProvider):
    """Deployments of Azure OpenAI. Its `/models` lists deployable models, so the settings name the deployments."""

    def __init__(self, name: str, settings: ProviderSettings, clock: Clock) -> None:
        if settings.base_url is None:
            raise SettingsError(f"Missing providers.{name}.base_url: the endpoint of the Azure resource.")
        super().__init__(name, settings, clock)
        self._version = settings.api_version

    async def models(self) -> Sequence[ModelCard]:
        return ()

    async def check(self) -> None:
        """Requests the deployable models, which are not the deployments. Raises UpstreamError."""
        if self._base.endswith("/openai/v1"):
            url = self._url({}, "models")
        else:
            query = urlencode({"api-version": self._version or DEFAULT_AZURE_VERSION})
            url = f"{self._base.removesuffix('/openai')}/openai/models?{query}"
        await self._connection.get(url)

    def _headers(self, key: str | None) -> dict[str, str]:
        return {"api-key": key} if key else {}

    def _url(self, body: ChatBody, operation: str = "chat/completions") -> str:
        if self._base.endswith("/openai/v1"):
            query = f"?{urlencode({'api-version': self._version})}" if self._version else ""
            return f"{self._base}/{operation}{query}"
        deployment = quote(str(body["model"]), safe="")
        query = urlencode({"api-version": self._version or DEFAULT_AZURE_VERSION})
        base = self._base.removesuffix("/openai")
        return f"{base}/openai/deployments/{deployment}/{operation}?{query}"

    def _realtime_url(self, model: str, call: RealtimeCall) -> str:
        if self._base.endswith("/openai/v1"):
            return super()._realtime_url(model, call)
        members = {"api-version": self._version or DEFAULT_AZURE_VERSION, **call.query(model, "deployment")}
        return with_query(f"{self._base.removesuffix('/openai')}/openai/realtime", members)


class _ChunkValidator:
    """Forwards valid chunks unchanged, and repairs others.

    Without `[DONE]`, a stream is complete if it has a finish reason.
    """

    def __init__(self, secret: faults.ProviderSecrets | None) -> None:
        self._secret = secret
        self._chunks = 0
        self._finished = False
        self._calls = ToolCallIndexer()
        self.template: Final = ChunkTemplate()
        self.done = False

    def translate(self, event: sse.Event) -> Sequence[bytes]:
        name, data = event
        if not name and not self.done and self.template.matches(data):
            self._chunks += 1
            return (data,)
        if self.done or data == b"[DONE]":
            self.done = True
            return ()
        return self._validate_chunk(name, data)

    def _validate_chunk(self, name: bytes, data: bytes) -> Sequence[bytes]:
        chunk = parse_valid_chunk(data) if not name and payload.has_valid_text(data) else None
        if chunk is None or chunk.error is not None or chunk.object == "error":
            return self._repair_chunk(name, data)
        if self._record(chunk):
            return (payload.encode(self._calls.renumber(payload.decode(data))),)
        self.template.learn(data, chunk)
        # Each event of the relayed stream has one data line.
        return (data if b"\n" not in data else msgspec.json.format(data, indent=-1),)

    def finish(self) -> Sequence[bytes]:
        if self.done and self._chunks == 0:
            raise UpstreamError("malformed", "The upstream's stream has no chunks.")
        if not self.done and not self._finished:
            raise streaming.stream_broken()
        return ()

    def translate_whole(self, data: bytes) -> Sequence[bytes]:
        return completion.chunks(completion.validate_completion(data, secret=self._secret))

    def _record(self, chunk: Chunk) -> bool:
        """Whether the chunk's calls need other indexes or ids."""
        self._chunks += 1
        needs_renumbering = False
        for choice in chunk.choices or ():
            if choice.finish_reason:
                self._finished = True
            needs_renumbering = needs_renumbering or self._calls.needs_renumbering(choice)
        return needs_renumbering

    def _repair_chunk(self, name: bytes, data: bytes) -> Sequence[bytes]:
        value = self._parse_event(name, data)
        if value is None:
            return ()
        if _is_error_event(name, value):
            raise faults.from_payload(value, secret=self._secret)
        data = payload.encode(self._calls.renumber(repair.chunk(value)))
        self._record(decode(data))
        return (data,)

    def _parse_event(self, name: bytes, data: bytes) -> Any:
        """The parsed data; None for an empty event."""
        try:
            return payload.decode(data) if data else None
        except UpstreamError:
            if name == b"error":
                raise faults.from_payload(data.decode("utf-8", "replace"), secret=self._secret) from None
            raise UpstreamError(
                "malformed", "The upstream sent an event that is not a chat completion chunk."
            ) from None


def _is_error_event(name: bytes, value: Any) -> bool:
    return isinstance(value, dict) and bool(value.get("error") or name == b"error" or value.get("object") == "error")


def _parse_cards(data: bytes, owner: str) -> list[ModelCard]:
    """The valid cards of a list, also of a bare array."""
    try:
        listing = payload.decode(data)
    except UpstreamError:
        listing = None
    listed = listing.get("data") if isinstance(listing, dict) else listing
    if not isinstance(listed, list):
        raise UpstreamError("malformed", f"GET /models of provider {owner!r} returned no list of models.")
    return model_list.cards(listed, owner, model_list.created)
