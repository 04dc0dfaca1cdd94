"""What became of the calls to each provider since the start of this process, from telemetry. Knows no HTTP."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from understudy import telemetry
from understudy.clock import Clock

_MAX_PROVIDERS: Final = 100
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


class ProviderHistory:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._providers: dict[str, ProviderCalls] = {}
        self._unsubscribe: Callable[[], None] | None = None

    async def start(self) -> None:
        self._unsubscribe = telemetry.subscribe(telemetry.ModelCalled, self._add_call)

    async def stop(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()

    def list(self) -> list[ProviderCalls]:
        """The providers that were called, by name."""
        return sorted(self._providers.values(), key=lambda one: one.name)

    def _add_call(self, event: telemetry.ModelCalled) -> None:
        one = self._providers.get(event.provider)
        if one is None:
            if len(self._providers) >= _MAX_PROVIDERS:
                return
            one = self._providers[event.provider] = ProviderCalls(event.provider)
        one.calls += 1
        if event.status == "ok":
            one.last_success_at = self._clock.now()
        elif event.status not in _REFUSALS:
            one.errors += 1
            one.last_error_at, one.last_error = self._clock.now(), event.status
