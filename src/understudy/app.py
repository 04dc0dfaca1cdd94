"""The composition root: builds every part from the settings, starts them, and stops them in the right order.

The only module that knows all parts. `create_app` has no effect but its result; the lifespan opens and closes.
"""

import asyncio
import math
import os
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.applications import Starlette

from understudy import __version__
from understudy.api.batch_endpoints import batch_endpoints
from understudy.api.cors import CorsPolicy
from understudy.api.mcp import McpServer
from understudy.api.middleware import RequestMiddleware
from understudy.api.open_streams import OpenStreams
from understudy.api.parts import Parts
from understudy.api.routes import routes
from understudy.blobs import Blobs, open_blobs
from understudy.broker import Broker
from understudy.broker.memory import MemoryBroker
from understudy.broker.opening import build_broker
from understudy.clock import Clock, SystemClock
from understudy.console import Console
from understudy.engine.accounting import Accounting
from understudy.engine.admission import Admission
from understudy.engine.admission.models import ModelChecks
from understudy.engine.blob_location import claim_location, require_location
from understudy.engine.blob_probe import BlobProbe
from understudy.engine.container_files import ContainerFiles
from understudy.engine.containers import Containers
from understudy.engine.documents import Documents
from understudy.engine.files import Files
from understudy.engine.health import Health, HealthSources
from understudy.engine.images import Images
from understudy.engine.jobs.batches import Batches
from understudy.engine.jobs.deliveries import Webhooks
from understudy.engine.jobs.embedding import Embedding
from understudy.engine.jobs.ingestion import Ingestion
from understudy.engine.jobs.runs import RunWorker
from understudy.engine.jobs.video_callbacks import VideoCallbacks
from understudy.engine.jobs.videos import VideoJobs
from understudy.engine.nodes import NodeRegistration
from understudy.engine.project_events import ProjectEvents
from understudy.engine.provider_calls import ProviderHistory
from understudy.engine.reindex import Reindexer
from understudy.engine.remote_containers import RemoteContainers
from understudy.engine.responses import Responses
from understudy.engine.run.log import Logs
from understudy.engine.run.tool_use import Tools
from understudy.engine.runs import Runs
from understudy.engine.tools.container_sessions import ContainerSessions
from understudy.engine.tools.interpreter import Interpreter
from understudy.engine.traces import Traces
from understudy.engine.uploads import Uploads
from understudy.engine.vector_stores import VectorStores
from understudy.engine.videos import Videos
from understudy.errors import SettingsError
from understudy.llm.connection import Connection
from understudy.llm.embedders import build_embedders
from understudy.llm.model_info import ModelProfiles
from understudy.llm.prices import Prices
from understudy.llm.rehearsal import Rehearsal
from understudy.llm.router import Models
from understudy.looper import BackgroundPart, Looper
from understudy.media.download import Downloader
from understudy.media.providers import open_provider
from understudy.retrieval.children import ChildPool
from understudy.retrieval.embed import Embedders
from understudy.retrieval.extract import Extractor
from understudy.retrieval.search import Index
from understudy.settings import MEMORY_BROKER, ProviderSettings, Settings
from understudy.store import Store, data_directory, open_existing_store, open_store
from understudy.store.lock import identify_lock
from understudy.store.nodes import ROLE_WITHOUT_JOBS, Node
from understudy.tools.mcp import RemoteServers
from understudy.tools.sandbox import Sandbox, open_sandbox

_ERASE_SECONDS = 0.5
_SWEEP_FILES_SECONDS = 1.0
_UPGRADE_SECONDS = 1.0
_DIVIDE_SECONDS = 30.0
_SWEEP_RESPONSES_SECONDS = 60.0
_REVOKED_KEYS_SECONDS = 1.0
# The share of the shutdown time in which streams may end by themselves.
_DRAIN_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Understudy:
    """The running parts that the process which serves the application uses."""

    store: Store
    worker: RunWorker
    drains: Sequence[Callable[[], Awaitable[None]]]
    streams: OpenStreams
    patience: float

    async def drain(self) -> None:
        """Stops new work, hands active jobs over, and ends streams within `patience` seconds."""
        await asyncio.gather(*(drain() for drain in self.drains))
        await self.streams.finish(self.patience)


@dataclass(frozen=True, slots=True)
class Role:
    """What a process of a cluster does. `process` is its number among those that share one data directory.

    `address` is where it serves requests; None for a worker.
    """

    runs_jobs: bool = True
    process: int | None = None
    address: str | None = ""

    @property
    def name(self) -> str:
        """`server`, `server without jobs` or `worker`."""
        if self.address is None:
            return "worker"
        return "server" if self.runs_jobs else ROLE_WITHOUT_JOBS

    def limit_jobs(self, most: int) -> int:
        """How many jobs may run at a time."""
        return most if self.runs_jobs else 0

    def own_directory(self, directory: Path) -> Path:
        """The part of a directory that belongs to this process alone."""
        return directory if self.process is None else directory / f"process-{self.process}"


def create_app(settings: Settings, clock: Clock | None = None, role: Role | None = None) -> Starlette:
    """The ASGI application. Its lifespan raises StoreError if the store cannot be opened."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await _open_parts(app, stack, settings, clock or SystemClock(), role or Role())
            yield

    app = Starlette(routes=routes(), lifespan=lifespan)
    app.router.redirect_slashes = False
    # Without Starlette's own two layers for errors: this one renders them all.
    api = RequestMiddleware(app.router, CorsPolicy(settings.cors.origins))
    app.middleware_stack = Console(api, reloads=settings.console.reload) if settings.console.enabled else api
    return app


@dataclass(frozen=True, slots=True)
class _Base:
    """The parts that most others are built from."""

    settings: Settings
    clock: Clock
    role: Role
    store: Store
    blobs: Blobs
    files: Files
    models: Models
    prices: Prices
    accounting: Accounting
    broker: Broker


@dataclass(frozen=True, slots=True)
class _Retrieval:
    ingestion: Ingestion
    embedding: Embedding
    vector_stores: VectorStores
    documents: Documents
    images: Images
    embedders: Embedders


@dataclass(frozen=True, slots=True)
class _Video:
    videos: Videos
    jobs: VideoJobs
    callbacks: VideoCallbacks


@dataclass(frozen=True, slots=True)
class _LocationCheck:
    """Checks the location of the blobs again, after the parts that acquire a lease.

    Of two servers that start at once with different directories, one fails here.
    """

    store: Store
    blobs: Blobs
    location_id: str

    async def start(self) -> None:
        """Raises StoreError."""
        await require_location(self.store, self.blobs, self.location_id)

    async def stop(self) -> None:
        pass


async def _open_parts(app: Starlette, stack: AsyncExitStack, settings: Settings, clock: Clock, role: Role) -> None:
    """Builds the parts from the ground up and starts them; the stack ends them from the top down."""
    broker = build_broker(settings.broker, settings.limits.log_retention)
    store, blobs, location_id = await _open_store(stack, settings, clock, role, broker)
    base = _build_base(stack, settings, clock, role, store, blobs, broker)
    BlobProbe(broker, base.files, store, blobs)
    retrieval = _build_retrieval(stack, base)
    sandbox, interpreter, containers = _build_interpreter(base)
    remote_servers, logs = RemoteServers(settings.mcp), Logs(clock, settings.limits.log_retention)
    worker = _build_worker(base, retrieval, interpreter, remote_servers, logs)
    webhooks = Webhooks(store, settings.webhooks, clock, base.broker, delivers=role.runs_jobs)
    video = _build_videos(base)
    checks = ModelChecks(base.models)
    batches = _build_batches(base, checks)
    responses = Responses(store, worker, logs, clock, settings.limits.response_seconds)
    streams, mcp = OpenStreams(), McpServer(settings)
    providers = ProviderHistory(clock)
    stack.push_async_callback(mcp.close)
    app.state.parts = parts = Parts(
        settings=settings,
        store=store,
        models=base.models,
        accounting=base.accounting,
        admission=Admission(
            settings, store, checks, base.accounting, interpreter, remote_servers, retrieval.images, clock
        ),
        details=ModelProfiles(base.models, base.prices, settings.models),
        runs=Runs(store, worker, logs, clock, settings.limits.run_seconds),
        responses=responses,
        traces=Traces(store, worker),
        files=base.files,
        uploads=Uploads(store, blobs, base.files, clock, settings.limits.upload_bytes),
        vector_stores=retrieval.vector_stores,
        batches=batches,
        containers=containers,
        videos=video.videos,
        webhooks=webhooks,
        blobs=blobs,
        broker=base.broker,
        project_events=ProjectEvents(store, base.broker, clock),
        documents=retrieval.documents,
        health=_build_health(base, retrieval, sandbox, providers),
        clock=clock,
        streams=streams,
        mcp=mcp,
    )
    batches.endpoints = batch_endpoints(parts)
    app.state.understudy = Understudy(
        store,
        worker,
        (
            worker.stop,
            batches.stop,
            retrieval.ingestion.stop,
            retrieval.embedding.stop,
            video.jobs.drain,
            webhooks.drain,
        ),
        streams,
        settings.shutdown_seconds * _DRAIN_SHARE,
    )
    check = _LocationCheck(store, blobs, location_id)
    await _start_parts(stack, [providers])
    await _start_parts(stack, _list_background_parts(base, retrieval, sandbox, worker, check, video, parts))


def _list_background_parts(
    base: _Base,
    retrieval: _Retrieval,
    sandbox: Sandbox,
    worker: RunWorker,
    check: _LocationCheck,
    video: _Video,
    parts: Parts,
) -> tuple[BackgroundPart, ...]:
    """In the order of their start; they stop in reverse."""
    store = base.store
    writing: list[BackgroundPart] = [] if worker.streams is None else [worker.streams]
    following: list[BackgroundPart] = [] if worker.remote is None else [worker.remote]
    serving: tuple[BackgroundPart, ...] = (
        base.broker,
        retrieval.ingestion,
        retrieval.embedding,
        sandbox,
        *writing,
        worker,
        *following,
        check,
        parts.webhooks,
        parts.project_events,
        video.jobs,
        Looper(_SWEEP_FILES_SECONDS, base.files.sweep),
        Looper(_REVOKED_KEYS_SECONDS, partial(parts.streams.end_revoked, store.keys.active)),
        parts.batches,
    )
    if not base.role.runs_jobs:
        return serving
    return (
        *serving,
        video.callbacks,
        Looper(_ERASE_SECONDS, store.threads.erase),
        Looper(_ERASE_SECONDS, store.chunks.sweep),
        Looper(_UPGRADE_SECONDS, store.chunks.upgrade_terms),
        Looper(_UPGRADE_SECONDS, store.runs.fill_columns),
        Looper(_DIVIDE_SECONDS, store.chunks.divide_stores),
        Looper(_SWEEP_RESPONSES_SECONDS, parts.responses.sweep),
    )


async def _start_parts(stack: AsyncExitStack, parts: Iterable[BackgroundPart]) -> None:
    """Starts the parts in order; the stack stops those that have started, in reverse."""
    for part in parts:
        await part.start()
        stack.push_async_callback(part.stop)


def _build_base(
    stack: AsyncExitStack,
    settings: Settings,
    clock: Clock,
    role: Role,
    store: Store,
    blobs: Blobs,
    broker: Broker,
) -> _Base:
    models, prices, accounting = _build_models_and_prices(stack, settings, store, clock)
    files = Files(store, blobs, clock)
    return _Base(settings, clock, role, store, blobs, files, models, prices, accounting, broker)


def _build_retrieval(stack: AsyncExitStack, base: _Base) -> _Retrieval:
    spool = base.role.own_directory(base.settings.data / "spool")
    index, ingestion, extractor = _build_ingestion(
        stack, base.settings, base.store, base.blobs, base.models, base.clock, base.broker, base.role, spool
    )
    return _Retrieval(
        ingestion,
        Embedding(base.store, index, base.clock, base.broker, base.role.limit_jobs(1)),
        VectorStores(base.store, index, ingestion, base.clock),
        Documents(base.store, base.blobs, extractor, spool),
        Images(base.store, base.blobs),
        index.embedders,
    )


def _build_worker(
    base: _Base, retrieval: _Retrieval, interpreter: Interpreter, remote_servers: RemoteServers, logs: Logs
) -> RunWorker:
    tools = Tools(retrieval.vector_stores, interpreter, remote_servers, retrieval.images.load, retrieval.documents.load)
    places = base.role.limit_jobs(base.settings.limits.concurrent_runs)
    return RunWorker(
        base.store,
        base.models,
        tools,
        base.accounting,
        base.broker,
        logs,
        base.clock,
        places,
        base.settings.limits.log_retention,
    )


async def _open_store(
    stack: AsyncExitStack, settings: Settings, clock: Clock, role: Role, broker: Broker
) -> tuple[Store, Blobs, str]:
    """The store, its blobs, and the id of their location. Raises StoreError, SettingsError."""
    _check_shared_blobs(settings, role)
    store = await open_store(
        settings.data,
        settings.database,
        exclusive=role.process is None,
        clock=clock,
        is_pooled=settings.postgres.is_pooled,
    )
    stack.push_async_callback(store.close)
    await _start_parts(stack, [NodeRegistration(store, _new_node(settings, role, broker))])
    if settings.database is None:
        # The directory is locked, so every worker with a lease in it has died.
        await store.workers.retire()
        await store.blobs.drop_holds(math.inf)
    if settings.api_key is not None:
        await store.keys.create(settings.api_key, "from the settings", int(clock.now()))
    blobs = await open_blobs(settings.blobs, settings.data)
    stack.push_async_callback(blobs.close)
    location_id = await claim_location(store, blobs)
    await blobs.sweep()
    return store, blobs, location_id


def _new_node(settings: Settings, role: Role, broker: Broker) -> Node:
    """This process, with an identity of its data directory."""
    place = identify_lock(settings.data)
    return Node(
        id=broker.node_id,
        version=__version__,
        role=role.name,
        host=socket.gethostname(),
        pid=os.getpid(),
        address=role.address or "",
        place=place if role.process is None else f"{place}:{role.process}",
        is_clustered=broker.is_shared,
    )


def _check_shared_blobs(settings: Settings, role: Role) -> None:
    """Raises SettingsError if other nodes would not find the contents of this node's files."""
    blobs = settings.blobs
    if settings.broker != MEMORY_BROKER and blobs.kind == "directory" and not blobs.shared and role.process is None:
        raise SettingsError(
            f"`broker` is set, and files are stored in {str(settings.data / 'blobs')!r}, which other nodes may not see."
            " Set `blobs.kind` to 's3', or mount one directory there on every node and set `blobs.shared` to true."
        )


def _build_models_and_prices(
    stack: AsyncExitStack, settings: Settings, store: Store, clock: Clock
) -> tuple[Models, Prices, Accounting]:
    models = _build_models(settings, clock)
    stack.push_async_callback(models.close)
    prices = Prices(settings.models, clock, public=settings.billing.public_prices)
    accounting = Accounting(store.ledger, models, prices, settings.billing, clock)
    stack.push_async_callback(accounting.close)
    return models, prices, accounting


def _build_batches(base: _Base, models: ModelChecks) -> Batches:
    return Batches(
        base.store,
        base.blobs,
        base.files,
        base.clock,
        base.accounting,
        base.broker,
        places=base.role.limit_jobs(base.settings.limits.concurrent_batch_lines),
        longest_line=base.settings.limits.body_bytes,
        refuses_model=models.explain_missing,
    )


def _build_interpreter(base: _Base) -> tuple[Sandbox, Interpreter, Containers]:
    settings = base.settings
    sandbox = open_sandbox(settings.sandbox, base.clock, private=(settings.data,))
    sessions = ContainerSessions(
        sandbox,
        base.store,
        base.blobs,
        base.broker,
        settings.sandbox.cell_seconds + 10,
        runs_code=base.role.runs_jobs,
    )
    interpreter = Interpreter(
        sessions,
        base.store,
        base.files,
        base.clock,
        idle_seconds=settings.sandbox.idle_seconds,
        most_bytes=settings.limits.file_bytes,
    )
    local = ContainerFiles(sessions, base.store)
    remote = RemoteContainers(base.broker, local, base.files, base.store, base.blobs)
    containers = Containers(sessions, local, remote, base.store, base.clock, settings.sandbox.memory_mb)
    return sandbox, interpreter, containers


def _build_health(base: _Base, retrieval: _Retrieval, sandbox: Sandbox, providers: ProviderHistory) -> Health:
    code = sandbox if base.role.runs_jobs else None
    sources = HealthSources(base.settings, base.store, base.broker, code, retrieval.embedders, providers)
    return Health(sources, base.clock)


def _build_videos(base: _Base) -> _Video:
    settings, video = base.settings, base.settings.video

    def connect(key: str) -> Connection:
        # One attempt each: the video jobs decide about retries.
        service = ProviderSettings(api_key=key, first_byte_timeout=60.0, retries=0)
        return Connection("video", service, {"Authorization": f"Bearer {key}"}, base.clock)

    download = Downloader(allow_private=video.allow_private, seconds=video.seconds)
    # Unfinished files; those of a crash are useless.
    spool = base.role.own_directory(settings.data / "videos")
    shutil.rmtree(spool, ignore_errors=True)
    spool.mkdir(mode=0o700, parents=True)
    provider = open_provider(video, download, connect)
    callbacks = VideoCallbacks(
        base.store.videos, base.clock, allowed=video.callbacks, allow_private=settings.webhooks.allow_private
    )
    jobs = VideoJobs(
        base.store,
        base.blobs,
        base.files,
        provider,
        download,
        video,
        base.clock,
        spool,
        base.broker,
        places=base.role.limit_jobs(video.concurrent),
    )
    videos = Videos(base.store, base.files, provider, base.accounting, callbacks, jobs, video, base.clock)
    return _Video(videos, jobs, callbacks)


@asynccontextmanager
async def reindexing(settings: Settings) -> AsyncIterator[Reindexer]:
    """Indexing without a server, or beside one, which shares the work. Raises StoreError."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        store = await open_existing_store(
            settings.data, settings.database, clock=clock, is_pooled=settings.postgres.is_pooled
        )
        stack.push_async_callback(store.close)
        room = _local_directory(stack, settings)
        blobs = await open_blobs(settings.blobs, room)
        stack.push_async_callback(blobs.close)
        await require_location(store, blobs)
        models = _build_models(settings, clock)
        stack.push_async_callback(models.close)
        # A spool of its own, since a server clears the shared one.
        spool = Path(stack.enter_context(TemporaryDirectory(prefix="spool-", dir=room)))
        index, ingestion, _ = _build_ingestion(
            stack, settings, store, blobs, models, clock, MemoryBroker(), Role(), spool
        )
        await _start_parts(stack, [ingestion])
        yield Reindexer(store, index, ingestion)


def _local_directory(stack: AsyncExitStack, settings: Settings) -> Path:
    """The data directory, or a temporary one if blobs are in a bucket. Raises StoreError."""
    if settings.data.is_dir():
        return settings.data
    if settings.blobs.kind == "directory":
        raise data_directory.missing_directory_error(settings.data)
    return Path(stack.enter_context(TemporaryDirectory(prefix="understudy-")))


def _build_ingestion(
    stack: AsyncExitStack,
    settings: Settings,
    store: Store,
    blobs: Blobs,
    models: Models,
    clock: Clock,
    broker: Broker,
    role: Role,
    spool: Path,
) -> tuple[Index, Ingestion, Extractor]:
    reading = settings.retrieval
    children = ChildPool(settings.limits.concurrent_indexing, reading.memory_mb << 20)
    stack.push_async_callback(children.close)
    # A separate pool: an embedder runs while a child of the other pool splits the text.
    embedders = build_embedders(settings.embeddings, settings.providers, models, processes=1)
    stack.push_async_callback(embedders.close)
    extractor = Extractor(children, spool, seconds=reading.seconds, text_bytes=reading.text_bytes)
    index = Index(store.chunks, embedders, children)
    ingestion = Ingestion(
        store, blobs, extractor, index, clock, broker, role.limit_jobs(settings.limits.concurrent_indexing)
    )
    return index, ingestion, extractor


def _build_models(settings: Settings, clock: Clock) -> Models:
    context_windows = {
        model: own.context_length for model, own in settings.models.items() if own.context_length is not None
    }
    limits = settings.limits
    return Models(
        settings.providers,
        _build_rehearsal(settings, clock),
        clock,
        context_windows=context_windows,
        chat_seconds=limits.chat_seconds,
        private_urls=limits.private_urls,
    )


def _build_rehearsal(settings: Settings, clock: Clock) -> Rehearsal | None:
    return Rehearsal(settings.rehearsal, clock) if settings.rehearsal.enabled else None
