"""The model providers of the settings: what is known of them, and tests of their connections. Knows no HTTP."""

import asyncio
import time
from typing import Final

from understudy.clock import Clock
from understudy.engine.provider_calls import ProviderHistory
from understudy.errors import UpstreamError, not_found
from understudy.llm.provider_models import ProviderModels
from understudy.llm.router import Models
from understudy.wire.providers import ListProvidersResponse, ProviderObject, ProviderTestError, ProviderTestObject

_TEST_SECONDS: Final = 10.0
# Within this time, all callers get the result of one test.
_FRESH_SECONDS: Final = 2.0


class Providers:
    def __init__(self, models: Models, history: ProviderHistory, clock: Clock) -> None:
        self._models = models
        self._history = history
        self._clock = clock
        self._tests: dict[str, tuple[float, asyncio.Task[ProviderTestObject]]] = {}

    def list(self, *, with_urls: bool) -> ListProvidersResponse:
        """In the order of the settings."""
        return ListProvidersResponse(
            data=[self._render_provider(entry, with_urls) for entry in self._models.list_providers()]
        )

    async def test(self, name: str) -> ProviderTestObject:
        """Requests the provider's list of models, which becomes the current one. Raises NotFound."""
        entry = next((entry for entry in self._models.list_providers() if entry.provider.name == name), None)
        if entry is None:
            raise not_found("provider", name)
        started, task = self._tests.get(name, (0.0, None))
        if task is None or (task.done() and time.monotonic() - started > _FRESH_SECONDS):
            task = asyncio.create_task(self._test(entry))
            self._tests[name] = time.monotonic(), task
        # Another caller may wait for the same test.
        return await asyncio.shield(task)

    async def _test(self, entry: ProviderModels) -> ProviderTestObject:
        started, models, error = time.perf_counter(), None, None
        try:
            async with asyncio.timeout(_TEST_SECONDS):
                models = await entry.fetch()
        except UpstreamError as fault:
            error = ProviderTestError(type=fault.kind, message=fault.message)
        except TimeoutError:
            message = f"Provider {entry.provider.name!r} has not responded within {_TEST_SECONDS:g} s."
            error = ProviderTestError(type="timeout", message=message)
        return ProviderTestObject(
            name=entry.provider.name,
            status="ok" if error is None else "failed",
            checked_at=int(self._clock.now()),
            latency_ms=round(1000 * (time.perf_counter() - started), 1),
            models=models,
            error=error,
        )

    def _render_provider(self, entry: ProviderModels, with_urls: bool) -> ProviderObject:
        provider, settings = entry.provider, entry.settings
        return ProviderObject(
            name=provider.name,
            kind=settings.kind,
            base_url=settings.base_url if with_urls else None,
            fallbacks=list(settings.fallbacks),
            models=len(entry.cards()) if entry.has_final_list else None,
            calls=self._history.render_provider(provider.name),
        )
