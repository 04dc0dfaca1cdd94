"""Which models of providers fail call after call, so that calls with fallbacks try them last. Knows no call.

One circuit is one model at one provider, since a server of many models may fail with one of them alone. Only failing
models have a circuit. Five faults in a row open it for ten seconds; then one call tries the model, which closes it, or
opens it for twice as long, up to a minute. A stream that dies midway is a fault as well, after which only a complete
response proves that the model works: its next stream may begin and die again.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from understudy.errors import UpstreamError
from understudy.llm.models import Target

logger = logging.getLogger(__name__)

MAX_FAULTS: Final = 5
FIRST_SECONDS: Final = 10.0
MAX_SECONDS: Final = 60.0
_MAX_CIRCUITS: Final = 1000
_FAULTS: Final = frozenset({"unreachable", "timeout", "server_error"})

_Key = tuple[str, str]


@dataclass(slots=True)
class _Circuit:
    """`seconds` is 0 while the circuit is closed; `retry_at` is a monotonic time. `is_tried`: by a call now.

    `breaks`: a stream of the model has died since its latest complete response.
    """

    faults: int = 0
    seconds: float = 0.0
    retry_at: float = 0.0
    is_tried: bool = False
    breaks: bool = False

    def open(self, seconds: float, now: float) -> None:
        self.seconds, self.retry_at, self.is_tried = seconds, now + seconds, False


class Circuits:
    """`failing` is empty as long as every model works: a successful call needs no more than that."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.failing: Final[dict[_Key, _Circuit]] = {}
        self._monotonic = monotonic

    def order(self, targets: Sequence[Target]) -> tuple[Target, ...]:
        """The targets with those of open circuits last, so that a call fails only if all of them do.

        A target that is first after its time is the one that this call tries; until that has ended, or for as long
        again, other calls do not.
        """
        now = self._monotonic()
        ready: list[Target] = []
        skipped: list[Target] = []
        for target in targets:
            circuit = self.failing.get(_key(target))
            if circuit is None or not circuit.seconds:
                ready.append(target)
            elif circuit.retry_at <= now and not ready:
                circuit.retry_at, circuit.is_tried = now + circuit.seconds, True
                ready.append(target)
            else:
                skipped.append(target)
        return (*ready, *skipped)

    def is_open(self, target: Target) -> bool:
        """Whether calls with fallbacks try the target last."""
        circuit = self.failing.get(_key(target))
        return circuit is not None and circuit.seconds > 0

    def list_open(self) -> dict[str, list[str]]:
        """The models of open circuits, by provider."""
        found: dict[str, list[str]] = {}
        for (provider, model), circuit in sorted(self.failing.items()):
            if circuit.seconds:
                found.setdefault(provider, []).append(model)
        return found

    def record_success(self, target: Target) -> None:
        circuit = self.failing.pop(_key(target), None)
        if circuit is not None and circuit.seconds:
            _log_change(target, "closed", "works again")

    def record_opening(self, target: Target) -> None:
        """The first content of a stream has arrived."""
        circuit = self.failing.get(_key(target))
        if circuit is not None and not circuit.breaks:
            self.record_success(target)

    def record_broken_stream(self, target: Target, error: UpstreamError) -> None:
        """As `record_failure`, for a stream that has begun."""
        self.record_failure(target, error)
        if (circuit := self.failing.get(_key(target))) is not None:
            circuit.breaks = True

    def record_failure(self, target: Target, error: UpstreamError) -> None:
        """Any response that is not the provider's own failure proves that it works."""
        if error.kind not in _FAULTS or (error.status is not None and 400 <= error.status < 500):
            if error.status is not None:
                self.record_success(target)
            return
        circuit = self._find_or_add(_key(target))
        circuit.faults += 1
        if circuit.is_tried:
            circuit.open(min(2 * circuit.seconds, MAX_SECONDS), self._monotonic())
        elif not circuit.seconds and circuit.faults >= MAX_FAULTS:
            circuit.open(FIRST_SECONDS, self._monotonic())
            _log_change(target, "open", f"failed {MAX_FAULTS} times in a row: fallbacks come first")

    def _find_or_add(self, key: _Key) -> _Circuit:
        if key not in self.failing and len(self.failing) >= _MAX_CIRCUITS:
            del self.failing[next(iter(self.failing))]
        return self.failing.setdefault(key, _Circuit())


def _key(target: Target) -> _Key:
    return target.provider.name, target.model


def _log_change(target: Target, state: str, reason: str) -> None:
    provider, model = _key(target)
    extra = {"event": "upstream.circuit", "fields": {"provider": provider, "model": model, "code": state}}
    logger.warning("provider %s %s", provider, reason, extra=extra)
