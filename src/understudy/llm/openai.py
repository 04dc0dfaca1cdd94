"""Providers that speak chat completions themselves: OpenAI, Azure OpenAI, and the servers that follow them.

Their answers are relayed byte for byte once they are known to be sound. Knows no retry and no other dialect.
"""

import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from understudy.clock import Clock
from understudy.errors import SettingsError, UpstreamError
from understudy.llm import completion, embeddings, faults, model_list, payload, repair, streaming
from understudy.llm.chunk_template import ChunkTemplate
from understudy.llm.chunks import Chunk, decode, parse_valid_chunk
from understudy.llm.connection import Connection, UpstreamResponse
from understudy.llm.provider import ChatBody, ModelCard
from understudy.llm.tool_call_indexes import ToolCallIndexer
from understudy.net import sse
from understudy.settings import ProviderSettings

DEFAULT_BASE_URL = "https://api.openai.com/v1"
DEFAULT_AZURE_VERSION = "2024-10-21"


class OpenAIProvider:
    """`POST {base_url}/chat/completions` and `GET {base_url}/models`."""

    def __init__(self, name: str, settings: ProviderSettings, clock: Clock) -> None:
        self.name = name
        self._secret = faults.secrets_of(settings)
        self._base = (settings.base_url or DEFAULT_BASE_URL).rstrip("/")
        self._connection = Connection(name, settings, self._headers(settings.api_key), clock)
        self._stream_options_refused = False

    async def complete(self, body: ChatBody) -> bytes:
        whole = {key: value for key, value in body.items() if key not in ("stream", "stream_options")}
        with closing(await self._connection.post(self._url(whole), whole)) as answer:
            data = await answer.read()
        return completion.validate_completion(data, secret=self._secret)

    async def embed(self, body: ChatBody) -> bytes:
        with closing(await self._connection.post(self._url(body, "embeddings"), body)) as answer:
            data = await answer.read()
        return await embeddings.check_embeddings(data, body, secret=self._secret)

    def stream(self, body: ChatBody, deadline: float = math.inf) -> AsyncGenerator[Sequence[bytes], None]:
        return streaming.chunks(partial(self._post_stream, body, deadline), _ChunkValidator(self._secret))

    async def models(self) -> Sequence[ModelCard]:
        data = await self._connection.get(f"{self._base}/models")
        return _parse_cards(data, self.name)

    async def close(self) -> None:
        await self._connection.close()

    def _headers(self, key: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _url(self, body: ChatBody, operation: str = "chat/completions") -> str:  # noqa: ARG002 - Azure's has the model
        return f"{self._base}/{operation}"

    async def _post_stream(self, body: ChatBody, deadline: float) -> UpstreamResponse:
        plain = {**body, "stream": True}
        if "stream_options" in body or self._stream_options_refused:
            return await self._connection.post(self._url(body), plain, deadline=deadline)
        counted = {**plain, "stream_options": {"include_usage": True}}
        try:
            return await self._connection.post(self._url(body), counted, deadline=deadline)
        except UpstreamError as error:
            if error.kind != "invalid_request" or "stream_options" not in f"{error.param} {error.message}":
                raise
        self._stream_options_refused = True
        return await self._connection.post(self._url(body), plain, deadline=deadline)


class AzureProvider(OpenAIProvider):
    """Deployments of Azure OpenAI. Its `/models` lists what could be deployed; the settings name what is."""

    def __init__(self, name: str, settings: ProviderSettings, clock: Clock) -> None:
        if settings.base_url is None:
            raise SettingsError(
                f"providers.{name}.base_url is missing: an Azure provider needs its resource's endpoint."
            )
        super().__init__(name, settings, clock)
        self._version = settings.api_version

    async def models(self) -> Sequence[ModelCard]:
        return ()

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


class _ChunkValidator:
    """Passes sound chunks on as they are, and repairs others.

    Without `[DONE]`, a stream is whole if it gave a finish reason.
    """

    def __init__(self, secret: faults.ProviderSecrets | None) -> None:
        self._secret = secret
        self._chunks = 0
        self._finished = False
        self._calls = ToolCallIndexer()
        self._template = ChunkTemplate()
        self.done = False

    def translate(self, event: sse.Event) -> Sequence[bytes]:
        name, data = event
        if not name and not self.done and self._template.matches(data):
            self._chunks += 1
            return (data,)
        if self.done or data == b"[DONE]":
            self.done = True
            return ()
        chunk = parse_valid_chunk(data) if not name and payload.has_valid_text(data) else None
        if chunk is None or chunk.error is not None or chunk.object == "error":
            return self._repair_chunk(name, data)
        if self._record(chunk):
            return (payload.encode(self._calls.renumber(payload.decode(data))),)
        self._template.learn(data, chunk)
        # Data of several lines would not be one line of a stream that relays it.
        return (data if b"\n" not in data else msgspec.json.format(data, indent=-1),)

    def finish(self) -> Sequence[bytes]:
        if self.done and self._chunks == 0:
            raise UpstreamError("malformed", "The upstream ended its stream without a single chunk.")
        if not self.done and not self._finished:
            raise streaming.stream_broken()
        return ()

    def translate_whole(self, data: bytes) -> Sequence[bytes]:
        return completion.chunks(completion.validate_completion(data, secret=self._secret))

    def _record(self, chunk: Chunk) -> bool:
        """Whether the chunk's calls have to be numbered."""
        self._chunks += 1
        is_off = False
        for choice in chunk.choices or ():
            if choice.finish_reason:
                self._finished = True
            is_off = is_off or self._calls.needs_renumbering(choice)
        return is_off

    def _repair_chunk(self, name: bytes, data: bytes) -> Sequence[bytes]:
        value = self._parse_event(name, data)
        if value is None:
            return ()
        if isinstance(value, dict) and (value.get("error") or name == b"error" or value.get("object") == "error"):
            raise faults.from_payload(value, secret=self._secret)
        whole = self._calls.renumber(repair.chunk(value))
        data = payload.encode(whole)
        self._record(decode(data))
        return (data,)

    def _parse_event(self, name: bytes, data: bytes) -> Any:
        """None where the event says nothing."""
        try:
            return payload.decode(data) if data else None
        except UpstreamError:
            if name == b"error":
                raise faults.from_payload(data.decode("utf-8", "replace"), secret=self._secret) from None
            raise UpstreamError(
                "malformed", "The upstream sent an event that is not a chunk of a completion."
            ) from None


def _parse_cards(data: bytes, owner: str) -> list[ModelCard]:
    """Tolerates a bare list, and cards without a date or an owner."""
    try:
        listing = payload.decode(data)
    except UpstreamError:
        listing = None
    listed = listing.get("data") if isinstance(listing, dict) else listing
    if not isinstance(listed, list):
        raise UpstreamError(
            "malformed", f"The provider {owner!r} answered GET /models with something else than a list."
        )
    return model_list.cards(listed, owner, model_list.created)
