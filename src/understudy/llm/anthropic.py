"""Anthropic's Messages API as a provider of chat completions. Knows no retry.

Some models refuse sampling, effort or structured output. A request first carries these parameters, and is sent again
without those that the model refuses: a table of models would be outdated soon.
"""

import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from understudy.clock import Clock
from understudy.errors import UpstreamError
from understudy.llm import anthropic_response, faults, messages_passthrough, model_list, payload, streaming
from understudy.llm.anthropic_request import OptionalParameter, optional_parameters, translate
from understudy.llm.connection import Connection
from understudy.llm.provider import ChatBody, ModelCard
from understudy.llm.upstream_response import UpstreamResponse
from understudy.settings import ProviderSettings

DEFAULT_BASE_URL = "https://api.anthropic.com"

DEFAULT_VERSION = "2023-06-01"
"""The last version with sampling parameters, which most clients of chat completions send."""

_VERSION_WITHOUT_SAMPLING = "2026-10-21"
_MAX_LIST_PAGES = 20

_PARAMETER_SIGNATURES: dict[OptionalParameter, tuple[str, ...]] = {
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "effort": ("effort", "output_config: "),
    "thinking": ("thinking",),
    "format": ("output_config.format", "output_config: ", "output format", "structured output"),
    "strict": ("strict",),
}
"""Substrings of the error messages that refuse a parameter."""


class AnthropicProvider:
    """`POST {base_url}/v1/messages` and `GET {base_url}/v1/models`."""

    def __init__(self, name: str, settings: ProviderSettings, clock: Clock) -> None:
        self.name = name
        self._secret = faults.secrets_of(settings)
        self._clock = clock
        base = (settings.base_url or DEFAULT_BASE_URL).rstrip("/")
        self._base = self.base_url = base.removesuffix("/v1") + "/v1"
        version = settings.api_version or DEFAULT_VERSION
        headers = {"anthropic-version": version}
        if settings.api_key:
            headers["x-api-key"] = settings.api_key
        self._connection = Connection(name, settings, headers, clock)
        self._always_omitted: set[OptionalParameter] = (
            {"temperature", "top_p"} if version >= _VERSION_WITHOUT_SAMPLING else set()
        )
        self._unsupported: dict[str, set[OptionalParameter]] = {}

    async def complete(self, body: ChatBody) -> bytes:
        with closing(await self._post_completion(body, stream=False)) as response:
            data = await response.read()
        return anthropic_response.to_chat_completion(data, secret=self._secret, created=self._created_at())

    async def embed(self, body: ChatBody) -> bytes:
        raise UpstreamError(
            "invalid_request",
            f"The model {body['model']!r} does not support embeddings: provider {self.name!r} has no embeddings API.",
            param="model",
            code="unsupported_model",
        )

    def stream(self, body: ChatBody, deadline: float = math.inf) -> AsyncGenerator[Sequence[bytes], None]:
        translator = anthropic_response.ToChatStream(self._secret, self._created_at())
        return streaming.chunks(partial(self._post_completion, body, stream=True, deadline=deadline), translator)

    async def message(self, body: dict[str, Any], betas: str) -> bytes:
        with closing(await self._post("messages", {**body, "stream": False}, betas)) as response:
            data = await response.read()
        return messages_passthrough.validate_message(data, secret=self._secret)

    def message_stream(
        self, body: dict[str, Any], betas: str, deadline: float = math.inf
    ) -> AsyncGenerator[Sequence[bytes], None]:
        start = partial(self._post, "messages", {**body, "stream": True}, betas, deadline)
        return streaming.chunks(start, messages_passthrough.MessagesPassthrough(self._secret))

    async def count_tokens(self, body: dict[str, Any], betas: str) -> int:
        with closing(await self._post("messages/count_tokens", body, betas)) as response:
            data = await response.read()
        count = payload.count(payload.mapping(payload.decode(data)).get("input_tokens"))
        if count is None:
            raise payload.malformed("JSON that is not a token count")
        return count

    async def models(self) -> Sequence[ModelCard]:
        cards: list[ModelCard] = []
        after = ""
        for _ in range(_MAX_LIST_PAGES):
            page = _parse_page(await self._connection.get(f"{self._base}/models?limit=1000{after}"), self.name)
            cards += model_list.cards(page["data"], "anthropic", _parse_created)
            last = page.get("last_id")
            if not page.get("has_more") or not isinstance(last, str) or len(cards) >= model_list.MAX_MODELS:
                break
            after = f"&after_id={quote(last, safe='')}"
        return cards[: model_list.MAX_MODELS]

    async def close(self) -> None:
        await self._connection.close()

    async def _post(
        self, operation: str, body: dict[str, Any], betas: str, deadline: float = math.inf
    ) -> UpstreamResponse:
        headers = {"anthropic-beta": betas} if betas else None
        return await self._connection.post(f"{self._base}/{operation}", body, headers, deadline)

    async def _post_completion(self, body: ChatBody, *, stream: bool, deadline: float = math.inf) -> UpstreamResponse:
        """Posts the body, and again without refused optional parameters until the model refuses none of them."""
        model = str(body["model"])
        without = self._always_omitted | self._unsupported.get(model, set())
        omitted: set[OptionalParameter] = set()
        while True:
            request = translate(body, without | omitted)
            try:
                response = await self._connection.post(
                    f"{self._base}/messages", {**request, "stream": stream}, deadline=deadline
                )
            except UpstreamError as error:
                refused = _unsupported_parameters(error, request)
                if not refused:
                    raise
                omitted |= refused
            else:
                self._record_unsupported(model, omitted)
                return response

    def _record_unsupported(self, model: str, omitted: set[OptionalParameter]) -> None:
        # The model may have refused one schema only, so the next request carries its format again.
        if unsupported := omitted - {"format"}:
            self._unsupported.setdefault(model, set()).update(unsupported)

    def _created_at(self) -> int:
        return int(self._clock.now())


def _unsupported_parameters(error: UpstreamError, request: dict[str, Any]) -> set[OptionalParameter]:
    """The parameters of the request that the error message refuses."""
    if error.kind != "invalid_request":
        return set()
    return {
        name
        for name in optional_parameters(request)
        if any(signature in error.message for signature in _PARAMETER_SIGNATURES[name])
    }


def _parse_page(data: bytes, owner: str) -> dict[str, Any]:
    try:
        page = payload.decode(data)
    except UpstreamError:
        page = None
    if not isinstance(page, dict) or not isinstance(page.get("data"), list):
        raise UpstreamError("malformed", f"GET /v1/models of provider {owner!r} returned no list of models.")
    return page


def _parse_created(card: dict[str, Any]) -> int:
    try:
        return int(datetime.fromisoformat(str(card.get("created_at"))).timestamp())
    except (ValueError, OverflowError):
        return 0
