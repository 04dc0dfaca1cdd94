"""Providers that speak chat completions themselves: OpenAI, Azure OpenAI, and the servers that follow them.

Their answers are relayed byte for byte once they are known to be sound. Knows no retry and no other dialect.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import closing
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from understudy.clock import Clock
from understudy.errors import SettingsError, UpstreamError
from understudy.llm import completion, faults, relay, sse, vectors
from understudy.llm.connection import Answer, Connection
from understudy.llm.provider import ChatBody, ModelCard
from understudy.settings import ProviderSettings

DEFAULT_BASE_URL = "https://api.openai.com/v1"
DEFAULT_AZURE_VERSION = "2024-10-21"


class OpenAIProvider:
    """`POST {base_url}/chat/completions` and `GET {base_url}/models`."""

    def __init__(self, name: str, settings: ProviderSettings, clock: Clock) -> None:
        self.name = name
        self._secret = settings.api_key
        self._base = (settings.base_url or DEFAULT_BASE_URL).rstrip("/")
        self._connection = Connection(name, settings, self._headers(settings.api_key), clock)
        self._stream_options_refused = False

    async def complete(self, body: ChatBody) -> bytes:
        whole = {key: value for key, value in body.items() if key not in ("stream", "stream_options")}
        with closing(await self._connection.post(self._url(whole), whole)) as answer:
            data = await answer.read()
        completion.parse(data, secret=self._secret)
        return data

    async def embed(self, body: ChatBody) -> bytes:
        with closing(await self._connection.post(self._url(body, "embeddings"), body)) as answer:
            data = await answer.read()
        vectors.parse(data, secret=self._secret)
        return data

    def stream(self, body: ChatBody) -> AsyncGenerator[Sequence[bytes], None]:
        return relay.chunks(partial(self._start, body), _Progress(self._secret))

    async def models(self) -> Sequence[ModelCard]:
        data = await self._connection.get(f"{self._base}/models")
        return _cards(data, self.name)

    async def close(self) -> None:
        await self._connection.close()

    def _headers(self, key: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _url(self, body: ChatBody, operation: str = "chat/completions") -> str:  # noqa: ARG002 - Azure's has the model
        return f"{self._base}/{operation}"

    async def _start(self, body: ChatBody) -> Answer:
        plain = {**body, "stream": True}
        if "stream_options" in body or self._stream_options_refused:
            return await self._connection.post(self._url(body), plain)
        try:
            return await self._connection.post(self._url(body), {**plain, "stream_options": {"include_usage": True}})
        except UpstreamError as error:
            if error.kind != "invalid_request" or "stream_options" not in f"{error.param} {error.message}":
                raise
        self._stream_options_refused = True
        return await self._connection.post(self._url(body), plain)


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


class _Choice(msgspec.Struct, gc=False):
    finish_reason: str | None = None


class _Head(msgspec.Struct, gc=False):
    """Tells a chunk from an error, and whether it ends a choice. The rest only has to be JSON."""

    choices: list[_Choice] | None = None
    error: Any = None
    object: Any = None


_decoder: msgspec.json.Decoder[_Head | None] = msgspec.json.Decoder(_Head | None)


def _is_ordinary(payload: bytes) -> bool:
    """Whether it is a chunk in the middle of an answer for certain, as nearly all are, and needs no decoding.

    In a text these words would stand with their quotes escaped.
    """
    going_on = b'"finish_reason":null' in payload or b'"finish_reason": null' in payload
    whole = payload.startswith(b"{") and payload.endswith(b"}") and b"\n" not in payload
    return going_on and whole and b'"error"' not in payload and b'"choices"' in payload


class _Progress:
    """Passes chunks on as they are. Without `[DONE]`, a stream is whole if it gave a finish reason."""

    def __init__(self, secret: str | None) -> None:
        self._secret = secret
        self._chunks = 0
        self._finished = False
        self.done = False

    def accept(self, event: sse.Event) -> Sequence[bytes]:
        name, payload = event
        if not name and not self.done and _is_ordinary(payload):
            self._chunks += 1
            return (payload,)
        if self.done or payload == b"[DONE]":
            self.done = True
            return ()
        if not payload or (head := self._head(name, payload)) is None:
            return ()
        if head.error or name == b"error" or head.object == "error":
            raise faults.from_payload(msgspec.json.decode(payload), secret=self._secret)
        self._chunks += 1
        if head.choices:
            for choice in head.choices:
                if choice.finish_reason:
                    self._finished = True
        # Data of several lines would not be one line of a stream that relays it.
        return (payload if b"\n" not in payload else msgspec.json.format(payload, indent=-1),)

    def end(self) -> Sequence[bytes]:
        if self.done and self._chunks == 0:
            raise UpstreamError("malformed", "The upstream ended its stream without a single chunk.")
        if not self.done and not self._finished:
            raise relay.broke_off()
        return ()

    def whole(self, data: bytes) -> Sequence[bytes]:
        return completion.chunks(completion.parse(data, secret=self._secret))

    def _head(self, name: bytes, payload: bytes) -> _Head | None:
        try:
            return _decoder.decode(payload)
        except msgspec.DecodeError:
            if name == b"error":
                raise faults.from_payload(payload.decode("utf-8", "replace"), secret=self._secret) from None
            raise UpstreamError(
                "malformed", "The upstream sent an event that is not a chunk of a completion."
            ) from None


def _cards(data: bytes, owner: str) -> list[ModelCard]:
    """Tolerates a bare list, and cards without a date or an owner."""
    try:
        listing = msgspec.json.decode(data)
    except msgspec.DecodeError:
        listing = None
    cards = listing.get("data") if isinstance(listing, dict) else listing
    if not isinstance(cards, list):
        raise UpstreamError(
            "malformed", f"The provider {owner!r} answered GET /models with something else than a list."
        )
    return [_card(card, owner) for card in cards if isinstance(card, dict) and card.get("id")]


def _card(card: dict[str, Any], owner: str) -> ModelCard:
    created = card.get("created")
    return ModelCard(
        id=str(card["id"]),
        created=int(created) if isinstance(created, int | float) else 0,
        owned_by=str(card.get("owned_by") or owner),
    )
