"""Counts what this process does: subscribes to telemetry and adds to counters, distributions and the history.

A request costs one or two microseconds with its event, a delta nothing.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from understudy import telemetry
from understudy.engine.metrics import families
from understudy.engine.metrics.families import FAMILIES, Family
from understudy.engine.metrics.history import History
from understudy.engine.metrics.instruments import Counter, Distribution, Histogram, NameLimit

UNKNOWN: Final = "unknown"
"""The operation and the group of a request that found none."""
PROBES: Final = frozenset({"Health", UNKNOWN})
"""Groups of requests that are not part of the history."""

_MAX_MODELS: Final = 50
_MAX_CODES: Final = 20
_RUN_ENDS: Final = frozenset({"completed", "incomplete", "failed", "cancelled", "expired", "requires_action"})
_FILE_ENDS: Final = frozenset({"completed", "failed", "cancelled"})
_QUEUES: Final = {
    "run": "runs",
    "batch": "batches",
    "file": "files",
    "embedding": "vectors",
    "video": "videos",
    "transcription": "transcriptions",
    "delivery": "deliveries",
    "transfer": "transfers",
}


@dataclass(slots=True, eq=False)
class _Route:
    """The requests of an operation with one status. `latencies` are those of the operation's group."""

    latencies: Distribution
    is_probe: bool
    count: int = 0


class Activity:
    """`groups` has the group of each operation id."""

    def __init__(self, groups: Mapping[str, str], history: History) -> None:
        self.counters: Final = {family: Counter() for family in FAMILIES if family.kind == "counter"}
        self.histograms: Final = {family: Histogram(family.bounds) for family in FAMILIES if family.kind == "histogram"}
        self.running: Final = dict.fromkeys(_QUEUES.values(), 0)
        self._groups = groups
        self._history = history
        self._routes: dict[tuple[str, int], _Route] = {}
        self._models = NameLimit(_MAX_MODELS)
        self._codes = NameLimit(_MAX_CODES)
        self._endings: list[Callable[[], None]] = []

    async def start(self) -> None:
        self._endings = [
            telemetry.subscribe(telemetry.RequestFinished, self._add_request),
            telemetry.subscribe(telemetry.RequestLimited, self._add_refusal),
            telemetry.subscribe(telemetry.KeyRejected, self._add_rejected_key),
            telemetry.subscribe(telemetry.FirstDelta, self._add_first_delta),
            telemetry.subscribe(telemetry.ObjectChanged, self._add_file),
            telemetry.subscribe(telemetry.RunStopped, self._add_run),
            telemetry.subscribe(telemetry.TokensUsed, self._add_tokens),
            telemetry.subscribe(telemetry.ToolExecuted, self._add_tool_call),
            telemetry.subscribe(telemetry.KernelStarted, self._add_kernel),
            telemetry.subscribe(telemetry.KernelStopped, self._add_kernel_stop),
            telemetry.subscribe(telemetry.DocumentIndexed, self._add_document),
            telemetry.subscribe(telemetry.PassagesEmbedded, self._add_vectors),
            telemetry.subscribe(telemetry.JobClaimed, self._add_job),
            telemetry.subscribe(telemetry.JobFinished, self._end_job),
            telemetry.subscribe(telemetry.JobRetried, self._end_failed_job),
            telemetry.subscribe(telemetry.DeliveryAttempted, self._add_delivery),
            telemetry.subscribe(telemetry.TransactionFinished, self._add_transaction),
            telemetry.subscribe(telemetry.BrokerDisconnected, self._add_disconnect),
        ]

    async def stop(self) -> None:
        for end in self._endings:
            end()

    def count_requests(self) -> Mapping[tuple[str, ...], float]:
        """The requests by operation and status."""
        return {(operation or UNKNOWN, str(status)): route.count for (operation, status), route in self._routes.items()}

    # -- requests ----------------------------------------------------------------------------------------------

    def _add_request(self, event: telemetry.RequestFinished) -> None:
        route = self._routes.get((event.operation, event.status))
        if route is None:
            route = self._open_route(event.operation, event.status)
        route.count += 1
        latencies, latency = route.latencies, event.latency
        place = bisect_left(latencies.bounds, latency)
        latencies.counts[place] += 1
        latencies.total += latency
        if route.is_probe:
            return
        figures = self._history.find(event.project_id)
        figures.latencies.counts[place] += 1
        if event.status >= 500:
            figures.errors += 1
        elif event.status == 429:
            figures.limited += 1

    def _open_route(self, operation: str, status: int) -> _Route:
        name = operation or UNKNOWN
        group = self._groups.get(name, UNKNOWN)
        latencies = self.histograms[families.HTTP_LATENCY].find((group,))
        route = self._routes[operation, status] = _Route(latencies, group in PROBES)
        return route

    def _add_refusal(self, event: telemetry.RequestLimited) -> None:
        self._count_event(families.RATE_LIMITED, event.scope, event.limit)

    def _add_rejected_key(self, event: telemetry.KeyRejected) -> None:
        # The codes of errors are ours, unless a provider's error is passed on.
        self._count_event(families.KEYS_REJECTED, self._codes.limit(event.code))

    def _add_first_delta(self, event: telemetry.FirstDelta) -> None:
        self._observe(families.FIRST_DELTA, event.duration, event.kind)
        self._history.find(event.project_id).first_deltas.observe(event.duration)

    # -- runs and tools ----------------------------------------------------------------------------------------

    def _add_run(self, event: telemetry.RunStopped) -> None:
        self._count_event(families.RUNS, event.kind, event.status if event.status in _RUN_ENDS else "released")
        self._observe(families.RUN_SECONDS, event.duration, event.kind)

    def _add_tokens(self, event: telemetry.TokensUsed) -> None:
        model = self._models.limit(event.model)
        tokens = self.counters[families.TOKENS]
        tokens.add((model, "input"), event.input_tokens)
        tokens.add((model, "cached"), event.cached_tokens)
        tokens.add((model, "output"), event.output_tokens)
        self.counters[families.COST].add((model,), event.cost)

    def _add_tool_call(self, event: telemetry.ToolExecuted) -> None:
        self._count_event(families.TOOL_CALLS, event.tool, "refused" if event.refused else "executed")
        self._observe(families.TOOL_SECONDS, event.duration, event.tool)

    def _add_kernel(self, event: telemetry.KernelStarted) -> None:
        if event.failed:
            self._count_event(families.SANDBOX_FAILURES)
        else:
            self._observe(families.SANDBOX_START, event.duration)

    def _add_kernel_stop(self, event: telemetry.KernelStopped) -> None:
        self._count_event(families.SANDBOX_STOPS, event.reason)

    # -- jobs --------------------------------------------------------------------------------------------------

    def _add_file(self, event: telemetry.ObjectChanged) -> None:
        if event.object == "vector_store.file" and event.status in _FILE_ENDS:
            self._count_event(families.FILES, event.status)

    def _add_document(self, event: telemetry.DocumentIndexed) -> None:
        self._observe(families.INGESTION_SECONDS, event.duration)
        self.counters[families.PASSAGES].add(("indexed",), event.chunks)

    def _add_vectors(self, event: telemetry.PassagesEmbedded) -> None:
        self.counters[families.PASSAGES].add(("embedded",), event.chunks)

    def _add_job(self, event: telemetry.JobClaimed) -> None:
        queue = _QUEUES.get(event.job_kind, event.job_kind)
        self.running[queue] = self.running.get(queue, 0) + 1
        if event.wait is not None:
            self._observe(families.JOB_WAIT, event.wait, queue)

    def _end_job(self, event: telemetry.JobFinished) -> None:
        self._add_job_end(event, event.status)

    def _end_failed_job(self, event: telemetry.JobRetried) -> None:
        self._add_job_end(event, "retried")

    def _add_job_end(self, event: telemetry.JobFinished | telemetry.JobRetried, outcome: str) -> None:
        queue = _QUEUES.get(event.job_kind, event.job_kind)
        self.running[queue] -= 1
        self._count_event(families.JOBS, queue, outcome)
        self._observe(families.JOB_SECONDS, event.duration, queue)

    def _add_delivery(self, event: telemetry.DeliveryAttempted) -> None:
        code = event.status_code
        outcome = "failed" if not code else "delivered" if 200 <= code < 300 else "refused"
        self._count_event(families.DELIVERIES, outcome)

    def _add_transaction(self, event: telemetry.TransactionFinished) -> None:
        self._observe(families.STORE_SECONDS, event.duration, event.kind)
        if event.failed:
            self._count_event(families.STORE_ERRORS, event.kind)

    def _add_disconnect(self, _: telemetry.BrokerDisconnected) -> None:
        self._count_event(families.BROKER_DISCONNECTS)

    def _count_event(self, family: Family, *labels: str) -> None:
        self.counters[family].add(labels)

    def _observe(self, family: Family, seconds: float, *labels: str) -> None:
        self.histograms[family].observe(labels, seconds)
