"""The outcomes of calls to providers and models since the start of this process, from telemetry. Knows no HTTP."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from understudy import telemetry
from understudy.clock import Clock
from understudy.engine.metrics import families
from understudy.engine.metrics.instruments import Counter, Histogram
from understudy.wire.health import HealthProvider

_MAX_PROVIDERS: Final = 100
_MAX_MODELS: Final = 1000
_MEASURED_STREAMS: Final = 50
# The client is at fault, not the provider.
_REFUSALS: Final = frozenset({"invalid_request", "model_not_found"})


@dataclass(slots=True)
class ProviderCalls:
    """Times are in Unix seconds. `last_error` is the kind of the latest error; refused requests do not count."""

    name: str
    calls: int = 0
    errors: int = 0
    last_success_at: float | None = None
    last_error_at: float | None = None
    last_error: str | None = None

    def add(self, status: str, now: float) -> None:
        self.calls += 1
        if status == "ok":
            self.last_success_at = now
        elif status not in _REFUSALS:
            self.errors += 1
            self.last_error_at, self.last_error = now, status


@dataclass(slots=True)
class ModelCalls:
    """`first_deltas` are the seconds to the first content of the latest streams."""

    calls: ProviderCalls
    first_deltas: deque[float] = field(default_factory=lambda: deque(maxlen=_MEASURED_STREAMS))

    @property
    def typical_first_delta(self) -> float | None:
        """The median, in seconds; None without a stream."""
        return median(self.first_deltas) if self.first_deltas else None


class ProviderHistory:
    """`attempts` by provider and outcome (`ok` or the kind of the error), `retries` by provider, and the `durations` of
    attempts by provider and whether they are streamed, in seconds: the metrics of providers.

    `list_skipped` returns the models by provider that calls with fallbacks try last now.
    """

    def __init__(self, clock: Clock, list_skipped: Callable[[], Mapping[str, list[str]]]) -> None:
        self.list_skipped: Final = list_skipped
        self.attempts: Final = Counter()
        self.retries: Final = Counter()
        self.durations: Final = Histogram(families.UPSTREAM_SECONDS.bounds)
        self._clock = clock
        self._providers: dict[str, ProviderCalls] = {}
        self._models: dict[str, ModelCalls] = {}
        self._unsubscribe: Callable[[], None] | None = None

    async def start(self) -> None:
        self._unsubscribe = telemetry.subscribe(telemetry.ModelCalled, self._add_call)

    async def stop(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()

    def list(self) -> list[ProviderCalls]:
        """The providers that were called, by name."""
        return sorted(self._providers.values(), key=lambda one: one.name)

    def render_provider(self, name: str) -> HealthProvider | None:
        """The calls to a provider; None before the first one."""
        calls = self._providers.get(name)
        return None if calls is None else render_calls(calls, self.list_skipped().get(name, ()))

    def find_model(self, model: str) -> ModelCalls | None:
        """The calls of a model, by the provider's id for it, with or without `PROVIDER/`; None before the first one."""
        return self._models.get(model)

    def _add_call(self, event: telemetry.ModelCalled) -> None:
        now = self._clock.now()
        provider = self._providers.get(event.provider)
        if provider is None and len(self._providers) < _MAX_PROVIDERS:
            provider = self._providers[event.provider] = ProviderCalls(event.provider)
        if provider is not None:
            provider.add(event.status, now)
            self._count_call(event)
        for name in (event.model, f"{event.provider}/{event.model}"):
            model = self._models.get(name)
            if model is None and len(self._models) < _MAX_MODELS:
                model = self._models[name] = ModelCalls(ProviderCalls(name))
            if model is not None:
                model.calls.add(event.status, now)
                if event.streamed and event.status == "ok":
                    model.first_deltas.append(event.duration)

    def _count_call(self, event: telemetry.ModelCalled) -> None:
        provider = event.provider
        self.attempts.add((provider, event.status))
        if event.retry:
            self.retries.add((provider,))
        self.durations.observe((provider, "true" if event.streamed else "false"), event.duration)


def render_calls(one: ProviderCalls, skipped_models: Sequence[str]) -> HealthProvider:
    return HealthProvider(
        name=one.name,
        calls=one.calls,
        errors=one.errors,
        last_success_at=None if one.last_success_at is None else int(one.last_success_at),
        last_error_at=None if one.last_error_at is None else int(one.last_error_at),
        last_error=one.last_error,
        skipped_models=list(skipped_models),
    )
