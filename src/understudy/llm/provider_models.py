"""The models of one provider: aliases, and the list from the settings or from the provider.

The first use of a provider's list fetches it, by one task at a time. It is fetched again after five minutes, or after
ten seconds if a requested model is not in it. A request waits for a list for a bounded time.
"""

import asyncio
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from understudy.clock import Clock
from understudy.errors import UpstreamError
from understudy.llm import context_windows
from understudy.llm.provider import ModelCard, Provider, UnlistedProvider
from understudy.settings import ProviderSettings

DISCOVERY_WAIT: Final = 2.0
"""Seconds from the start of a discovery for which requests wait."""

LIST_TTL: Final = 300.0
LIST_RETRY_DELAY: Final = 10.0
_DATED_ID: Final = re.compile(r"(.+?)(?:-20\d\d-?\d\d-?\d\d|:latest)")


class ProviderModels:
    """The models of one provider: its aliases, and the list of the settings or of the provider itself."""

    def __init__(
        self,
        provider: Provider,
        settings: ProviderSettings,
        clock: Clock,
        created: int,
        on_change: Callable[[], None],
    ) -> None:
        """`on_change` is called when the provider's list was replaced."""
        self.provider = provider
        self.settings = settings
        self._clock = clock
        self._created = created
        self._on_change = on_change
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
        if (exact := self.settings.context_windows.get(own)) is not None:
            return exact
        for pattern, size in self._windows:
            if pattern.fullmatch(own):
                return size
        return context_windows.window(own)

    def is_listed(self, model: str) -> bool:
        """Whether the current list has the model, by its full id or a short one."""
        return model in self._id_variants

    def find_with_vendor(self, model: str) -> str | None:
        """The only listed id of the form `VENDOR/model`, if any."""
        matches = [own for own in self._cards if own.endswith(f"/{model}")]
        return matches[0] if len(matches) == 1 else None

    def aliases_of(self, own: str) -> list[str]:
        """Other ids for one of the provider's own models."""
        return [alias for alias, target in self.settings.aliases.items() if target == own and "*" not in alias]

    @property
    def accepts_any_model(self) -> bool:
        """Whether any model may exist: the list is missing or known to be incomplete."""
        return self.accepts_unlisted or (self._discovers and not self._cards)

    @property
    def accepts_unlisted(self) -> bool:
        return self.settings.unlisted_models == "pass"

    @property
    def has_final_list(self) -> bool:
        """Whether the list is complete, or will not be fetched."""
        return bool(self._cards) or not self._discovers or self._failed

    def provider_model_id(self, model: str) -> str | None:
        """The provider's own id of the model; None if it does not have the model."""
        if (own := self.alias(model)) is not None:
            return own
        return model if self.is_listed(model) or self.accepts_any_model else None

    def cards(self) -> list[ModelCard]:
        exact = [alias for alias in self.settings.aliases if "*" not in alias]
        return [*self._cards.values(), *self._cards_for(exact).values()]

    def start_discovery(self, *, missed: bool = False) -> asyncio.Task[None] | None:
        """The task that fetches the list, if it is due (`missed`: the list lacks a model) or already runs."""
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
        """Seconds to wait for the current discovery; 0 after a failed one."""
        remaining = self._discovery_started_at + DISCOVERY_WAIT - self._clock.now()
        return 0.0 if self._failed else min(max(remaining, 0.0), DISCOVERY_WAIT)

    async def fetch(self) -> int | None:
        """How many models the provider lists now; None for one that lists no models of its own.

        The list becomes the current one, unless the settings have one. Raises UpstreamError.
        """
        if isinstance(self.provider, UnlistedProvider):
            await self.provider.check()
            return None
        cards = await self.provider.models()
        if self._discovers:
            self._adopt(cards)
        return len(cards)

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
        self._adopt(cards)

    def _adopt(self, cards: Sequence[ModelCard]) -> None:
        self._failed = False
        self._discovery_started_at = self._clock.now()
        self._cards = {card.id: card for card in cards}
        self._id_variants = {name for card in cards for name in _id_variants(card.id)}
        self._on_change()

    def _cards_for(self, models: Sequence[str]) -> dict[str, ModelCard]:
        return {model: ModelCard(model, self._created, self.provider.name) for model in models}


def _compile_wildcard(alias: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in alias.split("*")), re.DOTALL)


def _id_variants(own: str) -> Iterator[str]:
    """The id, and its short form without a date (`claude-x` of `claude-x-20250929`) or `:latest`."""
    yield own
    if match := _DATED_ID.fullmatch(own):
        yield match[1]
