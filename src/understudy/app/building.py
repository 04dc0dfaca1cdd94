"""Builds the parts that several others need, each group by one function. Starts nothing."""

import shutil
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from understudy.app.roles import Role
from understudy.blobs import Blobs
from understudy.broker import Broker
from understudy.clock import Clock
from understudy.engine.accounting import Accounting
from understudy.engine.admission.models import ModelChecks
from understudy.engine.container_files import ContainerFiles
from understudy.engine.containers import Containers
from understudy.engine.documents import Documents
from understudy.engine.files import Files
from understudy.engine.health import Health, HealthSources
from understudy.engine.images import Images
from understudy.engine.item_data import ItemData
from understudy.engine.item_images import ItemImages
from understudy.engine.job_holds import JobHolds
from understudy.engine.jobs.batches import Batches
from understudy.engine.jobs.embedding import Embedding
from understudy.engine.jobs.ingestion import Ingestion
from understudy.engine.jobs.runs import RunWorker
from understudy.engine.jobs.transcriptions import Transcriptions
from understudy.engine.jobs.transfers import Transfers
from understudy.engine.jobs.video_callbacks import VideoCallbacks
from understudy.engine.jobs.videos import VideoJobs
from understudy.engine.limits.limiter import RateLimiter
from understudy.engine.limits.policies import Policies
from understudy.engine.provider_calls import ProviderHistory
from understudy.engine.remote_containers import RemoteContainers
from understudy.engine.retrieval_charges import RetrievalCharges
from understudy.engine.run.logs import Logs
from understudy.engine.run.tool_use import Tools
from understudy.engine.sign_in import SignIn
from understudy.engine.tools.container_sessions import ContainerSessions
from understudy.engine.tools.interpreter import Interpreter
from understudy.engine.vector_stores import VectorStores
from understudy.engine.videos import Videos
from understudy.errors import SettingsError
from understudy.llm.connection import Connection
from understudy.llm.embedders import build_embedders
from understudy.llm.prices import Prices
from understudy.llm.rehearsal import Rehearsal
from understudy.llm.rerankers import ProviderReranker
from understudy.llm.router import Models
from understudy.media.download import Downloader
from understudy.media.providers import open_provider
from understudy.retrieval.children import ChildPool
from understudy.retrieval.embed import Embedders
from understudy.retrieval.extract import Extractor, build_recognition
from understudy.retrieval.search import Index
from understudy.settings import ProviderSettings, Settings
from understudy.store import Store
from understudy.tools.mcp import RemoteServers
from understudy.tools.sandbox import Sandbox, open_sandbox
from understudy.tools.web import WebSearch

# Each reads and writes as fast as the disk and the database allow.
_MAX_TRANSFERS = 2
# Each waits for a provider.
_MAX_TRANSCRIPTIONS = 32
# For a whole file.
_RECORDING_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Base:
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
    limiter: RateLimiter
    broker: Broker


@dataclass(frozen=True, slots=True)
class Retrieval:
    ingestion: Ingestion
    embedding: Embedding
    vector_stores: VectorStores
    documents: Documents
    images: Images
    item_data: ItemData
    item_images: ItemImages
    embedders: Embedders


@dataclass(frozen=True, slots=True)
class Video:
    videos: Videos
    jobs: VideoJobs
    callbacks: VideoCallbacks


def build_base(
    stack: AsyncExitStack,
    settings: Settings,
    clock: Clock,
    role: Role,
    store: Store,
    blobs: Blobs,
    broker: Broker,
) -> Base:
    models, prices, accounting = build_models_and_prices(stack, settings, store, clock)
    files = Files(store, blobs, clock)
    limiter = RateLimiter(Policies(store, broker, settings.limits), broker, models, clock)
    limiter.policies.listeners.append(accounting.forget_limits)
    return Base(settings, clock, role, store, blobs, files, models, prices, accounting, limiter, broker)


def build_retrieval(stack: AsyncExitStack, base: Base) -> Retrieval:
    spool = base.role.own_directory(base.settings.data / "spool")
    data = ItemData(base.store, base.blobs, base.files, base.limiter)
    index, ingestion, extractor = build_ingestion(
        stack,
        base.settings,
        base.store,
        base.blobs,
        base.models,
        base.accounting,
        base.clock,
        base.broker,
        base.role,
        spool,
    )
    return Retrieval(
        ingestion,
        Embedding(base.store, index, base.clock, base.broker, base.role.limit_jobs(1)),
        VectorStores(
            base.store, index, ingestion, base.clock, base.limiter.permissions, RetrievalCharges(base.accounting)
        ),
        Documents(base.store, base.blobs, extractor, spool),
        Images(base.store, base.blobs),
        data,
        ItemImages(base.store, base.blobs, base.files, data),
        index.embedders,
    )


def build_sign_in(stack: AsyncExitStack, base: Base) -> SignIn | None:
    """None without `[oidc]`. Raises SettingsError if the packages of the extra are not installed."""
    oidc = base.settings.oidc
    if oidc.issuer is None or oidc.public_url is None:
        return None
    try:
        from understudy.oidc.client import OidcClient  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SettingsError(
            f"`oidc` needs packages that are not installed ({error}); run `pip install 'understudy[oidc]'`."
        ) from None
    client = OidcClient(oidc, f"{oidc.public_url.rstrip('/')}/auth/callback")
    stack.push_async_callback(client.close)
    return SignIn(oidc, client, base.store, base.clock)


def build_worker(
    base: Base,
    retrieval: Retrieval,
    interpreter: Interpreter,
    remote_servers: RemoteServers,
    web: WebSearch,
    logs: Logs,
) -> RunWorker:
    tools = Tools(
        retrieval.vector_stores,
        interpreter,
        remote_servers,
        web,
        retrieval.images.load,
        retrieval.documents.load,
        retrieval.item_images,
        retrieval.item_data,
    )
    places = base.role.limit_jobs(base.settings.limits.concurrent_runs)
    return RunWorker(
        base.store,
        base.models,
        tools,
        base.accounting,
        base.limiter,
        base.broker,
        logs,
        base.clock,
        places,
        base.settings.limits.log_retention,
    )


def build_models_and_prices(
    stack: AsyncExitStack, settings: Settings, store: Store, clock: Clock
) -> tuple[Models, Prices, Accounting]:
    models = build_models(settings, clock)
    stack.push_async_callback(models.close)
    prices = Prices(settings.models, clock, public=settings.billing.public_prices)
    accounting = Accounting(store.ledger, store.usage_journal, models, prices, settings.billing, clock)
    stack.push_async_callback(accounting.close)
    return models, prices, accounting


def build_batches(base: Base, models: ModelChecks) -> Batches:
    return Batches(
        base.store,
        base.blobs,
        base.files,
        base.clock,
        base.accounting,
        base.limiter,
        base.broker,
        places=base.role.limit_jobs(base.settings.limits.concurrent_batch_lines),
        longest_line=base.settings.limits.body_bytes,
        refuses_model=models.explain_missing,
    )


def build_transfers(base: Base, retrieval: Retrieval) -> Transfers:
    return Transfers(
        base.store,
        base.blobs,
        base.files,
        retrieval.item_data,
        base.clock,
        base.broker,
        base.limiter,
        retrieval.ingestion,
        base.role.own_directory(base.settings.data / "transfers"),
        base.role.limit_transfers(_MAX_TRANSFERS),
    )


def build_transcriptions(base: Base) -> Transcriptions:
    return Transcriptions(
        base.store,
        base.blobs,
        base.files,
        base.models,
        base.accounting,
        base.clock,
        base.broker,
        JobHolds(base.accounting, base.store.billable_jobs, "transcription"),
        base.role.limit_jobs(_MAX_TRANSCRIPTIONS),
    )


def build_recordings(base: Base) -> Downloader:
    """Downloads recordings from the URLs of requests."""
    limits = base.settings.limits
    return Downloader(
        allow_private=limits.private_urls, seconds=_RECORDING_SECONDS, private_setting="limits.private_urls"
    )


def build_interpreter(base: Base) -> tuple[Sandbox, Interpreter, Containers]:
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
    containers = Containers(
        sessions,
        local,
        remote,
        base.store,
        base.clock,
        settings.sandbox.memory_mb,
        settings.sandbox.idle_seconds,
    )
    return sandbox, interpreter, containers


def build_health(base: Base, retrieval: Retrieval, sandbox: Sandbox, providers: ProviderHistory) -> Health:
    code = sandbox if base.role.runs_jobs else None
    sources = HealthSources(base.settings, base.store, base.broker, code, retrieval.embedders, providers)
    return Health(sources, base.clock)


def build_videos(base: Base) -> Video:
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
        base.store, base.clock, allowed=video.callbacks, allow_private=settings.webhooks.allow_private
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
        JobHolds(base.accounting, base.store.billable_jobs, "video"),
        places=base.role.limit_jobs(video.concurrent),
    )
    videos = Videos(base.store, base.files, provider, base.accounting, callbacks, jobs, video, base.clock)
    return Video(videos, jobs, callbacks)


def build_ingestion(
    stack: AsyncExitStack,
    settings: Settings,
    store: Store,
    blobs: Blobs,
    models: Models,
    accounting: Accounting,
    clock: Clock,
    broker: Broker,
    role: Role,
    spool: Path,
) -> tuple[Index, Ingestion, Extractor]:
    reading = settings.retrieval
    children = ChildPool(settings.limits.concurrent_indexing, reading.memory_mb << 20)
    stack.push_async_callback(children.close)
    # A separate pool: an embedder runs while a child of the other pool splits the text.
    embedders = build_embedders(settings.embeddings, models, processes=1)
    stack.push_async_callback(embedders.close)
    recognition = build_recognition(reading)
    if recognition is not None:
        stack.push_async_callback(recognition.children.close)
    extractor = Extractor(
        children, spool, seconds=reading.seconds, text_bytes=reading.text_bytes, recognition=recognition
    )
    index = Index(store.chunks, embedders, children, ProviderReranker(models))
    ingestion = Ingestion(
        store,
        blobs,
        extractor,
        index,
        RetrievalCharges(accounting),
        JobHolds(accounting, store.billable_jobs, "file"),
        clock,
        broker,
        role.limit_jobs(settings.limits.concurrent_indexing),
    )
    return index, ingestion, extractor


def build_models(settings: Settings, clock: Clock) -> Models:
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
