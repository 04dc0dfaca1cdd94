"""Profiles of models from the settings, else from public facts, else from the id. Renders nothing."""

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
# Features that this server adds to every chat model.
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
    """`price` is None if unknown. `inputs` and `outputs` are modalities."""

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
        self._cache: tuple[list[ModelCard], float, list[ModelProfile]] = ([], -_PROFILE_TTL, [])

    def replace_own(self, own: Mapping[str, ModelSettings]) -> None:
        """Replaces the models of the settings, and forgets all profiles."""
        self._own = own
        self._cache = ([], -_PROFILE_TTL, [])

    async def list(self) -> Sequence[ModelProfile]:
        """The profiles of all listed models, sorted by id."""
        cards = await self._models.list()
        await self._prices.load()
        cached_cards, until, profiles = self._cache
        now = asyncio.get_running_loop().time()
        if cached_cards != cards or now > until:
            # In a thread, since thousands of models would block the loop.
            profiles = await asyncio.to_thread(lambda: [self._build_profile(card) for card in cards])
            self._cache = (cards, now + _PROFILE_TTL, profiles)
        return profiles

    async def get(self, model: str) -> ModelProfile | None:
        """The profile for a listed id or an alias, each with or without its vendor; None if no provider has it."""
        card = await self._models.get(model)
        if card is None:
            return None
        await self._prices.load()
        return self._build_profile(card)

    def _build_profile(self, card: ModelCard) -> ModelProfile:
        names, url = self._models.names_and_url(card.id)
        facts = self._prices.facts(names, url)
        own = next((self._own[name] for name in names if name in self._own), ModelSettings())
        kind = own.type or _infer_type(names[-1])
        features = _features(kind, own, has_facts=facts is not None or names[-1].startswith("rehearsal"))
        inputs, outputs = _modalities(kind, names[-1])
        return ModelProfile(
            card=card,
            aliases=tuple(self._models.aliases(card.id)),
            type=kind,
            name=own.name or (facts and facts.name) or card.id,
            developer=own.developer or _developer(card, facts),
            description=_description(own, facts),
            context_length=self._context_length(card.id, kind, own, facts),
            max_output=own.max_output,
            url=own.url,
            features=features,
            endpoints=_ENDPOINTS[kind],
            tags=own.tags,
            capabilities=_capabilities(features),
            inputs=inputs,
            outputs=outputs,
            price=self._price(card.id, names, url),
        )

    def _context_length(self, model: str, kind: ModelType, own: ModelSettings, facts: PublicFacts | None) -> int | None:
        length = own.context_length or (facts.context_window if facts else None)
        return length or (self._models.window(model) if kind == "chat-completion" else None)

    def _price(self, model: str, names: Sequence[str], url: str | None) -> Price | None:
        return FREE if self._models.is_stand_in(model) else self._prices.loaded_price(names, url)


def _modalities(kind: ModelType, model: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The inputs and the outputs."""
    inputs, outputs = _MODALITIES[kind]
    return ((*inputs, "image") if kind == "chat-completion" and has_vision(model) else inputs), outputs


def _description(own: ModelSettings, facts: PublicFacts | None) -> str | None:
    return own.description or (facts.description if facts else None)


def _capabilities(features: Sequence[str]) -> tuple[str, ...]:
    return tuple(_CAPABILITIES[feature] for feature in features if feature in _CAPABILITIES)


def _infer_type(model: str) -> ModelType:
    return next((kind for kind, pattern in _TYPES if pattern.search(model.lower())), "chat-completion")


def _features(kind: ModelType, own: ModelSettings, *, has_facts: bool) -> tuple[str, ...]:
    """Without facts about the model, only the features of this server itself."""
    if own.features is not None:
        return own.features
    if kind != "chat-completion":
        return ()
    return (*_CHAT_FEATURES, *_TOOL_FEATURES) if has_facts else _CHAT_FEATURES


def _developer(card: ModelCard, facts: PublicFacts | None) -> str:
    vendor = card.id.rpartition("/")[0].rpartition("/")[2]
    return facts.developer if facts else vendor or card.owned_by
