"""Puts the built parts together: what executes runs, what admits work, and what the handlers of requests use."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from understudy.api.batch_endpoints import batch_endpoints
from understudy.api.mcp import McpServer
from understudy.api.open_streams import OpenStreams
from understudy.api.parts import Parts
from understudy.api.routes import GROUPS
from understudy.app.building import (
    Base,
    Retrieval,
    Video,
    build_batches,
    build_health,
    build_interpreter,
    build_recordings,
    build_sign_in,
    build_transcriptions,
    build_transfers,
    build_worker,
)
from understudy.engine.admission import Admission
from understudy.engine.admission.models import ModelChecks
from understudy.engine.containers import Containers
from understudy.engine.health import Health
from understudy.engine.hosted_tools import HostedTools
from understudy.engine.jobs.deliveries import Webhooks
from understudy.engine.jobs.runs import RunWorker
from understudy.engine.jobs.transfers import Deleters
from understudy.engine.key_uses import KeyUses
from understudy.engine.metrics.metrics import Metrics
from understudy.engine.metrics.snapshot import MetricsSources
from understudy.engine.project_events import ProjectEvents
from understudy.engine.provider_calls import ProviderHistory
from understudy.engine.providers import Providers
from understudy.engine.realtime.places import SessionPlaces
from understudy.engine.realtime.sessions import RealtimeSessions
from understudy.engine.responses import Responses
from understudy.engine.run.logs import Logs
from understudy.engine.run_contexts import RunContexts
from understudy.engine.runs import Runs
from understudy.engine.tools.interpreter import Interpreter
from understudy.engine.traces import Traces
from understudy.engine.uploads import Uploads
from understudy.llm.model_info import ModelProfiles
from understudy.media.download import Downloader
from understudy.settings import Settings
from understudy.tools.mcp import RemoteServers
from understudy.tools.sandbox import Sandbox
from understudy.tools.web import WebSearch

# The share of the shutdown time in which realtime sessions may end their responses.
_GRACE_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Execution:
    """What executes runs, and the code in them."""

    sandbox: Sandbox
    interpreter: Interpreter
    containers: Containers
    remote_servers: RemoteServers
    hosted: HostedTools
    logs: Logs
    worker: RunWorker


def build_execution(stack: AsyncExitStack, base: Base, retrieval: Retrieval) -> Execution:
    sandbox, interpreter, containers = build_interpreter(base)
    remote_servers = RemoteServers(base.settings.mcp)
    logs = Logs(base.clock, base.settings.limits.log_retention)
    web = WebSearch(base.settings.web_search, remote_servers, retrieval.documents.read_page)
    stack.push_async_callback(web.close)
    hosted = HostedTools(web, base.models, base.settings.responses)
    worker = build_worker(base, retrieval, interpreter, remote_servers, web, logs)
    return Execution(sandbox, interpreter, containers, remote_servers, hosted, logs, worker)


def build_admission(
    base: Base, retrieval: Retrieval, execution: Execution, checks: ModelChecks, settings: Settings
) -> Admission:
    """The checks of new work by `settings`, which a reload replaces."""
    return Admission(
        settings,
        base.store,
        checks,
        base.accounting,
        execution.interpreter,
        execution.remote_servers,
        retrieval.images,
        retrieval.item_images,
        base.clock,
        base.limiter,
        execution.hosted,
    )


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of parts that those of requests are made of."""

    base: Base
    retrieval: Retrieval
    execution: Execution
    video: Video
    checks: ModelChecks
    providers: ProviderHistory


def build_parts(stack: AsyncExitStack, groups: Groups, admission: Admission) -> Parts:
    base, retrieval, execution, providers = groups.base, groups.retrieval, groups.execution, groups.providers
    settings, store, clock = base.settings, base.store, base.clock
    health = build_health(base, retrieval, execution.sandbox, providers)
    streams, realtime, traces = OpenStreams(), _build_realtime(base), Traces(store, execution.worker)
    parts = Parts(
        settings=settings,
        store=store,
        models=base.models,
        accounting=base.accounting,
        admission=admission,
        limiter=base.limiter,
        details=ModelProfiles(base.models, base.prices, settings.models),
        runs=_build_runs(base, retrieval, execution),
        responses=_build_responses(base, retrieval, execution),
        traces=traces,
        contexts=RunContexts(store, traces),
        files=base.files,
        uploads=Uploads(store, base.blobs, base.files, clock, settings.limits.upload_bytes),
        vector_stores=retrieval.vector_stores,
        batches=build_batches(base, groups.checks),
        containers=execution.containers,
        videos=groups.video.videos,
        webhooks=Webhooks(store, settings.webhooks, clock, base.broker, delivers=base.role.runs_jobs),
        transcriptions=build_transcriptions(base),
        recordings=_build_recordings(stack, base),
        transfers=build_transfers(base, retrieval),
        blobs=base.blobs,
        broker=base.broker,
        project_events=ProjectEvents(store, base.broker, clock),
        documents=retrieval.documents,
        images=retrieval.images,
        item_data=retrieval.item_data,
        item_images=retrieval.item_images,
        key_uses=KeyUses(store),
        health=health,
        providers=Providers(base.models, providers, clock),
        metrics=_build_metrics(base, health, providers, streams, realtime),
        clock=clock,
        streams=streams,
        realtime=realtime,
        mcp=_build_mcp(stack, settings),
        sign_in=build_sign_in(stack, base),
    )
    _connect_jobs(parts)
    return parts


def _build_runs(base: Base, retrieval: Retrieval, execution: Execution) -> Runs:
    seconds, data = base.settings.limits.run_seconds, retrieval.item_data
    return Runs(base.store, execution.worker, execution.logs, base.clock, seconds, base.limiter, data)


def _build_responses(base: Base, retrieval: Retrieval, execution: Execution) -> Responses:
    return Responses(
        base.store,
        execution.worker,
        execution.logs,
        base.clock,
        base.settings.limits.response_seconds,
        base.limiter,
        execution.hosted,
        retrieval.item_images,
        retrieval.item_data,
    )


def _build_realtime(base: Base) -> RealtimeSessions:
    settings = base.settings
    places = SessionPlaces(settings.realtime.project_sessions, base.broker, lambda: base.limiter.policies.nodes)
    return RealtimeSessions(places, settings.shutdown_seconds * _GRACE_SHARE)


def _build_mcp(stack: AsyncExitStack, settings: Settings) -> McpServer:
    mcp = McpServer(settings)
    stack.push_async_callback(mcp.close)
    return mcp


def _build_recordings(stack: AsyncExitStack, base: Base) -> Downloader:
    recordings = build_recordings(base)
    stack.push_async_callback(recordings.close)
    return recordings


def _build_metrics(
    base: Base, health: Health, providers: ProviderHistory, streams: OpenStreams, realtime: RealtimeSessions
) -> Metrics:
    store = base.store
    sources = MetricsSources(
        base.role.name,
        base.broker,
        store.database,
        store.nodes,
        store.usage_journal,
        health,
        providers,
        streams.count,
        realtime.count,
    )
    return Metrics(GROUPS, sources, base.clock)


def _connect_jobs(parts: Parts) -> None:
    """Jobs use what requests use, which is built with them."""
    parts.batches.endpoints = batch_endpoints(parts)
    parts.transfers.deleters = Deleters(parts.runs, parts.responses, parts.containers, parts.vector_stores)
