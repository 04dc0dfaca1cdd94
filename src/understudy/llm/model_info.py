"""What is said of each model: from the providers' lists, the settings and what is publicly known. Renders nothing.

The settings come first, then the public facts, then what the id itself tells.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from understudy.llm.prices import FREE, Price, Prices, PublicFacts
from understudy.llm.provider import ModelCard
from understudy.llm.router import Models
from understudy.llm.sampling import has_vision
from understudy.settings import ModelSettings

ModelType = Literal["chat-completion", "embedding", "image", "video", "audio"]

_PROFILE_TTL: Final = 60.0
_TYPES: Final[tuple[tuple[ModelType, re.Pattern[str]], ...]] = (
    ("embedding", re.compile(r"embed|(^|[/-])(bge|e5|gte|minilm)-")),
    ("video", re.compile(r"(^|/)(ray-|sora|veo|kling|luma)|video")),
    ("image", re.compile(r"(^|/)(dall-e|gpt-image|flux|imagen|stable-diffusion|sdxl)")),
    ("audio", re.compile(r"whisper|(^|[/-])tts|transcribe|speech|audio")),
)
_MODALITIES: Final[dict[ModelType, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "chat-completion": (("text",), ("text",)),
    "embedding": (("text",), ("embedding",)),
    "image": (("text",), ("image",)),
    "video": (("text", "image"), ("video",)),
    "audio": (("text", "audio"), ("text", "audio")),
}
_ENDPOINTS: Final[dict[ModelType, tuple[str, ...]]] = {
    "chat-completion": ("/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/threads/runs"),
    "embedding": ("/v1/embeddings",),
    "video": ("/v2/video/generations",),
    "image": (),
    "audio": (),
}
# What this server adds to every model that it can have a conversation with.
_CHAT_FEATURES: Final = (
    "openai/chat-completion",
    "openai/chat-completion.stream",
    "openai/response-api",
    "openai/chat-assistant",
    "anthropic/messages",
)
_TOOL_FEATURES: Final = ("openai/chat-completion.function", "openai/chat-completion.response-format")
_CAPABILITIES: Final = {
    "openai/chat-completion.stream": "streaming",
    "openai/chat-completion.function": "function-calling",
    "openai/chat-completion.response-format": "structured-outputs",
}


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """`price` None: nobody knows. `inputs` and `outputs` are modalities."""

    card: ModelCard
    aliases: tuple[str, ...]
    type: ModelType
    name: str
    developer: str
    description: str | None
    context_length: int | None
    max_output: int | None
    url: str | None
    features: tuple[str, ...]
    endpoints: tuple[str, ...]
    tags: tuple[str, ...]
    capabilities: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    price: Price | None

    @property
    def is_free(self) -> bool:
        return self.price == FREE


class ModelProfiles:
    """`own` are the models of the settings, by id."""

    def __init__(self, models: Models, prices: Prices, own: Mapping[str, ModelSettings]) -> None:
        self._models = models
        self._prices = prices
        self._own = own
        self._made: tuple[list[ModelCard], float, list[ModelProfile]] = ([], -_PROFILE_TTL, [])

    async def list(self) -> Sequence[ModelProfile]:
        """Of every model that is listed, sorted by id."""
        cards = await self._models.list()
        await self._prices.load()
        known, until, made = self._made
        now = asyncio.get_running_loop().time()
        if known != cards or now > until:
            # Thousands of models take their time, and others have the loop meanwhile.
            made = await asyncio.to_thread(lambda: [self._describe(card) for card in cards])
            self._made = (cards, now + _PROFILE_TTL, made)
        return made

    async def get(self, model: str) -> ModelProfile | None:
        """By an id that is listed, an alias, or either with or without its vendor; None where nobody has it."""
        card = await self._models.get(model)
        if card is None:
            return None
        await self._prices.load()
        return self._describe(card)

    def _describe(self, card: ModelCard) -> ModelProfile:
        names, url = self._models.names_and_url(card.id)
        facts = self._prices.facts(names, url)
        own = next((self._own[name] for name in names if name in self._own), ModelSettings())
        kind = own.type or _infer_type(names[-1])
        features = _features(kind, own, known=facts is not None or names[-1].startswith("rehearsal"))
        inputs, outputs = _MODALITIES[kind]
        if kind == "chat-completion" and has_vision(names[-1]):
            inputs = (*inputs, "image")
        return ModelProfile(
            card=card,
            aliases=tuple(self._models.aliases(card.id)),
            type=kind,
            name=own.name or (facts and facts.name) or card.id,
            developer=own.developer or _developer(card, facts),
            description=own.description or (facts.description if facts else None),
            context_length=self._context_length(card.id, kind, own, facts),
            max_output=own.max_output,
            url=own.url,
            features=features,
            endpoints=_ENDPOINTS[kind],
            tags=own.tags,
            capabilities=tuple(_CAPABILITIES[one] for one in features if one in _CAPABILITIES),
            inputs=inputs,
            outputs=outputs,
            price=FREE if self._models.is_stand_in(card.id) else self._prices.loaded_price(names, url),
        )

    def _context_length(self, model: str, kind: ModelType, own: ModelSettings, facts: PublicFacts | None) -> int | None:
        known = own.context_length or (facts.context_window if facts else None)
        return known or (self._models.window(model) if kind == "chat-completion" else None)


def _infer_type(model: str) -> ModelType:
    return next((kind for kind, pattern in _TYPES if pattern.search(model.lower())), "chat-completion")


def _features(kind: ModelType, own: ModelSettings, *, known: bool) -> tuple[str, ...]:
    """Of a model that nobody knows, only what this server itself does is claimed."""
    if own.features is not None:
        return own.features
    if kind != "chat-completion":
        return ()
    return (*_CHAT_FEATURES, *_TOOL_FEATURES) if known else _CHAT_FEATURES


def _developer(card: ModelCard, facts: PublicFacts | None) -> str:
    vendor = card.id.rpartition("/")[0].rpartition("/")[2]
    return facts.developer if facts else vendor or card.owned_by
