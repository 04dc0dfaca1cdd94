"""Emits the duration of a transaction, and whether the database failed it. Knows neither engine."""

import time
from types import TracebackType

from understudy import telemetry
from understudy.errors import StoreError


class TransactionTimer:
    """Wraps one transaction, which raises StoreError if the database fails it."""

    __slots__ = ("_kind", "_started")

    def __init__(self, kind: telemetry.TransactionKind) -> None:
        self._kind = kind
        self._started = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        telemetry.emit(
            telemetry.TransactionFinished,
            kind=self._kind,
            failed=isinstance(error, StoreError),
            duration=telemetry.elapsed(self._started),
        )
