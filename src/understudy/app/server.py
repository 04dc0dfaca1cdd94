"""The application: builds every part from the settings, starts them, and stops them in the right order.

`create_app` has no effect but its result; the lifespan opens and closes.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from starlette.applications import Starlette

from understudy.api.client_address import check_proxies
from understudy.api.cors import CorsPolicy
from understudy.api.middleware import RequestMiddleware
from understudy.api.open_streams import OpenStreams
from understudy.api.parts import Parts
from understudy.api.routes import build_routes, build_socket_routes
from understudy.app.assembly import Execution, Groups, build_admission, build_execution, build_parts
from understudy.app.building import (
    Base,
    Retrieval,
    Video,
    build_base,
    build_retrieval,
    build_videos,
)
from understudy.app.reload import Reload
from understudy.app.roles import Role
from understudy.app.storage import LocationCheck, open_node_store, start_parts
from understudy.app.tracing import open_tracer
from understudy.broker.opening import build_broker
from understudy.clock import Clock, SystemClock
from understudy.console import Console
from understudy.engine.admission.models import ModelChecks
from understudy.engine.blob_probe import BlobProbe
from understudy.engine.jobs.runs import RunWorker
from understudy.engine.provider_calls import ProviderHistory
from understudy.looper import BackgroundPart, Looper
from understudy.settings import Settings
from understudy.site import Site
from understudy.store import Store

_ERASE_SECONDS = 0.5
_SWEEP_FILES_SECONDS = 1.0
_UPGRADE_SECONDS = 1.0
_DIVIDE_SECONDS = 30.0
_SWEEP_RESPONSES_SECONDS = 60.0
_SWEEP_KERNELS_SECONDS = 60.0
_SWEEP_CONTAINERS_SECONDS = 60.0
_REVOKED_KEYS_SECONDS = 1.0
_KEY_USES_SECONDS = 20.0
_SWEEP_HOLDS_SECONDS = 30.0
_SWEEP_JOURNALS_SECONDS = 5.0
# The share of the shutdown time in which streams may end by themselves.
_DRAIN_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Understudy:
    """The running parts that the process which serves the application uses.

    `superseded` is set when a later version has upgraded the database: the process must end. `reload` applies changed
    settings.
    """

    store: Store
    node_id: str
    worker: RunWorker
    drains: Sequence[Callable[[], Awaitable[None]]]
    streams: OpenStreams
    patience: float
    superseded: asyncio.Event
    reload: Reload

    async def drain(self) -> None:
        """Stops new work, hands active jobs over, and ends streams within `patience` seconds."""
        # Streams of chat need none of the drains, which take long under load.
        await asyncio.gather(*(drain() for drain in self.drains), self.streams.finish(self.patience))


def create_app(settings: Settings, clock: Clock | None = None, role: Role | None = None) -> Starlette:
    """The ASGI application. Its lifespan raises StoreError if the store cannot be opened.

    Raises SettingsError for an invalid proxy.
    """
    check_proxies(settings.trusted_proxies)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await _open_parts(app, stack, settings, clock or SystemClock(), role or Role())
            yield

    # Starlette routes WebSockets only, and has none of its two layers for errors: the middleware renders them all.
    app = Starlette(routes=build_socket_routes(), lifespan=lifespan)
    app.router.redirect_slashes = False
    api = RequestMiddleware(build_routes(), app.router, CorsPolicy(settings.cors.origins))
    site = Site(api)
    app.middleware_stack = Console(site, reloads=settings.console.reload) if settings.console.enabled else site
    return app


async def _open_parts(app: Starlette, stack: AsyncExitStack, settings: Settings, clock: Clock, role: Role) -> None:
    """Builds the parts from the ground up and starts them; the stack ends them from the top down."""
    broker = build_broker(settings.broker, settings.limits.log_retention)
    open_tracer(stack, settings, broker.node_id)
    superseded = asyncio.Event()
    store, blobs, location_id = await open_node_store(stack, settings, clock, role, broker, superseded)
    base = build_base(stack, settings, clock, role, store, blobs, broker)
    BlobProbe(broker, base.files, store, blobs)
    retrieval = build_retrieval(stack, base)
    execution = build_execution(stack, base, retrieval)
    video = build_videos(base)
    checks, providers = (
        ModelChecks(base.models, base.limiter.permissions),
        ProviderHistory(clock, base.models.list_skipped),
    )
    admit = partial(build_admission, base, retrieval, execution, checks)
    groups = Groups(base, retrieval, execution, video, checks, providers)
    parts = build_parts(stack, groups, admit(settings))
    app.state.parts = parts
    app.state.understudy = Understudy(
        store,
        broker.node_id,
        execution.worker,
        _list_drains(retrieval, execution.worker, video, parts),
        parts.streams,
        settings.shutdown_seconds * _DRAIN_SHARE,
        superseded,
        Reload(app, base, execution.worker, execution.interpreter, admit),
    )
    check = LocationCheck(store, blobs, location_id)
    await start_parts(stack, [providers, parts.metrics])
    await start_parts(stack, _list_background_parts(base, retrieval, execution, check, video, parts))


def _list_drains(
    retrieval: Retrieval, worker: RunWorker, video: Video, parts: Parts
) -> tuple[Callable[[], Awaitable[None]], ...]:
    return (
        worker.stop,
        parts.batches.stop,
        parts.transcriptions.stop,
        parts.transfers.stop,
        retrieval.ingestion.stop,
        retrieval.embedding.stop,
        video.jobs.drain,
        parts.webhooks.drain,
        parts.realtime.drain,
    )


def _list_background_parts(
    base: Base,
    retrieval: Retrieval,
    execution: Execution,
    check: LocationCheck,
    video: Video,
    parts: Parts,
) -> tuple[BackgroundPart, ...]:
    """In the order of their start; they stop in reverse."""
    store, worker = base.store, execution.worker
    writing: list[BackgroundPart] = [] if worker.streams is None else [worker.streams]
    following: list[BackgroundPart] = [] if worker.remote is None else [worker.remote]
    serving: tuple[BackgroundPart, ...] = (
        base.broker,
        base.limiter.policies,
        base.limiter,
        retrieval.ingestion,
        retrieval.embedding,
        execution.sandbox,
        *writing,
        parts.responses.unstored,
        worker,
        *following,
        check,
        parts.webhooks,
        parts.project_events,
        video.jobs,
        Looper(_SWEEP_FILES_SECONDS, partial(store.pending_work.run_if_pending, "expired_file", base.files.sweep)),
        Looper(_REVOKED_KEYS_SECONDS, partial(parts.streams.end_revoked, parts.active_keys)),
        Looper(_KEY_USES_SECONDS, parts.key_uses.flush),
        Looper(_SWEEP_HOLDS_SECONDS, base.accounting.release_ended),
        Looper(_SWEEP_JOURNALS_SECONDS, store.usage_journal.sweep),
        parts.batches,
        parts.transcriptions,
        parts.transfers,
    )
    return (*serving, *_list_job_parts(base, video, parts)) if base.role.runs_jobs else serving


def _list_job_parts(base: Base, video: Video, parts: Parts) -> tuple[BackgroundPart, ...]:
    """Those of a node that runs jobs, which start last."""
    store, run_if_pending = base.store, base.store.pending_work.run_if_pending
    uses_gateway = base.settings.sandbox.kind == "gateway" and base.broker.is_shared
    kernels = [Looper(_SWEEP_KERNELS_SECONDS, parts.containers.end_orphaned_kernels)] if uses_gateway else []
    return (
        *kernels,
        video.callbacks,
        Looper(_ERASE_SECONDS, partial(run_if_pending, "deleted_thread", store.threads.erase)),
        Looper(_ERASE_SECONDS, partial(run_if_pending, "removed_document", store.chunks.sweep)),
        Looper(_UPGRADE_SECONDS, partial(run_if_pending, "earlier_document", store.chunks.upgrade_terms)),
        Looper(_UPGRADE_SECONDS, partial(run_if_pending, "earlier_run", store.runs.fill_columns)),
        Looper(_UPGRADE_SECONDS, partial(run_if_pending, "earlier_thread", store.threads.fill_activity)),
        Looper(_DIVIDE_SECONDS, store.chunks.divide_stores),
        Looper(_SWEEP_RESPONSES_SECONDS, parts.responses.sweep),
        Looper(_SWEEP_CONTAINERS_SECONDS, parts.containers.release_expired_uploads),
        Looper(_SWEEP_CONTAINERS_SECONDS, parts.files.measure_container_uploads),
    )
