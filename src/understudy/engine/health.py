"""The health of this process and its cluster: nodes, queues, stores, sandbox, providers. Repairs nothing."""

import asyncio
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from understudy import __version__
from understudy.broker import Broker
from understudy.clock import Clock
from understudy.engine.provider_calls import ModelCalls, ProviderCalls, ProviderHistory, render_calls
from understudy.engine.skipped_models import SkippedModels
from understudy.retrieval.embed import Embedders
from understudy.settings import Settings
from understudy.store import Store
from understudy.store.nodes import RegisteredNode
from understudy.store.queues import QueueState
from understudy.tools.sandbox import Sandbox
from understudy.wire.health import (
    HealthBlobs,
    HealthBroker,
    HealthDatabase,
    HealthEmbedder,
    HealthNode,
    HealthObject,
    HealthProvider,
    HealthQueue,
    HealthSandbox,
)

# Within this time, all callers get one report.
_FRESH_SECONDS: Final = 2.0
_SANDBOX_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class HealthSources:
    """The parts that the report is about. `sandbox` is None where workers run all code."""

    settings: Settings
    store: Store
    broker: Broker
    sandbox: Sandbox | None
    embedders: Embedders
    providers: ProviderHistory


class Health:
    def __init__(self, sources: HealthSources, clock: Clock) -> None:
        self._sources = sources
        self._clock = clock
        self._skipped = SkippedModels(sources.broker, sources.providers.list_skipped)
        self._started = time.monotonic()
        self._lock = asyncio.Lock()
        self._report: HealthObject | None = None
        self._reported = 0.0

    async def examine(self) -> HealthObject:
        """A report that is at most two seconds old. Raises StoreError."""
        async with self._lock:
            if self._report is None or time.monotonic() - self._reported > _FRESH_SECONDS:
                self._report = await self._build_report()
                self._reported = time.monotonic()
            return self._report

    def find_model(self, model: str) -> ModelCalls | None:
        """The calls of a model on this node since its start; None before the first one."""
        return self._sources.providers.find_model(model)

    async def _build_report(self) -> HealthObject:
        sources = self._sources
        database = await self._examine_database()
        nodes, queues = await asyncio.gather(sources.store.nodes.list(), sources.store.queues.measure())
        skipped = await self._skipped.list([one.node.id for one in nodes if one.is_live])
        is_available = sources.broker.is_available
        successor = sources.embedders.find_successor()
        return HealthObject(
            status="ok" if is_available else "degraded",
            checked_at=int(self._clock.now()),
            node_id=sources.broker.node_id,
            version=__version__,
            uptime_seconds=int(time.monotonic() - self._started),
            nodes=[_render_node(node) for node in nodes],
            # Without a better embedder, documents of the built-in one wait for nothing.
            queues=[_render_queue(queue) for queue in queues if successor or queue.name != "vectors"],
            database=database,
            broker=HealthBroker(kind="shared" if sources.broker.is_shared else "memory", available=is_available),
            blobs=await self._examine_blobs(),
            sandbox=None if sources.sandbox is None else await self._examine_sandbox(sources.sandbox),
            embedder=HealthEmbedder(name=sources.embedders.default_name, successor=successor),
            providers=_render_providers(sources.providers.list(), skipped),
        )

    async def _examine_database(self) -> HealthDatabase:
        database, started = self._sources.store.database, time.perf_counter()
        await database.ready()
        latency_ms = round(1000 * (time.perf_counter() - started), 2)
        return HealthDatabase(kind="sqlite" if database.dialect == "sqlite" else "postgres", latency_ms=latency_ms)

    async def _examine_blobs(self) -> HealthBlobs:
        settings = self._sources.settings
        if settings.blobs.kind == "s3":
            return HealthBlobs(kind="s3", free_bytes=None, total_bytes=None)
        disk = await asyncio.to_thread(shutil.disk_usage, settings.data)
        return HealthBlobs(kind="directory", free_bytes=disk.free, total_bytes=disk.total)

    async def _examine_sandbox(self, sandbox: Sandbox) -> HealthSandbox:
        settings = self._sources.settings.sandbox
        available, problem = None, None
        try:
            async with asyncio.timeout(_SANDBOX_SECONDS):
                problem = await sandbox.check()
            available = problem is None
        except TimeoutError:
            pass  # the check continues, or the gateway is slow
        return HealthSandbox(
            kind=settings.kind,
            available=available,
            problem=problem,
            sessions=sandbox.count_sessions(),
            max_sessions=settings.sessions,
        )


def _render_providers(called: Sequence[ProviderCalls], skipped: Mapping[str, Sequence[str]]) -> list[HealthProvider]:
    """Also those that only other nodes have called, if models of them are skipped there."""
    others = [ProviderCalls(name) for name in skipped if all(one.name != name for one in called)]
    return [render_calls(one, skipped.get(one.name, ())) for one in (*called, *others)]


def _render_node(registered: RegisteredNode) -> HealthNode:
    node = registered.node
    return HealthNode(
        id=node.id,
        role=node.role,
        version=node.version,
        host=node.host,
        live=registered.is_live,
        started_at=int(registered.started_at),
        last_seen_at=int(registered.seen_at),
    )


def _render_queue(queue: QueueState) -> HealthQueue:
    return HealthQueue(name=queue.name, waiting=queue.waiting, oldest_created_at=queue.oldest_created_at)
