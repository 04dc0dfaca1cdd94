"""Prices and public facts of models: from the settings, else from the package genai-prices.

The first use loads the package in a thread (0.1 s, 30 MB). Prices are integers, in billionths of a credit per token, so
that sums are exact. Knows no request and no ledger.
"""

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from understudy.clock import Clock
from understudy.settings import ModelSettings

CREDITS_PER_USD: Final = 2_000_000
_BILLIONTHS: Final = 1_000_000_000
_BILLIONTHS_PER_TOKEN: Final = CREDITS_PER_USD * _BILLIONTHS // 1_000_000
_FACTS_TTL: Final = 3600.0
_MAX_CACHED_FACTS: Final = 10_000


class Tokens(msgspec.Struct, frozen=True, gc=False):
    """The usage of one response; `cached` and `written` (to the provider's cache) are parts of `input`.

    `audio_input`, `audio_output` and `audio_cached` are parts of `input`, `output` and `cached`.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0
    audio_input: int = 0
    audio_output: int = 0
    audio_cached: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        names = self.__struct_fields__
        return Tokens(*(getattr(self, name) + getattr(other, name) for name in names))


@dataclass(frozen=True, slots=True)
class Rates:
    """Billionths of a credit per token of each kind. None: audio costs as much as text."""

    input: int
    cached: int
    written: int
    output: int
    audio_input: int | None = None
    audio_cached: int | None = None
    audio_output: int | None = None

    def audio_surcharge(self, tokens: Tokens) -> int:
        """What the audio among `tokens` costs beyond as many tokens of text."""
        cached = min(tokens.audio_cached, tokens.cached)
        uncached = max(tokens.audio_input - cached, 0)
        surcharge = 0
        if self.audio_input is not None:
            surcharge += uncached * (self.audio_input - self.input)
        if self.audio_cached is not None:
            surcharge += cached * (self.audio_cached - self.cached)
        if self.audio_output is not None:
            surcharge += tokens.audio_output * (self.audio_output - self.output)
        return surcharge


@dataclass(frozen=True, slots=True)
class Price:
    """`tiers` are the rates of all tokens of prompts longer than a number of tokens, in ascending order.

    `request` and `unit` are in billionths of a credit.
    """

    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    request: int = 0
    unit: int = 0

    def cost(self, tokens: Tokens, *, requests: int = 1, units: int = 0, discount: float = 0.0) -> int:
        """Credits, rounded up. `discount` is a fraction of the price."""
        rates = self.rates
        for start, others in self.tiers:
            if tokens.input > start:
                rates = others
        uncached = max(tokens.input - tokens.cached - tokens.written, 0)
        billionths = uncached * rates.input + tokens.cached * rates.cached + tokens.written * rates.written
        billionths += tokens.output * rates.output + requests * self.request + units * self.unit
        if tokens.audio_input or tokens.audio_output:
            billionths += rates.audio_surcharge(tokens)
        if discount:
            billionths = round(billionths * (1 - discount))
        return -(-billionths // _BILLIONTHS)


_EMBEDDED: Final = frozenset({"rehearsal", "rehearsal-embedding"})
# Their prices count for models without a vendor in the id; each host of open models has prices of its own.
_MODEL_DEVELOPERS: Final = frozenset(
    {"anthropic", "azure", "cohere", "deepseek", "google", "mistral", "openai", "x-ai"}
)
FREE: Final = Price(Rates(0, 0, 0, 0))


@dataclass(frozen=True, slots=True)
class PublicFacts:
    """The package's facts about a model. `price` is None without a price per token."""

    id: str
    name: str | None
    developer: str
    description: str | None
    context_window: int | None
    deprecated: bool
    price: Price | None


class Prices:
    """`own` are the models of the settings, by id. `public` enables the public prices."""

    def __init__(self, own: Mapping[str, ModelSettings], clock: Clock, *, public: bool = True) -> None:
        self._own: dict[str, Price] = {}
        self.replace_own(own)
        self._clock = clock
        self._public = public
        self._snapshot: Any = None
        self._by_developer: dict[str, tuple[Any, Any]] = {}
        self._loading: asyncio.Task[None] | None = None
        self._facts_cache: dict[tuple[str | None, tuple[str, ...]], tuple[float, PublicFacts | None]] = {}

    def replace_own(self, own: Mapping[str, ModelSettings]) -> None:
        """Replaces the models of the settings."""
        self._own = {
            model: price for model, settings in own.items() if (price := _settings_price(settings)) is not None
        }

    def start_loading(self, model: str) -> None:
        """Starts to load the public facts if the price of a current request may need them."""
        if self._loading is None and self._public and model not in _EMBEDDED and model not in self._own:
            self._loading = asyncio.create_task(self._load_snapshot())

    async def load(self) -> None:
        """Loads the public facts, once."""
        if self._snapshot is not None:
            return
        if self._loading is None:
            self._loading = asyncio.create_task(self._load_snapshot())
        await asyncio.shield(self._loading)

    def own(self, names: Sequence[str]) -> Price | None:
        """The price of the first of the names with a price in the settings."""
        for name in names:
            if (price := self._own.get(name)) is not None:
                return price
        return None

    def loaded_price(self, names: Sequence[str], url: str | None) -> Price | None:
        """Like `price`, after `load`."""
        if (own := self.own(names)) is not None:
            return own
        if names[0] in _EMBEDDED:
            return FREE
        facts = self.facts(names, url) if self._public else None
        return None if facts is None else facts.price

    async def price(self, names: Sequence[str], url: str | None) -> Price | None:
        """The price of a model with these names, the most specific first, at the provider of the base URL `url`."""
        if self._snapshot is None and self._public and self.own(names) is None and names[0] not in _EMBEDDED:
            await self.load()
        return self.loaded_price(names, url)

    def facts(self, names: Sequence[str], url: str | None) -> PublicFacts | None:
        """The facts from the vendor of `url`, else from any vendor; None if unknown, or before `load`."""
        if self._snapshot is None:
            return None
        key, now = (url, tuple(names)), self._clock.now()
        cached = self._facts_cache.get(key)
        if cached is None or now - cached[0] > _FACTS_TTL:  # some prices depend on the time of day
            if len(self._facts_cache) >= _MAX_CACHED_FACTS:
                self._facts_cache.clear()
            cached = self._facts_cache[key] = (now, self._find_facts(names, url))
        return cached[1]

    async def _load_snapshot(self) -> None:
        snapshot, self._by_developer = await asyncio.to_thread(_read_snapshot)
        self._snapshot = snapshot

    def _find_facts(self, names: Sequence[str], url: str | None) -> PublicFacts | None:
        if url is not None:
            for name in names:
                if facts := self._lookup(name, provider_api_url=url):
                    return facts
        for name in names:
            vendor, _, rest = name.rpartition("/")
            if vendor and (facts := self._lookup(rest, provider_id=vendor.rpartition("/")[2])):
                return facts
            if facts := self._lookup(rest) or self._lookup_by_developer(rest):
                return facts
        return None

    def _lookup(
        self, name: str, *, provider_id: str | None = None, provider_api_url: str | None = None
    ) -> PublicFacts | None:
        try:
            provider, model = self._snapshot.find_provider_model(name, None, provider_id, provider_api_url)
        except LookupError:
            return None
        return _build_facts(provider, model, self._clock.now())

    def _lookup_by_developer(self, name: str) -> PublicFacts | None:
        """The model with exactly this id at any developer; the package infers few vendors from names."""
        match = self._by_developer.get(name.lower())
        return None if match is None else _build_facts(*match, self._clock.now())


def _read_snapshot() -> tuple[Any, dict[str, tuple[Any, Any]]]:
    """The package's data, and the models of developers in it, by id."""
    snapshot = importlib.import_module("genai_prices.data_snapshot").get_snapshot()
    developers = [provider for provider in snapshot.providers if provider.id in _MODEL_DEVELOPERS]
    return snapshot, {model.id: (developer, model) for developer in reversed(developers) for model in developer.models}


def _settings_price(settings: ModelSettings) -> Price | None:
    tokens = (settings.input_price, settings.cached_input_price, settings.output_price)
    audio = (settings.audio_input_price, settings.cached_audio_input_price, settings.audio_output_price)
    if {*tokens, *audio, settings.request_price, settings.unit_price} == {None}:
        return None
    plain = settings.input_price or 0.0
    cached = plain if settings.cached_input_price is None else settings.cached_input_price
    rates = Rates(
        _to_billionths(plain),
        _to_billionths(cached),
        _to_billionths(plain),
        _to_billionths(settings.output_price or 0.0),
        *_audio_rates(*audio),
    )
    return Price(rates, request=_to_credits(settings.request_price), unit=_to_credits(settings.unit_price))


def _audio_rates(
    plain: float | None, cached: float | None, output: float | None
) -> tuple[int | None, int | None, int | None]:
    """The prices in US dollars per million; cached audio costs as much as other audio unless it has a price."""
    prices = (plain, plain if cached is None else cached, output)
    first, second, third = (None if price is None else _to_billionths(price) for price in prices)
    return first, second, third


def _to_credits(usd: float | None) -> int:
    """Billionths of a credit."""
    return round(Decimal(str(usd or 0.0)) * CREDITS_PER_USD * _BILLIONTHS)


def _to_billionths(usd_per_million: float | Decimal) -> int:
    return round(Decimal(str(usd_per_million)) * _BILLIONTHS_PER_TOKEN)


def _build_facts(provider: Any, model: Any, now: float) -> PublicFacts:
    prices = model.get_prices(datetime.fromtimestamp(now, UTC))
    return PublicFacts(
        model.id,
        model.name,
        "OpenAI" if provider.id == "azure" else provider.name,
        model.description,
        model.context_window,
        bool(model.deprecated),
        _public_price(prices),
    )


def _public_price(prices: Any) -> Price | None:
    if prices.input_mtok is None and prices.output_mtok is None:
        return None
    kinds = (
        prices.input_mtok,
        prices.input_mtok if prices.cache_read_mtok is None else prices.cache_read_mtok,
        prices.input_mtok if prices.cache_write_mtok is None else prices.cache_write_mtok,
        prices.output_mtok,
    )
    cached_audio = prices.input_audio_mtok if prices.cache_audio_read_mtok is None else prices.cache_audio_read_mtok
    audio = (prices.input_audio_mtok, cached_audio, prices.output_audio_mtok)
    starts = sorted({tier.start for kind in (*kinds, *audio) for tier in getattr(kind, "tiers", ())})
    tiers = tuple((start, _build_rates(kinds, audio, start)) for start in starts)
    return Price(_build_rates(kinds, audio, 0), tiers)


def _build_rates(kinds: Sequence[Any], audio: Sequence[Any], start: int) -> Rates:
    rates = [_rate(kind, start) for kind in kinds]
    return Rates(*rates, *(None if kind is None else _rate(kind, start) for kind in audio))


def _rate(kind: Any, start: int) -> int:
    """The rate of one kind of tokens in the tier that begins at `start`; 0 is the base."""
    if kind is None:
        return 0
    if not hasattr(kind, "tiers"):
        return _to_billionths(kind)
    reached = [tier.price for tier in kind.tiers if 0 < tier.start <= start]
    return _to_billionths(reached[-1] if reached else kind.base)


def usd_per_million(rate: int) -> float:
    """A rate in US dollars per million tokens."""
    return rate / _BILLIONTHS_PER_TOKEN


def usd_per_request(price: Price) -> float:
    return price.request / (CREDITS_PER_USD * _BILLIONTHS)


def usd_per_unit(price: Price) -> float:
    return price.unit / (CREDITS_PER_USD * _BILLIONTHS)
