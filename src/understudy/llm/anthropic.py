"""The provider that speaks Anthropic's Messages API, spoken to in chat completions. Knows no retry.

Parameters that some of its models refuse (sampling, effort, structured output) are sent, and left out again where the
model answers that it does not take them: which model takes what changes too often for a table.
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
from understudy.llm import anthropic_answer, faults, messages_answer, model_list, payload, relay
from understudy.llm.anthropic_request import Optional, optionals, translate
from understudy.llm.connection import Answer, Connection
from understudy.llm.provider import ChatBody, ModelCard
from understudy.settings import ProviderSettings

DEFAULT_BASE_URL = "https://api.anthropic.com"

DEFAULT_VERSION = "2023-06-01"
"""The last version that has sampling parameters, which clients of chat completions send as a matter of course."""

_VERSION_WITHOUT_SAMPLING = "2026-10-21"
_PAGES = 20

_SIGNS: dict[Optional, tuple[str, ...]] = {
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "effort": ("effort", "output_config: "),
    "thinking": ("thinking",),
    "format": ("output_config.format", "output_config: ", "output format", "structured output"),
    "strict": ("strict",),
}
"""What an upstream's refusal of a parameter says."""


class AnthropicProvider:
    """`POST {base_url}/v1/messages` and `GET {base_url}/v1/models`."""

    def __init__(self, name: str, settings: ProviderSettings, clock: Clock) -> None:
        self.name = name
        self._secret = faults.private_of(settings)
        self._clock = clock
        base = (settings.base_url or DEFAULT_BASE_URL).rstrip("/")
        self._base = base.removesuffix("/v1") + "/v1"
        version = settings.api_version or DEFAULT_VERSION
        headers = {"anthropic-version": version}
        if settings.api_key:
            headers["x-api-key"] = settings.api_key
        self._connection = Connection(name, settings, headers, clock)
        self._never: set[Optional] = {"temperature", "top_p"} if version >= _VERSION_WITHOUT_SAMPLING else set()
        self._refused: dict[str, set[Optional]] = {}

    async def complete(self, body: ChatBody) -> bytes:
        with closing(await self._start(body, stream=False)) as answer:
            data = await answer.read()
        return anthropic_answer.completion_of(data, secret=self._secret, created=self._now())

    async def embed(self, body: ChatBody) -> bytes:
        raise UpstreamError(
            "invalid_request",
            f"The model {body['model']!r} makes no embeddings: its provider {self.name!r} has none.",
            param="model",
            code="unsupported_model",
        )

    def stream(self, body: ChatBody, deadline: float = math.inf) -> AsyncGenerator[Sequence[bytes], None]:
        teller = anthropic_answer.Teller(self._secret, self._now())
        return relay.chunks(partial(self._start, body, stream=True, deadline=deadline), teller)

    async def message(self, body: dict[str, Any], betas: str) -> bytes:
        with closing(await self._pass("messages", {**body, "stream": False}, betas)) as answer:
            data = await answer.read()
        return messages_answer.sound(data, secret=self._secret)

    def message_stream(
        self, body: dict[str, Any], betas: str, deadline: float = math.inf
    ) -> AsyncGenerator[Sequence[bytes], None]:
        start = partial(self._pass, "messages", {**body, "stream": True}, betas, deadline)
        return relay.chunks(start, messages_answer.Passing(self._secret))

    async def count_tokens(self, body: dict[str, Any], betas: str) -> int:
        with closing(await self._pass("messages/count_tokens", body, betas)) as answer:
            data = await answer.read()
        counted = payload.count(payload.mapping(payload.decode(data)).get("input_tokens"))
        if counted is None:
            raise payload.malformed("JSON that is not a count of tokens")
        return counted

    async def models(self) -> Sequence[ModelCard]:
        cards: list[ModelCard] = []
        after = ""
        for _ in range(_PAGES):
            page = _page(await self._connection.get(f"{self._base}/models?limit=1000{after}"), self.name)
            cards += model_list.cards(page["data"], "anthropic", _created)
            last = page.get("last_id")
            if not page.get("has_more") or not isinstance(last, str) or len(cards) >= model_list.MOST:
                break
            after = f"&after_id={quote(last, safe='')}"
        return cards[: model_list.MOST]

    async def close(self) -> None:
        await self._connection.close()

    async def _pass(self, operation: str, body: dict[str, Any], betas: str, deadline: float = math.inf) -> Answer:
        headers = {"anthropic-beta": betas} if betas else None
        return await self._connection.post(f"{self._base}/{operation}", body, headers, deadline)

    async def _start(self, body: ChatBody, *, stream: bool, deadline: float = math.inf) -> Answer:
        """Posts the body, and again without what the model refuses, until it refuses nothing that could be left out."""
        model = str(body["model"])
        without = self._never | self._refused.get(model, set())
        left_out: set[Optional] = set()
        while True:
            request = translate(body, without | left_out)
            asked = {**request, "stream": stream}
            try:
                answer = await self._connection.post(f"{self._base}/messages", asked, deadline=deadline)
            except UpstreamError as error:
                refused = _refusal(error, request)
                if not refused:
                    raise
                left_out |= refused
            else:
                self._remember(model, left_out)
                return answer

    def _remember(self, model: str, left_out: set[Optional]) -> None:
        # A format may have been refused for its schema alone, which says nothing about the next one.
        if lasting := left_out - {"format"}:
            self._refused.setdefault(model, set()).update(lasting)

    def _now(self) -> int:
        return int(self._clock.now())


def _refusal(error: UpstreamError, request: dict[str, Any]) -> set[Optional]:
    """The parameters of the request that the error says the model does not take."""
    if error.kind != "invalid_request":
        return set()
    return {name for name in optionals(request) if any(sign in error.message for sign in _SIGNS[name])}


def _page(data: bytes, owner: str) -> dict[str, Any]:
    try:
        page = payload.decode(data)
    except UpstreamError:
        page = None
    if not isinstance(page, dict) or not isinstance(page.get("data"), list):
        raise UpstreamError("malformed", f"The provider {owner!r} answered GET /v1/models with no list of models.")
    return page


def _created(card: dict[str, Any]) -> int:
    try:
        return int(datetime.fromisoformat(str(card.get("created_at"))).timestamp())
    except (ValueError, OverflowError):
        return 0
