"""Routes of model ids to providers. Knows no request and no retry."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from understudy.clock import Clock
from understudy.errors import SettingsError
from understudy.llm import context_windows
from understudy.llm.provider import ModelCard, Provider
from understudy.llm.provider_models import ProviderModels
from understudy.settings import ProviderSettings

REHEARSAL = "rehearsal"
REHEARSAL_EMBEDDING = "rehearsal-embedding"

_MAX_COMPARED_IDS = 2000
"""Models of one provider to compare with an unknown id."""

_MAX_CACHED_ROUTES, _MAX_CACHED_ID = 1000, 200

_EMBEDDED = frozenset({REHEARSAL, REHEARSAL_EMBEDDING})

HOSTED_FAMILIES = ("gpt-", "chatgpt-", "claude-", "gemini-", "codex-", "computer-use-", "text-embedding-")
"""Prefixes of the ids of hosted models that the embedded model replaces without a provider."""

_HOSTED_ID = re.compile(rf"(?:.*/)?(?:ft:)?(?:{'|'.join(HOSTED_FAMILIES)}|o[1-9](?:-|$)).*|.*/?o[1-9]")


@dataclass(frozen=True, slots=True)
class Target:
    """A provider and its own id of the requested model."""

    provider: Provider
    model: str
    retries: int


@dataclass(frozen=True, slots=True)
class Route:
    """The targets of a model's requests, in order. `listed`: the model is an alias or in a list; else it is a guess."""

    targets: tuple[Target, ...]
    listed: bool


class Catalog:
    """The models of all providers, in configured order, and the embedded model."""

    def __init__(
        self,
        providers: Mapping[str, tuple[Provider, ProviderSettings]],
        rehearsal: Provider | None,
        clock: Clock,
        context_windows: Mapping[str, int] | None = None,
    ) -> None:
        self._windows = context_windows or {}
        created = int(clock.now())
        self._routes: dict[str, Route | None] = {}
        """Routes by the current lists, by model id."""
        self._providers = {
            name: ProviderModels(provider, settings, clock, created, self._routes.clear)
            for name, (provider, settings) in providers.items()
        }
        self._rehearsal = rehearsal
        self._created = created
        self.has_stand_ins = rehearsal is not None and not self._providers
        """Whether the embedded model replaces hosted models."""
        self._check_fallbacks()
        fallbacks = self._fallback_names()
        self._primary = [entry for name, entry in self._providers.items() if name not in fallbacks]
        self._fallbacks = [entry for name, entry in self._providers.items() if name in fallbacks]

    def has_provider(self, name: str) -> bool:
        return name in self._providers

    def list_providers(self) -> list[ProviderModels]:
        """In the order of the settings, without the embedded model."""
        return list(self._providers.values())

    async def find(self, model: str) -> Route | None:
        """None if no provider can have the model. Waits for lists at most DISCOVERY_WAIT seconds."""
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
        """At most `count` ids, those with the longest common prefix first, and the number of all ids."""
        models = [card.id for entry in self._providers.values() for card in entry.cards()[:_MAX_COMPARED_IDS]]
        if self._rehearsal is not None:
            models += [REHEARSAL]
        ranked = sorted(set(models), key=lambda one: (-_common_prefix_length(one, model), one))
        return ranked[:count], len(ranked)

    def window(self, model: str) -> int:
        """The context window of the first model for this id, in tokens."""
        if model in self._windows:
            return self._windows[model]
        route = self._resolve(model)
        if route is None:
            return context_windows.DEFAULT
        target = route.targets[0]
        entry = self._providers.get(target.provider.name)
        return context_windows.window(target.model) if entry is None else entry.window(target.model)

    def is_stand_in(self, model: str) -> bool:
        """Whether the embedded model replaces the hosted model of this id."""
        return self.has_stand_ins and _HOSTED_ID.fullmatch(model) is not None

    def names_and_url(self, model: str) -> tuple[tuple[str, ...], str | None]:
        """The requested id and the provider's own id of the model, and the provider's base URL."""
        route = self._resolve(model)
        if route is None:
            return (model,), None
        target = route.targets[0]
        entry = self._providers.get(target.provider.name)
        return tuple(dict.fromkeys((model, target.model))), None if entry is None else entry.settings.base_url

    def aliases(self, model: str) -> Sequence[str]:
        """Other ids of the same model."""
        return [alias for entry in self._providers.values() for alias in entry.aliases_of(model)]

    def is_embedded(self, model: str) -> bool:
        """Whether the embedded model serves this id, its own or one of a hosted model."""
        return (self._rehearsal is not None and model in _EMBEDDED) or self.is_stand_in(model)

    async def list(self) -> list[ModelCard]:
        """Sorted by id; the first provider of an id counts. Excludes unreachable providers."""
        await self._discover()
        cards = [card for entry in self._providers.values() for card in entry.cards()]
        if self._rehearsal is not None:
            cards += [self._build_card(model, REHEARSAL) for model in (REHEARSAL, REHEARSAL_EMBEDDING)]
        by_id = {card.id: card for card in reversed(cards)}
        return [by_id[model] for model in sorted(by_id)]

    async def get(self, model: str) -> ModelCard | None:
        """None if the model is neither an alias nor listed."""
        route = await self.find(model)
        if route is None or not route.listed:
            return None
        listed = (card for entry in self._providers.values() for card in entry.cards())
        card = next((card for card in listed if card.id == model), None)
        return card or self._build_card(model, route.targets[0].provider.name)

    async def close(self) -> None:
        await asyncio.gather(*(entry.close() for entry in self._providers.values()))
        if self._rehearsal is not None:
            await self._rehearsal.close()

    def _skips_discovery(self, route: Route) -> bool:
        """Whether the provider accepts unlisted models, so that its list need not be fetched first."""
        entry = self._providers.get(route.targets[0].provider.name)
        return entry is not None and entry.accepts_unlisted and entry.has_final_list

    def _resolve(self, model: str) -> Route | None:
        """The route by the current lists."""
        if model in self._routes:
            return self._routes[model]
        route = self._find_route(model)
        if len(model) <= _MAX_CACHED_ID:
            if len(self._routes) >= _MAX_CACHED_ROUTES:
                self._routes.clear()
            self._routes[model] = route
        return route

    def _find_route(self, model: str) -> Route | None:
        if (pinned := self._resolve_pinned(model)) is not None:
            return pinned
        if self._rehearsal is not None and self.is_embedded(model):
            return Route((Target(self._rehearsal, model, 0),), listed=True)
        route = self._resolve_among(self._primary, model) or self._resolve_among(self._fallbacks, model)
        return route if route is not None and route.listed else self._resolve_by_vendor(model) or route

    def _resolve_by_vendor(self, model: str) -> Route | None:
        """Finds a listed `gpt-4o` for `openai/gpt-4o`, and the reverse."""
        _, _, bare = model.partition("/")
        for entry in (*self._primary, *self._fallbacks):
            if bare and (entry.alias(bare) is not None or entry.is_listed(bare)):
                return self._build_route(entry, bare, listed=True)
            if (own := entry.find_with_vendor(model)) is not None:
                return self._build_route(entry, own, listed=True)
        return None

    def _resolve_among(self, providers: Sequence[ProviderModels], model: str) -> Route | None:
        """By alias, then by list, then the first provider without a list."""
        for entry in providers:
            if entry.alias(model) is not None:
                return self._build_route(entry, model, listed=True)
        for entry in providers:
            if entry.is_listed(model):
                return self._build_route(entry, model, listed=True)
        guess = next((entry for entry in providers if entry.accepts_any_model), None)
        return None if guess is None else self._build_route(guess, model, listed=False)

    def _resolve_pinned(self, model: str) -> Route | None:
        """The provider in `provider/model`, unless another provider lists that whole id."""
        name, slash, rest = model.partition("/")
        entry = self._providers.get(name)
        if not slash or entry is None or entry.provider_model_id(rest) is None:
            return None
        listed = entry.alias(rest) is not None or entry.is_listed(rest)
        if not listed and any(other.is_listed(model) for other in self._providers.values()):
            return None
        return self._build_route(entry, rest, listed=listed)

    def _build_route(self, entry: ProviderModels, model: str, *, listed: bool) -> Route:
        targets = [self._build_target(name, model) for name in (entry.provider.name, *entry.settings.fallbacks)]
        return Route(tuple(target for target in targets if target is not None), listed)

    def _build_target(self, name: str, model: str) -> Target | None:
        if name == REHEARSAL and name not in self._providers:
            return None if self._rehearsal is None else Target(self._rehearsal, model, 0)
        entry = self._providers[name]
        own = entry.provider_model_id(model)
        return None if own is None else Target(entry.provider, own, entry.settings.retries)

    async def _discover(self, *, missed: bool = False) -> bool:
        """Whether a list was due or is being fetched. Waits for it for a bounded time."""
        tasks = self._refresh(missed=missed)
        if tasks:
            timeout = max(entry.remaining_wait for entry, _ in tasks)
            await asyncio.wait([task for _, task in tasks], timeout=timeout)
        return bool(tasks)

    def _refresh(self, *, missed: bool = False) -> Sequence[tuple[ProviderModels, asyncio.Task[None]]]:
        providers = self._providers.values()
        return [(entry, task) for entry in providers if (task := entry.start_discovery(missed=missed)) is not None]

    def _build_card(self, model: str, owner: str) -> ModelCard:
        return ModelCard(model, self._created, owner)

    def _check_fallbacks(self) -> None:
        for name, entry in self._providers.items():
            for fallback in entry.settings.fallbacks:
                if fallback not in self._providers and fallback != REHEARSAL:
                    raise SettingsError(
                        f"providers.{name}.fallbacks names {fallback!r}, which is not a configured provider."
                    )

    def _fallback_names(self) -> set[str]:
        """Providers that are a fallback of an earlier one. Their aliases serve that purpose and attract no requests."""
        fallbacks: set[str] = set()
        before: set[str] = set()
        for name, entry in self._providers.items():
            before.add(name)
            fallbacks.update(fallback for fallback in entry.settings.fallbacks if fallback not in before)
        return fallbacks


def _common_prefix_length(one: str, other: str) -> int:
    """The length of the common prefix of two ids."""
    differing = (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differing, min(len(one), len(other)))
