"""Which provider answers for which model id. Knows no request and no retry.

A provider's own list is asked for when it is first needed, by one task at a time, and again after five minutes, or
after ten seconds where somebody misses a model on it. Whoever needs a list waits a bounded time and then does without.
"""

import asyncio
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from understudy.clock import Clock
from understudy.errors import SettingsError, UpstreamError
from understudy.llm import context_windows
from understudy.llm.provider import ModelCard, Provider
from understudy.settings import ProviderSettings

REHEARSAL = "rehearsal"
REHEARSAL_EMBEDDING = "rehearsal-embedding"
DISCOVERY_WAIT = 2.0
"""Seconds from the start of a discovery for which somebody waits for it."""

_MAX_COMPARED_IDS = 2000
"""Models of one provider that a refusal chooses from."""

_EMBEDDED = frozenset({REHEARSAL, REHEARSAL_EMBEDDING})

LIST_TTL = 300.0
LIST_RETRY_DELAY = 10.0

HOSTED_FAMILIES = ("gpt-", "chatgpt-", "claude-", "gemini-", "codex-", "computer-use-", "text-embedding-")
"""What the ids of hosted models begin with that the embedded model stands in for where there is no provider."""

_HOSTED_ID = re.compile(rf"(?:.*/)?(?:ft:)?(?:{'|'.join(HOSTED_FAMILIES)}|o[1-9](?:-|$)).*|.*/?o[1-9]")

_DATED_ID = re.compile(r"(.+?)(?:-20\d\d-?\d\d-?\d\d|:latest)")


@dataclass(frozen=True, slots=True)
class Target:
    """A provider and its own id of the model that was asked for."""

    provider: Provider
    model: str
    retries: int


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request for a model goes, in order. `listed`: an alias or a list names the model; else it is a guess."""

    targets: tuple[Target, ...]
    listed: bool


class ProviderModels:
    """One configured provider's models: its aliases, and the list that the settings or the provider itself give."""

    def __init__(self, provider: Provider, settings: ProviderSettings, clock: Clock, created: int) -> None:
        self.provider = provider
        self.settings = settings
        self._clock = clock
        self._created = created
        self._patterns = [
            (_compile_wildcard(alias), model) for alias, model in settings.aliases.items() if "*" in alias
        ]
        self._windows = [(_compile_wildcard(own), size) for own, size in settings.context_windows.items() if "*" in own]
        self._discovers = settings.models is None and settings.kind != "azure"
        self._cards = self._cards_for(settings.models or ())
        self._id_variants = {name for model in self._cards for name in _id_variants(model)}
        self._discovery_started_at = -math.inf
        self._failed = False
        self._task: asyncio.Task[None] | None = None

    def alias(self, model: str) -> str | None:
        if (own := self.settings.aliases.get(model)) is not None:
            return own
        return next((own for pattern, own in self._patterns if pattern.fullmatch(model)), None)

    def window(self, own: str) -> int:
        """The context window of one of the provider's own models, in tokens."""
        if (known := self.settings.context_windows.get(own)) is not None:
            return known
        fitting = (size for pattern, size in self._windows if pattern.fullmatch(own))
        return next(fitting, context_windows.window(own))

    def is_listed(self, model: str) -> bool:
        """Whether the list as it is known now names the model, by its full id or a short one."""
        return model in self._id_variants

    def find_with_vendor(self, model: str) -> str | None:
        """The listed id that is `model` behind the name of a vendor, where there is one such."""
        found = [own for own in self._cards if own.endswith(f"/{model}")]
        return found[0] if len(found) == 1 else None

    def aliases_of(self, own: str) -> list[str]:
        """What else clients may call one of the provider's own models."""
        return [alias for alias, target in self.settings.aliases.items() if target == own and "*" not in alias]

    @property
    def accepts_any_model(self) -> bool:
        """Only a request can show what the provider has: no list is known, or it is known to be incomplete."""
        return self.accepts_unlisted or (self._discovers and not self._cards)

    @property
    def accepts_unlisted(self) -> bool:
        return self.settings.unlisted_models == "pass"

    @property
    def is_list_known(self) -> bool:
        """Whether there is a list already, or none will ever be asked for."""
        return bool(self._cards) or not self._discovers or self._failed

    def provider_model_id(self, model: str) -> str | None:
        """None where the provider is known not to have the model."""
        if (own := self.alias(model)) is not None:
            return own
        return model if self.is_listed(model) or self.accepts_any_model else None

    def cards(self) -> list[ModelCard]:
        exact = [alias for alias in self.settings.aliases if "*" not in alias]
        return [*self._cards.values(), *self._cards_for(exact).values()]

    def start_discovery(self, *, missed: bool = False) -> asyncio.Task[None] | None:
        """The task that asks for the list, where it is due (`missed`: a model is not on it) or under way already."""
        if not self._discovers:
            return None
        if self._task is None or self._task.done():
            age = self._clock.now() - self._discovery_started_at
            if age < (LIST_RETRY_DELAY if missed else LIST_TTL):
                return None
            self._discovery_started_at = self._clock.now()
            self._task = asyncio.create_task(self._discover())
        return self._task

    @property
    def remaining_wait(self) -> float:
        """Seconds that the discovery under way is still worth waiting for; none after one that failed."""
        left = self._discovery_started_at + DISCOVERY_WAIT - self._clock.now()
        return 0.0 if self._failed else min(max(left, 0.0), DISCOVERY_WAIT)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self.provider.close()

    async def _discover(self) -> None:
        try:
            cards = await self.provider.models()
        except UpstreamError:
            self._failed = True  # the list stays as it was
            return
        self._failed = False
        self._cards = {card.id: card for card in cards}
        self._id_variants = {name for card in cards for name in _id_variants(card.id)}

    def _cards_for(self, models: Sequence[str]) -> dict[str, ModelCard]:
        return {model: ModelCard(model, self._created, self.provider.name) for model in models}


class Catalog:
    """Every provider's shelf, in configured order, and the embedded model."""

    def __init__(
        self,
        providers: Mapping[str, tuple[Provider, ProviderSettings]],
        rehearsal: Provider | None,
        clock: Clock,
        known_windows: Mapping[str, int] | None = None,
    ) -> None:
        self._windows = known_windows or {}
        created = int(clock.now())
        self._shelves = {
            name: ProviderModels(provider, settings, clock, created) for name, (provider, settings) in providers.items()
        }
        self._rehearsal = rehearsal
        self._created = created
        self.has_stand_ins = rehearsal is not None and not self._shelves
        """Whether the embedded model stands in for any hosted one."""
        self._check_fallbacks()
        spare = self._fallback_names()
        self._primary_shelves = [shelf for name, shelf in self._shelves.items() if name not in spare]
        self._fallback_shelves = [shelf for name, shelf in self._shelves.items() if name in spare]

    async def find(self, model: str) -> Route | None:
        """None where the model is certainly unknown. Waits for lists at most PATIENCE seconds."""
        if (route := self._resolve(model)) is not None and route.listed:
            self._refresh()
            return route
        if route is not None and self._skips_discovery(route):
            self._refresh(missed=True)
            return route
        if await self._discover(missed=True):
            route = self._resolve(model)
        return route

    def nearest(self, model: str, count: int) -> tuple[Sequence[str], int]:
        """Ids of known models, those that begin alike first, and how many there are."""
        shown = [card.id for shelf in self._shelves.values() for card in shelf.cards()[:_MAX_COMPARED_IDS]]
        if self._rehearsal is not None:
            shown += [REHEARSAL]
        known = sorted(set(shown), key=lambda one: (-_common_prefix_length(one, model), one))
        return known[:count], len(known)

    def window(self, model: str) -> int:
        """The context window, in tokens, of the model that answers for this id first."""
        if model in self._windows:
            return self._windows[model]
        route = self._resolve(model)
        if route is None:
            return context_windows.DEFAULT
        target = route.targets[0]
        shelf = self._shelves.get(target.provider.name)
        return context_windows.window(target.model) if shelf is None else shelf.window(target.model)

    def is_stand_in(self, model: str) -> bool:
        """Whether the embedded model answers for this id of a hosted model first."""
        return self.has_stand_ins and _HOSTED_ID.fullmatch(model) is not None

    def names_and_url(self, model: str) -> tuple[tuple[str, ...], str | None]:
        """The model's names, as it was asked for and as its provider knows it, and the provider's base URL."""
        route = self._resolve(model)
        if route is None:
            return (model,), None
        target = route.targets[0]
        shelf = self._shelves.get(target.provider.name)
        return tuple(dict.fromkeys((model, target.model))), None if shelf is None else shelf.settings.base_url

    def aliases(self, model: str) -> Sequence[str]:
        """Other ids that lead to the same model."""
        return [alias for shelf in self._shelves.values() for alias in shelf.aliases_of(model)]

    def is_embedded(self, model: str) -> bool:
        """Whether the embedded model answers for this id, its own or one of a hosted model."""
        return (self._rehearsal is not None and model in _EMBEDDED) or self.is_stand_in(model)

    async def list(self) -> list[ModelCard]:
        """Sorted by id; of two providers with the same id, the first one's. An unreachable provider is left out."""
        await self._discover()
        cards = [card for shelf in self._shelves.values() for card in shelf.cards()]
        if self._rehearsal is not None:
            cards += [self._build_card(model, REHEARSAL) for model in (REHEARSAL, REHEARSAL_EMBEDDING)]
        by_id = {card.id: card for card in reversed(cards)}
        return [by_id[model] for model in sorted(by_id)]

    async def get(self, model: str) -> ModelCard | None:
        """None where no alias and no list names the model."""
        route = await self.find(model)
        if route is None or not route.listed:
            return None
        listed = (card for shelf in self._shelves.values() for card in shelf.cards())
        card = next((card for card in listed if card.id == model), None)
        return card or self._build_card(model, route.targets[0].provider.name)

    async def close(self) -> None:
        await asyncio.gather(*(shelf.close() for shelf in self._shelves.values()))
        if self._rehearsal is not None:
            await self._rehearsal.close()

    def _skips_discovery(self, route: Route) -> bool:
        """Whether no list has to be waited for, since one that lacks the model changes nothing."""
        shelf = self._shelves.get(route.targets[0].provider.name)
        return shelf is not None and shelf.accepts_unlisted and shelf.is_list_known

    def _resolve(self, model: str) -> Route | None:
        """As far as the lists are known now."""
        if (pinned := self._resolve_pinned(model)) is not None:
            return pinned
        if self._rehearsal is not None and self.is_embedded(model):
            return Route((Target(self._rehearsal, model, 0),), listed=True)
        found = self._resolve_among(self._primary_shelves, model) or self._resolve_among(self._fallback_shelves, model)
        return found if found is not None and found.listed else self._resolve_by_vendor(model) or found

    def _resolve_by_vendor(self, model: str) -> Route | None:
        """`openai/gpt-4o` where `gpt-4o` is listed, or the other way round: both are used for the same model."""
        _, _, bare = model.partition("/")
        for shelf in (*self._primary_shelves, *self._fallback_shelves):
            if bare and (shelf.alias(bare) is not None or shelf.is_listed(bare)):
                return self._build_route(shelf, bare, listed=True)
            if (own := shelf.find_with_vendor(model)) is not None:
                return self._build_route(shelf, own, listed=True)
        return None

    def _resolve_among(self, shelves: Sequence[ProviderModels], model: str) -> Route | None:
        """By alias, then by list, then by guess: the first provider that has no list."""
        for shelf in shelves:
            if shelf.alias(model) is not None:
                return self._build_route(shelf, model, listed=True)
        for shelf in shelves:
            if shelf.is_listed(model):
                return self._build_route(shelf, model, listed=True)
        guess = next((shelf for shelf in shelves if shelf.accepts_any_model), None)
        return None if guess is None else self._build_route(guess, model, listed=False)

    def _resolve_pinned(self, model: str) -> Route | None:
        """`provider/model`; but an id that only looks so, and that another provider lists, is not pinned."""
        name, slash, rest = model.partition("/")
        shelf = self._shelves.get(name)
        if not slash or shelf is None or shelf.provider_model_id(rest) is None:
            return None
        listed = shelf.alias(rest) is not None or shelf.is_listed(rest)
        if not listed and any(other.is_listed(model) for other in self._shelves.values()):
            return None
        return self._build_route(shelf, rest, listed=listed)

    def _build_route(self, shelf: ProviderModels, model: str, *, listed: bool) -> Route:
        targets = [self._build_target(name, model) for name in (shelf.provider.name, *shelf.settings.fallbacks)]
        return Route(tuple(target for target in targets if target is not None), listed)

    def _build_target(self, name: str, model: str) -> Target | None:
        if name == REHEARSAL and name not in self._shelves:
            return None if self._rehearsal is None else Target(self._rehearsal, model, 0)
        shelf = self._shelves[name]
        own = shelf.provider_model_id(model)
        return None if own is None else Target(shelf.provider, own, shelf.settings.retries)

    async def _discover(self, *, missed: bool = False) -> bool:
        """Whether a list was asked for, or is being."""
        tasks = self._refresh(missed=missed)
        if tasks:
            patience = max(shelf.remaining_wait for shelf, _ in tasks)
            await asyncio.wait([task for _, task in tasks], timeout=patience)
        return bool(tasks)

    def _refresh(self, *, missed: bool = False) -> Sequence[tuple[ProviderModels, asyncio.Task[None]]]:
        shelves = self._shelves.values()
        return [(shelf, task) for shelf in shelves if (task := shelf.start_discovery(missed=missed)) is not None]

    def _build_card(self, model: str, owner: str) -> ModelCard:
        return ModelCard(model, self._created, owner)

    def _check_fallbacks(self) -> None:
        for name, shelf in self._shelves.items():
            for fallback in shelf.settings.fallbacks:
                if fallback not in self._shelves and fallback != REHEARSAL:
                    raise SettingsError(
                        f"providers.{name}.fallbacks names {fallback!r}, which is not a configured provider."
                    )

    def _fallback_names(self) -> set[str]:
        """Providers that are a fallback of one before them. Their aliases, made for that, must not attract requests."""
        spare: set[str] = set()
        before: set[str] = set()
        for name, shelf in self._shelves.items():
            before.add(name)
            spare.update(fallback for fallback in shelf.settings.fallbacks if fallback not in before)
        return spare


def _compile_wildcard(alias: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in alias.split("*")), re.DOTALL)


def _common_prefix_length(one: str, other: str) -> int:
    """How many characters two ids begin with in common."""
    differing = (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differing, min(len(one), len(other)))


def _id_variants(own: str) -> Iterator[str]:
    """The id, and the short one of a snapshot (`claude-x` for `claude-x-20250929`) or of a tag (`llama3:latest`)."""
    yield own
    if match := _DATED_ID.fullmatch(own):
        yield match[1]
